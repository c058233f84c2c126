//! Networks that are a list of layers.

use std::sync::Arc;

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use kernels::operation::{Implementation, apply};
use kernels::{BatchShape, Layer};
use trajectory::random::{Stream, uniform};

use crate::learner::{Dropout, Network};
use crate::machine::{Machine, values};
use crate::windows::taken;

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
        let mut weights: Vec<f64> = Vec::with_capacity(network.weights());
        for (_, tensor) in network.tensors() {
            // In f32 in either precision, so that both begin alike.
            let draw = |stream: &mut Stream| match tensor.bound {
                0.0 => 0.0,
                bound => f64::from((bound * (2.0 * uniform(stream) - 1.0)) as f32),
            };
            weights.extend((0..tensor.count()).map(|_| draw(stream)));
        }
        let weights = Param::from_tensor(machine.tensor(&weights, [weights.len()]));
        Stack { weights, network: Arc::new(network), kernels: machine.kernels }
    }

    /// The weights, [weight].
    pub(crate) fn weights(&self) -> Tensor<1> {
        self.weights.val()
    }

    /// The layers.
    pub(crate) fn network(&self) -> &kernels::Network {
        &self.network
    }

    /// Windows [batch, sample, feature] as the layers take them, see [`crate::windows`].
    fn taken(&self, inputs: Tensor<3>) -> Tensor<3> {
        let BatchShape { count, steps } = taken(self.network.inputs(), inputs.dims());
        inputs.reshape([count, steps, self.network.inputs()])
    }

    /// The outputs [batch, step, output] from the inputs [batch, step, feature], with other weights than its own.
    pub(crate) fn forward_with(&self, weights: Tensor<1>, inputs: Tensor<3>) -> Tensor<3> {
        let inputs = self.taken(inputs);
        apply(&self.network, weights, inputs, self.kernels)
    }
}

impl Network for Stack {
    fn forward(&self, inputs: Tensor<3>, dropout: &mut Dropout) -> Tensor<3> {
        let weights = self.weights.val();
        if !dropout.is_on() {
            return self.forward_with(weights, inputs);
        }
        // One layer at a time (each of them is a network, since all together are), with what is left of its output to the next.
        let layers = self.network.layers();
        let (mut x, mut from) = (self.taken(inputs), 0);
        for (i, layer) in layers.iter().enumerate() {
            #[allow(clippy::panic)]
            let one = kernels::Network::new(vec![layer.clone()]).unwrap_or_else(|fault| panic!("{fault}"));
            let count = one.weights();
            x = apply(&Arc::new(one), weights.clone().narrow(0, from, count), x, self.kernels);
            from += count;
            if i + 1 < layers.len() {
                x = dropout.apply(x);
            }
        }
        x
    }

    fn layout(&self) -> Vec<(String, Vec<usize>)> {
        self.network.tensors().map(|(name, tensor)| (name, tensor.shape)).collect()
    }

    fn kernels(&self) -> Option<(&kernels::Network, Vec<f64>)> {
        let weights = self.weights.val();
        let own = self.kernels.is_own_on(&weights.device());
        own.then(|| (&*self.network, values(weights.inner())))
    }
}
