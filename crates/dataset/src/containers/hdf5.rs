//! HDF5 files, and those of MATLAB v7.3, which are HDF5 too.
//!
//! MATLAB stores a matrix with its first axis fastest and so writes its axes into HDF5 in reverse.
//! Here the axes are reversed again: a MATLAB matrix [time, component] is read as [time, component].

mod dataset;
mod groups;
mod links;

use std::fs;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

use hdf5_pure::File;

use self::dataset::About;
use self::links::HardLinks;
use super::contents::{ArrayAbout, Arrays};
use super::error::ContainerError;
use super::{kind, paths};
use crate::arrays::Array;
use crate::arrays::npy::Fault;

/// Opens an HDF5 file.
pub(super) fn open(path: &Path) -> Result<impl Arrays + use<>, ContainerError> {
    let io = |error| ContainerError::Io(path.to_owned(), error);
    let mut on_disk = fs::File::open(path).map_err(io)?;
    let length = on_disk.metadata().map_err(io)?.len();
    let start = kind::hdf5_start(&mut on_disk, length).map_err(io)?.unwrap_or(0);
    let mut text = Vec::new();
    on_disk.rewind().map_err(io)?;
    on_disk.by_ref().take(128).read_to_end(&mut text).map_err(io)?;
    let matlab = text.starts_with(b"MATLAB 7.3");

    let damaged = |why: String| ContainerError::damaged(path, "HDF5", why);
    let source = HardLinks::new(on_disk, start).map_err(|error| damaged(told(error)))?;
    let file = File::from_source(source).map_err(|error| damaged(told(error)))?;
    let list = groups::list(&file, matlab).map_err(|Fault(why)| damaged(why))?;
    Ok(Hdf5 { path: path.to_owned(), file, list, matlab, length })
}

struct Hdf5 {
    path: PathBuf,
    file: File,
    list: Vec<About>,
    matlab: bool,
    length: u64,
}

impl Arrays for Hdf5 {
    fn kind(&self) -> &'static str {
        if self.matlab { "MATLAB v7.3" } else { "HDF5" }
    }

    fn list(&self) -> Vec<ArrayAbout> {
        self.list.iter().map(|about| about.array.clone()).collect()
    }

    fn read(&self, name: &str) -> Result<Array, ContainerError> {
        let names = self.list.iter().map(|about| about.array.name.as_str());
        let Some(index) = paths::position(names.clone(), name) else {
            return Err(ContainerError::missing(&self.path, "array", name, names));
        };
        let about = &self.list[index];
        let fault = |Fault(fault)| ContainerError::array(&self.path, &about.array.name, fault);
        if !about.array.numbers {
            let what = &about.array.what;
            let what = format!("is of type {what} and not of real numbers: write it as an array of float64");
            return Err(fault(Fault(what)));
        }
        dataset::read(&self.file, about, self.length).map_err(fault)
    }
}

/// An error of the crate as text, shortened if it is long.
fn told(error: impl std::fmt::Display) -> String {
    error.to_string().chars().take(200).collect()
}
