//! Scores of forecasts of fields, which are solutions of partial differential equations on periodic grids.
//!
//! Let u be the forecast and v the truth, both arrays [channel, y, x] or [channel, x], and ||u|| the root of the sum of
//! squares of u. The scores use the samples after a start up to the horizon, or up to the end of the truth where that is
//! earlier; the history that a forecaster is given does not count. Starts without any truth are left out. All values are
//! in physical units. The forecast of an ensemble is the mean of its members.
//!
//! A forecast that becomes infinite or NaN has an infinite error; its correlation and its fidelity are 0. The error
//! relative to a truth of 0 is infinite too, unless the forecast is exact.

mod spectrum;

use serde::{Deserialize, Serialize};
use trajectory::random::Stream;

use crate::ensemble::infinite;
use crate::finite;
use crate::statistics::{bootstrap_mean_interval, mean, median_interval, quantile, sorted};
use spectrum::Spectrum;

/// The correlation below which a forecast no longer follows its truth.
const CORRELATED: f64 = 0.8;
/// Steps of the geometric mean.
const STEPS: usize = 100;
/// The variance that is added to that of the truth in `vrmse`.
const EPSILON: f64 = 1e-7;
/// The part of its mean square up to which a variance is roundoff.
const ROUNDOFF: f64 = 1e-24;

/// What one state of a field is: an array [channel, y, x] or [channel, x].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldShape {
    /// Number of channels.
    pub channels: usize,
    /// Number of points along each axis, \[x\] or \[y, x\].
    pub shape: Vec<usize>,
    /// Whether the field is a wave function psi: channel 0 is its real part and channel 1 its imaginary part.
    pub wave_function: bool,
}

impl FieldShape {
    /// Number of points of the grid.
    pub fn points(&self) -> usize {
        self.shape.iter().product()
    }

    /// Numbers in a state.
    pub fn dim(&self) -> usize {
        self.channels * self.points()
    }
}

/// How well fields are forecast; see the head of `field.rs` for what the scores have in common.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldScores {
    /// Time units after the start over which the scores are taken, except for `correlation_time`.
    pub horizon: f64,
    /// Number of starts.
    pub starts: usize,
    /// Relative L2 error, ||u - v|| / ||v|| with both norms over all steps of a start (Li et al. 2021, "Fourier neural
    /// operator for parametric partial differential equations", section 5).
    pub relative_l2: MeanOverStarts,
    /// Normalised root mean square error, RMS(u - v) / RMS(v) with the root mean squares over the points of one channel
    /// at one step (Takamoto et al. 2022, "PDEBench: an extensive benchmark for scientific machine learning", appendix
    /// B); the mean over steps and channels. [`Nrmse`](crate::Nrmse) is something else: it divides by the standard
    /// deviation over the training data.
    pub nrmse: MeanOverStarts,
    /// Variance-scaled root mean square error, sqrt(mean((u - v)^2) / (mean((v - mean(v))^2) + 1e-7)) with the means over
    /// the points of one channel at one step (Ohana et al. 2024, "The Well: a large-scale collection of diverse physics
    /// simulations for machine learning"); the mean over steps and channels. A forecast of mean(v) at every point scores
    /// 1.
    pub vrmse: MeanOverStarts,
    /// Root mean square error by band of wavenumbers.
    pub frmse: Frmse,
    /// How long the forecast is correlated with the truth.
    pub correlation_time: CorrelationTime,
    /// The geometric mean over time of the relative error.
    pub geometric_mean: GeometricMean,
    /// Error of the energy spectrum: the root mean square over shells of wavenumbers of log10(E_u / E_v). E is the energy
    /// of a shell, the sum over its modes and the channels of `|c_k|^2`, where c_k are the Fourier coefficients, averaged
    /// over steps and starts. Shell s holds the modes whose |k| rounds down to s, with k the number of waves along each
    /// axis; shell 0 is the mean of the field. Only shells with at least 1e-10 of the energy of the truth count. It is 1
    /// if every energy is off by a factor of 10, and does not depend on phases.
    #[serde(with = "finite")]
    pub spectrum_error: f64,
    /// Scores of wave functions only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wave_function: Option<WaveFunctionScores>,
}

