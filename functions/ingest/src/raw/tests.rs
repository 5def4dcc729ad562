use crate::intake::tests::{json, message, space_id, take, world};
use jiff::{SignedDuration, Timestamp};
use spacehook_domain::ids::{ProfileName, SensorId};
use spacehook_domain::privacy::{Privacy, RAW_PAYLOAD_BYTES, RawPayloads};

const NOW: &str = "2026-02-02T14:20:00Z";

fn kept(profile: Option<&str>, sensor: Option<&str>) -> Privacy {
    let now: Timestamp = NOW.parse().unwrap();
    let sensor = sensor.map(|id| SensorId::parse(id).unwrap());
    let profile = profile.map(|name| ProfileName::parse(name).unwrap());
    let raw = RawPayloads::new(now + SignedDuration::from_hours(1), profile, sensor, now);
    Privacy::WithRawPayloads(raw.unwrap())
}

#[test]
fn messages_are_kept_as_they_came_where_that_was_asked_for() {
    let one = json(r#"{"person_count":2,"timestamp":1770042000}"#);
    let table = [
        (Privacy::Usual, false),
        (Privacy::WithoutCoordinates, false),
        (kept(None, None), true),
        (kept(Some("native"), Some("a")), true),
        (kept(Some("milesight_gateway"), None), false),
        (kept(None, Some("b")), false),
    ];
    for (privacy, is_kept) in table {
        let world = world();
        world.memory().privacy = privacy.clone();
        take(&world, &one).unwrap();
        let memory = world.memory();
        let bodies: Vec<_> = memory.raw_payloads.iter().map(|raw| raw.payload_base64.clone()).collect();
        let expected = if is_kept { vec![Some(one.payload_base64.clone())] } else { vec![] };
        assert_eq!(bodies, expected, "{privacy:?}");
        assert_eq!(memory.sent.len(), 2, "it is taken in all the same");
    }
}

#[test]
fn what_a_profile_reads_is_kept_whatever_the_topic_names() {
    let world = world();
    let meraki = ProfileName::parse("meraki_mv").unwrap();
    world.memory().sensor_profiles.insert(SensorId::parse("a").unwrap(), meraki.clone());
    world.memory().privacy = kept(Some("meraki_mv"), None);
    take(&world, &json(r#"{"ts":1642564552,"counts":{"person":2}}"#)).unwrap();
    let memory = world.memory();
    assert_eq!(memory.raw_payloads.iter().map(|raw| &raw.profile).collect::<Vec<_>>(), [&meraki]);
}

#[test]
fn what_became_of_a_message_is_kept_with_it() {
    let world = world();
    world.memory().privacy = kept(None, None);
    take(&world, &json(r#"[{"person_count":1},{"temperature":"warm"}]"#)).unwrap();
    take(&world, &message("telemetry/acme/native/a", b"no JSON")).unwrap();
    take(&world, &message("telemetry/acme/native/a", &vec![b' '; RAW_PAYLOAD_BYTES + 1])).unwrap();
    let memory = world.memory();
    let [some, none, large] = &memory.raw_payloads[..] else { panic!("{:?}", memory.raw_payloads) };
    assert_eq!((some.readings, &some.causes[..]), (1, &["reading 1: temperature: must be a number".to_owned()][..]));
    assert_eq!((none.readings, none.bytes, none.payload_base64.as_deref()), (0, 7, Some("bm8gSlNPTg==")));
    assert!(none.causes[0].starts_with("not JSON: "));
    assert_eq!((large.bytes, &large.payload_base64), (65_537, &None), "of a large one only that it was");
    assert_eq!(memory.refused.len(), 3, "refused telemetry is kept whole all the same");
}

#[test]
fn where_people_are_is_neither_stored_nor_sent_once_it_is_not_wanted() {
    let world = world();
    let places = |second| {
        let text = format!(
            r#"{{"person_count":1,"coordinates":[[1,2]],"distances":[2.5],"timestamp":{}}}"#,
            1_770_042_000 + second
        );
        take(&world, &json(&text)).unwrap();
        let memory = world.memory();
        let state = serde_json::to_string(&memory.states[&space_id(1)].state).unwrap();
        let people =
            memory.sent.iter().rfind(|event| event.data.get("people").is_some()).unwrap().data["people"].clone();
        (state.contains("coordinates") || state.contains("distances"), people)
    };
    let (is_stored, people) = places(0);
    assert!(is_stored && people["coordinates"][0][0][0] == 1.0 && people["distances"]["values"][0] == 2.5, "{people}");
    world.memory().privacy = Privacy::WithoutCoordinates;
    let (is_stored, people) = places(1);
    assert!(!is_stored, "what was stored goes with the next reading");
    assert_eq!(people, serde_json::json!({"count": 1, "coordinates": []}));
}
