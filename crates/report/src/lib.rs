//! Results to tables, plain text of at most 80 columns where names are short; run directories to pictures and to a page
//! that stands on its own.

mod axis;
mod canvas;
mod chart;
mod clock;
mod markup;
mod page;
mod palette;
mod pictures;
mod plot;
mod png;
mod run;
#[cfg(test)]
mod sample;
mod scene;
mod shown;
mod thin;

use std::fmt::Write;

pub use chart::DrawError;
pub use forecast::Results;
use forecast::{ClimateScores, EnsembleScores, Scores, Summary};
pub use page::{comparison_pictures, page, page_of_pictures};
pub use pictures::{Picture, pictures};
pub use plot::{plot, stacked};
pub use run::{Metrics, RunFiles};

/// A run in a comparison.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What its row is called.
    pub label: String,
    /// What it learned and how it is scored; only runs of the same task are ranked with each other.
    pub task: String,
    /// Its results.
    pub results: Results,
}

/// The table of one run: its model beside the baselines, best first.
pub fn summary(results: &Results) -> String {
    let Results { train, .. } = results;
    let heading = format!(
        "{}: {}{} with {} parameters, seed {}, {} steps in {:.1} s on {}\n\n",
        results.experiment,
        results.model,
        seen(results),
        results.parameters,
        results.seed,
        train.steps,
        train.seconds,
        results.device
    );
    let wide = heading.trim_end().chars().count() > 80;
    let heading = if wide { heading.replacen(", seed ", ",\nseed ", 1) } else { heading };
    let model = Row { label: results.model.clone(), scores: &results.scores, run: None };
    let table = table([model].into_iter().chain(baselines(results)).collect(), false);
    heading + &table + &reconstruction(results) + &suspicions(results, "")
}

/// What latent states of each size keep, a line each.
fn reconstruction(results: &Results) -> String {
    let line = |found: &forecast::Reconstruction| {
        format!("  {:>6}  {:>8}  after {} steps\n", found.latent, number(found.error), found.steps)
    };
    match &results.reconstruction[..] {
        [] => String::new(),
        all => format!("\nReconstruction error by latent size\n{}", all.iter().map(line).collect::<String>()),
    }
}

/// The components that are seen, where they are not all.
fn seen(results: &Results) -> String {
    results.observed.as_ref().map_or(String::new(), |names| format!(" on {} alone", names.join(", ")))
}

/// What looks like a mistake, a line each.
fn suspicions(results: &Results, of: &str) -> String {
    results.suspicions.iter().map(|found| format!("Suspicious: {of}{}.\n", found.message)).collect()
}

/// One table a task, best first, with the baselines of the best run.
pub fn compare(entries: &[Entry]) -> String {
    let mut tasks: Vec<&str> = Vec::new();
    for entry in entries {
        if !tasks.contains(&entry.task.as_str()) {
            tasks.push(&entry.task);
        }
    }
    let mut text = String::new();
    for (number, task) in tasks.iter().enumerate() {
        let mut of_task: Vec<&Entry> = entries.iter().filter(|entry| entry.task == *task).collect();
        of_task.sort_by(|a, b| order(&a.results.scores, &b.results.scores));
        let best = of_task[0];
        if number > 0 {
            text += "\nOther data or another scoring, so not to be ranked with the above:\n\n";
        }
        let _ = writeln!(
            text,
            "{}{}, baselines as fitted in {}\n",
            best.results.system,
            seen(&best.results),
            best.label
        );
        let rows = of_task.iter().map(|entry| Row {
            label: entry.label.clone(),
            scores: &entry.results.scores,
            run: Some(&entry.results),
        });
        text += &table(rows.chain(baselines(&best.results)).collect(), true);
        for entry in &of_task {
            text += &suspicions(&entry.results, &format!("{}: ", entry.label));
        }
        let seed = best.results.seed;
        if of_task.iter().any(|entry| entry.results.seed != seed) {
            text += "Each seed has trajectories and starts of its own.\n";
        }
    }
    text
}

struct Row<'a> {
    label: String,
    scores: &'a Scores,
    /// What it cost, for a trained network.
    run: Option<&'a Results>,
}

