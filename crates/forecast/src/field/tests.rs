use std::f64::consts::{PI, SQRT_2, TAU};
use std::sync::atomic::{AtomicUsize, Ordering};

use trajectory::random::{normal, stream};
use trajectory::{Times, Trajectories};

use super::*;
use crate::{Forecast, Forecaster, Scores, Task};

/// Samples before the start, whose states must not count.
const LEAD: usize = 2;

/// A forecaster that gives the state `at(start, step)`, with steps counted from 1. It has members if a state holds several.
struct Given<F> {
    at: F,
    dim: usize,
    members: usize,
    step: AtomicUsize,
}
impl<F: Fn(usize, usize) -> Vec<f64> + Send + Sync> Forecaster for Given<F> {
    fn window(&self) -> usize {
        LEAD + 1
    }
    fn dim(&self) -> usize {
        self.dim
    }
    fn known_dim(&self) -> usize {
        0
    }
    fn members(&self) -> usize {
        self.members
    }
    fn begin<'a>(&'a self, _histories: &[f64], _known: &[f64]) -> Box<dyn Forecast + 'a> {
        self.step.store(0, Ordering::Relaxed);
        Box::new(Giving(self))
    }
}
struct Giving<'a, F>(&'a Given<F>);
impl<F: Fn(usize, usize) -> Vec<f64> + Send + Sync> Forecast for Giving<'_, F> {
    fn advance(&mut self, _known: &[f64], next: &mut [f64]) {
        let step = self.0.step.fetch_add(1, Ordering::Relaxed) + 1;
        for (start, next) in next.chunks_exact_mut(self.0.dim * self.0.members).enumerate() {
            next.copy_from_slice(&(self.0.at)(start, step));
        }
    }
}

fn field(shape: &[usize], channels: usize) -> FieldShape {
    FieldShape { channels, shape: shape.to_vec(), wave_function: false }
}

fn wave_function(shape: &[usize]) -> FieldShape {
    FieldShape { channels: 2, shape: shape.to_vec(), wave_function: true }
}

/// A task with a sample every 0.5 time units, whose truth is `truth(start, step)` until the last step of each start. The
/// start is step 0; the history before it is far off.
fn task(field: FieldShape, last: &[usize], horizon: usize, truth: impl Fn(usize, usize) -> Vec<f64>) -> Task {
    let longest = last.iter().copied().max().unwrap();
    let times = Times::up_to((LEAD + longest) as f64 * 0.5, 0.5).unwrap();
    let dim = field.dim();
    let u = (0..last.len()).flat_map(|start| {
        let after = (0..=longest).flat_map(|step| truth(start, step)).collect::<Vec<_>>();
        std::iter::repeat_n(1e6, LEAD * dim).chain(after)
    });
    let runs = Trajectories::new(times, [dim, 0], u.collect(), vec![]);
    Task {
        lead: LEAD,
        trusted: last.to_vec(),
        block: 1,
        horizon,
        std: vec![1.0; dim],
        lyapunov_exponent: None,
        // The error of one step takes one forecast, from start 0.
        test: runs.cut([(0, 0..LEAD + 2)]),
        clean: None,
        window: LEAD + 1,
        climate: None,
        field: Some(field),
        runs,
    }
}

/// What a forecast of `forecast(start, step)` scores, with several states one after another for an ensemble.
fn all_scores(task: &Task, forecast: impl Fn(usize, usize) -> Vec<f64> + Send + Sync) -> Scores {
    let dim = task.runs.dim();
    let members = forecast(0, 1).len() / dim;
    let given = Given { at: forecast, dim, members, step: AtomicUsize::new(0) };
    task.score(&given, &mut stream(0, "test", 0))
}

fn scores(task: &Task, forecast: impl Fn(usize, usize) -> Vec<f64> + Send + Sync) -> FieldScores {
    all_scores(task, forecast).field.unwrap()
}

