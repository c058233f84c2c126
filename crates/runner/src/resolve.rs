//! An experiment file and overrides to a resolved experiment.
//!
//! The defaults are laid out as a table of the same form as the file; what the file sets must then be a key
//! of that table and of its kind. So one comparison finds every misspelt key, and no section has to say
//! twice what it holds.

use std::path::Path;

use autodiff::unknown;
use dataset::check_fractions;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use sim::Solver;
use toml::{Table, Value};

use models::Optimizer;
use models::baselines::Baseline;

use crate::clean::Clean;
use crate::derived::build_system;
use crate::experiment::{Data, Evaluate, Experiment, Train};
use crate::fields::{self, Field};
use crate::held_out;
use crate::names::{field, network, system};
use crate::recording::{self, Recorded};
use crate::reduce::Reduce;
use crate::schedule::Schedule;
use crate::settings::values;
use crate::stored::Stored;
use crate::text::position;
use crate::{Progress, Step};

/// Where a table with a name stands, for which the name alone is short.
const NAMED: [&str; 5] = ["system", "model", "data.solver", "train.optimizer", "train.schedule"];

/// Reads the text of an experiment file.
pub(crate) fn parse(text: &str) -> Result<Table, String> {
    text.parse::<Table>().map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        let (line, column) = position(text, offset);
        let comma = text.lines().nth(line - 1).and_then(|line| decimal_comma(line, false));
        match comma {
            Some(comma) => format!("line {line}, column {column}: {comma}"),
            None => format!("line {line}, column {column}: {}", error.message().replace('\n', ", ")),
        }
    })
}

/// The hint for a number with a decimal comma in a line that is not valid TOML, if there is one outside quotes. Inside a
/// list, where a comma may just as well separate two numbers, it is given only with `lists`.
fn decimal_comma(line: &str, lists: bool) -> Option<String> {
    let value = line.split('#').next()?;
    let mut quoted = false;
    let outside: String = value
        .chars()
        .map(|c| {
            quoted ^= c == '"' || c == '\'';
            if quoted { ' ' } else { c }
        })
        .collect();
    // A digit on either side.
    let bytes = outside.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let in_list = |at: usize| outside[..at].matches('[').count() > outside[..at].matches(']').count();
    let comma = (1..bytes.len())
        .find(|&at| bytes[at] == b',' && is_digit(at - 1) && is_digit(at + 1) && (lists || !in_list(at)))?;
    let part = |c: u8| c.is_ascii_digit() || c == b'.';
    let start = bytes[..comma].iter().rposition(|&c| !part(c)).map_or(0, |at| at + 1);
    let end = bytes[comma + 1..].iter().position(|&c| !part(c)).map_or(bytes.len(), |at| comma + 1 + at);
    let number = &outside[start..end];
    Some(format!("{number} has a comma; decimals are written with a point, {}", number.replace(',', ".")))
}

/// Sets `key=value` pairs in the table, with keys like `train.steps` and values as TOML writes them; text
/// needs no quotes.
pub(crate) fn set(table: &mut Table, overrides: &[String]) -> Result<(), String> {
    // Names first: whoever names another model or optimiser means none of the settings of the one before.
    let is_name = |pair: &String| pair.split('=').next().is_some_and(|key| key.trim().ends_with(".name"));
    let overrides = overrides.iter().map(|pair| match pair.split_once('=') {
        Some((key, name)) if NAMED.contains(&key.trim()) && !name.trim_start().starts_with('{') => {
            format!("{}.name={name}", key.trim())
        }
        _ => pair.clone(),
    });
    let (names, others): (Vec<String>, Vec<String>) = overrides.partition(is_name);
    for pair in names.iter().chain(&others) {
        let (key, value) = key_and_value(pair)?;
        if value.contains(['\n', '\r']) || value.len() > 10_000 {
            return Err(format!("{key}: a value must stand on one line of at most 10000 characters"));
        }
        let parsed = format!("value = {value}").parse::<Table>().ok().and_then(|mut one| one.remove("value"));
        let value = parsed.unwrap_or_else(|| Value::String(value.to_owned()));
        let mut parts: Vec<&str> = key.trim().split('.').collect();
        if parts.iter().any(|part| part.is_empty()) {
            return Err(format!("\"{pair}\": the key is empty; an override is written key=value"));
        }
        if parts.len() > 8 {
            return Err(format!("{}...: no key is nested that deeply", parts[..3].join(".")));
        }
        let last = parts.pop().unwrap_or_default();
        let mut inside = &mut *table;
        for part in parts {
            // A name alone is short for what has only that.
            if let Some(Value::String(name)) = inside.get(part) {
                let named = Table::from_iter([("name".to_owned(), Value::String(name.clone()))]);
                inside.insert(part.to_owned(), Value::Table(named));
            }
            let next = inside.entry(part).or_insert_with(|| Value::Table(Table::new()));
            inside =
                next.as_table_mut().ok_or_else(|| format!("\"{pair}\": {part} holds a value, not keys"))?;
        }
        if last == "name" && inside.get(last).is_some_and(|present| *present != value) {
            inside.clear();
        }
        inside.insert(last.to_owned(), value);
    }
    Ok(())
}

/// The two sides of `key=value`.
pub(crate) fn key_and_value(pair: &str) -> Result<(&str, &str), String> {
    pair.split_once('=').ok_or_else(|| {
        format!("\"{pair}\" sets nothing: an override is written key=value, such as train.steps=1000")
    })
}

/// The experiment of a table, with every default filled in and every value checked.
pub(crate) fn resolve(given: &Table) -> Result<Experiment, String> {
    let experiment = fill(given)?;
    experiment.check()?;
    Ok(experiment)
}

