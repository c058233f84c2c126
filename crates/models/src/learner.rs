//! What training needs of a network.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use dataset::Batch;
use kernels::{BatchShape, LevenbergMarquardt, Method, Trainer};

use crate::optimizer::{TensorOptimizer, state_tensors, state_vectors};
use crate::parameters::{
    flatten, flatten_gradients, from_tensors, layout, named, read_named, to_tensors, unflatten, values,
};
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
pub trait Network: Module + Sync + 'static {
    /// From scaled inputs [batch, window, feature] the scaled increments after each of the last samples,
    /// [batch, samples, component]; at least after the very last.
    fn forward(&self, inputs: Tensor<3>) -> Tensor<3>;

    /// Names and shapes of the parameters as a file holds them, in the order in which the module does.
    fn layout(&self) -> Vec<(String, Vec<usize>)> {
        layout(self)
    }

    /// Where all of the network runs on the kernels of this project: its layers, and the weights.
    fn kernels(&self) -> Option<(&kernels::Network, Vec<f32>)> {
        None
    }
}

/// A network in training with its optimiser; the loss is the mean squared error of the scaled increments.
pub trait Learner: Send {
    /// One step on a batch; returns the loss before it. Where that, or the norm of the gradient, is not finite
    /// it returns the one that is not, and changes nothing.
    fn step(&mut self, batch: &Batch, learning_rate: f64) -> f64;

    /// The loss on a batch.
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

/// A network of any kind, differentiated by Burn.
pub(crate) struct Supervised<N> {
    network: N,
    optimizer: TensorOptimizer,
    gradient_norm: f64,
    device: Device,
}

impl<N: Network> Supervised<N> {
    /// Trains `network`, which lives on `device`, with gradients clipped to the norm `gradient_norm`.
    pub(crate) fn new(network: N, method: Method, gradient_norm: f64, device: &Device) -> Self {
        let network = network.train();
        let optimizer = TensorOptimizer::new(method, network.num_params(), device);
        Supervised { network, optimizer, gradient_norm, device: device.clone() }
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
        let parameters = self.optimizer.step(flatten(&self.network), gradient, learning_rate);
        self.network = unflatten(self.network.clone(), &parameters);
        value
    }

    fn loss(&mut self, batch: &Batch) -> f64 {
        scalar(loss(&self.network.valid(), batch, &self.device))
    }

    fn weights(&self) -> Tensors {
        to_tensors(&self.network, &self.network.layout())
    }

    fn optimizer_state(&self) -> Tensors {
        self.optimizer.state()
    }

    fn restore(&mut self, weights: &Tensors, optimizer_state: &Tensors) -> Result<(), TensorError> {
        self.network = from_tensors(self.network.clone(), &self.network.layout(), weights, &self.device)?;
        self.optimizer.restore(optimizer_state)
    }
}

/// A network of layers on the kernels of this project.
pub(crate) struct Direct {
    trainer: Trainer<f32>,
    layout: Vec<(String, Vec<usize>)>,
}

impl Direct {
    /// Trains the layers from these weights, with gradients clipped to the norm `gradient_norm`.
    pub(crate) fn new(
        network: kernels::Network,
        weights: &[f32],
        layout: Vec<(String, Vec<usize>)>,
        method: Method,
        gradient_norm: f64,
    ) -> Self {
        Direct { trainer: Trainer::new(network, weights, method, gradient_norm), layout }
    }
}

/// Examples and samples of a batch.
fn batch_shape(batch: &Batch) -> BatchShape {
    let [count, steps, ..] = batch.shape;
    BatchShape { count, steps }
}

impl Learner for Direct {
    fn step(&mut self, batch: &Batch, learning_rate: f64) -> f64 {
        self.trainer.step(batch_shape(batch), &batch.inputs, &batch.targets, learning_rate)
    }

