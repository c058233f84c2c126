//! Runs made up for tests: Lorenz by Runge and Kutta, and as its forecast the same from nearly the same state.

use std::collections::BTreeMap;
use std::path::PathBuf;

use forecast::{
    ErrorGrowth, Forecasts, Loss, Nrmse, Reconstruction, Results, Scores, Summary, Training, Vpt, VptAt,
};
use trajectory::Component;

use crate::run::{Metrics, RunFiles};

const EXPONENT: f64 = 0.9056;

/// States [time, component] after `from`, `dt` apart.
fn lorenz(from: [f64; 3], dt: f64, count: usize) -> Vec<f64> {
    let rate =
        |u: [f64; 3]| [10.0 * (u[1] - u[0]), u[0] * (28.0 - u[2]) - u[1], u[0] * u[1] - 8.0 / 3.0 * u[2]];
    let mut u = from;
    let mut states = Vec::new();
    for _ in 0..count {
        let along = |k: [f64; 3], h: f64| [0, 1, 2].map(|i| u[i] + h * k[i]);
        let k1 = rate(u);
        let k2 = rate(along(k1, dt / 2.0));
        let k3 = rate(along(k2, dt / 2.0));
        let k4 = rate(along(k3, dt));
        u = [0, 1, 2].map(|i| u[i] + dt / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]));
        states.extend(u);
    }
    states
}

fn scores(chaotic: bool, quality: f64) -> Scores {
    let summary = Summary {
        median: quality,
        mean: quality + 0.1,
        p10: quality / 2.0,
        ci95: [quality - 0.2, quality + 0.3],
    };
    let at = VptAt { threshold: 0.4, summary, capped: 0 };
    let time: Vec<f64> = (1..=200).map(|i| 0.13 * f64::from(i)).collect();
    let error = |factor: f64| -> Vec<f64> {
        time.iter()
            .map(|t| (factor * (EXPONENT * (t - quality / EXPONENT)).exp()).min(1.3 * factor.powf(0.2)))
            .collect()
    };
    Scores {
        one_step_rmse: 1e-4 / quality,
        nrmse: Nrmse {
            horizon: 20.0,
            starts: 200,
            capped: 0,
            block: 1,
            median: 1.0 / quality,
            p90: 2.0 / quality,
            ci95: [0.9 / quality, 1.1 / quality],
        },
        vpt: chaotic.then(|| Vpt {
            main: at,
            lyapunov_exponent: EXPONENT,
            starts: 200,
            ceiling: 24.7,
            ceiling_p10: 22.0,
            other_thresholds: vec![],
        }),
        error_growth: ErrorGrowth { p10: error(0.1), median: error(0.4), p90: error(1.5), time },
        diverged: 0,
        simulation: None,
        lyapunov: chaotic.then_some(forecast::LyapunovScores {
            exponent: Some(0.891),
            standard_error: Some(0.0172),
            time: 44.17,
            starts: 20,
            left: 0,
        }),
        climate: None,
        ensemble: None,
        field: None,
        step_microseconds: 1.0,
    }
}

