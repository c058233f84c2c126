//! Scales that make every input and every target of mean 0 and standard deviation 1.

use trajectory::Trajectories;

/// Means and standard deviations over the training trajectories.
///
/// Networks see inputs (u - `mean`) / `std` and learn the increment u(t + dt) - u(t), scaled likewise: a
/// network that gives 0 is then the mean step, and the identity, which is most of the map from one
/// sample to the next, costs it nothing.
///
/// A component whose increments are all equal is called steady. It leaves nothing to learn: `increment_std` is 0, and
/// every forecast adds exactly `increment_mean`. A scale of 1 instead would depend on the component's units, in which
/// a small error of a network may be a thousand standard deviations.
#[derive(Clone, Debug, PartialEq)]
pub struct Normalisation {
    /// Means of the components, then of the known inputs.
    pub mean: Vec<f64>,
    /// Standard deviations in the same order, never 0. A quantity that is constant over the training data has its
    /// absolute value instead, so that a deviation counts by its relative size, or 1 if that value is 0.
    pub std: Vec<f64>,
    /// Mean increment of each component from one sample to the next.
    pub increment_mean: Vec<f64>,
    /// Standard deviations of the increments; 0 if they are all equal except for roundoff.
    pub increment_std: Vec<f64>,
}

impl Normalisation {
    /// Fits the scales to these trajectories, and to no others.
    pub fn fit(runs: &Trajectories, train: &[usize]) -> Self {
        Normalisation::fit_on_grid(runs, train, 1)
    }

