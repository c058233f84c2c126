//! Complete trainings of about a second each, on inputs that used to give wrong values without an error.
#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use std::path::Path;

use dataset::arrays::read_npz;
use forecast::{Check, Results};
use models::tensors::Tensors;
use runner::{Build, Interrupt, MODELS, Outcome, Progress, Run, Step, evaluate, load, train};

/// Collects the notes.
#[derive(Default)]
struct Notes(Vec<String>);

impl Progress for Notes {
    fn stage(&mut self, _what: &str) {}
    fn step(&mut self, _at: &Step) {}
    fn part(&mut self, _done: u64, _of: u64, _what: &str, _seconds_left: f64) {}
    fn note(&mut self, what: &str) {
        self.0.push(what.into());
    }
}

fn build() -> Build {
    Build { version: "0".into(), git_revision: String::new(), git_dirty: false }
}

/// Trains the experiment given as text, with overrides, in `folder`.
fn trained(folder: &Path, text: &str, overrides: &[&str]) -> Result<(Run, Results, Vec<String>), String> {
    let path = folder.join("tried.toml");
    std::fs::write(&path, text).unwrap();
    let overrides: Vec<String> = overrides.iter().map(|&pair| pair.to_owned()).collect();
    let (name, experiment) = load(path.to_str().unwrap(), &overrides).map_err(|error| error.to_string())?;
    let mut notes = Notes::default();
    match train(&name, &experiment, "cpu", folder, &build(), &Interrupt::default(), &mut notes) {
        Ok(Outcome::Done(run, results)) => Ok((run, *results, notes.0)),
        Ok(Outcome::Interrupted(..) | Outcome::Stopped(..)) => panic!("nobody interrupted it"),
        Err(error) => Err(error.to_string()),
    }
}

fn scored_again(run: &Run, overrides: &[&str]) -> Results {
    let overrides: Vec<String> = overrides.iter().map(|&pair| pair.to_owned()).collect();
    evaluate(run, &overrides, None, "cpu", &build(), &mut Notes::default()).unwrap()
}

fn checks(results: &Results) -> Vec<Check> {
    results.suspicions.iter().map(|found| found.check).collect()
}

/// A spring whose stiffness is a constant of each trajectory, a third component of the state.
fn spring(factor: f64) -> String {
    let (low, high) = (0.5 / factor, 1.5 / factor);
    format!(
        "[system]\nname = \"equations\"\n\
         state = {{ x = \"y\", y = \"-{factor:?}*c*x\", c = \"0\" }}\n\
         initial = {{ x = [-1.0, 1.0], y = [-1.0, 1.0], c = [{low:?}, {high:?}] }}\n\
         [data]\ntrajectories = 40\nt_final = 10.0\n\
         [model]\nname = \"ffnn\"\n\
         [train]\nsteps = 1500\n\
         [evaluate]\nstarts = 20\nlyapunov_exponent = 0.0\npolynomial_degree = 2\n"
    )
}

/// Whether the last of three components keeps its initial value in every forecast of a run.
fn third_stays(run: &Run) -> bool {
    let file = read_npz(&run.directory().join("forecasts.npz")).unwrap();
    let [truth, forecast] = ["truth", "forecast"].map(|name| file.get(name).unwrap().clone());
    let thirds = |values: &[f64]| values.iter().skip(2).step_by(3).copied().collect::<Vec<f64>>();
    assert_eq!(truth.shape[2], 3);
    // the mean of an ensemble rounds
    let alike = |(a, b): (f64, f64)| (a - b).abs() <= 1e-14 * a.abs();
    thirds(&truth.values).into_iter().zip(thirds(&forecast.values)).all(alike)
}

#[test]
fn a_component_that_is_constant_along_each_trajectory_is_forecast_so_in_any_units() {
    let folder = tempfile::tempdir().unwrap();
    let errors = [1.0, 1000.0, 1e9].map(|factor| {
        let (run, results, _) = trained(folder.path(), &spring(factor), &[]).unwrap();
        assert!(third_stays(&run), "{factor}");
        assert_eq!((results.scores.diverged, results.suspicions), (0, vec![]), "{factor}");
        assert!(results.baselines.values().all(|scores| scores.nrmse.median.is_finite()), "{factor}");
        (results.scores.one_step_rmse, results.scores.nrmse.median)
    });
    println!("{errors:?}");
    for (one_step, nrmse) in errors {
        assert!(one_step < 0.01 && (one_step / errors[0].0 - 1.0).abs() < 0.2, "{errors:?}");
        assert!(nrmse < 1.0 && (nrmse / errors[0].1 - 1.0).abs() < 0.5, "{errors:?}");
    }
}

