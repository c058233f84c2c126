//! Charts in the plane: what is in them as data, drawn by plotters in one place.

use plotters::chart::ChartContext;
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::element::{Circle, EmptyElement, PathElement, Polygon, Rectangle, Text};
use plotters::prelude::{ChartBuilder, Color, DrawingArea, IntoDrawingArea, ShapeStyle, TextStyle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontDesc, FontFamily, IntoTextStyle};

use crate::axis::Axis;
use crate::canvas::{Canvas, text_width};
use crate::markup::shortened;
use crate::palette::Ink;

/// Width of pictures, in tenths of a pixel as all lengths here. Type of 14 pixels on 640 is 8 points on four fifths of
/// the text width of an A4 page.
pub(crate) const WIDTH: u32 = 6400;
const TICK: f64 = 140.0;
const LABEL: f64 = 150.0;
const RIGHT: u32 = 240;
/// Letters of a name in the legend.
const LONGEST_NAME: usize = 44;
/// Height of a row of the legend.
const ROW: i32 = 230;

/// Why a picture could not be drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrawError(pub(crate) String);

impl std::fmt::Display for DrawError {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "a picture could not be drawn: {}", self.0)
    }
}

impl std::error::Error for DrawError {}

/// Wraps whatever plotters says went wrong; it has several types for it.
pub(crate) fn failed(error: impl std::fmt::Display) -> DrawError {
    DrawError(error.to_string())
}

/// Something in a chart. What has a name is in the legend.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    pub ink: Ink,
    pub name: String,
    pub shape: Shape,
}

/// In the units of the axes.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// Broken where it is not finite or leaves the chart.
    Line(Vec<[f64; 2]>),
    /// A thinner line, never dashed.
    Thread(Vec<[f64; 2]>),
    /// Between two lines over the same abscissae, and how opaque.
    Band { low: Vec<[f64; 2]>, high: Vec<[f64; 2]>, opacity: f64 },
    /// From the bottom of the chart: the sides, and the height.
    Bars(Vec<([f64; 2], f64)>),
    /// Discs.
    Dots(Vec<[f64; 2]>),
    /// Across the chart at an abscissa; its name is written beside it and not in the legend.
    Upright(f64),
    /// Across the chart at an ordinate; as above.
    Level(f64),
}

impl Mark {
    pub fn new(ink: Ink, name: impl Into<String>, shape: Shape) -> Mark {
        Mark { ink, name: shortened(&name.into(), LONGEST_NAME), shape }
    }

    fn in_legend(&self) -> bool {
        !self.name.is_empty() && !matches!(self.shape, Shape::Upright(_) | Shape::Level(_))
    }
}

/// Axes and what is between them.
#[derive(Clone, Debug)]
pub(crate) struct Chart {
    pub x: Axis,
    pub y: Axis,
    pub marks: Vec<Mark>,
}

/// Charts below each other under one legend, as SVG; each plot is `height` tenths of a pixel high without its axes.
/// Only the last has its abscissa labelled. Lines have at most `points` points.
pub(crate) fn draw(charts: &[Chart], height: u32, points: usize) -> Result<String, DrawError> {
    let legend = Legend::of(charts);
    let top = 120 + legend.rows * ROW as u32;
    let bottom = 500;
    let size = (WIDTH, top + charts.len() as u32 * (height + 130) + bottom);
    let mut svg = String::new();
    let root = Canvas::new(&mut svg, size, points).into_drawing_area();
    root.fill(&Ink::Paper.color()).map_err(failed)?;
    legend.draw(&root)?;
    let left = charts.iter().map(|chart| label_area(&chart.y)).max().unwrap_or(0);
    let mut rest = root.split_vertically(top).1;
    for (i, chart) in charts.iter().enumerate() {
        let last = i + 1 == charts.len();
        let (own, below) = rest.split_vertically(height + 130 + if last { bottom } else { 0 });
        draw_chart(chart, &own, left, if last { bottom } else { 0 }).map_err(failed)?;
        rest = below;
    }
    root.present().map_err(failed)?;
    drop((root, rest));
    Ok(svg)
}

