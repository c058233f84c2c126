//! One free run over each held-out trajectory, from its first samples to its end, as system identification scores
//! models (Ljung 1999, "System identification", section 16.4; Schoukens and Noel 2017 for benchmarks).

use serde::{Deserialize, Serialize};
use trajectory::Trajectories;

use crate::finite;
use crate::rollout::{Forecaster, Starts, rollout};
use crate::statistics::mean;

/// Errors of free runs over the segments of the test part, in the units of the data: one number for each component.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SimulationScores {
    /// Whether runs are ranked by these errors: `evaluate.protocol = "simulate"`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ranks: bool,
    /// Number of samples that are given at the beginning of each segment.
    pub given: usize,
    /// Number of segments.
    pub recordings: usize,
    /// Number of samples that were forecast, in all segments together.
    pub samples: usize,
    /// Root mean square error.
    #[serde(with = "finite::list")]
    pub rmse: Vec<f64>,
    /// R², the explained part of the variance: 1 - (sum of squared errors) / (sum of squared deviations from the mean).
    #[serde(with = "finite::below")]
    pub r2: Vec<f64>,
    /// The fit in percent: 100 (1 - (norm of the errors) / (norm of the deviations from the mean)).
    #[serde(with = "finite::below")]
    pub fit_percent: Vec<f64>,
}

impl SimulationScores {
    /// The error by which runs are ranked. For one component, it is the root mean square error in the unit of the data; for
    /// several, [`SimulationScores::relative_error`].
    pub fn error(&self) -> f64 {
        if let [rmse] = self.rmse[..] { rmse } else { self.relative_error() }
    }

    /// The root mean square over the components of their errors, each divided by the standard deviation of its truth.
    /// Components whose truth never changes are left out; infinite if there are no others.
    pub fn relative_error(&self) -> f64 {
        // An infinite part of a finite error is that of a component that never changes.
        let varies = |(rmse, fit): &(&f64, &f64)| fit.is_finite() || !rmse.is_finite();
        // From the fit and not from R², which rounds to 1 for relative errors below 1e-8.
        let part = |(_, fit): (&f64, &f64)| (1.0 - fit / 100.0).powi(2);
        let parts: Vec<f64> = self.rmse.iter().zip(&self.fit_percent).filter(varies).map(part).collect();
        if parts.is_empty() { f64::INFINITY } else { mean(&parts).sqrt() }
    }
}

