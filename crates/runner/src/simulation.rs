//! `simulate`: trajectories to a file, or to a folder of files.

use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Instant;

use dataset::arrays::write_csv;
use dataset::fields::write_fields;
use dataset::shards::write_trajectories;
use trajectory::{Layout, Trajectories};

use crate::catalogue::data_of;
use crate::experiment::Experiment;
use crate::run::lock;
use crate::source::Source;
use crate::stored::{ABOUT, Simulation, Stored, as_folder};
use crate::{Interrupt, Progress, RunError, data};

/// How a simulation ended: with what was written, in a sentence.
#[derive(Debug)]
pub enum Simulated {
    /// All of it is there.
    Done(String),
    /// It was asked to stop; the same command continues it.
    Interrupted(String),
}

/// Simulates a system, one that is named or that of an experiment file with its seed and data, with overrides of `seed`,
/// `system` and `data`, and writes `output`: an .npz with the times `t`, `u` [trajectory, time, component] and, where
/// there are known inputs, `known` [trajectory, time, input], or for a field [`write_fields`]; or a .csv with a row for each sample; or, where `output`
/// ends in a slash or is a folder, a folder of such .npz files with some of the trajectories each, `per_file` where it is
/// given, of which one is in memory at a time. A folder that holds a part of the same simulation is completed.
///
/// # Errors
/// A wrong name, setting or file ending; a folder that holds something else; a simulation that diverges; a file that
/// cannot be written.
pub fn simulate(
    named: &str,
    overrides: &[String],
    output: &Path,
    per_file: Option<usize>,
    stop: &Interrupt,
    progress: &mut dyn Progress,
) -> Result<Simulated, RunError> {
    let to_folder = output.is_dir() || output.to_string_lossy().ends_with(std::path::is_separator);
    let ending = if to_folder { check_folder(output)? } else { check_output(output, &["npz", "csv"])? };
    for pair in overrides {
        let key = pair.split('=').next().unwrap_or_default().trim();
        let section = key.split('.').next().unwrap_or_default().trim();
        if ["model", "train", "evaluate"].contains(&section)
            || ["data.from", "data.from_digest", "data.at_once"].contains(&key)
        {
            return Err(RunError::Usage(format!(
                "{pair} has no meaning here: simulate takes seed, data.* and the parameters of the system it names"
            )));
        }
    }
    let experiment = data_of(named, overrides)?;
    if !experiment.data.from.is_empty() {
        return Err(RunError::Usage("data.from has no meaning here: simulate writes trajectories".into()));
    }
    if to_folder {
        experiment.check_simulation().map_err(RunError::Usage)?;
        return simulate_to_folder(&experiment, output, per_file, stop, progress);
    }
    if per_file.is_some() {
        return Err(RunError::Usage(format!(
            "--per-file is for a folder, such as -o {}",
            as_folder(&output.with_extension(""))
        )));
    }
    experiment.check_data().map_err(RunError::Usage)?;

    let source = experiment.source().map_err(RunError::Usage)?;
    let (name, layout) = (source.name(), source.layout());
    let is_field = !layout.axes.is_empty();
    if is_field && ending == "csv" {
        return Err(RunError::Usage(format!(
            "{}: {name} is a field of {} numbers, too many for the columns of a .csv; write an .npz, such as {}",
            output.display(),
            layout.dim(),
            output.with_extension("npz").display()
        )));
    }
    progress.stage(&format!("simulating {} trajectories of {name}", experiment.data.trajectories));
    let runs = match is_field {
        true => in_turns(&experiment, &source, progress)?,
        false => data::simulate(&experiment, &source, 0..experiment.data.trajectories)?,
    };
    let times = experiment.times().map_err(RunError::Usage)?;
    let (count, samples) = (runs.count(), times.samples());
    progress.stage(&format!("writing {}", output.display()));
    let written = if is_field {
        write_fields(output, &times, &layout, &runs)
    } else if ending == "npz" {
        write_trajectories(output, &times, &runs)
    } else {
        let components = layout.channels.iter().cloned().chain(source.known_inputs());
        let header: Vec<String> =
            ["trajectory".into(), "t".into()].into_iter().chain(components.map(|c| c.heading())).collect();
        let rows = (0..count).flat_map(|run| (0..samples).map(move |i| (run, i)));
        write_csv(
            output,
            &header,
            rows.map(|(run, i)| {
                let of = [run as f64, times.at(i)];
                of.iter().chain(runs.state(run, i)).chain(runs.known_at(run, i)).copied().collect()
            }),
        )
    };
    written.map_err(RunError::failed)?;
    Ok(Simulated::Done(format!(
        "{}: {count} trajectories of {name}, {samples} samples of {} each",
        output.display(),
        described(&layout)
    )))
}

