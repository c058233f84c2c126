//! Forward mode: numbers that carry their derivatives with them (Clifford 1873; Griewank and Walther, "Evaluating
//! Derivatives", 2nd edition, chapter 3).

use std::ops::{Add, Div, Mul, Neg, Sub};

use crate::functions::{chain, chosen};
use crate::{Function, Pair, Scalar};

/// A number and its derivatives along `N` directions: value + sum of tangent\[i\] epsilon_i, with all products of
/// epsilons 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dual<const N: usize> {
    /// The number.
    pub value: f64,
    /// Its derivative along each direction.
    pub tangent: [f64; N],
}

impl<const N: usize> Dual<N> {
    /// The number `value`, which changes at the rate 1 along `direction` and along no other.
    ///
    /// # Panics
    /// Where there is no such direction.
    pub fn variable(value: f64, direction: usize) -> Self {
        let mut tangent = [0.0; N];
        tangent[direction] = 1.0;
        Dual { value, tangent }
    }

    /// The chain rule at a result `value` with these slopes by its two operands.
    #[inline(always)]
    fn chained(value: f64, operands: [(f64, &[f64; N]); 2]) -> Self {
        let mut tangent = [0.0; N];
        for (tangent, (a, b)) in tangent.iter_mut().zip(operands[0].1.iter().zip(operands[1].1)) {
            *tangent =
                if value.is_nan() { f64::NAN } else { chain(operands[0].0, *a) + chain(operands[1].0, *b) };
        }
        Dual { value, tangent }
    }

    #[inline(always)]
    fn is_number(&self) -> bool {
        // A sum is NaN where a term is; infinities of both signs give a NaN too, which costs no more than the slow way.
        !(self.value + self.tangent.iter().sum::<f64>()).is_nan()
    }
}

/// The derivatives of what `program` writes by its `inputs`, to `derivatives` [output, input]: it is run on dual numbers
/// once for every `N` inputs.
///
/// # Panics
/// Unless there are as many derivatives of each output as inputs.
pub fn jacobian<const N: usize>(
    inputs: &[f64],
    mut program: impl FnMut(&[Dual<N>], &mut [Dual<N>]),
    derivatives: &mut [f64],
) {
    let n = inputs.len();
    if n == 0 {
        return;
    }
    assert!(derivatives.len().is_multiple_of(n), "{} derivatives by {n} inputs", derivatives.len());
    let mut outputs = vec![Dual::from(0.0); derivatives.len() / n];
    let mut at: Vec<Dual<N>> = inputs.iter().map(|&value| Dual::from(value)).collect();
    for first in (0..n).step_by(N) {
        let directions = first..n.min(first + N);
        for i in directions.clone() {
            at[i] = Dual::variable(inputs[i], i - first);
        }
        program(&at, &mut outputs);
        for (row, output) in outputs.iter().enumerate() {
            derivatives[row * n..][directions.clone()].copy_from_slice(&output.tangent[..directions.len()]);
        }
        for i in directions {
            at[i] = Dual::from(inputs[i]);
        }
    }
}

impl<const N: usize> From<f64> for Dual<N> {
    #[inline(always)]
    fn from(value: f64) -> Self {
        Dual { value, tangent: [0.0; N] }
    }
}

impl<const N: usize> Neg for Dual<N> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Dual { value: -self.value, tangent: self.tangent.map(|x| -x) }
    }
}

impl<const N: usize> Add for Dual<N> {
    type Output = Self;
    #[inline(always)]
    fn add(mut self, other: Self) -> Self {
        self.value += other.value;
        for i in 0..N {
            self.tangent[i] += other.tangent[i];
        }
        self
    }
}

impl<const N: usize> Sub for Dual<N> {
    type Output = Self;
    #[inline(always)]
    fn sub(mut self, other: Self) -> Self {
        self.value -= other.value;
        for i in 0..N {
            self.tangent[i] -= other.tangent[i];
        }
        self
    }
}

impl<const N: usize> Mul for Dual<N> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        let mut product = Dual::from(self.value * other.value);
        for i in 0..N {
            product.tangent[i] = self.tangent[i] * other.value + self.value * other.tangent[i];
        }
        if product.is_number() { product } else { product_at_an_edge(self, other) }
    }
}

impl<const N: usize> Div for Dual<N> {
    type Output = Self;
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        let inverse = 1.0 / other.value;
        let mut quotient = Dual::from(self.value / other.value);
        for i in 0..N {
            quotient.tangent[i] = (self.tangent[i] - quotient.value * other.tangent[i]) * inverse;
        }
        if quotient.is_number() { quotient } else { quotient_at_an_edge(self, other) }
    }
}

impl<const N: usize> Add<f64> for Dual<N> {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: f64) -> Self {
        Dual { value: self.value + other, ..self }
    }
}