/// The experiment of a table, with every default filled in; keys and kinds are checked, values are not.
pub(crate) fn fill(given: &Table) -> Result<Experiment, String> {
    let given = in_full(given);
    match (given.contains_key("system"), given.contains_key("recording")) {
        (true, true) => {
            Err("an experiment learns from a system or from a recording, and this one has both sections, \
                             [system] and [recording]; remove one"
                .into())
        }
        (false, true) => fill_recorded(&given),
        _ => fill_simulated(given),
    }
}

/// [`fill`] for a system.
fn fill_simulated(mut given: Table) -> Result<Experiment, String> {
    let stored = folder_of(&given)?;
    if let Some(stored) = &stored {
        stored.is_of_the_system(given.get("system"))?;
        complete(&mut given, stored.settings());
    }
    let given = &given;
    let asked = named(given, "system")?;
    let (system, mut data, own_names) = match field(&asked) {
        Some(entry) => {
            let parameters = fields::parameters(entry, &asked)?;
            let field = Field::build(entry, parameters.clone())?;
            (with_name(entry.name, parameters), values(&Data::of_field(&*field.system)), false)
        }
        None => equations(given, &asked)?,
    };
    let is_field = data.contains_key("stepper");
    if is_field && section(given, "data").is_some_and(|data| data.contains_key("reduce")) {
        data.insert("reduce".into(), Value::Table(values(&Reduce::default())));
    }
    data.insert("from".into(), Value::String(String::new()));
    data.insert("from_digest".into(), Value::String(String::new()));
    data.insert("at_once".into(), Value::Integer(0));
    if let Some(solver) = section(given, "data").and_then(|data| data.get("solver")).filter(|_| !is_field) {
        data.insert("solver".into(), choose("data.solver", solver, &Solver::ALL)?);
    }
    let mut experiment = fill_rest(given, ("system", system), data)?;

    let given_data = |key| section(given, "data").is_some_and(|data| data.contains_key(key));
    if own_names && given_data("dt") && !given_data("t_final") {
        // as many samples as by default: the scale of the user's own equations is that of dt
        let [dt, t_final] = experiment.build_system()?.sampling();
        experiment.data.t_final = (t_final / dt).round() * experiment.data.dt;
    }
    let given = |key| section(given, "evaluate").is_some_and(|evaluate| evaluate.contains_key(key));
    // tangent dynamics are a capability that fields lack
    if !is_field && !given("lyapunov_exponent") {
        // only now are the parameters known
        match experiment.largest_exponent()? {
            Ok(exponent) => experiment.evaluate.lyapunov_exponent = exponent,
            Err(why) => experiment.evaluate.exponent_unknown = why,
        }
    } else if experiment.evaluate.lyapunov_exponent > 0.0 {
        experiment.evaluate.exponent_unknown.clear();
    }
    let own_time = experiment.own_time();
    if !given("transient") {
        experiment.evaluate.transient = own_time;
    }
    if !given("horizon") {
        experiment.evaluate.horizon = own_time;
    }
    if !is_field && !given("long_run") && experiment.evaluate.lyapunov_exponent > 0.0 {
        experiment.evaluate.long_run = Evaluate::LONG_RUN;
    }
    if !given("polynomial_degree") {
        experiment.evaluate.polynomial_degree = highest_degree(&experiment)?;
    }
    if let Some(stored) = &stored {
        stored.agrees_with(&experiment)?;
        let data = &mut experiment.data;
        if data.from_digest.is_empty() {
            data.from_digest = stored.digest();
        }
        if data.at_once == 0 {
            experiment.data.at_once = experiment.good_at_once()?;
        }
    }
    Ok(experiment)
}

/// The filled section of a system of ordinary differential equations, its defaults of `data`, and whether its equations are
/// the user's own.
fn equations(given: &Table, asked: &Json) -> Result<(Table, Table, bool), String> {
    let entry = system(asked)?;
    // its region and components are those of its parameters
    let mut system = with_name(entry.name, (entry.defaults)());
    let mut parameters = section(given, "system").cloned().unwrap_or_default();
    if entry.own_names.iter().any(|key| parameters.contains_key(*key)) {
        for &key in entry.own_names {
            let own = parameters.remove(key).unwrap_or_else(|| Value::Table(Table::new()));
            if !own.is_table() {
                return Err(format!("system.{key} = {own} must be a table, such as {}", system[key]));
            }
            finite(&own, &format!("system.{key}"))?;
            system.insert(key.into(), own);
        }
    }
    merge(&mut system, &parameters, "system")?;
    let data = values(&Data::of(&*build_system(&read(&Value::Table(system.clone()))?)?));
    Ok((system, data, !entry.own_names.is_empty()))
}