/// What a sample holds: "3 components", or "u on 64 points".
fn described(layout: &Layout) -> String {
    if layout.axes.is_empty() {
        return format!("{} components", layout.dim());
    }
    let channels: Vec<&str> = layout.channels.iter().map(|channel| channel.name.as_str()).collect();
    let shape: Vec<String> = layout.axes.iter().map(|axis| axis.points.to_string()).collect();
    format!("{} on {} points", channels.join(" and "), shape.join(" x "))
}

/// All trajectories of a field, some at a time, so that the progress is seen.
fn in_turns(
    experiment: &Experiment,
    source: &Source,
    progress: &mut dyn Progress,
) -> Result<Trajectories, RunError> {
    let (count, at_once) = (experiment.data.trajectories, 4 * rayon::current_num_threads());
    let times = experiment.times().map_err(RunError::Usage)?;
    let dim = source.layout().dim();
    let (begin, mut u) = (Instant::now(), Vec::with_capacity(count * times.samples() * dim));
    for first in (0..count).step_by(at_once) {
        let done = count.min(first + at_once);
        u.extend_from_slice(data::simulate(experiment, source, first..done)?.u());
        let left = begin.elapsed().as_secs_f64() / done as f64 * (count - done) as f64;
        progress.part(done as u64, count as u64, "trajectories", left);
    }
    Ok(Trajectories::new(times, [dim, 0], u, Vec::new()))
}

/// Simulates what a folder lacks of its shards.
fn simulate_to_folder(
    experiment: &Experiment,
    folder: &Path,
    per_file: Option<usize>,
    stop: &Interrupt,
    progress: &mut dyn Progress,
) -> Result<Simulated, RunError> {
    let at = as_folder(folder);
    let cannot = |error: std::io::Error| {
        let cure =
            if error.kind() == ErrorKind::StorageFull { "make room" } else { "name a folder that can be" };
        RunError::unwritten(error.kind(), format!("{at} cannot be written: {error}; {cure}"))
    };
    let source = experiment.source().map_err(RunError::Usage)?;
    let mut asked = Simulation::of(experiment).map_err(RunError::Usage)?;
    if let Some(count) = per_file {
        experiment
            .check_together(count)
            .map_err(|fault| RunError::Usage(format!("--per-file = {count}: {fault}")))?;
        asked.trajectories_per_shard = count;
    }
    let new = Stored::new(folder, asked.clone()).map_err(RunError::Usage)?;
    std::fs::create_dir_all(folder).map_err(cannot)?;
    let about = folder.join(ABOUT);
    // Never replaced, so that who holds its lock has the folder: of two that begin at once one is refused.
    let writable = std::fs::File::options().read(true).write(true).create(true).truncate(false).open(&about);
    let (file, read_only) = match writable {
        Ok(file) => (file, None),
        // what is complete may stand where nothing can be written
        Err(error) => match std::fs::File::open(&about) {
            Ok(file) => (file, Some(error)),
            Err(_) => return Err(cannot(error)),
        },
    };
    let Some(mut file) = lock(file) else {
        return Err(RunError::Usage(format!("another process writes to {at}")));
    };
    let (whole, mut there) = (new.about(), Vec::new());
    file.read_to_end(&mut there).map_err(cannot)?;
    // A process that was killed, or a full disk, may have left the beginning of it.
    let stored = if there.len() < whole.len() && whole.as_bytes().starts_with(&there) {
        if holds_other_things(folder) {
            return Err(RunError::Usage(format!(
                "{} does not say what the trajectories beside it are of; name another folder, or delete this one",
                about.display()
            )));
        }
        if let Some(error) = read_only {
            return Err(cannot(error));
        }
        let written = file.seek(SeekFrom::Start(0)).and_then(|_| file.write_all(whole.as_bytes()));
        written.and_then(|()| file.sync_all()).map_err(cannot)?;
        new
    } else {
        let stored = Stored::parse(folder, &there)
            .map_err(|fault| RunError::Usage(format!("{fault}; name another folder, or delete this one")))?;
        if per_file.is_none() {
            asked.trajectories_per_shard = stored.per_shard();
        }
        stored.is_that_of(&asked).map_err(RunError::Usage)?;
        stored
    };
    remove_temporaries(folder).map_err(cannot)?;

    let (shards, count) = (stored.shards(), stored.count());
    let mut missing = Vec::new();
    for shard in 0..shards.number() {
        match shards.is_there(shard) {
            Ok(true) => continue,
            Ok(false) => {}
            Err(fault) => progress.note(&format!("{fault}; it is simulated again")),
        }
        missing.push(shard);
    }
    let all: usize = missing.iter().map(|&shard| shards.range(shard).len()).sum();
    if all > 0 {
        let there =
            if all < count { format!(", {} of {count} are there", count - all) } else { String::new() };
        progress.stage(&format!("simulating {all} trajectories of {}{there}", source.name()));
    }
    let (begin, mut done) = (Instant::now(), 0);
    stop.listen(true);
    for shard in missing {
        let range = shards.range(shard);
        let runs = data::simulate(experiment, &source, range).inspect_err(|_| {
            // A folder with nothing in it is nobody's: other settings may do.
            if !holds_other_things(folder) {
                let _ = file.set_len(0);
            }
        })?;
        shards.write(shard, &runs).map_err(|error| {
            let cure = if error.kind() == ErrorKind::StorageFull { "make room, and " } else { "" };
            RunError::Failed(format!(
                "{error}; {} of {count} trajectories are complete in {at}: {cure}the same command continues",
                count - all + done
            ))
        })?;
        done += runs.count();
        let left = begin.elapsed().as_secs_f64() / done as f64 * (all - done) as f64;
        progress.part((count - all + done) as u64, count as u64, "trajectories", left);
        if stop.is_requested() && done < all {
            stop.listen(false);
            return Ok(Simulated::Interrupted(format!(
                "interrupted with {} of {count} trajectories complete in {at}; the same command continues",
                count - all + done
            )));
        }
    }
    stop.listen(false);
    Ok(Simulated::Done(format!(
        "{at}: {count} trajectories of {}, {} samples of {} each, in {} files",
        source.name(),
        experiment.times().map_err(RunError::Usage)?.samples(),
        described(&source.layout()),
        shards.number()
    )))
}

