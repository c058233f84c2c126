//! The catalogue: one file a system, one line in [`SYSTEMS`].

mod lorenz;
mod oscillator;

pub use lorenz::Lorenz;
pub use oscillator::Oscillator;
#[cfg(test)]
pub(crate) use oscillator::tests::exact as oscillator_exact;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Ode, System};

/// Every system, by name.
pub const SYSTEMS: &[Entry] = &[entry::<Lorenz>(), entry::<Oscillator>()];

/// A system of the catalogue.
pub struct Entry {
    /// Its name in an experiment file, and the name of its file.
    pub name: &'static str,
    /// Its equation, on one line.
    pub about: &'static str,
    /// Its parameters and their defaults, a map.
    pub defaults: fn() -> Value,
    /// The system with these parameters, or why they make none.
    pub build: fn(Value) -> Result<Box<dyn System>, String>,
}

const fn entry<O: Ode + Default + Serialize + DeserializeOwned + 'static>() -> Entry {
    Entry {
        name: O::NAME,
        about: O::ABOUT,
        defaults: || serde_json::json!(O::default()),
        build: |parameters| {
            let ode: O = serde_json::from_value(parameters).map_err(|error| error.to_string())?;
            ode.check()?;
            Ok(Box::new(ode))
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Solver, Times, random};

    #[test]
    fn registry_keys_and_file_stems_agree() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/systems");
        let mut stems: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .filter(|stem| stem != "mod")
            .collect();
        stems.sort();
        let mut names: Vec<&str> = SYSTEMS.iter().map(|entry| entry.name).collect();
        names.sort();
        assert_eq!(stems, names);
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
            let (first, second) = (run(1).unwrap(), run(1).unwrap());
            assert!(first.u().iter().chain(first.known()).all(|x| x.is_finite()));
            assert_eq!(first, second);
            assert_ne!(first, run(2).unwrap());
            assert_eq!(first.known_dim(), system.known_inputs().len());
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
