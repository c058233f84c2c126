//! The method of Levenberg and Marquardt, for least squares by a feed-forward network.
//!
//! With the residuals e = y - target of all outputs of all examples and their Jacobian J by the weights, a step
//! solves (J'J + mu I) d = -J'e (Levenberg 1944; Marquardt 1963, equation 15). The damping follows Nielsen's rule
//! (Madsen, Nielsen, Tingleff 2004, "Methods for Non-Linear Least Squares Problems", algorithm 3.16): mu begins as a
//! part of the largest element of the diagonal of J'J; a step that lowers the error multiplies it by
//! max(1/3, 1 - (2 r - 1)^3), where r is the gain over what the linear model promised; a step that does not is taken
//! back, and multiplies it by 2, 4, 8 and so on. The rule that is usual for networks, a factor of 10 up or down
//! (Hagan and Menhaj 1994), was tried first: after 300 steps its error was 16 times larger.
//!
//! J is never held as a whole. A few panels of examples give their rows, one for each output, by a backward pass
//! without the sum over examples: by weight [i, o] of a layer it is x[i] dz[o]. They are multiplied into J'J at once,
//! of which only the upper half is summed, and dropped. The last layer is linear, so there dz[o] is 1 for the output of
//! the row and 0 for the others: of its weights a row of J holds those of one output only, and these are the inputs of
//! the layer whatever the output. That leaves out half of the products of a network with one hidden layer.

use nalgebra::{Cholesky, DMatrix, DVector};

use crate::layers::{Dense, Extent, Layer, Weights};
use crate::network::{BatchShape, Buffers, MOST_CHUNKS, Network, ShapeError, Workspace, load, parallel};
use crate::products::{Rows, Start};
use crate::real::{PANEL, Row};
use crate::simd::Kernels;

/// A feed-forward network in training by the method of Levenberg and Marquardt, in f64.
pub struct LevenbergMarquardt {
    network: Network,
    kernels: &'static Kernels<f64>,
    workspace: Workspace<f64>,
    chunks: Vec<Chunk>,
    weights: Vec<f64>,
    /// Where in the vector of weights each row of J'J has its weight: hidden layers first, then output by output the
    /// weights and the bias.
    order: Vec<usize>,
    /// Its first value over the largest element of the diagonal of J'J.
    start: f64,
    /// mu, and its next factor where a step fails; mu is 0 before the first step.
    damping: [f64; 2],
}

/// A part of the batch that one thread takes.
struct Chunk {
    buffers: Buffers<f64>,
    /// The derivative by what a layer gives, and by what it takes.
    derivatives: [Vec<Row<f64>>; 2],
    /// Rows of J by the weights of the hidden layers, [panel, output, weight].
    hidden: Vec<Row<f64>>,
    /// Those by the weights and the bias of one output, whichever: [panel, input of the last layer, and 1].
    last: Vec<Row<f64>>,
    /// [panel, output].
    residuals: Vec<Row<f64>>,
    /// The upper half of J'J, and J'e, in the order of [`LevenbergMarquardt::order`]. The block of the weights of an
    /// output is summed for the first only.
    square: Vec<f64>,
    slope: Vec<f64>,
    /// Panels at a time.
    panels: usize,
    /// Weights and bias of an output.
    width: usize,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stepped {
    /// The loss before the step; of least squares it is the mean squared error.
    pub loss: f64,
    /// The loss after it.
    pub after: f64,
    /// The largest derivative of the loss by a weight, before the step.
    pub gradient: f64,
    /// The length of the step over that of the weights; 0 where no damping, and no length, gave a lower loss.
    pub length: f64,
}

/// Factor by which the factor of the damping grows.
const GROWTH: f64 = 2.0;
/// The damping over the largest element of the diagonal at which a step can change nothing any more.
const DAMPING_MAX: f64 = 1e16;

impl LevenbergMarquardt {
    /// Trains `network` from these weights, in the order of [`Network::tensors`], with a damping that begins at
    /// `damping` times the largest element of the diagonal of J'J.
    ///
    /// # Errors
    /// A network with other than dense layers, or whose last layer is not linear.
    ///
    /// # Panics
    /// Weights of another number than the network has.
    pub fn new(network: Network, weights: &[f64], damping: f64) -> Result<Self, ShapeError> {
        let dense = network.layers().iter().all(|layer| matches!(layer, Layer::Dense(_)));
        let Some(Layer::Dense(Dense { inputs, outputs, activation: None })) =
            network.layers().last().filter(|_| dense)
        else {
            return Err(ShapeError(
                "the method of Levenberg and Marquardt is for dense layers only, of which the last is linear"
                    .into(),
            ));
        };
        let hidden = network.weights() - (inputs + 1) * outputs;
        let of_output = |o| (0..inputs + 1).map(move |i| hidden + i * outputs + o);
        let order = (0..hidden).chain((0..*outputs).flat_map(of_output)).collect();
        assert_eq!(weights.len(), network.weights(), "weights");
        Ok(LevenbergMarquardt {
            kernels: Kernels::best(),
            workspace: Workspace::default(),
            chunks: Vec::new(),
            weights: weights.to_vec(),
            order,
            start: damping,
            damping: [0.0, GROWTH],
            network,
        })
    }

