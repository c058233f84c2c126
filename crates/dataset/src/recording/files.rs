//! The files that a recording names.

use std::path::{Path, PathBuf};

use super::error::RecordingError;

/// The files that these paths and patterns name, relative to a folder. The files of a pattern are sorted by name, and
/// no file appears twice.
///
/// # Errors
///
/// If there is no path, if a path or a pattern names no file, or if a pattern is malformed.
pub fn find(patterns: &[String], folder: &Path) -> Result<Vec<PathBuf>, RecordingError> {
    if patterns.is_empty() {
        return Err(RecordingError(
            "recording.files is empty: name a file, a pattern such as \"tanks/*.csv\", or a list of them"
                .into(),
        ));
    }
    let mut files: Vec<PathBuf> = Vec::new();
    for pattern in patterns {
        let path = folder.join(pattern);
        // A file may be called "a[1].csv".
        let found = if path.exists() { vec![path] } else { matches(pattern, &path)? };
        files.extend(found.into_iter().filter(|path| !path.is_dir()));
        if files.is_empty() {
            let what = format!(
                "{pattern:?} in recording.files is a folder: name its files, for example \"{pattern}/*.csv\""
            );
            return Err(RecordingError(what));
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    files.retain(|path| seen.insert(path.clone()));
    Ok(files)
}

fn matches(pattern: &str, path: &Path) -> Result<Vec<PathBuf>, RecordingError> {
    let wrong = |what: String| RecordingError(format!("{pattern:?} in recording.files {what}"));
    let text = path.to_str().ok_or_else(|| wrong("is not in UTF-8".into()))?;
    let paths = glob::glob(text).map_err(|error| wrong(format!("is no pattern: {error}")))?;
    let mut files =
        paths.collect::<Result<Vec<_>, _>>().map_err(|error| wrong(format!("cannot be read: {error}")))?;
    if files.is_empty() {
        let what = match text.contains(['*', '?', '[']) {
            true => format!("matches no file in {}", path.parent().unwrap_or(Path::new(".")).display()),
            false => format!("does not exist: there is no file {text}"),
        };
        return Err(wrong(what));
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_and_paths_are_found_once_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.csv", "a.csv", "c.txt", "a[1].csv"] {
            std::fs::write(folder.path().join(name), "1\n").unwrap();
        }
        let names = |patterns: &[&str]| -> Result<Vec<String>, String> {
            let patterns: Vec<String> = patterns.iter().map(|&pattern| pattern.into()).collect();
            let files = find(&patterns, folder.path()).map_err(|error| error.to_string())?;
            Ok(files.iter().map(|file| file.file_name().unwrap().to_str().unwrap().to_owned()).collect())
        };
        assert_eq!(names(&["*.csv"]).unwrap(), ["a.csv", "a[1].csv", "b.csv"]);
        assert_eq!(
            names(&["c.txt", "b.csv", "?.csv", "a[1].csv"]).unwrap(),
            ["c.txt", "b.csv", "a.csv", "a[1].csv"]
        );
        let says = |patterns: &[&str], what: &str| {
            let error = names(patterns).unwrap_err();
            assert!(error.contains(what), "{error}");
        };
        says(&[], "recording.files is empty");
        says(&["d*.csv"], "\"d*.csv\" in recording.files matches no file in");
        says(&["d.csv"], "\"d.csv\" in recording.files does not exist");
        says(&["a***b"], "is no pattern");
        says(&[""], "is a folder");
    }
}