/// [`fill`] for a recording. Its files are read, unless the section comes from a run, which has kept what they hold.
fn fill_recorded(given: &Table) -> Result<Experiment, String> {
    let asked: Json = read(&given["recording"])?;
    let given_data = |key| section(given, "data").and_then(|data| data.get(key));
    let kept = given_data("dt").and_then(Value::as_float).filter(|_| recording::is_complete(&asked));
    let (asked, dt, measured) = match kept {
        Some(dt) => (asked, dt, None),
        None if given_data("dt").is_some() => {
            return Err(
                "data.dt does nothing with a [recording], whose files say when its samples were taken; set \
                        recording.dt for files without times, or recording.resample for another interval"
                    .into(),
            );
        }
        None => {
            let (asked, measured) = recording::complete(&asked, &mut Silent)?;
            (asked, measured.recording.dt, Some(measured))
        }
    };
    let states = Recorded::of(&asked)?.states.into_iter().map(|state| state.name).collect();
    let data = values(&Data::of_recording(states, dt));
    let mut experiment = fill_rest(given, ("recording", values(&asked)), data)?;

    let given = |key| section(given, "evaluate").is_some_and(|evaluate| evaluate.contains_key(key));
    let (network, settings) = experiment.network()?;
    let window = (network.check)(&settings).map_err(|fault| format!("model: {fault}"))?;
    if !given("transient") || !given("horizon") {
        check_fractions(experiment.data.split).map_err(|fault| format!("data.{fault}"))?;
        let lead = given("transient").then(|| experiment.lead());
        let (lead, horizon) = held_out::defaults(&experiment, measured.as_ref(), window, lead)?;
        if !given("transient") {
            experiment.evaluate.transient = lead as f64 * dt;
        }
        if !given("horizon") {
            experiment.evaluate.horizon = horizon as f64 * dt;
        }
    }
    if experiment.evaluate.given == 0 {
        experiment.evaluate.given = experiment.lead() + 1;
    }
    let evaluate = &mut experiment.evaluate;
    if evaluate.truth.is_empty() {
        evaluate.truth_digest.clear();
    } else if evaluate.truth_digest.is_empty() {
        let held_out = Recorded::of(&asked)?.held_out();
        evaluate.truth_digest = Clean::read(&evaluate.truth, &held_out, &mut Silent)?.digest();
    }
    if !given("polynomial_degree") {
        experiment.evaluate.polynomial_degree = highest_degree(&experiment)?;
    }
    Ok(experiment)
}

/// The highest degree of the polynomial baseline, up to the default, that can be solved for.
fn highest_degree(experiment: &Experiment) -> Result<usize, String> {
    let inputs = experiment.inputs(&experiment.source()?)?;
    let possible = |degree: &usize| Baseline::Polynomial { delays: 1, degree: *degree }.check(inputs).is_ok();
    let highest = Evaluate::default().polynomial_degree;
    Ok((1..=highest).rev().find(possible).unwrap_or(1))
}

/// A section of a table, where it has one.
fn section<'a>(given: &'a Table, key: &str) -> Option<&'a Table> {
    given.get(key).and_then(Value::as_table)
}

/// The experiment of a table with its source filled in, the section `source` of this name, and these defaults of `data`.
fn fill_rest(given: &Table, (name, source): (&str, Table), data: Table) -> Result<Experiment, String> {
    let network = network(&named(given, "model")?)?;
    let mut train = train_defaults();
    if let Some(optimizer) = section(given, "train").and_then(|train| train.get("optimizer")) {
        train.insert("optimizer".into(), choose("train.optimizer", optimizer, &Optimizer::ALL)?);
    }
    if let Some(schedule) = section(given, "train").and_then(|train| train.get("schedule")) {
        train.insert("schedule".into(), choose("train.schedule", schedule, &Schedule::ALL)?);
    }

    let mut filled = Table::new();
    filled.insert("seed".into(), Value::Integer(0));
    filled.insert(name.into(), Value::Table(source));
    filled.insert("data".into(), Value::Table(data));
    filled.insert("model".into(), Value::Table(with_name(network.name, (network.defaults)())));
    filled.insert("train".into(), Value::Table(train));
    let mut evaluate = values(&Evaluate::default());
    // Defaults that files leave out.
    for key in ["exponent_unknown", "truth", "truth_digest"] {
        evaluate.insert(key.into(), Value::String(String::new()));
    }
    evaluate.insert("protocol".into(), Value::String("forecast".into()));
    evaluate.insert("given".into(), Value::Integer(0));
    filled.insert("evaluate".into(), Value::Table(evaluate));
    let rest: Table =
        given.iter().filter(|(key, _)| *key != name).map(|(k, v)| (k.clone(), v.clone())).collect();
    merge(&mut filled, &rest, "")?;

    Ok(Experiment {
        seed: part(&filled, "seed")?,
        system: if name == "system" { part(&filled, "system")? } else { Json::Null },
        recording: if name == "recording" { Some(part(&filled, "recording")?) } else { None },
        data: part(&filled, "data")?,
        model: part(&filled, "model")?,
        train: part(&filled, "train")?,
        evaluate: part(&filled, "evaluate")?,
    })
}

/// The defaults of `[train]`, with those that are not written to files; see `Train::training_loop`.
pub(crate) fn train_defaults() -> Table {
    let mut train = values(&Train::default());
    for (key, value) in [("loop", Value::from("own")), ("select", "loss".into()), ("refit", false.into())] {
        train.insert(key.into(), value);
    }
    train
}

/// A progress that reports nothing, for resolving experiments.
pub(crate) struct Silent;

impl Progress for Silent {
    fn stage(&mut self, _what: &str) {}
    fn step(&mut self, _at: &Step) {}
    fn part(&mut self, _done: u64, _of: u64, _what: &str, _seconds_left: f64) {}
    fn note(&mut self, _what: &str) {}
}

/// The folder that `data.from` names, unless everything is set that would be taken from it: what a run keeps must be
/// of use where the folder is not.
fn folder_of(given: &Table) -> Result<Option<Stored>, String> {
    let data = given.get("data").and_then(Value::as_table);
    let from = match data.and_then(|data| data.get("from")) {
        Some(Value::String(from)) => from,
        Some(other) => {
            return Err(format!("data.from = {other} must be a text in quotes, the name of a folder"));
        }
        None => return Ok(None),
    };
    let keys = ["from_digest", "at_once", "trajectories", "dt", "t_final", "initial", "solver"];
    let resolved = data.is_some_and(|data| keys.iter().all(|key| data.contains_key(*key)));
    if from.is_empty() || (resolved && given.contains_key("system")) {
        return Ok(None);
    }
    Stored::open(Path::new(from)).map(Some).map_err(|fault| format!("data.from = \"{from}\": {fault}"))
}

