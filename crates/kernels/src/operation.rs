//! A network as one operation of Burn.
//!
//! On Burn's CPU backend it runs on the kernels of this crate, with their backward pass behind Burn's autodiff;
//! on any other device the same function is composed of Burn's own operations. So a network is written once, as a
//! list of layers, and can be a part of a larger graph anywhere.

use std::sync::{Arc, Mutex};

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::{DType, Device, Tensor, TensorData};

use crate::composed::composed;
use crate::network::{BatchShape, Network, Workspace};
use crate::real::{PANEL, Real, pieces};
use crate::simd::Kernels;

/// Which code computes a network on Burn's CPU backend.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Implementation {
    /// The kernels of Attractor.
    #[default]
    Own,
    /// Burn's own operations.
    Burn,
}

impl Implementation {
    /// Whether tensors on `device` are computed by the kernels of this crate.
    pub fn is_own_on(self, device: &Device) -> bool {
        self == Implementation::Own && *device == Device::flex()
    }
}

/// The outputs [batch, step, output] of a network with `weights`, a vector in the order of [`Network::tensors`],
/// from `inputs` [batch, step, feature]. Differentiable in both; f32 or f64.
///
/// # Panics
/// Tensors of other shapes, or whose sequence [`Network::check_steps`] refuses.
pub fn apply(
    network: &Arc<Network>,
    weights: Tensor<1>,
    inputs: Tensor<3>,
    implementation: Implementation,
) -> Tensor<3> {
    if implementation.is_own_on(&inputs.device()) {
        let (inputs, weights) = (inputs.into_dispatch(), weights.into_dispatch());
        Tensor::from_dispatch(<Dispatch as NetworkOperation>::network(inputs, weights, network.clone()))
    } else {
        composed(network, weights, inputs)
    }
}

/// The operation on the primitives of a backend.
#[backend_extension(Flex, Autodiff)]
trait NetworkOperation: Backend {
    /// See [`apply`].
    fn network(
        inputs: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        network: Arc<Network>,
    ) -> FloatTensor<Self>;
}

impl NetworkOperation for Flex {
    fn network(
        inputs: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        network: Arc<Network>,
    ) -> FloatTensor<Self> {
        forward(&inputs, &weights, &network, false).0
    }
}

impl<C: CheckpointStrategy> NetworkOperation for Autodiff<Flex, C> {
    fn network(
        inputs: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        network: Arc<Network>,
    ) -> FloatTensor<Self> {
        let prepared =
            NetworkBackward.prepare::<C>([inputs.node(), weights.node()]).compute_bound().stateful();
        match prepared {
            OpsKind::Tracked(prepared) => {
                let (outputs, tape) = forward(inputs.primitive(), weights.primitive(), &network, true);
                let state =
                    State { network, weights: weights.primitive().clone(), inputs: inputs.shape(), tape };
                prepared.finish(state, outputs)
            }
            OpsKind::UnTracked(prepared) => {
                prepared.finish(forward(inputs.primitive(), weights.primitive(), &network, false).0)
            }
        }
    }
}

/// What the forward pass leaves for the backward pass, which uses it once.
#[derive(Clone)]
enum Tape {
    F32(Arc<Mutex<Workspace<f32>>>),
    F64(Arc<Mutex<Workspace<f64>>>),
}

#[derive(Clone)]
struct State {
    network: Arc<Network>,
    weights: FloatTensor<Flex>,
    inputs: burn::tensor::Shape,
    tape: Tape,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "State({:?})", self.network)
    }
}

#[derive(Debug)]
struct NetworkBackward;

impl Backward<Flex, 2> for NetworkBackward {
    type State = State;

    fn backward(self, ops: Ops<State, 2>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let by_outputs = grads.consume::<Flex>(&ops.node);
        let [inputs, weights] = ops.parents;
        let (by_inputs, by_weights) = match &ops.state.tape {
            Tape::F32(tape) => backward(&ops.state, tape, &by_outputs, inputs.is_some()),
            Tape::F64(tape) => backward(&ops.state, tape, &by_outputs, inputs.is_some()),
        };
        if let (Some(node), Some(by_inputs)) = (inputs, by_inputs) {
            grads.register::<Flex>(node.id, by_inputs);
        }
        if let Some(node) = weights {
            grads.register::<Flex>(node.id, by_weights);
        }
    }
}

/// The examples and steps of a tensor [batch, step, feature].
fn batch_shape(shape: &burn::tensor::Shape) -> BatchShape {
    BatchShape { count: shape[0], steps: shape[1] }
}

fn forward(
    inputs: &FloatTensor<Flex>,
    weights: &FloatTensor<Flex>,
    network: &Network,
    keep: bool,
) -> (FloatTensor<Flex>, Tape) {
    fn run<T: Real + burn::tensor::Element + bytemuck::Pod>(
        inputs: &FloatTensor<Flex>,
        weights: &FloatTensor<Flex>,
        network: &Network,
        keep: bool,
    ) -> (FloatTensor<Flex>, Arc<Mutex<Workspace<T>>>) {
        let shape = batch_shape(&inputs.shape());
        let mut outputs = vec![T::ZERO; shape.count * shape.steps * network.outputs()];
        let (inputs, weights) = (inputs.to_contiguous(), weights.to_contiguous());
        let mut workspace = Workspace::default();
        network.forward(
            Kernels::best(),
            &mut workspace,
            weights.storage::<T>(),
            shape,
            inputs.storage::<T>(),
            &mut outputs,
            keep,
        );
        (tensor(outputs, [shape.count, shape.steps, network.outputs()]), Arc::new(Mutex::new(workspace)))
    }
    if inputs.dtype() == DType::F64 {
        let (outputs, tape) = run(inputs, weights, network, keep);
        (outputs, Tape::F64(tape))
    } else {
        let (outputs, tape) = run(inputs, weights, network, keep);
        (outputs, Tape::F32(tape))
    }
}

fn backward<T: Real + burn::tensor::Element + bytemuck::Pod>(
    state: &State,
    tape: &Mutex<Workspace<T>>,
    by_outputs: &FloatTensor<Flex>,
    to_inputs: bool,
) -> (Option<FloatTensor<Flex>>, FloatTensor<Flex>) {
    let (network, shape) = (&state.network, batch_shape(&state.inputs));
    let weights = state.weights.to_contiguous();
    let mut gradient = vec![[T::ZERO; PANEL]; pieces(network.weights())];
    let mut by_inputs = if to_inputs { vec![T::ZERO; state.inputs.num_elements()] } else { Vec::new() };
    // A panic of another thread leaves buffers that this pass writes before it reads them.
    let mut tape = tape.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let by_outputs = by_outputs.to_contiguous();
    let by_outputs = by_outputs.storage::<T>();
    let weights = weights.storage::<T>();
    network.backward(Kernels::best(), &mut tape, weights, shape, by_outputs, &mut gradient, &mut by_inputs);
    let by_inputs = to_inputs.then(|| tensor(by_inputs, [shape.count, shape.steps, network.inputs()]));
    let count = network.weights();
    (by_inputs, tensor(gradient.as_flattened()[..count].to_vec(), [count]))
}

fn tensor<T: Real + burn::tensor::Element, const D: usize>(
    values: Vec<T>,
    shape: [usize; D],
) -> FloatTensor<Flex> {
    <FloatTensor<Flex>>::from_data(TensorData::new(values, shape))
}