/// amplitude * cos(kx x + ky y - phase) on a grid \[x\] or \[y, x\] of periods 2 pi.
fn wave(shape: &[usize], [kx, ky]: [i32; 2], amplitude: f64, phase: f64) -> Vec<f64> {
    let (ny, nx) = if let [ny, nx] = *shape { (ny, nx) } else { (1, shape[0]) };
    let angle = |k: i32, i: usize, n: usize| TAU * f64::from(k) * i as f64 / n as f64;
    (0..ny)
        .flat_map(|j| (0..nx).map(move |i| amplitude * (angle(kx, i, nx) + angle(ky, j, ny) - phase).cos()))
        .collect()
}

fn plus(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

/// Two channels.
fn both(a: Vec<f64>, b: Vec<f64>) -> Vec<f64> {
    [a, b].concat()
}

#[track_caller]
fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found}, expected {expected}");
}

/// A grid on a line, and one in the plane that is not square.
const SHAPES: [&[usize]; 2] = [&[32], &[12, 40]];

#[test]
fn relative_errors_are_those_by_hand() {
    for shape in SHAPES {
        // Amplitudes 2 and 1 of the truth, and off by a wave of amplitude 0.5 twice.
        let truth = |_, step| wave(shape, [1, 0], [9.0, 2.0, 1.0][step], 0.4);
        let task = task(field(shape, 1), &[2], 2, truth);
        let scores = scores(&task, |start, step| plus(&truth(start, step), &wave(shape, [3, 0], 0.5, 0.0)));
        close(scores.relative_l2.mean, (0.5 / 5.0f64).sqrt());
        close(scores.nrmse.mean, (0.25 + 0.5) / 2.0);
        let vrmse = |amplitude: f64| (0.125 / (amplitude * amplitude / 2.0 + 1e-7)).sqrt();
        close(scores.vrmse.mean, (vrmse(2.0) + vrmse(1.0)) / 2.0);
        close(scores.geometric_mean.mean, (0.25f64 * 0.5).sqrt());
        assert_eq!((scores.geometric_mean.steps, scores.starts, scores.horizon), (2, 1, 1.0));
        assert_eq!(scores.relative_l2.ci95, [scores.relative_l2.mean; 2]);
    }
}

#[test]
fn the_mean_of_the_truth_counts_in_nrmse_and_not_in_vrmse() {
    // <v> = 3 and a variance of 2: the mean square is 11. A constant has only the variance that is added.
    let truth = |start, _| if start == 0 { wave(&[24], [2, 0], 2.0, 0.0) } else { vec![0.0; 24] };
    let truth = |start, step| truth(start, step).iter().map(|u| u + 3.0).collect::<Vec<_>>();
    let task = task(field(&[24], 1), &[1, 1], 1, truth);
    let off = 1.0 / 1024.0; // which adds to 3 without roundoff
    let found = scores(&task, |start, step| plus(&truth(start, step), &[off; 24]));
    close(found.nrmse.mean, off * (1.0 / 11f64.sqrt() + 1.0 / 3.0) / 2.0);
    close(found.vrmse.mean, off * ((1.0 / (2.0 + 1e-7f64)).sqrt() + (1.0 / 1e-7f64).sqrt()) / 2.0);
    // The mean at every point scores 1.
    let of_mean = scores(&task, |start, step| if start == 0 { vec![3.0; 24] } else { truth(start, step) });
    assert!((of_mean.vrmse.mean - 0.5).abs() < 1e-7, "{:?}", of_mean.vrmse);
}

#[test]
fn scores_are_means_over_the_starts_with_their_interval() {
    // Off by 10% and by 30% of the truth. A quarter of the resamples hold one of the two alone.
    let truth = |_, _| wave(&[16], [1, 0], 1.0, 0.0);
    let task = task(field(&[16], 1), &[3, 3], 3, truth);
    let found = scores(&task, |start, _| wave(&[16], [1, 0], if start == 0 { 1.1 } else { 0.7 }, 0.0));
    for score in [found.relative_l2, found.nrmse] {
        close(score.mean, 0.2);
        close(score.ci95[0], 0.1);
        close(score.ci95[1], 0.3);
    }
    close(found.geometric_mean.mean, 0.2);
}

