use super::*;
use crate::ids::SensorId;
use crate::reading::Reading;
use crate::telemetry::{Accepted, RefusedReading, UnreadableMessage, read_message};
use serde_json::{Value, json};

mod own_recipes;

fn read_with(
    profile: &Profile,
    message: &Value,
    scripts: &dyn Decode,
) -> Result<Vec<Result<Reading, RefusedReading>>, UnreadableMessage> {
    let (sensor_id, name) = (SensorId::parse("of-topic").unwrap(), ProfileName::parse("a_profile").unwrap());
    let origin = Origin { sensor_id: &sensor_id, profile: &name, received_at: ARRIVED.parse().unwrap() };
    let read = read_message(message.to_string().as_bytes(), profile, origin, scripts)?;
    Ok(read.readings.into_iter().map(|result| result.map(|Accepted { reading, .. }| reading)).collect())
}

fn read(profile: &str, message: &Value) -> Vec<Result<Reading, RefusedReading>> {
    let profile = Profile::of_all(&ProfileName::parse(profile).unwrap()).unwrap();
    read_with(&profile, message, &NoDecoder).unwrap()
}

/// The readings of a message of which none is refused, as (sensor, time, what it says).
fn readings(profile: &str, message: &Value) -> Vec<(String, String, Value)> {
    let read = read(profile, message).into_iter().map(Result::unwrap);
    read.map(|reading| {
        let mut says = serde_json::to_value(&reading.measurements).unwrap();
        says.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        (reading.sensor_id.to_string(), reading.observed_at.to_string(), says)
    })
    .collect()
}