fn baselines(results: &Results) -> impl Iterator<Item = Row<'_>> {
    results.baselines.iter().map(|(name, scores)| Row { label: name.clone(), scores, run: None })
}

/// Best first: by valid prediction time where there is one, else by the error over the horizon.
fn order(a: &Scores, b: &Scores) -> std::cmp::Ordering {
    match (&a.vpt, &b.vpt) {
        (Some(a), Some(b)) => b.main.summary.median.total_cmp(&a.main.summary.median),
        _ => a.nrmse.median.total_cmp(&b.nrmse.median),
    }
}

/// Two lines of heading, and what stands below them in a row.
type Column<'a> = (&'a str, &'a str, Box<dyn Fn(&Row) -> String + 'a>);

fn table(mut rows: Vec<Row>, costs: bool) -> String {
    rows.sort_by(|a, b| order(a.scores, b.scores));
    let first = rows[0].scores;
    let horizon = format!("{} units", first.nrmse.horizon);
    let mut columns: Vec<Column> = vec![("", "", Box::new(|row| row.label.clone()))];
    let summary = |row: &Row| row.scores.vpt.as_ref().map(|vpt| vpt.main.summary.clone());
    let mut vpt = |above, below, cell: fn(&Summary) -> String| {
        columns.push((above, below, Box::new(move |row| summary(row).map_or(String::new(), |s| cell(&s)))));
    };
    if first.vpt.is_some() {
        vpt("valid", "median", |s| format!("{:.2}", s.median));
        vpt("for Lyapunov", "95% interval", |s| format!("{:.2} to {:5.2}", s.ci95[0], s.ci95[1]));
        if !costs {
            vpt("times", "mean", |s| format!("{:.2}", s.mean));
        }
        vpt("", "p10", |s| format!("{:.2}", s.p10));
    }
    columns.push(("error of", "one step", Box::new(|row| number(row.scores.one_step_rmse))));
    if first.vpt.is_none() {
        columns.push(("over", "median", Box::new(|row| number(row.scores.nrmse.median))));
        let interval = |row: &Row| {
            let [low, high] = row.scores.nrmse.ci95;
            format!("{} to {}", number(low), number(high))
        };
        columns.push((&horizon, "95% interval", Box::new(interval)));
        if !costs {
            columns.push(("", "p90", Box::new(|row| number(row.scores.nrmse.p90))));
        }
    } else if !costs {
        columns.push(("error over", &horizon, Box::new(|row| number(row.scores.nrmse.median))));
    }
    if costs {
        let of = |row: &Row, cell: fn(&Results) -> String| row.run.map_or("-".into(), cell);
        columns.push(("para-", "meters", Box::new(move |row| of(row, |run| run.parameters.to_string()))));
        columns.push((
            "training",
            "seconds",
            Box::new(move |row| of(row, |run| format!("{:.0}", run.train.seconds))),
        ));
    }
    lay_out(&columns, &rows) + &long_run(&rows) + &notes(&rows, &horizon)
}

/// A second table, of the attractor and of the spread of ensembles, where there is either.
fn long_run(rows: &[Row]) -> String {
    let mut columns: Vec<Column> = vec![("", "", Box::new(|row| row.label.clone()))];
    let climate =
        |row: &Row, cell: fn(&ClimateScores) -> String| row.scores.climate.as_ref().map_or("-".into(), cell);
    if rows.iter().any(|row| row.scores.climate.is_some()) {
        columns.push(("long run", "D_stsp", Box::new(move |row| climate(row, |long| number(long.d_stsp)))));
        columns.push(("", "D_H", Box::new(move |row| climate(row, |long| number(long.d_h)))));
        columns.push(("", "left", Box::new(move |row| climate(row, |long| long.left.to_string()))));
    }
    let ensemble = |row: &Row, cell: fn(&EnsembleScores) -> String| {
        row.scores.ensemble.as_ref().map_or("-".into(), cell)
    };
    if rows.iter().any(|row| row.scores.ensemble.is_some()) {
        columns.push(("ensemble", "CRPS", Box::new(move |row| ensemble(row, |of| number(of.crps)))));
        columns.push((
            "spread",
            "/ error",
            Box::new(move |row| ensemble(row, |of| number(of.spread_to_error))),
        ));
    }
    if columns.len() == 1 { String::new() } else { format!("\n{}", lay_out(&columns, rows)) }
}

