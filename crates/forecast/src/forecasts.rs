//! What pictures and paired comparisons of forecasts are made of, as it stands in `forecasts.npz`.

use crate::rollout::{mean_of_members, run_from};
use crate::{EachStart, Forecaster, Task};

/// Forecasts from some of the starts of a [`crate::Task`], and what each start scored. Arrays are row-major; states in the
/// data's own components and physical units. In the file a field is an array of its name; one of length 0 is left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Forecasts {
    /// Valid prediction time of each start in Lyapunov times, at the main threshold: `[start]`. Of chaotic systems only.
    pub valid_times: Vec<f64>,
    /// Error of each start over the horizon, in standard deviations: `[start]`.
    pub nrmse: Vec<f64>,
    /// The starts that are shown, counted from 0: the one at the median score first, then at the worst and at the best
    /// tenth: `[shown]`.
    pub shown: Vec<f64>,
    /// Time after the start, in the system's units, of the states below: `[time]`.
    pub time: Vec<f64>,
    /// The truth after each shown start: `[shown, time, component]`. Not a number where it is not known any more.
    pub truth: Vec<f64>,
    /// The forecast from each shown start, its first state the truth, the mean of the members where it is an ensemble: `[shown, time, component]`.
    pub forecast: Vec<f64>,
    /// The members of an ensemble from the first shown start: `[member, time, component]`.
    pub members: Vec<f64>,
    /// Of a chaotic system: states of the truth on the attractor, a sample apart: `[sample, component]`.
    pub attractor_truth: Vec<f64>,
    /// Of a chaotic system: as many states of one long forecast, `[sample, component]`: those after the truth has ended
    /// where the long run of the task goes on, else the last ones before.
    pub attractor_forecast: Vec<f64>,
    /// Of a model with a latent state: the latent states along the truth from the first shown start, a sample apart:
    /// `[sample, latent component]`.
    pub latent: Vec<f64>,
    /// Latent components; in the file the second axis of `latent`.
    pub latent_size: usize,
}

/// Times at which states are kept, members of an ensemble, and samples of an attractor, at most.
const TIMES: usize = 1000;
const MEMBERS: usize = 16;
const SAMPLES: usize = 2500;

impl Forecasts {
    /// Forecasts of `forecaster` from some of the starts of `task`, of which `each` is what they scored.
    pub fn new(task: &Task, forecaster: &dyn Forecaster, each: EachStart) -> Self {
        let shown = shown(&each);
        let (steps, runs, dim) = (task.span(), &task.runs, task.runs.dim());
        let stride = steps.div_ceil(TIMES).max(1);
        let kept: Vec<usize> = (0..=steps).step_by(stride).collect();
        let mut all = Forecasts {
            time: kept.iter().map(|&step| step as f64 * runs.dt()).collect(),
            shown: shown.iter().map(|&start| start as f64).collect(),
            valid_times: each.valid_times,
            nrmse: each.nrmse,
            ..Forecasts::default()
        };
        for &start in &shown {
            for &step in &kept {
                let known = step <= task.trusted[start];
                let truth = |j| if known { runs.state(start, task.lead + step)[j] } else { f64::NAN };
                all.truth.extend((0..dim).map(truth));
            }
        }
        let members = forecaster.members();
        let of_members = if members > 1 { members.min(MEMBERS) } else { 0 };
        all.forecast = vec![0.0; shown.len() * kept.len() * dim];
        all.members = vec![0.0; of_members * kept.len() * dim];
        let mut keep = |time: usize, states: &[f64]| {
            for (start, states) in states.chunks_exact(members * dim).enumerate() {
                let at = (start * kept.len() + time) * dim;
                mean_of_members(states, &mut all.forecast[at..at + dim]);
            }
            for (member, state) in states.chunks_exact(dim).take(of_members).enumerate() {
                let at = (member * kept.len() + time) * dim;
                all.members[at..at + dim].copy_from_slice(state);
            }
        };
        let now = shown.iter().flat_map(|&start| std::iter::repeat_n(runs.state(start, task.lead), members));
        keep(0, &now.flatten().copied().collect::<Vec<_>>());
        let (recent, before) = task.recent(&shown, forecaster.window());
        let known_at = |start: usize, step| task.known_at(shown[start], step);
        run_from(forecaster, [&recent, &before], members, steps, known_at, |step, states, _| {
            if (step + 1).is_multiple_of(stride) {
                keep((step + 1) / stride, states);
            }
            true
        });
        if task.lyapunov_exponent.is_some() {
            all.attractors(task, forecaster, shown[0]);
        }
        all
    }

