//! What an experiment file can set, with every default.
//!
//! The doc comments of the fields are the documentation for users: `attractor explain`, the JSON schema and
//! `docs/guide/reference.md` are made from them. One that ends with a sentence "By default, ..." is about a key whose
//! default is computed. Attributes of `schemars` give ranges and examples; a test holds the ranges equal to the checks.

use models::baselines::MAX_DEGREE;
use models::{Implementation, Optimizer, Precision};
use pde::FieldSystem;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sim::{Solver, System};

use crate::fields::Stepper;
use crate::reduce::Reduce;
use crate::schedule::Schedule;
use crate::train_loop::Loop;

/// The most numbers of one array.
pub(crate) const MAX_NUMBERS: u64 = 1 << 28;

/// The most trajectories.
pub(crate) const MAX_TRAJECTORIES: u64 = 10_000_000;

/// A resolved experiment: nothing is left to a default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Experiment {
    /// Seed of every random stream: of trajectories, held-out starts, initial weights and batches. Another seed gives
    /// another training of the same experiment.
    #[serde(default)]
    #[schemars(extend("examples" = [1]))]
    pub seed: u64,
    /// The system whose trajectories are simulated: its name and its parameters. An experiment has this section or
    /// `[recording]`.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub system: Value,
    /// The files of a recording of measurements, and how they are read. An experiment has this section or `[system]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<Value>,
    /// The trajectories to learn from and how they are divided.
    pub data: Data,
    /// The model and its settings.
    pub model: Value,
    /// How the model is trained. Models that are fitted at once, and not trained in steps, have no key of this section.
    pub train: Train,
    /// How forecasts are scored.
    pub evaluate: Evaluate,
}

/// The trajectories to learn from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Data {
    /// Number of trajectories to simulate. With `data.from`, the default is all trajectories of the folder, and a smaller
    /// number uses the first ones. A recording does not have this key.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 1, max = MAX_TRAJECTORIES), extend("examples" = [1000]))]
    pub trajectories: usize,
    /// Time between two samples, in the unit of time of the system. A recording gives its own. By
    /// default, the good sample interval of the system.
    #[schemars(extend("exclusiveMinimum" = 0, "examples" = [0.01]))]
    pub dt: f64,
    /// Length of each trajectory, in the unit of time of the system. A recording does not have this key. By default, the
    /// good length of the system.
    #[serde(default, skip_serializing_if = "is_none_of_it")]
    #[schemars(extend("exclusiveMinimum" = 0, "examples" = [8.0]))]
    pub t_final: f64,
    /// Fractions of the trajectories, or of a recording, for training, validation and test; their sum is 1. Whole
    /// trajectories are divided, never windows.
    #[schemars(inner(range(min = 0, max = 1)), extend("examples" = [[0.6, 0.2, 0.2]]))]
    pub split: [f64; 3],
    /// Lowest and highest initial value of each component, between which initial states are uniform. A recording does not
    /// have this key. By default, the good initial region of the system.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("examples" = [[[-15.0, 15.0], [-15.0, 15.0], [10.0, 40.0]]]))]
    pub initial: Vec<[f64; 2]>,
    /// The method that integrates the trajectories, and its settings. A recording does not have this key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solver: Option<Solver>,
    /// The method that integrates a field, and its settings. Other systems do not have this key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stepper: Option<Stepper>,
    /// How a field is reduced to a few coefficients. The model learns and forecasts these; its forecasts are scored on the
    /// whole field. By default, none: the model sees the value at every point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reduce: Option<Reduce>,
    /// The components of the state that a model sees, learns and forecasts. By default, all of them.
    #[schemars(length(min = 1), extend("examples" = [["x"]]))]
    pub observe: Vec<String>,
    /// A folder of trajectories that `attractor simulate` wrote, to take the trajectories from. By default, none: they are
    /// simulated.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(extend("examples" = ["big/"]))]
    pub from: String,
    /// A hash of what the folder `data.from` is a simulation of. A run refuses a folder with another hash. By default, that
    /// of the folder: the program writes this key, you need not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(extend("examples" = ["91f0b7c2a4e3d856"]))]
    pub from_digest: String,
    /// Number of trajectories of the folder `data.from` that are in memory at a time. If there are more, the training takes
    /// turns. By default, all if they fit, otherwise what takes about 2 GB in a training.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(extend("examples" = [10_000]))]
    pub at_once: usize,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde asks
