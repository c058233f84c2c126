//! The incompressible Navier-Stokes equations in the plane, as an equation of the vorticity w = v_x - u_y:
//! w_t + u w_x + v w_y = nu lap w - drag w + f, with u = psi_y, v = -psi_x and lap psi = -w.
//!
//! The advection is computed as -(d_xx - d_yy) (u v) - d_xy (v^2 - u^2), which takes two fields and two products
//! (Basdevant 1983, J. Comput. Phys. 50, 209).
//!
//! Good values:
//! - Li et al. (2020), "Fourier neural operator", section 5.3, arXiv 2010.08895: unit lengths, 64 x 64 points, nu = 1e-3, 1e-4
//!   or 1e-5, a sample every time unit up to t = 50, 30 or 20. Starts have the covariance 7^1.5 (-lap + 49)^-2.5 in the paper
//!   and 7^3 in its code. nu = 1e-5 needs 128 x 128 points or more.
//! - Kolmogorov flow, Kochkov et al. (2021), PNAS 118, e2101784118: lengths 2 pi, drag 0.1, the force sin(4 y) along x,
//!   nu = 1e-3 on 256 x 256 points or more; nu = 1e-2 is resolved by 64 x 64.
//! - Decaying turbulence: no force, nu = 3e-4 on unit lengths with a vorticity of about 6.5 on 128 x 128 points.

use rustfft::num_complex::Complex64;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trajectory::Component;
use trajectory::random::Stream;

use crate::Grid;
use crate::random_fields::{Covariance, gaussian};
use crate::semilinear::Semilinear;
use crate::systems::{finite, not_negative, two_axes};

/// The curl of the force, constant in time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "name", rename_all = "snake_case", deny_unknown_fields)]
pub enum Forcing {
    /// None.
    None,
    /// f = amplitude (sin(x + y) + cos(x + y)), with x and y in radians of the grid; Li et al. (2020).
    Diagonal {
        /// Amplitude, in 1 / time^2.
        amplitude: f64,
    },
    /// The curl of the force amplitude sin(m y) along x, with y in radians of the grid; Kolmogorov's flow.
    Kolmogorov {
        /// Amplitude, in length / time^2.
        amplitude: f64,
        /// Number m of waves along y.
        waves: u32,
    },
}

/// Two-dimensional flow: vortices that merge and are stretched into filaments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NavierStokes {
    /// Periodic grid: `points`, the number of points along each axis (even, at least 8), and `length`, the period along each
    /// axis; in the plane in the order \[y, x\].
    pub grid: Grid,
    /// Viscosity nu, in length^2 / time.
    #[schemars(range(min = 0))]
    pub viscosity: f64,
    /// Rate of the friction with the ground, in 1 / time.
    #[schemars(range(min = 0), extend("examples" = [0.1]))]
    pub drag: f64,
    /// Curl of the force: a name and its keys.
    pub forcing: Forcing,
    /// Covariance A (-lap + tau^2)^-alpha of random starts, which are Gaussian fields with mean 0: `amplitude` is A.
    pub start: Covariance,
    /// Good sample interval and length of a trajectory, in units of time: the defaults of `data.dt` and `data.t_final`.
    pub sampling: [f64; 2],
}

impl Default for NavierStokes {
    fn default() -> Self {
        NavierStokes::li()
    }
}

impl NavierStokes {
    /// The covariance that the paper of Li et al. (2020) states: 7^1.5 (-lap + 49)^-2.5.
    pub fn li_paper_start() -> Covariance {
        Covariance { amplitude: 7f64.powf(1.5), tau: 7.0, alpha: 2.5 }
    }

    /// The covariance with which their published data were drawn: 7^3 (-lap + 49)^-2.5.
    pub fn li_code_start() -> Covariance {
        Covariance { amplitude: 7f64.powi(3), tau: 7.0, alpha: 2.5 }
    }

    /// The setting of Li et al. (2020) with nu = 1e-3.
    pub fn li() -> Self {
        NavierStokes {
            grid: Grid::preset(&[64, 64], &[1.0, 1.0]),
            viscosity: 1e-3,
            drag: 0.0,
            forcing: Forcing::Diagonal { amplitude: 0.1 },
            start: NavierStokes::li_paper_start(),
            sampling: [1.0, 50.0],
        }
    }

