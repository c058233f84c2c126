//! What an experiment file can set, with every default.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use autodiff::unknown;
use dataset::Split;
use models::baselines::MAX_DEGREE;
use models::{Implementation, Machine, Optimizer, Precision, Recipe, Training};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sim::{Solver, System};
use trajectory::Times;

use crate::schedule::Schedule;
use crate::train_loop::Loop;

/// The most numbers of one array.
pub(crate) const MAX_NUMBERS: u64 = 1 << 28;

/// The most trajectories.
pub(crate) const MAX_TRAJECTORIES: u64 = 10_000_000;

/// The numbers that are held at once of a folder that holds more than the most: an eighth of it, with which a training
/// takes some 2 GB, since scales, windows and baselines are each as many again.
const NUMBERS_AT_ONCE: usize = 1 << 25;

/// Bounds on the largest Lyapunov exponent per sample interval: after 37 Lyapunov times nothing is left of a state in f64.
const EXPONENT: [f64; 2] = [1e-8, 40.0];

/// The most samples of a long run; even a small network takes a minute over them.
const MOST_LONG_RUN: f64 = 1e8;

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
            observe: system.components().into_iter().map(|component| component.name).collect(),
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

    fn check_log(&self) -> Result<(), String> {
        for (i, name) in self.log.iter().enumerate() {
            if !Train::LOGS.contains(&name.as_str()) {
                return Err(unknown(&format!("train.log: \"{name}\""), name, Train::LOGS));
            }
            if self.log[..i].contains(name) {
                return Err(format!("train.log names \"{name}\" twice"));
            }
        }
        if !self.logs_to("jsonl") {
            return Err(format!("train.log = {:?} must hold \"jsonl\", which other commands read", self.log));
        }
        Ok(())
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
    /// rounded to one digit, for a chaotic system, and the length of a trajectory, `data.t_final`, for any other.
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

    /// The default of `transient` and `horizon` for a chaotic system, in Lyapunov times.
    const LYAPUNOV_TIMES: f64 = 20.0;

    /// Bounds on the number of samples in the default `transient` and `horizon`, so that the held-out starts fit into
    /// memory even if the sampling is far finer than a trajectory needs.
    const SAMPLES: [f64; 2] = [20.0, 5000.0];
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

/// The system of a section.
pub(crate) fn build_system(section: &Value) -> Result<Box<dyn System>, String> {
    let entry = crate::names::system(section)?;
    (entry.build)(settings(section)).map_err(|fault| format!("system: {fault}"))
}

impl Experiment {
    /// The system.
    pub(crate) fn build_system(&self) -> Result<Box<dyn System>, String> {
        build_system(&self.system)
    }

    /// How many numbers describe an instant: the observed components, and the known inputs.
    pub(crate) fn inputs(&self, system: &dyn System) -> Result<usize, String> {
        Ok(self.observed(system)?.len() + system.known_inputs().len())
    }

    /// The largest Lyapunov exponent of the system with its parameters and initial region, rounded to four digits; 0 of
    /// one that is not chaotic; or why it is not known. It takes a second, once for each system: the resolved experiment
    /// keeps it.
    ///
    /// # Errors
    /// A system that cannot be built.
    pub(crate) fn largest_exponent(&self) -> Result<Result<f64, String>, String> {
        static KNOWN: Mutex<BTreeMap<String, Result<f64, String>>> = Mutex::new(BTreeMap::new());
        let system = self.build_system()?;
        let dt = self.time_scale(&*system);
        let right = self.data.initial.len() == system.dim() && dt > 0.0 && dt.is_finite();
        if !right {
            return Ok(Ok(0.0)); // the check of the data will say what is wrong
        }
        let key = serde_json::json!([self.system, self.data.initial, dt]).to_string();
        let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known().get(&key) {
            return Ok(found.clone());
        }
        let found = sim::lyapunov::largest(&*system, &self.data.initial, dt);
        let found = found.map(|found| found.map_or(0.0, |exponent| rounded(exponent, 4)));
        let found = found.map_err(|why| {
            format!(
                "the largest Lyapunov exponent of {} is not known, so valid prediction times are left out ({why}); if \
                 you know it, set evaluate.lyapunov_exponent",
                system.name()
            )
        });
        known().insert(key, found.clone());
        Ok(found)
    }

    /// A time on the scale of the system, the default of `evaluate.transient` and `evaluate.horizon`: 20 Lyapunov times,
    /// rounded to one digit, for a chaotic system, and the length of a trajectory for any other.
    pub(crate) fn own_time(&self) -> f64 {
        let Experiment { data, evaluate, .. } = self;
        let [least, most] = Evaluate::SAMPLES.map(|samples| samples * data.dt);
        if evaluate.lyapunov_exponent > 0.0 {
            return rounded(Evaluate::LYAPUNOV_TIMES / evaluate.lyapunov_exponent, 1).max(least);
        }
        // half of the memory is for the transient, half for the horizon
        let states = (evaluate.starts * data.initial.len()).max(1) as f64;
        let fits = (0.5 * MAX_NUMBERS as f64 / states).floor() * data.dt;
        data.t_final.min(most).min(fits).max(data.dt)
    }

    /// A short time on the scale of the system. For a system of the program, it is the default sample interval, unless that
    /// of the data is more than ten times as long or as short, which may suit other parameters. For the user's own
    /// equations, whose scale is not known, it is the sample interval of the data.
    pub(crate) fn time_scale(&self, system: &dyn System) -> f64 {
        let own = crate::names::system(&self.system).is_ok_and(|entry| !entry.own_names.is_empty());
        let (dt, standard) = (self.data.dt, system.sampling()[0]);
        let near = 0.099 * standard <= dt && dt <= 10.1 * standard;
        if own || !near { dt } else { standard }
    }

    /// The sample times of a training trajectory.
    pub(crate) fn times(&self) -> Result<Times, String> {
        Times::up_to(self.data.t_final, self.data.dt).map_err(|fault| format!("data: {fault}"))
    }

    /// What is learned and how it is scored, whatever the seed and the network: runs for which this is equal
    /// can be compared.
    pub fn task(&self) -> String {
        serde_json::json!([self.system, self.data.wherever(), self.evaluate]).to_string()
    }

    /// The network and its settings.
    pub(crate) fn network(&self) -> Result<(&'static models::Entry, Value), String> {
        Ok((crate::names::network(&self.model)?, settings(&self.model)))
    }

    /// Says which key of the system or the data has an impossible value, and what would be possible.
    pub(crate) fn check_data(&self) -> Result<(), String> {
        self.check_simulation()?;
        let held = self.data.held() as f64 * self.numbers()?;
        let cure = if self.data.from.is_empty() {
            "take fewer trajectories, a larger dt or a shorter t_final, or simulate them to a folder (`attractor simulate \
             -o FOLDER/`), of which training takes turns (data.from)"
        } else {
            "take a smaller data.at_once"
        };
        check_memory("data", held, cure)
    }

    /// The numbers of a trajectory.
    fn numbers(&self) -> Result<f64, String> {
        Ok(self.times()?.samples() as f64 * self.build_system()?.dim() as f64)
    }

    /// The trajectories to hold of a folder: all where they fit, or as many as are good to take turns with.
    pub(crate) fn good_at_once(&self) -> Result<usize, String> {
        let (numbers, all) = (self.numbers()?, self.data.trajectories);
        let fits = all as f64 * numbers <= MAX_NUMBERS as f64;
        Ok(if fits { all } else { ((NUMBERS_AT_ONCE as f64 / numbers) as usize).clamp(1, all) })
    }

    /// Says which key of the system or the data has an impossible value, whatever the memory; one trajectory must fit.
    pub(crate) fn check_simulation(&self) -> Result<(), String> {
        let (system, data) = (self.build_system()?, &self.data);
        whole("data.trajectories", data.trajectories as u64, 1, MAX_TRAJECTORIES)?;
        self.times()?;
        data.solver.check().map_err(|fault| format!("data.solver: {fault}"))?;
        if let Some([low, high]) = data.initial.iter().find(|[low, high]| low > high) {
            return Err(format!("data.initial: [{low}, {high}] must go from low to high"));
        }
        self.observed(&*system)?;
        check_memory("one trajectory", self.numbers()?, "take a larger dt or a shorter t_final")
    }

    /// Says whether so many trajectories are none, or more than are kept in memory.
    pub(crate) fn check_together(&self, count: usize) -> Result<(), String> {
        if count == 0 || count as u64 > MAX_TRAJECTORIES {
            return Err(format!("a file holds at least 1 trajectory and at most {MAX_TRAJECTORIES}"));
        }
        check_memory("a file", count as f64 * self.numbers()?, "let it hold fewer")
    }

    /// Says which key has an impossible value, and what would be possible.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.check_data()?;
        let (system, times) = (self.build_system()?, self.times()?);
        let Experiment { data, train, evaluate, .. } = self;
        Split::new(data.trajectories, data.split, self.seed).map_err(|fault| format!("data: {fault}"))?;
        if data.from.is_empty() {
            if let Some(key) = [("from_digest", data.from_digest.is_empty()), ("at_once", data.at_once == 0)]
                .into_iter()
                .find_map(|(key, unset)| (!unset).then_some(key))
            {
                return Err(format!(
                    "data.{key} does nothing without data.from, the folder that it is about"
                ));
            }
        } else {
            whole("data.at_once", data.at_once as u64, 1, data.trajectories as u64)?;
            Split::new(data.at_once, data.split, self.seed)
                .map_err(|fault| format!("data.at_once: {fault}"))?;
        }

        let (network, settings) = self.network()?;
        let window = (network.check)(&settings).map_err(|fault| format!("model: {fault}"))?;
        if window >= times.samples() {
            // fitted models have other words for it
            let what = match settings.get("window") {
                Some(_) => format!("model.window = {window}"),
                None => format!("model: a history of {window} samples"),
            };
            return Err(format!(
                "{what} is longer than a trajectory: with t_final = {} and dt = {} one has {} \
                 samples, so a window can hold at most {}",
                data.t_final,
                data.dt,
                times.samples(),
                times.samples() - 1
            ));
        }

        whole("train.batch_size", train.batch_size as u64, 1, 10_000_000)?;
        whole("train.steps", train.steps, 1, 1_000_000_000_000)?;
        train.optimizer.check()?;
        if !(0.0..=1e10).contains(&train.seconds) {
            return Err(format!(
                "train.seconds = {:?} must lie between 0, for no limit, and 1e10",
                train.seconds
            ));
        }
        train.schedule.check()?;
        for (key, value, most) in [
            ("dropout", train.dropout, 0.99),
            ("input_noise", train.input_noise, 1e3),
            ("curriculum", train.curriculum, 1.0),
        ] {
            if !(0.0..=most).contains(&value) {
                return Err(format!("train.{key} = {value:?} must lie between 0 and {most}"));
            }
        }
        whole("train.unroll", train.unroll as u64, 1, 10_000)?;
        if window + train.unroll > times.samples() {
            return Err(format!(
                "train.unroll = {} after a window of {window} is longer than a trajectory of {} samples; it can be at \
                 most {}",
                train.unroll,
                times.samples(),
                times.samples() - window
            ));
        }
        above_zero("train.gradient_norm", train.gradient_norm, 1e30)?;
        whole("train.validate_every", train.validate_every, 1, u64::MAX)?;
        whole("train.checkpoint_every", train.checkpoint_every, 1, u64::MAX)?;
        train.check_log()?;

        match network.training {
            Training::Steps { suits, suits_burn_train, .. } => {
                suits(&settings, &self.recipe())?;
                if self.is_trained_by_burn() {
                    suits_burn_train(&settings, &self.recipe())?;
                    self.check_burn_train()?;
                }
                self.refuse_idle(
                    &["schedule", "gradient_norm", "dropout", "input_noise", "curriculum"],
                    train.optimizer.keeps_its_batch(),
                    &format!("train.optimizer.name = \"{}\"", train.optimizer.name()),
                    "which looks for its own step on the same windows every time",
                )?;
                self.refuse_idle(
                    &["curriculum"],
                    train.unroll == 1,
                    "train.unroll = 1",
                    "which leaves no steps to lengthen",
                )?;
                let windows = data.held() as f64 * (times.samples() - window) as f64;
                let numbers = windows.min(train.batch_size as f64)
                    * (window + train.unroll) as f64
                    * (system.dim() + system.known_inputs().len()) as f64;
                check_memory("a batch", numbers, "take a smaller train.batch_size, window or train.unroll")?;
            }
            Training::Fit(_) => {
                let keys: Vec<String> = crate::settings::keys(&Train::default());
                let keys: Vec<&str> = keys.iter().map(String::as_str).chain(["loop"]).collect();
                let model = format!("model.name = \"{}\"", network.name);
                self.refuse_idle(&keys, true, &model, "which is fitted at once and not in steps")?;
            }
        }

        whole("evaluate.starts", evaluate.starts as u64, 2, 10_000)?;
        whole("evaluate.polynomial_degree", evaluate.polynomial_degree as u64, 1, MAX_DEGREE as u64)?;
        let [least, most] = EXPONENT.map(|per_sample| per_sample / data.dt);
        if evaluate.lyapunov_exponent != 0.0 && !(least..=most).contains(&evaluate.lyapunov_exponent) {
            return Err(format!(
                "evaluate.lyapunov_exponent = {:e} must lie between {least:e} and {most:e} with data.dt = {}, so that a \
                 Lyapunov time holds at most a hundred million samples and a sample at most 40 Lyapunov times; or be 0 to \
                 leave valid prediction times out",
                evaluate.lyapunov_exponent, data.dt
            ));
        }
        if evaluate.horizon < data.dt {
            return Err(format!(
                "evaluate.horizon = {} must be at least data.dt = {}",
                evaluate.horizon, data.dt
            ));
        }
        let long_run = self.long_run_samples();
        if evaluate.long_run != 0.0 && !(20.0..=MOST_LONG_RUN).contains(&long_run) {
            return Err(format!(
                "evaluate.long_run = {:?} asks for {long_run:.3e} samples; it must be 0, to leave the long run out, or \
                 ask for 20 to {MOST_LONG_RUN:e}",
                evaluate.long_run
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

    /// Says which of some keys of `train` is set although it would do nothing.
    pub(crate) fn refuse_idle(&self, keys: &[&str], idle: bool, what: &str, why: &str) -> Result<(), String> {
        let [set, defaults] = [&self.train, &Train::default()].map(crate::settings::values);
        match keys.iter().find(|key| idle && set.get(**key) != defaults.get(**key)) {
            None => Ok(()),
            Some(key) => Err(format!("train.{key} does nothing with {what}, {why}; leave it out")),
        }
    }

    /// The numbers of the components that are observed.
    pub(crate) fn observed(&self, system: &dyn System) -> Result<Vec<usize>, String> {
        let names: Vec<String> = system.components().into_iter().map(|component| component.name).collect();
        let observe = &self.data.observe;
        if observe.is_empty() {
            return Err(format!(
                "data.observe = [] must name at least one component of {}",
                names.join(", ")
            ));
        }
        let of = |asked: &String| {
            if observe.iter().filter(|other| *other == asked).count() > 1 {
                return Err(format!("data.observe names \"{asked}\" twice"));
            }
            names.iter().position(|name| name == asked).ok_or_else(|| {
                unknown(
                    &format!("data.observe: component \"{asked}\""),
                    asked,
                    names.iter().map(String::as_str),
                )
            })
        };
        observe.iter().map(of).collect()
    }

    /// The components that are observed, where others are not.
    pub(crate) fn observed_alone(&self, system: &dyn System) -> Option<Vec<String>> {
        (self.data.observe.len() < system.dim()).then(|| self.data.observe.clone())
    }

    /// What computes the network, with the device of this name.
    pub(crate) fn machine(&self, device: &str) -> Result<Machine, String> {
        let entry = crate::names::device(device)?;
        let in_f64 = self.train.precision == Precision::F64 || self.train.optimizer.keeps_its_batch();
        if in_f64 && entry.name != "cpu" {
            let what = match self.train.precision {
                Precision::F64 => "train.precision = \"f64\"".to_owned(),
                Precision::F32 => format!("train.optimizer.name = \"{}\"", self.train.optimizer.name()),
            };
            return Err(format!("{what} calculates in f64, which is for --device cpu"));
        }
        let device = entry.open().map_err(|error| error.to_string())?;
        Ok(Machine { device, kernels: self.train.kernels, precision: self.train.precision })
    }

    /// How the weights are changed.
    pub(crate) fn recipe(&self) -> Recipe {
        let Train { optimizer, gradient_norm, dropout, input_noise, unroll, .. } = &self.train;
        Recipe {
            optimizer: optimizer.clone(),
            gradient_norm: *gradient_norm,
            dropout: *dropout,
            input_noise: *input_noise,
            unroll: *unroll,
            seed: self.seed,
        }
    }

    /// Samples from a random initial state to a start.
    pub(crate) fn lead(&self) -> usize {
        (self.evaluate.transient / self.data.dt).round() as usize
    }

    /// Samples of free forecast for `nrmse`.
    pub(crate) fn horizon(&self) -> usize {
        (self.evaluate.horizon / self.data.dt).round() as usize
    }

    /// Samples of the long run, which may be none.
    pub(crate) fn long_run_samples(&self) -> f64 {
        let Evaluate { long_run, lyapunov_exponent, .. } = self.evaluate;
        let unit = if lyapunov_exponent > 0.0 { 1.0 / lyapunov_exponent } else { 1.0 };
        (long_run * unit / self.data.dt).round()
    }

    /// Time units for which the truth is integrated: a chaotic system for 40 Lyapunov times, past the 36.7
    /// after which an error of the last bit of an f64, 2^-53, has grown to 1; any other over the horizon.
    pub(crate) fn forecast_span(&self) -> f64 {
        let Evaluate { horizon, lyapunov_exponent, .. } = self.evaluate;
        if lyapunov_exponent > 0.0 { horizon.max(40.0 / lyapunov_exponent) } else { horizon }
    }
}

/// A positive number rounded to this number of digits.
pub(crate) fn rounded(x: f64, digits: i32) -> f64 {
    // multiplies or divides by an exact power of ten, so that 0.9056 is written with four digits
    let power = digits - 1 - x.log10().floor() as i32;
    let unit = 10f64.powi(power.abs());
    if power >= 0 { (x * unit).round() / unit } else { (x / unit).round() * unit }
}

/// The settings of a system or model without its name.
fn settings(named: &Value) -> Value {
    let mut settings = named.clone();
    if let Some(settings) = settings.as_object_mut() {
        settings.remove("name");
    }
    settings
}

pub(crate) fn whole(key: &str, value: u64, least: u64, most: u64) -> Result<(), String> {
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
