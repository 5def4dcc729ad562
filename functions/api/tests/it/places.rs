//! Buildings, floors, spaces, sensors and the state of a space.

use crate::client::Api;
use serde_json::{Value, json};
use spacehook_domain::counter::{Counting, Totals};
use spacehook_domain::event::Event;
use spacehook_domain::ids::{SensorId, SpaceId, TenantId};
use spacehook_domain::observed::{Observed, ObservedId};
use spacehook_domain::presence::Silence;
use spacehook_domain::reading::{BatteryPercent, Measurements, PersonCount, Reading};
use spacehook_domain::space_state::Occasion;
use spacehook_domain::space_state::SpaceState;
use spacehook_store::UnassignedSensor;
use std::collections::BTreeSet;

async fn put(api: &Api, path: &str, body: Value) -> (u16, Value) {
    let answer = api.json(&format!("PUT {path}"), &body).await;
    (answer.status.as_u16(), answer.json)
}

#[tokio::test]
async fn places_are_put_read_listed_and_deleted() {
    let api = Api::new();
    assert_eq!(put(&api, "/v1/buildings/b", json!({"name": "HQ"})).await.0, 201);
    let replaced = put(&api, "/v1/buildings/b", json!({})).await;
    assert_eq!(
        replaced,
        (200, json!({"building_ref_id": "b", "name": null, "minimum_change": null, "vacant_after_s": null}))
    );
    assert_eq!(put(&api, "/v1/buildings/b/floors/f", json!({"name": "2nd"})).await.0, 201);
    let (status, space) = put(&api, "/v1/buildings/b/spaces/s", json!({"floor_ref_id": "f", "name": "Turing"})).await;
    assert_eq!(status, 201);
    let expected = json!({
        "space_id": 1, "building_ref_id": "b", "floor_ref_id": "f", "space_ref_id": "s", "name": "Turing",
        "minimum_change": null, "vacant_after_s": null, "sensor_ids": []
    });
    assert_eq!(space, expected);
    assert_eq!(put(&api, "/v1/buildings/b/spaces/s", json!({})).await.1["space_id"], 1, "its number stays");
    for line in ["/v1/buildings/b", "/v1/buildings/b/floors/f", "/v1/buildings/b/spaces/s"] {
        assert_eq!(api.call(&format!("GET {line}")).await.status, 200, "{line}");
    }
    for line in ["/v1/buildings", "/v1/buildings/b/floors", "/v1/buildings/b/spaces"] {
        assert_eq!(api.call(&format!("GET {line}")).await.json["data"].as_array().unwrap().len(), 1, "{line}");
    }
    let in_use = api.call("DELETE /v1/buildings/b").await;
    assert_eq!((in_use.status.as_u16(), in_use.problem()), (409, "still-in-use"));
    assert!(in_use.json["detail"].as_str().unwrap().contains("floors"));
    for line in ["/v1/buildings/b/spaces/s", "/v1/buildings/b/floors/f", "/v1/buildings/b"] {
        assert_eq!(api.call(&format!("DELETE {line}")).await.status, 204, "{line}");
        assert_eq!(api.call(&format!("DELETE {line}")).await.status, 404, "{line}");
    }
}

#[tokio::test]
async fn what_is_in_nothing_is_refused() {
    let api = Api::new();
    assert_eq!(put(&api, "/v1/buildings/b/floors/f", json!({})).await.0, 404);
    assert_eq!(put(&api, "/v1/buildings/b/spaces/s", json!({})).await.0, 404);
    assert_eq!(api.call("GET /v1/buildings/b/spaces").await.status, 404);
    put(&api, "/v1/buildings/b", json!({})).await;
    let (status, problem) = put(&api, "/v1/buildings/b/spaces/s", json!({"floor_ref_id": "f"})).await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/floor_ref_id")));
    let (status, problem) = put(&api, "/v1/sensors/x", json!({"building_ref_id": "b", "space_ref_id": "s"})).await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/space_ref_id")));
}

