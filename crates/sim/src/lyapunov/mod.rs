//! Lyapunov exponents: the mean rates at which small differences grow, by tangent vectors that are carried along a
//! trajectory and made orthonormal again and again (Benettin, Galgani, Giorgilli, Strelcyn 1980, Meccanica 15, 9 and 21;
//! Shimada and Nagashima 1979).
//!
//! The tangent vectors are the derivatives in dual numbers: one integration with them is the derivative of the
//! integration, to the order of the method. Trajectories from several starts are followed side by side; as they know
//! nothing of each other, the spread of their means gives the standard error.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use rayon::prelude::*;

use crate::integrators::adaptive::vanishes;
use crate::{SimulationError, System, random};

mod estimate;
mod tangent;

use estimate::known_in_common;
pub use estimate::{CHECKPOINTS, Estimate, History, Spectrum, kaplan_yorke};
pub(crate) use tangent::tangent;
pub use tangent::{Steps, axes, orthonormalise};

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
    /// So long that the largest exponents of the systems here are known to a thousandth in some seconds, and the more
    /// shortly the more exponents are asked.
    pub fn of(system: &dyn System, dt: f64, exponents: usize) -> Self {
        let work = (exponents * system.dim()) as f64 / 9.0;
        Following {
            exponents,
            trajectories: 32,
            time: dt * (1e5 / work.max(1.0)).max(500.0),
            transient: 2000.0 * dt,
            dt,
            steps: 20_000_000,
            seed: 0,
        }
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

/// Steps from one orthonormalisation to the next, beyond which a system is stiff: there are ten of its sample intervals
/// between them.
const MOST_AT_ONCE: u64 = 100_000;

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
            if !flow.follow(transient, &mut vec![0.0; exponents], &advance).map_err(fail)? {
                return Ok(history);
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

/// The largest exponent of a system that is chaotic, from some starts in `region`, to about a part in 300; none of one
/// that is not, or that cannot be followed. `dt` as of [`Following`]. Large systems are followed more shortly: each is an ensemble by itself.
///
/// Chaos is growth that is certain (three standard errors above 0) and faster than any power of time would be: along a
/// regular orbit differences grow in proportion to the time at most.
pub fn largest(system: &dyn System, region: &[[f64; 2]], dt: f64) -> Option<f64> {
    let samples = (8e5 / system.dim() as f64).clamp(2000.0, 20_000.0);
    let time = samples * dt;
    let trajectories = if system.dim() > 400 { 4 } else { 16 };
    let following = Following { time, trajectories, steps: 1_000_000, ..Following::of(system, dt, 1) };
    let found = spectrum(system, region, &following, &|_| true).ok()??.estimate;
    let (exponent, error) = (found.exponents[0], found.standard_errors[0]);
    (exponent > 3.0 * error && exponent * time > 2.0 * samples.ln()).then_some(exponent)
}

/// A trajectory with its tangent vectors.
struct Flow<'a> {
    system: &'a dyn System,
    t: f64,
    u: Vec<f64>,
    vectors: Vec<f64>,
    /// Time between two orthonormalisations.
    interval: f64,
    steps: Steps,
}

impl<'a> Flow<'a> {
    /// The start of one of the trajectories, with vectors along the axes.
    fn start(system: &'a dyn System, region: &[[f64; 2]], following: &Following, trajectory: usize) -> Self {
        let mut stream = random::stream(following.seed, "lyapunov", trajectory as u64);
        Flow {
            system,
            t: 0.0,
            u: system.random_start(region, &mut stream),
            vectors: axes(following.exponents, system.dim()),
            interval: 10.0 * following.dt,
            steps: Steps { next: 0.0, left: following.steps },
        }
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
                return Err(SimulationError::Stiff { t: self.t });
            }
            carried?;
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
mod tests {
    use super::*;
    use crate::systems::{DoublePendulum, Lorenz, Lorenz96, Oscillator, Rossler, SYSTEMS, VanDerPol};

    fn of(system: &dyn System, exponents: usize, trajectories: usize, time: f64) -> Spectrum {
        let following = Following {
            exponents,
            trajectories,
            time,
            transient: 50.0,
            dt: system.sampling()[0],
            steps: 20_000_000,
            seed: 0,
        };
        spectrum(system, &system.initial_region(), &following, &|_| true).unwrap().unwrap()
    }

    fn near(found: &Spectrum, published: &[f64], within: f64) {
        for (k, published) in published.iter().enumerate() {
            let (exponent, error) = (found.estimate.exponents[k], found.estimate.standard_errors[k]);
            assert!((exponent - published).abs() < within, "{exponent} +- {error} for {published}");
            // neither does the error say that nothing is known
            assert!(error < within, "{error}");
        }
    }

    #[test]
    fn the_spectrum_of_lorenz_is_the_published_one() {
        let found = of(&Lorenz::default(), 3, 32, 1000.0);
        // Sprott, "Chaos and Time-Series Analysis" (2003), p. 431, where the dimension is 2.06215
        near(&found, &[0.9056, 0.0, -14.5723], 0.003);
        let sum: f64 = found.estimate.exponents.iter().sum();
        assert!((sum + 10.0 + 1.0 + 8.0 / 3.0).abs() < 1e-6, "{sum}");
        let [dimension, error] = found.kaplan_yorke.unwrap();
        assert!((dimension - 2.06215).abs() < 3e-4 && error < 3e-4, "{dimension} +- {error}");
        // independent trajectories: four times as long, half the error, give or take its own
        let error = |i: usize| found.convergence[i].standard_errors[0];
        assert!((1.3..3.0).contains(&(error(3) / error(15))), "{} {}", error(3), error(15));
    }

    #[test]
    fn the_spectrum_of_rossler_is_the_published_one() {
        // Sprott (2003), p. 432
        let found = of(&Rossler::default(), 3, 32, 4000.0);
        near(&found, &[0.0714, 0.0, -5.3943], 0.004);
        // the mean divergence a + x - c, with the mean of x of 32 trajectories over 4800 by another program
        let sum: f64 = found.estimate.exponents.iter().sum();
        assert!((sum + 5.3229).abs() < 0.004, "{sum}");
    }

    #[test]
    fn lorenz96_has_the_published_exponent_and_dimension() {
        // Karimi and Paul (2010), Chaos 20, 043105, and Lorenz (1996), whose dimension is 27.1
        let one = of(&Lorenz96::default(), 1, 16, 400.0);
        near(&one, &[1.67], 0.03);
        let found = of(&Lorenz96::default(), 40, 8, 60.0);
        let dimension = found.kaplan_yorke.unwrap()[0];
        assert!((dimension - 27.0).abs() < 0.3, "{dimension}");
        let sum: f64 = found.estimate.exponents.iter().sum();
        assert!((sum + 40.0).abs() < 1e-6, "{sum}");
        // the largest alone is the first of all
        near(&one, &found.estimate.exponents[..1], 4.0 * found.estimate.standard_errors[0]);
    }

    #[test]
    fn a_linear_system_has_the_real_parts_of_its_eigenvalues() {
        let oscillator = Oscillator::default();
        near(&of(&oscillator, 2, 4, 500.0), &[-0.2, -0.2], 0.003);
    }

    #[test]
    fn a_hamiltonian_system_has_pairs_of_opposite_exponents() {
        let found = of(&DoublePendulum::default(), 4, 8, 500.0).estimate.exponents;
        assert!((found[0] + found[3]).abs() < 1e-3 && (found[1] + found[2]).abs() < 1e-3, "{found:?}");
    }

    #[test]
    fn it_is_known_of_every_system_whether_it_is_chaotic() {
        let published = |name: &str| match name {
            "chua" => Some(0.33),
            "duffing" => Some(0.107), // by this program; others give no number for these parameters
            "lorenz" => Some(0.9056),
            "lorenz96" => Some(1.68),
            "rossler" => Some(0.0714),
            "thomas" => Some(0.0349),
            _ => None,
        };
        // those that are text have a test of their own
        for entry in SYSTEMS.iter().filter(|entry| entry.text.is_none()) {
            let system = (entry.build)((entry.defaults)()).unwrap();
            let found = largest(&*system, &system.initial_region(), system.sampling()[0]);
            match (found, published(entry.name)) {
                (Some(found), Some(published)) => {
                    assert!((found / published - 1.0).abs() < 0.1, "{}: {found} for {published}", entry.name);
                }
                (found, published) => assert_eq!(found, published, "{}", entry.name),
            }
        }
    }

    #[test]
    fn a_limit_cycle_has_the_dimension_1() {
        let cycle = of(&VanDerPol { mu: 1.0 }, 2, 8, 100.0).kaplan_yorke.unwrap();
        assert!((cycle[0] - 1.0).abs() < 0.05, "{cycle:?}");
    }

    #[test]
    fn the_time_scale_is_that_which_is_given() {
        // Lorenz a thousand times as slow and as fast
        for rate in [1e-3, 1e3] {
            let equations = serde_json::json!({
                "state": {"x": "r*10*(y - x)", "y": "r*(x*(28 - z) - y)", "z": "r*(x*y - 8/3*z)"},
                "parameters": {"r": rate},
                "initial": {"x": [-15.0, 15.0], "y": [-15.0, 15.0], "z": [-15.0, 15.0]}
            });
            let entry = SYSTEMS.iter().find(|entry| entry.name == "equations").unwrap();
            let system = (entry.build)(equations).unwrap();
            let region = system.initial_region();
            let found = largest(&*system, &region, 0.01 / rate).unwrap() / rate;
            assert!((found - 0.9056).abs() < 0.02, "{rate}: {found}");
        }
    }

    #[test]
    fn what_is_complete_is_kept_when_it_is_stopped() {
        let system = Lorenz::default();
        let region = System::initial_region(&system);
        let following =
            Following { exponents: 1, trajectories: 8, time: 20.0, ..Following::of(&system, 0.01, 1) };
        let until = |part: f64| spectrum(&system, &region, &following, &move |done| done < part).unwrap();
        assert_eq!(until(1e-3), None);
        let some = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(|| until(0.7));
        let some = some.unwrap();
        assert!((2..8).contains(&some.trajectories), "{}", some.trajectories);
        assert_eq!(until(2.0).unwrap().trajectories, 8);
        let parts = std::sync::Mutex::new(vec![]);
        let note = |part: f64| {
            parts.lock().unwrap().push(part);
            true
        };
        spectrum(&system, &region, &following, &note).unwrap();
        let parts = parts.into_inner().unwrap();
        let last = parts.iter().copied().fold(0.0, f64::max);
        assert!((last - 1.0).abs() < 1e-9 && parts.len() > 100, "{last} in {} parts", parts.len());
    }

    #[test]
    fn the_time_is_estimated_before() {
        let system = Lorenz96 { variables: 400, ..Lorenz96::default() };
        let region = System::initial_region(&system);
        let of = |exponents| {
            let following = Following::of(&system, 0.05, 1);
            seconds(&system, &region, &Following { exponents, ..following }).unwrap()
        };
        // of as many vectors as can be in one group it is linear, and for many quadratic
        let (few, many) = (of(8), of(400));
        assert!(few > 0.0 && many > 2.0 * few, "{few} {many}");
    }

    #[test]
    fn settings_out_of_range_are_told() {
        let system = Lorenz::default();
        let region = System::initial_region(&system);
        let standard = Following::of(&system, 0.01, 3);
        for (following, words) in [
            (Following { exponents: 4, ..standard }, "ask for 1 to 3"),
            (Following { exponents: 0, ..standard }, "ask for 1 to 3"),
            (Following { trajectories: 1, ..standard }, "needs 2 at least"),
            (Following { time: f64::NAN, ..standard }, "must be above 0"),
            (Following { transient: -1.0, ..standard }, "not below"),
        ] {
            let fault = spectrum(&system, &region, &following, &|_| true).unwrap_err().to_string();
            assert!(fault.contains(words), "{fault}");
        }
    }
}