    /// The weights, in the order of [`Network::tensors`].
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The damping mu and its next factor, all that it keeps from step to step beside the weights.
    pub fn damping(&self) -> [f64; 2] {
        self.damping
    }

    /// Goes on from these weights and this damping.
    ///
    /// # Panics
    /// Weights of another number than the network has.
    pub fn restore(&mut self, weights: &[f64], damping: [f64; 2]) {
        self.weights.copy_from_slice(weights);
        self.damping = damping;
    }

    /// The mean squared error on a batch [example, feature].
    ///
    /// # Panics
    /// As [`Network::forward`].
    pub fn loss(&mut self, count: usize, inputs: &[f64], targets: &[f64]) -> f64 {
        let shape = BatchShape { count, steps: 1 };
        let (workspace, weights) = (&mut self.workspace, &self.weights);
        self.network.squared_error(self.kernels, workspace, weights, shape, inputs, targets, &mut [])
    }

    /// One step on a batch [example, feature]. Where the error before it is not finite it changes nothing.
    ///
    /// # Panics
    /// As [`Network::forward`].
    pub fn step(&mut self, count: usize, inputs: &[f64], targets: &[f64]) -> Stepped {
        self.normal_equations(count, inputs, targets);
        // the same sum as after the step, so that a difference is one
        let loss = self.loss(count, inputs, targets);
        let Some(first) = self.chunks.first() else {
            return Stepped { loss: 0.0, after: 0.0, gradient: 0.0, length: 0.0 };
        };
        let size = self.network.weights();
        let square = DMatrix::from_fn(size, size, |i, j| self.square(i, j));
        let slope = DVector::from_column_slice(&first.slope);
        // 2 / targets turns J'e into the derivative of the mean
        let finite = slope.iter().all(|x| x.is_finite());
        let gradient = if finite { 2.0 / targets.len() as f64 * slope.amax() } else { f64::NAN };
        let before = self.weights.clone();
        let length = DVector::from_column_slice(self.weights()).norm();
        let largest = square.diagonal().max();
        let [mut damping, mut growth] = self.damping;
        if damping == 0.0 {
            damping = self.start * largest;
        }
        let sound = loss.is_finite() && gradient.is_finite() && largest.is_finite();
        while sound && damping <= DAMPING_MAX * largest {
            let mut damped = square.clone();
            for i in 0..size {
                damped[(i, i)] += damping;
            }
            // a matrix that is not positive definite to roundoff needs more damping, too
            if let Some(factors) = Cholesky::new(damped) {
                let step = factors.solve(&slope);
                for (&at, d) in self.order.iter().zip(&step) {
                    self.weights[at] -= d;
                }
                let after = self.loss(count, inputs, targets);
                if after < loss {
                    let promised = step.dot(&(damping * &step + &slope));
                    let gain = (loss - after) * targets.len() as f64 / promised;
                    self.damping = [damping * (1.0 - (2.0 * gain - 1.0).powi(3)).max(1.0 / 3.0), GROWTH];
                    return Stepped { loss, after, gradient, length: step.norm() / length };
                }
                self.weights.copy_from_slice(&before);
            }
            damping *= growth;
            growth *= GROWTH;
        }
        Stepped { loss, after: loss, gradient, length: 0.0 }
    }

