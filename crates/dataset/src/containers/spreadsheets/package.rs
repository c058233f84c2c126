//! The zip archive that a spreadsheet file is, and the XML parts in it.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use zip::ZipArchive;

use super::super::error::ContainerError;
use super::xml::Xml;

// A part takes little memory while it is read, but a small file can inflate to a thousand times its size.
const MAX_PART: u64 = 1 << 30;

/// An open archive.
pub(super) struct Package {
    archive: ZipArchive<BufReader<File>>,
}

impl Package {
    /// Opens the archive.
    pub fn open(path: &Path, kind: &str) -> Result<Self, ContainerError> {
        let file = File::open(path).map_err(|error| ContainerError::Io(path.to_owned(), error))?;
        let archive = ZipArchive::new(BufReader::new(file));
        archive.map(|archive| Self { archive }).map_err(|error| ContainerError::damaged(path, kind, error))
    }

    /// Whether there is a part of that name. Some programs write names in another case.
    pub fn has(&self, name: &str) -> bool {
        self.index(name).is_some()
    }

    /// Opens the part of that name for reading.
    pub fn part(&mut self, name: &str) -> Result<Xml<impl io::BufRead>, String> {
        let index = self.index(name).ok_or_else(|| format!("it has no part {name}"))?;
        let part = self.archive.by_index(index).map_err(|error| format!("part {name}: {error}"))?;
        Ok(Xml::new(name, BufReader::new(Limited { part, left: MAX_PART })))
    }

    fn index(&self, name: &str) -> Option<usize> {
        let same = |index: &usize| {
            let there = self.archive.name_for_index(*index).and_then(Result::ok);
            there.is_some_and(|there| there.eq_ignore_ascii_case(name))
        };
        self.archive.index_for_name(name).or_else(|| (0..self.archive.len()).find(same))
    }
}

/// A reader of a part that returns an error if the part is larger than allowed.
struct Limited<R> {
    part: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.part.read(buffer)?;
        self.left =
            self.left.checked_sub(bytes as u64).ok_or_else(|| io::Error::other("it is larger than 1 GiB"))?;
        Ok(bytes)
    }
}
