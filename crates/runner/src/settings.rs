//! Settings as tables.

use serde::Serialize;
use toml::Table;

/// The settings of a section, by key.
pub(crate) fn values(section: &impl Serialize) -> Table {
    #[allow(clippy::expect_used)] // our own settings: maps of numbers, texts and lists
    Table::try_from(section).expect("settings are a table")
}

/// The keys of a section.
pub(crate) fn keys(section: &impl Serialize) -> Vec<String> {
    values(section).keys().cloned().collect()
}
