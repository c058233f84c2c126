//! Order statistics, means and 95% intervals.
//!
//! A score varies by chance in two ways: by the starts that happened to be drawn, and by the training (its trajectories
//! and its initial weights). A run has one training and many starts, so it says nothing about other trainings: its
//! interval over starts (`median_interval`, [`Scale::over_starts`]) describes this network alone. Every seed draws
//! trajectories, weights and starts anew. The scores of several seeds therefore vary in both ways, and Student's t over
//! them ([`Scale::interval`]) accounts for both. `statistics/coverage.rs` measures by simulation how often each interval
//! covers the true value.

use serde::Serialize;
use trajectory::random::{Stream, below};

#[cfg(test)]
mod coverage;

/// The `q` quantile of values sorted in ascending order, linear between neighbours (Hyndman and Fan 1996,
/// type 7, as numpy).
pub(crate) fn quantile(sorted: &[f64], q: f64) -> f64 {
    let position = q * (sorted.len() - 1) as f64;
    let (low, part) = (position as usize, position.fract());
    if part == 0.0 || sorted[low] == sorted[low + 1] {
        return sorted[low];
    }
    sorted[low] + part * (sorted[low + 1] - sorted[low])
}

/// Ascending, with what is not a number above everything, as the error it stands for.
pub(crate) fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.iter().map(|&x| if x.is_nan() { f64::INFINITY } else { x }).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

/// The arithmetic mean.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The sample variance, with n - 1 in the denominator; NaN for fewer than two values.
pub fn variance(values: &[f64]) -> f64 {
    let center = mean(values);
    values.iter().map(|x| (x - center).powi(2)).sum::<f64>() / (values.len() as f64 - 1.0)
}

/// A 95% interval for the median over starts: the percentile bootstrap (Efron and Tibshirani 1993, 13.3) with 2,000
/// resamples of the starts. If up to `block` successive starts depend on each other, `block` neighbours are drawn
/// together (the moving block bootstrap of Künsch 1989, "The jackknife and the bootstrap for general stationary
/// observations"). Fewer than ten such blocks say too little: the interval is then the whole range of the scores.
pub(crate) fn median_interval(values: &[f64], block: usize, stream: &mut Stream) -> [f64; 2] {
    bootstrap(values, block, stream, median)
}

/// As [`median_interval`], for the mean over starts.
pub(crate) fn bootstrap_mean_interval(values: &[f64], block: usize, stream: &mut Stream) -> [f64; 2] {
    bootstrap(values, block, stream, |resample| mean(resample))
}

/// The interval of [`median_interval`] for any statistic of the resamples, which it may reorder.
fn bootstrap(
    values: &[f64],
    block: usize,
    stream: &mut Stream,
    statistic: impl Fn(&mut [f64]) -> f64,
) -> [f64; 2] {
    const RESAMPLES: usize = 2000;
    if block > 1 && values.len() < 10 * block {
        let ascending = sorted(values);
        return [ascending[0], ascending[ascending.len() - 1]];
    }
    let mut resample = vec![0.0; values.len()];
    let statistics: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            for piece in resample.chunks_mut(block) {
                let first = below(stream, values.len() + 1 - block);
                piece.copy_from_slice(&values[first..first + piece.len()]);
            }
            statistic(&mut resample)
        })
        .collect();
    let statistics = sorted(&statistics);
    [quantile(&statistics, 0.025), quantile(&statistics, 0.975)]
}

/// A 95% interval for the mean of what `values` are drawn from: Student's t. None of fewer than two, or of values that
/// are not finite.
pub fn mean_interval(values: &[f64]) -> Option<[f64; 2]> {
    let freedom = values.len().checked_sub(1).filter(|&freedom| freedom > 0)?;
    let center = mean(values);
    let half = student_t(freedom) * (variance(values) / values.len() as f64).sqrt();
    half.is_finite().then_some([center - half, center + half])
}

