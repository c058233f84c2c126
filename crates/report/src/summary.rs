//! The table of one run.

mod solvers;

use std::fmt::Write;

use forecast::{
    ClimateScores, EnsembleScores, FieldScores, LyapunovScores, Results, Scores, SimulationScores, Summary,
};

use crate::layout::{lay_out, number, with_error, wrap};
use crate::visible;

pub(crate) use solvers::pays;

/// The table of one run: its model and the baselines, best first, and what the numbers mean. Lines have at most `width`
/// characters.
pub fn summary(results: &Results, width: usize) -> String {
    let Results { train, .. } = results;
    let heading = format!(
        "{}: {}{} with {} parameters, seed {}, {} steps in {:.1} s on {}\n\n",
        visible(&results.experiment),
        visible(&results.model),
        seen(results),
        results.parameters,
        results.seed,
        train.steps,
        train.seconds,
        visible(&results.device)
    );
    let too_wide = heading.trim_end().chars().count() > width;
    let heading = if too_wide { heading.replacen(", seed ", ",\nseed ", 1) } else { heading };
    let model = Line { label: visible(&results.model), scores: &results.scores };
    let baselines = results.baselines.iter().map(|(label, scores)| Line { label: visible(label), scores });
    let table = table([model].into_iter().chain(baselines).collect(), width);
    heading
        + &table
        + &chosen(results, width)
        + &not_applicable(results, width)
        + &solvers::reduction(results, width)
        + &solvers::solvers(results, width)
        + &reconstruction(results)
        + &suspicions(results)
}

/// The baselines that are not in the table, one line each.
fn not_applicable(results: &Results, width: usize) -> String {
    let line = |(name, reason): (&String, &String)| {
        wrap(&format!("Not applicable: {}, since {}.", visible(name), visible(reason)), width)
    };
    results.not_applicable.iter().map(line).collect()
}

/// The settings that were chosen on the validation part: of baselines, and a key of the model.
fn chosen(results: &Results, width: usize) -> String {
    let line = |(name, words): (&String, &String)| {
        let whose = if results.baselines.contains_key(name) { "Baseline " } else { "" };
        let text = format!("{whose}{name}: {words}, chosen on the validation part.");
        wrap(&visible(&text), width)
    };
    results.chosen.iter().map(line).collect()
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
pub(crate) fn seen(results: &Results) -> String {
    let alone = |names: &Vec<String>| format!(" on {} alone", visible(&names.join(", ")));
    results.observed.as_ref().map_or(String::new(), alone)
}

/// What looks like a mistake, a line each.
fn suspicions(results: &Results) -> String {
    results.suspicions.iter().map(|found| format!("Suspicious: {}.\n", visible(&found.message))).collect()
}

/// A line of the table of one run.
struct Line<'a> {
    label: String,
    scores: &'a Scores,
}

/// Best first: by the free run where that is the score, else by valid prediction time where there is one, else by the
/// error over the horizon.
pub(crate) fn order(a: &Scores, b: &Scores) -> std::cmp::Ordering {
    if let (Some(a), Some(b)) = (&a.simulation, &b.simulation)
        && a.ranks
        && b.ranks
    {
        return a.error().total_cmp(&b.error());
    }
    match (&a.vpt, &b.vpt) {
        (Some(a), Some(b)) => b.main.summary.median.total_cmp(&a.main.summary.median),
        _ => a.nrmse.median.total_cmp(&b.nrmse.median),
    }
}

/// Two lines of heading, and what stands below them in a row.
type Column<'a> = (&'a str, &'a str, Box<dyn Fn(&Line) -> String + 'a>);

