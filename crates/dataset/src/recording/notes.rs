//! Notes on what was done with the files.

/// Notes, each with the file it is about. The same note about several files becomes one note.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes(Vec<(String, String, usize)>);

impl Notes {
    pub(super) fn add(&mut self, file: &str, text: impl Into<String>) {
        let text = text.into();
        match self.0.iter_mut().find(|(_, present, _)| *present == text) {
            Some((first, _, files)) => *files += usize::from(first != file),
            None => self.0.push((file.to_owned(), text, 1)),
        }
    }

    pub(super) fn append(&mut self, other: Notes) {
        for (file, text, files) in other.0 {
            match self.0.iter_mut().find(|(_, present, _)| *present == text) {
                Some((first, _, count)) => *count += files - usize::from(*first == file),
                None => self.0.push((file, text, files)),
            }
        }
    }

    /// One sentence for each note.
    pub(super) fn sentences(&self) -> Vec<String> {
        let sentence = |(file, text, files): &(String, String, usize)| match files {
            1 if file.is_empty() => text.clone(),
            1 => format!("{file}: {text}"),
            2 => format!("{file} and 1 other file: {text}"),
            _ => format!("{file} and {} other files: {text}", files - 1),
        };
        self.0.iter().map(sentence).collect()
    }
}

/// "1 row", "2 rows".
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
