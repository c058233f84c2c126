//! What looks like a mistake in an experiment: scores that are too good to be true, or parts of the data that saw
//! each other. Each check is a function of what it judges, and finds nothing or says what it found.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};
use sim::Trajectories;

use crate::Vpt;

/// Something that a person should look at before believing the results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Suspicion {
    /// The check that found it.
    pub check: Check,
    /// What it found: a sentence.
    pub message: String,
}

/// The checks, each a function of this module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// [`shared_samples`].
    SharedSamples,
    /// [`normalisation_saw_test`].
    NormalisationSawTest,
    /// [`above_ceiling`].
    AboveCeiling,
    /// [`loss_below_noise`].
    LossBelowNoise,
    /// [`equals_persistence`].
    EqualsPersistence,
    /// [`exponent_unknown`].
    ExponentUnknown,
}

/// Says why a largest Lyapunov exponent is not known: results without it, and without what is counted in it, look like
/// those of a system that is not chaotic. `why` is empty where it is known.
pub fn exponent_unknown(why: &str) -> Option<Suspicion> {
    (!why.is_empty()).then(|| Suspicion { check: Check::ExponentUnknown, message: why.to_owned() })
}

/// Some of the trajectories of an array, by their numbers.
#[derive(Clone, Copy)]
pub struct Part<'a> {
    /// The array.
    pub runs: &'a Trajectories,
    /// The numbers.
    pub which: &'a [usize],
}

impl<'a> Part<'a> {
    fn samples(self) -> impl Iterator<Item = (&'a [f64], &'a [f64])> + Clone {
        let Part { runs, which } = self;
        which.iter().flat_map(move |&run| {
            (0..runs.samples()).map(move |i| (runs.state(run, i), runs.known_at(run, i)))
        })
    }
}

/// Finds samples of the test parts (state and known inputs) that are equal, to the bit, to a sample of the training
/// part. Trajectories of a system that ends in a fixed point may meet there without a mistake; hence the count.
pub fn shared_samples(train: Part, tests: &[Part]) -> Option<Suspicion> {
    // 64 bits of a hash with fixed keys: among a million samples each, one false alarm in ten million experiments.
    let bits = |(state, known): (&[f64], &[f64])| {
        let mut hasher = DefaultHasher::new();
        state.iter().chain(known).for_each(|x| x.to_bits().hash(&mut hasher));
        hasher.finish()
    };
    let seen: HashSet<u64> = train.samples().map(bits).collect();
    let all = || tests.iter().flat_map(|part| part.samples());
    let shared = all().filter(|&sample| seen.contains(&bits(sample))).count();
    (shared > 0).then(|| Suspicion {
        check: Check::SharedSamples,
        message: format!("{shared} of the {} samples scored on are also in the training part", all().count()),
    })
}

/// Finds means and standard deviations (components, then known inputs) that are not those of the training part, to 1
/// part in 1e9 of the standard deviation; a standard deviation of 1 is right for what never changes.
pub fn normalisation_saw_test(mean: &[f64], std: &[f64], train: Part) -> Option<Suspicion> {
    let equal = |part: Part| {
        let (means, stds) = moments(part);
        mean.len() == means.len()
            && (0..means.len()).all(|j| {
                let constant = stds[j] <= 1e-13 * (means[j].abs() + stds[j]);
                let scale = if constant { 1.0 } else { stds[j] };
                // the roundoff of a mean is that of its size
                let near = 1e-9 * scale + 1e-12 * means[j].abs();
                (mean[j] - means[j]).abs() <= near && (std[j] - scale).abs() <= near
            })
    };
    if equal(train) {
        return None;
    }
    let every: Vec<usize> = (0..train.runs.count()).collect();
    let of = if equal(Part { which: &every, ..train }) {
        "of all trajectories, those scored on among them"
    } else {
        "of something else"
    };
    Some(Suspicion {
        check: Check::NormalisationSawTest,
        message: format!("the scales are not those of the training part but {of}"),
    })
}

