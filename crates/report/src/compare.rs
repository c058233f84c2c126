//! Runs side by side: a row a configuration, over its seeds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use forecast::statistics::{mean, mean_interval, paired_interval};
use forecast::{Results, Scores};
use serde::Serialize;
use sim::random::stream;
use toml::{Table, Value};

use crate::RunFiles;

/// Runs in rankings, one a task: only runs on the same data, scored alike, are ranked with each other.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The rankings, in the order in which their runs were given.
    pub rankings: Vec<Ranking>,
    /// Runs of a configuration and seed of which there is a newer one.
    pub superseded: Vec<PathBuf>,
}

/// Configurations that learned and were scored alike.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ranking {
    /// Name of the system.
    pub system: String,
    /// The components that are seen, where they are not all.
    pub observed: Option<Vec<String>>,
    /// In what these runs differ from those of the first ranking, as `key = there, here`; empty for the first.
    pub apart: Vec<String>,
    /// What they are ranked by.
    pub metric: Metric,
    /// The largest Lyapunov exponent of the system, where it is chaotic.
    pub lyapunov_exponent: Option<f64>,
    /// Best first, baselines among them.
    pub rows: Vec<Row>,
    /// Baselines that cannot be fitted to this system, and why.
    pub not_applicable: BTreeMap<String, String>,
}

/// What a ranking is by.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "name")]
pub enum Metric {
    /// Median valid prediction time in Lyapunov times; more is better.
    ValidTime {
        /// The error that ends it.
        threshold: f64,
    },
    /// Median error over the horizon in standard deviations; less is better.
    Nrmse {
        /// Time units.
        horizon: f64,
    },
}

/// A configuration: an experiment but for its seed. Numbers are means over the seeds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The experiment, with the settings by which it differs from others of its name; or the baseline.
    pub label: String,
    /// Whether it is a baseline, as fitted in the runs.
    pub baseline: bool,
    /// Settings by which the configurations of this ranking differ.
    pub settings: BTreeMap<String, String>,
    /// Seeds, ascending.
    pub seeds: Vec<u64>,
    /// What it is ranked by, a seed each.
    pub scores: Vec<f64>,
    /// The mean of these.
    pub mean: f64,
    /// 95% interval of the mean, from several seeds (Student's t).
    pub interval: Option<[f64; 2]>,
    /// Of a single seed: 95% interval of the median over its starts.
    pub over_starts: Option<[f64; 2]>,
    /// Against the best configuration that is no baseline.
    pub against_best: Option<Against>,
    /// Error of one step.
    pub one_step_rmse: f64,
    /// The largest Lyapunov exponent of the map itself, and its standard error.
    pub lyapunov: Option<[f64; 2]>,
    /// Divergences of states and of frequencies in the long run.
    pub climate: Option<[f64; 2]>,
    /// Starts that left the attractor in the long run, and starts in all, over the seeds.
    pub left: Option<[usize; 2]>,
    /// CRPS, and spread over error; of ensembles.
    pub ensemble: Option<[f64; 2]>,
    /// Number of parameters; none of a baseline.
    pub parameters: Option<usize>,
    /// Seconds of training.
    pub train_seconds: Option<f64>,
    /// Microseconds a step of one forecast.
    pub step_microseconds: f64,
    /// What looks like a mistake, with the seed.
    pub suspicions: Vec<String>,
    /// The run directories, by seed; none of a baseline.
    pub runs: Vec<PathBuf>,
}

/// The difference of a configuration to the best one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Against {
    /// Seeds that both have.
    pub seeds: usize,
    /// 95% interval of its score less that of the best, see [`paired_interval`]; none where runs keep no forecasts of
    /// the same starts, and of several seeds that are not finite.
    pub interval: Option<[f64; 2]>,
}

impl Against {
    /// Whether it is worse than the best by more than noise; none where that was not tested. Over the seeds that both
    /// have it may even be better.
    pub fn is_worse(&self, metric: Metric) -> Option<bool> {
        let [low, high] = self.interval?;
        Some(match metric {
            Metric::ValidTime { .. } => high < 0.0,
            Metric::Nrmse { .. } => low > 0.0,
        })
    }
}

/// What one value of a setting does.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Effect {
    /// The value.
    pub value: String,
    /// Runs with it.
    pub runs: usize,
    /// Mean score over them.
    pub mean: f64,
    /// Pairs of runs that differ from one with the first value in this key and what depends on it alone.
    pub pairs: usize,
    /// Mean difference of these pairs.
    pub difference: Option<f64>,
    /// 95% interval of that (Student's t over the pairs).
    pub interval: Option<[f64; 2]>,
}

