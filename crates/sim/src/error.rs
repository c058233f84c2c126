//! What can go wrong in a simulation.

use trajectory::TimesError;

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

impl From<TimesError> for SimulationError {
    fn from(TimesError(fault): TimesError) -> Self {
        SimulationError::Invalid(fault)
    }
}
