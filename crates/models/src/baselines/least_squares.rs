//! Polynomial least squares: the increment to the next sample as a polynomial of the last samples and their known
//! inputs, in f64.
//!
//! The monomials of the scaled inputs up to a total degree make the rows of A, the scaled increments those of
//! B; A W = B is solved as `tall_skinny` says.

use dataset::Normalisation;
use forecast::{Forecast, Forecaster, Tangent};
use nalgebra::DMatrix;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trajectory::{Places, Trajectories};

use super::fitted::{FittedConfig, check_finite, check_history, check_range, values};
use super::monomials::Monomials;
use super::ridge::Ridge;
use super::tall_skinny::{solve, triangle, with_ridge};
use crate::derivatives::{Derived, OfWindow};
use crate::recent::Recent;
use crate::tensors::{TensorError, Tensors, Values};

/// The highest degree on offer: beyond it the monomials of data in f64 can no longer be told apart.
pub const MAX_DEGREE: usize = 8;

/// Settings of polynomial least squares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PolynomialConfig {
    /// Total degree of the polynomial. The number of monomials may be 2000 at most.
    #[schemars(range(min = 1, max = MAX_DEGREE), extend("examples" = [3]))]
    pub degree: usize,
    /// Ridge parameter: the weight of the sum of the squared coefficients, which is added to the sum of the squared errors
    /// of the scaled increments. Noisy samples need one above 0.
    #[schemars(extend("examples" = [1e-6]))]
    pub ridge: Ridge,
}

impl Default for PolynomialConfig {
    fn default() -> Self {
        PolynomialConfig { degree: 6, ridge: Ridge::Fixed(0.0) }
    }
}

impl FittedConfig for PolynomialConfig {
    const NAME: &'static str = "polynomial";
    const ABOUT: &'static str = "polynomial of the present state by least squares";

    fn check(&self) -> Result<(), String> {
        check_range("degree", self.degree, 1..=MAX_DEGREE)?;
        self.ridge.check(0.0..=1e6)
    }

    fn window(&self) -> usize {
        1
    }

    fn fit(
        &self,
        runs: &Trajectories,
        train: &[usize],
        normalisation: &Normalisation,
        _seed: u64,
    ) -> Result<Tensors, String> {
        self.check()?;
        fit(runs, train, normalisation, Features::of_present(self.degree), self.ridge.value()?)
    }

    fn forecaster(
        &self,
        fitted: &Tensors,
        normalisation: Normalisation,
    ) -> Result<Box<dyn Forecaster>, TensorError> {
        self.check().map_err(TensorError)?;
        forecaster(fitted, normalisation, Features::of_present(self.degree))
    }
}

/// What the polynomial is one of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Features {
    /// Samples that it takes.
    pub(super) delays: usize,
    /// Intervals from one of them to the one before.
    pub(super) skip: usize,
    /// The total degree.
    pub(super) degree: usize,
}

impl Features {
    pub(super) fn of_present(degree: usize) -> Self {
        Features { delays: 1, skip: 1, degree }
    }

    /// Samples of history.
    pub(super) fn window(self) -> usize {
        (self.delays - 1) * self.skip + 1
    }

    /// The number of monomials of so many inputs at an instant.
    pub(super) fn count(self, inputs: usize) -> u128 {
        Monomials::count_of(self.delays.saturating_mul(inputs), self.degree)
    }

    /// The sentence for more monomials than can be solved for in some minutes.
    pub(super) fn check(self, inputs: usize) -> Result<(), String> {
        const MOST: u128 = 2000;
        let Features { delays, degree, .. } = self;
        let count = self.count(inputs);
        if count <= MOST {
            return Ok(());
        }
        let monomials = match delays {
            1 => format!("degree = {degree} makes {count} monomials of {inputs} inputs"),
            _ => format!("degree = {degree} makes {count} monomials of {inputs} inputs at {delays} times"),
        };
        let cure = match (degree > 1, delays > 1) {
            (true, true) => "take a lower degree or fewer delays",
            (true, false) => "take a lower degree",
            (false, true) => "take fewer delays",
            (false, false) => "take a system of fewer components, or fewer of them in data.observe",
        };
        Err(format!("{monomials}; at most {MOST} can be solved for: {cure}"))
    }
}

/// A polynomial map from the last samples and known inputs to the next state.
pub struct LeastSquares {
    features: Features,
    monomials: Monomials,
    weights: DMatrix<f64>, // [component, monomial]
    normalisation: Normalisation,
}

