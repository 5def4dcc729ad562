//! Delivering single batches, to receivers that refuse, fail and hang.

use crate::make;
use crate::world::{Call, Client, Cloud, Mode, Receiver, State};
use jiff::SignedDuration;
use proptest::prelude::*;
use spacehook_dispatcher::batch::{Content, Message};
use spacehook_dispatcher::delivering::Dispatcher;
use spacehook_dispatcher::ports::{Poison, Queue, Receipt, World as _};
use spacehook_dispatcher::report::{Breakers, Counted, Report};
use spacehook_dispatcher::settings::Settings;
use spacehook_domain::attempt::Outcome;
use spacehook_domain::backlog::Dead;
use spacehook_domain::breaker::Breaker;
use spacehook_domain::event::EventType;
use spacehook_domain::failure::FailureReason;
use spacehook_domain::filter::Filter;
use spacehook_domain::ids::SubscriptionKey;
use spacehook_domain::retry::DeadBecause;
use spacehook_domain::share::{Share, share_of};
use spacehook_domain::stats::Dropped;
use spacehook_domain::subscription::{Activity, DisabledReason, Subscription};
use spacehook_domain::wake::Wake;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

/// A dispatcher, and the world around it, whose calls take no time.
struct Bench {
    cloud: Arc<Cloud>,
    dispatcher: Dispatcher<Client>,
    client: Client,
}

impl Bench {
    /// Receivers by the name of their host; each has a subscription of `acme`, numbered from 1.
    fn of(receivers: &[(&str, Mode)]) -> Self {
        let cloud = Cloud::new(1, false);
        let client = Client::new(&cloud, SignedDuration::ZERO);
        let dispatcher = Dispatcher::new(client.clone(), Settings::default());
        let bench = Self { cloud, dispatcher, client };
        for (number, (host, mode)) in (1..).zip(receivers) {
            bench.add(make::subscription("acme", number, host), mode.clone());
        }
        bench
    }

    fn add(&self, subscription: Subscription, mode: Mode) {
        let host = subscription.url.trim_start_matches("https://").trim_end_matches("/hook").to_owned();
        let mut state = self.state();
        state.receivers.insert(host, Receiver::always(mode));
        state.table.save(subscription);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.cloud.state()
    }

    fn set(&self, host: &str, mode: Mode) {
        self.state().receivers.insert(host.to_owned(), Receiver::always(mode));
    }

    fn fail(&self, call: Call) {
        self.state().faults.broken.insert(call);
    }

    fn deliver(&self, messages: &[Message]) -> Report {
        self.deliver_within(messages, SignedDuration::from_secs(60))
    }

    /// What became of a batch, without what is counted of it ([`Self::count`]).
    fn deliver_within(&self, messages: &[Message], allowed: SignedDuration) -> Report {
        Report { counted: Counted::default(), ..self.deliver_whole(messages, allowed) }
    }

    /// What is counted of a batch.
    fn count(&self, messages: &[Message]) -> Counted {
        self.deliver_whole(messages, SignedDuration::from_secs(60)).counted
    }

    fn deliver_whole(&self, messages: &[Message], allowed: SignedDuration) -> Report {
        let deadline = self.client.now() + allowed;
        self.cloud.time.run(self.dispatcher.deliver(messages, deadline))
    }

    fn pass(&self, seconds: u64) {
        self.cloud.time.run(self.cloud.time.sleep(Duration::from_secs(seconds)));
    }

    /// What arrived: subscription, space and sequence, and when, in milliseconds.
    fn arrived(&self) -> Vec<(SubscriptionKey, u64, u64, u128)> {
        let state = self.state();
        let of = |(key, arrivals): (&SubscriptionKey, &Vec<crate::world::Arrival>)| {
            let one = |it: &crate::world::Arrival| (key.clone(), it.stream.number(), it.sequence, it.at.as_millis());
            arrivals.iter().map(one).collect::<Vec<_>>()
        };
        state.watch.arrivals.iter().flat_map(of).collect()
    }

