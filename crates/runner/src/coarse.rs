//! The solver of a field on coarser grids and with longer steps, which a network has to beat in error or in cost. Weaker
//! baselines make networks look better than they are (McGreivy and Hakim 2024, "Weak baselines and reporting biases lead to
//! overoptimism in machine learning for fluid-related partial differential equations").

use std::time::Instant;

use forecast::{Forecast, Forecaster, SolverScores, Task, one_step_rmse};
use pde::{Grid, Method, Order, Step};
use trajectory::Times;

use crate::Experiment;
use crate::fields::{Field, Resample};

/// The most samples that are integrated at once.
const MOST_AHEAD: usize = 64;

/// The most starts, and samples of each, by which the time of a solver is measured.
const TIMED: [usize; 2] = [32, 16];

/// The scores of the solver on 1, 1/2, 1/4 ... of the points along each axis, each by the method of the data and by one step
/// of order 2 in each sample interval. The first is what made the truth. Grids on which the parameters are invalid are left
/// out.
///
/// # Errors
/// If the method of the data is invalid.
pub(crate) fn scores(
    experiment: &Experiment,
    field: &Field,
    task: &Task,
) -> Result<Vec<SolverScores>, String> {
    let stepper = experiment.data.stepper.unwrap_or_default().method()?;
    let dt = experiment.data.dt;
    let single = Method::with_step(Order::Second, dt);
    let methods = if single == stepper { vec![stepper] } else { vec![stepper, single] };
    let fine = field.system.grid();
    let mut all = Vec::new();
    for coarser in (0..).map(|power| 1 << power) {
        let fits =
            |points: &usize| points.is_multiple_of(2 * coarser) && points / coarser >= Grid::MIN_POINTS;
        if !fine.shape().iter().all(fits) {
            break;
        }
        for &method in &methods {
            // A force may have more waves than a coarse grid can show.
            let Ok(field) = field.on(|points| points / coarser as u64) else { return Ok(all) };
            all.push(CoarseSolver { field, method, fine: fine.clone(), dt }.score(task));
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
                // A sample interval holds a whole number of steps.
                Step::Given(step) => Some(self.dt / (self.dt / step).ceil()),
                Step::Courant(_) => None,
            },
            one_step_rmse: one_step_rmse(self, &task.test, task.window, &task.std),
            nrmse: task.median_error(self),
            step_microseconds: self.step_microseconds(task),
        }
    }

    /// The wall time of advancing one forecast by one sample, when some are advanced together and nothing else runs; infinite if
    /// one of them diverges. Changing grids does not count, since a simulation has no need of it.
    fn step_microseconds(&self, task: &Task) -> f64 {
        let [starts, samples] = TIMED;
        let (runs, samples) = (&task.runs, samples.min(task.horizon));
        let mut resample = Resample::new(&self.fine, self.field.system.grid());
        let starts: Vec<Vec<f64>> =
            (0..runs.count().min(starts)).map(|run| resample.state(runs.state(run, task.lead))).collect();
        let mut times = [0.0; 3].map(|_| {
            let begin = Instant::now();
            let done = self.integrate(&starts, samples).is_some();
            let took = begin.elapsed().as_secs_f64() * 1e6 / (samples * starts.len()) as f64;
            if done { took } else { f64::INFINITY }
        });
        times.sort_by(f64::total_cmp);
        times[1]
    }

    /// The states after each of some samples from each start on the coarse grid, \[start\]\[sample, number of a state\]; none if one
    /// start leaves the finite numbers.
    fn integrate(&self, starts: &[Vec<f64>], samples: usize) -> Option<Vec<Vec<f64>>> {
        let runs = self.field.ensemble(starts, &Times::new(self.dt, samples).ok()?, &self.method, 0).ok()?;
        Some((0..runs.count()).map(|run| runs.states(run, 1..samples + 1).to_vec()).collect())
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
        let now = histories.chunks_exact(self.dim()).map(|state| Some(down.state(state))).collect();
        let up = Resample::new(coarse, &self.fine);
        Box::new(Running { solver: self, now, up, ahead: Vec::new(), shown: 0, held: 0, next: 1 })
    }
}

/// Forecasts under way. Several samples are integrated at once, twice as many each time, since the coefficients of a method
/// are computed anew each time.
struct Running<'a> {
    solver: &'a CoarseSolver,
    /// The states that the samples ahead follow from; none of a start that has left the finite numbers.
    now: Vec<Option<Vec<f64>>>,
    up: Resample,
    /// Samples ahead of each start, \[start\]\[sample, number of a state\]; none of those that have left.
    ahead: Vec<Option<Vec<f64>>>,
    /// Samples ahead, and those of them that have been shown.
    held: usize,
    shown: usize,
    /// Samples to integrate next.
    next: usize,
}

impl Running<'_> {
    /// Integrates some samples more. If a start fails, only one sample is integrated, each start alone, so that neither other
    /// starts nor samples before the failure are lost.
    fn integrate(&mut self) {
        let going: Vec<Vec<f64>> = self.now.iter().flatten().cloned().collect();
        let mut together = (!going.is_empty()).then(|| self.solver.integrate(&going, self.next)).flatten();
        self.held = if together.is_some() { self.next } else { 1 };
        let mut found = together.as_mut().map(|all| all.drain(..));
        for (now, ahead) in self.now.iter_mut().zip(&mut self.ahead) {
            *ahead = now.take().and_then(|state| match &mut found {
                Some(found) => found.next(),
                None => self.solver.integrate(&[state], 1)?.pop(),
            });
            *now = ahead.as_ref().map(|states| states[states.len() / self.held * (self.held - 1)..].to_vec());
        }
        self.shown = 0;
        self.next = if found.is_some() { (2 * self.next).min(MOST_AHEAD) } else { 1 };
    }
}

