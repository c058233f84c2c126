//! The settings of runs: which of them define the task, which distinguish configurations, and how configurations are named.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::{Metric, Taken};
use crate::{RunFiles, visible};

/// Settings by dotted keys.
pub(super) type Settings = BTreeMap<String, String>;

/// The key of the device among the settings; it is not a setting of the experiment.
pub(super) const DEVICE: &str = "--device";

/// All settings of a run but its seed.
pub(super) fn settings(files: &RunFiles) -> Result<Settings, String> {
    let table: Table = files.resolved.parse().map_err(|error: toml::de::Error| {
        format!("{}/experiment.toml: {}", files.directory.display(), error.message().replace('\n', ", "))
    })?;
    let mut settings = flat(&table);
    settings.remove("seed");
    // these change how a training is watched, not what is trained
    settings.remove("train.log");
    // the place of the data does not matter; `data.from_digest` and `recording.digest` identify them
    settings.remove("data.from");
    settings.remove("recording.files");
    settings.remove("recording.test.files");
    // `evaluate.truth_digest` identifies it
    settings.remove("evaluate.truth");
    // a sentence about the exponent, which is a setting itself
    settings.remove("evaluate.exponent_unknown");
    // the file leaves it out where it is this one; a comparison with burn-train names both
    settings.entry("train.loop".to_owned()).or_insert_with(|| "own".to_owned());
    // runs of earlier programs do not have the key
    if settings.get("model.name").is_some_and(|name| name == "ffnn") {
        settings.entry("model.window".to_owned()).or_insert_with(|| "1".to_owned());
    }
    Ok(settings)
}

/// The settings of a table by dotted keys, lists as one value each.
fn flat(table: &Table) -> Settings {
    let mut all = BTreeMap::new();
    for (key, value) in table {
        let key = visible(key);
        match value {
            Value::Table(inner) => {
                all.extend(flat(inner).into_iter().map(|(inner, value)| (format!("{key}.{inner}"), value)));
            }
            Value::String(text) => {
                all.insert(key, visible(text));
            }
            // 1e-12 and not 0.000000000001
            Value::Float(x) => {
                all.insert(key, format!("{x:?}"));
            }
            other => {
                all.insert(key, visible(&other.to_string()));
            }
        }
    }
    all
}

/// The settings that define the held-out task: the system whose truth is scored, which components are observed and how
/// often, and where and how forecasts are scored. All other settings (the number of trajectories, their solver, the model,
/// its training, the degree of a baseline) are what a comparison compares.
///
/// The setting whose effect is wanted (`by`), and the defaults that follow from it, do not count as part of the task.
pub(super) fn task(settings: &Settings, metric: Option<Metric>, by: Option<&str>) -> Settings {
    let is_of_task = |key: &str| match key {
        "data.observe" | "data.dt" | "data.initial" => true,
        // for a recording, it says what is held out
        "data.split" => settings.contains_key("recording.digest"),
        "evaluate.polynomial_degree" => false,
        // the given samples affect only free runs
        "evaluate.given" => {
            metric == Some(Metric::FreeRun)
                || settings.get("evaluate.protocol").is_some_and(|of| of == "simulate")
        }
        // the length of the long run affects only its own scores
        "evaluate.long_run" => matches!(metric, Some(Metric::DStsp | Metric::DH)),
        "recording.digest" | "recording.states" | "recording.inputs" => true,
        _ => key.starts_with("system.") || key.starts_with("evaluate."),
    };
    let kept = |key: &str| is_of_task(key) && !by.is_some_and(|by| is_or_follows(key, by));
    settings.iter().filter(|(key, _)| kept(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Whether a setting is the one that runs are compared by, is in its section, or has a default that follows from it.
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

/// The differences between two tasks.
pub(super) fn apart(first: &Settings, other: &Settings) -> Vec<String> {
    const SYSTEM: &str = "system.name";
    let keys: BTreeSet<&String> = first.keys().chain(other.keys()).collect();
    // all other differences follow from this one
    let another = first.get(SYSTEM) != other.get(SYSTEM);
    let show = |of: &Settings, key| of.get(key).map_or("not set", String::as_str).to_owned();
    keys.into_iter()
        .filter(|key| first.get(*key) != other.get(*key) && (!another || *key == SYSTEM))
        .map(|key| format!("{key} = {} above, {} here", show(first, key), show(other, key)))
        .collect()
}

/// The keys in which some settings differ. A key that not all of them have follows from a `name` in the same section, as
/// `train.optimizer.momentum` does from `train.optimizer.name`; it is left out if that name differs too.
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

/// The value of a key; for a section, its name and those other settings that vary, as `key=value`. None if nothing of it
/// is set.
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

/// An override as it is given on a command line, shortened to a name alone where that is allowed.
fn override_of(key: &str, value: &str) -> String {
    format!("{}={value}", key.strip_suffix(".name").unwrap_or(key))
}

/// The name of every configuration: its experiment and the settings that differ from the experiment's file, as on a
/// command line. If the file is not known, or if two names would be equal, the settings in which the configurations of the
/// experiment differ are used instead. Settings of the scoring that all configurations share are left out of the names and
/// returned separately.
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
    (labels, shared.iter().map(|setting| visible(setting)).collect())
}

fn by_difference(of: &[&Taken], varied: &[String]) -> Vec<String> {
    varied.iter().filter_map(|key| Some(override_of(key, of[0].settings.get(key)?))).collect()
}
