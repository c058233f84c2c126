//! The truth of a recording: what is held out of it.

use dataset::recording::Recording;
use dataset::{Extent, Piece, Pieces, Split};
use forecast::Task;
use trajectory::{Segment, Trajectories};

use crate::Experiment;
use crate::experiment::{Evaluate, Protocol};
use crate::recording::{Measured, numbered};

/// A recording cut into its parts.
pub(crate) struct Parts {
    /// The pieces of all parts.
    pub(crate) runs: Trajectories,
    pub(crate) split: Split,
    /// Training and validation together, if the model is to be trained on both in the end.
    pub(crate) refit: Option<Trajectories>,
    /// The pieces of the test part, as segments and samples of [`Measured::held_out`].
    pub(crate) test: Vec<Piece>,
}

/// How free runs over the test part of a recording are scored.
#[derive(Clone, Copy)]
pub(crate) struct FreeRuns {
    /// Samples that are given at the beginning of each segment.
    pub(crate) given: usize,
    /// Whether runs are ranked by them.
    pub(crate) ranks: bool,
}

/// Of each segment, the number of its recording and its length.
fn extents(recording: &Recording) -> Vec<Extent> {
    numbered(recording).map(|(number, of)| Extent { recording: number, samples: of.samples }).collect()
}

fn trajectories(recording: &Recording, dt: f64) -> Trajectories {
    let dims = [recording.states.len(), recording.inputs.len()];
    let segments = recording.segments.iter().map(|of| Segment {
        start: of.start,
        u: of.states.clone(),
        known: of.inputs.clone(),
    });
    Trajectories::of_segments(dt, dims, segments)
}

/// The pieces of training, validation and test: a window, a free run of training and one sample after it must fit into
/// the first two. With a recording for the scores alone, the test part is empty here.
fn pieces(experiment: &Experiment, measured: &Measured, window: usize) -> Result<Pieces, String> {
    let fractions = match measured.test {
        None => experiment.data.split,
        Some(_) => {
            let [train, validation, _] = experiment.data.split;
            [train / (train + validation), validation / (train + validation), 0.0]
        }
    };
    // The validation of a training over long free runs may have shorter ones.
    let least = [experiment.train.unroll, 1].map(|steps| window.max(2) + steps);
    let pieces = Pieces::new(&extents(&measured.recording), fractions, window, least, experiment.seed);
    pieces.map_err(|fault| format!("data.{fault}"))
}

/// Splits the measurements into training, validation and test.
///
/// # Errors
/// Too few samples.
pub(crate) fn parts(experiment: &Experiment, measured: &Measured, window: usize) -> Result<Parts, String> {
    let Measured { recording, test } = measured;
    let pieces = pieces(experiment, measured, window)?;
    let before_test = experiment.train.refit.then(|| pieces.before_test(window));
    let Pieces { train, validation, test: own } = pieces;
    let [first, second] = [train.len(), train.len() + validation.len()];
    let all = trajectories(recording, recording.dt);
    let refit = before_test.map(|pieces| all.cut(pieces));
    let cut = all.cut([train, validation, own.clone()].concat());
    let (runs, own) = match test {
        None => (cut, own),
        Some(test) => {
            let whole = test.segments.iter().map(|of| 0..of.samples).enumerate();
            (Trajectories::joined(&[&cut, &trajectories(test, recording.dt)]), whole.collect())
        }
    };
    let split = Split {
        train: (0..first).collect(),
        validation: (first..second).collect(),
        test: (second..runs.count()).collect(),
    };
    Ok(Parts { runs, split, test: own, refit })
}