/// The mean over the starts of a score of one start.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeanOverStarts {
    /// Arithmetic mean.
    #[serde(with = "finite")]
    pub mean: f64,
    /// Bootstrap 95% interval of the mean.
    #[serde(with = "finite::pair")]
    pub ci95: [f64; 2],
}

/// Root mean square error by band of wavenumbers |k|, rounded down, with k the number of waves along each axis:
/// sqrt(sum over the modes of a band of |c_k|^2), where c_k are the Fourier coefficients of u - v on one channel at one
/// step; the mean over steps, channels and starts. At one step and channel the squares of the three add up to the mean
/// square error (Parseval's theorem).
///
/// The bands are near those of PDEBench, whose script cuts them at 4 and 12 (Takamoto et al. 2022, appendix B), but its numbers are smaller: it divides by the
/// number of shells in a band. In the plane its script also leaves out all modes with a negative wavenumber.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frmse {
    /// |k| from 0 to 4.
    #[serde(with = "finite")]
    pub low: f64,
    /// |k| from 5 to 12.
    #[serde(with = "finite")]
    pub middle: f64,
    /// |k| of 13 and more; 0 on a grid that has no such mode.
    #[serde(with = "finite")]
    pub high: f64,
}

/// The time at which the Pearson correlation of u and v first falls below a threshold (Lippe et al. 2023, "PDE-Refiner:
/// achieving accurate long rollouts with neural PDE solvers"):
///
/// r = sum((u - mean(u)) (v - mean(v))) / (||u - mean(u)|| ||v - mean(v)||)
///
/// over all points and channels, where every channel has its own mean. It is taken over the whole free forecast, beyond
/// the horizon too. Two constant fields have the correlation 1 if they are equal; otherwise the correlation of a constant
/// field with any other is 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CorrelationTime {
    /// The threshold.
    pub threshold: f64,
    /// Median over the starts, in time units.
    pub median: f64,
    /// Bootstrap 95% interval of the median.
    pub ci95: [f64; 2],
    /// Starts whose correlation was still above the threshold when their truth ended; that end is their time.
    pub capped: usize,
}

/// The geometric mean over the first steps of the mean over starts of ||u - v|| / ||v|| at that step (Koehler et al.
/// 2024, "APEBench: a benchmark for autoregressive neural emulators of PDEs"). It is 0 if one of the steps is exact.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GeometricMean {
    /// The geometric mean.
    #[serde(with = "finite")]
    pub mean: f64,
    /// Number of steps: 100, or fewer where the horizon or every truth is shorter.
    pub steps: usize,
}

/// Scores of wave functions: psi is the truth and phi the forecast.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WaveFunctionScores {
    /// Infidelity `1 - |<psi|phi>|^2 / (||psi||^2 ||phi||^2)` at the last step of the horizon (Nielsen and Chuang 2010,
    /// "Quantum computation and quantum information", section 9.2.2, where the fidelity is the root); the median over
    /// the starts. Neither a global phase nor the norm changes it. It is 1 for a forecast that is not finite.
    pub infidelity: f64,
    /// Largest `| ||phi||^2 / ||psi_0||^2 - 1 |` over the horizon, where psi_0 is the state at the start; the median over
    /// the starts.
    #[serde(with = "finite")]
    pub norm_drift: f64,
}

/// What the scores are made from, gathered while forecasts run along the truth.
pub(crate) struct Tally {
    field: FieldShape,
    horizon: usize,
    starts: Vec<Start>,
    /// Relative errors at each of the first steps: their sum over the starts, and the number of starts.
    steps: Vec<(f64, usize)>,
    spectrum: Spectrum,
}

/// Sums over the steps of one start.
#[derive(Default)]
struct Start {
    /// Steps with a truth, beyond the horizon too.
    followed: usize,
    /// The first step, counted from 1, without correlation.
    uncorrelated: Option<usize>,
    error: f64,
    truth: f64,
    nrmse: f64,
    vrmse: f64,
    frmse: [f64; 3],
    /// The squared norm of the state at the start.
    norm: f64,
    infidelity: f64,
    norm_drift: f64,
}

