//! Arrays in files: `.npz` as numpy reads and writes it, and CSV.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, Write};
use std::path::{Path, PathBuf};

use zip::read::ZipFile;
use zip::result::ZipError;
use zip::write::{SimpleFileOptions, ZipWriter};
use zip::{CompressionMethod, DateTime, System, ZipArchive};

use crate::files;
use npy::{Fault, MAGIC};

pub(crate) mod npy;

/// The most numbers an array that is read may have: 2^31, which take 16 GiB. The product of the
/// axes that are not zero must keep to it too, so that products of axes never overflow.
pub const MAX_NUMBERS: u64 = 1 << 31;

const CHUNK: usize = 1 << 16;

/// An array of real numbers in row-major (C) order.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// The length of each axis; empty for a single number.
    pub shape: Vec<usize>,
    /// The numbers, the last axis fastest.
    pub values: Vec<f64>,
}

impl Array {
    /// An array of these values, the last axis fastest.
    ///
    /// # Panics
    ///
    /// When the number of values is not the product of the shape.
    pub fn new(shape: impl Into<Vec<usize>>, values: Vec<f64>) -> Self {
        let shape = shape.into();
        let array = Self { shape, values };
        assert!(array.is_whole(), "the values do not fill {:?}", array.shape);
        array
    }

    fn is_whole(&self) -> bool {
        let times = |product: usize, &axis: &usize| product.saturating_mul(axis);
        // No vector is as long as a saturated product.
        self.shape.iter().fold(1, times) == self.values.len()
    }
}

/// Why arrays could not be read from the file whose path comes first.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArrayFileError {
    /// The operating system could not open or read it.
    #[error("cannot read {0}: {1}")]
    Io(PathBuf, io::Error),
    /// It is something else than a whole zip archive; the string says what.
    #[error(
        "{0} is not an .npz file as numpy.savez writes it: {1} (in Python, \
         numpy.savez(\"out.npz\", name=array) makes one)"
    )]
    NotNpz(PathBuf, String),
    /// It has no array of the name asked for, only those in the list.
    #[error("{0} has no array named {1:?}: it has {2}")]
    Missing(PathBuf, String, String),
    /// The array of that name is not one of real numbers, is too large or is damaged; the last
    /// string says which and what would be right.
    #[error("array {1:?} in {0} {2}")]
    Unreadable(PathBuf, String, String),
}

/// An open `.npz` file. Each array is read when first asked for, so an array nobody wants costs
/// nothing, however large.
#[derive(Debug)]
pub struct Npz {
    path: PathBuf,
    archive: RefCell<ZipArchive<BufReader<File>>>,
    arrays: BTreeMap<String, (usize, OnceCell<Array>)>,
}

/// Opens an `.npz` file that `numpy.savez` or `numpy.savez_compressed` wrote.
///
/// # Errors
///
/// When the file cannot be read or is no whole `.npz` file. Its arrays are checked by
/// [`Npz::get`].
pub fn read_npz(path: &Path) -> Result<Npz, ArrayFileError> {
    let io = |error| ArrayFileError::Io(path.to_owned(), error);
    let mut file = BufReader::new(File::open(path).map_err(io)?);
    let mut start = Vec::new();
    file.by_ref().take(6).read_to_end(&mut start).map_err(io)?;
    file.rewind().map_err(io)?;

    let archive = ZipArchive::new(file).map_err(|error| match error {
        ZipError::Io(error) if error.raw_os_error().is_some() => io(error),
        error => {
            let what = match &start[..] {
                [] => "it is empty".into(),
                MAGIC => "it is a single array, as numpy.save writes it".into(),
                [b'P', b'K', ..] => format!("it is damaged or cut short, {error}"),
                _ => "it is not a zip archive".into(),
            };
            ArrayFileError::NotNpz(path.to_owned(), what)
        }
    })?;
    let entry = |index| {
        let name = archive.name_for_index(index)?.ok()?;
        let name = name.strip_suffix(".npy")?.to_owned();
        Some((name, (index, OnceCell::new())))
    };
    let arrays = (0..archive.len()).filter_map(entry).collect();
    let (path, archive) = (path.to_owned(), RefCell::new(archive));
    Ok(Npz { path, archive, arrays })
}

