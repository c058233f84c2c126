//! An autoencoder with a propagator in its latent space (Lusch, Kutz, Brunton 2018; for one observed component,
//! Bakarji et al. 2023): an encoder takes a window of the past to a latent state z, the propagator carries z from
//! sample to sample, z(t + dt) = z + s P(z, known inputs), and a decoder gives the state back. All three are trained
//! together. The window may show one component only: by Takens (1981) enough delays of it hold the whole state.
//!
//! Encoder and decoder are an affine map plus a network of layers, so that what is linear need not be learned by
//! units. A forecast encodes its history once and then stays in the latent space.
//!
//! Loss: the sum of three mean squared errors, all in standard deviations of the increments from sample to sample:
//! that of decode(encode(x)) against x (reconstruction); that of the propagated latent state against the encoded later
//! window, divided by the variance of the latent states (latent prediction); and that of the decoding of the propagated
//! latent state against the later state (decoded prediction).
//!
//! [batch, window, component] -> z [batch, 1, latent] -> [batch, 1, component]

use burn::module::Module;
use burn::tensor::Tensor;
use dataset::{Batch, Normalisation};
use forecast::{Forecast, Forecaster, Tangent};
use kernels::{Activation, Dense, Layer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trajectory::random::{Stream, stream};

use super::{Made, NetworkConfig, check_size, check_weights};
use crate::learner::{Dropout, Network, Sequences};
use crate::machine::{Machine, values};
use crate::optimizer::Recipe;
use crate::parameters::from_tensors;
use crate::recent::Recent;
use crate::stack::Stack;
use crate::tensors::Tensors;
use crate::trained::{Increments, increments_of};

/// Settings of the autoencoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AutoencoderConfig {
    /// Number of components of the latent state.
    #[schemars(range(min = 1, max = 1000))]
    pub latent: usize,
    /// Number of units of each hidden layer of the encoder, the propagator and the decoder.
    #[schemars(range(min = 1, max = 100_000))]
    pub hidden: usize,
    /// Number of hidden layers of the encoder, of the propagator and of the decoder.
    #[schemars(range(min = 1, max = 100))]
    pub depth: usize,
    /// Number of samples in the window of the encoder, the present one included.
    #[schemars(range(min = 1, max = 10_000))]
    pub window: usize,
    /// Activation function after each hidden layer.
    #[schemars(extend("examples" = ["tanh"]))]
    pub activation: Activation,
    /// Weight of the reconstruction error in the loss.
    #[schemars(range(min = 0, max = 1e6))]
    pub reconstruction: f64,
    /// Weight of the error of the predicted latent state in the loss. The error of the decoded prediction has the weight
    /// 1.
    #[schemars(range(min = 0, max = 1e6))]
    pub latent_prediction: f64,
    /// Number of steps to train autoencoders of other latent sizes, from four fewer than `latent` to one more. The results
    /// show the reconstruction error of each size. 0 leaves these trainings out.
    #[schemars(extend("examples" = [0]))]
    pub scan_steps: u64,
}

impl Default for AutoencoderConfig {
    fn default() -> Self {
        AutoencoderConfig {
            latent: 3,
            hidden: 64,
            depth: 2,
            window: 1,
            activation: Activation::Gelu,
            reconstruction: 1.0,
            latent_prediction: 1.0,
            scan_steps: 2000,
        }
    }
}

/// What is added to the variance of the latent states of a batch, which may hold one window only.
const LEAST_VARIANCE: f64 = 1e-2;

/// An affine map plus a network of layers.
#[derive(Module, Debug)]
struct Map {
    affine: Stack,
    layers: Stack,
}

impl Map {
    fn new(
        [inputs, outputs]: [usize; 2],
        config: &AutoencoderConfig,
        stream: &mut Stream,
        machine: &Machine,
    ) -> Self {
        let affine = Dense { inputs, outputs, activation: None };
        Map {
            affine: Stack::new(vec![Layer::Dense(affine)], stream, machine),
            layers: layers([inputs, outputs], config, stream, machine),
        }
    }

    fn forward(&self, x: Tensor<3>, dropout: &mut Dropout) -> Tensor<3> {
        self.affine.forward(x.clone(), &mut Dropout::none()) + self.layers.forward(x, dropout)
    }
}

