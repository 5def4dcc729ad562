//! The document: the checked-in one is the code's, and what it says of bodies is what is read.

use crate::client::Api;
use serde_json::{Value, json};
use spacehook_domain::event::EventType;
use spacehook_domain::schema::{Schema, Work};
use std::collections::BTreeSet;

fn document() -> Value {
    serde_json::to_value(spacehook_api::openapi::document()).unwrap()
}

#[test]
fn the_checked_in_document_is_the_codes() {
    let text = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    if std::env::var_os("REGENERATE").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json"), &text).unwrap();
        return;
    }
    let same = text == spacehook_api::openapi::DOCUMENT;
    assert!(same, "openapi.json is not what the code says; make it anew with REGENERATE=1 and look at the difference");
}

/// The names that a body may have at its top, as the document says: in any of its variants.
fn properties<'a>(document: &'a Value, schema: &str) -> BTreeSet<&'a str> {
    let schema = &document["components"]["schemas"][schema];
    let variants = schema["oneOf"].as_array().map_or(std::slice::from_ref(schema), Vec::as_slice);
    let names = variants.iter().flat_map(|variant| {
        assert_eq!(variant["additionalProperties"], false);
        variant["properties"].as_object().unwrap().keys().map(String::as_str)
    });
    names.collect()
}

#[tokio::test]
async fn bodies_have_the_fields_that_the_document_says() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    api.json("PUT /v1/buildings/b", &json!({})).await;
    let table = [
        ("NewSubscription", "POST /v1/subscriptions".to_owned()),
        ("SubscriptionPatch", format!("PATCH /v1/subscriptions/{id}")),
        ("NewSubscription", format!("PUT /v1/subscriptions/{id}")),
        ("Rotation", format!("POST /v1/subscriptions/{id}/signing-secret/rotate")),
        ("ExplainInput", "POST /v1/explain".to_owned()),
        ("Enabling", format!("POST /v1/subscriptions/{id}/enable")),
        ("BuildingInput", "PUT /v1/buildings/b".to_owned()),
        ("PlaceInput", "PUT /v1/buildings/b/floors/f".to_owned()),
        ("SpaceInput", "PUT /v1/buildings/b/spaces/s".to_owned()),
        ("SensorInput", "PUT /v1/sensors/x".to_owned()),
        ("Import", "POST /v1/import".to_owned()),
        ("ContactsInput", "PUT /v1/contacts".to_owned()),
        ("NewEventType", "POST /v1/event-types".to_owned()),
        ("Replacement", "PUT /v1/event-types/a".to_owned()),
        ("NewEvent", "POST /v1/events".to_owned()),
        ("EventBatch", "POST /v1/events/batch".to_owned()),
        ("TestEventInput", format!("POST /v1/subscriptions/{id}/test")),
        ("NewApiKey", "POST /v1/api-keys".to_owned()),
        ("NewApiKey", "POST /v1/tenants/acme/api-keys".to_owned()),
        ("NewTenant", "POST /v1/tenants".to_owned()),
        ("TenantPatch", "PATCH /v1/tenants/acme".to_owned()),
        ("OwnTenantPatch", "PATCH /v1/tenant".to_owned()),
        ("Suspension", "POST /v1/tenants/acme/suspend".to_owned()),
    ];
    let document = document();
    for (schema, line) in table {
        let properties = properties(&document, schema);
        // A negative number is wrong for each field, and a wrong field is a known one; an unknown one lists all that are.
        let mut body: serde_json::Map<_, _> = properties.iter().map(|name| ((*name).to_owned(), json!(-1))).collect();
        body.insert("qqqqqqqqqqqq".to_owned(), json!(1));
        let errors = api.json(&line, &Value::Object(body)).await.errors();
        let (unknown, known): (Vec<_>, Vec<_>) =
            errors.into_iter().partition(|(_, detail)| detail.contains("not known"));
        let [(place, detail)] = &unknown[..] else { panic!("{line}: {unknown:?}") };
        assert_eq!(place, "/qqqqqqqqqqqq");
        let listed = detail.trim_start_matches("is not known; known are ").split(", ").collect::<BTreeSet<_>>();
        assert_eq!(listed, properties, "{line}");
        let refused: BTreeSet<_> = known.iter().map(|(place, _)| place.trim_start_matches('/')).collect();
        assert_eq!(refused, properties, "{line}: every field is read");
    }
}

#[test]
fn the_document_allows_every_event_type_that_can_be_and_no_other_text() {
    let mut written = document()["components"]["schemas"]["EventTypeName"].clone();
    // A word of OpenAPI, not of JSON Schema; and a format that is none of its own.
    for word in ["example", "format"] {
        written.as_object_mut().unwrap().remove(word);
    }
    let schema = Schema::parse(&written).unwrap();
    let is_allowed = |name: &str| schema.check(&json!(name), &mut Work::of_steps(1_000)).unwrap().is_empty();
    for event_type in EventType::BUILT_IN {
        assert!(is_allowed(event_type.as_str()), "{event_type}");
    }
    for name in ["a", "acme.door_1.x", "A", "", "1", "a.", "a..b", "a-b", &"a".repeat(64), &"a".repeat(65)] {
        assert_eq!(is_allowed(name), EventType::parse(name).is_ok(), "{name}");
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_operation_is_described() {
    let document = document();
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{method} {path}");
            assert!(!operation["summary"].as_str().unwrap().is_empty(), "{method} {path}");
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.contains_key("500"), "{method} {path}");
            assert_eq!(responses.contains_key("401"), operation["security"].is_array(), "{method} {path}");
        }
    }
}
