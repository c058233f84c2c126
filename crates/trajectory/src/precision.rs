//! What numbers are made of.

use serde::{Deserialize, Serialize};

/// The numbers that are computed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 24 bits.
    F32,
    /// 53 bits.
    F64,
}

impl Precision {
    /// What files mean that say nothing of it.
    pub fn f64() -> Self {
        Precision::F64
    }
}
