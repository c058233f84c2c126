//! A network of layers on the kernels of this project.

use std::borrow::Cow;

use dataset::Batch;
use kernels::{BatchShape, Decay, FreeRun, Method, Real, Rule, Trainer};

use super::{At, Differentiable, Learner};
use trajectory::Precision;

use crate::optimizer::{state_tensors, state_vectors};
use crate::parameters::{named, read_named};
use crate::tensors::{TensorError, Tensors};
use crate::windows::{taken, targets};

/// Layers with their weights and an optimiser.
pub(crate) struct Direct<T: Real> {
    trainer: Trainer<T>,
    /// Number of inputs of the first layer.
    inputs: usize,
    layout: Vec<(String, Vec<usize>)>,
}

impl<T: Real> Direct<T> {
    /// Trains the layers from these weights by `method`, with gradients clipped to the norm `gradient_norm`. The loss is the
    /// error of one step, or that over a free run.
    pub(crate) fn new(
        network: kernels::Network,
        weights: &[f64],
        layout: Vec<(String, Vec<usize>)>,
        free_run: Option<FreeRun>,
        method: Method,
        gradient_norm: f64,
    ) -> Self {
        let weights: Vec<T> = weights.iter().map(|&x| T::from_f64(x)).collect();
        let inputs = network.inputs();
        let trainer = Trainer::new(network, &weights, method, gradient_norm);
        let trainer = match free_run {
            Some(run) => trainer.over(run),
            None => trainer,
        };
        Direct { trainer, inputs, layout }
    }

    /// The function alone, for a method that looks at its slope.
    pub(crate) fn of(
        network: kernels::Network,
        weights: &[f64],
        layout: Vec<(String, Vec<usize>)>,
        free_run: Option<FreeRun>,
    ) -> Self {
        let keeps_nothing = Method { rule: Rule::Sgd, decay: Decay::Coupled(0.0) };
        Direct::new(network, weights, layout, free_run, keeps_nothing, 1.0)
    }

    /// Examples and steps of a batch, and its targets.
    fn taken<'a>(&self, batch: &'a Batch) -> (BatchShape, Cow<'a, [f64]>) {
        let [count, samples, features, _] = batch.shape;
        (taken(self.inputs, [count, samples, features]), targets(self.inputs, batch))
    }

    fn precision(&self) -> Precision {
        if size_of::<T>() == size_of::<f32>() { Precision::F32 } else { Precision::F64 }
    }
}

fn host<T: Real>(values: &[T]) -> Vec<f64> {
    values.iter().map(|x| x.to_f64()).collect()
}

impl<T: Real> Learner for Direct<T> {
    fn step(&mut self, batch: &Batch, at: At) -> f64 {
        let (shape, targets) = self.taken(batch);
        self.trainer.step(shape, &batch.inputs, &targets, at.learning_rate)
    }

    fn loss(&mut self, batch: &Batch) -> f64 {
        self.value(batch)
    }

    fn weights(&self) -> Tensors {
        self.named()
    }

    fn optimizer_state(&self) -> Tensors {
        let optimizer = self.trainer.optimizer();
        let ((steps, vectors), count) = (optimizer.state(), self.trainer.weights().len());
        let names = optimizer.method().names().iter().copied();
        state_tensors(steps, names.zip(vectors.map(|vector| host(&vector[..count]))), self.precision())
    }

    fn restore(&mut self, weights: &Tensors, optimizer_state: &Tensors) -> Result<(), TensorError> {
        let weights = self.read(weights)?;
        let optimizer = self.trainer.optimizer_mut();
        let (steps, vectors) = state_vectors(optimizer.method(), optimizer_state, weights.len())?;
        let single = |vector: &Vec<f64>| vector.iter().map(|&x| T::from_f64(x)).collect();
        optimizer.restore(steps, &vectors.iter().map(single).collect::<Vec<_>>());
        self.set_vector(&weights);
        Ok(())
    }
}

impl<T: Real> Differentiable for Direct<T> {
    fn vector(&self) -> Vec<f64> {
        host(self.trainer.weights())
    }

    fn set_vector(&mut self, weights: &[f64]) {
        self.trainer.set_weights(&weights.iter().map(|&x| T::from_f64(x)).collect::<Vec<_>>());
    }

    fn slope(&mut self, batch: &Batch, _step: u64, gradient: &mut [f64]) -> f64 {
        let (shape, targets) = self.taken(batch);
        let (loss, slope) = self.trainer.gradient(shape, &batch.inputs, &targets);
        gradient.iter_mut().zip(slope).for_each(|(to, from)| *to = from.to_f64());
        loss
    }

    fn value(&mut self, batch: &Batch) -> f64 {
        let (shape, targets) = self.taken(batch);
        self.trainer.last_loss(shape, &batch.inputs, &targets)
    }

    fn named(&self) -> Tensors {
        named(&self.layout, &self.vector(), self.precision())
    }

    fn read(&self, weights: &Tensors) -> Result<Vec<f64>, TensorError> {
        read_named(&self.layout, weights)
    }
}
