//! The trajectories that an experiment asks for.

use std::ops::Range;
use std::path::Path;

use dataset::arrays::ArrayFileError;
use dataset::shards::Shards;
use dataset::{Normalisation, Piece, Split};
use forecast::suspicion::time_not_known;
use forecast::{Forecaster, Suspicion, Task};
use models::baselines::Baseline;
use rayon::prelude::*;
use sim::{SimulationError, System};
use trajectory::{Component, Times, Trajectories, random};

use crate::clean::Clean;
use crate::fields::Field;
use crate::held_out::{self, FreeRuns, Parts};
use crate::recording::{self, Measured, Recorded};
use crate::reduce::{self, Reduced, Seen};
use crate::source::Source;
use crate::stored::Stored;
use crate::truth;
use crate::{Experiment, Progress, RunError};

/// What a network is trained on, and scored against.
pub(crate) struct Prepared {
    pub(crate) source: Source,
    /// The trajectories; of a folder that holds more than are held at once, those of the first turn of training and
    /// some for validation and test.
    pub(crate) runs: Trajectories,
    /// The other turns, where there are any.
    pub(crate) turns: Option<Turns>,
    pub(crate) split: Split,
    pub(crate) normalisation: Normalisation,
    /// Samples of history that the model looks at.
    pub(crate) window: usize,
    pub(crate) task: Task,
    /// Starts in the validation part, by which settings are chosen: of a recording always, of simulated trajectories where
    /// the experiment asks for it.
    choice: Option<Task>,
    /// For a field: starts in the validation part by which the rank of a baseline is chosen, the same for all models.
    ranks: Option<Task>,
    /// Training and validation part together, if the model is to be trained on both in the end (`train.refit`).
    refit: Option<Trajectories>,
    /// What the model sees of a field, if that is less than all of it.
    reduced: Option<Reduced>,
    /// For a recording: how free runs over the test part are scored.
    pub(crate) free_runs: Option<FreeRuns>,
    /// A suspicion if the right-hand side depends on the time but forecasters are told nothing about the time.
    pub(crate) time_not_told: Option<Suspicion>,
}

/// A baseline whose settings are chosen.
pub(crate) struct Chosen {
    pub(crate) baseline: Baseline,
    /// The settings in words, if there was a choice.
    pub(crate) words: Option<String>,
    pub(crate) fitted: Box<dyn Forecaster>,
}

