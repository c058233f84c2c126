//! Free runs against the same run put together from whole passes, and against central differences.

#![allow(clippy::unwrap_used)] // helpers of tests

use kernels::{
    Activation, Advance, BatchShape, Carried, Conv1d, Dense, FreeRun, FreeRunWorkspace, Gru, Kernels, Layer,
    Lstm, Network, PANEL, Padding, Real, Rnn, Workspace, pieces,
};

/// Numbers in [-1, 1) that repeat from their seed.
fn draws(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    move || {
        state = state.wrapping_mul(0xf1357aea2e62a9c5);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}

fn dense(inputs: usize, outputs: usize, activation: Option<Activation>) -> Layer {
    Layer::Dense(Dense { inputs, outputs, activation })
}

/// Networks that take so many features and give so many components, and so on.
fn networks() -> Vec<Vec<Layer>> {
    vec![
        vec![dense(2, 2, None)],
        vec![dense(3, 7, Some(Activation::Silu)), dense(7, 2, None)],
        vec![Layer::Rnn(Rnn { inputs: 2, units: 5 }), dense(5, 1, None)],
        vec![Layer::Lstm(Lstm { inputs: 3, units: 3 }), dense(3, 2, None)],
        vec![Layer::Gru(Gru { inputs: 2, units: 4 }), dense(4, 2, None)],
        vec![
            Layer::Lstm(Lstm { inputs: 3, units: 4 }),
            Layer::Gru(Gru { inputs: 4, units: 3 }),
            Layer::Rnn(Rnn { inputs: 3, units: 3 }),
            dense(3, 4, Some(Activation::Tanh)),
            dense(4, 2, None),
        ],
        // no layer above the one with a memory
        vec![Layer::Gru(Gru { inputs: 2, units: 2 })],
        vec![Layer::Lstm(Lstm { inputs: 2, units: 1 })],
    ]
}

struct Fixture<T> {
    network: Network,
    weights: Vec<T>,
    shape: BatchShape,
    inputs: Vec<f64>,
    targets: Vec<f64>,
    run: FreeRun,
}

impl<T: Real> Fixture<T> {
    fn new(layers: Vec<Layer>, count: usize, [steps, given, warmup]: [usize; 3]) -> Self {
        let network = Network::new(layers).unwrap();
        let mut draw = draws(network.weights() as u64);
        let weights = (0..network.weights()).map(|_| T::from_f64(0.7 * draw())).collect();
        let mut numbers = |features: usize| (0..count * steps * features).map(|_| draw()).collect();
        let (inputs, targets) = (numbers(network.inputs()), numbers(network.outputs()));
        let advance = |j: usize| Advance {
            step: 0.3 + 0.2 * j as f64,
            drift: 0.05 - 0.1 * j as f64,
            ratio: 1.0 / (0.3 + 0.2 * j as f64),
        };
        let run = FreeRun { given, warmup, advance: (0..network.outputs()).map(advance).collect() };
        Fixture { network, weights, shape: BatchShape { count, steps }, inputs, targets, run }
    }

    fn gradient(&self, kernels: &Kernels<T>, workspace: &mut FreeRunWorkspace<T>) -> (f64, Vec<T>) {
        let mut gradient = vec![[T::ZERO; PANEL]; pieces(self.network.weights())];
        let loss = self.loss_into(kernels, workspace, &self.weights, &mut gradient);
        (loss, gradient.as_flattened()[..self.network.weights()].to_vec())
    }

    fn loss_into(
        &self,
        kernels: &Kernels<T>,
        workspace: &mut FreeRunWorkspace<T>,
        weights: &[T],
        gradient: &mut [[T; PANEL]],
    ) -> f64 {
        let Fixture { network, shape, inputs, targets, run, .. } = self;
        network.free_run_error(kernels, workspace, weights, *shape, inputs, targets, run, gradient)
    }

    fn loss(&self, weights: &[T]) -> f64 {
        self.loss_into(Kernels::best(), &mut FreeRunWorkspace::default(), weights, &mut [])
    }

    /// The same loss from whole passes over ever longer sequences, one example at a time.
    fn reference(&self) -> f64 {
        let (features, dim, steps) = (self.network.inputs(), self.network.outputs(), self.shape.steps);
        let (mut sum, mut number) = (0.0, 0);
        for example in 0..self.shape.count {
            let data = &self.inputs[example * steps * features..][..steps * features];
            let targets = &self.targets[example * steps * dim..][..steps * dim];
            let mut shown = data.to_vec();
            for t in 0..steps {
                let shape = BatchShape { count: 1, steps: t + 1 };
                let mut outputs = vec![0.0; (t + 1) * dim];
                let (workspace, seen) = (&mut Workspace::default(), &shown[..(t + 1) * features]);
                let kernels = Kernels::best();
                self.network.forward(kernels, workspace, &self.weights, shape, seen, &mut outputs, false);
                for j in 0..dim {
                    let (increment, of) = (outputs[t * dim + j], self.run.advance[j]);
                    let apart = of.ratio * (shown[t * features + j] - data[t * features + j]);
                    let error =
                        if t >= self.run.given { apart } else { 0.0 } + increment - targets[t * dim + j];
                    if t >= self.run.warmup {
                        sum += error * error;
                        number += 1;
                    }
                    if t + 1 < steps && t + 1 >= self.run.given {
                        shown[(t + 1) * features + j] =
                            shown[t * features + j] + of.step * increment + of.drift;
                    }
                }
            }
        }
        sum / f64::from(number)
    }
}

fn close(a: f64, b: f64, relative: f64, absolute: f64) -> bool {
    (a - b).abs() <= relative * a.abs().max(b.abs()) + absolute
}

#[test]
fn a_free_run_is_the_network_on_its_own_outputs() {
    for layers in networks() {
        for lengths in [[1, 1, 0], [5, 1, 0], [6, 3, 2], [19, 2, 1], [4, 9, 3]] {
            for count in [1, 33] {
                let fixture = Fixture::<f64>::new(layers.clone(), count, lengths);
                let (loss, reference) = (fixture.loss(&fixture.weights), fixture.reference());
                assert!(close(loss, reference, 1e-12, 0.0), "{layers:?} {lengths:?}: {loss} {reference}");
            }
        }
    }
}

#[test]
fn where_every_sample_is_given_it_is_the_error_of_one_step() {
    for layers in networks() {
        let fixture = Fixture::<f64>::new(layers, 70, [18, 18, 0]);
        let Fixture { network, weights, shape, inputs, targets, .. } = &fixture;
        let mut gradient = vec![[0.0; PANEL]; pieces(network.weights())];
        let (kernels, workspace) = (Kernels::best(), &mut Workspace::default());
        let loss = network.squared_error(kernels, workspace, weights, *shape, inputs, targets, &mut gradient);
        let (free, slopes) = fixture.gradient(kernels, &mut FreeRunWorkspace::default());
        assert!(close(loss, free, 1e-13, 0.0), "{loss} {free}");
        for (a, b) in gradient.as_flattened().iter().zip(slopes) {
            assert!(close(*a, b, 1e-10, 1e-14), "{a} {b}");
        }
    }
}

#[test]
fn gradients_are_the_slopes_of_the_loss() {
    for kernels in Kernels::<f64>::available() {
        for layers in networks() {
            for lengths in [[7, 1, 0], [9, 4, 3], [20, 2, 5]] {
                let fixture = Fixture::<f64>::new(layers.clone(), 3, lengths);
                let (_, gradient) = fixture.gradient(kernels, &mut FreeRunWorkspace::default());
                let size = gradient.iter().fold(0.0f64, |size, g| size.max(g.abs()));
                for i in 0..gradient.len() {
                    let moved = |h: f64| {
                        let mut weights = fixture.weights.clone();
                        weights[i] += h;
                        fixture.loss(&weights)
                    };
                    let h = 1e-4;
                    let measured =
                        (8.0 * (moved(h) - moved(-h)) - (moved(2.0 * h) - moved(-2.0 * h))) / (12.0 * h);
                    assert!(
                        close(gradient[i], measured, 1e-6, 1e-8 * size),
                        "{} {layers:?} {lengths:?} {i}: {} {measured}",
                        kernels.name,
                        gradient[i]
                    );
                }
            }
        }
    }
}

#[test]
fn single_precision_agrees_and_a_workspace_forgets_the_batch_before() {
    for layers in networks() {
        let lengths = [12, 3, 2];
        let exact = Fixture::<f64>::new(layers.clone(), 45, lengths);
        let (loss, gradient) = exact.gradient(Kernels::best(), &mut FreeRunWorkspace::default());
        let size = gradient.iter().fold(0.0f64, |size, g| size.max(g.abs()));
        for kernels in Kernels::<f32>::available() {
            let workspace = &mut FreeRunWorkspace::default();
            let mut other = Fixture::<f32>::new(layers.clone(), 45, lengths);
            let fresh = other.gradient(kernels, workspace);
            other.inputs.iter_mut().for_each(|x| *x *= -2.0);
            other.gradient(kernels, workspace);
            let again = Fixture::<f32>::new(layers.clone(), 45, lengths).gradient(kernels, workspace);
            assert_eq!(fresh, again);
            assert!(close(loss, fresh.0, 1e-4, 0.0), "{}: {layers:?}: {loss} {}", kernels.name, fresh.0);
            for (g, s) in gradient.iter().zip(fresh.1) {
                assert!(close(*g, f64::from(s), 1e-3, 1e-4 * size), "{}: {layers:?}: {g} {s}", kernels.name);
            }
        }
    }
}

#[test]
fn threads_change_no_bit() {
    let layers = vec![Layer::Gru(Gru { inputs: 3, units: 40 }), dense(40, 2, None)];
    let fixture = Fixture::<f32>::new(layers, 333, [25, 5, 4]);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| fixture.gradient(Kernels::best(), &mut FreeRunWorkspace::default()))
    };
    let alone = with(1);
    assert!([2, 3, 5].into_iter().all(|threads| with(threads) == alone));
}

