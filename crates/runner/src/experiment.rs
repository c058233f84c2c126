//! What an experiment file can set, with every default.

use models::{Implementation, Optimizer, Precision};
use pde::FieldSystem;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sim::{Solver, System};

use crate::fields::Stepper;
use crate::schedule::Schedule;
use crate::train_loop::Loop;

/// The most numbers of one array.
pub(crate) const MAX_NUMBERS: u64 = 1 << 28;

/// The most trajectories.
pub(crate) const MAX_TRAJECTORIES: u64 = 10_000_000;

/// A resolved experiment: nothing is left to a default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Experiment {
    /// Seed of every random stream.
    #[serde(default)]
    pub seed: u64,
    /// Name and parameters of the system; null for a recording.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub system: Value,
    /// The files of a recording and how they are read, with what they say: see `recording.rs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<Value>,
    /// The trajectories to learn from.
    pub data: Data,
    /// Name and settings of the network.
    pub model: Value,
    /// How it is trained.
    pub train: Train,
    /// How it is scored.
    pub evaluate: Evaluate,
}

/// The trajectories to learn from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Data {
    /// Number of trajectories; 0 for a recording, which has as many as it has.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub trajectories: usize,
    /// Time between two samples.
    pub dt: f64,
    /// Length of a trajectory; 0 for a recording, where each has its own.
    #[serde(default, skip_serializing_if = "is_none_of_it")]
    pub t_final: f64,
    /// Fractions of the trajectories, or of a recording, for training, validation and test.
    pub split: [f64; 3],
    /// Lowest and highest initial value of each component; empty for a recording.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub initial: Vec<[f64; 2]>,
    /// The solver that integrates them; none for a recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solver: Option<Solver>,
    /// How accurately a field is integrated; none for any other source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stepper: Option<Stepper>,
    /// The components of the state that are seen: what a model learns from, and forecasts.
    pub observe: Vec<String>,
    /// A folder that `simulate` wrote, to take the trajectories from; empty to simulate them.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub from: String,
    /// What tells the simulation in that folder from others.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub from_digest: String,
    /// Trajectories of that folder that are in memory at once; by default all where they fit. Of more, training takes
    /// turns.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub at_once: usize,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde asks
fn is_zero(number: &usize) -> bool {
    *number == 0
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde asks
fn is_none_of_it(time: &f64) -> bool {
    *time == 0.0
}

impl Data {
    /// The defaults for a system: its own sampling and region, and what suits all.
    pub(crate) fn of(system: &dyn System) -> Self {
        let [dt, t_final] = system.sampling();
        Data {
            trajectories: 100,
            dt,
            t_final,
            split: [0.8, 0.1, 0.1],
            initial: system.initial_region(),
            solver: Some(Solver::default()),
            stepper: None,
            observe: system.components().into_iter().map(|component| component.name).collect(),
            from: String::new(),
            from_digest: String::new(),
            at_once: 0,
        }
    }

    /// The defaults for a field: its own sampling, and what suits all.
    pub(crate) fn of_field(system: &dyn FieldSystem) -> Self {
        let [dt, t_final] = system.sampling();
        Data {
            trajectories: 100,
            dt,
            t_final,
            split: [0.8, 0.1, 0.1],
            initial: Vec::new(),
            solver: None,
            stepper: Some(Stepper::default()),
            observe: system.channels().into_iter().map(|channel| channel.name).collect(),
            from: String::new(),
            from_digest: String::new(),
            at_once: 0,
        }
    }

    /// The defaults for a recording with these states, `dt` from sample to sample.
    pub(crate) fn of_recording(states: Vec<String>, dt: f64) -> Self {
        Data {
            trajectories: 0,
            dt,
            t_final: 0.0,
            split: [0.7, 0.15, 0.15],
            initial: Vec::new(),
            solver: None,
            stepper: None,
            observe: states,
            from: String::new(),
            from_digest: String::new(),
            at_once: 0,
        }
    }

    /// The trajectories that are in memory at once.
    pub(crate) fn held(&self) -> usize {
        if self.from.is_empty() { self.trajectories } else { self.at_once }
    }

    /// The same data but for where they lie.
    pub(crate) fn wherever(&self) -> Self {
        Data { from: String::new(), ..self.clone() }
    }
}

/// How the network is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Train {
    /// Windows a step.
    pub batch_size: usize,
    /// Optimiser steps.
    pub steps: u64,
    /// What follows the gradient.
    pub optimizer: Optimizer,
    /// Seconds after which it ends, in all its sittings; 0 for no limit. A run that ends by it depends on the speed
    /// of the machine.
    pub seconds: f64,
    /// How the learning rate changes.
    pub schedule: Schedule,
    /// Norm to which gradients are clipped.
    pub gradient_norm: f64,
    /// Part of the numbers between layers that is left out, anew at every step.
    pub dropout: f64,
    /// Standard deviation of the noise that is added to the states a network is shown, over that of the states. What
    /// it is to give stays the true next state.
    pub input_noise: f64,
    /// Steps of free running that the loss is taken over.
    pub unroll: usize,
    /// Part of the steps over which these grow from 1 to `unroll`.
    pub curriculum: f64,
    /// Validations in a row without a lower loss after which training ends; 0 for no such end.
    pub patience: u64,
    /// What weights are made of.
    pub precision: Precision,
    /// Steps from one validation, and line of `metrics.jsonl`, to the next.
    pub validate_every: u64,
    /// Steps from one checkpoint to the next.
    pub checkpoint_every: u64,
    /// Whose code computes the network on the CPU, where there is a choice: this project's or Burn's.
    pub kernels: Implementation,
    /// The training loop: that of this project, or Burn's. A file without the key, as all were before it existed, means
    /// that of this project; so the key is written only where it is another.
    #[serde(rename = "loop", default, skip_serializing_if = "Loop::is_own")]
    pub training_loop: Loop,
    /// What the losses are written to: `jsonl`, and `tensorboard` for its event files too.
    pub log: Vec<String>,
}

