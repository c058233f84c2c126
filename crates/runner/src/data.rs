//! The trajectories that an experiment asks for.

use dataset::{Normalisation, Split};
use forecast::{Climate, Task};
use sim::{Component, Solver, System, Times, Trajectories, random};

use crate::{Experiment, Progress, RunError};

/// What a network is trained on, and scored against.
pub(crate) struct Prepared {
    pub(crate) system: Box<dyn System>,
    pub(crate) runs: Trajectories,
    pub(crate) split: Split,
    pub(crate) normalisation: Normalisation,
    pub(crate) task: Task,
}

impl Prepared {
    /// The known inputs at so many samples after a held-out start, the same for all.
    pub(crate) fn known(&self, step: usize, known: &mut [f64]) {
        if !known.is_empty() {
            self.system.known(self.task.runs.times().at(self.task.lead + step), known);
        }
    }

    /// The components that are forecast.
    pub(crate) fn components(&self, experiment: &Experiment) -> Result<Vec<Component>, RunError> {
        let all = self.system.components();
        let observed = experiment.observed(&*self.system).map_err(RunError::Usage)?;
        Ok(observed.into_iter().map(|i| all[i].clone()).collect())
    }
}

/// Simulates the trajectories of an experiment.
pub(crate) fn simulate(experiment: &Experiment) -> Result<(Box<dyn System>, Trajectories), RunError> {
    let system = experiment.build_system().map_err(RunError::Usage)?;
    let times = experiment.times().map_err(RunError::Usage)?;
    let starts = starts(experiment, &*system, "start", experiment.data.trajectories);
    let runs = system
        .ensemble(&starts, &times, &experiment.data.solver)
        .map_err(|error| RunError::Failed(format!("simulating {}: {error}", system.name())))?;
    Ok((system, runs))
}

fn starts(
    experiment: &Experiment,
    system: &dyn System,
    purpose: &'static str,
    count: usize,
) -> Vec<Vec<f64>> {
    (0..count as u64)
        .map(|i| {
            system.random_start(&experiment.data.initial, &mut random::stream(experiment.seed, purpose, i))
        })
        .collect()
}

/// Simulates, splits, fits the scales to the training part, and integrates the truth to score against: all
/// that can fail before training fails before it.
pub(crate) fn prepare(experiment: &Experiment, progress: &mut dyn Progress) -> Result<Prepared, RunError> {
    let name = experiment.system["name"].as_str().unwrap_or_default();
    progress.stage(&format!("simulating {} trajectories of {name}", experiment.data.trajectories));
    let (system, runs) = simulate(experiment)?;
    let observed = experiment.observed(&*system).map_err(RunError::Usage)?;
    let runs = seen(runs, &observed);
    let split = Split::new(experiment.data.trajectories, experiment.data.split, experiment.seed)
        .map_err(RunError::usage)?;
    let normalisation = Normalisation::fit(&runs, &split.train);
    progress.stage(&format!("integrating the truth from {} held-out starts", experiment.evaluate.starts));
    let task = task(experiment, &*system, &observed, &runs, &split, &normalisation)?;
    Ok(Prepared { system, runs, split, normalisation, task })
}

/// Tolerances of the truth, and of the second integration that finds how long it holds.
const TRUTH: Solver = Solver::Dop853 { tolerance: 1e-12 };
const SECOND_TRUTH: Solver = Solver::Dopri5 { tolerance: 1e-13 };

