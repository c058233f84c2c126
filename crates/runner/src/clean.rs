//! Clean recordings of what is held out: the truth where the measurements are noisy.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dataset::recording::{Recording, Segment, Settings, find};
use trajectory::Trajectories;

use crate::Progress;
use crate::hash::{fnv1a, fnv1a_on};
use crate::recording::{for_other_files, numbered, read_once};

/// Recordings that `evaluate.truth` names.
pub(crate) struct Clean {
    /// What the key says.
    pattern: String,
    files: Vec<PathBuf>,
    recording: Arc<Recording>,
    /// Whether samples are known by their number alone, since the files have no times.
    without_times: bool,
}

impl Clean {
    /// Reads the clean recordings. `settings` are those of the held-out recordings, with the names of their states.
    ///
    /// # Errors
    /// Files that cannot be read, or that lack a state.
    pub(crate) fn read(
        pattern: &str,
        settings: &Settings,
        progress: &mut dyn Progress,
    ) -> Result<Self, String> {
        let settings = for_other_files(Settings {
            files: vec![pattern.to_owned()],
            inputs: Vec::new(),
            units: BTreeMap::new(),
            ..settings.clone()
        });
        let wrong = |fault: String| {
            let fault = fault.replace("in recording.files ", "").replace("recording.files = ", "");
            format!("evaluate.truth: {fault}")
        };
        let files = find(&settings.files, Path::new("")).map_err(|error| wrong(error.to_string()))?;
        let recording = read_once(&settings, progress).map_err(wrong)?;
        Ok(Clean { pattern: pattern.to_owned(), files, recording, without_times: settings.dt.is_some() })
    }

    /// A hash of the clean numbers and of how they are divided.
    pub(crate) fn digest(&self) -> String {
        let mut hash = fnv1a_on(fnv1a(&[]), &self.recording.dt.to_le_bytes());
        for (number, Segment { samples, states, .. }) in numbered(&self.recording) {
            let of = [number.to_le_bytes(), samples.to_le_bytes()].concat();
            hash = states.iter().fold(fnv1a_on(hash, &of), |hash, x| fnv1a_on(hash, &x.to_le_bytes()));
        }
        format!("{hash:016x}")
    }

