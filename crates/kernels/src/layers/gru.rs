//! Gated recurrent units (Cho et al. 2014), with the reset gate after the product (as cuDNN has them).
//!
//! r = sigmoid(x W1 + h U1 + b1), z = sigmoid(x W2 + h U2 + b2), a = h U3 + k, n = tanh(x W3 + b3 + r a),
//! h(t) = (1 - z) n + z h(t - 1), where h on the right is that of the step before, from h = 0.
//!
//! Backward, from the last step, with all of dh(t) gathered:
//! dn' = dh (1 - z) (1 - n^2) is that by the argument of tanh; da = dn' r; dr' = dn' a r (1 - r);
//! dz' = dh (h(t - 1) - n) z (1 - z); and dh(t - 1) gets dh z + (dr', dz', da) U'. The weights W and b meet
//! (dr', dz', dn'), U and k meet (dr', dz', da).

use std::ops::Range;

use super::rnn::{add_by_input, add_by_recurrent, at, blocks, halves, recurrent_tensors};
use super::{Extent, Pass, Place, Stepwise, TensorSpec, Weights};
use crate::products::{Rows, Start, pack_both};
use crate::real::{PANEL, Real, Row};
use crate::simd::Kernels;

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
    fn parts<'a, T: Real>(&self, weights: Weights<'a, T>) -> Parts<'a, T> {
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
        let (units, steps) = (self.units, extent.steps);
        let parts = self.parts(weights);
        let buffers = y.chunks_exact_mut(steps * units).zip(saved.chunks_exact_mut(4 * steps * units));
        for (x, (y, gates)) in x.chunks_exact(steps * self.inputs).zip(buffers) {
            for (x, gates) in x.chunks_exact(self.inputs).zip(gates.chunks_exact_mut(4 * units)) {
                self.take_up(weights, parts, x, gates);
            }
            for (t, gates) in gates.chunks_exact_mut(4 * units).enumerate() {
                self.recur(weights.kernels, parts, t, gates, y);
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
        let parts = self.parts(weights);
        for panel in 0..extent.panels {
            let x = &x[panel * steps * self.inputs..(panel + 1) * steps * self.inputs];
            let h = &y[panel * steps * units..(panel + 1) * steps * units];
            let dh = &mut dy[panel * steps * units..(panel + 1) * steps * units];
            let gates = &mut saved[panel * 4 * steps * units..(panel + 1) * 4 * steps * units];
            for block in blocks(steps) {
                for t in block.clone().rev() {
                    self.slope_at(kernels, parts, t, h, gates, dh);
                }
                self.add_gradient_of(kernels, &block, [x, h, gates], gradient);
            }
            let dx = dx.chunks_exact_mut(self.inputs).skip(panel * steps);
            for (gates, dx) in gates.chunks_exact(4 * units).zip(dx) {
                self.to_input(kernels, parts, gates, Start::Zero, dx);
            }
        }
    }
}

/// The packed matrices of [`Gru::parts`].
type Parts<'a, T> = [[&'a [T]; 2]; 3];

impl Gru {
    /// What the input adds to the gates of its step, and the biases.
    fn take_up<T: Real>(&self, weights: Weights<T>, parts: Parts<T>, x: &[Row<T>], gates: &mut [Row<T>]) {
        let (kernels, units) = (weights.kernels, self.units);
        let [[gates_of_x, _], [candidate_of_x, _], _] = parts;
        let biases = &weights.plain[3 * (self.inputs + units) * units..];
        let (bias, candidate_bias) = biases.split_at(3 * units);
        let (gates, rest) = gates.split_at_mut(2 * units);
        let (past, candidate) = rest.split_at_mut(units);
        kernels.product(gates_of_x, x, Start::Bias(&bias[..2 * units]), gates);
        kernels.product(candidate_of_x, x, Start::Bias(&bias[2 * units..]), candidate);
        for (row, &k) in past.iter_mut().zip(candidate_bias) {
            *row = Row([k; PANEL]);
        }
    }

    /// h(t), from gates that hold what the input adds to them.
    fn recur<T: Real>(
        &self,
        kernels: &Kernels<T>,
        parts: Parts<T>,
        t: usize,
        gates: &mut [Row<T>],
        y: &mut [Row<T>],
    ) {
        let (units, [recurrent, _]) = (self.units, parts[2]);
        let (past, now) = y.split_at_mut(t * units);
        let before = if t > 0 { &past[(t - 1) * units..] } else { &[] };
        if t > 0 {
            kernels.product(recurrent, before, Start::Present, &mut gates[..3 * units]);
        }
        kernels.gru_forward(gates, before, &mut now[..units]);
    }

