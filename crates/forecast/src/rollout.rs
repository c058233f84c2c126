//! What forecasts, and how it is let run on its own.

/// Carries a batch of states one sample ahead.
pub trait Forecaster {
    /// Samples of history it needs, at least 1.
    fn window(&self) -> usize;

    /// Number of components of the state.
    fn dim(&self) -> usize;

    /// Number of known inputs.
    fn known_dim(&self) -> usize;

    /// From the last samples `histories` [start, window, component] and the known inputs at the same times
    /// `known` [start, window, input], writes the states one sample later, `next` [start, component]. All
    /// in physical units. What is not finite stays so: it is scored as what it is.
    fn advance(&self, histories: &[f64], known: &[f64], next: &mut [f64]);
}

/// Lets `forecaster` run on its own for `steps` samples: each state it gives becomes part of the next
/// history.
///
/// `histories` [start, history, component] holds at least the forecaster's window of samples, of which the
/// last are used; `known` [start, history + steps - 1, input] holds the known inputs at those times and at
/// the times of the forecast but its last. Returns the states [start, step, component].
pub fn rollout(
    forecaster: &dyn Forecaster,
    starts: usize,
    histories: &[f64],
    known: &[f64],
    steps: usize,
) -> Vec<f64> {
    let (window, dim, known_dim) = (forecaster.window(), forecaster.dim(), forecaster.known_dim());
    let mut forecast = vec![0.0; starts * steps * dim];
    if starts == 0 || steps == 0 {
        return forecast;
    }
    let history = histories.len() / (starts * dim);
    assert!(history >= window, "a history of {history} samples for a window of {window}");
    assert_eq!(known.len(), starts * (history + steps - 1) * known_dim);
    let mut recent = vec![0.0; starts * window * dim]; // [start, window, component]
    for (recent, all) in recent.chunks_exact_mut(window * dim).zip(histories.chunks_exact(history * dim)) {
        recent.copy_from_slice(&all[(history - window) * dim..]);
    }
    let mut inputs = vec![0.0; starts * window * known_dim]; // [start, window, input]
    let mut next = vec![0.0; starts * dim];
    for step in 0..steps {
        if known_dim > 0 {
            let from = (history - window + step) * known_dim;
            let all = known.chunks_exact((history + steps - 1) * known_dim);
            for (inputs, all) in inputs.chunks_exact_mut(window * known_dim).zip(all) {
                inputs.copy_from_slice(&all[from..from + window * known_dim]);
            }
        }
        forecaster.advance(&recent, &inputs, &mut next);
        for (start, state) in next.chunks_exact(dim).enumerate() {
            let at = (start * steps + step) * dim;
            forecast[at..at + dim].copy_from_slice(state);
            let recent = &mut recent[start * window * dim..(start + 1) * window * dim];
            recent.copy_within(dim.., 0);
            recent[(window - 1) * dim..].copy_from_slice(state);
        }
    }
    forecast
}

#[cfg(test)]
mod tests {
    use super::*;

    /// u(t + dt) = sum over the window of u, plus the newest known input.
    struct Sum(usize);
    impl Forecaster for Sum {
        fn window(&self) -> usize {
            self.0
        }
        fn dim(&self) -> usize {
            1
        }
        fn known_dim(&self) -> usize {
            1
        }
        fn advance(&self, histories: &[f64], known: &[f64], next: &mut [f64]) {
            for ((next, u), known) in next.iter_mut().zip(histories.chunks(self.0)).zip(known.chunks(self.0))
            {
                *next = u.iter().sum::<f64>() + known[self.0 - 1];
            }
        }
    }

    #[test]
    fn states_become_history_and_known_inputs_keep_their_times() {
        // Two starts, three samples of history of which the last two are used: Fibonacci, with an input
        // of 100 at the time of the second step.
        let known = [0.0, 0.0, 0.0, 100.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let forecast = rollout(&Sum(2), 2, &[9.0, 1.0, 1.0, 9.0, 2.0, 3.0], &known, 3);
        assert_eq!(forecast, [2.0, 103.0, 105.0, 5.0, 8.0, 13.0]);
    }

    #[test]
    fn nothing_to_forecast_is_an_empty_forecast() {
        assert!(rollout(&Sum(2), 0, &[], &[], 3).is_empty());
        assert!(rollout(&Sum(2), 1, &[1.0, 1.0], &[0.0], 0).is_empty());
    }
}