/// Sets what is not set, down to the settings of what has the same name.
fn complete(given: &mut Table, with: Table) {
    for (key, value) in with {
        match (given.get_mut(&key), value) {
            (None, value) => {
                given.insert(key, value);
            }
            (Some(Value::Table(given)), Value::Table(with)) => {
                let name = given.get("name");
                if name.is_none() || name == with.get("name") {
                    complete(given, with);
                }
            }
            _ => {}
        }
    }
}

/// The table with a name alone, such as `schedule = "cosine"`, written out where a table with a name can stand.
fn in_full(given: &Table) -> Table {
    let mut full = given.clone();
    let write_out = |section: &mut Table, key: &str| {
        if let Some(Value::String(name)) = section.get(key) {
            let named = Table::from_iter([("name".to_owned(), Value::String(name.clone()))]);
            section.insert(key.to_owned(), Value::Table(named));
        }
    };
    for path in NAMED {
        match path.split_once('.') {
            None => write_out(&mut full, path),
            Some((section, key)) => {
                if let Some(Value::Table(section)) = full.get_mut(section) {
                    write_out(section, key);
                }
            }
        }
    }
    full
}

/// The experiment as a file that resolves to it.
pub(crate) fn to_toml(experiment: &Experiment) -> String {
    values(experiment).to_string()
}

/// What a training is a training of: the experiment without how it is watched, and without where its data lie, which
/// may be another at each sitting.
pub(crate) fn what_is_trained(experiment: &Experiment) -> String {
    let mut table = values(experiment);
    if let Some(train) = table.get_mut("train").and_then(Value::as_table_mut) {
        train.remove("log");
    }
    if let Some(data) = table.get_mut("data").and_then(Value::as_table_mut) {
        data.remove("from");
    }
    if let Some(section) = &experiment.recording {
        table.insert("recording".into(), Value::Table(values(&recording::about(section))));
    }
    table.to_string()
}

fn named(given: &Table, key: &str) -> Result<Json, String> {
    let names = if key == "system" { "name = \"lorenz\"" } else { "name = \"rnn\"" };
    match given.get(key) {
        Some(Value::Table(section)) if section.get("name").is_some_and(Value::is_str) => {
            read(&Value::Table(section.clone()))
        }
        Some(Value::Table(_)) => Err(format!("[{key}] must name one, such as {names}")),
        Some(_) => Err(format!("{key} must be a section: [{key}] and below it {names}")),
        None if key == "system" => Err(format!(
            "the section [system] is missing; it holds at least {names}. To learn from your own measurements, write \
             [recording] and below it files = \"my.csv\" in its place"
        )),
        None => Err(format!("the section [{key}] is missing; it holds at least {names}")),
    }
}

/// The defaults of the variant that `given` names.
fn choose<T: Serialize>(key: &str, given: &Value, variants: &[T]) -> Result<Value, String> {
    let tables: Vec<Table> = variants.iter().map(values).collect();
    let name = |table: &Table| table.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let names: Vec<String> = tables.iter().map(name).collect();
    let asked = given.as_table().and_then(|given| given.get("name")).map_or(Some(&*names[0]), Value::as_str);
    let asked = asked.ok_or_else(|| format!("{key}.name must be a name, such as \"{}\"", names[0]))?;
    match names.iter().position(|name| name == asked) {
        Some(at) => Ok(Value::Table(tables[at].clone())),
        None => Err(unknown(&format!("{key}.name = \"{asked}\""), asked, names.iter().map(String::as_str))),
    }
}

/// Writes what was given over the defaults.
fn merge(defaults: &mut Table, given: &Table, path: &str) -> Result<(), String> {
    for (key, value) in given {
        let at = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let Some(default) = defaults.get_mut(key) else {
            return Err(unknown(&at, key, defaults.keys().map(String::as_str)));
        };
        match (default, value) {
            (Value::Table(default), Value::Table(value)) => merge(default, value, &at)?,
            (default, value) => *default = fit(default, value, &at)?,
        }
    }
    Ok(())
}