    /// Space and sequence of what waits.
    fn waits(&self, number: u128) -> Vec<(u64, u64)> {
        let mut state = self.state();
        state.table.partition(&key(number)).kept.keys().map(|kept| (kept.stream.number(), kept.sequence.0)).collect()
    }

    fn reasons(&self) -> Vec<String> {
        let state = self.state();
        let reason = |outcome: &Outcome| match outcome {
            Outcome::Failed { reason, .. } => reason.to_string(),
            Outcome::Accepted { status } => format!("accepted {status}"),
        };
        state.watch.recorded.iter().map(|recorded| reason(&recorded.attempt.outcome)).collect()
    }

    /// The timers that are set: whole seconds from now, and their tickets.
    fn timers(&self) -> Vec<(u64, Option<u64>)> {
        let state = self.state();
        let now = self.cloud.time.elapsed();
        state.retries.timers().map(|(wake, at)| (at.saturating_sub(now).as_secs(), wake.ticket)).collect()
    }
}

fn key(number: u128) -> SubscriptionKey {
    make::subscription("acme", number, "").key()
}

fn message(id: String, queue: Queue, content: Content) -> Message {
    Message { receipt: Receipt { queue, handle: id.clone(), times: 1, first_at: None }, id, content }
}

fn happened_of(owner: &str, space: u64, event_type: EventType, sequence: u64) -> Message {
    let event = make::event(owner, space, event_type, sequence, make::at(Duration::ZERO));
    message(format!("{owner}-{space}-{sequence}"), Queue::Events, Content::Event(Box::new(event)))
}

fn happened(space: u64, sequence: u64) -> Message {
    happened_of("acme", space, EventType::SpaceReport, sequence)
}

fn wake(number: u128) -> Message {
    message(format!("wake {number}"), Queue::Retries, Content::Wake(Wake::now(key(number))))
}

fn accepted(accepted: usize) -> Report {
    Report { accepted, ..Report::default() }
}

#[test]
fn an_event_goes_to_every_subscription_that_matches() {
    let bench = Bench::of(&[("a", Mode::Accepts), ("b", Mode::Accepts)]);
    bench.add(make::subscription("other", 3, "other"), Mode::Accepts);
    let mut disabled = make::subscription("acme", 4, "disabled");
    disabled.activity = Activity::Disabled { since: disabled.created_at, reason: DisabledReason::ByRequest };
    bench.add(disabled, Mode::Accepts);
    assert_eq!(bench.deliver(&[happened(1, 1)]), Report { kept: 1, ..accepted(2) });
    let to: BTreeSet<_> = bench.arrived().into_iter().map(|(key, ..)| key).collect();
    assert_eq!(to, [key(1), key(2)].into());
    assert_eq!(bench.reasons(), ["accepted 204", "accepted 204"]);
    assert_eq!(bench.state().watch.recorded[0].attempt.freshness_ms, 60_003);
    assert!(bench.state().watch.recorded.iter().all(|it| it.attempt.trace_id == Some(make::trace())));
    assert_eq!(bench.waits(4), [(1, 1)], "kept while it is disabled");
    assert!(bench.timers().is_empty() && bench.state().table.partition(&key(4)).backlog.is_none());
}

#[test]
fn one_space_is_delivered_in_order_and_spaces_at_the_same_time() {
    let bench = Bench::of(&[("slow", Mode::Accepts)]);
    let second = Duration::from_millis(300);
    bench.state().receivers.get_mut("slow").unwrap().latency = (second, second);
    bench.deliver(&[happened(1, 1), happened(2, 1), happened(1, 2), happened(1, 3)]);
    let times = |space: u64, sequence: u64| -> Vec<u128> {
        let of = |it: &&(SubscriptionKey, u64, u64, u128)| (it.1, it.2) == (space, sequence);
        bench.arrived().iter().filter(of).map(|(.., at)| *at).collect()
    };
    assert_eq!((times(1, 1), times(2, 1)), (vec![100], vec![100]), "two spaces side by side");
    assert_eq!((times(1, 2), times(1, 3)), (vec![400], vec![700]), "one space in order");
}

