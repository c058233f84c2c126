//! How accurately a field is integrated: the order of the method and its time step.

use serde::{Deserialize, Serialize};

use crate::FieldError;

/// The order of a method: the power of the time step at which its error falls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// ETDRK2; Strang splitting for the Schroedinger equation.
    Second,
    /// ETDRK4; a splitting of order 4 for the Schroedinger equation.
    Fourth,
}

/// How long the time steps are. A sample interval holds a whole number of equal steps, so that samples are never
/// interpolated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The longest step that divides the sample interval and is no longer than this.
    Given(f64),
    /// Steps for which the CFL number (Courant, Friedrichs and Lewy 1928), the largest velocity times the step divided
    /// by the spacing of the grid, is at most this at the start of each sample interval. Their number per interval is a
    /// power of two. For the Schroedinger equation the velocity divided by the spacing is replaced by the range of the
    /// potential.
    Courant(f64),
}

/// The order of the method and the time step. Linear equations with constant coefficients are solved exactly whatever it
/// says.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Method {
    /// The order of the method.
    pub order: Order,
    /// The length of the time steps.
    pub step: Step,
}

impl Default for Method {
    fn default() -> Self {
        Method { order: Order::Fourth, step: Step::Courant(0.5) }
    }
}

/// The largest number of steps from one sample to the next.
pub(crate) const MAX_STEPS: usize = 1 << 20;

impl Method {
    /// The method of order `order` with steps of at most `step` time units.
    pub fn with_step(order: Order, step: f64) -> Self {
        Method { order, step: Step::Given(step) }
    }

    /// Reports a setting that is out of range.
    ///
    /// # Errors
    /// [`FieldError::Invalid`] unless the step or the CFL number is positive and finite.
    pub fn check(&self) -> Result<(), FieldError> {
        let (name, value) = match self.step {
            Step::Given(step) => ("step", step),
            Step::Courant(courant) => ("CFL number", courant),
        };
        if value > 0.0 && value.is_finite() {
            Ok(())
        } else {
            Err(FieldError::Invalid(format!("{name} = {value} must be positive and finite")))
        }
    }

    /// Number of steps in a sample interval of `dt` from `t`; `rate` returns the CFL number of a step of one time unit.
    pub(crate) fn steps(&self, t: f64, dt: f64, rate: impl FnOnce() -> f64) -> Result<usize, FieldError> {
        let wanted = match self.step {
            Step::Given(step) => (dt / step * (1.0 - 1e-12)).ceil(),
            Step::Courant(courant) => dt * rate() / courant,
        };
        if wanted > MAX_STEPS as f64 {
            return Err(match self.step {
                Step::Given(step) => FieldError::Invalid(format!(
                    "step = {step} takes more than {MAX_STEPS} steps in a sample interval of {dt}"
                )),
                Step::Courant(_) => FieldError::TooManySteps { t, limit: MAX_STEPS },
            });
        }
        let steps = (wanted.ceil() as usize).max(1);
        Ok(if let Step::Courant(_) = self.step { steps.next_power_of_two() } else { steps })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_step_divides_the_sample_interval() {
        for (step, dt, expected) in
            [(0.1, 0.3, 3), (0.1, 0.1, 1), (1.0, 0.1, 1), (0.1, 0.31, 4), (0.007, 0.7, 100)]
        {
            let method = Method::with_step(Order::Second, step);
            assert_eq!(method.steps(0.0, dt, || f64::NAN), Ok(expected), "{step} {dt}");
        }
    }

    #[test]
    fn a_courant_number_is_kept_with_a_power_of_two() {
        let method = Method { order: Order::Second, step: Step::Courant(0.5) };
        for (rate, expected) in [(0.0, 1), (5.0, 1), (5.1, 2), (23.0, 8)] {
            assert_eq!(method.steps(0.0, 0.1, || rate), Ok(expected), "{rate}");
        }
        let error = method.steps(3.0, 0.1, || 1e9).unwrap_err();
        assert_eq!(error, FieldError::TooManySteps { t: 3.0, limit: MAX_STEPS });
    }

    #[test]
    fn steps_that_are_not_positive_are_refused_with_the_number() {
        for step in [0.0, -0.1, f64::NAN, f64::INFINITY] {
            let message = Method::with_step(Order::Second, step).check().unwrap_err().to_string();
            assert_eq!(message, format!("step = {step} must be positive and finite"));
            let method = Method { order: Order::Second, step: Step::Courant(step) };
            assert!(method.check().unwrap_err().to_string().starts_with("CFL number = "));
        }
    }
}
