//! The columns of a file that are read, found by their names.

use super::error::{Place, RecordingError};
use super::header::Header;
use super::settings::Settings;
use super::time;

/// The most columns that are read of a file.
const MAX_COLUMNS: usize = 10_000;

/// Refuses a file with so many columns that they can hardly be quantities.
pub(super) fn check_columns(columns: usize, place: &Place) -> Result<(), RecordingError> {
    match columns > MAX_COLUMNS {
        false => Ok(()),
        true => Err(place.whole(format_args!(
            "has {columns} columns, and at most {MAX_COLUMNS} are read: if times run along the rows, write the table with a \
             row for each time; else name the columns that are needed in `states` and `inputs`"
        ))),
    }
}

/// The columns of a file that are read, by their position.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Choice {
    pub(super) time: Option<usize>,
    pub(super) id: Option<usize>,
    pub(super) values: Vec<usize>,
}

/// The position of a name among pairs of the name of a column and what is written above it.
pub(super) fn position<'a>(names: impl Iterator<Item = [&'a str; 2]> + Clone, name: &str) -> Option<usize> {
    let mut exact = names.clone();
    let mut written = names.clone();
    let mut loose = names;
    (exact.position(|[column, _]| column == name))
        .or_else(|| written.position(|[_, written]| written.trim() == name.trim()))
        .or_else(|| loose.position(|[column, _]| column.eq_ignore_ascii_case(name)))
}

/// An error that names a column which is not there, and those that are.
pub(super) fn no_column<'a>(
    place: &Place,
    key: &str,
    name: &str,
    names: impl Iterator<Item = &'a String>,
) -> RecordingError {
    let mut names: Vec<&str> = names.map(String::as_str).collect();
    let more = names.len().saturating_sub(20);
    names.truncate(20);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    place
        .whole(format_args!("recording.{key} names {name:?}, but the columns are {}{more}", names.join(", ")))
}

impl Choice {
    /// The columns that the settings ask for: all where they name no states, or where all are wanted.
    pub(super) fn new(
        header: &Header,
        settings: &Settings,
        all: bool,
        place: &Place,
    ) -> Result<Self, RecordingError> {
        let find = |key: &str, name: &str| {
            let names = header.names.iter().zip(&header.written).map(|(name, written)| [&name[..], written]);
            position(names, name).ok_or_else(|| no_column(place, key, name, header.names.iter()))
        };
        let time = match (&settings.time, settings.dt) {
            (Some(name), _) => Some(find("time", name)?),
            (None, Some(_)) => None,
            (None, None) => header.names.iter().position(|name| time::names_time(name)),
        };
        let id = settings.trajectory.as_ref().map(|name| find("trajectory", name)).transpose()?;
        let mut values = Vec::new();
        for (key, names) in [("states", &settings.states), ("inputs", &settings.inputs)] {
            for name in names {
                values.push(find(key, name)?);
            }
        }
        if settings.states.is_empty() || all {
            values = (0..header.names.len()).collect();
        }
        check_columns(values.len(), place)?;
        values.retain(|&column| Some(column) != time && Some(column) != id);
        Ok(Choice { time, id, values })
    }

    /// Numbers that are stored of each row.
    pub(super) fn numbers(&self) -> usize {
        self.values.len() + usize::from(self.time.is_some()) + usize::from(self.id.is_some())
    }
}
