//! Comparisons as text: for a terminal, as CSV, and as Markdown.

mod csv;
mod effects;
mod notes;

use std::path::PathBuf;

pub use effects::Effects;

use crate::compare::{Comparison, Metric, Ranking, Row};
use crate::layout::{lay_out, number, with_error, wrap};
use crate::visible;

pub(crate) const APART: &str = "Ranked separately, because these forecasts are scored on another task:";

/// A column of a ranking.
pub(crate) struct Column {
    /// Its name on a command line.
    pub(crate) name: &'static str,
    /// Two lines of heading, for narrow tables.
    above: &'static str,
    below: &'static str,
    /// The heading where there is room.
    pub(crate) title: &'static str,
    /// What stands below it in a row; nothing where there is none.
    pub(crate) cell: Cell,
}

type Cell = Box<dyn Fn(&Row) -> Option<String>>;

impl Column {
    fn new(
        name: &'static str,
        [above, below, title]: [&'static str; 3],
        cell: impl Fn(&Row) -> Option<String> + 'static,
    ) -> Self {
        Column { name, above, below, title, cell: Box::new(cell) }
    }
}

/// The columns that can be chosen for a Markdown table, in this order.
pub const COLUMNS: [&str; 15] = [
    "seeds",
    "score",
    "interval",
    "capped",
    "diverged",
    "not_applicable",
    "one_step",
    "parameters",
    "train_seconds",
    "exponent",
    "d_stsp",
    "d_h",
    "left",
    "crps",
    "spread_to_error",
];

impl Comparison {
    /// A table a ranking, and what its numbers mean, in lines of at most `width` columns where names are short enough.
    pub fn text(&self, width: usize) -> String {
        let mut text = String::new();
        for (number, ranking) in self.rankings.iter().enumerate() {
            if number > 0 {
                text += &format!("\n{APART}\n");
                text += &ranking.apart.iter().map(|line| format!("  {line}\n")).collect::<String>();
                text.push('\n');
            }
            text += &ranking.text(width);
        }
        text + &self.notes().iter().map(|line| wrap(line, width)).collect::<String>()
    }

    /// One GitHub-flavoured Markdown table for each ranking, with these columns of [`COLUMNS`]; if none are given, with
    /// every column that is not empty.
    pub fn markdown(&self, columns: &[&str]) -> String {
        let table = |ranking: &Ranking| {
            let chosen = |column: &Column| columns.is_empty() || columns.contains(&column.name);
            let columns: Vec<Column> = ranking.columns().into_iter().filter(chosen).collect();
            let cells = ranking.cells(&columns);
            let titles = columns.iter().map(|column| column.title.to_owned());
            let mut text = markdown_line([String::new()].into_iter().chain(titles))
                + "|---"
                + &"|---:".repeat(cells.len() - 1)
                + "|\n";
            for row in 2..cells[0].len() {
                text += &markdown_line(cells.iter().map(|column| markdown_cell(&column[row])));
            }
            let heading = format!("### {}\n\n", markdown_cell(&ranking.heading()));
            let apart = match &ranking.apart[..] {
                [] => String::new(),
                apart => format!("{APART} {}\n\n", markdown_cell(&apart.join("; "))),
            };
            let notes: String =
                ranking.notes().iter().map(|note| format!("\n{}\n", markdown_cell(note))).collect();
            heading + &apart + &text + &notes
        };
        let notes: String = self.notes().iter().map(|line| format!("\n{}\n", markdown_cell(line))).collect();
        self.rankings.iter().map(table).collect::<Vec<_>>().join("\n") + &notes
    }

    /// What was left out, one sentence each.
    pub fn notes(&self) -> Vec<String> {
        let line = |run: &PathBuf| {
            let run = visible(&run.display().to_string());
            format!("Left out, since there is a newer run of its configuration and seed: {run}.")
        };
        self.superseded.iter().map(line).chain(self.left_out.iter().map(|line| visible(line))).collect()
    }
}

fn markdown_line(cells: impl Iterator<Item = String>) -> String {
    format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
}

fn markdown_cell(cell: &str) -> String {
    cell.replace('\\', "\\\\").replace('|', "\\|").replace(['\n', '\r'], " ")
}

impl Metric {
    fn show(self, x: f64) -> String {
        match self {
            Metric::ValidTime if x.is_finite() => format!("{x:.2}"),
            Metric::TrainSeconds if x.is_finite() => seconds(x),
            Metric::Parameters if x.is_finite() => format!("{x:.0}"),
            _ => number(x),
        }
    }

    fn interval(self, [low, high]: [f64; 2]) -> String {
        format!("{} to {}", self.show(low), self.show(high))
    }

    /// Two lines of heading.
    fn headings(self) -> [&'static str; 2] {
        match self {
            Metric::ValidTime => ["valid", "time"],
            Metric::Nrmse => ["error over", "the horizon"],
            Metric::FreeRun => ["free run", "RMSE"],
            Metric::OneStep => ["error of", "one step"],
            Metric::ExponentError => ["error of the", "exponent"],
            Metric::DStsp => ["long run", "D_stsp"],
            Metric::DH => ["long run", "D_H"],
            Metric::Crps => ["ensemble", "CRPS"],
            Metric::TrainSeconds => ["training", "seconds"],
            Metric::StepMicroseconds => ["forecast", "step, us"],
            Metric::Parameters => ["para-", "meters"],
        }
    }
}

impl Ranking {
    fn text(&self, width: usize) -> String {
        let table = fitted(self.cells(&self.scores()), width);
        let more = match &self.long_run()[..] {
            [] => String::new(),
            columns => format!("\n{}", fitted(self.cells(columns), width)),
        };
        format!(
            "{}\n\n{table}{more}\n{}",
            self.heading(),
            self.notes().iter().map(|note| wrap(note, width)).collect::<String>()
        )
    }

