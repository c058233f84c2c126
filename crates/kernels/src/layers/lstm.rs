//! Long short-term memory (Hochreiter and Schmidhuber 1997; with the forget gate of Gers et al. 2000).
//!
//! z(t) = x(t) W + h(t - 1) U + b in four parts: i = sigmoid(z1), f = sigmoid(z2), g = tanh(z3),
//! o = sigmoid(z4); c(t) = f c(t - 1) + i g; h(t) = o tanh(c(t)); from h = c = 0.
//!
//! Backward, from the last step, with dh(t) = dy(t) + dz(t + 1) U' and
//! dc(t) = dc(t + 1) f(t + 1) + dh(t) o (1 - tanh(c)^2):
//! dz1 = dc g i (1 - i), dz2 = dc c(t - 1) f (1 - f), dz3 = dc i (1 - g^2), dz4 = dh tanh(c) o (1 - o).
//! The weights follow as in a recurrent layer.

use super::rnn::{Parts, add_gradient_of, blocks, pack_recurrent, recurrent_tensors};
use super::{Extent, Pass, Place, Stepwise, TensorSpec, Weights};
use crate::products::Start;
use crate::real::{Real, Row};
use crate::simd::Kernels;

/// An LSTM. Weights: `input` [inputs, 4 units], `recurrent` [units, 4 units], `bias` [4 units], gates in the
/// order i, f, g, o.
#[derive(Clone, Debug, PartialEq)]
pub struct Lstm {
    /// Features of a sample.
    pub inputs: usize,
    /// Units of the state, which is also the output.
    pub units: usize,
}

impl Lstm {
    pub(super) fn tensors(&self) -> Vec<TensorSpec> {
        recurrent_tensors(self.inputs, self.units, 4)
    }
}

impl<T: Real> Pass<T> for Lstm {
    fn packed(&self) -> usize {
        8 * (self.inputs + self.units) * self.units
    }

    fn pack(&self, rows: usize, plain: &[T], packed: &mut [T]) {
        pack_recurrent([self.inputs, self.units, 4 * self.units], rows, plain, packed);
    }

    /// Gates [step, 4 units], cells [step, 2 units], and the derivative by the cell [units].
    fn saved(&self, steps: usize) -> usize {
        (6 * steps + 1) * self.units
    }

    fn forward(
        &self,
        weights: Weights<T>,
        extent: Extent,
        x: &[Row<T>],
        y: &mut [Row<T>],
        saved: &mut [Row<T>],
        _keep: bool,
    ) {
        let (units, steps) = (self.units, extent.steps);
        let parts = Parts::of(weights, self.inputs, units, 4 * units);
        let buffers = y.chunks_exact_mut(steps * units).zip(saved.chunks_exact_mut((6 * steps + 1) * units));
        for (x, (y, saved)) in x.chunks_exact(steps * self.inputs).zip(buffers) {
            let (gates, cells) = saved.split_at_mut(4 * steps * units);
            for (x, gates) in x.chunks_exact(self.inputs).zip(gates.chunks_exact_mut(4 * units)) {
                weights.kernels.product(parts.input[0], x, Start::Bias(parts.bias), gates);
            }
            for (t, gates) in gates.chunks_exact_mut(4 * units).enumerate() {
                self.recur(weights.kernels, &parts, t, gates, cells, y);
            }
        }
    }

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
    ) {
        let (kernels, units, steps) = (weights.kernels, self.units, extent.steps);
        let width = 4 * units;
        let parts = Parts::of(weights, self.inputs, units, width);
        for panel in 0..extent.panels {
            let x = &x[panel * steps * self.inputs..(panel + 1) * steps * self.inputs];
            let h = &y[panel * steps * units..(panel + 1) * steps * units];
            let dy = &mut dy[panel * steps * units..(panel + 1) * steps * units];
            let saved = &mut saved[panel * (6 * steps + 1) * units..][..(6 * steps + 1) * units];
            for block in blocks(steps) {
                for t in block.clone().rev() {
                    self.slope_at(kernels, &parts, Place { steps, t }, saved, dy);
                }
                add_gradient_of(kernels, self.sizes(), &block, [x, h, &saved[..width * steps]], gradient);
            }
            let dx = dx.chunks_exact_mut(self.inputs).skip(panel * steps);
            for (dz, dx) in saved[..width * steps].chunks_exact(width).zip(dx) {
                kernels.product(parts.input[1], dz, Start::Zero, dx);
            }
        }
    }
}

