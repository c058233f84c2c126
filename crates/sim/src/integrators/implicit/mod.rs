//! What the implicit methods for stiff systems share. They integrate one trajectory at a time, in scalar numbers rather
//! than SIMD lanes. The trajectories of an ensemble run in parallel, and none depends on another.
//!
//! A system is stiff where a component relaxes much faster than the solution changes. An explicit method must resolve
//! the relaxation to stay stable. An implicit method solves an equation for each step, with the Jacobian of the
//! right-hand side, and its steps can be as long as the smoothness of the solution allows (Hairer and Wanner, "Solving
//! Ordinary Differential Equations II", 2nd edition, chapter IV).

mod radau;
mod rodas5p;

use nalgebra::{DMatrix, Dyn, LU};
pub(crate) use radau::Radau;
pub(crate) use rodas5p::Rodas5p;

use super::tolerance::{ROUNDING, SMALLEST, Tolerance};
use super::{MAX_STEPS, adaptive::vanishes};
use crate::{SimulationError, System};
use trajectory::Times;

/// The longest step, in sample intervals: no step may skip an event that lasts an interval. A right-hand side that is
/// constant for a while, such as that of a force before it sets in, gives no hint of what will come.
pub(crate) const LONGEST_STEP: f64 = 2.0;

/// Where a step begins.
pub(crate) struct Point<'a> {
    system: &'a dyn System,
    t: f64,
    u: &'a [f64],
    /// The right-hand side there.
    f: &'a [f64],
}

/// The outcome of a step, and the length of the next step or attempt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Attempt {
    Accepted { next_h: f64 },
    Rejected { next_h: f64 },
}

/// An implicit method with an error estimate and an interpolation. It keeps those results of the last step that the next
/// step can use.
pub(crate) trait Method {
    /// The power of the step that its error estimate is proportional to.
    const ERROR_ORDER: i32;

    /// For systems of `dim` components.
    fn new(dim: usize) -> Self;
    /// Tries a step of length `h`.
    fn step(&mut self, point: &Point, h: f64, bounds: &Bounds) -> Attempt;
    /// Whether all values in the last attempt were finite.
    fn finite(&self) -> bool;
    /// The state after the step.
    fn next(&self) -> &[f64];
    /// Component `j` after a fraction `theta` of the step from `u`.
    fn at(&self, theta: f64, j: usize, u: &[f64]) -> f64;
    /// The Jacobian that the last step used, [row, column].
    fn jacobian(&self) -> &[f64];
    /// Forgets the last step when an accepted step is undone.
    fn undo(&mut self);
}

/// The factor by which a scale fades in a step in which the component is zero: it halves in 140 steps.
const MEMORY: f64 = 0.995;

/// The tolerated error of a step: a fraction of the size of each component and of its scale.
///
/// - The scale of a component is its largest recent absolute value. It is needed when the component crosses zero.
/// - The floor is for a component that is zero except for errors, such as the difference of two components that should be
///   equal. It is the rate at which rounding moves the component; the component's own relaxation limits how far.
pub(crate) struct Bounds {
    tolerance: Tolerance,
    scales: Vec<f64>,
    /// The floors: errors per unit of time.
    floors: Vec<f64>,
    /// Absolute values of the diagonal of the Jacobian.
    relaxations: Vec<f64>,
    /// The length of the step.
    h: f64,
}

impl Bounds {
    fn new(tolerance: Tolerance, start: &[f64]) -> Self {
        let zeros = vec![0.0; start.len()];
        let scales = start.iter().map(|u| u.abs()).collect();
        Bounds { tolerance, scales, floors: zeros.clone(), relaxations: zeros, h: 0.0 }
    }

    /// Updates the scales with the state `u`, and the floors with a Jacobian near it.
    fn follow(&mut self, u: &[f64], jacobian: &[f64]) {
        self.scales.iter_mut().zip(u).for_each(|(scale, u)| *scale = (*scale * MEMORY).max(u.abs()));
        for (j, row) in jacobian.chunks_exact(u.len()).enumerate() {
            let floor: f64 = row.iter().zip(u).map(|(slope, u)| ROUNDING * slope.abs() * u.abs()).sum();
            self.floors[j] = if floor.is_finite() { floor } else { 0.0 };
            self.relaxations[j] = row[j].abs();
        }
    }

    /// The root mean square, over components, of `error` divided by the tolerated error of a step from `u` to `next`; at
    /// most 1 if the step is accurate enough.
    fn norm(&self, error: &[f64], u: &[f64], next: &[f64]) -> f64 {
        let Tolerance { relative, absolute } = self.tolerance;
        let mut sum = 0.0;
        for j in 0..error.len() {
            let size = u[j].abs().max(next[j].abs());
            let absolute = if absolute > 0.0 {
                absolute
            } else {
                relative * self.scales[j] + self.floors[j] / (1.0 / self.h + self.relaxations[j])
            };
            sum += (error[j] / (relative * size + absolute + SMALLEST)).powi(2);
        }
        (sum / error.len() as f64).sqrt()
    }

    /// Whether a component at its largest changes by more than a millionth of itself even in the last, shortest step, as it
    /// does near a pole.
    fn grows(&self, u: &[f64], f: &[f64]) -> bool {
        (0..u.len()).any(|j| u[j].abs() >= self.scales[j] && self.h * f[j].abs() > 1e-6 * u[j].abs())
    }
}

/// Whether all are finite.
fn finite(x: &[f64]) -> bool {
    x.iter().all(|x| x.is_finite())
}

