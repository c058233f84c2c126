//! Networks that are a list of layers.

use std::sync::Arc;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use kernels::Layer;
use kernels::operation::{Implementation, apply};
use sim::random::{Stream, uniform};

use crate::learner::Network;
use crate::parameters::values;

/// What computes a network: the device, and on the CPU whose code.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Where tensors live.
    pub device: Device,
    /// Whose code computes the layers on the CPU.
    pub kernels: Implementation,
}

/// A network of layers: on the CPU it runs on the kernels of this project, elsewhere on Burn's operations.
#[derive(Module, Debug)]
pub struct Stack {
    weights: Param<Tensor<1>>,
    #[module(skip)]
    network: Arc<kernels::Network>,
    #[module(skip)]
    kernels: Implementation,
}

impl Stack {
    /// A network of these layers, with first weights drawn from `stream`.
    ///
    /// # Panics
    /// Layers that do not fit on each other.
    pub fn new(layers: Vec<Layer>, stream: &mut Stream, machine: &Machine) -> Self {
        #[allow(clippy::panic)]
        let network = kernels::Network::new(layers).unwrap_or_else(|fault| panic!("{fault}"));
        let mut weights: Vec<f32> = Vec::with_capacity(network.weights());
        for (_, tensor) in network.tensors() {
            let draw = |stream: &mut Stream| match tensor.bound {
                0.0 => 0.0,
                bound => (bound * (2.0 * uniform(stream) - 1.0)) as f32,
            };
            weights.extend((0..tensor.count()).map(|_| draw(stream)));
        }
        let count = weights.len();
        let weights = Tensor::from_data(TensorData::new(weights, [count]), &machine.device);
        Stack { weights: Param::from_tensor(weights), network: Arc::new(network), kernels: machine.kernels }
    }
}

impl Network for Stack {
    fn forward(&self, inputs: Tensor<3>) -> Tensor<3> {
        apply(&self.network, self.weights.val(), inputs, self.kernels)
    }

    fn layout(&self) -> Vec<(String, Vec<usize>)> {
        self.network.tensors().map(|(name, tensor)| (name, tensor.shape)).collect()
    }

    fn kernels(&self) -> Option<(&kernels::Network, Vec<f32>)> {
        let weights = self.weights.val();
        let own = self.kernels.is_own_on(&weights.device());
        own.then(|| (&*self.network, values(weights.inner())))
    }
}
