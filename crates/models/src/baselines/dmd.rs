//! Dynamic mode decomposition (Schmid 2010, Journal of Fluid Mechanics 656, 5): a linear map on the leading subspace of
//! the training samples.
//!
//! A state is projected onto the first r left singular vectors of the samples, whose mean is not subtracted. The r x r
//! map from each projected sample to the next is fitted by least squares, the definition of Tu et al. (2014, Journal of
//! Computational Dynamics 1, 391). A forecast is projected once, iterates the map, and is reconstructed.
//!
//! For a wave function, whose norm is conserved, the map is unitary instead (physics-informed dynamic mode
//! decomposition, Baddoo et al. 2023, Proceedings of the Royal Society A 479, 20220576, on conservative systems).
//! Samples and subspace are complex. With the projected samples C and their successors C', both [r, pair], the nearest
//! unitary map is the factor U V^* of the singular value decomposition C' C^* = U S V^* (the orthogonal Procrustes problem,
//! Schoenemann 1966). The columns of C' C^* fall like the squares of the singular values of the samples, say from 1
//! to 1e-18, so the decomposition has to be accurate for each column: see `dataset::jacobi`.

use std::sync::Arc;

use dataset::jacobi::{Svd, least_squares};
use dataset::subspace::leading;
use forecast::{Forecast, Forecaster};
use nalgebra::{Complex, DMatrix, DMatrixView};
use rayon::prelude::*;
use trajectory::{Places, Trajectories};

use super::tall_skinny::triangle;

/// Snapshots from which the subspace is computed, at most.
const SNAPSHOTS: usize = 4096;
/// Samples that are projected, or pairs that are summed, in one matrix product.
const BLOCK: usize = 256;

/// A linear map on a subspace of the states.
pub(super) struct Dmd {
    /// Orthonormal columns, [component, mode], shared with the maps of other ranks: this one uses the first.
    basis: Arc<DMatrix<f64>>,
    /// [mode, mode]
    map: DMatrix<f64>,
    known_dim: usize,
}

impl Dmd {
    /// Fits the training trajectories at the ranks 1, 2, 4, 8, 16, 24, 32, 48, 64, 96 ... below a bound and at the bound
    /// itself, and returns each rank with its map. The bound is the smallest of `most`, the dimension, and the numerical
    /// rank of the samples (singular values above 1e-14 of the largest). Without two successive samples, or if the samples
    /// are all zero or not all finite, nothing is returned.
    ///
    /// If `unitary`, the first half of a state holds the real parts of complex numbers and the second half their imaginary
    /// parts; ranks and dimension count complex modes.
    ///
    /// # Panics
    /// If `unitary` and the number of components is odd.
    pub(super) fn ranks(
        runs: &Trajectories,
        train: &[usize],
        most: usize,
        unitary: bool,
    ) -> Vec<(usize, Dmd)> {
        let samples = Samples::new(runs, train);
        let snapshots = samples.snapshots();
        let basis = if unitary {
            as_real(&leading(&as_complex(&snapshots), most).basis)
        } else {
            leading(&snapshots, most).basis
        };
        drop(snapshots);
        if samples.pairs.count() == 0 || basis.ncols() == 0 {
            return Vec::new();
        }
        let projected = samples.projected(&basis);
        if !projected.iter().all(|c| c.is_finite()) {
            return Vec::new();
        }
        let maps: Vec<(usize, DMatrix<f64>)> = if unitary {
            let moments = samples.moments(&projected);
            let ranks = ranks(basis.ncols() / 2);
            ranks.into_par_iter().map(|rank| (rank, procrustes(&moments, rank))).collect()
        } else {
            let triangle = samples.triangle(&projected);
            let ranks = ranks(basis.ncols());
            ranks.into_par_iter().map(|rank| (rank, fitted(&triangle, rank))).collect()
        };
        let basis = Arc::new(basis);
        let known_dim = runs.known_dim();
        maps.into_iter().map(|(rank, map)| (rank, Dmd { basis: basis.clone(), map, known_dim })).collect()
    }
}