impl Prepared {
    /// What the model is trained on.
    pub(crate) fn seen(&self) -> Seen<'_> {
        match &self.reduced {
            None => Seen {
                runs: &self.runs,
                normalisation: &self.normalisation,
                refit: self.refit.as_ref(),
                pod: None,
            },
            Some(Reduced { pod, runs, normalisation, refit }) => {
                Seen { runs, normalisation, refit: refit.as_ref(), pod: Some(pod) }
            }
        }
    }

    /// Writes the known inputs at so many samples after a held-out start, the same for all. Those of a recording differ
    /// from start to start, and end: see [`Prepared::knows_inputs`].
    pub(crate) fn known(&self, step: usize, known: &mut [f64]) {
        if let Some(system) = self.source.system().filter(|_| !known.is_empty()) {
            system.known(self.task.runs.time(0, self.task.lead + step), known);
        }
    }

    /// The baselines that suit the source.
    pub(crate) fn baselines(&self, experiment: &Experiment) -> Vec<Baseline> {
        let degree = experiment.evaluate.polynomial_degree;
        match &self.source {
            Source::Field(field) => {
                let unitary =
                    field.system.conserves_norm() && experiment.observed_alone(&self.source).is_none();
                let grid = match *self.source.layout().shape() {
                    [rows, columns] => [rows, columns],
                    ref other => [1, other.iter().product()],
                };
                Baseline::of_field(grid, unitary, degree).to_vec()
            }
            _ => Baseline::all(degree).to_vec(),
        }
    }

    /// The baseline with the best settings, fitted to the training part, or why there is none. Where settings are chosen, they
    /// are those whose free forecasts over the validation part have the smallest error, and come in words, too: the delays
    /// for a recording, where a sample may not be the whole state, and the rank of a dynamic mode decomposition. Where free
    /// runs are the score, the error is that of a free run.
    pub(crate) fn choose(&self, baseline: Baseline, inputs: usize) -> Result<Chosen, String> {
        let fit = |baseline: &Baseline| baseline.fit(&self.runs, &self.split.train, &self.normalisation);
        let recorded = self.source.is_recorded() && baseline != Baseline::Persistence;
        let all = match self.choice.as_ref().filter(|_| recorded) {
            None => {
                baseline.check(inputs)?;
                fit(&baseline)
            }
            Some(task) => {
                let lengths: Vec<usize> =
                    self.split.train.iter().map(|&run| self.runs.samples(run)).collect();
                let given = self.free_runs.map_or(task.lead + 1, |of| of.given);
                // A forecast has the history before a start, and a free run the samples that are given.
                let variants = baseline.with_delays((task.lead + 1).min(given), inputs, &lengths);
                variants.par_iter().flat_map_iter(fit).collect()
            }
        };
        let is_choice = recorded && self.choice.is_some() || all.len() > 1;
        let task = if self.source.is_recorded() { &self.choice } else { &self.ranks };
        let best = match task {
            Some(task) if all.len() > 1 => {
                let errors: Vec<f64> =
                    all.par_iter().map(|(_, fitted)| self.error_over(task, &**fitted)).collect();
                let tried = all.into_iter().zip(errors);
                tried.min_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(best, _)| best)
            }
            // One, or too short a validation part to choose: then the largest.
            _ => all.into_iter().last(),
        };
        let (best, fitted) = best.ok_or(match baseline {
            Baseline::Dmd { .. } => "the training fields are all 0, infinite or NaN",
            _ => "the training part has fewer than two samples for each of its unknowns",
        })?;
        Ok(Chosen { baseline: best, words: is_choice.then(|| best.to_string()), fitted })
    }

    /// The error of forecasts from the starts of a task, or of free runs where they are the score.
    fn error_over(&self, task: &Task, forecaster: &dyn Forecaster) -> f64 {
        let given = self.free_runs.filter(|of| of.ranks).map(|of| of.given);
        let free_run = given.and_then(|given| task.simulate(forecaster, given));
        free_run.map_or_else(|| task.median_error(forecaster), |run| run.relative_error())
    }

    /// The error of free forecasts over the validation part, by which weights and settings are chosen.
    ///
    /// # Errors
    /// A validation part without room for two forecasts.
    pub(crate) fn free_error(&self, forecaster: &dyn Forecaster) -> Result<f64, RunError> {
        Ok(self.error_over(self.chosen_by()?, forecaster))
    }

    /// The forecasts by which weights and settings are chosen.
    fn chosen_by(&self) -> Result<&Task, RunError> {
        self.choice.as_ref().ok_or_else(|| {
            RunError::Usage(
                "the validation part is too short for two forecasts, by which train.select = \"rollout\" and ridge = \
                 \"auto\" choose; take a larger validation part (data.split) or a smaller window"
                    .into(),
            )
        })
    }

    /// Whether the known inputs are known at all times, so that a forecast can have any length.
    pub(crate) fn knows_inputs(&self) -> bool {
        !self.source.is_recorded() || self.source.known_inputs().is_empty()
    }

    /// The components that are forecast.
    pub(crate) fn components(&self, experiment: &Experiment) -> Result<Vec<Component>, RunError> {
        let all = self.source.components();
        let observed = experiment.observed(&all).map_err(RunError::Usage)?;
        Ok(observed.into_iter().map(|i| all[i].clone()).collect())
    }
}

