//! Optimisers over the vector of all parameters.

use burn::tensor::{Device, Tensor};

use crate::parameters::{values, vector};
use crate::tensors::{TensorError, Tensors};

/// Adam (Kingma and Ba 2015, algorithm 1), with beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8.
pub(crate) struct Adam {
    first: Tensor<1>,
    second: Tensor<1>,
    steps: u64,
}

const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

impl Adam {
    /// Before the first step, for `count` parameters.
    pub(crate) fn new(count: usize, device: &Device) -> Self {
        Adam { first: Tensor::zeros([count], device), second: Tensor::zeros([count], device), steps: 0 }
    }

    /// The parameters after one step, [parameter].
    pub(crate) fn step(
        &mut self,
        parameters: Tensor<1>,
        gradient: Tensor<1>,
        learning_rate: f64,
    ) -> Tensor<1> {
        self.steps += 1;
        let square = gradient.clone() * gradient.clone();
        self.first = self.first.clone() * BETA_1 + gradient * (1.0 - BETA_1);
        self.second = self.second.clone() * BETA_2 + square * (1.0 - BETA_2);
        let steps = self.steps as f64;
        let (unbias_1, unbias_2) = (1.0 - BETA_1.powf(steps), 1.0 - BETA_2.powf(steps));
        // lr m^ / (sqrt(v^) + eps) with both corrections drawn into the two scalars
        let root = unbias_2.sqrt();
        let update = self.first.clone() * (learning_rate * root / unbias_1)
            / (self.second.clone().sqrt() + EPSILON * root);
        parameters - update
    }

    /// Everything it keeps from step to step.
    pub(crate) fn state(&self) -> Tensors {
        let mut state = Tensors::default();
        for (name, moment) in [("first_moment", &self.first), ("second_moment", &self.second)] {
            let values = values(moment.clone());
            state.insert_f32(name, vec![values.len()], values);
        }
        state.insert_f64("steps", vec![self.steps as f64]);
        state
    }

    /// Continues from `state`.
    pub(crate) fn restore(&mut self, state: &Tensors) -> Result<(), TensorError> {
        let (count, device) = (self.first.shape().num_elements(), self.first.device());
        let moment = |name| Ok(vector(state.f32(name, &[count])?.to_vec(), &device));
        let [steps] = state.f64("steps")? else {
            return Err(TensorError("tensor steps must hold one number".into()));
        };
        (self.first, self.second, self.steps) =
            (moment("first_moment")?, moment("second_moment")?, *steps as u64);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devices;

    #[test]
    fn steps_follow_the_algorithm() {
        let device = devices::CPU.open().unwrap();
        let mut adam = Adam::new(2, &device);
        let (mut parameters, mut m, mut v) = (vector(vec![1.0, -2.0], &device), [0.0; 2], [0.0; 2]);
        let mut expected = [1.0f64, -2.0];
        for t in 1..=5 {
            let g = [0.3 * f64::from(t), -1.0 / f64::from(t)];
            for i in 0..2 {
                m[i] = 0.9 * m[i] + 0.1 * g[i];
                v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i];
                let (mh, vh) = (m[i] / (1.0 - 0.9f64.powi(t)), v[i] / (1.0 - 0.999f64.powi(t)));
                expected[i] -= 0.01 * mh / (vh.sqrt() + 1e-8);
            }
            parameters = adam.step(parameters, vector(g.map(|g| g as f32).to_vec(), &device), 0.01);
        }
        let found = values(parameters);
        for i in 0..2 {
            assert!((f64::from(found[i]) - expected[i]).abs() < 1e-6, "{found:?} {expected:?}");
        }
    }
}
