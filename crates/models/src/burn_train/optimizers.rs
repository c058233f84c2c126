//! Burn's optimisers with the settings of an experiment, and its learning rates as a scheduler for Burn.

use std::sync::Arc;

use burn::lr_scheduler::{LrScheduler, LrSchedulerRecord};
use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{AdaGradConfig, AdamConfig, AdamWConfig, ModuleOptimizer, RmsPropConfig, SgdConfig};
use kernels::Method;

use crate::optimizer::Optimizer;

/// Returns Burn's optimiser with the same formula.
///
/// # Errors
/// An optimiser that burn-train cannot use, by its key.
pub(super) fn burn_optimizer(optimizer: &Optimizer) -> Result<ModuleOptimizer, String> {
    let decay = |factor: f64| (factor > 0.0).then_some(WeightDecayConfig { penalty: factor as f32 });
    let [beta_1, beta_2] = [Method::BETA_1 as f32, Method::BETA_2 as f32];
    Ok(match *optimizer {
        Optimizer::Adam { weight_decay, .. } => AdamConfig::new()
            .with_beta_1(beta_1)
            .with_beta_2(beta_2)
            .with_epsilon(Method::ADAM_EPSILON as f32)
            .with_weight_decay(decay(weight_decay))
            .init(),
        Optimizer::AdamW { weight_decay, .. } => AdamWConfig::new()
            .with_beta_1(beta_1)
            .with_beta_2(beta_2)
            .with_epsilon(Method::ADAM_EPSILON as f32)
            .with_weight_decay(weight_decay as f32)
            .init(),
        Optimizer::Sgd { weight_decay, .. } => SgdConfig::new().with_weight_decay(decay(weight_decay)).init(),
        Optimizer::Momentum { momentum, weight_decay, .. } => SgdConfig::new()
            .with_momentum(Some(MomentumConfig { momentum, dampening: 0.0, nesterov: false }))
            .with_weight_decay(decay(weight_decay))
            .init(),
        Optimizer::RmsProp { smoothing, weight_decay, .. } => RmsPropConfig::new()
            .with_alpha(smoothing as f32)
            .with_momentum(0.0)
            .with_epsilon(Method::RMSPROP_EPSILON as f32)
            .with_weight_decay(decay(weight_decay))
            .init(),
        Optimizer::Adagrad { weight_decay, .. } => AdaGradConfig::new()
            .with_epsilon(Method::ADAGRAD_EPSILON as f32)
            .with_weight_decay(decay(weight_decay))
            .init(),
        Optimizer::Lbfgs { .. } | Optimizer::LevenbergMarquardt { .. } => {
            return Err(format!(
                "train.loop = \"burn-train\" has no train.optimizer.name = \"{}\"",
                optimizer.name()
            ));
        }
    })
}

/// The learning rate of each step of an experiment.
#[derive(Clone)]
pub(super) struct Rates {
    pub(super) rate: Arc<dyn Fn(u64) -> f64 + Send + Sync>,
    pub(super) step: u64,
}

impl LrScheduler for Rates {
    fn step(&mut self) -> f64 {
        self.step += 1;
        (self.rate)(self.step - 1)
    }

    fn to_record(&self) -> LrSchedulerRecord {
        LrSchedulerRecord::new().with_scalar("step", self.step)
    }

    fn load_record(&mut self, record: LrSchedulerRecord) {
        self.step = record.scalar("step").unwrap_or_default();
    }
}
