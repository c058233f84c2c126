//! Convolutions over a sequence and over a grid: y[p] = f(b + sum over taps of x[p + tap] W[tap]), as many
//! points out as in (LeCun et al. 1989; causal and dilated: van den Oord et al. 2016, "WaveNet", 2.1).
//!
//! Backward, with dz = dy f'(z): dW[tap] = sum over p of x[p + tap]' dz[p], and dz[p] W[tap]' is added to
//! dx[p + tap] for every tap.
//!
//! The input is first copied into a frame with a border, which holds zeros or what lies around the corner; the
//! features of neighbouring points are then neighbours in memory, so that taps side by side are one product.

use super::{Extent, Pass, TensorSpec, Weights};
use crate::functions::Activation;
use crate::products::{Rows, Start, pack_both};
use crate::real::{Real, Row};

/// What lies beyond the ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Zeros, all of them before the first step: a point sees itself and the past.
    Causal,
    /// The other end.
    Circular,
    /// Zeros on both sides.
    Zero,
}

/// A convolution over the steps. Weights: `weight` [width, inputs, outputs], `bias` `[outputs]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv1d {
    /// Features of a point.
    pub inputs: usize,
    /// Channels.
    pub outputs: usize,
    /// Taps.
    pub width: usize,
    /// Steps from tap to tap.
    pub dilation: usize,
    /// What lies beyond the ends.
    pub padding: Padding,
    /// Its function, or none for a linear layer.
    pub activation: Option<Activation>,
}

/// A convolution over a grid, whose points, row by row, are the steps. Weights: `weight`
/// [tap row, tap column, inputs, outputs], `bias` `[outputs]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv2d {
    /// Features of a point.
    pub inputs: usize,
    /// Channels.
    pub outputs: usize,
    /// Rows and columns of the grid.
    pub grid: [usize; 2],
    /// Rows and columns of taps.
    pub taps: [usize; 2],
    /// What lies beyond the edges; with [`Padding::Causal`], of a row of the grid and of a column.
    pub padding: Padding,
    /// Its function, or none for a linear layer.
    pub activation: Option<Activation>,
}

/// Either of them on a grid; a sequence is a grid of one row.
struct Convolution {
    inputs: usize,
    outputs: usize,
    grid: [usize; 2],
    taps: [usize; 2],
    dilation: usize,
    padding: Padding,
    activation: Option<Activation>,
}

impl Conv1d {
    fn on(&self, steps: usize) -> Convolution {
        Convolution {
            inputs: self.inputs,
            outputs: self.outputs,
            grid: [1, steps],
            taps: [1, self.width],
            dilation: self.dilation,
            padding: self.padding,
            activation: self.activation,
        }
    }

    pub(super) fn tensors(&self) -> Vec<TensorSpec> {
        let fan_in = self.width * self.inputs;
        vec![
            TensorSpec::matrix("weight", vec![self.width, self.inputs, self.outputs], fan_in, 1.0),
            TensorSpec::bias("bias", self.outputs),
        ]
    }
}

impl Conv2d {
    fn on_grid(&self) -> Convolution {
        Convolution {
            inputs: self.inputs,
            outputs: self.outputs,
            grid: self.grid,
            taps: self.taps,
            dilation: 1,
            padding: self.padding,
            activation: self.activation,
        }
    }

    pub(super) fn tensors(&self) -> Vec<TensorSpec> {
        let [rows, columns] = self.taps;
        let fan_in = rows * columns * self.inputs;
        vec![
            TensorSpec::matrix("weight", vec![rows, columns, self.inputs, self.outputs], fan_in, 1.0),
            TensorSpec::bias("bias", self.outputs),
        ]
    }
}

impl Convolution {
    /// Taps that are one product: how many, and inputs of one. Without dilation a row of taps is one piece.
    fn pieces(&self) -> [usize; 2] {
        let [rows, columns] = self.taps;
        if self.dilation == 1 { [rows, columns * self.inputs] } else { [rows * columns, self.inputs] }
    }

    /// Where a piece begins, in points of the frame from the first that the point sees.
    fn piece(&self, piece: usize) -> usize {
        let [_, columns] = self.taps;
        match self.dilation {
            1 => piece * self.frame()[1],
            dilation => piece / columns * self.frame()[1] + piece % columns * dilation,
        }
    }

