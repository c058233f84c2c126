//! A second integration by other people's code: DOP853 of the crate `ode_solvers`, one trajectory at a time. Where it
//! agrees with the first, neither the methods of this crate nor their lanes are at fault.
//!
//! Version 0.6.2 has faults, which are kept out like this:
//!
//! | fault | what is done here |
//! | --- | --- |
//! | the last stage is evaluated at the start of the step | the time is a component of the state |
//! | the last sample is extrapolated where a step is shorter than the spacing of samples; "last" means within 1e-9 | time counts in sample intervals, and the integration ends half an interval after the last sample |
//! | times before 0 make it panic or hang | the number of the sample is the time, from 0 |
//! | divergence, NaN and small steps are one error | starts, derivatives and samples are checked to be finite |
//! | one absolute tolerance for all components | each component is divided by its scale, a power of two |
//!
//! A vector on the heap costs it some hundred allocations a step, so small systems have theirs on the stack.

use nalgebra::{Const, DefaultAllocator, Dim, Dyn, OVector, allocator::Allocator};
use ode_solvers::dop_shared::{IntegrationError, OutputType};
use ode_solvers::dop853::Dop853;
use rayon::prelude::*;

use crate::integrators::{Rodas5p, Tolerance, implicit_trajectory};
use crate::{SimulationError, System, Times, Trajectories};

/// The most sample intervals a step may take, so that nothing that lasts an interval is passed over.
const LONGEST_STEP: f64 = 2.0;

/// The most steps of a trajectory.
const MAX_STEPS: u32 = 100_000_000;

/// Integrates from each of `starts` with `tolerance`, relative to the size of each component and to its scale, the
/// largest absolute value that is expected of it. A trajectory that turns out to be stiff is integrated by the
/// implicit method Rodas5P.
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
    // one component more, for the time
    match start.len() {
        1 => run::<Const<2>>(task, start, Const::<2>, out),
        2 => run::<Const<3>>(task, start, Const::<3>, out),
        3 => run::<Const<4>>(task, start, Const::<4>, out),
        4 => run::<Const<5>>(task, start, Const::<5>, out),
        5 => run::<Const<6>>(task, start, Const::<6>, out),
        6 => run::<Const<7>>(task, start, Const::<7>, out),
        7 => run::<Const<8>>(task, start, Const::<8>, out),
        8 => run::<Const<9>>(task, start, Const::<9>, out),
        dim => run::<Dyn>(task, start, Dyn(dim + 1), out),
    }
}

/// The right-hand side as the crate takes it: scaled components, and the time in sample intervals as the last of them.
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
        return Ok(()); // what happened in the half interval after the last sample does not matter
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
