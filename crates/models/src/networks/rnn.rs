//! A recurrent network (Elman 1990): h(t) = tanh(x(t) W + h(t - 1) U + b) over a window of the past, from
//! h = 0, and a readout of two layers after every sample, so that each window teaches as many increments as
//! it has samples.
//!
//! [batch, window, feature] -> h [batch, hidden] at each sample -> [batch, window, component]

use kernels::{Activation, Dense, Layer};
use serde::{Deserialize, Serialize};
use sim::random::Stream;

use super::{NetworkConfig, check_size, check_weights};
use crate::learner::Shape;
use crate::stack::{Machine, Stack};

/// Settings of the recurrent network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RnnConfig {
    /// Units of the hidden state, and of the readout.
    pub hidden: usize,
    /// Recurrent layers, one on the other.
    pub layers: usize,
    /// Samples of history it looks at.
    pub window: usize,
}

impl Default for RnnConfig {
    fn default() -> Self {
        RnnConfig { hidden: 64, layers: 1, window: 8 }
    }
}

impl NetworkConfig for RnnConfig {
    const NAME: &'static str = "rnn";
    const ABOUT: &'static str = "recurrent network (tanh) over a window of the past";
    type Network = Stack;

    fn check(&self) -> Result<(), String> {
        check_size("hidden", self.hidden, 100_000)?;
        check_size("layers", self.layers, 100)?;
        check_size("window", self.window, 100_000)?;
        check_weights(2 * self.layers as u128 * (self.hidden as u128).pow(2))
    }

    fn window(&self) -> usize {
        self.window
    }

    fn init(&self, shape: Shape, stream: &mut Stream, machine: &Machine) -> Stack {
        let hidden = self.hidden;
        let recurrent = |i| {
            let inputs = if i == 0 { shape.features } else { hidden };
            Layer::Rnn(kernels::Rnn { inputs, units: hidden })
        };
        let mut layers: Vec<Layer> = (0..self.layers).map(recurrent).collect();
        let activation = Some(Activation::Silu);
        layers.push(Layer::Dense(Dense { inputs: hidden, outputs: hidden, activation }));
        layers.push(Layer::Dense(Dense { inputs: hidden, outputs: shape.dim, activation: None }));
        Stack::new(layers, stream, machine)
    }
}
