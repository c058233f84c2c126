//! What every network of the registry must do.

use dataset::{Batch, BatchOrder, Examples, Normalisation};
use forecast::{Starts, rollout};
use sim::systems::Oscillator;
use sim::{Solver, System};
use trajectory::{Times, Trajectories};

use super::*;
use crate::derivatives::tests::{are_slopes, follow_one};
use crate::devices;
use crate::learner::{At, Dropout, Sequences};
use crate::machine::values;
use crate::parameters::{flatten, flatten_gradients, unflatten};
use crate::registry::{Entry, MODELS, Training};
use crate::tensors::Values;
use burn::module::Param;
use burn::tensor::Tensor;
use kernels::operation::Implementation;
use serde_json::Value;

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
    Machine { device: devices::CPU.open().unwrap(), kernels, precision: Precision::F32 }
}

fn recipe() -> Recipe {
    Recipe {
        optimizer: Optimizer::default(),
        gradient_norm: 1.0,
        dropout: 0.0,
        input_noise: 0.0,
        unroll: 1,
        seed: 0,
    }
}

fn networks() -> impl Iterator<Item = &'static Entry> {
    MODELS.iter().filter(|entry| matches!(entry.training, Training::Steps { .. }))
}

fn scales() -> Normalisation {
    Normalisation::fit(&runs(), &[0, 1, 2])
}

fn named(name: &str) -> &'static Entry {
    MODELS.iter().find(|entry| entry.name == name).unwrap()
}

/// One step of this learning rate.
fn step(learner: &mut dyn Learner, batch: &Batch, learning_rate: f64) -> f64 {
    learner.step(batch, At { step: 0, learning_rate })
}

/// Every network, by our own kernels and by Burn, with its defaults; and `ffnn` on a window.
fn fixtures() -> impl Iterator<Item = Fixture> {
    let both = [Implementation::Own, Implementation::Burn];
    let defaults = networks().map(|entry| (entry, (entry.defaults)()));
    let window = (named("ffnn"), serde_json::json!({"hidden": 24, "depth": 2, "window": 3}));
    let all = defaults.chain([window]);
    all.flat_map(move |(entry, settings)| both.map(|kernels| Fixture::of(entry, settings.clone(), kernels)))
}

/// Every network that can carry its memory on, doing so.
fn carried() -> impl Iterator<Item = Fixture> {
    ["gru", "lstm", "rnn"].into_iter().map(|name| {
        let settings = serde_json::json!({"hidden": 24, "layers": 2, "window": 5, "memory": "carried"});
        Fixture::of(named(name), settings, Implementation::Own)
    })
}

impl Fixture {
    fn new(entry: &'static Entry, kernels: Implementation) -> Self {
        Self::of(entry, (entry.defaults)(), kernels)
    }

    fn of(entry: &'static Entry, settings: Value, kernels: Implementation) -> Self {
        let runs = runs();
        let window = (entry.check)(&settings).unwrap();
        let normalisation = Normalisation::fit(&runs, &[0, 1, 2]);
        let examples = Examples::new(&runs, &[0, 1, 2], &normalisation, window, 1).unwrap();
        let mut batch = Batch::default();
        examples.gather(BatchOrder::new(0, examples.count(), 32).at(0), window, &mut batch);
        Fixture { entry, settings, window, normalisation, batch, machine: machine(kernels), recipe: recipe() }
    }

    fn learner(&self, seed: u64) -> Box<dyn Learner> {
        let recipe = Recipe { seed, ..self.recipe.clone() };
        self.try_learner(&recipe).unwrap()
    }

    fn try_learner(&self, recipe: &Recipe) -> Result<Box<dyn Learner>, String> {
        let Training::Steps { learner, .. } = self.entry.training else { panic!("no network") };
        learner(&self.settings, &self.normalisation, recipe, &self.machine)
    }

    /// Lengthens the batch for so many free-running steps.
    fn free_run(&mut self, steps: usize) {
        let length = self.window + steps - 1;
        let examples = Examples::new(&runs(), &[0, 1, 2], &self.normalisation, length, 1).unwrap();
        examples.gather(BatchOrder::new(0, examples.count(), 32).at(0), length, &mut self.batch);
        self.recipe.unroll = steps;
    }

    /// The batch as a loss takes it, tracked by autodiff or not.
    fn sequences(&self, tracked: bool) -> Sequences {
        let machine = if tracked { self.machine.autodiff() } else { self.machine.clone() };
        Sequences::new(&self.batch, self.window, &self.normalisation, &machine)
    }

    fn forecaster(&self, weights: &Tensors) -> Box<dyn Forecaster> {
        let scales = self.normalisation.clone();
        (self.entry.forecaster)(&self.settings, weights, scales, &self.recipe, &self.machine).unwrap()
    }
}

#[test]
fn registry_keys_and_file_stems_agree() {
    let folder = std::env::var("CARGO_MANIFEST_DIR").unwrap() + "/src/networks";
    let mut stems: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|stem| !["mod", "tests"].contains(&stem.as_str()))
        .collect();
    stems.sort();
    let mut names: Vec<&str> = networks().map(|entry| entry.name).collect();
    names.sort();
    assert_eq!(stems, names);
}

