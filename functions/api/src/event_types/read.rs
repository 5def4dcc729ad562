//! What clients say of a type of their own.

use crate::fields::{At, Errors, Fields};
use crate::openapi::EventTypeName;
use crate::problem::Problem;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use spacehook_domain::event::{CustomType, EventType};
use spacehook_domain::own_type::{EXAMPLE_BYTES_LIMIT, TYPE_DESCRIPTION_LIMIT};
use spacehook_domain::publishing::SET_FIELDS;
use spacehook_domain::schema::{Schema, Work};
use utoipa::ToSchema;

/// Steps that checking an example may take: far more than one of its size needs.
const EXAMPLE_STEPS: u64 = 500_000;

/// A new type of event.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEventType {
    /// Its name: at most 64 of `a-z`, `0-9` and `_`, beginning with a letter, in parts with `.` between them; none of
    /// Spacehook's own.
    #[schema(value_type = EventTypeName, example = "acme.door_opened")]
    pub name: String,
    /// What happened, in words.
    #[schema(max_length = 1024, example = "A door was opened.")]
    pub description: Option<String>,
    /// The JSON Schema (2020-12) of the `data` that is published, at most 16 KiB; null allows everything. It refers to
    /// nothing but parts of itself.
    #[schema(value_type = Option<Object>)]
    pub schema: Option<Value>,
    /// An example of the `data` that is published, valid by the schema.
    #[schema(value_type = Option<Object>)]
    pub example: Option<Value>,
}

/// What a type is from now on.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Replacement {
    /// What happened, in words.
    #[schema(max_length = 1024)]
    pub description: Option<String>,
    /// The JSON Schema (2020-12) of the `data` that is published; null allows everything.
    #[schema(value_type = Option<Object>)]
    pub schema: Option<Value>,
    /// An example of the `data` that is published, valid by the schema.
    #[schema(value_type = Option<Object>)]
    pub example: Option<Value>,
}

const NEW_FIELDS: &[&str] = &["name", "description", "schema", "example"];
const FIELDS: &[&str] = &["description", "schema", "example"];

/// What there is to say of a type, but for its name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Said {
    pub(super) description: Option<String>,
    pub(super) schema: Option<Value>,
    pub(super) example: Option<Map<String, Value>>,
}

/// Reads a new type.
pub(super) fn read_new(body: &Value) -> Result<(CustomType, Said), Problem> {
    let errors = Errors::default();
    let read = At::root(body, &errors).fields(NEW_FIELDS).and_then(|fields| {
        let name = fields.required("name", |at| at.parsed(parse_name));
        let said = read_said(&fields);
        Some((name?, said?))
    });
    errors.finish(read)
}

/// Reads what a type is to be.
pub(super) fn read_replacement(body: &Value) -> Result<Said, Problem> {
    let errors = Errors::default();
    let read = At::root(body, &errors).fields(FIELDS).and_then(|fields| read_said(&fields));
    errors.finish(read)
}

fn parse_name(text: &str) -> Result<CustomType, String> {
    match EventType::parse(text) {
        Ok(EventType::Custom(custom)) => Ok(custom),
        Ok(_) => Err("is the name of a type of Spacehook's own".to_owned()),
        Err(invalid) => Err(invalid.to_string()),
    }
}

fn read_said(fields: &Fields<'_>) -> Option<Said> {
    let description = fields.optional("description", |at| at.prose(TYPE_DESCRIPTION_LIMIT).map(Some));
    let schema = fields.optional("schema", |at| read_schema(at).map(Some));
    let by = schema.as_ref().and_then(|schema| schema.as_ref().map(|(_, schema)| schema));
    let example = fields.optional("example", |at| read_example(at, by).map(Some));
    Some(Said { description: description?, schema: schema?.map(|(written, _)| written), example: example? })
}

/// A schema as it was written, and as it was read.
fn read_schema(at: &At<'_>) -> Option<(Value, Schema)> {
    if !at.value().is_object() {
        return at.refuse("must be an object");
    }
    match Schema::parse(at.value()) {
        Ok(schema) => Some((at.value().clone(), schema)),
        Err(mistakes) => {
            for mistake in mistakes {
                at.refuse_within::<()>(&mistake.pointer, mistake.detail);
            }
            None
        }
    }
}

fn read_example(at: &At<'_>, schema: Option<&Schema>) -> Option<Map<String, Value>> {
    let Some(example) = at.value().as_object() else { return at.refuse("must be an object") };
    let bytes = at.value().to_string().len();
    if bytes > EXAMPLE_BYTES_LIMIT {
        return at.refuse(format!("has {bytes} bytes; at most {EXAMPLE_BYTES_LIMIT} are allowed"));
    }
    let mut is_good = true;
    for field in SET_FIELDS.into_iter().filter(|field| example.contains_key(*field)) {
        at.refuse_within::<()>(&format!("/{field}"), "is set by Spacehook in each delivery and can't be published");
        is_good = false;
    }
    if let Some(schema) = schema {
        match schema.check(at.value(), &mut Work::of_steps(EXAMPLE_STEPS)) {
            Ok(violations) => {
                is_good &= violations.is_empty();
                for violation in violations {
                    at.refuse_within::<()>(&violation.pointer, violation.detail);
                }
            }
            Err(exhausted) => return at.refuse(exhausted.to_string()),
        }
    }
    is_good.then(|| example.clone())
}
