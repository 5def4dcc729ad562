//! What a batch holds for one subscription: sent directly where nothing of it waits, appended to its backlog elsewhere.

use crate::attempting::{Delivery, Made};
use crate::delivering::{Dispatcher, TIME_FOR_AN_ATTEMPT};
use crate::keeping::{Failed, Settlement, ToKeep};
use crate::ports::{Fault, Standing, World};
use crate::report::Served;
use crate::routing::{Job, Line, Task};
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use spacehook_domain::backlog::Dead;
use spacehook_domain::breaker::{OPENS_AFTER, Streak};
use spacehook_domain::retry::{AfterFailure, AttemptNumber, DeadBecause, Failure, after_failure};
use spacehook_domain::subscription::Subscription;
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Attempts to one receiver at once, at most, of one invocation.
pub(crate) const CONCURRENT_ATTEMPTS_OF_ONE: usize = 8;
/// How long a batch may send to one receiver, about: as long as one attempt.
const TIME_OF_A_BATCH: SignedDuration = SignedDuration::from_secs(5);
/// An attempt that is accepted, but takes longer, has its receiver served from the backlog until that is empty.
const PATIENCE: SignedDuration = SignedDuration::from_secs(2);
/// The same while events wait for the batches before theirs.
const PATIENCE_WHEN_LATE: SignedDuration = SignedDuration::from_millis(200);
/// Events that are older than this when their batch begins have waited for others.
const LATE: SignedDuration = SignedDuration::from_secs(5);
/// How soon a delivery is tried again that a fault of ours prevented.
pub(crate) const AFTER_OUR_FAULT: Duration = Duration::from_secs(5);

/// What the lines of one subscription tell each other while they are sent.
#[derive(Debug)]
struct Heard {
    began: Timestamp,
    slowest: SignedDuration,
    slowest_accepted: SignedDuration,
    streak: Streak,
    before: u32,
    retry_after: Option<Duration>,
    gone: bool,
}

impl Heard {
    fn new(began: Timestamp, before: u32) -> Self {
        let (zero, streak) = (SignedDuration::ZERO, Streak::default());
        Self { began, slowest: zero, slowest_accepted: zero, streak, before, retry_after: None, gone: false }
    }

    /// Takes in how long an attempt took.
    fn took(&mut self, time: SignedDuration, is_accepted: bool) {
        self.slowest = self.slowest.max(time);
        if is_accepted {
            self.slowest_accepted = self.slowest_accepted.max(time);
        }
    }

    /// Whether another attempt like those before would end too late.
    fn is_slow(&self, now: Timestamp) -> bool {
        now.duration_since(self.began) + self.slowest > TIME_OF_A_BATCH
    }

    /// Whether the receiver gets nothing more of this batch.
    fn is_enough(&self) -> bool {
        self.gone || self.streak.added_to(self.before) >= OPENS_AFTER
    }
}

/// Why a line ended before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// Its next delivery failed, or a fault of ours prevented it.
    Failed(Failed),
    /// Nothing more is sent to the receiver.
    Enough,
    /// The rate limit allows no more in this second.
    OverLimit,
    /// It accepts so slowly that the rest would keep the next events of the batch's spaces waiting, for others too.
    Slow,
    /// The invocation has no time for another attempt.
    NoTime,
}

/// What became of a line that was sent directly.
#[derive(Debug)]
struct Sent {
    line: Line,
    /// How many of its deliveries are settled, from the first on.
    settled: usize,
    stop: Option<Stop>,
    dead: Vec<(usize, Dead)>,
}