#[test]
fn every_model_keeps_a_constant_component() {
    let folder = tempfile::tempdir().unwrap();
    for model in MODELS {
        let name = format!("model.name={}", model.name);
        let few: &[&str] = match model.training {
            models::Training::Steps { .. } => &["train.steps=30", "train.validate_every=10"],
            models::Training::Fit(_) => &[],
        };
        // fitted models have no steps to set
        let text = spring(1000.0).replace("[train]\nsteps = 1500\n", "");
        let (run, results, _) = trained(folder.path(), &text, &[&[&*name], few].concat()).unwrap();
        assert!(third_stays(&run), "{}", model.name);
        assert!(results.train.loss.validation.is_finite() && results.scores.diverged == 0, "{}", model.name);
        // again from the file, whose scale of the increments of c is 0
        assert_eq!(scored_again(&run, &[]).scores.nrmse, results.scores.nrmse, "{}", model.name);
    }
}

/// The settings of noise and free running, which use the scales in their own ways.
#[test]
fn a_constant_component_takes_part_in_every_recipe() {
    let folder = tempfile::tempdir().unwrap();
    for recipe in [["train.unroll=4"], ["train.input_noise=0.01"]] {
        for model in ["ffnn", "rnn", "autoencoder"] {
            let name = format!("model.name={model}");
            let overrides = [&[&*name, "train.steps=60"][..], &recipe].concat();
            let (run, results, _) = trained(folder.path(), &spring(1000.0), &overrides).unwrap();
            assert!(third_stays(&run) && results.scores.diverged == 0, "{overrides:?}");
            assert_eq!(results.suspicions, [], "{overrides:?}");
        }
    }
}

/// A driven oscillator without known inputs.
const DRIVEN: &str = "[system]\nname = \"equations\"\n\
                      state = { x = \"v\", v = \"-x - 0.4*v + cos(0.5*t)\" }\n\
                      initial = { x = [-2.0, 2.0], v = [-2.0, 2.0] }\n\
                      [data]\ntrajectories = 20\nt_final = 5.0\n\
                      [model]\nname = \"polynomial\"\n\
                      [evaluate]\nstarts = 10\nlyapunov_exponent = 0.0\n";

#[test]
fn a_time_that_no_forecaster_is_told_is_noted_and_stands_in_the_results() {
    let folder = tempfile::tempdir().unwrap();
    let (run, results, notes) = trained(folder.path(), DRIVEN, &[]).unwrap();
    assert_eq!(checks(&results), [Check::TimeNotKnown]);
    assert!(notes.iter().any(|note| note.contains("system.known = { cos_phase")), "{notes:?}");
    assert_eq!(checks(&scored_again(&run, &[])), [Check::TimeNotKnown]);
    let told = DRIVEN
        .replace("initial", "known = { cos_phase = \"cos(0.5*t)\", sin_phase = \"sin(0.5*t)\" }\ninitial");
    let (_, better, notes) = trained(folder.path(), &told, &[]).unwrap();
    assert_eq!((checks(&better), notes), (vec![], vec![]));
    assert!(better.scores.one_step_rmse < 1e-6 && results.scores.one_step_rmse > 1e-3);
}

#[test]
fn known_inputs_are_tried_at_every_time_of_training_and_scoring() {
    let folder = tempfile::tempdir().unwrap();
    let with = |known: &str| {
        let text = DRIVEN.replace("initial", &format!("known = {{ k = \"{known}\" }}\ninitial"));
        trained(folder.path(), &text, &[]).map(|_| ()).unwrap_err()
    };
    // one time within the training samples, and one that only the scoring reaches: transient and horizon are as long as a
    // trajectory, 5 each
    for (known, words) in
        [("1/(t - 2.5)", "known.k is inf at t = 2.5"), ("log(9 - t)", "known.k is -inf at t = 9")]
    {
        let fault = with(known);
        assert!(fault.contains(words), "{fault}");
    }
}

/// A chaotic system of which training takes a moment.
const LORENZ: &str = "[system]\nname = \"lorenz\"\n[data]\ntrajectories = 20\nt_final = 4.0\n\
                      [model]\nname = \"polynomial\"\ndegree = 3\n\
                      [evaluate]\nstarts = 10\nlong_run = 0.0\nlyapunov_exponent = 0.9\npolynomial_degree = 2\n";

