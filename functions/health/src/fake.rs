//! The world of health in memory: it can fail before or after any of its effects, and lets others in between any two calls.

use crate::ports::{Changed, Failing, Fault, MailFault, Standing, StoredNotice, StoredState, World};
use jiff::{SignedDuration, Timestamp};
use spacehook_domain::attempt::{Attempt, Outcome};
use spacehook_domain::backlog::Backlog;
use spacehook_domain::event::{Event, EventType};
use spacehook_domain::failure::FailureReason;
use spacehook_domain::failure_rate::Warning;
use spacehook_domain::ids::{EventId, Sequence, SubscriptionId, SubscriptionKey, TenantId};
use spacehook_domain::job::{Job, JobKey, JobStep};
use spacehook_domain::notice::{Notice, NoticeId};
use spacehook_domain::observed::{Observed, ObservedId, ObservedKey};
use spacehook_domain::retry::AttemptNumber;
use spacehook_domain::space_state::SpaceState;
use spacehook_domain::stats::{Bucket, BucketStart, Counts};
use spacehook_domain::subscription::{
    Activity, AuthKind, BacklogMode, EmailAddress, Send, Subscription, SubscriptionName,
};
use spacehook_domain::wake::Wake;
use spacehook_mail::Mail;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

/// A mail that SES accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) mail: Mail,
    pub(crate) to: BTreeSet<EmailAddress>,
    pub(crate) about: NoticeId,
}

pub(crate) struct Memory {
    pub(crate) now: Timestamp,
    pub(crate) subscriptions: BTreeMap<SubscriptionKey, Subscription>,
    pub(crate) failing: BTreeMap<SubscriptionKey, Option<Warning>>,
    pub(crate) attempts: BTreeMap<SubscriptionKey, Vec<Attempt>>,
    pub(crate) notices: BTreeMap<NoticeId, StoredNotice>,
    pub(crate) subscribed: BTreeSet<EventType>,
    pub(crate) suspended: BTreeSet<TenantId>,
    pub(crate) tenant_contacts: BTreeSet<EmailAddress>,
    pub(crate) queued: Vec<Event>,
    pub(crate) sent: Vec<Sent>,
    pub(crate) observed: BTreeMap<ObservedId, Observed>,
    pub(crate) states: BTreeMap<ObservedId, StoredState>,
    pub(crate) backlogs: BTreeMap<SubscriptionKey, Backlog>,
    pub(crate) woken: Vec<Wake>,
    pub(crate) jobs: BTreeMap<JobKey, Job>,
    pub(crate) steps: Vec<JobStep>,
    /// Disablings that took place.
    pub(crate) disablings: usize,
    /// Effects left until the world fails for good; none means it never does.
    pub(crate) effects_left: Option<usize>,
    /// The last effect takes place, and only its answer is lost.
    pub(crate) answer_lost: bool,
    /// Effects that took place.
    pub(crate) effects: usize,
    /// A subscription that can't be read.
    pub(crate) unreadable: Option<SubscriptionKey>,
    /// Somebody changes each subscription just after it was read.
    pub(crate) changing: bool,
    /// SES says that it does not take mails.
    pub(crate) refuses_mail: bool,
    /// Lists that can't be read.
    pub(crate) unlistable: BTreeSet<&'static str>,
    /// Calls by name.
    pub(crate) calls: BTreeMap<&'static str, usize>,
}

pub(crate) struct FakeWorld(Mutex<Memory>);

