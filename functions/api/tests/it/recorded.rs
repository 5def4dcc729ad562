//! Attempts and statistics.

use crate::client::Api;
use serde_json::{Value, json};
use spacehook_domain::attempt::{Attempt, Logged, Outcome};
use spacehook_domain::event::EventType;
use spacehook_domain::failure::FailureReason;
use spacehook_domain::ids::{AttemptId, BuildingRefId, EventId, Sequence, SpaceRefId};
use spacehook_domain::place::SpaceKey;
use spacehook_domain::retry::AttemptNumber;
use spacehook_domain::stats::{Bucket, BucketStart, Counts, Dropped};
use spacehook_domain::trace::TraceId;

fn attempt(at: &str, outcome: Outcome) -> Attempt {
    Attempt {
        event_id: EventId::parse(format!("evt_{}", "0".repeat(32))).unwrap(),
        revision: 1,
        sequence: Sequence(3),
        superseded: None,
        sensor_group: None,
        space: Some(SpaceKey {
            building_ref_id: BuildingRefId::parse("b").unwrap(),
            space_ref_id: SpaceRefId::parse("s").unwrap(),
        }),
        event_type: EventType::SpaceReport,
        trace_id: TraceId::parse("5759e988bd862e3fe1be46a994272793").ok(),
        number: AttemptNumber::FIRST,
        started_at: at.parse().unwrap(),
        duration_ms: 30,
        freshness_ms: 400,
        outcome,
    }
}

