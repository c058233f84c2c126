//! The layers, one file each: its equation, its derivation by hand, and both passes.
//!
//! A layer takes a sequence of `steps` samples to one of as many, [step, input] -> [step, output], for each of
//! many examples. Examples stand in panels of [`PANEL`]; a buffer is [panel, step, feature] of rows.

mod convolution;
mod dense;
mod gru;
mod lstm;
mod rnn;

pub use convolution::{Conv1d, Conv2d, Padding};
pub use dense::Dense;
pub use gru::Gru;
pub use lstm::Lstm;
pub use rnn::Rnn;

use crate::real::{Real, Row};
use crate::simd::Kernels;

/// One layer of a network.
#[derive(Clone, Debug, PartialEq)]
pub enum Layer {
    /// Units that see the sample of their step.
    Dense(Dense),
    /// A recurrent network (Elman 1990).
    Rnn(Rnn),
    /// Long short-term memory (Hochreiter and Schmidhuber 1997).
    Lstm(Lstm),
    /// Gated recurrent units (Cho et al. 2014).
    Gru(Gru),
    /// A convolution over the steps.
    Conv1d(Conv1d),
    /// A convolution over a grid, whose points are the steps.
    Conv2d(Conv2d),
}

/// A tensor of weights.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorSpec {
    /// Its name within the layer.
    pub name: &'static str,
    /// Its shape; values stand in row-major order.
    pub shape: Vec<usize>,
    /// First values are uniform between this and its negative: gain sqrt(3 / inputs) for a matrix, 0 for a bias.
    /// With gain 1 a sum of inputs of variance 1 has variance 1 (LeCun et al. 1998, "Efficient BackProp", 4.6);
    /// recurrent matrices have gain 1/2, so that the past does not drown the input.
    pub bound: f64,
}

impl TensorSpec {
    /// A matrix by which each output is a sum of `inputs` numbers.
    fn matrix(name: &'static str, shape: Vec<usize>, inputs: usize, gain: f64) -> Self {
        TensorSpec { name, shape, bound: gain * (3.0 / inputs as f64).sqrt() }
    }

    fn bias(name: &'static str, outputs: usize) -> Self {
        TensorSpec { name, shape: vec![outputs], bound: 0.0 }
    }

    /// Number of values.
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }
}

impl Layer {
    /// Features of a sample that it takes.
    pub fn inputs(&self) -> usize {
        match self {
            Layer::Dense(layer) => layer.inputs,
            Layer::Rnn(layer) => layer.inputs,
            Layer::Lstm(layer) => layer.inputs,
            Layer::Gru(layer) => layer.inputs,
            Layer::Conv1d(layer) => layer.inputs,
            Layer::Conv2d(layer) => layer.inputs,
        }
    }

    /// Features of a sample that it gives.
    pub fn outputs(&self) -> usize {
        match self {
            Layer::Dense(layer) => layer.outputs,
            Layer::Rnn(layer) => layer.units,
            Layer::Lstm(layer) => layer.units,
            Layer::Gru(layer) => layer.units,
            Layer::Conv1d(layer) => layer.outputs,
            Layer::Conv2d(layer) => layer.outputs,
        }
    }

    /// Its tensors in the order in which they stand in the vector of weights.
    pub fn tensors(&self) -> Vec<TensorSpec> {
        match self {
            Layer::Dense(layer) => layer.tensors(),
            Layer::Rnn(layer) => layer.tensors(),
            Layer::Lstm(layer) => layer.tensors(),
            Layer::Gru(layer) => layer.tensors(),
            Layer::Conv1d(layer) => layer.tensors(),
            Layer::Conv2d(layer) => layer.tensors(),
        }
    }

    /// The layer as one that can go step by step; `None` for a convolution, which sees other steps at once.
    pub(crate) fn stepwise<T: Real>(&self) -> Option<&dyn Stepwise<T>> {
        match self {
            Layer::Dense(layer) => Some(layer),
            Layer::Rnn(layer) => Some(layer),
            Layer::Lstm(layer) => Some(layer),
            Layer::Gru(layer) => Some(layer),
            Layer::Conv1d(_) | Layer::Conv2d(_) => None,
        }
    }

