//! A notice: a change of a subscription that people and systems are told of, once.
//!
//! It is stored in the same transaction as the change itself, so there is exactly one for each, and it goes only when all
//! are told: an outbox. Telling has two parts. An event goes to the tenant's subscriptions that asked for it; it has an id
//! that follows from the notice, so that told twice it is one. A mail goes to the contacts; mail has no such id, so a run
//! says first that it is about to send it ([`MailState::Sending`]).

use crate::event::{About, Change, EVENT_VERSION, Event, EventType};
use crate::failure_rate::percent_hundredths;
use crate::ids::{Sequence, SubscriptionId, SubscriptionKey, TenantId};
use crate::payload::{AttemptsState, DisabledCode, SubscriptionNews, SubscriptionState};
use crate::stats::Counts;
use crate::stream::Subject;
use crate::subscription::{Activity, Subscription};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How long a run that is about to send a mail is waited for. Longer than an invocation, and than SES takes to tell that
/// it accepted a mail.
pub const MAIL_LEASE: SignedDuration = SignedDuration::from_mins(15);

/// What happened to a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happened {
    /// It was enabled.
    Enabled,
    /// It was disabled; [`Subscription::activity`] says why.
    Disabled,
    /// Its failure rate rose above the warning rate.
    Failing,
    /// Its failure rate fell again.
    Recovered,
}

impl Happened {
    /// Everything that happens.
    pub const ALL: [Self; 4] = [Self::Enabled, Self::Disabled, Self::Failing, Self::Recovered];

    /// The type of the event that tells it.
    pub fn event_type(self) -> EventType {
        match self {
            Self::Enabled => EventType::SubscriptionEnabled,
            Self::Disabled => EventType::SubscriptionDisabled,
            Self::Failing => EventType::SubscriptionFailing,
            Self::Recovered => EventType::SubscriptionRecovered,
        }
    }

    /// The name in keys and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Failing => "failing",
            Self::Recovered => "recovered",
        }
    }
}

/// Where a mail stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum MailState {
    /// None is to be sent, or it has been.
    Done,
    /// It is to be sent.
    Due,
    /// A run is about to send it, or has sent it and not said so. If nobody says so by then, it is sent again.
    Sending {
        /// Until when nobody else sends it.
        until: Timestamp,
    },
}

impl MailState {
    /// Whether a run may send it now.
    pub fn is_due(self, now: Timestamp) -> bool {
        match self {
            Self::Done => false,
            Self::Due => true,
            Self::Sending { until } => until <= now,
        }
    }
}

/// The attempts that led to a change: counts of the window of failures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The window's length in hours.
    pub hours: u32,
    /// Since when the subscription had been enabled: attempts before it do not count.
    pub enabled_since: Timestamp,
    /// The counts.
    pub counts: Counts,
}

/// A change of a subscription that is to be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// What happened.
    pub happened: Happened,
    /// When.
    pub at: Timestamp,
    /// The subscription as it was then: after the change.
    pub subscription: Subscription,
    /// The attempts that led to it; none where attempts did not.
    pub window: Option<Window>,
    /// Whether the event is still to be queued.
    pub to_publish: bool,
    /// Where the mail stands.
    pub mail: MailState,
}

/// Which notice: there is one for each change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NoticeId {
    /// The subscription that changed.
    pub subscription: SubscriptionKey,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// What happened.
    pub happened: Happened,
}

/// Why a text names no notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a tenant, a subscription, milliseconds and what happened, with '_' between them")]
pub struct InvalidNoticeId;

impl NoticeId {
    /// Reads what [`NoticeId`]'s `Display` writes.
    pub fn parse(text: &str) -> Result<Self, InvalidNoticeId> {
        let read = || {
            // A tenant has no underscore; a subscription's id has one.
            let (tenant, rest) = text.split_once('_')?;
            let (rest, happened) = rest.rsplit_once('_')?;
            let (id, at_ms) = rest.rsplit_once('_')?;
            Some(Self {
                subscription: SubscriptionKey {
                    tenant: TenantId::parse(tenant).ok()?,
                    id: SubscriptionId::parse(id).ok()?,
                },
                at_ms: at_ms.parse().ok()?,
                happened: Happened::ALL.into_iter().find(|one| one.as_str() == happened)?,
            })
        };
        read().ok_or(InvalidNoticeId)
    }
}

/// Letters, digits, hyphens and underscores, at most 128: what a mail may be tagged with.
impl fmt::Display for NoticeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SubscriptionKey { tenant, id } = &self.subscription;
        write!(f, "{tenant}_{id}_{}_{}", self.at_ms, self.happened.as_str())
    }
}

impl Notice {
    /// Which it is.
    pub fn id(&self) -> NoticeId {
        NoticeId { subscription: self.subscription.key(), at_ms: self.at.as_millisecond(), happened: self.happened }
    }

