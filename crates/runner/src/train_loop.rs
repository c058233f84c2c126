//! The choice between our training loop and Burn's.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The training loop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Loop {
    /// The training loop of Attractor.
    #[default]
    Own,
    /// Burn's training loop, the crate burn-train. It needs a program built with `--features burn-train`.
    BurnTrain,
}

impl Loop {
    /// Whether it is the loop of this project.
    pub(crate) fn is_own(&self) -> bool {
        *self == Loop::Own
    }
}
