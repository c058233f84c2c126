//! The columns of a file that are read, found by their names.

use super::error::{Place, RecordingError};
use super::header::Header;
use super::settings::Settings;
use super::time;

/// The largest number of columns that are read from a file.
const MAX_COLUMNS: usize = 10_000;

/// Returns an error for a file with so many columns that they are probably not quantities.
pub(super) fn check_columns(columns: usize, place: &Place) -> Result<(), RecordingError> {
    match columns > MAX_COLUMNS {
        false => Ok(()),
        true => Err(place.whole(format_args!(
            "has {columns} columns, and at most {MAX_COLUMNS} are read: if time runs along the rows, write the table \
             with one row for each time; otherwise name the columns you need in `states` and `inputs`"
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

/// The position of a name in a list of columns, each with its name and with its heading as the file has it.
pub(super) fn position<'a>(names: impl Iterator<Item = [&'a str; 2]> + Clone, name: &str) -> Option<usize> {
    let mut exact = names.clone();
    let mut written = names.clone();
    let mut loose = names;
    (exact.position(|[column, _]| column == name))
        .or_else(|| written.position(|[_, written]| written.trim() == name.trim()))
        .or_else(|| loose.position(|[column, _]| column.eq_ignore_ascii_case(name)))
}

/// The error for a column that does not exist; it lists the existing ones.
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
    /// The columns that the settings ask for: all of them if no states are named, or if `all` is set.
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
        for name in settings.units.keys() {
            find("units", name)?;
        }
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

    /// How many numbers of each row are stored.
    pub(super) fn numbers(&self) -> usize {
        self.values.len() + usize::from(self.time.is_some()) + usize::from(self.id.is_some())
    }
}
