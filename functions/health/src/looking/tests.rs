use crate::fake::{FakeWorld, tenant};
use crate::ports::{StoredState, World as _};
use crate::run::run;
use crate::settings::Settings;
use crate::summary::{Repairs, Summary};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use spacehook_domain::event::{Event, EventType};
use spacehook_domain::ids::{BuildingRefId, SensorGroupId, SensorGroupRefId, SensorId, SpaceId, SpaceRefId};
use spacehook_domain::observed::{Observed, ObservedId};
use spacehook_domain::place::{SensorGroup, Space};
use spacehook_domain::presence::Silence;
use spacehook_domain::reading::{Measurements, PersonCount, Reading};
use spacehook_domain::settings::Settings as SpaceSettings;
use spacehook_domain::space_state::Occasion;
use std::collections::BTreeSet;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn run_once(world: &FakeWorld) -> Summary {
    block_on(run(world, &Settings::default(), Timestamp::MAX))
}

const ROOM: ObservedId = ObservedId::Space(SpaceId(7));

fn space() -> Space {
    Space {
        space_id: SpaceId(7),
        building_ref_id: BuildingRefId::parse("b").unwrap(),
        floor_ref_id: None,
        space_ref_id: SpaceRefId::parse("s").unwrap(),
        name: None,
        sensor_ids: ["x", "y"].iter().map(|id| SensorId::parse(*id).unwrap()).collect(),
        settings: SpaceSettings::default(),
    }
}

/// A space whose sensor is heard now, as ingest writes it; what that causes is queued, or not yet.
fn hear(world: &FakeWorld, sensor: &str, is_queued: bool) -> Vec<Event> {
    hear_of(world, &space().into(), sensor, is_queued)
}

fn hear_of(world: &FakeWorld, of: &Observed, sensor: &str, is_queued: bool) -> Vec<Event> {
    let at = world.now();
    let mut memory = world.memory();
    memory.observed.insert(of.id(), of.clone());
    let mut stored = memory.states.get(&of.id()).cloned().unwrap_or_default();
    let measurements = Measurements { person_count: Some(PersonCount(1)), ..Measurements::default() };
    let sensor_id = SensorId::parse(sensor).unwrap();
    let reading = Reading { sensor_id, observed_at: at, received_at: at, measurements };
    let wanted = &memory.subscribed.clone();
    let occasion = Occasion { tenant: &tenant(), of, trace: None, wanted };
    let events = stored.state.take(occasion, &reading, Silence::default());
    let pending = if is_queued { Vec::new() } else { events.clone() };
    let due_at = stored.state.next_look();
    memory.states.insert(of.id(), StoredState { version: stored.version + 1, pending, due_at, ..stored });
    events
}

fn queued(world: &FakeWorld) -> Vec<EventType> {
    world.memory().queued.iter().map(|event| event.event_type).collect()
}

use EventType::{
    DeviceHealthStatusLostCommunication as Lost, DeviceHealthStatusOffline as Offline, SensorReadingStale as Stale,
    SpaceStale,
};

#[test]
fn silence_is_told_by_every_name_that_somebody_listens_to() {
    let world = FakeWorld::new();
    world.memory().subscribed = EventType::BUILT_IN.into();
    hear(&world, "x", true);
    world.pass(SignedDuration::from_hours(1));
    run_once(&world);
    let device = EventType::SensorDeviceReadingStale;
    assert_eq!(queued(&world), [Stale, device, Lost, SpaceStale, EventType::SensorDeviceGroupReadingStale]);
}

#[test]
fn a_group_of_sensors_that_fell_silent_is_stale_and_says_nothing_of_each() {
    let world = FakeWorld::new();
    world.memory().subscribed = EventType::BUILT_IN.into();
    let group = SensorGroup {
        sensor_group_id: SensorGroupId(7),
        sensor_group_ref_id: SensorGroupRefId::parse("west").unwrap(),
        building_ref_id: None,
        name: None,
        sensor_ids: ["x", "y"].map(|id| SensorId::parse(id).unwrap()).into(),
        settings: SpaceSettings::default(),
    };
    let of = &Observed::from(group);
    hear_of(&world, of, "x", true);
    world.pass(SignedDuration::from_mins(30));
    hear_of(&world, of, "y", true);
    world.pass(SignedDuration::from_mins(30));
    run_once(&world);
    assert!(queued(&world).is_empty(), "y was heard");
    world.pass(SignedDuration::from_mins(30));
    run_once(&world);
    assert_eq!(queued(&world), [EventType::SensorDeviceGroupReadingStale]);
    assert_eq!(world.memory().queued[0].data["sensor_group"]["id"], "west");
    world.memory().observed.clear();
    world.pass(SignedDuration::from_hours(9));
    run_once(&world);
    assert_eq!(
        (queued(&world).len(), world.memory().states[&of.id()].due_at),
        (1, None),
        "gone, it is looked at no more"
    );
}

