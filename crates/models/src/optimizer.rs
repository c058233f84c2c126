//! Optimisers by name, and their steps on a vector of tensors.

use burn::tensor::Tensor;
use kernels::{Decay, Method, Rule};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use trajectory::Precision;

use crate::machine::{Machine, values};
use crate::tensors::{TensorError, Tensors, of_precision};

/// An optimiser and its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "name", rename_all = "lowercase")]
pub enum Optimizer {
    /// Adam (Kingma and Ba 2015, algorithm 1).
    Adam {
        /// Highest learning rate of the schedule.
        #[schemars(range(max = 1e10), extend("exclusiveMinimum" = 0, "examples" = [1e-3]))]
        learning_rate: f64,
        /// Weight decay: this factor times the weights is added to the gradient.
        // Files that are older than the key lack it.
        #[serde(default)]
        #[schemars(range(min = 0, max = 1e3), extend("examples" = [1e-4]))]
        weight_decay: f64,
    },
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2).
    AdamW {
        /// Highest learning rate of the schedule.
        #[schemars(range(max = 1e10), extend("exclusiveMinimum" = 0, "examples" = [1e-3]))]
        learning_rate: f64,
        /// Decoupled weight decay: at each step, this factor times the learning rate times the weights is subtracted from
        /// the weights.
        #[schemars(range(min = 0, max = 1e3), extend("examples" = [1e-4]))]
        weight_decay: f64,
    },
    /// Plain gradient descent (Robbins and Monro 1951).
    Sgd {
        /// Highest learning rate of the schedule.
        #[schemars(range(max = 1e10), extend("exclusiveMinimum" = 0, "examples" = [1e-3]))]
        learning_rate: f64,
        /// Weight decay: this factor times the weights is added to the gradient.
        #[schemars(range(min = 0, max = 1e3), extend("examples" = [1e-4]))]
        weight_decay: f64,
    },
    /// Gradient descent with momentum (Polyak 1964).
    Momentum {
        /// Highest learning rate of the schedule.
        #[schemars(range(max = 1e10), extend("exclusiveMinimum" = 0, "examples" = [1e-3]))]
        learning_rate: f64,
        /// Momentum: the fraction of the velocity that is kept from step to step.
        #[schemars(range(min = 0, max = 0.9999))]
        momentum: f64,
        /// Weight decay: this factor times the weights is added to the gradient.
        #[schemars(range(min = 0, max = 1e3), extend("examples" = [1e-4]))]
        weight_decay: f64,
    },
    /// RMSprop: steps are divided by the root of the mean square of the gradient (Tieleman and Hinton 2012, lecture 6.5).
    RmsProp {
        /// Highest learning rate of the schedule.
        #[schemars(range(max = 1e10), extend("exclusiveMinimum" = 0, "examples" = [1e-3]))]
        learning_rate: f64,
        /// Fraction of the mean square of the gradient that is kept from step to step.
        #[schemars(range(min = 0, max = 0.9999))]
        smoothing: f64,
        /// Weight decay: this factor times the weights is added to the gradient.
        #[schemars(range(min = 0, max = 1e3), extend("examples" = [1e-4]))]
        weight_decay: f64,
    },
    /// Adagrad: steps are divided by the root of the sum of the squares of the gradient (Duchi, Hazan and Singer 2011, figure 1).
    Adagrad {
        /// Highest learning rate of the schedule.
        #[schemars(range(max = 1e10), extend("exclusiveMinimum" = 0, "examples" = [1e-3]))]
        learning_rate: f64,
        /// Weight decay: this factor times the weights is added to the gradient.
        #[schemars(range(min = 0, max = 1e3), extend("examples" = [1e-4]))]
        weight_decay: f64,
    },
    /// Limited-memory BFGS (Liu and Nocedal 1989). It computes in f64 on the CPU and uses the same `train.batch_size`
    /// windows at every step; give it thousands of windows.
    Lbfgs {
        /// Number of past steps from which the curvature is estimated.
        #[schemars(range(min = 1, max = 1000))]
        memory: usize,
        /// Training stops when no derivative of the loss with respect to a weight is larger than this.
        #[schemars(range(min = 0, max = 1e10))]
        gradient_tolerance: f64,
        /// Training stops when the length of a step is less than this fraction of the length of the vector of weights.
        #[schemars(range(min = 0, max = 1e10))]
        step_tolerance: f64,
    },
    /// The method of Levenberg and Marquardt, for an `ffnn` with at most 2,000 weights. It computes in f64 on the CPU and
    /// uses the same `train.batch_size` windows at every step; give it thousands of windows.
    #[serde(rename = "levenberg-marquardt")]
    LevenbergMarquardt {
        /// Initial damping, relative to the largest diagonal element of J'J, where J is the Jacobian of the errors.
        #[schemars(range(max = 1e10), extend("exclusiveMinimum" = 0))]
        damping: f64,
        /// Training stops when no derivative of the loss with respect to a weight is larger than this.
        #[schemars(range(min = 0, max = 1e10))]
        gradient_tolerance: f64,
        /// Training stops when the length of a step is less than this fraction of the length of the vector of weights.
        #[schemars(range(min = 0, max = 1e10))]
        step_tolerance: f64,
    },
}

