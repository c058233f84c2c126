//! Steps of a length that the error decides, with interpolation at the samples: what Dormand and Prince's methods
//! share (Hairer, Norsett, Wanner, "Solving Ordinary Differential Equations I", II.4 to II.6).
//!
//! Each lane has its own time and its own step, and finishes for itself. In lock-step, with one step for all lanes,
//! the arithmetic would be the same but the smallest step would bind all of them, and a trajectory would depend on
//! those beside it; so it is the same to the bit alone and in any company.
//!
//! A smooth solution allows steps much longer than a sample interval, but a step evaluates the right-hand side only at
//! its stages and could miss a pulse or a jump between them. So the right-hand side is also evaluated at every sample
//! within a step and compared with the slope of the interpolation; the difference is the *defect*. If the defect is far
//! larger than the tolerance explains, a shorter step is tried instead. A right-hand side that is a polynomial of low
//! degree cannot hide a pulse, so it skips this check ([`may_hide`]). What a step can still miss moves a component by no
//! more than [`Method::DEFECT`] times the tolerance, which is about the error of a sample between two steps.
//!
//! At a jump, steps shrink until the error of a step across it is tolerated, or until a shorter step would no longer
//! change the time in floating-point numbers; that last step is accepted as it is.

use std::marker::PhantomData;

use super::degree::may_hide;
use super::right_hand_side::RightHandSide;
use super::rows::Rows;
use super::slopes::Slopes;
use super::tolerance::Tolerance;
use super::{Block, MAX_STEPS, Outcomes};
use crate::lanes::{LANES, Lanes, Vector, Vectorised, vectorised};
use crate::{Scalar, SimulationError};

/// How many of the steps in a sample interval may be accepted only because they cannot be shorter. A jump of the
/// right-hand side needs one or two.
const MOST_UNREFUSED: u32 = 100;

/// The row of derivatives for samples within a step; nothing else uses this row after the step.
const AT_SAMPLE: usize = 1;

/// Room for a step.
pub(crate) struct Work<S> {
    /// The present state, the argument of a stage, and the next state.
    pub(crate) u: Vec<S>,
    pub(crate) stage: Vec<S>,
    pub(crate) next: Vec<S>,
    /// The mean derivative over the step, for methods that need it again.
    pub(crate) slope: Vec<S>,
    /// Derivatives at the stages; the first at the present state.
    pub(crate) k: Rows<S>,
    /// Coefficients of the interpolation, [component, coefficient].
    pub(crate) c: Vec<S>,
    /// The bounds on the error of a step, see [`Tolerance`]: the scale of each component, its floor, and the reciprocal of
    /// the bound.
    pub(crate) scale: Vec<S>,
    pub(crate) floor: Vec<S>,
    pub(crate) weight: Vec<S>,
}

impl<S: Scalar> Work<S> {
    pub(crate) fn new<M: Method>(dim: usize) -> Self {
        let zeros = || vec![S::from(0.0); dim];
        Work {
            u: zeros(),
            stage: zeros(),
            next: zeros(),
            slope: zeros(),
            k: Rows::new(M::DERIVATIVES, dim),
            c: vec![S::from(0.0); M::COEFFICIENTS * dim],
            scale: zeros(),
            floor: zeros(),
            weight: zeros(),
        }
    }

    /// Computes the weight of each component in the error of the last step, of length `h`.
    #[inline(always)]
    pub(crate) fn weigh(&mut self, h: S, tolerance: &Tolerance) {
        let dim = self.u.len();
        let (next, scale) = (&self.next[..dim], &self.scale[..dim]);
        let (floor, weight) = (&self.floor[..dim], &mut self.weight[..dim]);
        for j in 0..dim {
            weight[j] = S::from(1.0) / tolerance.bound(scale[j].max(next[j].abs()), floor[j], h);
        }
    }
}

/// A Runge-Kutta method with an error estimate and an interpolation.
pub(crate) trait Method {
    /// Its order.
    const ORDER: i32;
    /// The largest defect of the interpolation at a sample, times the step and in units of the tolerated error, that the
    /// error of the interpolation itself explains. A larger one shows something that no stage of the step has seen.
    const DEFECT: f64;
    /// Rows of derivatives.
    const DERIVATIVES: usize;
    /// The row that the derivative at the next state is written to.
    const LAST: usize;
    /// The row of the derivative at the last stage that stands at the end of the step.
    const AT_END: usize;
    /// Coefficients of the interpolation.
    const COEFFICIENTS: usize;
    /// Bounds on the ratio of two successive steps.
    const CHANGE: [f64; 2];
    /// Steps times the dominant eigenvalue beyond which it is unstable.
    const STABLE: f64;