#[test]
fn every_network_overfits_one_batch() {
    for fixture in fixtures().chain(carried()) {
        let mut learner = fixture.learner(0);
        let before = learner.loss(&fixture.batch);
        for _ in 0..1000 {
            step(&mut *learner, &fixture.batch, 1e-2);
        }
        let after = learner.loss(&fixture.batch);
        // an energy score is no square
        let part = if fixture.entry.name == GanConfig::NAME { 0.4 } else { 1e-3 };
        assert!(after < part * before, "{}: {before} to {after}", fixture.entry.name);
    }
}

#[test]
fn every_network_repeats_from_its_seed() {
    for fixture in fixtures().chain(carried()) {
        let train = |seed| {
            let mut learner = fixture.learner(seed);
            (0..3).for_each(|_| {
                step(&mut *learner, &fixture.batch, 1e-2);
            });
            learner.weights()
        };
        assert_eq!(train(1), train(1), "{}", fixture.entry.name);
        assert_ne!(train(1), train(2), "{}", fixture.entry.name);
    }
}

#[test]
fn every_network_continues_to_the_same_bits() {
    for fixture in fixtures().chain(carried()) {
        let mut straight = fixture.learner(0);
        (0..3).for_each(|_| {
            step(&mut *straight, &fixture.batch, 1e-2);
        });
        let (weights, state) = (straight.weights(), straight.optimizer_state());
        // of the same seed, by which noise is drawn, but somewhere else
        let mut continued = fixture.learner(0);
        step(&mut *continued, &fixture.batch, 1e-1);
        continued.restore(&weights, &state).unwrap();
        for learner in [&mut straight, &mut continued] {
            (0..3).for_each(|_| {
                step(&mut **learner, &fixture.batch, 1e-2);
            });
        }
        assert_eq!(straight.weights(), continued.weights(), "{}", fixture.entry.name);
        assert_eq!(straight.optimizer_state(), continued.optimizer_state());
    }
}

#[test]
fn every_network_comes_back_from_disk_and_forecasts_the_same() {
    for fixture in fixtures().chain(carried()) {
        let mut learner = fixture.learner(0);
        step(&mut *learner, &fixture.batch, 1e-2);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        learner.weights().save(&path).unwrap();
        let trained = fixture.forecaster(&learner.weights());
        let read = fixture.forecaster(&Tensors::load(&path).unwrap());
        assert_eq!((trained.window(), trained.dim(), trained.known_dim()), (fixture.window, 2, 2));
        // A batch of three, in which each start must be forecast as it is alone.
        let histories: Vec<f64> = (0..3 * fixture.window * 2).map(|i| (i as f64 * 0.37).sin()).collect();
        let known: Vec<f64> = (0..3 * fixture.window * 2).map(|i| (i as f64 * 0.11).cos()).collect();
        let all = Starts { count: 3, histories: &histories, known: &known };
        let (next, again) = (rollout(&*trained, all, 1), rollout(&*read, all, 1));
        assert_eq!(next, again, "{}", fixture.entry.name);
        // the first, since the noise of an ensemble goes by the number of the start
        let one = 0..fixture.window * 2;
        let start = Starts { count: 1, histories: &histories[one.clone()], known: &known[one] };
        let alone = rollout(&*trained, start, 1);
        for j in 0..2 {
            assert!((alone[j] - next[j]).abs() < 1e-5, "{}", fixture.entry.name);
        }
    }
}

#[test]
fn a_loss_that_is_not_finite_changes_nothing() {
    for fixture in fixtures().chain(carried()) {
        let mut learner = fixture.learner(0);
        let before = learner.weights();
        // the target after the last sample of the first window, which every network is trained on
        let last = (fixture.window - 1) * fixture.batch.shape[3];
        let mut broken = fixture.batch.clone();
        broken.targets[last] = f64::NAN;
        let state = learner.optimizer_state();
        assert!(step(&mut *learner, &broken, 1e-2).is_nan());
        if fixture.entry.name == GanConfig::NAME {
            // the slope of an absolute value is finite however large that is
            assert_eq!((learner.weights(), learner.optimizer_state()), (before, state));
            continue;
        }
        // finite errors of which the gradient is not
        let mut steep = fixture.batch.clone();
        steep.targets.iter_mut().for_each(|x| *x = 1e25);
        assert!(!step(&mut *learner, &steep, 1e-2).is_finite());
        assert_eq!((learner.weights(), learner.optimizer_state()), (before, state));
    }
}

