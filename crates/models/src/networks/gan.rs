//! A conditional generative adversarial network (Goodfellow et al. 2014; Mirza and Osindero 2014): a generator makes
//! the next state out of the history and noise, and a discriminator tells pairs of history and next state from the data
//! apart from those of the generator. Its forecast is an ensemble, each member with noise of its own.
//!
//! The discriminator learns by the hinge loss (Lim and Ye 2017; Miyato et al. 2018, equation 17), every matrix of it
//! over its largest singular value (spectral normalisation, Miyato et al. 2018, algorithm 1). There is no penalty on
//! gradients, which would need second derivatives.
//!
//! The generator's loss is `adversarial` times -D(history, G) plus the energy score of two draws,
//! (|G1 - y| + |G2 - y|) / 2 - |G1 - G2| / 2 a component (Gneiting and Raftery 2007, equation 21; to train generators,
//! Pacchiardi et al. 2024). An adversary alone teaches little here: given the state, the next state of a deterministic
//! system is one point, from which the generator's draws can be told however near they are. The energy score is least
//! where draws are distributed as the data are, so it neither forbids a spread, as a squared error would, nor rewards one.
//!
//! [batch, window, feature] and noise [batch, 1, noise] -> increments [batch, 1, component]

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use dataset::{Batch, Normalisation};
use forecast::{Forecast, Forecaster, Tangent};
use kernels::{Activation, Dense};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trajectory::random::{Stream, normal, stream};

use super::{Made, NetworkConfig, check_size, check_weights};
use crate::derivatives::OfWindow;
use crate::learner::{At, Dropout, Learner, Network, Sequences, clipped};
use crate::machine::{Machine, values};
use crate::optimizer::{Recipe, TensorOptimizer};
use crate::parameters::{flatten, flatten_gradients, from_tensors, to_tensors, unflatten};
use crate::recent::Recent;
use crate::stack::Stack;
use crate::tensors::{TensorError, Tensors, of_precision};
use crate::trained::increments_of;

/// Settings of the generative adversarial network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GanConfig {
    /// Number of units of each hidden layer of the generator.
    #[schemars(range(min = 1, max = 100_000))]
    pub hidden: usize,
    /// Number of hidden layers of the generator, and of the discriminator.
    #[schemars(range(min = 1, max = 100))]
    pub depth: usize,
    /// Number of units of each hidden layer of the discriminator.
    #[schemars(range(min = 1, max = 100_000))]
    pub discriminator_hidden: usize,
    /// Number of samples in the window of both networks, the present one included.
    #[schemars(range(min = 1, max = 10_000))]
    pub window: usize,
    /// Number of random inputs of the generator at each sample, drawn from the standard normal distribution.
    #[schemars(range(min = 1, max = 1000))]
    pub noise: usize,
    /// Number of members of a forecast ensemble.
    #[schemars(range(min = 1, max = 1000))]
    pub members: usize,
    /// Weight of the adversarial part of the generator's loss. The other part, the energy score, has the weight 1.
    #[schemars(range(min = 0, max = 1e6))]
    pub adversarial: f64,
    /// Learning rate of the discriminator divided by that of the generator.
    #[schemars(range(min = 1e-6, max = 1e6))]
    pub discriminator_rate: f64,
    /// Activation function after each hidden layer.
    #[schemars(extend("examples" = ["tanh"]))]
    pub activation: Activation,
}

impl Default for GanConfig {
    fn default() -> Self {
        GanConfig {
            hidden: 64,
            depth: 2,
            discriminator_hidden: 64,
            window: 1,
            noise: 2,
            members: 32,
            adversarial: 0.01,
            discriminator_rate: 1.0,
            activation: Activation::Gelu,
        }
    }
}

impl NetworkConfig for GanConfig {
    const NAME: &'static str = "gan";
    const ABOUT: &'static str = "generator of an ensemble against a discriminator";
    type Network = Stack;

