//! A run: a look at the backlog of one subscription, and the work that is due there.
//!
//! Runs are started by timers on the queue of retries. A timer says nothing but "look": it may come twice, late or for
//! nothing. What keeps two runs from sending at once is the lease in the backlog, taken by a conditional change. What
//! keeps timers from multiplying is the ticket: each run ends by setting one timer with the next number, and timers of
//! lower numbers are old.
//!
//! A run that crashes leaves its lease, which ends, and its timer, which SQS gives again. A timer that is lost all the
//! same is set again by the next delivery that is appended, or by health.

use crate::delivering::{Dispatcher, cause, told};
use crate::keeping::TRIES;
use crate::ports::{Changed, Fault, World};
use crate::report::Served;
use crate::sending::{Outcome, Sending, Stop};
use futures::FutureExt as _;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use spacehook_domain::backlog::{Backlog, Change, LEASE, LINGER, Lane, OnEnable, Plan, plan};
use spacehook_domain::breaker::Breaker;
use spacehook_domain::ids::SubscriptionKey;
use spacehook_domain::subscription::Subscription;
use spacehook_domain::wake::Wake;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use crate::batch::{Content, Message};
use crate::serving::AFTER_OUR_FAULT;

/// How long a run sends, at most; then it hands over to the next. Short, so that the other timers of its batch wait
/// for no more than this.
const RUN: SignedDuration = SignedDuration::from_secs(10);
/// A run begins no attempt in the last part of its lease: the attempt, and the change that settles it, fit in there.
pub(crate) const LAST_PART: SignedDuration = SignedDuration::from_secs(12);
/// The shortest and the longest delay of a timer.
const SOON: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(15);

/// What is said of a change that others overtook too often.
const OVERTAKEN: &str = "other writers kept changing the backlog";

/// What a run found at its first look.
enum Found {
    /// There is nothing to do, or somebody else does it.
    Done,
    /// The backlog is this run's for the time of the lease.
    Leased { backlog: Box<Backlog>, lanes: Vec<Lane> },
    /// It is not as it was read: look again. The lease may have been taken all the same, and then is as this.
    Again { instead_of: Option<Box<Backlog>> },
}

impl<W: World> Dispatcher<W> {
    /// Does the runs that a batch's timers ask for.
    pub(crate) async fn run_backlogs(&self, messages: &[Message], deadline: Timestamp) -> Vec<Served> {
        let each = messages.iter().enumerate().filter_map(|(place, message)| match &message.content {
            Content::Wake(wake) => Some(self.guarded_run(place, message, wake, deadline)),
            Content::Event(_) | Content::Share(_) | Content::Step(_) | Content::Poison(_) => None,
        });
        join_all(each).await
    }

    async fn guarded_run(&self, place: usize, message: &Message, wake: &Wake, deadline: Timestamp) -> Served {
        let key = &wake.subscription;
        let mut served = Served::default();
        let mut is_leased = false;
        let run = AssertUnwindSafe(self.run(wake, deadline, &mut served, &mut is_leased)).catch_unwind().await;
        let failed = match run {
            Ok(Ok(())) => false,
            Ok(Err(fault)) => {
                tracing::error!(
                    tenant = %key.tenant, subscription = %key.id, error = %fault, cause = cause(&fault),
                    message_id = message.id, "a run over a backlog failed; it comes again"
                );
                true
            }
            Err(panic) => {
                let cause = told(panic.as_ref());
                tracing::error!(tenant = %key.tenant, subscription = %key.id, cause, "a run over a backlog panicked");
                true
            }
        };
        if failed {
            served.give_back.insert(place);
        }
        if failed && is_leased {
            // While its lease lasts it could do nothing.
            served.waits.insert(place, Duration::try_from(LEASE).unwrap_or_default() + SOON);
        }
        served
    }

