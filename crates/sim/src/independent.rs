//! A second integration by independent code: DOP853 of the crate `ode_solvers`, one trajectory at a time. As long as it
//! agrees with the first integration, a fault in the methods of this crate or in their SIMD lanes is ruled out.
//!
//! Version 0.6.2 of `ode_solvers` has faults, which this module avoids:
//!
//! | fault | how it is avoided |
//! | --- | --- |
//! | the last stage is evaluated at the start of the step | the time is a component of the state |
//! | the last sample is extrapolated if a step is shorter than the sample interval; "last" means within 1e-9 | the unit of time is the sample interval, and the integration ends half an interval after the last sample |
//! | times before 0 make it panic or hang | the number of the sample is the time, from 0 |
//! | divergence, NaN and too small steps give the same error | starts, derivatives and samples are checked to be finite |
//! | one absolute tolerance for all components | each component is divided by its scale, a power of two |
//!
//! With vectors on the heap it makes about a hundred allocations a step, so small systems use vectors on the stack.

use nalgebra::{Const, DefaultAllocator, Dim, Dyn, OVector, allocator::Allocator};
use ode_solvers::dop_shared::{IntegrationError, OutputType};
use ode_solvers::dop853::Dop853;
use rayon::prelude::*;

use crate::integrators::{LONGEST_STEP, Rodas5p, Tolerance, implicit_trajectory};
use crate::{SimulationError, System};
use trajectory::{Times, Trajectories};

/// The largest number of steps for one trajectory.
const MAX_STEPS: u32 = 100_000_000;

/// Integrates from each of `starts`. `tolerance` is relative both to the size of each component and to its scale, which
/// is the largest absolute value expected of that component. If a trajectory turns out to be stiff, the implicit method
/// Rodas5P integrates it.
///
/// # Errors
/// As [`System::integrate`].
pub fn ensemble(
    system: &dyn System,
    starts: &[Vec<f64>],
    times: &Times,
    scales: &[f64],
    tolerance: f64,
) -> Result<Trajectories, SimulationError> {
    let (dim, samples) = (system.dim(), times.samples());
    if let Some(start) = starts.iter().find(|start| start.len() != dim || scales.len() != dim) {
        return Err(SimulationError::Invalid(format!(
            "a start of {} components and scales of {} for a system of {dim}",
            start.len(),
            scales.len()
        )));
    }
    let scales: Vec<f64> = scales.iter().map(|&scale| power_of_two(scale)).collect();
    let mut u = vec![0.0; starts.len() * samples * dim];
    let outcomes: Vec<Result<(), SimulationError>> = u
        .par_chunks_mut(samples * dim)
        .zip(starts)
        .map(|(out, start)| {
            let task = Task { system, times, scales: &scales, tolerance };
            match trajectory(task, start, out) {
                Err(SimulationError::Stiff { .. }) => {
                    let tolerance = Tolerance { relative: tolerance, absolute: 0.0 };
                    implicit_trajectory::<Rodas5p>(system, start, times, tolerance, out)
                }
                outcome => outcome,
            }
        })
        .collect();
    for (trajectory, outcome) in outcomes.into_iter().enumerate() {
        outcome.map_err(|error| SimulationError::Trajectory { trajectory, error: error.into() })?;
    }
    let known_dim = system.known_inputs().len();
    let mut known = vec![0.0; samples * known_dim];
    if known_dim > 0 {
        for (i, known) in known.chunks_mut(known_dim).enumerate() {
            system.known(times.at(i), known);
        }
    }
    Ok(Trajectories::new(*times, [dim, known_dim], u, known.repeat(starts.len())))
}

/// The power of two at or below `scale`, by which a division is exact; 1 for a component that is always 0.
fn power_of_two(scale: f64) -> f64 {
    if scale > 0.0 && scale.is_finite() { scale.log2().floor().clamp(-1000.0, 1000.0).exp2() } else { 1.0 }
}

/// What is integrated.
#[derive(Clone, Copy)]
struct Task<'a> {
    system: &'a dyn System,
    times: &'a Times,
    scales: &'a [f64],
    tolerance: f64,
}

