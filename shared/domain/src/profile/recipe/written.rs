//! A recipe as it is written.

use super::super::quantity::Unit;
use super::{CounterConstants, Encoding, Of};
use crate::counter::Bits;
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer, StrDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    /// Which network server's message the payload is in: where it, the sensor and the time are, is known then.
    pub(super) envelope: Option<String>,
    #[serde(default)]
    pub(super) only_if: Vec<WrittenCondition>,
    pub(super) decode: Option<WrittenDecoding>,
    /// The source of a script that makes readings of the message, in place of a table.
    pub(super) normalize: Option<String>,
    pub(super) each: Option<OneOrMore<String>>,
    pub(super) sensor_id: Option<OneOrMore<WrittenSensor>>,
    pub(super) timestamp: Option<OneOrMore<WrittenTime>>,
    #[serde(default)]
    pub(super) counter: CounterConstants,
    pub(super) quantities: Option<BTreeMap<String, OneOrMore<WrittenQuantity>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenDecoding {
    /// The name of a built-in decoder.
    pub(super) script: Option<String>,
    /// Or the source of one.
    pub(super) source: Option<String>,
    pub(super) payload: Option<OneOrMore<String>>,
    pub(super) encoding: Option<Encoding>,
    pub(super) f_port: Option<OneOrMore<String>>,
    #[serde(default)]
    pub(super) variables: BTreeMap<String, OneOrMore<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenCondition {
    pub(super) at: String,
    #[serde(default)]
    pub(super) of: Of,
    pub(super) is: Vec<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenSensor {
    pub(super) at: String,
    #[serde(default)]
    pub(super) of: Of,
    pub(super) after_last: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenTime {
    pub(super) at: String,
    #[serde(default)]
    pub(super) of: Of,
    pub(super) zone: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenQuantity {
    pub(super) at: String,
    #[serde(default)]
    pub(super) of: Of,
    #[serde(default)]
    pub(super) only_if: Vec<WrittenCondition>,
    #[serde(default)]
    pub(super) table: BTreeMap<String, Value>,
    pub(super) otherwise: Option<Value>,
    #[serde(default)]
    pub(super) absent: Vec<Value>,
    #[serde(default)]
    pub(super) count: bool,
    #[serde(default)]
    pub(super) flatten: bool,
    pub(super) unit: Option<Unit>,
    pub(super) scale: Option<f64>,
    pub(super) bits: Option<Bits>,
}

/// One, or an array. Told apart by what is there, so that a mistake is told of what was meant.
#[derive(Debug)]
pub(super) enum OneOrMore<T> {
    One(T),
    More(Vec<T>),
}

impl<T> OneOrMore<T> {
    fn all(self) -> Vec<T> {
        match self {
            Self::One(one) => vec![one],
            Self::More(all) => all,
        }
    }

    /// These, and then those.
    pub(super) fn followed_by(self, others: Self) -> Self {
        Self::More(self.all().into_iter().chain(others.all()).collect())
    }

    /// All, each with the end of its pointer.
    pub(super) fn placed(self) -> Vec<(String, T)> {
        match self {
            Self::One(one) => vec![(String::new(), one)],
            Self::More(all) => all.into_iter().enumerate().map(|(place, one)| (format!("/{place}"), one)).collect(),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMore<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMoreOf<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrMoreOf<T> {
            type Value = OneOrMore<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one, or an array of them")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
                T::deserialize(StrDeserializer::new(text)).map(OneOrMore::One)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(OneOrMore::One)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(items)).map(OneOrMore::More)
            }
        }

        deserializer.deserialize_any(OneOrMoreOf(PhantomData))
    }
}
