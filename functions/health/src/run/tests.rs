//! Whole runs: many at once, and such that die at each of their steps.

use super::*;
use crate::fake::{FakeWorld, Memory};
use crate::summary::Repairs;
use crate::telling::confirm;
use futures::future::join_all;
use jiff::SignedDuration;
use spacehook_domain::backlog::Backlog;
use spacehook_domain::event::EventType;
use spacehook_domain::job::{Job, JobKey, JobState, JobStep, Work};
use spacehook_domain::subscription::{Activity, DisabledReason, Subscription};
use spacehook_domain::wake::Wake;
use std::collections::BTreeMap;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

fn run_once(world: &FakeWorld) -> Summary {
    run_with(world, &Settings::default())
}

fn run_with(world: &FakeWorld, settings: &Settings) -> Summary {
    block_on(run(world, settings, Timestamp::MAX))
}

fn is_disabled(memory: &Memory, subscription: &Subscription) -> bool {
    !memory.subscriptions[&subscription.key()].activity.is_enabled()
}

#[test]
fn what_fails_too_much_is_disabled_once_and_told_once() {
    let world = FakeWorld::new();
    let subject = world.add_failing(1, 200, 1);
    let done = Summary { looked_at: 1, disabled: 1, told: 1, mailed: 1, ..Summary::default() };
    assert_eq!(run_once(&world), done);
    let now = world.now();
    let disabled = world.memory().subscriptions[&subject.key()].clone();
    let reason = DisabledReason::FailureRate { failures: 200, attempts: 201, window_hours: 24 };
    assert_eq!((disabled.revision, disabled.activity), (5, Activity::Disabled { since: now, reason }));

    world.memory().failing.insert(subject.key(), None);
    assert_eq!(run_once(&world), Summary { looked_at: 1, ..Summary::default() });
    let memory = world.memory();
    assert!(memory.failing.is_empty() && memory.notices.is_empty());
    let [sent] = memory.sent.as_slice() else { panic!("{} mails", memory.sent.len()) };
    assert_eq!(sent.to, subject.contacts);
    assert!(sent.mail.text.contains("200 of 201") && sent.mail.text.contains("HTTP 500"), "{}", sent.mail.text);
    assert!(!sent.mail.html.contains("<script>") && !sent.mail.text.contains("hush"));
    let [event] = memory.queued.as_slice() else { panic!("{} events", memory.queued.len()) };
    assert_eq!(event.event_type, EventType::SubscriptionDisabled);
    assert_eq!(event.data["subscription"]["attempts"]["failed"], 200);
}

#[test]
fn what_fails_less_goes_on() {
    for (failures, successes, failing) in [(99, 1, 1), (9, 0, 0), (0, 50, 0)] {
        let world = FakeWorld::new();
        let subject = world.add_failing(1, failures, successes);
        let summary = run_once(&world);
        assert_eq!((summary.disabled, summary.failing, summary.mailed), (0, failing, 0), "{failures} {successes}");
        assert!(!is_disabled(&world.memory(), &subject));
    }
}

#[test]
fn twenty_runs_at_once_disable_each_of_fifty_once_and_mail_once() {
    let world = FakeWorld::new();
    for number in 1..=50 {
        world.add_failing(number, 20, 0);
    }
    let settings = Settings::default();
    let runs = block_on(join_all((0..20).map(|_| run(&world, &settings, Timestamp::MAX))));
    let mut all = Summary::default();
    for one in runs {
        all += one;
    }
    let memory = world.memory();
    assert_eq!((memory.disablings, all.disabled), (50, 50));
    assert_eq!((memory.sent.len(), all.mailed, all.faults), (50, 50, 0));
    // They did get in each other's way: most of the runs read what another changed.
    assert!(memory.calls["disable"] > 500, "{:?}", memory.calls);
    all_is_told(&memory, 50);
}

/// So many disablings, each told with one mail and one event (queued again it is the same one).
fn all_is_told(memory: &Memory, disablings: usize) {
    assert_eq!(memory.disablings, disablings);
    assert!(memory.notices.is_empty(), "{:?}", memory.notices.keys());
    let mut mails: BTreeMap<_, usize> = BTreeMap::new();
    for sent in &memory.sent {
        *mails.entry(sent.about.subscription.clone()).or_default() += 1;
    }
    assert_eq!(mails.len(), disablings);
    assert!(mails.values().all(|count| *count == 1), "{mails:?}");
    let events: std::collections::BTreeSet<_> = memory.queued.iter().map(|event| event.id.clone()).collect();
    assert_eq!(events.len(), disablings);
}