/// Simulates some of the trajectories of an experiment. They depend on their numbers and not on which others there are.
pub(crate) fn simulate(
    experiment: &Experiment,
    source: &Source,
    which: Range<usize>,
) -> Result<Trajectories, RunError> {
    match source {
        Source::Simulated(system) => simulate_equations(experiment, &**system, which),
        Source::Field(field) => simulate_field(experiment, field, which),
        Source::Recorded(recorded) => Err(RunError::Usage(format!(
            "{} is a recording, which has no equation to simulate",
            recorded.name
        ))),
    }
}

/// [`simulate`] for a field.
fn simulate_field(
    experiment: &Experiment,
    field: &Field,
    which: Range<usize>,
) -> Result<Trajectories, RunError> {
    let times = experiment.times().map_err(RunError::Usage)?;
    let method = experiment.data.stepper.unwrap_or_default().method().map_err(RunError::Usage)?;
    let first = which.start;
    let starts = field.starts(experiment.seed, "start", which);
    field.ensemble(&starts, &times, &method, first)
}

/// [`simulate`] for ordinary differential equations.
fn simulate_equations(
    experiment: &Experiment,
    system: &dyn System,
    which: Range<usize>,
) -> Result<Trajectories, RunError> {
    let times = experiment.times().map_err(RunError::Usage)?;
    check_known(system, (0..times.samples()).map(|i| times.at(i)))?;
    let first = which.start;
    let starts = experiment.starts(system, "start", which);
    system.ensemble(&starts, &times, &experiment.data.solver.unwrap_or_default()).map_err(|error| {
        let error = match error {
            SimulationError::Trajectory { trajectory, error } => {
                SimulationError::Trajectory { trajectory: first + trajectory, error }
            }
            other => other,
        };
        RunError::Failed(format!("simulating {}: {error}", system.name()))
    })
}

/// Returns an error if a known input is infinite or NaN at one of `times`.
fn check_known(system: &dyn System, times: impl Iterator<Item = f64>) -> Result<(), RunError> {
    let names = system.known_inputs();
    let mut known = vec![0.0; names.len()];
    for t in times.take_while(|_| !names.is_empty()) {
        system.known(t, &mut known);
        if let Some((name, x)) = names.iter().zip(&known).find(|(_, x)| !x.is_finite()) {
            return Err(RunError::Usage(format!(
                "system: known.{} is {x} at t = {t}: a division by zero, or a function outside its domain; write an \
                 expression that is finite from the first sample of a trajectory to the last one that is scored",
                name.name
            )));
        }
    }
    Ok(())
}

/// Reports if the right-hand side depends on the time while no forecaster is told about it.
fn time_not_told(experiment: &Experiment, system: &dyn System) -> Result<Option<Suspicion>, RunError> {
    const MOST: usize = 1000;
    let times = experiment.times().map_err(RunError::Usage)?;
    let stride = times.samples().div_ceil(MOST);
    let some: Vec<f64> = (0..times.samples()).step_by(stride).map(|i| times.at(i)).collect();
    let depends = system.depends_on_time(&experiment.data.initial, &some);
    Ok(time_not_known(depends, system.known_inputs().len()))
}

/// The trajectories of a folder of which training holds only some at once: it takes turns. A turn is an epoch over as
/// many training trajectories as every other turn; a round of turns takes every shard once, in an order that depends
/// on (seed, round) alone, so that training can continue in any turn. Trajectories left over at the end of a round
/// that do not fill a turn sit that round out.
pub(crate) struct Turns {
    shards: Shards,
    train: Vec<usize>,
    size: usize,
    seed: u64,
    observed: Vec<usize>,
}