#[test]
fn steps_count_to_the_horizon_and_while_the_truth_holds() {
    // Off by step / 10 of the truth. Start 0 counts to step 3, start 1 to its end at step 2, and start 2 has no truth.
    let truth = |_, _| wave(&[16], [1, 0], 1.0, 0.0);
    let task = task(field(&[16], 1), &[5, 2, 0], 3, truth);
    let found = scores(&task, |_, step| wave(&[16], [1, 0], 1.0 + 0.1 * step as f64, 0.0));
    assert_eq!((found.starts, found.horizon, found.geometric_mean.steps), (2, 1.5, 3));
    close(found.nrmse.mean, (0.2 + 0.15) / 2.0);
    close(found.relative_l2.mean, ((0.14f64 / 3.0).sqrt() + (0.05f64 / 2.0).sqrt()) / 2.0);
    close(found.geometric_mean.mean, 0.006f64.cbrt());
}

#[test]
fn the_geometric_mean_takes_100_steps() {
    // Off by 1% at each of the first 100 steps and by 100% afterwards.
    let truth = |_, _| wave(&[8], [1, 0], 1.0, 0.0);
    let task = task(field(&[8], 1), &[150], 150, truth);
    let found = scores(&task, |_, step| wave(&[8], [1, 0], if step <= 100 { 1.01 } else { 2.0 }, 0.0));
    assert_eq!(found.geometric_mean.steps, 100);
    close(found.geometric_mean.mean, 0.01);
    close(found.nrmse.mean, (1.0 + 50.0) / 150.0);
}

#[test]
fn only_forecasts_count_and_not_what_is_given() {
    // Exact at the first step, off by 20% at the second. The state at the start and the history before are far off.
    let truth = |_, step| wave(&[16], [1, 0], if step == 0 { 50.0 } else { 1.0 }, 0.0);
    let task = task(field(&[16], 1), &[2], 2, truth);
    let found = scores(&task, |_, step| wave(&[16], [1, 0], if step == 1 { 1.0 } else { 1.2 }, 0.0));
    close(found.relative_l2.mean, 0.2 / SQRT_2);
    close(found.nrmse.mean, 0.1);
    close(found.frmse.low, 0.1 / SQRT_2);
    assert_eq!(found.geometric_mean, GeometricMean { mean: 0.0, steps: 2 }, "one step is exact");
    // Energies 1 and 1.44 against twice 1.
    close(found.spectrum_error, 1.22f64.log10());
}

#[test]
fn an_error_of_one_wave_lies_in_the_band_of_its_wavenumber() {
    let line: &[usize] = &[32];
    let plane: &[usize] = &[12, 40];
    for (shape, k, band) in [
        (line, [0, 0], 0),
        (line, [4, 0], 0),
        (line, [5, 0], 1),
        (line, [7, 0], 1),
        (line, [12, 0], 1),
        (line, [13, 0], 2),
        (line, [16, 0], 2),
        (plane, [0, 0], 0),
        (plane, [3, 3], 0), // |k| = 4.24
        (plane, [3, -3], 0),
        (plane, [-3, 4], 1), // 5
        (plane, [0, 5], 1),
        (plane, [0, 6], 1),
        (plane, [-12, 4], 1), // 12.6
        (plane, [13, 0], 2),
        (plane, [12, -5], 2),
        (plane, [20, 6], 2),
    ] {
        // The mean of a squared wave is 1/2, but 1 for a constant and for the highest waves on a grid.
        let unity = k.iter().zip(shape.iter().rev()).all(|(&k, &n)| k == 0 || 2 * k == n as i32);
        let truth = |_, _| wave(shape, [1, 0], 3.0, 0.3);
        let task = task(field(shape, 1), &[1], 1, truth);
        let found = scores(&task, |start, step| plus(&truth(start, step), &wave(shape, k, 0.2, 0.0))).frmse;
        let mut expected = [0.0; 3];
        expected[band] = if unity { 0.2 } else { 0.2 / SQRT_2 };
        for (found, expected) in [found.low, found.middle, found.high].into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-13, "{k:?} of {shape:?}: {found}, expected {expected}");
        }
    }
}