    async fn run(
        &self,
        wake: &Wake,
        deadline: Timestamp,
        served: &mut Served,
        is_leased: &mut bool,
    ) -> Result<(), Fault> {
        let key = &wake.subscription;
        let mut is_nudged = false;
        let mut asked_for: Option<Box<Backlog>> = None;
        for _ in 0..TRIES {
            let Some(backlog) = self.world.backlog(key).await? else {
                // There may be dead deliveries of a subscription that is gone.
                let is_gone = self.world.subscription(key).await?.is_none();
                return if is_gone { self.abandon(key, None, deadline).await } else { Ok(()) };
            };
            // An answer can get lost, and the write that it was of then looks like somebody else's.
            let is_ours = asked_for.as_deref() == Some(&backlog);
            if backlog.has_outlived(wake.ticket) {
                return Ok(());
            }
            if !is_ours && backlog.is_leased(self.world.now()) {
                if is_nudged {
                    return Ok(());
                }
                // Once more round: the run may have ended in this moment, and not have noticed.
                self.nudge(key, &backlog).await?;
                is_nudged = true;
                continue;
            }
            if self.world.overview(&key.tenant).await?.is_suspended {
                return self.rest(key, &backlog).await;
            }
            let Some(subscription) = self.world.subscription(key).await? else {
                return self.abandon(key, Some(&backlog), deadline).await;
            };
            if !subscription.activity.is_enabled() {
                return self.discard_while_disabled(&subscription, backlog, deadline, served, is_leased).await;
            }
            let found = if is_ours {
                Found::Leased { lanes: self.world.lanes(key).await?, backlog: Box::new(backlog) }
            } else {
                self.look(wake, backlog, &subscription, served).await?
            };
            match found {
                Found::Done => return Ok(()),
                Found::Again { instead_of } => asked_for = instead_of,
                Found::Leased { backlog, lanes } => {
                    *is_leased = true;
                    return self.work(&subscription, *backlog, lanes, deadline, served).await;
                }
            }
        }
        Err(OVERTAKEN.into())
    }

    /// Has the run that holds the lease look again before it ends: it can't set its timer on a changed backlog. Should
    /// it have crashed, its own message comes again after its lease has ended.
    async fn nudge(&self, key: &SubscriptionKey, read: &Backlog) -> Result<(), Fault> {
        let mut change = Change::of(key.clone());
        change.set_backlog(Some(read), read.clone());
        // A conflict means that somebody else has changed it, which does as well.
        self.world.change(&change).await?;
        Ok(())
    }

    /// Nothing is tried while the tenant is suspended. Resuming it asks for a run; should that get lost, health asks for
    /// one within the hour.
    async fn rest(&self, key: &SubscriptionKey, read: &Backlog) -> Result<(), Fault> {
        let mut change = Change::of(key.clone());
        let rested = read.at_rest(self.world.now());
        change.set_backlog(Some(read), rested);
        // In conflict with a dispatcher that keeps more: then its timer comes, and has this done.
        self.world.change(&change).await?;
        Ok(())
    }

    /// The subscription has been deleted, and so is whatever was kept for it: by this run as far as its time reaches, by
    /// the next ones that it asks for beyond. A dispatcher that still holds the subscription may append something
    /// meanwhile; it then sets a timer, as always, and so there is a run for that too.
    async fn abandon(&self, key: &SubscriptionKey, read: Option<&Backlog>, deadline: Timestamp) -> Result<(), Fault> {
        let mut is_gone = true;
        if let Some(read) = read {
            let mut change = Change::of(key.clone());
            change.delete_backlog(read);
            is_gone = self.world.change(&change).await? == Changed::Yes;
        }
        let until = (self.world.now() + RUN).min(deadline - LAST_PART);
        // At least once, so that each run gets on.
        loop {
            if self.world.purge(key).await? && is_gone {
                return Ok(());
            }
            if !is_gone || self.world.now() >= until {
                return self.world.wake(&Wake::now(key.clone()), SOON).await;
            }
        }
    }

    /// Nothing is sent while a subscription is disabled. What its owner discards goes all the same.
    async fn discard_while_disabled(
        &self,
        subscription: &Subscription,
        read: Backlog,
        deadline: Timestamp,
        served: &mut Served,
        is_leased: &mut bool,
    ) -> Result<(), Fault> {
        if read.treatment.is_none_or(|treatment| treatment.what != OnEnable::Discard) {
            return Ok(());
        }
        let key = subscription.key();
        let now = self.world.now();
        let leased = Backlog { lease_until: Some(now + LEASE), ..read.clone() };
        let mut change = Change::of(key.clone());
        change.set_backlog(Some(&read), leased.clone());
        if self.world.change(&change).await? == Changed::Conflict {
            return Err(OVERTAKEN.into());
        }
        *is_leased = true;
        let leased = leased.next();
        let until = (now + RUN).min(deadline - LAST_PART);
        let sending = Sending::new(subscription, leased.clone(), until);
        let mut is_done = true;
        for lane in self.world.lanes(&key).await? {
            self.treat(&sending, lane).await?;
            is_done = !sending.is_over(self.world.now());
            if !is_done {
                break;
            }
        }
        sending.into_outcome(served);
        let mut new = Backlog { lease_until: None, ..leased.clone() };
        if is_done {
            close(&mut new, subscription);
            new.wake_at = None;
        } else {
            self.set_timer(&key, &mut new, now, now).await?;
        }
        let mut change = Change::of(key);
        change.set_backlog(Some(&leased), new.clone());
        match self.world.change(&change).await? {
            Changed::Yes => {
                served.breakers.changed(Some(&leased), &new);
                Ok(())
            }
            Changed::Conflict => Err(OVERTAKEN.into()),
        }
    }

