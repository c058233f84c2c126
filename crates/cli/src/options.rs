//! Options that several commands share.

use std::path::PathBuf;

use clap::Args;

/// Reads a whole number that is at least `LEAST`.
pub(crate) fn at_least<const LEAST: usize>(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|&number| number >= LEAST);
    number.ok_or_else(|| format!("it must be a whole number, at least {LEAST}"))
}

#[derive(Args)]
pub(crate) struct OnDevice {
    /// Device to compute on: cpu, gpu, cuda or ndarray (see `attractor list devices`)
    #[arg(long, default_value = "cpu")]
    pub(crate) device: String,
}

#[derive(Args)]
pub(crate) struct RunsFolder {
    /// Folder of the runs
    #[arg(long, default_value = "runs", value_name = "DIR")]
    pub(crate) runs: PathBuf,
}