fn table(mut rows: Vec<Line>, width: usize) -> String {
    rows.sort_by(|a, b| order(a.scores, b.scores));
    let first = rows[0].scores;
    let horizon = format!("{} units", first.nrmse.horizon);
    let mut columns: Vec<Column> = vec![("", "", Box::new(|row| row.label.clone()))];
    let summary = |row: &Line| row.scores.vpt.as_ref().map(|vpt| vpt.main.summary.clone());
    let mut vpt = |above, below, cell: fn(&Summary) -> String| {
        columns.push((above, below, Box::new(move |row| summary(row).map_or(String::new(), |s| cell(&s)))));
    };
    if first.vpt.is_some() {
        vpt("valid", "median", |s| format!("{:.2}", s.median));
        vpt("for Lyapunov", "95% interval", |s| format!("{:.2} to {:5.2}", s.ci95[0], s.ci95[1]));
        vpt("times", "mean", |s| format!("{:.2}", s.mean));
        vpt("", "p10", |s| format!("{:.2}", s.p10));
    }
    columns.push(("error of", "one step", Box::new(|row| number(row.scores.one_step_rmse))));
    if first.vpt.is_none() {
        columns.push(("over", "median", Box::new(|row| number(row.scores.nrmse.median))));
        let interval = |row: &Line| {
            let [low, high] = row.scores.nrmse.ci95;
            format!("{} to {}", number(low), number(high))
        };
        columns.push((&horizon, "95% interval", Box::new(interval)));
        columns.push(("", "p90", Box::new(|row| number(row.scores.nrmse.p90))));
    } else {
        columns.push(("error over", &horizon, Box::new(|row| number(row.scores.nrmse.median))));
    }
    let [forecasts, free_runs] = [lay_out(&cells(&columns, &rows)), free_runs(&rows)];
    // The score by which runs are ranked comes first.
    let tables = match first.simulation.as_ref().is_some_and(|of| of.ranks) {
        true => format!("{}\n{forecasts}", free_runs.trim_start_matches('\n')),
        false => forecasts + &free_runs,
    };
    tables + &fields(&rows) + &long_run(&rows) + &notes(&rows, &horizon, width) + &field_notes(&rows, width)
}

/// A table of the free runs over a recording, where there are any: with RMSE and R² of each component.
fn free_runs(rows: &[Line]) -> String {
    let Some(first) = rows.iter().find_map(|row| row.scores.simulation.as_ref()) else {
        return String::new();
    };
    let of = |row: &Line, cell: &dyn Fn(&SimulationScores) -> String| {
        row.scores.simulation.as_ref().map_or("-".into(), cell)
    };
    let mut columns: Vec<Column> = vec![("", "", Box::new(|row| row.label.clone()))];
    if first.rmse.len() == 1 {
        columns.push(("free run", "RMSE", Box::new(move |row| of(row, &|all| number(all.rmse[0])))));
        columns.push(("", "R²", Box::new(move |row| of(row, &|all| share(all.r2[0])))));
        columns.push(("", "fit in %", Box::new(move |row| of(row, &percent))));
    } else {
        columns.push(("free run", "error", Box::new(move |row| of(row, &|all| number(all.error())))));
        columns.push(("", "fit in %", Box::new(move |row| of(row, &percent))));
    }
    format!("\n{}", lay_out(&cells(&columns, rows)))
}

/// A table of the scores of a field, where there are any.
fn fields(rows: &[Line]) -> String {
    let Some(first) = rows.iter().find_map(|row| row.scores.field.as_ref()) else {
        return String::new();
    };
    let of = |row: &Line, cell: fn(&FieldScores) -> f64| {
        row.scores.field.as_ref().map_or("-".into(), |scores| number(cell(scores)))
    };
    let mut columns: Vec<Column> = vec![("", "", Box::new(|row| row.label.clone()))];
    let mut add = |above, below, cell: fn(&FieldScores) -> f64| {
        columns.push((above, below, Box::new(move |row| of(row, cell))));
    };
    add("relative", "L2", |field| field.relative_l2.mean);
    add("", "nRMSE", |field| field.nrmse.mean);
    // With the infidelity there is no room for another column in 80.
    let is_wave = first.wave_function.is_some();
    if !is_wave {
        add("", "VRMSE", |field| field.vrmse.mean);
    }
    add("correlated", "until", |field| field.correlation_time.median);
    add("geometric", "mean", |field| field.geometric_mean.mean);
    add("spectrum", "error", |field| field.spectrum_error);
    if is_wave {
        let infidelity = |row: &Line| Some(row.scores.field.as_ref()?.wave_function.as_ref()?.infidelity);
        let cell = move |row: &Line| infidelity(row).map_or("-".into(), number);
        columns.push(("", "infidelity", Box::new(cell)));
    }
    format!("\n{}", lay_out(&cells(&columns, rows)))
}

