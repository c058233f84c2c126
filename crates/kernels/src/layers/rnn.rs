//! A recurrent layer (Elman 1990): h(t) = tanh(z(t)), z(t) = x(t) W + h(t - 1) U + b, from h = 0.
//!
//! Backward through time (Werbos 1990, "Backpropagation through time", equations 9 to 14), from the last step:
//! dz(t) = (dy(t) + dz(t + 1) U') (1 - h(t)^2); then dW = sum of x(t)' dz(t), dU = sum of h(t - 1)' dz(t),
//! db = sum of dz(t), and dx(t) = dz(t) W'.

use std::ops::Range;

use super::{Extent, Pass, Place, Stepwise, TensorSpec, Weights};
use crate::functions::Activation;
use crate::products::{Rows, Start, pack_both};
use crate::real::{Real, Row};
use crate::simd::Kernels;

/// A recurrent layer. Weights: `input` [inputs, units], `recurrent` [units, units], `bias` `[units]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Rnn {
    /// Features of a sample.
    pub inputs: usize,
    /// Units of the state, which is also the output.
    pub units: usize,
}

impl Rnn {
    pub(super) fn tensors(&self) -> Vec<TensorSpec> {
        recurrent_tensors(self.inputs, self.units, 1)
    }
}

/// Tensors of a recurrent layer with so many gates.
pub(super) fn recurrent_tensors(inputs: usize, units: usize, gates: usize) -> Vec<TensorSpec> {
    let width = gates * units;
    vec![
        TensorSpec::matrix("input", vec![inputs, width], inputs, 1.0),
        TensorSpec::matrix("recurrent", vec![units, width], units, 0.5),
        TensorSpec::bias("bias", width),
    ]
}

/// The weights of a recurrent layer with so many gates, as they are and packed.
pub(super) struct Parts<'a, T: Real> {
    pub(super) bias: &'a [T],
    pub(super) input: [&'a [T]; 2],
    pub(super) recurrent: [&'a [T]; 2],
}

impl<'a, T: Real> Parts<'a, T> {
    /// Of packed matrices [inputs, width] and [units, width], each forward and backward.
    pub(super) fn of(weights: Weights<'a, T>, inputs: usize, units: usize, width: usize) -> Self {
        let (input, recurrent) = weights.packed.split_at(2 * inputs * width);
        let halves = |matrix: &'a [T]| matrix.split_at(matrix.len() / 2).into();
        Parts {
            bias: &weights.plain[(inputs + units) * width..],
            input: halves(input),
            recurrent: halves(recurrent),
        }
    }
}

/// Steps of a backward pass whose derivatives are turned into gradients together, while they are in the cache.
const STEPS_IN_CACHE: usize = 16;

/// The blocks of steps of a backward pass, last first.
pub(super) fn blocks(steps: usize) -> impl Iterator<Item = Range<usize>> {
    let count = steps.div_ceil(STEPS_IN_CACHE);
    (0..count).rev().map(move |i| i * STEPS_IN_CACHE..steps.min((i + 1) * STEPS_IN_CACHE))
}

/// The rows of a block of steps.
pub(super) fn at<'a, T>(all: Rows<'a, T>, block: &Range<usize>) -> Rows<'a, T> {
    Rows { rows: &all.rows[block.start * all.stride..], ..all }
}

/// Adds x' dz and the sum of dz over a block of steps to the gradients by an input matrix, or by columns of it, and by
/// a bias; the matrix has `width` columns.
pub(super) fn add_by_input<T: Real>(
    kernels: &Kernels<T>,
    x: Rows<T>,
    dz: Rows<T>,
    block: &Range<usize>,
    [matrix, bias]: [&mut [T]; 2],
    width: usize,
) {
    kernels.outer(at(x, block), at(dz, block), block.len(), matrix, width);
    kernels.row_sums(at(dz, block), block.len(), bias);
}

/// Adds h(t - 1)' dz(t) over a block of steps to the gradient by a recurrent matrix.
pub(super) fn add_by_recurrent<T: Real>(
    kernels: &Kernels<T>,
    h: Rows<T>,
    dz: Rows<T>,
    block: &Range<usize>,
    matrix: &mut [T],
) {
    // before the first step h is 0
    let later = block.start.max(1)..block.end;
    if !later.is_empty() {
        let before = later.start - 1..later.end - 1;
        kernels.outer(at(h, &before), at(dz, &later), later.len(), matrix, dz.width);
    }
}

/// Adds the derivative by the weights over a block of steps: of a layer with tensors `input`, `recurrent` and `bias`, of
/// sizes [inputs, units, width], from its inputs, its states, and the derivatives dz of the sums that its gates are
/// functions of.
pub(super) fn add_gradient_of<T: Real>(
    kernels: &Kernels<T>,
    [inputs, units, width]: [usize; 3],
    block: &Range<usize>,
    [x, h, dz]: [&[Row<T>]; 3],
    gradient: &mut [T],
) {
    let (by_input, rest) = gradient.split_at_mut(inputs * width);
    let (by_recurrent, by_bias) = rest.split_at_mut(units * width);
    let of_x = Rows { rows: x, stride: inputs, width: inputs };
    let of_h = Rows { rows: h, stride: units, width: units };
    let of_dz = Rows { rows: dz, stride: width, width };
    add_by_input(kernels, of_x, of_dz, block, [by_input, by_bias], width);
    add_by_recurrent(kernels, of_h, of_dz, block, by_recurrent);
}

