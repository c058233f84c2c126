//! Forecasters without a network, which a network has to beat.

mod fitted;
mod least_squares;
mod monomials;
mod nvar;
mod persistence;
mod reservoir;
mod ridge;
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
pub use ridge::Ridge;

/// A baseline and its settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Baseline {
    /// The state stays as it is.
    Persistence,
    /// Affine least squares of the last samples.
    Linear {
        /// Number of samples, the present one among them.
        delays: usize,
    },
    /// Polynomial least squares of the last samples.
    Polynomial {
        /// Number of samples, the present one among them.
        delays: usize,
        /// The total degree, at most [`MAX_DEGREE`].
        degree: usize,
    },
}

impl Baseline {
    /// Every baseline as a function of the present sample alone, which is enough if a sample is the whole state.
    pub fn all(polynomial_degree: usize) -> [Baseline; 3] {
        let polynomial = Baseline::Polynomial { delays: 1, degree: polynomial_degree };
        [polynomial, Baseline::Linear { delays: 1 }, Baseline::Persistence]
    }

    /// Variants of this baseline with 1, 2, 4, 8 ... samples, up to `most`, and with degrees up to its own, of which the best
    /// can be chosen if a sample is not the whole state. With inputs, those of degree 1 are known as ARX models and the
    /// others as NARX models (Billings 2013, "Nonlinear system identification", chapter 2). `inputs` numbers describe an
    /// instant. Variants with fewer than two equations for each unknown in trajectories of these `lengths`, with more
    /// than 150 unknowns, or that take more than some seconds to fit are left out.
    pub fn with_delays(self, most: usize, inputs: usize, lengths: &[usize]) -> Vec<Baseline> {
        // Beyond these a search over all variants would take minutes.
        const WORK: f64 = 5e9;
        const UNKNOWNS: u128 = 150;
        let delays = || (0..).map(|power| 1 << power).take_while(|&delays| delays <= most);
        let all: Vec<Baseline> = match self {
            Baseline::Persistence => vec![self],
            Baseline::Linear { .. } => delays().map(|delays| Baseline::Linear { delays }).collect(),
            Baseline::Polynomial { degree, .. } => delays()
                .flat_map(|delays| (1..=degree).map(move |degree| Baseline::Polynomial { delays, degree }))
                .collect(),
        };
        let determined = |baseline: &Baseline| {
            baseline.features().is_none_or(|features| {
                let unknowns = features.count(inputs);
                let rows: usize =
                    lengths.iter().map(|samples| samples.saturating_sub(features.window())).sum();
                let work = rows as f64 * (unknowns as f64).powi(2);
                unknowns <= UNKNOWNS && 2 * unknowns <= rows as u128 && work <= WORK
            })
        };
        all.into_iter().filter(determined).collect()
    }

    /// The features of a least-squares baseline; none for persistence.
    fn features(self) -> Option<Features> {
        match self {
            Baseline::Persistence => None,
            Baseline::Linear { delays } => Some(Features { delays, skip: 1, degree: 1 }),
            Baseline::Polynomial { delays, degree } => Some(Features { delays, skip: 1, degree }),
        }
    }

    /// Says why it cannot be fitted to so many components and known inputs.
    ///
    /// # Errors
    /// A polynomial of more monomials than can be solved for.
    pub fn check(self, inputs: usize) -> Result<(), String> {
        self.features().map_or(Ok(()), |features| features.check(inputs))
    }

    /// Its name in the results.
    pub fn name(self) -> &'static str {
        match self {
            Baseline::Persistence => "persistence",
            Baseline::Linear { .. } => "linear",
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
        match self.features() {
            None => Box::new(Persistence { dim: runs.dim(), known_dim: runs.known_dim() }),
            Some(features) => Box::new(LeastSquares::fit(runs, train, normalisation, features, 0.0)),
        }
    }
}

impl std::fmt::Display for Baseline {
    /// Its settings in words, such as `linear in the last 4 samples`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let samples = |delays: usize| match delays {
            1 => "the last sample".to_owned(),
            delays => format!("the last {delays} samples"),
        };
        match *self {
            Baseline::Persistence => f.write_str("the last sample"),
            Baseline::Linear { delays } => write!(f, "linear in {}", samples(delays)),
            Baseline::Polynomial { delays, degree } => {
                write!(f, "polynomial of degree {degree} in {}", samples(delays))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_baselines_that_the_samples_determine_are_chosen_from() {
        let linear = |samples| Baseline::Linear { delays: 1 }.with_delays(16, 2, &[samples]).len();
        // 1 + 2 delays unknowns, and twice as many rows, each after as many samples as there are delays
        assert_eq!([6, 7, 11, 12, 21, 22, 42, 82, 9999].map(linear), [0, 1, 1, 2, 2, 3, 4, 5, 5]);
        // None of many short trajectories has the history that 16 delays need.
        assert_eq!(Baseline::Linear { delays: 1 }.with_delays(16, 2, &[16; 500]).len(), 4);
        let all = Baseline::Polynomial { delays: 1, degree: 3 }.with_delays(2, 1, &[22]);
        let found: Vec<String> = all.iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "polynomial of degree 1 in the last sample",
                "polynomial of degree 2 in the last sample",
                "polynomial of degree 3 in the last sample",
                "polynomial of degree 1 in the last 2 samples",
                "polynomial of degree 2 in the last 2 samples",
                "polynomial of degree 3 in the last 2 samples"
            ]
        );
        assert_eq!(Baseline::Persistence.with_delays(9, 9, &[]), [Baseline::Persistence]);
    }
}