    fn check(&self) -> Result<(), String> {
        check_size("hidden", self.hidden, 100_000)?;
        check_size("depth", self.depth, 100)?;
        check_size("discriminator_hidden", self.discriminator_hidden, 100_000)?;
        check_size("window", self.window, 10_000)?;
        check_size("noise", self.noise, 1_000)?;
        check_size("members", self.members, 1_000)?;
        if !(0.0..=1e6).contains(&self.adversarial) {
            return Err(format!("adversarial = {:?} must lie between 0 and 1000000", self.adversarial));
        }
        if !(1e-6..=1e6).contains(&self.discriminator_rate) {
            return Err(format!(
                "discriminator_rate = {:?} must lie between 0.000001 and 1000000",
                self.discriminator_rate
            ));
        }
        let widest = self.hidden.max(self.discriminator_hidden);
        check_weights(2 * self.depth as u128 * (widest as u128).pow(2))
    }

    fn window(&self) -> usize {
        self.window
    }

    fn suits(&self, recipe: &Recipe) -> Result<(), String> {
        let why = "generator and discriminator of a gan have a loss each";
        match (&recipe.optimizer, recipe.optimizer.method()) {
            (_, Some(_)) if recipe.dropout > 0.0 => {
                Err("train.dropout is not for model.name = \"gan\", whose chance is its noise".into())
            }
            (_, Some(_)) if recipe.input_noise > 0.0 => {
                Err("train.input_noise is not for model.name = \"gan\", whose chance is its noise".into())
            }
            (_, Some(_)) if recipe.unroll > 1 => Err(format!(
                "train.unroll = {} is not for model.name = \"gan\": its discriminator judges one step",
                recipe.unroll
            )),
            (_, Some(_)) => Ok(()),
            (optimizer, None) => Err(format!(
                "train.optimizer.name = \"{}\" makes one loss small, but {why}; adam suits both",
                optimizer.name()
            )),
        }
    }

    fn suits_burn_train(&self, _recipe: &Recipe) -> Result<(), String> {
        Err("train.loop = \"burn-train\" trains one network on one loss, but model.name = \"gan\" trains a generator and a \
             discriminator, each on its own loss; leave train.loop out"
            .into())
    }

    fn init(&self, scales: &Normalisation, stream: &mut Stream, machine: &Machine) -> Stack {
        let inputs = self.window * scales.features() + self.noise;
        let widths = vec![self.hidden; self.depth];
        Stack::new(Dense::stack(inputs, &widths, scales.dim(), self.activation), stream, machine)
    }

    fn learner(&self, scales: &Normalisation, recipe: &Recipe, machine: &Machine) -> Made<dyn Learner> {
        let draws = &mut stream(recipe.seed, "weights", 0);
        let generator = self.init(scales, draws, machine).train();
        let inputs = self.window * scales.features() + scales.dim();
        let widths = vec![self.discriminator_hidden; self.depth];
        let layers = Dense::stack(inputs, &widths, 1, self.activation);
        let critic = Stack::new(layers, draws, machine).train();
        let method = recipe.optimizer.method().ok_or("a gan needs a method by the gradient")?;
        Ok(Box::new(Adversarial {
            by_generator: TensorOptimizer::new(method, generator.num_params(), machine),
            by_critic: TensorOptimizer::new(method, critic.num_params(), machine),
            directions: Directions::new(critic.network(), machine),
            generator,
            critic,
            config: self.clone(),
            scales: scales.clone(),
            recipe: recipe.clone(),
            machine: machine.clone(),
        }))
    }

    fn forecaster(
        &self,
        weights: &Tensors,
        normalisation: Normalisation,
        recipe: &Recipe,
        machine: &Machine,
    ) -> Made<dyn Forecaster> {
        let machine = Machine { precision: weights.precision(), ..machine.clone() };
        let generator = self.init(&normalisation, &mut stream(0, "weights", 0), &machine).valid();
        let generator = from_tensors(generator.clone(), &generator.layout(), weights, &machine)
            .map_err(|fault| fault.to_string())?;
        Ok(Box::new(Ensemble { generator, config: self.clone(), seed: recipe.seed, normalisation, machine }))
    }
}

