use super::*;
use crate::systems::{DoublePendulum, Duffing, Lorenz, Lorenz96, Oscillator, Rossler, SYSTEMS, VanDerPol};

fn of(system: &dyn System, exponents: usize, trajectories: usize, time: f64) -> Spectrum {
    let following = Following {
        exponents,
        trajectories,
        time,
        transient: 50.0,
        dt: system.sampling()[0],
        steps: 20_000_000,
        seed: 0,
    };
    spectrum(system, &system.initial_region(), &following, &|_| true).unwrap().unwrap()
}

fn standard(system: &dyn System, dt: f64, exponents: usize) -> Following {
    Following::of(system, &system.initial_region(), dt, exponents).unwrap()
}

fn near(found: &Spectrum, published: &[f64], within: f64) {
    for (k, published) in published.iter().enumerate() {
        let (exponent, error) = (found.estimate.exponents[k], found.estimate.standard_errors[k]);
        assert!((exponent - published).abs() < within, "{exponent} +- {error} for {published}");
        // neither does the error say that nothing is known
        assert!(error < within, "{error}");
    }
}

#[test]
fn the_spectrum_of_lorenz_is_the_published_one() {
    let found = of(&Lorenz::default(), 3, 32, 1000.0);
    // Sprott, "Chaos and Time-Series Analysis" (2003), p. 431, where the dimension is 2.06215
    near(&found, &[0.9056, 0.0, -14.5723], 0.003);
    let sum: f64 = found.estimate.exponents.iter().sum();
    assert!((sum + 10.0 + 1.0 + 8.0 / 3.0).abs() < 1e-6, "{sum}");
    let [dimension, error] = found.kaplan_yorke.unwrap();
    assert!((dimension - 2.06215).abs() < 3e-4 && error < 3e-4, "{dimension} +- {error}");
    // independent trajectories: four times as long, half the error, give or take its own
    let error = |i: usize| found.convergence[i].standard_errors[0];
    assert!((1.3..3.0).contains(&(error(3) / error(15))), "{} {}", error(3), error(15));
}

#[test]
fn the_spectrum_of_rossler_is_the_published_one() {
    // Sprott (2003), p. 432
    let found = of(&Rossler::default(), 3, 32, 4000.0);
    near(&found, &[0.0714, 0.0, -5.3943], 0.004);
    // the mean divergence a + x - c, with the mean of x of 32 trajectories over 4800 by another program
    let sum: f64 = found.estimate.exponents.iter().sum();
    assert!((sum + 5.3229).abs() < 0.004, "{sum}");
}

#[test]
fn lorenz96_has_the_published_exponent_and_dimension() {
    // Karimi and Paul (2010), Chaos 20, 043105, and Lorenz (1996), whose dimension is 27.1
    let one = of(&Lorenz96::default(), 1, 16, 400.0);
    near(&one, &[1.67], 0.03);
    let found = of(&Lorenz96::default(), 40, 8, 60.0);
    let dimension = found.kaplan_yorke.unwrap()[0];
    assert!((dimension - 27.0).abs() < 0.3, "{dimension}");
    let sum: f64 = found.estimate.exponents.iter().sum();
    assert!((sum + 40.0).abs() < 1e-6, "{sum}");
    // the largest alone is the first of all
    near(&one, &found.estimate.exponents[..1], 4.0 * found.estimate.standard_errors[0]);
}

#[test]
fn a_linear_system_has_the_real_parts_of_its_eigenvalues() {
    let oscillator = Oscillator::default();
    near(&of(&oscillator, 2, 4, 500.0), &[-0.2, -0.2], 0.003);
}

#[test]
fn a_hamiltonian_system_has_pairs_of_opposite_exponents() {
    let found = of(&DoublePendulum::default(), 4, 8, 500.0).estimate.exponents;
    assert!((found[0] + found[3]).abs() < 1e-3 && (found[1] + found[2]).abs() < 1e-3, "{found:?}");
}

