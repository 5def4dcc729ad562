//! What can be said in a recipe, and what can't.

use super::super::*;
use super::{ARRIVED, read_with};
use crate::ids::SensorId;
use serde_json::{Value, json};
use std::sync::Arc;

fn read(written: &Value) -> Recipe {
    Recipe::read(written).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
}

fn made_of(recipe: &Recipe, message: Value, scripts: &dyn Decode) -> Result<Vec<NativeItem>, String> {
    let (sensor_id, name) = (SensorId::parse("of-topic").unwrap(), ProfileName::parse("own").unwrap());
    let origin = Origin { sensor_id: &sensor_id, profile: &name, received_at: ARRIVED.parse().unwrap() };
    native(recipe, message, origin, scripts).map(|native| native.items).map_err(|unusable| unusable.to_string())
}

/// What is made of a message without a payload.
fn items(recipe: &Recipe, message: &Value) -> Vec<NativeItem> {
    made_of(recipe, message.clone(), &NoDecoder).unwrap()
}

fn made(quantities: &Value, message: &Value) -> Result<Value, String> {
    let mut items = items(&read(&json!({"quantities": quantities})), message);
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
    assert_eq!(made(&table, &json!({"x": "half"})), Err("at /x: must be one of empty, full".to_owned()));
    let somebody = made(&json!({"person_count": {"at": "/x"}}), &json!({"x": true}));
    assert_eq!(somebody, Ok(json!({"person_count": 1})));
}

#[test]
fn items_are_found_in_the_message_around_them() {
    let recipe = read(&json!({
        "each": "/readings",
        "only_if": [{"at": "/kind", "is": ["count"]}],
        "sensor_id": {"at": "/gateway/id", "of": "message"},
        "timestamp": {"at": "/t", "zone": "-05:30"},
        "quantities": {"person_count": [{"at": "/n"}, {"at": "/m"}]},
    }));
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

    fn normalize(&self, _: &str, data: &Value, meta: &Value) -> Result<Value, String> {
        Ok(json!({"data": data, "meta": meta}))
    }

    fn check(&self, _: &str, _: Entry) -> Result<(), String> {
        Ok(())
    }
}

fn with_payload(encoding: &str) -> Recipe {
    read(&json!({
        "decode": {"script": "milesight", "payload": ["/a", "/b"], "encoding": encoding, "f_port": ["/p", "/P"],
            "variables": {"device": "/n", "number": "/m", "none": "/none"}},
        "each": ["/decoded", "/more"], "sensor_id": {"at": "/variables/device"}, "timestamp": {"at": "/at"},
        "quantities": {"co2": {"at": "/co2"}},
    }))
}

#[test]
fn payloads_are_decoded_into_the_message() {
    let message = json!({"b": "Cu9w", "P": "85", "n": "vs121", "m": 7, "more": [{"co2": 400}]});
    let made = made_of(&with_payload("base64"), message, &Echo).unwrap();
    let first = json!({"co2": 3.0, "sensor_id": "vs121", "timestamp": ARRIVED});
    assert_eq!(made, [(0, Ok(first)), (1, Ok(json!({"co2": 400.0})))]);
    let hexadecimal = json!({"a": "0aEF70", "p": 2});
    let made = made_of(&with_payload("hex"), hexadecimal, &Echo).unwrap();
    assert_eq!(made, [(0, Ok(json!({"co2": 3.0, "timestamp": ARRIVED})))]);
    let join = json!({"more": [{"co2": 400}]});
    assert!(made_of(&with_payload("hex"), join, &Echo).unwrap().is_empty(), "nothing to decode");

    let refused = |encoding: &str, message: Value| made_of(&with_payload(encoding), message, &Echo).unwrap_err();
    assert!(refused("base64", json!({"a": "***"})).starts_with("the payload: at /a: must be base64: "));
    assert_eq!(refused("hex", json!({"a": "abc"})), "the payload: at /a: must be hexadecimal digits, two a byte");
    assert_eq!(refused("hex", json!({"a": "zz"})), "the payload: at /a: must be hexadecimal digits, two a byte");
    assert_eq!(refused("hex", json!({"a": 5})), "the payload: at /a: must be a text");
    assert!(refused("hex", json!({"a": "0".repeat(8_194)})).contains("at most 4096 bytes"));
    assert_eq!(refused("hex", json!({"a": "00", "p": 256})), "the payload: at /p: must be a port from 0 to 255");
}

/// What is wrong with it, each as pointer and detail.
fn mistakes(written: &Value) -> Vec<(String, String)> {
    let mistakes = Recipe::read(written).unwrap_err();
    mistakes.into_iter().map(|Mistake { pointer, detail }| (pointer, detail)).collect()
}

