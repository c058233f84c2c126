//! Values, types and ranges in words.

use serde_json::{Map, Number, Value};

/// A value as TOML writes it, on one line.
pub(super) fn toml(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(yes) => yes.to_string(),
        Value::Number(number) => self::number(number),
        Value::String(text) => quoted(text),
        Value::Array(values) => format!("[{}]", values.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Object(table) if table.is_empty() => "{}".into(),
        Value::Object(table) => {
            let pair = |(key, value): (&String, &Value)| format!("{} = {}", self::key(key), toml(value));
            format!("{{ {} }}", table.iter().map(pair).collect::<Vec<_>>().join(", "))
        }
    }
}

/// A key as TOML writes it, in quotes if it needs them.
pub(super) fn key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.is_empty() && name.chars().all(bare) { name.to_owned() } else { quoted(name) }
}

fn quoted(text: &str) -> String {
    ::toml::Value::String(text.to_owned()).to_string()
}

/// A number that TOML reads back as the same, of the same kind.
fn number(number: &Number) -> String {
    match number.as_f64() {
        Some(x) if number.is_f64() && x != 0.0 && !(1e-4..1e6).contains(&x.abs()) => format!("{x:e}"),
        Some(x) if number.is_f64() => format!("{x:?}"),
        _ => number.to_string(),
    }
}

/// The bound of a range, short.
fn bound(value: &Value) -> String {
    match value.as_f64() {
        Some(x) if x.abs() >= 1e7 && format!("{x:e}").len() < 6 => format!("{x:e}"),
        Some(x) if x.fract() == 0.0 && x.abs() < 1e15 => format!("{x:.0}"),
        Some(x) if x.abs() < 1e-3 => format!("{x:e}"),
        Some(x) => x.to_string(),
        None => value.to_string(),
    }
}

/// The type of a value and its range, such as "whole number from 1 to 8".
pub(super) fn kind(schema: &Map<String, Value>) -> String {
    let range = range(schema);
    let kind = kind_alone(schema, false);
    if range.is_empty() { kind } else { format!("{kind} {range}") }
}

fn kind_alone(schema: &Map<String, Value>, several: bool) -> String {
    let plural = |one: &str, more: &str| (if several { more } else { one }).to_owned();
    let choices = choices(schema);
    if !choices.is_empty() {
        return format!(
            "one of {}",
            choices.into_iter().map(|(value, _)| value).collect::<Vec<_>>().join(", ")
        );
    }
    let alternatives: Vec<String> = alternatives(schema).map(kind).collect();
    if !alternatives.is_empty() {
        return alternatives.join(", or a ");
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("integer") => plural("whole number", "whole numbers"),
        Some("number") => plural("number", "numbers"),
        Some("string") => plural("text", "texts"),
        Some("boolean") => "true or false".into(),
        Some("array") => {
            let items = schema.get("items").and_then(Value::as_object);
            let of = items.map_or("values".into(), |items| {
                let each = self::range(items);
                let kind = kind_alone(items, true);
                if each.is_empty() { kind } else { format!("{kind}, each {each}") }
            });
            let count = match (schema.get("minItems"), schema.get("maxItems")) {
                (Some(least), Some(most)) if least == most => format!("{least} "),
                _ => String::new(),
            };
            let of = of.strip_prefix("one of ").map_or(of.clone(), |names| format!("names out of {names}"));
            format!("{} of {count}{of}", plural("list", "lists"))
        }
        Some("object") => match schema.get("additionalProperties").and_then(Value::as_object) {
            Some(values) => format!("{} of {}", plural("table", "tables"), kind_alone(values, true)),
            None if schema.contains_key("properties") => {
                format!("{} {}", plural("table", "tables"), table_of_choice(schema))
            }
            None => plural("table", "tables"),
        },
        _ => "value".into(),
    }
}

/// A table by its keys, such as `{ interpolate = N }`; a key that has one value stands with it.
fn table_of_choice(schema: &Map<String, Value>) -> String {
    let keys = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let keys = keys.map(|(name, value)| {
        let value = match (value.get("const"), value.get("type").and_then(Value::as_str)) {
            (Some(only), _) => toml(only),
            (_, Some("integer")) => "N".into(),
            (_, Some("number")) => "X".into(),
            (_, Some("array")) => "[..]".into(),
            _ => "..".into(),
        };
        format!("{name} = {value}")
    });
    format!("{{ {} }}", keys.collect::<Vec<_>>().join(", "))
}

