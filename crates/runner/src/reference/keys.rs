//! Every key that an experiment file can set, from the structs that the file is read into.

use models::{MODELS, Optimizer};
use pde::systems::SYSTEMS as FIELDS;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};
use sim::Solver;
use sim::systems::SYSTEMS;

use super::words::toml;
use crate::Experiment;
use crate::experiment::{Data, Evaluate};
use crate::fields::Stepper;
use crate::recording;
use crate::reduce::Reduce;
use crate::resolve::train_defaults;
use crate::schedule::Schedule;

/// The words with which the documentation of a computed default begins.
const BY_DEFAULT: &str = "By default, ";

/// The words at the end of the documentation of a key that has no default.
const REQUIRED: &str = "Required.";

/// What a file can set at a place.
pub(super) enum Node {
    /// A value.
    Key(Key),
    /// A table of keys.
    Section(Section),
    /// A table whose name decides which other keys it has.
    Named(Named),
}

/// A key with its value.
pub(super) struct Key {
    pub(super) name: String,
    /// What it means, without its default.
    pub(super) meaning: String,
    /// What holds if a file does not set it; none only if the code does not say.
    pub(super) default: Option<Fallback>,
    /// Its JSON schema.
    pub(super) schema: Map<String, Value>,
}

/// What holds if a file does not set a key.
#[derive(Clone, PartialEq)]
pub(super) enum Fallback {
    /// This value.
    Value(Value),
    /// A value that is computed, in words.
    Words(String),
    /// Nothing: the key must be set.
    Required,
}

impl Key {
    /// A value that the key may have: an example from the code, otherwise the default.
    pub(super) fn example(&self) -> Option<&Value> {
        let given = self.schema.get("examples").and_then(|examples| examples.get(0));
        given.or(match &self.default {
            Some(Fallback::Value(value)) => Some(value),
            _ => None,
        })
    }
}

/// A table of keys.
pub(super) struct Section {
    pub(super) meaning: String,
    pub(super) entries: Vec<(String, Node)>,
}

/// A table whose name decides which other keys it has.
pub(super) struct Named {
    pub(super) meaning: String,
    /// The name that holds if a file gives none.
    pub(super) default: Option<String>,
    pub(super) variants: Vec<Variant>,
}

/// A name, and the keys that a table with this name has.
pub(super) struct Variant {
    pub(super) name: String,
    /// What it is, in a few words.
    pub(super) about: String,
    pub(super) keys: Vec<Key>,
}

impl Node {
    pub(super) fn meaning(&self) -> &str {
        match self {
            Node::Key(Key { meaning, .. })
            | Node::Section(Section { meaning, .. })
            | Node::Named(Named { meaning, .. }) => meaning,
        }
    }
}

impl Section {
    /// What stands at a path of dotted keys, up to and including the table with a name on the way, and the rest of the path.
    pub(super) fn find<'a>(&self, path: &'a str) -> Option<(&Node, Option<&'a str>)> {
        let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
        let (_, node) = self.entries.iter().find(|(name, _)| name == first)?;
        match (node, rest) {
            (Node::Section(section), Some(rest)) => section.find(rest),
            (Node::Key(_), Some(_)) => None,
            (node, rest) => Some((node, rest)),
        }
    }

    /// The paths of all keys and tables, with `prefix`.
    pub(super) fn paths(&self, prefix: &str) -> Vec<String> {
        let mut paths = Vec::new();
        for (name, node) in &self.entries {
            let path = format!("{prefix}{name}");
            let mut below = match node {
                Node::Key(_) => Vec::new(),
                Node::Section(section) => section.paths(&format!("{path}.")),
                Node::Named(named) => {
                    named.keys().into_iter().map(|(key, _)| format!("{path}.{key}")).collect()
                }
            };
            paths.push(path);
            paths.append(&mut below);
        }
        paths
    }
}

impl Named {
    /// Every key of a table with a name but the name itself, with the variants that have it.
    pub(super) fn keys(&self) -> Vec<(&str, Vec<(&Variant, &Key)>)> {
        let mut keys: Vec<(&str, Vec<(&Variant, &Key)>)> = Vec::new();
        for variant in &self.variants {
            for key in &variant.keys {
                match keys.iter_mut().find(|(name, _)| *name == key.name) {
                    Some((_, owners)) => owners.push((variant, key)),
                    None => keys.push((&key.name, vec![(variant, key)])),
                }
            }
        }
        keys
    }

    pub(super) fn variant(&self, name: &str) -> Option<&Variant> {
        self.variants.iter().find(|variant| variant.name == name)
    }
}

