//! Requests that come twice and are done once.

use crate::client::{Answer, Api, subscription};
use crate::fake::ADMIN_KEY;
use serde_json::{Value, json};
use spacehook_domain::api_key::Scope;
use spacehook_domain::idempotency::Ended;

const PATH: &str = "/v1/subscriptions";

fn count(api: &Api) -> usize {
    api.fake.with(|contents| contents.subscriptions.len())
}

fn is_replayed(answer: &Answer) -> bool {
    answer.header("idempotency-replayed") == "true"
}

#[tokio::test]
async fn a_repeat_gets_the_same_answer_and_does_nothing() {
    let api = Api::new();
    let body = subscription(json!({}));
    let first = api.once(ADMIN_KEY, PATH, "k-1", &body).await;
    let repeat = api.once(ADMIN_KEY, PATH, "k-1", &body).await;
    assert_eq!(
        (first.status.as_u16(), is_replayed(&first), is_replayed(&repeat)),
        (201, false, true),
        "{}",
        first.text
    );
    assert_eq!((first.status, &first.text), (repeat.status, &repeat.text), "the secret that is shown once, too");
    for name in ["location", "etag", "content-type"] {
        assert_eq!(first.header(name), repeat.header(name));
    }
    assert_ne!(first.header("x-request-id"), repeat.header("x-request-id"));
    assert_eq!(count(&api), 1);
    api.pass_ms(24 * 3_600_000);
    assert_eq!(
        api.once(ADMIN_KEY, PATH, "k-1", &body).await.problem(),
        "name-taken",
        "after a day it is another request"
    );
}

#[tokio::test]
async fn refusals_are_answers_and_keep_the_first_requests_id() {
    let api = Api::new();
    let wrong = subscription(json!({"url": "http://example.com"}));
    let first = api.once(ADMIN_KEY, PATH, "k", &wrong).await;
    let repeat = api.once(ADMIN_KEY, PATH, "k", &wrong).await;
    assert_eq!((first.status.as_u16(), &first.text), (422, &repeat.text));
    assert!(is_replayed(&repeat));
    assert_eq!(repeat.header("content-type"), "application/problem+json");
    assert_eq!(repeat.json["request_id"], first.header("x-request-id"));
}

#[tokio::test]
async fn another_request_with_the_same_key_is_a_conflict_and_keys_are_ones_own() {
    let api = Api::new();
    let body = subscription(json!({}));
    api.once(ADMIN_KEY, PATH, "k", &body).await;
    for (path, other) in [(PATH, subscription(json!({"name": "m"}))), ("/v1/import", body.clone())] {
        let answer = api.once(ADMIN_KEY, path, "k", &other).await;
        assert_eq!((answer.status.as_u16(), answer.problem()), (409, "idempotency-conflict"), "{path}");
    }
    let colleague = api.key("acme", &[Scope::Write]);
    let theirs = api.once(&colleague, PATH, "k", &subscription(json!({"name": "m"}))).await;
    assert_eq!((theirs.status.as_u16(), is_replayed(&theirs)), (201, false));
    let rival = api.key("rival", &[Scope::Write]);
    assert_eq!(api.once(&rival, PATH, "k", &body).await.status, 201);
    assert_eq!(count(&api), 3);
}

#[tokio::test]
async fn what_failed_for_a_reason_of_ours_is_done_by_the_repeat() {
    let api = Api::new();
    let body = subscription(json!({}));
    api.fake.with(|contents| contents.failing.insert("secret.create", false));
    assert_eq!(api.once(ADMIN_KEY, PATH, "k", &body).await.status, 503);
    api.fake.with(|contents| contents.failing.clear());
    assert_eq!(api.once(ADMIN_KEY, PATH, "k", &body).await.status, 201);
    let reader = api.key("acme", &[Scope::Read]);
    for _ in 0..2 {
        let refused = api.once(&reader, PATH, "k", &body).await;
        assert_eq!((refused.status.as_u16(), is_replayed(&refused)), (403, false));
    }
    api.fake.with(|contents| contents.failing.insert("request.claim", false));
    let unknown = api.once(ADMIN_KEY, PATH, "l", &subscription(json!({"name": "m"}))).await;
    assert_eq!((unknown.status.as_u16(), count(&api)), (503, 1), "it must not be done twice");
}

#[tokio::test]
async fn one_under_way_is_waited_for_and_one_that_died_is_done_after_its_lease() {
    let api = Api::new();
    let body = subscription(json!({}));
    // What became of it is not noted: to a repeat it is under way, or its function died in the middle.
    api.fake.with(|contents| contents.failing.insert("request.end", false));
    assert_eq!(api.once(ADMIN_KEY, PATH, "k", &body).await.status, 201, "the answer is given all the same");
    api.fake.with(|contents| contents.failing.clear());
    api.pass_ms(59_999);
    let under_way = api.once(ADMIN_KEY, PATH, "k", &body).await;
    assert_eq!((under_way.status.as_u16(), under_way.problem()), (409, "idempotency-in-progress"));
    assert_eq!(under_way.header("retry-after"), "1");
    api.pass_ms(1);
    let anew = api.once(ADMIN_KEY, PATH, "k", &body).await;
    assert_eq!(anew.problem(), "name-taken", "what the first did is not undone");
}

