//! One small network differentiated in every way there is here: forward mode, reverse mode, the kernels' backward pass
//! by hand, Burn's autodiff, and differences.

#![allow(clippy::unwrap_used)] // helpers of tests

use autodiff::{Adjoints, Dual, Scalar, Tape, Var};
use burn::tensor::{DType, Device, Tensor, TensorData};
use kernels::{Activation, BatchShape, Dense, Kernels, Layer, Network, PANEL, Workspace, pieces};

const INPUTS: usize = 3;
const HIDDEN: usize = 5;
const OUTPUTS: usize = 3;
const EXAMPLES: usize = 4;
const WEIGHTS: usize = (INPUTS + 1) * HIDDEN + (HIDDEN + 1) * OUTPUTS;

fn numbers(count: usize, seed: f64) -> Vec<f64> {
    (0..count).map(|i| (seed + 12.9898 * i as f64).sin() * 0.8).collect()
}

fn examples() -> [Vec<f64>; 2] {
    [numbers(EXAMPLES * INPUTS, 1.0), numbers(EXAMPLES * OUTPUTS, 3.0)]
}

/// The mean squared error of a 3-5-3 network with tanh, over all examples. Its weights stand layer by layer as
/// [inputs, outputs] and then the biases.
fn loss<S: Scalar>(weights: &[S]) -> S {
    let [inputs, targets] = examples();
    let (first, second) = weights.split_at((INPUTS + 1) * HIDDEN);
    let mut sum = S::from(0.0);
    for (x, target) in inputs.chunks(INPUTS).zip(targets.chunks(OUTPUTS)) {
        let hidden: Vec<S> = (0..HIDDEN)
            .map(|o| {
                let terms = (0..INPUTS).map(|i| first[i * HIDDEN + o] * x[i]);
                terms.fold(first[INPUTS * HIDDEN + o], |z, term| z + term).tanh()
            })
            .collect();
        for o in 0..OUTPUTS {
            let terms = (0..HIDDEN).map(|i| second[i * OUTPUTS + o] * hidden[i]);
            let y = terms.fold(second[HIDDEN * OUTPUTS + o], |z, term| z + term);
            sum = sum + (y - target[o]).powi(2);
        }
    }
    sum / targets.len() as f64
}

fn by_reverse_mode(weights: &[f64]) -> (f64, Vec<f64>) {
    let tape = Tape::new();
    let weights: Vec<Var<'_>> = weights.iter().map(|&weight| tape.variable(weight)).collect();
    let loss = loss(&weights);
    let mut adjoints = Adjoints::default();
    tape.backward(loss, &mut adjoints);
    (loss.value(), weights.into_iter().map(|weight| adjoints.of(weight)).collect())
}

fn by_forward_mode(weights: &[f64]) -> (f64, Vec<f64>) {
    let weights: Vec<Dual<WEIGHTS>> =
        weights.iter().enumerate().map(|(i, &weight)| Dual::variable(weight, i)).collect();
    let loss = loss(&weights);
    (loss.value, loss.tangent.to_vec())
}

fn by_differences(weights: &[f64]) -> (f64, Vec<f64>) {
    let moved = |i: usize, h: f64| {
        let mut moved = weights.to_vec();
        moved[i] += h;
        loss(&moved)
    };
    let central = |i, h| (moved(i, h) - moved(i, -h)) / (2.0 * h);
    let slope = |i| (4.0 * central(i, 1e-3) - central(i, 2e-3)) / 3.0;
    (loss(weights), (0..weights.len()).map(slope).collect())
}

fn by_kernels(kernels: &Kernels<f64>, weights: &[f64]) -> (f64, Vec<f64>) {
    let hidden = Dense { inputs: INPUTS, outputs: HIDDEN, activation: Some(Activation::Tanh) };
    let last = Dense { inputs: HIDDEN, outputs: OUTPUTS, activation: None };
    let network = Network::new(vec![Layer::Dense(hidden), Layer::Dense(last)]).unwrap();
    assert_eq!(network.weights(), WEIGHTS);
    let ([inputs, targets], shape) = (examples(), BatchShape { count: EXAMPLES, steps: 1 });
    let mut gradient = vec![[0.0; PANEL]; pieces(WEIGHTS)];
    let workspace = &mut Workspace::default();
    let loss = network.squared_error(kernels, workspace, weights, shape, &inputs, &targets, &mut gradient);
    (loss, gradient.as_flattened()[..WEIGHTS].to_vec())
}

fn by_burn(weights: &[f64]) -> (f64, Vec<f64>) {
    let device = Device::flex().autodiff();
    let tensor = |values: Vec<f64>, shape: [usize; 2]| {
        Tensor::<2>::from_data(TensorData::new(values, shape), (&device, DType::F64))
    };
    let [inputs, targets] = examples();
    let (x, target) = (tensor(inputs, [EXAMPLES, INPUTS]), tensor(targets, [EXAMPLES, OUTPUTS]));
    let weights = tensor(weights.to_vec(), [1, WEIGHTS]).require_grad();
    let mut from = 0;
    let mut part = |rows: usize, columns: usize| {
        let range = from..from + rows * columns;
        from = range.end;
        weights.clone().slice([0..1, range]).reshape([rows, columns])
    };
    let z = x.matmul(part(INPUTS, HIDDEN)) + part(1, HIDDEN);
    let y = z.tanh().matmul(part(HIDDEN, OUTPUTS)) + part(1, OUTPUTS);
    let error = y - target;
    let loss = (error.clone() * error).mean();
    let gradients = loss.backward();
    let values = |data: TensorData| data.convert::<f64>().try_into_vec::<f64>().unwrap();
    (values(loss.into_data())[0], values(weights.grad(&gradients).unwrap().into_data()))
}

#[test]
fn every_way_gives_the_same_gradient() {
    let weights = numbers(WEIGHTS, 2.0);
    let (loss, gradient) = by_reverse_mode(&weights);
    let size = gradient.iter().fold(0.0f64, |size, g| size.max(g.abs()));
    let mut ways = vec![
        ("forward mode", by_forward_mode(&weights), 1e-15),
        ("Burn", by_burn(&weights), 1e-14),
        ("differences", by_differences(&weights), 1e-9),
    ];
    ways.extend(Kernels::<f64>::available().iter().map(|k| (k.name, by_kernels(k, &weights), 1e-14)));
    for (name, (value, other), tolerance) in ways {
        assert!((value - loss).abs() <= tolerance * loss, "{name}: {value} {loss}");
        assert_eq!(other.len(), WEIGHTS);
        for (i, (g, o)) in gradient.iter().zip(&other).enumerate() {
            assert!((g - o).abs() <= tolerance * size, "{name}, weight {i}: {g} {o}");
        }
    }
    assert!(size > 0.01 && gradient.iter().all(|g| *g != 0.0));
}
