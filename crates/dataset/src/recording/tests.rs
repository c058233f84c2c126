//! Files as people have them, read from disk.

mod hostile;
mod inspected;
mod kinds;
mod properties;
mod speed;
mod text;
mod times;

use std::path::PathBuf;

use tempfile::TempDir;

use super::*;

/// A folder with these files, and their paths.
fn written(files: &[(&str, &[u8])]) -> (TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let paths = files.iter().map(|(name, bytes)| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    });
    let paths = paths.collect();
    (folder, paths)
}

fn settings(text: &str) -> Settings {
    toml::from_str(text).unwrap()
}

/// What [`read()`] makes of these files; of an error, the sentence without the folder.
fn read_files(files: &[(&str, &[u8])], keys: &str, least: usize) -> Result<Recording, String> {
    let (folder, paths) = written(files);
    let mut reading = Reading { least, memory: None, progress: &mut |_, _| {} };
    let within = format!("{}/", folder.path().display());
    match read(&paths, &settings(keys), &mut reading) {
        Ok(mut recording) => {
            for text in
                recording.notes.iter_mut().chain(recording.segments.iter_mut().map(|part| &mut part.name))
            {
                *text = text.replace(&within, "");
            }
            Ok(recording)
        }
        Err(error) => Err(error.to_string().replace(&within, "")),
    }
}

/// What [`read()`] makes of one text file.
fn read_text(text: &str, keys: &str) -> Result<Recording, String> {
    read_files(&[("a.csv", text.as_bytes())], keys, 2)
}

/// The states of each segment.
fn states(recording: &Recording) -> Vec<Vec<f64>> {
    recording.segments.iter().map(|segment| segment.states.clone()).collect()
}

fn names(channels: &[Channel]) -> Vec<[&str; 2]> {
    channels.iter().map(|channel| [&channel.name[..], &channel.unit]).collect()
}

/// Asserts that a text cannot be read, and that the error has these words.
#[track_caller]
fn refuses(text: &str, keys: &str, words: &str) {
    let error = read_text(text, keys).unwrap_err();
    assert!(error.contains(words), "{error}");
}

/// Asserts that some note has these words.
#[track_caller]
fn notes(recording: &Recording, words: &str) {
    assert!(recording.notes.iter().any(|note| note.contains(words)), "{:#?}", recording.notes);
}
