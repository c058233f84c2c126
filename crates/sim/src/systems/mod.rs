//! All systems. One in Rust is a file here and a line in `IN_RUST`; one that is text is a file in `crates/sim/catalogue/`
//! and nothing else.

pub mod catalogue;
mod chua;
mod double_pendulum;
mod duffing;
mod equations;
mod lorenz;
mod lorenz96;
mod lotka_volterra;
mod oscillator;
mod rossler;
mod thomas;
mod van_der_pol;

pub use chua::Chua;
pub use double_pendulum::DoublePendulum;
pub use duffing::Duffing;
pub use lorenz::Lorenz;
pub use lorenz96::Lorenz96;
pub use lotka_volterra::LotkaVolterra;
pub use oscillator::Oscillator;
#[cfg(test)]
pub(crate) use oscillator::tests::exact as oscillator_exact;
pub use rossler::Rossler;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
pub use thomas::Thomas;
pub use van_der_pol::VanDerPol;

use crate::{Ode, System};

/// Every system: those in Rust by name, then those that are text by name.
pub static SYSTEMS: &[Entry] = &joined::<{ IN_RUST.len() + catalogue::AS_TEXT.len() }>();

const IN_RUST: &[Entry] = &[
    entry::<Chua>(),
    entry::<DoublePendulum>(),
    entry::<Duffing>(),
    equations::ENTRY,
    entry::<Lorenz>(),
    entry::<Lorenz96>(),
    entry::<LotkaVolterra>(),
    entry::<Oscillator>(),
    entry::<Rossler>(),
    entry::<Thomas>(),
    entry::<VanDerPol>(),
];

const fn joined<const N: usize>() -> [Entry; N] {
    let mut all = [IN_RUST[0]; N];
    let mut i = 0;
    while i < N {
        all[i] = if i < IN_RUST.len() { IN_RUST[i] } else { catalogue::AS_TEXT[i - IN_RUST.len()] };
        i += 1;
    }
    all
}

/// What there is to know of a system before it is built.
#[derive(Clone, Copy)]
pub struct Entry {
    /// Its name in an experiment file, and the name of its file.
    pub name: &'static str,
    /// Its equation, on one line.
    pub about: &'static str,
    /// Its parameters and their defaults, a map.
    pub defaults: fn() -> Value,
    /// The JSON schema of its parameters, with the documentation of each; none for a system given as text, whose
    /// parameters are numbers that its equations explain.
    pub schema: Option<fn(&mut SchemaGenerator) -> Schema>,
    /// Those of its parameters that are tables of names of the user's own; a file that gives one of them gives all.
    pub own_names: &'static [&'static str],
    /// The system with these parameters, or why they make none.
    pub build: fn(Value) -> Result<Box<dyn System>, String>,
    /// The text of its file, for a system given as text.
    pub text: Option<&'static str>,
}

const fn entry<O: Ode + Default + Serialize + DeserializeOwned + JsonSchema + 'static>() -> Entry {
    Entry {
        name: O::NAME,
        about: O::ABOUT,
        defaults: || serde_json::json!(O::default()),
        schema: Some(O::json_schema),
        own_names: &[],
        build: |parameters| {
            let ode: O = serde_json::from_value(parameters).map_err(|error| error.to_string())?;
            ode.check()?;
            Ok(Box::new(ode))
        },
        text: None,
    }
}

#[cfg(test)]
mod tests {
    use autodiff::Dual;

    use super::*;
    use crate::Solver;
    use trajectory::{Times, Trajectories, random};

    /// The trajectory from `start`, sampled every `dt`, as exactly as it can be integrated.
    pub(super) fn precise(system: &dyn System, start: &[f64], dt: f64, intervals: usize) -> Trajectories {
        let (times, solver) = (Times::new(dt, intervals).unwrap(), Solver::dop853(1e-12));
        system.ensemble(&[start.to_vec()], &times, &solver).unwrap()
    }

    /// The largest distance of `quantity`, a function of the state, from its first value on the way.
    pub(super) fn drift(runs: &Trajectories, quantity: impl Fn(&[f64]) -> f64) -> f64 {
        let first = quantity(runs.state(0, 0));
        (0..runs.samples(0)).map(|i| (quantity(runs.state(0, i)) - first).abs()).fold(0.0, f64::max)
    }

    /// The right-hand side at t = 0.
    pub(super) fn velocity(ode: &impl Ode, u: &[f64]) -> Vec<f64> {
        let mut du = vec![f64::NAN; u.len()];
        ode.rhs(0.0, u, &mut du);
        du
    }

    /// The Jacobian of the right-hand side at t = 0, [component, by component].
    pub(super) fn jacobian(ode: &impl Ode, u: &[f64]) -> Vec<Vec<f64>> {
        let mut columns = vec![];
        for direction in 0..u.len() {
            let mut u: Vec<Dual<1>> = u.iter().map(|&x| Dual::from(x)).collect();
            let mut du = u.clone();
            u[direction] = Dual::variable(u[direction].value, 0);
            ode.rhs(Dual::from(0.0), &u, &mut du);
            columns.push(du);
        }
        (0..u.len()).map(|i| columns.iter().map(|column| column[i].tangent[0]).collect()).collect()
    }

