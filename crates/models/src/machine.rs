//! What computes a network.

use burn::tensor::{DType, Device, Tensor, TensorCreationOptions, TensorData};
use kernels::operation::Implementation;
use trajectory::Precision;

/// The device, on the CPU whose code, and in which numbers.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Where tensors live.
    pub device: Device,
    /// Whose code computes the layers on the CPU.
    pub kernels: Implementation,
    /// What weights are made of.
    pub precision: Precision,
}

impl Machine {
    /// A tensor of these values.
    pub(crate) fn tensor<const D: usize>(&self, values: &[f64], shape: [usize; D]) -> Tensor<D> {
        tensor(values, shape, &self.device, self.precision)
    }

    /// The same machine as autodiff sees it.
    pub(crate) fn autodiff(&self) -> Machine {
        Machine { device: self.device.clone().autodiff(), ..self.clone() }
    }
}

/// A tensor of these values.
pub(crate) fn tensor<const D: usize>(
    values: &[f64],
    shape: [usize; D],
    device: &Device,
    precision: Precision,
) -> Tensor<D> {
    let options = TensorCreationOptions::new(device.clone());
    match precision {
        Precision::F32 => {
            let single: Vec<f32> = values.iter().map(|&x| x as f32).collect();
            Tensor::from_data(TensorData::new(single, shape), options.with_dtype(DType::F32))
        }
        Precision::F64 => {
            Tensor::from_data(TensorData::new(values.to_vec(), shape), options.with_dtype(DType::F64))
        }
    }
}

/// The values of a tensor, on the host.
pub(crate) fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    #[allow(clippy::expect_used)] // the tensors of this program are of floating point numbers
    tensor.into_data_as::<f64>().try_into_vec().expect("values of the type asked for")
}
