//! MATLAB's files before v7.3, as `save -v6`, `save -v7` and `scipy.io.savemat` write them.
//!
//! They are not read by the crate matfile, which silently skips what it does not know, rejects arrays of
//! int32, prints to standard output and inflates without a limit. The format is
//! "MAT-File Format" of MathWorks: after a header of 128 bytes comes one element for each variable,
//! deflated or not, and a variable is itself a sequence of elements.

mod element;
mod matrix;

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::bufread::ZlibDecoder;

use self::element::{COMPRESSED, Fault, MATRIX, Tag};
use self::matrix::Search;
use super::contents::{ArrayAbout, Arrays};
use super::error::ContainerError;
use super::paths;
use crate::arrays::Array;

/// Opens a MATLAB v5 file.
pub(super) fn open(path: &Path) -> Result<impl Arrays + use<>, ContainerError> {
    let io = |error| ContainerError::Io(path.to_owned(), error);
    let mut file = BufReader::new(File::open(path).map_err(io)?);
    let length = file.get_ref().metadata().map_err(io)?.len();
    let mut header = [0; 128];
    let damaged = |fault| match fault {
        Fault::Damaged(why) | Fault::TooLarge(why) => ContainerError::damaged(path, "MATLAB v5", why),
    };
    file.read_exact(&mut header).map_err(|error| damaged(error.into()))?;
    let big_endian = header.ends_with(b"MI");

    let mut variables = Vec::new();
    let mut list = Vec::new();
    let mut at = 128;
    while at < length {
        file.seek(SeekFrom::Start(at)).map_err(io)?;
        let tag = Tag::read(&mut file, big_endian).map_err(damaged)?;
        let end = at + 8 + u64::from(tag.bytes);
        if end > length {
            let why =
                format!("the variable at byte {at} should end at byte {end}, but the file ends at {length}");
            return Err(damaged(Fault::Damaged(why)));
        }
        let variable = Variable { at, big_endian };
        let mut search = Search { list: &mut list, wanted: None, big_endian };
        variable.search(&mut file, &mut search).map_err(damaged)?;
        variables.push((list.len(), variable));
        at = end;
    }
    Ok(Matlab5 { path: path.to_owned(), list, variables })
}

/// The position of a variable's element in the file.
#[derive(Clone, Copy)]
struct Variable {
    at: u64,
    big_endian: bool,
}

impl Variable {
    /// Goes through the arrays of the variable: itself, or the fields of a struct.
    fn search(self, file: &mut BufReader<File>, search: &mut Search<'_>) -> Result<Option<Array>, Fault> {
        file.seek(SeekFrom::Start(self.at))?;
        let tag = Tag::read(file, self.big_endian)?;
        let mut element = file.take(tag.bytes.into());
        match tag.kind {
            MATRIX => search.variable(&mut element),
            COMPRESSED => {
                let mut inflated = ZlibDecoder::new(element);
                let inner = Tag::read(&mut inflated, self.big_endian)?;
                if inner.kind != MATRIX {
                    return Err(Fault::Damaged(format!(
                        "a variable has type {} instead of {MATRIX}",
                        inner.kind
                    )));
                }
                let mut inside = inner.reader(&mut inflated);
                let array = search.variable(&mut inside)?;
                if array.is_some() {
                    // The checksum is only compared when the end is read.
                    io::copy(&mut inside, &mut io::sink())?;
                    drop(inside);
                    if inflated.read(&mut [0])? > 0 {
                        return Err(Fault::Damaged("there are bytes after the end of a variable".into()));
                    }
                }
                Ok(array)
            }
            kind => {
                Err(Fault::Damaged(format!("the element at byte {} has the unknown type {kind}", self.at)))
            }
        }
    }
}

struct Matlab5 {
    path: PathBuf,
    list: Vec<ArrayAbout>,
    // With each variable, the number of entries of the list up to its last one.
    variables: Vec<(usize, Variable)>,
}

impl Arrays for Matlab5 {
    fn kind(&self) -> &'static str {
        "MATLAB v5"
    }

    fn list(&self) -> Vec<ArrayAbout> {
        self.list.clone()
    }

    fn read(&self, name: &str) -> Result<Array, ContainerError> {
        let names = self.list.iter().map(|about| about.name.as_str());
        let Some(index) = paths::position(names.clone(), name) else {
            return Err(ContainerError::missing(&self.path, "array", name, names));
        };
        let about = &self.list[index];
        let array = |fault: String| ContainerError::array(&self.path, &about.name, fault);
        if !about.numbers {
            let what = &about.what;
            return Err(array(format!(
                "is of type {what} and not of real numbers: save it as an array of double"
            )));
        }
        let changed = || array("is no longer there, since the file has changed: open it again".into());
        let file = File::open(&self.path).map_err(|error| ContainerError::Io(self.path.clone(), error))?;
        let ended = self.variables.iter().find(|(end, _)| index < *end);
        let Some((_, variable)) = ended else {
            return Err(changed());
        };
        let wanted = Some(about.name.as_str());
        let big_endian = variable.big_endian;
        let mut search = Search { list: &mut Vec::new(), wanted, big_endian };
        let found = variable.search(&mut BufReader::new(file), &mut search);
        found.map_err(|fault| array(fault.in_array()))?.ok_or_else(changed)
    }
}
