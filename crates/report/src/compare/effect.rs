//! The effect of one setting.

use std::collections::BTreeMap;

use serde::Serialize;

use super::settings::{is_or_follows, value_of};
use super::{Ranking, Row};

/// The effect of one value of a setting.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Effect {
    /// The value.
    pub value: String,
    /// Runs with it.
    pub runs: usize,
    /// The number of different seeds among these runs.
    pub seeds: usize,
    /// The mean over these seeds; for each seed, the mean score of its runs counts.
    pub mean: Option<f64>,
    /// 95% interval of that: Student's t over the seeds.
    pub interval: Option<[f64; 2]>,
    /// Pairs of a run with this value and a run with the first value that share the seed and differ only in this key and
    /// in what depends on it.
    pub pairs: usize,
    /// The number of different seeds among the pairs. Pairs of one seed share trajectories and starts, so they count as one
    /// observation.
    pub pair_seeds: usize,
    /// The mean change, over these seeds: a difference of valid times, or a ratio of errors or costs.
    pub change: Option<f64>,
    /// 95% interval of that: Student's t over the seeds.
    pub change_interval: Option<[f64; 2]>,
}

/// Values by seed.
type BySeed = BTreeMap<u64, Vec<f64>>;

impl Ranking {
    /// The effect of a setting, one line per value, numbers in ascending order. The value of a section, such as
    /// `data.solver`, is its name together with those other settings of the section that vary.
    pub fn effect(&self, key: &str) -> Vec<Effect> {
        let varied: Vec<String> = self.varied().into_iter().map(str::to_owned).collect();
        let value = |row: &Row| value_of(&row.settings, key, &varied);
        let models = || self.rows.iter().filter(|row| !row.baseline);
        let mut values: Vec<String> = models().filter_map(value).collect();
        // Numbers first, by size; then other values in alphabetical order.
        let place = |value: &String| value.parse::<f64>().is_err();
        values.sort_by(|a, b| {
            let number = |value: &String| value.parse::<f64>().unwrap_or(0.0);
            place(a).cmp(&place(b)).then(number(a).total_cmp(&number(b))).then(a.cmp(b))
        });
        values.dedup();
        let with = |wanted: &String| -> Vec<&Row> {
            models().filter(|row| value(row).as_ref() == Some(wanted)).collect()
        };
        // What stands beside a name follows from it.
        let beside = key.strip_suffix("name").filter(|rest| rest.ends_with('.')).unwrap_or("\0");
        let alike = |a: &Row, b: &Row| {
            let others = a.settings.iter();
            let mut others =
                others.filter(|(name, _)| !is_or_follows(name, key) && !name.starts_with(beside));
            others.all(|(name, value)| b.settings.get(name).is_none_or(|other| other == value))
        };
        let scale = self.metric.name.scale();
        let over_seeds =
            |by_seed: &BySeed| -> Vec<f64> { by_seed.values().map(|values| scale.mean(values)).collect() };
        let effect = |value: &String| {
            let rows = with(value);
            let (mut scores, mut changes) = (BySeed::new(), BySeed::new());
            for (seed, score) in rows.iter().flat_map(|row| row.scored()) {
                scores.entry(seed).or_default().push(score);
            }
            for base in with(&values[0]).into_iter().filter(|_| *value != values[0]) {
                for row in rows.iter().filter(|row| alike(row, base)) {
                    for (seed, score) in row.scored() {
                        if let Some((_, other)) = base.scored().into_iter().find(|(other, _)| *other == seed)
                        {
                            changes.entry(seed).or_default().push(scale.change(score, other));
                        }
                    }
                }
            }
            let [means, mean_changes] = [&scores, &changes].map(over_seeds);
            Effect {
                value: value.clone(),
                runs: rows.iter().map(|row| row.seeds.len()).sum(),
                seeds: scores.len(),
                mean: (!means.is_empty()).then(|| scale.mean(&means)),
                interval: scale.interval(&means).map(|interval| self.within(interval, &rows)),
                pairs: changes.values().map(Vec::len).sum(),
                pair_seeds: changes.len(),
                change: (!mean_changes.is_empty()).then(|| scale.mean(&mean_changes)),
                change_interval: scale.interval(&mean_changes),
            }
        };
        values.iter().map(effect).collect()
    }

    /// An interval, limited to the possible range of valid times.
    fn within(&self, [low, high]: [f64; 2], rows: &[&Row]) -> [f64; 2] {
        let ceiling = rows.iter().filter_map(|row| row.ceiling).max_by(f64::total_cmp);
        ceiling.map_or([low, high], |ceiling| [low.max(0.0), high.min(ceiling)])
    }
}
