//! Creating, reading, enabling and deleting subscriptions.

use crate::client::{Api, START, subscription};
use serde_json::{Value, json};

#[tokio::test]
async fn what_is_created_reads_back_without_its_secrets() {
    let api = Api::new();
    let body = json!({
        "name": "Cleaning", "description": "robots\nand people", "url": "https://EXAMPLE.com:8443/hook?x=1",
        "event_types": ["space_availability", "space_report"], "send": "on_change", "building_ref_ids": ["b1"],
        "backlog": "latest", "rate_limit_per_second": 20, "auth": {"type": "basic", "username": "u", "password": "hush"}, "custom_headers": {"X-Key": "hush"},
        "key_values": {"site": "HQ"}, "contacts": ["ops@example.com"]
    });
    let created = api.json("POST /v1/subscriptions", &body).await;
    assert_eq!(created.status, 201, "{}", created.text);
    assert!(created.json["signing_secret"].as_str().unwrap().starts_with("whsec_"));
    assert_eq!(created.header("etag"), "\"1\"");
    let id = created.json["id"].as_str().unwrap();
    assert_eq!(created.header("location"), format!("/v1/subscriptions/{id}"));

    let read = api.call(&format!("GET /v1/subscriptions/{id}")).await;
    let expected = json!({
        "id": id, "name": "Cleaning", "description": "robots\nand people", "url": "https://example.com:8443/hook?x=1",
        "event_types": ["space_report", "space_availability"], "enabled": true, "disabled": null, "send": "on_change",
        "building_ref_ids": ["b1"], "floor_ref_ids": [], "space_ref_ids": [], "filter": null, "backlog": "latest",
        "rate_limit_per_second": 20, "auth": {"type": "basic", "credentials_set": true},
        "custom_headers": {"x-key": {"set": true}}, "key_values": {"site": "HQ"}, "contacts": ["ops@example.com"],
        "metadata": {}, "previous_signing_secret_until": null, "created_at": START, "updated_at": START, "revision": 1,
        "health": "healthy"
    });
    assert_eq!(read.json, expected);
    assert_eq!(read.header("etag"), "\"1\"");
    for answer in [&created, &read, &api.call("GET /v1/subscriptions").await] {
        assert!(!answer.text.contains("hush"), "{}", answer.text);
    }
    assert!(!read.text.contains("whsec_"), "the signing secret is shown once");
}

#[tokio::test]
async fn what_is_not_said_has_its_default() {
    let api = Api::new();
    let id = api.subscribe(json!({"description": null})).await;
    let read = api.call(&format!("GET /v1/subscriptions/{id}")).await.json;
    for (field, expected) in [
        ("description", Value::Null),
        ("enabled", json!(true)),
        ("send", json!("always")),
        ("building_ref_ids", json!([])),
        ("backlog", json!("all")),
        ("rate_limit_per_second", Value::Null),
        ("auth", json!({"type": "none", "credentials_set": false})),
        ("custom_headers", json!({})),
        ("key_values", json!({})),
        ("contacts", json!([])),
    ] {
        assert_eq!(read[field], expected, "{field}");
    }
}

