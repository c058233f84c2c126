//! The error of recordings, and the words for a place in a file.

use std::path::Path;

/// Why a recording could not be read: one sentence that says what is wrong, where, and what would be right.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct RecordingError(pub String);

/// A file, and what its rows are called there.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The path as the user gave it, followed by the part of the file (such as a sheet) if it has several.
    pub(super) file: String,
    /// "line" in text, "row" elsewhere.
    pub(super) row: &'static str,
}

impl Place {
    pub(super) fn text(path: &Path) -> Self {
        Place { file: path.display().to_string(), row: "line" }
    }

    /// An error in this row of the file, counted from 1.
    pub(super) fn error(&self, line: u64, what: impl std::fmt::Display) -> RecordingError {
        RecordingError(format!("{}, {} {line}: {what}", self.file, self.row))
    }

    /// An error in the file as a whole.
    pub(super) fn whole(&self, what: impl std::fmt::Display) -> RecordingError {
        RecordingError(format!("{}: {what}", self.file))
    }
}

/// Text from a file, made safe for a sentence: quoted, escaped and shortened.
pub(super) fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push_str("...");
    }
    format!("{short:?}")
}