impl Tally {
    /// Before the first step, for forecasts from the states `initial`, one per start.
    ///
    /// # Panics
    /// If the grid does not have one axis or two, a state has another length, or a wave function does not have two
    /// channels.
    pub(crate) fn new<'a>(
        field: &FieldShape,
        horizon: usize,
        initial: impl Iterator<Item = &'a [f64]>,
    ) -> Self {
        let start = |state: &[f64]| {
            assert_eq!(state.len(), field.dim(), "numbers in a state of {field:?}");
            Start { norm: state.iter().map(|u| u * u).sum(), ..Start::default() }
        };
        assert!(!field.wave_function || field.channels == 2, "a wave function has two channels: {field:?}");
        Tally {
            starts: initial.map(start).collect(),
            steps: vec![(0.0, 0); horizon.min(STEPS)],
            spectrum: Spectrum::new(&field.shape),
            field: field.clone(),
            horizon,
        }
    }

    /// Adds the forecast from a start at a step, counted from 0, with its truth. Steps come in their order.
    pub(crate) fn add(&mut self, start: usize, step: usize, forecast: &[f64], truth: &[f64]) {
        let points = self.field.points();
        let channels = || forecast.chunks_exact(points).zip(truth.chunks_exact(points));
        let sums: Vec<Sums> = channels().map(|(u, v)| Sums::of(u, v)).collect();
        let all = sums.iter().fold(Sums::default(), Sums::plus);
        let start = &mut self.starts[start];
        start.followed = step + 1;
        if all.correlation() < CORRELATED {
            start.uncorrelated.get_or_insert(step + 1);
        }
        if step >= self.horizon {
            return;
        }
        start.error += all.error;
        start.truth += all.truth;
        if let Some((sum, starts)) = self.steps.get_mut(step) {
            *sum += ratio(all.error, all.truth).sqrt();
            *starts += 1;
        }
        let weight = 1.0 / self.field.channels as f64;
        for ((u, v), sums) in channels().zip(&sums) {
            let variance = sums.truth_variance / points as f64;
            start.nrmse += weight * ratio(sums.error, sums.truth).sqrt();
            start.vrmse += weight * (sums.error / points as f64 / (variance + EPSILON)).sqrt();
            let bands = self.spectrum.add(u, v);
            for (sum, energy) in start.frmse.iter_mut().zip(bands) {
                *sum += weight * energy.sqrt();
            }
        }
        if self.field.wave_function {
            let fidelity = overlap(truth, forecast) / (all.truth * all.forecast);
            start.infidelity = if fidelity.is_nan() { 1.0 } else { (1.0 - fidelity).max(0.0) };
            start.norm_drift = start.norm_drift.max(infinite((all.forecast / start.norm - 1.0).abs()));
        }
    }

    /// The scores, with samples `dt` apart; `None` without any truth. `block` is [`Task::block`](crate::Task), and `stream`
    /// draws the bootstrap.
    pub(crate) fn scores(&self, dt: f64, block: usize, stream: &mut Stream) -> Option<FieldScores> {
        let starts: Vec<&Start> =
            self.starts.iter().filter(|start| start.followed.min(self.horizon) > 0).collect();
        if starts.is_empty() {
            return None;
        }
        let each =
            |of: &dyn Fn(&Start) -> f64| -> Vec<f64> { starts.iter().map(|&start| of(start)).collect() };
        let over_steps = |start: &Start, sum: f64| infinite(sum / start.followed.min(self.horizon) as f64);
        let mut mean_with_interval = |of: &dyn Fn(&Start) -> f64| {
            let values = each(of);
            let ci95 = bootstrap_mean_interval(&values, block, stream);
            MeanOverStarts { mean: mean(&values), ci95 }
        };
        let relative_l2 = mean_with_interval(&|start| ratio(start.error, start.truth).sqrt());
        let nrmse = mean_with_interval(&|start| over_steps(start, start.nrmse));
        let vrmse = mean_with_interval(&|start| over_steps(start, start.vrmse));
        let [low, middle, high] =
            [0, 1, 2].map(|band| mean(&each(&|start| over_steps(start, start.frmse[band]))));
        let times = each(&|start| start.uncorrelated.unwrap_or(start.followed) as f64 * dt);
        let median = |values: &[f64]| quantile(&sorted(values), 0.5);
        Some(FieldScores {
            horizon: self.horizon as f64 * dt,
            starts: starts.len(),
            relative_l2,
            nrmse,
            vrmse,
            frmse: Frmse { low, middle, high },
            correlation_time: CorrelationTime {
                threshold: CORRELATED,
                median: median(&times),
                ci95: median_interval(&times, block, stream),
                capped: starts.iter().filter(|start| start.uncorrelated.is_none()).count(),
            },
            geometric_mean: self.geometric_mean(),
            spectrum_error: self.spectrum.error(),
            wave_function: self.field.wave_function.then(|| WaveFunctionScores {
                infidelity: median(&each(&|start| start.infidelity)),
                norm_drift: median(&each(&|start| start.norm_drift)),
            }),
        })
    }

    fn geometric_mean(&self) -> GeometricMean {
        let known = self.steps.iter().filter(|(_, starts)| *starts > 0);
        let logarithms: Vec<f64> = known.map(|&(sum, starts)| (sum / starts as f64).ln()).collect();
        GeometricMean { mean: infinite(mean(&logarithms).exp()), steps: logarithms.len() }
    }
}

