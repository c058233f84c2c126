//! From an experiment file to data, training, scores and a run directory.

use std::io::ErrorKind;
use std::sync::atomic::{AtomicU8, Ordering};

mod catalogue;
mod checks;
mod clean;
mod coarse;
mod data;
mod departures;
mod derived;
mod environment;
mod evaluation;
mod experiment;
mod exponent;
mod fields;
mod framework;
mod hash;
mod held_out;
mod histories;
mod inspection;
mod lookup;
mod lyapunov;
mod names;
mod prediction;
mod recorded_exponent;
mod recording;
mod reduce;
pub mod reference;
mod resolve;
mod run;
mod schedule;
mod settings;
mod simulation;
mod source;
mod stored;
pub mod sweep;
mod tensorboard;
mod text;
mod train_loop;
mod training;
mod truth;

pub use catalogue::{experiments, load, names_system};
pub use departures::departures;
pub use environment::Build;
pub use evaluation::evaluate;
pub use experiment::Experiment;
pub use forecast::rosenstein::Embedding;
pub use inspection::{inspect, read_recording};
pub use lyapunov::{Asked, Exponents, lyapunov_of_run, lyapunov_of_system};
pub use models::MODELS;
pub use models::devices;
pub use pde::systems::{Entry as Field, SYSTEMS as FIELDS};
pub use prediction::predict;
pub use recorded_exponent::{RecordedExponent, RecordedExponents, lyapunov_of_recording};
pub use run::{Needs, Run};
pub use sim::systems::{Entry as System, SYSTEMS};
pub use simulation::{Simulated, simulate};
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

    /// An output that cannot be written, by the kind of the error: [`RunError::Usage`] where another name or other
    /// permissions would help, and [`RunError::Failed`] for everything else, such as a full disk.
    pub fn unwritten(kind: ErrorKind, message: String) -> Self {
        match kind {
            ErrorKind::NotFound
            | ErrorKind::PermissionDenied
            | ErrorKind::AlreadyExists
            | ErrorKind::InvalidInput
            | ErrorKind::InvalidFilename
            | ErrorKind::NotADirectory
            | ErrorKind::IsADirectory
            | ErrorKind::DirectoryNotEmpty
            | ErrorKind::ReadOnlyFilesystem => RunError::Usage(message),
            _ => RunError::Failed(message),
        }
    }
}

/// A request to stop, from a signal handler.
///
/// While a training loop runs the request is granted at the next step, with the state saved, while a sweep runs once
/// its trainings have done so, while a simulation fills a folder once the present part is written, and while Lyapunov
/// exponents are computed with those of what is known by then. At any other time there is nothing that
/// stopping in order would save.
#[derive(Default)]
pub struct Interrupt(AtomicU8);

impl Interrupt {
    const LISTENING: u8 = 1;
    const REQUESTED: u8 = 2;

    /// Asks to stop; false where nothing will grant it, or it was asked before, so that the caller had better exit.
    pub fn request(&self) -> bool {
        let (from, to) = (Self::LISTENING, Self::REQUESTED);
        self.0.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// Asks as one of two that pass the same wish on, whichever is the first: false only where nothing will grant it.
    pub fn join(&self) -> bool {
        // In this order: the other may ask in between.
        self.request() || self.is_requested()
    }

    pub(crate) fn listen(&self, listening: bool) {
        self.0.store(u8::from(listening) * Self::LISTENING, Ordering::SeqCst);
    }

    /// Whether somebody has asked, and it has not been granted yet.
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed) == Self::REQUESTED
    }
}

/// Whoever watches the work.
pub trait Progress: Send {
    /// A stage begins; `what` completes "now ...".
    fn stage(&mut self, what: &str);

    /// Training has come to a step.
    fn step(&mut self, at: &Step);

    /// So many of `what` are done, and the others will take so many seconds more.
    fn part(&mut self, done: u64, of: u64, what: &str, seconds_left: f64);

    /// Something the user should know that stops nothing.
    fn note(&mut self, what: &str);

    /// Whether burn-train may draw its own view on stdout. [`Progress::step`] is then not called while it trains.
    fn burn_draws(&self) -> bool {
        false
    }
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
    /// Learning rate of the last step, of a method that has one.
    pub learning_rate: Option<f64>,
    /// Windows a second, since this sitting began.
    pub examples_per_second: f64,
    /// Seconds in the training loop.
    pub seconds: f64,
    /// Seconds that it will still take at this rate, or until its limit.
    pub seconds_left: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_a_failure_and_a_wrong_name_a_mistake() {
        for kind in
            [ErrorKind::StorageFull, ErrorKind::QuotaExceeded, ErrorKind::FileTooLarge, ErrorKind::Other]
        {
            assert!(matches!(RunError::unwritten(kind, String::new()), RunError::Failed(_)), "{kind}");
        }
        for kind in [ErrorKind::NotFound, ErrorKind::PermissionDenied, ErrorKind::NotADirectory] {
            assert!(matches!(RunError::unwritten(kind, String::new()), RunError::Usage(_)), "{kind}");
        }
    }

    #[test]
    fn two_that_pass_the_same_wish_on_ask_once_and_a_second_wish_is_told_from_it() {
        let stop = Interrupt::default();
        assert!(!stop.request() && !stop.join() && !stop.is_requested());
        stop.listen(true);
        assert!(stop.join() && stop.is_requested());
        assert!(stop.join() && !stop.request());
        stop.listen(false);
        assert!(!stop.join());
    }
}
