//! Measures how often 95% intervals cover the true value, by simulating runs whose true scores are known.
//!
//! Each simulated run has its own random effect of training, and each of its starts has its own noise. The score of a
//! run is the median over the starts, as in a real run. A rate over `n` trials has the binomial standard error
//! sqrt(0.95 * 0.05 / n); the tests allow three of these to either side.

use trajectory::random::{Stream, normal, stream};

use super::{Scale, bootstrap_mean_interval, median, median_interval};

/// The number of starts of a simulated run.
const STARTS: usize = 60;

/// Asserts that the fraction of covered trials is 0.95 within three binomial standard errors.
fn is_nominal(covered: usize, trials: usize, what: &str) {
    let rate = covered as f64 / trials as f64;
    let error = (0.95 * 0.05 / trials as f64).sqrt();
    assert!((rate - 0.95).abs() <= 3.0 * error, "{what}: {rate:.4} of {trials}, expected 0.95 +- {error:.4}");
}

fn within([low, high]: [f64; 2], truth: f64) -> bool {
    low <= truth && truth <= high
}

/// The score of a run: the median over starts with standard deviation 3 around `center`.
fn score(center: f64, draws: &mut Stream) -> f64 {
    median(&mut (0..STARTS).map(|_| center + 3.0 * normal(draws)).collect::<Vec<_>>())
}

#[test]
fn over_starts_the_interval_covers_the_median_of_a_fixed_network() {
    // Valid times are skewed: log-normal with the median 6.
    for starts in [50, 100] {
        const TRIALS: u64 = 3000;
        let covered = (0..TRIALS)
            .filter(|&trial| {
                let mut draws = stream(5, "test", 10_000 * starts + trial);
                let times: Vec<f64> = (0..starts).map(|_| 6.0 * (0.5 * normal(&mut draws)).exp()).collect();
                within(median_interval(&times, 1, &mut stream(6, "test", trial)), 6.0)
            })
            .count();
        is_nominal(covered, TRIALS as usize, &format!("{starts} starts"));
    }
}

#[test]
fn over_starts_the_interval_covers_the_mean_of_a_fixed_network() {
    // Errors are skewed: log-normal with the mean exp(1/8).
    const TRIALS: u64 = 400;
    let covers = |trial: &u64| {
        let mut draws = stream(7, "test", *trial);
        let errors: Vec<f64> = (0..100).map(|_| (0.5 * normal(&mut draws)).exp()).collect();
        within(bootstrap_mean_interval(&errors, 1, &mut stream(6, "test", *trial)), 0.125f64.exp())
    };
    is_nominal((0..TRIALS).filter(covers).count(), TRIALS as usize, "100 starts");
}

#[test]
fn of_starts_that_depend_on_their_neighbours_the_interval_draws_blocks() {
    // Every start shares most of its truth with the next: sums of 5 successive draws.
    const TRIALS: u64 = 400;
    const BLOCK: usize = 5;
    let covered = |block: usize| {
        let covers = |trial: &u64| {
            let mut draws = stream(8, "test", *trial);
            let noise: Vec<f64> = (0..200 + BLOCK).map(|_| normal(&mut draws)).collect();
            let scores: Vec<f64> = noise.windows(BLOCK + 1).map(|of| of[1..].iter().sum()).collect();
            within(median_interval(&scores, block, &mut stream(9, "test", *trial)), 0.0)
        };
        (0..TRIALS).filter(covers).count() as f64 / TRIALS as f64
    };
    let (blocks, single) = (covered(BLOCK), covered(1));
    assert!(blocks > 0.88 && single < 0.75, "{blocks} {single}");
    // Of a few blocks the interval is all that there is, and never of no width.
    let few = [3.0, 1.0, f64::INFINITY, 2.0];
    for block in [2, 4, 9] {
        assert_eq!(median_interval(&few, block, &mut stream(9, "test", 0)), [1.0, f64::INFINITY]);
    }
}

#[test]
fn over_starts_the_paired_interval_covers_the_change_between_two_fixed_networks() {
    // Both scores depend on how hard the start is, and each has its own noise. The true difference is 0.7, and so is the
    // true ratio.
    const TRIALS: u64 = 4000;
    let pair = |draws: &mut Stream| -> (Vec<f64>, Vec<f64>) {
        (0..200)
            .map(|_| {
                let hard = 2.0 * normal(draws);
                (hard + normal(draws) + 0.7, hard + normal(draws))
            })
            .unzip()
    };
    let covered = |scale: Scale| {
        let covers = |trial: &u64| {
            let (mut a, mut b) = pair(&mut stream(7, "test", *trial));
            if scale == Scale::Logarithmic {
                a.iter_mut().for_each(|x| *x = 0.7 * (*x - 0.7).exp());
                b.iter_mut().for_each(|x| *x = x.exp());
            }
            within(scale.over_starts(&a, &b, 1).unwrap(), 0.7)
        };
        (0..TRIALS).filter(covers).count()
    };
    is_nominal(covered(Scale::Linear), TRIALS as usize, "differences");
    is_nominal(covered(Scale::Logarithmic), TRIALS as usize, "ratios");
}

#[test]
fn over_seeds_the_interval_covers_the_mean_score_whatever_the_training_varies_by() {
    // From no variance between trainings to one far above that of the starts.
    const TRIALS: u64 = 2000;
    for seeds in [2, 3, 10] {
        for training in [0.0, 1.0, 10.0] {
            let scores = |trial: u64| -> Vec<f64> {
                let mut draws = stream(9, "test", 10_000 * seeds + trial);
                (0..seeds)
                    .map(|_| {
                        let center = 6.0 + training * normal(&mut draws);
                        score(center, &mut draws)
                    })
                    .collect()
            };
            let covers = |scale: Scale, trial: u64| {
                let scores = scores(trial);
                match scale {
                    Scale::Linear => within(scale.interval(&scores).unwrap(), 6.0),
                    Scale::Logarithmic => {
                        let errors: Vec<f64> = scores.iter().map(|x| x.exp()).collect();
                        within(scale.interval(&errors).unwrap(), 6f64.exp())
                    }
                }
            };
            for scale in [Scale::Linear, Scale::Logarithmic] {
                let covered = (0..TRIALS).filter(|&trial| covers(scale, trial)).count();
                is_nominal(covered, TRIALS as usize, &format!("{seeds} seeds, {training}, {scale:?}"));
            }
        }
    }
}

#[test]
fn over_seeds_the_interval_covers_the_change_between_two_models() {
    // The trajectories of a seed affect both scores; the training affects each score separately.
    const TRIALS: u64 = 2000;
    for seeds in [2, 3, 10] {
        for (data, training) in [(0.0, 0.0), (2.0, 1.0), (1.0, 5.0)] {
            let covers = |trial: &u64| {
                let mut draws = stream(10, "test", 10_000 * seeds + trial);
                let changes: Vec<f64> = (0..seeds)
                    .map(|_| {
                        let shared = data * normal(&mut draws);
                        let mut run = |center: f64| {
                            let center = center + shared + training * normal(&mut draws);
                            score(center, &mut draws)
                        };
                        let (value, base) = (run(6.5), run(6.0));
                        Scale::Linear.change(value, base)
                    })
                    .collect();
                within(Scale::Linear.interval(&changes).unwrap(), 0.5)
            };
            let covered = (0..TRIALS).filter(covers).count();
            is_nominal(covered, TRIALS as usize, &format!("{seeds} seeds, {data}, {training}"));
        }
    }
}
