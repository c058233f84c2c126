//! Models that are fitted at once.

use std::collections::BTreeMap;
use std::time::Instant;

use forecast::{Loss, one_step_rmse};
use models::baselines::Ridge;
use models::tensors::Tensors;
use rayon::prelude::*;
use serde_json::Value;

use super::{Outcome, Sitting, State};
use crate::data::Prepared;
use crate::{Experiment, Progress, RunError};

/// A fitted model.
pub(super) struct Fitted {
    weights: Tensors,
    /// Seconds that it took.
    seconds: f64,
    /// Of a ridge that was chosen, its weight.
    ridge: Option<f64>,
}

/// Fits the model of an experiment to the training part, and where it is to choose its ridge, with that whose forecasts over
/// the validation part are best. With `train.refit` it is then fitted to both parts.
pub(super) fn fit(experiment: &Experiment, prepared: &Prepared, device: &str) -> Result<Fitted, RunError> {
    let begin = Instant::now();
    let (split, seen) = (&prepared.split, prepared.seen());
    let (model, mut settings) = experiment.network().map_err(RunError::Usage)?;
    let models::Training::Fit(fit) = model.training else {
        return Err(RunError::Failed(format!("{} is trained in steps", model.name)));
    };
    let to_training = |settings: &Value| {
        let fitted = fit(settings, seen.runs, &split.train, seen.normalisation, experiment.seed);
        fitted.map_err(|fault| RunError::Usage(format!("model: {fault}")))
    };
    let mut ridge = None;
    if settings["ridge"] == Ridge::AUTO {
        let error = |ridge: f64| {
            let mut settings = settings.clone();
            settings["ridge"] = ridge.into();
            // A fit without a solution is a candidate that is not chosen.
            let Ok(weights) = to_training(&settings) else { return Ok(f64::INFINITY) };
            let made = experiment.forecaster(&settings, &weights, seen.normalisation.clone(), device);
            prepared.free_error(&*seen.in_full(made.map_err(RunError::Failed)?))
        };
        let errors: Result<Vec<f64>, RunError> =
            Ridge::CANDIDATES.par_iter().map(|&ridge| error(ridge)).collect();
        let tried = Ridge::CANDIDATES.into_iter().zip(errors?);
        // Of equal ones the largest, which is the most cautious.
        ridge = tried.rev().min_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(ridge, _)| ridge);
        settings["ridge"] = ridge.into();
    }
    let weights = match seen.refit {
        None => to_training(&settings)?,
        Some(both) => {
            let all: Vec<usize> = (0..both.count()).collect();
            let fitted = fit(&settings, both, &all, seen.normalisation, experiment.seed);
            fitted.map_err(|fault| RunError::Usage(format!("model: {fault}")))?
        }
    };
    Ok(Fitted { weights, seconds: begin.elapsed().as_secs_f64(), ridge })
}

impl Sitting<'_> {
    /// Scores a model that needed no steps.
    pub(super) fn fitted(
        self,
        mut state: State,
        Fitted { weights, seconds, ridge }: Fitted,
        progress: &mut dyn Progress,
    ) -> Result<Outcome, RunError> {
        let (split, seen) = (&self.prepared.split, self.prepared.seen());
        state.best = weights;
        (state.counters.seconds, state.counters.step_seconds) = (seconds, seconds);
        self.run.save_model(self.experiment, &state.best, seen)?;
        let normalisation = seen.normalisation;
        let (_, settings) = self.experiment.network().map_err(RunError::Usage)?;
        let fitted = self.experiment.forecaster(&settings, &state.best, normalisation.clone(), self.device);
        let fitted = fitted.map_err(RunError::Failed)?;
        // A steady component is forecast exactly, so any scale is right.
        let scales: Vec<f64> = (0..normalisation.dim())
            .map(|j| match normalisation.is_steady(j) {
                true => normalisation.std[j],
                false => normalisation.increment_std[j],
            })
            .collect();
        let loss = |which: &[usize]| {
            one_step_rmse(&*fitted, &seen.runs.select(which), fitted.window(), &scales).powi(2)
        };
        let loss = Loss { train: loss(&split.train), validation: loss(&split.validation) };
        state.counters.best = Some((0, loss));
        let windows =
            split.train.iter().map(|&run| seen.runs.samples(run).saturating_sub(fitted.window())).sum();
        let chosen: BTreeMap<String, String> =
            ridge.map(|ridge| ("ridge".to_owned(), format!("{ridge:e}"))).into_iter().collect();
        self.finish(&state, state.best.count(), windows, chosen, progress)
    }
}
