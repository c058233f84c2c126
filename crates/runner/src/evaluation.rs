//! Scoring a run beside the baselines.

use std::collections::BTreeMap;

use forecast::{Results, Scores};
use models::baselines::Baseline;
use rayon::prelude::*;
use sim::random::stream;

use crate::data::{Prepared, prepare};
use crate::resolve::{parse, resolve, set, to_toml};
use crate::run::Run;
use crate::{Experiment, Progress, RunError};

/// The scores of a model and of the baselines.
pub(crate) struct Scored {
    pub(crate) scores: Scores,
    pub(crate) baselines: BTreeMap<String, Scores>,
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
    let all = Baseline::all(experiment.evaluate.polynomial_degree);
    let names: Vec<&str> = all.iter().map(|baseline| baseline.name()).collect();
    let name = experiment.model["name"].as_str().unwrap_or_default();
    progress.stage(&format!("forecasting with {name}, {}", names.join(", ")));
    let (scores, baselines) = rayon::join(
        || Ok::<_, RunError>(task.score(&*run.model(experiment, device)?, &mut bootstrap())),
        || {
            let scored = all.par_iter().map(|baseline| {
                let fitted = baseline.fit(&prepared.runs, &prepared.split.train, &prepared.normalisation);
                (baseline.name().to_owned(), task.score(&*fitted, &mut bootstrap()))
            });
            scored.collect()
        },
    );
    Ok(Scored { scores: scores?, baselines })
}

/// Scores a trained run again, with overrides of the keys under `evaluate`; its files stay as they are.
///
/// # Errors
/// An override of anything else, since the model would be another; the errors of scoring.
pub fn evaluate(
    run: &Run,
    overrides: &[String],
    device: &str,
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
    crate::names::device(device).map_err(RunError::Usage)?.open().map_err(RunError::usage)?;
    let results = run.results()?;
    let prepared = prepare(&experiment, progress)?;
    let scored = score(run, &experiment, &prepared, device, progress)?;
    Ok(Results { scores: scored.scores, baselines: scored.baselines, ..results })
}