/// The width that the numbers, and the label, of an ordinate take.
fn label_area(axis: &Axis) -> u32 {
    let widest =
        axis.ticks(6).into_iter().map(|tick| text_width(&axis.tick_label(tick), TICK)).fold(0.0, f64::max);
    widest as u32 + if axis.label.is_empty() { 150 } else { 420 }
}

type Area<'a> = DrawingArea<Canvas<'a>, Shift>;
type Plane<'a, 'b> = ChartContext<'a, Canvas<'b>, Cartesian2d<Axis, Axis>>;

/// Text of a size in an ink, anchored so.
pub(crate) fn letters(size: f64, ink: Ink, across: HPos, down: VPos) -> TextStyle<'static> {
    let font: FontDesc = (FontFamily::SansSerif, size).into();
    let mut style = font.into_text_style(&(1, 1)).pos(Pos::new(across, down));
    style.color = ink.color().to_backend_color();
    style
}

/// A line in an ink.
pub(crate) fn stroke(ink: Ink, width: u32) -> ShapeStyle {
    ink.color().stroke_width(width)
}

fn draw_chart(chart: &Chart, area: &Area, left: u32, bottom: u32) -> Result<(), DrawError> {
    let mut plane = ChartBuilder::on(area)
        .margin_top(50)
        .margin_left(90)
        .margin_right(RIGHT)
        .margin_bottom(80)
        .set_label_area_size(plotters::chart::LabelAreaPosition::Left, left)
        .set_label_area_size(plotters::chart::LabelAreaPosition::Bottom, bottom)
        .build_cartesian_2d(chart.x.clone(), chart.y.clone())
        .map_err(failed)?;
    let (x_label, y_label) = (|x: &f64| chart.x.tick_label(*x), |y: &f64| chart.y.tick_label(*y));
    let shown = |axis: &Axis| axis.ticks(6).len().max(6);
    let mut mesh = plane.configure_mesh();
    mesh.max_light_lines(0)
        .bold_line_style(stroke(Ink::Grid, 8))
        .light_line_style(Ink::Grid.color().mix(0.0))
        .axis_style(stroke(Ink::Quiet, 9))
        .x_labels(8)
        .y_labels(if bottom == 0 && !chart.y.is_log() { 4 } else { shown(&chart.y) })
        .label_style(letters(TICK, Ink::Quiet, HPos::Center, VPos::Center))
        .axis_desc_style(letters(LABEL, Ink::Text, HPos::Center, VPos::Center))
        .set_all_tick_mark_size(40)
        .x_label_formatter(&x_label)
        .y_label_formatter(&y_label)
        .y_desc(&chart.y.label);
    if bottom > 0 {
        mesh.x_desc(&chart.x.label);
    }
    mesh.draw().map_err(failed)?;
    for mark in &chart.marks {
        draw_mark(mark, chart, &mut plane)?;
    }
    label_marks(chart, &plane)
}

fn draw_mark(mark: &Mark, chart: &Chart, plane: &mut Plane) -> Result<(), DrawError> {
    let ink = mark.ink;
    let line = |plane: &mut Plane, points: &[[f64; 2]], width| {
        let pieces = pieces(points, chart).into_iter();
        plane
            .draw_series(pieces.map(|piece| PathElement::new(piece, stroke(ink, width))))
            .map(drop)
            .map_err(failed)
    };
    match &mark.shape {
        Shape::Line(points) => line(plane, points, 18)?,
        Shape::Thread(points) => line(plane, points, 9)?,
        Shape::Upright(at) => line(plane, &[[*at, chart.y.at(0.0)], [*at, chart.y.at(1.0)]], 16)?,
        Shape::Level(at) => line(plane, &[[chart.x.at(0.0), *at], [chart.x.at(1.0), *at]], 12)?,
        Shape::Band { low, high, opacity } => {
            for outline in bands(low, high, &chart.y) {
                plane.draw_series([Polygon::new(outline, ink.color().mix(*opacity))]).map_err(failed)?;
            }
        }
        Shape::Bars(bars) => {
            let floor = chart.y.at(0.0);
            let bar = |([from, to], high): &([f64; 2], f64)| {
                let mut bar = Rectangle::new([(*from, floor), (*to, *high)], ink.color().mix(0.75).filled());
                bar.set_margin(0, 0, 5, 5);
                bar
            };
            plane.draw_series(bars.iter().map(bar)).map_err(failed)?;
        }
        Shape::Dots(points) => {
            let seen = points.iter().filter(|p| inside(chart, **p)).map(|&[x, y]| (x, y));
            plane.draw_series(seen.map(|at| Circle::new(at, 38, ink.color().filled()))).map_err(failed)?;
        }
    }
    Ok(())
}

