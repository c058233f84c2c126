//! Exponential time differencing for w' = L w + N(w) with a diagonal L, one complex number a Fourier mode.
//!
//! Cox and Matthews (2002), "Exponential time differencing for stiff systems", J. Comput. Phys. 176, 430: ETDRK2 is
//! equations 20 to 22, ETDRK4 equations 26 to 29. Their coefficients suffer from cancellation where h L is small; there they
//! are means over a circle in the complex plane, Kassam and Trefethen (2005), "Fourth-order time-stepping for stiff
//! PDEs", SIAM J. Sci. Comput. 26, 1214, section 3. They stay complex: for a dispersive L, such as that of u_xxx, their
//! imaginary parts do not vanish, and both methods would fall to order 1 without them.

use rustfft::num_complex::Complex64;

use crate::method::Order;
use crate::vectorised::{Work, vectorised};

/// The coefficients of a method for one time step; each is an array over modes.
#[derive(Clone, Debug)]
pub enum Etd {
    /// w' = L w alone, which one factor solves exactly.
    Exact {
        /// exp(h L).
        decay: Vec<Complex64>,
    },
    /// Order 2, two evaluations of N a step.
    Etdrk2 {
        /// exp(h L).
        decay: Vec<Complex64>,
        /// h phi_1(h L).
        first: Vec<Complex64>,
        /// h phi_2(h L).
        second: Vec<Complex64>,
    },
    /// Order 4, four evaluations of N a step.
    Etdrk4 {
        /// exp(h L).
        decay: Vec<Complex64>,
        /// exp(h L / 2).
        half_decay: Vec<Complex64>,
        /// h phi_1(h L / 2) / 2.
        half: Vec<Complex64>,
        /// The weights of N at the start, twice in the middle and at the end of the step.
        weights: [Vec<Complex64>; 3],
    },
}

/// What a mode needs between the stages of a step.
#[derive(Clone, Debug, Default)]
pub struct Stages {
    /// The value of the current stage; that of the solution between two steps.
    pub w: Vec<Complex64>,
    /// N at the current stage, written before every [`Etd::advance`].
    pub n: Vec<Complex64>,
    sum: Vec<Complex64>,
    half: Vec<Complex64>,
    third: Vec<Complex64>,
}

impl Stages {
    /// Storage for `modes` modes.
    pub fn new(modes: usize) -> Self {
        let zeros = || vec![Complex64::ZERO; modes];
        Stages { w: zeros(), n: zeros(), sum: zeros(), half: zeros(), third: zeros() }
    }
}

impl Etd {
    /// The coefficients for steps of `h`, given L of each mode as `linear`.
    pub fn new(order: Order, linear: &[Complex64], h: f64) -> Self {
        let each = |f: &dyn Fn(Complex64) -> Complex64| linear.iter().map(|l| f(l * h)).collect::<Vec<_>>();
        let decay = each(&|z| z.exp());
        match order {
            Order::Second => {
                Etd::Etdrk2 { decay, first: each(&|z| h * phi_1(z)), second: each(&|z| h * mean(z, phi_2)) }
            }
            Order::Fourth => Etd::Etdrk4 {
                decay,
                half_decay: each(&|z| (0.5 * z).exp()),
                half: each(&|z| 0.5 * h * phi_1(0.5 * z)),
                weights: [start, middle, end].map(|weight| each(&|z| h * mean(z, weight))),
            },
        }
    }

    /// The exact solution of w' = L w after the time `h`.
    pub fn exact(linear: &[Complex64], h: f64) -> Self {
        Etd::Exact { decay: linear.iter().map(|l| (l * h).exp()).collect() }
    }

    /// Number of evaluations of N in a step.
    pub fn stages(&self) -> usize {
        match self {
            Etd::Exact { .. } => 0,
            Etd::Etdrk2 { .. } => 2,
            Etd::Etdrk4 { .. } => 4,
        }
    }

