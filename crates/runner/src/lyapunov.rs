//! Lyapunov exponents of a system, and of the map that a run has learned.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use forecast::lyapunov::{follow, memory};

use serde::Serialize;
use serde_json::Value;
use sim::lyapunov::{Following, Spectrum, seconds, spectrum};

use crate::catalogue::data_of;
use crate::data::prepare;
use crate::derived::rounded;
use crate::run::Run;
use crate::{Interrupt, Progress, RunError};

/// More components than that have their whole spectrum only where it is asked for by number.
const MANY: usize = 1000;

/// Forecasts of a run that are followed where nothing is said.
const TRAJECTORIES_OF_A_RUN: usize = 20;

/// Trajectories that can be asked for.
const MOST_TRAJECTORIES: usize = 10_000;

/// Samples over which each can be followed.
const MOST_SAMPLES: f64 = 1e8;

/// What is asked for; what is none is chosen so that it takes some seconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// How many exponents, from the largest.
    pub exponents: Option<usize>,
    /// Independent trajectories.
    pub trajectories: Option<usize>,
    /// Time units for which each is followed.
    pub time: Option<f64>,
    /// Time units before, in which it comes to the attractor.
    pub transient: Option<f64>,
}

impl Asked {
    /// Refuses what is out of range, at a sample interval.
    fn check(&self, dt: f64) -> Result<(), RunError> {
        if let Some(count) = self.trajectories
            && !(2..=MOST_TRAJECTORIES).contains(&count)
        {
            return Err(RunError::Usage(format!(
                "{count} trajectories: a standard error needs 2 at least, and at most {MOST_TRAJECTORIES} are possible"
            )));
        }
        for (what, time, least) in [("time", self.time, dt), ("transient", self.transient, 0.0)] {
            if let Some(time) = time
                && !(time >= least && time <= MOST_SAMPLES * dt)
            {
                return Err(RunError::Usage(format!(
                    "a {what} of {time:?} must lie between {least} and {:e}, a hundred million sample intervals of {dt}",
                    MOST_SAMPLES * dt
                )));
            }
        }
        Ok(())
    }
}

/// Lyapunov exponents, and what they are of.
#[derive(Clone, Debug, Serialize)]
pub struct Exponents {
    /// Name and parameters of the system.
    pub system: Value,
    /// The directory of the run, of whose map they are; of the system itself without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Seed of the starts.
    pub seed: u64,
    /// Time units that were left out at the beginning of each trajectory.
    pub transient: f64,
    /// The exponents, from the largest, with their errors.
    #[serde(flatten)]
    pub spectrum: Spectrum,
    /// Whether these are the exponents of all directions.
    pub complete: bool,
    /// Whether it was interrupted, so that these are of fewer trajectories than were asked for, or of a shorter time.
    pub interrupted: bool,
}

