//! Filters on the fields of an event: the documented pattern syntax of `EventBridge`, a typed subset of it.
//!
//! A filter is a JSON object of the shape of the record it looks at. A field that it names has an array of what is
//! wanted there (one of it is enough), or an object for the fields within. All fields that it names must match.
//!
//! | wanted | matches |
//! |---|---|
//! | `"open"`, `7`, `true`, `null` | that very value |
//! | `{"prefix": "a"}`, `{"suffix": "a"}` | a text that begins or ends so |
//! | `{"equals-ignore-case": "a"}`, and as the value of `prefix` and `suffix` | the same without regard to case |
//! | `{"anything-but": …}` | a value that is there and is none of these |
//! | `{"numeric": [">", 0, "<=", 5]}` | a number so compared: by `=`, `<`, `<=`, `>`, `>=`, or within two bounds |
//! | `{"exists": true}`, `{"exists": false}` | a field that has a value that is no object; one that has none |
//! | `"$or": [{…}, {…}]` in the place of a field | where one of these patterns does |
//!
//! What `anything-but` takes is a text or a number, a list of either, or `prefix`, `suffix` or `equals-ignore-case` with
//! one text or a list of them.
//!
//! **Arrays.** A field whose value is an array matches if any of its items does, however deep; and what a pattern says
//! of several fields of an object in an array must hold for *one* item of it. `exists: false` by itself must hold for all.
//!
//! **Numbers** compare by value: 300, 300.0 and 3.0e2 are one. (`EventBridge` documents that these differ where a number
//! is to be equal, and are the same under `numeric`.) Whole numbers compare exactly, others as 64-bit floating point.
//! `numeric` has no bounds here; in `EventBridge` it ends at 5 × 10⁹ and six decimals.
//!
//! **Left out** are `wildcard` and `cidr`; names with dots are names, and no paths; `$or` always is the alternative.
//!
//! **Bounds.** [`CHARACTERS_LIMIT`], [`FIELDS_LIMIT`], [`DEPTH_LIMIT`] and [`COMBINATIONS_LIMIT`]; the last is counted as
//! SNS counts a filter on a payload: for each field the number of values times its level, all multiplied. What
//! `anything-but` lists counts one by one; alternatives of `$or` are added up, and are on the level that `$or` is on.
//! Matching visits each value of an event at most once for each part of a filter.

mod compile;
mod explain;
mod pattern;
#[cfg(test)]
mod tests;

use pattern::{Pattern, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// Characters of a filter, written without blanks, at most.
pub const CHARACTERS_LIMIT: usize = 2_048;
/// Fields that a filter looks at, at most, wherever they are in it.
pub const FIELDS_LIMIT: usize = 5;
/// Combinations, at most.
pub const COMBINATIONS_LIMIT: u64 = 150;
/// Levels of objects within each other, at most; those of `$or` count, too.
pub const DEPTH_LIMIT: usize = 8;

/// A filter, ready to match.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Filter {
    json: Value,
    pattern: Pattern,
}

/// A mistake in a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Its place in the filter: a JSON pointer.
    pub pointer: String,
    /// What is wrong there, and what would be right.
    pub detail: String,
}

/// Why JSON is no filter: all of its mistakes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidFilter(Vec<Mistake>);

impl InvalidFilter {
    /// The mistakes; at least one.
    pub fn mistakes(&self) -> &[Mistake] {
        &self.0
    }
}

impl fmt::Display for InvalidFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, mistake) in self.0.iter().enumerate() {
            let between = if place == 0 { "" } else { "; " };
            write!(f, "{between}'{}' {}", mistake.pointer, mistake.detail)?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidFilter {}

impl Filter {
    /// Takes a filter, refusing one that has mistakes, or is larger than the bounds.
    pub fn parse(json: Value) -> Result<Self, InvalidFilter> {
        let pattern = compile::compile(&json)?;
        Ok(Self { json, pattern })
    }

    /// As it was written.
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// Whether an event with this data matches: the record, or any record of an array.
    pub fn matches(&self, data: &Value) -> bool {
        self.pattern.verdict(Some(data)) != Verdict::No
    }

    /// Why an event with this data does not match, in words that follow "the filter does not match: "; none where it does.
    pub fn refusal(&self, data: &Value) -> Option<String> {
        if self.matches(data) { None } else { Some(explain::refusal(&self.pattern, data)) }
    }
}

/// The same JSON, in whatever order its names are.
impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        self.json == other.json
    }
}

impl TryFrom<String> for Filter {
    type Error = InvalidFilter;
    fn try_from(text: String) -> Result<Self, InvalidFilter> {
        let json = serde_json::from_str(&text).map_err(|error| {
            InvalidFilter(vec![Mistake { pointer: String::new(), detail: format!("is not JSON: {error}") }])
        })?;
        Self::parse(json)
    }
}

/// One text, not the values that it holds: numbers then read back as they were written, wherever it was stored.
impl From<Filter> for String {
    fn from(filter: Filter) -> Self {
        filter.json.to_string()
    }
}
