//! Dormand and Prince's adaptive methods of order 5 and 8 (Hairer, Norsett, Wanner, "Solving Ordinary
//! Differential Equations I", II.4 and II.5), by the crate `ode_solvers`.
//!
//! Version 0.6.2 of that crate has faults, all of which this file keeps from its callers (the tests of
//! the folder hold it to that): its dense output is wrong at the last sample and misses sample times by
//! rounding; it panics or hangs on a start before t = 0 and on backward integration; it calls a NaN and a
//! blow-up a step size underflow; it stops at 100,000 steps; its order 8 method evaluates stage 12 at the
//! start of the step instead of its end (the Fortran code keeps no c12, the port reads a 0 there), which
//! cuts the order to 1 where the right-hand side depends on time. So time is carried as one more
//! component of an autonomous system, and each sample interval is integrated by
//! itself, from 0 to dt, without dense output: a sample is the end of a step, never an interpolation,
//! which also keeps the full order there. [`Times`] admits no interval that is empty or backward.

use std::cell::Cell;

use nalgebra::allocator::Allocator;
use nalgebra::{DVector, DefaultAllocator, Dim, Dyn, OVector, SVector, U1};
use ode_solvers::dop_shared::{IntegrationError, OutputType};
use ode_solvers::{Dop853, Dopri5};

use crate::{Ode, SimulationError, Times};

/// Steps that a sample interval may take.
const MAX_STEPS: u32 = 1_000_000;

#[derive(Clone, Copy)]
pub(super) enum Method {
    Dopri5,
    Dop853,
}

/// Writes the states at `times`, [time, component], with `tolerance` relative and absolute.
pub(super) fn trajectory(
    method: Method,
    ode: &impl Ode,
    u0: &[f64],
    times: &Times,
    tolerance: f64,
    out: &mut [f64],
) -> Result<(), SimulationError> {
    let start: Vec<f64> = u0.iter().copied().chain([0.0]).collect();
    // States of a fixed size live on the stack; nalgebra's dynamic ones allocate some hundred times a step.
    macro_rules! by_dimension {
        ($($dim:literal)*) => {
            match start.len() {
                $($dim => samples(method, ode, SVector::<f64, $dim>::from_column_slice(&start), times, tolerance, out),)*
                _ => samples::<Dyn>(method, ode, DVector::from_vec(start), times, tolerance, out),
            }
        };
    }
    by_dimension!(2 3 4 5 6 7 8 9)
}

fn samples<D: Dim>(
    method: Method,
    ode: &impl Ode,
    mut u: OVector<f64, D>,
    times: &Times,
    tolerance: f64,
    out: &mut [f64],
) -> Result<(), SimulationError>
where
    DefaultAllocator: Allocator<D> + Allocator<D, U1>,
    OVector<f64, D>: std::ops::Mul<f64, Output = OVector<f64, D>>,
{
    let dim = ode.dim();
    for (i, sample) in out.chunks_exact_mut(dim).enumerate() {
        if !u.iter().all(|x| x.is_finite()) {
            return Err(SimulationError::Diverged { t: times.at(i.saturating_sub(1)) });
        }
        sample.copy_from_slice(&u.as_slice()[..dim]);
        if i + 1 < times.samples() {
            u[dim] = times.at(i);
            u = interval(method, ode, u, times.at(i), times.dt(), tolerance)?;
        }
    }
    Ok(())
}

/// The state, and the time behind it, one sample interval `dt` after `u`.
fn interval<D: Dim>(
    method: Method,
    ode: &impl Ode,
    u: OVector<f64, D>,
    t: f64,
    dt: f64,
    tolerance: f64,
) -> Result<OVector<f64, D>, SimulationError>
where
    DefaultAllocator: Allocator<D> + Allocator<D, U1>,
    OVector<f64, D>: std::ops::Mul<f64, Output = OVector<f64, D>>,
{
    let broken = Cell::new(false);
    let autonomous = Autonomous { ode, broken: &broken };
    // The first step tried is the whole interval; the error estimate shortens it where it must. Safety
    // factor, step-size control and the bounds on its changes are those of the Fortran codes.
    macro_rules! integrate {
        ($solver:ident, beta: $beta:literal, change: $least:literal to $most:literal) => {{
            let (safety, dense, stiff) = (0.9, dt, 1000);
            let mut solver = $solver::from_param(
                autonomous,
                0.0,
                dt,
                dense,
                u,
                tolerance,
                tolerance,
                safety,
                $beta,
                $least,
                $most,
                dt,
                dt,
                MAX_STEPS,
                stiff,
                OutputType::Sparse,
            );
            let outcome = solver.integrate();
            (outcome, solver.y_out().last().cloned())
        }};
    }
    let (outcome, last) = match method {
        Method::Dopri5 => integrate!(Dopri5, beta: 0.04, change: 0.2 to 10.0),
        Method::Dop853 => integrate!(Dop853, beta: 0.0, change: 0.333 to 6.0),
    };
    match (outcome, last) {
        (Ok(_), Some(last)) => Ok(last),
        (Err(IntegrationError::MaxNumStepReached { .. }), _) if !broken.get() => {
            Err(SimulationError::TooManySteps { t, limit: MAX_STEPS })
        }
        (Err(IntegrationError::StiffnessDetected { x }), _) => Err(SimulationError::Stiff { t: t + x }),
        (
            Err(IntegrationError::MaxNumStepReached { x, .. } | IntegrationError::StepSizeUnderflow { x }),
            _,
        ) => Err(SimulationError::Diverged { t: t + x }),
        (Ok(_), None) => Err(SimulationError::Diverged { t }),
    }
}

/// The right-hand side with time as its last component.
struct Autonomous<'a, O> {
    ode: &'a O,
    /// Whether a derivative was infinite or not a number, which the crate does not report.
    broken: &'a Cell<bool>,
}

impl<O: Ode, D: Dim> ode_solvers::System<f64, OVector<f64, D>> for Autonomous<'_, O>
where
    DefaultAllocator: Allocator<D>,
{
    fn system(&self, _x: f64, y: &OVector<f64, D>, dy: &mut OVector<f64, D>) {
        let dim = self.ode.dim();
        self.ode.rhs(y[dim], &y.as_slice()[..dim], &mut dy.as_mut_slice()[..dim]);
        dy[dim] = 1.0;
        if !dy.iter().all(|x| x.is_finite()) {
            self.broken.set(true);
        }
    }
}
