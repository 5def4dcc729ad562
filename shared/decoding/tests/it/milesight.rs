//! Milesight's sensors: what the vendor says its uplinks say, and what becomes of them.

use jiff::Timestamp;
use serde_json::{Value, json};
use spacehook_decoding::Sandbox;
use spacehook_domain::counter::{Bits, Counting, Totals};
use spacehook_domain::ids::{ProfileName, SensorId};
use spacehook_domain::profile::{Decode, Origin, Profile, Uplink, decoder};
use spacehook_domain::telemetry::{Accepted, read_message};
use std::collections::BTreeMap;

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn decode(device: &str, hex: &str) -> Result<Value, String> {
    let uplink = Uplink {
        bytes: bytes(hex),
        f_port: Some(85),
        received_at: "2026-02-02T14:19:00Z".parse().unwrap(),
        variables: BTreeMap::from([("device".to_owned(), device.to_owned())]),
    };
    Sandbox.decode(decoder("milesight").unwrap(), &uplink)
}

#[test]
fn every_documented_uplink_says_what_the_vendor_says() {
    let mut documented: Vec<Value> = serde_json::from_str(include_str!("milesight-uplinks.json")).unwrap();
    documented.extend(serde_json::from_str::<Vec<Value>>(include_str!("milesight-more-uplinks.json")).unwrap());
    assert!(documented.len() > 40);
    for one in documented {
        let (device, hex) = (one["device"].as_str().unwrap(), one["hex"].as_str().unwrap());
        assert_eq!(decode(device, hex).as_ref(), Ok(&one["decoded"]), "{device} {hex}");
    }
}

#[test]
fn what_is_not_known_ends_the_reading_and_costs_nothing_before_it() {
    assert_eq!(decode("", "017564FEFE010203"), Ok(json!({"battery": 100})));
    let nothing = decode("", "FEFE01").unwrap_err();
    assert_eq!(nothing, "the decoder says: from byte 0 on nothing is known: channel fefe");
    assert!(decode("", "0367EE").unwrap_err().contains("channel 0367"), "cut off");
    assert_eq!(decode("", ""), Ok(json!({})));
}

#[test]
fn a_device_without_a_name_is_understood_as_far_as_it_can_be() {
    let ws203 = decode("", "20CEAE5BA664040024016520CE5C5CA6640301340165").unwrap();
    assert_eq!(ws203["history"][1]["timestamp"], 1_688_624_220);
    let record = json!({"temperature": 27.2, "humidity": 46.5, "timestamp": 1_665_561_758});
    let lone = decode("", "20CE9E74466310015D00").unwrap();
    assert_eq!(lone["history"], json!([record]));
    let named = decode("EM300-TH-7", "20CE9E74466310015D0020CE9E74466310015D00017564").unwrap();
    assert_eq!(named, json!({"history": [record, record], "battery": 100}));
}

/// The readings of a message, as (sensor, time, what it says).
fn readings(profile: &str, message: &Value) -> Vec<(String, String, Value)> {
    let (sensor_id, name) = (SensorId::parse("of-topic").unwrap(), ProfileName::parse(profile).unwrap());
    let received_at: Timestamp = "2025-11-05T09:39:48Z".parse().unwrap();
    let origin = Origin { sensor_id: &sensor_id, profile: &name, received_at };
    let profile = Profile::of_all(&name).unwrap();
    let read = read_message(message.to_string().as_bytes(), &profile, origin, &Sandbox).unwrap();
    let shown = |Accepted { reading, .. }| {
        let mut says = serde_json::to_value(&reading.measurements).unwrap();
        says.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        (reading.sensor_id.to_string(), reading.observed_at.to_string(), says)
    };
    read.readings.into_iter().map(|result| shown(result.unwrap())).collect()
}

#[test]
fn an_uplink_through_a_gateway_is_a_reading() {
    let message = json!({
        "applicationID": "1", "deviceName": "vs321-test", "devEUI": "24e124443f171044", "fCnt": 937, "fPort": 85,
        "data": "Cu9wGwtpAXVjA2ftAAf/AQj0AgAEaGsF/QEA", "time": "2025-11-05T09:39:47.635887Z",
    });
    let says = json!({"person_count": 1, "temperature": 23.7, "humidity": 53.5, "battery": 99.0});
    // By the device's own clock, which is 12 s ahead.
    let expected = ("24e124443f171044".to_owned(), "2025-11-05T09:40:00Z".to_owned(), says);
    assert_eq!(readings("milesight_gateway", &message), [expected]);
    assert!(readings("milesight_gateway", &json!({"devEUI": "24e124443f171044", "time": "x"})).is_empty(), "a join");
}

