use crate::fake::FakeWorld;
use crate::ports::World as _;
use crate::run::run;
use crate::settings::Settings;
use crate::summary::Summary;
use crate::telling::confirm;
use jiff::{SignedDuration, Timestamp};
use spacehook_domain::event::EventType;
use spacehook_domain::notice::{Happened, MailState, Notice};
use spacehook_domain::subscription::{DisabledReason, EmailAddress};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn run_once(world: &FakeWorld) -> Summary {
    block_on(run(world, &Settings::default(), Timestamp::MAX))
}

#[test]
fn a_mail_that_ses_refuses_is_sent_by_the_next_run_that_can() {
    let world = FakeWorld::new();
    (1..=2).for_each(|number| drop(world.add_failing(number, 20, 0)));
    world.memory().refuses_mail = true;
    let summary = run_once(&world);
    assert_eq!((summary.disabled, summary.mailed, summary.faults), (2, 0, 2), "one does not keep the other from it");
    assert_eq!(run_once(&world).faults, 2, "throttled still");
    world.memory().refuses_mail = false;
    let summary = run_once(&world);
    assert_eq!((summary.mailed, summary.told, summary.repairs.notices), (2, 0, 0));
    assert_eq!(run_once(&world), Summary::default());
    assert_eq!(world.memory().sent.len(), 2);
}

#[test]
fn a_mail_of_which_nobody_knows_is_sent_again_only_when_ses_has_not_said_that_it_sent_it() {
    for ses_tells in [true, false] {
        let world = FakeWorld::new();
        world.add_failing(1, 20, 0);
        // Disable, forget, event, note, claim, mail: of which the answer is lost.
        world.crash_at(6, true);
        run_once(&world);
        world.memory().effects_left = None;
        assert_eq!(world.memory().sent.len(), 1);
        let about = world.memory().sent[0].about.clone();
        let state = world.memory().notices[&about].notice.mail;
        assert!(matches!(state, MailState::Sending { .. }), "{state:?}");
        assert_eq!(run_once(&world), Summary::default(), "whoever sends it has time for it");
        if ses_tells {
            assert!(block_on(confirm(&world, &about)).unwrap());
            assert!(!block_on(confirm(&world, &about)).unwrap(), "said once");
        }
        world.pass(SignedDuration::from_mins(16));
        let again = usize::from(!ses_tells);
        let summary = run_once(&world);
        assert_eq!((summary.mailed, summary.repairs.notices), (again, again));
        assert_eq!(world.memory().sent.len(), 1 + again);
    }
}

#[test]
fn without_contacts_of_its_own_the_tenants_are_told_and_without_any_nobody_is() {
    let ops = EmailAddress::parse("tenant@example.com").unwrap();
    for (tenant_contacts, mailed) in [(vec![ops.clone()], 1), (vec![], 0)] {
        let world = FakeWorld::new();
        let subject = world.add_failing(1, 20, 0);
        world.memory().subscriptions.get_mut(&subject.key()).unwrap().contacts.clear();
        world.memory().tenant_contacts = tenant_contacts.into_iter().collect();
        let summary = run_once(&world);
        assert_eq!((summary.disabled, summary.mailed, summary.unmailed), (1, mailed, 1 - mailed));
        assert!(world.memory().notices.is_empty());
        assert!(world.memory().sent.iter().all(|sent| sent.to == [ops.clone()].into()));
    }
}

#[test]
fn without_a_sender_nothing_waits_for_a_mail() {
    let world = FakeWorld::new();
    world.add_failing(1, 20, 0);
    let settings = Settings { sends_mail: false, ..Settings::default() };
    let summary = block_on(run(&world, &settings, Timestamp::MAX));
    assert_eq!((summary.disabled, summary.told, summary.unmailed), (1, 1, 1));
    let memory = world.memory();
    assert!(memory.notices.is_empty() && memory.sent.is_empty());
}

#[test]
fn an_event_that_nobody_asked_for_costs_no_message() {
    let world = FakeWorld::new();
    world.add_failing(1, 20, 0);
    world.memory().subscribed.clear();
    let summary = run_once(&world);
    assert_eq!((summary.disabled, summary.told, summary.mailed), (1, 0, 1));
    assert!(world.memory().queued.is_empty());
}

#[test]
fn a_subscription_that_is_deleted_meanwhile_is_told_of_and_not_mailed_about() {
    let world = FakeWorld::new();
    let subject = world.add_failing(1, 20, 0);
    world.memory().refuses_mail = true;
    run_once(&world);
    world.memory().refuses_mail = false;
    world.memory().subscriptions.remove(&subject.key());
    assert_eq!(run_once(&world), Summary { unmailed: 1, ..Summary::default() });
    assert!(world.memory().notices.is_empty());
}

#[test]
fn what_happened_to_one_subscription_is_told_in_order_and_nothing_past_what_cannot_be_queued() {
    let world = FakeWorld::new();
    let subject = world.add_failing(1, 0, 20);
    world.memory().failing.clear();
    let disabled = subject.disabled(world.now(), DisabledReason::Gone);
    world.notice(&Notice::new(Happened::Disabled, world.now(), disabled.clone(), None, true));
    world.pass(SignedDuration::from_secs(30));
    world.notice(&Notice::new(Happened::Enabled, world.now(), subject.clone(), None, false));
    // The first is not queued: the second must not be either.
    world.memory().effects_left = Some(1);
    assert_eq!(run_once(&world).told, 0);
    world.memory().effects_left = None;
    assert_eq!(run_once(&world).told, 2);
    let types: Vec<_> = world.memory().queued.iter().map(|event| event.event_type).collect();
    assert_eq!(types, [EventType::SubscriptionDisabled, EventType::SubscriptionEnabled]);
}