#[test]
fn a_carried_memory_gives_what_the_whole_sequence_gives() {
    fn carried<T: Real>(layers: &[Layer], relative: f64) {
        let (count, steps) = (37, 9);
        let fixture = Fixture::<T>::new(layers.to_vec(), count, [steps, steps, 0]);
        let Fixture { network, weights, shape, inputs, .. } = &fixture;
        let (features, dim) = (network.inputs(), network.outputs());
        let mut whole = vec![0.0; count * steps * dim];
        let workspace = &mut Workspace::default();
        network.forward(Kernels::best(), workspace, weights, *shape, inputs, &mut whole, false);
        let mut under_way = Carried::new(network, Kernels::best(), weights, count);
        let mut outputs = vec![f64::NAN; count * dim];
        for t in 0..steps {
            let at = |i: usize| &inputs[(i * steps + t) * features..][..features];
            let samples: Vec<f64> = (0..count).flat_map(at).copied().collect();
            under_way.advance(&samples, &mut outputs);
            for (i, outputs) in outputs.chunks_exact(dim).enumerate() {
                for (a, b) in outputs.iter().zip(&whole[(i * steps + t) * dim..]) {
                    assert!(close(*a, *b, relative, relative), "{layers:?} {t}: {a} {b}");
                }
            }
        }
    }
    for layers in networks() {
        carried::<f64>(&layers, 1e-14);
        carried::<f32>(&layers, 1e-6);
    }
}

#[test]
fn a_convolution_cannot_go_step_by_step() {
    let conv =
        Conv1d { inputs: 2, outputs: 2, width: 3, dilation: 1, padding: Padding::Causal, activation: None };
    let is_stepwise = |layers| Network::new(layers).unwrap().is_stepwise();
    assert!(!is_stepwise(vec![Layer::Conv1d(conv)]));
    assert!(networks().into_iter().all(is_stepwise));
}