/// The default history before a start, and the default horizon, in samples. The history is the same for models of any
/// window of up to 50 samples, so that they are scored from the same starts; it and the horizon each take at most a quarter
/// of the longest piece of the test part. `lead` is the history where the user has set it.
///
/// # Errors
/// Too few samples.
pub(crate) fn defaults(
    experiment: &Experiment,
    measured: Option<&Measured>,
    window: usize,
    lead: Option<usize>,
) -> Result<(usize, usize), String> {
    const LEAD: usize = 49;
    const HORIZON: usize = 5000;
    let own = window.max(2) - 1;
    // A run that has kept what its files say has kept these defaults, too.
    let Some(measured) = measured else { return Ok((lead.unwrap_or(own.max(LEAD)), 2 * LEAD)) };
    let longest = match &measured.test {
        None => pieces(experiment, measured, window)?.test.iter().map(|(_, samples)| samples.len()).max(),
        Some(test) => test.segments.iter().map(|of| of.samples).max(),
    };
    let longest = longest.unwrap_or(0);
    let lead = lead.unwrap_or(LEAD.min(longest / 4).max(own));
    Ok((lead, (longest.saturating_sub(lead + 1) / 4).clamp(1, HORIZON)))
}

/// Starts spread evenly over the test part, with the measurements after each, or with what is true at their samples:
/// `clean`, in the pieces of `test`. Without enough room, forecasts of
/// neighbouring starts overlap; [`Task::block`] says how many. Returns a note where there is room for fewer starts than
/// were asked for.
///
/// # Errors
/// Fewer than two starts.
pub(crate) fn task(
    experiment: &Experiment,
    test: Trajectories,
    clean: Option<Trajectories>,
    std: Vec<f64>,
) -> Result<(Task, Option<String>), String> {
    task_of(experiment, [experiment.lead(), experiment.horizon()], test, clean, std)
}

/// [`task`] with another history before a start and another horizon, in samples.
fn task_of(
    experiment: &Experiment,
    [lead, horizon]: [usize; 2],
    test: Trajectories,
    clean: Option<Trajectories>,
    std: Vec<f64>,
) -> Result<(Task, Option<String>), String> {
    let span = ((experiment.forecast_span() / experiment.data.dt).round() as usize).max(horizon);
    let starts = starts(&test, lead, horizon, experiment.evaluate.starts);
    if starts.len() < 2 {
        return Err(format!(
            "evaluate.transient = {} and evaluate.horizon = {} leave no two starts in a part of the recording: {} samples \
             must lie before a start and {horizon} after it, and the longest piece of the part has {}; take a shorter \
             transient or horizon, or a larger part (data.split)",
            experiment.evaluate.transient,
            experiment.evaluate.horizon,
            lead + 1,
            (0..test.count()).map(|run| test.samples(run)).max().unwrap_or(0),
        ));
    }
    let note = (starts.len() < experiment.evaluate.starts).then(|| {
        format!(
            "the test part has room for {} starts, not {} (evaluate.starts): each needs {} samples before it and {horizon} \
             after it",
            starts.len(),
            experiment.evaluate.starts,
            lead + 1
        )
    });
    let end = |run: usize, start: usize| (start + span).min(test.samples(run) - 1);
    let (measured, truth) = (&test, clean.as_ref().unwrap_or(&test));
    let segments = starts.iter().map(|&(run, start)| {
        let (first, end) = (start - lead, end(run, start) + 1);
        Segment {
            start: measured.time(run, first),
            u: [measured.states(run, first..start + 1), truth.states(run, start + 1..end)].concat(),
            known: (first..end).flat_map(|i| measured.known_at(run, i)).copied().collect(),
        }
    });
    let runs = Trajectories::of_segments(test.dt(), [test.dim(), test.known_dim()], segments);
    let trusted = starts.iter().map(|&(run, start)| end(run, start) - start).collect();
    let task = Task {
        runs,
        lead,
        trusted,
        block: overlapping(&starts, span),
        horizon,
        std,
        lyapunov_exponent: Some(experiment.evaluate.lyapunov_exponent).filter(|&exponent| exponent > 0.0),
        test,
        clean,
        // No forecaster that is compared looks at more than the history before a start.
        window: lead + 1,
        climate: None,
        field: None,
    };
    Ok((task, note))
}

