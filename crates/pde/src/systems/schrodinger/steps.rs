//! The time steps of the Schroedinger equation: factors at the wavenumbers and at the points.

use std::sync::OnceLock;

use rustfft::num_complex::Complex64;

use super::Schrodinger;
use crate::FieldError;
use crate::method::{MAX_STEPS, Method};
use crate::split::{Splitting, distinct};
use crate::vectorised::{Work, vectorised};

/// The factors of one splitting and one time step.
pub(super) struct Factors {
    /// exp(-i kx^2 h / 2) over the number of points of x and exp(-i ky^2 h / 2) over that of y, for each distinct
    /// fraction of the step, and for the last and the first one together.
    pub kinetic: Vec<[Vec<Complex64>; 2]>,
    /// For each distinct fraction of the potential part.
    pub potential: Vec<PointFactors>,
    /// Which of `kinetic` follows each potential part but the last.
    pub kinetic_after: Vec<usize>,
    /// Which of `potential` each part uses.
    pub potential_order: Vec<usize>,
}

/// The solution of the potential part at the points.
pub(super) struct PointFactors {
    /// exp((-i V - absorption) h).
    pub linear: Vec<Complex64>,
    /// -g times the integral of exp(-2 absorption t) over the part: what |psi|^2 is multiplied by in the phase. Empty where
    /// g = 0.
    pub nonlinear: Vec<f64>,
}

impl Factors {
    /// The first kinetic part of the first step, and the last of the last.
    pub const FIRST: usize = 0;

    /// The two of them together, between steps.
    pub fn between(&self) -> usize {
        self.kinetic.len() - 1
    }

    fn new(system: &Schrodinger, splitting: Splitting, h: f64) -> Self {
        let (mut kinetic, order) = distinct(splitting.kinetic);
        kinetic.push(2.0 * splitting.kinetic[0]);
        let (potential, potential_order) = distinct(splitting.potential);
        let [nx, ny] = system.grid.nx_ny();
        let fundamental = system.grid.fundamental();
        let along = |axis: usize, n: usize, fraction: f64| -> Vec<Complex64> {
            let wavenumber =
                |i: usize| fundamental[axis] * if i <= n / 2 { i as f64 } else { i as f64 - n as f64 };
            (0..n).map(|i| Complex64::cis(-0.5 * fraction * h * wavenumber(i).powi(2)) / n as f64).collect()
        };
        let (v, absorption) = (system.potential.values(&system.grid), system.absorption());
        let points = |fraction: f64| {
            let (t, g) = (fraction * h, system.interaction);
            let linear = v.iter().zip(&absorption).map(|(v, rate)| Complex64::new(-rate * t, -v * t).exp());
            let integral =
                |rate: f64| if rate == 0.0 { t } else { -(-2.0 * rate * t).exp_m1() / (2.0 * rate) };
            let nonlinear = absorption.iter().filter(|_| g != 0.0).map(|&rate| -g * integral(rate));
            PointFactors { linear: linear.collect(), nonlinear: nonlinear.collect() }
        };
        Factors {
            kinetic: kinetic.iter().map(|&a| [along(0, nx, a), along(1, ny, a)]).collect(),
            potential: potential.iter().map(|&b| points(b)).collect(),
            kinetic_after: order[1..order.len() - 1].to_vec(),
            potential_order,
        }
    }
}

impl PointFactors {
    /// Applies the part to the points `psi` of the array from `first` on.
    pub fn apply(&self, first: usize, psi: &mut [Complex64]) {
        let range = first..first + psi.len();
        if self.nonlinear.is_empty() {
            vectorised(Multiply(psi, &self.linear[range]));
        } else {
            let factors = self.linear[range.clone()].iter().zip(&self.nonlinear[range]);
            for (psi, (factor, g)) in psi.iter_mut().zip(factors) {
                *psi *= factor * Complex64::cis(g * psi.norm_sqr());
            }
        }
    }
}

/// Multiplies the wave function by factors.
struct Multiply<'a>(&'a mut [Complex64], &'a [Complex64]);

impl Work for Multiply<'_> {
    #[inline(always)]
    fn run(self) {
        let Multiply(psi, factors) = self;
        psi.iter_mut().zip(factors).for_each(|(psi, factor)| *psi *= factor);
    }
}

/// The factors for each number of steps in a sample interval, computed when they are first needed.
pub(super) struct Steps<'a> {
    system: &'a Schrodinger,
    dt: f64,
    method: Method,
    /// Of the potential and the highest kinetic frequency, see [`Steps::rate`].
    linear_rate: f64,
    ready: [OnceLock<Factors>; MAX_STEPS.ilog2() as usize + 1],
}

impl<'a> Steps<'a> {
    pub fn new(system: &'a Schrodinger, dt: f64, method: Method) -> Self {
        let v = system.potential.values(&system.grid);
        let (low, high) = v.iter().fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
        let highest = |i: usize| std::f64::consts::PI / system.grid.spacing(i);
        let kinetic: f64 = (0..system.grid.dims()).map(|axis| highest(axis).powi(2)).sum();
        let kinetic = if system.interaction == 0.0 { 0.0 } else { kinetic / std::f64::consts::TAU };
        Steps { system, dt, method, linear_rate: (high - low).max(kinetic), ready: Default::default() }
    }

    /// What takes the place of the velocity over the spacing in the CFL number: the largest of the range of V, |g| times
    /// the largest density and, where g is not 0, k^2 / (2 pi) for the highest wavenumber k (splittings become unstable
    /// where k^2 h / 2 reaches pi: Weideman and Herbst 1986, SIAM J. Numer. Anal. 23, 485).
    pub fn rate(&self, state: &[f64]) -> f64 {
        let (re, im) = state.split_at(state.len() / 2);
        let density = re.iter().zip(im).map(|(re, im)| re * re + im * im).fold(0.0, f64::max);
        self.linear_rate.max(self.system.interaction.abs() * density)
    }

    /// The factors and the number of steps of the sample interval that begins at `t` with `state`.
    pub fn choose(&self, t: f64, state: &[f64]) -> Result<(&Factors, usize), FieldError> {
        let steps = self.method.steps(t, self.dt, || self.rate(state))?;
        let splitting = Splitting::of(self.method.order);
        let make = || Factors::new(self.system, splitting, self.dt / steps as f64);
        Ok((self.ready[steps.ilog2() as usize].get_or_init(make), steps))
    }
}
