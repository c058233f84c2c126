//! Scoring a run beside the baselines.

use std::collections::BTreeMap;
use std::path::Path;

use dataset::{Batch, Examples, Normalisation};
use forecast::suspicion::{
    Part, above_ceiling, equals_persistence, exponent_unknown, loss_below_noise, normalisation_saw_test,
    shared_samples,
};
use forecast::{EachStart, Forecaster, Forecasts, Loss, Results, Scores, Suspicion, lyapunov};
use models::baselines::Baseline;
use models::tensors::Tensors;
use rayon::prelude::*;
use sim::Trajectories;
use sim::random::stream;

use crate::data::{Prepared, cut, prepare};
use crate::environment::{Build, Environment};
use crate::resolve::{parse, resolve, set, to_toml};
use crate::run::Run;
use crate::{Experiment, Progress, RunError};

/// The scores of a model and of the baselines.
pub(crate) struct Scored {
    pub(crate) scores: Scores,
    pub(crate) each: EachStart,
    pub(crate) baselines: BTreeMap<String, Scores>,
    pub(crate) suspicions: Vec<Suspicion>,
}

/// Scores the model of a run, which was trained to `loss`.
pub(crate) fn score(
    run: &Run,
    experiment: &Experiment,
    prepared: &Prepared,
    loss: Loss,
    device: &str,
    progress: &mut dyn Progress,
) -> Result<Scored, RunError> {
    let task = &prepared.task;
    let bootstrap = || stream(experiment.seed, "bootstrap", 0);
    let all = Baseline::all(experiment.evaluate.polynomial_degree);
    let names: Vec<&str> = all.iter().map(|baseline| baseline.name()).collect();
    let name = experiment.model["name"].as_str().unwrap_or_default();
    progress.stage(&format!("forecasting with {name}, {}", names.join(", ")));
    let score_each = |forecaster: &dyn Forecaster| {
        let (scores, each) = task.score_each(forecaster, &mut bootstrap());
        let lyapunov = lyapunov::scores(task, forecaster, &|step, known| prepared.known(step, known));
        (Scores { lyapunov, ..scores }, each)
    };
    let (scores, baselines) = rayon::join(
        || {
            let model = run.model(experiment, device)?;
            Ok::<_, RunError>((score_each(&*model), task.largest_step(&*model)))
        },
        || -> BTreeMap<String, Scores> {
            let scored = all.par_iter().map(|baseline| {
                let fitted = baseline.fit(&prepared.runs, &prepared.split.train, &prepared.normalisation);
                (baseline.name().to_owned(), score_each(&*fitted).0)
            });
            scored.collect()
        },
    );
    let ((scores, each), largest_step) = scores?;
    let noise = loss_below_noise(loss.train, noise_floor(experiment, prepared));
    let suspicions = suspicions(prepared, &scores, baselines.get("persistence"), largest_step);
    let unknown = exponent_unknown(&experiment.evaluate.exponent_unknown);
    let suspicions = suspicions.into_iter().chain(noise).chain(unknown).collect();
    Ok(Scored { scores, each, baselines, suspicions })
}

/// The least loss that is believable with the noise that training adds to the states: half of what the noise of one
/// sample makes of an increment to whoever knows its variance and that of the states (the best linear guess of a state
/// x seen with noise of variance s^2 is off by s^2 / (1 + s^2)), over the window, whose samples may be averaged.
fn noise_floor(experiment: &Experiment, prepared: &Prepared) -> f64 {
    let Normalisation { std, increment_std, .. } = &prepared.normalisation;
    let square = experiment.train.input_noise.powi(2);
    let noise =
        increment_std.iter().zip(std).map(|(step, std)| square / (1.0 + square) * (std / step).powi(2));
    0.5 * noise.sum::<f64>() / (increment_std.len() * prepared.task.window) as f64
}

