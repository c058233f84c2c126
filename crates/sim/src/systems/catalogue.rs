//! Systems given as text: published chaotic flows, one file each in `crates/sim/catalogue/`. They are compiled into the
//! program and used by name like the systems in Rust. The same interpreter evaluates the user's own
//! `equations`.
//!
//! ```toml
//! # Its source, and remarks.
//! name = "sprott_b"                                # same as the name of the file
//! about = "x' = y z, y' = x - y, z' = 1 - x y"     # one line, shown in lists
//! state = { x = "y*z", y = "x - y", z = "1 - x*y" }
//! parameters = {}
//! initial = { x = [-1.0, 1.0], y = [-1.0, 1.0], z = [-1.0, 1.0] }
//! sampling = { dt = 0.1, t_final = 100.0 }         # a good sample spacing, and length of a trajectory
//! published = { largest = "0.210", source = "Sprott (1994), table I" }
//! ```
//!
//! A driven system also has a table `known` with the phase of its drive. `published.largest` has exactly the digits that
//! were printed. If they are wrong, `computed` gives the right value, its error, and how it was computed.

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

use super::Entry;
use super::equations::{Compiled, Equations};
use crate::System;

/// Every system given as text, sorted by name.
pub const AS_TEXT: &[Entry] = include!(concat!(env!("OUT_DIR"), "/catalogue.rs"));

/// A file of the catalogue.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// The name of the system and of the file.
    pub name: String,
    /// The equation or a description, on one line.
    pub about: String,
    /// The derivative of each component.
    state: IndexMap<String, String>,
    /// Parameters with their defaults.
    parameters: IndexMap<String, f64>,
    /// Lowest and highest initial value of each component; every start in this box leads to the attractor.
    initial: IndexMap<String, [f64; 2]>,
    /// The phase of a drive.
    #[serde(default)]
    known: IndexMap<String, String>,
    sampling: Sampling,
    /// The largest Lyapunov exponent, as it was published.
    pub published: Published,
    /// The right value, if the published one is wrong.
    pub computed: Option<Computed>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sampling {
    dt: f64,
    t_final: f64,
}

/// A published largest Lyapunov exponent, per unit of time.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// Its digits, as they were printed.
    pub largest: String,
    /// Where.
    pub source: String,
}

/// A largest Lyapunov exponent that was computed because what was published is wrong.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Computed {
    /// Per unit of time.
    pub largest: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// How it was computed, and which other results agree with it.
    pub evidence: String,
}

impl Published {
    /// The exponent, and half a unit of its last printed digit; none if it is not a decimal number.
    pub fn number(&self) -> Option<[f64; 2]> {
        let digits = self.largest.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        Some([self.largest.parse().ok()?, 0.5 * 10f64.powi(-(digits as i32))])
    }
}

impl File {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }
}

/// The parameters of a system with their defaults. A file that cannot be read has none, and [`build`] says why.
fn defaults(text: &str) -> Value {
    File::parse(text).map_or_else(|_| serde_json::json!({}), |file| serde_json::json!(file.parameters))
}

/// The system with these parameters; a parameter that is not given has its default.
fn build(text: &str, name: &'static str, given: Value) -> Result<Box<dyn System>, String> {
    let File { state, mut parameters, initial, known, sampling, .. } =
        File::parse(text).map_err(|fault| format!("{name}: {fault}"))?;
    let Value::Object(given) = given else {
        return Err(format!("the parameters of {name} must be a table, not {given}"));
    };
    for (key, value) in &given {
        let names: Vec<&str> = parameters.keys().map(String::as_str).collect();
        let fault = autodiff::unknown(&format!("parameter \"{key}\" of {name}"), key, names);
        let parameter = parameters.get_mut(key).ok_or(fault)?;
        *parameter = value.as_f64().ok_or_else(|| format!("{key} = {value} must be a number"))?;
    }
    let equations = Equations { state, parameters, initial, known };
    Ok(Box::new(Compiled::new(&equations, name, [sampling.dt, sampling.t_final])?))
}

#[cfg(test)]
mod tests;
