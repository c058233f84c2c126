//! From trajectories to examples: split by trajectory, normalised by the training part alone, cut into
//! windows, gathered a batch at a time. Also array files: .npz as numpy reads and writes it, and .csv; and
//! the array files and spreadsheets in which other programs keep measurements; and recordings: such files,
//! or text, as segments on one sample interval.

pub mod arrays;
pub mod containers;
mod examples;
pub mod files;
mod normalisation;
pub mod recording;
pub mod shards;
mod split;

pub use examples::{Batch, BatchOrder, Examples};
pub use normalisation::Normalisation;
pub use split::Split;

/// What was asked of the data cannot be had from them.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct DatasetError(pub String);
