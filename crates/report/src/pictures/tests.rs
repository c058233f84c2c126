use resvg::tiny_skia::Pixmap;

use super::*;
use crate::sample::{oscillator, run};

/// Nothing that is drawn is off the paper by more than a label, or not a number.
fn check(picture: &Picture) {
    let Picture { name, svg, .. } = picture;
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"), "{name}");
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{name}");
    let attributes = |key: &str| -> Vec<f64> {
        svg.split(&format!(" {key}=\""))
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap().parse().unwrap())
            .collect()
    };
    for key in ["x", "y", "cx", "cy"] {
        assert!(attributes(key).iter().all(|at| (-500.0..40_000.0).contains(at)), "{name}: {key}");
    }
    for path in svg.split(" d=\"M").skip(1) {
        let path = path.split('"').next().unwrap();
        let path = path.trim_end_matches('z');
        assert!(
            path.split(['l', 'L', 'M', 'H', 'V', 'z', ',', ' '])
                .filter(|n| !n.is_empty())
                .all(|n| n.parse::<i32>().is_ok()),
            "{name}: {path}"
        );
    }
    assert!(!picture.caption.is_empty() && picture.caption.ends_with('.'), "{name}");
    let pixels = Pixmap::decode_png(&picture.png().unwrap()).unwrap();
    let white = pixels.pixels().iter().filter(|p| (p.red(), p.green(), p.blue()) == (255, 255, 255)).count();
    let drawn = pixels.pixels().len() - white;
    assert!(pixels.width() == 1600 && drawn > 10_000, "{name}: {drawn} pixels drawn");
}

fn names(pictures: &[Picture]) -> Vec<&str> {
    pictures.iter().map(|picture| picture.name.as_str()).collect()
}

#[test]
fn a_run_with_everything_has_every_picture_and_none_is_blank() {
    let pictures = pictures(&run("autoencoder-lorenz", 0, 64)).unwrap();
    assert_eq!(
        names(&pictures),
        [
            "forecast",
            "attractor",
            "error_growth",
            "valid_times",
            "loss",
            "latent_space",
            "ensemble",
            "reconstruction"
        ]
    );
    pictures.iter().for_each(check);
    for (picture, labels) in pictures.iter().zip([
        &["time (Lyapunov times)", ">x<", ">y<", ">z<", "valid for"][..],
        &[">x<", ">y<", ">z<", ">truth<", ">long-run forecast<"],
        &[
            "time (Lyapunov times)",
            "error (standard deviations)",
            "10th to 90th",
            "truth holds for 24.7",
            "threshold",
        ],
        &["valid prediction time (Lyapunov times)", "starts (number)", "median"],
        &["training (optimiser steps)", "loss (dimensionless)", "validation"],
        &["latent 1", "latent 2", "latent 3"],
        &["time (Lyapunov times)", "all members", "middle half", "truth"],
        &["latent components (number)", "reconstruction error (std.)"],
    ]) {
        for label in labels {
            assert!(picture.svg.contains(label), "{} has no {label}", picture.name);
        }
    }
}

#[test]
fn what_is_not_chaotic_has_seconds_and_a_plane() {
    let pictures = pictures(&oscillator()).unwrap();
    assert_eq!(names(&pictures), ["forecast", "attractor", "error_growth", "loss"]);
    pictures.iter().for_each(check);
    assert!(pictures[0].svg.contains("time (s)") && pictures[0].svg.contains("v (m/s)"));
    assert!(pictures[1].turn.is_none() && pictures[1].svg.contains("x (m)"));
}

#[test]
fn a_run_of_which_little_is_there_has_what_there_is() {
    let whole = run("autoencoder-lorenz", 0, 64);
    let old = RunFiles { forecasts: None, ..whole.clone() };
    assert_eq!(names(&pictures(&old).unwrap()), ["error_growth", "loss", "reconstruction"]);
    let fitted = RunFiles { metrics: vec![], ..old };
    assert_eq!(names(&pictures(&fitted).unwrap()), ["error_growth", "reconstruction"]);
    let begun = RunFiles { results: None, ..whole };
    pictures(&begun).unwrap().iter().for_each(check);
    let empty = RunFiles { forecasts: Some(::forecast::Forecasts::default()), ..fitted };
    assert_eq!(pictures(&empty).unwrap().len(), 2);
}

