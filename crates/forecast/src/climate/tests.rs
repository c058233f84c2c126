use std::f64::consts::TAU;
use std::sync::atomic::{AtomicUsize, Ordering};

use trajectory::{
    Times,
    random::{Stream, stream, uniform},
};

use super::*;
use crate::Forecast;

/// Gives at (start, step) what it is told to, and counts its steps.
struct Told<F> {
    state: F,
    dim: usize,
    steps: AtomicUsize,
}
impl<F: Fn(usize, usize) -> Vec<f64> + Send + Sync> Told<F> {
    fn new(dim: usize, state: F) -> Self {
        Told { state, dim, steps: AtomicUsize::new(0) }
    }
}
impl<F: Fn(usize, usize) -> Vec<f64> + Send + Sync> Forecaster for Told<F> {
    fn window(&self) -> usize {
        1
    }
    fn dim(&self) -> usize {
        self.dim
    }
    fn known_dim(&self) -> usize {
        0
    }
    fn begin<'a>(&'a self, _histories: &[f64], _known: &[f64]) -> Box<dyn Forecast + 'a> {
        Box::new(Telling(self))
    }
}
struct Telling<'a, F>(&'a Told<F>);
impl<F: Fn(usize, usize) -> Vec<f64> + Send + Sync> Forecast for Telling<'_, F> {
    fn advance(&mut self, _known: &[f64], next: &mut [f64]) {
        let step = self.0.steps.fetch_add(1, Ordering::Relaxed);
        for (start, next) in next.chunks_exact_mut(self.0.dim).enumerate() {
            next.copy_from_slice(&(self.0.state)(start, step));
        }
    }
}

/// True runs u(run, sample), dt = 0.5, of which the first sample is before the attractor.
fn runs(count: usize, samples: usize, state: impl Fn(usize, usize) -> Vec<f64>) -> Trajectories {
    let dim = state(0, 0).len();
    let of_run = |run| {
        std::iter::once(vec![1e6; dim])
            .chain((0..samples).map(|i| state(run, i)).collect::<Vec<_>>())
            .flatten()
    };
    Trajectories::new(
        Times::new(0.5, samples).unwrap(),
        [dim, 0],
        (0..count).flat_map(of_run).collect(),
        vec![],
    )
}

fn sine(period: f64) -> impl Fn(usize, usize) -> Vec<f64> + Send + Sync {
    move |run, i| {
        let phase = TAU * (i as f64 / period + 0.1 * run as f64);
        vec![2.0 * phase.sin(), 2.0 * phase.cos()]
    }
}

fn score(climate: &Climate, forecaster: &dyn Forecaster, starts: usize) -> ClimateScores {
    climate.score(forecaster, [&vec![0.0; starts * forecaster.dim()], &[]], 0.5, Some(0.25))
}

fn normal(stream: &mut Stream) -> f64 {
    (-2.0 * (1.0 - uniform(stream)).ln()).sqrt() * (TAU * uniform(stream)).cos()
}

#[test]
fn what_is_the_same_is_at_distance_0() {
    let truth = sine(32.0);
    let climate = Climate::new(&runs(6, 1024, &truth), 1, &[1.4; 2], 1024, vec![]);
    assert_eq!(climate.histogram.divergence(&climate.histogram), 0.0);
    assert_eq!(climate.spectrum.distance(&climate.spectrum, &[1.4; 2]), 0.0);
    let scores = score(&climate, &Told::new(2, &truth), 6);
    assert!(scores.d_stsp == 0.0 && scores.d_h < 1e-12, "{scores:?}");
    assert_eq!((scores.time, scores.lyapunov_times, scores.starts), (512.0, Some(128.0), 6));
    assert_eq!((scores.left, scores.first_left, scores.stopped), (0, None, 0));
    // the halves of the truth differ in phase, so in the points of the circle that they visit
    assert!(scores.truth_d_stsp > 0.0 && scores.truth_d_h < 1e-3, "{scores:?}");
}

#[test]
fn a_spectrum_knows_frequencies_but_no_phases() {
    let climate = Climate::new(&runs(6, 1024, sine(32.0)), 1, &[1.4; 2], 4096, vec![]);
    let shifted = score(&climate, &Told::new(2, |start, i| sine(32.0)(start + 3, i + 5)), 4);
    assert!(shifted.d_h < 1e-3, "{shifted:?}");
    let doubled = score(&climate, &Told::new(2, sine(16.0)), 4);
    assert!(doubled.d_h > 0.999 && doubled.d_h <= 1.0, "{doubled:?}");
    // of all frequencies, half of the power in the truth's own: sum sqrt(f g) = sqrt(1/2)
    let (a, b) = (sine(32.0), sine(16.0));
    let both = |start, i| a(start, i).iter().zip(b(start, i)).map(|(a, b)| 0.7 * (a + b)).collect();
    let both = score(&climate, &Told::new(2, both), 4);
    assert!((both.d_h - (1.0 - 0.5f64.sqrt()).sqrt()).abs() < 0.01, "{both:?}");
}

