//! Lyapunov exponents: the mean rates at which small differences grow, by tangent vectors that are carried along a
//! trajectory and made orthonormal again and again (Benettin, Galgani, Giorgilli, Strelcyn 1980, Meccanica 15, 9 and 21;
//! Shimada and Nagashima 1979).
//!
//! The tangent vectors are the derivatives in dual numbers: one integration with them is the derivative of the
//! integration, to the order of the method. They begin in random directions: vectors along the axes may lie in a subspace
//! that the flow never leaves, such as that of a component that nothing else depends on, and would then show the growth
//! in that subspace alone. Halfway through the transient they are drawn anew, because a direction that shrinks to nothing
//! on the way to the attractor may be one that grows there.
//!
//! Trajectories from several starts are followed side by side, and the spread of their means gives the standard error.
//! All starts are equal if the initial region is a point. Therefore each state is moved a little halfway through the
//! transient: along its displacement since the last orthonormalisation, and in proportion to it. This separates chaotic
//! trajectories, but it keeps constants, linear invariants and states at rest, and it does not depend on units.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use rayon::prelude::*;

use crate::integrators::adaptive::vanishes;
pub use crate::system::Steps;
use crate::{SimulationError, System};
use trajectory::{
    random,
    random::{Stream, normal},
};

mod estimate;
mod pace;
mod tangent;

use estimate::known_in_common;
pub use estimate::{CHECKPOINTS, Estimate, History, Spectrum, kaplan_yorke};
use pace::mean_step;
pub(crate) use tangent::tangent;
pub use tangent::{axes, directions, orthonormalise};

/// What is followed, and for how long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Following {
    /// How many exponents, from the largest.
    pub exponents: usize,
    /// Independent trajectories, at least 2.
    pub trajectories: usize,
    /// Time for which each is followed, after the transient.
    pub time: f64,
    /// Time before, in which it comes to the attractor and the vectors to their directions.
    pub transient: f64,
    /// A short time on the scale of the system, such as a sample interval: vectors are made orthonormal every ten of it.
    pub dt: f64,
    /// Steps that a trajectory may take.
    pub steps: u64,
    /// Seed of the starts.
    pub seed: u64,
}

impl Following {
    /// Settings that give the largest exponents of the systems here to a thousandth after some seconds. The time is shorter
    /// if more exponents are asked for.
    ///
    /// `dt` is a short time on the scale of the system, such as a sample interval. It is corrected if it is less than a
    /// seventh of the mean step of the integration, or more than two mean steps.
    ///
    /// # Errors
    /// If the first trajectory becomes infinite or NaN within some hundred steps.
    pub fn of(
        system: &dyn System,
        region: &[[f64; 2]],
        dt: f64,
        exponents: usize,
    ) -> Result<Self, SimulationError> {
        Ok(Following::measured(system, region, dt, exponents)?.0)
    }

    /// As [`Following::of`], with the mean step of the integration; the step is none for a system at rest.
    fn measured(
        system: &dyn System,
        region: &[[f64; 2]],
        dt: f64,
        exponents: usize,
    ) -> Result<(Self, Option<f64>), SimulationError> {
        let following = Following {
            exponents,
            trajectories: 32,
            time: dt,
            transient: 0.0,
            dt,
            steps: 20_000_000,
            seed: 0,
        };
        let step = mean_step(system, region, &following)?;
        let [least, most] = SHORT;
        let dt = step.map_or(dt, |step| if dt < least * step { TAKEN * step } else { dt.min(most * step) });
        let work = (exponents * system.dim()) as f64 / 9.0;
        let time = dt * (1e5 / work.max(1.0)).max(500.0);
        Ok((Following { time, transient: 2000.0 * dt, dt, ..following }, step))
    }

    /// Says what cannot be followed.
    ///
    /// # Errors
    /// [`SimulationError::Invalid`] for settings out of range.
    pub fn check(&self, system: &dyn System) -> Result<(), SimulationError> {
        let Following { exponents, trajectories, time, transient, .. } = *self;
        let invalid = |fault: String| Err(SimulationError::Invalid(fault));
        if !(1..=system.dim()).contains(&exponents) {
            return invalid(format!(
                "{exponents} exponents of {}, which has {}: ask for 1 to {}",
                system.name(),
                system.dim(),
                system.dim()
            ));
        }
        if trajectories < 2 {
            return invalid(format!("{trajectories} trajectories: a standard error needs 2 at least"));
        }
        if !(time > 0.0 && time.is_finite() && transient >= 0.0 && transient.is_finite()) {
            return invalid(format!(
                "a time of {time} must be above 0, and a transient of {transient} not below"
            ));
        }
        Ok(())
    }
}

/// Bound on the local error of a step, relative and absolute.
const TOLERANCE: f64 = 1e-9;

/// The range, in mean steps of the integration, in which a time counts as short on the scale of a system.
const SHORT: [f64; 2] = [0.15, 2.0];

/// What is taken instead of a sample interval that is shorter than that, in mean steps.
const TAKEN: f64 = 0.5;

