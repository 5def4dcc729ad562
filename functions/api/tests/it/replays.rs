//! Kept events, replays, resyncs and backtests.

use crate::client::{Answer, Api};
use jiff::Timestamp;
use serde_json::{Value, json};
use spacehook_domain::event::Event;
use spacehook_domain::ids::{EventId, TenantId};
use spacehook_domain::job::Work;

/// Keeps an event that was received then; its id.
fn keep(api: &Api, tenant: &str, at: &str, sequence: u64, more: Value) -> EventId {
    let received_at: Timestamp = at.parse().unwrap();
    let id = EventId::at(received_at, &[u8::try_from(sequence).unwrap(); 32]);
    let mut event = json!({
        "v": 1, "id": id, "tenant": tenant, "type": "space_report", "sequence": sequence,
        "occurred_at": at, "received_at": at, "data": {"person_count": sequence},
        "space": {"space_id": 1, "building_ref_id": "b", "floor_ref_id": null, "space_ref_id": "s"},
        "change": {"occupancy_changed": sequence.is_multiple_of(2), "first_of_hour": false}
    });
    for (name, value) in more.as_object().unwrap() {
        event[name] = value.clone();
    }
    let event: Event = serde_json::from_value(event).unwrap();
    api.fake.with(|contents| contents.events.insert((TenantId::parse(tenant).unwrap(), id.clone()), event));
    id
}

fn sequences(answer: &Answer) -> Vec<u64> {
    answer.json["data"].as_array().unwrap().iter().map(|event| event["sequence"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn kept_events_are_listed_the_oldest_first_by_page_and_filter() {
    let api = Api::new();
    for sequence in 1..=5 {
        keep(&api, "acme", &format!("2026-03-29T12:0{sequence}:00Z"), sequence, json!({}));
    }
    let elsewhere =
        json!({"space": {"space_id": 2, "building_ref_id": "x", "floor_ref_id": null, "space_ref_id": "y"}});
    keep(&api, "acme", "2026-03-29T12:05:30Z", 6, elsewhere);
    keep(&api, "other", "2026-03-29T12:05:40Z", 7, json!({}));
    keep(&api, "acme", "2026-03-29T10:00:00Z", 8, json!({}));
    let all = api.call("GET /v1/events").await;
    assert_eq!(sequences(&all), [1, 2, 3, 4, 5, 6], "of the last hour, and nobody else's");
    assert_eq!(all.json["data"][0]["data"], json!({"person_count": 1}));
    let (mut found, mut query) = (Vec::new(), String::new());
    loop {
        let page = api.call(&format!("GET /v1/events?limit=2&building_ref_id=b{query}")).await;
        assert_eq!(page.status, 200, "{}", page.text);
        found.extend(sequences(&page));
        let Some(next) = page.json["next_cursor"].as_str() else { break };
        query = format!("&cursor={next}");
        let mixed_up = api.call(&format!("GET /v1/events?limit=2&building_ref_id=x{query}")).await;
        assert_eq!((mixed_up.status.as_u16(), mixed_up.problem()), (400, "invalid-parameters"), "{}", mixed_up.text);
    }
    assert_eq!(found, [1, 2, 3, 4, 5]);
    let of = async |query: &str| sequences(&api.call(&format!("GET /v1/events?{query}")).await);
    assert_eq!(of("space_ref_id=y").await, [6]);
    assert_eq!(of("event_type=space_availability").await, [0; 0]);
    assert_eq!(of("subject=x").await, [0; 0]);
    assert_eq!(of("since=2026-03-29T12:02:00Z&until=2026-03-29T12:04:00Z").await, [2, 3]);
    assert_eq!(of("since=2026-03-29T09:00:00Z&until=2026-03-29T11:00:00Z").await, [8]);
    let wrong = api.call("GET /v1/events?since=x&event_type=Y&until=2026-03-29T12:04:00Z&until=z").await;
    assert_eq!(wrong.errors().len(), 3, "{}", wrong.text);
    assert_eq!(api.call("GET /v1/events?since=2026-03-30T00:00:00Z").await.errors()[0].0, "?since");
}

#[tokio::test]
async fn a_kept_event_is_its_tenants_alone() {
    let api = Api::new();
    let ours = keep(&api, "acme", "2026-03-29T12:01:00Z", 1, json!({}));
    let theirs = keep(&api, "other", "2026-03-29T12:01:00Z", 2, json!({}));
    assert_eq!(api.call(&format!("GET /v1/events/{ours}")).await.json["event_id"], json!(ours));
    for missing in [theirs.as_str(), "x"] {
        let answer = api.call(&format!("GET /v1/events/{missing}")).await;
        assert_eq!((answer.status.as_u16(), answer.problem()), (404, "not-found"));
    }
}

#[tokio::test]
async fn a_replay_is_a_job_that_is_shown_and_cancelled() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    let body = json!({"since": "2026-03-29T12:00:00Z", "space_ref_id": "s", "rate_per_second": 5});
    let made = api.json(&format!("POST /v1/subscriptions/{id}/replays"), &body).await;
    assert_eq!(made.status, 202, "{}", made.text);
    let job = made.json["id"].as_str().unwrap().to_owned();
    assert_eq!(made.header("location"), format!("/v1/subscriptions/{id}/replays/{job}"));
    assert_eq!((&made.json["state"], &made.json["kind"]), (&json!("queued"), &json!("replay")));
    assert_eq!(
        (&made.json["since"], &made.json["until"]),
        (&json!("2026-03-29T12:00:00Z"), &json!("2026-03-29T12:07:00Z"))
    );
    assert_eq!((&made.json["rate_per_second"], &made.json["waiting"]), (&json!(5), &json!(0)));
    let steps = api.fake.with(|contents| contents.steps.clone());
    assert_eq!((steps.len(), steps[0].job.id.as_str(), steps[0].step), (1, job.as_str(), 1));
    let path = format!("/v1/subscriptions/{id}/replays");
    assert_eq!(api.call(&format!("GET {path}/{job}")).await.json, made.json);
    assert_eq!(api.call(&format!("GET {path}")).await.json["data"][0]["id"], json!(job));

    // A step is made at the same time.
    api.fake.with(|contents| contents.stepping = 2);
    let cancelled = api.call(&format!("POST {path}/{job}/cancel")).await;
    assert_eq!((cancelled.status.as_u16(), &cancelled.json["state"]), (200, &json!("cancelled")), "{}", cancelled.text);
    let again = api.call(&format!("POST {path}/{job}/cancel")).await;
    assert_eq!((again.status.as_u16(), again.json), (200, cancelled.json));
    for missing in ["job_1", &format!("job_{}", "f".repeat(32))] {
        for line in [format!("GET {path}/{missing}"), format!("POST {path}/{missing}/cancel")] {
            assert_eq!(api.call(&line).await.status, 404, "{line}");
        }
    }
    let other = api.subscribe(json!({"name": "other"})).await;
    assert_eq!(api.call(&format!("GET /v1/subscriptions/{other}/replays/{job}")).await.status, 404);
}

#[tokio::test]
async fn five_jobs_at_once_and_no_more() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    let line = format!("POST /v1/subscriptions/{id}/replays");
    for _ in 0..5 {
        assert_eq!(api.json(&line, &json!({"dead": true})).await.status, 202);
    }
    let refused = api.json(&line, &json!({"dead": true})).await;
    assert_eq!((refused.status.as_u16(), refused.problem()), (409, "limit-reached"));
}

#[tokio::test]
async fn a_job_is_made_though_its_step_can_not_be_asked_for() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    api.fake.with(|contents| contents.failing.insert("timer.step", false));
    let made = api.json(&format!("POST /v1/subscriptions/{id}/replays"), &json!({"dead": true})).await;
    assert_eq!((made.status.as_u16(), &made.json["dead"]), (202, &json!(true)));
    api.pass_ms(300_000);
    let now = api.now();
    assert!(api.fake.with(|contents| contents.jobs.values().all(|job| job.overdue_at().unwrap() < now)));
}

