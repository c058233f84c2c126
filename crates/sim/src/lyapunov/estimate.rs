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
    /// The exponents per unit of time, in descending order.
    pub exponents: Vec<f64>,
    /// The standard error of each exponent, from the spread over trajectories. When the growth of all trajectories rises
    /// and falls together, as it does for copies of one trajectory, that spread says nothing; then the error comes from
    /// the spread over successive parts of the time.
    pub standard_errors: Vec<f64>,
}

/// A spectrum of Lyapunov exponents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spectrum {
    /// The result.
    #[serde(flatten)]
    pub estimate: Estimate,
    /// Number of trajectories.
    pub trajectories: usize,
    /// The dimension of the attractor by the formula of Kaplan and Yorke (1979), and its standard error; none where the
    /// sum of the exponents that are known is still positive, or would be without one of the trajectories.
    pub kaplan_yorke: Option<[f64; 2]>,
    /// The estimates after shorter times, and the final one.
    pub convergence: Vec<Estimate>,
}

impl Spectrum {
    /// From trajectories that were followed over the same times; at least two.
    pub fn new(histories: &[History]) -> Self {
        let together: Vec<Option<f64>> =
            (0..histories[0].logarithms[0].len()).map(|k| spread_in_time(histories, k)).collect();
        let convergence: Vec<Estimate> =
            (0..histories[0].times.len()).map(|i| Estimate::new(histories, i, &together)).collect();
        let last = convergence[convergence.len() - 1].clone();
        // A sum that is not known to be negative counts as none: at a limit cycle the largest exponent is 0, and comes
        // out a little above or below.
        let noise = 2.0 / last.time + 3.0 * last.standard_errors[0];
        // The dimension is not a linear function of the exponents, so its error comes from the jackknife. That leaves
        // out each trajectory in turn or, for copies of one trajectory, each part of the time.
        let without_one = (0..histories.len()).map(|out| {
            let kept: Vec<&History> =
                (0..histories.len()).filter(|&i| i != out).map(|i| &histories[i]).collect();
            mean_rates(&kept, last.exponents.len())
        });
        let mut error = jackknife(without_one, noise);
        if together.iter().any(Option::is_some) {
            let parts: Vec<Vec<f64>> = (0..last.exponents.len())
                .map(|k| mean_over(histories.iter().map(|history| history.rates_of_parts(k))))
                .collect();
            let without_one = (0..parts[0].len()).map(|out| {
                let mean = |part: &Vec<f64>| (part.iter().sum::<f64>() - part[out]) / (part.len() - 1) as f64;
                parts.iter().map(mean).collect()
            });
            error = error.zip(jackknife(without_one, noise)).map(|(a, b)| a.max(b));
        }
        let dimension = kaplan_yorke(&last.exponents, noise);
        let kaplan_yorke = dimension.zip(error).map(|(dimension, error)| [dimension, error]);
        Spectrum { estimate: last, trajectories: histories.len(), kaplan_yorke, convergence }
    }
}

impl Estimate {
    /// The estimate after the first `at + 1` times. If the trajectories grow [`together`](spread_in_time), the errors come
    /// from the spread of each exponent between parts of the time.
    fn new(histories: &[History], at: usize, together: &[Option<f64>]) -> Self {
        let (count, time) = (histories.len() as f64, histories[0].times[at]);
        let with_error = |k: usize| {
            let rates = || histories.iter().map(|history| history.logarithms[at][k] / history.times[at]);
            let mean = rates().sum::<f64>() / count;
            let squares: f64 = rates().map(|rate| (rate - mean).powi(2)).sum();
            let over_trajectories = (squares / (count - 1.0) / count).sqrt();
            let over_parts = together[k].map_or(0.0, |spread| spread / ((at + 1) as f64).sqrt());
            (mean, over_trajectories.max(over_parts))
        };
        let mut found: Vec<(f64, f64)> = (0..together.len()).map(with_error).collect();
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        let (exponents, standard_errors) = found.into_iter().unzip();
        Estimate { time, exponents, standard_errors }
    }
}

