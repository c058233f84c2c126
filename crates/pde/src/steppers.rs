//! The coefficients for each number of steps in a sample interval, computed when they are first needed.

use std::sync::OnceLock;

use rustfft::num_complex::Complex64;

use crate::method::{MAX_STEPS, Method};
use crate::semilinear::Semilinear;
use crate::{Etd, FieldError};

/// The steppers of an equation, shared by all trajectories.
pub(crate) struct Steppers {
    linear: Vec<Complex64>,
    /// A linear equation is solved exactly, in one step.
    exact: bool,
    dt: f64,
    method: Method,
    /// By the binary logarithm of the number of steps. A given step always leads to the same number.
    ready: [OnceLock<Etd>; MAX_STEPS.ilog2() as usize + 1],
}

impl Steppers {
    /// For `system`, sampled every `dt`.
    pub fn new<S: Semilinear>(system: &S, dt: f64, method: Method) -> Self {
        let [fx, fy] = system.grid().fundamental();
        let indices = system.grid().kept(S::DEGREE).indices();
        let linear = indices.map(|[kx, ky]| system.linear([fx * kx as f64, fy * ky as f64])).collect();
        Steppers { linear, exact: S::DEGREE == 1, dt, method, ready: Default::default() }
    }

    /// The coefficients and the number of steps of the sample interval that begins at `t`; `rate` returns the CFL number of
    /// a step of one time unit.
    ///
    /// # Errors
    /// Where too many steps are needed.
    pub fn choose(&self, t: f64, rate: impl FnOnce() -> f64) -> Result<(&Etd, usize), FieldError> {
        let steps = if self.exact { 1 } else { self.method.steps(t, self.dt, rate)? };
        let make = || match self.exact {
            true => Etd::exact(&self.linear, self.dt),
            false => Etd::new(self.method.order, &self.linear, self.dt / steps as f64),
        };
        Ok((self.ready[steps.ilog2() as usize].get_or_init(make), steps))
    }
}
