//! `attractor report`, `attractor plot` and `attractor watch`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use dataset::arrays::{Npz, read_npz};
use dataset::files::write_atomically;
use report::{Picture, RunFiles};
use runner::{Progress, RunError};

use crate::display::Display;
use crate::options::RunsFolder;
use crate::runs::{Gathered, gather};
use crate::terminal::print;

#[derive(Args)]
pub(crate) struct ReportArguments {
    /// Run directories, folders of sweeps, or names of experiments for their newest run and its other seeds
    #[arg(required = true, value_name = "RUN")]
    named: Vec<String>,
    /// Page to write: one .html file that needs no network
    #[arg(short, long, value_name = "FILE", required_unless_present = "pictures")]
    output: Option<PathBuf>,
    /// Folder for each picture as .svg and .png
    #[arg(long, value_name = "DIR")]
    pictures: Option<PathBuf>,
    #[command(flatten)]
    runs: RunsFolder,
}

#[derive(Args)]
pub(crate) struct PlotArguments {
    /// .npz with t [time] and u [trajectory, time, component], as simulate and predict write it, or with fields; or a file of a
    /// recording: CSV, MATLAB, HDF5, Excel ...
    file: PathBuf,
    /// How a recording is read, such as recording.states=level (see `attractor inspect`)
    #[arg(value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Picture to write, .svg or .png, or page, .html
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Names of the components, such as x,y,z or "x (m),v (m/s)"
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    names: Vec<String>,
}

#[derive(Args)]
pub(crate) struct WatchArguments {
    /// Port of this machine; 0 for any that is free
    #[arg(long, default_value_t = 8717)]
    port: u16,
    #[command(flatten)]
    runs: RunsFolder,
}

/// Writes a page about runs, and their pictures.
pub(crate) fn report(arguments: &ReportArguments, display: &mut Display) -> Result<(), RunError> {
    let no_page = |output: &&PathBuf| output.extension().is_none_or(|extension| extension != "html");
    if let Some(output) = arguments.output.as_ref().filter(no_page) {
        return Err(RunError::Usage(format!("{}: a report is a .html file", output.display())));
    }
    let Gathered { runs, left_out } = gather(&arguments.named, &arguments.runs.runs, display)?;
    left_out.iter().for_each(|line| display.note(line));
    if let Some(output) = &arguments.output {
        display.stage(&format!("drawing the report of {}", counted(runs.len(), "run")));
        let title = match &runs[..] {
            [run] => run.experiment.clone(),
            _ if arguments.named.len() > 4 => counted(runs.len(), "run"),
            _ => arguments.named.join(", "),
        };
        let page = report::page(&runs, &title).map_err(|error| RunError::Failed(error.to_string()))?;
        write(output, page.as_bytes())?;
        display.finished(&format!("{} holds the report", output.display()));
    }
    if let Some(folder) = &arguments.pictures {
        let mut written = 0;
        if runs.len() > 1 {
            let pictures = report::comparison_pictures(&runs).map_err(RunError::Usage)?;
            written += save(&pictures, folder)?;
        }
        let mut told = Instant::now();
        for (number, run) in runs.iter().enumerate() {
            if number == 0 || told.elapsed() > Duration::from_secs(2) {
                display.stage(&format!("drawing the pictures of run {} of {}", number + 1, runs.len()));
                told = Instant::now();
            }
            let pictures = report::pictures(run).map_err(|error| RunError::Failed(error.to_string()))?;
            let of_run = if runs.len() > 1 { folder.join(stem(run)) } else { folder.clone() };
            written += save(&pictures, &of_run)?;
        }
        display.finished(&format!(
            "{} holds {} as .svg and .png",
            folder.display(),
            counted(written, "picture")
        ));
    }
    Ok(())
}

