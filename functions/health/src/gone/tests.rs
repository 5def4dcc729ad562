use super::*;
use crate::fake::{FakeWorld, Memory, now, subscription};
use spacehook_domain::subscription::{Activity, BacklogMode, DisabledReason};

/// As the dispatcher disables it.
fn disabled(number: u128) -> Subscription {
    Subscription { activity: Activity::Disabled { since: now(), reason: DisabledReason::Gone }, ..subscription(number) }
}

fn world(now: Vec<Subscription>, notices: Vec<Subscription>) -> FakeWorld {
    FakeWorld::of(Memory { subscriptions: now, notices, ..Memory::default() })
}

fn run_once(world: &FakeWorld) -> Told {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(run(world))
}

#[test]
fn the_contacts_are_told_once() {
    let world = world(vec![disabled(1)], vec![disabled(1)]);
    assert_eq!(run_once(&world), Told { mailed: 1, ..Told::default() });
    assert_eq!(run_once(&world), Told::default());
    let memory = world.memory();
    let [(mail, addresses)] = &memory.mails[..] else { panic!("{} mails", memory.mails.len()) };
    assert_eq!((*addresses, memory.notices.len()), (1, 0));
    assert_eq!(mail.subject, "Your webhook \"kiosk\" was disabled: its receiver answered 410 Gone");
    assert!(mail.text.contains("kiosk.example.com") && mail.text.contains("2026-02-02T14:20:00Z"), "{}", mail.text);
    assert!(!mail.text.contains("hush") && !mail.html.contains("hush"), "only the host is shown");
    assert!(!mail.text.contains("enabled it again"), "{}", mail.text);
}

#[test]
fn it_is_told_as_things_are_now() {
    let again = Subscription { backlog: BacklogMode::Latest, ..subscription(1) };
    let world = world(vec![again], vec![disabled(1)]);
    assert_eq!(run_once(&world), Told { mailed: 1, ..Told::default() });
    let text = world.memory().mails[0].0.text.clone();
    assert!(text.contains("enabled it again") && text.contains("newest event of each type and space"), "{text}");
}

#[test]
fn a_mail_that_is_not_taken_is_sent_by_the_next_run() {
    let world = world(vec![disabled(1), disabled(2)], vec![disabled(1), disabled(2)]);
    world.memory().mail_fails = true;
    assert_eq!(run_once(&world), Told { faults: 2, ..Told::default() });
    world.memory().mail_fails = false;
    assert_eq!(run_once(&world), Told { mailed: 2, ..Told::default() });
}

#[test]
fn who_cannot_be_told_is_not_waited_for() {
    let silent = Subscription { contacts: [].into(), ..disabled(1) };
    let world = world(vec![silent.clone()], vec![silent, disabled(2)]);
    assert_eq!(run_once(&world), Told { untold: 2, ..Told::default() }, "no contacts, and deleted");
    assert!(world.memory().notices.is_empty() && world.memory().mails.is_empty());
}

#[test]
fn one_fault_is_not_the_others() {
    let world = world(vec![disabled(1), disabled(2)], vec![disabled(1), disabled(2)]);
    world.memory().unreadable = Some(disabled(1).id);
    assert_eq!(run_once(&world), Told { mailed: 1, faults: 1, ..Told::default() });
    assert_eq!(world.memory().notices, [disabled(1)]);
    world.memory().notices_fail = true;
    assert_eq!(run_once(&world), Told { faults: 1, ..Told::default() });
}