fn inside(chart: &Chart, [x, y]: [f64; 2]) -> bool {
    [chart.x.part(x), chart.y.part(y)].into_iter().all(|part| (-1e-9..=1.0 + 1e-9).contains(&part))
}

/// Writes the names of upright and level marks beside them, on the side that has room: those of limits at the bottom,
/// the others at the top.
fn label_marks(chart: &Chart, plane: &Plane) -> Result<(), DrawError> {
    let bars = chart.marks.iter().any(|mark| matches!(mark.shape, Shape::Bars(_)));
    for mark in chart.marks.iter().filter(|mark| !mark.name.is_empty()) {
        let limit = mark.ink == Ink::Limit;
        // Bars stand at the bottom; a limit is named below the other mark then.
        let row = if limit && bars { 220 } else { 0 };
        let (at, down) = match mark.shape {
            Shape::Upright(x) if limit && !bars => ((x, chart.y.at(0.0)), VPos::Bottom),
            Shape::Upright(x) => ((x, chart.y.at(1.0)), VPos::Top),
            Shape::Level(y) => ((chart.x.at(0.97), y), VPos::Top),
            _ => continue,
        };
        if !inside(chart, [at.0, at.1]) {
            continue;
        }
        let (aside, across) = if chart.x.part(at.0) > 0.6 { (-60, HPos::Right) } else { (60, HPos::Left) };
        let below = if matches!(down, VPos::Bottom) { -60 } else { 30 + row };
        let text = Text::new(mark.name.clone(), (aside, below), letters(TICK, mark.ink, across, down));
        plane.plotting_area().draw(&(EmptyElement::at(at) + text)).map_err(failed)?;
    }
    Ok(())
}

/// The parts of a line that are finite and inside of the chart, cut at its edges.
fn pieces(points: &[[f64; 2]], chart: &Chart) -> Vec<Vec<(f64, f64)>> {
    let part = |[x, y]: [f64; 2]| [chart.x.part(x), chart.y.part(y)];
    let value = |[u, v]: [f64; 2]| (chart.x.at(u), chart.y.at(v));
    let mut pieces: Vec<Vec<(f64, f64)>> = Vec::new();
    let mut end = None;
    for pair in points.windows(2) {
        let (from, to) = (part(pair[0]), part(pair[1]));
        if !from.iter().chain(&to).all(|x| x.is_finite()) {
            continue;
        }
        let Some((enters, leaves)) = clip(from, to) else { continue };
        let along = |t: f64| [0, 1].map(|k| from[k] + t * (to[k] - from[k]));
        match pieces.last_mut() {
            Some(piece) if end == Some(from) && enters == 0.0 => piece.push(value(along(leaves))),
            _ => pieces.push(vec![value(along(enters)), value(along(leaves))]),
        }
        end = (leaves == 1.0).then_some(to);
    }
    pieces
}

/// From which to which part of the way a segment is inside of the unit square (Liang and Barsky 1984).
fn clip(from: [f64; 2], to: [f64; 2]) -> Option<(f64, f64)> {
    let (mut enters, mut leaves) = (0.0f64, 1.0f64);
    for k in 0..2 {
        let way = to[k] - from[k];
        if way == 0.0 {
            if !(0.0..=1.0).contains(&from[k]) {
                return None;
            }
            continue;
        }
        let (a, b) = ((0.0 - from[k]) / way, (1.0 - from[k]) / way);
        enters = enters.max(a.min(b));
        leaves = leaves.min(a.max(b));
    }
    (enters < leaves).then_some((enters, leaves))
}

