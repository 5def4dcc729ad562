//! The world as one process of the dispatcher has it.

use super::faults::{Course, Crash};
use super::receivers::Mode;
use super::watch::Arrival;
use super::{Call, Cloud, Sabotage, State};
use crate::make;
use jiff::{SignedDuration, Timestamp};
use spacehook_authentication::Outgoing;
use spacehook_delivery::AttemptResult;
use spacehook_dispatcher::batch::Content;
use spacehook_dispatcher::ports::{
    Advanced, Changed, Drop, Fault, Overview, Poison, Queue, Receipt, SpacesFound, Standing, World,
};
use spacehook_domain::backlog::{Backlog, Change, Dead, Kept, KeptKey, Lane};
use spacehook_domain::breaker::Breaker;
use spacehook_domain::credentials::{AuthSecret, Credentials};
use spacehook_domain::event::{Event, EventType};
use spacehook_domain::ids::{EventId, Sequence, SpaceId, SubscriptionKey, TenantId};
use spacehook_domain::job::{Job, JobKey, JobStep};
use spacehook_domain::kept_events::{Pack, Position, Scanned, Window};
use spacehook_domain::share::Share;
use spacehook_domain::signing::SigningSecret;
use spacehook_domain::stream::Stream;
use spacehook_domain::subscription::{Activity, DisabledReason, RateLimit, Subscription};
use spacehook_domain::wake::Wake;
use spacehook_store::RecordedAttempt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

/// A process of the dispatcher, and what it is connected to.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) cloud: Arc<Cloud>,
    /// The invocation that runs in it.
    invocation: Arc<AtomicUsize>,
    /// How much its clock is ahead.
    ahead: SignedDuration,
}

/// A request on its way: it lands when its invocation ends, however that ends.
struct Flight {
    cloud: Arc<Cloud>,
    number: u64,
}

impl std::ops::Drop for Flight {
    fn drop(&mut self) {
        self.cloud.state().watch.flights.remove(&self.number);
    }
}

impl Client {
    pub(crate) fn new(cloud: &Arc<Cloud>, ahead: SignedDuration) -> Self {
        Self { cloud: cloud.clone(), invocation: Arc::new(AtomicUsize::new(usize::MAX)), ahead }
    }

    /// The process works on this invocation from now on.
    pub(crate) fn serve(&self, invocation: usize) {
        self.invocation.store(invocation, Ordering::SeqCst);
    }

    fn serving(&self) -> usize {
        self.invocation.load(Ordering::SeqCst)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.cloud.state()
    }

    fn elapsed(&self) -> Duration {
        self.cloud.time.elapsed()
    }

    fn course(&self, call: Call) -> Course {
        let now = self.elapsed();
        self.state().course(self.serving(), call, now)
    }

    /// The process ends here and now: whoever polls it drops it.
    async fn crash(&self, call: Call) {
        let invocation = self.serving();
        self.cloud.note(format_args!("  invocation {invocation} crashes at {call:?}"));
        {
            let mut state = self.state();
            state.watch.crashes += 1;
            state.watch.kill(invocation);
        }
        std::future::pending::<()>().await;
    }

    /// Goes no further in a process that has ended.
    async fn live(&self) {
        let is_dead = self.state().watch.is_dead(self.serving());
        if is_dead {
            std::future::pending::<()>().await;
        }
    }

    /// One call: it takes its time, and whatever is drawn for it happens.
    async fn call<T: Send>(&self, call: Call, effect: impl FnOnce(&mut State, Course) -> T + Send) -> Result<T, Fault> {
        self.live().await;
        let course = self.course(call);
        self.cloud.time.sleep(course.out).await;
        if course.crash == Some(Crash::Before) {
            self.crash(call).await;
        }
        self.live().await;
        let result = if course.refused { None } else { Some(effect(&mut self.state(), course)) };
        if course.crash == Some(Crash::After) {
            self.crash(call).await;
        }
        self.cloud.time.sleep(course.back).await;
        self.live().await;
        if course.refused || course.ambiguous {
            let kind = if course.refused { "is refused" } else { "is done, and its answer lost" };
            self.cloud.note(format_args!("  invocation {}: {call:?} {kind}", self.serving()));
        }
        result.filter(|_| !course.ambiguous).ok_or_else(|| format!("the world failed: {call:?}").into())
    }

