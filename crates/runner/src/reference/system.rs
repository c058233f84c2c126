//! What there is to know of a system: its source, state, inputs and sampling.

use schemars::SchemaGenerator;
use serde_json::json;
use sim::systems::Entry;
use sim::systems::catalogue::File;
use trajectory::Component;

use super::openings::opening;
use super::words::toml;

/// The source of a system and what its file says of it.
pub(super) fn source(entry: &Entry) -> String {
    let Some(text) = entry.text else { return opening(entry.name).unwrap_or_default().to_owned() };
    let remarks = text.lines().map_while(|line| line.strip_prefix('#')).map(str::trim);
    let mut source = remarks.collect::<Vec<_>>().join("\n");
    if let Ok(file) = File::parse(text) {
        let published = &file.published;
        source += &format!(
            "\n\nPublished largest Lyapunov exponent: {} ({}).",
            published.largest, published.source
        );
        if let Some(computed) = &file.computed {
            source += &format!(" It is wrong; the right value is {}.", computed.largest);
        }
    }
    source
}

/// What a system in Rust is about, in a sentence: the doc comment of its struct.
pub(super) fn meaning(entry: &Entry) -> Option<String> {
    let schema = (entry.schema?)(&mut SchemaGenerator::default());
    let text = schema.get("description")?.as_str()?;
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The equations of a system given as text, a line for each component.
pub(super) fn equations(entry: &Entry) -> Vec<String> {
    let table: Option<::toml::Table> = entry.text.and_then(|text| text.parse().ok());
    let state = table.as_ref().and_then(|table| table.get("state")?.as_table());
    let line = |(name, right): (&String, &::toml::Value)| {
        format!("{name}' = {}", right.as_str().unwrap_or_default())
    };
    state.into_iter().flatten().map(line).collect()
}

/// Labels and texts: the state of a system, its known inputs, where it starts and how it is sampled, all with its default
/// parameters.
pub(super) fn facts(entry: &Entry) -> Vec<(String, String)> {
    let Ok(system) = (entry.build)((entry.defaults)()) else { return Vec::new() };
    let components = system.components();
    let mut facts = vec![("state".to_owned(), listed(&components.iter().map(with_unit).collect::<Vec<_>>()))];
    let known: Vec<String> = system.known_inputs().iter().map(with_unit).collect();
    if !known.is_empty() {
        facts.push(("known inputs".into(), listed(&known)));
    }
    let region = system.initial_region();
    let start = |(component, range): (&Component, &[f64; 2])| {
        format!("{} in {}", component.name, toml(&json!(range)))
    };
    let starts: Vec<String> = components.iter().zip(&region).map(start).collect();
    facts.push(("random starts".into(), listed(&starts)));
    let [dt, t_final] = system.sampling().map(|time| toml(&json!(time)));
    facts.push(("sampling".into(), format!("data.dt = {dt}, data.t_final = {t_final}")));
    facts
}

fn with_unit(component: &Component) -> String {
    match &*component.unit {
        "1" | "" => component.name.clone(),
        unit => format!("{} ({unit})", component.name),
    }
}

/// Up to six texts; of more, the first two and the last.
fn listed(all: &[String]) -> String {
    match all {
        [first, second, .., last] if all.len() > 6 => {
            format!("{first}, {second}, ..., {last} ({} in all)", all.len())
        }
        all => all.join(", "),
    }
}
