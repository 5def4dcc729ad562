//! Keeping what can't be delivered now: every change that the direct path makes to a backlog.

use crate::delivering::Dispatcher;
use crate::ports::{Changed, Drop, Fault, Standing, World};
use crate::report::Breakers;
use crate::routing::Task;
use jiff::{SignedDuration, Timestamp};
use spacehook_domain::backlog::{Appended, Backlog, Change, Dead, KeptKey, Lane, SLACK};
use spacehook_domain::breaker::{Breaker, Streak, after};
use spacehook_domain::event::Event;
use spacehook_domain::retry::DeadBecause;
use spacehook_domain::stats::Dropped;
use spacehook_domain::stream::Stream;
use spacehook_domain::subscription::{BacklogMode, Subscription};
use spacehook_domain::wake::Wake;
use std::sync::Arc;
use std::time::Duration;

/// How often a change is tried that others overtake, before it is a fault.
pub(crate) const TRIES: u32 = 12;
/// How long what a batch leaves may take to settle.
const TIME_TO_SETTLE: SignedDuration = SignedDuration::from_secs(3);
/// The first wait after a change that another overtook.
const AFTER_A_CONFLICT: Duration = Duration::from_millis(10);
/// Deliveries that one change drops from what waits, at most: a transaction has 100 items.
const TRIMMED_AT_ONCE: usize = 25;
/// Bytes of events that one change drops, at most: a transaction has 4 MB, and a batch may put 2.5 MB into it.
const TRIMMED_BYTES: usize = 1_000_000;
/// The shortest delay of a timer.
const SOON: Duration = Duration::from_secs(1);

/// How the first delivery of a line failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failed {
    /// The wait before it is tried again.
    pub(crate) wait: Duration,
    /// Whether the receiver failed, or we.
    pub(crate) is_receivers: bool,
}

/// Deliveries of one space that wait from now on.
#[derive(Debug)]
pub(crate) struct ToKeep {
    pub(crate) stream: Stream,
    pub(crate) tasks: Vec<Task>,
    /// How the first of them failed, where it was tried.
    pub(crate) failed: Option<Failed>,
}

impl ToKeep {
    pub(crate) fn new(stream: Stream, tasks: &[Task], failed: Option<Failed>) -> Self {
        Self { stream, tasks: tasks.to_vec(), failed }
    }
}

/// What is to be settled with the backlog of a subscription after a batch.
#[derive(Debug)]
pub(crate) struct Settlement {
    pub(crate) subscription: Arc<Subscription>,
    pub(crate) lines: Vec<ToKeep>,
    pub(crate) dead: Vec<(usize, Dead)>,
    pub(crate) streak: Streak,
    pub(crate) retry_after: Option<Duration>,
    /// More happens than the rate limit lets through, or than the receiver takes in time.
    pub(crate) is_too_much: bool,
    /// The receiver answered 410.
    pub(crate) gone: bool,
}

impl Settlement {
    pub(crate) fn of(subscription: Arc<Subscription>) -> Self {
        Self {
            subscription,
            lines: Vec::new(),
            dead: Vec::new(),
            streak: Streak::default(),
            retry_after: None,
            is_too_much: false,
            gone: false,
        }
    }

    /// The messages whose deliveries are settled only when this is.
    pub(crate) fn messages(&self) -> impl Iterator<Item = usize> {
        let kept = self.lines.iter().flat_map(|line| &line.tasks).map(|task| task.message);
        kept.chain(self.dead.iter().map(|(message, _)| *message))
    }

    fn failures(&self) -> impl Iterator<Item = Failed> {
        self.lines.iter().filter_map(|line| line.failed)
    }
}

/// What came of a settlement.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    pub(crate) drops: Vec<Drop>,
    pub(crate) breakers: Breakers,
}

/// A change that is about to be made, and what it means.
struct Draft {
    change: Change,
    drops: Vec<(Dropped, u64)>,
    /// Whether a lane is in it that waits for nothing but a run.
    ready: bool,
}

