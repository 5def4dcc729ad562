//! JSON Schema (2020-12), as far as events need it, for schemas that anybody may have written.
//!
//! Tenants bring schemas of their own, and what they bring is run with every event that they publish. So this is written for
//! a bounded cost and not for everything the standard has:
//!
//! - A schema has at most [`SCHEMA_BYTES_LIMIT`], and refers to nothing but parts of itself.
//! - What it asks for is counted in steps ([`Work`]), and stops when there are none left: schemas that refer to themselves,
//!   or that double with every level, end like any other.
//! - Regular expressions take time that is linear in the text.
//! - A keyword that is not understood is refused when the schema is read. None is silently without effect.
//!
//! Left out are references by name (`$anchor`,
//! `$dynamicRef`), `$id` other than the schema's own, and the `unevaluated…` keywords. `format` is checked, for the formats of
//! [`FORMATS`].

mod check;
mod format;
mod read;

#[cfg(test)]
mod tests;

pub use format::FORMATS;

use format::Format;
use regex_lite::Regex;
use serde_json::{Map, Number, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of a schema, at most, written without blanks.
pub const SCHEMA_BYTES_LIMIT: usize = 16 * 1024;
/// Characters of a regular expression, at most.
pub const PATTERN_LIMIT: usize = 256;
/// Violations listed of one document, at most.
pub const VIOLATIONS_LIMIT: usize = 20;
/// Mistakes listed of one schema, at most.
const MISTAKES_LIMIT: usize = 20;

/// What is wrong with a schema, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaMistake {
    /// Where, as a JSON pointer.
    pub pointer: String,
    /// What.
    pub detail: String,
}

/// What of a document its schema does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where in the document, as a JSON pointer.
    pub pointer: String,
    /// What.
    pub detail: String,
}

/// The steps that may be taken, over one document or several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    steps: u64,
}

impl Work {
    /// So many steps: about one for each keyword that is applied to a value, and one for each byte that a regular
    /// expression looks at.
    pub fn of_steps(steps: u64) -> Self {
        Self { steps }
    }
}

/// The steps did not suffice: the schema asks for too much of this document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("checking it by its schema takes too long")]
pub struct Exhausted;

/// A schema that was read.
#[derive(Debug, Clone)]
pub struct Schema {
    /// It and all parts of it; the first is the whole.
    parts: Vec<Part>,
}

/// The number of a part.
type PartId = usize;

/// One part of a schema: every keyword that it has.
#[derive(Debug, Clone, Default)]
struct Part {
    /// False for the schema `false`, which allows nothing.
    nothing: bool,
    reference: Option<PartId>,
    types: Option<BTreeSet<Type>>,
    values: Option<Vec<Value>>,
    constant: Option<Value>,
    minimum: Option<Number>,
    exclusive_minimum: Option<Number>,
    maximum: Option<Number>,
    exclusive_maximum: Option<Number>,
    multiple_of: Option<Number>,
    min_length: Option<u64>,
    max_length: Option<u64>,
    pattern: Option<Pattern>,
    format: Option<Format>,
    min_items: Option<u64>,
    max_items: Option<u64>,
    unique_items: bool,
    prefix_items: Vec<PartId>,
    items: Option<PartId>,
    contains: Option<PartId>,
    min_contains: Option<u64>,
    max_contains: Option<u64>,
    min_properties: Option<u64>,
    max_properties: Option<u64>,
    required: Vec<String>,
    dependent_required: BTreeMap<String, Vec<String>>,
    properties: BTreeMap<String, PartId>,
    pattern_properties: Vec<(Pattern, PartId)>,
    additional_properties: Option<PartId>,
    property_names: Option<PartId>,
    dependent_schemas: BTreeMap<String, PartId>,
    all_of: Vec<PartId>,
    any_of: Vec<PartId>,
    one_of: Vec<PartId>,
    not: Option<PartId>,
    condition: Option<PartId>,
    then: Option<PartId>,
    otherwise: Option<PartId>,
}

/// A regular expression, and the text that it was made of.
#[derive(Debug, Clone)]
struct Pattern {
    text: String,
    regex: Regex,
}

/// A type of JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Type {
    Null,
    Boolean,
    Object,
    Array,
    Number,
    Integer,
    String,
}

impl Type {
    const ALL: [Self; 7] =
        [Self::Null, Self::Boolean, Self::Object, Self::Array, Self::Number, Self::Integer, Self::String];

    fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Object => "object",
            Self::Array => "array",
            Self::Number => "number",
            Self::Integer => "integer",
            Self::String => "string",
        }
    }

    fn is_of(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Null, Value::Null)
            | (Self::Boolean, Value::Bool(_))
            | (Self::Object, Value::Object(_))
            | (Self::Array, Value::Array(_))
            | (Self::Number, Value::Number(_))
            | (Self::String, Value::String(_)) => true,
            (Self::Integer, Value::Number(number)) => is_whole(number),
            _ => false,
        }
    }
}

/// As the standard has it, 1.0 is a whole number.
fn is_whole(number: &Number) -> bool {
    number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|number| number.fract() == 0.0)
}

impl Schema {
    /// Reads a schema; of one that is wrong, all that is wrong with it (the first twenty).
    pub fn parse(schema: &Value) -> Result<Self, Vec<SchemaMistake>> {
        read::read(schema)
    }

    /// What of a document the schema does not allow: nothing, if it is valid. Of many violations the first are listed.
    pub fn check(&self, document: &Value, work: &mut Work) -> Result<Vec<Violation>, Exhausted> {
        check::check(self, document, work)
    }
}

/// A JSON pointer's next step.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The members of an object in an order of their own, for comparing.
fn sorted(object: &Map<String, Value>) -> BTreeMap<&str, &Value> {
    object.iter().map(|(name, value)| (name.as_str(), value)).collect()
}
