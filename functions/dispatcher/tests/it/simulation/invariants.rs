//! What must hold of every simulation, seen from the receivers and from the table.
//!
//! Each has a name, by which a broken one is reported. Those that are seen while it runs are told where they are seen:
//! `one-probe` (at most one probe in flight while a breaker is open, and nothing else), `possible-writes` (nothing that
//! DynamoDB or SQS would refuse), `in-time` (no invocation runs into its timeout unless we fail), `no-storm` (timers do not multiply).

use crate::simulation::run::Run;
use crate::simulation::scenario::Kind;
use crate::world::{Arrival, Call, State};
use spacehook_domain::backlog::OnEnable;
use spacehook_domain::event::Event;
use spacehook_domain::ids::EventId;
use spacehook_domain::job::{JobState, Work};
use spacehook_domain::matching;
use spacehook_domain::stats::Dropped;
use spacehook_domain::stream::Stream;
use spacehook_domain::subscription::{BacklogMode, Subscription};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// An attempt's longest time.
const ATTEMPT: Duration = Duration::from_secs(5);
/// What a quick receiver takes at most.
const QUICK: Duration = Duration::from_millis(500);
/// What calls and polls may add to a healthy delivery's delay.
const SLACK: Duration = Duration::from_secs(2);

/// One subscription, with what concerns it.
struct Case<'a> {
    run: &'a Run,
    subscription: &'a Subscription,
    wanted: Vec<&'a (Duration, Event)>,
    arrivals: &'a [Arrival],
    taken: BTreeSet<&'a EventId>,
    dead: BTreeSet<&'a EventId>,
}

