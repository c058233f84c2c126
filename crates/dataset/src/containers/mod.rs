//! Binary files of measurements: arrays of numpy, MATLAB and HDF5, and sheets of spreadsheet programs.
//! They are read without system libraries, and recognised by their content.
//!
//! | kind | read by |
//! | --- | --- |
//! | NPY, NPZ | [`crate::arrays`] |
//! | MATLAB v5 (`save -v6`, `save -v7`, `scipy.io.savemat`) | `matlab5` |
//! | HDF5, MATLAB v7.3 (`save -v7.3`) | the crate hdf5-pure |
//! | XLSX, ODS | `spreadsheets` |
//!
//! The files may come from anybody. Before memory is reserved, the sizes in a header are compared with the
//! length of the file or, for compressed data, with a limit. A damaged file is an error.

mod contents;
mod error;
mod hdf5;
mod kind;
mod matlab5;
mod numpy;
mod paths;
mod spreadsheets;

use std::path::Path;

pub use contents::{ArrayAbout, Arrays, Sheets};
pub use error::ContainerError;
use kind::Kind;

/// An open file of arrays or sheets.
pub enum Container {
    /// Named arrays of numbers.
    Arrays(Box<dyn Arrays>),
    /// Sheets of cells.
    Sheets(Box<dyn Sheets>),
}

/// Opens a file of arrays or sheets; `None` if its content is of another kind, so that it may be
/// text.
///
/// # Errors
///
/// If the file cannot be read, if it is damaged or of a known kind that is not supported, or if it has no
/// array of real numbers; the error then lists what it holds.
pub fn open(path: &Path) -> Result<Option<Container>, ContainerError> {
    let Some(kind) = kind::of(path)? else {
        return Ok(None);
    };
    let arrays: Box<dyn Arrays> = match kind {
        Kind::Npy => Box::new(numpy::open_npy(path)?),
        Kind::Npz => Box::new(numpy::open_npz(path)?),
        Kind::Matlab5 => Box::new(matlab5::open(path)?),
        Kind::Hdf5 => Box::new(hdf5::open(path)?),
        Kind::Xlsx => return Ok(Some(Container::Sheets(Box::new(spreadsheets::open_xlsx(path)?)))),
        Kind::Ods => return Ok(Some(Container::Sheets(Box::new(spreadsheets::open_ods(path)?)))),
    };
    let list = arrays.list();
    if list.iter().any(|about| about.numbers) {
        return Ok(Some(Container::Arrays(arrays)));
    }
    let held: Vec<_> = list.iter().take(20).map(described).collect();
    let more = list.len().saturating_sub(20);
    let held = match more {
        0 if held.is_empty() => "nothing".into(),
        0 => held.join(", "),
        _ => format!("{} and {more} more", held.join(", ")),
    };
    Err(ContainerError::NoNumbers(path.to_owned(), held))
}

fn described(about: &ArrayAbout) -> String {
    let name: String = about.name.chars().take(80).collect();
    let axes: Vec<_> = about.shape.iter().map(usize::to_string).collect();
    let shape = if axes.is_empty() { String::new() } else { format!("{} ", axes.join("x")) };
    format!("{name:?} ({shape}{})", about.what)
}
