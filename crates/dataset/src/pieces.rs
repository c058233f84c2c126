//! Splits recordings into training, validation and test parts.

use std::ops::Range;

use trajectory::random;

use crate::DatasetError;
use crate::split::check_fractions;

/// A piece: the number of a segment, and a range of its samples.
pub type Piece = (usize, Range<usize>);

/// The pieces of each part. Parts share no sample.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pieces {
    /// For training the weights, and for the normalisation.
    pub train: Vec<Piece>,
    /// For choosing the best weights of a training.
    pub validation: Vec<Piece>,
    /// For the scores.
    pub test: Vec<Piece>,
}

/// What a split needs to know about a segment: the number of its recording, and its length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extent {
    /// Number of the recording; the segments of one recording come one after the other.
    pub recording: usize,
    /// Number of samples.
    pub samples: usize,
}

impl Pieces {
    /// Splits segments into parts of these fractions (training, validation, test): three recordings or more by recording,
    /// in an order that depends on the seed; fewer by time, the first part for training and the last for the test, with
    /// `gap` samples left out at the end of training and of validation. So the test part depends on neither `gap` nor
    /// `least`. A fraction of 0 leaves its part empty. Training and validation have pieces of at least so many samples, two
    /// numbers `least` (2 if it is less); recordings that are shorter than both are in no part.
    ///
    /// # Errors
    /// Fractions that are not three numbers from 0 to 1 with sum 1, or of which the first is 0; too few samples for the
    /// parts.
    pub fn new(
        segments: &[Extent],
        fractions: [f64; 3],
        gap: usize,
        least: [usize; 2],
        seed: u64,
    ) -> Result<Self, DatasetError> {
        check_fractions(fractions)?;
        if fractions[0] == 0.0 {
            return Err(DatasetError(format!("split = {fractions:?} leaves nothing to train on")));
        }
        // The test part needs a start and a sample to forecast.
        let least = least.map(|samples| samples.max(2));
        let mut long: Vec<usize> = segments
            .iter()
            .filter(|of| of.samples >= least[0].max(least[1]))
            .map(|of| of.recording)
            .collect();
        long.dedup();
        let parts = fractions.iter().filter(|fraction| **fraction > 0.0).count();
        if long.len() >= parts.max(3) {
            Ok(Pieces::by_recording(segments, &long, fractions, least, seed))
        } else {
            Pieces::by_time(segments, fractions, gap, least)
        }
    }

    fn by_recording(
        segments: &[Extent],
        recordings: &[usize],
        fractions: [f64; 3],
        least: [usize; 2],
        seed: u64,
    ) -> Self {
        let count = recordings.len();
        let size = |fraction: f64| match fraction {
            0.0 => 0,
            _ => ((fraction * count as f64).round() as usize).max(1),
        };
        let (mut validation, mut test) = (size(fractions[1]), size(fractions[2]));
        // What is rounded up must leave something to train on.
        while validation + test >= count {
            *(if validation > test { &mut validation } else { &mut test }) -= 1;
        }
        let order = random::permutation(&mut random::stream(seed, "split", 0), count);
        let train = count - validation - test;
        let of = |part: &[usize], least: usize| {
            let part: Vec<usize> = part.iter().map(|&place| recordings[place]).collect();
            let is_in = |of: &Extent| part.contains(&of.recording) && of.samples >= least;
            let in_part = segments.iter().enumerate().filter(|(_, of)| is_in(of));
            in_part.map(|(segment, of)| (segment, 0..of.samples)).collect()
        };
        Pieces {
            train: of(&order[..train], least[0]),
            validation: of(&order[train..train + validation], least[1]),
            test: of(&order[train + validation..], 2),
        }
    }