    /// A read of something of a backlog.
    fn seen(state: &State, backlog: Option<Backlog>) -> Option<Backlog> {
        let mut backlog = backlog?;
        if state.is_sabotaged(Sabotage::LeaseIgnored) {
            backlog.lease_until = None;
        }
        Some(backlog)
    }

    fn seen_lane(state: &State, mut lane: Lane) -> Lane {
        if state.is_sabotaged(Sabotage::SupersededForgotten) {
            lane.newest.values_mut().for_each(|newest| newest.superseded = 0);
        }
        lane
    }

    fn note_change(&self, change: &Change, changed: Changed) {
        let lanes: Vec<_> = change
            .lanes
            .iter()
            .map(|(stream, lane)| (stream.number(), lane.expected, lane.new.as_ref().map(|lane| lane.version)))
            .collect();
        let put: Vec<_> = change.put.iter().map(|kept| kept.event.sequence.0).collect();
        let deleted: Vec<_> = change.delete.iter().map(|key| key.sequence.0).collect();
        let backlog = change.backlog.as_ref().map(|it| {
            let new = it.new.as_ref();
            (it.expected, new.map(|new| (new.breaker, new.lease_until, new.wake_at, new.ticket, new.failures_in_a_row)))
        });
        self.cloud.note(format_args!(
            "  invocation {}: {changed:?}: change of {}: backlog {backlog:?} lanes {lanes:?} put {put:?} deleted \
             {deleted:?} buried {} note {:?}",
            self.serving(),
            change.subscription.id,
            change.bury.len(),
            change.enlist
        ));
    }
}

impl World for Client {
    async fn overview(&self, tenant: &TenantId) -> Result<Overview, Fault> {
        let overview = self.call(Call::Overview, |state, _| {
            let is_broken = state.faults.broken_tenants.contains(tenant);
            let mut overview = state.table.overview(tenant);
            if state.is_sabotaged(Sabotage::AllNoted) {
                overview.backlogs = state.table.subscriptions.keys().map(|key| key.id.clone()).collect();
            }
            (!is_broken).then_some(overview)
        });
        overview.await?.ok_or_else(|| "the tenant can't be read".into())
    }

    async fn subscriptions(&self, tenant: &TenantId, event_type: EventType) -> Result<Vec<Subscription>, Fault> {
        let listed = self.call(Call::Subscriptions, |state, _| {
            let is_broken = state.faults.broken_types.contains(&event_type);
            (!is_broken).then(|| state.table.listed(tenant, event_type))
        });
        listed.await?.ok_or_else(|| "the list can't be read".into())
    }

    async fn subscription(&self, key: &SubscriptionKey) -> Result<Option<Subscription>, Fault> {
        self.call(Call::Subscription, |state, _| state.table.subscriptions.get(key).cloned()).await
    }

