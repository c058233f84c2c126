//! The largest Lyapunov exponent of an experiment's system, in which valid prediction times are counted.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::Experiment;
use crate::derived::rounded;

impl Experiment {
    /// The largest Lyapunov exponent of the system with its parameters and initial region, rounded to four digits; 0 if
    /// the system is not chaotic; or the reason why it is not known. It takes a second, once for each system: the resolved experiment
    /// keeps it.
    ///
    /// # Errors
    /// A system that cannot be built.
    pub(crate) fn largest_exponent(&self) -> Result<Result<f64, String>, String> {
        static KNOWN: Mutex<BTreeMap<String, Result<f64, String>>> = Mutex::new(BTreeMap::new());
        let system = self.build_system()?;
        let dt = self.time_scale(&*system);
        let right = self.data.initial.len() == system.dim() && dt > 0.0 && dt.is_finite();
        if !right {
            return Ok(Ok(0.0)); // the check of the data will say what is wrong
        }
        let key = serde_json::json!([self.system, self.data.initial, dt]).to_string();
        let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known().get(&key) {
            return Ok(found.clone());
        }
        let found = sim::lyapunov::largest(&*system, &self.data.initial, dt);
        let found = found.map(|found| found.map_or(0.0, |exponent| rounded(exponent, 4)));
        let found = found.map_err(|why| {
            format!(
                "the largest Lyapunov exponent of {} is not known, so valid prediction times are left out ({why}); if \
                 you know it, set evaluate.lyapunov_exponent",
                system.name()
            )
        });
        known().insert(key, found.clone());
        Ok(found)
    }
}
