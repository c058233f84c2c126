//! From trajectories to examples: split by trajectory, normalised by the training part alone, cut into
//! windows, gathered a batch at a time. Also reads files of recordings of many kinds, and reads and writes
//! numpy arrays and .csv files.

pub mod arrays;
pub mod containers;
mod examples;
pub mod fields;
pub mod files;
pub mod jacobi;
mod normalisation;
mod pieces;
mod pod;
pub mod recording;
pub mod shards;
mod split;
pub mod subspace;

pub use examples::{Batch, BatchOrder, Examples};
pub use normalisation::Normalisation;
pub use pieces::{Extent, Piece, Pieces};
pub use pod::Pod;
pub use split::{Split, check_fractions};

/// What was asked of the data cannot be had from them.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct DatasetError(pub String);
