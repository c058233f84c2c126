//! A recurrent network (Elman 1990): h(t) = tanh(x(t) W + h(t - 1) U + b) over a window of the past, from
//! h = 0, and a readout of two layers after every sample, so that each window teaches as many increments as
//! it has samples.
//!
//! [batch, window, feature] -> h [batch, hidden] at each sample -> [batch, window, component]

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use sim::random::Stream;

use super::layers::{Activation, linear, matrix};
use super::{NetworkConfig, check_size, check_weights};
use crate::learner::{Network, Shape};

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
    type Network = Rnn;

    fn check(&self) -> Result<(), String> {
        check_size("hidden", self.hidden, 100_000)?;
        check_size("layers", self.layers, 100)?;
        check_size("window", self.window, 100_000)?;
        check_weights(2 * self.layers as u128 * (self.hidden as u128).pow(2))
    }

    fn window(&self) -> usize {
        self.window
    }

    fn init(&self, shape: Shape, stream: &mut Stream, device: &Device) -> Rnn {
        let cell = |inputs, stream: &mut Stream| Cell {
            input: linear(inputs, self.hidden, stream, device),
            // Half the gain, so that the past does not drown the input in the argument of tanh.
            recurrent: matrix(self.hidden, self.hidden, 0.5, stream, device),
        };
        Rnn {
            cells: (0..self.layers)
                .map(|i| cell(if i == 0 { shape.features } else { self.hidden }, stream))
                .collect(),
            readout: linear(self.hidden, self.hidden, stream, device),
            output: linear(self.hidden, shape.dim, stream, device),
        }
    }
}

/// The network of this file.
#[derive(Module, Debug)]
pub struct Rnn {
    cells: Vec<Cell>,
    readout: Linear,
    output: Linear,
}

/// One recurrent layer.
#[derive(Module, Debug)]
pub struct Cell {
    input: Linear,
    recurrent: Param<Tensor<2>>,
}

impl Cell {
    /// Inputs [batch, inputs] at each sample to hidden states [batch, hidden].
    fn forward(&self, inputs: Vec<Tensor<2>>) -> Vec<Tensor<2>> {
        let mut states: Vec<Tensor<2>> = Vec::with_capacity(inputs.len());
        for x in inputs {
            let drive = self.input.forward(x);
            let state = match states.last() {
                Some(previous) => drive + previous.clone().matmul(self.recurrent.val()),
                None => drive,
            };
            states.push(state.tanh());
        }
        states
    }
}

impl Network for Rnn {
    fn forward(&self, inputs: Tensor<3>) -> Tensor<3> {
        let [batch, window, features] = inputs.dims();
        let mut states: Vec<Tensor<2>> = (0..window)
            .map(|t| inputs.clone().slice([0..batch, t..t + 1]).reshape([batch, features]))
            .collect();
        for cell in &self.cells {
            states = cell.forward(states);
        }
        let states: Tensor<3> = Tensor::stack(states, 1); // [batch, window, hidden]
        let [_, _, hidden] = states.dims();
        let states = states.reshape([batch * window, hidden]);
        let x = self.output.forward(Activation::Silu.apply(self.readout.forward(states)));
        x.reshape([batch as i32, window as i32, -1]) // [batch, window, component]
    }
}
