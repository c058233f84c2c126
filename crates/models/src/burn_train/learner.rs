//! A network in the form that burn-train's `Learner` takes: a module with a training step and a validation step.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use burn::backend::ExecutionError;
use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::Tensor;
use burn::train::metric::{Adaptor, LossInput};
use burn::train::{InferenceStep, ItemLazy, TrainOutput, TrainStep};
use dataset::Normalisation;
use trajectory::random::stream;

use super::loaders::Item;
use crate::learner::{Dropout, Network, Sequences, clipped};
use crate::machine::{Machine, tensor};
use crate::optimizer::Recipe;
use crate::parameters::flatten_gradients;

/// A network together with what its loss needs.
#[derive(Module, Debug)]
pub(super) struct Trainable<N: Module> {
    pub(super) network: N,
    #[module(skip)]
    pub(super) context: Arc<Context>,
}

/// What the loss of a step needs besides the network and the batch, and counters of the work done.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) window: usize,
    pub(super) scales: Normalisation,
    pub(super) recipe: Recipe,
    pub(super) machine: Machine,
    /// Steps done.
    pub(super) steps: AtomicU64,
    /// Nanoseconds in them.
    pub(super) nanoseconds: AtomicU64,
    /// Whether a loss or the norm of a gradient was not finite.
    diverged: AtomicBool,
}

impl Context {
    /// The context at the beginning of a training, on windows of `window` samples.
    pub(super) fn new(window: usize, scales: &Normalisation, recipe: &Recipe, machine: &Machine) -> Self {
        Context {
            window,
            scales: scales.clone(),
            recipe: recipe.clone(),
            machine: machine.clone(),
            steps: AtomicU64::new(0),
            nanoseconds: AtomicU64::new(0),
            diverged: AtomicBool::new(false),
        }
    }

    /// Notes that a loss or the norm of a gradient was not finite. burn-train goes on until the caller stops it; from now
    /// on its weights stay as they are and are never the best ones.
    pub(super) fn set_diverged(&self) {
        self.diverged.store(true, Ordering::SeqCst);
    }

    /// Whether a loss or the norm of a gradient was not finite.
    pub(super) fn has_diverged(&self) -> bool {
        self.diverged.load(Ordering::SeqCst)
    }

    /// Returns the batch as tensors on a machine.
    fn sequences(&self, item: &Item, machine: &Machine) -> Sequences {
        Sequences::new(&item.batch, self.window, &self.scales, machine)
    }

    /// Adds the time since `begin` to the time spent in steps.
    fn add_time(&self, begin: Instant) {
        self.nanoseconds.fetch_add(begin.elapsed().as_nanos() as u64, Ordering::Relaxed);
    }
}

/// The loss of a batch. burn-train weights a batch in a mean by the length of its loss tensor, so the loss of a
/// validation batch of `count` windows is expanded to that length.
pub(super) struct BatchLoss {
    loss: Tensor<1>,
    count: usize,
}

impl ItemLazy for BatchLoss {
    fn sync(self) -> Result<Self, ExecutionError> {
        // As burn-train's own outputs do: send the queued work to the device, and read nothing yet.
        self.loss.device().flush()?;
        Ok(BatchLoss { loss: self.loss.without_autodiff(), ..self })
    }
}

impl Adaptor<LossInput> for BatchLoss {
    fn adapt(&self) -> LossInput {
        LossInput::new(self.loss.clone().expand([self.count]))
    }
}

impl<N: Network> TrainStep for Trainable<N> {
    type Input = Item;
    type Output = BatchLoss;

    fn step(&self, item: Item) -> TrainOutput<BatchLoss> {
        let (begin, context) = (Instant::now(), &self.context);
        let Recipe { dropout, seed, gradient_norm, .. } = context.recipe;
        let mut dropout =
            Dropout::new(dropout, context.machine.precision, stream(seed, "dropout", item.step));
        let batch = context.sequences(&item, &context.machine.autodiff());
        let loss = self.network.loss(&batch, &mut dropout);
        let gradient = flatten_gradients(&self.network, &mut loss.backward());
        // Burn clips each parameter separately; `train.gradient_norm` is the norm over all parameters.
        let (grads, loss) = match clipped(gradient, gradient_norm) {
            Ok(gradient) => (by_parameter(&self.network, &gradient), loss.inner()),
            // A step by such a gradient would spoil the weights. The caller ends the training at a loss that is not finite,
            // so the norm is reported in its place.
            Err(norm) => {
                context.set_diverged();
                let Machine { device, precision, .. } = &context.machine;
                (GradientsParams::new(), tensor(&[norm], [1], device, *precision))
            }
        };
        context.add_time(begin);
        TrainOutput { grads, item: BatchLoss { loss, count: 1 } }
    }

    fn optimize(
        self,
        optimizer: &mut ModuleOptimizer,
        rates: ModuleLearningRate,
        grads: GradientsParams,
    ) -> Self {
        if self.context.has_diverged() {
            return self;
        }
        let begin = Instant::now();
        let stepped = optimizer.step(rates, self, grads);
        stepped.context.add_time(begin);
        stepped.context.steps.fetch_add(1, Ordering::Relaxed);
        stepped
    }
}

impl<N: Network> InferenceStep for Trainable<N> {
    type Input = Item;
    type Output = BatchLoss;

    fn step(&self, item: Item) -> BatchLoss {
        let batch = self.context.sequences(&item, &self.context.machine);
        let loss = self.network.validation_loss(&batch);
        BatchLoss { loss, count: item.batch.shape[0] }
    }
}

/// Splits a gradient [parameter], in the order of [`flatten_gradients`], into what Burn's optimisers take.
fn by_parameter(module: &impl Module, gradient: &Tensor<1>) -> GradientsParams {
    struct Parts<'a>(&'a Tensor<1>, usize, GradientsParams);
    impl ModuleVisitor for Parts<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let (shape, from) = (param.val().shape(), self.1);
            self.1 += shape.num_elements();
            let part: Tensor<D> = self.0.clone().narrow(0, from, self.1 - from).reshape::<D, _>(shape);
            self.2.register(param.id, part);
        }
    }
    let mut parts = Parts(gradient, 0, GradientsParams::new());
    module.visit(&mut parts);
    parts.2
}