/// Steps from one orthonormalisation to the next, beyond which a system is stiff: there are ten of its sample intervals
/// between them.
const MOST_AT_ONCE: u64 = 100_000;

/// The standard deviation of the random factor by which a state is moved halfway through the transient, relative to its
/// displacement since the last orthonormalisation. In the second half of the transient, chaos makes these differences as
/// large as the attractor.
const MOVED: f64 = 1e-3;

/// The shortest time between two orthonormalisations, of the time for which a trajectory is followed.
const SHORTEST: f64 = 1e-9;

/// The spectrum of a system along trajectories from its random starts, in parallel, with a result that does not depend
/// on the number of threads. `progress` is told the part that is done; where it returns false the spectrum is that of
/// those trajectories, over that time, for which most is known by then; none where fewer than two came to their first
/// estimate.
///
/// # Errors
/// Settings out of range; a trajectory that cannot be followed.
pub fn spectrum(
    system: &dyn System,
    region: &[[f64; 2]],
    following: &Following,
    progress: &(dyn Fn(f64) -> bool + Sync),
) -> Result<Option<Spectrum>, SimulationError> {
    following.check(system)?;
    let Following { exponents, trajectories, time, transient, .. } = *following;
    let all = trajectories as f64 * (transient + time);
    let done = AtomicU64::new(0);
    const UNIT: f64 = 1e15;
    let advance = |time: f64| {
        let part = (time / all * UNIT) as u64;
        progress((done.fetch_add(part, Ordering::Relaxed) + part) as f64 / UNIT)
    };
    let histories: Vec<Result<History, SimulationError>> = (0..trajectories)
        .into_par_iter()
        .map(|trajectory| {
            let fail = |error| SimulationError::Trajectory { trajectory, error: Box::new(error) };
            let mut flow = Flow::start(system, region, following, trajectory);
            let mut history = History { times: vec![], logarithms: vec![] };
            for _ in 0..2 {
                if !flow.follow(transient / 2.0, &mut vec![0.0; exponents], &advance).map_err(fail)? {
                    return Ok(history);
                }
                if flow.t < transient {
                    flow.part();
                }
            }
            let mut logarithms = vec![0.0; exponents];
            for checkpoint in 1..=CHECKPOINTS {
                let until = time * checkpoint as f64 / CHECKPOINTS as f64;
                let before = history.times.last().copied().unwrap_or(0.0);
                if !flow.follow(until - before, &mut logarithms, &advance).map_err(fail)? {
                    return Ok(history);
                }
                history.times.push(until);
                history.logarithms.push(logarithms.clone());
            }
            Ok(history)
        })
        .collect();
    // of several errors that of the first trajectory
    let histories = histories.into_iter().collect::<Result<Vec<History>, _>>()?;
    let histories = known_in_common(histories);
    Ok((histories.len() > 1).then(|| Spectrum::new(&histories)))
}

/// Seconds that [`spectrum`] will take on this machine, give or take a factor of two, from a short piece of one
/// trajectory.
///
/// # Errors
/// Those of [`spectrum`].
pub fn seconds(
    system: &dyn System,
    region: &[[f64; 2]],
    following: &Following,
) -> Result<f64, SimulationError> {
    following.check(system)?;
    let few = Following { exponents: following.exponents.min(8), ..*following };
    let mut flow = Flow::start(system, region, &few, 0);
    let more = following.exponents as f64 / few.exponents as f64;
    let (mut logarithms, interval) = (vec![0.0; few.exponents], flow.interval);
    // A first interval brings the length of the steps, and code and memory to where they are fast.
    let mut interval_seconds = f64::MAX;
    for _ in 0..2 {
        let begin = Instant::now();
        flow.follow(interval, &mut logarithms, &|_| true)?;
        let both = begin.elapsed().as_secs_f64();
        let begin = Instant::now();
        orthonormalise(&mut flow.vectors, &mut logarithms);
        interval_seconds = both * more + begin.elapsed().as_secs_f64() * more * more;
    }
    let intervals = following.trajectories as f64 * (following.transient + following.time) / interval;
    Ok(intervals * interval_seconds / rayon::current_num_threads().min(following.trajectories) as f64)
}

/// The largest exponent of a chaotic system, from some starts in `region`, to about a part in 300; none for a system that
/// is not chaotic. `dt` as in [`Following::of`]. Large systems are followed for a shorter time, because each is an
/// ensemble by itself.
///
/// Growth counts as chaos if it is certain (three standard errors above 0) and faster than any power of time: along a
/// regular orbit, differences grow at most in proportion to the time.
///
/// # Errors
/// If trajectories cannot be followed, or the system changes so much within `dt` that it cannot be followed over many
/// times `dt`.
pub fn largest(system: &dyn System, region: &[[f64; 2]], dt: f64) -> Result<Option<f64>, SimulationError> {
    let samples = (8e5 / system.dim() as f64).clamp(2000.0, 20_000.0);
    let (standard, step) = Following::measured(system, region, dt, 1)?;
    if step.is_none() {
        // at an unstable fixed point tangent vectors grow, although the state never moves
        return Ok(None);
    }
    let time = samples * standard.dt;
    let is_short = time < SEEN * dt;
    let trajectories = if system.dim() > 400 || is_short { 4 } else { 16 };
    let following = Following { time, trajectories, steps: 1_000_000, ..standard };
    let Some(found) = spectrum(system, region, &following, &|_| true)?.map(|found| found.estimate) else {
        return Ok(None);
    };
    let (exponent, error) = (found.exponents[0], found.standard_errors[0]);
    if exponent > 3.0 * error && exponent * time > 2.0 * samples.ln() {
        return Ok(Some(exponent));
    }
    if is_short {
        return Err(SimulationError::TooFast { dt, time });
    }
    Ok(None)
}

