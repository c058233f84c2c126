//! Order statistics and the bootstrap.

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
pub(crate) fn mean(values: &[f64]) -> f64 {
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
}
