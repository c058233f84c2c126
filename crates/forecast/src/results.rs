//! What a run leaves in `results.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use trajectory::{Axis, Component};

use crate::{Scores, Suspicion, finite};

/// The results of a run; the keys are a contract with whoever reads the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Name of the experiment.
    pub experiment: String,
    /// Name of the system.
    pub system: String,
    /// The components that the model sees, where they are not all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Vec<String>>,
    /// The components that are forecast, with their units.
    #[serde(default)]
    pub components: Vec<Component>,
    /// The grid of a field, whose channels are the components: \[x\] or \[y, x\].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub axes: Vec<Axis>,
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
    /// Of an autoencoder, by latent size.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reconstruction: Vec<Reconstruction>,
    /// How it forecasts.
    pub scores: Scores,
    /// How the baselines forecast, by name.
    pub baselines: BTreeMap<String, Scores>,
    /// The baselines that cannot be fitted to this system: name and reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub not_applicable: BTreeMap<String, String>,
    /// The solver of a field on coarser grids and with longer steps, with which the cost of the model is compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub solvers: Vec<SolverScores>,
    /// Of a model of reduced fields, what its modes keep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reduction: Option<Reduction>,
    /// What was chosen on the validation part, in words: the settings of baselines, by the name of the baseline; of a model
    /// with `ridge = "auto"` its `ridge`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub chosen: BTreeMap<String, String>,
    /// What is too good to be true, or otherwise looks like a mistake.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suspicions: Vec<Suspicion>,
}

/// The error and the cost of a solver.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SolverScores {
    /// Number of points along each axis of its grid.
    pub points: Vec<usize>,
    /// Order of the method.
    pub order: usize,
    /// Its step in units of time; none if it is chosen by the CFL number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<f64>,
    /// As [`Scores::one_step_rmse`].
    #[serde(with = "finite")]
    pub one_step_rmse: f64,
    /// The median of [`Scores::nrmse`].
    #[serde(with = "finite")]
    pub nrmse: f64,
    /// As [`Scores::step_microseconds`], over fewer starts and samples; infinite if it diverges.
    #[serde(with = "finite")]
    pub step_microseconds: f64,
}

impl Results {
    /// The cheapest solver whose median error over the horizon is at most that of the model.
    pub fn equal_solver(&self) -> Option<&SolverScores> {
        let as_good = self
            .solvers
            .iter()
            .filter(|solver| solver.nrmse.is_finite() && solver.nrmse <= self.scores.nrmse.median);
        as_good.min_by(|a, b| a.step_microseconds.total_cmp(&b.step_microseconds))
    }

    /// The number of forecasts over the horizon after which the time saved against [`Results::equal_solver`] exceeds that of the
    /// training; none if that solver takes no longer than the model. The simulation of the training data does not count.
    pub fn forecasts_to_pay(&self) -> Option<f64> {
        let (solver, dt) = (self.equal_solver()?, self.scores.error_growth.time.first()?);
        let saved = solver.step_microseconds - self.scores.step_microseconds;
        let steps = self.scores.nrmse.horizon / dt;
        (saved > 0.0).then(|| self.train.seconds * 1e6 / (saved * steps))
    }
}

/// What the modes of a reduced field keep.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reduction {
    /// Number of modes.
    pub modes: usize,
    /// The part of the variance of the training fields that the modes leave out.
    pub left_out: f64,
    /// Root mean square error of the fields of the test part after reduction, in standard deviations of the training part: no
    /// forecast of them by these modes has a smaller error.
    pub error: f64,
}

/// What a latent state of some size keeps of what it is made of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reconstruction {
    /// Components of the latent state.
    pub latent: usize,
    /// Root mean square error of the decoded states of the test part, in standard deviations of the training part.
    pub error: f64,
    /// Steps it was trained for.
    pub steps: u64,
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

/// Losses of a training, in its own terms: by default mean squared errors of the scaled increments; with `train.unroll`
/// of the states of a free run, for an autoencoder the sum of its three errors, for a GAN an energy score. Only those of
/// one kind of model and recipe can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Loss {
    /// The training loss: mean over the training steps since the last validation, and over all samples of a window for
    /// which the network predicts an increment.
    pub train: f64,
    /// The validation loss: only the prediction after the last sample of each window counts, because a forecast continues
    /// from there.
    pub validation: f64,
}
