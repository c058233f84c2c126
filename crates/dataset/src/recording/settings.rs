//! What an experiment file says about a recording.

use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::RecordingError;

/// The longest run of missing samples that `missing = "interpolate"` fills.
const INTERPOLATED: usize = 10;

/// The keys of `[recording]`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Files to read: a path, a pattern with `*`, `?` or `[..]`, or a list of these. The files that a pattern finds are
    /// sorted by name. Required.
    #[serde(deserialize_with = "one_or_many")]
    #[schemars(with = "OneOrMany", extend("examples" = ["tanks/*.csv", ["a.csv", "b.csv"]]))]
    pub files: Vec<String>,
    /// Range of rows that are used from each file, `[first, end]`: rows are counted from 0, and row `end` is not used. By
    /// default, all rows.
    #[schemars(extend("examples" = [[0, 1024]]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<[usize; 2]>,
    /// Column that holds the time: numbers, ISO dates, times of the day, or milliseconds since 1970. All but numbers
    /// are turned into seconds. By default, a column called `t`, `time`, `timestamp`, `date` or the like.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["t"]))]
    pub time: Option<String>,
    /// Time between two rows, for files without a time column, in your unit of time. By default, the times in the files
    /// decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0, "examples" = [4.0]))]
    pub dt: Option<f64>,
    /// Columns to learn and forecast: one, or a list. By default, all columns of numbers that vary, except the time, the
    /// trajectory and the inputs.
    #[serde(deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "OneOrMany", extend("examples" = [["level"]]))]
    pub states: Vec<String>,
    /// Measured columns that every forecaster is given and none forecasts: one, or a list. By default, none.
    #[serde(deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "OneOrMany", extend("examples" = [["pump"]]))]
    pub inputs: Vec<String>,
    /// Column that says which recording a row belongs to; numbers or text. By default, each file is one recording.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["run"]))]
    pub trajectory: Option<String>,
    /// Sheet to read from a workbook (XLSX, ODS). By default, its only sheet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["Table 1"]))]
    pub sheet: Option<String>,
    /// Array to read from a file that holds several: a name in NPZ and MATLAB files, a path in HDF5 files. By default,
    /// all arrays of the same length.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["run1/position"]))]
    pub dataset: Option<String>,
    /// Axis of an array along which time runs, counted from 0. By default, the axis that is as long as the array of
    /// times; without one, the longer of two axes and the middle one of three.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [0]))]
    pub time_axis: Option<usize>,
    /// Units of columns, for the axes of plots. They replace those in the files. By default, what the files say.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("examples" = [{"level": "V", "pump": "V"}]))]
    pub units: BTreeMap<String, String>,
    /// What to do about missing cells: empty ones, NaN, NULL, `-`, and text in a column of numbers.
    #[schemars(extend("examples" = [{"interpolate": 5}]))]
    pub missing: Missing,
    /// What to do about gaps in the times: two rows that are more than 1.5 sample intervals apart.
    #[schemars(extend("examples" = ["error"]))]
    pub gaps: Gaps,
    /// What to do about rows of one recording with the same time.
    #[schemars(extend("examples" = ["first"]))]
    pub duplicates: Duplicates,
    /// What to do about a time that is earlier than the one before it in the same recording.
    #[schemars(extend("examples" = ["split"]))]
    pub steps_back: StepsBack,
    /// New sample interval, in the unit of time of the recording. Samples are interpolated linearly, but never across
    /// gaps or missing cells, and without a low-pass filter. It is needed if the times are uneven. By default, the
    /// samples stay as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0, "examples" = [0.01]))]
    pub resample: Option<f64>,
    /// Separator of the cells of a text file: a comma, a semicolon, a vertical bar, `"tab"`, or `"blank"` for one or more
    /// spaces. By default, it is recognised from the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = [",", ";", "|", "tab", "blank", "\t", " "], "examples" = [";"]))]
    pub separator: Option<String>,
    /// Decimal sign of a text file: a point or a comma. By default, it is recognised from the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = [".", ","], "examples" = [","]))]
    pub decimal: Option<String>,
}

