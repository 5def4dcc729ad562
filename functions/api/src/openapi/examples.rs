//! Examples: each request and each answer of the document has one, and so has each parameter of a path.
//!
//! They are made from the schemas, so that an operation has its examples as soon as it is described. The value of a field
//! is the first of: what `examples.json` says of the schema, what `#[schema(example = …)]` says, what `examples.json` says of
//! the field (`Schema.field`, then `field`), its default, its first choice, what its form allows. Of a request's optional
//! fields only those are there that have an example of their own: others may exclude each other. That examples are valid
//! under the schemas is tested by somebody else's validator (`tests/test_document.py`).

use super::each_operation;
use crate::problem::Kind;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Schemas within schemas that an example shows, at most.
const DEPTH_LIMIT: usize = 12;
/// The moment of all examples.
const MOMENT: &str = "2026-02-02T14:19:00Z";

/// What `examples.json` says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// Whole examples, by schema.
    schemas: Map<String, Value>,
    /// Values, by field, by `Schema.field`, and of parameters also by `what the path names before it/parameter`.
    fields: Map<String, Value>,
    /// `detail` and `errors` of problems, by kind.
    problems: BTreeMap<String, Map<String, Value>>,
    /// Examples of one operation alone: by its id, by media type.
    operations: BTreeMap<String, Map<String, Value>>,
}

/// Which way a body goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Request,
    Answer,
}

/// What examples are made of, and what they lacked.
struct Maker<'a> {
    written: Written,
    schemas: &'a Value,
    missing: Vec<String>,
}

/// Where a value stands: in a schema that has a name, in a field.
#[derive(Debug, Clone, Copy)]
struct Place<'a> {
    schema: &'a str,
    field: &'a str,
    way: Way,
    depth: usize,
}

impl<'a> Place<'a> {
    fn of(schema: &'a str, way: Way) -> Self {
        Self { schema, field: "", way, depth: 0 }
    }

    fn deeper(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }

    /// A list has its items written out: they are called what they are.
    fn of_items(self) -> Self {
        match self.schema.strip_prefix("List_") {
            Some(schema) => Self { schema, field: "", ..self.deeper() },
            None => self.deeper(),
        }
    }
}

/// Adds the examples; returns the texts for which there is none, as `Schema.field`.
pub(super) fn add(document: &mut Value) -> serde_json::Result<Vec<String>> {
    let schemas = document["components"]["schemas"].clone();
    let written = serde_json::from_str(include_str!("examples.json"))?;
    let mut maker = Maker { written, schemas: &schemas, missing: Vec::new() };
    each_operation(document, |path, method, operation| maker.fill(path, method, operation));
    if let Some(responses) = document["components"]["responses"].as_object_mut() {
        for kind in Kind::ALL {
            if let Some(response) = responses.get_mut(kind.name()) {
                response["content"]["application/problem+json"]["example"] = maker.problem(kind);
            }
        }
    }
    Ok(maker.missing)
}