    /// The clean states at the samples of some pieces of `noisy`, whose files are `files`; and how recordings were matched,
    /// in words. They are matched by the names of their files (and trajectories); if no name is equal, by their order.
    ///
    /// # Errors
    /// A recording without a clean one, or whose clean one has other times or another number of samples.
    pub(crate) fn at(
        &self,
        noisy: &Recording,
        files: &[PathBuf],
        pieces: &[(usize, Range<usize>)],
    ) -> Result<(Trajectories, &'static str), String> {
        let (clean, dt) = (&self.recording, noisy.dt);
        let wrong = |fault: String| format!("evaluate.truth = {:?}: {fault}", self.pattern);
        if (clean.dt / dt - 1.0).abs() > 1e-6 {
            return Err(wrong(format!(
                "the clean recordings have a sample every {}, and the held-out ones every {dt}: they must be equal",
                clean.dt
            )));
        }
        let numbers =
            |recording: &Recording| -> Vec<usize> { numbered(recording).map(|(number, _)| number).collect() };
        let [of_noisy, of_clean] = [noisy, clean].map(numbers);
        let mut held_out: Vec<usize> = pieces.iter().map(|(segment, _)| of_noisy[*segment]).collect();
        held_out.dedup();
        let [all, given] = [&of_noisy, &of_clean].map(|of| of.last().map_or(0, |last| last + 1));
        let name = |segment: usize| without_folders(&noisy.segments[segment].name, files);
        let names: Vec<String> =
            clean.segments.iter().map(|of| without_folders(&of.name, &self.files)).collect();
        let by_name = pieces.iter().any(|(segment, _)| names.contains(&name(*segment)));
        if !by_name && given != all && given != held_out.len() {
            return Err(wrong(format!(
                "no clean recording has the file name of a test recording, such as {:?}. Recordings can be matched by their \
                 order only if there are as many clean ones as test recordings ({}) or recordings in all ({all}); there are \
                 {given}",
                pieces.first().map(|(segment, _)| name(*segment)).unwrap_or_default(),
                held_out.len(),
            )));
        }
        let mut segments = Vec::new();
        if by_name
            && let Some(twice) =
                twice(noisy, files, &of_noisy).or_else(|| twice(clean, &self.files, &of_clean))
        {
            return Err(wrong(format!(
                "two recordings have the file name {twice:?}, by which they are matched: rename one"
            )));
        }
        for (segment, samples) in pieces {
            let of = &noisy.segments[*segment];
            let place = held_out.iter().position(|number| *number == of_noisy[*segment]).unwrap_or(0);
            let wanted = if given == all { of_noisy[*segment] } else { place };
            let is_it = |other: &usize| match by_name {
                true => names[*other] == name(*segment),
                false => of_clean[*other] == wanted,
            };
            let matched: Vec<&Segment> =
                (0..names.len()).filter(is_it).map(|other| &clean.segments[other]).collect();
            let Some(first) = matched.first() else {
                return Err(wrong(format!(
                    "no clean recording has the name of the held-out recording {:?}; the clean ones are {}",
                    name(*segment),
                    names[..names.len().min(8)].join(", ")
                )));
            };
            let whole = |of: &[&Segment]| of.iter().map(|of| of.samples).sum::<usize>();
            let own: Vec<&Segment> = noisy.segments.iter().filter(|other| other.name == of.name).collect();
            let begin = of.start + samples.start as f64 * dt;
            let found = matched.iter().find_map(|of| Some((of, place_of(begin, of, dt, samples.len())?)));
            let unequal = self.without_times && whole(&own) != whole(&matched);
            let (true, Some((clean_segment, at))) = (!unequal, found) else {
                let end = matched.last().map_or(first.start, |of| of.start + (of.samples - 1) as f64 * dt);
                return Err(wrong(format!(
                    "the held-out recording {:?} has {} samples, and from {begin} to {} they are to be scored; the clean \
                     recording {:?} has {} samples from {} to {end}: their times must be equal",
                    of.name,
                    whole(&own),
                    begin + (samples.len() - 1) as f64 * dt,
                    first.name,
                    whole(&matched),
                    first.start,
                )));
            };
            let dim = clean.states.len();
            segments.push(trajectory::Segment {
                start: begin,
                u: clean_segment.states[at * dim..(at + samples.len()) * dim].to_vec(),
                known: Vec::new(),
            });
        }
        let how = if by_name { "by the names of their files" } else { "by their order" };
        Ok((Trajectories::of_segments(dt, [clean.states.len(), 0], segments), how))
    }
}

/// The name of a file, without its folders, that two recordings have.
fn twice(recording: &Recording, files: &[PathBuf], numbers: &[usize]) -> Option<String> {
    let mut known = BTreeMap::new();
    recording.segments.iter().zip(numbers).find_map(|(segment, number)| {
        let name = without_folders(&segment.name, files);
        (*known.entry(name.clone()).or_insert(*number) != *number).then_some(name)
    })
}

/// The name of a segment without the folders of its file.
fn without_folders(name: &str, files: &[PathBuf]) -> String {
    let rest = files.iter().find_map(|file| {
        let rest = name.strip_prefix(&file.display().to_string())?;
        Some(file.file_name()?.to_string_lossy().into_owned() + rest)
    });
    rest.unwrap_or_else(|| name.to_owned())
}

