//! The last samples of forecasts under way.

use dataset::Normalisation;

/// The scaled samples that a forecaster looks at, and the newest states in physical units.
pub(crate) struct Recent<'a> {
    normalisation: &'a Normalisation,
    window: usize,
    /// [start, window, feature]; the newest lacks its known inputs before [`Recent::complete`].
    samples: Vec<f64>,
    /// [start, component]
    now: Vec<f64>,
}

impl<'a> Recent<'a> {
    /// Of samples `histories` [start, window, component] with `known` [start, window - 1, input].
    pub(crate) fn new(
        normalisation: &'a Normalisation,
        window: usize,
        histories: &[f64],
        known: &[f64],
    ) -> Self {
        let (dim, features) = (normalisation.dim(), normalisation.features());
        let known_dim = features - dim;
        let mut samples = vec![0.0; histories.len() / dim * features];
        let mut known = known.chunks_exact(known_dim.max(1));
        for (i, (sample, state)) in
            samples.chunks_exact_mut(features).zip(histories.chunks_exact(dim)).enumerate()
        {
            let newest = (i + 1).is_multiple_of(window);
            let known = if newest { None } else { known.next() }.unwrap_or_default();
            sample.iter_mut().zip(normalisation.scale(state, known)).for_each(|(slot, x)| *slot = x);
        }
        let now = histories.chunks_exact(window * dim).flat_map(|window| &window[window.len() - dim..]);
        Recent { normalisation, window, samples, now: now.copied().collect() }
    }

    /// The samples [start, window, feature], once `known` [start, input] are those of the newest.
    pub(crate) fn complete(&mut self, known: &[f64]) -> &[f64] {
        let (dim, features) = (self.normalisation.dim(), self.normalisation.features());
        let known = known.chunks_exact((features - dim).max(1));
        for (window, known) in self.samples.chunks_exact_mut(self.window * features).zip(known) {
            let newest = window.len() - features + dim;
            for (j, (slot, x)) in window[newest..].iter_mut().zip(known).enumerate() {
                *slot = self.normalisation.scale_one(dim + j, *x);
            }
        }
        &self.samples
    }

    /// The samples [start, window, feature] as they are; the newest lack their known inputs.
    pub(crate) fn samples(&self) -> &[f64] {
        &self.samples
    }

    /// Goes on by the scaled increments [start, component] to the states `next`.
    pub(crate) fn add(&mut self, increments: &[f64], next: &mut [f64]) {
        let dim = self.normalisation.dim();
        for (i, (next, now)) in next.iter_mut().zip(&self.now).enumerate() {
            *next = self.normalisation.advance(i % dim, *now, increments[i]);
        }
        self.push(next);
    }

    /// Goes on to the states `next` [start, component].
    pub(crate) fn push(&mut self, next: &[f64]) {
        let (dim, features) = (self.normalisation.dim(), self.normalisation.features());
        self.now.copy_from_slice(next);
        for (window, next) in
            self.samples.chunks_exact_mut(self.window * features).zip(next.chunks_exact(dim))
        {
            window.copy_within(features.., 0);
            let newest = window.len() - features;
            for (j, (slot, x)) in window[newest..].iter_mut().zip(next).enumerate() {
                *slot = self.normalisation.scale_one(j, *x);
            }
        }
    }

    /// Number of starts.
    pub(crate) fn count(&self) -> usize {
        self.now.len() / self.normalisation.dim()
    }
}
