//! Trajectories in a folder of .npz files, for more of them than memory holds.
//!
//! An .npz is what every other file of this program is, `numpy.load` reads each, and one that is whole says so by its
//! directory at the end and the checksums in it.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use trajectory::{Layout, Times, Trajectories};

use crate::arrays::{Array, ArrayFileError, Npz, read_npz, write_npz};
use crate::fields;

/// The numbers of a shard, 64 MiB: large enough to be written and read at the speed of a disk, and small enough that
/// a few in memory are no matter.
const NUMBERS: usize = 1 << 23;

/// Writes trajectories over the same `times`: these as `t`, the states `u` [trajectory, time, component] and, where
/// there are any, the known inputs `known` [trajectory, time, input].
///
/// # Errors
/// As [`write_npz`].
///
/// # Panics
/// Trajectories over other times.
pub fn write_trajectories(path: &Path, times: &Times, runs: &Trajectories) -> io::Result<()> {
    let (count, samples) = (runs.count(), times.samples());
    let t = Array::new([samples], times.all());
    let u = Array::new([count, samples, runs.dim()], runs.u().to_vec());
    let known = Array::new([count, samples, runs.known_dim()], runs.known().to_vec());
    let mut arrays = vec![("t", &t), ("u", &u)];
    if runs.known_dim() > 0 {
        arrays.push(("known", &known));
    }
    write_npz(path, &arrays)
}

/// Files `trajectories-000000.npz`, `trajectories-000001.npz` ... of equally many trajectories, but for the last one,
/// each as [`write_trajectories`] writes it, or [`fields::write_fields`].
#[derive(Clone, Debug)]
pub struct Shards {
    folder: PathBuf,
    times: Times,
    dim: usize,
    known_dim: usize,
    count: usize,
    each: usize,
    /// Of fields.
    layout: Option<Layout>,
}

impl Shards {
    /// `count` trajectories in files of `each`, which is at least 1. Nothing is read or written.
    pub fn new(folder: &Path, times: Times, [dim, known_dim]: [usize; 2], count: usize, each: usize) -> Self {
        Shards { folder: folder.to_owned(), times, dim, known_dim, count, each: each.max(1), layout: None }
    }

    /// The same for fields of this layout.
    pub fn of_fields(self, layout: Layout) -> Self {
        Shards { dim: layout.dim(), known_dim: 0, layout: Some(layout), ..self }
    }

    /// A good number of trajectories for a shard, of so many numbers each.
    pub fn good_size(numbers: usize) -> usize {
        let fit = NUMBERS / numbers.max(1);
        // A round number, so that trajectories that are integrated side by side are so in one shard.
        if fit >= 64 { fit - fit % 64 } else { fit.max(1) }
    }

    /// Number of shards.
    pub fn number(&self) -> usize {
        self.count.div_ceil(self.each)
    }

    /// The number of the shard that holds a trajectory.
    pub fn shard_of(&self, trajectory: usize) -> usize {
        trajectory / self.each
    }

    /// The trajectories of a shard.
    pub fn range(&self, shard: usize) -> Range<usize> {
        shard * self.each..((shard + 1) * self.each).min(self.count)
    }

    /// The file of a shard.
    pub fn path(&self, shard: usize) -> PathBuf {
        self.folder.join(format!("trajectories-{shard:06}.npz"))
    }

    /// Writes a shard.
    ///
    /// # Errors
    /// As [`write_npz`].
    pub fn write(&self, shard: usize, runs: &Trajectories) -> io::Result<()> {
        match &self.layout {
            Some(layout) => fields::write_fields(&self.path(shard), &self.times, layout, runs),
            None => write_trajectories(&self.path(shard), &self.times, runs),
        }
    }

    /// Looks whether a shard is there, and whole as far as its directory and the headers of its arrays tell; false
    /// where it is missing.
    ///
    /// # Errors
    /// Where it is cut short or holds something else.
    pub fn is_there(&self, shard: usize) -> Result<bool, ArrayFileError> {
        let path = self.path(shard);
        match read_npz(&path) {
            Err(ArrayFileError::Io(_, error)) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(fault) => Err(fault),
            Ok(file) => self.check(&path, &file, self.range(shard).len()).map(|()| true),
        }
    }

    fn check(&self, path: &Path, file: &Npz, count: usize) -> Result<(), ArrayFileError> {
        let samples = self.times.samples();
        let mut all = match &self.layout {
            Some(layout) => fields::shapes(layout, samples, count),
            None => vec![("t".to_owned(), vec![samples]), ("u".to_owned(), vec![count, samples, self.dim])],
        };
        if self.known_dim > 0 {
            all.push(("known".to_owned(), vec![count, samples, self.known_dim]));
        }
        for (name, expected) in all {
            let found = file.shape(&name)?;
            if found != expected {
                let fault = format!("has shape {found:?} where its folder asks for {expected:?}");
                return Err(ArrayFileError::Unreadable(path.to_owned(), name, fault));
            }
        }
        Ok(())
    }

