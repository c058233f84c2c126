//! The `.npy` format: a header in Python's notation, then the numbers.
//!
//! The headers are parsed here and not by the npyz crate, whose parser takes time exponential in the
//! nesting of a hostile header and overflows on a hostile shape.

use std::collections::TryReserveError;
use std::io::{self, Read};

use super::{Array, CHUNK, MAX_NUMBERS};

/// The bytes that every `.npy` file starts with.
pub(crate) const MAGIC: &[u8] = b"\x93NUMPY";

// numpy's own limit on axes, and ten times what a long structured dtype needs for its header.
const MAX_AXES: usize = 64;
const MAX_HEADER: usize = 1 << 16;

/// Why an array cannot be read, and what to do about it: the end of a sentence that starts with its name.
#[derive(Debug)]
pub(crate) struct Fault(pub String);

const TOO_LARGE: &str = "does not fit in memory: save a part of it";

impl Fault {
    pub fn damaged(why: impl std::fmt::Display) -> Self {
        let right = "write the file again with numpy.save, numpy.savez or numpy.savez_compressed";
        Self(format!("is damaged ({why}): {right}"))
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::damaged("its data end early"),
            io::ErrorKind::OutOfMemory => Self(TOO_LARGE.into()),
            _ => Self::damaged(error),
        }
    }
}

impl From<TryReserveError> for Fault {
    fn from(_: TryReserveError) -> Self {
        Self(TOO_LARGE.into())
    }
}

/// What the header of an array says.
pub(crate) struct Header {
    /// The type of its elements in numpy's notation, such as `<f8`; never longer than 80 characters.
    pub dtype: String,
    /// The length of each axis.
    pub shape: Vec<u64>,
    fortran: bool,
    // The bytes before the first number.
    length: u64,
}

impl Header {
    /// Reads the header that a `.npy` file starts with.
    pub fn read(mut file: impl Read) -> Result<Self, Fault> {
        let mut start = [0; 8];
        file.read_exact(&mut start)?;
        let width = if start[6] == 1 { 2 } else { 4 };
        let mut length = [0; 4];
        file.read_exact(&mut length[..width])?;
        let length = u32::from_le_bytes(length) as usize;
        if !start.starts_with(MAGIC) || !matches!(start[6], 1..=3) || length > MAX_HEADER {
            return Err(Fault::damaged("it does not start as an .npy file does"));
        }
        let mut text = vec![0; length];
        file.read_exact(&mut text)?;
        let text = String::from_utf8_lossy(&text);
        let cut = |text: &str| text.trim().chars().take(80).collect::<String>();
        let Some((dtype, fortran, shape)) = header(&text) else {
            return Err(Fault::damaged(format!("its header is {:?}", cut(&text))));
        };
        Ok(Self { dtype: cut(dtype), shape, fortran, length: (8 + width + length) as u64 })
    }

    /// The shape and how to read the numbers, where they are numbers that fill a file of `size` bytes.
    fn layout(&self, size: u64) -> Result<(Vec<usize>, Decoder), Fault> {
        let Self { dtype, shape, .. } = self;
        let Some(decoder) = Decoder::new(dtype) else {
            return Err(Fault(format!(
                "has dtype {dtype:?}, which is none of those read here (bool, int8 to int64, uint8 to \
                 uint64, float32, float64): array.astype(\"float64\") makes one that is"
            )));
        };
        let product = |product: u64, axis: &u64| product.saturating_mul(*axis);
        if shape.iter().filter(|&&axis| axis > 0).fold(1, product) > MAX_NUMBERS {
            return Err(Fault(format!(
                "has shape {shape:?}, and at most 2^31 elements are read: save a part of it"
            )));
        }
        let expected = self.length + shape.iter().fold(1, product) * decoder.size as u64;
        if size != expected {
            let why = format!("it has {size} bytes, but shape {shape:?} of {dtype} {expected}");
            return Err(Fault::damaged(why));
        }
        Ok((shape.iter().map(|&axis| axis as usize).collect(), decoder))
    }
}

/// The shape of the array in an `.npy` file of `size` bytes, whose numbers stay unread.
pub(crate) fn shape(mut file: impl Read, size: u64) -> Result<Vec<usize>, Fault> {
    Ok(Header::read(&mut file)?.layout(size)?.0)
}

/// The array in an `.npy` file of `size` bytes.
pub(crate) fn read(mut file: impl Read, size: u64) -> Result<Array, Fault> {
    let header = Header::read(&mut file)?;
    let (shape, decoder) = header.layout(size)?;
    let numbers = shape.iter().product();
    let mut values = read_numbers(&mut file, numbers, &decoder)?;
    // The checksum of a zip archive is only compared when the end is read.
    io::copy(&mut file, &mut io::sink())?;

    if header.fortran {
        values = c_order(&shape, &values)?;
    }
    Ok(Array { shape, values })
}