    /// Goes from stage `stage`, of which N is known, to the next one, for the modes `first_mode..first_mode +
    /// modes.w.len()`. After the last stage `modes.w` is the solution at the end of the step.
    ///
    /// # Panics
    /// Where the method has no such modes or stage.
    pub fn advance(&self, stage: usize, first_mode: usize, modes: &mut Stages) {
        vectorised(Advance(self, stage, first_mode, modes));
    }
}

/// The arguments of [`Etd::advance`].
struct Advance<'a>(&'a Etd, usize, usize, &'a mut Stages);

impl Work for Advance<'_> {
    #[inline(always)]
    fn run(self) {
        let Advance(etd, stage, first_mode, modes) = self;
        let count = modes.w.len();
        let Stages { w, n, sum, half: halfway, third } = modes;
        let (w, n) = (&mut w[..count], &n[..count]);
        let (sum, halfway, third) = (&mut sum[..count], &mut halfway[..count], &mut third[..count]);
        let range = first_mode..first_mode + count;
        match (etd, stage) {
            (Etd::Exact { decay }, 0) => {
                w.iter_mut().zip(&decay[range]).for_each(|(w, decay)| *w *= decay);
            }
            (Etd::Etdrk2 { decay, first, second }, 0) => {
                let (decay, first, second) = (&decay[range.clone()], &first[range.clone()], &second[range]);
                for i in 0..count {
                    let a = decay[i] * w[i] + first[i] * n[i];
                    w[i] = a;
                    sum[i] = a - second[i] * n[i];
                }
            }
            (Etd::Etdrk2 { second, .. }, 1) => {
                let second = &second[range];
                for i in 0..count {
                    w[i] = sum[i] + second[i] * n[i];
                }
            }
            (Etd::Etdrk4 { decay, half_decay, half, weights: [start, ..] }, 0) => {
                let (decay, half_decay) = (&decay[range.clone()], &half_decay[range.clone()]);
                let (half, start) = (&half[range.clone()], &start[range]);
                for i in 0..count {
                    let (here, step) = (half_decay[i] * w[i], half[i] * n[i]);
                    sum[i] = decay[i] * w[i] + start[i] * n[i];
                    halfway[i] = here;
                    w[i] = here + step;
                    third[i] = half_decay[i] * w[i] - step;
                }
            }
            (Etd::Etdrk4 { half, weights: [_, middle, _], .. }, 1) => {
                let (half, middle) = (&half[range.clone()], &middle[range]);
                for i in 0..count {
                    sum[i] += middle[i] * n[i];
                    w[i] = halfway[i] + half[i] * n[i];
                }
            }
            (Etd::Etdrk4 { half, weights: [_, middle, _], .. }, 2) => {
                let (half, middle) = (&half[range.clone()], &middle[range]);
                for i in 0..count {
                    sum[i] += middle[i] * n[i];
                    w[i] = third[i] + 2.0 * half[i] * n[i];
                }
            }
            (Etd::Etdrk4 { weights: [.., end], .. }, 3) => {
                let end = &end[range];
                for i in 0..count {
                    w[i] = sum[i] + end[i] * n[i];
                }
            }
            _ => panic!("a method with {} stages has no stage {stage}", etd.stages()),
        }
    }
}

/// (e^z - 1) / z.
fn phi_1(z: Complex64) -> Complex64 {
    mean(z, |z| (z.exp() - 1.0) / z)
}

/// (e^z - 1 - z) / z^2.
fn phi_2(z: Complex64) -> Complex64 {
    (z.exp() - 1.0 - z) / (z * z)
}

/// The weight of N at the start of a step of ETDRK4.
fn start(z: Complex64) -> Complex64 {
    (-4.0 - z + z.exp() * (4.0 - 3.0 * z + z * z)) / (z * z * z)
}

/// The weight of each of the two values of N in the middle of a step of ETDRK4.
fn middle(z: Complex64) -> Complex64 {
    2.0 * (2.0 + z + z.exp() * (z - 2.0)) / (z * z * z)
}

/// The weight of N at the end of a step of ETDRK4.
fn end(z: Complex64) -> Complex64 {
    (-4.0 - 3.0 * z - z * z + z.exp() * (4.0 - z)) / (z * z * z)
}

