//! Scales that make every input and every target of mean 0 and standard deviation 1.

use sim::Trajectories;

/// Means and standard deviations over the training trajectories.
///
/// Networks see inputs (u - `mean`) / `std` and learn the increment u(t + dt) - u(t), scaled likewise: a
/// network that gives 0 is then the mean step, and the identity, which is most of the map from one
/// sample to the next, costs it nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Normalisation {
    /// Means of the components, then of the known inputs.
    pub mean: Vec<f64>,
    /// Standard deviations in the same order; 1 for a quantity that never changes.
    pub std: Vec<f64>,
    /// Mean increment of each component from one sample to the next.
    pub increment_mean: Vec<f64>,
    /// Standard deviation of the increments; 1 for a component that never changes.
    pub increment_std: Vec<f64>,
}

impl Normalisation {
    /// Fits the scales to these trajectories, and to no others.
    pub fn fit(runs: &Trajectories, train: &[usize]) -> Self {
        let features = runs.dim() + runs.known_dim();
        let each = || train.iter().flat_map(|&run| (0..runs.samples()).map(move |i| (run, i)));
        let (mean, mut std) = moments(features, each(), |(run, i), j| match j.checked_sub(runs.dim()) {
            None => runs.state(run, i)[j],
            Some(j) => runs.known_at(run, i)[j],
        });
        let steps = each().filter(|&(_, i)| i + 1 < runs.samples());
        let (increment_mean, mut increment_std) =
            moments(runs.dim(), steps, |(run, i), j| runs.state(run, i + 1)[j] - runs.state(run, i)[j]);
        // What is below the roundoff of the states themselves is no change.
        let noise: Vec<f64> = mean.iter().zip(&std).map(|(mean, std)| 1e-13 * (mean.abs() + std)).collect();
        for (std, noise) in std.iter_mut().zip(&noise).chain(increment_std.iter_mut().zip(&noise)) {
            if *std <= *noise {
                *std = 1.0;
            }
        }
        Normalisation { mean, std, increment_mean, increment_std }
    }

    /// Number of components of the state.
    pub fn dim(&self) -> usize {
        self.increment_mean.len()
    }

    /// Number of inputs a sample: components, then known inputs.
    pub fn features(&self) -> usize {
        self.mean.len()
    }

    /// The scaled inputs of one sample: components, then known inputs.
    pub fn scale<'a>(&'a self, state: &'a [f64], known: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
        state.iter().chain(known).enumerate().map(|(j, x)| self.scale_one(j, *x))
    }

    /// Input number `j`, scaled.
    pub fn scale_one(&self, j: usize, x: f64) -> f64 {
        (x - self.mean[j]) / self.std[j]
    }

    /// The scaled increment of component `j` from `now` to `next`.
    pub fn scale_increment(&self, j: usize, now: f64, next: f64) -> f64 {
        (next - now - self.increment_mean[j]) / self.increment_std[j]
    }

    /// The state after `now`, from its scaled increment.
    pub fn advance(&self, j: usize, now: f64, increment: f64) -> f64 {
        now + (increment * self.increment_std[j] + self.increment_mean[j])
    }
}

/// Mean and standard deviation of each column, in two passes so that a large mean costs no digits.
fn moments<I: Copy>(
    columns: usize,
    rows: impl Iterator<Item = I> + Clone,
    value: impl Fn(I, usize) -> f64,
) -> (Vec<f64>, Vec<f64>) {
    let count = rows.clone().count() as f64;
    (0..columns)
        .map(|j| {
            let mean = rows.clone().map(|row| value(row, j)).sum::<f64>() / count;
            let variance = rows.clone().map(|row| (value(row, j) - mean).powi(2)).sum::<f64>() / count;
            (mean, variance.sqrt())
        })
        .unzip()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::Times;

    fn runs() -> Trajectories {
        // Two components (the second constant) and one known input, over 3 trajectories of 4 samples; the
        // third trajectory is far off, as a part that must not be seen.
        let u = (0..3)
            .flat_map(|run| {
                let shift = if run == 2 { 1e6 } else { 0.0 };
                (0..4).flat_map(move |i| [f64::from(i * i) + f64::from(run) + shift, 7.5])
            })
            .collect();
        let known = (0..3).flat_map(|_| [1.0, -1.0, 1.0, -1.0]).collect();
        Trajectories::new(Times::up_to(3.0, 1.0).unwrap(), [2, 1], u, known)
    }

    #[test]
    fn moments_are_those_of_the_training_part() {
        let fitted = Normalisation::fit(&runs(), &[0, 1]);
        // 0 1 4 9 and 1 2 5 10: mean 4, variance of 0 1 4 9 plus 1/4.
        assert_eq!(fitted.mean, [4.0, 7.5, 0.0]);
        assert!((fitted.std[0] - (12.25f64 + 0.25).sqrt()).abs() < 1e-12);
        assert_eq!(fitted.std[1..], [1.0, 1.0]);
        // Increments 1 3 5 in both.
        assert_eq!(fitted.increment_mean, [3.0, 0.0]);
        assert!((fitted.increment_std[0] - (8.0f64 / 3.0).sqrt()).abs() < 1e-12);
        assert_eq!(fitted.increment_std[1], 1.0);
    }

    #[test]
    fn scaling_and_advancing_undo_each_other() {
        let fitted = Normalisation::fit(&runs(), &[0, 1]);
        let increment = fitted.scale_increment(0, 1.0, 4.0);
        assert!((fitted.advance(0, 1.0, increment) - 4.0).abs() < 1e-14);
        assert_eq!(fitted.scale(&[4.0, 7.5], &[1.0]).collect::<Vec<_>>(), [0.0, 0.0, 1.0]);
    }

    #[test]
    fn a_steady_growth_is_a_constant_increment_whatever_its_roundoff() {
        let times = Times::up_to(50.0, 1.0).unwrap();
        let u = (0..=50).map(|i| 1e6 + 0.1 * f64::from(i)).collect();
        let fitted = Normalisation::fit(&Trajectories::new(times, [1, 0], u, vec![]), &[0]);
        assert_eq!(fitted.increment_std, [1.0]);
    }
}
