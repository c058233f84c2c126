//! How a command ends: its results, and the exit code.

use std::path::Path;
use std::process::ExitCode;

use report::Results;
use runner::{Build, Outcome, RunError};

use crate::display::Display;
use crate::terminal::print;

/// Prints results, as a table or as they stand in `results.json`.
pub(crate) fn show(
    results: &Results,
    directory: &Path,
    as_json: bool,
    display: &mut Display,
) -> Result<(), RunError> {
    display.clear();
    if as_json {
        print(&json(serde_json::to_string_pretty(results))?);
    } else {
        print(&format!("{}\n{}\n", report::summary(results), directory.display()));
    }
    Ok(())
}

/// JSON with a line feed after it.
pub(crate) fn json(text: serde_json::Result<String>) -> Result<String, RunError> {
    text.map(|text| text + "\n").map_err(|error| RunError::Failed(error.to_string()))
}

/// Prints how a training ended.
pub(crate) fn finish(outcome: Outcome, display: &mut Display) -> Result<ExitCode, RunError> {
    match outcome {
        Outcome::Done(run, results) => {
            show(&results, run.directory(), false, display)?;
            Ok(ExitCode::SUCCESS)
        }
        Outcome::Interrupted(run, step) => {
            display.finished(&format!(
                "interrupted after step {step}, with the state saved; continue with `attractor resume {}`",
                run.directory().display()
            ));
            Ok(ExitCode::from(130))
        }
        Outcome::Stopped(run, step) => {
            display.finished(&format!(
                "stopped after step {step}; `attractor resume {}` starts again from the first step, because burn-train \
                 cannot continue a training bit for bit",
                run.directory().display()
            ));
            Ok(ExitCode::from(130))
        }
    }
}

/// What this program was built from, which is kept with every run.
pub(crate) fn build() -> Build {
    Build {
        version: env!("CARGO_PKG_VERSION").into(),
        git_revision: env!("ATTRACTOR_REVISION").into(),
        git_dirty: env!("ATTRACTOR_DIRTY") == "true",
    }
}