/// The two-sided 5% point of Student's t, for at least one degree of freedom.
fn student_t(freedom: usize) -> f64 {
    // By degrees of freedom (Student 1908; any table).
    const T: [f64; 30] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145,
        2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048,
        2.045, 2.042,
    ];
    // Beyond the table, the first two terms of its expansion in 1 / freedom about the normal's 1.96.
    T.get(freedom - 1)
        .copied()
        .unwrap_or(1.95996 + 2.37227 / freedom as f64 + 2.8225 / (freedom as f64).powi(2))
}

/// How scores are averaged and compared.
///
/// An error is positive and spans orders of magnitude. If two seeds have errors of 1e-3 and 4e-3, an interval around
/// their arithmetic mean would include -0.02, which is impossible. On the logarithmic scale their mean is 2e-3, and every
/// interval is positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// The linear scale: arithmetic means and differences.
    Linear,
    /// The logarithmic scale: geometric means and ratios.
    Logarithmic,
}

impl Scale {
    /// The change between two equally good forecasters: a difference of 0, or a ratio of 1.
    pub fn no_change(self) -> f64 {
        match self {
            Scale::Linear => 0.0,
            Scale::Logarithmic => 1.0,
        }
    }

    /// The mean on this scale.
    pub fn mean(self, values: &[f64]) -> f64 {
        match self {
            Scale::Linear => mean(values),
            Scale::Logarithmic => mean(&logarithms(values)).exp(),
        }
    }

    /// A 95% interval by Student's t for the mean, on this scale, of the distribution of `values`, one value per seed.
    /// None for fewer than two values, or if one is not finite or, on the logarithmic scale, not positive.
    pub fn interval(self, values: &[f64]) -> Option<[f64; 2]> {
        match self {
            Scale::Linear => mean_interval(values),
            Scale::Logarithmic => mean_interval(&logarithms(values)).map(|bounds| bounds.map(f64::exp)),
        }
    }

    /// The change from `base` to `value`: their difference or their ratio. Such changes have a mean and an interval on
    /// the same scale. Two equal values give no change, even if both are infinite.
    pub fn change(self, value: f64, base: f64) -> f64 {
        match self {
            _ if value == base => self.no_change(),
            Scale::Linear => value - base,
            Scale::Logarithmic => value / base,
        }
    }

    /// A 95% interval for the change of the median over starts from one trained network, `base`, to another, both scored
    /// from the same starts `[start]` (Bonett and Price 2020, "Interval estimation for linear functions of medians in
    /// within-subjects and mixed designs", for paired medians and, of logarithms, their ratio). It holds for these two
    /// networks; another training of either may score differently. None for fewer than ten starts, or if the middle of
    /// the scores is not finite. (The percentile bootstrap of such a change covers 97% instead of the nominal 95%.) If
    /// up to `block` successive starts depend on each other, a block counts as one start.
    ///
    /// # Panics
    /// If the two lists of scores have different lengths.
    pub fn over_starts(self, values: &[f64], base: &[f64], block: usize) -> Option<[f64; 2]> {
        assert_eq!(values.len(), base.len(), "starts are paired");
        if values.len() / block < 10 {
            return None;
        }
        let transformed = |scores: &[f64]| match self {
            Scale::Linear => scores.to_vec(),
            Scale::Logarithmic => logarithms(scores),
        };
        let (values, base) = (transformed(values), transformed(base));
        let [a, b] = [&values, &base].map(|scores| MedianWithError::of(scores));
        if (a, b) == (b, a) && values == base {
            return Some([self.no_change(); 2]);
        }
        // The correlation of two medians is that of the signs of the deviations from them.
        let sign = |x: f64, median: f64| f64::from(i8::from(x > median) - i8::from(x < median));
        // A start exactly at the median has no sign. This is common when scores are multiples of a sample interval.
        let signs = values.iter().zip(&base).map(|(&x, &y)| [sign(x, a.median), sign(y, b.median)]);
        let [product, first, second] = signs.fold([0.0; 3], |[product, first, second], [x, y]| {
            [product + x * y, first + x * x, second + y * y]
        });
        let correlation = if first * second > 0.0 { product / (first * second).sqrt() } else { 0.0 };
        let variance = a.error.powi(2) + b.error.powi(2) - 2.0 * correlation * a.error * b.error;
        let (change, half) = (a.median - b.median, 1.95996 * (block as f64 * variance.max(0.0)).sqrt());
        let bounds = [change - half, change + half];
        let finite = change.is_finite() && half.is_finite();
        finite.then(|| if self == Scale::Logarithmic { bounds.map(f64::exp) } else { bounds })
    }
}