    /// From the state and its derivative the next state, and the derivatives of the stages between.
    fn step<S: Scalar>(system: &dyn Slopes<S>, t: S, h: S, work: &mut Work<S>);
    /// The error of the step divided by the tolerated error; at most 1 if the step is accepted. See [`Work::weigh`].
    fn error<S: Scalar>(h: S, work: &Work<S>) -> S;
    /// An error to the power of one over the order: the factor by which it asks for shorter steps.
    fn factor(error: f64) -> f64;
    /// The coefficients of the interpolation, once the derivative at the next state is known.
    fn interpolation<S: Scalar>(system: &dyn Slopes<S>, t: S, h: S, work: &mut Work<S>);
    /// A component after a fraction `theta` of the step, and its derivative by `theta`, from its coefficients `c`.
    fn at<S: Scalar>(c: &[S], theta: S) -> [S; 2];
}

/// Whether a step with this error is accepted, and the length of the next. After a rejection a step does not grow.
#[inline(always)]
pub(crate) fn control<M: Method>(error: f64, h: f64, after_rejection: bool) -> (bool, f64) {
    let [least, most] = M::CHANGE;
    let wanted = 0.9 / M::factor(error); // infinite for no error
    let accepted = error <= 1.0;
    let most = if !accepted || after_rejection { 1.0 } else { most };
    // a NaN falls to the least
    let change = if wanted > least { if wanted < most { wanted } else { most } } else { least };
    (accepted, h * change)
}

/// Whether a step has become too short to change the time `t`.
#[inline(always)]
pub(crate) fn vanishes(h: f64, t: f64) -> bool {
    h.is_nan() || 0.1 * h <= f64::EPSILON * t.abs()
}

/// The length of the first step from the state and its derivative `f0`. The step is so short that the terms of first and
/// second order are small compared with the state (after Hairer, Norsett, Wanner, II.4, "Starting Step Size"). The result
/// does not depend on the units of state and time. `dt` is a short time on the scale of the system, such as a sample
/// interval: the size of a component counts as at least the distance that it moves in that time.
pub(crate) fn first_step(
    system: &dyn Slopes<f64>,
    t: f64,
    [dt, span]: [f64; 2],
    tolerance: f64,
    u: &[f64],
    f0: &[f64],
    order: i32,
) -> f64 {
    // The largest rate of change, relative to the size of each component. The first step will detect a NaN.
    let rate = |sizes: &[f64], changes: &dyn Fn(usize) -> f64| {
        let each = (0..u.len()).filter(|&j| sizes[j] > 0.0).map(|j| changes(j).abs() / sizes[j]);
        each.fold(0.0, f64::max)
    };
    let mut sizes: Vec<f64> = u.iter().zip(f0).map(|(u, f)| u.abs().max(dt * f.abs())).collect();
    let first = rate(&sizes, &|j| f0[j]);
    let h0 = (if first > 0.0 { 0.01 / first } else { 0.01 * dt }).min(span);
    let ahead: Vec<f64> = u.iter().zip(f0).map(|(u, f)| u + h0 * f).collect();
    let mut f1 = vec![0.0; u.len()];
    system.slopes(t + h0, &ahead, &mut f1);
    sizes.iter_mut().zip(&f1).for_each(|(size, f)| *size = size.max(dt * f.abs()));
    let second = rate(&sizes, &|j| f1[j] - f0[j]) / h0;
    // infinite if nothing moves
    let h1 = tolerance.powf(1.0 / f64::from(order)) / first.max(second.sqrt());
    let h = (100.0 * h0).min(h1).min(span);
    if h > 0.0 { h } else { span }
}

/// How far a trajectory is.
#[derive(Clone, Copy)]
struct Lane {
    /// The next sample to write.
    sample: usize,
    /// Steps since the last sample, and the number of these that were too short to be rejected.
    steps: u32,
    unrefused: u32,
    accepted: u32,
    after_rejection: bool,
    /// Steps that looked stiff, and those since that did not.
    stiff: u32,
    calm: u32,
    running: bool,
}

/// Writes the trajectories of a block, at most [`LANES`].
pub(super) fn trajectories<M: Method>(
    system: &dyn RightHandSide,
    block: Block,
    tolerance: Tolerance,
) -> Outcomes {
    vectorised(Run { system, block, tolerance, method: PhantomData::<M> })
}