#[test]
fn trajectories_that_are_all_the_same_are_suspicious_and_others_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let (_, results, _) = trained(folder.path(), LORENZ, &["data.initial=[[1,1],[2,2],[20,20]]"]).unwrap();
    assert_eq!(checks(&results), [Check::SharedSamples]);
    let message = &results.suspicions[0].message;
    assert!(
        message.contains("2 of the 2 test trajectories") && message.contains("10 of the 10 held-out"),
        "{message}"
    );
    for overrides in [
        &[][..],
        // one component in 24 bits: thousands of its samples are equal to one of another trajectory
        &["data.solver=rk4", "data.solver.precision=f32", "data.observe=[\"x\"]", "data.trajectories=100"],
        // starts that differ in what is not seen
        &["data.initial=[[1,1],[-15,15],[-15,15]]", "data.observe=[\"x\"]"],
        // all end in one of two fixed points
        &["system.rho=2", "data.t_final=40", "evaluate.lyapunov_exponent=0"],
    ] {
        let (_, results, _) = trained(folder.path(), LORENZ, overrides).unwrap();
        assert!(!checks(&results).contains(&Check::SharedSamples), "{overrides:?}: {:?}", results.suspicions);
    }
}

#[test]
fn scales_of_other_trajectories_are_suspicious() {
    let folder = tempfile::tempdir().unwrap();
    let (run, results, _) = trained(folder.path(), LORENZ, &[]).unwrap();
    assert_eq!(checks(&results), []);
    let path = run.directory().join("model.safetensors");
    let mut model = Tensors::load(&path).unwrap();
    let mut mean = model.f64("normalisation.mean").unwrap().to_vec();
    mean[1] += 0.1;
    model.insert_f64("normalisation.mean", mean);
    model.save(&path).unwrap();
    assert_eq!(checks(&scored_again(&run, &[])), [Check::NormalisationSawTest]);
}

#[test]
fn valid_times_beyond_what_a_number_holds_are_suspicious() {
    let folder = tempfile::tempdir().unwrap();
    // not chaotic, whatever exponent it is scored with: the forecasts of a linear map stay valid for ever
    let text = LORENZ.replace("lorenz", "oscillator").replace("t_final = 4.0", "t_final = 20.0");
    let (run, results, _) = trained(folder.path(), &text, &["evaluate.lyapunov_exponent=0.5"]).unwrap();
    assert_eq!(checks(&results), [Check::AboveCeiling]);
    assert!(results.suspicions[0].message.contains("10 of 10 forecasts"), "{:?}", results.suspicions);
    assert_eq!(checks(&scored_again(&run, &["evaluate.lyapunov_exponent=0"])), []);
}

#[test]
fn a_model_that_gives_back_the_present_is_suspicious() {
    let folder = tempfile::tempdir().unwrap();
    // Because of the symmetry, x alone says nothing about where x goes, so a polynomial in x cannot do better.
    let overrides = [
        "data.observe=[\"x\"]",
        "model.degree=2",
        "data.solver=rk4",
        "data.solver.precision=f32",
        "data.trajectories=60",
    ];
    let (_, results, _) = trained(folder.path(), LORENZ, &overrides).unwrap();
    assert_eq!(checks(&results), [Check::EqualsPersistence], "{:?}", results.scores.one_step_rmse);
}

#[test]
fn a_baseline_that_cannot_be_fitted_forbids_no_run() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[system]\nname = \"lorenz96\"\nvariables = 60\n[data]\ntrajectories = 10\nt_final = 1.0\n\
                [model]\nname = \"ffnn\"\nhidden = 8\n[train]\nsteps = 5\n\
                [evaluate]\nstarts = 2\nlyapunov_exponent = 0.0\npolynomial_degree = 3\n";
    let (run, results, notes) = trained(folder.path(), text, &[]).unwrap();
    assert_eq!(results.baselines.keys().collect::<Vec<_>>(), ["linear", "persistence"]);
    let reason = &results.not_applicable["polynomial"];
    assert!(reason.starts_with("degree = 3 makes 39711 monomials of 60 inputs; at most 2000"), "{reason}");
    assert!(
        notes.iter().any(|note| note.starts_with("the baseline polynomial is not applicable")),
        "{notes:?}"
    );
    assert_eq!(run.results().unwrap(), results);
    let again = scored_again(&run, &["evaluate.polynomial_degree=1"]);
    assert!(again.not_applicable.is_empty() && again.baselines.len() == 3);
}