impl History {
    /// The rate of growth of exponent `k` in each of the successive parts of the time.
    fn rates_of_parts(&self, k: usize) -> Vec<f64> {
        let mut before = (0.0, 0.0);
        let rate = |(&time, of): (&f64, &Vec<f64>)| {
            let (passed, growth) = (time - before.0, of[k] - before.1);
            before = (time, of[k]);
            growth / passed
        };
        self.times.iter().zip(&self.logarithms).map(rate).collect()
    }
}

/// Trajectories whose growth has at least this correlation count as copies of one. Over [`CHECKPOINTS`] parts of the
/// time without the first quarter, the correlation of two independent trajectories is 0, give or take 0.3.
const COPIES: f64 = 0.8;

/// The standard deviation, between parts of the time, of the growth of exponent `k` along one trajectory, if the growth
/// of all trajectories rises and falls together; none if the trajectories are independent. Growth is together for copies
/// of one trajectory and for trajectories that are still settling.
fn spread_in_time(histories: &[History], k: usize) -> Option<f64> {
    // Without a transient, vectors are still turning to their directions in the first quarter of the time, and each grows
    // in its own way; so that quarter is left out.
    let settled = |history: &History| {
        let rates = history.rates_of_parts(k);
        rates[rates.len() / 4..].to_vec()
    };
    let rates: Vec<Vec<f64>> = histories.iter().map(settled).collect();
    let (count, parts) = (rates.len() as f64, rates[0].len());
    if parts < 3 {
        return None;
    }
    let deviations: Vec<Vec<f64>> = rates
        .iter()
        .map(|rates| {
            let mean = rates.iter().sum::<f64>() / parts as f64;
            rates.iter().map(|rate| rate - mean).collect()
        })
        .collect();
    let squares = deviations.iter().flatten().map(|x| x * x).sum::<f64>() / count;
    let in_common: f64 = mean_over(deviations.into_iter()).iter().map(|x| x * x).sum();
    // the mean over all pairs of trajectories; NaN where nothing changes
    let correlation = (count * in_common / squares - 1.0) / (count - 1.0);
    (correlation > COPIES).then(|| (squares / (parts - 1) as f64).sqrt())
}

/// The mean of several lists, number by number.
fn mean_over(lists: impl ExactSizeIterator<Item = Vec<f64>>) -> Vec<f64> {
    let count = lists.len() as f64;
    let mut sums: Vec<f64> = vec![];
    for list in lists {
        sums.resize(list.len(), 0.0);
        sums.iter_mut().zip(list).for_each(|(sum, x)| *sum += x / count);
    }
    sums
}

/// The mean rate of each exponent over the whole time.
fn mean_rates(histories: &[&History], exponents: usize) -> Vec<f64> {
    let rate = |history: &&History, k: usize| {
        let last = history.times.len() - 1;
        history.logarithms[last][k] / history.times[last]
    };
    let sum = |k| histories.iter().map(|history| rate(history, k)).sum::<f64>();
    (0..exponents).map(|k| sum(k) / histories.len() as f64).collect()
}

/// The standard error of the dimension, from the exponents with each part of the data left out in turn; none if one of
/// these sets of exponents has no dimension.
fn jackknife(without_one: impl Iterator<Item = Vec<f64>>, noise: f64) -> Option<f64> {
    let dimensions: Option<Vec<f64>> = without_one.map(|exponents| kaplan_yorke(&exponents, noise)).collect();
    dimensions.map(|dimensions| {
        let count = dimensions.len() as f64;
        let mean = dimensions.iter().sum::<f64>() / count;
        let squares: f64 = dimensions.iter().map(|x| (x - mean).powi(2)).sum();
        (squares * (count - 1.0) / count).sqrt()
    })
}

