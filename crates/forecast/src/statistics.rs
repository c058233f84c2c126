//! Order statistics, intervals and the bootstrap.

use sim::random::{Stream, below};

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

/// A 95% interval for the median over starts: the percentile bootstrap (Efron and Tibshirani 1993, 13.3)
/// with 2,000 resamples of the starts.
pub(crate) fn median_interval(values: &[f64], stream: &mut Stream) -> [f64; 2] {
    const RESAMPLES: usize = 2000;
    let mut resample = vec![0.0; values.len()];
    let medians: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            resample.fill_with(|| values[below(stream, values.len())]);
            resample.sort_unstable_by(f64::total_cmp);
            quantile(&resample, 0.5)
        })
        .collect();
    let medians = sorted(&medians);
    [quantile(&medians, 0.025), quantile(&medians, 0.975)]
}

/// A 95% interval for the mean of what `values` are drawn from: Student's t. None of fewer than two, or of values that
/// are not finite.
pub fn mean_interval(values: &[f64]) -> Option<[f64; 2]> {
    // Two-sided 5% points by degrees of freedom (Student 1908; any table).
    const T: [f64; 30] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145,
        2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048,
        2.045, 2.042,
    ];
    let freedom = values.len().checked_sub(1).filter(|&freedom| freedom > 0)?;
    let center = mean(values);
    let variance = values.iter().map(|x| (x - center).powi(2)).sum::<f64>() / freedom as f64;
    // Beyond the table, the first two terms of its expansion in 1 / freedom about the normal's 1.96.
    let t = T
        .get(freedom - 1)
        .copied()
        .unwrap_or(1.95996 + 2.37227 / freedom as f64 + 2.8225 / (freedom as f64).powi(2));
    let half = t * (variance / values.len() as f64).sqrt();
    half.is_finite().then_some([center - half, center + half])
}

/// A 95% interval for the difference of the medians of two forecasters, where `pairs` holds, for every seed that both
/// have, what each start scored under the first and under the second; differences are averaged over the seeds. It
/// covers two intervals, so that neither kind of chance is overlooked: the percentile bootstrap over the starts, paired
/// (Efron and Tibshirani 1993, 8.3 and 13.3), 1,000 resamples within every seed; and, of several seeds, Student's t over
/// the differences of the seeds, since another seed is another training. (Drawing two or three seeds again says nothing: as
/// long as they agree in the sign, so do all resamples.)
///
/// # Panics
/// Pairs of different lengths.
pub fn paired_interval(pairs: &[(&[f64], &[f64])], stream: &mut Stream) -> Option<[f64; 2]> {
    const RESAMPLES: usize = 1000;
    if pairs.is_empty() || pairs.iter().any(|(a, _)| a.is_empty()) {
        return None;
    }
    let (mut first, mut second) = (Vec::new(), Vec::new());
    let mut difference = |(a, b): (&[f64], &[f64]), mut draw: Option<&mut Stream>| {
        assert_eq!(a.len(), b.len(), "starts are paired");
        first.clear();
        second.clear();
        for i in 0..a.len() {
            let start = draw.as_deref_mut().map_or(i, |stream| below(stream, a.len()));
            first.push(a[start]);
            second.push(b[start]);
        }
        let [a, b] = [median(&mut first), median(&mut second)];
        // two that left the numbers are alike
        if a == b { 0.0 } else { a - b }
    };
    let resampled: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let each: Vec<f64> = pairs.iter().map(|&pair| difference(pair, Some(&mut *stream))).collect();
            mean(&each)
        })
        .collect();
    let resampled = sorted(&resampled);
    let [low, high] = [quantile(&resampled, 0.025), quantile(&resampled, 0.975)];
    let of_seeds: Vec<f64> = pairs.iter().map(|&pair| difference(pair, None)).collect();
    match mean_interval(&of_seeds) {
        Some([of_seeds_low, of_seeds_high]) => Some([low.min(of_seeds_low), high.max(of_seeds_high)]),
        None if pairs.len() > 1 => None,
        None => Some([low, high]),
    }
}