    /// The attractor of the truth, and of the forecast from `start`: after the truth has ended where the task has a long
    /// run, and else its last samples before.
    fn attractors(&mut self, task: &Task, forecaster: &dyn Forecaster, start: usize) {
        let (longest, runs) = (task.span(), &task.runs);
        // The truth after one start may end before that after another.
        let samples = longest.min(SAMPLES).min(runs.samples(start) - task.lead);
        let truth = (0..samples).flat_map(|i| runs.state(start, task.lead + i));
        self.attractor_truth = truth.copied().collect();
        let climate = task.climate.as_ref().filter(|climate| climate.steps() > longest);
        let steps = climate.map_or(longest, |climate| climate.steps().min(longest + samples));
        let known_at = |_, step| match climate {
            Some(climate) => climate.known_at(step),
            None => task.known_at(start, step),
        };
        let (recent, before) = task.recent(&[start], forecaster.window());
        run_from(forecaster, [&recent, &before], 1, steps, known_at, |step, state, _| {
            if step >= steps - samples {
                self.attractor_forecast.extend_from_slice(state);
            }
            true
        });
    }
}

/// The starts at the median score, at the worst and at the best tenth.
fn shown(each: &EachStart) -> Vec<usize> {
    let count = each.nrmse.len();
    let better = |a: usize, b: usize| match each.valid_times.is_empty() {
        true => each.nrmse[b].total_cmp(&each.nrmse[a]),
        false => each.valid_times[a].total_cmp(&each.valid_times[b]),
    };
    let mut ascending: Vec<usize> = (0..count).collect();
    ascending.sort_by(|&a, &b| better(a, b));
    let mut shown = Vec::new();
    for place in [count / 2, count / 10, count - 1 - count / 10] {
        if !shown.contains(&ascending[place]) {
            shown.push(ascending[place]);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Climate, Forecast};
    use trajectory::{Times, Trajectories};

    /// Members that add 0.5 and 1.5 a step.
    struct Drift(usize);
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
        fn members(&self) -> usize {
            self.0
        }
        fn begin<'a>(&'a self, histories: &[f64], _known: &[f64]) -> Box<dyn Forecast + 'a> {
            Box::new(Drifting(histories.to_vec()))
        }
    }
    struct Drifting(Vec<f64>);
    impl Forecast for Drifting {
        fn advance(&mut self, _known: &[f64], next: &mut [f64]) {
            self.0.iter_mut().enumerate().for_each(|(i, u)| *u += 0.5 + (i % 2) as f64);
            next.copy_from_slice(&self.0);
        }
    }

    /// Start i is at i, and rises by i + 1 a sample, of which there are 11 after it.
    fn task(exponent: Option<f64>) -> Task {
        let times = Times::up_to(12.0, 1.0).unwrap();
        let u = (0..20)
            .flat_map(|i| times.all().into_iter().map(move |t| f64::from(i) + f64::from(i + 1) * (t - 1.0)));
        Task {
            runs: Trajectories::new(times, [1, 0], u.collect(), vec![]),
            lead: 1,
            trusted: (0..20).map(|i| if i == 10 { 4 } else { 11 }).collect(),
            block: 1,
            horizon: 6,
            std: vec![1.0],
            lyapunov_exponent: exponent,
            test: Trajectories::new(Times::up_to(1.0, 1.0).unwrap(), [1, 0], vec![0.0, 1.0], vec![]),
            clean: None,
            window: 1,
            climate: None,
            field: None,
        }
    }

    fn ascending() -> EachStart {
        let times: Vec<f64> = (0..20).map(f64::from).collect();
        EachStart { nrmse: times.iter().map(|time| 100.0 - time).collect(), valid_times: times }
    }

    #[test]
    fn the_median_and_the_tenths_are_shown_beside_their_truth() {
        let shown = Forecasts::new(&task(Some(1.0)), &Drift(1), ascending());
        assert_eq!(shown.shown, [10.0, 2.0, 17.0]);
        assert_eq!(shown.time, (0..=11).map(f64::from).collect::<Vec<_>>());
        // the truth of start 10 is known for 4 samples
        assert_eq!(shown.truth[..5], [10.0, 21.0, 32.0, 43.0, 54.0]);
        assert!(shown.truth[5..12].iter().all(|u| u.is_nan()));
        assert_eq!(shown.truth[12..15], [2.0, 5.0, 8.0]);
        assert_eq!(shown.forecast[..3], [10.0, 10.5, 11.0]);
        assert_eq!(shown.forecast[24..27], [17.0, 17.5, 18.0]);
        assert!(shown.members.is_empty() && shown.latent.is_empty());
        assert_eq!((shown.attractor_truth.len(), shown.attractor_forecast.len()), (11, 11));
        assert_eq!((shown.attractor_truth[1], shown.attractor_forecast[0]), (21.0, 10.5));
    }

    #[test]
    fn the_attractor_is_that_of_the_shown_start_alone_where_its_truth_ends_early() {
        let mut task = task(Some(1.0));
        // Start 10 ends with its truth, as in a recording.
        task.runs = task.runs.cut((0..20).map(|run| (run, 0..2 + task.trusted[run])));
        let shown = Forecasts::new(&task, &Drift(1), ascending());
        assert_eq!((shown.shown[0], &shown.attractor_truth[..]), (10.0, &[10.0, 21.0, 32.0, 43.0, 54.0][..]));
        assert_eq!((shown.attractor_forecast.len(), shown.time.len()), (5, 12));
        task.runs = task.runs.select(&[10]);
        task.trusted = vec![4];
        let last = EachStart { nrmse: vec![1.0], valid_times: vec![2.0] };
        assert_eq!(Forecasts::new(&task, &Drift(1), last).attractor_truth.len(), 4);
    }

    #[test]
    fn what_is_not_chaotic_is_shown_over_the_horizon() {
        let shown = Forecasts::new(&task(None), &Drift(1), EachStart { valid_times: vec![], ..ascending() });
        assert_eq!((shown.time.len(), &shown.shown[..]), (7, &[10.0, 2.0, 17.0][..]));
        assert!(shown.attractor_truth.is_empty() && shown.attractor_forecast.is_empty());
    }

    #[test]
    fn members_of_the_first_start_are_kept_beside_the_mean() {
        let shown = Forecasts::new(&task(Some(1.0)), &Drift(2), ascending());
        assert_eq!(shown.members.len(), 2 * 12);
        assert_eq!((shown.members[2], shown.members[12 + 2], shown.forecast[2]), (11.0, 13.0, 12.0));
        // many members are cut, and counted in the mean all the same
        let many = Forecasts::new(&task(Some(1.0)), &Drift(40), ascending());
        assert_eq!((many.members.len(), many.forecast[2]), (16 * 12, 12.0));
    }

    #[test]
    fn the_attractor_of_the_forecast_is_that_of_its_long_run() {
        let mut task = task(Some(1.0));
        task.climate = Some(Climate::new(&task.runs, 1, &task.std, 100, vec![]));
        let shown = Forecasts::new(&task, &Drift(1), ascending());
        assert_eq!((shown.attractor_forecast.len(), shown.attractor_forecast[0]), (11, 10.0 + 0.5 * 12.0));
    }
}
