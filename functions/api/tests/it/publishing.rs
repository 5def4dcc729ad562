//! Events that are published.

use crate::client::{Answer, Api};
use crate::event_types::door;
use serde_json::{Value, json};
use spacehook_domain::api_key::Scope;
use spacehook_domain::event::{About, Event};

async fn with_door() -> Api {
    let api = Api::new();
    assert_eq!(api.json("POST /v1/event-types", &door()).await.status, 201);
    api
}

fn opened(fields: Value) -> Value {
    let mut event = json!({"event_type": "acme.door_opened", "data": {"door": "north"}});
    for (name, value) in fields.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}

fn published(api: &Api) -> Vec<Event> {
    api.fake.with(|contents| contents.published.clone())
}

fn places(answer: &Answer) -> Vec<String> {
    answer.errors().into_iter().map(|(place, _)| place).collect()
}

#[tokio::test]
async fn what_is_published_is_queued_under_the_id_of_the_answer() {
    let api = with_door().await;
    let answer = api
        .json("POST /v1/events", &opened(json!({"subject": "north", "occurred_at": "2026-03-29T13:00:00+02:00"})))
        .await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    let [event] = &published(&api)[..] else { panic!("one event") };
    assert_eq!(answer.json, json!({"id": event.id, "subject": "north", "sequence": event.sequence}));
    assert_eq!(
        event.data.to_string(),
        r#"{"event_type":"acme.door_opened","timestamp":"2026-03-29T11:00:00Z","door":"north"}"#
    );
    assert_eq!((event.tenant.as_str(), event.received_at, event.test), ("acme", api.now(), false));
    assert!(matches!(&event.about, About::Subject(subject) if subject.as_str() == "north"));

    let plain = json!({"event_type": "visitor_check_in", "data": {"visitor": {"id": "v-1"}}});
    for _ in 0..2 {
        assert_eq!(api.json("POST /v1/events", &plain).await.status, 202);
    }
    let [_, one, other] = &published(&api)[..] else { panic!("three events") };
    assert_eq!((one.occurred_at, &one.data["timestamp"]), (api.now(), &json!(api.now())));
    assert_ne!(one.stream(), other.stream(), "without a subject none waits for another");
    assert_ne!(one.id, other.id);
}

#[tokio::test]
async fn a_batch_is_queued_in_its_order() {
    let api = with_door().await;
    let events: Vec<_> =
        (0..100).map(|number| opened(json!({"data": {"door": "d", "held_s": number}, "subject": "d"}))).collect();
    let answer = api.json("POST /v1/events/batch", &json!({"events": events})).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    let queued = published(&api);
    assert_eq!(
        queued.iter().map(|event| event.data["held_s"].as_u64().unwrap()).collect::<Vec<_>>(),
        (0..100).collect::<Vec<_>>()
    );
    assert!(queued.is_sorted_by(|one, next| one.sequence < next.sequence));
    let ids: Vec<_> = answer.json["events"].as_array().unwrap().iter().map(|event| event["id"].clone()).collect();
    assert_eq!(ids, queued.iter().map(|event| json!(event.id)).collect::<Vec<_>>());
}

#[tokio::test]
async fn every_mistake_of_a_batch_is_listed_and_none_of_it_is_queued() {
    let api = with_door().await;
    api.json("POST /v1/event-types", &json!({"name": "old"})).await;
    api.call("POST /v1/event-types/old/archive").await;
    let events = json!([
        opened(json!({})),
        opened(json!({"data": {"held_s": "3", "window": 1}})),
        {"event_type": "space_report", "data": {}},
        {"event_type": "old", "data": {}},
        {"event_type": "never", "data": {}},
        {"event_type": "user_created", "data": {"user": {"name": "Ada"}, "extra": 1}},
        opened(json!({"data": {"door": "d", "event_type": "x", "timestamp": "y"}, "subjekt": "d"})),
        opened(json!({"data": [], "subject": " ", "occurred_at": "yesterday"})),
        {"data": {}},
        opened(json!({"subject": "sub_00000000000000000000000000000001", "occurred_at": "2026-03-29T12:12:01Z"})),
        7,
    ]);
    let answer = api.json("POST /v1/events/batch", &json!({"events": events})).await;
    assert_eq!((answer.status.as_u16(), answer.problem()), (422, "invalid-fields"));
    let mut found = places(&answer);
    found.sort();
    let mut expected = [
        "/events/1/data/held_s",
        "/events/1/data/window",
        "/events/1/data/door",
        "/events/2/event_type",
        "/events/3/event_type",
        "/events/4/event_type",
        "/events/5/data/user/id",
        "/events/5/data/extra",
        "/events/6/subjekt",
        "/events/6/data/event_type",
        "/events/6/data/timestamp",
        "/events/7/data",
        "/events/7/subject",
        "/events/7/occurred_at",
        "/events/8/event_type",
        "/events/9/subject",
        "/events/9/occurred_at",
        "/events/10",
    ]
    .map(str::to_owned);
    expected.sort();
    assert_eq!(found, expected);
    let detail = |place: &str| answer.errors().into_iter().find(|(at, _)| at == place).unwrap().1;
    assert!(detail("/events/2/event_type").contains("Spacehook alone"));
    assert!(detail("/events/3/event_type").contains("unarchive"));
    assert!(detail("/events/4/event_type").contains("POST /v1/event-types"));
    assert!(published(&api).is_empty());
}

