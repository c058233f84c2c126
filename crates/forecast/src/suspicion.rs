//! What looks like a mistake in an experiment: scores that are too good to be true, or parts of the data that saw
//! each other. Each check is a function of what it judges, and finds nothing or says what it found.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};
use trajectory::Trajectories;

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
    /// [`shared_trajectories`].
    SharedSamples,
    /// [`normalisation_saw_test`].
    NormalisationSawTest,
    /// [`above_ceiling`].
    AboveCeiling,
    /// A check of earlier versions, kept because it appears in the results of some runs: a training loss below the noise
    /// that training adds. That noise is drawn anew at every step, so no network can memorise it. The check only found
    /// losses that are not comparable with the noise.
    LossBelowNoise,
    /// [`equals_persistence`].
    EqualsPersistence,
    /// [`exponent_unknown`].
    ExponentUnknown,
    /// [`time_not_known`].
    TimeNotKnown,
}

/// Reports why the largest Lyapunov exponent is not known. Without this report, results that lack the exponent and the
/// scores in Lyapunov times look like those of a system that is not chaotic. `why` is empty if the exponent is known.
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
            (0..runs.samples(run)).map(move |i| (runs.state(run, i), runs.known_at(run, i)))
        })
    }
}

/// The number of changes of the state that two trajectories must share before they count as the same. Without changes,
/// all trajectories that rest at the same point would be equal.
const LEAST_CHANGES: usize = 10;

/// Finds trajectories of the `test` part that are also in the training part, and held-out `starts` that begin like a
/// training trajectory. (The trajectories of `starts` come from another integration.)
///
/// A test trajectory counts if at least half of it is bitwise equal, in state and known inputs, to a stretch of a training
/// trajectory, and changes along that stretch. Equal single samples prove nothing: they occur by chance in f32 and in
/// rounded data, and necessarily where trajectories meet in a fixed point or a forced oscillation.
///
/// A start counts if its first sample is equal to the first sample of a training trajectory, and the next samples agree
/// to within a hundredth of the change since then. If numbers have few digits, some starts are equal by chance, so starts
/// are reported only if more than half of them count.
pub fn shared_trajectories(train: Part, test: Part, starts: Part) -> Option<Suspicion> {
    let shared = equal_stretches(train, test);
    let begun = begin_alike(train, starts);
    let of_test = (shared > 0).then(|| {
        format!("{shared} of the {} test trajectories are also in the training part", test.which.len())
    });
    let of_starts = (2 * begun > starts.which.len()).then(|| {
        format!("{begun} of the {} held-out starts are those of training trajectories", starts.which.len())
    });
    let found: Vec<String> = of_test.into_iter().chain(of_starts).collect();
    (!found.is_empty()).then(|| Suspicion {
        check: Check::SharedSamples,
        message: format!("{}, so the scores are not those of unseen data", found.join(", and ")),
    })
}

/// The number of trajectories of `test` of which at least half is equal to a stretch of a trajectory of `train`.
fn equal_stretches(train: Part, test: Part) -> usize {
    let moves = |Part { runs, .. }: Part, run: usize, i: usize| runs.state(run, i) != runs.state(run, i + 1);
    // A 64-bit hash, with fixed keys, of each pair of successive samples.
    let pair = |Part { runs, .. }: Part, run: usize, i: usize| {
        let mut hasher = DefaultHasher::new();
        for i in [i, i + 1] {
            let sample = runs.state(run, i).iter().chain(runs.known_at(run, i));
            sample.for_each(|x| x.to_bits().hash(&mut hasher));
        }
        hasher.finish()
    };
    let pairs = |part: Part, run: usize| 0..part.runs.samples(run) - 1;
    // Where the first of two overlapping trajectories begins to move, the other is somewhere on its way, or the other
    // way round.
    let overlapping = |beginning: Part, going: Part, found: &mut dyn FnMut(usize, usize)| {
        let mut begins: HashMap<u64, Vec<[usize; 2]>> = HashMap::new();
        for &run in beginning.which {
            if let Some(i) = pairs(beginning, run).find(|&i| moves(beginning, run, i)) {
                begins.entry(pair(beginning, run, i)).or_default().push([run, i]);
            }
        }
        for &run in going.which {
            for i in pairs(going, run).filter(|&i| moves(going, run, i)) {
                for &[other, from] in begins.get(&pair(going, run, i)).into_iter().flatten() {
                    if follow_each_other([beginning, going], [other, run], [from, i]) {
                        found(other, run);
                    }
                }
            }
        }
    };
    let mut shared = BTreeSet::new();
    overlapping(test, train, &mut |of_test, _| {
        shared.insert(of_test);
    });
    overlapping(train, test, &mut |_, of_test| {
        shared.insert(of_test);
    });
    shared.len()
}