    /// The same for fields on a grid of so many points: all points of a channel share its scale.
    ///
    /// # Panics
    /// If the states are not whole channels.
    pub fn fit_on_grid(runs: &Trajectories, train: &[usize], points: usize) -> Self {
        assert_eq!(runs.dim() % points, 0, "whole channels");
        let features = runs.dim() + runs.known_dim();
        let each = || train.iter().flat_map(|&run| (0..runs.samples(run)).map(move |i| (run, i)));
        let (mut mean, mut std) = moments(features, each(), |(run, i), j| match j.checked_sub(runs.dim()) {
            None => runs.state(run, i)[j],
            Some(j) => runs.known_at(run, i)[j],
        });
        pool(&mut mean[..runs.dim()], &mut std[..runs.dim()], points);
        let steps = each().filter(|&(run, i)| i + 1 < runs.samples(run));
        let (mut increment_mean, mut increment_std) =
            moments(runs.dim(), steps, |(run, i), j| runs.state(run, i + 1)[j] - runs.state(run, i)[j]);
        pool(&mut increment_mean, &mut increment_std, points);
        // What is below the roundoff of the states themselves is no change.
        let noise: Vec<f64> =
            mean.iter().zip(&std).map(|(mean, std)| ROUNDOFF * (mean.abs() + std)).collect();
        for (increment_std, noise) in increment_std.iter_mut().zip(&noise) {
            if *increment_std <= *noise {
                *increment_std = 0.0;
            }
        }
        for (j, noise) in noise.iter().enumerate() {
            if std[j] <= *noise {
                // The value itself rather than a mean with roundoff, so that the scaled input is exactly 0.
                mean[j] = train.first().map_or(mean[j], |&run| match j.checked_sub(runs.dim()) {
                    None => runs.state(run, 0)[j],
                    Some(j) => runs.known_at(run, 0)[j],
                });
                std[j] = if mean[j] == 0.0 { 1.0 } else { mean[j].abs() };
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

    /// The scaled increment of component `j` from `now` to `next`; 0 if component `j` is steady.
    pub fn scale_increment(&self, j: usize, now: f64, next: f64) -> f64 {
        if self.is_steady(j) { 0.0 } else { (next - now - self.increment_mean[j]) / self.increment_std[j] }
    }

    /// Whether component `j` always moves by its mean increment, such as one that is constant along every
    /// trajectory.
    pub fn is_steady(&self, j: usize) -> bool {
        self.increment_std[j] == 0.0
    }

    /// The standard deviation of component `j` divided by that of its increments. It is the factor from errors of scaled
    /// states to errors of scaled increments. A steady component has no such factor and gets the mean of the others, or 1
    /// if all components are steady.
    pub fn ratio(&self, j: usize) -> f64 {
        let of = |j: usize| self.std[j] / self.increment_std[j];
        if !self.is_steady(j) {
            return of(j);
        }
        let moving: Vec<f64> = (0..self.dim()).filter(|&j| !self.is_steady(j)).map(of).collect();
        if moving.is_empty() { 1.0 } else { moving.iter().sum::<f64>() / moving.len() as f64 }
    }

    /// The state after `now`, from its scaled increment.
    pub fn advance(&self, j: usize, now: f64, increment: f64) -> f64 {
        now + (increment * self.increment_std[j] + self.increment_mean[j])
    }
}

/// Replaces the means and standard deviations of every `points` successive components by those of all their values.
fn pool(mean: &mut [f64], std: &mut [f64], points: usize) {
    if points == 1 {
        return;
    }
    for (mean, std) in mean.chunks_exact_mut(points).zip(std.chunks_exact_mut(points)) {
        let all = mean.iter().sum::<f64>() / points as f64;
        let squares = mean.iter().zip(&*std).map(|(mean, std)| std * std + (mean - all).powi(2));
        let together = (squares.sum::<f64>() / points as f64).sqrt();
        mean.fill(all);
        std.fill(together);
    }
}

/// The fraction of a quantity's size below which its standard deviation counts as roundoff.
const ROUNDOFF: f64 = 1e-13;

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
    use trajectory::Times;

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
        assert_eq!(fitted.std[1..], [7.5, 1.0]);
        // Increments 1 3 5 in both.
        assert_eq!(fitted.increment_mean, [3.0, 0.0]);
        assert!((fitted.increment_std[0] - (8.0f64 / 3.0).sqrt()).abs() < 1e-12);
        assert_eq!(fitted.increment_std[1], 0.0);
    }

    #[test]
    fn all_points_of_a_channel_share_one_scale() {
        // One sample interval; two channels on two points: 0 2 | 5 5, then 4 2 | 5 5.
        let times = Times::up_to(1.0, 1.0).unwrap();
        let runs =
            Trajectories::new(times, [4, 1], vec![0.0, 2.0, 5.0, 5.0, 4.0, 2.0, 5.0, 5.0], vec![1.0, 3.0]);
        let fitted = Normalisation::fit_on_grid(&runs, &[0], 2);
        // Of 0 2 4 2 the mean is 2 and the variance 2; the second channel is constant.
        assert_eq!(fitted.mean, [2.0, 2.0, 5.0, 5.0, 2.0]);
        assert!((fitted.std[0] - 2f64.sqrt()).abs() < 1e-15 && fitted.std[0] == fitted.std[1]);
        assert_eq!(fitted.std[2..], [5.0, 5.0, 1.0]);
        // Increments 4 and 0: mean 2, standard deviation 2.
        assert_eq!(
            (&fitted.increment_mean[..2], &fitted.increment_std[..]),
            (&[2.0; 2][..], &[2.0, 2.0, 0.0, 0.0][..])
        );
        assert_eq!(Normalisation::fit_on_grid(&runs, &[0], 1), Normalisation::fit(&runs, &[0]));
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
        assert_eq!(fitted.increment_std, [0.0]);
        assert!((fitted.advance(0, 3.0, 1e9) - 3.1).abs() < 1e-9);
    }

    #[test]
    fn a_component_that_is_constant_along_each_trajectory_stays_so_whatever_a_network_gives() {
        // c differs between trajectories, so it has a standard deviation; but its increments are all 0.
        let times = Times::up_to(3.0, 1.0).unwrap();
        let u = (0..2)
            .flat_map(|run| (0..4).flat_map(move |i| [f64::from(i * i), 1e-3 + 2e-4 * f64::from(run)]))
            .collect();
        let fitted = Normalisation::fit(&Trajectories::new(times, [2, 0], u, vec![]), &[0, 1]);
        assert!((fitted.std[1] - 1e-4).abs() < 1e-15 && fitted.is_steady(1) && !fitted.is_steady(0));
        assert_eq!((fitted.scale_increment(1, 1e-3, 1e-3), fitted.advance(1, 1e-3, 0.7)), (0.0, 1e-3));
        assert_eq!(fitted.ratio(1), fitted.ratio(0));
    }

    #[test]
    fn the_scale_of_a_constant_is_its_own_size() {
        for (constant, scale) in [(1e-9, 1e-9), (-1e12, 1e12), (0.1, 0.1), (0.0, 1.0)] {
            // one component and one known input
            let times = Times::up_to(99.0, 1.0).unwrap();
            let runs = Trajectories::new(times, [1, 1], vec![constant; 700], vec![constant; 700]);
            let fitted = Normalisation::fit(&runs, &[0, 1, 2, 3, 4, 5, 6]);
            assert_eq!((&fitted.mean[..], &fitted.std[..]), (&[constant; 2][..], &[scale; 2][..]));
            assert_eq!(fitted.scale(&[constant], &[constant]).collect::<Vec<_>>(), [0.0, 0.0]);
            let twice = fitted.scale_one(0, 2.0 * constant);
            assert_eq!(twice.abs(), if constant == 0.0 { 0.0 } else { 1.0 });
            assert_eq!(fitted.advance(0, constant, 5.0), constant);
        }
    }
}
