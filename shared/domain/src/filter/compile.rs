//! Compiling a filter, with every mistake noted at its place.

use super::pattern::{Comparison, Field, Matcher, Part, Pattern, Wants, compare};
use super::{CHARACTERS_LIMIT, COMBINATIONS_LIMIT, DEPTH_LIMIT, FIELDS_LIMIT, InvalidFilter, Mistake};
use serde_json::{Map, Number, Value};
use std::cmp::Ordering;

const OR: &str = "$or";
const OPERATORS: &str = "prefix, suffix, equals-ignore-case, anything-but, numeric and exists";
const RANGE: &str = "must be a comparison and a number, as in [\"<=\", 5], or a lower and then an upper bound, as in \
                     [\">\", 0, \"<=\", 5]; comparisons are =, <, <=, > and >=";

/// Compiles, or tells all mistakes.
pub(super) fn compile(json: &Value) -> Result<Pattern, InvalidFilter> {
    let characters = json.to_string().chars().count();
    if characters > CHARACTERS_LIMIT {
        // Not looked at: its mistakes could be as many.
        let detail =
            format!("has {characters} characters, written without blanks; at most {CHARACTERS_LIMIT} are allowed");
        return Err(InvalidFilter(vec![Mistake { pointer: String::new(), detail }]));
    }
    let mut reading = Reading { mistakes: Vec::new(), fields: 0 };
    let at = At { value: json, pointer: String::new() };
    let pattern = reading.pattern(&at, 1);
    if reading.fields > FIELDS_LIMIT {
        let detail = format!("looks at {} fields; at most {FIELDS_LIMIT} are allowed", reading.fields);
        at.refuse::<()>(&mut reading, detail);
    }
    let combinations = pattern.as_ref().map_or(0, |pattern| combinations(pattern, 1));
    if combinations > COMBINATIONS_LIMIT {
        at.refuse::<()>(
            &mut reading,
            format!(
                "has {combinations} combinations (for each field the number of values times its level, all multiplied); \
                 at most {COMBINATIONS_LIMIT} are allowed"
            ),
        );
    }
    match pattern {
        Some(pattern) if reading.mistakes.is_empty() => Ok(pattern),
        _ => Err(InvalidFilter(reading.mistakes)),
    }
}

/// What has been found so far.
struct Reading {
    mistakes: Vec<Mistake>,
    fields: usize,
}

/// A value, and its place.
struct At<'a> {
    value: &'a Value,
    pointer: String,
}

impl<'a> At<'a> {
    fn member(&self, name: &str, value: &'a Value) -> Self {
        let name = name.replace('~', "~0").replace('/', "~1");
        Self { value, pointer: format!("{}/{name}", self.pointer) }
    }

    fn items(&self, items: &'a [Value]) -> Vec<Self> {
        let item = |(place, value)| Self { value, pointer: format!("{}/{place}", self.pointer) };
        items.iter().enumerate().map(item).collect()
    }

    fn refuse<T>(&self, reading: &mut Reading, detail: impl Into<String>) -> Option<T> {
        reading.mistakes.push(Mistake { pointer: self.pointer.clone(), detail: detail.into() });
        None
    }
}

impl Reading {
    fn pattern(&mut self, at: &At<'_>, depth: usize) -> Option<Pattern> {
        let Some(object) = at.value.as_object() else {
            return at.refuse(self, "must be an object with the names of fields");
        };
        if object.is_empty() {
            return at.refuse(self, "names no field: name at least one");
        }
        if depth > DEPTH_LIMIT {
            return at.refuse(self, format!("is more than {DEPTH_LIMIT} levels deep"));
        }
        let (mut fields, mut or, mut complete) = (Vec::new(), Vec::new(), true);
        for (name, value) in object {
            let at = at.member(name, value);
            if name == OR {
                let read = self.or(&at, depth);
                complete &= read.is_some();
                or = read.unwrap_or_default();
            } else {
                let wants = self.wants(&at, depth);
                complete &= wants.is_some();
                fields.extend(wants.map(|wants| Field { name: name.clone(), wants }));
            }
        }
        complete.then_some(Pattern { fields, or })
    }

