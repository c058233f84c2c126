//! Lyapunov exponents of the map that a run has learned.

use std::time::Instant;

use forecast::lyapunov::{Following, follow, memory};
use sim::lyapunov::Spectrum;

use crate::data::prepare;
use crate::run::Run;
use crate::{Progress, RunError};

/// Trajectories that can be asked for.
const MOST_TRAJECTORIES: usize = 10_000;

/// Samples over which each can be followed.
const MOST_SAMPLES: f64 = 1e8;

/// The spectrum of Lyapunov exponents of the map of a trained model, per unit of time, from so many `trajectories` of its
/// own that begin at held-out starts. Forecasts that leave the attractor are left out, with a note.
///
/// A model carries more numbers than the system has components where it looks at several samples: without `exponents`
/// the largest are taken, as many as the system has components. Those whose directions the map takes to nothing are
/// left out, with a note. Without `time` each is followed so long that it takes some seconds.
///
/// The spectrum says in its `convergence` what was known on the way. There is nothing to save when it is interrupted.
///
/// # Errors
/// A number out of range; a model whose map is not differentiated; forecasts that do not stay on the attractor.
pub fn lyapunov_of_run(
    run: &Run,
    exponents: Option<usize>,
    time: Option<f64>,
    trajectories: usize,
    device: &str,
    progress: &mut dyn Progress,
) -> Result<Spectrum, RunError> {
    if !(2..=MOST_TRAJECTORIES).contains(&trajectories) {
        return Err(RunError::Usage(format!(
            "{trajectories} trajectories: a standard error needs 2 or more, and {MOST_TRAJECTORIES} are possible"
        )));
    }
    let mut experiment = run.experiment()?;
    let dt = experiment.data.dt;
    if let Some(time) = time
        && !(time >= dt && time <= MOST_SAMPLES * dt)
    {
        return Err(RunError::Usage(format!(
            "a time of {time} must lie between a sample interval, {dt}, and {:e}",
            MOST_SAMPLES * dt
        )));
    }
    let name = experiment.model["name"].as_str().unwrap_or_default().to_owned();
    let model = run.model(&experiment, device)?;
    // The attractor is known by all of the starts, however few are followed.
    experiment.evaluate.starts = experiment.evaluate.starts.max(trajectories);
    experiment.evaluate.long_run = 0.0;
    experiment.check().map_err(RunError::Usage)?;
    let prepared = prepare(&experiment, progress)?;
    let task = &prepared.task;
    let carried = memory(task, &*model).ok_or_else(|| {
        RunError::Usage(format!(
            "the map of model.name = \"{name}\" is not differentiated; those of networks, polynomial, nvar and reservoir are"
        ))
    })?;
    let components = prepared.system.dim();
    let exponents = exponents.unwrap_or(components.min(carried));
    if !(1..=carried).contains(&exponents) {
        return Err(RunError::Usage(format!(
            "{exponents} exponents of {name}, which carries {carried} numbers from sample to sample: ask for 1 to {carried}"
        )));
    }
    let samples = match time {
        Some(time) => (time / dt).round() as usize,
        None => (9e4 / (carried * exponents) as f64).clamp(1000.0, 10_000.0) as usize,
    };
    let lyapunov_times = task.lyapunov_exponent.map_or(0.0, |exponent| 5.0 / (exponent * dt));
    let transient = lyapunov_times.clamp(500.0, 10_000.0) as usize;
    progress.stage(&format!(
        "following {trajectories} forecasts of {name} for {} time units",
        samples as f64 * dt
    ));
    let following = Following { exponents, starts: trajectories, transient, samples };
    let known = |step: usize, known: &mut [f64]| prepared.known(step, known);
    let failed = |why: &str| RunError::Failed(format!("{name} has no Lyapunov exponent here: {why}"));
    let begin = Instant::now();
    let mut shown = 0;
    let mut report = |part: f64| {
        let percent = (100.0 * part) as u64;
        if percent > shown {
            shown = percent;
            progress.part(percent, 100, "percent", begin.elapsed().as_secs_f64() * (1.0 / part - 1.0));
        }
        true
    };
    let followed = follow(task, &*model, following, &known, &mut report)
        .ok_or_else(|| failed("its map is not differentiated"))?;
    if followed.left > 0 {
        progress.note(&format!(
            "{} of {trajectories} forecasts leave the attractor, and are left out",
            followed.left
        ));
    }
    if followed.left + 1 >= trajectories {
        return Err(failed("fewer than two of its forecasts stay on the attractor"));
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
    Ok(spectrum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Build, Interrupt, Outcome, Step, load, train};

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
        let path = format!("{}/../../experiments/{experiment}.toml", env!("CARGO_MANIFEST_DIR"));
        let few = ["data.trajectories=20", "evaluate.starts=10", "evaluate.long_run=0"];
        let overrides: Vec<String> = few.iter().chain(overrides).map(|&pair| pair.to_owned()).collect();
        let (name, experiment) = load(&path, &overrides).unwrap();
        let build = Build { version: "0".into(), git_revision: String::new(), git_dirty: false };
        let stop = Interrupt::default();
        match train(&name, &experiment, "cpu", runs, &build, &stop, &mut Told::default()).unwrap() {
            Outcome::Done(run, _) => run,
            Outcome::Interrupted(..) => panic!("nobody interrupted it"),
        }
    }

    #[test]
    fn the_spectrum_of_a_run_is_told_with_its_progress_and_what_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let run = trained("polynomial-lorenz", &[], folder.path());
        let mut told = Told::default();
        let found = lyapunov_of_run(&run, None, Some(100.0), 12, "cpu", &mut told).unwrap();
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

        for (exponents, time, trajectories, fault) in [
            (Some(4), None, 12, "ask for 1 to 3"),
            (None, Some(0.001), 12, "a sample interval, 0.01"),
            (None, None, 1, "needs 2 or more"),
        ] {
            let asked = lyapunov_of_run(&run, exponents, time, trajectories, "cpu", &mut Told::default());
            assert!(matches!(&asked, Err(RunError::Usage(message)) if message.contains(fault)), "{asked:?}");
        }
    }
}
