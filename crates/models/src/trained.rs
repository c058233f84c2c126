//! Trained networks as forecasters: increments by the network, states in f64.

use std::sync::{Mutex, PoisonError};

use dataset::Normalisation;
use forecast::{Forecast, Forecaster};
use kernels::{BatchShape, Kernels, Real, Workspace};

use crate::learner::{Dropout, Network};
use crate::machine::{Machine, values};
use crate::recent::Recent;

/// A trained network with its scales.
pub(crate) struct Trained<M> {
    pub(crate) model: M,
    pub(crate) window: usize,
    pub(crate) normalisation: Normalisation,
}

/// What gives the increments after the last samples.
pub(crate) trait Increments: Sync {
    /// From scaled inputs [start, window, feature] the scaled increments [start, component].
    fn increments(&self, inputs: &[f64], shape: [usize; 3]) -> Vec<f64>;
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
    pub(crate) machine: Machine,
}

impl<N: Network> Increments for OnDevice<N> {
    fn increments(&self, inputs: &[f64], shape: [usize; 3]) -> Vec<f64> {
        let outputs = self.network.forward(self.machine.tensor(inputs, shape), &mut Dropout::none());
        let [_, samples, _] = outputs.dims();
        values(outputs.narrow(1, samples - 1, 1)) // [batch, 1, component]
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
}

impl<T: Real> Increments for OnKernels<T> {
    fn increments(&self, inputs: &[f64], [count, steps, _]: [usize; 3]) -> Vec<f64> {
        let dim = self.network.outputs();
        let mut outputs = vec![0.0; count * steps * dim];
        // Taken, so that no lock is held while the network runs: a thread that waits for another part of it may take up
        // a second forecast by this very model.
        let taken = || self.workspace.lock().unwrap_or_else(PoisonError::into_inner);
        let mut workspace = std::mem::take(&mut *taken());
        let (shape, weights) = (BatchShape { count, steps }, &self.weights);
        self.network.forward(Kernels::best(), &mut workspace, weights, shape, inputs, &mut outputs, false);
        *taken() = workspace;
        outputs.chunks_exact(steps * dim).flat_map(|all| &all[(steps - 1) * dim..]).copied().collect()
    }
}