    /// The derivatives by the gates of step `t`, before their functions, in the place of the gates; adds what reaches
    /// h(t - 1) to its derivative.
    fn slope_at<T: Real>(
        &self,
        kernels: &Kernels<T>,
        parts: Parts<T>,
        t: usize,
        h: &[Row<T>],
        gates: &mut [Row<T>],
        dh: &mut [Row<T>],
    ) {
        let (units, [_, recurrent]) = (self.units, parts[2]);
        let (past, now) = dh.split_at_mut(t * units);
        let gates = &mut gates[4 * t * units..4 * (t + 1) * units];
        let (before, carry) = match t {
            0 => (&[][..], &mut [][..]),
            _ => (&h[(t - 1) * units..t * units], &mut past[(t - 1) * units..]),
        };
        kernels.gru_backward(gates, before, &now[..units], carry);
        if t > 0 {
            kernels.product(recurrent, &gates[..3 * units], Start::Present, carry);
        }
    }

    /// The derivative by the input of a step, from those by its gates.
    fn to_input<T: Real>(
        &self,
        kernels: &Kernels<T>,
        [[_, gates_to_x], [_, candidate_to_x], _]: Parts<T>,
        gates: &[Row<T>],
        start: Start<T>,
        dx: &mut [Row<T>],
    ) {
        kernels.product(gates_to_x, &gates[..2 * self.units], start, dx);
        kernels.product(candidate_to_x, &gates[3 * self.units..], Start::Present, dx);
    }

    /// Adds the derivative by the weights over a block of steps.
    fn add_gradient_of<T: Real>(
        &self,
        kernels: &Kernels<T>,
        block: &Range<usize>,
        [x, h, gates]: [&[Row<T>]; 3],
        gradient: &mut [T],
    ) {
        let (units, width) = (self.units, 3 * self.units);
        let (by_input, rest) = gradient.split_at_mut(self.inputs * width);
        let (by_recurrent, rest) = rest.split_at_mut(units * width);
        let (by_bias, by_candidate_bias) = rest.split_at_mut(width);
        let (by_gate_bias, by_last_bias) = by_bias.split_at_mut(2 * units);
        let of_x = Rows { rows: x, stride: self.inputs, width: self.inputs };
        let of_h = Rows { rows: h, stride: units, width: units };
        let rows = |first: usize, width| Rows { rows: &gates[first..], stride: 4 * units, width };
        let (of_gates, of_candidate) = (rows(0, 2 * units), rows(3 * units, units));
        add_by_input(kernels, of_x, of_gates, block, [&mut *by_input, by_gate_bias], width);
        let columns = &mut by_input[2 * units..];
        add_by_input(kernels, of_x, of_candidate, block, [columns, by_last_bias], width);
        kernels.row_sums(at(rows(2 * units, units), block), block.len(), by_candidate_bias);
        add_by_recurrent(kernels, of_h, rows(0, width), block, by_recurrent);
    }
}

impl<T: Real> Stepwise<T> for Gru {
    fn forward_at(
        &self,
        weights: Weights<T>,
        Place { t, .. }: Place,
        x: &[Row<T>],
        y: &mut [Row<T>],
        saved: &mut [Row<T>],
    ) {
        let (parts, gates) = (self.parts(weights), &mut saved[4 * t * self.units..4 * (t + 1) * self.units]);
        self.take_up(weights, parts, x, gates);
        self.recur(weights.kernels, parts, t, gates, y);
    }

    fn backward_at(
        &self,
        weights: Weights<T>,
        Place { t, .. }: Place,
        y: &[Row<T>],
        saved: &mut [Row<T>],
        dy: &mut [Row<T>],
        dx: &mut [Row<T>],
    ) {
        let parts = self.parts(weights);
        self.slope_at(weights.kernels, parts, t, y, saved, dy);
        let gates = &saved[4 * t * self.units..4 * (t + 1) * self.units];
        self.to_input(weights.kernels, parts, gates, Start::Present, dx);
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
        blocks(steps).for_each(|block| self.add_gradient_of(kernels, &block, [x, y, saved], gradient));
    }

    fn shift(&self, y: &mut [Row<T>], _saved: &mut [Row<T>]) {
        y.copy_within(self.units.., 0);
    }
}
