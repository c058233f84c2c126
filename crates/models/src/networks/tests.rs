//! What every network of the registry must do.

use dataset::{Batch, BatchOrder, Examples, Normalisation};
use forecast::{Starts, rollout};
use sim::systems::Oscillator;
use sim::{Solver, System, Times, Trajectories};

use super::*;
use crate::devices;
use crate::learner::loss;
use crate::parameters::{flatten, flatten_gradients, unflatten, values, vector};
use burn::module::Param;
use burn::tensor::{Device, Tensor};
use kernels::operation::Implementation;

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
    machine: Machine,
    recipe: Recipe,
}

fn machine(kernels: Implementation) -> Machine {
    Machine { device: devices::CPU.open().unwrap(), kernels }
}

fn recipe() -> Recipe {
    Recipe { optimizer: Optimizer::default(), gradient_norm: 1.0 }
}

/// Every network, by our own kernels and by Burn.
fn fixtures() -> impl Iterator<Item = Fixture> {
    let both = [Implementation::Own, Implementation::Burn];
    NETWORKS.iter().flat_map(move |entry| both.map(|kernels| Fixture::new(entry, kernels)))
}

impl Fixture {
    fn new(entry: &'static Entry, kernels: Implementation) -> Self {
        let (runs, settings) = (runs(), (entry.defaults)());
        let window = (entry.check)(&settings).unwrap();
        let normalisation = Normalisation::fit(&runs, &[0, 1, 2]);
        let examples = Examples::new(&runs, &[0, 1, 2], &normalisation, window, 1).unwrap();
        let mut batch = Batch::default();
        examples.gather(BatchOrder::new(0, examples.count(), 32).at(0), &mut batch);
        Fixture { entry, settings, window, normalisation, batch, machine: machine(kernels), recipe: recipe() }
    }

    fn learner(&self, seed: u64) -> Box<dyn Learner> {
        let shape = Shape { features: 4, dim: 2 };
        (self.entry.learner)(&self.settings, shape, seed, &self.recipe, &self.machine).unwrap()
    }
}

#[test]
fn registry_keys_and_file_stems_agree() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/networks");
    let mut stems: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|stem| !["mod", "tests"].contains(&stem.as_str()))
        .collect();
    stems.sort();
    let mut names: Vec<&str> = NETWORKS.iter().map(|entry| entry.name).collect();
    names.sort();
    assert_eq!(stems, names);
}

