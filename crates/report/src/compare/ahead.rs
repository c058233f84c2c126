//! Baselines that score better than every model.

use serde::Serialize;

use super::{Metric, Row};

/// A baseline that scores better than the best model, and whether the seeds show that it is better than every model.
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
        let tested = |row: &&Row| row.against(baseline, None, metric).is_worse(metric);
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
