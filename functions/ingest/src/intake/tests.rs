//! The intake against a world in memory that can fail before or after any effect.

use super::*;
use proptest::prelude::*;
use spacehook_domain::event::EventType;
use spacehook_domain::ids::{BuildingRefId, ProfileName, SensorGroupId, SensorGroupRefId, SpaceId, SpaceRefId};
use spacehook_domain::observed::ObservedKey;
use spacehook_domain::place::{Sensor, SensorGroup, Space};
use spacehook_domain::privacy::Privacy;
use spacehook_domain::profile::OwnProfileVersion;
use spacehook_domain::settings::Settings;
use spacehook_domain::space_state::SpaceState;
use spacehook_domain::stream::Stream;
use spacehook_store::{Placement, RawPayload, StoredState};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};

const NOW: &str = "2026-02-02T14:20:00Z";

/// Everything the world remembers.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    registry_version: u64,
    pub(crate) subscribed: BTreeSet<EventType>,
    pub(crate) spaces: Vec<Space>,
    pub(crate) groups: Vec<SensorGroup>,
    pub(crate) sensor_profiles: BTreeMap<SensorId, ProfileName>,
    profiles: BTreeMap<ProfileName, serde_json::Value>,
    profile_reads: u32,
    pub(crate) states: BTreeMap<ObservedId, StoredState>,
    unassigned: BTreeMap<SensorId, u64>,
    pub(crate) sent: Vec<Event>,
    pub(crate) refused: Vec<RefusedTelemetry>,
    pub(crate) timers: Vec<HoldTimer>,
    pub(crate) raw_payloads: Vec<RawPayload>,
    pub(crate) privacy: Privacy,
    /// Effects left until the world fails; none means it never does.
    pub(crate) effects_left: Option<u32>,
    /// Fail after the effect took place, as a lost answer does, and not before it.
    pub(crate) answer_lost: bool,
    /// Writes of states that meet another writer first.
    conflicts: u32,
    /// What has a state that can't be written.
    broken: Option<ObservedId>,
    writes: u32,
    /// States that were read by themselves.
    state_reads: u32,
    /// What others write after the next overview is read.
    written_after_overview: BTreeMap<ObservedId, StoredState>,
}

#[derive(Debug, Default, Clone)]
pub(crate) struct World(Arc<Mutex<Memory>>);

impl World {
    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap()
    }

    /// Lets an effect take place, or fail, as the test wants.
    fn effect(&self, act: impl FnOnce(&mut Memory)) -> Result<(), Fault> {
        let mut memory = self.memory();
        let fails = match &mut memory.effects_left {
            None => false,
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                *left == 0
            }
        };
        if !fails || memory.answer_lost {
            act(&mut memory);
        }
        if fails { Err("the world failed".into()) } else { Ok(()) }
    }
}

impl Spaces for World {
    async fn overview(&self, _: &TenantId, with: &[ObservedId]) -> Result<(TenantOverview, States), Fault> {
        let mut memory = self.memory();
        let (registry_version, subscribed) = (memory.registry_version, memory.subscribed.clone());
        let privacy = memory.privacy.clone();
        let overview =
            TenantOverview { version: 1, registry_version, subscribed, privacy, ..TenantOverview::default() };
        let states = with.iter().map(|of| (*of, memory.states.get(of).cloned().unwrap_or_default())).collect();
        let after = std::mem::take(&mut memory.written_after_overview);
        memory.states.extend(after);
        Ok((overview, states))
    }

    async fn placement(&self, _: &TenantId, sensor: &SensorId) -> Result<Option<Placement>, Fault> {
        let memory = self.memory();
        let space = memory.spaces.iter().find(|space| space.sensor_ids.contains(sensor)).cloned();
        let profile = memory.sensor_profiles.get(sensor).cloned();
        let groups: Vec<_> = memory.groups.iter().filter(|group| group.sensor_ids.contains(sensor)).cloned().collect();
        let sensor_group_ref_ids = groups.iter().map(|group| group.sensor_group_ref_id.clone()).collect();
        Ok(space.map(|space| {
            let sensor =
                Sensor { sensor_id: sensor.clone(), space: space.key(), name: None, profile, sensor_group_ref_ids };
            Placement { sensor, space, groups }
        }))
    }

