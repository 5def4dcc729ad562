//! Reading a schema: each keyword of each part, with every mistake at its place.

use super::format::Format;
use super::{
    FORMATS, MISTAKES_LIMIT, PATTERN_LIMIT, Part, PartId, Pattern, SCHEMA_BYTES_LIMIT, Schema, SchemaMistake, Type,
    escaped, is_whole,
};
use regex_lite::RegexBuilder;
use serde_json::{Map, Number, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What `$schema` may say.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
/// Bytes of a regular expression once it is made, at most.
const REGEX_BYTES_LIMIT: usize = 64 * 1024;

/// Keywords that say nothing of what is valid.
const NOTES: [&str; 12] = [
    "$schema",
    "$comment",
    "$defs",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "contentMediaType",
    "contentEncoding",
];
/// Keywords of the standard that are left out, and what to do instead.
const LEFT_OUT: [(&str, &str); 9] = [
    ("$id", "only the whole schema may have one"),
    ("$anchor", "refer to a part by its place, as in '#/$defs/name'"),
    ("$dynamicRef", "refer to a part by its place, as in '#/$defs/name'"),
    ("$dynamicAnchor", "refer to a part by its place, as in '#/$defs/name'"),
    ("$vocabulary", "schemas of schemas are not taken"),
    ("unevaluatedItems", "use 'items'"),
    ("unevaluatedProperties", "use 'additionalProperties'"),
    ("definitions", "it is '$defs' since 2019-09"),
    ("dependencies", "it is 'dependentRequired' and 'dependentSchemas' since 2019-09"),
];

pub(super) fn read(schema: &Value) -> Result<Schema, Vec<SchemaMistake>> {
    let bytes = schema.to_string().len();
    if bytes > SCHEMA_BYTES_LIMIT {
        let detail = format!("has {bytes} bytes; at most {SCHEMA_BYTES_LIMIT} are allowed");
        return Err(vec![SchemaMistake { pointer: String::new(), detail }]);
    }
    let mut reader = Reader { root: schema, parts: Vec::new(), places: BTreeMap::new(), mistakes: Vec::new() };
    reader.part(schema, "");
    if reader.mistakes.is_empty() { Ok(Schema { parts: reader.parts }) } else { Err(reader.mistakes) }
}

struct Reader<'a> {
    root: &'a Value,
    parts: Vec<Part>,
    /// The parts that were begun, by their places.
    places: BTreeMap<String, PartId>,
    mistakes: Vec<SchemaMistake>,
}

impl<'a> Reader<'a> {
    fn refuse<T>(&mut self, pointer: &str, detail: impl Into<String>) -> Option<T> {
        if self.mistakes.len() < MISTAKES_LIMIT {
            self.mistakes.push(SchemaMistake { pointer: pointer.to_owned(), detail: detail.into() });
        }
        None
    }

    /// Reads the part at a place, once.
    fn part(&mut self, schema: &'a Value, at: &str) -> PartId {
        if let Some(known) = self.places.get(at) {
            return *known;
        }
        let id = self.parts.len();
        self.parts.push(Part::default());
        self.places.insert(at.to_owned(), id);
        match schema {
            Value::Bool(all) => self.parts[id].nothing = !all,
            Value::Object(keywords) => {
                let mut part = Part::default();
                for (keyword, value) in keywords {
                    self.keyword(&mut part, keyword, value, at);
                }
                self.parts[id] = part;
            }
            _ => {
                self.refuse::<()>(at, "must be a schema: an object, or true or false");
            }
        }
        id
    }

