//! Training by burn-train, Burn's own training loop, instead of ours.
//!
//! Both loops train the same experiment: they share the data, scales, initial weights, batches, random numbers, loss and
//! learning rates. burn-train brings the loop itself, the optimiser, the metrics and the checkpoints. This module says
//! what burn-train can train; the code that calls it is compiled only with the cargo feature `burn-train`.

use std::path::PathBuf;
use std::sync::Arc;

use dataset::{Batch, Normalisation};
use serde_json::Value;

use crate::machine::Machine;
use crate::optimizer::Recipe;
use crate::tensors::Tensors;

#[cfg(feature = "burn-train")]
mod checkpoints;
#[cfg(feature = "burn-train")]
mod learner;
#[cfg(feature = "burn-train")]
mod loaders;
#[cfg(feature = "burn-train")]
mod optimizers;
#[cfg(feature = "burn-train")]
mod quiet;
#[cfg(test)]
#[cfg(feature = "burn-train")]
mod tests;
#[cfg(feature = "burn-train")]
mod training;

#[cfg(feature = "burn-train")]
pub(crate) use training::train;

/// Trains a network with the given settings by burn-train. `watch` is called with each report, and with `None` at least
/// every 50 ms; once it returns true, training stops after the current step.
pub type TrainByBurn = fn(
    &Value,
    &Normalisation,
    &Recipe,
    &Machine,
    BurnTraining,
    &mut dyn FnMut(Option<Report>) -> bool,
) -> Result<Finished, String>;

/// The training that burn-train is to carry out.
#[derive(Clone)]
pub struct BurnTraining {
    /// The directory for its metrics and checkpoints, which it creates.
    pub directory: PathBuf,
    /// Optimiser steps.
    pub steps: u64,
    /// Steps from one validation to the next; burn-train calls them an epoch.
    pub validate_every: u64,
    /// Number of validations in a row without a lower loss after which training ends; 0 never ends it. A validation whose
    /// loss is not finite does not count.
    pub patience: u64,
    /// The batch of a step, counted from 0.
    pub batch: Arc<dyn Fn(u64) -> Batch + Send + Sync>,
    /// Number of batches of a validation.
    pub validations: usize,
    /// A batch of the validation, counted from 0.
    pub validation: Arc<dyn Fn(usize) -> Batch + Send + Sync>,
    /// Whether the loss of a validation after so many steps may be infinite or NaN. Elsewhere such a loss is a divergence,
    /// and later weights are never the best ones.
    pub may_be_infinite: Arc<dyn Fn(u64) -> bool + Send + Sync>,
    /// The learning rate of a step, counted from 0.
    pub learning_rate: Arc<dyn Fn(u64) -> f64 + Send + Sync>,
    /// Whether burn-train draws its own view on stdout, which must be a terminal.
    pub terminal: bool,
}

/// What burn-train reports while it trains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Report {
    /// The loss of a step.
    Step(f64),
    /// A validation after so many steps.
    Validation {
        /// Steps done.
        step: u64,
        /// The mean loss of the steps since the previous validation.
        train_loss: f64,
        /// The mean loss over the validation part.
        validation_loss: f64,
    },
}

/// The outcome of a training by burn-train.
#[derive(Debug)]
pub struct Finished {
    /// Why it ended.
    pub ended: Ended,
    /// Steps done.
    pub steps: u64,
    /// Seconds in steps, without batches, metrics and checkpoints.
    pub step_seconds: f64,
    /// The weights with the lowest validation loss before any divergence; `None` before the first validation.
    pub best: Option<Tensors>,
}

/// Why a training by burn-train ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All steps are done, and the validation after the last one.
    Completed,
    /// The validation loss did not fall for [`BurnTraining::patience`] validations.
    Patience,
    /// It was asked to stop, by the caller or by a key in burn-train's view.
    Stopped,
    /// burn-train failed, for this reason. It panics where a file cannot be written; that is such a failure too.
    Failed(String),
}