type Broken = Result<(), (&'static str, String)>;

/// Checks everything that can be told only in the end.
pub(crate) fn check(run: &Run) -> Broken {
    let state = run.cloud.state();
    ends(run, &state)?;
    poison(run, &state)?;
    if run.scenario.kind == Kind::Healthy {
        healthy_costs_nothing(run, &state)?;
    }
    for subscription in &run.scenario.subscriptions {
        let case = Case::of(run, &state, subscription);
        case.nothing_is_lost()?;
        case.nothing_overtakes(&state)?;
        case.doubles_are_explained(&state)?;
        case.rates_are_kept()?;
        case.superseded_adds_up(&state)?;
        case.neighbours_do_no_harm(&state)?;
        case.replays_are_whole_and_bounded(&state)?;
    }
    Ok(())
}

/// When all is quiet, no backlog, no lane, nothing kept and no note at a tenant remains.
fn ends(run: &Run, state: &State) -> Broken {
    if run.is_over {
        return Ok(());
    }
    let left = state.table.partitions.iter().filter(|(_, partition)| !partition.is_empty());
    let left = left.map(|(key, partition)| {
        let lanes: Vec<_> = partition.lanes.keys().map(|stream| stream.number()).collect();
        format!("{}: {:?}, lanes {lanes:?}, {} kept", key.id, partition.backlog, partition.kept.len())
    });
    let left: Vec<_> = left.collect();
    let notes: Vec<_> = state.table.tenants.values().flat_map(|tenant| &tenant.backlogs).collect();
    let queues = (state.events.is_empty(), state.retries.is_empty());
    Err((
        "ends",
        format!("a day after all recovered there still is {left:?}, noted {notes:?}, queues empty: {queues:?}"),
    ))
}

/// Poison is among the dead letters, once at least.
fn poison(run: &Run, state: &State) -> Broken {
    if let Some(other) = state.watch.buried.iter().find(|poison| !poison.message_id.starts_with("poison")) {
        return Err(("no-panic", format!("{} is among the dead letters: {}", other.message_id, other.cause)));
    }
    let ids: BTreeSet<_> = state.watch.buried.iter().map(|poison| &poison.message_id).collect();
    let found = ids.len() as u64;
    if found < run.poison {
        return Err((
            "nothing-lost",
            format!("{} poison messages, {found} of them among the dead letters", run.poison),
        ));
    }
    Ok(())
}

/// While every receiver accepts, a batch costs one read a tenant, and nothing else but lists of subscriptions, each with one
/// read of its tenant more.
fn healthy_costs_nothing(run: &Run, state: &State) -> Broken {
    let trouble = Call::OF_TROUBLE.iter().map(|call| (call, state.watch.calls_of(*call)));
    let extra: Vec<_> = trouble.filter(|(_, count)| *count > 0).collect();
    let reads = state.watch.calls_of(Call::Overview);
    let with_lists = run.overviews + state.watch.calls_of(Call::Subscriptions);
    if extra.is_empty() && (run.overviews..=with_lists).contains(&reads) {
        return Ok(());
    }
    Err(("healthy-cost", format!("{reads} reads of tenants for {}, and {extra:?}", run.overviews)))
}

impl<'a> Case<'a> {
    fn of(run: &'a Run, state: &'a State, subscription: &'a Subscription) -> Self {
        let key = subscription.key();
        let arrivals = state.watch.arrivals.get(&key).map(Vec::as_slice).unwrap_or_default();
        let dead = state.table.partitions.get(&key).map(|it| it.dead.as_slice()).unwrap_or_default();
        Self {
            run,
            subscription,
            wanted: run.sent.iter().filter(|(_, event)| matching::wants(subscription, event).is_ok()).collect(),
            arrivals,
            taken: arrivals.iter().filter(|arrival| arrival.taken).map(|arrival| &arrival.event).collect(),
            dead: dead.iter().map(|dead| &dead.event.id).collect(),
        }
    }

    fn name(&self) -> &str {
        self.subscription.id.as_str()
    }

    /// Whether the owner had what was kept then treated so.
    fn was_treated(&self, what: OnEnable, sent: Duration) -> bool {
        let key = self.subscription.key();
        self.run
            .treatments
            .iter()
            .any(|(at, of, done)| *of == key && *done == what && *at + Duration::from_secs(1) >= sent)
    }

    /// Every event reaches everybody who wants it, or is dead and listed, or gave way to a newer one that did, or was
    /// discarded because its owner asked for it.
    fn nothing_is_lost(&self) -> Broken {
        // By space and type, the newest that arrived or is listed.
        let mut newest: BTreeMap<_, u64> = BTreeMap::new();
        for (_, event) in &self.wanted {
            if self.taken.contains(&event.id) || self.dead.contains(&event.id) {
                let newest = newest.entry((event.stream(), event.event_type)).or_default();
                *newest = event.sequence.0.max(*newest);
            }
        }
        for (sent, event) in &self.wanted {
            let newer = newest.get(&(event.stream(), event.event_type)).copied().unwrap_or(0);
            let gives_way =
                self.subscription.backlog == BacklogMode::Latest || self.was_treated(OnEnable::Latest, *sent);
            // What was discarded may have been what the older ones gave way to.
            let is_accounted = newer >= event.sequence.0 && (gives_way || newer == event.sequence.0)
                || self.taken.contains(&event.id)
                || self.dead.contains(&event.id)
                || self.was_treated(OnEnable::Discard, *sent);
            if !is_accounted {
                let what = format!(
                    "{} never got {} of space {} (sequence {}), sent at {sent:?}",
                    self.name(),
                    event.id,
                    event.stream(),
                    event.sequence
                );
                return Err(("nothing-lost", what));
            }
        }
        Ok(())
    }

    /// What a receiver takes in of a space comes in order: whatever it sees for the first time and, where nothing of ours
    /// fails and it always answers in time, everything.
    fn nothing_overtakes(&self, state: &State) -> Broken {
        let is_strict = self.run.scenario.kind != Kind::Faulty && !self.run.scenario.is_late(self.subscription);
        let mut last: BTreeMap<Stream, u64> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for arrival in self.arrivals.iter().filter(|arrival| arrival.taken) {
            let is_first = seen.insert(&arrival.event);
            let last = last.entry(arrival.stream).or_default();
            // What gave way, and comes again since its message does, was never taken in and yet is a repetition.
            let is_repeated = arrival.settled && state.watch.may_repeat(&arrival.event, arrival.invocation);
            // What somebody asked for again takes its place by its sequence, though newer ones have been.
            let is_replayed = state.watch.is_replayed(&self.subscription.key(), &arrival.event, arrival.at);
            if arrival.sequence < *last && (is_first && !is_repeated || is_strict) && !is_replayed {
                let what = format!(
                    "{} got sequence {} of space {} after {last}, at {:?}",
                    self.name(),
                    arrival.sequence,
                    arrival.stream,
                    arrival.at
                );
                return Err(("no-overtaking", what));
            }
            *last = arrival.sequence.max(*last);
        }
        Ok(())
    }

    /// A receiver gets again what it took in only where the answer did not reach us, or the invocation crashed, ran out of
    /// time or met a fault of ours.
    fn doubles_are_explained(&self, state: &State) -> Broken {
        let mut before: BTreeMap<&EventId, &Arrival> = BTreeMap::new();
        for arrival in self.arrivals {
            if let Some(earlier) = before.get(&arrival.event)
                && earlier.heard
                && !state.watch.is_replayed(&self.subscription.key(), &arrival.event, arrival.at)
                && !state.watch.may_repeat(&arrival.event, earlier.invocation)
            {
                let what = format!(
                    "{} accepted sequence {} of space {} at {:?} and gets it again at {:?}",
                    self.name(),
                    arrival.sequence,
                    arrival.stream,
                    earlier.at,
                    arrival.at
                );
                return Err(("duplicates", what));
            }
            if arrival.taken {
                before.insert(&arrival.event, arrival);
            }
        }
        Ok(())
    }

    /// In any T seconds a receiver gets no more than its limit times (T + 2). The time from a permit to its request adds to
    /// it, more where calls are slow, and so do clocks that differ.
    fn rates_are_kept(&self) -> Broken {
        let Some(limit) = self.subscription.rate_limit_per_second else { return Ok(()) };
        let limit = f64::from(limit.per_second());
        let spare = if self.run.scenario.kind == Kind::Faulty { 5.0 } else { 2.25 };
        let mut times: Vec<f64> = self.arrivals.iter().map(|arrival| arrival.at.as_secs_f64()).collect();
        times.sort_by(f64::total_cmp);
        // n - limit * t, which no later moment may exceed by more than the spare: one pass instead of all pairs.
        let mut least = f64::MAX;
        for (place, time) in times.iter().enumerate() {
            #[expect(clippy::cast_precision_loss, reason = "some hundred attempts")]
            let sent = place as f64;
            least = least.min(sent - limit * time);
            if sent + 1.0 - limit * time - least > limit * spare + 0.001 {
                return Err(("rate-limit", format!("{} gets more than {limit} a second at {time:.3} s", self.name())));
            }
        }
        Ok(())
    }

    /// What was delivered, what that says it stands for, what is dead and what was discarded are together what was kept.
    fn superseded_adds_up(&self, state: &State) -> Broken {
        let key = self.subscription.key();
        let mut told: BTreeMap<&EventId, u64> = BTreeMap::new();
        let is_strict = self.run.scenario.kind != Kind::Faulty;
        for arrival in self.arrivals.iter().filter(|arrival| if is_strict { arrival.heard } else { arrival.taken }) {
            let told = told.entry(&arrival.event).or_default();
            *told = arrival.superseded.max(*told);
        }
        let dropped = |why: Dropped| -> u64 {
            let of = state.watch.drops.iter().filter(|drop| drop.subscription == key && drop.why == why);
            of.map(|drop| drop.count).sum()
        };
        let delivered = told.len() as u64;
        let superseded: u64 = told.values().sum();
        let (dead, discarded) = (self.dead.len() as u64, dropped(Dropped::Discarded));
        let wanted = self.wanted.len() as u64;
        let what = format!(
            "{}: {wanted} wanted, {delivered} delivered, {superseded} told as superseded, {} counted so, {dead} dead, \
             {discarded} discarded",
            self.name(),
            dropped(Dropped::Superseded)
        );
        let treated = self.was_treated(OnEnable::Discard, Duration::ZERO);
        // What had given way, and is asked for again, is delivered beside what stands for it.
        let is_replayed = state.watch.replayed.keys().any(|(of, _)| *of == key);
        let adds_up = match (is_strict && !is_replayed, dead + discarded > 0) {
            (true, false) => delivered + superseded == wanted,
            // The dead and the discarded took with them what they stood for: it is counted still.
            (true, true) => delivered + dead + discarded + dropped(Dropped::Superseded) >= wanted,
            (false, _) => treated || dead > 0 || delivered + superseded >= wanted,
        };
        if adds_up { Ok(()) } else { Err(("superseded-adds-up", what)) }
    }

    /// A job that came to its end has asked for each delivery that it should, once, and at its rate; one that was cancelled
    /// asks for none after it.
    fn replays_are_whole_and_bounded(&self, state: &State) -> Broken {
        let key = self.subscription.key();
        for job in state.table.jobs.values().filter(|job| job.key.subscription == key) {
            let Work::Since { window, .. } = &job.work else { continue };
            let again: BTreeMap<&EventId, &Vec<Duration>> =
                state.watch.replayed.iter().filter(|((of, _), _)| *of == key).map(|((_, id), at)| (id, at)).collect();
            let counts = job.counts;
            if counts.matched != counts.enqueued + counts.already_waiting || counts.matched > counts.examined {
                return Err(("replays", format!("{}: {counts:?}", job.key.id)));
            }
            let alone = state.table.jobs.values().filter(|other| other.key.subscription == key).count() == 1;
            let asked: usize = again.values().map(|times| times.len()).sum();
            if alone && (asked as u64 != counts.enqueued || again.values().any(|times| times.len() > 1)) {
                return Err(("replays", format!("{}: {asked} were asked for again, noted are {counts:?}", job.key.id)));
            }
            let wanted = self.wanted.iter().filter(|(_, event)| window.holds(event));
            let kept = wanted.filter(|(_, event)| state.table.kept_event(&event.tenant, &event.id).is_some()).count();
            // What is kept later than the job looked is not found.
            if job.state == JobState::Done && counts.matched > kept as u64 {
                return Err(("replays", format!("{}: {counts:?}, of {kept} kept", job.key.id)));
            }
            if let (true, Some(rate)) = (alone, job.rate_per_second) {
                let mut times: Vec<Duration> = again.values().flat_map(|times| times.iter().copied()).collect();
                times.sort_unstable();
                let most = usize::try_from(rate.per_second()).unwrap_or(usize::MAX);
                let spare = Duration::from_millis(900);
                if times
                    .windows(most + 1)
                    .any(|some| some[most].saturating_sub(some[0]) < spare && self.run.scenario.kind == Kind::Clean)
                {
                    return Err((
                        "replays",
                        format!("{} asks for more than {most} in a second: {times:?}", job.key.id),
                    ));
                }
            }
        }
        Ok(())
    }

    /// Where nothing of ours fails, a healthy receiver gets each event within its own time; a neighbour that hangs adds one
    /// attempt's time for each batch of the space that was taken before, since a message group is in one hand.
    fn neighbours_do_no_harm(&self, state: &State) -> Broken {
        if self.run.scenario.kind == Kind::Faulty || !self.is_steady() {
            return Ok(());
        }
        let host = self.subscription.url.trim_start_matches("https://").trim_end_matches("/hook");
        let slowest = self.run.scenario.receivers[host].slowest();
        let delays = self.delays();
        for (sent, event, at) in delays.iter().copied() {
            let ahead = self.batches_ahead(state, sent, event);
            // What of its space was before it when it was sent, each as slow as the slowest: that is its own doing.
            let is_before = |(before, other, accepted): &&(Duration, &Event, Duration)| {
                other.stream() == event.stream() && *before <= sent && *accepted >= sent
            };
            let waiting = u32::try_from(delays.iter().filter(is_before).count()).unwrap_or(u32::MAX);
            let own = slowest * waiting.max(10) + SLACK;
            let bound = own + (ATTEMPT + SLACK + self.run.scenario.poll) * (ahead + 1);
            if at.saturating_sub(sent) > bound {
                let what = format!(
                    "{} got sequence {} of stream {} {:?} after it was sent, with {ahead} batches ahead; the bound is \
                     {bound:?}",
                    self.name(),
                    event.sequence,
                    event.stream(),
                    at.saturating_sub(sent)
                );
                return Err(("neighbours", what));
            }
        }
        Ok(())
    }

    /// How many batches held up an event: those with others of its space that were taken before its own, and ended after
    /// it was sent.
    fn batches_ahead(&self, state: &State, sent: Duration, event: &Event) -> u32 {
        let own = state.watch.handled.get(&event.id).and_then(|all| all.first()).copied().unwrap_or(0);
        let before = self.run.sent.iter().filter(|(_, other)| {
            other.tenant == event.tenant && other.stream() == event.stream() && other.sequence < event.sequence
        });
        let batches = before.filter_map(|(_, other)| state.watch.handled.get(&other.id)).flatten();
        let ends = |id: &&usize| state.watch.invocations[**id].ended.is_none_or(|ended| ended >= sent);
        let ahead: BTreeSet<&usize> = batches.filter(|id| **id < own).filter(ends).collect();
        ahead.len() as u32
    }

    /// Whether nothing ever goes wrong with it.
    fn is_steady(&self) -> bool {
        self.run.scenario.steady.contains(&self.subscription.key())
    }

    /// When each event was sent, and when the receiver took it in.
    fn delays(&self) -> Vec<(Duration, &'a Event, Duration)> {
        let mut first: BTreeMap<&EventId, Duration> = BTreeMap::new();
        for arrival in self.arrivals.iter().filter(|arrival| arrival.taken) {
            first.entry(&arrival.event).or_insert(arrival.at);
        }
        let delay = |(sent, event): &&'a (Duration, Event)| Some((*sent, event, *first.get(&event.id)?));
        self.wanted.iter().filter_map(delay).collect()
    }

    /// How long a delivery took at most, of a quick receiver that never fails, where nothing of ours does.
    fn longest_delay(&self) -> Option<Duration> {
        let host = self.subscription.url.trim_start_matches("https://").trim_end_matches("/hook");
        let is_quick = self.run.scenario.receivers[host].slowest() <= QUICK;
        if self.run.scenario.kind == Kind::Faulty || !self.is_steady() || !is_quick {
            return None;
        }
        self.delays().into_iter().map(|(sent, _, at)| at.saturating_sub(sent)).max()
    }
}

/// The longest delay of a quick and healthy receiver, where nothing of ours fails.
pub(crate) fn longest_delay(run: &Run) -> Duration {
    let state = run.cloud.state();
    let of = |subscription| Case::of(run, &state, subscription).longest_delay();
    run.scenario.subscriptions.iter().filter_map(of).max().unwrap_or_default()
}

/// What receivers took in, and how much of it again.
pub(crate) fn deliveries(run: &Run) -> (u64, u64) {
    let state = run.cloud.state();
    let (mut first, mut again) = (0, 0);
    for arrivals in state.watch.arrivals.values() {
        let mut seen = BTreeSet::new();
        for arrival in arrivals.iter().filter(|arrival| arrival.taken) {
            if seen.insert(&arrival.event) { first += 1 } else { again += 1 }
        }
    }
    (first, again)
}
