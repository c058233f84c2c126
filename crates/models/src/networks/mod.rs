//! The networks: one file each, one line in [`NETWORKS`].

mod ffnn;
mod layers;
mod rnn;

use burn::module::Module;
use burn::tensor::Device;
use dataset::Normalisation;
use forecast::Forecaster;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sim::random::{Stream, stream};

pub use crate::learner::Network;
use crate::learner::{Learner, Shape, Supervised, Trained};
use crate::parameters::from_tensors;
use crate::tensors::{TensorError, Tensors};
pub use ffnn::FfnnConfig;
pub use rnn::RnnConfig;

/// Every network, by name.
pub const NETWORKS: &[Entry] = &[entry::<FfnnConfig>(), entry::<RnnConfig>()];

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

    /// The network on `device`, with first weights drawn from `stream`.
    fn init(&self, shape: Shape, stream: &mut Stream, device: &Device) -> Self::Network;
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
    /// The untrained network of a seed, with gradients clipped to a norm.
    pub learner: fn(&Value, Shape, u64, f64, &Device) -> Made<dyn Learner>,
    /// The network with trained weights.
    pub forecaster: fn(&Value, &Tensors, Normalisation, &Device) -> Made<dyn Forecaster>,
}

const fn entry<C: NetworkConfig>() -> Entry {
    Entry {
        name: C::NAME,
        about: C::ABOUT,
        defaults: || serde_json::json!(C::default()),
        check: |settings| Ok(config::<C>(settings)?.window()),
        learner: |settings, shape, seed, gradient_norm, device| {
            let network = config::<C>(settings)?.init(shape, &mut stream(seed, "weights", 0), device);
            Ok(Box::new(Supervised::new(network, gradient_norm, device)))
        },
        forecaster: |settings, weights, normalisation, device| {
            let config = config::<C>(settings)?;
            let shape = Shape { features: normalisation.features(), dim: normalisation.dim() };
            let network = config.init(shape, &mut stream(0, "weights", 0), device).valid();
            let network = from_tensors(network, weights, device).map_err(|TensorError(fault)| fault)?;
            let device = device.clone();
            Ok(Box::new(Trained { network, window: config.window(), normalisation, device }))
        },
    }
}

fn config<C: NetworkConfig>(settings: &Value) -> Result<C, String> {
    let config: C = serde_json::from_value(settings.clone()).map_err(|error| error.to_string())?;
    config.check()?;
    Ok(config)
}

/// The sentence for more weights than memory is likely to hold several times over: with gradient, moments,
/// best weights and a checkpoint there are a dozen copies.
fn check_weights(count: u128) -> Result<(), String> {
    const MOST: u128 = 50_000_000;
    if count <= MOST {
        Ok(())
    } else {
        Err(format!("these layers have {count} weights; at most {MOST} are possible, so take narrower ones"))
    }
}

/// The sentence for a size outside its range, as every network words it.
fn check_size(key: &str, value: usize, most: usize) -> Result<(), String> {
    if (1..=most).contains(&value) {
        Ok(())
    } else {
        Err(format!("{key} = {value} must lie between 1 and {most}"))
    }
}

#[cfg(test)]
mod tests;
