//! Trajectories spread over the cores.

use rayon::prelude::*;

use crate::FieldError;

/// In how many parts to divide the work on one of `count` trajectories, where it can be divided: cores that get no whole
/// trajectory share those that are left.
pub(crate) fn parts_for(count: usize) -> usize {
    let threads = rayon::current_num_threads();
    threads.checked_div(count % threads).unwrap_or(1)
}

/// Calls what `worker` returns with each of `starts` and its part of `out`, several at once. `worker(parts)` prepares the
/// memory for one trajectory after another, each computed in `parts` parts; as many as fill all cores are computed in one part
/// each, and the remaining ones in `parts`.
///
/// # Errors
/// That of the first trajectory that failed, with its number.
pub(crate) fn each_trajectory<W>(
    starts: &[Vec<f64>],
    out: &mut [f64],
    parts: usize,
    worker: impl Fn(usize) -> W + Sync,
) -> Result<(), FieldError>
where
    W: FnMut(&[f64], &mut [f64]) -> Result<(), FieldError>,
{
    let Some(size) = out.len().checked_div(starts.len()) else { return Ok(()) };
    let whole =
        if parts == 1 { starts.len() } else { starts.len() - starts.len() % rayon::current_num_threads() };
    let (first, rest) = out.split_at_mut(whole * size);
    let run = |starts: &[Vec<f64>], out: &mut [f64], parts: usize| -> Vec<Result<(), FieldError>> {
        let pairs = starts.par_iter().zip(out.par_chunks_mut(size));
        pairs.map_init(|| worker(parts), |work, (start, out)| work(start, out)).collect()
    };
    // Inside of the pool, since a part that is handed to it from outside waits for a thread to wake up.
    let results = rayon::scope(|_| {
        let mut results = run(&starts[..whole], first, 1);
        results.extend(run(&starts[whole..], rest, parts));
        results
    });
    for (trajectory, result) in results.into_iter().enumerate() {
        result.map_err(|error| FieldError::Trajectory { trajectory, error: Box::new(error) })?;
    }
    Ok(())
}