    /// Looks what is due, and takes the lease if anything is.
    async fn look(
        &self,
        wake: &Wake,
        read: Backlog,
        subscription: &Subscription,
        served: &mut Served,
    ) -> Result<Found, Fault> {
        let key = &wake.subscription;
        let now = self.world.now();
        let lanes = self.world.lanes(key).await?;
        let mut change = Change::of(key.clone());
        let mut new = read.clone();
        match plan(&read, &lanes, now) {
            Plan::Wait(at) => {
                let comes = read.wake_at.is_some_and(|set| set <= at && set > now) && wake.ticket.is_none();
                if comes {
                    return Ok(Found::Done);
                }
                self.set_timer(key, &mut new, at, now).await?;
            }
            Plan::Rest => {
                new.quiet_since = Some(now);
                self.set_timer(key, &mut new, now + LINGER, now).await?;
            }
            Plan::Close => new.breaker = Breaker::Closed,
            Plan::Delete => {
                change.delete_backlog(&read);
                let done = self.world.change(&change).await? == Changed::Yes;
                return Ok(if done { Found::Done } else { Found::Again { instead_of: None } });
            }
            Plan::Probe(_) | Plan::Send(_) => {
                new.lease_until = Some(now + LEASE);
                new.quiet_since = None;
                change.set_backlog(Some(&read), new.clone());
                let leased = self.world.change(&change).await? == Changed::Yes;
                let backlog = Box::new(new.next());
                return Ok(if leased {
                    Found::Leased { backlog, lanes }
                } else {
                    Found::Again { instead_of: Some(backlog) }
                });
            }
        }
        let has_closed = new.breaker != read.breaker;
        if has_closed {
            close(&mut new, subscription);
        }
        change.set_backlog(Some(&read), new.clone());
        let done = self.world.change(&change).await? == Changed::Yes;
        if done {
            served.breakers.changed(Some(&read), &new);
        }
        // Closed, there is more to look at: what a dispatcher appended that still saw it open, and when to rest.
        Ok(if done && !has_closed { Found::Done } else { Found::Again { instead_of: None } })
    }

    /// Sets the timer of the next run, and notes it.
    async fn set_timer(
        &self,
        key: &SubscriptionKey,
        backlog: &mut Backlog,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let wait = Duration::try_from(at.duration_since(now)).unwrap_or_default().clamp(SOON, LONGEST);
        backlog.ticket = backlog.ticket.saturating_add(1);
        self.world.wake(&Wake::timer(key.clone(), backlog.ticket), wait).await?;
        backlog.wake_at = Some(spacehook_domain::breaker::after(now, wait));
        Ok(())
    }

    /// Works as long as the lease and the invocation allow, and ends by handing over.
    async fn work(
        &self,
        subscription: &Subscription,
        leased: Backlog,
        mut lanes: Vec<Lane>,
        deadline: Timestamp,
        served: &mut Served,
    ) -> Result<(), Fault> {
        let began = self.world.now();
        let lease_ends = leased.lease_until.unwrap_or(began);
        let until = (began + RUN).min(lease_ends - LAST_PART).min(deadline - LAST_PART);
        let sending = Sending::new(subscription, leased.clone(), until);
        let mut fault = None;
        loop {
            let now = self.world.now();
            if sending.is_over(now) {
                break;
            }
            let done = match plan(&sending.backlog(), &lanes, now) {
                Plan::Probe(stream) => self.probe(&sending, &lanes, stream).await,
                Plan::Send(streams) => self.send_lanes(&sending, &lanes, &streams).await,
                Plan::Wait(_) | Plan::Close | Plan::Rest | Plan::Delete => break,
            };
            match async {
                done?;
                self.world.lanes(&subscription.key()).await
            }
            .await
            {
                Ok(read) => lanes = read,
                Err(error) => {
                    fault = Some(error);
                    break;
                }
            }
        }
        let outcome = sending.into_outcome(served);
        if let Some(fault) = fault {
            // The lease stays until it ends: what was sent and is not settled must not be sent by another meanwhile.
            return Err(fault);
        }
        self.hand_over(subscription, &leased, outcome, served).await
    }