    /// The divergence of the flow at t = 0: the rate at which a volume around `u` grows.
    pub(super) fn divergence(ode: &impl Ode, u: &[f64]) -> f64 {
        jacobian(ode, u).iter().enumerate().map(|(i, row)| row[i]).sum()
    }

    #[test]
    fn registry_keys_and_file_stems_agree() {
        let folder = std::env::var("CARGO_MANIFEST_DIR").unwrap() + "/src/systems";
        let mut stems: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .filter(|stem| stem != "mod" && stem != "catalogue")
            .collect();
        stems.sort();
        let mut names: Vec<&str> = IN_RUST.iter().map(|entry| entry.name).collect();
        names.sort();
        assert_eq!(stems, names);
        let mut all: Vec<&str> = SYSTEMS.iter().map(|entry| entry.name).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), IN_RUST.len() + catalogue::AS_TEXT.len(), "a name stands for two systems");
    }

    #[test]
    fn every_right_hand_side_is_compiled_with_the_vectors_it_runs_on() {
        // Without the attribute it still runs, on lanes one after the other: ten times as slowly, and nobody would know.
        for entry in IN_RUST {
            let path =
                format!("{}/src/systems/{}.rs", std::env::var("CARGO_MANIFEST_DIR").unwrap(), entry.name);
            let source = std::fs::read_to_string(path).unwrap();
            let lines: Vec<&str> = source.lines().map(str::trim).collect();
            for function in ["fn dim(&self)", "fn rhs<S: Scalar>("] {
                let at = lines.iter().position(|line| line.starts_with(function)).unwrap();
                assert_eq!(lines[at - 1], "#[inline(always)]", "{}: {function}", entry.name);
            }
        }
    }

    #[test]
    fn every_system_stays_finite_and_repeats_from_its_seed() {
        for entry in SYSTEMS {
            let system = (entry.build)((entry.defaults)()).unwrap();
            assert_eq!(system.name(), entry.name);
            assert_eq!(system.components().len(), system.dim());
            assert_eq!(system.initial_region().len(), system.dim());
            let run = |seed| {
                let starts = random_starts(&*system, seed);
                system.ensemble(&starts, &Times::up_to(20.0, 0.05).unwrap(), &Solver::default())
            };
            let run = |seed| run(seed).unwrap_or_else(|fault| panic!("{}: {fault}", entry.name));
            let (first, second) = (run(1), run(1));
            assert!(first.u().iter().chain(first.known()).all(|x| x.is_finite()));
            assert_eq!(first, second);
            assert_ne!(first, run(2));
            assert_eq!(first.known_dim(), system.known_inputs().len());
        }
    }

    #[test]
    fn the_systems_that_depend_on_time_are_those_with_known_inputs() {
        let times: Vec<f64> = (0..50).map(|i| 0.1 * f64::from(i)).collect();
        for entry in SYSTEMS {
            let system = (entry.build)((entry.defaults)()).unwrap();
            let depends = system.depends_on_time(&system.initial_region(), &times);
            assert_eq!(depends, !system.known_inputs().is_empty(), "{}", entry.name);
        }
        let equations = SYSTEMS.iter().find(|entry| entry.name == "equations").unwrap();
        let depends = |x: &str| {
            let initial = serde_json::json!({"x": [0.0, 1.0]});
            let system =
                (equations.build)(serde_json::json!({"state": {"x": x}, "initial": initial})).unwrap();
            system.depends_on_time(&[[0.0, 1.0]], &[])
        };
        // a pulse that no sampling of the times need show
        assert!(depends("-x + exp(-((t-5)/1e-6)^2)") && !depends("-x"));
    }

    #[test]
    fn no_random_start_blows_up() {
        for entry in SYSTEMS {
            let system = (entry.build)((entry.defaults)()).unwrap();
            let starts: Vec<Vec<f64>> = (0..50).flat_map(|seed| random_starts(&*system, seed)).collect();
            let times = Times::new(1.0, 100).unwrap();
            let runs = system.ensemble(&starts, &times, &Solver::dopri5(1e-6)).unwrap();
            // What escapes may take longer than this to leave the finite numbers, but leaves every attractor.
            let largest = runs.u().iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
            // Angles of pendulums turn, and labyrinths have no walls.
            let bound = if entry.text.is_some() { 1000.0 } else { 100.0 };
            assert!(largest < bound, "{}: {largest}", entry.name);
        }
    }

    fn random_starts(system: &dyn System, seed: u64) -> Vec<Vec<f64>> {
        (0..4)
            .map(|i| system.random_start(&system.initial_region(), &mut random::stream(seed, "test", i)))
            .collect()
    }

    #[test]
    fn an_unknown_parameter_and_an_impossible_one_are_refused() {
        for entry in SYSTEMS {
            let message = (entry.build)(serde_json::json!({"sigmma": 1.0})).err().unwrap();
            assert!(message.contains("sigmma"), "{message}");
        }
        let oscillator = SYSTEMS.iter().find(|entry| entry.name == "oscillator").unwrap();
        assert!((oscillator.build)(serde_json::json!({"mass": -1.0})).is_err());
    }
}
