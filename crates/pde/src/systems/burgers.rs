//! Burgers' equation u_t + u u_x = nu u_xx (Burgers 1948), on a grid of one axis.
//!
//! Good values: PDEBench (Takamoto et al. 2022, section D.2) has unit length, 1,024 points, samples every 0.01 up to t = 2 and
//! nu from 0.001 / pi to 1 / pi. APEBench's `diff_burgers` (Koehler et al. 2024, convection and diffusion difficulty 1.5)
//! has 160 points and is, in these units, nu = 1 / 320 sampled every 3 / 320. A shock between u = 1 and u = -1 is about
//! 4 nu wide, which should be several points: more than 1 / nu points on a unit length.

use rustfft::num_complex::Complex64;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trajectory::Component;
use trajectory::random::Stream;

use crate::Grid;
use crate::random_fields::{fourier_series, sines};
use crate::semilinear::Semilinear;
use crate::systems::{not_negative, one_axis};

/// Random starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// The sum of two sines.
    Sines,
    /// A random Fourier series whose largest absolute value is 1.
    Series,
}

/// Steepening and diffusion of a velocity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Burgers {
    /// Periodic grid: `points`, the number of points along each axis (even, at least 8), and `length`, the period along each
    /// axis; in the plane in the order \[y, x\].
    pub grid: Grid,
    /// Viscosity nu, in length^2 / time.
    #[schemars(range(min = 0))]
    pub viscosity: f64,
    /// Good sample interval and length of a trajectory, in units of time: the defaults of `data.dt` and `data.t_final`.
    pub sampling: [f64; 2],
    /// Kind of random starts.
    pub start: Start,
    /// Highest Fourier mode of random starts.
    #[schemars(range(min = 1))]
    pub highest_mode: usize,
}

impl Default for Burgers {
    fn default() -> Self {
        Burgers::apebench()
    }
}

impl Burgers {
    /// PDEBench's setting with its `nu`, which is pi times the viscosity, on 1,024 points.
    pub fn pdebench(nu: f64) -> Self {
        Burgers {
            grid: Grid::preset(&[1024], &[1.0]),
            viscosity: nu / std::f64::consts::PI,
            sampling: [0.01, 2.0],
            start: Start::Sines,
            highest_mode: 8,
        }
    }

    /// APEBench's `diff_burgers` on 160 points, with 200 sample intervals.
    pub fn apebench() -> Self {
        Burgers {
            grid: Grid::preset(&[160], &[1.0]),
            viscosity: 1.0 / 320.0,
            sampling: [3.0 / 320.0, 600.0 / 320.0],
            start: Start::Series,
            highest_mode: 5,
        }
    }
}

impl Semilinear for Burgers {
    const NAME: &'static str = "burgers";
    const DEGREE: usize = 2;

    fn grid(&self) -> &Grid {
        &self.grid
    }

    fn channel(&self) -> Component {
        Component::new("u", "1")
    }

    fn linear(&self, [kx, _]: [f64; 2]) -> Complex64 {
        Complex64::new(-self.viscosity * kx * kx, 0.0)
    }

    fn fields(&self, _: [f64; 2]) -> [Complex64; 2] {
        [Complex64::ONE, Complex64::ZERO]
    }

    #[inline(always)]
    fn product(&self, [u, _]: [f64; 2]) -> [f64; 2] {
        [u * u, 0.0]
    }

    /// u u_x is the derivative of u^2 / 2.
    fn products(&self, [kx, _]: [f64; 2]) -> [Complex64; 2] {
        [Complex64::new(0.0, -0.5 * kx), Complex64::ZERO]
    }

    fn sampling(&self) -> [f64; 2] {
        self.sampling
    }

    fn draw(&self, stream: &mut Stream) -> Vec<f64> {
        let kept = self.grid.kept(2);
        match self.start {
            Start::Sines => sines(&self.grid, 2, self.highest_mode.min(kept.x), stream),
            Start::Series => fourier_series(&self.grid, kept, self.highest_mode, 1.0, stream),
        }
    }

    fn check(&self) -> Result<(), String> {
        if self.highest_mode == 0 {
            return Err("highest_mode = 0 must be at least 1".into());
        }
        one_axis(&self.grid)?;
        not_negative("viscosity", self.viscosity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{largest_difference, last, order_of, same_on_any_number_of_threads};
    use crate::{FieldSystem, Method, Order};
    use std::f64::consts::TAU;
    use trajectory::Times;
    use trajectory::random::stream;

    /// The solution by Hopf (1950) and Cole (1951): u = -2 nu theta_x / theta, where theta solves the heat equation; here
    /// theta = 1 + a exp(-nu k^2 t) cos(k x).
    fn exact(system: &Burgers, t: f64) -> Vec<f64> {
        let nu = system.viscosity;
        system.grid.sample(|x, _| {
            let a = 0.8 * (-nu * TAU * TAU * t).exp();
            2.0 * nu * a * TAU * (TAU * x).sin() / (1.0 + a * (TAU * x).cos())
        })
    }

    #[test]
    fn the_solution_of_hopf_and_cole_is_approached_at_the_order_of_the_method() {
        let system = Burgers { grid: Grid::preset(&[128], &[1.0]), viscosity: 0.1, ..Burgers::default() };
        for (order, step, expected) in [(Order::Second, 0.02, 2.0), (Order::Fourth, 0.05, 4.0)] {
            let measured = order_of(&system, &exact(&system, 0.0), 0.5, order, step, &exact(&system, 0.5));
            assert!((measured - expected).abs() < 0.35, "{order:?}: {measured}");
        }
        let end = last(&system, &exact(&system, 0.0), 0.5, &Method::with_step(Order::Fourth, 0.0025));
        let error = largest_difference(&end, &exact(&system, 0.5));
        assert!(error < 1e-9, "{error}");
    }

    #[test]
    fn the_mean_is_kept_and_the_energy_decreases() {
        let system = Burgers::apebench();
        let start = system.random_start(&mut stream(0, "test", 0));
        let end = last(&system, &start, 0.5, &Method::default());
        let mean = |u: &[f64]| u.iter().sum::<f64>() / 160.0;
        let energy = |u: &[f64]| u.iter().map(|u| u * u).sum::<f64>();
        assert!((mean(&end) - mean(&start)).abs() < 1e-14);
        assert!(energy(&end) < 0.9 * energy(&start));
    }

    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        let system = Burgers { grid: Grid::preset(&[128], &[1.0]), ..Burgers::pdebench(0.1) };
        let starts: Vec<_> = (0..5).map(|i| system.random_start(&mut stream(0, "test", i))).collect();
        let times = Times::new(0.05, 4).unwrap();
        same_on_any_number_of_threads(&system, &starts, &times, &Method::default());
    }

    #[test]
    fn a_plane_and_a_negative_viscosity_are_refused() {
        let system = Burgers::apebench();
        let plane = Burgers { grid: Grid::new(&[16, 16], &[1.0, 1.0]).unwrap(), ..system.clone() };
        assert!(FieldSystem::check(&plane).unwrap_err().to_string().contains("one axis"));
        let negative = Burgers { viscosity: -1.0, ..system };
        assert!(FieldSystem::check(&negative).unwrap_err().to_string().contains("viscosity = -1"));
    }
}
