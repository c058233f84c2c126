//! The training loop.

use std::path::Path;
use std::time::Instant;

use dataset::{Batch, BatchOrder, Examples};
use forecast::{Loss, Results, Training};
use models::tensors::Tensors;
use models::{Learner, Shape};
use serde::{Deserialize, Serialize};

use crate::data::{Prepared, prepare};
use crate::environment::{Build, Environment};
use crate::evaluation::score;
use crate::experiment::{Schedule, Train};
use crate::resolve::to_toml;
use crate::run::Run;
use crate::{Experiment, Interrupt, Progress, RunError, Step};

/// How a training ended.
#[derive(Debug)]
pub enum Outcome {
    /// All steps are done and scored.
    Done(Run, Box<Results>),
    /// It was asked to stop; its state is saved.
    Interrupted(Run, u64),
}

/// Trains an experiment in a new run directory below `runs`, and scores it. On a request to stop it saves its
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
    stop: &Interrupt,
    progress: &mut dyn Progress,
) -> Result<Outcome, RunError> {
    // Whatever can be wrong shows before anything is written.
    let learner = learner(experiment, device)?;
    let prepared = prepare(experiment, progress)?;
    let run = Run::create(runs, name, experiment, &Environment::here(build, device, experiment.seed))?;
    let _lock = run.lock()?;
    let sitting = Sitting { run, experiment, prepared: &prepared, device, stop };
    sitting.go_on(State::new(experiment), learner, progress)
}

/// The untrained network of an experiment, with its optimiser.
fn learner(experiment: &Experiment, device: &str) -> Result<Box<dyn Learner>, RunError> {
    let (network, settings) = experiment.network().map_err(RunError::Usage)?;
    let system = experiment.build_system().map_err(RunError::Usage)?;
    let shape = Shape { features: system.dim() + system.known_inputs().len(), dim: system.dim() };
    let machine = experiment.machine(device).map_err(RunError::Usage)?;
    (network.learner)(&settings, shape, experiment.seed, &experiment.recipe(), &machine)
        .map_err(RunError::Usage)
}

/// Continues a run from its last checkpoint, to the same bits as if it had never stopped.
///
/// # Errors
/// As [`train`]; a run that is complete, that another process trains, or whose experiment was changed.
pub fn resume(
    run: Run,
    device: &str,
    stop: &Interrupt,
    progress: &mut dyn Progress,
) -> Result<Outcome, RunError> {
    let at = run.directory().display().to_string();
    let _lock = run.lock()?;
    let experiment = run.experiment()?;
    let learner = learner(&experiment, device)?;
    let mut state = State::new(&experiment);
    if let Some(saved) = run.checkpoint()? {
        let read = State::from_tensors(&saved).map_err(|fault| RunError::Failed(format!("{at}: {fault}")))?;
        if read.counters.experiment != state.counters.experiment {
            return Err(RunError::Usage(format!(
                "{at}: experiment.toml is no longer the one that was being trained; put it back, or train it as a new run"
            )));
        }
        state = read;
    }
    let prepared = prepare(&experiment, progress)?;
    run.rewind_log(state.counters.step)?;
    progress.stage(&format!("continuing {at} after step {}", state.counters.step));
    let sitting = Sitting { run, experiment: &experiment, prepared: &prepared, device, stop };
    sitting.go_on(state, learner, progress)
}

/// Everything that a training carries from step to step. The order of the examples follows from the seed
/// and the step, the learning rate from the step.
struct State {
    /// Weights and optimiser; empty before the first checkpoint.
    weights: Tensors,
    optimizer: Tensors,
    /// The weights with the least validation loss.
    best: Tensors,
    counters: Counters,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Counters {
    /// The resolved experiment, to which all of this belongs.
    experiment: String,
    /// Steps done.
    step: u64,
    /// Seconds in the loop, over all its sittings.
    seconds: f64,
    /// Seconds in steps.
    step_seconds: f64,
    /// Sum of the losses of the steps since the last validation, and their number.
    loss_sum: f64,
    loss_count: u64,
    /// Step and losses of the best weights.
    best: Option<(u64, Loss)>,
    /// Step and loss of the last validation.
    validation: Option<(u64, f64)>,
    /// Why it ended before its last step.
    ended: Option<String>,
}

impl State {
    /// Before the first step.
    fn new(experiment: &Experiment) -> Self {
        State {
            weights: Tensors::default(),
            optimizer: Tensors::default(),
            best: Tensors::default(),
            counters: Counters { experiment: to_toml(experiment), ..Counters::default() },
        }
    }