impl<W: World> Dispatcher<W> {
    /// Settles what a batch leaves of a subscription, in one change. An error means that nothing of it is settled.
    pub(crate) async fn settle(&self, mut settlement: Settlement, read: Standing) -> Result<Settled, Fault> {
        let subscription = settlement.subscription.clone();
        if settlement.gone {
            settlement.gone = self.disable(&subscription).await?;
        }
        let is_live = subscription.activity.is_enabled() && !settlement.gone;
        let mut timer: Option<Duration> = None;
        let mut standing = read;
        let began = self.world.now();
        for tries in 1..=TRIES {
            let now = self.world.now();
            if now.duration_since(began) > TIME_TO_SETTLE {
                break;
            }
            let backlog = if is_live { self.heard(&settlement, standing.backlog.as_ref(), now) } else { None };
            let draft = self.draft(&settlement, &standing, backlog.as_ref(), is_live).await?;
            if draft.change.is_empty() {
                return Ok(Settled::default());
            }
            // The timer first: without it, what is kept could wait for ever. One that comes for nothing does no harm.
            if let Some(wait) = needed_timer(&settlement, backlog.as_ref(), standing.backlog.as_ref(), now)
                && timer.is_none_or(|set| wait < set)
            {
                self.world.wake(&Wake::now(subscription.key()), wait).await?;
                timer = Some(wait);
            }
            if self.world.change(&draft.change).await? == Changed::Yes {
                if backlog.is_none() {
                    self.see_that_it_is_sent(&subscription, &draft, standing.backlog.as_ref(), now).await?;
                }
                let mut breakers = Breakers::default();
                if let Some(backlog) = &backlog {
                    breakers.changed(standing.backlog.as_ref(), backlog);
                }
                return Ok(Settled { drops: drops(&subscription, draft.drops, now), breakers });
            }
            // Those who met here must not meet again.
            self.world.sleep(AFTER_A_CONFLICT.mul_f64(f64::from(tries) * (1.0 + 0.9 * self.world.jitter()))).await;
            standing = self.standing(&subscription, settlement.lines.iter().map(|line| line.stream)).await?;
        }
        Err("other writers kept changing the backlog".into())
    }

    /// The backlog as it shall be after what was heard of the receiver; none where it need not change.
    fn heard(&self, settlement: &Settlement, read: Option<&Backlog>, now: Timestamp) -> Option<Backlog> {
        let mut backlog = read.cloned().unwrap_or_else(|| Backlog::new(now));
        backlog.hear(settlement.streak, now, settlement.retry_after, self.world.jitter());
        if settlement.is_too_much && backlog.breaker.is_closed() {
            // It is served aside since it is slow; that it also failed is not forgiven by that.
            let failures_in_a_row = backlog.failures_in_a_row;
            backlog.drain(now);
            backlog.failures_in_a_row = failures_in_a_row;
        }
        // Where it is not closed, a run looks at all lanes before it closes: what is appended needs no change of it, and
        // so many that fail at once do not fight for it.
        let has_failed = settlement.failures().next().is_some() && read.is_none_or(|read| read.breaker.is_closed());
        if has_failed {
            backlog.quiet_since = None;
        }
        // A lane that is made after a failure goes with a change of the backlog, so that no run can miss it.
        (has_failed || read.is_some_and(|read| *read != backlog) || (read.is_none() && settlement.is_too_much))
            .then_some(backlog)
    }

    async fn draft(
        &self,
        settlement: &Settlement,
        standing: &Standing,
        backlog: Option<&Backlog>,
        is_live: bool,
    ) -> Result<Draft, Fault> {
        let subscription = &settlement.subscription;
        let now = self.world.now();
        let mut draft = Draft { change: Change::of(subscription.key()), drops: Vec::new(), ready: false };
        if let Some(backlog) = backlog {
            draft.change.set_backlog(standing.backlog.as_ref(), backlog.clone());
        }
        for line in &settlement.lines {
            let read = standing.lanes.iter().find(|lane| lane.stream == line.stream);
            let mut lane = read.cloned().unwrap_or_else(|| Lane::new(line.stream, now));
            let events: Vec<&Event> = line.tasks.iter().map(|task| task.event.as_ref()).collect();
            let mut appended = lane.append(&events, subscription.backlog, now);
            if let (None, Some(failed)) = (read, line.failed) {
                mark(&mut lane, failed, now, is_live);
            }
            let is_being_sent = standing.backlog.as_ref().is_some_and(|backlog| backlog.is_leased(now));
            if read.is_some() && !is_being_sent {
                self.trim(subscription, &mut lane, &mut appended, &mut draft, now).await?;
            }
            if lane.not_before.is_none() && lane.failed_at.is_none() {
                draft.ready = true;
            }
            draft.drops.push((Dropped::Superseded, number_of(appended.delete.len())));
            draft.change.put.extend(appended.put);
            draft.change.delete.extend(appended.delete);
            draft.change.set_lane(read, lane);
        }
        draft.change.bury.extend(settlement.dead.iter().map(|(_, dead)| dead.clone()));
        draft.drops.push((Dropped::Dead, number_of(settlement.dead.len())));
        Ok(draft)
    }

    /// Drops from the front of a lane what has waited for too long, or is too much.
    async fn trim(
        &self,
        subscription: &Subscription,
        lane: &mut Lane,
        appended: &mut Appended,
        draft: &mut Draft,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let is_old = |since: Timestamp| now.duration_since(since) > self.settings.max_age;
        let is_full = |lane: &Lane| subscription.backlog == BacklogMode::All && lane.count > self.settings.lane_limit;
        let room = TRIMMED_AT_ONCE.saturating_sub(draft.change.bury.len());
        if room == 0 || !(is_old(lane.kept_since) || is_full(lane)) {
            return Ok(());
        }
        let mut bytes = 0;
        for kept in self.world.waiting(&subscription.key(), lane.stream, room).await? {
            bytes += kept.event.data.to_string().len();
            if bytes > TRIMMED_BYTES {
                break;
            }
            let because = if is_old(kept.kept_at) {
                DeadBecause::Expired
            } else if is_full(lane) {
                DeadBecause::BacklogFull
            } else {
                lane.kept_since = kept.kept_at;
                break;
            };
            let attempts = lane.next_attempt().0 - 1;
            let key = KeptKey::of(&kept.event);
            // A change names each delivery once: what a newer one has just taken the place of goes anyway, and what
            // is kept a second time, after a crash, is not.
            if appended.delete.contains(&key) {
                continue;
            }
            appended.put.retain(|kept| KeptKey::of(&kept.event) != key);
            lane.settled(&key, None);
            draft.change.delete.push(key);
            draft.change.bury.push(Dead { event: kept.event, died_at: now, because, reason: None, attempts });
            draft.drops.push((dropped(because), 1));
        }
        Ok(())
    }

