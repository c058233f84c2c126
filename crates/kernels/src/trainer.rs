//! A network in training.

use crate::network::{BatchShape, Network, Workspace};
use crate::optimizer::{Method, Optimizer};
use crate::real::{PANEL, Piece, Real, pieces};
use crate::simd::Kernels;

/// A network with its weights and its optimiser; the loss is the mean squared error. After the first step on
/// batches of one shape a step allocates nothing.
pub struct Trainer<T: Real> {
    network: Network,
    kernels: &'static Kernels<T>,
    workspace: Workspace<T>,
    /// Of [`Trainer::last_loss`], whose batches are of another shape.
    validation: Workspace<T>,
    weights: Vec<Piece<T>>,
    gradient: Vec<Piece<T>>,
    optimizer: Optimizer<T>,
    gradient_norm: f64,
}

impl<T: Real> Trainer<T> {
    /// Trains `network` from these weights, in the order of [`Network::tensors`], with gradients clipped to the
    /// norm `gradient_norm`.
    ///
    /// # Panics
    /// Weights of another number than the network has.
    pub fn new(network: Network, weights: &[T], method: Method, gradient_norm: f64) -> Self {
        let count = pieces(network.weights());
        let mut trainer = Trainer {
            kernels: Kernels::best(),
            workspace: Workspace::default(),
            validation: Workspace::default(),
            weights: vec![[T::ZERO; PANEL]; count],
            gradient: vec![[T::ZERO; PANEL]; count],
            optimizer: Optimizer::new(method, count),
            network,
            gradient_norm,
        };
        trainer.set_weights(weights);
        trainer
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The weights, in the order of [`Network::tensors`].
    pub fn weights(&self) -> &[T] {
        &self.weights.as_flattened()[..self.network.weights()]
    }

    /// Goes on from these weights.
    ///
    /// # Panics
    /// Weights of another number than the network has.
    pub fn set_weights(&mut self, weights: &[T]) {
        let count = self.network.weights();
        self.weights.as_flattened_mut()[..count].copy_from_slice(weights);
    }

    /// The optimiser.
    pub fn optimizer(&self) -> &Optimizer<T> {
        &self.optimizer
    }

    /// The optimiser.
    pub fn optimizer_mut(&mut self) -> &mut Optimizer<T> {
        &mut self.optimizer
    }

    /// One step on a batch [example, step, feature]; returns the loss before it. Where that, or the norm of the
    /// gradient, is not finite it returns the one that is not, and changes nothing.
    ///
    /// # Panics
    /// As [`Network::forward`].
    pub fn step(&mut self, shape: BatchShape, inputs: &[f64], targets: &[f64], learning_rate: f64) -> f64 {
        let (loss, _) = self.gradient(shape, inputs, targets);
        if !loss.is_finite() {
            return loss;
        }
        let (kernels, gradient) = (self.kernels, &self.gradient);
        let mut squares = 0.0;
        kernels.sum_of_squares(gradient, &mut squares);
        let norm = squares.sqrt();
        if !norm.is_finite() {
            return norm;
        }
        // Pascanu, Mikolov, Bengio (2013), algorithm 1
        let scale = self.gradient_norm / norm.max(self.gradient_norm);
        self.optimizer.step(kernels, &mut self.weights, gradient, scale, learning_rate);
        loss
    }

    /// The loss on a batch, and its derivative by the weights.
    ///
    /// # Panics
    /// As [`Network::forward`].
    pub fn gradient(&mut self, shape: BatchShape, inputs: &[f64], targets: &[f64]) -> (f64, &[T]) {
        let count = self.network.weights();
        let loss = self.network.squared_error(
            self.kernels,
            &mut self.workspace,
            &self.weights.as_flattened()[..count],
            shape,
            inputs,
            targets,
            &mut self.gradient,
        );
        (loss, &self.gradient.as_flattened()[..count])
    }

    /// The mean squared error on a batch at the last step alone, the only output of a network that a forecast uses.
    ///
    /// # Panics
    /// As [`Network::forward`].
    pub fn last_loss(&mut self, shape: BatchShape, inputs: &[f64], targets: &[f64]) -> f64 {
        let workspace = &mut self.validation;
        let weights = &self.weights.as_flattened()[..self.network.weights()];
        self.network.last_squared_error(self.kernels, workspace, weights, shape, inputs, targets)
    }
}
