//! Whole trajectories to training, validation and test.

use trajectory::random;

use crate::DatasetError;

/// Numbers of the trajectories of each part. A trajectory is in one part only: neighbouring windows of one
/// trajectory are nearly equal, and a split by window would score what was learned by heart.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// For the weights, and for the normalisation.
    pub train: Vec<usize>,
    /// For choosing among the models of one training.
    pub validation: Vec<usize>,
    /// For the scores.
    pub test: Vec<usize>,
}

impl Split {
    /// Deals `count` trajectories at random into parts of these fractions.
    ///
    /// # Errors
    /// Fractions that are not three numbers from 0 to 1 with sum 1, or a part without a trajectory.
    pub fn new(count: usize, fractions: [f64; 3], seed: u64) -> Result<Self, DatasetError> {
        check_fractions(fractions)?;
        let validation = (fractions[1] * count as f64).round() as usize;
        let test = (fractions[2] * count as f64).round() as usize;
        let train = count.saturating_sub(validation + test);
        for (name, size) in [("training", train), ("validation", validation), ("test", test)] {
            if size == 0 {
                return Err(DatasetError(format!(
                    "split = {fractions:?} leaves the {name} part of {count} trajectories empty; each part needs \
                     at least one"
                )));
            }
        }
        let order = random::permutation(&mut random::stream(seed, "split", 0), count);
        let part = |range: std::ops::Range<usize>| {
            let mut part = order[range].to_vec();
            part.sort_unstable();
            part
        };
        Ok(Split {
            train: part(0..train),
            validation: part(train..train + validation),
            test: part(train + validation..count),
        })
    }
}

/// Returns an error unless these are three numbers from 0 to 1 with sum 1.
///
/// # Errors
/// What the fractions are, and what they must be.
pub fn check_fractions(fractions: [f64; 3]) -> Result<(), DatasetError> {
    let sum: f64 = fractions.iter().sum();
    if fractions.iter().all(|part| (0.0..=1.0).contains(part)) && (sum - 1.0).abs() <= 1e-9 {
        return Ok(());
    }
    Err(DatasetError(format!(
        "split = {fractions:?} must be three fractions (training, validation, test) with sum 1, such as [0.8, 0.1, 0.1]; \
         this sum is {sum}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_trajectory_is_in_one_part(count in 3usize..300, a in 1u32..98, b in 1u32..98, seed: u64) {
            let (validation, test) = (f64::from(a.min(98 - b.min(97))) / 100.0, f64::from(b.min(97)) / 100.0);
            let fractions = [1.0 - validation - test, validation, test];
            let sizes = fractions[1..].iter().map(|part| (part * count as f64).round());
            let possible = sizes.clone().all(|size| size >= 1.0) && sizes.sum::<f64>() < count as f64;
            let split = Split::new(count, fractions, seed);
            prop_assert_eq!(split.is_ok(), possible);
            if let Ok(split) = split {
                let mut all = [split.train.clone(), split.validation, split.test].concat();
                all.sort_unstable();
                prop_assert_eq!(all, (0..count).collect::<Vec<_>>());
                prop_assert!((split.train.len() as f64 - fractions[0] * count as f64).abs() <= 1.0 + 1e-9);
            }
        }
    }

    #[test]
    fn the_deal_depends_on_the_seed_alone() {
        let split = |seed| Split::new(100, [0.8, 0.1, 0.1], seed).unwrap();
        assert_eq!(split(1), split(1));
        assert_ne!(split(1), split(2));
        assert_eq!(split(1).train.len(), 80);
    }

    #[test]
    fn impossible_splits_say_what_is_wrong() {
        for (count, fractions, word) in [
            (100, [0.8, 0.1, 0.2], "sum is 1.1"),
            (100, [1.2, -0.1, -0.1], "fractions"),
            (100, [f64::NAN, 0.1, 0.1], "fractions"),
            (100, [0.9, 0.1, 0.0], "test part"),
            (3, [0.8, 0.1, 0.1], "validation part"),
        ] {
            let message = Split::new(count, fractions, 0).unwrap_err().to_string();
            assert!(message.contains(word), "{message}");
        }
    }
}