    fn or(&mut self, at: &At<'_>, depth: usize) -> Option<Vec<Pattern>> {
        let items = at.value.as_array().filter(|items| items.len() >= 2);
        let Some(items) = items else {
            return at
                .refuse(self, "must be an array of at least two patterns, each an object; one of them must match");
        };
        // Each is read, so that the mistakes of each are told.
        let read: Vec<_> = at.items(items).iter().map(|item| self.pattern(item, depth + 1)).collect();
        read.into_iter().collect()
    }

    fn wants(&mut self, at: &At<'_>, depth: usize) -> Option<Wants> {
        match at.value {
            Value::Object(_) => self.pattern(at, depth + 1).map(Wants::Within),
            Value::Array(values) => {
                self.fields += 1;
                if values.is_empty() {
                    return at.refuse(self, "must have at least one value that is wanted");
                }
                let read: Vec<_> = at.items(values).iter().map(|value| self.matcher(value)).collect();
                let matchers = read.into_iter().collect::<Option<_>>()?;
                Some(Wants::AnyOf { matchers, written: at.value.to_string() })
            }
            single => at.refuse(
                self,
                format!("must be an array of what is wanted, such as [{single}], or an object for the fields within"),
            ),
        }
    }

    fn matcher(&mut self, at: &At<'_>) -> Option<Matcher> {
        match at.value {
            Value::Null => Some(Matcher::Null),
            Value::Bool(wanted) => Some(Matcher::Boolean(*wanted)),
            Value::Number(wanted) => Some(Matcher::Number(wanted.clone())),
            Value::String(wanted) => Some(whole(wanted)),
            Value::Array(_) => at.refuse(self, "must be one value: list the values that are wanted beside each other"),
            Value::Object(object) => self.operator(at, object),
        }
    }

    fn operator(&mut self, at: &At<'_>, object: &Map<String, Value>) -> Option<Matcher> {
        let mut entries = object.iter();
        let (Some((name, value)), None) = (entries.next(), entries.next()) else {
            return at.refuse(self, format!("must have exactly one operator; the operators are {OPERATORS}"));
        };
        let at = At { value, pointer: at.member(name, value).pointer };
        match name.as_str() {
            "prefix" => self.text(&at, Part::Beginning),
            "suffix" => self.text(&at, Part::End),
            "equals-ignore-case" => self.ignoring_case(&at, Part::Whole),
            "exists" => match value {
                Value::Bool(wanted) => Some(Matcher::Exists(*wanted)),
                _ => at.refuse(self, "must be true or false"),
            },
            "numeric" => self.numeric(&at),
            "anything-but" => self.anything_but(&at).map(Matcher::AnythingBut),
            _ => at.refuse(self, format!("is not an operator; the operators are {OPERATORS}")),
        }
    }

    /// A text, or one without regard to case.
    fn text(&mut self, at: &At<'_>, part: Part) -> Option<Matcher> {
        match at.value {
            Value::String(text) if !text.is_empty() => {
                Some(Matcher::Text { part, text: text.clone(), ignores_case: false })
            }
            Value::Object(object) if object.len() == 1 && object.contains_key("equals-ignore-case") => {
                let inner = at.member("equals-ignore-case", &object["equals-ignore-case"]);
                self.ignoring_case(&At { value: inner.value, pointer: inner.pointer }, part)
            }
            _ => at.refuse(self, "must be a text that is not empty, or {\"equals-ignore-case\": …} with one"),
        }
    }

    fn ignoring_case(&mut self, at: &At<'_>, part: Part) -> Option<Matcher> {
        match at.value {
            Value::String(text) if part == Part::Whole || !text.is_empty() => {
                Some(Matcher::Text { part, text: text.clone(), ignores_case: true })
            }
            Value::String(_) => at.refuse(self, "must not be empty"),
            _ => at.refuse(self, "must be a text"),
        }
    }

