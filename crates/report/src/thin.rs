//! Lines with fewer points that look the same.

/// The positions of the points that are kept of a line, its ends among them: those without which it would be off by
/// more than `tolerance`. Where they are more than `most` the tolerance is doubled until they fit. Coordinates must be
/// finite.
pub(crate) fn thin<const N: usize>(points: &[[f64; N]], tolerance: f64, most: usize) -> Vec<usize> {
    let mut tolerance = tolerance;
    let mut kept = needed(points, tolerance);
    // Eight times: a line that is all corners is thinned evenly then.
    for _ in 0..8 {
        if kept.len() <= most {
            break;
        }
        tolerance *= 2.0;
        kept = needed(points, tolerance);
    }
    evenly(&kept, most)
}

/// The points that a line needs (Ramer 1972; Douglas and Peucker 1973).
fn needed<const N: usize>(points: &[[f64; N]], tolerance: f64) -> Vec<usize> {
    let Some(last) = points.len().checked_sub(1) else { return Vec::new() };
    let mut keep = vec![false; points.len()];
    keep[0] = true;
    keep[last] = true;
    let mut spans = vec![(0, last)];
    while let Some((from, to)) = spans.pop() {
        let off = |i: &usize| distance(points[*i], points[from], points[to]);
        let farthest = (from + 1..to).map(|i| (i, off(&i))).max_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((at, off)) = farthest
            && off > tolerance * tolerance
        {
            keep[at] = true;
            spans.push((from, at));
            spans.push((at, to));
        }
    }
    (0..points.len()).filter(|&i| keep[i]).collect()
}

/// At most `most` of the items, evenly from the first to the last.
pub(crate) fn evenly<T: Copy>(items: &[T], most: usize) -> Vec<T> {
    match (items.len(), most.max(2)) {
        (count, most) if count <= most => items.to_vec(),
        (count, most) => (0..most).map(|i| items[i * (count - 1) / (most - 1)]).collect(),
    }
}

/// The square of the distance of a point from the line between two others.
fn distance<const N: usize>(point: [f64; N], from: [f64; N], to: [f64; N]) -> f64 {
    let (mut along, mut length) = (0.0, 0.0);
    for k in 0..N {
        along += (point[k] - from[k]) * (to[k] - from[k]);
        length += (to[k] - from[k]).powi(2);
    }
    let part = if length > 0.0 { (along / length).clamp(0.0, 1.0) } else { 0.0 };
    (0..N).map(|k| (point[k] - from[k] - part * (to[k] - from[k])).powi(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_line_keeps_its_ends_and_a_corner_stays() {
        let line: Vec<[f64; 2]> = (0..100).map(|i| [i as f64, (i as f64 - 50.0).abs()]).collect();
        assert_eq!(thin(&line, 0.1, 1000), [0, 50, 99]);
        assert_eq!(thin(&line[..1], 0.1, 1000), [0]);
        assert!(thin::<2>(&[], 0.1, 1000).is_empty());
    }

    #[test]
    fn no_line_is_off_by_more_than_the_tolerance() {
        let line: Vec<[f64; 2]> = (0..5000).map(|i| [i as f64, 100.0 * (i as f64 / 80.0).sin()]).collect();
        let kept = thin(&line, 0.5, usize::MAX);
        assert!(kept.len() < 1500, "{}", kept.len());
        for pair in kept.windows(2) {
            for i in pair[0]..pair[1] {
                assert!(distance(line[i], line[pair[0]], line[pair[1]]) <= 0.25 + 1e-12);
            }
        }
    }

    #[test]
    fn there_are_never_more_points_than_asked_for_and_peaks_stay() {
        let noise: Vec<[f64; 2]> = (0..5000).map(|i| [i as f64, f64::from(i * 7919 % 1000)]).collect();
        let kept = thin(&noise, 0.5, 600);
        assert!(kept.len() <= 600 && kept[0] == 0 && kept.last() == Some(&4999));
        let peak: Vec<[f64; 2]> =
            (0..5000).map(|i| [i as f64, if i == 1234 { 1e4 } else { noise[i][1] }]).collect();
        assert!(thin(&peak, 0.5, 600).contains(&1234));
    }
}