/// Means and standard deviations, in two passes.
fn moments(part: Part) -> (Vec<f64>, Vec<f64>) {
    let values = part.samples().map(|(state, known)| state.iter().chain(known));
    let count = values.clone().count() as f64;
    let sums = |of: &dyn Fn(usize, f64) -> f64| {
        let mut sums = vec![0.0; part.runs.dim() + part.runs.known_dim()];
        for sample in values.clone() {
            sums.iter_mut().zip(sample).enumerate().for_each(|(j, (sum, &x))| *sum += of(j, x));
        }
        sums.into_iter().map(|sum| sum / count).collect::<Vec<f64>>()
    };
    let mean = sums(&|_, x| x);
    let variance = sums(&|j, x| (x - mean[j]).powi(2));
    (mean, variance.into_iter().map(f64::sqrt).collect())
}

/// Finds valid prediction times above what the truth allows: a median or a 10th percentile above the truth's, or the
/// time of a start in `valid` above its own in `trusted`, in the same order and unit; those may be empty where only
/// the statistics are known.
///
/// # Panics
/// Slices of different lengths.
pub fn above_ceiling(vpt: &Vpt, valid: &[f64], trusted: &[f64]) -> Option<Suspicion> {
    assert_eq!(valid.len(), trusted.len());
    let above = |x: f64, ceiling: f64| x > ceiling * (1.0 + 1e-12);
    let suspicion = |message| Some(Suspicion { check: Check::AboveCeiling, message });
    let starts = valid.iter().zip(trusted).filter(|&(&x, &ceiling)| above(x, ceiling)).count();
    if starts > 0 {
        return suspicion(format!("{starts} forecasts count as valid for longer than their truth holds"));
    }
    let all = || std::iter::once(&vpt.main).chain(&vpt.other_thresholds);
    let pairs = all().flat_map(|at| {
        [("median", at.summary.median, vpt.ceiling), ("10th percentile", at.summary.p10, vpt.ceiling_p10)]
    });
    let (which, x, ceiling) = pairs.into_iter().find(|&(_, x, ceiling)| above(x, ceiling))?;
    suspicion(format!("the {which} of the valid times, {x:.3}, is above that of the truth, {ceiling:.3}"))
}

/// Finds a training loss below the noise of the data, `noise_floor` (the loss of whoever knows the noise-free
/// system), where there is noise: such a network has learned the noise by heart, or seen it.
pub fn loss_below_noise(train_loss: f64, noise_floor: f64) -> Option<Suspicion> {
    (noise_floor > 0.0 && train_loss < noise_floor).then(|| Suspicion {
        check: Check::LossBelowNoise,
        message: format!(
            "the training loss, {train_loss:.2e}, is below the noise of the data, {noise_floor:.2e}"
        ),
    })
}

