//! The training loop.

mod by_burn;
mod fitted;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use dataset::{Batch, BatchOrder, Examples, Normalisation};
use fitted::Fitted;
use forecast::{Loss, Reconstruction, Results, Training};
use models::burn_train::TrainByBurn;
use models::tensors::Tensors;
use models::{At, Learner, Recipe};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use trajectory::random::stream;

use crate::data::{Prepared, Turns, prepare};
use crate::environment::{Build, Environment};
use crate::evaluation::{forecasts, score, windows};
use crate::experiment::{Select, Train};
use crate::names::complete_model;
use crate::resolve::{parse, what_is_trained};
use crate::run::Run;
use crate::tensorboard::EventFile;
use crate::{Experiment, Interrupt, Progress, RunError, Step};

/// How a training ended.
#[derive(Debug)]
pub enum Outcome {
    /// All steps are done and scored.
    Done(Run, Box<Results>),
    /// It was asked to stop; its state is saved.
    Interrupted(Run, u64),
    /// It was asked to stop, but its state cannot be continued: `resume` trains it again from the first step.
    Stopped(Run, u64),
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
    experiment.machine(device).map_err(RunError::Usage)?;
    experiment.check_loop().map_err(RunError::Usage)?;
    let prepared = prepare(experiment, progress)?;
    let method = method(experiment, &prepared, device, progress)?;
    let run = Run::create(runs, name, experiment, &Environment::here(build, device, experiment.seed))?;
    let _lock = run.lock()?;
    let sitting = Sitting { run, experiment, prepared: &prepared, device, stop, events: None };
    sitting.go_on(State::new(experiment), method, progress)
}

/// How a model is trained.
enum Method {
    /// In steps, from here.
    Steps(Box<dyn Learner>),
    /// In steps, by burn-train.
    ByBurn(TrainByBurn),
    /// It has been fitted.
    Fitted(Fitted),
}

/// The untrained network of an experiment with its optimiser, or its fitted model.
fn method(
    experiment: &Experiment,
    prepared: &Prepared,
    device: &str,
    progress: &mut dyn Progress,
) -> Result<Method, RunError> {
    let (model, settings) = experiment.network().map_err(RunError::Usage)?;
    match model.training {
        models::Training::Steps { learner, .. } => {
            if let Some(train) = experiment.burn_train().map_err(RunError::Usage)? {
                return Ok(Method::ByBurn(train));
            }
            let machine = experiment.machine(device).map_err(RunError::Usage)?;
            let made = learner(&settings, prepared.seen().normalisation, &experiment.recipe(), &machine);
            made.map(Method::Steps).map_err(RunError::Usage)
        }
        models::Training::Fit(_) => {
            progress.stage(&format!("fitting {} to {} trajectories", model.name, prepared.split.train.len()));
            Ok(Method::Fitted(fitted::fit(experiment, prepared, device)?))
        }
    }
}

/// Continues a run from its last checkpoint, to the same bits as if it had never stopped. A training by burn-train starts
/// again from the first step, because its checkpoints do not continue bit for bit.
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
    experiment.machine(device).map_err(RunError::Usage)?;
    experiment.check_loop().map_err(RunError::Usage)?;
    let mut state = State::new(&experiment);
    if let Some(saved) = run.checkpoint()? {
        let read = State::from_tensors(&saved).map_err(|fault| RunError::Failed(format!("{at}: {fault}")))?;
        // without regard to the order of the keys, which has not always been that of the file
        let [saved, present] = [&read, &state].map(|state| -> Result<Value, String> {
            let table = parse(&state.counters.experiment)?;
            let mut about = serde_json::to_value(table).map_err(|error| error.to_string())?;
            about.get_mut("model").into_iter().for_each(complete_model);
            Ok(about)
        });
        if saved != present {
            return Err(RunError::Usage(format!(
                "{at}: experiment.toml is no longer the one that was being trained; put it back, or train it as a new run"
            )));
        }
        state = read;
    }
    let prepared = prepare(&experiment, progress)?;
    let method = method(&experiment, &prepared, device, progress)?;
    if experiment.is_trained_by_burn() {
        run.rewind_log(0)?;
        progress.stage(&format!(
            "training {at} again from the first step, because burn-train cannot continue a training bit for bit"
        ));
    } else {
        run.rewind_log(state.counters.step)?;
        progress.stage(&format!("continuing {at} after step {}", state.counters.step));
    }
    let sitting = Sitting { run, experiment: &experiment, prepared: &prepared, device, stop, events: None };
    sitting.go_on(state, method, progress)
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
    /// The resolved experiment, to which all of this belongs, but for how its training is watched.
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
    /// Validations since the best one.
    stale: u64,
    /// Why it ended before its last step.
    ended: Option<String>,
    /// The error of free forecasts of the best weights, where they are chosen by it; none if it is infinite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    best_rollout: Option<f64>,
    /// The step after which the best number of steps began once more, on training and validation part together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refit_after: Option<u64>,
}