/// A run, taken apart.
struct Taken<'a> {
    files: &'a RunFiles,
    results: &'a Results,
    /// System, data and scoring.
    task: BTreeMap<String, String>,
    /// Everything but the seed, and the device.
    settings: BTreeMap<String, String>,
}

impl RunFiles {
    /// Whether another run of the same experiment has its settings but another seed.
    ///
    /// # Errors
    /// An `experiment.toml` that is none.
    pub fn differs_in_seed_alone(&self, other: &RunFiles) -> Result<bool, String> {
        Ok(self.experiment == other.experiment && settings(self)? == settings(other)?)
    }
}

impl Comparison {
    /// Of complete runs.
    ///
    /// # Errors
    /// A run without results, or with an `experiment.toml` that is none.
    pub fn new<'a>(runs: impl IntoIterator<Item = &'a RunFiles>) -> Result<Self, String> {
        let (mut taken, mut superseded): (Vec<Taken>, _) = (Vec::new(), Vec::new());
        for run in runs.into_iter().map(take) {
            let run = run?;
            let same = |other: &Taken| {
                (&other.settings, other.results.seed, other.name())
                    == (&run.settings, run.results.seed, run.name())
            };
            match taken.iter_mut().find(|other| same(other)) {
                // the names of run directories begin with the time
                Some(other) if other.files.directory.file_name() < run.files.directory.file_name() => {
                    superseded.push(other.files.directory.clone());
                    *other = run;
                }
                Some(other) if other.files.directory == run.files.directory => {}
                Some(_) => superseded.push(run.files.directory.clone()),
                None => taken.push(run),
            }
        }
        let mut tasks: Vec<&BTreeMap<String, String>> = Vec::new();
        for run in &taken {
            if !tasks.contains(&&run.task) {
                tasks.push(&run.task);
            }
        }
        let rankings = tasks.iter().map(|&task| {
            let of_task: Vec<&Taken> = taken.iter().filter(|run| run.task == *task).collect();
            Ranking::new(&of_task, apart(tasks[0], task))
        });
        Ok(Comparison { rankings: rankings.collect(), superseded })
    }
}

impl Ranking {
    fn new(runs: &[&Taken], apart: Vec<String>) -> Self {
        let first = runs[0].results;
        let metric = match &first.scores.vpt {
            Some(vpt) => Metric::ValidTime { threshold: vpt.main.threshold },
            None => Metric::Nrmse { horizon: first.scores.nrmse.horizon },
        };
        let mut configurations: Vec<Vec<&Taken>> = Vec::new();
        for &run in runs {
            let same = |of: &&mut Vec<&Taken>| (of[0].name(), &of[0].settings) == (run.name(), &run.settings);
            match configurations.iter_mut().find(same) {
                Some(of) => of.push(run),
                None => configurations.push(vec![run]),
            }
        }
        configurations.iter_mut().for_each(|of| of.sort_by_key(|run| run.results.seed));
        let order = |a: &Row, b: &Row| metric.better(a.mean, b.mean);
        let mut rows: Vec<(Row, &Vec<&Taken>)> = configurations
            .iter()
            .map(|of| {
                (Row::of_configuration(of, label(of, &configurations), varied(&configurations), metric), of)
            })
            .collect();
        rows.sort_by(|(a, _), (b, _)| order(a, b));
        let best: &[&Taken] = rows[0].1;
        for (row, of) in rows.iter_mut().skip(1) {
            row.against_best = Some(against(of, best, metric));
        }
        let mut rows: Vec<Row> = rows.into_iter().map(|(row, _)| row).collect();
        let names: BTreeSet<&String> = runs.iter().flat_map(|run| run.results.baselines.keys()).collect();
        rows.extend(names.into_iter().map(|name| Row::of_baseline(name, runs, metric)));
        rows.sort_by(order);
        let observed = first.observed.as_ref().map(|names| names.iter().map(|name| visible(name)).collect());
        let lyapunov_exponent = first.scores.vpt.as_ref().map(|vpt| vpt.lyapunov_exponent);
        let not_applicable = runs.iter().flat_map(|run| &run.results.not_applicable);
        let not_applicable: BTreeMap<String, String> = not_applicable
            .map(|(name, reason)| (visible(name), visible(reason)))
            .filter(|(name, _)| rows.iter().all(|row| !row.baseline || row.label != *name))
            .collect();
        let system = visible(&first.system);
        Ranking { system, observed, apart, metric, lyapunov_exponent, rows, not_applicable }
    }