#[test]
fn a_recipe_that_can_t_be_followed_is_refused_with_all_that_is_wrong() {
    let found = mistakes(&json!({
        "envelope": "smoke_signals", "decode": {"script": "none", "f_port": "p"}, "each": ["", "x"],
        "only_if": [{"at": "kind", "is": [1]}],
        "sensor_id": [{"at": "/a"}, {"at": "b"}],
        "timestamp": {"at": "/t", "zone": "Europe/Atlantis"},
        "quantities": {"co2": {"at": "/x", "unit": "kelvin", "scale": 0, "otherwise": 1, "only_if": [{"at": "y", "is": []}]}},
    }));
    let places: Vec<&str> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
    let expected = [
        "/envelope",
        "/only_if/0/at",
        "/decode/script",
        "/decode/payload",
        "/decode/f_port",
        "/sensor_id/1/at",
        "/timestamp/zone",
        "/each/1",
        "/quantities/co2/unit",
        "/quantities/co2/scale",
        "/quantities/co2/otherwise",
        "/quantities/co2/only_if/0/at",
    ];
    assert_eq!(places, expected);
    assert_eq!(found[0].1, "must be one of aws_iot_lorawan, chirpstack, milesight_gateway, the_things_stack");
    assert_eq!(found[2].1, "there is no built-in decoder 'none'");
}

#[test]
fn what_has_a_wrong_shape_is_named_with_its_place() {
    let table = [
        (json!(5), "", "invalid type: integer `5`"),
        (
            json!({"quantities": {"people": {"at": "/x"}}}),
            "/quantities/people",
            "is no quantity; there are person_count, ",
        ),
        (json!({"quantities": {"co2": [{"at": "/x"}, {"at": 5}]}}), "/quantities/co2/1/at", "invalid type"),
        (json!({"quantities": {"co2": 7}}), "/quantities/co2", "invalid type: integer `7`, expected one, or an array"),
        (json!({"quantities": {"co2": {"at": "/x", "units": "m"}}}), "/quantities/co2/units", "unknown field `units`"),
        (json!({"quantities": {"co2": {}}}), "/quantities/co2", "missing field `at`"),
        (json!({"quantity": {}}), "/quantity", "unknown field `quantity`"),
        (json!({"decode": {"encoding": "base32"}}), "/decode/encoding", "unknown variant `base32`"),
    ];
    for (written, pointer, detail) in table {
        let found = mistakes(&written);
        assert_eq!((found.len(), found[0].0.as_str()), (1, pointer), "{written}: {found:?}");
        assert!(found[0].1.starts_with(detail), "{written}: {found:?}");
    }
}

#[test]
fn one_of_both_makes_the_readings() {
    let places = |written: Value| mistakes(&written).into_iter().map(|(pointer, _)| pointer).collect::<Vec<_>>();
    assert_eq!(places(json!({})), ["/quantities"]);
    assert_eq!(places(json!({"quantities": {}})), ["/quantities"]);
    assert_eq!(places(json!({"normalize": "f", "quantities": {"co2": {"at": ""}}})), ["/quantities"]);
    assert_eq!(places(json!({"normalize": "f", "each": "/x"})), ["/each"]);
    assert_eq!(places(json!({"normalize": "f", "decode": {"payload": "/x"}})), ["/decode"]);
    assert_eq!(
        places(json!({"normalize": "f", "decode": {"payload": "/x", "source": "s", "script": "s"}})),
        ["/decode"]
    );
    assert_eq!(places(json!({"normalize": "x".repeat(SCRIPT_BYTES_LIMIT + 1)})), ["/normalize"]);
    let many = vec![json!({"at": "/x"}); WAYS_LIMIT + 1];
    assert_eq!(places(json!({"quantities": {"co2": many}})), ["/quantities/co2"]);
}

#[test]
fn zones_have_names_or_offsets() {
    let observed = |zone: &str, time: &str| {
        let recipe = read(&json!({"timestamp": {"at": "/t", "zone": zone}, "quantities": {"co2": {"at": "/c"}}}));
        let made = items(&recipe, &json!({"t": time, "c": 400})).remove(0).1.unwrap();
        made["timestamp"].as_str().unwrap().to_owned()
    };
    let table = [
        ("Europe/Berlin", "2026-07-01T12:00:00", "2026-07-01T10:00:00Z"),
        ("Europe/Berlin", "2026-01-01T12:00:00", "2026-01-01T11:00:00Z"),
        // An hour that is there twice means the first, one that is not there the one after.
        ("Europe/Berlin", "2026-10-25T02:30:00", "2026-10-25T00:30:00Z"),
        ("Europe/Berlin", "2026-03-29T02:30:00", "2026-03-29T01:30:00Z"),
        ("America/New_York", "2026-07-01 12:00:00", "2026-07-01T16:00:00Z"),
        ("Asia/Kathmandu", "2026-07-01T12:00:00", "2026-07-01T06:15:00Z"),
        ("+05:30", "2026-07-01T12:00:00", "2026-07-01T06:30:00Z"),
        // A text that has an offset means it.
        ("Europe/Berlin", "2026-07-01T12:00:00Z", "2026-07-01T12:00:00Z"),
    ];
    for (zone, time, expected) in table {
        assert_eq!(observed(zone, time), expected, "{zone} {time}");
    }
    for zone in ["1:00", "+1:00", "+01:60", "+99:00", "Europe/", "../etc/passwd", "", "\0"] {
        let found = mistakes(&json!({"timestamp": {"at": "/t", "zone": zone}, "quantities": {"co2": {"at": "/c"}}}));
        assert_eq!(found[0].0, "/timestamp/zone", "{zone}");
    }
}

