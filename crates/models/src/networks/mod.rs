//! The networks: one file each, one line in [`NETWORKS`].

mod cnn;
mod ffnn;
mod gru;
mod lstm;
mod rnn;

use burn::module::Module;
use dataset::Normalisation;
use forecast::Forecaster;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sim::random::{Stream, stream};

pub use crate::learner::Network;
use crate::learner::{Direct, Learner, LeastSquares, Shape, Supervised};
use crate::optimizer::{Optimizer, Recipe};
use crate::parameters::{from_tensors, read_named};
use crate::stack::Machine;
use crate::tensors::{TensorError, Tensors, Values};
use crate::trained::{OnDevice, OnKernels, Trained};
pub use cnn::CnnConfig;
pub use ffnn::FfnnConfig;
pub use gru::GruConfig;
pub use lstm::LstmConfig;
pub use rnn::RnnConfig;

/// Every network, by name.
pub const NETWORKS: &[Entry] = &[
    entry::<CnnConfig>(),
    entry::<FfnnConfig>(),
    entry::<GruConfig>(),
    entry::<LstmConfig>(),
    entry::<RnnConfig>(),
];

/// What an experiment file can set of a network.
pub trait NetworkConfig: Default + Serialize + DeserializeOwned {
    /// Its name in an experiment file, and the name of its file.
    const NAME: &'static str;
    /// What it is, on one line.
    const ABOUT: &'static str;
    /// The module it makes.
    type Network: Network;

    /// Says which value is impossible.
    ///
    /// # Errors
    /// A sentence with the key and its range.
    fn check(&self) -> Result<(), String>;

    /// Samples of history it looks at.
    fn window(&self) -> usize;

    /// The network on a machine, with first weights drawn from `stream`.
    fn init(&self, shape: Shape, stream: &mut Stream, machine: &Machine) -> Self::Network;
}

/// Something made to settings, or which of them is impossible.
type Made<T> = Result<Box<T>, String>;

/// A network of the registry. Its functions take the settings, a map, as [`Entry::check`] accepts them.
pub struct Entry {
    /// Its name in an experiment file, and the name of its file.
    pub name: &'static str,
    /// What it is, on one line.
    pub about: &'static str,
    /// Its settings and their defaults, a map.
    pub defaults: fn() -> Value,
    /// The samples of history that it looks at with these settings, or which of them is impossible.
    pub check: fn(&Value) -> Result<usize, String>,
    /// The untrained network of a seed.
    pub learner: fn(&Value, Shape, u64, &Recipe, &Machine) -> Made<dyn Learner>,
    /// The network with trained weights.
    pub forecaster: fn(&Value, &Tensors, Normalisation, &Machine) -> Made<dyn Forecaster>,
}

const fn entry<C: NetworkConfig>() -> Entry {
    Entry {
        name: C::NAME,
        about: C::ABOUT,
        defaults: || serde_json::json!(C::default()),
        check: |settings| Ok(config::<C>(settings)?.window()),
        learner: |settings, shape, seed, recipe, machine| {
            let network = config::<C>(settings)?.init(shape, &mut stream(seed, "weights", 0), machine);
            learner(network, recipe, machine)
        },
        forecaster: |settings, weights, normalisation, machine| {
            let config = config::<C>(settings)?;
            let shape = Shape { features: normalisation.features(), dim: normalisation.dim() };
            let network = config.init(shape, &mut stream(0, "weights", 0), machine).valid();
            let made = forecaster(network, config.window(), weights, normalisation, machine);
            made.map_err(|TensorError(fault)| fault)
        },
    }
}

