//! Trajectories of equal or unequal length in one array.

use std::ops::Range;

use crate::{Places, Times};

/// Successive samples of one trajectory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Segment {
    /// Time of the first sample.
    pub start: f64,
    /// States, [time, component].
    pub u: Vec<f64>,
    /// Known inputs, [time, input].
    pub known: Vec<f64>,
}

/// Trajectories with the same sample interval, each with its own first time and number of samples. States u [time,
/// component] and known inputs [time, input] are row-major arrays, with one trajectory after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Trajectories {
    dt: f64,
    dim: usize,
    known_dim: usize,
    /// Time of the first sample of each.
    starts: Vec<f64>,
    samples: Places,
    u: Vec<f64>,
    known: Vec<f64>,
}

impl Trajectories {
    /// Trajectories over the same times, from states `u` [trajectory, time, dim] and known inputs `known`
    /// [trajectory, time, `known_dim`].
    ///
    /// # Panics
    /// If the arrays do not hold whole trajectories, or not equally many.
    pub fn new(times: Times, [dim, known_dim]: [usize; 2], u: Vec<f64>, known: Vec<f64>) -> Self {
        let count = u.len() / (times.samples() * dim);
        assert_eq!(count * times.samples() * dim, u.len());
        assert_eq!(count * times.samples() * known_dim, known.len());
        let samples = Places::new(std::iter::repeat_n(times.samples(), count));
        Trajectories { dt: times.dt(), dim, known_dim, starts: vec![times.at(0); count], samples, u, known }
    }

    /// Trajectories of any lengths with the sample interval `dt`.
    ///
    /// # Panics
    /// If a segment is empty, or does not hold whole samples.
    pub fn of_segments(
        dt: f64,
        [dim, known_dim]: [usize; 2],
        segments: impl IntoIterator<Item = Segment>,
    ) -> Self {
        let (mut starts, mut lengths) = (Vec::new(), Vec::new());
        let (mut u, mut known) = (Vec::new(), Vec::new());
        for segment in segments {
            let samples = segment.u.len() / dim;
            assert!(samples > 0 && segment.u.len() == samples * dim, "whole samples");
            assert_eq!(segment.known.len(), samples * known_dim, "known inputs at every sample");
            starts.push(segment.start);
            lengths.push(samples);
            u.extend_from_slice(&segment.u);
            known.extend_from_slice(&segment.known);
        }
        Trajectories { dt, dim, known_dim, starts, samples: Places::new(lengths.into_iter()), u, known }
    }

    /// The time from one sample to the next.
    pub fn dt(&self) -> f64 {
        self.dt
    }

    /// Number of trajectories.
    pub fn count(&self) -> usize {
        self.starts.len()
    }

    /// Number of samples of a trajectory.
    pub fn samples(&self, trajectory: usize) -> usize {
        self.samples.length(trajectory)
    }

    /// Number of samples of all trajectories.
    pub fn all_samples(&self) -> usize {
        self.samples.count()
    }

    /// The time of a sample of a trajectory.
    pub fn time(&self, trajectory: usize, sample: usize) -> f64 {
        self.starts[trajectory] + sample as f64 * self.dt
    }

    /// Number of components of the state.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Number of known inputs.
    pub fn known_dim(&self) -> usize {
        self.known_dim
    }

    /// All states, [time, component] of one trajectory after the other.
    pub fn u(&self) -> &[f64] {
        &self.u
    }

    /// All known inputs, [time, input] of one trajectory after the other.
    pub fn known(&self) -> &[f64] {
        &self.known
    }

    /// The state of a trajectory at a sample: its components.
    pub fn state(&self, trajectory: usize, sample: usize) -> &[f64] {
        let at = (self.samples.before(trajectory) + sample) * self.dim;
        &self.u[at..at + self.dim]
    }

    /// The known inputs of a trajectory at a sample.
    pub fn known_at(&self, trajectory: usize, sample: usize) -> &[f64] {
        let at = (self.samples.before(trajectory) + sample) * self.known_dim;
        &self.known[at..at + self.known_dim]
    }

    /// The states of a trajectory at successive samples, [time, component].
    pub fn states(&self, trajectory: usize, samples: Range<usize>) -> &[f64] {
        let before = self.samples.before(trajectory);
        &self.u[(before + samples.start) * self.dim..(before + samples.end) * self.dim]
    }

    /// The trajectories with these numbers, in this order.
    pub fn select(&self, which: &[usize]) -> Self {
        self.cut(which.iter().map(|&trajectory| (trajectory, 0..self.samples(trajectory))))
    }

