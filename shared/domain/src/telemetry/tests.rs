use super::*;
use crate::profile::NoDecoder;

const ARRIVAL: &str = "2026-02-02T14:20:00Z";

fn topic() -> TelemetryTopic {
    TelemetryTopic::parse("telemetry/acme/native/VS0-1").unwrap()
}

fn read_native(bytes: &[u8]) -> Result<Vec<Result<Accepted, RefusedReading>>, UnreadableMessage> {
    let TelemetryTopic { sensor_id, profile, .. } = topic();
    let origin = Origin { sensor_id: &sensor_id, profile: &profile, received_at: ARRIVAL.parse().unwrap() };
    read_message(bytes, &Profile::Native, origin, &NoDecoder).map(|read| read.readings)
}

fn read(text: &str) -> Vec<Result<Accepted, RefusedReading>> {
    read_native(text.as_bytes()).unwrap()
}

fn one(text: &str) -> Accepted {
    read(text).remove(0).unwrap()
}

fn refusal(text: &str) -> String {
    read(text).remove(0).unwrap_err().to_string()
}

#[test]
fn topics_name_tenant_profile_and_sensor() {
    let read = topic();
    assert_eq!((read.tenant.as_str(), read.sensor_id.as_str()), ("acme", "VS0-1"));
    assert_eq!(TelemetryTopic::parse("telemetry/acme/native"), Err(InvalidTopic::Shape));
    assert_eq!(TelemetryTopic::parse("telemetry/acme/native/a/b"), Err(InvalidTopic::Shape));
    assert!(matches!(TelemetryTopic::parse("telemetry/ACME/native/a"), Err(InvalidTopic::Level(_))));
    assert_eq!(TelemetryTopic::parse("telemetry/acme/acme-9000/a").unwrap().profile.as_str(), "acme-9000");
    assert!(matches!(TelemetryTopic::parse("telemetry/acme/Acme 9000/a"), Err(InvalidTopic::Level(_))));
}

#[test]
fn a_whole_reading() {
    let accepted =
        one(r#"{"sensor_id":"E105-9","timestamp":"2026-02-02T14:19:00Z","person_count":2,"signs_of_life":true,
            "motion_detected":false,"coordinates":[[1.5,2],[0,-3]],"distances":[2.8],"temperature":23.7,
            "humidity":26.2,"iaq":52,"co2":749,"illuminance":585,"battery":98,"firmware":"1.2"}"#);
    let said = accepted.reading.measurements;
    assert_eq!(accepted.reading.sensor_id.as_str(), "E105-9");
    assert_eq!(accepted.reading.observed_at.to_string(), "2026-02-02T14:19:00Z");
    assert_eq!(said.person_count, Some(PersonCount(2)));
    assert_eq!(said.coordinates.unwrap().len(), 2);
    assert_eq!(said.temperature.unwrap().value().to_string(), "23.7");
    assert_eq!((said.motion_detected, said.signs_of_life), (Some(false), Some(true)));
}

