//! A compiled filter, and how it is matched. Nothing here allocates.

use serde_json::{Map, Number, Value};
use std::cmp::Ordering;

/// What is wanted of an object: all of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pattern {
    pub(super) fields: Vec<Field>,
    /// The patterns of `$or`, of which one must match; none where there is no `$or`.
    pub(super) or: Vec<Pattern>,
}

/// What is wanted of a field.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) wants: Wants,
}

/// What a field is to have.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Wants {
    /// An object, or objects in an array, of which one is like this.
    Within(Pattern),
    /// Any of these values.
    AnyOf {
        matchers: Vec<Matcher>,
        /// As it was written, for explanations.
        written: String,
    },
}

/// One thing that is wanted of a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Matcher {
    Null,
    Boolean(bool),
    Number(Number),
    Text { part: Part, text: String, ignores_case: bool },
    Numeric(Vec<(Comparison, Number)>),
    Exists(bool),
    AnythingBut(Vec<Matcher>),
}

/// Which part of a text is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    Beginning,
    End,
}

/// How a number is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// What comes of a comparison. The order is that of preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    /// It does not match.
    No,
    /// It matches, for all that was asked is that something be not there.
    Absent,
    /// It matches by something that is there.
    Present,
}

impl Pattern {
    /// Whether what is found in the place of an object matches.
    pub(super) fn verdict(&self, found: Option<&Value>) -> Verdict {
        match found {
            Some(Value::Array(items)) if !items.is_empty() => {
                let mut least = Verdict::Present;
                for item in items {
                    match self.verdict(Some(item)) {
                        Verdict::Present => return Verdict::Present,
                        // That something is not there must hold for all.
                        other => least = least.min(other),
                    }
                }
                least
            }
            Some(Value::Object(object)) => self.verdict_of(Some(object)),
            _ => self.verdict_of(None),
        }
    }

    /// Whether an object matches; none where something else is there, or nothing.
    fn verdict_of(&self, object: Option<&Map<String, Value>>) -> Verdict {
        let mut all = Verdict::Absent;
        for field in &self.fields {
            match field.verdict(object.and_then(|object| object.get(&field.name))) {
                Verdict::No => return Verdict::No,
                other => all = all.max(other),
            }
        }
        match self.verdict_of_or(object) {
            Some(Verdict::No) => Verdict::No,
            Some(other) => all.max(other),
            None => all,
        }
    }

    /// What comes of `$or`; none where there is no `$or`.
    pub(super) fn verdict_of_or(&self, object: Option<&Map<String, Value>>) -> Option<Verdict> {
        self.or.iter().map(|pattern| pattern.verdict_of(object)).max()
    }
}

impl Field {
    pub(super) fn verdict(&self, found: Option<&Value>) -> Verdict {
        match &self.wants {
            Wants::Within(pattern) => pattern.verdict(found),
            Wants::AnyOf { matchers, .. } => of_leaves(matchers, found).unwrap_or_else(|| {
                let may_be_absent = matchers.contains(&Matcher::Exists(false));
                if may_be_absent { Verdict::Absent } else { Verdict::No }
            }),
        }
    }
}

/// Whether any of the values found is wanted; none where there is no value.
fn of_leaves(matchers: &[Matcher], found: Option<&Value>) -> Option<Verdict> {
    match found? {
        Value::Object(_) => None,
        Value::Array(items) => items.iter().filter_map(|item| of_leaves(matchers, Some(item))).max(),
        leaf => {
            let is_wanted = matchers.iter().any(|matcher| matcher.matches(leaf));
            Some(if is_wanted { Verdict::Present } else { Verdict::No })
        }
    }
}

impl Matcher {
    /// Whether a value that is neither an array nor an object is wanted.
    fn matches(&self, leaf: &Value) -> bool {
        match (self, leaf) {
            (Self::Null, Value::Null) => true,
            (Self::Boolean(wanted), Value::Bool(found)) => wanted == found,
            (Self::Number(wanted), Value::Number(found)) => compare(found, wanted) == Some(Ordering::Equal),
            (Self::Text { part, text, ignores_case }, Value::String(found)) => {
                is_part(*part, text, *ignores_case, found)
            }
            (Self::Numeric(bounds), Value::Number(found)) => {
                bounds.iter().all(|(comparison, bound)| comparison.holds(compare(found, bound)))
            }
            (Self::Exists(wanted), _) => *wanted,
            (Self::AnythingBut(unwanted), _) => !unwanted.iter().any(|matcher| matcher.matches(leaf)),
            _ => false,
        }
    }
}

impl Comparison {
    pub(super) fn holds(self, ordering: Option<Ordering>) -> bool {
        ordering.is_some_and(|ordering| match self {
            Self::Equal => ordering.is_eq(),
            Self::Less => ordering.is_lt(),
            Self::AtMost => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::AtLeast => ordering.is_ge(),
        })
    }
}

/// Numbers by value.
pub(super) fn compare(one: &Number, other: &Number) -> Option<Ordering> {
    let whole = |number: &Number| number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    match (whole(one), whole(other)) {
        (Some(one), Some(other)) => Some(one.cmp(&other)),
        _ => one.as_f64()?.partial_cmp(&other.as_f64()?),
    }
}

fn is_part(part: Part, wanted: &str, ignores_case: bool, found: &str) -> bool {
    match (part, ignores_case) {
        (Part::Whole, false) => found == wanted,
        (Part::Beginning, false) => found.starts_with(wanted),
        (Part::End, false) => found.ends_with(wanted),
        (Part::Whole, true) => folded(found).eq(folded(wanted)),
        (Part::Beginning, true) => begins_with(folded(found), folded(wanted)),
        (Part::End, true) => begins_with(folded(found).rev(), folded(wanted).rev()),
    }
}

/// The letters of a text without regard to case.
fn folded(text: &str) -> impl DoubleEndedIterator<Item = char> {
    text.chars().flat_map(char::to_lowercase)
}

fn begins_with(mut found: impl Iterator<Item = char>, mut wanted: impl Iterator<Item = char>) -> bool {
    wanted.all(|letter| found.next() == Some(letter))
}
