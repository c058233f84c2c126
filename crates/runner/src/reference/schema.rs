//! The JSON schema of experiment files, by which editors complete and check them.

use serde_json::{Map, Value, json};

use super::keys::{self, Key, Named, Node, Section};

/// The JSON schema (draft 7) of an experiment file, with the documentation, default and examples of every key.
///
/// It knows names, types and ranges of keys. It does not know what only several keys together show, such as a window that
/// is longer than a trajectory.
pub fn schema() -> Value {
    let mut root = section(&keys::all());
    if let Some(root) = root.as_object_mut() {
        root.shift_insert(0, "$schema".into(), json!("http://json-schema.org/draft-07/schema#"));
        root.shift_insert(1, "title".into(), json!("Experiment file of Attractor"));
    }
    root
}

fn node(node: &Node) -> Value {
    match node {
        Node::Key(key) => value(key),
        Node::Section(all) => section(all),
        Node::Named(all) => named(all),
    }
}

fn section(section: &Section) -> Value {
    let properties: Map<String, Value> =
        section.entries.iter().map(|(name, below)| (name.clone(), node(below))).collect();
    json!({
        "description": section.meaning,
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    })
}

fn value(key: &Key) -> Value {
    let mut schema = key.schema.clone();
    // The keys of a table in a table: what they are by default, the table around them says.
    if let Some(Value::Object(fields)) = schema.get_mut("properties") {
        for field in fields.values_mut().filter_map(Value::as_object_mut) {
            field.remove("default");
        }
    }
    Value::Object(schema)
}

/// A name alone, or a table with it. A table without a name has the default one.
fn named(named: &Named) -> Value {
    let names: Vec<&str> = named.variants.iter().map(|variant| &*variant.name).collect();
    let mut choices = vec![json!({"type": "string", "enum": names})];
    for variant in &named.variants {
        let name = json!({"description": variant.about, "const": variant.name});
        let mut properties = Map::from_iter([("name".to_owned(), name)]);
        properties.extend(variant.keys.iter().map(|key| (key.name.clone(), value(key))));
        let is_default = named.default.as_ref() == Some(&variant.name);
        let mut choice = json!({
            "title": variant.name,
            "description": variant.about,
            "type": "object",
            "properties": properties,
            "additionalProperties": false,
        });
        if !is_default {
            choice["required"] = json!(["name"]);
        }
        choices.push(choice);
    }
    let mut schema = json!({"description": named.meaning, "oneOf": choices});
    if let Some(default) = &named.default {
        schema["default"] = json!(default);
    }
    schema
}
