//! What forecasts, and how it is let run on its own.

use std::time::{Duration, Instant};

/// Forecasts under way from some starts, with the derivatives of the map that carries them on.
pub trait Tangent {
    /// Numbers that a forecast carries from sample to sample: all that its future depends on, but the known inputs.
    fn memory(&self) -> usize;

    /// The number of derivatives needed to propagate the vectors of one start by one sample.
    fn derivatives(&self) -> usize {
        self.memory()
    }

    /// As [`Forecast::advance`]; and takes each of `vectors` [start, vector, memory], small changes of what is
    /// carried in whatever fixed units, to what has become of it.
    fn advance(&mut self, known: &[f64], next: &mut [f64], vectors: &mut [f64]);
}

/// What carries states of a system on from sample to sample.
pub trait Forecaster: Send + Sync {
    /// Samples of history it needs, at least 1.
    fn window(&self) -> usize;

    /// Number of components of the state.
    fn dim(&self) -> usize;

    /// Number of known inputs.
    fn known_dim(&self) -> usize;

    /// Forecasts that it makes from each start, whose mean is its forecast: 1, or the members of an ensemble.
    fn members(&self) -> usize {
        1
    }

    /// Begins a forecast from each of some starts, after their last samples `histories` [start, window, component]
    /// with the known inputs at all of these times but the last, `known` [start, window - 1, input]. All in physical
    /// units. Where chance takes part, starts differ in their draws.
    fn begin<'a>(&'a self, histories: &[f64], known: &[f64]) -> Box<dyn Forecast + 'a>;

    /// As [`Forecaster::begin`], with the derivatives of its map; none of a forecaster that does not give them.
    fn begin_tangent<'a>(&'a self, _histories: &[f64], _known: &[f64]) -> Option<Box<dyn Tangent + 'a>> {
        None
    }
}

/// Forecasts under way from some starts.
pub trait Forecast {
    /// With the known inputs at the time of the newest samples, `known` [start, input], writes the states one sample
    /// later, `next` [start, component], in physical units. What is not finite stays so: it is scored as what it is.
    fn advance(&mut self, known: &[f64], next: &mut [f64]);
}

/// Starts of forecasts.
#[derive(Clone, Copy, Debug)]
pub struct Starts<'a> {
    /// Number of them.
    pub count: usize,
    /// [start, history, component]: at least the forecaster's window of samples, of which the last are used.
    pub histories: &'a [f64],
    /// [start, time, input]: the known inputs at those times, and at the times of the forecast but its last.
    pub known: &'a [f64],
}

/// Lets `forecaster` run on its own for `steps` samples from each start, `members` times, and shows every state
/// [start, member, component] to `each`, with the number of its step counted from 0; it ends early where that
/// returns false.
///
/// # Panics
/// Arrays whose lengths do not belong together.
pub fn run(
    forecaster: &dyn Forecaster,
    starts: Starts,
    members: usize,
    steps: usize,
    mut each: impl FnMut(usize, &[f64]) -> bool,
) {
    let Starts { count, histories, known } = starts;
    let (window, dim, known_dim) = (forecaster.window(), forecaster.dim(), forecaster.known_dim());
    if count == 0 || steps == 0 {
        return;
    }
    let history = histories.len() / (count * dim);
    assert!(history >= window, "a history of {history} samples for a window of {window}");
    let times = history + steps - 1;
    assert_eq!(known.len(), count * times * known_dim, "known inputs of {times} times");
    let first = history - window;
    let of_starts = |all: &[f64], of_start: usize, part: std::ops::Range<usize>| -> Vec<f64> {
        (0..count).flat_map(|start| &all[start * of_start..][part.clone()]).copied().collect()
    };
    let recent = of_starts(histories, history * dim, first * dim..history * dim);
    let before = of_starts(known, times * known_dim, first * known_dim..(history - 1) * known_dim);
    let known_at = |start: usize, step: usize| {
        let at = (start * times + history - 1 + step) * known_dim;
        &known[at..at + known_dim]
    };
    run_from(forecaster, [&recent, &before], members, steps, known_at, |step, states, _| each(step, states));
}

/// As [`run`], from histories of just the window, [start, window, component], with the known inputs before their last
/// sample, [start, window - 1, input], and with `known_at(start, step)` from there on; `each` is also told how long
/// the step took.
pub(crate) fn run_from<'k>(
    forecaster: &dyn Forecaster,
    [recent, before]: [&[f64]; 2],
    members: usize,
    steps: usize,
    known_at: impl Fn(usize, usize) -> &'k [f64],
    mut each: impl FnMut(usize, &[f64], Duration) -> bool,
) {
    let (window, dim, known_dim) = (forecaster.window(), forecaster.dim(), forecaster.known_dim());
    let count = recent.len() / (window * dim);
    let repeated = |all: &[f64]| -> Vec<f64> {
        let of_start = all.len() / count;
        let of = |start: usize| &all[start * of_start..(start + 1) * of_start];
        (0..count).flat_map(|start| std::iter::repeat_n(of(start), members)).flatten().copied().collect()
    };
    let mut forecast = forecaster.begin(&repeated(recent), &repeated(before));
    let mut next = vec![0.0; count * members * dim];
    let mut known = Vec::with_capacity(count * members * known_dim);
    for step in 0..steps {
        known.clear();
        if known_dim > 0 {
            for start in 0..count {
                (0..members).for_each(|_| known.extend_from_slice(known_at(start, step)));
            }
        }
        let begin = Instant::now();
        forecast.advance(&known, &mut next);
        if !each(step, &next, begin.elapsed()) {
            return;
        }
    }
}

