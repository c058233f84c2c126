//! Random fields from which trajectories start.
//!
//! Fourier modes are drawn shell by shell, from low to high wavenumbers. The same stream therefore gives the same large scales
//! on grids of different resolution.

use std::f64::consts::TAU;

use rustfft::num_complex::Complex64;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trajectory::random::{Stream, below, normal, uniform};

use crate::grid::{Grid, Kept};
use crate::transform::{Transform, make_real};

/// The covariance operator A (-lap + tau^2)^-alpha of a Gaussian random field without mean, as in Li et al. (2020).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Covariance {
    /// Factor A.
    pub amplitude: f64,
    /// Wavenumber tau below which the spectrum is flat.
    pub tau: f64,
    /// Power alpha: above tau the spectrum falls with twice this power.
    pub alpha: f64,
}

impl Covariance {
    /// The variance of the Fourier coefficient at the wavenumber `k` on a grid of the area (or length) `area`.
    pub fn variance(&self, k: [f64; 2], area: f64) -> f64 {
        let square = k[0] * k[0] + k[1] * k[1];
        if square == 0.0 {
            0.0
        } else {
            self.amplitude * (square + self.tau * self.tau).powf(-self.alpha) / area
        }
    }

    /// Reports an impossible value.
    ///
    /// # Errors
    /// A sentence with the value and its range.
    pub fn check(&self) -> Result<(), String> {
        for (name, value) in [("amplitude", self.amplitude), ("tau", self.tau), ("alpha", self.alpha)] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(format!("the {name} = {value} of a covariance must be finite and not negative"));
            }
        }
        Ok(())
    }
}

/// A Gaussian random field with the given covariance and only the modes of `kept`, \[x\] or \[y, x\].
pub fn gaussian(grid: &Grid, kept: Kept, covariance: &Covariance, stream: &mut Stream) -> Vec<f64> {
    let (area, [fx, fy]) = (grid.length().iter().product(), grid.fundamental());
    let deviation = |[kx, ky]: [i64; 2]| covariance.variance([fx * kx as f64, fy * ky as f64], area).sqrt();
    with_deviations(grid, kept, kept.x.max(kept.y), deviation, stream)
}

/// A Fourier series with normally distributed coefficients, all of the same variance, up to the mode `highest` along each
/// axis; without mean, and scaled so that its largest absolute value on the grid is `largest`. Only the modes of `kept`
/// appear.
pub fn fourier_series(
    grid: &Grid,
    kept: Kept,
    highest: usize,
    largest: f64,
    stream: &mut Stream,
) -> Vec<f64> {
    let mut u = with_deviations(grid, kept, highest, |index| if index == [0, 0] { 0.0 } else { 1.0 }, stream);
    let size = u.iter().fold(0.0f64, |size, u| size.max(u.abs()));
    if size > 0.0 {
        u.iter_mut().for_each(|u| *u *= largest / size);
    }
    u
}

/// The sum of `terms` waves A sin(2 pi n x / L + phi) along x, with A uniform in \[0, 1\], n in 1..=`highest` and phi in
/// \[0, 2 pi\], as PDEBench starts advection and Burgers' equation (Takamoto et al. 2022, equation 8).
pub fn sines(grid: &Grid, terms: usize, highest: usize, stream: &mut Stream) -> Vec<f64> {
    let waves: Vec<[f64; 3]> = (0..terms)
        .map(|_| [uniform(stream), (1 + below(stream, highest)) as f64, TAU * uniform(stream)])
        .collect();
    let [f, _] = grid.fundamental();
    grid.sample(|x, _| waves.iter().map(|[a, n, phase]| a * (f * n * x + phase).sin()).sum())
}

