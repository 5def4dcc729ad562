//! Changes by merge patch, and revisions.

use crate::client::Api;
use crate::fake::Fake;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use spacehook_domain::credentials::{AuthSecret, Credentials};

/// The credentials of the version that the only subscription names.
fn credentials(fake: &Fake) -> Credentials {
    fake.with(|contents| {
        let subscription = contents.subscriptions.values().next().unwrap();
        contents.secrets[&subscription.secret_name].versions[&subscription.secret_version].clone()
    })
}

async fn patch(api: &Api, id: &str, patch: Value) -> Value {
    let answer = api.json(&format!("PATCH /v1/subscriptions/{id}"), &patch).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json
}

#[tokio::test]
async fn what_is_named_changes_null_resets_and_the_rest_stays() {
    let api = Api::new();
    let fields =
        json!({"description": "d", "send": "on_change", "key_values": {"a": "1", "b": "2"}, "contacts": ["a@b.c"]});
    let id = api.subscribe(fields).await;
    api.pass_ms(1_000);
    let changes =
        json!({"description": null, "send": null, "key_values": {"a": null, "c": "3"}, "contacts": ["x@y.z"]});
    let after = patch(&api, &id, changes).await;
    assert_eq!(after["description"], Value::Null);
    assert_eq!(after["send"], "always");
    assert_eq!(after["key_values"], json!({"b": "2", "c": "3"}));
    assert_eq!(after["contacts"], json!(["x@y.z"]));
    assert_eq!((&after["name"], &after["revision"]), (&json!("n"), &json!(2)));
    assert_ne!(after["updated_at"], after["created_at"]);
    assert!(api.fake.with(|contents| !contents.done.contains(&"secret.put")), "the secret was not touched");
}

#[tokio::test]
async fn credentials_do_not_follow_a_url_to_another_origin() {
    let api = Api::new();
    let bearer = json!({"type": "bearer", "token": "t"});
    let id = api.subscribe(json!({"auth": bearer, "custom_headers": {"x-a": "1"}})).await;
    let path = format!("PATCH /v1/subscriptions/{id}");
    let again = "must be given again, whole, since the URL leads to another host or port";
    for url in ["https://evil.example/x", "https://example.com:8443/"] {
        let alone = api.json(&path, &json!({"url": url})).await;
        assert_eq!((alone.status.as_u16(), alone.problem()), (422, "invalid-fields"), "{}", alone.text);
        assert_eq!(alone.text.matches(again).count(), 2, "{}", alone.text);
        let half = api.json(&path, &json!({"url": url, "auth": {"token": "t"}, "custom_headers": {}})).await;
        assert_eq!(half.status, 422, "what is left out of auth is not taken from before: {}", half.text);
    }
    let moved = json!({"url": "https://other.example/x", "auth": bearer, "custom_headers": {"x-b": "2"}});
    assert_eq!(patch(&api, &id, moved).await["custom_headers"], json!({"x-b": {"set": true}}));
    patch(&api, &id, json!({"url": "https://other.example/y?z"})).await;
    let open = api.subscribe(json!({"name": "open"})).await;
    patch(&api, &open, json!({"url": "https://other.example/x"})).await;
}

#[tokio::test]
async fn a_patch_that_changes_nothing_makes_no_revision() {
    let api = Api::new();
    let id = api.subscribe(json!({"auth": {"type": "bearer", "token": "t"}})).await;
    for same in [json!({}), json!({"name": "n", "enabled": true}), json!({"auth": {"token": "t"}})] {
        assert_eq!(patch(&api, &id, same).await["revision"], 1);
    }
    assert!(api.fake.with(|contents| !contents.done.contains(&"subscription.update")));
}