#[test]
fn the_divergence_of_gaussians_is_that_of_the_closed_form() {
    // KL(N(0, 1) || N(0, 2)) = 1/2 (ln 2 + 1/2 - 1)
    let mut draws = stream(1, "test", 0);
    let samples: Vec<f64> = (0..400_000).map(|_| normal(&mut draws)).collect();
    let truth = runs(4, 50_000, |run, i| vec![samples[run * 50_000 + i]]);
    let climate = Climate::new(&truth, 1, &[1.0], 1000, vec![]);
    let mut wider = Histogram::new(&climate.grid);
    samples[200_000..].iter().for_each(|x| wider.add(&climate.grid, &[2f64.sqrt() * x]));
    let (measured, exact) = (climate.histogram.divergence(&wider), 0.5 * (2f64.ln() - 0.5));
    assert!((measured / exact - 1.0).abs() < 0.04, "{measured} {exact}");
    assert!(climate.floor[0] < 1e-3, "{:?}", climate.floor);
    // a quarter of the time far outside: sum p ln(p / (3/4 p))
    let mut outside = climate.histogram.clone();
    for _ in 0..outside.states / 3 {
        outside.add(&climate.grid, &[9.0]);
    }
    assert!((climate.histogram.divergence(&outside) - (4f64 / 3.0).ln()).abs() < 1e-4);
}

#[test]
fn who_leaves_and_who_comes_to_rest_is_counted() {
    let climate = Climate::new(&runs(4, 256, sine(32.0)), 1, &[1.4; 2], 1000, vec![]);
    // The range is -2 to 2, widened -2.8 to 2.8: 0.01 * 1.5^i is above it from i = 14 on, the 15th step.
    let states = |start: usize, i: usize| match start {
        0 => vec![0.01 * 1.5f64.powi(i as i32), 0.0],
        1 => vec![1.0 + 0.9f64.powi(i as i32), -0.5],
        2 if i == 99 => vec![0.0, f64::NAN],
        _ => sine(32.0)(start, i),
    };
    let scores = score(&climate, &Told::new(2, states), 4);
    assert_eq!((scores.left, scores.first_left, scores.stopped), (2, Some(7.5), 1));
    assert!(scores.d_stsp > 0.1 && scores.d_stsp.is_finite(), "{scores:?}");
    // who rests adds no power, so the spectrum is that of those who move
    assert!(scores.d_h < 0.05, "{scores:?}");
    let resting = score(&climate, &Told::new(2, |_, _| vec![0.3, 0.2]), 2);
    assert_eq!((resting.stopped, resting.d_h), (2, 1.0));
}

#[test]
fn it_ends_when_all_have_left() {
    let climate = Climate::new(&runs(4, 256, sine(32.0)), 1, &[1.4; 2], 1_000_000, vec![]);
    let away = Told::new(2, |start, i| vec![0.0, if i == 3 * start { f64::INFINITY } else { 0.0 }]);
    let scores = score(&climate, &away, 3);
    assert_eq!((scores.left, scores.first_left, scores.stopped), (3, Some(0.5), 0));
    assert_eq!((scores.d_h, away.steps.into_inner()), (f64::INFINITY, 7));
    let json = serde_json::to_string(&scores).unwrap();
    assert!(json.contains(r#""d_h":null"#), "{json}");
    assert_eq!(serde_json::from_str::<ClimateScores>(&json).unwrap(), scores);
}

#[test]
fn many_components_are_compared_by_threes_and_constant_ones_do_no_harm() {
    let wave = |shift: usize| {
        move |run: usize, i: usize| -> Vec<f64> {
            let at = |j: usize| (TAU * (i as f64 / 64.0 + (j * shift) as f64 / 6.0 + 0.1 * run as f64)).sin();
            (0..6).map(at).chain([7.0]).collect()
        }
    };
    let climate = Climate::new(&runs(4, 512, wave(1)), 1, &[0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 1.0], 512, vec![]);
    assert_eq!(climate.histogram.counts.iter().map(Vec::len).collect::<Vec<_>>(), [27_001; 7]);
    let same = score(&climate, &Told::new(7, wave(1)), 4);
    assert!(same.d_stsp == 0.0 && same.d_h < 1e-12 && same.left == 0, "{same:?}");
    // each component alone moves as the truth does, only their relation is another
    let other = score(&climate, &Told::new(7, wave(2)), 4);
    assert!(other.d_stsp > 1.0 && other.d_h < 1e-3, "{other:?}");
}

#[test]
fn known_inputs_reach_the_forecast_at_their_times() {
    struct Echo;
    impl Forecaster for Echo {
        fn window(&self) -> usize {
            1
        }
        fn dim(&self) -> usize {
            1
        }
        fn known_dim(&self) -> usize {
            1
        }
        fn begin<'a>(&'a self, _histories: &[f64], _known: &[f64]) -> Box<dyn Forecast + 'a> {
            Box::new(Echo)
        }
    }
    impl Forecast for Echo {
        fn advance(&mut self, known: &[f64], next: &mut [f64]) {
            next.copy_from_slice(known);
        }
    }
    let times = Times::new(0.5, 128).unwrap();
    let u: Vec<f64> = (0..2 * 129).map(|i| f64::from(i % 7)).collect();
    let truth = Trajectories::new(times, [1, 1], u, vec![0.0; 2 * 129]);
    let known = (0..100).map(|i| if i < 90 { f64::from(i % 7) } else { 99.0 }).collect();
    let climate = Climate::new(&truth, 1, &[2.0], 100, known);
    let scores = climate.score(&Echo, [&[0.0; 3], &[]], 0.5, None);
    assert_eq!((scores.left, scores.first_left, scores.lyapunov_times), (3, Some(45.5), None));
}
