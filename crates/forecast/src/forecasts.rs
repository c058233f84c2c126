//! What pictures and paired comparisons of forecasts are made of, as it stands in `forecasts.npz`.

/// Forecasts from some of the starts of a [`crate::Task`], and what each start scored. Arrays are row-major; states in the
/// data's own components and physical units. In the file a field is an array of its name; one of length 0 is left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Forecasts {
    /// Valid prediction time of each start in Lyapunov times, at the main threshold: [start]. Of chaotic systems only.
    pub valid_times: Vec<f64>,
    /// Error of each start over the horizon, in standard deviations: [start].
    pub nrmse: Vec<f64>,
    /// The starts that are shown, counted from 0: the one at the median score first, then at the worst and at the best
    /// tenth: [shown].
    pub shown: Vec<f64>,
    /// Time after the start, in the system's units, of the states below: [time].
    pub time: Vec<f64>,
    /// The truth after each shown start: [shown, time, component]. Not a number where it is not known any more.
    pub truth: Vec<f64>,
    /// The forecast from each shown start, the mean of the members where it is an ensemble: [shown, time, component].
    pub forecast: Vec<f64>,
    /// The members of an ensemble from the first shown start: [member, time, component].
    pub members: Vec<f64>,
    /// Of a chaotic system: states of the truth on the attractor, a sample apart: [sample, component].
    pub attractor_truth: Vec<f64>,
    /// Of a chaotic system: as many states of one long forecast: [sample, component].
    pub attractor_forecast: Vec<f64>,
    /// Of a model with a latent state: the latent states of the truth after the first shown start, while that is known:
    /// [time, latent component].
    pub latent: Vec<f64>,
}
