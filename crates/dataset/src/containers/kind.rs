//! The kind of a file, found from its content and never from the extension of its name.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use zip::ZipArchive;

use super::error::{ContainerError, listed};
use crate::arrays::npy;

/// The kinds of files that are read here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Npy,
    Npz,
    Matlab5,
    Hdf5,
    Xlsx,
    Ods,
}

/// The kind of the file; `None` for all other files, which may be text.
pub(super) fn of(path: &Path) -> Result<Option<Kind>, ContainerError> {
    let io = |error| ContainerError::Io(path.to_owned(), error);
    let about = std::fs::metadata(path).map_err(io)?;
    if about.is_dir() {
        return Err(io(ErrorKind::IsADirectory.into()));
    }
    if !about.is_file() {
        // Bytes read from a pipe could not be read a second time.
        return Ok(None);
    }
    let mut file = BufReader::new(File::open(path).map_err(io)?);
    let mut start = Vec::new();
    file.by_ref().take(128).read_to_end(&mut start).map_err(io)?;
    Ok(if start.starts_with(npy::MAGIC) {
        Some(Kind::Npy)
    } else if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
        Some(zipped(path, file)?)
    } else if is_matlab5(&start) {
        Some(Kind::Matlab5)
    } else if is_matlab4(&start) {
        let what = "is a MATLAB v4 file, which is not read: in MATLAB, save it with -v7";
        return Err(ContainerError::file(path, what));
    } else if start.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        let what = "is an Excel file from before 2007 (.xls) or one with a password, and neither can be read: \
                    save it as .xlsx without a password";
        return Err(ContainerError::file(path, what));
    } else if hdf5_start(&mut file, about.len()).map_err(io)?.is_some() {
        Some(Kind::Hdf5)
    } else {
        None
    })
}

// The header is 116 bytes of text, 8 that say where a subsystem's data are, the version and the byte order.
fn is_matlab5(start: &[u8]) -> bool {
    matches!(start.get(124..128), Some(b"\x00\x01IM" | b"\x01\x00MI"))
}

// A MATLAB v4 file starts with the header of its first array: five small numbers, and the name. The decimal digits of
// the first number are the machine, a zero, the type of the numbers and the class.
fn is_matlab4(start: &[u8]) -> bool {
    let number = |at: usize, parse: fn([u8; 4]) -> u32| {
        let four = start.get(at..at + 4).and_then(|four| four.try_into().ok());
        four.map_or(u32::MAX, parse)
    };
    [u32::from_le_bytes as fn([u8; 4]) -> u32, u32::from_be_bytes].into_iter().any(|parse| {
        let [digits, imaginary, length] = [0, 12, 16].map(|at| number(at, parse));
        let valid = digits < 5000 && digits / 100 % 10 == 0 && digits / 10 % 10 < 6 && digits % 10 < 3;
        let name = start.get(20..20_usize.saturating_add(length as usize)).and_then(|name| name.split_last());
        let word =
            |name: &[u8]| !name.is_empty() && name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_');
        valid && imaginary < 2 && name.is_some_and(|(end, name)| *end == 0 && word(name))
    })
}

/// The byte at which the HDF5 data start: the signature stands at 0, or after a user block, at 512, 1024,
/// 2048 and so on.
pub(super) fn hdf5_start(file: &mut (impl Read + Seek), length: u64) -> io::Result<Option<u64>> {
    let ends = std::iter::successors(Some(512_u64), |end| end.checked_mul(2));
    for at in std::iter::once(0).chain(ends).take_while(|&at| at < length) {
        let mut signature = Vec::new();
        file.seek(SeekFrom::Start(at))?;
        file.by_ref().take(8).read_to_end(&mut signature)?;
        if signature == b"\x89HDF\r\n\x1a\n" {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

fn zipped(path: &Path, file: BufReader<File>) -> Result<Kind, ContainerError> {
    let mut archive = ZipArchive::new(file).map_err(|error| ContainerError::damaged(path, "zip", error))?;
    let mut type_name = Vec::new();
    if let Ok(entry) = archive.by_name("mimetype") {
        // A file whose type cannot be read is recognised by its other entries.
        let _ = entry.take(100).read_to_end(&mut type_name);
    }
    let names: Vec<_> = (0..archive.len()).filter_map(|index| archive.name_for_index(index)?.ok()).collect();
    let has = |name: &str| names.iter().any(|there| there.eq_ignore_ascii_case(name));
    if type_name.starts_with(b"application/vnd.oasis.opendocument.spreadsheet") {
        Ok(Kind::Ods)
    } else if has("xl/workbook.bin") {
        let what = "is a binary Excel workbook (.xlsb), which is not read: save it as .xlsx";
        Err(ContainerError::file(path, what))
    } else if has("[Content_Types].xml") && names.iter().any(|name| name.ends_with(".xml")) {
        Ok(Kind::Xlsx)
    } else if names.iter().any(|name| name.ends_with(".npy")) {
        Ok(Kind::Npz)
    } else {
        let names: Vec<&str> = names.iter().map(|name| &**name).collect();
        let what = format!(
            "is a zip archive, but neither of numpy arrays nor a spreadsheet; it holds {}: unpack it and name the \
             files inside",
            if names.is_empty() { "nothing".into() } else { listed(&names) }
        );
        Err(ContainerError::file(path, what))
    }
}