impl Turns {
    /// The numbers of the trajectories of a turn, ascending.
    fn which(&self, turn: u64) -> Vec<usize> {
        let per_round = (self.train.len() / self.size) as u64;
        let (round, part) = (turn / per_round, (turn % per_round) as usize);
        let shard_of = |run: usize| self.shards.shard_of(run);
        let shards: Vec<&[usize]> = self.train.chunk_by(|a, b| shard_of(*a) == shard_of(*b)).collect();
        let order = random::permutation(&mut random::stream(self.seed, "shards", round), shards.len());
        let all = order.into_iter().flat_map(|shard| shards[shard]);
        let mut which: Vec<usize> = all.skip(part * self.size).take(self.size).copied().collect();
        which.sort_unstable();
        which
    }

    /// Reads the training trajectories of a turn, counted from 0.
    ///
    /// # Errors
    /// A shard that is missing or damaged.
    pub(crate) fn read(&self, turn: u64) -> Result<Trajectories, RunError> {
        let runs = self.shards.read(&self.which(turn)).map_err(|error| RunError::Failed(of_shard(&error)))?;
        Ok(runs.observe(&self.observed))
    }
}

/// Why a shard cannot be read, and what mends it.
fn of_shard(error: &ArrayFileError) -> String {
    match error {
        ArrayFileError::NotNpz(path, _)
        | ArrayFileError::Missing(path, ..)
        | ArrayFileError::Unreadable(path, ..) => {
            format!(
                "{} is damaged; delete it, and the `attractor simulate` that began the folder makes it again",
                path.display()
            )
        }
        other => other.to_string(),
    }
}

/// The number of training trajectories in a turn. The parts of a split are rounded, so a smaller number of trajectories
/// may have more of them in the training part: for example, 12 of 14 trajectories, but only 11 of 15.
fn turn_size(all: &Split, held: &Split) -> usize {
    held.train.len().min(all.train.len())
}

/// The first of some trajectories, at most `count`.
fn first_of(which: &[usize], count: usize) -> &[usize] {
    &which[..count.min(which.len())]
}

/// What is held of a folder: trajectories, which of them are for what, and the turns that training takes.
fn stored(
    experiment: &Experiment,
    observed: &[usize],
    progress: &mut dyn Progress,
) -> Result<(Trajectories, Split, Option<Turns>), RunError> {
    let data = &experiment.data;
    let named = |fault: String| RunError::Usage(format!("data.from = \"{}\": {fault}", data.from));
    let stored = Stored::open(Path::new(&data.from)).map_err(named)?;
    stored.agrees_with(experiment).map_err(RunError::Usage)?;
    if stored.digest() != data.from_digest {
        return Err(RunError::Usage(format!(
            "data.from = \"{}\" holds the simulation {}, and data.from_digest asks for {}: the folder is another than it \
             was; put that one back, or leave data.from_digest out to take this one",
            data.from,
            stored.digest(),
            data.from_digest
        )));
    }
    stored.has(data.trajectories).map_err(named)?;
    let split = |count| Split::new(count, data.split, experiment.seed).map_err(RunError::usage);
    let (all, held) = (split(data.trajectories)?, split(data.at_once)?);
    let name = experiment.system["name"].as_str().unwrap_or_default();
    progress.stage(&format!("reading {} trajectories of {name} from {}", data.at_once, data.from));
    let turns = Turns {
        shards: stored.shards().clone(),
        size: turn_size(&all, &held),
        train: all.train,
        seed: experiment.seed,
        observed: observed.to_vec(),
    };
    let (train, validation, test) = (
        turns.which(0),
        first_of(&all.validation, held.validation.len()),
        first_of(&all.test, held.test.len()),
    );
    let mut which = [&train, validation, test].concat();
    which.sort_unstable();
    let runs = stored.shards().read(&which).map_err(|error| RunError::Usage(of_shard(&error)))?;
    let runs = runs.observe(observed);
    // every one of a part is among those that were read
    let places = |part: &[usize]| part.iter().map(|run| which.partition_point(|other| other < run)).collect();
    let split = Split { train: places(&train), validation: places(validation), test: places(test) };
    let turns = (turns.size < turns.train.len()).then_some(turns);
    if turns.is_some() {
        progress.note(&format!(
            "of {} trajectories {} are in memory at once (data.at_once): training takes turns, and the scales and the \
             baselines are of the first",
            data.trajectories, data.at_once
        ));
    }
    Ok((runs, split, turns))
}

