//! Optimisers by name, and their steps on a vector of tensors.

use burn::tensor::{Device, Tensor};
use kernels::Method;
use serde::{Deserialize, Serialize};

use crate::parameters::{values, vector};
use crate::tensors::{TensorError, Tensors};

/// An optimiser and its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "lowercase")]
pub enum Optimizer {
    /// Adam (Kingma and Ba 2015).
    Adam {
        /// The highest learning rate of the schedule.
        learning_rate: f64,
    },
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019).
    AdamW {
        /// The highest learning rate of the schedule.
        learning_rate: f64,
        /// Factor of the weights in a step, times the learning rate.
        weight_decay: f64,
    },
    /// Gradient descent with momentum (Polyak 1964).
    Sgd {
        /// The highest learning rate of the schedule.
        learning_rate: f64,
        /// Part of the velocity that is kept.
        momentum: f64,
    },
    /// The method of Levenberg and Marquardt, in f64, at every step on the same `batch_size` windows.
    #[serde(rename = "levenberg-marquardt")]
    LevenbergMarquardt {
        /// The damping to begin with, over the largest diagonal element of J'J.
        damping: f64,
        /// It ends where no derivative of the loss by a weight is larger.
        gradient_tolerance: f64,
        /// It ends where a step is shorter than this part of the weights.
        step_tolerance: f64,
    },
}

impl Optimizer {
    /// Every optimiser with its defaults.
    pub const ALL: [Optimizer; 4] = [
        Optimizer::Adam { learning_rate: 3e-3 },
        Optimizer::AdamW { learning_rate: 3e-3, weight_decay: 1e-2 },
        Optimizer::Sgd { learning_rate: 1e-2, momentum: 0.9 },
        Optimizer::LevenbergMarquardt { damping: 1e-3, gradient_tolerance: 1e-14, step_tolerance: 1e-10 },
    ];

    /// The highest learning rate of the schedule, of a method that has one.
    pub fn learning_rate(&self) -> Option<f64> {
        match *self {
            Optimizer::Adam { learning_rate }
            | Optimizer::AdamW { learning_rate, .. }
            | Optimizer::Sgd { learning_rate, .. } => Some(learning_rate),
            Optimizer::LevenbergMarquardt { .. } => None,
        }
    }

    /// Whether every step must be on the same windows: a damping that was right for some is not for others.
    pub fn keeps_its_batch(&self) -> bool {
        self.learning_rate().is_none()
    }

    /// The method by the gradient alone, where it is one.
    pub(crate) fn method(&self) -> Option<Method> {
        match *self {
            Optimizer::Adam { .. } => Some(Method::Adam { weight_decay: 0.0 }),
            Optimizer::AdamW { weight_decay, .. } => Some(Method::Adam { weight_decay }),
            Optimizer::Sgd { momentum, .. } => Some(Method::Sgd { momentum }),
            Optimizer::LevenbergMarquardt { .. } => None,
        }
    }
}

impl Default for Optimizer {
    fn default() -> Self {
        Self::ALL[0].clone()
    }
}

/// How weights are changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// What follows the gradient.
    pub optimizer: Optimizer,
    /// Norm to which gradients are clipped.
    pub gradient_norm: f64,
}

/// A [`Method`] on tensors, for networks that Burn differentiates; the kernels have their own.
pub(crate) struct TensorOptimizer {
    method: Method,
    kept: Vec<Tensor<1>>,
    steps: u64,
}

impl TensorOptimizer {
    /// Before the first step, for `count` parameters.
    pub(crate) fn new(method: Method, count: usize, device: &Device) -> Self {
        TensorOptimizer { method, kept: vec![Tensor::zeros([count], device); method.names().len()], steps: 0 }
    }

