//! Lyapunov exponents: the mean rates at which small differences grow, by tangent vectors that are carried along a
//! trajectory and made orthonormal again and again (Benettin, Galgani, Giorgilli, Strelcyn 1980, Meccanica 15, 9 and 21;
//! Shimada and Nagashima 1979).
//!
//! The tangent vectors are the derivatives in dual numbers: one integration with them is the derivative of the
//! integration, to the order of the method. Trajectories from several starts are followed side by side; as they know
//! nothing of each other, the spread of their means gives the standard error.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::integrators::adaptive::{Method, NEXT, U, Work, control, first_step, vanishes};
use crate::integrators::dop853::Dop853;
use crate::{Ode, SimulationError, System, random};
use autodiff::Dual;

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
    /// Bound on the local error of a step, relative and absolute.
    pub tolerance: f64,
    /// Seed of the starts.
    pub seed: u64,
}

impl Following {
    /// So long that the largest exponents of the systems here are known to a thousandth in some seconds, and the more
    /// shortly the more exponents are asked.
    pub fn of(system: &dyn System, exponents: usize) -> Self {
        let dt = system.sampling()[0];
        let work = (exponents * system.dim()) as f64 / 9.0;
        Following {
            exponents,
            trajectories: 32,
            time: dt * (1e5 / work.max(1.0)).max(500.0),
            transient: 2000.0 * dt,
            tolerance: 1e-9,
            seed: 0,
        }
    }
}

/// How a step-size control stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Steps {
    /// The step to try next, 0 where none is known.
    pub next: f64,
    /// Steps that may still be taken.
    pub left: u64,
}

/// Steps that a trajectory may take.
const MOST_STEPS: u64 = 20_000_000;

/// Growth of tangent vectors along one trajectory: at some times the sums of the logarithms of the lengths they had.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// Times since the transient, ascending.
    pub times: Vec<f64>,
    /// [time][exponent]
    pub logarithms: Vec<Vec<f64>>,
}

/// Exponents with their standard errors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Time for which each trajectory was followed.
    pub time: f64,
    /// The exponents per unit of time, in descending order.
    pub exponents: Vec<f64>,
    /// Their standard errors, from the spread over trajectories.
    pub standard_errors: Vec<f64>,
}

/// A spectrum of Lyapunov exponents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spectrum {
    /// The result.
    #[serde(flatten)]
    pub estimate: Estimate,
    /// Independent trajectories.
    pub trajectories: usize,
    /// The dimension of the attractor by the formula of Kaplan and Yorke (1979), and its standard error; none where the
    /// sum of the exponents that are known is still positive.
    pub kaplan_yorke: Option<[f64; 2]>,
    /// What was known on the way.
    pub convergence: Vec<Estimate>,
}

impl Spectrum {
    /// From trajectories that were followed over the same times; at least two.
    pub fn new(histories: &[History]) -> Self {
        let convergence: Vec<Estimate> =
            (0..histories[0].times.len()).map(|i| Estimate::new(histories, i)).collect();
        let last = convergence.len() - 1;
        let count = histories.len();
        let means = |leaving_out: Option<usize>| -> Vec<f64> {
            let kept = (0..count).filter(|&i| Some(i) != leaving_out);
            (0..histories[0].logarithms[last].len())
                .map(|k| {
                    let sum: f64 = kept
                        .clone()
                        .map(|i| histories[i].logarithms[last][k] / histories[i].times[last])
                        .sum();
                    sum / kept.clone().count() as f64
                })
                .collect()
        };
        // The dimension is no linear function: its error by the jackknife.
        let kaplan_yorke = kaplan_yorke(&means(None)).map(|dimension| {
            let others: Vec<f64> =
                (0..count).map(|i| kaplan_yorke(&means(Some(i))).unwrap_or(dimension)).collect();
            let mean = others.iter().sum::<f64>() / count as f64;
            let squares: f64 = others.iter().map(|x| (x - mean).powi(2)).sum();
            [dimension, (squares * (count - 1) as f64 / count as f64).sqrt()]
        });
        Spectrum { estimate: convergence[last].clone(), trajectories: count, kaplan_yorke, convergence }
    }
}

