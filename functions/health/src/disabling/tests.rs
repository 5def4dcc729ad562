use super::*;
use jiff::ToSpan as _;
use spacehook_domain::attempt::{Attempt, Outcome};
use spacehook_domain::event::EventType;
use spacehook_domain::failure::FailureReason;
use spacehook_domain::ids::EventId;
use spacehook_domain::retry::AttemptNumber;
use spacehook_domain::stats::{Bucket, Counts};
use spacehook_domain::subscription::{AuthKind, EmailAddress, Send, SubscriptionName};
use spacehook_mail::Mail;
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard};

const NOW: &str = "2026-02-02T14:20:00Z";

#[derive(Default)]
struct Memory {
    subscriptions: Vec<Subscription>,
    failing: BTreeSet<SubscriptionId>,
    attempts: Vec<Attempt>,
    unreadable: Option<SubscriptionId>,
    mail_fails: bool,
    mails: Vec<(Mail, usize)>,
}

#[derive(Default)]
struct FakeWorld(Mutex<Memory>);

impl FakeWorld {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap()
    }
}

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

impl World for FakeWorld {
    async fn failing(&self) -> Result<Vec<(TenantId, SubscriptionId)>, Fault> {
        Ok(self.memory().failing.iter().map(|id| (tenant(), id.clone())).collect())
    }

    async fn subscription(&self, _: &TenantId, id: &SubscriptionId) -> Result<Option<Subscription>, Fault> {
        let memory = self.memory();
        if memory.unreadable.as_ref() == Some(id) {
            return Err("the table does not answer".into());
        }
        Ok(memory.subscriptions.iter().find(|subscription| subscription.id == *id).cloned())
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

fn tenant() -> TenantId {
    TenantId::parse("acme").unwrap()
}

fn since() -> Timestamp {
    now() - 48.hours()
}

fn subscription(number: u128) -> Subscription {
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
        auth: AuthKind::None,
        custom_header_names: BTreeSet::new(),
        key_values: spacehook_domain::key_values::KeyValues::default(),
        contacts: [EmailAddress::parse("ops@example.com").unwrap()].into(),
        secret_name: "s".to_owned(),
        secret_version: "1".to_owned(),
        created_at: since(),
        updated_at: since(),
        revision: 4,
    }
}

fn attempts(failures: usize, successes: usize) -> Vec<Attempt> {
    let answer = Some("<script>alert(1)</script>".to_owned());
    let failed = Outcome::Failed { reason: FailureReason::from_http_status(500), status: Some(500), answer };
    let outcomes =
        std::iter::repeat_n(failed, failures).chain(std::iter::repeat_n(Outcome::Accepted { status: 200 }, successes));
    outcomes
        .map(|outcome| Attempt {
            event_id: EventId::from_digest(&[1; 32]),
            event_type: EventType::SpaceReport,
            number: AttemptNumber::FIRST,
            started_at: now() - 1.minutes(),
            duration_ms: 5,
            freshness_ms: 100,
            outcome,
        })
        .collect()
}

fn world(subscriptions: Vec<Subscription>, attempts: Vec<Attempt>) -> FakeWorld {
    let failing = subscriptions.iter().map(|subscription| subscription.id.clone()).collect();
    FakeWorld(Mutex::new(Memory { subscriptions, failing, attempts, ..Memory::default() }))
}

fn run_once(world: &FakeWorld) -> Summary {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(run(world, FailurePolicy::default())).unwrap()
}

#[test]
fn what_fails_too_much_is_disabled_once_and_its_contacts_told_once() {
    let world = world(vec![subscription(1)], attempts(200, 1));
    assert_eq!(run_once(&world), Summary { looked_at: 1, disabled: 1, mailed: 1, faults: 0 });
    let disabled = world.memory().subscriptions[0].clone();
    assert_eq!(disabled.revision, 5);
    let reason = DisabledReason::FailureRate { failures: 200, attempts: 201, window_hours: 24 };
    assert_eq!(disabled.activity, Activity::Disabled { since: now(), reason });

    world.memory().failing.insert(disabled.id);
    assert_eq!(run_once(&world), Summary { looked_at: 1, ..Summary::default() });
    let memory = world.memory();
    assert_eq!(memory.mails.len(), 1);
    let (mail, addresses) = &memory.mails[0];
    assert_eq!(*addresses, 1);
    assert!(mail.text.contains("200 of 201") && mail.text.contains("HTTP 500 - 200 times"), "{}", mail.text);
    assert!(!mail.html.contains("<script>") && !mail.text.contains("hush"));
}

#[test]
fn what_fails_less_goes_on() {
    for (failures, successes) in [(99, 1), (9, 0), (0, 50)] {
        let world = world(vec![subscription(1)], attempts(failures, successes));
        assert_eq!(run_once(&world), Summary { looked_at: 1, ..Summary::default() }, "{failures} {successes}");
        assert!(world.memory().subscriptions[0].activity.is_enabled());
    }
}

#[test]
fn a_change_meanwhile_wins() {
    struct Changing(FakeWorld);
    impl World for Changing {
        async fn failing(&self) -> Result<Vec<(TenantId, SubscriptionId)>, Fault> {
            self.0.failing().await
        }
        async fn subscription(&self, tenant: &TenantId, id: &SubscriptionId) -> Result<Option<Subscription>, Fault> {
            let read = self.0.subscription(tenant, id).await;
            self.0.memory().subscriptions[0].revision += 1;
            read
        }
        async fn buckets(&self, t: &TenantId, id: &SubscriptionId, from: BucketStart) -> Result<Vec<Bucket>, Fault> {
            self.0.buckets(t, id, from).await
        }
        async fn newest_attempts(&self, tenant: &TenantId, id: &SubscriptionId) -> Result<Vec<Attempt>, Fault> {
            self.0.newest_attempts(tenant, id).await
        }
        async fn change(&self, before: &Subscription, after: &Subscription) -> Result<Changed, Fault> {
            self.0.change(before, after).await
        }
        async fn forget(&self, tenant: &TenantId, id: &SubscriptionId) -> Result<(), Fault> {
            self.0.forget(tenant, id).await
        }
        async fn mail(&self, mail: &Mail, to: &BTreeSet<EmailAddress>) -> Result<(), Fault> {
            self.0.mail(mail, to).await
        }
        fn now(&self) -> Timestamp {
            now()
        }
    }
    let world = Changing(world(vec![subscription(1)], attempts(200, 0)));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let summary = runtime.block_on(run(&world, FailurePolicy::default())).unwrap();
    assert_eq!(summary, Summary { looked_at: 1, ..Summary::default() });
    assert!(world.0.memory().mails.is_empty());
}

#[test]
fn one_that_cannot_be_read_does_not_keep_the_others_from_it() {
    let world = world(vec![subscription(1), subscription(2)], attempts(200, 0));
    world.memory().unreadable = Some(subscription(1).id);
    assert_eq!(run_once(&world), Summary { looked_at: 2, disabled: 1, mailed: 1, faults: 1 });
}

#[test]
fn a_mail_that_is_not_taken_breaks_nothing() {
    let world = world(vec![subscription(1), subscription(2)], attempts(200, 0));
    world.memory().mail_fails = true;
    assert_eq!(run_once(&world), Summary { looked_at: 2, disabled: 2, mailed: 0, faults: 2 });
}

#[test]
fn what_was_deleted_is_forgotten() {
    let world = world(vec![subscription(1)], attempts(200, 0));
    world.memory().subscriptions.clear();
    assert_eq!(run_once(&world), Summary { looked_at: 1, ..Summary::default() });
    assert!(world.memory().failing.is_empty());
}