#[test]
fn what_a_reading_leaves_out_comes_from_the_topic_and_the_arrival() {
    let accepted = one(r#"{"person_count":0,"sensor_id":null,"timestamp":null,"temperature":null}"#);
    assert_eq!(accepted.reading.sensor_id.as_str(), "VS0-1");
    assert_eq!(accepted.reading.observed_at.to_string(), ARRIVAL);
    assert_eq!(accepted.clock, None);
}

#[test]
fn timestamps_in_every_form() {
    let table = [
        ("1770042000", "2026-02-02T14:20:00Z"),
        ("1770042000.25", "2026-02-02T14:20:00.25Z"),
        ("1770042000250", "2026-02-02T14:20:00.25Z"),
        (r#""1770042000""#, "2026-02-02T14:20:00Z"),
        (r#""2026-02-02T14:20:00Z""#, "2026-02-02T14:20:00Z"),
        (r#""2026-02-02T15:20:00+01:00""#, "2026-02-02T14:20:00Z"),
        (r#""2026-02-02T14:20:00.123456""#, "2026-02-02T14:20:00.123456Z"),
        (r#""2026-02-02 14:20:00""#, "2026-02-02T14:20:00Z"),
    ];
    for (written, expected) in table {
        let accepted = one(&format!(r#"{{"person_count":1,"timestamp":{written}}}"#));
        assert_eq!(accepted.reading.observed_at.to_string(), expected, "{written}");
        assert_eq!(accepted.clock, None, "{written}");
    }
}

#[test]
fn a_clock_that_cannot_be_believed_gives_way_to_the_arrival() {
    let table = [
        (r#""2099-01-01T00:00:00Z""#, ARRIVAL, Some(ClockDistrusted::Ahead)),
        (r#""2026-02-02T14:25:01Z""#, ARRIVAL, Some(ClockDistrusted::Ahead)),
        (r#""2026-02-02T14:25:00Z""#, "2026-02-02T14:25:00Z", None),
        ("12", ARRIVAL, Some(ClockDistrusted::Unset)),
        (r#""2001-01-01T00:00:00Z""#, "2001-01-01T00:00:00Z", None),
    ];
    for (written, expected, clock) in table {
        let accepted = one(&format!(r#"{{"person_count":1,"timestamp":{written}}}"#));
        assert_eq!((accepted.reading.observed_at.to_string().as_str(), accepted.clock), (expected, clock), "{written}");
    }
}

#[test]
fn readings_without_a_time_keep_the_order_of_their_message() {
    let results = read(r#"[{"person_count":3},{"sensor_id":"b","person_count":1},{"person_count":0}]"#);
    let times: Vec<_> = results.iter().map(|result| result.as_ref().unwrap().reading.observed_at.to_string()).collect();
    assert_eq!(times, [ARRIVAL, ARRIVAL, "2026-02-02T14:20:00.001Z"]);
}

#[test]
fn places_are_kept_to_the_millimetre() {
    let said = one(r#"{"coordinates":[[1.23456789,-0.0004]],"distances":[2.99951]}"#).reading.measurements;
    assert_eq!(serde_json::to_string(&said.coordinates).unwrap(), "[[1.235,-0.0]]");
    assert_eq!(serde_json::to_string(&said.distances).unwrap(), "[3.0]");
}

#[test]
fn a_bad_reading_does_not_cost_the_others() {
    let results = read(r#"[{"person_count":1},{"person_count":"two"},7,{"person_count":3}]"#);
    assert!(results[0].is_ok() && results[3].is_ok());
    assert_eq!(
        results[1].as_ref().unwrap_err().to_string(),
        "reading 1: person_count: must be a whole number from 0 to 10000"
    );
    assert_eq!(results[2].as_ref().unwrap_err().to_string(), "reading 2: reading: must be an object");
}

#[test]
fn refusals_name_the_field_and_the_limit() {
    let table = [
        (r#"{"person_count":-1}"#, "person_count: must be a whole number from 0 to 10000"),
        (r#"{"person_count":1.5}"#, "person_count: must be a whole number from 0 to 10000"),
        (r#"{"person_count":1e300}"#, "person_count: must be a whole number from 0 to 10000"),
        (r#"{"signs_of_life":1}"#, "signs_of_life: must be true or false"),
        (r#"{"temperature":"hot"}"#, "temperature: must be a number"),
        (r#"{"temperature":1000}"#, "temperature: must be between -100 and 200 °C"),
        (r#"{"humidity":101}"#, "humidity: must be between 0 and 100 % RH"),
        (r#"{"coordinates":[[1,2],[1]]}"#, "coordinates: item 1: must be an array of [x, y]"),
        (r#"{"coordinates":{}}"#, "coordinates: must be an array"),
        (r#"{"sensor_id":5,"person_count":1}"#, "sensor_id: must be a text"),
        (r#"{"person_count":1,"timestamp":"yesterday"}"#, "timestamp: must be seconds or milliseconds since 1970"),
        (r#"{"person_count":1,"timestamp":[]}"#, "timestamp: must be seconds or milliseconds since 1970"),
        (r#"{"person_count":1,"timestamp":1e30}"#, "timestamp: must be seconds or milliseconds since 1970"),
        (r#"{"firmware":"1.2"}"#, "reading: carries no quantity that is known here"),
    ];
    for (text, expected) in table {
        let said = refusal(text);
        assert!(said.starts_with(&format!("reading 0: {expected}")), "{text}: {said}");
    }
}

#[test]
fn messages_that_hold_no_reading_say_so() {
    let read = |bytes: &[u8]| read_native(bytes).unwrap_err().to_string();
    assert!(read(b"{\"person_count\":").starts_with("not JSON: "));
    assert!(read(&[0xff, 0x00, 0x12]).starts_with("not JSON: "));
    assert!(read("[".repeat(100_000).as_bytes()).starts_with("not JSON: recursion limit"));
    assert_eq!(read(b"12"), "must be an object, or an array of objects");
    let many = format!("[{}]", vec!["{}"; 1_001].join(","));
    assert_eq!(read(many.as_bytes()), "1001 readings in one message; at most 1000 are taken");
}

#[test]
fn numbers_too_large_for_any_sensor_are_refused_not_crashed_on() {
    for number in ["1e999", "-1e400", "99999999999999999999999999"] {
        let text = format!(r#"{{"temperature":{number}}}"#);
        match read_native(text.as_bytes()) {
            Ok(results) => assert!(results[0].is_err(), "{number}"),
            Err(error) => assert!(error.to_string().starts_with("not JSON"), "{number}"),
        }
    }
}

#[test]
fn the_totals_of_a_door_and_how_they_count() {
    use crate::counter::{Bits, Counting, Resets, Totals};
    let totals = |text: &str| one(text).reading.measurements.totals.unwrap();
    let usual = Totals { entries: 4_294_967_295, exits: 3, counting: Counting::default() };
    assert_eq!(totals(r#"{"entries_total":4294967295,"exits_total":3.0}"#), usual);
    let said = r#"{"entries_total":1,"exits_total":2,"counter_bits":16,"counter_resets":"midnight","counter_utc_offset":"-05:30"}"#;
    let counting = Counting { bits: Bits::Sixteen, resets: Resets::Midnight, utc_offset_s: -19_800 };
    assert_eq!(totals(said), Totals { entries: 1, exits: 2, counting });
    let table = [
        (r#"{"entries_total":1}"#, "exits_total: must be there too where entries_total is"),
        (r#"{"exits_total":1,"entries_total":null}"#, "entries_total: must be there too where exits_total is"),
        (
            r#"{"exits_total":1,"entries_total":4294967296}"#,
            "entries_total: must be a whole number from 0 to 4294967295",
        ),
        (r#"{"exits_total":-1,"entries_total":0}"#, "exits_total: must be a whole number from 0 to 4294967295"),
        (
            r#"{"exits_total":65536,"entries_total":0,"counter_bits":16}"#,
            "exits_total: must be a whole number from 0 to 65535",
        ),
        (r#"{"exits_total":1,"entries_total":0,"counter_bits":8}"#, "counter_bits: must be 16 or 32"),
        (
            r#"{"exits_total":1,"entries_total":0,"counter_resets":"daily"}"#,
            "counter_resets: must be midnight or never",
        ),
        (
            r#"{"exits_total":1,"entries_total":0,"counter_utc_offset":1}"#,
            "counter_utc_offset: must be an offset from UTC such as +01:00",
        ),
        (r#"{"battery_months_left":1201}"#, "battery_months_left: must be between 0 and 1200 months"),
        (r#"{"counter_bits":16}"#, "reading: carries no quantity that is known here"),
    ];
    for (text, expected) in table {
        assert_eq!(refusal(text), format!("reading 0: {expected}"), "{text}");
    }
}
