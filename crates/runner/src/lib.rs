//! From an experiment file to data, training, scores and a run directory.

mod catalogue;
mod data;
mod environment;
mod evaluation;
mod experiment;
mod names;
mod prediction;
mod resolve;
mod run;
mod simulation;
mod training;

pub use catalogue::{experiments, load};
pub use environment::Build;
pub use evaluation::evaluate;
pub use experiment::Experiment;
pub use models::devices;
pub use models::networks::NETWORKS;
pub use prediction::predict;
pub use run::{Needs, Run};
pub use sim::systems::SYSTEMS;
pub use simulation::simulate;
pub use training::{Outcome, resume, train};

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The command, the experiment file or an input file is wrong.
    #[error("{0}")]
    Usage(String),
    /// What was asked is in order, but the work failed.
    #[error("{0}")]
    Failed(String),
}

impl RunError {
    pub(crate) fn usage(message: impl ToString) -> Self {
        RunError::Usage(message.to_string())
    }

    pub(crate) fn failed(message: impl ToString) -> Self {
        RunError::Failed(message.to_string())
    }
}

/// Whoever watches the work.
pub trait Progress {
    /// A stage begins; `what` completes "now ...".
    fn stage(&mut self, what: &str);

    /// Training has come to a step.
    fn step(&mut self, at: &Step);

    /// Something the user should know that stops nothing.
    fn note(&mut self, what: &str);
}

/// Where training stands.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Steps done.
    pub done: u64,
    /// Steps in all.
    pub of: u64,
    /// Loss of the last step.
    pub train_loss: f64,
    /// Loss of the last validation.
    pub validation_loss: Option<f64>,
    /// Seconds in the training loop.
    pub seconds: f64,
}
