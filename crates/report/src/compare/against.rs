//! What may be said of one configuration against another.
//!
//! Another seed is another training, so only several seeds can tell two models apart: 95% intervals by Student's t over
//! the changes from one to the other, of the seeds that both have. Runs of one seed share trajectories and starts, which
//! a change is free of. Whoever is named best has to be better than each of the others by such an interval: that none of
//! many tests may fail makes it no easier to be named by chance (an intersection-union test; Berger 1982).

use forecast::statistics::Scale;
use serde::Serialize;

use super::{Metric, Row, Taken};

/// The change from the best model to a configuration: a difference of valid times, or a ratio of errors or costs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Against {
    /// Seeds that both have.
    pub seeds: usize,
    /// Difference or ratio.
    pub scale: Scale,
    /// The mean change over these seeds; none without any.
    pub change: Option<f64>,
    /// Of several seeds: 95% interval of that, by Student's t. None where scores are not finite.
    pub interval: Option<[f64; 2]>,
    /// Of a single seed: 95% interval of the change of the median over its starts. It is about these two trained
    /// networks and does not say which model is better. None where the runs keep no scores of the same starts.
    pub over_starts: Option<[f64; 2]>,
}

impl Against {
    /// The change from `base` to `row`; of two models with their runs.
    pub(super) fn new(row: &Row, base: &Row, runs: Option<(&[&Taken], &[&Taken])>, metric: Metric) -> Self {
        let scale = metric.scale();
        let changes: Vec<f64> = row
            .scored()
            .filter_map(|(seed, score)| {
                let (_, other) = base.scored().find(|(other, _)| *other == seed)?;
                Some(scale.change(score, other))
            })
            .collect();
        let over_starts = || {
            let (of, base) = runs?;
            let [of, base] = of.iter().find_map(|run| {
                let other = base.iter().find(|other| other.results.seed == run.results.seed)?;
                Some([metric.each(run.files), metric.each(other.files)])
            })?;
            if of.len() == base.len() { scale.over_starts(of, base) } else { None }
        };
        Against {
            seeds: changes.len(),
            scale,
            change: (!changes.is_empty()).then(|| scale.mean(&changes)),
            interval: scale.interval(&changes),
            over_starts: if changes.len() == 1 { over_starts() } else { None },
        }
    }

    /// Whether several seeds say that it is worse; none where there are not several, or their scores are not finite.
    pub fn is_worse(&self, metric: Metric) -> Option<bool> {
        Some(metric.is_worse(self.interval?))
    }
}

/// A baseline that scores better than the best model, and whether the seeds tell it from all models.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ahead {
    /// The baseline.
    pub baseline: String,
    /// Models that are statistically indistinguishable from it.
    pub indistinguishable: Vec<String>,
    /// Models that share fewer than two seeds with it, or whose scores are not finite.
    pub untested: Vec<String>,
}

impl Ahead {
    pub(super) fn new(baseline: &Row, models: &[Row], metric: Metric) -> Self {
        let tested = |row: &&Row| Against::new(row, baseline, None, metric).is_worse(metric);
        let named = |worse: Option<bool>| {
            models.iter().filter(|row| tested(row) == worse).map(|row| row.label.clone()).collect()
        };
        Ahead {
            baseline: baseline.label.clone(),
            indistinguishable: named(Some(false)),
            untested: named(None),
        }
    }
}
