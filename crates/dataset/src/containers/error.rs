//! Why a file cannot be read, in one sentence that also says what to do.

use std::io;
use std::path::{Path, PathBuf};

use crate::arrays::ArrayFileError;

/// Why a file of arrays or sheets, or one of its entries, cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContainerError {
    /// The operating system could not open or read the file.
    #[error("cannot read {0}: {1}")]
    Io(PathBuf, io::Error),
    /// The whole file cannot be read. The string continues the sentence and says what to do.
    #[error("{0} {1}")]
    File(PathBuf, String),
    /// The file is intact but has no array of real numbers. The string lists what it holds.
    #[error("{0} has no array of real numbers; it holds {1}: save the numbers as arrays of their own")]
    NoNumbers(PathBuf, String),
    /// The file has no entry of that name. The last string names the nearest and those that exist.
    #[error("{0} has no {1} named {2:?}{3}")]
    Missing(PathBuf, &'static str, String, String),
    /// One entry cannot be read. The last string continues the sentence and says what to do.
    #[error("{1} {2:?} in {0} {3}")]
    Entry(PathBuf, &'static str, String, String),
    /// A numpy array cannot be read.
    #[error(transparent)]
    Numpy(#[from] ArrayFileError),
}

impl ContainerError {
    /// The file as a whole cannot be read; `fault` continues a sentence that starts with its path.
    pub(crate) fn file(path: &Path, fault: impl Into<String>) -> Self {
        Self::File(path.to_owned(), fault.into())
    }

    /// The file is damaged or incomplete; `why` says what was found.
    pub(crate) fn damaged(path: &Path, kind: &str, why: impl std::fmt::Display) -> Self {
        Self::file(path, format!("is a damaged or incomplete {kind} file ({why}): copy or write it again"))
    }

    /// The array exists but cannot be read; `fault` continues a sentence that starts with its name.
    pub(crate) fn array(path: &Path, name: &str, fault: impl Into<String>) -> Self {
        Self::Entry(path.to_owned(), "array", name.into(), fault.into())
    }

    /// The sheet exists but cannot be read; `fault` continues a sentence that starts with its name.
    pub(crate) fn sheet(path: &Path, name: &str, fault: impl Into<String>) -> Self {
        Self::Entry(path.to_owned(), "sheet", name.into(), fault.into())
    }

    /// There is no entry of this name. The sentence suggests the most similar name and lists up to twenty
    /// existing ones.
    pub(crate) fn missing<'a>(
        path: &Path,
        what: &'static str,
        asked: &str,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let names: Vec<&str> = names.into_iter().collect();
        let asked: String = asked.chars().take(80).collect();
        let nearness = |name: &&&str| strsim::normalized_damerau_levenshtein(&asked, clipped(name));
        let nearest = names.iter().max_by(|a, b| nearness(a).total_cmp(&nearness(b)));
        let hint = match nearest.filter(|name| nearness(name) >= 0.5) {
            Some(name) => format!("; did you mean {:?}?", clipped(name)),
            None => ".".into(),
        };
        let listed = match names.len() {
            0 => "; it has none".into(),
            _ => format!("{hint} It has {}", listed(&names)),
        };
        Self::Missing(path.to_owned(), what, asked, listed)
    }
}

/// At most twenty of the names, quoted and escaped, since the file may come from anybody.
pub(crate) fn listed(names: &[&str]) -> String {
    let shown: Vec<_> = names.iter().take(20).map(|name| format!("{:?}", clipped(name))).collect();
    match names.len() {
        0..=20 => shown.join(", "),
        all => format!("{} and {} more", shown.join(", "), all - 20),
    }
}

/// The beginning of a name, which may be long.
fn clipped(name: &str) -> &str {
    name.char_indices().nth(80).map_or(name, |(end, _)| &name[..end])
}

/// At most twenty names of parts, escaped, since the file may come from anybody.
pub(crate) fn fields<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let shown: Vec<_> =
        names.into_iter().take(21).map(|name| clipped(name).escape_debug().to_string()).collect();
    match shown.get(20) {
        Some(_) => format!("{} and more", shown[..20].join(", ")),
        None => shown.join(", "),
    }
}