#[test]
fn every_network_overfits_one_batch() {
    for fixture in fixtures() {
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
    for fixture in fixtures() {
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
    for fixture in fixtures() {
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
    for fixture in fixtures() {
        let mut learner = fixture.learner(0);
        learner.step(&fixture.batch, 1e-2);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        learner.weights().save(&path).unwrap();
        let forecaster = |weights: &Tensors| {
            let normalisation = fixture.normalisation.clone();
            (fixture.entry.forecaster)(&fixture.settings, weights, normalisation, &fixture.machine).unwrap()
        };
        let (trained, read) = (forecaster(&learner.weights()), forecaster(&Tensors::load(&path).unwrap()));
        assert_eq!((trained.window(), trained.dim(), trained.known_dim()), (fixture.window, 2, 2));
        // A batch of three, in which each start must be forecast as it is alone.
        let histories: Vec<f64> = (0..3 * fixture.window * 2).map(|i| (i as f64 * 0.37).sin()).collect();
        let known: Vec<f64> = (0..3 * fixture.window * 2).map(|i| (i as f64 * 0.11).cos()).collect();
        let all = Starts { count: 3, histories: &histories, known: &known };
        let (next, again) = (rollout(&*trained, all, 1), rollout(&*read, all, 1));
        assert_eq!(next, again, "{}", fixture.entry.name);
        let one = fixture.window * 2..2 * fixture.window * 2;
        let start = Starts { count: 1, histories: &histories[one.clone()], known: &known[one] };
        let alone = rollout(&*trained, start, 1);
        for j in 0..2 {
            assert!((alone[j] - next[2 + j]).abs() < 1e-5, "{}", fixture.entry.name);
        }
    }
}

#[test]
fn a_loss_that_is_not_finite_changes_nothing() {
    for fixture in fixtures() {
        let mut learner = fixture.learner(0);
        let before = learner.weights();
        let mut broken = fixture.batch.clone();
        broken.targets[0] = f64::NAN;
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
    for fixture in fixtures() {
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

/// A module that is no list of layers, though one is a part of it: what stays of the state, and a network's
/// correction, x w + network(x). Burn differentiates it, through the operation of the part.
#[derive(Module, Debug)]
struct Corrected {
    keep: Param<Tensor<1>>,
    correction: crate::stack::Stack,
}

impl Network for Corrected {
    fn forward(&self, inputs: Tensor<3>) -> Tensor<3> {
        let [batch, window, _] = inputs.dims();
        let state = inputs.clone().slice([0..batch, 0..window, 0..2]);
        state * self.keep.val().unsqueeze() + self.correction.forward(inputs)
    }
}

fn corrected(kernels: Implementation) -> Corrected {
    let (machine, draws) = (machine(kernels), &mut stream(0, "weights", 0));
    Corrected {
        keep: Param::from_tensor(Tensor::from_data([0.5, -0.25], &machine.device)),
        correction: RnnConfig::default().init(Shape { features: 4, dim: 2 }, draws, &machine),
    }
}

#[test]
fn a_network_can_be_a_part_of_a_module_that_burn_differentiates() {
    let entry = NETWORKS.iter().find(|entry| entry.name == RnnConfig::NAME).unwrap();
    let fixture = Fixture::new(entry, Implementation::Own);
    let on = fixture.machine.device.clone().autodiff();
    let gradient = |network: &Corrected| {
        let loss = loss(network, &fixture.batch, &on);
        values(flatten_gradients(network, &mut loss.backward()))
    };
    let networks = [Implementation::Own, Implementation::Burn].map(|kernels| corrected(kernels).train());
    let [own, burn] = [gradient(&networks[0]), gradient(&networks[1])];
    let size = burn.iter().fold(0.0f32, |size, g| size.max(g.abs()));
    assert_eq!(own.len(), networks[0].num_params());
    for (own, burn) in own.iter().zip(&burn) {
        assert!((own - burn).abs() < 1e-5 * size, "{own} {burn}");
    }
    // and it can be trained
    let method = recipe().optimizer.method().unwrap();
    let mut learner = Supervised::new(corrected(Implementation::Own), method, 1.0, &fixture.machine.device);
    let before = learner.loss(&fixture.batch);
    for _ in 0..300 {
        learner.step(&fixture.batch, 1e-2);
    }
    assert!(learner.loss(&fixture.batch) < 1e-2 * before);
}

/// The gradient against central differences of the loss, along each tensor's own gradient, so that one that
/// stands in the wrong place of the vector shows.
fn gradient_is_the_slope<C: NetworkConfig>(kernels: Implementation) {
    let entry = NETWORKS.iter().find(|entry| entry.name == C::NAME).unwrap();
    let fixture = Fixture::new(entry, kernels);
    let (shape, device) = (Shape { features: 4, dim: 2 }, &fixture.machine.device);
    let network = C::default().init(shape, &mut stream(0, "weights", 0), &fixture.machine).train();
    let on = device.clone().autodiff();
    let loss = |network: &C::Network, on: &Device| loss(network, &fixture.batch, on);
    let gradient = values(flatten_gradients(&network, &mut loss(&network, &on).backward()));
    let weights = values(flatten(&network));
    let mut from = 0;
    for (name, shape) in network.layout() {
        let range = from..from + shape.iter().product::<usize>();
        from = range.end;
        let slope: f64 = gradient[range.clone()].iter().map(|g| f64::from(*g).powi(2)).sum();
        let h = 1e-2 / slope.sqrt();
        let moved = |sign: f64| {
            let mut moved = weights.clone();
            for i in range.clone() {
                moved[i] = (f64::from(weights[i]) + sign * h * f64::from(gradient[i])) as f32;
            }
            let network = unflatten(network.clone(), &vector(moved, device)).valid();
            f64::from(values(loss(&network, device))[0])
        };
        let measured = (moved(1.0) - moved(-1.0)) / (2.0 * h);
        assert!((measured / slope - 1.0).abs() < 1e-2, "{} {name}: {measured} {slope}", C::NAME);
    }
    assert_eq!(from, weights.len());
}

#[test]
fn gradients_are_the_slope_of_the_loss() {
    for kernels in [Implementation::Own, Implementation::Burn] {
        gradient_is_the_slope::<FfnnConfig>(kernels);
        gradient_is_the_slope::<RnnConfig>(kernels);
    }
}

#[test]
fn own_kernels_and_burn_agree() {
    for entry in NETWORKS {
        for optimizer in Optimizer::ALL.iter().filter(|optimizer| optimizer.learning_rate().is_some()) {
            let train = |kernels| {
                let mut fixture = Fixture::new(entry, kernels);
                fixture.recipe.optimizer = optimizer.clone();
                let mut learner = fixture.learner(0);
                let losses: Vec<f64> = (0..20).map(|_| learner.step(&fixture.batch, 1e-3)).collect();
                (losses, learner.weights())
            };
            let ((own, weights), (burn, same)) = (train(Implementation::Own), train(Implementation::Burn));
            for (own, burn) in own.iter().zip(&burn) {
                assert!((own / burn - 1.0).abs() < 1e-4, "{} {optimizer:?}: {own} {burn}", entry.name);
            }
            for (name, tensor) in &weights.tensors {
                let same = same.f32(name, &tensor.shape).unwrap();
                for (own, burn) in weights.f32(name, &tensor.shape).unwrap().iter().zip(same) {
                    assert!((own - burn).abs() < 1e-4, "{} {optimizer:?} {name}: {own} {burn}", entry.name);
                }
            }
        }
    }
}

#[test]
fn weights_of_one_implementation_are_weights_of_the_other() {
    for entry in NETWORKS {
        let fixture = Fixture::new(entry, Implementation::Own);
        let mut learner = fixture.learner(0);
        learner.step(&fixture.batch, 1e-2);
        let histories: Vec<f64> = (0..fixture.window * 2).map(|i| (i as f64 * 0.37).sin()).collect();
        let [own, burn] = [Implementation::Own, Implementation::Burn].map(|kernels| {
            let (weights, normalisation) = (learner.weights(), fixture.normalisation.clone());
            let made =
                (entry.forecaster)(&fixture.settings, &weights, normalisation, &machine(kernels)).unwrap();
            rollout(&*made, Starts { count: 1, histories: &histories, known: &histories }, 1)
        });
        assert!((own[0] - burn[0]).abs() < 1e-6 && (own[1] - burn[1]).abs() < 1e-6, "{own:?} {burn:?}");
    }
}

#[test]
fn large_networks_repeat_on_any_number_of_threads() {
    // Large enough that products run on several threads, and that Burn's gradient is summed in parts.
    let entry = NETWORKS.iter().find(|entry| entry.name == FfnnConfig::NAME).unwrap();
    for kernels in [Implementation::Own, Implementation::Burn] {
        let mut fixture = Fixture::new(entry, kernels);
        fixture.settings = serde_json::json!({"hidden": 1200, "depth": 2});
        let batch = &mut fixture.batch;
        batch.shape[0] *= 8;
        batch.inputs = batch.inputs.repeat(8);
        batch.targets = batch.targets.repeat(8);
        let train = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut learner = fixture.learner(0);
                (0..2).for_each(|_| {
                    learner.step(&fixture.batch, 1e-3);
                });
                learner.weights()
            })
        };
        let alone = train(1);
        assert!(alone.count() > 1 << 20);
        assert!(alone == train(3));
    }
}

fn least_squares() -> Recipe {
    Recipe { optimizer: Optimizer::ALL[3].clone(), gradient_norm: 1.0 }
}

#[test]
fn levenberg_marquardt_learns_in_f64_continues_and_forecasts_in_f64() {
    let entry = NETWORKS.iter().find(|entry| entry.name == FfnnConfig::NAME).unwrap();
    let mut fixture = Fixture::new(entry, Implementation::Own);
    fixture.settings = serde_json::json!({"hidden": 6, "depth": 1, "activation": "tanh"});
    fixture.recipe = least_squares();
    let mut learner = fixture.learner(0);
    let before = learner.loss(&fixture.batch);
    for _ in 0..30 {
        learner.step(&fixture.batch, 0.0);
    }
    assert!(learner.loss(&fixture.batch) < 1e-4 * before);
    let (weights, state) = (learner.weights(), learner.optimizer_state());
    assert!(weights.tensors.values().all(|tensor| matches!(tensor.values, Values::F64(_))));
    let mut continued = fixture.learner(9);
    continued.restore(&weights, &state).unwrap();
    for learner in [&mut learner, &mut continued] {
        (0..3).for_each(|_| {
            learner.step(&fixture.batch, 0.0);
        });
    }
    assert!(
        learner.weights() == continued.weights() && learner.optimizer_state() == continued.optimizer_state()
    );
    // the forecaster's increment on an example of the batch is the network's, to f64
    let normalisation = fixture.normalisation.clone();
    let made =
        (entry.forecaster)(&fixture.settings, &learner.weights(), normalisation, &fixture.machine).unwrap();
    let inputs = &fixture.batch.inputs[..4];
    let normalisation = &fixture.normalisation;
    let physical = |j: usize| inputs[j] * normalisation.std[j] + normalisation.mean[j];
    let start =
        Starts { count: 1, histories: &[physical(0), physical(1)], known: &[physical(2), physical(3)] };
    let next = rollout(&*made, start, 1);
    let loss = |targets: Vec<f64>| {
        let mut one = learner_of(&fixture, &learner.weights());
        one.loss(&Batch { shape: [1, 1, 4, 2], inputs: inputs.to_vec(), targets })
    };
    let scaled = (0..2).map(|j| normalisation.scale_increment(j, physical(j), next[j])).collect();
    assert!(loss(scaled) < 1e-24);
}

fn learner_of(fixture: &Fixture, weights: &Tensors) -> Box<dyn Learner> {
    let mut learner = fixture.learner(1);
    let state = learner.optimizer_state();
    learner.restore(weights, &state).unwrap();
    learner
}

#[test]
fn levenberg_marquardt_says_what_it_is_for_and_when_it_is_done() {
    let shape = Shape { features: 4, dim: 2 };
    for (name, kernels) in [("rnn", Implementation::Own), ("ffnn", Implementation::Burn)] {
        let entry = NETWORKS.iter().find(|entry| entry.name == name).unwrap();
        let settings = serde_json::json!({"hidden": 10});
        let made = (entry.learner)(&settings, shape, 0, &least_squares(), &machine(kernels));
        let message = made.err().unwrap();
        assert!(
            message.contains("levenberg-marquardt") && message.contains("model.name = \"ffnn\""),
            "{message}"
        );
    }
    let entry = NETWORKS.iter().find(|entry| entry.name == FfnnConfig::NAME).unwrap();
    let mut fixture = Fixture::new(entry, Implementation::Own);
    fixture.settings = serde_json::json!({"hidden": 2, "depth": 1});
    for (gradient_tolerance, step_tolerance, words) in [(1e9, 0.0, "gradient"), (0.0, 1e9, "step")] {
        let optimizer = Optimizer::LevenbergMarquardt { damping: 1e-3, gradient_tolerance, step_tolerance };
        fixture.recipe.optimizer = optimizer;
        let mut learner = fixture.learner(0);
        assert_eq!(learner.converged(), None);
        learner.step(&fixture.batch, 0.0);
        assert!(learner.converged().unwrap().contains(words));
    }
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