    async fn profile(&self, _: &TenantId, name: &ProfileName) -> Result<Option<OwnProfileVersion>, Fault> {
        let mut memory = self.memory();
        memory.profile_reads += 1;
        Ok(memory.profiles.get(name).map(|definition| OwnProfileVersion {
            name: name.clone(),
            version: 1,
            title: None,
            definition: definition.clone(),
            created_at: Timestamp::UNIX_EPOCH,
        }))
    }

    async fn observed(&self, _: &TenantId, key: &ObservedKey) -> Result<Option<Observed>, Fault> {
        let memory = self.memory();
        let spaces = memory.spaces.iter().cloned().map(Observed::from);
        Ok(spaces.chain(memory.groups.iter().cloned().map(Observed::from)).find(|one| one.key() == *key))
    }

    async fn stored_state(&self, _: &TenantId, of: ObservedId) -> Result<StoredState, Fault> {
        self.memory().state_reads += 1;
        Ok(self.memory().states.get(&of).cloned().unwrap_or_default())
    }

    async fn save_state(
        &self,
        _: &TenantId,
        of: ObservedId,
        expected_version: u64,
        state: &SpaceState,
        pending: &[Event],
        due_at: Option<Timestamp>,
    ) -> Result<Saved, Fault> {
        {
            let mut memory = self.memory();
            if memory.broken == Some(of) {
                return Err("the item can't be written".into());
            }
            let version = memory.states.get(&of).map_or(0, |stored| stored.version);
            if memory.conflicts > 0 {
                memory.conflicts -= 1;
                return Ok(Saved::Conflict);
            }
            if version != expected_version {
                return Ok(Saved::Conflict);
            }
        }
        let bytes = serde_json::to_string(state)?.len() + serde_json::to_string(pending)?.len();
        if bytes > spacehook_store::ITEM_BYTES_LIMIT {
            return Err(format!("the item would have {bytes} bytes").into());
        }
        let (version, state, pending) = (expected_version + 1, state.clone(), pending.to_vec());
        let stored = StoredState { version, state, pending, due_at };
        self.effect(|memory| {
            memory.writes += 1;
            memory.states.insert(of, stored);
        })?;
        Ok(Saved::Yes)
    }

    async fn set_due(&self, _: &TenantId, of: ObservedId, version: u64, due_at: Timestamp) -> Result<(), Fault> {
        let mut memory = self.memory();
        if let Some(stored) = memory.states.get_mut(&of).filter(|stored| stored.version == version) {
            stored.due_at = Some(due_at);
        }
        Ok(())
    }

    async fn clear_pending(&self, _: &TenantId, of: ObservedId, version: u64) -> Result<(), Fault> {
        self.effect(|memory| {
            if let Some(stored) = memory.states.get_mut(&of).filter(|stored| stored.version == version) {
                stored.pending.clear();
            }
        })
    }

    async fn keep_raw_payload(&self, _: &TenantId, raw: &RawPayload) -> Result<(), Fault> {
        self.effect(|memory| memory.raw_payloads.push(raw.clone()))
    }

    async fn record_unassigned(
        &self,
        _: &TenantId,
        sensor: &SensorId,
        readings: u64,
        _: Timestamp,
    ) -> Result<(), Fault> {
        self.effect(|memory| *memory.unassigned.entry(sensor.clone()).or_default() += readings)
    }
}

impl Events for World {
    async fn send(&self, events: &[Event]) -> Result<(), Fault> {
        self.effect(|memory| memory.sent.extend_from_slice(events))
    }
}

impl Timers for World {
    async fn arm(&self, timer: &HoldTimer, _: Timestamp) -> Result<(), Fault> {
        self.effect(|memory| memory.timers.push(timer.clone()))
    }
}

impl Refused for World {
    async fn keep(&self, refused: &RefusedTelemetry) -> Result<(), Fault> {
        self.effect(|memory| memory.refused.push(refused.clone()))
    }
}

pub(crate) fn space_id(number: u64) -> ObservedId {
    ObservedId::Space(SpaceId(number))
}

pub(crate) fn group_id(number: u64) -> ObservedId {
    ObservedId::Group(SensorGroupId(number))
}

