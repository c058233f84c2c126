//! What an experiment file can set, with every default.

use dataset::Split;
use models::baselines::MAX_DEGREE;
use models::{Implementation, Machine, Optimizer, Recipe, networks};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sim::{Solver, System, Times};

/// The most numbers of one array.
pub(crate) const MAX_NUMBERS: u64 = 1 << 28;

/// A resolved experiment: nothing is left to a default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Experiment {
    /// Seed of every random stream.
    #[serde(default)]
    pub seed: u64,
    /// Name and parameters of the system.
    pub system: Value,
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
    /// Number of trajectories.
    pub trajectories: usize,
    /// Time between two samples.
    pub dt: f64,
    /// Length of a trajectory.
    pub t_final: f64,
    /// Fractions of the trajectories for training, validation and test.
    pub split: [f64; 3],
    /// Lowest and highest initial value of each component.
    pub initial: Vec<[f64; 2]>,
    /// What integrates them.
    pub solver: Solver,
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
            solver: Solver::default(),
        }
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
    /// Part of the steps over which the learning rate rises from 0, with `warmup-cosine`.
    pub warmup: f64,
    /// Norm to which gradients are clipped.
    pub gradient_norm: f64,
    /// Steps from one validation, and line of `metrics.jsonl`, to the next.
    pub validate_every: u64,
    /// Steps from one checkpoint to the next.
    pub checkpoint_every: u64,
    /// Whose code computes the network on the CPU, where there is a choice: this project's or Burn's.
    pub kernels: Implementation,
}

impl Default for Train {
    fn default() -> Self {
        Train {
            batch_size: 256,
            steps: 20_000,
            optimizer: Optimizer::default(),
            seconds: 0.0,
            schedule: Schedule::WarmupCosine,
            warmup: 0.02,
            gradient_norm: 1.0,
            validate_every: 500,
            checkpoint_every: 5_000,
            kernels: Implementation::Own,
        }
    }
}

/// How the learning rate changes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// It stays.
    Constant,
    /// A linear rise, then half a cosine down to 0 (Loshchilov and Hutter 2017, equation 5).
    WarmupCosine,
}

/// How the network is scored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluate {
    /// Number of held-out starts.
    pub starts: usize,
    /// Time from a random initial state to a start, so that starts lie on the attractor.
    pub transient: f64,
    /// Time units of free forecast for `nrmse`.
    pub horizon: f64,
    /// Degree of the polynomial baseline.
    pub polynomial_degree: usize,
    /// The largest Lyapunov exponent, in which valid prediction times are counted; 0 leaves them out. By
    /// default what is known of the system.
    pub lyapunov_exponent: f64,
}

impl Default for Evaluate {
    fn default() -> Self {
        Evaluate { starts: 200, transient: 20.0, horizon: 20.0, polynomial_degree: 6, lyapunov_exponent: 0.0 }
    }
}

impl Experiment {
    /// The system.
    pub(crate) fn build_system(&self) -> Result<Box<dyn System>, String> {
        let entry = crate::names::system(&self.system)?;
        (entry.build)(settings(&self.system)).map_err(|fault| format!("system: {fault}"))
    }

    /// The sample times of a training trajectory.
    pub(crate) fn times(&self) -> Result<Times, String> {
        Times::up_to(self.data.t_final, self.data.dt).map_err(|fault| format!("data: {fault}"))
    }

    /// What is learned and how it is scored, whatever the seed and the network: runs for which this is equal
    /// can be compared.
    pub fn task(&self) -> String {
        serde_json::json!([self.system, self.data, self.evaluate]).to_string()
    }

    /// The network and its settings.
    pub(crate) fn network(&self) -> Result<(&'static networks::Entry, Value), String> {
        Ok((crate::names::network(&self.model)?, settings(&self.model)))
    }

    /// Says which key of the system or the data has an impossible value, and what would be possible.
    pub(crate) fn check_data(&self) -> Result<(), String> {
        let (system, data) = (self.build_system()?, &self.data);
        whole("data.trajectories", data.trajectories as u64, 1, 10_000_000)?;
        let times = self.times()?;
        data.solver.check().map_err(|fault| format!("data.solver: {fault}"))?;
        if let Some([low, high]) = data.initial.iter().find(|[low, high]| low > high) {
            return Err(format!("data.initial: [{low}, {high}] must go from low to high"));
        }
        let count = data.trajectories as f64 * times.samples() as f64 * system.dim() as f64;
        check_memory("data", count, "take fewer trajectories, a larger dt or a shorter t_final")?;
        Ok(())
    }

    /// Says which key has an impossible value, and what would be possible.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.check_data()?;
        let (system, times) = (self.build_system()?, self.times()?);
        let Experiment { data, train, evaluate, .. } = self;
        Split::new(data.trajectories, data.split, self.seed).map_err(|fault| format!("data: {fault}"))?;

        let (network, settings) = self.network()?;
        let window = (network.check)(&settings).map_err(|fault| format!("model: {fault}"))?;
        if window >= times.samples() {
            return Err(format!(
                "model.window = {window} is longer than a trajectory: with t_final = {} and dt = {} one has {} \
                 samples, so a window can hold at most {}",
                data.t_final,
                data.dt,
                times.samples(),
                times.samples() - 1
            ));
        }

