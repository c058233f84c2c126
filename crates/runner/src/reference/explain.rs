//! The texts of `attractor explain`.

use autodiff::did_you_mean;

use super::annotated::annotated;
use super::keys::{self, Fallback, Key, Named, Node, Section, Variant};
use super::openings::opening;
use super::system::{equations, facts, meaning, source};
use super::words::{choices, columns, first_sentence, kind, toml, wrap};
use crate::RunError;
use crate::catalogue::{experiments, load};

/// The texts for the user.
pub struct Explained {
    /// What was asked for.
    pub text: String,
    /// Something to know beside it.
    pub note: Option<String>,
}

/// Explains a key, a name of a system, model, solver, optimiser or schedule, or an experiment with `key=value` overrides, in
/// lines of `width` characters.
///
/// What is a path of a file, or comes with overrides, is an experiment. Anything else is the first of these that has the
/// name: a key, a system, a model, another name that a table can have, an experiment.
///
/// # Errors
/// [`RunError::Usage`] for a name that is none of these, with the nearest one, and for any mistake in an experiment.
pub fn explain(what: &str, overrides: &[String], width: usize) -> Result<Explained, RunError> {
    let alone = |text: String| Ok(Explained { text, note: None });
    let is_experiment = || experiments().iter().any(|(name, _)| name == what);
    let is_path = what.ends_with(".toml") || what.contains(std::path::MAIN_SEPARATOR);
    let all = keys::all();
    if is_path || (!overrides.is_empty() && is_experiment()) {
        return alone(experiment(what, overrides)?);
    }
    let Some((kind, text)) = named(&all, what, width) else {
        if is_experiment() {
            return alone(experiment(what, overrides)?);
        }
        return Err(RunError::Usage(not_found(&all, what)));
    };
    if let Some(pair) = overrides.first() {
        return Err(RunError::Usage(format!(
            "\"{pair}\" sets nothing here: {what} is {kind}, and only an experiment has settings; name one, such as \
             `attractor explain rnn-lorenz {pair}`"
        )));
    }
    let note = is_experiment().then(|| {
        format!("{what} is {kind} and also an experiment; for the experiment, give the path of its file, with .toml")
    });
    Ok(Explained { text, note })
}

/// The file of an experiment with a comment for every key.
fn experiment(what: &str, overrides: &[String]) -> Result<String, RunError> {
    let (name, experiment) = load(what, overrides)?;
    let with = if overrides.is_empty() { String::new() } else { format!(" with {}", overrides.join(" ")) };
    let what =
        format!("Experiment {name}{with}, with every default filled in. Training this file repeats the run.");
    Ok(annotated(&experiment, &what))
}

/// What kind of thing a name is, and its text.
fn named(all: &Section, what: &str, width: usize) -> Option<(&'static str, String)> {
    if let Some(text) = at_path(all, what, width) {
        return Some(("a key", text));
    }
    if let Some(entry) = sim::systems::SYSTEMS.iter().find(|entry| entry.name == what) {
        return Some(("a system", system(all, entry, width)));
    }
    let tables = [
        ("system", "a system"),
        ("model", "a model"),
        ("data.solver", "a solver"),
        ("train.optimizer", "an optimiser"),
        ("train.schedule", "a schedule"),
    ];
    tables.into_iter().find_map(|(path, kind)| {
        let Some((Node::Named(named), None)) = all.find(path) else { return None };
        Some((kind, variant(path, named.variant(what)?, width)))
    })
}

/// The text of a key or a table of keys.
fn at_path(all: &Section, path: &str, width: usize) -> Option<String> {
    match all.find(path)? {
        (Node::Key(key), None) => Some(of_key(path, "", &[(None, key)], width)),
        (Node::Section(below), None) => Some(section(path, below, width)),
        (Node::Named(named), None | Some("name")) => Some(named_table(path, named, width)),
        (Node::Named(named), Some(key)) => {
            let (_, owners) = named.keys().into_iter().find(|(name, _)| *name == key)?;
            let owners: Vec<_> = owners.into_iter().map(|(variant, key)| (Some(variant), key)).collect();
            let table = path.strip_suffix(key)?.trim_end_matches('.');
            Some(of_key(path, plural(table), &owners, width))
        }
        _ => None,
    }
}