#[test]
fn gradients_are_clipped_to_the_norm() {
    // Adam is blind to the scale of a gradient but for epsilon, so the moments are looked at.
    for fixture in fixtures().chain(carried()) {
        let mut wild = fixture.batch.clone();
        wild.targets.iter_mut().for_each(|x| *x *= 1e4);
        let mut learner = fixture.learner(0);
        step(&mut *learner, &wild, 1e-3);
        let state = learner.optimizer_state();
        let mut moments = state.tensors.iter().filter(|(name, _)| name.ends_with("first_moment")).peekable();
        assert!(moments.peek().is_some());
        for (name, moment) in moments {
            let moment = state.numbers(name, &moment.shape).unwrap();
            let norm = moment.iter().map(|x| x.powi(2)).sum::<f64>().sqrt() / 0.1;
            // a discriminator may have less to learn
            let least = if name.starts_with("discriminator") { 0.0 } else { 1.0 - 1e-3 };
            assert!((least..1.0 + 1e-3).contains(&norm), "{} {name}: {norm}", fixture.entry.name);
        }
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
    fn forward(&self, inputs: Tensor<3>, dropout: &mut Dropout) -> Tensor<3> {
        let state = inputs.clone().narrow(2, 0, 2);
        state * self.keep.val().unsqueeze() + self.correction.forward(inputs, dropout)
    }
}

fn corrected(kernels: Implementation) -> Corrected {
    let (machine, draws) = (machine(kernels), &mut stream(0, "weights", 0));
    Corrected {
        keep: Param::from_tensor(Tensor::from_data([0.5, -0.25], &machine.device)),
        correction: RnnConfig::default().init(&scales(), draws, &machine),
    }
}

#[test]
fn a_network_can_be_a_part_of_a_module_that_burn_differentiates() {
    let entry = named(RnnConfig::NAME);
    let fixture = Fixture::new(entry, Implementation::Own);
    let gradient = |network: &Corrected| {
        let loss = network.loss(&fixture.sequences(true), &mut Dropout::none());
        values(flatten_gradients(network, &mut loss.backward()))
    };
    let networks = [Implementation::Own, Implementation::Burn].map(|kernels| corrected(kernels).train());
    let [own, burn] = [gradient(&networks[0]), gradient(&networks[1])];
    let size = burn.iter().fold(0.0f64, |size, g| size.max(g.abs()));
    assert_eq!(own.len(), networks[0].num_params());
    for (own, burn) in own.iter().zip(&burn) {
        assert!((own - burn).abs() < 1e-5 * size, "{own} {burn}");
    }
    // and it can be trained
    let method = recipe().optimizer.method().unwrap();
    let network = corrected(Implementation::Own);
    let modelled =
        Modelled::new(network, fixture.window, &fixture.normalisation, &fixture.recipe, &fixture.machine);
    let mut learner = Supervised::new(modelled, method, 1.0);
    let before = learner.loss(&fixture.batch);
    for _ in 0..300 {
        step(&mut learner, &fixture.batch, 1e-2);
    }
    assert!(learner.loss(&fixture.batch) < 1e-2 * before);
}

/// The gradient against central differences of the loss, along each tensor's own gradient, so that one that
/// stands in the wrong place of the vector shows.
fn gradient_is_the_slope<C: NetworkConfig>(config: &C, kernels: Implementation, free: usize) {
    let entry = named(C::NAME);
    let mut fixture = Fixture::new(entry, kernels);
    fixture.machine.precision = Precision::F64;
    if free > 1 {
        fixture.free_run(free);
    }
    let machine = &fixture.machine;
    let network = config.init(&fixture.normalisation, &mut stream(0, "weights", 0), machine).train();
    let tracked = network.loss(&fixture.sequences(true), &mut Dropout::none());
    let gradient = values(flatten_gradients(&network, &mut tracked.backward()));
    let weights = values(flatten(&network));
    let mut from = 0;
    for (name, shape) in network.layout() {
        let range = from..from + shape.iter().product::<usize>();
        from = range.end;
        let slope: f64 = gradient[range.clone()].iter().map(|g| g.powi(2)).sum();
        let h = 1e-4 / slope.sqrt();
        let moved = |sign: f64| {
            let mut moved = weights.clone();
            for i in range.clone() {
                moved[i] += sign * h * gradient[i];
            }
            let network = unflatten(network.clone(), &machine.tensor(&moved, [moved.len()])).valid();
            values(network.loss(&fixture.sequences(false), &mut Dropout::none()))[0]
        };
        let measured = (moved(1.0) - moved(-1.0)) / (2.0 * h);
        assert!((measured / slope - 1.0).abs() < 1e-5, "{} {name}: {measured} {slope}", C::NAME);
    }
    assert_eq!(from, weights.len());
}

#[test]
fn gradients_are_the_slope_of_the_loss() {
    for kernels in [Implementation::Own, Implementation::Burn] {
        for free in [1, 3] {
            gradient_is_the_slope(&FfnnConfig::default(), kernels, free);
            gradient_is_the_slope(&RnnConfig::default(), kernels, free);
            gradient_is_the_slope(&AutoencoderConfig::default(), kernels, free);
        }
    }
}

#[test]
fn own_kernels_and_burn_agree() {
    for entry in networks() {
        for optimizer in Optimizer::ALL.iter().filter(|optimizer| optimizer.learning_rate().is_some()) {
            let train = |kernels| {
                let mut fixture = Fixture::new(entry, kernels);
                fixture.recipe.optimizer = optimizer.clone();
                let mut learner = fixture.learner(0);
                let losses: Vec<f64> = (0..20).map(|_| step(&mut *learner, &fixture.batch, 1e-3)).collect();
                (losses, learner.weights())
            };
            let ((own, weights), (burn, same)) = (train(Implementation::Own), train(Implementation::Burn));
            for (own, burn) in own.iter().zip(&burn) {
                assert!((own / burn - 1.0).abs() < 1e-4, "{} {optimizer:?}: {own} {burn}", entry.name);
            }
            for (name, tensor) in &weights.tensors {
                let same = same.numbers(name, &tensor.shape).unwrap();
                for (own, burn) in weights.numbers(name, &tensor.shape).unwrap().iter().zip(&same) {
                    assert!((own - burn).abs() < 1e-4, "{} {optimizer:?} {name}: {own} {burn}", entry.name);
                }
            }
        }
    }
}

#[test]
fn weights_of_one_implementation_are_weights_of_the_other() {
    for entry in networks() {
        let fixture = Fixture::new(entry, Implementation::Own);
        let mut learner = fixture.learner(0);
        step(&mut *learner, &fixture.batch, 1e-2);
        let histories: Vec<f64> = (0..fixture.window * 2).map(|i| (i as f64 * 0.37).sin()).collect();
        let [own, burn] = [Implementation::Own, Implementation::Burn].map(|kernels| {
            let made = Fixture::new(entry, kernels).forecaster(&learner.weights());
            rollout(&*made, Starts { count: 1, histories: &histories, known: &histories }, 1)
        });
        assert!((own[0] - burn[0]).abs() < 1e-6 && (own[1] - burn[1]).abs() < 1e-6, "{own:?} {burn:?}");
    }
}

#[test]
fn large_networks_repeat_on_any_number_of_threads() {
    // Large enough that products run on several threads, and that Burn's gradient is summed in parts.
    let entry = named(FfnnConfig::NAME);
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
                    step(&mut *learner, &fixture.batch, 1e-3);
                });
                learner.weights()
            })
        };
        let alone = train(1);
        assert!(alone.count() > 1 << 20);
        assert!(alone == train(3));
    }
}

