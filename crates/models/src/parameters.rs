//! The parameters of a module as one vector.
//!
//! An optimiser and clipping by the norm treat the parameters as one long vector, in the order in which the
//! module holds them. So do we: it makes an update a dozen tensor operations whatever the number of layers.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor};

use trajectory::Precision;

use crate::machine::{Machine, values};
use crate::tensors::{TensorError, Tensors, of_precision};

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
pub(crate) fn to_tensors(
    module: &impl Module,
    layout: &[(String, Vec<usize>)],
    precision: Precision,
) -> Tensors {
    named(layout, &values(flatten(module)), precision)
}

/// The parts of a vector of parameters by name.
pub(crate) fn named(layout: &[(String, Vec<usize>)], parameters: &[f64], precision: Precision) -> Tensors {
    let mut tensors = Tensors::default();
    let mut from = 0;
    for (name, shape) in layout {
        let to = from + shape.iter().product::<usize>();
        tensors.insert(name.clone(), shape.clone(), of_precision(precision, &parameters[from..to]));
        from = to;
    }
    tensors
}

/// The opposite of [`named`].
pub(crate) fn read_named(
    layout: &[(String, Vec<usize>)],
    tensors: &Tensors,
) -> Result<Vec<f64>, TensorError> {
    let mut parameters = Vec::new();
    for (name, shape) in layout {
        let values = tensors.numbers(name, shape)?;
        if let Some(x) = values.iter().find(|x| !x.is_finite()) {
            return Err(TensorError(format!("tensor {name} holds {x:?}")));
        }
        parameters.extend(values);
    }
    Ok(parameters)
}

/// The module with the parameters of these names.
pub(crate) fn from_tensors<M: Module>(
    module: M,
    layout: &[(String, Vec<usize>)],
    tensors: &Tensors,
    machine: &Machine,
) -> Result<M, TensorError> {
    let parameters = read_named(layout, tensors)?;
    Ok(unflatten(module, &machine.tensor(&parameters, [parameters.len()])))
}
