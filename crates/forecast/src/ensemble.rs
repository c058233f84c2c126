//! Scores of several forecasts from one start, as draws from a distribution.
//!
//! **Continuous ranked probability score** of a distribution F with draws X, X' against the truth y (Gneiting and
//! Raftery 2007, "Strictly proper scoring rules, prediction, and estimation", equations 20 and 21, here with the sign
//! that makes less better):
//!
//! CRPS = integral (F(x) - 1{x >= y})^2 dx = E|X - y| - 1/2 E|X - X'|
//!
//! From M members x_m it is estimated by the fair version (Ferro 2014, "Fair scores for ensemble forecasts"), whose
//! expectation is that of the distribution the members are drawn from, whatever M:
//!
//! mean_m |x_m - y| - 1 / (2 M (M - 1)) sum_m sum_n |x_m - x_n|
//!
//! For a single forecast the second term is left out: its score is the absolute error.
//!
//! **Spread and error** (Fortin et al. 2014, "Why should ensemble spread match the RMSE of the ensemble mean?"): if
//! the truth is as one more draw, then over many starts the squared error of the mean of the members is (M + 1) / M
//! times their variance (with M - 1 in its denominator). So the spread is sqrt((M + 1) / M mean variance), the error
//! the root mean square of that of the mean, and their ratio 1 of an ensemble that knows what it does not know, less
//! of one that is too sure.
//!
//! All in standard deviations of the training data, averaged over the components and over the starts whose truth
//! holds.

use serde::{Deserialize, Serialize};

use crate::finite;

/// How well an ensemble knows its uncertainty, see the head of `ensemble.rs`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnsembleScores {
    /// Forecasts from each start.
    pub members: usize,
    /// Time units over which the following are taken: the first Lyapunov time, or the horizon of `nrmse` where there
    /// is no exponent.
    pub horizon: f64,
    /// Fair continuous ranked probability score, mean over the horizon.
    #[serde(with = "finite")]
    pub crps: f64,
    /// Root mean square over the horizon of the spread.
    #[serde(with = "finite")]
    pub spread: f64,
    /// Root mean square over the horizon of the error of the ensemble mean.
    #[serde(with = "finite")]
    pub error: f64,
    /// `spread` over `error`.
    #[serde(with = "finite")]
    pub spread_to_error: f64,
    /// The same against time.
    pub growth: EnsembleGrowth,
}

/// Scores of an ensemble against time, at the times of the error growth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnsembleGrowth {
    /// Time units since the start.
    pub time: Vec<f64>,
    /// Fair continuous ranked probability score.
    #[serde(with = "finite::list")]
    pub crps: Vec<f64>,
    /// Spread.
    #[serde(with = "finite::list")]
    pub spread: Vec<f64>,
    /// Error of the ensemble mean.
    #[serde(with = "finite::list")]
    pub error: Vec<f64>,
}

/// The fair continuous ranked probability score of one or more members against the truth: see the head of
/// `ensemble.rs`. Sorts the members. Infinite where one of them is not finite.
pub fn crps(members: &mut [f64], truth: f64) -> f64 {
    if !members.iter().all(|x| x.is_finite()) {
        return f64::INFINITY;
    }
    members.sort_unstable_by(f64::total_cmp);
    let count = members.len() as f64;
    let error = members.iter().map(|x| (x - truth).abs()).sum::<f64>() / count;
    if members.len() < 2 {
        return error;
    }
    // In ascending order x_i is added i times and taken off M - 1 - i times in the sum over pairs.
    let pairs: f64 = members.iter().enumerate().map(|(i, x)| (2.0 * i as f64 + 1.0 - count) * x).sum();
    error - pairs / (count * (count - 1.0))
}

/// Sums over the starts at one sample of the forecast.
#[derive(Clone, Copy, Default)]
struct Sums {
    starts: f64,
    crps: f64,
    variance: f64,
    square: f64,
}

/// What the scores of an ensemble are made from, gathered while it runs.
pub(crate) struct Tally {
    members: usize,
    steps: Vec<Sums>,
    scratch: Vec<f64>,
}

