//! The files of numpy: `.npy` with one array and `.npz` with several.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use super::contents::{ArrayAbout, Arrays};
use super::error::ContainerError;
use crate::arrays::npy::{self, Decoder, Fault, Header};
use crate::arrays::{Array, Npz, read_npz};

/// Opens an `.npz` file.
pub(super) fn open_npz(path: &Path) -> Result<impl Arrays + use<>, ContainerError> {
    Ok(NpzArrays { npz: read_npz(path)?, path: path.to_owned() })
}

/// Opens an `.npy` file, whose array is named after the file.
pub(super) fn open_npy(path: &Path) -> Result<impl Arrays + use<>, ContainerError> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let header = read_npy(path, &name, |file, _| Header::read(file))?;
    Ok(Npy { path: path.to_owned(), name, header })
}

struct NpzArrays {
    npz: Npz,
    path: PathBuf,
}

impl Arrays for NpzArrays {
    fn kind(&self) -> &'static str {
        "NPZ"
    }

    fn list(&self) -> Vec<ArrayAbout> {
        let about = |name: &str| match self.npz.header(name) {
            Ok(header) => about(name, &header),
            Err(_) => {
                let (name, what) = (name.into(), "a damaged array".into());
                ArrayAbout { name, shape: vec![], numbers: false, what }
            }
        };
        self.npz.names().map(about).collect()
    }

    fn read(&self, name: &str) -> Result<Array, ContainerError> {
        match self.npz.names().any(|known| known == name) {
            true => Ok(self.npz.read(name)?),
            false => Err(ContainerError::missing(&self.path, "array", name, self.npz.names())),
        }
    }
}

struct Npy {
    path: PathBuf,
    name: String,
    header: Header,
}

impl Arrays for Npy {
    fn kind(&self) -> &'static str {
        "NPY"
    }

    fn list(&self) -> Vec<ArrayAbout> {
        vec![about(&self.name, &self.header)]
    }

    fn read(&self, name: &str) -> Result<Array, ContainerError> {
        match name == self.name {
            true => read_npy(&self.path, name, npy::read),
            false => Err(ContainerError::missing(&self.path, "array", name, [self.name.as_str()])),
        }
    }
}

fn read_npy<T>(
    path: &Path,
    name: &str,
    read: impl FnOnce(BufReader<File>, u64) -> Result<T, Fault>,
) -> Result<T, ContainerError> {
    let io = |error| ContainerError::Io(path.to_owned(), error);
    let file = File::open(path).map_err(io)?;
    let size = file.metadata().map_err(io)?.len();
    read(BufReader::new(file), size).map_err(|Fault(fault)| ContainerError::array(path, name, fault))
}

fn about(name: &str, header: &Header) -> ArrayAbout {
    let shape = header.shape.iter().map(|&axis| usize::try_from(axis).unwrap_or(usize::MAX)).collect();
    let numbers = Decoder::new(&header.dtype).is_some();
    ArrayAbout { name: name.into(), shape, numbers, what: header.dtype.clone() }
}
