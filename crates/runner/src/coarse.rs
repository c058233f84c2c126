//! The solver of a field on coarser grids and with longer steps, which a network has to beat in error or in cost. Weaker
//! baselines make networks look better than they are (McGreivy and Hakim 2024, "Weak baselines and reporting biases lead to
//! overoptimism in machine learning for fluid-related partial differential equations").

use std::time::Instant;

use forecast::{Forecast, Forecaster, SolverScores, Task, one_step_rmse};
use pde::{Grid, Method, Order, Step};
use trajectory::{Times, Trajectories};

use crate::Experiment;
use crate::fields::{Field, Resample};

/// The most samples that are integrated at once.
const MOST_AHEAD: usize = 64;

/// The scores of the solver on 1, 1/2, 1/4 ... of the points along each axis, each by the method of the data and by one step
/// of order 2 in each sample interval. The first is what made the truth.
///
/// # Errors
/// Parameters that the experiment would have been refused for.
pub(crate) fn scores(
    experiment: &Experiment,
    field: &Field,
    task: &Task,
) -> Result<Vec<SolverScores>, String> {
    let stepper = experiment.data.stepper.unwrap_or_default().method()?;
    let single = Method::with_step(Order::Second, experiment.data.dt);
    let fine = field.system.grid();
    let mut all = Vec::new();
    for coarser in (0..).map(|power| 1 << power) {
        let fits =
            |points: &usize| points.is_multiple_of(2 * coarser) && points / coarser >= Grid::MIN_POINTS;
        if !fine.shape().iter().all(fits) {
            break;
        }
        for method in [stepper, single] {
            let field = field.on(|points| points / coarser as u64)?;
            let solver = CoarseSolver { field, method, fine: fine.clone(), dt: experiment.data.dt };
            all.push(solver.score(task));
        }
    }
    Ok(all)
}

/// The solver with other settings than those of the data.
struct CoarseSolver {
    field: Field,
    method: Method,
    /// The grid of the states that are forecast.
    fine: Grid,
    dt: f64,
}

impl CoarseSolver {
    fn score(&self, task: &Task) -> SolverScores {
        SolverScores {
            points: self.field.system.grid().shape().to_vec(),
            order: if self.method.order == Order::Second { 2 } else { 4 },
            step: match self.method.step {
                Step::Given(step) => Some(step),
                Step::Courant(_) => None,
            },
            one_step_rmse: one_step_rmse(self, &task.test, task.window, &task.std),
            nrmse: task.median_error(self),
            step_microseconds: self.step_microseconds(task),
        }
    }

    /// The wall time of carrying one forecast on by one sample, as [`Task::step_microseconds`] measures it: all starts together,
    /// while nothing else runs. Changing grids does not count, since a simulation has no need of it.
    fn step_microseconds(&self, task: &Task) -> f64 {
        let runs = &task.runs;
        let mut resample = Resample::new(&self.fine, self.field.system.grid());
        let starts: Vec<Vec<f64>> =
            (0..runs.count()).map(|run| resample.state(runs.state(run, task.lead))).collect();
        let mut times: Vec<f64> = (0..3)
            .map(|_| {
                let begin = Instant::now();
                self.integrate(&starts, MOST_AHEAD);
                begin.elapsed().as_secs_f64() * 1e6 / (MOST_AHEAD * runs.count()) as f64
            })
            .collect();
        times.sort_by(f64::total_cmp);
        times[1]
    }

    /// The trajectories from some starts on the coarse grid; none if one of them leaves the finite numbers.
    fn integrate(&self, starts: &[Vec<f64>], samples: usize) -> Option<Trajectories> {
        self.field.ensemble(starts, &Times::new(self.dt, samples).ok()?, &self.method, 0).ok()
    }
}

impl Forecaster for CoarseSolver {
    fn window(&self) -> usize {
        1
    }

    fn dim(&self) -> usize {
        self.field.system.channels().len() * self.fine.points()
    }

    fn known_dim(&self) -> usize {
        0
    }

