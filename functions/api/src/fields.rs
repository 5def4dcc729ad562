//! Reading the fields of a JSON body so that all mistakes are found at once.
//!
//! `serde` stops at the first mistake. Here each field is read by itself, what is wrong is noted with its JSON pointer,
//! and reading goes on; only at the end is it decided whether there is a value or a list of mistakes.

use crate::problem::{FieldError, Problem};
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Display;

/// What is wrong with a body, as far as it was read.
#[derive(Debug, Default)]
pub struct Errors(RefCell<Vec<FieldError>>);

impl Errors {
    /// Notes that what is at this place is wrong.
    pub fn refuse(&self, pointer: &str, detail: impl Into<String>) {
        let pointer = Some(pointer.to_owned());
        self.add(FieldError { pointer, detail: detail.into(), ..FieldError::default() });
    }

    /// Notes a mistake.
    pub fn add(&self, error: FieldError) {
        self.0.borrow_mut().push(error);
    }

    /// How many mistakes were noted.
    pub fn count(&self) -> usize {
        self.0.borrow().len()
    }

    /// All mistakes noted.
    pub fn into_all(self) -> Vec<FieldError> {
        self.0.into_inner()
    }

    /// The value, or all mistakes. A reader gives no value only after it noted why.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Problem> {
        let errors = self.0.into_inner();
        match value {
            Some(value) if errors.is_empty() => Ok(value),
            None if errors.is_empty() => Err(Problem::internal("a body was refused without a reason")),
            _ => Err(Problem::of_errors(errors)),
        }
    }
}

/// A value of a body, and its place.
#[derive(Debug, Clone)]
pub struct At<'a> {
    value: &'a Value,
    pointer: String,
    errors: &'a Errors,
}

impl<'a> At<'a> {
    /// The whole body.
    pub fn root(value: &'a Value, errors: &'a Errors) -> Self {
        Self { value, pointer: String::new(), errors }
    }

    /// Its JSON pointer.
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// The value itself.
    pub fn value(&self) -> &'a Value {
        self.value
    }

    /// The text of a member of an object, where there is one; notes nothing.
    pub fn peek(&self, name: &str) -> Option<&'a str> {
        self.value.get(name)?.as_str()
    }

    /// Notes that it is wrong.
    pub fn refuse<T>(&self, detail: impl Into<String>) -> Option<T> {
        self.errors.refuse(&self.pointer, detail);
        None
    }

    /// Notes that what is within it at a JSON pointer is wrong.
    pub fn refuse_within<T>(&self, pointer: &str, detail: impl Into<String>) -> Option<T> {
        self.errors.refuse(&format!("{}{pointer}", self.pointer), detail);
        None
    }

    /// Notes that it is wrong, and which rule of the guard says so.
    pub fn refuse_receiver<T>(&self, rule: &str, detail: impl Into<String>) -> Option<T> {
        self.errors.add(FieldError {
            pointer: Some(self.pointer.clone()),
            rule: Some(rule.to_owned()),
            detail: detail.into(),
            ..FieldError::default()
        });
        None
    }

    /// A text.
    pub fn text(&self) -> Option<&'a str> {
        self.value.as_str().or_else(|| self.refuse("must be a text"))
    }

    /// True or false.
    pub fn boolean(&self) -> Option<bool> {
        self.value.as_bool().or_else(|| self.refuse("must be true or false"))
    }

    /// A whole number that is not negative, where it is one; notes nothing. `981.0` is one, too: JSON knows one kind of
    /// number, and some clients write all of theirs so.
    pub fn whole_number(&self) -> Option<u64> {
        let exact = 0.0..=9_007_199_254_740_992.0;
        let written_as_fraction =
            || self.value.as_f64().filter(|number| number.fract() == 0.0 && exact.contains(number));
        self.value.as_u64().or_else(|| format!("{:.0}", written_as_fraction()?).parse().ok())
    }

    /// A text of a certain form.
    pub fn parsed<T, E: Display>(&self, parse: impl FnOnce(&'a str) -> Result<T, E>) -> Option<T> {
        parse(self.text()?).map_err(|error| self.refuse::<T>(error.to_string())).ok()
    }

    /// A text of at most so many characters, none of them a control character other than a line end.
    pub fn prose(&self, most: usize) -> Option<String> {
        let text = self.text()?;
        if text.chars().count() > most {
            return self.refuse(format!("must have at most {most} characters"));
        }
        if text.chars().any(|c| c.is_control() && c != '\n') {
            return self.refuse("must not have control characters other than line ends");
        }
        Some(text.to_owned())
    }

    /// The items of an array.
    pub fn items(&self, least: usize, most: usize) -> Option<Vec<At<'a>>> {
        let Some(items) = self.value.as_array() else { return self.refuse("must be an array") };
        if items.len() < least {
            return self.refuse(format!("must have at least {least} item"));
        }
        if items.len() > most {
            return self.refuse(format!("has {} items; at most {most} are allowed", items.len()));
        }
        let at = |(place, value)| At { value, pointer: format!("{}/{place}", self.pointer), errors: self.errors };
        Some(items.iter().enumerate().map(at).collect())
    }

    /// An array whose items are texts of a certain form, none of them twice.
    pub fn set<T: Ord, E: Display>(
        &self,
        least: usize,
        most: usize,
        parse: impl Fn(&'a str) -> Result<T, E>,
    ) -> Option<BTreeSet<T>> {
        let mut set = BTreeSet::new();
        let mut complete = true;
        for item in self.items(least, most)? {
            let value = item.parsed(&parse);
            complete &= match value {
                Some(value) => set.insert(value) || item.refuse::<()>("is there twice").is_some(),
                None => false,
            };
        }
        complete.then_some(set)
    }

    /// The entries of an object whose names are the client's.
    pub fn entries(&self) -> Option<Vec<(&'a str, At<'a>)>> {
        let Some(object) = self.value.as_object() else { return self.refuse("must be an object") };
        Some(object.iter().map(|(name, value)| (name.as_str(), self.member(name, value))).collect())
    }

    /// The fields of an object whose names are ours: others are refused.
    pub fn fields(&self, known: &'static [&'static str]) -> Option<Fields<'a>> {
        let Some(object) = self.value.as_object() else { return self.refuse("must be an object") };
        for (name, value) in object {
            if !known.contains(&name.as_str()) {
                self.member(name, value).refuse::<()>(unknown(name, known));
            }
        }
        Some(Fields { object, at: self.clone() })
    }

    fn member(&self, name: &str, value: &'a Value) -> At<'a> {
        let name = name.replace('~', "~0").replace('/', "~1");
        At { value, pointer: format!("{}/{name}", self.pointer), errors: self.errors }
    }
}

