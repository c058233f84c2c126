//! A network of any kind, differentiated by Burn.

use burn::module::Module;
use burn::tensor::Tensor;
use dataset::{Batch, Normalisation};
use kernels::Method;
use trajectory::random::stream;

use super::{At, Differentiable, Dropout, Learner, Network, Sequences};
use crate::machine::{Machine, values};
use crate::optimizer::{Recipe, TensorOptimizer};
use crate::parameters::{flatten, flatten_gradients, from_tensors, read_named, to_tensors, unflatten};
use crate::tensors::{TensorError, Tensors};

/// A network with its loss.
pub(crate) struct Modelled<N> {
    network: N,
    window: usize,
    dropout: f64,
    seed: u64,
    normalisation: Normalisation,
    machine: Machine,
}

impl<N: Network> Modelled<N> {
    /// `network`, which looks at `window` samples and lives on `machine`.
    pub(crate) fn new(
        network: N,
        window: usize,
        normalisation: &Normalisation,
        recipe: &Recipe,
        machine: &Machine,
    ) -> Self {
        Modelled {
            network: network.train(),
            window,
            dropout: recipe.dropout,
            seed: recipe.seed,
            normalisation: normalisation.clone(),
            machine: machine.clone(),
        }
    }

    /// The loss of a step and its gradient, [parameter], where the loss is finite.
    fn gradient(&self, batch: &Batch, step: u64) -> (f64, Option<Tensor<1>>) {
        let draws = stream(self.seed, "dropout", step);
        let mut dropout = Dropout::new(self.dropout, self.machine.precision, draws);
        let batch = Sequences::new(batch, self.window, &self.normalisation, &self.machine.autodiff());
        let loss = self.network.loss(&batch, &mut dropout);
        let value = values(loss.clone().inner())[0];
        (value, value.is_finite().then(|| flatten_gradients(&self.network, &mut loss.backward())))
    }
}

impl<N: Network> Differentiable for Modelled<N> {
    fn vector(&self) -> Vec<f64> {
        values(flatten(&self.network))
    }

    fn set_vector(&mut self, weights: &[f64]) {
        let flat = self.machine.tensor(weights, [weights.len()]);
        self.network = unflatten(self.network.clone(), &flat);
    }

    fn slope(&mut self, batch: &Batch, step: u64, gradient: &mut [f64]) -> f64 {
        let (value, by_weights) = self.gradient(batch, step);
        if let Some(by_weights) = by_weights {
            gradient.copy_from_slice(&values(by_weights));
        }
        value
    }

    fn value(&mut self, batch: &Batch) -> f64 {
        let batch = Sequences::new(batch, self.window, &self.normalisation, &self.machine);
        values(self.network.valid().validation_loss(&batch))[0]
    }

    fn named(&self) -> Tensors {
        to_tensors(&self.network, &self.network.layout(), self.machine.precision)
    }

    fn read(&self, weights: &Tensors) -> Result<Vec<f64>, TensorError> {
        read_named(&self.network.layout(), weights)
    }
}

/// Training by the gradient.
pub(crate) struct Supervised<N> {
    modelled: Modelled<N>,
    optimizer: TensorOptimizer,
    gradient_norm: f64,
}

impl<N: Network> Supervised<N> {
    /// Trains by `method`, with gradients clipped to the norm of the recipe.
    pub(crate) fn new(modelled: Modelled<N>, method: Method, gradient_norm: f64) -> Self {
        let optimizer =
            TensorOptimizer::new(method, Module::num_params(&modelled.network), &modelled.machine);
        Supervised { modelled, optimizer, gradient_norm }
    }
}

impl<N: Network> Learner for Supervised<N> {
    fn step(&mut self, batch: &Batch, at: At) -> f64 {
        let (value, gradient) = self.modelled.gradient(batch, at.step);
        let Some(gradient) = gradient else { return value };
        let gradient = match clipped(gradient, self.gradient_norm) {
            Ok(gradient) => gradient,
            Err(norm) => return norm,
        };
        let network = &mut self.modelled.network;
        let parameters = self.optimizer.step(flatten(network), gradient, at.learning_rate);
        *network = unflatten(network.clone(), &parameters);
        value
    }

    fn loss(&mut self, batch: &Batch) -> f64 {
        self.modelled.value(batch)
    }

    fn weights(&self) -> Tensors {
        self.modelled.named()
    }

    fn optimizer_state(&self) -> Tensors {
        self.optimizer.state()
    }

    fn restore(&mut self, weights: &Tensors, optimizer_state: &Tensors) -> Result<(), TensorError> {
        let Modelled { network, machine, .. } = &mut self.modelled;
        *network = from_tensors(network.clone(), &network.layout(), weights, machine)?;
        self.optimizer.restore(optimizer_state)
    }
}

/// The gradient clipped to this norm (Pascanu, Mikolov, Bengio 2013, algorithm 1), or its norm where that is not finite.
pub(crate) fn clipped(gradient: Tensor<1>, most: f64) -> Result<Tensor<1>, f64> {
    let norm = norm(&gradient);
    if norm.is_finite() { Ok(gradient * (most / norm.max(most))) } else { Err(norm) }
}

/// The Euclidean norm. Burn sums more than 4 million numbers in an order that depends on the threads, so long
/// vectors are summed in parts, in f64.
fn norm(vector: &Tensor<1>) -> f64 {
    const PART: usize = 1 << 20;
    let count = vector.shape().num_elements();
    let part = |from| {
        let part = vector.clone().narrow(0, from, PART.min(count - from));
        values((part.clone() * part).sum())[0]
    };
    (0..count).step_by(PART).map(part).sum::<f64>().sqrt()
}
