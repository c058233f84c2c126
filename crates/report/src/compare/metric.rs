//! What runs are ranked by.

use std::cmp::Ordering;

use forecast::statistics::Scale;
use forecast::{Results, Scores};
use serde::Serialize;

use crate::RunFiles;

/// A score or a cost by which configurations can be ranked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Valid prediction time in Lyapunov times, median over the starts.
    ValidTime,
    /// Error over the horizon, median over the starts.
    Nrmse,
    /// Error of free runs over a recording.
    FreeRun,
    /// Error of one step.
    OneStep,
    /// Distance between the largest Lyapunov exponents of the map and of the system.
    ExponentError,
    /// Divergence of the states in the long run.
    DStsp,
    /// Distance of the spectra in the long run.
    DH,
    /// CRPS of an ensemble.
    Crps,
    /// Seconds of training.
    TrainSeconds,
    /// Microseconds of a forecast step.
    StepMicroseconds,
    /// Number of parameters.
    Parameters,
}

impl Metric {
    /// Every metric.
    pub const ALL: [Metric; 11] = [
        Metric::ValidTime,
        Metric::Nrmse,
        Metric::FreeRun,
        Metric::OneStep,
        Metric::ExponentError,
        Metric::DStsp,
        Metric::DH,
        Metric::Crps,
        Metric::TrainSeconds,
        Metric::StepMicroseconds,
        Metric::Parameters,
    ];

    /// Its name, in files and on the command line.
    pub fn key(self) -> &'static str {
        match self {
            Metric::ValidTime => "valid_time",
            Metric::Nrmse => "nrmse",
            Metric::FreeRun => "free_run",
            Metric::OneStep => "one_step",
            Metric::ExponentError => "exponent_error",
            Metric::DStsp => "d_stsp",
            Metric::DH => "d_h",
            Metric::Crps => "crps",
            Metric::TrainSeconds => "train_seconds",
            Metric::StepMicroseconds => "step_microseconds",
            Metric::Parameters => "parameters",
        }
    }

    /// The metric of this name.
    pub fn named(name: &str) -> Option<Metric> {
        Metric::ALL.into_iter().find(|metric| metric.key() == name)
    }

    /// What it is, with its unit.
    pub fn about(self) -> &'static str {
        match self {
            Metric::ValidTime => "valid time (Lyapunov times)",
            Metric::Nrmse => "error over the horizon (std.)",
            Metric::FreeRun => "RMSE of the free run (unit of the data; std. if several components)",
            Metric::OneStep => "error of one step (std.)",
            Metric::ExponentError => "error of the Lyapunov exponent (1 / time unit)",
            Metric::DStsp => "D_stsp (nats)",
            Metric::DH => "D_H (0 to 1)",
            Metric::Crps => "CRPS (std.)",
            Metric::TrainSeconds => "training (s)",
            Metric::StepMicroseconds => "forecast step (us)",
            Metric::Parameters => "parameters",
        }
    }

    /// The scale of the mean: linear for valid times; logarithmic for errors and costs, which are positive.
    pub fn scale(self) -> Scale {
        match self {
            Metric::ValidTime => Scale::Linear,
            _ => Scale::Logarithmic,
        }
    }

    /// Whether a change with this interval (see [`Scale::change`]) is certainly for the worse.
    pub(crate) fn is_worse(self, [low, high]: [f64; 2]) -> bool {
        match self {
            Metric::ValidTime => high < self.scale().no_change(),
            _ => low > self.scale().no_change(),
        }
    }

    /// Orders the better value first and NaN last.
    pub(crate) fn better(self, a: f64, b: f64) -> Ordering {
        match self {
            Metric::ValidTime => {
                let [a, b] = [a, b].map(|x| if x.is_nan() { f64::NEG_INFINITY } else { x });
                b.total_cmp(&a)
            }
            _ => {
                let [a, b] = [a, b].map(|x| if x.is_nan() { f64::INFINITY } else { x });
                a.total_cmp(&b)
            }
        }
    }

    /// The value of a model or, if there are no `results`, of a baseline; none if it has no such value.
    pub(crate) fn of(self, scores: &Scores, results: Option<&Results>) -> Option<f64> {
        match self {
            Metric::ValidTime => scores.vpt.as_ref().map(|vpt| vpt.main.summary.median),
            Metric::Nrmse => Some(scores.nrmse.median),
            Metric::FreeRun => scores.simulation.as_ref().map(|run| run.error()),
            Metric::OneStep => Some(scores.one_step_rmse),
            Metric::ExponentError => {
                let system = scores.vpt.as_ref()?.lyapunov_exponent;
                Some((scores.lyapunov.as_ref()?.exponent? - system).abs())
            }
            Metric::DStsp => scores.climate.as_ref().map(|long| long.d_stsp),
            Metric::DH => scores.climate.as_ref().map(|long| long.d_h),
            Metric::Crps => scores.ensemble.as_ref().map(|ensemble| ensemble.crps),
            Metric::TrainSeconds => results.map(|results| results.train.seconds),
            Metric::StepMicroseconds => Some(scores.step_microseconds),
            Metric::Parameters => results.map(|results| results.parameters as f64),
        }
    }

    /// For one network, the 95% interval of the median over its starts.
    pub(crate) fn over_starts(self, scores: &Scores) -> Option<[f64; 2]> {
        match self {
            Metric::ValidTime => scores.vpt.as_ref().map(|vpt| vpt.main.summary.ci95),
            Metric::Nrmse => Some(scores.nrmse.ci95),
            _ => None,
        }
    }

    /// The largest possible value: the time for which the truth holds.
    pub(crate) fn ceiling(self, scores: &Scores) -> Option<f64> {
        match self {
            Metric::ValidTime => scores.vpt.as_ref().map(|vpt| vpt.ceiling),
            _ => None,
        }
    }

    /// The score of each start of a run; none if the run does not keep its forecasts, or a start has no such score.
    pub(crate) fn each(self, run: &RunFiles) -> &[f64] {
        match (self, &run.forecasts) {
            (Metric::ValidTime, Some(forecasts)) => &forecasts.valid_times,
            (Metric::Nrmse, Some(forecasts)) => &forecasts.nrmse,
            _ => &[],
        }
    }
}