#[test]
fn what_is_not_finite_is_left_out() {
    let mut broken = run("autoencoder-lorenz", 0, 64);
    if let Some(forecasts) = &mut broken.forecasts {
        let middle = forecasts.forecast.len() / 6;
        forecasts.forecast[middle..].fill(f64::INFINITY);
        forecasts.members[3000..].fill(f64::NAN);
        forecasts.attractor_forecast[3000..].fill(1e300);
        forecasts.valid_times[3] = f64::INFINITY;
        forecasts.valid_times[4] = 1e300;
        forecasts.valid_times[5] = -1.0;
        forecasts.latent[30..60].fill(f64::NAN);
    }
    if let Some(results) = &mut broken.results {
        results.scores.error_growth.p90[100..].fill(f64::INFINITY);
        results.scores.error_growth.median[150..].fill(f64::INFINITY);
    }
    broken.metrics[7].train_loss = f64::NAN;
    broken.metrics[9].validation_loss = 0.0;
    let pictures = pictures(&broken).unwrap();
    assert_eq!(pictures.len(), 8);
    pictures.iter().for_each(check);
}

#[test]
fn a_field_is_drawn_with_truth_forecast_and_difference() {
    let axis = |name: &str, points| trajectory::Axis { name: name.into(), points, length: 22.0 };
    for axes in [vec![axis("x", 6)], vec![axis("y", 2), axis("x", 3)]] {
        let mut field = run("lstm-kuramoto_sivashinsky", 0, 64);
        let Some((forecasts, results)) = field.forecasts.as_mut().zip(field.results.as_mut()) else {
            panic!()
        };
        let wide = |states: &mut Vec<f64>| *states = states.chunks(3).flat_map(|u| u.repeat(2)).collect();
        [&mut forecasts.truth, &mut forecasts.forecast, &mut forecasts.members].into_iter().for_each(wide);
        results.components = vec![trajectory::Component::new("u", "1")];
        results.axes = axes;
        let pictures = super::pictures(&field).unwrap();
        assert_eq!(
            names(&pictures),
            ["forecast", "error_growth", "valid_times", "loss", "latent_space", "reconstruction"]
        );
        pictures.iter().for_each(check);
        assert!([">truth", ">forecast", ">difference"].iter().all(|title| pictures[0].svg.contains(title)));
        assert!(pictures[0].caption.contains("difference of the field"), "{}", pictures[0].caption);
    }
}

#[test]
fn one_component_is_drawn_against_itself_and_of_many_the_first_are_shown() {
    let mut one = run("autoencoder-lorenz-x", 0, 64);
    let only_x = |states: &mut Vec<f64>| *states = states.iter().step_by(3).copied().collect();
    if let (Some(forecasts), Some(results)) = (&mut one.forecasts, &mut one.results) {
        [&mut forecasts.truth, &mut forecasts.forecast, &mut forecasts.members].into_iter().for_each(only_x);
        [&mut forecasts.attractor_truth, &mut forecasts.attractor_forecast].into_iter().for_each(only_x);
        results.components.truncate(1);
    }
    let pictures = super::pictures(&one).unwrap();
    assert_eq!(pictures.len(), 8);
    pictures.iter().for_each(check);
    assert!(pictures[1].svg.contains(" samples before<") && pictures[1].turn.is_none());

    let mut many = run("lorenz96", 0, 64);
    if let (Some(forecasts), Some(results)) = (&mut many.forecasts, &mut many.results) {
        let wide = |states: &mut Vec<f64>| {
            *states = states.chunks(3).flat_map(|state| state.repeat(3)).collect();
        };
        [&mut forecasts.truth, &mut forecasts.forecast, &mut forecasts.members].into_iter().for_each(wide);
        [&mut forecasts.attractor_truth, &mut forecasts.attractor_forecast].into_iter().for_each(wide);
        results.components.clear();
    }
    let pictures = super::pictures(&many).unwrap();
    pictures.iter().for_each(check);
    assert!(pictures[0].caption.contains("the first 6 of 9 components") && pictures[0].svg.contains(">u5<"));
    assert!(pictures[1].caption.contains("the first 3 of 9 components"));
}
