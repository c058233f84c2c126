//! A network composed of Burn's own operations, for devices that the kernels do not run on, and beside which they
//! are measured. The equations stand with the layers.

use burn::tensor::activation::{gelu, relu, sigmoid, silu};
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Int, Tensor};

use crate::functions::Activation;
use crate::layers::{Conv2d, Layer, Padding};
use crate::network::Network;

/// See [`crate::operation::apply`].
pub(crate) fn composed(network: &Network, weights: Tensor<1>, inputs: Tensor<3>) -> Tensor<3> {
    let (mut x, mut from) = (inputs, 0); // [batch, step, feature]
    for layer in network.layers() {
        let tensors: Vec<Tensor<1>> = layer
            .tensors()
            .iter()
            .map(|tensor| {
                from += tensor.count();
                weights.clone().narrow(0, from - tensor.count(), tensor.count())
            })
            .collect();
        x = layer_of(layer, &tensors, x);
    }
    x
}

fn layer_of(layer: &Layer, tensors: &[Tensor<1>], x: Tensor<3>) -> Tensor<3> {
    let outputs = layer.outputs();
    match layer {
        Layer::Dense(layer) => activate(layer.activation, linear(&tensors[0], &tensors[1], x, outputs)),
        Layer::Rnn(_) => over_steps(tensors, x, outputs, outputs, |z, h| (z + h).tanh()),
        Layer::Lstm(_) => {
            let mut cell: Option<Tensor<2>> = None;
            over_steps(tensors, x, outputs, 4 * outputs, |z, h| {
                let [i, f, g, o]: [Tensor<2>; 4] = parts(z + h);
                let new = sigmoid(i) * g.tanh();
                let c = match cell.take() {
                    Some(before) => sigmoid(f) * before + new,
                    None => new,
                };
                cell = Some(c.clone());
                sigmoid(o) * c.tanh()
            })
        }
        Layer::Gru(_) => {
            let candidate_bias = tensors[3].clone().unsqueeze::<2>();
            let mut before: Option<Tensor<2>> = None;
            over_steps(tensors, x, outputs, 3 * outputs, |z, h| {
                let ([r, u, n], [hr, hu, hn]): ([Tensor<2>; 3], [Tensor<2>; 3]) = (parts(z), parts(h));
                let (r, u) = (sigmoid(r + hr), sigmoid(u + hu));
                let n = (n + r * (hn + candidate_bias.clone())).tanh();
                let h = match before.take() {
                    Some(before) => n.clone() + u * (before - n),
                    None => n.clone() - u * n,
                };
                before = Some(h.clone());
                h
            })
        }
        Layer::Conv1d(layer) => {
            let on_grid = Conv2d {
                inputs: layer.inputs,
                outputs,
                grid: [1, x.dims()[1]],
                taps: [1, layer.width],
                padding: layer.padding,
                activation: layer.activation,
            };
            convolution(&on_grid, layer.dilation, tensors, x)
        }
        Layer::Conv2d(layer) => convolution(layer, 1, tensors, x),
    }
}

/// x W + b at every step.
fn linear(weight: &Tensor<1>, bias: &Tensor<1>, x: Tensor<3>, outputs: usize) -> Tensor<3> {
    let [batch, steps, features] = x.dims();
    let weight = weight.clone().reshape([features, outputs]);
    let y = x.reshape([batch * steps, features]).matmul(weight) + bias.clone().unsqueeze::<2>();
    y.reshape([batch, steps, outputs])
}

/// A recurrent layer whose cell takes x W + b and h U, both [batch, width], to the next h, [batch, units].
fn over_steps(
    tensors: &[Tensor<1>],
    x: Tensor<3>,
    units: usize,
    width: usize,
    mut cell: impl FnMut(Tensor<2>, Tensor<2>) -> Tensor<2>,
) -> Tensor<3> {
    let [batch, steps, _] = x.dims();
    let driven = linear(&tensors[0], &tensors[2], x, width); // [batch, step, width]
    let recurrent: Tensor<2> = tensors[1].clone().reshape([units, width]);
    let mut state: Option<Tensor<2>> = None;
    let mut outputs: Vec<Tensor<2>> = Vec::with_capacity(steps);
    for t in 0..steps {
        let z = driven.clone().narrow(1, t, 1).reshape([batch, width]);
        let past = match state.take() {
            Some(h) => h.matmul(recurrent.clone()),
            None => z.zeros_like(),
        };
        let h = cell(z, past);
        state = Some(h.clone());
        outputs.push(h);
    }
    Tensor::stack(outputs, 1) // [batch, step, units]
}

/// Equal parts of the last axis.
fn parts<const N: usize>(z: Tensor<2>) -> [Tensor<2>; N] {
    let units = z.dims()[1] / N;
    std::array::from_fn(|i| z.clone().narrow(1, i * units, units))
}

fn convolution(layer: &Conv2d, dilation: usize, tensors: &[Tensor<1>], x: Tensor<3>) -> Tensor<3> {
    let ([rows, columns], [down, across], batch) = (layer.grid, layer.taps, x.dims()[0]);
    let x = x.reshape([batch, rows, columns, layer.inputs]);
    let x = framed(x, 1, down - 1, layer.padding);
    let x = framed(x, 2, (across - 1) * dilation, layer.padding);
    let weight = tensors[0].clone().reshape([down, across, layer.inputs, layer.outputs]);
    let options = ConvOptions::new([1, 1], [0, 0], [1, dilation], 1);
    // channels first, and back
    let x = x.permute([0, 3, 1, 2]);
    let y = conv2d(x, weight.permute([3, 2, 0, 1]), Some(tensors[1].clone()), options);
    let y = y.permute([0, 2, 3, 1]).reshape([batch, rows * columns, layer.outputs]);
    activate(layer.activation, y)
}

/// With a border along an axis.
fn framed(x: Tensor<4>, axis: usize, border: usize, padding: Padding) -> Tensor<4> {
    let before = match padding {
        Padding::Causal => border,
        Padding::Circular | Padding::Zero => border / 2,
    };
    let (mut shape, device, dtype) = (x.dims(), x.device(), x.dtype());
    if padding == Padding::Circular {
        let length = shape[axis];
        let around: Vec<i32> =
            (0..length + border).map(|i| ((i + before * (length - 1)) % length) as i32).collect();
        return x.select(axis, Tensor::<1, Int>::from_ints(around.as_slice(), &device));
    }
    let mut zeros = |count| {
        shape[axis] = count;
        Tensor::<4>::zeros(shape, (&device, dtype))
    };
    let (first, last) = (zeros(before), zeros(border - before));
    match (before, border - before) {
        (0, 0) => x,
        (0, _) => Tensor::cat(vec![x, last], axis),
        (_, 0) => Tensor::cat(vec![first, x], axis),
        _ => Tensor::cat(vec![first, x, last], axis),
    }
}

fn activate(activation: Option<Activation>, x: Tensor<3>) -> Tensor<3> {
    match activation {
        None => x,
        Some(Activation::Silu) => silu(x),
        Some(Activation::Tanh) => x.tanh(),
        Some(Activation::Gelu) => gelu(x),
        Some(Activation::Relu) => relu(x),
    }
}