fn trajectory(task: Task, start: &[f64], out: &mut [f64]) -> Result<(), SimulationError> {
    let begin = task.times.at(0);
    let mut f = vec![0.0; start.len()];
    task.system.right_hand_side(begin, start, &mut f);
    if !start.iter().chain(&f).all(|x| x.is_finite()) {
        return Err(SimulationError::Diverged { t: begin });
    }
    // One component more, for the time. For each length the code is made again, so only common ones have their own.
    match start.len() {
        2 => run::<Const<3>>(task, start, Const::<3>, out),
        3 => run::<Const<4>>(task, start, Const::<4>, out),
        4 => run::<Const<5>>(task, start, Const::<5>, out),
        dim => run::<Dyn>(task, start, Dyn(dim + 1), out),
    }
}

/// The right-hand side in the form that `ode_solvers` takes: scaled components, the last of which is the time in sample
/// intervals.
struct Scaled<'a>(Task<'a>);

impl<D: Dim> ode_solvers::System<f64, OVector<f64, D>> for Scaled<'_>
where
    DefaultAllocator: Allocator<D>,
{
    fn system(&self, _: f64, v: &OVector<f64, D>, dv: &mut OVector<f64, D>) {
        let Task { system, times, scales, .. } = self.0;
        let dim = scales.len();
        let mut u = v.clone();
        for j in 0..dim {
            u[j] *= scales[j];
        }
        let t = times.at(0) + v[dim] * times.dt();
        system.right_hand_side(t, &u.as_slice()[..dim], &mut dv.as_mut_slice()[..dim]);
        for j in 0..dim {
            dv[j] *= times.dt() / scales[j];
        }
        dv[dim] = 1.0;
    }
}

