//! A recurrent network (Elman 1990): h(t) = tanh(x(t) W + h(t - 1) U + b) over a window of the past, from h = 0.
//!
//! [batch, window, feature] -> h [batch, hidden] at each sample -> [batch, window, component]

use kernels::Layer;

use crate::recurrent::{Cell, RecurrentConfig};

/// Its recurrent layer.
pub struct Rnn;

/// Settings of the recurrent network.
pub type RnnConfig = RecurrentConfig<Rnn>;

impl Cell for Rnn {
    const NAME: &'static str = "rnn";
    const ABOUT: &'static str = "recurrent network (tanh) over a window of the past";
    const GATES: usize = 1;

    fn layer(inputs: usize, units: usize) -> Layer {
        Layer::Rnn(kernels::Rnn { inputs, units })
    }
}