impl<W: World> Dispatcher<W> {
    /// Sends and keeps what a batch holds for one subscription. `standing` is what of its backlog concerns the batch;
    /// `at_once` is how many attempts run at the same time.
    pub(crate) async fn serve(&self, job: Job, standing: Standing, at_once: usize, deadline: Timestamp) -> Served {
        let Job { subscription, lines, is_held } = job;
        let mut served = Served::default();
        let patience = patience(&lines, self.world.now());
        let (direct, kept) = if is_held { (Vec::new(), lines) } else { split(&subscription, lines, &standing) };
        let mut settlement = Settlement::of(subscription.clone());
        settlement.lines = kept.into_iter().map(|line| ToKeep::new(line.stream, &line.tasks, None)).collect();

        let (direct, over_limit) = self.within_limit(&subscription, direct).await;
        let before = standing.backlog.as_ref().map_or(0, |backlog| backlog.failures_in_a_row);
        let heard = Mutex::new(Heard::new(self.world.now(), before));
        let record = Mutex::new(Vec::new());
        let work: Vec<_> =
            direct.into_iter().map(|line| self.send(&subscription, line, &heard, &record, deadline)).collect();
        let sent: Vec<Sent> = futures::stream::iter(work).buffer_unordered(at_once).collect().await;

        let heard = heard.into_inner().unwrap_or_else(PoisonError::into_inner);
        (settlement.streak, settlement.retry_after, settlement.gone) = (heard.streak, heard.retry_after, heard.gone);
        // What is held gets a backlog that drains, so that it is found when its tenant is resumed.
        settlement.is_too_much = over_limit || heard.slowest_accepted > patience || is_held;
        served.attempts = record.into_inner().unwrap_or_else(PoisonError::into_inner);
        for line in sent {
            take_in(line, &mut settlement, &mut served);
        }
        let kept: BTreeSet<usize> = settlement.messages().collect();
        let waiting = settlement.lines.iter().map(|line| line.tasks.len()).sum::<usize>();
        match self.settle(settlement, standing).await {
            Ok(settled) => {
                served.drops.extend(settled.drops);
                served.breakers = settled.breakers;
                served.kept += waiting;
            }
            Err(fault) => {
                let cause = fault.source().map(ToString::to_string);
                tracing::error!(
                    tenant = %subscription.tenant, subscription = %subscription.id, error = %fault, cause,
                    "deliveries could not be kept; their messages go back"
                );
                served.give_back.extend(kept);
            }
        }
        served
    }

    /// Takes what the rate limit allows of these lines, in the order of the batch; the second part says whether it was
    /// less than all.
    async fn within_limit(&self, subscription: &Subscription, lines: Vec<Line>) -> (Vec<(Line, usize)>, bool) {
        let all = lines.iter().map(|line| line.tasks.len()).sum::<usize>();
        let Some(limit) = subscription.rate_limit_per_second.filter(|_| all > 0) else {
            return (lines.into_iter().map(|line| (line, usize::MAX)).collect(), false);
        };
        let wanted = u32::try_from(all).unwrap_or(u32::MAX);
        let second = self.world.now().as_second();
        let granted = self.world.permits(&subscription.key(), limit, second, wanted).await.unwrap_or_else(|fault| {
            tracing::error!(
                tenant = %subscription.tenant, subscription = %subscription.id, error = %fault,
                "the rate limit can't be looked up; nothing is sent directly"
            );
            0
        });
        let mut places: Vec<usize> = lines.iter().flat_map(|line| &line.tasks).map(|task| task.message).collect();
        places.sort_unstable();
        let allowed = usize::try_from(granted).unwrap_or(usize::MAX);
        let first_refused = places.get(allowed).copied().unwrap_or(usize::MAX);
        let limited = |line: Line| {
            let sent = line.tasks.iter().take_while(|task| task.message < first_refused).count();
            (line, sent)
        };
        (lines.into_iter().map(limited).collect(), allowed < all)
    }

