//! Which runs are being trained.
//!
//! A training holds `experiment.toml` locked, and refuses to start where it finds it locked. To try the lock would be to
//! hold it for a moment, and a training that begins in that moment would be refused; so the lock is only looked at, in
//! the table that Linux keeps. Elsewhere a run counts as being trained for as long as its files change.

use std::collections::HashSet;
use std::fs::Metadata;
use std::time::{Duration, SystemTime};

/// Where nobody says who holds what: how long after its last sign of life a run still counts as being trained. Two
/// validations may lie that far apart.
const SILENCE: Duration = Duration::from_secs(120);

/// The files that are locked at one moment.
pub(crate) struct Locks {
    /// By inode; none where the system does not tell. File systems that are made of parts (btrfs, overlays) have
    /// other device numbers here than in the metadata, so the inode alone has to do.
    held: Option<HashSet<u64>>,
}

impl Locks {
    /// As it stands now. Of processes in another container or on another machine this table does not know.
    pub(crate) fn now() -> Self {
        Locks { held: std::fs::read_to_string("/proc/locks").ok().map(|table| parse(&table)) }
    }

    /// Whether a file is locked, which changed last at `alive`.
    pub(crate) fn hold(&self, file: &Metadata, alive: Option<SystemTime>) -> bool {
        match (&self.held, inode(file)) {
            (Some(held), Some(inode)) => held.contains(&inode),
            _ => alive.is_some_and(|at| at.elapsed().is_ok_and(|silent| silent < SILENCE)),
        }
    }
}

/// What tells a file from one that took its place under the same name.
#[cfg(unix)]
pub(crate) fn inode(file: &Metadata) -> Option<u64> {
    Some(std::os::unix::fs::MetadataExt::ino(file))
}

#[cfg(not(unix))]
pub(crate) fn inode(_: &Metadata) -> Option<u64> {
    None
}

/// Lines such as `1: FLOCK  ADVISORY  WRITE 12887 fe:00:10437528 0 EOF`. Those with an arrow only wait for a lock.
fn parse(table: &str) -> HashSet<u64> {
    let inode = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            [_, "FLOCK", _, "WRITE", _, file, ..] => file.rsplit(':').next()?.parse().ok(),
            _ => None,
        }
    };
    table.lines().filter_map(inode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_locks_is_read() {
        let table = "1: FLOCK  ADVISORY  WRITE 12887 fe:00:10437528 0 EOF\n\
                     1: -> FLOCK  ADVISORY  WRITE 12888 fe:00:9 0 EOF\n\
                     2: FLOCK  ADVISORY  READ 12887 fe:00:10133510 0 EOF\n\
                     3: POSIX  ADVISORY  WRITE 7 fe:00:5 0 EOF\n\
                     4: FLOCK  ADVISORY  WRITE -1 00:2f:77 0 EOF\nnonsense\n";
        assert_eq!(parse(table), HashSet::from([10437528, 77]));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_lock_is_seen_without_taking_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("experiment.toml");
        std::fs::write(&path, "").unwrap();
        let file = std::fs::File::open(&path).unwrap();
        let metadata = file.metadata().unwrap();
        let now = Some(SystemTime::now());
        assert!(!Locks::now().hold(&metadata, now));
        file.try_lock().unwrap();
        assert!(Locks::now().hold(&metadata, None));
        drop(file);
        assert!(!Locks::now().hold(&metadata, now));
    }
}
