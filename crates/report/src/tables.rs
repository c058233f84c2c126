//! Comparisons as text: for a terminal, as CSV, and as Markdown.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::compare::{Comparison, Effect, Metric, Ranking, Row};
use crate::{lay_out, number, with_error};

pub(crate) const APART: &str = "Not to be ranked with the above, since the data or the scoring are others:";

/// A column of a ranking.
pub(crate) struct Column {
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
        [above, below, title]: [&'static str; 3],
        cell: impl Fn(&Row) -> Option<String> + 'static,
    ) -> Self {
        Column { above, below, title, cell: Box::new(cell) }
    }
}

impl Comparison {
    /// A table a ranking, and what its numbers mean.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (number, ranking) in self.rankings.iter().enumerate() {
            if number > 0 {
                text += &format!("\n{APART}\n");
                text += &ranking.apart.iter().map(|line| format!("  {line}\n")).collect::<String>();
                text.push('\n');
            }
            text += &ranking.text();
        }
        text + &self.left_out().iter().map(|line| format!("{line}\n")).collect::<String>()
    }

    /// A GitHub-flavoured Markdown table a ranking.
    pub fn markdown(&self) -> String {
        let table = |ranking: &Ranking| {
            let columns: Vec<Column> = ranking.scores().into_iter().chain(ranking.long_run()).collect();
            let cells = ranking.cells(&columns);
            let escape =
                |cell: &str| cell.replace('\\', "\\\\").replace('|', "\\|").replace(['\n', '\r'], " ");
            let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
            let heading =
                [""].into_iter().chain(columns.iter().map(|column| column.title)).map(str::to_owned);
            let mut text = line(heading.collect()) + "|---" + &"|---:".repeat(cells.len() - 1) + "|\n";
            for row in 2..cells[0].len() {
                text += &line(cells.iter().map(|column| escape(&column[row])).collect());
            }
            let heading = format!("### {}\n\n", escape(&ranking.heading()));
            let apart = match &ranking.apart[..] {
                [] => String::new(),
                apart => format!("{APART} {}\n\n", escape(&apart.join("; "))),
            };
            let notes: String = ranking.notes().iter().map(|note| format!("\n{}\n", escape(note))).collect();
            heading + &apart + &text + &notes
        };
        let left_out: String = self.left_out().iter().map(|line| format!("\n{line}\n")).collect();
        self.rankings.iter().map(table).collect::<Vec<_>>().join("\n") + &left_out
    }

    /// Runs that do not count.
    pub(crate) fn left_out(&self) -> Vec<String> {
        let line =
            |run: &PathBuf| format!("Left out, since there is a newer run of its seed: {}", run.display());
        self.superseded.iter().map(line).collect()
    }

    /// A line a configuration, numbers in full; what is missing is empty, as all numbers of a baseline that is not
    /// applicable are. `ranking` counts from 0.
    pub fn csv(&self) -> String {
        let quote = |cell: &str| {
            let plain = !cell.contains(['"', ',', '\n', '\r']);
            if plain { cell.to_owned() } else { format!("\"{}\"", cell.replace('"', "\"\"")) }
        };
        const COLUMNS: usize = 23;
        let mut text = String::from(
            "ranking,system,metric,label,baseline,seeds,mean,low95,high95,difference_low95,difference_high95,\
             one_step_rmse,d_stsp,d_h,left,crps,spread_to_error,parameters,train_seconds,step_microseconds,\
             lyapunov_exponent,lyapunov_standard_error,system_lyapunov_exponent\n",
        );
        let cell = |x: Option<f64>| x.map_or(String::new(), |x| x.to_string());
        for (number, ranking) in self.rankings.iter().enumerate() {
            for row in &ranking.rows {
                let interval = row.interval.or(row.over_starts);
                let against = row.against_best.and_then(|against| against.interval);
                let seeds: Vec<String> = row.seeds.iter().map(u64::to_string).collect();
                let cells = [
                    number.to_string(),
                    quote(&ranking.system),
                    ranking.metric.key().to_owned(),
                    quote(&row.label),
                    row.baseline.to_string(),
                    seeds.join(" "),
                    row.mean.to_string(),
                    cell(interval.map(|of| of[0])),
                    cell(interval.map(|of| of[1])),
                    cell(against.map(|of| of[0])),
                    cell(against.map(|of| of[1])),
                    row.one_step_rmse.to_string(),
                    cell(row.climate.map(|of| of[0])),
                    cell(row.climate.map(|of| of[1])),
                    row.left.map_or(String::new(), |of| of[0].to_string()),
                    cell(row.ensemble.map(|of| of[0])),
                    cell(row.ensemble.map(|of| of[1])),
                    row.parameters.map_or(String::new(), |count| count.to_string()),
                    cell(row.train_seconds),
                    row.step_microseconds.to_string(),
                    cell(row.lyapunov.map(|of| of[0])),
                    cell(row.lyapunov.map(|of| of[1])),
                    cell(ranking.lyapunov_exponent),
                ];
                text += &(cells.join(",") + "\n");
            }
            for name in ranking.not_applicable.keys() {
                let cells = [
                    &number.to_string(),
                    &quote(&ranking.system),
                    ranking.metric.key(),
                    &quote(name),
                    "true",
                ];
                text += &(cells.join(",") + &",".repeat(COLUMNS - cells.len()) + "\n");
            }
        }
        text
    }

    /// The effect of a setting, a table a ranking.
    ///
    /// # Errors
    /// A key by which nothing differs; the sentence lists those by which something does.
    pub fn by(&self, key: &str) -> Result<String, String> {
        let mut text = String::new();
        for ranking in self.rankings.iter().filter(|ranking| ranking.varied().contains(key)) {
            if !text.is_empty() {
                text.push('\n');
            }
            text += &ranking.by(key);
        }
        if !text.is_empty() {
            return Ok(text);
        }
        let keys: BTreeSet<&str> = self.rankings.iter().flat_map(Ranking::varied).collect();
        let keys: Vec<&str> = keys.into_iter().collect();
        let these = "runs that can be ranked with each other do not differ in";
        Err(match &keys[..] {
            [] => format!("--by {key}: {these} any setting but the seed"),
            keys => format!("--by {key}: {these} that. They do in {}", keys.join(", ")),
        })
    }
}