fn optimizer(name: &str) -> Optimizer {
    Optimizer::ALL.into_iter().find(|optimizer| optimizer.name() == name).unwrap()
}

#[test]
fn levenberg_marquardt_learns_in_f64_continues_and_forecasts_in_f64() {
    learns_in_f64("levenberg-marquardt", 30);
}

#[test]
fn lbfgs_learns_in_f64_continues_and_forecasts_in_f64() {
    learns_in_f64("lbfgs", 200);
}

#[test]
fn networks_of_f64_continue_and_forecast_in_f64() {
    learns_in_f64("adam", 1000);
}

fn learns_in_f64(name: &str, steps: usize) {
    let entry = named(FfnnConfig::NAME);
    let mut fixture = Fixture::new(entry, Implementation::Own);
    fixture.settings = serde_json::json!({"hidden": 6, "depth": 1, "activation": "tanh"});
    fixture.recipe.optimizer = optimizer(name);
    if !fixture.recipe.optimizer.keeps_its_batch() {
        fixture.machine.precision = Precision::F64;
    }
    let mut learner = fixture.learner(0);
    let before = learner.loss(&fixture.batch);
    for _ in 0..steps {
        step(&mut *learner, &fixture.batch, 3e-2);
    }
    let after = learner.loss(&fixture.batch);
    assert!(after < 1e-4 * before, "{name}: {before} to {after}");
    let (weights, state) = (learner.weights(), learner.optimizer_state());
    assert!(weights.tensors.values().all(|tensor| matches!(tensor.values, Values::F64(_))));
    let mut continued = fixture.learner(9);
    continued.restore(&weights, &state).unwrap();
    for learner in [&mut learner, &mut continued] {
        (0..3).for_each(|_| {
            step(&mut **learner, &fixture.batch, 3e-2);
        });
    }
    assert!(
        learner.weights() == continued.weights() && learner.optimizer_state() == continued.optimizer_state()
    );
    // the forecaster's increment on an example of the batch is the network's, to f64
    let made = fixture.forecaster(&learner.weights());
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
    for (name, kernels, unroll, dropout) in [
        ("rnn", Implementation::Own, 1, 0.0),
        ("ffnn", Implementation::Burn, 1, 0.0),
        ("ffnn", Implementation::Own, 2, 0.0),
        ("ffnn", Implementation::Own, 1, 0.5),
    ] {
        let mut fixture = Fixture::new(named(name), kernels);
        fixture.settings = serde_json::json!({"hidden": 10});
        let optimizer = optimizer("levenberg-marquardt");
        let message = fixture.try_learner(&Recipe { optimizer, unroll, dropout, ..recipe() }).err().unwrap();
        assert!(
            message.contains("levenberg-marquardt") && message.contains("model.name = \"ffnn\""),
            "{message}"
        );
    }
    let entry = named(FfnnConfig::NAME);
    let mut fixture = Fixture::new(entry, Implementation::Own);
    fixture.settings = serde_json::json!({"hidden": 2, "depth": 1});
    for (gradient_tolerance, step_tolerance, words) in [(1e9, 0.0, "gradient"), (0.0, 1e9, "step")] {
        let optimizer = Optimizer::LevenbergMarquardt { damping: 1e-3, gradient_tolerance, step_tolerance };
        fixture.recipe.optimizer = optimizer;
        let mut learner = fixture.learner(0);
        assert_eq!(learner.converged(), None);
        step(&mut *learner, &fixture.batch, 0.0);
        assert!(learner.converged().unwrap().contains(words));
    }
}

#[test]
fn every_network_of_one_loss_learns_by_lbfgs() {
    for mut fixture in fixtures().filter(|fixture| fixture.entry.name != GanConfig::NAME) {
        fixture.recipe.optimizer = optimizer("lbfgs");
        let mut learner = fixture.learner(0);
        let before = learner.loss(&fixture.batch);
        for _ in 0..100 {
            step(&mut *learner, &fixture.batch, 0.0);
        }
        let after = learner.loss(&fixture.batch);
        assert!(after < 1e-3 * before, "{}: {before} to {after}", fixture.entry.name);
    }
}