impl Optimizer {
    /// Every optimiser with its defaults.
    pub const ALL: [Optimizer; 8] = [
        Optimizer::Adam { learning_rate: 3e-3, weight_decay: 0.0 },
        Optimizer::AdamW { learning_rate: 3e-3, weight_decay: 1e-2 },
        Optimizer::Sgd { learning_rate: 1e-1, weight_decay: 0.0 },
        Optimizer::Momentum { learning_rate: 1e-2, momentum: 0.9, weight_decay: 0.0 },
        Optimizer::RmsProp { learning_rate: 1e-3, smoothing: 0.99, weight_decay: 0.0 },
        Optimizer::Adagrad { learning_rate: 1e-2, weight_decay: 0.0 },
        Optimizer::Lbfgs { memory: 10, gradient_tolerance: 1e-10, step_tolerance: 1e-12 },
        Optimizer::LevenbergMarquardt { damping: 1e-3, gradient_tolerance: 1e-14, step_tolerance: 1e-10 },
    ];

    /// The highest learning rate of the schedule, of a method that has one.
    pub fn learning_rate(&self) -> Option<f64> {
        match *self {
            Optimizer::Adam { learning_rate, .. }
            | Optimizer::AdamW { learning_rate, .. }
            | Optimizer::Sgd { learning_rate, .. }
            | Optimizer::Momentum { learning_rate, .. }
            | Optimizer::RmsProp { learning_rate, .. }
            | Optimizer::Adagrad { learning_rate, .. } => Some(learning_rate),
            Optimizer::Lbfgs { .. } | Optimizer::LevenbergMarquardt { .. } => None,
        }
    }

