//! What is to be forecast, and the judgement of a forecast.

use trajectory::{Trajectories, random::Stream};

use crate::climate::Climate;
use crate::ensemble::Tally;
use crate::field::{self, FieldShape};
use crate::rollout::{mean_of_members, rollout, run_from};
use crate::scores::{ErrorGrowth, Nrmse, Scores, Summary, Vpt, VptAt};
use crate::simulation::{self, SimulationScores};
use crate::statistics::{median_interval, quantile, sorted};
use crate::{Forecaster, Starts};

/// Thresholds at which valid prediction times are reported; the first is the main one.
const THRESHOLDS: [f64; 3] = [0.4, 0.3, 0.5];

/// The truth counts as known while two integrations of it agree to this part of the smallest threshold.
const TRUTH_MARGIN: f64 = 0.1;

/// Held-out starts and the truth after them.
pub struct Task {
    /// Held-out trajectories: samples 0..=lead are the history, and the samples after it are the truth. The truths may
    /// differ in length.
    pub runs: Trajectories,
    /// The sample from which forecasts start.
    pub lead: usize,
    /// Of each start, the samples after it for which the truth holds.
    pub trusted: Vec<usize>,
    /// The largest number of successive starts whose truths share samples; 1 if none do. It is the block size of the
    /// bootstrap over starts.
    pub block: usize,
    /// Samples over which `nrmse` is taken.
    pub horizon: usize,
    /// Standard deviation of each component over the training data.
    pub std: Vec<f64>,
    /// The largest Lyapunov exponent of a chaotic system.
    pub lyapunov_exponent: Option<f64>,
    /// The test trajectories, for the one-step error and for free runs.
    pub test: Trajectories,
    /// What is true at the samples of `test`, where those are noisy measurements of it: forecasts start from `test` and are
    /// compared with this. Without it, `test` itself is the truth.
    pub clean: Option<Trajectories>,
    /// The most history that any of the forecasters to be compared needs: the one-step error is taken over the
    /// samples after it, which are the same for all.
    pub window: usize,
    /// The attractor, and for how long forecasts are compared with it; none leaves that out.
    pub climate: Option<Climate>,
    /// The layout of a state, if it is a field: `Scores::field` then has the scores of fields.
    pub field: Option<FieldShape>,
}

/// What is gathered while the forecasts run along the truth.
struct Followed {
    /// `[start][step]`, while the truth holds.
    errors: Vec<Vec<f64>>,
    /// Of an ensemble.
    tally: Option<Tally>,
}

/// What each start scored, as in [`crate::Forecasts`].
#[derive(Clone, Debug, PartialEq)]
pub struct EachStart {
    /// Valid prediction times at the main threshold in Lyapunov times, `[start]`; of chaotic systems only.
    pub valid_times: Vec<f64>,
    /// Errors over the horizon, in standard deviations, `[start]`.
    pub nrmse: Vec<f64>,
}

impl Task {
    /// Of each start, the samples after it for which two integrations of the truth over the same times agree.
    pub fn trusted_samples(first: &Trajectories, second: &Trajectories, std: &[f64]) -> Vec<usize> {
        let smallest = THRESHOLDS.into_iter().fold(f64::INFINITY, f64::min);
        let apart = |run, i| error(first.state(run, i), second.state(run, i), std) > TRUTH_MARGIN * smallest;
        assert_eq!((first.count(), first.all_samples()), (second.count(), second.all_samples()));
        (0..first.count())
            .map(|run| (0..first.samples(run)).take_while(|&i| !apart(run, i)).count().saturating_sub(1))
            .collect()
    }

    /// Lets `forecaster` run from every start and scores it; `stream` draws the bootstrap.
    pub fn score(&self, forecaster: &dyn Forecaster, stream: &mut Stream) -> Scores {
        self.score_each(forecaster, stream).0
    }