/// What the numbers of the second table mean.
fn long_run_notes(rows: &[Row]) -> String {
    let mut text = String::new();
    if let Some(long) = rows.iter().find_map(|row| row.scores.climate.as_ref()) {
        let length = match long.lyapunov_times {
            Some(times) => format!("{times:.0} Lyapunov times"),
            None => format!("{} time units", long.time),
        };
        let _ = writeln!(
            text,
            "Long run: {length} from {} starts. D_stsp compares states,\nD_H frequencies; one half of the \
             truth against the other has {} and {}.",
            long.starts,
            number(long.truth_d_stsp),
            number(long.truth_d_h)
        );
    }
    if let Some(of) = rows.iter().find_map(|row| row.scores.ensemble.as_ref()) {
        let _ = writeln!(text, "CRPS and spread over the first {:.3} time units.", of.horizon);
    }
    text
}

/// The first column to the left, all others to the right.
fn lay_out(columns: &[Column], rows: &[Row]) -> String {
    let cells: Vec<Vec<String>> = columns
        .iter()
        .map(|(above, below, cell)| {
            [above.to_string(), below.to_string()].into_iter().chain(rows.iter().map(cell)).collect()
        })
        .collect();
    let mut text = String::new();
    for line in 0..rows.len() + 2 {
        let mut out = String::new();
        for (i, column) in cells.iter().enumerate() {
            let wide = column.iter().map(|cell| cell.chars().count()).max().unwrap_or(0);
            let cell = &column[line];
            out += &if i == 0 { format!("{cell:wide$}") } else { format!("  {cell:>wide$}") };
        }
        text += out.trim_end();
        text.push('\n');
    }
    text
}

/// What the numbers mean, and what is remarkable about them.
fn notes(rows: &[Row], horizon: &str) -> String {
    let (first, mut text) = (rows[0].scores, String::from("\n"));
    if let Some(vpt) = &first.vpt {
        let _ = writeln!(
            text,
            "Valid while the error is below {} standard deviations; {} starts. The truth\nholds for {:.1} Lyapunov \
             times of {:.3} time units ({:.1} from the worst tenth).",
            vpt.main.threshold,
            vpt.starts,
            vpt.ceiling,
            1.0 / vpt.lyapunov_exponent,
            vpt.ceiling_p10
        );
    } else {
        let _ = writeln!(
            text,
            "Errors in standard deviations of the training data; {} starts. Valid prediction\ntimes stand where \
             evaluate.lyapunov_exponent is above 0.",
            first.nrmse.starts
        );
    }
    if first.nrmse.capped > 0 {
        let _ = writeln!(text, "From {} starts the truth does not last the {horizon}.", first.nrmse.capped);
    }
    text += &long_run_notes(rows);
    for Row { label, scores, .. } in rows {
        if let Some(long) = &scores.climate {
            if long.left > 0 {
                let first = long.first_left.unwrap_or(long.time);
                let _ = writeln!(
                    text,
                    "{label}: {} forecasts leave the attractor, the first after {} units.",
                    long.left,
                    number(first)
                );
            }
            if long.stopped > 0 {
                let _ = writeln!(text, "{label}: {} forecasts come to rest.", long.stopped);
            }
        }
        if let Some(vpt) = scores.vpt.as_ref().filter(|vpt| vpt.main.capped > 0) {
            let _ =
                writeln!(text, "{label}: {} forecasts outlive their truth and are capped.", vpt.main.capped);
        }
        if scores.diverged > 0 {
            let _ = writeln!(text, "{label}: {} forecasts leave the finite numbers.", scores.diverged);
        }
    }
    text
}

/// Three digits, in the shorter notation.
fn number(x: f64) -> String {
    match x.abs() {
        _ if !x.is_finite() => "inf".into(),
        0.0 => "0".into(),
        size if (1e-2..1e4).contains(&size) => format!("{x:.3}"),
        _ => format!("{x:.2e}"),
    }
}

#[cfg(test)]
mod tests;
