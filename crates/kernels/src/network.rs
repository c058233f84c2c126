//! A network as a list of layers, its weights one vector, and both passes over a batch.

use crate::layers::{Extent, Layer, TensorSpec, Weights};
use crate::real::{PANEL, Piece, Real, Row, pieces};
use crate::simd::Kernels;

/// Layers, one on the other. It takes [batch, step, feature] to [batch, step, output].
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    layers: Vec<Layer>,
    /// Weights of each layer.
    weights: Vec<usize>,
}

/// Layers that do not fit on each other, or that have an impossible size.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error("{0}")]
pub struct ShapeError(pub(crate) String);

/// A batch is divided for threads into at most this many chunks. It bounds the memory for their gradients; the
/// division depends on the batch alone, so that sums are the same on any number of threads.
pub(crate) const MOST_CHUNKS: usize = 8;

/// Samples of a panel that a gradient is summed over at once, in small batches and in large ones: fewer, and adding
/// up across a vector would take as long as the products; more, and a small batch would not divide for threads.
const SAMPLES_A_SUM: [usize; 2] = [4, 8];

/// Multiply-adds below which a second thread costs more than it saves.
const WORTH_A_THREAD: usize = 2_000_000;

impl Network {
    /// A network of these layers.
    ///
    /// # Errors
    /// No layer, a size of 0, or a layer that does not take what the one below gives.
    pub fn new(layers: Vec<Layer>) -> Result<Self, ShapeError> {
        if layers.is_empty() {
            return Err(ShapeError("a network needs at least one layer".into()));
        }
        for (i, layer) in layers.iter().enumerate() {
            let sizes: &[usize] = match layer {
                Layer::Dense(_) | Layer::Rnn(_) | Layer::Lstm(_) | Layer::Gru(_) => &[],
                Layer::Conv1d(layer) => &[layer.width, layer.dilation],
                Layer::Conv2d(layer) => &[layer.grid[0], layer.grid[1], layer.taps[0], layer.taps[1]],
            };
            if sizes.iter().chain(&[layer.inputs(), layer.outputs()]).any(|&size| size == 0) {
                return Err(ShapeError(format!("layer {i} has a size of 0: {layer:?}")));
            }
        }
        if let Some(i) = (1..layers.len()).find(|&i| layers[i - 1].outputs() != layers[i].inputs()) {
            let (gives, takes) = (layers[i - 1].outputs(), layers[i].inputs());
            return Err(ShapeError(format!(
                "layer {i} takes {takes} features, but layer {} gives {gives}",
                i - 1
            )));
        }
        let weights =
            layers.iter().map(|layer| layer.tensors().iter().map(TensorSpec::count).sum()).collect();
        Ok(Network { layers, weights })
    }

    /// Its layers.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Features of a sample that it takes.
    pub fn inputs(&self) -> usize {
        self.layers[0].inputs()
    }

    /// Features of a sample that it gives.
    pub fn outputs(&self) -> usize {
        self.layers[self.layers.len() - 1].outputs()
    }

    /// Its tensors in the order in which they stand in the vector of weights, named `layer.tensor`.
    pub fn tensors(&self) -> impl Iterator<Item = (String, TensorSpec)> {
        self.layers.iter().enumerate().flat_map(|(i, layer)| {
            layer.tensors().into_iter().map(move |tensor| (format!("{i}.{}", tensor.name), tensor))
        })
    }

    /// Number of weights.
    pub fn weights(&self) -> usize {
        self.weights.iter().sum()
    }

    /// Whether it can run over sequences of so many steps.
    ///
    /// # Errors
    /// No step at all, or a number other than the points of a grid.
    pub fn check_steps(&self, steps: usize) -> Result<(), ShapeError> {
        if steps == 0 {
            return Err(ShapeError("a sequence needs at least one step".into()));
        }
        let grids = self.layers.iter().filter_map(|layer| match layer {
            Layer::Conv2d(layer) => Some(layer.grid),
            _ => None,
        });
        for [rows, columns] in grids {
            if rows * columns != steps {
                return Err(ShapeError(format!(
                    "a grid of {rows} x {columns} points takes {} steps, not {steps}",
                    rows * columns
                )));
            }
        }
        Ok(())
    }
}