#[tokio::test]
async fn names_keep_their_spelling_and_can_be_addressed() {
    let api = Api::new();
    assert_eq!(put(&api, "/v1/buildings/Salle%20A:%C3%AB.2", json!({})).await.1["building_ref_id"], "Salle A:ë.2");
    for name in ["a%2Fb", "a%3Fb", "a%23b", "a%25b", "a%5Cb", "%2e", "%20a", "a%0A", &"x".repeat(129)] {
        let refused = api.json(&format!("PUT /v1/buildings/{name}"), &json!({})).await;
        assert_eq!((refused.status.as_u16(), refused.problem()), (400, "invalid-parameters"), "{name}");
        assert_eq!(refused.errors()[0].0, "?building_ref_id");
    }
}

#[tokio::test]
async fn a_sensor_is_assigned_moved_and_deleted() {
    let api = Api::new();
    put(&api, "/v1/buildings/b", json!({})).await;
    for space in ["s", "t"] {
        put(&api, &format!("/v1/buildings/b/spaces/{space}"), json!({})).await;
    }
    let heard = UnassignedSensor {
        sensor_id: SensorId::parse("600-ABC").unwrap(),
        first_seen: "2026-03-28T00:00:00Z".parse().unwrap(),
        last_seen: "2026-03-29T00:00:00Z".parse().unwrap(),
        readings: 3,
    };
    api.fake.with(|contents| contents.unassigned.push(heard));
    let unassigned = api.call("GET /v1/unassigned-sensors").await.json;
    let expected = json!({
        "sensor_id": "600-ABC", "first_seen": "2026-03-28T00:00:00Z", "last_seen": "2026-03-29T00:00:00Z", "readings": 3
    });
    assert_eq!(unassigned["data"], json!([expected]));

    let to = |space: &str| json!({"building_ref_id": "b", "space_ref_id": space});
    assert_eq!(put(&api, "/v1/sensors/600-ABC", to("s")).await.0, 201);
    assert_eq!(api.call("GET /v1/unassigned-sensors").await.json["data"], json!([]));
    assert_eq!(put(&api, "/v1/sensors/600-ABC", to("t")).await.0, 200);
    assert_eq!(api.call("GET /v1/buildings/b/spaces/s").await.json["sensor_ids"], json!([]));
    assert_eq!(api.call("GET /v1/buildings/b/spaces/t").await.json["sensor_ids"], json!(["600-ABC"]));
    assert_eq!(api.call("DELETE /v1/buildings/b/spaces/t").await.problem(), "still-in-use");
    assert_eq!(api.call("DELETE /v1/sensors/600-ABC").await.status, 204);
    assert_eq!(api.call("GET /v1/sensors/600-ABC").await.status, 404);
    let missing = api.json("PUT /v1/sensors/600-ABC", &json!({"building": "b"})).await.errors();
    assert_eq!(missing.len(), 3, "{missing:?}");
}

