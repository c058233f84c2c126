//! Windows of trajectories, resident in memory and gathered a batch at a time.

use trajectory::{Places, Trajectories, random, random::Stream};

use crate::{DatasetError, Normalisation};

/// All windows of one part of the data: `window` successive samples, each with the increment that follows it. No window
/// crosses from one trajectory to the next.
pub struct Examples {
    inputs: Vec<f64>,  // [time, feature] of one trajectory after the other
    targets: Vec<f64>, // [time, component], likewise, without the last time of each trajectory
    samples: Places,
    windows: Places,
    features: usize,
    dim: usize,
    stride: usize,
}

impl Examples {
    /// The scaled windows of these trajectories, one at every `stride` samples. A trajectory that is too short for a
    /// window gives none.
    ///
    /// # Errors
    /// If the window is empty, or so long that no trajectory has a sample after it.
    pub fn new(
        runs: &Trajectories,
        part: &[usize],
        normalisation: &Normalisation,
        window: usize,
        stride: usize,
    ) -> Result<Self, DatasetError> {
        let samples = Places::new(part.iter().map(|&run| runs.samples(run)));
        let windows = |run: &usize| runs.samples(*run).saturating_sub(window).div_ceil(stride);
        let windows = Places::new(part.iter().map(windows));
        if window == 0 || windows.count() == 0 {
            let longest = part.iter().map(|&run| runs.samples(run)).max().unwrap_or(1);
            return Err(DatasetError(format!(
                "a window of {window} samples does not fit: it must hold at least 1, and at most {}, one less than \
                 {} has",
                longest - 1,
                if part.len() == 1 { "the trajectory" } else { "the longest trajectory" }
            )));
        }
        let (features, dim) = (normalisation.features(), normalisation.dim());
        let mut inputs = vec![0.0; samples.count() * features];
        let mut rows = inputs.chunks_exact_mut(features);
        let mut targets = Vec::with_capacity((samples.count() - part.len()) * dim);
        for &run in part {
            for (i, row) in (0..runs.samples(run)).zip(&mut rows) {
                for (input, scaled) in
                    row.iter_mut().zip(normalisation.scale(runs.state(run, i), runs.known_at(run, i)))
                {
                    *input = scaled;
                }
                if i + 1 < runs.samples(run) {
                    let (now, next) = (runs.state(run, i), runs.state(run, i + 1));
                    targets.extend((0..dim).map(|j| normalisation.scale_increment(j, now[j], next[j])));
                }
            }
        }
        Ok(Examples { inputs, targets, samples, windows, features, dim, stride })
    }

    /// Number of windows.
    pub fn count(&self) -> usize {
        self.windows.count()
    }

    /// Copies the windows with these numbers, all below [`Examples::count`], into `batch`; of each the first `length`
    /// samples, at most as many as it has.
    pub fn gather(&self, which: &[usize], length: usize, batch: &mut Batch) {
        batch.shape = [which.len(), length, self.features, self.dim];
        let places = || which.iter().map(|&number| self.windows.at(number));
        let first = |(run, window): (usize, usize)| self.samples.before(run) + window * self.stride;
        let inputs = places().map(|place| first(place) * self.features);
        copy_rows(&self.inputs, inputs, length * self.features, &mut batch.inputs);
        // The last sample of each trajectory before has no increment after it.
        let targets = places().map(|place| (first(place) - place.0) * self.dim);
        copy_rows(&self.targets, targets, length * self.dim, &mut batch.targets);
    }
}

/// Copies rows of some length from each of some places, one after the other.
fn copy_rows(from: &[f64], places: impl ExactSizeIterator<Item = usize>, length: usize, to: &mut Vec<f64>) {
    /// A length known to the compiler: a call for each short row would take longer than the copy, and the copies of
    /// several rows would wait for each other's way to memory.
    fn short<const N: usize>(from: &[f64], places: impl Iterator<Item = usize>, to: &mut [f64]) {
        for (slot, at) in to.as_chunks_mut::<N>().0.iter_mut().zip(places) {
            slot.copy_from_slice(&from[at..at + N]);
        }
    }
    to.resize(places.len() * length, 0.0);
    match length {
        1 => short::<1>(from, places, to),
        2 => short::<2>(from, places, to),
        3 => short::<3>(from, places, to),
        4 => short::<4>(from, places, to),
        _ => {
            for (slot, at) in to.chunks_exact_mut(length).zip(places) {
                slot.copy_from_slice(&from[at..at + length]);
            }
        }
    }
}

