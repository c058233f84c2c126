//! Recurrent networks as forecasters that carry their state on from sample to sample.

use dataset::Normalisation;
use forecast::{Forecast, Forecaster};
use kernels::{Carried, Kernels, Real};

use crate::recent::Recent;

/// A trained network of layers that go step by step, with its scales.
pub(crate) struct Remembering<T: Real> {
    network: kernels::Network,
    weights: Vec<T>,
    window: usize,
    normalisation: Normalisation,
}

impl<T: Real> Remembering<T> {
    /// With weights in the order of [`kernels::Network::tensors`]; it finds its state from `window` samples.
    pub(crate) fn new(
        network: kernels::Network,
        weights: &[f64],
        window: usize,
        normalisation: Normalisation,
    ) -> Self {
        let weights = weights.iter().map(|&x| T::from_f64(x)).collect();
        Remembering { network, weights, window, normalisation }
    }
}

impl<T: Real> Forecaster for Remembering<T> {
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
        let recent = Recent::new(&self.normalisation, self.window, histories, known);
        let (count, features) = (recent.count(), self.normalisation.features());
        let mut state = Carried::new(&self.network, Kernels::best(), &self.weights, count);
        let mut increments = vec![0.0; count * self.dim()];
        for i in 0..self.window - 1 {
            let windows = recent.samples().chunks_exact(self.window * features);
            let samples: Vec<f64> =
                windows.flat_map(|window| &window[i * features..(i + 1) * features]).copied().collect();
            state.advance(&samples, &mut increments);
        }
        Box::new(Running { state, recent, window: self.window, features, increments })
    }
}

/// Forecasts under way.
struct Running<'a, T: Real> {
    state: Carried<'a, T>,
    recent: Recent<'a>,
    window: usize,
    features: usize,
    /// [start, component]
    increments: Vec<f64>,
}

impl<T: Real> Forecast for Running<'_, T> {
    fn advance(&mut self, known: &[f64], next: &mut [f64]) {
        let windows = self.recent.complete(known).chunks_exact(self.window * self.features);
        let newest: Vec<f64> =
            windows.flat_map(|window| &window[window.len() - self.features..]).copied().collect();
        self.state.advance(&newest, &mut self.increments);
        self.recent.add(&self.increments, next);
    }
}
