//! A network in training.

use crate::free_run::{FreeRun, FreeRunWorkspace};
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
    free_run: Option<Free<T>>,
    weights: Vec<Piece<T>>,
    gradient: Vec<Piece<T>>,
    optimizer: Optimizer<T>,
    gradient_norm: f64,
}

/// What the loss is taken over where that is a free run, for steps and for validations.
struct Free<T: Real> {
    run: FreeRun,
    workspace: FreeRunWorkspace<T>,
    validation: FreeRunWorkspace<T>,
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
            free_run: None,
            weights: vec![[T::ZERO; PANEL]; count],
            gradient: vec![[T::ZERO; PANEL]; count],
            optimizer: Optimizer::new(method, count),
            network,
            gradient_norm,
        };
        trainer.set_weights(weights);
        trainer
    }

    /// The same with the error over a free run for its loss.
    ///
    /// # Panics
    /// A network that is not [`Network::is_stepwise`].
    #[must_use]
    pub fn over(self, run: FreeRun) -> Self {
        assert!(self.network.is_stepwise(), "{:?} cannot go step by step", self.network);
        let (workspace, validation) = (FreeRunWorkspace::default(), FreeRunWorkspace::default());
        Trainer { free_run: Some(Free { run, workspace, validation }), ..self }
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
        let Trainer { network, kernels, workspace, free_run, weights, gradient, .. } = self;
        let count = network.weights();
        let weights = &weights.as_flattened()[..count];
        let loss = match free_run {
            None => network.squared_error(kernels, workspace, weights, shape, inputs, targets, gradient),
            Some(Free { run, workspace, .. }) => {
                network.free_run_error(kernels, workspace, weights, shape, inputs, targets, run, gradient)
            }
        };
        (loss, &self.gradient.as_flattened()[..count])
    }

    /// The mean squared error on a batch of what a forecast uses: the output after the last sample, and where the loss is
    /// over a free run those of the run. Errors while samples are given do not count.
    ///
    /// # Panics
    /// As [`Network::forward`].
    pub fn last_loss(&mut self, shape: BatchShape, inputs: &[f64], targets: &[f64]) -> f64 {
        let Trainer { network, kernels, validation, free_run, weights, .. } = self;
        let weights = &weights.as_flattened()[..network.weights()];
        match free_run {
            None => network.last_squared_error(kernels, validation, weights, shape, inputs, targets),
            Some(Free { run, validation, .. }) => {
                let warmup = run.given.min(shape.steps) - 1;
                let run = FreeRun { warmup, ..run.clone() };
                network.free_run_error(kernels, validation, weights, shape, inputs, targets, &run, &mut [])
            }
        }
    }
}