/// The schemas of which a value must satisfy one.
fn alternatives(schema: &Map<String, Value>) -> impl Iterator<Item = &Map<String, Value>> {
    let all = ["oneOf", "anyOf"].into_iter().filter_map(|key| schema.get(key)?.as_array());
    all.flatten().filter_map(Value::as_object)
}

/// The values that a key can have, as TOML writes them, with what each means; empty if they are not listed.
pub(super) fn choices(schema: &Map<String, Value>) -> Vec<(String, String)> {
    let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
    let listed = listed.map(|value| (toml(value), String::new()));
    // A choice of numbers or lists is one of types, not of values.
    let named = |choice: &Map<String, Value>| {
        choice.get("properties").is_some_and(|keys| keys["name"].get("const").is_some())
    };
    let of_names = alternatives(schema).any(|choice| choice.contains_key("const") || named(choice));
    let explained = alternatives(schema).filter(|_| of_names).map(|choice| {
        let about = choice.get("description").and_then(Value::as_str).unwrap_or_default();
        let value = match (choice.get("const"), choice.contains_key("properties")) {
            (Some(value), _) => toml(value),
            (None, true) => table_of_choice(choice),
            (None, false) => format!("a {}", kind(choice)),
        };
        (value, about.to_owned())
    });
    listed.chain(explained).collect()
}

/// The range of a number in words; empty for any number, and for what is not a number.
fn range(schema: &Map<String, Value>) -> String {
    let at = |key: &str| schema.get(key).map(bound);
    match (at("minimum"), at("exclusiveMinimum"), at("maximum")) {
        (_, Some(least), Some(most)) => format!("above {least}, at most {most}"),
        (_, Some(least), None) => format!("above {least}"),
        (Some(least), None, Some(most)) => format!("from {least} to {most}"),
        (Some(least), None, None) => format!("from {least} up"),
        (None, None, Some(most)) => format!("of at most {most}"),
        (None, None, None) => String::new(),
    }
}

/// The first sentence of a text.
pub(super) fn first_sentence(text: &str) -> &str {
    let line = text.lines().next().unwrap_or_default();
    // Not at "et al. 2000" nor "e.g. this": a sentence begins with a capital letter.
    let mut ends = line.match_indices(". ").map(|(at, _)| at);
    ends.find(|&at| {
        let (before, after) = (&line[..at], &line[at + 2..]);
        after.starts_with(|c: char| c.is_uppercase() || c == '`' || c == '0') && !before.ends_with(" al")
    })
    .map_or(line, |at| &line[..=at])
}

/// A text in lines of at most `width` characters, where its words allow it. `prefix` begins every line, and counts.
/// Paragraphs stay apart; lines that are indented, or between fences of code, stay as they are.
pub(super) fn wrap(text: &str, prefix: &str, width: usize) -> String {
    let (mut lines, mut open, mut fenced) = (Vec::new(), String::new(), false);
    let room = width.saturating_sub(prefix.chars().count()).max(20);
    let close = |open: &mut String, lines: &mut Vec<String>| {
        if !open.is_empty() {
            lines.push(std::mem::take(open));
        }
    };
    for line in text.lines() {
        let fence = line.starts_with("```");
        if fence || fenced || line.starts_with("    ") || line.is_empty() || line.starts_with("- ") {
            close(&mut open, &mut lines);
        }
        if fence {
            fenced = !fenced;
        } else if fenced {
            lines.push(format!("    {line}"));
        } else if line.starts_with("    ") || line.is_empty() {
            lines.push(line.to_owned());
        } else {
            for word in line.split_whitespace() {
                if !open.is_empty() && open.chars().count() + 1 + word.chars().count() > room {
                    close(&mut open, &mut lines);
                }
                if !open.is_empty() {
                    open.push(' ');
                }
                open += word;
            }
        }
    }
    close(&mut open, &mut lines);
    lines.iter().map(|line| format!("{prefix}{line}").trim_end().to_owned() + "\n").collect()
}

/// Rows of a label and a text, as two columns with the second wrapped, each line indented by two. Where labels leave little
/// room, each text stands below its label.
pub(super) fn columns(rows: &[(String, String)], width: usize) -> String {
    const LEAST: usize = 24;
    let widest = rows.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    let indent = widest + 4;
    let row = |(label, text): &(String, String)| {
        if indent + LEAST > width {
            return wrap(label, "  ", width) + &wrap(text, "      ", width);
        }
        let wrapped = wrap(text, &" ".repeat(indent), width);
        let missing = widest - label.chars().count();
        let body = wrapped.get(indent..).unwrap_or("\n");
        format!("  {label}{}  {body}", " ".repeat(missing)).trim_end().to_owned() + "\n"
    };
    rows.iter().map(row).collect()
}
