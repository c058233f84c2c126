//! The largest Lyapunov exponent of a recording.

use std::time::Instant;

use forecast::rosenstein::{Embedding, Estimate, Verdict, estimate};
use serde::Serialize;

use crate::lyapunov::Percents;
use crate::{Progress, RunError, read_recording};

/// The largest exponents of the quantities of a recording.
#[derive(Clone, Debug, Serialize)]
pub struct RecordedExponents {
    /// The files, as they were named.
    pub files: Vec<String>,
    /// Time between two samples.
    pub dt: f64,
    /// Number of samples of each segment.
    pub segments: Vec<usize>,
    /// An estimate for each quantity.
    pub quantities: Vec<RecordedExponent>,
}

/// The largest exponent of a quantity.
#[derive(Clone, Debug, Serialize)]
pub struct RecordedExponent {
    /// Name of the column.
    pub name: String,
    /// The estimate.
    #[serde(flatten)]
    pub estimate: Estimate,
}

impl RecordedExponents {
    /// The estimate with the smallest relative error among those of chaotic quantities.
    pub fn best(&self) -> Option<&RecordedExponent> {
        let chaotic = self.quantities.iter().filter(|of| of.estimate.verdict == Verdict::Chaotic);
        let error = |of: &RecordedExponent| of.estimate.standard_error / of.estimate.exponent;
        chaotic.min_by(|a, b| error(a).total_cmp(&error(b)))
    }
}

/// Estimates the largest exponent of each quantity of a recording by the method of Rosenstein, Collins and De Luca, with
/// `recording.key=value` overrides.
///
/// # Errors
/// Files that cannot be read; too few samples; a quantity that does not vary.
pub fn lyapunov_of_recording(
    files: &[String],
    overrides: &[String],
    asked: Embedding,
    progress: &mut dyn Progress,
) -> Result<RecordedExponents, RunError> {
    let recording = read_recording(files, overrides, progress)?;
    let (dt, dim) = (recording.dt, recording.states.len());
    let names: Vec<&str> = recording.states.iter().map(|state| state.name.as_str()).collect();
    progress.stage(&format!("estimating the largest Lyapunov exponent of {}", names.join(", ")));
    let mut percents = Percents { begin: Instant::now(), shown: 0, progress };
    let mut quantities = Vec::new();
    for (component, name) in names.iter().enumerate() {
        let values = |of: &dataset::recording::Segment| -> Vec<f64> {
            of.states.iter().skip(component).step_by(dim).copied().collect()
        };
        let segments: Vec<Vec<f64>> = recording.segments.iter().map(values).collect();
        let segments: Vec<&[f64]> = segments.iter().map(Vec::as_slice).collect();
        let mut reach = |part: f64| percents.reach(((component as f64 + part) / dim as f64).clamp(1e-9, 1.0));
        let estimate = estimate(&segments, dt, asked, &mut reach)
            .map_err(|why| RunError::Usage(format!("{} of {}: {why}", name, files.join(", "))))?;
        quantities.push(RecordedExponent { name: (*name).to_owned(), estimate });
    }
    let segments = recording.segments.iter().map(|of| of.samples).collect();
    Ok(RecordedExponents { files: files.to_vec(), dt, segments, quantities })
}