/// Refuses, before any work, a folder that is not for a simulation.
fn check_folder(folder: &Path) -> Result<&'static str, RunError> {
    // with a slash at its end a file seems not to exist
    let fault = if folder.components().collect::<std::path::PathBuf>().exists() && !folder.is_dir() {
        "is a file; name a folder, or leave the slash out".to_owned()
    } else if folder.parent().is_some_and(|parent| parent != Path::new("") && !parent.is_dir()) {
        "lies in a folder that does not exist; make it first".into()
    // in this order: another process may be beginning, and that file is its first
    } else if holds_other_things(folder) && !folder.join(ABOUT).exists() {
        format!("is a folder with other things and no {ABOUT}; name a new folder, or a file")
    } else {
        return Ok("");
    };
    Err(RunError::Usage(format!("{} {fault}", folder.display())))
}

/// Whether there is more than what a simulation begins with.
fn holds_other_things(folder: &Path) -> bool {
    let mut entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.any(|entry| !is_temporary(&entry) && entry.file_name() != ABOUT)
}

/// What a killed process leaves of a file that it was writing.
fn is_temporary(entry: &std::fs::DirEntry) -> bool {
    let name = entry.file_name();
    let name = name.to_string_lossy();
    name.starts_with(".attractor-") && name.ends_with(".tmp")
}

/// Removes such files, which nobody else can be writing while the folder is locked.
fn remove_temporaries(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)?.flatten().filter(is_temporary) {
        std::fs::remove_file(entry.path())?;
    }
    Ok(())
}

/// Refuses, before any work, an output that could not be written in the end. Returns its ending.
pub(crate) fn check_output<'a>(output: &'a Path, endings: &[&str]) -> Result<&'a str, RunError> {
    let ending = output.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let fault = if !endings.contains(&ending) {
        format!("must end in .{}, which says the format to write", endings.join(" or ."))
    } else if output.is_dir() {
        "is a folder; name a file".into()
    } else if output.parent().is_some_and(|folder| folder != Path::new("") && !folder.is_dir()) {
        "lies in a folder that does not exist; make it first".into()
    } else {
        return Ok(ending);
    };
    Err(RunError::Usage(format!("{} {fault}", output.display())))
}