/// Sums of the squared errors of forecasts from the windows of a batch, in standard deviations of the increments: one sum
/// for the first sample of each forecast, and one for the later samples.
fn squares_of_forecasts(fixture: &Fixture, weights: &Tensors, steps: usize) -> [f64; 2] {
    let (window, scales) = (fixture.window, scales());
    let [count, length, features, dim] = fixture.batch.shape;
    let physical = |j: usize, x: f64| x * scales.std[j] + scales.mean[j];
    let sample = |i: usize, t: usize| &fixture.batch.inputs[(i * length + t) * features..][..features];
    let (mut histories, mut known) = (Vec::new(), Vec::new());
    for i in 0..count {
        for t in 0..length {
            let all: Vec<f64> = sample(i, t).iter().enumerate().map(|(j, x)| physical(j, *x)).collect();
            known.extend(&all[dim..]);
            if t < window {
                histories.extend(&all[..dim]);
            }
        }
    }
    let forecaster = fixture.forecaster(weights);
    let starts = Starts { count, histories: &histories, known: &known };
    let forecast = rollout(&*forecaster, starts, steps);
    let mut sums = [0.0; 2];
    for i in 0..count {
        for k in 0..steps {
            for j in 0..dim {
                let now = physical(j, sample(i, window - 1 + k)[j]);
                let target = fixture.batch.targets[(i * length + window - 1 + k) * dim + j];
                let truth = scales.advance(j, now, target);
                let error = forecast[(i * steps + k) * dim + j] - truth;
                sums[k.min(1)] += (error / scales.increment_std[j]).powi(2);
            }
        }
    }
    sums
}

/// The validation loss is the error of forecasts; the outputs of a network for the samples before the last of a window have
/// no influence on it.
#[test]
fn the_validation_loss_is_the_error_of_forecasts_of_one_sample() {
    let own_losses = [GanConfig::NAME, AutoencoderConfig::NAME];
    for mut fixture in fixtures().filter(|fixture| !own_losses.contains(&fixture.entry.name)) {
        fixture.machine.precision = Precision::F64;
        let mut learner = fixture.learner(0);
        let [count, _, _, dim] = fixture.batch.shape;
        let [square, _] = squares_of_forecasts(&fixture, &learner.weights(), 1);
        let (found, expected) = (learner.loss(&fixture.batch), square / (count * dim) as f64);
        assert!((found / expected - 1.0).abs() < 1e-9, "{}: {found} {expected}", fixture.entry.name);
        // the training loss counts all samples of a window
        let trained = step(&mut *learner, &fixture.batch, 0.0);
        if ["rnn", "gru", "lstm"].contains(&fixture.entry.name) {
            assert!((trained / found - 1.0).abs() > 1e-3, "{}: {trained} {found}", fixture.entry.name);
        }
    }
}

/// What training takes for the error of free running is the error of the forecasts.
#[test]
fn the_loss_of_a_free_run_is_that_of_forecasts() {
    let windows = ["ffnn", "gru"].map(|name| Fixture::new(named(name), Implementation::Own));
    for mut fixture in windows.into_iter().chain(carried()) {
        let name = format!("{} {}", fixture.entry.name, fixture.settings);
        fixture.machine.precision = Precision::F64;
        let (steps, window, scales) = (4, fixture.window, scales());
        fixture.free_run(steps);
        let mut learner = fixture.learner(0);
        let validation = learner.loss(&fixture.batch);
        let [count, _, _, dim] = fixture.batch.shape;
        let [first, later] = squares_of_forecasts(&fixture, &learner.weights(), steps);
        let expected = (first + later) / (count * dim * steps) as f64;
        assert!((validation / expected - 1.0).abs() < 1e-9, "{name}: {validation} {expected}");

        // The squared errors after the samples of the window are those of a batch of windows alone.
        let mut alone = Fixture::of(fixture.entry, fixture.settings.clone(), Implementation::Own);
        alone.machine.precision = Precision::F64;
        let examples = Examples::new(&runs(), &[0, 1, 2], &scales, window + steps - 1, 1).unwrap();
        examples.gather(BatchOrder::new(0, examples.count(), 32).at(0), window, &mut alone.batch);
        let within = step(&mut *alone.learner(0), &alone.batch, 0.0) * (count * window * dim) as f64;
        let trained = step(&mut *learner, &fixture.batch, 0.0);
        let expected = (within + later) / (count * dim * (window + steps - 1)) as f64;
        assert!((trained / expected - 1.0).abs() < 1e-9, "{name}: {trained} {expected}");
    }
}

#[test]
fn free_runs_on_our_kernels_are_those_of_burn() {
    let trained = [Implementation::Own, Implementation::Burn].map(|kernels| {
        let mut fixture = Fixture::new(named("ffnn"), kernels);
        fixture.machine.precision = Precision::F64;
        fixture.free_run(6);
        let mut learner = fixture.learner(0);
        let losses: Vec<f64> = (0..5).map(|_| step(&mut *learner, &fixture.batch, 1e-3)).collect();
        (losses, learner.loss(&fixture.batch))
    });
    let [(own, last), (burn, last_of_burn)] = &trained;
    assert!(
        own.iter()
            .chain([last])
            .zip(burn.iter().chain([last_of_burn]))
            .all(|(a, b)| (a / b - 1.0).abs() < 1e-9)
    );
    assert!(own[0] > *last && own != burn, "the same loss by other code: {own:?} {burn:?}");
}

