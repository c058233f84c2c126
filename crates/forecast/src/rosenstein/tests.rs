use sim::systems::{Lorenz, Rossler};
use sim::{Solver, System};
use trajectory::Times;
use trajectory::random::{normal, stream};

use super::*;

/// The first component of a system on its attractor.
fn x_of(system: &dyn System, start: &[f64], dt: f64, transient: usize, samples: usize) -> Vec<f64> {
    let times = Times::new(dt, transient + samples - 1).unwrap();
    let runs = system.ensemble(&[start.to_vec()], &times, &Solver::default()).unwrap();
    (transient..transient + samples).map(|i| runs.state(0, i)[0]).collect()
}

fn found(x: &[f64], dt: f64) -> Estimate {
    let mut parts = Vec::new();
    let found = estimate(&[x], dt, Embedding::default(), &mut |part| parts.push(part)).unwrap();
    assert!(parts.is_sorted() && parts.iter().all(|part| (0.0..=1.0).contains(part)), "{parts:?}");
    let Estimate { exponent, standard_error, delay, dimension, separation, fit, growth, .. } = &found;
    println!(
        "{exponent:.4} +- {standard_error:.4}, delay {delay}, dimension {dimension}, apart {separation}"
    );
    println!("  fit {fit:?}, growth {growth:.2}, {:?}", found.verdict);
    found
}

fn is_unreliable(found: &Estimate, why: &str) {
    let said = matches!(&found.verdict, Verdict::Unreliable(because) if because.contains(why));
    assert!(said, "{:?} {}", found.verdict, found.exponent);
}

#[test]
fn lorenz_has_the_published_exponent() {
    // Sprott, "Chaos and Time-Series Analysis" (2003), p. 431: 0.9056
    let x = x_of(&Lorenz::default(), &[1.0, 2.0, 20.0], 0.02, 2000, 20_000);
    let whole = found(&x, 0.02);
    assert!((whole.exponent - 0.9056).abs() < 0.1 && whole.standard_error < 0.1, "{}", whole.exponent);
    assert_eq!((whole.verdict, whole.dimension), (Verdict::Chaotic, 3));
    // The same in pieces, in another unit of the quantity and of time.
    let scaled: Vec<f64> = x.iter().map(|x| 1e6 + 300.0 * x).collect();
    let pieces: Vec<&[f64]> = [&scaled[..7000], &scaled[7000..12_000], &scaled[12_000..], &[1e6, 1e6]].into();
    let pieces = estimate(&pieces, 2.0, Embedding::default(), &mut |_| {}).unwrap();
    assert!((100.0 * pieces.exponent - whole.exponent).abs() < 0.1, "{}", pieces.exponent);
    assert_eq!(pieces.verdict, Verdict::Chaotic);
    // What is set is used.
    let asked = Embedding { delay: Some(5), dimension: Some(4), separation: Some(100) };
    let set = estimate(&[&x], 0.02, asked, &mut |_| {}).unwrap();
    assert_eq!((set.delay, set.dimension, set.separation, set.false_neighbours), (5, 4, 100, None));
    assert!((set.exponent - 0.9056).abs() < 0.15 && set.fit[0] >= 0.3, "{} {:?}", set.exponent, set.fit);
}

#[test]
fn rossler_has_about_the_published_exponent() {
    // Sprott, p. 432: 0.0714
    let found = found(&x_of(&Rossler::default(), &[1.0, 2.0, 1.0], 0.1, 4000, 50_000), 0.1);
    assert!(
        (found.exponent / 0.0714 - 1.0).abs() < 0.25 && found.standard_error < 0.02,
        "{}",
        found.exponent
    );
    assert_eq!(found.verdict, Verdict::Chaotic);
}

#[test]
fn maps_have_the_exponents_of_their_equations() {
    // ln 2 of the logistic map at 4; 0.419 of the Hénon map (Sprott, p. 421)
    let logistic: Vec<f64> =
        std::iter::successors(Some(0.3f64), |u| Some(4.0 * u * (1.0 - u))).take(5000).collect();
    let found = [found(&logistic, 1.0), {
        let henon =
            std::iter::successors(Some([0.1f64, 0.1]), |[a, b]| Some([1.0 - 1.4 * a * a + b, 0.3 * a]));
        found(&henon.map(|[a, _]| a).take(5000).collect::<Vec<_>>(), 1.0)
    }];
    for (found, right) in found.iter().zip([2f64.ln(), 0.419]) {
        assert!((found.exponent - right).abs() < 0.03, "{} {right}", found.exponent);
        assert_eq!(found.verdict, Verdict::Chaotic);
    }
}

#[test]
fn what_repeats_itself_is_not_chaotic() {
    let mut random = stream(0, "noise", 0);
    let sine = |i: u32| (0.1234 * f64::from(i)).sin();
    let torus = |i: u32| sine(i) + 0.4 * (0.2 * f64::from(i)).cos();
    for of in [&mut |i| sine(i), &mut |i| torus(i), &mut |i| sine(i) + 0.02 * normal(&mut random)]
        as [&mut dyn FnMut(u32) -> f64; 3]
    {
        let found = found(&(0..8000).map(of).collect::<Vec<_>>(), 1.0);
        assert!(found.exponent.abs() < 1e-3, "{}", found.exponent);
        assert_eq!(found.verdict, Verdict::NotChaotic);
    }
}

#[test]
fn noise_is_not_taken_for_chaos() {
    let mut random = stream(0, "noise", 1);
    let white: Vec<f64> = (0..5000).map(|_| normal(&mut random)).collect();
    is_unreliable(&found(&white, 1.0), "as far apart as randomly chosen states");
    for memory in [0.9, 0.99, 1.0] {
        let mut x = 0.0;
        let mut next = || {
            x = memory * x + normal(&mut random);
            x
        };
        let colored: Vec<f64> = (0..5000).map(|_| next()).collect();
        is_unreliable(&found(&colored, 1.0), "");
    }
    // Chaos that is too short to be seen.
    let short = x_of(&Rossler::default(), &[1.0, 2.0, 1.0], 0.1, 4000, 2000);
    is_unreliable(&found(&short, 0.1), "too short");
}

#[test]
fn what_has_no_exponent_is_refused() {
    let refused = |segments: &[&[f64]], asked: Embedding, words: &str| {
        let error = estimate(segments, 1.0, asked, &mut |_| {}).unwrap_err();
        assert!(error.contains(words), "{error}");
    };
    let sine: Vec<f64> = (0..300).map(|i| (0.1 * f64::from(i)).sin()).collect();
    refused(&[&sine[..199], &sine[..50]], Embedding::default(), "the longest segment has 199 samples");
    refused(&[], Embedding::default(), "has 0 samples");
    refused(&[&[0.1; 300]], Embedding::default(), "never changes");
    let wide = Embedding { delay: Some(80), dimension: Some(4), separation: None };
    refused(&[&sine], wide, "vectors of 4 components 80 samples apart");
}
