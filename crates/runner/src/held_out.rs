//! The truth of a recording: what is held out of it.

use dataset::recording::{Recording, Segment as Stretch};
use dataset::{Extent, Piece, Pieces, Split};
use forecast::Task;
use trajectory::{Segment, Trajectories};

use crate::Experiment;
use crate::recording::Measured;

/// A recording cut into its parts.
pub(crate) struct Parts {
    /// The pieces of all parts.
    pub(crate) runs: Trajectories,
    pub(crate) split: Split,
}

/// The part of a segment that its recording is told apart by.
fn extents(recording: &Recording) -> Vec<Extent> {
    let mut number = 0;
    let mut before: Option<&str> = None;
    let of = |segment: &Stretch| Extent { recording: 0, samples: segment.samples };
    let mut all: Vec<Extent> = recording.segments.iter().map(of).collect();
    for (extent, segment) in all.iter_mut().zip(&recording.segments) {
        number += usize::from(before.is_some_and(|before| before != segment.name));
        before = Some(&segment.name);
        extent.recording = number;
    }
    all
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

/// Cuts what was measured into training, validation and test: a window, a free run of training and one sample after it
/// must fit into each part.
///
/// # Errors
/// Too few samples.
pub(crate) fn parts(experiment: &Experiment, measured: &Measured, window: usize) -> Result<Parts, String> {
    let Measured { recording, test } = measured;
    let least = window.max(2) + experiment.train.unroll;
    let fractions = match test {
        None => experiment.data.split,
        // What is kept for the scores is another recording.
        Some(_) => {
            let [train, validation, _] = experiment.data.split;
            [train / (train + validation), validation / (train + validation), 0.0]
        }
    };
    let pieces = Pieces::new(&extents(recording), fractions, window, least, experiment.seed);
    let pieces = pieces.map_err(|fault| format!("data.{fault}"))?;
    let all = trajectories(recording, recording.dt);
    let of = |pieces: &[Piece]| all.cut(pieces.iter().cloned());
    let own = match test {
        None => of(&pieces.test),
        Some(test) => {
            let test = trajectories(test, recording.dt);
            let long: Vec<usize> = (0..test.count()).filter(|&run| test.samples(run) >= least).collect();
            if long.is_empty() {
                return Err(format!(
                    "recording.test holds no {least} successive samples, which the window needs"
                ));
            }
            test.select(&long)
        }
    };
    let (train, validation) = (of(&pieces.train), of(&pieces.validation));
    let [first, second, third] = [&train, &validation, &own].map(Trajectories::count);
    let split = Split {
        train: (0..first).collect(),
        validation: (first..first + second).collect(),
        test: (first + second..first + second + third).collect(),
    };
    Ok(Parts { runs: Trajectories::joined(&[&train, &validation, &own]), split })
}

/// The default history before a start and the default horizon, in samples. The history is the same for models of any
/// window of up to 50 samples, so that they are scored from the same starts; it and the horizon each take at most a quarter
/// of the longest piece of the test part.
///
/// # Errors
/// Too few samples.
pub(crate) fn defaults(
    experiment: &Experiment,
    measured: Option<&Measured>,
    window: usize,
) -> Result<(usize, usize), String> {
    const LEAD: usize = 49;
    const HORIZON: usize = 5000;
    let own = window.max(2) - 1;
    // The files are not read where a run has kept what they say, and it has kept these too.
    let Some(measured) = measured else { return Ok((own.max(LEAD), 2 * LEAD)) };
    let Parts { runs, split } = parts(experiment, measured, window)?;
    let longest = split.test.iter().map(|&run| runs.samples(run)).max().unwrap_or(0);
    let lead = LEAD.min(longest / 4).max(own);
    Ok((lead, (longest.saturating_sub(lead + 1) / 4).clamp(1, HORIZON)))
}

/// Starts spread evenly over the test part, and what was measured after each. Forecasts of neighbours cover some of the
/// same samples where there is no room for that many apart from each other; [`Task::block`] says of how many. With a note
/// where there is room for fewer starts than were asked for.
///
/// # Errors
/// Fewer than two starts.
pub(crate) fn task(
    experiment: &Experiment,
    test: Trajectories,
    std: Vec<f64>,
) -> Result<(Task, Option<String>), String> {
    let (lead, horizon) = (experiment.lead(), experiment.horizon());
    let span = (experiment.forecast_span() / experiment.data.dt).round() as usize;
    let starts = starts(&test, lead, horizon, experiment.evaluate.starts);
    if starts.len() < 2 {
        return Err(format!(
            "evaluate.transient = {} leaves no two starts in the test part, whose longest piece has {} samples: {} samples \
             must lie before a start and one after it; take a shorter transient, or a larger test part (data.split)",
            experiment.evaluate.transient,
            (0..test.count()).map(|run| test.samples(run)).max().unwrap_or(0),
            lead + 1
        ));
    }
    let note = (starts.len() < experiment.evaluate.starts).then(|| {
        format!(
            "the test part has room for {} starts, not {} (evaluate.starts): {} samples before each and one after it",
            starts.len(),
            experiment.evaluate.starts,
            lead + 1
        )
    });
    let end = |run: usize, start: usize| (start + span).min(test.samples(run) - 1);
    let runs = test.cut(starts.iter().map(|&(run, start)| (run, start - lead..end(run, start) + 1)));
    let trusted = starts.iter().map(|&(run, start)| end(run, start) - start).collect();
    let task = Task {
        runs,
        lead,
        trusted,
        block: overlapping(&starts, horizon),
        horizon,
        std,
        lyapunov_exponent: Some(experiment.evaluate.lyapunov_exponent).filter(|&exponent| exponent > 0.0),
        test,
        // All forecasters that are compared look at no more than the history before a start.
        window: lead + 1,
        climate: None,
    };
    Ok((task, note))
}

/// At most `count` starts, as trajectory and sample, in order: where trajectories are long enough, only such as have a
/// whole horizon after them.
fn starts(test: &Trajectories, lead: usize, horizon: usize, count: usize) -> Vec<(usize, usize)> {
    let room = |after: usize| {
        let possible = |run: usize| lead..(test.samples(run).saturating_sub(after)).max(lead);
        (0..test.count()).flat_map(|run| possible(run).map(move |start| (run, start))).collect::<Vec<_>>()
    };
    let whole = room(horizon);
    // at least a sample must follow
    let all = if whole.is_empty() { room(1) } else { whole };
    let count = count.min(all.len());
    (0..count).map(|i| all[((2 * i + 1) * all.len()) / (2 * count)]).collect()
}

/// How many successive starts, at most, lie within a horizon of the first of them.
fn overlapping(starts: &[(usize, usize)], horizon: usize) -> usize {
    let within = |i: usize| {
        let (run, start) = starts[i];
        starts[i..].iter().take_while(|(other, at)| *other == run && *at < start + horizon).count()
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
    fn starts_have_their_history_and_where_they_can_a_whole_horizon() {
        let test = runs(&[20, 4, 12]);
        for (lead, horizon, count) in [(1, 5, 200), (3, 5, 4), (1, 1, 7), (2, 30, 10), (3, 18, 3)] {
            let found = starts(&test, lead, horizon, count);
            assert!(!found.is_empty() && found.len() <= count && found.is_sorted());
            let whole = (0..3).any(|run| test.samples(run) >= lead + horizon + 1);
            for &(run, start) in &found {
                let after = test.samples(run) - 1 - start;
                assert!(start >= lead && after >= if whole { horizon } else { 1 }, "{run} {start}");
            }
        }
        assert_eq!(starts(&test, 1, 5, 200).len(), 14 + 6);
        assert_eq!(starts(&test, 1, 5, 2), [(0, 6), (2, 2)]);
    }

    #[test]
    fn starts_nearer_than_a_horizon_make_a_block() {
        assert_eq!(overlapping(&[(0, 1), (0, 4), (0, 8), (1, 0), (1, 2), (1, 4)], 5), 3);
        assert_eq!(overlapping(&[(0, 1), (0, 9), (1, 1)], 5), 1);
    }
}