#[test]
fn a_crash_at_any_step_and_a_rerun_give_the_same() {
    let whole = FakeWorld::new();
    (1..=3).for_each(|number| drop(whole.add_failing(number, 20, 0)));
    run_once(&whole);
    let steps = whole.memory().effects;
    assert!(steps >= 3 * 6, "{steps}");
    for (step, answer_lost) in (1..=steps).flat_map(|step| [(step, false), (step, true)]) {
        let world = FakeWorld::new();
        (1..=3).for_each(|number| drop(world.add_failing(number, 20, 0)));
        world.crash_at(step, answer_lost);
        run_once(&world);
        world.memory().effects_left = None;
        // Whatever SES accepted, it says so, whoever sent it.
        let sent: Vec<_> = world.memory().sent.iter().map(|sent| sent.about.clone()).collect();
        for about in sent {
            block_on(confirm(&world, &about)).unwrap();
        }
        // At once the rest of it is done, but for a mail that may be on its way; that is waited for.
        run_once(&world);
        assert_eq!(world.memory().disablings, 3, "step {step}");
        world.pass(SignedDuration::from_mins(16));
        run_once(&world);
        all_is_told(&world.memory(), 3);
        assert_eq!(run_once(&world), Summary::default(), "nothing is left: step {step}, answer lost {answer_lost}");
    }
}

#[test]
fn a_change_meanwhile_wins() {
    let world = FakeWorld::new();
    world.add_failing(1, 200, 0);
    world.memory().changing = true;
    assert_eq!(run_once(&world), Summary { looked_at: 1, ..Summary::default() });
    assert!(world.memory().sent.is_empty());
}

#[test]
fn one_that_cannot_be_read_does_not_keep_the_others_from_it() {
    let world = FakeWorld::new();
    let (bad, good) = (world.add_failing(1, 200, 0), world.add_failing(2, 200, 0));
    world.memory().unreadable = Some(bad.key());
    let summary = run_once(&world);
    assert_eq!((summary.disabled, summary.mailed, summary.faults), (1, 1, 1));
    assert!(is_disabled(&world.memory(), &good));
}

#[test]
fn a_list_that_cannot_be_read_keeps_nothing_else_from_it() {
    for list in ["failing", "notices", "due states", "overdue backlogs"] {
        let world = FakeWorld::new();
        let subject = world.add_failing(1, 20, 0);
        let overdue =
            Backlog { wake_at: Some(world.now() - SignedDuration::from_mins(9)), ..Backlog::new(world.now()) };
        let other = world.add_failing(2, 20, 20);
        world.memory().backlogs.insert(other.key(), overdue);
        world.memory().unlistable.insert(list);
        let summary = run_once(&world);
        assert_eq!(summary.faults, 1, "{list}");
        assert_eq!(is_disabled(&world.memory(), &subject), list != "failing");
        assert_eq!(summary.repairs.timers, usize::from(list != "overdue backlogs"), "{list}");
    }
}

#[test]
fn a_backlog_of_a_suspended_tenant_is_left_alone_for_an_hour() {
    let world = FakeWorld::new();
    let subject = world.add_failing(1, 0, 20);
    let overdue = Backlog { wake_at: Some(world.now() - SignedDuration::from_mins(9)), ..Backlog::new(world.now()) };
    world.memory().backlogs.insert(subject.key(), overdue);
    world.memory().suspended.insert(subject.tenant.clone());
    assert_eq!(run_once(&world).repairs.timers, 0);
    let looked_at = world.memory().backlogs[&subject.key()].wake_at;
    assert_eq!(looked_at, Some(world.now() + SignedDuration::from_hours(1)));
    world.memory().suspended.clear();
    world.pass(SignedDuration::from_mins(64));
    assert_eq!(run_once(&world).repairs.timers, 1, "resumed, and its timer lost");
}

#[test]
fn what_was_deleted_or_disabled_is_forgotten() {
    let world = FakeWorld::new();
    let (deleted, off) = (world.add_failing(1, 200, 0), world.add_failing(2, 200, 0));
    world.memory().subscriptions.remove(&deleted.key());
    let disabled = off.disabled(world.now(), DisabledReason::ByRequest);
    world.memory().subscriptions.insert(off.key(), disabled);
    assert_eq!(run_once(&world), Summary { looked_at: 2, ..Summary::default() });
    assert!(world.memory().failing.is_empty());
}

#[test]
fn failing_and_recovered_are_told_once_each_and_mailed_if_so_wanted() {
    for mails_warnings in [false, true] {
        let settings = Settings { mails_warnings, ..Settings::default() };
        let world = FakeWorld::new();
        let subject = world.add_failing(1, 60, 40);
        let mailed = usize::from(mails_warnings);
        let expected = Summary { looked_at: 1, failing: 1, told: 1, mailed, ..Summary::default() };
        assert_eq!(run_with(&world, &settings), expected);
        assert_eq!(run_with(&world, &settings), Summary { looked_at: 1, ..Summary::default() });
        // A day later nothing failed any more.
        world.pass(SignedDuration::from_hours(25));
        let expected = Summary { looked_at: 1, recovered: 1, told: 1, ..Summary::default() };
        assert_eq!(run_with(&world, &settings), expected);
        let memory = world.memory();
        let told: Vec<_> = memory.queued.iter().map(|event| event.event_type).collect();
        assert_eq!(told, [EventType::SubscriptionFailing, EventType::SubscriptionRecovered]);
        assert!(memory.queued[0].sequence < memory.queued[1].sequence);
        assert_eq!(memory.sent.len(), mailed);
        assert!(!is_disabled(&memory, &subject));
    }
}