/// The schema of what [`one_or_many`] reads.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code)] // described, never made
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Settings {
    /// The names of all keys.
    pub const KEYS: [&str; 18] = [
        "files",
        "rows",
        "time",
        "dt",
        "states",
        "inputs",
        "trajectory",
        "sheet",
        "dataset",
        "time_axis",
        "units",
        "missing",
        "gaps",
        "duplicates",
        "steps_back",
        "resample",
        "separator",
        "decimal",
    ];

    /// Checks each value, and keys that exclude each other.
    ///
    /// # Errors
    ///
    /// The error names the key, its value and the valid values.
    pub fn check(&self) -> Result<(), RecordingError> {
        let wrong = |what: String| Err(RecordingError(what));
        for (key, value) in [("dt", self.dt), ("resample", self.resample)] {
            if let Some(value) = value.filter(|value| !(value.is_finite() && *value > 0.0)) {
                return wrong(format!("recording.{key} is {value}: it must be a time above 0"));
            }
        }
        if let Some([first, end]) = self.rows.filter(|[first, end]| first >= end) {
            return wrong(format!(
                "recording.rows is [{first}, {end}]: the second number must be larger, since it is that of the row after the \
                 last"
            ));
        }
        if let (Some(time), Some(dt)) = (&self.time, self.dt) {
            return wrong(format!(
                "recording.time = {time:?} and recording.dt = {dt} exclude each other: keep `time` where the file has \
                 times (and set `resample` for another interval), or keep `dt` where it has none"
            ));
        }
        if let Some(decimal) = self.decimal.as_deref().filter(|decimal| !matches!(*decimal, "." | ",")) {
            return wrong(format!("recording.decimal is {decimal:?}: it must be \".\" or \",\""));
        }
        let names = self.states.iter().chain(&self.inputs).chain(&self.time).chain(&self.trajectory);
        let mut seen = BTreeMap::new();
        for name in names {
            if seen.insert(name, ()).is_some() {
                return wrong(format!(
                    "column {name:?} is named twice in states, inputs, time and trajectory of [recording]: keep one"
                ));
            }
        }
        Ok(())
    }
}

/// Treatment of missing cells: empty ones, NaN, NULL, `-`, and text in a column of numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// `"split"`: the segment ends before the row, and another one starts after it.
    #[default]
    Split,
    /// `{ interpolate = 5 }`: up to 5 missing samples in a row are interpolated linearly in time; more of them end the
    /// segment. `"interpolate"` alone means up to 10.
    Interpolate(usize),
    /// `"error"`: the first one is an error.
    Error,
}

/// Treatment of gaps: two rows more than 1.5 sample intervals apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Gaps {
    /// A gap ends the segment.
    #[default]
    Split,
    /// The first one is an error.
    Error,
}

/// Treatment of rows of one trajectory with the same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Duplicates {
    /// The first pair is an error.
    #[default]
    Error,
    /// The first row is kept.
    First,
    /// The rows are averaged, without their missing cells.
    Mean,
}

/// Treatment of a time that is earlier than the one before it in the same trajectory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StepsBack {
    /// The first one is an error.
    #[default]
    Error,
    /// Another recording starts there.
    Split,
    /// The rows of each recording are sorted by time.
    Sort,
}

impl JsonSchema for Missing {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Missing".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let several = format!(
            "Up to N missing samples in a row are interpolated linearly in time; more of them end the segment. \
             `\"interpolate\"` alone means {INTERPOLATED}."
        );
        json_schema!({"oneOf": [
            {
                "type": "string", "const": "split",
                "description": "The segment ends before the row, and another one starts after it."
            },
            {
                "type": "string", "const": "interpolate",
                "description": format!("Up to {INTERPOLATED} missing samples in a row are interpolated linearly in time.")
            },
            {
                "type": "object", "required": ["interpolate"], "additionalProperties": false, "description": several,
                "properties": {"interpolate": {"type": "integer", "minimum": 1}}
            },
            {"type": "string", "const": "error", "description": "The first one is an error."}
        ]})
    }
}

