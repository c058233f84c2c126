//! Proper orthogonal decomposition: fields as a few coefficients.

use nalgebra::DMatrix;
use trajectory::{Segment, Trajectories};

use crate::subspace::{self, Subspace};

/// The most snapshots that a basis is computed from; more would take longer and change it little.
const MOST_SNAPSHOTS: usize = 4096;

/// A linear map from states to a few coefficients and back, by proper orthogonal decomposition (Lumley 1967; Holmes,
/// Lumley, Berkooz and Rowley 2012, chapter 3). With the mean m of the training states, the standard deviation s of each
/// channel and orthonormal modes φ, a state u has the coefficients a_k = φ_k · (u - m) / s, and is approximated by
/// m + s Σ_k a_k φ_k. No other basis of as many modes has a smaller mean square error over the training states.
#[derive(Clone, Debug, PartialEq)]
pub struct Pod {
    /// The mean state.
    mean: Vec<f64>,
    /// The scale of each number of a state; all points of a channel share it.
    scale: Vec<f64>,
    /// The modes, [mode, number of a state]. Modes that the training states do not need are 0.
    modes: Vec<f64>,
    /// The fraction of the variance of the scaled training states that the modes hold.
    kept: f64,
}

impl Pod {
    /// The `modes` modes of some training trajectories on a grid of so many points, and of no others.
    ///
    /// # Panics
    /// If the states are not whole channels, or if there are no training samples.
    pub fn fit(runs: &Trajectories, train: &[usize], points: usize, modes: usize) -> Self {
        let dim = runs.dim();
        assert_eq!(dim % points, 0, "whole channels");
        let all: Vec<(usize, usize)> =
            train.iter().flat_map(|&run| (0..runs.samples(run)).map(move |i| (run, i))).collect();
        let mut mean = vec![0.0; dim];
        for &(run, i) in &all {
            mean.iter_mut().zip(runs.state(run, i)).for_each(|(mean, u)| *mean += u / all.len() as f64);
        }
        let mut squares = vec![0.0; dim / points];
        for &(run, i) in &all {
            for (j, (u, mean)) in runs.state(run, i).iter().zip(&mean).enumerate() {
                squares[j / points] += (u - mean).powi(2);
            }
        }
        let scales = squares.iter().map(|squares| (squares / (all.len() * points) as f64).sqrt());
        let scale: Vec<f64> = scales
            .flat_map(|scale| std::iter::repeat_n(if scale > 0.0 { scale } else { 1.0 }, points))
            .collect();

        // Evenly spaced over all trajectories.
        let count = all.len().min(MOST_SNAPSHOTS);
        let mut snapshots = DMatrix::zeros(dim, count);
        for (number, mut snapshot) in snapshots.column_iter_mut().enumerate() {
            let (run, i) = all[number * all.len() / count];
            let state = runs.state(run, i).iter().zip(&mean).zip(&scale);
            snapshot.iter_mut().zip(state).for_each(|(x, ((u, mean), scale))| *x = (u - mean) / scale);
        }
        let all = snapshots.norm_squared();
        let Subspace { basis, singular_values } = subspace::leading(&snapshots, modes);
        let held: f64 = singular_values.iter().map(|value| value * value).sum();
        let mut found = basis.as_slice().to_vec();
        found.resize(modes * dim, 0.0);
        let kept = if all > 0.0 { (held / all).min(1.0) } else { 1.0 };
        Pod { mean, scale, modes: found, kept }
    }

    /// The decomposition with these parts, as [`Pod::parts`] gives them; `None` if their lengths do not belong together.
    pub fn of_parts([mean, scale, modes, kept]: [Vec<f64>; 4]) -> Option<Self> {
        let dim = mean.len();
        let fits = dim > 0 && scale.len() == dim && !modes.is_empty() && modes.len() % dim == 0;
        let &[kept] = kept.as_slice() else { return None };
        fits.then_some(Pod { mean, scale, modes, kept })
    }

