//! What an equation gives, and what the rest of the program sees of it.

use autodiff::Dual;
use serde::{Deserialize, Serialize};

use crate::lyapunov::Steps;
use crate::random::{Stream, stream, uniform};
use crate::{Scalar, Solver, Times, Trajectories, lyapunov};

/// The name and unit of a component of the state, or of a known input; "1" where it has no unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Component {
    /// Its symbol.
    pub name: String,
    /// Its SI unit.
    pub unit: String,
}

impl Component {
    /// The component `name`, in `unit`.
    pub fn new(name: &str, unit: &str) -> Self {
        Component { name: name.into(), unit: unit.into() }
    }

    /// As it heads a column: the name, and the unit where there is one.
    pub fn heading(&self) -> String {
        if self.unit == "1" { self.name.clone() } else { format!("{} [{}]", self.name, self.unit) }
    }
}

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

impl<O: Ode> System for O {
    fn name(&self) -> &'static str {
        Ode::name(self)
    }
    fn dim(&self) -> usize {
        Ode::dim(self)
    }
    fn components(&self) -> Vec<Component> {
        Ode::components(self)
    }
    fn known_inputs(&self) -> Vec<Component> {
        Ode::known_inputs(self)
    }
    fn known(&self, t: f64, known: &mut [f64]) {
        Ode::known(self, t, known);
    }
    fn depends_on_time(&self, region: &[[f64; 2]], times: &[f64]) -> bool {
        const STATES: u64 = 4;
        let (mut du, mut later) = (vec![0.0; Ode::dim(self)], vec![0.0; Ode::dim(self)]);
        let mut differs = |u: &[f64]| {
            self.rhs(0.0, u, &mut du);
            times.iter().any(|&t| {
                self.rhs(t, u, &mut later);
                // A NaN equals nothing, not even itself, and so says nothing about the time.
                du.iter().zip(&later).any(|(a, b)| a != b && !(a.is_nan() && b.is_nan()))
            })
        };
        let draw = |i| self.random_start(region, &mut stream(0, "time", i));
        self.uses_time().unwrap_or_else(|| (0..STATES).any(|i| differs(&draw(i))))
    }
    fn initial_region(&self) -> Vec<[f64; 2]> {
        Ode::initial_region(self)
    }
    fn sampling(&self) -> [f64; 2] {
        Ode::sampling(self)
    }
    fn may_jump(&self) -> bool {
        Ode::may_jump(self)
    }
    fn integrate(
        &self,
        starts: &[Vec<f64>],
        times: &Times,
        solver: &Solver,
        out: &mut [f64],
    ) -> Result<(), SimulationError> {
        solver.ensemble(self, starts, times, out)
    }
    fn right_hand_side(&self, t: f64, u: &[f64], du: &mut [f64]) {
        self.rhs(t, u, du);
    }
    fn time_derivative(&self, t: f64, u: &[f64], derivative: &mut [f64]) {
        let state: Vec<Dual<1>> = u.iter().map(|&u| Dual::from(u)).collect();
        let mut du = vec![Dual::from(0.0); u.len()];
        self.rhs(Dual::variable(t, 0), &state, &mut du);
        derivative.iter_mut().zip(&du).for_each(|(derivative, du)| *derivative = du.tangent[0]);
    }
    fn jacobian(&self, t: f64, u: &[f64], jacobian: &mut [f64]) {
        let program = |u: &[Dual<4>], f: &mut [Dual<4>]| self.rhs(Dual::from(t), u, f);
        autodiff::jacobian(u, program, jacobian);
    }
    fn tangent(
        &self,
        span: [f64; 2],
        steps: &mut Steps,
        tolerance: f64,
        u: &mut [f64],
        vectors: &mut [f64],
    ) -> Result<(), SimulationError> {
        lyapunov::tangent(self, span, steps, tolerance, u, vectors)
    }
}

/// Why a simulation gave no trajectories. Divergence is an outcome of the numbers; the others are
/// mistakes in what was asked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SimulationError {
    /// The solution became infinite, not a number, or singular.
    #[error(
        "the solution leaves the finite numbers at t = {t:.6}: these parameters or this start blow up; \
         choose others, or end before that time"
    )]
    Diverged {
        /// The last time at which the solution was finite.
        t: f64,
    },
    /// An adaptive method needed more steps than a sample interval may take.
    #[error(
        "the solver took more than {limit} steps from the sample at t = {t:.6} towards the next one: the solution \
         changes much faster than it is sampled. Shorten dt, loosen the tolerance or use parameters on a slower scale; \
         where fast components relax without oscillating, choose an implicit method, data.solver = \"radau\"; where the \
         right-hand side jumps back and forth (dry friction, sign(x)), make the jump smooth (tanh(x / width))"
    )]
    TooManySteps {
        /// The sample it started from.
        t: f64,
        /// The steps it was given.
        limit: u32,
    },
    /// Many steps were as short as they can be, and their errors were still too large.
    #[error(
        "the right-hand side has a singularity at t = {t:.6}, or jumps back and forth there without end: make it smooth \
         (tanh(x / width) in place of sign(x)), or end before that time"
    )]
    Singular {
        /// Where the solver stands.
        t: f64,
    },
    /// Tangent vectors that take more steps than a trajectory may have.
    #[error(
        "at t = {t:.6} its steps are used up: follow it for a shorter time, or use parameters on a slower scale"
    )]
    TooLong {
        /// Where it stood.
        t: f64,
    },
    /// An explicit method would need its steps for stability, not for accuracy. Trajectories are then integrated by an
    /// implicit method; tangent vectors are not.
    #[error(
        "the system is stiff at t = {t:.6}: its tangent vectors shrink so fast that the explicit method which carries \
         them needs too many steps. Trajectories are integrated all the same, by an implicit method, but Lyapunov \
         exponents are not computed: train with evaluate.lyapunov_exponent=0 (errors in units of time), or choose \
         parameters that are less stiff"
    )]
    Stiff {
        /// Where the solver noticed it.
        t: f64,
    },
    /// Tangent vectors of a system that is stiff.
    #[error(
        "the system turns stiff at t = {t:.6}, and tangent vectors are carried by an explicit method, which cannot follow \
         it: its Lyapunov exponents are not computed here"
    )]
    StiffTangents {
        /// Where it was noticed.
        t: f64,
    },
    /// A system that changes too fast for an explicit method to follow it over many samples.
    #[error(
        "{dt} time units take so many steps of the explicit method that carries tangent vectors that it was followed \
         for {time:.3e} only; it showed no chaos, and what it does later is not known"
    )]
    TooFast {
        /// The sample interval.
        dt: f64,
        /// The time for which it was followed.
        time: f64,
    },
    /// The sampling or the solver's settings make no sense.
    #[error("{0}")]
    Invalid(String),
    /// One trajectory of an ensemble failed.
    #[error("trajectory {trajectory}: {error}")]
    Trajectory {
        /// Its number, from 0.
        trajectory: usize,
        /// What happened to it.
        error: Box<SimulationError>,
    },
}