    async fn attempt(&self, outgoing: Outgoing<'_>) -> Result<AttemptResult, Fault> {
        self.live().await;
        let course = self.course(Call::Attempt);
        self.cloud.time.sleep(course.out).await;
        self.live().await;
        if course.crash == Some(Crash::Before) {
            self.crash(Call::Attempt).await;
        }
        let is_shared = self.state().is_sabotaged(Sabotage::PlacesShared);
        let one_place = if is_shared { self.cloud.place.acquire().await.ok() } else { None };
        let headers = (outgoing.headers)(&credentials())?;
        let number = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        let sequence = number("spacehook-sequence").unwrap_or(0);
        let key = outgoing.subscription.key();
        let host = host(&outgoing.subscription.url);
        let (answer, flight) = {
            let now = self.elapsed();
            let mut state = self.state();
            let state = &mut *state;
            let receiver = state.receivers.get(host).ok_or("no such receiver")?;
            if course.refused || *receiver.mode(now) == Mode::OurFault {
                return Err("no file descriptors left".into());
            }
            let unbounded = state.sabotage == Some(Sabotage::AttemptsUnbounded);
            let deadline = if unbounded { Duration::from_secs(30) } else { outgoing.deadline };
            let answer = receiver.answer(now, sequence, deadline, &mut state.rng);
            (answer, Flight { number: state.take_off(&key, self.serving()), cloud: self.cloud.clone() })
        };
        self.cloud.time.sleep(answer.arrives).await;
        self.live().await;
        let body: serde_json::Value = serde_json::from_slice(&outgoing.body)?;
        let stream = Stream::of_space(SpaceId(body["space"].as_u64().unwrap_or(0)));
        let event_type = EventType::parse(body["event_type"].as_str().unwrap_or_default())?;
        let place = KeptKey { stream, sequence: Sequence(sequence), event_type };
        let arrival = Arrival {
            at: self.elapsed(),
            event: EventId::parse(headers["webhook-id"].to_str()?)?,
            stream,
            sequence,
            settled: self.state().table.partition(&key).settled.contains(&place),
            attempt: number("spacehook-attempt").and_then(|number| u32::try_from(number).ok()).unwrap_or(0),
            superseded: number("spacehook-superseded").unwrap_or(0),
            taken: answer.taken,
            heard: false,
            invocation: self.serving(),
        };
        self.cloud.note(format_args!(
            "  invocation {}: {host} {} space {} sequence {} attempt {} superseded {}",
            arrival.invocation,
            if arrival.taken { "takes" } else { "fails" },
            arrival.stream,
            arrival.sequence,
            arrival.attempt,
            arrival.superseded
        ));
        let place = {
            let mut state = self.state();
            let doubled = state.is_sabotaged(Sabotage::AttemptsDoubled) && state.watch.attempts.is_multiple_of(10);
            let arrivals = state.watch.arrivals.entry(key.clone()).or_default();
            arrivals.push(arrival.clone());
            let place = arrivals.len() - 1;
            if doubled {
                arrivals.push(arrival);
            }
            place
        };
        if course.crash == Some(Crash::After) {
            self.crash(Call::Attempt).await;
        }
        self.cloud.time.sleep(answer.ends.saturating_sub(answer.arrives)).await;
        self.live().await;
        std::mem::drop((flight, one_place));
        if course.ambiguous {
            return Err("the process ran out of memory".into());
        }
        if answer.outcome.is_accepted() {
            let mut state = self.state();
            let partition = state.table.partition(&key);
            partition.probed_by = partition.opened_at.and(Some(self.serving()));
            let arrivals = state.watch.arrivals.entry(key).or_default();
            arrivals[place].heard = true;
        }
        let duration = answer.ends;
        Ok(AttemptResult { outcome: answer.outcome, duration, retry_after: answer.retry_after, resent: false })
    }

    async fn standings(&self, wanted: &[(SubscriptionKey, BTreeSet<Stream>)]) -> Result<Vec<Standing>, Fault> {
        self.call(Call::Standings, |state, _| {
            let unseen = state.is_sabotaged(Sabotage::LanesUnseen);
            let mut standings = Vec::new();
            for (key, streams) in wanted {
                let Some(partition) = state.table.partitions.get(key) else {
                    standings.push(Standing::default());
                    continue;
                };
                let lanes = partition.lanes.values().filter(|lane| streams.contains(&lane.stream) && !unseen);
                let lanes = lanes.map(|lane| Self::seen_lane(state, lane.clone())).collect();
                let mut backlog = Self::seen(state, partition.backlog.clone());
                let breaker_unseen = unseen || state.is_sabotaged(Sabotage::BreakerUnseen);
                if let Some(backlog) = backlog.as_mut().filter(|_| breaker_unseen) {
                    (backlog.breaker, backlog.failures_in_a_row) = (Breaker::Closed, 0);
                }
                standings.push(Standing { backlog, lanes });
            }
            standings
        })
        .await
    }

    async fn backlog(&self, key: &SubscriptionKey) -> Result<Option<Backlog>, Fault> {
        self.call(Call::Backlog, |state, _| {
            let backlog = state.table.partition(key).backlog.clone();
            Self::seen(state, backlog)
        })
        .await
    }

    async fn lanes(&self, key: &SubscriptionKey) -> Result<Vec<Lane>, Fault> {
        self.call(Call::Lanes, |state, _| {
            let lanes: Vec<Lane> = state.table.partition(key).lanes.values().cloned().collect();
            lanes.into_iter().map(|lane| Self::seen_lane(state, lane)).collect()
        })
        .await
    }

    async fn waiting(&self, key: &SubscriptionKey, stream: Stream, most: usize) -> Result<Vec<Kept>, Fault> {
        self.call(Call::Waiting, |state, _| state.table.waiting(key, stream, most)).await
    }