#[tokio::test]
async fn of_two_at_once_one_is_done() {
    let api = Api::new();
    let body = json!({"name": "k", "role": "viewer"});
    let (one, two) =
        tokio::join!(api.once(ADMIN_KEY, "/v1/api-keys", "k", &body), api.once(ADMIN_KEY, "/v1/api-keys", "k", &body));
    let done = [&one, &two].into_iter().filter(|answer| answer.status == 201 && !is_replayed(answer)).count();
    assert_eq!((done, api.fake.with(|contents| contents.keys.len())), (1, 1), "{} {}", one.text, two.text);
}

#[tokio::test]
async fn no_secret_is_stored_in_a_form_that_the_table_opens() {
    let api = Api::new();
    let created = api.once(ADMIN_KEY, PATH, "k", &subscription(json!({}))).await;
    let key = api.once(ADMIN_KEY, "/v1/api-keys", "l", &json!({"name": "k", "role": "owner"})).await;
    let secrets = [created.json["signing_secret"].as_str().unwrap(), key.json["token"].as_str().unwrap(), ADMIN_KEY];
    let stored: Vec<Ended> =
        api.fake.with(|contents| contents.requests.values().filter_map(|request| request.ended.clone()).collect());
    assert_eq!(stored.len(), 2);
    for ended in stored {
        let Ended::Answered(sealed) = ended else { panic!("{ended:?}") };
        for secret in secrets.iter().flat_map(|secret| [secret.as_bytes(), &secret.as_bytes()[secret.len() - 20..]]) {
            assert!(!sealed.windows(secret.len()).any(|part| part == secret));
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_kept_and_its_request_not_repeated() {
    let api = Api::new();
    let body = json!({"name": "k", "role": "viewer"});
    api.once(ADMIN_KEY, "/v1/api-keys", "k", &body).await;
    api.fake.with(|contents| {
        for request in contents.requests.values_mut() {
            request.ended = Some(Ended::AnsweredTooLarge);
        }
    });
    let repeat = api.once(ADMIN_KEY, "/v1/api-keys", "k", &body).await;
    assert_eq!((repeat.status.as_u16(), repeat.problem()), (409, "idempotency-answer-not-kept"));
    assert_eq!(api.fake.with(|contents| contents.keys.len()), 1);
}

#[tokio::test]
async fn a_key_is_visible_ascii_and_means_nothing_elsewhere_than_in_a_post() {
    let api = Api::new();
    let json = ("content-type", "application/json");
    for bad in ["", "a b", &"x".repeat(256)] {
        let answer = api.raw("POST /v1/subscriptions", &[json, ("idempotency-key", bad)], "{}").await;
        assert_eq!((answer.status.as_u16(), answer.errors()[0].0.as_str()), (400, "?idempotency-key"), "{bad:?}");
    }
    let twice = [json, ("idempotency-key", "a"), ("idempotency-key", "b")];
    assert_eq!(api.raw("POST /v1/subscriptions", &twice, "{}").await.status, 400);
    let nobody = [json, ("idempotency-key", "a"), ("authorization", "Bearer x")];
    assert_eq!(api.raw("POST /v1/subscriptions", &nobody, "{}").await.status, 401);
    assert_eq!(api.raw("PUT /v1/buildings/b", &[json, ("idempotency-key", "a")], "{}").await.status, 201);
    assert_eq!(api.raw("POST /v1/nothing", &[json, ("idempotency-key", "a")], "{}").await.status, 404);
    assert!(api.fake.with(|contents| contents.requests.is_empty()));
    assert_eq!(api.once(ADMIN_KEY, "/v1/import", "a", &Value::Null).await.status, 422);
}

#[tokio::test]
async fn what_an_operation_does_not_know_is_refused() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    let query = api.call(&format!("GET /v1/subscriptions/{id}?verbose=1&x=")).await;
    assert_eq!((query.status.as_u16(), query.problem()), (400, "invalid-parameters"));
    let places: Vec<_> = query.errors().into_iter().map(|error| error.0).collect();
    assert_eq!(places, ["?verbose", "?x"]);
    let json = ("content-type", "application/json");
    let unknown = api.raw("PUT /v1/buildings/b", &[json, ("if-match", "\"1\"")], "{}").await;
    assert_eq!(
        (unknown.status.as_u16(), unknown.problem()),
        (412, "precondition-failed"),
        "a building has no revision"
    );
    assert_eq!(api.raw("PUT /v1/buildings/b", &[json, ("if-match", "*")], "{}").await.status, 201);
    assert_eq!(api.call("GET /health?probe=1").await.status, 200, "probes may say what they like");
}