/// The ranks from 1 to `bound` that are compared: powers of two, from 16 on also the means of two successive ones, and
/// `bound`.
fn ranks(bound: usize) -> Vec<usize> {
    let powers = (0..).map(|power| 1 << power).take_while(|&rank: &usize| rank < bound);
    let between = |rank: usize| if rank < 16 { None } else { Some(rank / 2 * 3) };
    let all = powers.flat_map(|rank| std::iter::once(rank).chain(between(rank)));
    all.take_while(|&rank| rank < bound).chain([bound]).collect()
}

/// All samples of the training trajectories, numbered through.
struct Samples<'a> {
    runs: &'a Trajectories,
    train: &'a [usize],
    places: Places,
    /// Pairs of successive samples.
    pairs: Places,
}

impl<'a> Samples<'a> {
    fn new(runs: &'a Trajectories, train: &'a [usize]) -> Self {
        let lengths = train.iter().map(|&run| runs.samples(run));
        let pairs = Places::new(lengths.clone().map(|samples| samples - 1));
        Samples { runs, train, places: Places::new(lengths), pairs }
    }

    /// The states of these samples, [component, sample].
    fn states(&self, numbers: impl ExactSizeIterator<Item = usize>) -> DMatrix<f64> {
        let mut states = DMatrix::zeros(self.runs.dim(), numbers.len());
        for (mut column, number) in states.column_iter_mut().zip(numbers) {
            let (place, sample) = self.places.at(number);
            column.copy_from_slice(self.runs.state(self.train[place], sample));
        }
        states
    }

    /// The states from which the subspace is computed, [component, snapshot]: all, or evenly spaced ones of many.
    fn snapshots(&self) -> DMatrix<f64> {
        let all = self.places.count();
        let count = all.min(SNAPSHOTS);
        self.states((0..count).map(|i| i * all / count))
    }

    /// All samples, projected: [mode, sample].
    fn projected(&self, basis: &DMatrix<f64>) -> DMatrix<f64> {
        let (modes, all) = (basis.ncols(), self.places.count());
        let transposed = basis.transpose();
        let mut projected = DMatrix::zeros(modes, all);
        let blocks = projected.as_mut_slice().par_chunks_mut(modes * BLOCK).enumerate();
        blocks.for_each(|(block, to)| {
            let first = block * BLOCK;
            let states = self.states(first..first + to.len() / modes);
            to.copy_from_slice((&transposed * states).as_slice());
        });
        projected
    }

    /// The column in `projected` of the first sample of a pair; the second is in the next column.
    fn column(&self, pair: usize) -> usize {
        let (place, step) = self.pairs.at(pair);
        self.places.before(place) + step
    }

    /// The triangle of the rows [c c'], c a projected sample and c' its successor.
    fn triangle(&self, projected: &DMatrix<f64>) -> DMatrix<f64> {
        let modes = projected.nrows();
        triangle(self.pairs.count(), 2 * modes, |pair, row| {
            let from = self.column(pair) * modes;
            row.copy_from_slice(&projected.as_slice()[from..from + 2 * modes]);
        })
    }

    /// The sum of c' c^* over all pairs, where `projected` holds the real and the imaginary part of each mode in
    /// successive rows.
    fn moments(&self, projected: &DMatrix<f64>) -> DMatrix<Complex<f64>> {
        let (modes, pairs) = (projected.nrows(), self.pairs.count());
        let mut sum = DMatrix::zeros(modes, modes);
        for first in (0..pairs).step_by(BLOCK) {
            let columns = || (first..pairs.min(first + BLOCK)).map(|pair| self.column(pair));
            let now = projected.select_columns(&columns().collect::<Vec<_>>());
            let next = projected.select_columns(&columns().map(|column| column + 1).collect::<Vec<_>>());
            sum.gemm(1.0, &next, &now.transpose(), 1.0);
        }
        DMatrix::from_fn(modes / 2, modes / 2, |i, j| {
            let part = |a: usize, b: usize| sum[(2 * i + a, 2 * j + b)];
            Complex::new(part(0, 0) + part(1, 1), part(1, 0) - part(0, 1))
        })
    }
}

/// The map of the first `rank` modes by least squares, from the triangle of all modes.
fn fitted(triangle: &DMatrix<f64>, rank: usize) -> DMatrix<f64> {
    let (modes, rows) = (triangle.ncols() / 2, rank.min(triangle.nrows()));
    let columns = |first: usize| triangle.view((0, first), (rows, rank)).into_owned();
    least_squares(&columns(0), &columns(modes)).transpose()
}

