//! What waits for a subscription, what was given up, and what is done with either.

use crate::client::{Api, START};
use jiff::Timestamp;
use serde_json::{Value, json};
use spacehook_domain::api_key::Scope;
use spacehook_domain::backlog::{Backlog, Dead, Kept, KeptKey, Lane, OnEnable, Treatment};
use spacehook_domain::breaker::Breaker;
use spacehook_domain::event::Event;
use spacehook_domain::failure::FailureReason;
use spacehook_domain::ids::{SpaceId, SubscriptionId, SubscriptionKey, TenantId};
use spacehook_domain::retry::DeadBecause;
use spacehook_domain::stream::Stream;
use std::time::Duration;

fn now() -> Timestamp {
    START.parse().unwrap()
}

fn key(id: &str) -> SubscriptionKey {
    SubscriptionKey { tenant: TenantId::parse("acme").unwrap(), id: SubscriptionId::parse(id).unwrap() }
}

fn event(space: u64, sequence: u64) -> Event {
    serde_json::from_value(json!({
        "v": 1, "id": format!("evt_{space:016x}{sequence:016x}"), "tenant": "acme", "type": "space_report",
        "sequence": sequence, "occurred_at": START, "received_at": START, "data": {"person_count": sequence},
        "space": {"space_id": space, "building_ref_id": "b", "floor_ref_id": null, "space_ref_id": format!("s{space}")},
        "change": {"occupancy_changed": true, "first_of_hour": false}
    }))
    .unwrap()
}

fn id_of(event: &Event) -> String {
    event.id.to_string()
}

fn dead(event: Event, because: DeadBecause, reason: Option<FailureReason>) -> Dead {
    Dead { event, died_at: now(), because, reason, attempts: 8 }
}

/// Keeps deliveries in the lane of their space.
fn keep(api: &Api, id: &str, events: &[Event], changed: impl Fn(&mut Lane)) {
    api.fake.with(|contents| {
        for event in events {
            let stream = event.stream();
            let lane = contents.lanes.entry((key(id), stream)).or_insert_with(|| Lane::new(stream, now()));
            lane.count += 1;
            changed(lane);
            let kept = Kept { event: event.clone(), kept_at: now(), replayed: false };
            contents.kept.insert((key(id), KeptKey::of(event)), kept);
        }
    });
}

fn give_up(api: &Api, id: &str, of: Vec<Dead>) {
    api.fake.with(|contents| contents.dead.extend(of.into_iter().map(|dead| (key(id), dead))));
}

fn put_backlog(api: &Api, id: &str, backlog: Backlog) {
    api.fake.with(|contents| contents.backlogs.insert(key(id), backlog));
}

fn backlog(api: &Api, id: &str) -> Option<Backlog> {
    api.fake.with(|contents| contents.backlogs.get(&key(id)).cloned())
}

/// The waits of the timers that were set.
fn woken(api: &Api) -> Vec<u64> {
    api.fake.with(|contents| std::mem::take(&mut contents.woken)).iter().map(|(_, after)| after.as_secs()).collect()
}