/// Simulates or reads, splits, fits the scales to the training part, and takes the truth to score against: all that can
/// fail before training fails before it.
pub(crate) fn prepare(experiment: &Experiment, progress: &mut dyn Progress) -> Result<Prepared, RunError> {
    let prepared = match experiment.source().map_err(RunError::Usage)? {
        Source::Recorded(recorded) => measured(experiment, recorded, progress)?,
        source => simulated(experiment, source, progress)?,
    };
    if experiment.chooses_by_forecasts() {
        prepared.chosen_by()?;
    }
    Ok(prepared)
}

/// [`prepare`] for a recording.
fn measured(
    experiment: &Experiment,
    recorded: Box<Recorded>,
    progress: &mut dyn Progress,
) -> Result<Prepared, RunError> {
    let window = window(experiment)?;
    let all = recorded.read(progress).map_err(RunError::Usage)?;
    let dt = all.recording.dt;
    if dt != experiment.data.dt {
        return Err(RunError::Usage(format!(
            "data.dt = {} is not the sample interval of the recording, {dt}; leave it out",
            experiment.data.dt
        )));
    }
    let source = Source::Recorded(recorded);
    let observed = experiment.observed(&source.components()).map_err(RunError::Usage)?;
    let parts = held_out::parts(experiment, &all, window).map_err(RunError::Usage)?;
    let Parts { runs, split, test, refit } = parts;
    let clean = match &experiment.evaluate.truth[..] {
        "" => None,
        pattern => Some(truth(experiment, pattern, &source, &all, &test, progress)?.observe(&observed)),
    };
    drop(all);
    recording::forget();
    let runs = runs.observe(&observed);
    let refit = refit.map(|all| all.observe(&observed));
    let windows = split.train.iter().map(|&run| runs.samples(run).saturating_sub(window)).sum::<usize>();
    experiment.check_batch(windows as f64, window).map_err(RunError::Usage)?;
    for (j, name) in experiment.data.observe.iter().enumerate() {
        // Squares must neither overflow nor vanish.
        let most = runs.u().iter().skip(j).step_by(runs.dim()).fold(0.0, |most: f64, u| most.max(u.abs()));
        if most != 0.0 && !(1e-140..1e140).contains(&most) {
            return Err(RunError::Usage(format!(
                "recording.states: {name} holds values of up to {most:e}, whose squares are no numbers of 64 bits; give it in \
                 another unit"
            )));
        }
    }
    let normalisation = Normalisation::fit(&runs, &split.train);
    let std = normalisation.std[..observed.len()].to_vec();
    let test = runs.select(&split.test);
    let free_runs = held_out::free_runs(experiment, &test);
    let task = held_out::task(experiment, test, clean, std);
    let (task, note) = task.map_err(RunError::Usage)?;
    // By default it follows from the history before a start, of which the task complains first.
    let (free_runs, short) = free_runs.map_err(RunError::Usage)?;
    note.iter().chain(&short).for_each(|note| progress.note(note));
    let validation = || runs.select(&split.validation);
    let choice = match held_out::task(experiment, validation(), None, task.std.clone()) {
        Ok((task, _)) => Some(task),
        Err(_) => held_out::validation_task(experiment, validation(), window, task.std.clone()),
    };
    if choice.is_none() {
        progress.note(
            "the validation part is too short for two forecasts, so the baselines see the last sample alone; take a larger \
             validation part (data.split)",
        );
    }
    Ok(Prepared {
        source,
        runs,
        turns: None,
        split,
        normalisation,
        window,
        task,
        choice,
        refit,
        ranks: None,
        reduced: None,
        free_runs: Some(free_runs),
        time_not_told: None,
    })
}