/// Hidden layers and an affine one.
fn layers(
    [inputs, outputs]: [usize; 2],
    config: &AutoencoderConfig,
    stream: &mut Stream,
    machine: &Machine,
) -> Stack {
    let AutoencoderConfig { hidden, depth, activation, .. } = *config;
    Stack::new(Dense::stack(inputs, &vec![hidden; depth], outputs, activation), stream, machine)
}

/// Encoder, propagator and decoder.
#[derive(Module, Debug)]
pub struct Autoencoder {
    encoder: Map,
    propagator: Stack,
    decoder: Map,
    #[module(skip)]
    reconstruction: f64,
    #[module(skip)]
    latent_prediction: f64,
    /// The s above: the standard deviation of the increments divided by that of the states, averaged over all components
    /// that are not steady; 1 if all are steady.
    #[module(skip)]
    step: f64,
    /// For each component, [`Normalisation::ratio`] and the scaled mean increment; nothing for a steady component, whose
    /// scaled increment is 0.
    #[module(skip)]
    scales: Vec<Option<[f64; 2]>>,
}

impl Autoencoder {
    /// The latent state [batch, 1, latent] of windows [batch, window, component].
    fn encode(&self, states: Tensor<3>, dropout: &mut Dropout) -> Tensor<3> {
        let [count, window, dim] = states.dims();
        self.encoder.forward(states.reshape([count, 1, window * dim]), dropout)
    }

    /// The latent state one sample later, with the known inputs [batch, 1, input].
    fn propagate(&self, z: Tensor<3>, known: Option<Tensor<3>>, dropout: &mut Dropout) -> Tensor<3> {
        let inputs = match known {
            Some(known) => Tensor::cat(vec![z.clone(), known], 2),
            None => z.clone(),
        };
        z + self.propagator.forward(inputs, dropout) * self.step
    }
}

impl AutoencoderConfig {
    /// The root mean square error of decode(encode(x)) over the newest samples of a batch, in standard deviations of
    /// the states.
    ///
    /// # Errors
    /// Weights of another network.
    pub(crate) fn reconstruction_error(
        &self,
        weights: &Tensors,
        scales: &Normalisation,
        batch: &Batch,
        machine: &Machine,
    ) -> Result<f64, String> {
        let Latent { network, machine, .. } = self.trained(weights, scales.clone(), machine)?;
        let [count, window, features, dim] = batch.shape;
        let states = machine.tensor(&batch.inputs, [count, window, features]).narrow(2, 0, dim);
        let none = &mut Dropout::none();
        let back = network.decoder.forward(network.encode(states.clone(), none), none);
        let error = back - states.narrow(1, window - 1, 1);
        Ok(values((error.clone() * error).mean())[0].sqrt())
    }

    /// The latent states [window, latent component] of windows of scaled states.
    ///
    /// # Errors
    /// Weights of another network.
    pub(crate) fn latent_states(
        &self,
        weights: &Tensors,
        scales: &Normalisation,
        batch: &Batch,
        machine: &Machine,
    ) -> Result<Vec<f64>, String> {
        let Latent { network, machine, .. } = self.trained(weights, scales.clone(), machine)?;
        let [count, window, features, dim] = batch.shape;
        let states = machine.tensor(&batch.inputs, [count, window, features]).narrow(2, 0, dim);
        Ok(values(network.encode(states, &mut Dropout::none())))
    }

    fn trained(
        &self,
        weights: &Tensors,
        normalisation: Normalisation,
        machine: &Machine,
    ) -> Result<Latent, String> {
        let machine = Machine { precision: weights.precision(), ..machine.clone() };
        let network = self.init(&normalisation, &mut stream(0, "weights", 0), &machine).valid();
        let network = from_tensors(network.clone(), &network.layout(), weights, &machine);
        let network = network.map_err(|fault| fault.to_string())?;
        Ok(Latent { network, window: self.window, normalisation, machine })
    }
}