impl Metric {
    /// Its name in files.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Metric::ValidTime { .. } => "valid_time",
            Metric::Nrmse { .. } => "nrmse",
        }
    }

    fn show(self, x: f64) -> String {
        match self {
            Metric::ValidTime { .. } if x.is_finite() => format!("{x:.2}"),
            _ => number(x),
        }
    }

    fn interval(self, [low, high]: [f64; 2]) -> String {
        format!("{} to {}", self.show(low), self.show(high))
    }
}

impl Ranking {
    fn text(&self) -> String {
        let table = fitted(self.cells(&self.scores()));
        let long = match &self.long_run()[..] {
            [] => String::new(),
            columns => format!("\n{}", fitted(self.cells(columns))),
        };
        format!(
            "{}\n\n{table}{long}\n{}",
            self.heading(),
            self.notes().iter().map(|note| wrap(note)).collect::<String>()
        )
    }

    /// The system, and what of it is seen.
    pub(crate) fn heading(&self) -> String {
        let seen =
            self.observed.as_ref().map_or(String::new(), |names| format!(" on {} alone", names.join(", ")));
        format!("{}{seen}", self.system)
    }

    /// Scores and costs.
    pub(crate) fn scores(&self) -> Vec<Column> {
        let metric = self.metric;
        let (mean, interval) = match metric {
            Metric::ValidTime { .. } => (
                ["valid", "mean", "valid time (Lyapunov times)"],
                ["for Lyapunov times", "95% interval", "its 95% interval"],
            ),
            Metric::Nrmse { .. } => (
                ["error", "mean", "error over the horizon (std.)"],
                ["over the horizon", "95% interval", "its 95% interval"],
            ),
        };
        let of_interval = move |row: &Row| match (row.interval, row.over_starts) {
            (Some(interval), _) => Some(metric.interval(interval)),
            (None, over_starts) => over_starts.map(|interval| format!("({})", metric.interval(interval))),
        };
        vec![
            Column::new(["", "seeds", "seeds"], |row| Some(row.seeds.len().to_string())),
            Column::new(mean, move |row| Some(metric.show(row.mean))),
            Column::new(interval, of_interval),
            Column::new(["error of", "one step", "error of one step (std.)"], |row| {
                Some(number(row.one_step_rmse))
            }),
            Column::new(["para-", "meters", "parameters"], |row| {
                row.parameters.map(|count| count.to_string())
            }),
            Column::new(["training", "seconds", "training (s)"], |row| row.train_seconds.map(seconds)),
        ]
    }

