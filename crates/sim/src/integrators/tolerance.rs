//! How large the error of a step may be, in each component.
//!
//! An error is measured relative to the size of its component, so that results do not depend on units. Three quantities
//! bound it:
//!
//! - The *scale* of a component is its largest recent size. It is needed when the component crosses zero. It fades over
//!   some hundreds of steps, so that a start far from the attractor does not make all later steps inaccurate.
//! - The *floor* is for a component that is zero except for errors, such as the difference of two components that should
//!   be equal. Its own size says nothing. What counts is how fast it is moved by rounding and by the tolerated errors of
//!   the other components: the sum over k of |df_j/du_k| times the scale of k, by running error analysis
//!   ([`Uncertain`]). More accuracy than that is impossible, and asking for it would drive the step to zero. For a
//!   component with a size of its own, the floor times the step is never much above the scale, since steps are short
//!   where f is steep.
//! - A bound near the smallest floating-point numbers, for components that are zero or decay to it.

use std::ops::{Add, Div, Mul, Neg, Sub};

use autodiff::{Function, Pair};

use super::slopes::Slopes;
use crate::{Scalar, SimulationError};

/// The settings of an adaptive method that bound the error of a step: at most `relative` times the size of a component
/// plus an absolute bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Tolerance {
    /// Bound on the error of a component divided by its size.
    pub(crate) relative: f64,
    /// Bound on the error itself, the same for every component; 0 stands for `relative` times the scale of the
    /// component, which is estimated along each trajectory.
    pub(crate) absolute: f64,
}

/// The factor by which a scale, and a floor, fades in a step: it halves in 69 steps.
const MEMORY: f64 = 0.99;

/// The tolerated error as a fraction of the floor. A tenth hardly changes the bound of components with a size of their
/// own.
const FLOOR: f64 = 0.1;

/// Rounding errors of the right-hand side, in units of the last place. A step multiplies them by up to 50, because the
/// weights of its stages are that large.
pub(super) const ROUNDING: f64 = 100.0 * f64::EPSILON;

/// The bound on the error of a component that is zero. It is above the subnormal numbers, which have fewer digits
/// (2e-308), with a margin for the weights of a method.
pub(super) const SMALLEST: f64 = 1e-290;

impl Tolerance {
    /// Whether absolute bounds come from the scale of each component.
    pub(crate) fn estimated(&self) -> bool {
        self.absolute == 0.0
    }

    /// The bound on the error that a step of length `h` may have in a component.
    #[inline(always)]
    pub(crate) fn bound<S: Scalar>(&self, scale: S, floor: S, h: S) -> S {
        scale * self.relative + (floor * h + self.absolute.max(SMALLEST))
    }

    /// The factor by which a scale fades in a step, see [`MEMORY`]; with an absolute bound, only the present size counts.
    #[inline(always)]
    pub(crate) fn memory(&self) -> f64 {
        if self.estimated() { MEMORY } else { 0.0 }
    }

    /// Raises `floors`, the bounds on the error of each component per unit of time, to their values at time `t` and state
    /// `u`, whose components have these scales.
    pub(crate) fn raise(
        &self,
        system: &dyn Slopes<Uncertain>,
        t: f64,
        u: &[f64],
        scales: &[f64],
        floors: &mut [f64],
    ) {
        if !self.estimated() {
            return;
        }
        let input = |value: f64, error: f64| {
            let size = value.abs();
            Uncertain { value, error, rounding: size, size: size.max(error) }
        };
        let inputs: Vec<Uncertain> = u.iter().zip(scales).map(|(&u, &scale)| input(u, scale)).collect();
        let mut slopes = vec![Uncertain::from(0.0); u.len()];
        system.slopes(input(t, 0.0), &inputs, &mut slopes);
        for (floor, slope) in floors.iter_mut().zip(slopes) {
            let raised = FLOOR * self.relative * slope.error + ROUNDING * slope.rounding;
            // At a jump, slopes are infinite and first-order bounds useless; but no error is larger than the terms.
            let raised = raised.min(self.relative.max(ROUNDING) * slope.size);
            // if f has no finite value, the step will detect that
            if raised > *floor && raised.is_finite() {
                *floor = raised;
            }
        }
    }

