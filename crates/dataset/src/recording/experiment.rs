//! An experiment file for a recording that was inspected.

use std::fmt::Write;

use super::inspection::Inspection;
use super::notes::counted;
use super::settings::{Missing, Settings};

/// The longest window that is proposed, in samples.
const MOST_HISTORY: usize = 32;

/// The text of an experiment file in which each choice is a key, whether it was made for the user or by the settings.
/// The comment behind a key names the other choices. Keys that would repeat a default are commented out.
pub fn experiment_text(inspection: &Inspection, settings: &Settings) -> String {
    let mut text = String::new();
    let mut line = |key: String, about: String| {
        // A line end in a name would end the comment.
        let about = about.replace(char::is_control, " ");
        let _ = writeln!(text, "{key:<36} # {about}");
    };
    let [states, inputs] = &inspection.chosen;
    let rows = counted(inspection.rows, "row", "rows");
    line("[recording]".into(), rows);
    let files = match &settings.files[..] {
        [] => list(&inspection.files),
        [one] => quoted(one),
        several => list(several),
    };
    line(format!("files = {files}"), "a path, a pattern such as \"runs/*.csv\", or a list".into());
    if let Some([first, end]) = settings.rows {
        line(
            format!("rows = [{first}, {end}]"),
            "rows that are used: from the first number up to, but not including, the second".into(),
        );
    }
    match (&inspection.time, settings.dt) {
        (_, Some(dt)) => line(format!("dt = {dt:?}"), "time between two rows".into()),
        (Some([name, _]), None) => {
            line(format!("time = {}", quoted(name)), "column that holds the time".into())
        }
        (None, None) => line("# dt = 1.0".into(), "time between two rows; there is no time column".into()),
    }
    line(format!("states = {}", list(states)), "columns to forecast".into());
    let others: Vec<&str> = inspection
        .columns
        .iter()
        .filter(|column| {
            column.range.is_some() && !states.contains(&column.name) && !inputs.contains(&column.name)
        })
        .map(|column| &column.name[..])
        .collect();
    let about = match others.len() {
        0 => "measured, and given to every forecaster".into(),
        1..=4 => format!("given to every forecaster; not used yet: {}", others.join(", ")),
        more => format!("given to every forecaster; {more} columns are not used yet"),
    };
    line(format!("inputs = {}", list(inputs)), about);
    match &settings.trajectory {
        Some(name) => line(format!("trajectory = {}", quoted(name)), "column naming the trajectory".into()),
        None => {
            line("# trajectory = \"run\"".into(), "column naming the trajectory; else one per file".into())
        }
    }
    let with_units = inspection.columns.iter().filter(|column| !column.unit.is_empty());
    let units: Vec<String> =
        with_units.map(|column| format!("{} = {}", quoted(&column.name), quoted(&column.unit))).collect();
    if !units.is_empty() {
        line(format!("# units = {{ {} }}", units.join(", ")), "for the axes of plots".into());
    }
    let missing = match settings.missing {
        Missing::Split => "# missing = \"split\"".into(),
        Missing::Error => "missing = \"error\"".into(),
        Missing::Interpolate(most) => format!("missing = {{ interpolate = {most} }}"),
    };
    line(missing, "or { interpolate = 5 } (the longest run that is filled), \"error\"".into());
    let defaults = Settings::default();
    let choice = |key: &str, value: String, default: String, others: &str| {
        let mark = if value == default { "# " } else { "" };
        (format!("{mark}{key} = {value}"), format!("or {others}"))
    };
    for (key, about) in [
        choice("gaps", written(&settings.gaps), written(&defaults.gaps), "\"error\""),
        choice(
            "duplicates",
            written(&settings.duplicates),
            written(&defaults.duplicates),
            "\"first\", \"mean\"",
        ),
        choice(
            "steps_back",
            written(&settings.steps_back),
            written(&defaults.steps_back),
            "\"split\", \"sort\"",
        ),
    ] {
        line(key, about);
    }
    match (settings.resample, inspection.dt) {
        (Some(dt), _) => line(format!("resample = {dt:?}"), "interpolated linearly to this interval".into()),
        (None, dt) => {
            let dt = dt.unwrap_or(1.0);
            line(format!("# resample = {dt:?}"), "interpolate linearly to another interval".into());
        }
    }
    if let Some([separator, decimal]) = &inspection.dialect {
        let mark = |forced: bool| if forced { "" } else { "# " };
        let key = format!("{}separator = {}", mark(settings.separator.is_some()), quoted(separator));
        line(key, "found from the first file".into());
        let key = format!("{}decimal = {}", mark(settings.decimal.is_some()), quoted(decimal));
        line(key, "found from the first file".into());
    }
    for (key, value) in [("sheet", &settings.sheet), ("dataset", &settings.dataset)] {
        if let Some(value) = value {
            line(format!("{key} = {}", quoted(value)), "part of the file that is read".into());
        }
    }
    if let Some(axis) = settings.time_axis {
        line(format!("time_axis = {axis}"), "axis of an array along which time runs".into());
    }
    text.push_str("\n[model]\n");
    let mut line = |key: &str, about: &str| {
        let _ = writeln!(text, "{key:<36} # {about}");
    };
    line("name = \"ffnn\"", "or another model of `attractor list models`");
    let of_states = inspection.columns.iter().filter(|column| states.contains(&column.name));
    let longest = of_states.filter_map(|column| column.correlation).max();
    let window = longest.unwrap_or(1).saturating_mul(3).clamp(1, MOST_HISTORY);
    line(
        &format!("window = {window}"),
        &format!("samples of history: three correlation times, at most {MOST_HISTORY}"),
    );
    text
}

/// A setting as TOML: its variants are unit variants, whose debug form is the name.
fn written(value: &impl std::fmt::Debug) -> String {
    format!("{:?}", format!("{value:?}").to_lowercase())
}

/// A TOML string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '\t' => quoted.push_str("\\t"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            letter if letter.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(letter));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

fn list(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", "))
}
