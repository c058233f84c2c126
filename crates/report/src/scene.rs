//! Curves in space, which a page lets the reader turn.

use plotters::chart::ChartContext;
use plotters::coord::cartesian::Cartesian3d;
use plotters::coord::types::RangedCoordf64;
use plotters::element::{EmptyElement, PathElement, Text};
use plotters::prelude::{ChartBuilder, IntoDrawingArea};
use plotters::style::text_anchor::{HPos, VPos};
use serde_json::{Value, json};

use crate::axis::Axis;
use crate::canvas::Canvas;
use crate::chart::{DrawError, WIDTH, failed, letters, stroke};
use crate::markup::shortened;
use crate::palette::Ink;
use crate::thin::thin;

/// Turn about the upright axis and tilt towards the reader, in radians, at first.
const VIEW: (f64, f64) = (0.6, 0.28);
/// The part of plotters' cube that is used: the rest is for the numbers around it.
const SCALE: f64 = 0.76;
/// Steps of the coordinates in a page's data from the middle of an axis to its end.
const STEPS: f64 = 500.0;
const TITLE: u32 = 300;
/// Letters of a name beside an axis.
const LONGEST_NAME: usize = 20;
const TICK: f64 = 125.0;
const LABEL: f64 = 145.0;

/// Panels beside each other over the same axes, the third upright.
pub(crate) struct Scene {
    pub axes: [Axis; 3],
    pub panels: Vec<Panel>,
}

/// A curve under a title.
pub(crate) struct Panel {
    pub title: String,
    pub ink: Ink,
    pub curve: Vec<[f64; 3]>,
}

/// A point of the scene's cube, from -1 to 1 along each axis.
type Point = [f64; 3];
type Space<'a, 'b> =
    ChartContext<'a, Canvas<'b>, Cartesian3d<RangedCoordf64, RangedCoordf64, RangedCoordf64>>;

impl Scene {
    /// The picture, and what `turn.js` needs to draw it from elsewhere. Curves have at most `points` points each.
    pub fn draw(&self, points: usize) -> Result<(String, Value), DrawError> {
        let count = self.panels.len().max(1) as u32;
        let (width, height) = (WIDTH / count, if count == 1 { 4200 } else { 3000 });
        let curves: Vec<Vec<Vec<Point>>> =
            self.panels.iter().map(|panel| self.pieces(panel, points)).collect();
        let mut svg = String::new();
        let root = Canvas::new(&mut svg, (WIDTH, TITLE + height), usize::MAX).into_drawing_area();
        root.fill(&Ink::Paper.color()).map_err(failed)?;
        let mut areas = root.split_evenly((1, count as usize)).into_iter();
        for (panel, pieces) in self.panels.iter().zip(&curves) {
            let Some(area) = areas.next() else { continue };
            let (title, area) = area.split_vertically(TITLE);
            let at = (width as i32 / 2, TITLE as i32 / 2);
            let style = letters(LABEL, Ink::Text, HPos::Center, VPos::Center);
            title.draw(&Text::new(panel.title.clone(), at, style)).map_err(failed)?;
            let mut space = ChartBuilder::on(&area)
                .build_cartesian_3d(-1.0..1.0, -1.0..1.0, -1.0..1.0)
                .map_err(failed)?;
            space.with_projection(|mut view| {
                (view.yaw, view.pitch) = VIEW;
                view.scale = SCALE;
                view.into_matrix()
            });
            self.draw_frame(&space)?;
            let lines = pieces.iter().map(|piece| {
                let line: Vec<_> = piece.iter().map(|&point| turned(point)).collect();
                PathElement::new(line, stroke(panel.ink, 9))
            });
            space.draw_series(lines).map_err(failed)?;
        }
        root.present().map_err(failed)?;
        drop((root, areas));
        let data = self.data(&curves, (width, height));
        Ok((svg, data))
    }

