//! Attempts and statistics.

use crate::client::Api;
use serde_json::{Value, json};
use spacehook_domain::attempt::{Attempt, Outcome};
use spacehook_domain::event::EventType;
use spacehook_domain::failure::FailureReason;
use spacehook_domain::ids::EventId;
use spacehook_domain::retry::AttemptNumber;
use spacehook_domain::stats::{Bucket, BucketStart, Counts, Dropped};
use spacehook_domain::trace::TraceId;

fn attempt(at: &str, outcome: Outcome) -> Attempt {
    Attempt {
        event_id: EventId::parse(format!("evt_{}", "0".repeat(32))).unwrap(),
        event_type: EventType::SpaceReport,
        trace_id: TraceId::parse("5759e988bd862e3fe1be46a994272793").ok(),
        number: AttemptNumber::FIRST,
        started_at: at.parse().unwrap(),
        duration_ms: 30,
        freshness_ms: 400,
        outcome,
    }
}

fn failed(status: u16) -> Outcome {
    let reason = FailureReason::HttpStatus { status };
    Outcome::Failed { reason, status: Some(status), answer: Some("down".to_owned()) }
}

fn bucket(start: &str, since: &str, attempts: &[Attempt]) -> Bucket {
    let mut counts = Counts::default();
    for attempt in attempts {
        counts.add(attempt);
    }
    Bucket { start: BucketStart::holding(start.parse().unwrap()), enabled_since: since.parse().unwrap(), counts }
}

#[tokio::test]
async fn attempts_say_what_happened_and_what_it_means() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    let attempts = vec![
        attempt("2026-03-29T12:01:00Z", failed(503)),
        attempt("2026-03-29T12:00:00Z", Outcome::Accepted { status: 204 }),
    ];
    api.fake.with(|contents| contents.attempts = attempts);
    let list = api.call(&format!("GET /v1/subscriptions/{id}/attempts")).await.json;
    let (bad, good) = (&list["data"][0], &list["data"][1]);
    assert_eq!((&bad["accepted"], &bad["status"], &bad["answer"]), (&json!(false), &json!(503), &json!("down")));
    assert_eq!((&bad["reason"]["key"], &bad["reason"]["text"]), (&json!("http_503"), &json!("HTTP 503")));
    assert!(!bad["reason"]["meaning"].as_str().unwrap().is_empty());
    assert_eq!((&good["accepted"], &good["status"], &good["reason"]), (&json!(true), &json!(204), &Value::Null));
    assert_eq!(good["started_at"], "2026-03-29T12:00:00Z");
}

#[tokio::test]
async fn statistics_are_of_a_day_and_of_the_present_enabling() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    let since = "2026-03-29T12:07:00Z";
    let (good, bad) = (attempt(since, Outcome::Accepted { status: 200 }), attempt(since, failed(503)));
    let buckets = vec![
        // Before the window, in its first bucket, and now.
        bucket("2026-03-28T11:45:00Z", "2026-03-01T00:00:00Z", std::slice::from_ref(&bad)),
        bucket("2026-03-28T12:00:00Z", "2026-03-01T00:00:00Z", &[bad.clone(), bad.clone()]),
        bucket("2026-03-29T12:00:00Z", "2026-03-01T00:00:00Z", std::slice::from_ref(&bad)),
        bucket("2026-03-29T12:00:00Z", since, &[good, bad]),
    ];
    api.fake.with(|contents| contents.buckets = buckets);
    let stats = api.call(&format!("GET /v1/subscriptions/{id}/stats")).await.json;
    assert_eq!((&stats["from"], &stats["to"]), (&json!("2026-03-28T12:00:00Z"), &json!(since)));
    assert_eq!(stats["totals"], json!({"attempts": 5, "successes": 1, "failures": 4, "failure_rate": 0.8}));
    assert_eq!(stats["since_enabled"], json!({"attempts": 2, "successes": 1, "failures": 1, "failure_rate": 0.5}));
    assert_eq!((&stats["top_reasons"][0]["key"], &stats["top_reasons"][0]["count"]), (&json!("http_503"), &json!(4)));
    assert_eq!(stats["latency_ms"], json!({"p50": 50, "p95": 50}));
    assert_eq!(stats["freshness_ms"], json!({"p50": 500, "p95": 500}));
    let series = stats["buckets"].as_array().unwrap();
    assert_eq!(series.len(), 97, "every quarter of an hour that is partly in the window");
    assert_eq!(series[0]["failures"], 2);
    assert_eq!(series[96], json!({"start": "2026-03-29T12:00:00Z", "attempts": 3, "successes": 1, "failures": 2}));
}

#[tokio::test]
async fn deliveries_that_were_dropped_are_counted_by_cause() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    let since = "2026-03-29T12:07:00Z";
    let mut two = [bucket("2026-03-29T11:45:00Z", since, &[]), bucket("2026-03-29T12:00:00Z", since, &[])];
    two[0].counts.dropped.extend([(Dropped::Superseded, 4), (Dropped::Dead, 1)]);
    two[1].counts.dropped.extend([(Dropped::Superseded, 2), (Dropped::Discarded, 3)]);
    api.fake.with(|contents| contents.buckets = two.to_vec());
    let stats = api.call(&format!("GET /v1/subscriptions/{id}/stats")).await.json;
    let expected = json!({"superseded": 6, "expired": 0, "backlog_full": 0, "discarded": 3, "dead": 1});
    assert_eq!(stats["dropped"], expected);
    for cause in Dropped::ALL {
        assert!(stats["dropped"][cause.as_str()].is_u64(), "{cause:?}");
    }
}

#[tokio::test]
async fn without_attempts_there_is_no_rate() {
    let api = Api::new();
    let id = api.subscribe(json!({"enabled": false})).await;
    let stats = api.call(&format!("GET /v1/subscriptions/{id}/stats")).await.json;
    assert_eq!(stats["totals"]["failure_rate"], Value::Null);
    assert_eq!(stats["since_enabled"], Value::Null);
    assert_eq!(stats["latency_ms"], json!({"p50": null, "p95": null}));
}
