//! Values on a plane as coloured cells, with axes and a bar of the colours, as SVG.

use std::fmt::Write;

use crate::axis::Axis;
use crate::colors::Colors;
use crate::markup::escape;
use crate::palette::Ink;

/// Values in rows, the lowest first, each from left to right.
#[derive(Clone, Debug)]
pub(crate) struct Cells {
    pub columns: usize,
    pub values: Vec<f64>,
}

impl Cells {
    /// Means of blocks, so that there are at most so many columns and rows.
    pub fn reduced(self, columns: usize, rows: usize) -> Self {
        let (from_columns, from_rows) = (self.columns, self.values.len() / self.columns);
        let (across, down) = (from_columns.div_ceil(columns), from_rows.div_ceil(rows));
        if across == 1 && down == 1 {
            return self;
        }
        let (columns, rows) = (from_columns / across, from_rows / down);
        let mean = |row: usize, column: usize| {
            let block =
                (0..down).flat_map(|i| (0..across).map(move |j| (row * down + i, column * across + j)));
            block.map(|(i, j)| self.values[i * from_columns + j]).sum::<f64>() / (across * down) as f64
        };
        let values = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
        Cells { columns, values: values.map(|(row, column)| mean(row, column)).collect() }
    }

    fn rows(&self) -> usize {
        self.values.len() / self.columns
    }
}

/// A rectangle in tenths of a pixel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub left: u32,
    pub top: u32,
    pub width: u32,
    pub height: u32,
}

/// The colours that stand for values between two ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range {
    pub colors: Colors,
    pub low: f64,
    pub high: f64,
}

impl Range {
    /// The colours for these values: around 0 for values of both signs, and from 0 up for others.
    pub fn of(values: impl Iterator<Item = f64>, colors: Colors) -> Option<Self> {
        let size = values.filter(|u| u.is_finite()).map(f64::abs).reduce(f64::max)?;
        let size = if size > 0.0 { size } else { 1.0 };
        Some(Range { colors, low: if colors == Colors::Signed { -size } else { 0.0 }, high: size })
    }
}

/// A picture under way.
pub(crate) struct Sheet {
    svg: String,
}

