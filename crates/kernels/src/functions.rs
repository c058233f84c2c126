//! Transcendental functions on vectors.
//!
//! exp by Cody and Waite's reduction (1980, "Software Manual for the Elementary Functions", chapter 6):
//! x = n log 2 + r with |r| <= log(2) / 2, and exp(x) = 2^n exp(r), exp(r) by its series, of which enough terms
//! are taken that the rest is below half a unit in the last place. tanh by exp(x) - 1, so that it keeps its
//! relative precision near 0. Measured in the tests: at most 4 units in the last place in f32.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::real::Real;
use crate::simd::Lanes;

/// Function between two layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::real::{PANEL, Row};
    use crate::simd::{Kernels, Portable};

    /// Arguments over many magnitudes, both signs, in rows.
    fn arguments<T: Real>() -> Vec<Row<T>> {
        let count = if cfg!(miri) { 200 } else { 400_000 };
        let magnitude = |i: usize| 10f64.powf(-8.0 + 10.0 * i as f64 / count as f64);
        let all: Vec<T> = (0..count)
            .flat_map(|i| [T::from_f64(magnitude(i)), T::from_f64(-magnitude(i))])
            .chain([0.0, -0.0].map(T::from_f64))
            .collect();
        let row = |all: &[T]| Row(std::array::from_fn(|i| all.get(i).copied().unwrap_or(T::ZERO)));
        all.chunks(PANEL).map(row).collect()
    }

    /// The largest error in units in the last place of f32 against a function in f64, where its result is a normal
    /// number of f32.
    fn ulps(x: &[Row<f32>], y: &[Row<f32>], exact: impl Fn(f64) -> f64) -> f64 {
        let pairs = x.iter().zip(y).flat_map(|(x, y)| x.iter().zip(y.iter()));
        pairs
            .map(|(&x, &y)| {
                let exact = exact(f64::from(x));
                let size = (exact.abs() as f32).max(f32::MIN_POSITIVE);
                (f64::from(y) - exact).abs() / f64::from(size.next_up() - size)
            })
            .fold(0.0, f64::max)
    }

    fn sigmoid_f64(x: f64) -> f64 {
        1.0 / (1.0 + (-x).exp())
    }

    #[test]
    fn exp_tanh_and_sigmoid_are_within_4_units_in_the_last_place() {
        let x = arguments::<f32>();
        let mut y = x.clone();
        for row in &mut y {
            for at in (0..PANEL).step_by(8) {
                exp(<Portable<f32, 8> as Lanes>::load(row, at)).store(row, at);
            }
        }
        let clamped = |x: f64| x.clamp(-87.0, 88.0).exp();
        assert!(ulps(&x, &y, clamped) < 4.0, "exp: {}", ulps(&x, &y, clamped));
        for kernels in Kernels::<f32>::available() {
            let mut y = x.clone();
            kernels.activate(Activation::Tanh, &mut y, &mut []);
            assert!(ulps(&x, &y, f64::tanh) < 4.0, "{}: tanh {}", kernels.name, ulps(&x, &y, f64::tanh));
            // the gates i and f of an LSTM, below the argument at which exp(-x) is cut off
            let x: Vec<Row<f32>> = x.iter().map(|row| Row(row.map(|x| x.max(-85.0)))).collect();
            let (mut gates, units) = (x.clone(), x.len() / 4);
            gates.truncate(4 * units);
            let zero = vec![Row::ZERO; units];
            kernels.lstm_forward(
                &mut gates,
                &zero,
                &mut [zero.clone(), zero.clone()].concat(),
                &mut zero.clone(),
            );
            let gates = &gates[..2 * units];
            let error = ulps(&x[..2 * units], gates, sigmoid_f64);
            assert!(error < 4.0, "{}: sigmoid {error}", kernels.name);
        }
    }

    #[test]
    fn double_precision_agrees_with_the_standard_library() {
        let x = arguments::<f64>();
        let phi = |x: f64| 0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2);
        for kernels in Kernels::<f64>::available() {
            let functions: [(Activation, &dyn Fn(f64) -> f64); 4] = [
                (Activation::Tanh, &f64::tanh),
                (Activation::Silu, &|x| x * sigmoid_f64(x)),
                (Activation::Gelu, &|x| x * phi(x)),
                (Activation::Relu, &|x| x.max(0.0)),
            ];
            for (activation, exact) in functions {
                let mut y = x.clone();
                kernels.activate(activation, &mut y, &mut []);
                for (&x, &y) in x.iter().zip(&y).flat_map(|(x, y)| x.iter().zip(y.iter())) {
                    let (error, exact) = ((y - exact(x)).abs(), exact(x));
                    assert!(
                        error <= 2e-15 * exact.abs() + 1e-300,
                        "{} {activation:?} {x}: {y} {exact}",
                        kernels.name
                    );
                }
            }
        }
    }

    #[test]
    fn slopes_are_derivatives_and_what_is_no_number_stays_so() {
        for kernels in Kernels::<f64>::available() {
            for activation in Activation::ALL {
                let at = |x: f64| {
                    let (mut y, mut slope) = (vec![Row([x; PANEL])], vec![Row::ZERO]);
                    kernels.activate(activation, &mut y, &mut slope);
                    (y[0][5], slope[0][5])
                };
                for x in [-30.0, -3.0, -0.4, 0.3, 2.0, 40.0] {
                    let measured = (at(x + 1e-5).0 - at(x - 1e-5).0) / 2e-5;
                    let slope = at(x).1;
                    assert!(
                        (slope - measured).abs() < 1e-8,
                        "{} {activation:?} {x}: {slope} {measured}",
                        kernels.name
                    );
                }
                assert!(
                    at(f64::NAN).0.is_nan() && at(f64::NAN).1.is_nan(),
                    "{} {activation:?}",
                    kernels.name
                );
            }
        }
        for kernels in Kernels::<f32>::available() {
            for activation in Activation::ALL {
                let (mut y, mut slope) = (vec![Row([f32::NAN; PANEL])], vec![Row::ZERO]);
                kernels.activate(activation, &mut y, &mut slope);
                assert!(y[0][0].is_nan() && slope[0][31].is_nan(), "{} {activation:?}", kernels.name);
            }
            // against the exact one in double precision
            for x in [-6.0f32, -1.5, -0.01, 0.0, 0.7, 5.0] {
                let (mut y, mut slope) = (vec![Row([x; PANEL])], vec![Row::ZERO]);
                kernels.activate(Activation::Gelu, &mut y, &mut slope);
                let (exact, derivative) = gelu_f64(f64::from(x));
                assert!(
                    (f64::from(y[0][0]) - exact).abs() < 1e-6
                        && (f64::from(slope[0][0]) - derivative).abs() < 1e-6
                );
            }
        }
    }
}