    /// Its name in an experiment file.
    pub fn name(&self) -> &'static str {
        match self {
            Optimizer::Adam { .. } => "adam",
            Optimizer::AdamW { .. } => "adamw",
            Optimizer::Sgd { .. } => "sgd",
            Optimizer::Momentum { .. } => "momentum",
            Optimizer::RmsProp { .. } => "rmsprop",
            Optimizer::Adagrad { .. } => "adagrad",
            Optimizer::Lbfgs { .. } => "lbfgs",
            Optimizer::LevenbergMarquardt { .. } => "levenberg-marquardt",
        }
    }

    /// Whether every step must be on the same windows: a damping that was right for some is not for others, and
    /// neither is a difference of gradients.
    pub fn keeps_its_batch(&self) -> bool {
        self.learning_rate().is_none()
    }

    /// The method by the gradient alone, where it is one.
    pub(crate) fn method(&self) -> Option<Method> {
        let (rule, decay) = match *self {
            Optimizer::Adam { weight_decay, .. } => (Rule::Adam, Decay::Coupled(weight_decay)),
            Optimizer::AdamW { weight_decay, .. } => (Rule::Adam, Decay::Decoupled(weight_decay)),
            Optimizer::Sgd { weight_decay, .. } => (Rule::Sgd, Decay::Coupled(weight_decay)),
            Optimizer::Momentum { momentum, weight_decay, .. } => {
                (Rule::Momentum { momentum }, Decay::Coupled(weight_decay))
            }
            Optimizer::RmsProp { smoothing, weight_decay, .. } => {
                (Rule::RmsProp { smoothing }, Decay::Coupled(weight_decay))
            }
            Optimizer::Adagrad { weight_decay, .. } => (Rule::Adagrad, Decay::Coupled(weight_decay)),
            Optimizer::Lbfgs { .. } | Optimizer::LevenbergMarquardt { .. } => return None,
        };
        Some(Method { rule, decay })
    }

    /// Says which setting is impossible.
    ///
    /// # Errors
    /// A sentence with the key, the value and the range.
    pub fn check(&self) -> Result<(), String> {
        if let Some(learning_rate) = self.learning_rate() {
            above_zero("learning_rate", learning_rate)?;
        }
        match *self {
            Optimizer::Adam { weight_decay, .. }
            | Optimizer::AdamW { weight_decay, .. }
            | Optimizer::Sgd { weight_decay, .. }
            | Optimizer::Adagrad { weight_decay, .. } => part("weight_decay", weight_decay, 1e3),
            Optimizer::Momentum { momentum, weight_decay, .. } => {
                part("momentum", momentum, 0.9999)?;
                part("weight_decay", weight_decay, 1e3)
            }
            Optimizer::RmsProp { smoothing, weight_decay, .. } => {
                part("smoothing", smoothing, 0.9999)?;
                part("weight_decay", weight_decay, 1e3)
            }
            Optimizer::Lbfgs { memory, gradient_tolerance, step_tolerance } => {
                if !(1..=1000).contains(&memory) {
                    return Err(format!("train.optimizer.memory = {memory} must lie between 1 and 1000"));
                }
                part("gradient_tolerance", gradient_tolerance, 1e10)?;
                part("step_tolerance", step_tolerance, 1e10)
            }
            Optimizer::LevenbergMarquardt { damping, gradient_tolerance, step_tolerance } => {
                above_zero("damping", damping)?;
                part("gradient_tolerance", gradient_tolerance, 1e10)?;
                part("step_tolerance", step_tolerance, 1e10)
            }
        }
    }
}

fn above_zero(key: &str, value: f64) -> Result<(), String> {
    const MOST: f64 = 1e10;
    match value > 0.0 && value <= MOST {
        true => Ok(()),
        false => Err(format!("train.optimizer.{key} = {value:?} must be above 0 and at most {MOST:?}")),
    }
}

