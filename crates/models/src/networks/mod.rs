//! The networks: one file each, one line in [`crate::MODELS`].

mod autoencoder;
mod cnn;
mod ffnn;
mod gan;
mod gru;
mod lstm;
mod rnn;

use burn::module::Module;
use dataset::Normalisation;
use forecast::Forecaster;
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use trajectory::{
    Precision,
    random::{Stream, stream},
};

pub use crate::learner::Network;
use crate::learner::{Direct, Learner, LeastSquares, Modelled, QuasiNewton, Supervised};
use crate::machine::Machine;
use crate::memory::{Memory, Past};
use crate::optimizer::{Optimizer, Recipe};
use crate::parameters::{from_tensors, read_named};
use crate::remembering::Remembering;
use crate::tensors::{TensorError, Tensors};
use crate::trained::{OnDevice, OnKernels, Trained};
pub use autoencoder::AutoencoderConfig;
pub use cnn::CnnConfig;
pub use ffnn::FfnnConfig;
pub use gan::GanConfig;
pub use gru::GruConfig;
pub use lstm::LstmConfig;
pub use rnn::RnnConfig;

/// Something made to settings, or which of them is impossible.
pub type Made<T> = Result<Box<T>, String>;

/// What an experiment file can set of a network.
///
/// Its schema, with the doc comments of the fields, is the documentation of its keys for users.
pub trait NetworkConfig: Default + Serialize + DeserializeOwned + JsonSchema {
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

    /// What it is shown of the past; by default a window that it reads again at every step.
    fn past(&self) -> Past {
        Past::window(self.window())
    }

    /// The network on a machine, with first weights drawn from `stream`, for data of these scales.
    fn init(&self, scales: &Normalisation, stream: &mut Stream, machine: &Machine) -> Self::Network;

    /// Says what of a recipe does not suit it, and why.
    ///
    /// # Errors
    /// A sentence with the key.
    fn suits(&self, recipe: &Recipe) -> Result<(), String> {
        needs_no_least_squares(recipe)
    }

    /// Checks that burn-train can train this network by a recipe.
    ///
    /// # Errors
    /// The key that burn-train does not support, and why.
    fn suits_burn_train(&self, recipe: &Recipe) -> Result<(), String> {
        trains_by_burn(recipe)
    }

    /// The untrained network in training.
    ///
    /// # Errors
    /// A sentence that says what does not suit it.
    fn learner(&self, scales: &Normalisation, recipe: &Recipe, machine: &Machine) -> Made<dyn Learner> {
        // Methods that measure differences of gradients are of no use in f32.
        let precision = if recipe.optimizer.keeps_its_batch() { Precision::F64 } else { machine.precision };
        let machine = Machine { precision, ..machine.clone() };
        let network = self.init(scales, &mut stream(recipe.seed, "weights", 0), &machine);
        learner(network, self.past(), scales, recipe, &machine)
    }

    /// The network with trained weights.
    ///
    /// # Errors
    /// Weights of another network.
    fn forecaster(
        &self,
        weights: &Tensors,
        normalisation: Normalisation,
        _recipe: &Recipe,
        machine: &Machine,
    ) -> Made<dyn Forecaster> {
        let machine = Machine { precision: weights.precision(), ..machine.clone() };
        let network = self.init(&normalisation, &mut stream(0, "weights", 0), &machine).valid();
        let made = forecaster(network, self.past(), weights, normalisation, &machine);
        made.map_err(|TensorError(fault)| fault)
    }
}

/// Refuses the optimizer that only some networks have.
pub(crate) fn needs_no_least_squares(recipe: &Recipe) -> Result<(), String> {
    match recipe.optimizer {
        Optimizer::LevenbergMarquardt { .. } => Err(UNFIT_FOR_LEAST_SQUARES.into()),
        _ => Ok(()),
    }
}

/// Refuses the optimizers that burn-train does not have.
pub(crate) fn trains_by_burn(recipe: &Recipe) -> Result<(), String> {
    if recipe.optimizer.keeps_its_batch() {
        return Err(format!(
            "train.loop = \"burn-train\" has no train.optimizer.name = \"{}\", which works on one fixed batch; \
             choose another optimizer, such as \"adam\", or leave train.loop out",
            recipe.optimizer.name()
        ));
    }
    Ok(())
}

const UNFIT_FOR_LEAST_SQUARES: &str = "train.optimizer.name = \"levenberg-marquardt\" is for model.name = \"ffnn\" on \
                                       --device cpu with train.kernels = \"own\", for one step and without dropout; adam \
                                       takes any";

const UNFIT_FOR_CARRIED_MEMORY: &str = "model.memory = \"carried\" is for --device cpu with train.kernels = \"own\", without \
                                        train.dropout; model.memory = \"window\" runs everywhere";