/// Increments [batch, 1, component] of flat histories [batch, 1, window * feature] and noise.
fn generate(generator: &Stack, history: &Tensor<3>, noise: Tensor<3>) -> Tensor<3> {
    let inputs = Tensor::cat(vec![history.clone(), noise], 2);
    generator.forward(inputs, &mut Dropout::none())
}

/// The largest singular value of each matrix, as power iterations find it from step to step: the directions of the
/// left singular vectors, [1, input].
struct Directions(Vec<Tensor<2>>);

impl Directions {
    fn new(network: &kernels::Network, machine: &Machine) -> Self {
        let rows = network.tensors().filter(|(_, tensor)| tensor.shape.len() == 2);
        Directions(
            rows.map(|(_, tensor)| {
                let rows = tensor.shape[0];
                machine.tensor(&vec![(rows as f64).powf(-0.5); rows], [1, rows])
            })
            .collect(),
        )
    }

    /// The weights with every matrix over its largest singular value. With `turn` the directions are improved first.
    fn normalised(&mut self, critic: &Stack, turn: bool) -> Tensor<1> {
        let weights = critic.weights();
        let (mut parts, mut from, mut matrices) = (Vec::new(), 0, self.0.iter_mut());
        for (_, tensor) in critic.network().tensors() {
            let part = weights.clone().narrow(0, from, tensor.count());
            from += tensor.count();
            let (&[rows, columns], Some(direction)) =
                (&tensor.shape[..], (tensor.shape.len() == 2).then(|| matrices.next()).flatten())
            else {
                parts.push(part);
                continue;
            };
            let matrix = part.clone().reshape([rows, columns]);
            let constant = matrix.clone().inner();
            let unit = |x: Tensor<2>| {
                let length = (x.clone() * x.clone()).sum().sqrt() + 1e-12;
                x / length.reshape([1, 1])
            };
            let right = unit(direction.clone().matmul(constant.clone()));
            if turn {
                *direction = unit(right.clone().matmul(constant.transpose()));
            }
            let left = Tensor::from_inner(direction.clone());
            let largest = left.matmul(matrix) * Tensor::from_inner(right); // [1, column]
            parts.push(part / largest.sum());
        }
        Tensor::cat(parts, 0)
    }
}

/// The weights of a discriminator over the largest singular values, after so many power iterations.
#[cfg(test)]
pub(super) fn normalised(critic: &Stack, iterations: usize, machine: &Machine) -> Vec<f64> {
    let mut directions = Directions::new(critic.network(), machine);
    (1..iterations).for_each(|_| {
        directions.normalised(critic, true);
    });
    values(directions.normalised(critic, true).inner())
}

/// Generator and discriminator in training, each with its optimiser.
struct Adversarial {
    generator: Stack,
    critic: Stack,
    by_generator: TensorOptimizer,
    by_critic: TensorOptimizer,
    directions: Directions,
    config: GanConfig,
    scales: Normalisation,
    recipe: Recipe,
    machine: Machine,
}

impl Adversarial {
    /// Histories [batch, 1, window * feature] and the increments after them [batch, 1, component].
    fn pairs(&self, batch: &Batch, machine: &Machine) -> [Tensor<3>; 2] {
        let [count, samples, features, _] = batch.shape;
        let batch = Sequences::new(batch, self.config.window, &self.scales, machine);
        [batch.inputs.reshape([count, 1, samples * features]), batch.targets.narrow(1, samples - 1, 1)]
    }

    /// Two draws of noise, [batch, 1, noise] each.
    fn noise(&self, count: usize, purpose: &'static str, index: u64, machine: &Machine) -> [Tensor<3>; 2] {
        let mut draws = stream(self.recipe.seed, purpose, index);
        let width = self.config.noise;
        [(); 2].map(|()| {
            let noise: Vec<f64> = (0..count * width).map(|_| normal(&mut draws)).collect();
            machine.tensor(&noise, [count, 1, width])
        })
    }
}