impl Sheet {
    /// An empty one of this size in tenths of a pixel.
    pub fn new(width: u32, height: u32) -> Self {
        let paper = Ink::Paper.class();
        Sheet {
            svg: format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" viewBox=\"0 0 {width} {height}\" \
                 font-family=\"'DejaVu Sans',Verdana,Arial,sans-serif\"><rect class=\"f-{paper}\" width=\"{width}\" \
                 height=\"{height}\" fill=\"#ffffff\"/>",
                width / 10,
                height / 10
            ),
        }
    }

    /// Draws the cells; those that are not finite stay empty. Neighbours of one colour are one shape, and all shapes of one
    /// colour one path.
    pub fn cells(&mut self, place: Place, cells: &Cells, range: Range) {
        let (columns, rows) = (cells.columns, cells.rows());
        let x = |column: usize| place.left + (place.width as usize * column / columns) as u32;
        let y = |row: usize| place.top + (place.height as usize * (rows - row) / rows) as u32;
        let mut paths = vec![String::new(); Colors::STEPS];
        let step =
            |u: f64| u.is_finite().then(|| range.colors.step((u - range.low) / (range.high - range.low)));
        for (row, values) in cells.values.chunks_exact(columns).enumerate() {
            let steps: Vec<Option<usize>> = values.iter().map(|&u| step(u)).collect();
            let mut column = 0;
            for equal in steps.chunk_by(|a, b| a == b) {
                let (from, to) = (x(column), x(column + equal.len()));
                column += equal.len();
                if let Some(step) = equal[0] {
                    let (bottom, top) = (y(row), y(row + 1));
                    let _ = write!(paths[step], "M{from},{top}H{to}V{bottom}H{from}z");
                }
            }
        }
        let _ = write!(self.svg, "<g shape-rendering=\"crispEdges\">");
        for (step, path) in paths.iter().enumerate().filter(|(_, path)| !path.is_empty()) {
            let _ = write!(self.svg, "<path d=\"{path}\" fill=\"{}\"/>", range.colors.hex(step));
        }
        self.svg.push_str("</g>");
        let Place { left, top, width, height } = place;
        let _ = write!(
            self.svg,
            "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" fill=\"none\" class=\"s-{}\" \
             stroke=\"#5a626b\" stroke-width=\"9\"/>",
            Ink::Quiet.class()
        );
    }

    /// Writes the ticks of the abscissa, and its label.
    pub fn abscissa(&mut self, place: Place, axis: &Axis) {
        let y = place.top + place.height;
        for tick in axis.ticks(8) {
            let x = place.left + (axis.part(tick) * f64::from(place.width)).round() as u32;
            self.tick([x, y], [x, y + 40]);
            self.text([x, y + 190], 140, "middle", Ink::Quiet, &axis.tick_label(tick));
        }
        self.text([place.left + place.width / 2, y + 390], 150, "middle", Ink::Text, &axis.label);
    }

    /// Writes the ticks of the ordinate, and its label.
    pub fn ordinate(&mut self, place: Place, axis: &Axis) {
        for tick in axis.ticks(5) {
            let y = place.top + place.height - (axis.part(tick) * f64::from(place.height)).round() as u32;
            self.tick([place.left - 40, y], [place.left, y]);
            self.text([place.left - 70, y + 50], 140, "end", Ink::Quiet, &axis.tick_label(tick));
        }
        let y = place.top + place.height / 2 + 50;
        self.text([place.left.saturating_sub(500), y], 150, "start", Ink::Text, &axis.label);
    }

    /// Draws a bar of the colours to the right of `place`, with the values at its ends and in its middle.
    pub fn bar(&mut self, place: Place, range: Range, labels: [String; 3]) {
        let left = place.left + place.width + 120;
        let steps = (0..Colors::STEPS)
            .map(|step| range.low + (range.high - range.low) * step as f64 / (Colors::STEPS - 1) as f64);
        let cells = Cells { columns: 1, values: steps.collect() };
        self.cells(Place { left, width: 150, ..place }, &cells, range);
        for (label, y) in
            labels.iter().zip([place.top + place.height, place.top + place.height / 2, place.top])
        {
            let y = y + 50;
            self.text([left + 200, y], 140, "start", Ink::Quiet, label);
        }
    }

    /// Draws a dotted line across `place` at a part of its width.
    pub fn upright(&mut self, place: Place, part: f64) {
        let x = place.left + (part * f64::from(place.width)).round() as u32;
        let (top, bottom) = (place.top, place.top + place.height);
        let _ = write!(
            self.svg,
            "<path d=\"M{x},{top}L{x},{bottom}\" class=\"s-{}\" stroke=\"#007f5c\" stroke-width=\"20\" \
             stroke-dasharray=\"20 30\"/>",
            Ink::Mark.class()
        );
    }

    /// Writes a text.
    pub fn text(&mut self, [x, y]: [u32; 2], size: u32, anchor: &str, ink: Ink, text: &str) {
        let color = if ink == Ink::Text { "#1f2328" } else { "#5a626b" };
        let _ = write!(
            self.svg,
            "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" text-anchor=\"{anchor}\" class=\"f-{}\" fill=\"{color}\">{}</text>",
            ink.class(),
            escape(text)
        );
    }

    fn tick(&mut self, [x0, y0]: [u32; 2], [x1, y1]: [u32; 2]) {
        let _ = write!(
            self.svg,
            "<path d=\"M{x0},{y0}L{x1},{y1}\" class=\"s-{}\" stroke=\"#5a626b\" stroke-width=\"9\"/>",
            Ink::Quiet.class()
        );
    }

    /// The picture, whole.
    pub fn done(mut self) -> String {
        self.svg.push_str("</svg>");
        self.svg
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_replaced_by_their_means() {
        let cells = Cells { columns: 4, values: (0..16).map(f64::from).collect() };
        assert_eq!(cells.clone().reduced(2, 2).values, [2.5, 4.5, 10.5, 12.5]);
        assert_eq!(cells.clone().reduced(4, 9).values, cells.values);
        assert_eq!(cells.reduced(4, 2).values, [2.0, 3.0, 4.0, 5.0, 10.0, 11.0, 12.0, 13.0]);
    }

    #[test]
    fn cells_stand_in_their_colours_from_below() {
        let mut sheet = Sheet::new(100, 100);
        let place = Place { left: 0, top: 0, width: 100, height: 100 };
        let values = vec![-1.0, -1.0, 1.0, f64::NAN];
        let range = Range::of(values.iter().copied(), Colors::Signed).unwrap();
        assert_eq!((range.low, range.high), (-1.0, 1.0));
        sheet.cells(place, &Cells { columns: 2, values }, range);
        let svg = sheet.done();
        // The lower row is one shape; the upper one has a cell at the left alone.
        assert!(svg.contains("<path d=\"M0,50H100V100H0z\" fill=\"#001261\"/>"), "{svg}");
        assert!(
            svg.contains("<path d=\"M0,0H50V50H0z\" fill=\"#590008\"/>") && svg.matches("<path").count() == 2
        );
        assert!(Range::of([f64::NAN].into_iter(), Colors::Signed).is_none());
    }
}