/// `value` in the kind of `default`.
fn fit(default: &Value, value: &Value, at: &str) -> Result<Value, String> {
    let wrong = |kind: &str| {
        // a text of one number with a comma, or a list of twice as many whole numbers as there are decimals
        let comma = match (default, value) {
            (Value::Float(_), Value::String(text)) => decimal_comma(text, true),
            (Value::Array(defaults), Value::Array(values))
                if values.len() == 2 * defaults.len() && values.iter().all(Value::is_integer) =>
            {
                Some(
                    "decimals are written with a point, such as 0.5, and a comma begins the next number"
                        .into(),
                )
            }
            _ => None,
        };
        let comma = comma.map_or(String::new(), |comma| format!(" ({comma})"));
        Err(format!("{at} = {value} must be {kind}, such as {default}{comma}"))
    };
    match (default, value) {
        (Value::Float(_), Value::Integer(whole)) => Ok(Value::Float(*whole as f64)),
        (Value::Float(_), Value::Float(number)) if !number.is_finite() => wrong("a finite number"),
        (Value::Float(_), Value::Float(_)) | (Value::String(_), Value::String(_)) => Ok(value.clone()),
        (Value::Integer(_), Value::Integer(whole)) if *whole < 0 => wrong("a whole number from 0 up"),
        // A list where a number is the default is the business of the networks that take both.
        (Value::Integer(_), Value::Integer(_)) => Ok(value.clone()),
        (Value::Integer(_), Value::Array(_)) if at.starts_with("model.") => Ok(value.clone()),
        // Likewise a name that asks for a number to be chosen.
        (Value::Float(_), Value::String(_)) if at == "model.ridge" => Ok(value.clone()),
        (Value::Array(_), Value::Array(names)) if ["data.observe", "train.log"].contains(&at) => {
            let named = names.iter().all(Value::is_str);
            if named { Ok(value.clone()) } else { wrong("a list of names") }
        }
        (Value::Array(defaults), Value::Array(values)) if defaults.len() == values.len() => {
            let pairs = defaults.iter().zip(values).enumerate();
            let fitted = pairs.map(|(i, (default, value))| fit(default, value, &format!("{at}[{i}]")));
            fitted.collect::<Result<Vec<_>, _>>().map(Value::Array)
        }
        (Value::Array(defaults), Value::Array(_)) => wrong(&format!("a list of {}", defaults.len())),
        (Value::Float(_), _) => wrong("a number"),
        (Value::Integer(_), Value::String(digits)) if digits.bytes().all(|c| c.is_ascii_digit()) => {
            wrong("a whole number of at most 9223372036854775807")
        }
        (Value::Integer(_), _) => wrong("a whole number"),
        (Value::String(_), _) => wrong("a text in quotes"),
        (Value::Array(_), _) => wrong("a list"),
        (Value::Table(_), _) => wrong("a table"),
        (Value::Boolean(_) | Value::Datetime(_), _) => Ok(value.clone()),
    }
}

/// Refuses what JSON has no number for.
fn finite(value: &Value, at: &str) -> Result<(), String> {
    match value {
        Value::Float(number) if !number.is_finite() => {
            Err(format!("{at} = {value} must be a finite number, such as 1.0"))
        }
        Value::Table(table) => {
            table.iter().try_for_each(|(key, value)| finite(value, &format!("{at}.{key}")))
        }
        Value::Array(values) => {
            values.iter().enumerate().try_for_each(|(i, value)| finite(value, &format!("{at}[{i}]")))
        }
        _ => Ok(()),
    }
}

fn with_name(name: &str, settings: Json) -> Table {
    let mut named = Table::from_iter([("name".into(), Value::String(name.to_owned()))]);
    named.extend(values(&settings));
    named
}

/// A section in its type. What is wrong here is a value of the right kind, such as a name that is none.
fn part<T: DeserializeOwned>(filled: &Table, key: &str) -> Result<T, String> {
    let section = filled.get(key).ok_or_else(|| format!("{key} is missing"))?;
    read(section).map_err(|fault| format!("{key}.{fault}"))
}