/// What the names of a table are names of.
fn plural(table: &str) -> &'static str {
    match table {
        "system" => "systems",
        "model" => "models",
        "data.solver" => "solvers",
        "train.optimizer" => "optimizers",
        "train.schedule" => "schedules",
        _ => "names",
    }
}

/// The text of a key, which may differ by the name of its table.
fn of_key(path: &str, owners_are: &str, owners: &[(Option<&Variant>, &Key)], width: usize) -> String {
    let alike = |a: &Key, b: &Key| a.meaning == b.meaning && kind(&a.schema) == kind(&b.schema);
    let mut groups: Vec<Vec<(Option<&Variant>, &Key)>> = Vec::new();
    for owner in owners {
        match groups.iter_mut().find(|group| alike(group[0].1, owner.1)) {
            Some(group) => group.push(*owner),
            None => groups.push(vec![*owner]),
        }
    }
    let mut text = format!("{path}\n");
    for group in &groups {
        let key = group[0].1;
        text += "\n";
        text += &wrap(&key.meaning, "", width);
        text += "\n";
        let mut rows = Vec::new();
        let names: Vec<&str> = group.iter().filter_map(|(variant, _)| Some(&*(*variant)?.name)).collect();
        if !names.is_empty() {
            rows.push((owners_are.to_owned(), names.join(", ")));
        }
        rows.push(("type".into(), kind(&key.schema)));
        rows.push(("default".into(), defaults(group)));
        if let Some(example) = key.example() {
            rows.push(("example".into(), format!("{path} = {}", toml(example))));
        }
        text += &columns(&rows, width);
        let choices = choices(&key.schema);
        if choices.iter().any(|(_, about)| !about.is_empty()) {
            text += "\n";
            text += &columns(&choices, width);
        }
    }
    text
}

/// The default of a key; where it differs by the name of its table, each with its names.
fn defaults(owners: &[(Option<&Variant>, &Key)]) -> String {
    let mut all: Vec<(String, Vec<&str>)> = Vec::new();
    for (variant, key) in owners {
        let default = default_words(key);
        let name = variant.map_or("", |variant| &variant.name);
        match all.iter_mut().find(|(value, _)| *value == default) {
            Some((_, names)) => names.push(name),
            None => all.push((default, vec![name])),
        }
    }
    match &all[..] {
        [(value, _)] => value.clone(),
        _ => all
            .iter()
            .map(|(value, names)| format!("{value} ({})", names.join(", ")))
            .collect::<Vec<_>>()
            .join("; "),
    }
}

/// The default of a key.
pub(super) fn default_words(key: &Key) -> String {
    match &key.default {
        Some(Fallback::Value(value)) => toml(value),
        Some(Fallback::Words(words)) => words.clone(),
        Some(Fallback::Required) => "none; it must be set".into(),
        None => String::new(),
    }
}

/// The text of a section: its keys with a line for each.
fn section(path: &str, section: &Section, width: usize) -> String {
    let rows: Vec<(String, String)> = section
        .entries
        .iter()
        .map(|(name, node)| match node {
            Node::Key(key) => (name.clone(), in_a_line(key)),
            Node::Named(named) => {
                let default = named.default.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
                (name.clone(), first_sentence(&named.meaning).to_owned() + &default)
            }
            Node::Section(below) => (name.clone(), first_sentence(&below.meaning).to_owned()),
        })
        .collect();
    format!(
        "[{path}]\n\n{}\n{}\n{}",
        wrap(&section.meaning, "", width),
        columns(&rows, width),
        wrap(
            &format!("Defaults are in parentheses. `attractor explain {path}.KEY` says more of each."),
            "",
            width
        )
    )
}

/// The first sentence on a key, with its default if that is short.
fn in_a_line(key: &Key) -> String {
    let default = match &key.default {
        Some(Fallback::Value(value)) => format!(" ({})", toml(value)),
        Some(Fallback::Required) => " (required)".into(),
        _ => String::new(),
    };
    first_sentence(&key.meaning).to_owned() + &default
}

