//! Tests of the reference: it says what the code does, and says something of everything.

use serde_json::{Value, json};

use super::explain::explain;
use super::keys::{self, Fallback, Key, Node, Section};
use super::schema;
use super::words::{kind, toml, wrap};
use crate::catalogue::{Source, experiments};
use crate::experiment::{Data, Evaluate};
use crate::resolve::{parse, resolve, set};

/// Every key by its path, with the name that its table must have for it.
fn every_key(section: &Section, prefix: &str) -> Vec<(String, Option<String>, Key)> {
    let mut all = Vec::new();
    let copy = |key: &Key| Key {
        name: key.name.clone(),
        meaning: key.meaning.clone(),
        default: key.default.clone(),
        schema: key.schema.clone(),
    };
    for (name, node) in &section.entries {
        let path = format!("{prefix}{name}");
        match node {
            Node::Key(key) => all.push((path, None, copy(key))),
            Node::Section(below) => all.extend(every_key(below, &format!("{path}."))),
            Node::Named(named) => {
                for variant in &named.variants {
                    let of =
                        |key: &Key| (format!("{path}.{}", key.name), Some(variant.name.clone()), copy(key));
                    all.extend(variant.keys.iter().map(of));
                }
            }
        }
    }
    all
}

fn all_keys() -> Vec<(String, Option<String>, Key)> {
    let all = every_key(&keys::all(), "");
    assert!(all.len() > 150, "{}", all.len());
    all
}

