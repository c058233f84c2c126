//! The classical Runge-Kutta method of order 4 (Kutta 1901; Hairer, Norsett, Wanner, "Solving Ordinary
//! Differential Equations I", II.1, table 1.2).

use super::rows::Rows;
use super::slopes::Slopes;
use super::{Block, Outcomes};
use crate::lanes::{
    InLanes, LANES, Lanes, Vector, Vectorised, prefetch_for_writing, vectorised, vectorised_single,
};
use crate::{Ode, Scalar};
use trajectory::Precision;

/// Vectors that are computed together: with one the processor would wait for results half of the time.
const VECTORS: usize = 4;

/// And of equations that are interpreted, of which each operation has a price besides.
const INTERPRETED: usize = 8;

/// Trajectories of a block.
pub(super) fn lanes<O: Ode>(_of: &O) -> usize {
    LANES * if O::INTERPRETED { INTERPRETED } else { VECTORS }
}

/// Samples from the call for a line of memory to the writing of it.
const AHEAD: usize = 8;

/// States of up to so many components stand in arrays of which the compiler knows every element, and keeps many in
/// registers: Zen 4 writes vectors of AVX-512 at half the rate at which it computes them.
const SMALL: usize = 4;

/// Room for a step: as many components each.
struct Room<'a, S> {
    u: &'a mut [S],
    /// The argument of a stage.
    x: &'a mut [S],
    /// The derivative there.
    k: &'a mut [S],
    /// The sum of the derivatives with their weights, but for the two in the middle.
    sum: &'a mut [S],
    middle: &'a mut [S],
}

impl<S: Scalar> Rows<S> {
    /// All of the room from five rows.
    fn room(&mut self) -> Room<'_, S> {
        let [u, x, k, sum, middle] = self.split();
        Room { u, x, k, sum, middle }
    }
}

/// A step of length `h` from time `t`, of the state `room.u`.
#[inline(always)]
fn step<S: Scalar>(slopes: &(impl Slopes<S> + ?Sized), t: f64, h: f64, room: &mut Room<S>) {
    let Room { u, x, k, sum, middle } = room;
    let dim = u.len();
    slopes.slopes(S::from(t), u, sum);
    for j in 0..dim {
        x[j] = u[j] + sum[j] * (h * 0.5);
    }
    slopes.slopes(S::from(t + h * 0.5), x, middle);
    for j in 0..dim {
        x[j] = u[j] + middle[j] * (h * 0.5);
    }
    slopes.slopes(S::from(t + h * 0.5), x, k);
    for j in 0..dim {
        sum[j] = sum[j] + (middle[j] + k[j]) * 2.0;
        x[j] = u[j] + k[j] * h;
    }
    slopes.slopes(S::from(t + h), x, k);
    for j in 0..dim {
        u[j] = u[j] + (sum[j] + k[j]) * (h / 6.0);
    }
}

/// Writes the trajectories of a block, at most [`lanes`], with `substeps` equal steps a sample interval.
pub(super) fn trajectories(ode: &impl Ode, block: Block, substeps: usize, precision: Precision) -> Outcomes {
    let run = Run { ode, block, substeps };
    match precision {
        Precision::F64 => vectorised(run),
        Precision::F32 => vectorised_single(run),
    }
}

struct Run<'a, O> {
    ode: &'a O,
    block: Block<'a>,
    substeps: usize,
}

impl<O: Ode> Vectorised for Run<'_, O> {
    type Output = Outcomes;

    #[inline(always)]
    fn run<V: Vector>(self) -> Outcomes {
        if !V::FAST {
            portable::<V>(self.ode, self.block, self.substeps, self.ode.dim())
        } else if O::INTERPRETED {
            of::<O, V, INTERPRETED>(self)
        } else {
            of::<O, V, VECTORS>(self)
        }
    }
}

/// One vector at a time, and a call for each evaluation: the code is small, and made once for all systems.
fn portable<V: Vector>(system: &dyn InLanes, block: Block, substeps: usize, dim: usize) -> Outcomes {
    let Block { starts, times, out } = block;
    let mut rows = Rows::new(5, dim);
    out.chunks_mut(LANES * times.samples() * dim)
        .zip(starts.chunks(LANES))
        .flat_map(|(out, starts)| {
            let block = Block { starts, times, out };
            steps(V::in_lanes(system), block, substeps, dim, rows.room())
        })
        .collect()
}

/// The right-hand side as a part of the code of the method.
struct Inlined<'a, O>(&'a O);

impl<O: Ode, S: Scalar> Slopes<S> for Inlined<'_, O> {
    #[inline(always)]
    fn slopes(&self, t: S, u: &[S], du: &mut [S]) {
        self.0.rhs(t, u, du);
    }
}