/// A network in training, in the way that suits it, the recipe and the machine.
///
/// # Errors
/// A sentence that says what the recipe's optimiser is for.
pub fn learner<N: Network>(
    network: N,
    past: Past,
    scales: &Normalisation,
    recipe: &Recipe,
    machine: &Machine,
) -> Made<dyn Learner> {
    // The kernels know the loss of one step and that of some free runs, without dropout.
    let layers = network.kernels().filter(|_| recipe.dropout == 0.0);
    let layers = layers.map(|(layers, weights)| (layers.clone(), weights));
    let free_run = layers.as_ref().and_then(|(layers, _)| past.free_run(layers, recipe.unroll, scales));
    let layers = layers.filter(|_| recipe.unroll == 1 || free_run.is_some());
    if past.memory == Memory::Carried && free_run.is_none() {
        return Err(UNFIT_FOR_CARRIED_MEMORY.into());
    }
    let layout = network.layout();
    let modelled = |network| Modelled::new(network, past.window, scales, recipe, machine);
    Ok(match (&recipe.optimizer, recipe.optimizer.method(), layers) {
        (_, Some(method), Some((layers, weights))) => {
            let norm = recipe.gradient_norm;
            match machine.precision {
                Precision::F32 => {
                    Box::new(Direct::<f32>::new(layers, &weights, layout, free_run, method, norm))
                }
                Precision::F64 => {
                    Box::new(Direct::<f64>::new(layers, &weights, layout, free_run, method, norm))
                }
            }
        }
        (_, Some(method), None) => Box::new(Supervised::new(modelled(network), method, recipe.gradient_norm)),
        (&Optimizer::Lbfgs { memory, gradient_tolerance, step_tolerance }, _, layers) => {
            let [gradient, step] = [gradient_tolerance, step_tolerance];
            const MOST: usize = 1 << 27;
            let count: usize = layout.iter().map(|(_, shape)| shape.iter().product::<usize>()).sum();
            if memory.saturating_mul(count) > MOST {
                return Err(format!(
                    "train.optimizer.memory = {memory} of {count} weights does not fit; at most {} is possible",
                    (MOST / count).max(1)
                ));
            }
            match layers {
                Some((layers, weights)) => {
                    let direct = Direct::<f64>::of(layers, &weights, layout, free_run);
                    Box::new(QuasiNewton::new(direct, memory, gradient, step))
                }
                None => Box::new(QuasiNewton::new(modelled(network), memory, gradient, step)),
            }
        }
        (
            &Optimizer::LevenbergMarquardt { damping, gradient_tolerance, step_tolerance },
            _,
            Some((layers, weights)),
        ) if free_run.is_none() => {
            let inputs = layers.inputs();
            let method = kernels::LevenbergMarquardt::new(layers, &weights, damping)
                .map_err(|_| UNFIT_FOR_LEAST_SQUARES.to_owned())?;
            const MOST: usize = 2000;
            if weights.len() > MOST {
                return Err(format!(
                    "train.optimizer.name = \"levenberg-marquardt\" solves for all {} weights at once; at most {MOST} \
                     are possible, so take a smaller model.hidden, or adam",
                    weights.len()
                ));
            }
            Box::new(LeastSquares::new(method, inputs, layout, gradient_tolerance, step_tolerance))
        }
        _ => return Err(UNFIT_FOR_LEAST_SQUARES.into()),
    })
}

/// A network with trained weights, in their own precision.
fn forecaster<N: Network>(
    network: N,
    past: Past,
    weights: &Tensors,
    normalisation: Normalisation,
    machine: &Machine,
) -> Result<Box<dyn Forecaster>, TensorError> {
    let (layout, Past { window, memory, .. }) = (network.layout(), past);
    if memory == Memory::Carried {
        let (layers, _) =
            network.kernels().ok_or_else(|| TensorError(UNFIT_FOR_CARRIED_MEMORY.to_owned()))?;
        let (layers, weights) = (layers.clone(), read_named(&layout, weights)?);
        return Ok(match machine.precision {
            Precision::F32 => Box::new(Remembering::<f32>::new(layers, &weights, window, normalisation)),
            Precision::F64 => Box::new(Remembering::<f64>::new(layers, &weights, window, normalisation)),
        });
    }
    let Some((layers, _)) = network.kernels() else {
        let network = from_tensors(network, &layout, weights, machine)?;
        let model = OnDevice { network, outputs: normalisation.dim(), machine: machine.clone() };
        return Ok(Box::new(Trained { model, window, normalisation }));
    };
    let (layers, weights) = (layers.clone(), read_named(&layout, weights)?);
    Ok(match machine.precision {
        Precision::F32 => {
            Box::new(Trained { model: OnKernels::<f32>::new(layers, &weights), window, normalisation })
        }
        Precision::F64 => {
            Box::new(Trained { model: OnKernels::<f64>::new(layers, &weights), window, normalisation })
        }
    })
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
