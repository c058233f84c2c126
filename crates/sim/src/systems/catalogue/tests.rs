//! Tests that every file is valid and has the published exponent.

use rayon::prelude::*;

use super::*;
use crate::lyapunov::{Following, Spectrum, spectrum};

fn files() -> impl Iterator<Item = (&'static Entry, File)> {
    AS_TEXT.iter().map(|entry| (entry, File::parse(entry.text.unwrap()).unwrap()))
}

fn system(entry: &Entry) -> Box<dyn System> {
    (entry.build)((entry.defaults)()).unwrap_or_else(|fault| panic!("{}: {fault}", entry.name))
}

#[test]
fn there_are_forty_and_each_says_what_it_is() {
    assert!(AS_TEXT.len() >= 40, "{}", AS_TEXT.len());
    for (entry, file) in files() {
        let text = entry.text.unwrap();
        assert_eq!((file.name.as_str(), file.about.as_str()), (entry.name, entry.about));
        assert!(text.starts_with("# "), "{}: a file opens with its source", file.name);
        assert!(text.lines().all(|line| line.chars().count() <= 120), "{}", file.name);
        // so that `attractor list` fits 80 columns: two spaces, the longest name, two spaces
        assert!(file.about.chars().count() <= 46 && entry.name.len() <= 30, "{}", file.name);
        assert!(file.published.number().is_some() && file.published.source.len() > 10, "{}", file.name);
        let driven = file.state.values().any(|text| {
            let expression = autodiff::Expression::parse(text).unwrap();
            expression.names().any(|name| name == "t")
        });
        assert_eq!(driven, !file.known.is_empty(), "{}: a drive is told as known", file.name);
        let system = system(entry);
        assert_eq!(system.sampling(), [file.sampling.dt, file.sampling.t_final]);
        let names: Vec<String> = system.components().into_iter().map(|component| component.name).collect();
        assert!(names.iter().eq(file.state.keys()), "{}: {names:?}", file.name);
    }
}

#[test]
fn parameters_are_overridden_by_name_and_others_are_refused() {
    let chen = AS_TEXT.iter().find(|entry| entry.name == "chen").unwrap();
    let jacobian = |given: Value| {
        let mut jacobian = [0.0; 9];
        (chen.build)(given).unwrap().jacobian(0.0, &[0.0; 3], &mut jacobian);
        jacobian
    };
    assert_eq!(jacobian(serde_json::json!({}))[..5], [-35.0, 35.0, 0.0, -7.0, 28.0]);
    assert_eq!(jacobian(serde_json::json!({"a": 30, "c": 25.5}))[..5], [-30.0, 30.0, 0.0, -4.5, 25.5]);
    let fault = |given: Value| (chen.build)(given).err().unwrap();
    let message = fault(serde_json::json!({"aa": 1.0}));
    assert_eq!(message, "parameter \"aa\" of chen is unknown; did you mean \"a\"? There are: a, b, c");
    assert!(fault(serde_json::json!({"a": "x"})).contains("a = \"x\" must be a number"));
    let damaged = build("name = 3", "chen", serde_json::json!({})).err().unwrap();
    assert!(damaged.starts_with("chen: ") && damaged.contains("name"), "{damaged}");
}

#[test]
fn a_published_number_has_half_a_unit_of_its_last_digit() {
    let of = |largest: &str| Published { largest: largest.into(), source: String::new() }.number();
    assert_eq!(of("0.0140"), Some([0.014, 0.5 * 10f64.powi(-4)]));
    assert_eq!(of("2"), Some([2.0, 0.5]));
    assert_eq!(of("2.x"), None);
}

/// The largest exponent, from `trajectories` over `samples` sample intervals each.
fn largest(entry: &Entry, trajectories: usize, samples: f64) -> Spectrum {
    let system = system(entry);
    let (region, dt) = (system.initial_region(), system.sampling()[0]);
    let following = Following {
        trajectories,
        time: samples * dt,
        transient: 0.5 * samples * dt, // vectors of flows that conserve volumes turn slowly
        ..Following::of(&*system, &region, dt, 1).unwrap()
    };
    let found = spectrum(&*system, &region, &following, &|_| true);
    found.unwrap_or_else(|fault| panic!("{}: {fault}", entry.name)).unwrap()
}

/// Describes the disagreement if the exponent in a file differs from the computed one by more than three standard errors
/// plus half the last printed digit.
fn departure(file: &File, found: &Spectrum) -> Option<String> {
    let (exponent, error) = (found.estimate.exponents[0], found.estimate.standard_errors[0]);
    let [published, half] = file.published.number().unwrap();
    let (expected, within) = match &file.computed {
        None => (published, half),
        Some(computed) => (computed.largest, 3.0 * computed.standard_error),
    };
    let apart = (exponent - expected).abs();
    println!(
        "{:32} {exponent:9.5} +- {error:.5}  {expected:<8} {:5.2} errors",
        file.name,
        (apart - within).max(0.0) / error
    );
    (apart.is_nan() || apart > 3.0 * error + within)
        .then(|| format!("{}: {exponent:.5} +- {error:.5} for {expected}", file.name))
}

fn departures(trajectories: usize, samples: f64) -> Vec<String> {
    AS_TEXT
        .par_iter()
        .filter_map(|entry| {
            let file = File::parse(entry.text.unwrap()).unwrap();
            departure(&file, &largest(entry, trajectories, samples))
        })
        .collect()
}

#[test]
fn every_largest_exponent_is_the_published_one() {
    let departures = departures(16, 10_000.0);
    assert!(departures.is_empty(), "{departures:#?}");
}

#[test]
#[ignore = "minutes: just exponents"]
fn every_largest_exponent_is_the_published_one_over_a_long_run() {
    let departures = departures(32, 100_000.0);
    assert!(departures.is_empty(), "{departures:#?}");
}