    /// An element of J'J.
    fn square(&self, i: usize, j: usize) -> f64 {
        let (chunk, size) = (&self.chunks[0], self.network.weights());
        let (mut i, mut j) = (i.min(j), i.max(j));
        let hidden = size - self.network.outputs() * chunk.width;
        if i >= hidden {
            // of the weights of two outputs the products are 0, of those of one they are the same for all
            if (i - hidden) / chunk.width != (j - hidden) / chunk.width {
                return 0.0;
            }
            (i, j) = (hidden + (i - hidden) % chunk.width, hidden + (j - hidden) % chunk.width);
        }
        chunk.square[i * size + j]
    }

    /// J'J and J'e over a batch, into the first chunk.
    fn normal_equations(&mut self, count: usize, inputs: &[f64], targets: &[f64]) {
        let (network, kernels, shape) = (&self.network, self.kernels, BatchShape { count, steps: 1 });
        network.assert_lengths(&self.weights, shape, inputs.len(), targets.len());
        let panels = count.div_ceil(PANEL);
        self.chunks.resize_with(panels.min(MOST_CHUNKS), || Chunk::new(network));
        let plain = &self.weights[..];
        self.workspace.prepare(network, shape, false);
        self.workspace.pack(kernels, network, plain);
        let all = Weights { kernels, plain, packed: &self.workspace.packed };
        let chunks = self.chunks.len();
        let mut numbered: Vec<(usize, &mut Chunk)> = self.chunks.iter_mut().enumerate().collect();
        parallel(&mut numbered, usize::MAX, &|(i, chunk): &mut (usize, &mut Chunk)| {
            chunk.clear();
            let end = (*i + 1) * panels / chunks;
            for first in (*i * panels / chunks..end).step_by(chunk.panels) {
                let extent = Extent { panels: chunk.panels.min(end - first), steps: 1 };
                let buffers = &mut chunk.buffers;
                load(
                    inputs,
                    shape,
                    network.inputs(),
                    first,
                    &mut buffers.x[..extent.panels * network.inputs()],
                );
                let rows = extent.panels * network.outputs();
                load(targets, shape, network.outputs(), first, &mut buffers.targets[..rows]);
                network.run(all, extent, buffers, true);
                chunk.add_panels(all, network, extent.panels, count - first * PANEL);
            }
        });
        let Some((first, others)) = self.chunks.split_first_mut() else { return };
        for other in others {
            add(&mut first.square, &other.square);
            add(&mut first.slope, &other.slope);
        }
    }
}

fn add(sum: &mut [f64], x: &[f64]) {
    for (sum, x) in sum.iter_mut().zip(x) {
        *sum += x;
    }
}

/// Rows of J that are held at a time: half a megabyte.
const ROWS_IN_CACHE: usize = 2048;

impl Chunk {
    fn new(network: &Network) -> Self {
        let (size, outputs, layers) = (network.weights(), network.outputs(), network.layers());
        let width = layers[layers.len() - 1].inputs() + 1;
        let hidden = size - outputs * width;
        let panels = (ROWS_IN_CACHE / (outputs * hidden + width)).clamp(1, 8);
        let buffers = Buffers::new(network, panels, 1);
        Chunk {
            derivatives: buffers.derivatives.clone(),
            buffers,
            hidden: vec![Row::ZERO; panels * outputs * hidden],
            last: vec![Row::ZERO; panels * width],
            residuals: vec![Row::ZERO; panels * outputs],
            square: vec![0.0; size * size],
            slope: vec![0.0; size],
            panels,
            width,
        }
    }