    /// Pieces of trajectories, each of some successive samples, in this order.
    pub fn cut(&self, pieces: impl IntoIterator<Item = (usize, Range<usize>)>) -> Self {
        let segments = pieces.into_iter().map(|(trajectory, samples)| {
            let before = self.samples.before(trajectory);
            let inputs = (before + samples.start) * self.known_dim..(before + samples.end) * self.known_dim;
            Segment {
                start: self.time(trajectory, samples.start),
                u: self.states(trajectory, samples).to_vec(),
                known: self.known[inputs].to_vec(),
            }
        });
        Self::of_segments(self.dt, [self.dim, self.known_dim], segments)
    }

    /// All trajectories of several sets, one set after the other.
    ///
    /// # Panics
    /// If there is no set, or if a set differs from the first in its components, inputs or sample interval.
    pub fn joined(sets: &[&Self]) -> Self {
        let first = sets[0];
        let about = |set: &Self| (set.dt, set.dim, set.known_dim);
        assert!(sets.iter().all(|set| about(set) == about(first)), "sets of one kind");
        let lengths = sets.iter().flat_map(|set| (0..set.count()).map(|run| set.samples(run)));
        Trajectories {
            samples: Places::new(lengths),
            starts: sets.iter().flat_map(|set| &set.starts).copied().collect(),
            u: sets.iter().flat_map(|set| &set.u).copied().collect(),
            known: sets.iter().flat_map(|set| &set.known).copied().collect(),
            dt: first.dt,
            dim: first.dim,
            known_dim: first.known_dim,
        }
    }

    /// The same trajectories with only these components of the states, in this order.
    pub fn observe(self, components: &[usize]) -> Self {
        if components.iter().copied().eq(0..self.dim) {
            return self;
        }
        let u = self.u.chunks_exact(self.dim).flat_map(|state| components.iter().map(|&j| state[j]));
        Trajectories { u: u.collect(), dim: components.len(), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three trajectories of 4, 1 and 3 samples: u = (100 run + i, -i), one input 10 run + i.
    fn unequal() -> Trajectories {
        let segment = |(run, samples): (usize, usize)| Segment {
            start: run as f64 * 2.0,
            u: (0..samples).flat_map(|i| [(100 * run + i) as f64, -(i as f64)]).collect(),
            known: (0..samples).map(|i| (10 * run + i) as f64).collect(),
        };
        Trajectories::of_segments(0.5, [2, 1], [4, 1, 3].into_iter().enumerate().map(segment))
    }

    #[test]
    fn trajectories_of_unequal_length_keep_their_states_inputs_and_times() {
        let runs = unequal();
        assert_eq!((runs.count(), runs.all_samples(), runs.dim(), runs.known_dim()), (3, 8, 2, 1));
        assert_eq!([0, 1, 2].map(|run| runs.samples(run)), [4, 1, 3]);
        assert_eq!((runs.state(2, 1), runs.known_at(2, 1)), (&[201.0, -1.0][..], &[21.0][..]));
        assert_eq!((runs.state(1, 0), runs.time(2, 1), runs.time(0, 3)), (&[100.0, 0.0][..], 4.5, 1.5));
        assert_eq!(runs.states(0, 2..4), [2.0, -2.0, 3.0, -3.0]);
    }

    #[test]
    fn pieces_are_trajectories_that_begin_at_their_own_time() {
        let pieces = unequal().cut([(2, 1..3), (0, 0..2)]);
        assert_eq!((pieces.count(), pieces.u()), (2, &[201.0, -1.0, 202.0, -2.0, 0.0, 0.0, 1.0, -1.0][..]));
        assert_eq!(
            (pieces.known(), pieces.time(0, 0), pieces.time(1, 1)),
            (&[21.0, 22.0, 0.0, 1.0][..], 4.5, 0.5)
        );
        assert_eq!(unequal().select(&[0, 1, 2]), unequal());
        assert_eq!(Trajectories::joined(&[&unequal().select(&[0]), &unequal().select(&[1, 2])]), unequal());
        let times = Times::up_to(1.0, 0.5).unwrap().from(3.0);
        let equal = Trajectories::new(times, [1, 0], (0..9).map(f64::from).collect(), vec![]);
        let ends: Vec<f64> = (0..3).map(|run| equal.time(run, 2)).collect();
        assert_eq!((equal.count(), equal.state(2, 0), ends), (3, &[6.0][..], vec![4.0; 3]));
        assert_eq!(equal.select(&[0, 1, 2]), equal);
    }

    #[test]
    fn what_is_observed_are_some_components_in_an_order() {
        assert_eq!(unequal().observe(&[0, 1]), unequal());
        let seen = unequal().observe(&[1]);
        assert_eq!((seen.dim(), seen.state(2, 2), seen.known_at(2, 2)), (1, &[-2.0][..], &[22.0][..]));
        assert_eq!(unequal().observe(&[1, 0]).state(0, 3), [-3.0, 3.0]);
    }
}
