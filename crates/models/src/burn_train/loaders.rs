//! The batches of an experiment as data loaders for burn-train.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use burn::data::dataloader::{DataLoader, DataLoaderIterator, Progress};
use burn::data::dataset::DatasetError;
use burn::tensor::Device;
use dataset::Batch;

use super::BurnTraining;

/// A batch, with the number of its step, or of its part of a validation.
pub(super) struct Item {
    pub(super) step: u64,
    pub(super) batch: Batch,
}

/// The training batches. Each call of `iter` yields those of the next epoch. An epoch lasts from one validation to the
/// next; the last one may be shorter.
#[derive(Clone)]
pub(super) struct TrainingBatches {
    training: BurnTraining,
    epoch: Arc<AtomicU64>,
}

impl TrainingBatches {
    pub(super) fn new(training: &BurnTraining) -> Self {
        TrainingBatches { training: training.clone(), epoch: Arc::new(AtomicU64::new(0)) }
    }
}

impl DataLoader<Item> for TrainingBatches {
    fn iter<'a>(&'a self) -> Box<dyn DataLoaderIterator<Item> + 'a> {
        let BurnTraining { steps, validate_every, .. } = self.training;
        let first = self.epoch.fetch_add(1, Ordering::Relaxed).saturating_mul(validate_every);
        let last = first.saturating_add(validate_every).min(steps);
        Box::new(Steps { first, next: first, last, batch: move |step| (self.training.batch)(step) })
    }

    fn num_items(&self) -> usize {
        self.training.steps.min(self.training.validate_every) as usize
    }

    // The training step makes tensors of a batch, on the device of the experiment.
    fn to_device(&self, _device: &Device) -> Arc<dyn DataLoader<Item>> {
        Arc::new(self.clone())
    }

    // Called only in a training on several devices.
    fn slice(&self, _start: usize, _end: usize) -> Arc<dyn DataLoader<Item>> {
        Arc::new(self.clone())
    }
}

/// The validation batches, the same at every validation.
#[derive(Clone)]
pub(super) struct ValidationBatches(pub(super) BurnTraining);

impl DataLoader<Item> for ValidationBatches {
    fn iter<'a>(&'a self) -> Box<dyn DataLoaderIterator<Item> + 'a> {
        let last = self.0.validations as u64;
        Box::new(Steps { first: 0, next: 0, last, batch: move |i| (self.0.validation)(i as usize) })
    }

    fn num_items(&self) -> usize {
        self.0.validations
    }

    fn to_device(&self, _device: &Device) -> Arc<dyn DataLoader<Item>> {
        Arc::new(self.clone())
    }

    fn slice(&self, _start: usize, _end: usize) -> Arc<dyn DataLoader<Item>> {
        Arc::new(self.clone())
    }
}

/// A range of steps, each with its batch.
struct Steps<F> {
    first: u64,
    next: u64,
    last: u64,
    batch: F,
}

impl<F: Fn(u64) -> Batch> Iterator for Steps<F> {
    type Item = Result<Item, DatasetError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.next;
        (step < self.last).then(|| {
            self.next += 1;
            Ok(Item { step, batch: (self.batch)(step) })
        })
    }
}

impl<F: Fn(u64) -> Batch> DataLoaderIterator<Item> for Steps<F> {
    fn progress(&self) -> Progress {
        let done = |step: u64| (step - self.first) as usize;
        Progress::new(done(self.next), done(self.last), Some("batches".into()))
    }
}
