//! Real fields to and from their Fourier series, for starts, samples and spectra.

use std::sync::Arc;

use realfft::{ComplexToReal, RealToComplex};
use rustfft::Fft;
use rustfft::num_complex::Complex64;

use crate::grid::{Grid, Kept};
use crate::plans;

/// Transforms between a real field u on a grid and the coefficients c of its Fourier series
/// u(x, y) = sum over k of c_k exp(i (kx x + ky y)), on the modes that are kept.
pub struct Transform {
    nx: usize,
    ny: usize,
    kept: Kept,
    forward: Arc<dyn RealToComplex<f64>>,
    inverse: Arc<dyn ComplexToReal<f64>>,
    columns: [Arc<dyn Fft<f64>>; 2],
    row: Vec<f64>,
    half: Vec<Complex64>,
    spectrum: Vec<Complex64>,
    scratch: Vec<Complex64>,
}

impl Transform {
    /// The transforms on `grid` with the modes of `kept`.
    pub fn new(grid: &Grid, kept: Kept) -> Self {
        let [nx, ny] = grid.nx_ny();
        let ((forward, inverse), columns) = (plans::real(nx), plans::complex(ny));
        let scratch = [
            forward.get_scratch_len(),
            inverse.get_scratch_len(),
            columns[0].get_inplace_scratch_len(),
            columns[1].get_inplace_scratch_len(),
        ];
        let scratch = vec![Complex64::ZERO; scratch.into_iter().max().unwrap_or(0)];
        let (row, half) = (vec![0.0; nx], vec![Complex64::ZERO; nx / 2 + 1]);
        let spectrum = vec![Complex64::ZERO; (kept.x + 1) * ny];
        Transform { nx, ny, kept, forward, inverse, columns, row, half, spectrum, scratch }
    }

    /// Writes the coefficients of the field `u` (\[x\] or \[y, x\]) to `coefficients`, in the order of [`Kept::indices`].
    ///
    /// # Panics
    /// Where the lengths of the arrays are not those of the grid and the modes.
    pub fn forward(&mut self, u: &[f64], coefficients: &mut [Complex64]) {
        assert_eq!((u.len(), coefficients.len()), (self.nx * self.ny, self.kept.count()));
        let (ny, y, per_column) = (self.ny, self.kept.y, self.kept.per_column());
        for (j, u) in u.chunks_exact(self.nx).enumerate() {
            self.row.copy_from_slice(u);
            // The arrays have the lengths of the plan, which is all that can fail.
            let _ = self.forward.process_with_scratch(&mut self.row, &mut self.half, &mut self.scratch);
            for kx in 0..=self.kept.x {
                self.spectrum[kx * ny + j] = self.half[kx];
            }
        }
        if ny > 1 {
            self.columns[0].process_with_scratch(&mut self.spectrum, &mut self.scratch);
        }
        let scale = 1.0 / (self.nx * ny) as f64;
        for (to, from) in coefficients.chunks_exact_mut(per_column).zip(self.spectrum.chunks_exact(ny)) {
            for ky in 0..=y {
                to[ky] = from[ky] * scale;
            }
            for ky in 1..=y {
                to[per_column - ky] = from[ny - ky] * scale;
            }
        }
    }

    /// Writes the field with these `coefficients` to `u`. Inverse of [`Transform::forward`] for fields without other modes.
    ///
    /// # Panics
    /// As [`Transform::forward`].
    pub fn inverse(&mut self, coefficients: &[Complex64], u: &mut [f64]) {
        assert_eq!((u.len(), coefficients.len()), (self.nx * self.ny, self.kept.count()));
        let (ny, y, per_column) = (self.ny, self.kept.y, self.kept.per_column());
        self.spectrum.fill(Complex64::ZERO);
        for (from, to) in coefficients.chunks_exact(per_column).zip(self.spectrum.chunks_exact_mut(ny)) {
            to[..=y].copy_from_slice(&from[..=y]);
            to[ny - y..].copy_from_slice(&from[y + 1..]);
        }
        if ny > 1 {
            self.columns[1].process_with_scratch(&mut self.spectrum, &mut self.scratch);
        }
        for (j, u) in u.chunks_exact_mut(self.nx).enumerate() {
            self.half.fill(Complex64::ZERO);
            for kx in 0..=self.kept.x {
                self.half[kx] = self.spectrum[kx * ny + j];
            }
            self.half[0].im = 0.0;
            let _ = self.inverse.process_with_scratch(&mut self.half, &mut self.row, &mut self.scratch);
            u.copy_from_slice(&self.row);
        }
    }
}

/// Makes the coefficients of kx = 0 those of a real field: c(0, -ky) becomes the complex conjugate of c(0, ky).
/// Rounding errors would otherwise let the two drift apart.
pub(crate) fn make_real(column: &mut [Complex64]) {
    let per_column = column.len();
    column[0].im = 0.0;
    for ky in 1..=per_column / 2 {
        column[per_column - ky] = column[ky].conj();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::largest_difference;

    #[test]
    fn a_wave_has_one_coefficient_and_comes_back() {
        for (points, length, k) in [
            (&[24][..], &[3.0][..], [5, 0]),
            (&[10, 18], &[2.0, 3.0], [4, -3]),
            (&[18, 14], &[2.0, 1.0], [0, 2]),
        ] {
            let grid = Grid::new(points, length).unwrap();
            let kept = grid.kept(1);
            let mut transform = Transform::new(&grid, kept);
            let [fx, fy] = grid.fundamental();
            let u = grid.sample(|x, y| 0.5 + 2.0 * (fx * k[0] as f64 * x + fy * k[1] as f64 * y + 0.3).cos());
            let mut c = vec![Complex64::ZERO; kept.count()];
            transform.forward(&u, &mut c);
            for (position, index) in kept.indices().enumerate() {
                let conjugate = index == [-k[0], -k[1]] && k[0] == 0;
                let expected = match index {
                    [0, 0] => Complex64::new(0.5, 0.0),
                    _ if index == k => Complex64::cis(0.3),
                    _ if conjugate => Complex64::cis(-0.3),
                    _ => Complex64::ZERO,
                };
                assert!((c[position] - expected).norm() < 1e-14, "{index:?} {}", c[position]);
            }
            let mut again = vec![0.0; u.len()];
            transform.inverse(&c, &mut again);
            assert!(largest_difference(&u, &again) < 1e-14);
        }
    }
}
