//! In which unit pictures count time.

use crate::run::RunFiles;

/// The unit of time of a run's pictures.
pub(crate) struct Clock {
    /// Of these units to a unit of the system's time.
    pub per_unit: f64,
    /// What stands at an axis.
    pub label: String,
}

impl Clock {
    /// Lyapunov times of a chaotic system; else seconds where the components have units, which are SI.
    pub fn of(run: &RunFiles) -> Clock {
        let results = run.results.as_ref();
        if let Some(vpt) = results.and_then(|results| results.scores.vpt.as_ref()) {
            return Clock { per_unit: vpt.lyapunov_exponent, label: "time (Lyapunov times)".into() };
        }
        let units = results.is_some_and(|results| results.components.iter().any(|of| of.unit != "1"));
        let unit = if units { "s" } else { "time units of the system" };
        Clock { per_unit: 1.0, label: format!("time ({unit})") }
    }
}