    /// The exponent, the long run and ensembles, where there are any.
    pub(crate) fn long_run(&self) -> Vec<Column> {
        let all = [
            Column::new(["Lyapunov", "exponent", "Lyapunov exponent (1 / time unit)"], |row| {
                row.lyapunov.map(with_error)
            }),
            Column::new(["long run", "D_stsp", "D_stsp (nats)"], |row| row.climate.map(|of| number(of[0]))),
            Column::new(["", "D_H", "D_H (0 to 1)"], |row| row.climate.map(|of| number(of[1]))),
            Column::new(["", "left", "left the attractor (starts)"], |row| {
                row.left.map(|[left, starts]| format!("{left} of {starts}"))
            }),
            Column::new(["ensemble", "CRPS", "CRPS (std.)"], |row| row.ensemble.map(|of| number(of[0]))),
            Column::new(["spread", "/ error", "spread / error"], |row| row.ensemble.map(|of| number(of[1]))),
        ];
        all.into_iter().filter(|column| self.rows.iter().any(|row| (column.cell)(row).is_some())).collect()
    }

    /// Labels and columns as cells; a baseline that is not applicable has a label alone.
    fn cells(&self, columns: &[Column]) -> Vec<Vec<String>> {
        let labels = [String::new(), String::new()].into_iter();
        let missing: Vec<String> =
            self.not_applicable.keys().map(|name| format!("{name}: not applicable")).collect();
        let labels = labels.chain(self.rows.iter().map(|row| row.label.clone()));
        let mut cells = vec![labels.chain(missing.iter().cloned()).collect()];
        for Column { above, below, cell, .. } in columns {
            let heading = [(*above).to_owned(), (*below).to_owned()].into_iter();
            let of_rows = self.rows.iter().map(|row| cell(row).unwrap_or_else(|| "-".into()));
            cells.push(heading.chain(of_rows).chain(missing.iter().map(|_| String::new())).collect());
        }
        cells
    }

