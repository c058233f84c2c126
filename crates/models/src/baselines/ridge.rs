//! The weight of a ridge, given or to be chosen.

use std::ops::RangeInclusive;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::fitted::check_range;

/// The weight of the squared readout beside the sum of squared errors of the scaled increments.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ridge {
    /// This weight.
    Fixed(f64),
    /// The one of [`Ridge::CANDIDATES`] whose forecasts over the validation part are best: `"auto"`.
    Auto,
}

impl Ridge {
    /// How an experiment file asks for a ridge to be chosen.
    pub const AUTO: &'static str = "auto";

    /// The weights that are tried, in steps of 10 where noise is likely and of 1,000 below.
    pub const CANDIDATES: [f64; 15] =
        [1e-18, 1e-15, 1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0];

    /// Says which value is impossible.
    pub(super) fn check(self, range: RangeInclusive<f64>) -> Result<(), String> {
        match self {
            Ridge::Fixed(value) => check_range("ridge", value, range),
            Ridge::Auto => Ok(()),
        }
    }

    /// The weight to fit with.
    pub(super) fn value(self) -> Result<f64, String> {
        match self {
            Ridge::Fixed(value) => Ok(value),
            Ridge::Auto => Err("ridge = \"auto\" must be chosen before the fit".into()),
        }
    }
}

impl Serialize for Ridge {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Ridge::Fixed(value) => serializer.serialize_f64(*value),
            Ridge::Auto => serializer.serialize_str(Self::AUTO),
        }
    }
}

impl<'de> Deserialize<'de> for Ridge {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Ridge;
            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("a number, or \"auto\" to choose it on the validation part")
            }
            fn visit_f64<E>(self, value: f64) -> Result<Ridge, E> {
                Ok(Ridge::Fixed(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Ridge, E> {
                Ok(Ridge::Fixed(value as f64))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Ridge, E> {
                Ok(Ridge::Fixed(value as f64))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Ridge, E> {
                if text == Ridge::AUTO {
                    Ok(Ridge::Auto)
                } else {
                    Err(E::invalid_value(de::Unexpected::Str(text), &self))
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl Ridge {
    /// The schema of one that must be at least `least`.
    pub(super) fn schema_from(least: f64) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "number", "minimum": least, "maximum": 1e6, "description": "This ridge parameter." },
                {
                    "const": Ridge::AUTO,
                    "description": "The one, out of 15 from 1e-18 to 10, whose forecasts over the validation part have \
                                    the smallest error. It takes about as long as 15 fits.",
                },
            ]
        })
    }
}

impl JsonSchema for Ridge {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Ridge".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        Ridge::schema_from(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ridge_is_a_number_or_auto() {
        let read = |text: &str| serde_json::from_str::<Ridge>(text).map_err(|fault| fault.to_string());
        assert_eq!(
            (read("1e-6"), read("0"), read("\"auto\"")),
            (Ok(Ridge::Fixed(1e-6)), Ok(Ridge::Fixed(0.0)), Ok(Ridge::Auto))
        );
        for ridge in [Ridge::Fixed(1e-18), Ridge::Auto] {
            assert_eq!(read(&serde_json::to_string(&ridge).unwrap()), Ok(ridge));
        }
        for wrong in ["\"best\"", "true", "[1]"] {
            let fault = read(wrong).unwrap_err();
            assert!(fault.contains("expected a number, or \"auto\""), "{fault}");
        }
    }
}