    /// The system, and what of it is seen.
    pub(crate) fn heading(&self) -> String {
        let seen =
            self.observed.as_ref().map_or(String::new(), |names| format!(" on {} alone", names.join(", ")));
        format!("{}{seen}", self.system)
    }

    /// All columns that are not empty.
    pub(crate) fn columns(&self) -> Vec<Column> {
        self.scores().into_iter().chain(self.long_run()).collect()
    }

    /// The columns of the score that the ranking uses, and those that help to judge it.
    fn scores(&self) -> Vec<Column> {
        let metric = self.metric.name;
        let of_interval = move |row: &Row| match (row.interval, row.over_starts) {
            (Some(interval), _) => Some(metric.interval(interval)),
            (None, over_starts) => over_starts.map(|interval| format!("({})", metric.interval(interval))),
        };
        let [above, below] = metric.headings();
        // a separate column, unless the ranking is by this score
        let other = |column: Column, of: Metric| (metric != of).then_some(column);
        let columns = [
            Some(Column::new("seeds", ["", "seeds", "seeds"], |row| Some(row.seeds.len().to_string()))),
            Some(Column::new("score", [above, below, metric.about()], move |row| {
                row.mean.map(|mean| metric.show(mean))
            })),
            Some(Column::new("interval", ["", "95% interval", "its 95% interval"], of_interval)),
            Some(Column::new("capped", ["", "capped", "capped (starts)"], |row| {
                part(row.capped, row.starts)
            })),
            Some(Column::new("diverged", ["", "diverged", "diverged (starts)"], |row| {
                part(row.diverged, row.starts)
            })),
            self.rows.iter().any(|row| row.not_applicable > 0).then(|| {
                Column::new("not_applicable", ["not ap-", "plicable", "not applicable (seeds)"], |row| {
                    Some(row.not_applicable.to_string())
                })
            }),
            other(
                Column::new("one_step", ["error of", "one step", "error of one step (std.)"], |row| {
                    row.one_step_rmse.map(number)
                }),
                Metric::OneStep,
            ),
        ];
        columns.into_iter().flatten().collect()
    }

    /// The columns of costs, the exponent, the long run and ensembles, if there are any.
    fn long_run(&self) -> Vec<Column> {
        let all = [
            Column::new("parameters", ["para-", "meters", "parameters"], |row| {
                row.parameters.map(|count| count.to_string())
            }),
            Column::new("train_seconds", ["training", "seconds", "training (s)"], |row| {
                row.train_seconds.map(seconds)
            }),
            Column::new("exponent", ["Lyapunov", "exponent", "Lyapunov exponent (1 / time unit)"], |row| {
                row.lyapunov.map(with_error)
            }),
            Column::new("d_stsp", ["long run", "D_stsp", "D_stsp (nats)"], |row| {
                row.climate.map(|of| number(of[0]))
            }),
            Column::new("d_h", ["", "D_H", "D_H (0 to 1)"], |row| row.climate.map(|of| number(of[1]))),
            Column::new("left", ["", "left", "left the attractor (starts)"], |row| {
                row.left.map(|[left, starts]| format!("{left} of {starts}"))
            }),
            Column::new("crps", ["ensemble", "CRPS", "CRPS (std.)"], |row| {
                row.ensemble.map(|of| number(of[0]))
            }),
            Column::new("spread_to_error", ["spread", "/ error", "spread / error"], |row| {
                row.ensemble.map(|of| number(of[1]))
            }),
        ];
        all.into_iter().filter(|column| self.rows.iter().any(|row| (column.cell)(row).is_some())).collect()
    }

    /// Labels and columns as cells.
    fn cells(&self, columns: &[Column]) -> Vec<Vec<String>> {
        let labels = [String::new(), String::new()].into_iter();
        let mut cells = vec![labels.chain(self.rows.iter().map(|row| row.label.clone())).collect()];
        for Column { above, below, cell, .. } in columns {
            let heading = [(*above).to_owned(), (*below).to_owned()].into_iter();
            let of_rows = self.rows.iter().map(|row| cell(row).unwrap_or_else(|| "-".into()));
            cells.push(heading.chain(of_rows).collect());
        }
        cells
    }
}

/// A count out of a total; empty if the total is 0.
fn part(number: usize, all: usize) -> Option<String> {
    match (number, all) {
        (_, 0) => None,
        (0, _) => Some("0".into()),
        _ => Some(format!("{number} of {all}")),
    }
}

/// Columns as text of at most `width` characters. If they do not fit, each label stands on a line of its own.
fn fitted(mut cells: Vec<Vec<String>>, width: usize) -> String {
    let table = lay_out(&cells);
    if table.lines().all(|line| line.chars().count() <= width) {
        return table;
    }
    let labels = cells[0].split_off(2);
    let headings = std::mem::replace(&mut cells[0], vec!["   ".into(); labels.len() + 2]);
    let numbers = lay_out(&cells);
    let mut lines = numbers.lines();
    let mut table: String =
        headings.iter().filter(|heading| !heading.is_empty()).map(|of| format!("{of}\n")).collect();
    lines.by_ref().take(2).for_each(|line| table += &format!("{line}\n"));
    for (label, line) in labels.iter().zip(lines) {
        table += &format!("{label}\n{line}\n");
    }
    table
}

fn seconds(seconds: f64) -> String {
    if seconds < 9.95 { format!("{seconds:.1}") } else { format!("{seconds:.0}") }
}