    /// The median over the starts of the error over the horizon; infinite if half of the forecasts diverge.
    pub fn median_error(&self, forecaster: &dyn Forecaster) -> f64 {
        let errors = self.follow(forecaster, self.span().min(self.horizon), None).errors;
        quantile(&sorted(&errors.iter().map(|errors| self.over_horizon(errors)).collect::<Vec<_>>()), 0.5)
    }

    /// The root mean square of the errors of a start over the horizon.
    fn over_horizon(&self, errors: &[f64]) -> f64 {
        let errors = &errors[..self.horizon.min(errors.len())];
        (errors.iter().map(|e| e * e).sum::<f64>() / errors.len() as f64).sqrt()
    }

    /// As [`Task::score`], with what each start scored.
    pub fn score_each(&self, forecaster: &dyn Forecaster, stream: &mut Stream) -> (Scores, EachStart) {
        let initial = (0..self.runs.count()).map(|start| self.runs.state(start, self.lead));
        let mut field = self.field.as_ref().map(|field| field::Tally::new(field, self.horizon, initial));
        let Followed { errors, tally } = self.follow(forecaster, self.span(), field.as_mut());
        let over_horizon: Vec<f64> = errors.iter().map(|errors| self.over_horizon(errors)).collect();
        let ascending = sorted(&over_horizon);
        let dt = self.runs.dt();
        let first_time = self.lyapunov_exponent.map(|exponent| (1.0 / (exponent * dt)).round() as usize);
        let main = |exponent| valid_times(&errors, THRESHOLDS[0], exponent * dt).0;
        let scores = Scores {
            one_step_rmse: self.one_step_rmse(forecaster),
            nrmse: Nrmse {
                horizon: self.horizon as f64 * dt,
                starts: errors.len(),
                ci95: match self.block {
                    1 => median_interval(&ascending, 1, stream),
                    // Kept in order, since neighbours are drawn together.
                    block => median_interval(&over_horizon, block, stream),
                },
                capped: errors.iter().filter(|errors| errors.len() < self.horizon).count(),
                block: self.block,
                median: quantile(&ascending, 0.5),
                p90: quantile(&ascending, 0.9),
            },
            vpt: self.lyapunov_exponent.map(|exponent| {
                let [main, others @ ..] = THRESHOLDS
                    .map(|threshold| valid_at(&errors, threshold, exponent * dt, self.block, stream));
                let ceilings =
                    sorted(&self.trusted.iter().map(|&n| n as f64 * dt * exponent).collect::<Vec<_>>());
                Vpt {
                    main,
                    lyapunov_exponent: exponent,
                    starts: errors.len(),
                    ceiling: quantile(&ceilings, 0.5),
                    ceiling_p10: quantile(&ceilings, 0.1),
                    other_thresholds: others.into(),
                }
            }),
            lyapunov: None,
            error_growth: growth(&errors, dt),
            diverged: errors.iter().filter(|errors| errors.iter().any(|e| !e.is_finite())).count(),
            climate: self.climate.as_ref().map(|climate| {
                let (recent, before) = self.recent(&self.all_starts(), forecaster.window());
                climate.score(forecaster, [&recent, &before], dt, self.lyapunov_exponent)
            }),
            simulation: None,
            ensemble: tally.map(|tally| tally.scores(first_time.unwrap_or(self.horizon), shown(&errors), dt)),
            field: field.and_then(|field| field.scores(dt, self.block, stream)),
            step_microseconds: 0.0,
        };
        let valid_times = self.lyapunov_exponent.map_or(vec![], main);
        (scores, EachStart { valid_times, nrmse: over_horizon })
    }

    /// Lets `forecaster` run freely over each test trajectory after its first `given` samples, at least the forecaster's
    /// window. `None` if no trajectory is longer.
    pub fn simulate(&self, forecaster: &dyn Forecaster, given: usize) -> Option<SimulationScores> {
        simulation::score(forecaster, self.test_and_truth(), given)
    }