impl Forecast for Running<'_> {
    fn advance(&mut self, _known: &[f64], next: &mut [f64]) {
        if self.shown == self.held {
            self.ahead.resize(self.now.len(), None);
            self.integrate();
        }
        for (ahead, next) in self.ahead.iter().zip(next.chunks_exact_mut(self.solver.dim())) {
            match ahead {
                Some(states) => {
                    let dim = states.len() / self.held;
                    next.copy_from_slice(&self.up.state(&states[self.shown * dim..][..dim]));
                }
                None => next.fill(f64::NAN),
            }
        }
        self.shown += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolve::{Silent, parse, resolve};
    use crate::source::Source;

    fn scored(text: &str) -> (Vec<SolverScores>, f64) {
        let experiment = resolve(&parse(text).unwrap()).unwrap();
        let prepared = crate::data::prepare(&experiment, &mut Silent).unwrap();
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
        assert_eq!(shapes, [160, 160, 80, 80, 40, 40, 20, 20, 10, 10]);
        assert_eq!(all.iter().map(|of| of.order).collect::<Vec<_>>(), [4, 2, 4, 2, 4, 2, 4, 2, 4, 2]);
        assert_eq!((all[0].step, all[1].step), (None, Some(dt)));
        // Restarts after several samples repeat the same steps.
        assert!(all[0].nrmse < 1e-9, "{}", all[0].nrmse);
        let own: Vec<f64> = all.iter().step_by(2).map(|of| of.nrmse).collect();
        assert!(own.is_sorted() && own[1] > 1e-6 && own[3] > 10.0 * own[1], "{own:?}");
        assert!(all.iter().all(|of| of.step_microseconds > 0.0 && of.one_step_rmse.is_finite()));
    }

    #[test]
    fn a_grid_that_is_too_coarse_for_the_step_scores_infinity() {
        let (all, _) = scored(
            "[system]\nname = \"kuramoto_sivashinsky\"\n[data]\ntrajectories = 10\nt_final = 20\n[model]\nname = \"ffnn\"\n\
             [evaluate]\nstarts = 4\ntransient = 50.0\nhorizon = 60\n",
        );
        let last = all.last().unwrap();
        assert!(last.points == [8] && last.nrmse == f64::INFINITY && all[0].nrmse < 1e-9, "{all:?}");
        assert!(all[2].points == [32] && all[2].nrmse < 0.1, "{all:?}");
    }

    #[test]
    fn a_grid_that_cannot_show_the_force_is_left_out() {
        let (all, _) = scored(
            "[system]\nname = \"navier_stokes\"\npreset = \"kolmogorov\"\n[data]\ntrajectories = 10\nt_final = 1\n[model]\n\
             name = \"ffnn\"\n[evaluate]\nstarts = 2\ntransient = 0.5\nhorizon = 0.5\n",
        );
        let shapes: Vec<usize> = all.iter().map(|of| of.points[0]).collect();
        assert_eq!(shapes, [64, 64, 32, 32, 16, 16]);
    }

    #[test]
    fn a_start_that_diverges_takes_neither_the_others_nor_its_own_past_away() {
        let text = "[system]\nname = \"burgers\"\nviscosity = 0.02\ngrid = { points = [32], length = [1] }\n[data]\n\
                    trajectories = 10\ndt = 0.1\nt_final = 3\n[model]\nname = \"ffnn\"\n";
        let experiment = resolve(&parse(text).unwrap()).unwrap();
        let Source::Field(field) = experiment.source().unwrap() else { panic!("a field") };
        let fine = field.system.grid().clone();
        let solver = CoarseSolver {
            field: *field,
            method: Method::with_step(Order::Second, 0.1),
            fine: fine.clone(),
            dt: 0.1,
        };
        let wave = |size: f64| fine.sample(|x, _| size * (std::f64::consts::TAU * x).sin());
        let run = |starts: &[f64]| -> Vec<Vec<f64>> {
            let mut forecast =
                solver.begin(&starts.iter().flat_map(|&size| wave(size)).collect::<Vec<_>>(), &[]);
            let sample = |_| {
                let mut next = vec![0.0; 32 * starts.len()];
                forecast.advance(&[], &mut next);
                next
            };
            (0..20).map(sample).collect()
        };
        let (both, good, bad) = (run(&[0.1, 20.0]), run(&[0.1]), run(&[20.0]));
        let lost = bad.iter().position(|state| state.iter().any(|u| !u.is_finite())).unwrap();
        assert!((1..20).contains(&lost), "{lost}");
        for (i, state) in both.iter().enumerate() {
            assert!(state[..32].iter().zip(&good[i]).all(|(a, b)| (a - b).abs() < 1e-12), "{i}");
            assert!(state[32..].iter().all(|u| u.is_finite() == (i < lost)), "{i}");
        }
    }
}
