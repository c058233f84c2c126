//! Free runs: a network that is given some samples of a sequence, and then goes on from its own outputs.
//!
//! The outputs after a sample are the scaled increments to the next one, i(t). While samples are given, the state s(t) is
//! that of the data, u(t). From then on it follows from the step before,
//!
//! s(t) = s(t - 1) + a i(t - 1) + b,
//!
//! with a and b from the scales of states and increments. Layers with a memory carry it through the whole sequence. The
//! error at a step is that of the next state, in standard deviations of its increment,
//!
//! e(t) = r (s(t) - u(t)) + i(t) - target(t), with r = 1 / a.
//!
//! Backward, from the last step: the derivative by i(t) is that of e(t)^2, plus a times that by s(t + 1); the derivative by
//! s(t) is what the layers pass down, plus r times that by e(t), plus that by s(t + 1). It ends at the samples that are
//! given.

use crate::layers::{Layer, Place, Stepwise, Weights};
use crate::network::{BatchShape, Network, chunks, load, parallel, sum_gradients};
use crate::real::{PANEL, Piece, Real, Row, pieces};
use crate::simd::Kernels;

/// How the scaled state of a component follows from its scaled increment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Advance {
    /// Standard deviation of the increments over that of the states: a above.
    pub step: f64,
    /// Mean of the increments over the standard deviation of the states: b above.
    pub drift: f64,
    /// Standard deviation of the states over that of the increments: r above. Of a component that never changes, any number.
    pub ratio: f64,
}

/// The free run that a loss is taken over.
#[derive(Clone, Debug, PartialEq)]
pub struct FreeRun {
    /// Samples at the beginning of a sequence that are given; at least 1.
    pub given: usize,
    /// Samples at the beginning of a sequence whose errors do not count: while a memory begins at 0.
    pub warmup: usize,
    /// Of each component.
    pub advance: Vec<Advance>,
}

/// The buffers of both passes. They are allocated for the first batch of a shape and used again for every further one.
pub struct FreeRunWorkspace<T: Real> {
    /// What it has room for.
    prepared: Option<(Network, BatchShape)>,
    packed: Vec<T>,
    chunks: Vec<Chunk<T>>,
}

/// A part of the batch that one thread takes: panels `first` to `last`, one after the other.
struct Chunk<T> {
    first: usize,
    last: usize,
    buffers: Buffers<T>,
    gradient: Vec<Piece<T>>,
    loss: f64,
}

impl<T> AsRef<[Piece<T>]> for Chunk<T> {
    fn as_ref(&self) -> &[Piece<T>] {
        &self.gradient
    }
}

impl<T: Real> Default for FreeRunWorkspace<T> {
    fn default() -> Self {
        FreeRunWorkspace { prepared: None, packed: Vec::new(), chunks: Vec::new() }
    }
}

impl<T: Real> FreeRunWorkspace<T> {
    fn prepare(&mut self, network: &Network, shape: BatchShape) {
        if self.prepared.as_ref().is_some_and(|(of, at)| (of, *at) == (network, shape)) {
            return;
        }
        self.prepared = Some((network.clone(), shape));
        let chunk = |[first, last]: [usize; 2]| Chunk {
            first,
            last,
            buffers: Buffers::new(network, shape.steps),
            gradient: vec![[T::ZERO; PANEL]; pieces(network.weights())],
            loss: 0.0,
        };
        self.chunks = chunks(shape.count.div_ceil(PANEL), 1).map(chunk).collect();
    }
}

/// Buffers of one panel.
struct Buffers<T> {
    x: Vec<Row<T>>,
    targets: Vec<Row<T>>,
    /// Of each layer.
    y: Vec<Vec<Row<T>>>,
    saved: Vec<Vec<Row<T>>>,
    dy: Vec<Vec<Row<T>>>,
    /// The derivative by the errors, [step, component].
    by_errors: Vec<Row<T>>,
    /// The derivative by a sample, and by the state of the sample after it.
    dx: Vec<Row<T>>,
    by_next: Vec<Row<T>>,
}