fn run<D: Dim>(task: Task, start: &[f64], rows: D, out: &mut [f64]) -> Result<(), SimulationError>
where
    DefaultAllocator: Allocator<D>,
    OVector<f64, D>: std::ops::Mul<f64, Output = OVector<f64, D>>,
{
    let Task { times, scales, tolerance, .. } = task;
    let (dim, intervals) = (start.len(), times.samples() - 1);
    let numbers = (0..=dim).map(|j| if j < dim { start[j] / scales[j] } else { 0.0 });
    let v = OVector::from_iterator_generic(rows, Const::<1>, numbers);
    let mut stepper = Dop853::from_param(
        Scaled(task),
        0.0,
        intervals as f64 + 0.5,
        1.0,
        v,
        tolerance,
        tolerance,
        0.9,
        0.0,
        0.333,
        6.0,
        LONGEST_STEP,
        0.0,
        MAX_STEPS,
        1000,
        OutputType::Dense,
    );
    let ended = stepper.integrate();
    let found = stepper.y_out();
    for (i, v) in found.iter().take(intervals + 1).enumerate() {
        let row = &mut out[i * dim..][..dim];
        row.iter_mut().enumerate().for_each(|(j, u)| *u = v[j] * scales[j]);
        if !row.iter().all(|u| u.is_finite()) {
            return Err(SimulationError::Diverged { t: times.at(i.saturating_sub(1)) });
        }
    }
    if found.len() > intervals {
        return Ok(()); // a failure in the half interval after the last sample does not matter
    }
    let at = |x: f64| times.at(0) + x * times.dt();
    match ended {
        Err(IntegrationError::StiffnessDetected { x }) => Err(SimulationError::Stiff { t: at(x) }),
        Err(IntegrationError::MaxNumStepReached { x, n_step }) => {
            Err(SimulationError::TooManySteps { t: at(x.floor()), limit: n_step })
        }
        Err(IntegrationError::StepSizeUnderflow { x }) => Err(SimulationError::Diverged { t: at(x) }),
        Ok(_) => Err(SimulationError::Diverged { t: times.at(found.len().saturating_sub(1)) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Solver;
    use crate::systems::{Lorenz, Oscillator, SYSTEMS, VanDerPol, oscillator_exact};
    use trajectory::random;

    /// The largest distance between two sets of trajectories, each component divided by its largest absolute value.
    fn apart(a: &Trajectories, b: &Trajectories) -> f64 {
        let scales = scales(a);
        let distance = |(i, (a, b)): (usize, (&f64, &f64))| (a - b).abs() / scales[i % scales.len()];
        a.u().iter().zip(b.u()).enumerate().map(distance).fold(0.0, f64::max)
    }

    fn scales(runs: &Trajectories) -> Vec<f64> {
        let scale = |j: usize| {
            runs.u().iter().skip(j).step_by(runs.dim()).fold(0.0, |most: f64, u| most.max(u.abs()))
        };
        (0..runs.dim()).map(|j| scale(j).max(f64::MIN_POSITIVE)).collect()
    }

    fn text(given: serde_json::Value) -> Box<dyn System> {
        let entry = SYSTEMS.iter().find(|entry| entry.name == "equations").unwrap();
        (entry.build)(given).unwrap()
    }

    #[test]
    fn it_agrees_with_every_adaptive_method_in_every_system() {
        for entry in SYSTEMS {
            let system = (entry.build)((entry.defaults)()).unwrap();
            let region = system.initial_region();
            let starts: Vec<Vec<f64>> =
                (0..4).map(|i| system.random_start(&region, &mut random::stream(5, "oracle", i))).collect();
            let times = Times::up_to(3.0, 0.05).unwrap().from(-1.0);
            let first = system.ensemble(&starts, &times, &Solver::dop853(1e-13)).unwrap();
            let second = ensemble(&*system, &starts, &times, &scales(&first), 1e-13).unwrap();
            assert_eq!(first.known(), second.known());
            // small errors grow a thousand times in chaotic systems
            assert!(apart(&first, &second) < 1e-8, "{}: {:e}", entry.name, apart(&first, &second));
            for solver in [Solver::dopri5(1e-12), Solver::radau(1e-12), Solver::rodas5p(1e-12)] {
                let other = system.ensemble(&starts, &times, &solver).unwrap();
                let apart = apart(&second, &other);
                assert!(apart < 1e-7, "{}, {solver:?}: {apart:e}", entry.name);
            }
        }
    }

    #[test]
    fn a_driven_system_is_exact_to_the_last_sample_however_wide_they_are() {
        let (ode, start) = (Oscillator::default(), [1.3, -0.4]);
        for (dt, intervals, begin) in [(0.05, 400, 0.0), (5.0, 4, -7.0), (1e-10, 3, 0.0)] {
            let times = Times::new(dt, intervals).unwrap().from(begin);
            let runs = ensemble(&ode, &[start.to_vec()], &times, &[1.5, 1.5], 1e-13).unwrap();
            for i in 0..=intervals {
                let exact = oscillator_exact(&ode, start, begin, times.at(i));
                for (u, exact) in runs.state(0, i).iter().zip(exact) {
                    assert!((u - exact).abs() < 1e-10, "dt = {dt}: {u}, not {exact}, at sample {i}");
                }
            }
        }
    }

    #[test]
    fn the_units_of_the_components_do_not_matter() {
        let lorenz = |scale: f64| {
            text(serde_json::json!({
                "state": {"x": "10*(y - x)", "y": "28*x - x*z/s - y", "z": "x*y/s - 8/3*z"},
                "parameters": {"s": scale},
                "initial": {"x": [0.0, scale], "y": [0.0, scale], "z": [0.0, scale]}
            }))
        };
        let times = Times::up_to(5.0, 0.01).unwrap();
        let run = |scale: f64| {
            let start = [1.0, 2.0, 20.0].map(|x| x * scale);
            ensemble(
                &*lorenz(scale),
                &[start.to_vec()],
                &times,
                &[20.0, 25.0, 50.0].map(|x| x * scale),
                1e-13,
            )
            .unwrap()
        };
        let plain = run(1.0);
        for scale in [1e-12, 1e12] {
            let found = run(scale);
            for (a, b) in plain.u().iter().zip(found.u()) {
                assert!((a - b / scale).abs() < 1e-9, "{a} {b}");
            }
        }
    }

    #[test]
    fn a_short_pulse_is_not_passed_over() {
        let pulse = text(serde_json::json!({
            "state": {"x": "-x + 20*exp(-((t - 5)/0.02)^2)"}, "initial": {"x": [0.0, 0.0]}
        }));
        let times = Times::up_to(10.0, 0.01).unwrap();
        let runs = ensemble(&*pulse, &[vec![0.0]], &times, &[1.0], 1e-13).unwrap();
        // by SciPy's quad of the exact solution
        let highest = runs.u().iter().fold(0.0, |highest: f64, x| highest.max(*x));
        assert!((highest - 0.6795849).abs() < 1e-7, "{highest}");
        // n rises to (1 - e^-2) / 2 while it is pushed, for a unit of time.
        let push = text(serde_json::json!({
            "state": {"n": "step(t - 5)*step(6 - t)*(1 - n) - n"}, "initial": {"n": [0.0, 0.0]}
        }));
        let runs = ensemble(&*push, &[vec![0.0]], &times, &[1.0], 1e-13).unwrap();
        let highest = runs.u().iter().fold(0.0, |highest: f64, n| highest.max(*n));
        let right = (1.0 - (-2.0f64).exp()) / 2.0;
        assert!((highest - right).abs() < 1e-8, "{highest}, not {right}");
    }

    #[test]
    fn what_is_stiff_is_integrated_by_an_implicit_method() {
        // the value of SciPy's DOP853 and Radau, as in the tests of the implicit methods
        let times = Times::new(0.5, 400).unwrap();
        let runs = ensemble(&VanDerPol { mu: 50.0 }, &[vec![2.0, 0.0]], &times, &[2.0, 70.0], 1e-12).unwrap();
        assert!((runs.state(0, 400)[0] / 1.344099351170806 - 1.0).abs() < 1e-9, "{:?}", runs.state(0, 400));
        let stiff = VanDerPol { mu: 1000.0 };
        let times = Times::new(1.0, 100).unwrap();
        let runs = ensemble(&stiff, &[vec![2.0, 0.0]], &times, &[2.0, 1500.0], 1e-12).unwrap();
        let implicit = stiff.ensemble(&[vec![2.0, 0.0]], &times, &Solver::rodas5p(1e-12)).unwrap();
        assert_eq!(runs, implicit);
    }

    #[test]
    fn failures_are_told_with_their_time_and_trajectory() {
        let pole = text(serde_json::json!({"state": {"x": "x^2"}, "initial": {"x": [0.0, 1.0]}}));
        let ends = text(serde_json::json!({"state": {"x": "sqrt(0.25 - t)"}, "initial": {"x": [0.0, 1.0]}}));
        let times = Times::up_to(2.0, 0.1).unwrap();
        for (system, from, to) in [(&pole, 0.85, 1.1), (&ends, 0.15, 0.3)] {
            let starts = [vec![-1.0], vec![1.0]];
            let result = ensemble(&**system, &starts, &times, &[1.0], 1e-13);
            let Err(SimulationError::Trajectory { trajectory, error }) = result else { panic!("{result:?}") };
            assert_eq!(trajectory, usize::from(from > 0.5));
            let SimulationError::Diverged { t } = *error else { panic!("{error}") };
            assert!((from..to).contains(&t), "{t}");
        }
        for start in [f64::NAN, f64::INFINITY] {
            assert!(ensemble(&*pole, &[vec![start]], &times, &[1.0], 1e-13).is_err());
        }
        assert!(ensemble(&*pole, &[vec![1.0, 2.0]], &times, &[1.0], 1e-13).is_err());
    }

    #[test]
    fn a_trajectory_does_not_depend_on_the_others_or_on_threads() {
        let (lorenz, times) = (Lorenz::default(), Times::up_to(3.0, 0.01).unwrap());
        let starts: Vec<Vec<f64>> = (0..5).map(|i| vec![f64::from(i) - 2.5, 1.0, 20.0]).collect();
        let scales = [20.0, 25.0, 50.0];
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| ensemble(&lorenz, &starts, &times, &scales, 1e-13).unwrap())
        };
        let together = run(3);
        assert_eq!(together, run(1));
        for (i, start) in starts.iter().enumerate() {
            let alone = ensemble(&lorenz, std::slice::from_ref(start), &times, &scales, 1e-13).unwrap();
            assert_eq!(alone.u(), &together.u()[i * 903..(i + 1) * 903]);
        }
    }
}
