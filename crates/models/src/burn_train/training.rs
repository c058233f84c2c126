//! Runs a training by burn-train from the first step to the last.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use burn::module::Module;
use burn::train::checkpoint::FileCheckpointer;
use burn::train::logger::FileMetricLogger;
use burn::train::metric::{LearningRateMetric, LossMetric};
use burn::train::renderer::MetricsRenderer;
use burn::train::renderer::tui::TuiMetricsRendererWrapper;
use burn::train::{ExecutionStrategy, Interrupter, Learner, SupervisedTraining};
use dataset::Normalisation;

use super::checkpoints::{BestAndLast, BestInMemory, Patience, Shared};
use super::learner::{Context, Trainable};
use super::loaders::{TrainingBatches, ValidationBatches};
use super::optimizers::{Rates, burn_optimizer};
use super::quiet::{Quiet, StepReports};
use super::{BurnTraining, Ended, Finished, Report};
use crate::learner::Network;
use crate::machine::Machine;
use crate::optimizer::Recipe;
use crate::parameters::to_tensors;

/// How often the caller is asked whether to stop while there is nothing to report.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The message with which burn-train panics when the user ends the training at once in its view.
const KILLED: &str = "Killing training from user input.";

/// Trains `network` on windows of `window` samples; see [`super::TrainByBurn`].
///
/// # Errors
/// No thread to train on, or weights that do not fit the network. Any other failure is [`Ended::Failed`], with the best
/// weights until then.
pub(crate) fn train<N: Network>(
    network: N,
    window: usize,
    scales: &Normalisation,
    recipe: &Recipe,
    machine: &Machine,
    training: BurnTraining,
    watch: &mut dyn FnMut(Option<Report>) -> bool,
) -> Result<Finished, String> {
    let context = Arc::new(Context::new(window, scales, recipe, machine));
    let untrained = Trainable { network, context: Arc::clone(&context) };
    let trainable = Trainable { network: untrained.network.clone().train(), context: Arc::clone(&context) };
    let (steps, validations) = (training.steps, Shared::default());
    // The view resets its interrupter when the training ends, and would forget an error with it, so it has its own.
    let (interrupter, view) = (Interrupter::new(), Interrupter::new());
    let (sender, reports) = channel();
    let thread = {
        let (validations, interrupter, view) = (validations.clone(), interrupter.clone(), view.clone());
        std::thread::Builder::new()
            .name("burn-train".into())
            .spawn(move || launch(trainable, training, &validations, interrupter, view, sender))
            .map_err(|error| format!("burn-train has no thread to train on: {error}"))?
    };
    // The loop ends when all senders are dropped, which is when burn-train is done.
    loop {
        let stop = match reports.recv_timeout(POLL_INTERVAL) {
            Ok(report) => watch(Some(report)),
            Err(RecvTimeoutError::Timeout) => watch(None),
            Err(RecvTimeoutError::Disconnected) => break,
        };
        if stop || view.should_stop() {
            interrupter.stop(None);
        }
    }
    let failure = match thread.join() {
        Ok(result) => result.err(),
        Err(panic) if panic_message(&*panic) == KILLED => None,
        Err(panic) => Some(format!("burn-train panicked: {}", panic_message(&*panic))),
    };
    let validations = std::mem::take(&mut *validations.lock());
    let ended = match failure {
        Some(reason) => Ended::Failed(reason),
        None if validations.step == steps => Ended::Completed,
        None if validations.ended_by_patience => Ended::Patience,
        None => Ended::Stopped,
    };
    let best = match validations.best_weights {
        Some(record) => {
            let trained = untrained.try_load_record(record);
            let network = trained.map_err(|error| format!("burn-train's best weights: {error}"))?.network;
            Some(to_tensors(&network, &network.layout(), machine.precision))
        }
        None => None,
    };
    Ok(Finished {
        ended,
        steps: context.steps.load(Ordering::Relaxed),
        step_seconds: context.nanoseconds.load(Ordering::Relaxed) as f64 * 1e-9,
        best,
    })
}

/// Lets burn-train train.
fn launch<N: Network>(
    trainable: Trainable<N>,
    training: BurnTraining,
    validations: &Shared,
    interrupter: Interrupter,
    view: Interrupter,
    reports: Sender<Report>,
) -> Result<(), String> {
    // Where burn-train cannot make a file it panics, and panics again while it cleans up, which ends the program.
    std::fs::create_dir_all(&training.directory)
        .map_err(|error| format!("burn-train cannot write to {}: {error}", training.directory.display()))?;
    let context = Arc::clone(&trainable.context);
    let optimizer = burn_optimizer(&context.recipe.optimizer)?;
    let rates = Rates { rate: Arc::clone(&training.learning_rate), step: 0 };
    let renderer: Box<dyn MetricsRenderer> = if training.terminal {
        Box::new(TuiMetricsRendererWrapper::new(view, None))
    } else {
        Box::new(Quiet)
    };
    let epochs = training.steps.div_ceil(training.validate_every);
    let checkpoints = training.directory.join("checkpoint");
    let mut supervised = SupervisedTraining::<Trainable<N>>::new(
        &training.directory,
        Arc::new(TrainingBatches::new(&training)),
        Arc::new(ValidationBatches(training.clone())),
    )
    .metrics((LossMetric::new(),))
    .metric_train_numeric(LearningRateMetric::new())
    .num_epochs(usize::try_from(epochs).unwrap_or(usize::MAX))
    .with_interrupter(interrupter)
    // Its application logger would redirect the logs and panics of the whole process to a file.
    .with_application_logger(None)
    .with_metric_logger(FileMetricLogger::new(&training.directory))
    .with_metric_logger(StepReports::new(&context, reports.clone()))
    .with_custom_checkpointers(
        BestInMemory::new(&checkpoints, validations),
        FileCheckpointer::new(&checkpoints, "optim"),
        FileCheckpointer::new(&checkpoints, "scheduler"),
    )
    .with_training_strategy(ExecutionStrategy::single(context.machine.device.clone()).into())
    .renderer(renderer);
    if training.patience > 0 {
        supervised = supervised
            .early_stopping(Patience { validations: validations.clone(), patience: training.patience });
    }
    let supervised = supervised.with_checkpointing_strategy(BestAndLast {
        validations: validations.clone(),
        kept: Vec::new(),
        training,
        context,
        reports,
    });
    let result = supervised.launch(Learner::new(trainable, optimizer, rates));
    // Dropping the view restores the terminal.
    drop(result.renderer);
    result.error.map_or(Ok(()), |error| Err(format!("burn-train stopped: {error}")))
}

/// The message of a panic.
fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason was given")
}
