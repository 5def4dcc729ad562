//! Named groups of sensors.

use crate::client::Api;
use serde_json::{Value, json};
use spacehook_domain::event::EventType;
use spacehook_domain::ids::{SensorId, TenantId};
use spacehook_domain::observed::Observed;
use spacehook_domain::presence::Silence;
use spacehook_domain::reading::{Measurements, PersonCount, Reading};
use spacehook_domain::space_state::{Occasion, SpaceState};
use std::collections::BTreeSet;

async fn put(api: &Api, path: &str, body: Value) -> (u16, Value) {
    let answer = api.json(&format!("PUT {path}"), &body).await;
    (answer.status.as_u16(), answer.json)
}

/// Two rooms of one building, with a sensor each.
async fn rooms() -> Api {
    let api = Api::new();
    put(&api, "/v1/buildings/b", json!({})).await;
    for (space, sensor) in [("s", "x"), ("t", "y")] {
        put(&api, &format!("/v1/buildings/b/spaces/{space}"), json!({})).await;
        put(&api, &format!("/v1/sensors/{sensor}"), json!({"building_ref_id": "b", "space_ref_id": space})).await;
    }
    api
}

#[tokio::test]
async fn a_group_is_made_read_replaced_listed_and_deleted() {
    let api = rooms().await;
    let body = json!({"name": "West", "building_ref_id": "b", "sensor_ids": ["y", "x"], "vacant_after_s": 60});
    let (status, made) = put(&api, "/v1/sensor-groups/west", body).await;
    let expected = json!({
        "sensor_group_id": made["sensor_group_id"], "sensor_group_ref_id": "west", "name": "West", "building_ref_id": "b",
        "sensor_ids": ["x", "y"], "minimum_change": null, "vacant_after_s": 60
    });
    assert_eq!((status, &made), (201, &expected));
    assert_eq!(api.call("GET /v1/sensor-groups/west").await.json, made);
    assert_eq!(api.call("GET /v1/sensors/x").await.json["sensor_group_ref_ids"], json!(["west"]));

    let (status, replaced) = put(&api, "/v1/sensor-groups/west", json!({"sensor_ids": ["y"]})).await;
    assert_eq!((status, &replaced["name"], &replaced["sensor_ids"]), (200, &Value::Null, &json!(["y"])));
    assert_eq!(replaced["sensor_group_id"], made["sensor_group_id"], "it is the same group");
    assert_eq!(api.call("GET /v1/sensors/x").await.json["sensor_group_ref_ids"], json!([]));
    put(&api, "/v1/sensor-groups/east", json!({"sensor_ids": []})).await;
    let listed = api.call("GET /v1/sensor-groups?limit=1").await.json;
    assert_eq!(listed["data"][0]["sensor_group_ref_id"], "east");
    assert!(listed["next_cursor"].is_string());

    assert_eq!(api.call("DELETE /v1/sensor-groups/west").await.status, 204);
    for operation in ["GET /v1/sensor-groups/west", "DELETE /v1/sensor-groups/west", "GET /v1/sensor-groups/west/state"]
    {
        assert_eq!(api.call(operation).await.status, 404, "{operation}");
    }
    assert_eq!(api.call("GET /v1/sensors/y").await.json["sensor_group_ref_ids"], json!([]), "and the sensor stays");
}

#[tokio::test]
async fn a_moved_sensor_stays_in_its_groups_and_a_deleted_one_leaves_them() {
    let api = rooms().await;
    put(&api, "/v1/sensor-groups/west", json!({"sensor_ids": ["x", "y"]})).await;
    let (_, moved) = put(&api, "/v1/sensors/x", json!({"building_ref_id": "b", "space_ref_id": "t"})).await;
    assert_eq!(moved["sensor_group_ref_ids"], json!(["west"]), "the answer has them, too");
    assert_eq!(api.call("DELETE /v1/sensors/x").await.status, 204);
    assert_eq!(api.call("GET /v1/sensor-groups/west").await.json["sensor_ids"], json!(["y"]));
}

