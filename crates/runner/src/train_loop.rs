//! The choice between our training loop and Burn's.

use serde::{Deserialize, Serialize};

/// The training loop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loop {
    /// The loop of this project.
    #[default]
    Own,
    /// Burn's own training loop, of the crate burn-train.
    BurnTrain,
}

impl Loop {
    /// Whether it is the loop of this project.
    pub(crate) fn is_own(&self) -> bool {
        *self == Loop::Own
    }
}
