//! Training by burn-train against our own training: the same batches must lead to the same weights.

use std::sync::{Arc, Mutex};

use dataset::{Batch, BatchOrder, Examples};
use kernels::operation::Implementation;
use serde_json::{Value, json};
use sim::systems::Oscillator;
use sim::{Precision, Solver, System, Times};

use super::*;
use crate::devices;
use crate::learner::{At, Learner};
use crate::optimizer::Optimizer;
use crate::registry::{Entry, MODELS, Training};

const STEPS: u64 = 7;
const EVERY: u64 = 3;

/// A network on trajectories of an oscillator.
struct Fixture {
    entry: &'static Entry,
    settings: Value,
    window: usize,
    scales: Normalisation,
    examples: Arc<Examples>,
    recipe: Recipe,
    machine: Machine,
}

impl Fixture {
    fn new(name: &str, optimizer: &Optimizer) -> Self {
        let entry = MODELS.iter().find(|entry| entry.name == name).unwrap();
        let settings = small(entry);
        let window = (entry.check)(&settings).unwrap();
        let starts: Vec<Vec<f64>> = (0..4).map(|i| vec![f64::from(i) - 1.5, 0.5]).collect();
        let times = Times::up_to(6.0, 0.1).unwrap();
        let runs = Oscillator::default().ensemble(&starts, &times, &Solver::default()).unwrap();
        let scales = Normalisation::fit(&runs, &[0, 1, 2]);
        let recipe = Recipe {
            optimizer: optimizer.clone(),
            // low enough to clip
            gradient_norm: 0.1,
            dropout: 0.0,
            input_noise: 0.0,
            unroll: 2,
            seed: 3,
        };
        let examples = Examples::new(&runs, &[0, 1, 2], &scales, window + recipe.unroll - 1, 1).unwrap();
        let machine = Machine {
            device: devices::CPU.open().unwrap(),
            kernels: Implementation::Own,
            precision: Precision::F32,
        };
        Fixture { entry, settings, window, scales, examples: Arc::new(examples), recipe, machine }
    }

    fn length(&self) -> usize {
        self.window + self.recipe.unroll - 1
    }

    fn course(&self, directory: &std::path::Path) -> Course {
        let (length, count) = (self.length(), self.examples.count());
        let order = Mutex::new(BatchOrder::new(self.recipe.seed, count, 16));
        let [training, validation] = [Arc::clone(&self.examples), Arc::clone(&self.examples)];
        Course {
            directory: directory.to_owned(),
            steps: STEPS,
            validate_every: EVERY,
            patience: 0,
            batch: Arc::new(move |step| {
                let mut batch = Batch::default();
                training.gather(order.lock().unwrap().at(step), length, &mut batch);
                batch
            }),
            // Of different sizes: the second holds what the first leaves.
            validations: 2,
            validation: Arc::new(move |i| {
                let mut batch = Batch::default();
                let which: Vec<usize> = if i == 0 { (0..100).collect() } else { (100..count).collect() };
                validation.gather(&which, length, &mut batch);
                batch
            }),
            learning_rate: Arc::new(rate),
            terminal: false,
        }
    }

    fn by_burn(&self, course: Course, watch: &mut dyn FnMut(Option<Report>) -> bool) -> Finished {
        let Training::Steps { burn_train, .. } = self.entry.training else { panic!("no network") };
        let train = burn_train.train.unwrap();
        train(&self.settings, &self.scales, &self.recipe, &self.machine, course, watch).unwrap()
    }

    fn learner(&self) -> Box<dyn Learner> {
        let Training::Steps { learner, .. } = self.entry.training else { panic!("no network") };
        learner(&self.settings, &self.scales, &self.recipe, &self.machine).unwrap()
    }
}

/// Few units, so that a test is quick.
fn small(entry: &Entry) -> Value {
    let mut settings = (entry.defaults)();
    for (key, value) in [("hidden", 5), ("channels", 5), ("window", 4), ("depth", 1), ("layers", 2)] {
        if settings.get(key).is_some() {
            settings[key] = json!(value);
        }
    }
    settings
}

/// Another at each step, so that a rate that comes a step late shows.
fn rate(step: u64) -> f64 {
    1e-2 / (step + 1) as f64
}

