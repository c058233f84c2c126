use forecast::SolverScores;

use super::{Drawn, Picture};
use crate::axis::Axis;
use crate::chart::{Chart, Mark, Shape, draw};
use crate::palette::Ink;
use crate::run::RunFiles;
use crate::summary::pays;

/// The error over the horizon against the time of a step: of the model, of the baselines, and of the solver of the
/// field at other accuracies.
pub(super) fn solvers(run: &RunFiles, points: usize) -> Drawn {
    let Some(results) = run.results.as_ref().filter(|results| !results.solvers.is_empty()) else {
        return Ok(None);
    };
    // The solver of the truth itself has no error.
    let shown = |point: &[f64; 2]| point[0] > 0.0 && point[1] > 0.0 && point.iter().all(|x| x.is_finite());
    let mut solvers: Vec<[f64; 2]> = results.solvers.iter().map(at).filter(shown).collect();
    solvers.sort_by(|a, b| a[0].total_cmp(&b[0]));
    let own = [results.scores.step_microseconds, results.scores.nrmse.median];
    let of = |name: &str| {
        let scores = results.baselines.get(name)?;
        Some([scores.step_microseconds, scores.nrmse.median]).filter(shown)
    };
    let mut marks = vec![
        Mark::new(Ink::Truth, "", Shape::Thread(front(&solvers))),
        Mark::new(Ink::Truth, "solver, other grids and steps", Shape::Dots(solvers.clone())),
    ];
    if shown(&own) {
        marks.push(Mark::new(Ink::Train, results.model.clone(), Shape::Dots(vec![own])));
    }
    for (name, ink) in ["dmd", "linear", "persistence"].into_iter().zip([Ink::First, Ink::Second, Ink::Third])
    {
        marks.extend(of(name).map(|point| Mark::new(ink, name, Shape::Dots(vec![point]))));
    }
    let all: Vec<[f64; 2]> = marks
        .iter()
        .filter_map(|mark| match &mark.shape {
            Shape::Dots(dots) => Some(dots.clone()),
            _ => None,
        })
        .flatten()
        .collect();
    let x = Axis::log("time per sample (microseconds)", all.iter().map(|point| point[0]));
    let y = Axis::log("error over the horizon (std.)", all.iter().map(|point| point[1]));
    let (Some(x), Some(y)) = (x, y) else { return Ok(None) };
    let caption = format!(
        "Median error over the horizon against the computing time per sample and forecast, when all starts are advanced \
         together. The line connects the best solvers: every other solver is less accurate or slower than one of them. {}",
        pays(results)
    );
    Ok(Some(Picture::new("solvers", caption, draw(&[Chart { x, y, marks }], 2600, points)?)))
}

/// Where a solver lies: the time of a step, and its error.
fn at(solver: &SolverScores) -> [f64; 2] {
    [solver.step_microseconds, solver.nrmse]
}

/// Of points in ascending order of cost, those with a smaller error than all cheaper ones.
fn front(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let mut best = f64::INFINITY;
    let mut kept = Vec::new();
    for point in points {
        if point[1] < best {
            best = point[1];
            kept.push(*point);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn the_picture_has_every_solver_with_an_error_and_says_whether_the_model_pays() {
        let mut run = sample::run("lstm-ks", 0, 8);
        assert!(solvers(&run, 100).unwrap().is_none());
        let results = run.results.as_mut().unwrap();
        let solver = |points, nrmse, step_microseconds| SolverScores {
            points: vec![points],
            order: 4,
            step: None,
            one_step_rmse: nrmse,
            nrmse,
            step_microseconds,
        };
        results.solvers = vec![
            solver(64, 0.0, 9.0),
            solver(32, 1e-3, 4.0),
            solver(32, f64::INFINITY, 1.0),
            solver(16, 0.3, 2.0),
        ];
        results.scores.step_microseconds = 3.0;
        let picture = solvers(&run, 100).unwrap().unwrap();
        // The model, two solvers and two baselines, and one of each kind in the legend.
        assert_eq!(picture.svg.matches("<circle").count(), 5 + 4);
        assert!(picture.caption.contains("pay"), "{}", picture.caption);
        assert_eq!(front(&[[1.0, 3.0], [2.0, 4.0], [3.0, 1.0]]), [[1.0, 3.0], [3.0, 1.0]]);
    }
}
