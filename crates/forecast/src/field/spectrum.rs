//! Energies of fields by wavenumber.
//!
//! The wavenumbers (kx, ky) of a mode are the numbers of its waves along the axes, whatever their lengths. Shell s holds
//! the modes whose |k| = sqrt(kx^2 + ky^2) rounds down to s. Its energy is the sum of |c_k|^2 over its modes, where c_k are
//! the coefficients of the Fourier series. By Parseval's theorem the energies of all shells add up to the mean square of
//! the field.

use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};
use rustfft::{Fft, FftPlanner};

use crate::ensemble::infinite;

/// The first shells of the middle and of the high band.
const BANDS: [usize; 2] = [5, 13];
/// The part of the energy of the truth that a shell must hold to count in [`Spectrum::error`].
const LEAST: f64 = 1e-10;

/// Energies of forecasts and truths by shell, added up over fields on the same grid.
pub(crate) struct Spectrum {
    transform: Transform,
    /// [kx, ky]
    modes: Vec<Mode>,
    /// Coefficients of the forecast and of the truth before they are scaled, [kx, ky].
    coefficients: [Vec<Complex<f64>>; 2],
    forecast: Vec<f64>, // [shell]
    truth: Vec<f64>,
}

/// A mode of a real field with kx >= 0, which stands for its complex conjugate at (-kx, -ky) too.
struct Mode {
    shell: usize,
    band: usize,
    /// Energy for a squared transform of 1.
    weight: f64,
}

impl Spectrum {
    /// Without any field yet, on a grid of `shape` points, \[x\] or \[y, x\].
    ///
    /// # Panics
    /// If the grid does not have one axis or two.
    pub(crate) fn new(shape: &[usize]) -> Self {
        let (nx, ny) = match *shape {
            [nx] => (nx, 1),
            [ny, nx] => (nx, ny),
            _ => panic!("a field on {} axes, where one or two are possible", shape.len()),
        };
        let mode = |kx: usize, j: usize| {
            let ky = j.min(ny - j);
            let shell = (kx * kx + ky * ky).isqrt();
            // Of an even number of points, the highest wave along x is its own complex conjugate, as is a constant.
            let waves = if kx == 0 || 2 * kx == nx { 1.0 } else { 2.0 };
            let band = BANDS.iter().filter(|&&first| shell >= first).count();
            Mode { shell, band, weight: waves / ((nx * ny) as f64).powi(2) }
        };
        let modes: Vec<Mode> = (0..=nx / 2).flat_map(|kx| (0..ny).map(move |j| mode(kx, j))).collect();
        let shells = modes.iter().map(|mode| mode.shell + 1).max().unwrap_or(0);
        let coefficients = [(); 2].map(|()| vec![Complex::ZERO; modes.len()]);
        let (forecast, truth) = (vec![0.0; shells], vec![0.0; shells]);
        Spectrum { transform: Transform::new(nx, ny), modes, coefficients, forecast, truth }
    }

    /// Adds one channel of a forecast and of its truth, \[x\] or \[y, x\]. Returns the energy of their difference in the
    /// low, the middle and the high band.
    pub(crate) fn add(&mut self, forecast: &[f64], truth: &[f64]) -> [f64; 3] {
        let [u, v] = &mut self.coefficients;
        self.transform.forward(forecast, u);
        self.transform.forward(truth, v);
        let mut bands = [0.0; 3];
        for ((&Mode { shell, band, weight }, u), v) in self.modes.iter().zip(u).zip(v) {
            self.forecast[shell] += weight * u.norm_sqr();
            self.truth[shell] += weight * v.norm_sqr();
            bands[band] += weight * (*u - *v).norm_sqr();
        }
        bands
    }

    /// The root mean square of log10(E_forecast / E_truth) over the shells that count.
    pub(crate) fn error(&self) -> f64 {
        let all: f64 = self.truth.iter().sum();
        let squares: Vec<f64> = self
            .forecast
            .iter()
            .zip(&self.truth)
            .filter(|&(_, &truth)| truth > 0.0 && truth >= LEAST * all)
            .map(|(forecast, truth)| (forecast / truth).log10().powi(2))
            .collect();
        if squares.is_empty() {
            // The truth is 0 everywhere.
            return if self.forecast.iter().all(|&energy| energy == 0.0) { 0.0 } else { f64::INFINITY };
        }
        infinite((squares.iter().sum::<f64>() / squares.len() as f64).sqrt())
    }
}

/// The Fourier transform of real fields.
struct Transform {
    nx: usize,
    ny: usize,
    rows: Arc<dyn RealToComplex<f64>>,
    columns: Arc<dyn Fft<f64>>,
    row: Vec<f64>,
    half: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
}

impl Transform {
    fn new(nx: usize, ny: usize) -> Self {
        let rows = RealFftPlanner::new().plan_fft_forward(nx);
        let columns = FftPlanner::new().plan_fft_forward(ny);
        let scratch = rows.get_scratch_len().max(columns.get_inplace_scratch_len());
        Transform {
            nx,
            ny,
            row: rows.make_input_vec(),
            half: rows.make_output_vec(),
            scratch: vec![Complex::ZERO; scratch],
            rows,
            columns,
        }
    }

    /// Writes the transform of `u` \[y, x\], not normalised, to `modes` \[kx, ky\] with kx from 0 to half the points.
    fn forward(&mut self, u: &[f64], modes: &mut [Complex<f64>]) {
        for (j, u) in u.chunks_exact(self.nx).enumerate() {
            self.row.copy_from_slice(u);
            let done = self.rows.process_with_scratch(&mut self.row, &mut self.half, &mut self.scratch);
            debug_assert!(done.is_ok(), "buffers of the plan's own making");
            for (column, &x) in modes.chunks_exact_mut(self.ny).zip(&self.half) {
                column[j] = x;
            }
        }
        if self.ny > 1 {
            self.columns.process_with_scratch(modes, &mut self.scratch);
        }
    }
}
