//! Scoring a run beside the baselines.

use std::collections::BTreeMap;
use std::path::Path;

use dataset::{Batch, Examples, Normalisation};
use forecast::suspicion::{
    Part, above_ceiling, equals_persistence, exponent_unknown, normalisation_saw_test, shared_trajectories,
};
use forecast::{
    EachStart, Forecaster, Forecasts, Reduction, Results, Scores, SimulationScores, SolverScores, Suspicion,
    lyapunov,
};
use models::tensors::Tensors;
use rayon::prelude::*;
use trajectory::{Trajectories, random::stream};

use crate::coarse;
use crate::data::{Chosen, Prepared, prepare};
use crate::environment::{Build, Environment};
use crate::held_out::FreeRuns;
use crate::resolve::{parse, resolve, set, to_toml};
use crate::run::{Run, TIME};
use crate::source::Source;
use crate::{Experiment, Progress, RunError};

/// The scores of a model and of the baselines.
pub(crate) struct Scored {
    pub(crate) scores: Scores,
    pub(crate) each: EachStart,
    pub(crate) baselines: BTreeMap<String, Scores>,
    /// Why each of the other baselines has no scores.
    pub(crate) not_applicable: BTreeMap<String, String>,
    /// Of a field, its solver at other accuracies.
    pub(crate) solvers: Vec<SolverScores>,
    /// Of a reduced field, what its modes keep.
    pub(crate) reduction: Option<Reduction>,
    /// What the baselines are whose settings were chosen.
    pub(crate) chosen: BTreeMap<String, String>,
    pub(crate) suspicions: Vec<Suspicion>,
}

/// Scores the model of a run.
pub(crate) fn score(
    run: &Run,
    experiment: &Experiment,
    prepared: &Prepared,
    device: &str,
    progress: &mut dyn Progress,
) -> Result<Scored, RunError> {
    let task = &prepared.task;
    let bootstrap = || stream(experiment.seed, "bootstrap", 0);
    let inputs = experiment.inputs(&prepared.source).map_err(RunError::Usage)?;
    let (mut fitted, mut not_applicable, mut chosen) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
    progress.stage("fitting the baselines");
    for baseline in prepared.baselines(experiment) {
        match prepared.choose(baseline, inputs) {
            Ok(Chosen { baseline, words, fitted: forecaster }) => {
                chosen.extend(words.map(|words| (baseline.name().to_owned(), words)));
                fitted.push((baseline.name(), forecaster));
            }
            Err(reason) => {
                progress.note(&format!("the baseline {} is not applicable: {reason}", baseline.name()));
                not_applicable.insert(baseline.name().to_owned(), reason);
            }
        }
    }
    let names: Vec<&str> = fitted.iter().map(|(name, _)| *name).collect();
    let name = experiment.model["name"].as_str().unwrap_or_default();
    progress.stage(&format!("forecasting with {name}, {}", names.join(", ")));
    let score_each = |forecaster: &dyn Forecaster| {
        let (scores, each) = task.score_each(forecaster, &mut bootstrap());
        let exponent = || lyapunov::scores(task, forecaster, &|step, known| prepared.known(step, known));
        // The map of a field has so many derivatives that they would take longer than training.
        let is_small = prepared.source.layout().axes.is_empty();
        let lyapunov = (prepared.knows_inputs() && is_small).then(exponent).flatten();
        let simulation = prepared.free_runs.and_then(|FreeRuns { given, ranks }| {
            task.simulate(forecaster, given).map(|scores| SimulationScores { ranks, ..scores })
        });
        (Scores { lyapunov, simulation, ..scores }, each)
    };
    let model = run.model(experiment, device)?;
    let (((scores, each), largest_step), of_baselines) = rayon::join(
        || (score_each(&*model), task.largest_step(&*model)),
        || -> Vec<Scores> { fitted.par_iter().map(|(_, fit)| score_each(&**fit).0).collect() },
    );
    if task.lyapunov_exponent.is_some() && scores.lyapunov.is_none() && prepared.knows_inputs() {
        progress.note(&match lyapunov::memory(task, &*model) {
            Some(_) => format!(
                "the Lyapunov exponent of {name} is left out, because it takes too long to compute; `attractor lyapunov {}` \
                 computes it",
                run.directory().display()
            ),
            None => format!(
                "the Lyapunov exponent of {name} is left out: Attractor has no derivatives of a network whose memory is carried"
            ),
        });
    }
    // One after the other, since each of them uses all cores.
    let timed = |scores: Scores, of: &dyn Forecaster| Scores {
        step_microseconds: task.step_microseconds(of),
        ..scores
    };
    let scores = timed(scores, &*model);
    let baselines: BTreeMap<String, Scores> = fitted
        .iter()
        .zip(of_baselines)
        .map(|((name, fit), scores)| ((*name).to_owned(), timed(scores, &**fit)))
        .collect();
    let solvers = match &prepared.source {
        // It needs all channels in their own order.
        Source::Field(field) if is_whole(experiment, &prepared.source) => {
            progress.stage("forecasting with the solver on coarser grids and with longer steps");
            coarse::scores(experiment, field, task).map_err(RunError::Usage)?
        }
        _ => Vec::new(),
    };
    let reduction = prepared.seen().pod.map(|pod| Reduction {
        modes: pod.modes(),
        left_out: 1.0 - pod.kept(),
        error: pod.error(&task.test, &task.std),
    });
    let scales = run.scales()?;
    let suspicions =
        suspicions(prepared, &scales, &scores, &each, baselines.get("persistence"), largest_step);
    let unknown = exponent_unknown(&experiment.evaluate.exponent_unknown);
    let suspicions = suspicions.into_iter().chain(unknown).collect();
    Ok(Scored { scores, each, baselines, not_applicable, solvers, reduction, chosen, suspicions })
}