#[test]
fn it_is_known_of_every_system_whether_it_is_chaotic() {
    let published = |name: &str| match name {
        "chua" => Some(0.33),
        "duffing" => Some(0.107), // by this program; others give no number for these parameters
        "lorenz" => Some(0.9056),
        "lorenz96" => Some(1.68),
        "rossler" => Some(0.0714),
        "thomas" => Some(0.0349),
        _ => None,
    };
    // those that are text have a test of their own
    for entry in SYSTEMS.iter().filter(|entry| entry.text.is_none()) {
        let system = (entry.build)((entry.defaults)()).unwrap();
        let found = largest(&*system, &system.initial_region(), system.sampling()[0]);
        match (found.unwrap(), published(entry.name)) {
            (Some(found), Some(published)) => {
                assert!((found / published - 1.0).abs() < 0.1, "{}: {found} for {published}", entry.name);
            }
            (found, published) => assert_eq!(found, published, "{}", entry.name),
        }
    }
}

#[test]
fn a_limit_cycle_has_the_dimension_1() {
    let cycle = of(&VanDerPol { mu: 1.0 }, 2, 8, 100.0).kaplan_yorke.unwrap();
    assert!((cycle[0] - 1.0).abs() < 0.05, "{cycle:?}");
}

#[test]
fn what_is_complete_is_kept_when_it_is_stopped() {
    let system = Lorenz::default();
    let region = System::initial_region(&system);
    let following = Following { exponents: 1, trajectories: 8, time: 20.0, ..standard(&system, 0.01, 1) };
    let until = |part: f64| spectrum(&system, &region, &following, &move |done| done < part).unwrap();
    assert_eq!(until(1e-3), None);
    let some = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(|| until(0.7));
    let some = some.unwrap();
    assert!((2..8).contains(&some.trajectories), "{}", some.trajectories);
    assert_eq!(until(2.0).unwrap().trajectories, 8);
    let parts = std::sync::Mutex::new(vec![]);
    let note = |part: f64| {
        parts.lock().unwrap().push(part);
        true
    };
    spectrum(&system, &region, &following, &note).unwrap();
    let parts = parts.into_inner().unwrap();
    let last = parts.iter().copied().fold(0.0, f64::max);
    assert!((last - 1.0).abs() < 1e-9 && parts.len() > 100, "{last} in {} parts", parts.len());
}

#[test]
fn the_time_is_estimated_before() {
    let system = Lorenz96 { variables: 400, ..Lorenz96::default() };
    let region = System::initial_region(&system);
    let of = |exponents| {
        let following = standard(&system, 0.05, 1);
        seconds(&system, &region, &Following { exponents, ..following }).unwrap()
    };
    // of as many vectors as can be in one group it is linear, and for many quadratic
    let (few, many) = (of(8), of(400));
    assert!(few > 0.0 && many > 2.0 * few, "{few} {many}");
}

#[test]
fn settings_out_of_range_are_told() {
    let system = Lorenz::default();
    let region = System::initial_region(&system);
    let standard = standard(&system, 0.01, 3);
    for (following, words) in [
        (Following { exponents: 4, ..standard }, "ask for 1 to 3"),
        (Following { exponents: 0, ..standard }, "ask for 1 to 3"),
        (Following { trajectories: 1, ..standard }, "needs 2 at least"),
        (Following { time: f64::NAN, ..standard }, "must be above 0"),
        (Following { transient: -1.0, ..standard }, "not below"),
    ] {
        let fault = spectrum(&system, &region, &following, &|_| true).unwrap_err().to_string();
        assert!(fault.contains(words), "{fault}");
    }
}

/// Equations as an experiment file gives them.
fn equations(state: serde_json::Value, initial: serde_json::Value) -> Box<dyn System> {
    let entry = SYSTEMS.iter().find(|entry| entry.name == "equations").unwrap();
    (entry.build)(serde_json::json!({"state": state, "initial": initial})).unwrap()
}

/// Lorenz at `rate` times its speed.
fn lorenz_at(rate: f64) -> Box<dyn System> {
    equations(
        serde_json::json!({
            "x": format!("{rate:?}*10*(y - x)"),
            "y": format!("{rate:?}*(x*(28 - z) - y)"),
            "z": format!("{rate:?}*(x*y - 8/3*z)")
        }),
        serde_json::json!({"x": [-15.0, 15.0], "y": [-15.0, 15.0], "z": [-15.0, 15.0]}),
    )
}

