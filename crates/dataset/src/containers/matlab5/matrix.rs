//! A variable of a MATLAB v5 file: its class, its axes, its name, and what it holds.

use std::io::{self, Read};

use super::super::contents::ArrayAbout;
use super::super::{error, paths};
use super::element::{Fault, MATRIX, Tag, word};
use crate::arrays::npy::{Decoder, c_order, read_numbers};
use crate::arrays::{Array, MAX_NUMBERS};

// MATLAB's names have up to 63 bytes; other programs write longer ones.
const MAX_NAME: u32 = 1 << 12;
const MAX_AXES_BYTES: u32 = 4 * 64;
const MAX_FIELD_NAMES: u32 = 1 << 20;
// The most arrays of a file, and the deepest nesting of structs into which the search goes.
const MAX_ARRAYS: usize = 1 << 16;
const MAX_DEPTH: usize = 8;

/// A search through the variables of a file.
pub(super) struct Search<'a> {
    /// The arrays found so far.
    pub list: &'a mut Vec<ArrayAbout>,
    /// The name of the array whose numbers are read.
    pub wanted: Option<&'a str>,
    /// Whether the machine that wrote the file stores the highest byte of a number first.
    pub big_endian: bool,
}

/// The head of a variable: what its first elements say.
struct Head {
    class: u32,
    complex: bool,
    logical: bool,
    shape: Vec<usize>,
    name: String,
}

