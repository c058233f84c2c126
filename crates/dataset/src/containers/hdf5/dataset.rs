//! One dataset of an HDF5 file: what it is, and its numbers.

use hdf5_pure::{Chunk, DType, Dataset, Error, File, Layout};

use super::super::contents::ArrayAbout;
use super::super::error;
use super::told;
use crate::arrays::npy::{Fault, c_order};
use crate::arrays::{Array, MAX_NUMBERS};

// A deflated byte gives at most this number of bytes, and the other filters in use give less.
const MAX_INFLATION: u64 = 1032;
// Chunks that are not in the file are constant, so that a small file may hold a large array. Up to 64 MiB that is
// harmless.
const SMALL: u64 = 1 << 26;

const AGAIN: &str = "write it again with gzip or without compression, and in h5py without libver=\"latest\"";

/// A dataset, before its numbers are read.
pub(super) struct About {
    /// What it is; the axes of what MATLAB wrote are in MATLAB's order.
    pub array: ArrayAbout,
    // Whether the axes in the file are in reverse.
    reversed: bool,
    // Whether the numbers in the file are the axes of an array without elements, as MATLAB writes it.
    empty: bool,
}

impl About {
    /// A group instead of a dataset; `what` says why it is not searched.
    pub fn group(name: String, what: &str) -> Self {
        let array = ArrayAbout { name, shape: vec![], numbers: false, what: what.into() };
        Self { array, reversed: false, empty: false }
    }
}

/// What the dataset is. `matlab` says whether MATLAB wrote the file. A dataset that cannot be
/// understood is described as such, so that it does not hide the others.
pub(super) fn about(dataset: &Dataset, name: String, matlab: bool) -> About {
    understood(dataset, &name, matlab).unwrap_or_else(|error| {
        let what = format!("a dataset that is damaged or not understood ({})", told(error));
        About {
            array: ArrayAbout { name, shape: vec![], numbers: false, what },
            reversed: false,
            empty: false,
        }
    })
}

fn understood(dataset: &Dataset, name: &str, matlab: bool) -> Result<About, Error> {
    let attributes = dataset.attrs()?;
    let class = attributes.get("MATLAB_class").and_then(|class| class.as_str());
    let reversed = matlab || class.is_some();
    let empty = reversed && attributes.contains_key("MATLAB_empty");
    let axis = |axis: u64| usize::try_from(axis).unwrap_or(usize::MAX);
    let mut shape: Vec<usize> = dataset.shape()?.into_iter().map(axis).collect();
    if reversed {
        shape.reverse();
    }
    let (what, mut numbers) = in_words(&dataset.dtype()?);
    let what = match class {
        Some(class) if what.starts_with("complex") => format!("complex {}", error::fields([class])),
        Some(class) => error::fields([class]),
        None => what,
    };
    numbers &= !matches!(class, Some("char" | "cell" | "struct" | "function_handle" | "string"));
    if empty {
        // There are as many of these numbers as an array has axes.
        let axes = if shape.iter().product::<usize>() <= 64 { dataset.read_u64()? } else { Vec::new() };
        shape = axes.into_iter().map(axis).collect();
    }
    Ok(About { array: ArrayAbout { name: name.into(), shape, numbers, what }, reversed, empty })
}

/// The type in words, and whether it is one of real numbers.
fn in_words(dtype: &DType) -> (String, bool) {
    let number = match dtype {
        DType::F32 => "float32",
        DType::F64 => "float64",
        DType::I8 => "int8",
        DType::I16 => "int16",
        DType::I32 => "int32",
        DType::I64 => "int64",
        DType::U8 => "uint8",
        DType::U16 => "uint16",
        DType::U32 => "uint32",
        DType::U64 => "uint64",
        // The type that h5py gives to an array of bool.
        DType::Enum(names) if names.iter().map(String::as_str).eq(["FALSE", "TRUE"]) => "bool",
        DType::String | DType::VariableLengthString => return ("text".into(), false),
        DType::ObjectReference => return ("references to other objects".into(), false),
        DType::Compound(fields) => {
            let names: Vec<_> = fields.iter().map(|(name, _)| name.as_str()).collect();
            let what = match names[..] {
                ["r", "i"] | ["real", "imag"] => "complex numbers".into(),
                _ => format!("records with the fields {}", error::fields(names)),
            };
            return (what, false);
        }
        other => return (format!("{other}").chars().take(80).collect(), false),
    };
    (number.into(), true)
}

/// The numbers of the dataset in a file of `length` bytes.
pub(super) fn read(file: &File, about: &About, length: u64) -> Result<Array, Fault> {
    let shape = &about.array.shape;
    let axes = shape.iter().map(|&axis| axis as u64);
    if product(axes.clone().filter(|&axis| axis > 0)) > MAX_NUMBERS {
        return Err(Fault(format!(
            "has shape {shape:?}, and at most 2^31 numbers are read: write a part of it"
        )));
    }
    let numbers = product(axes);
    if numbers == 0 || about.empty {
        return Ok(Array { shape: shape.clone(), values: Vec::new() });
    }
    let damaged = |error: Error| Fault(format!("cannot be decoded ({}): {AGAIN}", told(error)));
    let dataset = file.dataset(&about.array.name).map_err(damaged)?;
    let size = dataset.element_size().map_err(damaged)?;
    let bytes = numbers.saturating_mul(size);
    let (bytes, possible) = match dataset.layout().map_err(damaged)? {
        // A chunk is decoded whole, even where it is larger than the dataset.
        Layout::Chunked { chunk_shape, .. } => {
            // The crate takes memory for the bytes of a chunk before it finds that the file has fewer.
            let beyond = |chunk: &Chunk| chunk.address.saturating_add(chunk.storage_size) > length;
            if dataset.chunks().map_err(damaged)?.iter().any(beyond) {
                return Err(Fault(
                    "is damaged (it has a chunk after the end of the file): write it again".into(),
                ));
            }
            let chunk = product(chunk_shape.into_iter()).saturating_mul(size);
            (bytes.max(chunk), length.saturating_mul(MAX_INFLATION).max(SMALL))
        }
        Layout::Compact { size } => (bytes, size),
        Layout::Contiguous { address: Some(_), size } => (bytes, size.min(length)),
        Layout::Contiguous { address: None, .. } => {
            return Err(Fault("has no data in the file: write its numbers, or name another array".into()));
        }
        _ => return Err(Fault("is a virtual dataset, whose numbers are in other files: name these".into())),
    };
    if bytes > possible {
        let why = format!(
            "has shape {shape:?} and takes {bytes} bytes, but the file has only room for {possible}: write it again"
        );
        return Err(Fault(why));
    }
    let mut values = dataset.read_f64().map_err(damaged)?;
    if values.len() as u64 != numbers {
        let found = values.len();
        return Err(Fault(format!("has {found} numbers instead of {numbers}: write it again as float64")));
    }
    if about.reversed {
        values = c_order(shape, &values)?;
    }
    Ok(Array { shape: shape.clone(), values })
}

fn product(axes: impl Iterator<Item = u64>) -> u64 {
    axes.fold(1, u64::saturating_mul)
}