#[test]
fn hanging_receivers_do_not_delay_the_others() {
    let hosts: Vec<_> = (0..48).map(|number| (format!("{number}"), number % 2 == 0)).collect();
    let mode = |hangs: bool| if hangs { Mode::Hangs } else { Mode::Accepts };
    let receivers: Vec<_> = hosts.iter().map(|(host, hangs)| (host.as_str(), mode(*hangs))).collect();
    let bench = Bench::of(&receivers);
    let messages: Vec<_> = (0..10).map(|space| happened(space, 1)).collect();
    let report = bench.deliver(&messages);
    assert_eq!((report.accepted, report.kept), (240, 240));
    let healthy: BTreeSet<_> = (1..=48).filter(|number| number % 2 == 0).map(key).collect();
    let slowest = bench.arrived().into_iter().filter(|(key, ..)| healthy.contains(key)).map(|(.., at)| at).max();
    assert!(slowest.unwrap() <= 100, "{slowest:?} ms: nobody waits for those who hang");
    assert!(bench.cloud.time.elapsed() <= Duration::from_millis(5_100), "one attempt's time, and no more");
}

#[test]
fn a_failure_waits_in_the_backlog_with_what_follows_it() {
    let bench = Bench::of(&[("a", Mode::Answers(503, None)), ("b", Mode::Accepts)]);
    let report = bench.deliver(&[happened(1, 1), happened(1, 2)]);
    assert_eq!(report, Report { failed: 1, kept: 2, ..accepted(2) });
    assert_eq!(bench.waits(1), [(1, 1), (1, 2)]);
    assert!(bench.reasons().contains(&"HTTP 503".to_owned()));
    let timers = bench.timers();
    assert!(matches!(timers[..], [(4..=6, None)]), "{timers:?}");
    let mut state = bench.state();
    assert_eq!(state.table.overview(&make::tenant("acme")).backlogs, [key(1).id].into());
    let partition = state.table.partition(&key(1));
    let lane = &partition.lanes[&crate::make::stream(1)];
    assert_eq!((lane.failures, lane.count, lane.next_attempt().0), (1, 2, 2));
    assert_eq!(partition.backlog.as_ref().unwrap().failures_in_a_row, 1);
}

#[test]
fn five_failures_open_the_breaker_and_a_probe_that_succeeds_drains_in_order() {
    let bench = Bench::of(&[("a", Mode::Answers(500, None))]);
    let messages: Vec<_> = (1..=6).map(|space| happened(space, 1)).collect();
    bench.deliver(&messages);
    let breaker = |bench: &Bench| bench.state().table.partition(&key(1)).backlog.as_ref().map(|it| it.breaker);
    assert!(matches!(breaker(&bench), Some(Breaker::Open { .. })), "{:?}", breaker(&bench));
    let before = bench.arrived().len();
    bench.deliver(&[happened(1, 2)]);
    assert_eq!(bench.arrived().len(), before, "nothing is sent while it is open");

    bench.pass(7);
    bench.deliver(&[wake(1)]);
    assert_eq!(bench.arrived().len(), before + 1, "one probe");
    bench.set("a", Mode::Accepts);
    bench.pass(13);
    bench.deliver(&[wake(1)]);
    assert!(bench.waits(1).is_empty(), "{:?}", bench.waits(1));
    assert_eq!(breaker(&bench), Some(Breaker::Closed));
    let of_first: Vec<_> = bench.arrived().into_iter().filter(|it| it.1 == 1).map(|it| it.2).collect();
    assert!(of_first.is_sorted() && of_first.ends_with(&[1, 2]), "{of_first:?}");
    assert_eq!(bench.deliver(&[happened(1, 3)]).accepted, 1, "new events go directly again");
}

