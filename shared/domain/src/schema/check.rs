//! Checking a document by a schema.

use super::{Exhausted, Part, PartId, Pattern, Schema, Type, VIOLATIONS_LIMIT, Violation, Work, escaped, sorted};
use serde_json::{Map, Number, Value};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Parts that are within each other at a time, at most.
const DEPTH_LIMIT: usize = 100;

pub(super) fn check(schema: &Schema, document: &Value, work: &mut Work) -> Result<Vec<Violation>, Exhausted> {
    let mut check = Check { schema, work, depth: 0, found: Vec::new(), quiet: 0 };
    check.part(0, document, &Place::Root)?;
    Ok(check.found)
}

/// Where in the document, as the way back to its beginning.
enum Place<'a> {
    Root,
    Member(&'a Place<'a>, &'a str),
    Item(&'a Place<'a>, usize),
}

impl Place<'_> {
    fn pointer(&self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Member(of, name) => format!("{}/{}", of.pointer(), escaped(name)),
            Self::Item(of, number) => format!("{}/{number}", of.pointer()),
        }
    }
}

struct Check<'a> {
    schema: &'a Schema,
    work: &'a mut Work,
    depth: usize,
    found: Vec<Violation>,
    /// Above 0 it is only asked whether a part holds, and nothing is noted.
    quiet: usize,
}