impl Maker<'_> {
    fn fill(&mut self, path: &str, method: &str, operation: &mut Value) {
        let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
        for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
            self.fill_parameter(path, parameter);
        }
        if let Some(content) = operation.get_mut("requestBody").and_then(|body| body["content"].as_object_mut()) {
            for (media, of_media) in content {
                self.fill_content(&id, media, of_media, Way::Request);
            }
        }
        for (status, response) in operation["responses"].as_object_mut().into_iter().flatten() {
            let Some(content) = response.get_mut("content").and_then(Value::as_object_mut) else { continue };
            for (media, of_media) in content {
                if media == "application/problem+json" {
                    if let Some(kind) = usual_problem(method, status) {
                        of_media["example"] = self.problem(kind);
                    }
                } else {
                    self.fill_content(&id, media, of_media, Way::Answer);
                }
            }
        }
    }

    fn fill_parameter(&mut self, path: &str, parameter: &mut Value) {
        let name = parameter["name"].as_str().unwrap_or_default().to_owned();
        if parameter["in"] != "path" || parameter.get("example").is_some() {
            return;
        }
        // `subscriptions/id` and not `id` alone: what it is the id of stands before it.
        let before = path.split(&format!("/{{{name}}}")).next().and_then(|before| before.rsplit('/').next());
        let fields = &self.written.fields;
        let by_place = fields.get(&format!("{}/{name}", before.unwrap_or_default()));
        let by_name = || fields.get(&name).filter(|value| fits(&parameter["schema"], value));
        let number = (parameter["schema"]["type"] == "integer").then(|| json!(1));
        let known = by_place.or_else(by_name).cloned().or(number);
        parameter["example"] = known.unwrap_or_else(|| {
            self.missing.push(format!("{}/{name}", before.unwrap_or_default()));
            json!(name)
        });
    }

    fn fill_content(&mut self, operation: &str, media: &str, content: &mut Value, way: Way) {
        if content.get("example").is_some() || content.get("examples").is_some() {
            return;
        }
        let own = self.written.operations.get(operation).and_then(|of_operation| of_operation.get(media)).cloned();
        let schema = content["schema"].clone();
        content["example"] = own.unwrap_or_else(|| self.value(&schema, Place::of(operation, way)));
    }

    fn problem(&self, kind: Kind) -> Value {
        let mut problem = json!({
            "type": kind.uri(), "title": kind.title(), "status": kind.status().as_u16(), "detail": kind.meaning(),
            "request_id": self.written.fields.get("request_id"),
        });
        for (name, value) in self.written.problems.get(kind.name()).into_iter().flatten() {
            problem[name] = value.clone();
        }
        problem
    }

    /// An example of a schema.
    fn value(&mut self, schema: &Value, place: Place<'_>) -> Value {
        if place.depth > DEPTH_LIMIT {
            return Value::Null;
        }
        if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            if let Some(written) = self.written.fields.get(&format!("{}.{}", place.schema, place.field)) {
                return written.clone();
            }
            if let Some(whole) = self.written.schemas.get(name) {
                return whole.clone();
            }
            let (schemas, way) = (self.schemas, place.way);
            let named = Place { schema: name, way, ..place.deeper() };
            return self.value(&schemas[name], named);
        }
        if let Some(parts) = schema["allOf"].as_array() {
            let parts = parts.iter().map(|part| self.value(part, place.deeper()));
            let objects = parts.collect::<Vec<_>>().into_iter().filter_map(|part| part.as_object().cloned());
            return Value::Object(objects.flatten().collect());
        }
        let choices = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array());
        if let Some(choice) = choices.and_then(|choices| choices.iter().find(|choice| choice["type"] != "null")) {
            return self.known(schema, place).unwrap_or_else(|| self.value(choice, place.deeper()));
        }
        self.known(schema, place).unwrap_or_else(|| self.by_form(schema, place))
    }

    /// What somebody wrote.
    fn known(&self, schema: &Value, place: Place<'_>) -> Option<Value> {
        let fields = &self.written.fields;
        let in_schema = fields.get(&format!("{}.{}", place.schema, place.field));
        let by_name = || fields.get(place.field).filter(|value| fits(schema, value));
        let written = in_schema.or_else(|| schema.get("example")).or_else(by_name);
        let listed = schema["examples"].as_array().or_else(|| schema["enum"].as_array());
        let listed = listed.and_then(|listed| listed.first());
        written.or_else(|| schema.get("default")).or_else(|| schema.get("const")).or(listed).cloned()
    }

    fn by_form(&mut self, schema: &Value, place: Place<'_>) -> Value {
        let form = match &schema["type"] {
            Value::Array(forms) => forms.iter().find(|form| *form != "null").and_then(Value::as_str),
            form => form.as_str(),
        };
        match form {
            Some("object") => self.object(schema, place),
            Some("array") => Value::Array(vec![self.value(&schema["items"], place.of_items())]),
            Some("boolean") => json!(true),
            Some("integer" | "number") => {
                schema.get("minimum").filter(|least| **least != 0).cloned().unwrap_or(json!(3))
            }
            Some("string") if schema["format"] == "date-time" => json!(MOMENT),
            Some("string") => {
                self.missing.push(format!("{}.{}", place.schema, place.field));
                json!(place.field)
            }
            _ => {
                self.missing.push(format!("{}.{}", place.schema, place.field));
                Value::Null
            }
        }
    }

    fn object(&mut self, schema: &Value, place: Place<'_>) -> Value {
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let mut object = Map::new();
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let own = || {
                let in_schema = format!("{}.{name}", place.schema);
                field.get("example").is_some() || self.written.fields.contains_key(&in_schema)
            };
            let is_shown = place.way == Way::Answer || required.iter().any(|one| one == name) || own();
            if is_shown && !(place.way == Way::Answer && field["writeOnly"] == true) {
                object.insert(name.clone(), self.value(field, Place { field: name, ..place.deeper() }));
            }
        }
        Value::Object(object)
    }
}

/// True unless the schema names choices or types and the value is none of them: a field of that name means another thing.
fn fits(schema: &Value, value: &Value) -> bool {
    let is = |form: &Value| match form.as_str() {
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64(),
        Some("number") => value.is_number(),
        Some("string") => value.is_string(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => true,
    };
    let is_choice = schema["enum"].as_array().is_none_or(|choices| choices.contains(value));
    is_choice && schema["type"].as_array().map_or_else(|| is(&schema["type"]), |forms| forms.iter().any(is))
}

/// The problem that an answer of this status usually is.
fn usual_problem(method: &str, status: &str) -> Option<Kind> {
    if status == "409" && method != "post" {
        return Some(Kind::ChangedMeanwhile);
    }
    Kind::ALL.into_iter().find(|kind| kind.status().as_str() == status)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_text_has_an_example() {
        let mut document = serde_json::to_value(crate::openapi::assembled()).unwrap();
        let mut missing = super::add(&mut document).unwrap();
        missing.sort_unstable();
        missing.dedup();
        assert!(missing.is_empty(), "say them in openapi/examples.json, or by #[schema(example = …)]: {missing:#?}");
    }
}