#[test]
fn of_a_suspended_tenant_all_is_kept_and_nothing_tried_until_it_is_resumed() {
    let bench = Bench::of(&[("a", Mode::Accepts), ("b", Mode::Answers(503, None))]);
    let other = make::subscription("rival", 3, "c");
    bench.add(other, Mode::Accepts);
    let suspend =
        |suspended| bench.state().table.tenants.get_mut(&make::tenant("acme")).unwrap().is_suspended = suspended;
    suspend(true);
    let report = bench.deliver(&[happened(1, 1), happened_of("rival", 9, EventType::SpaceReport, 1), happened(1, 2)]);
    assert_eq!(report, Report { accepted: 1, kept: 4, ..Report::default() }, "others go on");
    bench.deliver(&[happened(2, 1)]);
    assert_eq!(bench.waits(1), [(1, 1), (1, 2), (2, 1)]);
    bench.pass(2);
    bench.deliver(&[wake(1), wake(2)]);
    assert_eq!(bench.arrived().len(), 1, "nothing is tried");
    let looked_at = bench.state().table.partition(&key(1)).backlog.as_ref().unwrap().wake_at;
    assert_eq!(looked_at, Some(bench.client.now() + SignedDuration::from_hours(1)));
    assert_eq!(bench.state().table.overview(&make::tenant("acme")).backlogs, [key(1).id, key(2).id].into());

    suspend(false);
    bench.deliver(&[happened(1, 3)]);
    assert_eq!(bench.arrived().len(), 1, "what waits goes first");
    bench.deliver(&[wake(1)]);
    let arrived: Vec<_> = bench.arrived().into_iter().filter(|it| it.0 == key(1)).map(|it| (it.1, it.2)).collect();
    let of_first: Vec<_> = arrived.iter().filter(|it| it.0 == 1).map(|it| it.1).collect();
    assert_eq!((arrived.len(), of_first), (4, vec![1, 2, 3]), "all of it, in order");
    assert_eq!(bench.deliver(&[happened(3, 1)]).accepted, 1, "new events go directly again");
}

#[test]
fn a_batch_says_what_is_to_be_counted_of_it() {
    let bench = Bench::of(&[("a", Mode::Answers(500, None)), ("b", Mode::Accepts)]);
    let messages: Vec<_> = (1..=6).map(|space| happened(space, 1)).collect();
    let counted = bench.count(&messages);
    let failures = counted.reasons.len();
    assert_eq!(counted.reasons, vec![FailureReason::from_http_status(500); failures]);
    assert!(failures >= 5);
    assert_eq!(counted.latencies_ms.len(), 6 + failures, "of every attempt");
    assert_eq!(counted.freshness_ms, [60_003; 6], "of what was accepted");
    assert_eq!(counted.breakers, Breakers { opened: 1, closed: 0 });
    assert!(counted.dropped.is_empty());

    bench.pass(7);
    assert_eq!(bench.count(&[wake(1)]).breakers, Breakers::default(), "a probe that failed");
    bench.set("a", Mode::Accepts);
    bench.pass(13);
    assert_eq!(bench.count(&[wake(1)]).breakers, Breakers { opened: 0, closed: 1 });
    bench.set("a", Mode::Answers(400, None));
    bench.count(&[happened(7, 1)]);
    bench.pass(10);
    bench.count(&[wake(1)]);
    bench.pass(40);
    assert_eq!(bench.count(&[wake(1)]).dropped, [(Dropped::Dead, 1)].into());
}

#[test]
fn what_is_under_way_when_the_breaker_opens_is_no_probe() {
    let bench = Bench::of(&[("a", Mode::Hangs)]);
    let messages: Vec<_> = (1..=4).map(|space| happened(space, 1)).collect();
    bench.deliver(&messages);
    bench.pass(7);
    bench.deliver(&[wake(1)]);
    let mut state = bench.state();
    let partition = state.table.partition(&key(1));
    let breaker = partition.backlog.as_ref().map(|backlog| backlog.breaker);
    assert!(matches!(breaker, Some(Breaker::Open { failed_probes: 0, .. })), "{breaker:?}");
    let counted: Vec<_> = partition.lanes.values().map(|lane| (lane.failures, lane.probes)).collect();
    assert_eq!(counted, [(2, 0); 4]);
}

