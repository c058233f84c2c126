//! Linear interpolation to an even grid.

/// The number of samples of a grid that begins at the first of these times and does not pass the last.
pub(super) fn samples(times: &[f64], dt: f64) -> usize {
    match times {
        [first, .., last] => ((last - first) / dt * (1.0 + 1e-12) + 1e-9) as usize + 1,
        [_] => 1,
        [] => 0,
    }
}

/// For each sample of the grid, the time before it (an index) and how far it is towards the next, from 0 to 1.
pub(super) fn weights(times: &[f64], dt: f64) -> impl Iterator<Item = (usize, f64)> + '_ {
    let mut before = 0;
    (0..samples(times, dt)).map(move |k| {
        let time = times[0] + k as f64 * dt;
        while before + 2 < times.len() && times[before + 1] <= time {
            before += 1;
        }
        let step = times.get(before + 1).map_or(1.0, |next| next - times[before]);
        (before, ((time - times[before]) / step).clamp(0.0, 1.0))
    })
}

/// The value between two samples.
pub(super) fn between(values: &[f64], (before, weight): (usize, f64)) -> f64 {
    match values.get(before + 1) {
        // Samples of the grid that are times of the file keep their bits.
        Some(_) if weight == 0.0 => values[before],
        Some(&next) if weight == 1.0 => next,
        Some(&next) => values[before] + weight * (next - values[before]),
        None => values[before],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_line_stays_one() {
        let times = [0.0, 0.3, 0.35, 1.0, 1.9, 2.0];
        let values = times.map(|time| 3.0 - 2.0 * time);
        let grid: Vec<f64> = weights(&times, 0.25).map(|place| between(&values, place)).collect();
        assert_eq!(grid.len(), 9);
        for (k, value) in grid.iter().enumerate() {
            assert!((value - (3.0 - 0.5 * k as f64)).abs() < 1e-14);
        }
        assert_eq!(samples(&[0.0, 0.1, 0.2, 0.30000000000000004], 0.1), 4);
        let same: Vec<f64> =
            weights(&[0.0, 1.0, 2.0], 1.0).map(|place| between(&[0.1, 0.2, 0.3], place)).collect();
        assert_eq!(same, [0.1, 0.2, 0.3]);
        assert_eq!(weights(&[5.0], 1.0).count(), 1);
    }
}
