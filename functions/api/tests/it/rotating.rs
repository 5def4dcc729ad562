//! New signing secrets.

use crate::client::Api;
use crate::fake::Secret;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The signing secrets of the version that the only subscription names, the newest first.
fn secrets(api: &Api) -> Vec<String> {
    api.fake.with(|contents| {
        let subscription = contents.subscriptions.values().next().unwrap();
        let Secret { versions, current } = &contents.secrets[&subscription.secret_name];
        assert_eq!(current, &subscription.secret_version);
        let text = |secret: &spacehook_domain::signing::SigningSecret| secret.to_text().expose_secret().to_owned();
        versions[current].signing_secrets.iter().map(text).collect()
    })
}

async fn rotate(api: &Api, id: &str, body: Value) -> Value {
    let answer = api.json(&format!("POST /v1/subscriptions/{id}/signing-secret/rotate"), &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("etag"), format!("\"{}\"", answer.json["revision"]));
    answer.json
}

#[tokio::test]
async fn both_sign_until_the_time_that_is_shown() {
    let api = Api::new();
    let id = api.subscribe(json!({"auth": {"type": "bearer", "token": "hush"}})).await;
    let first = secrets(&api);
    let rotated = rotate(&api, &id, json!({})).await;
    assert_eq!(rotated["previous_signing_secret_until"], "2026-03-30T12:07:00Z", "24 hours");
    let new = rotated["signing_secret"].as_str().unwrap().to_owned();
    assert_eq!(secrets(&api), [new, first[0].clone()]);
    let shown = api.call(&format!("GET /v1/subscriptions/{id}")).await;
    assert_eq!(shown.json["previous_signing_secret_until"], "2026-03-30T12:07:00Z");
    assert!(!shown.text.contains("whsec_"), "shown once");
    assert_eq!(shown.json["auth"]["credentials_set"], true, "the credentials stay");
}

#[tokio::test]
async fn at_most_two_sign() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    rotate(&api, &id, json!({"overlap_hours": 168})).await;
    let second = secrets(&api)[0].clone();
    api.pass_ms(3_600_000);
    let again = rotate(&api, &id, json!({"overlap_hours": 1})).await;
    assert_eq!(again["previous_signing_secret_until"], "2026-03-29T14:07:00Z");
    assert_eq!(secrets(&api)[1..], [second], "the secret before the former is gone");
    let last = rotate(&api, &id, json!({"overlap_hours": 0})).await;
    assert_eq!((secrets(&api).len(), &last["previous_signing_secret_until"]), (1, &Value::Null), "at once");
    let all: BTreeSet<_> = [again, last].iter().map(|one| one["signing_secret"].as_str().unwrap().to_owned()).collect();
    assert_eq!(all.len(), 2);
}

#[tokio::test]
async fn a_change_of_credentials_keeps_both() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    rotate(&api, &id, json!({})).await;
    let both = secrets(&api);
    api.json(&format!("PATCH /v1/subscriptions/{id}"), &json!({"custom_headers": {"x-a": "1"}})).await;
    assert_eq!(secrets(&api), both);
    let shown = api.call(&format!("GET /v1/subscriptions/{id}")).await.json;
    assert_eq!(shown["previous_signing_secret_until"], "2026-03-30T12:07:00Z");
}

#[tokio::test]
async fn the_secret_is_there_before_the_record_names_it() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    let before = secrets(&api);
    let line = format!("POST /v1/subscriptions/{id}/signing-secret/rotate");
    api.fake.with(|contents| contents.done.clear());
    api.fake.with(|contents| contents.failing.insert("subscription.update", false));
    assert_eq!(api.json(&line, &json!({})).await.status, 503);
    let done = api.fake.with(|contents| std::mem::take(&mut contents.done));
    let order: Vec<_> = done.into_iter().filter(|what| ["secret.put", "subscription.update"].contains(what)).collect();
    assert_eq!(order, ["secret.put", "subscription.update"]);
    assert_eq!(secrets(&api), before, "the version in use is the current one again");

    // Made, and only the answer was lost.
    api.fake.with(|contents| contents.failing.insert("subscription.update", true));
    let rotated = api.json(&line, &json!({})).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
    assert_eq!(rotated.json["signing_secret"], secrets(&api)[0]);
}

#[tokio::test]
async fn a_rotation_is_checked() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    let line = format!("POST /v1/subscriptions/{id}/signing-secret/rotate");
    for hours in [json!(-1), json!(169), json!(1.5), json!("24")] {
        let refused = api.json(&line, &json!({"overlap_hours": hours})).await.errors();
        assert_eq!(refused, [("/overlap_hours".to_owned(), "must be a whole number from 0 to 168".to_owned())]);
    }
    let headers = [("content-type", "application/json"), ("if-match", "\"7\"")];
    assert_eq!(api.raw(&line, &headers, "{}").await.status, 412);
    assert_eq!(api.call(&line).await.status, 200, "a body is not needed");
}