impl State {
    /// Before the first step.
    fn new(experiment: &Experiment) -> Self {
        State {
            weights: Tensors::default(),
            optimizer: Tensors::default(),
            best: Tensors::default(),
            counters: Counters { experiment: what_is_trained(experiment), ..Counters::default() },
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
    /// Where the best weights are chosen by it, and it is finite.
    #[serde(skip_serializing_if = "Option::is_none")]
    rollout_error: Option<f64>,
    learning_rate: Option<f64>,
}

/// One sitting of a training: what does not change while it lasts.
struct Sitting<'a> {
    run: Run,
    experiment: &'a Experiment,
    prepared: &'a Prepared,
    device: &'a str,
    stop: &'a Interrupt,
    /// Where losses are written to for TensorBoard.
    events: Option<EventFile>,
}

impl Sitting<'_> {
    fn go_on(
        mut self,
        mut state: State,
        begun: Method,
        progress: &mut dyn Progress,
    ) -> Result<Outcome, RunError> {
        let mut learner = match begun {
            Method::Steps(learner) => learner,
            Method::ByBurn(train) => return self.by_burn(train, state, progress),
            Method::Fitted(fitted) => return self.fitted(state, fitted, progress),
        };
        let experiment = self.experiment;
        let (network, _) = experiment.network().map_err(RunError::Usage)?;
        if state.counters.step > 0 {
            learner.restore(&state.weights, &state.optimizer).map_err(|fault| {
                let at = self.run.directory().display();
                RunError::Failed(format!("{at}: its checkpoint is of another network: {fault}"))
            })?;
        }
        if experiment.train.logs_to("tensorboard") {
            self.events = Some(self.run.events(state.counters.step)?);
        }
        let parameters = learner.weights().count();
        let (mut training, validation) = self.examples()?;
        if state.counters.refit_after.is_some() {
            training = self.refit_examples()?;
        }
        self.announce(network.name, parameters, training.count(), &state, progress);
        self.stop.listen(true);
        // On a thread of the pool, so that a step need not wake another one to begin.
        let mut ended =
            rayon::scope(|_| self.steps(&mut *learner, &mut training, &validation, &mut state, progress));
        if matches!(ended, Ok(true)) && experiment.train.refit && state.counters.refit_after.is_none() {
            state.counters.refit_after = Some(state.counters.step);
            let Method::Steps(untrained) = method(experiment, self.prepared, self.device, progress)? else {
                return Err(RunError::Failed("this model cannot be trained once more".into()));
            };
            learner = untrained;
            training = self.refit_examples()?;
            self.announce(network.name, parameters, training.count(), &state, progress);
            ended =
                rayon::scope(|_| self.steps(&mut *learner, &mut training, &validation, &mut state, progress));
        }
        // A step or a validation that fails changes nothing, so this state is the last good one.
        self.checkpoint(&*learner, &mut state)?;
        if !matches!(ended, Ok(true)) {
            if state.counters.best.is_some() {
                self.run.save_model(experiment, &state.best, self.prepared.seen())?;
            }
            // A second request to stop is acknowledged until here.
            self.stop.listen(false);
            ended?;
            return Ok(Outcome::Interrupted(self.run, state.counters.step));
        }
        self.stop.listen(false);
        if state.counters.refit_after.is_some() {
            state.best = learner.weights();
        }
        self.finish(&state, parameters, training.count(), BTreeMap::new(), progress)
    }

    fn announce(
        &self,
        network: &str,
        parameters: usize,
        windows: usize,
        state: &State,
        progress: &mut dyn Progress,
    ) {
        let train = &self.experiment.train;
        let windows = train.batch_size.min(windows);
        progress.stage(&match state.counters.refit_after {
            None => format!(
                "training {network} with {parameters} parameters on {}, {} steps of {windows} windows",
                self.device, train.steps
            ),
            Some(_) => format!(
                "training {network} once more, {} steps of {windows} windows of the training and the validation part",
                under_way(train, &state.counters).0.steps
            ),
        });
    }