    /// Kolmogorov flow with drag on 64 x 64 points.
    pub fn kolmogorov() -> Self {
        let length = std::f64::consts::TAU;
        NavierStokes {
            grid: Grid::preset(&[64, 64], &[length, length]),
            viscosity: 1e-2,
            drag: 0.1,
            forcing: Forcing::Kolmogorov { amplitude: 1.0, waves: 4 },
            // a vorticity of about 2.6, most of it at wavenumbers below 4
            start: Covariance { amplitude: 4f64.powi(10), tau: 4.0, alpha: 4.0 },
            sampling: [0.1, 20.0],
        }
    }

    /// Decaying turbulence on 128 x 128 points.
    pub fn decaying() -> Self {
        NavierStokes {
            grid: Grid::preset(&[128, 128], &[1.0, 1.0]),
            viscosity: 3e-4,
            drag: 0.0,
            forcing: Forcing::None,
            // a vorticity of about 6.5, most of it in two to four waves along each axis
            start: Covariance { amplitude: 40f64.powi(8), tau: 40.0, alpha: 4.0 },
            sampling: [0.05, 5.0],
        }
    }
}

impl Semilinear for NavierStokes {
    const NAME: &'static str = "navier_stokes";
    const DEGREE: usize = 2;

    fn grid(&self) -> &Grid {
        &self.grid
    }

    fn channel(&self) -> Component {
        Component::new("w", "1")
    }

    fn linear(&self, [kx, ky]: [f64; 2]) -> Complex64 {
        Complex64::new(-self.viscosity * (kx * kx + ky * ky) - self.drag, 0.0)
    }

    fn forcing(&self) -> Vec<([i64; 2], Complex64)> {
        match self.forcing {
            Forcing::None => Vec::new(),
            Forcing::Diagonal { amplitude } => vec![([1, 1], Complex64::new(0.5, -0.5) * amplitude)],
            Forcing::Kolmogorov { amplitude, waves } => {
                // The curl of (sin(k y), 0) is -k cos(k y).
                let curl = Complex64::from(-0.5 * amplitude * f64::from(waves) * self.grid.fundamental()[1]);
                [1, -1].map(|sign| ([0, sign * i64::from(waves)], curl)).to_vec()
            }
        }
    }

    /// u and v.
    fn fields(&self, [kx, ky]: [f64; 2]) -> [Complex64; 2] {
        let square = kx * kx + ky * ky;
        let over = |k: f64| Complex64::new(0.0, if square == 0.0 { 0.0 } else { k / square });
        [over(ky), over(-kx)]
    }

    #[inline(always)]
    fn product(&self, [u, v]: [f64; 2]) -> [f64; 2] {
        [u * v, (v - u) * (v + u)]
    }

    fn products(&self, [kx, ky]: [f64; 2]) -> [Complex64; 2] {
        [Complex64::from(kx * kx - ky * ky), Complex64::from(kx * ky)]
    }

    fn sampling(&self) -> [f64; 2] {
        self.sampling
    }

    fn draw(&self, stream: &mut Stream) -> Vec<f64> {
        gaussian(&self.grid, self.grid.kept(2), &self.start, stream)
    }