/// The weights and losses of both loops agree, as far as their arithmetic does.
fn agree(fixture: &Fixture, tolerance: f64, case: &str) {
    let folder = tempfile::tempdir().unwrap();
    let course = fixture.course(folder.path());
    let (mut learner, mut expected) = (fixture.learner(), Vec::new());
    let (mut best, mut since) = ((f64::INFINITY, learner.weights()), Vec::new());
    for step in 0..STEPS {
        let loss = learner.step(&(course.batch)(step), At { step, learning_rate: rate(step) });
        expected.push(Report::Step(loss));
        since.push(loss);
        if (step + 1) % EVERY == 0 || step + 1 == STEPS {
            let batches: Vec<Batch> = (0..2).map(|i| (course.validation)(i)).collect();
            let count: usize = batches.iter().map(|batch| batch.shape[0]).sum();
            let sum: f64 = batches.iter().map(|b| learner.loss(b) * b.shape[0] as f64).sum();
            let validation_loss = sum / count as f64;
            let train_loss = since.iter().sum::<f64>() / since.len() as f64;
            expected.push(Report::Validation { step: step + 1, train_loss, validation_loss });
            since.clear();
            if validation_loss < best.0 {
                best = (validation_loss, learner.weights());
            }
        }
    }

    let mut reports = Vec::new();
    let finished = fixture.by_burn(course, &mut |report| {
        reports.extend(report);
        false
    });
    assert_eq!(finished.steps, STEPS, "{case}");
    assert_eq!(reports.len(), expected.len(), "{case}: {reports:?}");
    let near = |a: f64, b: f64| (a - b).abs() <= tolerance * b.abs().max(1.0);
    for (found, expected) in reports.iter().zip(&expected) {
        let same = match (*found, *expected) {
            (Report::Step(a), Report::Step(b)) => near(a, b),
            (
                Report::Validation { step, train_loss, validation_loss },
                Report::Validation { step: s, train_loss: t, validation_loss: v },
            ) => step == s && near(train_loss, t) && near(validation_loss, v),
            _ => false,
        };
        assert!(same, "{case}: {found:?} is not {expected:?}");
    }
    let found = finished.best.unwrap();
    assert_eq!(found.count(), best.1.count(), "{case}");
    for (name, tensor) in &best.1.tensors {
        let a = found.numbers(name, &tensor.shape).unwrap();
        let b = best.1.numbers(name, &tensor.shape).unwrap();
        assert!(a.iter().zip(&b).all(|(a, b)| near(*a, *b)), "{case}: {name}: {a:?} is not {b:?}");
    }
}

/// Every network in training by steps but the GAN.
fn networks() -> impl Iterator<Item = &'static Entry> {
    let by_steps = |entry: &&Entry| matches!(entry.training, Training::Steps { .. });
    MODELS.iter().filter(by_steps).filter(|entry| entry.name != "gan")
}

#[test]
fn every_network_comes_to_the_weights_of_our_own_loop() {
    for entry in networks() {
        let mut fixture = Fixture::new(entry.name, &Optimizer::default());
        for kernels in [Implementation::Own, Implementation::Burn] {
            fixture.machine.kernels = kernels;
            agree(&fixture, 1e-4, &format!("{} {kernels:?}", entry.name));
        }
        fixture.recipe.dropout = 0.3;
        agree(&fixture, 1e-4, &format!("{} with dropout", entry.name));
    }
}

#[test]
fn every_optimiser_of_burn_takes_the_steps_of_ours() {
    let with_decay = Optimizer::ALL.map(|optimizer| {
        let mut table = json!(optimizer);
        if table.get("weight_decay").is_some() {
            table["weight_decay"] = json!(0.1);
        }
        serde_json::from_value::<Optimizer>(table).unwrap()
    });
    for optimizer in Optimizer::ALL.iter().chain(&with_decay) {
        if optimizer.keeps_its_batch() {
            continue;
        }
        let mut fixture = Fixture::new("ffnn", optimizer);
        agree(&fixture, 1e-4, &format!("{optimizer:?}"));
        // Burn's optimisers hold their settings in f32, so even in f64 the steps agree to 7 digits alone.
        fixture.machine.precision = Precision::F64;
        agree(&fixture, 1e-6, &format!("{optimizer:?} in f64"));
    }
}

#[test]
fn it_stops_when_it_is_told_to_and_when_patience_ends() {
    let fixture = Fixture::new("ffnn", &Optimizer::Sgd { learning_rate: 1.0, weight_decay: 0.0 });
    let folder = tempfile::tempdir().unwrap();
    let course = |name| Course { steps: 100_000, ..fixture.course(&folder.path().join(name)) };
    let mut validations = 0;
    let told = fixture.by_burn(course("told"), &mut |report| {
        validations += u32::from(matches!(report, Some(Report::Validation { .. })));
        validations == 2
    });
    assert!(told.steps >= 2 * EVERY && told.steps < 100_000 && told.best.is_some(), "{}", told.steps);
    assert!(told.step_seconds > 0.0);
    // Uphill the loss never falls below that of the first validation.
    let uphill = Course { learning_rate: Arc::new(|_| -1e-3), patience: 2, ..course("uphill") };
    let impatient = fixture.by_burn(uphill, &mut |_| false);
    assert_eq!(impatient.steps, 3 * EVERY);
    // It leaves the best checkpoint, which is the first, and the last one.
    let files = std::fs::read_dir(folder.path().join("uphill/checkpoint")).unwrap();
    let mut names: Vec<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|n| n.starts_with("model"))
        .collect();
    names.sort();
    assert_eq!(names, ["model-1.bpk", "model-3.bpk"]);
    assert!(folder.path().join("uphill/valid/epoch-3/Loss.log").exists());
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error() {
    let fixture = Fixture::new("ffnn", &Optimizer::default());
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("a file");
    std::fs::write(&blocked, "").unwrap();
    let Training::Steps { burn_train, .. } = fixture.entry.training else { panic!("no network") };
    let train = burn_train.train.unwrap();
    let course = fixture.course(&blocked);
    let failed =
        train(&fixture.settings, &fixture.scales, &fixture.recipe, &fixture.machine, course, &mut |_| false);
    let message = failed.unwrap_err();
    assert!(message.starts_with("burn-train"), "{message}");
}