impl Check<'_> {
    fn step(&mut self, steps: usize) -> Result<(), Exhausted> {
        let steps = u64::try_from(steps).unwrap_or(u64::MAX);
        self.work.steps = self.work.steps.checked_sub(steps).ok_or(Exhausted)?;
        Ok(())
    }

    /// Notes that something does not hold.
    fn violated(&mut self, at: &Place<'_>, detail: impl FnOnce() -> String) -> bool {
        if self.quiet == 0 && self.found.len() < VIOLATIONS_LIMIT {
            self.found.push(Violation { pointer: at.pointer(), detail: detail() });
        }
        false
    }

    fn require(&mut self, holds: bool, at: &Place<'_>, detail: impl FnOnce() -> String) -> bool {
        holds || self.violated(at, detail)
    }

    /// Whether a part holds; notes nothing.
    fn holds(&mut self, part: PartId, value: &Value, at: &Place<'_>) -> Result<bool, Exhausted> {
        self.quiet += 1;
        let holds = self.part(part, value, at);
        self.quiet -= 1;
        holds
    }

    fn part(&mut self, id: PartId, value: &Value, at: &Place<'_>) -> Result<bool, Exhausted> {
        self.step(1)?;
        let schema = self.schema;
        // Every number was made when the part was.
        let Some(part) = schema.parts.get(id) else { return Ok(true) };
        if part.nothing {
            return Ok(self.violated(at, || "is not allowed".to_owned()));
        }
        self.depth += 1;
        if self.depth > DEPTH_LIMIT {
            return Err(Exhausted);
        }
        let mut holds = self.any_type(part, value, at)?;
        holds &= match value {
            Value::Number(number) => self.number(part, number, at),
            Value::String(text) => self.text(part, text, at)?,
            Value::Array(items) => self.array(part, items, at)?,
            Value::Object(object) => self.object(part, (value, object), at)?,
            Value::Null | Value::Bool(_) => true,
        };
        holds &= self.combined(part, value, at)?;
        self.depth -= 1;
        Ok(holds)
    }

    fn any_type(&mut self, part: &Part, value: &Value, at: &Place<'_>) -> Result<bool, Exhausted> {
        let mut holds = true;
        if let Some(types) = &part.types {
            self.step(1)?;
            let is_of = types.iter().any(|one| one.is_of(value));
            let names = || types.iter().map(|one| one.name()).collect::<Vec<_>>().join(" or ");
            holds &= self.require(is_of, at, || format!("must be of the type {}", names()));
        }
        for values in [part.values.as_deref(), part.constant.as_ref().map(std::slice::from_ref)].into_iter().flatten() {
            // Two values are compared no further than the smaller of them goes.
            self.step(values.iter().map(size).sum::<usize>().min(size(value).saturating_mul(values.len())))?;
            let is_one = values.iter().any(|one| same(one, value));
            holds &= self.require(is_one, at, || {
                let values = values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                let most = values.floor_char_boundary(200);
                format!("must be {}{}", &values[..most], if most < values.len() { " …" } else { "" })
            });
        }
        Ok(holds)
    }

    fn number(&mut self, part: &Part, number: &Number, at: &Place<'_>) -> bool {
        let mut holds = true;
        if let Some(least) = &part.minimum {
            holds &= self.require(!less(number, least), at, || format!("must be at least {least}"));
        }
        if let Some(bound) = &part.exclusive_minimum {
            holds &= self.require(less(bound, number), at, || format!("must be greater than {bound}"));
        }
        if let Some(most) = &part.maximum {
            holds &= self.require(!less(most, number), at, || format!("must be at most {most}"));
        }
        if let Some(bound) = &part.exclusive_maximum {
            holds &= self.require(less(number, bound), at, || format!("must be less than {bound}"));
        }
        if let Some(of) = &part.multiple_of {
            holds &= self.require(is_multiple(number, of), at, || format!("must be a multiple of {of}"));
        }
        holds
    }

    fn text(&mut self, part: &Part, text: &str, at: &Place<'_>) -> Result<bool, Exhausted> {
        let mut holds = true;
        if part.min_length.is_some() || part.max_length.is_some() {
            self.step(1 + text.len() / 64)?;
            let length = number_of(text.chars().count());
            if let Some(least) = part.min_length {
                holds &= self.require(length >= least, at, || format!("must have at least {least} characters"));
            }
            if let Some(most) = part.max_length {
                holds &= self.require(length <= most, at, || format!("must have at most {most} characters"));
            }
        }
        if let Some(pattern) = &part.pattern {
            let matches = self.matches(pattern, text)?;
            holds &= self.require(matches, at, || format!("must match the pattern {}", pattern.text));
        }
        if let Some(format) = part.format {
            self.step(1 + text.len() / 16)?;
            holds &= self.require(format.holds(text), at, || format!("must have the format {}", format.name()));
        }
        Ok(holds)
    }

    fn matches(&mut self, pattern: &Pattern, text: &str) -> Result<bool, Exhausted> {
        self.step(1 + text.len())?;
        Ok(pattern.regex.is_match(text))
    }

    fn array(&mut self, part: &Part, items: &[Value], at: &Place<'_>) -> Result<bool, Exhausted> {
        let mut holds = true;
        let length = number_of(items.len());
        if let Some(least) = part.min_items {
            holds &= self.require(length >= least, at, || format!("must have at least {least} items"));
        }
        if let Some(most) = part.max_items {
            holds &= self.require(length <= most, at, || format!("must have at most {most} items"));
        }
        if part.unique_items {
            holds &= self.unique(items, at)?;
        }
        for (number, (item, schema)) in items.iter().zip(&part.prefix_items).enumerate() {
            holds &= self.part(*schema, item, &Place::Item(at, number))?;
        }
        if let Some(schema) = part.items {
            for (number, item) in items.iter().enumerate().skip(part.prefix_items.len()) {
                holds &= self.part(schema, item, &Place::Item(at, number))?;
            }
        }
        if let Some(schema) = part.contains {
            holds &= self.contains(part, schema, items, at)?;
        }
        Ok(holds)
    }

    fn unique(&mut self, items: &[Value], at: &Place<'_>) -> Result<bool, Exhausted> {
        let mut seen = BTreeSet::new();
        for (number, item) in items.iter().enumerate() {
            self.step(size(item))?;
            let mut text = String::new();
            canonical(item, &mut text);
            if !seen.insert(text) {
                return Ok(self.violated(&Place::Item(at, number), || "is there twice".to_owned()));
            }
        }
        Ok(true)
    }

    fn contains(&mut self, part: &Part, schema: PartId, items: &[Value], at: &Place<'_>) -> Result<bool, Exhausted> {
        let mut found: u64 = 0;
        for (number, item) in items.iter().enumerate() {
            found += u64::from(self.holds(schema, item, &Place::Item(at, number))?);
        }
        let least = part.min_contains.unwrap_or(1);
        let mut holds = self.require(found >= least, at, || {
            format!("must have at least {least} items that its schema asks for, and has {found}")
        });
        if let Some(most) = part.max_contains {
            holds &= self.require(found <= most, at, || {
                format!("must have at most {most} items that its schema asks for, and has {found}")
            });
        }
        Ok(holds)
    }

    fn object(
        &mut self,
        part: &Part,
        (value, object): (&Value, &Map<String, Value>),
        at: &Place<'_>,
    ) -> Result<bool, Exhausted> {
        let mut holds = self.members(part, object, at)?;
        let length = number_of(object.len());
        if let Some(least) = part.min_properties {
            holds &= self.require(length >= least, at, || format!("must have at least {least} members"));
        }
        if let Some(most) = part.max_properties {
            holds &= self.require(length <= most, at, || format!("must have at most {most} members"));
        }
        holds &= self.required(&part.required, object, at)?;
        for (name, needed) in &part.dependent_required {
            self.step(1)?;
            if object.contains_key(name) {
                holds &= self.required(needed, object, at)?;
            }
        }
        for (name, schema) in &part.dependent_schemas {
            self.step(1)?;
            if object.contains_key(name) {
                holds &= self.part(*schema, value, at)?;
            }
        }
        Ok(holds)
    }

    fn required(&mut self, names: &[String], object: &Map<String, Value>, at: &Place<'_>) -> Result<bool, Exhausted> {
        self.step(names.len())?;
        let mut holds = true;
        for name in names {
            let is_there = object.contains_key(name);
            holds &= self.require(is_there, &Place::Member(at, name), || "is required".to_owned());
        }
        Ok(holds)
    }

    fn members(&mut self, part: &Part, object: &Map<String, Value>, at: &Place<'_>) -> Result<bool, Exhausted> {
        let mut holds = true;
        for (name, member) in object {
            self.step(1)?;
            let place = Place::Member(at, name);
            let mut is_known = false;
            if let Some(schema) = part.properties.get(name) {
                is_known = true;
                holds &= self.part(*schema, member, &place)?;
            }
            for (pattern, schema) in &part.pattern_properties {
                if self.matches(pattern, name)? {
                    is_known = true;
                    holds &= self.part(*schema, member, &place)?;
                }
            }
            if let Some(schema) = part.additional_properties.filter(|_| !is_known) {
                holds &= self.additional(schema, member, &place)?;
            }
            if let Some(schema) = part.property_names {
                let is_name = self.holds(schema, &Value::String(name.clone()), &place)?;
                holds &= self.require(is_name, &place, || "has a name that is not allowed".to_owned());
            }
        }
        Ok(holds)
    }

    /// A member whose name the schema does not have.
    fn additional(&mut self, schema: PartId, member: &Value, at: &Place<'_>) -> Result<bool, Exhausted> {
        if self.schema.parts.get(schema).is_some_and(|part| part.nothing) {
            return Ok(self.violated(at, || "is not known".to_owned()));
        }
        self.part(schema, member, at)
    }

    fn combined(&mut self, part: &Part, value: &Value, at: &Place<'_>) -> Result<bool, Exhausted> {
        let mut holds = true;
        if let Some(schema) = part.reference {
            holds &= self.part(schema, value, at)?;
        }
        for schema in &part.all_of {
            holds &= self.part(*schema, value, at)?;
        }
        if !part.any_of.is_empty() {
            let mut found = false;
            for schema in &part.any_of {
                found = found || self.holds(*schema, value, at)?;
            }
            let alternatives = part.any_of.len();
            holds &= self.require(found, at, || format!("must be one of {alternatives} alternatives, and is none"));
        }
        if !part.one_of.is_empty() {
            let mut found = 0;
            for schema in &part.one_of {
                found += usize::from(self.holds(*schema, value, at)?);
            }
            let alternatives = part.one_of.len();
            holds &= self.require(found == 1, at, || {
                format!("must be exactly one of {alternatives} alternatives, and is {found} of them")
            });
        }
        if let Some(schema) = part.not {
            let excluded = self.holds(schema, value, at)?;
            holds &= self.require(!excluded, at, || "is what its schema excludes".to_owned());
        }
        if let Some(condition) = part.condition {
            let follows = if self.holds(condition, value, at)? { part.then } else { part.otherwise };
            if let Some(schema) = follows {
                holds &= self.part(schema, value, at)?;
            }
        }
        Ok(holds)
    }
}

