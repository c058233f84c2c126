//! A measured quantity in segments, in its standard deviations.

use realfft::RealFftPlanner;

/// Samples that the spectrum is computed from, at most.
const SPECTRUM: usize = 1 << 17;

/// The segments of a quantity, with mean 0 and variance 1 over all of them.
pub(super) struct Series {
    pub(super) segments: Vec<Vec<f64>>,
}

impl Series {
    /// `None` if the quantity never changes.
    pub(super) fn new(segments: &[&[f64]]) -> Option<Self> {
        let all = || segments.iter().flat_map(|segment| segment.iter());
        let count = all().count() as f64;
        let mean = all().sum::<f64>() / count;
        let deviation = (all().map(|x| (x - mean).powi(2)).sum::<f64>() / count).sqrt();
        // Rounding alone makes a constant vary.
        let varies = deviation > 1e-12 * mean.abs() && deviation.is_normal();
        let scaled = |segment: &&[f64]| segment.iter().map(|x| (x - mean) / deviation).collect();
        varies.then(|| Series { segments: segments.iter().map(scaled).collect() })
    }

    /// The first lag at which the autocorrelation falls below 1 - 1/e; at most a tenth of the longest segment.
    pub(super) fn delay(&self) -> usize {
        let longest = self.segments.iter().map(Vec::len).max().unwrap_or(0);
        let correlation = |lag: usize| {
            let [mut sum, mut count] = [0.0; 2];
            for segment in &self.segments {
                for (a, b) in segment.iter().zip(segment.iter().skip(lag)) {
                    sum += a * b;
                    count += 1.0;
                }
            }
            sum / count
        };
        let most = (longest / 10).max(1);
        (1..most).find(|&lag| correlation(lag) < 1.0 - (-1f64).exp()).unwrap_or(most)
    }

    /// The mean period in samples: the reciprocal of the mean frequency of the power spectrum of the longest segment.
    pub(super) fn period(&self) -> f64 {
        let empty = Vec::new();
        let longest = self.segments.iter().max_by_key(|segment| segment.len()).unwrap_or(&empty);
        let samples = &longest[..longest.len().min(SPECTRUM)];
        let count = samples.len();
        let mean = samples.iter().sum::<f64>() / count as f64;
        // A window without which the ends of the segment would add power at all frequencies (Hann).
        let turn = std::f64::consts::TAU / count as f64;
        let windowed = |(i, x): (usize, &f64)| (x - mean) * (1.0 - (turn * i as f64).cos());
        let mut windowed: Vec<f64> = samples.iter().enumerate().map(windowed).collect();
        let transform = RealFftPlanner::new().plan_fft_forward(count);
        let mut spectrum = transform.make_output_vec();
        if transform.process(&mut windowed, &mut spectrum).is_err() {
            return 1.0;
        }
        let [mut power, mut moment] = [0.0; 2];
        for (frequency, amplitude) in spectrum.iter().enumerate().skip(1) {
            power += amplitude.norm_sqr();
            moment += frequency as f64 * amplitude.norm_sqr();
        }
        count as f64 * power / moment
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_and_the_period_are_those_of_the_quantity() {
        let of = |u: &dyn Fn(f64) -> f64, samples: u32| {
            let u: Vec<f64> = (0..samples).map(|i| u(f64::from(i))).collect();
            Series::new(&[&u]).unwrap()
        };
        // The autocorrelation of cos(2 pi t / 50) is below 0.632 from t = 50 acos(0.632) / 2 pi = 7.05 on.
        let turn = std::f64::consts::TAU;
        let cosine = of(&|t| 7.0 + 3.0 * (turn * t / 50.0).cos(), 5000);
        assert_eq!(cosine.delay(), 8);
        assert!((cosine.period() - 50.0).abs() < 0.1, "{}", cosine.period());
        // Powers of 1 and 1/4 at the frequencies 0.01 and 0.05: a mean of 0.018.
        let two = of(&|t| (turn * 0.01 * t).cos() + 0.5 * (turn * 0.05 * t).sin(), 5000);
        assert!((two.period() - 1.0 / 0.018).abs() < 0.2, "{}", two.period());
        assert!(Series::new(&[&[0.1, 0.1, 0.1]]).is_none() && Series::new(&[]).is_none());
    }
}
