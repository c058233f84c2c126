//! Which checkpoints burn-train keeps (the last one, and the one with the lowest validation loss), and when patience ends
//! the training.

use std::path::Path;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn::store::ModuleRecord;
use burn::train::EarlyStoppingStrategy;
use burn::train::checkpoint::{
    Checkpointer, CheckpointerError, CheckpointingAction, CheckpointingStrategy, FileCheckpointer,
};
use burn::train::metric::store::{Aggregate, EventStoreClient, Split};
use burn::train::metric::{LossMetric, Metric};

use super::learner::Context;
use super::{BurnTraining, Report};

/// What the validations have shown so far.
#[derive(Default)]
pub(super) struct Validations {
    /// Steps done at the last one.
    pub(super) step: u64,
    /// Epoch and loss of the best one.
    best: Option<(usize, f64)>,
    /// Weights of the best one. In memory, so that a disk that becomes full does not take them away.
    pub(super) best_weights: Option<ModuleRecord>,
    /// Number of validations since the best one; those whose loss is not finite do not count.
    stale: u64,
    /// Whether patience ended the training.
    pub(super) ended_by_patience: bool,
}

/// The validations, shared by the parts of burn-train that decide by them.
#[derive(Clone, Default)]
pub(super) struct Shared(Arc<Mutex<Validations>>);

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, Validations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps the last checkpoint and the best one. burn-train's own `KeepLastNCheckpoints` and `MetricCheckpointingStrategy`
/// together keep the same files, but do not say which one is the best.
pub(super) struct BestAndLast {
    pub(super) validations: Shared,
    /// The epochs whose checkpoints are kept.
    pub(super) kept: Vec<usize>,
    pub(super) training: BurnTraining,
    pub(super) context: Arc<Context>,
    pub(super) reports: Sender<Report>,
}

impl CheckpointingStrategy for BestAndLast {
    fn checkpointing(&mut self, epoch: usize, store: &EventStoreClient) -> Vec<CheckpointingAction> {
        let name = LossMetric::new().name();
        let mean = |split| store.find_metric(&name, epoch, Aggregate::Mean, &split).unwrap_or(f64::NAN);
        let (train_loss, validation_loss) = (mean(Split::Train), mean(Split::Valid));
        let BurnTraining { steps, validate_every, .. } = self.training;
        let step = (epoch as u64).saturating_mul(validate_every).min(steps);
        let mut now = self.validations.lock();
        now.step = step;
        if !validation_loss.is_finite() {
            if !(self.training.may_be_infinite)(step) {
                self.context.set_diverged();
            }
        } else if !self.context.has_diverged() {
            now.stale += 1;
            if now.best.is_none_or(|(_, least)| validation_loss < least) {
                now.best = Some((epoch, validation_loss));
                now.stale = 0;
            }
        }
        // The receiver is gone once the training was given up.
        let _ = self.reports.send(Report::Validation { step, train_loss, validation_loss });
        let (best, mut actions) = (now.best.map(|(epoch, _)| epoch), vec![CheckpointingAction::Save]);
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

/// Writes the weights to files as burn-train does, and keeps the best ones in memory too.
pub(super) struct BestInMemory {
    files: FileCheckpointer,
    validations: Shared,
}

impl BestInMemory {
    pub(super) fn new(directory: &Path, validations: &Shared) -> Self {
        BestInMemory { files: FileCheckpointer::new(directory, "model"), validations: validations.clone() }
    }
}

impl Checkpointer<ModuleRecord> for BestInMemory {
    fn save(&self, epoch: usize, record: ModuleRecord) -> Result<(), CheckpointerError> {
        {
            let mut now = self.validations.lock();
            if now.best.is_some_and(|(best, _)| best == epoch) {
                now.best_weights = Some(record.clone());
            }
        }
        self.files.save(epoch, record)
    }

    fn delete(&self, epoch: usize) -> Result<(), CheckpointerError> {
        Checkpointer::<ModuleRecord>::delete(&self.files, epoch)
    }

    fn restore(&self, epoch: usize) -> Result<ModuleRecord, CheckpointerError> {
        self.files.restore(epoch)
    }
}

/// Ends the training after `patience` validations without a lower loss, and says so. burn-train's own
/// `MetricEarlyStoppingStrategy` also counts validations whose loss is not finite, as it can be early in a curriculum.
#[derive(Clone)]
pub(super) struct Patience {
    pub(super) validations: Shared,
    pub(super) patience: u64,
}

impl EarlyStoppingStrategy for Patience {
    // burn-train asks after `BestAndLast` has counted the validation.
    fn should_stop(&mut self, _epoch: usize, _store: &EventStoreClient) -> bool {
        let mut now = self.validations.lock();
        now.ended_by_patience = now.stale >= self.patience;
        now.ended_by_patience
    }
}