#[test]
fn the_bands_add_up_to_the_mean_square_error() {
    for shape in [&[15][..], &[64], &[9, 14], &[12, 40], &[40, 12], &[15, 31], &[7, 7]] {
        let mut draws = stream(4, "test", shape.len() as u64);
        let [u, v] = [(); 2].map(|()| -> Vec<f64> {
            (0..shape.iter().product()).map(|_| 0.5 + normal(&mut draws)).collect()
        });
        let bands = Spectrum::new(shape).add(&u, &v);
        let square = u.iter().zip(&v).map(|(u, v)| (u - v).powi(2)).sum::<f64>() / u.len() as f64;
        assert!((bands.iter().sum::<f64>() / square - 1.0).abs() < 1e-13, "{shape:?}: {bands:?}, {square}");
    }
}

#[test]
fn the_correlation_with_a_shifted_wave_is_the_cosine_of_the_shift() {
    for shape in SHAPES {
        for shift in [0.0, 0.3, 1.0, 0.5 * PI, 2.5, PI] {
            // Whatever the amplitude and the mean.
            let shifted: Vec<f64> = wave(shape, [2, 0], 3.0, shift).iter().map(|u| u - 7.0).collect();
            close(Sums::of(&shifted, &wave(shape, [2, 0], 0.5, 0.0)).correlation(), shift.cos());
        }
    }
    assert!(Sums::of(&[1.0, -1.0], &[f64::NAN, 0.0]).correlation() == 0.0);
    assert!(Sums::of(&[f64::INFINITY, 1.0], &[1.0, 0.0]).correlation() == 0.0);
}

#[test]
fn constant_fields_are_correlated_only_if_they_are_equal() {
    let (constant, varying) = ([0.1; 12], wave(&[12], [1, 0], 1.0, 0.0));
    for (u, v, expected) in [
        (&constant[..], &constant[..], 1.0),
        (&[0.0; 12], &[0.0; 12], 1.0),
        (&constant, &[0.2; 12], 0.0),
        (&constant, &[0.0; 12], 0.0),
        (&constant, &varying, 0.0),
        (&varying, &constant, 0.0),
        (&[f64::NAN; 12], &constant, 0.0),
    ] {
        assert_eq!(Sums::of(u, v).correlation(), expected, "{u:?} {v:?}");
    }
}

#[test]
fn the_correlation_time_is_the_first_time_below_the_threshold() {
    // cos(0.1 * 6) = 0.825 and cos(0.1 * 7) = 0.765; twice and half as fast in the other two starts. The horizon is
    // before all of them. The start that is slowest reaches 0.8 after its truth has ended.
    for shape in SHAPES {
        let truth = |_, _| wave(shape, [3, 0], 1.0, 0.0);
        let chaotic = Task { lyapunov_exponent: Some(1.0), ..task(field(shape, 1), &[20, 20, 10], 2, truth) };
        let drifting =
            |start, step| wave(shape, [3, 0], 1.0, 0.1 * [1.0, 2.0, 0.5][start] * f64::from(step as u32));
        let found = scores(&chaotic, drifting).correlation_time;
        // After 7 steps of 0.5, after 4, and capped after 10.
        assert_eq!((found.threshold, found.median, found.capped), (0.8, 3.5, 1));
        assert_eq!(found.ci95, [2.0, 5.0]);
        // Without an exponent, forecasts are followed over the horizon.
        let regular = Task { lyapunov_exponent: None, ..chaotic };
        let found = scores(&regular, drifting).correlation_time;
        assert_eq!((found.median, found.ci95, found.capped), (1.0, [1.0; 2], 3));
    }
}

