//! The pictures of a run.

mod attractor;
mod error_growth;
mod field;
mod forecast;
mod loss;
mod reconstruction;
mod solvers;
mod valid_times;

use serde_json::Value;

pub(crate) use attractor::in_space;

use crate::chart::DrawError;
use crate::png;
use crate::run::RunFiles;

/// Points that a line of a picture for a file has at most.
const POINTS: usize = 4000;
/// Pixels of a PNG to one of the SVG: 300 dots per inch on four fifths of the text width of an A4 page are 1,500.
const SCALE: f32 = 2.5;

/// A picture of a run.
#[derive(Clone, Debug)]
pub struct Picture {
    /// What it shows in a word, `error_growth`; the stem of its file.
    pub name: String,
    /// What is seen in it: sentences, plain text.
    pub caption: String,
    /// The picture, in the colours of white paper; a whole file.
    pub svg: String,
    /// Of a picture in space, what `turn.js` needs to turn it.
    pub(crate) turn: Option<Value>,
}

impl Picture {
    pub(crate) fn new(name: &str, caption: impl Into<String>, svg: String) -> Picture {
        Picture { name: name.into(), caption: caption.into(), svg, turn: None }
    }

    /// The picture as a PNG file of 1,600 pixels width.
    ///
    /// # Errors
    /// Where it cannot be rendered, which would be a fault of this program.
    pub fn png(&self) -> Result<Vec<u8>, String> {
        png::png(&self.svg, SCALE).map_err(|error| format!("the picture {:?} as PNG: {error}", self.name))
    }
}

/// A picture, where the run has what it shows.
type Drawn = Result<Option<Picture>, DrawError>;

/// All pictures that the files of a run allow, for files of their own.
///
/// # Errors
/// Where one cannot be drawn, which would be a fault of this program.
pub fn pictures(run: &RunFiles) -> Result<Vec<Picture>, DrawError> {
    thinned(run, POINTS)
}

/// The same with at most so many points a line.
pub(crate) fn thinned(run: &RunFiles, points: usize) -> Result<Vec<Picture>, DrawError> {
    let all: [fn(&RunFiles, usize) -> Drawn; 9] = [
        forecast::forecast,
        attractor::attractor,
        error_growth::error_growth,
        valid_times::valid_times,
        loss::loss,
        attractor::latent_space,
        forecast::ensemble,
        reconstruction::reconstruction,
        solvers::solvers,
    ];
    all.into_iter().filter_map(|draw| draw(run, points).transpose()).collect()
}

#[cfg(test)]
mod tests;
