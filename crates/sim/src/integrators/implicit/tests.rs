use serde_json::json;

use super::*;
use crate::Solver;
use crate::systems::{Lorenz, Oscillator, SYSTEMS, VanDerPol, oscillator_exact};

/// A system given as text: the name and the right-hand side of each component.
fn system(state: &[(&str, &str)], parameters: &[(&str, f64)]) -> Box<dyn System> {
    let table = |pairs: Vec<(&str, serde_json::Value)>| -> serde_json::Value {
        pairs
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let given = json!({
        "state": table(state.iter().map(|&(name, text)| (name, text.into())).collect()),
        "parameters": table(parameters.iter().map(|&(name, value)| (name, value.into())).collect()),
        "initial": table(state.iter().map(|&(name, _)| (name, json!([0.0, 1.0]))).collect()),
    });
    let entry = SYSTEMS.iter().find(|entry| entry.name == "equations").unwrap();
    (entry.build)(given).unwrap()
}

/// Robertson (1966): three reactions, with rates from 0.04 to 3e7.
fn robertson() -> Box<dyn System> {
    system(&[("x", "1e4*y*z - 0.04*x"), ("y", "0.04*x - 1e4*y*z - 3e7*y^2"), ("z", "3e7*y^2")], &[])
}

/// The solution is cos t, to which everything decays within a millionth of a time unit.
fn falling() -> Box<dyn System> {
    system(&[("u", "-1e6*(u - cos(t)) - sin(t)")], &[])
}

/// A right-hand side that does not depend on the time; its solution from 0.1 is 1 / (1 + 9 e^-t).
fn logistic() -> Box<dyn System> {
    system(&[("u", "u*(1 - u)")], &[])
}

fn solve(solver: Solver, system: &dyn System, start: &[f64], times: &Times) -> Vec<f64> {
    let runs = system.ensemble(&[start.to_vec()], times, &solver);
    runs.unwrap_or_else(|error| panic!("{solver:?}: {error}")).u().to_vec()
}

fn last(solver: Solver, system: &dyn System, start: &[f64], times: &Times) -> Vec<f64> {
    let samples = solve(solver, system, start, times);
    samples[samples.len() - start.len()..].to_vec()
}

/// Whether each component is `expected` within `relative` of it.
fn near(found: &[f64], expected: &[f64], relative: f64, what: &str) {
    assert_eq!(found.len(), expected.len());
    for (x, expected) in found.iter().zip(expected) {
        assert!((x / expected - 1.0).abs() < relative, "{what}: {found:?}, not {expected:?}");
    }
}

#[test]
fn robertson_has_the_values_of_scipy_and_of_the_test_set() {
    // solve_ivp(f, (0, 1e5), [1, 0, 0], method=m, rtol=1e-12, atol=1e-17, jac=j) of SciPy 1.17.1:
    // m = "Radau" gives [0.017865921142346225, 7.274751468538597e-08, 0.9821340061101399],
    // m = "BDF"   gives [0.017865921143947302, 7.274751469202087e-08, 0.9821340061085363],
    // m = "LSODA" gives [0.01786592114330208, 7.274751468934766e-08, 0.982134006109188]:
    // they differ from the 9th or 10th digit of the first component on.
    let scipy = [0.017865921142346225, 7.274751468538597e-08, 0.9821340061101399];
    let bdf = [0.017865921143947302, 7.274751469202087e-08, 0.9821340061085363];
    let times = Times::new(100.0, 1000).unwrap();
    for solver in [Solver::radau(1e-12), Solver::rodas5p(1e-12), Solver::dop853(1e-12)] {
        let found = last(solver, &*robertson(), &[1.0, 0.0, 0.0], &times);
        near(&found, &scipy, 1e-10, &format!("{solver:?}"));
        near(&found, &bdf, 1e-9, &format!("{solver:?}"));
        assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
    // Mazzia and Magherini, "Test Set for Initial Value Problem Solvers", release 2.4 (2008), problem ROBER at t = 1e11
    let published = [0.2083340149701255e-07, 0.8333360770334713e-13, 0.999999979166505];
    let times = Times::new(1e11, 1).unwrap();
    for (solver, relative) in [(Solver::radau(1e-13), 1e-7), (Solver::rodas5p(1e-12), 1e-6)] {
        let found = last(solver, &*robertson(), &[1.0, 0.0, 0.0], &times);
        near(&found, &published, relative, &format!("{solver:?}"));
    }
}

#[test]
fn van_der_pol_has_the_published_values_where_it_is_stiff() {
    // Mazzia and Magherini (2008), problem VDPOL in its own time: mu = 1000 at t = 2000
    let published = [0.1706167732170469e1, -0.8928097010248125e-3];
    let times = Times::new(1.0, 2000).unwrap();
    for (solver, relative) in
        [(Solver::radau(1e-13), 1e-11), (Solver::rodas5p(1e-12), 1e-10), (Solver::dop853(1e-12), 1e-10)]
    {
        let found = last(solver, &VanDerPol { mu: 1000.0 }, &[2.0, 0.0], &times);
        near(&found, &published, relative, &format!("{solver:?}"));
    }
    // mu = 50 by SciPy 1.17.1, solve_ivp(f, (0, 200), [2, 0], method=m, rtol=r, atol=a, jac=j):
    // m = "Radau",  r = 1e-11, a = 1e-13 gives [1.344099351170806, -0.033256930055088674],
    // m = "DOP853", r = 1e-13, a = 1e-13 gives [1.3440993511707762, -0.03325693005508081],
    // m = "LSODA",  r = 1e-12, a = 1e-13 gives [1.3440993507886467, -0.033256930087769886],
    // m = "BDF",    r = 1e-10, a = 1e-12 gives [1.3440993467743538, -0.03325693043098651].
    let scipy = [1.344099351170806, -0.033256930055088674];
    let bdf = [1.3440993467743538, -0.03325693043098651];
    let times = Times::new(0.1, 2000).unwrap();
    for solver in [Solver::radau(1e-12), Solver::rodas5p(1e-12), Solver::dop853(1e-12), Solver::dopri5(1e-12)]
    {
        let found = last(solver, &VanDerPol { mu: 50.0 }, &[2.0, 0.0], &times);
        near(&found, &scipy, 2e-9, &format!("{solver:?}"));
        near(&found, &bdf, 2e-8, &format!("{solver:?}"));
    }
}

#[test]
fn a_fast_component_follows_the_exact_solution() {
    let times = Times::new(0.1, 20).unwrap();
    // the interpolation of Rodas5P loses some of its order where a component is this fast
    for (solver, within) in [(Solver::radau(1e-9), 1e-9), (Solver::rodas5p(1e-9), 1e-6)] {
        let samples = solve(solver, &*falling(), &[1.0], &times);
        for (i, u) in samples.iter().enumerate() {
            assert!((u - times.at(i).cos()).abs() < within, "{solver:?}: {u} at sample {i}");
        }
        // from any other start, the solution decays to this one at once
        let samples = solve(solver, &*falling(), &[3.0], &times);
        assert!((samples[20] - 2f64.cos()).abs() < 1e-8, "{solver:?}: {}", samples[20]);
    }
}

#[test]
fn where_nothing_is_stiff_they_agree_with_the_explicit_method() {
    let (ode, start, times) = (Lorenz::default(), [1.0, 2.0, 20.0], Times::up_to(10.0, 0.01).unwrap());
    let explicit = solve(Solver::dop853(1e-13), &ode, &start, &times);
    for (solver, within) in [(Solver::radau(1e-13), 1e-6), (Solver::rodas5p(1e-12), 1e-4)] {
        let implicit = solve(solver, &ode, &start, &times);
        let worst = explicit.iter().zip(&implicit).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst < within, "{solver:?}: {worst:e}");
    }
}

/// The error at `t = steps * h` of `steps` equal steps, and of the interpolation within the first.
fn errors_of_equal_steps<M: Method>(
    system: &dyn System,
    start: &[f64],
    exact: impl Fn(f64) -> Vec<f64>,
    h: f64,
    steps: usize,
) -> [f64; 2] {
    // For linear systems, and for others with a small tolerance, the iterations converge to the exact result. This test
    // also accepts steps that the error estimate would reject.
    let bounds = Bounds::new(Tolerance { relative: 1e-13, absolute: 1e-13 }, start);
    let off = |u: &[f64], t: f64| u.iter().zip(exact(t)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let (mut u, mut f, mut amid) = (start.to_vec(), vec![0.0; start.len()], f64::NAN);
    for i in 0..steps {
        let (t, mut method) = (i as f64 * h, M::new(start.len()));
        one_step(system, t, &u, &mut f, h, &bounds, &mut method);
        if i == 0 {
            let loose = Bounds::new(Tolerance { relative: 1.0, absolute: 1.0 }, start);
            let mut method = M::new(start.len());
            one_step(system, t, &u, &mut f, h, &loose, &mut method);
            let within: Vec<f64> = (0..u.len()).map(|j| method.at(0.6, j, &u)).collect();
            amid = off(&within, 0.6 * h);
        }
        u.copy_from_slice(method.next());
    }
    [off(&u, steps as f64 * h), amid]
}

fn one_step<M: Method>(
    system: &dyn System,
    t: f64,
    u: &[f64],
    f: &mut [f64],
    h: f64,
    bounds: &Bounds,
    method: &mut M,
) {
    system.right_hand_side(t, u, f);
    method.step(&Point { system, t, u, f }, h, bounds);
}

#[test]
fn the_measured_orders_are_the_nominal_ones() {
    let driven = Oscillator { mass: 1.0, stiffness: 1.0, damping: 0.4, force: 1.0, omega: 2.0 };
    let of_driven = |t| oscillator_exact(&driven, [1.0, 0.5], 0.0, t).to_vec();
    let of_logistic = |t: f64| vec![1.0 / (1.0 + 9.0 * (-t).exp())];
    let order = |coarse: f64, fine: f64| (coarse / fine).log2();
    let check = |name: &str, coarse: f64, fine: f64, nominal: f64| {
        let measured = order(coarse, fine);
        assert!(
            (measured - nominal).abs() < 0.4,
            "{name}: order {measured}, not {nominal}: {coarse:e} {fine:e}"
        );
    };
    let [coarse, fine] = [0.1, 0.05].map(|h| {
        errors_of_equal_steps::<Rodas5p>(&driven, &[1.0, 0.5], of_driven, h, (6.0 / h).round() as usize)
    });
    check("rodas5p, driven", coarse[0], fine[0], 5.0);
    // within a step, the error of an interpolation of order p is proportional to the power p + 1 of the step
    check("rodas5p, interpolation", coarse[1], fine[1], 5.0);
    let [coarse, fine] = [0.2, 0.1].map(|h| {
        errors_of_equal_steps::<Rodas5p>(&*logistic(), &[0.1], of_logistic, h, (6.0 / h).round() as usize)
    });
    check("rodas5p, logistic", coarse[0], fine[0], 5.0);

    let [coarse, fine] = [0.6, 0.3].map(|h| {
        errors_of_equal_steps::<Radau>(&driven, &[1.0, 0.5], of_driven, h, (6.0 / h).round() as usize)
    });
    check("radau, driven", coarse[0], fine[0], 9.0);
    let [coarse, fine] =
        [0.2, 0.1].map(|h| errors_of_equal_steps::<Radau>(&driven, &[1.0, 0.5], of_driven, h, 1));
    check("radau, interpolation", coarse[1], fine[1], 6.0);
    let [coarse, fine] = [2.0, 1.0].map(|h| {
        errors_of_equal_steps::<Radau>(&*logistic(), &[0.1], of_logistic, h, (6.0 / h).round() as usize)
    });
    check("radau, logistic", coarse[0], fine[0], 9.0);
}

#[test]
fn a_short_pulse_is_not_passed_over() {
    let pulse = system(&[("x", "-x + 20*exp(-((t - 5)/0.02)^2)")], &[]);
    // the highest sample by SciPy's quad of the exact solution: 0.6796
    let times = Times::up_to(10.0, 0.01).unwrap();
    for solver in [Solver::radau(1e-12), Solver::rodas5p(1e-10)] {
        let samples = solve(solver, &*pulse, &[0.0], &times);
        let highest = samples.iter().fold(0.0, |highest: f64, x| highest.max(*x));
        assert!((highest - 0.6796).abs() < 5e-5, "{solver:?}: {highest}");
    }
}

#[test]
fn the_units_of_the_components_do_not_matter() {
    let times = Times::new(0.5, 200).unwrap();
    for solver in [Solver::radau(1e-12), Solver::rodas5p(1e-12)] {
        let plain = solve(solver, &VanDerPol { mu: 20.0 }, &[2.0, 0.0], &times);
        for units in [[1e-12, 1e-12], [1e12, 1e12], [1e-9, 1e6]] {
            let rescaled = system(
                &[("x", "y/b*a"), ("y", "(20*(1 - (x/a)^2)*y/b - x/a)*b")],
                &[("a", units[0]), ("b", units[1])],
            );
            let found = solve(solver, &*rescaled, &[2.0 * units[0], 0.0], &times);
            for (i, (a, b)) in plain.iter().zip(&found).enumerate() {
                let (b, size) = (b / units[i % 2], if i % 2 == 0 { 2.0 } else { 30.0 });
                assert!((a - b).abs() < 1e-9 * size, "{solver:?}, {units:?}: {a} {b} at {i}");
            }
        }
    }
}

#[test]
fn what_an_explicit_method_finds_stiff_is_integrated_by_the_implicit_one() {
    // Of three trajectories one starts at rest, where nothing is stiff.
    let (ode, times) = (VanDerPol { mu: 1000.0 }, Times::new(0.5, 20).unwrap());
    let starts = [vec![2.0, 0.0], vec![0.0, 0.0], vec![-1.5, 0.0]];
    let both = ode.ensemble(&starts, &times, &Solver::dop853(1e-9)).unwrap();
    let implicit = ode.ensemble(&starts, &times, &Solver::radau(1e-9)).unwrap();
    for trajectory in [0, 2] {
        for sample in 0..=20 {
            assert_eq!(both.state(trajectory, sample), implicit.state(trajectory, sample));
        }
    }
    for (trajectory, start) in starts.iter().enumerate() {
        let alone = solve(Solver::dop853(1e-9), &ode, start, &times);
        assert_eq!(both.u()[trajectory * 42..(trajectory + 1) * 42], alone, "{trajectory}");
    }
}

#[test]
fn a_component_that_is_zero_but_for_rounding_does_not_stop_them() {
    // x and y are equal, and z is driven by their difference
    let difference = system(
        &[
            ("x", "1e4*(1.7 + 0.3*sin(t) - x)"),
            ("y", "1e4*(1.7 + 0.3*sin(t)) - 1e4*y"),
            ("z", "(0.1*x + 0.2*x) - 0.3*y - z"),
        ],
        &[],
    );
    let times = Times::new(0.1, 100).unwrap();
    for solver in [Solver::radau(1e-12), Solver::rodas5p(1e-10)] {
        let found = last(solver, &*difference, &[1.7, 1.7, 0.0], &times);
        assert!((found[0] - found[1]).abs() < 1e-9 && found[2].abs() < 1e-9, "{solver:?}: {found:?}");
    }
}
