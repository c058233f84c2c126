//! What tells the folder of a sweep from others.

use std::path::Path;

pub(super) const ABOUT: &str = "sweep.json";

/// Whether a folder holds a sweep.
pub fn is_sweep(directory: &Path) -> bool {
    directory.join(ABOUT).is_file()
}