struct Run<'a, M> {
    system: &'a dyn RightHandSide,
    block: Block<'a>,
    tolerance: Tolerance,
    method: PhantomData<M>,
}

impl<M: Method> Vectorised for Run<'_, M> {
    type Output = Outcomes;

    #[inline(always)]
    fn run<V: Vector>(self) -> Outcomes {
        run::<M, V>(self.system, self.block, self.tolerance)
    }
}

#[inline(always)]
fn run<M: Method, V: Vector>(system: &dyn RightHandSide, block: Block, tolerance: Tolerance) -> Outcomes {
    let Block { starts, times, out } = block;
    let (dim, samples, count) = (system.dim(), times.samples(), starts.len());
    let (begin, end) = (times.at(0), times.at(samples - 1));
    let may_hide = may_hide(system, dim);
    let in_lanes = V::in_lanes(system);
    let mut outcomes: Outcomes = vec![Ok(()); count];
    let mut work: Work<Lanes<V, 1>> = Work::new::<M>(dim);
    super::load(starts, &mut work.u);
    for j in 0..dim {
        work.scale[j] = work.u[j].abs();
    }
    let mut t = [begin; LANES];
    let mut h = [0.0; LANES];
    in_lanes.slopes(Lanes::from(begin), &work.u, work.k.row_mut(0));
    let fresh = Lane {
        sample: 1,
        steps: 0,
        unrefused: 0,
        accepted: 0,
        after_rejection: false,
        stiff: 0,
        calm: 0,
        running: true,
    };
    let mut lanes = [Lane { running: false, ..fresh }; LANES];
    for lane in 0..count {
        out[lane * samples * dim..][..dim].copy_from_slice(&starts[lane]);
        if starts[lane].iter().all(|x| x.is_finite()) {
            lanes[lane] = fresh;
            let f0 = numbers(work.k.row(0), lane);
            let spans = [times.dt(), end - begin];
            h[lane] = first_step(system, begin, spans, tolerance.relative, &starts[lane], &f0, M::ORDER);
            raise_floors(system, begin, lane, &tolerance, &mut work);
        } else {
            outcomes[lane] = Err(SimulationError::Diverged { t: begin });
        }
    }
    loop {
        let mut running = false;
        let mut to = t;
        for lane in 0..LANES {
            if !lanes[lane].running {
                h[lane] = 0.0;
                continue;
            }
            running = true;
            to[lane] = t[lane] + h[lane];
            if t[lane] + 1.01 * h[lane] > end {
                h[lane] = end - t[lane];
                to[lane] = end;
            }
        }
        if !running {
            return outcomes;
        }
        let (from, step) = (pack::<V>(&t), pack::<V>(&h));
        M::step(in_lanes, from, step, &mut work);
        in_lanes.slopes(pack(&to), &work.next, work.k.row_mut(M::LAST));
        work.weigh(step, &tolerance);
        let [error] = M::error(step, &work).arrays();

        let (mut accepted, mut unrefused, mut suspicious) = ([false; LANES], [false; LANES], [false; LANES]);
        let mut next_h = h;
        let mut interpolate = false;
        for lane in 0..LANES {
            let this = &mut lanes[lane];
            if !this.running {
                continue;
            }
            let (ok, next) = control::<M>(error[lane], h[lane], this.after_rejection);
            accepted[lane] = ok;
            next_h[lane] = next;
            this.after_rejection = !ok;
            this.steps += 1;
            if !ok && vanishes(next, t[lane].abs().max(times.dt())) {
                let grows = if this.unrefused == 0 { unbounded::<V>(lane, h[lane], &work) } else { None };
                if !finite::<M, V>(lane, &work) || grows == Some(true) {
                    outcomes[lane] = Err(SimulationError::Diverged { t: t[lane] });
                    this.running = false;
                } else if this.unrefused == MOST_UNREFUSED || grows == Some(false) {
                    outcomes[lane] = Err(SimulationError::Singular { t: t[lane] });
                    this.running = false;
                } else {
                    // The right-hand side jumps within this step, which cannot be made shorter.
                    (accepted[lane], unrefused[lane], next_h[lane]) = (true, true, h[lane]);
                    this.unrefused += 1;
                }
            } else if !ok {
                raise_floors(system, t[lane], lane, &tolerance, &mut work);
            }
            if this.steps >= MAX_STEPS {
                outcomes[lane] =
                    Err(SimulationError::TooManySteps { t: times.at(this.sample - 1), limit: MAX_STEPS });
                this.running = false;
            }
            if accepted[lane] {
                this.accepted += 1;
                interpolate |= times.at(this.sample) <= to[lane];
                suspicious[lane] = this.accepted % 1000 == 0 || this.stiff > 0;
            }
        }
        for lane in 0..LANES {
            if suspicious[lane] && stiff::<M, V>(lane, h[lane], &work, &mut lanes[lane]) {
                outcomes[lane] = Err(SimulationError::Stiff { t: t[lane] });
                lanes[lane].running = false;
            }
        }
        if interpolate {
            M::interpolation(in_lanes, from, step, &mut work);
            let mut reached = lanes.map(|lane| lane.sample);
            // the first sample of each lane at which the right-hand side differs from what the step assumed
            let mut unseen = [f64::INFINITY; LANES];
            loop {
                // the next sample of each lane that has one within its step
                let (mut theta, mut time) = ([1.0; LANES], to);
                let (mut any, mut within) = (false, false);
                let mut at = [usize::MAX; LANES];
                for lane in 0..count {
                    if accepted[lane] && reached[lane] < samples {
                        let sample = times.at(reached[lane]);
                        if sample <= to[lane] {
                            if sample < to[lane] {
                                theta[lane] = (sample - t[lane]) / h[lane];
                                time[lane] = sample;
                                within = true;
                            }
                            at[lane] = (lane * samples + reached[lane]) * dim;
                            reached[lane] += 1;
                            any = true;
                        }
                    }
                }
                if !any {
                    break;
                }
                let theta = pack::<V>(&theta);
                for (j, c) in work.c.chunks_exact(M::COEFFICIENTS).enumerate() {
                    let [u, _] = M::at(c, theta);
                    work.stage[j] = u;
                    let [u] = u.arrays();
                    for lane in 0..count {
                        if at[lane] != usize::MAX {
                            out[at[lane] + j] = u[lane];
                        }
                    }
                }
                if !(within && may_hide) {
                    continue;
                }
                in_lanes.slopes(pack(&time), &work.stage, work.k.row_mut(AT_SAMPLE));
                let mut sum = Lanes::from(0.0);
                let found = work.k.row(AT_SAMPLE);
                for (j, c) in work.c.chunks_exact(M::COEFFICIENTS).enumerate() {
                    let [_, slope] = M::at(c, theta);
                    let defect = (found[j] * step - slope) * work.weight[j];
                    sum = sum + defect * defect;
                }
                let [sum] = sum.arrays();
                for lane in 0..count {
                    if at[lane] == usize::MAX || time[lane] >= to[lane] || unrefused[lane] {
                        continue;
                    }
                    // a NaN must not pass as small
                    let small = sum[lane] <= M::DEFECT * M::DEFECT * dim as f64;
                    if !small || unseen[lane].is_finite() {
                        unseen[lane] = unseen[lane].min(time[lane]);
                        raise_scales(lane, times.dt(), &tolerance, &mut work);
                    }
                }
            }
            for lane in 0..count {
                if unseen[lane].is_finite() {
                    accepted[lane] = false;
                    lanes[lane].after_rejection = true;
                    // The next attempt ends at that sample at the latest, so that its last stage evaluates it there.
                    next_h[lane] = (0.5 * h[lane]).min(unseen[lane] - t[lane]);
                } else if accepted[lane] && reached[lane] > lanes[lane].sample {
                    lanes[lane] = Lane { sample: reached[lane], steps: 0, unrefused: 0, ..lanes[lane] };
                }
            }
        }
        let memory = tolerance.memory();
        // A floor is a rate. A step that grows must not widen it, or after a steep place it would exceed the state.
        let fade: [f64; LANES] = std::array::from_fn(|lane| memory * (h[lane] / next_h[lane]).min(1.0));
        let fade = pack::<V>(&fade);
        for j in 0..dim {
            let next = work.next[j];
            let scale = (work.scale[j] * memory).max(next.abs());
            keep(&mut work.u[j], next, &accepted);
            keep(&mut work.scale[j], scale, &accepted);
            let floor = work.floor[j] * fade;
            keep(&mut work.floor[j], floor, &accepted);
            let derivative = work.k.row(M::LAST)[j];
            keep(&mut work.k.row_mut(0)[j], derivative, &accepted);
        }
        for lane in 0..LANES {
            if accepted[lane] {
                t[lane] = to[lane];
                lanes[lane].running &= lanes[lane].sample < samples;
            }
        }
        h = next_h;
    }
}

