//! Recordings: files of measurements, read into segments with one sample interval.
//!
//! [`Settings`] hold what the user says about the files. Reading has four stages:
//!
//! 1. The bytes of a file become rows of cells (text and sheets) or arrays.
//! 2. Rows and arrays become tables of numbers. Names, units and missing cells are found here, for all kinds of files.
//! 3. One sample interval is fitted to the times of all tables.
//! 4. The tables are cut into segments wherever a sample is missing.
//!
//! [`read()`] does all of this; [`inspect`] describes what it would do and why.

mod arrange;
mod array_tables;
mod cells;
mod choice;
mod choose;
mod dialect;
mod encoding;
mod error;
mod estimate;
mod experiment;
mod files;
mod grid;
mod header;
mod inspection;
mod missing;
mod notes;
mod order;
mod read;
mod resample;
mod rows;
mod segments;
mod settings;
mod source;
mod table;
mod time;

pub use error::RecordingError;
pub use estimate::{Estimate, estimate};
pub use experiment::experiment_text;
pub use files::find;
pub use inspection::{ColumnReport, Inspection, inspect};
pub use read::{Reading, read};
pub use segments::{Channel, Recording, Segment};
pub use settings::{Duplicates, Gaps, Missing, Settings, StepsBack};

#[cfg(test)]
mod tests;
