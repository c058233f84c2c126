//! What every network of the registry must do.

use dataset::{Batch, BatchOrder, Examples, Normalisation};
use sim::systems::Oscillator;
use sim::{Solver, System, Times, Trajectories};

use super::*;
use crate::devices;
use crate::parameters::{flatten, flatten_gradients, layout, unflatten, values, vector};

fn runs() -> Trajectories {
    let starts: Vec<Vec<f64>> = (0..4).map(|i| vec![f64::from(i) - 1.5, 0.5]).collect();
    let times = Times::up_to(6.0, 0.1).unwrap();
    Oscillator::default().ensemble(&starts, &times, &Solver::default()).unwrap()
}

struct Fixture {
    entry: &'static Entry,
    settings: Value,
    window: usize,
    normalisation: Normalisation,
    batch: Batch,
    device: Device,
}

impl Fixture {
    fn new(entry: &'static Entry) -> Self {
        let (runs, settings) = (runs(), (entry.defaults)());
        let window = (entry.check)(&settings).unwrap();
        let normalisation = Normalisation::fit(&runs, &[0, 1, 2]);
        let examples = Examples::new(&runs, &[0, 1, 2], &normalisation, window, 1).unwrap();
        let mut batch = Batch::default();
        examples.gather(BatchOrder::new(0, examples.count(), 32).at(0), &mut batch);
        let device = devices::CPU.open().unwrap();
        Fixture { entry, settings, window, normalisation, batch, device }
    }

    fn learner(&self, seed: u64) -> Box<dyn Learner> {
        let shape = Shape { features: 4, dim: 2 };
        (self.entry.learner)(&self.settings, shape, seed, 1.0, &self.device).unwrap()
    }
}

#[test]
fn registry_keys_and_file_stems_agree() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/networks");
    let mut stems: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|stem| !["mod", "layers", "tests"].contains(&stem.as_str()))
        .collect();
    stems.sort();
    let mut names: Vec<&str> = NETWORKS.iter().map(|entry| entry.name).collect();
    names.sort();
    assert_eq!(stems, names);
}

#[test]
fn every_network_overfits_one_batch() {
    for fixture in NETWORKS.iter().map(Fixture::new) {
        let mut learner = fixture.learner(0);
        let before = learner.loss(&fixture.batch);
        for _ in 0..1000 {
            learner.step(&fixture.batch, 1e-2);
        }
        let after = learner.loss(&fixture.batch);
        assert!(after < 1e-3 * before, "{}: {before} to {after}", fixture.entry.name);
    }
}

#[test]
fn every_network_repeats_from_its_seed() {
    for fixture in NETWORKS.iter().map(Fixture::new) {
        let train = |seed| {
            let mut learner = fixture.learner(seed);
            (0..3).for_each(|_| {
                learner.step(&fixture.batch, 1e-2);
            });
            learner.weights()
        };
        assert_eq!(train(1), train(1), "{}", fixture.entry.name);
        assert_ne!(train(1), train(2), "{}", fixture.entry.name);
    }
}

#[test]
fn every_network_continues_to_the_same_bits() {
    for fixture in NETWORKS.iter().map(Fixture::new) {
        let mut straight = fixture.learner(0);
        (0..3).for_each(|_| {
            straight.step(&fixture.batch, 1e-2);
        });
        let (weights, state) = (straight.weights(), straight.optimizer_state());
        let mut continued = fixture.learner(9);
        continued.restore(&weights, &state).unwrap();
        for learner in [&mut straight, &mut continued] {
            (0..3).for_each(|_| {
                learner.step(&fixture.batch, 1e-2);
            });
        }
        assert_eq!(straight.weights(), continued.weights(), "{}", fixture.entry.name);
        assert_eq!(straight.optimizer_state(), continued.optimizer_state());
    }
}

#[test]
fn every_network_comes_back_from_disk_and_forecasts_the_same() {
    for fixture in NETWORKS.iter().map(Fixture::new) {
        let mut learner = fixture.learner(0);
        learner.step(&fixture.batch, 1e-2);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        learner.weights().save(&path).unwrap();
        let forecaster = |weights: &Tensors| {
            let normalisation = fixture.normalisation.clone();
            (fixture.entry.forecaster)(&fixture.settings, weights, normalisation, &fixture.device).unwrap()
        };
        let (trained, read) = (forecaster(&learner.weights()), forecaster(&Tensors::load(&path).unwrap()));
        assert_eq!((trained.window(), trained.dim(), trained.known_dim()), (fixture.window, 2, 2));
        // A batch of three, in which each start must be forecast as it is alone.
        let histories: Vec<f64> = (0..3 * fixture.window * 2).map(|i| (i as f64 * 0.37).sin()).collect();
        let known: Vec<f64> = (0..3 * fixture.window * 2).map(|i| (i as f64 * 0.11).cos()).collect();
        let (mut next, mut again, mut alone) = ([0.0; 6], [0.0; 6], [0.0; 2]);
        trained.advance(&histories, &known, &mut next);
        read.advance(&histories, &known, &mut again);
        assert_eq!(next, again, "{}", fixture.entry.name);
        let one = fixture.window * 2..2 * fixture.window * 2;
        trained.advance(&histories[one.clone()], &known[one], &mut alone);
        for j in 0..2 {
            assert!((alone[j] - next[2 + j]).abs() < 1e-5, "{}", fixture.entry.name);
        }
    }
}