    /// Saves and scores the best model.
    fn finish(
        self,
        state: &State,
        parameters: usize,
        windows: usize,
        chosen: BTreeMap<String, String>,
        progress: &mut dyn Progress,
    ) -> Result<Outcome, RunError> {
        let experiment = self.experiment;
        let (model, _) = experiment.network().map_err(RunError::Usage)?;
        let Some((best_step, loss)) = state.counters.best else {
            return Err(RunError::Failed("the training ended without a validation".into()));
        };
        self.run.save_model(experiment, &state.best, self.prepared.seen())?;
        let reconstruction = self.reconstruction(state, progress)?;
        let scored = score(&self.run, experiment, self.prepared, self.device, progress)?;
        let Counters { step, seconds, step_seconds, .. } = state.counters;
        // A fit sees every window once.
        let seen =
            if step == 0 { windows as u64 } else { step * experiment.train.batch_size.min(windows) as u64 };
        let results = Results {
            experiment: self.run.name(),
            system: self.prepared.source.name().to_owned(),
            observed: experiment.observed_alone(&self.prepared.source),
            components: self.prepared.components(experiment)?,
            axes: self.prepared.source.layout().axes,
            model: model.name.to_owned(),
            parameters,
            seed: experiment.seed,
            device: self.device.to_owned(),
            train: Training {
                seconds,
                step_seconds,
                steps: step,
                examples_per_second: seen as f64 / seconds,
                loss,
                best_step,
            },
            reconstruction,
            scores: scored.scores,
            baselines: scored.baselines,
            not_applicable: scored.not_applicable,
            solvers: scored.solvers,
            reduction: scored.reduction,
            chosen: scored.chosen.into_iter().chain(chosen).collect(),
            suspicions: scored.suspicions,
        };
        let (run, prepared) = (&self.run, self.prepared);
        let forecasts = forecasts(run, experiment, prepared, &state.best, self.device, scored.each)?;
        self.run.save_forecasts(&forecasts, prepared.runs.dim())?;
        // Last, since it is what makes the run complete.
        self.run.save_results(&results)?;
        Ok(Outcome::Done(self.run, Box::new(results)))
    }

    /// What the latent state of a model keeps, and what those of other sizes would after fewer steps. The other sizes are
    /// trained by our loop, so a run of burn-train has only its own.
    fn reconstruction(
        &self,
        state: &State,
        progress: &mut dyn Progress,
    ) -> Result<Vec<Reconstruction>, RunError> {
        let (model, settings) = self.experiment.network().map_err(RunError::Usage)?;
        let (Some(latent), models::Training::Steps { learner, .. }) = (model.latent, model.training) else {
            return Ok(Vec::new());
        };
        let normalisation = self.prepared.seen().normalisation;
        let machine = self.experiment.machine(self.device).map_err(RunError::Usage)?;
        let batch = windows(self.prepared, &self.prepared.task.test)?;
        let reconstruction = |settings: &Value, weights: &Tensors, steps| {
            let found = (latent.error)(settings, weights, normalisation, &batch, &machine);
            let (latent, error) = found.map_err(RunError::Failed)?;
            Ok::<_, RunError>(Reconstruction { latent, error, steps })
        };
        let mut found = vec![reconstruction(&settings, &state.best, state.counters.step)?];
        let (others, steps) = (latent.scan)(&settings).map_err(RunError::Usage)?;
        let steps = steps.min(self.experiment.train.steps);
        if steps == 0 || self.experiment.is_trained_by_burn() {
            return Ok(found);
        }
        let sizes: Vec<String> = others.iter().map(|(size, _)| size.to_string()).collect();
        progress.stage(&format!("reconstructing from latent states of {} components", sizes.join(", ")));
        let train = Train { steps, unroll: 1, ..self.experiment.train.clone() };
        let recipe = Recipe { unroll: 1, ..self.experiment.recipe() };
        let (training, _) = self.examples()?;
        for (_, settings) in others {
            let made = learner(&settings, normalisation, &recipe, &machine);
            let mut learner = made.map_err(RunError::Usage)?;
            let mut order = BatchOrder::new(self.experiment.seed, training.count(), train.batch_size);
            let mut batch = Batch::default();
            for step in 0..steps {
                let at = if train.optimizer.keeps_its_batch() { 0 } else { step };
                training.gather(order.at(at), self.prepared.window, &mut batch);
                let learning_rate = learning_rate(&train, step).unwrap_or_default();
                learner.step(&batch, At { step, learning_rate });
            }
            found.push(reconstruction(&settings, &learner.weights(), steps)?);
        }
        found.sort_by_key(|found| found.latent);
        Ok(found)
    }