/// The spectrum of Lyapunov exponents of a system: one that is named, with its defaults, or that of an experiment file,
/// each with overrides of `seed`, `system` and `data.initial`. None where it was interrupted before anything was known of
/// two trajectories.
///
/// # Errors
/// A wrong name, setting or file; a system that cannot be followed; the whole spectrum of more than a thousand
/// components, with the time that it would take.
pub fn lyapunov_of_system(
    named: &str,
    overrides: &[String],
    asked: Asked,
    stop: &Interrupt,
    progress: &mut dyn Progress,
) -> Result<Option<Exponents>, RunError> {
    for pair in overrides {
        let key = pair.split('=').next().unwrap_or_default().trim();
        if !["seed", "data.initial", "data.dt"].contains(&key) && !key.starts_with("system.") {
            return Err(RunError::Usage(format!(
                "{pair} has no meaning here: lyapunov takes seed, data.initial, data.dt (a short time on the scale of \
                 the system) and the parameters of the system"
            )));
        }
    }
    let experiment = data_of(named, overrides)?;
    let system = experiment.build_system().map_err(RunError::Usage)?;
    if let Some(pair) = overrides.iter().find(|pair| pair.starts_with("data.dt"))
        && experiment.time_scale(&*system) != experiment.data.dt
    {
        return Err(RunError::Usage(format!(
            "{pair} has no effect here: the time scale of {} is known, {}. Give data.dt only if the parameters make the \
             system more than ten times faster or slower",
            system.name(),
            system.sampling()[0]
        )));
    }
    experiment.check_simulation().map_err(RunError::Usage)?;
    let region = &experiment.data.initial;
    let (name, dim) = (system.name(), system.dim());

    let fault = |error: sim::SimulationError| match &error {
        sim::SimulationError::Invalid(_) => RunError::usage(error),
        _ => RunError::failed(format!("{name}: {error}")),
    };
    let scale = experiment.time_scale(&*system);
    let standard = Following::of(&*system, region, scale, asked.exponents.unwrap_or(dim)).map_err(fault)?;
    asked.check(standard.dt)?;
    let following = Following {
        trajectories: asked.trajectories.unwrap_or(standard.trajectories),
        time: asked.time.unwrap_or(rounded(standard.time, 2)),
        transient: asked.transient.unwrap_or(rounded(standard.transient, 2)),
        seed: experiment.seed,
        ..standard
    };
    following.check(&*system).map_err(fault)?;
    if dim > MANY && asked.exponents.is_none() {
        let whole = seconds(&*system, region, &following).map_err(fault)?;
        let ten = Following { exponents: 10, ..following };
        let ten = seconds(&*system, region, &ten).map_err(fault)?;
        return Err(RunError::Usage(format!(
            "{name} has {dim} components, and so {dim} exponents, which would take about {}; --exponents 10 takes about {}, \
             --exponents {dim} all",
            duration(whole),
            duration(ten)
        )));
    }

    let Following { exponents, trajectories, time, transient, .. } = following;
    if asked.time.is_none() && standard.dt < scale / 50.0 {
        progress.note(&format!(
            "{name} takes so many steps within {scale} time units, its sample interval, that it is followed for {time:.3e} \
             only; give a longer --time if it also has slower motions"
        ));
    }
    if system.may_jump() {
        progress.note(
            "these equations have comparisons or functions that jump. Where the right-hand side itself jumps, the exponents \
             miss how the jump changes distances; make it smooth, for example with tanh(100*x) instead of sign(x)",
        );
    }
    progress.stage(&format!(
        "following {trajectories} trajectories of {name} with {exponents} tangent {} for {time} time units",
        if exponents == 1 { "vector" } else { "vectors" }
    ));
    let percents = Mutex::new(Percents { begin: Instant::now(), shown: 0, progress });
    stop.listen(true);
    let found = spectrum(&*system, region, &following, &|part| {
        percents.lock().unwrap_or_else(PoisonError::into_inner).reach(part);
        !stop.is_requested()
    });
    let interrupted = stop.is_requested();
    stop.listen(false);
    let found = found.map_err(fault)?;
    let exponents = |spectrum: Spectrum| Exponents {
        system: experiment.system.clone(),
        run: None,
        seed: experiment.seed,
        transient,
        complete: spectrum.estimate.exponents.len() == dim,
        spectrum,
        interrupted,
    };
    Ok(found.map(exponents))
}

