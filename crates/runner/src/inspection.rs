//! What the files of a recording hold, before an experiment has been written.

use std::path::Path;
use std::sync::Arc;

use dataset::recording::{Reading, Recording, experiment_text, find, inspect as look};
use toml::{Table, Value};

use crate::experiment::MAX_NUMBERS;
use crate::recording::{read_once, settings_of_files, telling};
use crate::resolve::set;
use crate::{Progress, RunError};

/// The settings of these files, with `recording.key=value` overrides.
fn section(files: &[String], overrides: &[String]) -> Result<serde_json::Value, RunError> {
    if files.is_empty() {
        return Err(RunError::Usage(
            "name at least one file, or a pattern in quotes such as \"runs/*.csv\"".into(),
        ));
    }
    if let Some(other) = overrides.iter().find(|pair| !pair.starts_with("recording.")) {
        return Err(RunError::Usage(format!(
            "{other} is not a setting of a recording; use keys such as recording.inputs=pump"
        )));
    }
    let files: Vec<Value> = files.iter().map(|file| Value::String(file.clone())).collect();
    let named = Table::from_iter([("files".to_owned(), Value::Array(files))]);
    let mut table = Table::from_iter([("recording".to_owned(), Value::Table(named))]);
    set(&mut table, overrides).map_err(RunError::Usage)?;
    serde_json::to_value(&table["recording"]).map_err(RunError::usage)
}

/// Says what the files of a recording hold, in text of at most 80 columns, and gives the text of an experiment file that
/// learns from them.
///
/// # Errors
/// If a file cannot be read, or a setting is invalid.
pub fn inspect(
    files: &[String],
    overrides: &[String],
    progress: &mut dyn Progress,
) -> Result<(String, String), RunError> {
    let settings = settings_of_files(&section(files, overrides)?).map_err(RunError::Usage)?;
    let found = find(&settings.files, Path::new("")).map_err(RunError::usage)?;
    progress.stage(&format!("reading {}", files.join(", ")));
    let mut tell = telling(progress);
    let mut reading = Reading { least: 2, memory: Some(16 * MAX_NUMBERS), progress: &mut tell };
    let inspection = look(&found, &settings, &mut reading).map_err(RunError::usage)?;
    Ok((inspection.to_string(), experiment_text(&inspection, &settings)))
}

/// Reads the files of a recording, with `recording.key=value` overrides.
///
/// # Errors
/// As [`inspect`].
pub fn read_recording(
    files: &[String],
    overrides: &[String],
    progress: &mut dyn Progress,
) -> Result<Arc<Recording>, RunError> {
    let settings = settings_of_files(&section(files, overrides)?).map_err(RunError::Usage)?;
    progress.stage(&format!("reading {}", files.join(", ")));
    let recording = read_once(&settings, progress).map_err(RunError::Usage)?;
    recording.notes.iter().for_each(|note| progress.note(note));
    Ok(recording)
}
