//! What reading will take, before it begins.

use std::path::PathBuf;

use super::error::RecordingError;
use super::settings::Settings;
use super::source::Source;

/// What the files of a recording hold and take, estimated from their sizes and their first lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Bytes on disk.
    pub bytes: u64,
    /// Numbers that are kept of them.
    pub numbers: u64,
    /// Bytes of memory at the most: twice the numbers, as columns and as segments.
    pub memory: u64,
}

/// Estimates what [`super::read()`] takes, from the first lines of each file.
///
/// # Errors
///
/// When a file cannot be read, when its form cannot be told, or when it lacks a column that the settings name.
pub fn estimate(files: &[PathBuf], settings: &Settings) -> Result<Estimate, RecordingError> {
    estimate_of(files, settings, false)
}

pub(super) fn estimate_of(
    files: &[PathBuf],
    settings: &Settings,
    all: bool,
) -> Result<Estimate, RecordingError> {
    let mut total = Estimate::default();
    for file in files {
        let source = Source::open(file, settings, all)?;
        total.bytes += source.bytes();
        total.numbers = total.numbers.saturating_add(source.numbers());
    }
    total.memory = memory(total.numbers);
    Ok(total)
}

/// The memory that so many numbers take.
pub(super) fn memory(numbers: u64) -> u64 {
    numbers.saturating_mul(2 * size_of::<f64>() as u64)
}

/// Refuses what does not fit.
pub(super) fn check(numbers: u64, limit: Option<u64>, surely: &str) -> Result<(), RecordingError> {
    let needed = memory(numbers);
    match limit.filter(|limit| needed > *limit) {
        None => Ok(()),
        Some(limit) => Err(RecordingError(format!(
            "recording.files {surely} {numbers} numbers, which take {} of memory, and {} may be used: name fewer files, or \
             the columns that are needed in `states` and `inputs`",
            human(needed),
            human(limit),
        ))),
    }
}

/// Bytes in words.
pub(super) fn human(bytes: u64) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"];
    let step =
        (0..units.len() - 1).find(|&step| bytes < 1000u64.pow(step as u32 + 1)).unwrap_or(units.len() - 1);
    match step {
        0 => format!("{bytes} bytes"),
        _ => format!("{:.1} {}", bytes as f64 / 1000f64.powi(step as i32), units[step]),
    }
}