#[test]
fn a_memory_is_carried_by_our_kernels_alone() {
    let settings = serde_json::json!({"memory": "carried", "window": 3});
    let of_burn = Fixture::of(named("gru"), settings.clone(), Implementation::Burn);
    let fault = of_burn.try_learner(&recipe()).err().unwrap();
    assert!(fault.contains("model.memory = \"carried\"") && fault.contains("train.kernels"), "{fault}");
    let own = Fixture::of(named("gru"), settings, Implementation::Own);
    let fault = own.try_learner(&Recipe { dropout: 0.1, ..recipe() }).err().unwrap();
    assert!(fault.contains("train.dropout = 0.1"), "{fault}");
    for (settings, words) in [
        (
            serde_json::json!({"window": 4, "memory": "carried", "warmup": 4}),
            "warmup = 4 must be less than window = 4",
        ),
        (serde_json::json!({"window": 4, "warmup": 2}), "warmup = 2 is for memory = \"carried\""),
        (serde_json::json!({"memory": "kept"}), "expected `window` or `carried`"),
    ] {
        let fault = (named("lstm").check)(&settings).unwrap_err();
        assert!(fault.contains(words), "{fault}");
    }
}

#[test]
fn dropout_is_drawn_by_the_step_and_only_in_training() {
    for mut fixture in fixtures().filter(|fixture| fixture.entry.name != GanConfig::NAME) {
        if fixture.learner(0).weights().tensors.len() <= 2 {
            continue; // the weights and biases of one layer: nothing lies between layers
        }
        let plain = fixture.learner(0).loss(&fixture.batch);
        fixture.recipe.dropout = 0.3;
        let mut learner = fixture.learner(0);
        let near = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-5;
        assert!(near(learner.loss(&fixture.batch), plain), "{}", fixture.entry.name);
        let mut losses = [0, 1, 0]
            .map(|number| fixture.learner(0).step(&fixture.batch, At { step: number, learning_rate: 1e-2 }));
        assert_eq!(losses[0], losses[2], "{}", fixture.entry.name);
        losses[2] = plain;
        assert!(!near(losses[0], losses[1]) && !near(losses[0], plain), "{losses:?}");
        // and it learns all the same
        for number in 0..400 {
            learner.step(&fixture.batch, At { step: number, learning_rate: 3e-3 });
        }
        let after = learner.loss(&fixture.batch);
        assert!(after < 0.5 * plain, "{}: {plain} to {after}", fixture.entry.name);
    }
}

#[test]
fn a_gan_takes_no_recipe_that_means_one_loss() {
    let fixture = Fixture::new(named(GanConfig::NAME), Implementation::Own);
    for (recipe, words) in [
        (Recipe { optimizer: optimizer("lbfgs"), ..recipe() }, "a loss each"),
        (Recipe { optimizer: optimizer("levenberg-marquardt"), ..recipe() }, "a loss each"),
        (Recipe { dropout: 0.1, ..recipe() }, "train.dropout"),
        (Recipe { unroll: 2, ..recipe() }, "train.unroll = 2"),
        (Recipe { input_noise: 0.1, ..recipe() }, "train.input_noise"),
    ] {
        let message = fixture.try_learner(&recipe).err().unwrap();
        assert!(message.contains(words) && message.contains("gan"), "{message}");
    }
}

/// The discriminator's matrices are over their largest singular values, by which its slope is bounded.
#[test]
fn power_iterations_find_the_largest_singular_values() {
    let machine = machine(Implementation::Own);
    let layers = kernels::Dense::stack(7, &[9, 5], 1, kernels::Activation::Gelu);
    let critic = crate::stack::Stack::new(layers, &mut stream(3, "weights", 0), &machine);
    let found = gan::normalised(&critic.clone().train(), 300, &machine);
    let (mut from, weights) = (0, values(critic.weights()));
    for (name, tensor) in critic.network().tensors() {
        let part = from..from + tensor.count();
        from = part.end;
        let [plain, found] = [&weights[part.clone()], &found[part]];
        let &[rows, columns] = &tensor.shape[..] else {
            assert_eq!(plain, found, "{name}");
            continue;
        };
        let matrix = nalgebra::DMatrix::from_row_slice(rows, columns, plain);
        let largest = matrix.singular_values().max();
        for (plain, found) in plain.iter().zip(found) {
            assert!((plain / largest - found).abs() < 1e-4, "{name}: {plain} / {largest}, {found}");
        }
    }
}

/// The energy score of two draws, by hand.
#[test]
fn the_energy_score_is_that_of_its_definition() {
    let machine = machine(Implementation::Own);
    let tensor = |values: [f64; 2]| machine.tensor(&values, [2, 1, 1]);
    // (|1 - 3| + |2 - 3| - |1 - 2|) / 2 = 1 and (|0 - 1| + |4 - 1| - |0 - 4|) / 2 = 0
    let score = gan::energy_score([tensor([1.0, 0.0]), tensor([2.0, 4.0])], tensor([3.0, 1.0]));
    assert!((values(score)[0] - 0.5).abs() < 1e-6);
}

#[test]
fn an_ensemble_has_members_that_differ_and_repeat() {
    let fixture = Fixture::new(named(GanConfig::NAME), Implementation::Own);
    let forecaster = fixture.forecaster(&fixture.learner(0).weights());
    assert_eq!(forecaster.members(), 32);
    let starts = Starts { count: 2, histories: &[0.1, 0.2, 0.1, 0.2], known: &[1.0; 12] };
    let members = || {
        let mut all = Vec::new();
        forecast::run(&*forecaster, starts, 3, 3, |_, states| {
            all.extend_from_slice(states);
            true
        });
        all
    };
    let all = members();
    assert_eq!(all, members());
    for (a, b) in [(0, 1), (1, 2), (0, 3)] {
        assert_ne!(all[2 * a..2 * a + 2], all[2 * b..2 * b + 2], "members {a} and {b}");
    }
}