/// A backlog whose next look was due so long ago.
fn due(world: &FakeWorld, minutes_ago: i64) -> Backlog {
    let now = world.now();
    Backlog { wake_at: Some(now - SignedDuration::from_mins(minutes_ago)), ..Backlog::new(now) }
}

#[test]
fn a_lost_timer_is_set_again_and_others_are_left_alone() {
    let world = FakeWorld::new();
    let [lost, soon, leased] = [1, 2, 3].map(|number| world.add_failing(number, 0, 20));
    world.memory().failing.clear();
    let run_now = Backlog { lease_until: Some(world.now()), ..due(&world, 9) };
    let backlogs = [(lost.key(), due(&world, 4)), (soon.key(), due(&world, 2)), (leased.key(), run_now)];
    world.memory().backlogs = backlogs.into();
    let summary = run_once(&world);
    assert_eq!((summary.repairs.timers, summary.looked_at), (1, 0), "found by what is due, not by what fails");
    assert_eq!(world.memory().woken, [Wake::now(lost.key())]);
}

#[test]
fn the_backlog_of_what_is_disabled_rests() {
    let world = FakeWorld::new();
    let off = world.add_failing(1, 0, 20);
    let disabled = off.disabled(world.now(), DisabledReason::ByRequest);
    world.memory().subscriptions.insert(off.key(), disabled);
    let backlog = due(&world, 4);
    world.memory().backlogs.insert(off.key(), backlog);
    assert_eq!(run_once(&world).repairs.timers, 0);
    assert_eq!(world.memory().backlogs[&off.key()].wake_at, None);
    let looks = |world: &FakeWorld| world.memory().calls.get("backlog").copied().unwrap_or_default();
    let before = looks(&world);
    run_once(&world);
    assert_eq!(looks(&world), before, "it is due no more");
}

#[test]
fn runs_begin_all_over_a_list() {
    for length in [5, 10, 100, 2_000] {
        let begins = |run: i64| first_of(Timestamp::from_second(1_770_000_000 + run * 300).unwrap(), length);
        let mut first: Vec<usize> = (0..40).map(begins).collect();
        assert!(first.iter().all(|place| *place < length));
        first.sort_unstable();
        first.dedup();
        // With a quarter of a list done in a run, forty runs leave nothing out.
        let widest = first.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
        assert!(widest <= length.div_ceil(4), "{length}: {first:?}");
    }
    assert_eq!(first_of(Timestamp::UNIX_EPOCH, 0), 0);
}

#[test]
fn what_is_warned_of_by_mail_is_not_warned_of_again_within_a_day_though_it_was_disabled_between() {
    let settings = Settings { mails_warnings: true, ..Settings::default() };
    let world = FakeWorld::new();
    let subject = world.add_failing(1, 60, 40);
    assert_eq!(run_with(&world, &settings).mailed, 1);
    let off = subject.disabled(world.now(), DisabledReason::ByRequest);
    world.memory().subscriptions.insert(subject.key(), off);
    run_with(&world, &settings);
    world.memory().subscriptions.insert(subject.key(), subject.clone());
    world.pass(SignedDuration::from_hours(1));
    assert_eq!(run_with(&world, &settings).mailed, 0);
    assert_eq!(world.memory().sent.len(), 1);
}

#[test]
fn a_window_without_failures_is_forgotten() {
    let world = FakeWorld::new();
    world.add_failing(1, 5, 40);
    run_once(&world);
    assert_eq!(world.memory().failing.len(), 1);
    world.pass(SignedDuration::from_hours(25));
    run_once(&world);
    assert!(world.memory().failing.is_empty());
}

#[test]
fn a_run_without_time_left_begins_nothing() {
    let world = FakeWorld::new();
    (1..=3).for_each(|number| drop(world.add_failing(number, 20, 0)));
    let late = block_on(run(&world, &Settings::default(), world.now()));
    assert_eq!(late, Summary { left: 3, ..Summary::default() });
    assert_eq!(world.memory().disablings, 0);
}

#[test]
fn a_job_whose_step_is_lost_is_asked_for_again_until_it_ends() {
    let world = FakeWorld::new();
    let subscription = crate::fake::subscription(1).key();
    let id = spacehook_domain::ids::JobId::from_uuid(uuid::Uuid::from_u128(9));
    let key = JobKey { subscription, id };
    let job = Job::new(key.clone(), Work::Dead { died_before: world.now() }, None, world.now());
    world.memory().jobs.insert(key.clone(), job.clone());
    assert_eq!(run_once(&world), Summary::default(), "it may still come");
    world.pass(SignedDuration::from_mins(4));
    let repaired = Summary { repairs: Repairs { jobs: 1, ..Repairs::default() }, ..Summary::default() };
    assert_eq!(run_once(&world), repaired);
    assert_eq!(world.memory().steps, [JobStep::new(key.clone(), 1)]);
    let ended = job.ended(JobState::Done, None, world.now());
    world.memory().jobs.insert(key, ended);
    assert_eq!(run_once(&world), Summary::default());
}