/// The clean states of the test part, which `evaluate.truth` names.
fn truth(
    experiment: &Experiment,
    pattern: &str,
    source: &Source,
    all: &Measured,
    test: &[Piece],
    progress: &mut dyn Progress,
) -> Result<Trajectories, RunError> {
    let Source::Recorded(recorded) = source else {
        return Err(RunError::Usage("evaluate.truth is for recordings".into()));
    };
    let settings = recorded.held_out();
    progress.stage(&format!("reading {pattern}"));
    let clean = Clean::read(pattern, &settings, progress).map_err(RunError::Usage)?;
    let (found, wanted) = (clean.digest(), &experiment.evaluate.truth_digest);
    if found != *wanted {
        return Err(RunError::Usage(format!(
            "evaluate.truth = {pattern:?} holds the measurements {found}, and evaluate.truth_digest asks for {wanted}: the \
             files have changed; put those back that the run used, or set evaluate.truth_digest=\"\" to use these"
        )));
    }
    let files = dataset::recording::find(&settings.files, Path::new("")).map_err(RunError::usage)?;
    let (truth, how) = clean.at(all.held_out(), &files, test).map_err(RunError::Usage)?;
    progress.note(&format!(
        "forecasts start from the measured samples and are scored against {pattern}; recordings are matched {how}"
    ));
    Ok(truth)
}

/// The most history that any of the forecasters to be compared needs.
fn window(experiment: &Experiment) -> Result<usize, RunError> {
    let (network, settings) = experiment.network().map_err(RunError::Usage)?;
    (network.check)(&settings).map_err(RunError::Usage)
}

