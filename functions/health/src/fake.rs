//! The world of health in memory.

use crate::ports::{Changed, Fault, World};
use jiff::{Timestamp, ToSpan as _};
use spacehook_domain::attempt::Attempt;
use spacehook_domain::backlog::Backlog;
use spacehook_domain::event::EventType;
use spacehook_domain::ids::{SubscriptionId, SubscriptionKey, TenantId};
use spacehook_domain::stats::{Bucket, BucketStart, Counts};
use spacehook_domain::subscription::{
    Activity, AuthKind, BacklogMode, EmailAddress, Send, Subscription, SubscriptionName,
};
use spacehook_domain::wake::Wake;
use spacehook_mail::Mail;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) subscriptions: Vec<Subscription>,
    pub(crate) failing: BTreeSet<SubscriptionId>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) backlogs: BTreeMap<SubscriptionId, Backlog>,
    pub(crate) woken: Vec<Wake>,
    pub(crate) notices: Vec<Subscription>,
    pub(crate) mails: Vec<(Mail, usize)>,
    /// A subscription that can't be read.
    pub(crate) unreadable: Option<SubscriptionId>,
    /// Somebody changes each subscription just after it was read.
    pub(crate) changing: bool,
    pub(crate) mail_fails: bool,
    pub(crate) notices_fail: bool,
}

#[derive(Default)]
pub(crate) struct FakeWorld(Mutex<Memory>);

impl FakeWorld {
    pub(crate) fn of(memory: Memory) -> Self {
        Self(Mutex::new(memory))
    }

    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap()
    }
}

pub(crate) fn now() -> Timestamp {
    "2026-02-02T14:20:00Z".parse().unwrap()
}

impl World for FakeWorld {
    async fn failing(&self) -> Result<Vec<(TenantId, SubscriptionId)>, Fault> {
        Ok(self.memory().failing.iter().map(|id| (tenant(), id.clone())).collect())
    }

    async fn subscription(&self, _: &TenantId, id: &SubscriptionId) -> Result<Option<Subscription>, Fault> {
        let mut memory = self.memory();
        if memory.unreadable.as_ref() == Some(id) {
            return Err("the table does not answer".into());
        }
        let changing = memory.changing;
        let stored = memory.subscriptions.iter_mut().find(|subscription| subscription.id == *id);
        Ok(stored.map(|stored| {
            let read = stored.clone();
            stored.revision += u64::from(changing);
            read
        }))
    }

    async fn buckets(&self, _: &TenantId, _: &SubscriptionId, from: BucketStart) -> Result<Vec<Bucket>, Fault> {
        let mut counts = Counts::default();
        let memory = self.memory();
        for attempt in memory.attempts.iter().filter(|attempt| attempt.started_at >= from.start()) {
            counts.add(attempt);
        }
        Ok(vec![Bucket { start: BucketStart::holding(now()), enabled_since: since(), counts }])
    }

    async fn newest_attempts(&self, _: &TenantId, _: &SubscriptionId) -> Result<Vec<Attempt>, Fault> {
        Ok(self.memory().attempts.iter().rev().cloned().collect())
    }

    async fn change(&self, before: &Subscription, after: &Subscription) -> Result<Changed, Fault> {
        let mut memory = self.memory();
        let stored = memory.subscriptions.iter_mut().find(|stored| stored.id == before.id).ok_or("gone")?;
        if stored.revision != before.revision {
            return Ok(Changed::Conflict);
        }
        *stored = after.clone();
        Ok(Changed::Yes)
    }

    async fn forget(&self, _: &TenantId, id: &SubscriptionId) -> Result<(), Fault> {
        self.memory().failing.remove(id);
        Ok(())
    }

    async fn backlog(&self, key: &SubscriptionKey) -> Result<Option<Backlog>, Fault> {
        Ok(self.memory().backlogs.get(&key.id).cloned())
    }

    async fn wake(&self, wake: &Wake) -> Result<(), Fault> {
        self.memory().woken.push(wake.clone());
        Ok(())
    }

    async fn notices(&self) -> Result<Vec<Subscription>, Fault> {
        let memory = self.memory();
        if memory.notices_fail { Err("the table does not answer".into()) } else { Ok(memory.notices.clone()) }
    }

    async fn delete_notice(&self, disabled: &Subscription) -> Result<(), Fault> {
        self.memory().notices.retain(|notice| notice != disabled);
        Ok(())
    }

    async fn mail(&self, mail: &Mail, to: &BTreeSet<EmailAddress>) -> Result<(), Fault> {
        if self.memory().mail_fails {
            return Err("SES did not take the mail".into());
        }
        self.memory().mails.push((mail.clone(), to.len()));
        Ok(())
    }

    fn now(&self) -> Timestamp {
        now()
    }
}

pub(crate) fn tenant() -> TenantId {
    TenantId::parse("acme").unwrap()
}

pub(crate) fn since() -> Timestamp {
    now() - 48.hours()
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
        backlog: BacklogMode::All,
        rate_limit_per_second: None,
        auth: AuthKind::None,
        custom_header_names: BTreeSet::new(),
        key_values: spacehook_domain::key_values::KeyValues::default(),
        contacts: [EmailAddress::parse("ops@example.com").unwrap()].into(),
        secret_name: "s".to_owned(),
        secret_version: "1".to_owned(),
        own_secret_arn: None,
        created_at: since(),
        updated_at: since(),
        revision: 4,
    }
}