    /// Something was appended without the backlog: a run that is just ending may not have seen it, or the subscription may have
    /// been enabled meanwhile. And where the timer of the backlog is lost, whoever passes sets another.
    async fn see_that_it_is_sent(
        &self,
        subscription: &Subscription,
        draft: &Draft,
        read: Option<&Backlog>,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let is_lost = subscription.activity.is_enabled() && read.is_some_and(|read| read.is_overdue(now));
        if is_lost && let Some(read) = read {
            return self.set_again(subscription, read, now).await;
        }
        let is_unseen = draft.ready
            && self.world.backlog(&subscription.key()).await?.is_some_and(|backlog| backlog.breaker.is_closed());
        if is_unseen {
            self.world.wake(&Wake::now(subscription.key()), SOON).await?;
        }
        Ok(())
    }

    /// Sets a timer in the place of one that is lost. Of many who notice, one does.
    async fn set_again(&self, subscription: &Subscription, read: &Backlog, now: Timestamp) -> Result<(), Fault> {
        let mut change = Change::of(subscription.key());
        change.set_backlog(Some(read), Backlog { wake_at: Some(now), lease_until: None, ..read.clone() });
        if self.world.change(&change).await? == Changed::Yes {
            self.world.wake(&Wake::now(subscription.key()), SOON).await?;
        }
        Ok(())
    }

    pub(crate) async fn standing(
        &self,
        subscription: &Subscription,
        streams: impl Iterator<Item = Stream>,
    ) -> Result<Standing, Fault> {
        let wanted = [(subscription.key(), streams.collect())];
        Ok(self.world.standings(&wanted).await?.pop().unwrap_or_default())
    }
}

/// The timer that must be set before the change is made, unless one comes in time anyway.
fn needed_timer(
    settlement: &Settlement,
    new: Option<&Backlog>,
    read: Option<&Backlog>,
    now: Timestamp,
) -> Option<Duration> {
    let lanes = settlement.failures().map(|failed| failed.wait);
    let drain = settlement.is_too_much.then_some(SOON);
    let probe = new.and_then(|new| match new.breaker {
        Breaker::Open { probe_at, .. } if read.is_none_or(|read| !read.breaker.is_open()) => {
            Some(Duration::try_from(probe_at.duration_since(now)).unwrap_or_default())
        }
        _ => None,
    });
    let needed = new.and(lanes.chain(drain).chain(probe).min())?.max(SOON);
    let due = after(now, needed);
    let comes = read.and_then(|read| read.wake_at.filter(|at| !read.is_overdue(now) && *at <= due + SLACK));
    if comes.is_some_and(|at| at > now) { None } else { Some(needed) }
}

pub(crate) fn drops(subscription: &Subscription, drops: Vec<(Dropped, u64)>, at: Timestamp) -> Vec<Drop> {
    let drop = |(why, count): (Dropped, u64)| {
        tracing::warn!(
            tenant = %subscription.tenant, subscription = %subscription.id, why = why.as_str(), count,
            "deliveries are dropped"
        );
        Drop { subscription: subscription.key(), since: subscription.activity.since(), at, why, count }
    };
    drops.into_iter().filter(|(_, count)| *count > 0).map(drop).collect()
}

/// What a lane that is made remembers of its first delivery.
fn mark(lane: &mut Lane, failed: Failed, now: Timestamp, is_live: bool) {
    let not_before = after(now, failed.wait);
    if failed.is_receivers {
        lane.failed(now, not_before);
    } else {
        lane.not_before = Some(not_before);
    }
    // Of a receiver that is gone nothing is tried before somebody enables it again.
    if !is_live {
        lane.not_before = None;
    }
}

/// How the counts call a death.
pub(crate) fn dropped(because: DeadBecause) -> Dropped {
    match because {
        DeadBecause::Expired => Dropped::Expired,
        DeadBecause::BacklogFull => Dropped::BacklogFull,
        DeadBecause::AttemptsExhausted | DeadBecause::DocumentRefused | DeadBecause::RefusedByPolicy => Dropped::Dead,
    }
}

pub(crate) fn number_of(things: usize) -> u64 {
    u64::try_from(things).unwrap_or(u64::MAX)
}