/// What the scores of a field mean.
fn field_notes(rows: &[Line], width: usize) -> String {
    let Some(first) = rows.iter().find_map(|row| row.scores.field.as_ref()) else {
        return String::new();
    };
    wrap(
        &format!(
            "These errors are relative to the truth, over {} time units: means over {} starts. \"correlated until\" is the \
             median time in time units at which the correlation with the truth falls below {}. The geometric mean is over \
             the first {} samples. The spectrum error is in powers of ten.",
            number(first.horizon).trim_end_matches(".000"),
            first.starts,
            first.correlation_time.threshold,
            first.geometric_mean.steps
        ),
        width,
    )
}

/// A part of the variance, which may be far below 0.
fn share(x: f64) -> String {
    match x {
        x if x.abs() < 1e3 => format!("{x:.3}"),
        x if x.is_finite() => format!("{x:.1e}"),
        _ => "-inf".into(),
    }
}

/// A second table, of the attractor and of the spread of ensembles, where there is either.
fn long_run(rows: &[Line]) -> String {
    let mut columns: Vec<Column> = vec![("", "", Box::new(|row| row.label.clone()))];
    if rows.iter().any(|row| row.scores.lyapunov.is_some()) {
        let cell = |row: &Line| row.scores.lyapunov.as_ref().and_then(exponent).unwrap_or("-".into());
        columns.push(("Lyapunov", "exponent", Box::new(cell)));
    }
    let climate =
        |row: &Line, cell: fn(&ClimateScores) -> String| row.scores.climate.as_ref().map_or("-".into(), cell);
    if rows.iter().any(|row| row.scores.climate.is_some()) {
        columns.push(("long run", "D_stsp", Box::new(move |row| climate(row, |long| number(long.d_stsp)))));
        columns.push(("", "D_H", Box::new(move |row| climate(row, |long| number(long.d_h)))));
        columns.push(("", "left", Box::new(move |row| climate(row, |long| long.left.to_string()))));
    }
    let ensemble = |row: &Line, cell: fn(&EnsembleScores) -> String| {
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
    if columns.len() == 1 { String::new() } else { format!("\n{}", lay_out(&cells(&columns, rows))) }
}

/// The fit of a free run, the mean over the components that have one.
fn percent(of: &SimulationScores) -> String {
    // That of a component that never changes says nothing.
    let known: Vec<f64> = of.fit_percent.iter().copied().filter(|fit| fit.is_finite()).collect();
    match known.iter().sum::<f64>() / known.len() as f64 {
        fit if fit.abs() < 1e4 => format!("{fit:.1}"),
        fit if fit.is_finite() => format!("{fit:.1e}"),
        _ => "-inf".into(),
    }
}

/// The largest exponent with its standard error, where there is one.
pub(crate) fn exponent(of: &LyapunovScores) -> Option<String> {
    Some(with_error([of.exponent?, of.standard_error?]))
}

/// What the numbers of the second table mean.
fn long_run_notes(rows: &[Line]) -> String {
    let mut text = String::new();
    if rows.iter().any(|row| row.scores.lyapunov.is_some())
        && let Some(vpt) = &rows[0].scores.vpt
    {
        let _ = writeln!(
            text,
            "Lyapunov exponent: the largest of the map itself, with its standard error; the system has {}.",
            vpt.lyapunov_exponent
        );
    }
    if let Some(long) = rows.iter().find_map(|row| row.scores.climate.as_ref()) {
        let length = match long.lyapunov_times {
            Some(times) => format!("{times:.0} Lyapunov times"),
            None => format!("{} time units", long.time),
        };
        let _ = writeln!(
            text,
            "Long run: {length} from {} starts. D_stsp compares states, D_H frequencies; one half of the truth against the \
             other has {} and {}.",
            long.starts,
            number(long.truth_d_stsp),
            number(long.truth_d_h)
        );
    }
    if let Some(of) = rows.iter().find_map(|row| row.scores.simulation.as_ref()) {
        let ranked = if of.ranks { " It is what models are ranked by." } else { "" };
        let segments = if of.recordings == 1 { "segment" } else { "segments" };
        let rmse = match of.rmse.len() {
            1 => " RMSE in the unit of the data.",
            _ => " The error is in standard deviations of the truth.",
        };
        text += &wrap(
            &format!(
                "Free run: over {} test {segments} to the end, after the first {} samples; {} samples in all.{rmse} The fit is \
                 100 for a perfect forecast and 0 for the mean.{ranked}",
                of.recordings, of.given, of.samples
            ),
            80,
        );
    }
    if let Some(of) = rows.iter().find_map(|row| row.scores.ensemble.as_ref()) {
        let _ = writeln!(text, "CRPS and spread over the first {} time units.", number(of.horizon));
    }
    text
}

fn cells(columns: &[Column], rows: &[Line]) -> Vec<Vec<String>> {
    let column = |(above, below, cell): &Column| {
        [(*above).to_owned(), (*below).to_owned()].into_iter().chain(rows.iter().map(cell)).collect()
    };
    columns.iter().map(column).collect()
}

/// What the numbers mean, and what is remarkable about them.
fn notes(rows: &[Line], horizon: &str, width: usize) -> String {
    let (first, mut text) = (rows[0].scores, String::from("\n"));
    if let Some(vpt) = &first.vpt {
        let _ = writeln!(
            text,
            "Valid while the error is below {} standard deviations; {} starts. The truth holds for {:.1} Lyapunov times of \
             {} time units ({:.1} from the worst tenth).",
            vpt.main.threshold,
            vpt.starts,
            vpt.ceiling,
            number(1.0 / vpt.lyapunov_exponent),
            vpt.ceiling_p10
        );
    } else {
        let _ = writeln!(
            text,
            "Errors in standard deviations of the training data; {} starts. Valid prediction times stand where \
             evaluate.lyapunov_exponent is above 0.",
            first.nrmse.starts
        );
    }
    if first.nrmse.capped > 0 {
        let _ = writeln!(text, "From {} starts the truth does not last the {horizon}.", first.nrmse.capped);
    }
    text += &long_run_notes(rows);
    for Line { label, scores } in rows {
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
        if let Some(of) = scores.lyapunov.as_ref().filter(|of| of.left > 0) {
            let exponent = match of.exponent {
                Some(_) => "the exponent is of the rest",
                None => "its map has no exponent",
            };
            let _ =
                writeln!(text, "{label}: {} of {} runs leave the attractor; {exponent}.", of.left, of.starts);
        }
        if let Some(vpt) = scores.vpt.as_ref().filter(|vpt| vpt.main.capped > 0) {
            let _ =
                writeln!(text, "{label}: {} forecasts outlive their truth and are capped.", vpt.main.capped);
        }
        if scores.diverged > 0 {
            let _ = writeln!(text, "{label}: {} forecasts leave the finite numbers.", scores.diverged);
        }
    }
    text.lines().map(|note| wrap(note, width)).collect()
}

#[cfg(test)]
pub(crate) mod tests;