#[tokio::test]
async fn limits_are_named() {
    let api = with_door().await;
    api.json("POST /v1/event-types", &json!({"name": "free"})).await;
    let free = |bytes: usize| json!({"event_type": "free", "data": {"x": "x".repeat(bytes)}});
    assert_eq!(api.json("POST /v1/events", &free(65_000)).await.status, 202);
    let large = api.json("POST /v1/events", &free(65_536)).await;
    assert_eq!(large.errors(), [("/data".to_owned(), "has 65544 bytes; at most 65536 are allowed".to_owned())]);
    let batch = api.json("POST /v1/events/batch", &json!({"events": vec![free(62_000); 15]})).await;
    assert_eq!(places(&batch), ["/events"]);
    assert!(batch.errors()[0].1.contains("at most 921600"), "{}", batch.errors()[0].1);
    for (count, expected) in [(0, "must have at least 1 item"), (101, "has 101 items; at most 100 are allowed")] {
        let answer = api.json("POST /v1/events/batch", &json!({"events": vec![free(1); count]})).await;
        assert_eq!(answer.errors(), [("/events".to_owned(), expected.to_owned())]);
    }
    assert_eq!(published(&api).len(), 1);
}

#[tokio::test]
async fn a_schema_that_asks_for_too_much_is_stopped() {
    let api = Api::new();
    let mut schema = json!({"$defs": {"l60": {"type": "null"}}, "additionalProperties": {"$ref": "#/$defs/l0"}});
    for level in 0..60 {
        let below = json!({"$ref": format!("#/$defs/l{}", level + 1)});
        schema["$defs"][format!("l{level}")] = json!({"anyOf": [below, below]});
    }
    assert_eq!(api.json("POST /v1/event-types", &json!({"name": "laughs", "schema": schema})).await.status, 201);
    let answer = api.json("POST /v1/events", &json!({"event_type": "laughs", "data": {"a": 1}})).await;
    assert_eq!(answer.errors(), [("/data".to_owned(), "checking it by its schema takes too long".to_owned())]);
}

#[tokio::test]
async fn the_newest_version_of_a_type_counts() {
    let api = with_door().await;
    let wrong = opened(json!({"data": {"gate": "g"}}));
    assert_eq!(api.json("POST /v1/events", &wrong).await.status, 422);
    let schema = json!({"required": ["gate"]});
    api.json("PUT /v1/event-types/acme.door_opened", &json!({"schema": schema})).await;
    assert_eq!(api.json("POST /v1/events", &wrong).await.status, 202);
    assert_eq!(places(&api.json("POST /v1/events", &opened(json!({}))).await), ["/data/gate"]);
    api.fake.with(|contents| contents.done.clear());
    api.json("POST /v1/events", &wrong).await;
    assert_eq!(
        api.fake.with(|contents| contents.done.clone()),
        ["event_type.get", "events.publish"],
        "schemas are remembered"
    );
}

#[tokio::test]
async fn a_queue_that_takes_nothing_is_said() {
    let api = with_door().await;
    api.fake.with(|contents| contents.failing.insert("events.publish", false));
    let answer = api.json("POST /v1/events", &opened(json!({}))).await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "1"));
}

#[tokio::test]
async fn publishing_asks_for_its_own_scope_and_is_for_ones_own_tenant() {
    let api = with_door().await;
    let body = opened(json!({}));
    for scopes in [&[Scope::Write][..], &[Scope::Read]] {
        let key = api.key("acme", scopes);
        for line in ["POST /v1/events", "POST /v1/events/batch"] {
            assert_eq!(api.as_key(&key, line, &body).await.problem(), "scope-missing", "{line}");
        }
    }
    assert_eq!(api.as_key("shk_0123456789abcdef_x", "POST /v1/events", &body).await.status, 401);
    let publisher = api.key("acme", &[Scope::Publish]);
    assert_eq!(api.as_key(&publisher, "POST /v1/events", &body).await.status, 202);
    let other = api.key("other", &[Scope::Publish]);
    assert_eq!(places(&api.as_key(&other, "POST /v1/events", &body).await), ["/event_type"]);
    assert!(published(&api).iter().all(|event| event.tenant.as_str() == "acme"));
}
