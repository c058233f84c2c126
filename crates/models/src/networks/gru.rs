//! Gated recurrent units (Cho et al. 2014) over a window of the past: one gate decides how much of the old state
//! stays, another how much of it the new one sees. The equations are in docs/kernels.md.
//!
//! [batch, window, feature] -> h [batch, hidden] at each sample -> [batch, window, component]

use kernels::Layer;

use crate::recurrent::{Cell, RecurrentConfig};

/// Its recurrent layer.
pub struct Gru;

/// Settings of the network of gated recurrent units.
pub type GruConfig = RecurrentConfig<Gru>;

impl Cell for Gru {
    const NAME: &'static str = "gru";
    const ABOUT: &'static str = "gated recurrent units over a window of the past";
    const GATES: usize = 3;

    fn layer(inputs: usize, units: usize) -> Layer {
        Layer::Gru(kernels::Gru { inputs, units })
    }
}
