//! The settings of runs: which of them make another task, which set configurations apart, and how those are named.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::{Metric, Taken};
use crate::RunFiles;

/// Settings by dotted keys.
pub(super) type Settings = BTreeMap<String, String>;

/// The device, among the settings: it is none of the experiment's.
pub(super) const DEVICE: &str = "--device";

/// All settings of a run but its seed.
pub(super) fn settings(files: &RunFiles) -> Result<Settings, String> {
    let table: Table = files.resolved.parse().map_err(|error: toml::de::Error| {
        format!("{}/experiment.toml: {}", files.directory.display(), error.message().replace('\n', ", "))
    })?;
    let mut settings = flat(&table);
    settings.remove("seed");
    // how a training is watched, and not what is trained
    settings.remove("train.log");
    // where the data lie: what they are is told by `data.from_digest`
    settings.remove("data.from");
    // a sentence about the exponent, which is a setting itself
    settings.remove("evaluate.exponent_unknown");
    Ok(settings)
}

/// The settings of a table by dotted keys, lists as one value each.
fn flat(table: &Table) -> Settings {
    let mut all = BTreeMap::new();
    for (key, value) in table {
        match value {
            Value::Table(inner) => {
                all.extend(flat(inner).into_iter().map(|(inner, value)| (format!("{key}.{inner}"), value)));
            }
            Value::String(text) => {
                all.insert(key.clone(), visible(text));
            }
            // 1e-12 and not 0.000000000001
            Value::Float(x) => {
                all.insert(key.clone(), format!("{x:?}"));
            }
            other => {
                all.insert(key.clone(), visible(&other.to_string()));
            }
        }
    }
    all
}

