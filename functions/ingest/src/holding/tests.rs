use crate::intake::tests::{World, group_id, intake, message, space_id, with_group, world};
use crate::message::Message;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use spacehook_domain::event::{Event, EventType};
use spacehook_domain::hold_timer::HoldTimer;
use spacehook_domain::ids::{SpaceId, TenantId};
use spacehook_domain::settings::{Settings, VacantAfter};

fn at(second: i64) -> Timestamp {
    "2026-02-02T14:20:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(second)
}

/// A world in which rooms are held for this long.
fn held(seconds: u64) -> World {
    let world = world();
    for space in &mut world.memory().spaces {
        space.settings = Settings { vacant_after: Some(VacantAfter::from_s(seconds).unwrap()), ..Settings::default() };
    }
    world
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

/// The sensor says how many people there are, at that time; true where it was taken in.
fn says(world: &World, second: i64, people: u32) -> bool {
    let observed = at(second).as_second();
    let text = format!(r#"{{"person_count":{people},"timestamp":{observed}}}"#);
    let message =
        Message { received_at_ms: at(second).as_millisecond(), ..message("telemetry/acme/native/a", text.as_bytes()) };
    block_on(intake(world).take(&message, None, at(second))).is_ok()
}

fn batch(timers: &[HoldTimer]) -> SqsEvent {
    let records = timers.iter().enumerate().map(|(id, timer)| {
        json!({"messageId": id.to_string(), "body": serde_json::to_string(timer).unwrap(), "attributes": {}, "messageAttributes": {}})
    });
    serde_json::from_value(json!({"Records": records.collect::<Vec<_>>()})).unwrap()
}

fn fire(world: &World, timers: &[HoldTimer], second: i64) -> SqsBatchResponse {
    block_on(intake(world).take_timers(&batch(timers), None, at(second))).1
}

fn told(world: &World) -> Vec<(i64, String)> {
    let of = |event: &Event| {
        (event.occurred_at.as_second() - at(0).as_second(), event.data[0]["state"].as_str().unwrap().to_owned())
    };
    let memory = world.memory();
    memory.sent.iter().filter(|event| event.event_type == EventType::SpaceAvailability).map(of).collect()
}

fn is(second: i64, state: &str) -> (i64, String) {
    (second, state.to_owned())
}

#[test]
fn a_hold_sets_one_timer_which_tells_that_the_space_is_available() {
    let world = held(120);
    for (second, people) in [(0, 2), (10, 0), (20, 0), (60, 0)] {
        assert!(says(&world, second, people));
    }
    let timers = world.memory().timers.clone();
    let timer = HoldTimer::new(TenantId::parse("acme").unwrap(), space_id(1), at(130));
    assert_eq!(timers, std::slice::from_ref(&timer), "what goes on to say that it is empty costs no other");
    assert_eq!(world.memory().states[&space_id(1)].due_at, Some(at(130)), "health knows, too");
    assert_eq!(told(&world), [is(0, "occupied")]);

    assert!(fire(&world, &[timer.clone(), timer.clone()], 131).batch_item_failures.is_empty());
    assert_eq!(told(&world), [is(0, "occupied"), is(130, "available")], "to the second, and once");
    assert!(world.memory().states[&space_id(1)].pending.is_empty());
    let writes = world.memory().sent.len();
    fire(&world, &[timer], 200);
    assert_eq!(world.memory().sent.len(), writes);
}

#[test]
fn a_hold_that_somebody_ended_is_not_told_whenever_its_timer_comes() {
    let world = held(120);
    for (second, people) in [(0, 2), (10, 0), (100, 1), (110, 0)] {
        assert!(says(&world, second, people));
    }
    let timers = world.memory().timers.clone();
    assert_eq!(timers.iter().map(|timer| timer.until).collect::<Vec<_>>(), [at(130), at(230)]);
    fire(&world, &timers[..1], 131);
    assert_eq!(told(&world), [is(0, "occupied")]);
    assert_eq!(world.memory().timers.len(), 2, "the timer of a hold that is no more is not set again");
    fire(&world, &timers[1..], 231);
    assert_eq!(told(&world), [is(0, "occupied"), is(230, "available")]);
}

#[test]
fn a_group_is_held_by_its_own_settings() {
    let world = with_group(&["a", "c"]);
    {
        let mut memory = world.memory();
        memory.subscribed = [EventType::SensorDeviceGroupStateUpdated].into();
        memory.groups[0].settings.vacant_after = VacantAfter::from_s(120).ok();
    }
    assert!(says(&world, 0, 1) && says(&world, 10, 0));
    let timers = world.memory().timers.clone();
    assert_eq!(timers, [HoldTimer::new(TenantId::parse("acme").unwrap(), group_id(1), at(130))]);
    let told = |world: &World| -> Vec<String> {
        let of = |event: &Event| event.data["state"]["availability"].as_str().unwrap().to_owned();
        world.memory().sent.iter().filter(|event| event.sensor_group().is_some()).map(of).collect()
    };
    assert_eq!(told(&world), ["occupied"]);
    assert!(fire(&world, &timers, 131).batch_item_failures.is_empty());
    assert_eq!(told(&world), ["occupied", "available"]);

    assert!(says(&world, 200, 1) && says(&world, 210, 0));
    let timers = world.memory().timers[1..].to_vec();
    world.memory().groups.clear();
    assert!(fire(&world, &timers, 331).batch_item_failures.is_empty());
    assert_eq!(told(&world)[2..], ["occupied"], "one that is gone is told of no more");
}

#[test]
fn a_timer_that_comes_early_is_set_again() {
    let world = held(86_400);
    assert!(says(&world, 0, 1) && says(&world, 10, 0));
    let timer = world.memory().timers[0].clone();
    for step in 1..4 {
        fire(&world, std::slice::from_ref(&timer), 900 * step);
        assert_eq!(world.memory().timers.len(), usize::try_from(step).unwrap() + 1);
    }
    assert_eq!(told(&world), [is(0, "occupied")]);
    fire(&world, &[timer], 86_411);
    assert_eq!(told(&world), [is(0, "occupied"), is(86_410, "available")]);
}

#[test]
fn the_next_reading_tells_what_a_lost_timer_did_not() {
    let world = held(60);
    for (second, people) in [(0, 1), (10, 0), (100, 0)] {
        assert!(says(&world, second, people));
    }
    assert_eq!(told(&world), [is(0, "occupied"), is(70, "available")]);
    assert!(says(&world, 200, 1));
    assert_eq!(told(&world)[2..], [is(200, "occupied")]);
}

#[test]
fn what_can_t_be_read_goes_back_and_costs_its_neighbours_nothing() {
    let world = held(60);
    assert!(says(&world, 0, 1) && says(&world, 10, 0));
    let mut batch = batch(&world.memory().timers.clone());
    let mut broken = batch.records[0].clone();
    broken.body = Some("{\"v\":7}".to_owned());
    broken.message_id = Some("broken".to_owned());
    batch.records.insert(0, broken);
    let (summary, answer) = block_on(intake(&world).take_timers(&batch, None, at(71)));
    assert_eq!((summary.events, answer.batch_item_failures.len()), (1, 1));
    assert_eq!(answer.batch_item_failures[0].item_identifier, "broken");
}

#[test]
fn a_space_that_is_gone_or_made_anew_is_told_of_no_more() {
    for made_anew in [false, true] {
        let world = held(60);
        assert!(says(&world, 0, 1) && says(&world, 10, 0));
        let timers = world.memory().timers.clone();
        if made_anew {
            world.memory().spaces[0].space_id = SpaceId(9);
        } else {
            world.memory().spaces.remove(0);
        }
        assert!(fire(&world, &timers, 71).batch_item_failures.is_empty());
        assert_eq!(told(&world), [is(0, "occupied")]);
    }
}

/// Crashes at every effect in turn, before it or after it; messages and timers come again, as Lambda and SQS have it.
#[test]
fn a_crash_at_any_step_changes_nothing() {
    let expected = [is(0, "occupied"), is(130, "available"), is(300, "occupied")];
    for (crash_at, answer_lost) in (1..=16).flat_map(|step| [(step, false), (step, true)]) {
        let world = held(120);
        {
            let mut memory = world.memory();
            memory.effects_left = Some(crash_at);
            memory.answer_lost = answer_lost;
        }
        let again = |act: &dyn Fn() -> bool| {
            if !act() {
                world.memory().effects_left = None;
                assert!(act());
            }
        };
        again(&|| says(&world, 0, 2));
        again(&|| says(&world, 10, 0));
        let timers = world.memory().timers.clone();
        assert!(!timers.is_empty(), "never a hold without a timer");
        again(&|| fire(&world, &timers, 131).batch_item_failures.is_empty());
        again(&|| says(&world, 300, 2));
        let mut told = told(&world);
        told.dedup();
        assert_eq!(told, expected, "crash at {crash_at}, answer lost {answer_lost}");
    }
}
