//! How much memory reading will take, estimated before it begins.

use std::path::PathBuf;

use super::error::RecordingError;
use super::settings::Settings;
use super::source::Source;

/// The size of a recording and the memory it takes, estimated from the sizes of its files and their first lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Bytes on disk.
    pub bytes: u64,
    /// How many numbers are kept in memory.
    pub numbers: u64,
    /// The largest memory in bytes: each number is held twice, in a column and in a segment.
    pub memory: u64,
}

/// Estimates what [`super::read()`] needs, from the first lines of each file.
///
/// # Errors
///
/// If a file cannot be read, if its form cannot be found, or if it lacks a column that the settings name.
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

/// The memory that this many numbers take, in bytes.
pub(super) fn memory(numbers: u64) -> u64 {
    numbers.saturating_mul(2 * size_of::<f64>() as u64)
}

/// Returns an error if the numbers do not fit in the allowed memory.
pub(super) fn check(numbers: u64, limit: Option<u64>, surely: &str) -> Result<(), RecordingError> {
    let needed = memory(numbers);
    match limit.filter(|limit| needed > *limit) {
        None => Ok(()),
        Some(limit) => Err(RecordingError(format!(
            "recording.files {surely} {numbers} numbers, which take {} of memory, and {} may be used: name fewer \
             files, or name the columns you need in `states` and `inputs`",
            human(needed),
            human(limit),
        ))),
    }
}

/// A number of bytes with its unit, such as `1.5 MB`.
pub(super) fn human(bytes: u64) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"];
    let step =
        (0..units.len() - 1).find(|&step| bytes < 1000u64.pow(step as u32 + 1)).unwrap_or(units.len() - 1);
    match step {
        0 => format!("{bytes} bytes"),
        _ => format!("{:.1} {}", bytes as f64 / 1000f64.powi(step as i32), units[step]),
    }
}
