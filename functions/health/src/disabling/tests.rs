use super::*;
use crate::fake::{FakeWorld, Memory, now, since, subscription};
use jiff::ToSpan as _;
use spacehook_domain::attempt::{Attempt, Outcome};
use spacehook_domain::backlog::Backlog;
use spacehook_domain::event::EventType;
use spacehook_domain::failure::FailureReason;
use spacehook_domain::ids::EventId;
use spacehook_domain::retry::AttemptNumber;
use spacehook_domain::wake::Wake;

fn attempts(failures: usize, successes: usize) -> Vec<Attempt> {
    let answer = Some("<script>alert(1)</script>".to_owned());
    let failed = Outcome::Failed { reason: FailureReason::from_http_status(500), status: Some(500), answer };
    let outcomes =
        std::iter::repeat_n(failed, failures).chain(std::iter::repeat_n(Outcome::Accepted { status: 200 }, successes));
    outcomes
        .map(|outcome| Attempt {
            event_id: EventId::from_digest(&[1; 32]),
            event_type: EventType::SpaceReport,
            number: AttemptNumber::FIRST,
            started_at: now() - 1.minutes(),
            duration_ms: 5,
            freshness_ms: 100,
            outcome,
        })
        .collect()
}

fn world(subscriptions: Vec<Subscription>, attempts: Vec<Attempt>) -> FakeWorld {
    let failing = subscriptions.iter().map(|subscription| subscription.id.clone()).collect();
    FakeWorld::of(Memory { subscriptions, failing, attempts, ..Memory::default() })
}

fn run_once(world: &FakeWorld) -> Summary {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(run(world, FailurePolicy::default())).unwrap()
}

#[test]
fn what_fails_too_much_is_disabled_once_and_its_contacts_told_once() {
    let world = world(vec![subscription(1)], attempts(200, 1));
    assert_eq!(run_once(&world), Summary { looked_at: 1, disabled: 1, mailed: 1, ..Summary::default() });
    let disabled = world.memory().subscriptions[0].clone();
    assert_eq!(disabled.revision, 5);
    let reason = DisabledReason::FailureRate { failures: 200, attempts: 201, window_hours: 24 };
    assert_eq!(disabled.activity, Activity::Disabled { since: now(), reason });

    world.memory().failing.insert(disabled.id);
    assert_eq!(run_once(&world), Summary { looked_at: 1, ..Summary::default() });
    let memory = world.memory();
    assert_eq!(memory.mails.len(), 1);
    let (mail, addresses) = &memory.mails[0];
    assert_eq!(*addresses, 1);
    assert!(mail.text.contains("200 of 201") && mail.text.contains("HTTP 500 - 200 times"), "{}", mail.text);
    assert!(!mail.html.contains("<script>") && !mail.text.contains("hush"));
}

#[test]
fn what_fails_less_goes_on() {
    for (failures, successes) in [(99, 1), (9, 0), (0, 50)] {
        let world = world(vec![subscription(1)], attempts(failures, successes));
        assert_eq!(run_once(&world), Summary { looked_at: 1, ..Summary::default() }, "{failures} {successes}");
        assert!(world.memory().subscriptions[0].activity.is_enabled());
    }
}

#[test]
fn a_change_meanwhile_wins() {
    let world = world(vec![subscription(1)], attempts(200, 0));
    world.memory().changing = true;
    assert_eq!(run_once(&world), Summary { looked_at: 1, ..Summary::default() });
    assert!(world.memory().mails.is_empty());
}

#[test]
fn one_that_cannot_be_read_does_not_keep_the_others_from_it() {
    let world = world(vec![subscription(1), subscription(2)], attempts(200, 0));
    world.memory().unreadable = Some(subscription(1).id);
    assert_eq!(run_once(&world), Summary { looked_at: 2, disabled: 1, mailed: 1, faults: 1, ..Summary::default() });
}

#[test]
fn a_mail_that_is_not_taken_breaks_nothing() {
    let world = world(vec![subscription(1), subscription(2)], attempts(200, 0));
    world.memory().mail_fails = true;
    assert_eq!(run_once(&world), Summary { looked_at: 2, disabled: 2, faults: 2, ..Summary::default() });
}

#[test]
fn what_was_deleted_is_forgotten() {
    let world = world(vec![subscription(1)], attempts(200, 0));
    world.memory().subscriptions.clear();
    assert_eq!(run_once(&world), Summary { looked_at: 1, ..Summary::default() });
    assert!(world.memory().failing.is_empty());
}

/// A backlog whose next look was due so long ago.
fn due(minutes_ago: i64) -> Backlog {
    Backlog { wake_at: Some(now() - minutes_ago.minutes()), ..Backlog::new(since()) }
}

#[test]
fn a_lost_timer_is_set_again_and_others_are_left_alone() {
    let world = world(vec![subscription(1), subscription(2), subscription(3)], attempts(20, 20));
    let leased = Backlog { lease_until: Some(now()), ..due(9) };
    world.memory().backlogs =
        [(subscription(1).id, due(4)), (subscription(2).id, due(2)), (subscription(3).id, leased)].into();
    assert_eq!(run_once(&world), Summary { looked_at: 3, rearmed: 1, ..Summary::default() });
    assert_eq!(world.memory().woken, [Wake::now(subscription(1).key())]);
}

#[test]
fn the_timer_of_what_is_disabled_is_not_set_again() {
    let off = Subscription {
        activity: Activity::Disabled { since: now(), reason: DisabledReason::ByRequest },
        ..subscription(1)
    };
    let world = world(vec![off, subscription(2)], attempts(200, 0));
    world.memory().backlogs = [(subscription(1).id, due(4)), (subscription(2).id, due(4))].into();
    assert_eq!(run_once(&world), Summary { looked_at: 2, disabled: 1, mailed: 1, ..Summary::default() });
    assert!(world.memory().woken.is_empty());
}