impl LeastSquares {
    /// Fits all samples of the training trajectories that have the history which `features` need.
    pub(super) fn fit(
        runs: &Trajectories,
        train: &[usize],
        normalisation: &Normalisation,
        features: Features,
        ridge: f64,
    ) -> Self {
        let (dim, before) = (normalisation.dim(), features.window() - 1);
        let monomials = Monomials::new(features.delays * normalisation.features(), features.degree);
        let columns = monomials.count();
        let steps = Places::new(train.iter().map(|&run| runs.samples(run).saturating_sub(1 + before)));
        let row = |number: usize, row: &mut [f64]| {
            let (place, step) = steps.at(number);
            let (run, sample) = (train[place], before + step);
            let (now, next) = (runs.state(run, sample), runs.state(run, sample + 1));
            let times = (0..features.delays).map(|delay| sample - delay * features.skip);
            let scaled: Vec<f64> =
                times.flat_map(|i| normalisation.scale(runs.state(run, i), runs.known_at(run, i))).collect();
            monomials.evaluate(&scaled, row);
            for j in 0..dim {
                row[columns + j] = normalisation.scale_increment(j, now[j], next[j]);
            }
        };
        let triangle = with_ridge(triangle(steps.count(), columns + dim, row), columns, ridge);
        let weights = solve(&triangle, columns).transpose();
        LeastSquares { features, monomials, weights, normalisation: normalisation.clone() }
    }
}

impl LeastSquares {
    /// The scaled increments after windows of scaled samples, with their derivatives.
    fn derivatives(&self, samples: &[f64], [_, window, inputs]: [usize; 3]) -> Derived {
        let LeastSquares { features, monomials, weights, .. } = self;
        let mut derived =
            Derived { outputs: Vec::new(), by_inputs: vec![0.0; samples.len() * weights.nrows()] };
        let mut powers = vec![0.0; monomials.count()];
        let mut slopes = vec![0.0; features.delays * inputs];
        let mut rows = derived.by_inputs.chunks_exact_mut(window * inputs);
        for samples in samples.chunks_exact(window * inputs) {
            let taken = samples.rchunks_exact(inputs).step_by(features.skip);
            let scaled: Vec<f64> = taken.flatten().copied().collect();
            monomials.evaluate(&scaled, &mut powers);
            for (weights, row) in weights.row_iter().zip(&mut rows) {
                let mut weights: Vec<f64> = weights.iter().copied().collect();
                derived.outputs.push(powers.iter().zip(&weights).map(|(power, w)| power * w).sum());
                monomials.slopes(&scaled, &powers, &mut weights, &mut slopes);
                let places = row.rchunks_exact_mut(inputs).step_by(features.skip);
                places
                    .zip(slopes.chunks_exact(inputs))
                    .for_each(|(place, slopes)| place.copy_from_slice(slopes));
            }
        }
        derived
    }
}

/// The weights [component, monomial] as the tensor `readout`.
pub(super) fn fit(
    runs: &Trajectories,
    train: &[usize],
    normalisation: &Normalisation,
    features: Features,
    ridge: f64,
) -> Result<Tensors, String> {
    features.check(normalisation.features())?;
    check_history(
        runs,
        train,
        &format!("delays = {}, skip = {}", features.delays, features.skip),
        features.window(),
    )?;
    let weights = LeastSquares::fit(runs, train, normalisation, features, ridge).weights;
    check_finite(weights.as_slice())?;
    let mut tensors = Tensors::default();
    let shape = vec![weights.nrows(), weights.ncols()];
    tensors.insert("readout", shape, Values::F64(weights.transpose().as_slice().to_vec()));
    Ok(tensors)
}

/// The forecaster of the weights that [`fit`] gave.
pub(super) fn forecaster(
    fitted: &Tensors,
    normalisation: Normalisation,
    features: Features,
) -> Result<Box<dyn Forecaster>, TensorError> {
    features.check(normalisation.features()).map_err(TensorError)?;
    let monomials = Monomials::new(features.delays * normalisation.features(), features.degree);
    let shape = [normalisation.dim(), monomials.count()];
    let weights = DMatrix::from_row_slice(shape[0], shape[1], values(fitted, "readout", &shape)?);
    Ok(Box::new(LeastSquares { features, monomials, weights, normalisation }))
}

impl Forecaster for LeastSquares {
    fn window(&self) -> usize {
        self.features.window()
    }

    fn dim(&self) -> usize {
        self.normalisation.dim()
    }

    fn known_dim(&self) -> usize {
        self.normalisation.features() - self.dim()
    }

    fn begin<'a>(&'a self, histories: &[f64], known: &[f64]) -> Box<dyn Forecast + 'a> {
        Box::new(Running {
            map: self,
            recent: Recent::new(&self.normalisation, self.window(), histories, known),
        })
    }

    fn begin_tangent<'a>(&'a self, histories: &[f64], known: &[f64]) -> Option<Box<dyn Tangent + 'a>> {
        let derive = |samples: &[f64], shape| self.derivatives(samples, shape);
        OfWindow::boxed(&self.normalisation, self.window(), [histories, known], derive)
    }
}

struct Running<'a> {
    map: &'a LeastSquares,
    recent: Recent<'a>,
}