/// The exponents of the map of a trained model, along forecasts of its own that begin at held-out starts. Forecasts that
/// leave the attractor are left out, with a note. None where it was interrupted before anything was known.
///
/// A model carries more numbers than the system has components where it looks at several samples: by default the
/// largest are taken, as many as the system has components. Those whose directions the map takes to nothing are
/// left out, with a note.
///
/// # Errors
/// A number out of range; a model whose map is not differentiated; forecasts that do not stay on the attractor.
pub fn lyapunov_of_run(
    run: &Run,
    asked: Asked,
    device: &str,
    stop: &Interrupt,
    progress: &mut dyn Progress,
) -> Result<Option<Exponents>, RunError> {
    let mut experiment = run.experiment()?;
    let dt = experiment.data.dt;
    asked.check(dt)?;
    let name = experiment.model["name"].as_str().unwrap_or_default().to_owned();
    let model = run.model(&experiment, device)?;
    // The attractor is known by all of the starts, however few are followed.
    let most = asked.trajectories.unwrap_or(TRAJECTORIES_OF_A_RUN);
    experiment.evaluate.starts = experiment.evaluate.starts.max(most);
    experiment.evaluate.long_run = 0.0;
    experiment.check().map_err(RunError::Usage)?;
    let prepared = prepare(&experiment, progress)?;
    let task = &prepared.task;
    let carried = memory(task, &*model).ok_or_else(|| {
        RunError::Usage(format!(
            "{name} was trained with model.memory = \"carried\", and Attractor has no derivatives of such a network; with \
             model.memory = \"window\" it has"
        ))
    })?;
    if !prepared.knows_inputs() {
        return Err(RunError::Usage(format!(
            "{name} has no Lyapunov exponent here: its known inputs were measured, and they end before a long enough forecast does"
        )));
    }
    let trajectories = asked.trajectories.unwrap_or(most.min(task.runs.count()));
    if trajectories > task.runs.count() {
        return Err(RunError::Usage(format!(
            "--trajectories {trajectories} are more than the {} starts that the test part has room for",
            task.runs.count()
        )));
    }
    let exponents = asked.exponents.unwrap_or(prepared.source.components().len().min(carried));
    if !(1..=carried).contains(&exponents) {
        return Err(RunError::Usage(format!(
            "{exponents} exponents of {name}, which carries {carried} numbers from sample to sample: ask for 1 to {carried}"
        )));
    }
    let samples = match asked.time {
        Some(time) => (time / dt).round() as usize,
        None => (9e4 / (carried * exponents) as f64).clamp(1000.0, 10_000.0) as usize,
    };
    let transient = match asked.transient {
        Some(transient) => (transient / dt).round() as usize,
        None => {
            let lyapunov_times = task.lyapunov_exponent.map_or(0.0, |exponent| 5.0 / (exponent * dt));
            lyapunov_times.clamp(500.0, 10_000.0) as usize
        }
    };
    progress.stage(&format!(
        "following {trajectories} forecasts of {name} with {exponents} tangent {} for {} time units",
        if exponents == 1 { "vector" } else { "vectors" },
        samples as f64 * dt
    ));
    let following = forecast::lyapunov::Following { exponents, starts: trajectories, transient, samples };
    let known = |step: usize, known: &mut [f64]| prepared.known(step, known);
    let failed = |why: &str| RunError::Failed(format!("{name} has no Lyapunov exponent here: {why}"));
    let mut percents = Percents { begin: Instant::now(), shown: 0, progress };
    stop.listen(true);
    let followed = follow(task, &*model, following, &known, &mut |part| {
        percents.reach(part);
        !stop.is_requested()
    });
    let interrupted = stop.is_requested();
    stop.listen(false);
    let followed = followed.ok_or_else(|| failed("its map is not differentiated"))?;
    let progress = percents.progress;
    if followed.left > 0 {
        progress.note(&format!(
            "{} of {trajectories} forecasts leave the attractor, and are left out",
            followed.left
        ));
    }
    if followed.left + 1 >= trajectories {
        return Err(failed("fewer than two of its forecasts stay on the attractor"));
    }
    if interrupted && followed.histories[0].times.is_empty() {
        return Ok(None);
    }
    let spectrum = followed.spectrum().ok_or_else(|| failed("its map takes all directions to nothing"))?;
    let found = spectrum.estimate.exponents.len();
    if found < exponents {
        progress.note(&format!(
            "{} of {exponents} exponents are left out: the map takes their directions to nothing, or to less than a part in \
             1e12 in a sample",
            exponents - found
        ));
    }
    Ok(Some(Exponents {
        system: experiment.system.clone(),
        run: Some(run.directory().display().to_string()),
        seed: experiment.seed,
        transient: transient as f64 * dt,
        complete: found == carried,
        spectrum,
        interrupted,
    }))
}

/// Tells every further percent.
pub(crate) struct Percents<'a> {
    pub(crate) begin: Instant,
    pub(crate) shown: u64,
    pub(crate) progress: &'a mut dyn Progress,
}