fn is_zero(number: &usize) -> bool {
    *number == 0
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde asks
fn is_false(value: &bool) -> bool {
    !value
}

/// What the best weights of a training are chosen by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Select {
    /// The model with the lowest validation loss.
    #[default]
    Loss,
    /// The model whose forecasts over the validation part have the smallest error.
    Rollout,
}

impl Select {
    #[allow(clippy::trivially_copy_pass_by_ref)] // as serde asks
    fn is_loss(&self) -> bool {
        *self == Select::Loss
    }
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
            reduce: None,
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
            reduce: None,
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
            reduce: None,
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Train {
    /// Number of windows in each step.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub batch_size: usize,
    /// Number of optimiser steps.
    #[schemars(range(min = 1, max = 1_000_000_000_000_u64), extend("examples" = [5000]))]
    pub steps: u64,
    /// The optimiser and its settings.
    pub optimizer: Optimizer,
    /// Time limit of the training, in seconds, including the time before an interruption; 0 for no limit. The result of a
    /// training that stops at this limit depends on the speed of the machine.
    #[schemars(range(min = 0, max = 1e10), extend("examples" = [600.0]))]
    pub seconds: f64,
    /// How the learning rate changes during the training.
    pub schedule: Schedule,
    /// Largest norm of the gradient over all parameters. Longer gradients are scaled down to it.
    #[schemars(range(max = 1e30), extend("exclusiveMinimum" = 0, "examples" = [0.5]))]
    pub gradient_norm: f64,
    /// Dropout probability: the probability that an output of a hidden layer is set to 0 in a step of the training.
    #[schemars(range(min = 0, max = 0.99), extend("examples" = [0.1]))]
    pub dropout: f64,
    /// Standard deviation of the noise that is added to the states in the windows, in standard deviations of each
    /// component. The targets stay noise-free.
    #[schemars(range(min = 0, max = 1e3), extend("examples" = [0.001]))]
    pub input_noise: f64,
    /// Number of steps of free rollout in the loss. 1 teaches the next step only.
    #[schemars(range(min = 1, max = 10_000), extend("examples" = [8]))]
    pub unroll: usize,
    /// Fraction of the training over which the number of rollout steps in the loss grows from 1 to `train.unroll`.
    #[schemars(range(min = 0, max = 1), extend("examples" = [0.25]))]
    pub curriculum: f64,
    /// Early stopping: the training stops after this number of validations in a row without a lower validation loss; 0 for
    /// never.
    #[schemars(extend("examples" = [20]))]
    pub patience: u64,
    /// Precision of the weights and of the training. `f64` needs `--device cpu`.
    #[schemars(extend("examples" = ["f64"]))]
    pub precision: Precision,
    /// Number of steps from one validation to the next. Each writes a line to `metrics.jsonl`.
    #[schemars(range(min = 1))]
    pub validate_every: u64,
    /// Number of steps from one checkpoint to the next. `attractor resume` continues from the last checkpoint.
    #[schemars(range(min = 1))]
    pub checkpoint_every: u64,
    /// Code that computes a network on the CPU. Networks that have no kernels of their own run on Burn's operations.
    #[schemars(extend("examples" = ["burn"]))]
    pub kernels: Implementation,
    /// Training loop: that of Attractor, or that of Burn for comparison.
    // A file without the key, as all were before it existed, means our own; so the key is written only if it is another.
    #[schemars(extend("examples" = ["burn-train"]))]
    #[serde(rename = "loop", default, skip_serializing_if = "Loop::is_own")]
    pub training_loop: Loop,
    /// How the best model of a training is chosen. `"loss"` costs less, but the model with the smallest validation loss may
    /// not forecast best.
    #[schemars(extend("examples" = ["rollout"]))]
    #[serde(default, skip_serializing_if = "Select::is_loss")]
    pub select: Select,
    /// Whether the model is trained once more after the choice, for the chosen number of steps, on the training part and
    /// the validation part together. A model that is fitted at once is fitted once more.
    #[schemars(extend("examples" = [true]))]
    #[serde(default, skip_serializing_if = "is_false")]
    pub refit: bool,
    /// Formats in which the losses are written to the run directory: `"jsonl"`, which is always needed, and
    /// `"tensorboard"` for event files as well.
    #[schemars(schema_with = "log_schema", extend("examples" = [["jsonl", "tensorboard"]]))]
    pub log: Vec<String>,
}

/// The schema of `train.log`.
fn log_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "items": {"type": "string", "enum": Train::LOGS}, "minItems": 1, "uniqueItems": true})
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
            select: Select::Loss,
            refit: false,
            log: vec![Train::LOGS[0].to_owned()],
        }
    }
}

