//! Lyapunov exponents of a forecaster: the mean rates at which small changes of what it carries from sample to sample
//! grow while it runs on its own. A network that learned the dynamics has those of the system; one that learned the
//! next step only may be as good at that, and have others.
//!
//! As for a system (`sim::lyapunov`) tangent vectors are carried along and made orthonormal, here after every sample. A
//! map may take some directions to nothing, as one does that ignores the oldest sample of its window: their exponents
//! are minus infinity. A direction of which a sample leaves less than 1e-12 is no longer known in f64. From the first
//! such direction on exponents are left out.

use sim::lyapunov::{CHECKPOINTS, History, Spectrum, orthonormalise};
use trajectory::random::{normal, stream};

use crate::climate::Range;
use crate::scores::LyapunovScores;
use crate::{Forecaster, Task};

/// What is followed, and for how many samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Following {
    /// How many exponents, from the largest; at most as many as numbers are carried.
    pub exponents: usize,
    /// Starts, from the first of the task.
    pub starts: usize,
    /// Samples before, in which the forecast comes to its own attractor and the vectors to their directions.
    pub transient: usize,
    /// Samples over which growth is taken, at least 1.
    pub samples: usize,
}

impl Following {
    /// The largest exponent to one or two parts in a hundred, of a forecaster of a system that has such a one, sampled
    /// every `dt` in states of `dim` components: 20 of the starts over 40 Lyapunov times, after 5. Of large states fewer
    /// starts, since the derivatives are as many as components, and of slow systems at most 10,000 samples. Over half
    /// as long it took 0.1 to 2 s for trained models of Lorenz, where the other scores took 1 to 46 s.
    pub fn of_scores(lyapunov_exponent: f64, dt: f64, dim: usize, starts: usize) -> Self {
        let samples = |times: f64| (times / (lyapunov_exponent * dt)).ceil().max(1.0);
        Following {
            exponents: 1,
            starts: starts.min((512 / dim).clamp(4, 20)),
            transient: samples(5.0).min(2000.0) as usize,
            samples: samples(40.0).min(8000.0) as usize,
        }
    }
}

/// What became of the tangent vectors.
#[derive(Clone, Debug, PartialEq)]
pub struct Followed {
    /// Of the starts whose forecast stayed. They may hold fewer exponents than were asked for, see the head of
    /// `lyapunov.rs`.
    pub histories: Vec<History>,
    /// Starts whose forecast left: see [`crate::ClimateScores::left`].
    pub left: usize,
}

/// The part of a direction below which what a sample leaves of it is roundoff.
const LEAST: f64 = 1e-12;

impl Followed {
    /// The spectrum, where two forecasts or more stayed and a direction is left.
    pub fn spectrum(&self) -> Option<Spectrum> {
        let known = self
            .histories
            .iter()
            .all(|history| history.logarithms.first().is_some_and(|of_first| !of_first.is_empty()));
        (self.histories.len() > 1 && known).then(|| Spectrum::new(&self.histories))
    }

    /// The largest exponent.
    pub fn scores(&self, time: f64) -> LyapunovScores {
        let found = self.spectrum().map(|spectrum| spectrum.estimate);
        LyapunovScores {
            exponent: found.as_ref().map(|found| found.exponents[0]),
            standard_error: found.as_ref().map(|found| found.standard_errors[0]),
            time,
            starts: self.histories.len() + self.left,
            left: self.left,
        }
    }
}

/// Numbers that `forecaster` carries from sample to sample; none where it gives no derivatives.
pub fn memory(task: &Task, forecaster: &dyn Forecaster) -> Option<usize> {
    let (histories, before) = task.recent(&[0], forecaster.window());
    Some(forecaster.begin_tangent(&histories, &before)?.memory())
}

/// The largest number of derivatives computed for the scores. A hundred latent components, or 300 observed ones, need
/// about this number and take some minutes.
const MOST_DERIVATIVES: usize = 1_000_000_000;

/// The largest exponent of `forecaster`, for its scores; none where the task is of no chaotic system or has one start
/// only, and where the forecaster gives no derivatives, or so many that scoring would take hours. `known` as of
/// [`follow`].
pub fn scores(
    task: &Task,
    forecaster: &dyn Forecaster,
    known: &dyn Fn(usize, &mut [f64]),
) -> Option<LyapunovScores> {
    let dt = task.runs.dt();
    let following = Following::of_scores(task.lyapunov_exponent?, dt, task.runs.dim(), task.runs.count());
    if following.starts < 2 {
        return None;
    }
    let (histories, before) = task.recent(&[0], forecaster.window());
    let each = forecaster.begin_tangent(&histories, &before)?.derivatives();
    let samples = following.starts * (following.transient + following.samples);
    if each.saturating_mul(samples) > MOST_DERIVATIVES {
        return None;
    }
    let followed = follow(task, forecaster, following, known, &mut |_| true)?;
    Some(followed.scores(following.samples as f64 * dt))
}

