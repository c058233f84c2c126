//! Exponents from the growth of tangent vectors, with their errors, and the dimension that follows from them.

use serde::{Deserialize, Serialize};

/// Estimates on the way to the last.
pub const CHECKPOINTS: usize = 16;

/// Growth of tangent vectors along one trajectory: at some times the sums of the logarithms of the lengths they had.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// Times since the transient, ascending.
    pub times: Vec<f64>,
    /// Of each time those of each exponent.
    pub logarithms: Vec<Vec<f64>>,
}

/// Exponents with their standard errors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Time for which each trajectory was followed.
    pub time: f64,
    /// The exponents per unit of time, as the vectors come: from the largest, but for what their errors leave open.
    pub exponents: Vec<f64>,
    /// Their standard errors, from the spread over trajectories.
    pub standard_errors: Vec<f64>,
}

/// A spectrum of Lyapunov exponents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spectrum {
    /// The result.
    #[serde(flatten)]
    pub estimate: Estimate,
    /// Independent trajectories.
    pub trajectories: usize,
    /// The dimension of the attractor by the formula of Kaplan and Yorke (1979), and its standard error; none where the
    /// sum of the exponents that are known is still positive, or would be without one of the trajectories.
    pub kaplan_yorke: Option<[f64; 2]>,
    /// What was known on the way.
    pub convergence: Vec<Estimate>,
}

impl Spectrum {
    /// From trajectories that were followed over the same times; at least two.
    pub fn new(histories: &[History]) -> Self {
        let convergence: Vec<Estimate> =
            (0..histories[0].times.len()).map(|i| Estimate::new(histories, i)).collect();
        let last = convergence.len() - 1;
        let count = histories.len();
        let means = |leaving_out: Option<usize>| -> Vec<f64> {
            let kept = (0..count).filter(|&i| Some(i) != leaving_out);
            (0..histories[0].logarithms[last].len())
                .map(|k| {
                    let sum: f64 = kept
                        .clone()
                        .map(|i| histories[i].logarithms[last][k] / histories[i].times[last])
                        .sum();
                    sum / kept.clone().count() as f64
                })
                .collect()
        };
        // A sum that is not known to be negative counts as none: at a limit cycle the largest exponent is 0, and comes
        // out a little above or below.
        let time = histories[0].times[last];
        let noise = 2.0 / time + 3.0 * convergence[last].standard_errors[0];
        // The dimension is no linear function: its error by the jackknife.
        let others: Option<Vec<f64>> = (0..count).map(|i| kaplan_yorke(&means(Some(i)), noise)).collect();
        let kaplan_yorke = kaplan_yorke(&means(None), noise).zip(others).map(|(dimension, others)| {
            let mean = others.iter().sum::<f64>() / count as f64;
            let squares: f64 = others.iter().map(|x| (x - mean).powi(2)).sum();
            [dimension, (squares * (count - 1) as f64 / count as f64).sqrt()]
        });
        Spectrum { estimate: convergence[last].clone(), trajectories: count, kaplan_yorke, convergence }
    }
}

impl Estimate {
    fn new(histories: &[History], at: usize) -> Self {
        let (count, time) = (histories.len() as f64, histories[0].times[at]);
        let rates = |k: usize| histories.iter().map(move |h| h.logarithms[at][k] / h.times[at]);
        let exponents: Vec<f64> =
            (0..histories[0].logarithms[at].len()).map(|k| rates(k).sum::<f64>() / count).collect();
        let standard_errors = exponents
            .iter()
            .enumerate()
            .map(|(k, mean)| {
                let squares: f64 = rates(k).map(|rate| (rate - mean).powi(2)).sum();
                (squares / (count - 1.0) / count).sqrt()
            })
            .collect();
        Estimate { time, exponents, standard_errors }
    }
}

/// The number of exponents whose sum is not negative, and the part of the next one that brings the sum to 0 (Kaplan and
/// Yorke 1979); sums within `noise` of 0 are not negative. None where the sum of all is not: of too few exponents, or of
/// a system that does not contract.
pub fn kaplan_yorke(exponents: &[f64], noise: f64) -> Option<f64> {
    let mut sum = 0.0;
    for (i, exponent) in exponents.iter().enumerate() {
        if sum + exponent < -noise {
            return Some(i as f64 + sum.max(0.0) / exponent.abs());
        }
        sum += exponent;
    }
    None
}

/// Of histories that end at several of the same times: those that reach the time to which most is known, that is the sum
/// of their times is largest, cut to that time.
pub(super) fn known_in_common(mut histories: Vec<History>) -> Vec<History> {
    let reach = |common: usize| histories.iter().filter(|history| history.times.len() >= common).count();
    let some = (1..=CHECKPOINTS).filter(|&common| reach(common) > 1);
    let Some(common) = some.max_by_key(|&common| common * reach(common)) else { return vec![] };
    histories.retain(|history| history.times.len() >= common);
    for history in &mut histories {
        history.times.truncate(common);
        history.logarithms.truncate(common);
    }
    histories
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dimension_is_that_of_kaplan_and_yorke() {
        assert_eq!(kaplan_yorke(&[1.0, 0.0, -4.0], 0.0), Some(2.25));
        assert_eq!(kaplan_yorke(&[-1.0, -2.0], 0.0), Some(0.0));
        assert_eq!(kaplan_yorke(&[1.0, -0.5], 0.0), None);
        assert_eq!(kaplan_yorke(&[0.5, -0.5], 0.0), None);
        assert_eq!(kaplan_yorke(&[-1e-5, -1.0], 1e-3), Some(1.0));
    }

    #[test]
    fn a_dimension_that_hangs_on_one_trajectory_is_not_told() {
        let history = |of_second: f64| History { times: vec![100.0], logarithms: vec![vec![1.0, of_second]] };
        let of = |seconds: &[f64]| {
            let histories: Vec<History> = seconds.iter().map(|&second| history(second)).collect();
            Spectrum::new(&histories).kaplan_yorke
        };
        let [dimension, error] = of(&[-100.0, -110.0, -120.0]).unwrap();
        assert!((dimension - (1.0 + 1.0 / 110.0)).abs() < 1e-12 && error > 0.0, "{dimension} +- {error}");
        // without the last the sum of the means is positive
        assert_eq!(of(&[0.0, 0.0, -120.0]), None);
    }

    #[test]
    fn most_is_made_of_histories_that_were_broken_off() {
        let lengths = |given: &[usize]| -> Vec<usize> {
            let whole = |length: usize| History {
                times: (0..length).map(|i| i as f64).collect(),
                logarithms: vec![vec![0.0]; length],
            };
            let kept = known_in_common(given.iter().map(|&length| whole(length)).collect());
            assert!(kept.iter().all(|history| history.logarithms.len() == history.times.len()));
            kept.iter().map(|history| history.times.len()).collect()
        };
        assert_eq!(lengths(&[16, 16, 16, 3, 0]), [16, 16, 16]);
        assert_eq!(lengths(&[16, 12, 1, 0]), [12, 12]);
        assert_eq!(lengths(&[16, 16, 15, 15, 15]), [15; 5]);
        // as much of two as of four: the longer
        assert_eq!(lengths(&[8, 8, 4, 4]), [8, 8]);
        assert_eq!(lengths(&[16, 0]), [0; 0]);
        assert_eq!(lengths(&[]), [0; 0]);
    }
}
