//! Long short-term memory (Hochreiter and Schmidhuber 1997; with a forget gate, Gers et al. 2000) over a window of
//! the past: three gates decide what a cell forgets, takes up and shows. The equations are in docs/kernels.md.
//!
//! [batch, window, feature] -> h [batch, hidden] at each sample -> [batch, window, component]

use kernels::Layer;

use crate::recurrent::{Cell, RecurrentConfig};

/// Its recurrent layer.
pub struct Lstm;

/// Settings of the network with long short-term memory.
pub type LstmConfig = RecurrentConfig<Lstm>;

impl Cell for Lstm {
    const NAME: &'static str = "lstm";
    const ABOUT: &'static str = "long short-term memory over a window of the past";
    const GATES: usize = 4;

    fn layer(inputs: usize, units: usize) -> Layer {
        Layer::Lstm(kernels::Lstm { inputs, units })
    }
}
