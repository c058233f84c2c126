//! `attractor sweep` and `attractor worker`.

use std::io::Read;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use report::visible;
use runner::sweep::{BUSY, INTERRUPTED, Plan, Sweep, Tally, Worked};
use runner::{Progress, RunError};

use crate::display::Display;
use crate::interrupts::{stop_on_interrupt, stop_on_signals};
use crate::options::{OnDevice, RunsFolder, at_least};
use crate::outcome::{build, finish};
use crate::terminal::{self, print};

const VALUES: &str = "\
Values of a KEY:
  16,32,64             these
  0..3                 0, 1, 2 (without its end, as in Rust)
  0..=3                0, 1, 2, 3
  log(1e-4,1e-1,7)     seven numbers, even in the logarithm, ends included
  lin(0,1,5)           five numbers, evenly spaced, ends included
  [16,16],[32]         two lists: no comma inside [], {}, () or quotes splits

The runs stand in DIR/sweeps/EXPERIMENT-<8 hex digits>/<entry>/EXPERIMENT/, what
they said in <entry>/log.txt. The same command finds the same folder: what is
finished is skipped, what was interrupted continues. It may be given twice at
once, also on machines that share the folder.

Exit status: 0 all entries have results, 1 some failed, 2 the command or the
file is wrong, 130 interrupted with the states saved.";

const WORKER: &str = "\
For the job array of a cluster, after `attractor sweep` has made the folder:
  attractor worker runs/sweeps/ffnn-lorenz-0123abcd --index $SLURM_ARRAY_TASK_ID

Exit status: 0 the entry has results, 1 its training failed, 2 the command or
the sweep is wrong, 75 another process is training it (try again later), 130
interrupted with the state saved.";

#[derive(Args)]
#[command(after_help = VALUES)]
pub(crate) struct SweepArguments {
    /// Name of an experiment (see `attractor list experiments`) or path of a .toml file
    experiment: String,
    /// Settings over those of the file, with one value or several: model.hidden=16,32 seed=0..3
    #[arg(value_name = "KEY=VALUES")]
    settings: Vec<String>,
    /// Draw this many of the combinations at random, always the same ones
    #[arg(long, value_name = "N", value_parser = at_least::<1>, allow_negative_numbers = true)]
    random: Option<usize>,
    /// Runs at a time; as many as there are processors unless given, too many to share one graphics card
    #[arg(long, value_name = "N", value_parser = at_least::<1>, allow_negative_numbers = true)]
    jobs: Option<usize>,
    /// List the runs, and do nothing else
    #[arg(long)]
    dry_run: bool,
    /// Begin even if there are more than 10000 runs
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    device: OnDevice,
    #[command(flatten)]
    runs: RunsFolder,
}

#[derive(Args)]
#[command(after_help = WORKER)]
pub(crate) struct WorkerArguments {
    /// Folder of the sweep
    sweep: PathBuf,
    /// Number of the entry, counted from 0
    #[arg(long, value_name = "N", value_parser = at_least::<0>, allow_negative_numbers = true)]
    index: usize,
    /// Take the end of stdin for an interrupt, as `attractor sweep` gives it
    #[arg(long, hide = true)]
    until_stdin_ends: bool,
}

/// Trains every combination of the settings.
pub(crate) fn sweep(arguments: SweepArguments, display: &mut Display) -> Result<ExitCode, RunError> {
    let SweepArguments { experiment, settings, random, jobs, dry_run, yes, device, runs } = arguments;
    let plan = Plan::new(&experiment, &settings, random, yes, &device.device, &build())?;
    if dry_run {
        let lines = plan.entries().iter().enumerate();
        let lines = lines.map(|(index, overrides)| {
            visible(format!("{index:04} {}", overrides.join(" ")).trim_end()) + "\n"
        });
        let of = visible(&plan.directory(&runs.runs).display().to_string());
        print(&format!("{}{} of {of}\n", lines.collect::<String>(), runs_in_words(plan.entries().len())));
        return Ok(ExitCode::SUCCESS);
    }
    let program = std::env::current_exe()
        .map_err(|error| RunError::Failed(format!("this program does not find itself: {error}")))?;
    let sweep = plan.open(&runs.runs)?;
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let jobs = jobs.unwrap_or(cores).min(sweep.entries().len());
    let directory = sweep.directory();
    display.stage(&format!(
        "{} of {}, {jobs} at a time",
        runs_in_words(sweep.entries().len()),
        directory.display()
    ));
    let command = |index: usize| {
        let mut command = std::process::Command::new(&program);
        let index = index.to_string();
        command.args(["worker", "--until-stdin-ends", "--index", &index, "--"]).arg(directory);
        if std::env::var_os("RAYON_NUM_THREADS").is_none() {
            command.env("RAYON_NUM_THREADS", (cores / jobs).max(1).to_string());
        }
        command
    };
    let tally = runner::sweep::run(&sweep, jobs, &command, &stop_on_interrupt(), display);
    Ok(conclude(&sweep, &tally, display))
}

/// Prints how a sweep ended.
fn conclude(sweep: &Sweep, tally: &Tally, display: &mut Display) -> ExitCode {
    let Tally { ran, skipped, failed, left } = tally;
    display.clear();
    for failure in failed {
        let entry = sweep.numbered(failure.index);
        terminal::message(&format!("failed: {entry}: {}", failure.reason));
    }
    terminal::message(&format!(
        "{ran} ran, {skipped} skipped since they have results, {} failed",
        failed.len()
    ));
    if *left > 0 {
        terminal::message(&format!(
            "interrupted with {} left; the same command continues",
            runs_in_words(*left)
        ));
        return ExitCode::from(INTERRUPTED);
    }
    print(&format!("{}\n", sweep.directory().display()));
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn runs_in_words(count: usize) -> String {
    if count == 1 { "1 run".to_owned() } else { format!("{count} runs") }
}

/// Trains one entry of a sweep.
pub(crate) fn worker(arguments: &WorkerArguments, display: &mut Display) -> Result<ExitCode, RunError> {
    let WorkerArguments { sweep, index, until_stdin_ends } = arguments;
    let sweep = Sweep::open(sweep)?;
    // One Ctrl-C reaches this process and its sweep, which closes the stdin of its workers: one request, in either order.
    let first = AtomicBool::new(true);
    let stop =
        stop_on_signals(
            move |stop| {
                if first.swap(false, Ordering::SeqCst) { stop.join() } else { stop.request() }
            },
        );
    if *until_stdin_ends {
        let stop = std::sync::Arc::clone(&stop);
        std::thread::spawn(move || {
            // Nothing is ever written to it.
            let _ = std::io::stdin().read(&mut [0]);
            if !stop.join() {
                std::process::exit(INTERRUPTED.into());
            }
        });
    }
    match sweep.work(*index, &build(), &stop, display)? {
        Worked::Trained(outcome) => finish(outcome, display),
        Worked::Finished(run) => {
            display.finished(&format!("entry {index} has results: {}", run.directory().display()));
            Ok(ExitCode::SUCCESS)
        }
        Worked::Busy => {
            display.finished(&format!("entry {index} is being trained by another process"));
            Ok(ExitCode::from(BUSY))
        }
    }
}