/// Lets a forecaster run freely over each segment after the segment's first `given` samples, which are at least the
/// forecaster's window. The errors are those against `truth`, segments of the same lengths, which are the recordings
/// themselves where nothing better is known. `None` if no segment is longer than `given`.
pub(crate) fn score(
    forecaster: &dyn Forecaster,
    [recordings, truth]: [&Trajectories; 2],
    given: usize,
) -> Option<SimulationScores> {
    let dim = recordings.dim();
    let (mut values, mut errors) = (vec![Vec::new(); dim], vec![0.0; dim]);
    let long: Vec<usize> = (0..recordings.count()).filter(|&run| recordings.samples(run) > given).collect();
    for &run in &long {
        let steps = recordings.samples(run) - given;
        let known: Vec<f64> =
            (0..given + steps - 1).flat_map(|i| recordings.known_at(run, i)).copied().collect();
        let starts = Starts { count: 1, histories: recordings.states(run, 0..given), known: &known };
        let forecast = rollout(forecaster, starts, steps);
        for (step, forecast) in forecast.chunks_exact(dim).enumerate() {
            for (j, (x, y)) in forecast.iter().zip(truth.state(run, given + step)).enumerate() {
                values[j].push(*y);
                errors[j] += (x - y).powi(2);
            }
        }
    }
    let samples = values.first().map_or(0, Vec::len);
    let deviations = |values: &Vec<f64>| {
        let center = mean(values);
        values.iter().map(|y| (y - center).powi(2)).sum::<f64>()
    };
    let finite = |x: f64| if x.is_nan() { f64::INFINITY } else { x };
    // A component that never changes is forecast either exactly or without any merit.
    let part = |errors: f64, deviations: f64| if errors == 0.0 { 0.0 } else { finite(errors / deviations) };
    let parts: Vec<f64> =
        errors.iter().zip(&values).map(|(&errors, values)| part(errors, deviations(values))).collect();
    (samples > 0).then(|| SimulationScores {
        ranks: false,
        given,
        recordings: long.len(),
        samples,
        rmse: errors.iter().map(|errors| finite((errors / samples as f64).sqrt())).collect(),
        r2: parts.iter().map(|part| 1.0 - part).collect(),
        fit_percent: parts.iter().map(|part| 100.0 * (1.0 - part.sqrt())).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Forecast;
    use trajectory::Segment;

    /// The next state is the present one plus the newest known input.
    struct Integrator;
    struct Integrating(Vec<f64>);
    impl Forecaster for Integrator {
        fn window(&self) -> usize {
            1
        }
        fn dim(&self) -> usize {
            1
        }
        fn known_dim(&self) -> usize {
            1
        }
        fn begin<'a>(&'a self, histories: &[f64], _known: &[f64]) -> Box<dyn Forecast + 'a> {
            Box::new(Integrating(histories.to_vec()))
        }
    }
    impl Forecast for Integrating {
        fn advance(&mut self, known: &[f64], next: &mut [f64]) {
            self.0[0] += known[0];
            next.copy_from_slice(&self.0);
        }
    }

    #[test]
    fn a_free_run_is_scored_after_the_given_samples_with_the_inputs_of_its_own_time() {
        let segment = |u: &[f64], known: &[f64]| Segment { start: 0.0, u: u.to_vec(), known: known.to_vec() };
        // After two samples: 1 + 2, then + 3; and in the second recording 5 + 0. The third is too short.
        let recordings = Trajectories::of_segments(
            1.0,
            [1, 1],
            [
                segment(&[0.0, 1.0, 3.5, 6.0], &[9.0, 2.0, 3.0, 9.0]),
                segment(&[0.0, 5.0, 4.0], &[9.0, 0.0, 9.0]),
                segment(&[0.0, 5.0], &[9.0, 0.0]),
            ],
        );
        let scores = score(&Integrator, [&recordings; 2], 2).unwrap();
        assert_eq!((scores.given, scores.recordings, scores.samples), (2, 2, 3));
        // errors -0.5, 0 and 1 against 3.5, 6 and 4, whose mean is 4.5
        let (errors, deviations) = (1.25f64, 1.0 + 2.25 + 0.25);
        assert!((scores.rmse[0] - (errors / 3.0).sqrt()).abs() < 1e-12);
        assert!((scores.r2[0] - (1.0 - errors / deviations)).abs() < 1e-12);
        assert!((scores.fit_percent[0] - 100.0 * (1.0 - (errors / deviations).sqrt())).abs() < 1e-12);
        assert!(score(&Integrator, [&recordings; 2], 4).is_none());
        assert!((scores.error() - scores.rmse[0]).abs() < 1e-15);
        // The run starts from the measured samples and is compared with the true ones: errors of 0, 0.5 and 1.
        let truth = Trajectories::of_segments(
            1.0,
            [1, 0],
            [segment(&[0.5, 7.0, 3.0, 6.5], &[]), segment(&[0.0, 9.0, 4.0], &[]), segment(&[0.0, 5.0], &[])],
        );
        let against = score(&Integrator, [&recordings, &truth], 2).unwrap();
        assert!((against.rmse[0] - (1.25f64 / 3.0).sqrt()).abs() < 1e-12, "{against:?}");
        assert!((against.r2[0] - (1.0 - 1.25 / (2.25 + 4.0 + 0.25))).abs() < 1e-12, "{against:?}");
        // What diverges comes back from JSON as what it is.
        let lost = [f64::NEG_INFINITY];
        let lost = SimulationScores {
            rmse: vec![f64::INFINITY],
            r2: lost.into(),
            fit_percent: lost.into(),
            ..scores
        };
        let json = serde_json::to_string(&lost).unwrap();
        assert_eq!(serde_json::from_str::<SimulationScores>(&json).unwrap(), lost, "{json}");
    }

    #[test]
    fn several_components_are_ranked_by_their_relative_errors() {
        let of = |rmse: &[f64], r2: &[f64]| SimulationScores {
            ranks: true,
            given: 1,
            recordings: 1,
            samples: 9,
            rmse: rmse.into(),
            r2: r2.into(),
            fit_percent: r2.iter().map(|r2: &f64| 100.0 * (1.0 - (1.0 - r2).sqrt())).collect(),
        };
        // 0.1 V of 1 V and 30 rpm of 100 rpm; the third component never changes.
        let scores = of(&[0.1, 30.0, 0.5], &[0.99, 0.91, f64::NEG_INFINITY]);
        assert!((scores.error() - 0.05f64.sqrt()).abs() < 1e-12, "{}", scores.error());
        // Errors that R² rounds away.
        let fit_percent = vec![100.0 * (1.0 - 1e-10); 2];
        let small = SimulationScores { fit_percent, ..of(&[1e-10, 1e-10], &[1.0, 1.0]) };
        assert!((small.error() / 1e-10 - 1.0).abs() < 1e-4, "{}", small.error());
        assert_eq!(of(&[0.3], &[f64::NEG_INFINITY]).error(), 0.3);
        assert_eq!(of(&[0.3], &[f64::NEG_INFINITY]).relative_error(), f64::INFINITY);
        assert_eq!(of(&[f64::INFINITY, 1.0], &[f64::NEG_INFINITY, 0.5]).error(), f64::INFINITY);
    }
}
