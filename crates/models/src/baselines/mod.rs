//! Forecasters without a network, which a network has to beat.

mod fitted;
mod least_squares;
mod monomials;
mod nvar;
mod persistence;
mod reservoir;
mod tall_skinny;

use dataset::Normalisation;
use forecast::Forecaster;
use trajectory::Trajectories;

pub use fitted::FittedConfig;
use least_squares::Features;
pub use least_squares::{LeastSquares, MAX_DEGREE, PolynomialConfig};
pub use nvar::NvarConfig;
pub use persistence::Persistence;
pub use reservoir::ReservoirConfig;

/// A baseline and its settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Baseline {
    /// The state stays as it is.
    Persistence,
    /// Affine least squares.
    Linear,
    /// Polynomial least squares of this degree, at most [`MAX_DEGREE`].
    Polynomial {
        /// The total degree.
        degree: usize,
    },
}

impl Baseline {
    /// Every baseline.
    pub fn all(polynomial_degree: usize) -> [Baseline; 3] {
        [Baseline::Polynomial { degree: polynomial_degree }, Baseline::Linear, Baseline::Persistence]
    }

    /// Says why it cannot be fitted to so many components and known inputs.
    ///
    /// # Errors
    /// A polynomial of more monomials than can be solved for.
    pub fn check(self, inputs: usize) -> Result<(), String> {
        match self {
            Baseline::Persistence => Ok(()),
            Baseline::Linear => Features::of_present(1).check(inputs),
            Baseline::Polynomial { degree } => Features::of_present(degree).check(inputs),
        }
    }

    /// Its name in the results.
    pub fn name(self) -> &'static str {
        match self {
            Baseline::Persistence => "persistence",
            Baseline::Linear => "linear",
            Baseline::Polynomial { .. } => "polynomial",
        }
    }

    /// Fits it to the training trajectories.
    pub fn fit(
        self,
        runs: &Trajectories,
        train: &[usize],
        normalisation: &Normalisation,
    ) -> Box<dyn Forecaster> {
        match self {
            Baseline::Persistence => Box::new(Persistence { dim: runs.dim(), known_dim: runs.known_dim() }),
            Baseline::Linear => Box::new(LeastSquares::fit(runs, train, normalisation, 1)),
            Baseline::Polynomial { degree } => {
                Box::new(LeastSquares::fit(runs, train, normalisation, degree))
            }
        }
    }
}
