//! A resolved experiment as a file with a comment for every key.

use serde_json::{Map, Value, json};

use super::keys::{self, Fallback, Key, Node, Section};
use super::words::{key as bare, kind, toml, wrap};
use crate::Experiment;

/// The width of a line.
const WIDTH: usize = 80;

/// The file of an experiment, of which `what` says where it comes from. It resolves to the experiment.
pub(super) fn annotated(experiment: &Experiment, what: &str) -> String {
    let all = keys::all();
    let mut file = comment(what);
    if let Value::Object(table) = json!(experiment) {
        write(&mut file, &all, "", &table);
    }
    file
}

/// Writes the keys of a table, and then the tables in it, as TOML must have them.
fn write(file: &mut String, all: &Section, path: &str, table: &Map<String, Value>) {
    let at = |name: &str| if path.is_empty() { bare(name) } else { format!("{path}.{}", bare(name)) };
    for (name, value) in table.iter().filter(|(_, value)| !value.is_object()) {
        let explained = explanation(all, &at(name), table);
        if !explained.is_empty() {
            *file += "\n";
            *file += &comment(&explained);
        }
        *file += &line(&bare(name), value);
    }
    for (name, value) in table {
        if let Value::Object(inner) = value {
            let at = at(name);
            *file += "\n";
            *file += &comment(&explanation(all, &at, table));
            *file += &format!("[{at}]\n");
            write(file, all, &at, inner);
        }
    }
}

/// What a key of a table means, its type and its default; empty for a name of the user's own.
fn explanation(all: &Section, path: &str, table: &Map<String, Value>) -> String {
    // Of the same keys as the recording.
    let path = path.strip_prefix("recording.test.").map_or(path.to_owned(), |key| format!("recording.{key}"));
    match all.find(&path) {
        Some((Node::Key(key), None)) => of_key(key),
        Some((node, None)) => node.meaning().to_owned(),
        Some((Node::Named(named), Some(key))) => {
            let variant = table.get("name").and_then(Value::as_str).and_then(|name| named.variant(name));
            match variant {
                Some(variant) if key == "name" => variant.about.clone(),
                Some(variant) => {
                    variant.keys.iter().find(|own| own.name == key).map(of_key).unwrap_or_default()
                }
                None => String::new(),
            }
        }
        _ => String::new(),
    }
}

fn of_key(key: &Key) -> String {
    let kind = kind(&key.schema);
    let default = match &key.default {
        Some(Fallback::Value(value)) => format!("; default {}", toml(value)),
        Some(Fallback::Words(words)) => format!("; by default, {words}"),
        Some(Fallback::Required) => "; required".into(),
        None => String::new(),
    };
    format!("{}\n\n({kind}{default})", key.meaning)
}

fn comment(text: &str) -> String {
    let lines = wrap(text, "# ", WIDTH);
    // An empty line would end the comment of the key.
    lines.lines().filter(|line| *line != "#").map(|line| format!("{line}\n")).collect()
}

/// `key = value`, with a long list over several lines.
fn line(key: &str, value: &Value) -> String {
    let short = format!("{key} = {}\n", toml(value));
    match value {
        Value::Array(values) if short.chars().count() > WIDTH => {
            let items = values.iter().map(|value| toml(value) + ",");
            // A space inside of an item must not break it.
            let joined = items.map(|item| item.replace(' ', "\u{a0}")).collect::<Vec<_>>().join(" ");
            let lines = wrap(&joined, "  ", WIDTH).replace('\u{a0}', " ");
            format!("{key} = [\n{lines}]\n")
        }
        _ => short,
    }
}
