//! Trained networks as forecasters: increments by the network, states in f64.

use std::sync::{Mutex, PoisonError};

use dataset::Normalisation;
use forecast::{Forecast, Forecaster, Tangent};
use kernels::{BatchShape, Kernels, PANEL, Real, Workspace, pieces};
use trajectory::Precision;

use crate::derivatives::{Derived, OfWindow, by_backward, once, repeated};
use crate::learner::{Dropout, Network};
use crate::machine::{Machine, values};
use crate::recent::Recent;
use crate::stack::Stack;
use crate::windows::taken;

/// A trained network with its scales.
pub(crate) struct Trained<M> {
    pub(crate) model: M,
    pub(crate) window: usize,
    pub(crate) normalisation: Normalisation,
}

/// What gives the increments after the last samples.
pub(crate) trait Increments: Send + Sync {
    /// From scaled inputs [start, window, feature] the scaled increments [start, component].
    fn increments(&self, inputs: &[f64], shape: [usize; 3]) -> Vec<f64>;

    /// The same with their derivatives by the inputs.
    fn derivatives(&self, inputs: &[f64], shape: [usize; 3]) -> Derived;
}

impl<M: Increments> Forecaster for Trained<M> {
    fn window(&self) -> usize {
        self.window
    }

    fn dim(&self) -> usize {
        self.normalisation.dim()
    }

    fn known_dim(&self) -> usize {
        self.normalisation.features() - self.dim()
    }

    fn begin<'a>(&'a self, histories: &[f64], known: &[f64]) -> Box<dyn Forecast + 'a> {
        let recent = Recent::new(&self.normalisation, self.window, histories, known);
        Box::new(Running { trained: self, recent })
    }

    fn begin_tangent<'a>(&'a self, histories: &[f64], known: &[f64]) -> Option<Box<dyn Tangent + 'a>> {
        let derive = |inputs: &[f64], shape| self.model.derivatives(inputs, shape);
        OfWindow::boxed(&self.normalisation, self.window, [histories, known], derive)
    }
}

/// Forecasts by a trained network.
struct Running<'a, M> {
    trained: &'a Trained<M>,
    recent: Recent<'a>,
}

impl<M: Increments> Forecast for Running<'_, M> {
    fn advance(&mut self, known: &[f64], next: &mut [f64]) {
        let Trained { model, window, normalisation } = self.trained;
        let shape = [self.recent.count(), *window, normalisation.features()];
        let increments = model.increments(self.recent.complete(known), shape);
        self.recent.add(&increments, next);
    }
}

/// Any network, on a device of Burn.
pub(crate) struct OnDevice<N> {
    pub(crate) network: N,
    /// Outputs of a sample.
    pub(crate) outputs: usize,
    pub(crate) machine: Machine,
}

impl<N: Network> Increments for OnDevice<N> {
    fn increments(&self, inputs: &[f64], shape: [usize; 3]) -> Vec<f64> {
        let outputs = self.network.forward(self.machine.tensor(inputs, shape), &mut Dropout::none());
        let [_, samples, _] = outputs.dims();
        values(outputs.narrow(1, samples - 1, 1)) // [batch, 1, component]
    }

    fn derivatives(&self, inputs: &[f64], shape: [usize; 3]) -> Derived {
        // of the derivatives by the weights there is no need
        let network = self.network.clone().train().no_grad();
        let map = |x| network.forward(x, &mut Dropout::none());
        by_backward(&self.machine, map, inputs, shape, self.outputs)
    }
}

/// Layers on the kernels of this project, in the precision they were trained in.
pub(crate) struct OnKernels<T: Real> {
    network: kernels::Network,
    weights: Vec<T>,
    workspace: Mutex<Workspace<T>>,
}

impl<T: Real> OnKernels<T> {
    /// With weights in the order of [`kernels::Network::tensors`].
    pub(crate) fn new(network: kernels::Network, weights: &[f64]) -> Self {
        let weights = weights.iter().map(|&x| T::from_f64(x)).collect();
        OnKernels { network, weights, workspace: Mutex::default() }
    }

    /// The workspace, taken, so that no lock is held while the network runs: a thread that waits for another part of it
    /// may take up a second forecast by this very model.
    fn take_workspace(&self) -> Workspace<T> {
        std::mem::take(&mut *self.workspace.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn put_back(&self, workspace: Workspace<T>) {
        *self.workspace.lock().unwrap_or_else(PoisonError::into_inner) = workspace;
    }
}

impl<T: Real> Increments for OnKernels<T> {
    fn increments(&self, inputs: &[f64], shape: [usize; 3]) -> Vec<f64> {
        let dim = self.network.outputs();
        let BatchShape { count, steps } = taken(self.network.inputs(), shape);
        let mut outputs = vec![0.0; count * steps * dim];
        let mut workspace = self.take_workspace();
        let (shape, weights) = (BatchShape { count, steps }, &self.weights);
        self.network.forward(Kernels::best(), &mut workspace, weights, shape, inputs, &mut outputs, false);
        self.put_back(workspace);
        outputs.chunks_exact(steps * dim).flat_map(|all| &all[(steps - 1) * dim..]).copied().collect()
    }

    fn derivatives(&self, inputs: &[f64], shape: [usize; 3]) -> Derived {
        let BatchShape { count, steps } = taken(self.network.inputs(), shape);
        let (network, weights, kernels) = (&self.network, &self.weights, Kernels::best());
        let dim = network.outputs();
        let (inputs, shape) = (repeated(inputs, count, dim), BatchShape { count: count * dim, steps });
        let mut outputs = vec![0.0; shape.count * steps * dim];
        let mut by_inputs = vec![0.0; inputs.len()];
        let mut by_weights = vec![[T::ZERO; PANEL]; pieces(network.weights())];
        let mut workspace = self.take_workspace();
        network.forward(kernels, &mut workspace, weights, shape, &inputs, &mut outputs, true);
        let last = |row: usize| (row + 1) * steps * dim - dim;
        let newest: Vec<f64> =
            (0..shape.count).flat_map(|row| &outputs[last(row)..][..dim]).copied().collect();
        outputs.fill(0.0);
        (0..shape.count).for_each(|row| outputs[last(row) + row % dim] = 1.0);
        network.backward(kernels, &mut workspace, weights, shape, &outputs, &mut by_weights, &mut by_inputs);
        self.put_back(workspace);
        Derived { outputs: once(&newest, dim), by_inputs }
    }
}

/// Layers on the kernels of this project where they run on those, else on the device.
pub(crate) fn increments_of(stack: &Stack, machine: &Machine) -> Box<dyn Increments> {
    match (stack.kernels(), machine.precision) {
        (Some((layers, weights)), Precision::F32) => {
            Box::new(OnKernels::<f32>::new(layers.clone(), &weights))
        }
        (Some((layers, weights)), Precision::F64) => {
            Box::new(OnKernels::<f64>::new(layers.clone(), &weights))
        }
        (None, _) => {
            let (network, outputs) = (stack.clone(), stack.network().outputs());
            Box::new(OnDevice { network, outputs, machine: machine.clone() })
        }
    }
}
