//! The methods and their settings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::SimulationError;
use crate::integrators::Tolerance;
use trajectory::Precision;

/// A method and its settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "name", rename_all = "snake_case", deny_unknown_fields)]
pub enum Solver {
    /// The classical Runge-Kutta method of order 4 with `substeps` equal steps in a sample interval.
    Rk4 {
        /// Number of steps from one sample to the next.
        #[schemars(range(min = 1, max = 1_000_000))]
        substeps: usize,
        /// Precision in which it computes. Samples are always written in double precision.
        #[serde(default = "Precision::f64")]
        #[schemars(extend("examples" = ["f32"]))]
        precision: Precision,
    },
    /// The adaptive method of Dormand and Prince of order 5. If a trajectory turns out to be stiff, `radau` integrates it
    /// from its start with the same tolerances.
    Dopri5 {
        /// Relative tolerance: a bound on the error of a step, divided by the size of each component.
        #[schemars(range(min = 1e-14, max = 0.1), extend("examples" = [1e-8]))]
        tolerance: f64,
        /// Absolute tolerance: a bound on the error of a step in the units of the state, which is added to the relative
        /// one. It is the same for every component. 0 stands for `tolerance` times the scale of each component, which is
        /// estimated along each trajectory.
        #[serde(default)]
        #[schemars(range(min = 0), extend("examples" = [1e-10]))]
        absolute_tolerance: f64,
    },
    /// The adaptive method of Dormand and Prince of order 8. If a trajectory turns out to be stiff, `radau` integrates it
    /// from its start with the same tolerances.
    Dop853 {
        /// Relative tolerance: a bound on the error of a step, divided by the size of each component.
        #[schemars(range(min = 1e-14, max = 0.1), extend("examples" = [1e-8]))]
        tolerance: f64,
        /// Absolute tolerance: a bound on the error of a step in the units of the state, which is added to the relative
        /// one. It is the same for every component. 0 stands for `tolerance` times the scale of each component, which is
        /// estimated along each trajectory.
        #[serde(default)]
        #[schemars(range(min = 0), extend("examples" = [1e-10]))]
        absolute_tolerance: f64,
    },
    /// The implicit Radau IIA method of order 9, for stiff systems.
    Radau {
        /// Relative tolerance: a bound on the error of a step, divided by the size of each component.
        #[schemars(range(min = 1e-14, max = 0.1), extend("examples" = [1e-8]))]
        tolerance: f64,
        /// Absolute tolerance: a bound on the error of a step in the units of the state, which is added to the relative
        /// one. It is the same for every component. 0 stands for `tolerance` times the scale of each component, which is
        /// estimated along each trajectory.
        #[serde(default)]
        #[schemars(range(min = 0), extend("examples" = [1e-10]))]
        absolute_tolerance: f64,
    },
    /// Steinebach's linearly implicit method of order 5, for stiff systems.
    Rodas5p {
        /// Relative tolerance: a bound on the error of a step, divided by the size of each component.
        #[schemars(range(min = 1e-14, max = 0.1), extend("examples" = [1e-8]))]
        tolerance: f64,
        /// Absolute tolerance: a bound on the error of a step in the units of the state, which is added to the relative
        /// one. It is the same for every component. 0 stands for `tolerance` times the scale of each component, which is
        /// estimated along each trajectory.
        #[serde(default)]
        #[schemars(range(min = 0), extend("examples" = [1e-10]))]
        absolute_tolerance: f64,
    },
}

impl Default for Solver {
    fn default() -> Self {
        Solver::ALL[0]
    }
}

impl Solver {
    /// Every method with good settings. Samples between two steps are interpolated, and some hundred times the tolerance
    /// off; a forecaster that is fitted well is off by 1e-11 a sample.
    pub const ALL: [Solver; 5] = [
        Solver::dop853(1e-12),
        Solver::dopri5(1e-10),
        Solver::Rk4 { substeps: 10, precision: Precision::F64 },
        Solver::radau(1e-12),
        Solver::rodas5p(1e-10),
    ];

    /// Dormand and Prince's method of order 5 with a relative `tolerance` and absolute ones from the scale of each
    /// component.
    pub const fn dopri5(tolerance: f64) -> Self {
        Solver::Dopri5 { tolerance, absolute_tolerance: 0.0 }
    }

    /// As [`Solver::dopri5`], of order 8.
    pub const fn dop853(tolerance: f64) -> Self {
        Solver::Dop853 { tolerance, absolute_tolerance: 0.0 }
    }

    /// As [`Solver::dopri5`], with the implicit method of Radau.
    pub const fn radau(tolerance: f64) -> Self {
        Solver::Radau { tolerance, absolute_tolerance: 0.0 }
    }

    /// As [`Solver::dopri5`], with Steinebach's linearly implicit method.
    pub const fn rodas5p(tolerance: f64) -> Self {
        Solver::Rodas5p { tolerance, absolute_tolerance: 0.0 }
    }

    /// The bounds on the error of a step; none for a method whose steps do not depend on the error.
    pub(crate) fn tolerance(&self) -> Option<Tolerance> {
        match *self {
            Solver::Rk4 { .. } => None,
            Solver::Dopri5 { tolerance, absolute_tolerance }
            | Solver::Dop853 { tolerance, absolute_tolerance }
            | Solver::Radau { tolerance, absolute_tolerance }
            | Solver::Rodas5p { tolerance, absolute_tolerance } => {
                Some(Tolerance { relative: tolerance, absolute: absolute_tolerance })
            }
        }
    }

    /// Says which setting is outside its range.
    ///
    /// # Errors
    /// [`SimulationError::Invalid`] for no substeps, a tolerance outside 1e-14..=0.1 or a negative absolute one.
    pub fn check(&self) -> Result<(), SimulationError> {
        match *self {
            Solver::Rk4 { substeps, .. } if !(1..=1_000_000).contains(&substeps) => {
                Err(SimulationError::Invalid(format!("substeps = {substeps} must lie between 1 and 1000000")))
            }
            _ => self.tolerance().map_or(Ok(()), |tolerance| tolerance.check()),
        }
    }
}