/// A run with everything that pictures show: an autoencoder that is an ensemble, too.
pub(crate) fn run(experiment: &str, seed: u64, hidden: usize) -> RunFiles {
    let quality = 3.0 + (hidden as f64).log2() + 0.1 * seed as f64;
    let start = [1.0, 1.0 + 0.01 * seed as f64, 20.0];
    let (steps, dt) = (800, 0.03);
    let truth = lorenz(start, dt, steps);
    let forecast = lorenz([1.0, 1.003, 20.0], dt, steps);
    let member = |i: usize| lorenz([1.0, 1.0 + 0.001 * i as f64, 20.0], dt, steps);
    let mut held = truth.repeat(3);
    // From some time on the truth is not known any more.
    held[3 * 700..3 * 800].fill(f64::NAN);
    let components = ["x", "y", "z"].map(|name| Component::new(name, "1")).to_vec();
    let results = Results {
        experiment: experiment.into(),
        system: "lorenz".into(),
        observed: None,
        components,
        axes: vec![],
        model: "autoencoder".into(),
        parameters: 8771,
        seed,
        device: "cpu".into(),
        train: Training {
            seconds: 41.04,
            steps: 20_000,
            step_seconds: 35.0,
            examples_per_second: 1.2e5,
            loss: Loss { train: 1e-6, validation: 1e-6 },
            best_step: 19_500,
        },
        scores: scores(true, quality),
        baselines: BTreeMap::from([
            ("persistence".into(), scores(true, 0.3)),
            ("linear".into(), scores(true, 0.4)),
            ("polynomial".into(), scores(true, 15.0)),
        ]),
        reconstruction: [1, 2, 3, 4]
            .map(|latent| Reconstruction { latent, error: 10f64.powi(-(latent as i32)), steps: 2000 })
            .to_vec(),
        not_applicable: BTreeMap::new(),
        solvers: vec![],
        reduction: None,
        chosen: BTreeMap::new(),
        suspicions: vec![],
    };
    let metrics = (1..=400).map(|i| Metrics {
        step: 50 * i,
        seconds: i as f64,
        train_loss: 1.0 / (i as f64).powi(2),
        validation_loss: (1.2 + 0.3 * (i as f64).sin()) / (i as f64).powi(2),
        learning_rate: Some(1e-3),
    });
    RunFiles {
        directory: PathBuf::from("runs").join(experiment).join(format!("20261123T000000.000Z-{seed:04}")),
        experiment: experiment.into(),
        departures: None,
        resolved: format!(
            "seed = {seed}\n[data]\ndt = 0.01\n[model]\nhidden = {hidden}\nlatent = 3\nname = \"autoencoder\"\n\
             [system]\nname = \"lorenz\"\n"
        ),
        environment: serde_json::json!({"version": "0.1.0", "threads": 2, "cpu": "a <b>cpu</b>"}),
        metrics: metrics.collect(),
        results: Some(results),
        forecasts: Some(Forecasts {
            valid_times: (0..200).map(|i| quality + 2.0 * (f64::from(i) * 0.7).sin()).collect(),
            nrmse: vec![1.0; 200],
            shown: vec![10.0, 20.0, 30.0],
            time: (1..=steps).map(|i| i as f64 * dt).collect(),
            truth: held,
            forecast: forecast.repeat(3),
            members: (0..10).flat_map(member).collect(),
            attractor_truth: lorenz(start, 0.02, 2500),
            attractor_forecast: lorenz([1.0, 1.003, 20.0], 0.02, 2500),
            latent: truth[..3 * 700].iter().map(|x| 0.05 * x).collect(),
            latent_size: 3,
        }),
    }
}

/// A run on the damped oscillator: not chaotic, two components with units.
pub(crate) fn oscillator() -> RunFiles {
    let mut run = run("ffnn-oscillator", 0, 16);
    let steps = 200;
    let time: Vec<f64> = (1..=steps).map(|i| 0.1 * f64::from(i)).collect();
    let course = |phase: f64| -> Vec<f64> {
        let at = |t: &f64| [(-0.1 * t).exp() * (t + phase).cos(), -(-0.1 * t).exp() * (t + phase).sin()];
        time.iter().flat_map(at).collect()
    };
    run.forecasts = Some(Forecasts {
        nrmse: vec![0.1; 200],
        shown: vec![0.0],
        truth: course(0.0),
        forecast: course(0.05),
        time,
        ..Forecasts::default()
    });
    run.resolved = run.resolved.replace("\"lorenz\"", "\"oscillator\"");
    if let Some(results) = &mut run.results {
        results.system = "oscillator".into();
        results.components = vec![Component::new("x", "m"), Component::new("v", "m/s")];
        results.scores = scores(false, 5.0);
        results.baselines = BTreeMap::from([("linear".into(), scores(false, 2.0))]);
        results.reconstruction.clear();
    }
    run
}
