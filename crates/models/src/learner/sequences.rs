//! Batches as tensors, and the error of a network over them.

use burn::tensor::Tensor;
use dataset::{Batch, Normalisation};

use crate::machine::Machine;

/// Sequences of scaled samples: a window, and perhaps samples after it, over which the network runs free.
pub struct Sequences {
    /// [batch, sample, feature]
    pub inputs: Tensor<3>,
    /// The scaled increment after each sample, [batch, sample, component].
    pub targets: Tensor<3>,
    /// Samples that the network is shown.
    pub window: usize,
    /// [`Normalisation::ratio`] of each component, [1, 1, component].
    pub ratio: Tensor<3>,
    /// Standard deviation of the increments of each component divided by that of the component; 0 for a steady component.
    /// [1, 1, component].
    pub step: Tensor<3>,
    /// Mean increment divided by the standard deviation of the component, [1, 1, component].
    pub drift: Tensor<3>,
}

impl Sequences {
    /// A batch for a network that looks at `window` samples.
    pub(crate) fn new(
        batch: &Batch,
        window: usize,
        normalisation: &Normalisation,
        machine: &Machine,
    ) -> Self {
        let [count, samples, features, dim] = batch.shape;
        let of_components = |value: &dyn Fn(usize) -> f64| {
            machine.tensor(&(0..dim).map(value).collect::<Vec<_>>(), [1, 1, dim])
        };
        let Normalisation { std, increment_mean, increment_std, .. } = normalisation;
        Sequences {
            inputs: machine.tensor(&batch.inputs, [count, samples, features]),
            targets: machine.tensor(&batch.targets, [count, samples, dim]),
            window,
            ratio: of_components(&|j| normalisation.ratio(j)),
            step: of_components(&|j| increment_std[j] / std[j]),
            drift: of_components(&|j| increment_mean[j] / std[j]),
        }
    }

    /// Number of free-running steps, at least 1.
    pub fn steps(&self) -> usize {
        self.inputs.dims()[1] + 1 - self.window
    }

    /// The scaled state after `state` [batch, 1, component], from its scaled increment.
    pub fn next(&self, state: Tensor<3>, increment: Tensor<3>) -> Tensor<3> {
        state + increment * self.step.clone() + self.drift.clone()
    }

    /// The components of sample `i`, counted from 0, [batch, 1, component].
    pub fn state(&self, i: usize) -> Tensor<3> {
        self.inputs.clone().narrow(1, i, 1).narrow(2, 0, self.targets.dims()[2])
    }

    /// The known inputs of sample `i`, [batch, 1, input], if there are any.
    pub fn known(&self, i: usize) -> Option<Tensor<3>> {
        let (features, dim) = (self.inputs.dims()[2], self.targets.dims()[2]);
        (features > dim).then(|| self.inputs.clone().narrow(1, i, 1).narrow(2, dim, features - dim))
    }

    /// The mean squared error of the states that a network with this `forward` gives, in standard deviations of the
    /// increments: after each sample of the window that it gives an increment for, then on its own from the window's
    /// end, each state taken up into the next window. With no sample after the window it is that of the increments.
    pub fn squared_error(&self, forward: impl FnMut(Tensor<3>) -> Tensor<3>) -> Tensor<1> {
        self.error_after(forward, false)
    }

    /// As [`Sequences::squared_error`], but only for the last sample of each window. These are the errors of a forecast,
    /// which uses only the output of the network after the last sample.
    pub fn last_squared_error(&self, forward: impl FnMut(Tensor<3>) -> Tensor<3>) -> Tensor<1> {
        self.error_after(forward, true)
    }

    fn error_after(&self, mut forward: impl FnMut(Tensor<3>) -> Tensor<3>, last_alone: bool) -> Tensor<1> {
        let [count, samples, _] = self.inputs.dims();
        let (window, dim) = (self.window, self.targets.dims()[2]);
        let mut recent = self.inputs.clone().narrow(1, 0, window);
        let mut increments = forward(recent.clone()); // [batch, given, component]
        if last_alone {
            let given = increments.dims()[1];
            increments = increments.narrow(1, given - 1, 1);
        }
        let given = increments.dims()[1];
        let error = increments.clone() - self.targets.clone().narrow(1, window - given, given);
        let mut sum = (error.clone() * error).sum();
        let mut increment = increments.narrow(1, given - 1, 1);
        for i in window..samples {
            let state = self.next(recent.clone().narrow(1, window - 1, 1).narrow(2, 0, dim), increment);
            let sample = match self.known(i) {
                Some(known) => Tensor::cat(vec![state.clone(), known], 2),
                None => state.clone(),
            };
            recent = match window {
                1 => sample,
                _ => Tensor::cat(vec![recent.narrow(1, 1, window - 1), sample], 1),
            };
            let increments = forward(recent.clone());
            let given = increments.dims()[1];
            increment = increments.narrow(1, given - 1, 1);
            let before = (state - self.state(i)) * self.ratio.clone();
            let error = before + increment.clone() - self.targets.clone().narrow(1, i, 1);
            sum = sum + (error.clone() * error).sum();
        }
        sum / (count * dim * (given + samples - window)) as f64
    }
}
