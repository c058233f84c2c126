//! Runs side by side: a row a configuration, over its seeds.

mod against;
mod ahead;
mod baselines;
mod effect;
mod metric;
mod row;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::PathBuf;

use forecast::Results;
use serde::Serialize;

pub use against::Against;
pub use ahead::Ahead;
pub use effect::Effect;
pub use metric::Metric;
pub use row::Row;

use crate::{RunFiles, visible};
use settings::{DEVICE, Settings, apart, labels, settings, task, varied};

/// Runs in rankings, one ranking per task: only runs whose forecasts were scored on the same task are ranked together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The rankings, in the order in which their runs were given.
    pub rankings: Vec<Ranking>,
    /// Runs of a configuration and seed of which there is a newer one.
    pub superseded: Vec<PathBuf>,
    /// Runs that were left out although they belong to the named experiments, one sentence each.
    pub left_out: Vec<String>,
}

/// How runs are compared.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// What runs are ranked by; by default the free run if every run says so, the valid time if every run has one,
    /// otherwise the error over the horizon.
    pub metric: Option<Metric>,
    /// The setting whose effect is wanted. It never splits a ranking, even if it changes the task.
    pub by: Option<&'a str>,
}

/// Configurations that were scored on the same task.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ranking {
    /// Name of the system.
    pub system: String,
    /// The components that are seen, where they are not all.
    pub observed: Option<Vec<String>>,
    /// In what these runs differ from those of the first ranking, as `key = there, here`; empty for the first.
    pub apart: Vec<String>,
    /// What they are ranked by.
    pub metric: RankedBy,
    /// The largest Lyapunov exponent of the system, where it is chaotic.
    pub lyapunov_exponent: Option<f64>,
    /// Settings of the scoring, as `key=value`, in which every configuration differs from its experiment file.
    pub scored_with: Vec<String>,
    /// Best first, baselines among them.
    pub rows: Vec<Row>,
    /// Baselines that score better than the best model, best first.
    pub ahead: Vec<Ahead>,
}

/// A metric, and what it depends on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RankedBy {
    /// The metric.
    pub name: Metric,
    /// For valid times: the threshold of the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// For errors over the horizon: its length in time units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub horizon: Option<f64>,
}

/// A run, taken apart.
struct Taken<'a> {
    files: &'a RunFiles,
    results: &'a Results,
    /// Everything but the seed, and the device.
    settings: Settings,
}

impl Taken<'_> {
    fn name(&self) -> &str {
        &self.files.experiment
    }
}

impl RunFiles {
    /// Whether another run of the same experiment has its settings but another seed.
    ///
    /// # Errors
    /// An `experiment.toml` that is none.
    pub fn differs_in_seed_alone(&self, other: &RunFiles) -> Result<bool, String> {
        Ok(self.experiment == other.experiment && settings(self)? == settings(other)?)
    }

    /// The name of its experiment, and the settings that differ from the experiment's file if these are known.
    pub fn label(&self) -> String {
        let departures = self.departures.iter().flatten().map(|setting| visible(setting));
        [visible(&self.experiment)].into_iter().chain(departures).collect::<Vec<_>>().join(" ")
    }
}

impl Comparison {
    /// Of complete runs, by their own metric.
    ///
    /// # Errors
    /// As [`Comparison::with`].
    pub fn new<'a>(runs: impl IntoIterator<Item = &'a RunFiles>) -> Result<Self, String> {
        Comparison::with(runs, Options::default())
    }

    /// Of complete runs.
    ///
    /// # Errors
    /// If a run has no results or an invalid `experiment.toml`, or no model has the metric.
    pub fn with<'a>(runs: impl IntoIterator<Item = &'a RunFiles>, options: Options) -> Result<Self, String> {
        let (taken, superseded) = newest(runs)?;
        let task_of = |run: &Taken| task(&run.settings, options.metric, options.by);
        let mut tasks: Vec<Settings> = Vec::new();
        for run in &taken {
            let task = task_of(run);
            if !tasks.contains(&task) {
                tasks.push(task);
            }
        }
        let rankings: Vec<Ranking> = tasks
            .iter()
            .map(|task| {
                let of_task: Vec<&Taken> = taken.iter().filter(|run| task_of(run) == *task).collect();
                Ranking::new(&of_task, apart(&tasks[0], task), options.metric)
            })
            .collect();
        if let Some(metric) = options.metric
            && !taken.is_empty()
            && !rankings.iter().flat_map(|of| &of.rows).any(|row| !row.baseline && row.mean.is_some())
        {
            let has = |other: &&Metric| {
                taken.iter().any(|run| other.of(&run.results.scores, Some(run.results)).is_some())
            };
            let names: Vec<&str> = Metric::ALL.iter().filter(has).map(|metric| metric.key()).collect();
            return Err(format!(
                "--metric {}: none of these runs has it. They have {}",
                metric.key(),
                names.join(", ")
            ));
        }
        Ok(Comparison { rankings, superseded, left_out: Vec::new() })
    }
}