    /// The back walls with their grids, and numbers and names along three edges; `turn.js` does the same.
    fn draw_frame(&self, space: &Space) -> Result<(), DrawError> {
        let area = space.plotting_area();
        let line = |from: Point, to: Point, ink| {
            area.draw(&PathElement::new(vec![turned(from), turned(to)], stroke(ink, 8))).map_err(failed)
        };
        let (yaw, pitch) = VIEW;
        // The sides that are away from the reader.
        let back = [-yaw.sin(), yaw.cos(), -pitch.sin()].map(f64::signum);
        for wall in 0..3 {
            for along in (0..3).filter(|&along| along != wall) {
                let across = 3 - wall - along;
                let ticks = self.axes[along].ticks(5).into_iter().map(|tick| self.place(along, tick));
                for at in ticks.chain([-1.0, 1.0]) {
                    let mut from = [0.0; 3];
                    from[wall] = back[wall];
                    from[along] = at;
                    let mut to = from;
                    (from[across], to[across]) = (-1.0, 1.0);
                    line(from, to, Ink::Grid)?;
                }
            }
        }
        let text = |text: String, at: Point, shift, size, ink, across| {
            let text = Text::new(text, shift, letters(size, ink, across, VPos::Center));
            area.draw(&(EmptyElement::at(turned(at)) + text)).map_err(failed)
        };
        // The upright edge of the outline that is farthest to the left.
        let left = |[x, y]: [f64; 2]| x * yaw.cos() + y * yaw.sin();
        let (one, other) = ([back[0], -back[1]], [-back[0], back[1]]);
        let upright = if left(one) < left(other) { one } else { other };
        for along in 0..3 {
            let edge = |at: f64, out: f64| match along {
                0 => [at, -back[1] * out, -1.0],
                1 => [-back[0] * out, at, -1.0],
                _ => [upright[0], upright[1], at],
            };
            let axis = &self.axes[along];
            let floor = along < 2;
            let (shift, across) = if floor { ((0, 60), HPos::Center) } else { ((-60, 0), HPos::Right) };
            line(edge(-1.0, 1.0), edge(1.0, 1.0), Ink::Quiet)?;
            for tick in axis.ticks(5) {
                let at = edge(self.place(along, tick), 1.12);
                text(axis.tick_label(tick), at, shift, TICK, Ink::Quiet, across)?;
            }
            // Beside the middle of an edge on the floor, above the top of the upright one.
            let (at, shift) = if floor { (edge(0.0, 1.4), (0, 150)) } else { (edge(1.0, 1.0), (0, -130)) };
            text(shortened(&axis.label, LONGEST_NAME), at, shift, LABEL, Ink::Text, HPos::Center)?;
        }
        Ok(())
    }

    fn place(&self, axis: usize, value: f64) -> f64 {
        2.0 * self.axes[axis].part(value) - 1.0
    }

    /// The parts of a curve that are inside of the cube, thinned.
    fn pieces(&self, panel: &Panel, points: usize) -> Vec<Vec<Point>> {
        let placed: Vec<Point> =
            panel.curve.iter().map(|point| [0, 1, 2].map(|axis| self.place(axis, point[axis]))).collect();
        let inside = |point: &Point| point.iter().all(|u| u.abs() <= 1.0);
        let pieces: Vec<&[Point]> =
            placed.split(|point| !inside(point)).filter(|piece| piece.len() > 1).collect();
        let whole: usize = pieces.iter().map(|piece| piece.len()).sum();
        let thinned = |piece: &&[Point]| {
            // Rather fewer turns of a curve than corners in it.
            let most = (points * piece.len()).div_ceil(whole);
            thin(piece, 0.003, usize::MAX).into_iter().take(most).map(|at| piece[at]).collect()
        };
        pieces.iter().map(thinned).collect()
    }

    fn data(&self, curves: &[Vec<Vec<Point>>], (width, height): (u32, u32)) -> Value {
        let axes: Vec<Value> = (0..3)
            .map(|at| {
                let axis = &self.axes[at];
                let ticks = axis.ticks(5);
                let ticks: Vec<Value> = ticks
                    .iter()
                    .map(|&tick| json!([rounded(self.place(at, tick) * STEPS), axis.tick_label(tick)]))
                    .collect();
                json!({"name": shortened(&axis.label, LONGEST_NAME), "ticks": ticks})
            })
            .collect();
        let panels: Vec<Value> = self
            .panels
            .iter()
            .zip(curves)
            .map(|(panel, pieces)| {
                let flat = |piece: &Vec<Point>| piece.iter().flatten().map(|u| rounded(u * STEPS)).collect();
                let pieces: Vec<Vec<i32>> = pieces.iter().map(flat).collect();
                json!({"title": panel.title, "ink": panel.ink.class(), "pieces": pieces})
            })
            .collect();
        // plotters' cube is four fifths of the smaller side of its area.
        let half = f64::from((width.min(height) * 4 / 5) / 2) * SCALE;
        json!({
            "view": [VIEW.0, VIEW.1], "steps": STEPS, "half": half, "title": TITLE, "width": width, "height": height,
            "tick": TICK, "label": LABEL, "axes": axes, "panels": panels,
        })
    }
}

fn rounded(x: f64) -> i32 {
    x.round() as i32
}

/// As plotters' axes go: to the right, up, and towards the reader.
fn turned([right, away, up]: Point) -> (f64, f64, f64) {
    (right, up, -away)
}