/// The Kaplan-Yorke dimension (1979): the number of exponents, from the largest, whose sum is not negative, plus the
/// fraction of the next one that brings the sum to 0. Sums within `noise` of 0 count as not negative. None if the sum of
/// all exponents is not negative, because there are too few of them or the system does not contract. The exponents may
/// come in any order.
pub fn kaplan_yorke(exponents: &[f64], noise: f64) -> Option<f64> {
    let mut descending = exponents.to_vec();
    descending.sort_by(|a, b| b.total_cmp(a));
    let mut sum = 0.0;
    for (i, exponent) in descending.iter().enumerate() {
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
        // in any order: the sum first becomes negative at the third largest
        assert_eq!(kaplan_yorke(&[0.1, -0.2, 0.0], 0.0), Some(2.5));
    }

    #[test]
    fn exponents_come_in_descending_order_each_with_its_error() {
        let rates = [[-0.2, 0.0, 0.11], [-0.22, 0.0, 0.13], [-0.24, 0.0, 0.12]];
        let history = |rates: &[f64; 3]| History {
            times: vec![50.0, 100.0],
            logarithms: vec![rates.map(|rate| 50.0 * rate).to_vec(), rates.map(|rate| 100.0 * rate).to_vec()],
        };
        let found = Spectrum::new(&rates.each_ref().map(history));
        for Estimate { exponents, standard_errors, .. } in &found.convergence {
            // standard deviations of 0.01, 0 and 0.02 over the root of three
            for (found, right) in exponents.iter().zip([0.12, 0.0, -0.22]) {
                assert!((found - right).abs() < 1e-12, "{exponents:?}");
            }
            for (found, right) in standard_errors.iter().zip([0.01, 0.0, 0.02]) {
                assert!((found - right / 3f64.sqrt()).abs() < 1e-12, "{standard_errors:?}");
            }
        }
        let [dimension, error] = found.kaplan_yorke.unwrap();
        assert!((dimension - (2.0 + 0.12 / 0.22)).abs() < 1e-12 && error > 0.01, "{dimension} +- {error}");
    }

    /// Growth at rates of 1 and -2 with normal fluctuations from part to part of the time, of trajectories that draw from
    /// the stream of this number.
    fn fluctuating(streams: &[u64]) -> Vec<History> {
        let history = |&number: &u64| {
            let mut draws = trajectory::random::stream(0, "test", number);
            let mut sums = [0.0, 0.0];
            let logarithms = (0..CHECKPOINTS)
                .map(|_| {
                    sums[0] += 10.0 * (1.0 + 0.1 * trajectory::random::normal(&mut draws));
                    sums[1] += 10.0 * (-2.0 + 0.2 * trajectory::random::normal(&mut draws));
                    sums.to_vec()
                })
                .collect();
            History { times: (1..=CHECKPOINTS).map(|i| 10.0 * i as f64).collect(), logarithms }
        };
        streams.iter().map(history).collect()
    }

    #[test]
    fn copies_of_one_trajectory_have_the_error_of_that_one() {
        // the error of the mean of 16 parts that fluctuate by 0.1 is 0.025, of 8 of them 0.035; of the dimension
        // 1 + a / |b| it is 0.018
        for copies in [2, 32] {
            let found = Spectrum::new(&fluctuating(&vec![7; copies]));
            for (at, right) in [(15, 0.025), (7, 0.035)] {
                let errors = &found.convergence[at].standard_errors;
                assert!((errors[0] / right - 1.0).abs() < 0.5, "{errors:?}");
                assert!((errors[1] / (2.0 * right) - 1.0).abs() < 0.5, "{errors:?}");
            }
            let [dimension, error] = found.kaplan_yorke.unwrap();
            assert!(
                (dimension - 1.5).abs() < 0.08 && (0.009..0.035).contains(&error),
                "{dimension} +- {error}"
            );
        }
        // 32 independent trajectories give a more precise mean
        let independent: Vec<u64> = (0..32).collect();
        let found = Spectrum::new(&fluctuating(&independent));
        let errors = &found.estimate.standard_errors;
        assert!((errors[0] / 0.025 * 32f64.sqrt() - 1.0).abs() < 0.5, "{errors:?}");
        let error = found.kaplan_yorke.unwrap()[1];
        assert!((0.0015..0.006).contains(&error), "{error}");
        // and any two of these count as independent
        for pair in (0..100).map(|i| [2 * i, 2 * i + 1]) {
            assert_eq!(spread_in_time(&fluctuating(&pair), 0), None, "{pair:?}");
        }
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
