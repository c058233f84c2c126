//! The training loop.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use dataset::{Batch, BatchOrder, Examples};
use forecast::{Loss, Results, Training};
use models::Learner;
use models::tensors::Tensors;
use serde::{Deserialize, Serialize};

use crate::data::{Prepared, prepare};
use crate::environment::{Build, Environment};
use crate::evaluation::score;
use crate::experiment::{Schedule, Train};
use crate::run::Run;
use crate::{Experiment, Progress, RunError, Step};

/// How a training ended.
#[derive(Debug)]
pub enum Outcome {
    /// All steps are done and scored.
    Done(Run, Box<Results>),
    /// It was asked to stop; its state is saved.
    Interrupted(Run, u64),
}

/// Trains an experiment in a new run directory below `runs`, and scores it. Once `stop` is set it saves its
/// state at the next step and returns.
///
/// # Errors
/// A device that is not there, a folder that cannot be written, data that diverge, a loss that is not finite.
pub fn train(
    name: &str,
    experiment: &Experiment,
    device: &str,
    runs: &Path,
    build: &Build,
    stop: &AtomicBool,
    progress: &mut dyn Progress,
) -> Result<Outcome, RunError> {
    // First what can be wrong with the command, before anything is written.
    models::devices::open(device).map_err(RunError::usage)?;
    progress.stage(&format!(
        "simulating {} trajectories of {}",
        experiment.data.trajectories,
        experiment.system["name"].as_str().unwrap_or_default()
    ));
    let prepared = prepare(experiment)?;
    let run = Run::create(runs, name, experiment, &Environment::here(build, device, experiment.seed))?;
    go_on(run, experiment, &prepared, State::default(), device, stop, progress)
}

/// Continues a run from its last checkpoint, to the same bits as if it had never stopped.
///
/// # Errors
/// As [`train`], and a run that is complete.
pub fn resume(
    run: Run,
    device: &str,
    stop: &AtomicBool,
    progress: &mut dyn Progress,
) -> Result<Outcome, RunError> {
    let at = run.directory().display().to_string();
    if run.results().is_ok() {
        return Err(RunError::Usage(format!("{at} is complete: `attractor show {at}` prints its results")));
    }
    let experiment = run.experiment()?;
    let state = match run.checkpoint()? {
        Some(saved) => {
            State::from_tensors(&saved).map_err(|fault| RunError::Failed(format!("{at}: {fault}")))?
        }
        None => State::default(),
    };
    run.rewind_log(state.progress.step)?;
    progress.stage(&format!("continuing {at} at step {}", state.progress.step));
    let prepared = prepare(&experiment)?;
    go_on(run, &experiment, &prepared, state, device, stop, progress)
}

/// Everything that a training carries from step to step. The order of the examples follows from the seed
/// and the step, the learning rate from the step.
#[derive(Default)]
struct State {
    /// Weights and optimiser; empty before the first step.
    weights: Tensors,
    optimizer: Tensors,
    /// The weights with the least validation loss.
    best: Tensors,
    progress: Counters,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Counters {
    /// Steps done.
    step: u64,
    /// Seconds in the loop, over all its sittings.
    seconds: f64,
    /// Sum of the losses of the steps since the last validation, and their number.
    loss_sum: f64,
    loss_count: u64,
    /// Step and losses of the best weights.
    best: Option<(u64, Loss)>,
    /// Loss of the last validation.
    validation_loss: Option<f64>,
}

impl State {
    fn to_tensors(&self) -> Tensors {
        #[allow(clippy::expect_used)] // numbers only
        let about = serde_json::to_string(&self.progress).expect("counters are JSON");
        let mut all = Tensors { about, ..Tensors::default() };
        for (prefix, part) in
            [("weights.", &self.weights), ("optimizer.", &self.optimizer), ("best.", &self.best)]
        {
            all.insert_all(prefix, part);
        }
        all
    }

