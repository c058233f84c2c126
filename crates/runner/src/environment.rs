//! Where and by what a run was made.

use serde::{Deserialize, Serialize};

/// The program, as its build saw it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Build {
    /// Version of the program.
    pub version: String,
    /// Revision of its source; empty where it was not built from a repository.
    pub git_revision: String,
    /// Whether the source differed from that revision.
    pub git_dirty: bool,
}

/// The contents of `environment.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Environment {
    #[serde(flatten)]
    pub(crate) build: Build,
    pub(crate) device: String,
    pub(crate) cpu: String,
    pub(crate) threads: usize,
    pub(crate) os: String,
    pub(crate) seed: u64,
    /// For a folder with new scores of a run: the directory of that run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) evaluated_run: Option<String>,
    /// For a folder with new scores of a run: the time of this scoring in UTC. It tells several scorings of a run apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) evaluated_at: Option<String>,
}

impl Environment {
    pub(crate) fn here(build: &Build, device: &str, seed: u64) -> Self {
        Environment {
            build: build.clone(),
            device: device.to_owned(),
            cpu: cpu(),
            threads: rayon::current_num_threads(),
            os: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            seed,
            evaluated_run: None,
            evaluated_at: None,
        }
    }
}

/// The processor's name where the system tells it in a file, else its kind.
fn cpu() -> String {
    let told = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    told.lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or(std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}