impl Estimate {
    fn new(histories: &[History], at: usize) -> Self {
        let (count, time) = (histories.len() as f64, histories[0].times[at]);
        let rates = |k: usize| histories.iter().map(move |h| h.logarithms[at][k] / h.times[at]);
        let exponents: Vec<f64> =
            (0..histories[0].logarithms[at].len()).map(|k| rates(k).sum::<f64>() / count).collect();
        let standard_errors = exponents
            .iter()
            .enumerate()
            .map(|(k, mean)| {
                let squares: f64 = rates(k).map(|rate| (rate - mean).powi(2)).sum();
                (squares / (count - 1.0) / count).sqrt()
            })
            .collect();
        Estimate { time, exponents, standard_errors }
    }
}

/// The number of exponents whose sum is not negative, and the part of the next one that brings the sum to 0 (Kaplan and
/// Yorke 1979). None where the sum of all is positive, of too few exponents or of a system that expands.
pub fn kaplan_yorke(exponents: &[f64]) -> Option<f64> {
    let mut sum = 0.0;
    for (i, exponent) in exponents.iter().enumerate() {
        if sum + exponent < 0.0 {
            return Some(i as f64 + sum / exponent.abs());
        }
        sum += exponent;
    }
    None
}

/// Makes `vectors` [vector, component] orthonormal from the first on, and adds the logarithms of the lengths they had
/// beside the others to `logarithms` (Gram and Schmidt, in the stable order, twice).
pub fn orthonormalise(vectors: &mut [f64], logarithms: &mut [f64]) {
    let dim = vectors.len() / logarithms.len();
    for k in 0..logarithms.len() {
        let (before, rest) = vectors.split_at_mut(k * dim);
        let vector = &mut rest[..dim];
        for _ in 0..2 {
            for other in before.chunks_exact(dim) {
                let along: f64 = vector.iter().zip(other).map(|(a, b)| a * b).sum();
                vector.iter_mut().zip(other).for_each(|(a, b)| *a -= along * b);
            }
        }
        let length = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
        vector.iter_mut().for_each(|x| *x /= length);
        logarithms[k] += length.ln();
    }
}

/// Vectors along the axes, [vector, component], from the first axis on.
pub fn axes(count: usize, dim: usize) -> Vec<f64> {
    (0..count * dim).map(|i| f64::from(u8::from(i / dim == i % dim))).collect()
}

/// Estimates on the way to the last.
const CHECKPOINTS: usize = 16;

/// The spectrum of a system along trajectories from its random starts, in parallel, with a result that does not depend
/// on the number of threads. `progress` is told the part that is done.
///
/// # Errors
/// Settings out of range; a trajectory that cannot be followed.
pub fn spectrum(
    system: &dyn System,
    region: &[[f64; 2]],
    following: &Following,
    progress: &(dyn Fn(f64) -> bool + Sync),
) -> Result<Option<Spectrum>, SimulationError> {
    let Following { exponents, trajectories, time, transient, tolerance, seed } = *following;
    let invalid = |fault: String| Err(SimulationError::Invalid(fault));
    if !(1..=system.dim()).contains(&exponents) {
        return invalid(format!(
            "{exponents} exponents of {} with {} components: ask for 1 to {}",
            system.name(),
            system.dim(),
            system.dim()
        ));
    }
    if trajectories < 2 {
        return invalid(format!("trajectories = {trajectories}: a standard error needs 2 at least"));
    }
    if !(time > 0.0 && time.is_finite() && transient >= 0.0 && transient.is_finite()) {
        return invalid(format!("time = {time} must be above 0, and transient = {transient} not below"));
    }
    let done = std::sync::atomic::AtomicU64::new(0);
    let histories: Result<Vec<Option<History>>, SimulationError> = (0..trajectories)
        .into_par_iter()
        .map(|trajectory| {
            let mut stream = random::stream(seed, "lyapunov", trajectory as u64);
            let mut flow = Flow {
                system,
                t: 0.0,
                u: system.random_start(region, &mut stream),
                vectors: axes(exponents, system.dim()),
                interval: 10.0 * system.sampling()[0],
                steps: Steps { next: 0.0, left: MOST_STEPS },
                tolerance,
            };
            let fail = |error| SimulationError::Trajectory { trajectory, error: Box::new(error) };
            flow.follow(transient, &mut vec![0.0; exponents]).map_err(fail)?;
            let mut history = History { times: vec![], logarithms: vec![] };
            let mut logarithms = vec![0.0; exponents];
            for checkpoint in 1..=CHECKPOINTS {
                let until = time * checkpoint as f64 / CHECKPOINTS as f64;
                let before = history.times.last().copied().unwrap_or(0.0);
                flow.follow(until - before, &mut logarithms).map_err(fail)?;
                history.times.push(until);
                history.logarithms.push(logarithms.clone());
                let done = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
                if !progress(done as f64 / (trajectories * CHECKPOINTS) as f64) {
                    return Ok(None);
                }
            }
            Ok(Some(history))
        })
        .collect();
    let histories: Option<Vec<History>> = histories?.into_iter().collect();
    Ok(histories.map(|histories| Spectrum::new(&histories)))
}