    fn keyword(&mut self, part: &mut Part, keyword: &str, value: &'a Value, whole: &str) {
        let at = &format!("{whole}/{}", escaped(keyword));
        match keyword {
            "$ref" => part.reference = self.reference(value, at),
            "type" => part.types = self.types(value, at),
            "enum" => part.values = self.array(value, at).map(<[Value]>::to_vec),
            "const" => part.constant = Some(value.clone()),
            "minimum" => part.minimum = self.number(value, at),
            "exclusiveMinimum" => part.exclusive_minimum = self.number(value, at),
            "maximum" => part.maximum = self.number(value, at),
            "exclusiveMaximum" => part.exclusive_maximum = self.number(value, at),
            "multipleOf" => part.multiple_of = self.positive(value, at),
            "minLength" => part.min_length = self.count(value, at),
            "maxLength" => part.max_length = self.count(value, at),
            "pattern" => part.pattern = self.pattern(value, at),
            "format" => part.format = self.format(value, at),
            "minItems" => part.min_items = self.count(value, at),
            "maxItems" => part.max_items = self.count(value, at),
            "uniqueItems" => part.unique_items = self.boolean(value, at).unwrap_or_default(),
            "prefixItems" => part.prefix_items = self.list(value, at),
            "items" => part.items = Some(self.part(value, at)),
            "contains" => part.contains = Some(self.part(value, at)),
            "minContains" => part.min_contains = self.count(value, at),
            "maxContains" => part.max_contains = self.count(value, at),
            "minProperties" => part.min_properties = self.count(value, at),
            "maxProperties" => part.max_properties = self.count(value, at),
            "required" => part.required = self.names(value, at),
            "dependentRequired" => part.dependent_required = self.dependent_required(value, at),
            "properties" => part.properties = self.map(value, at),
            "patternProperties" => part.pattern_properties = self.pattern_properties(value, at),
            "additionalProperties" => part.additional_properties = Some(self.part(value, at)),
            "propertyNames" => part.property_names = Some(self.part(value, at)),
            "dependentSchemas" => part.dependent_schemas = self.map(value, at),
            "allOf" => part.all_of = self.alternatives(value, at),
            "anyOf" => part.any_of = self.alternatives(value, at),
            "oneOf" => part.one_of = self.alternatives(value, at),
            "not" => part.not = Some(self.part(value, at)),
            "if" => part.condition = Some(self.part(value, at)),
            "then" => part.then = Some(self.part(value, at)),
            "else" => part.otherwise = Some(self.part(value, at)),
            "$schema" if value.as_str().map(|dialect| dialect.trim_end_matches('#')) != Some(DIALECT) => {
                self.refuse::<()>(at, format!("must be '{DIALECT}'"));
            }
            // What nobody refers to is read too: its mistakes are mistakes.
            "$defs" => drop(self.map(value, at)),
            "$id" if whole.is_empty() => {}
            note if NOTES.contains(&note) || note.starts_with("x-") => {}
            unknown => {
                let why = match LEFT_OUT.into_iter().find(|(name, _)| *name == unknown) {
                    Some((_, instead)) => format!("is not understood here: {instead}"),
                    None => "is no keyword of JSON Schema 2020-12; notes of your own begin with 'x-'".to_owned(),
                };
                self.refuse::<()>(at, why);
            }
        }
    }

    fn reference(&mut self, value: &'a Value, at: &str) -> Option<PartId> {
        let Some(text) = value.as_str() else { return self.refuse(at, "must be a text") };
        let Some(place) = text.strip_prefix('#').and_then(decoded) else {
            return self.refuse(at, "must refer to a part of this schema, as in '#/$defs/name'");
        };
        match self.root.pointer(&place) {
            Some(target) => Some(self.part(target, &place)),
            None => self.refuse(at, "refers to a part that the schema does not have"),
        }
    }

    fn types(&mut self, value: &Value, at: &str) -> Option<BTreeSet<Type>> {
        let names = match value {
            Value::String(_) => std::slice::from_ref(value),
            Value::Array(names) if !names.is_empty() => names,
            _ => return self.refuse(at, "must be the name of a type, or an array of such names"),
        };
        let mut types = BTreeSet::new();
        for name in names {
            match Type::ALL.into_iter().find(|one| Some(one.name()) == name.as_str()) {
                Some(one) => drop(types.insert(one)),
                None => return self.refuse(at, format!("must be of {}", Type::ALL.map(Type::name).join(", "))),
            }
        }
        Some(types)
    }

