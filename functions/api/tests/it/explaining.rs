//! Why an event would be sent, or would not.

use crate::client::Api;
use serde_json::{Value, json};
use spacehook_domain::event::{Event, EventType};
use spacehook_domain::subscription::EVENT_TYPES_LIMIT;

async fn explain(api: &Api, body: Value) -> Value {
    let answer = api.json("POST /v1/explain", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json
}

fn condition<'a>(explanation: &'a Value, code: &str) -> &'a Value {
    explanation["conditions"].as_array().unwrap().iter().find(|one| one["code"] == code).unwrap()
}

#[tokio::test]
async fn the_request_is_the_one_that_would_be_made_without_its_secrets() {
    let api = Api::new();
    let id = api
        .subscribe(json!({
            "key_values": {"site": "HQ"},
            "auth": {"type": "custom_header", "name": "X-Key", "value": "hush-1"},
            "custom_headers": {"x-site": "hush-2"},
        }))
        .await;
    let event = json!({"event_type": "space_report", "data": {"person_count": 1.50}, "subject": "s"});
    let explained = explain(&api, json!({"event": event, "subscription_id": id})).await;
    assert_eq!(explained["event"]["data"], json!({"person_count": 1.5}));
    assert_eq!(explained["event"]["building_ref_id"], Value::Null);
    assert_eq!(explained["next_cursor"], Value::Null);
    let [one] = &explained["data"].as_array().unwrap()[..] else { panic!("one subscription") };
    assert_eq!((&one["sent"], &one["decided_by"], &one["name"]), (&json!(true), &Value::Null, &json!("n")));
    assert_eq!(one["conditions"].as_array().unwrap().len(), 9);
    let request = &one["request"];
    assert_eq!((&request["method"], &request["url"]), (&json!("POST"), &json!("https://example.com/hook")));
    assert_eq!(request["body"], r#"{"person_count":1.5,"site":"HQ"}"#);
    let header = |name: &str| {
        let headers = request["headers"].as_array().unwrap().iter();
        headers.clone().find(|header| header["name"] == name).map(|header| header["value"].as_str().unwrap().to_owned())
    };
    assert_eq!(header("x-key").as_deref(), Some("[redacted]"));
    assert_eq!(header("x-site").as_deref(), Some("[redacted]"));
    assert_eq!(header("webhook-signature").as_deref(), Some("v1,[redacted]"));
    assert_eq!(header("spacehook-attempt").as_deref(), Some("1"));
    assert_eq!(header("webhook-timestamp"), Some(api.now().as_second().to_string()));
    assert_eq!(header("webhook-id").as_deref(), explained["event"]["id"].as_str());
    assert!(!explained.to_string().contains("hush"));
    assert!(api.fake.with(|contents| !contents.done.contains(&"secret.get")), "no secret is read for it");
}

#[tokio::test]
async fn the_condition_that_decides_is_the_first_that_does_not_hold() {
    let api = Api::new();
    let id = api
        .subscribe(json!({"building_ref_ids": ["building_2"], "filter": {"person_count": [0]}, "enabled": false}))
        .await;
    let explained = explain(&api, json!({"event_type": "space_report", "subscription_id": id})).await;
    let one = &explained["data"][0];
    assert_eq!((&one["sent"], &one["decided_by"], &one["request"]), (&json!(false), &json!("building"), &Value::Null));
    let sentence = "The event is of the building 'building_1'; the subscription lists 'building_2'.";
    assert_eq!(condition(one, "building"), &json!({"code": "building", "holds": false, "sentence": sentence}));
    let sentence = condition(one, "filter")["sentence"].as_str().unwrap();
    assert_eq!(sentence, "The filter does not match: person_count is 2, and wanted is [0].");
    assert_eq!(condition(one, "enabled")["holds"], false);
    assert_eq!(condition(one, "event_type")["holds"], true);
}

#[tokio::test]
async fn reports_are_explained_as_changes_unless_the_event_says_otherwise() {
    let api = Api::new();
    let id = api.subscribe(json!({"send": "on_change"})).await;
    let decided_by = async |more: Value| {
        let mut event = json!({"event_type": "space_report", "data": {}});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        explain(&api, json!({"event": event, "subscription_id": id})).await["data"][0]["decided_by"].clone()
    };
    assert_eq!(decided_by(json!({})).await, Value::Null);
    assert_eq!(decided_by(json!({"occupancy_changed": false})).await, "on_change");
    assert_eq!(decided_by(json!({"occupancy_changed": false, "first_of_hour": true})).await, Value::Null);
}

#[tokio::test]
async fn all_that_list_the_type_are_explained_in_pages() {
    let api = Api::new();
    for (name, event_type) in [("a", "space_stale"), ("b", "space_report"), ("c", "space_stale"), ("d", "space_stale")]
    {
        api.subscribe(json!({"name": name, "event_types": [event_type]})).await;
    }
    let names = |page: &Value| -> Vec<String> {
        page["data"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    let first = api.json("POST /v1/explain?limit=2", &json!({"event_type": "space_stale"})).await.json;
    assert_eq!(names(&first), ["a", "c"]);
    let line = format!("POST /v1/explain?limit=2&cursor={}", first["next_cursor"].as_str().unwrap());
    assert_eq!(names(&api.json(&line, &json!({"event_type": "space_stale"})).await.json), ["d"]);
    // Beside 64 KB of data there is no room for a hundred bodies.
    let large = json!({"event_type": "space_stale", "data": {"x": "y".repeat(60_000)}});
    let page = api.json("POST /v1/explain?limit=100", &json!({"event": large})).await;
    assert_eq!(names(&page.json), ["a", "c", "d"]);
    assert!(page.text.len() < 3_000_000);
}

#[tokio::test]
async fn the_example_of_every_type_is_explained() {
    let api = Api::new();
    let types: Vec<_> = EventType::BUILT_IN.iter().map(EventType::as_str).collect();
    for (number, types) in types.chunks(EVENT_TYPES_LIMIT).enumerate() {
        let id = api.subscribe(json!({"name": format!("{number}"), "event_types": types})).await;
        for event_type in types {
            let explained = explain(&api, json!({"event_type": event_type, "subscription_id": id})).await;
            assert_eq!(explained["data"][0]["sent"], true, "{event_type}");
            let record = explained["event"]["data"].get(0).unwrap_or(&explained["event"]["data"]);
            assert_eq!(record["event_type"], *event_type);
        }
    }
}

#[tokio::test]
async fn nobody_is_told_of_their_own_subscription() {
    let api = Api::new();
    let id = api.subscribe(json!({"event_types": ["subscription_failing"]})).await;
    let about = json!({"event_type": "subscription_failing", "data": {"subscription": {"id": id}}});
    let explained = explain(&api, json!({"event": about, "subscription_id": id})).await;
    assert_eq!(explained["data"][0]["decided_by"], "about_itself");
}

#[tokio::test]
async fn a_kept_event_is_explained_where_there_is_one() {
    let api = Api::new();
    let id = api.subscribe(json!({"event_types": ["space_stale"]})).await;
    let unknown = json!({"event_id": "evt_00000000000000000000000000000000"});
    let missing = api.json("POST /v1/explain", &unknown).await;
    assert_eq!((missing.status.as_u16(), missing.json["detail"].as_str()), (404, Some("There is no such kept event.")));

    let kept: Event = serde_json::from_value(json!({
        "v": 1, "id": "evt_00000000000000000000000000000001", "tenant": "acme", "type": "space_stale", "sequence": 7,
        "subject": "s", "occurred_at": "2026-03-29T12:00:00Z", "received_at": "2026-03-29T12:00:00Z",
        "change": {"occupancy_changed": false, "first_of_hour": false}, "data": {"a": 1},
    }))
    .unwrap();
    api.fake.with(|contents| contents.events.insert((kept.tenant.clone(), kept.id.clone()), kept.clone()));
    let explained = explain(&api, json!({"event_id": kept.id.as_str(), "subscription_id": id})).await;
    assert_eq!(explained["event"]["id"], kept.id.as_str());
    assert_eq!(explained["data"][0]["request"]["body"], r#"{"a":1}"#);
    let strange = api.key("other", &[spacehook_domain::api_key::Scope::Read]);
    let foreign = api.as_key(&strange, "POST /v1/explain", &json!({"event_id": kept.id.as_str()})).await;
    assert_eq!(foreign.status, 404, "another tenant's");
}

#[tokio::test]
async fn what_is_asked_is_checked() {
    let api = Api::new();
    let one = "give exactly one of 'event', 'event_type' and 'event_id'";
    let table = [
        (json!({}), "", one),
        (json!({"event_type": "space_stale", "event_id": "evt_00000000000000000000000000000001"}), "", one),
        (json!({"event_type": "space"}), "/event_type", "is no event type"),
        (json!({"event_id": "x"}), "/event_id", "event id must be"),
        (json!({"event_type": "space_stale", "subscription_id": "x"}), "/subscription_id", "subscription id must be"),
        (json!({"event": {"event_type": "space_stale"}}), "/event/data", "is required"),
        (json!({"event": {"event_type": "space_stale", "data": []}}), "/event/data", "must be an object"),
        (
            json!({"event": {"event_type": "space_stale", "data": {"x": "y".repeat(70_000)}}}),
            "/event/data",
            "at most 65536",
        ),
        (json!({"event": {"event_type": "space_stale", "data": {}, "space_ref_id": "s"}}), "/event", "needs both"),
        (
            json!({"event": {"event_type": "space_stale", "data": {}, "building_ref_id": "b", "space_ref_id": "s", "subject": "x"}}),
            "/event",
            "not about both",
        ),
        (
            json!({"event": {"event_type": "space_stale", "data": {}, "sensor_group_ref_id": "g", "space_ref_id": "s"}}),
            "/event",
            "about one of them",
        ),
    ];
    for (body, place, detail) in table {
        let refused = api.json("POST /v1/explain", &body).await;
        assert_eq!(refused.status, 422, "{}", refused.text);
        let errors = refused.errors();
        assert_eq!(errors[0].0, place, "{errors:?}");
        assert!(errors[0].1.contains(detail), "{errors:?}");
    }
    let nobodys = json!({"event_type": "space_stale", "subscription_id": "sub_00000000000000000000000000000000"});
    assert_eq!(api.json("POST /v1/explain", &nobodys).await.status, 404);
    let writes = api.key("acme", &[spacehook_domain::api_key::Scope::Publish]);
    assert_eq!(api.as_key(&writes, "POST /v1/explain", &nobodys).await.status, 403);
}
