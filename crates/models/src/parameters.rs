//! The parameters of a module as one vector.
//!
//! An optimiser and clipping by the norm treat the parameters as one long vector, in the order in which the
//! module holds them. So do we: it makes an update a dozen tensor operations whatever the number of layers.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};

use crate::tensors::{TensorError, Tensors};

/// The parameters, [parameter].
pub(crate) fn flatten(module: &impl Module) -> Tensor<1> {
    struct Values(Vec<Tensor<1>>);
    impl ModuleVisitor for Values {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let value = param.val().inner();
            let count = value.shape().num_elements();
            self.0.push(value.reshape([count]));
        }
    }
    let mut values = Values(Vec::new());
    module.visit(&mut values);
    Tensor::cat(values.0, 0)
}

/// The gradients in the same order, [parameter]; 0 where a parameter took no part in the loss.
pub(crate) fn flatten_gradients(module: &impl Module, gradients: &mut Gradients) -> Tensor<1> {
    struct Collected<'a>(&'a mut Gradients, Vec<Tensor<1>>);
    impl ModuleVisitor for Collected<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let value = param.val();
            let count = value.shape().num_elements();
            let gradient = value.grad_remove(self.0).unwrap_or_else(|| value.inner().zeros_like());
            self.1.push(gradient.reshape([count]));
        }
    }
    let mut collected = Collected(gradients, Vec::new());
    module.visit(&mut collected);
    Tensor::cat(collected.1, 0)
}

/// The module with its parameters taken from `flat` [parameter], each as trainable as it was.
pub(crate) fn unflatten<M: Module>(module: M, flat: &Tensor<1>) -> M {
    struct Parts<'a>(&'a Tensor<1>, usize);
    impl ModuleMapper for Parts<'_> {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let (id, old, mapper) = param.consume();
            let (shape, from) = (old.shape(), self.1);
            self.1 += shape.num_elements();
            let value = self.0.clone().narrow(0, from, self.1 - from).reshape::<D, _>(shape);
            let value = if old.is_autodiff() { Tensor::from_inner(value).require_grad() } else { value };
            Param::from_mapped_value(id, value, mapper)
        }
    }
    module.map(&mut Parts(flat, 0))
}

/// Names and shapes of the parameters, in the order of [`flatten`].
pub(crate) fn layout(module: &impl Module) -> Vec<(String, Vec<usize>)> {
    struct Layout {
        path: Vec<String>,
        found: Vec<(String, Vec<usize>)>,
    }
    impl ModuleVisitor for Layout {
        fn enter_module(&mut self, name: &str, _container_type: &str) {
            self.path.push(name.to_owned());
        }
        fn exit_module(&mut self, _name: &str, _container_type: &str) {
            self.path.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.found.push((self.path.join("."), param.lazy_shape().to_vec()));
        }
    }
    let mut layout = Layout { path: Vec::new(), found: Vec::new() };
    module.visit(&mut layout);
    layout.found
}

/// The parameters by name.
pub(crate) fn to_tensors(module: &impl Module) -> Tensors {
    let values = values(flatten(module));
    let mut rest = values.as_slice();
    let mut tensors = Tensors::default();
    for (name, shape) in layout(module) {
        let (head, tail) = rest.split_at(shape.iter().product());
        tensors.insert_f32(name, shape, head.to_vec());
        rest = tail;
    }
    tensors
}

/// The module with the parameters of these names.
pub(crate) fn from_tensors<M: Module>(
    module: M,
    tensors: &Tensors,
    device: &Device,
) -> Result<M, TensorError> {
    let mut flat = Vec::new();
    for (name, shape) in layout(&module) {
        let values = tensors.f32(&name, &shape)?;
        if let Some(x) = values.iter().find(|x| !x.is_finite()) {
            return Err(TensorError(format!("tensor {name} holds {x}")));
        }
        flat.extend_from_slice(values);
    }
    Ok(unflatten(module, &vector(flat, device)))
}

/// A vector on the device.
pub(crate) fn vector(values: Vec<f32>, device: &Device) -> Tensor<1> {
    let count = values.len();
    Tensor::from_data(TensorData::new(values, [count]), device)
}

/// The values of a tensor, on the host.
pub(crate) fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    #[allow(clippy::expect_used)] // every tensor of this program is of f32
    tensor.into_data_as::<f32>().try_into_vec().expect("values of the type asked for")
}
