//! One sample interval for all times.
//!
//! The median of the differences is a first estimate, which gaps do not disturb. Least squares over the stretches
//! between gaps then refine it. The times form a grid if no difference deviates by more than a tenth of the interval,
//! or if rounding of the times explains the deviations.

/// A difference of more than this number of intervals is a gap.
pub(super) const GAP: f64 = 1.5;

/// The largest deviation of a difference from the interval, in intervals, in times that count as even.
const EVEN: f64 = 0.1;

/// Differences that the median is taken over.
const SAMPLED: usize = 200_000;

/// An even grid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Grid {
    /// The sample interval.
    pub(super) dt: f64,
    /// The largest deviation of a difference of neighbours from it, in units of time.
    pub(super) jitter: f64,
    /// Where it occurs: the number of the list, and the position of the later of the two times.
    pub(super) worst: (usize, usize),
    /// Whether the deviations are those of times that were rounded.
    pub(super) rounded: bool,
}

/// Why there is no grid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum NoGrid {
    /// There are no two times in any list.
    TooShort,
    /// The difference that ends at this place deviates too much from the interval.
    Uneven { dt: f64, step: f64, worst: (usize, usize) },
}

/// The median of the positive differences of neighbours.
pub(super) fn median_step(lists: &[&[f64]]) -> Option<f64> {
    let steps: usize = lists.iter().map(|times| times.len().saturating_sub(1)).sum();
    let stride = steps.div_ceil(SAMPLED).max(1);
    let windows = lists.iter().flat_map(|times| times.windows(2));
    let mut steps: Vec<f64> =
        windows.step_by(stride).map(|pair| pair[1] - pair[0]).filter(|step| *step > 0.0).collect();
    let middle = steps.len().checked_sub(1)? / 2;
    Some(*steps.select_nth_unstable_by(middle, f64::total_cmp).1)
}

/// Fits a grid to lists of increasing times.
pub(super) fn fit(lists: &[&[f64]]) -> Result<Grid, NoGrid> {
    let first = median_step(lists).ok_or(NoGrid::TooShort)?;
    let dt = shortest(least_squares(lists, first), resolution(lists, first));
    let mut grid = Grid { dt, jitter: 0.0, worst: (0, 0), rounded: false };
    for (list, times) in lists.iter().enumerate() {
        for (before, pair) in times.windows(2).enumerate() {
            let step = pair[1] - pair[0];
            let off = (step - dt).abs();
            if step <= GAP * dt && off > grid.jitter {
                grid.jitter = off;
                grid.worst = (list, before + 1);
            }
        }
    }
    if grid.jitter > EVEN * dt {
        let (list, at) = grid.worst;
        if !rounding_explains(lists, dt) {
            return Err(NoGrid::Uneven {
                dt: first,
                step: lists[list][at] - lists[list][at - 1],
                worst: grid.worst,
            });
        }
        grid.rounded = true;
    }
    Ok(grid)
}

/// The ends of the stretches between gaps.
pub(super) fn stretches(times: &[f64], gap: f64) -> Vec<std::ops::Range<usize>> {
    super::order::cut(0..times.len(), |row| times[row] - times[row - 1] > gap)
}

fn least_squares(lists: &[&[f64]], first: f64) -> f64 {
    let [mut slope, mut weight] = [0.0; 2];
    for times in lists {
        for stretch in stretches(times, GAP * first) {
            let times = &times[stretch];
            let middle = (times.len() - 1) as f64 / 2.0;
            for (k, time) in times.iter().enumerate() {
                let k = k as f64 - middle;
                slope += k * (time - times[0]);
                weight += k * k;
            }
        }
    }
    if weight > 0.0 { slope / weight } else { first }
}

/// How well the interval can be known: times are rounded to 53 bits, which shifts an end of the longest stretch by that much.
fn resolution(lists: &[&[f64]], first: f64) -> f64 {
    let of = |times: &&[f64]| {
        let largest = times.iter().fold(0.0, |largest: f64, time| largest.max(time.abs()));
        let longest = stretches(times, GAP * first).into_iter().map(|stretch| stretch.len()).max()?;
        (longest > 1).then(|| largest * f64::EPSILON / (longest - 1) as f64)
    };
    lists.iter().filter_map(of).fold(f64::INFINITY, f64::min)
}