#[test]
fn channels_count_alike_in_errors_and_by_their_variance_in_correlations() {
    for shape in SHAPES {
        // Channel 0 is exact but for its mean, of amplitude 2; channel 1 has the opposite sign, of amplitude 1.
        let truth = |_, _| both(wave(shape, [1, 0], 2.0, 0.0), wave(shape, [2, 0], 1.0, 0.0));
        let points = field(shape, 1).points();
        let forecast = |v: &[f64]| {
            let (first, second) = v.split_at(points);
            both(first.iter().map(|v| v + 0.5).collect(), second.iter().map(|v| -v).collect())
        };
        let task = task(field(shape, 2), &[1], 1, truth);
        let found = scores(&task, |start, step| forecast(&truth(start, step)));
        // Mean squares of the error 0.25 and 2, of the truth 2 and 0.5.
        close(found.relative_l2.mean, (2.25f64 / 2.5).sqrt());
        close(found.geometric_mean.mean, (2.25f64 / 2.5).sqrt());
        close(found.nrmse.mean, (0.125f64.sqrt() + 2.0) / 2.0);
        close(found.frmse.low, (0.5 + SQRT_2) / 2.0);
        // Sums of squares 4 and 1, of which the second counts as negative: a correlation of 3 / 5.
        let v = truth(0, 1);
        let u = forecast(&v);
        let sums = Sums::of(&u[..points], &v[..points]).plus(&Sums::of(&u[points..], &v[points..]));
        close(sums.correlation(), 0.6);
        assert_eq!(found.correlation_time.median, 0.5);
        assert_eq!(found.wave_function, None);
    }
}

#[test]
fn the_spectrum_is_compared_shell_by_shell_whatever_the_phases() {
    for shape in SHAPES {
        // Shells 0, 2, 5; one whose energy is too small to count, which the forecast has a hundredfold.
        let waves = |amplitudes: [f64; 4], phase: f64| {
            let k = [[0, 0], [2, 0], [5, 0], [6, 0]];
            let phases = [0.0, phase, phase, phase];
            (0..4).map(|i| wave(shape, k[i], amplitudes[i], phases[i])).reduce(|a, b| plus(&a, &b)).unwrap()
        };
        let truth = |_, _| waves([1.0, 1.0, 0.1, 1e-6], 0.0);
        let task = task(field(shape, 1), &[4], 4, truth);
        let of = |amplitudes| scores(&task, |_, step| waves(amplitudes, step as f64)).spectrum_error;
        assert!(of([1.0, 1.0, 0.1, 1e-4]) < 1e-12);
        // Ten times the energy in one of three shells, then in shell 0.
        let one_of_three = (1.0f64 / 3.0).sqrt();
        close(of([1.0, 1.0, 0.1 * 10f64.sqrt(), 1e-6]), one_of_three);
        close(of([1.0 / 10f64.sqrt(), 1.0, 0.1, 1e-6]), one_of_three);
        // Energies are averaged over the steps before they are compared: 0 and 2 is 1.
        let uneven = |_, step: usize| {
            waves([1.0, 1.0, 0.1, 1e-6].map(|a: f64| a * (2.0 * (step % 2) as f64).sqrt()), 0.0)
        };
        assert!(scores(&task, uneven).spectrum_error < 1e-12);
        // A shell without energy is infinitely far off.
        assert_eq!(of([0.0, 0.0, 0.0, 0.0]), f64::INFINITY);
    }
}

#[test]
fn shells_count_waves_along_both_axes() {
    // The truth has |k| = 5, on axes of 12 and 40 points.
    let of = |k| wave(&[12, 40], k, 1.0, 0.7);
    let task = task(field(&[12, 40], 1), &[1], 1, |_, _| wave(&[12, 40], [3, 4], 1.0, 0.0));
    let error =
        |forecast: &(dyn Fn(usize, usize) -> Vec<f64> + Send + Sync)| scores(&task, forecast).spectrum_error;
    assert!(error(&|_, _| of([4, -3])) < 1e-12);
    // |k| = 5.66 is in the same shell, and 6.4 in one without energy of the truth.
    close(error(&|_, _| plus(&of([5, 0]), &of([-4, 4]))), 2f64.log10());
    assert!(error(&|_, _| plus(&of([0, 5]), &of([4, 5]))) < 1e-12);
}

/// exp(i (kx x + ky y + angle)) times an amplitude, as [part, point].
fn plane_wave(shape: &[usize], k: [i32; 2], amplitude: f64, angle: f64) -> Vec<f64> {
    both(wave(shape, k, amplitude, -angle), wave(shape, k, amplitude, 0.5 * PI - angle))
}

