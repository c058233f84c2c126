//! How a command ends: its results, and the exit code.

use std::path::Path;
use std::process::ExitCode;

use report::{Results, is_hidden};
use runner::{Build, Outcome, RunError};

use crate::display::Display;
use crate::terminal::{self, print};

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
        let table = report::summary(results, terminal::width());
        print(&format!("{table}\n{}\n", directory.display()));
    }
    Ok(())
}

/// JSON followed by a line feed. Hidden characters are JSON escapes, such as `\u202e`.
pub(crate) fn json(text: serde_json::Result<String>) -> Result<String, RunError> {
    let text = text.map_err(|error| RunError::Failed(error.to_string()))?;
    let escaped = |c: char| -> String {
        // Outside of strings, the only hidden character is the line feed.
        if c == '\n' || !is_hidden(c) {
            return c.into();
        }
        c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
    };
    Ok(text.chars().map(escaped).collect::<String>() + "\n")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::unwrap_used)]
    fn json_shows_hidden_characters_and_says_the_same() {
        let value = serde_json::json!({"a\u{202e}b": "c\n\u{1b}\u{e0041}\u{7f}\"\\ é 漢 🌀"});
        let text = json(serde_json::to_string_pretty(&value)).unwrap();
        assert_eq!(report::visible_lines(&text), text);
        assert!(text.contains("a\\u202eb") && text.contains("\\udb40\\udc41\\u007f"), "{text}");
        assert!(text.ends_with("}\n") && text.contains("é 漢 🌀"), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