/// Some windows, scaled.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Number of windows, samples a window, inputs a sample, components of a target.
    pub shape: [usize; 4],
    /// [batch, window, feature].
    pub inputs: Vec<f64>,
    /// The increment after each sample, [batch, window, component].
    pub targets: Vec<f64>,
}

impl Batch {
    /// Adds noise of this standard deviation to the components of every sample, and takes it off the increment after
    /// it, so that the state that follows stays the true one.
    pub fn add_noise(&mut self, deviation: f64, scales: &Normalisation, stream: &mut Stream) {
        let [_, _, features, dim] = self.shape;
        let samples = self.inputs.chunks_exact_mut(features).zip(self.targets.chunks_exact_mut(dim));
        for (sample, target) in samples {
            for (j, (x, increment)) in sample.iter_mut().zip(target).enumerate() {
                let noise = deviation * random::normal(stream);
                *x += noise;
                // A steady component moves by its mean increment from any state.
                if !scales.is_steady(j) {
                    *increment -= noise * scales.std[j] / scales.increment_std[j];
                }
            }
        }
    }
}

/// Which examples make up the batch of a step: every example once an epoch, in an order that depends on
/// (seed, epoch) alone, so that training can continue at any step. Examples left over at the end of an
/// epoch that do not fill a batch sit that epoch out.
pub struct BatchOrder {
    seed: u64,
    count: usize,
    size: usize,
    epoch: Option<u64>,
    order: Vec<usize>,
}

impl BatchOrder {
    /// Batches of `size`, at least 1, out of `count` examples; of all of them where they are fewer.
    pub fn new(seed: u64, count: usize, size: usize) -> Self {
        BatchOrder { seed, count, size: size.min(count), epoch: None, order: Vec::new() }
    }

    /// The epoch of a step, both counted from 0.
    pub fn epoch(&self, step: u64) -> u64 {
        step / self.per_epoch()
    }

    fn per_epoch(&self) -> u64 {
        (self.count / self.size) as u64
    }

