//! Runs a training by burn-train from the first step to the last.

use std::any::Any;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use burn::module::Module;
use burn::train::checkpoint::{Checkpointer, FileCheckpointer};
use burn::train::logger::FileMetricLogger;
use burn::train::metric::store::{Aggregate, Direction, Split};
use burn::train::metric::{LearningRateMetric, LossMetric};
use burn::train::renderer::MetricsRenderer;
use burn::train::renderer::tui::TuiMetricsRendererWrapper;
use burn::train::{
    ExecutionStrategy, Interrupter, Learner, MetricEarlyStoppingStrategy, StoppingCondition,
    SupervisedTraining,
};
use dataset::Normalisation;

use super::checkpoints::{Best, BestAndLast};
use super::learner::{Context, Trainable};
use super::loaders::{TrainingBatches, ValidationBatches};
use super::optimizers::{Rates, of_burn};
use super::quiet::{Quiet, StepReports};
use super::{Course, Finished, Report};
use crate::learner::Network;
use crate::machine::Machine;
use crate::optimizer::Recipe;
use crate::parameters::to_tensors;
use crate::tensors::Tensors;

/// How often the caller is asked whether to stop while there is nothing to report.
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(50);

/// Trains `network` on windows of `window` samples; see [`super::TrainByBurn`].
///
/// # Errors
/// An optimiser that burn-train does not have, and any failure of burn-train. Its panics are errors too, because it
/// panics where a file cannot be written.
pub(crate) fn train<N: Network>(
    network: N,
    window: usize,
    scales: &Normalisation,
    recipe: &Recipe,
    machine: &Machine,
    course: Course,
    watch: &mut dyn FnMut(Option<Report>) -> bool,
) -> Result<Finished, String> {
    super::suits(recipe)?;
    let context = Arc::new(Context {
        window,
        scales: scales.clone(),
        recipe: recipe.clone(),
        machine: machine.clone(),
        steps: AtomicU64::new(0),
        nanoseconds: AtomicU64::new(0),
    });
    let trainable = Trainable { network: network.train(), context: Arc::clone(&context) };
    let interrupter = Interrupter::new();
    let (sender, reports) = channel();
    let training = {
        let interrupter = interrupter.clone();
        std::thread::Builder::new()
            .name("burn-train".into())
            .spawn(move || launch(trainable, course, interrupter, sender))
            .map_err(|error| format!("burn-train has no thread to train on: {error}"))?
    };
    // The loop ends when both senders are dropped, which is when burn-train is done.
    loop {
        let stop = match reports.recv_timeout(BETWEEN_QUESTIONS) {
            Ok(report) => watch(Some(report)),
            Err(RecvTimeoutError::Timeout) => watch(None),
            Err(RecvTimeoutError::Disconnected) => break,
        };
        if stop {
            interrupter.stop(None);
        }
    }
    let best = training.join().map_err(|panic| format!("burn-train gave up: {}", words(&*panic)))??;
    Ok(Finished {
        steps: context.steps.load(Ordering::Relaxed),
        step_seconds: context.nanoseconds.load(Ordering::Relaxed) as f64 * 1e-9,
        best,
    })
}

/// Lets burn-train train, and returns its best weights.
fn launch<N: Network>(
    trainable: Trainable<N>,
    course: Course,
    interrupter: Interrupter,
    reports: Sender<Report>,
) -> Result<Option<Tensors>, String> {
    let context = Arc::clone(&trainable.context);
    let optimizer = of_burn(&context.recipe.optimizer).ok_or("burn-train has no such optimiser")?;
    let best: Best = Arc::new(Mutex::new(None));
    let renderer: Box<dyn MetricsRenderer> = if course.terminal {
        Box::new(TuiMetricsRendererWrapper::new(interrupter.clone(), None))
    } else {
        Box::new(Quiet)
    };
    let epochs = course.steps.div_ceil(course.validate_every);
    let mut training = SupervisedTraining::<Trainable<N>>::new(
        &course.directory,
        Arc::new(TrainingBatches::new(&course)),
        Arc::new(ValidationBatches(course.clone())),
    )
    .metrics((LossMetric::new(),))
    .metric_train_numeric(LearningRateMetric::new())
    .num_epochs(usize::try_from(epochs).unwrap_or(usize::MAX))
    .with_interrupter(interrupter)
    // Its application logger would redirect the logs and panics of the whole process to a file.
    .with_application_logger(None)
    .with_metric_logger(FileMetricLogger::new(&course.directory))
    .with_metric_logger(StepReports::new(reports.clone()))
    .with_default_checkpointers()
    .with_checkpointing_strategy(BestAndLast::new(&best, course.steps, course.validate_every, reports))
    .with_training_strategy(ExecutionStrategy::single(context.machine.device.clone()).into())
    .renderer(renderer);
    if course.patience > 0 {
        training = training.early_stopping(MetricEarlyStoppingStrategy::new(
            &LossMetric::new(),
            Aggregate::Mean,
            Direction::Lowest,
            Split::Valid,
            StoppingCondition::NoImprovementSince { n_epochs: course.patience as usize },
        ));
    }
    let rates = Rates { rate: Arc::clone(&course.learning_rate), step: 0 };
    let result = training.launch(Learner::new(trainable, optimizer, rates));
    // Dropping the view restores the terminal.
    drop(result.renderer);
    if let Some(error) = result.error {
        return Err(format!("burn-train stopped: {error}"));
    }
    let Some((epoch, _)) = *best.lock().unwrap_or_else(PoisonError::into_inner) else { return Ok(None) };
    let files = FileCheckpointer::new(course.directory.join("checkpoint"), "model");
    let at = || format!("{}, checkpoint of epoch {epoch}", course.directory.display());
    let record = Checkpointer::restore(&files, epoch).map_err(|error| format!("{}: {error}", at()))?;
    let network = result.model.try_load_record(record).map_err(|error| format!("{}: {error}", at()))?.network;
    Ok(Some(to_tensors(&network, &network.layout(), context.machine.precision)))
}

/// The message of a panic.
fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason was given")
}