/// The outlines of a band, one for each stretch where both sides are numbers; infinity is the edge of the chart.
fn bands(low: &[[f64; 2]], high: &[[f64; 2]], axis: &Axis) -> Vec<Vec<(f64, f64)>> {
    let held = |y: f64| axis.at(axis.part(y).clamp(0.0, 1.0));
    let mut outlines = Vec::new();
    let sides: Vec<_> = low.iter().zip(high).collect();
    for stretch in sides.split(|(low, high)| low[1].is_nan() || high[1].is_nan()) {
        if stretch.len() > 1 {
            let forth = stretch.iter().map(|(low, _)| (low[0], held(low[1])));
            let back = stretch.iter().rev().map(|(_, high)| (high[0], held(high[1])));
            outlines.push(forth.chain(back).collect());
        }
    }
    outlines
}

/// The names of marks with a sample of each, in rows above the charts.
struct Legend<'a> {
    entries: Vec<(&'a Mark, i32, i32)>,
    rows: u32,
}

const SAMPLE: i32 = 340;

impl<'a> Legend<'a> {
    fn of(charts: &'a [Chart]) -> Self {
        let mut entries: Vec<(&Mark, i32, i32)> = Vec::new();
        let (mut x, mut row) = (100, 0);
        for mark in charts.iter().flat_map(|chart| &chart.marks).filter(|mark| mark.in_legend()) {
            if entries.iter().any(|(known, ..)| known.name == mark.name) {
                continue;
            }
            let wide = SAMPLE + 80 + text_width(&mark.name, TICK) as i32;
            if x > 100 && x + wide > WIDTH as i32 - 100 {
                (x, row) = (100, row + 1);
            }
            entries.push((mark, x, row));
            x += wide + 240;
        }
        let rows = if entries.is_empty() { 0 } else { row as u32 + 1 };
        Legend { entries, rows }
    }

    fn draw(&self, area: &Area) -> Result<(), DrawError> {
        for (mark, x, row) in &self.entries {
            let (x, y) = (*x, 150 + row * ROW);
            let line = |width| PathElement::new(vec![(x, y), (x + SAMPLE, y)], stroke(mark.ink, width));
            match &mark.shape {
                Shape::Band { opacity, .. } => {
                    let corners = [(x, y - 60), (x + SAMPLE, y + 60)];
                    area.draw(&Rectangle::new(corners, mark.ink.color().mix(*opacity).filled()))
                        .map_err(failed)?;
                }
                Shape::Bars(_) => {
                    let corners = [(x, y - 60), (x + SAMPLE, y + 60)];
                    area.draw(&Rectangle::new(corners, mark.ink.color().mix(0.75).filled()))
                        .map_err(failed)?;
                }
                Shape::Dots(_) => {
                    let dot = Circle::new((x + SAMPLE / 2, y), 38, mark.ink.color().filled());
                    area.draw(&dot).map_err(failed)?;
                }
                Shape::Thread(_) => area.draw(&line(9)).map_err(failed)?,
                _ => area.draw(&line(18)).map_err(failed)?,
            }
            let style = letters(TICK, Ink::Text, HPos::Left, VPos::Center);
            area.draw(&Text::new(mark.name.clone(), (x + SAMPLE + 80, y), style)).map_err(failed)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart() -> Chart {
        Chart {
            x: Axis::linear("t", [0.0, 1.0]).unwrap().within(0.0, 1.0),
            y: Axis::linear("y", [0.0, 1.0]).unwrap().within(0.0, 1.0),
            marks: vec![],
        }
    }

    #[test]
    fn lines_are_cut_at_the_edges_and_broken_where_not_finite() {
        let line =
            [[0.0, 0.5], [0.25, 0.5], [0.5, 1.5], [0.75, 0.5], [0.8, f64::NAN], [0.9, 0.1], [1.0, 0.2]];
        let found = pieces(&line, &chart());
        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!(found[0], [(0.0, 0.5), (0.25, 0.5), (0.375, 1.0)]);
        assert_eq!(found[1], [(0.625, 1.0), (0.75, 0.5)]);
        assert!(pieces(&[[0.0, 2.0], [1.0, 3.0]], &chart()).is_empty());
    }
}
