//! From trajectories to examples: split by trajectory, normalised by the training part alone, cut into
<<<<<<< HEAD
//! windows, gathered a batch at a time. Also the files that hold them: recordings of any kind, arrays as numpy reads and
//! writes them, and .csv.
=======
//! windows, gathered a batch at a time. Also array files: .npz as numpy reads and writes it, and .csv; and
//! the array files and spreadsheets in which other programs keep measurements; and recordings: such files,
//! or text, as segments on one sample interval.
>>>>>>> recording

pub mod arrays;
pub mod containers;
mod examples;
pub mod files;
mod normalisation;
mod pieces;
pub mod recording;
pub mod shards;
mod split;

pub use examples::{Batch, BatchOrder, Examples};
pub use normalisation::Normalisation;
pub use pieces::{Extent, Piece, Pieces};
pub use split::{Split, check_fractions};

/// What was asked of the data cannot be had from them.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct DatasetError(pub String);