/// The largest exponent of a system that is chaotic, from some starts in `region`, to about a part in 300; none of one
/// that is not, or that cannot be followed.
///
/// Chaos is growth that is certain (three standard errors above 0) and faster than any power of time would be: along a
/// regular orbit differences grow in proportion to the time at most.
pub fn largest(system: &dyn System, region: &[[f64; 2]]) -> Option<f64> {
    let samples = 20_000.0;
    let time = samples * system.sampling()[0];
    let following = Following { time, trajectories: 16, ..Following::of(system, 1) };
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
    tolerance: f64,
}

impl Flow<'_> {
    /// Follows it for `time`, and adds up the growth.
    fn follow(&mut self, time: f64, logarithms: &mut [f64]) -> Result<(), SimulationError> {
        let end = self.t + time;
        let mut growth = vec![0.0; logarithms.len()];
        while self.t < end {
            let to = if self.t + 1.01 * self.interval > end { end } else { self.t + self.interval };
            self.system.tangent(
                [self.t, to],
                &mut self.steps,
                self.tolerance,
                &mut self.u,
                &mut self.vectors,
            )?;
            self.t = to;
            growth.fill(0.0);
            orthonormalise(&mut self.vectors, &mut growth);
            let (most, least) = growth.iter().fold((f64::MIN, f64::MAX), |(a, b), &x| (a.max(x), b.min(x)));
            if !(most.is_finite() && least.is_finite()) {
                return Err(SimulationError::Diverged { t: self.t });
            }
            // Vectors of lengths that differ by more than e^12 lose 5 of their 16 digits to the longest.
            if most - least > 12.0 {
                self.interval /= 2.0;
            }
            logarithms.iter_mut().zip(&growth).for_each(|(sum, growth)| *sum += growth);
        }
        Ok(())
    }
}

/// Carries a state and `N` tangent vectors on, with the steps that the state alone would take.
struct Carry<'a, O, const N: usize> {
    ode: &'a O,
    span: [f64; 2],
    steps: &'a mut Steps,
    tolerance: f64,
    u: &'a mut [f64],
    /// [vector, component], at most `N` vectors
    vectors: &'a mut [f64],
}

impl<O: Ode, const N: usize> Carry<'_, O, N> {
    fn run(self) -> Result<(), SimulationError> {
        let Carry { ode, span: [mut t, end], steps, tolerance, u, vectors } = self;
        let dim = ode.dim();
        let mut work: Work<Dual<N>> = Work::new::<Dop853>(dim);
        let x = work.x.row_mut(U, dim);
        for j in 0..dim {
            x[j] = Dual::from(u[j]);
            for (i, vector) in vectors.chunks_exact(dim).enumerate() {
                x[j].tangent[i] = vector[j];
            }
        }
        ode.rhs(Dual::from(t), work.x.row(U, dim), work.k.row_mut(0, dim));
        if steps.next <= 0.0 {
            let f0: Vec<f64> = work.k.row(0, dim).iter().map(|f| f.value).collect();
            steps.next = first_step(ode, t, end - t, tolerance, u, &f0, Dop853::ORDER);
        }
        let mut after_rejection = false;
        while t < end {
            let (mut h, mut to) = (steps.next, t + steps.next);
            let cut = t + 1.01 * h > end;
            if cut {
                (h, to) = (end - t, end);
            }
            Dop853::step(ode, Dual::from(t), Dual::from(h), &mut work);
            ode.rhs(Dual::from(to), work.x.row(NEXT, dim), work.k.row_mut(Dop853::LAST, dim));
            let error = Dop853::error(dim, Dual::from(h), tolerance, &work).value;
            let (accepted, next) = control::<Dop853>(error, h, after_rejection);
            after_rejection = !accepted;
            // A step that was cut to end in time says little about the length of the next.
            if !(accepted && cut && next < steps.next) {
                steps.next = next;
            }
            steps.left = steps.left.saturating_sub(1);
            if !accepted {
                if vanishes(next, t) {
                    return Err(SimulationError::Diverged { t });
                }
                continue;
            }
            if steps.left == 0 {
                return Err(SimulationError::TooManySteps { t, limit: MOST_STEPS as u32 });
            }
            for j in 0..dim {
                let next = work.x.row(NEXT, dim)[j];
                work.x.row_mut(U, dim)[j] = next;
                let derivative = work.k.row(Dop853::LAST, dim)[j];
                work.k.row_mut(0, dim)[j] = derivative;
            }
            t = to;
        }
        let x = work.x.row(U, dim);
        for j in 0..dim {
            u[j] = x[j].value;
            for (i, vector) in vectors.chunks_exact_mut(dim).enumerate() {
                vector[j] = x[j].tangent[i];
            }
        }
        Ok(())
    }
}

