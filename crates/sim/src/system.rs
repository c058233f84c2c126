//! What an equation gives, and what the rest of the program sees of it.

use crate::{Scalar, SimulationError, Solver};
use trajectory::{
    Component, Times, Trajectories,
    random::{Stream, uniform},
};

/// A system of ordinary differential equations u' = f(t, u): all that a file in `systems/` has to say.
pub trait Ode: Send + Sync {
    /// Its name in an experiment file.
    const NAME: &'static str;
    /// Its equation, on one line.
    const ABOUT: &'static str;
    /// Whether its equations are interpreted, and how many they are is known only when they run.
    const INTERPRETED: bool = false;

    /// The name of this one; of equations that are interpreted it may be another than [`Ode::NAME`].
    fn name(&self) -> &'static str {
        Self::NAME
    }

    /// Number of components of the state.
    fn dim(&self) -> usize;

    /// The right-hand side: writes f(t, u) to `du`; both are `dim` long.
    ///
    /// The sampling must resolve the shortest time scale of the right-hand side, since an adaptive method evaluates it at
    /// the stages of its steps and at every sample. The right-hand side may jump, and it may rise and fall from one sample
    /// to the next. A pulse that is shorter than `dt` and contains no sample may be missed.
    fn rhs<S: Scalar>(&self, t: S, u: &[S], du: &mut [S]);

    /// Names and units of the components.
    fn components(&self) -> Vec<Component>;

    /// Quantities known at all times, such as the phase of a driving force: given to every forecaster
    /// at each step, never forecast.
    fn known_inputs(&self) -> Vec<Component> {
        Vec::new()
    }

    /// Writes the known inputs at time `t`, in the order of [`Ode::known_inputs`].
    fn known(&self, _t: f64, _known: &mut [f64]) {}

    /// Whether the right-hand side depends on the time, where that is known without evaluating it.
    fn uses_time(&self) -> Option<bool> {
        None
    }

    /// Lowest and highest initial value of each component, for random starts.
    fn initial_region(&self) -> Vec<[f64; 2]>;

    /// Good sample spacing and length of a trajectory, in units of time.
    fn sampling(&self) -> [f64; 2];

    /// Whether the right-hand side may jump where the state crosses a boundary; tangent vectors do not see such a jump.
    fn may_jump(&self) -> bool {
        false
    }

    /// Says which parameter has an impossible value.
    fn check(&self) -> Result<(), String> {
        Ok(())
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

/// A dynamical system, whatever it is made of.
pub trait System: Send + Sync {
    /// Its name in an experiment file.
    fn name(&self) -> &'static str;
    /// Number of components of the state.
    fn dim(&self) -> usize;
    /// Names and units of the components.
    fn components(&self) -> Vec<Component>;
    /// Names and units of the known inputs, see [`Ode::known_inputs`].
    fn known_inputs(&self) -> Vec<Component>;
    /// Writes the known inputs at time `t`.
    fn known(&self, t: f64, known: &mut [f64]);
    /// Whether the right-hand side depends on the time. For a system given as text, its expressions show this; for a
    /// system in Rust, its values at some states in `region` and at `times`.
    fn depends_on_time(&self, region: &[[f64; 2]], times: &[f64]) -> bool;
    /// Lowest and highest initial value of each component, for random starts.
    fn initial_region(&self) -> Vec<[f64; 2]>;
    /// Good sample spacing and length of a trajectory, in units of time.
    fn sampling(&self) -> [f64; 2];
    /// Whether the right-hand side may jump, see [`Ode::may_jump`].
    fn may_jump(&self) -> bool;

    /// Integrates from each of `starts` and writes the states at `times`, [trajectory, time, component], to `out`;
    /// several trajectories at once in SIMD lanes, on all cores, with a result that does not depend on either.
    ///
    /// # Errors
    /// If a solution becomes infinite or NaN, or needs too many steps; the error names the first trajectory that failed. A
    /// stiff trajectory is not an error: when an adaptive explicit method finds one, an implicit method integrates it.
    fn integrate(
        &self,
        starts: &[Vec<f64>],
        times: &Times,
        solver: &Solver,
        out: &mut [f64],
    ) -> Result<(), SimulationError>;

    /// Writes the right-hand side at time `t` and state `u` to `du`: see [`Ode::rhs`].
    fn right_hand_side(&self, t: f64, u: &[f64], du: &mut [f64]);

    /// Writes the derivative of the right-hand side by the time, at time `t` and state `u`, to `derivative`. The derivative
    /// is exact, because it is computed with dual numbers.
    fn time_derivative(&self, t: f64, u: &[f64], derivative: &mut [f64]);

    /// Writes the derivatives of the right-hand side at time `t` and state `u` by the components of the state, [row,
    /// column], to `jacobian`; exact, from the right-hand side over dual numbers.
    fn jacobian(&self, t: f64, u: &[f64], jacobian: &mut [f64]);

    /// Carries the state `u` and the tangent vectors `vectors` [vector, component] from the first time of `span` to the
    /// second, by the method of order 8 with `tolerance`. `steps` says
    /// which step to try first, and how many may be taken.
    ///
    /// # Errors
    /// A solution that leaves the finite numbers or needs too many steps.
    fn tangent(
        &self,
        span: [f64; 2],
        steps: &mut Steps,
        tolerance: f64,
        u: &mut [f64],
        vectors: &mut [f64],
    ) -> Result<(), SimulationError>;

    /// A state uniform in `region`.
    fn random_start(&self, region: &[[f64; 2]], stream: &mut Stream) -> Vec<f64> {
        region.iter().map(|[low, high]| low + (high - low) * uniform(stream)).collect()
    }

    /// A trajectory from each start, with its known inputs; see [`System::integrate`].
    ///
    /// # Errors
    /// As [`System::integrate`].
    fn ensemble(
        &self,
        starts: &[Vec<f64>],
        times: &Times,
        solver: &Solver,
    ) -> Result<Trajectories, SimulationError> {
        let (dim, known_dim, samples) = (self.dim(), self.known_inputs().len(), times.samples());
        let mut u = vec![0.0; starts.len() * samples * dim];
        self.integrate(starts, times, solver, &mut u)?;
        let mut known = vec![0.0; samples * known_dim];
        if known_dim > 0 {
            for (i, known) in known.chunks_mut(known_dim).enumerate() {
                self.known(times.at(i), known);
            }
        }
        Ok(Trajectories::new(*times, [dim, known_dim], u, known.repeat(starts.len())))
    }
}