impl Network {
    /// Runs the layers over the panels in `buffers.x`; the outputs are those of the last layer.
    pub(crate) fn run<T: Real>(&self, all: Weights<T>, extent: Extent, buffers: &mut Buffers<T>, keep: bool) {
        for (i, layer) in self.layers.iter().enumerate() {
            let (below, above) = buffers.y.split_at_mut(i);
            let from = below.last().unwrap_or(&buffers.x);
            let x = &from[..extent.panels * extent.steps * layer.inputs()];
            let y = &mut above[0][..extent.panels * extent.steps * layer.outputs()];
            let saved = &mut buffers.saved[i][..extent.panels * layer.pass::<T>().saved(extent.steps)];
            layer.pass().forward(all.layer(self, i).0, extent, x, y, saved, keep);
        }
    }

    /// From the derivative by the outputs, in `buffers.derivatives[0]`, that by the weights, added to `gradient`,
    /// and that by the inputs where `to_inputs`: it then stands in the same place.
    fn run_back<T: Real>(
        &self,
        all: Weights<T>,
        extent: Extent,
        buffers: &mut Buffers<T>,
        gradient: &mut [T],
        to_inputs: bool,
    ) {
        let samples = extent.panels * extent.steps;
        for (i, layer) in self.layers.iter().enumerate().rev() {
            let (below, above) = buffers.y.split_at(i);
            let x = &below.last().unwrap_or(&buffers.x)[..samples * layer.inputs()];
            let y = &above[0][..samples * layer.outputs()];
            let saved = &mut buffers.saved[i][..extent.panels * layer.pass::<T>().saved(extent.steps)];
            let [dy, dx] = &mut buffers.derivatives;
            let dx = if i > 0 || to_inputs { &mut dx[..samples * layer.inputs()] } else { &mut [] };
            let (weights, begin) = all.layer(self, i);
            let (dy, slots) =
                (&mut dy[..samples * layer.outputs()], &mut gradient[begin..][..self.weights[i]]);
            layer.pass().backward(weights, extent, x, y, saved, dy, dx, slots);
            buffers.derivatives.swap(0, 1);
        }
    }
}

impl<'a, T: Real> Weights<'a, T> {
    /// Of those of a whole network, those of a layer, and where they begin.
    pub(crate) fn layer(self, network: &Network, i: usize) -> (Self, usize) {
        let size = |layer: &Layer| layer.pass::<T>().packed();
        let begin = network.weights[..i].iter().sum();
        let packed = &self.packed[network.layers[..i].iter().map(size).sum()..][..size(&network.layers[i])];
        (Weights { plain: &self.plain[begin..begin + network.weights[i]], packed, ..self }, begin)
    }
}

/// A batch in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchShape {
    /// Examples.
    pub count: usize,
    /// Samples of an example.
    pub steps: usize,
}

/// The buffers of both passes. They are allocated for the first batch of a shape and used again for every
/// further one.
pub struct Workspace<T: Real> {
    /// What it has room for; `true` where all of a chunk is kept from a forward to a backward pass.
    prepared: Option<(Network, BatchShape, bool)>,
    pub(crate) packed: Vec<T>,
    chunks: Vec<Chunk<T>>,
    /// Whether a backward pass can follow.
    kept: bool,
}

/// A part of the batch that one thread takes.
struct Chunk<T: Real> {
    /// Panels of it, as numbers in the batch.
    first: usize,
    last: usize,
    /// Panels at a time.
    group: usize,
    buffers: Buffers<T>,
    /// Empty before the first backward pass.
    gradient: Vec<Piece<T>>,
    loss: f64,
}

pub(crate) struct Buffers<T> {
    pub(crate) x: Vec<Row<T>>,
    /// Of each layer.
    pub(crate) y: Vec<Vec<Row<T>>>,
    pub(crate) saved: Vec<Vec<Row<T>>>,
    pub(crate) targets: Vec<Row<T>>,
    /// The derivative by the output of a layer, and by its input.
    pub(crate) derivatives: [Vec<Row<T>>; 2],
}