impl Serialize for Missing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Missing::Split => serializer.serialize_str("split"),
            Missing::Error => serializer.serialize_str("error"),
            Missing::Interpolate(most) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("interpolate", most)?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Missing {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Choice;
        impl<'de> Visitor<'de> for Choice {
            type Value = Missing;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"split\", \"interpolate\", { interpolate = 5 } or \"error\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Missing, E> {
                match text {
                    "split" => Ok(Missing::Split),
                    "interpolate" => Ok(Missing::Interpolate(INTERPOLATED)),
                    "error" => Ok(Missing::Error),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Missing, A::Error> {
                match map.next_entry::<String, usize>()? {
                    Some((key, most)) if key == "interpolate" && most > 0 => Ok(Missing::Interpolate(most)),
                    _ => Err(de::Error::invalid_value(de::Unexpected::Map, &self)),
                }
            }
        }
        deserializer.deserialize_any(Choice)
    }
}

/// A text or a list of texts.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct Texts;
    impl<'de> Visitor<'de> for Texts {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text or a list of texts")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<String>, E> {
            Ok(vec![text.to_owned()])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<String>, A::Error> {
            let mut texts = Vec::new();
            while let Some(text) = list.next_element()? {
                texts.push(text);
            }
            Ok(texts)
        }
    }
    deserializer.deserialize_any(Texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Settings, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn keys_take_the_forms_that_the_documentation_shows() {
        let settings =
            read("files = \"a/*.csv\"\nstates = [\"x\", \"y\"]\nmissing = \"interpolate\"").unwrap();
        assert_eq!(settings.files, ["a/*.csv"]);
        assert_eq!(settings.states, ["x", "y"]);
        assert_eq!(settings.missing, Missing::Interpolate(10));
        let settings = read("missing = { interpolate = 3 }\nduplicates = \"mean\"").unwrap();
        assert_eq!(settings.missing, Missing::Interpolate(3));
        assert_eq!(settings.duplicates, Duplicates::Mean);
        assert_eq!(read(&toml::to_string(&settings).unwrap()).unwrap(), settings);
        assert_eq!(read("").unwrap(), Settings::default());
    }

    #[test]
    fn the_list_of_keys_is_that_of_the_fields() {
        let error = read("none_of_them = 1").unwrap_err();
        let known: Vec<&str> =
            error.split('`').skip(1).step_by(2).filter(|name| *name != "none_of_them").collect();
        assert_eq!(known, Settings::KEYS, "{error}");
    }

    #[test]
    fn wrong_keys_and_values_name_the_valid_ones() {
        let says = |text: &str, what: &str| {
            let error = read(text).unwrap_err();
            assert!(error.contains(what), "{error}");
        };
        says("missing = \"fill\"", "\"split\", \"interpolate\", { interpolate = 5 } or \"error\"");
        says("missing = { interpolate = 0 }", "\"split\"");
        says("gap = \"split\"", "expected one of");
        says("files = 3", "a text or a list of texts");

        let refused = |settings: Settings, what: &str| {
            let error = settings.check().unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        };
        refused(
            Settings { dt: Some(-1.0), ..Settings::default() },
            "recording.dt is -1: it must be a time above 0",
        );
        refused(
            Settings { time: Some("t".into()), dt: Some(1.0), ..Settings::default() },
            "exclude each other",
        );
        refused(Settings { decimal: Some("'".into()), ..Settings::default() }, "must be \".\" or \",\"");
        refused(
            Settings { rows: Some([5, 5]), ..Settings::default() },
            "recording.rows is [5, 5]: the second number must be larger",
        );
        let twice = Settings { states: vec!["x".into()], inputs: vec!["x".into()], ..Settings::default() };
        refused(twice, "\"x\" is named twice");
    }
}
