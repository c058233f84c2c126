//! Every layer against central differences, on every instruction set of this machine, and what must not depend on
//! the instruction set, the batch or the threads.

#![allow(clippy::unwrap_used)] // helpers of tests

use kernels::{
    Activation, BatchShape, Conv1d, Conv2d, Dense, Gru, Kernels, Layer, Lstm, Network, PANEL, Padding, Piece,
    Real, Rnn, Workspace, pieces,
};

/// Numbers in [-1, 1) that repeat from their seed.
fn draws(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    move || {
        // Steele and Vigna (2021), a multiplicative congruential generator; the upper bits are good
        state = state.wrapping_mul(0xf1357aea2e62a9c5);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}

fn dense(inputs: usize, outputs: usize, activation: Option<Activation>) -> Layer {
    Layer::Dense(Dense { inputs, outputs, activation })
}

fn conv1d(inputs: usize, outputs: usize, width: usize, dilation: usize, padding: Padding) -> Layer {
    Layer::Conv1d(Conv1d { inputs, outputs, width, dilation, padding, activation: Some(Activation::Tanh) })
}

fn conv2d(grid: [usize; 2], taps: [usize; 2], padding: Padding) -> Layer {
    Layer::Conv2d(Conv2d { inputs: 2, outputs: 3, grid, taps, padding, activation: Some(Activation::Silu) })
}

/// Networks, and steps of a sequence that they take. Sizes of 1, 3 and 17 are multiples of no vector and no block.
fn networks() -> Vec<(Vec<Layer>, usize)> {
    let mut all = vec![
        (vec![dense(1, 1, None)], 1),
        (vec![dense(3, 17, Some(Activation::Tanh)), dense(17, 1, None)], 3),
        (vec![dense(130, 3, None)], 1),
        (
            vec![
                dense(2, 13, Some(Activation::Silu)),
                dense(13, 25, Some(Activation::Gelu)),
                dense(25, 3, None),
            ],
            1,
        ),
    ];
    for steps in [1, 2, 7] {
        for units in [1, 3, 17] {
            all.push((vec![Layer::Rnn(Rnn { inputs: 3, units }), dense(units, 2, None)], steps));
            all.push((vec![Layer::Lstm(Lstm { inputs: 2, units }), dense(units, 2, None)], steps));
            all.push((vec![Layer::Gru(Gru { inputs: 2, units }), dense(units, 2, None)], steps));
        }
    }
    // longer than the blocks of a backward pass
    for steps in [16, 17, 33] {
        all.push((vec![Layer::Rnn(Rnn { inputs: 2, units: 3 }), dense(3, 2, None)], steps));
        all.push((vec![Layer::Lstm(Lstm { inputs: 2, units: 3 }), dense(3, 2, None)], steps));
        all.push((vec![Layer::Gru(Gru { inputs: 2, units: 3 }), dense(3, 2, None)], steps));
    }
    // two recurrent layers, so that a derivative by inputs is carried on
    all.push((vec![Layer::Rnn(Rnn { inputs: 2, units: 5 }), Layer::Rnn(Rnn { inputs: 5, units: 4 })], 4));
    all.push((vec![Layer::Lstm(Lstm { inputs: 2, units: 5 }), Layer::Gru(Gru { inputs: 5, units: 4 })], 4));
    for padding in [Padding::Causal, Padding::Circular, Padding::Zero] {
        for (width, dilation, steps) in [(1, 1, 1), (3, 1, 5), (4, 1, 3), (2, 3, 7), (3, 2, 1)] {
            all.push((vec![conv1d(3, 5, width, dilation, padding), conv1d(5, 1, 3, 1, padding)], steps));
        }
        for (grid, taps) in [([3, 4], [3, 3]), ([1, 5], [2, 3]), ([2, 2], [1, 1]), ([2, 3], [5, 5])] {
            all.push((vec![conv2d(grid, taps, padding), dense(3, 2, None)], grid[0] * grid[1]));
        }
    }
    all
}

struct Fixture<T> {
    network: Network,
    weights: Vec<T>,
    shape: BatchShape,
    inputs: Vec<f64>,
    targets: Vec<f64>,
}

impl<T: Real> Fixture<T> {
    fn new(layers: Vec<Layer>, steps: usize, count: usize) -> Self {
        let network = Network::new(layers).unwrap();
        let mut draw = draws(network.weights() as u64);
        let weights = (0..network.weights()).map(|_| T::from_f64(0.7 * draw())).collect();
        let shape = BatchShape { count, steps };
        let mut numbers = |features: usize| (0..count * steps * features).map(|_| draw()).collect();
        let (inputs, targets) = (numbers(network.inputs()), numbers(network.outputs()));
        Fixture { network, weights, shape, inputs, targets }
    }

    /// Room for a gradient.
    fn pieces(&self) -> Vec<Piece<T>> {
        vec![[T::ZERO; PANEL]; pieces(self.network.weights())]
    }

    fn loss(&self, kernels: &Kernels<T>, weights: &[T], inputs: &[f64]) -> f64 {
        let workspace = &mut Workspace::default();
        self.network.squared_error(kernels, workspace, weights, self.shape, inputs, &self.targets, &mut [])
    }

    /// The loss and its derivative by the weights.
    fn gradient(&self, kernels: &Kernels<T>) -> (f64, Vec<T>) {
        let (workspace, mut gradient) = (&mut Workspace::default(), self.pieces());
        let Fixture { weights, shape, inputs, targets, .. } = self;
        let loss =
            self.network.squared_error(kernels, workspace, weights, *shape, inputs, targets, &mut gradient);
        (loss, gradient.as_flattened()[..self.network.weights()].to_vec())
    }

    /// The outputs, and the derivatives of the same loss by weights and inputs, by the passes taken apart.
    fn passes(&self, kernels: &Kernels<T>) -> (Vec<f64>, Vec<T>, Vec<f64>) {
        let workspace = &mut Workspace::default();
        let mut outputs = vec![f64::NAN; self.targets.len()];
        self.network.forward(kernels, workspace, &self.weights, self.shape, &self.inputs, &mut outputs, true);
        let scale = 2.0 / self.targets.len() as f64;
        let by_outputs: Vec<f64> = outputs.iter().zip(&self.targets).map(|(y, t)| scale * (y - t)).collect();
        let (mut gradient, mut by_inputs) = (self.pieces(), vec![f64::NAN; self.inputs.len()]);
        let Fixture { network, weights, shape, .. } = self;
        network.backward(kernels, workspace, weights, *shape, &by_outputs, &mut gradient, &mut by_inputs);
        (outputs, gradient.as_flattened()[..network.weights()].to_vec(), by_inputs)
    }
}

/// Fourth-order central difference.
fn slope(f: impl Fn(f64) -> f64) -> f64 {
    let h = 1e-3;
    (8.0 * (f(h) - f(-h)) - (f(2.0 * h) - f(-2.0 * h))) / (12.0 * h)
}

fn close(a: f64, b: f64, relative: f64, absolute: f64) -> bool {
    (a - b).abs() <= relative * a.abs().max(b.abs()) + absolute
}

#[test]
fn gradients_are_the_slopes_of_the_loss() {
    for kernels in Kernels::<f64>::available() {
        for (layers, steps) in networks() {
            let fixture = Fixture::<f64>::new(layers, steps, 3);
            let name = format!("{}: {:?}", kernels.name, fixture.network.layers());
            let (loss, gradient) = fixture.gradient(kernels);
            let (outputs, again, by_inputs) = fixture.passes(kernels);
            let errors = outputs.iter().zip(&fixture.targets).map(|(y, t)| (y - t).powi(2));
            assert!(close(loss, errors.sum::<f64>() / outputs.len() as f64, 1e-14, 0.0), "{name}");
            // each weight, and some of the inputs, moved on its own
            let size = gradient.iter().fold(0.0f64, |size, g| size.max(g.abs()));
            for i in 0..gradient.len() {
                let measured = slope(|h| {
                    let mut weights = fixture.weights.clone();
                    weights[i] += h;
                    fixture.loss(kernels, &weights, &fixture.inputs)
                });
                assert!(
                    close(gradient[i], measured, 1e-7, 1e-9 * size),
                    "{name} {i}: {} {measured}",
                    gradient[i]
                );
                assert!(
                    close(gradient[i], again[i], 1e-11, 1e-13 * size),
                    "{name} {i}: the passes taken apart"
                );
            }
            for i in (0..by_inputs.len()).step_by(3) {
                let measured = slope(|h| {
                    let mut inputs = fixture.inputs.clone();
                    inputs[i] += h;
                    fixture.loss(kernels, &fixture.weights, &inputs)
                });
                assert!(close(by_inputs[i], measured, 1e-7, 1e-9 * size), "{name}, input {i}: {measured}");
            }
        }
    }
}

#[test]
fn single_precision_agrees_with_double() {
    for (layers, steps) in networks() {
        let exact = Fixture::<f64>::new(layers.clone(), steps, 45);
        let (loss, gradient) = exact.gradient(Kernels::best());
        let size = gradient.iter().fold(0.0f64, |size, g| size.max(g.abs()));
        for kernels in Kernels::<f32>::available() {
            let fixture = Fixture::<f32>::new(layers.clone(), steps, 45);
            let (single, singles) = fixture.gradient(kernels);
            assert!(close(loss, single, 1e-5, 0.0), "{}: {layers:?}: {loss} {single}", kernels.name);
            for (g, s) in gradient.iter().zip(singles) {
                assert!(close(*g, f64::from(s), 1e-4, 1e-5 * size), "{}: {layers:?}: {g} {s}", kernels.name);
            }
        }
    }
}

#[test]
fn an_example_counts_the_same_in_any_batch() {
    for (layers, steps) in networks() {
        for kernels in Kernels::<f32>::available() {
            let all = Fixture::<f32>::new(layers.clone(), steps, 70);
            let (outputs, ..) = all.passes(kernels);
            let example = outputs.len() / 70;
            for i in [0, 31, 32, 69] {
                let mut alone = Fixture::<f32>::new(layers.clone(), steps, 1);
                let features = alone.inputs.len();
                alone.inputs.copy_from_slice(&all.inputs[i * features..(i + 1) * features]);
                let (one, ..) = alone.passes(kernels);
                assert_eq!(one, outputs[i * example..(i + 1) * example], "{}: {layers:?}", kernels.name);
            }
        }
    }
}

#[test]
fn an_empty_batch_has_no_outputs_and_no_gradient() {
    for (layers, steps) in networks() {
        let empty = Fixture::<f32>::new(layers, steps, 0);
        let (outputs, gradient, by_inputs) = empty.passes(Kernels::best());
        assert!(outputs.is_empty() && by_inputs.is_empty() && gradient.iter().all(|g| *g == 0.0));
        assert!(empty.gradient(Kernels::best()).1.iter().all(|g| *g == 0.0));
    }
}

#[test]
fn threads_change_no_bit() {
    // Large enough for several chunks and for threads to be used.
    let wide = |layers, steps, count| Fixture::<f32>::new(layers, steps, count);
    for fixture in [
        wide(vec![dense(3, 300, Some(Activation::Gelu)), dense(300, 300, None)], 1, 1500),
        wide(vec![Layer::Lstm(Lstm { inputs: 3, units: 60 })], 20, 170),
        wide(vec![conv1d(3, 40, 5, 1, Padding::Circular), conv1d(40, 3, 5, 1, Padding::Causal)], 60, 200),
    ] {
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| (fixture.gradient(Kernels::best()), fixture.passes(Kernels::best())))
        };
        let alone = with(1);
        // the parts of a large batch and of a large gradient, put together in two ways and in double precision
        let ((_, gradient), (_, again, _)) = &alone;
        let exact =
            Fixture::<f64>::new(fixture.network.layers().to_vec(), fixture.shape.steps, fixture.shape.count);
        let (_, exact) = exact.gradient(Kernels::best());
        let size = exact.iter().fold(0.0f64, |size, g| size.max(g.abs()));
        for ((g, again), exact) in gradient.iter().zip(again).zip(exact) {
            let (g, again) = (f64::from(*g), f64::from(*again));
            assert!(
                (g - exact).abs() < 1e-4 * size && (again - exact).abs() < 1e-4 * size,
                "{g} {again} {exact}"
            );
        }
        assert!([2, 3, 5].into_iter().all(|threads| with(threads) == alone));
    }
}

#[test]
fn networks_that_do_not_fit_are_refused() {
    let message = |layers| Network::new(layers).unwrap_err().to_string();
    assert_eq!(message(vec![]), "a network needs at least one layer");
    let apart = vec![dense(3, 4, None), Layer::Gru(Gru { inputs: 5, units: 2 })];
    assert_eq!(message(apart), "layer 1 takes 5 features, but layer 0 gives 4");
    assert!(message(vec![dense(0, 4, None)]).starts_with("layer 0 has a size of 0"));
    assert!(message(vec![conv1d(1, 1, 0, 1, Padding::Zero)]).starts_with("layer 0 has a size of 0"));
    let grid = Network::new(vec![conv2d([3, 4], [3, 3], Padding::Zero)]).unwrap();
    assert_eq!(
        grid.check_steps(11).unwrap_err().to_string(),
        "a grid of 3 x 4 points takes 12 steps, not 11"
    );
    assert!(grid.check_steps(12).is_ok() && grid.check_steps(0).is_err());
}