    fn loss(&mut self, batch: &Batch) -> f64 {
        self.trainer.loss(batch_shape(batch), &batch.inputs, &batch.targets)
    }

    fn weights(&self) -> Tensors {
        named(&self.layout, self.trainer.weights())
    }

    fn optimizer_state(&self) -> Tensors {
        let optimizer = self.trainer.optimizer();
        let ((steps, vectors), count) = (optimizer.state(), self.trainer.weights().len());
        let names = optimizer.method().names().iter().copied();
        state_tensors(steps, names.zip(vectors.map(|vector| vector[..count].to_vec())))
    }

    fn restore(&mut self, weights: &Tensors, optimizer_state: &Tensors) -> Result<(), TensorError> {
        let weights: Vec<f32> = read_named(&self.layout, weights)?;
        let optimizer = self.trainer.optimizer_mut();
        let (steps, vectors) = state_vectors(optimizer.method(), optimizer_state, weights.len())?;
        optimizer.restore(steps, &vectors);
        self.trainer.set_weights(&weights);
        Ok(())
    }
}

/// A feed-forward network by the method of Levenberg and Marquardt, in f64.
pub(crate) struct LeastSquares {
    method: LevenbergMarquardt,
    layout: Vec<(String, Vec<usize>)>,
    gradient_tolerance: f64,
    step_tolerance: f64,
    converged: Option<&'static str>,
}

impl LeastSquares {
    /// Trains with `method`, until the gradient or a step is below its tolerance.
    pub(crate) fn new(
        method: LevenbergMarquardt,
        layout: Vec<(String, Vec<usize>)>,
        gradient_tolerance: f64,
        step_tolerance: f64,
    ) -> Self {
        LeastSquares { method, layout, gradient_tolerance, step_tolerance, converged: None }
    }
}

impl Learner for LeastSquares {
    fn step(&mut self, batch: &Batch, _learning_rate: f64) -> f64 {
        let [count, ..] = batch.shape;
        let stepped = self.method.step(count, &batch.inputs, &batch.targets);
        self.converged = if stepped.length == 0.0 {
            Some("no damping gives a lower loss")
        } else if stepped.gradient <= self.gradient_tolerance {
            Some("the gradient is below train.optimizer.gradient_tolerance")
        } else if stepped.length <= self.step_tolerance {
            Some("the step is below train.optimizer.step_tolerance")
        } else {
            None
        };
        if stepped.gradient.is_finite() { stepped.loss } else { stepped.gradient }
    }

    fn loss(&mut self, batch: &Batch) -> f64 {
        let [count, ..] = batch.shape;
        self.method.loss(count, &batch.inputs, &batch.targets)
    }

    fn converged(&self) -> Option<&'static str> {
        self.converged
    }

    fn weights(&self) -> Tensors {
        named(&self.layout, self.method.weights())
    }

    fn optimizer_state(&self) -> Tensors {
        let mut state = Tensors::default();
        state.insert_f64("damping", self.method.damping().to_vec());
        state
    }

    fn restore(&mut self, weights: &Tensors, optimizer_state: &Tensors) -> Result<(), TensorError> {
        let weights: Vec<f64> = read_named(&self.layout, weights)?;
        let &[damping, growth] = optimizer_state.f64("damping")? else {
            return Err(TensorError("tensor damping must hold two numbers".into()));
        };
        self.method.restore(&weights, [damping, growth]);
        Ok(())
    }
}

/// Mean squared error over the samples that the network gives an increment for, a scalar.
pub(crate) fn loss<N: Network>(network: &N, batch: &Batch, device: &Device) -> Tensor<1> {
    let [count, window, features, dim] = batch.shape;
    let single = |values: &[f64]| values.iter().map(|&x| x as f32).collect::<Vec<f32>>();
    let inputs = TensorData::new(single(&batch.inputs), [count, window, features]);
    let targets = TensorData::new(single(&batch.targets), [count, window, dim]);
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