    /// Points of border along each axis.
    fn border(&self) -> [usize; 2] {
        let [rows, columns] = self.taps;
        [rows - 1, (columns - 1) * self.dilation]
    }

    /// Of these, how many come first.
    fn before(&self) -> [usize; 2] {
        match self.padding {
            Padding::Causal => self.border(),
            Padding::Circular | Padding::Zero => self.border().map(|border| border / 2),
        }
    }

    /// Rows and columns of the frame.
    fn frame(&self) -> [usize; 2] {
        let [down, across] = self.border();
        [self.grid[0] + down, self.grid[1] + across]
    }

    fn points(&self) -> usize {
        self.grid[0] * self.grid[1]
    }

    fn frame_rows(&self) -> usize {
        self.frame()[0] * self.frame()[1] * self.inputs
    }

    fn weights(&self) -> usize {
        self.taps[0] * self.taps[1] * self.inputs * self.outputs
    }

    /// The frame points and the points of the grid whose values they hold, as runs: first of the frame, first
    /// of the grid, length.
    fn runs(&self, mut each: impl FnMut(usize, usize, usize)) {
        let ([height, width], [frame_height, frame_width]) = (self.grid, self.frame());
        let ([top, left], circular) = (self.before(), self.padding == Padding::Circular);
        for y in 0..frame_height {
            // the border can be wider than the grid, so it is wrapped and not only moved
            let row = if circular { (y + top * (height - 1)) % height } else { y.wrapping_sub(top) };
            if row >= height {
                continue;
            }
            if circular {
                let mut x = 0;
                while x < frame_width {
                    let column = (x + left * (width - 1)) % width;
                    let length = (width - column).min(frame_width - x);
                    each(y * frame_width + x, row * width + column, length);
                    x += length;
                }
            } else {
                each(y * frame_width + left, row * width, width);
            }
        }
    }

    /// The first frame point that each point of the grid sees.
    fn windows(&self) -> impl Iterator<Item = usize> {
        let ([height, width], [_, frame_width]) = (self.grid, self.frame());
        (0..height).flat_map(move |y| (0..width).map(move |x| y * frame_width + x))
    }

    fn packed(&self) -> usize {
        2 * self.weights()
    }

    fn pack<T: Real>(&self, rows: usize, plain: &[T], packed: &mut [T]) {
        let ([_, depth], outputs) = (self.pieces(), self.outputs);
        let (forward, backward) = packed.split_at_mut(self.weights());
        let pieces =
            forward.chunks_exact_mut(depth * outputs).zip(backward.chunks_exact_mut(depth * outputs));
        for ((forward, backward), plain) in pieces.zip(plain.chunks_exact(depth * outputs)) {
            pack_both([depth, outputs], rows, plain, outputs, [forward, backward]);
        }
    }

    /// The frame, and the slopes of the activation.
    fn saved(&self) -> usize {
        self.frame_rows() + if self.activation.is_some() { self.points() * self.outputs } else { 0 }
    }

    fn forward<T: Real>(
        &self,
        weights: Weights<T>,
        x: &[Row<T>],
        y: &mut [Row<T>],
        saved: &mut [Row<T>],
        keep: bool,
    ) {
        let (inputs, outputs, kernels) = (self.inputs, self.outputs, weights.kernels);
        let ([_, depth], size) = (self.pieces(), self.weights());
        let bias = &weights.plain[size..];
        let panels = x.chunks_exact(self.points() * inputs).zip(y.chunks_exact_mut(self.points() * outputs));
        for ((x, y), saved) in panels.zip(saved.chunks_exact_mut(self.saved())) {
            let (frame, slopes) = saved.split_at_mut(self.frame_rows());
            frame.fill(Row::ZERO);
            self.runs(|to, from, length| {
                frame[to * inputs..(to + length) * inputs]
                    .copy_from_slice(&x[from * inputs..(from + length) * inputs]);
            });
            for (first, y) in self.windows().zip(y.chunks_exact_mut(outputs)) {
                let mut start = Start::Bias(bias);
                for (piece, packed) in weights.packed[..size].chunks_exact(depth * outputs).enumerate() {
                    let at = (first + self.piece(piece)) * inputs;
                    kernels.product(packed, &frame[at..at + depth], start, y);
                    start = Start::Present;
                }
            }
            if let Some(activation) = self.activation {
                kernels.activate(activation, y, if keep { slopes } else { &mut [] });
            }
        }
    }