    fn begin<'a>(&'a self, histories: &[f64], _known: &[f64]) -> Box<dyn Forecast + 'a> {
        let coarse = self.field.system.grid();
        let mut down = Resample::new(&self.fine, coarse);
        let now = histories.chunks_exact(self.dim()).map(|state| down.state(state)).collect();
        let up = Resample::new(coarse, &self.fine);
        Box::new(Running { solver: self, now, up, ahead: None, shown: 0, next: 1 })
    }
}

/// Forecasts under way. Several samples are integrated at once, twice as many each time, since the coefficients of a method
/// are computed anew each time.
struct Running<'a> {
    solver: &'a CoarseSolver,
    /// The states that the samples ahead follow from.
    now: Vec<Vec<f64>>,
    up: Resample,
    ahead: Option<Trajectories>,
    /// Samples ahead that have been shown.
    shown: usize,
    /// Samples to integrate next.
    next: usize,
}

impl Forecast for Running<'_> {
    fn advance(&mut self, _known: &[f64], next: &mut [f64]) {
        if self.ahead.as_ref().is_none_or(|ahead| self.shown + 1 == ahead.samples(0)) {
            self.ahead = self.solver.integrate(&self.now, self.next);
            self.shown = 0;
            self.next = (2 * self.next).min(MOST_AHEAD);
            if let Some(ahead) = &self.ahead {
                let last = ahead.samples(0) - 1;
                self.now = (0..ahead.count()).map(|run| ahead.state(run, last).to_vec()).collect();
            }
        }
        let Some(ahead) = &self.ahead else { return next.fill(f64::NAN) };
        self.shown += 1;
        for (run, next) in next.chunks_exact_mut(self.solver.dim()).enumerate() {
            next.copy_from_slice(&self.up.state(ahead.state(run, self.shown)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolve::{parse, resolve};
    use crate::source::Source;

    fn scored(text: &str) -> (Vec<SolverScores>, f64) {
        let experiment = resolve(&parse(text).unwrap()).unwrap();
        let mut silent = crate::resolve::Silent;
        let prepared = crate::data::prepare(&experiment, &mut silent).unwrap();
        let Source::Field(field) = &prepared.source else { panic!("a field") };
        (scores(&experiment, field, &prepared.task).unwrap(), experiment.data.dt)
    }

    #[test]
    fn coarser_grids_are_cheaper_and_less_accurate_and_the_finest_is_the_truth() {
        let (all, dt) = scored(
            "[system]\nname = \"burgers\"\n[data]\ntrajectories = 10\ndt = 0.02\nt_final = 0.4\n[model]\nname = \"ffnn\"\n\
             [evaluate]\nstarts = 4\ntransient = 0.1\nhorizon = 0.5\n",
        );
        let shapes: Vec<usize> = all.iter().map(|of| of.points[0]).collect();
        assert_eq!(shapes, [160, 160, 80, 80, 40, 40, 20, 20]);
        assert_eq!(all.iter().map(|of| of.order).collect::<Vec<_>>(), [4, 2, 4, 2, 4, 2, 4, 2]);
        assert_eq!((all[0].step, all[1].step), (None, Some(dt)));
        // Restarts after several samples repeat the same steps.
        assert!(all[0].nrmse < 1e-9, "{}", all[0].nrmse);
        let own: Vec<f64> = all.iter().step_by(2).map(|of| of.nrmse).collect();
        assert!(own.is_sorted() && own[1] > 1e-6 && own[3] > 10.0 * own[1], "{own:?}");
        assert!(all.iter().all(|of| of.step_microseconds > 0.0 && of.one_step_rmse <= of.nrmse + 1e-9));
    }

    #[test]
    fn a_step_that_is_too_long_scores_infinity() {
        let (all, _) = scored(
            "[system]\nname = \"burgers\"\nviscosity = 1e-4\n[data]\ntrajectories = 10\ndt = 0.3\nt_final = 6\n[model]\n\
             name = \"ffnn\"\n[evaluate]\nstarts = 2\ntransient = 0.0\nhorizon = 6\n",
        );
        assert!(all[1].nrmse == f64::INFINITY && all[0].nrmse < 1.0, "{all:?}");
    }
}