#[tokio::test]
async fn required_fields_cannot_be_removed_and_unknown_ones_not_even_with_null() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    let body = json!({"name": null, "event_types": null, "contcts": null, "key_value": {}});
    let mut errors = api.json(&format!("PATCH /v1/subscriptions/{id}"), &body).await.errors();
    errors.sort();
    let expected = [
        ("/contcts", "is not known; did you mean 'contacts'?"),
        ("/event_types", "is required"),
        ("/key_value", "is not known; did you mean 'key_values'?"),
        ("/name", "is required"),
    ];
    let expected: Vec<_> = expected.iter().map(|(place, detail)| ((*place).to_owned(), (*detail).to_owned())).collect();
    assert_eq!(errors, expected);
    let not_an_object = api.json(&format!("PATCH /v1/subscriptions/{id}"), &json!([1])).await;
    assert_eq!((not_an_object.status.as_u16(), not_an_object.problem()), (400, "malformed-request"));
}

#[tokio::test]
async fn credentials_merge_and_the_signing_secret_stays() {
    let api = Api::new();
    let auth = json!({"type": "basic", "username": "u", "password": "p"});
    let id = api.subscribe(json!({"auth": auth, "custom_headers": {"x-a": "1", "x-b": "2"}})).await;
    let before = credentials(&api.fake);

    let after = patch(&api, &id, json!({"auth": {"password": "q"}, "custom_headers": {"X-A": null, "x-c": "3"}})).await;
    assert_eq!(after["custom_headers"], json!({"x-b": {"set": true}, "x-c": {"set": true}}));
    let now = credentials(&api.fake);
    assert!(matches!(&now.auth, AuthSecret::Basic { username, password }
        if username == "u" && password.expose_secret() == "q"));
    assert_eq!(now.custom_headers["x-b"].expose_secret(), "2");
    assert_eq!(now.signing_secrets[0].to_text().expose_secret(), before.signing_secrets[0].to_text().expose_secret());

    let after = patch(&api, &id, json!({"auth": {"type": "bearer", "token": "t"}})).await;
    assert_eq!(after["auth"], json!({"type": "bearer", "credentials_set": true}));
    let after = patch(&api, &id, json!({"auth": null, "custom_headers": null})).await;
    assert_eq!(after["auth"], json!({"type": "none", "credentials_set": false}));
    assert_eq!(after["custom_headers"], json!({}));
    assert!(matches!(credentials(&api.fake).auth, AuthSecret::None));
}

#[tokio::test]
async fn a_new_way_to_authenticate_wants_all_of_its_credentials() {
    let api = Api::new();
    let id = api.subscribe(json!({"auth": {"type": "bearer", "token": "t"}})).await;
    let refused = api.json(&format!("PATCH /v1/subscriptions/{id}"), &json!({"auth": {"type": "basic"}})).await;
    let places: Vec<_> = refused.errors().into_iter().map(|(place, _)| place).collect();
    assert_eq!(places, ["/auth/username", "/auth/password"]);
}

#[tokio::test]
async fn both_content_types_are_taken_and_no_other() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    let line = format!("PATCH /v1/subscriptions/{id}");
    for (content_type, expected) in [
        ("application/merge-patch+json", 200),
        ("application/json; charset=utf-8", 200),
        ("application/json-patch+json", 415),
        ("text/plain", 415),
    ] {
        assert_eq!(api.raw(&line, &[("content-type", content_type)], "{}").await.status, expected, "{content_type}");
    }
}

#[tokio::test]
async fn a_stale_revision_changes_nothing() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    patch(&api, &id, json!({"description": "first"})).await;
    let headers = [("content-type", "application/json"), ("if-match", "\"1\"")];
    let stale = api.raw(&format!("PATCH /v1/subscriptions/{id}"), &headers, r#"{"description":"second"}"#).await;
    assert_eq!((stale.status.as_u16(), stale.problem()), (412, "precondition-failed"));
    for action in ["enable", "disable"] {
        let line = format!("POST /v1/subscriptions/{id}/{action}");
        assert_eq!(api.raw(&line, &[("if-match", "\"1\"")], "").await.status, 412);
        assert_eq!(api.raw(&line, &[("if-match", "*")], "").await.status, 200);
    }
    assert_eq!(api.call(&format!("GET /v1/subscriptions/{id}")).await.json["description"], "first");
}
