//! MATLAB's files before v7.3, as `save -v6`, `save -v7` and `scipy.io.savemat` write them.
//!
//! They are read here and not by the crate matfile, which passes over what it does not know in silence,
//! refuses every int32 array, prints to standard output and inflates without a limit. The format is
//! "MAT-File Format" of MathWorks: after a header of 128 bytes comes one element for each variable,
//! deflated or not, and a variable is itself a sequence of elements.

mod element;
mod matrix;

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::bufread::ZlibDecoder;

use self::element::{COMPRESSED, MATRIX, Tag, ended};
use self::matrix::Search;
use super::contents::{ArrayAbout, Arrays};
use super::error::ContainerError;
use super::paths;
use crate::arrays::Array;
use crate::arrays::npy::Fault;

/// Opens a MATLAB v5 file.
pub(super) fn open(path: &Path) -> Result<impl Arrays + use<>, ContainerError> {
    let io = |error| ContainerError::Io(path.to_owned(), error);
    let mut file = BufReader::new(File::open(path).map_err(io)?);
    let length = file.get_ref().metadata().map_err(io)?.len();
    let mut header = [0; 128];
    let damaged = |Fault(why)| ContainerError::damaged(path, "MATLAB v5", why);
    file.read_exact(&mut header).map_err(|error| damaged(ended(error)))?;
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
            return Err(damaged(Fault(why)));
        }
        let variable = Variable { at, big_endian };
        let mut search = Search { list: &mut list, wanted: None, big_endian };
        variable.search(&mut file, &mut search).map_err(damaged)?;
        variables.push((list.len(), variable));
        at = end;
    }
    Ok(Matlab5 { path: path.to_owned(), list, variables })
}

/// Where a variable's element starts in the file.
#[derive(Clone, Copy)]
struct Variable {
    at: u64,
    big_endian: bool,
}

impl Variable {
    /// Goes through the arrays of the variable: itself, or the fields of a struct.
    fn search(self, file: &mut BufReader<File>, search: &mut Search<'_>) -> Result<Option<Array>, Fault> {
        file.seek(SeekFrom::Start(self.at)).map_err(ended)?;
        let tag = Tag::read(file, self.big_endian)?;
        let mut element = file.take(tag.bytes.into());
        match tag.kind {
            MATRIX => search.variable(&mut element),
            COMPRESSED => {
                let mut inflated = ZlibDecoder::new(element);
                let inner = Tag::read(&mut inflated, self.big_endian)?;
                if inner.kind != MATRIX {
                    return Err(Fault(format!("a variable has type {} instead of {MATRIX}", inner.kind)));
                }
                let array = search.variable(&mut inner.reader(&mut inflated))?;
                // The checksum is only compared when the end is read.
                if array.is_some() && inflated.read(&mut [0]).map_err(ended)? > 0 {
                    return Err(Fault("there are bytes behind the end of a variable".into()));
                }
                Ok(array)
            }
            kind => Err(Fault(format!("the element at byte {} has the unknown type {kind}", self.at))),
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
        let fault = |Fault(fault)| ContainerError::array(&self.path, &about.name, fault);
        if !about.numbers {
            let what =
                format!("is of type {} and not of real numbers: save it as an array of double", about.what);
            return Err(fault(Fault(what)));
        }
        let damaged = |Fault(why)| fault(Fault(format!("is damaged ({why}): save it again")));
        let file = File::open(&self.path).map_err(|error| ContainerError::Io(self.path.clone(), error))?;
        let ended = self.variables.iter().find(|(end, _)| index < *end);
        let Some((_, variable)) = ended else {
            return Err(damaged(Fault("it is no longer there".into())));
        };
        let wanted = Some(about.name.as_str());
        let big_endian = variable.big_endian;
        let mut search = Search { list: &mut Vec::new(), wanted, big_endian };
        let array = variable.search(&mut BufReader::new(file), &mut search).map_err(damaged)?;
        array.ok_or_else(|| damaged(Fault("the file has changed since it was opened".into())))
    }
}