    /// Says which bound is out of range.
    ///
    /// # Errors
    /// [`SimulationError::Invalid`] for a relative bound outside 1e-14..=0.1, or a negative or infinite absolute one.
    pub(crate) fn check(&self) -> Result<(), SimulationError> {
        let Tolerance { relative, absolute } = *self;
        if !(1e-14..=0.1).contains(&relative) {
            let fault = format!("tolerance = {relative} must lie between 1e-14 and 0.1");
            return Err(SimulationError::Invalid(fault));
        }
        if !(absolute == 0.0 || (absolute > 0.0 && absolute.is_finite())) {
            let fault = format!(
                "absolute_tolerance = {absolute} must be a positive number in the units of the state, or 0 to take it \
                 from the scale of each component"
            );
            return Err(SimulationError::Invalid(fault));
        }
        Ok(())
    }
}

/// A number with first-order bounds on its error (running error analysis: Higham, "Accuracy and Stability of Numerical
/// Algorithms", 2nd edition, section 3.3). The bounds add up even where errors could cancel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Uncertain {
    value: f64,
    /// From the errors of the inputs.
    error: f64,
    /// From the rounding of each operation, in units of the last place.
    rounding: f64,
    /// The sum of the sizes of the terms that it is made of.
    size: f64,
}

impl Uncertain {
    /// The result `value` of an operation whose derivatives by its operands are these slopes.
    fn of(value: f64, size: f64, operands: [(f64, Uncertain); 2]) -> Self {
        let bound = |part: fn(&Uncertain) -> f64| -> f64 {
            // an exact operand adds no error, even if the slope is infinite
            let one = |(slope, operand): &(f64, Uncertain)| {
                if part(operand) == 0.0 { 0.0 } else { slope.abs() * part(operand) }
            };
            operands.iter().map(one).sum()
        };
        Uncertain { value, error: bound(|x| x.error), rounding: bound(|x| x.rounding) + value.abs(), size }
    }
}

impl From<f64> for Uncertain {
    fn from(value: f64) -> Self {
        Uncertain { value, error: 0.0, rounding: 0.0, size: value.abs() }
    }
}

impl Neg for Uncertain {
    type Output = Self;
    fn neg(self) -> Self {
        Uncertain { value: -self.value, ..self }
    }
}

macro_rules! operator {
    ($trait:ident, $method:ident, |$a:ident, $b:ident| $value:expr, $slopes:expr, |$x:ident, $y:ident| $size:expr) => {
        impl $trait for Uncertain {
            type Output = Self;
            fn $method(self, other: Self) -> Self {
                let ($a, $b) = (self.value, other.value);
                let [by_a, by_b] = $slopes;
                let ($x, $y) = (self, other);
                Uncertain::of($value, $size, [(by_a, self), (by_b, other)])
            }
        }
        impl $trait<f64> for Uncertain {
            type Output = Self;
            fn $method(self, other: f64) -> Self {
                self.$method(Uncertain::from(other))
            }
        }
    };
}
operator!(Add, add, |a, b| a + b, [1.0, 1.0], |x, y| x.size + y.size);
operator!(Sub, sub, |a, b| a - b, [1.0, 1.0], |x, y| x.size + y.size);
operator!(Mul, mul, |a, b| a * b, [b, a], |x, y| x.size * y.size);
operator!(Div, div, |a, b| a / b, [1.0 / b, a / b / b], |x, y| x.size / y.value.abs());

impl Scalar for Uncertain {
    fn apply(self, function: Function) -> Self {
        let value = function.value(self.value);
        Uncertain::of(value, value.abs(), [(function.slope(self.value, value), self), (0.0, self)])
    }
    fn pair(self, other: Self, function: Pair) -> Self {
        let value = function.value(self.value, other.value);
        let [by_this, by_other] = function.slopes(self.value, other.value, value);
        Uncertain::of(value, value.abs(), [(by_this, self), (by_other, other)])
    }
    fn select(self, a: Self, b: Self) -> Self {
        // to first order the condition is certain
        match self.value {
            x if x.is_nan() => Uncertain::from(f64::NAN),
            0.0 => b,
            _ => a,
        }
    }
}
