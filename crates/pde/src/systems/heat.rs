//! The heat equation u_t = nu lap u (Fourier 1822), on grids of one axis or two. It is linear with constant coefficients,
//! and is solved exactly: each Fourier mode decays as exp(-nu k^2 t).
//!
//! Good values: nu = 0.01 on a unit length. The problem on \[0, 1\] with u = 0 at both ends becomes periodic by odd
//! extension: on a grid of length 2, the start sin(pi x) decays as exp(-nu pi^2 t).

use rustfft::num_complex::Complex64;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trajectory::Component;
use trajectory::random::Stream;

use crate::Grid;
use crate::random_fields::fourier_series;
use crate::semilinear::Semilinear;
use crate::systems::not_negative;

/// Diffusion of a temperature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Heat {
    /// Periodic grid: `points`, the number of points along each axis (even, at least 8), and `length`, the period along each
    /// axis; in the plane in the order \[y, x\].
    pub grid: Grid,
    /// Diffusivity nu, in length^2 / time.
    #[schemars(range(min = 0))]
    pub diffusivity: f64,
    /// Highest Fourier mode of random starts, whose largest absolute value is 1.
    pub highest_mode: usize,
}

impl Default for Heat {
    fn default() -> Self {
        Heat { grid: Grid::preset(&[64], &[1.0]), diffusivity: 0.01, highest_mode: 5 }
    }
}

impl Semilinear for Heat {
    const NAME: &'static str = "heat";
    const DEGREE: usize = 1;

    fn grid(&self) -> &Grid {
        &self.grid
    }

    fn channel(&self) -> Component {
        Component::new("u", "1")
    }

    fn linear(&self, [kx, ky]: [f64; 2]) -> Complex64 {
        Complex64::new(-self.diffusivity * (kx * kx + ky * ky), 0.0)
    }

    fn sampling(&self) -> [f64; 2] {
        [0.05, 2.5]
    }

    fn draw(&self, stream: &mut Stream) -> Vec<f64> {
        fourier_series(&self.grid, self.grid.kept(1), self.highest_mode, 1.0, stream)
    }

    fn check(&self) -> Result<(), String> {
        not_negative("diffusivity", self.diffusivity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{largest_difference, last, samples};
    use crate::{FieldSystem, Method};
    use std::f64::consts::{PI, TAU};
    use trajectory::Times;

    #[test]
    fn the_odd_extension_of_sin_pi_x_decays_exactly() {
        let system = Heat { grid: Grid::new(&[64], &[2.0]).unwrap(), diffusivity: 1.0, highest_mode: 5 };
        let exact = |t: f64| system.grid.sample(|x, _| (PI * x).sin() * (-PI * PI * t).exp());
        let times = Times::new(0.01, 20).unwrap();
        let run = samples(&system, &exact(0.0), &times, &Method::default());
        for (i, u) in run.chunks(64).enumerate() {
            assert!(largest_difference(u, &exact(times.at(i))) < 1e-14, "{i}");
        }
    }

    #[test]
    fn modes_in_the_plane_decay_exactly_in_one_step() {
        let system =
            Heat { grid: Grid::new(&[18, 24], &[2.0, 3.0]).unwrap(), diffusivity: 0.1, highest_mode: 5 };
        let exact = |t: f64| {
            system.grid.sample(|x, y| {
                let [fast, slow] = [TAU * 4.0 / 3.0, TAU * 3.0 / 2.0];
                1.0 + (-0.1 * (fast * fast + slow * slow) * t).exp() * (fast * x - slow * y + 0.4).cos()
                    + (-0.1 * PI * PI * t).exp() * (PI * y).sin()
            })
        };
        let end = last(&system, &exact(0.0), 0.3, &Method::default());
        assert!(largest_difference(&end, &exact(0.3)) < 1e-14);
    }

    #[test]
    fn a_gaussian_bump_spreads_as_the_heat_kernel() {
        let system = Heat { grid: Grid::new(&[256], &[20.0]).unwrap(), diffusivity: 1.0, highest_mode: 5 };
        let kernel = |t: f64| {
            system.grid.sample(|x, _| (-(x - 10.0).powi(2) / (4.0 * t)).exp() / (4.0 * PI * t).sqrt())
        };
        let end = last(&system, &kernel(0.25), 0.75, &Method::default());
        assert!(largest_difference(&end, &kernel(1.0)) < 1e-10);
    }

    #[test]
    fn a_negative_diffusivity_is_refused() {
        let system = Heat { diffusivity: -1.0, ..Heat::default() };
        let message = FieldSystem::check(&system).unwrap_err().to_string();
        assert_eq!(message, "diffusivity = -1 must be finite and not negative");
    }
}
