//! A feed-forward network by the method of Levenberg and Marquardt, in f64.

use dataset::Batch;
use kernels::LevenbergMarquardt;

use super::{At, Learner, ended};
use trajectory::Precision;

use crate::parameters::{named, read_named};
use crate::tensors::{TensorError, Tensors};
use crate::windows::targets;

/// The method with the tolerances at which it ends.
pub(crate) struct LeastSquares {
    method: LevenbergMarquardt,
    /// Number of inputs of the first layer.
    inputs: usize,
    layout: Vec<(String, Vec<usize>)>,
    gradient_tolerance: f64,
    step_tolerance: f64,
    converged: Option<&'static str>,
}

impl LeastSquares {
    /// Trains with `method`, on layers with so many inputs, until the gradient or a step is below its tolerance.
    pub(crate) fn new(
        method: LevenbergMarquardt,
        inputs: usize,
        layout: Vec<(String, Vec<usize>)>,
        gradient_tolerance: f64,
        step_tolerance: f64,
    ) -> Self {
        LeastSquares { method, inputs, layout, gradient_tolerance, step_tolerance, converged: None }
    }
}

impl Learner for LeastSquares {
    fn step(&mut self, batch: &Batch, _at: At) -> f64 {
        let [count, ..] = batch.shape;
        let stepped = self.method.step(count, &batch.inputs, &targets(self.inputs, batch));
        self.converged = ended(&stepped, self.gradient_tolerance, self.step_tolerance);
        if stepped.gradient.is_finite() { stepped.loss } else { stepped.gradient }
    }

    fn loss(&mut self, batch: &Batch) -> f64 {
        let [count, ..] = batch.shape;
        self.method.loss(count, &batch.inputs, &targets(self.inputs, batch))
    }

    fn converged(&self) -> Option<&'static str> {
        self.converged
    }

    fn weights(&self) -> Tensors {
        named(&self.layout, self.method.weights(), Precision::F64)
    }

    fn optimizer_state(&self) -> Tensors {
        let mut state = Tensors::default();
        state.insert_f64("damping", self.method.damping().to_vec());
        state
    }

    fn restore(&mut self, weights: &Tensors, optimizer_state: &Tensors) -> Result<(), TensorError> {
        let weights = read_named(&self.layout, weights)?;
        let &[damping, growth] = optimizer_state.f64("damping")? else {
            return Err(TensorError("tensor damping must hold two numbers".into()));
        };
        self.method.restore(&weights, [damping, growth]);
        Ok(())
    }
}