impl<T: Real> Chunk<T> {
    fn clear_gradient(&mut self, network: &Network) {
        self.gradient.resize(pieces(network.weights()), [T::ZERO; PANEL]);
        self.gradient.fill([T::ZERO; PANEL]);
    }
}

impl<T: Real> AsRef<[Piece<T>]> for Chunk<T> {
    fn as_ref(&self) -> &[Piece<T>] {
        &self.gradient
    }
}

impl<T: Real> Default for Workspace<T> {
    fn default() -> Self {
        Workspace { prepared: None, packed: Vec::new(), chunks: Vec::new(), kept: false }
    }
}

fn zeros<T: Real>(rows: usize) -> Vec<Row<T>> {
    vec![Row::ZERO; rows]
}

impl<T: Real> Workspace<T> {
    fn is_prepared(&self, network: &Network, shape: BatchShape, whole: bool) -> bool {
        self.prepared.as_ref().is_some_and(|(of, at, all)| (of, *at, *all) == (network, shape, whole))
    }

    /// Makes room for a batch: `whole` where all of a chunk is kept from a forward to a backward pass.
    pub(crate) fn prepare(&mut self, network: &Network, shape: BatchShape, whole: bool) {
        if self.is_prepared(network, shape, whole) {
            return;
        }
        self.prepared = Some((network.clone(), shape, whole));
        let panels = shape.count.div_ceil(PANEL);
        let samples = SAMPLES_A_SUM[usize::from(panels >= 2 * SAMPLES_A_SUM[1])];
        let group = samples.div_ceil(shape.steps).min(panels.max(1));
        self.chunks = chunks(panels, group)
            .map(|[first, last]| {
                let group = if whole { last - first } else { group };
                let buffers = Buffers::new(network, group, shape.steps);
                Chunk { first, last, group, buffers, gradient: Vec::new(), loss: 0.0 }
            })
            .collect();
    }

    pub(crate) fn pack(&mut self, kernels: &Kernels<T>, network: &Network, weights: &[T]) {
        network.pack(kernels, weights, &mut self.packed);
    }
}

impl Network {
    /// Packs the weights for the products of both passes, into as many numbers as it says.
    pub(crate) fn pack<T: Real>(&self, kernels: &Kernels<T>, weights: &[T], packed: &mut Vec<T>) {
        packed.resize(self.layers.iter().map(|layer| layer.pass::<T>().packed()).sum(), T::ZERO);
        pack_layers(kernels, &self.layers, &self.weights, weights, packed);
    }
}

/// The panels of each chunk of a batch of so many, in groups that a chunk takes at a time: first and last.
pub(crate) fn chunks(panels: usize, group: usize) -> impl Iterator<Item = [usize; 2]> {
    let groups = panels.div_ceil(group.max(1));
    let chunks = groups.min(MOST_CHUNKS);
    (0..chunks).map(move |i| [i * groups / chunks * group, ((i + 1) * groups / chunks * group).min(panels)])
}

impl Network {
    /// The outputs [batch, step, output] from the inputs [batch, step, feature]. With `keep` the workspace keeps what
    /// [`Network::backward`] needs.
    ///
    /// # Panics
    /// Arrays whose length is not that of their shape, and what [`Network::check_steps`] refuses.
    #[allow(clippy::too_many_arguments)] // a batch, the weights, and where the result goes
    pub fn forward<T: Real, I: Real, O: Real>(
        &self,
        kernels: &Kernels<T>,
        workspace: &mut Workspace<T>,
        weights: &[T],
        shape: BatchShape,
        inputs: &[I],
        outputs: &mut [O],
        keep: bool,
    ) {
        self.assert_lengths(weights, shape, inputs.len(), outputs.len());
        workspace.prepare(self, shape, true);
        workspace.kept = keep;
        workspace.pack(kernels, self, weights);
        let all = Weights { kernels, plain: weights, packed: &workspace.packed };
        parallel(&mut workspace.chunks, self.work(shape), &|chunk: &mut Chunk<T>| {
            let extent = Extent { panels: chunk.last - chunk.first, steps: shape.steps };
            load(inputs, shape, self.inputs(), chunk.first, &mut chunk.buffers.x);
            self.run(all, extent, &mut chunk.buffers, keep);
        });
        for chunk in &workspace.chunks {
            let y = &chunk.buffers.y[self.layers.len() - 1];
            unload(y, shape, self.outputs(), chunk.first, outputs);
        }
    }

