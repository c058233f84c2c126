//! The degree of a right-hand side as a polynomial. A polynomial of low degree cannot hide a pulse from a step.

use std::ops::{Add, Div, Mul, Neg, Sub};

use autodiff::{Function, Pair};

use super::slopes::Slopes;
use crate::Scalar;

/// The highest degree at which a polynomial right-hand side counts as smooth on the scale of a step. The state is smooth
/// along a step. A hidden pulse would have to be zero at all twelve or six stages, which a product of four smooth
/// functions cannot be. Other functions, such as exp, tanh or max, can rise and fall within any time.
const SMOOTH: u32 = 4;

/// Whether the right-hand side can be zero at every stage of a step but not between them. It is false only for a
/// polynomial of low degree in time and state.
pub(crate) fn may_hide(system: &dyn Slopes<Degree>, dim: usize) -> bool {
    let mut degrees = vec![Degree(0); dim];
    system.slopes(Degree(1), &vec![Degree(1); dim], &mut degrees);
    degrees.iter().any(|degree| degree.0 > SMOOTH)
}

/// The degree of a polynomial; the largest representable number if the expression is not a polynomial.
#[derive(Clone, Copy)]
pub(crate) struct Degree(u32);

impl Degree {
    const NONE: Degree = Degree(u32::MAX);
}

impl From<f64> for Degree {
    fn from(_: f64) -> Self {
        Degree(0)
    }
}

impl Neg for Degree {
    type Output = Self;
    fn neg(self) -> Self {
        self
    }
}

macro_rules! operator {
    ($trait:ident, $method:ident, |$a:ident, $b:ident| $degree:expr) => {
        impl $trait for Degree {
            type Output = Self;
            fn $method(self, other: Self) -> Self {
                let ($a, $b) = (self, other);
                $degree
            }
        }
        impl $trait<f64> for Degree {
            type Output = Self;
            fn $method(self, _: f64) -> Self {
                self
            }
        }
    };
}
operator!(Add, add, |a, b| Degree(a.0.max(b.0)));
operator!(Sub, sub, |a, b| Degree(a.0.max(b.0)));
operator!(Mul, mul, |a, b| Degree(a.0.saturating_add(b.0)));
operator!(Div, div, |a, b| if b.0 == 0 { a } else { Degree::NONE });

impl Scalar for Degree {
    fn apply(self, function: Function) -> Self {
        match function {
            _ if self.0 == 0 => self,
            Function::Power(n) if n >= 0 => Degree(self.0.saturating_mul(n.unsigned_abs())),
            _ => Degree::NONE,
        }
    }
    fn pair(self, other: Self, _: Pair) -> Self {
        if self.0 == 0 && other.0 == 0 { self } else { Degree::NONE }
    }
    fn select(self, a: Self, b: Self) -> Self {
        // a condition that changes along a step can hide anything
        if self.0 == 0 { Degree(a.0.max(b.0)) } else { Degree::NONE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degrees_are_those_of_the_expanded_polynomial() {
        let (x, c) = (Degree(1), Degree::from(3.0));
        let degree = |x: Degree| x.0;
        assert_eq!(degree(c), 0);
        assert_eq!(degree(-(x * x) + x * 2.0 - c), 2);
        assert_eq!(degree((x * x + c).powi(3) * x), 7);
        assert_eq!([degree(x / c), degree(x / 3.0), degree(c.sin()), degree(x.powi(0))], [1, 1, 0, 0]);
        for none in [
            c / x,
            x / x,
            x.cos(),
            x.abs(),
            x.powi(-1),
            x.max(c),
            c.powf(x),
            x.sin() * 0.5 + c,
            x.select(c, c),
        ] {
            assert_eq!(degree(none), u32::MAX);
        }
        assert_eq!(degree(c.select(x, x * x)), 2);
        // a high power does not count as smooth either
        assert_eq!(degree(x.powi(i32::MAX) * x.powi(i32::MAX) * x.powi(3)), u32::MAX);
    }
}