/// Lets `forecaster` run from starts of `task` with tangent vectors, with `known(step, inputs)` the known inputs at so
/// many samples after a start, the same for all. `progress` is told the part that is done; where it returns false
/// the histories end before that. None of a forecaster without derivatives.
///
/// # Panics
/// Settings out of range.
pub fn follow(
    task: &Task,
    forecaster: &dyn Forecaster,
    following: Following,
    known: &dyn Fn(usize, &mut [f64]),
    progress: &mut dyn FnMut(f64) -> bool,
) -> Option<Followed> {
    let Following { exponents, starts, transient, samples } = following;
    assert!(samples > 0 && starts <= task.runs.count(), "{following:?} of {} starts", task.runs.count());
    let (dim, dt) = (task.runs.dim(), task.runs.dt());
    let which: Vec<usize> = (0..starts).collect();
    let (histories, before) = task.recent(&which, forecaster.window());
    let mut tangent = forecaster.begin_tangent(&histories, &before)?;
    let memory = tangent.memory();
    assert!((1..=memory).contains(&exponents), "{exponents} exponents of {memory} numbers");
    let range = Range::new(&task.runs, task.lead, &task.std).widened();

    // No axes: a map may ignore the oldest sample, and with it all vectors along that.
    let mut vectors: Vec<f64> = Vec::with_capacity(starts * exponents * memory);
    for start in 0..starts as u64 {
        let mut draws = stream(0, "tangent vectors", start);
        vectors.extend((0..exponents * memory).map(|_| normal(&mut draws)));
    }
    let mut paths = vec![Path { known: exponents, gone: false }; starts];
    let mut logarithms = vec![0.0; starts * exponents];
    let mut found = vec![History { times: vec![], logarithms: vec![] }; starts];
    let mut inputs = vec![0.0; forecaster.known_dim()];
    let mut next = vec![0.0; starts * dim];
    for step in 0..transient + samples {
        known(step, &mut inputs);
        tangent.advance(&inputs.repeat(starts), &mut next, &mut vectors);
        if step == transient {
            logarithms.fill(0.0);
        }
        let of_start =
            vectors.chunks_exact_mut(exponents * memory).zip(logarithms.chunks_exact_mut(exponents));
        for ((path, state), (vectors, logarithms)) in
            paths.iter_mut().zip(next.chunks_exact(dim)).zip(of_start)
        {
            path.gone |= !range.holds(state);
            if !path.gone {
                path.orthonormalise(vectors, logarithms);
            }
        }
        let done = (step + 1).saturating_sub(transient);
        // as many estimates as that, as evenly as whole samples allow
        if done * CHECKPOINTS / samples > done.saturating_sub(1) * CHECKPOINTS / samples {
            for (history, logarithms) in found.iter_mut().zip(logarithms.chunks_exact(exponents)) {
                history.times.push(done as f64 * dt);
                history.logarithms.push(logarithms.to_vec());
            }
        }
        if paths.iter().all(|path| path.gone) {
            break;
        }
        if !progress((step + 1) as f64 / (transient + samples) as f64) {
            break;
        }
    }
    let stayed = || paths.iter().filter(|path| !path.gone);
    let count = stayed().map(|path| path.known).min().unwrap_or(0);
    let histories = found.into_iter().zip(&paths).filter(|(_, path)| !path.gone);
    let histories = histories.map(|(mut history, _)| {
        history.logarithms.iter_mut().for_each(|of| of.truncate(count));
        history
    });
    Some(Followed { histories: histories.collect(), left: starts - stayed().count() })
}

/// How one of the forecasts fares.
#[derive(Clone, Copy)]
struct Path {
    /// Directions that are still known.
    known: usize,
    /// Whether it has left.
    gone: bool,
}

