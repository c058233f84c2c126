//! What the recurrent networks share: a window of the past read by recurrent layers, and a readout.

use std::marker::PhantomData;

use dataset::Normalisation;
use kernels::{Activation, Dense, Layer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trajectory::random::Stream;

use crate::machine::Machine;
use crate::memory::{Memory, Past};
use crate::networks::{NetworkConfig, check_size, check_weights, needs_no_least_squares, trains_by_burn};
use crate::optimizer::Recipe;
use crate::stack::Stack;

/// A kind of recurrent layer.
pub trait Cell: 'static {
    /// Name of the network in an experiment file.
    const NAME: &'static str;
    /// What it is, on one line.
    const ABOUT: &'static str;
    /// Matrices of units x units that it has.
    const GATES: usize;

    /// A layer of `units` that takes `inputs`.
    fn layer(inputs: usize, units: usize) -> Layer;
}

/// Settings of a recurrent network. Layers of `C` read the window from the state 0, and a readout of two layers
/// stands after every sample, so that each window teaches as many increments as it has samples (but for the warm-up).
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, bound = "")]
#[schemars(rename = "RecurrentConfig", bound = "")]
pub struct RecurrentConfig<C> {
    /// Number of units of the hidden state of each layer, and of the readout.
    #[schemars(range(min = 1, max = 100_000))]
    pub hidden: usize,
    /// Number of recurrent layers.
    #[schemars(range(min = 1, max = 100))]
    pub layers: usize,
    /// Number of samples in the window, the present one included.
    #[schemars(range(min = 1, max = 100_000))]
    pub window: usize,
    /// How a forecast remembers the past. `carried` needs `--device cpu` and `train.kernels = "own"`.
    #[schemars(extend("examples" = ["carried"]))]
    pub memory: Memory,
    /// Number of samples at the beginning of the window whose errors do not count in the training loss, because the state
    /// begins at 0; less than `window`, and for `memory = "carried"` alone.
    #[schemars(extend("examples" = [7]))]
    pub warmup: usize,
    #[serde(skip)]
    cell: PhantomData<C>,
}

impl<C> Default for RecurrentConfig<C> {
    fn default() -> Self {
        RecurrentConfig {
            hidden: 64,
            layers: 1,
            window: 8,
            memory: Memory::Window,
            warmup: 0,
            cell: PhantomData,
        }
    }
}

impl<C: Cell> NetworkConfig for RecurrentConfig<C> {
    const NAME: &'static str = C::NAME;
    const ABOUT: &'static str = C::ABOUT;
    type Network = Stack;

    fn check(&self) -> Result<(), String> {
        check_size("hidden", self.hidden, 100_000)?;
        check_size("layers", self.layers, 100)?;
        check_size("window", self.window, 100_000)?;
        if self.warmup >= self.window {
            let (warmup, window) = (self.warmup, self.window);
            return Err(format!("warmup = {warmup} must be less than window = {window}"));
        }
        if self.warmup > 0 && self.memory == Memory::Window {
            return Err(format!("warmup = {} is for memory = \"carried\"; leave it out", self.warmup));
        }
        check_weights(2 * (C::GATES * self.layers) as u128 * (self.hidden as u128).pow(2))
    }

    fn window(&self) -> usize {
        self.window
    }

    fn past(&self) -> Past {
        Past { window: self.window, memory: self.memory, warmup: self.warmup }
    }

    fn suits(&self, recipe: &Recipe) -> Result<(), String> {
        if self.memory == Memory::Carried && recipe.dropout > 0.0 {
            return Err(format!(
                "train.dropout = {} does not go with model.memory = \"carried\"; leave it out",
                recipe.dropout
            ));
        }
        needs_no_least_squares(recipe)
    }

    fn suits_burn_train(&self, recipe: &Recipe) -> Result<(), String> {
        if self.memory == Memory::Carried {
            return Err("train.loop = \"burn-train\" reads windows alone; leave it out, or model.memory = \"carried\"".into());
        }
        trains_by_burn(recipe)
    }

    fn init(&self, scales: &Normalisation, stream: &mut Stream, machine: &Machine) -> Stack {
        let hidden = self.hidden;
        let recurrent = |i| C::layer(if i == 0 { scales.features() } else { hidden }, hidden);
        let mut layers: Vec<Layer> = (0..self.layers).map(recurrent).collect();
        let activation = Some(Activation::Silu);
        layers.push(Layer::Dense(Dense { inputs: hidden, outputs: hidden, activation }));
        layers.push(Layer::Dense(Dense { inputs: hidden, outputs: scales.dim(), activation: None }));
        Stack::new(layers, stream, machine)
    }
}