impl Network for Autoencoder {
    fn forward(&self, inputs: Tensor<3>, dropout: &mut Dropout) -> Tensor<3> {
        let ([count, window, features], dim) = (inputs.dims(), self.scales.len());
        let states = inputs.clone().narrow(2, 0, dim);
        let z = self.encode(states.clone(), dropout);
        let newest = inputs.narrow(1, window - 1, 1);
        let known = (features > dim).then(|| newest.narrow(2, dim, features - dim));
        let next = self.decoder.forward(self.propagate(z, known, dropout), dropout);
        let moved = next - states.narrow(1, window - 1, 1); // [batch, 1, component]
        let components = (0..dim).map(|j| {
            let moved = moved.clone().narrow(2, j, 1);
            match self.scales[j] {
                Some([ratio, drift]) => moved * ratio - drift,
                None => moved * 0.0,
            }
        });
        Tensor::cat(components.collect(), 2).reshape([count, 1, dim])
    }

    /// The three errors. They are computed over whole windows, including the prediction after the last sample.
    fn validation_loss(&self, batch: &Sequences) -> Tensor<1> {
        self.loss(batch, &mut Dropout::none())
    }

    fn loss(&self, batch: &Sequences, dropout: &mut Dropout) -> Tensor<1> {
        let [count, samples, _] = batch.inputs.dims();
        let (window, steps, dim) = (batch.window, batch.steps(), self.scales.len());
        let last = batch.targets.clone().narrow(1, samples - 1, 1);
        let next = batch.next(batch.state(samples - 1), last);
        let states = Tensor::cat(vec![batch.inputs.clone().narrow(2, 0, dim), next], 1); // [batch, samples + 1, component]
        let windows = (0..=steps)
            .map(|i| states.clone().narrow(1, i, window).reshape([count, 1, window * dim]))
            .collect();
        let z = self.encoder.forward(Tensor::cat(windows, 1), dropout); // [batch, steps + 1, latent]
        let seen = states.narrow(1, window - 1, steps + 1);
        let ratio = batch.ratio.clone();
        // Where noise was added to what is shown, the increments still lead to the true states.
        let after = batch.next(batch.inputs.clone().narrow(2, 0, dim), batch.targets.clone());
        let reconstruction = (self.decoder.forward(z.clone(), dropout) - seen) * ratio.clone();
        let (mut now, mut later) = (z.clone().narrow(1, 0, 1), Vec::new());
        for k in 0..steps {
            now = self.propagate(now, batch.known(window - 1 + k), dropout);
            later.push(now.clone());
        }
        let later = Tensor::cat(later, 1); // [batch, steps, latent]
        let next = after.narrow(1, window - 1, steps);
        let decoded = (self.decoder.forward(later.clone(), dropout) - next) * ratio;
        // Over the spread of the latent states, so that small ones are no way out.
        let spread = z.clone() - z.clone().mean_dim(0);
        let variance = (spread.clone() * spread).mean() + LEAST_VARIANCE;
        let apart = (later - z.narrow(1, 1, steps)) / self.step;
        let square = |x: Tensor<3>| (x.clone() * x).mean();
        square(decoded)
            + square(reconstruction) * self.reconstruction
            + square(apart) / variance * self.latent_prediction
    }
}

impl NetworkConfig for AutoencoderConfig {
    const NAME: &'static str = "autoencoder";
    const ABOUT: &'static str = "encoder, propagator of a latent state, decoder";
    type Network = Autoencoder;

    fn check(&self) -> Result<(), String> {
        check_size("latent", self.latent, 1000)?;
        check_size("hidden", self.hidden, 100_000)?;
        check_size("depth", self.depth, 100)?;
        check_size("window", self.window, 10_000)?;
        for (key, factor) in
            [("reconstruction", self.reconstruction), ("latent_prediction", self.latent_prediction)]
        {
            if !(0.0..=1e6).contains(&factor) {
                return Err(format!("{key} = {factor:?} must lie between 0 and 1000000"));
            }
        }
        let hidden = self.hidden as u128;
        check_weights(
            3 * self.depth as u128 * hidden.pow(2) + self.window as u128 * (hidden + self.latent as u128),
        )
    }

    fn window(&self) -> usize {
        self.window
    }

    fn init(&self, scales: &Normalisation, stream: &mut Stream, machine: &Machine) -> Autoencoder {
        let (dim, latent) = (scales.dim(), self.latent);
        let known = scales.features() - dim;
        let of_component = |j: usize| {
            (!scales.is_steady(j))
                .then(|| [scales.ratio(j), scales.increment_mean[j] / scales.increment_std[j]])
        };
        let moving: Vec<f64> = (0..dim).filter_map(of_component).map(|[ratio, _]| ratio.recip()).collect();
        Autoencoder {
            encoder: Map::new([self.window * dim, latent], self, stream, machine),
            propagator: layers([latent + known, latent], self, stream, machine),
            decoder: Map::new([latent, dim], self, stream, machine),
            reconstruction: self.reconstruction,
            latent_prediction: self.latent_prediction,
            step: if moving.is_empty() { 1.0 } else { moving.iter().sum::<f64>() / moving.len() as f64 },
            scales: (0..dim).map(of_component).collect(),
        }
    }