#[tokio::test]
async fn what_is_wrong_with_a_group_is_told_at_its_place() {
    let api = rooms().await;
    let wrong = async |body: Value| -> BTreeSet<String> {
        let answer = api.json("PUT /v1/sensor-groups/west", &body).await;
        assert_eq!(answer.status, 422, "{body}");
        answer.errors().into_iter().map(|(place, _)| place).collect()
    };
    let places = |places: &[&str]| places.iter().map(|place| (*place).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(wrong(json!({})).await, places(&["/sensor_ids"]));
    assert_eq!(
        wrong(json!({"sensor_ids": ["x", 7, "x", "a/b"], "sensor_group_id": 3, "vacant_after_s": -1, "name": ""}))
            .await,
        places(&["/sensor_ids/1", "/sensor_ids/2", "/sensor_ids/3", "/sensor_group_id", "/vacant_after_s", "/name"])
    );
    let many: Vec<String> = (0..91).map(|n| format!("s{n}")).collect();
    assert_eq!(wrong(json!({"sensor_ids": many})).await, places(&["/sensor_ids"]));
    assert_eq!(
        wrong(json!({"sensor_ids": ["nobody", "x", "none"]})).await,
        places(&["/sensor_ids/0", "/sensor_ids/2"])
    );
    assert_eq!(wrong(json!({"sensor_ids": [], "building_ref_id": "c"})).await, places(&["/building_ref_id"]));
    for number in 0..8 {
        assert_eq!(put(&api, &format!("/v1/sensor-groups/g{number}"), json!({"sensor_ids": ["y"]})).await.0, 201);
    }
    assert_eq!(wrong(json!({"sensor_ids": ["x", "y"]})).await, places(&["/sensor_ids/1"]), "y is in eight");
    let unnamed = api.json("PUT /v1/sensor-groups/a%25b", &json!({"sensor_ids": []})).await;
    assert_eq!(unnamed.status, 400, "such a name could not be addressed");
    assert_eq!(api.call("GET /v1/sensor-groups/west").await.status, 404, "nothing of all that was kept");
}

#[tokio::test]
async fn the_state_of_a_group_says_what_its_sensors_say_together() {
    let api = rooms().await;
    put(&api, "/v1/sensor-groups/west", json!({"building_ref_id": "b", "sensor_ids": ["x", "y"]})).await;
    let silent = api.call("GET /v1/sensor-groups/west/state").await.json;
    assert_eq!(
        (&silent["observed_at"], &silent["state"], &silent["sequence"]),
        (&Value::Null, &Value::Null, &json!(0))
    );

    let group = api.fake.with(|contents| contents.sensor_groups.values().next().unwrap().clone());
    let (tenant, of) = (TenantId::parse("acme").unwrap(), Observed::from(group));
    let (mut state, wanted) = (SpaceState::default(), EventType::BUILT_IN.iter().copied().collect());
    for (sensor, people) in [("x", 2), ("y", 3)] {
        let reading = Reading {
            sensor_id: SensorId::parse(sensor).unwrap(),
            observed_at: "2026-03-29T12:00:00Z".parse().unwrap(),
            received_at: "2026-03-29T12:00:01Z".parse().unwrap(),
            measurements: Measurements { person_count: Some(PersonCount(people)), ..Measurements::default() },
        };
        let occasion = Occasion { tenant: &tenant, of: &of, trace: None, wanted: &wanted };
        state.take(occasion, &reading, Silence::default());
    }
    api.fake.with(|contents| contents.states.insert(of.id(), state));
    let mut said = api.call("GET /v1/sensor-groups/west/state").await.json;
    assert_eq!(said["sensors"].as_array().map(Vec::len), Some(2));
    said.as_object_mut().unwrap().remove("sensors");
    let expected = json!({
        "sensor_group_id": said["sensor_group_id"], "sensor_group_ref_id": "west", "building_ref_id": "b",
        "observed_at": "2026-03-29T12:00:00Z", "sequence": 3, "state": "occupied", "held_until": null,
        "passively_occupied": null, "person_count": 5, "signs_of_life": null, "motion_detected": null,
        "environment": null, "is_stale": false
    });
    assert_eq!(said, expected, "two readings and a state were told");
    put(&api, "/v1/sensor-groups/west", json!({"sensor_ids": ["y"]})).await;
    let left = api.call("GET /v1/sensor-groups/west/state").await.json;
    assert_eq!((&left["person_count"], &left["sensors"][0]["sensor_id"]), (&json!(3), &json!("y")), "as of now");
    assert_eq!(
        (&left["sensors"][0]["device_health"], &left["sensors"][0]["last_seen_at"]),
        (&Value::Null, &Value::Null)
    );
}
