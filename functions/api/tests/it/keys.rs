//! Keys: what they may be given, how long they last, and that their use is noted.

use crate::client::{Api, START};
use serde_json::{Value, json};
use spacehook_domain::api_key::Scope;

#[tokio::test]
async fn a_role_is_a_word_for_scopes_and_one_of_the_two_is_given() {
    let api = Api::new();
    for (role, scopes) in [("owner", json!(["admin"])), ("viewer", json!(["read"]))] {
        let made = api.json("POST /v1/api-keys", &json!({"name": "k", "role": role})).await;
        assert_eq!((&made.json["scopes"], &made.json["role"]), (&scopes, &json!(role)), "{}", made.text);
    }
    let made = api.json("POST /v1/api-keys", &json!({"name": "k", "scopes": ["read", "publish"]})).await;
    assert_eq!(made.json["role"], Value::Null);
    let table = [
        (json!({"name": "k"}), "/scopes"),
        (json!({"name": "k", "role": "owner", "scopes": ["read"]}), "/role"),
        (json!({"name": "k", "role": "king"}), "/role"),
        (json!({"name": "k", "scopes": ["all"]}), "/scopes/0"),
        (json!({"name": "k", "scopes": []}), "/scopes"),
        (json!({"name": "k", "role": "owner", "expires_at": START}), "/expires_at"),
        (json!({"name": "k", "role": "owner", "expires_at": "soon"}), "/expires_at"),
    ];
    for (body, place) in table {
        let errors = api.json("POST /v1/api-keys", &body).await.errors();
        assert_eq!(errors.iter().map(|error| error.0.as_str()).collect::<Vec<_>>(), [place], "{body}");
    }
}

#[tokio::test]
async fn a_key_opens_until_it_expires_and_then_says_so() {
    let api = Api::new();
    let body = json!({"name": "k", "role": "viewer", "expires_at": "2026-03-29T13:08:00+01:00"});
    let made = api.json("POST /v1/api-keys", &body).await;
    assert_eq!((made.status.as_u16(), &made.json["expires_at"]), (201, &json!("2026-03-29T12:08:00Z")));
    let token = made.json["token"].as_str().unwrap();
    let get = async || api.as_key(token, "GET /v1/subscriptions", &Value::Null).await;
    assert_eq!(get().await.status, 200);
    api.pass_ms(60_000);
    let expired = get().await;
    assert_eq!((expired.status.as_u16(), expired.problem()), (401, "unauthenticated"));
    assert_eq!(expired.json["detail"], "The API key expired at 2026-03-29T12:08:00Z.");
    assert!(expired.header("www-authenticate").contains("invalid_token"));
    let forged = format!("{}x", &token[..token.len() - 1]);
    let other = api.as_key(&forged, "GET /v1/subscriptions", &Value::Null).await;
    assert_eq!(other.json["detail"], "The API key is not valid.", "nothing is told to who has not the whole key");
    let id = made.json["id"].as_str().unwrap();
    assert_eq!(api.call(&format!("GET /v1/api-keys/{id}")).await.json["expires_at"], "2026-03-29T12:08:00Z", "listed");
}

#[tokio::test]
async fn the_use_of_a_key_is_noted_once_an_hour() {
    let api = Api::new();
    let made = api.json("POST /v1/api-keys", &json!({"name": "k", "role": "viewer"})).await;
    let (id, token) = (made.json["id"].as_str().unwrap(), made.json["token"].as_str().unwrap());
    let line = format!("GET /v1/api-keys/{id}");
    assert_eq!(api.call(&line).await.json["last_used_at"], Value::Null);
    let noted = || api.fake.with(|contents| contents.done.iter().filter(|done| **done == "key.use").count());
    for (pass_ms, times) in [(0, 1), (1_000, 1), (3_598_000, 1), (1_000, 2)] {
        api.pass_ms(pass_ms);
        api.as_key(token, "GET /v1/subscriptions", &Value::Null).await;
        assert_eq!(noted(), times);
    }
    assert_eq!(api.call(&line).await.json["last_used_at"], "2026-03-29T13:07:00Z");
    api.pass_ms(3_600_000);
    api.fake.with(|contents| contents.failing.insert("key.use", false));
    assert_eq!(api.as_key(token, "GET /v1/subscriptions", &Value::Null).await.status, 200, "served all the same");
}

#[tokio::test]
async fn only_an_operator_makes_and_deletes_operator_keys() {
    let api = Api::new();
    let admin = api.key("acme", &[Scope::Admin]);
    let body = json!({"name": "k", "scopes": ["operator"]});
    let refused = api.as_key(&admin, "POST /v1/api-keys", &body).await;
    assert_eq!((refused.status.as_u16(), refused.problem()), (403, "scope-missing"));
    let made = api.json("POST /v1/api-keys", &body).await;
    assert_eq!(made.status, 201, "the first admin key is one");
    let line = format!("DELETE /v1/api-keys/{}", made.json["id"].as_str().unwrap());
    assert_eq!(api.as_key(&admin, &line, &Value::Null).await.status, 403);
    let operator = made.json["token"].as_str().unwrap();
    assert_eq!(api.as_key(operator, "GET /v1/tenants", &Value::Null).await.status, 200);
    assert_eq!(api.as_key(operator, "GET /v1/subscriptions", &Value::Null).await.status, 403, "and nothing else");
    assert_eq!(api.call(&line).await.status, 204);
}

#[tokio::test]
async fn every_key_may_ask_who_it_is() {
    let api = Api::new();
    let own = api.call("GET /v1/api-keys/self").await;
    let expected = json!({
        "tenant": "acme", "id": "first-admin", "scopes": ["admin", "operator"], "role": null, "expires_at": null
    });
    assert_eq!(own.json, expected);
    let key = api.key("rival", &[Scope::Publish]);
    let own = api.as_key(&key, "GET /v1/api-keys/self", &Value::Null).await;
    assert_eq!((&own.json["tenant"], &own.json["scopes"]), (&json!("rival"), &json!(["publish"])));
}

#[tokio::test]
async fn a_tenant_has_a_hundred_keys() {
    let api = Api::new();
    for _ in 0..100 {
        api.key("acme", &[Scope::Read]);
    }
    let full = api.json("POST /v1/api-keys", &json!({"name": "k", "role": "owner"})).await;
    assert_eq!((full.status.as_u16(), full.problem()), (409, "limit-reached"));
}