/// Replaces infinite slopes, such as that of a square root at 0, by 0. The methods need only an approximate Jacobian
/// there: the error estimate decides whether a step is accurate enough.
fn without_infinities(slopes: &mut [f64]) {
    slopes.iter_mut().filter(|slope| !slope.is_finite()).for_each(|slope| *slope = 0.0);
}

/// The LU factors of `shift` times the identity minus `jacobian` [row, column]; none if that matrix is singular.
fn factorised<T: nalgebra::ComplexField<RealField = f64>>(
    shift: T,
    jacobian: &[f64],
    dim: usize,
) -> Option<LU<T, Dyn, Dyn>> {
    let matrix = DMatrix::from_fn(dim, dim, |i, j| {
        let entry = T::from_real(-jacobian[i * dim + j]);
        if i == j { entry + shift.clone() } else { entry }
    });
    let factors = LU::new(matrix);
    factors.is_invertible().then_some(factors)
}

/// The length of the first step, for which the terms of first and second order of an explicit step are a hundredth of
/// the state (Hairer, Norsett, Wanner, "Solving Ordinary Differential Equations I", II.4, "Starting Step Size").
fn first_step(point: &Point, span: f64, bounds: &Bounds, order: i32) -> f64 {
    let Point { system, t, u, f } = *point;
    let norm = |x: &[f64]| bounds.norm(x, u, u);
    let (d0, d1) = (norm(u), norm(f));
    let h0 = if d1.is_finite() && d0 > 0.0 && d1 > 0.0 { 0.01 * d0 / d1 } else { 1e-6 * span };
    let h0 = h0.min(span);
    let ahead: Vec<f64> = u.iter().zip(f).map(|(u, f)| u + h0 * f).collect();
    let mut change = vec![0.0; u.len()];
    system.right_hand_side(t + h0, &ahead, &mut change);
    change.iter_mut().zip(f).for_each(|(change, f)| *change -= f);
    let steepest = d1.max(bounds.norm(&change, u, &ahead) / h0);
    let h1 = (0.01 / steepest).powf(1.0 / f64::from(order));
    let h = (100.0 * h0).min(h1);
    if h > 0.0 && h.is_finite() { h.min(span) } else { h0.min(1e-6 * span) }
}

/// Writes the states at `times`, [time, component], of the trajectory from `start` to `out`.
///
/// # Errors
/// A solution that becomes infinite or NaN, or more than [`MAX_STEPS`] steps from one sample to the next.
pub(crate) fn trajectory<M: Method>(
    system: &dyn System,
    start: &[f64],
    times: &Times,
    tolerance: Tolerance,
    out: &mut [f64],
) -> Result<(), SimulationError> {
    let (dim, samples) = (start.len(), times.samples());
    let (begin, end) = (times.at(0), times.at(samples - 1));
    out[..dim].copy_from_slice(start);
    let (mut u, mut f, mut next_f) = (start.to_vec(), vec![0.0; dim], vec![0.0; dim]);
    system.right_hand_side(begin, &u, &mut f);
    if !(finite(&u) && finite(&f)) {
        return Err(SimulationError::Diverged { t: begin });
    }
    let longest = (LONGEST_STEP * times.dt()).min(end - begin);
    let mut bounds = Bounds::new(tolerance, start);
    let mut method = M::new(dim);
    let mut jacobian = vec![0.0; dim * dim];
    system.jacobian(begin, start, &mut jacobian);
    without_infinities(&mut jacobian);
    bounds.follow(start, &jacobian);
    bounds.h = longest;
    let point = Point { system, t: begin, u: &u, f: &f };
    let mut h = first_step(&point, longest, &bounds, M::ERROR_ORDER);
    let (mut t, mut sample, mut steps) = (begin, 1, 0);
    while sample < samples {
        let mut to = t + h;
        if t + 1.01 * h > end {
            (h, to) = (end - t, end);
        }
        bounds.h = h;
        let mut attempt = method.step(&Point { system, t, u: &u, f: &f }, h, &bounds);
        let mut overflows = !method.finite();
        if let Attempt::Accepted { .. } = attempt {
            system.right_hand_side(to, method.next(), &mut next_f);
            overflows |= !finite(&next_f);
            if overflows {
                method.undo();
                attempt = Attempt::Rejected { next_h: 0.1 * h };
            }
        }
        steps += 1;
        match attempt {
            Attempt::Accepted { next_h } => {
                while sample < samples && times.at(sample) <= to {
                    let time = times.at(sample);
                    let row = &mut out[sample * dim..][..dim];
                    if time < to {
                        let theta = (time - t) / h;
                        row.iter_mut().enumerate().for_each(|(j, x)| *x = method.at(theta, j, &u));
                    } else {
                        row.copy_from_slice(method.next());
                    }
                    (sample, steps) = (sample + 1, 0);
                }
                u.copy_from_slice(method.next());
                bounds.follow(&u, method.jacobian());
                std::mem::swap(&mut f, &mut next_f);
                (t, h) = (to, next_h.min(longest));
            }
            Attempt::Rejected { next_h } => {
                if vanishes(next_h, t) || next_h < f64::MIN_POSITIVE {
                    return Err(if overflows || bounds.grows(&u, &f) {
                        SimulationError::Diverged { t }
                    } else {
                        SimulationError::Singular { t }
                    });
                }
                h = next_h;
            }
        }
        if steps >= MAX_STEPS {
            return Err(SimulationError::TooManySteps { t: times.at(sample - 1), limit: MAX_STEPS });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