#[test]
fn an_envelope_says_where_the_payload_the_sensor_and_the_time_are() {
    let messages = [
        (
            "aws_iot_lorawan",
            json!({"WirelessDeviceId": "w", "PayloadData": "Cu9w",
            "WirelessMetadata": {"LoRaWAN": {"DevEui": "eui", "Fport": 85, "Timestamp": "2026-02-02T10:00:00Z"}}}),
        ),
        (
            "chirpstack",
            json!({"deviceInfo": {"devEui": "eui"}, "data": "Cu9w", "fPort": 85, "time": "2026-02-02T10:00:00Z"}),
        ),
        ("milesight_gateway", json!({"devEUI": "eui", "data": "Cu9w", "fPort": 85, "time": "2026-02-02T10:00:00Z"})),
        (
            "the_things_stack",
            json!({"end_device_ids": {"device_id": "eui"}, "received_at": "2026-02-02T10:00:00Z",
            "uplink_message": {"frm_payload": "Cu9w", "f_port": 85}}),
        ),
    ];
    assert_eq!(messages.each_ref().map(|(name, _)| *name).to_vec(), envelopes());
    for (name, message) in messages {
        let recipe = read(&json!({
            "envelope": name, "decode": {"source": "…"}, "each": "/decoded",
            "quantities": {"co2": {"at": "/port"}, "illuminance": {"at": "/co2"}},
        }));
        let made = made_of(&recipe, message, &Echo).unwrap();
        let expected =
            json!({"co2": 85.0, "illuminance": 3.0, "sensor_id": "eui", "timestamp": "2026-02-02T10:00:00Z"});
        assert_eq!(made, [(0, Ok(expected))], "{name}");
    }
    // What the recipe says itself comes first, and what it does not find is where the envelope says.
    let recipe =
        read(&json!({"envelope": "chirpstack", "sensor_id": {"at": "/own"}, "quantities": {"co2": {"at": "/c"}}}));
    let of = |message: Value| items(&recipe, &message).remove(0).1.unwrap()["sensor_id"].clone();
    assert_eq!(of(json!({"own": "mine", "deviceInfo": {"devEui": "eui"}, "c": 1})), "mine");
    assert_eq!(of(json!({"deviceInfo": {"devEui": "eui"}, "c": 1})), "eui");
}

#[test]
fn a_script_makes_readings_of_what_was_decoded() {
    let recipe = read(&json!({"envelope": "milesight_gateway", "decode": {"source": "…"}, "normalize": "…"}));
    let made = made_of(&recipe, json!({"devEUI": "eui", "data": "Cu9w"}), &Echo).unwrap();
    let Ok(item) = &made[0].1 else { panic!("{made:?}") };
    assert_eq!(item["data"]["co2"], 3, "what the decoder said");
    assert_eq!(item["sensor_id"], "eui", "what the script does not say is found");
    let meta = &item["meta"];
    assert_eq!(
        (&meta["sensor_id"], &meta["profile"], &meta["received_at"]),
        (&json!("of-topic"), &json!("own"), &json!(ARRIVED))
    );
    assert_eq!(meta["message"]["devEUI"], "eui");

    // Without a decoder it is the message itself.
    let recipe = read(&json!({"normalize": "…", "only_if": [{"at": "/kind", "is": ["count"]}]}));
    let made = made_of(&recipe, json!({"kind": "count"}), &Echo).unwrap();
    assert_eq!(made[0].1.as_ref().unwrap()["data"]["kind"], "count");
    assert!(made_of(&recipe, json!({"kind": "status"}), &Echo).unwrap().is_empty());
    assert_eq!(made_of(&recipe, json!({"kind": "count"}), &NoDecoder), Err("scripts can't be run here".to_owned()));
}

/// A script that answers this.
struct Says(Value);

impl Decode for Says {
    fn decode(&self, _: &str, _: &Uplink) -> Result<Value, String> {
        Ok(self.0.clone())
    }