impl Train {
    /// Where losses can be written to: the file that other commands read, and event files for TensorBoard.
    pub(crate) const LOGS: [&str; 2] = ["jsonl", "tensorboard"];

    /// Whether losses are written to this one of [`Train::LOGS`] too.
    pub(crate) fn logs_to(&self, log: &str) -> bool {
        self.log.iter().any(|name| name == log)
    }
}

impl Default for Train {
    fn default() -> Self {
        Train {
            batch_size: 256,
            steps: 20_000,
            optimizer: Optimizer::default(),
            seconds: 0.0,
            schedule: Schedule::default(),
            gradient_norm: 1.0,
            dropout: 0.0,
            input_noise: 0.0,
            unroll: 1,
            curriculum: 0.5,
            patience: 0,
            precision: Precision::F32,
            validate_every: 500,
            checkpoint_every: 5_000,
            kernels: Implementation::Own,
            training_loop: Loop::Own,
            log: vec![Train::LOGS[0].to_owned()],
        }
    }
}

/// How the network is scored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluate {
    /// Number of held-out starts.
    pub starts: usize,
    /// Time from a random initial state to a start, so that starts lie on the attractor. By default, 20 Lyapunov times,
    /// rounded to one digit, for a chaotic system, and the length of a trajectory, `data.t_final`, for any other. For a
    /// recording, the history before a start: 49 samples, or what a larger window of the model needs.
    pub transient: f64,
    /// Time units of free forecast for `nrmse`; by default as for `transient`.
    pub horizon: f64,
    /// Degree of the polynomial baseline. If it gives more monomials than can be solved for, the baseline is not applicable
    /// and has no scores.
    pub polynomial_degree: usize,
    /// The largest Lyapunov exponent, in which valid prediction times are counted; 0 leaves them out. By
    /// default that of the system with these parameters, which is computed; 0 where the system is not chaotic, or where
    /// the exponent could not be computed.
    pub lyapunov_exponent: f64,
    /// A sentence, written by the program, that says why the exponent could not be computed; empty if it could.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub exponent_unknown: String,
    /// Length of the forecasts whose attractor is compared with the truth's: in Lyapunov times where
    /// `lyapunov_exponent` is above 0, else in time units. 0 leaves that out. By default 100 with an exponent, and 0
    /// without: not every such system has an attractor.
    pub long_run: f64,
}

impl Evaluate {
    /// The default of `long_run` for a chaotic system.
    pub(crate) const LONG_RUN: f64 = 100.0;
}

impl Default for Evaluate {
    fn default() -> Self {
        Evaluate {
            starts: 200,
            // in the system's own times: see `Experiment::own_time`
            transient: 0.0,
            horizon: 0.0,
            polynomial_degree: 6,
            lyapunov_exponent: 0.0,
            exponent_unknown: String::new(),
            long_run: 0.0,
        }
    }
}
