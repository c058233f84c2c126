//! A simulation in a folder: shards of trajectories, and what they are of.

use std::path::{Path, PathBuf};

use dataset::shards::Shards;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sim::Solver;
use toml::{Table, Value};
use trajectory::{Axis, Component, Layout, Times};

use crate::checks::whole;
use crate::experiment::{Experiment, MAX_TRAJECTORIES};
use crate::fields::Stepper;
use crate::hash::fnv1a;
use crate::settings::values;

/// The file that makes a folder a simulation.
pub(crate) const ABOUT: &str = "simulation.toml";

const PREAMBLE: &str = "# The trajectories in this folder, in order: `t` [time], `u` [trajectory, time, component] and, where there \
                        are known inputs,\n# `known` [trajectory, time, input]. The command that began it continues it.\n";

const PREAMBLE_OF_FIELDS: &str = "# The trajectories in this folder, in order: `t` [time], the coordinates of the axes, and each channel \
                                  under its name,\n# [trajectory, time, x] or [trajectory, time, y, x]. The command that \
                                  began it continues it.\n";

/// What `simulation.toml` says: all that the numbers follow from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Simulation {
    /// Of the program that began it.
    version: String,
    seed: u64,
    pub(crate) trajectories_per_shard: usize,
    system: Json,
    data: Settings,
    components: Vec<Component>,
    known_inputs: Vec<Component>,
    /// The grid of a field, whose channels are the components.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    axes: Vec<Axis>,
}

/// The keys of `data` that a simulation follows from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    trajectories: usize,
    dt: f64,
    t_final: f64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    initial: Vec<[f64; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    solver: Option<Solver>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stepper: Option<Stepper>,
}

impl Simulation {
    /// That of an experiment.
    pub(crate) fn of(experiment: &Experiment) -> Result<Self, String> {
        let (source, samples) = (experiment.source()?, experiment.times()?.samples());
        let (layout, known_inputs) = (source.layout(), source.known_inputs());
        let data = &experiment.data;
        Ok(Simulation {
            version: env!("CARGO_PKG_VERSION").into(),
            seed: experiment.seed,
            trajectories_per_shard: Shards::good_size(samples * (layout.dim() + known_inputs.len())),
            system: experiment.system.clone(),
            data: Settings {
                trajectories: data.trajectories,
                dt: data.dt,
                t_final: data.t_final,
                initial: data.initial.clone(),
                solver: data.solver,
                stepper: data.stepper,
            },
            components: layout.channels,
            known_inputs,
            axes: layout.axes,
        })
    }

    /// Where it differs from another: key, its value there and the other's.
    fn differences(&self, other: &Simulation) -> Vec<(String, Value, Value)> {
        let mut found = Vec::new();
        differences("", &values(self), &values(other), &mut found);
        found
    }
}

/// The values of `one` that are others in `other`, in the order of their keys.
fn differences(path: &str, one: &Table, other: &Table, found: &mut Vec<(String, Value, Value)>) {
    let absent = Value::String("nothing".into());
    for key in one.keys().chain(other.keys().filter(|key| !one.contains_key(*key))) {
        let at = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match (one.get(key), other.get(key)) {
            (Some(Value::Table(one)), Some(Value::Table(other))) => differences(&at, one, other, found),
            (one, other) if one != other => {
                let value = |of: Option<&Value>| of.unwrap_or(&absent).clone();
                found.push((at, value(one), value(other)));
            }
            _ => {}
        }
    }
}

/// A folder with a simulation, which may not be complete.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    folder: PathBuf,
    simulation: Simulation,
    shards: Shards,
}

impl Stored {
    /// Opens a folder.
    ///
    /// # Errors
    /// Where it holds no simulation, or a damaged `simulation.toml`.
    pub(crate) fn open(folder: &Path) -> Result<Self, String> {
        let path = folder.join(ABOUT);
        let text = std::fs::read(&path).map_err(|error| {
            format!(
                "{} cannot be read: {error}; `attractor simulate SYSTEM -o {}` writes such a folder",
                path.display(),
                as_folder(folder)
            )
        })?;
        Stored::parse(folder, &text)
    }

    /// The folder of which its `simulation.toml` says this.
    ///
    /// # Errors
    /// Where it is damaged.
    pub(crate) fn parse(folder: &Path, text: &[u8]) -> Result<Self, String> {
        let fault = |fault: &dyn std::fmt::Display| {
            let path = folder.join(ABOUT);
            format!("{} does not say what it is a simulation of: {fault}", path.display())
        };
        let text = std::str::from_utf8(text).map_err(|error| fault(&error))?;
        let simulation: Simulation =
            toml::from_str(text).map_err(|error| fault(&error.message().replace('\n', ", ")))?;
        Stored::new(folder, simulation).map_err(|error| fault(&error))
    }