#[test]
fn a_component_that_nothing_depends_on_hides_no_chaos() {
    let system = equations(
        serde_json::json!({"w": "-0.5*w + x", "x": "10*(y - x)", "y": "x*(28 - z) - y", "z": "x*y - 8/3*z"}),
        serde_json::json!({"w": [-1.0, 1.0], "x": [-15.0, 15.0], "y": [-15.0, 15.0], "z": [-15.0, 15.0]}),
    );
    // the exponents of Lorenz (Sprott 2003, p. 431), and -0.5 of the component that it drives
    let follow = |exponents| {
        let following = Following { time: 400.0, ..standard(&*system, 0.01, exponents) };
        spectrum(&*system, &system.initial_region(), &following, &|_| true).unwrap().unwrap()
    };
    near(&follow(1), &[0.9056], 0.01);
    let all = follow(4);
    near(&all, &[0.9056, 0.0, -0.5, -14.5723], 0.01);
    // 3 + (0.9056 - 0.5) / 14.5723
    let [dimension, error] = all.kaplan_yorke.unwrap();
    assert!((dimension - 3.0278).abs() < 0.001 && error < 0.001, "{dimension} +- {error}");
    let found = largest(&*system, &system.initial_region(), 0.01).unwrap().unwrap();
    assert!((found - 0.9056).abs() < 0.02, "{found}");
}

#[test]
fn a_phase_as_a_component_has_its_exponent_in_its_place() {
    // The exponents of Duffing's oscillator add up to the damping, -0.1, and that of the phase is 0.
    let system = equations(
        serde_json::json!({"x": "y", "y": "-0.1*y + x - x^3 + 0.35*cos(z)", "z": "1.4"}),
        serde_json::json!({"x": [-1.0, 1.0], "y": [-1.0, 1.0], "z": [0.0, 6.0]}),
    );
    let following = Following { time: 2000.0, ..standard(&*system, 0.05, 3) };
    let found = spectrum(&*system, &system.initial_region(), &following, &|_| true).unwrap().unwrap();
    assert!(found.convergence.iter().all(|of| of.exponents.is_sorted_by(|a, b| a >= b)), "{found:?}");
    let exponents = &found.estimate.exponents;
    assert!(exponents[1].abs() < 1e-3 && (exponents.iter().sum::<f64>() + 0.1).abs() < 1e-6, "{found:?}");
    let [dimension, error] = found.kaplan_yorke.unwrap();
    assert!((dimension - 2.563).abs() < 0.01 && error < 0.01, "{dimension} +- {error}");
}

#[test]
fn trajectories_from_one_start_part_or_have_the_error_of_one() {
    let lorenz = Lorenz::default();
    let region = [[1.0, 1.0]; 3];
    let standard = Following { time: 200.0, ..Following::of(&lorenz, &region, 0.01, 1).unwrap() };
    let from_one =
        |following: Following| spectrum(&lorenz, &region, &following, &|_| true).unwrap().unwrap().estimate;
    let together = from_one(standard);
    // as if they had started apart
    let ratio = together.standard_errors[0] / of(&lorenz, 1, 32, 200.0).estimate.standard_errors[0];
    assert!((0.5..2.0).contains(&ratio), "{together:?} {ratio}");
    assert!((together.exponents[0] - 0.9056).abs() < 4.0 * together.standard_errors[0], "{together:?}");
    // Without a transient nothing moves them apart, and they are one trajectory throughout.
    let region = [[3.0, 3.0], [5.0, 5.0], [20.0, 20.0]];
    let short = Following { time: 16.0, transient: 0.0, ..standard };
    let short = spectrum(&lorenz, &region, &short, &|_| true).unwrap().unwrap().estimate;
    let (exponent, error) = (short.exponents[0], short.standard_errors[0]);
    // from part to part of a time unit their growth fluctuates by 1.4 or so, which makes 0.4 of the mean of 16
    assert!((0.15..1.0).contains(&error) && (exponent - 0.9056).abs() < 2.0 * error, "{short:?}");
}

