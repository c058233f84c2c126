//! Next-generation reservoir computing, a nonlinear vector autoregression (Gauthier, Bollt, Griffith and Barbosa 2021,
//! Nature Communications 12, 5564).
//!
//! The linear part, O_lin of the paper, are `delays` samples that lie `skip` intervals apart, the newest first, with the
//! known inputs at those times. The features, O_total, are the constant 1, the linear part, and all unique products of
//! it up to `degree`. From them goes a linear map to the scaled increment, by ridge regression, here by orthogonal
//! factorisations.
//!
//! Good values: 2 delays and degree 4 without a ridge learn the Lorenz system in steps of 0.01. With several delays the
//! map is a multistep method whose coefficients are fitted, and like one of too high an order (Dahlquist 1956) it can
//! be accurate over one step and unstable over many, as it is there with degree 3, or a `skip` of 2: where forecasts
//! diverge, take 1 delay or a `ridge` (1e-6 for degree 3). Noisy samples need a ridge too.

use dataset::Normalisation;
use forecast::Forecaster;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trajectory::Trajectories;

use super::fitted::{FittedConfig, check_range};
use super::least_squares::{Features, fit, forecaster};
use super::ridge::Ridge;
use crate::tensors::{TensorError, Tensors};

/// Settings of next-generation reservoir computing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NvarConfig {
    /// Number of samples in the linear part; k in the paper.
    #[schemars(range(min = 1, max = 100))]
    pub delays: usize,
    /// Number of sample intervals between two of these samples; s in the paper.
    #[schemars(range(min = 1, max = 1000))]
    pub skip: usize,
    /// Highest total degree of the products; 2 in the paper.
    #[schemars(range(min = 1, max = 4))]
    pub degree: usize,
    /// Ridge parameter: the weight of the sum of the squared readout weights, which is added to the sum of the squared
    /// errors of the scaled increments; alpha in the paper. Noisy samples need one above 0.
    #[schemars(extend("examples" = [1e-6]))]
    pub ridge: Ridge,
}

impl Default for NvarConfig {
    fn default() -> Self {
        NvarConfig { delays: 2, skip: 1, degree: 4, ridge: Ridge::Fixed(0.0) }
    }
}

impl NvarConfig {
    fn features(&self) -> Features {
        Features { delays: self.delays, skip: self.skip, degree: self.degree }
    }
}

impl FittedConfig for NvarConfig {
    const NAME: &'static str = "nvar";
    const ABOUT: &'static str = "least squares on delayed states and their monomials";

    fn check(&self) -> Result<(), String> {
        check_range("delays", self.delays, 1..=100)?;
        check_range("skip", self.skip, 1..=1000)?;
        check_range("degree", self.degree, 1..=4)?;
        self.ridge.check(0.0..=1e6)
    }

    fn window(&self) -> usize {
        self.features().window()
    }

    fn fit(
        &self,
        runs: &Trajectories,
        train: &[usize],
        normalisation: &Normalisation,
        _seed: u64,
    ) -> Result<Tensors, String> {
        self.check()?;
        fit(runs, train, normalisation, self.features(), self.ridge.value()?)
    }

    fn forecaster(
        &self,
        fitted: &Tensors,
        normalisation: Normalisation,
    ) -> Result<Box<dyn Forecaster>, TensorError> {
        self.check().map_err(TensorError)?;
        forecaster(fitted, normalisation, self.features())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensors::Values;
    use forecast::{Starts, rollout};
    use trajectory::{
        Times,
        random::{stream, uniform},
    };

    /// Scales that change nothing.
    fn plain(features: usize) -> Normalisation {
        Normalisation {
            mean: vec![0.0; features],
            std: vec![1.0; features],
            increment_mean: vec![0.0],
            increment_std: vec![1.0],
        }
    }

    fn close(tensors: &Tensors, expected: &[f64]) {
        let Values::F64(found) = tensors.get("readout", &[1, expected.len()]).unwrap() else { panic!() };
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-10), "{found:?}");
    }

    #[test]
    fn the_map_of_henon_is_found_from_one_of_its_components() {
        // x(n + 1) = 1 - 1.4 x(n)^2 + 0.3 x(n - 1)
        let mut u = vec![0.1, 0.2];
        for i in 1..200 {
            u.push(1.0 - 1.4 * u[i] * u[i] + 0.3 * u[i - 1]);
        }
        let runs = Trajectories::new(Times::up_to(200.0, 1.0).unwrap(), [1, 0], u.clone(), vec![]);
        let config = NvarConfig { delays: 2, skip: 1, degree: 2, ridge: Ridge::Fixed(0.0) };
        let fitted = config.fit(&runs, &[0], &plain(1), 0).unwrap();
        // of 1, x, x', x x, x x', x' x' with x' the sample before
        close(&fitted, &[1.0, -1.0, 0.3, -1.4, 0.0, 0.0]);
        let forecaster = config.forecaster(&fitted, plain(1)).unwrap();
        let forecast = rollout(&*forecaster, Starts { count: 1, histories: &u[50..52], known: &[] }, 10);
        assert!(forecast.iter().zip(&u[52..]).all(|(a, b)| (a - b).abs() < 1e-9));
    }

    #[test]
    fn known_inputs_are_taken_at_the_times_of_the_delayed_samples() {
        let mut draws = stream(1, "test", 0);
        let known: Vec<f64> = (0..200).map(|_| uniform(&mut draws)).collect();
        let mut u = vec![0.1, 0.2, 0.3];
        for i in 2..199 {
            u.push(0.4 * u[i] + 0.5 * u[i - 2] * known[i - 2] + known[i]);
        }
        let runs = Trajectories::new(Times::up_to(199.0, 1.0).unwrap(), [1, 1], u.clone(), known.clone());
        let config = NvarConfig { delays: 2, skip: 2, degree: 2, ridge: Ridge::Fixed(0.0) };
        let fitted = config.fit(&runs, &[0], &plain(2), 0).unwrap();
        // of 1; u, k, u'', k''; uu, uk, uu'', uk'', kk, ku'', kk'', u''u'', u''k'', k''k''
        let mut expected = [0.0; 15];
        (expected[1], expected[2], expected[13]) = (-0.6, 1.0, 0.5);
        close(&fitted, &expected);
        let forecaster = config.forecaster(&fitted, plain(2)).unwrap();
        assert_eq!(forecaster.window(), 3);
        let starts = Starts { count: 1, histories: &u[50..53], known: &known[50..62] };
        let forecast = rollout(&*forecaster, starts, 10);
        assert!(forecast.iter().zip(&u[53..]).all(|(a, b)| (a - b).abs() < 1e-9));
    }
}