    /// What the numbers mean, what is noise, and what is suspicious.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = vec![match self.metric {
            Metric::ValidTime { threshold } => format!(
                "Valid while the error is below {threshold} standard deviations: the median over the starts, averaged \
                 over the seeds."
            ),
            Metric::Nrmse { horizon } => format!(
                "Error over {horizon} time units in standard deviations: the median over the starts, averaged over the \
                 seeds."
            ),
        }];
        let several = self.rows.iter().any(|row| row.interval.is_some());
        notes.push(match (several, self.rows.iter().any(|row| row.over_starts.is_some())) {
            (true, true) => "95% intervals of the mean over seeds (Student's t); in brackets, of one seed over its starts.".into(),
            (true, false) => "95% intervals of the mean over seeds (Student's t).".into(),
            (false, _) => "One seed each: in brackets the 95% interval over its starts. Other seeds may rank otherwise.".into(),
        });
        if let Some(exponent) =
            self.lyapunov_exponent.filter(|_| self.rows.iter().any(|row| row.lyapunov.is_some()))
        {
            notes.push(format!(
                "Lyapunov exponent: the largest of the map itself, averaged over the seeds, with its standard error; the \
                 system has {exponent}."
            ));
        }
        notes.extend(self.noise());
        notes.extend(
            self.not_applicable
                .iter()
                .map(|(name, reason)| format!("Not applicable: {name}, since {reason}.")),
        );
        let suspicions = self.rows.iter().flat_map(|row| {
            row.suspicions.iter().map(move |found| format!("Suspicious: {}, {found}.", row.label))
        });
        notes.extend(suspicions);
        notes
    }

    /// What cannot be told from the best, and baselines that are better than all of it.
    fn noise(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let models: Vec<&Row> = self.rows.iter().filter(|row| !row.baseline).collect();
        let [best, others @ ..] = &models[..] else { return notes };
        let ahead: Vec<&str> =
            self.rows.iter().take_while(|row| row.baseline).map(|row| row.label.as_str()).collect();
        if !ahead.is_empty() {
            notes.push(format!("No model here scores as well as the baselines: {}.", ahead.join("; ")));
        }
        let named = |worse: Option<bool>| -> Vec<&str> {
            let test = |row: &&&Row| row.against_best.and_then(|of| of.is_worse(self.metric)) == worse;
            others.iter().filter(test).map(|row| row.label.as_str()).collect()
        };
        let (alike, worse, untested) = (named(Some(false)), named(Some(true)), named(None));
        let seeds = others.iter().filter_map(|row| row.against_best).filter(|of| of.interval.is_some());
        let seeds: Vec<usize> = seeds.map(|against| against.seeds).collect();
        let several = "Student's t over the seeds that both have, and a bootstrap paired over their starts";
        let one = "a bootstrap paired over the starts of the one seed that both have";
        let how = match (seeds.contains(&1), seeds.iter().any(|&seeds| seeds > 1)) {
            (true, true) => format!("95%: {several}; where that is one seed, the bootstrap alone"),
            (true, false) => format!("95%: {one}"),
            _ => format!("95%: {several}"),
        };
        if !alike.is_empty() {
            notes.push(format!("Not told from {} ({how}): {}.", best.label, alike.join("; ")));
        } else if !worse.is_empty() {
            let those =
                if untested.is_empty() { "every other model" } else { "every model tested against it" };
            notes.push(format!("{} is better than {those} by more than noise ({how}).", best.label));
        }
        if !untested.is_empty() {
            notes.push(format!(
                "Not tested against {}, having no seed in common or no forecasts.npz with the same starts (older \
                 versions wrote none): {}.",
                best.label,
                untested.join("; ")
            ));
        }
        notes
    }

    fn by(&self, key: &str) -> String {
        let effects = self.effect(key);
        let metric = self.metric;
        let first = effects.first().map_or("", |effect| effect.value.as_str());
        let against = format!("against {first}");
        let column = |heading: [&str; 2], cell: &dyn Fn(&Effect) -> String| -> Vec<String> {
            let heading = [heading[0].to_owned(), heading[1].to_owned()].into_iter();
            heading.chain(effects.iter().map(cell)).collect()
        };
        let what = match metric {
            Metric::ValidTime { .. } => "valid for Lyapunov times",
            Metric::Nrmse { .. } => "error over the horizon",
        };
        let optional = |text: Option<String>| text.unwrap_or_else(|| "-".into());
        let table = fitted(vec![
            column(["", key], &|effect| effect.value.clone()),
            column(["", "runs"], &|effect| effect.runs.to_string()),
            column(["", "mean"], &|effect| metric.show(effect.mean)),
            column([&against, "difference"], &|effect| optional(effect.difference.map(|x| metric.show(x)))),
            column(["", "95% interval"], &|effect| optional(effect.interval.map(|of| metric.interval(of)))),
            column(["", "pairs"], &|effect| effect.pairs.to_string()),
        ]);
        let note = "A pair of runs has one seed and differs in this key alone, or in keys that come with it; intervals by \
                    Student's t over the pairs.";
        format!("{}: {what}, by {key}\n\n{table}\n{}", self.system, wrap(note))
    }
}

/// Columns as text of at most 80 columns where that can be: else long labels stand on lines of their own.
fn fitted(mut cells: Vec<Vec<String>>) -> String {
    let table = lay_out(&cells);
    if table.lines().all(|line| line.chars().count() <= 80) {
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

/// Lines of at most 80 columns, with a line feed after each.
pub(crate) fn wrap(text: &str) -> String {
    let (mut lines, mut line) = (String::new(), String::new());
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > 80 {
            lines += &(std::mem::take(&mut line) + "\n");
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line += word;
    }
    lines + &line + "\n"
}