    /// The test trajectories, and what is true at their samples.
    fn test_and_truth(&self) -> [&Trajectories; 2] {
        [&self.test, self.clean.as_ref().unwrap_or(&self.test)]
    }

    /// Runs forecasts from every start for some samples, and returns [`Scores::step_microseconds`]. Call it while nothing
    /// else runs. [`Task::score`] leaves that field 0, so that several forecasters can be scored in parallel.
    pub fn step_microseconds(&self, forecaster: &dyn Forecaster) -> f64 {
        const STEPS: usize = 100;
        let (runs, members) = (&self.runs, forecaster.members());
        let mut microseconds = Vec::new();
        let (recent, before) = self.recent(&self.all_starts(), forecaster.window());
        let known_at = |start, step| self.known_at(start, step);
        run_from(forecaster, [&recent, &before], members, self.span().min(STEPS), known_at, |_, _, took| {
            microseconds.push(took.as_secs_f64() * 1e6 / (runs.count() * members) as f64);
            true
        });
        if microseconds.is_empty() { 0.0 } else { quantile(&sorted(&microseconds), 0.5) }
    }

    /// The last `window` samples of each of some starts, and the known inputs at all of them but the last.
    pub(crate) fn recent(&self, starts: &[usize], window: usize) -> (Vec<f64>, Vec<f64>) {
        let (first, runs) = (self.lead + 1 - window, &self.runs);
        let each = || starts.iter().copied();
        let states =
            each().flat_map(|run| (first..=self.lead).flat_map(move |i| runs.state(run, i))).copied();
        let known =
            each().flat_map(|run| (first..self.lead).flat_map(move |i| runs.known_at(run, i))).copied();
        (states.collect(), known.collect())
    }

    /// The known inputs `step` samples after a start. After the end of the truth, the inputs of its last sample are
    /// used: forecasts run side by side, so one whose truth has ended continues with the others, but is not scored.
    pub(crate) fn known_at(&self, start: usize, step: usize) -> &[f64] {
        self.runs.known_at(start, (self.lead + step).min(self.runs.samples(start) - 1))
    }

    fn all_starts(&self) -> Vec<usize> {
        (0..self.runs.count()).collect()
    }

    /// Samples for which forecasts are followed: while any truth holds, of a system that is not chaotic over the
    /// horizon.
    pub(crate) fn span(&self) -> usize {
        let longest = self.trusted.iter().copied().max().unwrap_or(0);
        if self.lyapunov_exponent.is_some() { longest } else { self.horizon.min(longest) }
    }

    /// Lets the forecasts run along the truth, at most `steps`; `field` gathers the scores of fields.
    fn follow(
        &self,
        forecaster: &dyn Forecaster,
        steps: usize,
        mut field: Option<&mut field::Tally>,
    ) -> Followed {
        let runs = &self.runs;
        let (dim, members) = (runs.dim(), forecaster.members());
        let mut errors: Vec<Vec<f64>> =
            self.trusted.iter().map(|&trusted| Vec::with_capacity(trusted.min(steps))).collect();
        let mut tally = (members > 1).then(|| Tally::new(members, steps));
        let mut forecast = vec![0.0; dim];
        let (recent, before) = self.recent(&self.all_starts(), forecaster.window());
        let known_at = |start, step| self.known_at(start, step);
        run_from(forecaster, [&recent, &before], members, steps, known_at, |step, states, _| {
            for (start, states) in states.chunks_exact(members * dim).enumerate() {
                if step < self.trusted[start] {
                    let truth = runs.state(start, self.lead + 1 + step);
                    mean_of_members(states, &mut forecast);
                    errors[start].push(error(&forecast, truth, &self.std));
                    if let Some(field) = &mut field {
                        field.add(start, step, &forecast, truth);
                    }
                    if let Some(tally) = &mut tally {
                        tally.add(step, states, truth, &self.std);
                    }
                }
            }
            true
        });
        Followed { errors, tally }
    }

