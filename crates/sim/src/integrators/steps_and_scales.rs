//! Tests of the adaptive methods where a step could miss an event, and where a component has an unusual scale. The
//! systems are given as text, so they run through the same code as a user's equations.

use serde_json::json;

use crate::systems::SYSTEMS;
use crate::{SimulationError, Solver, System};
use trajectory::Times;

const ADAPTIVE: [fn(f64) -> Solver; 2] = [Solver::dop853, Solver::dopri5];
const IMPLICIT: [Solver; 2] = [Solver::radau(1e-9), Solver::rodas5p(1e-9)];

/// The system u' = the expressions, in this order.
fn text(state: &[(&str, &str)]) -> Box<dyn System> {
    let (mut expressions, mut initial) = (serde_json::Map::new(), serde_json::Map::new());
    for (name, expression) in state {
        expressions.insert((*name).into(), (*expression).into());
        initial.insert((*name).into(), vec![0.0, 1.0].into());
    }
    let entry = SYSTEMS.iter().find(|entry| entry.name == "equations").unwrap();
    (entry.build)(json!({"state": expressions, "initial": initial})).unwrap()
}

fn solve(system: &dyn System, solver: Solver, start: &[f64], times: &Times) -> Vec<f64> {
    system.ensemble(&[start.to_vec()], times, &solver).unwrap().u().to_vec()
}

fn failure(system: &dyn System, solver: Solver, start: &[f64], times: &Times) -> SimulationError {
    let error = system.ensemble(&[start.to_vec()], times, &solver).unwrap_err();
    let SimulationError::Trajectory { trajectory: 0, error } = error else { panic!("{error}") };
    *error
}

/// The largest of every `dim`-th number, beginning with the first.
fn highest(u: &[f64], dim: usize) -> f64 {
    u.iter().step_by(dim).copied().fold(f64::MIN, f64::max)
}

/// 1 for `from` < `x` < `to`, 0 elsewhere.
fn window(x: &str, from: f64, to: f64) -> String {
    format!("min(max(({x} - {from})*1e300, 0), 1) * min(max(({to} - {x})*1e300, 0), 1)")
}

#[test]
fn a_push_that_falls_between_the_stages_is_seen() {
    // n' = c (1 - n) - n from 0, with c = 1 for a unit of time: n rises to (1 - e^-2) / 2
    let right = (1.0 - (-2.0f64).exp()) / 2.0;
    for tolerance in [1e-12, 1e-6] {
        for solver in ADAPTIVE.map(|method| method(tolerance)) {
            let times = Times::new(0.01, 1000).unwrap();
            let of_time = text(&[("n", &format!("{}*(1 - n) - n", window("t", 5.0, 6.0)))]);
            let found = highest(&solve(&*of_time, solver, &[0.0], &times), 1);
            assert!((found - right).abs() < 100.0 * tolerance, "{solver:?}: {found}, not {right}");
            // the same where time is a component of the state
            let of_state = text(&[("n", &format!("{}*(1 - n) - n", window("z", 5.0, 6.0))), ("z", "1")]);
            let found = highest(&solve(&*of_state, solver, &[0.0, 0.0], &times), 2);
            assert!((found - right).abs() < 100.0 * tolerance, "{solver:?}: {found}, not {right}");
            // A pulse between two of a few samples: the first step is as long as allowed.
            let few = Times::new(1.0, 10).unwrap();
            let push = text(&[("n", &format!("{}*(1 - n) - n", window("t", 5.5, 6.5)))]);
            let found = solve(&*push, solver, &[0.0], &few);
            let after = right * (-0.5f64).exp();
            assert!((found[7] - after).abs() < 100.0 * tolerance, "{solver:?}: {found:?}, not {after}");
            assert!(found[..6].iter().all(|&n| n == 0.0), "{found:?}");
        }
    }
}

#[test]
fn a_jump_that_no_step_resolves_is_passed_in_steps_as_short_as_rounding_allows() {
    // At t = 1e6, neighbouring floating-point numbers differ by 1e-10: even the shortest step across the jump has an
    // error above 1e-14.
    let push = text(&[("n", &format!("{} - n", window("t", 1000005.003, 1000006.003)))]);
    let times = Times::new(0.01, 1000).unwrap().from(1e6);
    for solver in ADAPTIVE.map(|method| method(1e-13)) {
        let found = highest(&solve(&*push, solver, &[0.0], &times), 1);
        // the highest sample is 0.003 after its start, and 0.003 before its end
        let right = 1.0 - (-0.997f64).exp();
        // the start and the end may each be off by ten times the rounding of the time
        assert!((found - right).abs() < 1e-8, "{solver:?}: {found}, not {right}");
    }
}