fn one(profile: &str, message: &Value) -> (String, String, Value) {
    let mut all = readings(profile, message);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

fn expected(sensor: &str, at: &str, says: Value) -> (String, String, Value) {
    (sensor.to_owned(), at.to_owned(), says)
}

const ARRIVED: &str = "2026-02-02T14:19:00Z";

#[test]
fn every_built_in_profile_can_be_followed() {
    for written in built_in::WRITTEN {
        let read = BuiltIn::read(written).unwrap_or_else(|mistakes| panic!("{mistakes:?}: {written}"));
        assert!(ProfileName::parse(read.name.as_str()).is_ok());
        assert_eq!(built_in_named(&read.name).unwrap().title, read.title);
    }
    assert_eq!(super::built_in().len(), built_in::WRITTEN.len());
}

#[test]
fn vergesense_comes_as_an_object_or_as_an_array() {
    let report = json!({
        "building_ref_id": "b", "floor_ref_id": "f", "space_ref_id": "s", "event_type": "space_report",
        "timestamp": "2019-08-21T21:10:25Z", "person_count": 2, "signs_of_life": true, "motion_detected": null,
        "people": {"count": 2, "coordinates": [[[0.6, 1.2]], null, [[2.4, 0.9]]],
            "distances": {"units": "meters", "values": [1.8]}},
        "sensor_ids": ["VS0-123", "VS1-321"],
        "environment": {"humidity": {"units": "RH", "value": 42}, "iaq": {"units": "UBA", "value": 51},
            "sensor": "VS1-321", "temperature": {"units": "C", "value": 21.5}, "timestamp": "2019-08-21T21:10:25Z"},
    });
    let says = json!({
        "person_count": 2, "signs_of_life": true, "coordinates": [[0.6, 1.2], [2.4, 0.9]], "distances": [1.8],
        "humidity": 42.0, "iaq": 51.0, "temperature": 21.5,
    });
    let whole = expected("VS0-123", "2019-08-21T21:10:25Z", says);
    assert_eq!(one("vergesense", &report), whole);
    assert_eq!(readings("vergesense", &json!([report, report])), [whole.clone(), whole]);
}

#[test]
fn disruptive_technologies() {
    let event = |kind: &str, data: Value| {
        json!({"event": {"eventId": "e", "targetName": "projects/p/devices/bhmh0c", "eventType": kind,
            "data": {kind: data}, "timestamp": "2021-05-16T08:13:16.000000Z"}, "labels": {}})
    };
    let time = "2021-05-16T08:13:15.361624Z";
    let says = |kind: &str, data: Value| one("disruptive_technologies", &event(kind, data));
    let present = |state: &str| json!({"state": state, "updateTime": time});
    for (kind, state, is_there) in [
        ("objectPresent", "PRESENT", true),
        ("objectPresent", "NOT_PRESENT", false),
        ("deskOccupancy", "OCCUPIED", true),
        ("deskOccupancy", "NOT_OCCUPIED", false),
    ] {
        assert_eq!(says(kind, present(state)), expected("bhmh0c", time, json!({"signs_of_life": is_there})));
    }
    let moves = says("motion", present("MOTION_DETECTED"));
    assert_eq!(moves, expected("bhmh0c", time, json!({"motion_detected": true, "signs_of_life": true})));
    let humidity = says("humidity", json!({"temperature": 22.45, "relativeHumidity": 17, "updateTime": time}));
    assert_eq!(humidity, expected("bhmh0c", time, json!({"temperature": 22.45, "humidity": 17.0})));
    let battery = says("batteryStatus", json!({"percentage": 98}));
    assert_eq!(battery, expected("bhmh0c", "2021-05-16T08:13:16Z", json!({"battery": 98.0})));
    assert!(readings("disruptive_technologies", &event("networkStatus", json!({"signalStrength": 58}))).is_empty());
}

#[test]
fn cisco_spaces_has_sensors_room_devices_and_cameras() {
    let event = |kind: &str, field: &str, says: Value| {
        json!({"recordUid": "event-64b589cb", "recordTimestamp": 1_769_000_000_276_i64, "spacesTenantId": "t",
            "eventType": kind, field: says})
    };
    let time = "2026-01-21T12:53:20.276Z";
    let tag = json!({"deviceInfo": {"deviceType": "IOT_BLE_DEVICE", "deviceId": "10:35:97:15:b3:33"},
        "temperature": {"temperatureInCelsius": 22.4}, "humidity": {"humidityInPercentage": 41},
        "illuminance": {"value": 300, "unit": "LUX"}, "battery": {"value": 2987, "unit": "MILLI_VOLTS"},
        "occupancyStatus": {"status": "NOT_OCCUPIED"}, "tpData": null});
    let says = json!({"temperature": 22.4, "humidity": 41.0, "illuminance": 300.0, "signs_of_life": false});
    let telemetry = event("IOT_TELEMETRY", "iotTelemetry", tag);
    assert_eq!(one("cisco_spaces", &telemetry), expected("10:35:97:15:b3:33", time, says));
    let room = json!({"deviceInfo": {"deviceId": "room-kit-7"}, "battery": {"value": 80, "unit": "PERCENTAGE"},
        "tpData": {"peopleCount": 3, "presence": true, "temperatureInCelsius": 23.5, "humidityInPercentage": 38}});
    let says =
        json!({"person_count": 3, "signs_of_life": true, "temperature": 23.5, "humidity": 38.0, "battery": 80.0});
    let telemetry = event("IOT_TELEMETRY", "iotTelemetry", room);
    assert_eq!(one("cisco_spaces", &telemetry), expected("room-kit-7", time, says));
    let zone = json!({"cameraId": "cam-1", "cameraZoneId": "z", "count": 2, "location": {"locationId": "location-9"}});
    let counted = event("RAW_CAMERA_COUNT", "rawCameraCounts", zone);
    assert_eq!(one("cisco_spaces", &counted), expected("cam-1", time, json!({"person_count": 2})));
    let whole = json!({"count": 5, "countDelta": 1, "location": {"locationId": "location-9"}});
    let counted = event("CAMERA_COUNT", "cameraCounts", whole);
    assert_eq!(one("cisco_spaces", &counted), expected("location-9", time, json!({"person_count": 5})));
    let device = |people: i64| {
        json!({"tpDeviceId": "room-kit-8", "presence": people > 0, "peopleCount": people, "standbyState": 1,
            "temperatureInCelsius": 24.5, "humidityInPercentage": 40, "timeStamp": 1_769_000_000_000_i64,
            "location": {"locationId": "location-9"}})
    };
    let says = json!({"person_count": 4, "signs_of_life": true, "temperature": 24.5, "humidity": 40.0});
    let counted = event("TP_PEOPLE_COUNT_UPDATE", "tpPeopleCountUpdate", device(4));
    assert_eq!(one("cisco_spaces", &counted), expected("room-kit-8", "2026-01-21T12:53:20Z", says));
    let says = json!({"signs_of_life": false, "temperature": 24.5, "humidity": 40.0});
    let unknown = event("TP_PEOPLE_COUNT_UPDATE", "tpPeopleCountUpdate", device(-1));
    assert_eq!(
        one("cisco_spaces", &unknown),
        expected("room-kit-8", "2026-01-21T12:53:20Z", says),
        "it can't count now"
    );
    assert!(readings("cisco_spaces", &json!({"recordUid": "e", "eventType": "KEEP_ALIVE"})).is_empty());
}

#[test]
fn meraki_mv() {
    let counted = json!({"ts": 1_642_564_552, "counts": {"person": 2}});
    assert_eq!(one("meraki_mv", &counted), expected("of-topic", "2022-01-19T03:55:52Z", json!({"person_count": 2})));
}

#[test]
fn xy_sense_has_times_without_a_zone() {
    let says = |status: &str, count: u32| {
        let message =
            json!({"status": status, "headcount": count, "space_id": "d-1", "collected": "2020-11-11T10:00:20"});
        one("xy_sense", &message)
    };
    let there = json!({"person_count": 2, "signs_of_life": true});
    assert_eq!(says("currentlyOccupied", 2), expected("d-1", "2020-11-11T10:00:20Z", there));
    let nobody = json!({"person_count": 0, "signs_of_life": false});
    assert_eq!(says("recentlyOccupied", 0), expected("d-1", "2020-11-11T10:00:20Z", nobody));
}

#[test]
fn shelly_has_fractions_of_seconds() {
    let message = json!({
        "src": "shellyplusht-b8d61a8b17cc", "dst": "d/events", "method": "NotifyFullStatus",
        "params": {"ts": 1_680_962_879.62, "humidity:0": {"id": 0, "rh": 42.2}, "temperature:0": {"id": 0, "tC": 19.8, "tF": 67.6},
            "devicepower:0": {"battery": {"V": 5.3, "percent": 71}}},
    });
    let says = json!({"humidity": 42.2, "temperature": 19.8, "battery": 71.0});
    assert_eq!(one("shelly", &message), expected("shellyplusht-b8d61a8b17cc", "2023-04-08T14:07:59.62Z", says));
}

#[test]
fn butlr() {
    let room = json!({
        "id": "event_2", "type": "ROOM_OCCUPANCY", "timestamp": 1_727_735_832_000_i64, "version": "v1.0.0",
        "metadata": {"building_id": "building_2", "room_id": "room_2"}, "data": 4,
    });
    assert_eq!(one("butlr", &room), expected("room_2", "2024-09-30T22:37:12Z", json!({"person_count": 4})));
    let seen = json!({
        "id": "event_3", "type": "DETECTIONS", "timestamp": 1_727_735_832_000_i64, "metadata": {"room_id": "room_2"},
        "data": {"local": [[0.5625, 0.125], [0.75, 0.5625]], "world": [[85.7, 27.8], [87.4, 28.6]]},
    });
    let says = json!({"person_count": 2, "coordinates": [[0.563, 0.125], [0.75, 0.563]]});
    assert_eq!(one("butlr", &seen), expected("room_2", "2024-09-30T22:37:12Z", says));
    let passed =
        json!({"id": "event_4", "type": "TRAFFIC", "timestamp": 1_727_735_832_000_i64, "data": {"in": 3, "out": 1}});
    assert!(readings("butlr", &passed).is_empty(), "entries and exits are no count of people");
}

#[test]
fn zigbee2mqtt_has_no_time() {
    let message = json!({"battery": 97, "illuminance": 12, "occupancy": true, "temperature": 21.4, "linkquality": 80});
    let says = json!({
        "battery": 97.0, "illuminance": 12.0, "motion_detected": true, "signs_of_life": true, "temperature": 21.4
    });
    assert_eq!(one("zigbee2mqtt", &message), expected("of-topic", ARRIVED, says));
    assert!(readings("zigbee2mqtt", &json!({"linkquality": 80, "update": {"state": "idle"}})).is_empty());
}

#[test]
fn kontakt() {
    let message = json!({
        "companyId": "c", "trackingId": "d0:0d:1e", "rssi": -77, "timestamp": "2020-06-26T13:37:00Z", "batteryLevel": 100,
        "lightIntensity": 100, "temperature": 15.75, "humidity": 50,
    });
    let says = json!({"battery": 100.0, "temperature": 15.75, "humidity": 50.0});
    assert_eq!(one("kontakt", &message), expected("d0:0d:1e", "2020-06-26T13:37:00Z", says));
}

#[test]
fn network_servers_that_have_decoded() {
    let object =
        json!({"temperature": 23.7, "humidity": "53.5", "battery": 99, "occupancy": "vacant", "people_count": 1});
    let says =
        json!({"temperature": 23.7, "humidity": 53.5, "battery": 99.0, "signs_of_life": false, "person_count": 1});
    let uplink = json!({
        "deduplicationId": "1", "time": "2025-11-05T09:39:47.635887+00:00", "deviceInfo": {"devEui": "24e124443f171044"},
        "fPort": 85, "data": "Cu9wGw==", "object": object,
    });
    let at = "2025-11-05T09:39:47.635887Z";
    assert_eq!(one("chirpstack", &uplink), expected("24e124443f171044", at, says.clone()));
    let uplink = json!({
        "end_device_ids": {"device_id": "dev1", "dev_eui": "24E124443F171044"}, "received_at": at,
        "uplink_message": {"f_port": 85, "frm_payload": "Cu9wGw==", "decoded_payload": object, "received_at": at},
    });
    assert_eq!(one("the_things_stack", &uplink), expected("dev1", at, says));
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_costs_its_item_alone() {
    let good = json!({"sensor_ids": ["a"], "person_count": 1});
    let bad = json!({"sensor_ids": ["a"], "person_count": "many"});
    let huge = json!({"sensor_ids": ["a"], "person_count": 10_001});
    let read = read("vergesense", &json!([good, bad, huge]));
    let errors: Vec<String> = read.iter().filter_map(|one| one.as_ref().err()).map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            "reading 1: person_count: at /person_count: must be a number",
            "reading 2: person_count: must be a whole number from 0 to 10000",
        ]
    );
    assert!(read[0].is_ok());
}
