//! The Kuramoto-Sivashinsky equation u_t = -u u_x - u_xx - u_xxxx, on a grid of one axis (Kuramoto and Tsuzuki 1976,
//! Sivashinsky 1977).
//!
//! Good values: length 22 with 64 points is weakly chaotic (Cvitanovic, Davidchack and Siminos 2010, SIAM J. Appl. Dyn. Syst.
//! 9, 1; largest Lyapunov exponent 0.048). Larger lengths have more positive exponents, in proportion to the length; 60
//! with 160 points is spatiotemporal chaos. About three points a unit of length are enough. Samples every 0.25 to 1 time unit; trajectories
//! reach the attractor within about 100 time units.

use rustfft::num_complex::Complex64;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trajectory::Component;
use trajectory::random::Stream;

use crate::Grid;
use crate::random_fields::fourier_series;
use crate::semilinear::Semilinear;
use crate::systems::one_axis;

/// Flame fronts and thin films: long waves grow, short ones decay, and steepening carries energy from the one to the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct KuramotoSivashinsky {
    /// Periodic grid: `points`, the number of points along each axis (even, at least 8), and `length`, the period along each
    /// axis; in the plane in the order \[y, x\].
    pub grid: Grid,
    /// Highest Fourier mode of random starts, whose largest absolute value is 1.
    pub highest_mode: usize,
}

impl Default for KuramotoSivashinsky {
    fn default() -> Self {
        KuramotoSivashinsky { grid: Grid::preset(&[64], &[22.0]), highest_mode: 5 }
    }
}

impl Semilinear for KuramotoSivashinsky {
    const NAME: &'static str = "kuramoto_sivashinsky";
    const DEGREE: usize = 2;

    fn grid(&self) -> &Grid {
        &self.grid
    }

    fn channel(&self) -> Component {
        Component::new("u", "1")
    }

    fn linear(&self, [kx, _]: [f64; 2]) -> Complex64 {
        Complex64::new(kx * kx - kx.powi(4), 0.0)
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
        [0.25, 250.0]
    }

    fn draw(&self, stream: &mut Stream) -> Vec<f64> {
        fourier_series(&self.grid, self.grid.kept(2), self.highest_mode, 1.0, stream)
    }

    fn check(&self) -> Result<(), String> {
        one_axis(&self.grid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{last, order_of, same_on_any_number_of_threads, samples};
    use crate::{FieldSystem, Method, Order};
    use trajectory::Times;
    use trajectory::random::{normal, stream};

    #[test]
    fn errors_fall_at_the_order_of_the_method() {
        let system = KuramotoSivashinsky::default();
        let start = last(&system, &system.random_start(&mut stream(0, "test", 0)), 100.0, &Method::default());
        let converged = last(&system, &start, 4.0, &Method::with_step(Order::Fourth, 0.002));
        for (order, step, expected) in [(Order::Second, 0.05, 2.0), (Order::Fourth, 0.02, 4.0)] {
            let measured = order_of(&system, &start, 4.0, order, step, &converged);
            assert!((measured - expected).abs() < 0.35, "{order:?}: {measured}");
        }
    }

    #[test]
    fn the_energy_changes_as_long_and_short_waves_demand() {
        // d/dt of the mean of u^2 / 2 is the mean of u_x^2 - u_xx^2. Simpson's rule over time.
        let system = KuramotoSivashinsky::default();
        let start = last(&system, &system.random_start(&mut stream(0, "test", 1)), 100.0, &Method::default());
        let (intervals, dt) = (200, 0.02);
        let times = Times::new(dt, intervals).unwrap();
        let run = samples(&system, &start, &times, &Method::with_step(Order::Fourth, dt));
        let kept = system.grid.kept(2);
        let mut transform = crate::Transform::new(&system.grid, kept);
        let [f, _] = system.grid.fundamental();
        let mut mean = |u: &[f64], weight: &dyn Fn(f64) -> f64| {
            let mut c = vec![Complex64::ZERO; kept.count()];
            transform.forward(u, &mut c);
            c.iter().enumerate().skip(1).map(|(i, c)| 2.0 * c.norm_sqr() * weight(f * i as f64)).sum::<f64>()
        };
        let fields: Vec<&[f64]> = run.chunks(64).collect();
        let change = mean(fields[intervals], &|_| 0.5) - mean(fields[0], &|_| 0.5);
        let gained: f64 = (0..=intervals)
            .map(|i| {
                let weight = if i == 0 || i == intervals { 1.0 } else { [2.0, 4.0][i % 2] };
                weight * dt / 3.0 * mean(fields[i], &|k| k * k - k.powi(4))
            })
            .sum();
        assert!(change.abs() > 1e-3 && (gained - change).abs() < 1e-7, "{gained} {change}");
    }

    #[test]
    fn neighbouring_trajectories_part_at_the_published_exponent() {
        // Benettin et al. (1980): the mean growth of a small difference, which is made small again every time unit.
        const PAIRS: u64 = 8;
        const SIZE: f64 = 1e-6;
        let system = KuramotoSivashinsky::default();
        let method = Method::with_step(Order::Fourth, 0.1);
        let starts: Vec<_> = (0..PAIRS).map(|i| system.random_start(&mut stream(0, "test", i))).collect();
        let warm = Times::new(200.0, 1).unwrap();
        let mut out = vec![0.0; starts.len() * 2 * 64];
        system.integrate(&starts, &warm, &method, &mut out).unwrap();
        let mut pairs: Vec<Vec<f64>> =
            out.chunks(128).flat_map(|run| [run[64..].to_vec(), run[64..].to_vec()]).collect();
        for pair in pairs.chunks_mut(2) {
            let mut draws = stream(1, "test", 0);
            pair[1].iter_mut().for_each(|u| *u += SIZE * normal(&mut draws));
        }
        let (unit, length, skipped) = (Times::new(1.0, 1).unwrap(), 1500, 50);
        let (mut out, mut growth) = (vec![0.0; pairs.len() * 128], 0.0);
        for time in 0..length {
            system.integrate(&pairs, &unit, &method, &mut out).unwrap();
            for (pair, out) in pairs.chunks_mut(2).zip(out.chunks(256)) {
                let (u, v) = (&out[64..128], &out[192..]);
                let distance = u.iter().zip(v).map(|(u, v)| (u - v).powi(2)).sum::<f64>().sqrt();
                if time >= skipped {
                    growth += (distance / SIZE).ln() / (PAIRS as f64 * f64::from(length - skipped));
                }
                pair[0].copy_from_slice(u);
                pair[1]
                    .iter_mut()
                    .zip(u.iter().zip(v))
                    .for_each(|(w, (u, v))| *w = u + (v - u) * SIZE / distance);
            }
        }
        assert!((growth - 0.048).abs() < 0.006, "{growth}");
    }

    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        let system = KuramotoSivashinsky::default();
        let starts: Vec<_> = (0..5).map(|i| system.random_start(&mut stream(0, "test", i))).collect();
        same_on_any_number_of_threads(&system, &starts, &Times::new(1.0, 20).unwrap(), &Method::default());
    }
}