    fn to_tensors(&self) -> Tensors {
        #[allow(clippy::expect_used)] // numbers and a text
        let about = serde_json::to_string(&self.counters).expect("counters are JSON");
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
            counters: serde_json::from_str(&saved.about)
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
    learning_rate: Option<f64>,
}

/// One sitting of a training: what does not change while it lasts.
struct Sitting<'a> {
    run: Run,
    experiment: &'a Experiment,
    prepared: &'a Prepared,
    device: &'a str,
    stop: &'a Interrupt,
}

impl Sitting<'_> {
    fn go_on(
        self,
        mut state: State,
        mut learner: Box<dyn Learner>,
        progress: &mut dyn Progress,
    ) -> Result<Outcome, RunError> {
        let (experiment, normalisation) = (self.experiment, &self.prepared.normalisation);
        let (network, _) = experiment.network().map_err(RunError::Usage)?;
        if state.counters.step > 0 {
            learner.restore(&state.weights, &state.optimizer).map_err(|fault| {
                let at = self.run.directory().display();
                RunError::Failed(format!("{at}: its checkpoint is of another network: {fault}"))
            })?;
        }
        let parameters = learner.weights().count();
        let (training, validation) = self.examples()?;
        progress.stage(&format!(
            "training {} with {parameters} parameters on {}, {} steps of {} windows",
            network.name,
            self.device,
            experiment.train.steps,
            experiment.train.batch_size.min(training.count())
        ));
        self.stop.listen(true);
        // On a thread of the pool, so that a step need not wake another one to begin.
        let ended = rayon::scope(|_| self.steps(&mut *learner, &training, &validation, &mut state, progress));
        // A step or a validation that fails changes nothing, so this state is the last good one.
        self.checkpoint(&*learner, &mut state)?;
        self.stop.listen(false);
        if !matches!(ended, Ok(true)) {
            if state.counters.best.is_some() {
                self.run.save_model(experiment, &state.best, normalisation)?;
            }
            ended?;
            return Ok(Outcome::Interrupted(self.run, state.counters.step));
        }
        let Some((best_step, loss)) = state.counters.best else {
            return Err(RunError::Failed("the training ended without a validation".into()));
        };
        self.run.save_model(experiment, &state.best, normalisation)?;
        let scored = score(&self.run, experiment, self.prepared, self.device, progress)?;
        let Counters { step, seconds, step_seconds, .. } = state.counters;
        let windows = experiment.train.batch_size.min(training.count()) as u64;
        let results = Results {
            experiment: self.run.name(),
            system: self.prepared.system.name().to_owned(),
            model: network.name.to_owned(),
            parameters,
            seed: experiment.seed,
            device: self.device.to_owned(),
            train: Training {
                seconds,
                step_seconds,
                steps: step,
                examples_per_second: (step * windows) as f64 / seconds,
                loss,
                best_step,
            },
            scores: scored.scores,
            baselines: scored.baselines,
        };
        self.run.save_results(&results)?;
        Ok(Outcome::Done(self.run, Box::new(results)))
    }

