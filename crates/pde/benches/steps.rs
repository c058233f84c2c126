//! Time steps a second of the solvers of fields: a JSON object a line with the equation, the points along each axis, the
//! method, the number of trajectories, the steps a second (the median of short rounds) and those of the fastest round; a step of one trajectory counts as one, and only the last state is
//! kept. Settings are those of the spectral solvers that this is compared with. Arguments, such as "navier" or "schrodinger-2d",
//! select the equations whose names contain one of them.

use std::error::Error;
use std::f64::consts::TAU;
use std::time::Instant;

use pde::random_fields::Covariance;
use pde::systems::schrodinger::{Potential, gaussian};
use pde::systems::{Burgers, KuramotoSivashinsky, NavierStokes, Schrodinger};
use pde::{FieldSystem, Grid, Method, Order};
use trajectory::{Times, random};

/// Measured time of a round.
const SECONDS: f64 = 0.3;

fn main() -> Result<(), Box<dyn Error>> {
    for points in [64, 128] {
        let grid = Grid::new(&[points, points], &[TAU, TAU])?;
        let system = NavierStokes { grid, ..NavierStokes::kolmogorov() };
        // from slow flow, for which steps of 0.01 are short enough
        let system = NavierStokes { start: Covariance { amplitude: 1e4, ..system.start }, ..system };
        for order in [Order::Second, Order::Fourth] {
            measure("navier-stokes-kolmogorov", &system, None, order, 0.01)?;
        }
    }
    for points in [160, 256] {
        let system =
            KuramotoSivashinsky { grid: Grid::new(&[points], &[60.0])?, ..KuramotoSivashinsky::default() };
        for order in [Order::Second, Order::Fourth] {
            measure("kuramoto-sivashinsky", &system, None, order, 0.1)?;
        }
    }
    measure("burgers", &Burgers { viscosity: 0.01, ..Burgers::apebench() }, None, Order::Second, 0.01)?;
    for (name, points) in [("schrodinger-1d", &[1024][..]), ("schrodinger-2d", &[256, 256])] {
        let grid = Grid::new(points, &vec![16.0; points.len()])?;
        let start = gaussian(&grid, [1.0, 1.0], [0.0, 0.0], 0.5);
        let system = Schrodinger {
            grid,
            potential: Potential::Harmonic { omega: 1.0 },
            ..Schrodinger::harmonic_trap()
        };
        for order in [Order::Second, Order::Fourth] {
            measure(name, &system, Some(&start), order, 1e-3)?;
        }
    }
    Ok(())
}

/// One trajectory and 32, from random starts where no `start` is given.
fn measure(
    name: &str,
    system: &dyn FieldSystem,
    start: Option<&Vec<f64>>,
    order: Order,
    step: f64,
) -> Result<(), Box<dyn Error>> {
    let named: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if !named.is_empty() && !named.iter().any(|part| name.contains(part)) {
        return Ok(());
    }
    let steps = if system.grid().dims() == 1 { 2000 } else { 100 };
    let (times, method) = (Times::new(steps as f64 * step, 1)?, Method::with_step(order, step));
    for count in [1, 32] {
        let draw = |i| system.random_start(&mut random::stream(0, "bench", i));
        let starts: Vec<Vec<f64>> = (0..count).map(|i| start.cloned().unwrap_or_else(|| draw(i))).collect();
        let mut out = vec![0.0; 2 * starts[0].len() * starts.len()];
        let (mut rates, begin) = (Vec::new(), Instant::now());
        while rates.len() < 5 || begin.elapsed().as_secs_f64() < 5.0 * SECONDS {
            let begin = Instant::now();
            system.integrate(&starts, &times, &method, &mut out)?;
            rates.push((steps * starts.len()) as f64 / begin.elapsed().as_secs_f64());
        }
        rates.sort_by(f64::total_cmp);
        println!(
            "{{\"equation\": \"{name}\", \"points\": {}, \"peer\": \"attractor\", \"method\": \"{order:?} order\", \
             \"precision\": \"float64\", \"trajectories\": {count}, \"steps_per_second\": {:.1}, \"fastest\": {:.1}}}",
            system.grid().shape()[0],
            rates[rates.len() / 2],
            rates[rates.len() - 1]
        );
    }
    Ok(())
}
