//! What a network knows of the samples before the present one, and the loss that goes with it.

use dataset::Normalisation;
use kernels::{Advance, FreeRun};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a forecast remembers the past.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Memory {
    /// The network reads the last `window` samples again at every step, from the state 0.
    #[default]
    Window,
    /// The network reads a window once, from the state 0; then its state goes on through the whole forecast.
    Carried,
}

/// What a network is shown of the past.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Past {
    /// Samples that it is shown before it gives the first increment that is used.
    pub window: usize,
    /// How it remembers what lies before.
    pub memory: Memory,
    /// Samples at the beginning of the window whose errors do not count in the training loss.
    pub warmup: usize,
}

impl Past {
    /// A window that is read again at every step.
    pub fn window(window: usize) -> Self {
        Past { window, memory: Memory::Window, warmup: 0 }
    }

    /// The free run of the kernels that gives the loss of layers over `unroll` steps: for a network that carries its memory,
    /// and for one that needs none and is shown one sample. `None` where the loss is that of one step, or of another kind.
    pub(crate) fn free_run(
        self,
        layers: &kernels::Network,
        unroll: usize,
        scales: &Normalisation,
    ) -> Option<FreeRun> {
        let takes_samples = layers.inputs() == scales.features() && layers.outputs() == scales.dim();
        let is_free = match self.memory {
            Memory::Carried => layers.is_stepwise(),
            Memory::Window => unroll > 1 && self.window == 1 && layers.is_memoryless(),
        };
        (is_free && takes_samples).then(|| {
            let advance = (0..scales.dim()).map(|j| Advance {
                step: scales.increment_std[j] / scales.std[j],
                drift: scales.increment_mean[j] / scales.std[j],
                ratio: scales.ratio(j),
            });
            FreeRun { given: self.window, warmup: self.warmup, advance: advance.collect() }
        })
    }
}
