//! Gated recurrent units (Cho et al. 2014), with the reset gate after the product (as cuDNN has them).
//!
//! r = sigmoid(x W1 + h U1 + b1), z = sigmoid(x W2 + h U2 + b2), a = h U3 + k, n = tanh(x W3 + b3 + r a),
//! h(t) = (1 - z) n + z h(t - 1), where h on the right is that of the step before, from h = 0.
//!
//! Backward, from the last step, with all of dh(t) gathered:
//! dn' = dh (1 - z) (1 - n^2) is that by the argument of tanh; da = dn' r; dr' = dn' a r (1 - r);
//! dz' = dh (h(t - 1) - n) z (1 - z); and dh(t - 1) gets dh z + (dr', dz', da) U'. The weights W and b meet
//! (dr', dz', dn'), U and k meet (dr', dz', da).

use super::rnn::{add_by_input, add_by_recurrent, at, blocks, halves, recurrent_tensors};
use super::{Extent, Pass, TensorSpec, Weights};
use crate::products::{Rows, Start, pack_both};
use crate::real::{PANEL, Real, Row};

/// A GRU. Weights: `input` [inputs, 3 units], `recurrent` [units, 3 units], `bias` [3 units], gates in the order
/// r, z, n; and `candidate_bias` `[units]`, the k above.
#[derive(Clone, Debug, PartialEq)]
pub struct Gru {
    /// Features of a sample.
    pub inputs: usize,
    /// Units of the state, which is also the output.
    pub units: usize,
}

impl Gru {
    pub(super) fn tensors(&self) -> Vec<TensorSpec> {
        let mut tensors = recurrent_tensors(self.inputs, self.units, 3);
        tensors.push(TensorSpec::bias("candidate_bias", self.units));
        tensors
    }
}

// The gates of a step stand as r, z, a, n: so (r, z, a), which h reaches, are in one piece. The input matrix, whose
// product is the smaller one, is packed in two: for (r, z), and for n.
impl Gru {
    /// The packed input matrices, each forward and backward, and the recurrent one.
    fn parts<'a, T: Real>(&self, weights: Weights<'a, T>) -> [[&'a [T]; 2]; 3] {
        let (inputs, units) = (self.inputs, self.units);
        let (gates, rest) = weights.packed.split_at(4 * inputs * units);
        let (candidate, recurrent) = rest.split_at(2 * inputs * units);
        [gates, candidate, recurrent].map(|matrix| matrix.split_at(matrix.len() / 2).into())
    }
}

impl<T: Real> Pass<T> for Gru {
    fn packed(&self) -> usize {
        6 * (self.inputs + self.units) * self.units
    }

    fn pack(&self, rows: usize, plain: &[T], packed: &mut [T]) {
        let (inputs, units, width) = (self.inputs, self.units, 3 * self.units);
        let (input, recurrent) = plain.split_at(inputs * width);
        let (gates, rest) = packed.split_at_mut(4 * inputs * units);
        let (candidate, packed_recurrent) = rest.split_at_mut(2 * inputs * units);
        pack_both([inputs, 2 * units], rows, input, width, halves(gates));
        pack_both([inputs, units], rows, &input[2 * units..], width, halves(candidate));
        pack_both([units, width], rows, recurrent, width, halves(packed_recurrent));
    }

    fn saved(&self, steps: usize) -> usize {
        4 * steps * self.units
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
        let [gates_of_x, candidate_of_x, recurrent] = self.parts(weights).map(|[forward, _]| forward);
        let biases = &weights.plain[3 * (self.inputs + units) * units..];
        let (bias, candidate_bias) = biases.split_at(3 * units);
        let buffers = y.chunks_exact_mut(steps * units).zip(saved.chunks_exact_mut(4 * steps * units));
        for (x, (y, gates)) in x.chunks_exact(steps * self.inputs).zip(buffers) {
            for (x, gates) in x.chunks_exact(self.inputs).zip(gates.chunks_exact_mut(4 * units)) {
                let (gates, rest) = gates.split_at_mut(2 * units);
                let (past, candidate) = rest.split_at_mut(units);
                kernels.product(gates_of_x, x, Start::Bias(&bias[..2 * units]), gates);
                kernels.product(candidate_of_x, x, Start::Bias(&bias[2 * units..]), candidate);
                for (row, &k) in past.iter_mut().zip(candidate_bias) {
                    *row = Row([k; PANEL]);
                }
            }
            for (t, gates) in gates.chunks_exact_mut(4 * units).enumerate() {
                let (past, now) = y.split_at_mut(t * units);
                let before = if t > 0 { &past[(t - 1) * units..] } else { &[] };
                if t > 0 {
                    kernels.product(recurrent, before, Start::Present, &mut gates[..3 * units]);
                }
                kernels.gru_forward(gates, before, &mut now[..units]);
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
        let width = 3 * units;
        let [gates_to_x, candidate_to_x, recurrent] = self.parts(weights).map(|[_, backward]| backward);
        let (by_input, rest) = gradient.split_at_mut(self.inputs * width);
        let (by_recurrent, rest) = rest.split_at_mut(units * width);
        let (by_bias, by_candidate_bias) = rest.split_at_mut(width);
        let (by_gate_bias, by_last_bias) = by_bias.split_at_mut(2 * units);
        for panel in 0..extent.panels {
            let x = &x[panel * steps * self.inputs..(panel + 1) * steps * self.inputs];
            let h = &y[panel * steps * units..(panel + 1) * steps * units];
            let dh = &mut dy[panel * steps * units..(panel + 1) * steps * units];
            let gates = &mut saved[panel * 4 * steps * units..(panel + 1) * 4 * steps * units];
            let of_x = Rows { rows: x, stride: self.inputs, width: self.inputs };
            let of_h = Rows { rows: h, stride: units, width: units };
            for block in blocks(steps) {
                for t in block.clone().rev() {
                    let (past, now) = dh.split_at_mut(t * units);
                    let gates = &mut gates[4 * t * units..4 * (t + 1) * units];
                    let (before, carry) = match t {
                        0 => (&[][..], &mut [][..]),
                        _ => (&h[(t - 1) * units..t * units], &mut past[(t - 1) * units..]),
                    };
                    kernels.gru_backward(gates, before, &now[..units], carry);
                    if t > 0 {
                        kernels.product(recurrent, &gates[..width], Start::Present, carry);
                    }
                }
                let rows = |first: usize, width| Rows { rows: &gates[first..], stride: 4 * units, width };
                let (of_gates, of_candidate) = (rows(0, 2 * units), rows(3 * units, units));
                add_by_input(kernels, of_x, of_gates, &block, [&mut *by_input, &mut *by_gate_bias], width);
                let columns = &mut by_input[2 * units..];
                add_by_input(kernels, of_x, of_candidate, &block, [columns, &mut *by_last_bias], width);
                kernels.row_sums(at(rows(2 * units, units), &block), block.len(), by_candidate_bias);
                add_by_recurrent(kernels, of_h, rows(0, width), &block, by_recurrent);
            }
            let dx = dx.chunks_exact_mut(self.inputs).skip(panel * steps);
            for (gates, dx) in gates.chunks_exact(4 * units).zip(dx) {
                kernels.product(gates_to_x, &gates[..2 * units], Start::Zero, dx);
                kernels.product(candidate_to_x, &gates[3 * units..], Start::Present, dx);
            }
        }
    }
}