impl Npz {
    /// The names of the arrays, sorted, those that cannot be read among them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.arrays.keys().map(String::as_str)
    }

    /// The array of that name, without the `.npy` it has in the file. Whatever its type and order
    /// in the file, it comes as `f64` in C order; integers beyond 2^53 are rounded.
    ///
    /// # Errors
    ///
    /// When there is no such array, when it is not of real numbers, when it is too large, and when
    /// its bytes are damaged.
    pub fn get(&self, name: &str) -> Result<&Array, ArrayFileError> {
        let path = || self.path.clone();
        let Some((index, array)) = self.arrays.get(name) else {
            // Escaped and cut short, since the names come from a stranger's file.
            let shown = self.names().take(20).map(|name| format!("{name:?}"));
            let present = match self.arrays.len() {
                0 => "no arrays".into(),
                1..=20 => shown.collect::<Vec<_>>().join(", "),
                more => shown.collect::<Vec<_>>().join(", ") + &format!(" and {} more", more - 20),
            };
            return Err(ArrayFileError::Missing(path(), name.into(), present));
        };
        if let Some(array) = array.get() {
            return Ok(array);
        }
        let read = self.entry(*index, name, |file, size| npy::read(file, size))?;
        Ok(array.get_or_init(|| read))
    }

    /// The array of that name as [`Npz::get`] gives it, which is not kept.
    pub(crate) fn read(&self, name: &str) -> Result<Array, ArrayFileError> {
        match self.arrays.get(name) {
            Some((index, _)) => self.entry(*index, name, |file, size| npy::read(file, size)),
            None => self.get(name).cloned(),
        }
    }

    /// What the header of the array of that name says, whatever it holds.
    pub(crate) fn header(&self, name: &str) -> Result<npy::Header, ArrayFileError> {
        let index = self.arrays.get(name).map_or(usize::MAX, |(index, _)| *index);
        self.entry(index, name, |file, _| npy::Header::read(file))
    }

    /// The shape of the array of that name, whose numbers stay unread.
    ///
    /// # Errors
    ///
    /// As [`Npz::get`], but for damage behind the array's header.
    pub fn shape(&self, name: &str) -> Result<Vec<usize>, ArrayFileError> {
        match self.arrays.get(name) {
            Some((index, _)) => self.entry(*index, name, |file, size| npy::shape(file, size)),
            None => self.get(name).map(|array| array.shape.clone()),
        }
    }

    fn entry<T>(
        &self,
        index: usize,
        name: &str,
        read: impl FnOnce(&mut ZipFile<'_, BufReader<File>>, u64) -> Result<T, Fault>,
    ) -> Result<T, ArrayFileError> {
        let mut archive = self.archive.borrow_mut();
        if let Ok(raw) = archive.by_index_raw(index)
            && let Some(fault) = unread(&raw)
        {
            return Err(ArrayFileError::Unreadable(self.path.clone(), name.into(), fault));
        }
        let entry = archive.by_index(index).map_err(Fault::damaged);
        entry
            .and_then(|mut entry| {
                let size = entry.size();
                read(&mut entry, size)
            })
            .map_err(|Fault(fault)| ArrayFileError::Unreadable(self.path.clone(), name.into(), fault))
    }
}

