//! Truth, forecast and difference of a field, from the start of median score.

use super::{Drawn, Picture};
use crate::axis::{Axis, short};
use crate::chart::{DrawError, WIDTH};
use crate::colors::Colors;
use crate::heat::{Cells, Place, Range, Sheet};
use crate::palette::Ink;
use crate::shown::Shown;

/// Cells of a picture along time and along x, and along an edge of a frame.
const CELLS: [usize; 2] = [400, 128];
const FRAME_CELLS: usize = 96;
/// Frames of a field in the plane.
const FRAMES: usize = 4;

/// What is compared, of the real fields that make a state.
struct Compared {
    name: &'static str,
    of: fn(&[f64]) -> f64,
}

impl Compared {
    /// Its value at every point of a state [channel, point].
    fn values(&self, state: &[f64], points: usize) -> Vec<f64> {
        let at = |point: usize| state.iter().skip(point).step_by(points).copied().collect::<Vec<f64>>();
        (0..points).map(|point| (self.of)(&at(point))).collect()
    }
}

/// The first channel, or of two the density.
pub(super) fn forecast(shown: &Shown) -> Drawn {
    let points: usize = shown.axes.iter().map(|axis| axis.points).product();
    let dim = shown.dim();
    if points == 0 || !dim.is_multiple_of(points) {
        return Ok(None);
    }
    let compared = match dim / points {
        2 => Compared { name: "density", of: |psi| psi[0] * psi[0] + psi[1] * psi[1] },
        _ => Compared { name: "field", of: |u| u[0] },
    };
    let end = shown.end();
    let clock = |i: usize| shown.forecasts.time[i] * shown.clock.per_unit;
    let times = (0..shown.known()).take_while(|&i| clock(i) <= end * (1.0 + 1e-12)).count();
    if times < 2 {
        return Ok(None);
    }
    let states = |of: &[f64]| -> Vec<Vec<f64>> {
        of.chunks_exact(dim).take(times).map(|state| compared.values(state, points)).collect()
    };
    let (truth, forecast) = (states(&shown.forecasts.truth), states(&shown.forecasts.forecast));
    let difference = truth.iter().zip(&forecast).map(|(a, b)| a.iter().zip(b).map(|(a, b)| b - a).collect());
    let panels =
        [("truth", truth.clone()), ("forecast", forecast.clone()), ("difference", difference.collect())];
    let colors = if dim / points == 2 { Colors::Positive } else { Colors::Signed };
    let (Some(range), Some(last)) = (
        Range::of(truth.iter().flatten().copied(), colors),
        Range::of(truth.iter().flatten().copied(), Colors::Signed),
    ) else {
        return Ok(None);
    };
    let ranges = [range, range, last];
    let svg = match shown.axes.len() {
        1 => over_time(shown, &panels, ranges, times)?,
        _ => frames(shown, &panels, ranges, times),
    };
    let mut caption = format!(
        "Truth, forecast and difference of the {}, from the start of median score. All have the colours of the truth's range",
        compared.name
    );
    if let Some(valid) = shown.valid_time() {
        caption += &format!("; the forecast is valid for {} Lyapunov times", short(valid));
    }
    Ok(Some(Picture::new("forecast", caption + ".", svg)))
}

type Panels = [(&'static str, Vec<Vec<f64>>); 3];

fn labels(range: Range) -> [String; 3] {
    [range.low, 0.5 * (range.low + range.high), range.high].map(|value| short(value).replace('-', "\u{2212}"))
}

/// Fields on a line: time to the right, x upwards.
fn over_time(shown: &Shown, panels: &Panels, ranges: [Range; 3], times: usize) -> Result<String, DrawError> {
    let axis = &shown.axes[0];
    let last = shown.forecasts.time[times - 1] * shown.clock.per_unit;
    let axes = (
        Axis::linear(shown.clock.label.clone(), [0.0, last]),
        Axis::linear(axis.name.clone(), [0.0, axis.length]),
    );
    let (Some(time), Some(space)) = axes else { return Err(DrawError("an axis has no length".into())) };
    let (time, space) = (time.within(0.0, last), space.within(0.0, axis.length));
    let (height, gap, top) = (1100, 300, 300);
    let mut sheet = Sheet::new(WIDTH, top + 3 * (height + gap) + 250);
    for (i, ((title, states), range)) in panels.iter().zip(ranges).enumerate() {
        let place = Place { left: 700, top: top + i as u32 * (height + gap), width: WIDTH - 1700, height };
        let values = (0..axis.points).flat_map(|x| states.iter().map(move |state| state[x]));
        let cells = Cells { columns: times, values: values.collect() }.reduced(CELLS[0], CELLS[1]);
        sheet.text([place.left, place.top - 80], 150, "start", Ink::Text, title);
        sheet.cells(place, &cells, range);
        sheet.ordinate(place, &space);
        sheet.bar(place, range, labels(range));
        if let Some(valid) = shown.valid_time().filter(|valid| (0.0..=last).contains(valid)) {
            sheet.upright(place, time.part(valid));
        }
        if i == 2 {
            sheet.abscissa(place, &time);
        }
    }
    Ok(sheet.done())
}

/// Fields in the plane: a row for each panel, some times in it.
fn frames(shown: &Shown, panels: &Panels, ranges: [Range; 3], times: usize) -> String {
    let (y, x) = (&shown.axes[0], &shown.axes[1]);
    let count = FRAMES.min(times);
    let (left, gap, top) = (120, 100, 330);
    let width = (WIDTH - 1000 - left) / FRAMES as u32 - gap;
    let height = (f64::from(width) * (y.length / x.length).clamp(0.25, 4.0)).round() as u32;
    let mut sheet = Sheet::new(WIDTH, top + 3 * (height + 300));
    for (row, ((title, states), range)) in panels.iter().zip(ranges).enumerate() {
        for column in 0..count {
            let sample = column * (times - 1) / (count - 1);
            let place = Place {
                left: left + column as u32 * (width + gap),
                top: top + row as u32 * (height + 300),
                width,
                height,
            };
            let cells = Cells { columns: x.points, values: states[sample].clone() };
            let at = short(shown.forecasts.time[sample]);
            let title = if column == 0 { format!("{title}, t = {at}") } else { format!("t = {at}") };
            sheet.text([place.left, place.top - 80], 140, "start", Ink::Text, &title);
            sheet.cells(place, &cells.reduced(FRAME_CELLS, FRAME_CELLS), range);
            if column + 1 == count {
                sheet.bar(place, range, labels(range));
            }
        }
    }
    sheet.done()
}
