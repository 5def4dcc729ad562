//! Who may do what: every operation of the document, with every scope, without a key, and with another tenant's ids.

use crate::client::Api;
use crate::fake::ADMIN_KEY;
use serde_json::{Value, json};
use spacehook_domain::api_key::Scope;
use std::collections::BTreeMap;

/// An operation, and the scope that the document says it needs: none where it is public, an empty one where any key does.
struct Operation {
    line: String,
    scope: Option<String>,
}

fn operations() -> Vec<Operation> {
    let document = serde_json::to_value(spacehook_api::openapi::document()).unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let scopes = operation["security"][0]["api_key"].as_array();
            let scope = scopes.map(|scopes| scopes.first().and_then(Value::as_str).unwrap_or_default().to_owned());
            operations.push(Operation { line: format!("{} {path}", method.to_uppercase()), scope });
        }
    }
    operations
}

/// The line of an operation with ids that name nothing.
fn with_ids(line: &str, ids: &BTreeMap<&str, String>) -> String {
    ids.iter().fold(line.to_owned(), |line, (name, id)| line.replace(&format!("{{{name}}}"), id))
}

fn nobodys_ids() -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("id", format!("sub_{}", "0".repeat(32))),
        ("building_ref_id", "b".to_owned()),
        ("floor_ref_id", "f".to_owned()),
        ("space_ref_id", "s".to_owned()),
        ("sensor_id", "x".to_owned()),
        ("event_id", format!("evt_{}", "0".repeat(32))),
        ("kind", "not-found".to_owned()),
        ("file", "page.js".to_owned()),
    ])
}

#[tokio::test]
async fn every_operation_needs_the_scope_that_its_document_names() {
    let table = [
        (Scope::Admin, &["admin", "write", "read", "publish"][..]),
        (Scope::Write, &["write", "read"]),
        (Scope::Read, &["read"]),
        (Scope::Operator, &["operator"]),
        (Scope::Publish, &["publish"]),
    ];
    let operations = operations();
    assert!(operations.len() >= 41, "{}", operations.len());
    for (scope, allowed) in table {
        let api = Api::new();
        let key = api.key("acme", &[scope]);
        for Operation { line, scope: needed } in &operations {
            let answer = api.as_key(&key, &with_ids(line, &nobodys_ids()), &json!({})).await;
            let is_allowed =
                needed.as_ref().is_none_or(|needed| needed.is_empty() || allowed.contains(&needed.as_str()));
            assert_eq!(answer.status != 403, is_allowed, "{line} with {scope:?}: {}", answer.text);
            assert_ne!(answer.status, 401, "{line}");
            if let Some(needed) = needed.as_ref().filter(|_| !is_allowed) {
                assert_eq!(answer.problem(), "scope-missing");
                assert!(answer.json["detail"].as_str().unwrap().contains(&format!("'{needed}'")), "{line}");
            }
        }
    }
}

#[tokio::test]
async fn without_a_valid_key_there_is_nothing_but_what_is_public() {
    let api = Api::new();
    let unknown = format!("Bearer shk_0123456789abcdef_{}", "A".repeat(43));
    let mut public = Vec::new();
    for Operation { line, scope } in operations() {
        let line = with_ids(&line, &nobodys_ids());
        for authorization in ["", "Bearer", "Bearer x", "Basic eDp5", &unknown, &format!("Bearer {}", "A".repeat(48))] {
            let headers = [("authorization", authorization), ("content-type", "application/json")];
            let answer = api.raw(&line, &headers, "{}").await;
            if scope.is_some() {
                assert_eq!((answer.status.as_u16(), answer.problem()), (401, "unauthenticated"), "{line}");
                assert!(answer.header("www-authenticate").starts_with("Bearer"), "{line}");
            } else {
                assert_eq!(answer.status, 200, "{line}");
            }
        }
        if scope.is_none() {
            public.push(line);
        }
    }
    public.sort();
    assert_eq!(
        public,
        ["GET /docs", "GET /docs/page.js", "GET /health", "GET /openapi.json", "GET /problems/not-found"]
    );
}