#[test]
fn a_pulse_of_four_samples_is_followed_to_the_tolerance() {
    let pulse = text(&[("x", "-x + 20*exp(-((t - 5)/0.02)^2)")]);
    let times = Times::new(0.01, 1000).unwrap();
    let fine =
        solve(&*pulse, Solver::Rk4 { substeps: 200, precision: trajectory::Precision::F64 }, &[0.0], &times);
    assert!((highest(&fine, 1) - 0.6796).abs() < 5e-5, "{}", highest(&fine, 1));
    for tolerance in [1e-12, 1e-6] {
        for solver in ADAPTIVE.map(|method| method(tolerance)) {
            let found = solve(&*pulse, solver, &[0.0], &times);
            let off = found.iter().zip(&fine).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(off < 30.0 * tolerance, "{solver:?}: {off:e}");
        }
    }
}

#[test]
fn a_trajectory_that_looks_at_its_samples_is_the_same_alone_and_in_company() {
    let pulse = text(&[("x", "-x + 20*exp(-((t + 0.1*y - 5)/0.02)^2)"), ("y", "-y")]);
    let times = Times::new(0.01, 1000).unwrap();
    let starts: Vec<Vec<f64>> = (0..13).map(|i| vec![0.0, f64::from(i) * 1e3]).collect();
    for solver in ADAPTIVE.map(|method| method(1e-9)) {
        let together = pulse.ensemble(&starts, &times, &solver).unwrap();
        for (i, start) in starts.iter().enumerate() {
            let alone = solve(&*pulse, solver, start, &times);
            assert_eq!(together.u()[i * alone.len()..(i + 1) * alone.len()], alone, "{solver:?}, {i}");
        }
    }
}

#[test]
fn dry_friction_and_a_root_at_zero_are_refused_with_their_time_and_a_way_out() {
    let times = Times::new(0.1, 30).unwrap();
    for solver in ADAPTIVE.map(|method| method(1e-12)) {
        // both reach 0 at t = 1, where the solution ends
        for equation in ["-(min(max(x*1e300, 0), 1) - min(max(-x*1e300, 0), 1))", "-0.5/x"] {
            let error = failure(&*text(&[("x", equation)]), solver, &[1.0], &times);
            let SimulationError::Singular { t } = error else { panic!("{solver:?}, {equation}: {error}") };
            assert!((t - 1.0).abs() < 1e-3, "{solver:?}, {equation}: {t}");
            assert!(error.to_string().contains("make it smooth"), "{error}");
        }
    }
    for solver in IMPLICIT {
        let error = failure(&*text(&[("x", "-0.5/x")]), solver, &[1.0], &times);
        let SimulationError::Singular { t } = error else { panic!("{solver:?}: {error}") };
        assert!((t - 1.0).abs() < 1e-3, "{solver:?}: {t}");
    }
}

#[test]
fn numbers_that_become_too_large_are_no_singularity() {
    // exp(709.8) is the largest 64-bit number
    let times = Times::new(1.0, 800).unwrap();
    for solver in ADAPTIVE.map(|method| method(1e-9)).into_iter().chain(IMPLICIT) {
        let error = failure(&*text(&[("x", "x")]), solver, &[1.0], &times);
        let SimulationError::Diverged { t } = error else { panic!("{solver:?}: {error}") };
        assert!((700.0..711.0).contains(&t), "{solver:?}: {t}");
    }
}

#[test]
fn no_tolerance_steps_through_a_pole_or_a_root() {
    // At looser tolerances a step may leap over a pole: its error is small beside the state on the other side.
    for tolerance in [1e-6, 1e-8, 1e-12] {
        for solver in ADAPTIVE.map(|method| method(tolerance)) {
            // poles in time, and a root that x = sqrt(0.49 - t) comes to
            let cases =
                [("1/(1-t)", 1.0, 0.07, 1.0), ("1/(1-t)^2", 1.0, 0.07, 1.0), ("-0.5/x", 0.7, 0.01, 0.49)];
            for (equation, start, dt, end) in cases {
                let times = Times::new(dt, 300).unwrap();
                let error = failure(&*text(&[("x", equation)]), solver, &[start], &times);
                let (SimulationError::Singular { t } | SimulationError::Diverged { t }) = error else {
                    panic!("{solver:?}, {equation}: {error}")
                };
                assert!((t - end).abs() < 0.02, "{solver:?}, {equation}: {t}");
            }
        }
    }
}