    fn forecaster(
        &self,
        weights: &Tensors,
        normalisation: Normalisation,
        _recipe: &Recipe,
        machine: &Machine,
    ) -> Made<dyn Forecaster> {
        Ok(Box::new(self.trained(weights, normalisation, machine)?))
    }
}

/// A trained autoencoder with its scales.
struct Latent {
    network: Autoencoder,
    window: usize,
    normalisation: Normalisation,
    machine: Machine,
}

impl Latent {
    /// A forecast from the latent states of some histories.
    fn run(&self, histories: &[f64], known: &[f64]) -> LatentRun<'_> {
        let Latent { network, window, normalisation, machine } = self;
        let (dim, features) = (self.dim(), normalisation.features());
        let recent = Recent::new(normalisation, *window, histories, known);
        let samples = machine.tensor(recent.samples(), [recent.count(), *window, features]);
        let z = network.encode(samples.narrow(2, 0, dim), &mut Dropout::none());
        let newest = histories.chunks_exact(window * dim).flat_map(|states| &states[(window - 1) * dim..]);
        LatentRun { of: self, z, now: newest.copied().collect() }
    }
}

impl Forecaster for Latent {
    fn window(&self) -> usize {
        self.window
    }

    fn dim(&self) -> usize {
        self.normalisation.dim()
    }

    fn known_dim(&self) -> usize {
        self.normalisation.features() - self.dim()
    }

    fn begin<'a>(&'a self, histories: &[f64], known: &[f64]) -> Box<dyn Forecast + 'a> {
        Box::new(self.run(histories, known))
    }

    fn begin_tangent<'a>(&'a self, histories: &[f64], known: &[f64]) -> Option<Box<dyn Tangent + 'a>> {
        let propagator = increments_of(&self.network.propagator, &self.machine);
        Some(Box::new(LatentTangent { run: self.run(histories, known), propagator }))
    }
}

/// Forecasts under way in the latent space.
struct LatentRun<'a> {
    of: &'a Latent,
    z: Tensor<3>,
    /// The states of the last sample in physical units, [start, component].
    now: Vec<f64>,
}

impl LatentRun<'_> {
    /// The scaled known inputs [start, 1, input] of known ones, where there are any.
    fn scaled(&self, known: &[f64]) -> Vec<f64> {
        let (dim, known_dim) = (self.of.dim(), self.of.known_dim());
        let scale = |(i, x): (usize, &f64)| self.of.normalisation.scale_one(dim + i % known_dim, *x);
        known.iter().enumerate().map(scale).collect()
    }

    /// The states that belong to the latent states, one sample later, in physical units. A steady component moves by its
    /// mean increment, whatever the decoder returns for it.
    fn decode(&mut self, next: &mut [f64]) {
        let Latent { network, normalisation, .. } = self.of;
        let states = values(network.decoder.forward(self.z.clone(), &mut Dropout::none()));
        for (i, (next, scaled)) in next.iter_mut().zip(states).enumerate() {
            let j = i % normalisation.dim();
            *next = match normalisation.is_steady(j) {
                true => normalisation.advance(j, self.now[i], 0.0),
                false => scaled * normalisation.std[j] + normalisation.mean[j],
            };
        }
        self.now.copy_from_slice(next);
    }
}

impl Forecast for LatentRun<'_> {
    fn advance(&mut self, known: &[f64], next: &mut [f64]) {
        let Latent { network, machine, .. } = self.of;
        let (dim, known_dim) = (self.of.dim(), self.of.known_dim());
        let scaled = self.scaled(known);
        let known = (known_dim > 0).then(|| machine.tensor(&scaled, [next.len() / dim, 1, known_dim]));
        self.z = network.propagate(self.z.clone(), known, &mut Dropout::none());
        self.decode(next);
    }
}