/// Whether the channels of a field are all observed, in their own order.
fn is_whole(experiment: &Experiment, source: &Source) -> bool {
    source.components().iter().map(|channel| &channel.name).eq(&experiment.data.observe)
}

/// Suspicions: signs of a mistake in the data or in the scores of the model, whose scales are `scales`.
fn suspicions(
    prepared: &Prepared,
    scales: &Normalisation,
    scores: &Scores,
    each: &EachStart,
    persistence: Option<&Scores>,
    largest_step: f64,
) -> Vec<Suspicion> {
    let Prepared { runs, split, task, .. } = prepared;
    let train = Part { runs, which: &split.train };
    let seen = prepared.seen();
    let learned = Part { runs: seen.runs, which: &split.train };
    let points = seen.pod.map_or_else(|| prepared.source.layout().points(), |pod| pod.needed().max(1));
    let starts: Vec<usize> = (0..task.runs.count()).collect();
    let found = [
        shared_trajectories(
            train,
            Part { runs, which: &split.test },
            Part { runs: &task.runs, which: &starts },
        ),
        normalisation_saw_test(&scales.mean, &scales.std, learned, points),
        task.lyapunov_exponent.and_then(|exponent| above_ceiling(&each.valid_times, exponent)),
        persistence.and_then(|p| equals_persistence(scores.one_step_rmse, p.one_step_rmse, largest_step)),
        prepared.time_not_told.clone(),
    ];
    found.into_iter().flatten().collect()
}

/// The data for pictures of the forecasts of a model; `each` holds the scores of its starts.
pub(crate) fn forecasts(
    run: &Run,
    experiment: &Experiment,
    prepared: &Prepared,
    weights: &Tensors,
    device: &str,
    each: EachStart,
) -> Result<Forecasts, RunError> {
    let task = &prepared.task;
    let model = run.model(experiment, device)?;
    let mut forecasts = Forecasts::new(task, &*model, each);
    let (entry, settings) = experiment.network().map_err(RunError::Usage)?;
    if let (Some(latent), Some(&start)) = (entry.latent, forecasts.shown.first()) {
        let start = start as usize;
        let first = task.lead + 1 - prepared.window;
        let truth = task.runs.cut([(start, first..task.lead + 1 + task.trusted[start])]);
        let machine = experiment.machine(device).map_err(RunError::Usage)?;
        let windows = windows(prepared, &truth)?;
        let states = (latent.states)(&settings, weights, prepared.seen().normalisation, &windows, &machine);
        forecasts.latent = states.map_err(RunError::Failed)?;
        forecasts.latent_size = forecasts.latent.len() / windows.shape[0];
    }
    Ok(forecasts)
}

