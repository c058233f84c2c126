//! How the learning rate changes with the steps.

use std::f64::consts::PI;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A schedule of the learning rate, and its settings. With every schedule, the rate first rises linearly from 0 over the
/// fraction `warmup` of the steps; the other settings count from there.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub enum Schedule {
    /// After a short rise, the rate falls along half a cosine to 0 (Loshchilov and Hutter 2017, equation 5).
    WarmupCosine {
        /// Fraction of all steps over which the learning rate rises.
        #[schemars(range(min = 0, max = 1), extend("examples" = [0.05]))]
        warmup: f64,
    },
    /// The rate stays the same.
    Constant {
        /// Fraction of all steps over which the learning rate rises.
        #[schemars(range(min = 0, max = 1), extend("examples" = [0.05]))]
        warmup: f64,
    },
    /// The rate is multiplied by `factor` each time the fraction `every` of the steps has passed.
    Step {
        /// Fraction of all steps over which the learning rate rises.
        #[schemars(range(min = 0, max = 1), extend("examples" = [0.05]))]
        warmup: f64,
        /// Fraction of the steps from one reduction to the next.
        #[schemars(range(min = 1e-6, max = 1))]
        every: f64,
        /// Factor by which each reduction multiplies the learning rate.
        #[schemars(range(min = 1e-6, max = 1))]
        factor: f64,
    },
    /// The rate falls exponentially to the fraction `last` of itself.
    Exponential {
        /// Fraction of all steps over which the learning rate rises.
        #[schemars(range(min = 0, max = 1), extend("examples" = [0.05]))]
        warmup: f64,
        /// Learning rate at the end, divided by the highest one.
        #[schemars(range(min = 1e-12, max = 1))]
        last: f64,
    },
    /// The rate falls along half a cosine to the fraction `last` of itself.
    Cosine {
        /// Fraction of all steps over which the learning rate rises.
        #[schemars(range(min = 0, max = 1), extend("examples" = [0.05]))]
        warmup: f64,
        /// Learning rate at the end, divided by the highest one.
        #[schemars(range(min = 0, max = 1), extend("examples" = [0.01]))]
        last: f64,
    },
}

impl Schedule {
    /// Every schedule with its defaults.
    pub const ALL: [Schedule; 5] = [
        Schedule::WarmupCosine { warmup: 0.02 },
        Schedule::Constant { warmup: 0.0 },
        Schedule::Step { warmup: 0.0, every: 0.25, factor: 0.3 },
        Schedule::Exponential { warmup: 0.0, last: 1e-3 },
        Schedule::Cosine { warmup: 0.0, last: 0.0 },
    ];

    fn warmup(&self) -> f64 {
        match *self {
            Schedule::WarmupCosine { warmup }
            | Schedule::Constant { warmup }
            | Schedule::Step { warmup, .. }
            | Schedule::Exponential { warmup, .. }
            | Schedule::Cosine { warmup, .. } => warmup,
        }
    }

    /// Says which setting is impossible.
    pub(crate) fn check(&self) -> Result<(), String> {
        let part = |key: &str, value: f64, least: f64| match (least..=1.0).contains(&value) {
            true => Ok(()),
            false => Err(format!("train.schedule.{key} = {value:?} must lie between {least} and 1")),
        };
        part("warmup", self.warmup(), 0.0)?;
        match *self {
            Schedule::WarmupCosine { .. } | Schedule::Constant { .. } => Ok(()),
            Schedule::Step { every, factor, .. } => {
                part("every", every, 1e-6)?;
                part("factor", factor, 1e-6)
            }
            Schedule::Exponential { last, .. } => part("last", last, 1e-12),
            Schedule::Cosine { last, .. } => part("last", last, 0.0),
        }
    }

    /// The part of the highest rate at a step, counted from 0, of so many.
    pub(crate) fn part(&self, step: u64, steps: u64) -> f64 {
        let (at, steps) = (step as f64 + 1.0, steps as f64);
        let rise = (self.warmup() * steps).round();
        if at <= rise {
            return at / rise;
        }
        let passed = (at - 1.0 - rise) / (steps - rise);
        let half_cosine = |last: f64| last + (1.0 - last) * 0.5 * (1.0 + (PI * passed).cos());
        match *self {
            Schedule::WarmupCosine { .. } => half_cosine(0.0),
            Schedule::Constant { .. } => 1.0,
            Schedule::Step { every, factor, .. } => factor.powf((passed / every).floor()),
            Schedule::Exponential { last, .. } => last.powf(passed),
            Schedule::Cosine { last, .. } => half_cosine(last),
        }
    }
}

impl Default for Schedule {
    fn default() -> Self {
        Self::ALL[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_to_its_height_and_falls_along_half_a_cosine() {
        let schedule = Schedule::WarmupCosine { warmup: 0.1 };
        let part = |step| schedule.part(step, 1000);
        assert!((part(0) - 0.01).abs() < 1e-12 && (part(49) - 0.5).abs() < 1e-12);
        assert!((part(99) - 1.0).abs() < 1e-12 && (part(100) - 1.0).abs() < 1e-12);
        assert!((part(550) - 0.5).abs() < 1e-12);
        assert!(part(999) > 0.0 && part(999) < 1e-5);
        for warmup in [0.0, 1.0] {
            assert!((0..3).all(|step| Schedule::WarmupCosine { warmup }.part(step, 3) > 0.0));
        }
    }

    #[test]
    fn each_shape_passes_through_its_points() {
        let at = |schedule: Schedule, step| schedule.part(step, 100);
        let constant = Schedule::Constant { warmup: 0.5 };
        assert_eq!((at(constant, 24), at(constant, 50), at(constant, 99)), (0.5, 1.0, 1.0));
        let steps = Schedule::Step { warmup: 0.0, every: 0.25, factor: 0.5 };
        assert_eq!([0, 24, 25, 50, 99].map(|step| at(steps, step)), [1.0, 1.0, 0.5, 0.25, 0.125]);
        let falling = Schedule::Exponential { warmup: 0.0, last: 0.01 };
        assert!((at(falling, 50) - 0.1).abs() < 1e-12 && at(falling, 0) == 1.0);
        let cosine = Schedule::Cosine { warmup: 0.0, last: 0.2 };
        assert!((at(cosine, 50) - 0.6).abs() < 1e-12 && (at(cosine, 99) - 0.2).abs() < 1e-3);
    }

    #[test]
    fn what_is_impossible_is_told_with_its_range() {
        for (schedule, words) in [
            (Schedule::Constant { warmup: 1.5 }, "train.schedule.warmup = 1.5 must lie between 0 and 1"),
            (Schedule::Cosine { warmup: 0.0, last: -0.1 }, "train.schedule.last = -0.1"),
            (Schedule::Exponential { warmup: 0.0, last: 0.0 }, "train.schedule.last = 0.0"),
            (Schedule::Step { warmup: 0.0, every: 0.0, factor: 0.5 }, "train.schedule.every = 0.0"),
            (Schedule::Step { warmup: 0.0, every: 0.5, factor: f64::NAN }, "train.schedule.factor = NaN"),
        ] {
            assert!(schedule.check().unwrap_err().contains(words));
        }
        assert!(Schedule::ALL.iter().all(|schedule| schedule.check().is_ok()));
    }
}