/// Every key of an experiment file.
pub(super) fn all() -> Section {
    let mut generator = SchemaSettings::draft07().with(|s| s.inline_subschemas = true).into_generator();
    let meaning = "An experiment of Attractor".to_owned();
    let mut entries = Vec::new();
    for (name, schema) in properties(object(Experiment::json_schema(&mut generator))) {
        let meaning = description(&schema);
        let node = match name.as_str() {
            "system" => Node::Named(Named { meaning, default: None, variants: systems(&mut generator) }),
            "model" => Node::Named(Named { meaning, default: None, variants: models(&mut generator) }),
            "recording" => {
                let keys = properties(object(recording::Keys::json_schema(&mut generator)));
                Node::Section(Section { meaning, entries: nodes(&name, keys, &json!({})) })
            }
            "data" => {
                let mut node = node(&name, schema, Some(simulated_data()));
                if let Node::Section(data) = &mut node {
                    data.entries.iter_mut().for_each(|(_, node)| add_recorded_default(node));
                }
                node
            }
            "train" => node(&name, schema, Some(json!(train_defaults()))),
            "evaluate" => node(&name, schema, Some(scoring())),
            _ => node(&name, schema, None),
        };
        entries.push((name, node));
    }
    Section { meaning, entries }
}

/// The defaults of `[evaluate]`, also of a key that a file leaves out where it has its default.
fn scoring() -> Value {
    let mut evaluate = json!(Evaluate::default());
    evaluate["protocol"] = json!(Evaluate::default().protocol);
    evaluate
}

/// The defaults of `[data]` for a system. Those that depend on the system are computed by what the documentation says.
fn simulated_data() -> Value {
    let lorenz = SYSTEMS.iter().find(|entry| entry.name == "lorenz");
    let system = lorenz.and_then(|entry| (entry.build)((entry.defaults)()).ok());
    let mut data = system.map_or(Value::Null, |system| json!(Data::of(&*system)));
    // Only a field has them.
    data["stepper"] = json!(Stepper::default());
    data["reduce"] = json!(Reduce::default());
    data
}

/// Says which default a key of `[data]` has for a recording, where it is another.
fn add_recorded_default(node: &mut Node) {
    let recorded = json!(Data::of_recording(Vec::new(), 0.0));
    if let Node::Key(Key { name, default: Some(fallback), .. }) = node
        && let Fallback::Value(simulated) = &*fallback
        && let Some(recorded) = recorded.get(&*name)
        && recorded != simulated
    {
        *fallback = Fallback::Words(format!("`{}`; for a recording, `{}`", toml(simulated), toml(recorded)));
    }
}

/// The names that a table at this path can have, with the defaults of their keys. The first is the default.
fn named_defaults(path: &str) -> Vec<Value> {
    match path {
        "data.solver" => Solver::ALL.iter().map(|solver| json!(solver)).collect(),
        "train.optimizer" => Optimizer::ALL.iter().map(|optimizer| json!(optimizer)).collect(),
        "train.schedule" => Schedule::ALL.iter().map(|schedule| json!(schedule)).collect(),
        _ => Vec::new(),
    }
}

/// What a field stands for. `default` is what the table of defaults says.
fn node(path: &str, schema: Map<String, Value>, default: Option<Value>) -> Node {
    let meaning = description(&schema);
    if let Some(variants) = tagged(path, &schema) {
        let default = variants.first().map(|variant| variant.name.clone());
        return Node::Named(Named { meaning, default, variants });
    }
    // Its keys are those of the recording.
    if schema.contains_key("properties") && path != "recording.test" {
        let entries = nodes(path, properties(schema), &default.unwrap_or_default());
        return Node::Section(Section { meaning, entries });
    }
    let name = path.rsplit('.').next().unwrap_or_default().to_owned();
    Node::Key(key(name, schema, default))
}

fn nodes(path: &str, properties: Vec<(String, Map<String, Value>)>, defaults: &Value) -> Vec<(String, Node)> {
    let below = |(name, schema): (String, Map<String, Value>)| {
        let node = node(&format!("{path}.{name}"), schema, defaults.get(&name).cloned());
        (name, node)
    };
    properties.into_iter().map(below).collect()
}

/// A key with its documentation divided into meaning and default.
fn key(name: String, mut schema: Map<String, Value>, default: Option<Value>) -> Key {
    let text = description(&schema);
    let own = schema.remove("default");
    let (meaning, default) = if let Some((meaning, words)) = text.split_once(BY_DEFAULT) {
        (meaning, Some(Fallback::Words(words.trim_end_matches('.').to_owned())))
    } else if let Some(meaning) = text.strip_suffix(REQUIRED) {
        (meaning, Some(Fallback::Required))
    } else {
        (&*text, default.or(own).map(Fallback::Value))
    };
    if let Some(Fallback::Value(value)) = &default {
        schema.insert("default".into(), value.clone());
    }
    Key { name, meaning: meaning.trim().to_owned(), default, schema }
}

/// The variants of an enum that is told by its name; none if the schema is not one of such an enum.
fn tagged(path: &str, schema: &Map<String, Value>) -> Option<Vec<Variant>> {
    let variants = schema.get("oneOf")?.as_array()?;
    let defaults = named_defaults(path);
    let name_of = |variant: &Value| Some(variant["properties"]["name"]["const"].as_str()?.to_owned());
    let variant = |variant: &Value| {
        let name = name_of(variant)?;
        let default = defaults.iter().find(|value| value["name"] == *name);
        let schema = variant.as_object()?.clone();
        let about = description(&schema);
        let keys = keys_of(schema, default.unwrap_or(&Value::Null));
        Some(Variant { name, about, keys })
    };
    let mut variants: Vec<Variant> = variants.iter().map(variant).collect::<Option<_>>()?;
    // In the order of the defaults, the first of which is the default.
    let place = |variant: &Variant| defaults.iter().position(|value| value["name"] == *variant.name);
    variants.sort_by_key(|variant| place(variant).unwrap_or(usize::MAX));
    Some(variants)
}