/// Forecasts under way in the latent space with their derivatives: what is carried is the latent state.
struct LatentTangent<'a> {
    run: LatentRun<'a>,
    propagator: Box<dyn Increments>,
}

impl Tangent for LatentTangent<'_> {
    fn memory(&self) -> usize {
        let [_, _, latent] = self.run.z.dims();
        latent
    }

    fn derivatives(&self) -> usize {
        self.memory().pow(2)
    }

    fn advance(&mut self, known: &[f64], next: &mut [f64], vectors: &mut [f64]) {
        let [count, _, latent] = self.run.z.dims();
        let Latent { network, machine, .. } = self.run.of;
        let (known_dim, known) = (self.run.of.known_dim(), self.run.scaled(known));
        let mut z = values(self.run.z.clone());
        let of_start = |start: usize| start * known_dim..(start + 1) * known_dim;
        let inputs = z.chunks_exact(latent).enumerate();
        let inputs: Vec<f64> =
            inputs.flat_map(|(i, z)| z.iter().chain(&known[of_start(i)])).copied().collect();
        let features = latent + known_dim;
        let moved = self.propagator.derivatives(&inputs, [count, 1, features]);
        z.iter_mut().zip(&moved.outputs).for_each(|(z, moved)| *z += network.step * moved);
        self.run.z = machine.tensor(&z, [count, 1, latent]);
        self.run.decode(next);
        let of_start = vectors.chunks_exact_mut(vectors.len() / count);
        for (vectors, slopes) in of_start.zip(moved.by_inputs.chunks_exact(latent * features)) {
            for vector in vectors.chunks_exact_mut(latent) {
                let along =
                    |slopes: &[f64]| slopes.iter().zip(&*vector).map(|(slope, x)| slope * x).sum::<f64>();
                let moved: Vec<f64> = slopes.chunks_exact(features).map(along).collect();
                vector.iter_mut().zip(moved).for_each(|(x, moved)| *x += network.step * moved);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devices;
    use forecast::Forecaster;
    use kernels::operation::Implementation;
    use trajectory::Precision;

    #[test]
    fn derivatives_in_the_latent_space_are_slopes() {
        const H: f64 = 1e-5;
        let normalisation = Normalisation {
            mean: vec![1.0, -2.0, 0.5],
            std: vec![2.0, 0.5, 1.0], // two components and a known input
            increment_mean: vec![0.1, 0.2],
            increment_std: vec![0.5, 0.25],
        };
        let config = AutoencoderConfig { latent: 3, hidden: 8, ..AutoencoderConfig::default() };
        for kernels in [Implementation::Own, Implementation::Burn] {
            let device = devices::CPU.open().unwrap();
            let machine = Machine { device, kernels, precision: Precision::F64 };
            let network = config.init(&normalisation, &mut stream(3, "weights", 0), &machine).valid();
            let of = Latent { network, window: 1, normalisation: normalisation.clone(), machine };
            let (histories, known) = ([1.5, -2.2, 0.3, -1.9], [0.7, -0.1]);
            let mut tangent = of.begin_tangent(&histories, &[]).unwrap();
            let mut vectors = sim::lyapunov::axes(3, 3).repeat(2);
            let (mut next, mut plain) = ([0.0; 4], [0.0; 4]);
            tangent.advance(&known, &mut next, &mut vectors);
            of.begin(&histories, &[]).advance(&known, &mut plain);
            assert!(next.iter().zip(&plain).all(|(a, b)| (a - b).abs() < 1e-12), "{next:?} {plain:?}");
            for axis in 0..3 {
                let moved = |h: f64| {
                    let mut run = of.run(&histories, &[]);
                    let mut z = values(run.z.clone());
                    z.iter_mut().skip(axis).step_by(3).for_each(|z| *z += h);
                    run.z = of.machine.tensor(&z, [2, 1, 3]);
                    run.advance(&known, &mut [0.0; 4]);
                    values(run.z)
                };
                let (above, below) = (moved(H), moved(-H));
                for (i, (above, below)) in above.iter().zip(&below).enumerate() {
                    let (start, j) = (i / 3, i % 3);
                    let (found, slope) = (vectors[(start * 3 + axis) * 3 + j], (above - below) / (2.0 * H));
                    assert!((found - slope).abs() < 1e-8, "{found}, not {slope}");
                }
            }
        }
    }
}