    fn one_step_rmse(&self, forecaster: &dyn Forecaster) -> f64 {
        rmse_of_one_step(forecaster, self.test_and_truth(), self.window, &self.std)
    }

    /// The largest change of a component, in its standard deviations, from the present to the forecast of the next
    /// sample, over the test trajectories: 0 for persistence.
    pub fn largest_step(&self, forecaster: &dyn Forecaster) -> f64 {
        let mut largest = 0.0f64;
        one_step(forecaster, self.test_and_truth(), self.window, |[now, forecast, _]| {
            for ((now, next), std) in now.iter().zip(forecast).zip(&self.std) {
                let step = ((next - now) / std).abs();
                largest = largest.max(if step.is_nan() { f64::INFINITY } else { step });
            }
        });
        largest
    }
}

/// The root mean square error of forecasts one sample ahead over `runs`, after at least `window` samples of each, with
/// the components divided by `std`; NaN where no run is longer than that.
///
/// # Panics
/// A window shorter than that of `forecaster`.
pub fn one_step_rmse(forecaster: &dyn Forecaster, runs: &Trajectories, window: usize, std: &[f64]) -> f64 {
    rmse_of_one_step(forecaster, [runs; 2], window, std)
}

/// [`one_step_rmse`] against a truth at the samples of `runs`.
fn rmse_of_one_step(
    forecaster: &dyn Forecaster,
    runs_and_truth: [&Trajectories; 2],
    window: usize,
    std: &[f64],
) -> f64 {
    let (mut sum, mut count) = (0.0, 0);
    one_step(forecaster, runs_and_truth, window, |[_, forecast, truth]| {
        sum += error(forecast, truth, std).powi(2);
        count += 1;
    });
    (sum / f64::from(count)).sqrt()
}

/// Shows the present state, the forecast of the next sample and its truth, at every sample that has `longest` samples
/// of history.
fn one_step(
    forecaster: &dyn Forecaster,
    [runs, truth]: [&Trajectories; 2],
    longest: usize,
    mut each: impl FnMut([&[f64]; 3]),
) {
    // A long recording has more windows than can be held at once.
    const AT_ONCE: usize = 1 << 16;
    let window = forecaster.window();
    for run in 0..runs.count() {
        let last = runs.samples(run) - 1;
        for first in (longest - 1..last).step_by(AT_ONCE) {
            let ends = first..last.min(first + AT_ONCE);
            let part = |of: &dyn Fn(usize) -> Vec<f64>| -> Vec<f64> {
                ends.clone().flat_map(|end| (end + 1 - window..=end).flat_map(of)).collect()
            };
            let histories = part(&|i| runs.state(run, i).to_vec());
            let known = part(&|i| runs.known_at(run, i).to_vec());
            let starts = Starts { count: ends.len(), histories: &histories, known: &known };
            let next = rollout(forecaster, starts, 1);
            for (end, forecast) in ends.clone().zip(next.chunks_exact(runs.dim())) {
                each([runs.state(run, end), forecast, truth.state(run, end + 1)]);
            }
        }
    }
}

/// The error of state `u` against `v`, see [`crate::Scores`]; infinite where a state is not finite.
fn error(u: &[f64], v: &[f64], std: &[f64]) -> f64 {
    let sum: f64 = u.iter().zip(v).zip(std).map(|((u, v), s)| ((u - v) / s).powi(2)).sum();
    let error = (sum / u.len() as f64).sqrt();
    if error.is_nan() { f64::INFINITY } else { error }
}

