//! The classical Runge-Kutta method of order 4 (Kutta 1901; Hairer, Norsett, Wanner, "Solving Ordinary
//! Differential Equations I", II.1, table 1.2).

use super::rows::Rows;
use super::{Block, Outcomes};
use crate::lanes::{LANES, Lanes, Vector};
use crate::{Ode, Scalar};

/// Vectors that are computed together: with one the processor would wait for results half of the time.
pub(super) const VECTORS: usize = 4;

/// Rows of a step's workspace: the state, the argument of a stage.
const U: usize = 0;
const STAGE: usize = 1;

/// Room for [`step`]: its states and its stages.
pub(crate) struct Work<S> {
    x: Rows<S>,
    k: Rows<S>,
}

impl<S: Scalar> Work<S> {
    pub(crate) fn new(dim: usize) -> Self {
        Work { x: Rows::new(2, dim), k: Rows::new(4, dim) }
    }
}

/// A step of length `h` from time `t`, of the state in the first row of `work.x`.
#[inline(always)]
fn step<S: Scalar>(ode: &impl Ode, t: f64, h: f64, work: &mut Work<S>) {
    let dim = ode.dim();
    let Work { x, k } = work;
    ode.rhs(S::from(t), x.row(U, dim), k.row_mut(0, dim));
    for (stage, c) in [(1, 0.5), (2, 0.5), (3, 1.0)] {
        for j in 0..dim {
            x.row_mut(STAGE, dim)[j] = x.row(U, dim)[j] + k.row(stage - 1, dim)[j] * (h * c);
        }
        ode.rhs(S::from(t + h * c), x.row(STAGE, dim), k.row_mut(stage, dim));
    }
    for j in 0..dim {
        let middle = k.row(1, dim)[j] + k.row(2, dim)[j];
        let sum = k.row(0, dim)[j] + middle * 2.0 + k.row(3, dim)[j];
        x.row_mut(U, dim)[j] = x.row(U, dim)[j] + sum * (h / 6.0);
    }
}

/// Writes the trajectories of a block, with `substeps` equal steps a sample interval.
#[inline(always)]
pub(super) fn block<O: Ode, V: Vector>(block: Block<O>, substeps: usize) -> Outcomes {
    let Block { ode, starts, times, out } = block;
    let (dim, samples) = (ode.dim(), times.samples());
    let h = times.dt() / substeps as f64;
    let mut work: Work<Lanes<V, VECTORS>> = Work::new(dim);
    super::load(starts, work.x.row_mut(U, dim));
    // not a number from the moment on when a state was not finite
    let mut broken: Lanes<V, VECTORS> = Lanes::from(0.0);
    for i in 0..samples {
        for j in 0..dim {
            let u = work.x.row(U, dim)[j];
            broken = broken + u * 0.0;
            let u = u.arrays();
            for (lane, out) in out.chunks_exact_mut(samples * dim).enumerate() {
                out[i * dim + j] = u[lane / LANES][lane % LANES];
            }
        }
        if i + 1 < samples {
            for substep in 0..substeps {
                step(ode, times.at(i) + substep as f64 * h, h, &mut work);
            }
        }
    }
    super::divergence(broken.arrays().as_flattened(), times, dim, out)
}