/// How the network is scored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evaluate {
    /// Number of held-out starts from which the model forecasts.
    #[schemars(range(min = 2, max = 10_000), extend("examples" = [500]))]
    pub starts: usize,
    /// Time from a random initial state to a start, so that the starts lie on the attractor. For a recording, the length of
    /// the history before a start. By default, 20 Lyapunov times for a chaotic system, rounded to one digit; the length of
    /// a trajectory for any other system; and for a recording 49 samples, or more if the window of the model needs them.
    #[schemars(range(min = 0), extend("examples" = [20.0]))]
    pub transient: f64,
    /// Length of the forecasts over which the error `nrmse` is computed, in units of time; at least `data.dt`. By default, 20
    /// Lyapunov times for a chaotic system, rounded to one digit; the length of a trajectory for any other system; and for
    /// a recording a length that fits into the test part.
    #[schemars(extend("exclusiveMinimum" = 0, "examples" = [20.0]))]
    pub horizon: f64,
    /// Degree of the polynomial baseline. If a degree makes more monomials than can be solved for, the baseline is not
    /// applicable and has no scores; the default is then lowered to the highest degree that is possible.
    #[schemars(range(min = 1, max = MAX_DEGREE), extend("examples" = [4]))]
    pub polynomial_degree: usize,
    /// Largest Lyapunov exponent, per unit of time. Its inverse, the Lyapunov time, is the unit of the valid prediction time
    /// (VPT); 0 leaves the VPT out. By default, the exponent of the system with these parameters, which is computed; 0 if
    /// the system is not chaotic, if the exponent could not be computed, or for a recording.
    #[schemars(range(min = 0), extend("examples" = [0.906]))]
    pub lyapunov_exponent: f64,
    /// Reason why the Lyapunov exponent of the system could not be computed. By default, the program writes this key if it
    /// is needed; you need not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(extend("examples" = ["a trajectory leaves the finite numbers"]))]
    pub exponent_unknown: String,
    /// Score by which runs are ranked, for recordings.
    #[serde(default, skip_serializing_if = "Protocol::is_default")]
    #[schemars(extend("examples" = ["simulate"]))]
    pub protocol: Protocol,
    /// Number of samples of each test segment from which its free run starts, for recordings; 0 for the default. By default, one more than the
    /// samples of `evaluate.transient`.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(extend("examples" = [50]))]
    pub given: usize,
    /// Files with the true values at the samples of the test part, for recordings with noise: a path or a pattern. By
    /// default, the test part itself is the truth.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(extend("examples" = ["clean/*.csv"]))]
    pub truth: String,
    /// Checksum of the files of `evaluate.truth`. By default, the program writes it; you need not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(extend("examples" = ["3f2a9c"]))]
    pub truth_digest: String,
    /// Length of the long run, whose attractor is compared with that of the truth: in Lyapunov times if
    /// `evaluate.lyapunov_exponent` is above 0, otherwise in units of time. 0 leaves the long run out; a recording has none.
    /// By default, 100 for a chaotic system, and 0 for any other.
    #[schemars(range(min = 0), extend("examples" = [1000.0]))]
    pub long_run: f64,
}

/// The score by which runs of a recording are ranked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Forecasts from many starts of the test part: the valid prediction time, or the error over the horizon.
    #[default]
    Forecast,
    /// One free run over each segment of the test part, after its first samples.
    Simulate,
}

impl Protocol {
    #[allow(clippy::trivially_copy_pass_by_ref)] // as serde asks
    fn is_default(&self) -> bool {
        *self == Protocol::Forecast
    }
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
            protocol: Protocol::Forecast,
            given: 0,
            truth: String::new(),
            truth_digest: String::new(),
            long_run: 0.0,
        }
    }
}
