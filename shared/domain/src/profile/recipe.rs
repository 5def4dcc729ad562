//! What a recipe is. There is none that can't be followed: [`Recipe::read`] is the only way to have one.

mod check;
mod written;

pub use check::Mistake;
pub(crate) use check::parse_offset;

use super::decoding::Entry;
use super::quantity::{QuantityName, Unit};
use crate::counter::{Bits, Resets};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Ways to find one thing, at most; also items to make readings of, conditions and variables.
pub const WAYS_LIMIT: usize = 32;
/// Bytes of the source of a script, at most. The longest decoder that Milesight publishes of its devices has 83,000.
pub const SCRIPT_BYTES_LIMIT: usize = 128 * 1_024;

/// From a vendor's message to readings.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// What must hold of an item; of others nothing is made.
    pub(super) only_if: Vec<Condition>,
    /// How its binary payload is read: `/decoded` has what it says.
    pub(super) decoding: Option<Decoding>,
    /// The sensor; that of the topic where nothing is found.
    pub(super) sensor_id: Vec<Sensor>,
    /// When it was observed; when it arrived where nothing is found.
    pub(super) timestamp: Vec<Time>,
    /// How the totals of entries and exits are counted.
    pub(super) counter: CounterConstants,
    /// How readings are made.
    pub(super) making: Making,
}

/// What is the same for all counters of a kind: the fields of the native form, each absent where it is as usual.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CounterConstants {
    /// 16 or 32.
    #[serde(rename(serialize = "counter_bits"), skip_serializing_if = "Option::is_none")]
    pub bits: Option<Bits>,
    /// When it begins at 0.
    #[serde(rename(serialize = "counter_resets"), skip_serializing_if = "Option::is_none")]
    pub resets: Option<Resets>,
    /// Whose midnight: such as `+01:00`.
    #[serde(rename(serialize = "counter_utc_offset"), skip_serializing_if = "Option::is_none")]
    pub utc_offset: Option<String>,
}

/// How readings are made of a message.
#[derive(Debug, Clone)]
pub(super) enum Making {
    /// By a table.
    Table {
        /// Where the items are that a reading is made of each: objects, or arrays of them. None: the message itself.
        each: Vec<String>,
        /// What is made of an item: of each quantity the first way that finds something.
        quantities: BTreeMap<QuantityName, Vec<Quantity>>,
    },
    /// By a script's `normalize(data, meta)`.
    Script(Script),
}

/// The source of a script.
pub(super) type Script = Cow<'static, str>;

/// Where a binary payload stands, and what reads it.
#[derive(Debug, Clone)]
pub(super) struct Decoding {
    /// The decoder.
    pub(super) script: Script,
    /// Where the payload is.
    pub(super) payload: Vec<String>,
    /// How it is written.
    pub(super) encoding: Encoding,
    /// Where the port is, as a number or a text.
    pub(super) f_port: Vec<String>,
    /// What the decoder may know besides: by name, where it is.
    pub(super) variables: BTreeMap<String, Vec<String>>,
}

/// How bytes are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Base64, with padding.
    #[default]
    Base64,
    /// Two digits a byte.
    Hex,
}

/// Of what a pointer is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// The item.
    #[default]
    Item,
    /// The message that the item is in.
    Message,
}

/// What must hold: the value is one of these.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    pub(super) at: String,
    pub(super) of: Of,
    pub(super) is: Vec<Value>,
}

/// Where the name of a sensor stands.
#[derive(Debug, Clone)]
pub(super) struct Sensor {
    /// Where: a text or a whole number.
    pub(super) at: String,
    pub(super) of: Of,
    /// What is after the last of this text counts: of a path its last part.
    pub(super) after_last: Option<String>,
}

/// Where a time stands.
#[derive(Debug, Clone)]
pub(super) struct Time {
    pub(super) at: String,
    pub(super) of: Of,
    /// What a text without an offset from UTC means.
    pub(super) zone: TimeZone,
}

/// Where a quantity stands, and how to read it.
#[derive(Debug, Clone)]
pub(super) struct Quantity {
    pub(super) at: String,
    pub(super) of: Of,
    /// What must hold of the item.
    pub(super) only_if: Vec<Condition>,
    /// What its words mean, in lower case.
    pub(super) table: BTreeMap<String, Value>,
    /// What all other words mean; they are refused where not given.
    pub(super) otherwise: Option<Value>,
    /// Values that say that nothing was measured: as if nothing stood there.
    pub(super) absent: Vec<Value>,
    /// True: the number of items of the array that stands there.
    pub(super) count: bool,
    /// True: what stands there are arrays in an array, and their items count.
    pub(super) flatten: bool,
    /// In which unit it stands there; in that of readings where not given.
    pub(super) unit: Option<Unit>,
    /// What a number is multiplied with to be in that unit.
    pub(super) scale: Option<f64>,
    /// Of a total: in how many bits it is counted; as of all counters of the kind where not given.
    pub(super) bits: Option<Bits>,
}

impl Recipe {
    /// Reads a recipe; or says everything that is wrong with it, but only the first thing that has a wrong shape.
    pub fn read(written: &Value) -> Result<Self, Vec<Mistake>> {
        check::read(written)
    }

    /// The sources of the scripts that it brings itself: where each stands in it, and what each must have.
    pub fn own_scripts(&self) -> impl Iterator<Item = (&'static str, &str, Entry)> {
        let decoder = self.decoding.as_ref().and_then(|decoding| own_source(&decoding.script));
        let normalize = match &self.making {
            Making::Script(script) => own_source(script),
            Making::Table { .. } => None,
        };
        let decoder = decoder.map(|source| ("/decode/source", source, Entry::Decoder));
        decoder.into_iter().chain(normalize.map(|source| ("/normalize", source, Entry::Normalize)))
    }
}

/// The source, unless it is built in.
fn own_source(script: &Script) -> Option<&str> {
    match script {
        Cow::Borrowed(_) => None,
        Cow::Owned(source) => Some(source),
    }
}
