//! What can go wrong in the simulation of a field.

/// Why a simulation returned no fields.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FieldError {
    /// The field became infinite or NaN.
    #[error(
        "the field becomes infinite or NaN between t = {t:.6} and t = {next:.6}, with steps of {step:.3e} and a CFL number of \
         {courant:.3e} at t = {t:.6}: take shorter steps, more points or a larger viscosity, or end before that time"
    )]
    BlewUp {
        /// The last sample time at which the field was finite.
        t: f64,
        /// The sample time after it.
        next: f64,
        /// The time step between them.
        step: f64,
        /// The CFL number at `t`: the largest velocity times the step, divided by the spacing of the grid.
        courant: f64,
    },
    /// The CFL condition asks for more steps than a sample interval may take.
    #[error(
        "at t = {t:.6} the CFL number asked for needs more than {limit} steps from one sample to the next: shorten dt, \
         take fewer points, or give the step"
    )]
    TooManySteps {
        /// The sample time.
        t: f64,
        /// The largest number of steps from one sample to the next.
        limit: usize,
    },
    /// A setting, a parameter or a start is invalid.
    #[error("{0}")]
    Invalid(String),
    /// One trajectory of several failed.
    #[error("trajectory {trajectory}: {error}")]
    Trajectory {
        /// Its number, from 0.
        trajectory: usize,
        /// What happened to it.
        error: Box<FieldError>,
    },
}