/// The number with the fewest digits that is equal up to rounding errors: 0.01 for 0.010000000000000002, or 0.1 for
/// 0.10000000149011612 where the times are seconds since 1970.
fn shortest(dt: f64, resolution: f64) -> f64 {
    let rounded = |digits: usize| format!("{dt:.digits$e}").parse::<f64>().ok();
    let resolution = if resolution.is_finite() { resolution } else { 0.0 };
    let close = |candidate: &f64| (candidate - dt).abs() <= (1e-12 * dt).max(resolution);
    (0..11).filter_map(rounded).find(close).unwrap_or(dt)
}

/// Whether all times are multiples of a power of ten below the interval, and within one of it of an even grid.
fn rounding_explains(lists: &[&[f64]], dt: f64) -> bool {
    let some = lists.iter().flat_map(|times| times.iter().take(1000)).take(10_000);
    let multiples = |unit: f64| {
        some.clone().all(|time| {
            let count = time / unit;
            (count - count.round()).abs() < 1e-6 * count.abs().clamp(1.0, 1e3)
        })
    };
    let powers = (-9..=3).rev().map(|power| 10f64.powi(power));
    let Some(unit) = powers.filter(|&unit| unit <= dt).find(|&unit| multiples(unit)) else { return false };
    lists.iter().all(|times| {
        stretches(times, GAP * dt + unit).into_iter().all(|stretch| {
            let times = &times[stretch];
            let off = |(k, time): (usize, &f64)| time - times[0] - k as f64 * dt;
            let least = times.iter().enumerate().map(off).fold(f64::INFINITY, f64::min);
            let greatest = times.iter().enumerate().map(off).fold(f64::NEG_INFINITY, f64::max);
            greatest - least <= 1.01 * unit + 1e-9 * dt
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(count: usize, time: impl Fn(f64) -> f64) -> Vec<f64> {
        (0..count).map(|k| time(k as f64)).collect()
    }

    #[test]
    fn the_interval_is_exact_and_short() {
        for dt in [0.01, 4.0, 1.0 / 3.0, 0.002, 1e-6, 86_400.0] {
            let grid = fit(&[&times(1000, |k| 7.0 + k * dt)]).unwrap();
            assert!((grid.dt - dt).abs() <= 1e-12 * dt && grid.jitter < 1e-6 * dt, "{grid:?}");
        }
        assert_eq!(fit(&[&times(5000, |k| k * 0.01)]).unwrap().dt, 0.01);
    }

    #[test]
    fn the_interval_of_large_times_has_as_few_digits_as_they_tell() {
        // Seconds since 1970, which are known to 2.4e-7.
        for (count, dt) in [(1000, 0.1), (300, 0.04), (50, 0.01), (5000, 1.0 / 3.0)] {
            let grid = fit(&[&times(count, |k| 1_764_374_400.123 + k * dt)]).unwrap();
            assert!((grid.dt - dt).abs() <= 3e-7 / (count as f64 - 1.0), "{grid:?}");
            assert!(dt == 1.0 / 3.0 || grid.dt == dt, "{grid:?} {dt}");
        }
        // An interval that times of this size can tell stays as it is.
        let grid = fit(&[&times(1000, |k| 1000.0 + k * 0.010_000_001)]).unwrap();
        assert_eq!(grid.dt, 0.010_000_001);
    }

    #[test]
    fn gaps_and_offsets_do_not_disturb_it() {
        let gappy = times(1000, |k| 0.1 * (k + if k > 300.0 { 7.3 } else { 0.0 }));
        let grid = fit(&[&gappy, &times(10, |k| 100.03 + 0.1 * k)]).unwrap();
        assert_eq!(grid.dt, 0.1);
        assert_eq!(stretches(&gappy, 0.15).len(), 2);
    }

    #[test]
    fn jitter_is_told_and_uneven_times_are_refused() {
        let jittery = times(1000, |k| 0.1 * k + if k == 500.0 { 0.004 } else { 0.0 });
        let grid = fit(&[&jittery]).unwrap();
        assert!((grid.jitter - 0.004).abs() < 1e-6 && grid.worst.1.abs_diff(500) <= 1, "{grid:?}");
        // 60 Hz in times of two digits.
        let rounded = times(1000, |k| (k * 100.0 / 60.0).round() / 100.0);
        let grid = fit(&[&rounded]).unwrap();
        assert!(grid.rounded && (grid.dt * 60.0 - 1.0).abs() < 1e-4, "{grid:?}");
        let uneven = times(1000, |k| 0.1 * k + 0.03 * (k * 1.7).sin());
        assert!(matches!(fit(&[&uneven]), Err(NoGrid::Uneven { .. })));
        assert_eq!(fit(&[&[1.0], &[]]), Err(NoGrid::TooShort));
    }
}