    /// Reads the trajectories of these numbers, which ascend and are below the count; one shard at a time is in
    /// memory beside them.
    ///
    /// # Errors
    /// A shard that is missing, or damaged in any byte.
    pub fn read(&self, which: &[usize]) -> Result<Trajectories, ArrayFileError> {
        let samples = self.times.samples();
        let mut u = Vec::with_capacity(which.len() * samples * self.dim);
        let mut known = Vec::with_capacity(which.len() * samples * self.known_dim);
        for of_one in which.chunk_by(|a, b| self.shard_of(*a) == self.shard_of(*b)) {
            let shard = self.shard_of(of_one[0]);
            let (path, range) = (self.path(shard), self.range(shard));
            let file = read_npz(&path)?;
            self.check(&path, &file, range.len())?;
            let take = |name: &str, dim: usize, to: &mut Vec<f64>| {
                let values = &file.get(name)?.values;
                let length = samples * dim;
                for run in of_one {
                    to.extend(&values[(run - range.start) * length..][..length]);
                }
                Ok::<_, ArrayFileError>(())
            };
            match &self.layout {
                Some(layout) => {
                    let which = of_one.iter().map(|run| run - range.start);
                    fields::append(&file, layout, samples, which, &mut u)?;
                }
                None => take("u", self.dim, &mut u)?,
            }
            if self.known_dim > 0 {
                take("known", self.known_dim, &mut known)?;
            }
        }
        Ok(Trajectories::new(self.times, [self.dim, self.known_dim], u, known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Trajectories of three samples whose numbers say where they stand.
    fn runs(range: Range<usize>) -> Trajectories {
        let at = |dim: usize| {
            let each = range.clone().flat_map(move |run| (0..3 * dim).map(move |i| (run, i)));
            each.map(|(run, i)| (100 * run + i) as f64).collect()
        };
        Trajectories::new(times(), [2, 1], at(2), at(1))
    }

    fn times() -> Times {
        Times::up_to(1.0, 0.5).unwrap()
    }

    fn shards(folder: &Path) -> Shards {
        let shards = Shards::new(folder, times(), [2, 1], 10, 4);
        for shard in 0..shards.number() {
            shards.write(shard, &runs(shards.range(shard))).unwrap();
        }
        shards
    }

    #[test]
    fn what_is_written_in_shards_is_read_in_any_selection() {
        let folder = tempfile::tempdir().unwrap();
        let shards = shards(folder.path());
        assert_eq!((shards.number(), shards.range(2), shards.shard_of(7)), (3, 8..10, 1));
        assert!((0..3).all(|shard| shards.is_there(shard).unwrap()));
        assert_eq!(shards.read(&(0..10).collect::<Vec<_>>()).unwrap(), runs(0..10));
        let some = shards.read(&[1, 2, 9]).unwrap();
        assert_eq!(
            (some.count(), some.state(1, 2), some.known_at(2, 1)),
            (3, &[204.0, 205.0][..], &[901.0][..])
        );
        assert_eq!(shards.read(&[]).unwrap().count(), 0);
    }

    #[test]
    fn shards_are_of_a_bounded_size() {
        assert_eq!(Shards::good_size(801 * 3), 3456);
        assert_eq!(Shards::good_size(1 << 20), 8);
        assert_eq!((Shards::good_size(1 << 30), Shards::good_size(0)), (1, NUMBERS));
    }

    #[test]
    fn damage_is_told_with_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let shards = shards(folder.path());
        let path = shards.path(1);
        let bytes = std::fs::read(&path).unwrap();
        let all: Vec<usize> = (0..10).collect();
        let name = |fault: ArrayFileError| {
            let said = fault.to_string();
            assert!(said.contains("trajectories-000001.npz"), "{said}");
            said
        };
        for length in [0, 10, bytes.len() / 2, bytes.len() - 1] {
            std::fs::write(&path, &bytes[..length]).unwrap();
            name(shards.is_there(1).unwrap_err());
            name(shards.read(&all).unwrap_err());
        }
        let mut flipped = bytes.clone();
        flipped[bytes.len() / 2] ^= 1;
        std::fs::write(&path, &flipped).unwrap();
        assert!(name(shards.read(&all).unwrap_err()).contains("damaged"));
        shards.write(1, &runs(0..3)).unwrap();
        assert!(
            name(shards.is_there(1).unwrap_err())
                .contains("has shape [3, 3, 2] where its folder asks for [4, 3, 2]")
        );
        std::fs::remove_file(&path).unwrap();
        assert!(!shards.is_there(1).unwrap());
        name(shards.read(&all).unwrap_err());
        assert_eq!(shards.read(&[0, 8]).unwrap().count(), 2);
    }
}
