//! Lorenz trajectories, t = 0..8 with a sample every 0.01: a JSON object a line with the method, the number of
//! trajectories, the median seconds of five runs, and millions of samples a second.

use std::time::Instant;

use sim::systems::Lorenz;
use sim::{SimulationError, Solver, System, Times, random};

fn main() -> Result<(), SimulationError> {
    let (lorenz, times) = (Lorenz::default(), Times::up_to(8.0, 0.01)?);
    for (count, solver) in [
        (100, Solver::Dop853 { tolerance: 1e-10 }),
        (1_000, Solver::Dop853 { tolerance: 1e-10 }),
        (1_000, Solver::Dopri5 { tolerance: 1e-10 }),
        (10_000, Solver::Rk4 { substeps: 1 }),
    ] {
        let region = System::initial_region(&lorenz);
        let starts: Vec<Vec<f64>> =
            (0..count).map(|i| lorenz.random_start(&region, &mut random::stream(0, "bench", i))).collect();
        // The peers write over one array too, so that no new page of memory is counted.
        let mut out = vec![0.0; count as usize * times.samples() * 3];
        let mut seconds = Vec::new();
        for _ in 0..5 {
            let begin = Instant::now();
            lorenz.integrate(&starts, &times, &solver, &mut out)?;
            seconds.push(begin.elapsed().as_secs_f64());
            assert!(out.iter().all(|x| x.is_finite()));
        }
        seconds.sort_by(f64::total_cmp);
        let samples = count as f64 * (times.samples() - 1) as f64 / seconds[2] / 1e6;
        println!(
            "{{\"peer\": \"attractor\", \"method\": \"{solver:?}\", \"trajectories\": {count}, \"seconds\": {:.4}, \
             \"million_samples_per_second\": {samples:.3}}}",
            seconds[2]
        );
    }
    Ok(())
}
