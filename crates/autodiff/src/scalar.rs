//! The number a program is written over.

use std::ops::{Add, Div, Mul, Neg, Sub};

use crate::functions::chosen;
use crate::{Function, Pair, Program};

/// A real number, or something that computes like one: `f64`, a bundle of SIMD lanes, a dual number, a variable on a
/// tape.
///
/// A program sees nothing but this trait. It cannot convert a value to `f64`, and it cannot branch on one, except with
/// [`Scalar::select`], which computes both branches. That is why one definition serves every number type. Parameters
/// stay `f64` and are written on the right of an operator: `(y - x) * self.sigma`.
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
    /// An elementary function of it.
    fn apply(self, function: Function) -> Self;
    /// An elementary function of it and another.
    fn pair(self, other: Self, function: Pair) -> Self;
    /// Returns `a` if this number, a condition, is not 0, otherwise `b`; NaN if it is NaN. Neither the value nor a
    /// derivative of the other number has any influence, even if it is infinite or NaN.
    fn select(self, a: Self, b: Self) -> Self;

    /// [`Program::run`], in a function of its own: the loop over the instructions is long, and an integrator has a dozen
    /// calls of it. What needs a `#[target_feature]` has another such function here.
    #[inline(never)]
    fn run(program: &Program, inputs: &[Self], outputs: &mut [Self]) {
        program.interpret(inputs, outputs);
    }

    /// e^x
    #[inline(always)]
    fn exp(self) -> Self {
        self.apply(Function::Exp)
    }
    /// The natural logarithm.
    #[inline(always)]
    fn ln(self) -> Self {
        self.apply(Function::Log)
    }
    /// The square root.
    #[inline(always)]
    fn sqrt(self) -> Self {
        self.apply(Function::Sqrt)
    }
    /// The sine.
    #[inline(always)]
    fn sin(self) -> Self {
        self.apply(Function::Sin)
    }
    /// The cosine.
    #[inline(always)]
    fn cos(self) -> Self {
        self.apply(Function::Cos)
    }
    /// The tangent.
    #[inline(always)]
    fn tan(self) -> Self {
        self.apply(Function::Tan)
    }
    /// The hyperbolic tangent.
    #[inline(always)]
    fn tanh(self) -> Self {
        self.apply(Function::Tanh)
    }
    /// The absolute value.
    #[inline(always)]
    fn abs(self) -> Self {
        self.apply(Function::Abs)
    }
    /// A whole power.
    #[inline(always)]
    fn powi(self, n: i32) -> Self {
        self.apply(Function::Power(n))
    }
    /// Any power.
    #[inline(always)]
    fn powf(self, exponent: Self) -> Self {
        self.pair(exponent, Pair::Power)
    }
    /// The angle of the point (x, self).
    #[inline(always)]
    fn atan2(self, x: Self) -> Self {
        self.pair(x, Pair::Atan2)
    }
    /// The smaller of two.
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        self.pair(other, Pair::Min)
    }
    /// The larger of two.
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.pair(other, Pair::Max)
    }
}

impl Scalar for f64 {
    #[inline(always)]
    fn apply(self, function: Function) -> Self {
        function.value(self)
    }
    #[inline(always)]
    fn pair(self, other: Self, function: Pair) -> Self {
        function.value(self, other)
    }
    #[inline(always)]
    fn select(self, a: Self, b: Self) -> Self {
        chosen(self).map_or(f64::NAN, |first| if first { a } else { b })
    }
}