        whole("train.batch_size", train.batch_size as u64, 1, 10_000_000)?;
        whole("train.steps", train.steps, 1, 1_000_000_000_000)?;
        check_optimizer(&train.optimizer)?;
        if !(0.0..=1e10).contains(&train.seconds) {
            return Err(format!(
                "train.seconds = {:?} must lie between 0, for no limit, and 1e10",
                train.seconds
            ));
        }
        if !(0.0..=1.0).contains(&train.warmup) {
            return Err(format!("train.warmup = {} must lie between 0 and 1", train.warmup));
        }
        above_zero("train.gradient_norm", train.gradient_norm, 1e30)?;
        whole("train.validate_every", train.validate_every, 1, u64::MAX)?;
        whole("train.checkpoint_every", train.checkpoint_every, 1, u64::MAX)?;

        whole("evaluate.starts", evaluate.starts as u64, 2, 10_000)?;
        whole("evaluate.polynomial_degree", evaluate.polynomial_degree as u64, 1, MAX_DEGREE as u64)?;
        if evaluate.lyapunov_exponent != 0.0 && !(1e-6..=1e6).contains(&evaluate.lyapunov_exponent) {
            return Err(format!(
                "evaluate.lyapunov_exponent = {:e} must lie between 0.000001 and 1000000, or be 0 to leave valid \
                 prediction times out",
                evaluate.lyapunov_exponent
            ));
        }
        if evaluate.horizon < data.dt {
            return Err(format!(
                "evaluate.horizon = {} must be at least data.dt = {}",
                evaluate.horizon, data.dt
            ));
        }
        let history = window.max(2) - 1;
        if self.lead() < history {
            return Err(format!(
                "evaluate.transient = {} must be at least {}, the history that a window of {window} samples needs \
                 before a start",
                evaluate.transient,
                history as f64 * data.dt
            ));
        }
        let samples = (evaluate.transient + self.forecast_span()) / data.dt;
        check_memory(
            &format!("evaluate ({} starts of {samples:.3e} samples)", evaluate.starts),
            samples.max(1.0) * (evaluate.starts * system.dim()) as f64,
            "take fewer starts, or a shorter transient and horizon",
        )?;
        Ok(())
    }

    /// What computes the network, with the device of this name.
    pub(crate) fn machine(&self, device: &str) -> Result<Machine, String> {
        let device = crate::names::device(device)?.open().map_err(|error| error.to_string())?;
        Ok(Machine { device, kernels: self.train.kernels })
    }

    /// How the weights are changed.
    pub(crate) fn recipe(&self) -> Recipe {
        Recipe { optimizer: self.train.optimizer.clone(), gradient_norm: self.train.gradient_norm }
    }

    /// Samples from a random initial state to a start.
    pub(crate) fn lead(&self) -> usize {
        (self.evaluate.transient / self.data.dt).round() as usize
    }

    /// Samples of free forecast for `nrmse`.
    pub(crate) fn horizon(&self) -> usize {
        (self.evaluate.horizon / self.data.dt).round() as usize
    }

    /// Time units for which the truth is integrated: a chaotic system for 40 Lyapunov times, past the 36.7
    /// after which an error of the last bit of an f64, 2^-53, has grown to 1; any other over the horizon.
    pub(crate) fn forecast_span(&self) -> f64 {
        let Evaluate { horizon, lyapunov_exponent, .. } = self.evaluate;
        if lyapunov_exponent > 0.0 { horizon.max(40.0 / lyapunov_exponent) } else { horizon }
    }
}

/// The settings of a system or model without its name.
fn settings(named: &Value) -> Value {
    let mut settings = named.clone();
    if let Some(settings) = settings.as_object_mut() {
        settings.remove("name");
    }
    settings
}

/// Says which setting of an optimiser is impossible.
fn check_optimizer(optimizer: &Optimizer) -> Result<(), String> {
    if let Some(learning_rate) = optimizer.learning_rate() {
        above_zero("train.optimizer.learning_rate", learning_rate, 1e10)?;
    }
    let part = |key: &str, value: f64, most: f64| match (0.0..=most).contains(&value) {
        true => Ok(()),
        false => Err(format!("train.optimizer.{key} = {value:?} must lie between 0 and {most:?}")),
    };
    match *optimizer {
        Optimizer::Adam { .. } => Ok(()),
        Optimizer::AdamW { weight_decay, .. } => part("weight_decay", weight_decay, 1e3),
        Optimizer::Sgd { momentum, .. } => part("momentum", momentum, 0.9999),
        Optimizer::LevenbergMarquardt { damping, gradient_tolerance, step_tolerance } => {
            above_zero("train.optimizer.damping", damping, 1e10)?;
            part("gradient_tolerance", gradient_tolerance, 1e10)?;
            part("step_tolerance", step_tolerance, 1e10)
        }
    }
}

fn whole(key: &str, value: u64, least: u64, most: u64) -> Result<(), String> {
    match (least..=most).contains(&value) {
        true => Ok(()),
        false if most == u64::MAX => Err(format!("{key} = {value} must be at least {least}")),
        false => Err(format!("{key} = {value} must lie between {least} and {most}")),
    }
}

fn above_zero(key: &str, value: f64, most: f64) -> Result<(), String> {
    if value > 0.0 && value <= most {
        Ok(())
    } else {
        Err(format!("{key} = {value:?} must be above 0 and at most {most:?}"))
    }
}

/// The sentence for more numbers in one array than are kept in memory; a scoring holds four such arrays.
fn check_memory(section: &str, count: f64, cure: &str) -> Result<(), String> {
    if count <= MAX_NUMBERS as f64 {
        Ok(())
    } else {
        Err(format!(
            "{section} asks for {count:.3e} numbers, more than the {MAX_NUMBERS} (2 GiB) that are kept in memory: {cure}"
        ))
    }
}