#[test]
fn a_receiver_that_is_gone_is_disabled_and_its_deliveries_are_kept() {
    let bench = Bench::of(&[("a", Mode::Answers(410, None))]);
    assert_eq!(bench.deliver(&[happened(1, 1), happened(1, 2)]).kept, 2);
    let activity = bench.state().table.subscriptions[&key(1)].activity.clone();
    assert!(matches!(activity, Activity::Disabled { reason: DisabledReason::Gone, .. }), "{activity:?}");
    assert_eq!(bench.waits(1), [(1, 1), (1, 2)]);
    bench.deliver(&[happened(1, 3)]);
    assert_eq!((bench.arrived().len(), bench.waits(1).len()), (1, 3));
}

#[test]
fn a_filter_decides_what_is_sent_and_what_is_kept() {
    let bench = Bench::of(&[("all", Mode::Accepts)]);
    let spaces = |number, host: &str| Subscription {
        filter: Some(Filter::parse(serde_json::json!({"space": [{"numeric": [">", 1]}]})).unwrap()),
        ..make::subscription("acme", number, host)
    };
    bench.add(spaces(2, "some"), Mode::Accepts);
    let since = make::at(Duration::ZERO);
    let activity = Activity::Disabled { since, reason: DisabledReason::ByRequest };
    bench.add(Subscription { activity, ..spaces(3, "later") }, Mode::Accepts);
    bench.deliver(&[happened(1, 1), happened(2, 1)]);
    let of = |number: u128| -> Vec<u64> {
        bench.arrived().into_iter().filter(|it| it.0 == key(number)).map(|it| it.1).collect()
    };
    assert_eq!((of(1).len(), of(2), of(3)), (2, vec![2], vec![]));
    assert_eq!(bench.waits(3), [(2, 1)], "what it does not want is not kept for it either");
}

#[test]
fn what_a_deleted_subscription_left_behind_is_deleted_to_the_end() {
    let bench = Bench::of(&[("a", Mode::Answers(500, None)), ("b", Mode::Answers(500, None))]);
    let messages: Vec<_> = (1..=12).map(|space| happened(space, 1)).collect();
    bench.deliver(&messages);
    let died_at = make::at(Duration::ZERO);
    for number in [1, 2] {
        let event = make::event("acme", 99, EventType::SpaceReport, 1, died_at);
        let because = DeadBecause::AttemptsExhausted;
        let dead = Dead { event, died_at, because, reason: None, attempts: 8 };
        bench.state().table.partition(&key(number)).dead = vec![dead; 30];
    }
    bench.state().table.subscriptions.remove(&key(1));
    // It has so little time that one run is not enough.
    let mut runs = 0;
    loop {
        bench.pass(60);
        bench.deliver_within(&[wake(1)], SignedDuration::from_secs(12));
        runs += 1;
        let mut state = bench.state();
        let partition = state.table.partition(&key(1));
        if partition.is_empty() && partition.dead.is_empty() {
            break;
        }
        drop(state);
        assert!(
            bench.timers().iter().any(|(after, ticket)| (*after, *ticket) == (1, None)),
            "another run is asked for"
        );
        assert!(runs < 20);
    }
    assert!(runs > 1, "{runs}");
    let mut state = bench.state();
    let backlogs = state.table.overview(&make::tenant("acme")).backlogs;
    assert_eq!(backlogs, [key(2).id].into(), "the note of it is gone");
    let other = state.table.partition(&key(2));
    assert_eq!((other.dead.len(), other.is_empty()), (30, false), "the other's stays");
}

#[test]
fn dead_deliveries_of_a_deleted_subscription_go_though_nothing_waited() {
    let bench = Bench::of(&[("a", Mode::RefusedByPolicy)]);
    bench.deliver(&[happened(1, 1), happened(1, 2)]);
    bench.deliver(&[wake(1)]);
    assert_eq!(bench.state().table.partition(&key(1)).dead.len(), 2, "a run for nothing deletes nothing");
    bench.state().table.subscriptions.remove(&key(1));
    bench.deliver(&[wake(1)]);
    assert!(bench.state().table.partition(&key(1)).dead.is_empty());
}