    async fn change(&self, change: &Change) -> Result<Changed, Fault> {
        let changed = self.call(Call::Change, |state, course| {
            if course.conflict {
                return Changed::Conflict;
            }
            let now = self.elapsed();
            let sabotage = state.sabotage;
            match state.table.change(change, now, sabotage) {
                Ok(changed) => changed,
                Err(refused) => {
                    state.watch.violated("possible-writes", refused);
                    Changed::Conflict
                }
            }
        });
        let changed = changed.await?;
        self.note_change(change, changed);
        Ok(changed)
    }

    async fn purge(&self, key: &SubscriptionKey) -> Result<bool, Fault> {
        self.call(Call::Purge, |state, _| state.table.purge(key)).await
    }

    async fn wake(&self, wake: &Wake, after: Duration) -> Result<(), Fault> {
        self.call(Call::Wake, |state, _| {
            if after > Duration::from_mins(15) {
                state.watch.violated("possible-writes", format!("a timer of {after:?}; SQS delays by 900 s at most"));
            }
            let now = self.elapsed();
            let lost = state.watch.calls_of(Call::Wake) % 2 == 0 && state.is_sabotaged(Sabotage::TimersLost);
            let is_faulty = now < state.faults.until;
            if !lost && (!is_faulty || state.rng.f64() >= state.faults.lost) {
                state.retries.send(now, wake, after);
            }
        })
        .await?;
        let (invocation, id) = (self.serving(), &wake.subscription.id);
        self.cloud
            .note(format_args!("  invocation {invocation}: wakes {id} after {after:?}, ticket {:?}", wake.ticket));
        Ok(())
    }

    async fn share(&self, event: &Event) -> Result<(), Fault> {
        self.call(Call::Share, |state, course| {
            let now = self.elapsed();
            // Sent in several requests, of which the last may fail alone.
            let most = if course.ambiguous { state.rng.usize(0..32) } else { usize::MAX };
            for share in Share::all(event).take(most) {
                let id = format!("{}:{}", event.id, share.share);
                let group = format!("{}:{}:{}", event.tenant, event.stream(), share.share);
                state.events.send(now, &group, &id, Content::Share(Box::new(share)));
            }
        })
        .await
    }

    async fn disable(&self, subscription: &Subscription, at: Timestamp) -> Result<Changed, Fault> {
        let changed = self
            .call(Call::Disable, |state, _| {
                let Some(mut found) = state.table.subscriptions.get(&subscription.key()).cloned() else {
                    return Changed::Conflict;
                };
                if found.revision != subscription.revision || !found.activity.is_enabled() {
                    return Changed::Conflict;
                }
                found.activity = Activity::Disabled { since: at, reason: DisabledReason::Gone };
                found.revision += 1;
                state.table.save(found);
                Changed::Yes
            })
            .await?;
        self.cloud.note(format_args!("  {changed:?}: {} is disabled: gone", subscription.id));
        Ok(changed)
    }

    async fn permits(&self, key: &SubscriptionKey, limit: RateLimit, second: i64, wanted: u32) -> Result<u32, Fault> {
        self.call(Call::Permits, |state, _| match state.sabotage {
            Some(Sabotage::PermitsUnlimited) => wanted,
            _ => state.table.permits(key, limit, second, wanted),
        })
        .await
    }

    async fn bury(&self, poison: &Poison) -> Result<(), Fault> {
        self.call(Call::Bury, |state, _| state.watch.buried.push(poison.clone())).await?;
        self.cloud.note(format_args!("  {} is buried: {}", poison.message_id, poison.cause));
        Ok(())
    }

    async fn show_again(&self, receipt: &Receipt, after: Duration) -> Result<(), Fault> {
        self.call(Call::ShowAgain, |state, _| {
            let now = self.elapsed();
            match receipt.queue {
                Queue::Events => state.events.show_again(&receipt.handle, now, after),
                Queue::Retries => state.retries.show_again(&receipt.handle, now, after),
            }
        })
        .await
    }

    async fn record(&self, attempts: &[RecordedAttempt], drops: &[Drop], packs: &[Pack]) -> Result<(), Fault> {
        self.call(Call::Record, |state, _| {
            state.watch.recorded.extend_from_slice(attempts);
            state.watch.drops.extend_from_slice(drops);
            state.table.keep(packs);
        })
        .await
    }

    async fn job(&self, key: &JobKey) -> Result<Option<Job>, Fault> {
        self.call(Call::Job, |state, _| state.table.jobs.get(key).cloned()).await
    }

