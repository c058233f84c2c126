//! Rolling a forecaster out from held-out starts, and scoring it against the truth.
//!
//! Networks and baselines meet the same judge through [`Forecaster`]: plain arrays in physical units, in
//! f64, a batch of starts at a time. The definitions of the scores stand with [`Scores`].

mod climate;
mod ensemble;
mod field;
mod finite;
mod forecasts;
pub mod lyapunov;
mod results;
mod rollout;
pub mod rosenstein;
mod scores;
mod simulation;
pub mod statistics;
pub mod suspicion;
mod task;

pub use climate::{Climate, ClimateScores};
pub use ensemble::{EnsembleGrowth, EnsembleScores, crps};
pub use field::{
    CorrelationTime, FieldScores, FieldShape, Frmse, GeometricMean, MeanOverStarts, WaveFunctionScores,
};
pub use forecasts::Forecasts;
pub use results::{Loss, Reconstruction, Reduction, Results, SolverScores, Training};
pub use rollout::{Forecast, Forecaster, Starts, Tangent, mean_of_members, rollout, run};
pub use scores::{ErrorGrowth, LyapunovScores, Nrmse, Scores, Summary, Vpt, VptAt};
pub use simulation::SimulationScores;
pub use suspicion::{Check, Suspicion};
pub use task::{EachStart, Task, one_step_rmse};