    /// After [`Network::forward`] on the same arguments, from the derivative of a loss by the outputs: that by the
    /// weights, and that by the inputs unless `by_inputs` is empty.
    ///
    /// # Panics
    /// Arrays whose length is not that of their shape; a workspace that no such forward pass has left.
    #[allow(clippy::too_many_arguments)] // all that a backward pass is made of
    pub fn backward<T: Real, I: Real, O: Real>(
        &self,
        kernels: &Kernels<T>,
        workspace: &mut Workspace<T>,
        weights: &[T],
        shape: BatchShape,
        by_outputs: &[I],
        gradient: &mut [Piece<T>],
        by_inputs: &mut [O],
    ) {
        let (inputs, to_inputs) = (shape.count * shape.steps * self.inputs(), !by_inputs.is_empty());
        self.assert_lengths(
            weights,
            shape,
            if to_inputs { by_inputs.len() } else { inputs },
            by_outputs.len(),
        );
        assert!(workspace.kept && workspace.is_prepared(self, shape, true), "a forward pass before it");
        assert_eq!(gradient.len(), pieces(self.weights()), "pieces of the gradient");
        let all = Weights { kernels, plain: weights, packed: &workspace.packed };
        parallel(&mut workspace.chunks, self.work(shape), &|chunk: &mut Chunk<T>| {
            let extent = Extent { panels: chunk.last - chunk.first, steps: shape.steps };
            let rows = extent.panels * shape.steps * self.outputs();
            load(by_outputs, shape, self.outputs(), chunk.first, &mut chunk.buffers.derivatives[0][..rows]);
            chunk.clear_gradient(self);
            let slots = chunk.gradient.as_flattened_mut();
            self.run_back(all, extent, &mut chunk.buffers, slots, to_inputs);
        });
        sum_gradients(kernels, &workspace.chunks, 0, gradient);
        if to_inputs {
            for chunk in &workspace.chunks {
                let rows = (chunk.last - chunk.first) * shape.steps * self.inputs();
                let dx = &chunk.buffers.derivatives[0][..rows];
                unload(dx, shape, self.inputs(), chunk.first, by_inputs);
            }
        }
    }

    /// The mean squared error of the outputs, and its derivative by the weights unless `gradient` is empty.
    ///
    /// # Panics
    /// As [`Network::forward`].
    #[allow(clippy::too_many_arguments)] // a batch, the weights, and where the result goes
    pub fn squared_error<T: Real, I: Real>(
        &self,
        kernels: &Kernels<T>,
        workspace: &mut Workspace<T>,
        weights: &[T],
        shape: BatchShape,
        inputs: &[I],
        targets: &[I],
        gradient: &mut [Piece<T>],
    ) -> f64 {
        let scale = T::from_f64(2.0 / targets.len() as f64);
        let keep = !gradient.is_empty();
        assert!(!keep || gradient.len() == pieces(self.weights()), "pieces of the gradient");
        let panel =
            |y: &[Row<T>], targets: &[Row<T>], derivatives: &mut [Row<T>], valid: usize, loss: &mut f64| {
                kernels.squared_error(y, targets, scale, valid, derivatives, loss);
            };
        let loss = self.losses(kernels, workspace, weights, shape, [inputs, targets], keep, &panel);
        if keep {
            sum_gradients(kernels, &workspace.chunks, 0, gradient);
        }
        loss / targets.len() as f64
    }

    /// The mean squared error of the outputs at the last step of the sequence.
    ///
    /// # Panics
    /// As [`Network::forward`].
    pub fn last_squared_error<T: Real, I: Real>(
        &self,
        kernels: &Kernels<T>,
        workspace: &mut Workspace<T>,
        weights: &[T],
        shape: BatchShape,
        inputs: &[I],
        targets: &[I],
    ) -> f64 {
        let (outputs, steps) = (self.outputs(), shape.steps);
        let last = (steps - 1) * outputs..steps * outputs;
        let panel =
            |y: &[Row<T>], targets: &[Row<T>], unused: &mut [Row<T>], valid: usize, loss: &mut f64| {
                let [y, targets] = [y, targets].map(|of_panel| &of_panel[last.clone()]);
                kernels.squared_error(y, targets, T::ZERO, valid, &mut unused[last.clone()], loss);
            };
        let loss = self.losses(kernels, workspace, weights, shape, [inputs, targets], false, &panel);
        loss / (shape.count * outputs) as f64
    }