/// Sums over the points of a forecast and its truth.
#[derive(Clone, Copy, Default)]
struct Sums {
    /// Squares of the difference, of the forecast and of the truth.
    error: f64,
    forecast: f64,
    truth: f64,
    /// Squares of the deviations from the mean of each channel, and their product.
    forecast_variance: f64,
    truth_variance: f64,
    covariance: f64,
}

impl Sums {
    /// Of one channel.
    fn of(u: &[f64], v: &[f64]) -> Self {
        let (mean_u, mean_v) = (mean(u), mean(v));
        let mut sums = Sums::default();
        for (&u, &v) in u.iter().zip(v) {
            let (from_u, from_v) = (u - mean_u, v - mean_v);
            sums.error += (u - v) * (u - v);
            sums.forecast += u * u;
            sums.truth += v * v;
            sums.forecast_variance += from_u * from_u;
            sums.truth_variance += from_v * from_v;
            sums.covariance += from_u * from_v;
        }
        sums
    }

    fn plus(self, other: &Sums) -> Self {
        Sums {
            error: self.error + other.error,
            forecast: self.forecast + other.forecast,
            truth: self.truth + other.truth,
            forecast_variance: self.forecast_variance + other.forecast_variance,
            truth_variance: self.truth_variance + other.truth_variance,
            covariance: self.covariance + other.covariance,
        }
    }

    /// The Pearson correlation, see [`CorrelationTime`]. Fields are constant and equal to 12 digits.
    fn correlation(&self) -> f64 {
        let constant = |variance: f64, square: f64| variance <= ROUNDOFF * square;
        match (constant(self.forecast_variance, self.forecast), constant(self.truth_variance, self.truth)) {
            (false, false) => {
                let r = self.covariance / (self.forecast_variance.sqrt() * self.truth_variance.sqrt());
                if r.is_nan() { 0.0 } else { r }
            }
            (true, true) if self.error <= ROUNDOFF * self.truth => 1.0,
            _ => 0.0,
        }
    }
}

/// |<psi|phi>|^2 of two wave functions [part, point].
fn overlap(psi: &[f64], phi: &[f64]) -> f64 {
    let half = psi.len() / 2;
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let ((re, im), (phi_re, phi_im)) = (psi.split_at(half), phi.split_at(half));
    (dot(re, phi_re) + dot(im, phi_im)).powi(2) + (dot(re, phi_im) - dot(im, phi_re)).powi(2)
}

/// x / y, where x = 0 is exact whatever y.
fn ratio(x: f64, y: f64) -> f64 {
    if x == 0.0 { 0.0 } else { infinite(x / y) }
}

#[cfg(test)]
mod tests;