#[test]
fn what_was_kept_without_a_network_is_readings_of_their_times() {
    // 20CEAE5BA6640400240165 20CE5C5CA6640301340165
    let message =
        json!({"devEUI": "a", "deviceName": "WS203-12", "data": "IM6uW6ZkBAAkAWUgzlxcpmQDATQBZQ==", "fPort": 85});
    let said = |time: &str, is_there: bool, temperature: f64| {
        let says = json!({"signs_of_life": is_there, "temperature": temperature, "humidity": 50.5});
        ("a".to_owned(), time.to_owned(), says)
    };
    let expected = [said("2023-07-06T06:14:06Z", false, 29.2), said("2023-07-06T06:17:00Z", true, 30.8)];
    assert_eq!(readings("milesight_gateway", &message), expected);
}

#[test]
fn air_that_was_measured_without_a_network_is_of_its_model() {
    let record = "AE5BA6640A0168000102FF02E3002827";
    for (device, channel, more, expected) in [
        ("am307", "20", "", json!({"tvoc": 2.27})),
        ("am308", "21", "07000800", json!({"tvoc": 227, "pm2_5": 7, "pm10": 8})),
        ("am319-hcho", "20", "070008000900", json!({"tvoc": 2.27, "pm2_5": 7, "pm10": 8})),
    ] {
        let one = format!("{channel}CE{record}{more}");
        let decoded = decode(device, &format!("{one}{one}017564")).unwrap();
        let said = json!({"temperature": 26.6, "humidity": 52, "pir": "trigger", "light_level": 2, "co2": 767,
            "pressure": 1002.4, "timestamp": 1_688_624_046});
        let mut said = said.as_object().unwrap().clone();
        said.extend(expected.as_object().unwrap().clone());
        assert_eq!(decoded, json!({"history": [said, said], "battery": 100}), "{device}");
    }
    assert!(decode("", &format!("21CE{record}")).is_err(), "of a device that has no name nobody knows how long it is");
}

#[test]
fn doors_are_counted_as_wide_as_they_count() {
    let of = |device: &str, payload: &str| {
        let message = json!({"devEUI": "a", "deviceName": device, "data": payload, "fPort": 85});
        serde_json::from_value::<Totals>(readings("milesight_gateway", &message).remove(0).2["totals"].clone()).unwrap()
    };
    let totals = |entries, exits, bits| Totals { entries, exits, counting: Counting { bits, ..Counting::default() } };
    // 04CC12001600, 0DCC02000100, 03D2BE000000 04D231010000, and the first of four lines: 03D248000000 04D2C8000000
    assert_eq!(of("VS350-1", "BMwSABYA"), totals(18, 22, Bits::Sixteen));
    assert_eq!(of("VS121-1", "DcwCAAEA"), totals(2, 1, Bits::Sixteen));
    assert_eq!(of("VS132-1", "A9K+AAAABNIxAQAA"), totals(190, 305, Bits::ThirtyTwo));
    assert_eq!(of("VS133-1", "A9JIAAAABNLIAAAABtIAAAAAB9IAAAAA"), totals(72, 200, Bits::ThirtyTwo));
}

#[test]
fn aws_iot_core_spells_the_port_in_two_ways() {
    for (port, value) in [("FPort", json!(85)), ("Fport", json!("85"))] {
        let message = json!({
            "WirelessDeviceId": "5b58245e", "PayloadData": "A2fuAARofAUAAQbLAgd9qAMIfSUACXNmJw==",
            "WirelessMetadata": {"LoRaWAN": {"DevEui": "58a0cb000202c99", port: value, "DataRate": "0"}},
        });
        let says = json!({
            "motion_detected": true, "signs_of_life": true, "temperature": 23.8, "humidity": 62.0, "co2": 936.0
        });
        let expected = ("58a0cb000202c99".to_owned(), "2025-11-05T09:39:48Z".to_owned(), says);
        assert_eq!(readings("aws_iot_lorawan_milesight", &message), [expected]);
    }
}