    /// The folder with this simulation, of which nothing need be there.
    pub(crate) fn new(folder: &Path, simulation: Simulation) -> Result<Self, String> {
        let Settings { dt, t_final, trajectories, .. } = simulation.data;
        let times = Times::up_to(t_final, dt).map_err(|fault| fault.to_string())?;
        for (key, value) in [
            ("data.trajectories", trajectories),
            ("trajectories_per_shard", simulation.trajectories_per_shard),
        ] {
            whole(key, value as u64, 1, MAX_TRAJECTORIES)?;
        }
        let dims = [simulation.components.len(), simulation.known_inputs.len()];
        let mut shards = Shards::new(folder, times, dims, trajectories, simulation.trajectories_per_shard);
        if !simulation.axes.is_empty() {
            let (channels, axes) = (simulation.components.clone(), simulation.axes.clone());
            shards = shards.of_fields(Layout { channels, axes });
        }
        Ok(Stored { folder: folder.to_owned(), simulation, shards })
    }

    /// The text of its `simulation.toml`.
    pub(crate) fn about(&self) -> String {
        let preamble = if self.simulation.axes.is_empty() { PREAMBLE } else { PREAMBLE_OF_FIELDS };
        format!("{preamble}{}", values(&self.simulation))
    }

    /// Its shards.
    pub(crate) fn shards(&self) -> &Shards {
        &self.shards
    }

    /// Trajectories a shard.
    pub(crate) fn per_shard(&self) -> usize {
        self.simulation.trajectories_per_shard
    }

    /// Its number of trajectories.
    pub(crate) fn count(&self) -> usize {
        self.simulation.data.trajectories
    }

    /// What tells this simulation from others: a hash of all that it follows from.
    pub(crate) fn digest(&self) -> String {
        format!("{:016x}", fnv1a(values(&self.simulation).to_string().as_bytes()))
    }

    /// Says where what was asked for is another simulation.
    ///
    /// # Errors
    /// A sentence with every setting that differs.
    pub(crate) fn is_that_of(&self, asked: &Simulation) -> Result<(), String> {
        let differ = self.simulation.differences(asked);
        if differ.is_empty() {
            return Ok(());
        }
        let each = differ.iter().map(|(key, there, here)| format!("{key} is {there} there and {here} here"));
        Err(format!(
            "{} holds another simulation, which only the command that began it continues: {}. Name another folder, or \
             delete this one",
            as_folder(&self.folder),
            each.collect::<Vec<_>>().join(", ")
        ))
    }

    /// The settings that an experiment takes from it, as its file would set them.
    pub(crate) fn settings(&self) -> Table {
        values(&serde_json::json!({"system": self.simulation.system, "data": self.simulation.data}))
    }

    /// Says that a system section names another system, whose components others settings would not fit.
    ///
    /// # Errors
    /// A sentence that names both.
    pub(crate) fn is_of_the_system(&self, section: Option<&Value>) -> Result<(), String> {
        let here = section.and_then(|section| section.get("name")).and_then(Value::as_str);
        let there = self.simulation.system["name"].as_str().unwrap_or_default();
        match here.filter(|here| *here != there) {
            None => Ok(()),
            Some(here) => Err(format!(
                "system.name = \"{here}\" contradicts data.from: in {} it is \"{there}\"; leave it out, or simulate \
                 another folder",
                as_folder(&self.folder)
            )),
        }
    }

    /// Says what an experiment contradicts.
    ///
    /// # Errors
    /// A sentence that names a key and both its values.
    pub(crate) fn agrees_with(&self, experiment: &Experiment) -> Result<(), String> {
        let at = as_folder(&self.folder);
        let Simulation { version, seed, trajectories_per_shard, .. } = self.simulation.clone();
        let mut asked = Simulation { version, seed, trajectories_per_shard, ..Simulation::of(experiment)? };
        asked.data.trajectories = self.count();
        if let Some((key, there, here)) = self.simulation.differences(&asked).into_iter().next() {
            return Err(format!(
                "{key} = {here} contradicts data.from: in {at} it is {there}; leave it out, or simulate another folder"
            ));
        }
        let (asked, count) = (experiment.data.trajectories, self.count());
        if asked > count {
            return Err(format!(
                "data.trajectories = {asked} is more than the {count} of data.from = \"{at}\""
            ));
        }
        Ok(())
    }

    /// Says which of the shards with the first `count` trajectories is missing or cut short.
    ///
    /// # Errors
    /// A sentence with the file, and what to do.
    pub(crate) fn has(&self, count: usize) -> Result<(), String> {
        for shard in 0..=self.shards.shard_of(count.saturating_sub(1)) {
            let fault = match self.shards.is_there(shard) {
                Ok(true) => continue,
                Ok(false) => format!("{} is missing", self.shards.path(shard).display()),
                Err(fault) => fault.to_string(),
            };
            let before = self.shards.range(shard).start;
            let fewer = match before {
                0 => String::new(),
                _ => format!(", or take those before it with data.trajectories={before}"),
            };
            return Err(format!(
                "{fault}; complete {} by the `attractor simulate` that began it{fewer}",
                as_folder(&self.folder)
            ));
        }
        Ok(())
    }
}

/// A path as that of a folder.
pub(crate) fn as_folder(path: &Path) -> String {
    let shown = path.display().to_string();
    if shown.ends_with(std::path::is_separator) { shown } else { shown + std::path::MAIN_SEPARATOR_STR }
}