#[tokio::test]
async fn one_event_is_named_and_must_be_kept_and_of_a_listed_type() {
    let api = Api::new();
    let id = api.subscribe(json!({"building_ref_ids": ["elsewhere"]})).await;
    let line = format!("POST /v1/subscriptions/{id}/replays");
    let ours = keep(&api, "acme", "2026-03-29T12:01:00Z", 1, json!({}));
    let theirs = keep(&api, "other", "2026-03-29T12:01:00Z", 2, json!({}));
    let type_not_listed = keep(&api, "acme", "2026-03-29T12:01:00Z", 3, json!({"type": "space_stale"}));
    let made = api.json(&line, &json!({"event_id": ours})).await;
    assert_eq!(
        (made.status.as_u16(), &made.json["event_id"]),
        (202, &json!(ours)),
        "its building filter does not count"
    );
    for refused in [theirs, type_not_listed] {
        let answer = api.json(&line, &json!({"event_id": refused})).await;
        assert_eq!((answer.status.as_u16(), answer.errors()[0].0.as_str()), (422, "/event_id"), "{}", answer.text);
    }
    let missing = format!("att_{}", "0".repeat(32));
    let answer = api.json(&line, &json!({"attempt_id": missing})).await;
    assert_eq!(answer.errors()[0], ("/attempt_id".to_owned(), "is no attempt of this subscription".to_owned()));
}