/// The unitary map of the first `rank` complex modes, [2 rank, 2 rank], from the moments of all modes.
fn procrustes(moments: &DMatrix<Complex<f64>>, rank: usize) -> DMatrix<f64> {
    // The scale does not change the map, and keeps the squares of small moments from underflowing.
    let size = moments.camax();
    let scaled =
        moments.view((0, 0), (rank, rank)).map(|moment| if size > 0.0 { moment / size } else { moment });
    let unitary = Svd::new(&scaled).unitary_factor();
    DMatrix::from_fn(2 * rank, 2 * rank, |i, j| {
        let z = unitary[(i / 2, j / 2)];
        match (i % 2, j % 2) {
            (0, 0) | (1, 1) => z.re,
            (0, _) => -z.im,
            _ => z.im,
        }
    })
}

/// States of real parts and then imaginary parts, [component, sample], as complex numbers.
fn as_complex(states: &DMatrix<f64>) -> DMatrix<Complex<f64>> {
    let points = states.nrows() / 2;
    assert_eq!(2 * points, states.nrows(), "real and imaginary parts");
    DMatrix::from_fn(points, states.ncols(), |i, j| Complex::new(states[(i, j)], states[(points + i, j)]))
}

/// The real basis that spans the same states as a complex one: two columns for each mode b, which stand for b and i b, and
/// whose coefficients are the real and the imaginary part of that of b.
fn as_real(basis: &DMatrix<Complex<f64>>) -> DMatrix<f64> {
    let points = basis.nrows();
    DMatrix::from_fn(2 * points, 2 * basis.ncols(), |i, j| {
        let b = basis[(i % points, j / 2)];
        match (i < points, j % 2) {
            (true, 0) => b.re,
            (true, _) => -b.im,
            (false, 0) => b.im,
            (false, _) => b.re,
        }
    })
}

impl Forecaster for Dmd {
    fn window(&self) -> usize {
        1
    }

    fn dim(&self) -> usize {
        self.basis.nrows()
    }

    fn known_dim(&self) -> usize {
        self.known_dim
    }

    fn begin<'a>(&'a self, histories: &[f64], _known: &[f64]) -> Box<dyn Forecast + 'a> {
        // nalgebra multiplies by fewer than 6 columns in another way, which rounds differently. With at least 6, the
        // forecast from a start does not depend on the number of other starts.
        const COLUMNS: usize = 6;
        let (dim, rank) = (self.dim(), self.map.nrows());
        let starts = histories.len() / dim;
        let histories = DMatrixView::from_slice(histories, dim, starts);
        let mut modes = DMatrix::zeros(rank, starts.max(COLUMNS));
        modes.columns_mut(0, starts).copy_from(&self.basis.columns(0, rank).tr_mul(&histories));
        Box::new(Projected { dmd: self, modes })
    }
}

/// Forecasts under way.
struct Projected<'a> {
    dmd: &'a Dmd,
    /// [mode, start]
    modes: DMatrix<f64>,
}

