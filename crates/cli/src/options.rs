//! Options that several commands share.

use std::path::PathBuf;

use clap::Args;

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