    /// Its parts with their names: `mean` and `scale` \[number of a state\], `modes` \[mode, number of a state\], and the
    /// fraction of the variance that they keep.
    pub fn parts(&self) -> [(&'static str, Vec<f64>); 4] {
        [
            ("mean", self.mean.clone()),
            ("scale", self.scale.clone()),
            ("modes", self.modes.clone()),
            ("kept", vec![self.kept]),
        ]
    }

    /// The numbers of a state.
    pub fn dim(&self) -> usize {
        self.mean.len()
    }

    /// The number of modes.
    pub fn modes(&self) -> usize {
        self.modes.len() / self.dim()
    }

    /// The number of modes that the training states need; the others are 0.
    pub fn needed(&self) -> usize {
        self.modes.chunks_exact(self.dim()).filter(|mode| mode.iter().any(|x| *x != 0.0)).count()
    }

    /// The fraction of the variance of the scaled training states that the modes hold.
    pub fn kept(&self) -> f64 {
        self.kept
    }

    /// Writes the coefficients of states: from [state, number of a state] to [state, mode].
    pub fn project(&self, states: &[f64], coefficients: &mut [f64]) {
        let dim = self.dim();
        let mut scaled = vec![0.0; dim];
        for (state, coefficients) in states.chunks_exact(dim).zip(coefficients.chunks_exact_mut(self.modes()))
        {
            for (x, ((u, mean), scale)) in
                scaled.iter_mut().zip(state.iter().zip(&self.mean).zip(&self.scale))
            {
                *x = (u - mean) / scale;
            }
            for (coefficient, mode) in coefficients.iter_mut().zip(self.modes.chunks_exact(dim)) {
                *coefficient = dot(&scaled, mode);
            }
        }
    }

    /// Writes the states of coefficients: from [state, mode] to [state, number of a state].
    pub fn reconstruct(&self, coefficients: &[f64], states: &mut [f64]) {
        let dim = self.dim();
        for (coefficients, state) in coefficients.chunks_exact(self.modes()).zip(states.chunks_exact_mut(dim))
        {
            state.fill(0.0);
            for (coefficient, mode) in coefficients.iter().zip(self.modes.chunks_exact(dim)) {
                state.iter_mut().zip(mode).for_each(|(u, mode)| *u += coefficient * mode);
            }
            for (u, (mean, scale)) in state.iter_mut().zip(self.mean.iter().zip(&self.scale)) {
                *u = mean + scale * *u;
            }
        }
    }

    /// The root mean square error of the states of some trajectories after reduction, with each number of a state divided by its
    /// entry of `std`.
    pub fn error(&self, runs: &Trajectories, std: &[f64]) -> f64 {
        let (mut coefficients, mut back) = (vec![0.0; self.modes()], vec![0.0; self.dim()]);
        let mut sum = 0.0;
        for state in runs.u().chunks_exact(self.dim()) {
            self.project(state, &mut coefficients);
            self.reconstruct(&coefficients, &mut back);
            sum += state.iter().zip(&back).zip(std).map(|((u, v), std)| ((u - v) / std).powi(2)).sum::<f64>();
        }
        (sum / runs.u().len() as f64).sqrt()
    }

    /// The coefficients of trajectories of states, with the same times and known inputs.
    pub fn reduce(&self, runs: &Trajectories) -> Trajectories {
        let segments = (0..runs.count()).map(|run| {
            let samples = runs.samples(run);
            let mut coefficients = vec![0.0; samples * self.modes()];
            self.project(runs.states(run, 0..samples), &mut coefficients);
            Segment {
                start: runs.time(run, 0),
                u: coefficients,
                known: (0..samples).flat_map(|i| runs.known_at(run, i)).copied().collect(),
            }
        });
        Trajectories::of_segments(runs.dt(), [self.modes(), runs.known_dim()], segments)
    }
}

/// The scalar product, in several sums that a processor adds at the same time.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    const LANES: usize = 8;
    let mut sums = [0.0; LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use trajectory::Times;

    /// Trajectories on 16 points of two channels, u = 3 + 2 a sin x + 0.1 b cos 2x and v = 100 u, with amplitudes that
    /// differ in time and between trajectories.
    fn runs(count: usize, samples: usize) -> Trajectories {
        let mut u = Vec::new();
        for i in 0..count * samples {
            let (a, b) = ((1.3 * i as f64).sin(), (0.7 * i as f64).cos());
            let at = |j: usize| {
                let x = std::f64::consts::TAU * j as f64 / 16.0;
                3.0 + 2.0 * a * x.sin() + 0.1 * b * (2.0 * x).cos()
            };
            u.extend((0..16).map(at));
            u.extend((0..16).map(|j| 100.0 * at(j)));
        }
        Trajectories::new(Times::new(0.5, samples - 1).unwrap(), [32, 0], u, vec![])
    }

    fn apart(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).fold(0.0, |most: f64, (a, b)| most.max((a - b).abs() / b.abs()))
    }