/// The keys of a table with a name, but for the name.
fn keys_of(schema: Map<String, Value>, defaults: &Value) -> Vec<Key> {
    let fields = properties(schema).into_iter().filter(|(name, _)| name != "name");
    fields.map(|(name, schema)| key(name.clone(), schema, defaults.get(&name).cloned())).collect()
}

fn models(generator: &mut SchemaGenerator) -> Vec<Variant> {
    let variant = |entry: &models::Entry| Variant {
        name: entry.name.to_owned(),
        about: entry.about.to_owned(),
        keys: keys_of(object((entry.schema)(generator)), &(entry.defaults)()),
    };
    MODELS.iter().map(variant).collect()
}

fn systems(generator: &mut SchemaGenerator) -> Vec<Variant> {
    let variant = |entry: &sim::systems::Entry| {
        let defaults = (entry.defaults)();
        let keys = match entry.schema {
            Some(schema) => keys_of(object(schema(generator)), &defaults),
            None => defaults
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, _)| parameter(name, &defaults))
                .collect(),
        };
        Variant { name: entry.name.to_owned(), about: entry.about.to_owned(), keys }
    };
    let mut all: Vec<Variant> = SYSTEMS.iter().map(variant).collect();
    all.extend(FIELDS.iter().map(|entry| field(entry, generator)));
    all
}

/// A field, with the key for its presets.
fn field(entry: &pde::systems::Entry, generator: &mut SchemaGenerator) -> Variant {
    let mut keys = keys_of(object((entry.schema)(generator)), &(entry.defaults)());
    if let Some(first) = entry.presets.first() {
        let names: Vec<&str> = entry.presets.iter().map(|preset| preset.name).collect();
        let schema = Map::from_iter([
            (
                "description".to_owned(),
                json!(
                    "Named set of parameters from the literature. Other keys of the section \
                                              replace single values. By default, none."
                ),
            ),
            ("type".to_owned(), json!("string")),
            ("enum".to_owned(), json!(names)),
            ("examples".to_owned(), json!([first.name])),
        ]);
        keys.insert(0, key("preset".to_owned(), schema, None));
    }
    Variant { name: entry.name.to_owned(), about: entry.about.to_owned(), keys }
}

/// A parameter of a system given as text.
fn parameter(name: &str, defaults: &Value) -> Key {
    let meaning = format!("Parameter {name} of the equations.");
    let schema = Map::from_iter([
        ("description".to_owned(), Value::String(meaning)),
        ("type".to_owned(), Value::String("number".into())),
    ]);
    key(name.to_owned(), schema, defaults.get(name).cloned())
}

/// The documentation of a schema.
fn description(schema: &Map<String, Value>) -> String {
    schema.get("description").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The fields of a struct, in their order.
fn properties(mut schema: Map<String, Value>) -> Vec<(String, Map<String, Value>)> {
    let fields = match schema.remove("properties") {
        Some(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    let field = |schema| match schema {
        Value::Object(schema) => schema,
        _ => Map::new(),
    };
    fields.into_iter().map(|(name, schema)| (name, field(schema))).collect()
}

/// A schema in the form that is used here: without null, which TOML does not have, and without the formats of Rust's numbers.
fn object(schema: Schema) -> Map<String, Value> {
    let mut value = schema.to_value();
    clean(&mut value);
    match value {
        Value::Object(schema) => schema,
        _ => Map::new(),
    }
}

fn clean(schema: &mut Value) {
    let Value::Object(all) = schema else { return };
    for key in ["format", "title", "$schema"] {
        all.remove(key);
    }
    if let Some(Value::String(text)) = all.get_mut("description") {
        // Brackets are escaped where documentation would take them for links.
        *text = paragraphs(text).replace("\\[", "[").replace("\\]", "]");
    }
    if let Some(Value::Array(types)) = all.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = &types[..] {
            let only = only.clone();
            all.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(values)) = all.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    for key in ["anyOf", "oneOf"] {
        let Some(Value::Array(choices)) = all.get_mut(key) else { continue };
        choices.retain(|choice| choice["type"] != "null");
        choices.iter_mut().for_each(clean);
        if let [Value::Object(only)] = &mut choices[..] {
            let only = std::mem::take(only);
            all.remove(key);
            for (key, value) in only {
                all.entry(key).or_insert(value);
            }
        }
    }
    for key in ["items", "additionalProperties"] {
        if let Some(below) = all.get_mut(key) {
            clean(below);
        }
    }
    if let Some(Value::Object(fields)) = all.get_mut("properties") {
        fields.values_mut().for_each(clean);
    }
}

/// A doc comment with one line for each paragraph.
fn paragraphs(text: &str) -> String {
    let line = |paragraph: &str| paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    text.split("\n\n").map(line).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n\n")
}
