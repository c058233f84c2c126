//! A feed-forward network: the next state from the present one, or from the last `window` samples, through layers of
//! `hidden` units (Rosenblatt 1958; as a model of a flow, and with delays and inputs known as NARX, Narendra and
//! Parthasarathy 1990).
//!
//! [batch, window, feature] as [batch, 1, window * feature] -> hidden layers with `activation` -> [batch, 1, component]

use dataset::Normalisation;
use kernels::{Activation, Dense};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trajectory::random::Stream;

use super::{NetworkConfig, check_size, check_weights};
use crate::machine::Machine;
use crate::optimizer::Recipe;
use crate::stack::Stack;

/// Settings of the feed-forward network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FfnnConfig {
    /// Number of units of each hidden layer: one number for all layers, or a list with a number for each.
    #[schemars(extend("examples" = [32, [64, 32, 64]]))]
    pub hidden: Widths,
    /// Number of hidden layers.
    #[schemars(range(min = 1, max = 100))]
    pub depth: usize,
    /// Activation function after each hidden layer.
    #[schemars(extend("examples" = ["tanh"]))]
    pub activation: Activation,
    /// Number of samples in the window, the present one included. 1 is enough if a sample is the whole state.
    #[schemars(range(min = 1, max = 100_000))]
    pub window: usize,
}

/// Units of the hidden layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "hidden must be a whole number, or a list of one for each layer")]
pub enum Widths {
    /// The same in all layers.
    Same(#[schemars(range(min = 1, max = 100_000))] usize),
    /// Of each layer.
    Each(#[schemars(length(min = 1), inner(range(min = 1, max = 100_000)))] Vec<usize>),
}

impl Default for FfnnConfig {
    fn default() -> Self {
        FfnnConfig { hidden: Widths::Same(64), depth: 3, activation: Activation::default(), window: 1 }
    }
}

impl FfnnConfig {
    fn widths(&self) -> Vec<usize> {
        match &self.hidden {
            Widths::Same(width) => vec![*width; self.depth],
            Widths::Each(widths) => widths.clone(),
        }
    }
}

impl NetworkConfig for FfnnConfig {
    const NAME: &'static str = "ffnn";
    const ABOUT: &'static str = "feed-forward network on the last sample, or several";
    type Network = Stack;

    fn check(&self) -> Result<(), String> {
        check_size("depth", self.depth, 100)?;
        check_size("window", self.window, 100_000)?;
        if self.hidden == Widths::Each(Vec::new()) {
            return Err("hidden = [] must name at least one layer".into());
        }
        if let Widths::Each(widths) = &self.hidden
            && widths.len() != self.depth
        {
            return Err(format!(
                "hidden = {widths:?} names {} layers but depth = {}: set depth = {}",
                widths.len(),
                self.depth,
                widths.len()
            ));
        }
        let widths = self.widths();
        widths.iter().try_for_each(|&width| check_size("hidden", width, 100_000))?;
        check_weights(widths.windows(2).map(|pair| pair[0] as u128 * pair[1] as u128).sum())
    }

    fn window(&self) -> usize {
        self.window
    }

    fn init(&self, scales: &Normalisation, stream: &mut Stream, machine: &Machine) -> Stack {
        let layers =
            Dense::stack(self.window * scales.features(), &self.widths(), scales.dim(), self.activation);
        Stack::new(layers, stream, machine)
    }

    fn suits(&self, _recipe: &Recipe) -> Result<(), String> {
        Ok(())
    }
}