/// [`prepare`] for what is simulated.
fn simulated(
    experiment: &Experiment,
    source: Source,
    progress: &mut dyn Progress,
) -> Result<Prepared, RunError> {
    let layout = source.layout();
    let observed = experiment.observed(&layout.channels).map_err(RunError::Usage)?;
    let positions = layout.positions(&observed);
    let count = experiment.data.trajectories;
    if !experiment.evaluate.exponent_unknown.is_empty() {
        progress.note(&experiment.evaluate.exponent_unknown);
    }
    let time_not_told = match source.system() {
        Some(system) => time_not_told(experiment, system)?,
        None => None,
    };
    if let Some(found) = &time_not_told {
        progress.note(&found.message);
    }
    let scored = experiment.lead() + (experiment.forecast_span() / experiment.data.dt).round() as usize;
    let scored = scored.max(experiment.lead() + experiment.long_run_samples() as usize);
    let times = Times::new(experiment.data.dt, scored).map_err(RunError::usage)?;
    if let Some(system) = source.system() {
        check_known(system, (0..times.samples()).map(|i| times.at(i)))?;
    }
    let (runs, split, turns) = if experiment.data.from.is_empty() {
        progress.stage(&format!("simulating {count} trajectories of {}", source.name()));
        let runs = simulate(experiment, &source, 0..count)?.observe(&positions);
        let split = Split::new(count, experiment.data.split, experiment.seed).map_err(RunError::usage)?;
        (runs, split, None)
    } else {
        stored(experiment, &positions, progress)?
    };
    let normalisation = Normalisation::fit_on_grid(&runs, &split.train, layout.points());
    progress.stage(&format!("integrating the truth from {} held-out starts", experiment.evaluate.starts));
    let window = window(experiment)?;
    let std = normalisation.std[..positions.len()].to_vec();
    let task = truth::task(experiment, &source, &positions, runs.select(&split.test), std, window)?;
    let validation_task = |window| {
        let validation = runs.select(&split.validation);
        held_out::validation_task(experiment, validation, window, task.std.clone())
    };
    let choice = experiment.chooses_by_forecasts().then(|| validation_task(window));
    let ranks = matches!(source, Source::Field(_)).then(|| validation_task(1)).flatten();
    let both = || [&split.train[..], &split.validation].concat();
    let refit = experiment.train.refit.then(|| runs.select(&both()));
    let reduced = experiment.data.reduce.map(|reduce| {
        progress.stage(&format!("computing {} POD modes of the training fields", reduce.modes));
        Reduced::fit(&runs, &split.train, layout.points(), refit.as_ref(), reduce)
    });
    if let Some(Reduced { pod, .. }) = &reduced {
        progress.note(&reduce::summary(pod));
    }
    Ok(Prepared {
        source,
        runs,
        turns,
        split,
        normalisation,
        window,
        task,
        choice: choice.flatten(),
        refit,
        ranks,
        reduced,
        free_runs: None,
        time_not_told,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn turns_exist_whatever_the_counts(
            count in 3usize..200, part in 0.0f64..1.0, a in 1u32..49, b in 1u32..49, seed in 0u64..9,
        ) {
            let at_once = ((count as f64 * part) as usize).clamp(1, count);
            let fractions = [1.0 - f64::from(a + b) / 100.0, f64::from(a) / 100.0, f64::from(b) / 100.0];
            let split = |count| Split::new(count, fractions, seed);
            if let (Ok(all), Ok(held)) = (split(count), split(at_once)) {
                let size = turn_size(&all, &held);
                let shards = Shards::new(Path::new("none"), Times::up_to(1.0, 0.5).unwrap(), [1, 0], count, 7);
                let turns = Turns { shards, train: all.train.clone(), size, seed, observed: vec![0] };
                for turn in [0, 1, 17] {
                    let which = turns.which(turn);
                    prop_assert!(which.len() == size && size > 0 && which.iter().all(|run| all.train.contains(run)));
                }
                let validation = first_of(&all.validation, held.validation.len()).len();
                let test = first_of(&all.test, held.test.len()).len();
                prop_assert!(validation > 0 && test > 0 && size + validation + test <= at_once);
            }
        }
    }

    #[test]
    fn fifteen_trajectories_of_which_fourteen_are_held_make_a_turn() {
        let split = |count| Split::new(count, [0.8, 0.1, 0.1], 0).unwrap();
        let (all, held) = (split(15), split(14));
        assert_eq!((all.train.len(), held.train.len(), turn_size(&all, &held)), (11, 12, 11));
    }

    #[test]
    fn turns_take_every_trajectory_and_follow_from_the_seed_alone() {
        let shards =
            |each| Shards::new(Path::new("none"), Times::up_to(1.0, 0.5).unwrap(), [1, 0], 100, each);
        let train: Vec<usize> = (0..100).filter(|run| run % 5 != 2).collect();
        let turns =
            |size, seed| Turns { shards: shards(7), train: train.clone(), size, seed, observed: vec![0] };
        let some = turns(16, 3);
        for round in 0..3 {
            let all: Vec<Vec<usize>> = (0..5).map(|part| some.which(5 * round + part)).collect();
            assert!(all.iter().all(|turn| turn.len() == 16 && turn.is_sorted()));
            let mut seen = all.concat();
            seen.sort_unstable();
            assert_eq!(seen, train, "round {round}");
        }
        assert_ne!(some.which(0), some.which(5));
        assert_ne!(some.which(0), turns(16, 4).which(0));
        assert_eq!(some.which(7), turns(16, 3).which(7));
        // Those left over change from round to round.
        let uneven = turns(30, 3);
        let round = |round: u64| [uneven.which(2 * round), uneven.which(2 * round + 1)].concat();
        assert!(round(0).len() == 60 && round(1).len() == 60);
        // All at once is what a simulation in memory gives.
        assert_eq!((turns(80, 3).which(0), turns(80, 3).which(9)), (train.clone(), train.clone()));
    }
}
