//! A summary of the files of a recording, before anything is learned from them.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

use super::arrange::{self, Arranged};
use super::error::RecordingError;
use super::notes::counted;
use super::read::{self, Reading};
use super::settings::Settings;
use super::table::{Column, Table};

/// The largest number of samples that a correlation time is computed from.
const CORRELATED: usize = 20_000;

/// Width of the display, in characters.
const WIDTH: usize = 80;

/// What is in the files of a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Inspection {
    /// The files, as they were named.
    pub files: Vec<String>,
    /// Rows of all files.
    pub rows: usize,
    /// Column that holds the time, and its unit.
    pub time: Option<[String; 2]>,
    /// The columns of numbers and of text, in the order of the first file.
    pub columns: Vec<ColumnReport>,
    /// Names of the states and of the inputs that would be used.
    pub chosen: [Vec<String>; 2],
    /// Sample interval.
    pub dt: Option<f64>,
    /// The largest deviation of a time step from it.
    pub jitter: Option<f64>,
    /// Gaps in the times.
    pub gaps: usize,
    /// Number of samples of each segment.
    pub segments: Vec<usize>,
    /// Why the files cannot be read as a recording with these settings.
    pub problem: Option<String>,
    /// What was chosen, left out or filled in; one sentence each.
    pub notes: Vec<String>,
    /// The values of `separator` and `decimal` that fit the first file; `None` if it is not text.
    pub dialect: Option<[String; 2]>,
}

/// What is in a column.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnReport {
    /// Name without its unit.
    pub name: String,
    /// Unit; empty where it is unknown.
    pub unit: String,
    /// The least and the greatest number.
    pub range: Option<[f64; 2]>,
    /// Cells without a number.
    pub missing: usize,
    /// Those of them that hold text.
    pub texts: usize,
    /// The first lag, in rows, at which the autocorrelation falls below 1/e, computed over the longest stretch without
    /// missing cells; `None` if it never does, and for constant columns.
    pub correlation: Option<usize>,
}

/// Reads all columns of the files and describes what they hold, and how they would be read with these settings.
///
/// # Errors
///
/// If a setting is wrong, if a file cannot be read or is damaged, or if the files do not fit in memory. If the files
/// are readable but cannot be used as a recording, [`Inspection::problem`] says why.
pub fn inspect(
    files: &[PathBuf],
    settings: &Settings,
    reading: &mut Reading<'_>,
) -> Result<Inspection, RecordingError> {
    let tables = read::load(files, settings, true, reading)?;
    let mut inspection = Inspection {
        files: files.iter().map(|file| file.display().to_string()).collect(),
        rows: tables.iter().map(|table| table.rows).sum(),
        time: tables
            .first()
            .and_then(|table| table.time.as_ref())
            .map(|time| [time.name.clone(), time.unit.clone()]),
        columns: reports(&tables, settings),
        chosen: [Vec::new(), settings.inputs.clone()],
        dt: None,
        jitter: None,
        gaps: 0,
        segments: Vec::new(),
        problem: None,
        notes: tables.iter().flat_map(|table| table.notes.sentences()).collect(),
        dialect: read::dialect(files, settings)?,
    };
    match arrange::arrange(tables, settings, reading.least) {
        Ok(Arranged { recording, grid, counts }) => {
            let names =
                |channels: &[super::Channel]| channels.iter().map(|channel| channel.name.clone()).collect();
            inspection.chosen = [names(&recording.states), names(&recording.inputs)];
            inspection.dt = Some(recording.dt);
            inspection.jitter = grid.map(|grid| grid.jitter);
            inspection.gaps = counts.gaps;
            inspection.segments = recording.segments.iter().map(|segment| segment.samples).collect();
            inspection.notes = recording.notes;
        }
        Err(RecordingError(problem)) => inspection.problem = Some(problem),
    }
    Ok(inspection)
}

fn reports(tables: &[Table], settings: &Settings) -> Vec<ColumnReport> {
    let mut reports: Vec<ColumnReport> = Vec::new();
    let mut known = HashMap::new();
    let mut longest = Vec::new();
    for column in tables.iter().flat_map(|table| &table.columns) {
        let at = *known.entry(&column.name).or_insert_with(|| {
            let unit = settings.units.get(&column.name).unwrap_or(&column.unit).clone();
            let name = column.name.clone();
            reports.push(ColumnReport { name, unit, range: None, missing: 0, texts: 0, correlation: None });
            longest.push(&[][..]);
            reports.len() - 1
        });
        let report = &mut reports[at];
        report.missing += column.values.len() - column.numbers;
        report.texts += column.texts;
        report.range = match (report.range, column.range()) {
            (Some([least, greatest]), Some(range)) => Some([least.min(range[0]), greatest.max(range[1])]),
            (range, other) => range.or(other),
        };
        let part = longest_part(column);
        if part.len() > longest[at].len() {
            longest[at] = part;
        }
    }
    for (report, values) in reports.iter_mut().zip(longest) {
        report.correlation = correlation_time(&values[..values.len().min(CORRELATED)]);
    }
    reports
}

fn longest_part(column: &Column) -> &[f64] {
    column.values.split(|value| value.is_nan()).max_by_key(|part| part.len()).unwrap_or_default()
}