impl FakeWorld {
    /// Nothing but what is subscribed to.
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Memory {
            now: now(),
            subscriptions: BTreeMap::new(),
            failing: BTreeMap::new(),
            attempts: BTreeMap::new(),
            notices: BTreeMap::new(),
            // What it made before there were events of single sensors; some tests listen to these too.
            subscribed: EventType::BUILT_IN[..11].iter().copied().collect(),
            suspended: BTreeSet::new(),
            tenant_contacts: BTreeSet::new(),
            queued: Vec::new(),
            sent: Vec::new(),
            observed: BTreeMap::new(),
            states: BTreeMap::new(),
            backlogs: BTreeMap::new(),
            woken: Vec::new(),
            jobs: BTreeMap::new(),
            steps: Vec::new(),
            disablings: 0,
            effects_left: None,
            answer_lost: false,
            effects: 0,
            unreadable: None,
            changing: false,
            refuses_mail: false,
            unlistable: BTreeSet::new(),
            calls: BTreeMap::new(),
        }))
    }

    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap()
    }

    /// A change that somebody else made.
    pub(crate) fn notice(&self, notice: &Notice) {
        put_notice(&mut self.memory(), notice);
    }

    /// The process dies at this effect: before it, or once it has taken place.
    pub(crate) fn crash_at(&self, step: usize, answer_lost: bool) {
        let mut memory = self.memory();
        memory.effects_left = Some(step);
        memory.answer_lost = answer_lost;
    }

    pub(crate) fn pass(&self, time: SignedDuration) {
        let mut memory = self.memory();
        memory.now += time;
    }

    /// A subscription that failed so often lately, and was accepted so often.
    pub(crate) fn add_failing(&self, number: u128, failures: usize, successes: usize) -> Subscription {
        let subscription = subscription(number);
        let mut memory = self.memory();
        let at = memory.now - SignedDuration::from_mins(1);
        memory.attempts.insert(subscription.key(), attempts(at, failures, successes));
        memory.failing.insert(subscription.key(), None);
        memory.subscriptions.insert(subscription.key(), subscription.clone());
        subscription
    }

    /// Lets others in.
    async fn call(&self, name: &'static str) -> MutexGuard<'_, Memory> {
        tokio::task::yield_now().await;
        let mut memory = self.memory();
        *memory.calls.entry(name).or_default() += 1;
        memory
    }

    /// Lets an effect take place, or fail, as the test wants. After a failure nothing works any more: the process is dead.
    async fn effect<T>(&self, name: &'static str, act: impl FnOnce(&mut Memory) -> T) -> Result<T, Fault> {
        let mut memory = self.call(name).await;
        let crashed: Fault = "the process died".into();
        match memory.effects_left {
            Some(0) => return Err(crashed),
            Some(1) => {
                memory.effects_left = Some(0);
                if memory.answer_lost {
                    memory.effects += 1;
                    act(&mut memory);
                }
                return Err(crashed);
            }
            Some(left) => memory.effects_left = Some(left - 1),
            None => {}
        }
        memory.effects += 1;
        Ok(act(&mut memory))
    }

    async fn list<T>(&self, name: &'static str, read: impl FnOnce(&Memory) -> T) -> Result<T, Fault> {
        let memory = self.call(name).await;
        if memory.unlistable.contains(name) { Err("the table does not answer".into()) } else { Ok(read(&memory)) }
    }
}

impl World for FakeWorld {
    async fn failing(&self) -> Result<Vec<Failing>, Fault> {
        let marked = |(key, warning): (&SubscriptionKey, &Option<Warning>)| Failing {
            subscription: key.clone(),
            failed_at: since(),
            warning: *warning,
        };
        self.list("failing", |memory| memory.failing.iter().map(marked).collect()).await
    }

    async fn subscription(&self, key: &SubscriptionKey) -> Result<Option<Subscription>, Fault> {
        let mut memory = self.call("subscription").await;
        if memory.unreadable.as_ref() == Some(key) {
            return Err("the table does not answer".into());
        }
        let changing = memory.changing;
        Ok(memory.subscriptions.get_mut(key).map(|stored| {
            let read = stored.clone();
            stored.revision += u64::from(changing);
            read
        }))
    }

    async fn buckets(&self, key: &SubscriptionKey, from: BucketStart) -> Result<Vec<Bucket>, Fault> {
        let memory = self.call("buckets").await;
        let mut buckets: BTreeMap<BucketStart, Counts> = BTreeMap::new();
        for attempt in memory.attempts.get(key).into_iter().flatten() {
            buckets.entry(BucketStart::holding(attempt.started_at)).or_default().add(attempt);
        }
        let bucket = |(start, counts)| Bucket { start, enabled_since: since(), counts };
        Ok(buckets.into_iter().filter(|(start, _)| *start >= from).map(bucket).collect())
    }

    async fn newest_attempts(&self, key: &SubscriptionKey) -> Result<Vec<Attempt>, Fault> {
        let memory = self.call("attempts").await;
        Ok(memory.attempts.get(key).into_iter().flatten().rev().cloned().collect())
    }

    async fn disable(&self, before: &Subscription, notice: &Notice) -> Result<Changed, Fault> {
        self.effect("disable", |memory| {
            let stored = memory.subscriptions.get_mut(&before.key()).filter(|it| it.revision == before.revision);
            let Some(stored) = stored else { return Changed::Conflict };
            *stored = notice.subscription.clone();
            memory.disablings += 1;
            put_notice(memory, notice);
            Changed::Yes
        })
        .await
    }

    async fn warn(&self, read: &Failing, warning: &Warning, notice: &Notice) -> Result<Changed, Fault> {
        self.effect("warn", |memory| {
            let marker = memory.failing.get_mut(&read.subscription).filter(|known| **known == read.warning);
            let Some(marker) = marker else { return Changed::Conflict };
            *marker = Some(*warning);
            put_notice(memory, notice);
            Changed::Yes
        })
        .await
    }