    /// The examples of a step, counted from 0.
    pub fn at(&mut self, step: u64) -> &[usize] {
        let (epoch, batch) = (self.epoch(step), (step % self.per_epoch()) as usize);
        if self.epoch != Some(epoch) {
            self.order = random::permutation(&mut random::stream(self.seed, "shuffle", epoch), self.count);
            self.epoch = Some(epoch);
        }
        &self.order[batch * self.size..(batch + 1) * self.size]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trajectory::{Segment, Times};

    /// Three trajectories of five samples, u = 10 run + i^2, one known input 100 + i.
    fn examples(part: &[usize], window: usize, stride: usize) -> Result<Examples, DatasetError> {
        let at = |f: fn(f64, f64) -> f64| {
            (0..3).flat_map(|run| (0..5).map(move |i| f(f64::from(run), f64::from(i)))).collect()
        };
        let runs = Trajectories::new(
            Times::up_to(4.0, 1.0).unwrap(),
            [1, 1],
            at(|run, i| 10.0 * run + i * i),
            at(|_, i| 100.0 + i),
        );
        let unscaled = Normalisation {
            mean: vec![0.0; 2],
            std: vec![1.0; 2],
            increment_mean: vec![0.0],
            increment_std: vec![1.0],
        };
        Examples::new(&runs, part, &unscaled, window, stride)
    }

    #[test]
    fn a_window_holds_its_samples_and_the_increment_after_each() {
        let all = examples(&[0, 2], 2, 1).unwrap();
        assert_eq!(all.count(), 6);
        let mut batch = Batch::default();
        all.gather(&[5, 0], 2, &mut batch);
        assert_eq!(batch.shape, [2, 2, 2, 1]);
        assert_eq!(batch.inputs, [24.0, 102.0, 29.0, 103.0, 0.0, 100.0, 1.0, 101.0]);
        assert_eq!(batch.targets, [5.0, 7.0, 1.0, 3.0]);
        all.gather(&[5, 0], 1, &mut batch);
        assert_eq!(
            (batch.shape, &batch.inputs[..], &batch.targets[..]),
            ([2, 1, 2, 1], &[24.0, 102.0, 0.0, 100.0][..], &[5.0, 1.0][..])
        );
    }

    #[test]
    fn no_window_crosses_from_one_trajectory_to_the_next() {
        // u = 10 run + i over 5, 1, 2 and 4 samples; the second and the third are too short for a window of 2.
        let segments = [5, 1, 2, 4].into_iter().enumerate().map(|(run, samples)| Segment {
            start: 0.0,
            u: (0..samples).map(|i| (10 * run + i) as f64).collect(),
            known: vec![],
        });
        let runs = Trajectories::of_segments(1.0, [1, 0], segments);
        let unscaled = Normalisation {
            mean: vec![0.0],
            std: vec![1.0],
            increment_mean: vec![0.0],
            increment_std: vec![1.0],
        };
        let all = Examples::new(&runs, &[0, 1, 2, 3], &unscaled, 2, 1).unwrap();
        let mut batch = Batch::default();
        all.gather(&(0..all.count()).collect::<Vec<_>>(), 2, &mut batch);
        assert_eq!(batch.inputs, [0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 30.0, 31.0, 31.0, 32.0]);
        assert_eq!(batch.targets, [1.0; 10]);
        let apart = Examples::new(&runs, &[3, 0], &unscaled, 2, 2).unwrap();
        apart.gather(&[0, 1, 2], 2, &mut batch);
        assert_eq!((apart.count(), &batch.inputs[..]), (3, &[30.0, 31.0, 0.0, 1.0, 2.0, 3.0][..]));
        let fault = Examples::new(&runs, &[1, 2, 3], &unscaled, 4, 1).err().unwrap().0;
        assert!(
            fault.contains("a window of 4 samples does not fit") && fault.contains("at most 3"),
            "{fault}"
        );
        // Means and increments are over all samples, and over no step from one trajectory to the next.
        let fitted = Normalisation::fit(&runs, &[0, 1, 2, 3]);
        assert_eq!((fitted.mean[0], fitted.increment_mean[0]), (187.0 / 12.0, 1.0));
        assert!(fitted.is_steady(0));
    }

    #[test]
    fn noise_moves_what_is_shown_and_not_where_it_leads() {
        let scales = Normalisation {
            mean: vec![0.0; 2],
            std: vec![2.0, 1.0],
            increment_mean: vec![0.0],
            increment_std: vec![0.5],
        };
        let clean = Batch { shape: [500, 1, 2, 1], inputs: [1.0, 7.0].repeat(500), targets: vec![3.0; 500] };
        let mut noisy = clean.clone();
        noisy.add_noise(0.1, &scales, &mut random::stream(0, "test", 0));
        let mut square = 0.0;
        for (sample, target) in noisy.inputs.chunks(2).zip(&noisy.targets) {
            assert_eq!(sample[1], 7.0);
            assert!((sample[0] * 2.0 + target * 0.5 - (1.0 * 2.0 + 3.0 * 0.5)).abs() < 1e-12);
            square += (sample[0] - 1.0).powi(2) / 500.0;
        }
        assert!((square.sqrt() - 0.1).abs() < 0.01);
    }

    #[test]
    fn noise_leaves_the_increment_of_a_steady_component_finite() {
        let scales = Normalisation {
            mean: vec![0.0],
            std: vec![2.0],
            increment_mean: vec![0.0],
            increment_std: vec![0.0],
        };
        let mut noisy = Batch { shape: [1, 1, 1, 1], inputs: vec![1.0], targets: vec![0.0] };
        noisy.add_noise(0.1, &scales, &mut random::stream(0, "test", 0));
        assert!(noisy.inputs[0] != 1.0 && noisy.targets == [0.0]);
    }

    #[test]
    fn strides_skip_windows_and_never_leave_a_trajectory() {
        let apart = examples(&[1], 2, 2).unwrap();
        assert_eq!(apart.count(), 2);
        let mut batch = Batch::default();
        apart.gather(&[0, 1], 2, &mut batch);
        assert_eq!(batch.targets, [1.0, 3.0, 5.0, 7.0]);
        assert_eq!(examples(&[1], 4, 4).unwrap().count(), 1);
    }

    #[test]
    fn windows_that_do_not_fit_are_refused() {
        for window in [0, 5, 9] {
            let message = examples(&[0], window, 1).err().unwrap().to_string();
            assert!(
                message.contains(&format!("window of {window} samples")) && message.contains("at most 4")
            );
        }
    }

    #[test]
    fn an_epoch_holds_every_example_once_and_any_step_can_be_asked_first() {
        let mut order = BatchOrder::new(7, 10, 3);
        let epochs: Vec<Vec<usize>> =
            (0..2).map(|e| (0..3).flat_map(|b| order.at(3 * e + b).to_vec()).collect()).collect();
        for epoch in &epochs {
            let mut seen = epoch.clone();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), 9);
        }
        assert_ne!(epochs[0], epochs[1]);
        assert_eq!(BatchOrder::new(7, 10, 3).at(4), &epochs[1][3..6]);
        assert_ne!(BatchOrder::new(8, 10, 3).at(4), &epochs[1][3..6]);
        assert_eq!(BatchOrder::new(7, 2, 64).at(5).len(), 2);
    }
}
