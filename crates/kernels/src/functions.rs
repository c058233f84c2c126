//! Transcendental functions on vectors.
//!
//! exp by Cody and Waite's reduction (1980, "Software Manual for the Elementary Functions", chapter 6):
//! x = n log 2 + r with |r| <= log(2) / 2, and exp(x) = 2^n exp(r), exp(r) by its series, of which enough terms
//! are taken that the rest is below half a unit in the last place. tanh by exp(x) - 1, so that it keeps its
//! relative precision near 0. Measured in the tests: at most 4 units in the last place in f32.

use serde::{Deserialize, Serialize};

use crate::real::Real;
use crate::simd::Lanes;

/// The function between two layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// x / (1 + exp(-x)) (Hendrycks and Gimpel 2016; also called swish).
    #[default]
    Silu,
    /// The hyperbolic tangent.
    Tanh,
    /// x Phi(x) with the distribution function of the normal distribution (Hendrycks and Gimpel 2016).
    Gelu,
    /// max(x, 0).
    Relu,
}

impl Activation {
    /// Every activation.
    pub const ALL: [Activation; 4] = [Activation::Silu, Activation::Tanh, Activation::Gelu, Activation::Relu];
}

const INVERSE_FACTORIALS: [f64; 14] = {
    let mut inverse = [1.0; 14];
    let (mut k, mut factorial) = (1, 1.0);
    while k < 14 {
        factorial *= k as f64;
        inverse[k] = 1.0 / factorial;
        k += 1;
    }
    inverse
};

#[inline(always)]
fn splat<V: Lanes>(x: f64) -> V {
    V::splat(V::Real::from_f64(x))
}

/// 2^n and exp(r) - 1 with x = n log 2 + r.
#[inline(always)]
fn exp_parts<V: Lanes>(x: V) -> (V, V) {
    // The order of the operands keeps what is no number.
    let x = V::splat(V::Real::EXP_MIN).max(V::splat(V::Real::EXP_MAX).min(x));
    let n = x.mul(splat(std::f64::consts::LOG2_E)).round();
    let [high, low] = V::Real::LN_2.map(|part| V::splat(-part));
    let r = n.mul_add(low, n.mul_add(high, x));
    let mut series: V = splat(INVERSE_FACTORIALS[V::Real::EXP_TERMS]);
    let mut k = V::Real::EXP_TERMS;
    while k > 2 {
        k -= 1;
        series = series.mul_add(r, splat(INVERSE_FACTORIALS[k]));
    }
    (n.power_of_two(), r.mul(r).mul_add(series, r))
}

/// exp(x), for x clamped to [`Real::EXP_MIN`] .. [`Real::EXP_MAX`].
#[inline(always)]
pub(crate) fn exp<V: Lanes>(x: V) -> V {
    let (power, rest) = exp_parts(x);
    rest.mul_add(power, power)
}

/// tanh(x) = -e / (e + 2) with e = exp(-2 |x|) - 1, and the sign of x.
#[inline(always)]
pub(crate) fn tanh<V: Lanes>(x: V) -> V {
    let negative = V::splat(V::Real::ZERO).sub(x);
    let (power, rest) = exp_parts(x.max(negative).mul(splat(-2.0)));
    let e = rest.mul_add(power, power.sub(V::splat(V::Real::ONE)));
    V::splat(V::Real::ZERO).sub(e).div(e.add(splat(2.0))).with_sign_of(x)
}

/// 1 / (1 + exp(-x)).
#[inline(always)]
pub(crate) fn sigmoid<V: Lanes>(x: V) -> V {
    let one = V::splat(V::Real::ONE);
    one.div(one.add(exp(V::splat(V::Real::ZERO).sub(x))))
}

/// s (1 - s), the slope of the sigmoid by its value.
#[inline(always)]
pub(crate) fn sigmoid_slope<V: Lanes>(s: V) -> V {
    s.mul(V::splat(V::Real::ONE).sub(s))
}

/// 1 - t^2, the slope of tanh by its value.
#[inline(always)]
pub(crate) fn tanh_slope<V: Lanes>(t: V) -> V {
    let one = V::splat(V::Real::ONE);
    V::splat(V::Real::ZERO).sub(t).mul_add(t, one)
}

/// A function and its derivative. A type for each, and no closure: a closure is a function of its own, which the
/// compiler may leave outside of the code that is compiled for an instruction set.
pub(crate) trait Function {
    fn value_and_slope<V: Lanes>(x: V) -> (V, V);
}

/// tanh(x) and its slope.
pub(crate) struct Tanh;

impl Function for Tanh {
    #[inline(always)]
    fn value_and_slope<V: Lanes>(x: V) -> (V, V) {
        let t = tanh(x);
        (t, tanh_slope(t))
    }
}

/// max(x, 0) and its slope, which is 0 at 0.
pub(crate) struct Relu;

impl Function for Relu {
    #[inline(always)]
    fn value_and_slope<V: Lanes>(x: V) -> (V, V) {
        let positive = V::splat(V::Real::ZERO).max(x);
        // 0 / tiny is 0, and whatever is larger is cut to 1; the order of the operands keeps what is no number
        let tiny = if size_of::<V::Real>() == size_of::<f32>() { 1e-37 } else { 1e-300 };
        (positive, V::splat(V::Real::ONE).min(positive.div(splat(tiny))))
    }
}

/// x sigmoid(x) and its slope.
pub(crate) struct Silu;

impl Function for Silu {
    #[inline(always)]
    fn value_and_slope<V: Lanes>(x: V) -> (V, V) {
        let s = sigmoid(x);
        let y = x.mul(s);
        // s + x s (1 - s)
        (y, y.mul_add(V::splat(V::Real::ONE).sub(s), s))
    }
}

/// x Phi(x) and its slope. Phi by Abramowitz and Stegun (1964), 7.1.26, whose error of 1.5e-7 is that of f32.
pub(crate) struct Gelu;

impl Function for Gelu {
    #[inline(always)]
    fn value_and_slope<V: Lanes>(x: V) -> (V, V) {
        let negative = V::splat(V::Real::ZERO).sub(x);
        let z = x.max(negative).mul(splat(std::f64::consts::FRAC_1_SQRT_2));
        let one = V::splat(V::Real::ONE);
        let t = one.div(z.mul_add(splat(0.327_591_1), one));
        let gauss = exp(V::splat(V::Real::ZERO).sub(z).mul(z));
        let mut series: V = splat(1.061_405_429);
        for a in [-1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592] {
            series = series.mul_add(t, splat(a));
        }
        // half of erf(|x| / sqrt 2)
        let half: V = splat(0.5);
        let inner = half.sub(series.mul(t).mul(gauss).mul(half));
        // no less than 0, since a sign is put on it
        let phi = V::splat(V::Real::ZERO).max(inner).with_sign_of(x).add(half);
        let density = gauss.mul(splat(0.398_942_280_401_432_7)); // 1 / sqrt(2 pi)
        (x.mul(phi), x.mul_add(density, phi))
    }
}

/// [`Gelu`] to the precision of f64, a number at a time.
pub(crate) fn gelu_f64(x: f64) -> (f64, f64) {
    let phi = 0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2);
    let density = 0.398_942_280_401_432_7 * (-0.5 * x * x).exp();
    (x * phi, phi + x * density)
}