    async fn forget(&self, read: &Failing) -> Result<(), Fault> {
        self.effect("forget", |memory| memory.failing.remove(&read.subscription)).await.map(|_| ())
    }

    async fn notices(&self) -> Result<Vec<StoredNotice>, Fault> {
        self.list("notices", |memory| memory.notices.values().cloned().collect()).await
    }

    async fn notice(&self, id: &NoticeId) -> Result<Option<StoredNotice>, Fault> {
        Ok(self.call("notice").await.notices.get(id).cloned())
    }

    async fn update_notice(&self, stored: &StoredNotice, told: &Notice) -> Result<Changed, Fault> {
        self.effect("update notice", |memory| {
            let id = stored.notice.id();
            if memory.notices.get(&id).map(|known| known.version) != Some(stored.version) {
                return Changed::Conflict;
            }
            if told.is_told() {
                memory.notices.remove(&id);
            } else {
                memory.notices.insert(id, StoredNotice { version: stored.version + 1, notice: told.clone() });
            }
            Changed::Yes
        })
        .await
    }

    async fn subscribed(&self, _: &TenantId) -> Result<BTreeSet<EventType>, Fault> {
        Ok(self.call("subscribed").await.subscribed.clone())
    }

    async fn is_suspended(&self, tenant: &TenantId) -> Result<bool, Fault> {
        Ok(self.call("is_suspended").await.suspended.contains(tenant))
    }

    async fn contacts(&self, _: &TenantId) -> Result<BTreeSet<EmailAddress>, Fault> {
        Ok(self.call("contacts").await.tenant_contacts.clone())
    }

    async fn queue(&self, events: &[Event]) -> Result<(), Fault> {
        self.effect("queue", |memory| memory.queued.extend_from_slice(events)).await
    }

    async fn mail(&self, mail: &Mail, to: &BTreeSet<EmailAddress>, about: &NoticeId) -> Result<(), MailFault> {
        if self.memory().refuses_mail {
            return Err(MailFault { was_not_sent: true, fault: "SES did not take the mail".into() });
        }
        let sent = Sent { mail: mail.clone(), to: to.clone(), about: about.clone() };
        let sent = self.effect("mail", |memory| memory.sent.push(sent)).await;
        sent.map_err(|fault| MailFault { was_not_sent: false, fault })
    }

    async fn due_states(&self, now: Timestamp) -> Result<Vec<(TenantId, ObservedId)>, Fault> {
        let is_due = |stored: &StoredState| stored.due_at.is_some_and(|due_at| due_at <= now);
        self.list("due states", |memory| {
            let due = memory.states.iter().filter(|(_, stored)| is_due(stored));
            due.map(|(of, _)| (tenant(), *of)).collect()
        })
        .await
    }

    async fn stored_state(&self, _: &TenantId, of: ObservedId) -> Result<StoredState, Fault> {
        Ok(self.call("stored state").await.states.get(&of).cloned().unwrap_or_default())
    }

    async fn observed(&self, _: &TenantId, key: &ObservedKey) -> Result<Option<Observed>, Fault> {
        Ok(self.call("observed").await.observed.values().find(|observed| observed.key() == *key).cloned())
    }

    async fn save_state(
        &self,
        _: &TenantId,
        of: ObservedId,
        expected_version: u64,
        state: &SpaceState,
        pending: &[Event],
        due_at: Option<Timestamp>,
    ) -> Result<Changed, Fault> {
        self.effect("save state", |memory| {
            if memory.states.get(&of).map_or(0, |stored| stored.version) != expected_version {
                return Changed::Conflict;
            }
            let (version, state, pending) = (expected_version + 1, state.clone(), pending.to_vec());
            memory.states.insert(of, StoredState { version, state, pending, due_at });
            Changed::Yes
        })
        .await
    }

    async fn clear_pending(&self, _: &TenantId, of: ObservedId, version: u64) -> Result<(), Fault> {
        self.effect("clear pending", |memory| {
            let stored = memory.states.get_mut(&of).filter(|stored| stored.version == version);
            if let Some(stored) = stored {
                stored.pending.clear();
            }
        })
        .await
    }

    async fn set_due(
        &self,
        _: &TenantId,
        of: ObservedId,
        version: u64,
        due_at: Option<Timestamp>,
    ) -> Result<(), Fault> {
        self.effect("set due", |memory| {
            let stored = memory.states.get_mut(&of).filter(|stored| stored.version == version);
            if let Some(stored) = stored {
                stored.due_at = due_at;
            }
        })
        .await
    }

    async fn overdue_backlogs(&self, now: Timestamp) -> Result<Vec<SubscriptionKey>, Fault> {
        let is_due = |backlog: &Backlog| backlog.overdue_at().is_some_and(|at| at <= now);
        self.list("overdue backlogs", |memory| {
            let due = memory.backlogs.iter().filter(|(_, backlog)| is_due(backlog));
            due.map(|(key, _)| key.clone()).collect()
        })
        .await
    }

