//! Where plotters draws: SVG in whole numbers of tenths of a pixel.
//!
//! plotters' own SVG backend could not follow the colours of a dark page, dashes a line by a shape for each dash, and
//! writes every sample of a line, seen or not. This one gives every shape its ink's colour as an attribute, for files
//! and PNG, and as a class, by which a page recolours it; dashes by SVG's attribute; and thins lines.

use std::convert::Infallible;
use std::fmt::Write;

use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
    FontTransform,
};

use crate::markup::escape;
use crate::palette::Ink;
use crate::thin::thin;

/// Tenths of a pixel by which a thinned line may be off.
const TOLERANCE: f64 = 2.5;

/// Width from which lines are dashed by their ink; thinner ones are close together, and their dashes would run into
/// each other.
const DASHED: u32 = 10;

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

/// An SVG picture under way.
pub(crate) struct Canvas<'a> {
    svg: &'a mut String,
    size: (u32, u32),
    points: usize,
}

impl<'a> Canvas<'a> {
    /// A canvas of this size in tenths of a pixel, whose lines have at most so many points each.
    pub fn new(svg: &'a mut String, (width, height): (u32, u32), points: usize) -> Self {
        let _ = write!(
            svg,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" viewBox=\"0 0 {width} {height}\" \
             font-family=\"'DejaVu Sans',Verdana,Arial,sans-serif\" stroke-linejoin=\"round\">",
            width / 10,
            height / 10
        );
        Canvas { svg, size: (width, height), points }
    }

    fn line(&mut self, path: &[BackendCoord], style: &impl BackendStyle) {
        let dashes = match Ink::of(style.color().rgb).map_or("", Ink::dashes) {
            _ if style.stroke_width() < DASHED => String::new(),
            "" => String::new(),
            dashes => format!(" stroke-dasharray=\"{dashes}\""),
        };
        let (data, paint, width) = (self.data(path), paint("stroke", style.color()), style.stroke_width());
        let _ =
            write!(self.svg, "<path d=\"{data}\" fill=\"none\"{paint} stroke-width=\"{width}\"{dashes}/>");
    }

    /// A path, thinned, in steps from point to point, which are short.
    fn data(&self, path: &[BackendCoord]) -> String {
        let exact: Vec<[f64; 2]> = path.iter().map(|p| [p.0.into(), p.1.into()]).collect();
        let kept = thin(&exact, TOLERANCE, self.points);
        let mut data = String::new();
        let mut last = (0, 0);
        for (i, &(x, y)) in kept.iter().map(|&at| &path[at]).enumerate() {
            let _ = match i {
                0 => write!(data, "M{x},{y}"),
                _ => write!(data, "{}{},{}", if i == 1 { "l" } else { " " }, x - last.0, y - last.1),
            };
            last = (x, y);
        }
        data
    }
}

/// A colour as attributes: of the shape itself, and by the class of its ink.
fn paint(what: &str, color: BackendColor) -> String {
    let class =
        Ink::of(color.rgb).map_or(String::new(), |ink| format!(" class=\"{}-{}\"", &what[..1], ink.class()));
    class + &attributes(what, color)
}

/// The classes of text, which may stand on a halo in the colour of the paper.
fn paint_class(color: BackendColor, halo: bool) -> String {
    let halo = if halo { " s-paper" } else { "" };
    Ink::of(color.rgb).map_or(String::new(), |ink| format!(" class=\"f-{}{halo}\"", ink.class()))
}

fn attributes(what: &str, color: BackendColor) -> String {
    let (red, green, blue) = color.rgb;
    let opacity =
        if color.alpha < 1.0 { format!(" {what}-opacity=\"{}\"", color.alpha) } else { String::new() };
    format!(" {what}=\"#{red:02x}{green:02x}{blue:02x}\"{opacity}")
}

impl DrawingBackend for Canvas<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        if !self.svg.ends_with("</svg>") {
            self.svg.push_str("</svg>");
        }
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Drawn {
        self.draw_rect((x, y), (x + 1, y + 1), &color, true)
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        (x0, y0): BackendCoord,
        (x1, y1): BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        if fill {
            let (x, y, width, height) = (x0.min(x1), y0.min(y1), x0.abs_diff(x1), y0.abs_diff(y1));
            let paint = paint("fill", style.color());
            let _ =
                write!(self.svg, "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"{paint}/>");
            return Ok(());
        }
        self.draw_path([(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)], style)
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        if style.color().alpha > 0.0 {
            self.line(&path.into_iter().collect::<Vec<_>>(), style);
        }
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        if style.color().alpha > 0.0 {
            let data = self.data(&path.into_iter().collect::<Vec<_>>());
            let _ = write!(self.svg, "<path d=\"{data}z\"{}/>", paint("fill", style.color()));
        }
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        (x, y): BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let paint = match fill {
            true => paint("fill", style.color()),
            false => {
                let width = style.stroke_width();
                format!(" fill=\"none\"{} stroke-width=\"{width}\"", paint("stroke", style.color()))
            }
        };
        let _ = write!(self.svg, "<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"{paint}/>");
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, (x, y): BackendCoord) -> Drawn {
        let anchor = match style.anchor().h_pos {
            HPos::Left => "",
            HPos::Center => " text-anchor=\"middle\"",
            HPos::Right => " text-anchor=\"end\"",
        };
        // Shifts of the baseline in parts of the font size; not every reader of SVG knows `dominant-baseline`.
        let size = style.size();
        let down = match style.anchor().v_pos {
            VPos::Top => 0.76 * size,
            VPos::Center => 0.36 * size,
            VPos::Bottom => -0.1 * size,
        };
        let turn = match style.transform() {
            FontTransform::None => String::new(),
            FontTransform::Rotate90 => format!(" transform=\"rotate(90 {x} {y})\""),
            FontTransform::Rotate180 => format!(" transform=\"rotate(180 {x} {y})\""),
            FontTransform::Rotate270 => format!(" transform=\"rotate(270 {x} {y})\""),
        };
        // The names of marks stand among lines.
        let halo = match Ink::of(style.color().rgb) {
            Some(Ink::Mark | Ink::Limit) => " paint-order=\"stroke\" stroke=\"#ffffff\" stroke-width=\"40\"",
            _ => "",
        };
        let (class, paint) =
            (paint_class(style.color(), !halo.is_empty()), attributes("fill", style.color()));
        let y = y + down.round() as i32;
        let _ = write!(
            self.svg,
            "<text x=\"{x}\" y=\"{y}\" font-size=\"{}\"{anchor}{turn}{halo}{class}{paint}>{}</text>",
            size.round(),
            escape(text)
        );
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        Ok((text_width(text, style.size()) as u32, style.size() as u32))
    }
}

/// About how wide a text is in DejaVu Sans, in the unit of its size.
pub(crate) fn text_width(text: &str, size: f64) -> f64 {
    let wide = |letter: char| match letter {
        'i' | 'j' | 'l' | '.' | ',' | '\'' | ':' | ' ' => 0.32,
        '(' | ')' | '-' | 't' | 'f' | 'r' | '/' => 0.4,
        'm' | 'w' | 'M' | 'W' => 0.95,
        letter if letter.is_uppercase() => 0.7,
        _ => 0.61,
    };
    size * text.chars().map(wide).sum::<f64>()
}
