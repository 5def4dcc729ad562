//! The document: the checked-in one is the code's, and what it says of bodies is what is read.

use crate::client::Api;
use serde_json::{Value, json};
use spacehook_domain::event::EventType;
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

/// The names that a body may have at its top, as the document says.
fn properties<'a>(document: &'a Value, schema: &str) -> BTreeSet<&'a str> {
    let schema = &document["components"]["schemas"][schema];
    assert_eq!(schema["additionalProperties"], false);
    schema["properties"].as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn bodies_have_the_fields_that_the_document_says() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    api.json("PUT /v1/buildings/b", &json!({})).await;
    let table = [
        ("NewSubscription", "POST /v1/subscriptions".to_owned()),
        ("SubscriptionPatch", format!("PATCH /v1/subscriptions/{id}")),
        ("Enabling", format!("POST /v1/subscriptions/{id}/enable")),
        ("PlaceInput", "PUT /v1/buildings/b".to_owned()),
        ("PlaceInput", "PUT /v1/buildings/b/floors/f".to_owned()),
        ("SpaceInput", "PUT /v1/buildings/b/spaces/s".to_owned()),
        ("SensorInput", "PUT /v1/sensors/x".to_owned()),
        ("Import", "POST /v1/import".to_owned()),
        ("ContactsInput", "PUT /v1/contacts".to_owned()),
        ("NewApiKey", "POST /v1/api-keys".to_owned()),
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
fn the_document_knows_every_event_type() {
    let document = document();
    let listed: Vec<_> = document["components"]["schemas"]["EventType"]["enum"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    let types: Vec<_> = EventType::ALL.into_iter().map(EventType::as_str).collect();
    assert_eq!(listed, types);
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