    /// Trains to the last step; false where it was asked to stop before.
    fn steps(
        &self,
        learner: &mut dyn Learner,
        training: &mut Examples,
        validation: &Examples,
        state: &mut State,
        progress: &mut dyn Progress,
    ) -> Result<bool, RunError> {
        // Which turn the examples are of; see `Turns`.
        let mut turn = 0;
        // A training on both parts begins at step 0 again, and has nothing to validate with.
        let is_again = state.counters.refit_after.is_some();
        let (train, of_first) = &under_way(&self.experiment.train, &state.counters);
        let last = of_first + train.steps;
        let (mut order, batches) = self.batches(training, train);
        let mut batch = Batch::default();
        let (begin, before) = (Instant::now(), state.counters.seconds);
        let examples = train.batch_size.min(training.count()) as f64;
        // Where this sitting began, and where its last validation ended: step and seconds.
        let first = (state.counters.step, before);
        let mut validated = first;
        loop {
            let step = state.counters.step;
            if !is_again && step < last && state.counters.ended.is_none() {
                state.counters.ended = self.reason_to_end(learner, &state.counters);
            }
            let done = step == last || !is_again && state.counters.ended.is_some();
            let due = !is_again && step > 0 && (step.is_multiple_of(train.validate_every) || done);
            if due && state.counters.validation.is_none_or(|(last, _)| last < step) {
                let speed = examples * rate(&state.counters, validated);
                self.validate(learner, validation, state, speed, done)?;
                state.counters.seconds = before + begin.elapsed().as_secs_f64();
                validated = (step, state.counters.seconds);
            }
            // Whoever asked to stop is not to wait for the scores, which `resume` makes up for.
            if self.stop.is_requested() {
                return Ok(false);
            }
            if done {
                if let Some(reason) = state.counters.ended.as_ref().filter(|_| !is_again) {
                    progress.note(&format!("training ended after step {step}: {reason}"));
                }
                return Ok(true);
            }
            if step > 0 && step.is_multiple_of(train.checkpoint_every) {
                self.checkpoint(learner, state)?;
            }
            let same = train.optimizer.keeps_its_batch();
            let step = step - *of_first;
            if !same || batch.inputs.is_empty() {
                let at = if same { 0 } else { step };
                if let Some(turns) = &self.prepared.turns
                    && turn != order.epoch(at)
                {
                    turn = order.epoch(at);
                    *training = self.of_turn(turns, turn)?;
                }
                batches.gather(training, order.at(at), step, &mut batch);
            }
            let stepping = Instant::now();
            let learning_rate = learning_rate(train, step).unwrap_or_default();
            let loss = learner.step(&batch, At { step, learning_rate });
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
                done: step + 1,
                of: train.steps,
                train_loss: loss,
                validation_loss: now.validation.map(|(_, loss)| loss),
                learning_rate: train.optimizer.learning_rate().map(|_| learning_rate),
                examples_per_second: examples * rate(now, first),
                seconds: now.seconds,
                seconds_left: seconds_left(train, now, last),
            });
        }
    }

    /// The order of the training windows, and what else their batches follow from.
    fn batches(&self, training: &Examples, train: &Train) -> (BatchOrder, Batches) {
        let seed = self.experiment.seed;
        let order = BatchOrder::new(seed, training.count(), train.batch_size);
        let scales = self.prepared.seen().normalisation.clone();
        (order, Batches { train: train.clone(), window: self.prepared.window, seed, scales })
    }

    /// Why training ends before its last step, if it does.
    fn reason_to_end(&self, learner: &dyn Learner, now: &Counters) -> Option<String> {
        let limit = self.experiment.train.seconds;
        if limit > 0.0 && now.step > 0 && now.seconds >= limit {
            return Some(format!("{limit} seconds have passed (train.seconds)"));
        }
        let patience = self.experiment.train.patience;
        if patience > 0 && now.stale >= patience {
            return Some(format!("no lower loss in {patience} validations (train.patience)"));
        }
        learner.converged().map(str::to_owned)
    }

    fn validate(
        &self,
        learner: &mut dyn Learner,
        validation: &Examples,
        state: &mut State,
        examples_per_second: f64,
        last: bool,
    ) -> Result<(), RunError> {
        let train = &self.experiment.train;
        let validation_loss = mean_loss(learner, validation, self.validation_length(), train.batch_size);
        if !validation_loss.is_finite() {
            if may_be_infinite(train, state.counters.step, last) {
                return Ok(());
            }
            return Err(self.diverged("validation loss", validation_loss, state));
        }
        let rollout = match train.select {
            Select::Loss => None,
            Select::Rollout => Some(self.rollout_error(&learner.weights())?),
        };
        let now = &mut state.counters;
        let train_loss = now.loss_sum / now.loss_count as f64;
        (now.loss_sum, now.loss_count) = (0.0, 0);
        let loss = Loss { train: train_loss, validation: validation_loss };
        if self.validated(now, loss, rollout, examples_per_second)? {
            state.best = learner.weights();
        }
        Ok(())
    }

    /// The error of free forecasts over the validation part with these weights.
    fn rollout_error(&self, weights: &Tensors) -> Result<f64, RunError> {
        let experiment = self.experiment;
        let (_, settings) = experiment.network().map_err(RunError::Usage)?;
        let seen = self.prepared.seen();
        let model = experiment.forecaster(&settings, weights, seen.normalisation.clone(), self.device);
        self.prepared.free_error(&*seen.in_full(model.map_err(RunError::Failed)?))
    }

    /// Records a validation; true where its loss, or its error of free forecasts, is the lowest so far.
    fn validated(
        &self,
        now: &mut Counters,
        loss: Loss,
        rollout: Option<f64>,
        examples_per_second: f64,
    ) -> Result<bool, RunError> {
        let Loss { train: train_loss, validation: validation_loss } = loss;
        now.validation = Some((now.step, validation_loss));
        now.stale += 1;
        let is_best = is_better(now, loss, rollout);
        if is_best {
            now.stale = 0;
            now.best = Some((now.step, loss));
            // A checkpoint cannot hold infinity; there is no error where that of the best is infinite.
            now.best_rollout = rollout.filter(|error| error.is_finite());
        }
        let learning_rate = learning_rate(&self.experiment.train, now.step - 1);
        let (step, seconds) = (now.step, now.seconds);
        let rollout_error = rollout.filter(|error| error.is_finite());
        self.run.log(&Metrics {
            step,
            seconds,
            train_loss,
            validation_loss,
            rollout_error,
            learning_rate,
        })?;
        let Some(events) = &self.events else { return Ok(is_best) };
        let mut scalars = vec![
            ("loss/train", train_loss),
            ("loss/validation", validation_loss),
            ("examples_per_second", examples_per_second),
        ];
        scalars.extend(learning_rate.map(|rate| ("learning_rate", rate)));
        events.log(step, &scalars).map_err(|error| self.run.cannot_log(&error))?;
        Ok(is_best)
    }

    fn checkpoint(&self, learner: &dyn Learner, state: &mut State) -> Result<(), RunError> {
        if let Some(events) = &self.events {
            // What a continued training takes for logged is not to be lost with the power.
            events.sync().map_err(|error| self.run.cannot_log(&error))?;
        }
        state.weights = learner.weights();
        state.optimizer = learner.optimizer_state();
        self.run.save_checkpoint(state.counters.step, &state.to_tensors())
    }

    /// The windows of the training and of the validation part.
    fn examples(&self) -> Result<(Examples, Examples), RunError> {
        let (split, seen) = (&self.prepared.split, self.prepared.seen());
        let part = |part, length, stride| {
            Examples::new(seen.runs, part, seen.normalisation, length, stride).map_err(RunError::usage)
        };
        let training = part(&split.train, self.prepared.window + self.experiment.train.unroll - 1, 1)?;
        Ok((training, part(&split.validation, self.validation_length(), self.prepared.window)?))
    }

    /// Samples of a validation window: the window of the model, and a free run as long as those of training, or as the
    /// validation part allows.
    fn validation_length(&self) -> usize {
        let Prepared { runs, split, window, .. } = self.prepared;
        let longest = split.validation.iter().map(|&run| runs.samples(run)).max().unwrap_or(0);
        window + self.experiment.train.unroll.min(longest.saturating_sub(*window)).max(1) - 1
    }

    /// The windows of the training and the validation part together.
    fn refit_examples(&self) -> Result<Examples, RunError> {
        let seen = self.prepared.seen();
        let Some(runs) = seen.refit else {
            return Err(RunError::Failed("the data of train.refit are not prepared".into()));
        };
        let all: Vec<usize> = (0..runs.count()).collect();
        let length = self.prepared.window + self.experiment.train.unroll - 1;
        Examples::new(runs, &all, seen.normalisation, length, 1).map_err(RunError::usage)
    }

    /// The training windows of a turn; as many as in every other.
    fn of_turn(&self, turns: &Turns, turn: u64) -> Result<Examples, RunError> {
        let seen = self.prepared.seen();
        let runs = turns.read(turn)?;
        let all: Vec<usize> = (0..runs.count()).collect();
        let length = self.prepared.window + self.experiment.train.unroll - 1;
        Examples::new(&seen.of(&runs), &all, seen.normalisation, length, 1).map_err(RunError::usage)
    }

    fn diverged(&self, what: &str, value: f64, state: &State) -> RunError {
        let kept = match state.counters.best {
            Some((step, _)) => format!("the best model, of step {step}, is kept"),
            None => "no model had been validated yet".to_owned(),
        };
        let (train, of_first) = &under_way(&self.experiment.train, &state.counters);
        let step = state.counters.step - of_first;
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

/// Steps a second since a step and its seconds in the loop.
fn rate(now: &Counters, (step, seconds): (u64, f64)) -> f64 {
    (now.step - step) as f64 / (now.seconds - seconds).max(1e-9)
}

/// Whether a validation is the best so far: by its loss, or by its error of free forecasts.
fn is_better(now: &Counters, loss: Loss, rollout: Option<f64>) -> bool {
    match (now.best, rollout) {
        (None, _) => true,
        (Some((_, best)), None) => loss.validation < best.validation,
        (Some(_), Some(error)) => error < now.best_rollout.unwrap_or(f64::INFINITY),
    }
}

/// The training under way, and the step after which it began: the first one, or that on training and validation part
/// together, which has as many steps as the first needed to its best weights, and its learning rates and its curriculum
/// over these.
fn under_way(train: &Train, now: &Counters) -> (Train, u64) {
    match now.refit_after {
        None => (train.clone(), 0),
        Some(after) => {
            (Train { steps: now.best.map_or(train.steps, |(best, _)| best), ..train.clone() }, after)
        }
    }
}

/// Seconds to the last step at the rate so far, or to the limit where that comes first.
fn seconds_left(train: &Train, now: &Counters, last: u64) -> f64 {
    let left = now.seconds / now.step as f64 * (last - now.step) as f64;
    if now.refit_after.is_some() {
        return left;
    }
    if train.seconds > 0.0 { left.min(train.seconds - now.seconds).max(0.0) } else { left }
}

/// The mean validation loss over all examples.
fn mean_loss(learner: &mut dyn Learner, examples: &Examples, length: usize, batch_size: usize) -> f64 {
    let (mut batch, mut sum) = (Batch::default(), 0.0);
    for which in validation_batches(examples.count(), batch_size) {
        examples.gather(&which, length, &mut batch);
        sum += learner.loss(&batch) * which.len() as f64;
    }
    sum / examples.count() as f64
}

/// The numbers of the windows in each batch of a validation over `count` windows. Such a batch has no fewer windows than a
/// training batch, and enough of them to be fast.
fn validation_batches(count: usize, batch_size: usize) -> Vec<Vec<usize>> {
    let all: Vec<usize> = (0..count).collect();
    all.chunks(batch_size.max(1024)).map(<[usize]>::to_vec).collect()
}

/// Whether the loss of a validation after so many steps may be infinite or NaN. Early in a curriculum it may: the
/// validation is over a longer free rollout than the network has been trained for. The last validation may not.
fn may_be_infinite(train: &Train, step: u64, last: bool) -> bool {
    !last && free_steps(train, step) < train.unroll
}

/// What the batch of a step follows from, besides the windows.
#[derive(Clone)]
struct Batches {
    train: Train,
    window: usize,
    seed: u64,
    scales: Normalisation,
}

impl Batches {
    /// Gathers the windows of these numbers for a step, counted from 0: as long as its free rollout needs them, and with
    /// its input noise.
    fn gather(&self, windows: &Examples, numbers: &[usize], step: u64, batch: &mut Batch) {
        let train = &self.train;
        let steps = if train.optimizer.keeps_its_batch() { train.unroll } else { free_steps(train, step) };
        windows.gather(numbers, self.window + steps - 1, batch);
        if train.input_noise > 0.0 {
            batch.add_noise(train.input_noise, &self.scales, &mut stream(self.seed, "input noise", step));
        }
    }
}

/// The learning rate of a step, counted from 0, of a method that has one.
fn learning_rate(train: &Train, step: u64) -> Option<f64> {
    Some(train.optimizer.learning_rate()? * train.schedule.part(step, train.steps))
}

/// The steps of free running that the loss of a step, counted from 0, is taken over: over the part `curriculum` of
/// the steps they grow from 1 to all (Bengio et al. 2009, "Curriculum learning").
fn free_steps(train: &Train, step: u64) -> usize {
    // without a curriculum 0 / 0, of which the lesser is 1
    let passed = (step as f64 / (train.curriculum * train.steps as f64)).min(1.0);
    1 + ((train.unroll - 1) as f64 * passed) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Schedule;

    #[test]
    fn a_curriculum_lengthens_the_free_run() {
        let train = Train { steps: 100, unroll: 5, curriculum: 0.5, ..Train::default() };
        let steps = [0, 12, 13, 25, 37, 38, 50, 99].map(|step| free_steps(&train, step));
        assert_eq!(steps, [1, 1, 2, 3, 3, 4, 5, 5]);
        assert_eq!(free_steps(&Train { curriculum: 0.0, ..train }, 0), 5);
        assert_eq!(free_steps(&Train::default(), 7), 1);
    }

    #[test]
    fn early_in_a_curriculum_a_validation_may_be_infinite_and_later_not() {
        let train = Train { steps: 100, unroll: 200, curriculum: 0.5, ..Train::default() };
        let may = |step, last| may_be_infinite(&train, step, last);
        assert!(may(2, false) && may(49, false) && !may(50, false) && !may(2, true));
        assert!(!may_be_infinite(&Train { curriculum: 0.0, ..train }, 2, false));
    }

    #[test]
    fn a_training_once_more_has_the_chosen_steps_and_their_whole_schedule() {
        let train =
            Train { steps: 1000, schedule: Schedule::Cosine { last: 0.0, warmup: 0.0 }, ..Train::default() };
        let best = Some((400, Loss { train: 1.0, validation: 1.0 }));
        let mut now = Counters { step: 1000, best, ..Counters::default() };
        assert_eq!(under_way(&train, &now), (train.clone(), 0));
        now.refit_after = Some(1000);
        let (again, after) = under_way(&train, &now);
        assert_eq!((again.steps, after), (400, 1000));
        let rate = |step| learning_rate(&again, step).unwrap();
        assert!(rate(399) < 1e-3 * rate(0) && learning_rate(&train, 399).unwrap() > 0.5 * rate(0));
    }

    #[test]
    fn a_finite_error_is_better_than_an_infinite_one_also_after_a_checkpoint() {
        let loss = |validation| Loss { train: 1.0, validation };
        let mut now = Counters::default();
        assert!(is_better(&now, loss(9.0), Some(f64::INFINITY)));
        (now.best, now.best_rollout) = (Some((1, loss(9.0))), None);
        let read: Counters = serde_json::from_str(&serde_json::to_string(&now).unwrap()).unwrap();
        for now in [&now, &read] {
            assert!(is_better(now, loss(10.0), Some(0.5)));
            assert!(![f64::INFINITY, f64::NAN].into_iter().any(|error| is_better(
                now,
                loss(1.0),
                Some(error)
            )));
        }
        now.best_rollout = Some(0.3);
        assert!(!is_better(&now, loss(1.0), Some(0.3)) && is_better(&now, loss(10.0), Some(0.2)));
        assert!(is_better(&now, loss(8.0), None) && !is_better(&now, loss(9.0), None));
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
            stale: 2,
            ended: Some("seven is enough".into()),
            best_rollout: Some(0.1),
            refit_after: Some(7),
        };
        let back = State::from_tensors(&state.to_tensors());
        assert!(back.is_ok_and(|back| back.counters == state.counters
            && back.weights == state.weights
            && back.best == state.best
            && back.optimizer == state.optimizer));
    }
}