    /// Trains to the last step; false where it was asked to stop before.
    fn steps(
        &self,
        learner: &mut dyn Learner,
        training: &Examples,
        validation: &Examples,
        state: &mut State,
        progress: &mut dyn Progress,
    ) -> Result<bool, RunError> {
        let train = &self.experiment.train;
        let mut order = BatchOrder::new(self.experiment.seed, training.count(), train.batch_size);
        let mut batch = Batch::default();
        let (begin, before) = (Instant::now(), state.counters.seconds);
        loop {
            let step = state.counters.step;
            if step < train.steps && state.counters.ended.is_none() {
                state.counters.ended = self.reason_to_end(learner, &state.counters);
            }
            let done = step == train.steps || state.counters.ended.is_some();
            let due = step > 0 && (step.is_multiple_of(train.validate_every) || done);
            if due && state.counters.validation.is_none_or(|(last, _)| last < step) {
                self.validate(learner, validation, state)?;
                state.counters.seconds = before + begin.elapsed().as_secs_f64();
            }
            // Whoever asked to stop is not to wait for the scores, which `resume` makes up for.
            if self.stop.is_requested() {
                return Ok(false);
            }
            if done {
                if let Some(reason) = &state.counters.ended {
                    progress.note(&format!("training ended after step {step}: {reason}"));
                }
                return Ok(true);
            }
            if step > 0 && step.is_multiple_of(train.checkpoint_every) {
                self.checkpoint(learner, state)?;
            }
            let same = train.optimizer.keeps_its_batch();
            if !same || batch.inputs.is_empty() {
                training.gather(order.at(if same { 0 } else { step }), &mut batch);
            }
            let stepping = Instant::now();
            let loss = learner.step(&batch, learning_rate(train, step).unwrap_or_default());
            state.counters.step_seconds += stepping.elapsed().as_secs_f64();
            if !loss.is_finite() {
                return Err(self.diverged("loss or its gradient", loss, state));
            }
            let now = &mut state.counters;
            now.step += 1;
            now.loss_sum += loss;
            now.loss_count += 1;
            now.seconds = before + begin.elapsed().as_secs_f64();
            progress.step(&Step {
                done: now.step,
                of: train.steps,
                train_loss: loss,
                validation_loss: now.validation.map(|(_, loss)| loss),
                seconds: now.seconds,
                seconds_left: seconds_left(train, now),
            });
        }
    }

    /// Why training ends before its last step, if it does.
    fn reason_to_end(&self, learner: &dyn Learner, now: &Counters) -> Option<String> {
        let limit = self.experiment.train.seconds;
        if limit > 0.0 && now.step > 0 && now.seconds >= limit {
            return Some(format!("{limit} seconds have passed (train.seconds)"));
        }
        learner.converged().map(str::to_owned)
    }

    fn validate(
        &self,
        learner: &mut dyn Learner,
        validation: &Examples,
        state: &mut State,
    ) -> Result<(), RunError> {
        let validation_loss = mean_loss(learner, validation, self.experiment.train.batch_size);
        if !validation_loss.is_finite() {
            return Err(self.diverged("validation loss", validation_loss, state));
        }
        let now = &mut state.counters;
        let train_loss = now.loss_sum / now.loss_count as f64;
        (now.loss_sum, now.loss_count) = (0.0, 0);
        now.validation = Some((now.step, validation_loss));
        if now.best.is_none_or(|(_, best)| validation_loss < best.validation) {
            now.best = Some((now.step, Loss { train: train_loss, validation: validation_loss }));
            state.best = learner.weights();
        }
        self.run.log(&Metrics {
            step: now.step,
            seconds: now.seconds,
            train_loss,
            validation_loss,
            learning_rate: learning_rate(&self.experiment.train, now.step - 1),
        })
    }

    fn checkpoint(&self, learner: &dyn Learner, state: &mut State) -> Result<(), RunError> {
        state.weights = learner.weights();
        state.optimizer = learner.optimizer_state();
        self.run.save_checkpoint(state.counters.step, &state.to_tensors())
    }

    /// The windows of the training and of the validation part.
    fn examples(&self) -> Result<(Examples, Examples), RunError> {
        let Prepared { runs, split, normalisation, task, .. } = self.prepared;
        let part = |part, stride| {
            Examples::new(runs, part, normalisation, task.window, stride).map_err(RunError::usage)
        };
        Ok((part(&split.train, 1)?, part(&split.validation, task.window)?))
    }

