//! How many requests a key may make.

use crate::client::{Answer, Api};
use serde_json::{Value, json};
use spacehook_domain::api_key::Scope;

fn rate(answer: &Answer) -> [&str; 3] {
    ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"].map(|name| answer.header(name))
}

#[tokio::test]
async fn a_key_has_so_many_requests_in_each_minute_and_is_told_how_it_stands() {
    let api = Api::new();
    api.json("PATCH /v1/tenants/acme", &json!({"limits": {"requests_per_minute": 2}})).await;
    let (one, other) = (api.key("acme", &[Scope::Read]), api.key("acme", &[Scope::Read]));
    api.pass_ms(18_400);
    let get = async |key: &str, line: &str| api.as_key(key, line, &Value::Null).await;
    assert_eq!(rate(&get(&one, "GET /v1/subscriptions").await), ["2", "1", "42"]);
    let refused = get(&one, "GET /v1/api-keys").await;
    assert_eq!((refused.status.as_u16(), rate(&refused)), (403, ["2", "0", "42"]), "what is refused counts, too");
    let limited = get(&one, "GET /v1/subscriptions").await;
    assert_eq!((limited.status.as_u16(), limited.problem()), (429, "rate-limited"));
    assert_eq!((limited.header("retry-after"), rate(&limited)), ("42", ["2", "0", "42"]));
    assert_eq!(get(&other, "GET /v1/subscriptions").await.status, 200, "each key has its own");
    api.pass_ms(42_000);
    assert_eq!(get(&one, "GET /v1/subscriptions").await.status, 200, "the next minute");
    for line in ["GET /health", "GET /v1/nothing"] {
        assert_eq!(rate(&api.call(line).await), ["", "", ""], "{line}: nobody asked who calls");
    }
}

#[tokio::test]
async fn what_can_not_be_counted_is_let_through() {
    let api = Api::new();
    api.json("PATCH /v1/tenants/acme", &json!({"limits": {"requests_per_minute": 1}})).await;
    let key = api.key("acme", &[Scope::Read]);
    api.fake.with(|contents| contents.failing.insert("request.count", false));
    for _ in 0..3 {
        let answer = api.as_key(&key, "GET /v1/subscriptions", &Value::Null).await;
        assert_eq!((answer.status.as_u16(), rate(&answer)), (200, ["", "", ""]));
    }
    let own = api.as_key(&key, "GET /v1/tenant", &Value::Null).await;
    assert_eq!(own.json["usage"]["requests_this_minute"], Value::Null);
}

#[tokio::test]
async fn a_request_is_counted_once_though_it_has_an_idempotency_key() {
    let api = Api::new();
    let key = api.key("acme", &[Scope::Admin]);
    let body = json!({"name": "k", "role": "viewer"});
    let first = api.once(&key, "/v1/api-keys", "a", &body).await;
    assert_eq!((first.status.as_u16(), first.header("ratelimit-remaining")), (201, "999"));
    let repeat = api.once(&key, "/v1/api-keys", "a", &body).await;
    assert_eq!((repeat.status.as_u16(), repeat.header("ratelimit-remaining")), (201, "998"));
}
