//! The number a right-hand side is written over.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// A real number, or something that computes like one: `f64`, a bundle of SIMD lanes, a dual number.
///
/// A right-hand side sees nothing but this trait, so it can neither branch on a value nor convert it
/// to `f64`; that is what lets one definition serve every kind of number. Parameters stay `f64` and
/// stand on the right of an operator: `(y - x) * self.sigma`.
pub trait Scalar:
    Copy
    + From<f64>
    + Neg<Output = Self>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Add<f64, Output = Self>
    + Sub<f64, Output = Self>
    + Mul<f64, Output = Self>
    + Div<f64, Output = Self>
{
    /// The sine.
    fn sin(self) -> Self;
    /// The cosine.
    fn cos(self) -> Self;
    /// The exponential function.
    fn exp(self) -> Self;
    /// The square root.
    fn sqrt(self) -> Self;
}

impl Scalar for f64 {
    fn sin(self) -> Self {
        self.sin()
    }
    fn cos(self) -> Self {
        self.cos()
    }
    fn exp(self) -> Self {
        self.exp()
    }
    fn sqrt(self) -> Self {
        self.sqrt()
    }
}

#[cfg(test)]
mod tests {
    //! Two kinds of number that are to come, in miniature: if a right-hand side compiles and computes
    //! over these, the door is wide enough.
    use super::*;
    use crate::Ode;
    use crate::systems::{Lorenz, Oscillator};

    macro_rules! operators {
        ($kind:ident, $negate:expr, $add:expr, $sub:expr, $mul:expr, $div:expr) => {
            impl Neg for $kind {
                type Output = Self;
                fn neg(self) -> Self {
                    $negate(self)
                }
            }
            operators!(@ $kind, Add, add, $add);
            operators!(@ $kind, Sub, sub, $sub);
            operators!(@ $kind, Mul, mul, $mul);
            operators!(@ $kind, Div, div, $div);
        };
        (@ $kind:ident, $trait:ident, $method:ident, $body:expr) => {
            impl $trait for $kind {
                type Output = Self;
                fn $method(self, other: Self) -> Self {
                    $body(self, other)
                }
            }
            impl $trait<f64> for $kind {
                type Output = Self;
                fn $method(self, other: f64) -> Self {
                    $body(self, $kind::from(other))
                }
            }
        };
    }

    /// value + epsilon * slope, epsilon^2 = 0.
    #[derive(Clone, Copy)]
    struct Dual(f64, f64);
    impl From<f64> for Dual {
        fn from(value: f64) -> Self {
            Dual(value, 0.0)
        }
    }
    operators!(
        Dual,
        |a: Dual| Dual(-a.0, -a.1),
        |a: Dual, b: Dual| Dual(a.0 + b.0, a.1 + b.1),
        |a: Dual, b: Dual| Dual(a.0 - b.0, a.1 - b.1),
        |a: Dual, b: Dual| Dual(a.0 * b.0, a.1 * b.0 + a.0 * b.1),
        |a: Dual, b: Dual| Dual(a.0 / b.0, (a.1 * b.0 - a.0 * b.1) / (b.0 * b.0))
    );
    impl Scalar for Dual {
        fn sin(self) -> Self {
            Dual(self.0.sin(), self.1 * self.0.cos())
        }
        fn cos(self) -> Self {
            Dual(self.0.cos(), -self.1 * self.0.sin())
        }
        fn exp(self) -> Self {
            Dual(self.0.exp(), self.1 * self.0.exp())
        }
        fn sqrt(self) -> Self {
            Dual(self.0.sqrt(), self.1 / (2.0 * self.0.sqrt()))
        }
    }

