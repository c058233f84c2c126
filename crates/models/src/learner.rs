//! What training needs of a network.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use dataset::{Batch, Normalisation};
use forecast::Forecaster;

use crate::optimizer::Adam;
use crate::parameters::{flatten, flatten_gradients, from_tensors, to_tensors, unflatten, values};
use crate::tensors::{TensorError, Tensors};

/// The sizes a network is built for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// Inputs a sample: components of the state, then known inputs.
    pub features: usize,
    /// Components of the state.
    pub dim: usize,
}

/// A network: a Burn module that maps windows to scaled increments.
pub trait Network: Module + 'static {
    /// From scaled inputs [batch, window, feature] the scaled increments after each of the last samples,
    /// [batch, samples, component]; at least after the very last.
    fn forward(&self, inputs: Tensor<3>) -> Tensor<3>;
}

/// A network in training with its optimiser; the loss is the mean squared error of the scaled increments.
pub trait Learner {
    /// One step on a batch; returns the loss before it. Where that, or the norm of the gradient, is not finite
    /// it returns the one that is not, and changes nothing.
    fn step(&mut self, batch: &Batch, learning_rate: f64) -> f64;

    /// The loss on a batch.
    fn loss(&self, batch: &Batch) -> f64;

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

pub(crate) struct Supervised<N> {
    network: N,
    adam: Adam,
    gradient_norm: f64,
    device: Device,
}

impl<N: Network> Supervised<N> {
    /// Trains `network`, which lives on `device`, with gradients clipped to the norm `gradient_norm`.
    pub(crate) fn new(network: N, gradient_norm: f64, device: &Device) -> Self {
        let network = network.train();
        let adam = Adam::new(network.num_params(), device);
        Supervised { network, adam, gradient_norm, device: device.clone() }
    }
}

impl<N: Network> Learner for Supervised<N> {
    fn step(&mut self, batch: &Batch, learning_rate: f64) -> f64 {
        let loss = loss(&self.network, batch, &self.device.clone().autodiff());
        let value = scalar(loss.clone().inner());
        if !value.is_finite() {
            return value;
        }
        let gradient = flatten_gradients(&self.network, &mut loss.backward());
        let norm = norm(&gradient);
        if !norm.is_finite() {
            return norm;
        }
        // Pascanu, Mikolov, Bengio (2013), algorithm 1
        let gradient = gradient * (self.gradient_norm / norm.max(self.gradient_norm));
        let parameters = self.adam.step(flatten(&self.network), gradient, learning_rate);
        self.network = unflatten(self.network.clone(), &parameters);
        value
    }

    fn loss(&self, batch: &Batch) -> f64 {
        scalar(loss(&self.network.valid(), batch, &self.device))
    }

    fn weights(&self) -> Tensors {
        to_tensors(&self.network)
    }

    fn optimizer_state(&self) -> Tensors {
        self.adam.state()
    }

    fn restore(&mut self, weights: &Tensors, optimizer_state: &Tensors) -> Result<(), TensorError> {
        self.network = from_tensors(self.network.clone(), weights, &self.device)?;
        self.adam.restore(optimizer_state)
    }
}

/// Mean squared error over the samples that the network gives an increment for, a scalar.
pub(crate) fn loss<N: Network>(network: &N, batch: &Batch, device: &Device) -> Tensor<1> {
    let [count, window, features, dim] = batch.shape;
    let inputs = TensorData::new(batch.inputs.clone(), [count, window, features]);
    let targets = TensorData::new(batch.targets.clone(), [count, window, dim]);
    let outputs = network.forward(Tensor::from_data(inputs, device)); // [batch, samples, component]
    let first = window - outputs.dims()[1];
    let targets = Tensor::<3>::from_data(targets, device).slice([0..count, first..window]);
    let error = outputs - targets;
    (error.clone() * error).mean()
}

/// The Euclidean norm. Burn sums more than 4 million numbers in an order that depends on the threads, so long
/// vectors are summed in parts, in f64.
fn norm(vector: &Tensor<1>) -> f64 {
    const PART: usize = 1 << 20;
    let count = vector.shape().num_elements();
    let part = |from| {
        let part = vector.clone().narrow(0, from, PART.min(count - from));
        scalar((part.clone() * part).sum())
    };
    (0..count).step_by(PART).map(part).sum::<f64>().sqrt()
}

fn scalar(tensor: Tensor<1>) -> f64 {
    f64::from(values(tensor)[0])
}

/// A trained network as a forecaster: increments in f32, states in f64.
pub(crate) struct Trained<N> {
    pub(crate) network: N,
    pub(crate) window: usize,
    pub(crate) normalisation: Normalisation,
    pub(crate) device: Device,
}

impl<N: Network> Forecaster for Trained<N> {
    fn window(&self) -> usize {
        self.window
    }

    fn dim(&self) -> usize {
        self.normalisation.dim()
    }

    fn known_dim(&self) -> usize {
        self.normalisation.features() - self.dim()
    }

    fn advance(&self, histories: &[f64], known: &[f64], next: &mut [f64]) {
        let (dim, known_dim, features) = (self.dim(), self.known_dim(), self.normalisation.features());
        let count = next.len() / dim;
        let mut inputs = vec![0.0; count * self.window * features];
        for (i, row) in inputs.chunks_exact_mut(features).enumerate() {
            let known = &known[i * known_dim..(i + 1) * known_dim];
            let scaled = self.normalisation.scale(&histories[i * dim..(i + 1) * dim], known);
            for (input, scaled) in row.iter_mut().zip(scaled) {
                *input = scaled as f32;
            }
        }
        let inputs = TensorData::new(inputs, [count, self.window, features]);
        let outputs = self.network.forward(Tensor::from_data(inputs, &self.device));
        let [_, samples, _] = outputs.dims();
        let increments = values(outputs.slice([0..count, samples - 1..samples])); // [batch, component]
        for (i, next) in next.iter_mut().enumerate() {
            let (start, j) = (i / dim, i % dim);
            let now = histories[((start + 1) * self.window - 1) * dim + j];
            *next = self.normalisation.advance(j, now, f64::from(increments[i]));
        }
    }
}