pub(crate) fn world() -> World {
    let world = World::default();
    let space = |id, name: &str, sensors: &[&str]| Space {
        space_id: SpaceId(id),
        building_ref_id: BuildingRefId::parse("building_1").unwrap(),
        floor_ref_id: None,
        space_ref_id: SpaceRefId::parse(name).unwrap(),
        name: None,
        sensor_ids: sensors.iter().map(|id| SensorId::parse(*id).unwrap()).collect(),
        settings: Settings::default(),
    };
    {
        let mut memory = world.memory();
        // Those of spaces; some tests listen to all.
        memory.subscribed = EventType::BUILT_IN[..7].iter().copied().collect();
        memory.spaces = vec![space(1, "room_1", &["a", "b"]), space(2, "room_2", &["c"])];
    }
    world
}

/// A world in which these sensors have a name together.
pub(crate) fn with_group(sensors: &[&str]) -> World {
    let world = world();
    let group = SensorGroup {
        sensor_group_id: SensorGroupId(1),
        sensor_group_ref_id: SensorGroupRefId::parse("west").unwrap(),
        building_ref_id: None,
        name: None,
        sensor_ids: sensors.iter().map(|id| SensorId::parse(*id).unwrap()).collect(),
        settings: Settings::default(),
    };
    world.memory().groups.push(group);
    world
}

type TestIntake = Intake<World, World, World, World>;

pub(crate) fn intake(world: &World) -> TestIntake {
    Intake::new(world.clone(), world.clone(), world.clone(), world.clone(), Silences::default())
}

pub(crate) fn message(topic: &str, payload: &[u8]) -> Message {
    let now: Timestamp = NOW.parse().unwrap();
    Message { payload_base64: STANDARD.encode(payload), topic: topic.to_owned(), received_at_ms: now.as_millisecond() }
}

pub(crate) fn take(world: &World, message: &Message) -> Result<Summary, IntakeFault> {
    take_with(&intake(world), message)
}

fn take_with(intake: &TestIntake, message: &Message) -> Result<Summary, IntakeFault> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(intake.take(message, Some(&trace()), NOW.parse().unwrap()))
}

fn trace() -> TraceId {
    TraceId::parse("5759e988bd862e3fe1be46a994272793").unwrap()
}

pub(crate) fn json(text: &str) -> Message {
    message("telemetry/acme/native/a", text.as_bytes())
}

