//! Looking names up, with the nearest where there is none.

use autodiff::unknown;
use models::devices::{self, DEVICES};
use models::{Entry, MODELS};
use pde::systems::SYSTEMS as FIELDS;
use serde_json::Value as Json;
use sim::systems::{self, SYSTEMS};

/// The catalogue's entry of a system section that names an ordinary differential equation.
pub(crate) fn system(section: &Json) -> Result<&'static systems::Entry, String> {
    let asked = section["name"].as_str().unwrap_or_default();
    if field(section).is_some() {
        return Err(format!(
            "{asked} is a field; Lyapunov exponents are computed only for ordinary differential equations. For a trained model \
             of a field, name its run"
        ));
    }
    let names = SYSTEMS.iter().map(|entry| entry.name).chain(FIELDS.iter().map(|entry| entry.name));
    SYSTEMS
        .iter()
        .find(|entry| entry.name == asked)
        .ok_or_else(|| unknown(&format!("system.name = \"{asked}\""), asked, names))
}

/// The entry of a system section that names a field.
pub(crate) fn field(section: &Json) -> Option<&'static pde::systems::Entry> {
    FIELDS.iter().find(|entry| section["name"] == entry.name)
}

/// The registry's entry of a model section.
pub(crate) fn network(section: &Json) -> Result<&'static Entry, String> {
    find("model.name", section, MODELS, |entry| entry.name)
}

/// Sets what a model section leaves out to its default: a run of an older version lacks newer keys, whose defaults give
/// the old behaviour.
pub(crate) fn complete_model(section: &mut Json) {
    if let (Ok(entry), Some(settings)) = (network(section), section.as_object_mut())
        && let Json::Object(defaults) = (entry.defaults)()
    {
        for (key, value) in defaults {
            settings.entry(key).or_insert(value);
        }
    }
}

/// The device of this name.
pub(crate) fn device(name: &str) -> Result<&'static devices::Entry, String> {
    let entry = DEVICES.iter().find(|entry| entry.name == name);
    let names = DEVICES.iter().map(|entry| entry.name);
    entry.ok_or_else(|| unknown(&format!("device \"{name}\""), name, names))
}

fn find<E>(
    key: &str,
    section: &Json,
    entries: &'static [E],
    name: fn(&E) -> &str,
) -> Result<&'static E, String> {
    let asked = section["name"].as_str().unwrap_or_default();
    entries
        .iter()
        .find(|entry| name(entry) == asked)
        .ok_or_else(|| unknown(&format!("{key} = \"{asked}\""), asked, entries.iter().map(name)))
}
