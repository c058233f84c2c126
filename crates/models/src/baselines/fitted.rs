//! Models that are fitted at once, not trained by gradients.

use std::fmt::Debug;
use std::ops::RangeInclusive;

use dataset::Normalisation;
use forecast::Forecaster;
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use trajectory::Trajectories;

use crate::tensors::{TensorError, Tensors, Values};

/// What an experiment file can set of a model that is fitted at once.
///
/// Its schema, with the doc comments of the fields, is the documentation of its keys for users.
pub trait FittedConfig: Default + Serialize + DeserializeOwned + JsonSchema {
    /// Its name in an experiment file, and the name of its file.
    const NAME: &'static str;
    /// What it is, on one line.
    const ABOUT: &'static str;

    /// Says which value is impossible.
    ///
    /// # Errors
    /// A sentence with the key and its range.
    fn check(&self) -> Result<(), String>;

    /// Samples of history it looks at.
    fn window(&self) -> usize;

    /// Fits all training trajectories; with the settings, what it gives is all of the model.
    ///
    /// # Errors
    /// A sentence with the key that does not suit these trajectories.
    fn fit(
        &self,
        runs: &Trajectories,
        train: &[usize],
        normalisation: &Normalisation,
        seed: u64,
    ) -> Result<Tensors, String>;

    /// The fitted model.
    ///
    /// # Errors
    /// Tensors of another model.
    fn forecaster(
        &self,
        fitted: &Tensors,
        normalisation: Normalisation,
    ) -> Result<Box<dyn Forecaster>, TensorError>;
}

/// The sentence for a value outside its range.
pub(super) fn check_range<T: PartialOrd + Debug>(
    key: &str,
    value: T,
    range: RangeInclusive<T>,
) -> Result<(), String> {
    if range.contains(&value) {
        Ok(())
    } else {
        // Debug writes 1e-24 where Display writes 24 zeros
        Err(format!("{key} = {value:?} must lie between {:?} and {:?}", range.start(), range.end()))
    }
}

/// Returns an error if no training trajectory holds a history of `window` samples and one sample after it.
pub(super) fn check_history(
    runs: &Trajectories,
    train: &[usize],
    keys: &str,
    window: usize,
) -> Result<(), String> {
    match train.iter().map(|&run| runs.samples(run)).max() {
        None => Err("there is no training trajectory to fit".into()),
        Some(longest) if longest <= window => Err(format!(
            "{keys}: a history of {window} samples and one to forecast must fit into a trajectory of {longest} samples"
        )),
        Some(_) => Ok(()),
    }
}

/// The sentence for a fit that gives no numbers.
pub(super) fn check_finite(weights: &[f64]) -> Result<(), String> {
    if weights.iter().all(|x| x.is_finite()) {
        Ok(())
    } else {
        Err("the fitted weights are not finite: the training trajectories must be, and not too large".into())
    }
}

