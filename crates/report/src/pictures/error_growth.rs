use forecast::{ErrorGrowth, Scores};

use super::{Drawn, Picture};
use crate::axis::{Axis, short};
use crate::chart::{Chart, Mark, Shape, draw};
use crate::clock::Clock;
use crate::palette::Ink;
use crate::run::RunFiles;

/// The error against time, quantiles over the starts, beside the baselines.
pub(super) fn error_growth(run: &RunFiles, points: usize) -> Drawn {
    let Some(results) = &run.results else { return Ok(None) };
    let (growth, clock) = (&results.scores.error_growth, Clock::of(run));
    let line = |of: &[f64], growth: &ErrorGrowth| -> Vec<[f64; 2]> {
        growth.time.iter().zip(of).map(|(time, error)| [time * clock.per_unit, *error]).collect()
    };
    let median = line(&growth.median, growth);
    let Some(x) = Axis::linear(clock.label.clone(), median.iter().map(|p| p[0])) else { return Ok(None) };
    let end = median.last().map_or(1.0, |p| p[0]);
    let mut marks = vec![
        Mark::new(
            Ink::Spread,
            "10th to 90th percentile",
            Shape::Band { low: line(&growth.p10, growth), high: line(&growth.p90, growth), opacity: 0.22 },
        ),
        Mark::new(Ink::Train, format!("{} (median)", results.model), Shape::Line(median)),
    ];
    // The three best baselines: there are no more inks that can be told apart.
    let mut baselines: Vec<(&String, &Scores)> =
        results.baselines.iter().filter(|(_, scores)| !scores.error_growth.time.is_empty()).collect();
    baselines.sort_by(|a, b| crate::summary::order(a.1, b.1));
    for ((name, scores), ink) in baselines.into_iter().zip([Ink::First, Ink::Second, Ink::Third]) {
        let growth = &scores.error_growth;
        marks.push(Mark::new(ink, name.clone(), Shape::Line(line(&growth.median, growth))));
    }
    let all = growth.p10.iter().chain(&growth.p90).copied();
    let baselines = marks[2..].iter().filter_map(|mark| match &mark.shape {
        Shape::Line(line) => Some(line.iter().map(|p| p[1]).filter(|error| *error < 1e3)),
        _ => None,
    });
    let Some(y) = Axis::log("error (standard deviations)", all.chain(baselines.flatten())) else {
        return Ok(None);
    };
    let mut caption = String::from(
        "Error of the free forecast against time: the median over the starts, and between which errors \
                   eight in ten of them are; dashed, the medians of the baselines.",
    );
    let mut end = end;
    if let Some(vpt) = &results.scores.vpt {
        let (threshold, valid) = (vpt.main.threshold, vpt.main.summary.median);
        marks.push(Mark::new(Ink::Limit, format!("threshold {threshold}"), Shape::Level(threshold)));
        marks.push(Mark::new(Ink::Mark, format!("valid for {}", short(valid)), Shape::Upright(valid)));
        marks.push(Mark::new(
            Ink::Limit,
            format!("truth holds for {}", short(vpt.ceiling)),
            Shape::Upright(vpt.ceiling),
        ));
        end = end.max(vpt.ceiling * 1.02);
        caption += &format!(
            " A forecast is valid below {threshold} standard deviations, in the median for {} Lyapunov times; the truth \
             itself holds for {}.",
            short(valid),
            short(vpt.ceiling)
        );
    }
    let chart = Chart { x: x.within(0.0, end), y, marks };
    Ok(Some(Picture::new("error_growth", caption, draw(&[chart], 2800, points)?)))
}