impl Percents<'_> {
    pub(crate) fn reach(&mut self, part: f64) {
        let percent = (100.0 * part) as u64;
        if percent > self.shown {
            self.shown = percent;
            let left = self.begin.elapsed().as_secs_f64() * (1.0 / part - 1.0);
            self.progress.part(percent, 100, "percent", left);
        }
    }
}

/// Seconds in words.
fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 100.0 => format!("{:.0} seconds", s.max(1.0)),
        s if s < 6000.0 => format!("{:.0} minutes", s / 60.0),
        s if s < 360_000.0 => format!("{:.0} hours", s / 3600.0),
        s => format!("{:.0} days", s / 86_400.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Build, Outcome, Step, load, train};

    /// Keeps what it is told.
    #[derive(Default)]
    struct Told {
        parts: Vec<u64>,
        notes: Vec<String>,
    }
    impl Progress for Told {
        fn stage(&mut self, _what: &str) {}
        fn step(&mut self, _at: &Step) {}
        fn part(&mut self, done: u64, of: u64, what: &str, seconds_left: f64) {
            assert!(of == 100 && what == "percent" && seconds_left >= 0.0);
            self.parts.push(done);
        }
        fn note(&mut self, what: &str) {
            self.notes.push(what.into());
        }
    }

    fn trained(experiment: &str, overrides: &[&str], runs: &std::path::Path) -> Run {
        let path =
            format!("{}/../../experiments/{experiment}.toml", std::env::var("CARGO_MANIFEST_DIR").unwrap());
        let few = ["data.trajectories=20", "evaluate.starts=10", "evaluate.long_run=0"];
        let overrides: Vec<String> = few.iter().chain(overrides).map(|&pair| pair.to_owned()).collect();
        let (name, experiment) = load(&path, &overrides).unwrap();
        let build = Build { version: "0".into(), git_revision: String::new(), git_dirty: false };
        let stop = Interrupt::default();
        match train(&name, &experiment, "cpu", runs, &build, &stop, &mut Told::default()).unwrap() {
            Outcome::Done(run, _) => run,
            Outcome::Interrupted(..) | Outcome::Stopped(..) => panic!("nobody interrupted it"),
        }
    }

    #[test]
    fn the_spectrum_of_a_run_is_told_with_its_progress_and_what_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let run = trained("polynomial-lorenz", &[], folder.path());
        let mut told = Told::default();
        let stop = Interrupt::default();
        let asked = Asked { time: Some(100.0), trajectories: Some(12), ..Asked::default() };
        let found = lyapunov_of_run(&run, asked, "cpu", &stop, &mut told).unwrap().unwrap();
        assert!(found.complete && !found.interrupted && found.run.is_some());
        let found = found.spectrum;
        assert_eq!(
            (found.trajectories, found.estimate.exponents.len(), found.convergence.len()),
            (12, 3, 16)
        );
        // Sprott, "Chaos and Time-Series Analysis" (2003), p. 431
        for (found, published) in found.estimate.exponents.iter().zip([0.9056, 0.0, -14.5723]) {
            assert!((found - published).abs() < 0.06, "{found}, not {published}");
        }
        assert!(told.parts.is_sorted() && told.parts.len() == 100 && told.parts[99] == 100);
        assert!(told.notes.is_empty(), "{:?}", told.notes);
        let scored = run.results().unwrap().scores.lyapunov.unwrap();
        assert!((scored.exponent.unwrap() - 0.9056).abs() < 5.0 * scored.standard_error.unwrap());

        for (asked, fault) in [
            (Asked { exponents: Some(4), ..asked }, "ask for 1 to 3"),
            (Asked { time: Some(0.001), ..asked }, "sample intervals of 0.01"),
            (Asked { transient: Some(-1.0), ..asked }, "a transient of -1"),
            (Asked { trajectories: Some(1), ..asked }, "needs 2 at least"),
        ] {
            let found = lyapunov_of_run(&run, asked, "cpu", &stop, &mut Told::default());
            assert!(matches!(&found, Err(RunError::Usage(message)) if message.contains(fault)), "{found:?}");
        }
    }
}