/// Finds a forecaster that gives back the present: no forecast of one sample is further than 1e-12 from it
/// (`largest_step`, see [`crate::Task::largest_step`], in standard deviations), or its error of one step is within
/// 0.1% of persistence's. Where the truth itself stays, that is right.
pub fn equals_persistence(one_step_rmse: f64, persistence_rmse: f64, largest_step: f64) -> Option<Suspicion> {
    let message = if persistence_rmse == 0.0 {
        return None;
    } else if largest_step <= 1e-12 {
        "every forecast of one sample is the present state".to_owned()
    } else if (one_step_rmse / persistence_rmse - 1.0).abs() <= 1e-3 {
        format!("the error of one step, {one_step_rmse:.4e}, is that of persistence, {persistence_rmse:.4e}")
    } else {
        return None;
    };
    Some(Suspicion { check: Check::EqualsPersistence, message })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Summary, VptAt};
    use sim::Times;

    /// Four trajectories of five samples of two components and an input.
    fn runs(u: impl Fn(usize, usize, usize) -> f64) -> Trajectories {
        let each = || (0..4).flat_map(|run| (0..5).map(move |i| (run, i)));
        let states = each().flat_map(|(run, i)| [u(run, i, 0), u(run, i, 1)]).collect();
        Trajectories::new(
            Times::new(1.0, 4).unwrap(),
            [2, 1],
            states,
            each().map(|(_, i)| i as f64).collect(),
        )
    }

    fn own(run: usize, i: usize, j: usize) -> f64 {
        ((run * 100 + i * 10 + j) as f64).sin()
    }

    #[test]
    fn a_sample_of_the_training_part_is_found_in_the_test_part() {
        let (clean, leaking) =
            (runs(own), runs(|run, i, j| if run == 3 { own(1, i, j) } else { own(run, i, j) }));
        let find = |runs: &Trajectories| {
            let part = |which| Part { runs, which };
            shared_samples(part(&[0, 1]), &[part(&[2]), part(&[3])])
        };
        assert_eq!(find(&clean), None);
        let found = find(&leaking).unwrap();
        assert_eq!(found.check, Check::SharedSamples);
        assert!(found.message.starts_with("5 of the 10 samples"), "{}", found.message);
        // the same states at other times, with other known inputs, are other samples
        let later = runs(|run, i, j| if run == 3 { own(1, (i + 1) % 5, j) } else { own(run, i, j) });
        assert_eq!(find(&later), None);
    }

    #[test]
    fn scales_that_saw_the_test_part_are_found() {
        let runs = runs(|run, i, j| if j == 1 { 7.0 } else { 1e3 * own(run, i, j) });
        let train = Part { runs: &runs, which: &[0, 2] };
        let scales = |which: &[usize]| {
            let (mean, mut std) = moments(Part { runs: &runs, which });
            std[1] = 1.0;
            (mean, std)
        };
        let (mean, mut std) = scales(&[0, 2]);
        assert_eq!(normalisation_saw_test(&mean, &std, train), None);
        std[0] *= 1.0 + 1e-8;
        let found = normalisation_saw_test(&mean, &std, train).unwrap();
        assert!(found.message.ends_with("of something else"), "{}", found.message);
        let (mean, std) = scales(&[0, 1, 2, 3]);
        let found = normalisation_saw_test(&mean, &std, train).unwrap();
        assert!(found.check == Check::NormalisationSawTest && found.message.contains("all trajectories"));
    }

    #[test]
    fn valid_times_above_the_truth_are_found() {
        let at = |median: f64, p10| VptAt {
            threshold: 0.4,
            summary: Summary { median, mean: median, p10, ci95: [median; 2] },
            capped: 0,
        };
        let vpt = |main, other| Vpt {
            main,
            lyapunov_exponent: 1.0,
            starts: 3,
            ceiling: 20.0,
            ceiling_p10: 15.0,
            other_thresholds: vec![other],
        };
        let fine = vpt(at(20.0, 15.0), at(5.0, 1.0));
        assert_eq!(above_ceiling(&fine, &[1.0, 20.0], &[1.0, 21.0]), None);
        let one = above_ceiling(&fine, &[1.0, 22.0], &[1.0, 21.0]).unwrap();
        assert!(one.check == Check::AboveCeiling && one.message.starts_with("1 forecasts"));
        let median = above_ceiling(&vpt(at(5.0, 1.0), at(20.1, 1.0)), &[], &[]).unwrap();
        assert!(median.message.contains("the median") && median.message.contains("20.100"));
        assert!(above_ceiling(&vpt(at(5.0, 15.1), at(2.0, 1.0)), &[], &[]).is_some());
    }

    #[test]
    fn a_loss_below_the_noise_is_found() {
        assert_eq!(loss_below_noise(1e-3, 1e-3), None);
        assert_eq!(loss_below_noise(1e-3, 0.0), None);
        assert_eq!(loss_below_noise(0.9e-3, 1e-3).unwrap().check, Check::LossBelowNoise);
    }

    #[test]
    fn a_forecast_of_the_present_is_found() {
        let found = |rmse, largest| equals_persistence(rmse, 0.05, largest).map(|found| found.message);
        assert_eq!(found(0.04, 1.0), None);
        assert!(found(0.04, 1e-13).is_some_and(|text| text.contains("present state")));
        assert!(found(0.05004, 1.0).is_some_and(|text| text.contains("persistence")));
        assert_eq!(found(f64::INFINITY, f64::INFINITY), None);
        assert_eq!(equals_persistence(0.0, 0.0, 0.0), None);
    }

    #[test]
    fn a_suspicion_is_written_with_the_name_of_its_check() {
        let suspicion = Suspicion { check: Check::NormalisationSawTest, message: "so".into() };
        let json = serde_json::to_string(&suspicion).unwrap();
        assert_eq!(json, r#"{"check":"normalisation-saw-test","message":"so"}"#);
        assert_eq!(serde_json::from_str::<Suspicion>(&json).unwrap(), suspicion);
    }
}