    fn clear(&mut self) {
        self.square.fill(0.0);
        self.slope.fill(0.0);
    }

    /// Adds some panels, on which the network was run, of which the first `valid` examples are meant.
    fn add_panels(&mut self, all: Weights<f64>, network: &Network, panels: usize, valid: usize) {
        let (kernels, size, outputs, width) = (all.kernels, network.weights(), network.outputs(), self.width);
        let hidden = size - outputs * width;
        for panel in 0..panels {
            let valid = valid.saturating_sub(panel * PANEL).min(PANEL);
            let (y, targets) = (self.buffers.y.last(), &self.buffers.targets[panel * outputs..]);
            let y = y.map_or(&[][..], |y| &y[panel * outputs..(panel + 1) * outputs]);
            let residuals = &mut self.residuals[panel * outputs..(panel + 1) * outputs];
            // the error itself is summed elsewhere, before and after a step in the same way
            kernels.squared_error(y, targets, 1.0, valid, residuals, &mut 0.0);
            self.last_row(network, panel, valid);
            for output in 0..outputs {
                self.hidden_row(all, network, panel, output, valid);
            }
        }
        let of_hidden = Rows { rows: &self.hidden, stride: hidden, width: hidden };
        let of_last = Rows { rows: &self.last, stride: width, width };
        let residuals = Rows { rows: &self.residuals, stride: 1, width: 1 };
        kernels.outer(of_hidden, residuals, panels * outputs, &mut self.slope, 1);
        // block after block of rows, each from the diagonal on
        const BLOCK: usize = 24;
        for i in (0..hidden).step_by(BLOCK) {
            let right = Rows { rows: &of_hidden.rows[i..], width: hidden - i, ..of_hidden };
            let left = Rows { width: BLOCK.min(hidden - i), ..right };
            kernels.outer(left, right, panels * outputs, &mut self.square[i * size + i..], size);
        }
        for output in 0..outputs {
            let at = hidden + output * width;
            let residuals = Rows { rows: &self.residuals[output..], stride: outputs, width: 1 };
            kernels.outer(of_last, residuals, panels, &mut self.slope[at..], 1);
            if hidden > 0 {
                let rows = &self.hidden[output * hidden..];
                let of_output = Rows { rows, stride: outputs * hidden, width: hidden };
                kernels.outer(of_output, of_last, panels, &mut self.square[at..], size);
            }
        }
        kernels.outer(of_last, of_last, panels, &mut self.square[hidden * size + hidden..], size);
    }

    /// What the last layer takes of a panel, and 1; 0 for examples that are not meant.
    fn last_row(&mut self, network: &Network, panel: usize, valid: usize) {
        let (inputs, layers) = (self.width - 1, network.layers().len());
        let x = if layers > 1 { &self.buffers.y[layers - 2] } else { &self.buffers.x };
        let (rows, one) = self.last[panel * self.width..(panel + 1) * self.width].split_at_mut(inputs);
        rows.copy_from_slice(&x[panel * inputs..(panel + 1) * inputs]);
        rows.iter_mut().for_each(|row| row[valid..].fill(0.0));
        one[0] = Row::ZERO;
        one[0][..valid].fill(1.0);
    }