/// The text of a table with a name.
fn named_table(path: &str, named: &Named, width: usize) -> String {
    let names: Vec<(String, String)> = named
        .variants
        .iter()
        .map(|variant| (variant.name.clone(), first_sentence(&variant.about).to_owned()))
        .collect();
    let mut text = format!("[{path}]\n\n{}\n", wrap(&named.meaning, "", width));
    let first =
        named.default.as_deref().or(named.variants.first().map(|variant| &*variant.name)).unwrap_or_default();
    let short = format!(
        "It is a table with a name. If all other keys keep their defaults, the name alone is enough: {path} = \"{first}\".{}",
        named.default.as_ref().map(|name| format!(" The default is \"{name}\".")).unwrap_or_default()
    );
    text += &wrap(&short, "", width);
    text += &format!("\nnames\n\n{}", columns(&names, width));
    // The parameters of systems have little in common.
    if path != "system" {
        let owners = |owners: &[(&Variant, &Key)]| match owners.len() == named.variants.len() {
            true => "all".to_owned(),
            false => owners.iter().map(|(variant, _)| &*variant.name).collect::<Vec<_>>().join(", "),
        };
        let keys: Vec<_> = named.keys().iter().map(|(name, of)| ((*name).to_owned(), owners(of))).collect();
        text += &format!("\nkeys, and the names that have them\n\n{}", columns(&keys, width));
    }
    text += "\n";
    text + &wrap(
        &format!(
            "`attractor explain NAME` shows the keys of one, and `attractor explain {path}.KEY` says more of a key."
        ),
        "",
        width,
    )
}

/// The keys of a name, with a line or more for each.
fn keys_of(path: &str, variant: &Variant, width: usize) -> String {
    let of = format!("keys of [{path}] with name = \"{}\"", variant.name);
    if variant.keys.is_empty() {
        return wrap(&format!("{of}: none"), "", width);
    }
    let row = |key: &Key| (key.name.clone(), in_a_line(key));
    let rows: Vec<(String, String)> = variant.keys.iter().map(row).collect();
    format!("{}\n{}", wrap(&format!("{of}, and their defaults"), "", width), columns(&rows, width))
}

/// The text of a name other than a system of ordinary differential equations.
fn variant(path: &str, variant: &Variant, width: usize) -> String {
    let mut text = wrap(&format!("{}: {}", variant.name, variant.about), "", width) + "\n";
    if let Some(opening) = opening(&variant.name).filter(|_| ["system", "model"].contains(&path)) {
        text += &wrap(opening, "", width);
        text += "\n";
    }
    text + &keys_of(path, variant, width)
}

/// The text of a system.
fn system(all: &Section, entry: &sim::systems::Entry, width: usize) -> String {
    let equations = equations(entry);
    let mut text = wrap(&format!("{}: {}", entry.name, entry.about), "", width) + "\n";
    if !equations.is_empty() {
        text += &equations.iter().map(|line| wrap(line, "  ", width)).collect::<String>();
        text += "\n";
    }
    if let Some(meaning) = meaning(entry) {
        text += &wrap(&meaning, "", width);
        text += "\n";
    }
    text += &wrap(&source(entry), "", width);
    text += "\n";
    text += &columns(&facts(entry), width);
    text += "\n";
    if let Some((Node::Named(named), None)) = all.find("system")
        && let Some(variant) = named.variant(entry.name)
    {
        text += &keys_of("system", variant, width);
    }
    text
}

/// The error for what is no name at all, with the nearest one.
fn not_found(all: &Section, what: &str) -> String {
    let paths = all.paths("");
    // `steps` for `train.steps`
    let ends_so = |path: &&String| path.rsplit('.').next() == Some(what);
    let longer: Vec<&str> = paths.iter().filter(ends_so).map(|path| &**path).collect();
    if !longer.is_empty() {
        return format!("{what} is not a key; keys are written with their section: {}", longer.join(" or "));
    }
    let experiments = experiments();
    let named = ["system", "model", "data.solver", "train.optimizer", "train.schedule"];
    let named = named.iter().filter_map(|path| match all.find(path) {
        Some((Node::Named(named), None)) => Some(named.variants.iter().map(|variant| &*variant.name)),
        _ => None,
    });
    let names = paths.iter().map(|path| &**path);
    let names = names.chain(named.flatten()).chain(experiments.iter().map(|(name, _)| &**name));
    let nearest = did_you_mean(what, names);
    let nearest = nearest.trim_end_matches('?');
    format!(
        "\"{what}\" is not the name of a key, a system, a model, a solver, an optimiser, a schedule or an experiment{nearest}{} \
         See `attractor list`, or `attractor explain train` for the keys of a section",
        if nearest.is_empty() { "." } else { "?" }
    )
}
