use trajectory::Component;

use super::{Drawn, Picture};
use crate::axis::Axis;
use crate::chart::{Chart, Mark, Shape, draw};
use crate::palette::Ink;
use crate::run::RunFiles;
use crate::scene::{Panel, Scene};
use crate::shown::{Shown, axis_label};

/// What a curve is called, in which ink, and its states.
pub(crate) type Curve<'a> = (&'a str, Ink, &'a [f64]);

/// The attractor of the truth beside that of a long forecast; of a system that is not chaotic the course of one.
pub(super) fn attractor(run: &RunFiles, points: usize) -> Drawn {
    let Some(shown) = Shown::of(run).filter(|shown| shown.axes.is_empty()) else { return Ok(None) };
    let forecasts = shown.forecasts;
    let long = !forecasts.attractor_truth.is_empty();
    let (truth, forecast) = match long {
        true => (&forecasts.attractor_truth[..], &forecasts.attractor_forecast[..]),
        false => {
            let size = shown.forecasts.time.len() * shown.dim();
            (&forecasts.truth[..size], &forecasts.forecast[..size])
        }
    };
    if !long && shown.dim() < 2 {
        return Ok(None);
    }
    let caption = match long {
        true => "The attractor: states of the truth, and of one long free forecast.",
        false => {
            "The course of the truth and of the forecast from the start of median score, in the space of the states."
        }
    };
    let title = if long { "long-run forecast" } else { "forecast" };
    let curves = [("truth", Ink::Truth, truth), (title, Ink::Forecast, forecast)];
    in_space("attractor", caption, &shown.components, &curves, points)
}

/// The latent states along the truth.
pub(super) fn latent_space(run: &RunFiles, points: usize) -> Drawn {
    let Some(shown) = Shown::of(run).filter(|shown| !shown.forecasts.latent.is_empty()) else {
        return Ok(None);
    };
    let (latent, dim) = (&shown.forecasts.latent, shown.forecasts.latent_size);
    let components: Vec<Component> = (1..=dim).map(|i| Component::new(&format!("latent {i}"), "1")).collect();
    let caption =
        "The latent space: where the truth after the start of median score is, as the model encodes it.";
    in_space("latent_space", caption, &components, &[("latent states", Ink::Train, latent)], points)
}

/// Curves [sample, component] in space or in the plane of their components; of a single component against the same
/// some samples before (Takens 1981). Axes follow the first curve.
pub(crate) fn in_space(
    name: &str,
    caption: &str,
    components: &[Component],
    curves: &[Curve],
    points: usize,
) -> Drawn {
    let Some((_, _, first)) = curves.first() else { return Ok(None) };
    let dim = components.len();
    let values = |component: usize| first.iter().skip(component).step_by(dim).copied();
    let axis = |component: usize| {
        let axis = Axis::linear(axis_label(&components[component]), values(component))?;
        // Room for a forecast that goes a little farther.
        Some(axis.clone().within(axis.at(-0.06), axis.at(1.06)))
    };
    let of = match dim {
        4.. => format!(" Shown are the first 3 of {dim} components."),
        _ => String::new(),
    };
    if dim >= 3 {
        let (Some(x), Some(y), Some(z)) = (axis(0), axis(1), axis(2)) else { return Ok(None) };
        let panel = |(title, ink, states): &Curve| Panel {
            title: (*title).into(),
            ink: *ink,
            curve: states.chunks_exact(dim).map(|state| [state[0], state[1], state[2]]).collect(),
        };
        let scene = Scene { axes: [x, y, z], panels: curves.iter().map(panel).collect() };
        let (svg, turn) = scene.draw(points)?;
        let caption = format!("{caption}{of}");
        return Ok(Some(Picture { turn: Some(turn), ..Picture::new(name, caption, svg) }));
    }
    let (x, y, lag) = match dim {
        2 => (axis(0), axis(1), 0),
        _ => {
            let lag = delay(first);
            (axis(0), axis(0).map(|axis| axis.called(|now| format!("{now}, {lag} samples before"))), lag)
        }
    };
    let (Some(x), Some(y)) = (x, y) else { return Ok(None) };
    let line = |states: &[f64]| -> Vec<[f64; 2]> {
        match dim {
            2 => states.chunks_exact(2).map(|state| [state[0], state[1]]).collect(),
            _ => states.iter().skip(lag).zip(states).map(|(now, before)| [*now, *before]).collect(),
        }
    };
    let marks = curves.iter().map(|(title, ink, states)| {
        // Curves over each other are told apart by their dashes, one alone may be fine.
        let shape = if curves.len() > 1 { Shape::Line } else { Shape::Thread };
        Mark::new(*ink, *title, shape(line(states)))
    });
    let chart = Chart { x, y, marks: marks.collect() };
    Ok(Some(Picture::new(name, caption, draw(&[chart], 4000, points)?)))
}

/// The samples after which a series resembles itself by less than a half.
fn delay(series: &[f64]) -> usize {
    let count = series.len() as f64;
    let mean = series.iter().sum::<f64>() / count;
    let resemblance = |lag: usize| -> f64 {
        series.iter().skip(lag).zip(series).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>()
    };
    let whole = resemblance(0);
    (1..series.len() / 4).find(|&lag| resemblance(lag) < 0.5 * whole).unwrap_or(1)
}
