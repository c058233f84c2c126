//! Which checkpoints burn-train keeps: the last one, and the one with the lowest validation loss.

use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use burn::train::checkpoint::{CheckpointingAction, CheckpointingStrategy};
use burn::train::metric::store::{Aggregate, EventStoreClient, Split};
use burn::train::metric::{LossMetric, Metric};

use super::Report;

/// The epoch with the lowest validation loss, and that loss.
pub(super) type Best = Arc<Mutex<Option<(usize, f64)>>>;

/// Keeps the last checkpoint and the best one. burn-train's own `KeepLastNCheckpoints` and `MetricCheckpointingStrategy`
/// together keep the same files, but do not say which one is the best.
pub(super) struct BestAndLast {
    best: Best,
    kept: Vec<usize>,
    steps: u64,
    validate_every: u64,
    reports: Sender<Report>,
}

impl BestAndLast {
    pub(super) fn new(best: &Best, steps: u64, validate_every: u64, reports: Sender<Report>) -> Self {
        BestAndLast { best: Arc::clone(best), kept: Vec::new(), steps, validate_every, reports }
    }
}

impl CheckpointingStrategy for BestAndLast {
    fn checkpointing(&mut self, epoch: usize, store: &EventStoreClient) -> Vec<CheckpointingAction> {
        let name = LossMetric::new().name();
        let mean = |split| store.find_metric(&name, epoch, Aggregate::Mean, &split).unwrap_or(f64::NAN);
        let (train_loss, validation_loss) = (mean(Split::Train), mean(Split::Valid));
        let mut best = self.best.lock().unwrap_or_else(PoisonError::into_inner);
        if validation_loss.is_finite() && best.is_none_or(|(_, least)| validation_loss < least) {
            *best = Some((epoch, validation_loss));
        }
        let step = (epoch as u64).saturating_mul(self.validate_every).min(self.steps);
        // The receiver is gone once the training was given up.
        let _ = self.reports.send(Report::Validation { step, train_loss, validation_loss });
        let (best, mut actions) = (best.map(|(epoch, _)| epoch), vec![CheckpointingAction::Save]);
        self.kept.retain(|&kept| {
            let stays = Some(kept) == best;
            if !stays {
                actions.push(CheckpointingAction::Delete(kept));
            }
            stays
        });
        self.kept.push(epoch);
        actions
    }
}
