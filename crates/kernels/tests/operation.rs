//! The operation of Burn against the same network composed of Burn's own operations and differentiated by it.

#![allow(clippy::unwrap_used)] // helpers of tests

use std::sync::Arc;

use burn::tensor::{DType, Device, Tensor, TensorData};
use kernels::operation::{Implementation, apply};
use kernels::{Activation, Conv1d, Conv2d, Dense, Gru, Layer, Lstm, Network, Padding, Rnn};

fn networks() -> Vec<(Vec<Layer>, usize)> {
    let dense = |inputs, outputs, activation| Layer::Dense(Dense { inputs, outputs, activation });
    let mut all = Vec::new();
    for activation in Activation::ALL {
        all.push((
            vec![dense(3, 17, Some(activation)), dense(17, 5, Some(activation)), dense(5, 2, None)],
            2,
        ));
    }
    for steps in [1, 5, 35] {
        all.push((
            vec![Layer::Rnn(Rnn { inputs: 3, units: 7 }), Layer::Rnn(Rnn { inputs: 7, units: 2 })],
            steps,
        ));
        all.push((vec![Layer::Lstm(Lstm { inputs: 3, units: 7 }), dense(7, 2, None)], steps));
        all.push((vec![Layer::Gru(Gru { inputs: 3, units: 7 }), dense(7, 2, None)], steps));
    }
    for padding in [Padding::Causal, Padding::Circular, Padding::Zero] {
        for (width, dilation, steps) in [(3, 1, 6), (4, 2, 9), (5, 1, 2)] {
            let layer = Conv1d {
                inputs: 3,
                outputs: 4,
                width,
                dilation,
                padding,
                activation: Some(Activation::Tanh),
            };
            all.push((vec![Layer::Conv1d(layer), dense(4, 2, None)], steps));
        }
        let activation = Some(Activation::Silu);
        let layer = Conv2d { inputs: 3, outputs: 4, grid: [3, 4], taps: [3, 2], padding, activation };
        all.push((vec![Layer::Conv2d(layer)], 12));
    }
    all
}

fn numbers(count: usize, seed: f64) -> Vec<f32> {
    (0..count).map(|i| ((seed + 12.9898 * i as f64).sin() * 0.8) as f32).collect()
}

/// Outputs, and the derivatives of the sum of their squares by weights and inputs.
fn passes(network: &Arc<Network>, x: Tensor<3>, weights: Tensor<1>, by: Implementation) -> [Vec<f64>; 3] {
    let (x, weights) = (x.require_grad(), weights.require_grad());
    let y = apply(network, weights.clone(), x.clone(), by);
    let gradients = (y.clone() * y.clone()).sum().backward();
    let values = |data: TensorData| data.convert::<f64>().try_into_vec::<f64>().unwrap();
    [
        values(y.into_data()),
        values(weights.grad(&gradients).unwrap().into_data()),
        values(x.grad(&gradients).unwrap().into_data()),
    ]
}

fn assert_close(own: &[Vec<f64>; 3], burn: &[Vec<f64>; 3], tolerance: f64, about: &str) {
    for (own, burn) in own.iter().zip(burn) {
        let size = burn.iter().fold(0.0f64, |size, x| size.max(x.abs()));
        assert_eq!(own.len(), burn.len());
        for (own, burn) in own.iter().zip(burn) {
            assert!((own - burn).abs() <= tolerance * size, "{about}: {own} {burn}");
        }
    }
}

#[test]
fn the_operation_agrees_with_burns_own() {
    let device = Device::flex().autodiff();
    for (layers, steps) in networks() {
        let network = Arc::new(Network::new(layers).unwrap());
        let about = format!("{:?}", network.layers());
        for count in [1, 37] {
            let x = TensorData::new(numbers(count * steps * 3, 1.0), [count, steps, 3]);
            let weights = TensorData::new(numbers(network.weights(), 2.0), [network.weights()]);
            for (dtype, tolerance) in [(DType::F32, 1e-4), (DType::F64, 1e-11)] {
                // Burn's gelu is that of single precision where ours is that of double
                if dtype == DType::F64 && about.contains("Gelu") {
                    continue;
                }
                let x = Tensor::<3>::from_data(x.clone(), (&device, dtype));
                let weights = Tensor::<1>::from_data(weights.clone(), (&device, dtype));
                let own = passes(&network, x.clone(), weights.clone(), Implementation::Own);
                let burn = passes(&network, x, weights, Implementation::Burn);
                assert_close(&own, &burn, tolerance, &about);
            }
        }
    }
}

#[test]
fn views_that_are_not_contiguous_are_read_as_what_they_show() {
    let device = Device::flex().autodiff();
    let network = Arc::new(Network::new(vec![Layer::Gru(Gru { inputs: 3, units: 4 })]).unwrap());
    // [feature, step, example], and every other weight
    let turned = TensorData::new(numbers(3 * 5 * 6, 1.0), [3, 5, 6]);
    let x = Tensor::<3>::from_data(turned, &device).swap_dims(0, 2);
    let spread = TensorData::new(numbers(2 * network.weights(), 2.0), [network.weights(), 2]);
    let weights = Tensor::<2>::from_data(spread, &device);
    let weights = weights.clone().slice([0..network.weights(), 1..2]).reshape([network.weights()]);
    let own = passes(&network, x.clone().detach(), weights.clone().detach(), Implementation::Own);
    let burn = passes(&network, x.detach(), weights.detach(), Implementation::Burn);
    assert_close(&own, &burn, 1e-4, "a view");
}

#[test]
fn without_autodiff_and_with_one_side_constant_it_is_the_same() {
    let network = Arc::new(Network::new(vec![Layer::Lstm(Lstm { inputs: 3, units: 4 })]).unwrap());
    let x = TensorData::new(numbers(2 * 5 * 3, 1.0), [2, 5, 3]);
    let weights = TensorData::new(numbers(network.weights(), 2.0), [network.weights()]);
    let plain = Device::flex();
    let (x_plain, w_plain) =
        (Tensor::<3>::from_data(x.clone(), &plain), Tensor::<1>::from_data(weights.clone(), &plain));
    let y = apply(&network, w_plain, x_plain, Implementation::Own).into_data();
    let device = Device::flex().autodiff();
    let (x, weights) = (Tensor::<3>::from_data(x, &device), Tensor::<1>::from_data(weights, &device));
    let both = passes(&network, x.clone(), weights.clone(), Implementation::Own);
    assert_eq!(y.convert::<f64>().try_into_vec::<f64>().unwrap(), both[0]);
    // the weights of a discriminator, say, while the generator before it is trained
    let x = x.require_grad();
    let y = apply(&network, weights, x.clone(), Implementation::Own);
    let gradients = (y.clone() * y).sum().backward();
    let by_x = x.grad(&gradients).unwrap().into_data().convert::<f64>().try_into_vec::<f64>().unwrap();
    assert_eq!(by_x, both[2]);
}
