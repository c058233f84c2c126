//! The classical Runge-Kutta method of order 4 (Kutta 1901; Hairer, Norsett, Wanner, "Solving Ordinary
//! Differential Equations I", II.1, table 1.2).

use super::{Block, Outcomes};
use crate::lanes::{LANES, Lanes, Vector, prefetch_for_writing};
use crate::{Ode, Scalar};

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

/// A step of length `h` from time `t`, of the state `room.u`.
#[inline(always)]
fn step<S: Scalar>(ode: &impl Ode, t: f64, h: f64, room: &mut Room<S>) {
    let Room { u, x, k, sum, middle } = room;
    let dim = u.len();
    ode.rhs(S::from(t), u, sum);
    for j in 0..dim {
        x[j] = u[j] + sum[j] * (h * 0.5);
    }
    ode.rhs(S::from(t + h * 0.5), x, middle);
    for j in 0..dim {
        x[j] = u[j] + middle[j] * (h * 0.5);
    }
    ode.rhs(S::from(t + h * 0.5), x, k);
    for j in 0..dim {
        sum[j] = sum[j] + (middle[j] + k[j]) * 2.0;
        x[j] = u[j] + k[j] * h;
    }
    ode.rhs(S::from(t + h), x, k);
    for j in 0..dim {
        u[j] = u[j] + (sum[j] + k[j]) * (h / 6.0);
    }
}

/// Writes the trajectories of a block, with `substeps` equal steps a sample interval.
#[inline(always)]
pub(super) fn block<O: Ode, V: Vector>(block: Block<O>, substeps: usize) -> Outcomes {
    if O::INTERPRETED {
        of::<O, V, INTERPRETED>(block, substeps)
    } else {
        of::<O, V, VECTORS>(block, substeps)
    }
}

#[inline(always)]
fn of<O: Ode, V: Vector, const K: usize>(block: Block<O>, substeps: usize) -> Outcomes {
    let dim = block.ode.dim();
    match dim {
        // known only here: for each of them the code is made again
        1 if O::INTERPRETED => small::<O, V, K>(block, substeps, 1),
        2 if O::INTERPRETED => small::<O, V, K>(block, substeps, 2),
        3 if O::INTERPRETED => small::<O, V, K>(block, substeps, 3),
        SMALL if O::INTERPRETED => small::<O, V, K>(block, substeps, SMALL),
        ..=SMALL if !O::INTERPRETED => small::<O, V, K>(block, substeps, dim),
        _ => {
            let mut rows = vec![Lanes::from(0.0); 5 * dim];
            let (u, rest) = rows.split_at_mut(dim);
            let (x, rest) = rest.split_at_mut(dim);
            let (k, rest) = rest.split_at_mut(dim);
            let (sum, middle) = rest.split_at_mut(dim);
            run::<O, V, K>(block, substeps, dim, Room { u, x, k, sum, middle })
        }
    }
}

/// Those of a state of `dim` components, at most [`SMALL`].
#[inline(always)]
fn small<O: Ode, V: Vector, const K: usize>(block: Block<O>, substeps: usize, dim: usize) -> Outcomes {
    let [mut u, mut x, mut k, mut sum, mut middle] = [[Lanes::from(0.0); SMALL]; 5];
    let [u, x, k, sum, middle] =
        [&mut u[..dim], &mut x[..dim], &mut k[..dim], &mut sum[..dim], &mut middle[..dim]];
    run::<O, V, K>(block, substeps, dim, Room { u, x, k, sum, middle })
}

#[inline(always)]
fn run<O: Ode, V: Vector, const K: usize>(
    block: Block<O>,
    substeps: usize,
    dim: usize,
    mut room: Room<Lanes<V, K>>,
) -> Outcomes {
    let Block { ode, starts, times, out } = block;
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
                step(ode, times.at(i) + substep as f64 * h, h, &mut room);
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
