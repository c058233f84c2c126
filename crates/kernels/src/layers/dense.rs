//! Units that see the sample of their step: y = f(x W + b).
//!
//! Backward, with dz = dy f'(z): dW = x' dz, db = sum of dz, dx = dz W'.

use super::{Extent, Layer, Pass, Place, Stepwise, TensorSpec, Weights};
use crate::functions::Activation;
use crate::products::{Rows, Start, pack_both};
use crate::real::{Real, Row};
use crate::simd::Kernels;

/// A dense layer. Weights: `weight` [inputs, outputs], `bias` `[outputs]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Dense {
    /// Features of a sample.
    pub inputs: usize,
    /// Units.
    pub outputs: usize,
    /// Its function, or none for a linear layer.
    pub activation: Option<Activation>,
}

impl Dense {
    /// Hidden layers of these widths with `activation`, and a linear one.
    pub fn stack(inputs: usize, widths: &[usize], outputs: usize, activation: Activation) -> Vec<Layer> {
        let below = [inputs].into_iter().chain(widths.iter().copied());
        let above = widths.iter().copied().chain([outputs]);
        let layer = |(i, (inputs, outputs))| {
            let activation = (i < widths.len()).then_some(activation);
            Layer::Dense(Dense { inputs, outputs, activation })
        };
        below.zip(above).enumerate().map(layer).collect()
    }

    pub(super) fn tensors(&self) -> Vec<TensorSpec> {
        vec![
            TensorSpec::matrix("weight", vec![self.inputs, self.outputs], self.inputs, 1.0),
            TensorSpec::bias("bias", self.outputs),
        ]
    }
}

impl<T: Real> Pass<T> for Dense {
    fn packed(&self) -> usize {
        2 * self.inputs * self.outputs
    }

    fn pack(&self, rows: usize, plain: &[T], packed: &mut [T]) {
        let (forward, backward) = packed.split_at_mut(self.inputs * self.outputs);
        pack_both([self.inputs, self.outputs], rows, plain, self.outputs, [forward, backward]);
    }

    fn saved(&self, steps: usize) -> usize {
        if self.activation.is_some() { steps * self.outputs } else { 0 }
    }

    fn forward(
        &self,
        weights: Weights<T>,
        _extent: Extent,
        x: &[Row<T>],
        y: &mut [Row<T>],
        saved: &mut [Row<T>],
        keep: bool,
    ) {
        let size = self.inputs * self.outputs;
        let (forward, bias) = (&weights.packed[..size], &weights.plain[size..]);
        let mut slopes = saved.chunks_exact_mut(self.outputs);
        for (x, y) in x.chunks_exact(self.inputs).zip(y.chunks_exact_mut(self.outputs)) {
            weights.kernels.product(forward, x, Start::Bias(bias), y);
            if let Some(activation) = self.activation {
                let slope = slopes.next().filter(|_| keep).unwrap_or_default();
                weights.kernels.activate(activation, y, slope);
            }
        }
    }

    fn backward(
        &self,
        weights: Weights<T>,
        extent: Extent,
        x: &[Row<T>],
        _y: &[Row<T>],
        saved: &mut [Row<T>],
        dy: &mut [Row<T>],
        dx: &mut [Row<T>],
        gradient: &mut [T],
    ) {
        let (size, kernels) = (self.inputs * self.outputs, weights.kernels);
        let count = extent.panels * extent.steps;
        if self.activation.is_some() {
            kernels.multiply(dy, saved);
        }
        let dz = &*dy;
        Stepwise::add_gradient(self, kernels, count, x, &[], &[], dz, gradient);
        for (dz, dx) in dz.chunks_exact(self.outputs).zip(dx.chunks_exact_mut(self.inputs)) {
            kernels.product(&weights.packed[size..], dz, Start::Zero, dx);
        }
    }
}

impl<T: Real> Stepwise<T> for Dense {
    fn forward_at(
        &self,
        weights: Weights<T>,
        Place { t, .. }: Place,
        x: &[Row<T>],
        y: &mut [Row<T>],
        saved: &mut [Row<T>],
    ) {
        let at = t * self.outputs..(t + 1) * self.outputs;
        let (extent, slopes) = (Extent { panels: 1, steps: 1 }, self.of_step(t, saved));
        Pass::forward(self, weights, extent, x, &mut y[at], slopes, true);
    }

    fn backward_at(
        &self,
        weights: Weights<T>,
        Place { t, .. }: Place,
        _y: &[Row<T>],
        saved: &mut [Row<T>],
        dy: &mut [Row<T>],
        dx: &mut [Row<T>],
    ) {
        let dz = &mut dy[t * self.outputs..(t + 1) * self.outputs];
        if self.activation.is_some() {
            weights.kernels.multiply(dz, self.of_step(t, saved));
        }
        weights.kernels.product(&weights.packed[self.inputs * self.outputs..], dz, Start::Present, dx);
    }

    fn add_gradient(
        &self,
        kernels: &Kernels<T>,
        steps: usize,
        x: &[Row<T>],
        _y: &[Row<T>],
        _saved: &[Row<T>],
        dy: &[Row<T>],
        gradient: &mut [T],
    ) {
        let (by_weight, by_bias) = gradient.split_at_mut(self.inputs * self.outputs);
        let of_x = Rows { rows: x, stride: self.inputs, width: self.inputs };
        let of_dz = Rows { rows: dy, stride: self.outputs, width: self.outputs };
        kernels.outer(of_x, of_dz, steps, by_weight, self.outputs);
        kernels.row_sums(of_dz, steps, by_bias);
    }

    fn shift(&self, _y: &mut [Row<T>], _saved: &mut [Row<T>]) {}
}

impl Dense {
    /// The slopes of a step, where there are any.
    fn of_step<'a, T>(&self, t: usize, saved: &'a mut [Row<T>]) -> &'a mut [Row<T>] {
        if self.activation.is_some() { &mut saved[t * self.outputs..(t + 1) * self.outputs] } else { saved }
    }
}
