//! Models that see a field through a few coefficients.

use std::borrow::Cow;

use dataset::{Normalisation, Pod};
use forecast::{Forecast, Forecaster, Tangent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trajectory::Trajectories;

/// How fields are reduced for a model. It then learns the coefficients of a few modes instead of the value at every point;
/// it is scored on the whole field.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reduce {
    /// The method that finds the modes: proper orthogonal decomposition (`"pod"`), on the training part alone.
    #[schemars(extend("examples" = ["pod"]))]
    pub method: Method,
    /// Number of modes, at most the number of values in a state.
    #[schemars(range(min = 1), extend("examples" = [16]))]
    pub modes: usize,
}

/// A method that finds modes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Proper orthogonal decomposition.
    #[default]
    Pod,
}

impl Default for Reduce {
    fn default() -> Self {
        Reduce { method: Method::Pod, modes: 32 }
    }
}

/// What a model of reduced fields is trained on.
pub(crate) struct Reduced {
    pub(crate) pod: Pod,
    /// The coefficients of all trajectories.
    pub(crate) runs: Trajectories,
    pub(crate) normalisation: Normalisation,
    /// The coefficients of the training and the validation part together.
    pub(crate) refit: Option<Trajectories>,
}

impl Reduced {
    /// Fits modes and scales to the training trajectories, on a grid of so many points.
    pub(crate) fn fit(
        runs: &Trajectories,
        train: &[usize],
        points: usize,
        refit: Option<&Trajectories>,
        Reduce { method: Method::Pod, modes }: Reduce,
    ) -> Self {
        let pod = Pod::fit(runs, train, points, modes);
        let runs = pod.reduce(runs);
        let normalisation = one_scale(&runs, train, pod.needed().max(1));
        Reduced { refit: refit.map(|both| pod.reduce(both)), pod, runs, normalisation }
    }
}

/// The scales of coefficients, of which only the first `needed` are not always 0. They share one scale: then the error of
/// the coefficients is that of the field, and small modes count little. The others stay as they are.
fn one_scale(runs: &Trajectories, train: &[usize], needed: usize) -> Normalisation {
    let moving: Vec<usize> = (0..needed).collect();
    let mut scales = Normalisation::fit_on_grid(&runs.clone().observe(&moving), train, needed);
    let always = |value: f64| vec![value; runs.dim() - needed];
    scales.mean.splice(needed..needed, always(0.0));
    scales.std.splice(needed..needed, always(1.0));
    scales.increment_mean.extend(always(0.0));
    scales.increment_std.extend(always(0.0));
    scales
}

/// What the modes hold of the training part, in a sentence.
pub(crate) fn summary(pod: &Pod) -> String {
    let (modes, needed) = (pod.modes(), pod.needed());
    let left_out = 1.0 - pod.kept();
    let kept = format!("capture all but a fraction of {left_out:.1e} of the variance of the training fields");
    if needed < modes {
        format!("the training fields need only {needed} of the {modes} modes; these {kept}")
    } else {
        format!("{modes} modes {kept}")
    }
}

/// What a model is trained on: the states, or their coefficients.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) runs: &'a Trajectories,
    pub(crate) normalisation: &'a Normalisation,
    /// Training and validation part together, if the model is trained on both in the end.
    pub(crate) refit: Option<&'a Trajectories>,
    /// The decomposition, if the model sees coefficients.
    pub(crate) pod: Option<&'a Pod>,
}

impl<'a> Seen<'a> {
    /// Trajectories of states as the model sees them.
    pub(crate) fn of<'r>(&self, states: &'r Trajectories) -> Cow<'r, Trajectories> {
        self.pod.map_or(Cow::Borrowed(states), |pod| Cow::Owned(pod.reduce(states)))
    }

    /// Turns a model of what is seen into a forecaster of states.
    pub(crate) fn in_full(&self, model: Box<dyn Forecaster + 'a>) -> Box<dyn Forecaster + 'a> {
        match self.pod {
            None => model,
            Some(pod) => Box::new(OfModes { pod: Cow::Borrowed(pod), model }),
        }
    }
}