    /// Runs the network over the inputs of `[inputs, targets]`, and adds up what `panel` adds to the loss for each panel: from
    /// its outputs, its targets, room for the derivatives by the outputs, and the number of sequences in it. With `back` it
    /// runs back from these derivatives and leaves a gradient in each chunk.
    #[allow(clippy::too_many_arguments)]
    fn losses<T: Real, I: Real>(
        &self,
        kernels: &Kernels<T>,
        workspace: &mut Workspace<T>,
        weights: &[T],
        shape: BatchShape,
        [inputs, targets]: [&[I]; 2],
        back: bool,
        panel: &(impl Fn(&[Row<T>], &[Row<T>], &mut [Row<T>], usize, &mut f64) + Sync),
    ) -> f64 {
        self.assert_lengths(weights, shape, inputs.len(), targets.len());
        workspace.prepare(self, shape, false);
        workspace.pack(kernels, self, weights);
        let all = Weights { kernels, plain: weights, packed: &workspace.packed };
        parallel(&mut workspace.chunks, self.work(shape), &|chunk: &mut Chunk<T>| {
            chunk.loss = 0.0;
            if back {
                chunk.clear_gradient(self);
            }
            for first in (chunk.first..chunk.last).step_by(chunk.group) {
                let extent = Extent { panels: chunk.group.min(chunk.last - first), steps: shape.steps };
                let samples = extent.panels * extent.steps;
                let buffers = &mut chunk.buffers;
                load(inputs, shape, self.inputs(), first, &mut buffers.x[..samples * self.inputs()]);
                load(targets, shape, self.outputs(), first, &mut buffers.targets[..samples * self.outputs()]);
                self.run(all, extent, buffers, back);
                let length = extent.steps * self.outputs();
                let y = buffers.y[self.layers.len() - 1].chunks_exact(length);
                let pairs = y.zip(buffers.targets.chunks_exact(length)).take(extent.panels);
                let derivatives = buffers.derivatives[0].chunks_exact_mut(length);
                for (i, ((y, targets), derivatives)) in pairs.zip(derivatives).enumerate() {
                    let valid = (shape.count - (first + i) * PANEL).min(PANEL);
                    panel(y, targets, derivatives, valid, &mut chunk.loss);
                }
                if back {
                    self.run_back(all, extent, buffers, chunk.gradient.as_flattened_mut(), false);
                }
            }
        });
        workspace.chunks.iter().map(|chunk| chunk.loss).sum()
    }

    /// Multiply-adds of a forward pass.
    pub(crate) fn work(&self, shape: BatchShape) -> usize {
        self.weights() * shape.count * shape.steps
    }

    pub(crate) fn assert_lengths<T: Real>(
        &self,
        weights: &[T],
        shape: BatchShape,
        inputs: usize,
        outputs: usize,
    ) {
        let samples = shape.count * shape.steps;
        assert_eq!(weights.len(), self.weights(), "weights");
        assert_eq!(inputs, samples * self.inputs(), "inputs of a batch of {shape:?}");
        assert_eq!(outputs, samples * self.outputs(), "outputs of a batch of {shape:?}");
        if let Err(fault) = self.check_steps(shape.steps) {
            panic!("{fault}");
        }
    }
}

/// Does it to each of some parts, on several threads where there is enough to do.
pub(crate) fn parallel<C: Send>(parts: &mut [C], work: usize, f: &(impl Fn(&mut C) + Sync)) {
    match parts.len() {
        0 => {}
        1 => f(&mut parts[0]),
        _ if work < WORTH_A_THREAD => parts.iter_mut().for_each(f),
        count => {
            let (left, right) = parts.split_at_mut(count / 2);
            rayon::join(|| parallel(left, work, f), || parallel(right, work, f));
        }
    }
}

/// Numbers of a vector above which a second thread goes through a half of it.
const WORTH_HALVING: usize = 1 << 16;