/// The settings that make the held-out task: the system whose truth is scored, what of it is seen and how often, and
/// where and how forecasts are scored. Whatever else differs (how many trajectories, what integrates them, the model,
/// its training, the degree of a baseline) is what a comparison is for.
///
/// A setting that the runs are compared by (`by`), and what follows from it by default, makes no other task.
pub(super) fn task(settings: &Settings, metric: Option<Metric>, by: Option<&str>) -> Settings {
    let is_of_task = |key: &str| match key {
        "data.observe" | "data.dt" | "data.initial" => true,
        "evaluate.polynomial_degree" => false,
        // the length of the long run decides its own scores alone
        "evaluate.long_run" => matches!(metric, Some(Metric::DStsp | Metric::DH)),
        _ => key.starts_with("system.") || key.starts_with("evaluate."),
    };
    let kept = |key: &str| is_of_task(key) && !by.is_some_and(|by| is_or_follows(key, by));
    settings.iter().filter(|(key, _)| kept(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Whether a setting is the one that runs are compared by, stands in its section, or has a default that follows from it.
pub(super) fn is_or_follows(key: &str, by: &str) -> bool {
    const OF_THE_SYSTEM: [&str; 7] = [
        "data.initial",
        "data.dt",
        "data.t_final",
        "evaluate.lyapunov_exponent",
        "evaluate.transient",
        "evaluate.horizon",
        "evaluate.long_run",
    ];
    let of_system = by == "system" || by.starts_with("system.");
    key == by
        || key.strip_prefix(by).is_some_and(|rest| rest.starts_with('.'))
        || (of_system && OF_THE_SYSTEM.contains(&key))
        || (["data.t_final", "data.dt"].contains(&by)
            && ["evaluate.transient", "evaluate.horizon"].contains(&key))
        || (by == "data.dt" && key == "data.t_final")
        || (is_name_of_system(by) && (key.starts_with("system.") || key == "data.observe"))
}

fn is_name_of_system(by: &str) -> bool {
    ["system", "system.name"].contains(&by)
}

/// In what two tasks differ.
pub(super) fn apart(first: &Settings, other: &Settings) -> Vec<String> {
    const SYSTEM: &str = "system.name";
    let keys: BTreeSet<&String> = first.keys().chain(other.keys()).collect();
    // all else follows from that
    let another = first.get(SYSTEM) != other.get(SYSTEM);
    let show = |of: &Settings, key| of.get(key).map_or("not set", String::as_str).to_owned();
    keys.into_iter()
        .filter(|key| first.get(*key) != other.get(*key) && (!another || *key == SYSTEM))
        .map(|key| format!("{key} = {} above, {} here", show(first, key), show(other, key)))
        .collect()
}

/// Keys by which some settings differ. Those that only some have follow from the name beside them, as
/// `train.optimizer.momentum` does from `train.optimizer.name`, and are left out where that differs too.
pub(super) fn varied(all: &[&Settings]) -> Vec<String> {
    let keys: BTreeSet<&String> = all.iter().flat_map(|settings| settings.keys()).collect();
    let differs = |key: &str| all.iter().any(|settings| settings.get(key) != all[0].get(key));
    let implied = |key: &str| {
        let section = key.rsplit_once('.').map_or("", |(section, _)| section);
        let everywhere = all.iter().all(|settings| settings.contains_key(key));
        !everywhere && differs(&format!("{section}.name"))
    };
    keys.into_iter().filter(|key| differs(key) && !implied(key)).cloned().collect()
}

/// The value of a key, or of a section what varies in it: its name, and the other settings as `key=value`. None where
/// nothing of it is set.
pub(super) fn value_of(settings: &Settings, key: &str, varied: &[String]) -> Option<String> {
    if let Some(value) = settings.get(key) {
        return Some(value.clone());
    }
    let inside = |full: &'_ str| full.strip_prefix(key)?.strip_prefix('.').map(str::to_owned);
    let name = settings.get(&format!("{key}.name")).cloned();
    let others = varied.iter().filter_map(|full| {
        let short = inside(full).filter(|short| short != "name")?;
        Some(format!("{short}={}", settings.get(full)?))
    });
    let parts: Vec<String> = name.into_iter().chain(others).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// With control characters written out: names come from files, and go to a terminal.
pub(super) fn visible(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

/// An override as it is given on a command line; a name alone where that is short for it.
fn override_of(key: &str, value: &str) -> String {
    format!("{}={value}", key.strip_suffix(".name").unwrap_or(key))
}

/// The name of every configuration: its experiment, and the settings by which it departs from the file of that, as they
/// are given on a command line. Where the file is not known, and where two would have the same name, the settings by
/// which the configurations of the experiment differ. Settings of the scoring that all configurations share are left
/// out, and given apart.
pub(super) fn labels(configurations: &[Vec<&Taken>]) -> (Vec<String>, Vec<String>) {
    let departures = |of: &[&Taken]| of[0].files.departures.clone();
    let of_scoring = |setting: &String| setting.starts_with("evaluate.");
    let shared: Vec<String> = departures(&configurations[0])
        .into_iter()
        .flatten()
        .filter(|setting| of_scoring(setting))
        .filter(|setting| {
            configurations.iter().all(|of| departures(of).is_some_and(|all| all.contains(setting)))
        })
        .collect();
    let label = |of: &Vec<&Taken>| {
        let name = visible(of[0].name());
        let namesakes: Vec<&Settings> = configurations
            .iter()
            .filter(|other| other[0].name() == of[0].name())
            .map(|other| &other[0].settings)
            .collect();
        let varied = varied(&namesakes);
        let known = departures(of);
        let device = varied.iter().any(|key| key == DEVICE);
        let settings: Vec<String> = match known {
            Some(known) => {
                let device = of[0].settings.get(DEVICE).filter(|_| device);
                let known = known.into_iter().filter(|setting| !shared.contains(setting));
                known.map(|one| visible(&one)).chain(device.map(|name| override_of(DEVICE, name))).collect()
            }
            None => by_difference(of, &varied),
        };
        [&[name][..], &settings].concat().join(" ")
    };
    let mut labels: Vec<String> = configurations.iter().map(label).collect();
    for i in 0..labels.len() {
        let twins: Vec<usize> = (0..labels.len()).filter(|&j| labels[j] == labels[i]).collect();
        if twins.len() > 1 {
            let settings: Vec<&Settings> = twins.iter().map(|&j| &configurations[j][0].settings).collect();
            let varied = varied(&settings);
            for j in twins {
                let more = by_difference(&configurations[j], &varied);
                labels[j] = [&[labels[j].clone()][..], &more].concat().join(" ");
            }
        }
    }
    (labels, shared)
}

fn by_difference(of: &[&Taken], varied: &[String]) -> Vec<String> {
    varied.iter().filter_map(|key| Some(override_of(key, of[0].settings.get(key)?))).collect()
}