/// The fields of an object.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    object: &'a Map<String, Value>,
    at: At<'a>,
}

impl<'a> Fields<'a> {
    /// A field that must be there.
    pub fn required<T>(&self, name: &str, read: impl FnOnce(&At<'a>) -> Option<T>) -> Option<T> {
        match self.object.get(name) {
            None | Some(Value::Null) => {
                self.at.errors.refuse(&format!("{}/{name}", self.at.pointer), "is required");
                None
            }
            Some(value) => read(&self.at.member(name, value)),
        }
    }

    /// A field that may be missing or null: then it has its default, which is `Some`. `None` is a mistake.
    pub fn optional<T: Default>(&self, name: &str, read: impl FnOnce(&At<'a>) -> Option<T>) -> Option<T> {
        match self.object.get(name) {
            None | Some(Value::Null) => Some(T::default()),
            Some(value) => read(&self.at.member(name, value)),
        }
    }

    /// True where the field is there, be it null.
    pub fn has(&self, name: &str) -> bool {
        self.object.contains_key(name)
    }
}

/// Fields that an answer has and a request may not.
const READ_ONLY: [&str; 13] = [
    "id",
    "disabled",
    "created_at",
    "updated_at",
    "revision",
    "signing_secret",
    "previous_signing_secret_until",
    "health",
    "credentials_set",
    "space_id",
    "sensor_ids",
    "sensor_group_id",
    "sensor_group_ref_ids",
];

/// That a name is not known, with the one that may have been meant.
pub fn unknown(name: &str, known: &[&str]) -> String {
    if READ_ONLY.contains(&name) {
        return "is set by Spacehook and can't be set by a request".to_owned();
    }
    let folded = name.to_lowercase().replace('-', "_");
    let near = known.iter().map(|candidate| (strsim::damerau_levenshtein(&folded, candidate), candidate)).min();
    match near {
        // A third of the letters may differ: more is another word.
        Some((distance, candidate)) if distance * 3 <= candidate.len().max(3) => {
            format!("is not known; did you mean '{candidate}'?")
        }
        _ => format!("is not known; known are {}", known.join(", ")),
    }
}