    /// The row of J of one output by the weights of the hidden layers, by a backward pass.
    fn hidden_row(
        &mut self,
        all: Weights<f64>,
        network: &Network,
        panel: usize,
        output: usize,
        valid: usize,
    ) {
        let (layers, outputs) = (network.layers(), network.outputs());
        let size = network.weights() - outputs * self.width;
        let row = &mut self.hidden[(panel * outputs + output) * size..][..size];
        let dy = &mut self.derivatives[0][..outputs];
        dy.fill(Row::ZERO);
        dy[output][..valid].fill(1.0);
        for (l, layer) in layers.iter().enumerate().rev() {
            let Layer::Dense(Dense { inputs, outputs, activation }) = layer else { continue };
            let (weights, begin) = all.layer(network, l);
            let [dz, dx] = &mut self.derivatives;
            let dz = &mut dz[..*outputs];
            if activation.is_some() {
                all.kernels.multiply(dz, &self.buffers.saved[l][panel * outputs..]);
            }
            if l + 1 < layers.len() {
                let x = if l > 0 { &self.buffers.y[l - 1] } else { &self.buffers.x };
                let row = &mut row[begin..begin + (inputs + 1) * outputs];
                let (by_weight, by_bias) = row.split_at_mut(inputs * outputs);
                let x = &x[panel * inputs..(panel + 1) * inputs];
                for (x, by_weight) in x.iter().zip(by_weight.chunks_exact_mut(*outputs)) {
                    by_weight.copy_from_slice(dz);
                    for row in by_weight {
                        for (slot, x) in row.iter_mut().zip(x.iter()) {
                            *slot *= x;
                        }
                    }
                }
                by_bias.copy_from_slice(dz);
            }
            if l > 0 {
                let backward = &weights.packed[inputs * outputs..];
                all.kernels.product(backward, dz, Start::Zero, &mut dx[..*inputs]);
            }
            self.derivatives.swap(0, 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Activation, Gru};

    fn network() -> Network {
        let dense = |inputs, outputs, activation| Layer::Dense(Dense { inputs, outputs, activation });
        Network::new(vec![dense(2, 5, Some(Activation::Tanh)), dense(5, 3, None)]).unwrap()
    }

    /// Numbers in [-1, 1] without a pattern that matters here.
    fn numbers(count: usize, seed: f64) -> Vec<f64> {
        (0..count).map(|i| (seed + 12.9898 * i as f64).sin()).collect()
    }

    #[test]
    #[cfg_attr(miri, ignore = "thousands of times slower")]
    fn the_normal_equations_are_those_of_the_jacobian_by_differences() {
        // the second is deeper, with more weights than a block has rows and several groups of panels in a chunk
        let dense = |inputs, outputs, activation| Layer::Dense(Dense { inputs, outputs, activation });
        let (tanh, silu) = (Some(Activation::Tanh), Some(Activation::Silu));
        let deep = Network::new(vec![dense(2, 7, tanh), dense(7, 6, silu), dense(6, 3, None)]).unwrap();
        for (network, count) in [(network(), 37), (deep, 4999)] {
            assert_normal_equations(network, count);
        }
    }

    fn assert_normal_equations(network: Network, count: usize) {
        let size = network.weights();
        let (inputs, targets) = (numbers(2 * count, 1.0), numbers(3 * count, 2.0));
        let weights = numbers(size, 3.0);
        let mut method = LevenbergMarquardt::new(network.clone(), &weights, 1e-3).unwrap();
        method.normal_equations(count, &inputs, &targets);
        let loss = method.loss(count, &inputs, &targets);
        let outputs = |weights: &[f64]| {
            let (mut y, shape) = (vec![0.0; 3 * count], BatchShape { count, steps: 1 });
            network.forward(
                Kernels::best(),
                &mut Workspace::default(),
                weights,
                shape,
                &inputs,
                &mut y,
                false,
            );
            DVector::from_vec(y)
        };
        let h = 1e-5;
        let columns: Vec<DVector<f64>> = (0..size)
            .map(|i| {
                let moved = |sign: f64| {
                    let mut moved = weights.clone();
                    moved[i] += sign * h;
                    outputs(&moved)
                };
                (moved(1.0) - moved(-1.0)) / (2.0 * h)
            })
            .collect();
        let jacobian = DMatrix::from_columns(&columns);
        let residuals = outputs(&weights) - DVector::from_column_slice(&targets);
        let (square, slope) = (jacobian.transpose() * &jacobian, jacobian.transpose() * &residuals);
        let (found, order) = (&method.chunks[0], &method.order);
        assert!((loss - residuals.norm_squared() / (3 * count) as f64).abs() < 1e-12);
        for i in 0..size {
            assert!((found.slope[i] - slope[order[i]]).abs() < 1e-8 * count as f64, "{i}");
            for j in i..size {
                let at = square[(order[i], order[j])];
                assert!((method.square(i, j) - at).abs() < 1e-8 * count as f64, "{i} {j}");
            }
        }
    }

    #[test]
    fn a_linear_problem_is_solved_in_a_few_steps() {
        // y = A x + b is in the reach of one linear layer, so the error goes to roundoff squared.
        let linear = Layer::Dense(Dense { inputs: 2, outputs: 1, activation: None });
        let network = Network::new(vec![linear]).unwrap();
        let inputs = numbers(100, 0.5);
        let targets: Vec<f64> = inputs.chunks(2).map(|x| 3.0 * x[0] - 0.25 * x[1] + 7.0).collect();
        let mut method = LevenbergMarquardt::new(network, &[0.0; 3], 1e-3).unwrap();
        let steps: Vec<Stepped> = (0..6).map(|_| method.step(50, &inputs, &targets)).collect();
        assert!(steps[0].loss > 1.0 && steps[5].loss < 1e-20, "{steps:?}");
        for (w, exact) in method.weights().iter().zip([3.0, -0.25, 7.0]) {
            assert!((w - exact).abs() < 1e-10);
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "thousands of times slower")]
    fn the_error_never_rises_and_a_teacher_of_the_same_shape_is_found() {
        let network = network();
        let (size, count) = (network.weights(), 300);
        let inputs: Vec<f64> = numbers(2 * count, 1.0).iter().map(|x| 2.0 * x).collect();
        let mut targets = vec![0.0; 3 * count];
        let teacher = numbers(size, 5.0);
        let shape = BatchShape { count, steps: 1 };
        network.forward(
            Kernels::best(),
            &mut Workspace::default(),
            &teacher,
            shape,
            &inputs,
            &mut targets,
            false,
        );
        let mut method = LevenbergMarquardt::new(network, &numbers(size, 9.0), 1e-3).unwrap();
        let mut last = f64::INFINITY;
        for _ in 0..200 {
            let stepped = method.step(count, &inputs, &targets);
            assert!(stepped.loss <= last && stepped.after <= stepped.loss, "{stepped:?}");
            last = stepped.after;
        }
        assert!(last < 1e-12, "{last}");
    }

    #[test]
    #[cfg_attr(miri, ignore = "thousands of times slower")]
    fn threads_change_no_bit_and_state_continues() {
        let (inputs, targets) = (numbers(2 * 200, 1.0), numbers(3 * 200, 2.0));
        let start = || LevenbergMarquardt::new(network(), &numbers(network().weights(), 3.0), 1e-3).unwrap();
        let train = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut method = start();
                for _ in 0..5 {
                    method.step(200, &inputs, &targets);
                }
                (method.weights().to_vec(), method.damping())
            })
        };
        let (weights, damping) = train(1);
        assert_eq!((weights.clone(), damping), train(3));
        let (mut straight, mut continued) = (start(), start());
        straight.restore(&weights, damping);
        continued.restore(&weights, damping);
        assert_eq!(straight.step(200, &inputs, &targets), continued.step(200, &inputs, &targets));
    }

    #[test]
    fn other_networks_and_numbers_that_are_none_are_refused() {
        let gru = Network::new(vec![Layer::Gru(Gru { inputs: 2, units: 2 })]).unwrap();
        let weights = vec![0.0; gru.weights()];
        assert!(
            LevenbergMarquardt::new(gru, &weights, 1e-3)
                .err()
                .unwrap()
                .to_string()
                .contains("dense layers only")
        );
        let weights = numbers(network().weights(), 3.0);
        let mut method = LevenbergMarquardt::new(network(), &weights, 1e-3).unwrap();
        let stepped = method.step(1, &[f64::NAN, 0.0], &[0.0; 3]);
        assert!(stepped.loss.is_nan() && method.weights() == weights);
    }
}