impl Forecast for Running<'_> {
    fn advance(&mut self, known: &[f64], next: &mut [f64]) {
        let LeastSquares { features, monomials, weights, normalisation } = self.map;
        let mut powers = vec![0.0; monomials.count()];
        let mut scaled = Vec::new();
        let mut increments = vec![0.0; next.len()];
        let inputs = normalisation.features();
        let windows = self.recent.complete(known).chunks_exact(features.window() * inputs);
        for (window, increments) in windows.zip(increments.chunks_exact_mut(normalisation.dim())) {
            scaled.clear();
            scaled.extend(window.rchunks_exact(inputs).step_by(features.skip).flatten());
            monomials.evaluate(&scaled, &mut powers);
            for (j, increment) in increments.iter_mut().enumerate() {
                *increment = powers.iter().zip(weights.row(j).iter()).map(|(power, w)| power * w).sum();
            }
        }
        self.recent.add(&increments, next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baselines::Baseline;
    use forecast::{Starts, rollout};
    use sim::systems::{Lorenz, Oscillator};
    use sim::{Solver, System};
    use trajectory::{
        Times,
        random::{stream, uniform},
    };

    #[test]
    fn a_polynomial_map_is_found_exactly() {
        // The logistic map is of degree 2; degree 4 must give it too.
        let times = Times::up_to(30.0, 1.0).unwrap();
        let mut u = vec![0.3];
        for i in 0..30 {
            u.push(3.9 * u[i] * (1.0 - u[i]));
        }
        let runs = Trajectories::new(times, [1, 0], u, vec![]);
        let normalisation = Normalisation::fit(&runs, &[0]);
        for degree in [2, 4] {
            let fitted = LeastSquares::fit(&runs, &[0], &normalisation, Features::of_present(degree), 0.0);
            let next = rollout(&fitted, Starts { count: 1, histories: &[0.77], known: &[] }, 1);
            assert!((next[0] - 3.9 * 0.77 * 0.23).abs() < 1e-12, "{}", next[0]);
        }
    }

    #[test]
    fn linear_least_squares_is_exact_for_the_driven_oscillator() {
        let oscillator = Oscillator::default();
        let starts: Vec<Vec<f64>> =
            (0..6).map(|i| vec![f64::from(i) - 2.5, 1.0 - 0.4 * f64::from(i)]).collect();
        let times = Times::up_to(20.0, 0.1).unwrap();
        let runs = oscillator.ensemble(&starts, &times, &Solver::dop853(1e-13)).unwrap();
        let normalisation = Normalisation::fit(&runs, &[0, 1, 2, 3, 4]);
        for baseline in [Baseline::Linear { delays: 1 }, Baseline::Polynomial { delays: 1, degree: 3 }] {
            let (_, fitted) = baseline.fit(&runs, &[0, 1, 2, 3, 4], &normalisation).remove(0);
            let known: Vec<f64> = (0..200).flat_map(|i| runs.known_at(5, i)).copied().collect();
            let forecast =
                rollout(&*fitted, Starts { count: 1, histories: runs.state(5, 0), known: &known }, 200);
            for i in 0..200 {
                for j in 0..2 {
                    assert!((forecast[2 * i + j] - runs.state(5, i + 1)[j]).abs() < 1e-9, "{baseline:?}");
                }
            }
        }
    }

    #[test]
    fn the_fit_equals_an_independent_solution_and_ignores_the_number_of_threads() {
        let mut draws = stream(1, "test", 0);
        let starts: Vec<Vec<f64>> =
            (0..10).map(|_| (0..3).map(|_| 30.0 * uniform(&mut draws) - 15.0).collect()).collect();
        let times = Times::up_to(4.0, 0.01).unwrap();
        let runs = Lorenz::default().ensemble(&starts, &times, &Solver::default()).unwrap();
        let train: Vec<usize> = (0..10).collect();
        let normalisation = Normalisation::fit(&runs, &train);
        let fit = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                LeastSquares::fit(&runs, &train, &normalisation, Features::of_present(2), 0.0).weights
            })
        };
        let weights = fit(1);
        assert_eq!(weights, fit(3));
        // The normal equations, which a degree of 2 is mild enough for.
        let monomials = Monomials::new(3, 2);
        let (mut left, mut right) = (DMatrix::zeros(10, 10), DMatrix::zeros(10, 3));
        let mut powers = [0.0; 10];
        for run in 0..10 {
            for i in 0..400 {
                let scaled: Vec<f64> = normalisation.scale(runs.state(run, i), &[]).collect();
                monomials.evaluate(&scaled, &mut powers);
                for a in 0..10 {
                    for b in 0..10 {
                        left[(a, b)] += powers[a] * powers[b];
                    }
                    for j in 0..3 {
                        let step = runs.state(run, i + 1)[j] - runs.state(run, i)[j];
                        right[(a, j)] += powers[a] * (step - normalisation.increment_mean[j])
                            / normalisation.increment_std[j];
                    }
                }
            }
        }
        let expected = left.lu().solve(&right).unwrap().transpose();
        assert!((&weights - &expected).abs().max() < 1e-9, "{weights} {expected}");
    }
}