/// The time, in multiples of `dt`, over which a system must be followed before [`largest`] says that it is not chaotic:
/// about the number of samples of a trajectory.
const SEEN: f64 = 400.0;

/// A trajectory with its tangent vectors.
struct Flow<'a> {
    system: &'a dyn System,
    t: f64,
    u: Vec<f64>,
    vectors: Vec<f64>,
    /// The displacement from the previous state.
    way: Vec<f64>,
    /// Draws the directions of the vectors.
    draws: Stream,
    /// Time between two orthonormalisations.
    interval: f64,
    steps: Steps,
}

impl<'a> Flow<'a> {
    /// The start of one of the trajectories, with vectors in random directions.
    fn start(system: &'a dyn System, region: &[[f64; 2]], following: &Following, trajectory: usize) -> Self {
        let mut stream = random::stream(following.seed, "lyapunov", trajectory as u64);
        let mut draws = random::stream(following.seed, "tangent vectors", trajectory as u64);
        let (exponents, dim) = (following.exponents, system.dim());
        Flow {
            system,
            t: 0.0,
            u: system.random_start(region, &mut stream),
            vectors: directions(exponents, dim, &mut draws),
            way: vec![0.0; dim],
            draws,
            interval: 10.0 * following.dt,
            steps: Steps { next: 0.0, left: following.steps },
        }
    }

    /// Moves the state a little, so that identical trajectories separate, and draws the vectors anew.
    fn part(&mut self) {
        let share = MOVED * normal(&mut self.draws);
        self.u.iter_mut().zip(&self.way).for_each(|(u, way)| *u += share * way);
        self.vectors = directions(self.vectors.len() / self.u.len(), self.u.len(), &mut self.draws);
        self.steps.next = 0.0;
    }

    /// Follows it for `time`, and adds up the growth; false where `advance`, which is told every piece of time, said so.
    fn follow(
        &mut self,
        time: f64,
        logarithms: &mut [f64],
        advance: &dyn Fn(f64) -> bool,
    ) -> Result<bool, SimulationError> {
        let end = self.t + time;
        let mut growth = vec![0.0; logarithms.len()];
        let (mut u, mut vectors) = (self.u.clone(), self.vectors.clone());
        while self.t < end {
            if !advance(0.0) {
                return Ok(false);
            }
            let to = if self.t + 1.01 * self.interval > end { end } else { self.t + self.interval };
            u.copy_from_slice(&self.u);
            vectors.copy_from_slice(&self.vectors);
            let given = self.steps.left.min(MOST_AT_ONCE);
            let mut steps = Steps { left: given, ..self.steps };
            let carried = self.system.tangent([self.t, to], &mut steps, TOLERANCE, &mut u, &mut vectors);
            growth.fill(0.0);
            if carried.is_ok() {
                orthonormalise(&mut vectors, &mut growth);
            }
            let (most, least) = growth.iter().fold((f64::MIN, f64::MAX), |(a, b), &x| (a.max(x), b.min(x)));
            if matches!(carried, Err(SimulationError::Diverged { .. })) || !(most - least).is_finite() {
                // A vector may have left the finite numbers where the state has not: again, over less time.
                self.interval = (to - self.t) / 4.0;
                self.steps.left -= given - steps.left;
                self.steps.next = 0.0;
                if vanishes(self.interval, self.t) || self.interval < SHORTEST * time {
                    return Err(SimulationError::Diverged { t: self.t });
                }
                continue;
            }
            if matches!(carried, Err(SimulationError::TooLong { .. })) && given < self.steps.left {
                return Err(SimulationError::StiffTangents { t: self.t });
            }
            carried?;
            self.way.iter_mut().zip(u.iter().zip(&self.u)).for_each(|(way, (to, from))| *way = to - from);
            std::mem::swap(&mut self.u, &mut u);
            std::mem::swap(&mut self.vectors, &mut vectors);
            self.steps = Steps { next: steps.next, left: self.steps.left - (given - steps.left) };
            let passed = to - std::mem::replace(&mut self.t, to);
            // Vectors of lengths that differ by more than e^12 lose 5 of their 16 digits to the longest.
            if most - least > 12.0 {
                self.interval /= 2.0;
            }
            logarithms.iter_mut().zip(&growth).for_each(|(sum, growth)| *sum += growth);
            if !advance(passed) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