    fn by_time(
        segments: &[Extent],
        fractions: [f64; 3],
        gap: usize,
        least: [usize; 2],
    ) -> Result<Self, DatasetError> {
        let all: usize = segments.iter().map(|of| of.samples).sum();
        let share = |fraction: f64| (fraction * all as f64).round() as usize;
        let ends = [share(fractions[0]), share(fractions[0] + fractions[1]), all];
        let part = |number: usize, least: usize| {
            let begin = if number == 0 { 0 } else { ends[number - 1] };
            // Samples that the next part follows too closely.
            let end = if ends[number] == all { all } else { ends[number].saturating_sub(gap).max(begin) };
            let mut first = 0;
            let pieces = segments.iter().enumerate().map(|(segment, of)| {
                let inside = begin.clamp(first, first + of.samples) - first
                    ..end.clamp(first, first + of.samples) - first;
                first += of.samples;
                (segment, inside)
            });
            let pieces: Vec<Piece> = pieces.filter(|(_, inside)| inside.len() >= least).collect();
            if pieces.is_empty() && fractions[number] > 0.0 {
                let name = ["training", "validation", "test"][number];
                return Err(DatasetError(format!(
                    "split = {fractions:?} leaves the {name} part of {all} samples no {least} successive ones, as many as \
                     the model's window and the samples after it need, before a gap of {gap} samples between two parts; \
                     take a longer recording, other fractions or a smaller window"
                )));
            }
            Ok(pieces)
        };
        Ok(Pieces { train: part(0, least[0])?, validation: part(1, least[1])?, test: part(2, 2)? })
    }
}

