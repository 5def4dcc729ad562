//! Replacing a subscription whole.

use crate::client::{Api, subscription};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use spacehook_domain::backlog::{Backlog, OnEnable};
use spacehook_domain::credentials::Credentials;

fn credentials(api: &Api) -> Credentials {
    api.fake.with(|contents| {
        let subscription = contents.subscriptions.values().next().unwrap();
        contents.secrets[&subscription.secret_name].versions[&subscription.secret_version].clone()
    })
}

#[tokio::test]
async fn what_is_not_said_gets_its_default_and_the_signing_secret_stays() {
    let api = Api::new();
    let rich = json!({
        "description": "d", "send": "on_change", "building_ref_ids": ["b"], "filter": {"a": [1]}, "metadata": {"k": "v"},
        "key_values": {"site": "HQ"}, "rate_limit_per_second": 5, "contacts": ["a@b.c"], "backlog": "latest",
        "auth": {"type": "bearer", "token": "hush"}, "custom_headers": {"x-key": "hush"},
    });
    let id = api.subscribe(rich).await;
    let signing = credentials(&api).signing_secrets[0].to_text();
    api.pass_ms(1_000);
    let line = format!("PUT /v1/subscriptions/{id}");
    let after = api.json(&line, &subscription(json!({"name": "new"}))).await;
    assert_eq!((after.status.as_u16(), after.header("etag")), (200, "\"2\""), "{}", after.text);
    let fresh = Api::new();
    fresh.subscribe(json!({"name": "new"})).await;
    let mut expected = fresh.call("GET /v1/subscriptions").await.json["data"][0].clone();
    for name in ["id", "revision", "created_at", "updated_at"] {
        expected[name] = after.json[name].clone();
    }
    expected.as_object_mut().unwrap().shift_remove("health");
    assert_eq!(after.json, expected);
    assert_ne!(after.json["updated_at"], after.json["created_at"]);
    let now = credentials(&api);
    assert!(now.custom_headers.is_empty());
    assert_eq!(now.signing_secrets[0].to_text().expose_secret(), signing.expose_secret());
    assert_eq!(api.json(&line, &subscription(json!({"name": "new"}))).await.json["revision"], 2, "nothing changed");
}

#[tokio::test]
async fn a_url_elsewhere_takes_no_credentials_along() {
    let api = Api::new();
    let id = api.subscribe(json!({"auth": {"type": "bearer", "token": "hush"}})).await;
    let moved = subscription(json!({"url": "https://other.example/x"}));
    let after = api.json(&format!("PUT /v1/subscriptions/{id}"), &moved).await.json;
    assert_eq!(after["auth"], json!({"type": "none", "credentials_set": false}));
    let given = subscription(json!({"url": "https://other.example/x", "auth": {"type": "bearer", "token": "new"}}));
    let after = api.json(&format!("PUT /v1/subscriptions/{id}"), &given).await.json;
    assert_eq!(after["auth"], json!({"type": "bearer", "credentials_set": true}));
}

#[tokio::test]
async fn it_is_read_like_a_new_one_and_minds_the_revision() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    let line = format!("PUT /v1/subscriptions/{id}");
    let refused = api.json(&line, &json!({"nam": "x"})).await;
    let places: Vec<_> = refused.errors().into_iter().map(|(place, _)| place).collect();
    assert_eq!(
        (refused.status.as_u16(), places),
        (422, ["/nam", "/name", "/url", "/event_types"].map(str::to_owned).to_vec())
    );
    let headers = [("content-type", "application/json"), ("if-match", "\"7\"")];
    let stale = api.raw(&line, &headers, subscription(json!({"name": "x"})).to_string()).await;
    assert_eq!((stale.status.as_u16(), stale.problem()), (412, "precondition-failed"));
    let nobody = "PUT /v1/subscriptions/sub_00000000000000000000000000000000";
    assert_eq!(api.json(nobody, &subscription(json!({}))).await.status, 404, "ids are ours to give");
}

#[tokio::test]
async fn one_that_enables_delivers_what_was_kept() {
    let api = Api::new();
    let id = api.subscribe(json!({"enabled": false})).await;
    let after = api.json(&format!("PUT /v1/subscriptions/{id}"), &subscription(json!({}))).await.json;
    assert_eq!((&after["enabled"], &after["disabled"]), (&json!(true), &Value::Null));
    let treatments: Vec<_> =
        api.fake.with(|contents| contents.backlogs.values().filter_map(|one: &Backlog| one.treatment).collect());
    assert!(matches!(&treatments[..], [one] if one.what == OnEnable::Deliver));
}
