//! The advection equation u_t + c . grad u = 0, on grids of one axis or two. It is linear with constant coefficients, and is
//! solved exactly: each Fourier mode turns as exp(-i c . k t), and the field moves without changing its shape.
//!
//! Good values, Takamoto et al. (2022), "PDEBench", NeurIPS Datasets and Benchmarks, section D.1: unit length, 1,024 points,
//! c from 0.1 to 4, samples every 0.01 up to t = 2.

use rustfft::num_complex::Complex64;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trajectory::Component;
use trajectory::random::Stream;

use crate::Grid;
use crate::random_fields::{fourier_series, sines};
use crate::semilinear::Semilinear;
use crate::systems::finite;

/// Transport of a quantity with a constant velocity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Advection {
    /// Periodic grid: `points`, the number of points along each axis (even, at least 8), and `length`, the period along each
    /// axis; in the plane in the order \[y, x\].
    pub grid: Grid,
    /// Velocity c along x and y, in length / time. On a grid of one axis the second number has no effect.
    pub velocity: [f64; 2],
    /// Highest Fourier mode of random starts: two sines on a grid of one axis, a Fourier series with a largest
    /// absolute value of 1 in the plane.
    #[schemars(range(min = 1))]
    pub highest_mode: usize,
}

impl Default for Advection {
    fn default() -> Self {
        Advection { grid: Grid::preset(&[128], &[1.0]), velocity: [1.0, 0.0], highest_mode: 8 }
    }
}

impl Advection {
    /// PDEBench's setting with the velocity `beta`, on 1,024 points. The absolute values and windows that PDEBench applies
    /// to a tenth of its starts are left out.
    pub fn pdebench(beta: f64) -> Self {
        Advection { grid: Grid::preset(&[1024], &[1.0]), velocity: [beta, 0.0], highest_mode: 8 }
    }
}

impl Semilinear for Advection {
    const NAME: &'static str = "advection";
    const DEGREE: usize = 1;

    fn grid(&self) -> &Grid {
        &self.grid
    }

    fn channel(&self) -> Component {
        Component::new("u", "1")
    }

    fn linear(&self, [kx, ky]: [f64; 2]) -> Complex64 {
        Complex64::new(0.0, -(self.velocity[0] * kx + self.velocity[1] * ky))
    }

    fn sampling(&self) -> [f64; 2] {
        [0.01, 2.0]
    }

    fn draw(&self, stream: &mut Stream) -> Vec<f64> {
        let highest = self.highest_mode.min(self.grid.kept(1).x);
        match self.grid.dims() {
            1 => sines(&self.grid, 2, highest, stream),
            _ => fourier_series(&self.grid, self.grid.kept(1), highest, 1.0, stream),
        }
    }

    fn check(&self) -> Result<(), String> {
        if self.highest_mode == 0 {
            return Err("highest_mode = 0 must be at least 1".into());
        }
        self.velocity.iter().try_for_each(|&c| finite("velocity", c))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{largest_difference, last};
    use crate::{FieldSystem, Method};
    use std::f64::consts::TAU;
    use trajectory::random::stream;

    #[test]
    fn a_random_start_returns_after_one_period() {
        let system = Advection { velocity: [0.4, 0.0], ..Advection::default() };
        let start = system.random_start(&mut stream(0, "test", 0));
        assert!(largest_difference(&last(&system, &start, 2.5, &Method::default()), &start) < 1e-13);
    }

    #[test]
    fn a_field_in_the_plane_moves_along_the_velocity() {
        let grid = Grid::new(&[32, 24], &[2.0, 1.0]).unwrap();
        let system = Advection { grid, velocity: [0.3, -0.7], highest_mode: 4 };
        let shape = |x: f64, y: f64| (TAU * x).sin().exp() * (TAU / 2.0 * y).cos();
        let end = last(&system, &system.grid.sample(shape), 1.7, &Method::default());
        let moved = system.grid.sample(|x, y| shape(x - 0.3 * 1.7, y + 0.7 * 1.7));
        assert!(largest_difference(&end, &moved) < 1e-9);
    }
}