fn part(key: &str, value: f64, most: f64) -> Result<(), String> {
    match (0.0..=most).contains(&value) {
        true => Ok(()),
        false => Err(format!("train.optimizer.{key} = {value:?} must lie between 0 and {most:?}")),
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
    /// Part of the numbers between layers that is left out while training.
    pub dropout: f64,
    /// Standard deviation of the noise that is added to what a network is shown, over that of the states.
    pub input_noise: f64,
    /// Steps of free running that the loss is taken over at most, at least 1.
    pub unroll: usize,
    /// Seed of the weights, and of what chance has a part in.
    pub seed: u64,
}

/// A [`Method`] on tensors, for networks that Burn differentiates; the kernels have their own.
pub(crate) struct TensorOptimizer {
    method: Method,
    kept: Vec<Tensor<1>>,
    steps: u64,
    count: usize,
    machine: Machine,
}

impl TensorOptimizer {
    /// Before the first step, for `count` parameters.
    pub(crate) fn new(method: Method, count: usize, machine: &Machine) -> Self {
        let kept = vec![machine.tensor(&vec![0.0; count], [count]); method.names().len()];
        TensorOptimizer { method, kept, steps: 0, count, machine: machine.clone() }
    }

    /// The parameters after one step, [parameter].
    pub(crate) fn step(
        &mut self,
        parameters: Tensor<1>,
        gradient: Tensor<1>,
        learning_rate: f64,
    ) -> Tensor<1> {
        self.steps += 1;
        let Method { rule, decay } = self.method;
        let gradient = match decay.coupled() {
            0.0 => gradient,
            coupled => gradient + parameters.clone() * coupled,
        };
        let update = match (rule, &mut self.kept[..]) {
            (Rule::Sgd, []) => gradient * learning_rate,
            (Rule::Momentum { momentum }, [velocity]) => {
                *velocity = velocity.clone() * momentum + gradient;
                velocity.clone() * learning_rate
            }
            (Rule::RmsProp { smoothing }, [squares]) => {
                let square = gradient.clone() * gradient.clone();
                *squares = squares.clone() * smoothing + square * (1.0 - smoothing);
                gradient * learning_rate / (squares.clone().sqrt() + Method::RMSPROP_EPSILON)
            }
            (Rule::Adagrad, [squares]) => {
                *squares = squares.clone() + gradient.clone() * gradient.clone();
                gradient * learning_rate / (squares.clone().sqrt() + Method::ADAGRAD_EPSILON)
            }
            (Rule::Adam, [first, second]) => {
                let square = gradient.clone() * gradient.clone();
                *first = first.clone() * Method::BETA_1 + gradient * (1.0 - Method::BETA_1);
                *second = second.clone() * Method::BETA_2 + square * (1.0 - Method::BETA_2);
                let factors = Method::adam_factors(self.steps, learning_rate);
                first.clone() * factors.rate / (second.clone().sqrt() + factors.epsilon)
            }
            _ => unreachable!("as many vectors as new() made"),
        };
        parameters * decay.keep(learning_rate) - update
    }

    /// Everything it keeps from step to step.
    pub(crate) fn state(&self) -> Tensors {
        let kept = self.method.names().iter().zip(&self.kept);
        let kept = kept.map(|(name, vector)| (*name, values(vector.clone())));
        state_tensors(self.steps, kept, self.machine.precision)
    }

    /// Continues from `state`.
    pub(crate) fn restore(&mut self, state: &Tensors) -> Result<(), TensorError> {
        let (steps, vectors) = state_vectors(self.method, state, self.count)?;
        self.steps = steps;
        self.kept = vectors.iter().map(|values| self.machine.tensor(values, [self.count])).collect();
        Ok(())
    }
}

/// What an optimiser keeps from step to step, by name.
pub(crate) fn state_tensors(
    steps: u64,
    kept: impl Iterator<Item = (&'static str, Vec<f64>)>,
    precision: Precision,
) -> Tensors {
    let mut state = Tensors::default();
    for (name, values) in kept {
        state.insert(name, vec![values.len()], of_precision(precision, &values));
    }
    state.insert_f64("steps", vec![steps as f64]);
    state
}

/// The opposite of [`state_tensors`], for a method on `count` parameters.
pub(crate) fn state_vectors(
    method: Method,
    state: &Tensors,
    count: usize,
) -> Result<(u64, Vec<Vec<f64>>), TensorError> {
    let [steps] = state.f64("steps")? else {
        return Err(TensorError("tensor steps must hold one number".into()));
    };
    let vector = |name: &&str| state.numbers(name, &[count]);
    Ok((*steps as u64, method.names().iter().map(vector).collect::<Result<_, _>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devices;

    /// Two parameters after `steps` steps of rate 0.01, as the papers write them.
    fn expected(optimizer: &Optimizer, steps: i32) -> [f64; 2] {
        let (mut w, mut m, mut v) = ([1.0f64, -2.0], [0.0; 2], [0.0f64; 2]);
        for t in 1..=steps {
            for i in 0..2 {
                let g = gradient(t)[i];
                match *optimizer {
                    Optimizer::Sgd { weight_decay, .. } => w[i] -= 0.01 * (g + weight_decay * w[i]),
                    Optimizer::Momentum { momentum, weight_decay, .. } => {
                        m[i] = momentum * m[i] + g + weight_decay * w[i];
                        w[i] -= 0.01 * m[i];
                    }
                    Optimizer::RmsProp { smoothing, weight_decay, .. } => {
                        let g = g + weight_decay * w[i];
                        v[i] = smoothing * v[i] + (1.0 - smoothing) * g * g;
                        w[i] -= 0.01 * g / (v[i].sqrt() + 1e-8);
                    }
                    Optimizer::Adagrad { weight_decay, .. } => {
                        let g = g + weight_decay * w[i];
                        v[i] += g * g;
                        w[i] -= 0.01 * g / (v[i].sqrt() + 1e-10);
                    }
                    Optimizer::Adam { weight_decay, .. } | Optimizer::AdamW { weight_decay, .. } => {
                        let decoupled = matches!(optimizer, Optimizer::AdamW { .. });
                        let g = if decoupled { g } else { g + weight_decay * w[i] };
                        m[i] = 0.9 * m[i] + 0.1 * g;
                        v[i] = 0.999 * v[i] + 0.001 * g * g;
                        let (mh, vh) = (m[i] / (1.0 - 0.9f64.powi(t)), v[i] / (1.0 - 0.999f64.powi(t)));
                        let pull = if decoupled { weight_decay * w[i] } else { 0.0 };
                        w[i] -= 0.01 * (mh / (vh.sqrt() + 1e-8) + pull);
                    }
                    Optimizer::Lbfgs { .. } | Optimizer::LevenbergMarquardt { .. } => unreachable!(),
                }
            }
        }
        w
    }

    fn gradient(t: i32) -> [f64; 2] {
        [0.3 * f64::from(t), -1.0 / f64::from(t)]
    }

    /// Every optimiser by the gradient, with its own weight decay and with a large one.
    fn with_decays() -> impl Iterator<Item = Optimizer> {
        let gradient = Optimizer::ALL.into_iter().filter(|optimizer| optimizer.method().is_some());
        gradient.flat_map(|optimizer| {
            let mut settings = serde_json::json!(optimizer);
            settings["weight_decay"] = serde_json::json!(0.5);
            [optimizer, serde_json::from_value(settings).unwrap()]
        })
    }

    #[test]
    fn steps_follow_the_algorithms() {
        let device = devices::CPU.open().unwrap();
        let machine = Machine { device, kernels: Default::default(), precision: Precision::F32 };
        for named in with_decays() {
            let method = named.method().unwrap();
            let mut optimizer = TensorOptimizer::new(method, 2, &machine);
            let mut parameters = machine.tensor(&[1.0, -2.0], [2]);
            for t in 1..=5 {
                let slopes = gradient(t);
                parameters = optimizer.step(parameters, machine.tensor(&slopes, [2]), 0.01);
                // from its own state it goes on as it would have
                let state = optimizer.state();
                optimizer = TensorOptimizer::new(method, 2, &machine);
                optimizer.restore(&state).unwrap();
                assert!(optimizer.state() == state);
            }
            let (found, expected) = (values(parameters), expected(&named, 5));
            for i in 0..2 {
                assert!((found[i] - expected[i]).abs() < 1e-6, "{named:?} {found:?} {expected:?}");
            }
        }
    }

    #[test]
    fn defaults_are_possible_and_what_is_not_is_refused_with_its_range() {
        assert_eq!(Optimizer::default(), Optimizer::ALL[0]);
        for optimizer in Optimizer::ALL {
            assert_eq!(optimizer.check(), Ok(()));
            assert_eq!(optimizer.keeps_its_batch(), optimizer.method().is_none());
            let settings = serde_json::json!(optimizer);
            let wrong = |key: &str| match (key, settings["name"].as_str().unwrap()) {
                ("memory", _) => vec![(serde_json::json!(0), "between 1 and 1000")],
                ("learning_rate" | "damping", _) => {
                    vec![(serde_json::json!(0.0), "above 0"), (serde_json::json!(1e11), "at most 1")]
                }
                ("momentum" | "smoothing", _) => vec![(serde_json::json!(1.0), "between 0 and 0.9999")],
                _ => vec![
                    (serde_json::json!(-1.0), "between 0 and"),
                    (serde_json::json!(1e11), "between 0 and"),
                ],
            };
            for key in settings.as_object().unwrap().keys().filter(|key| *key != "name") {
                for (value, words) in wrong(key) {
                    let mut settings = settings.clone();
                    settings[key] = value.clone();
                    let message = serde_json::from_value::<Optimizer>(settings).unwrap().check().unwrap_err();
                    assert!(message.starts_with(&format!("train.optimizer.{key} = ")), "{message}");
                    assert!(message.contains(words), "{message}");
                }
            }
        }
        let message = Optimizer::Lbfgs { memory: 0, gradient_tolerance: 0.0, step_tolerance: 0.0 }.check();
        assert_eq!(message, Err("train.optimizer.memory = 0 must lie between 1 and 1000".into()));
        let message = Optimizer::Adam { learning_rate: f64::NAN, weight_decay: 0.0 }.check();
        assert!(message.unwrap_err().contains("learning_rate = NaN must be above 0"));
    }

    #[test]
    fn an_adam_of_a_file_from_before_its_weight_decay_is_read() {
        let read: Optimizer = serde_json::from_str("{\"name\": \"adam\", \"learning_rate\": 0.003}").unwrap();
        assert_eq!(read, Optimizer::default());
    }
}