/// The sample of a segment at this time, if `samples` of the segment follow from there on.
fn place_of(time: f64, segment: &Segment, dt: f64, samples: usize) -> Option<usize> {
    let place = (time - segment.start) / dt;
    let near = (place - place.round()).abs() < 0.1 && place.round() >= 0.0;
    near.then_some(place.round() as usize).filter(|place| place + samples <= segment.samples)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dataset::recording::Channel;

    fn recording(segments: &[(&str, f64, Vec<f64>)]) -> Recording {
        let channel = Channel { name: "x".into(), unit: String::new() };
        let segment = |(name, start, x): &(&str, f64, Vec<f64>)| Segment {
            name: (*name).into(),
            start: *start,
            samples: x.len(),
            states: x.clone(),
            inputs: vec![],
        };
        let segments = segments.iter().map(segment).collect();
        Recording { states: vec![channel], inputs: vec![], dt: 0.5, segments, notes: vec![] }
    }

    fn clean(files: &[&str], segments: &[(&str, f64, Vec<f64>)], without_times: bool) -> Clean {
        Clean {
            pattern: "clean/*.csv".into(),
            files: files.iter().map(PathBuf::from).collect(),
            recording: Arc::new(recording(segments)),
            without_times,
        }
    }

    fn count(from: usize, samples: usize) -> Vec<f64> {
        (from..from + samples).map(|i| i as f64).collect()
    }

    #[test]
    fn clean_recordings_are_found_by_name_or_order_and_cut_at_the_same_times() {
        let files: Vec<PathBuf> = ["n/a.csv", "n/b.csv"].map(PathBuf::from).into();
        // The second recording has a gap.
        let noisy = recording(&[
            ("n/a.csv", 0.0, count(0, 6)),
            ("n/b.csv", 10.0, count(0, 4)),
            ("n/b.csv", 13.0, count(0, 5)),
        ]);
        let pieces = [(0, 2..5), (2, 0..5)];
        let b = ("c/b.csv", 9.5, count(200, 20));
        let by_name = clean(&["c/a.csv", "c/b.csv"], &[("c/a.csv", 0.0, count(100, 6)), b.clone()], false);
        let (found, how) = by_name.at(&noisy, &files, &pieces).unwrap();
        assert_eq!((found.states(0, 0..3), found.time(0, 0)), (&[102.0, 103.0, 104.0][..], 1.0));
        assert_eq!(found.states(1, 0..5), &[207.0, 208.0, 209.0, 210.0, 211.0]);
        assert_eq!(how, "by the names of their files");
        // Under other names: in order, all of them or those held out.
        let two = [("c/1.csv", 0.0, count(100, 6)), ("c/2.csv", 9.5, count(200, 20))];
        let by_order = clean(&["c/1.csv", "c/2.csv"], &two, false);
        assert_eq!(by_order.at(&noisy, &files, &pieces).unwrap(), (found, "by their order"));
        let one = clean(&["c/2.csv"], &two[1..], false);
        assert_eq!(one.at(&noisy, &files, &pieces[1..]).unwrap().0.states(0, 0..1), &[207.0]);

        let says = |of: &Clean, words: &str| {
            let error = of.at(&noisy, &files, &pieces).unwrap_err();
            assert!(
                error.starts_with("evaluate.truth = \"clean/*.csv\": ") && error.contains(words),
                "{error}"
            );
        };
        says(&clean(&["c/b.csv"], &[b], false), "held-out recording \"a.csv\"; the clean ones are b.csv");
        says(&one, "as many clean ones as test recordings (2) or recordings in all (2); there are 1");
        let short = [("c/1.csv", 0.0, count(100, 4)), two[1].clone()];
        says(&clean(&[], &short, false), "has 4 samples from 0 to 1.5: their times must be equal");
        let late = [("c/1.csv", 1.25, count(100, 9)), two[1].clone()];
        says(&clean(&[], &late, false), "from 1 to 2 they are to be scored; the clean recording \"c/1.csv\"");
        // Without times, a recording that is longer may begin earlier.
        let long = [("c/1.csv", 0.0, count(100, 7)), two[1].clone()];
        says(&clean(&[], &long, true), "has 7 samples");
        let same = [("c/a.csv", 0.0, count(0, 6)), ("d/a.csv", 0.0, count(0, 6))];
        says(&clean(&["c/a.csv", "d/a.csv"], &same, false), "two recordings have the file name \"a.csv\"");
        let mut other = recording(&two);
        other.dt = 0.25;
        let other = Clean { recording: Arc::new(other), ..by_order };
        says(&other, "a sample every 0.25, and the held-out ones every 0.5");
    }
}