/// All windows of some trajectories, as the model sees them.
pub(crate) fn windows(prepared: &Prepared, runs: &Trajectories) -> Result<Batch, RunError> {
    let seen = prepared.seen();
    let all: Vec<usize> = (0..runs.count()).collect();
    let examples = Examples::new(&seen.of(runs), &all, seen.normalisation, prepared.window, prepared.window)
        .map_err(RunError::usage)?;
    let mut batch = Batch::default();
    examples.gather(&(0..examples.count()).collect::<Vec<_>>(), prepared.window, &mut batch);
    Ok(batch)
}

/// Scores a trained run again, with overrides of the keys under `evaluate`. The files of the run do not change. With
/// `output`, the scores are kept in that new folder together with a copy of the run except its checkpoints, so that the
/// folder is a run itself.
///
/// # Errors
/// If a key outside `evaluate` is overridden, because that would be another model; if `output` is not empty; or if scoring
/// fails.
pub fn evaluate(
    run: &Run,
    overrides: &[String],
    output: Option<&Path>,
    device: &str,
    build: &Build,
    progress: &mut dyn Progress,
) -> Result<Results, RunError> {
    let mut experiment = run.experiment()?;
    // The files of a recording may have moved; its digest tells whether they are the same.
    let may_be_set = ["evaluate.", "recording.files=", "recording.test.files="];
    let is_fixed = |pair: &&String| !may_be_set.iter().any(|key| pair.trim_start().starts_with(key));
    if let Some(other) = overrides.iter().find(is_fixed) {
        return Err(RunError::Usage(format!(
            "{other}: a trained run can only be scored otherwise, by keys such as evaluate.starts=500; train again to \
             change the rest"
        )));
    }
    if !overrides.is_empty() {
        let mut table = parse(&to_toml(&experiment)).map_err(RunError::Usage)?;
        set(&mut table, overrides).map_err(RunError::Usage)?;
        experiment = resolve(&table).map_err(RunError::Usage)?;
    }
    // before the work
    output.map_or(Ok(()), Run::check_free)?;
    crate::names::device(device).map_err(RunError::Usage)?.open().map_err(RunError::usage)?;
    let results = run.results()?;
    let prepared = prepare(&experiment, progress)?;
    let scored = score(run, &experiment, &prepared, device, progress)?;
    // What was chosen of the model stays; baselines are chosen anew.
    let mut chosen = results.chosen.clone();
    chosen.extend(scored.chosen);
    chosen.retain(|name, _| !scored.not_applicable.contains_key(name));
    let results = Results {
        scores: scored.scores,
        baselines: scored.baselines,
        not_applicable: scored.not_applicable,
        solvers: scored.solvers,
        reduction: scored.reduction,
        chosen,
        suspicions: scored.suspicions,
        ..results
    };
    if let Some(directory) = output {
        let environment = Environment {
            evaluated_run: Some(run.trained().display().to_string()),
            evaluated_at: Some(jiff::Timestamp::now().strftime(TIME).to_string()),
            ..Environment::here(build, device, experiment.seed)
        };
        let kept = Run::create_for_scores(directory, run, &experiment, &environment)?;
        let forecasts = forecasts(run, &experiment, &prepared, &run.weights()?, device, scored.each)?;
        kept.save_forecasts(&forecasts, prepared.runs.dim())?;
        // Last, since it is what makes the run complete.
        kept.save_results(&results)?;
    }
    Ok(results)
}
