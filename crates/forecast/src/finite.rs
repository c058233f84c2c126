//! JSON has no infinity: null stands for it, both ways.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(crate) fn serialize<S: Serializer>(x: &f64, to: S) -> Result<S::Ok, S::Error> {
    x.is_finite().then_some(x).serialize(to)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or(f64::INFINITY))
}

pub(crate) mod pair {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(pair: &[f64; 2], to: S) -> Result<S::Ok, S::Error> {
        list::serialize(pair, to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[f64; 2], D::Error> {
        let pair: [Option<f64>; 2] = Deserialize::deserialize(from)?;
        Ok(pair.map(|x| x.unwrap_or(f64::INFINITY)))
    }
}

pub(crate) mod list {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(list: &[f64], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(list.iter().map(|x| x.is_finite().then_some(x)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64>, D::Error> {
        let list: Vec<Option<f64>> = Vec::deserialize(from)?;
        Ok(list.into_iter().map(|x| x.unwrap_or(f64::INFINITY)).collect())
    }
}

/// A list of scores for which higher is better: null stands for minus infinity.
pub(crate) mod below {
    use super::*;

    pub(crate) use super::list::serialize;

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64>, D::Error> {
        let list: Vec<Option<f64>> = Vec::deserialize(from)?;
        Ok(list.into_iter().map(|x| x.unwrap_or(f64::NEG_INFINITY)).collect())
    }
}