/// A median with its standard error.
#[derive(Clone, Copy, PartialEq)]
struct MedianWithError {
    median: f64,
    error: f64,
}

impl MedianWithError {
    /// Computes the median and its standard error. The error comes from the width of a distribution-free interval between
    /// two order statistics (McKean and Schrader 1984), chosen as by Price and Bonett (2001).
    fn of(scores: &[f64]) -> Self {
        let (ascending, count) = (sorted(scores), scores.len() as f64);
        // The rank from either end, counted from 1, and its distance from the middle in binomial standard errors.
        let place = ((count + 1.0) / 2.0 - count.sqrt()).round().max(1.0);
        let deviations = (count / 2.0 - place + 0.5) / (count.sqrt() / 2.0);
        let (low, high) = (ascending[place as usize - 1], ascending[ascending.len() - place as usize]);
        let width = if low == high { 0.0 } else { high - low };
        MedianWithError { median: quantile(&ascending, 0.5), error: width / (2.0 * deviations) }
    }
}

fn logarithms(values: &[f64]) -> Vec<f64> {
    values.iter().map(|x| x.ln()).collect()
}

/// The median, in the time of a selection; what is not a number counts as infinite.
fn median(values: &mut [f64]) -> f64 {
    values.iter_mut().filter(|x| x.is_nan()).for_each(|x| *x = f64::INFINITY);
    let (even, middle) = (values.len().is_multiple_of(2), values.len() / 2);
    let (lower, &mut at, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let largest = lower.iter().copied().max_by(f64::total_cmp);
    match largest.filter(|_| even) {
        // Gives the same bits as the quantile of the sorted values.
        Some(before) if before != at => before + 0.5 * (at - before),
        _ => at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trajectory::random::{stream, uniform};

    #[test]
    fn quantiles_are_those_of_numpy() {
        let values = sorted(&[4.0, 1.0, 3.0, 2.0]);
        // numpy.quantile([4, 1, 3, 2], [0, .1, .25, .5, .9, 1])
        for (q, expected) in [(0.0, 1.0), (0.1, 1.3), (0.25, 1.75), (0.5, 2.5), (0.9, 3.7), (1.0, 4.0)] {
            assert!((quantile(&values, q) - expected).abs() < 1e-12);
        }
        assert_eq!(quantile(&sorted(&[f64::NAN, 1.0, f64::INFINITY]), 0.5), f64::INFINITY);
    }

    #[test]
    fn the_mean_of_three_has_the_interval_of_students_table() {
        // mean 2, deviation 1: 2 +- 4.303 / sqrt 3
        let [low, high] = mean_interval(&[1.0, 2.0, 3.0]).unwrap();
        assert!((low - (2.0 - 2.48435)).abs() < 1e-4 && (high - (2.0 + 2.48435)).abs() < 1e-4);
        assert_eq!(mean_interval(&[1.0]), None);
        assert_eq!(mean_interval(&[1.0, f64::INFINITY]), None);
        // 31 and 101 degrees of freedom: t = 2.0395 and 1.9837
        for (count, t) in [(32, 2.0395), (102, 1.9837)] {
            let values: Vec<f64> = (0..count).map(|i| f64::from(i % 2)).collect();
            let [low, high] = mean_interval(&values).unwrap();
            let error = (0.25 / f64::from(count - 1)).sqrt();
            assert!(((high - low) / 2.0 / error - t).abs() < 2e-3, "{count}");
        }
    }

    #[test]
    fn an_interval_of_errors_is_that_of_their_logarithms_and_never_negative() {
        // ln: -6.2146 and -6.5023, mean -6.3584, half 12.706 * 0.20344 / sqrt 2 = 1.8278
        let [low, high] = Scale::Logarithmic.interval(&[2.0e-3, 1.5e-3]).unwrap();
        let center = Scale::Logarithmic.mean(&[2.0e-3, 1.5e-3]);
        assert!((center - 3e-6f64.sqrt()).abs() < 1e-12);
        assert!(
            (low / 2.7848e-4 - 1.0).abs() < 1e-3 && (high / 1.07727e-2 - 1.0).abs() < 1e-3,
            "{low} {high}"
        );
        // nothing can be said of a logarithm that is not finite
        assert_eq!(Scale::Logarithmic.interval(&[0.0, 1.0]), None);
        assert_eq!(Scale::Logarithmic.interval(&[f64::INFINITY, 1.0]), None);
        assert_eq!(Scale::Logarithmic.mean(&[0.0, 1.0]), 0.0);
        assert_eq!(Scale::Logarithmic.mean(&[f64::INFINITY, 1.0]), f64::INFINITY);
    }

    #[test]
    fn a_change_is_a_difference_or_a_ratio() {
        assert_eq!((Scale::Linear.change(3.0, 5.0), Scale::Logarithmic.change(3.0, 6.0)), (-2.0, 0.5));
        for scale in [Scale::Linear, Scale::Logarithmic] {
            assert_eq!(scale.change(f64::INFINITY, f64::INFINITY), scale.no_change());
            assert_eq!(scale.change(0.0, 0.0), scale.no_change());
        }
    }

    #[test]
    fn the_median_is_that_of_the_sorted_values() {
        for length in 1..30u64 {
            let mut draws = stream(1, "test", length);
            let mut values: Vec<f64> = (0..length).map(|_| (uniform(&mut draws) * 8.0).floor()).collect();
            assert_eq!(quantile(&sorted(&values), 0.5), median(&mut values));
        }
        assert_eq!(median(&mut [1.0, f64::NAN, 2.0]), 2.0);
    }

    #[test]
    fn a_paired_change_is_seen_through_the_spread_of_the_starts() {
        // Starts differ by 10, forecasters by 0.1 everywhere: unpaired that would be lost.
        let mut draws = stream(2, "test", 0);
        let a: Vec<f64> = (0..100).map(|_| 10.0 * uniform(&mut draws)).collect();
        let b: Vec<f64> = a.iter().map(|x| x - 0.1).collect();
        let [low, high] = Scale::Linear.over_starts(&a, &b, 1).unwrap();
        assert!((low - 0.1).abs() < 1e-6 && (high - 0.1).abs() < 1e-6, "{low} {high}");
        let half: Vec<f64> = a.iter().map(|x| x / 2.0).collect();
        let [low, high] = Scale::Logarithmic.over_starts(&half, &a, 1).unwrap();
        assert!((low - 0.5).abs() < 1e-6 && (high - 0.5).abs() < 1e-6, "{low} {high}");
        let mut reversed = a.clone();
        reversed.sort_by(f64::total_cmp);
        let sorted = reversed.clone();
        reversed.reverse();
        let [low, high] = Scale::Linear.over_starts(&sorted, &reversed, 1).unwrap();
        assert!(low < -1.0 && high > 1.0, "what is hard for one is easy for the other: {low} {high}");
        assert_eq!(Scale::Linear.over_starts(&a, &a, 1), Some([0.0, 0.0]));
        assert_eq!(Scale::Linear.over_starts(&[], &[], 1), None);
        let lost = vec![f64::INFINITY; 20];
        assert_eq!(Scale::Logarithmic.over_starts(&lost, &lost, 1), Some([1.0, 1.0]));
        assert_eq!(Scale::Logarithmic.over_starts(&lost, &a[..20], 1), None);
        // Four starts that depend on each other count as one.
        let [narrow, wide] =
            [1, 4].map(|block| Scale::Linear.over_starts(&sorted, &reversed, block).unwrap());
        assert!((wide[1] - wide[0] - 2.0 * (narrow[1] - narrow[0])).abs() < 1e-9, "{narrow:?} {wide:?}");
        assert_eq!(Scale::Linear.over_starts(&sorted, &reversed, 11), None);
    }
}