    fn backward<T: Real>(
        &self,
        weights: Weights<T>,
        saved: &mut [Row<T>],
        dy: &mut [Row<T>],
        dx: &mut [Row<T>],
        gradient: &mut [T],
    ) {
        let (inputs, outputs, kernels) = (self.inputs, self.outputs, weights.kernels);
        let ([_, depth], size) = (self.pieces(), self.weights());
        let ([height, width], [_, frame_width]) = (self.grid, self.frame());
        let (by_weight, by_bias) = gradient.split_at_mut(size);
        let mut dxs = dx.chunks_exact_mut(self.points() * inputs);
        let panels = saved.chunks_exact_mut(self.saved()).zip(dy.chunks_exact_mut(self.points() * outputs));
        for (saved, dy) in panels {
            let (frame, slopes) = saved.split_at_mut(self.frame_rows());
            if self.activation.is_some() {
                kernels.multiply(dy, slopes);
            }
            let dz = Rows { rows: dy, stride: outputs, width: outputs };
            kernels.row_sums(dz, self.points(), by_bias);
            for (piece, by_weight) in by_weight.chunks_exact_mut(depth * outputs).enumerate() {
                for y in 0..height {
                    let seen = &frame[(y * frame_width + self.piece(piece)) * inputs..];
                    let x = Rows { rows: seen, stride: inputs, width: depth };
                    let dz = Rows { rows: &dy[y * width * outputs..], ..dz };
                    kernels.outer(x, dz, width, by_weight, outputs);
                }
            }
            if let Some(dx) = dxs.next() {
                // the frame has served, and takes the derivative by itself
                frame.fill(Row::ZERO);
                for (first, dz) in self.windows().zip(dy.chunks_exact(outputs)) {
                    for (piece, packed) in weights.packed[size..].chunks_exact(depth * outputs).enumerate() {
                        let at = (first + self.piece(piece)) * inputs;
                        kernels.product(packed, dz, Start::Present, &mut frame[at..at + depth]);
                    }
                }
                dx.fill(Row::ZERO);
                self.runs(|from, to, length| {
                    let from = &frame[from * inputs..(from + length) * inputs];
                    for (sum, row) in dx[to * inputs..(to + length) * inputs].iter_mut().zip(from) {
                        for (sum, x) in sum.iter_mut().zip(row.iter()) {
                            *sum = *sum + *x;
                        }
                    }
                });
            }
        }
    }
}

/// Both kinds pass everything on to the convolution on a grid.
macro_rules! pass {
    ($layer:ty, |$self:ident, $steps:ident| $convolution:expr) => {
        impl<T: Real> Pass<T> for $layer {
            fn packed(&self) -> usize {
                let ($self, $steps) = (self, 1);
                $convolution.packed()
            }

            fn pack(&self, rows: usize, plain: &[T], packed: &mut [T]) {
                let ($self, $steps) = (self, 1);
                $convolution.pack(rows, plain, packed);
            }

            fn saved(&self, $steps: usize) -> usize {
                let $self = self;
                $convolution.saved()
            }

            fn forward(
                &self,
                weights: Weights<T>,
                extent: Extent,
                x: &[Row<T>],
                y: &mut [Row<T>],
                saved: &mut [Row<T>],
                keep: bool,
            ) {
                let ($self, $steps) = (self, extent.steps);
                $convolution.forward(weights, x, y, saved, keep);
            }

            fn backward(
                &self,
                weights: Weights<T>,
                extent: Extent,
                _x: &[Row<T>],
                _y: &[Row<T>],
                saved: &mut [Row<T>],
                dy: &mut [Row<T>],
                dx: &mut [Row<T>],
                gradient: &mut [T],
            ) {
                let ($self, $steps) = (self, extent.steps);
                $convolution.backward(weights, saved, dy, dx, gradient);
            }
        }
    };
}

pass!(Conv1d, |layer, steps| layer.on(steps));
pass!(Conv2d, |layer, _steps| layer.on_grid());