#[test]
fn an_autoencoder_of_one_component_looks_at_its_delays() {
    let times = Times::up_to(6.0, 0.1).unwrap();
    let u = (0..4).flat_map(|run| times.all().into_iter().map(move |t| (t + f64::from(run)).sin())).collect();
    let runs = Trajectories::new(times, [1, 0], u, vec![]);
    let scales = Normalisation::fit(&runs, &[0, 1, 2]);
    let examples = Examples::new(&runs, &[0, 1, 2], &scales, 3, 1).unwrap();
    let mut batch = Batch::default();
    examples.gather(BatchOrder::new(0, examples.count(), 64).at(0), 3, &mut batch);
    let fixture = Fixture {
        settings: serde_json::json!({"latent": 2, "window": 3, "hidden": 16}),
        window: 3,
        normalisation: scales,
        batch,
        ..Fixture::new(named(AutoencoderConfig::NAME), Implementation::Own)
    };
    let mut learner = fixture.learner(0);
    for number in 0..1500 {
        learner
            .step(&fixture.batch, At { step: number, learning_rate: 3e-3 * (1.0 - number as f64 / 1500.0) });
    }
    let forecaster = fixture.forecaster(&learner.weights());
    let histories: Vec<f64> = (0..3).map(|i| runs.state(3, i)[0]).collect();
    let forecast = rollout(&*forecaster, Starts { count: 1, histories: &histories, known: &[] }, 30);
    for (i, x) in forecast.iter().enumerate() {
        assert!((x - runs.state(3, 3 + i)[0]).abs() < 0.1, "{i}: {x} {}", runs.state(3, 3 + i)[0]);
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
        ("lstm", serde_json::json!({"hidden": 0}), "hidden = 0"),
        ("gru", serde_json::json!({"hidden": 90_000}), "weights"),
        ("cnn", serde_json::json!({"channels": 0}), "channels = 0 must lie between 1 and"),
        ("cnn", serde_json::json!({"layers": 17}), "layers = 17 must lie between 1 and 16"),
        ("cnn", serde_json::json!({"width": 0}), "width = 0"),
        ("cnn", serde_json::json!({"layers": 3, "window": 4}), "window = 4 is so short"),
        ("autoencoder", serde_json::json!({"latent": 0}), "latent = 0"),
        ("autoencoder", serde_json::json!({"latent": 10000}), "latent = 10000 must lie between 1 and 1000"),
        (
            "autoencoder",
            serde_json::json!({"reconstruction": -1.0}),
            "reconstruction = -1.0 must lie between 0",
        ),
        ("gan", serde_json::json!({"members": 1001}), "members = 1001 must lie between 1 and 1000"),
        ("gan", serde_json::json!({"noise": 0}), "noise = 0"),
        ("gan", serde_json::json!({"adversarial": -0.5}), "adversarial = -0.5"),
        ("gan", serde_json::json!({"discriminator_rate": 0.0}), "discriminator_rate = 0.0"),
    ] {
        let entry = named(name);
        let message = (entry.check)(&settings).unwrap_err();
        assert!(message.contains(words), "{message}");
    }
    let list = serde_json::json!({"hidden": [8, 16], "depth": 2});
    let ffnn = named("ffnn");
    assert_eq!((ffnn.check)(&list), Ok(1));
}

/// Every network but the one whose memory is no window, untrained.
fn of_windows() -> impl Iterator<Item = Fixture> {
    fixtures().filter(|fixture| fixture.entry.name != AutoencoderConfig::NAME)
}

#[test]
fn derivatives_of_every_network_are_slopes() {
    for mut fixture in of_windows() {
        fixture.machine.precision = Precision::F64;
        let forecaster = fixture.forecaster(&fixture.learner(1).weights());
        println!("{} {:?}", fixture.entry.name, fixture.machine.kernels);
        are_slopes(&*forecaster, &runs(), &fixture.normalisation, 1e-6);
    }
}

#[test]
fn derivatives_in_f32_are_those_in_f64() {
    for mut fixture in fixtures() {
        let weights = fixture.learner(1).weights();
        let mut precise = Tensors::default();
        for (name, tensor) in &weights.tensors {
            let values = Values::F64(weights.numbers(name, &tensor.shape).unwrap());
            precise.insert(name.clone(), tensor.shape.clone(), values);
        }
        let (runs, window) = (runs(), fixture.window);
        let derived = |fixture: &Fixture, weights: &Tensors| {
            let forecaster = fixture.forecaster(weights);
            let histories: Vec<f64> = (0..window).flat_map(|i| runs.state(1, i)).copied().collect();
            let before: Vec<f64> = (0..window - 1).flat_map(|i| runs.known_at(1, i)).copied().collect();
            let mut tangent = forecaster.begin_tangent(&histories, &before).unwrap();
            let mut vectors = sim::lyapunov::axes(tangent.memory(), tangent.memory());
            let mut next = [0.0; 2];
            tangent.advance(runs.known_at(1, window - 1), &mut next, &mut vectors);
            (next, vectors)
        };
        let single = derived(&fixture, &weights);
        fixture.machine.precision = Precision::F64;
        let double = derived(&fixture, &precise);
        let largest = double.1.iter().map(|x| x.abs()).fold(0.0, f64::max);
        for (a, b) in single.1.iter().zip(&double.1) {
            assert!((a - b).abs() < 1e-5 * largest, "{}: {a} {b}", fixture.entry.name);
        }
        // of states, not of derivatives: those of a linear network are its weights in either precision
        assert!(single.0 != double.0, "{} in f32 and in f64 are the same", fixture.entry.name);
    }
}

