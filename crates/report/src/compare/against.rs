//! Which of two configurations is better, if the runs can tell.
//!
//! Training with another seed gives another network, so only several seeds can distinguish two models. The test is a 95%
//! interval by Student's t over the changes from one model to the other, one change for each seed that both have. Runs of
//! one seed share trajectories and starts, so their effect cancels in a change. A model is named best only if it is better
//! than each other model by such an interval. Because all of these tests must succeed, their number does not make a false
//! claim more likely (an intersection-union test; Berger 1982).

use forecast::statistics::Scale;
use serde::Serialize;

use super::{Metric, Taken};

/// The change from the best model to a configuration: a difference of valid times, or a ratio of errors or costs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Against {
    /// The number of seeds that both have.
    pub seeds: usize,
    /// Whether the change is a difference or a ratio.
    pub scale: Scale,
    /// The mean change over these seeds; none if there are no such seeds.
    pub change: Option<f64>,
    /// For several seeds: the 95% interval of this mean, by Student's t. None if a score is not finite.
    pub interval: Option<[f64; 2]>,
    /// For a single seed: the 95% interval of the change of the median over its starts. It describes these two trained
    /// networks and does not say which model is better. None if the runs do not keep scores of the same starts.
    pub over_starts: Option<[f64; 2]>,
}

impl Against {
    /// The change from `base` to `of`, which are scores with their seeds; for two models, with their runs.
    pub(super) fn new(
        of: &[(u64, f64)],
        base: &[(u64, f64)],
        runs: Option<(&[&Taken], &[&Taken])>,
        metric: Metric,
    ) -> Self {
        let scale = metric.scale();
        let changes: Vec<f64> = of
            .iter()
            .filter_map(|&(seed, score)| {
                let &(_, other) = base.iter().find(|(other, _)| *other == seed)?;
                Some(scale.change(score, other))
            })
            .collect();
        let over_starts = || {
            let (of, base) = runs?;
            let ([of, base], block) = of.iter().find_map(|run| {
                let other = base.iter().find(|other| other.results.seed == run.results.seed)?;
                let block = run.results.scores.nrmse.block.max(other.results.scores.nrmse.block);
                Some(([metric.each(run.files), metric.each(other.files)], block))
            })?;
            if of.len() == base.len() { scale.over_starts(of, base, block) } else { None }
        };
        Against {
            seeds: changes.len(),
            scale,
            change: (!changes.is_empty()).then(|| scale.mean(&changes)),
            interval: scale.interval(&changes),
            over_starts: if changes.len() == 1 { over_starts() } else { None },
        }
    }

    /// Whether the seeds show that it is worse; none if there are fewer than two seeds, or a score is not finite.
    pub fn is_worse(&self, metric: Metric) -> Option<bool> {
        Some(metric.is_worse(self.interval?))
    }
}