impl<T: Real> Buffers<T> {
    fn new(network: &Network, steps: usize) -> Self {
        let rows = |count: usize| vec![Row::ZERO; count];
        let outputs = || network.layers().iter().map(|layer| rows(steps * layer.outputs())).collect();
        Buffers {
            x: rows(steps * network.inputs()),
            targets: rows(steps * network.outputs()),
            y: outputs(),
            saved: network.layers().iter().map(|layer| rows(layer.pass::<T>().saved(steps))).collect(),
            dy: outputs(),
            by_errors: rows(steps * network.outputs()),
            dx: rows(network.inputs()),
            by_next: rows(network.outputs()),
        }
    }
}

impl Network {
    /// Whether it can go step by step: a convolution cannot, since it sees several samples at once.
    pub fn is_stepwise(&self) -> bool {
        self.layers().iter().all(|layer| layer.stepwise::<f64>().is_some())
    }

    /// Whether every output follows from the sample of its own step alone.
    pub fn is_memoryless(&self) -> bool {
        self.layers().iter().all(|layer| matches!(layer, Layer::Dense(_)))
    }

    fn stepwise<T: Real>(&self) -> Vec<&dyn Stepwise<T>> {
        assert!(self.is_stepwise(), "{self:?} cannot go step by step");
        self.layers().iter().filter_map(|layer| layer.stepwise()).collect()
    }

    /// The mean squared error over a free run of each sequence, and its derivative by the weights unless `gradient` is empty.
    /// The first features of a sample are its components; the others are known at all times. `targets` are the increments
    /// after each sample of the data.
    ///
    /// # Panics
    /// As [`Network::forward`]; a network that is not [`Network::is_stepwise`]; no sample given, no error that counts, or
    /// scales of another number of components than it gives.
    #[allow(clippy::too_many_arguments)] // a batch, the weights, the run, and where the result goes
    pub fn free_run_error<T: Real>(
        &self,
        kernels: &Kernels<T>,
        workspace: &mut FreeRunWorkspace<T>,
        weights: &[T],
        shape: BatchShape,
        inputs: &[f64],
        targets: &[f64],
        run: &FreeRun,
        gradient: &mut [Piece<T>],
    ) -> f64 {
        self.assert_lengths(weights, shape, inputs.len(), targets.len());
        assert!(run.given > 0 && run.warmup < shape.steps, "{run:?} over {} samples", shape.steps);
        assert_eq!(run.advance.len(), self.outputs(), "scales of each component");
        assert!(self.outputs() <= self.inputs(), "a sample begins with its components");
        let back = !gradient.is_empty();
        assert!(!back || gradient.len() == pieces(self.weights()), "pieces of the gradient");
        workspace.prepare(self, shape);
        self.pack(kernels, weights, &mut workspace.packed);
        let layers = self.stepwise::<T>();
        let all = Weights { kernels, plain: weights, packed: &workspace.packed };
        let counted = (shape.count * (shape.steps - run.warmup) * self.outputs()) as f64;
        parallel(&mut workspace.chunks, self.work(shape), &|chunk: &mut Chunk<T>| {
            chunk.loss = 0.0;
            chunk.gradient.fill([T::ZERO; PANEL]);
            let buffers = &mut chunk.buffers;
            for panel in chunk.first..chunk.last {
                load_filled(inputs, shape, self.inputs(), panel, &mut buffers.x);
                load_filled(targets, shape, self.outputs(), panel, &mut buffers.targets);
                let valid = (shape.count - panel * PANEL).min(PANEL);
                let pass = Pass { network: self, layers: &layers, all, steps: shape.steps, run };
                pass.forward(buffers, valid, 2.0 / counted, &mut chunk.loss);
                if back {
                    pass.backward(buffers, chunk.gradient.as_flattened_mut());
                }
            }
        });
        if back {
            sum_gradients(kernels, &workspace.chunks, 0, gradient);
        }
        workspace.chunks.iter().map(|chunk| chunk.loss).sum::<f64>() / counted
    }
}

/// Loads a panel of a batch. Lanes without an example take the first one of the panel: a run from zeros could become
/// infinite where none of the data does.
fn load_filled<T: Real>(from: &[f64], shape: BatchShape, features: usize, panel: usize, rows: &mut [Row<T>]) {
    load(from, shape, features, panel, rows);
    let valid = (shape.count - panel * PANEL).min(PANEL);
    for row in rows {
        let first = row[0];
        row[valid..].fill(first);
    }
}

