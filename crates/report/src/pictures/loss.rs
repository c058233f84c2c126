use super::{Drawn, Picture};
use crate::axis::Axis;
use crate::chart::{Chart, Mark, Shape, draw};
use crate::palette::Ink;
use crate::run::{Metrics, RunFiles};

/// The losses against the steps of training.
pub(super) fn loss(run: &RunFiles, points: usize) -> Drawn {
    let line = |of: fn(&Metrics) -> f64| -> Vec<[f64; 2]> {
        run.metrics.iter().map(|line| [line.step as f64, of(line)]).collect()
    };
    let (train, validation) = (line(|line| line.train_loss), line(|line| line.validation_loss));
    let Some(x) = Axis::linear("training (optimiser steps)", train.iter().map(|p| p[0])) else {
        return Ok(None);
    };
    // What "loss" counts differs by model and recipe; it has no one unit.
    let both = train.iter().chain(&validation).map(|p| p[1]);
    let Some(y) = Axis::log("loss (dimensionless)", both) else { return Ok(None) };
    let best = run.results.as_ref().map(|results| results.train.best_step);
    let mut marks = vec![
        Mark::new(Ink::Train, "training", Shape::Line(train)),
        Mark::new(Ink::Validation, "validation", Shape::Line(validation)),
    ];
    let mut caption =
        String::from("Losses of the training (whole) and validation parts (dashed) against optimiser steps.");
    if let Some(best) = best {
        marks.push(Mark::new(Ink::Mark, "kept", Shape::Upright(best as f64)));
        caption += &format!(" The model after step {best} was kept.");
    }
    let last = run.metrics.last().map_or(1.0, |line| line.step as f64);
    let chart = Chart { x: x.within(0.0, last * 1.01), y, marks };
    Ok(Some(Picture::new("loss", caption, draw(&[chart], 2600, points)?)))
}
