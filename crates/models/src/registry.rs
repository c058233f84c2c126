//! Every model that an experiment can name.

use dataset::{Batch, Normalisation};
use forecast::Forecaster;
use schemars::{Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::Value;
use trajectory::Trajectories;

use crate::baselines::{FittedConfig, NvarConfig, PolynomialConfig, ReservoirConfig};
use crate::burn_train::TrainByBurn;
use crate::learner::Learner;
use crate::machine::Machine;
use crate::networks::{
    AutoencoderConfig, CnnConfig, FfnnConfig, GanConfig, GruConfig, LstmConfig, Made, NetworkConfig,
    RnnConfig,
};
use crate::optimizer::Recipe;
use crate::tensors::{TensorError, Tensors};

/// Every model, by name.
pub const MODELS: &[Entry] = &[
    Entry { latent: Some(LATENT), ..network::<AutoencoderConfig>() },
    network::<CnnConfig>(),
    network::<FfnnConfig>(),
    network::<GanConfig>(),
    network::<GruConfig>(),
    network::<LstmConfig>(),
    fitted::<NvarConfig>(),
    fitted::<PolynomialConfig>(),
    fitted::<ReservoirConfig>(),
    network::<RnnConfig>(),
];

/// A model of a registry. Its functions take the settings, a map, as [`Entry::check`] accepts them.
pub struct Entry {
    /// Its name in an experiment file, and the name of its file.
    pub name: &'static str,
    /// What it is, on one line.
    pub about: &'static str,
    /// Its settings and their defaults, a map.
    pub defaults: fn() -> Value,
    /// The JSON schema of its settings, with the documentation and the range of each.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// The samples of history that it looks at with these settings, or which of them is impossible.
    pub check: fn(&Value) -> Result<usize, String>,
    /// How it comes by its weights.
    pub training: Training,
    /// Of a model that reconstructs what it sees from a latent state.
    pub latent: Option<Latent>,
    /// The model with trained weights.
    pub forecaster: fn(&Value, &Tensors, Normalisation, &Recipe, &Machine) -> Made<dyn Forecaster>,
}

/// Settings of one model, by latent size.
pub type LatentSizes = Vec<(usize, Value)>;

/// The latent size of trained weights, and the error of what they reconstruct of a batch.
pub type ReconstructionError =
    fn(&Value, &Tensors, &Normalisation, &Batch, &Machine) -> Result<(usize, f64), String>;

/// Latent states that trained weights make of a batch.
pub type LatentStates = fn(&Value, &Tensors, &Normalisation, &Batch, &Machine) -> Result<Vec<f64>, String>;

/// What is asked of a model with a latent state.
#[derive(Clone, Copy)]
pub struct Latent {
    /// The settings of the same model with other latent sizes, and the steps to train each.
    pub scan: fn(&Value) -> Result<(LatentSizes, u64), String>,
    /// Its latent size, and the root mean square error of what it makes of its own latent states of a batch, in
    /// standard deviations of the states.
    pub error: ReconstructionError,
    /// The latent states of a batch, [window, latent component].
    pub states: LatentStates,
}

const LATENT: Latent = Latent {
    scan: |settings| {
        let config: AutoencoderConfig = config(settings)?;
        let sizes = config.latent.saturating_sub(4).max(1)..=config.latent + 1;
        let sizes = sizes.filter(|&latent| latent != config.latent);
        let with = |latent| (latent, serde_json::json!(AutoencoderConfig { latent, ..config.clone() }));
        Ok((sizes.map(with).collect(), config.scan_steps))
    },
    error: |settings, weights, scales, batch, machine| {
        let config: AutoencoderConfig = config(settings)?;
        Ok((config.latent, config.reconstruction_error(weights, scales, batch, machine)?))
    },
    states: |settings, weights, scales, batch, machine| {
        config::<AutoencoderConfig>(settings)?.latent_states(weights, scales, batch, machine)
    },
};

/// The weights that fit the given ones of the trajectories, from a seed.
pub type Fit = fn(&Value, &Trajectories, &[usize], &Normalisation, u64) -> Result<Tensors, String>;

/// How a model is trained.
#[derive(Clone, Copy)]
pub enum Training {
    /// In steps on batches.
    Steps {
        /// Says what of a recipe does not suit it.
        suits: fn(&Value, &Recipe) -> Result<(), String>,
        /// The untrained network.
        learner: fn(&Value, &Normalisation, &Recipe, &Machine) -> Made<dyn Learner>,
        /// Checks that burn-train can train the network by a recipe; the error names the key that it does not support.
        suits_burn_train: fn(&Value, &Recipe) -> Result<(), String>,
        /// Trains the same network by burn-train; `None` in a program built without the feature `burn-train`.
        burn_train: Option<TrainByBurn>,
    },
    /// At once, from the training trajectories and the seed.
    Fit(Fit),
}

/// The entry of a network.
const fn network<C: NetworkConfig>() -> Entry {
    Entry {
        name: C::NAME,
        about: C::ABOUT,
        defaults: || serde_json::json!(C::default()),
        schema: C::json_schema,
        latent: None,
        check: |settings| Ok(config::<C>(settings)?.window()),
        training: Training::Steps {
            suits: |settings, recipe| config::<C>(settings)?.suits(recipe),
            learner: |settings, scales, recipe, machine| {
                let config = config::<C>(settings)?;
                config.suits(recipe)?;
                config.learner(scales, recipe, machine)
            },
            suits_burn_train: |settings, recipe| config::<C>(settings)?.suits_burn_train(recipe),
            #[cfg(feature = "burn-train")]
            burn_train: Some(|settings, scales, recipe, machine, training, watch| {
                let config = config::<C>(settings)?;
                config.suits_burn_train(recipe)?;
                let network =
                    config.init(scales, &mut trajectory::random::stream(recipe.seed, "weights", 0), machine);
                crate::burn_train::train(network, config.window(), scales, recipe, machine, training, watch)
            }),
            #[cfg(not(feature = "burn-train"))]
            burn_train: None,
        },
        forecaster: |settings, weights, normalisation, recipe, machine| {
            config::<C>(settings)?.forecaster(weights, normalisation, recipe, machine)
        },
    }
}

/// The entry of a model that is fitted at once.
const fn fitted<C: FittedConfig>() -> Entry {
    Entry {
        name: C::NAME,
        about: C::ABOUT,
        defaults: || serde_json::json!(C::default()),
        schema: C::json_schema,
        latent: None,
        check: |settings| {
            let config: C = read(settings)?;
            config.check()?;
            Ok(config.window())
        },
        training: Training::Fit(|settings, runs, train, scales, seed| {
            read::<C>(settings)?.fit(runs, train, scales, seed)
        }),
        forecaster: |settings, fitted, scales, _recipe, _machine| {
            let made = read::<C>(settings)?.forecaster(fitted, scales);
            made.map_err(|TensorError(fault)| fault)
        },
    }
}

fn config<C: NetworkConfig>(settings: &Value) -> Result<C, String> {
    let config: C = read(settings)?;
    config.check()?;
    Ok(config)
}

fn read<C: DeserializeOwned>(settings: &Value) -> Result<C, String> {
    serde_path_to_error::deserialize(settings).map_err(|error| error.to_string())
}