    /// The settings by which its configurations differ.
    pub fn varied(&self) -> BTreeSet<&str> {
        self.rows.iter().flat_map(|row| row.settings.keys()).map(String::as_str).collect()
    }

    /// The effect of a setting, a line a value, numbers in ascending order. A pair has the same seed and differs in
    /// this key, and otherwise only in keys that one of both has not.
    pub fn effect(&self, key: &str) -> Vec<Effect> {
        let models = || self.rows.iter().filter(|row| !row.baseline);
        let mut values: Vec<&String> = models().filter_map(|row| row.settings.get(key)).collect();
        // Numbers first, by size; what is none by its letters.
        let place = |value: &String| value.parse::<f64>().is_err();
        values.sort_by(|a, b| {
            let number = |value: &String| value.parse::<f64>().unwrap_or(0.0);
            place(a).cmp(&place(b)).then(number(a).total_cmp(&number(b))).then(a.cmp(b))
        });
        values.dedup();
        let with = |value: &String| -> Vec<&Row> {
            models().filter(|row| row.settings.get(key) == Some(value)).collect()
        };
        // What stands beside a name follows from it.
        let beside = key.strip_suffix("name").unwrap_or("\0");
        let alike = |a: &Row, b: &Row| {
            let mut shared = a.settings.iter().filter(|(name, _)| *name != key && !name.starts_with(beside));
            shared.all(|(name, value)| b.settings.get(name).is_none_or(|other| other == value))
        };
        let effect = |value: &&String| {
            let rows = with(value);
            let scores: Vec<f64> = rows.iter().flat_map(|row| &row.scores).copied().collect();
            let mut differences = Vec::new();
            for base in with(values[0]).into_iter().filter(|_| *value != values[0]) {
                for row in rows.iter().filter(|row| alike(row, base)) {
                    let of_base: BTreeMap<_, _> = base.seeds.iter().zip(&base.scores).collect();
                    let of_row = row.seeds.iter().zip(&row.scores);
                    differences.extend(of_row.filter_map(|(seed, score)| Some(score - *of_base.get(seed)?)));
                }
            }
            Effect {
                value: (*value).clone(),
                runs: scores.len(),
                mean: mean(&scores),
                pairs: differences.len(),
                difference: (!differences.is_empty()).then(|| mean(&differences)),
                interval: mean_interval(&differences),
            }
        };
        values.iter().map(effect).collect()
    }
}

impl Metric {
    /// The score of a run or of a baseline.
    fn of(self, scores: &Scores) -> f64 {
        match (self, &scores.vpt) {
            (Metric::ValidTime { .. }, Some(vpt)) => vpt.main.summary.median,
            (Metric::ValidTime { .. }, None) => 0.0,
            (Metric::Nrmse { .. }, _) => scores.nrmse.median,
        }
    }

    fn over_starts(self, scores: &Scores) -> [f64; 2] {
        match (self, &scores.vpt) {
            (Metric::ValidTime { .. }, Some(vpt)) => vpt.main.summary.ci95,
            _ => scores.nrmse.ci95,
        }
    }

    /// What each start of a run scored; nothing where the run kept no forecasts.
    fn each(self, run: &RunFiles) -> &[f64] {
        match (self, &run.forecasts) {
            (Metric::ValidTime { .. }, Some(forecasts)) => &forecasts.valid_times,
            (Metric::Nrmse { .. }, Some(forecasts)) => &forecasts.nrmse,
            (_, None) => &[],
        }
    }

    /// The better score first; what is not a number last.
    fn better(self, a: f64, b: f64) -> std::cmp::Ordering {
        match self {
            Metric::ValidTime { .. } => {
                let [a, b] = [a, b].map(|x| if x.is_nan() { f64::NEG_INFINITY } else { x });
                b.total_cmp(&a)
            }
            Metric::Nrmse { .. } => a.total_cmp(&b),
        }
    }
}

impl Taken<'_> {
    fn name(&self) -> &str {
        &self.files.experiment
    }
}

