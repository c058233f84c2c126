//! Embedding by delays, and the dimension that it needs.

use super::neighbours::{Points, Tree};
use super::series::Series;

/// Dimensions that are tried, at most.
const MOST: usize = 10;

/// Neighbours that are tested in each dimension, at most.
const TESTED: usize = 2000;

/// Part of false neighbours below which a dimension suffices.
const FEW: f64 = 0.01;

/// The distance in the next component, over that of the neighbours, from which these are false; and the distance of the
/// longer vectors, in standard deviations (Kennel, Brown and Abarbanel 1992).
const RATIO: f64 = 15.0;
const SIZE: f64 = 2.0;

/// The embedded vectors with at least `after` samples after their last component; the segment and the sample of each.
pub(super) fn embed(
    series: &Series,
    [dimension, delay, separation, after]: [usize; 4],
) -> (Points, Vec<(usize, usize)>) {
    let mut points = Points { dim: dimension, values: Vec::new(), times: Vec::new() };
    let (mut places, mut begin) = (Vec::new(), 0);
    let span = (dimension - 1) * delay + after;
    for (number, segment) in series.segments.iter().enumerate() {
        for first in 0..segment.len().saturating_sub(span) {
            points.values.extend((0..dimension).map(|component| segment[first + component * delay]));
            points.times.push(begin + first);
            places.push((number, first));
        }
        // Vectors of different segments are never near in time.
        begin += segment.len() + separation + 1;
    }
    (points, places)
}

/// The smallest dimension, at most `most`, with few false neighbours, or else the one with the fewest; and their part.
pub(super) fn dimension(
    series: &Series,
    delay: usize,
    separation: usize,
    most: usize,
    progress: &mut dyn FnMut(f64),
) -> (usize, f64) {
    let mut best = (1, 1.0);
    // In high dimensions a search takes long: two dimensions that are worse end it.
    let mut worse = 0;
    let most = most.min(MOST);
    for dimension in 1..=most {
        let part = false_neighbours(series, [dimension, delay, separation]);
        progress(dimension as f64 / most as f64);
        worse = if part < best.1 { 0 } else { worse + 1 };
        if worse == 0 {
            best = (dimension, part);
        }
        if part < FEW || worse == 2 {
            break;
        }
    }
    best
}

/// The part of nearest neighbours that the next component shows to be false.
fn false_neighbours(series: &Series, [dimension, delay, separation]: [usize; 3]) -> f64 {
    let (points, places) = embed(series, [dimension, delay, separation, delay]);
    let tree = Tree::new(&points);
    let stride = points.count().div_ceil(TESTED).max(1);
    let next = |point: usize| {
        let (segment, first) = places[point];
        series.segments[segment][first + dimension * delay]
    };
    let (mut tested, mut wrong) = (0, 0);
    for point in (0..points.count()).step_by(stride) {
        let Some((other, distance)) = tree.nearest(point, separation) else { continue };
        let more = (next(point) - next(other)).abs();
        tested += 1;
        wrong += usize::from(more > RATIO * distance || distance.hypot(more) > SIZE);
    }
    if tested == 0 { 1.0 } else { f64::from(wrong as u32) / f64::from(tested) }
}