/// Whether two trajectories are bitwise equal from these samples on, for half of the shorter one and over
/// [`LEAST_CHANGES`] changes, or as many changes as fit into that half.
fn follow_each_other(parts: [Part; 2], runs: [usize; 2], from: [usize; 2]) -> bool {
    let at = |which: usize, k: usize| {
        let (all, i) = (parts[which].runs, from[which] + k);
        (i < all.samples(runs[which])).then(|| (all.state(runs[which], i), all.known_at(runs[which], i)))
    };
    let bits = |x: &[f64], y: &[f64]| x.iter().map(|x| x.to_bits()).eq(y.iter().map(|y| y.to_bits()));
    let (mut length, mut changes) = (0, 0);
    while let (Some((u, known)), Some((v, others))) = (at(0, length), at(1, length)) {
        if !bits(u, v) || !bits(known, others) {
            break;
        }
        changes += usize::from(length > 0 && at(0, length - 1).is_some_and(|(before, _)| before != u));
        length += 1;
    }
    let half = (0..2).map(|which| parts[which].runs.samples(runs[which])).min().unwrap_or(0).div_ceil(2);
    length >= half && changes >= LEAST_CHANGES.min(half.saturating_sub(1)).max(1)
}

/// The number of trajectories of `starts` that begin like a trajectory of `train`.
fn begin_alike(train: Part, starts: Part) -> usize {
    const NEXT: usize = 10;
    const NEAR: f64 = 0.01;
    let first = |Part { runs, .. }: Part, run: usize| -> Vec<u64> {
        runs.state(run, 0).iter().chain(runs.known_at(run, 0)).map(|x| x.to_bits()).collect()
    };
    let mut begun: HashMap<Vec<u64>, Vec<usize>> = HashMap::new();
    for &run in train.which {
        begun.entry(first(train, run)).or_default().push(run);
    }
    let next = |of: Part, run: usize| NEXT.min(of.runs.samples(run) - 1);
    let alike = |run: usize, other: usize| {
        let (u, v) = (|i| starts.runs.state(run, i), |i| train.runs.state(other, i));
        (1..=next(starts, run).min(next(train, other))).all(|i| {
            (0..starts.runs.dim()).all(|j| {
                let moved = (1..=i).map(|i| (u(i)[j] - u(0)[j]).abs()).fold(0.0, f64::max);
                // a component that never moves is equal except for roundoff
                (u(i)[j] - v(i)[j]).abs() <= NEAR * moved + 1e-9 * u(i)[j].abs()
            })
        })
    };
    let begins = |run: usize| {
        let others = begun.get(&first(starts, run)).into_iter().flatten();
        // If all begin with the same state, one comparison is enough.
        let mut distinct = HashSet::new();
        others
            .filter(|&&other| distinct.insert(first_step(train.runs, other)))
            .any(|&other| alike(run, other))
    };
    // A trajectory at rest from its start is equal to all others that rest there.
    let moves =
        |run: usize| (1..=next(starts, run)).any(|i| starts.runs.state(run, i) != starts.runs.state(run, 0));
    starts.which.iter().filter(|&&run| moves(run) && begins(run)).count()
}

/// The bits of the second sample of a trajectory.
fn first_step(runs: &Trajectories, run: usize) -> Vec<u64> {
    runs.state(run, 1.min(runs.samples(run) - 1)).iter().map(|x| x.to_bits()).collect()
}

/// Finds means and standard deviations (components, then known inputs) of a model that differ from those of the training
/// part by more than 1e-9 standard deviations. For a component that never changes, any standard deviation is right, since
/// its scaled value is always 0. Of fields on a grid of so many points, the scales are those of each channel.
pub fn normalisation_saw_test(mean: &[f64], std: &[f64], train: Part, points: usize) -> Option<Suspicion> {
    let equal = |part: Part| {
        let (means, stds) = moments_on_grid(part, points);
        mean.len() == means.len()
            && (0..means.len()).all(|j| {
                let constant = stds[j] <= 1e-13 * (means[j].abs() + stds[j]);
                // the roundoff of a mean is that of its size
                let near = if constant { 0.0 } else { 1e-9 * stds[j] } + 1e-12 * means[j].abs();
                (mean[j] - means[j]).abs() <= near && (constant || (std[j] - stds[j]).abs() <= near)
            })
    };
    if equal(train) {
        return None;
    }
    let every: Vec<usize> = (0..train.runs.count()).collect();
    let of = if equal(Part { which: &every, ..train }) {
        "of all trajectories, including those used for scoring"
    } else {
        "of something else"
    };
    Some(Suspicion {
        check: Check::NormalisationSawTest,
        message: format!("the scales of the model are not those of the training part but {of}"),
    })
}

