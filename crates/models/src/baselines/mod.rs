//! Forecasters without a network, which a network has to beat.

mod dmd;
mod fitted;
mod least_squares;
mod monomials;
mod multipliers;
mod nvar;
mod persistence;
mod reservoir;
mod ridge;
mod tall_skinny;

use dataset::Normalisation;
use forecast::Forecaster;
use trajectory::Trajectories;

use dmd::Dmd;
pub use fitted::FittedConfig;
use least_squares::Features;
pub use least_squares::{LeastSquares, MAX_DEGREE, PolynomialConfig};
use multipliers::Multipliers;
pub use nvar::NvarConfig;
pub use persistence::Persistence;
pub use reservoir::ReservoirConfig;
pub use ridge::Ridge;

/// The most modes that dynamic mode decomposition is tried with.
const MOST_MODES: usize = 256;

/// A baseline and its settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Baseline {
    /// The state stays as it is.
    Persistence,
    /// Dynamic mode decomposition: linear least squares of some modes of the last sample.
    Dmd {
        /// Number of modes.
        rank: usize,
        /// Whether the map is unitary. The first half of a state holds the real parts of a wave function and the second half
        /// its imaginary parts.
        unitary: bool,
    },
    /// A multiplier for each wavenumber of a field, by least squares of the last sample.
    Multipliers {
        /// Number of points along each axis, \[y, x\]; one axis is \[1, x\].
        grid: [usize; 2],
    },
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

    /// Every baseline of a field, where `unitary` says whether it is a wave function whose norm is conserved.
    pub fn of_field(grid: [usize; 2], unitary: bool, polynomial_degree: usize) -> [Baseline; 4] {
        let polynomial = Baseline::Polynomial { delays: 1, degree: polynomial_degree };
        // Of all ranks the best is chosen.
        let dmd = Baseline::Dmd { rank: MOST_MODES, unitary };
        [polynomial, dmd, Baseline::Multipliers { grid }, Baseline::Persistence]
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
            Baseline::Persistence | Baseline::Dmd { .. } | Baseline::Multipliers { .. } => vec![self],
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

    /// The features of a baseline that is fitted by least squares of monomials.
    fn features(self) -> Option<Features> {
        match self {
            Baseline::Persistence | Baseline::Dmd { .. } | Baseline::Multipliers { .. } => None,
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
            Baseline::Dmd { .. } => "dmd",
            Baseline::Linear { .. } | Baseline::Multipliers { .. } => "linear",
            Baseline::Polynomial { .. } => "polynomial",
        }
    }

    /// Fits it to the training trajectories. Dynamic mode decomposition gives a forecaster for each of several ranks, up to its
    /// own; the others give one.
    pub fn fit(
        self,
        runs: &Trajectories,
        train: &[usize],
        normalisation: &Normalisation,
    ) -> Vec<(Baseline, Box<dyn Forecaster>)> {
        let fitted: Box<dyn Forecaster> = match (self, self.features()) {
            (Baseline::Dmd { rank, unitary }, _) => {
                let ranks = Dmd::ranks(runs, train, rank, unitary).into_iter();
                let boxed = |(rank, dmd)| -> (Baseline, Box<dyn Forecaster>) {
                    (Baseline::Dmd { rank, unitary }, Box::new(dmd))
                };
                return ranks.map(boxed).collect();
            }
            (Baseline::Multipliers { grid }, _) => Box::new(Multipliers::fit(runs, train, grid)),
            (_, Some(features)) => Box::new(LeastSquares::fit(runs, train, normalisation, features, 0.0)),
            (_, None) => Box::new(Persistence { dim: runs.dim(), known_dim: runs.known_dim() }),
        };
        vec![(self, fitted)]
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
            Baseline::Dmd { rank, unitary } => {
                write!(f, "{rank} mode{}", if rank == 1 { "" } else { "s" })?;
                f.write_str(if unitary { ", unitary" } else { "" })
            }
            Baseline::Multipliers { .. } => f.write_str("a multiplier for each wavenumber"),
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