    /// Ends a run: notes what it learnt, sets the next timer, and gives the lease back.
    async fn hand_over(
        &self,
        subscription: &Subscription,
        leased: &Backlog,
        outcome: Outcome,
        served: &mut Served,
    ) -> Result<(), Fault> {
        let key = subscription.key();
        let is_gone = outcome.stop == Some(Stop::Gone) && self.disable(subscription).await?;
        let mut read = Some(leased.clone());
        for _ in 0..TRIES {
            let Some(stored) = read.take() else { return Ok(()) };
            let now = self.world.now();
            let lanes = self.world.lanes(&key).await?;
            let mut new = merged(&stored, leased, &outcome.backlog);
            new.lease_until = None;
            let at = next_look(&mut new, &lanes, now, subscription);
            let at = if outcome.stop == Some(Stop::OurFault) {
                at.max(spacehook_domain::breaker::after(now, AFTER_OUR_FAULT))
            } else {
                at
            };
            if is_gone {
                new.wake_at = None;
            } else {
                self.set_timer(&key, &mut new, at, now).await?;
            }
            let has_closed = new.breaker.is_closed() && !stored.breaker.is_closed();
            let mut change = Change::of(key.clone());
            change.set_backlog(Some(&stored), new.clone());
            if self.world.change(&change).await? == Changed::Conflict {
                read = self.world.backlog(&key).await?;
                // Otherwise its answer was lost, and it is as it should be.
                if read.as_ref() != Some(&new.clone().next()) {
                    continue;
                }
            }
            served.breakers.changed(Some(&stored), &new);
            if has_closed && !is_gone {
                self.look_back(&key, &lanes).await?;
            }
            return Ok(());
        }
        Err(OVERTAKEN.into())
    }

    /// Looks once more after closing: a dispatcher that still saw the breaker open may have made a lane meanwhile, and
    /// one that looked later saw it closed and set a timer itself.
    async fn look_back(&self, key: &SubscriptionKey, before: &[Lane]) -> Result<(), Fault> {
        let lanes = self.world.lanes(key).await?;
        let is_new = |lane: &Lane| before.iter().all(|known| known.stream != lane.stream);
        if lanes.iter().any(is_new) {
            self.world.wake(&Wake::now(key.clone()), SOON).await?;
        }
        Ok(())
    }
}

/// Lets new events go directly again. What was decided at an enabling has been carried out.
fn close(backlog: &mut Backlog, subscription: &Subscription) {
    backlog.breaker = Breaker::Closed;
    backlog.treatment = None;
    backlog.paused_until = None;
    tracing::info!(tenant = %subscription.tenant, subscription = %subscription.id, "nothing waits that could be sent");
}

/// When to look again; closes, and notes that nothing waits, where that is so.
fn next_look(backlog: &mut Backlog, lanes: &[Lane], now: Timestamp, subscription: &Subscription) -> Timestamp {
    if plan(backlog, lanes, now) == Plan::Close {
        close(backlog, subscription);
    }
    match plan(backlog, lanes, now) {
        Plan::Wait(at) => at,
        Plan::Rest => {
            backlog.quiet_since = Some(now);
            now + LINGER
        }
        Plan::Probe(_) | Plan::Send(_) | Plan::Close | Plan::Delete => now,
    }
}

/// What is stored, with what the run learnt. Where others have decided about the breaker meanwhile, that holds: it is
/// newer.
fn merged(stored: &Backlog, leased: &Backlog, learnt: &Backlog) -> Backlog {
    let mut merged = stored.clone();
    if stored.breaker == leased.breaker && stored.treatment == leased.treatment {
        merged.breaker = learnt.breaker;
        merged.pace = learnt.pace;
        merged.paused_until = learnt.paused_until;
        if stored.failures_in_a_row == leased.failures_in_a_row {
            merged.failures_in_a_row = learnt.failures_in_a_row;
        }
    }
    merged
}
