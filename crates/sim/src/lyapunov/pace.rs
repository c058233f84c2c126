//! How fast a system changes, measured by the steps that an integration with error control takes.
//!
//! The caller of the Lyapunov estimators gives a short time on the scale of the system, such as a sample interval. That
//! time may be wrong: the default sampling of a system does not suit all parameters, and data may be sampled far more
//! finely or coarsely than the system changes. The steps of the method of order 8 show the scale in any unit of time.

use super::{Flow, Following, Steps, TOLERANCE};
use crate::{SimulationError, System};

/// The number of steps over which the mean is taken. The same number of steps before them is left out, because the first
/// step may be far too short, and steps may be different before the trajectory reaches the attractor.
const STEPS: u64 = 300;

/// A span that no system takes so few steps for, in times that are short on its scale, however wrong these are.
const ENDLESS: f64 = 1e18;

/// The mean length of a step along the first trajectory; none if the steps grow without end, as they do at rest.
///
/// # Errors
/// If the solution becomes infinite or NaN.
pub(super) fn mean_step(
    system: &dyn System,
    region: &[[f64; 2]],
    following: &Following,
) -> Result<Option<f64>, SimulationError> {
    let fail = |error| SimulationError::Trajectory { trajectory: 0, error: Box::new(error) };
    let mut u = Flow::start(system, region, &Following { exponents: 1, ..*following }, 0).u;
    let end = (ENDLESS * following.dt).min(1e300);
    let mut span = [0.0; 2];
    for _ in 0..2 {
        // A vector of length 0 stays one, and no step is shortened for it.
        let carry = |end: f64, most: u64, u: &mut [f64]| {
            let (mut steps, mut vector) = (Steps { next: 0.0, left: most }, vec![0.0; u.len()]);
            system.tangent([span[1], end], &mut steps, TOLERANCE, u, &mut vector)
        };
        let reached = match carry(end, STEPS, &mut u.clone()) {
            Err(SimulationError::TooLong { t }) => t,
            Err(error) => return Err(fail(error)),
            Ok(()) => return Ok(None),
        };
        carry(reached, u64::MAX, &mut u).map_err(fail)?;
        span = [span[1], reached];
    }
    Ok(Some((span[1] - span[0]) / STEPS as f64))
}