fn logged(attempts: Vec<Attempt>) -> Vec<Logged> {
    let of = |attempt: Attempt| Logged { id: AttemptId::at(attempt.started_at, [7; 10]), attempt };
    attempts.into_iter().map(of).collect()
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
    api.fake.with(|contents| contents.attempts = logged(attempts));
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
    let (success_rate, failure_rate) = (1.0 / 3.0, 2.0 / 3.0);
    let latency_ms = json!({"p50": 50, "p95": 50});
    assert_eq!(
        series[96],
        json!({
            "start": "2026-03-29T12:00:00Z", "attempts": 3, "successes": 1, "failures": 2,
            "success_rate": success_rate, "failure_rate": failure_rate, "latency_ms": latency_ms
        })
    );
    assert_eq!((&series[1]["failure_rate"], &series[1]["latency_ms"]["p95"]), (&Value::Null, &Value::Null));
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

#[tokio::test]
async fn attempts_are_filtered_and_all_mistakes_are_told() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    let refused = Attempt {
        event_type: EventType::SpaceAvailability,
        event_id: EventId::parse(format!("evt_{}", "1".repeat(32))).unwrap(),
        space: None,
        sensor_group: None,
        ..attempt("2026-03-29T12:03:00Z", failed(422))
    };
    let attempts = vec![
        refused,
        attempt("2026-03-29T12:01:00Z", failed(503)),
        attempt("2026-03-29T12:00:00Z", Outcome::Accepted { status: 204 }),
    ];
    api.fake.with(|contents| contents.attempts = logged(attempts));
    let started = async |query: &str| {
        let answer = api.call(&format!("GET /v1/subscriptions/{id}/attempts?{query}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let of = |one: &Value| one["started_at"].as_str().unwrap()[14..16].to_owned();
        answer.json["data"].as_array().unwrap().iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(started("status=failed").await, ["03", "01"]);
    assert_eq!(started("status=accepted").await, ["00"]);
    assert_eq!(started("status=503").await, ["01"]);
    assert_eq!(started("status=204").await, ["00"]);
    assert_eq!(started("status=http_422").await, ["03"]);
    assert_eq!(started("event_type=space_report&building_ref_id=b&space_ref_id=s").await, ["01", "00"]);
    assert_eq!(started("building_ref_id=x").await, [""; 0]);
    assert_eq!(started("since=2026-03-29T12:01:00Z&until=2026-03-29T12:03:00Z").await, ["01"]);
    assert_eq!(started("status=failed&limit=1").await, ["03"]);
    let answer =
        api.call(&format!("GET /v1/subscriptions/{id}/attempts?since=yesterday&status=No&stauts=x&limit=0")).await;
    assert_eq!((answer.status.as_u16(), answer.problem()), (400, "invalid-parameters"));
    let places: Vec<String> = answer.errors().into_iter().map(|(place, _)| place).collect();
    assert_eq!(places, ["?limit", "?since", "?status", "?stauts"]);
    let empty = "since=2026-03-29T12:01:00Z&until=2026-03-29T12:01:00Z";
    let answer = api.call(&format!("GET /v1/subscriptions/{id}/attempts?{empty}")).await;
    assert_eq!(answer.errors()[0].0, "?since");
}

#[tokio::test]
async fn an_attempt_is_shown_whole_as_it_was_without_what_is_secret() {
    let api = Api::new();
    let auth = json!({"type": "bearer", "token": "hush-hush"});
    let id =
        api.subscribe(json!({"auth": auth, "custom_headers": {"x-key": "hush"}, "key_values": {"site": "HQ"}})).await;
    let event: spacehook_domain::event::Event = serde_json::from_value(json!({
        "v": 1, "id": format!("evt_{}", "0".repeat(32)), "tenant": "acme", "type": "space_report", "sequence": 3,
        "occurred_at": "2026-03-29T12:00:00Z", "received_at": "2026-03-29T12:00:00Z", "data": {"person_count": 2},
        "space": {"space_id": 1, "building_ref_id": "b", "floor_ref_id": null, "space_ref_id": "s"},
        "trace": "5759e988bd862e3fe1be46a994272793", "change": {"occupancy_changed": true, "first_of_hour": false}
    }))
    .unwrap();
    let one = logged(vec![attempt("2026-03-29T12:01:00Z", failed(503))]).remove(0);
    api.fake.with(|contents| {
        contents.attempts = vec![one.clone()];
        contents.events.insert((event.tenant.clone(), event.id.clone()), event.clone());
    });
    // It is changed since: the attempt was made with the first revision.
    let patched =
        api.json(&format!("PATCH /v1/subscriptions/{id}"), &json!({"description": "x", "key_values": {}})).await;
    assert_eq!(patched.status, 200, "{}", patched.text);
    let shown = api.call(&format!("GET /v1/subscriptions/{id}/attempts/{}", one.id)).await;
    assert_eq!(shown.status, 200, "{}", shown.text);
    let request = &shown.json["request"];
    assert_eq!(request["body"], json!({"person_count": 2, "site": "HQ"}));
    assert_eq!((&request["method"], &request["url"]), (&json!("POST"), &json!("https://example.com/hook")));
    assert_eq!((&shown.json["reason"]["key"], &request["incomplete"]), (&json!("http_503"), &Value::Null));
    let header = |name: &str| {
        let all = request["headers"].as_array().unwrap();
        all.iter().find(|header| header["name"] == name).map(|header| header["value"].clone())
    };
    assert_eq!(header("authorization"), Some(json!("[redacted]")));
    assert_eq!(header("x-key"), Some(json!("[redacted]")));
    assert_eq!(header("webhook-signature"), Some(json!("v1,[redacted]")));
    assert_eq!(header("webhook-id"), Some(json!(event.id)));
    assert_eq!(header("spacehook-sequence"), Some(json!("3")));
    assert!(!shown.text.contains("hush"));

    api.fake.with(|contents| contents.events.clear());
    let shown = api.call(&format!("GET /v1/subscriptions/{id}/attempts/{}", one.id)).await.json;
    assert_eq!(shown["request"]["body"], Value::Null);
    assert!(shown["request"]["incomplete"].as_str().unwrap().contains("not kept"));
    assert_eq!(shown["request"]["headers"].as_array().unwrap().len(), request["headers"].as_array().unwrap().len());
    for missing in ["att_1", "x", &format!("att_{}", "f".repeat(32))] {
        let answer = api.call(&format!("GET /v1/subscriptions/{id}/attempts/{missing}")).await;
        assert_eq!((answer.status.as_u16(), answer.problem()), (404, "not-found"), "{missing}");
    }
}