/// A driven oscillator with x, v and time in units of `x`, `v` and `time`.
fn oscillator(x: f64, v: f64, time: f64) -> Box<dyn System> {
    text(&[
        ("x", &format!("v*{:e}", x / v / time)),
        ("v", &format!("-x*{:e} - 0.2*v/{time:e} + {:e}*cos(1.7*t/{time:e})", v / x / time, 0.5 * v / time)),
    ])
}

#[test]
fn results_do_not_depend_on_units() {
    let samples = |x: f64, v: f64, time: f64, solver: Solver| {
        let times = Times::new(0.1 * time, 400).unwrap();
        let u = solve(&*oscillator(x, v, time), solver, &[1.3 * x, -0.4 * v], &times);
        u.chunks(2).flat_map(|u| [u[0] / x, u[1] / v]).collect::<Vec<f64>>()
    };
    for solver in ADAPTIVE.map(|method| method(1e-12)) {
        let plain = samples(1.0, 1.0, 1.0, solver);
        let units = [
            [1e-12, 1e-12, 1.0],
            [1e12, 1e12, 1.0],
            [1e-9, 1e-9, 1.0],
            [1e-12, 1e12, 1.0],
            [1.0, 1.0, 1e-12],
            [1.0, 1.0, 1e12],
            [1e-9, 1e-6, 1e-3],
        ];
        for [x, v, time] in units {
            let scaled = samples(x, v, time, solver);
            let off = scaled.iter().zip(&plain).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(off < 1e-10, "{solver:?}, in units of {x}, {v}, {time}: {off:e}");
        }
    }
    // A single bound for all components is in the units of the state.
    let bounded = Solver::Dop853 { tolerance: 1e-12, absolute_tolerance: 1e-6 };
    let (plain, small) = (samples(1.0, 1.0, 1.0, bounded), samples(1e-6, 1e-6, 1.0, bounded));
    let exact = samples(1.0, 1.0, 1.0, Solver::default());
    let off = |u: &[f64]| u.iter().zip(&exact).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(off(&plain) < 1e-4 && off(&small) > 1e-3, "{:e} {:e}", off(&plain), off(&small));
}

#[test]
fn components_without_a_scale_of_their_own_do_not_stop_the_others() {
    // d would be 0 except for rounding, zero stays 0, gone decays below the smallest numbers, large has a mean much
    // larger than its motion, and x starts far away.
    let system = text(&[
        ("a", "(sin(t) - 0.3*a) - 0.1*a"),
        ("b", "sin(t) - (0.3*b + 0.1*b)"),
        ("d", "((sin(t) - 0.3*a) - 0.1*a) - (sin(t) - (0.3*b + 0.1*b))"),
        ("zero", "-zero"),
        ("gone", "-3*gone"),
        ("large", "cos(t) - large + 1e6"),
        ("x", "cos(t) - x"),
    ]);
    let times = Times::new(0.1, 3000).unwrap();
    for (solver, bound) in ADAPTIVE.map(|method| (method(1e-11), 1e-9)) {
        let u = solve(&*system, solver, &[0.3, 0.3, 0.0, 0.0, 1.0, 1e6, 1e6], &times);
        for i in [30, 300, 3000] {
            let (t, u) = (times.at(i), &u[i * 7..(i + 1) * 7]);
            // a' = sin t - 0.4 a
            let particular = |t: f64| (0.4 * t.sin() - t.cos()) / 1.16;
            let a = particular(t) + (0.3 - particular(0.0)) * (-0.4 * t).exp();
            assert!(
                (u[0] - a).abs() < bound && (u[1] - a).abs() < bound,
                "{solver:?}: {} {}, not {a}",
                u[0],
                u[1]
            );
            assert!(u[2].abs() < 1e-13 && u[3] == 0.0, "{solver:?}: {u:?}");
            assert!((u[4] - (-3.0 * t).exp()).abs() < bound, "{solver:?}: {}", u[4]);
            let round = (t.cos() + t.sin()) / 2.0;
            let large = 1e6 + round - 0.5 * (-t).exp();
            assert!((u[5] - large).abs() < bound * 1e6, "{solver:?}: {}, not {large}", u[5]);
            let x = round + (1e6 - 0.5) * (-t).exp();
            assert!((u[6] - x).abs() < bound * x.abs().max(1.0), "{solver:?}: {}, not {x}", u[6]);
        }
    }
}