/// Draws the trajectories of a file.
pub(crate) fn plot(arguments: &PlotArguments, display: &mut Display) -> Result<(), RunError> {
    let PlotArguments { file, settings, output, names } = arguments;
    let kind = output.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    if !["svg", "png", "html"].contains(&kind) {
        return Err(RunError::Usage(format!(
            "{}: a plot is written as .svg, .png or .html",
            output.display()
        )));
    }
    if file.is_dir() {
        let example = first_file(file).map_or(String::new(), |path| format!(", such as {}", path.display()));
        return Err(RunError::Usage(format!(
            "{} is a folder; name a file of trajectories{example}",
            file.display()
        )));
    }
    let at = |fault: String| match fault.contains(&*file.to_string_lossy()) {
        true => RunError::Usage(fault),
        false => RunError::Usage(format!("{}: {fault}", file.display())),
    };
    let is_field = |arrays: &Npz| ["t", "x"].iter().all(|of| arrays.names().any(|name| name == *of));
    if let Some(arrays) = read_npz(file).ok().filter(is_field) {
        if !names.is_empty() {
            return Err(RunError::Usage(format!(
                "--names is for components; the fields of {} have the names of their arrays",
                file.display()
            )));
        }
        let pictures = report::plot_fields(&arrays).map_err(at)?;
        return save_plot(&pictures, kind, arguments, display);
    }
    let arrays = read_npz(file)
        .ok()
        .filter(|arrays| ["t", "u"].iter().all(|of| arrays.names().any(|name| name == *of)));
    let courses = match arrays {
        Some(arrays) => report::Courses::of_arrays(&arrays, names).map_err(at)?,
        None => {
            let recording = runner::read_recording(&[file.display().to_string()], settings, display)?;
            report::Courses::of_recording(&recording, names).map_err(at)?
        }
    };
    let pictures = report::plot(&courses).map_err(at)?;
    save_plot(&pictures, kind, arguments, display)
}

/// The first `.npz` file of a folder, by name.
fn first_file(folder: &Path) -> Option<PathBuf> {
    let paths = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    paths.filter(|path| path.extension().is_some_and(|ending| ending == "npz")).min()
}

/// Writes pictures of a file as one picture or page.
fn save_plot(
    pictures: &[Picture],
    kind: &str,
    arguments: &PlotArguments,
    display: &mut Display,
) -> Result<(), RunError> {
    let PlotArguments { file, output, .. } = arguments;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let bytes = match kind {
        "html" => report::page_of_pictures(pictures, &name).into_bytes(),
        "png" => report::stacked(pictures).png().map_err(RunError::Failed)?,
        _ => report::stacked(pictures).svg.into_bytes(),
    };
    write(output, &bytes)?;
    display.finished(&format!("{} holds the plot of {}", output.display(), file.display()));
    Ok(())
}

/// Serves the page over a folder of runs until the process is ended.
pub(crate) fn watch(arguments: &WatchArguments, display: &mut Display) -> Result<(), RunError> {
    let options = watch::Options { runs: arguments.runs.runs.clone(), port: arguments.port };
    let ready = |at| {
        print(&format!("http://{at}/\n"));
        display.stage(&format!("watching {}; Ctrl-C ends it", arguments.runs.runs.display()));
    };
    watch::serve(&options, ready).map_err(RunError::Usage)
}

/// Writes pictures into a folder; their number.
fn save(pictures: &[Picture], folder: &Path) -> Result<usize, RunError> {
    std::fs::create_dir_all(folder).map_err(|error| {
        RunError::unwritten(error.kind(), format!("{} cannot be made: {error}", folder.display()))
    })?;
    for picture in pictures {
        write(&folder.join(format!("{}.svg", picture.name)), picture.svg.as_bytes())?;
        write(&folder.join(format!("{}.png", picture.name)), &picture.png().map_err(RunError::Failed)?)?;
    }
    Ok(pictures.len())
}

/// What the folder of a run's pictures is called.
fn stem(run: &RunFiles) -> String {
    let name = run.directory.file_name().unwrap_or_default().to_string_lossy();
    format!("{}-{name}", run.experiment)
}

/// Writes a file that must not exist yet.
pub(crate) fn write_new(path: &Path, text: &str) -> Result<(), RunError> {
    if path.exists() {
        return Err(RunError::Usage(format!("{} exists already; name a file that does not", path.display())));
    }
    write(path, text.as_bytes())
}

/// Writes a file whole or not at all.
///
/// # Errors
/// Those of [`RunError::unwritten`].
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), RunError> {
    write_atomically(path, |file| file.write_all(bytes))
        .map_err(|error| RunError::unwritten(error.kind(), error.to_string()))
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