/// Packs layers of so many weights.
fn pack_layers<T: Real>(
    kernels: &Kernels<T>,
    layers: &[Layer],
    counts: &[usize],
    plain: &[T],
    packed: &mut [T],
) {
    if let ([layer], _) | ([layer, ..], false) = (layers, plain.len() > WORTH_HALVING) {
        let (these, rest) = plain.split_at(counts[0]);
        let (room, after) = packed.split_at_mut(layer.pass::<T>().packed());
        layer.pass::<T>().pack(kernels.rows, these, room);
        if layers.len() > 1 {
            pack_layers(kernels, &layers[1..], &counts[1..], rest, after);
        }
        return;
    }
    let half = layers.len() / 2;
    let ((layers, others), (counts, of_others)) = (layers.split_at(half), counts.split_at(half));
    let (plain, rest) = plain.split_at(counts.iter().sum());
    let (packed, after) = packed.split_at_mut(layers.iter().map(|layer| layer.pass::<T>().packed()).sum());
    rayon::join(
        || pack_layers(kernels, layers, counts, plain, packed),
        || pack_layers(kernels, others, of_others, rest, after),
    );
}

/// The sum of the gradients of all chunks, of the pieces from `first` on.
pub(crate) fn sum_gradients<T: Real>(
    kernels: &Kernels<T>,
    chunks: &[impl AsRef<[Piece<T>]> + Sync],
    first: usize,
    gradient: &mut [Piece<T>],
) {
    if gradient.len() * PANEL > WORTH_HALVING {
        let half = gradient.len() / 2;
        let (left, right) = gradient.split_at_mut(half);
        rayon::join(
            || sum_gradients(kernels, chunks, first, left),
            || sum_gradients(kernels, chunks, first + half, right),
        );
        return;
    }
    gradient.fill([T::ZERO; PANEL]);
    for chunk in chunks {
        kernels.accumulate(gradient, &chunk.as_ref()[first..first + gradient.len()]);
    }
}

impl<T: Real> Buffers<T> {
    pub(crate) fn new(network: &Network, panels: usize, steps: usize) -> Self {
        let samples = panels * steps;
        let widest =
            network.layers.iter().map(|layer| layer.outputs().max(layer.inputs())).max().unwrap_or(0);
        Buffers {
            x: zeros(samples * network.inputs()),
            y: network.layers.iter().map(|layer| zeros(samples * layer.outputs())).collect(),
            saved: network
                .layers
                .iter()
                .map(|layer| zeros(panels * layer.pass::<T>().saved(steps)))
                .collect(),
            targets: zeros(samples * network.outputs()),
            derivatives: [zeros(samples * widest), zeros(samples * widest)],
        }
    }
}

/// Copies panels of a batch [example, step, feature] to rows [panel, step, feature], with 0 for examples that
/// are missing from the last panel.
pub(crate) fn load<T: Real, I: Real>(
    from: &[I],
    shape: BatchShape,
    features: usize,
    first: usize,
    rows: &mut [Row<T>],
) {
    let sample = shape.steps * features;
    for (panel, rows) in rows.chunks_exact_mut(sample).enumerate() {
        let examples = (first + panel) * PANEL..((first + panel + 1) * PANEL).min(shape.count);
        if examples.len() < PANEL {
            rows.fill(Row::ZERO);
        }
        for (lane, example) in examples.enumerate() {
            for (row, x) in rows.iter_mut().zip(&from[example * sample..(example + 1) * sample]) {
                row[lane] = T::from_f64(x.to_f64());
            }
        }
    }
}

/// The opposite of [`load`].
fn unload<T: Real, O: Real>(rows: &[Row<T>], shape: BatchShape, features: usize, first: usize, to: &mut [O]) {
    let sample = shape.steps * features;
    for (panel, rows) in rows.chunks_exact(sample).enumerate() {
        let examples = (first + panel) * PANEL..((first + panel + 1) * PANEL).min(shape.count);
        for (lane, example) in examples.enumerate() {
            for (row, x) in rows.iter().zip(&mut to[example * sample..(example + 1) * sample]) {
                *x = O::from_f64(row[lane].to_f64());
            }
        }
    }
}
