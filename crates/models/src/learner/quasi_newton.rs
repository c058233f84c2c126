//! Any network by limited-memory BFGS, in f64 on one batch.

use dataset::Batch;
use kernels::Lbfgs;

use super::{At, Differentiable, Learner, ended};
use crate::tensors::{TensorError, Tensors};

/// A loss with the method that makes it small.
pub(crate) struct QuasiNewton<D> {
    function: D,
    method: Lbfgs,
    weights: Vec<f64>,
    gradient_tolerance: f64,
    step_tolerance: f64,
    converged: Option<&'static str>,
}

impl<D: Differentiable> QuasiNewton<D> {
    /// Trains with a memory of so many steps, until the gradient or a step is below its tolerance.
    pub(crate) fn new(function: D, memory: usize, gradient_tolerance: f64, step_tolerance: f64) -> Self {
        let (method, weights) = (Lbfgs::new(memory), function.vector());
        QuasiNewton { function, method, weights, gradient_tolerance, step_tolerance, converged: None }
    }
}

impl<D: Differentiable> Learner for QuasiNewton<D> {
    fn step(&mut self, batch: &Batch, _at: At) -> f64 {
        let QuasiNewton { function, method, weights, .. } = self;
        let stepped = method.step(weights, &mut |weights, gradient| {
            function.set_vector(weights);
            // One number for all steps: the loss must be the same function at each.
            function.slope(batch, 0, gradient)
        });
        function.set_vector(weights);
        self.converged = ended(&stepped, self.gradient_tolerance, self.step_tolerance);
        if stepped.gradient.is_finite() { stepped.loss } else { stepped.gradient }
    }

    fn loss(&mut self, batch: &Batch) -> f64 {
        self.function.value(batch)
    }

    fn converged(&self) -> Option<&'static str> {
        self.converged
    }

    fn weights(&self) -> Tensors {
        self.function.named()
    }

    fn optimizer_state(&self) -> Tensors {
        let mut state = Tensors::default();
        for (name, values) in self.method.state() {
            state.insert_f64(name, values);
        }
        state
    }

    fn restore(&mut self, weights: &Tensors, optimizer_state: &Tensors) -> Result<(), TensorError> {
        let weights = self.function.read(weights)?;
        self.method.restore(|name| optimizer_state.f64(name).ok()).map_err(TensorError)?;
        self.function.set_vector(&weights);
        self.weights = weights;
        Ok(())
    }
}