#[tokio::test]
async fn the_state_of_a_space_says_what_its_sensors_say() {
    let api = Api::new();
    put(&api, "/v1/buildings/b", json!({})).await;
    put(&api, "/v1/buildings/b/spaces/s", json!({})).await;
    let silent = api.call("GET /v1/buildings/b/spaces/s/state").await.json;
    assert_eq!(
        (&silent["observed_at"], &silent["sequence"], &silent["state"]),
        (&Value::Null, &json!(0), &Value::Null)
    );

    put(&api, "/v1/sensors/x", json!({"building_ref_id": "b", "space_ref_id": "s"})).await;
    let space = api.fake.with(|contents| contents.spaces.values().next().unwrap().clone());
    let mut state = SpaceState::default();
    let reading = Reading {
        sensor_id: SensorId::parse("x").unwrap(),
        observed_at: "2026-03-29T12:00:00Z".parse().unwrap(),
        received_at: "2026-03-29T12:00:01Z".parse().unwrap(),
        measurements: Measurements {
            person_count: Some(PersonCount(2)),
            battery: BatteryPercent::new(15.0).ok(),
            totals: Some(Totals { entries: 9, exits: 4, counting: Counting::default() }),
            ..Measurements::default()
        },
    };
    let tenant = TenantId::parse("acme").unwrap();
    let (wanted, of) = (&BTreeSet::new(), &Observed::from(space));
    let occasion = Occasion { tenant: &tenant, of, trace: None, wanted };
    state.take(occasion, &reading, Silence::default());
    api.fake.with(|contents| contents.states.insert(ObservedId::Space(SpaceId(1)), state));
    let said = api.call("GET /v1/buildings/b/spaces/s/state").await.json;
    let expected = json!({
        "space_id": 1, "building_ref_id": "b", "floor_ref_id": null, "space_ref_id": "s",
        "observed_at": "2026-03-29T12:00:00Z", "sequence": 2, "state": "occupied", "held_until": null, "passively_occupied": null,
        "person_count": 2, "signs_of_life": null, "motion_detected": null, "coordinates": [], "distances": null,
        "environment": null, "is_stale": false,
        "sensors": [{
            "sensor_id": "x", "device_health": "online", "is_stale": false,
            "last_reading_at": "2026-03-29T12:00:01Z", "last_seen_at": "2026-03-29T12:00:01Z",
            "battery_health": "replace_soon",
            "values": {
                "person_count": {"at": "2026-03-29T12:00:00Z", "value": 2},
                "battery": {"at": "2026-03-29T12:00:00Z", "value": 15.0},
                "entries_total": {"at": "2026-03-29T12:00:00Z", "value": 9},
                "exits_total": {"at": "2026-03-29T12:00:00Z", "value": 4}
            }
        }]
    });
    assert_eq!(said, expected);

    // Health looks, three hours later.
    let now = "2026-03-29T15:00:01Z".parse().unwrap();
    api.fake.with(|contents| contents.states.get_mut(&ObservedId::Space(SpaceId(1))).unwrap().look(occasion, now));
    let silent = api.call("GET /v1/buildings/b/spaces/s/state").await.json;
    assert_eq!(silent["is_stale"], true);
    assert_eq!(
        (&silent["sensors"][0]["is_stale"], &silent["sensors"][0]["device_health"]),
        (&json!(true), &json!("offline"))
    );
}

#[tokio::test]
async fn what_is_settled_is_read_shown_and_kept() {
    let api = Api::new();
    let settled = json!({"minimum_change": {"person_count": 2, "temperature": 0.5}, "vacant_after_s": 120});
    for path in ["/v1/buildings/b", "/v1/buildings/b/spaces/s"] {
        let (status, shown) = put(&api, path, settled.clone()).await;
        assert_eq!((status, &shown["minimum_change"]), (201, &settled["minimum_change"]), "{path}");
        assert_eq!(api.call(&format!("GET {path}")).await.json["vacant_after_s"], 120);
        let none = put(&api, path, json!({"vacant_after_s": null, "minimum_change": {}})).await.1;
        assert!(none["vacant_after_s"].is_null() && none["minimum_change"].is_null(), "a PUT says the whole");
        put(&api, path, settled.clone()).await;
    }
    let imported =
        json!({"buildings": [{"building_ref_id": "b", "name": "HQ", "spaces": [{"space_ref_id": "s", "name": "S"}]}]});
    assert_eq!(api.json("POST /v1/import", &imported).await.status, 200);
    for path in ["/v1/buildings/b", "/v1/buildings/b/spaces/s"] {
        let shown = api.call(&format!("GET {path}")).await.json;
        assert_eq!(shown["vacant_after_s"], 120, "an import leaves it: {shown}");
        assert_eq!(shown["minimum_change"], settled["minimum_change"]);
    }
}

