//! The linear baseline of a field on a periodic grid: each wavenumber of its Fourier series is multiplied by a number.
//!
//! A linear equation that is the same at every point of a periodic domain, such as that of heat or of advection, does just
//! that: over a sample interval it multiplies the Fourier coefficients of each wavenumber by one complex number, or by
//! a complex matrix [channel, channel] where the field has several channels. Here these are fitted by least squares over
//! all pairs of successive samples, by orthogonal factorisations as in `tall_skinny`: the pairs of each wavenumber
//! are the rows of [A B], which Givens rotations reduce to a triangle row by row.

use std::sync::Arc;

use dataset::jacobi::Svd;
use forecast::{Forecast, Forecaster};
use nalgebra::{Complex, DMatrix};
use rayon::prelude::*;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use rustfft::{Fft, FftPlanner};
use trajectory::{Places, Trajectories};

type C = Complex<f64>;

/// Blocks of pairs, at most. Each holds a triangle for every wavenumber until all are merged.
const BLOCKS: usize = 64;
/// A wavenumber that is excited by this fraction of the largest excitation, or less, holds nothing but rounding errors.
const CUTOFF: f64 = 1e-13;

/// A matrix [channel, channel] for each wavenumber of a field.
pub(super) struct Multipliers {
    channels: usize,
    known_dim: usize,
    fourier: Fourier,
    /// [wavenumber, channel to, channel from]
    matrices: Vec<C>,
}

impl Multipliers {
    /// Fits all pairs of successive samples of the training trajectories. A state is [channel, row, column] on the
    /// `grid` [rows, columns], which is [1, points] for one axis.
    ///
    /// A wavenumber that the samples never excite is multiplied by 0: one where the root of the sum of their squares is at
    /// most 1e-13 of the largest over all wavenumbers. Where several channels, each divided by its own largest, depend on
    /// each other, the same holds for their singular values, so the solution of least norm is taken. Samples that are not
    /// all finite make all multipliers NaN. Without two successive samples all are 0.
    ///
    /// # Panics
    /// If a state does not hold whole channels.
    pub(super) fn fit(runs: &Trajectories, train: &[usize], grid: [usize; 2]) -> Multipliers {
        let fourier = Fourier::new(grid);
        let channels = runs.dim() / fourier.points();
        assert_eq!(channels * fourier.points(), runs.dim(), "whole channels");
        let pairs = Places::new(train.iter().map(|&run| runs.samples(run) - 1));
        // Blocks do not depend on the number of threads, so neither do the multipliers.
        let block = pairs.count().div_ceil(BLOCKS).max(1);
        let blocks: Vec<Triangles> = (0..pairs.count().div_ceil(block))
            .into_par_iter()
            .map(|number| {
                let block = number * block..pairs.count().min((number + 1) * block);
                let mut triangles = Triangles::new(channels, fourier.wavenumbers());
                triangles.add_pairs(
                    &fourier,
                    runs,
                    block.map(|pair| pairs.at(pair)).map(|(i, step)| (train[i], step)),
                );
                triangles
            })
            .collect();
        let mut triangles = Triangles::new(channels, fourier.wavenumbers());
        blocks.iter().for_each(|block| triangles.merge(block));
        Multipliers { channels, known_dim: runs.known_dim(), matrices: triangles.solve(), fourier }
    }
}

/// The triangles of [A B] of all wavenumbers, where a row of A holds the coefficients of the channels at a sample, and that
/// of B those at the next.
struct Triangles {
    channels: usize,
    /// [wavenumber, row, column], with `channels` rows and twice as many columns; only the rows that A needs.
    all: Vec<C>,
}

impl Triangles {
    /// Those of no pairs.
    fn new(channels: usize, wavenumbers: usize) -> Self {
        Triangles { channels, all: vec![C::ZERO; wavenumbers * 2 * channels * channels] }
    }

    /// The number of elements of one triangle.
    fn size(&self) -> usize {
        2 * self.channels * self.channels
    }