#[tokio::test]
async fn all_mistakes_are_listed_at_once() {
    let api = Api::new();
    let body = json!({
        "name": " x", "url": "http://example.com/", "event_types": [], "enabled": "yes", "send": "sometimes",
        "building_ref_ids": ["b", "b", "a/b"], "backlog": "some", "rate_limit_per_second": 1001, "auth": {"type": "basic", "username": "a:b", "pasword": "x"},
        "custom_headers": {"x-a": "1\r\nx-b: 2", "webhook-id": "1"}, "key_values": {"timestamp": "x", "a/b": 1},
        "contacts": ["ops"], "event_type": "space_report", "id": "sub_1"
    });
    let refused = api.json("POST /v1/subscriptions", &body).await;
    assert_eq!((refused.status.as_u16(), refused.problem()), (422, "receiver-refused"));
    let mut errors = refused.errors();
    errors.sort();
    let expected = [
        ("/auth/password", "is required"),
        ("/auth/pasword", "is not known; did you mean 'password'?"),
        ("/auth/username", "must not have a colon"),
        ("/backlog", "must be 'all' or 'latest'"),
        ("/building_ref_ids/1", "is there twice"),
        ("/building_ref_ids/2", "could not be addressed in a path"),
        ("/contacts/0", "must be one e-mail address"),
        ("/custom_headers/webhook-id", "this name is reserved"),
        ("/custom_headers/x-a", "line end"),
        ("/enabled", "must be true or false"),
        ("/event_type", "is not known; did you mean 'event_types'?"),
        ("/event_types", "must have at least 1 item"),
        ("/id", "is set by Spacehook"),
        ("/key_values/a~1b", "must be a text"),
        ("/key_values/timestamp", "is a field of the documented body"),
        ("/name", "must have 1 to 100 characters"),
        ("/rate_limit_per_second", "must be a whole number from 1 to 1000"),
        ("/send", "must be 'always' or 'on_change'"),
        ("/url", "refused by policy: HTTPS only"),
    ];
    assert_eq!(errors.len(), expected.len(), "{errors:#?}");
    for ((place, detail), (expected_place, expected_detail)) in errors.iter().zip(expected) {
        assert_eq!(place, expected_place);
        assert!(detail.contains(expected_detail), "{place}: {detail}");
    }
    assert_eq!(api.fake.with(|contents| contents.done.clone()), ["secret.admin_key"], "nothing was written");
}

#[tokio::test]
async fn rate_limits_are_whole_numbers_from_1_to_1000() {
    let api = Api::new();
    for wrong in [json!(0), json!(1001), json!(-1), json!(1.5), json!("5"), json!(18_446_744_073_709_551_615_u64)] {
        let refused = api.json("POST /v1/subscriptions", &subscription(json!({"rate_limit_per_second": wrong}))).await;
        let expected = ("/rate_limit_per_second".to_owned(), "must be a whole number from 1 to 1000".to_owned());
        assert_eq!(refused.errors(), [expected], "{wrong}");
    }
    let whole =
        api.json("POST /v1/subscriptions", &subscription(json!({"name": "w", "rate_limit_per_second": 10.0}))).await;
    assert_eq!(whole.json["rate_limit_per_second"], 10, "JSON knows one kind of number");
    let id = api.subscribe(json!({"rate_limit_per_second": 1000, "backlog": "latest"})).await;
    let patch = json!({"rate_limit_per_second": null, "backlog": null});
    let reset = api.json(&format!("PATCH /v1/subscriptions/{id}"), &patch).await.json;
    assert_eq!((&reset["rate_limit_per_second"], &reset["backlog"]), (&Value::Null, &json!("all")));
    let kept = api.json(&format!("PATCH /v1/subscriptions/{id}"), &json!({"backlog": "latest"})).await.json;
    let named = api.json(&format!("PATCH /v1/subscriptions/{id}"), &json!({"name": "x"})).await.json;
    assert_eq!((&named["backlog"], &kept["backlog"]), (&json!("latest"), &json!("latest")));
}

