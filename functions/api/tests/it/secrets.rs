//! The order of effects between the secret and the record, when one of them fails.

use crate::client::{Api, subscription};
use serde_json::json;

fn fail(api: &Api, operation: &'static str, carried_out: bool) {
    api.fake.with(|contents| contents.failing.insert(operation, carried_out));
}

fn mend(api: &Api) {
    api.fake.with(|contents| contents.failing.clear());
}

fn done(api: &Api) -> Vec<&'static str> {
    api.fake.with(|contents| std::mem::take(&mut contents.done))
}

/// Whether the version that the only subscription names is there, and the current one.
fn is_in_order(api: &Api) -> bool {
    api.fake.with(|contents| {
        let subscription = contents.subscriptions.values().next().unwrap();
        let secret = &contents.secrets[&subscription.secret_name];
        secret.current == subscription.secret_version && secret.versions.contains_key(&secret.current)
    })
}

#[tokio::test]
async fn a_secret_is_there_before_it_is_named_and_goes_after() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    assert_eq!(done(&api), ["secret.admin_key", "secret.create", "subscription.create"]);
    let line = format!("PATCH /v1/subscriptions/{id}");
    api.json(&line, &json!({"auth": {"type": "bearer", "token": "t"}})).await;
    assert_eq!(done(&api), ["subscription.get", "secret.get", "secret.put", "subscription.update"]);
    assert!(is_in_order(&api));
    api.call(&format!("DELETE /v1/subscriptions/{id}")).await;
    assert_eq!(done(&api), ["subscription.get", "timer.wake", "subscription.delete", "secret.delete", "backlog.purge"]);
}

#[tokio::test]
async fn no_subscription_is_made_without_its_secret() {
    let api = Api::new();
    fail(&api, "secret.create", false);
    let answer = api.json("POST /v1/subscriptions", &subscription(json!({}))).await;
    assert_eq!((answer.status.as_u16(), answer.problem()), (503, "unavailable"));
    assert_eq!(answer.header("retry-after"), "1");
    assert!(api.fake.with(|contents| contents.subscriptions.is_empty()));
}

#[tokio::test]
async fn a_secret_whose_subscription_was_not_made_is_deleted() {
    let api = Api::new();
    fail(&api, "subscription.create", false);
    assert_eq!(api.json("POST /v1/subscriptions", &subscription(json!({}))).await.status, 503);
    assert!(api.fake.with(|contents| contents.secrets.is_empty()));
}

#[tokio::test]
async fn a_creation_whose_answer_was_lost_is_a_creation() {
    let api = Api::new();
    fail(&api, "subscription.create", true);
    let created = api.json("POST /v1/subscriptions", &subscription(json!({}))).await;
    assert_eq!(created.status, 201, "{}", created.text);
    assert!(is_in_order(&api));
}

#[tokio::test]
async fn a_change_that_fails_leaves_the_secret_in_use_current() {
    let api = Api::new();
    let id = api.subscribe(json!({"auth": {"type": "bearer", "token": "one"}})).await;
    api.subscribe(json!({"name": "other"})).await;
    let line = format!("PATCH /v1/subscriptions/{id}");
    let new = json!({"auth": {"token": "two"}});

    fail(&api, "subscription.update", false);
    assert_eq!(api.json(&line, &new).await.status, 503);
    assert!(is_in_order(&api));

    mend(&api);
    let taken = api.json(&line, &json!({"name": "OTHER", "auth": {"token": "two"}})).await;
    assert_eq!(taken.problem(), "name-taken");
    assert!(is_in_order(&api));

    fail(&api, "subscription.update", true);
    assert_eq!(api.json(&line, &new).await.status, 200, "made, and only the answer was lost");
    assert!(is_in_order(&api));
}

#[tokio::test]
async fn a_secret_that_cannot_be_deleted_does_not_keep_its_subscription() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    fail(&api, "secret.delete", false);
    assert_eq!(api.call(&format!("DELETE /v1/subscriptions/{id}")).await.status, 204);
    assert!(api.fake.with(|contents| contents.subscriptions.is_empty()));
}