#[inline(always)]
fn of<O: Ode, V: Vector, const K: usize>(run: Run<O>) -> Outcomes {
    let dim = run.ode.dim();
    match dim {
        // known only here: for each of them the code is made again
        1 if O::INTERPRETED => small::<O, V, K>(run, 1),
        2 if O::INTERPRETED => small::<O, V, K>(run, 2),
        3 if O::INTERPRETED => small::<O, V, K>(run, 3),
        SMALL if O::INTERPRETED => small::<O, V, K>(run, SMALL),
        ..=SMALL if !O::INTERPRETED => small::<O, V, K>(run, dim),
        _ => {
            let Run { ode, block, substeps } = run;
            steps::<_, V, K>(&Inlined(ode), block, substeps, dim, Rows::new(5, dim).room())
        }
    }
}

/// Those of a state of `dim` components, at most [`SMALL`].
#[inline(always)]
fn small<O: Ode, V: Vector, const K: usize>(run: Run<O>, dim: usize) -> Outcomes {
    let [mut u, mut x, mut k, mut sum, mut middle] = [[Lanes::from(0.0); SMALL]; 5];
    let [u, x, k, sum, middle] =
        [&mut u[..dim], &mut x[..dim], &mut k[..dim], &mut sum[..dim], &mut middle[..dim]];
    let Run { ode, block, substeps } = run;
    steps::<_, V, K>(&Inlined(ode), block, substeps, dim, Room { u, x, k, sum, middle })
}

#[inline(always)]
fn steps<R: Slopes<Lanes<V, K>> + ?Sized, V: Vector, const K: usize>(
    slopes: &R,
    block: Block,
    substeps: usize,
    dim: usize,
    mut room: Room<Lanes<V, K>>,
) -> Outcomes {
    let Block { starts, times, out } = block;
    let (samples, count, lanes) = (times.samples(), starts.len(), LANES * K);
    let h = times.dt() / substeps as f64;
    super::load(starts, room.u);
    // [component, lane]
    let mut sample = vec![0.0; dim * lanes];
    for i in 0..samples {
        // Each trajectory writes to lines of its own, which come from memory while the steps before are computed:
        // those of some at a time, so that all have been asked for once in as many samples as they are ahead.
        let soon = (i + AHEAD).min(samples) * dim..(i + 2 * AHEAD).min(samples) * dim;
        let some = i % AHEAD * lanes / AHEAD..((i % AHEAD + 1) * lanes / AHEAD).min(count);
        for lane in some {
            prefetch_for_writing(&out[lane * samples * dim..][soon.clone()]);
        }
        for j in 0..dim {
            sample[j * lanes..(j + 1) * lanes].copy_from_slice(room.u[j].arrays().as_flattened());
        }
        for (lane, out) in out.chunks_exact_mut(samples * dim).enumerate() {
            let out = &mut out[i * dim..i * dim + dim];
            for j in 0..dim {
                out[j] = sample[j * lanes + lane];
            }
        }
        if i + 1 < samples {
            for substep in 0..substeps {
                step(slopes, times.at(i) + substep as f64 * h, h, &mut room);
            }
        }
    }
    // what has left the finite numbers does not come back
    let mut finite = vec![0.0; lanes];
    for of_component in sample.chunks_exact(lanes) {
        finite.iter_mut().zip(of_component).for_each(|(sum, x)| *sum += x * 0.0);
    }
    super::divergence(&finite, times, dim, out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::integrators::right_hand_side::RightHandSide;
    use crate::lanes::Plain;
    use crate::systems::{Lorenz, Lorenz96};
    use trajectory::Times;

    #[test]
    fn a_processor_without_fast_vectors_gets_the_same_bits() {
        let times = Times::up_to(1.0, 0.1).unwrap();
        for system in [&Lorenz::default() as &dyn RightHandSide, &Lorenz96::default()] {
            let (dim, region) = (system.dim(), system.initial_region());
            for count in [1, 8, 21] {
                let starts: Vec<Vec<f64>> = (0..count)
                    .map(|i| system.random_start(&region, &mut trajectory::random::stream(0, "starts", i)))
                    .collect();
                for precision in [Precision::F64, Precision::F32] {
                    let mut out = vec![0.0; starts.len() * times.samples() * dim];
                    let block = Block { starts: &starts, times: &times, out: &mut out };
                    let outcomes = match precision {
                        Precision::F64 => portable::<Plain<f64>>(system, block, 3, dim),
                        Precision::F32 => portable::<Plain<f32>>(system, block, 3, dim),
                    };
                    assert!(outcomes.len() == starts.len() && outcomes.iter().all(Result::is_ok));
                    let solver = crate::Solver::Rk4 { substeps: 3, precision };
                    let fast = system.ensemble(&starts, &times, &solver).unwrap();
                    assert_eq!(fast.u(), out, "{count} in {precision:?}");
                }
            }
        }
    }
}
