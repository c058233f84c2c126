//! The scores, as they stand in `results.json`.
//!
//! The error of a forecast u at a time, against the truth v, is e = sqrt(mean_i ((u_i - v_i) / s_i)^2) with
//! s_i the standard deviation of component i over the training data. In JSON a number that is not finite
//! (the error of a forecast that left the finite numbers) is null.

use serde::{Deserialize, Serialize};

use crate::climate::ClimateScores;
use crate::ensemble::EnsembleScores;
use crate::field::FieldScores;
use crate::finite;
use crate::simulation::SimulationScores;
use crate::statistics::{mean, median_interval, quantile, sorted};
use trajectory::random::Stream;

/// How well one forecaster did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Root mean square over the test trajectories of the error one sample ahead.
    #[serde(with = "finite")]
    pub one_step_rmse: f64,
    /// Error over a whole free forecast.
    pub nrmse: Nrmse,
    /// Valid prediction time; of chaotic systems only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpt: Option<Vpt>,
    /// Error against time.
    pub error_growth: ErrorGrowth,
    /// Starts whose forecast left the finite numbers.
    pub diverged: usize,
    /// The largest Lyapunov exponent of its map, beside which that of the system stands in `vpt`; of chaotic systems
    /// only, and of forecasters whose map can be differentiated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lyapunov: Option<LyapunovScores>,
    /// The attractor of a long free forecast against that of the truth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub climate: Option<ClimateScores>,
    /// Free runs over the whole test part; only for recordings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simulation: Option<SimulationScores>,
    /// The spread of the forecasts from one start; of ensembles only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ensemble: Option<EnsembleScores>,
    /// Scores of fields; only where the task describes their grid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<FieldScores>,
    /// Wall time, in microseconds, of carrying one forecast on by one sample: all forecasts (every start, every
    /// member) are carried on together, the time that takes is divided by their number, and this is the median over
    /// up to 100 samples of a free forecast that no other forecast of this program runs beside. It depends on the
    /// machine, on what else runs there, and on the number of starts.
    #[serde(default)]
    pub step_microseconds: f64,
}

/// Root mean square, over a free forecast of `horizon` time units, of the error; quantiles over the starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Nrmse {
    /// Time units of forecast.
    pub horizon: f64,
    /// Number of starts.
    pub starts: usize,
    /// Starts for which the truth holds for less, and the error is taken over that.
    pub capped: usize,
    /// Median over the starts.
    #[serde(with = "finite")]
    pub median: f64,
    /// 90th percentile over the starts.
    #[serde(with = "finite")]
    pub p90: f64,
    /// Bootstrap 95% interval of the median.
    #[serde(with = "finite::pair")]
    pub ci95: [f64; 2],
    /// The largest number of successive starts whose truths share samples: the block size of the bootstrap over starts.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub block: usize,
}

fn one() -> usize {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde asks
fn is_one(block: &usize) -> bool {
    *block == 1
}

/// Valid prediction time (Vlachas et al. 2020, "Backpropagation algorithms and reservoir computing in
/// recurrent neural networks", equation 13): the first time at which the error e exceeds a threshold, times
/// the largest Lyapunov exponent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Vpt {
    /// At the main threshold.
    #[serde(flatten)]
    pub main: VptAt,
    /// The largest Lyapunov exponent it is counted in.
    pub lyapunov_exponent: f64,
    /// Number of starts.
    pub starts: usize,
    /// Lyapunov times for which the truth itself holds, median over the starts. No start scores more than its
    /// own truth lasts.
    pub ceiling: f64,
    /// The 10th percentile of the same.
    pub ceiling_p10: f64,
    /// The same forecasts at other thresholds.
    pub other_thresholds: Vec<VptAt>,
}

/// Valid prediction times at one threshold, in Lyapunov times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VptAt {
    /// The error from which a forecast is no longer valid.
    pub threshold: f64,
    /// Their statistics over the starts.
    #[serde(flatten)]
    pub summary: Summary,
    /// Starts still valid when their truth ended.
    pub capped: usize,
}

/// Statistics over the starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Median.
    pub median: f64,
    /// Arithmetic mean.
    pub mean: f64,
    /// 10th percentile.
    pub p10: f64,
    /// Bootstrap 95% interval of the median.
    pub ci95: [f64; 2],
}

impl Summary {
    pub(crate) fn of(values: &[f64], block: usize, stream: &mut Stream) -> Self {
        let ascending = sorted(values);
        Summary {
            median: quantile(&ascending, 0.5),
            mean: mean(values),
            p10: quantile(&ascending, 0.1),
            ci95: median_interval(values, block, stream),
        }
    }
}

/// The error e against time, quantiles over the starts; at most 200 times, while the truth holds for half
/// of the starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorGrowth {
    /// Time units since the start.
    pub time: Vec<f64>,
    /// 10th percentile.
    #[serde(with = "finite::list")]
    pub p10: Vec<f64>,
    /// Median.
    #[serde(with = "finite::list")]
    pub median: Vec<f64>,
    /// 90th percentile.
    #[serde(with = "finite::list")]
    pub p90: Vec<f64>,
}

/// The largest Lyapunov exponent of a forecaster.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LyapunovScores {
    /// The exponent per unit of time; null where fewer than two forecasts stayed on the attractor.
    pub exponent: Option<f64>,
    /// Its standard error, from the spread over starts.
    pub standard_error: Option<f64>,
    /// Time units for which each forecast was followed.
    pub time: f64,
    /// Number of starts.
    pub starts: usize,
    /// Starts whose forecast left the attractor, which are not counted in.
    pub left: usize,
}