impl Search<'_> {
    /// Goes through a variable, whose tag was read already, and the fields of a struct. Returns the numbers
    /// of the wanted array.
    pub fn variable(&mut self, file: &mut dyn Read) -> Result<Option<Array>, Fault> {
        let head = self.head(file)?;
        match head.name.as_str() {
            // The unnamed variable at the end of a file holds the insides of objects.
            "" => Ok(None),
            name => self.inside(file, &head, name, 0),
        }
    }

    fn inside(
        &mut self,
        file: &mut dyn Read,
        head: &Head,
        path: &str,
        depth: usize,
    ) -> Result<Option<Array>, Fault> {
        let real = matches!(head.class, 6..=15) && !head.complex;
        let fields = match head.class {
            2 => self.field_names(file)?,
            _ => Vec::new(),
        };
        let scalar = head.shape.iter().all(|&axis| axis == 1);
        if scalar && !fields.is_empty() && depth < MAX_DEPTH {
            return self.fields(file, &fields, path, depth);
        }
        if self.list.len() == MAX_ARRAYS {
            return Err(Fault::Damaged(format!("it has more than {MAX_ARRAYS} arrays")));
        }
        let (name, shape) = (path.to_owned(), head.shape.clone());
        self.list.push(ArrayAbout { name, shape, numbers: real, what: head.in_words(&fields) });
        match real && self.wanted == Some(path) {
            true => self.numbers(file, &head.shape).map(Some),
            false => Ok(None),
        }
    }

    fn fields(
        &mut self,
        file: &mut dyn Read,
        names: &[String],
        group: &str,
        depth: usize,
    ) -> Result<Option<Array>, Fault> {
        for name in names {
            let tag = Tag::read(file, self.big_endian)?;
            if tag.kind != MATRIX {
                return Err(Fault::Damaged(format!(
                    "the field {name:?} has type {} instead of {MATRIX}",
                    tag.kind
                )));
            }
            let mut field = tag.reader(file);
            // An empty field may have no head at all.
            if tag.bytes > 0 {
                let head = self.head(&mut field)?;
                let array = self.inside(&mut field, &head, &paths::joined(group, name), depth + 1)?;
                if array.is_some() {
                    return Ok(array);
                }
            }
            io::copy(&mut field, &mut io::sink())?;
        }
        Ok(None)
    }

    fn head(&self, file: &mut dyn Read) -> Result<Head, Fault> {
        let flags = self.data(file, &[6], 8, "the flags of a variable")?;
        if flags.len() != 8 {
            return Err(Fault::Damaged(format!(
                "the flags of a variable have {} bytes instead of 8",
                flags.len()
            )));
        }
        let flags = word(&flags, self.big_endian);
        let (class, complex, logical) = (flags & 0xff, flags & 0x800 != 0, flags & 0x200 != 0);
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let mut shape = Vec::new();
        // An object of a class written in MATLAB, such as a table, has no axes here.
        if class != 17 {
            // Some programs write them as unsigned numbers, type 6.
            let axes = self.data(file, &[5, 6], MAX_AXES_BYTES, "the axes of a variable")?;
            for axis in axes.chunks_exact(4).map(|four| word(four, self.big_endian)) {
                // Axes are signed numbers of 32 bits, so a larger number is not valid.
                let axis =
                    i32::try_from(axis).map_err(|_| Fault::Damaged(format!("an axis has length {axis}")))?;
                shape.push(axis as usize);
            }
        }
        let name = Tag::read(file, self.big_endian)?.data(file, MAX_NAME)?;
        Ok(Head { class, complex, logical, shape, name: text(name) })
    }

    /// The bytes of the next element, which has one of these types.
    fn data(&self, file: &mut dyn Read, kinds: &[u32], limit: u32, what: &str) -> Result<Vec<u8>, Fault> {
        let tag = Tag::read(file, self.big_endian)?;
        match kinds.contains(&tag.kind) {
            true => tag.data(file, limit),
            false => Err(Fault::Damaged(format!("{what} are of type {} instead of {}", tag.kind, kinds[0]))),
        }
    }

    fn field_names(&self, file: &mut dyn Read) -> Result<Vec<String>, Fault> {
        let length = self.data(file, &[5], 4, "the lengths of field names")?;
        let length = if length.len() == 4 { word(&length, self.big_endian) as usize } else { 0 };
        let names = self.data(file, &[1], MAX_FIELD_NAMES, "field names")?;
        if length == 0 && !names.is_empty() {
            return Err(Fault::Damaged("its field names have no length".into()));
        }
        let name = |bytes: &[u8]| {
            let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
            String::from_utf8_lossy(&bytes[..end]).into_owned()
        };
        Ok(names.chunks_exact(length.max(1)).map(name).collect())
    }

    fn numbers(&self, file: &mut dyn Read, shape: &[usize]) -> Result<Array, Fault> {
        let product = |product: u64, &axis: &usize| product.saturating_mul(axis as u64);
        if shape.iter().filter(|&&axis| axis > 0).fold(1, product) > MAX_NUMBERS {
            return Err(Fault::TooLarge(format!("has shape {shape:?}, and at most 2^31 numbers are read")));
        }
        let numbers = shape.iter().fold(1, product);
        let tag = Tag::read(file, self.big_endian)?;
        let dtype = tag.dtype(self.big_endian).unwrap_or_default();
        let Some(decoder) = Decoder::new(&dtype) else {
            return Err(Fault::Damaged(format!("its numbers have the unknown type {}", tag.kind)));
        };
        if u64::from(tag.bytes) != numbers * decoder.size as u64 {
            let found = tag.bytes;
            return Err(Fault::Damaged(format!(
                "it has {found} bytes for the shape {shape:?} of numbers {dtype}"
            )));
        }
        let fortran = read_numbers(&mut tag.reader(file), numbers as usize, &decoder)?;
        Ok(Array { shape: shape.to_vec(), values: c_order(shape, &fortran)? })
    }
}

impl Head {
    /// The class in words.
    fn in_words(&self, fields: &[String]) -> String {
        let class = match self.class {
            1 => "cell array",
            2 if fields.is_empty() => "struct without fields",
            2 => {
                return format!(
                    "struct array with the fields {}",
                    error::fields(fields.iter().map(String::as_str))
                );
            }
            3 => "object",
            4 => "char",
            5 => "sparse",
            6 => "double",
            7 => "single",
            8 => "int8",
            9 => "uint8",
            10 => "int16",
            11 => "uint16",
            12 => "int32",
            13 => "uint32",
            14 => "int64",
            15 => "uint64",
            16 => "function handle",
            17 => "object such as a table or a string",
            class => return format!("unknown class {class}"),
        };
        match self {
            Self { complex: true, .. } => format!("complex {class}"),
            Self { logical: true, class: 5, .. } => "logical sparse".into(),
            Self { logical: true, .. } => "logical".into(),
            _ => class.into(),
        }
    }
}