#[tokio::test]
async fn another_tenants_things_do_not_exist() {
    let api = Api::new();
    let subscription = api.subscribe(json!({})).await;
    api.json("PUT /v1/buildings/b", &json!({})).await;
    api.json("PUT /v1/buildings/b/floors/f", &json!({})).await;
    api.json("PUT /v1/buildings/b/spaces/s", &json!({"floor_ref_id": "f"})).await;
    api.json("PUT /v1/sensors/x", &json!({"building_ref_id": "b", "space_ref_id": "s"})).await;
    let key = api.json("POST /v1/api-keys", &json!({"name": "k", "scopes": ["read"]})).await;
    let before =
        api.fake.with(|contents| (contents.subscriptions.clone(), contents.sensors.clone(), contents.keys.len()));

    let foreign = api.key("rival", &[Scope::Admin]);
    let mut ids = nobodys_ids();
    let mut outcomes = BTreeMap::new();
    for Operation { line, scope } in operations() {
        // Whose ids are tenants is the operator's to know.
        if scope.as_deref() == Some("operator") {
            let answer = api.as_key(&foreign, &with_ids(&line, &ids), &json!({})).await;
            assert_eq!(answer.status, 403, "{line}");
            continue;
        }
        let is_key = line.contains("api-keys");
        let id = if is_key { key.json["id"].as_str().unwrap() } else { &subscription };
        ids.insert("id", id.to_owned());
        // A PUT by id makes the caller's own thing of that name; what it may name is its own, too.
        if scope.is_none() || line.starts_with("PUT") || !line.contains('{') {
            continue;
        }
        let answer = api.as_key(&foreign, &with_ids(&line, &ids), &json!({"description": "mine"})).await;
        outcomes.insert(line, answer.status.as_u16());
    }
    assert!(outcomes.len() >= 18, "{outcomes:#?}");
    assert!(outcomes.values().all(|status| *status == 404), "{outcomes:#?}");
    for line in ["GET /v1/subscriptions", "GET /v1/buildings", "GET /v1/sensors"] {
        assert_eq!(api.as_key(&foreign, line, &Value::Null).await.json["data"], json!([]), "{line}");
    }
    let after =
        api.fake.with(|contents| (contents.subscriptions.clone(), contents.sensors.clone(), contents.keys.len()));
    // The rival's own key has come to it.
    assert_eq!((before.0, before.1, before.2 + 1), after);
}

#[tokio::test]
async fn the_first_admin_key_is_the_whole_secret_and_asked_for_once_in_five_seconds() {
    let api = Api::new();
    for (key, expected) in [
        (ADMIN_KEY.to_owned(), 200),
        (ADMIN_KEY[1..].to_owned(), 401),
        (format!("{ADMIN_KEY}x"), 401),
        (ADMIN_KEY.to_lowercase(), 401),
    ] {
        assert_eq!(api.as_key(&key, "GET /v1/api-keys", &Value::Null).await.status, expected, "{key}");
    }
    let reads = || api.fake.with(|contents| contents.done.iter().filter(|done| **done == "secret.admin_key").count());
    assert_eq!(reads(), 1);
    api.pass_ms(5_000);
    api.call("GET /v1/api-keys").await;
    assert_eq!(reads(), 2);
}

#[tokio::test]
async fn a_made_key_works_at_once_and_a_deleted_one_stops() {
    let api = Api::new();
    let created = api.json("POST /v1/api-keys", &json!({"name": "Dashboard", "scopes": ["read"]})).await;
    assert_eq!(created.status, 201, "{}", created.text);
    let (id, token) = (created.json["id"].as_str().unwrap(), created.json["token"].as_str().unwrap());
    assert!(token.starts_with(&format!("shk_{id}_")));
    for _ in 0..3 {
        assert_eq!(api.as_key(token, "GET /v1/subscriptions", &Value::Null).await.status, 200);
    }
    assert_eq!(api.fake.with(|contents| contents.key_reads), 3, "each request reads its key");
    let forged = format!("{}{}", &token[..token.len() - 1], if token.ends_with('A') { 'B' } else { 'A' });
    assert_eq!(api.as_key(&forged, "GET /v1/subscriptions", &Value::Null).await.status, 401);
    let listed = api.call("GET /v1/api-keys").await;
    assert_eq!(listed.json["data"][0]["scopes"], json!(["read"]));
    assert!(!listed.text.contains(&token[token.len() - 43..]), "the token is shown once");

    assert_eq!(api.call(&format!("DELETE /v1/api-keys/{id}")).await.status, 204);
    assert_eq!(api.as_key(token, "GET /v1/subscriptions", &Value::Null).await.status, 401);
    assert_eq!(api.call(&format!("DELETE /v1/api-keys/{id}")).await.status, 404);
}

#[tokio::test]
async fn a_key_deleted_elsewhere_stops_with_the_next_request() {
    let api = Api::new();
    let token = api.key("acme", &[Scope::Read]);
    assert_eq!(api.as_key(&token, "GET /v1/subscriptions", &Value::Null).await.status, 200);
    api.fake.with(|contents| contents.keys.clear());
    assert_eq!(api.as_key(&token, "GET /v1/subscriptions", &Value::Null).await.status, 401);
}