#[test]
fn readings_become_events() {
    let world = world();
    let summary = take(&world, &json(r#"{"person_count":2,"timestamp":1770042000}"#)).unwrap();
    assert_eq!(summary, Summary { readings: 1, events: 2, ..Summary::default() });
    let memory = world.memory();
    let types: Vec<_> = memory.sent.iter().map(|event| event.event_type).collect();
    assert_eq!(types, [EventType::SpaceReport, EventType::SpaceAvailability]);
    assert!(memory.states[&space_id(1)].pending.is_empty());
    assert!(memory.sent.iter().all(|event| event.trace == Some(trace())), "they have the trace of the invocation");
}

#[test]
fn an_array_is_applied_in_the_order_of_observation() {
    let world = world();
    let text = r#"[{"person_count":0,"timestamp":1770042030},{"person_count":1,"timestamp":1770042010},
                   {"person_count":2,"timestamp":1770042020},{"sensor_id":"c","person_count":1}]"#;
    let summary = take(&world, &json(text)).unwrap();
    assert_eq!((summary.readings, summary.events), (4, 7));
    let memory = world.memory();
    let counts: Vec<_> = memory
        .sent
        .iter()
        .filter(|event| event.stream() == Stream::of_space(SpaceId(1)))
        .filter_map(|event| event.data.get("person_count")?.as_u64())
        .collect();
    assert_eq!(counts, [1, 2, 0]);
    assert_eq!(memory.writes, 2, "one write a space");
}

#[test]
fn bad_telemetry_is_kept_with_its_cause_and_fails_nothing() {
    let world = world();
    let table: [(&str, &[u8], &str); 6] = [
        ("telemetry/acme/native/a", b"{\"person_count\":", "not JSON: "),
        ("telemetry/acme/native/a", &[0xff, 0xfe, 0x00], "not JSON: "),
        ("telemetry/acme/native/a", b"17", "must be an object"),
        ("telemetry/acme/unheard-of/a", b"{}", "there is no profile 'unheard-of'"),
        ("telemetry/ACME/native/a", b"{}", "tenant must be"),
        ("telemetry/acme/native/a", br#"{"person_count":"two"}"#, "reading 0: person_count: must be a whole number"),
    ];
    for (topic, payload, cause) in table {
        let sent = message(topic, payload);
        assert_eq!(take(&world, &sent).unwrap(), Summary { refused: 1, ..Summary::default() }, "{cause}");
        let kept = world.memory().refused.pop().unwrap();
        assert!(kept.causes[0].starts_with(cause), "{:?}", kept.causes);
        assert_eq!(kept.payload_base64, sent.payload_base64, "the payload is kept whole");
    }
    let broken = Message { payload_base64: "***".to_owned(), ..json("{}") };
    assert_eq!(take(&world, &broken).unwrap().refused, 1);
    assert!(world.memory().sent.is_empty());
}

#[test]
fn a_wrong_type_among_good_readings_costs_only_itself() {
    let world = world();
    let text = r#"[{"person_count":1,"timestamp":1770042010},{"temperature":"warm"},{"person_count":0,"timestamp":1770042020}]"#;
    let summary = take(&world, &json(text)).unwrap();
    assert_eq!((summary.readings, summary.refused, summary.events), (2, 1, 4));
    assert_eq!(world.memory().refused[0].causes, ["reading 1: temperature: must be a number"]);
}

#[test]
fn an_unknown_sensor_is_recorded_and_blocks_nobody() {
    let world = world();
    let text =
        r#"[{"sensor_id":"stranger","person_count":1},{"sensor_id":"stranger","person_count":2},{"person_count":1}]"#;
    let summary = take(&world, &json(text)).unwrap();
    assert_eq!(summary, Summary { readings: 1, unassigned: 2, events: 2, refused: 0 });
    assert_eq!(world.memory().unassigned[&SensorId::parse("stranger").unwrap()], 2);
}

#[test]
fn a_sensor_is_found_in_its_new_space_with_the_next_message() {
    let world = world();
    let intake = intake(&world);
    let stranger = json(r#"{"sensor_id":"new","person_count":1}"#);
    assert_eq!(take_with(&intake, &stranger).unwrap().unassigned, 1);
    {
        let mut memory = world.memory();
        memory.registry_version += 1;
        memory.spaces[0].sensor_ids.insert(SensorId::parse("new").unwrap());
    }
    assert_eq!(take_with(&intake, &stranger).unwrap().readings, 1);
}

#[test]
fn a_tenants_own_profile_is_followed_and_read_anew_when_it_changes() {
    let world = world();
    let intake = intake(&world);
    let acme_9000 = ProfileName::parse("acme-9000").unwrap();
    let at = |pointer: &str| serde_json::json!({"quantities": {"person_count": {"at": pointer}}});
    let sent = message("telemetry/acme/acme-9000/a", br#"{"in":1,"out":3}"#);
    assert_eq!(take_with(&intake, &sent).unwrap().refused, 1, "it is not there yet");
    let change = |definition| {
        let mut memory = world.memory();
        memory.registry_version += 1;
        memory.profiles.insert(acme_9000.clone(), definition);
    };
    let counted = || world.memory().sent.iter().rev().find_map(|event| event.data.get("person_count")?.as_u64());
    change(at("/in"));
    for _ in 0..3 {
        assert_eq!(take_with(&intake, &sent).unwrap().readings, 1);
    }
    assert_eq!((counted(), world.memory().profile_reads), (Some(1), 2), "it is remembered");
    change(at("/out"));
    take_with(&intake, &sent).unwrap();
    assert_eq!(counted(), Some(3));
    change(serde_json::json!({"quantities": 5}));
    assert_eq!(take_with(&intake, &sent).unwrap().refused, 1);
    let kept = world.memory().refused.pop().unwrap();
    assert!(kept.causes[0].starts_with("the profile 'acme-9000' can't be followed any more"), "{:?}", kept.causes);
}

#[test]
fn a_sensor_overrides_the_profile_of_its_topic() {
    let world = world();
    let b = SensorId::parse("b").unwrap();
    world.memory().sensor_profiles.insert(b, ProfileName::parse("meraki_mv").unwrap());
    let payload = br#"{"ts":1642564552,"counts":{"person":2}}"#;
    assert_eq!(take(&world, &message("telemetry/acme/native/b", payload)).unwrap().readings, 1);
    assert_eq!(take(&world, &message("telemetry/acme/native/a", payload)).unwrap().refused, 1);
    assert_eq!(take(&world, &message("telemetry/acme/nothing/b", payload)).unwrap().readings, 1);
}

#[test]
fn what_nobody_subscribes_to_costs_no_message() {
    let world = world();
    world.memory().subscribed = [EventType::SpaceAvailability].into();
    let texts = [r#"{"person_count":1,"timestamp":1770042010}"#, r#"{"person_count":2,"timestamp":1770042020}"#];
    let events: Vec<_> = texts.iter().map(|text| take(&world, &json(text)).unwrap().events).collect();
    assert_eq!(events, [1, 0]);
    assert_eq!(world.memory().sent[0].sequence.0, 2, "the report that was not sent kept its place");
}

#[test]
fn a_year_of_2099_is_not_believed() {
    let world = world();
    take(&world, &json(r#"{"person_count":1,"timestamp":"2099-01-01T00:00:00Z"}"#)).unwrap();
    assert_eq!(world.memory().sent[0].data["timestamp"], NOW);
    let later = message("telemetry/acme/native/a", br#"{"person_count":0,"timestamp":1770042001}"#);
    assert_eq!(take(&world, &later).unwrap().events, 2, "a broken clock does not silence the sensor");
}

#[test]
fn repeats_change_nothing() {
    let world = world();
    let once = json(r#"{"person_count":2,"timestamp":1770042000}"#);
    take(&world, &once).unwrap();
    let writes = world.memory().writes;
    assert_eq!(take(&world, &once).unwrap().events, 0);
    let memory = world.memory();
    assert_eq!((memory.writes, memory.sent.len()), (writes, 2));
}

#[test]
fn a_write_that_meets_another_is_made_again() {
    let world = world();
    world.memory().conflicts = 5;
    assert_eq!(take(&world, &json(r#"{"person_count":2}"#)).unwrap().events, 2);
    world.memory().conflicts = 1_000;
    assert!(take(&world, &json(r#"{"person_count":3}"#)).is_err());
}

#[test]
fn a_long_array_is_written_in_parts_that_fit_an_item() {
    let world = world();
    let readings: Vec<_> =
        (0..1_000).map(|n| format!(r#"{{"person_count":{},"timestamp":{}}}"#, n % 2, 1_770_000_000 + n)).collect();
    let summary = take(&world, &json(&format!("[{}]", readings.join(",")))).unwrap();
    assert_eq!(summary, Summary { readings: 1_000, events: 2_000, ..Summary::default() });
    let memory = world.memory();
    assert!(memory.writes > 1, "the world takes no item that DynamoDB would not");
    assert!(memory.sent.is_sorted_by_key(|event| event.sequence));
}

#[test]
fn a_space_at_every_limit_fits_an_item() {
    use spacehook_domain::telemetry::PEOPLE_LIMIT;
    let world = world();
    let ids: Vec<String> = (0..100).map(|number| format!("sensor-{number:0100}")).collect();
    world.memory().subscribed = EventType::BUILT_IN.into();
    world.memory().spaces[0].sensor_ids = ids.iter().map(|id| SensorId::parse(id.as_str()).unwrap()).collect();
    let places = vec!["[-99999.123456789,-99999.987654321]"; PEOPLE_LIMIT].join(",");
    let distances = vec!["99999.123456789"; PEOPLE_LIMIT].join(",");
    // As many as are remembered of each.
    for id in &ids {
        let one = |n| format!(r#"{{"sensor_id":"{id}","battery":{n},"timestamp":{}}}"#, 1_770_000_000 + n);
        take(&world, &json(&format!("[{}]", (0..32).map(one).collect::<Vec<_>>().join(",")))).unwrap();
    }
    for id in &ids {
        let text = format!(
            r#"{{"sensor_id":"{id}","person_count":10000,"coordinates":[{places}],"distances":[{distances}],
                "motion_detected":true,"signs_of_life":true,"temperature":20.123456789,"humidity":50.123456789,
                "iaq":50.123456789,"co2":500.123456789,"illuminance":500.123456789,"battery":50.123456789,"battery_months_left":3.123456789,"entries_total":4000000001,
                "exits_total":4000000000,"counter_bits":32,"counter_resets":"never"}}"#
        );
        take(&world, &json(&text)).unwrap();
    }
    assert_eq!(world.memory().states[&space_id(1)].state.sensors().len(), 100);
}

/// Crashes at every effect in turn, before it or after it, repeats the message as Lambda does, and looks whether
/// every event of an undisturbed run was sent, with the same id, and in order.
#[test]
fn a_crash_between_any_two_effects_loses_nothing() {
    let messages = [
        json(r#"{"person_count":2,"timestamp":1770042000}"#),
        json(
            r#"[{"person_count":0,"timestamp":1770042060},{"sensor_id":"c","person_count":1,"timestamp":1770042061}]"#,
        ),
        json(r#"{"sensor_id":"b","person_count":1,"timestamp":1770042120}"#),
        json(r#"{"person_count":4,"timestamp":1770042001}"#),
    ];
    let world_of_all = || {
        let world = with_group(&["a", "c"]);
        world.memory().subscribed = EventType::BUILT_IN.into();
        world
    };
    let undisturbed = world_of_all();
    for message in &messages {
        take(&undisturbed, message).unwrap();
    }
    let expected = undisturbed.memory().sent.clone();
    for answer_lost in [false, true] {
        for crash_at in 1..=24 {
            let world = world_of_all();
            {
                let mut memory = world.memory();
                memory.effects_left = Some(crash_at);
                memory.answer_lost = answer_lost;
            }
            for message in &messages {
                if take(&world, message).is_err() {
                    world.memory().effects_left = None;
                    take(&world, message).unwrap();
                }
            }
            let sent = world.memory().sent.clone();
            for of in [space_id(1), space_id(2), group_id(1)] {
                let of = |events: &[Event]| -> Vec<Event> {
                    let mut events: Vec<Event> =
                        events.iter().filter(|event| event.stream() == Stream::from(of)).cloned().collect();
                    events.dedup_by(|one, other| one.id == other.id);
                    events
                };
                // The queue drops what it has had; what is left is each event once, in order.
                let mut seen = BTreeSet::new();
                let first_seen: Vec<_> = of(&sent).into_iter().filter(|event| seen.insert(event.id.clone())).collect();
                assert_eq!(first_seen, of(&expected), "crash at effect {crash_at}, answer lost: {answer_lost}");
            }
            assert!(world.memory().states.values().all(|stored| stored.pending.is_empty()));
        }
    }
}

#[test]
fn what_a_crash_left_goes_before_what_follows() {
    let world = world();
    {
        let mut memory = world.memory();
        memory.effects_left = Some(2);
    }
    // The state is written, the send fails, and this message is never repeated.
    assert!(take(&world, &json(r#"{"person_count":2,"timestamp":1770042000}"#)).is_err());
    world.memory().effects_left = None;
    assert!(world.memory().sent.is_empty());
    take(&world, &json(r#"{"person_count":3,"timestamp":1770042060}"#)).unwrap();
    let sequences: Vec<_> = world.memory().sent.iter().map(|event| event.sequence.0).collect();
    assert_eq!(sequences, [1, 2, 3]);
}

#[test]
fn a_space_does_not_wait_for_its_neighbour() {
    let world = world();
    world.memory().broken = Some(space_id(1));
    let text = r#"[{"person_count":1},{"sensor_id":"c","person_count":1}]"#;
    assert!(take(&world, &json(text)).is_err(), "the message comes again, for the space that failed");
    let memory = world.memory();
    assert_eq!(memory.states.keys().collect::<Vec<_>>(), [&space_id(2)]);
    assert!(!memory.sent.is_empty() && memory.sent.iter().all(|event| event.stream() == Stream::of_space(SpaceId(2))));
}

/// What was told of the group: its type, people and availability.
fn told_of_group(world: &World) -> Vec<(EventType, Option<u64>, Option<String>)> {
    let memory = world.memory();
    let of_group = memory.sent.iter().filter(|event| event.sensor_group().is_some());
    let told = of_group.map(|event| {
        let body = &event.data;
        let state = body["state"]["availability"].as_str().map(ToOwned::to_owned);
        (event.event_type, body["reading"]["person_count"].as_u64(), state)
    });
    told.collect()
}

#[test]
fn sensors_of_several_spaces_are_one_group() {
    use EventType::{SensorDeviceGroupReadingUpdated as Reading, SensorDeviceGroupStateUpdated as State};
    let world = with_group(&["a", "c"]);
    world.memory().subscribed = EventType::BUILT_IN.into();
    let text = r#"[{"person_count":2,"coordinates":[[1,2],[3,4]],"timestamp":1770042000},
                   {"sensor_id":"b","person_count":7,"timestamp":1770042001},
                   {"sensor_id":"c","person_count":1,"timestamp":1770042002}]"#;
    let summary = take(&world, &json(text)).unwrap();
    assert_eq!(summary.readings, 3, "each counts once");
    let said = |people| (Reading, Some(people), None);
    let is = |state: &str| (State, None, Some(state.to_owned()));
    assert_eq!(told_of_group(&world), [said(2), is("occupied"), said(3)], "b is none of the group's");
    let state = serde_json::to_string(&world.memory().states[&group_id(1)].state).unwrap();
    assert!(!state.contains("coordinates"), "where people are is kept with the space alone: {state}");

    take(&world, &json(r#"[{"person_count":0,"timestamp":1770042060}]"#)).unwrap();
    assert_eq!(told_of_group(&world)[3..], [said(1)], "the room of a is free but for b, and the group is not");
    let text = r#"{"sensor_id":"c","person_count":0,"timestamp":1770042061}"#;
    take(&world, &json(text)).unwrap();
    take(&world, &json(text)).unwrap();
    assert_eq!(told_of_group(&world)[4..], [said(0), is("available")], "and once");
    let memory = world.memory();
    let of_group: Vec<_> = memory.sent.iter().filter(|event| event.sensor_group().is_some()).collect();
    let sequences: Vec<u64> = of_group.iter().map(|event| event.sequence.0).collect();
    assert_eq!(sequences, [1, 2, 3, 4, 5, 6], "a history of its own");
    let body = &of_group[5].data;
    let places = ["building_ref_id", "floor_ref_id", "space_ref_id"].map(|name| body[name].is_null());
    assert_eq!(
        (places, &body["sensor_group"]),
        ([true; 3], &serde_json::json!({"id": "west", "sensor_ids": ["a", "c"]}))
    );
}

#[test]
fn what_a_sensor_observed_is_read_with_the_tenant_and_again_where_that_was_wrong() {
    let world = with_group(&["a", "b"]);
    let intake = intake(&world);
    let say = |sensor: &str, people: u32| {
        let second = 1_770_042_000 + i64::from(people);
        let text = format!(r#"{{"sensor_id":"{sensor}","person_count":{people},"timestamp":{second}}}"#);
        take_with(&intake, &json(&text)).unwrap();
        std::mem::take(&mut world.memory().state_reads)
    };
    let people = |of: ObservedId| world.memory().states[&of].state.aggregate().person_count.0;
    assert_eq!(say("a", 1), 2, "nothing is known of it");
    assert_eq!(say("a", 2), 0);
    assert_eq!((people(space_id(1)), people(group_id(1))), (2, 2));

    // The other sensor's reading is written in between: neither is lost.
    let before = world.memory().states.clone();
    say("b", 5);
    let after = std::mem::replace(&mut world.memory().states, before);
    world.memory().written_after_overview = after;
    assert_eq!(say("a", 3), 2, "others were faster");
    assert_eq!((people(space_id(1)), people(group_id(1))), (8, 8));

    {
        let mut memory = world.memory();
        memory.registry_version += 1;
        let room = std::mem::take(&mut memory.spaces[0].sensor_ids);
        memory.spaces[1].sensor_ids = room;
    }
    say("a", 4);
    assert_eq!((people(space_id(2)), people(space_id(1))), (4, 8), "it was moved");
}

#[test]
fn a_sensor_that_joins_meanwhile_is_not_forgotten() {
    let world = with_group(&["a"]);
    let intake = intake(&world);
    let say = |sensor: &str, people: u32| {
        let text = format!(r#"{{"sensor_id":"{sensor}","person_count":{people},"timestamp":1770042000}}"#);
        take_with(&intake, &json(&text)).unwrap();
    };
    say("a", 1);
    // c joins and is heard after the next message of a has read the tenant's item, and before it writes.
    let before = world.memory().states.clone();
    world.memory().groups[0].sensor_ids.insert(SensorId::parse("c").unwrap());
    let other = super::tests::intake(&world);
    take_with(&other, &json(r#"{"sensor_id":"c","person_count":5,"timestamp":1770042001}"#)).unwrap();
    let after = std::mem::replace(&mut world.memory().states, before);
    world.memory().written_after_overview = after;
    take_with(&intake, &json(r#"{"person_count":2,"timestamp":1770042002}"#)).unwrap();
    assert_eq!(world.memory().states[&group_id(1)].state.aggregate().person_count.0, 7);
}

#[test]
fn a_group_that_is_deleted_while_its_sensors_report_is_told_of_no_more() {
    let world = with_group(&["a"]);
    world.memory().subscribed = EventType::BUILT_IN.into();
    let intake = intake(&world);
    take_with(&intake, &json(r#"{"person_count":1,"timestamp":1770042000}"#)).unwrap();
    assert_eq!(told_of_group(&world).len(), 2);
    {
        // Its placement is still known: this invocation has read the registry before.
        let mut memory = world.memory();
        memory.groups.clear();
        memory.states.remove(&group_id(1));
    }
    take_with(&intake, &json(r#"{"person_count":2,"timestamp":1770042001}"#)).unwrap();
    assert_eq!(told_of_group(&world).len(), 2);
    assert!(!world.memory().states.contains_key(&group_id(1)), "and nothing is left behind");
}

#[test]
fn a_group_s_state_is_kept_though_nobody_listens() {
    let world = with_group(&["a", "c"]);
    take(&world, &json(r#"[{"person_count":2},{"sensor_id":"c","person_count":1}]"#)).unwrap();
    assert!(told_of_group(&world).is_empty());
    assert_eq!(world.memory().states[&group_id(1)].state.aggregate().person_count.0, 3, "who asks is told");
}

proptest! {
    #[test]
    fn no_bytes_bring_the_function_down(payload in prop::collection::vec(any::<u8>(), 0..200), sensor in "\\PC{0,20}") {
        let world = world();
        let topic = format!("telemetry/acme/native/{sensor}");
        prop_assert!(take(&world, &message(&topic, &payload)).is_ok());
    }
}

#[test]
fn a_space_is_due_when_its_sensor_may_be_silent_no_longer_and_soon_where_events_were_not_sent() {
    let now: Timestamp = NOW.parse().unwrap();
    let quiet = world();
    take(&quiet, &json(r#"{"person_count":1}"#)).unwrap();
    let due_at = |world: &World| world.memory().states[&space_id(1)].due_at;
    assert_eq!(due_at(&quiet), Some(now + SignedDuration::from_mins(60)));

    let failing = world();
    // The state is written, and the queue fails.
    failing.memory().effects_left = Some(2);
    take(&failing, &json(r#"{"person_count":1}"#)).unwrap_err();
    assert!(!failing.memory().states[&space_id(1)].pending.is_empty());
    assert_eq!(due_at(&failing), Some(now + REPAIRED_AFTER));
}

fn lifecycle_event(client: &str, event_type: &str, minute: i64) -> Message {
    let at = NOW.parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minute);
    let text = serde_json::json!({
        "clientId": client, "timestamp": at.as_millisecond(), "eventType": event_type, "versionNumber": 1
    });
    let topic = format!("$aws/events/presence/{event_type}/{client}");
    Message { received_at_ms: at.as_millisecond(), ..message(&topic, text.to_string().as_bytes()) }
}

#[test]
fn the_brokers_word_is_taken_in_of_sensors_that_were_heard() {
    let world = world();
    let nothing = Summary::default();
    assert_eq!(take(&world, &lifecycle_event("acme:a", "connected", 0)).unwrap(), nothing, "never heard");
    take(&world, &json(r#"{"person_count":1}"#)).unwrap();
    assert_eq!(take(&world, &lifecycle_event("acme:a", "disconnected", 1)).unwrap(), nothing);
    let due_at = world.memory().states[&space_id(1)].due_at;
    assert_eq!(due_at, Some(NOW.parse::<Timestamp>().unwrap() + SignedDuration::from_mins(6)), "after the grace");
    let before = world.memory().states.clone();
    for other in ["gateway", "acme:nowhere"] {
        assert_eq!(take(&world, &lifecycle_event(other, "disconnected", 2)).unwrap(), nothing, "{other}");
    }
    assert_eq!(world.memory().states, before);
    let broken = message("$aws/events/presence/connected/x", b"{}");
    assert_eq!(take(&world, &broken).unwrap().refused, 1);
}
