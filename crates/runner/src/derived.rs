//! Values derived from the settings of an experiment.

use dataset::Normalisation;
use forecast::Forecaster;
use models::baselines::Ridge;
use models::tensors::Tensors;
use models::{Machine, Precision, Recipe};
use serde_json::Value;
use sim::System;
use trajectory::Times;

use crate::Experiment;
use crate::experiment::{Evaluate, MAX_NUMBERS, Select, Train};

/// The default of `transient` and `horizon` for a chaotic system, in Lyapunov times.
const LYAPUNOV_TIMES: f64 = 20.0;

/// Bounds on the number of samples in the default `transient` and `horizon`, so that the held-out starts fit into
/// memory even if the sampling is far finer than a trajectory needs.
const SAMPLES: [f64; 2] = [20.0, 5000.0];

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

    /// The numbers in a state; 0 where the source is invalid.
    fn dim(&self) -> usize {
        self.source().map_or(0, |source| source.layout().dim())
    }

    /// A time on the scale of the system, the default of `evaluate.transient` and `evaluate.horizon`: 20 Lyapunov times,
    /// rounded to one digit, for a chaotic system, and the length of a trajectory for any other.
    pub(crate) fn own_time(&self) -> f64 {
        let Experiment { data, evaluate, .. } = self;
        let [least, most] = SAMPLES.map(|samples| samples * data.dt);
        if evaluate.lyapunov_exponent > 0.0 {
            return rounded(LYAPUNOV_TIMES / evaluate.lyapunov_exponent, 1).max(least);
        }
        // half of the memory is for the transient, half for the horizon
        let dim = if data.stepper.is_some() { self.dim() } else { data.initial.len() };
        let states = (evaluate.starts * dim).max(1) as f64;
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

    /// The network and its settings.
    pub(crate) fn network(&self) -> Result<(&'static models::Entry, Value), String> {
        Ok((crate::names::network(&self.model)?, settings(&self.model)))
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

    /// The model with these settings, weights and scales, on a device.
    pub(crate) fn forecaster(
        &self,
        settings: &Value,
        weights: &Tensors,
        scales: Normalisation,
        device: &str,
    ) -> Result<Box<dyn Forecaster>, String> {
        let (model, _) = self.network()?;
        (model.forecaster)(settings, weights, scales, &self.recipe(), &self.machine(device)?)
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

    /// Whether weights or settings are chosen by free forecasts over the validation part.
    pub(crate) fn chooses_by_forecasts(&self) -> bool {
        self.train.select == Select::Rollout || self.model["ridge"] == Ridge::AUTO
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
pub(crate) fn settings(named: &Value) -> Value {
    let mut settings = named.clone();
    if let Some(settings) = settings.as_object_mut() {
        settings.remove("name");
    }
    settings
}