    fn diverged(&self, what: &str, value: f64, state: &State) -> RunError {
        let kept = match state.counters.best {
            Some((step, _)) => format!("the best model, of step {step}, is kept"),
            None => "no model had been validated yet".to_owned(),
        };
        let (step, train) = (state.counters.step, &self.experiment.train);
        let cure = match (learning_rate(train, step), train.optimizer.learning_rate()) {
            (Some(rate), Some(highest)) => format!(
                ", with a learning rate of {rate:.3e}; {kept}. A lower train.optimizer.learning_rate (now {highest}) is \
                 the usual cure"
            ),
            _ => format!("; {kept}. Another seed begins with other weights"),
        };
        RunError::Failed(format!("the {what} became {value} at step {}{cure}", step + 1))
    }
}

/// Seconds to the last step at the rate so far, or to the limit where that comes first.
fn seconds_left(train: &Train, now: &Counters) -> f64 {
    let left = now.seconds / now.step as f64 * (train.steps - now.step) as f64;
    if train.seconds > 0.0 { left.min(train.seconds - now.seconds).max(0.0) } else { left }
}

/// The mean loss over all examples.
fn mean_loss(learner: &mut dyn Learner, examples: &Examples, batch_size: usize) -> f64 {
    let (mut batch, mut sum) = (Batch::default(), 0.0);
    let all: Vec<usize> = (0..examples.count()).collect();
    // no smaller than a training batch, and large enough to be fast
    for which in all.chunks(batch_size.max(1024)) {
        examples.gather(which, &mut batch);
        sum += learner.loss(&batch) * which.len() as f64;
    }
    sum / all.len() as f64
}

/// The learning rate of a step, counted from 0, of a method that has one.
fn learning_rate(train: &Train, step: u64) -> Option<f64> {
    let highest = train.optimizer.learning_rate()?;
    Some(match train.schedule {
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
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_learning_rate_rises_to_its_height_and_falls_along_half_a_cosine() {
        let train = Train { steps: 1000, warmup: 0.1, ..Train::default() };
        let rate = |step| learning_rate(&train, step).unwrap() / 3e-3;
        assert!((rate(0) - 0.01).abs() < 1e-12 && (rate(49) - 0.5).abs() < 1e-12);
        assert!((rate(99) - 1.0).abs() < 1e-12 && (rate(100) - 1.0).abs() < 1e-12);
        assert!((rate(550) - 0.5).abs() < 1e-12);
        assert!(rate(999) > 0.0 && rate(999) < 1e-5);
        for warmup in [0.0, 1.0] {
            let train = Train { steps: 3, warmup, ..Train::default() };
            assert!((0..3).all(|step| learning_rate(&train, step).unwrap() > 0.0));
        }
        let constant = Train { schedule: Schedule::Constant, ..train };
        assert_eq!(learning_rate(&constant, 0), learning_rate(&constant, 999));
    }

    #[test]
    fn a_state_comes_back_to_the_bit() {
        let mut state = State {
            weights: Tensors::default(),
            optimizer: Tensors::default(),
            best: Tensors::default(),
            counters: Counters::default(),
        };
        state.weights.insert_f32("w", vec![2], vec![0.1, -3.0]);
        state.best.insert_f32("w", vec![2], vec![0.2, 5.0]);
        state.optimizer.insert_f64("steps", vec![7.0]);
        state.counters = Counters {
            experiment: "seed = 1\n".into(),
            step: 7,
            seconds: 0.1 + 0.2,
            step_seconds: 0.1,
            loss_sum: 1.0 / 3.0,
            loss_count: 3,
            best: Some((5, Loss { train: 0.7, validation: 1e-7 / 3.0 })),
            validation: Some((6, 0.3)),
            ended: Some("seven is enough".into()),
        };
        let back = State::from_tensors(&state.to_tensors());
        assert!(back.is_ok_and(|back| back.counters == state.counters
            && back.weights == state.weights
            && back.best == state.best
            && back.optimizer == state.optimizer));
    }
}
