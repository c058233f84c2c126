//! The right-hand side as the methods see it: behind a pointer, over each kind of number that they compute with. So a
//! method is compiled once, and a system only where its own arithmetic is.

use autodiff::Dual;

use super::degree::Degree;
use super::rk4;
use super::slopes::Slopes;
use super::tolerance::Uncertain;
use super::{Block, Outcomes};
use crate::lanes::{InLanes, Lanes, Vector};
use crate::{Ode, System};
use trajectory::Precision;

/// The right-hand side over every kind of number.
pub(crate) trait RightHandSide:
    System + InLanes + Slopes<f64> + Slopes<Dual<1>> + Slopes<Dual<4>> + Slopes<Uncertain> + Slopes<Degree>
{
    /// Trajectories that the classical Runge-Kutta method carries at once.
    fn rk4_lanes(&self) -> usize;

    /// [`rk4::trajectories`]. This method is compiled for each system, because the steps of a small system are so short that a
    /// call for each evaluation would take as long as the evaluation.
    fn rk4(&self, block: Block, substeps: usize, precision: Precision) -> Outcomes;
}

impl<O: Ode> RightHandSide for O {
    fn rk4_lanes(&self) -> usize {
        rk4::lanes(self)
    }
    fn rk4(&self, block: Block, substeps: usize, precision: Precision) -> Outcomes {
        rk4::trajectories(self, block, substeps, precision)
    }
}

macro_rules! slopes {
    ($($number:ty),*) => {$(
        impl<O: Ode> Slopes<$number> for O {
            fn slopes(&self, t: $number, u: &[$number], du: &mut [$number]) {
                self.rhs(t, u, du);
            }
        }
    )*};
}
slopes!(f64, Dual<1>, Dual<4>, Uncertain, Degree);

impl<O: Ode, V: Vector> Slopes<Lanes<V, 1>> for O {
    fn slopes(&self, t: Lanes<V, 1>, u: &[Lanes<V, 1>], du: &mut [Lanes<V, 1>]) {
        V::slopes(self, t, u, du);
    }
}
