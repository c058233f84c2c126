//! The precision of floating-point numbers.

use serde::{Deserialize, Serialize};

/// The type of the numbers in a computation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Single precision: a significand of 24 bits.
    F32,
    /// Double precision: a significand of 53 bits.
    F64,
}

impl Precision {
    /// The default for files that do not name a precision.
    pub fn f64() -> Self {
        Precision::F64
    }
}
