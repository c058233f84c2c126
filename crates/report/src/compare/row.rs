//! A configuration over its seeds.

use std::collections::BTreeMap;
use std::path::PathBuf;

use forecast::statistics::{Scale, mean, variance};
use forecast::{Results, Scores};
use serde::Serialize;

use super::settings::Settings;
use super::{Against, Metric, Taken};
use crate::visible;

/// A configuration: all settings of an experiment except its seed. Numbers are means over the seeds: geometric means for
/// errors and costs, arithmetic means for everything else.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Row {
    /// The name of the experiment with the settings that differ from its file, or the name of the baseline.
    pub label: String,
    /// Whether it is a baseline, as fitted in the runs.
    pub baseline: bool,
    /// The settings in which the configurations of this ranking differ.
    pub settings: BTreeMap<String, String>,
    /// Seeds, ascending.
    pub seeds: Vec<u64>,
    /// The score it is ranked by, one per seed; NaN if a seed has no such score.
    pub scores: Vec<f64>,
    /// The mean of these scores; none if no seed has one.
    pub mean: Option<f64>,
    /// For several seeds: the 95% interval of the mean by Student's t, for errors and costs on the logarithmic scale. The
    /// interval of a valid time is limited to the range from 0 to `ceiling`, beyond which no mean can lie.
    pub interval: Option<[f64; 2]>,
    /// For a single seed: the 95% interval of the median over its starts, for this trained network alone.
    pub over_starts: Option<[f64; 2]>,
    /// The comparison with the best configuration that is not a baseline.
    pub against_best: Option<Against>,
    /// For valid times: the number of Lyapunov times for which the truth itself holds.
    pub ceiling: Option<f64>,
    /// Starts, over the seeds.
    pub starts: usize,
    /// The number of these starts that were still valid when their truth ended. If the ranking is not by valid times, the
    /// number of starts whose truth does not last for the horizon.
    pub capped: usize,
    /// The number of starts whose forecast became infinite or NaN.
    pub diverged: usize,
    /// Seeds that have no such score, for example because a baseline cannot be fitted to the data, or because all forecasts
    /// of a map leave the attractor, so that it has no exponent.
    pub not_applicable: usize,
    /// Why a baseline cannot be fitted.
    pub reasons: Vec<String>,
    /// Error of one step.
    pub one_step_rmse: Option<f64>,
    /// The largest Lyapunov exponent of the map itself, and the standard error of the mean over the seeds.
    pub lyapunov: Option<[f64; 2]>,
    /// Divergences of states and of frequencies in the long run.
    pub climate: Option<[f64; 2]>,
    /// Starts that left the attractor in the long run, and starts in all, over the seeds.
    pub left: Option<[usize; 2]>,
    /// For ensembles: CRPS, and spread divided by error.
    pub ensemble: Option<[f64; 2]>,
    /// Number of parameters; none for a baseline.
    pub parameters: Option<usize>,
    /// Seconds of training.
    pub train_seconds: Option<f64>,
    /// Microseconds a step of one forecast.
    pub step_microseconds: Option<f64>,
    /// What looks like a mistake, with the seed.
    pub suspicions: Vec<String>,
    /// The run directories, by seed; empty for a baseline.
    pub runs: Vec<PathBuf>,
}

/// The scores of a seed; for a model, with the results that contain them.
type OfSeed<'a> = (&'a Scores, Option<&'a Results>);

impl Row {
    pub(super) fn of_configuration(of: &[&Taken], label: String, varied: &[String], metric: Metric) -> Self {
        let results: Vec<&Results> = of.iter().map(|run| run.results).collect();
        let settings: &Settings = &of[0].settings;
        let setting = |key: &String| Some((key.clone(), settings.get(key)?.clone()));
        let suspicions = results.iter().flat_map(|results| {
            let found = results.suspicions.iter();
            found.map(|found| format!("seed {}: {}", results.seed, visible(&found.message)))
        });
        let seconds: Vec<f64> = results.iter().map(|results| results.train.seconds).collect();
        let scores: Vec<OfSeed> = results.iter().map(|&of| (&of.scores, Some(of))).collect();
        Row {
            label,
            settings: varied.iter().filter_map(setting).collect(),
            seeds: results.iter().map(|results| results.seed).collect(),
            parameters: Some(results[0].parameters),
            train_seconds: Some(Metric::TrainSeconds.scale().mean(&seconds)),
            suspicions: suspicions.collect(),
            runs: of.iter().map(|run| run.files.directory.clone()).collect(),
            ..Row::of_scores(&scores, metric)
        }
    }

