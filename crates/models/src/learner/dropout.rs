//! Dropout (Srivastava et al. 2014, section 4; scaled while training, "inverted").

use burn::tensor::Tensor;
use trajectory::{
    Precision,
    random::{Stream, uniform},
};

use crate::machine::tensor;

/// Sets a random part of the numbers that pass between layers to 0, anew at every use, and multiplies the others so
/// that the expected value stays.
pub struct Dropout(Option<(f64, Precision, Stream)>);

impl Dropout {
    /// None, as outside of training.
    pub fn none() -> Self {
        Dropout(None)
    }

    /// Of this part of the numbers, from 0 to below 1, drawn from `stream`.
    pub(crate) fn new(rate: f64, precision: Precision, stream: Stream) -> Self {
        Dropout((rate > 0.0).then_some((rate, precision, stream)))
    }

    /// Whether it changes anything.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// What is left of `x`.
    pub fn apply(&mut self, x: Tensor<3>) -> Tensor<3> {
        let Some((rate, precision, stream)) = &mut self.0 else { return x };
        let (shape, kept) = (x.dims(), 1.0 / (1.0 - *rate));
        let factors: Vec<f64> =
            (0..shape.iter().product()).map(|_| if uniform(stream) < *rate { 0.0 } else { kept }).collect();
        let device = x.device();
        x * tensor(&factors, shape, &device, *precision)
    }
}
