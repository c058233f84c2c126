//! Reverse mode: a record of a program, followed backwards (Linnainmaa 1970; Griewank and Walther, "Evaluating
//! Derivatives", 2nd edition, chapter 4).

use std::cell::RefCell;
use std::fmt;
use std::ops::{Add, Div, Mul, Neg, Sub};

use crate::functions::{chain, chosen};
use crate::{Function, Pair, Scalar};

/// Marks the place of an operand that is a constant, or is not there.
const NONE: u32 = u32::MAX;

/// A step of a program: which steps it used, and its slopes by them.
#[derive(Clone, Copy)]
struct Step {
    operands: [u32; 2],
    slopes: [f64; 2],
}

/// The steps of a program in the order in which they were taken, 24 bytes each.
///
/// Its variables borrow it, so it can be cleared only when none is left; what it holds is then written over, without
/// allocating.
#[derive(Default)]
pub struct Tape {
    steps: RefCell<Vec<Step>>,
}

impl Tape {
    /// An empty tape.
    pub fn new() -> Self {
        Tape::default()
    }

    /// A new variable, by which derivatives can be taken.
    pub fn variable(&self, value: f64) -> Var<'_> {
        self.step(value, [NONE; 2], [0.0; 2])
    }

    /// Number of steps, the variables among them.
    pub fn len(&self) -> usize {
        self.steps.borrow().len()
    }

    /// Whether nothing stands on it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Empties it, and keeps its memory for the next program.
    pub fn clear(&mut self) {
        self.steps.get_mut().clear();
    }

    /// The derivatives of `output` by every step before it, in one sweep backwards.
    ///
    /// # Panics
    /// Where `output` stands on another tape.
    pub fn backward(&self, output: Var<'_>, adjoints: &mut Adjoints) {
        let steps = self.steps.borrow();
        adjoints.of_steps.clear();
        adjoints.of_steps.resize(steps.len(), if output.value.is_nan() { f64::NAN } else { 0.0 });
        let Some(tape) = output.tape else { return };
        assert!(std::ptr::eq(tape, self), "the output stands on another tape");
        if output.value.is_nan() {
            return;
        }
        let last = output.step as usize;
        adjoints.of_steps[last] = 1.0;
        for i in (0..=last).rev() {
            let adjoint = adjoints.of_steps[i];
            let step = &steps[i];
            for (&operand, &slope) in step.operands.iter().zip(&step.slopes) {
                if operand != NONE {
                    adjoints.of_steps[operand as usize] += chain(slope, adjoint);
                }
            }
        }
    }

    fn step(&self, value: f64, operands: [u32; 2], slopes: [f64; 2]) -> Var<'_> {
        let mut steps = self.steps.borrow_mut();
        let step = steps.len();
        assert!(step < NONE as usize, "a tape holds fewer than 2^32 steps");
        steps.push(Step { operands, slopes: if value.is_nan() { [f64::NAN; 2] } else { slopes } });
        Var { tape: Some(self), step: step as u32, value }
    }
}

/// The derivatives of an output by the steps of a tape; kept by its user, so that sweep after sweep uses the same memory.
#[derive(Clone, Debug, Default)]
pub struct Adjoints {
    of_steps: Vec<f64>,
}

impl Adjoints {
    /// The derivative of the output by a variable, or by a number in between. A constant has none: 0.
    pub fn of(&self, var: Var<'_>) -> f64 {
        if var.tape.is_none() { 0.0 } else { self.of_steps.get(var.step as usize).copied().unwrap_or(0.0) }
    }
}

/// A number that stands on a tape; a constant stands on none.
#[derive(Clone, Copy)]
pub struct Var<'t> {
    tape: Option<&'t Tape>,
    step: u32,
    value: f64,
}

impl<'t> Var<'t> {
    /// The number.
    pub fn value(self) -> f64 {
        self.value
    }

    /// The step that gives `value` from this one.
    fn then(self, value: f64, slope: f64) -> Self {
        match self.tape {
            Some(tape) => tape.step(value, [self.step, NONE], [slope, 0.0]),
            None => Var::from(value),
        }
    }

    /// The step that gives `value` from this one and another.
    fn with(self, other: Self, value: f64, slopes: [f64; 2]) -> Self {
        match (self.tape, other.tape) {
            (Some(tape), Some(same)) => {
                assert!(std::ptr::eq(tape, same), "the operands stand on two tapes");
                tape.step(value, [self.step, other.step], slopes)
            }
            (Some(_), None) => self.then(value, slopes[0]),
            (None, _) => other.then(value, slopes[1]),
        }
    }
}

impl fmt::Debug for Var<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tape {
            Some(_) => write!(f, "{} (step {})", self.value, self.step),
            None => write!(f, "{}", self.value),
        }
    }
}

impl From<f64> for Var<'_> {
    fn from(value: f64) -> Self {
        Var { tape: None, step: NONE, value }
    }
}

impl Neg for Var<'_> {
    type Output = Self;
    fn neg(self) -> Self {
        self.then(-self.value, -1.0)
    }
}