/// Both passes over the sequence of a panel.
struct Pass<'a, T: Real> {
    network: &'a Network,
    layers: &'a [&'a dyn Stepwise<T>],
    all: Weights<'a, T>,
    steps: usize,
    run: &'a FreeRun,
}

impl<T: Real> Pass<'_, T> {
    fn weights(&self, layer: usize) -> (Weights<'_, T>, usize) {
        self.all.layer(self.network, layer)
    }

    /// Rows of a step in a buffer of so many a step.
    fn at(t: usize, width: usize) -> std::ops::Range<usize> {
        t * width..(t + 1) * width
    }

    /// Runs through the sequence, adds the squares of its errors to `loss`, and leaves `scale` times the errors that count.
    fn forward(&self, buffers: &mut Buffers<T>, valid: usize, scale: f64, loss: &mut f64) {
        let (features, dim) = (self.network.inputs(), self.network.outputs());
        let Buffers { x, targets, y, saved, by_errors, .. } = buffers;
        let scale = T::from_f64(scale);
        for t in 0..self.steps {
            let errors = &mut by_errors[Self::at(t, dim)];
            errors.fill(Row::ZERO);
            if t >= self.run.given {
                // In the place of the data; what they were apart is a part of the error.
                let increments = &y[y.len() - 1][Self::at(t - 1, dim)];
                let (past, now) = x.split_at_mut(t * features);
                let before = &past[(t - 1) * features..];
                for (j, of) in self.run.advance.iter().enumerate() {
                    let (step, drift, ratio) =
                        (T::from_f64(of.step), T::from_f64(of.drift), T::from_f64(of.ratio));
                    for i in 0..PANEL {
                        let state = before[j][i] + step * increments[j][i] + drift;
                        errors[j][i] = ratio * (state - now[j][i]);
                        now[j][i] = state;
                    }
                }
            }
            for (i, layer) in self.layers.iter().enumerate() {
                let (below, above) = y.split_at_mut(i);
                let x = match below.last() {
                    Some(y) => &y[Self::at(t, self.network.layers()[i - 1].outputs())],
                    None => &x[Self::at(t, features)],
                };
                let place = Place { t, steps: self.steps };
                layer.forward_at(self.weights(i).0, place, x, &mut above[0], &mut saved[i]);
            }
            let increments = &y[y.len() - 1][Self::at(t, dim)];
            let targets = &targets[Self::at(t, dim)];
            for ((error, increment), target) in errors.iter_mut().zip(increments).zip(targets) {
                for i in 0..PANEL {
                    let e = error[i] + increment[i] - target[i];
                    let counts = t >= self.run.warmup && i < valid;
                    if counts {
                        *loss += e.to_f64() * e.to_f64();
                    }
                    error[i] = if counts { scale * e } else { T::ZERO };
                }
            }
        }
    }

    /// Adds the derivative by the weights to `gradient`.
    fn backward(&self, buffers: &mut Buffers<T>, gradient: &mut [T]) {
        let (features, dim) = (self.network.inputs(), self.network.outputs());
        let Buffers { x, y, saved, dy, by_errors, dx, by_next, .. } = buffers;
        dy.iter_mut().for_each(|dy| dy.fill(Row::ZERO));
        by_next.fill(Row::ZERO);
        let top = dy.len() - 1;
        for t in (0..self.steps).rev() {
            let by_errors = &by_errors[Self::at(t, dim)];
            for (j, slot) in dy[top][Self::at(t, dim)].iter_mut().enumerate() {
                let step = T::from_f64(self.run.advance[j].step);
                for i in 0..PANEL {
                    slot[i] = slot[i] + by_errors[j][i] + step * by_next[j][i];
                }
            }
            let is_free = t >= self.run.given;
            dx.fill(Row::ZERO);
            for (i, layer) in self.layers.iter().enumerate().rev() {
                let (below, above) = dy.split_at_mut(i);
                let dx = match below.last_mut() {
                    Some(dy) => &mut dy[Self::at(t, self.network.layers()[i - 1].outputs())],
                    None if is_free => &mut dx[..],
                    None => &mut [],
                };
                let place = Place { t, steps: self.steps };
                layer.backward_at(self.weights(i).0, place, &y[i], &mut saved[i], &mut above[0], dx);
            }
            for (j, by_state) in by_next.iter_mut().enumerate() {
                let ratio = T::from_f64(self.run.advance[j].ratio);
                for i in 0..PANEL {
                    by_state[i] =
                        if is_free { by_state[i] + dx[j][i] + ratio * by_errors[j][i] } else { T::ZERO };
                }
            }
        }
        debug_assert_eq!(x.len(), self.steps * features);
        for (i, layer) in self.layers.iter().enumerate() {
            let below = i.checked_sub(1).map_or(&x[..], |below| &y[below][..]);
            let (weights, begin) = self.weights(i);
            let slots = &mut gradient[begin..][..weights.plain.len()];
            layer.add_gradient(weights.kernels, self.steps, below, &y[i], &saved[i], &dy[i], slots);
        }
    }
}