    pub(crate) fn pass<T: Real>(&self) -> &dyn Pass<T> {
        match self {
            Layer::Dense(layer) => layer,
            Layer::Rnn(layer) => layer,
            Layer::Lstm(layer) => layer,
            Layer::Gru(layer) => layer,
            Layer::Conv1d(layer) => layer,
            Layer::Conv2d(layer) => layer,
        }
    }
}

/// Panels and steps of the buffers of a pass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Extent {
    pub(crate) panels: usize,
    pub(crate) steps: usize,
}

/// Weights of a layer, as they are and packed.
#[derive(Clone, Copy)]
pub(crate) struct Weights<'a, T: Real> {
    pub(crate) kernels: &'a Kernels<T>,
    pub(crate) plain: &'a [T],
    pub(crate) packed: &'a [T],
}

/// What a layer computes. All buffers have the lengths that `extent` gives them.
pub(crate) trait Pass<T: Real> {
    /// Numbers of the packed weights.
    fn packed(&self) -> usize;

    /// Packs the weights for blocks of `rows`.
    fn pack(&self, rows: usize, plain: &[T], packed: &mut [T]);

    /// Rows a panel that it keeps from the forward to the backward pass.
    fn saved(&self, steps: usize) -> usize;

    /// y from x. Without `keep` no backward pass will follow.
    fn forward(
        &self,
        weights: Weights<T>,
        extent: Extent,
        x: &[Row<T>],
        y: &mut [Row<T>],
        saved: &mut [Row<T>],
        keep: bool,
    );

    /// From the derivative of the loss by y that by x, unless `dx` is empty, and that by the weights, which is
    /// added to `gradient`. May destroy `saved` and `dy`.
    #[allow(clippy::too_many_arguments)] // all that a backward pass is made of
    fn backward(
        &self,
        weights: Weights<T>,
        extent: Extent,
        x: &[Row<T>],
        y: &[Row<T>],
        saved: &mut [Row<T>],
        dy: &mut [Row<T>],
        dx: &mut [Row<T>],
        gradient: &mut [T],
    );
}

/// A step of a sequence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    /// Its number, counted from 0.
    pub(crate) t: usize,
    /// Steps of the sequence.
    pub(crate) steps: usize,
}

/// A layer that can go through the sequence of one panel step by step, so that what a network gives after one step can
/// become its input at the next. Buffers are those of one panel over all `steps`, but for `x` and `dx`, the rows of one step.
pub(crate) trait Stepwise<T: Real>: Pass<T> + Sync {
    /// y(t) from x(t), after all steps before.
    fn forward_at(
        &self,
        weights: Weights<T>,
        place: Place,
        x: &[Row<T>],
        y: &mut [Row<T>],
        saved: &mut [Row<T>],
    );

    /// After all later steps, and with all of the derivative by y(t) gathered in `dy` but for what the layer's own
    /// memory adds: adds the derivative by x(t) to `dx`, unless that is empty. Leaves in `saved` and `dy` what
    /// [`Stepwise::add_gradient`] needs.
    #[allow(clippy::too_many_arguments)] // all that a backward pass is made of
    fn backward_at(
        &self,
        weights: Weights<T>,
        place: Place,
        y: &[Row<T>],
        saved: &mut [Row<T>],
        dy: &mut [Row<T>],
        dx: &mut [Row<T>],
    );

    /// After [`Stepwise::backward_at`] at all steps: adds the derivative by the weights to `gradient`. Here `x` has all
    /// steps.
    #[allow(clippy::too_many_arguments)]
    fn add_gradient(
        &self,
        kernels: &Kernels<T>,
        steps: usize,
        x: &[Row<T>],
        y: &[Row<T>],
        saved: &[Row<T>],
        dy: &[Row<T>],
        gradient: &mut [T],
    );

    /// Of a sequence of two steps, makes the memory after the second that after the first.
    fn shift(&self, y: &mut [Row<T>], saved: &mut [Row<T>]);
}
