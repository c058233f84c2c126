//! Names and units of the components of a state.

use serde::{Deserialize, Serialize};

/// The name and unit of a component of the state, or of a known input; "1" where it has no unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Component {
    /// Its symbol.
    pub name: String,
    /// Its SI unit.
    pub unit: String,
}

impl Component {
    /// The component `name`, in `unit`.
    pub fn new(name: &str, unit: &str) -> Self {
        Component { name: name.into(), unit: unit.into() }
    }

    /// The heading of a column: the name, and the unit if there is one.
    pub fn heading(&self) -> String {
        if self.unit == "1" { self.name.clone() } else { format!("{} [{}]", self.name, self.unit) }
    }
}