#[test]
fn a_global_phase_is_an_error_of_the_field_and_not_of_the_state() {
    for shape in SHAPES {
        let packet = |angle| {
            plus(&plane_wave(shape, [1, 0], 1.0, angle), &plane_wave(shape, [-3, 0], 0.5, 0.2 + angle))
        };
        let truth = |_, step: usize| packet(0.3 * step as f64);
        let task = task(wave_function(shape), &[3], 3, truth);
        let found = scores(&task, |_, step| packet(0.3 * step as f64 + 0.4));
        close(found.relative_l2.mean, 2.0 * 0.2f64.sin());
        let of_state = found.wave_function.unwrap();
        assert!(of_state.infidelity < 1e-14 && of_state.norm_drift < 1e-14, "{of_state:?}");
    }
}

#[test]
fn infidelity_is_taken_at_the_last_step_and_drift_is_the_largest() {
    for shape in SHAPES {
        // The norm at the start is that of psi_0, not that of the truth of a step, which absorption has halved. The
        // last steps of the starts are 3 (the horizon), 3 and 2 (the end of the truth).
        let psi = |k| plane_wave(shape, [k, 0], 1.0, 0.0);
        let truth =
            |_, step: usize| if step == 0 { psi(1) } else { plane_wave(shape, [1, 0], 0.5f64.sqrt(), 0.0) };
        let task = task(wave_function(shape), &[5, 3, 2], 3, truth);
        // At an angle in the plane of two orthogonal states; the norm has its largest deviation at step 2.
        let found = scores(&task, |start, step| {
            let angle = 0.1 * (start + 1) as f64 * step as f64;
            let amplitude = if step == 2 { 1.2f64.sqrt() } else { 1.0 };
            let [a, b] = [psi(1), psi(2)];
            a.iter().zip(&b).map(|(a, b)| amplitude * (angle.cos() * a + angle.sin() * b)).collect()
        });
        let of_state = found.wave_function.unwrap();
        // Angles 0.3, 0.6 and 0.6 at the last steps.
        close(of_state.infidelity, 0.6f64.sin().powi(2));
        close(of_state.norm_drift, 0.2);
        let orthogonal = scores(&task, |_, _| psi(2)).wave_function.unwrap();
        close(orthogonal.infidelity, 1.0);
        let lost = scores(&task, |_, step| if step == 3 { psi(1) } else { vec![f64::NAN; psi(1).len()] });
        let lost = lost.wave_function.unwrap();
        assert_eq!(lost.norm_drift, f64::INFINITY);
        assert!(lost.infidelity < 1e-14, "two of three are back at their last step");
        let lost = scores(&task, |_, _| vec![f64::NAN; psi(1).len()]).wave_function.unwrap();
        assert_eq!((lost.infidelity, lost.norm_drift), (1.0, f64::INFINITY));
    }
}