/// f(z) for an entire function f whose formula cancels near 0: where |z| < 1, as the mean over a circle of radius 2
/// around z, which passes 0 at a distance of at least 1.
fn mean(z: Complex64, f: impl Fn(Complex64) -> Complex64) -> Complex64 {
    /// The error of the mean falls as 2^n / n!, here 1e-26.
    const POINTS: usize = 32;
    if z.norm() >= 1.0 {
        return f(z);
    }
    let around = |i| Complex64::from_polar(2.0, std::f64::consts::TAU * (i as f64 + 0.5) / POINTS as f64);
    (0..POINTS).map(|i| f(z + around(i))).sum::<Complex64>() / POINTS as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::{FRAC_PI_2, PI};

    /// Taylor series of phi_k(z) = sum of z^j / (j + k)!.
    fn series(k: i32, z: Complex64) -> Complex64 {
        let factorial = |n: i32| (1..=n).map(f64::from).product::<f64>();
        (0..60).map(|j| z.powi(j) / factorial(j + k)).sum()
    }

    #[test]
    fn coefficients_are_their_taylor_series_for_real_and_imaginary_arguments() {
        for size in [0.0, 1e-8, 1e-3, 0.3, 0.999, 1.001, 3.0] {
            for angle in [0.0, 0.7, FRAC_PI_2, PI] {
                let z = Complex64::from_polar(size, angle);
                let phi = |k| series(k, z);
                let pairs = [
                    (phi_1(z), phi(1)),
                    (mean(z, phi_2), phi(2)),
                    (mean(z, start), phi(1) - 3.0 * phi(2) + 4.0 * phi(3)),
                    (mean(z, middle), 2.0 * phi(2) - 4.0 * phi(3)),
                    (mean(z, end), 4.0 * phi(3) - phi(2)),
                ];
                for (i, (got, expected)) in pairs.into_iter().enumerate() {
                    assert!((got - expected).norm() < 4e-14, "{i} at {z}: {got} {expected}");
                }
            }
        }
    }

    #[test]
    fn strongly_damped_modes_have_finite_coefficients() {
        for order in [Order::Second, Order::Fourth] {
            let etd = Etd::new(order, &[Complex64::new(-1e9, 0.0)], 0.1);
            let mut modes = Stages::new(1);
            modes.w[0] = Complex64::ONE;
            for stage in 0..etd.stages() {
                modes.n[0] = Complex64::new(1e9, 0.0);
                etd.advance(stage, 0, &mut modes);
            }
            assert!((modes.w[0] - 1.0).norm() < 1e-6, "{}", modes.w[0]);
        }
    }

    /// The order at which the error falls when the steps are halved, for w' = L w + i w^2 from w = 0.5. The exact
    /// solution is L w0 / (exp(-L t) (L + i w0) - i w0).
    fn order(order: Order, linear: Complex64) -> f64 {
        let (i, w0) = (Complex64::I, Complex64::new(0.5, 0.0));
        let exact = linear * w0 / ((-linear).exp() * (linear + i * w0) - i * w0);
        let error = |steps: usize| {
            let etd = Etd::new(order, &[linear], 1.0 / steps as f64);
            let mut modes = Stages::new(1);
            modes.w[0] = w0;
            for stage in (0..steps).flat_map(|_| 0..etd.stages()) {
                modes.n[0] = i * modes.w[0] * modes.w[0];
                etd.advance(stage, 0, &mut modes);
            }
            (modes.w[0] - exact).norm()
        };
        (error(64) / error(128)).log2()
    }

    #[test]
    fn the_orders_are_2_and_4_for_damped_and_for_dispersive_modes() {
        for linear in [Complex64::new(-2.0, 0.0), Complex64::new(0.0, 3.0), Complex64::new(-1.0, -2.0)] {
            for (method, expected) in [(Order::Second, 2.0), (Order::Fourth, 4.0)] {
                let measured = order(method, linear);
                assert!((measured - expected).abs() < 0.15, "{linear} {method:?}: {measured}");
            }
        }
    }
}
