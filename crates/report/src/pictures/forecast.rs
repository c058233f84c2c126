use super::{Drawn, Picture, field};
use crate::axis::{Axis, short};
use crate::chart::{Chart, DrawError, Mark, Shape, draw};
use crate::palette::Ink;
use crate::run::RunFiles;
use crate::shown::{Shown, axis_label};

/// Components that a picture has room for.
const MOST: usize = 6;

/// The forecast over the truth, each component, from the start of median score.
pub(super) fn forecast(run: &RunFiles, points: usize) -> Drawn {
    let Some(shown) = Shown::of(run) else { return Ok(None) };
    if !shown.axes.is_empty() {
        return field::forecast(&shown);
    }
    let marks = |component: usize| {
        let line = |states: &[f64]| Shape::Line(shown.course(states, component));
        vec![
            Mark::new(Ink::Truth, "truth", line(&shown.forecasts.truth)),
            Mark::new(Ink::Forecast, "forecast", line(&shown.forecasts.forecast)),
        ]
    };
    let Some(svg) = components(&shown, points, marks)? else { return Ok(None) };
    let mut caption =
        format!("Forecast (dashed) over the truth (whole) from the start of median score{}", cut(&shown));
    if let Some(valid) = shown.valid_time() {
        caption += &format!("; valid for {} Lyapunov times, the dotted line", short(valid));
    }
    Ok(Some(Picture::new("forecast", format!("{caption}.{}", units(&shown)), svg)))
}

/// The members of an ensemble around the truth, from the start of median score.
pub(super) fn ensemble(run: &RunFiles, points: usize) -> Drawn {
    let Some(shown) = Shown::of(run).filter(|shown| shown.axes.is_empty()) else { return Ok(None) };
    let size = shown.forecasts.time.len() * shown.dim();
    let members: Vec<&[f64]> = shown.forecasts.members.chunks_exact(size).collect();
    if members.len() < 2 {
        return Ok(None);
    }
    let marks = |component: usize| {
        let courses: Vec<Vec<[f64; 2]>> =
            members.iter().map(|member| shown.course(member, component)).collect();
        let quantile = |part: f64| -> Vec<[f64; 2]> {
            let at = |i: usize| {
                let mut there: Vec<f64> = courses.iter().map(|course| course[i][1]).collect();
                there.sort_by(f64::total_cmp);
                [courses[0][i][0], there[((there.len() - 1) as f64 * part).round() as usize]]
            };
            (0..courses[0].len()).map(at).collect()
        };
        let band =
            |part: f64, opacity| Shape::Band { low: quantile(part), high: quantile(1.0 - part), opacity };
        vec![
            Mark::new(Ink::Spread, "all members", band(0.0, 0.18)),
            Mark::new(Ink::Spread, "middle half", band(0.25, 0.35)),
            Mark::new(Ink::Truth, "truth", Shape::Line(shown.course(&shown.forecasts.truth, component))),
            Mark::new(Ink::Forecast, "mean", Shape::Line(shown.course(&shown.forecasts.forecast, component))),
        ]
    };
    let Some(svg) = components(&shown, points, marks)? else { return Ok(None) };
    let caption = format!(
        "{} forecasts from the start of median score{}: between which values they all are and the middle half of \
         them, their mean (dashed), and the truth.{}",
        members.len(),
        cut(&shown),
        units(&shown)
    );
    Ok(Some(Picture::new("ensemble", caption, svg)))
}

/// What no axis has room to say.
fn units(shown: &Shown) -> &'static str {
    let plain = shown.components.iter().any(|component| component.unit == "1");
    if plain { " Components without a unit are dimensionless." } else { "" }
}

fn cut(shown: &Shown) -> String {
    match shown.dim() {
        dim if dim > MOST => format!(", the first {MOST} of {dim} components"),
        _ => String::new(),
    }
}

/// A chart for each component, with the valid prediction time marked.
fn components(
    shown: &Shown,
    points: usize,
    marks: impl Fn(usize) -> Vec<Mark>,
) -> Result<Option<String>, DrawError> {
    let end = shown.end();
    let Some(x) = Axis::linear(shown.clock.label.clone(), [0.0, end]) else { return Ok(None) };
    let x = x.within(0.0, end);
    let mut charts = Vec::new();
    for (i, component) in shown.components.iter().enumerate().take(MOST) {
        // By the truth: a forecast that runs away is cut off, and does not hide it.
        let truth = shown.course(&shown.forecasts.truth, i);
        let range = truth.iter().filter(|point| point[0] <= end).map(|point| point[1]);
        let Some(y) = Axis::linear(axis_label(component), range) else { continue };
        let y = y.clone().within(y.at(-0.12), y.at(1.12));
        let mut marks = marks(i);
        if let Some(valid) = shown.valid_time() {
            // Named once.
            let name = if i == 0 { format!("valid for {}", short(valid)) } else { String::new() };
            marks.push(Mark::new(Ink::Mark, name, Shape::Upright(valid)));
        }
        charts.push(Chart { x: x.clone(), y, marks });
    }
    let height = if charts.len() == 1 { 2200 } else { 1300 };
    if charts.is_empty() { Ok(None) } else { draw(&charts, height, points).map(Some) }
}