/// Packs `input` and `recurrent` of a layer with so many gates in all.
pub(super) fn pack_recurrent<T: Real>(
    [inputs, units, width]: [usize; 3],
    rows: usize,
    plain: &[T],
    packed: &mut [T],
) {
    let (input, recurrent) = plain.split_at(inputs * width);
    let (packed_input, packed_recurrent) = packed.split_at_mut(2 * inputs * width);
    pack_both([inputs, width], rows, input, width, halves(packed_input));
    pack_both([units, width], rows, recurrent, width, halves(packed_recurrent));
}

/// Both halves of a packed matrix: forward and backward.
pub(super) fn halves<T>(packed: &mut [T]) -> [&mut [T]; 2] {
    packed.split_at_mut(packed.len() / 2).into()
}

impl<T: Real> Pass<T> for Rnn {
    fn packed(&self) -> usize {
        2 * (self.inputs + self.units) * self.units
    }

    fn pack(&self, rows: usize, plain: &[T], packed: &mut [T]) {
        pack_recurrent([self.inputs, self.units, self.units], rows, plain, packed);
    }

    fn saved(&self, _steps: usize) -> usize {
        0
    }

    fn forward(
        &self,
        weights: Weights<T>,
        extent: Extent,
        x: &[Row<T>],
        y: &mut [Row<T>],
        _saved: &mut [Row<T>],
        _keep: bool,
    ) {
        let panels = x.chunks_exact(extent.steps * self.inputs);
        for (x, y) in panels.zip(y.chunks_exact_mut(extent.steps * self.units)) {
            for (t, x) in x.chunks_exact(self.inputs).enumerate() {
                self.forward_at(weights, Place { steps: extent.steps, t }, x, y, &mut []);
            }
        }
    }

    fn backward(
        &self,
        weights: Weights<T>,
        extent: Extent,
        x: &[Row<T>],
        y: &[Row<T>],
        _saved: &mut [Row<T>],
        dy: &mut [Row<T>],
        dx: &mut [Row<T>],
        gradient: &mut [T],
    ) {
        let (kernels, units, steps) = (weights.kernels, self.units, extent.steps);
        let parts = Parts::of(weights, self.inputs, units, units);
        for panel in 0..extent.panels {
            let x = &x[panel * steps * self.inputs..(panel + 1) * steps * self.inputs];
            let h = &y[panel * steps * units..(panel + 1) * steps * units];
            let dz = &mut dy[panel * steps * units..(panel + 1) * steps * units];
            for block in blocks(steps) {
                for t in block.clone().rev() {
                    self.slope_at(kernels, &parts, Place { steps, t }, h, dz);
                }
                add_gradient_of(kernels, self.sizes(), &block, [x, h, dz], gradient);
            }
            let dx = dx.chunks_exact_mut(self.inputs).skip(panel * steps);
            for (dz, dx) in dz.chunks_exact(units).zip(dx) {
                kernels.product(parts.input[1], dz, Start::Zero, dx);
            }
        }
    }
}

impl Rnn {
    /// As [`add_gradient_of`] takes them.
    fn sizes(&self) -> [usize; 3] {
        [self.inputs, self.units, self.units]
    }

    /// The derivative by what tanh is taken of at step `t`, in the place of that by h(t).
    fn slope_at<T: Real>(
        &self,
        kernels: &Kernels<T>,
        parts: &Parts<T>,
        Place { steps, t }: Place,
        h: &[Row<T>],
        dz: &mut [Row<T>],
    ) {
        let units = self.units;
        let (now, next) = dz.split_at_mut((t + 1) * units);
        let now = &mut now[t * units..];
        if t + 1 < steps {
            kernels.product(parts.recurrent[1], &next[..units], Start::Present, now);
        }
        kernels.rnn_slope(&h[t * units..(t + 1) * units], now);
    }
}

impl<T: Real> Stepwise<T> for Rnn {
    fn forward_at(
        &self,
        weights: Weights<T>,
        Place { t, .. }: Place,
        x: &[Row<T>],
        y: &mut [Row<T>],
        _saved: &mut [Row<T>],
    ) {
        let (kernels, units) = (weights.kernels, self.units);
        let parts = Parts::of(weights, self.inputs, units, units);
        let (past, now) = y.split_at_mut(t * units);
        let now = &mut now[..units];
        kernels.product(parts.input[0], x, Start::Bias(parts.bias), now);
        if t > 0 {
            kernels.product(parts.recurrent[0], &past[(t - 1) * units..], Start::Present, now);
        }
        kernels.activate(Activation::Tanh, now, &mut []);
    }

    fn backward_at(
        &self,
        weights: Weights<T>,
        Place { steps, t }: Place,
        y: &[Row<T>],
        _saved: &mut [Row<T>],
        dy: &mut [Row<T>],
        dx: &mut [Row<T>],
    ) {
        let (kernels, units) = (weights.kernels, self.units);
        let parts = Parts::of(weights, self.inputs, units, units);
        self.slope_at(kernels, &parts, Place { steps, t }, y, dy);
        kernels.product(parts.input[1], &dy[t * units..(t + 1) * units], Start::Present, dx);
    }

    fn add_gradient(
        &self,
        kernels: &Kernels<T>,
        steps: usize,
        x: &[Row<T>],
        y: &[Row<T>],
        _saved: &[Row<T>],
        dy: &[Row<T>],
        gradient: &mut [T],
    ) {
        for block in blocks(steps) {
            add_gradient_of(kernels, self.sizes(), &block, [x, y, dy], gradient);
        }
    }

    fn shift(&self, y: &mut [Row<T>], _saved: &mut [Row<T>]) {
        y.copy_within(self.units.., 0);
    }
}
