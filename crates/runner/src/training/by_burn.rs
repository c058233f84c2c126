//! The same training by burn-train, Burn's own training loop. Examples, their order, noise and learning rates are those
//! of our loop, and the trained model is saved and scored in the same way.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use dataset::{Batch, BatchOrder, Examples};
use forecast::Loss;
use models::burn_train::{Course, Report, TrainByBurn};
use sim::random::stream;

use super::{Outcome, Sitting, State, free_steps, learning_rate, rate, seconds_left, validation_chunk};
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
        let (experiment, normalisation) = (self.experiment, &self.prepared.normalisation);
        let (network, settings) = experiment.network().map_err(RunError::Usage)?;
        let machine = experiment.machine(self.device).map_err(RunError::Usage)?;
        let directory = self.empty_folder()?;
        if experiment.train.logs_to("tensorboard") {
            self.events = Some(self.run.events(0)?);
        }
        let (training, validation) = self.examples()?;
        let windows = training.count();
        let (steps, batch_size) = (experiment.train.steps, experiment.train.batch_size.min(windows));
        progress.stage(&format!(
            "training {} by burn-train on {}, {steps} steps of {batch_size} windows",
            network.name, self.device
        ));
        let terminal = progress.lends_terminal();
        let course = self.course(training, validation, directory, terminal);

        self.stop.listen(true);
        let (begin, mut fault) = (Instant::now(), None);
        let trained =
            train(&settings, normalisation, &experiment.recipe(), &machine, course, &mut |report| {
                state.counters.seconds = begin.elapsed().as_secs_f64();
                if let Some(report) = report
                    && fault.is_none()
                {
                    fault = self.take_note(report, batch_size, &mut state).err();
                    if let Report::Step(train_loss) = report
                        && !terminal
                    {
                        progress.step(&self.step(train_loss, batch_size, &state));
                    }
                }
                fault.is_some() || self.stop.is_requested()
            });
        self.stop.listen(false);
        let finished = trained
            .map_err(|reason| RunError::Failed(format!("{}: {reason}", self.run.directory().display())))?;
        let now = &mut state.counters;
        now.seconds = begin.elapsed().as_secs_f64();
        now.step_seconds = finished.step_seconds;
        if let Some(best) = finished.best {
            state.best = best;
            self.run.save_model(experiment, &state.best, normalisation)?;
        }
        if let Some(fault) = fault {
            return Err(fault);
        }
        now.step = finished.steps;
        let patience = experiment.train.patience;
        if finished.steps < steps {
            if patience == 0 || now.stale < patience {
                return Ok(Outcome::Stopped(self.run, finished.steps));
            }
            let reason = format!("no lower loss in {patience} validations (train.patience)");
            progress.note(&format!("training ended after step {}: {reason}", now.step));
            now.ended = Some(reason);
        }
        let parameters = state.best.count();
        self.finish(&state, parameters, windows, progress)
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
    fn course(&self, training: Examples, validation: Examples, directory: PathBuf, terminal: bool) -> Course {
        let (seed, window) = (self.experiment.seed, self.prepared.task.window);
        let (train, scales) = (self.experiment.train.clone(), self.prepared.normalisation.clone());
        let order = Mutex::new(BatchOrder::new(seed, training.count(), train.batch_size));
        let (length, chunk) = (window + train.unroll - 1, validation_chunk(train.batch_size));
        Course {
            directory,
            steps: train.steps,
            validate_every: train.validate_every,
            patience: train.patience,
            validations: validation.count().div_ceil(chunk),
            validation: Arc::new(move |i| {
                let which: Vec<usize> = (i * chunk..((i + 1) * chunk).min(validation.count())).collect();
                let mut batch = Batch::default();
                validation.gather(&which, length, &mut batch);
                batch
            }),
            learning_rate: {
                let train = train.clone();
                Arc::new(move |step| learning_rate(&train, step).unwrap_or_default())
            },
            batch: Arc::new(move |step| {
                let mut order = order.lock().unwrap_or_else(PoisonError::into_inner);
                let mut batch = Batch::default();
                training.gather(order.at(step), window + free_steps(&train, step) - 1, &mut batch);
                if train.input_noise > 0.0 {
                    batch.add_noise(train.input_noise, &scales, &mut stream(seed, "input noise", step));
                }
                batch
            }),
            terminal,
        }
    }

    /// Counts a step, or logs a validation.
    ///
    /// # Errors
    /// A loss that is not finite; it ends the training.
    fn take_note(&self, report: Report, batch_size: usize, state: &mut State) -> Result<(), RunError> {
        let train = &self.experiment.train;
        match report {
            Report::Step(loss) if !loss.is_finite() => {
                Err(self.diverged("loss or its gradient", loss, state))
            }
            Report::Step(_) => {
                state.counters.step += 1;
                Ok(())
            }
            Report::Validation { step, validation_loss, .. } if !validation_loss.is_finite() => {
                // Early in a curriculum a network was never asked to run as far as it is judged.
                if step < train.steps && free_steps(train, step) < train.unroll {
                    return Ok(());
                }
                Err(self.diverged("validation loss", validation_loss, state))
            }
            Report::Validation { step, train_loss, validation_loss } => {
                let now = &mut state.counters;
                now.step = step;
                let loss = Loss { train: train_loss, validation: validation_loss };
                let speed = batch_size as f64 * rate(now, (0, 0.0));
                self.validated(now, loss, speed).map(|_| ())
            }
        }
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
            seconds_left: seconds_left(train, now),
        }
    }
}