impl Pieces {
    /// The pieces of training and validation together, with the samples between two that are at most `gap` apart.
    pub fn before_test(&self, gap: usize) -> Vec<Piece> {
        let mut all = [&self.train[..], &self.validation[..]].concat();
        all.sort_by_key(|(segment, samples)| (*segment, samples.start));
        let mut joined: Vec<Piece> = Vec::new();
        for (segment, samples) in all {
            match joined.last_mut() {
                Some((last, before)) if *last == segment && samples.start - before.end <= gap => {
                    before.end = samples.end
                }
                _ => joined.push((segment, samples)),
            }
        }
        joined
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn extents(recordings: &[&[usize]]) -> Vec<Extent> {
        let of = |(recording, lengths): (usize, &&[usize])| {
            lengths.iter().map(move |&samples| Extent { recording, samples }).collect::<Vec<_>>()
        };
        recordings.iter().enumerate().flat_map(of).collect()
    }

    #[test]
    fn one_recording_is_split_by_time_with_a_gap() {
        let pieces = Pieces::new(&extents(&[&[60, 40]]), [0.7, 0.2, 0.1], 3, [2; 2], 0).unwrap();
        assert_eq!(pieces.train, [(0, 0..60), (1, 0..7)]);
        assert_eq!((pieces.validation, pieces.test), (vec![(1, 10..27)], vec![(1, 30..40)]));
        // Pieces that are too short for a window are left out, and an empty part is an error. The test part stays the same.
        let long = Pieces::new(&extents(&[&[60, 40]]), [0.7, 0.2, 0.1], 5, [11; 2], 0).unwrap();
        assert_eq!((long.train, long.test), (vec![(0, 0..60)], vec![(1, 30..40)]));
        let none = Pieces::new(&extents(&[&[60, 40]]), [0.7, 0.2, 0.1], 5, [16; 2], 0).unwrap_err().0;
        assert!(none.contains("leaves the validation part of 100 samples no 16 successive ones"), "{none}");
        let trained = Pieces::new(&extents(&[&[60, 40]]), [0.8, 0.2, 0.0], 3, [11; 2], 0).unwrap();
        assert_eq!((trained.validation, trained.test), (vec![(1, 20..40)], vec![]));
        // A validation part may be shorter than what the training part needs; both together are all before the test part.
        let apart = Pieces::new(&extents(&[&[60, 40]]), [0.7, 0.2, 0.1], 3, [30, 11], 0).unwrap();
        assert_eq!((apart.train.clone(), apart.validation.clone()), (vec![(0, 0..60)], vec![(1, 10..27)]));
        assert_eq!(apart.before_test(3), [(0, 0..60), (1, 10..27)]);
        let one = Pieces::new(&extents(&[&[100]]), [0.7, 0.2, 0.1], 3, [2; 2], 0).unwrap();
        assert_eq!((one.train.clone(), one.validation.clone()), (vec![(0, 0..67)], vec![(0, 70..87)]));
        assert_eq!(
            (one.before_test(3), one.before_test(2)),
            (vec![(0, 0..87)], vec![(0, 0..67), (0, 70..87)])
        );
        let none = Pieces::new(&extents(&[&[9], &[9], &[9]]), [0.0, 0.5, 0.5], 0, [2; 2], 0).unwrap_err().0;
        assert!(none.contains("leaves nothing to train on"), "{none}");
    }

    #[test]
    fn recordings_that_are_too_short_for_a_window_are_in_no_part() {
        let pieces =
            Pieces::new(&extents(&[&[9], &[3, 8], &[4], &[9], &[2]]), [0.6, 0.2, 0.2], 0, [5; 2], 0).unwrap();
        let mut all = [pieces.train, pieces.validation].concat();
        assert!(all.iter().all(|(_, samples)| samples.len() >= 5));
        all.extend(pieces.test);
        assert!(all.iter().all(|(segment, _)| [0, 1, 2, 4].contains(segment)), "{all:?}");
    }

    #[test]
    fn three_recordings_are_split_whole() {
        let segments = extents(&[&[5, 6], &[7], &[8]]);
        let pieces = Pieces::new(&segments, [0.8, 0.1, 0.1], 3, [2; 2], 1).unwrap();
        let recording = |(segment, samples): &Piece| {
            assert_eq!(*samples, 0..segments[*segment].samples);
            segments[*segment].recording
        };
        let mut seen: Vec<Vec<usize>> = [&pieces.train, &pieces.validation, &pieces.test]
            .map(|part| part.iter().map(recording).collect())
            .into();
        seen.iter_mut().for_each(Vec::dedup);
        let mut all = seen.concat();
        all.sort_unstable();
        assert_eq!((all, seen.iter().map(Vec::len).collect::<Vec<_>>()), (vec![0, 1, 2], vec![1, 1, 1]));
    }

    proptest! {
        #[test]
        fn parts_share_no_sample_and_keep_their_distance(
            lengths in prop::collection::vec(1usize..60, 1..9), recordings in 1usize..6, gap in 0usize..9,
            least in 1usize..9, a in 1u32..49, b in 0u32..49, seed in 0u64..5,
        ) {
            let fractions = [1.0 - f64::from(a + b) / 100.0, f64::from(a) / 100.0, f64::from(b) / 100.0];
            let recordings = recordings.min(lengths.len());
            let segments: Vec<Extent> = lengths.iter().enumerate()
                .map(|(i, &samples)| Extent { recording: i * recordings / lengths.len(), samples }).collect();
            if let Ok(pieces) = Pieces::new(&segments, fractions, gap, [least; 2], seed) {
                prop_assert!(!pieces.train.is_empty() && !pieces.validation.is_empty());
                prop_assert_eq!(pieces.test.is_empty(), b == 0);
                let mut part = vec![None; lengths.iter().sum()];
                let first = |segment: usize| lengths[..segment].iter().sum::<usize>();
                for (number, pieces) in [&pieces.train, &pieces.validation, &pieces.test].into_iter().enumerate() {
                    for (segment, samples) in pieces {
                        prop_assert!(samples.end <= lengths[*segment]);
                        for i in samples.clone() {
                            prop_assert!(part[first(*segment) + i].replace(number).is_none());
                        }
                    }
                }
                let by_recording = |part: &[Piece]| part.iter().all(|(s, samples)| *samples == (0..lengths[*s]));
                let whole = [&pieces.train, &pieces.validation, &pieces.test].into_iter().all(|part| by_recording(part));
                if recordings < 3 || !whole {
                    for (i, of) in part.iter().enumerate() {
                        let near = &part[i..(i + gap + 1).min(part.len())];
                        prop_assert!(near.iter().flatten().all(|other| of.is_none_or(|of| of == *other)));
                    }
                }
            }
        }
    }
}