/// The valid prediction time of each start, and the number of those still valid when their truth ended.
fn valid_times(errors: &[Vec<f64>], threshold: f64, lyapunov_times_a_step: f64) -> (Vec<f64>, usize) {
    let ends: Vec<Option<usize>> =
        errors.iter().map(|errors| errors.iter().position(|&e| e > threshold)).collect();
    let times = ends
        .iter()
        .zip(errors)
        .map(|(end, errors)| end.map_or(errors.len(), |end| end + 1) as f64 * lyapunov_times_a_step)
        .collect();
    (times, ends.iter().filter(|end| end.is_none()).count())
}

fn valid_at(
    errors: &[Vec<f64>],
    threshold: f64,
    lyapunov_times_a_step: f64,
    block: usize,
    stream: &mut Stream,
) -> VptAt {
    let (times, capped) = valid_times(errors, threshold, lyapunov_times_a_step);
    VptAt { threshold, summary: Summary::of(&times, block, stream), capped }
}

/// The samples at which scores are shown against time: at most 200, while the truth holds for half of the starts.
fn shown(errors: &[Vec<f64>]) -> impl Iterator<Item = usize> + Clone {
    const TIMES: usize = 200;
    // Where the truth has ended for most, the rest are those that grow slowly.
    let mut lengths: Vec<usize> = errors.iter().map(Vec::len).collect();
    lengths.sort_unstable();
    let steps = lengths[lengths.len() / 2];
    (0..steps).step_by(steps.div_ceil(TIMES).max(1))
}

