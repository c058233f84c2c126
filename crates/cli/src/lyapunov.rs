//! `attractor lyapunov`: how fast small differences grow, in a system.

use std::process::ExitCode;

use clap::Args;
use runner::{Asked, RunError};

use crate::display::{Display, print};
use crate::{json, stop_on_interrupt};

#[derive(Args)]
pub(crate) struct LyapunovArguments {
    /// Name of a system, or path of an experiment file (.toml) for its system
    of: String,
    /// Settings of seed, system and data.initial, such as system.rho=35
    #[arg(value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// How many exponents, from the largest; by default all
    #[arg(short = 'k', long, value_name = "N")]
    exponents: Option<usize>,
    /// Trajectories, whose spread gives the standard error [default: 32]
    #[arg(long, value_name = "N")]
    trajectories: Option<usize>,
    /// Time units for which each is followed; by default what takes some seconds
    #[arg(long, value_name = "T")]
    time: Option<f64>,
    /// Time units before, in which it comes to the attractor
    #[arg(long, value_name = "T")]
    transient: Option<f64>,
    /// Print JSON, with all of the convergence
    #[arg(long)]
    json: bool,
}

/// Prints a spectrum.
pub(crate) fn lyapunov(arguments: &LyapunovArguments, display: &mut Display) -> Result<ExitCode, RunError> {
    let LyapunovArguments { of, overrides, exponents, trajectories, time, transient, .. } = arguments;
    let asked =
        Asked { exponents: *exponents, trajectories: *trajectories, time: *time, transient: *transient };
    let stop = stop_on_interrupt();
    let found = runner::lyapunov_of_system(of, overrides, asked, &stop, display)?;
    display.clear();
    let Some(found) = found else {
        display.finished("interrupted before two trajectories were complete");
        return Ok(ExitCode::from(130));
    };
    if arguments.json {
        print(&json(serde_json::to_string_pretty(&found))?);
    } else {
        print(&report::spectrum(&found.spectrum, found.complete));
    }
    if found.interrupted {
        display.finished("interrupted: these are of the trajectories that were complete");
        return Ok(ExitCode::from(130));
    }
    Ok(ExitCode::SUCCESS)
}
