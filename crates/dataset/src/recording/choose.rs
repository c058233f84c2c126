//! The columns that become states and inputs.

use super::choice::no_column;
use super::error::{RecordingError, shown};
use super::notes::{Notes, counted};
use super::settings::Settings;
use super::table::{Column, Table};

/// Names of columns that count rows, in lower case.
const COUNTERS: [&str; 12] =
    ["", "row", "record", "index", "idx", "id", "n", "no", "nr", "i", "unnamed: 0", "sample"];

/// The positions of the states and of the inputs in each table; the columns are the same in all tables.
///
/// # Errors
///
/// If a file lacks a column, if a named column holds no numbers, or if no column is left.
pub(super) fn choose(
    tables: &[Table],
    settings: &Settings,
    notes: &mut Notes,
) -> Result<[Vec<String>; 2], RecordingError> {
    let Some(first) = tables.first() else {
        return Err(RecordingError("recording.files hold no table of numbers".into()));
    };
    let named = |key: &str, names: &[String]| -> Result<Vec<String>, RecordingError> {
        names.iter().map(|name| check_named(tables, key, name)).collect()
    };
    let inputs = named("inputs", &settings.inputs)?;
    if !settings.states.is_empty() {
        return Ok([named("states", &settings.states)?, inputs]);
    }
    let mut states = Vec::new();
    for column in first.columns.iter().filter(|column| !inputs.contains(&column.name)) {
        let columns: Vec<&Column> = tables.iter().filter_map(|table| find(table, &column.name)).collect();
        match why_not(&columns, tables.len()) {
            None => states.push(column.name.clone()),
            Some(why) => {
                notes.add(&first.place.file, format!("column {} is left out: {why}", shown(&column.name)))
            }
        }
    }
    if states.is_empty() {
        let names = first.columns.iter().map(|column| &column.name);
        let names: Vec<&str> = names.take(20).map(String::as_str).collect();
        return Err(first.place.whole(format_args!(
            "no column is left to learn from; the columns are {}, and a state must be a column of numbers that vary",
            names.join(", ")
        )));
    }
    notes.add(&first.place.file, format!("recording.states is not set; the states are {}", listed(&states)));
    Ok([states, inputs])
}

fn find<'a>(table: &'a Table, name: &str) -> Option<&'a Column> {
    table.position(name).map(|position| &table.columns[position])
}

fn check_named(tables: &[Table], key: &str, name: &str) -> Result<String, RecordingError> {
    for table in tables {
        let Some(column) = find(table, name) else {
            return Err(no_column(&table.place, key, name, table.columns.iter().map(|column| &column.name)));
        };
        if column.numbers == 0 {
            let holds = match &column.first_text {
                Some((line, text)) => format!("it holds {} on {} {line}", shown(text), table.place.row),
                None => "all its cells are empty".into(),
            };
            return Err(table.place.whole(format_args!("column {} has no numbers; {holds}", shown(name))));
        }
    }
    let own = tables.first().and_then(|table| find(table, name));
    Ok(own.map_or_else(|| name.to_owned(), |column| column.name.clone()))
}

/// Why the columns of this name cannot be a state, if they cannot.
fn why_not(columns: &[&Column], tables: usize) -> Option<String> {
    if columns.len() < tables {
        return Some(format!("{} lack it", counted(tables - columns.len(), "file", "files")));
    }
    let sum = |count: fn(&Column) -> usize| columns.iter().map(|column| count(column)).sum::<usize>();
    let [numbers, texts, cells] = [sum(|c| c.numbers), sum(|c| c.texts), sum(|c| c.values.len())];
    if numbers < texts || numbers == 0 {
        let text = columns.iter().find_map(|column| column.first_text.as_ref());
        return Some(
            text.map_or("it is empty".into(), |(_, text)| format!("it holds text, such as {}", shown(text))),
        );
    }
    let first = columns.iter().flat_map(|column| &column.values).find(|value| !value.is_nan()).copied()?;
    if numbers == 1 && cells > 1 {
        return Some(format!("it has one number only, {first}"));
    }
    if 2 * numbers < cells {
        return Some(format!("{} of its {cells} cells are empty", cells - numbers));
    }
    let range = columns.iter().filter_map(|column| column.range());
    if range.clone().all(|[least, greatest]| least == first && greatest == first) {
        return Some(format!("it is constant, {first}"));
    }
    let counts = |column: &&Column| column.values.windows(2).all(|pair| pair[1] - pair[0] == 1.0);
    let named_so = COUNTERS.iter().any(|name| columns[0].name.eq_ignore_ascii_case(name));
    (named_so && columns.iter().all(counts)).then(|| "it counts rows".into())
}

fn listed(names: &[String]) -> String {
    match names.len() {
        0..=12 => names.join(", "),
        more => format!("{} and {} more", names[..10].join(", "), more - 10),
    }
}