/// Means and standard deviations of the channels of a field, for each of its points.
fn moments_on_grid(part: Part, points: usize) -> (Vec<f64>, Vec<f64>) {
    let (mut mean, mut std) = moments(part);
    let dim = if points > 1 { part.runs.dim() } else { 0 };
    for (mean, std) in mean[..dim].chunks_exact_mut(points).zip(std[..dim].chunks_exact_mut(points)) {
        let all = mean.iter().sum::<f64>() / points as f64;
        let squares = mean.iter().zip(&*std).map(|(mean, std)| std * std + (mean - all).powi(2));
        let together = (squares.sum::<f64>() / points as f64).sqrt();
        mean.fill(all);
        std.fill(together);
    }
    (mean, std)
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

/// The number of Lyapunov times in which an error in the last bit of a number, 2^-53, grows to 1: ln 2^53.
pub const LONGEST: f64 = 53.0 * std::f64::consts::LN_2;

/// Reports if at least half of the forecasts of a chaotic system are valid for longer than is possible with 64-bit
/// numbers. `valid` holds the valid prediction times of the starts, in Lyapunov times of 1 / `lyapunov_exponent`.
pub fn above_ceiling(valid: &[f64], lyapunov_exponent: f64) -> Option<Suspicion> {
    let above = valid.iter().filter(|&&time| time > LONGEST).count();
    (above > 0 && 2 * above >= valid.len()).then(|| Suspicion {
        check: Check::AboveCeiling,
        message: format!(
            "{above} of {} forecasts are valid for more than {LONGEST:.1} Lyapunov times, in which the last bit of a \
             number grows to the size of the state: the largest exponent of the system is not \
             evaluate.lyapunov_exponent = {lyapunov_exponent}, or the model was shown the truth",
            valid.len()
        ),
    })
}

/// Reports if the right-hand side depends on the time, but no forecaster has an input that depends on it.
pub fn time_not_known(depends_on_time: bool, known_inputs: usize) -> Option<Suspicion> {
    (depends_on_time && known_inputs == 0).then(|| Suspicion {
        check: Check::TimeNotKnown,
        message: "the right-hand side depends on the time t, but forecasters are told nothing about t: give them known \
                  inputs, which are expressions in t and the parameters, such as system.known = { cos_phase = \
                  \"cos(omega*t)\", sin_phase = \"sin(omega*t)\" } for a force of frequency omega"
            .into(),
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
    use trajectory::Times;

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

    /// Trajectories of `samples` of one component, without inputs.
    fn scalar(count: usize, samples: usize, u: impl Fn(usize, usize) -> f64) -> Trajectories {
        let u = (0..count).flat_map(|run| (0..samples).map(move |i| (run, i))).map(|(run, i)| u(run, i));
        Trajectories::new(Times::new(1.0, samples - 1).unwrap(), [1, 0], u.collect(), vec![])
    }

    /// The suspicion with trajectories 0 and 1 as the training part, 2 as the test part, and 3 as a held-out start.
    fn shared(runs: &Trajectories) -> Option<String> {
        let part = |which| Part { runs, which };
        let found = shared_trajectories(part(&[0, 1]), part(&[2]), part(&[3]))?;
        assert_eq!(found.check, Check::SharedSamples);
        Some(found.message)
    }

    #[test]
    fn a_trajectory_of_the_training_part_is_found_in_the_test_part() {
        assert_eq!(shared(&runs(own)), None);
        let leaking = runs(|run, i, j| if run == 2 { own(1, i, j) } else { own(run, i, j) });
        let found = shared(&leaking).unwrap();
        assert!(found.starts_with("1 of the 1 test trajectories are also in the training part"), "{found}");
        assert!(!found.contains("held-out"), "{found}");
        let leaking = runs(|run, i, j| if run == 3 { own(0, i, j) } else { own(run, i, j) });
        assert!(shared(&leaking).unwrap().starts_with("1 of the 1 held-out starts are those"));
        // the same states with other known inputs are other samples
        let later = runs(|run, i, j| if run == 2 { own(1, (i + 1) % 5, j) } else { own(run, i, j) });
        assert_eq!(shared(&later), None);
    }

    #[test]
    fn a_stretch_is_found_wherever_in_the_other_trajectory_it_lies() {
        let wave = |i: usize| (i as f64 * 0.37).sin() + (i as f64 * 0.11).cos();
        for (first, found) in [(0, true), (40, true), (49, true), (60, false)] {
            let at = |run: usize, i: usize| match run {
                1 => wave(i),
                2 => wave(i + first),
                _ => wave(i + 1000 * (run + 1)),
            };
            assert_eq!(shared(&scalar(4, 100, at)).is_some(), found, "{first}");
            // the training part within the test part
            let at = |run: usize, i: usize| at([0, 2, 1, 3][run], i);
            assert_eq!(shared(&scalar(4, 100, at)).is_some(), found, "{first}");
        }
    }

    #[test]
    fn samples_that_are_equal_by_nature_or_by_chance_are_no_suspicion() {
        // rest in one fixed point, from there on and from the beginning
        let resting = |run: usize, i: usize| if i < 3 { 1.0 + run as f64 - 0.1 * i as f64 } else { 0.5 };
        assert_eq!(shared(&scalar(4, 100, resting)), None);
        assert_eq!(shared(&scalar(4, 100, |_, _| 0.5)), None);
        // one forced oscillation for all, after half of the time
        let forced = |run: usize, i: usize| {
            (i as f64).sin() + if i < 60 { 1.0 / (1.0 + run as f64 + i as f64) } else { 0.0 }
        };
        assert_eq!(shared(&scalar(4, 100, forced)), None);
        // one or two digits, so that single samples are often equal to others
        let rounded = |digits: f64| {
            move |run: usize, i: usize| {
                let frequency = 0.3 + 0.05 * run as f64;
                ((i as f64 * frequency + run as f64).sin() * digits).round() / digits
            }
        };
        assert_eq!(shared(&scalar(4, 100, rounded(10.0))), None);
        assert_eq!(shared(&scalar(4, 100, rounded(100.0))), None);
    }

    #[test]
    fn starts_that_differ_in_what_is_not_seen_are_not_alike() {
        // x(0) = 1 for all, and another velocity for each
        let moving = scalar(4, 50, |run, i| 1.0 + i as f64 * (0.1 + 0.05 * run as f64));
        assert_eq!(shared(&moving), None);
        // another integration of the same trajectories, off in the eighth digit
        let again = scalar(4, 50, |run, i| {
            let exact = 1.0 + (i as f64 * 0.3).sin();
            if run == 3 && i > 0 { exact * (1.0 + 1e-8) } else { exact }
        });
        assert!(shared(&again).unwrap().contains("1 of the 1 held-out starts"));
    }

    #[test]
    fn scales_that_saw_the_test_part_are_found() {
        let runs = runs(|run, i, j| if j == 1 { 7.0 } else { 1e3 * own(run, i, j) });
        let train = Part { runs: &runs, which: &[0, 2] };
        let scales = |which: &[usize]| {
            let (mean, mut std) = moments(Part { runs: &runs, which });
            std[1] = 7.0;
            (mean, std)
        };
        let (mean, mut std) = scales(&[0, 2]);
        assert_eq!(normalisation_saw_test(&mean, &std, train, 1), None);
        // any scale of a constant is right
        std[1] = 1.0;
        assert_eq!(normalisation_saw_test(&mean, &std, train, 1), None);
        std[0] *= 1.0 + 1e-8;
        let found = normalisation_saw_test(&mean, &std, train, 1).unwrap();
        assert!(found.message.ends_with("of something else"), "{}", found.message);
        let (mean, std) = scales(&[0, 1, 2, 3]);
        let found = normalisation_saw_test(&mean, &std, train, 1).unwrap();
        assert!(found.check == Check::NormalisationSawTest && found.message.contains("all trajectories"));
    }

    #[test]
    fn valid_times_that_no_number_allows_are_found() {
        assert_eq!(above_ceiling(&[36.0, 30.0, 39.0], 0.9), None);
        assert_eq!(above_ceiling(&[], 0.9), None);
        let found = above_ceiling(&[37.0, 30.0, 39.0], 0.9).unwrap();
        assert!(found.check == Check::AboveCeiling && found.message.starts_with("2 of 3 forecasts"));
        assert!(found.message.contains("evaluate.lyapunov_exponent = 0.9") && found.message.contains("36.7"));
    }

    #[test]
    fn a_time_that_nobody_is_told_is_found() {
        assert_eq!((time_not_known(false, 0), time_not_known(true, 2)), (None, None));
        let found = time_not_known(true, 0).unwrap();
        assert!(found.check == Check::TimeNotKnown && found.message.contains("system.known = { cos_phase"));
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
        // of a run that an earlier version trained
        let older = r#"{"check":"loss-below-noise","message":"so"}"#;
        assert!(serde_json::from_str::<Suspicion>(older).is_ok());
    }
}
