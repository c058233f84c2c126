//! Lorenz trajectories, t = 0..8 with a sample every 0.01, and systems that are written both in Rust and as one's own
//! equations: a JSON object a line with the system, the method, the number of trajectories, the median seconds of five
//! runs, and millions of samples a second. Two of them are no simulations: the steps of the RK4 line with one sample at
//! their end, which is what they cost, and its samples without steps, which is what writing them costs. Arguments, such
//! as "van_der_pol" or "stiff", select the systems whose names contain one of them.

use std::error::Error;
use std::time::Instant;

use rayon::prelude::*;
use serde_json::{Value, json};
use sim::systems::SYSTEMS;
use sim::{Solver, System};
use trajectory::{Precision, Times, random};

fn main() -> Result<(), Box<dyn Error>> {
    let tasks = [
        (100, Solver::dop853(1e-10)),
        (1_000, Solver::dop853(1e-10)),
        (1_000, Solver::dopri5(1e-10)),
        (10_000, Solver::Rk4 { substeps: 1, precision: Precision::F64 }),
        (10_000, Solver::Rk4 { substeps: 1, precision: Precision::F32 }),
    ];
    let lorenz = build("lorenz", None)?;
    for (count, solver) in tasks {
        measure("lorenz", &*lorenz, count, solver)?;
    }
    let steps = Solver::Rk4 { substeps: 800, precision: Precision::F64 };
    measure_over("lorenz, one sample", &*lorenz, 10_000, steps, &Times::new(8.0, 2)?)?;
    if wanted("memory") {
        let mut out = vec![0.0; 10_000 * 801 * 3];
        let seconds = median(|| {
            out.par_chunks_mut(1 << 16).for_each(|chunk| chunk.fill(1.0));
            Ok(())
        })?;
        print("memory", "write", 10_000, 800, seconds);
    }
    let texts = [
        (
            "van_der_pol",
            json!({
                "state": {"x": "y", "y": "mu*(1 - x^2)*y - x"}, "parameters": {"mu": 1.0},
                "initial": {"x": [-3.0, 3.0], "y": [-3.0, 3.0]}
            }),
        ),
        (
            "rossler",
            json!({
                "state": {"x": "-y - z", "y": "x + a*y", "z": "b + z*(x - c)"},
                "parameters": {"a": 0.2, "b": 0.2, "c": 5.7},
                "initial": {"x": [-8.0, 8.0], "y": [-8.0, 8.0], "z": [0.0, 2.0]}
            }),
        ),
    ];
    for (name, text) in texts {
        let (rust, text) = (build(name, None)?, build("equations", Some(text))?);
        for (count, solver) in &tasks[1..4] {
            measure(name, &*rust, *count, *solver)?;
            measure(&format!("{name} as equations"), &*text, *count, *solver)?;
        }
    }
    stiff()
}

/// Stiff systems, integrated by the implicit methods and by the explicit method that hands stiff trajectories to an
/// implicit one: van der Pol's oscillator with mu = 1000 to t = 2000, and Robertson's reactions to t = 1e5, each with a
/// thousand samples.
fn stiff() -> Result<(), Box<dyn Error>> {
    let robertson = json!({
        "state": {"x": "k3*y*z - k1*x", "y": "k1*x - k3*y*z - k2*y^2", "z": "k2*y^2"},
        "parameters": {"k1": 0.04, "k2": 3e7, "k3": 1e4},
        "initial": {"x": [1.0, 1.0], "y": [0.0, 0.0], "z": [0.0, 0.0]}
    });
    let systems = [
        ("stiff van_der_pol", build("van_der_pol", Some(json!({"mu": 1000.0})))?, Times::new(2.0, 1000)?),
        ("stiff robertson", build("equations", Some(robertson))?, Times::new(100.0, 1000)?),
    ];
    for (name, system, times) in &systems {
        for solver in [Solver::radau(1e-8), Solver::rodas5p(1e-8), Solver::dop853(1e-8)] {
            measure_over(name, &**system, 100, solver, times)?;
        }
    }
    Ok(())
}

fn build(name: &str, parameters: Option<Value>) -> Result<Box<dyn System>, Box<dyn Error>> {
    let entry = SYSTEMS.iter().find(|entry| entry.name == name).ok_or("no such system")?;
    Ok((entry.build)(parameters.unwrap_or_else(entry.defaults))?)
}

/// Whether a system is to be measured: any where none is named.
fn wanted(name: &str) -> bool {
    let named: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    named.is_empty() || named.iter().any(|part| name.contains(part))
}

fn measure(name: &str, system: &dyn System, count: u64, solver: Solver) -> Result<(), Box<dyn Error>> {
    measure_over(name, system, count, solver, &Times::up_to(8.0, 0.01)?)
}

fn measure_over(
    name: &str,
    system: &dyn System,
    count: u64,
    solver: Solver,
    times: &Times,
) -> Result<(), Box<dyn Error>> {
    if !wanted(name) {
        return Ok(());
    }
    let region = system.initial_region();
    let starts: Vec<Vec<f64>> =
        (0..count).map(|i| system.random_start(&region, &mut random::stream(0, "bench", i))).collect();
    // The peers write over one array too, so that no new page of memory is counted.
    let mut out = vec![0.0; count as usize * times.samples() * system.dim()];
    let seconds = median(|| Ok(system.integrate(&starts, times, &solver, &mut out)?))?;
    if !out.iter().all(|x| x.is_finite()) {
        return Err(format!("{name} left the finite numbers").into());
    }
    // the case with all of its steps between two samples counts these steps instead
    let samples = if times.samples() > 3 { times.samples() - 1 } else { 800 };
    print(name, &format!("{solver:?}"), count, samples, seconds);
    Ok(())
}

/// The median seconds of five runs.
fn median(mut work: impl FnMut() -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let mut seconds = Vec::new();
    for _ in 0..5 {
        let begin = Instant::now();
        work()?;
        seconds.push(begin.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    Ok(seconds[2])
}

/// Prints a line. The rate is computed from this number of samples, or steps, per trajectory.
fn print(system: &str, method: &str, count: u64, samples: usize, seconds: f64) {
    let rate = count as f64 * samples as f64 / seconds / 1e6;
    println!(
        "{{\"peer\": \"attractor\", \"system\": \"{system}\", \"method\": \"{method}\", \"trajectories\": {count}, \
         \"seconds\": {seconds:.4}, \"million_samples_per_second\": {rate:.3}}}"
    );
}
