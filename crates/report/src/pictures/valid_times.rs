use super::{Drawn, Picture};
use crate::axis::{Axis, short};
use crate::chart::{Chart, Mark, Shape, draw};
use crate::palette::Ink;
use crate::run::RunFiles;

/// The valid prediction times of all starts.
pub(super) fn valid_times(run: &RunFiles, points: usize) -> Drawn {
    // No system is forecast for a million Lyapunov times: what is beyond is not of this program.
    const LONGEST: f64 = 1e6;
    let all = run.forecasts.as_ref().map_or(&[][..], |forecasts| &forecasts.valid_times);
    let times: Vec<f64> = all.iter().copied().filter(|time| (0.0..=LONGEST).contains(time)).collect();
    let label = "valid prediction time (Lyapunov times)";
    let Some(axis) = Axis::linear(label, times.iter().copied().chain([0.0])) else { return Ok(None) };
    if times.is_empty() {
        return Ok(None);
    }
    // Bins that end at round numbers.
    let ticks = axis.ticks(24);
    let width = ticks.windows(2).map(|pair| pair[1] - pair[0]).next().unwrap_or(1.0);
    let longest = times.iter().copied().fold(0.0, f64::max);
    let bins = (longest / width).floor() as usize + 1;
    let mut counts = vec![0.0; bins];
    for time in &times {
        counts[((time / width) as usize).min(bins - 1)] += 1.0;
    }
    let most = counts.iter().copied().fold(1.0, f64::max);
    let bars =
        counts.iter().enumerate().map(|(i, &count)| ([i as f64 * width, (i + 1) as f64 * width], count));
    let mut marks = vec![Mark::new(Ink::Train, "", Shape::Bars(bars.collect()))];
    let mut caption = format!("How many of {} starts are forecast for how long.", times.len());
    let mut end = bins as f64 * width;
    if let Some(vpt) = run.results.as_ref().and_then(|results| results.scores.vpt.as_ref()) {
        let median = vpt.main.summary.median;
        marks.push(Mark::new(Ink::Mark, format!("median {}", short(median)), Shape::Upright(median)));
        caption += &format!(
            " Dotted: their median, {}. The truth itself holds for {} Lyapunov times (median over the starts)",
            short(median),
            short(vpt.ceiling)
        );
        if vpt.ceiling < 1.6 * end {
            marks.push(Mark::new(Ink::Limit, "truth holds", Shape::Upright(vpt.ceiling)));
            end = end.max(vpt.ceiling * 1.05);
            caption += ", dash-dotted";
        }
        caption += ".";
    }
    let Some(y) = Axis::linear("starts (number)", [0.0, most]) else { return Ok(None) };
    let chart = Chart { x: axis.within(0.0, end), y: y.within(0.0, most * 1.35), marks };
    Ok(Some(Picture::new("valid_times", caption, draw(&[chart], 2200, points)?)))
}
