//! What training needs of a network, and the ways to train one.

mod direct;
mod dropout;
mod least_squares;
mod quasi_newton;
mod sequences;
mod supervised;

use burn::module::{Module, ModuleDisplay};
use burn::tensor::Tensor;
use dataset::Batch;
use kernels::Stepped;

pub(crate) use direct::Direct;
pub use dropout::Dropout;
pub(crate) use least_squares::LeastSquares;
pub(crate) use quasi_newton::QuasiNewton;
pub use sequences::Sequences;
pub(crate) use supervised::{Modelled, Supervised, clipped};

use crate::parameters::layout;
use crate::tensors::{TensorError, Tensors};

/// A network: a Burn module that maps windows to scaled increments.
pub trait Network: Module + ModuleDisplay + Sync + 'static {
    /// From scaled inputs [batch, window, feature] the scaled increments after each of the last samples,
    /// [batch, samples, component]; at least after the very last. `dropout` is applied to what lies between its
    /// layers.
    fn forward(&self, inputs: Tensor<3>, dropout: &mut Dropout) -> Tensor<3>;

    /// What training makes small, a scalar: by default [`Sequences::squared_error`].
    fn loss(&self, batch: &Sequences, dropout: &mut Dropout) -> Tensor<1> {
        batch.squared_error(|inputs| self.forward(inputs, dropout))
    }

    /// The validation loss, a scalar that is lowest for the best model; by default [`Sequences::last_squared_error`]. Like
    /// a forecast, it uses only the output of the network after the last sample of a window.
    fn validation_loss(&self, batch: &Sequences) -> Tensor<1> {
        batch.last_squared_error(|inputs| self.forward(inputs, &mut Dropout::none()))
    }

    /// Names and shapes of the parameters as a file holds them, in the order in which the module does.
    fn layout(&self) -> Vec<(String, Vec<usize>)> {
        layout(self)
    }

    /// Where all of the network runs on the kernels of this project: its layers, and the weights. Such a network must
    /// leave [`Network::loss`] and [`Network::validation_loss`] as they are, since the kernels have those.
    fn kernels(&self) -> Option<(&kernels::Network, Vec<f64>)> {
        None
    }
}

/// Where a step stands in a training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct At {
    /// Its number, counted from 0. Random numbers of a step follow from the seed and this.
    pub step: u64,
    /// Its learning rate, for a method that has one.
    pub learning_rate: f64,
}

/// A network in training with its optimiser. Losses are mean squared errors of the scaled increments, or what the
/// network puts in their place.
pub trait Learner: Send {
    /// One step on a batch; returns the loss before it. Where that, or the norm of the gradient, is not finite
    /// it returns the one that is not, and changes nothing.
    fn step(&mut self, batch: &Batch, at: At) -> f64;

    /// The validation loss on a batch, see [`Network::validation_loss`].
    fn loss(&mut self, batch: &Batch) -> f64;

    /// Why further steps would change nothing, once that is so.
    fn converged(&self) -> Option<&'static str> {
        None
    }

    /// The weights, by name.
    fn weights(&self) -> Tensors;

    /// What the optimiser keeps from step to step.
    fn optimizer_state(&self) -> Tensors;

    /// Continues from these weights and this state.
    ///
    /// # Errors
    /// Where they belong to another network.
    fn restore(&mut self, weights: &Tensors, optimizer_state: &Tensors) -> Result<(), TensorError>;
}

/// Why a method that looks for its own step ends after this one, if it does.
pub(crate) fn ended(stepped: &Stepped, gradient_tolerance: f64, step_tolerance: f64) -> Option<&'static str> {
    if stepped.length == 0.0 {
        Some("no step gives a lower loss")
    } else if stepped.gradient <= gradient_tolerance {
        Some("the gradient is below train.optimizer.gradient_tolerance")
    } else if stepped.length <= step_tolerance {
        Some("the step is below train.optimizer.step_tolerance")
    } else {
        None
    }
}

/// A loss that is a differentiable function of one vector of weights.
pub(crate) trait Differentiable: Send {
    /// The weights.
    fn vector(&self) -> Vec<f64>;

    /// Goes on with these weights.
    fn set_vector(&mut self, weights: &[f64]);

    /// The loss of a step on a batch, and its derivative by the weights into `gradient`.
    fn slope(&mut self, batch: &Batch, step: u64, gradient: &mut [f64]) -> f64;

    /// The validation loss on a batch.
    fn value(&mut self, batch: &Batch) -> f64;

    /// The weights by name.
    fn named(&self) -> Tensors;

    /// The opposite of `named`.
    fn read(&self, weights: &Tensors) -> Result<Vec<f64>, TensorError>;
}
