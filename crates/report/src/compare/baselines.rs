//! The baselines of runs, as configurations of their own.

use std::collections::{BTreeMap, BTreeSet};

use forecast::Scores;

use super::settings::{Settings, varied};
use super::{Metric, Row, Taken};
use crate::visible;

/// The baselines of some runs, with one row for each baseline and each kind of data that it was fitted to: a baseline
/// fitted to ten trajectories is not the same as one fitted to a hundred.
pub(super) fn rows(runs: &[&Taken], metric: Metric) -> Vec<Row> {
    let names: BTreeSet<&str> = runs
        .iter()
        .flat_map(|run| run.results.baselines.keys().chain(run.results.not_applicable.keys()))
        .map(String::as_str)
        .collect();
    names.into_iter().flat_map(|name| of_name(name, runs, metric)).collect()
}

fn of_name(name: &str, runs: &[&Taken], metric: Metric) -> Vec<Row> {
    let mut fits: Vec<(Settings, Vec<&Taken>)> = Vec::new();
    for &run in runs {
        let fitted_to = fitted_to(name, &run.settings);
        match fits.iter_mut().find(|(settings, _)| *settings == fitted_to) {
            Some((_, of)) => of.push(run),
            None => fits.push((fitted_to, vec![run])),
        }
    }
    let varied = varied(&fits.iter().map(|(settings, _)| settings).collect::<Vec<_>>());
    fits.iter()
        .map(|(settings, of)| {
            let what = varied.iter().filter_map(|key| Some(format!("{key}={}", settings.get(key)?)));
            let label: Vec<String> = [visible(name)].into_iter().chain(what).collect();
            Row { label: label.join(" "), ..over_seeds(name, of, metric) }
        })
        .collect()
}

/// The settings on which a baseline depends.
fn fitted_to(name: &str, settings: &Settings) -> Settings {
    let matters = |key: &str| match key {
        "evaluate.polynomial_degree" => name == "polynomial",
        "evaluate.long_run" => false,
        // baselines see the whole field
        _ if key.starts_with("data.reduce.") => false,
        _ => ["system.", "data.", "evaluate."].iter().any(|section| key.starts_with(section)),
    };
    settings.iter().filter(|(key, _)| matters(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// A baseline, as it was fitted in the first run of each seed.
fn over_seeds(name: &str, runs: &[&Taken], metric: Metric) -> Row {
    let mut of_seed: BTreeMap<u64, Option<&Scores>> = BTreeMap::new();
    for run in runs {
        of_seed.entry(run.results.seed).or_insert_with(|| run.results.baselines.get(name));
    }
    let missing = of_seed.values().filter(|scores| scores.is_none()).count();
    let found: Vec<(u64, &Scores)> =
        of_seed.into_iter().filter_map(|(seed, scores)| Some((seed, scores?))).collect();
    let scores: Vec<(&Scores, _)> = found.iter().map(|(_, scores)| (*scores, None)).collect();
    let row = Row::of_scores(&scores, metric);
    let reasons: BTreeSet<String> =
        runs.iter().filter_map(|run| run.results.not_applicable.get(name)).map(|why| visible(why)).collect();
    Row {
        baseline: true,
        reasons: reasons.into_iter().collect(),
        seeds: found.iter().map(|(seed, _)| *seed).collect(),
        not_applicable: row.not_applicable + missing,
        ..row
    }
}
