//! The page `docs/guide/reference.md`.

use pde::systems::SYSTEMS as FIELDS;
use sim::systems::SYSTEMS;

use super::explain::default_words;
use super::keys::{self, Key, Named, Node, Section};
use super::openings::opening;
use super::system::{equations, facts, meaning, source};
use super::words::{choices, kind, toml};

const HEAD: &str = "\
# Reference of experiment files

<!-- Made by `attractor explain --markdown`. Do not edit: change the doc comments of the fields, and make it again. -->

Every key that an experiment file can set, with its type, range, default and an example. `attractor explain` prints the
same for one key, as in `attractor explain train.steps`; `attractor explain rnn-lorenz` prints the complete file of an
experiment with a comment for every key. [Experiment files](experiment-files.md) shows how the sections fit together.

A table with a name, such as `optimizer = { name = \"adam\", learning_rate = 0.01 }`, can be written as the name alone if its
other keys keep their defaults: `optimizer = \"adam\"`.
";

/// The page, in Markdown.
pub fn markdown() -> String {
    let all = keys::all();
    let mut page = HEAD.to_owned();
    let plain: Vec<&Key> = keys_of(&all);
    page += "\n## Keys outside of sections\n";
    page += &table("", &plain);
    for (name, node) in &all.entries {
        match node {
            Node::Key(_) => {}
            Node::Section(section) => write_section(&mut page, name, section),
            Node::Named(named) if name == "system" => write_systems(&mut page, named),
            Node::Named(named) => write_named(&mut page, name, named, "##"),
        }
    }
    page
}

fn keys_of(section: &Section) -> Vec<&Key> {
    let key = |(_, node): &'_ (String, Node)| matches!(node, Node::Key(_));
    section
        .entries
        .iter()
        .filter(|entry| key(entry))
        .filter_map(|(_, node)| match node {
            Node::Key(key) => Some(key),
            _ => None,
        })
        .collect()
}

fn write_section(page: &mut String, path: &str, section: &Section) {
    *page += &format!("\n## [{path}]\n\n{}\n{}", section.meaning, table(path, &keys_of(section)));
    for (name, node) in &section.entries {
        let path = format!("{path}.{name}");
        match node {
            Node::Key(_) => {}
            Node::Section(below) => write_section(page, &path, below),
            Node::Named(named) => write_named(page, &path, named, "###"),
        }
    }
}

fn write_named(page: &mut String, path: &str, named: &Named, level: &str) {
    *page += &format!("\n{level} [{path}]\n\n{}\n", named.meaning);
    if let Some(default) = &named.default {
        *page += &format!("The default is `{default}`.\n");
    }
    for variant in &named.variants {
        *page += &format!("\n{level}# {}\n\n", variant.name);
        match opening(&variant.name).filter(|_| path == "model") {
            Some(opening) => *page += &format!("{}\n", escaped(opening)),
            None => *page += &format!("{}\n", escaped(&sentence(&variant.about))),
        }
        *page += &table(path, &variant.keys.iter().collect::<Vec<_>>());
    }
}

/// The systems in Rust and the fields with a table each, and those given as text in one.
fn write_systems(page: &mut String, named: &Named) {
    *page += &format!("\n## [system]\n\n{}\n", named.meaning);
    for entry in SYSTEMS.iter().filter(|entry| entry.text.is_none()) {
        *page += &format!("\n### {}\n\n`{}`\n\n", entry.name, entry.about);
        if let Some(meaning) = meaning(entry) {
            *page += &format!("{}\n\n", escaped(&meaning));
        }
        *page += &format!("{}\n\n", escaped(&source(entry)));
        // Those of the example are not those of the user's own equations.
        if entry.own_names.is_empty() {
            *page += &facts(entry)
                .iter()
                .map(|(label, text)| format!("- {label}: `{text}`\n"))
                .collect::<String>();
        }
        if let Some(variant) = named.variant(entry.name) {
            *page += &table("system", &variant.keys.iter().collect::<Vec<_>>());
        }
    }
    for entry in FIELDS {
        *page += &format!("\n### {}\n\n`{}`\n\n", entry.name, entry.about);
        *page += &format!("{}\n", escaped(opening(entry.name).unwrap_or_default()));
        if let Some(variant) = named.variant(entry.name) {
            *page += &table("system", &variant.keys.iter().collect::<Vec<_>>());
        }
    }
    *page += "\n### Published chaotic flows\n\nThese systems are text files in `crates/sim/catalogue/`. `attractor explain NAME` \
              prints the source, the state and the sampling of one.\n\n| system | equations | parameters and their defaults |\n\
              |---|---|---|\n";
    for entry in SYSTEMS.iter().filter(|entry| entry.text.is_some()) {
        let equations: Vec<String> = equations(entry).iter().map(|line| format!("`{line}`")).collect();
        let parameters = named.variant(entry.name).map_or(String::new(), |variant| {
            let parameter = |key: &Key| format!("`{} = {}`", key.name, default_words(key));
            variant.keys.iter().map(parameter).collect::<Vec<_>>().join(", ")
        });
        *page +=
            &format!("| `{}` | {} | {} |\n", entry.name, equations.join("<br>"), none_if_empty(parameters));
    }
}

fn table(path: &str, keys: &[&Key]) -> String {
    if keys.is_empty() {
        return String::new();
    }
    let mut table =
        "\n| key | meaning | type and range | default | example |\n|---|---|---|---|---|\n".to_owned();
    for key in keys {
        let path = if path.is_empty() { key.name.clone() } else { format!("{path}.{}", key.name) };
        let mut meaning = cell(&key.meaning);
        for (value, about) in choices(&key.schema).iter().filter(|(_, about)| !about.is_empty()) {
            meaning += &format!("<br>`{value}`: {}", cell(about));
        }
        let default = match &key.default {
            Some(keys::Fallback::Value(value)) => format!("`{}`", toml(value)),
            _ => cell(&default_words(key)),
        };
        let example =
            key.example().map_or(String::new(), |value| format!("`{} = {}`", key.name, toml(value)));
        table += &format!(
            "| `{path}` | {meaning} | {} | {} | {} |\n",
            cell(&kind(&key.schema)),
            none_if_empty(default),
            example.replace('|', "\\|")
        );
    }
    table
}

/// A text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('<', "&lt;").replace("\n\n", "<br>").replace('\n', " ").replace('|', "\\|")
}

fn none_if_empty(text: String) -> String {
    if text.is_empty() { "none".into() } else { text }
}

/// A text with a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    let end = if text.ends_with('.') { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

/// Prose outside of code, in which Markdown must not find marks of its own.
fn escaped(text: &str) -> String {
    let mut fenced = false;
    let line = |line: &str| {
        fenced ^= line.starts_with("```");
        if fenced || line.starts_with("```") {
            line.to_owned()
        } else {
            line.replace('*', "\\*").replace('<', "&lt;")
        }
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}
