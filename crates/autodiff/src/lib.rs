//! Derivatives of scalar programs.
//!
//! A program is written once over a [`Scalar`]; what it is run on decides what it gives. On `f64` it gives the
//! value; on [`Dual`] numbers also the derivatives along some directions, from the inputs to the output (forward
//! mode); on the [`Var`]s of a [`Tape`] it leaves a record of itself, from which one sweep backwards gives the
//! derivatives of an output by every input (reverse mode).
//!
//! ```
//! use autodiff::{Adjoints, Dual, Scalar, Tape};
//!
//! fn f<S: Scalar>(x: S) -> S {
//!     (x.powi(2) + x.powi(2).exp()).sqrt()
//! }
//! let forward = f(Dual::<1>::variable(1.5, 0)).tangent[0];
//!
//! let tape = Tape::new();
//! let x = tape.variable(1.5);
//! let mut adjoints = Adjoints::default();
//! tape.backward(f(x), &mut adjoints);
//!
//! let closed_form = 1.5 * (1.0 + 2.25f64.exp()) / f(1.5);
//! assert!((forward - closed_form).abs() < 1e-14 && (adjoints.of(x) - closed_form).abs() < 1e-14);
//! ```
//!
//! # At the edges of a domain
//!
//! - Values are those of IEEE 754, but that no comparison takes a NaN for a number: sqrt and log of a negative number, asin and acos beyond 1 are NaN; log 0 and
//!   1 / 0 are infinite; x^0 = 1 for every x, 0^0 too. min and max of a NaN are NaN.
//! - Where a value of an elementary function or of a graph is NaN, so are all its derivatives.
//! - Where a derivative exists from one side only it is that one: sqrt at 0 has the slope +infinity, as has log;
//!   x^y at x = 0 has the slope 0 by y for y > 0, and -infinity for y = 0.
//! - Where two one-sided slopes differ it is their mean: 0 for |x| at 0, a half for each of two equal arguments of
//!   min or max.
//! - sign, step, floor, comparisons, and, or and not are constant between their jumps. Their slope is 0 everywhere, even
//!   at a jump, where their value is the defined one: sign(0) = 0, step(0) = 1. mod(a, b) = a - b k with an integer k has
//!   the slopes 1 and -k. A NaN in any of these functions gives NaN, also in a comparison; the exception is an and or an
//!   or that its other operand decides.
//! - if(condition, a, b) has the value and the derivatives of the piece that its condition selects, also at a kink. The
//!   other piece has no influence: if(x > 0, sqrt(x), 0) is 0 at -1 with the slope 0. If the condition is NaN, so is the
//!   result.
//! - An input that does not change contributes nothing, whatever the slope: 0 times infinity counts as 0 in the
//!   chain rule. So sqrt(x^2) has the derivative 0 at 0, as has |x|, and x^y for x < 0 and a whole y has its slope by
//!   x though it has none by y. Neither this rule nor a one-sided slope is always the limit: sqrt(x)^2, sqrt(x) sqrt(x) and
//!   exp(log(x)) have the slope 0 at 0, and 1 next to it. [`Graph::kinks`] finds where a derivative comes from a rule.

mod dual;
mod expression;
mod functions;
mod grammar;
mod graph;
mod kinks;
mod mistakes;
mod names;
mod program;
mod scalar;
mod syntax;
mod tape;

pub use dual::{Dual, jacobian};
pub use expression::{Expression, ExpressionError, check_name, constant};
pub use functions::{Function, Pair};
pub use graph::{Derivatives, Graph, Node};
pub use kinks::Kink;
pub use names::{did_you_mean, unknown};
pub use program::Program;
pub use scalar::Scalar;
pub use syntax::{Binary, MAX_DEPTH, MAX_LENGTH, Unary};
pub use tape::{Adjoints, Tape, Var};