/// The numbers of one lane.
fn numbers<V: Vector>(row: &[Lanes<V, 1>], lane: usize) -> Vec<f64> {
    row.iter().map(|x| x.arrays()[0][lane]).collect()
}

/// Whether the state after a step and its derivative are finite.
#[inline(never)]
fn finite<M: Method, V: Vector>(lane: usize, work: &Work<Lanes<V, 1>>) -> bool {
    [&work.next, work.k.row(M::LAST)].iter().all(|row| row.iter().all(|x| x.arrays()[0][lane].is_finite()))
}

/// Whether the slope where the step begins has no bound: even a step that cannot be made shorter moves a component by
/// more than a millionth of its scale. Then, whether that component grows, as at a pole, or vanishes, as at a root. Before a
/// jump the slope is moderate.
#[inline(never)]
fn unbounded<V: Vector>(lane: usize, h: f64, work: &Work<Lanes<V, 1>>) -> Option<bool> {
    let at = |x: Lanes<V, 1>| x.arrays()[0][lane].abs();
    (0..work.u.len()).find_map(|j| {
        let [slope, u, scale] = [work.k.row(0)[j], work.u[j], work.scale[j]].map(at);
        (scale > 0.0 && h * slope > 1e-6 * scale.max(u)).then_some(u >= scale)
    })
}

