//! The command line.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use report::Metric;

use crate::derive::DeriveArguments;
use crate::lyapunov::LyapunovArguments;
use crate::options::{OnDevice, RunsFolder, at_least};
use crate::pages::{PlotArguments, ReportArguments, WatchArguments};

use crate::sweep::{SweepArguments, WorkerArguments};

const OVERRIDES: &str = "Settings over those of the file, such as train.steps=5000 or seed=3";

/// Learns the dynamics of physical systems: simulates a system, trains a network to carry the state one
/// sample ahead, lets it run on its own from held-out starts, and scores it beside simple baselines.
#[derive(Parser)]
#[command(
    name = "attractor",
    version,
    max_term_width = 80,
    after_help = "First steps:\n  attractor train rnn-lorenz\n  attractor compare rnn-lorenz ffnn-lorenz\n\n\
                  Exit status: 0 done, 1 the work failed, 2 the command or a file is wrong,\n130 interrupted; a training in \
                  progress saves its state (interrupt twice to stop at once)."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// List systems, models, experiments and devices
    List {
        /// Only these
        kind: Option<Kind>,
    },
    /// Explain a key, a system, a model, or an experiment
    ///
    /// For a key of experiment files, prints its meaning, type, range, default and an example; for a section, its keys. For a
    /// system, prints its equations, source, parameters and sampling; for a model, its keys. For an experiment, prints its
    /// complete file with a comment for every key. If an experiment has the same name as a key, a system or a
    /// model, give the path of its file to explain the experiment.
    Explain {
        /// A key such as train.steps, a section such as train, a name such as lorenz, lstm or adam, or the name or path of an
        /// experiment
        #[arg(required_unless_present = "markdown")]
        name: Option<String>,
        /// Settings over those of the experiment, such as train.steps=5000
        #[arg(value_name = "KEY=VALUE")]
        overrides: Vec<String>,
        /// Print the whole reference as a page, docs/guide/reference.md
        #[arg(long, hide = true, conflicts_with = "name")]
        markdown: bool,
    },
    /// Print the JSON schema of experiment files, for editors
    ///
    /// With it, an editor that knows TOML completes and checks experiment files. Write it to a file, and name that file in
    /// the first line of an experiment: #:schema ./attractor.schema.json
    Schema,
    /// Simulate trajectories of a system to a file or a folder
    ///
    /// A folder is for more of them than memory holds. It gets trajectories-000000.npz, trajectories-000001.npz ... and
    /// simulation.toml, which says what they are of. After an interrupt (exit status 130) or a fault the same command
    /// continues it. An experiment takes its trajectories from there by data.from=FOLDER.
    ///
    /// A field, such as kuramoto_sivashinsky, is written as an array [trajectory, time, x] or [trajectory, time, y, x] for
    /// each channel under its name, with the times t and the coordinates x and y. Its settings are the keys of the system,
    /// such as system.grid.points=128 or system.preset=li (see `attractor list systems`).
    Simulate {
        /// Name of a system, or path of an experiment file (.toml) for its seed, system and data
        system: String,
        /// What to write: .npz with arrays t [time] and u [trajectory, time, component], or .csv, or a folder (NAME/).
        /// A field has an array for each channel
        #[arg(short, long, value_name = "OUT")]
        output: PathBuf,
        /// Trajectories a file of a folder is to hold; by default what takes at most 64 MiB
        #[arg(long, value_name = "N", value_parser = at_least::<1>, allow_negative_numbers = true)]
        per_file: Option<usize>,
        /// Settings of seed, system and data, such as data.trajectories=10 or system.rho=35
        #[arg(value_name = "KEY=VALUE")]
        overrides: Vec<String>,
    },
    /// Train an experiment and score it beside the baselines
    Train {
        /// Name of an experiment (see `attractor list experiments`) or path of a .toml file
        experiment: String,
        #[arg(value_name = "KEY=VALUE", help = OVERRIDES)]
        overrides: Vec<String>,
        #[command(flatten)]
        watch: Watch,
        #[command(flatten)]
        device: OnDevice,
        #[command(flatten)]
        runs: RunsFolder,
    },
    /// Train an experiment with every combination of settings
    Sweep(SweepArguments),
    /// Train one entry of a sweep, as a job of a cluster
    Worker(WorkerArguments),
    /// Continue an interrupted training
    Resume {
        /// Run directory, or name of an experiment for its newest run
        run: String,
        #[command(flatten)]
        watch: Watch,
        #[command(flatten)]
        device: OnDevice,
        #[command(flatten)]
        runs: RunsFolder,
    },
    /// Score a trained run again
    Evaluate {
        /// Run directory, or name of an experiment for its newest run
        run: String,
        /// Settings of the scoring, such as evaluate.starts=500
        #[arg(value_name = "KEY=VALUE")]
        overrides: Vec<String>,
        /// New folder for the scores, with a copy of the model; `compare` and `report` accept it like a run
        #[arg(short, long, value_name = "FOLDER")]
        output: Option<PathBuf>,
        /// Print what results.json would hold
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        device: OnDevice,
        #[command(flatten)]
        runs: RunsFolder,
    },
    /// Forecast from histories in a file
    Predict {
        /// Run directory, or name of an experiment for its newest run
        run: String,
        /// .csv or another table with the columns of the run, a row for each sample; or .npz with histories u [start,
        /// time, component] in physical units, sampled at the run's dt, for a driven system also t [time], and for a
        /// recording with inputs known [start, time + steps - 1, input]
        #[arg(short, long, value_name = "IN")]
        input: PathBuf,
        /// Samples to forecast
        #[arg(short = 'n', long, value_name = "N", value_parser = at_least::<1>, allow_negative_numbers = true)]
        steps: usize,
        /// .csv to write, with the names and units of the run; or .npz with u [start, step, component] and times after the
        /// last sample t [step]
        #[arg(short, long, value_name = "OUT")]
        output: PathBuf,
        #[command(flatten)]
        device: OnDevice,
        #[command(flatten)]
        runs: RunsFolder,
    },
    /// Compare runs in one table, best first, with baselines
    ///
    /// A row is a configuration: all settings of an experiment except the seed. It shows the mean over the seeds and a 95%
    /// interval (Student's t). Errors and costs have geometric means. Below the table, notes say which model is best and
    /// which are statistically indistinguishable from it; that needs several seeds of each. Runs whose forecasts were
    /// scored on different tasks (another system, dt, observed components, or scoring) are ranked separately.
    Compare {
        /// Run directories, folders of sweeps or of `evaluate -o`, or names of experiments, each of which means its newest
        /// run and the other seeds of that run
        #[arg(required = true, value_name = "RUN")]
        named: Vec<String>,
        /// Show the effect of one setting, such as model.hidden, data.trajectories or system.rho
        #[arg(long, value_name = "KEY")]
        by: Option<String>,
        /// Rank by this score or cost; by default by valid time, by nrmse without a Lyapunov exponent, or by free_run where
        /// evaluate.protocol is "simulate"
        #[arg(long, value_name = "NAME", value_parser = metrics())]
        metric: Option<Metric>,
        /// Columns of the Markdown table, separated by commas; by default all that are not empty
        #[arg(long, value_name = "NAMES", value_delimiter = ',', requires = "markdown", conflicts_with = "by",
              value_parser = PossibleValuesParser::new(report::COLUMNS))]
        columns: Vec<String>,
        #[command(flatten)]
        format: TableFormat,
        #[command(flatten)]
        runs: RunsFolder,
    },
    /// Show the results of a run
    Show {
        /// Run directory, or name of an experiment for its newest run
        run: String,
        /// Print results.json
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        runs: RunsFolder,
    },
    /// Write a page about runs or a sweep, with pictures
    Report(ReportArguments),
    /// Draw the trajectories of a file
    Plot(PlotArguments),
    /// Show what the files of a recording hold
    ///
    /// Lists the columns with their units, ranges, missing cells and correlation times; the sample interval, its
    /// jitter, gaps and segments; and the choices that were made where the files leave several. Files may be CSV and
    /// other text, NumPy (.npy, .npz), MATLAB, HDF5, Excel and OpenDocument. The kind of a file is recognised by its
    /// content, not by its name.
    Inspect {
        /// Files, or patterns in quotes such as "runs/*.csv", and settings such as recording.inputs=pump
        #[arg(required = true, value_name = "FILE|KEY=VALUE")]
        named: Vec<String>,
        /// Experiment file (.toml) to write; every choice becomes a key with a comment
        #[arg(long, value_name = "FILE")]
        init: Option<PathBuf>,
    },
    /// Serve a page of all runs, with live curves, to this machine
    Watch(WatchArguments),
    /// Print the Lyapunov exponents of a system, a run or a recording
    ///
    /// The whole spectrum by tangent vectors along trajectories, made orthonormal again and again, with standard errors,
    /// convergence and the Kaplan-Yorke dimension. Of a run those of its map, with all that a forecast carries from
    /// sample to sample: beside the system's they tell whether the dynamics were learned, or the next step only.
    ///
    /// For a recording, which has no equation, prints only the largest exponent. It is estimated from the rate at which
    /// neighbouring states move apart (Rosenstein, Collins and De Luca 1993). A verdict says whether the recording is
    /// chaotic or not, or whether the estimate is unreliable, as it is for noise or a short recording.
    Lyapunov(LyapunovArguments),
    /// Print the derivatives of an expression, and how they come about
    ///
    /// An expression that begins with - is taken as one; --mode, --trace and --dot may stand anywhere.
    Derive(DeriveArguments),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Reads the name of a metric.