#[test]
fn what_does_not_move_is_not_moved() {
    // A constant as a component stays what it is, and a state at rest rests, even where it is unstable.
    let system = equations(
        serde_json::json!({"c": "0", "x": "y", "y": "-c*x"}),
        serde_json::json!({"c": [4.0, 4.0], "x": [1.0, 1.0], "y": [0.0, 0.0]}),
    );
    let region = system.initial_region();
    let following = Following::of(&*system, &region, 0.05, 1).unwrap();
    let mut flow = Flow::start(&*system, &region, &following, 0);
    assert!(flow.follow(10.0, &mut [0.0], &|_| true).unwrap());
    let before = flow.u.clone();
    flow.part();
    let moved: Vec<f64> = flow.u.iter().zip(&before).map(|(a, b)| (a - b).abs()).collect();
    assert!(moved[0] == 0.0 && moved[1] + moved[2] > 1e-6 && moved[1] + moved[2] < 1e-2, "{moved:?}");
    // the largest eigenvalue of Lorenz at the origin is 11.83
    let origin = [[0.0, 0.0]; 3];
    let lorenz = Lorenz::default();
    let following =
        Following { time: 50.0, transient: 20.0, ..Following::of(&lorenz, &origin, 0.01, 3).unwrap() };
    let found = spectrum(&lorenz, &origin, &following, &|_| true).unwrap().unwrap();
    near(&found, &[11.8277, -8.0 / 3.0, -22.8277], 0.1);
    assert_eq!(largest(&lorenz, &origin, 0.01), Ok(None));
}

#[test]
fn the_unit_of_time_does_not_matter_nor_does_a_wrong_sampling() {
    // Lorenz, sampled as suits its speed, and as suits one a thousand times as fast
    for (rate, dt) in [(1e-3, 10.0), (1e3, 1e-5), (1e-3, 0.01)] {
        let system = lorenz_at(rate);
        let found = largest(&*system, &system.initial_region(), dt).unwrap().unwrap() / rate;
        assert!((found - 0.9056).abs() < 0.03, "{rate} by {dt}: {found}");
    }
    // Duffing a thousand times as fast, with the damping and the squares of the frequencies to match
    let slow = Duffing::default();
    let fast = Duffing {
        alpha: 1e6 * slow.alpha,
        beta: 1e6 * slow.beta,
        delta: 1e3 * slow.delta,
        gamma: 1e6 * slow.gamma,
        omega: 1e3 * slow.omega,
    };
    let [found, scaled] = [(&slow, 0.1), (&fast, 1e-4)]
        .map(|(system, dt)| largest(system, &System::initial_region(&slow), dt).unwrap().unwrap());
    assert!((scaled / found / 1e3 - 1.0).abs() < 0.05, "{scaled} {found}");
    // with the sampling of a thousandth of the speed too, which the program takes for a system that it knows by name
    let wrong = largest(&fast, &System::initial_region(&fast), 0.1).unwrap().unwrap();
    // 0.107 at the usual speed; each is known to some hundredths
    assert!([wrong, scaled].iter().all(|found| (found / 107.0 - 1.0).abs() < 0.1), "{wrong} {scaled}");
}

#[test]
fn the_sampling_of_every_system_is_believed() {
    // those that are text have a test of their own
    for entry in SYSTEMS.iter().filter(|entry| entry.text.is_none()) {
        let system = (entry.build)((entry.defaults)()).unwrap();
        let dt = system.sampling()[0];
        let (found, step) = Following::measured(&*system, &system.initial_region(), dt, 1).unwrap();
        assert_eq!(found.dt, dt, "{}: {step:?}", entry.name);
    }
}

#[test]
fn why_nothing_is_known_is_said() {
    let from_one =
        |state: serde_json::Value| equations(state, serde_json::json!({"x": [1.0, 1.0], "y": [1.0, 1.0]}));
    let explodes = from_one(serde_json::json!({"x": "x^2", "y": "-y"}));
    let fault = largest(&*explodes, &explodes.initial_region(), 0.01).unwrap_err().to_string();
    assert!(fault.contains("trajectory 0") && fault.contains("finite numbers"), "{fault}");
    // slow motion along a manifold: for stability, an explicit method needs steps of a millionth of its time scale
    let stiff = VanDerPol { mu: 1e6 };
    let fault = largest(&stiff, &System::initial_region(&stiff), 1.0).unwrap_err().to_string();
    assert!(fault.contains("not known") && fault.contains("1 time unit"), "{fault}");
    // a system that is only damped is not an error
    let damped = from_one(serde_json::json!({"x": "y", "y": "-x - 0.4*y"}));
    assert_eq!(largest(&*damped, &damped.initial_region(), 0.05), Ok(None));
}