    fn numeric(&mut self, at: &At<'_>) -> Option<Matcher> {
        let bounds = at.value.as_array().and_then(|items| read_bounds(items));
        let Some(bounds) = bounds else { return at.refuse(self, RANGE) };
        if let [(_, low), (_, high)] = &bounds[..]
            && compare(low, high) != Some(Ordering::Less)
        {
            return at.refuse(self, format!("is empty: the lower bound {low} must be less than the upper one, {high}"));
        }
        Some(Matcher::Numeric(bounds))
    }

    fn anything_but(&mut self, at: &At<'_>) -> Option<Vec<Matcher>> {
        const WANTED: &str = "must be a text or a number, a list of only texts or only numbers, or prefix, suffix or \
                              equals-ignore-case with one text or a list";
        match at.value {
            Value::String(text) => Some(vec![whole(text)]),
            Value::Number(number) => Some(vec![Matcher::Number(number.clone())]),
            Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_string) => {
                Some(items.iter().filter_map(Value::as_str).map(whole).collect())
            }
            Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_number) => {
                Some(items.iter().filter_map(Value::as_number).cloned().map(Matcher::Number).collect())
            }
            Value::Object(object) if object.len() == 1 => {
                let (name, value) = object.iter().next()?;
                let inner = at.member(name, value);
                let (part, ignores_case) = match name.as_str() {
                    "prefix" => (Part::Beginning, false),
                    "suffix" => (Part::End, false),
                    "equals-ignore-case" => (Part::Whole, true),
                    _ => return at.refuse(self, WANTED),
                };
                let all = inner.value.as_array().filter(|items| !items.is_empty());
                let all = all.map_or_else(
                    || vec![At { value: inner.value, pointer: inner.pointer.clone() }],
                    |all| inner.items(all),
                );
                let read: Vec<_> = all
                    .iter()
                    .map(|one| if ignores_case { self.ignoring_case(one, part) } else { self.text(one, part) })
                    .collect();
                read.into_iter().collect()
            }
            _ => at.refuse(self, WANTED),
        }
    }
}

fn whole(text: &str) -> Matcher {
    Matcher::Text { part: Part::Whole, text: text.to_owned(), ignores_case: false }
}

fn read_bounds(items: &[Value]) -> Option<Vec<(Comparison, Number)>> {
    let bound = |pair: &[Value]| {
        let comparison = match pair.first()?.as_str()? {
            "=" => Comparison::Equal,
            "<" => Comparison::Less,
            "<=" => Comparison::AtMost,
            ">" => Comparison::Greater,
            ">=" => Comparison::AtLeast,
            _ => return None,
        };
        Some((comparison, pair.get(1)?.as_number()?.clone()))
    };
    let bounds: Vec<_> = items.chunks(2).map(bound).collect::<Option<_>>()?;
    match &bounds[..] {
        [_] | [(Comparison::Greater | Comparison::AtLeast, _), (Comparison::Less | Comparison::AtMost, _)] => {
            Some(bounds)
        }
        _ => None,
    }
}

/// The combinations of a pattern whose fields are on this level.
fn combinations(pattern: &Pattern, level: u64) -> u64 {
    let of_field = |field: &Field| match &field.wants {
        Wants::Within(within) => combinations(within, level.saturating_add(1)),
        Wants::AnyOf { matchers, .. } => matchers.iter().map(values).fold(0, u64::saturating_add).saturating_mul(level),
    };
    let of_fields = pattern.fields.iter().map(of_field).fold(1, u64::saturating_mul);
    if pattern.or.is_empty() {
        return of_fields;
    }
    let of_or = pattern.or.iter().map(|one| combinations(one, level)).fold(0, u64::saturating_add);
    of_fields.saturating_mul(of_or)
}

fn values(matcher: &Matcher) -> u64 {
    match matcher {
        Matcher::AnythingBut(unwanted) => u64::try_from(unwanted.len()).unwrap_or(u64::MAX),
        _ => 1,
    }
}