fn metrics() -> impl TypedValueParser<Value = Metric> {
    let names = Metric::ALL.map(|metric| PossibleValue::new(metric.key()).help(metric.about()));
    PossibleValuesParser::new(names)
        .try_map(|name| Metric::named(&name).ok_or_else(|| format!("{name} is not a metric")))
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum Kind {
    Systems,
    Models,
    Experiments,
    Devices,
}

#[derive(Args)]
#[group(id = "format", multiple = false)]
pub(crate) struct TableFormat {
    /// Print JSON, with everything that the table is made of
    #[arg(long)]
    json: bool,
    /// Print comma-separated values
    #[arg(long)]
    csv: bool,
    /// Print a Markdown table
    #[arg(long)]
    markdown: bool,
}

/// What a table is printed as.
pub(crate) enum Format {
    Text,
    Json,
    Csv,
    Markdown,
}

impl TableFormat {
    pub(crate) fn chosen(&self) -> Format {
        match self {
            TableFormat { json: true, .. } => Format::Json,
            TableFormat { csv: true, .. } => Format::Csv,
            TableFormat { markdown: true, .. } => Format::Markdown,
            _ => Format::Text,
        }
    }
}

#[derive(Args)]
pub(crate) struct Watch {
    /// Show the training on the whole terminal, with curves of its losses; q saves the state and stops
    #[arg(long)]
    pub(crate) dashboard: bool,
}
