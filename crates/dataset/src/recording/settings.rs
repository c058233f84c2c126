//! What an experiment file says about a recording.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::RecordingError;

/// The longest run of missing samples that `missing = "interpolate"` fills.
const INTERPOLATED: usize = 10;

/// The keys of `[recording]`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Files to read: a path, a pattern with `*`, `?` or `[..]`, or a list of these. What a pattern finds is sorted by
    /// name. No default. Example: `files = "tanks/*.csv"`.
    #[serde(deserialize_with = "one_or_many")]
    pub files: Vec<String>,
    /// Rows of each file that are used: the first, counted from 0 at the first row of numbers, and the one after the last.
    /// Default: all. Example: `rows = [0, 1024]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<[usize; 2]>,
    /// Column that holds the time: numbers, ISO dates, times of the day, or milliseconds since 1970. All but numbers
    /// are turned into seconds. Default: a column called `t`, `time`, `timestamp`, `date` or the like.
    /// Example: `time = "t"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Time between two rows, for files without a time column. Default: none, the times of the file are used.
    /// Example: `dt = 4.0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dt: Option<f64>,
    /// Columns that are forecast. Default: all columns of numbers that vary, except the time, the trajectory and the
    /// inputs. Example: `states = ["level"]`.
    #[serde(deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<String>,
    /// Measured columns that every forecaster is given and none forecasts. Default: none.
    /// Example: `inputs = ["pump"]`.
    #[serde(deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<String>,
    /// Column that says which trajectory a row belongs to; numbers or text. Default: none, each file is one trajectory.
    /// Example: `trajectory = "run"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trajectory: Option<String>,
    /// Sheet of a workbook (XLSX, ODS). Default: its only sheet. Example: `sheet = "Table 1"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// Array to read in a file that holds several: a name in NPZ and MATLAB files, a path in HDF5 files. Default: all
    /// arrays of the same length. Example: `dataset = "run1/position"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// Axis of an array along which time runs, counted from 0. Default: the axis as long as the time array, else the
    /// longer of two and the middle of three. Example: `time_axis = 0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_axis: Option<usize>,
    /// Units of columns, for axes of plots; they replace those in the file. Default: what the file says.
    /// Example: `units = { level = "V", pump = "V" }`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub units: BTreeMap<String, String>,
    /// Treatment of missing cells. Default: `"split"`. Example: `missing = { interpolate = 5 }`.
    pub missing: Missing,
    /// Treatment of gaps in the times. Default: `"split"`. Example: `gaps = "error"`.
    pub gaps: Gaps,
    /// Treatment of rows with the same time. Default: `"error"`. Example: `duplicates = "first"`.
    pub duplicates: Duplicates,
    /// Treatment of times that go backwards. Default: `"error"`. Example: `steps_back = "split"`.
    pub steps_back: StepsBack,
    /// New sample interval: the recording is interpolated linearly, but never across gaps or missing cells. It is
    /// needed if the times are uneven. No low-pass filter is applied. Default: none. Example: `resample = 0.01`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resample: Option<f64>,
    /// What separates the cells of a text file: `","`, `";"`, `"|"`, `"tab"` or `"blank"` (a run of blanks).
    /// Default: found from the file. Example: `separator = ";"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separator: Option<String>,
    /// Decimal sign of a text file: `"."` or `","`. Default: found from the file. Example: `decimal = ","`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal: Option<String>,
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Gaps {
    /// A gap ends the segment.
    #[default]
    Split,
    /// The first one is an error.
    Error,
}

/// Treatment of rows of one trajectory with the same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StepsBack {
    /// The first one is an error.
    #[default]
    Error,
    /// Another trajectory starts there.
    Split,
    /// The rows of each trajectory are sorted by time.
    Sort,
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