impl Row {
    fn of_configuration(of: &[&Taken], label: String, varied: Vec<String>, metric: Metric) -> Self {
        let results: Vec<&Results> = of.iter().map(|run| run.results).collect();
        let scores: Vec<&Scores> = results.iter().map(|results| &results.scores).collect();
        let setting = |key: &String| Some((key.clone(), of[0].settings.get(key)?.clone()));
        let suspicions = results.iter().flat_map(|results| {
            results
                .suspicions
                .iter()
                .map(|found| format!("seed {}: {}", results.seed, visible(&found.message)))
        });
        let seconds: Vec<f64> = results.iter().map(|results| results.train.seconds).collect();
        Row {
            settings: varied.iter().filter_map(setting).collect(),
            seeds: results.iter().map(|results| results.seed).collect(),
            parameters: Some(results[0].parameters),
            train_seconds: Some(mean(&seconds)),
            suspicions: suspicions.collect(),
            runs: of.iter().map(|run| run.files.directory.clone()).collect(),
            ..Row::of_scores(label, &scores, metric)
        }
    }

    /// A baseline, as fitted in the first run of each seed.
    fn of_baseline(name: &str, runs: &[&Taken], metric: Metric) -> Self {
        let mut of: BTreeMap<u64, &Scores> = BTreeMap::new();
        for run in runs {
            if let Some(scores) = run.results.baselines.get(name) {
                of.entry(run.results.seed).or_insert(scores);
            }
        }
        let scores: Vec<&Scores> = of.values().copied().collect();
        Row {
            baseline: true,
            seeds: of.into_keys().collect(),
            ..Row::of_scores(visible(name), &scores, metric)
        }
    }

    fn of_scores(label: String, of: &[&Scores], metric: Metric) -> Self {
        let average =
            |number: &dyn Fn(&Scores) -> f64| mean(&of.iter().map(|of| number(of)).collect::<Vec<_>>());
        let pair = |numbers: &dyn Fn(&Scores) -> Option<[f64; 2]>| -> Option<[f64; 2]> {
            let all: Vec<[f64; 2]> = of.iter().filter_map(|of| numbers(of)).collect();
            let column = |i: usize| mean(&all.iter().map(|pair| pair[i]).collect::<Vec<_>>());
            (!all.is_empty()).then(|| [column(0), column(1)])
        };
        let scores: Vec<f64> = of.iter().map(|of| metric.of(of)).collect();
        let climates = || of.iter().filter_map(|of| of.climate.as_ref());
        Row {
            label,
            baseline: false,
            settings: BTreeMap::new(),
            seeds: Vec::new(),
            mean: mean(&scores),
            interval: mean_interval(&scores),
            over_starts: (of.len() == 1).then(|| metric.over_starts(of[0])),
            scores,
            against_best: None,
            one_step_rmse: average(&|of| of.one_step_rmse),
            lyapunov: lyapunov(of),
            climate: pair(&|of| of.climate.as_ref().map(|long| [long.d_stsp, long.d_h])),
            left: climates()
                .next()
                .is_some()
                .then(|| [climates().map(|long| long.left).sum(), climates().map(|long| long.starts).sum()]),
            ensemble: pair(&|of| of.ensemble.as_ref().map(|of| [of.crps, of.spread_to_error])),
            parameters: None,
            train_seconds: None,
            step_microseconds: average(&|of| of.step_microseconds),
            suspicions: Vec::new(),
            runs: Vec::new(),
        }
    }
}

/// The mean of the exponents of some seeds, and its standard error as it follows from theirs.
fn lyapunov(of: &[&Scores]) -> Option<[f64; 2]> {
    let found = of.iter().filter_map(|of| of.lyapunov.as_ref());
    let found: Vec<[f64; 2]> = found.filter_map(|of| Some([of.exponent?, of.standard_error?])).collect();
    let count = found.len() as f64;
    let squares: f64 = found.iter().map(|[_, error]| error * error).sum();
    (count > 0.0).then(|| [found.iter().map(|[x, _]| x).sum::<f64>() / count, squares.sqrt() / count])
}

fn take(files: &RunFiles) -> Result<Taken<'_>, String> {
    let at = files.directory.display();
    let results = files.results.as_ref().ok_or_else(|| {
        format!("{at} has no results yet: its training did not end; continue it with `attractor resume {at}`")
    })?;
    let mut settings = settings(files)?;
    settings.insert("--device".into(), visible(&results.device));
    if settings.get("system.name") != Some(&visible(&results.system)) {
        return Err(format!("{at}: its results.json is of another system than its experiment.toml"));
    }
    let task = settings.iter().filter(|(key, _)| {
        ["system", "data", "evaluate"].iter().any(|section| key.split('.').next() == Some(section))
    });
    Ok(Taken {
        files,
        results,
        task: task.map(|(key, value)| (key.clone(), value.clone())).collect(),
        settings,
    })
}