    async fn save_job(&self, read: &Job, new: &Job) -> Result<Changed, Fault> {
        let changed = self.call(Call::SaveJob, |state, _| state.table.save_job(read, new)).await?;
        let invocation = self.serving();
        self.cloud.note(format_args!("  invocation {invocation}: {changed:?}: {} is {:?}", new.key.id, new.state));
        Ok(changed)
    }

    async fn advance_job(&self, read: &Job, new: &Job, change: &Change, dead: &[Dead]) -> Result<Advanced, Fault> {
        let advanced = self.call(Call::AdvanceJob, |state, course| {
            if course.conflict {
                return Advanced::Conflict;
            }
            let now = self.elapsed();
            let sabotage = state.sabotage;
            match state.table.advance_job((read, new), change, dead, now, sabotage) {
                Ok(advanced) => {
                    if advanced == Advanced::Yes {
                        state.watch.note_replayed(change, now);
                    }
                    advanced
                }
                Err(refused) => {
                    state.watch.violated("possible-writes", refused);
                    Advanced::Conflict
                }
            }
        });
        let advanced = advanced.await?;
        let changed = if advanced == Advanced::Yes { Changed::Yes } else { Changed::Conflict };
        self.note_change(change, changed);
        Ok(advanced)
    }

    async fn next_step(&self, step: &JobStep, after: Duration) -> Result<(), Fault> {
        self.call(Call::NextStep, |state, _| {
            let now = self.elapsed();
            let lost = state.is_sabotaged(Sabotage::TimersLost);
            let is_faulty = now < state.faults.until;
            if !lost && (!is_faulty || state.rng.f64() >= state.faults.lost) {
                state.retries.send_step(now, step, after);
            }
        })
        .await
    }

    async fn kept_event(&self, tenant: &TenantId, id: &EventId) -> Result<Option<Event>, Fault> {
        self.call(Call::KeptEvent, |state, _| state.table.kept_event(tenant, id)).await
    }

    async fn kept_events(
        &self,
        tenant: &TenantId,
        window: Window,
        position: &Position,
        most: usize,
    ) -> Result<Scanned, Fault> {
        self.call(Call::KeptEvents, |state, _| state.table.scan(tenant, window, position, most)).await
    }

    async fn oldest_dead(
        &self,
        key: &SubscriptionKey,
        after: Option<(Timestamp, &EventId)>,
        before: Timestamp,
        most: usize,
    ) -> Result<Vec<Dead>, Fault> {
        self.call(Call::OldestDead, |state, _| state.table.oldest_dead(key, after, before, most)).await
    }

    async fn waiting_among(
        &self,
        key: &SubscriptionKey,
        places: &BTreeSet<KeptKey>,
    ) -> Result<BTreeSet<KeptKey>, Fault> {
        self.call(Call::WaitingAmong, |state, _| {
            let kept = &state.table.partition(key).kept;
            places.iter().filter(|place| kept.contains_key(place)).copied().collect()
        })
        .await
    }

    async fn spaces(&self, tenant: &TenantId, after: Option<&str>, most: usize) -> Result<SpacesFound, Fault> {
        self.call(Call::Spaces, |state, _| {
            let from: usize = after.map_or(0, |after| after.parse().unwrap());
            let of = state.table.spaces.iter().filter(|((of, _), _)| of == tenant);
            let all: Vec<_> = of.map(|(_, found)| found.clone()).collect();
            let to = (from + most).min(all.len());
            (all[from..to].to_vec(), (to < all.len()).then(|| to.to_string()))
        })
        .await
    }

    fn now(&self) -> Timestamp {
        make::at(self.elapsed()) + self.ahead
    }

    async fn sleep(&self, time: Duration) {
        self.live().await;
        self.cloud.time.sleep(time).await;
        self.live().await;
    }

    fn jitter(&self) -> f64 {
        self.state().rng.f64() * 2.0 - 1.0
    }
}

fn host(url: &str) -> &str {
    url.trim_start_matches("https://").split('/').next().unwrap_or_default()
}

fn credentials() -> Credentials {
    let signing_secrets = vec![SigningSecret::from_random([1; 32])];
    let auth = AuthSecret::Bearer { token: "t0ken".into() };
    Credentials { signing_secrets, auth, custom_headers: BTreeMap::new() }
}