/// The median, in the time of a selection; what is not a number counts as infinite.
fn median(values: &mut [f64]) -> f64 {
    values.iter_mut().filter(|x| x.is_nan()).for_each(|x| *x = f64::INFINITY);
    let (even, middle) = (values.len().is_multiple_of(2), values.len() / 2);
    let (lower, &mut at, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let largest = lower.iter().copied().max_by(f64::total_cmp);
    match largest.filter(|_| even) {
        Some(before) if before != at => (before + at) / 2.0,
        _ => at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::random::{stream, uniform};

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
    fn the_interval_covers_the_true_median_about_as_often_as_it_says() {
        let covered = (0..300)
            .filter(|&trial| {
                let mut draws = stream(5, "test", trial);
                let values: Vec<f64> = (0..101).map(|_| uniform(&mut draws)).collect();
                let [low, high] = median_interval(&values, &mut stream(6, "test", trial));
                (low..=high).contains(&0.5)
            })
            .count();
        assert!((270..=297).contains(&covered), "{covered} of 300");
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
    fn the_median_is_that_of_the_sorted_values() {
        for length in 1..30u64 {
            let mut draws = stream(1, "test", length);
            let mut values: Vec<f64> = (0..length).map(|_| (uniform(&mut draws) * 8.0).floor()).collect();
            assert_eq!(quantile(&sorted(&values), 0.5), median(&mut values));
        }
        assert_eq!(median(&mut [1.0, f64::NAN, 2.0]), 2.0);
    }

    #[test]
    fn a_paired_difference_is_seen_through_the_spread_of_the_starts() {
        // Starts differ by 10, forecasters by 0.1 everywhere: unpaired that would be lost.
        let mut draws = stream(2, "test", 0);
        let a: Vec<f64> = (0..100).map(|_| 10.0 * uniform(&mut draws)).collect();
        let b: Vec<f64> = a.iter().map(|x| x - 0.1).collect();
        let [low, high] = paired_interval(&[(&a, &b)], &mut stream(3, "test", 0)).unwrap();
        assert!((low - 0.1).abs() < 1e-9 && (high - 0.1).abs() < 1e-9);
        assert_eq!(paired_interval(&[(&a, &a)], &mut stream(3, "test", 0)), Some([0.0, 0.0]));
        // seeds that disagree are noise
        let [low, high] =
            paired_interval(&[(&a, &b), (&b, &a), (&a, &b)], &mut stream(3, "test", 0)).unwrap();
        assert!(low < 0.0 && high > 0.0, "{low} {high}");
        assert_eq!(paired_interval(&[], &mut stream(3, "test", 0)), None);
        let lost = vec![f64::INFINITY; 5];
        assert_eq!(paired_interval(&[(&lost, &lost)], &mut stream(3, "test", 0)), Some([0.0, 0.0]));
    }

    #[test]
    fn the_paired_interval_covers_no_difference_about_as_often_as_it_says() {
        // Trainings differ by as much as starts do; the two forecasters do not.
        for seeds in [1u64, 2, 3, 5] {
            let covered = (0..200)
                .filter(|&trial| {
                    let mut draws = stream(7, "test", 1000 * seeds + trial);
                    let mut runs = || -> Vec<Vec<f64>> {
                        (0..seeds)
                            .map(|_| {
                                let training = if seeds > 1 { 30.0 * uniform(&mut draws) } else { 0.0 };
                                (0..101).map(|i| f64::from(i) + training + uniform(&mut draws)).collect()
                            })
                            .collect()
                    };
                    let (a, b) = (runs(), runs());
                    let pairs: Vec<(&[f64], &[f64])> =
                        a.iter().zip(&b).map(|(a, b)| (&a[..], &b[..])).collect();
                    let [low, high] = paired_interval(&pairs, &mut stream(8, "test", trial)).unwrap();
                    low <= 0.0 && 0.0 <= high
                })
                .count();
            assert!((180..=200).contains(&covered), "{seeds} seeds: {covered} of 200");
        }
    }
}