#[test]
fn faults_of_ours_blame_no_receiver_and_lose_nothing() {
    let bench = Bench::of(&[("a", Mode::Accepts)]);
    bench.fail(Call::Overview);
    assert_eq!(bench.deliver(&[happened(1, 1)]).give_back, [0].into());
    assert!(bench.reasons().is_empty());

    let bench = Bench::of(&[("a", Mode::OurFault)]);
    let report = bench.deliver(&[happened(1, 1)]);
    assert_eq!(report, Report { kept: 1, ..Report::default() });
    assert!(bench.reasons().is_empty());
    assert_eq!(
        bench.state().table.partition(&key(1)).lanes[&crate::make::stream(1)].failures,
        0,
        "it was not an attempt"
    );

    for call in [Call::Wake, Call::Change] {
        let bench = Bench::of(&[("a", Mode::Answers(500, None))]);
        bench.fail(call);
        assert_eq!(bench.deliver(&[happened(1, 1), happened(2, 1)]).give_back, [0, 1].into(), "{call:?}");
    }

    let bench = Bench::of(&[("a", Mode::Accepts)]);
    bench.fail(Call::Record);
    assert_eq!(bench.deliver(&[happened(1, 1)]), accepted(1), "a lost log makes no second delivery");
}

#[test]
fn what_comes_again_is_not_overtaken() {
    let bench = Bench::of(&[("a", Mode::Answers(500, None))]);
    bench.fail(Call::Change);
    let report = bench.deliver(&[happened(1, 1), happened(1, 2), happened(2, 1)]);
    assert_eq!(report.give_back, [0, 1, 2].into());
    assert_eq!(bench.arrived().len(), 2, "one a space: the second of the first space waits for the first");
}

#[test]
fn one_tenants_fault_is_not_its_neighbours() {
    let bench = Bench::of(&[("a", Mode::Accepts)]);
    bench.state().faults.broken_tenants.insert(make::tenant("stranger"));
    let strangers = happened_of("stranger", 1, EventType::SpaceReport, 1);
    let report = bench.deliver(&[strangers, happened(1, 1)]);
    assert_eq!(report, Report { give_back: [0].into(), ..accepted(1) });
}

#[test]
fn what_follows_in_its_space_is_not_delivered_before_what_comes_again() {
    let bench = Bench::of(&[]);
    let mut both = make::subscription("acme", 1, "a");
    both.event_types = make::types().into();
    bench.add(both, Mode::Accepts);
    bench.state().faults.broken_types.insert(EventType::SpaceAvailability);
    let unread = happened_of("acme", 1, EventType::SpaceAvailability, 2);
    let report = bench.deliver(&[happened(1, 1), unread, happened(1, 3), happened(2, 1)]);
    assert_eq!((report.accepted, report.give_back), (2, [1, 2].into()));
    assert!(bench.arrived().iter().all(|(_, _, sequence, _)| *sequence != 3));
}

#[test]
fn subscriptions_are_read_again_when_the_version_changes_and_after_a_while() {
    let bench = Bench::of(&[("a", Mode::Accepts)]);
    let reads = || bench.state().watch.calls_of(Call::Subscriptions);
    bench.deliver(&[happened(1, 1), happened(2, 1)]);
    bench.deliver(&[happened(1, 2)]);
    assert_eq!(reads(), 1);
    bench.add(make::subscription("acme", 2, "new"), Mode::Accepts);
    assert_eq!((bench.deliver(&[happened(1, 3)]).accepted, reads()), (2, 2));
    bench.pass(31);
    bench.deliver(&[happened(1, 4)]);
    assert_eq!(reads(), 3);
}

#[test]
fn a_refusal_by_policy_is_final_and_listed() {
    let bench = Bench::of(&[("inside", Mode::RefusedByPolicy)]);
    let report = bench.deliver(&[happened(1, 1), happened(1, 2)]);
    assert_eq!((report.failed, report.give_back.len()), (2, 0));
    assert!(bench.reasons()[0].starts_with("refused by policy: "), "{:?}", bench.reasons());
    let mut state = bench.state();
    let dead: Vec<_> = state.table.partition(&key(1)).dead.iter().map(|dead| dead.because).collect();
    assert_eq!(dead, [DeadBecause::RefusedByPolicy; 2]);
    assert!(state.table.is_quiet());
}