/// A forecaster of fields by a model of their coefficients.
pub(crate) struct OfModes<'p> {
    pod: Cow<'p, Pod>,
    model: Box<dyn Forecaster + 'p>,
}

impl<'p> OfModes<'p> {
    /// The forecaster of fields that `model` makes of the coefficients of `pod`.
    pub(crate) fn new(pod: Pod, model: Box<dyn Forecaster + 'p>) -> Self {
        OfModes { pod: Cow::Owned(pod), model }
    }

    /// The coefficients of histories, [start, sample, mode].
    fn project(&self, histories: &[f64]) -> Vec<f64> {
        let mut coefficients = vec![0.0; histories.len() / self.pod.dim() * self.pod.modes()];
        self.pod.project(histories, &mut coefficients);
        coefficients
    }
}

impl Forecaster for OfModes<'_> {
    fn window(&self) -> usize {
        self.model.window()
    }

    fn dim(&self) -> usize {
        self.pod.dim()
    }

    fn known_dim(&self) -> usize {
        self.model.known_dim()
    }

    fn members(&self) -> usize {
        self.model.members()
    }

    fn begin<'a>(&'a self, histories: &[f64], known: &[f64]) -> Box<dyn Forecast + 'a> {
        let coefficients = self.project(histories);
        Box::new(Running { pod: &self.pod, model: self.model.begin(&coefficients, known), next: Vec::new() })
    }

    fn begin_tangent<'a>(&'a self, histories: &[f64], known: &[f64]) -> Option<Box<dyn Tangent + 'a>> {
        let model = self.model.begin_tangent(&self.project(histories), known)?;
        Some(Box::new(Running { pod: &self.pod, model, next: Vec::new() }))
    }
}

/// A forecast under way; `next` holds the coefficients of the newest states.
struct Running<'a, F: ?Sized> {
    pod: &'a Pod,
    model: Box<F>,
    next: Vec<f64>,
}

impl Forecast for Running<'_, dyn Forecast + '_> {
    fn advance(&mut self, known: &[f64], next: &mut [f64]) {
        self.next.resize(next.len() / self.pod.dim() * self.pod.modes(), 0.0);
        self.model.advance(known, &mut self.next);
        self.pod.reconstruct(&self.next, next);
    }
}

impl Tangent for Running<'_, dyn Tangent + '_> {
    fn memory(&self) -> usize {
        self.model.memory()
    }

    fn derivatives(&self) -> usize {
        self.model.derivatives()
    }

    fn advance(&mut self, known: &[f64], next: &mut [f64], vectors: &mut [f64]) {
        self.next.resize(next.len() / self.pod.dim() * self.pod.modes(), 0.0);
        self.model.advance(known, &mut self.next, vectors);
        self.pod.reconstruct(&self.next, next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trajectory::Times;

    #[test]
    fn coefficients_share_one_scale_and_those_that_are_always_0_stay_so() {
        // Two coefficients that move, two that do not, and a known input.
        let u = vec![3.0, 1.0, 0.0, 0.0, -3.0, -1.0, 0.0, 0.0];
        let runs = Trajectories::new(Times::new(1.0, 1).unwrap(), [4, 1], u, vec![5.0, 7.0]);
        let scales = one_scale(&runs, &[0], 2);
        let std = 5f64.sqrt();
        assert_eq!(
            (&scales.mean[..], &scales.std[..]),
            (&[0.0, 0.0, 0.0, 0.0, 6.0][..], &[std, std, 1.0, 1.0, 1.0][..])
        );
        assert_eq!(scales.increment_mean, [-4.0, -4.0, 0.0, 0.0]);
        assert_eq!(scales.increment_std, [2.0, 2.0, 0.0, 0.0]);
        assert!(scales.is_steady(3) && scales.advance(3, 0.0, 9.0) == 0.0);
    }
}
