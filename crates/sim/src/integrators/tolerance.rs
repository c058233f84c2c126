//! How large an error of a step may be, in each component.

use crate::SimulationError;

/// The settings of an adaptive method that bound the error of a step: at most `relative` times the size of a component
/// plus an absolute bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Tolerance {
    /// Bound on the error of a component over its size.
    pub(crate) relative: f64,
    /// Bound on the error itself, the same for every component; 0 stands for `relative` times the scale of the
    /// component, which is estimated along each trajectory.
    pub(crate) absolute: f64,
}

impl Tolerance {
    /// Says which bound is out of range.
    ///
    /// # Errors
    /// [`SimulationError::Invalid`] for a relative bound outside 1e-14..=0.1, or a negative or infinite absolute one.
    pub(crate) fn check(&self) -> Result<(), SimulationError> {
        let Tolerance { relative, absolute } = *self;
        if !(1e-14..=0.1).contains(&relative) {
            let fault = format!("tolerance = {relative} must lie between 1e-14 and 0.1");
            return Err(SimulationError::Invalid(fault));
        }
        if !(absolute == 0.0 || (absolute > 0.0 && absolute.is_finite())) {
            let fault = format!(
                "absolute_tolerance = {absolute} must be a positive number in the units of the state, or 0 to take it \
                 from the scale of each component"
            );
            return Err(SimulationError::Invalid(fault));
        }
        Ok(())
    }
}
