//! Results to tables, plain text of at most 80 columns where names are short.

use std::fmt::Write;

pub use forecast::Results;
use forecast::Scores;

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
        "{}: {} with {} parameters, seed {}, {} steps in {:.1} s on {}\n\n",
        results.experiment,
        results.model,
        results.parameters,
        results.seed,
        train.steps,
        train.seconds,
        results.device
    );
    let mut rows = vec![(results.model.clone(), &results.scores)];
    rows.extend(results.baselines.iter().map(|(name, scores)| (name.clone(), scores)));
    heading + &table(rows)
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
        let _ = writeln!(text, "{}, baselines as fitted in {}\n", best.results.system, best.label);
        let mut rows: Vec<(String, &Scores)> =
            of_task.iter().map(|entry| (entry.label.clone(), &entry.results.scores)).collect();
        rows.extend(best.results.baselines.iter().map(|(name, scores)| (name.clone(), scores)));
        text += &table(rows);
    }
    text
}

/// Best first: by valid prediction time where there is one, else by the error over the horizon.
fn order(a: &Scores, b: &Scores) -> std::cmp::Ordering {
    match (&a.vpt, &b.vpt) {
        (Some(a), Some(b)) => b.main.summary.median.total_cmp(&a.main.summary.median),
        _ => a.nrmse.median.total_cmp(&b.nrmse.median),
    }
}

fn table(mut rows: Vec<(String, &Scores)>) -> String {
    rows.sort_by(|a, b| order(a.1, b.1));
    let wide = rows.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0).max(11);
    let first = rows[0].1;
    let mut text = String::new();
    let horizon = format!("{} units", first.nrmse.horizon);
    match &first.vpt {
        Some(vpt) => {
            let _ = writeln!(
                text,
                "{:wide$}   valid prediction time (Lyapunov times)    error of    error over\n{:wide$}  {:>6}    95% interval    \
                 mean     p10   one step   {horizon:>9}",
                "", "", "median"
            );
            for (label, scores) in &rows {
                let Some(vpt) = &scores.vpt else { continue };
                let summary = &vpt.main.summary;
                let _ = writeln!(
                    text,
                    "{label:wide$}  {:6.2}  {:5.2} to {:5.2}  {:6.2}  {:6.2}  {:>9}   {:>9}",
                    summary.median,
                    summary.ci95[0],
                    summary.ci95[1],
                    summary.mean,
                    summary.p10,
                    number(scores.one_step_rmse),
                    number(scores.nrmse.median),
                );
            }
            let _ = write!(
                text,
                "\nValid while the error is below {} standard deviations; {} starts. The truth\nholds for {:.1} \
                 Lyapunov times of {:.3} time units ({:.1} from the worst tenth).\n",
                vpt.main.threshold,
                vpt.starts,
                vpt.ceiling,
                1.0 / vpt.lyapunov_exponent,
                vpt.ceiling_p10
            );
        }
        None => {
            let _ = writeln!(
                text,
                "{:wide$}    error over {horizon}       error of\n{:wide$}     median        p90       one step",
                "", ""
            );
            for (label, scores) in &rows {
                let _ = writeln!(
                    text,
                    "{label:wide$}  {:>9}  {:>9}      {:>9}",
                    number(scores.nrmse.median),
                    number(scores.nrmse.p90),
                    number(scores.one_step_rmse)
                );
            }
            text += "\nErrors in standard deviations of the training data. Valid prediction times stand\nwhere \
                     evaluate.lyapunov_exponent is above 0.\n";
        }
    }
    if first.nrmse.capped > 0 {
        let _ = writeln!(text, "From {} starts the truth does not last the {horizon}.", first.nrmse.capped);
    }
    for (label, scores) in &rows {
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
