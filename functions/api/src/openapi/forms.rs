//! Forms that the schemas of the code don't say: of texts that have the same name everywhere, and of objects that are one
//! of several: their `type`, or which field they have, says which others they have.
//!
//! What a `building_ref_id` looks like is said once, in `forms.json`. A form is what JSON Schema can say of the rule; the
//! rule itself is the type that the text is parsed into. What both say differently, `tests/test_schemathesis.py` finds.

use super::each_operation;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What `forms.json` says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Forms {
    /// Keywords of fields and parameters, by `Schema.field` or by the name alone.
    fields: Map<String, Value>,
    /// The fields of each variant of a schema: by its `type` where it has one.
    variants: BTreeMap<String, Map<String, Value>>,
}

/// Adds the forms.
pub(super) fn add(document: &mut Value) -> serde_json::Result<()> {
    let forms: Forms = serde_json::from_str(include_str!("forms.json"))?;
    for (name, schema) in document["components"]["schemas"].as_object_mut().into_iter().flatten() {
        add_to_fields(&forms.fields, name, schema);
        if let Some(variants) = forms.variants.get(name) {
            vary(schema, variants);
        }
    }
    each_operation(document, |_, _, operation| {
        for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(form) = parameter["name"].as_str().and_then(|name| forms.fields.get(name)) {
                merge(&mut parameter["schema"], form);
            }
            // A parameter may be missing; a null it can't be.
            never_null(&mut parameter["schema"]);
        }
    });
    Ok(())
}

fn add_to_fields(forms: &Map<String, Value>, of: &str, schema: &mut Value) {
    for part in schema.get_mut("allOf").and_then(Value::as_array_mut).into_iter().flatten() {
        add_to_fields(forms, of, part);
    }
    for (name, field) in schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
        if let Some(form) = forms.get(&format!("{of}.{name}")).or_else(|| forms.get(name)) {
            merge(field, form);
        }
    }
}

/// Adds what the form says and the schema does not; deeper, too.
fn merge(schema: &mut Value, form: &Value) {
    let (Some(schema), Some(form)) = (schema.as_object_mut(), form.as_object()) else { return };
    for (keyword, value) in form {
        match schema.get_mut(keyword) {
            Some(said) => merge(said, value),
            None => {
                schema.insert(keyword.clone(), value.clone());
            }
        }
    }
}

/// Takes null from what a schema allows beside others.
fn never_null(schema: &mut Value) {
    if let Some([one, _]) = schema["oneOf"].as_array().map(Vec::as_slice) {
        *schema = one.clone();
    }
    let other = schema["type"].as_array().and_then(|types| types.iter().find(|form| *form != "null")).cloned();
    if let Some(other) = other {
        schema["type"] = other;
    }
}

/// Makes an object with all fields one of several, each with its own fields alone.
fn vary(schema: &mut Value, variants: &Map<String, Value>) {
    let all = schema["properties"].clone();
    let described = schema["description"].clone();
    let one_of = variants.iter().map(|(kind, fields)| {
        let names = |which: &str| fields[which].as_array().cloned().unwrap_or_default();
        let has_type = all.get("type").is_some();
        let by_type = has_type.then(|| ("type".to_owned(), json!({"type": "string", "const": kind})));
        let mut properties = Map::from_iter(by_type);
        for name in names("required").iter().chain(&names("optional")).filter_map(Value::as_str) {
            properties.insert(name.to_owned(), all[name].clone());
        }
        let mut required: Vec<_> = has_type.then(|| json!("type")).into_iter().collect();
        for name in names("required") {
            if let Some(field) = name.as_str().and_then(|name| properties.get_mut(name)) {
                never_null(field);
            }
            required.push(name);
        }
        json!({"type": "object", "title": kind, "required": required, "properties": properties, "additionalProperties": false})
    });
    *schema = json!({"description": described, "oneOf": one_of.collect::<Vec<_>>()});
}
