//! Test events: for one subscription, among what waits for it.

use crate::client::Api;
use crate::event_types::door;
use serde_json::{Value, json};
use spacehook_domain::api_key::Scope;
use spacehook_domain::backlog::Kept;
use spacehook_domain::catalogue;
use spacehook_domain::event::EventType;

fn kept(api: &Api) -> Vec<Kept> {
    api.fake.with(|contents| contents.kept.values().cloned().collect())
}

#[tokio::test]
async fn the_documented_example_waits_for_this_subscription_alone() {
    let api = Api::new();
    let id = api.subscribe(json!({"event_types": ["space_availability"]})).await;
    api.subscribe(json!({"name": "other", "event_types": ["space_availability"]})).await;
    let answer = api.call(&format!("POST /v1/subscriptions/{id}/test")).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    let [waiting] = &kept(&api)[..] else { panic!("one delivery") };
    assert_eq!(answer.json, json!({"event_id": waiting.event.id, "event_type": "space_availability"}));
    assert!(waiting.event.test && waiting.replayed);
    assert_eq!(waiting.event.data, catalogue::entry(EventType::SpaceAvailability).unwrap().example);
    let (backlogs, lanes, woken) =
        api.fake.with(|contents| (contents.backlogs.clone(), contents.lanes.clone(), contents.woken.clone()));
    let [((of, _), lane)] = &lanes.iter().collect::<Vec<_>>()[..] else { panic!("one lane") };
    assert_eq!((of.id.as_str(), lane.count), (id.as_str(), 1));
    assert!(backlogs.contains_key(of) && woken.len() == 2, "a run looks at it now, and one later");

    let other = api.json(&format!("POST /v1/subscriptions/{id}/test"), &json!({"event_type": "user_created"})).await;
    assert_eq!(other.json["event_type"], "user_created", "whether it lists the type or not");
    let streams: Vec<_> = kept(&api).iter().map(|kept| kept.event.stream()).collect();
    assert!(streams.len() == 2 && streams[0] != streams[1], "none waits for another");
}

#[tokio::test]
async fn a_type_of_ones_own_is_tested_with_its_newest_example() {
    let api = Api::new();
    api.json("POST /v1/event-types", &door()).await;
    api.json("POST /v1/event-types", &json!({"name": "bare"})).await;
    let id = api.subscribe(json!({"event_types": ["acme.door_opened"]})).await;
    api.json("PUT /v1/event-types/acme.door_opened", &json!({"example": {"door": "south"}})).await;
    let line = format!("POST /v1/subscriptions/{id}/test");
    assert_eq!(api.call(&line).await.status, 202);
    let data = kept(&api)[0].event.data.clone();
    assert_eq!(data, json!({"event_type": "acme.door_opened", "timestamp": api.now(), "door": "south"}));
    for (event_type, expected) in
        [("bare", "PUT /v1/event-types/bare"), ("none", "POST /v1/event-types"), ("A", "must be the name")]
    {
        let refused = api.json(&line, &json!({"event_type": event_type})).await;
        let [(place, detail)] = &refused.errors()[..] else { panic!("{}", refused.text) };
        assert!(place == "/event_type" && detail.contains(expected), "{detail}");
    }
    assert_eq!(kept(&api).len(), 1);
}

#[tokio::test]
async fn a_disabled_subscription_is_sent_nothing_and_a_foreign_one_is_none() {
    let api = Api::new();
    let id = api.subscribe(json!({"enabled": false})).await;
    let line = format!("POST /v1/subscriptions/{id}/test");
    let refused = api.call(&line).await;
    assert_eq!((refused.status.as_u16(), refused.problem()), (409, "subscription-disabled"));
    let other = api.key("other", &[Scope::Admin]);
    assert_eq!(api.as_key(&other, &line, &Value::Null).await.status, 404);
    let reader = api.key("acme", &[Scope::Read]);
    assert_eq!(api.as_key(&reader, &line, &Value::Null).await.status, 403);
    assert!(kept(&api).is_empty());
}

#[tokio::test]
async fn others_that_change_the_backlog_are_waited_for() {
    let api = Api::new();
    let id = api.subscribe(json!({})).await;
    let line = format!("POST /v1/subscriptions/{id}/test");
    assert_eq!(api.call(&line).await.status, 202);
    api.fake.with(|contents| contents.rivals = 3);
    assert_eq!(api.call(&line).await.status, 202);
    assert_eq!(kept(&api).len(), 2);
}