/// [`Tolerance::raise`] for one lane, at its present state.
#[inline(never)]
fn raise_floors<V: Vector>(
    system: &dyn RightHandSide,
    t: f64,
    lane: usize,
    tolerance: &Tolerance,
    work: &mut Work<Lanes<V, 1>>,
) {
    let [u, scales, mut floors] = [&work.u, &work.scale, &work.floor].map(|row| numbers(row, lane));
    tolerance.raise(system, t, &u, &scales, &mut floors);
    for (floor, raised) in work.floor.iter_mut().zip(floors) {
        let [mut lanes] = floor.arrays();
        lanes[lane] = raised;
        *floor = pack(&lanes);
    }
}

/// Raises the scales of one lane to the distance that its components move in a sample interval at the slopes found at a
/// sample. For a trajectory at rest that is about to be pushed, this is the only scale: without it, the solver would
/// resolve the push from the smallest numbers on.
#[inline(never)]
fn raise_scales<V: Vector>(lane: usize, dt: f64, tolerance: &Tolerance, work: &mut Work<Lanes<V, 1>>) {
    if !tolerance.estimated() {
        return;
    }
    for j in 0..work.u.len() {
        let moved = dt * work.k.row(AT_SAMPLE)[j].arrays()[0][lane].abs();
        let [mut scales] = work.scale[j].arrays();
        if moved > scales[lane] && moved.is_finite() {
            scales[lane] = moved;
            work.scale[j] = pack(&scales);
        }
    }
}

#[inline(always)]
fn pack<V: Vector>(x: &[f64; LANES]) -> Lanes<V, 1> {
    Lanes::gather(|lane| x[lane])
}

/// Takes the lanes of `next` that are accepted.
#[inline(always)]
fn keep<V: Vector>(x: &mut Lanes<V, 1>, next: Lanes<V, 1>, accepted: &[bool; LANES]) {
    let ([mut kept], [next]) = (x.arrays(), next.arrays());
    for lane in 0..LANES {
        kept[lane] = if accepted[lane] { next[lane] } else { kept[lane] };
    }
    *x = pack(&kept);
}

/// Whether the last steps were as long as stability allows, and could be longer as far as accuracy goes (Hairer and
/// Wanner, "Solving Ordinary Differential Equations II", IV.2): by the change of the derivative over that of the state
/// between two estimates of the next state.
#[inline(never)]
fn stiff<M: Method, V: Vector>(lane: usize, h: f64, work: &Work<Lanes<V, 1>>, state: &mut Lane) -> bool {
    let (mut derivative, mut change, mut both) = (0.0, 0.0, 0.0);
    let difference = |a: Lanes<V, 1>, b: Lanes<V, 1>| a.arrays()[0][lane] - b.arrays()[0][lane];
    for j in 0..work.u.len() {
        let df = difference(work.k.row(M::LAST)[j], work.k.row(M::AT_END)[j]);
        let du = difference(work.next[j], work.stage[j]);
        (derivative, change, both) = (derivative + df * df, change + du * du, both + df * du);
    }
    // a difference that grows is no stiffness: near a pole steps are short for accuracy
    if change > 0.0 && both < 0.0 && h * (derivative / change).sqrt() > M::STABLE {
        state.calm = 0;
        state.stiff += 1;
    } else if state.stiff > 0 {
        state.calm += 1;
        if state.calm == 6 {
            state.stiff = 0;
        }
    }
    state.stiff == 15
}