    fn from_tensors(saved: &Tensors) -> Result<Self, String> {
        let part = |prefix| Tensors { about: String::new(), ..saved.under(prefix) };
        Ok(State {
            weights: part("weights."),
            optimizer: part("optimizer."),
            best: part("best."),
            progress: serde_json::from_str(&saved.about)
                .map_err(|error| format!("its checkpoint does not say where it stands: {error}"))?,
        })
    }
}

/// A line of `metrics.jsonl`.
#[derive(Serialize)]
struct Metrics {
    step: u64,
    seconds: f64,
    train_loss: f64,
    validation_loss: f64,
    learning_rate: f64,
}

fn go_on(
    run: Run,
    experiment: &Experiment,
    prepared: &Prepared,
    mut state: State,
    device: &str,
    stop: &AtomicBool,
    progress: &mut dyn Progress,
) -> Result<Outcome, RunError> {
    let on = models::devices::open(device).map_err(RunError::usage)?;
    let (network, settings) = experiment.network().map_err(RunError::Usage)?;
    let window = (network.check)(&settings).map_err(RunError::Usage)?;
    let (train, normalisation) = (&experiment.train, &prepared.normalisation);
    let shape = models::Shape { features: normalisation.features(), dim: normalisation.dim() };
    let mut learner = (network.learner)(&settings, shape, experiment.seed, train.gradient_norm, &on)
        .map_err(RunError::Usage)?;
    if state.progress.step > 0 {
        learner.restore(&state.weights, &state.optimizer).map_err(|error| {
            RunError::Failed(format!(
                "{}: its checkpoint is of another network: {error}",
                run.directory().display()
            ))
        })?;
    }
    let parameters = learner.weights().count();
    progress.stage(&format!(
        "training {} with {parameters} parameters on {device}, {} steps of {} windows",
        network.name, train.steps, train.batch_size
    ));
    let examples = |part: &[usize], stride| {
        Examples::new(&prepared.runs, part, normalisation, window, stride).map_err(RunError::usage)
    };
    let training = examples(&prepared.split.train, 1)?;
    let validation = examples(&prepared.split.validation, window)?;
    let mut training = Feed {
        order: BatchOrder::new(experiment.seed, training.count(), train.batch_size),
        examples: training,
        batch: Batch::default(),
    };
    let loop_result =
        steps(&mut *learner, &mut training, &validation, train, &run, &mut state, stop, progress);
    state.weights = learner.weights();
    state.optimizer = learner.optimizer_state();
    let checkpoint = || run.save_checkpoint(state.progress.step, &state.to_tensors());
    match loop_result {
        Ok(true) => checkpoint()?,
        Ok(false) => {
            checkpoint()?;
            return Ok(Outcome::Interrupted(run, state.progress.step));
        }
        Err(fault) => {
            // The weights before the fault are finite, and the best ones are kept for whoever looks.
            checkpoint()?;
            if state.progress.best.is_some() {
                run.save_model(experiment, &state.best, normalisation)?;
            }
            return Err(fault);
        }
    }

    run.save_model(experiment, &state.best, normalisation)?;
    let scored = score(&run, experiment, prepared, device, progress)?;
    let Counters { step, seconds, best, .. } = state.progress;
    let (best_step, loss) = best.unwrap_or((step, Loss { train: f64::NAN, validation: f64::NAN }));
    let results = Results {
        experiment: run.name(),
        system: prepared.system.name().to_owned(),
        model: network.name.to_owned(),
        parameters,
        seed: experiment.seed,
        device: device.to_owned(),
        train: Training {
            seconds,
            steps: step,
            examples_per_second: step as f64 * training.batch.shape[0] as f64 / seconds,
            loss,
            best_step,
        },
        scores: scored.scores,
        baselines: scored.baselines,
    };
    run.save_results(&results)?;
    Ok(Outcome::Done(run, Box::new(results)))
}

/// Examples in the order in which they are learned.
struct Feed {
    examples: Examples,
    order: BatchOrder,
    batch: Batch,
}

impl Feed {
    fn at(&mut self, step: u64) -> &Batch {
        self.examples.gather(self.order.at(step), &mut self.batch);
        &self.batch
    }
}

/// Trains to the last step; false where it was asked to stop before.
#[allow(clippy::too_many_arguments)] // the loop is read from top to bottom, with nothing hidden in a struct
fn steps(
    learner: &mut dyn Learner,
    training: &mut Feed,
    validation: &Examples,
    train: &Train,
    run: &Run,
    state: &mut State,
    stop: &AtomicBool,
    progress: &mut dyn Progress,
) -> Result<bool, RunError> {
    let (begin, before) = (Instant::now(), state.progress.seconds);
    while state.progress.step < train.steps {
        if stop.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let step = state.progress.step;
        let rate = learning_rate(train, step);
        let loss = learner.step(training.at(step), rate);
        if !loss.is_finite() {
            return Err(diverged("loss", loss, step, train, state));
        }
        let now = &mut state.progress;
        now.step += 1;
        now.loss_sum += loss;
        now.loss_count += 1;
        now.seconds = before + begin.elapsed().as_secs_f64();

        if now.step.is_multiple_of(train.validate_every) || now.step == train.steps {
            let validation_loss = mean_loss(learner, validation, train.batch_size);
            if !validation_loss.is_finite() {
                return Err(diverged("validation loss", validation_loss, step, train, state));
            }
            let train_loss = now.loss_sum / now.loss_count as f64;
            (now.loss_sum, now.loss_count) = (0.0, 0);
            now.validation_loss = Some(validation_loss);
            if now.best.is_none_or(|(_, best)| validation_loss < best.validation) {
                now.best = Some((now.step, Loss { train: train_loss, validation: validation_loss }));
                state.best = learner.weights();
            }
            now.seconds = before + begin.elapsed().as_secs_f64();
            run.log(&Metrics {
                step: now.step,
                seconds: now.seconds,
                train_loss,
                validation_loss,
                learning_rate: rate,
            })?;
        }
        progress.step(&Step {
            done: state.progress.step,
            of: train.steps,
            train_loss: loss,
            validation_loss: state.progress.validation_loss,
            seconds: state.progress.seconds,
        });
        if state.progress.step.is_multiple_of(train.checkpoint_every) {
            state.weights = learner.weights();
            state.optimizer = learner.optimizer_state();
            run.save_checkpoint(state.progress.step, &state.to_tensors())?;
        }
    }
    Ok(true)
}

fn diverged(what: &str, value: f64, step: u64, train: &Train, state: &State) -> RunError {
    let kept = match state.progress.best {
        Some((step, _)) => format!("the best model, of step {step}, is kept"),
        None => "no model had been validated yet".to_owned(),
    };
    RunError::Failed(format!(
        "the {what} became {value} at step {step}, with a learning rate of {:.3e}; {kept}. A lower \
         train.optimizer.learning_rate (now {}) is the usual cure",
        learning_rate(train, step),
        train.optimizer.learning_rate()
    ))
}

/// The mean loss over all examples.
fn mean_loss(learner: &dyn Learner, examples: &Examples, batch_size: usize) -> f64 {
    let (mut batch, mut sum) = (Batch::default(), 0.0);
    let all: Vec<usize> = (0..examples.count()).collect();
    // no smaller than a training batch, and large enough to be fast
    for which in all.chunks(batch_size.max(1024)) {
        examples.gather(which, &mut batch);
        sum += learner.loss(&batch) * which.len() as f64;
    }
    sum / all.len() as f64
}

/// The learning rate of a step, counted from 0.
fn learning_rate(train: &Train, step: u64) -> f64 {
    let highest = train.optimizer.learning_rate();
    match train.schedule {
        Schedule::Constant => highest,
        Schedule::WarmupCosine => {
            let (at, steps) = (step as f64 + 1.0, train.steps as f64);
            let rise = (train.warmup * steps).round();
            if at <= rise {
                highest * at / rise
            } else {
                let part = (at - 1.0 - rise) / (steps - rise);
                highest * 0.5 * (1.0 + (std::f64::consts::PI * part).cos())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_learning_rate_rises_to_its_height_and_falls_along_half_a_cosine() {
        let train = Train { steps: 1000, warmup: 0.1, ..Train::default() };
        let rate = |step| learning_rate(&train, step) / train.optimizer.learning_rate();
        assert!((rate(0) - 0.01).abs() < 1e-12 && (rate(49) - 0.5).abs() < 1e-12);
        assert!((rate(99) - 1.0).abs() < 1e-12 && (rate(100) - 1.0).abs() < 1e-12);
        assert!((rate(550) - 0.5).abs() < 1e-12);
        assert!(rate(999) > 0.0 && rate(999) < 1e-5);
        for warmup in [0.0, 1.0] {
            let train = Train { steps: 3, warmup, ..Train::default() };
            assert!((0..3).all(|step| learning_rate(&train, step) > 0.0));
        }
        let constant = Train { schedule: Schedule::Constant, ..train };
        assert_eq!(learning_rate(&constant, 0), learning_rate(&constant, 999));
    }

    #[test]
    fn a_state_comes_back_to_the_bit() {
        let mut state = State::default();
        state.weights.insert_f32("w", vec![2], vec![0.1, -3.0]);
        state.best.insert_f32("w", vec![2], vec![0.2, 5.0]);
        state.optimizer.insert_f64("steps", vec![7.0]);
        state.progress = Counters {
            step: 7,
            seconds: 0.1 + 0.2,
            loss_sum: 1.0 / 3.0,
            loss_count: 3,
            best: Some((5, Loss { train: 0.7, validation: 1e-7 / 3.0 })),
            validation_loss: Some(0.3),
        };
        let back = State::from_tensors(&state.to_tensors());
        assert!(back.is_ok_and(|back| back.progress == state.progress
            && back.weights == state.weights
            && back.best == state.best
            && back.optimizer == state.optimizer));
    }
}
