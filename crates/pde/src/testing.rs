//! What the tests of several files share.

use trajectory::Times;

use crate::{FieldSystem, Method, Order};

/// The largest absolute difference of two arrays.
pub(crate) fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, |largest, d| if d > largest || d.is_nan() { d } else { largest })
}

/// The samples \[time, channel, y, x\] of a trajectory.
pub(crate) fn samples(system: &dyn FieldSystem, start: &[f64], times: &Times, method: &Method) -> Vec<f64> {
    let mut out = vec![0.0; times.samples() * start.len()];
    system.integrate(&[start.to_vec()], times, method, &mut out).unwrap();
    out
}

/// The state after the time `t`.
pub(crate) fn last(system: &dyn FieldSystem, start: &[f64], t: f64, method: &Method) -> Vec<f64> {
    samples(system, start, &Times::new(t, 1).unwrap(), method).split_off(start.len())
}

/// The binary logarithm of the factor by which the error after the time `t` falls when a step of `step` is halved.
pub(crate) fn order_of(
    system: &dyn FieldSystem,
    start: &[f64],
    t: f64,
    order: Order,
    step: f64,
    exact: &[f64],
) -> f64 {
    let error = |step| largest_difference(&last(system, start, t, &Method::with_step(order, step)), exact);
    (error(step) / error(0.5 * step)).log2()
}

/// The samples of `system` from `starts` on 1, 2, 3 and 8 threads, which must be the same.
pub(crate) fn same_on_any_number_of_threads(
    system: &dyn FieldSystem,
    starts: &[Vec<f64>],
    times: &Times,
    method: &Method,
) {
    let run = |threads| {
        let mut out = vec![0.0; starts.len() * times.samples() * starts[0].len()];
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| system.integrate(starts, times, method, &mut out)).unwrap();
        out
    };
    let one = run(1);
    for threads in [2, 3, 8] {
        let several = run(threads);
        let same = one.iter().zip(&several).all(|(a, b)| a.to_bits() == b.to_bits());
        assert!(same, "{} on {threads} threads", system.name());
    }
}