impl Lstm {
    /// As [`add_gradient_of`] takes them.
    fn sizes(&self) -> [usize; 3] {
        [self.inputs, self.units, 4 * self.units]
    }

    /// h(t) and the cell at step `t`, from gates that hold what the input adds to them.
    fn recur<T: Real>(
        &self,
        kernels: &Kernels<T>,
        parts: &Parts<T>,
        t: usize,
        gates: &mut [Row<T>],
        cells: &mut [Row<T>],
        y: &mut [Row<T>],
    ) {
        let units = self.units;
        let (past, now) = y.split_at_mut(t * units);
        let (cells_past, cells) = cells.split_at_mut(2 * t * units);
        let before = if t > 0 {
            kernels.product(parts.recurrent[0], &past[(t - 1) * units..], Start::Present, gates);
            &cells_past[2 * (t - 1) * units..][..units]
        } else {
            &[]
        };
        kernels.lstm_forward(gates, before, &mut cells[..2 * units], &mut now[..units]);
    }

    /// The derivatives by the gates of step `t`, before their functions, in the place of the gates.
    fn slope_at<T: Real>(
        &self,
        kernels: &Kernels<T>,
        parts: &Parts<T>,
        Place { steps, t }: Place,
        saved: &mut [Row<T>],
        dy: &mut [Row<T>],
    ) {
        let (units, width) = (self.units, 4 * self.units);
        let (gates, cells) = saved.split_at_mut(width * steps);
        let (cells, dc) = cells.split_at_mut(2 * steps * units);
        let (now, next) = gates.split_at_mut((t + 1) * width);
        let dh = &mut dy[t * units..(t + 1) * units];
        if t + 1 < steps {
            kernels.product(parts.recurrent[1], &next[..width], Start::Present, dh);
        } else {
            dc.fill(Row::ZERO);
        }
        let before = if t > 0 { &cells[2 * (t - 1) * units..][..units] } else { &[] };
        let cells = [before, &cells[2 * t * units..][..2 * units]];
        kernels.lstm_backward(&mut now[t * width..], cells, dh, dc);
    }
}

impl<T: Real> Stepwise<T> for Lstm {
    fn forward_at(
        &self,
        weights: Weights<T>,
        Place { steps, t }: Place,
        x: &[Row<T>],
        y: &mut [Row<T>],
        saved: &mut [Row<T>],
    ) {
        let width = 4 * self.units;
        let parts = Parts::of(weights, self.inputs, self.units, width);
        let (gates, cells) = saved.split_at_mut(width * steps);
        let gates = &mut gates[t * width..(t + 1) * width];
        weights.kernels.product(parts.input[0], x, Start::Bias(parts.bias), gates);
        self.recur(weights.kernels, &parts, t, gates, cells, y);
    }

    fn backward_at(
        &self,
        weights: Weights<T>,
        Place { steps, t }: Place,
        _y: &[Row<T>],
        saved: &mut [Row<T>],
        dy: &mut [Row<T>],
        dx: &mut [Row<T>],
    ) {
        let width = 4 * self.units;
        let parts = Parts::of(weights, self.inputs, self.units, width);
        self.slope_at(weights.kernels, &parts, Place { steps, t }, saved, dy);
        weights.kernels.product(parts.input[1], &saved[t * width..(t + 1) * width], Start::Present, dx);
    }

    fn add_gradient(
        &self,
        kernels: &Kernels<T>,
        steps: usize,
        x: &[Row<T>],
        y: &[Row<T>],
        saved: &[Row<T>],
        _dy: &[Row<T>],
        gradient: &mut [T],
    ) {
        let gates = &saved[..4 * self.units * steps];
        for block in blocks(steps) {
            add_gradient_of(kernels, self.sizes(), &block, [x, y, gates], gradient);
        }
    }

    fn shift(&self, y: &mut [Row<T>], saved: &mut [Row<T>]) {
        y.copy_within(self.units.., 0);
        let cells = &mut saved[8 * self.units..];
        cells.copy_within(2 * self.units..4 * self.units, 0);
    }
}