    /// The parameters after one step, [parameter].
    pub(crate) fn step(
        &mut self,
        parameters: Tensor<1>,
        gradient: Tensor<1>,
        learning_rate: f64,
    ) -> Tensor<1> {
        self.steps += 1;
        match (self.method, &mut self.kept[..]) {
            (Method::Adam { weight_decay }, [first, second]) => {
                let square = gradient.clone() * gradient.clone();
                *first = first.clone() * Method::BETA_1 + gradient * (1.0 - Method::BETA_1);
                *second = second.clone() * Method::BETA_2 + square * (1.0 - Method::BETA_2);
                let factors = Method::adam_factors(self.steps, learning_rate);
                let update = first.clone() * factors.rate / (second.clone().sqrt() + factors.epsilon);
                parameters * (1.0 - learning_rate * weight_decay) - update
            }
            (Method::Sgd { momentum }, [velocity]) => {
                *velocity = velocity.clone() * momentum + gradient;
                parameters - velocity.clone() * learning_rate
            }
            _ => unreachable!("as many vectors as new() made"),
        }
    }

    /// Everything it keeps from step to step.
    pub(crate) fn state(&self) -> Tensors {
        let kept = self.method.names().iter().zip(&self.kept);
        state_tensors(self.steps, kept.map(|(name, vector)| (*name, values(vector.clone()))))
    }

    /// Continues from `state`.
    pub(crate) fn restore(&mut self, state: &Tensors) -> Result<(), TensorError> {
        let (count, device) = (self.kept[0].shape().num_elements(), self.kept[0].device());
        let (steps, vectors) = state_vectors(self.method, state, count)?;
        self.steps = steps;
        self.kept = vectors.into_iter().map(|values| vector(values, &device)).collect();
        Ok(())
    }
}

/// What an optimiser keeps from step to step, by name.
pub(crate) fn state_tensors(steps: u64, kept: impl Iterator<Item = (&'static str, Vec<f32>)>) -> Tensors {
    let mut state = Tensors::default();
    for (name, values) in kept {
        state.insert_f32(name, vec![values.len()], values);
    }
    state.insert_f64("steps", vec![steps as f64]);
    state
}

/// The opposite of [`state_tensors`], for a method on `count` parameters.
pub(crate) fn state_vectors(
    method: Method,
    state: &Tensors,
    count: usize,
) -> Result<(u64, Vec<Vec<f32>>), TensorError> {
    let [steps] = state.f64("steps")? else {
        return Err(TensorError("tensor steps must hold one number".into()));
    };
    let vector = |name: &&str| Ok(state.f32(name, &[count])?.to_vec());
    Ok((*steps as u64, method.names().iter().map(vector).collect::<Result<_, _>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devices;

    #[test]
    fn steps_follow_the_algorithms() {
        let device = devices::CPU.open().unwrap();
        for method in Optimizer::ALL.iter().filter_map(Optimizer::method) {
            let mut optimizer = TensorOptimizer::new(method, 2, &device);
            let mut parameters = vector(vec![1.0, -2.0], &device);
            let (mut expected, mut m, mut v) = ([1.0f64, -2.0], [0.0; 2], [0.0; 2]);
            for t in 1..=5 {
                let g = [0.3 * f64::from(t), -1.0 / f64::from(t)];
                for i in 0..2 {
                    match method {
                        Method::Adam { weight_decay } => {
                            m[i] = 0.9 * m[i] + 0.1 * g[i];
                            v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i];
                            let (mh, vh) = (m[i] / (1.0 - 0.9f64.powi(t)), v[i] / (1.0 - 0.999f64.powi(t)));
                            expected[i] -= 0.01 * (mh / (vh.sqrt() + 1e-8) + weight_decay * expected[i]);
                        }
                        Method::Sgd { momentum } => {
                            m[i] = momentum * m[i] + g[i];
                            expected[i] -= 0.01 * m[i];
                        }
                    }
                }
                parameters = optimizer.step(parameters, vector(g.map(|g| g as f32).to_vec(), &device), 0.01);
            }
            let found = values(parameters);
            for i in 0..2 {
                assert!(
                    (f64::from(found[i]) - expected[i]).abs() < 1e-6,
                    "{method:?} {found:?} {expected:?}"
                );
            }
        }
    }
}