/// The first lag at which the autocorrelation falls below 1/e.
fn correlation_time(values: &[f64]) -> Option<usize> {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    let centred: Vec<f64> = values.iter().map(|value| value - mean).collect();
    let covariance = |lag: usize| centred.iter().zip(&centred[lag..]).map(|(a, b)| a * b).sum::<f64>();
    let variance = covariance(0);
    if variance <= 0.0 {
        return None;
    }
    // The sums have fewer terms at larger lags: this is the biased estimate, which stays bounded there.
    (1..values.len() / 2).find(|&lag| covariance(lag) < variance * (-1f64).exp())
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = match &self.files[..] {
            [one] => one.clone(),
            [first, .., last] => {
                format!("{} ({first} to {last})", counted(self.files.len(), "file", "files"))
            }
            [] => "no files".into(),
        };
        paragraph(f, "", &format!("{files}: {}", counted(self.rows, "row", "rows")))?;
        if let Some([name, unit]) = &self.time {
            let unit = if unit.is_empty() { String::new() } else { format!(" [{unit}]") };
            let dt = self.dt.map_or(String::new(), |dt| format!(", a sample every {}", number(dt)));
            let jitter = match (self.jitter, self.dt) {
                (Some(jitter), Some(dt)) if jitter > 1e-9 * dt => {
                    format!(", worst jitter {}", number(jitter))
                }
                (Some(_), Some(_)) => ", no jitter".into(),
                _ => String::new(),
            };
            paragraph(
                f,
                "",
                &format!("time {name}{unit}{dt}{jitter}, {}", counted(self.gaps, "gap", "gaps")),
            )?;
        } else if let Some(dt) = self.dt {
            paragraph(f, "", &format!("no time column; a sample every {}", number(dt)))?;
        }
        if let (Some(least), Some(greatest)) = (self.segments.iter().min(), self.segments.iter().max()) {
            let segments = counted(self.segments.len(), "segment", "segments");
            let samples: usize = self.segments.iter().sum();
            paragraph(f, "", &format!("{segments} of {least} to {greatest} samples, {samples} in all"))?;
        }
        writeln!(f)?;
        let heads = ["column", "unit", "least", "greatest", "missing", "correlation"];
        let rows: Vec<[String; 6]> = self.columns.iter().map(|column| self.cells(column)).collect();
        let widest = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
        let names = widest(0).clamp(heads[0].len(), 24);
        let units = widest(1).clamp(heads[1].len(), 8);
        for row in [heads.map(str::to_owned)].iter().chain(&rows) {
            let [name, unit, least, greatest, missing, correlation] = row;
            let (name, unit) = (fitted(name, names), fitted(unit, units));
            let line = format!(
                "{name:names$} {unit:units$} {least:>11} {greatest:>11} {missing:>8} {correlation:>12}"
            );
            writeln!(f, "{}", line.trim_end())?;
        }
        if let Some(problem) = &self.problem {
            writeln!(f)?;
            paragraph(f, "cannot be read as a recording: ", problem)?;
        }
        if !self.notes.is_empty() {
            writeln!(f)?;
        }
        self.notes.iter().try_for_each(|note| paragraph(f, "- ", note))
    }
}

impl Inspection {
    fn cells(&self, column: &ColumnReport) -> [String; 6] {
        let [least, greatest] = match column.range {
            Some([least, greatest]) if least == greatest => [number(least), "constant".into()],
            Some(range) => range.map(number),
            None => ["text".into(), String::new()],
        };
        let missing = if column.missing == 0 { String::new() } else { column.missing.to_string() };
        let correlation = match (column.correlation, self.dt) {
            (Some(lag), Some(dt)) => number(lag as f64 * dt),
            (Some(lag), None) => counted(lag, "row", "rows"),
            (None, _) => String::new(),
        };
        [column.name.clone(), column.unit.clone(), least, greatest, missing, correlation]
    }
}

/// A number in at most 11 characters.
fn number(value: f64) -> String {
    let plain = format!("{value}");
    match plain.len() {
        0..=9 => plain,
        _ if (1e-3..1e7).contains(&value.abs()) => {
            let short = format!("{value:.5}");
            short.chars().take(11).collect()
        }
        _ => format!("{value:.3e}"),
    }
}

fn fitted(text: &str, width: usize) -> String {
    match text.chars().count() > width {
        true => text.chars().take(width - 2).chain("..".chars()).collect(),
        false => text.to_owned(),
    }
}

/// Text in lines of at most 80 characters; a longer word has a line of its own.
fn paragraph(f: &mut fmt::Formatter<'_>, mark: &str, text: &str) -> fmt::Result {
    let mut line = mark.to_owned();
    let mut filled = !mark.is_empty() && !mark.ends_with(' ');
    for word in text.split_whitespace() {
        if filled && line.chars().count() + 1 + word.chars().count() > WIDTH {
            writeln!(f, "{line}")?;
            line = "  ".to_owned();
            filled = false;
        }
        if filled {
            line.push(' ');
        }
        line.push_str(word);
        filled = true;
    }
    writeln!(f, "{line}")
}