    fn check(&self) -> Result<(), String> {
        two_axes(&self.grid)?;
        not_negative("viscosity", self.viscosity)?;
        not_negative("drag", self.drag)?;
        let amplitude = match self.forcing {
            Forcing::None => 0.0,
            Forcing::Diagonal { amplitude } | Forcing::Kolmogorov { amplitude, .. } => amplitude,
        };
        finite("the amplitude of the forcing", amplitude)?;
        match (self.forcing, self.grid.kept(2).y) {
            (Forcing::Kolmogorov { waves, .. }, kept) if !(1..=kept).contains(&(waves as usize)) => {
                Err(format!(
                    "waves = {waves} must lie between 1 and {kept}, the highest mode that this grid keeps along y"
                ))
            }
            _ => self.start.check(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{largest_difference, last, order_of, same_on_any_number_of_threads, samples};
    use crate::{FieldSystem, Method, Order, Transform};
    use std::f64::consts::TAU;
    use trajectory::Times;
    use trajectory::random::stream;

    fn start(system: &NavierStokes) -> Vec<f64> {
        system.random_start(&mut stream(0, "test", 0))
    }

    /// The means of u f, w f, u^2 / 2, w^2 / 2, w^2 and |grad w|^2, of which the budgets consist.
    fn means(system: &NavierStokes, w: &[f64]) -> [f64; 6] {
        let kept = system.grid.kept(2);
        let mut c = vec![Complex64::ZERO; kept.count()];
        Transform::new(&system.grid, kept).forward(w, &mut c);
        let [fx, fy] = system.grid.fundamental();
        let mut sums = [0.0; 6];
        for ([kx, ky], w) in kept.indices().zip(c) {
            let square = (fx * kx as f64).powi(2) + (fy * ky as f64).powi(2);
            if square == 0.0 {
                continue;
            }
            let f = system
                .forcing()
                .iter()
                .find(|(index, _)| *index == [kx, ky])
                .map_or(Complex64::ZERO, |f| f.1);
            let (both, power) = (if kx == 0 { 1.0 } else { 2.0 }, w.norm_sqr());
            let work = (w * f.conj()).re;
            let terms = [work / square, work, 0.5 * power / square, 0.5 * power, power, power * square];
            sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += both * term);
        }
        sums
    }

    #[test]
    fn taylor_and_green_s_vortices_decay_exactly() {
        // The nonlinear term vanishes: Taylor and Green (1937).
        let grid = Grid::new(&[24, 16], &[2.0, 1.0]).unwrap();
        let system = NavierStokes { grid, viscosity: 0.01, forcing: Forcing::None, ..NavierStokes::li() };
        let (kx, ky) = (TAU * 2.0, TAU / 2.0 * 3.0);
        let exact = |t: f64| {
            let decay = (-0.01 * (kx * kx + ky * ky) * t).exp();
            system.grid.sample(|x, y| 5.0 * decay * (kx * x).cos() * (ky * y).sin())
        };
        for order in [Order::Second, Order::Fourth] {
            let end = last(&system, &exact(0.0), 1.0, &Method::with_step(order, 0.1));
            assert!(largest_difference(&end, &exact(1.0)) < 1e-12);
        }
    }

    #[test]
    fn the_advection_of_three_waves_is_that_computed_by_hand() {
        let grid = Grid::new(&[32, 32], &[TAU, TAU]).unwrap();
        let system = NavierStokes { grid, viscosity: 0.0, forcing: Forcing::None, ..NavierStokes::li() };
        let start =
            system.grid.sample(|x, y| -y.cos() + 0.3 * (2.0 * x + y).sin() + 0.2 * (x - 3.0 * y).cos());
        let dt = 1e-4;
        let [later, earlier] =
            [dt, 2.0 * dt].map(|t| last(&system, &start, t, &Method::with_step(Order::Fourth, dt)));
        // psi = w / k^2 for each wave, u = psi_y, v = -psi_x.
        let expected = system.grid.sample(|x, y| {
            let (a, b) = (2.0 * x + y, x - 3.0 * y);
            let u = y.sin() + 0.3 / 5.0 * a.cos() + 0.2 / 10.0 * 3.0 * b.sin();
            let v = -0.3 / 5.0 * 2.0 * a.cos() + 0.2 / 10.0 * b.sin();
            let wx = 0.3 * 2.0 * a.cos() - 0.2 * b.sin();
            let wy = y.sin() + 0.3 * a.cos() + 0.2 * 3.0 * b.sin();
            -u * wx - v * wy
        });
        let slope: Vec<f64> =
            (0..start.len()).map(|i| (4.0 * later[i] - earlier[i] - 3.0 * start[i]) / (2.0 * dt)).collect();
        assert!(largest_difference(&slope, &expected) < 1e-6, "{}", largest_difference(&slope, &expected));
    }

    #[test]
    fn errors_fall_at_the_order_of_the_method() {
        let grid = Grid::new(&[32, 32], &[1.0, 1.0]).unwrap();
        let system = NavierStokes { grid, start: NavierStokes::li_code_start(), ..NavierStokes::li() };
        let start = start(&system);
        let converged = last(&system, &start, 1.0, &Method::with_step(Order::Fourth, 0.005));
        for (order, step, expected) in [(Order::Second, 0.02, 2.0), (Order::Fourth, 0.05, 4.0)] {
            let measured = order_of(&system, &start, 1.0, order, step, &converged);
            assert!((measured - expected).abs() < 0.35, "{order:?}: {measured}");
        }
    }

    #[test]
    fn energy_and_enstrophy_change_by_force_viscosity_and_drag_alone() {
        let kolmogorov = NavierStokes {
            grid: Grid::new(&[48, 36], &[TAU, TAU]).unwrap(),
            forcing: Forcing::Kolmogorov { amplitude: 1.0, waves: 2 },
            ..NavierStokes::kolmogorov()
        };
        let li = NavierStokes { grid: Grid::new(&[32, 32], &[1.0, 1.0]).unwrap(), ..NavierStokes::li() };
        for system in [kolmogorov, li] {
            let (intervals, dt) = (100, 0.01);
            let times = Times::new(dt, intervals).unwrap();
            let run = samples(&system, &start(&system), &times, &Method::with_step(Order::Fourth, dt));
            let means: Vec<[f64; 6]> = run.chunks(system.grid.points()).map(|w| means(&system, w)).collect();
            let integral = |rate: &dyn Fn(&[f64; 6]) -> f64| -> f64 {
                let simpson = |i: usize| if i == 0 || i == intervals { 1.0 } else { [2.0, 4.0][i % 2] };
                (0..=intervals).map(|i| simpson(i) * dt / 3.0 * rate(&means[i])).sum()
            };
            let (nu, drag) = (system.viscosity, system.drag);
            let energy = integral(&|m| m[0] - nu * m[4] - 2.0 * drag * m[2]);
            let enstrophy = integral(&|m| m[1] - nu * m[5] - 2.0 * drag * m[3]);
            for (budget, quantity) in [(energy, 2), (enstrophy, 3)] {
                let change = means[intervals][quantity] - means[0][quantity];
                assert!((budget / change - 1.0).abs() < 1e-6, "{quantity}: {budget} {change}");
            }
        }
    }

    #[test]
    fn ideal_flow_conserves_energy_and_enstrophy() {
        let grid = Grid::new(&[32, 32], &[1.0, 1.0]).unwrap();
        let system = NavierStokes { grid, viscosity: 0.0, forcing: Forcing::None, ..NavierStokes::li() };
        let system = NavierStokes { start: NavierStokes::li_code_start(), ..system };
        let start = start(&system);
        let end = last(&system, &start, 2.0, &Method::with_step(Order::Fourth, 0.01));
        let (before, after) = (means(&system, &start), means(&system, &end));
        assert!(largest_difference(&start, &end) > 0.1 * start.iter().fold(0.0, |m, w| w.abs().max(m)));
        for i in [2, 3] {
            assert!((after[i] / before[i] - 1.0).abs() < 1e-7, "{} {}", before[i], after[i]);
        }
    }

    #[test]
    fn a_finer_grid_and_shorter_steps_agree_with_the_setting_of_li() {
        let coarse = NavierStokes::li();
        let fine = NavierStokes { grid: Grid::new(&[128, 128], &[1.0, 1.0]).unwrap(), ..NavierStokes::li() };
        let from = start(&coarse);
        // The same modes on the fine grid.
        let (kept, mut on_fine) = (coarse.grid.kept(2), vec![0.0; 128 * 128]);
        let mut c = vec![Complex64::ZERO; kept.count()];
        Transform::new(&coarse.grid, kept).forward(&from, &mut c);
        Transform::new(&fine.grid, kept).inverse(&c, &mut on_fine);
        let a = last(&coarse, &from, 4.0, &Method::default());
        let b = last(&fine, &on_fine, 4.0, &Method::default());
        let b: Vec<f64> = (0..64 * 64).map(|i| b[i / 64 * 2 * 128 + i % 64 * 2]).collect();
        let norm = |u: &[f64]| u.iter().map(|u| u * u).sum::<f64>().sqrt();
        let difference: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a - b).collect();
        assert!(norm(&difference) < 1e-4 * norm(&b), "{}", norm(&difference) / norm(&b));
    }

    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        let grid = Grid::new(&[30, 32], &[1.0, 1.0]).unwrap();
        let system = NavierStokes { grid, ..NavierStokes::li() };
        let times = Times::new(0.5, 3).unwrap();
        for count in [1, 3] {
            let starts: Vec<_> = (0..count).map(|i| system.random_start(&mut stream(0, "test", i))).collect();
            same_on_any_number_of_threads(&system, &starts, &times, &Method::default());
        }
    }

    #[test]
    fn impossible_parameters_are_refused_with_the_value() {
        let li = NavierStokes::li;
        let line = NavierStokes { grid: Grid::new(&[64], &[1.0]).unwrap(), ..li() };
        let waves = NavierStokes { forcing: Forcing::Kolmogorov { amplitude: 1.0, waves: 30 }, ..li() };
        for (system, part) in [
            (NavierStokes { viscosity: -1e-3, ..li() }, "viscosity = -0.001"),
            (NavierStokes { drag: f64::NAN, ..li() }, "drag = NaN"),
            (waves, "waves = 30 must lie between 1 and 21"),
            (line, "two axes"),
        ] {
            let message = FieldSystem::check(&system).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }
}