#[tokio::test]
async fn credentials_that_could_smuggle_are_refused_and_never_repeated() {
    let api = Api::new();
    let table = [
        (json!({"auth": {"type": "bearer", "token": "hush hush"}}), "/auth/token"),
        (json!({"auth": {"type": "bearer", "token": "hush\r\nx: y"}}), "/auth/token"),
        (json!({"auth": {"type": "bearer", "token": ""}}), "/auth/token"),
        (json!({"auth": {"type": "basic", "username": "u", "password": "hush\n"}}), "/auth/password"),
        (json!({"auth": {"type": "custom_header", "name": "x-a", "value": "hush\r\nx: y"}}), "/auth"),
        (json!({"auth": {"type": "custom_header", "name": "host", "value": "hush"}}), "/auth"),
        (json!({"auth": {"type": "oauth"}}), "/auth/type"),
        (json!({"auth": {"username": "u"}}), "/auth/type"),
        (json!({"auth": "basic"}), "/auth"),
        (json!({"auth": {"type": "none", "token": "hush"}}), "/auth/token"),
        (json!({"custom_headers": {"authorization": "hush"}}), "/custom_headers/authorization"),
        (json!({"custom_headers": {"x-a": "hush\r\nx-b: y"}}), "/custom_headers/x-a"),
        (json!({"custom_headers": {"x-a": "hush", "X-A": "hush"}}), "/custom_headers/X-A"),
        (
            json!({"auth": {"type": "custom_header", "name": "X-A", "value": "hush"}, "custom_headers": {"x-a": "v"}}),
            "/auth",
        ),
    ];
    for (fields, place) in table {
        let refused = api.json("POST /v1/subscriptions", &subscription(fields.clone())).await;
        assert_eq!((refused.status.as_u16(), refused.problem()), (422, "invalid-fields"), "{fields}");
        assert_eq!(refused.errors()[0].0, place, "{fields} {}", refused.text);
        assert!(!refused.text.contains("hush"), "{}", refused.text);
    }
}

#[tokio::test]
async fn a_name_is_unique_without_regard_to_case() {
    let api = Api::new();
    api.subscribe(json!({"name": "iOFFICE"})).await;
    let taken = api.json("POST /v1/subscriptions", &subscription(json!({"name": "Ioffice"}))).await;
    assert_eq!((taken.status.as_u16(), taken.problem()), (409, "name-taken"));
    assert_eq!(api.fake.with(|contents| contents.secrets.len()), 1, "the secret of the refused one is gone");
}

#[tokio::test]
async fn enabling_starts_a_new_count_and_repeating_it_does_not() {
    let api = Api::new();
    let id = api.subscribe(json!({"enabled": false})).await;
    let disabled = api.call(&format!("GET /v1/subscriptions/{id}")).await.json;
    assert_eq!(disabled["disabled"], json!({"since": START, "code": "by_request", "reason": "disabled by request"}));

    api.pass_ms(60_000);
    let enabled = api.call(&format!("POST /v1/subscriptions/{id}/enable")).await;
    assert_eq!((enabled.json["enabled"].clone(), enabled.json["revision"].clone()), (json!(true), json!(2)));
    let since = api.fake.with(|contents| contents.subscriptions.values().next().unwrap().activity.since());
    assert_eq!(since.to_string(), "2026-03-29T12:08:00Z");

    api.pass_ms(60_000);
    let again = api.call(&format!("POST /v1/subscriptions/{id}/enable")).await;
    assert_eq!(again.json["revision"], 2, "what is as asked is left alone");
    let off = api.call(&format!("POST /v1/subscriptions/{id}/disable")).await;
    assert_eq!(off.json["disabled"]["since"], "2026-03-29T12:09:00Z");
}

#[tokio::test]
async fn what_is_deleted_is_gone_with_its_secret() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    let stale = api.raw(&format!("DELETE /v1/subscriptions/{id}"), &[("if-match", "\"7\"")], "").await;
    assert_eq!((stale.status.as_u16(), stale.problem()), (412, "precondition-failed"));
    let deleted = api.raw(&format!("DELETE /v1/subscriptions/{id}"), &[("if-match", "\"1\"")], "").await;
    assert_eq!((deleted.status.as_u16(), deleted.text.as_str()), (204, ""));
    assert!(api.fake.with(|contents| contents.secrets.is_empty()));
    for line in ["GET", "DELETE"] {
        let gone = api.call(&format!("{line} /v1/subscriptions/{id}")).await;
        assert_eq!((gone.status.as_u16(), gone.problem()), (404, "not-found"));
    }
}