/// A network under way through sequences whose samples come one by one: its layers carry their memory on.
pub struct Carried<'a, T: Real> {
    network: &'a Network,
    kernels: &'a Kernels<T>,
    weights: &'a [T],
    packed: Vec<T>,
    count: usize,
    panels: Vec<Panel<T>>,
}

/// The buffers of one panel over two steps, of which the first is the past.
struct Panel<T> {
    number: usize,
    x: Vec<Row<T>>,
    y: Vec<Vec<Row<T>>>,
    saved: Vec<Vec<Row<T>>>,
}

impl<'a, T: Real> Carried<'a, T> {
    /// Before the first sample of `count` sequences: the memory is 0.
    ///
    /// # Panics
    /// A network that is not [`Network::is_stepwise`], or another number of weights than it has.
    pub fn new(network: &'a Network, kernels: &'a Kernels<T>, weights: &'a [T], count: usize) -> Self {
        assert!(network.is_stepwise(), "{network:?} cannot go step by step");
        assert_eq!(weights.len(), network.weights(), "weights");
        let mut packed = Vec::new();
        network.pack(kernels, weights, &mut packed);
        let rows = |count: usize| vec![Row::ZERO; count];
        let panel = |number| Panel {
            number,
            x: rows(network.inputs()),
            y: network.layers().iter().map(|layer| rows(2 * layer.outputs())).collect(),
            saved: network.layers().iter().map(|layer| rows(layer.pass::<T>().saved(2))).collect(),
        };
        let panels = (0..count.div_ceil(PANEL)).map(panel).collect();
        Carried { network, kernels, weights, packed, count, panels }
    }

    /// Takes up the next sample of each sequence, [sequence, feature]; writes the outputs after it, [sequence, output].
    ///
    /// # Panics
    /// Arrays of other lengths.
    pub fn advance(&mut self, inputs: &[f64], outputs: &mut [f64]) {
        let Carried { network, kernels, weights, ref packed, count, ref mut panels } = *self;
        let (features, dim) = (network.inputs(), network.outputs());
        assert_eq!((inputs.len(), outputs.len()), (count * features, count * dim), "samples and outputs");
        let (layers, shape) = (network.stepwise::<T>(), BatchShape { count, steps: 1 });
        let all = Weights { kernels, plain: weights, packed };
        parallel(panels, network.work(shape), &|panel: &mut Panel<T>| {
            load(inputs, shape, features, panel.number, &mut panel.x);
            for (i, layer) in layers.iter().enumerate() {
                let (below, above) = panel.y.split_at_mut(i);
                let x = below.last().map_or(&panel.x[..], |y| &y[y.len() / 2..]);
                let (y, saved) = (&mut above[0], &mut panel.saved[i]);
                layer.shift(y, saved);
                layer.forward_at(all.layer(network, i).0, Place { t: 1, steps: 2 }, x, y, saved);
            }
        });
        for (panel, outputs) in panels.iter().zip(outputs.chunks_mut(PANEL * dim)) {
            let y = &panel.y[panel.y.len() - 1][dim..];
            for (lane, outputs) in outputs.chunks_exact_mut(dim).enumerate() {
                outputs.iter_mut().zip(y).for_each(|(slot, row)| *slot = row[lane].to_f64());
            }
        }
    }
}