fn growth(errors: &[Vec<f64>], dt: f64) -> ErrorGrowth {
    let mut growth = ErrorGrowth { time: vec![], p10: vec![], median: vec![], p90: vec![] };
    for step in shown(errors) {
        let known: Vec<f64> = errors.iter().filter_map(|errors| errors.get(step)).copied().collect();
        let ascending = sorted(&known);
        growth.time.push((step + 1) as f64 * dt);
        growth.p10.push(quantile(&ascending, 0.1));
        growth.median.push(quantile(&ascending, 0.5));
        growth.p90.push(quantile(&ascending, 0.9));
    }
    growth
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Forecast;
    use trajectory::{Times, random::stream};

    /// Runs u = slope * t from 0, a start per slope.
    fn lines(slopes: &[f64], samples: usize) -> Trajectories {
        let times = Times::up_to((samples - 1) as f64 * 0.5, 0.5).unwrap();
        let u = slopes.iter().flat_map(|slope| times.all().into_iter().map(move |t| slope * t)).collect();
        Trajectories::new(times, [1, 0], u, vec![])
    }

    /// Gives the newest state, plus a constant.
    struct Drift(f64);
    impl Forecaster for Drift {
        fn window(&self) -> usize {
            1
        }
        fn dim(&self) -> usize {
            1
        }
        fn known_dim(&self) -> usize {
            0
        }
        fn begin<'a>(&'a self, histories: &[f64], _known: &[f64]) -> Box<dyn Forecast + 'a> {
            Box::new(Drifting(self.0, histories.to_vec()))
        }
    }
    struct Drifting(f64, Vec<f64>);
    impl Forecast for Drifting {
        fn advance(&mut self, _known: &[f64], next: &mut [f64]) {
            self.1.iter_mut().for_each(|u| *u += self.0);
            next.copy_from_slice(&self.1);
        }
    }

    fn task(slopes: &[f64], exponent: Option<f64>) -> Task {
        Task {
            runs: lines(slopes, 22),
            lead: 1,
            trusted: vec![20; slopes.len()],
            block: 1,
            horizon: 10,
            std: vec![2.0],
            lyapunov_exponent: exponent,
            test: lines(&[1.0], 5),
            clean: None,
            window: 1,
            climate: None,
            field: None,
        }
    }

    #[test]
    fn valid_times_end_where_the_error_first_exceeds_the_threshold() {
        // The state falls behind by slope * 0.5 a step: an error of slope / 4 * k after k steps. Over 0.4,
        // 0.3 and 0.5: slope 0.18 after 9, 7, 12 steps; slope 0.9 after 2, 2, 3.
        let scores = task(&[0.18, 0.9], Some(0.8)).score(&Drift(0.0), &mut stream(0, "test", 0));
        let vpt = scores.vpt.unwrap();
        assert_eq!(
            (vpt.starts, vpt.ceiling, vpt.main.threshold, vpt.main.capped),
            (2, 20.0 * 0.5 * 0.8, 0.4, 0)
        );
        assert!((vpt.main.summary.median - 5.5 * 0.4).abs() < 1e-12);
        assert!((vpt.main.summary.mean - 5.5 * 0.4).abs() < 1e-12);
        assert!((vpt.main.summary.p10 - 2.7 * 0.4).abs() < 1e-12);
        let others: Vec<f64> = vpt.other_thresholds.iter().map(|at| at.summary.median / 0.4).collect();
        assert!((others[0] - 4.5).abs() < 1e-9 && (others[1] - 7.5).abs() < 1e-9, "{others:?}");
        let [low, high] = vpt.main.summary.ci95;
        assert!((low - 0.8).abs() < 1e-9 && (high - 3.6).abs() < 1e-9);
    }

    #[test]
    fn a_forecast_that_outlives_the_truth_is_capped_and_marked() {
        let scores = task(&[1.0], Some(1.0)).score(&Drift(0.5), &mut stream(0, "test", 0));
        let vpt = scores.vpt.unwrap();
        assert_eq!((vpt.main.summary.median, vpt.main.capped, vpt.ceiling), (10.0, 1, 10.0));
        assert_eq!(scores.one_step_rmse, 0.0);
        let short = Task { trusted: vec![6], ..task(&[1.0], None) };
        let scores = short.score(&Drift(0.5), &mut stream(0, "test", 0));
        assert!(scores.nrmse.capped == 1 && scores.error_growth.time.len() == 6 && scores.vpt.is_none());
    }

    #[test]
    fn nrmse_is_the_root_mean_square_of_the_error_over_the_horizon() {
        let scores = task(&[1.0, 2.0, 3.0], None).score(&Drift(0.0), &mut stream(0, "test", 0));
        // Mean of k^2 over 1..=10 is 38.5; an error of slope / 4 a step.
        let unit = 38.5f64.sqrt() / 4.0;
        assert!((scores.nrmse.median - 2.0 * unit).abs() < 1e-12 && scores.nrmse.capped == 0);
        assert!((scores.nrmse.p90 - 2.8 * unit).abs() < 1e-12);
        assert!((scores.one_step_rmse - 0.25).abs() < 1e-12);
        assert_eq!(scores.error_growth.time, (1..=10).map(|k| f64::from(k) * 0.5).collect::<Vec<_>>());
        assert!((scores.error_growth.median[3] - 2.0).abs() < 1e-12);
    }

    #[test]
    fn the_one_step_error_is_taken_after_the_longest_window() {
        // u = t^2 at t = 0, 0.5 .. 2: persistence is off by 0.25, 0.75, 1.25, 1.75, over 2.
        let times = Times::up_to(2.0, 0.5).unwrap();
        let u = times.all().iter().map(|t| t * t).collect();
        let of =
            |window| Task { window, test: Trajectories::new(times, [1, 0], u, vec![]), ..task(&[1.0], None) };
        let error = of(3).score(&Drift(0.0), &mut stream(0, "test", 0)).one_step_rmse;
        assert!((error - ((1.25f64.powi(2) + 1.75f64.powi(2)) / 2.0).sqrt() / 2.0).abs() < 1e-12, "{error}");
    }

    #[test]
    fn forecasts_start_from_what_was_measured_and_are_compared_with_the_truth() {
        // Measured 0.2 above u = t: persistence is off by 0.5 - 0.2, over a deviation of 2.
        let times = Times::up_to(2.0, 0.5).unwrap();
        let u = times.all().iter().map(|t| t + 0.2).collect();
        let test = Trajectories::new(times, [1, 0], u, vec![]);
        let noisy = Task { test, clean: Some(lines(&[1.0], 5)), ..task(&[1.0], None) };
        let scores = noisy.score(&Drift(0.0), &mut stream(0, "test", 0));
        assert!((scores.one_step_rmse - 0.15).abs() < 1e-12, "{}", scores.one_step_rmse);
        assert_eq!(noisy.largest_step(&Drift(0.0)), 0.0);
        // After two samples it stays at 0.7 while the truth is 1, 1.5 and 2.
        let found = noisy.simulate(&Drift(0.0), 2).unwrap();
        let right = ((0.3f64.powi(2) + 0.8f64.powi(2) + 1.3f64.powi(2)) / 3.0).sqrt();
        assert!((found.rmse[0] - right).abs() < 1e-12 && found.given == 2, "{found:?}");
    }

    #[test]
    fn a_forecast_that_is_not_finite_scores_as_what_it_is() {
        let scores = task(&[1.0, 2.0], Some(1.0)).score(&Drift(f64::NAN), &mut stream(0, "test", 0));
        assert_eq!((scores.diverged, scores.nrmse.median), (2, f64::INFINITY));
        assert_eq!(scores.vpt.as_ref().unwrap().main.summary.median, 0.5);
        let json = serde_json::to_string(&scores).unwrap();
        assert!(json.contains(r#""one_step_rmse":null"#), "{json}");
        assert_eq!(serde_json::from_str::<Scores>(&json).unwrap(), scores);
    }

    #[test]
    fn each_start_is_capped_at_its_own_truth() {
        let two = Task { trusted: vec![6, 16], ..task(&[1.0, 1.0], Some(1.0)) };
        let vpt = two.score(&Drift(0.5), &mut stream(0, "test", 0)).vpt.unwrap();
        assert_eq!((vpt.main.summary.median, vpt.main.capped), (5.5, 2));
        assert_eq!((vpt.ceiling, vpt.ceiling_p10), (5.5, 3.5));
    }

    #[test]
    fn the_truth_is_trusted_while_two_integrations_agree() {
        // Apart by 0.01 and 0.05 a time unit; an error of 0.03 is reached after 6 and passed after 1.2 time units.
        let (first, second) = (lines(&[1.0, 1.0], 30), lines(&[1.01, 1.05], 30));
        assert_eq!(Task::trusted_samples(&first, &second, &[2.0]), [11, 2]);
        assert_eq!(Task::trusted_samples(&first, &first, &[2.0]), [29, 29]);
        let lost = lines(&[1.0, f64::NAN], 30);
        assert_eq!(Task::trusted_samples(&first, &lost, &[2.0]), [29, 0]);
    }

    #[test]
    fn persistence_takes_no_step_and_others_do() {
        assert_eq!(task(&[1.0], None).largest_step(&Drift(0.0)), 0.0);
        assert!((task(&[1.0], None).largest_step(&Drift(-0.5)) - 0.25).abs() < 1e-12);
        assert_eq!(task(&[1.0], None).largest_step(&Drift(f64::NAN)), f64::INFINITY);
    }

    /// Its members drift by 0.5 and by 1.5 a step.
    struct Two;
    struct Parting(Vec<f64>);
    impl Forecaster for Two {
        fn window(&self) -> usize {
            1
        }
        fn dim(&self) -> usize {
            1
        }
        fn known_dim(&self) -> usize {
            0
        }
        fn members(&self) -> usize {
            2
        }
        fn begin<'a>(&'a self, histories: &[f64], _known: &[f64]) -> Box<dyn Forecast + 'a> {
            Box::new(Parting(histories.to_vec()))
        }
    }
    impl Forecast for Parting {
        fn advance(&mut self, _known: &[f64], next: &mut [f64]) {
            for (i, u) in self.0.iter_mut().enumerate() {
                *u += 0.5 + (i % 2) as f64;
            }
            next.copy_from_slice(&self.0);
        }
    }

    #[test]
    fn an_ensemble_is_scored_over_the_first_lyapunov_time() {
        // The truth rises by 0.5 a step: after k steps the members are off by 0 and k / 2 standard deviations, their
        // mean by k / 4, their variance k^2 / 8; the fair score is k / 4 - k / 4 = 0.
        let scores = task(&[1.0, 1.0], Some(0.5)).score(&Two, &mut stream(0, "test", 0));
        let ensemble = scores.ensemble.unwrap();
        assert_eq!((ensemble.members, ensemble.horizon), (2, 2.0)); // 4 steps
        assert!(ensemble.crps.abs() < 1e-12);
        let squares = (1.0 + 4.0 + 9.0 + 16.0) / 4.0;
        assert!((ensemble.error - (squares / 16.0f64).sqrt()).abs() < 1e-12);
        assert!((ensemble.spread - (1.5 * squares / 8.0f64).sqrt()).abs() < 1e-12);
        assert!((ensemble.spread_to_error - 3f64.sqrt()).abs() < 1e-12);
        assert_eq!(ensemble.growth.time, scores.error_growth.time);
        assert!((ensemble.growth.error[9] - scores.error_growth.median[9]).abs() < 1e-12);
        let single = task(&[1.0], None).score(&Drift(0.5), &mut stream(0, "test", 0));
        assert!(single.ensemble.is_none() && single.climate.is_none());
    }

    #[test]
    fn the_time_of_a_step_is_measured_by_itself() {
        /// Takes a millisecond a step.
        struct Slow;
        struct Waiting(Vec<f64>);
        impl Forecaster for Slow {
            fn window(&self) -> usize {
                1
            }
            fn dim(&self) -> usize {
                1
            }
            fn known_dim(&self) -> usize {
                0
            }
            fn begin<'a>(&'a self, histories: &[f64], _known: &[f64]) -> Box<dyn Forecast + 'a> {
                Box::new(Waiting(histories.to_vec()))
            }
        }
        impl Forecast for Waiting {
            fn advance(&mut self, _known: &[f64], next: &mut [f64]) {
                std::thread::sleep(std::time::Duration::from_millis(1));
                next.copy_from_slice(&self.0);
            }
        }
        let task = task(&[1.0, 2.0], None);
        assert_eq!(task.score(&Slow, &mut stream(0, "test", 0)).step_microseconds, 0.0);
        // of each of the two starts
        let found = task.step_microseconds(&Slow);
        assert!((500.0..50_000.0).contains(&found), "{found}");
    }

    #[test]
    fn the_climate_is_scored_where_the_task_asks_for_it() {
        let mut task = task(&[1.0, 2.0], Some(0.5));
        task.climate = Some(Climate::new(&task.runs, 1, &task.std, 100, vec![]));
        // From 0.5 and 1 with 1 a step, beyond 21 + 0.2 * 20.5 = 25.1 after 25 steps both.
        let climate = task.score(&Drift(1.0), &mut stream(0, "test", 0)).climate.unwrap();
        assert_eq!((climate.left, climate.first_left, climate.lyapunov_times), (2, Some(12.5), Some(25.0)));
    }

    #[test]
    fn results_carry_the_keys_that_are_a_contract() {
        let scores = task(&[1.0], Some(1.0)).score(&Drift(0.0), &mut stream(0, "test", 0));
        let json = serde_json::to_value(&scores).unwrap();
        for key in ["threshold", "lyapunov_exponent", "starts", "median", "mean", "p10", "ci95", "ceiling"] {
            assert!(!json["vpt"][key].is_null(), "vpt.{key}");
        }
        for key in ["horizon", "median", "p90", "starts"] {
            assert!(json["nrmse"][key].is_number(), "nrmse.{key}");
        }
    }
}