/// The tangent vectors `vectors` [vector, component] and the state `u`, carried from one time to another; vectors are
/// taken in groups, each with the same steps, for these depend on the state alone.
pub(crate) fn tangent(
    ode: &impl Ode,
    span: [f64; 2],
    steps: &mut Steps,
    tolerance: f64,
    u: &mut [f64],
    vectors: &mut [f64],
) -> Result<(), SimulationError> {
    let dim = ode.dim();
    let (u0, steps0) = (u.to_vec(), *steps);
    for vectors in vectors.chunks_mut(4 * dim) {
        u.copy_from_slice(&u0);
        *steps = steps0;
        match vectors.len() / dim {
            1 => Carry::<_, 1> { ode, span, steps, tolerance, u, vectors }.run()?,
            _ => Carry::<_, 4> { ode, span, steps, tolerance, u, vectors }.run()?,
        }
    }
    Ok(())
}

/// The derivatives of the right-hand side by the components of the state, [row, column].
pub(crate) fn jacobian(ode: &impl Ode, t: f64, u: &[f64], jacobian: &mut [f64]) {
    const N: usize = 4;
    let dim = ode.dim();
    let mut x: Vec<Dual<N>> = u.iter().map(|&u| Dual::from(u)).collect();
    let mut f = vec![Dual::from(0.0); dim];
    for first in (0..dim).step_by(N) {
        let columns = first..dim.min(first + N);
        for j in 0..dim {
            x[j] = if columns.contains(&j) { Dual::variable(u[j], j - first) } else { Dual::from(u[j]) };
        }
        ode.rhs(Dual::from(t), &x, &mut f);
        for row in 0..dim {
            for column in columns.clone() {
                jacobian[row * dim + column] = f[row].tangent[column - first];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::systems::Lorenz;

    fn of(system: &dyn System, exponents: usize, trajectories: usize, time: f64) -> Spectrum {
        let following =
            Following { exponents, trajectories, time, transient: 50.0, tolerance: 1e-9, seed: 0 };
        spectrum(system, &system.initial_region(), &following, &|_| true).unwrap().unwrap()
    }

    #[test]
    fn the_spectrum_of_lorenz_is_the_published_one() {
        let begin = std::time::Instant::now();
        let found = of(&Lorenz::default(), 3, 32, 1000.0);
        println!("{:?} {:?} {:?}", found.estimate, found.kaplan_yorke, begin.elapsed());
        // Sprott, "Chaos and Time-Series Analysis" (2003), p. 431
        for (k, published) in [0.9056, 0.0, -14.5723].into_iter().enumerate() {
            let (exponent, error) = (found.estimate.exponents[k], found.estimate.standard_errors[k]);
            assert!((exponent - published).abs() < 0.003, "{exponent} +- {error} for {published}");
        }
        let sum: f64 = found.estimate.exponents.iter().sum();
        assert!((sum + 10.0 + 1.0 + 8.0 / 3.0).abs() < 1e-6, "{sum}");
    }
}
