//! Gated recurrent units (Cho et al. 2014), with the reset gate after the product (as cuDNN has them).
//!
//! r = sigmoid(x W1 + h U1 + b1), z = sigmoid(x W2 + h U2 + b2), a = h U3 + k, n = tanh(x W3 + b3 + r a),
//! h(t) = (1 - z) n + z h(t - 1), where h on the right is that of the step before, from h = 0.
//!
//! Backward, from the last step, with all of dh(t) gathered:
//! dn' = dh (1 - z) (1 - n^2) is that by the argument of tanh; da = dn' r; dr' = dn' a r (1 - r);
//! dz' = dh (h(t - 1) - n) z (1 - z); and dh(t - 1) gets dh z + (dr', dz', da) U'. The weights W and b meet
//! (dr', dz', dn'), U and k meet (dr', dz', da).

use super::rnn::{Parts, add_by_input, add_by_recurrent, at, blocks, pack_recurrent, recurrent_tensors};
use super::{Extent, Pass, TensorSpec, Weights};
use crate::products::{Rows, Start};
use crate::real::{PANEL, Real, Row};

/// A GRU. Weights: `input` [inputs, 3 units], `recurrent` [units, 3 units], `bias` [3 units], gates in the order
/// r, z, n; and `candidate_bias` [units], the k above.
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

// The gates of a step stand as a, r, z, n: so (a, r, z), which h reaches, and (r, z, n), which x reaches, are
// each in one piece. The recurrent matrix is packed with its outputs turned to the order a, r, z.
impl<T: Real> Pass<T> for Gru {
    fn packed(&self) -> usize {
        6 * (self.inputs + self.units) * self.units
    }

    fn pack(&self, rows: usize, plain: &[T], packed: &mut [T]) {
        pack_recurrent([self.inputs, self.units, 3 * self.units], 2 * self.units, rows, plain, packed);
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
        let parts = Parts::of(weights, self.inputs, units, 3 * units);
        let (bias, candidate_bias) = parts.bias.split_at(3 * units);
        let buffers = y.chunks_exact_mut(steps * units).zip(saved.chunks_exact_mut(4 * steps * units));
        for (x, (y, gates)) in x.chunks_exact(steps * self.inputs).zip(buffers) {
            for (x, gates) in x.chunks_exact(self.inputs).zip(gates.chunks_exact_mut(4 * units)) {
                let (past, rest) = gates.split_at_mut(units);
                for (row, &k) in past.iter_mut().zip(candidate_bias) {
                    *row = [k; PANEL];
                }
                kernels.product(parts.input[0], x, Start::Bias(bias), rest);
            }
            for (t, gates) in gates.chunks_exact_mut(4 * units).enumerate() {
                let (past, now) = y.split_at_mut(t * units);
                let before = if t > 0 { &past[(t - 1) * units..] } else { &[] };
                if t > 0 {
                    kernels.product(parts.recurrent[0], before, Start::Present, &mut gates[..3 * units]);
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
        let parts = Parts::of(weights, self.inputs, units, width);
        let (by_input, rest) = gradient.split_at_mut(self.inputs * width);
        let (by_recurrent, rest) = rest.split_at_mut(units * width);
        let (by_bias, by_candidate_bias) = rest.split_at_mut(width);
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
                        kernels.product(parts.recurrent[1], &gates[..width], Start::Present, carry);
                    }
                }
                let past = Rows { rows: gates, stride: 4 * units, width: units };
                let of_gates = |width| Rows { rows: &gates[units..], width, ..past };
                // (r, z, n) for x, (r, z) and a for h
                add_by_input(kernels, of_x, of_gates(width), &block, [&mut *by_input, &mut *by_bias]);
                kernels.row_sums(at(past, &block), block.len(), by_candidate_bias);
                add_by_recurrent(kernels, of_h, of_gates(2 * units), &block, by_recurrent, width);
                add_by_recurrent(kernels, of_h, past, &block, &mut by_recurrent[2 * units..], width);
            }
            let dx = dx.chunks_exact_mut(self.inputs).skip(panel * steps);
            for (gates, dx) in gates.chunks_exact(4 * units).zip(dx) {
                kernels.product(parts.input[1], &gates[units..], Start::Zero, dx);
            }
        }
    }
}
