//! The contents of a file of measurements: named arrays, or sheets of cells.

use super::error::ContainerError;
use crate::arrays::Array;

/// An array in a file, before its numbers are read.
#[derive(Clone, Debug, PartialEq)]
pub struct ArrayAbout {
    /// The name for [`Arrays::read`]; for an array inside a group it is a path, such as `/run1/x`.
    pub name: String,
    /// The length of each axis, in the order in which the program that wrote the file shows them;
    /// empty for a single number.
    pub shape: Vec<usize>,
    /// Whether it holds real numbers that can be read.
    pub numbers: bool,
    /// Its type in words, such as `float64`, `int16 (logical)` or `struct with the fields a, b`.
    pub what: String,
}

/// A file of named arrays.
pub trait Arrays {
    /// The kind of file in words, such as `MATLAB v5`.
    fn kind(&self) -> &'static str;

    /// What the file holds, in the order of the file, including what cannot be read as numbers.
    fn list(&self) -> Vec<ArrayAbout>;

    /// Returns the numbers of one array in row-major order. Integers beyond 2^53 are rounded;
    /// logical values are 0 and 1.
    ///
    /// # Errors
    ///
    /// When there is no array of that name, when it does not hold real numbers, when it is too
    /// large for [`crate::arrays::MAX_NUMBERS`] or for the memory, and when its bytes are damaged.
    fn read(&self, name: &str) -> Result<Array, ContainerError>;
}

/// A file of sheets, as a spreadsheet program writes it.
pub trait Sheets {
    /// The names of the sheets, in the order of the file.
    fn names(&self) -> Vec<String>;

    /// Returns the cells of one sheet as text, from its first row and column on. A row ends with its
    /// last cell that is not empty; empty rows at the end are left out.
    ///
    /// A number has the digits that read back as the same number; a date is in ISO 8601, such as
    /// `2024-03-01` or `2024-03-01T12:30:00.5`; a time of day or a duration is its number of
    /// seconds; a truth value is `1` or `0`; a formula is its stored value, or `=` and its text
    /// where no value is stored.
    ///
    /// # Errors
    ///
    /// When there is no sheet of that name, when it has too many cells, and when its part of the
    /// file is damaged.
    fn rows(&self, name: &str) -> Result<Vec<Vec<String>>, ContainerError>;
}