/// The energy score of two draws a component, a scalar.
pub(super) fn energy_score([one, other]: [Tensor<3>; 2], truth: Tensor<3>) -> Tensor<1> {
    let apart = (one.clone() - other.clone()).abs();
    let errors = (one - truth.clone()).abs() + (other - truth).abs();
    (errors - apart).mean() * 0.5
}

impl Learner for Adversarial {
    fn step(&mut self, batch: &Batch, at: At) -> f64 {
        let machine = self.machine.autodiff();
        let [history, truth] = self.pairs(batch, &machine);
        let noise = self.noise(batch.shape[0], "noise", at.step, &machine);
        let draws = noise.map(|noise| generate(&self.generator, &history, noise));
        let judge = |critic: &Stack, weights: Tensor<1>, next: Tensor<3>| {
            critic.forward_with(weights, Tensor::cat(vec![history.clone(), next], 2))
        };

        let before: Vec<Tensor<2>> = self.directions.0.clone();
        let weights = self.directions.normalised(&self.critic, true);
        let real = judge(&self.critic, weights.clone(), truth.clone());
        let made = judge(&self.critic, weights, draws[0].clone().detach());
        let hinge = (relu(real.neg() + 1.0) + relu(made + 1.0)).mean();
        let critic_gradient = flatten_gradients(&self.critic, &mut hinge.backward());

        let score = energy_score(draws.clone(), truth);
        let value = values(score.clone().inner())[0];
        let weights = self.directions.normalised(&self.critic, false);
        let adversarial = judge(&self.critic, weights, draws[0].clone()).mean().neg();
        let loss = score + adversarial * self.config.adversarial;
        let gradient = flatten_gradients(&self.generator, &mut loss.backward());
        let most = self.recipe.gradient_norm;
        let gradients = match (clipped(critic_gradient, most), clipped(gradient, most)) {
            _ if !value.is_finite() => Err(value),
            (Ok(of_critic), Ok(of_generator)) => Ok([of_critic, of_generator]),
            (Err(norm), _) | (_, Err(norm)) => Err(norm),
        };
        let [of_critic, of_generator] = match gradients {
            Ok(gradients) => gradients,
            Err(value) => {
                self.directions.0 = before;
                return value;
            }
        };
        let rate = at.learning_rate * self.config.discriminator_rate;
        let parameters = self.by_critic.step(flatten(&self.critic), of_critic, rate);
        self.critic = unflatten(self.critic.clone(), &parameters);
        let parameters = self.by_generator.step(flatten(&self.generator), of_generator, at.learning_rate);
        self.generator = unflatten(self.generator.clone(), &parameters);
        value
    }

    fn loss(&mut self, batch: &Batch) -> f64 {
        let [history, truth] = self.pairs(batch, &self.machine);
        let noise = self.noise(batch.shape[0], "validation", 0, &self.machine);
        let generator = self.generator.valid();
        values(energy_score(noise.map(|noise| generate(&generator, &history, noise)), truth))[0]
    }

    fn weights(&self) -> Tensors {
        to_tensors(&self.generator, &self.generator.layout(), self.machine.precision)
    }

    fn optimizer_state(&self) -> Tensors {
        let mut state = Tensors::default();
        state.insert_all("generator.", &self.by_generator.state());
        state.insert_all("discriminator.", &self.by_critic.state());
        let critic = to_tensors(&self.critic, &self.critic.layout(), self.machine.precision);
        state.insert_all("discriminator.weights.", &critic);
        for (i, direction) in self.directions.0.iter().enumerate() {
            let precise = of_precision(self.machine.precision, &values(direction.clone()));
            state.insert(format!("direction.{i}"), direction.dims().to_vec(), precise);
        }
        state
    }