/// Starts of forecasts over a validation part whose trajectories may be shorter than the history and the horizon of the
/// scores: then the forecasts take half of what is left after a window. `None` if not two of them fit.
pub(crate) fn validation_task(
    experiment: &Experiment,
    validation: Trajectories,
    window: usize,
    std: Vec<f64>,
) -> Option<Task> {
    let lead = window.max(2) - 1;
    let longest = (0..validation.count()).map(|run| validation.samples(run)).max().unwrap_or(0);
    let horizon = experiment.horizon().min(longest.saturating_sub(lead + 1) / 2).max(1);
    task_of(experiment, [lead, horizon], validation, None, std).ok().map(|(task, _)| task)
}

/// Free runs over the segments of the test part, of so many samples; and a note where some of them are too short.
///
/// # Errors
/// If all of them are too short.
pub(crate) fn free_runs(
    experiment: &Experiment,
    test: &Trajectories,
) -> Result<(FreeRuns, Option<String>), String> {
    let Evaluate { given, protocol, .. } = experiment.evaluate;
    let lengths: Vec<usize> = (0..test.count()).map(|run| test.samples(run)).collect();
    let short = lengths.iter().filter(|samples| **samples <= given).count();
    // One sample does not vary, so there is no R².
    if lengths.iter().map(|samples| samples.saturating_sub(given)).sum::<usize>() < 2 {
        return Err(format!(
            "evaluate.given = {given} leaves nothing to forecast: a free run needs two samples after the given ones, and the \
             longest segment of the test part has {} samples; give fewer, or hold out more (data.split)",
            lengths.iter().max().unwrap_or(&0)
        ));
    }
    let ranks = protocol == Protocol::Simulate;
    let note = (short > 0 && ranks).then(|| {
        format!(
            "{short} of {} segments of the test part are left out of the free runs: they are no longer than the {given} \
             given samples (evaluate.given)",
            lengths.len()
        )
    });
    Ok((FreeRuns { given, ranks }, note))
}

/// At most `count` starts, as trajectory and sample, in order; each has a whole horizon after it.
fn starts(test: &Trajectories, lead: usize, horizon: usize, count: usize) -> Vec<(usize, usize)> {
    let possible = |run: usize| lead..(test.samples(run).saturating_sub(horizon)).max(lead);
    let each = (0..test.count()).flat_map(|run| possible(run).map(move |start| (run, start)));
    let all: Vec<(usize, usize)> = each.collect();
    let count = count.min(all.len());
    (0..count).map(|i| all[((2 * i + 1) * all.len()) / (2 * count)]).collect()
}

/// How many successive starts, at most, lie within so many samples of the first of them.
fn overlapping(starts: &[(usize, usize)], samples: usize) -> usize {
    let within = |i: usize| {
        let (run, start) = starts[i];
        starts[i..].iter().take_while(|(other, at)| *other == run && *at < start + samples).count()
    };
    (0..starts.len()).map(within).max().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(lengths: &[usize]) -> Trajectories {
        let segments =
            lengths.iter().map(|&samples| Segment { start: 0.0, u: vec![0.0; samples], known: vec![] });
        Trajectories::of_segments(1.0, [1, 0], segments)
    }

    #[test]
    fn starts_have_their_history_and_a_whole_horizon() {
        let test = runs(&[20, 4, 12]);
        for (lead, horizon, count) in [(1, 5, 200), (3, 5, 4), (1, 1, 7), (3, 15, 3)] {
            let found = starts(&test, lead, horizon, count);
            assert!(!found.is_empty() && found.len() <= count && found.is_sorted());
            for &(run, start) in &found {
                assert!(start >= lead && test.samples(run) - 1 - start >= horizon, "{run} {start}");
            }
        }
        assert_eq!(starts(&test, 1, 5, 200).len(), 14 + 6);
        assert_eq!(starts(&test, 1, 5, 2), [(0, 6), (2, 2)]);
        assert!(starts(&test, 2, 30, 10).is_empty());
    }

    #[test]
    fn starts_nearer_than_a_horizon_make_a_block() {
        assert_eq!(overlapping(&[(0, 1), (0, 4), (0, 8), (1, 0), (1, 2), (1, 4)], 5), 3);
        assert_eq!(overlapping(&[(0, 1), (0, 9), (1, 1)], 5), 1);
    }
}
