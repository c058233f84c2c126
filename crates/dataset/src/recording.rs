//! Recordings: files that somebody measured, read into segments on one sample interval.
//!
//! A file is read in four stages. [`Settings`] say what the user knows about it. Its bytes become rows of cells (text and
//! sheets) or arrays, and these become tables of numbers: names, units and missing cells are found in one place for all
//! kinds of files. One sample interval is fitted to the times of all tables. Then the tables are cut into segments wherever
//! a sample is missing. [`read()`] does all of it; [`inspect`] tells what it would do and why.

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
