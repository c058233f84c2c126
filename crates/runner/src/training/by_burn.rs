//! The same training by burn-train, Burn's own training loop. Examples, their order, noise and learning rates are those
//! of our loop, and the trained model is saved and scored in the same way.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use dataset::{Batch, Examples};
use forecast::Loss;
use models::burn_train::{BurnTraining, Ended, Report, TrainByBurn};

use super::{
    Outcome, Sitting, State, learning_rate, may_be_infinite, rate, seconds_left, validation_batches,
};
use crate::{Progress, RunError, Step};

/// The folder in a run directory in which burn-train writes.
const FOLDER: &str = "burn-train";

impl Sitting<'_> {
    /// Trains from the first step to the last, and scores.
    pub(super) fn by_burn(
        mut self,
        train: TrainByBurn,
        mut state: State,
        progress: &mut dyn Progress,
    ) -> Result<Outcome, RunError> {
        let (experiment, seen) = (self.experiment, self.prepared.seen());
        let (network, settings) = experiment.network().map_err(RunError::Usage)?;
        let machine = experiment.machine(self.device).map_err(RunError::Usage)?;
        let directory = self.empty_folder()?;
        if experiment.train.logs_to("tensorboard") {
            self.events = Some(self.run.events(0)?);
        }
        let (training, validation) = self.examples()?;
        let windows = training.count();
        let (steps, batch_size) = (experiment.train.steps, experiment.train.batch_size.min(windows));
        let terminal = progress.burn_draws();
        let keys = if terminal { "; press q, then s, to stop" } else { "" };
        progress.stage(&format!(
            "training {} by burn-train on {}, {steps} steps of {batch_size} windows{keys}",
            network.name, self.device
        ));
        let burn_training = self.burn_training(training, validation, directory, terminal);

        self.stop.listen(true);
        let begin = Instant::now();
        // Step and seconds of the last validation.
        let (mut validated, mut fault) = ((0, 0.0), None);
        let mut watch = |report: Option<Report>| {
            if let Some(report) = report
                && fault.is_none()
            {
                let seconds = begin.elapsed().as_secs_f64();
                fault = self.record(report, batch_size, seconds, &mut validated, &mut state).err();
                if let Report::Step(train_loss) = report
                    && !terminal
                {
                    progress.step(&self.step(train_loss, batch_size, &state));
                }
            }
            fault.is_some() || self.stop.is_requested()
        };
        let trained =
            train(&settings, seen.normalisation, &experiment.recipe(), &machine, burn_training, &mut watch);
        let failed =
            |reason: String| RunError::Failed(format!("{}: {reason}", self.run.directory().display()));
        let finished = trained.map_err(failed)?;
        let now = &mut state.counters;
        now.seconds = begin.elapsed().as_secs_f64();
        now.step_seconds = finished.step_seconds;
        if let Some(best) = finished.best {
            state.best = best;
            self.run.save_model(experiment, &state.best, seen)?;
        }
        // A second request to stop is acknowledged until here.
        self.stop.listen(false);
        if let Some(fault) = fault {
            return Err(fault);
        }
        now.step = finished.steps;
        match finished.ended {
            Ended::Completed => {}
            Ended::Patience => {
                let patience = experiment.train.patience;
                let reason = format!("no lower loss in {patience} validations (train.patience)");
                progress.note(&format!("training ended after step {}: {reason}", now.step));
                now.ended = Some(reason);
            }
            Ended::Stopped => return Ok(Outcome::Stopped(self.run, finished.steps)),
            Ended::Failed(reason) => return Err(failed(reason)),
        }
        let parameters = state.best.count();
        self.finish(&state, parameters, windows, BTreeMap::new(), progress)
    }

    /// Returns the folder for burn-train, emptied of what a stopped training left in it.
    fn empty_folder(&self) -> Result<PathBuf, RunError> {
        let folder = self.run.directory().join(FOLDER);
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(|error| {
                RunError::Failed(format!("{} cannot be removed: {error}", folder.display()))
            })?;
        }
        std::fs::create_dir(&folder)
            .map_err(|error| RunError::Failed(format!("{} cannot be written: {error}", folder.display())))?;
        Ok(folder)
    }

    /// The experiment in the form that burn-train takes.
    fn burn_training(
        &self,
        training: Examples,
        validation: Examples,
        directory: PathBuf,
        terminal: bool,
    ) -> BurnTraining {
        let train = self.experiment.train.clone();
        let (order, batches) = self.batches(&training, &train);
        let order = Mutex::new(order);
        let (length, parts) =
            (self.validation_length(), validation_batches(validation.count(), train.batch_size));
        BurnTraining {
            directory,
            steps: train.steps,
            validate_every: train.validate_every,
            patience: train.patience,
            validations: parts.len(),
            validation: Arc::new(move |i| {
                let mut batch = Batch::default();
                validation.gather(&parts[i], length, &mut batch);
                batch
            }),
            batch: Arc::new(move |step| {
                let mut order = order.lock().unwrap_or_else(PoisonError::into_inner);
                let mut batch = Batch::default();
                batches.gather(&training, order.at(step), step, &mut batch);
                batch
            }),
            learning_rate: {
                let train = train.clone();
                Arc::new(move |step| learning_rate(&train, step).unwrap_or_default())
            },
            may_be_infinite: Arc::new(move |step| may_be_infinite(&train, step, step >= train.steps)),
            terminal,
        }
    }

    /// Counts a step, or logs a validation. `seconds` have passed since the training began; as in our loop, those of a
    /// validation are counted after it is logged.
    ///
    /// # Errors
    /// A loss that is not finite; it ends the training.
    fn record(
        &self,
        report: Report,
        batch_size: usize,
        seconds: f64,
        validated: &mut (u64, f64),
        state: &mut State,
    ) -> Result<(), RunError> {
        let train = &self.experiment.train;
        match report {
            Report::Step(loss) if !loss.is_finite() => {
                return Err(self.diverged("loss or its gradient", loss, state));
            }
            Report::Step(_) => state.counters.step += 1,
            Report::Validation { step, train_loss, validation_loss } => {
                let now = &mut state.counters;
                now.step = step;
                if validation_loss.is_finite() {
                    let loss = Loss { train: train_loss, validation: validation_loss };
                    let speed = batch_size as f64 * rate(now, *validated);
                    self.validated(now, loss, None, speed)?;
                } else if !may_be_infinite(train, step, step >= train.steps) {
                    return Err(self.diverged("validation loss", validation_loss, state));
                }
                *validated = (step, seconds);
            }
        }
        state.counters.seconds = seconds;
        Ok(())
    }

    /// Where the training stands.
    fn step(&self, train_loss: f64, batch_size: usize, state: &State) -> Step {
        let (train, now) = (&self.experiment.train, &state.counters);
        Step {
            done: now.step,
            of: train.steps,
            train_loss,
            validation_loss: now.validation.map(|(_, loss)| loss),
            learning_rate: learning_rate(train, now.step.saturating_sub(1)),
            examples_per_second: batch_size as f64 * rate(now, (0, 0.0)),
            seconds: now.seconds,
            seconds_left: seconds_left(train, now, train.steps),
        }
    }
}