#[tokio::test]
async fn all_mistakes_of_a_replay_are_told() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    let line = format!("POST /v1/subscriptions/{id}/replays");
    let errors = async |body: Value| {
        let answer = api.json(&line, &body).await;
        assert_eq!(answer.status, 422, "{}", answer.text);
        answer.errors().into_iter().map(|(place, _)| place).collect::<Vec<_>>()
    };
    assert_eq!(errors(json!({})).await, [""]);
    assert_eq!(errors(json!({"dead": true, "since": "2026-03-29T12:00:00Z"})).await, [""]);
    assert_eq!(errors(json!({"dead": false})).await, ["/dead"]);
    assert_eq!(
        errors(json!({"dead": true, "until": "2026-03-29T12:00:00Z", "space_ref_id": "s"})).await,
        ["/until", "/space_ref_id"]
    );
    assert_eq!(errors(json!({"event_id": "x", "rate_per_second": 0})).await, ["/rate_per_second", "/event_id"]);
    let wrong = json!({"since": "x", "event_types": ["Y"], "building_ref_id": "a/b", "rate_per_second": 1001});
    assert_eq!(errors(wrong).await, ["/rate_per_second", "/since", "/event_types/0", "/building_ref_id"]);
    assert_eq!(errors(json!({"since": "2026-03-29T12:08:00Z"})).await, ["/since"], "it lies in the future");
    assert_eq!(errors(json!({"sinse": "2026-03-29T12:00:00Z", "dead": true})).await, ["/sinse"]);
}

#[tokio::test]
async fn a_replay_of_a_time_is_refused_where_no_events_are_kept() {
    let api = Api::keeping_no_events();
    let line = format!("POST /v1/subscriptions/{}/replays", api.subscribe(json!({})).await);
    let refused = api.json(&line, &json!({"since": "2026-03-29T12:00:00Z"})).await;
    let [(place, detail)] = &refused.errors()[..] else { panic!("{}", refused.text) };
    assert_eq!((refused.status.as_u16(), place.as_str()), (422, "/since"));
    assert!(detail.contains("EventsKeptDays is 0"), "{detail}");
    assert_eq!(api.json(&line, &json!({"dead": true})).await.status, 202, "the dead are kept all the same");
}

#[tokio::test]
async fn a_resync_is_of_the_types_that_tell_of_a_state() {
    let api = Api::new();
    let id = api.subscribe(json!({"event_types": ["space_report", "space_stale"]})).await;
    let line = format!("POST /v1/subscriptions/{id}/resync");
    let made = api.raw(&line, &[], String::new()).await;
    assert_eq!((made.status.as_u16(), &made.json["kind"]), (202, &json!("resync")), "{}", made.text);
    assert_eq!(made.json["event_types"], json!(["space_report"]));
    let of = json!({"building_ref_ids": ["b"], "event_types": ["space_report"]});
    assert_eq!(api.json(&line, &of).await.json["building_ref_ids"], json!(["b"]));
    let refused = api.json(&line, &json!({"event_types": ["space_availability", "space_stale"]})).await;
    let places: Vec<_> = refused.errors().into_iter().map(|(place, _)| place).collect();
    assert_eq!(places, ["/event_types/0", "/event_types/1"]);
    let other = api.subscribe(json!({"name": "o", "event_types": ["space_stale"]})).await;
    assert_eq!(api.raw(&format!("POST /v1/subscriptions/{other}/resync"), &[], String::new()).await.status, 422);
    let works = api.fake.with(|contents| contents.jobs.values().map(|job| job.work.clone()).collect::<Vec<_>>());
    assert!(works.iter().all(|work| matches!(work, Work::Resync { .. })));
}

#[tokio::test]
async fn a_backtest_counts_what_would_have_matched() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    for sequence in 1..=6 {
        keep(&api, "acme", &format!("2026-03-29T12:0{sequence}:00Z"), sequence, json!({}));
    }
    let stale = keep(&api, "acme", "2026-03-29T12:05:30Z", 7, json!({"type": "space_stale"}));
    keep(&api, "other", "2026-03-29T12:05:40Z", 8, json!({}));
    keep(&api, "acme", "2026-03-27T12:00:00Z", 9, json!({}));
    let line = format!("POST /v1/subscriptions/{id}/backtest");
    let tried = api.raw(&line, &[], String::new()).await;
    assert_eq!(tried.status, 200, "{}", tried.text);
    assert_eq!(
        (&tried.json["examined"], &tried.json["matched"], &tried.json["complete"]),
        (&json!(7), &json!(6), &json!(true))
    );
    assert_eq!(tried.json["by_event_type"]["space_report"], json!({"examined": 6, "matched": 6}));
    let changed =
        json!({"event_types": ["space_report", "space_stale"], "send": "on_change", "since": "2026-03-29T12:02:00Z"});
    let tried = api.json(&line, &changed).await.json;
    assert_eq!((&tried["examined"], &tried["matched"]), (&json!(6), &json!(4)));
    assert!(tried["sample_event_ids"].as_array().unwrap().contains(&json!(stale)));
    let elsewhere = api.json(&line, &json!({"building_ref_ids": ["x"]})).await.json;
    assert_eq!(elsewhere["matched"], json!(0));
    let wrong = api.json(&line, &json!({"send": "x", "since": "y", "filters": {}})).await;
    assert_eq!((wrong.status.as_u16(), wrong.errors().len()), (422, 3), "{}", wrong.text);
    // Nothing is changed.
    assert!(api.fake.with(|contents| contents.jobs.is_empty() && contents.woken.is_empty()));
}
