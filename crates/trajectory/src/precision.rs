//! The precision of floating-point numbers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The type of the numbers in a computation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Single precision, about 7 digits.
    F32,
    /// Double precision, about 16 digits.
    F64,
}

impl Precision {
    /// The default for files that do not name a precision.
    pub fn f64() -> Self {
        Precision::F64
    }
}
