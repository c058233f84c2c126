//! First weights, drawn from our own stream: Burn's come from a generator global to the process.

use burn::module::Param;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};
use sim::random::{Stream, uniform};

/// x -> x W + b with W of [`matrix`] at gain 1, and b = 0.
pub(super) fn linear(inputs: usize, outputs: usize, stream: &mut Stream, device: &Device) -> Linear {
    Linear {
        weight: matrix(inputs, outputs, 1.0, stream, device),
        bias: Some(Param::from_tensor(Tensor::zeros([outputs], device))),
    }
}

/// A matrix [inputs, outputs] uniform on +-gain sqrt(3 / inputs), which keeps the variance of the inputs where
/// the gain is 1 (LeCun et al. 1998, "Efficient BackProp", 4.6).
pub(super) fn matrix(
    inputs: usize,
    outputs: usize,
    gain: f64,
    stream: &mut Stream,
    device: &Device,
) -> Param<Tensor<2>> {
    let bound = gain * (3.0 / inputs as f64).sqrt();
    let draws: Vec<f32> =
        (0..inputs * outputs).map(|_| (bound * (2.0 * uniform(stream) - 1.0)) as f32).collect();
    Param::from_tensor(Tensor::from_data(TensorData::new(draws, [inputs, outputs]), device))
}

/// The function between two layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// x / (1 + exp(-x)) (Hendrycks and Gimpel 2016; also called swish).
    #[default]
    Silu,
    /// The hyperbolic tangent.
    Tanh,
    /// x Phi(x) with the distribution function of the normal distribution (Hendrycks and Gimpel 2016).
    Gelu,
    /// max(x, 0).
    Relu,
}

impl Activation {
    /// Applies it to every element.
    pub(super) fn apply<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Activation::Silu => burn::tensor::activation::silu(x),
            Activation::Tanh => x.tanh(),
            Activation::Gelu => burn::tensor::activation::gelu(x),
            Activation::Relu => burn::tensor::activation::relu(x),
        }
    }
}
