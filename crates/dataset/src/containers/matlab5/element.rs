//! The elements that a MATLAB v5 file consists of: a tag, which says the type and the number of bytes,
//! and the bytes.

use std::collections::TryReserveError;
use std::io::{self, Read};

/// The type of an element that is a variable.
pub(super) const MATRIX: u32 = 14;
/// The type of an element whose bytes are another element, deflated.
pub(super) const COMPRESSED: u32 = 15;

/// The tag at the start of an element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tag {
    /// The type of its bytes.
    pub kind: u32,
    /// The number of its bytes, without the padding behind them.
    pub bytes: u32,
    // In the short form up to four bytes of data stand in the tag itself.
    short: Option<[u8; 4]>,
}

impl Tag {
    /// Reads the eight bytes of a tag.
    pub fn read(file: &mut dyn Read, big_endian: bool) -> Result<Self, Fault> {
        let mut bytes = [0; 8];
        file.read_exact(&mut bytes)?;
        let [first, second] = [&bytes[..4], &bytes[4..]].map(|four| word(four, big_endian));
        if first >> 16 == 0 {
            return Ok(Self { kind: first, bytes: second, short: None });
        }
        let (kind, length) = (first & 0xffff, first >> 16);
        if length > 4 {
            return Err(Fault::Damaged(format!(
                "an element of the short form has {length} bytes instead of up to 4"
            )));
        }
        Ok(Self { kind, bytes: length, short: Some([bytes[4], bytes[5], bytes[6], bytes[7]]) })
    }

    /// The bytes of the element, which must not be more than `limit`.
    pub fn data(self, file: &mut dyn Read, limit: u32) -> Result<Vec<u8>, Fault> {
        let length = self.bytes as usize;
        if let Some(bytes) = self.short {
            return Ok(bytes[..length].to_vec());
        }
        if self.bytes > limit {
            return Err(Fault::Damaged(format!("an element has {length} bytes instead of up to {limit}")));
        }
        let mut bytes = vec![0; length.next_multiple_of(8)];
        file.read_exact(&mut bytes)?;
        bytes.truncate(length);
        Ok(bytes)
    }

    /// The dtype of the numbers of the element in numpy's notation; none for other types.
    pub fn dtype(self, big_endian: bool) -> Option<String> {
        let dtype = match self.kind {
            1 => "i1",
            2 => "u1",
            3 => "i2",
            4 => "u2",
            5 => "i4",
            6 => "u4",
            7 => "f4",
            9 => "f8",
            12 => "i8",
            13 => "u8",
            _ => return None,
        };
        Some(format!("{}{dtype}", if big_endian { '>' } else { '<' }))
    }

    /// A reader of the bytes of the element, wherever they stand.
    pub fn reader<'a>(self, file: &'a mut dyn Read) -> Box<dyn Read + 'a> {
        match self.short {
            Some(bytes) => Box::new(io::Cursor::new(bytes).take(self.bytes.into())),
            None => Box::new(file.take(self.bytes.into())),
        }
    }
}

/// The next four bytes as an unsigned integer.
pub(super) fn word(bytes: &[u8], big_endian: bool) -> u32 {
    let mut four = [0; 4];
    four.copy_from_slice(&bytes[..4]);
    if big_endian { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }
}

/// Why a variable cannot be read.
#[derive(Debug)]
pub(super) enum Fault {
    /// Its bytes are damaged.
    Damaged(String),
    /// It is intact, but there is no room for its numbers.
    TooLarge(String),
}

impl Fault {
    /// The rest of a sentence that starts with the variable's name.
    pub fn in_array(self) -> String {
        match self {
            Self::Damaged(why) => format!("is damaged ({why}): save it again"),
            Self::TooLarge(why) => format!("{why}: save a part of it"),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Damaged("its data end early".into()),
            io::ErrorKind::OutOfMemory => Self::TooLarge("does not fit in memory".into()),
            _ => Self::Damaged(error.to_string()),
        }
    }
}

impl From<TryReserveError> for Fault {
    fn from(_: TryReserveError) -> Self {
        Self::TooLarge("does not fit in memory".into())
    }
}