/// A value in its type; what is wrong begins with where in the value it stands.
fn read<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
    serde_path_to_error::deserialize(value.clone())
        .map_err(|error| format!("{}: {}", error.path(), error.inner().message().replace('\n', ", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SMALL: &str = "[system]\nname = \"lorenz\"\n[model]\nname = \"rnn\"\n";

    fn with(overrides: &[&str]) -> Result<Experiment, String> {
        let mut table = parse(SMALL).unwrap();
        set(&mut table, &overrides.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())?;
        resolve(&table)
    }

    #[test]
    fn defaults_fill_what_is_not_said() {
        let experiment = with(&[]).unwrap();
        assert_eq!(experiment.data.trajectories, 100);
        assert_eq!(experiment.data.initial, vec![[-15.0, 15.0]; 3]);
        let exponent = experiment.evaluate.lyapunov_exponent;
        // that of the literature is 0.9056; computed, to four digits
        assert!(
            (exponent - 0.9056).abs() < 0.01
                && (exponent * 1e4).fract().min(1.0 - (exponent * 1e4).fract()) < 1e-9
        );
        assert_eq!(experiment.evaluate.long_run, 100.0);
        let faster = with(&["system.rho=35"]).unwrap().evaluate.lyapunov_exponent;
        assert!((1.0..1.3).contains(&faster), "{faster}");
        assert_eq!(with(&["system.rho=10"]).unwrap().evaluate.lyapunov_exponent, 0.0);
        assert_eq!(experiment.train, Train::default());
        assert_eq!(experiment.model["hidden"], 64);
        assert_eq!(experiment.system["rho"], 28.0);
    }

    #[test]
    fn transient_and_horizon_are_in_the_times_of_the_system() {
        let of = |text: &str, overrides: &[&str]| {
            let mut table = parse(text).unwrap();
            set(&mut table, &overrides.iter().map(|&pair| pair.to_owned()).collect::<Vec<_>>()).unwrap();
            resolve(&table).unwrap()
        };
        let times = |of: &Experiment| {
            let Evaluate { transient, horizon, .. } = of.evaluate;
            (
                of.data.t_final,
                transient,
                horizon,
                of.long_run_samples() * of.data.dt * of.evaluate.lyapunov_exponent,
            )
        };
        let near = |found: (f64, f64, f64, f64), right: (f64, f64, f64, f64)| {
            assert!((found.3 - right.3).abs() < 1.0, "{found:?}");
            assert_eq!((found.0, found.1, found.2), (right.0, right.1, right.2));
        };
        // 20 Lyapunov times of 1.1 are 22
        near(times(&with(&[]).unwrap()), (8.0, 20.0, 20.0, 100.0));
        // however it is sampled
        near(times(&with(&["data.dt=0.002", "data.t_final=4"]).unwrap()), (4.0, 20.0, 20.0, 100.0));
        let slow = "system = { name = \"equations\", state = { x = \"10*(y - x)/1000\", y = \"(x*(28 - z) - y)/1000\", \
                    z = \"(x*y - 8/3*z)/1000\" }, initial = { x = [-15, 15], y = [-15, 15], z = [-15, 15] } }\n\
                    model = { name = \"ffnn\" }\n";
        let slow = of(slow, &["data.dt=10"]);
        assert!((slow.evaluate.lyapunov_exponent * 1e3 - 0.9056).abs() < 0.02, "{:?}", slow.evaluate);
        // the length of a trajectory too follows from the sample interval, where it is not set
        near(times(&slow), (4000.0, 20_000.0, 20_000.0, 100.0));
        // one that is not chaotic: the length of a trajectory, which for its equations is 400 samples
        let regular = "system = { name = \"equations\", state = { x = \"v\", v = \"-4e6*x - 400*v\" }, \
                       initial = { x = [-1, 1], v = [-1, 1] } }\nmodel = { name = \"ffnn\" }\n";
        near(times(&of(regular, &["data.dt=1e-4"])), (0.04, 0.04, 0.04, 0.0));
        near(times(&of(regular, &["data.dt=1e-4", "data.t_final=0.1"])), (0.1, 0.1, 0.1, 0.0));
        // far finer than it needs to be: at most 5,000 samples
        near(times(&of(regular, &["data.dt=1e-6", "data.t_final=0.1"])), (0.1, 0.005, 0.005, 0.0));
    }

    #[test]
    fn the_exponent_of_a_system_with_other_parameters_is_in_its_own_time() {
        let of = |overrides: &[&str]| {
            let text = "system = { name = \"duffing\" }\nmodel = { name = \"ffnn\" }\n";
            let mut table = parse(text).unwrap();
            set(&mut table, &overrides.iter().map(|&pair| pair.to_owned()).collect::<Vec<_>>()).unwrap();
            resolve(&table)
        };
        let scaled = [
            "system.alpha=-1e6",
            "system.beta=1e6",
            "system.delta=300",
            "system.gamma=5e5",
            "system.omega=1200",
        ];
        let sampled = ["data.dt=1e-4", "data.t_final=0.04"];
        let [slow, fast] = [of(&[]), of(&[&scaled[..], &sampled].concat())].map(Result::unwrap);
        let [slow, fast] = [slow.evaluate, fast.evaluate];
        // 0.107 by this program; others give no number for these parameters
        assert!((slow.lyapunov_exponent - 0.107).abs() < 0.01, "{slow:?}");
        assert!(
            (fast.lyapunov_exponent / slow.lyapunov_exponent / 1e3 - 1.0).abs() < 0.06,
            "{fast:?} {slow:?}"
        );
        assert_eq!((1e3 * fast.transient, fast.exponent_unknown.is_empty()), (slow.transient, true));
        let unknown = "system = { name = \"equations\", state = { x = \"x^2\" }, initial = { x = [1, 2] } }\n\
                       model = { name = \"ffnn\" }\n";
        let unknown = resolve(&parse(unknown).unwrap()).unwrap();
        let why = &unknown.evaluate.exponent_unknown;
        assert!(why.contains("not known") && why.contains("leaves the finite numbers"), "{why}");
        assert_eq!(unknown.evaluate.lyapunov_exponent, 0.0);
        assert_eq!(resolve(&parse(&to_toml(&unknown)).unwrap()).unwrap(), unknown);
        let mut set_by_hand = parse(&to_toml(&unknown)).unwrap();
        set(&mut set_by_hand, &["evaluate.lyapunov_exponent=2".into()]).unwrap();
        assert_eq!(resolve(&set_by_hand).unwrap().evaluate.exponent_unknown, "");
    }

    #[test]
    fn what_depends_on_the_size_of_a_system_does_so_by_default() {
        let sized = |settings: &[&str]| {
            let mut table = parse("system = { name = \"lorenz96\" }\nmodel = { name = \"ffnn\" }").unwrap();
            let settings: Vec<String> = settings.iter().map(|&pair| pair.into()).collect();
            set(&mut table, &settings).and_then(|()| resolve(&table))
        };
        // With 2000 components no polynomial can be fitted, but the run is allowed.
        for (variables, degree) in [(4, 6), (8, 5), (40, 2), (1999, 1), (2000, 1)] {
            let experiment = sized(&[&format!("system.variables={variables}"), "evaluate.starts=2"]).unwrap();
            assert_eq!(experiment.evaluate.polynomial_degree, degree, "{variables}");
            assert_eq!(
                (experiment.data.initial.len(), experiment.data.observe.len()),
                (variables, variables)
            );
        }
        assert_eq!(sized(&["system.forcing=5"]).unwrap().data.initial[39], [4.0, 6.0]);
        assert_eq!(sized(&["data.observe=[\"x1\", \"x2\"]"]).unwrap().evaluate.polynomial_degree, 6);
        for (settings, words) in [
            (["system.variables=3"], ["system: variables = 3", "between 4 and"]),
            (["system.variables=4.5"], ["system.variables = 4.5", "whole number"]),
        ] {
            let message = sized(&settings).unwrap_err();
            assert!(words.iter().all(|word| message.contains(word)), "{message}");
        }
    }

    #[test]
    fn overrides_reach_every_section() {
        let experiment = with(&[
            "seed=3",
            "system.rho=30",
            "data.solver.name=rk4",
            "data.split=[0.6, 0.2, 0.2]",
            "data.initial=[[-1,1],[0,2],[3,4.5]]",
            "model.hidden=8",
            "train.optimizer.learning_rate=1e-2",
            "train.schedule=constant",
            "evaluate.starts=20",
        ])
        .unwrap();
        assert_eq!((experiment.seed, &experiment.system["rho"]), (3, &Json::from(30.0)));
        assert_eq!(
            experiment.data.solver,
            Some(Solver::Rk4 { substeps: 10, precision: trajectory::Precision::F64 })
        );
        assert_eq!(experiment.data.initial[2], [3.0, 4.5]);
        assert_eq!(experiment.train.optimizer.learning_rate(), Some(1e-2));
        assert_eq!(experiment.train.schedule, Schedule::Constant { warmup: 0.0 });
        // that of these parameters
        let exponent = experiment.evaluate.lyapunov_exponent;
        assert!((exponent - 0.95).abs() < 0.02, "{exponent}");
    }

    #[test]
    fn naming_another_drops_the_settings_of_the_one_before() {
        let text = "system = { name = \"lorenz\" }\nmodel = { name = \"ffnn\", depth = 2, hidden = 8 }\n\
                    train = { optimizer = { name = \"adam\", learning_rate = 0.5 } }";
        let with = |overrides: &[&str]| {
            let mut table = parse(text).unwrap();
            set(&mut table, &overrides.iter().map(|&pair| pair.to_owned()).collect::<Vec<_>>()).unwrap();
            resolve(&table).unwrap()
        };
        let other = with(&[
            "model.window=3",
            "train.optimizer.momentum=0.25",
            "model.name=rnn",
            "train.optimizer.name=momentum",
        ]);
        assert_eq!((&other.model["hidden"], &other.model["window"]), (&Json::from(64), &Json::from(3)));
        assert_eq!(
            other.train.optimizer,
            Optimizer::Momentum { learning_rate: 1e-2, momentum: 0.25, weight_decay: 0.0 }
        );
        assert_eq!(
            with(&[
                "train.optimizer.learning_rate=0.25",
                "model.hidden=9",
                "train.optimizer=sgd",
                "model=gru"
            ]),
            with(&[
                "train.optimizer={ name = \"sgd\", learning_rate = 0.25 }",
                "model.name=gru",
                "model.hidden=9"
            ])
        );
        let same = with(&["model.name=ffnn", "train.optimizer.name=adam"]);
        assert_eq!(
            (&same.model["hidden"], same.train.optimizer.learning_rate()),
            (&Json::from(8), Some(0.5))
        );
    }

    #[test]
    fn a_resolved_experiment_resolves_to_itself() {
        let logs = "train.log=[\"jsonl\", \"tensorboard\"]";
        for overrides in [&[][..], &["data.solver.name=rk4", "seed=7"], &["system.rho=35.5"], &[logs]] {
            let experiment = with(overrides).unwrap();
            assert_eq!(resolve(&parse(&to_toml(&experiment)).unwrap()).unwrap(), experiment);
        }
    }

    #[test]
    fn watching_a_training_makes_no_other_of_it() {
        let (watched, other) =
            (with(&["train.log=[\"tensorboard\", \"jsonl\"]"]).unwrap(), with(&["seed=1"]).unwrap());
        assert_eq!(what_is_trained(&watched), what_is_trained(&with(&[]).unwrap()));
        assert_ne!(what_is_trained(&watched), what_is_trained(&other));
        assert!(!what_is_trained(&watched).contains("log ="));
    }

    #[test]
    fn every_mistake_names_its_place_and_a_way_out() {
        for (overrides, words) in [
            (&["model.hiden=3"][..], &["model.hiden", "did you mean \"hidden\"", "layers"][..]),
            (&["modell.hidden=3"], &["modell", "did you mean \"model\""]),
            (&["train.optimizer.rate=3"], &["train.optimizer.rate", "learning_rate"]),
            (&["model.name=rmn"], &["model.name = \"rmn\"", "did you mean \"rnn\"", "ffnn"]),
            (&["system.name=lorentz"], &["did you mean \"lorenz\"", "lorenz96"]),
            (&["system.sigmma=3"], &["system.sigmma", "did you mean \"sigma\""]),
            (&["data.solver.name=euler"], &["data.solver.name", "dop853, dopri5, rk4"]),
            (&["data.dt=-0.01"], &["data: dt = -0.01 must be above 0"]),
            (&["data.dt=0"], &["dt = 0 must be above 0"]),
            (&["data.dt=nan"], &["data.dt = nan must be a finite number"]),
            (&["model.hidden=0"], &["model: hidden = 0 must lie between 1 and"]),
            (&["model.hidden=-4"], &["model.hidden = -4", "whole number"]),
            (&["train.batch_size=0"], &["train.batch_size = 0"]),
            (&["train.steps=many"], &["train.steps = \"many\" must be a whole number, such as 20000"]),
            (&["train.steps=1.5"], &["train.steps = 1.5 must be a whole number"]),
            (&["data.dt=fast"], &["data.dt = \"fast\" must be a number"]),
            (&["data.split=[0.5,0.1,0.1]"], &["must be three fractions", "sum is 0.7"]),
            (&["data.split=[0.9,0.1,0.0]"], &["leaves the test part"]),
            (&["data.split=[0.9,0.1]"], &["data.split", "a list of 3"]),
            (&["model.window=801"], &["model.window = 801", "at most 800"]),
            (&["train.schedule=cosin"], &["train.schedule.name", "did you mean \"cosine\"", "warmup-cosine"]),
            (&["train.steps=[1]"], &["train.steps = [1] must be a whole number"]),
            (&["model.hidden=[1]"], &["model: "]),
            (&["train.optimizer.learning_rate=0"], &["train.optimizer.learning_rate = 0.0 must be above 0"]),
            (&["evaluate.polynomial_degree=9"], &["between 1 and 8"]),
            (&["evaluate.transient=0.01"], &["evaluate.transient", "window"]),
            (&["data.initial=[[0,1]]"], &["data.initial", "a list of 3"]),
            (&["data.initial=[[1,0],[0,1],[0,1]]"], &["from low to high"]),
            (&["data.initial=3"], &["data.initial", "must be a list"]),
            (&["data.trajectories=100000000"], &["data.trajectories", "between 1 and"]),
            (&["seed"], &["key=value"]),
            (&["=3"], &["key is empty"]),
            (&["seed.x=3"], &["seed"]),
            (&["seed=1\n[data]\ndt=0.1"], &["seed", "one line"]),
            (&["a.b.c.d.e.f.g.h.i=1"], &["nested"]),
            (&["seed=99999999999999999999"], &["seed", "at most 9223372036854775807"]),
            (
                &["train.optimizer.learning_rate=1e11"],
                &["train.optimizer.learning_rate = 100000000000.0", "at most"],
            ),
            (&["model.hidden=90000"], &["model: ", "weights"]),
            (&["evaluate.horizon=1e7"], &["evaluate"]),
            (&["evaluate.lyapunov_exponent=1e-300"], &["evaluate.lyapunov_exponent", "between 1e-6 and 4e3"]),
            (&["evaluate.long_run=-1"], &["evaluate.long_run = -1.0", "must be 0"]),
            (&["evaluate.long_run=1e7"], &["evaluate.long_run", "samples"]),
            (&["model=3"], &["[model]"]),
            (&["train=3"], &["train = 3 must be a table"]),
            (&["train.log=tensorboard"], &["train.log = \"tensorboard\" must be a list", "[\"jsonl\"]"]),
            (&["train.log=[1]"], &["train.log = [1] must be a list of names"]),
            (
                &["train.log=[\"jsonl\",\"tensorbord\"]"],
                &["train.log", "did you mean \"tensorboard\"", "jsonl"],
            ),
            (&["train.log=[\"jsonl\",\"jsonl\"]"], &["train.log names \"jsonl\" twice"]),
            (&["train.log=[]"], &["train.log = [] must hold \"jsonl\""]),
            (&["train.log=[\"tensorboard\"]"], &["train.log = [\"tensorboard\"] must hold \"jsonl\""]),
            (
                &["model.name=nvar", "train.log=[\"jsonl\",\"tensorboard\"]"],
                &["train.log does nothing", "fitted"],
            ),
            (&["data.solver=3"], &["data.solver"]),
            (&["system.name=3"], &["[system] must name one"]),
        ] {
            let message = with(overrides).unwrap_err();
            for word in words {
                assert!(message.contains(word), "{overrides:?}: {message}");
            }
        }
        assert!(resolve(&Table::new()).unwrap_err().contains("[system] is missing"));
    }

    #[test]
    fn a_syntax_error_says_line_and_column() {
        let message = parse("seed = 1\n[system]\nname = lorenz\n").unwrap_err();
        assert!(message.starts_with("line 3, column 8"), "{message}");
        assert!(parse("a = 1\na = 2").unwrap_err().contains("line 2"));
    }

    #[test]
    fn a_decimal_comma_is_told() {
        let point = "has a comma; decimals are written with a point";
        for (text, words) in [
            ("[data]\ndt = 0,01\n", ["line 2", "0,01 has a comma", "point, 0.01"]),
            ("[system]\nparameters = { mu = 1,5, nu = 2.0 }", ["line 2", "1,5 has a comma", "point, 1.5"]),
            ("dt = -10,25 # 3,5", ["line 1", "10,25 has a comma", "point, 10.25"]),
        ] {
            let message = parse(text).unwrap_err();
            assert!(words.iter().all(|word| message.contains(word)), "{message}");
        }
        // lists, and texts with a comma in them, have other faults
        for text in ["a = [1,2,", "a = \"1,5\" b", "a = b # 1,5"] {
            assert!(!parse(text).unwrap_err().contains(point), "{text}");
        }
        for (pair, words) in [
            ("data.dt=0,01", ["data.dt", point, "0.01"]),
            ("data.split=[0,8, 0,1, 0,1]", ["data.split", "list of 3", "decimals are written with a point"]),
        ] {
            let message = with(&[pair]).unwrap_err();
            assert!(words.iter().all(|word| message.contains(word)), "{message}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,200}") {
            let _ = parse(&text).map(|table| resolve(&table));
        }

        #[test]
        fn no_override_makes_the_resolver_panic(
            key in "(seed|system|data|model|train|evaluate)(\\.(name|dt|split|hidden|solver|initial|steps|x)){0,2}",
            value in "(-?[0-9]{1,25}|[0-9.e-]{0,8}|nan|inf|\\[.{0,9}\\]|\\{.{0,9}\\}|\"?.{0,9}\"?)",
        ) {
            let pair = format!("{key}={value}");
            if let Ok(experiment) = with(&[&pair]) {
                prop_assert_eq!(resolve(&parse(&to_toml(&experiment)).unwrap()).unwrap(), experiment);
            }
        }

        #[test]
        fn what_is_set_is_what_is_read(steps in 1u64..1_000_000, rate in 1e-6f64..1.0, rho in 20.0f64..40.0) {
            let experiment = with(&[
                &format!("train.steps={steps}"),
                &format!("train.optimizer.learning_rate={rate:e}"),
                &format!("system.rho={rho}"),
                "evaluate.lyapunov_exponent=0.9", // which is computed where it is not set
            ]).unwrap();
            prop_assert_eq!(experiment.train.steps, steps);
            prop_assert_eq!(experiment.train.optimizer.learning_rate(), Some(rate));
            prop_assert_eq!(experiment.system["rho"].as_f64(), Some(rho));
        }
    }
}