/// Why an entry cannot be read here although the file may be intact.
fn unread<R: Read>(entry: &ZipFile<'_, R>) -> Option<String> {
    if entry.encrypted() {
        return Some("is encrypted: write the file again without a password".into());
    }
    // The numbers of the format's specification (PKWARE's APPNOTE, 4.4.5).
    #[allow(deprecated)] // the only name for a method that is not built in
    let method = match entry.compression() {
        CompressionMethod::Unsupported(9) => "Deflate64".to_owned(),
        CompressionMethod::Unsupported(12) => "bzip2".to_owned(),
        CompressionMethod::Unsupported(14) => "LZMA".to_owned(),
        CompressionMethod::Unsupported(20 | 93) => "Zstandard".to_owned(),
        CompressionMethod::Unsupported(95) => "XZ".to_owned(),
        CompressionMethod::Unsupported(98) => "PPMd".to_owned(),
        CompressionMethod::Unsupported(number) => format!("method {number}"),
        _ => return None,
    };
    Some(format!(
        "is compressed by {method}, and only arrays that are stored or deflated are read, as numpy.savez and \
         numpy.savez_compressed write them: write it again with one of these"
    ))
}

/// Writes arrays as `f64` to an `.npz` file that `numpy.load` reads, through
/// [`files::write_atomically`]. The same arrays always give the same bytes.
///
/// # Errors
///
/// Besides those of writing, when two arrays have the same name and when the values of one do not
/// fill its shape.
pub fn write_npz(path: &Path, arrays: &[(&str, &Array)]) -> io::Result<()> {
    files::replace(path, |file| {
        let mut zip = ZipWriter::new(file);
        let written = arrays
            .iter()
            .try_for_each(|(name, array)| write_npy(&mut zip, name, array))
            .and_then(|()| zip.flush());
        if written.is_err() {
            // Dropping it would try to finish the archive and complain on standard error.
            std::mem::forget(zip);
            return written;
        }
        zip.finish()?;
        Ok(())
    })
}

fn write_npy<W: Write + Seek>(zip: &mut ZipWriter<W>, name: &str, array: &Array) -> io::Result<()> {
    let Array { shape, values } = array;
    if !array.is_whole() {
        let count = values.len();
        let what = format!("array {name:?} has {count} values in shape {shape:?}");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
    }
    let axes: Vec<_> = shape.iter().map(usize::to_string).collect();
    let comma = if axes.len() == 1 { "," } else { "" };
    let mut header =
        format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({}{comma}), }}", axes.join(", "));
    // The format wants the data to start at a multiple of 64 bytes.
    let length = (10 + header.len() + 1).next_multiple_of(64) - 10;
    header.extend(std::iter::repeat_n(' ', length - header.len() - 1));
    header.push('\n');
    let stated = u16::try_from(length).map_err(io::Error::other)?;

    let size = 10 + length as u64 + 8 * values.len() as u64;
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .system(System::Unix)
        .unix_permissions(0o644)
        .large_file(size > u32::MAX.into());
    zip.start_file(format!("{name}.npy"), options)?;
    zip.write_all(&[MAGIC, &[1, 0], &stated.to_le_bytes(), header.as_bytes()].concat())?;
    for chunk in values.chunks(CHUNK / 8) {
        let bytes: Vec<u8> = chunk.iter().flat_map(|value| value.to_le_bytes()).collect();
        zip.write_all(&bytes)?;
    }
    Ok(())
}

/// Writes a line of names and then a line for each row, through [`files::write_atomically`]. Each
/// number has the fewest digits that read back as the same number.
///
/// # Errors
///
/// Besides those of writing, when a row has not as many numbers as there are names.
pub fn write_csv(path: &Path, header: &[String], mut rows: impl Iterator<Item = Vec<f64>>) -> io::Result<()> {
    let special = [',', '"', '\n', '\r'];
    let quoted = |name: &String| match name.contains(special) {
        true => format!("\"{}\"", name.replace('"', "\"\"")),
        false => name.clone(),
    };
    let names = header.iter().map(quoted).collect::<Vec<_>>().join(",");
    files::write_atomically(path, |file| {
        writeln!(file, "{names}")?;
        rows.try_for_each(|row| {
            let (found, expected) = (row.len(), header.len());
            if found != expected {
                let what = format!("a row has {found} numbers for {expected} columns");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
            }
            for (column, value) in row.iter().enumerate() {
                let comma = if column == 0 { "" } else { "," };
                write!(file, "{comma}{value:?}")?;
            }
            writeln!(file)
        })
    })
}

#[cfg(test)]
mod tests;
