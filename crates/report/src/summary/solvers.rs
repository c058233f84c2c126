//! What the solver of a field costs beside the model.

use forecast::Results;

use crate::layout::{lay_out, number, wrap};
use crate::visible;

/// A table of the solvers with their errors and costs, and whether the model pays; nothing without solvers.
pub(super) fn solvers(results: &Results, width: usize) -> String {
    if results.solvers.is_empty() {
        return String::new();
    }
    let headings = [
        ["", "solver on"],
        ["integration", "step"],
        ["error of", "one sample"],
        ["over the", "horizon"],
        ["time per", "sample"],
    ];
    let mut columns: Vec<Vec<String>> = headings.map(|lines| lines.map(str::to_owned).to_vec()).to_vec();
    for solver in &results.solvers {
        let points: Vec<String> = solver.points.iter().map(ToString::to_string).collect();
        let step = match solver.step {
            None => format!("order {}, by CFL", solver.order),
            Some(step) => format!("order {}, {}", solver.order, number(step)),
        };
        let cells = [
            format!("{} points", points.join(" x ")),
            step,
            number(solver.one_step_rmse),
            number(solver.nrmse),
            format!("{} us", number(solver.step_microseconds)),
        ];
        columns.iter_mut().zip(cells).for_each(|(column, cell)| column.push(cell));
    }
    format!("\n{}\n{}", lay_out(&columns), wrap(&pays(results), width))
}

/// After how many forecasts the training has paid for itself, in a sentence.
pub(crate) fn pays(results: &Results) -> String {
    let model = visible(&results.model);
    let own = number(results.scores.step_microseconds);
    let Some(solver) = results.equal_solver() else {
        return format!("None of the solvers tried is as accurate as {model}.");
    };
    let points: Vec<String> = solver.points.iter().map(ToString::to_string).collect();
    let beside = format!(
        "The solver on {} points is at least as accurate as {model} over the horizon. It takes {} us per sample; {model} takes \
         {own} us.",
        points.join(" x "),
        number(solver.step_microseconds)
    );
    match results.forecasts_to_pay() {
        None => format!("{beside} So the training never pays off."),
        Some(forecasts) => format!(
            "{beside} The training pays off after {} forecasts, each as long as the horizon; the simulation of its data is not \
             counted.",
            number(forecasts.ceil()).trim_end_matches(".000")
        ),
    }
}

/// What the modes of a reduced field keep, in a sentence; nothing without modes.
pub(super) fn reduction(results: &Results, width: usize) -> String {
    let Some(reduction) = &results.reduction else { return String::new() };
    wrap(
        &format!(
            "The model sees {} modes. They miss a fraction of {:.1e} of the variance of the training fields. Reducing the test \
             fields to them causes a root mean square error of {} standard deviations.",
            reduction.modes,
            reduction.left_out,
            number(reduction.error)
        ),
        width,
    )
}

#[cfg(test)]
mod tests {
    use forecast::{Reduction, SolverScores};

    use super::*;
    use crate::summary::tests::results as sample;

    fn solver(points: Vec<usize>, nrmse: f64, step_microseconds: f64) -> SolverScores {
        SolverScores {
            points,
            order: 2,
            step: Some(0.25),
            one_step_rmse: 0.5 * nrmse,
            nrmse,
            step_microseconds,
        }
    }

    #[test]
    fn the_cheapest_solver_that_is_as_accurate_decides_whether_a_model_pays() {
        let mut results = sample("ffnn-burgers", 0.1, false);
        assert_eq!(solvers(&results, 80), "");
        results.scores.nrmse.median = 0.1;
        results.scores.nrmse.horizon = 5.0;
        results.scores.error_growth.time = vec![0.5, 1.0];
        results.scores.step_microseconds = 2.0;
        results.train.seconds = 3.0;
        results.solvers = vec![
            solver(vec![64, 64], 0.0, 9.0),
            solver(vec![32, 32], 0.09, 4.0),
            solver(vec![16, 16], 0.2, 1.0),
        ];
        // 3 s over 10 steps of 2 us less each: 150,000 forecasts.
        assert_eq!(results.forecasts_to_pay(), Some(150_000.0));
        let text = solvers(&results, 80);
        assert!(text.contains("32 x 32 points  order 2, 0.250"), "{text}");
        assert!(
            text.replace('\n', " ")
                .contains("pays off after 1.50e5 forecasts, each as long as the horizon; the simulation"),
            "{text}"
        );
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        results.scores.nrmse.median = 0.3;
        let text = solvers(&results, 80).replace('\n', " ");
        assert!(text.contains("So the training never pays off."), "{text}");
        results.solvers.truncate(1);
        results.solvers[0].nrmse = 0.4;
        let text = solvers(&results, 80).replace('\n', " ");
        assert!(text.contains("None of the solvers tried is as accurate as"), "{text}");
    }

    #[test]
    fn the_error_that_modes_leave_is_said() {
        let mut results = sample("lstm-ks", 0.1, false);
        assert_eq!(reduction(&results, 80), "");
        results.reduction = Some(Reduction { modes: 16, left_out: 0.0123, error: 0.11 });
        assert!(
            reduction(&results, 80).starts_with("The model sees 16 modes. They miss a fraction of 1.2e-2 of")
        );
    }
}