fn precise(tensors: &[(&str, &[usize], &[f64])]) -> Tensors {
    let mut all = Tensors::default();
    for (name, shape, values) in tensors {
        all.insert(*name, shape.to_vec(), Values::F64(values.to_vec()));
    }
    all
}

/// Of one component, which change nothing.
fn plain() -> Normalisation {
    Normalisation { mean: vec![0.0], std: vec![1.0], increment_mean: vec![0.0], increment_std: vec![1.0] }
}

#[test]
fn derivatives_of_a_small_network_are_those_by_hand() {
    // y = V' tanh(W' x + b) + c, dy/dx = V' diag(1 - tanh^2) W'
    let (w, b, v) = ([0.5, -1.5, 2.0, 0.25], [0.1, -0.2], [0.75, -0.5, 1.25, 1.0]);
    let weights = precise(&[
        ("0.weight", &[2, 2], &w),
        ("0.bias", &[2], &b),
        ("1.weight", &[2, 2], &v),
        ("1.bias", &[2], &[0.3, 0.4]),
    ]);
    let scales = Normalisation {
        mean: vec![1.0, -2.0],
        std: vec![2.0, 0.5],
        increment_mean: vec![0.1, 0.2],
        increment_std: vec![0.25, 0.125],
    };
    let settings = serde_json::json!({"hidden": 2, "depth": 1, "activation": "tanh"});
    let state = [1.5, -2.25];
    let x = [0.25, -0.5];
    let h = [0, 1].map(|k| (w[k] * x[0] + w[2 + k] * x[1] + b[k]).tanh());
    for kernels in [Implementation::Own, Implementation::Burn] {
        let of =
            (named("ffnn").forecaster)(&settings, &weights, scales.clone(), &recipe(), &machine(kernels));
        let of = of.unwrap();
        let (mut next, mut vectors) = ([0.0; 2], [1.0, 0.0, 0.0, 1.0]);
        of.begin_tangent(&state, &[]).unwrap().advance(&[], &mut next, &mut vectors);
        for j in 0..2 {
            let increment = v[j] * h[0] + v[2 + j] * h[1] + [0.3, 0.4][j];
            let expected = state[j] + scales.increment_mean[j] + scales.increment_std[j] * increment;
            assert!((next[j] - expected).abs() < 1e-12, "{next:?}");
            for i in 0..2 {
                let slope: f64 = (0..2).map(|k| v[2 * k + j] * (1.0 - h[k] * h[k]) * w[2 * i + k]).sum();
                let expected = f64::from(u8::from(i == j)) + scales.increment_std[j] / scales.std[j] * slope;
                assert!((vectors[2 * i + j] - expected).abs() < 1e-12, "{i} {j}: {vectors:?} {expected}");
            }
        }
    }
}

#[test]
fn a_recurrent_network_that_is_linear_has_the_exponents_of_its_matrix() {
    // Small inputs and large outputs make tanh linear, a large bias silu. x(n + 1) = x(n) - 0.6 (x(n) - 0.75 x(n - 1)) has
    // the eigenvalues 0.9 and -0.5, over samples of half a unit of time.
    const SMALL: f64 = 1e-5;
    let weights = precise(&[
        ("0.input", &[1, 1], &[SMALL]),
        ("0.recurrent", &[1, 1], &[-0.75]),
        ("0.bias", &[1], &[0.0]),
        ("1.weight", &[1, 1], &[1.0]),
        ("1.bias", &[1], &[40.0]),
        ("2.weight", &[1, 1], &[-0.6 / SMALL]),
        ("2.bias", &[1], &[40.0 * 0.6 / SMALL]),
    ]);
    let settings = serde_json::json!({"hidden": 1, "window": 2});
    for kernels in [Implementation::Own, Implementation::Burn] {
        let of =
            (named("rnn").forecaster)(&settings, &weights, plain(), &recipe(), &machine(kernels)).unwrap();
        let exponents = follow_one(&*of, 2, 300);
        for (found, eigenvalue) in exponents.iter().zip([0.9f64, 0.5]) {
            assert!((found - 2.0 * eigenvalue.ln()).abs() < 1e-6, "{exponents:?}");
        }
    }
}

#[test]
fn what_a_network_does_not_see_is_left_out_of_its_spectrum() {
    // two layers of two taps see 4 samples of a window of 6, and the map of as many numbers has rank 4
    let settings = serde_json::json!({"channels": 4, "layers": 2, "width": 2, "window": 6});
    let entry = named("cnn");
    let Training::Steps { learner, .. } = entry.training else { panic!("no network") };
    let machine = machine(Implementation::Own);
    let mut weights = learner(&settings, &plain(), &recipe(), &machine).unwrap().weights();
    // so small a change that the state stays where it is: exponents near 0, and one for each sample that it sees
    let last = weights.numbers("3.weight", &[4, 1]).unwrap().iter().map(|x| (1e-3 * x) as f32).collect();
    weights.insert("3.weight", vec![4, 1], Values::F32(last));
    let of = (entry.forecaster)(&settings, &weights, plain(), &recipe(), &machine).unwrap();
    let exponents = follow_one(&*of, 6, 200);
    assert!(exponents.len() == 4 && exponents[0].abs() < 0.01, "{exponents:?}");
    assert!(exponents.iter().all(|exponent| exponent.is_finite()), "{exponents:?}");
}