/// A network in training, in the way that suits it, the recipe and the machine.
///
/// # Errors
/// A sentence that says what the recipe's optimiser is for.
pub fn learner<N: Network>(
    network: N,
    recipe: &Recipe,
    machine: &Machine,
) -> Result<Box<dyn Learner>, String> {
    let Recipe { optimizer, gradient_norm } = recipe;
    let layout = network.layout();
    let found = network.kernels().map(|(layers, weights)| (layers.clone(), weights));
    match (optimizer.method(), found) {
        (Some(method), Some((layers, weights))) => {
            Ok(Box::new(Direct::new(layers, &weights, layout, method, *gradient_norm)))
        }
        (Some(method), None) => {
            Ok(Box::new(Supervised::new(network, method, *gradient_norm, &machine.device)))
        }
        (None, found) => least_squares(optimizer, layout, found),
    }
}

/// Training without a gradient method.
fn least_squares(
    optimizer: &Optimizer,
    layout: Vec<(String, Vec<usize>)>,
    found: Option<(kernels::Network, Vec<f32>)>,
) -> Made<dyn Learner> {
    let unfit = "train.optimizer.name = \"levenberg-marquardt\" is for model.name = \"ffnn\" on --device cpu with \
                 train.kernels = \"own\"; adam takes any";
    let (
        Optimizer::LevenbergMarquardt { damping, gradient_tolerance, step_tolerance },
        Some((layers, weights)),
    ) = (optimizer, found)
    else {
        return Err(unfit.into());
    };
    let weights: Vec<f64> = weights.into_iter().map(f64::from).collect();
    let method =
        kernels::LevenbergMarquardt::new(layers, &weights, *damping).map_err(|_| unfit.to_owned())?;
    const MOST: usize = 2000;
    if weights.len() > MOST {
        return Err(format!(
            "train.optimizer.name = \"levenberg-marquardt\" solves for all {} weights at once; at most {MOST} are \
             possible, so take a smaller model.hidden, or adam",
            weights.len()
        ));
    }
    Ok(Box::new(LeastSquares::new(method, layout, *gradient_tolerance, *step_tolerance)))
}

/// A network with trained weights, in their own precision where the kernels of this project run it.
fn forecaster<N: Network>(
    network: N,
    window: usize,
    weights: &Tensors,
    normalisation: Normalisation,
    machine: &Machine,
) -> Result<Box<dyn Forecaster>, TensorError> {
    let layout = network.layout();
    let Some((layers, _)) = network.kernels() else {
        let network = from_tensors(network, &layout, weights, &machine.device)?;
        let model = OnDevice { network, device: machine.device.clone() };
        return Ok(Box::new(Trained { model, window, normalisation }));
    };
    let layers = layers.clone();
    if weights.tensors.values().any(|tensor| matches!(tensor.values, Values::F64(_))) {
        let model = OnKernels::<f64>::new(layers, read_named(&layout, weights)?);
        Ok(Box::new(Trained { model, window, normalisation }))
    } else {
        let model = OnKernels::<f32>::new(layers, read_named(&layout, weights)?);
        Ok(Box::new(Trained { model, window, normalisation }))
    }
}

fn config<C: NetworkConfig>(settings: &Value) -> Result<C, String> {
    let config: C = serde_json::from_value(settings.clone()).map_err(|error| error.to_string())?;
    config.check()?;
    Ok(config)
}

/// The sentence for more weights than memory is likely to hold several times over: with gradient, moments,
/// packed weights, gradients by part of the batch, best weights and a checkpoint there are about 16 copies.
pub(crate) fn check_weights(count: u128) -> Result<(), String> {
    const MOST: u128 = 50_000_000;
    if count <= MOST {
        Ok(())
    } else {
        Err(format!("these layers have {count} weights; at most {MOST} are possible, so take narrower ones"))
    }
}

/// The sentence for a size outside its range, as every network words it.
pub(crate) fn check_size(key: &str, value: usize, most: usize) -> Result<(), String> {
    if (1..=most).contains(&value) {
        Ok(())
    } else {
        Err(format!("{key} = {value} must lie between 1 and {most}"))
    }
}

#[cfg(test)]
mod tests;