/// The newest run of each configuration and seed, and the directories of the other runs.
fn newest<'a>(
    runs: impl IntoIterator<Item = &'a RunFiles>,
) -> Result<(Vec<Taken<'a>>, Vec<PathBuf>), String> {
    let (mut taken, mut superseded): (Vec<Taken>, Vec<PathBuf>) = (Vec::new(), Vec::new());
    // The names of run directories begin with the time of the training. New scores of a run are newer than that run, and
    // older than any later training. Several scorings of one run are ordered by their time, which scores of older
    // versions of this program do not have. The directory comes last, so that the order in which runs are named never
    // matters.
    let age = |run: &Taken| {
        let noted = |key: &str| run.files.environment[key].as_str().map(str::to_owned);
        let scored_again = noted("evaluated_run").map(PathBuf::from);
        let trained = scored_again.as_ref().unwrap_or(&run.files.directory);
        let trained = trained.file_name().map(ToOwned::to_owned);
        (trained, scored_again.is_some(), noted("evaluated_at"), run.files.directory.clone())
    };
    for run in runs.into_iter().map(take) {
        let run = run?;
        let same = |other: &Taken| {
            (&other.settings, other.results.seed, other.name())
                == (&run.settings, run.results.seed, run.name())
        };
        match taken.iter_mut().find(|other| same(other)) {
            Some(other) if other.files.directory == run.files.directory => {}
            Some(other) if age(other) < age(&run) => {
                superseded.push(other.files.directory.clone());
                *other = run;
            }
            Some(_) => superseded.push(run.files.directory.clone()),
            None => taken.push(run),
        }
    }
    Ok((taken, superseded))
}

fn take(files: &RunFiles) -> Result<Taken<'_>, String> {
    let at = files.directory.display();
    let results = files.results.as_ref().ok_or_else(|| {
        format!("{at} has no results yet: its training did not end; continue it with `attractor resume {at}`")
    })?;
    let mut settings = settings(files)?;
    settings.insert(DEVICE.into(), visible(&results.device));
    // a recording has no system; its results carry the name of its files
    if settings.get("system.name").is_some_and(|name| *name != visible(&results.system)) {
        return Err(format!("{at}: its results.json is of another system than its experiment.toml"));
    }
    Ok(Taken { files, results, settings })
}

impl RankedBy {
    fn new(runs: &[&Taken], asked: Option<Metric>) -> Self {
        let chaotic = runs.iter().all(|run| run.results.scores.vpt.is_some());
        let ranked_by_free_runs =
            runs.iter().all(|run| run.results.scores.simulation.as_ref().is_some_and(|of| of.ranks));
        let name = asked.unwrap_or(match (ranked_by_free_runs, chaotic) {
            (true, _) => Metric::FreeRun,
            (false, true) => Metric::ValidTime,
            (false, false) => Metric::Nrmse,
        });
        let vpt = runs.iter().find_map(|run| run.results.scores.vpt.as_ref());
        RankedBy {
            name,
            threshold: vpt.filter(|_| name == Metric::ValidTime).map(|vpt| vpt.main.threshold),
            horizon: (name == Metric::Nrmse).then(|| runs[0].results.scores.nrmse.horizon),
        }
    }
}

impl Ranking {
    fn new(runs: &[&Taken], apart: Vec<String>, asked: Option<Metric>) -> Self {
        let first = runs[0].results;
        let metric = RankedBy::new(runs, asked);
        let mut configurations: Vec<Vec<&Taken>> = Vec::new();
        for &run in runs {
            let same = |of: &&mut Vec<&Taken>| (of[0].name(), &of[0].settings) == (run.name(), &run.settings);
            match configurations.iter_mut().find(same) {
                Some(of) => of.push(run),
                None => configurations.push(vec![run]),
            }
        }
        configurations.iter_mut().for_each(|of| of.sort_by_key(|run| run.results.seed));
        let (labels, scored_with) = labels(&configurations);
        let varied = varied(&configurations.iter().map(|of| &of[0].settings).collect::<Vec<_>>());
        let mut models: Vec<(Row, &Vec<&Taken>)> = configurations
            .iter()
            .zip(labels)
            .map(|(of, label)| (Row::of_configuration(of, label, &varied, metric.name), of))
            .collect();
        let order = |a: &Row, b: &Row| {
            let [a, b] = [a, b].map(|row| row.mean.unwrap_or(f64::NAN));
            metric.name.better(a, b)
        };
        models.sort_by(|(a, _), (b, _)| order(a, b));
        let (best, runs_of_best) = (models[0].0.clone(), models[0].1);
        for (row, of) in models.iter_mut().skip(1) {
            row.against_best = Some(row.against(&best, Some((of, runs_of_best)), metric.name));
        }
        let models: Vec<Row> = models.into_iter().map(|(row, _)| row).collect();
        let mut baselines = baselines::rows(runs, metric.name);
        for row in &mut baselines {
            row.against_best = Some(row.against(&best, None, metric.name));
        }
        baselines.sort_by(order);
        let before_best = baselines.iter().take_while(|row| order(row, &models[0]).is_lt());
        let ahead = before_best.map(|row| Ahead::new(row, &models, metric.name)).collect();
        let mut rows = models;
        rows.extend(baselines);
        rows.sort_by(order);
        Ranking {
            system: visible(&first.system),
            observed: first.observed.as_ref().map(|names| names.iter().map(|name| visible(name)).collect()),
            apart,
            metric,
            lyapunov_exponent: first.scores.vpt.as_ref().map(|vpt| vpt.lyapunov_exponent),
            scored_with,
            rows,
            ahead,
        }
    }

    /// The settings in which its configurations differ.
    pub fn varied(&self) -> BTreeSet<&str> {
        self.rows.iter().flat_map(|row| row.settings.keys()).map(String::as_str).collect()
    }
}