    /// A row for the scores of some seeds, possibly of none.
    pub(super) fn of_scores(of: &[OfSeed], metric: Metric) -> Self {
        let scores: Vec<f64> =
            of.iter().map(|(scores, results)| metric.of(scores, *results).unwrap_or(f64::NAN)).collect();
        let known: Vec<f64> = scores.iter().copied().filter(|score| !score.is_nan()).collect();
        let ceilings: Vec<f64> = of.iter().filter_map(|(scores, _)| metric.ceiling(scores)).collect();
        let ceiling = (!ceilings.is_empty()).then(|| mean(&ceilings));
        let within = |[low, high]: [f64; 2]| match ceiling {
            Some(ceiling) => [low.max(0.0), high.min(ceiling)],
            None => [low, high],
        };
        // Means of errors are geometric everywhere, so that a column is the same for every ranking.
        let average = |scale: Scale, value: &dyn Fn(&Scores) -> Option<f64>| {
            let values: Vec<f64> = of.iter().filter_map(|(scores, _)| value(scores)).collect();
            (!values.is_empty()).then(|| scale.mean(&values))
        };
        let errors = |metric: Metric| average(metric.scale(), &|scores| metric.of(scores, None));
        let pair = |first: Option<f64>, second: Option<f64>| first.zip(second).map(|(a, b)| [a, b]);
        let spread = average(Scale::Logarithmic, &|scores| {
            scores.ensemble.as_ref().map(|ensemble| ensemble.spread_to_error)
        });
        let climates = || of.iter().filter_map(|(scores, _)| scores.climate.as_ref());
        let sum = |number: fn(&Scores) -> usize| of.iter().map(|(scores, _)| number(scores)).sum();
        Row {
            mean: (!known.is_empty()).then(|| metric.scale().mean(&known)),
            interval: metric.scale().interval(&known).map(within),
            over_starts: match of {
                [(scores, _)] => metric.over_starts(scores),
                _ => None,
            },
            ceiling,
            starts: sum(|scores| scores.nrmse.starts),
            capped: sum(match metric {
                Metric::ValidTime => |scores| scores.vpt.as_ref().map_or(0, |vpt| vpt.main.capped),
                _ => |scores| scores.nrmse.capped,
            }),
            diverged: sum(|scores| scores.diverged),
            not_applicable: scores.len() - known.len(),
            scores,
            one_step_rmse: errors(Metric::OneStep),
            lyapunov: exponent(of),
            climate: pair(errors(Metric::DStsp), errors(Metric::DH)),
            left: climates()
                .next()
                .is_some()
                .then(|| [climates().map(|long| long.left).sum(), climates().map(|long| long.starts).sum()]),
            ensemble: pair(errors(Metric::Crps), spread),
            step_microseconds: errors(Metric::StepMicroseconds),
            ..Row::default()
        }
    }

    /// Its seeds that have a score, with that.
    pub(super) fn scored(&self) -> Vec<(u64, f64)> {
        let all = self.seeds.iter().copied().zip(self.scores.iter().copied());
        all.filter(|(_, score)| !score.is_nan()).collect()
    }

    /// The change from `base` to this one; for two models, with their runs.
    pub(super) fn against(
        &self,
        base: &Row,
        runs: Option<(&[&Taken], &[&Taken])>,
        metric: Metric,
    ) -> Against {
        Against::new(&self.scored(), &base.scored(), runs, metric)
    }
}

/// The mean of the exponents of some seeds, and its standard error. For one seed, that is its own standard error over
/// starts. For several seeds, it is the standard error of their mean, which includes the differences between trainings,
/// but never less than the value that follows from the starts, since two seeds may happen to agree.
fn exponent(of: &[OfSeed]) -> Option<[f64; 2]> {
    let found = of.iter().filter_map(|(scores, _)| scores.lyapunov.as_ref());
    let found: Vec<[f64; 2]> = found.filter_map(|of| Some([of.exponent?, of.standard_error?])).collect();
    let (exponents, squares): (Vec<f64>, Vec<f64>) =
        found.iter().map(|[x, error]| (*x, error * error)).unzip();
    let count = found.len() as f64;
    let over_starts = squares.iter().sum::<f64>() / (count * count);
    let over_seeds = if found.len() > 1 { variance(&exponents) / count } else { 0.0 };
    (!found.is_empty()).then(|| [mean(&exponents), over_seeds.max(over_starts).sqrt()])
}