impl Tally {
    pub(crate) fn new(members: usize, steps: usize) -> Self {
        Tally { members, steps: vec![Sums::default(); steps], scratch: vec![0.0; members] }
    }

    /// Adds the `states` [member, component] of one start at a step.
    pub(crate) fn add(&mut self, step: usize, states: &[f64], truth: &[f64], std: &[f64]) {
        let (dim, count) = (truth.len(), self.members as f64);
        let sums = &mut self.steps[step];
        sums.starts += 1.0;
        for j in 0..dim {
            for (x, state) in self.scratch.iter_mut().zip(states.chunks_exact(dim)) {
                *x = state[j] / std[j];
            }
            let truth = truth[j] / std[j];
            let mean = self.scratch.iter().sum::<f64>() / count;
            let squares: f64 = self.scratch.iter().map(|x| (x - mean).powi(2)).sum();
            sums.variance += squares / (count - 1.0) / dim as f64;
            sums.square += (mean - truth).powi(2) / dim as f64;
            sums.crps += crps(&mut self.scratch, truth) / dim as f64;
        }
    }

    /// The scores over the first `horizon` samples, and at the samples `shown`.
    pub(crate) fn scores(
        &self,
        horizon: usize,
        shown: impl Iterator<Item = usize> + Clone,
        dt: f64,
    ) -> EnsembleScores {
        let horizon = horizon.clamp(1, self.steps.len().max(1)).min(self.steps.len());
        let over = self.steps[..horizon].iter().fold(Sums::default(), |a, b| Sums {
            starts: a.starts + b.starts,
            crps: a.crps + b.crps,
            variance: a.variance + b.variance,
            square: a.square + b.square,
        });
        let at = |of: fn(&Sums, f64) -> f64| {
            shown.clone().map(|step| of(&self.steps[step], self.members as f64)).collect()
        };
        let (spread, error) = (spread(&over, self.members as f64), error(&over, 0.0));
        EnsembleScores {
            members: self.members,
            horizon: horizon as f64 * dt,
            crps: score(&over, 0.0),
            spread,
            error,
            spread_to_error: infinite(spread / error),
            growth: EnsembleGrowth {
                time: shown.clone().map(|step| (step + 1) as f64 * dt).collect(),
                crps: at(score),
                spread: at(self::spread),
                error: at(self::error),
            },
        }
    }
}

fn score(sums: &Sums, _members: f64) -> f64 {
    infinite(sums.crps / sums.starts)
}

fn spread(sums: &Sums, members: f64) -> f64 {
    infinite(((members + 1.0) / members * sums.variance / sums.starts).sqrt())
}

fn error(sums: &Sums, _members: f64) -> f64 {
    infinite((sums.square / sums.starts).sqrt())
}