    /// Adds pairs, each given by its trajectory and its first sample.
    fn add_pairs(
        &mut self,
        fourier: &Fourier,
        runs: &Trajectories,
        pairs: impl Iterator<Item = (usize, usize)>,
    ) {
        let (channels, wavenumbers, size) = (self.channels, fourier.wavenumbers(), self.size());
        let mut workspace = fourier.workspace();
        let mut now = vec![C::ZERO; channels * wavenumbers];
        let mut next = now.clone();
        let mut transformed = None;
        let mut row = vec![C::ZERO; 2 * channels];
        for (run, sample) in pairs {
            if transformed == Some((run, sample)) {
                std::mem::swap(&mut now, &mut next);
            } else {
                fourier.forward(runs.state(run, sample), &mut now, &mut workspace);
            }
            fourier.forward(runs.state(run, sample + 1), &mut next, &mut workspace);
            transformed = Some((run, sample + 1));
            for (wavenumber, triangle) in self.all.chunks_exact_mut(size).enumerate() {
                for channel in 0..channels {
                    row[channel] = now[channel * wavenumbers + wavenumber];
                    row[channels + channel] = next[channel * wavenumbers + wavenumber];
                }
                add(triangle, &mut row);
            }
        }
    }

    /// Adds all pairs of others.
    fn merge(&mut self, others: &Triangles) {
        let (channels, size) = (self.channels, self.size());
        let mut row = vec![C::ZERO; 2 * channels];
        for (triangle, other) in self.all.chunks_exact_mut(size).zip(others.all.chunks_exact(size)) {
            for other in other.chunks_exact(2 * channels) {
                row.copy_from_slice(other);
                add(triangle, &mut row);
            }
        }
    }

    /// The solutions, [wavenumber, column of B, column of A].
    fn solve(mut self) -> Vec<C> {
        let (channels, size) = (self.channels, self.size());
        if !self.all.iter().all(|z| z.re.is_finite() && z.im.is_finite()) {
            return vec![C::new(f64::NAN, f64::NAN); self.all.len() / 2];
        }
        let mut scales = vec![0.0f64; channels];
        for triangle in self.all.chunks_exact(size) {
            for (channel, scale) in scales.iter_mut().enumerate() {
                let column = triangle.iter().skip(channel).step_by(2 * channels);
                *scale = scale.max(column.map(C::norm_sqr).sum::<f64>().sqrt());
            }
        }
        // The square of what is that small has underflowed.
        scales.iter_mut().filter(|scale| **scale == 0.0).for_each(|scale| *scale = 1.0);
        let mut multipliers = Vec::with_capacity(self.all.len() / 2);
        for triangle in self.all.chunks_exact_mut(size) {
            let triangle = DMatrix::from_row_slice(channels, 2 * channels, triangle);
            let a = DMatrix::from_fn(channels, channels, |i, j| triangle[(i, j)] / scales[j]);
            let b = triangle.columns(channels, channels).into_owned();
            let solution = Svd::new(&a).solve(&b, CUTOFF);
            for to in 0..channels {
                multipliers.extend((0..channels).map(|from| solution[(from, to)] / scales[from]));
            }
        }
        multipliers
    }
}

/// Adds a row to the triangle of the rows before, [row, column] with half as many rows as columns, by Givens rotations.
fn add(triangle: &mut [C], row: &mut [C]) {
    let columns = row.len();
    for (i, above) in triangle.chunks_exact_mut(columns).enumerate() {
        let (r, x) = (above[i].re, row[i]);
        let length = (r * r + x.norm_sqr()).sqrt();
        if length == 0.0 {
            continue;
        }
        let (cosine, sine) = (r / length, x / length);
        for (above, row) in above[i..].iter_mut().zip(&mut row[i..]) {
            let (a, b) = (*above, *row);
            *above = a * cosine + b * sine.conj();
            *row = b * cosine - a * sine;
        }
        above[i] = C::from(length);
    }
}

/// Transforms of real fields on a grid, not normalised forward and normalised backward. Of the wavenumbers along a row
/// those from 0 to half the columns are kept, which determine the others.
struct Fourier {
    rows: usize,
    columns: usize,
    along_row: (Arc<dyn RealToComplex<f64>>, Arc<dyn ComplexToReal<f64>>),
    along_column: [Arc<dyn Fft<f64>>; 2],
}

/// Arrays in which fields are transformed.
struct Workspace {
    row: Vec<f64>,
    half: Vec<C>,
    spectrum: Vec<C>,
    scratch: Vec<C>,
}

