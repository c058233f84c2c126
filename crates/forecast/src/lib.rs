//! Rolling a forecaster out from held-out starts, and scoring it against the truth.
//!
//! Networks and baselines meet the same judge through [`Forecaster`]: plain arrays in physical units, in
//! f64, a batch of starts at a time. The definitions of the scores stand with [`Scores`].

mod results;
mod rollout;
mod scores;
mod statistics;
mod task;

pub use results::{Loss, Results, Training};
pub use rollout::{Forecast, Forecaster, Starts, rollout, run};
pub use scores::{ErrorGrowth, Nrmse, Scores, Summary, Vpt, VptAt};
pub use task::Task;