macro_rules! arithmetic {
    ($($trait:ident, $method:ident, |$a:ident, $b:ident| $value:expr, $slopes:expr;)*) => {$(
        impl $trait for Var<'_> {
            type Output = Self;
            fn $method(self, other: Self) -> Self {
                let ($a, $b) = (self.value, other.value);
                self.with(other, $value, $slopes)
            }
        }
        impl $trait<f64> for Var<'_> {
            type Output = Self;
            fn $method(self, other: f64) -> Self {
                let ($a, $b) = (self.value, other);
                self.then($value, $slopes[0])
            }
        }
    )*};
}

arithmetic! {
    Add, add, |a, b| a + b, [1.0, 1.0];
    Sub, sub, |a, b| a - b, [1.0, -1.0];
    Mul, mul, |a, b| a * b, [b, a];
    Div, div, |a, b| a / b, [1.0 / b, -(a / b) / b];
}

impl Scalar for Var<'_> {
    fn apply(self, function: Function) -> Self {
        let value = function.value(self.value);
        self.then(value, function.slope(self.value, value))
    }

    fn pair(self, other: Self, function: Pair) -> Self {
        let value = function.value(self.value, other.value);
        self.with(other, value, function.slopes(self.value, other.value, value))
    }

    fn select(self, a: Self, b: Self) -> Self {
        let taken = match chosen(self.value) {
            Some(true) => a,
            Some(false) => b,
            None => Var { value: f64::NAN, ..self },
        };
        // A separate step even if a constant is selected, so that its adjoint exists.
        match self.tape.or(a.tape).or(b.tape) {
            Some(tape) => tape.step(taken.value, [taken.step, NONE], [1.0, 0.0]),
            None => Var::from(taken.value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The derivatives of `f` at `inputs`, of its output of that number.
    fn gradient(f: impl for<'t> Fn(&[Var<'t>]) -> Vec<Var<'t>>, inputs: &[f64], output: usize) -> Vec<f64> {
        let tape = Tape::new();
        let inputs: Vec<Var> = inputs.iter().map(|&x| tape.variable(x)).collect();
        let mut adjoints = Adjoints::default();
        tape.backward(f(&inputs)[output], &mut adjoints);
        inputs.into_iter().map(|x| adjoints.of(x)).collect()
    }

    fn shared<'t>(u: &[Var<'t>]) -> Vec<Var<'t>> {
        vec![u[0] * u[0] * u[1] + u[0], u[1] / u[0]]
    }

    #[test]
    fn what_is_used_twice_receives_the_sum_of_both_uses() {
        assert_eq!(gradient(shared, &[3.0, 5.0], 0), [31.0, 9.0]);
        assert_eq!(gradient(shared, &[3.0, 5.0], 1), [-(5.0 / 3.0) / 3.0, 1.0 / 3.0]);
    }

    #[test]
    fn constants_take_no_step_and_have_no_derivative() {
        let tape = Tape::new();
        let x = tape.variable(2.0);
        let c = Var::from(3.0);
        let y = (c * 2.0 + 1.0).sqrt() * x - x / c + c / x;
        assert_eq!(tape.len(), 6);
        let mut adjoints = Adjoints::default();
        tape.backward(y, &mut adjoints);
        assert_eq!(adjoints.of(c), 0.0);
        assert!((adjoints.of(x) - (7.0f64.sqrt() - 1.0 / 3.0 - 0.75)).abs() < 1e-15);
        tape.backward(c, &mut adjoints);
        assert_eq!([adjoints.of(x), adjoints.of(c)], [0.0; 2]);
    }

    #[test]
    fn what_does_not_change_contributes_nothing_and_a_nan_spoils_everything() {
        let only = |f: for<'t> fn(Var<'t>) -> Var<'t>, x: f64| gradient(|u| vec![f(u[0])], &[x], 0)[0];
        assert_eq!(only(|x| x.powi(2).sqrt(), 0.0), 0.0);
        assert_eq!(only(|x| (x * x).sqrt(), 0.0), 0.0);
        assert_eq!(only(|x| x * x.sqrt(), 0.0), 0.0);
        assert_eq!(only(|x| x.sqrt(), 0.0), f64::INFINITY);
        assert_eq!(only(|x| x.powf(Var::from(2.0)), -3.0), -6.0);
        assert!(only(|x| (x.powi(2) - 1.0).sqrt(), 0.0).is_nan());
    }

    #[test]
    fn only_the_branch_that_is_taken_receives_an_adjoint() {
        let only = |f: for<'t> fn(Var<'t>) -> Var<'t>, x: f64| gradient(|u| vec![f(u[0])], &[x], 0)[0];
        fn root_or_0(x: Var<'_>) -> Var<'_> {
            Var::from(0.0).pair(x, Pair::Less).select(x.sqrt(), Var::from(0.0))
        }
        // at -1 the root is NaN, but it is not selected
        assert_eq!([4.0, -1.0].map(|x| only(root_or_0, x)), [0.25, 0.0]);
        assert_eq!(only(|x| x.select(x * x, x.sqrt()), -3.0), -6.0);
        assert_eq!(only(|x| x.select(x.sqrt(), Var::from(2.0)), 0.0), 0.0);
        assert!(only(|x| x.sqrt().select(x, Var::from(2.0)), -1.0).is_nan());
    }

    #[test]
    #[should_panic(expected = "two tapes")]
    fn the_tapes_of_two_programs_do_not_mix() {
        let (one, other) = (Tape::new(), Tape::new());
        let _ = one.variable(1.0) + other.variable(1.0);
    }
}
