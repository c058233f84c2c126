//! What a run leaves in `results.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Scores;

/// The results of a run; the keys are a contract with whoever reads the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Name of the experiment.
    pub experiment: String,
    /// Name of the system.
    pub system: String,
    /// Name of the network.
    pub model: String,
    /// Number of its parameters.
    pub parameters: usize,
    /// Seed of all random streams.
    pub seed: u64,
    /// Device it was trained on.
    pub device: String,
    /// How it was trained.
    pub train: Training,
    /// How it forecasts.
    pub scores: Scores,
    /// How the baselines forecast, by name.
    pub baselines: BTreeMap<String, Scores>,
}

/// The cost and outcome of a training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// Seconds in the training loop, validation included.
    pub seconds: f64,
    /// Of these, seconds in the optimiser's steps; the others went into gathering batches, validation and files.
    #[serde(default)]
    pub step_seconds: f64,
    /// Optimiser steps.
    pub steps: u64,
    /// Windows a second.
    pub examples_per_second: f64,
    /// The losses of the model that was kept.
    pub loss: Loss,
    /// The step after which it stood.
    pub best_step: u64,
}

/// Mean squared errors of the scaled increments.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Loss {
    /// Mean over the training steps since the validation before.
    pub train: f64,
    /// On the validation part.
    pub validation: f64,
}