#[test]
fn a_loss_that_is_not_finite_changes_nothing() {
    for fixture in NETWORKS.iter().map(Fixture::new) {
        let mut learner = fixture.learner(0);
        let before = learner.weights();
        let mut broken = fixture.batch.clone();
        broken.targets[0] = f32::NAN;
        let state = learner.optimizer_state();
        assert!(learner.step(&broken, 1e-2).is_nan());
        // finite errors of which the gradient is not
        let mut steep = fixture.batch.clone();
        steep.targets.iter_mut().for_each(|x| *x = 1e19);
        assert!(!learner.step(&steep, 1e-2).is_finite());
        assert_eq!((learner.weights(), learner.optimizer_state()), (before, state));
    }
}

#[test]
fn gradients_are_clipped_to_the_norm() {
    // Adam is blind to the scale of a gradient but for epsilon, so the moments are looked at.
    for fixture in NETWORKS.iter().map(Fixture::new) {
        let mut wild = fixture.batch.clone();
        wild.targets.iter_mut().for_each(|x| *x *= 1e4);
        let mut learner = fixture.learner(0);
        learner.step(&wild, 1e-3);
        let state = learner.optimizer_state();
        let count = state.tensors["first_moment"].shape[0];
        let moment = state.f32("first_moment", &[count]).unwrap();
        let norm = moment.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt() / 0.1;
        assert!((norm - 1.0).abs() < 1e-3, "{}: {norm}", fixture.entry.name);
    }
}

/// The gradient against central differences of the loss, along each tensor's own gradient, so that one that
/// stands in the wrong place of the vector shows.
fn gradient_is_the_slope<C: NetworkConfig>() {
    let entry = NETWORKS.iter().find(|entry| entry.name == C::NAME).unwrap();
    let fixture = Fixture::new(entry);
    let shape = Shape { features: 4, dim: 2 };
    let network = C::default().init(shape, &mut stream(0, "weights", 0), &fixture.device).train();
    let on = fixture.device.clone().autodiff();
    let loss = |network: &C::Network, on: &Device| crate::learner::loss(network, &fixture.batch, on);
    let gradient = values(flatten_gradients(&network, &mut loss(&network, &on).backward()));
    let weights = values(flatten(&network));
    let mut from = 0;
    for (name, shape) in layout(&network) {
        let range = from..from + shape.iter().product::<usize>();
        from = range.end;
        let slope: f64 = gradient[range.clone()].iter().map(|g| f64::from(*g).powi(2)).sum();
        let h = 1e-2 / slope.sqrt();
        let moved = |sign: f64| {
            let mut moved = weights.clone();
            for i in range.clone() {
                moved[i] = (f64::from(weights[i]) + sign * h * f64::from(gradient[i])) as f32;
            }
            let network = unflatten(network.clone(), &vector(moved, &fixture.device)).valid();
            f64::from(values(loss(&network, &fixture.device))[0])
        };
        let measured = (moved(1.0) - moved(-1.0)) / (2.0 * h);
        assert!((measured / slope - 1.0).abs() < 1e-2, "{} {name}: {measured} {slope}", C::NAME);
    }
    assert_eq!(from, weights.len());
}

#[test]
fn gradients_are_the_slope_of_the_loss() {
    gradient_is_the_slope::<FfnnConfig>();
    gradient_is_the_slope::<RnnConfig>();
}

#[test]
fn large_networks_repeat_on_any_number_of_threads() {
    // Large enough that products run on several threads, and that the gradient is summed in parts.
    let entry = NETWORKS.iter().find(|entry| entry.name == FfnnConfig::NAME).unwrap();
    let settings = serde_json::json!({"hidden": 1200, "depth": 2});
    let fixture = Fixture::new(entry);
    let mut batch = fixture.batch.clone();
    batch.shape[0] *= 8;
    batch.inputs = batch.inputs.repeat(8);
    batch.targets = batch.targets.repeat(8);
    let train = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let shape = Shape { features: 4, dim: 2 };
            let mut learner = (entry.learner)(&settings, shape, 0, 1.0, &fixture.device).unwrap();
            (0..2).for_each(|_| {
                learner.step(&batch, 1e-3);
            });
            learner.weights()
        })
    };
    let alone = train(1);
    assert!(alone.count() > 1 << 20);
    assert!(alone == train(3));
}

#[test]
fn impossible_settings_are_refused_with_their_range() {
    for (name, settings, words) in [
        ("ffnn", serde_json::json!({"hidden": 0}), "hidden = 0 must lie between 1 and"),
        ("ffnn", serde_json::json!({"hidden": [8, 8]}), "set depth = 2"),
        ("ffnn", serde_json::json!({"hidden": "wide"}), "whole number, or a list"),
        ("ffnn", serde_json::json!({"activation": "sinus"}), "silu"),
        ("rnn", serde_json::json!({"window": 0}), "window = 0"),
        ("rnn", serde_json::json!({"layers": 0}), "layers = 0"),
        ("rnn", serde_json::json!({"hiden": 3}), "hiden"),
    ] {
        let entry = NETWORKS.iter().find(|entry| entry.name == name).unwrap();
        let message = (entry.check)(&settings).unwrap_err();
        assert!(message.contains(words), "{message}");
    }
    let list = serde_json::json!({"hidden": [8, 16], "depth": 2});
    let ffnn = NETWORKS.iter().find(|entry| entry.name == "ffnn").unwrap();
    assert_eq!((ffnn.check)(&list), Ok(1));
}
