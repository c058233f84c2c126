//! The `attractor` program: arguments in, exit code out.

mod arguments;
mod dashboard;
mod derive;
mod display;
mod interrupts;
mod lyapunov;
mod options;
mod outcome;
mod pages;
mod runs;
mod sweep;
mod terminal;

use std::process::ExitCode;

use clap::{ColorChoice, CommandFactory, FromArgMatches};
use runner::devices::DeviceError;
use runner::{Needs, Progress, Run, RunError, Simulated};

use arguments::{Arguments, Command, Format, Kind};
use display::Display;
use interrupts::{interrupted, stop_on_interrupt};
use outcome::{build, finish, json, show};
use terminal::print;

fn main() -> ExitCode {
    // Left to itself, clap colors its help on a dumb terminal where the variable `CI` is set.
    let color = if terminal::has_colors() { ColorChoice::Auto } else { ColorChoice::Never };
    let matches = Arguments::command().color(color).get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    match carry_out(arguments.command) {
        Ok(code) => code,
        Err(error) => {
            terminal::error(&error.to_string());
            ExitCode::from(match error {
                RunError::Failed(_) => 1,
                RunError::Usage(_) => 2,
            })
        }
    }
}

fn carry_out(command: Command) -> Result<ExitCode, RunError> {
    let mut display = Display::new();
    match command {
        Command::List { kind } => print(&list(kind)),
        Command::Explain { name, overrides, markdown } => match name.filter(|_| !markdown) {
            Some(name) => {
                let explained =
                    runner::reference::explain(&name, &overrides, terminal::width().clamp(40, 100))?;
                print(&explained.text);
                explained.note.iter().for_each(|note| display.note(note));
            }
            None => print(&runner::reference::markdown()),
        },
        Command::Schema => print(&json(serde_json::to_string_pretty(&runner::reference::schema()))?),
        Command::Simulate { system, output, per_file, overrides } => {
            let stop = stop_on_interrupt();
            match runner::simulate(&system, &overrides, &output, per_file, &stop, &mut display)? {
                Simulated::Done(written) => display.finished(&written),
                Simulated::Interrupted(at) => {
                    display.finished(&at);
                    return Ok(ExitCode::from(130));
                }
            }
        }
        Command::Train { experiment, overrides, watch, device, runs } => {
            let (name, experiment) = runner::load(&experiment, &overrides)?;
            // Before a view of a loop that this program may not have.
            experiment.check_loop().map_err(RunError::Usage)?;
            let stop = stop_on_interrupt();
            display.watch(watch.dashboard, experiment.is_trained_by_burn(), &stop, interrupted)?;
            let outcome =
                runner::train(&name, &experiment, &device.device, &runs.runs, &build(), &stop, &mut display)?;
            return finish(outcome, &mut display);
        }
        Command::Sweep(arguments) => return sweep::sweep(arguments, &mut display),
        Command::Worker(arguments) => return sweep::worker(&arguments, &mut display),
        Command::Resume { run, watch, device, runs } => {
            let run = Run::open(&run, &runs.runs, Needs::Unfinished)?;
            let experiment = run.experiment()?;
            experiment.check_loop().map_err(RunError::Usage)?;
            let stop = stop_on_interrupt();
            display.watch(watch.dashboard, experiment.is_trained_by_burn(), &stop, interrupted)?;
            let outcome = runner::resume(run, &device.device, &stop, &mut display)?;
            return finish(outcome, &mut display);
        }
        Command::Evaluate { run, overrides, output, device, runs, json } => {
            let run = Run::open(&run, &runs.runs, Needs::Results)?;
            let kept = output.as_deref();
            let results = runner::evaluate(&run, &overrides, kept, &device.device, &build(), &mut display)?;
            show(&results, kept.unwrap_or(run.directory()), json, &mut display)?;
        }
        Command::Predict { run, input, steps, output, device, runs } => {
            let run = Run::open(&run, &runs.runs, Needs::Model)?;
            let written = runner::predict(&run, &input, steps, &output, &device.device, &mut display)?;
            display.finished(&written);
        }
        Command::Compare { named, by, metric, columns, format, runs } => {
            let gathered = runs::gather(&named, &runs.runs, &mut display)?;
            let options = report::Options { metric, by: by.as_deref() };
            let comparison = report::Comparison::with(&gathered.runs, options);
            let mut comparison = comparison.map_err(RunError::Usage)?;
            comparison.left_out = gathered.left_out;
            print(&match by {
                Some(key) => effects(&comparison, &key, &format.chosen(), &mut display)?,
                None => table(&comparison, &columns, &format.chosen(), &mut display)?,
            });
        }
        Command::Show { run, json, runs } => {
            let run = Run::open(&run, &runs.runs, Needs::Results)?;
            show(&run.results()?, run.directory(), json, &mut display)?;
        }
        Command::Report(arguments) => pages::report(&arguments, &mut display)?,
        Command::Plot(arguments) => pages::plot(&arguments, &mut display)?,
        Command::Inspect { named, init } => {
            let is_setting = |text: &String| text.starts_with("recording.") && text.contains('=');
            let (settings, files): (Vec<String>, Vec<String>) = named.into_iter().partition(is_setting);
            let (about, experiment) = runner::inspect(&files, &settings, &mut display)?;
            print(&report::visible_lines(&about));
            if let Some(path) = init {
                pages::write_new(&path, &experiment)?;
                display.finished(&format!(
                    "{0} is the experiment; train it with `attractor train {0}`",
                    path.display()
                ));
            }
        }
        Command::Watch(arguments) => pages::watch(&arguments, &mut display)?,
        Command::Lyapunov(arguments) => return lyapunov::lyapunov(&arguments, &mut display),
        Command::Derive(arguments) => return derive::derive(&arguments, &mut display),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "attractor", &mut script);
            print(&String::from_utf8_lossy(&script));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A comparison as it is printed.
fn table(
    comparison: &report::Comparison,
    columns: &[String],
    format: &Format,
    display: &mut Display,
) -> Result<String, RunError> {
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    Ok(match format {
        Format::Text => comparison.text(terminal::width()),
        Format::Csv => {
            // CSV has no place for sentences.
            comparison.notes().iter().for_each(|note| display.note(note));
            comparison.csv()
        }
        Format::Markdown => comparison.markdown(&columns),
        Format::Json => json(serde_json::to_string_pretty(comparison))?,
    })
}

/// The effect of a setting as it is printed.
fn effects(
    comparison: &report::Comparison,
    key: &str,
    format: &Format,
    display: &mut Display,
) -> Result<String, RunError> {
    let effects = comparison.effects(key).map_err(RunError::Usage)?;
    comparison.notes().iter().for_each(|note| display.note(note));
    Ok(match format {
        Format::Text => {
            let width = terminal::width();
            effects.iter().map(|effect| effect.text(width)).collect::<Vec<_>>().join("\n")
        }
        Format::Csv => {
            let lines: String = effects.iter().map(report::Effects::csv).collect();
            report::Effects::CSV_HEADING.to_owned() + &lines
        }
        Format::Markdown => effects.iter().map(report::Effects::markdown).collect::<Vec<_>>().join("\n"),
        Format::Json => json(serde_json::to_string_pretty(&effects))?,
    })
}

/// Names, and what they are.
type Rows = Vec<(String, String)>;

/// The entries of one kind in groups; every group but the first has a heading.
fn groups(kind: Kind) -> Vec<(&'static str, Rows)> {
    let rows = match kind {
        Kind::Systems => {
            let row = |entry: &runner::System| (entry.name.into(), entry.about.into());
            let rows = |is_text: bool| {
                let group = runner::SYSTEMS.iter().filter(|entry| entry.text.is_some() == is_text);
                group.map(row).collect::<Rows>()
            };
            let heading = "published chaotic flows, one text file each in crates/sim/catalogue";
            let fields = "fields on periodic grids (partial differential equations)";
            let field = |entry: &runner::Field| (entry.name.to_owned(), entry.about.to_owned());
            let of_fields = runner::FIELDS.iter().map(field).collect();
            return vec![("", rows(false)), (fields, of_fields), (heading, rows(true))];
        }
        Kind::Models => runner::MODELS.iter().map(|entry| (entry.name.into(), entry.about.into())).collect(),
        Kind::Experiments => runner::experiments(),
        Kind::Devices => {
            let status = |entry: &runner::devices::Entry| match entry.open() {
                Ok(_) => format!("usable: {}", entry.about),
                Err(DeviceError::NotCompiled(_, feature)) => {
                    format!("needs a build with --features {feature}: {}", entry.about)
                }
                Err(DeviceError::NotFound(_, reason)) => format!("not on this machine: {reason}"),
            };
            runner::devices::DEVICES.iter().map(|entry| (entry.name.into(), status(entry))).collect()
        }
    };
    vec![("", rows)]
}

fn list(kind: Option<Kind>) -> String {
    let table = |kind: Kind, inset: &str| -> String {
        let group = |(heading, rows): (&str, Rows)| -> String {
            let wide = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
            let line =
                |(name, about)| report::visible(format!("{inset}{name:wide$}  {about}").trim_end()) + "\n";
            let heading = if heading.is_empty() { String::new() } else { format!("\n{inset}{heading}\n") };
            heading + &rows.into_iter().map(line).collect::<String>()
        };
        groups(kind).into_iter().map(group).collect()
    };
    if let Some(kind) = kind {
        return table(kind, "");
    }
    let sections = [
        ("systems", Kind::Systems),
        ("models", Kind::Models),
        ("experiments", Kind::Experiments),
        ("devices", Kind::Devices),
    ];
    sections.map(|(title, kind)| format!("{title}\n{}", table(kind, "  "))).join("\n")
}
