use super::*;
use crate::reading::Reading;
use crate::telemetry::{Accepted, RefusedReading, TelemetryTopic, read_message};
use jiff::Timestamp;
use serde_json::{Value, json};

fn read(profile: &str, message: &Value) -> Vec<Result<Reading, RefusedReading>> {
    let topic = TelemetryTopic::parse(&format!("telemetry/acme/{profile}/of-topic")).unwrap();
    let received_at: Timestamp = "2026-02-02T14:19:00Z".parse().unwrap();
    let results = read_message(message.to_string().as_bytes(), &topic, received_at, &NoDecoder).unwrap();
    results.into_iter().map(|result| result.map(|Accepted { reading, .. }| reading)).collect()
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
fn every_built_in_recipe_can_be_followed() {
    for written in WRITTEN {
        let recipe = Recipe::parse(written).unwrap_or_else(|error| panic!("{error}: {written}"));
        assert_eq!(built_in_named(&recipe.name).unwrap().title, recipe.title);
    }
    assert_eq!(built_in().len(), WRITTEN.len());
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

/// What is made of a message without a payload.
fn items(recipe: &Recipe, message: &Value) -> Vec<NativeItem> {
    native_items(recipe, message.clone(), ARRIVED.parse().unwrap(), &NoDecoder).unwrap()
}

fn recipe(quantities: &Value) -> Recipe {
    let recipe = json!({"name": "x", "title": "x", "source": "x", "quantities": quantities});
    Recipe::parse(&recipe.to_string()).unwrap()
}

fn made(quantities: &Value, message: &Value) -> Result<Value, String> {
    let mut items = items(&recipe(quantities), message);
    assert_eq!(items.len(), 1);
    items.remove(0).1.map_err(|unmapped| unmapped.problem)
}

#[test]
fn words_numbers_and_units_are_understood() {
    let flag = |value: Value| made(&json!({"motion_detected": {"at": "/x"}}), &json!({"x": value}));
    for yes in [json!(true), json!(1), json!("1"), json!("ON"), json!(" Occupied "), json!("motion detected")] {
        assert_eq!(flag(yes.clone()), Ok(json!({"motion_detected": true})), "{yes}");
    }
    for no in [json!(false), json!(0), json!(0.0), json!("vacant"), json!("NOT_PRESENT"), json!("not-detected")] {
        assert_eq!(flag(no.clone()), Ok(json!({"motion_detected": false})), "{no}");
    }
    for neither in [json!(2), json!("maybe"), json!([]), json!("")] {
        assert!(flag(neither.clone()).is_err(), "{neither}");
    }
    let temperature = |unit: &str, value: Value| {
        made(&json!({"temperature": {"at": "/x", "unit": unit}}), &json!({"x": value})).unwrap()["temperature"].clone()
    };
    assert_eq!(temperature("fahrenheit", json!(72.5)), json!(22.5));
    assert_eq!(temperature("kelvin", json!("300.15")), json!(27.0));
    let scaled = made(&json!({"co2": {"at": "/x", "scale": 0.1}}), &json!({"x": "7490"}));
    assert_eq!(scaled, Ok(json!({"co2": 749.0})));
    let lengths = made(
        &json!({"distances": {"at": "/d", "unit": "centimetre"}, "coordinates": {"at": "/c", "unit": "foot"}}),
        &json!({"d": 280, "c": [{"x": 10, "y": "20"}, [1, 2]]}),
    );
    assert_eq!(lengths, Ok(json!({"coordinates": [[3.048, 6.096], [0.3048, 0.6096]], "distances": [2.8]})));
    let table = json!({"person_count": {"at": "/x", "table": {"Full": 4, "empty": 0}}});
    assert_eq!(made(&table, &json!({"x": "FULL"})), Ok(json!({"person_count": 4})));
    assert_eq!(made(&table, &json!({"x": "half"})), Err("at /x: must be one of Full, empty".to_owned()));
    let somebody = made(&json!({"person_count": {"at": "/x"}}), &json!({"x": true}));
    assert_eq!(somebody, Ok(json!({"person_count": 1})));
}

#[test]
fn items_are_found_in_the_message_around_them() {
    let recipe = json!({
        "name": "x", "title": "x", "source": "x", "each": "/readings",
        "only_if": [{"at": "/kind", "is": ["count"]}],
        "sensor_id": {"at": "/gateway/id", "of": "message"},
        "timestamp": {"at": "/t", "offset": "-05:30"},
        "quantities": {"person_count": [{"at": "/n"}, {"at": "/m"}]},
    });
    let recipe = Recipe::parse(&recipe.to_string()).unwrap();
    let message = json!({"gateway": {"id": 7}, "readings": [
        {"kind": "count", "n": null, "m": 3, "t": "2026-02-02 10:00:00"}, {"kind": "status"}, {"kind": "count"},
        {"kind": "count", "n": 1, "t": "2026-02-02T10:00:00+01:00"}, 5,
    ]});
    let made: Vec<_> = items(&recipe, &message).into_iter().map(|(index, one)| (index, one.unwrap())).collect();
    assert_eq!(
        made,
        [
            (0, json!({"person_count": 3, "sensor_id": "7", "timestamp": "2026-02-02T15:30:00Z"})),
            (3, json!({"person_count": 1, "sensor_id": "7", "timestamp": "2026-02-02T09:00:00Z"})),
        ]
    );
    assert!(items(&recipe, &json!({"readings": null})).is_empty());
    assert!(items(&recipe, &json!(5)).is_empty());
}

/// A decoder that answers what it was asked.
struct Echo;

impl Decode for Echo {
    fn decode(&self, _: &str, uplink: &Uplink) -> Result<Value, String> {
        let Uplink { bytes, f_port, received_at, variables } = uplink;
        Ok(json!({"co2": bytes.len(), "port": f_port, "at": received_at.to_string(), "variables": variables}))
    }
}

fn with_payload(encoding: &str) -> Recipe {
    let recipe = json!({
        "name": "x", "title": "x", "source": "x",
        "decode": {"script": "milesight", "payload": ["/a", "/b"], "encoding": encoding, "f_port": ["/p", "/P"],
            "variables": {"device": "/n", "number": "/m", "none": "/none"}},
        "each": ["/decoded", "/more"], "sensor_id": {"at": "/variables/device"}, "timestamp": {"at": "/at"},
        "quantities": {"co2": {"at": "/co2"}},
    });
    Recipe::parse(&recipe.to_string()).unwrap()
}

#[test]
fn payloads_are_decoded_into_the_message() {
    let at: Timestamp = ARRIVED.parse().unwrap();
    let message = json!({"b": "Cu9w", "P": "85", "n": "vs121", "m": 7, "more": [{"co2": 400}]});
    let made = native_items(&with_payload("base64"), message, at, &Echo).unwrap();
    let first = json!({"co2": 3.0, "sensor_id": "vs121", "timestamp": ARRIVED});
    assert_eq!(made, [(0, Ok(first)), (1, Ok(json!({"co2": 400.0})))]);
    let hexadecimal = json!({"a": "0aEF70", "p": 2});
    let made = native_items(&with_payload("hex"), hexadecimal, at, &Echo).unwrap();
    assert_eq!(made, [(0, Ok(json!({"co2": 3.0, "timestamp": ARRIVED})))]);
    let join = json!({"more": [{"co2": 400}]});
    assert!(native_items(&with_payload("hex"), join, at, &Echo).unwrap().is_empty(), "nothing to decode");

    let refused =
        |encoding: &str, message: Value| native_items(&with_payload(encoding), message, at, &Echo).unwrap_err();
    assert!(refused("base64", json!({"a": "***"})).starts_with("at /a: must be base64: "));
    assert_eq!(refused("hex", json!({"a": "abc"})), "at /a: must be hexadecimal digits, two a byte");
    assert_eq!(refused("hex", json!({"a": "zz"})), "at /a: must be hexadecimal digits, two a byte");
    assert_eq!(refused("hex", json!({"a": 5})), "at /a: must be a text");
    assert!(refused("hex", json!({"a": "0".repeat(8_194)})).contains("at most 4096 bytes"));
    assert_eq!(refused("hex", json!({"a": "00", "p": 256})), "at /p: must be a port from 0 to 255");
}

#[test]
fn a_recipe_that_can_t_be_followed_is_refused() {
    let refused = |change: Value| {
        let mut recipe = json!({"name": "x", "title": "x", "source": "x", "quantities": {"co2": {"at": "/x"}}});
        recipe.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        Recipe::parse(&recipe.to_string()).unwrap_err().to_string()
    };
    assert!(refused(json!({"each": ["", "x"]})).contains("each: 'x' must be empty or begin with '/'"));
    let decode = json!({"decode": {"script": "none", "payload": "/data"}});
    assert!(refused(decode).contains("there is no decoder 'none'"));
    assert!(refused(json!({"quantities": {}})).contains("at least"), "nothing is made of it");
    assert!(refused(json!({"quantities": {"co2": {"at": "/x", "unit": "kelvin"}}})).contains("no unit"));
    assert!(refused(json!({"quantities": {"people": {"at": "/x"}}})).contains("people"));
    for offset in ["1:00", "+1:00", "+01:60", "+99:00", "Europe/Berlin", ""] {
        let time = json!({"timestamp": {"at": "/t", "offset": offset}});
        assert!(refused(time).contains("offset"), "{offset}");
    }
}

#[test]
fn a_door_s_totals_are_taken_with_how_they_count() {
    let recipe = |counter: Value| {
        let quantities = json!({"entries_total": {"at": "/in"}, "exits_total": {"at": "/out"}});
        json!({"name": "door", "title": "t", "source": "s", "counter": counter, "quantities": quantities}).to_string()
    };
    let door = Recipe::parse(&recipe(json!({"bits": 16, "resets": "midnight", "utc_offset": "+01:00"}))).unwrap();
    let made = native_items(&door, json!({"in": "7", "out": 3}), ARRIVED.parse().unwrap(), &NoDecoder).unwrap();
    let expected = json!({
        "entries_total": 7.0, "exits_total": 3, "counter_bits": 16, "counter_resets": "midnight",
        "counter_utc_offset": "+01:00",
    });
    assert_eq!(made, [(0, Ok(expected))]);
    let usual = Recipe::parse(&recipe(json!({}))).unwrap();
    let made = native_items(&usual, json!({"in": 7, "out": 3}), ARRIVED.parse().unwrap(), &NoDecoder).unwrap();
    assert_eq!(made, [(0, Ok(json!({"entries_total": 7, "exits_total": 3})))]);
    let wrong = Recipe::parse(&recipe(json!({"utc_offset": "CET"}))).unwrap_err().to_string();
    assert_eq!(wrong, "counter/utc_offset: 'CET' must be an offset from UTC such as +01:00");
    assert!(Recipe::parse(&recipe(json!({"bits": 8}))).is_err());
}