    /// Sends a line, one delivery after the other, until one fails.
    async fn send(
        &self,
        subscription: &Subscription,
        (line, allowed): (Line, usize),
        heard: &Mutex<Heard>,
        record: &Mutex<Vec<spacehook_store::RecordedAttempt>>,
        deadline: Timestamp,
    ) -> Sent {
        let mut sent = Sent { settled: 0, stop: None, dead: Vec::new(), line };
        while let Some(task) = sent.line.tasks.get(sent.settled) {
            let now = self.world.now();
            if lock(heard).is_enough() {
                sent.stop = Some(Stop::Enough);
            } else if sent.settled >= allowed {
                sent.stop = Some(Stop::OverLimit);
            } else if now + TIME_FOR_AN_ATTEMPT > deadline {
                sent.stop = Some(Stop::NoTime);
            } else if lock(heard).is_slow(now) {
                sent.stop = Some(Stop::Slow);
            }
            if sent.stop.is_some() {
                break;
            }
            let number = AttemptNumber::FIRST;
            let body = Some(task.body.as_ref());
            let delivery = Delivery { subscription, event: &task.event, number, superseded: None, body };
            let Ok(made) = self.attempt(delivery).await else {
                sent.stop = Some(Stop::Failed(Failed { wait: AFTER_OUR_FAULT, is_receivers: false }));
                break;
            };
            lock(heard).took(took(&made), made.failure().is_none());
            let stop = match made.failure() {
                None => {
                    lock(heard).streak.success();
                    Ok(())
                }
                Some(reason) => {
                    let failure = Failure { reason, failures: 1, attempts: 1, retry_after: made.retry_after };
                    let next = after_failure(failure, &self.settings.schedule, self.world.jitter());
                    let mut heard = lock(heard);
                    // What policy refuses never reached a receiver, and says nothing of it.
                    if next != AfterFailure::Dead(DeadBecause::RefusedByPolicy) {
                        heard.streak.failure();
                        heard.retry_after = heard.retry_after.max(made.retry_after);
                    }
                    heard.gone |= next == AfterFailure::Disable;
                    match next {
                        AfterFailure::Retry(wait) => Err(Failed { wait, is_receivers: true }),
                        AfterFailure::Disable => Err(Failed { wait: AFTER_OUR_FAULT, is_receivers: true }),
                        AfterFailure::Dead(because) => {
                            sent.dead.push((task.message, self.dead(task, because, Some(*reason))));
                            Ok(())
                        }
                    }
                }
            };
            record.lock().unwrap_or_else(PoisonError::into_inner).push(made.recorded);
            match stop {
                Ok(()) => sent.settled += 1,
                Err(failed) => {
                    sent.stop = Some(Stop::Failed(failed));
                    break;
                }
            }
        }
        sent
    }

    fn dead(
        &self,
        task: &Task,
        because: DeadBecause,
        reason: Option<spacehook_domain::failure::FailureReason>,
    ) -> Dead {
        Dead { event: task.event.as_ref().clone(), died_at: self.world.now(), because, reason, attempts: 1 }
    }

    /// Disables the subscription of a receiver that is gone; false where it has been changed meanwhile.
    pub(crate) async fn disable(&self, subscription: &Subscription) -> Result<bool, Fault> {
        let disabled = self.world.disable(subscription, self.world.now()).await? == crate::ports::Changed::Yes;
        if disabled {
            tracing::warn!(
                tenant = %subscription.tenant, subscription = %subscription.id,
                "a subscription is disabled: its receiver answered 410 Gone"
            );
        }
        Ok(disabled)
    }
}

/// How long an attempt may take. A batch ends with its slowest, and the next events of its spaces wait for that, whoever
/// wants them. So a receiver that is always slow would hold everybody up; it is served aside, at its own pace.
fn patience(lines: &[Line], now: Timestamp) -> SignedDuration {
    let is_late = |task: &Task| now.duration_since(task.event.received_at) > LATE;
    let are_late = lines.iter().flat_map(|line| &line.tasks).any(is_late);
    if are_late { PATIENCE_WHEN_LATE } else { PATIENCE }
}

/// How long the receiver took: what it took us to begin is none of its doing.
fn took(made: &Made) -> SignedDuration {
    SignedDuration::from_millis(i64::try_from(made.recorded.attempt.duration_ms).unwrap_or(i64::MAX))
}

/// Which lines are sent directly, and which are appended to what waits.
fn split(subscription: &Subscription, lines: Vec<Line>, standing: &Standing) -> (Vec<Line>, Vec<Line>) {
    let flows = standing.backlog.as_ref().is_none_or(|backlog| backlog.breaker.is_closed());
    if !flows || !subscription.activity.is_enabled() {
        return (Vec::new(), lines);
    }
    lines.into_iter().partition(|line| standing.lanes.iter().all(|lane| lane.stream != line.stream))
}

/// What a line that was sent leaves to be settled.
fn take_in(sent: Sent, settlement: &mut Settlement, served: &mut Served) {
    for (message, dead) in sent.dead {
        settlement.dead.push((message, dead));
    }
    let rest = sent.line.tasks.get(sent.settled..).unwrap_or_default();
    match sent.stop {
        None => {}
        Some(Stop::NoTime) => served.give_back.extend(rest.iter().map(|task| task.message)),
        Some(Stop::Failed(failed)) => settlement.lines.push(ToKeep::new(sent.line.stream, rest, Some(failed))),
        Some(Stop::Slow) => {
            settlement.is_too_much = true;
            settlement.lines.push(ToKeep::new(sent.line.stream, rest, None));
        }
        Some(Stop::Enough | Stop::OverLimit) => settlement.lines.push(ToKeep::new(sent.line.stream, rest, None)),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while the lock was held can't leave a half-made change: each is one assignment.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