/// What of a value does not satisfy a schema: a validator of the words that our schema has, and of no others.
fn fault(schema: &Value, value: &Value, at: &str) -> Option<String> {
    let wrong = |what: &str| Some(format!("{at} = {value} {what}"));
    let number = |key: &str| schema[key].as_f64();
    for (word, rule) in schema.as_object().unwrap() {
        let found = match (word.as_str(), rule) {
            ("$schema" | "title" | "description" | "default" | "examples", _) => None,
            ("type", Value::String(kind)) => {
                let is = match kind.as_str() {
                    "integer" => value.is_u64() || value.is_i64(),
                    "number" => value.is_number(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "array" => value.is_array(),
                    "object" => value.is_object(),
                    other => panic!("{at}: a type {other}"),
                };
                if is { None } else { wrong(&format!("is no {kind}")) }
            }
            ("const", rule) => {
                if value == rule {
                    None
                } else {
                    wrong("is another name")
                }
            }
            ("enum", Value::Array(names)) => {
                if names.contains(value) {
                    None
                } else {
                    wrong("is none of the names")
                }
            }
            ("minimum", _) if value.as_f64() < number(word) => wrong("is too small"),
            ("exclusiveMinimum", _) if value.is_number() && value.as_f64() <= number(word) => {
                wrong("is too small")
            }
            ("maximum", _) if value.is_number() && value.as_f64() > number(word) => wrong("is too large"),
            ("minItems", _)
                if value.as_array().is_some_and(|all| (all.len() as f64) < number(word).unwrap()) =>
            {
                wrong("is too short")
            }
            ("maxItems", _)
                if value.as_array().is_some_and(|all| all.len() as f64 > number(word).unwrap()) =>
            {
                wrong("is too long")
            }
            ("minimum" | "exclusiveMinimum" | "maximum" | "minItems" | "maxItems" | "uniqueItems", _) => None,
            ("items", rule) => value.as_array().into_iter().flatten().find_map(|item| fault(rule, item, at)),
            ("properties", Value::Object(_)) => None,
            ("required", Value::Array(names)) => names
                .iter()
                .find(|name| value[name.as_str().unwrap()].is_null())
                .and_then(|_| wrong("lacks a key")),
            ("additionalProperties", rule) => {
                value.as_object().into_iter().flatten().find_map(|(key, value)| {
                    let at = format!("{at}.{key}");
                    match schema["properties"].get(key) {
                        Some(known) => fault(known, value, &at),
                        None if *rule == json!(false) => Some(format!("{at} is unknown")),
                        None => fault(rule, value, &at),
                    }
                })
            }
            ("oneOf", Value::Array(choices)) => {
                match choices.iter().filter(|choice| fault(choice, value, at).is_none()).count() {
                    1 => None,
                    count => wrong(&format!("satisfies {count} of the choices")),
                }
            }
            ("anyOf", Value::Array(choices)) => {
                match choices.iter().any(|choice| fault(choice, value, at).is_none()) {
                    true => None,
                    false => wrong("satisfies no choice"),
                }
            }
            (word, rule) => panic!("{at}: this validator does not know {word} = {rule}"),
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

/// The name and the text of every shipped experiment, with paths that are right in this folder.
fn shipped() -> Vec<(String, String)> {
    let root = std::env::var("CARGO_MANIFEST_DIR").unwrap() + "/../..";
    let all = experiments().into_iter().map(|(name, _)| {
        let text = Source::find(&name).unwrap().text;
        (name, text.replace("\"datasets/", &format!("\"{root}/datasets/")))
    });
    all.collect()
}

#[test]
fn every_key_says_what_it_means_its_default_and_an_example() {
    for (path, of, key) in all_keys() {
        let at = format!("{path} of {of:?}");
        assert!(
            key.meaning.ends_with('.') && key.meaning.len() > 6,
            "{at} has no documentation: {:?}",
            key.meaning
        );
        assert!(key.meaning.starts_with(|c: char| c.is_uppercase()), "{at}: {}", key.meaning);
        for internal in ["[`", "::", "TODO"] {
            assert!(!key.meaning.contains(internal), "{at} speaks of the code: {}", key.meaning);
        }
        assert!(
            key.default.is_some(),
            "{at} has no default in the code: end its documentation with \"By default, ...\" or \"Required.\""
        );
        let example = key.example();
        let example = example.unwrap_or_else(|| {
            panic!("{at} has no example: add one by #[schemars(extend(\"examples\" = [..]))]")
        });
        let examples = key.schema.get("examples").and_then(Value::as_array).cloned().unwrap_or_default();
        let default = match &key.default {
            Some(Fallback::Value(value)) => Some(value.clone()),
            _ => None,
        };
        for value in examples.iter().chain([example]).chain(&default) {
            assert_eq!(fault(&json!(key.schema), value, &at), None);
        }
        assert_ne!(kind(&key.schema), "value", "{at} has no type");
    }
}

#[test]
fn defaults_are_those_with_which_an_experiment_is_filled() {
    let all = all_keys();
    let check = |path: &str, found: &Value, of: Option<&str>| {
        let key = all.iter().find(|(at, name, _)| at == path && name.as_deref() == of);
        let Some((_, _, key)) = key else { panic!("{path} is not in the reference") };
        if let Some(Fallback::Value(value)) = &key.default {
            assert_eq!(value, found, "{path}");
        }
    };
    for (system, model) in [("lorenz", "lstm"), ("oscillator", "gan"), ("rossler", "autoencoder")] {
        let text = format!("system = \"{system}\"\nmodel = \"{model}\"\nevaluate.lyapunov_exponent = 0.0\n");
        let resolved = json!(resolve(&parse(&text).unwrap()).unwrap());
        for (section, keys) in resolved.as_object().unwrap() {
            for (key, value) in keys.as_object().into_iter().flatten().filter(|(key, _)| *key != "name") {
                let path = format!("{section}.{key}");
                match (section.as_str(), value.as_object()) {
                    ("system", _) => check(&path, value, Some(system)),
                    ("model", _) => check(&path, value, Some(model)),
                    (_, Some(named)) => {
                        let name = named["name"].as_str();
                        for (key, value) in named.iter().filter(|(key, _)| *key != "name") {
                            check(&format!("{path}.{key}"), value, name);
                        }
                    }
                    _ => check(&path, value, None),
                }
            }
        }
    }
    // constants that only the words can show
    let words = |path: &str| match &all.iter().find(|(at, ..)| at == path).unwrap().2.default {
        Some(Fallback::Words(words)) => words.clone(),
        _ => panic!("{path}"),
    };
    assert!(words("evaluate.long_run").contains(&format!("{}", Evaluate::LONG_RUN)));
    let [simulated, recorded] = ["[0.8, 0.1, 0.1]", "[0.7, 0.15, 0.15]"];
    assert_eq!(words("data.split"), format!("`{simulated}`; for a recording, `{recorded}`"));
    assert_eq!(toml(&json!(Data::of_recording(Vec::new(), 1.0).split)), recorded);
}

/// Whether the program refuses this value of a key for what it is, and not for what other keys are.
fn refused(path: &str, of: Option<&str>, value: &Value) -> Option<String> {
    let (table, key) = path.rsplit_once('.').unwrap();
    let mut overrides = vec![format!("{path}={}", toml(value))];
    if let Some(name) = of {
        overrides.push(format!("{table}.name={name}"));
    }
    let system = if ["data.stepper", "data.reduce"].iter().any(|key| path.starts_with(key)) {
        "heat"
    } else {
        "oscillator"
    };
    let mut experiment =
        parse(&format!("system = \"{system}\"\nmodel = \"ffnn\"\nevaluate.lyapunov_exponent = 0.0\n"))
            .unwrap();
    set(&mut experiment, &overrides).unwrap();
    let message = resolve(&experiment).err()?;
    let says = |what: String| message.contains(&what);
    (says(format!("{key} = ")) && message.contains("must")).then_some(message)
}

#[test]
fn ranges_are_those_that_the_program_checks() {
    let mut checked = 0;
    for (path, of, key) in all_keys() {
        let section = path.split('.').next().unwrap();
        if !["data", "model", "train", "evaluate", "system"].contains(&section) {
            continue;
        }
        // The number, where a name would do too.
        let number = |choice: &&Value| choice["type"] == "number";
        let choices = key.schema.get("anyOf").and_then(Value::as_array);
        let schema = match choices.map(|choices| choices.iter().find(number)) {
            Some(None) => continue,
            Some(Some(number)) => number.clone(),
            None => json!(key.schema),
        };
        let whole = schema["type"] == "integer";
        let at = |word: &str| schema[word].as_f64();
        let value = |x: f64| if whole { json!(x as u64) } else { json!(x) };
        let refuses = |x: f64| refused(&path, of.as_deref(), &value(x));
        if let Some(least) = at("minimum") {
            if !(whole && least == 0.0) {
                let below = if whole { least - 1.0 } else { least - 1e-3 * (1.0 + least.abs()) };
                assert!(
                    refuses(below).is_some(),
                    "{path} of {of:?} = {below} is accepted, and its range begins at {least}"
                );
            }
            // 0 is the usual default where it is the least, and known to be right.
            if least != 0.0 {
                assert_eq!(refuses(least), None, "{path} of {of:?}");
            }
            checked += 1;
        }
        if let Some(least) = at("exclusiveMinimum") {
            assert!(
                refuses(least).is_some(),
                "{path} of {of:?} = {least} is accepted, and its range begins above it"
            );
            checked += 1;
        }
        if let Some(most) = at("maximum") {
            let above = if whole { most + 1.0 } else { most * 1.01 };
            assert!(
                refuses(above).is_some(),
                "{path} of {of:?} = {above} is accepted, and its range ends at {most}"
            );
            assert_eq!(refuses(most), None, "{path} of {of:?}");
            checked += 1;
        }
    }
    assert!(checked > 100, "{checked}");
}

#[test]
fn an_explained_experiment_is_the_experiment() {
    for (name, text) in shipped() {
        let experiment = resolve(&parse(&text).unwrap()).unwrap();
        let file = super::annotated::annotated(&experiment, &format!("Experiment {name}."));
        let again = resolve(&parse(&file).unwrap_or_else(|fault| panic!("{name}: {fault}\n{file}"))).unwrap();
        assert_eq!(again, experiment, "{name}");
        let mut previous = "";
        let mut own_names = false;
        for line in file.lines() {
            let long_text = line.contains("= \"") || line.starts_with("files = ");
            assert!(line.chars().count() <= 80 || long_text, "{name}: {line}");
            let is_key = line.contains(" = ") && !line.starts_with(['#', ' ', ']']);
            if line.starts_with('[') {
                own_names = ["[system.", "[recording.units"].iter().any(|table| line.starts_with(table));
            }
            if (is_key && !own_names) || line.starts_with('[') {
                assert!(previous.starts_with("# ") && previous.len() > 2, "{name}: no comment above {line}");
            }
            previous = line;
        }
    }
}

#[test]
fn the_schema_accepts_every_shipped_experiment_and_no_mistake() {
    let schema = schema();
    let check = |text: &str| fault(&schema, &json!(text.parse::<::toml::Table>().unwrap()), "file");
    for (name, text) in shipped() {
        assert_eq!(check(&text), None, "{name}");
        let file = super::annotated::annotated(&resolve(&parse(&text).unwrap()).unwrap(), "resolved");
        assert_eq!(check(&file), None, "{name} resolved");
    }
    let whole = "seed = 1\n[system]\nname = \"lorenz\"\nrho = 30\n[model]\nname = \"rnn\"\nhidden = 8\n[train]\nsteps = 10\n\
                 optimizer = { learning_rate = 1e-3 }\nschedule = \"cosine\"\n";
    assert_eq!(check(whole), None);
    for (right, wrong) in [
        ("seed", "sead"),
        ("seed = 1", "seed = \"one\""),
        ("\"lorenz\"", "\"lorentz\""),
        ("rho = 30", "roh = 30"),
        ("rho = 30", "rho = \"30\""),
        ("[train]", "[trian]"),
        ("hidden = 8", "hidden = 0"),
        ("hidden = 8", "hidden = 8.5"),
        ("hidden = 8", "channels = 8"),
        ("steps = 10", "steps = [10]"),
        ("learning_rate = 1e-3", "learning_rate = 0"),
        ("learning_rate = 1e-3", "momentum = 0.5"),
        ("\"cosine\"", "\"cosin\""),
    ] {
        let text = whole.replace(right, wrong);
        assert!(text != whole && check(&text).is_some(), "{wrong} is accepted");
    }
    let recording = "[recording]\nfiles = \"a.csv\"\nmissing = { interpolate = 5 }\ntest = { files = [\"b.csv\"] }\n\
                     [model]\nname = \"ffnn\"\nhidden = [8, 8]\n";
    assert_eq!(check(recording), None);
    for (right, wrong) in [
        ("interpolate = 5", "interpolate = 0"),
        ("files = [", "file = ["),
        ("\"a.csv\"", "1"),
        ("8, 8", "8, 0"),
    ] {
        assert!(check(&recording.replace(right, wrong)).is_some(), "{wrong} is accepted");
    }
}

fn explained(what: &str) -> String {
    explain(what, &[], 80).unwrap().text
}

#[test]
fn a_key_is_explained_with_type_range_default_and_example() {
    assert_eq!(
        explained("train.steps"),
        "train.steps\n\nNumber of optimiser steps.\n\n  type     whole number from 1 to 1e12\n  default  20000\n  example  \
         train.steps = 5000\n"
    );
    for (key, words) in [
        ("train.optimizer", &["learning_rate", "all", "levenberg-marquardt", "The default is \"adam\""][..]),
        ("train.optimizer.learning_rate", &["above 0, at most 1e10", "0.003 (adam, adamw)", "0.1 (sgd)"]),
        ("train.optimizer.weight_decay", &["decoupled", "added to the gradient", "optimizers  adamw\n"]),
        ("data.dt", &["the good sample interval of the system", "number above 0"]),
        ("data.split", &["list of 3 numbers, each from 0 to 1", "for a recording"]),
        ("data.solver", &["dop853", "radau", "rk4"]),
        ("recording.missing", &["\"split\"", "{ interpolate = N }", "the segment ends"]),
        ("recording.files", &["text, or a list of texts", "none; it must be set"]),
        ("model.hidden", &["gru, lstm, rnn", "ffnn", "or a list of whole numbers"]),
        ("model", &["polynomial", "reservoir", "name alone"]),
        ("train", &["steps", "(20000)", "optimizer"]),
        ("lorenz", &["rho", "Rayleigh", "Lorenz (1963)", "x in [-15.0, 15.0]", "data.dt = 0.01"]),
        ("oscillator", &["x (m)", "known inputs", "kg"]),
        ("chen", &["x' = ", "Published largest Lyapunov exponent"]),
        ("lorenz96", &["40 in all", "(8.0)"]),
        ("system.variables", &["lorenz96", "whole number from 4 to 10000"]),
        ("lstm", &["Hochreiter", "hidden", "(64)"]),
        ("adamw", &["Loshchilov", "weight_decay"]),
    ] {
        let text = explained(key);
        for word in words {
            assert!(text.to_lowercase().contains(&word.to_lowercase()), "{key}: {word} is not in\n{text}");
        }
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{key}: {line}");
        }
    }
}

#[test]
fn every_key_and_name_is_explained_within_its_width() {
    let all = keys::all();
    let names =
        crate::SYSTEMS.iter().map(|entry| entry.name).chain(crate::MODELS.iter().map(|entry| entry.name));
    for what in all.paths("").into_iter().chain(names.map(str::to_owned)) {
        for width in [40, 80] {
            let text = explain(&what, &[], width).unwrap().text;
            for line in text.lines().filter(|line| !line.starts_with("    ")) {
                let longest = line.split_whitespace().map(|word| word.chars().count()).max().unwrap_or(0);
                assert!(line.chars().count() <= width.max(longest + 30), "{what}: {line}");
            }
        }
    }
}

#[test]
fn a_name_that_is_none_is_refused_with_the_nearest() {
    for (what, words) in [
        ("train.optimiser", &["did you mean \"train.optimizer\"", "attractor list"][..]),
        ("steps", &["train.steps", "with their section"]),
        ("lorentz", &["did you mean \"lorenz\""]),
        ("rnn-lorentz", &["did you mean \"rnn-lorenz\""]),
        ("train.steps.x", &["is not the name of a key"]),
        ("", &["is not the name of a key"]),
    ] {
        let message = explain(what, &[], 80).err().unwrap().to_string();
        assert!(words.iter().all(|word| message.contains(word)), "{what}: {message}");
    }
    let message = explain("rnn", &["train.steps=5".into()], 80).err().unwrap().to_string();
    assert!(
        message.contains("rnn is a model") && message.contains("attractor explain rnn-lorenz"),
        "{message}"
    );
    let wrong = explain("rnn-lorenz", &["train.step=5".into()], 80).err().unwrap().to_string();
    assert!(wrong.contains("did you mean \"steps\""), "{wrong}");
}

#[test]
fn text_is_wrapped_at_words() {
    assert_eq!(wrap("one two three four five six", "# ", 22), "# one two three four\n# five six\n");
    assert_eq!(wrap("a\n\nb", "", 30), "a\n\nb\n");
    assert_eq!(wrap("text\n```toml\nx  = 1\n```\nmore", "", 40), "text\n    x  = 1\nmore\n");
}