#[test]
fn a_forecast_that_is_not_finite_has_infinite_errors_and_no_correlation() {
    for lost in [f64::NAN, f64::INFINITY, 1e300] {
        let truth = |_, _| wave(&[32], [1, 0], 1.0, 0.0);
        let task = task(field(&[32], 1), &[4, 4, 4], 4, truth);
        let found = scores(&task, |start, step| {
            if start == 0 && step > 2 {
                let mut u = truth(0, 0);
                u[5] = lost;
                u
            } else {
                wave(&[32], [1, 0], 1.1, 0.0)
            }
        });
        let means = [found.relative_l2, found.nrmse, found.vrmse];
        assert!(means.iter().all(|score| score.mean == f64::INFINITY), "{found:?}");
        // Some resamples hold none of start 0.
        assert!(means.iter().all(|score| score.ci95[0].is_finite() && score.ci95[1] == f64::INFINITY));
        assert_eq!([found.frmse.low, found.frmse.middle, found.frmse.high], [f64::INFINITY; 3]);
        assert_eq!((found.geometric_mean.mean, found.geometric_mean.steps), (f64::INFINITY, 4));
        assert_eq!(found.spectrum_error, f64::INFINITY);
        assert_eq!((found.correlation_time.median, found.correlation_time.capped), (2.0, 2));
        assert_eq!(found.correlation_time.ci95[0], 1.5);
        let json = serde_json::to_string(&found).unwrap();
        assert!(json.contains(r#""spectrum_error":null"#), "{json}");
        assert_eq!(serde_json::from_str::<FieldScores>(&json).unwrap(), found);
    }
}

#[test]
fn an_exact_forecast_scores_0_even_of_a_truth_of_0() {
    let truth = |start, _| wave(&[16], [1, 0], start as f64, 0.0);
    let task = task(field(&[16], 1), &[2, 2], 2, truth);
    let exact = scores(&task, truth);
    for score in [exact.relative_l2, exact.nrmse, exact.vrmse] {
        assert_eq!((score.mean, score.ci95), (0.0, [0.0; 2]));
    }
    assert_eq!((exact.geometric_mean.mean, exact.spectrum_error), (0.0, 0.0));
    assert_eq!(exact.correlation_time.capped, 2);
    let off = scores(&task, |_, _| wave(&[16], [1, 0], 1.0, 0.0));
    assert_eq!((off.relative_l2.mean, off.nrmse.mean), (f64::INFINITY, f64::INFINITY));
    assert!((off.vrmse.mean / (0.125 / 1e-7f64).sqrt() - 1.0).abs() < 1e-12, "{:?}", off.vrmse);
}

#[test]
fn the_forecast_of_an_ensemble_is_the_mean_of_its_members() {
    let truth = |_, _| wave(&[16], [1, 0], 1.0, 0.0);
    let task = task(field(&[16], 1), &[2], 2, truth);
    let found =
        all_scores(&task, |_, _| [wave(&[16], [1, 0], 0.6, 0.0), wave(&[16], [1, 0], 1.6, 0.0)].concat());
    assert_eq!(found.ensemble.unwrap().members, 2);
    close(found.field.unwrap().relative_l2.mean, 0.1);
}

#[test]
fn only_tasks_with_a_field_have_its_scores() {
    let truth = |_, _| wave(&[16], [1, 0], 1.0, 0.0);
    let task = Task { field: None, ..task(field(&[16], 1), &[2], 2, truth) };
    let found = all_scores(&task, |_, _| wave(&[16], [1, 0], 1.1, 0.0));
    assert_eq!(found.field, None);
    let json = serde_json::to_value(&found).unwrap();
    assert!(json.get("field").is_none());
    assert_eq!(serde_json::from_value::<Scores>(json).unwrap(), found);
    // Nor have those without a truth.
    let without = Task { trusted: vec![0], field: Some(field(&[16], 1)), ..task };
    assert_eq!(all_scores(&without, truth).field, None);
}

#[test]
fn results_carry_the_keys_that_are_a_contract() {
    let truth = |_, step| plane_wave(&[16], [1, 0], 1.0, step as f64);
    let task = task(wave_function(&[16]), &[2], 2, truth);
    let found = all_scores(&task, |_, step| plane_wave(&[16], [1, 0], 1.1, step as f64 + 0.1));
    let json = serde_json::to_value(&found).unwrap();
    for keys in [
        "horizon",
        "starts",
        "relative_l2/mean",
        "relative_l2/ci95/0",
        "nrmse/mean",
        "nrmse/ci95/1",
        "vrmse/mean",
        "vrmse/ci95/1",
        "frmse/low",
        "frmse/middle",
        "frmse/high",
        "correlation_time/threshold",
        "correlation_time/median",
        "correlation_time/ci95/0",
        "correlation_time/capped",
        "geometric_mean/mean",
        "geometric_mean/steps",
        "spectrum_error",
        "wave_function/infidelity",
        "wave_function/norm_drift",
    ] {
        assert!(json.pointer(&format!("/field/{keys}")).is_some_and(|value| value.is_number()), "{keys}");
    }
    assert_eq!(serde_json::from_value::<Scores>(json).unwrap(), found);
}

#[test]
#[should_panic(expected = "numbers in a state")]
fn states_of_another_length_are_refused() {
    Tally::new(&field(&[4, 6], 2), 1, std::iter::once(&[0.0; 24][..]));
}
