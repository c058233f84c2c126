//! Lyapunov exponents of a system.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde::Serialize;
use serde_json::Value;
use sim::lyapunov::{Following, Spectrum, seconds, spectrum};

use crate::catalogue::data_of;
use crate::{Interrupt, Progress, RunError};

/// More components than that have their whole spectrum only where it is asked for by number.
const MANY: usize = 1000;

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

/// Lyapunov exponents, and what they are of.
#[derive(Clone, Debug, Serialize)]
pub struct Exponents {
    /// Name and parameters of the system.
    pub system: Value,
    /// Seed of the starts.
    pub seed: u64,
    /// Time units that were left out at the beginning of each trajectory.
    pub transient: f64,
    /// The exponents, from the largest, with their errors.
    #[serde(flatten)]
    pub spectrum: Spectrum,
    /// Whether these are the exponents of all directions.
    pub complete: bool,
    /// Whether it was interrupted, so that these are fewer trajectories than were asked for.
    pub interrupted: bool,
}

/// The spectrum of Lyapunov exponents of a system: one that is named, with its defaults, or that of an experiment file,
/// each with overrides of `seed`, `system` and `data.initial`. None where it was interrupted before two trajectories
/// were complete.
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
        if key != "seed" && key != "data.initial" && !key.starts_with("system.") {
            return Err(RunError::Usage(format!(
                "{pair} has no meaning here: exponents depend on seed, data.initial and the parameters of the system"
            )));
        }
    }
    let experiment = data_of(named, overrides)?;
    let system = experiment.build_system().map_err(RunError::Usage)?;
    experiment.check_simulation().map_err(RunError::Usage)?;
    let region = &experiment.data.initial;
    let (name, dim) = (system.name(), system.dim());

    let standard = Following::of(&*system, asked.exponents.unwrap_or(dim));
    let following = Following {
        trajectories: asked.trajectories.unwrap_or(standard.trajectories),
        time: asked.time.unwrap_or(standard.time),
        transient: asked.transient.unwrap_or(standard.transient),
        seed: experiment.seed,
        ..standard
    };
    let fault = |error: sim::SimulationError| match &error {
        sim::SimulationError::Invalid(_) => RunError::usage(error),
        _ => RunError::failed(format!("{name}: {error}")),
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
    progress.stage(&format!(
        "following {trajectories} trajectories of {name} with {exponents} tangent {} for {time} time units",
        if exponents == 1 { "vector" } else { "vectors" }
    ));
    let (shown, begin, progress) = (AtomicU64::new(0), Instant::now(), Mutex::new(progress));
    stop.listen(true);
    let found = spectrum(&*system, region, &following, &|part| {
        let percent = (100.0 * part) as u64;
        if shown.fetch_max(percent, Ordering::Relaxed) < percent
            && let Ok(mut progress) = progress.lock()
        {
            let left = begin.elapsed().as_secs_f64() / part * (1.0 - part);
            progress.part(percent, 100, "percent", left);
        }
        !stop.is_requested()
    });
    let interrupted = stop.is_requested();
    stop.listen(false);
    let found = found.map_err(fault)?;
    let exponents = |spectrum: Spectrum| Exponents {
        system: experiment.system.clone(),
        seed: experiment.seed,
        transient,
        complete: spectrum.estimate.exponents.len() == dim,
        spectrum,
        interrupted,
    };
    Ok(found.map(exponents))
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