/// All settings of a run but its seed.
fn settings(files: &RunFiles) -> Result<BTreeMap<String, String>, String> {
    let table: Table = files.resolved.parse().map_err(|error: toml::de::Error| {
        format!("{}/experiment.toml: {}", files.directory.display(), error.message().replace('\n', ", "))
    })?;
    let mut settings = flat(&table);
    settings.remove("seed");
    // how a training is watched, and not what is trained
    settings.remove("train.log");
    Ok(settings)
}

/// The settings of a table by dotted keys, lists as one value each.
fn flat(table: &Table) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for (key, value) in table {
        match value {
            Value::Table(inner) => {
                all.extend(flat(inner).into_iter().map(|(inner, value)| (format!("{key}.{inner}"), value)));
            }
            Value::String(text) => {
                all.insert(key.clone(), visible(text));
            }
            other => {
                all.insert(key.clone(), visible(&other.to_string()));
            }
        }
    }
    all
}

/// In what two tasks differ.
fn apart(first: &BTreeMap<String, String>, other: &BTreeMap<String, String>) -> Vec<String> {
    const SYSTEM: &str = "system.name";
    let keys: BTreeSet<&String> = first.keys().chain(other.keys()).collect();
    // all else follows from that
    let another = first.get(SYSTEM) != other.get(SYSTEM);
    let show = |of: &BTreeMap<String, String>, key| of.get(key).map_or("not set", String::as_str).to_owned();
    keys.into_iter()
        .filter(|key| first.get(*key) != other.get(*key) && (!another || *key == SYSTEM))
        .map(|key| format!("{key} = {} above, {} here", show(first, key), show(other, key)))
        .collect()
}

/// Keys by which configurations differ; those that only some have follow from the name beside them, as
/// `train.optimizer.momentum` does from `train.optimizer.name`, and are left out where that differs too.
fn varied(configurations: &[Vec<&Taken>]) -> Vec<String> {
    let all: BTreeSet<&String> = configurations.iter().flat_map(|of| of[0].settings.keys()).collect();
    let differs = |key: &str| {
        let first = configurations[0][0].settings.get(key);
        configurations.iter().any(|of| of[0].settings.get(key) != first)
    };
    let implied = |key: &str| {
        let section = key.rsplit_once('.').map_or("", |(section, _)| section);
        let everywhere = configurations.iter().all(|of| of[0].settings.contains_key(key));
        !everywhere && differs(&format!("{section}.name"))
    };
    all.into_iter().filter(|key| differs(key) && !implied(key)).cloned().collect()
}

/// With control characters written out: names come from files, and go to a terminal.
fn visible(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

/// The experiment, and what sets this configuration apart from the others of its name.
fn label(of: &[&Taken], configurations: &[Vec<&Taken>]) -> String {
    let alike: Vec<Vec<&Taken>> =
        configurations.iter().filter(|other| other[0].name() == of[0].name()).cloned().collect();
    let short = |key: &str| {
        let key = key.strip_suffix(".name").unwrap_or(key);
        key.rsplit('.').next().unwrap_or(key).to_owned()
    };
    let mut label = visible(of[0].name());
    let keys = varied(&alike);
    for key in &keys {
        let alone = keys.iter().filter(|other| short(other) == short(key)).count() == 1;
        if let Some(value) = of[0].settings.get(key) {
            label += &format!(" {}={value}", if alone { short(key) } else { key.clone() });
        }
    }
    label
}

/// How a configuration differs from the best.
fn against(of: &[&Taken], best: &[&Taken], metric: Metric) -> Against {
    let pairs: Vec<(&[f64], &[f64])> = of
        .iter()
        .filter_map(|run| {
            let other = best.iter().find(|other| other.results.seed == run.results.seed)?;
            Some((metric.each(run.files), metric.each(other.files)))
        })
        .collect();
    let whole = pairs.iter().all(|(a, b)| a.len() == b.len() && !a.is_empty());
    let mut draws = stream(0, "paired bootstrap", 0);
    let interval = if whole { paired_interval(&pairs, &mut draws) } else { None };
    Against { seeds: pairs.len(), interval }
}