    fn array(&mut self, value: &'a Value, at: &str) -> Option<&'a [Value]> {
        match value {
            Value::Array(values) => Some(values),
            _ => self.refuse(at, "must be an array"),
        }
    }

    fn object(&mut self, value: &'a Value, at: &str) -> Option<&'a Map<String, Value>> {
        match value {
            Value::Object(object) => Some(object),
            _ => self.refuse(at, "must be an object"),
        }
    }

    fn number(&mut self, value: &Value, at: &str) -> Option<Number> {
        match value {
            Value::Number(number) => Some(number.clone()),
            _ => self.refuse(at, "must be a number"),
        }
    }

    fn positive(&mut self, value: &Value, at: &str) -> Option<Number> {
        let number = self.number(value, at)?;
        if number.as_f64().is_some_and(|number| number > 0.0) {
            Some(number)
        } else {
            self.refuse(at, "must be greater than 0")
        }
    }

    fn count(&mut self, value: &Value, at: &str) -> Option<u64> {
        let whole = match value {
            Value::Number(number) if is_whole(number) => number.as_u64().or_else(|| whole_of(number)),
            _ => None,
        };
        whole.or_else(|| self.refuse(at, "must be a whole number from 0 up"))
    }

    fn boolean(&mut self, value: &Value, at: &str) -> Option<bool> {
        value.as_bool().or_else(|| self.refuse(at, "must be true or false"))
    }

    fn names(&mut self, value: &'a Value, at: &str) -> Vec<String> {
        let names = self.array(value, at).unwrap_or_default();
        let texts: Vec<String> = names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect();
        if texts.len() < names.len() {
            self.refuse::<()>(at, "must have texts alone");
        }
        texts
    }

    fn pattern(&mut self, value: &Value, at: &str) -> Option<Pattern> {
        let Some(text) = value.as_str() else { return self.refuse(at, "must be a text") };
        self.regex(text, at)
    }

    fn regex(&mut self, text: &str, at: &str) -> Option<Pattern> {
        if text.chars().count() > PATTERN_LIMIT {
            return self.refuse(at, format!("must have at most {PATTERN_LIMIT} characters"));
        }
        match RegexBuilder::new(text).size_limit(REGEX_BYTES_LIMIT).build() {
            Ok(regex) => Some(Pattern { text: text.to_owned(), regex }),
            Err(error) => self.refuse(at, format!("is no regular expression that is taken here: {error}")),
        }
    }

    fn format(&mut self, value: &Value, at: &str) -> Option<Format> {
        let known = value.as_str().and_then(Format::parse);
        known
            .or_else(|| self.refuse(at, format!("must be one of the formats that are checked: {}", FORMATS.join(", "))))
    }

    fn list(&mut self, value: &'a Value, at: &str) -> Vec<PartId> {
        let schemas = self.array(value, at).unwrap_or_default();
        schemas.iter().enumerate().map(|(place, schema)| self.part(schema, &format!("{at}/{place}"))).collect()
    }

    fn alternatives(&mut self, value: &'a Value, at: &str) -> Vec<PartId> {
        let parts = self.list(value, at);
        if parts.is_empty() && value.is_array() {
            self.refuse::<()>(at, "must have at least one schema");
        }
        parts
    }

    fn map(&mut self, value: &'a Value, at: &str) -> BTreeMap<String, PartId> {
        let Some(schemas) = self.object(value, at) else { return BTreeMap::new() };
        let part = |(name, schema): (&String, &'a Value)| {
            (name.clone(), self.part(schema, &format!("{at}/{}", escaped(name))))
        };
        schemas.iter().map(part).collect()
    }

    fn pattern_properties(&mut self, value: &'a Value, at: &str) -> Vec<(Pattern, PartId)> {
        let schemas = self.object(value, at);
        let mut properties = Vec::new();
        for (text, schema) in schemas.into_iter().flatten() {
            let at = format!("{at}/{}", escaped(text));
            let (pattern, part) = (self.regex(text, &at), self.part(schema, &at));
            properties.extend(pattern.map(|pattern| (pattern, part)));
        }
        properties
    }

    fn dependent_required(&mut self, value: &'a Value, at: &str) -> BTreeMap<String, Vec<String>> {
        let Some(names) = self.object(value, at) else { return BTreeMap::new() };
        names
            .iter()
            .map(|(name, needed)| (name.clone(), self.names(needed, &format!("{at}/{}", escaped(name)))))
            .collect()
    }
}

/// A count that was written as `2.0`.
fn whole_of(number: &Number) -> Option<u64> {
    let text = format!("{:.0}", number.as_f64()?);
    text.parse().ok()
}

/// The pointer of a fragment: percent-encoding undone, and `#` alone for the whole.
fn decoded(fragment: &str) -> Option<String> {
    if !fragment.is_empty() && !fragment.starts_with('/') {
        return None;
    }
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}