impl Fourier {
    fn new([rows, columns]: [usize; 2]) -> Self {
        let (mut real, mut complex) = (RealFftPlanner::new(), FftPlanner::new());
        Fourier {
            rows,
            columns,
            along_row: (real.plan_fft_forward(columns), real.plan_fft_inverse(columns)),
            along_column: [complex.plan_fft_forward(rows), complex.plan_fft_inverse(rows)],
        }
    }

    fn points(&self) -> usize {
        self.rows * self.columns
    }

    /// Wavenumbers along a row that are kept.
    fn half(&self) -> usize {
        self.columns / 2 + 1
    }

    /// Wavenumbers that are kept.
    fn wavenumbers(&self) -> usize {
        self.rows * self.half()
    }

    fn workspace(&self) -> Workspace {
        let (forward, inverse) = &self.along_row;
        let real = forward.get_scratch_len().max(inverse.get_scratch_len());
        let complex = self.along_column.iter().map(|fft| fft.get_inplace_scratch_len());
        Workspace {
            row: vec![0.0; self.columns],
            half: vec![C::ZERO; self.half()],
            spectrum: vec![C::ZERO; self.wavenumbers()],
            scratch: vec![C::ZERO; complex.fold(real, usize::max)],
        }
    }

    /// Transforms a state, [channel, row, column], to its spectra, [channel, wavenumber along a row, wavenumber along a
    /// column].
    fn forward(&self, state: &[f64], spectra: &mut [C], workspace: &mut Workspace) {
        let Workspace { row, half, scratch, .. } = workspace;
        let fields = state.chunks_exact(self.points());
        for (field, spectrum) in fields.zip(spectra.chunks_exact_mut(self.wavenumbers())) {
            for (j, from) in field.chunks_exact(self.columns).enumerate() {
                row.copy_from_slice(from);
                // It fails only with arrays of other lengths.
                let _ = self.along_row.0.process_with_scratch(row, half, scratch);
                for (k, z) in half.iter().enumerate() {
                    spectrum[k * self.rows + j] = *z;
                }
            }
            if self.rows > 1 {
                self.along_column[0].process_with_scratch(spectrum, scratch);
            }
        }
    }

    /// Transforms spectra back to a state, whose imaginary part is dropped.
    fn inverse(&self, spectra: &[C], state: &mut [f64], workspace: &mut Workspace) {
        let Workspace { half, spectrum, scratch, .. } = workspace;
        let scale = 1.0 / self.points() as f64;
        let spectra = spectra.chunks_exact(self.wavenumbers());
        for (field, from) in state.chunks_exact_mut(self.points()).zip(spectra) {
            spectrum.copy_from_slice(from);
            if self.rows > 1 {
                self.along_column[1].process_with_scratch(spectrum, scratch);
            }
            for (j, to) in field.chunks_exact_mut(self.columns).enumerate() {
                for (k, z) in half.iter_mut().enumerate() {
                    *z = spectrum[k * self.rows + j] * scale;
                }
                // It reports imaginary parts of the first and the last number, which it drops.
                let _ = self.along_row.1.process_with_scratch(half, to, scratch);
            }
        }
    }
}

impl Forecaster for Multipliers {
    fn window(&self) -> usize {
        1
    }

    fn dim(&self) -> usize {
        self.channels * self.fourier.points()
    }

    fn known_dim(&self) -> usize {
        self.known_dim
    }

    fn begin<'a>(&'a self, histories: &[f64], _known: &[f64]) -> Box<dyn Forecast + 'a> {
        let mut workspace = self.fourier.workspace();
        let size = self.channels * self.fourier.wavenumbers();
        let mut spectra = vec![C::ZERO; histories.len() / self.dim() * size];
        for (state, spectra) in histories.chunks_exact(self.dim()).zip(spectra.chunks_exact_mut(size)) {
            self.fourier.forward(state, spectra, &mut workspace);
        }
        Box::new(Running { map: self, spectra, workspace })
    }
}

/// Forecasts under way. Their spectra are carried, so that no step begins with the rounding errors of a transform.
struct Running<'a> {
    map: &'a Multipliers,
    /// [start, channel, wavenumber]
    spectra: Vec<C>,
    workspace: Workspace,
}