fn number_of(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// How many values there are in a value, and how long its texts are.
fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
        Value::String(text) => 1 + text.len() / 16,
        Value::Array(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Object(object) => 1 + object.values().map(|member| 1 + size(member)).sum::<usize>(),
    }
}

/// A whole number, where it is kept as one.
fn whole(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

fn float(number: &Number) -> f64 {
    number.as_f64().unwrap_or_default()
}

fn less(one: &Number, other: &Number) -> bool {
    match (whole(one), whole(other)) {
        (Some(one), Some(other)) => one < other,
        _ => float(one) < float(other),
    }
}

fn is_multiple(number: &Number, of: &Number) -> bool {
    if let (Some(number), Some(of)) = (whole(number), whole(of)) {
        return of != 0 && number % of == 0;
    }
    let times = float(number) / float(of);
    // 0.0075 is 75 times 0.0001, and a little more by the arithmetic of floating point.
    times.is_finite() && (times - times.round()).abs() <= times.abs() * 1e-12
}

/// Whether two values are the same: numbers by their value, objects without regard to order.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => !less(one, other) && !less(other, one),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, one)| other.get(name).is_some_and(|other| same(one, other)))
        }
        (one, other) => one == other,
    }
}

/// A text that two values have in common only if they are the same.
fn canonical(value: &Value, text: &mut String) {
    match value {
        Value::Number(number) => {
            let _ = match whole(number) {
                Some(whole) => write!(text, "{whole}"),
                None if Type::Integer.is_of(value) => write!(text, "{:.0}", float(number)),
                None => write!(text, "{number}"),
            };
        }
        Value::Array(items) => {
            text.push('[');
            for item in items {
                canonical(item, text);
                text.push(',');
            }
            text.push(']');
        }
        Value::Object(object) => {
            text.push('{');
            for (name, member) in sorted(object) {
                let _ = write!(text, "{name:?}:");
                canonical(member, text);
                text.push(',');
            }
            text.push('}');
        }
        other => {
            let _ = write!(text, "{other}");
        }
    }
}