/// The forecasts of `forecaster` over `steps` samples, [start, step, component]: the means of its members.
///
/// # Panics
/// As [`run`].
pub fn rollout(forecaster: &dyn Forecaster, starts: Starts, steps: usize) -> Vec<f64> {
    let (dim, members) = (forecaster.dim(), forecaster.members());
    let mut forecast = vec![0.0; starts.count * steps * dim];
    run(forecaster, starts, members, steps, |step, states| {
        for (start, states) in states.chunks_exact(members * dim).enumerate() {
            let at = (start * steps + step) * dim;
            mean_of_members(states, &mut forecast[at..at + dim]);
        }
        true
    });
    forecast
}

/// The mean of states [member, component].
pub fn mean_of_members(states: &[f64], mean: &mut [f64]) {
    let dim = mean.len();
    if states.len() == dim {
        return mean.copy_from_slice(states);
    }
    for (j, mean) in mean.iter_mut().enumerate() {
        let members = states.len() / dim;
        *mean = states.iter().skip(j).step_by(dim).sum::<f64>() / members as f64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// u(t + dt) = sum over the window of u, plus the newest known input, plus the number of the forecast times
    /// `spread`.
    struct Sum {
        window: usize,
        members: usize,
        spread: f64,
    }
    struct Summing<'a>(&'a Sum, Vec<f64>);
    impl Forecaster for Sum {
        fn window(&self) -> usize {
            self.window
        }
        fn dim(&self) -> usize {
            1
        }
        fn known_dim(&self) -> usize {
            1
        }
        fn members(&self) -> usize {
            self.members
        }
        fn begin<'a>(&'a self, histories: &[f64], known: &[f64]) -> Box<dyn Forecast + 'a> {
            assert_eq!(known.len(), histories.len() / self.window * (self.window - 1));
            Box::new(Summing(self, histories.to_vec()))
        }
    }
    impl Forecast for Summing<'_> {
        fn advance(&mut self, known: &[f64], next: &mut [f64]) {
            let windows = self.1.chunks_mut(self.0.window);
            for (i, ((next, window), known)) in next.iter_mut().zip(windows).zip(known).enumerate() {
                *next = window.iter().sum::<f64>() + known + i as f64 * self.0.spread;
                window.rotate_left(1);
                window[self.0.window - 1] = *next;
            }
        }
    }

    #[test]
    fn states_become_history_and_known_inputs_keep_their_times() {
        // Two starts, three samples of history of which the last two are used: Fibonacci, with an input
        // of 100 at the time of the second step.
        let known = [0.0, 0.0, 0.0, 100.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let starts = Starts { count: 2, histories: &[9.0, 1.0, 1.0, 9.0, 2.0, 3.0], known: &known };
        let forecast = rollout(&Sum { window: 2, members: 1, spread: 0.0 }, starts, 3);
        assert_eq!(forecast, [2.0, 103.0, 105.0, 5.0, 8.0, 13.0]);
    }

    #[test]
    fn the_forecast_of_an_ensemble_is_the_mean_of_its_members() {
        let starts = Starts { count: 2, histories: &[1.0, 5.0], known: &[0.0; 4] };
        let ensemble = Sum { window: 1, members: 3, spread: 1.0 };
        // members 0, 1, 2 of the first start and 3, 4, 5 of the second, added at every step
        assert_eq!(rollout(&ensemble, starts, 2), [2.0, 3.0, 9.0, 13.0]);
        let mut seen = Vec::new();
        run(&ensemble, starts, 3, 2, |step, states| {
            seen.push((step, states.to_vec()));
            false
        });
        assert_eq!(seen, [(0, vec![1.0, 2.0, 3.0, 8.0, 9.0, 10.0])]);
    }

    #[test]
    fn nothing_to_forecast_is_an_empty_forecast() {
        let sum = Sum { window: 2, members: 1, spread: 0.0 };
        assert!(rollout(&sum, Starts { count: 0, histories: &[], known: &[] }, 3).is_empty());
        let one = Starts { count: 1, histories: &[1.0], known: &[0.0] };
        assert!(rollout(&sum, one, 0).is_empty());
    }
}