/// What is not a number came of a forecast that is not finite.
pub(crate) fn infinite(x: f64) -> f64 {
    if x.is_nan() { f64::INFINITY } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::{PI, TAU};
    use trajectory::random::{Stream, stream, uniform};

    fn normal(stream: &mut Stream) -> f64 {
        (-2.0 * (1.0 - uniform(stream)).ln()).sqrt() * (TAU * uniform(stream)).cos()
    }

    #[test]
    fn the_score_of_three_members_is_that_by_hand() {
        // |x - y|: 2, 1, 3, mean 2; differences 1, 5, 4: sum over ordered pairs 20, over 2 * 3 * 2.
        assert!((crps(&mut [1.0, 2.0, 6.0], 3.0) - (2.0 - 20.0 / 12.0)).abs() < 1e-15);
        assert!((crps(&mut [6.0, 1.0, 2.0], 3.0) - (2.0 - 20.0 / 12.0)).abs() < 1e-15);
        assert_eq!(crps(&mut [1.0, f64::NAN], 3.0), f64::INFINITY);
    }

    #[test]
    fn the_score_of_one_forecast_is_its_absolute_error() {
        assert_eq!(crps(&mut [-1.5], 1.0), 2.5);
        assert_eq!(crps(&mut [2.0; 4], 3.25), 1.25);
    }

    #[test]
    fn the_score_of_gaussian_members_is_the_closed_form_whatever_their_number() {
        // Gneiting et al. 2005, "Calibrated probabilistic forecasting using ensemble model output statistics and
        // minimum CRPS estimation", equation 5, with z = (y - mu) / sigma:
        // sigma (z (2 Phi(z) - 1) + 2 phi(z) - 1 / sqrt pi)
        let (mu, sigma, y) = (1.0, 2.0, 2.4);
        let z = (y - mu) / sigma;
        let phi = |z: f64| (-0.5 * z * z).exp() / TAU.sqrt();
        let from_0_to_z = (0..1000).map(|i| phi((f64::from(i) + 0.5) * z / 1e3) * z / 1e3).sum::<f64>();
        let exact = sigma * (z * 2.0 * from_0_to_z + 2.0 * phi(z) - 1.0 / PI.sqrt());
        for members in [2, 5, 40] {
            let trials = 400_000 / members;
            let mut draws = stream(2, "test", members as u64);
            let mean = (0..trials)
                .map(|_| {
                    let mut drawn: Vec<f64> = (0..members).map(|_| mu + sigma * normal(&mut draws)).collect();
                    crps(&mut drawn, y)
                })
                .sum::<f64>()
                / trials as f64;
            assert!((mean / exact - 1.0).abs() < 0.02, "{members} members: {mean}, exact {exact}");
        }
    }

    #[test]
    fn an_ensemble_that_knows_its_uncertainty_has_a_ratio_of_1() {
        let (mut draws, mut tally, mut sure) = (stream(3, "test", 0), Tally::new(5, 2), Tally::new(5, 2));
        for _ in 0..20_000 {
            for step in 0..2 {
                // truth and members are drawn alike about a centre that no one knows
                let centre = [10.0 * normal(&mut draws), normal(&mut draws)];
                let mut draw = |scale: f64| {
                    let scale = scale * (step + 1) as f64;
                    [centre[0] + 3.0 * scale * normal(&mut draws), centre[1] + scale * normal(&mut draws)]
                };
                let truth = draw(1.0);
                let members: Vec<f64> = (0..5).flat_map(|_| draw(1.0)).collect();
                tally.add(step, &members, &truth, &[3.0, 1.0]);
                let members: Vec<f64> = (0..5).flat_map(|_| draw(0.5)).collect();
                sure.add(step, &members, &truth, &[3.0, 1.0]);
            }
        }
        let scores = tally.scores(1, 0..2, 0.5);
        assert_eq!((scores.members, scores.horizon, &scores.growth.time), (5, 0.5, &vec![0.5, 1.0]));
        assert!((scores.spread_to_error - 1.0).abs() < 0.02, "{scores:?}");
        // the mean of 5 is off by sqrt(1 + 1/5), twice as much one step later
        assert!((scores.error - 1.2f64.sqrt()).abs() < 0.02 && scores.error == scores.growth.error[0]);
        assert!((scores.growth.error[1] / scores.error - 2.0).abs() < 0.04);
        assert!((scores.growth.spread[1] / scores.spread - 2.0).abs() < 0.04);
        // of a standard normal truth and members: E|X - y| - E|X - X'| / 2 = 1 / sqrt pi
        assert!((scores.crps - 1.0 / PI.sqrt()).abs() < 0.01, "{scores:?}");
        let sure = sure.scores(2, 0..2, 0.5);
        assert!(sure.spread_to_error < 0.6 && sure.crps > scores.crps, "{sure:?}");
    }

    #[test]
    fn a_member_that_is_not_finite_makes_every_score_infinite() {
        let mut tally = Tally::new(2, 1);
        tally.add(0, &[1.0, f64::INFINITY], &[0.0], &[1.0]);
        let scores = tally.scores(9, 0..1, 1.0);
        assert_eq!((scores.crps, scores.spread, scores.error), (f64::INFINITY, f64::INFINITY, f64::INFINITY));
        let json = serde_json::to_string(&scores).unwrap();
        assert_eq!(serde_json::from_str::<EnsembleScores>(&json).unwrap(), scores);
    }
}