#[test]
fn what_no_longer_fits_the_invocation_is_not_begun() {
    let bench = Bench::of(&[("a", Mode::Accepts)]);
    let messages: Vec<_> = (1..=3).map(|sequence| happened(1, sequence)).collect();
    let report = bench.deliver_within(&messages, SignedDuration::from_secs(6));
    assert_eq!((report.give_back, bench.arrived().len()), ([0, 1, 2].into(), 0));
}

#[test]
fn poison_is_buried_with_its_cause_and_touches_nobody() {
    let poison =
        Poison { message_id: "p".into(), group: Some("acme:1".into()), body: "{".into(), cause: "not an event".into() };
    let messages = [message("p".to_owned(), Queue::Events, Content::Poison(poison.clone())), happened(1, 1)];
    let bench = Bench::of(&[("a", Mode::Accepts)]);
    assert_eq!(bench.deliver(&messages), accepted(1));
    assert_eq!(bench.state().watch.buried, [poison]);
    let bench = Bench::of(&[("a", Mode::Accepts)]);
    bench.fail(Call::Bury);
    assert_eq!(bench.deliver(&messages).give_back, [0, 1].into(), "what follows in its space comes again with it");
}

#[test]
fn an_event_of_many_subscriptions_goes_out_in_shares() {
    let bench = Bench::of(&[("a", Mode::Accepts), ("b", Mode::Accepts)]);
    bench.state().table.tenants.get_mut(&make::tenant("acme")).unwrap().split.insert(EventType::SpaceReport);
    assert_eq!(bench.deliver(&[happened(1, 1)]), Report::default(), "the shares are queued, and nothing is sent yet");
    let event = make::event("acme", 1, EventType::SpaceReport, 1, make::at(Duration::ZERO));
    let share = Share::all(&event).find(|share| share.share == share_of(&key(2).id)).unwrap();
    assert_eq!(bench.deliver(&[message("s".to_owned(), Queue::Events, Content::Share(Box::new(share)))]).accepted, 1);
    assert_eq!(bench.arrived().into_iter().map(|(key, ..)| key).collect::<Vec<_>>(), [key(2)]);
}

proptest! {
    /// Whatever receivers do, every delivery is accepted, waiting, dead or given back, and each space is in order.
    #[test]
    fn nothing_is_lost_and_nothing_overtakes(
        statuses in prop::collection::vec(prop_oneof![Just(200_u16), Just(500), Just(422), Just(410), Just(0)], 1..5),
        events in prop::collection::btree_set((0_u64..3, 1_u64..6), 1..12),
        allowed_s in 5_i64..60,
    ) {
        let mode = |status: &u16| match status {
            200 => Mode::Accepts,
            0 => Mode::Hangs,
            status => Mode::Answers(*status, None),
        };
        let hosts: Vec<_> = (0..statuses.len()).map(|number| format!("r{number}")).collect();
        let receivers: Vec<_> = hosts.iter().map(String::as_str).zip(statuses.iter().map(mode)).collect();
        let bench = Bench::of(&receivers);
        let messages: Vec<_> = events.iter().map(|(space, sequence)| happened(*space, *sequence)).collect();
        let report = bench.deliver_within(&messages, SignedDuration::from_secs(allowed_s));
        prop_assert_eq!(report.accepted + report.failed, bench.arrived().len());
        prop_assert_eq!(bench.state().watch.recorded.len(), bench.arrived().len());
        for (number, status) in (1..).zip(&statuses) {
            let waits = bench.waits(number);
            let mut last: BTreeMap<u64, u64> = BTreeMap::new();
            for (_, space, sequence, _) in bench.arrived().into_iter().filter(|(to, ..)| *to == key(number)) {
                prop_assert!(last.insert(space, sequence).is_none_or(|last| last < sequence), "out of order");
            }
            for (place, (space, sequence)) in events.iter().enumerate() {
                let arrived = bench.arrived().iter().any(|it| (&it.0, it.1, it.2) == (&key(number), *space, *sequence));
                let is_settled = waits.contains(&(*space, *sequence)) || (arrived && *status == 200);
                prop_assert!(is_settled || report.give_back.contains(&place), "{space} {sequence} to {status}");
            }
        }
    }
}