    async fn standing(&self, key: &SubscriptionKey) -> Result<Standing, Fault> {
        let memory = self.call("standing").await;
        let is_open = memory.backlogs.get(key).is_some_and(|backlog| !backlog.breaker.is_closed());
        Ok(Standing { is_open, waiting: 3 * u64::from(is_open) })
    }

    async fn backlog(&self, key: &SubscriptionKey) -> Result<Option<Backlog>, Fault> {
        Ok(self.call("backlog").await.backlogs.get(key).cloned())
    }

    async fn replace_backlog(&self, key: &SubscriptionKey, read: &Backlog, new: Backlog) -> Result<Changed, Fault> {
        self.effect("replace backlog", |memory| {
            let stored = memory.backlogs.get_mut(key).filter(|stored| stored.version == read.version);
            let Some(stored) = stored else { return Changed::Conflict };
            *stored = new.next();
            Changed::Yes
        })
        .await
    }

    async fn wake(&self, wake: &Wake) -> Result<(), Fault> {
        self.effect("wake", |memory| memory.woken.push(wake.clone())).await
    }

    async fn overdue_jobs(&self, now: Timestamp) -> Result<Vec<JobKey>, Fault> {
        let is_overdue = |job: &&Job| job.overdue_at().is_some_and(|at| at <= now);
        self.list("overdue jobs", |memory| memory.jobs.values().filter(is_overdue).map(|job| job.key.clone()).collect())
            .await
    }

    async fn job(&self, key: &JobKey) -> Result<Option<Job>, Fault> {
        Ok(self.call("job").await.jobs.get(key).cloned())
    }

    async fn step(&self, step: &JobStep) -> Result<(), Fault> {
        self.effect("step", |memory| memory.steps.push(step.clone())).await
    }

    fn now(&self) -> Timestamp {
        self.memory().now
    }
}

fn put_notice(memory: &mut Memory, notice: &Notice) {
    let stored = StoredNotice { version: 1, notice: notice.clone() };
    assert!(memory.notices.insert(notice.id(), stored).is_none(), "one notice for each change");
}

pub(crate) fn tenant() -> TenantId {
    TenantId::parse("acme").unwrap()
}

pub(crate) fn now() -> Timestamp {
    "2026-02-02T14:20:00Z".parse().unwrap()
}

pub(crate) fn since() -> Timestamp {
    "2026-01-31T14:20:00Z".parse().unwrap()
}

fn attempts(at: Timestamp, failures: usize, successes: usize) -> Vec<Attempt> {
    let answer = Some("<script>alert(1)</script>".to_owned());
    let failed = Outcome::Failed { reason: FailureReason::from_http_status(500), status: Some(500), answer };
    let outcomes =
        std::iter::repeat_n(failed, failures).chain(std::iter::repeat_n(Outcome::Accepted { status: 200 }, successes));
    let attempt = |outcome| Attempt {
        event_id: EventId::at(Timestamp::UNIX_EPOCH, &[1; 32]),
        revision: 1,
        sequence: Sequence(1),
        superseded: None,
        space: None,
        sensor_group: None,
        event_type: EventType::SpaceReport,
        number: AttemptNumber::FIRST,
        started_at: at,
        duration_ms: 5,
        freshness_ms: 100,
        trace_id: None,
        outcome,
    };
    outcomes.map(attempt).collect()
}

pub(crate) fn subscription(number: u128) -> Subscription {
    Subscription {
        id: SubscriptionId::from_uuid(uuid::Uuid::from_u128(number)),
        tenant: tenant(),
        name: SubscriptionName::parse("kiosk").unwrap(),
        description: None,
        url: "https://kiosk.example.com/hook?token=hush".to_owned(),
        event_types: [EventType::SpaceReport].into(),
        activity: Activity::Enabled { since: since() },
        send: Send::Always,
        building_ref_ids: BTreeSet::new(),
        floor_ref_ids: BTreeSet::new(),
        space_ref_ids: BTreeSet::new(),
        filter: None,
        backlog: BacklogMode::All,
        rate_limit_per_second: None,
        auth: AuthKind::None,
        custom_header_names: BTreeSet::new(),
        key_values: spacehook_domain::key_values::KeyValues::default(),
        contacts: [EmailAddress::parse("ops@example.com").unwrap()].into(),
        metadata: spacehook_domain::metadata::Metadata::default(),
        secret_name: "s".to_owned(),
        secret_version: "1".to_owned(),
        auth_header_name: None,
        own_secret_arn: None,
        previous_signing_secret_until: None,
        created_at: since(),
        updated_at: since(),
        revision: 4,
    }
}