    fn restore(&mut self, weights: &Tensors, optimizer_state: &Tensors) -> Result<(), TensorError> {
        let machine = &self.machine;
        let generator = from_tensors(self.generator.clone(), &self.generator.layout(), weights, machine)?;
        let critic = optimizer_state.under("discriminator.weights.");
        let critic = from_tensors(self.critic.clone(), &self.critic.layout(), &critic, machine)?;
        let mut directions = Vec::new();
        for (i, direction) in self.directions.0.iter().enumerate() {
            let shape = direction.dims();
            let found = optimizer_state.numbers(&format!("direction.{i}"), &shape)?;
            directions.push(machine.tensor(&found, shape));
        }
        self.by_generator.restore(&optimizer_state.under("generator."))?;
        self.by_critic.restore(&optimizer_state.under("discriminator."))?;
        (self.generator, self.critic, self.directions) = (generator, critic, Directions(directions));
        Ok(())
    }
}

/// A trained generator with its scales.
struct Ensemble {
    generator: Stack,
    config: GanConfig,
    seed: u64,
    normalisation: Normalisation,
    machine: Machine,
}

impl Forecaster for Ensemble {
    fn window(&self) -> usize {
        self.config.window
    }

    fn dim(&self) -> usize {
        self.normalisation.dim()
    }

    fn known_dim(&self) -> usize {
        self.normalisation.features() - self.dim()
    }

    fn members(&self) -> usize {
        self.config.members
    }

    fn begin<'a>(&'a self, histories: &[f64], known: &[f64]) -> Box<dyn Forecast + 'a> {
        let recent = Recent::new(&self.normalisation, self.config.window, histories, known);
        // One for each forecast, so that none depends on how many others there are.
        let noise = (0..recent.count() as u64).map(|i| stream(self.seed, "forecast", i)).collect();
        Box::new(Member { of: self, recent, noise })
    }

    /// Of one member from each start, as noise drives it: an exponent of the random map, whose noise is not disturbed.
    fn begin_tangent<'a>(&'a self, histories: &[f64], known: &[f64]) -> Option<Box<dyn Tangent + 'a>> {
        let Ensemble { config, normalisation, .. } = self;
        let generator = increments_of(&self.generator, &self.machine);
        let count = histories.len() / (config.window * self.dim());
        let mut noise: Vec<Stream> = (0..count as u64).map(|i| stream(self.seed, "forecast", i)).collect();
        let derive = move |samples: &[f64], [count, window, features]: [usize; 3]| {
            let (width, noisy) = (window * features, window * features + config.noise);
            let mut inputs = Vec::with_capacity(count * noisy);
            for (samples, draws) in samples.chunks_exact(width).zip(&mut noise) {
                inputs.extend_from_slice(samples);
                inputs.extend((0..config.noise).map(|_| normal(draws)));
            }
            let mut found = generator.derivatives(&inputs, [count, 1, noisy]);
            let of_samples = found.by_inputs.chunks_exact(noisy).flat_map(|row| &row[..width]);
            found.by_inputs = of_samples.copied().collect();
            found
        };
        OfWindow::boxed(normalisation, config.window, [histories, known], derive)
    }
}

/// Members under way.
struct Member<'a> {
    of: &'a Ensemble,
    recent: Recent<'a>,
    noise: Vec<Stream>,
}

impl Forecast for Member<'_> {
    fn advance(&mut self, known: &[f64], next: &mut [f64]) {
        let Ensemble { generator, config, normalisation, machine, .. } = self.of;
        let (count, width) = (self.recent.count(), config.window * normalisation.features());
        let history = machine.tensor(self.recent.complete(known), [count, 1, width]);
        let noise: Vec<f64> =
            self.noise.iter_mut().flat_map(|draws| (0..config.noise).map(|_| normal(draws))).collect();
        let increments = generate(generator, &history, machine.tensor(&noise, [count, 1, config.noise]));
        self.recent.add(&values(increments), next);
    }
}