async fn enable(api: &Api, id: &str, body: &str) -> Value {
    let headers: &[(&str, &str)] = if body.is_empty() { &[] } else { &[("content-type", "application/json")] };
    let answer = api.raw(&format!("POST /v1/subscriptions/{id}/enable"), headers, body.to_owned()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json
}

#[tokio::test]
async fn enabling_decides_what_is_done_with_what_was_kept() {
    for (body, what) in [
        ("", OnEnable::Deliver),
        ("{}", OnEnable::Deliver),
        ("null", OnEnable::Deliver),
        (r#"{"backlog":null}"#, OnEnable::Deliver),
        (r#"{"backlog":"deliver"}"#, OnEnable::Deliver),
        (r#"{"backlog":"latest"}"#, OnEnable::Latest),
        (r#"{"backlog":"discard"}"#, OnEnable::Discard),
    ] {
        let api = Api::new();
        let id = api.subscribe(json!({"enabled": false})).await;
        let enabled = enable(&api, &id, body).await;
        assert_eq!((&enabled["enabled"], &enabled["kept_deliveries"]), (&json!(true), &json!(what)), "{body}");
        let backlog = backlog(&api, &id).unwrap();
        assert_eq!(backlog.breaker, Breaker::Draining { since: now() });
        assert_eq!(backlog.treatment, Some(Treatment { what, kept_before: now() }), "{body}");
        assert_eq!(woken(&api), [60, 0], "a run is asked for before the change, in case we die, and after it");

        api.pass_ms(300_000);
        assert!(backlog.is_overdue(api.now()), "health finds it where neither run came");
    }
}

#[tokio::test]
async fn a_backlog_that_is_there_is_changed_and_not_made_anew() {
    let api = Api::new();
    let id = api.subscribe(json!({"enabled": false})).await;
    let mut before = Backlog::new(now());
    before.open(now(), None, 0.0);
    (before.ticket, before.failures_in_a_row) = (7, 9);
    put_backlog(&api, &id, before.clone());
    enable(&api, &id, "").await;
    let after = backlog(&api, &id).unwrap();
    assert_eq!((after.version, after.ticket, after.failures_in_a_row), (before.version + 1, 7, 0));
}

#[tokio::test]
async fn enabling_what_is_enabled_decides_nothing() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    let same = enable(&api, &id, r#"{"backlog":"discard"}"#).await;
    assert_eq!((&same["kept_deliveries"], &same["revision"]), (&Value::Null, &json!(1)));
    assert!(backlog(&api, &id).is_none() && woken(&api).is_empty());
    let wrong = api.json(&format!("POST /v1/subscriptions/{id}/enable"), &json!({"backlog": "all"})).await;
    assert_eq!(wrong.errors(), [("/backlog".to_owned(), "must be 'deliver', 'latest' or 'discard'".to_owned())]);
}

#[tokio::test]
async fn enabling_by_a_patch_delivers_what_was_kept() {
    let api = Api::new();
    let id = api.subscribe(json!({"enabled": false})).await;
    let patched = api.json(&format!("PATCH /v1/subscriptions/{id}"), &json!({"enabled": true, "name": "m"})).await;
    assert_eq!((&patched.json["enabled"], &patched.json["name"]), (&json!(true), &json!("m")));
    assert_eq!(backlog(&api, &id).unwrap().treatment.unwrap().what, OnEnable::Deliver);
    assert_eq!(woken(&api), [60, 0]);
    api.json(&format!("PATCH /v1/subscriptions/{id}"), &json!({"enabled": false})).await;
    assert!(woken(&api).is_empty(), "disabling asks for nothing");
}

#[tokio::test]
async fn an_enabling_stands_though_no_run_can_be_asked_for() {
    let api = Api::new();
    let id = api.subscribe(json!({"enabled": false})).await;
    api.fake.with(|contents| contents.failing.insert("timer.wake", false));
    assert_eq!(enable(&api, &id, "").await["enabled"], true);
    assert!(backlog(&api, &id).is_some());
}

#[tokio::test]
async fn an_enabling_whose_answer_is_lost_is_carried_out() {
    let api = Api::new();
    let id = api.subscribe(json!({"enabled": false})).await;
    api.fake.with(|contents| contents.failing.insert("subscription.enable", true));
    let enabled = enable(&api, &id, r#"{"backlog":"latest"}"#).await;
    assert_eq!((&enabled["kept_deliveries"], &enabled["revision"]), (&json!("latest"), &json!(2)));
    assert_eq!(woken(&api), [60, 0]);
}

#[tokio::test]
async fn a_subscription_without_failures_has_an_empty_backlog() {
    let api = Api::new();
    let id = api.subscribe(json!({"rate_limit_per_second": 3})).await;
    let shown = api.call(&format!("GET /v1/subscriptions/{id}/backlog")).await;
    let expected = json!({
        "breaker": {"state": "closed", "since": null, "failed_probes": null, "next_probe_at": null},
        "failures_in_a_row": 0, "waiting": 0, "waiting_spaces": 0, "waiting_since": null, "attempts_per_second": 3.0,
        "paused_until": null, "decided": null, "spaces": []
    });
    assert_eq!(shown.json, expected);
}

#[tokio::test]
async fn the_backlog_says_what_waits_and_why() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    let mut open = Backlog::new(now());
    open.open(now(), None, 0.0);
    open.failures_in_a_row = 5;
    open.treatment = Some(Treatment { what: OnEnable::Latest, kept_before: now() });
    put_backlog(&api, &id, open);
    let later: Timestamp = "2026-03-29T12:08:00Z".parse().unwrap();
    keep(&api, &id, &[event(1, 5), event(1, 6)], |lane| {
        (lane.kept_since, lane.failures, lane.probes, lane.not_before) = (later, 3, 1, Some(later));
    });
    keep(&api, &id, &[event(2, 1)], |_| {});
    let other = api.subscribe(json!({"name": "other"})).await;
    keep(&api, &other, &[event(3, 1)], |_| {});

    let shown = api.call(&format!("GET /v1/subscriptions/{id}/backlog")).await.json;
    let expected = json!({
        "breaker": {"state": "open", "since": START, "failed_probes": 0, "next_probe_at": "2026-03-29T12:07:05Z"},
        "failures_in_a_row": 5, "waiting": 3, "waiting_spaces": 2, "waiting_since": START, "attempts_per_second": 10.0,
        "paused_until": null, "decided": {"kept_deliveries": "latest", "kept_before": START},
        "spaces": [
            {"space_id": 2, "sensor_group_id": null, "waiting": 1, "waiting_since": START, "failed_attempts": 0, "next_attempt_at": null,
             "superseded": 0},
            {"space_id": 1, "sensor_group_id": null, "waiting": 2, "waiting_since": later, "failed_attempts": 4, "next_attempt_at": later,
             "superseded": 0},
        ]
    });
    assert_eq!(shown, expected);

    let first = api.call(&format!("GET /v1/subscriptions/{id}/backlog/deliveries?limit=2")).await.json;
    assert_eq!((&first["data"][0]["sequence"], &first["data"][1]["sequence"]), (&json!(5), &json!(6)));
    let cursor = first["next_cursor"].as_str().unwrap();
    let last = api.call(&format!("GET /v1/subscriptions/{id}/backlog/deliveries?cursor={cursor}")).await.json;
    let expected = json!({"data": [{
        "event_id": id_of(&event(2, 1)), "event_type": "space_report", "space_id": 2, "building_ref_id": "b",
        "floor_ref_id": null, "space_ref_id": "s2", "sensor_group_ref_id": null, "subject": null, "sequence": 1, "occurred_at": START, "kept_at": START,
        "replayed": false
    }], "next_cursor": null});
    assert_eq!(last, expected);
}

#[tokio::test]
async fn discarding_is_decided_for_what_was_kept_until_now() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    let line = format!("DELETE /v1/subscriptions/{id}/backlog");
    let nothing = api.call(&line).await;
    assert_eq!((nothing.status.as_u16(), &nothing.json["decided"]), (202, &Value::Null));
    assert!(backlog(&api, &id).is_none() && woken(&api).is_empty(), "nothing waits, nothing is decided");

    put_backlog(&api, &id, Backlog::new(now()));
    keep(&api, &id, &[event(1, 1)], |_| {});
    api.pass_ms(1_000);
    let decided = api.call(&line).await;
    let expected = json!({"kept_deliveries": "discard", "kept_before": "2026-03-29T12:07:01Z"});
    assert_eq!((decided.status.as_u16(), &decided.json["decided"]), (202, &expected));
    assert_eq!(decided.json["breaker"]["state"], "draining");
    assert_eq!(woken(&api), [60, 0]);

    // What was kept while it is disabled has no backlog before somebody decides something about it.
    let off = api.subscribe(json!({"name": "off", "enabled": false})).await;
    keep(&api, &off, &[event(1, 1)], |_| {});
    let decided = api.call(&format!("DELETE /v1/subscriptions/{off}/backlog")).await;
    assert_eq!(decided.json["decided"]["kept_deliveries"], "discard");
}

#[tokio::test]
async fn discarding_meets_other_changes_and_is_made_all_the_same() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    put_backlog(&api, &id, Backlog::new(now()));
    api.fake.with(|contents| contents.rivals = 3);
    let line = format!("DELETE /v1/subscriptions/{id}/backlog");
    assert_eq!(api.call(&line).await.json["decided"]["kept_deliveries"], "discard");
    api.fake.with(|contents| contents.rivals = usize::MAX);
    let refused = api.call(&line).await;
    assert_eq!((refused.status.as_u16(), refused.problem()), (409, "changed-meanwhile"));
}

#[tokio::test]
async fn dead_deliveries_say_why_and_what() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    let refused = Some(FailureReason::from_http_status(422));
    give_up(&api, &id, vec![dead(event(1, 1), DeadBecause::DocumentRefused, refused)]);
    give_up(&api, &id, vec![dead(event(1, 2), DeadBecause::Expired, None)]);
    let path = format!("/v1/subscriptions/{id}/dead-deliveries");
    let list = api.call(&format!("GET {path}")).await.json;
    let (newest, oldest) = (&list["data"][0], &list["data"][1]);
    assert_eq!((&newest["because"], &newest["reason"]), (&json!("expired"), &Value::Null));
    assert_eq!((&oldest["because"], &oldest["reason"]["key"]), (&json!("document_refused"), &json!("http_422")));
    assert_eq!((&oldest["attempts"], &oldest["died_at"], &oldest["sequence"]), (&json!(8), &json!(START), &json!(1)));
    assert!(oldest.get("data").is_none(), "the body is shown one by one");

    let one = api.call(&format!("GET {path}/{}", id_of(&event(1, 1)))).await.json;
    assert_eq!((&one["data"], &one["event_id"]), (&json!({"person_count": 1}), &oldest["event_id"]));
    for nothing in [id_of(&event(9, 9)), "evt_1".to_owned()] {
        assert_eq!(api.call(&format!("GET {path}/{nothing}")).await.status, 404);
        assert_eq!(api.call(&format!("POST {path}/{nothing}/replay")).await.status, 404);
    }
}

#[tokio::test]
async fn a_replayed_delivery_waits_again_and_a_run_is_asked_for() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    give_up(&api, &id, vec![dead(event(1, 4), DeadBecause::AttemptsExhausted, None)]);
    let replay = format!("POST /v1/subscriptions/{id}/dead-deliveries/{}/replay", id_of(&event(1, 4)));
    let answer = api.call(&replay).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    assert_eq!(answer.json, json!({"replayed": 1, "more": false, "sent_now": true}));
    let (lane, kept, left) = api.fake.with(|contents| {
        let place = KeptKey::of(&event(1, 4));
        let lane = contents.lanes[&(key(&id), Stream::of_space(SpaceId(1)))].clone();
        (lane, contents.kept[&(key(&id), place)].clone(), contents.dead.len())
    });
    assert_eq!((lane.count, lane.not_before, left), (1, None, 0));
    assert_eq!(kept, Kept { event: event(1, 4), kept_at: now(), replayed: true });
    let made = backlog(&api, &id).unwrap();
    assert!(made.breaker.is_closed() && made.wake_at == Some(now()), "a run looks only where there is a backlog");
    assert_eq!(woken(&api), [60, 0]);
    assert_eq!(api.call(&replay).await.status, 404, "it is no longer dead");
}

#[tokio::test]
async fn a_replay_takes_its_place_by_its_sequence() {
    // What was first keeps its history only where it still is the first.
    for (sequence, failures) in [(4, 0), (6, 3)] {
        let api = Api::new();
        let id = api.subscribe(json!({})).await;
        let waits = now().checked_add(Duration::from_mins(10)).unwrap();
        keep(&api, &id, &[event(1, 5)], |lane| (lane.failures, lane.not_before) = (3, Some(waits)));
        put_backlog(&api, &id, Backlog { quiet_since: Some(now()), ..Backlog::new(now()) });
        api.fake.with(|contents| contents.rivals = 1);
        give_up(&api, &id, vec![dead(event(1, sequence), DeadBecause::BacklogFull, None)]);
        let replay = format!("POST /v1/subscriptions/{id}/dead-deliveries/{}/replay", id_of(&event(1, sequence)));
        assert_eq!(api.call(&replay).await.status, 202);
        let lane = api.fake.with(|contents| contents.lanes[&(key(&id), Stream::of_space(SpaceId(1)))].clone());
        assert_eq!((lane.count, lane.failures), (2, failures), "{sequence}");
        assert_eq!(lane.not_before, (failures > 0).then_some(waits), "{sequence}");
        assert_eq!(backlog(&api, &id).unwrap().quiet_since, None, "it is not deleted for being quiet now");
    }
}

#[tokio::test]
async fn all_dead_deliveries_are_replayed_a_hundred_at_a_time_the_oldest_first() {
    let api = Api::new();
    let id = api.subscribe(json!({"enabled": false})).await;
    give_up(&api, &id, (1..=130).map(|number| dead(event(number % 3, number), DeadBecause::Expired, None)).collect());
    let replay = format!("POST /v1/subscriptions/{id}/dead-deliveries/replay");
    assert_eq!(api.call(&replay).await.json, json!({"replayed": 100, "more": true, "sent_now": false}));
    let newest_kept = api.fake.with(|contents| contents.kept.keys().map(|(_, place)| place.sequence.0).max());
    assert_eq!(newest_kept, Some(100));
    assert_eq!(api.call(&replay).await.json, json!({"replayed": 30, "more": false, "sent_now": false}));
    assert_eq!(api.call(&replay).await.json, json!({"replayed": 0, "more": false, "sent_now": false}));
    assert!(backlog(&api, &id).is_none(), "enabling makes it");
    let counts = api.fake.with(|contents| contents.lanes.values().map(|lane| lane.count).collect::<Vec<_>>());
    assert_eq!(counts, [43, 44, 43]);
}

#[tokio::test]
async fn a_replay_that_fails_half_way_still_asks_for_a_run() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    give_up(&api, &id, vec![dead(event(1, 1), DeadBecause::Expired, None)]);
    api.fake.with(|contents| contents.failing.insert("dead.replay", true));
    let replay = format!("POST /v1/subscriptions/{id}/dead-deliveries/replay");
    assert_eq!(api.call(&replay).await.status, 503);
    assert_eq!(woken(&api), [60, 0]);
}

#[tokio::test]
async fn another_tenants_backlog_is_not_there() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    keep(&api, &id, &[event(1, 1)], |_| {});
    give_up(&api, &id, vec![dead(event(1, 2), DeadBecause::Expired, None)]);
    let stranger = api.key("other", &[Scope::Admin]);
    let path = format!("/v1/subscriptions/{id}");
    let dead = format!("{path}/dead-deliveries");
    for line in [
        format!("GET {path}/backlog"),
        format!("GET {path}/backlog/deliveries"),
        format!("DELETE {path}/backlog"),
        format!("GET {dead}"),
        format!("GET {dead}/{}", id_of(&event(1, 2))),
        format!("POST {dead}/{}/replay", id_of(&event(1, 2))),
        format!("POST {dead}/replay"),
    ] {
        let answer = api.as_key(&stranger, &line, &Value::Null).await;
        assert_eq!((answer.status.as_u16(), answer.problem()), (404, "not-found"), "{line}");
    }
    assert!(api.fake.with(|contents| contents.woken.is_empty() && contents.dead.len() == 1));
}
