//! Which settings of an experiment are impossible, and what would be possible.

use autodiff::unknown;
use dataset::{Split, check_fractions};
use models::Training;
use models::baselines::MAX_DEGREE;
use serde_json::Value;

use crate::Experiment;
use crate::experiment::{MAX_NUMBERS, MAX_TRAJECTORIES, Protocol, Train};

/// The numbers that are held at once of a folder that holds more than the most: an eighth of it, with which a training
/// takes some 2 GB, since scales, windows and baselines are each as many again.
const NUMBERS_AT_ONCE: usize = 1 << 25;

/// Bounds on the largest Lyapunov exponent per sample interval: after 37 Lyapunov times nothing is left of a state in f64.
const EXPONENT: [f64; 2] = [1e-8, 40.0];

/// The most samples of a long run; even a small network takes a minute over them.
const MOST_LONG_RUN: f64 = 1e8;

impl Experiment {
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
        Ok(self.times()?.samples() as f64 * self.source()?.layout().dim() as f64)
    }

    /// The trajectories to hold of a folder: all where they fit, or as many as are good to take turns with.
    pub(crate) fn good_at_once(&self) -> Result<usize, String> {
        let (numbers, all) = (self.numbers()?, self.data.trajectories);
        let fits = all as f64 * numbers <= MAX_NUMBERS as f64;
        Ok(if fits { all } else { ((NUMBERS_AT_ONCE as f64 / numbers) as usize).clamp(1, all) })
    }

    /// Says which key of the system or the data has an impossible value, whatever the memory; one trajectory must fit.
    pub(crate) fn check_simulation(&self) -> Result<(), String> {
        let data = &self.data;
        whole("data.trajectories", data.trajectories as u64, 1, MAX_TRAJECTORIES)?;
        self.times()?;
        if let Some(solver) = &data.solver {
            solver.check().map_err(|fault| format!("data.solver: {fault}"))?;
        }
        if let Some(stepper) = &data.stepper {
            stepper.method()?;
        }
        self.check_reduction()?;
        if let Some([low, high]) = data.initial.iter().find(|[low, high]| low > high) {
            return Err(format!("data.initial: [{low}, {high}] must go from low to high"));
        }
        self.observed(&self.source()?.components())?;
        check_memory("one trajectory", self.numbers()?, "take a larger dt or a shorter t_final")
    }

    /// Checks how a field is reduced.
    fn check_reduction(&self) -> Result<(), String> {
        let Some(reduce) = &self.data.reduce else { return Ok(()) };
        if self.data.stepper.is_none() {
            return Err(
                "data.reduce is for fields, which have a value at every point of a grid; leave it out".into(),
            );
        }
        whole("data.reduce.modes", reduce.modes as u64, 1, self.inputs(&self.source()?)? as u64)
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
        let samples = match &self.recording {
            None => {
                self.check_data()?;
                self.check_trajectories()?;
                Some(self.times()?.samples())
            }
            // The files are read when the data are prepared, which checks what depends on their lengths.
            Some(_) => {
                self.check_recording()?;
                None
            }
        };
        let (network, settings) = self.network()?;
        let window = (network.check)(&settings).map_err(|fault| format!("model: {fault}"))?;
        self.check_recipe()?;
        if let Some(samples) = samples {
            self.check_lengths(&settings, window, samples)?;
        }
        self.check_training(network, &settings, window, samples)?;
        self.check_scoring(window)
    }

    /// Checks the split of simulated trajectories, and where they are taken from.
    fn check_trajectories(&self) -> Result<(), String> {
        let data = &self.data;
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
        Ok(())
    }

    /// Checks what does not depend on the files of a recording.
    fn check_recording(&self) -> Result<(), String> {
        let data = &self.data;
        self.observed(&self.source()?.components())?;
        check_fractions(data.split).map_err(|fault| format!("data: {fault}"))?;
        // The scores may have a recording of their own.
        let parts =
            if self.recording.as_ref().is_some_and(|section| section.get("test").is_some()) { 2 } else { 3 };
        if let Some(part) = (0..parts).find(|&part| data.split[part] == 0.0) {
            let name = ["training", "validation", "test"][part];
            return Err(format!(
                "data.split = {:?} leaves the {name} part empty; each part needs some samples",
                data.split
            ));
        }
        if self.evaluate.long_run != 0.0 {
            return Err(format!(
                "evaluate.long_run = {:?} needs an attractor that is known for longer than a forecast, and a recording ends; \
                 leave it out",
                self.evaluate.long_run
            ));
        }
        Ok(())
    }

    /// Checks that a window, and a free run after it, fit into a trajectory of so many samples.
    fn check_lengths(&self, settings: &Value, window: usize, samples: usize) -> Result<(), String> {
        let Experiment { data, train, .. } = self;
        if window >= samples {
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
                samples,
                samples - 1
            ));
        }
        if window + train.unroll > samples {
            return Err(format!(
                "train.unroll = {} after a window of {window} is longer than a trajectory of {} samples; it can be at \
                 most {}",
                train.unroll,
                samples,
                samples - window
            ));
        }
        Ok(())
    }

    /// Checks how the weights are changed, whatever the network.
    fn check_recipe(&self) -> Result<(), String> {
        let train = &self.train;
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
        above_zero("train.gradient_norm", train.gradient_norm, 1e30)?;
        whole("train.validate_every", train.validate_every, 1, u64::MAX)?;
        whole("train.checkpoint_every", train.checkpoint_every, 1, u64::MAX)?;
        train.check_log()
    }

    /// Checks that the training suits the network. A trajectory has so many `samples`, where that is known.
    fn check_training(
        &self,
        network: &models::Entry,
        settings: &Value,
        window: usize,
        samples: Option<usize>,
    ) -> Result<(), String> {
        let Experiment { data, train, .. } = self;
        if train.refit && data.held() < data.trajectories {
            return Err(format!(
                "train.refit = true needs all trajectories in memory, and data.at_once = {} of {} are; leave it out",
                data.at_once, data.trajectories
            ));
        }
        match network.training {
            Training::Steps { suits, suits_burn_train, .. } => {
                suits(settings, &self.recipe())?;
                if self.is_trained_by_burn() {
                    suits_burn_train(settings, &self.recipe())?;
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
                if let Some(samples) = samples {
                    self.check_batch(data.held() as f64 * (samples - window) as f64, window)?;
                }
            }
            Training::Fit(_) => {
                let keys: Vec<String> = crate::settings::keys(&Train::default());
                let keys: Vec<&str> = keys.iter().map(String::as_str).chain(["loop", "select"]).collect();
                let model = format!("model.name = \"{}\"", network.name);
                self.refuse_idle(&keys, true, &model, "which is fitted at once and not in steps")?;
            }
        }
        Ok(())
    }

    /// Checks that a batch, out of so many training windows, fits into memory.
    pub(crate) fn check_batch(&self, windows: f64, window: usize) -> Result<(), String> {
        let train = &self.train;
        let numbers = windows.min(train.batch_size as f64)
            * (window + train.unroll) as f64
            * self.model_inputs(&self.source()?)? as f64;
        check_memory("a batch", numbers, "take a smaller train.batch_size, window or train.unroll")
    }

    /// Checks how it is scored.
    fn check_scoring(&self, window: usize) -> Result<(), String> {
        let Experiment { data, evaluate, .. } = self;
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
        if data.stepper.is_some() && evaluate.long_run != 0.0 {
            return Err(format!(
                "evaluate.long_run = {:?} is not possible for a field, whose states have too many components to compare \
                 attractors; leave it out",
                evaluate.long_run
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
        self.check_free_runs(window)?;
        let samples = (evaluate.transient + self.forecast_span()) / data.dt;
        check_memory(
            &format!("evaluate ({} starts of {samples:.3e} samples)", evaluate.starts),
            samples.max(1.0) * (evaluate.starts * self.source()?.layout().dim()) as f64,
            "take fewer starts, or a shorter transient and horizon",
        )?;
        Ok(())
    }

    /// Checks how the free runs over a recording are scored.
    fn check_free_runs(&self, window: usize) -> Result<(), String> {
        let evaluate = &self.evaluate;
        if self.recording.is_none() {
            let set = [
                ("protocol", evaluate.protocol != Protocol::Forecast),
                ("given", evaluate.given != 0),
                ("truth", !evaluate.truth.is_empty()),
                ("truth_digest", !evaluate.truth_digest.is_empty()),
            ];
            return match set.into_iter().find(|(_, set)| *set) {
                None => Ok(()),
                Some((key, _)) => Err(format!(
                    "evaluate.{key} is for recordings: the forecasts of a system are scored against its integrated truth; \
                     leave it out"
                )),
            };
        }
        if evaluate.given < window {
            return Err(format!(
                "evaluate.given = {} is fewer than the {window} samples that {} needs to start; set evaluate.given to \
                 {window} or more",
                evaluate.given,
                self.model["name"].as_str().unwrap_or("the model")
            ));
        }
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
}

impl Train {
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