impl Forecast for Projected<'_> {
    fn advance(&mut self, _known: &[f64], next: &mut [f64]) {
        let Dmd { basis, map, .. } = self.dmd;
        self.modes = map * &self.modes;
        let states = basis.columns(0, map.nrows()) * &self.modes;
        next.copy_from_slice(&states.as_slice()[..next.len()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forecast::{Starts, rollout};
    use trajectory::random::{normal, stream, uniform};
    use trajectory::{Segment, Times};

    type C = Complex<f64>;
    /// The start of a trajectory by its number, and the state one sample later.
    type Start = Box<dyn Fn(u64) -> Vec<f64>>;
    type Step = Box<dyn Fn(&[f64]) -> Vec<f64>>;

    /// Trajectories of these numbers of samples, from starts and a step of the state.
    fn trajectories(
        lengths: &[usize],
        starts: impl Fn(u64) -> Vec<f64>,
        step: impl Fn(&[f64]) -> Vec<f64>,
    ) -> Trajectories {
        let dim = starts(0).len();
        let segments = lengths.iter().zip(0..).map(|(&samples, number)| {
            let mut u = starts(number);
            while u.len() < samples * dim {
                u.extend(step(&u[u.len() - dim..]));
            }
            Segment { start: 0.0, u, known: vec![] }
        });
        Trajectories::of_segments(0.1, [dim, 0], segments.collect::<Vec<_>>())
    }

    /// The largest error of a forecast of `steps` steps from a state, over the largest norm of the truth.
    fn error(dmd: &Dmd, start: &[f64], step: impl Fn(&[f64]) -> Vec<f64>, steps: usize) -> f64 {
        let forecast = rollout(dmd, Starts { count: 1, histories: start, known: &[] }, steps);
        let norm = |u: &[f64]| u.iter().map(|u| u * u).sum::<f64>().sqrt();
        let (mut truth, mut largest, mut size) = (start.to_vec(), 0.0f64, norm(start));
        for forecast in forecast.chunks_exact(start.len()) {
            truth = step(&truth);
            let difference: Vec<f64> = truth.iter().zip(forecast).map(|(a, b)| a - b).collect();
            largest = largest.max(norm(&difference));
            size = size.max(norm(&truth));
        }
        largest / size
    }

    /// u(t + dt) = B R B^T u in 40 dimensions with three rotations R, and random starts in the subspace of B.
    fn rotations() -> (Start, Step) {
        let mut draws = stream(1, "test", 0);
        let basis = DMatrix::from_fn(40, 6, |_, _| normal(&mut draws)).qr().q();
        let mut rotations = DMatrix::zeros(6, 6);
        for (plane, (angle, size)) in [(0.3f64, 1.0), (1.1, 0.999), (2.0, 0.99)].into_iter().enumerate() {
            let (sine, cosine) = (size * angle.sin(), size * angle.cos());
            let at = 2 * plane;
            rotations[(at, at)] = cosine;
            rotations[(at + 1, at + 1)] = cosine;
            rotations[(at, at + 1)] = -sine;
            rotations[(at + 1, at)] = sine;
        }
        let map = &basis * rotations * basis.transpose();
        let starts = move |number| {
            let mut draws = stream(1, "start", number);
            let modes = DMatrix::from_fn(6, 1, |_, _| normal(&mut draws));
            (&basis * modes).as_slice().to_vec()
        };
        let step = move |u: &[f64]| (&map * DMatrixView::from_slice(u, 40, 1)).as_slice().to_vec();
        (Box::new(starts), Box::new(step))
    }

    #[test]
    fn a_linear_system_of_rank_6_is_found_at_rank_6() {
        let (starts, step) = rotations();
        // Trajectories of unequal length; one has no pair, and one is not for training.
        let runs = trajectories(&[30, 1, 7, 50, 2], &starts, &step);
        let found = Dmd::ranks(&runs, &[0, 1, 2, 4], 64, false);
        assert_eq!(found.iter().map(|(rank, _)| *rank).collect::<Vec<_>>(), [1, 2, 4, 6]);
        let errors: Vec<f64> =
            found.iter().map(|(_, dmd)| error(dmd, runs.state(3, 0), &step, 200)).collect();
        assert!(errors[3] < 1e-11 && errors[2] > 1e-2, "{errors:?}");
        assert_eq!(Dmd::ranks(&runs, &[0, 2], 3, false).last().map(|(rank, _)| *rank), Some(3));
    }

    #[test]
    fn a_linear_system_is_found_in_directions_of_any_size() {
        // The amplitudes of the modes, which are not orthogonal, fall from 1 to 1e-9.
        let n = 20;
        let mut draws = stream(2, "test", 0);
        let modes = DMatrix::from_fn(n, n, |i, j| normal(&mut draws) * 0.1 + f64::from(i == j));
        let rates = DMatrix::from_fn(n, n, |i, j| if i == j { 1.0 - 0.002 * i as f64 } else { 0.0 });
        let map = &modes * rates * modes.clone().try_inverse().unwrap();
        let step = |u: &[f64]| (&map * DMatrixView::from_slice(u, n, 1)).as_slice().to_vec();
        let starts = |number| {
            let mut draws = stream(2, "start", number);
            let amplitudes =
                DMatrix::from_fn(n, 1, |i, _| normal(&mut draws) * 10f64.powf(-9.0 * i as f64 / 19.0));
            (&modes * amplitudes).as_slice().to_vec()
        };
        let runs = trajectories(&[40; 60], starts, step);
        let found = Dmd::ranks(&runs, &(0..59).collect::<Vec<_>>(), 64, false);
        let (rank, dmd) = found.last().unwrap();
        let error = error(dmd, runs.state(59, 0), step, 200);
        assert!(*rank == n && error < 1e-10, "{error}");
    }

    /// A random unitary matrix.
    fn unitary(n: usize) -> DMatrix<C> {
        let mut draws = stream(3, "test", 0);
        DMatrix::from_fn(n, n, |_, _| C::new(normal(&mut draws), normal(&mut draws))).qr().q()
    }

    fn real_and_imaginary(psi: &DMatrix<C>) -> Vec<f64> {
        psi.iter().map(|z| z.re).chain(psi.iter().map(|z| z.im)).collect()
    }

    fn wave(u: &[f64]) -> DMatrix<C> {
        let points = u.len() / 2;
        DMatrix::from_fn(points, 1, |i, _| C::new(u[i], u[points + i]))
    }

    /// psi(t + dt) = exp(-i H dt) psi on 64 points, and starts whose amplitudes in the eigenvectors of the random
    /// Hermitian H fall from 1 to 1e-9.
    fn schroedinger() -> (Start, Step) {
        let n = 64;
        let eigenvectors = unitary(n);
        let mut draws = stream(3, "phase", 0);
        let phases: Vec<C> = (0..n).map(|_| C::cis(6.0 * uniform(&mut draws))).collect();
        let rotated = DMatrix::from_fn(n, n, |i, j| eigenvectors[(i, j)] * phases[j]);
        let map = rotated * eigenvectors.adjoint();
        let starts = move |number| {
            let mut draws = stream(3, "start", number);
            let amplitudes = DMatrix::from_fn(n, 1, |i, _| {
                C::new(normal(&mut draws), normal(&mut draws)) * 10f64.powf(-9.0 * i as f64 / 63.0)
            });
            real_and_imaginary(&(&eigenvectors * amplitudes))
        };
        (Box::new(starts), Box::new(move |u| real_and_imaginary(&(&map * wave(u)))))
    }

    /// The largest element of A^* A - 1.
    fn departure(dmd: &Dmd) -> f64 {
        let modes = dmd.map.nrows();
        (dmd.map.transpose() * &dmd.map - DMatrix::identity(modes, modes)).amax()
    }

    #[test]
    fn a_unitary_system_is_found_in_directions_of_any_size() {
        let (starts, step) = schroedinger();
        let many = trajectories(&[40, 40, 1, 40, 12, 300], &starts, &step);
        // A single trajectory does not determine the smallest directions as well.
        let one = trajectories(&[300, 40, 40, 40, 40, 300], &starts, &step);
        for (runs, train) in [(&many, &[0, 1, 2, 3, 4][..]), (&one, &[0])] {
            let found = Dmd::ranks(runs, train, 256, true);
            let ranks: Vec<usize> = found.iter().map(|(rank, _)| *rank).collect();
            let last = *ranks.last().unwrap();
            assert!(last > 48 && last <= 64 && ranks[..8] == [1, 2, 4, 8, 16, 24, 32, 48]);
            for (rank, dmd) in &found {
                assert_eq!(dmd.map.nrows(), 2 * rank);
                assert!(departure(dmd) < 1e-12, "{rank}: {}", departure(dmd));
            }
            let dmd = &found.last().unwrap().1;
            let [seen, unseen] = [train[0], 5].map(|run| error(dmd, runs.state(run, 0), &step, 200));
            assert!(seen < 1e-10 && unseen < 1e-10, "{seen} {unseen}");
        }
    }

    #[test]
    fn the_map_of_a_damped_nonlinear_wave_is_unitary_too() {
        let (starts, step) = schroedinger();
        let damped = |u: &[f64]| {
            let psi = wave(&step(u)).map(|z| z * (0.97 * C::cis(0.3 * z.norm_sqr())));
            real_and_imaginary(&psi)
        };
        let runs = trajectories(&[60, 3, 60], &starts, damped);
        let found = Dmd::ranks(&runs, &[0, 1], 256, true);
        assert_eq!(found.len(), 9);
        let departures: Vec<f64> = found.iter().map(|(_, dmd)| departure(dmd)).collect();
        assert!(departures.iter().all(|departure| *departure < 1e-12), "{departures:?}");
        // The successors of this trajectory are 0, so any unitary map is as good.
        let ends = trajectories(&[2], &starts, |u| vec![0.0; u.len()]);
        let found = Dmd::ranks(&ends, &[0], 256, true);
        assert!(found.len() == 1 && departure(&found[0].1) < 1e-12);
    }

    #[test]
    fn the_candidates_end_with_the_bound() {
        assert_eq!(ranks(1), [1]);
        assert_eq!(ranks(16), [1, 2, 4, 8, 16]);
        assert_eq!(ranks(20), [1, 2, 4, 8, 16, 20]);
        assert_eq!(ranks(256), [1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256]);
        assert_eq!(ranks(300)[12..], [256, 300]);
    }

    #[test]
    fn nothing_is_fitted_without_pairs_or_directions() {
        let (starts, step) = rotations();
        let runs = trajectories(&[1, 1, 5], &starts, &step);
        assert!(Dmd::ranks(&runs, &[0, 1], 9, false).is_empty());
        assert!(Dmd::ranks(&runs, &[], 9, false).is_empty());
        let zero = Trajectories::new(Times::new(1.0, 3).unwrap(), [2, 0], vec![0.0; 8], vec![]);
        let damaged =
            Trajectories::new(Times::new(1.0, 1).unwrap(), [2, 0], vec![1.0, f64::NAN, 2.0, 3.0], vec![]);
        for unitary in [false, true] {
            assert!(Dmd::ranks(&zero, &[0], 9, unitary).is_empty());
            assert!(Dmd::ranks(&damaged, &[0], 9, unitary).is_empty());
        }
        // Fewer pairs than modes: the map of least norm.
        let short = trajectories(&[2, 1, 1], &starts, &step);
        let found = Dmd::ranks(&short, &[0, 1, 2], 9, false);
        let (rank, dmd) = found.last().unwrap();
        assert_eq!(*rank, 4);
        assert!(error(dmd, short.state(0, 0), &step, 1) < 1e-13);
    }

    #[test]
    fn the_bits_do_not_depend_on_threads_or_on_other_starts() {
        let (starts, step) = schroedinger();
        let runs = trajectories(&[300, 1, 500, 40], &starts, &step);
        for unitary in [false, true] {
            let fit = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| Dmd::ranks(&runs, &[0, 1, 2], 40, unitary))
            };
            let [one, three] = [1, 3].map(fit);
            assert!(one.len() == 8 && one.len() == three.len());
            for ((rank, one), (_, three)) in one.iter().zip(&three) {
                assert_eq!((&one.basis, &one.map), (&three.basis, &three.map), "{rank}");
                let all = runs.states(3, 0..40);
                let together = rollout(one, Starts { count: 40, histories: all, known: &[] }, 5);
                for start in [0, 7, 39] {
                    let histories = runs.state(3, start);
                    let alone = rollout(one, Starts { count: 1, histories, known: &[] }, 5);
                    assert_eq!(alone, together[start * 5 * 128..(start + 1) * 5 * 128], "{rank}");
                }
            }
        }
    }

    #[test]
    fn what_is_not_finite_stays_so() {
        let (starts, step) = schroedinger();
        let runs = trajectories(&[100], &starts, &step);
        for unitary in [false, true] {
            for (_, dmd) in Dmd::ranks(&runs, &[0], 32, unitary) {
                for bad in [f64::NAN, f64::INFINITY] {
                    let mut states = runs.states(0, 0..2).to_vec();
                    states[128 + 3] = bad;
                    let forecast = rollout(&dmd, Starts { count: 2, histories: &states, known: &[] }, 2);
                    assert!(forecast[..256].iter().all(|u| u.is_finite()));
                    assert!(forecast[256..].iter().all(|u| !u.is_finite()));
                }
            }
        }
    }
}
