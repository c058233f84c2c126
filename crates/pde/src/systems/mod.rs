//! All systems; each is a file here.

pub mod advection;
pub mod burgers;
pub mod heat;
pub mod kuramoto_sivashinsky;
pub mod navier_stokes;
pub mod schrodinger;

pub use advection::Advection;
pub use burgers::Burgers;
pub use heat::Heat;
pub use kuramoto_sivashinsky::KuramotoSivashinsky;
pub use navier_stokes::NavierStokes;
pub use schrodinger::Schrodinger;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{FieldSystem, Grid, Semilinear};

/// Every system, by name.
pub static SYSTEMS: &[Entry] = &[
    entry::<Advection>(
        Advection::NAME,
        "u_t = -c . grad u",
        &[preset("pdebench", || serde_json::json!(Advection::pdebench(0.1)))],
    ),
    entry::<Burgers>(
        Burgers::NAME,
        "u_t = -u u_x + nu u_xx",
        &[
            preset("apebench", || serde_json::json!(Burgers::apebench())),
            preset("pdebench", || serde_json::json!(Burgers::pdebench(0.01))),
        ],
    ),
    entry::<Heat>(Heat::NAME, "u_t = nu lap u", &[]),
    entry::<KuramotoSivashinsky>(KuramotoSivashinsky::NAME, "u_t = -u u_x - u_xx - u_xxxx", &[]),
    entry::<NavierStokes>(
        NavierStokes::NAME,
        "w_t = -u w_x - v w_y + nu lap w - drag w + f, vorticity",
        &[
            preset("decaying", || serde_json::json!(NavierStokes::decaying())),
            preset("kolmogorov", || serde_json::json!(NavierStokes::kolmogorov())),
            preset("li", || serde_json::json!(NavierStokes::li())),
        ],
    ),
    entry::<Schrodinger>(
        Schrodinger::NAME,
        "i psi_t = -1/2 lap psi + V psi + g |psi|^2 psi",
        &[
            preset("barrier", || serde_json::json!(Schrodinger::barrier())),
            preset("double_slit", || serde_json::json!(Schrodinger::double_slit())),
            preset("double_well", || serde_json::json!(Schrodinger::double_well())),
            preset("free_packet", || serde_json::json!(Schrodinger::free_packet())),
            preset("harmonic_trap", || serde_json::json!(Schrodinger::harmonic_trap())),
            preset("soliton", || serde_json::json!(Schrodinger::soliton())),
        ],
    ),
];

/// What there is to know of a system before it is built.
#[derive(Clone, Copy)]
pub struct Entry {
    /// Its name in an experiment file, and the name of its file.
    pub name: &'static str,
    /// Its equation, on one line.
    pub about: &'static str,
    /// Its parameters and their defaults, a map.
    pub defaults: fn() -> Value,
    /// The JSON schema of its parameters, with the documentation of each.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// Named sets of parameters from the literature.
    pub presets: &'static [Preset],
    /// The system with these parameters, or why they are invalid.
    pub build: fn(Value) -> Result<Box<dyn FieldSystem>, String>,
}

/// A named set of parameters.
#[derive(Clone, Copy)]
pub struct Preset {
    /// Its name.
    pub name: &'static str,
    /// The parameters, a map.
    pub parameters: fn() -> Value,
}

const fn preset(name: &'static str, parameters: fn() -> Value) -> Preset {
    Preset { name, parameters }
}

const fn entry<S: FieldSystem + Default + Serialize + DeserializeOwned + JsonSchema + 'static>(
    name: &'static str,
    about: &'static str,
    presets: &'static [Preset],
) -> Entry {
    Entry {
        name,
        about,
        defaults: || serde_json::json!(S::default()),
        schema: S::json_schema,
        presets,
        build: |parameters| {
            let system: S = serde_json::from_value(parameters).map_err(|error| error.to_string())?;
            FieldSystem::check(&system).map_err(|error| error.to_string())?;
            Ok(Box::new(system))
        },
    }
}

/// Refuses a parameter that is negative, infinite or NaN.
fn not_negative(name: &str, value: f64) -> Result<(), String> {
    if value >= 0.0 && value.is_finite() {
        Ok(())
    } else {
        Err(format!("{name} = {value} must be finite and not negative"))
    }
}

/// Refuses a parameter that is infinite or NaN.
fn finite(name: &str, value: f64) -> Result<(), String> {
    if value.is_finite() { Ok(()) } else { Err(format!("{name} = {value} must be finite")) }
}

/// Refuses a grid of two axes.
fn one_axis(grid: &Grid) -> Result<(), String> {
    match grid.dims() {
        1 => Ok(()),
        _ => Err(format!("points = {:?}: this equation needs a grid of one axis", grid.shape())),
    }
}

/// Refuses a grid of one axis.
fn two_axes(grid: &Grid) -> Result<(), String> {
    match grid.dims() {
        2 => Ok(()),
        _ => Err(format!("points = {:?}: this equation needs a grid of two axes", grid.shape())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::samples;
    use crate::{Method, Order};
    use trajectory::Times;
    use trajectory::random::stream;

    #[test]
    fn registry_keys_and_file_stems_agree() {
        let folder = std::env::var("CARGO_MANIFEST_DIR").unwrap() + "/src/systems";
        let mut stems: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .filter(|stem| stem != "mod")
            .collect();
        stems.sort();
        assert_eq!(stems, SYSTEMS.iter().map(|entry| entry.name).collect::<Vec<_>>());
    }

    #[test]
    fn every_system_and_preset_stays_finite_and_repeats_from_its_seed() {
        for entry in SYSTEMS {
            let presets = entry.presets.iter().map(|preset| (preset.parameters)());
            for parameters in presets.chain([(entry.defaults)()]) {
                let system = (entry.build)(parameters).unwrap();
                assert_eq!(system.name(), entry.name);
                let draw = |index| system.random_start(&mut stream(0, "test", index));
                let start = draw(0);
                assert_eq!(start.len(), system.channels().len() * system.grid().points());
                assert!(start == draw(0) && start != draw(1), "{}", entry.name);
                let [dt, t_final] = system.sampling();
                assert!(dt > 0.0 && t_final > dt);
                let (times, method) =
                    (Times::new(0.1 * dt, 2).unwrap(), Method::with_step(Order::Second, 0.05 * dt));
                let run = samples(&*system, &start, &times, &method);
                assert!(
                    run.iter().all(|u| u.is_finite()) && run == samples(&*system, &start, &times, &method)
                );
            }
        }
    }

    #[test]
    fn unknown_keys_and_invalid_values_are_refused() {
        let build = |name: &str, parameters: Value| {
            let entry = SYSTEMS.iter().find(|entry| entry.name == name).unwrap();
            (entry.build)(parameters).err().unwrap()
        };
        for (name, parameters, part) in [
            ("heat", serde_json::json!({"conductivity": 1.0}), "unknown field `conductivity`"),
            (
                "heat",
                serde_json::json!({"grid": {"points": [7], "length": [1.0]}}),
                "points = 7 must be even",
            ),
            ("navier_stokes", serde_json::json!({"viscosity": -1.0}), "viscosity = -1"),
            ("schrodinger", serde_json::json!({"potential": {"name": "triple_well"}}), "unknown variant"),
        ] {
            let message = build(name, parameters);
            assert!(message.contains(part), "{message}");
        }
    }
}
