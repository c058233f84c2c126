//! Reading a recording from its files.

use std::path::PathBuf;

use super::arrange;
use super::error::RecordingError;
use super::estimate;
use super::segments::Recording;
use super::settings::Settings;
use super::source::Source;
use super::table::Table;

/// Limits on what is read, and a callback for the progress.
pub struct Reading<'a> {
    /// The fewest samples of a segment; shorter ones are left out and counted.
    pub least: usize,
    /// The most bytes of memory; `None` for no limit.
    pub memory: Option<u64>,
    /// Called repeatedly with the number of bytes of text read so far and the size of all files in bytes. Compressed
    /// files give more bytes of text than they have on disk.
    pub progress: &'a mut dyn FnMut(u64, u64),
}

/// Reads the segments of a recording from its files, as [`super::find`] returns them.
///
/// # Errors
///
/// If a setting is wrong, if a file cannot be read or is damaged, if the files do not fit in the allowed memory
/// (estimated from their sizes before reading), or if they hold something that the settings make an error.
pub fn read(
    files: &[PathBuf],
    settings: &Settings,
    reading: &mut Reading<'_>,
) -> Result<Recording, RecordingError> {
    let tables = load(files, settings, false, reading)?;
    Ok(arrange::arrange(tables, settings, reading.least)?.recording)
}

/// Reads the tables of all files; if `all` is set, all columns, whatever the settings name.
pub(super) fn load(
    files: &[PathBuf],
    settings: &Settings,
    all: bool,
    reading: &mut Reading<'_>,
) -> Result<Vec<Table>, RecordingError> {
    settings.check()?;
    let expected = estimate::estimate_of(files, settings, all)?;
    estimate::check(expected.numbers, reading.memory, "hold about")?;
    let (mut bytes_before, mut numbers_before) = (0, 0);
    let mut tables = Vec::with_capacity(files.len());
    for file in files {
        let source = Source::open(file, settings, all)?;
        let [mut bytes, mut numbers] = [0; 2];
        let memory = reading.memory;
        let progress = &mut *reading.progress;
        let mut watch = |bytes_of_file: u64, numbers_of_file: usize| {
            bytes = bytes_of_file;
            numbers = numbers_of_file as u64;
            progress(bytes_before + bytes, expected.bytes);
            estimate::check(numbers_before + numbers, memory, "hold more than")
        };
        let mut read = source.read(&mut watch)?;
        if let Some([first, end]) = settings.rows {
            read.iter_mut().try_for_each(|table| table.keep(first..end))?;
        }
        tables.extend(read);
        bytes_before += bytes;
        numbers_before += numbers;
    }
    Ok(tables)
}

/// The separator and the decimal sign of the first file.
pub(super) fn dialect(files: &[PathBuf], settings: &Settings) -> Result<Option<[String; 2]>, RecordingError> {
    let Some(first) = files.first() else { return Ok(None) };
    let dialect = Source::open(first, settings, true)?.dialect();
    Ok(dialect.map(|dialect| [dialect.separator_key().to_owned(), char::from(dialect.decimal).to_string()]))
}