/// The next numbers of a file. Memory grows with the bytes that are really there, not with the
/// number that is asked for.
///
/// # Errors
///
/// Those of reading; [`io::ErrorKind::OutOfMemory`] when the numbers do not fit in memory.
pub(crate) fn read_numbers(file: &mut impl Read, numbers: usize, decoder: &Decoder) -> io::Result<Vec<f64>> {
    let mut values = Vec::new();
    let mut chunk = vec![0; CHUNK];
    while values.len() < numbers {
        let next = (CHUNK / decoder.size).min(numbers - values.len());
        let chunk = &mut chunk[..next * decoder.size];
        file.read_exact(chunk)?;
        values.try_reserve(next)?;
        values.extend(chunk.chunks_exact(decoder.size).map(|bytes| decoder.decode(bytes)));
    }
    Ok(values)
}

// The dtype, whether the order is Fortran's, and the shape from a header such as
// `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }`, in any order and spacing.
fn header(text: &str) -> Option<(&str, bool, Vec<u64>)> {
    let value = |key: &str| {
        text.match_indices(key).find_map(|(at, _)| {
            let rest = text[at + key.len()..].strip_prefix(['\'', '"'])?;
            Some(rest.trim_start().strip_prefix(':')?.trim_start())
        })
    };
    let dtype = value("descr")?;
    let dtype = match dtype.strip_prefix(['\'', '"']) {
        Some(dtype) => dtype.split(['\'', '"']).next()?,
        None => dtype.split_inclusive(']').next()?,
    };
    let order = value("fortran_order")?;
    let fortran = order.starts_with("True");
    let axes = value("shape")?.strip_prefix('(')?.split_once(')')?.0;
    let mut shape = Vec::new();
    for axis in axes.trim().split_terminator(',').map(str::trim) {
        if axis.is_empty() || !axis.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        shape.push(axis.parse().unwrap_or(u64::MAX));
    }
    let known = fortran || order.starts_with("False");
    (known && shape.len() <= MAX_AXES).then_some((dtype, fortran, shape))
}

/// What turns the bytes of an element into a number.
#[derive(Clone, Copy)]
pub(crate) struct Decoder {
    /// The number of bytes of an element.
    pub size: usize,
    big_endian: bool,
    little: fn([u8; 8]) -> f64,
}

impl Decoder {
    /// The decoder of a dtype in numpy's notation, such as `<f8`; none for what is no real number.
    pub fn new(dtype: &str) -> Option<Self> {
        let big_endian = dtype.starts_with('>');
        let little: fn([u8; 8]) -> f64 = match dtype.strip_prefix(['<', '>', '|', '=']).unwrap_or(dtype) {
            "b1" => |b| f64::from(b[0] != 0),
            "i1" => |b| f64::from(b[0] as i8),
            "u1" => |b| f64::from(b[0]),
            "i2" => |b| f64::from(i16::from_le_bytes([b[0], b[1]])),
            "u2" => |b| f64::from(u16::from_le_bytes([b[0], b[1]])),
            "i4" => |b| f64::from(i32::from_le_bytes([b[0], b[1], b[2], b[3]])),
            "u4" => |b| f64::from(u32::from_le_bytes([b[0], b[1], b[2], b[3]])),
            "f4" => |b| f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]])),
            "i8" => |b| i64::from_le_bytes(b) as f64,
            "u8" => |b| u64::from_le_bytes(b) as f64,
            "f8" => f64::from_le_bytes,
            _ => return None,
        };
        let size = usize::from(dtype.as_bytes()[dtype.len() - 1] - b'0');
        Some(Self { size, big_endian, little })
    }

    fn decode(&self, bytes: &[u8]) -> f64 {
        let mut eight = [0; 8];
        eight[..self.size].copy_from_slice(bytes);
        if self.big_endian {
            eight[..self.size].reverse();
        }
        (self.little)(eight)
    }
}

/// The numbers of an array in Fortran's order (the first axis fastest), in C's order.
pub(crate) fn c_order(shape: &[usize], fortran: &[f64]) -> Result<Vec<f64>, TryReserveError> {
    let mut values = Vec::new();
    values.try_reserve_exact(fortran.len())?;
    let mut index = vec![0; shape.len()];
    let mut at = 0;
    while values.len() < fortran.len() {
        values.push(fortran[at]);
        let mut stride = fortran.len();
        for (position, &axis) in index.iter_mut().zip(shape).rev() {
            stride /= axis;
            *position += 1;
            at += stride;
            if *position < axis {
                break;
            }
            at -= stride * axis;
            *position = 0;
        }
    }
    Ok(values)
}
