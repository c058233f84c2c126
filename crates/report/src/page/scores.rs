//! Scores as tables of a page.

use forecast::{Results, Scores, Summary};

use crate::layout::number;
use crate::markup::escape;
use crate::summary::{exponent, order, seen};

/// A row: what is scored, how, and what it cost where it was trained.
struct Row<'a> {
    label: String,
    scores: &'a Scores,
    run: Option<&'a Results>,
    /// Whether it is what the table is about.
    own: bool,
}

/// A heading with its unit, and what stands below it; nothing where there is none.
type Column = (&'static str, fn(&Row) -> Option<String>);

const COLUMNS: [Column; 16] = [
    ("valid prediction time, median (Lyapunov times)", |row| vpt(row, |s| format!("{:.2}", s.median))),
    ("its 95% interval", |row| vpt(row, |s| format!("{:.2} to {:.2}", s.ci95[0], s.ci95[1]))),
    ("its 10th percentile", |row| vpt(row, |s| format!("{:.2}", s.p10))),
    ("capped (starts)", |row| {
        let scores = row.scores;
        Some(scores.vpt.as_ref().map_or(scores.nrmse.capped, |vpt| vpt.main.capped).to_string())
    }),
    ("diverged (starts)", |row| Some(row.scores.diverged.to_string())),
    ("error of one step (std.)", |row| Some(number(row.scores.one_step_rmse))),
    ("error over the horizon, median (std.)", |row| Some(number(row.scores.nrmse.median))),
    ("its 95% interval", |row| {
        let [low, high] = row.scores.nrmse.ci95;
        Some(format!("{} to {}", number(low), number(high)))
    }),
    ("free run: RMSE (unit of the data; std. if several components)", |row| {
        row.scores.simulation.as_ref().map(|run| number(run.error()))
    }),
    ("largest Lyapunov exponent (1 / time unit)", |row| row.scores.lyapunov.as_ref().and_then(exponent)),
    ("D_stsp (nats)", |row| row.scores.climate.as_ref().map(|long| number(long.d_stsp))),
    ("D_H (0 to 1)", |row| row.scores.climate.as_ref().map(|long| number(long.d_h))),
    ("left the attractor (starts)", |row| row.scores.climate.as_ref().map(|long| long.left.to_string())),
    ("CRPS (std.)", |row| row.scores.ensemble.as_ref().map(|ensemble| number(ensemble.crps))),
    ("parameters (number)", |row| row.run.map(|run| run.parameters.to_string())),
    ("training (s)", |row| row.run.map(|run| format!("{:.0}", run.train.seconds))),
];

fn vpt(row: &Row, cell: fn(&Summary) -> String) -> Option<String> {
    row.scores.vpt.as_ref().map(|vpt| cell(&vpt.main.summary))
}

/// What the run is, in a sentence.
pub(super) fn sentence(results: &Results) -> String {
    format!(
        "{}{} with {} parameters learned {} on {}, seed {}: {} steps in {:.1} s. Scored from {} starts.",
        results.model,
        seen(results),
        results.parameters,
        results.system,
        results.device,
        results.seed,
        results.train.steps,
        results.train.seconds,
        results.scores.nrmse.starts
    )
}

/// The table of one run: its model beside the baselines.
pub(super) fn of_run(results: &Results) -> String {
    let own = Row { label: results.model.clone(), scores: &results.scores, run: Some(results), own: true };
    let not_applicable = results.not_applicable.iter().map(|(name, reason)| {
        format!(
            "<p class=\"note\">Not applicable: {} (baseline), since {}.</p>\n",
            escape(name),
            escape(reason)
        )
    });
    table([own].into_iter().chain(baselines(results)).collect()) + &not_applicable.collect::<String>()
}

/// The baselines of a run.
fn baselines(results: &Results) -> impl Iterator<Item = Row<'_>> {
    results.baselines.iter().map(|(name, scores)| Row {
        label: format!("{name} (baseline)"),
        scores,
        run: None,
        own: false,
    })
}

/// A table, best first, of the columns that say something.
fn table(mut rows: Vec<Row>) -> String {
    rows.sort_by(|a, b| order(a.scores, b.scores));
    let columns: Vec<&Column> =
        COLUMNS.iter().filter(|(_, cell)| rows.iter().any(|row| cell(row).is_some())).collect();
    let heading: String =
        columns.iter().map(|(heading, _)| format!("<th scope=\"col\">{heading}</th>")).collect();
    let line = |row: &Row| {
        let cell = |(_, cell): &&Column| format!("<td>{}</td>", cell(row).unwrap_or_default());
        let cells: String = columns.iter().map(cell).collect();
        let own = if row.own { " class=\"own\"" } else { "" };
        format!("<tr{own}><th scope=\"row\">{}</th>{cells}</tr>\n", escape(&row.label))
    };
    let lines: String = rows.iter().map(line).collect();
    let long_run = match rows.iter().any(|row| row.scores.climate.is_some()) {
        true => {
            " D_stsp compares where on the attractor forecast and truth are, D_H with which frequencies they move; \
                 0 is the same."
        }
        false => "",
    };
    format!(
        "<div class=\"wide\"><table>\n<thead><tr><td></td>{heading}</tr></thead>\n<tbody>\n{lines}</tbody>\n\
         </table></div>\n<p class=\"note\">std.: standard deviations of the training data.{long_run}</p>\n"
    )
}