/// A field whose Fourier coefficient at an index has the standard deviation `deviation`.
fn with_deviations(
    grid: &Grid,
    kept: Kept,
    highest: usize,
    deviation: impl Fn([i64; 2]) -> f64,
    stream: &mut Stream,
) -> Vec<f64> {
    let mut coefficients = vec![Complex64::ZERO; kept.count()];
    for shell in 0..=highest as i64 {
        let height = if grid.dims() == 2 { shell } else { 0 };
        for index in (0..=shell).flat_map(|kx| (-height..=height).map(move |ky| [kx, ky])) {
            let [kx, ky] = index;
            if kx.max(ky.abs()) < shell || (kx == 0 && ky < 0) {
                continue;
            }
            let value = Complex64::new(normal(stream), normal(stream)) * (0.5_f64.sqrt() * deviation(index));
            if let Some(position) = kept.position(index) {
                coefficients[position] = value;
            }
        }
    }
    make_real(&mut coefficients[..kept.per_column()]);
    let mut u = vec![0.0; grid.points()];
    Transform::new(grid, kept).inverse(&coefficients, &mut u);
    u
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::largest_difference;
    use trajectory::random::stream;

    #[test]
    fn a_gaussian_field_has_the_variance_of_its_spectrum_at_every_point() {
        let grid = Grid::new(&[12, 18], &[1.0, 2.0]).unwrap();
        let (kept, covariance) = (grid.kept(2), Covariance { amplitude: 30.0, tau: 4.0, alpha: 1.5 });
        let [fx, fy] = grid.fundamental();
        // A mode of kx > 0 stands for its complex conjugate too.
        let expected: f64 = kept
            .indices()
            .map(|[kx, ky]| {
                covariance.variance([fx * kx as f64, fy * ky as f64], 2.0) * if kx == 0 { 1.0 } else { 2.0 }
            })
            .sum();
        let fields: Vec<_> =
            (0..4000).map(|i| gaussian(&grid, kept, &covariance, &mut stream(0, "test", i))).collect();
        for point in [0, 5, 100, 215] {
            let variance = fields.iter().map(|u| u[point].powi(2)).sum::<f64>() / fields.len() as f64;
            assert!((variance / expected - 1.0).abs() < 0.1, "{variance} {expected}");
        }
        assert!(fields[0].iter().sum::<f64>().abs() < 1e-12);
    }

    #[test]
    fn a_finer_grid_adds_small_scales_to_the_same_large_ones() {
        let covariance = Covariance { amplitude: 1.0, tau: 7.0, alpha: 2.5 };
        let [coarse, fine] = [16, 64].map(|n| Grid::new(&[n, n], &[1.0, 1.0]).unwrap());
        let draw = |grid: &Grid| gaussian(grid, grid.kept(2), &covariance, &mut stream(1, "test", 0));
        let mut both = Vec::new();
        for grid in [&coarse, &fine] {
            let mut transform = Transform::new(grid, coarse.kept(2));
            let mut c = vec![Complex64::ZERO; coarse.kept(2).count()];
            transform.forward(&draw(grid), &mut c);
            both.push(c.iter().flat_map(|c| [c.re, c.im]).collect::<Vec<_>>());
        }
        assert!(largest_difference(&both[0], &both[1]) < 1e-15);
    }

    #[test]
    fn a_series_has_its_size_and_no_higher_modes() {
        let grid = Grid::new(&[64], &[3.0]).unwrap();
        let u = fourier_series(&grid, grid.kept(2), 5, 0.7, &mut stream(0, "test", 0));
        assert!((u.iter().fold(0.0f64, |size, u| size.max(u.abs())) - 0.7).abs() < 1e-15);
        let mut c = vec![Complex64::ZERO; grid.kept(1).count()];
        Transform::new(&grid, grid.kept(1)).forward(&u, &mut c);
        assert!(c[0].norm() < 1e-15 && c[6..].iter().all(|c| c.norm() < 1e-15) && c[5].norm() > 1e-3);
    }

    #[test]
    fn sines_are_periodic_and_bounded() {
        let grid = Grid::new(&[64], &[1.0]).unwrap();
        for i in 0..20 {
            let u = sines(&grid, 2, 8, &mut stream(0, "test", i));
            assert!(u.iter().all(|u| u.abs() <= 2.0) && u.iter().sum::<f64>().abs() < 1e-12);
        }
    }
}
