//! A temporal convolution network (van den Oord et al. 2016, "WaveNet"; Bai, Kolter, Koltun 2018): causal
//! convolutions over a window of the past, each with twice the dilation of the layer before, so that the past that a
//! sample sees grows exponentially with the number of layers. A readout of two layers follows after every sample. The
//! samples before the window are taken as zeros.
//!
//! [batch, window, feature] -> [batch, window, channels] in each layer -> [batch, window, component]

use dataset::Normalisation;
use kernels::{Activation, Conv1d, Dense, Layer, Padding};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trajectory::random::Stream;

use super::{NetworkConfig, check_size, check_weights};
use crate::machine::Machine;
use crate::stack::Stack;

/// Settings of the convolutional network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CnnConfig {
    /// Number of channels of each layer, and of units of the readout.
    #[schemars(range(min = 1, max = 100_000))]
    pub channels: usize,
    /// Number of convolutional layers. Their dilations are 1, 2, 4 and so on.
    #[schemars(range(min = 1, max = 16))]
    pub layers: usize,
    /// Width of each convolution: the number of samples that it combines.
    #[schemars(range(min = 1, max = 1000))]
    pub width: usize,
    /// Number of samples in the window, the present one included. It must be longer than the dilation of the last layer.
    #[schemars(range(min = 1, max = 100_000))]
    pub window: usize,
    /// Activation function after each layer except the last.
    #[schemars(extend("examples" = ["tanh"]))]
    pub activation: Activation,
}

impl Default for CnnConfig {
    fn default() -> Self {
        CnnConfig { channels: 32, layers: 2, width: 2, window: 4, activation: Activation::default() }
    }
}

impl NetworkConfig for CnnConfig {
    const NAME: &'static str = "cnn";
    const ABOUT: &'static str = "causal dilated convolutions over a window of the past";
    type Network = Stack;

    fn check(&self) -> Result<(), String> {
        check_size("channels", self.channels, 100_000)?;
        check_size("layers", self.layers, 16)?;
        check_size("width", self.width, 1_000)?;
        check_size("window", self.window, 100_000)?;
        let seen = 1 + (self.width - 1) * ((1 << self.layers) - 1);
        if self.width > 1 && self.window <= (1 << (self.layers - 1)) {
            return Err(format!(
                "window = {} is so short that the last of {} layers, with dilation {}, would see one sample only; the \
                 layers together see {seen} samples",
                self.window,
                self.layers,
                1 << (self.layers - 1)
            ));
        }
        check_weights((self.layers * self.width) as u128 * (self.channels as u128).pow(2))
    }

    fn window(&self) -> usize {
        self.window
    }

    fn init(&self, scales: &Normalisation, stream: &mut Stream, machine: &Machine) -> Stack {
        let CnnConfig { channels, width, .. } = *self;
        let activation = Some(self.activation);
        let convolution = |i: usize| {
            let inputs = if i == 0 { scales.features() } else { channels };
            let (dilation, padding) = (1usize << i, Padding::Causal);
            Layer::Conv1d(Conv1d { inputs, outputs: channels, width, dilation, padding, activation })
        };
        let mut layers: Vec<Layer> = (0..self.layers).map(convolution).collect();
        layers.push(Layer::Dense(Dense { inputs: channels, outputs: channels, activation }));
        layers.push(Layer::Dense(Dense { inputs: channels, outputs: scales.dim(), activation: None }));
        Stack::new(layers, stream, machine)
    }
}
