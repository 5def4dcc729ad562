//! What is the same for all operations.

use crate::client::{Api, subscription};
use serde_json::json;

#[tokio::test]
async fn a_problem_is_a_document_with_the_requests_id() {
    let api = Api::new();
    let answer = api.call("GET /v1/nothing").await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.header("cache-control"), "no-store");
    let request_id = answer.header("x-request-id");
    assert_eq!(request_id.len(), 36);
    let expected = json!({
        "type": "/problems/not-found", "title": "Not found", "status": 404, "detail": "There is nothing at this path.",
        "request_id": request_id
    });
    assert_eq!(answer.json, expected);
    let explained = api.call("GET /problems/not-found").await;
    assert_eq!(explained.json["type"], "/problems/not-found");
    assert_eq!(api.call("GET /problems/other").await.status, 404);
}

#[tokio::test]
async fn a_method_that_is_not_there_names_those_that_are() {
    let api = Api::new();
    let answer = api.call("PUT /v1/subscriptions").await;
    assert_eq!((answer.status.as_u16(), answer.problem()), (405, "method-not-allowed"));
    let mut allowed: Vec<_> = answer.header("allow").split(',').collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["GET", "HEAD", "POST"]);
    assert_eq!(api.call("HEAD /health").await.status, 200);
}

#[tokio::test]
async fn bodies_are_checked_before_they_are_read() {
    let api = Api::new();
    let send = async |content_type: &str, body: String| {
        let answer = api.raw("POST /v1/subscriptions", &[("content-type", content_type)], body).await;
        (answer.status.as_u16(), answer.problem().to_owned(), answer.json["detail"].as_str().unwrap().to_owned())
    };
    let json = "application/json";
    let large = format!("\"{}\"", "x".repeat(1024 * 1024));
    let deep = format!("{}{}", "[".repeat(1_000), "]".repeat(1_000));
    let table = [
        ("application/x-www-form-urlencoded", "{}".to_owned(), 415, "unsupported-media-type", "application/json"),
        (json, String::new(), 400, "malformed-request", "line 1 column 0"),
        (json, "{".to_owned(), 400, "malformed-request", "line 1 column 1"),
        (json, r#"{"name":"a","name":"b"}"#.to_owned(), 400, "malformed-request", "\"name\" is there twice"),
        (json, deep, 400, "malformed-request", "more than 16 levels"),
        (json, large, 413, "body-too-large", "1048576 bytes"),
        (json, "[]".to_owned(), 422, "invalid-fields", "must be an object"),
    ];
    for (content_type, body, status, kind, detail) in table {
        let (found, problem, said) = send(content_type, body).await;
        assert_eq!((found, problem.as_str()), (status, kind), "{said}");
        assert!(said.contains(detail), "{said}");
    }
    let missing = api.raw("POST /v1/subscriptions", &[], "{}").await;
    assert_eq!((missing.status.as_u16(), missing.header("accept")), (415, "application/json"));
    assert!(api.fake.with(|contents| contents.subscriptions.is_empty()));
}

#[tokio::test]
async fn failures_behind_the_api_are_ours_and_say_nothing_of_it() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    api.fake.with(|contents| contents.failing.insert("subscription.get", false));
    let busy = api.call(&format!("GET /v1/subscriptions/{id}")).await;
    assert_eq!((busy.status.as_u16(), busy.problem(), busy.header("retry-after")), (503, "unavailable", "1"));
    assert!(!busy.text.contains("was told to fail"));
}

#[tokio::test]
async fn a_lost_secret_is_named_and_says_how_to_go_on() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    api.fake.with(|contents| contents.secrets.clear());
    let patch = json!({"auth": {"type": "bearer", "token": "t"}});
    let lost = api.json(&format!("PATCH /v1/subscriptions/{id}"), &patch).await;
    assert_eq!((lost.status.as_u16(), lost.problem()), (409, "credentials-lost"));
    assert!(lost.text.contains("create it anew"), "{}", lost.text);
    assert_eq!(api.call(&format!("DELETE /v1/subscriptions/{id}")).await.status.as_u16(), 204);
}

#[tokio::test]
async fn public_pages_need_no_key() {
    let api = Api::new();
    let health = api.raw("GET /health", &[("authorization", "")], "").await;
    assert_eq!(health.json, json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}));
    let document = api.raw("GET /openapi.json", &[("authorization", "")], "").await;
    assert_eq!(document.header("content-type"), "application/json");
    assert_eq!(document.json["openapi"], "3.1.0");
}

#[tokio::test]
async fn ids_that_are_none_name_nothing() {
    let api = Api::new();
    for line in [
        "GET /v1/subscriptions/1",
        "GET /v1/subscriptions/%00",
        "DELETE /v1/api-keys/first-admin",
        "GET /v1/subscriptions/sub_%2e%2e",
    ] {
        assert_eq!(api.call(line).await.status, 404, "{line}");
    }
    let created = api.json("POST /v1/subscriptions", &subscription(json!({}))).await;
    let id = created.json["id"].as_str().unwrap();
    assert_eq!(api.call(&format!("GET /v1/subscriptions/{}", id.to_uppercase())).await.status, 404);
}