impl<const N: usize> Sub<f64> for Dual<N> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: f64) -> Self {
        Dual { value: self.value - other, ..self }
    }
}

impl<const N: usize> Mul<f64> for Dual<N> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: f64) -> Self {
        if other == 0.0 || !other.is_finite() {
            return product_at_an_edge(self, Dual::from(other));
        }
        Dual { value: self.value * other, tangent: self.tangent.map(|t| t * other) }
    }
}

impl<const N: usize> Div<f64> for Dual<N> {
    type Output = Self;
    #[inline(always)]
    fn div(self, other: f64) -> Self {
        if other == 0.0 || !other.is_finite() {
            return quotient_at_an_edge(self, Dual::from(other));
        }
        Dual { value: self.value / other, tangent: self.tangent.map(|t| t / other) }
    }
}

/// A product in which something is not finite: by the chain rule that minds it.
#[cold]
#[inline(never)]
fn product_at_an_edge<const N: usize>(a: Dual<N>, b: Dual<N>) -> Dual<N> {
    Dual::chained(a.value * b.value, [(b.value, &a.tangent), (a.value, &b.tangent)])
}

/// As [`product_at_an_edge`].
#[cold]
#[inline(never)]
fn quotient_at_an_edge<const N: usize>(a: Dual<N>, b: Dual<N>) -> Dual<N> {
    let (value, inverse) = (a.value / b.value, 1.0 / b.value);
    Dual::chained(value, [(inverse, &a.tangent), (-value * inverse, &b.tangent)])
}

impl<const N: usize> Scalar for Dual<N> {
    #[inline(always)]
    fn apply(self, function: Function) -> Self {
        let value = function.value(self.value);
        Dual::chained(value, [(function.slope(self.value, value), &self.tangent), (0.0, &[0.0; N])])
    }

    #[inline(always)]
    fn pair(self, other: Self, function: Pair) -> Self {
        let value = function.value(self.value, other.value);
        let [by_this, by_other] = function.slopes(self.value, other.value, value);
        Dual::chained(value, [(by_this, &self.tangent), (by_other, &other.tangent)])
    }

    #[inline(always)]
    fn select(self, a: Self, b: Self) -> Self {
        match chosen(self.value) {
            Some(true) => a,
            Some(false) => b,
            None => Dual { value: f64::NAN, tangent: [f64::NAN; N] },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_directions_at_once_are_the_columns_of_a_jacobian() {
        // polar coordinates: x = r cos phi, y = r sin phi
        let (r, phi) = (Dual::<2>::variable(1.7, 0), Dual::variable(0.6, 1));
        let (x, y) = (r * phi.cos(), r * phi.sin());
        let (sin, cos) = 0.6f64.sin_cos();
        assert_eq!([x.tangent, y.tangent], [[cos, -1.7 * sin], [sin, 1.7 * cos]]);
        let back = y.atan2(x);
        assert!(back.tangent[0].abs() < 1e-16 && (back.tangent[1] - 1.0).abs() < 1e-15);
    }

    /// Something with infinite derivatives.
    fn zero_over<const N: usize>(x: Dual<N>) -> Dual<N> {
        (x - x.value).sqrt()
    }

    #[test]
    fn operators_with_a_constant_are_those_with_a_number_that_does_not_change() {
        let x = Dual { value: 1.7, tangent: [2.0, -0.5] };
        let c = Dual::from(0.3);
        assert_eq!([x + 0.3, x - 0.3, x * 0.3], [x + c, x - c, x * c]);
        assert_eq!((x / 0.3).tangent, x.tangent.map(|t| t / 0.3));
        assert_eq!((zero_over(x) * 0.0).tangent, [0.0; 2]);
        assert_eq!((c / x).tangent, x.tangent.map(|t| -(0.3 / 1.7) * t * (1.0 / 1.7)));
        assert_eq!(-x, Dual::from(0.0) - x);
    }

    #[test]
    fn what_does_not_change_contributes_nothing() {
        let zero = Dual::<2>::variable(0.0, 0);
        assert_eq!(zero.powi(2).sqrt().tangent, [0.0, 0.0]);
        assert_eq!((zero * zero).sqrt().tangent, [0.0, 0.0]);
        assert_eq!((zero * zero.sqrt()).tangent, [0.0, 0.0]);
        assert_eq!((zero.sqrt()).tangent, [f64::INFINITY, 0.0]);
        assert_eq!((Dual::from(1.0) / zero).tangent, [f64::NEG_INFINITY, 0.0]);
        assert_eq!(Dual::<2>::variable(-3.0, 1).powf(Dual::from(2.0)).tangent, [0.0, -6.0]);
        assert!(Dual::<2>::variable(-3.0, 1).sqrt().tangent.iter().all(|t| t.is_nan()));
    }
}
