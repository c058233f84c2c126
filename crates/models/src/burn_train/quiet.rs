//! A renderer for burn-train that shows nothing, for use without a terminal. Burn's own one for that case prints two
//! lines per batch to stdout, where only results belong.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use burn::train::logger::{EvaluationProgressLogger, MetricLogger, TrainingProgressLogger};
use burn::train::metric::store::{EpochSummary, MetricsUpdate, Split};
use burn::train::metric::{LossMetric, Metric, MetricDefinition, MetricId, NumericEntry};
use burn::train::renderer::{
    EvaluationName, MetricState, MetricsRenderer, MetricsRendererEvaluation, MetricsRendererTraining,
};

use super::Report;
use super::learner::Context;

/// Shows nothing.
pub(super) struct Quiet;

impl MetricsRendererTraining for Quiet {
    fn update_train(&mut self, _state: MetricState) {}
    fn update_valid(&mut self, _state: MetricState) {}
}

impl MetricsRendererEvaluation for Quiet {
    fn update_test(&mut self, _name: EvaluationName, _state: MetricState) {}
}

impl TrainingProgressLogger for Quiet {
    fn start(&mut self, _epochs: usize, _first: usize, _items: Option<usize>, _label: Option<&str>) {}
    fn update_epoch(&mut self, _epoch: usize) {}
    fn start_split(&mut self, _split: &str, _items: usize) {}
    fn update_split(&mut self, _items: usize) {}
    fn end_split(&mut self) {}
    fn end(&mut self) {}
    fn log_event_training(&mut self, _event: String) {}
}

impl EvaluationProgressLogger for Quiet {
    fn start_global_progress(&mut self, _tests: usize) {}
    fn start_test(&mut self, _name: &str, _items: usize) {}
    fn update_test_progress(&mut self, _items: usize) {}
    fn end_test(&mut self) {}
    fn end_global_progress(&mut self) {}
    fn log_event_evaluation(&mut self, _event: String) {}
}

impl MetricsRenderer for Quiet {
    fn manual_close(&mut self) {}
    fn register_metric(&mut self, _definition: MetricDefinition) {}
}

/// Reports the loss of each step. burn-train also writes it to its own files.
pub(super) struct StepReports {
    losses: HashSet<MetricId>,
    context: Arc<Context>,
    reports: Sender<Report>,
}

impl StepReports {
    pub(super) fn new(context: &Arc<Context>, reports: Sender<Report>) -> Self {
        StepReports { losses: HashSet::new(), context: Arc::clone(context), reports }
    }
}

impl MetricLogger for StepReports {
    fn log(&mut self, update: MetricsUpdate, _epoch: usize, split: &Split) {
        if *split != Split::Train {
            return;
        }
        for metric in update.entries_numeric {
            match metric.numeric_entry {
                // The mean, repeated at the end of an epoch.
                Some(NumericEntry::Final(_)) | None => {}
                Some(entry) if self.losses.contains(&metric.entry.metric_id) => {
                    let loss = entry.current();
                    if !loss.is_finite() {
                        self.context.set_diverged();
                    }
                    // The receiver is gone once the training was given up.
                    let _ = self.reports.send(Report::Step(loss));
                }
                Some(_) => {}
            }
        }
    }

    // burn-train asks one logger after the other; the one that writes the files answers.
    fn read_numeric(
        &mut self,
        name: &str,
        _epoch: usize,
        _split: &Split,
    ) -> Result<Vec<NumericEntry>, String> {
        Err(format!("the values of {name} are not kept here"))
    }

    fn log_metric_definition(&mut self, definition: MetricDefinition) {
        if definition.name == LossMetric::new().name() {
            self.losses.insert(definition.metric_id);
        }
    }

    fn log_epoch_summary(&mut self, _summary: EpochSummary) {}
}