impl Path {
    /// Makes `vectors` [vector, memory] orthonormal, and adds up their growth as far as they are known.
    fn orthonormalise(&mut self, vectors: &mut [f64], logarithms: &mut [f64]) {
        if self.known == 0 {
            return;
        }
        let memory = vectors.len() / logarithms.len();
        let vectors = &mut vectors[..self.known * memory];
        let length = |vector: &[f64]| vector.iter().map(|x| x * x).sum::<f64>().sqrt();
        let before: Vec<f64> = vectors.chunks_exact(memory).map(|vector| length(vector).ln()).collect();
        let mut growth = vec![0.0; self.known];
        orthonormalise(vectors, &mut growth);
        // A length of 0 leaves a vector that is not a number, and those after it; those before know nothing of it.
        let kept = growth.iter().zip(&before).take_while(|(growth, before)| *growth - *before > LEAST.ln());
        self.known = kept.count();
        logarithms.iter_mut().zip(&growth[..self.known]).for_each(|(sum, growth)| *sum += growth);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Forecast, Tangent};
    use sim::lyapunov::Steps;
    use sim::systems::Lorenz;
    use sim::{Solver, System};
    use trajectory::{Times, Trajectories};

    /// x' = A x + the known input in every component, from a memory of which the first `shown` components are forecast.
    struct Linear {
        matrix: Vec<f64>,
        shown: usize,
    }
    impl Linear {
        fn size(&self) -> usize {
            self.matrix.len().isqrt()
        }
        fn apply(&self, x: &mut [f64]) {
            let row = |row: &[f64]| row.iter().zip(&*x).map(|(a, x)| a * x).sum();
            let y: Vec<f64> = self.matrix.chunks_exact(self.size()).map(row).collect();
            x.copy_from_slice(&y);
        }
    }
    struct Going<'a>(&'a Linear, Vec<f64>);
    impl Forecaster for Linear {
        fn window(&self) -> usize {
            1
        }
        fn dim(&self) -> usize {
            self.shown
        }
        fn known_dim(&self) -> usize {
            1
        }
        fn begin<'a>(&'a self, _histories: &[f64], _known: &[f64]) -> Box<dyn Forecast + 'a> {
            unreachable!("only tangents are followed here")
        }
        fn begin_tangent<'a>(&'a self, histories: &[f64], known: &[f64]) -> Option<Box<dyn Tangent + 'a>> {
            assert!(known.is_empty());
            let more = vec![0.5; self.size() - self.shown];
            let each = histories.chunks_exact(self.shown);
            Some(Box::new(Going(self, each.flat_map(|u| [u, &more].concat()).collect())))
        }
    }
    impl Tangent for Going<'_> {
        fn memory(&self) -> usize {
            self.0.size()
        }
        fn derivatives(&self) -> usize {
            self.0.matrix.len()
        }
        fn advance(&mut self, known: &[f64], next: &mut [f64], vectors: &mut [f64]) {
            vectors.chunks_exact_mut(self.0.size()).for_each(|vector| self.0.apply(vector));
            let states = self.1.chunks_exact_mut(self.0.size()).zip(next.chunks_exact_mut(self.0.shown));
            for ((x, next), known) in states.zip(known) {
                self.0.apply(x);
                x.iter_mut().for_each(|x| *x += known);
                next.copy_from_slice(&x[..next.len()]);
            }
        }
    }

    /// A truth that spans from -1 to 1 in both of two components, with a known input of 0.
    fn task(starts: usize) -> Task {
        let times = Times::up_to(2.0, 0.5).unwrap();
        let u = (0..starts).flat_map(|_| [0.1, -0.1, 1.0, 1.0, -1.0, -1.0, 0.5, 0.2, 0.0, 0.1]).collect();
        let runs = Trajectories::new(times, [2, 1], u, vec![0.0; 5 * starts]);
        Task {
            lead: 0,
            trusted: vec![4; starts],
            block: 1,
            horizon: 4,
            std: vec![0.5; 2],
            lyapunov_exponent: Some(1.0),
            test: runs.clone(),
            clean: None,
            window: 1,
            climate: None,
            field: None,
            runs,
        }
    }

    fn still(_step: usize, known: &mut [f64]) {
        known.fill(0.0);
    }

    fn all(of: &Linear, exponents: usize) -> Followed {
        let following = Following { exponents, starts: 3, transient: 200, samples: 1000 };
        follow(&task(3), of, following, &still, &mut |_| true).unwrap()
    }

    #[test]
    fn a_linear_map_has_the_logarithms_of_its_eigenvalues() {
        // Triangular, so that the eigenvalues stand on the diagonal.
        let matrix = vec![0.9, 0.3, -2.0, 0.0, 0.5, 0.4, 0.0, 0.0, -0.05];
        let spectrum = all(&Linear { matrix, shown: 2 }, 3).spectrum().unwrap();
        for (found, eigenvalue) in spectrum.estimate.exponents.iter().zip([0.9f64, 0.5, 0.05]) {
            // a sample is half a unit of time
            assert!((found - 2.0 * eigenvalue.ln()).abs() < 1e-10, "{found} {eigenvalue}");
        }
        assert_eq!((spectrum.trajectories, spectrum.convergence.len()), (3, 16));
        assert_eq!((spectrum.estimate.time, spectrum.kaplan_yorke), (500.0, Some([0.0, 0.0])));
    }

    #[test]
    fn directions_that_a_map_takes_to_nothing_are_left_out() {
        // rank 2 of 4
        let matrix = vec![0.5, 0.2, 0.1, 0.3, 0.0, 0.25, 0.2, 0.1, 0.5, 0.45, 0.3, 0.4, 0.0, 0.25, 0.2, 0.1];
        for asked in 1..=4 {
            let found = all(&Linear { matrix: matrix.clone(), shown: 2 }, asked).spectrum().unwrap();
            assert_eq!(found.estimate.exponents.len(), asked.min(2), "{found:?}");
            assert!(found.estimate.exponents.iter().all(|exponent| exponent.is_finite()));
        }
        let none = all(&Linear { matrix: vec![0.0; 4], shown: 2 }, 1);
        assert!(none.spectrum().is_none() && none.left == 0 && none.histories.len() == 3);
        assert_eq!(none.scores(1.0).exponent, None);
    }

    #[test]
    fn forecasts_that_leave_are_counted_and_left_out() {
        let grows = Linear { matrix: vec![1.1, 0.0, 0.0, 0.9], shown: 2 };
        assert_eq!(all(&grows, 2), Followed { histories: vec![], left: 3 });
        let scores = scores(&task(3), &grows, &still).unwrap();
        assert_eq!((scores.exponent, scores.starts, scores.left, scores.time), (None, 3, 3, 40.0));
        let json = serde_json::to_string(&scores).unwrap();
        assert_eq!(serde_json::from_str::<LyapunovScores>(&json).unwrap(), scores, "{json}");
        let rests = Linear { matrix: vec![0.5, 0.0, 0.0, 0.9], shown: 2 };
        let following = Following { exponents: 1, starts: 2, transient: 10, samples: 100 };
        let pushed = |step: usize, known: &mut [f64]| known.fill(if step == 50 { 9.0 } else { 0.0 });
        let found = follow(&task(2), &rests, following, &pushed, &mut |_| true).unwrap();
        assert_eq!(found.left, 2, "driven out by what is known");
        // of a half of it what was known by then
        let half = follow(&task(2), &rests, following, &still, &mut |done| done < 0.5).unwrap();
        assert_eq!(half.histories.iter().map(|history| history.times.len()).collect::<Vec<_>>(), [7, 7]);
        let none = follow(&task(2), &rests, following, &still, &mut |_| false).unwrap();
        assert!(none.histories[0].times.is_empty() && none.spectrum().is_none());
        assert!(super::scores(&task(1), &rests, &still).is_none());
        let regular = Task { lyapunov_exponent: None, ..task(3) };
        assert!(super::scores(&regular, &rests, &still).is_none());
    }

    #[test]
    fn an_exponent_of_too_many_derivatives_is_left_out_of_the_scores() {
        // 3 starts, 90 samples of half a Lyapunov time, and the derivatives of 1,000 or 2,000 components by each other
        let diagonal = |size: usize| {
            let matrix = (0..size * size).map(|i| if i % (size + 1) == 0 { 0.5 } else { 0.0 }).collect();
            Linear { matrix, shown: 2 }
        };
        let found = scores(&task(3), &diagonal(1000), &still).unwrap();
        assert!((found.exponent.unwrap() - 2.0 * 0.5f64.ln()).abs() < 1e-10);
        assert!(scores(&task(3), &diagonal(2000), &still).is_none());
    }

    /// The flow of Lorenz itself.
    struct Flow(Lorenz, f64);
    struct Flowing<'a>(&'a Flow, Vec<f64>, Vec<Steps>);
    impl Forecaster for Flow {
        fn window(&self) -> usize {
            1
        }
        fn dim(&self) -> usize {
            3
        }
        fn known_dim(&self) -> usize {
            0
        }
        fn begin<'a>(&'a self, _histories: &[f64], _known: &[f64]) -> Box<dyn Forecast + 'a> {
            unreachable!("only tangents are followed here")
        }
        fn begin_tangent<'a>(&'a self, histories: &[f64], _known: &[f64]) -> Option<Box<dyn Tangent + 'a>> {
            let steps = vec![Steps { next: 0.0, left: u64::MAX }; histories.len() / 3];
            Some(Box::new(Flowing(self, histories.to_vec(), steps)))
        }
    }
    impl Tangent for Flowing<'_> {
        fn memory(&self) -> usize {
            3
        }
        fn advance(&mut self, _known: &[f64], next: &mut [f64], vectors: &mut [f64]) {
            let Flow(lorenz, dt) = self.0;
            let of_start = vectors.len() / self.2.len();
            let states = self.1.chunks_exact_mut(3).zip(vectors.chunks_exact_mut(of_start));
            for ((u, vectors), steps) in states.zip(&mut self.2) {
                // The state moves as if alone: a map knows nothing of the vectors that are carried along it.
                lorenz.tangent([0.0, *dt], steps, 1e-9, &mut u.to_vec(), vectors).unwrap();
                let mut afresh = Steps { next: 0.0, left: u64::MAX };
                lorenz.tangent([0.0, *dt], &mut afresh, 1e-9, u, &mut [1.0, 0.0, 0.0]).unwrap();
            }
            next.copy_from_slice(&self.1);
        }
    }

    fn lorenz(dt: f64) -> (Task, Flow) {
        lorenz_from(dt, |i| f64::from(i) - 9.5)
    }

    /// From 20 starts that differ in x.
    fn lorenz_from(dt: f64, x: impl Fn(u8) -> f64) -> (Task, Flow) {
        let starts: Vec<Vec<f64>> = (0..20).map(|i| vec![x(i), 5.0, 20.0]).collect();
        let times = Times::up_to(40.0, dt).unwrap();
        let runs = Lorenz::default().ensemble(&starts, &times, &Solver::default()).unwrap();
        let lead = (10.0 / dt).round() as usize;
        let task = Task {
            lead,
            trusted: vec![10; 20],
            block: 1,
            horizon: 10,
            std: vec![8.0; 3],
            lyapunov_exponent: Some(0.9056),
            test: runs.clone(),
            clean: None,
            window: 1,
            climate: None,
            field: None,
            runs,
        };
        (task, Flow(Lorenz::default(), dt))
    }

    #[test]
    fn forecasts_from_one_start_have_the_error_of_one_forecast() {
        let (task, flow) = lorenz_from(0.02, |_| 1.0);
        let scores = scores(&task, &flow, &|_, _| {}).unwrap();
        let (exponent, error) = (scores.exponent.unwrap(), scores.standard_error.unwrap());
        // 32 trajectories of 1,000 time units have an error of 0.001, so one trajectory of 44 time units has 0.027
        // by that count; sixteen parts of 2.75 time units each know it to a factor of a few
        assert!((0.009..0.15).contains(&error), "{exponent} +- {error}");
        assert!((exponent - 0.9056).abs() < 4.0 * error, "{exponent} +- {error}");
    }

    #[test]
    fn a_forecaster_that_is_the_flow_of_lorenz_has_its_spectrum() {
        let (task, flow) = lorenz(0.02);
        let following = Following { exponents: 3, starts: 20, transient: 500, samples: 5000 };
        let followed = follow(&task, &flow, following, &|_, _| {}, &mut |_| true).unwrap();
        let spectrum = followed.spectrum().unwrap();
        // Sprott, "Chaos and Time-Series Analysis" (2003), p. 431
        for (found, published) in spectrum.estimate.exponents.iter().zip([0.9056, 0.0, -14.5723]) {
            assert!((found - published).abs() < 0.02, "{spectrum:?}");
        }
        let [dimension, error] = spectrum.kaplan_yorke.unwrap();
        assert!((dimension - 2.062).abs() < 0.005 && error < 0.002, "{dimension} {error}");
        let scores = scores(&task, &flow, &|_, _| {}).unwrap();
        let (exponent, error) = (scores.exponent.unwrap(), scores.standard_error.unwrap());
        println!("{exponent} +- {error}");
        assert!((exponent - 0.9056).abs() < 4.0 * error && error < 0.02, "{exponent} +- {error}");
        assert_eq!((scores.starts, scores.left), (20, 0));
    }
}