#[tokio::test]
async fn a_wrong_setting_is_named_with_its_limit() {
    let api = Api::new();
    put(&api, "/v1/buildings/b", json!({})).await;
    let wrong = json!({"vacant_after_s": 86401, "minimum_change": {"co2": 0, "a/b": 1, "person_count": 1.5}});
    let expected = [
        (
            "/minimum_change/a~1b",
            "is not known; known are person_count, temperature, humidity, iaq, co2, illuminance, battery",
        ),
        ("/minimum_change/co2", "must be more than 0 and at most 100000 ppm"),
        ("/minimum_change/person_count", "must be a whole number of people"),
        ("/vacant_after_s", "must be a whole number of seconds from 0 to 86400"),
    ];
    for path in ["/v1/buildings/b", "/v1/buildings/b/spaces/s"] {
        let mut errors = api.json(&format!("PUT {path}"), &wrong).await.errors();
        errors.sort();
        let errors: Vec<_> = errors.iter().map(|(place, detail)| (place.as_str(), detail.as_str())).collect();
        assert_eq!(errors, expected, "{path}");
    }
    for (field, value) in [("vacant_after_s", json!(-1)), ("vacant_after_s", json!("60")), ("minimum_change", json!(1))]
    {
        let errors = api.json("PUT /v1/buildings/b", &json!({field: value})).await.errors();
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].0, format!("/{field}"));
    }
}

/// The sensors that were told of, and whether they were registered.
fn registrations(api: &Api) -> Vec<(String, String)> {
    let of =
        |event: &Event| (event.event_type.as_str().to_owned(), event.data["sensor_id"].as_str().unwrap().to_owned());
    api.fake.with(|contents| contents.published.iter().map(of).collect())
}

#[tokio::test]
async fn a_registration_is_told_once_and_a_move_is_not() {
    let api = Api::new();
    put(&api, "/v1/buildings/b", json!({})).await;
    put(&api, "/v1/buildings/b/floors/f", json!({})).await;
    for space in ["s", "t"] {
        put(&api, &format!("/v1/buildings/b/spaces/{space}"), json!({"floor_ref_id": "f"})).await;
    }
    let to = |space: &str| json!({"building_ref_id": "b", "space_ref_id": space});
    assert_eq!(put(&api, "/v1/sensors/w", to("s")).await.0, 201);
    assert_eq!(api.call("DELETE /v1/sensors/w").await.status, 204);
    assert!(registrations(&api).is_empty(), "nobody asked for it");

    api.subscribe(json!({"event_types": ["device_registered", "device_unregistered"]})).await;
    for space in ["s", "s", "t"] {
        put(&api, "/v1/sensors/x", to(space)).await;
    }
    assert_eq!(api.call("DELETE /v1/sensors/x").await.status, 204);
    assert_eq!(api.call("DELETE /v1/sensors/x").await.status, 404);
    let imported = json!({"buildings": [{"building_ref_id": "b", "spaces": [
        {"space_ref_id": "s", "sensors": [{"sensor_id": "y"}, {"sensor_id": "z"}]}
    ]}]});
    for _ in 0..2 {
        assert_eq!(api.json("POST /v1/import", &imported).await.status, 200);
    }
    let pair = |what: &str, sensor: &str| (what.to_owned(), sensor.to_owned());
    let expected = [
        pair("device_registered", "x"),
        pair("device_unregistered", "x"),
        pair("device_registered", "y"),
        pair("device_registered", "z"),
    ];
    assert_eq!(registrations(&api), expected);
    let gone = api.fake.with(|contents| contents.published[1].clone());
    assert_eq!(
        gone.data,
        json!({
            "event_type": "device_unregistered", "timestamp": api.now().to_string(), "building_ref_id": "b",
            "floor_ref_id": "f", "space_ref_id": "t", "sensor_id": "x"
        })
    );

    api.fake.with(|contents| contents.failing.insert("events.publish", false));
    assert_eq!(put(&api, "/v1/sensors/q", to("s")).await.0, 201, "what is done is done");
}
