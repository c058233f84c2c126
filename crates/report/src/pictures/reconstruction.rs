use super::{Drawn, Picture};
use crate::axis::Axis;
use crate::chart::{Chart, Mark, Shape, draw};
use crate::palette::Ink;
use crate::run::RunFiles;

/// What latent states of each size keep.
pub(super) fn reconstruction(run: &RunFiles, points: usize) -> Drawn {
    let Some(results) = &run.results else { return Ok(None) };
    let mut line: Vec<[f64; 2]> =
        results.reconstruction.iter().map(|found| [found.latent as f64, found.error]).collect();
    line.sort_by(|a, b| a[0].total_cmp(&b[0]));
    let error = Axis::log("reconstruction error (std.)", line.iter().map(|p| p[1]));
    let (Some(y), Some(largest)) = (error, line.last().map(|p| p[0] as usize)) else { return Ok(None) };
    let sizes: Vec<String> = (0..=largest).map(|size| size.to_string()).collect();
    let x = Axis::names("latent components (number)", &sizes).within(0.4, largest as f64 + 0.6);
    let marks = vec![
        Mark::new(Ink::Spread, "", Shape::Thread(line.clone())),
        Mark::new(Ink::Train, "", Shape::Dots(line)),
    ];
    let caption = "Root mean square error of decoded test states, in standard deviations of the training data, \
                   by the size of the latent state.";
    Ok(Some(Picture::new("reconstruction", caption, draw(&[Chart { x, y, marks }], 2200, points)?)))
}