/// Held-out starts after a transient, and the truth after them.
fn task(
    experiment: &Experiment,
    system: &dyn System,
    observed: &[usize],
    runs: &Trajectories,
    split: &Split,
    normalisation: &Normalisation,
) -> Result<Task, RunError> {
    let (network, settings) = experiment.network().map_err(RunError::Usage)?;
    let window = (network.check)(&settings).map_err(RunError::Usage)?;
    let (evaluate, dt) = (&experiment.evaluate, experiment.data.dt);
    let failed = |error| RunError::Failed(format!("integrating the truth of {}: {error}", system.name()));
    // Lengths are counted in samples once, here, so that no two roundings can differ.
    let (lead, span) = (experiment.lead(), (experiment.forecast_span() / dt).round() as usize);
    let times = Times::new(dt, lead + span).map_err(RunError::usage)?;
    let starts = starts(experiment, system, "evaluate", evaluate.starts);
    let whole = system.ensemble(&starts, &times, &TRUTH).map_err(failed)?;

    let after = Times::new(dt, span).map_err(RunError::usage)?.from(times.at(lead));
    let on_attractor: Vec<Vec<f64>> = (0..whole.count()).map(|run| whole.state(run, lead).to_vec()).collect();
    let second = seen(system.ensemble(&on_attractor, &after, &SECOND_TRUTH).map_err(failed)?, observed);
    let truth = seen(whole, observed);
    let forecast = cut(&truth, 0..truth.count(), lead..truth.samples());
    let trusted = Task::trusted_samples(&forecast, &second, &normalisation.std);
    if trusted.contains(&0) {
        return Err(RunError::Failed(format!(
            "two integrations of {} disagree within one sample interval, dt = {dt}: there is no truth to score \
             against; take a smaller dt",
            system.name()
        )));
    }
    let longest = trusted.iter().copied().max().unwrap_or(0);
    let std = normalisation.std[..observed.len()].to_vec();
    let long_run = experiment.long_run_samples() as usize;
    let climate = (long_run > 0).then(|| {
        // of all of the truth: where it no longer is the one trajectory it is still on the attractor
        let mut known = vec![0.0; long_run * truth.known_dim()];
        for (i, known) in known.chunks_mut(truth.known_dim().max(1)).enumerate() {
            system.known(times.at(lead + i), known);
        }
        Climate::new(&truth, lead, &std, long_run, known)
    });
    Ok(Task {
        runs: cut(&truth, 0..truth.count(), 0..lead + 1 + longest),
        lead,
        trusted,
        horizon: experiment.horizon(),
        std,
        lyapunov_exponent: Some(evaluate.lyapunov_exponent).filter(|&exponent| exponent > 0.0),
        test: part(runs, &split.test),
        window,
        climate,
    })
}

/// What is seen of trajectories: some of the components.
fn seen(runs: Trajectories, components: &[usize]) -> Trajectories {
    if components.iter().copied().eq(0..runs.dim()) {
        return runs;
    }
    let each = || (0..runs.count()).flat_map(|run| (0..runs.samples()).map(move |i| (run, i)));
    let u = each().flat_map(|(run, i)| components.iter().map(move |&j| (run, i, j)));
    let u = u.map(|(run, i, j)| runs.state(run, i)[j]).collect();
    let known = each().flat_map(|(run, i)| runs.known_at(run, i)).copied().collect();
    Trajectories::new(*runs.times(), [components.len(), runs.known_dim()], u, known)
}

/// Some trajectories.
pub(crate) fn part(runs: &Trajectories, which: &[usize]) -> Trajectories {
    cut(runs, which.iter().copied(), 0..runs.samples())
}

/// Some trajectories, and of each some successive samples.
pub(crate) fn cut(
    runs: &Trajectories,
    which: impl Iterator<Item = usize> + Clone,
    samples: std::ops::Range<usize>,
) -> Trajectories {
    let each = || which.clone().flat_map(|run| samples.clone().map(move |i| (run, i)));
    let u = each().flat_map(|(run, i)| runs.state(run, i)).copied().collect();
    let known = each().flat_map(|(run, i)| runs.known_at(run, i)).copied().collect();
    #[allow(clippy::expect_used)] // of times that exist, and of two samples or more
    let times = Times::new(runs.times().dt(), samples.len() - 1).expect("a part of sample times is one");
    Trajectories::new(times.from(runs.times().at(samples.start)), [runs.dim(), runs.known_dim()], u, known)
}
