//! Which receivers may be named: the guard's vectors, at creation and at every change.

use crate::client::{Api, subscription};
use serde_json::json;
use spacehook_domain::receiver::{AllowedNetworks, PortPolicy, ReceiverPolicy, Rule};

const REFUSED: &str = include_str!("../../../../shared/domain/tests/data/ssrf-refuse.txt");
const ALLOWED: &str = include_str!("../../../../shared/domain/tests/data/ssrf-allow.txt");

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.is_empty())
}

#[tokio::test]
async fn every_refused_vector_is_refused_with_the_rule_named() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    assert!(lines(REFUSED).count() >= 39);
    for url in lines(REFUSED) {
        let created = api.json("POST /v1/subscriptions", &subscription(json!({"name": "x", "url": url}))).await;
        let changed = api.json(&format!("PATCH /v1/subscriptions/{id}"), &json!({"url": url})).await;
        for refused in [created, changed] {
            assert_eq!((refused.status.as_u16(), refused.problem()), (422, "receiver-refused"), "{url}");
            let error = &refused.json["errors"][0];
            assert_eq!(error["pointer"], "/url", "{url}");
            let rule = Rule::from_key(error["rule"].as_str().unwrap()).unwrap();
            assert!(error["detail"].as_str().unwrap().contains(&rule.to_string()), "{url}: {error}");
        }
    }
    assert_eq!(api.fake.with(|contents| contents.secrets.len()), 1);
}

#[tokio::test]
async fn every_allowed_vector_is_accepted() {
    let api = Api::new();
    assert!(lines(ALLOWED).count() >= 5);
    for (number, url) in lines(ALLOWED).enumerate() {
        api.subscribe(json!({"name": number.to_string(), "url": url})).await;
    }
}

#[tokio::test]
async fn the_operators_exceptions_hold_and_nothing_more() {
    let networks = AllowedNetworks::parse("127.0.0.0/8@1024-65535").unwrap();
    let api = Api::with_policy(ReceiverPolicy::new(networks, PortPolicy::default()));
    api.subscribe(json!({"name": "local", "url": "https://127.0.0.1:8443/hook"})).await;
    let refused = api.json("POST /v1/subscriptions", &subscription(json!({"url": "https://127.0.0.1/"}))).await;
    assert_eq!(refused.json["errors"][0]["rule"], "loopback");
}

#[tokio::test]
async fn a_url_that_is_left_as_it_is_is_not_judged_again() {
    let networks = AllowedNetworks::parse("10.0.0.0/8").unwrap();
    let open = Api::with_policy(ReceiverPolicy::new(networks, PortPolicy::default()));
    let id = open.subscribe(json!({"url": "https://10.0.0.1/"})).await;
    // The same records under a stricter policy.
    let strict = Api::new();
    let saved = open.fake.with(|contents| contents.subscriptions.clone());
    strict.fake.with(|contents| contents.subscriptions = saved);
    let path = format!("PATCH /v1/subscriptions/{id}");
    assert_eq!(strict.json(&path, &json!({"description": "old"})).await.status, 200);
    assert_eq!(strict.json(&path, &json!({"url": "https://10.0.0.2/"})).await.status, 422);
}