/// What looks like a mistake in the data or in the scores of the model.
fn suspicions(
    prepared: &Prepared,
    scores: &Scores,
    persistence: Option<&Scores>,
    largest_step: f64,
) -> Vec<Suspicion> {
    let Prepared { runs, split, normalisation, task, .. } = prepared;
    let train = Part { runs, which: &split.train };
    let starts: Vec<usize> = (0..task.runs.count()).collect();
    let tests = [Part { runs, which: &split.test }, Part { runs: &task.runs, which: &starts }];
    let found = [
        shared_samples(train, &tests),
        normalisation_saw_test(&normalisation.mean, &normalisation.std, train),
        scores.vpt.as_ref().and_then(|vpt| above_ceiling(vpt, &[], &[])),
        persistence.and_then(|p| equals_persistence(scores.one_step_rmse, p.one_step_rmse, largest_step)),
    ];
    found.into_iter().flatten().collect()
}

/// What pictures of the forecasts are made of, of a model of which `each` is what its starts scored.
pub(crate) fn forecasts(
    run: &Run,
    experiment: &Experiment,
    prepared: &Prepared,
    weights: &Tensors,
    device: &str,
    each: EachStart,
) -> Result<Forecasts, RunError> {
    let Prepared { normalisation, task, .. } = prepared;
    let model = run.model(experiment, device)?;
    let mut forecasts = Forecasts::new(task, &*model, each);
    let (entry, settings) = experiment.network().map_err(RunError::Usage)?;
    if let (Some(latent), Some(&start)) = (entry.latent, forecasts.shown.first()) {
        let start = start as usize;
        let first = task.lead + 1 - task.window;
        let truth = cut(&task.runs, [start].into_iter(), first..task.lead + 1 + task.trusted[start]);
        let machine = experiment.machine(device).map_err(RunError::Usage)?;
        let windows = windows(prepared, &truth)?;
        let states = (latent.states)(&settings, weights, normalisation, &windows, &machine);
        forecasts.latent = states.map_err(RunError::Failed)?;
        forecasts.latent_size = forecasts.latent.len() / windows.shape[0];
    }
    Ok(forecasts)
}

/// All windows of some trajectories.
pub(crate) fn windows(prepared: &Prepared, runs: &Trajectories) -> Result<Batch, RunError> {
    let Prepared { normalisation, task, .. } = prepared;
    let all: Vec<usize> = (0..runs.count()).collect();
    let examples =
        Examples::new(runs, &all, normalisation, task.window, task.window).map_err(RunError::usage)?;
    let mut batch = Batch::default();
    examples.gather(&(0..examples.count()).collect::<Vec<_>>(), task.window, &mut batch);
    Ok(batch)
}

/// Scores a trained run again, with overrides of the keys under `evaluate`; its files stay as they are. With `output`, a
/// new folder, the scores are kept there, beside all that the run holds but its checkpoints, so that the folder is a run
/// itself.
///
/// # Errors
/// An override of anything else, since the model would be another; an `output` that is not empty; the errors of scoring.
pub fn evaluate(
    run: &Run,
    overrides: &[String],
    output: Option<&Path>,
    device: &str,
    build: &Build,
    progress: &mut dyn Progress,
) -> Result<Results, RunError> {
    let mut experiment = run.experiment()?;
    if let Some(other) = overrides.iter().find(|pair| !pair.trim_start().starts_with("evaluate.")) {
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
    let scored = score(run, &experiment, &prepared, results.train.loss, device, progress)?;
    let results = Results {
        scores: scored.scores,
        baselines: scored.baselines,
        suspicions: scored.suspicions,
        ..results
    };
    if let Some(directory) = output {
        let environment = Environment {
            evaluated_run: Some(run.directory().display().to_string()),
            ..Environment::here(build, device, experiment.seed)
        };
        let kept = Run::create_for_scores(directory, run, &experiment, &environment)?;
        let forecasts = forecasts(run, &experiment, &prepared, &run.weights()?, device, scored.each)?;
        kept.save_forecasts(&forecasts, results.components.len())?;
        // Last, since it is what makes the run complete.
        kept.save_results(&results)?;
    }
    Ok(results)
}