    /// A change of a subscription, to be told by an event, and by mail if so wanted.
    pub fn new(
        happened: Happened,
        at: Timestamp,
        subscription: Subscription,
        window: Option<Window>,
        mails: bool,
    ) -> Self {
        let mail = if mails { MailState::Due } else { MailState::Done };
        Self { happened, at, subscription, window, to_publish: true, mail }
    }

    /// The event that it is told with. Its place in the stream of events about the subscription is its time in
    /// milliseconds: changes of a subscription are conditional on each other, so they have an order.
    pub fn event(&self) -> Event {
        let subscription = &self.subscription;
        let sequence = Sequence(u64::try_from(self.at.as_millisecond()).unwrap_or_default());
        let event_type = self.happened.event_type();
        let about = About::Subject(Subject::from(&subscription.id));
        let news = SubscriptionNews { event_type, timestamp: self.at, subscription: self.state() };
        Event {
            version: EVENT_VERSION,
            id: Event::derived_id(&subscription.tenant, about.stream(), event_type, sequence, self.at),
            tenant: subscription.tenant.clone(),
            event_type,
            sequence,
            about,
            occurred_at: self.at,
            received_at: self.at,
            trace: None,
            change: Change::default(),
            test: false,
            // It has no map with other than text keys, so writing it can't fail.
            data: serde_json::to_value(news).unwrap_or_default(),
        }
    }

    fn state(&self) -> SubscriptionState {
        let subscription = &self.subscription;
        SubscriptionState {
            id: subscription.id.clone(),
            name: subscription.name.clone(),
            enabled: subscription.activity.is_enabled(),
            disabled_reason: match &subscription.activity {
                Activity::Enabled { .. } => None,
                Activity::Disabled { reason, .. } => Some(DisabledCode::from(reason)),
            },
            attempts: self.window.as_ref().map(|window| AttemptsState {
                window_hours: window.hours,
                total: window.counts.attempts,
                failed: window.counts.failures,
                failed_percent: f64::from(percent_hundredths(&window.counts)) / 100.0,
            }),
        }
    }

    /// True where nothing is left to tell.
    pub fn is_told(&self) -> bool {
        !self.to_publish && self.mail == MailState::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Versioned as _;
    use crate::subscription::DisabledReason;
    use crate::test_data;

    fn notice() -> Notice {
        let at: Timestamp = "2026-02-02T14:20:00.123Z".parse().unwrap();
        let reason = DisabledReason::FailureRate { failures: 200, attempts: 201, window_hours: 24 };
        let subscription =
            Subscription { activity: Activity::Disabled { since: at, reason }, ..test_data::subscription() };
        let counts = Counts { attempts: 201, failures: 200, successes: 1, ..Counts::default() };
        let window = Some(Window { hours: 24, enabled_since: subscription.created_at, counts });
        Notice { happened: Happened::Disabled, at, subscription, window, to_publish: true, mail: MailState::Due }
    }

    #[test]
    fn its_event_is_one_however_often_it_is_made() {
        let event = notice().event();
        assert_eq!(event, notice().event());
        assert_eq!((event.version(), event.event_type), (EVENT_VERSION, EventType::SubscriptionDisabled));
        assert_eq!(
            event.data,
            serde_json::json!({
                "event_type": "subscription_disabled", "timestamp": "2026-02-02T14:20:00.123Z",
                "subscription": {
                    "id": "sub_00000000000000000000000000000001", "name": "kiosk", "enabled": false,
                    "disabled_reason": "failure_rate",
                    "attempts": {"window_hours": 24, "total": 201, "failed": 200, "failed_percent": 99.5}
                }
            })
        );
        let text = serde_json::to_string(&event).unwrap();
        assert!(text.contains("\"subject\":\"sub_0") && !text.contains("receiver.example.com"), "{text}");
        assert_eq!(Event::from_json(&text).unwrap(), event);
        let enabled = Notice { happened: Happened::Enabled, ..notice() };
        assert_ne!(enabled.event().id, event.id);
    }

    #[test]
    fn its_id_reads_back() {
        let id = notice().id();
        assert_eq!(id.to_string(), "acme_sub_00000000000000000000000000000001_1770042000123_disabled");
        assert_eq!(NoticeId::parse(&id.to_string()), Ok(id));
        for bad in ["", "acme", "acme_sub_1_2_disabled", "ACME_sub_00000000000000000000000000000001_1_disabled"] {
            assert_eq!(NoticeId::parse(bad), Err(InvalidNoticeId), "{bad}");
        }
    }

    #[test]
    fn a_mail_is_due_until_somebody_sends_it_and_again_if_they_never_say_so() {
        let now = notice().at;
        let until = now + MAIL_LEASE;
        assert!(MailState::Due.is_due(now) && !MailState::Done.is_due(now));
        assert!(!MailState::Sending { until }.is_due(now) && MailState::Sending { until }.is_due(until));
        assert!(!notice().is_told());
        assert!(Notice { to_publish: false, mail: MailState::Done, ..notice() }.is_told());
    }
}
