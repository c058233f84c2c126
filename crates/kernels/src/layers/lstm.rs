//! Long short-term memory (Hochreiter and Schmidhuber 1997; with the forget gate of Gers et al. 2000).
//!
//! z(t) = x(t) W + h(t - 1) U + b in four parts: i = sigmoid(z1), f = sigmoid(z2), g = tanh(z3),
//! o = sigmoid(z4); c(t) = f c(t - 1) + i g; h(t) = o tanh(c(t)); from h = c = 0.
//!
//! Backward, from the last step, with dh(t) = dy(t) + dz(t + 1) U' and
//! dc(t) = dc(t + 1) f(t + 1) + dh(t) o (1 - tanh(c)^2):
//! dz1 = dc g i (1 - i), dz2 = dc c(t - 1) f (1 - f), dz3 = dc i (1 - g^2), dz4 = dh tanh(c) o (1 - o).
//! The weights follow as in a recurrent layer.

use super::rnn::{Parts, add_by_input, add_by_recurrent, blocks, pack_recurrent, recurrent_tensors};
use super::{Extent, Pass, TensorSpec, Weights};
use crate::products::{Rows, Start};
use crate::real::{Real, Row};

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
        let (kernels, units, steps) = (weights.kernels, self.units, extent.steps);
        let parts = Parts::of(weights, self.inputs, units, 4 * units);
        let buffers = y.chunks_exact_mut(steps * units).zip(saved.chunks_exact_mut((6 * steps + 1) * units));
        for (x, (y, saved)) in x.chunks_exact(steps * self.inputs).zip(buffers) {
            let (gates, cells) = saved.split_at_mut(4 * steps * units);
            for (x, gates) in x.chunks_exact(self.inputs).zip(gates.chunks_exact_mut(4 * units)) {
                kernels.product(parts.input[0], x, Start::Bias(parts.bias), gates);
            }
            for (t, gates) in gates.chunks_exact_mut(4 * units).enumerate() {
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
        let (by_input, rest) = gradient.split_at_mut(self.inputs * width);
        let (by_recurrent, by_bias) = rest.split_at_mut(units * width);
        for panel in 0..extent.panels {
            let x = &x[panel * steps * self.inputs..(panel + 1) * steps * self.inputs];
            let h = &y[panel * steps * units..(panel + 1) * steps * units];
            let dy = &mut dy[panel * steps * units..(panel + 1) * steps * units];
            let saved = &mut saved[panel * (6 * steps + 1) * units..][..(6 * steps + 1) * units];
            let (gates, cells) = saved.split_at_mut(width * steps);
            let (cells, dc) = cells.split_at_mut(2 * steps * units);
            dc.fill(Row::ZERO);
            let of_x = Rows { rows: x, stride: self.inputs, width: self.inputs };
            let of_h = Rows { rows: h, stride: units, width: units };
            for block in blocks(steps) {
                for t in block.clone().rev() {
                    let (now, next) = gates.split_at_mut((t + 1) * width);
                    let dh = &mut dy[t * units..(t + 1) * units];
                    if t + 1 < steps {
                        kernels.product(parts.recurrent[1], &next[..width], Start::Present, dh);
                    }
                    let before = if t > 0 { &cells[2 * (t - 1) * units..][..units] } else { &[] };
                    let cells = [before, &cells[2 * t * units..][..2 * units]];
                    kernels.lstm_backward(&mut now[t * width..], cells, dh, dc);
                }
                let of_dz = Rows { rows: gates, stride: width, width };
                add_by_input(kernels, of_x, of_dz, &block, [&mut *by_input, &mut *by_bias], width);
                add_by_recurrent(kernels, of_h, of_dz, &block, by_recurrent);
            }
            let dx = dx.chunks_exact_mut(self.inputs).skip(panel * steps);
            for (dz, dx) in gates.chunks_exact(width).zip(dx) {
                kernels.product(parts.input[1], dz, Start::Zero, dx);
            }
        }
    }
}