/// The values of the f64 tensor `name` in row-major order.
pub(super) fn values<'a>(
    tensors: &'a Tensors,
    name: &str,
    shape: &[usize],
) -> Result<&'a [f64], TensorError> {
    match tensors.get(name, shape)? {
        Values::F64(values) if values.len() == shape.iter().product::<usize>() => Ok(values),
        Values::F64(values) => {
            Err(TensorError(format!("tensor {name} has {} values, expected {shape:?}", values.len())))
        }
        Values::F32(_) => Err(TensorError(format!("tensor {name} is not of f64"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baselines::{NvarConfig, PolynomialConfig, ReservoirConfig};
    use forecast::{Starts, rollout};
    use sim::systems::{Lorenz, Oscillator};
    use sim::{Solver, System};
    use trajectory::{
        Times,
        random::{stream, uniform},
    };

    /// 11 trajectories: more than are driven side by side, and no multiple of that.
    fn runs(system: &dyn System, dt: f64) -> (Trajectories, Vec<usize>, Normalisation) {
        let mut draws = stream(1, "test", 0);
        let starts: Vec<Vec<f64>> =
            (0..11).map(|_| (0..system.dim()).map(|_| 4.0 * uniform(&mut draws) - 2.0).collect()).collect();
        let runs =
            system.ensemble(&starts, &Times::up_to(200.0 * dt, dt).unwrap(), &Solver::default()).unwrap();
        let train: Vec<usize> = (0..11).collect();
        let normalisation = Normalisation::fit(&runs, &train);
        (runs, train, normalisation)
    }

    /// What `forecaster` makes of `steps` samples after the first `window` of these runs.
    fn forecast(forecaster: &dyn Forecaster, runs: &Trajectories, which: &[usize], steps: usize) -> Vec<f64> {
        let window = forecaster.window();
        let of = |until: usize| which.iter().flat_map(move |&run| (0..until).map(move |i| (run, i)));
        let histories: Vec<f64> = of(window).flat_map(|(run, i)| runs.state(run, i)).copied().collect();
        let known: Vec<f64> =
            of(window + steps - 1).flat_map(|(run, i)| runs.known_at(run, i)).copied().collect();
        rollout(forecaster, Starts { count: which.len(), histories: &histories, known: &known }, steps)
    }

    fn comes_back<C: FittedConfig + Sync>(config: &C, system: &dyn System, dt: f64, tolerance: f64) {
        const STEPS: usize = 2;
        let (runs, train, normalisation) = runs(system, dt);
        let fit = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let fitted = config.fit(&runs, &train, &normalisation, 5).unwrap();
                let forecaster = config.forecaster(&fitted, normalisation.clone()).unwrap();
                let states = forecast(&*forecaster, &runs, &train, STEPS);
                (fitted, states)
            })
        };
        let (fitted, states) = fit(1);
        assert_eq!(fit(3), (fitted.clone(), states.clone()), "{}", C::NAME);

        let folder = tempfile::tempdir().unwrap();
        fitted.save(&folder.path().join("model")).unwrap();
        let read = Tensors::load(&folder.path().join("model")).unwrap();
        let forecaster = config.forecaster(&read, normalisation.clone()).unwrap();
        assert_eq!(forecaster.window(), config.window());
        for (run, states) in states.chunks_exact(STEPS * runs.dim()).enumerate() {
            // alone, as among others
            assert_eq!(forecast(&*forecaster, &runs, &[run], STEPS), states, "{}", C::NAME);
            for (i, state) in states.chunks_exact(runs.dim()).enumerate() {
                for (j, x) in state.iter().enumerate() {
                    let truth = runs.state(run, config.window() + i)[j];
                    let error = (x - truth).abs() / normalisation.std[j];
                    assert!(error < tolerance, "{} {run} {i} {j}: {x} {truth}", C::NAME);
                }
            }
        }
    }

    #[test]
    fn models_forecast_and_come_back_from_their_tensors_whatever_the_number_of_threads() {
        let (lorenz, oscillator) = (Lorenz::default(), Oscillator::default());
        let reservoir = ReservoirConfig { size: 60, warm_up: 20, ..Default::default() };
        let nvar = NvarConfig { skip: 2, degree: 3, ..Default::default() };
        comes_back(&PolynomialConfig { degree: 4, ..PolynomialConfig::default() }, &lorenz, 0.01, 1e-3);
        comes_back(&nvar, &lorenz, 0.01, 1e-3);
        comes_back(&reservoir, &lorenz, 0.01, 1e-2);
        comes_back(&PolynomialConfig { degree: 2, ..PolynomialConfig::default() }, &oscillator, 0.1, 1e-9);
        comes_back(&nvar, &oscillator, 0.1, 1e-9);
        comes_back(&reservoir, &oscillator, 0.1, 1e-3);
    }

    #[test]
    fn trajectories_of_unequal_length_are_fitted_and_those_without_a_history_do_not_matter() {
        fn fits<C: FittedConfig>(config: &C) {
            let (equal, train, normalisation) = runs(&Lorenz::default(), 0.01);
            let lengths = (0..11).map(|run| 201 - 14 * run);
            let unequal = equal.cut(lengths.clone().enumerate().map(|(run, samples)| (run, 0..samples)));
            let fitted = config.fit(&unequal, &train, &normalisation, 5).unwrap();
            let forecaster = config.forecaster(&fitted, normalisation.clone()).unwrap();
            let window = config.window();
            let states = forecast(&*forecaster, &equal, &train, 2);
            for (run, states) in states.chunks_exact(6).enumerate() {
                for (j, x) in states[3..].iter().enumerate() {
                    let error = (x - equal.state(run, window + 1)[j]).abs() / normalisation.std[j];
                    assert!(error < 1e-2, "{} {run} {j}: {error}", C::NAME);
                }
            }
            // A trajectory as long as the window has no sample after it.
            let short = equal.cut([(3, 0..window), (3, 0..1)]);
            let more = Trajectories::joined(&[&unequal, &short]);
            let all: Vec<usize> = (0..13).collect();
            assert_eq!(config.fit(&more, &all, &normalisation, 5).unwrap(), fitted, "{}", C::NAME);
        }
        fits(&PolynomialConfig { degree: 4, ..PolynomialConfig::default() });
        fits(&NvarConfig { skip: 2, degree: 3, ..Default::default() });
        fits(&ReservoirConfig { size: 60, warm_up: 20, ..Default::default() });
    }

    fn refuses_tensors<C: FittedConfig>(config: &C) {
        let (runs, train, normalisation) = runs(&Lorenz::default(), 0.01);
        let fitted = config.fit(&runs, &train, &normalisation, 0).unwrap();
        let fault = |tensors: &Tensors| match config.forecaster(tensors, normalisation.clone()) {
            Ok(_) => panic!("{} takes any tensors", C::NAME),
            Err(error) => error.to_string(),
        };
        for name in fitted.tensors.keys() {
            let mut other = fitted.clone();
            let good = other.tensors.remove(name).unwrap();
            assert!(fault(&other).contains(&format!("{name} is missing")));
            other.insert(name.clone(), vec![2, 2, 2], Values::F64(vec![0.0; 8]));
            assert!(fault(&other).contains(&format!("{name} has shape")));
            other.insert(name.clone(), good.shape.clone(), Values::F64(vec![]));
            assert!(fault(&other).contains(&format!("{name} has 0 values")));
            other.insert(name.clone(), good.shape, Values::F32(vec![]));
            assert!(fault(&other).contains(&format!("{name} is not of f64")));
        }
    }

    #[test]
    fn tensors_of_another_model_are_refused() {
        let reservoir = ReservoirConfig { size: 10, connections: 2, warm_up: 3, ..Default::default() };
        refuses_tensors(&PolynomialConfig { degree: 2, ..PolynomialConfig::default() });
        refuses_tensors(&NvarConfig::default());
        refuses_tensors(&reservoir);
        let (runs, train, normalisation) = runs(&Lorenz::default(), 0.01);
        let fitted = reservoir.fit(&runs, &train, &normalisation, 0).unwrap();
        for unit in [-1.0, 0.5, 10.0, f64::NAN] {
            let mut other = fitted.clone();
            other.insert("from", vec![10, 2], Values::F64(vec![unit; 20]));
            let Err(error) = reservoir.forecaster(&other, normalisation.clone()) else { panic!("{unit}") };
            assert_eq!(
                error.to_string(),
                format!("tensor from holds {unit}, which is none of the numbers of 10 units")
            );
        }
    }

    #[test]
    fn impossible_settings_are_refused_by_their_key_value_and_range() {
        fn refused<C: FittedConfig>(settings: &str) -> String {
            let config: C = serde_json::from_str(settings).unwrap();
            let (runs, train, normalisation) = runs(&Lorenz::default(), 0.01);
            assert_eq!(C::default().check(), Ok(()));
            match config.check() {
                Ok(()) => config.fit(&runs, &train, &normalisation, 0).unwrap_err(),
                Err(sentence) => {
                    assert_eq!(config.fit(&runs, &train, &normalisation, 0).as_ref(), Err(&sentence));
                    assert!(config.forecaster(&Tensors::default(), normalisation).is_err());
                    sentence
                }
            }
        }
        let polynomial = refused::<PolynomialConfig>;
        assert_eq!(polynomial(r#"{"degree": 0}"#), "degree = 0 must lie between 1 and 8");
        assert_eq!(polynomial(r#"{"degree": 9}"#), "degree = 9 must lie between 1 and 8");
        let nvar = refused::<NvarConfig>;
        assert_eq!(nvar(r#"{"delays": 0}"#), "delays = 0 must lie between 1 and 100");
        assert_eq!(nvar(r#"{"skip": 0}"#), "skip = 0 must lie between 1 and 1000");
        assert_eq!(nvar(r#"{"degree": 5}"#), "degree = 5 must lie between 1 and 4");
        assert_eq!(nvar(r#"{"ridge": -1}"#), "ridge = -1.0 must lie between 0.0 and 1000000.0");
        assert!(nvar(r#"{"delays": 100}"#).contains("makes 348881876 monomials of 3 inputs at 100 times"));
        assert!(nvar(r#"{"delays": 2, "skip": 200}"#).contains("delays = 2, skip = 200: a history of 201"));
        let reservoir = refused::<ReservoirConfig>;
        assert_eq!(reservoir(r#"{"size": 0}"#), "size = 0 must lie between 1 and 2000");
        assert_eq!(reservoir(r#"{"size": 5, "connections": 6}"#), "connections = 6 must lie between 1 and 5");
        assert_eq!(
            reservoir(r#"{"spectral_radius": -1}"#),
            "spectral_radius = -1.0 must lie between 0.0 and 10.0"
        );
        assert!(reservoir(r#"{"input_scale": 0}"#).starts_with("input_scale = 0.0 must lie between"));
        assert!(reservoir(r#"{"leak": 1.5}"#).starts_with("leak = 1.5 must lie between"));
        assert!(reservoir(r#"{"bias": -1}"#).starts_with("bias = -1.0 must lie between"));
        assert!(reservoir(r#"{"ridge": 0}"#).starts_with("ridge = 0.0 must lie between"));
        assert!(reservoir(r#"{"warm_up": 0}"#).starts_with("warm_up = 0 must lie between"));
        assert!(reservoir(r#"{"warm_up": 300}"#).starts_with("warm_up = 300: a history of 300 samples and"));
        for key in ["size", "degrees"] {
            assert!(serde_json::from_str::<NvarConfig>(&format!(r#"{{"{key}": 1}}"#)).is_err());
        }
        let not_a_number = ReservoirConfig { leak: f64::NAN, ..Default::default() };
        assert!(not_a_number.check().unwrap_err().starts_with("leak = NaN must lie between"));
    }

    #[test]
    fn trajectories_that_cannot_be_fitted_are_refused() {
        let (runs, train, normalisation) = runs(&Lorenz::default(), 0.01);
        let mut u = runs.u().to_vec();
        u[3 * 150] = f64::INFINITY;
        let times = Times::up_to(2.0, 0.01).unwrap();
        let broken = Trajectories::new(times, [3, 0], u, vec![]);
        fn refuses<C: FittedConfig>(runs: &Trajectories, train: &[usize], normalisation: &Normalisation) {
            let config = C::default();
            assert!(config.fit(runs, train, normalisation, 0).unwrap_err().contains("not finite"));
            assert!(config.fit(runs, &[], normalisation, 0).unwrap_err().contains("no training trajectory"));
        }
        refuses::<PolynomialConfig>(&broken, &train, &normalisation);
        refuses::<NvarConfig>(&broken, &train, &normalisation);
        refuses::<ReservoirConfig>(&broken, &train, &normalisation);
    }
}
