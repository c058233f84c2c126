//! Training by burn-train against our own training: the same batches must lead to the same weights.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dataset::{Batch, BatchOrder, Examples};
use kernels::operation::Implementation;
use serde_json::{Value, json};
use sim::systems::Oscillator;
use sim::{Solver, System};
use trajectory::{Precision, Times};

use super::*;
use crate::devices;
use crate::learner::{At, Learner};
use crate::optimizer::Optimizer;
use crate::registry::{Entry, MODELS, Training};

const STEPS: u64 = 7;
const EVERY: u64 = 3;
const SGD: Optimizer = Optimizer::Sgd { learning_rate: 1.0, weight_decay: 0.0 };

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

    fn training(&self, directory: &std::path::Path) -> BurnTraining {
        let (length, count) = (self.length(), self.examples.count());
        let order = Mutex::new(BatchOrder::new(self.recipe.seed, count, 16));
        let [training, validation] = [Arc::clone(&self.examples), Arc::clone(&self.examples)];
        BurnTraining {
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
            may_be_infinite: Arc::new(|_| false),
            learning_rate: Arc::new(rate),
            terminal: false,
        }
    }

    fn by_burn(&self, training: BurnTraining, watch: &mut dyn FnMut(Option<Report>) -> bool) -> Finished {
        let Training::Steps { burn_train, .. } = self.entry.training else { panic!("no network") };
        let train = burn_train.unwrap();
        train(&self.settings, &self.scales, &self.recipe, &self.machine, training, watch).unwrap()
    }

    /// The weights of our own loop after so many steps at one learning rate.
    fn own_weights(&self, training: &BurnTraining, steps: u64, learning_rate: f64) -> Tensors {
        let mut learner = self.learner();
        for step in 0..steps {
            learner.step(&(training.batch)(step), At { step, learning_rate });
        }
        learner.weights()
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

/// The Euclidean distance between the weights of a network.
fn distance(a: &Tensors, b: &Tensors) -> f64 {
    assert_eq!(a.count(), b.count());
    let squares = |(name, tensor): (&String, &crate::tensors::Tensor)| {
        let [a, b] = [a, b].map(|weights| weights.numbers(name, &tensor.shape).unwrap());
        a.iter().zip(&b).map(|(a, b)| (a - b).powi(2)).sum::<f64>()
    };
    b.tensors.iter().map(squares).sum::<f64>().sqrt()
}

/// Checks that weights are those of our own loop, up to a part of the distance that these moved from the initial ones.
fn assert_near(found: &Tensors, expected: &Tensors, initial: &Tensors, part: f64, case: &str) {
    let (apart, moved) = (distance(found, expected), distance(expected, initial));
    assert!(moved > 0.0 && apart <= part * moved, "{case}: {apart:e} apart after {moved:e}");
}

/// The weights and losses of both loops agree, as far as their arithmetic does: losses up to `tolerance`, weights
/// up to 100 times that, because they are compared with a much smaller distance.
fn agree(fixture: &Fixture, tolerance: f64, case: &str) {
    let folder = tempfile::tempdir().unwrap();
    let training = fixture.training(folder.path());
    let (mut learner, mut expected) = (fixture.learner(), Vec::new());
    let initial = learner.weights();
    let (mut best, mut since) = ((f64::INFINITY, initial.clone()), Vec::new());
    for step in 0..STEPS {
        let loss = learner.step(&(training.batch)(step), At { step, learning_rate: rate(step) });
        expected.push(Report::Step(loss));
        since.push(loss);
        if (step + 1) % EVERY == 0 || step + 1 == STEPS {
            let batches: Vec<Batch> = (0..2).map(|i| (training.validation)(i)).collect();
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
    let finished = fixture.by_burn(training, &mut |report| {
        reports.extend(report);
        false
    });
    assert_eq!((finished.ended, finished.steps), (Ended::Completed, STEPS), "{case}");
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
    assert_near(&finished.best.unwrap(), &best.1, &initial, 100.0 * tolerance, case);
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
    let fixture = Fixture::new("ffnn", &SGD);
    let folder = tempfile::tempdir().unwrap();
    let training = |name| BurnTraining { steps: 100_000, ..fixture.training(&folder.path().join(name)) };
    let mut validations = 0;
    let told = fixture.by_burn(training("told"), &mut |report| {
        validations += u32::from(matches!(report, Some(Report::Validation { .. })));
        validations == 2
    });
    assert!(told.steps >= 2 * EVERY && told.steps < 100_000 && told.best.is_some(), "{}", told.steps);
    assert_eq!(told.ended, Ended::Stopped);
    assert!(told.step_seconds > 0.0);
    // Uphill the loss never falls below that of the first validation.
    let uphill = BurnTraining { learning_rate: Arc::new(|_| -1e-3), patience: 2, ..training("uphill") };
    let [initial, expected] = [0, EVERY].map(|steps| fixture.own_weights(&uphill, steps, -1e-3));
    let impatient = fixture.by_burn(uphill, &mut |_| false);
    assert_eq!((impatient.ended, impatient.steps), (Ended::Patience, 3 * EVERY));
    assert_near(&impatient.best.unwrap(), &expected, &initial, 1e-2, "uphill");
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
fn a_training_that_is_stopped_before_its_last_validation_is_not_complete() {
    let fixture = Fixture::new("ffnn", &SGD);
    let folder = tempfile::tempdir().unwrap();
    let plain = fixture.training(folder.path());
    let [asks, answered] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
    let (batches, validation) = (AtomicUsize::new(0), Arc::clone(&plain.validation));
    let training = BurnTraining {
        // Its first batch is the fifth of all.
        validation: {
            let (asks, answered) = (Arc::clone(&asks), Arc::clone(&answered));
            Arc::new(move |i| {
                if batches.fetch_add(1, Ordering::SeqCst) == 4 {
                    asks.store(true, Ordering::SeqCst);
                    while !answered.load(Ordering::SeqCst) {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    // until the answer has been passed on
                    std::thread::sleep(Duration::from_millis(100));
                }
                validation(i)
            })
        },
        ..plain
    };
    let mut validated = Vec::new();
    let finished = fixture.by_burn(training, &mut |report| {
        if let Some(Report::Validation { step, .. }) = report {
            validated.push(step);
        }
        let stop = asks.load(Ordering::SeqCst);
        answered.store(stop, Ordering::SeqCst);
        stop
    });
    assert_eq!((finished.ended, finished.steps), (Ended::Stopped, STEPS));
    assert_eq!(validated, [EVERY, 2 * EVERY]);
    assert!(finished.best.is_some());
}

#[test]
fn validations_early_in_a_curriculum_do_not_count_for_patience() {
    let fixture = Fixture::new("ffnn", &SGD);
    let folder = tempfile::tempdir().unwrap();
    let plain = fixture.training(folder.path());
    let (batches, validation) = (AtomicUsize::new(0), Arc::clone(&plain.validation));
    let training = BurnTraining {
        steps: 100_000,
        patience: 2,
        learning_rate: Arc::new(|_| -1e-3),
        may_be_infinite: Arc::new(|step| step <= 3 * EVERY),
        // The first three validations of two batches each have no finite loss.
        validation: Arc::new(move |i| {
            let mut batch = validation(i);
            if batches.fetch_add(1, Ordering::SeqCst) < 6 {
                batch.targets.fill(f64::NAN);
            }
            batch
        }),
        ..plain
    };
    // Uphill the fourth stays the best.
    let finished = fixture.by_burn(training, &mut |_| false);
    assert_eq!((finished.ended, finished.steps), (Ended::Patience, 6 * EVERY));
}

#[test]
fn weights_after_a_divergence_are_never_the_best() {
    let fixture = Fixture::new("ffnn", &SGD);
    let folder = tempfile::tempdir().unwrap();
    let plain = fixture.training(folder.path());
    let [initial, expected] = [0, EVERY].map(|steps| fixture.own_weights(&plain, steps, 1e-3));
    let (batch, validation) = (Arc::clone(&plain.batch), Arc::clone(&plain.validation));
    let batches = AtomicUsize::new(0);
    let training = BurnTraining {
        learning_rate: Arc::new(|_| 1e-3),
        batch: Arc::new(move |step| {
            let mut batch = batch(step);
            if step == EVERY + 1 {
                batch.targets.fill(f64::NAN);
            }
            batch
        }),
        // So that the loss of the first one is the highest.
        validation: Arc::new(move |i| {
            let mut batch = validation(i);
            if batches.fetch_add(1, Ordering::SeqCst) < 2 {
                batch.targets.iter_mut().for_each(|x| *x += 100.0);
            }
            batch
        }),
        ..plain
    };
    let (mut losses, mut validations) = (Vec::new(), Vec::new());
    let finished = fixture.by_burn(training, &mut |report| {
        match report {
            Some(Report::Step(loss)) => losses.push(loss),
            Some(Report::Validation { validation_loss, .. }) => validations.push(validation_loss),
            None => {}
        }
        // as where the request to stop comes late
        false
    });
    assert!(losses[EVERY as usize].is_finite() && !losses[EVERY as usize + 1].is_finite(), "{losses:?}");
    assert!(validations[1] < validations[0] && validations[2] < validations[0], "{validations:?}");
    // The step that diverged changes nothing, and those after it neither.
    assert_eq!(finished.steps, EVERY + 1);
    assert_near(&finished.best.unwrap(), &expected, &initial, 1e-2, "diverged");
}

#[test]
fn a_folder_that_cannot_be_written_is_a_failure() {
    let fixture = Fixture::new("ffnn", &Optimizer::default());
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("a file");
    std::fs::write(&blocked, "").unwrap();
    let finished = fixture.by_burn(fixture.training(&blocked), &mut |_| false);
    let Ended::Failed(message) = finished.ended else { panic!("{finished:?}") };
    assert!(message.starts_with("burn-train cannot write to ") && message.contains("a file"), "{message}");
    assert!(finished.best.is_none() && finished.steps == 0);
}

#[test]
fn a_failure_keeps_the_best_weights_until_then() {
    let fixture = Fixture::new("ffnn", &SGD);
    let folder = tempfile::tempdir().unwrap();
    let training = BurnTraining { steps: 100_000, ..fixture.training(folder.path()) };
    let checkpoints = folder.path().join("checkpoint");
    let (mut validated, mut blocked) = (false, false);
    let finished = fixture.by_burn(training, &mut |report| {
        match report {
            Some(Report::Validation { .. }) => validated = true,
            Some(Report::Step(_)) if validated && !blocked => {
                std::fs::rename(&checkpoints, folder.path().join("moved")).unwrap();
                std::fs::write(&checkpoints, "").unwrap();
                blocked = true;
            }
            _ => {}
        }
        false
    });
    let Ended::Failed(message) = &finished.ended else { panic!("{finished:?}") };
    assert!(message.starts_with("burn-train"), "{message}");
    assert!(finished.steps < 100_000 && finished.best.is_some(), "{}", finished.steps);
}