#[test]
fn silence_becomes_events_at_its_time_and_once() {
    let world = FakeWorld::new();
    hear(&world, "x", true);
    world.pass(SignedDuration::from_mins(30));
    hear(&world, "y", true);
    world.pass(SignedDuration::from_mins(29));
    assert_eq!(run_once(&world), Summary::default());
    assert!(!world.memory().calls.contains_key("stored state"), "nothing is read of what is not due");

    world.pass(SignedDuration::from_mins(1));
    assert_eq!(run_once(&world).silent, 2);
    assert_eq!(queued(&world), [Stale, Lost]);
    world.pass(SignedDuration::from_mins(3));
    run_once(&world);
    world.pass(SignedDuration::from_mins(27));
    assert_eq!(run_once(&world).silent, 3);
    assert_eq!(queued(&world), [Stale, Lost, Stale, Lost, SpaceStale], "the other too, and so the space");
    world.pass(SignedDuration::from_hours(9));
    run_once(&world);
    assert_eq!(queued(&world)[5..], [Offline, Offline]);
    world.pass(SignedDuration::from_mins(5));
    run_once(&world);
    assert_eq!(world.memory().states[&ROOM].due_at, None, "there is nothing more to say");
    assert_eq!(run_once(&world), Summary::default());

    let events = hear(&world, "x", true);
    assert_eq!(events[0].event_type, EventType::DeviceHealthStatusOnline);
    let memory = world.memory();
    let sequences: Vec<u64> = memory.queued.iter().map(|event| event.sequence.0).collect();
    assert!(sequences.is_sorted() && events[0].sequence.0 > sequences[6], "{sequences:?}");
    assert!(!memory.states[&ROOM].state.is_stale());
    assert_eq!(memory.queued[4].data["space_id"], 7);
}

#[test]
fn what_nobody_subscribes_to_is_no_message_and_is_remembered_all_the_same() {
    let world = FakeWorld::new();
    hear(&world, "x", true);
    world.memory().subscribed = BTreeSet::from([SpaceStale]);
    world.pass(SignedDuration::from_hours(1));
    assert_eq!(run_once(&world).silent, 1);
    let memory = world.memory();
    let state = &memory.states[&ROOM].state;
    assert!(state.is_stale() && state.presence().values().all(spacehook_domain::presence::Presence::is_stale));
    assert_eq!(memory.queued[0].sequence.0, 5, "it keeps its place among those that nobody asked for");
}

#[test]
fn events_that_were_saved_and_not_queued_are_queued_as_they_were() {
    let world = FakeWorld::new();
    let events = hear(&world, "x", false);
    world.pass(SignedDuration::from_hours(1));
    let summary = run_once(&world);
    assert_eq!(summary.repairs, Repairs { pending: events.len(), ..Repairs::default() });
    assert_eq!(world.memory().queued[..events.len()], events, "before anything newer");
    assert!(world.memory().states[&ROOM].pending.is_empty());
}

#[test]
fn a_crash_at_any_step_loses_nothing_and_runs_at_once_say_it_once() {
    let whole = FakeWorld::new();
    hear(&whole, "x", false);
    whole.pass(SignedDuration::from_hours(1));
    run_once(&whole);
    let steps = whole.memory().effects;
    let expected = whole.memory().queued.clone();
    assert!(steps >= 5, "{steps}");
    for (step, answer_lost) in (1..=steps).flat_map(|step| [(step, false), (step, true)]) {
        let world = FakeWorld::new();
        hear(&world, "x", false);
        world.pass(SignedDuration::from_hours(1));
        world.crash_at(step, answer_lost);
        run_once(&world);
        world.memory().effects_left = None;
        world.pass(SignedDuration::from_mins(2));
        run_once(&world);
        let memory = world.memory();
        let mut first_times: Vec<Event> = Vec::new();
        for event in &memory.queued {
            if first_times.iter().all(|known| known.id != event.id) {
                first_times.push(event.clone());
            }
        }
        // A later look that tells of what an earlier one did not get to say has a later time, and so another id.
        let told = |events: &[Event]| events.iter().map(|event| (event.event_type, event.sequence)).collect::<Vec<_>>();
        assert_eq!(told(&first_times), told(&expected), "step {step}, answer lost {answer_lost}");
        assert!(memory.states[&ROOM].pending.is_empty());
    }

    let world = FakeWorld::new();
    hear(&world, "x", true);
    world.pass(SignedDuration::from_hours(1));
    let settings = Settings::default();
    block_on(join_all((0..5).map(|_| run(&world, &settings, Timestamp::MAX))));
    assert_eq!(queued(&world), [Stale, Lost, SpaceStale]);
}

#[test]
fn a_space_that_is_gone_or_made_anew_is_looked_at_no_more() {
    for made_anew in [false, true] {
        let world = FakeWorld::new();
        hear(&world, "x", true);
        {
            let mut memory = world.memory();
            memory.observed.clear();
            if made_anew {
                let anew = Space { space_id: SpaceId(8), ..space() };
                memory.observed.insert(ObservedId::Space(SpaceId(8)), anew.into());
            }
        }
        world.pass(SignedDuration::from_hours(1));
        assert_eq!(run_once(&world), Summary::default());
        assert_eq!(world.memory().states[&ROOM].due_at, None);
        assert!(world.memory().queued.is_empty());
    }
}

#[test]
fn an_early_look_sets_the_time_anew() {
    let world = FakeWorld::new();
    hear(&world, "x", true);
    let now = world.now();
    world.memory().states.get_mut(&ROOM).unwrap().due_at = Some(now);
    assert_eq!(run_once(&world), Summary::default());
    let expected = now + SignedDuration::from_hours(1);
    assert_eq!(world.memory().states[&ROOM].due_at, Some(expected));
    assert_eq!(world.memory().states[&ROOM].version, 1, "the state is as it was");
}