    #[test]
    fn states_of_two_waves_need_two_modes() {
        let runs = runs(5, 20);
        for modes in [2, 6] {
            let pod = Pod::fit(&runs, &[0, 1, 2], 16, modes);
            assert_eq!((pod.dim(), pod.modes(), pod.needed()), (32, modes, 2));
            assert!((pod.kept() - 1.0).abs() < 1e-12);
            // Also those of trajectories that it has not seen.
            let reduced = pod.reduce(&runs);
            assert_eq!((reduced.count(), reduced.dim(), reduced.time(4, 3)), (5, modes, 1.5));
            let mut back = vec![0.0; runs.u().len()];
            pod.reconstruct(reduced.u(), &mut back);
            assert!(apart(&back, runs.u()) < 1e-12, "{}", apart(&back, runs.u()));
        }
        // The sine has 400 times the variance of the cosine, and both channels have a standard deviation of 1.
        let pod = Pod::fit(&runs, &[0, 1, 2], 16, 1);
        assert!((pod.kept() - 400.0 / 401.0).abs() < 1e-3, "{}", pod.kept());
        let mode: Vec<f64> =
            (0..16).map(|j| (std::f64::consts::TAU * f64::from(j) / 16.0).sin() / 4.0).collect();
        let sign = pod.modes[4].signum();
        for (found, right) in pod.modes.iter().zip(mode.iter().chain(&mode)) {
            assert!((found * sign - right).abs() < 1e-2, "{found} {right}");
        }
    }

    #[test]
    fn the_error_of_the_training_states_is_the_variance_that_is_left_out() {
        let runs = runs(3, 30);
        let pod = Pod::fit(&runs, &[0, 1, 2], 16, 1);
        let mut back = vec![0.0; runs.u().len()];
        pod.reconstruct(pod.reduce(&runs).u(), &mut back);
        let error: f64 = back
            .iter()
            .zip(runs.u())
            .enumerate()
            .map(|(i, (a, b))| ((a - b) / pod.scale[i % 32]).powi(2) / runs.u().len() as f64)
            .sum();
        assert!((error - (1.0 - pod.kept())).abs() < 1e-10, "{error} {}", 1.0 - pod.kept());
    }

    #[test]
    fn it_is_fitted_to_the_training_part_alone() {
        let runs = runs(3, 10);
        let mut u = runs.u().to_vec();
        u[20 * 32..].iter_mut().for_each(|u| *u = 1e6 - *u);
        let others = Trajectories::new(Times::new(0.5, 9).unwrap(), [32, 0], u, vec![]);
        assert_eq!(Pod::fit(&runs, &[0, 1], 16, 4), Pod::fit(&others, &[0, 1], 16, 4));
    }

    #[test]
    fn it_comes_back_from_its_parts_and_others_are_refused() {
        let pod = Pod::fit(&runs(2, 10), &[0, 1], 16, 3);
        let parts = || pod.parts().map(|(_, part)| part);
        assert_eq!(Pod::of_parts(parts()), Some(pod.clone()));
        for part in 0..4 {
            let mut other = parts();
            other[part].push(1.0);
            assert_eq!(Pod::of_parts(other), None, "{part}");
            let mut none = parts();
            none[part].clear();
            assert_eq!(Pod::of_parts(none), None, "{part}");
        }
    }

    #[test]
    fn a_constant_field_has_no_modes() {
        let u = vec![2.5; 3 * 8];
        let still = Trajectories::new(Times::new(1.0, 2).unwrap(), [8, 0], u.clone(), vec![]);
        let pod = Pod::fit(&still, &[0], 8, 4);
        assert_eq!((pod.needed(), pod.kept()), (0, 1.0));
        let mut back = vec![0.0; 24];
        pod.reconstruct(pod.reduce(&still).u(), &mut back);
        assert_eq!(back, u);
    }
}