impl Forecast for Running<'_> {
    fn advance(&mut self, _known: &[f64], next: &mut [f64]) {
        let Multipliers { channels, fourier, matrices, .. } = self.map;
        let wavenumbers = fourier.wavenumbers();
        let spectra = self.spectra.chunks_exact_mut(channels * wavenumbers);
        let mut old = vec![C::ZERO; *channels];
        for (spectra, next) in spectra.zip(next.chunks_exact_mut(self.map.dim())) {
            for (wavenumber, matrix) in matrices.chunks_exact(channels * channels).enumerate() {
                for (channel, old) in old.iter_mut().enumerate() {
                    *old = spectra[channel * wavenumbers + wavenumber];
                }
                for (channel, row) in matrix.chunks_exact(*channels).enumerate() {
                    spectra[channel * wavenumbers + wavenumber] =
                        row.iter().zip(&old).map(|(m, z)| m * z).sum();
                }
            }
            fourier.inverse(spectra, next, &mut self.workspace);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;
    use forecast::{Starts, rollout};
    use trajectory::random::{normal, stream};
    use trajectory::{Segment, Times};

    /// A real field of one channel or more by its modes, which are complex numbers for each channel and pair of
    /// wavenumbers, not transformed by any library.
    struct Modes {
        grid: [usize; 2],
        /// The wavenumber [along a column, along a row] and the coefficient of each channel. The field is the real part of
        /// the sum.
        modes: Vec<([f64; 2], Vec<C>)>,
    }

    impl Modes {
        /// Random modes of all wavenumbers below the highest of each axis that `excited` accepts. Those at the highest,
        /// which a grid of an even number of points has, cannot turn.
        fn random(
            grid: [usize; 2],
            channels: usize,
            number: u64,
            excited: impl Fn([i64; 2]) -> bool,
        ) -> Self {
            let mut draws = stream(1, "test", number);
            let [rows, columns] = grid.map(|points| (points as i64 - 1) / 2);
            let mut modes = Vec::new();
            for k in (0..=columns).flat_map(|kx| (-rows..=rows).map(move |ky| [ky, kx])) {
                let mut coefficients = || C::new(normal(&mut draws), normal(&mut draws));
                if excited(k) {
                    modes.push((k.map(|k| k as f64), (0..channels).map(|_| coefficients()).collect()));
                }
            }
            Modes { grid, modes }
        }

        /// The state after a time, where `evolve` writes the coefficients of a wavenumber at that time.
        fn state(&self, evolve: impl Fn([f64; 2], &[C]) -> Vec<C>) -> Vec<f64> {
            let [rows, columns] = self.grid;
            let mut state = vec![0.0; self.modes[0].1.len() * rows * columns];
            for (k, coefficients) in &self.modes {
                for (channel, z) in evolve(*k, coefficients).into_iter().enumerate() {
                    for (i, j) in (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j))) {
                        let phase = k[0] * i as f64 / rows as f64 + k[1] * j as f64 / columns as f64;
                        state[(channel * rows + i) * columns + j] += (z * C::cis(TAU * phase)).re;
                    }
                }
            }
            state
        }
    }

    /// Samples at the times 0, dt ... of fields with random modes, the first with other numbers of samples.
    fn samples(
        lengths: &[usize],
        fields: impl Fn(u64) -> Modes,
        evolve: impl Fn(f64, [f64; 2], &[C]) -> Vec<C>,
    ) -> Trajectories {
        let segments = lengths.iter().zip(0..).map(|(&samples, number)| {
            let field = fields(number);
            let states = (0..samples).flat_map(|i| field.state(|k, z| evolve(0.05 * i as f64, k, z)));
            Segment { start: 0.0, u: states.collect(), known: vec![] }
        });
        let segments: Vec<Segment> = segments.collect();
        Trajectories::of_segments(0.05, [segments[0].u.len() / lengths[0], 0], segments)
    }

    /// The largest error of a forecast of the last trajectory over the largest value in it.
    fn error(fitted: &Multipliers, runs: &Trajectories) -> f64 {
        let last = runs.count() - 1;
        let steps = runs.samples(last) - 1;
        let forecast =
            rollout(fitted, Starts { count: 1, histories: runs.state(last, 0), known: &[] }, steps);
        let truth = runs.states(last, 1..steps + 1);
        let error = truth.iter().zip(&forecast).fold(0.0f64, |error, (a, b)| error.max((a - b).abs()));
        error / truth.iter().fold(0.0f64, |size, u| size.max(u.abs()))
    }

    const GRIDS: [[usize; 2]; 5] = [[1, 32], [1, 27], [6, 10], [9, 5], [8, 7]];
    /// Of the training trajectories, and of the one that is forecast.
    const LENGTHS: [usize; 6] = [12, 1, 7, 12, 3, 201];

    #[test]
    fn heat_and_advection_are_forecast_exactly() {
        let heat = |t: f64, [ky, kx]: [f64; 2], z: &[C]| {
            z.iter().map(|z| z * (-0.01 * (kx * kx + 2.0 * ky * ky) * t).exp()).collect::<Vec<C>>()
        };
        let advection = |t: f64, [ky, kx]: [f64; 2], z: &[C]| {
            z.iter().map(|z| z * C::cis(-(1.3 * kx - 0.7 * ky) * t)).collect::<Vec<C>>()
        };
        for grid in GRIDS {
            let fields = |number| Modes::random(grid, 1, number, |_| true);
            let errors = [samples(&LENGTHS, fields, heat), samples(&LENGTHS, fields, advection)]
                .map(|runs| error(&Multipliers::fit(&runs, &[0, 1, 2, 3, 4], grid), &runs));
            assert!(errors.iter().all(|error| *error < 1e-12), "{grid:?} {errors:?}");
        }
    }

    #[test]
    fn the_wave_equation_turns_one_channel_into_the_other() {
        // u_t = v, v_t = c^2 lap u
        let wave = |t: f64, [ky, kx]: [f64; 2], z: &[C]| {
            let omega = 1.7 * (kx * kx + ky * ky).sqrt();
            let (sine, cosine) = (omega * t).sin_cos();
            let sine_over_omega = if omega == 0.0 { t } else { sine / omega };
            vec![z[0] * cosine + z[1] * sine_over_omega, z[1] * cosine - z[0] * (omega * sine)]
        };
        for grid in GRIDS {
            let runs = samples(&LENGTHS, |number| Modes::random(grid, 2, number, |_| true), wave);
            let error = error(&Multipliers::fit(&runs, &[0, 1, 2, 3, 4], grid), &runs);
            assert!(error < 1e-12, "{grid:?} {error}");
        }
    }

    #[test]
    fn channels_that_do_not_differ_are_forecast_exactly() {
        // The second is a multiple of the first, and the third is 0.
        let advection = |t: f64, [_, kx]: [f64; 2], z: &[C]| {
            let z = z[0] * C::cis(-1.3 * kx * t);
            vec![z, z * -2.5e3, C::ZERO]
        };
        for grid in GRIDS {
            let runs = samples(&LENGTHS, |number| Modes::random(grid, 3, number, |_| true), advection);
            let fitted = Multipliers::fit(&runs, &[0, 1, 2, 3, 4], grid);
            let error = error(&fitted, &runs);
            // Nothing is divided by a rounding error.
            let size = fitted.matrices.iter().fold(0.0f64, |size, z| size.max(z.norm()));
            assert!(error < 1e-8 && size < 2.6e3, "{grid:?} {error} {size}");
        }
    }

    #[test]
    fn wavenumbers_that_are_never_excited_stay_0() {
        let still = |_: f64, _: [f64; 2], z: &[C]| z.to_vec();
        let grid = [6, 10];
        let some = |number| Modes::random(grid, 2, number, |[ky, kx]| kx < 3 && ky >= 0);
        let runs = samples(&[5, 5], some, still);
        let fitted = Multipliers::fit(&runs, &[0, 1], grid);
        for (wavenumber, matrix) in fitted.matrices.chunks_exact(4).enumerate() {
            let (kx, ky) = (wavenumber / 6, wavenumber % 6);
            // With kx = 0 the real field has -ky too.
            let excited = kx < 3 && (ky < 3 || (kx == 0 && ky > 3));
            assert_eq!(matrix.iter().all(|z| *z == C::ZERO), !excited, "{kx} {ky}");
        }
        let all = Modes::random(grid, 2, 7, |_| true).state(|_, z| z.to_vec());
        let next = rollout(&fitted, Starts { count: 1, histories: &all, known: &[] }, 1);
        let mut spectra = vec![C::ZERO; 2 * fitted.fourier.wavenumbers()];
        fitted.fourier.forward(&next, &mut spectra, &mut fitted.fourier.workspace());
        assert!(spectra[3 * 6..6 * 6].iter().all(|z| z.norm() < 1e-13) && spectra[6].norm() > 0.1);
        // Without a pair nothing is excited.
        let none = Multipliers::fit(&samples(&[1, 1], some, still), &[0, 1], grid);
        assert!(none.matrices.iter().all(|z| *z == C::ZERO));
    }

    #[test]
    fn the_bits_do_not_depend_on_threads_or_on_other_starts() {
        let grid = [5, 8];
        let mut draws = stream(2, "test", 0);
        let times = Times::new(0.1, 299).unwrap();
        let u: Vec<f64> = (0..2 * 300 * 120).map(|_| normal(&mut draws)).collect();
        let runs = Trajectories::new(times, [120, 1], u, vec![0.0; 600]);
        let fit = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Multipliers::fit(&runs, &[1, 0], grid))
        };
        let (one, three) = (fit(1), fit(3));
        assert_eq!(one.matrices, three.matrices);
        assert_eq!((one.window(), one.dim(), one.known_dim()), (1, 120, 1));
        let known = [0.0; 8];
        let together = rollout(&one, Starts { count: 4, histories: runs.states(0, 0..4), known: &known }, 2);
        for start in 0..4 {
            let histories = runs.state(0, start);
            let alone = rollout(&one, Starts { count: 1, histories, known: &known[..2] }, 2);
            assert_eq!(alone, together[start * 240..(start + 1) * 240]);
        }
    }

    #[test]
    fn the_fit_is_that_of_the_normal_equations() {
        let mut draws = stream(3, "test", 0);
        let u: Vec<f64> = (0..200 * 16).map(|_| normal(&mut draws)).collect();
        let runs = Trajectories::new(Times::new(0.1, 199).unwrap(), [16, 0], u, vec![]);
        let fitted = Multipliers::fit(&runs, &[0], [1, 8]);
        let spectrum = |sample: usize, channel: usize, k: usize| -> C {
            let field = &runs.state(0, sample)[8 * channel..8 * channel + 8];
            (0..8).map(|i| C::cis(-TAU * (i * k) as f64 / 8.0) * field[i]).sum()
        };
        for k in 0..5 {
            let at = |sample| DMatrix::from_fn(2, 1, |channel, _| spectrum(sample, channel, k));
            let zero = || DMatrix::from_element(2, 2, C::ZERO);
            let (mut square, mut cross) = (zero(), zero());
            for sample in 0..199 {
                square += at(sample) * at(sample).adjoint();
                cross += at(sample + 1) * at(sample).adjoint();
            }
            let expected = cross * square.try_inverse().unwrap();
            let found = DMatrix::from_row_slice(2, 2, &fitted.matrices[4 * k..4 * k + 4]);
            assert!((found - expected).camax() < 1e-13);
        }
    }

    #[test]
    fn what_is_not_finite_stays_so() {
        let still = |_: f64, _: [f64; 2], z: &[C]| z.to_vec();
        for grid in GRIDS {
            let runs = samples(&[5, 5], |number| Modes::random(grid, 1, number, |[_, kx]| kx == 1), still);
            let fitted = Multipliers::fit(&runs, &[0], grid);
            for bad in [f64::NAN, f64::INFINITY] {
                let mut states = runs.states(1, 0..2).to_vec();
                let points = states.len() / 2;
                states[points + 3] = bad;
                let next = rollout(&fitted, Starts { count: 2, histories: &states, known: &[] }, 2);
                assert!(next[..2 * points].iter().all(|u| u.is_finite()));
                assert!(next[2 * points..].iter().all(|u| !u.is_finite()));
                let damaged = Trajectories::new(Times::new(0.1, 1).unwrap(), [points, 0], states, vec![]);
                let fitted = Multipliers::fit(&damaged, &[0], grid);
                assert!(fitted.matrices.iter().all(|z| z.re.is_nan()));
            }
        }
    }
}