    fn normalize(&self, _: &str, _: &Value, _: &Value) -> Result<Value, String> {
        Ok(self.0.clone())
    }

    fn check(&self, _: &str, _: Entry) -> Result<(), String> {
        Ok(())
    }
}

#[test]
fn what_a_script_says_is_held_to_the_rules_of_readings() {
    let profile = Profile::Own(Arc::new(read(&json!({"normalize": "…"}))));
    let said = |value: Value| {
        read_with(&profile, &json!({}), &Says(value))
            .unwrap()
            .into_iter()
            .map(|one| one.map_err(|refused| refused.to_string()))
            .collect::<Vec<_>>()
    };
    assert!(said(Value::Null).is_empty());
    assert!(said(json!([])).is_empty());
    let both = said(json!([{"co2": 400}, {"co2": -5}, 7, {}]));
    assert!(both[0].is_ok());
    assert_eq!(both[2], Err("reading 2: reading: must be an object".to_owned()));
    assert!(both[1].as_ref().unwrap_err().starts_with("reading 1: co2: must be between"));
    assert!(both[3].is_err());
    let many = read_with(&profile, &json!({}), &Says(json!(vec![json!({"co2": 400}); 1_001])));
    assert!(many.unwrap_err().to_string().contains("at most 1000"));
}

#[test]
fn a_door_s_totals_are_taken_with_how_they_count() {
    let recipe = |counter: Value| json!({"counter": counter, "quantities": {"entries_total": {"at": "/in"}, "exits_total": {"at": "/out"}}});
    let door = read(&recipe(json!({"bits": 16, "resets": "midnight", "utc_offset": "+01:00"})));
    let expected = json!({
        "entries_total": 7.0, "exits_total": 3, "counter_bits": 16, "counter_resets": "midnight",
        "counter_utc_offset": "+01:00",
    });
    assert_eq!(items(&door, &json!({"in": "7", "out": 3})), [(0, Ok(expected))]);
    let usual = items(&read(&recipe(json!({}))), &json!({"in": 7, "out": 3}));
    assert_eq!(usual, [(0, Ok(json!({"entries_total": 7, "exits_total": 3})))]);
    let wrong = mistakes(&recipe(json!({"utc_offset": "CET"})));
    assert_eq!(wrong[0].0, "/counter/utc_offset");
    assert_eq!(mistakes(&recipe(json!({"bits": 8})))[0].0, "/counter/bits");
}

#[test]
fn a_way_to_a_total_may_say_how_wide_it_is() {
    let totals = json!({
        "counter": {"bits": 32},
        "quantities": {
            "entries_total": [{"at": "/narrow/in", "bits": 16}, {"at": "/wide/in"}],
            "exits_total": [{"at": "/narrow/out", "bits": 16}, {"at": "/wide/out"}],
        },
    });
    let recipe = read(&totals);
    for (kind, bits) in [("narrow", 16), ("wide", 32)] {
        let expected = json!({"entries_total": 7, "exits_total": 3, "counter_bits": bits});
        assert_eq!(items(&recipe, &json!({kind: {"in": 7, "out": 3}})), [(0, Ok(expected))]);
    }
    let wrong = mistakes(&json!({"quantities": {"person_count": {"at": "/x", "bits": 16}}}));
    assert_eq!(wrong[0].0, "/quantities/person_count/bits");
}

#[test]
fn one_of_both_totals_says_nothing_and_costs_nothing() {
    let door = json!({"entries_total": {"at": "/in"}, "exits_total": {"at": "/out"}, "co2": {"at": "/c"}});
    for one in ["in", "out"] {
        assert_eq!(made(&door, &json!({one: 7, "c": 400})), Ok(json!({"co2": 400.0})));
        assert!(items(&read(&json!({"quantities": door})), &json!({one: 7})).is_empty());
    }
}

#[test]
fn a_value_that_says_that_nothing_was_measured_is_none() {
    let recipe = json!({"person_count": [{"at": "/x", "absent": [-1, "n/a"]}, {"at": "/y"}], "co2": {"at": "/c"}});
    for nothing in [json!(-1), json!(-1.0), json!("n/a"), Value::Null] {
        assert_eq!(made(&recipe, &json!({"x": nothing, "c": 400})), Ok(json!({"co2": 400.0})), "{nothing}");
        assert_eq!(made(&recipe, &json!({"x": nothing, "y": 2})), Ok(json!({"person_count": 2})), "another way");
    }
    assert_eq!(made(&recipe, &json!({"x": 1})), Ok(json!({"person_count": 1})));
    let many = mistakes(&json!({"quantities": {"co2": {"at": "/c", "absent": vec![0; WAYS_LIMIT + 1]}}}));
    assert_eq!(many[0].0, "/quantities/co2/absent");
}