    #[derive(Clone, Copy)]
    struct Lanes([f64; 4]);
    impl Lanes {
        fn zip(self, other: Self, f: impl Fn(f64, f64) -> f64) -> Self {
            Lanes(std::array::from_fn(|i| f(self.0[i], other.0[i])))
        }
    }
    impl From<f64> for Lanes {
        fn from(value: f64) -> Self {
            Lanes([value; 4])
        }
    }
    operators!(
        Lanes,
        |a: Lanes| Lanes(a.0.map(|x| -x)),
        |a: Lanes, b: Lanes| a.zip(b, |x, y| x + y),
        |a: Lanes, b: Lanes| a.zip(b, |x, y| x - y),
        |a: Lanes, b: Lanes| a.zip(b, |x, y| x * y),
        |a: Lanes, b: Lanes| a.zip(b, |x, y| x / y)
    );
    impl Scalar for Lanes {
        fn sin(self) -> Self {
            Lanes(self.0.map(f64::sin))
        }
        fn cos(self) -> Self {
            Lanes(self.0.map(f64::cos))
        }
        fn exp(self) -> Self {
            Lanes(self.0.map(f64::exp))
        }
        fn sqrt(self) -> Self {
            Lanes(self.0.map(f64::sqrt))
        }
    }

    #[test]
    fn one_right_hand_side_gives_the_jacobian_through_dual_numbers() {
        let (lorenz, u) = (Lorenz::default(), [1.5, -2.0, 20.0]);
        let expected = [
            [-lorenz.sigma, lorenz.sigma, 0.0],
            [lorenz.rho - u[2], -1.0, -u[0]],
            [u[1], u[0], -lorenz.beta],
        ];
        for column in 0..3 {
            let seeded: [Dual; 3] = std::array::from_fn(|i| Dual(u[i], f64::from(u8::from(i == column))));
            let mut du = [Dual::from(0.0); 3];
            lorenz.rhs(Dual::from(0.0), &seeded, &mut du);
            for row in 0..3 {
                assert_eq!(du[row].1, expected[row][column]);
            }
        }
    }

    #[test]
    fn the_time_derivative_of_the_force_comes_through_dual_numbers() {
        let oscillator = Oscillator::default();
        let mut du = [Dual::from(0.0); 2];
        oscillator.rhs(Dual(0.7, 1.0), &[Dual::from(0.3), Dual::from(0.1)], &mut du);
        let expected =
            -oscillator.force * oscillator.omega * (0.7 * oscillator.omega).sin() / oscillator.mass;
        assert!((du[1].1 - expected).abs() < 1e-15);
    }

    #[test]
    fn one_right_hand_side_serves_several_trajectories_at_once() {
        fn check(ode: &impl Ode) {
            let dim = ode.dim();
            let value = |i: usize, lane: usize| 0.3 + i as f64 - 1.7 * lane as f64;
            let lanes: Vec<Lanes> =
                (0..dim).map(|i| Lanes(std::array::from_fn(|lane| value(i, lane)))).collect();
            let mut together = vec![Lanes::from(0.0); dim];
            ode.rhs(Lanes::from(0.4), &lanes, &mut together);
            for lane in 0..4 {
                let u: Vec<f64> = (0..dim).map(|i| value(i, lane)).collect();
                let mut alone = vec![0.0; dim];
                ode.rhs(0.4, &u, &mut alone);
                for i in 0..dim {
                    assert_eq!(together[i].0[lane], alone[i]);
                }
            }
        }
        check(&Lorenz::default());
        check(&Oscillator::default());
    }

    #[test]
    fn the_functions_of_f64_are_those_of_the_standard_library() {
        fn all<S: Scalar>(x: S) -> [S; 4] {
            [x.sin(), x.cos(), x.exp(), x.sqrt()]
        }
        assert_eq!(all(0.8_f64), [0.8_f64.sin(), 0.8_f64.cos(), 0.8_f64.exp(), 0.8_f64.sqrt()]);
        let slopes = all(Dual(0.8, 1.0)).map(|d| d.1);
        let h = 1e-6;
        for (slope, (above, below)) in slopes.into_iter().zip(all(0.8 + h).into_iter().zip(all(0.8 - h))) {
            assert!((slope - (above - below) / (2.0 * h)).abs() < 1e-9);
        }
    }
}
