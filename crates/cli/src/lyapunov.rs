//! `attractor lyapunov`: how fast small differences grow, in a system or in what was learned of it.

use std::path::Path;
use std::process::ExitCode;

use autodiff::unknown;
use clap::Args;
use runner::{
    Asked, Embedding, Needs, Run, RunError, SYSTEMS, lyapunov_of_recording, lyapunov_of_run,
    lyapunov_of_system, names_system,
};

use crate::display::Display;
use crate::interrupts::stop_on_interrupt;
use crate::options::{OnDevice, RunsFolder, at_least};
use crate::outcome::json;
use crate::terminal::{self, print};

#[derive(Args)]
pub(crate) struct LyapunovArguments {
    /// Name of a system; path of an experiment file (.toml), for its system; a run directory, or name of an experiment
    /// for its newest run; or a file of a recording, or a pattern in quotes such as "runs/*.csv"
    of: String,
    /// Settings of a system: seed, system and data.initial, such as system.rho=35; or of a recording, such as
    /// recording.states=x
    #[arg(value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// How many exponents, from the largest; by default as many as the system has components
    #[arg(short = 'k', long, value_name = "N", value_parser = at_least::<1>, allow_negative_numbers = true)]
    exponents: Option<usize>,
    /// Trajectories, whose spread gives the standard error [default: 32, of a run 20]
    #[arg(long, value_name = "N", value_parser = at_least::<2>, allow_negative_numbers = true)]
    trajectories: Option<usize>,
    /// Time units for which each is followed; by default what takes some seconds
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    time: Option<f64>,
    /// Time units before, in which it comes to the attractor
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    transient: Option<f64>,
    /// For a recording: number of samples between two components of a delay vector [default: the first lag with an
    /// autocorrelation below 1 - 1/e]
    #[arg(long, value_name = "N", value_parser = at_least::<1>, allow_negative_numbers = true)]
    delay: Option<usize>,
    /// For a recording: number of components of a delay vector [default: the smallest with fewer than 1% of false
    /// neighbours]
    #[arg(long, value_name = "N", value_parser = at_least::<1>, allow_negative_numbers = true)]
    dimension: Option<usize>,
    /// For a recording: smallest distance in time between neighbours, in samples (Theiler window) [default: the mean
    /// period]
    #[arg(long, value_name = "N", value_parser = at_least::<1>, allow_negative_numbers = true)]
    separation: Option<usize>,
    /// Print JSON, with all of the convergence
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    device: OnDevice,
    #[command(flatten)]
    runs: RunsFolder,
}

/// Whether this names the files of a recording: neither a system nor a run, nor the file of an experiment.
fn names_recording(of: &str) -> bool {
    let path = Path::new(of);
    let is_experiment = path.extension().is_some_and(|ending| ending == "toml");
    !names_system(of) && !is_experiment && (path.is_file() || of.contains(['*', '?']))
}

/// Prints the largest exponents of the quantities of a recording.
fn of_recording(arguments: &LyapunovArguments, display: &mut Display) -> Result<ExitCode, RunError> {
    let LyapunovArguments { of, overrides, exponents, trajectories, time, transient, device, .. } = arguments;
    let others = [
        ("--exponents", exponents.is_some()),
        ("--trajectories", trajectories.is_some()),
        ("--time", time.is_some()),
        ("--transient", transient.is_some()),
        ("--device", device.device != "cpu"),
    ];
    if let Some((option, _)) = others.into_iter().find(|(_, given)| *given) {
        return Err(RunError::Usage(format!(
            "{option} does not apply to a recording; use --delay, --dimension or --separation, or leave it out"
        )));
    }
    let LyapunovArguments { delay, dimension, separation, .. } = *arguments;
    let asked = Embedding { delay, dimension, separation };
    let found = lyapunov_of_recording(std::slice::from_ref(of), overrides, asked, display)?;
    display.clear();
    if arguments.json {
        print(&json(serde_json::to_string_pretty(&found))?);
        return Ok(ExitCode::SUCCESS);
    }
    let all: Vec<_> = found.quantities.iter().map(|of| (of.name.as_str(), &of.estimate)).collect();
    let best = found.best().and_then(|best| all.iter().position(|(name, _)| *name == best.name));
    print(&report::recorded_exponents(&all, found.dt, best, terminal::width()));
    Ok(ExitCode::SUCCESS)
}

/// Prints a spectrum.
pub(crate) fn lyapunov(arguments: &LyapunovArguments, display: &mut Display) -> Result<ExitCode, RunError> {
    if names_recording(&arguments.of) {
        return of_recording(arguments, display);
    }
    let embedding = [
        ("--delay", arguments.delay),
        ("--dimension", arguments.dimension),
        ("--separation", arguments.separation),
    ];
    if let Some((option, _)) = embedding.into_iter().find(|(_, given)| given.is_some()) {
        return Err(RunError::Usage(format!(
            "{option} is only for recordings, and {} is not a file of a recording; leave {option} out",
            arguments.of
        )));
    }
    let LyapunovArguments { of, overrides, exponents, trajectories, time, transient, device, runs, .. } =
        arguments;
    let asked =
        Asked { exponents: *exponents, trajectories: *trajectories, time: *time, transient: *transient };
    let stop = stop_on_interrupt();
    let found = if names_system(of) {
        if device.device != "cpu" {
            return Err(RunError::Usage(format!(
                "--device {} has no meaning here: the exponents of a system are computed on the CPU",
                device.device
            )));
        }
        lyapunov_of_system(of, overrides, asked, &stop, display)?
    } else {
        if let Some(pair) = overrides.first() {
            return Err(RunError::Usage(format!(
                "{pair} has no meaning here: {of} is no system (see `attractor list systems`), and a run is taken as it was \
                 trained"
            )));
        }
        let known = runner::experiments().iter().any(|(name, _)| name == of) || Path::new(of).exists();
        let run = Run::open(of, &runs.runs, Needs::Model).map_err(|error| {
            if known {
                return error;
            }
            let what = format!(
                "{of} is no file, no run directory and no experiment with a run under {}, and system \"{of}\"",
                runs.runs.display()
            );
            RunError::Usage(unknown(&what, of, SYSTEMS.iter().map(|entry| entry.name)))
        })?;
        lyapunov_of_run(&run, asked, &device.device, &stop, display)?
    };
    display.clear();
    let Some(found) = found else {
        display.finished("interrupted before anything was known");
        return Ok(ExitCode::from(130));
    };
    if arguments.json {
        print(&json(serde_json::to_string_pretty(&found))?);
    } else {
        print(&report::spectrum(&found.spectrum, found.complete));
    }
    if found.interrupted {
        display.finished("interrupted: these are of what was known by then");
        return Ok(ExitCode::from(130));
    }
    Ok(ExitCode::SUCCESS)
}
