//! Jobs: deliveries that somebody asks for again, many at a time.
//!
//! A **replay** sends kept events, or dead deliveries, again; a **resync** sends the present state of spaces. Either is
//! worked off in steps, by the dispatcher. A step reads a bounded part of what there is, puts deliveries among those that
//! wait for the subscription ([`crate::backlog`]), and notes in the same transaction how far it got: so a step that is
//! repeated puts nothing twice that was noted. What waits is sent as any backlog is, each delivery at its place by its
//! sequence; a job puts no more while [`WAITING_MOST`] wait.
//!
//! Steps are messages on the queue of retries, as timers of backlogs are, with tickets that keep them from multiplying.
//! A job that is cancelled ends at its next step. One whose step is lost is overdue, and health sets it again.

use crate::event::{Event, EventType};
use crate::ids::{AttemptId, BuildingRefId, EventId, JobId, SpaceRefId, SubscriptionKey};
use crate::kept_events::{Position, Window};
use crate::matching;
use crate::message::{Kind, UnreadableMessage, Versioned, read};
use crate::subscription::{RateLimit, Subscription};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

/// Deliveries that wait for a subscription, at most, while a job puts more.
pub const WAITING_MOST: u64 = 500;
/// Jobs of a subscription that are not finished, at most.
pub const UNFINISHED_MOST: usize = 5;
/// How long a job is listed after its last change: 30 days.
pub const LISTED_S: i64 = 30 * 24 * 3_600;
/// The form of [`JobStep`] that this code writes and reads.
pub const JOB_STEP_VERSION: u32 = 1;
/// The longest wait for room among what waits.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// The same while the subscription is disabled, and nothing is sent.
const LONGEST_REST: Duration = Duration::from_mins(5);
/// How much later than due a step is taken for lost.
const OVERDUE: SignedDuration = SignedDuration::from_mins(3);

/// One job of all there are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JobKey {
    /// The subscription that it puts deliveries for.
    #[serde(flatten)]
    pub subscription: SubscriptionKey,
    /// Its id.
    #[serde(rename = "job_id")]
    pub id: JobId,
}

/// What a job sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Work {
    /// One kept event.
    Event {
        /// Its id.
        event_id: EventId,
    },
    /// The kept event of one attempt.
    Attempt {
        /// The attempt's id.
        attempt_id: AttemptId,
        /// The event's id.
        event_id: EventId,
    },
    /// Kept events that were received in a time, and that the subscription wants as it is now.
    Since {
        /// When they were received.
        window: Window,
        /// Their types; none means all that it lists.
        event_types: BTreeSet<EventType>,
        /// The building that they are about; none means any.
        building_ref_id: Option<BuildingRefId>,
        /// The space that they are about; none means any.
        space_ref_id: Option<SpaceRefId>,
    },
    /// The dead deliveries that died before a moment.
    Dead {
        /// The moment.
        died_before: Timestamp,
    },
    /// The present state of spaces, as events.
    Resync {
        /// The types of these: reports, availability, or both.
        event_types: BTreeSet<EventType>,
        /// The buildings that the spaces are in; none means any.
        building_ref_ids: BTreeSet<BuildingRefId>,
    },
}

impl Work {
    /// Whether an event that was found is sent. One that somebody names is, if its type is subscribed to, whatever else the
    /// subscription leaves out; of all others those that the subscription wants.
    pub fn takes(&self, subscription: &Subscription, event: &Event) -> bool {
        match self {
            Self::Event { .. } | Self::Attempt { .. } => may_be_sent(subscription, event),
            Self::Since { window, event_types, building_ref_id, space_ref_id } => {
                window.holds(event)
                    && (event_types.is_empty() || event_types.contains(&event.event_type))
                    && building_ref_id.as_ref().is_none_or(|id| event.building() == Some(id))
                    && space_ref_id
                        .as_ref()
                        .is_none_or(|id| event.space().is_some_and(|space| space.space_ref_id == *id))
                    && matching::wants(subscription, event).is_ok()
            }
            Self::Dead { .. } => subscription.tenant == event.tenant,
            Self::Resync { event_types, building_ref_ids } => {
                event_types.contains(&event.event_type)
                    && (building_ref_ids.is_empty()
                        || event.building().is_some_and(|building| building_ref_ids.contains(building)))
                    && matching::wants(subscription, event).is_ok()
            }
        }
    }
}

/// Whether an event that somebody names can be sent to a subscription: it is its tenant's, of a type that it lists, and
/// not about itself.
pub fn may_be_sent(subscription: &Subscription, event: &Event) -> bool {
    subscription.tenant == event.tenant
        && subscription.event_types.contains(&event.event_type)
        && !matching::is_about(subscription, event)
}

/// How it stands with a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// No step has been made.
    Queued,
    /// Steps are being made.
    Running,
    /// All is put.
    Done,
    /// Somebody cancelled it. What had been put is sent.
    Cancelled,
    /// It can't go on.
    Failed,
}

impl JobState {
    /// Whether no further step is made.
    pub fn is_finished(self) -> bool {
        matches!(self, Self::Done | Self::Cancelled | Self::Failed)
    }
}

/// How far a job has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Nothing is looked at yet.
    #[default]
    Nothing,
    /// Among the kept events.
    Events(Position),
    /// Among the dead: the last that was looked at.
    Dead {
        /// When it died.
        died_at: Timestamp,
        /// Its event.
        event_id: EventId,
    },
    /// Among the spaces: where their list goes on.
    Spaces(String),
}

/// What a job has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobCounts {
    /// Events, dead deliveries or spaces that were looked at.
    pub examined: u64,
    /// Deliveries that are to be sent.
    pub matched: u64,
    /// Deliveries that were put among those that wait.
    pub enqueued: u64,
    /// Deliveries that waited already.
    pub already_waiting: u64,
    /// Spaces that have no state yet.
    pub without_state: u64,
}

impl JobCounts {
    /// Adds what was done.
    pub fn add(&mut self, other: Self) {
        self.examined += other.examined;
        self.matched += other.matched;
        self.enqueued += other.enqueued;
        self.already_waiting += other.already_waiting;
        self.without_state += other.without_state;
    }
}

/// A job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Which it is.
    #[serde(flatten)]
    pub key: JobKey,
    /// What it sends.
    pub work: Work,
    /// It puts no more deliveries a second; none means as many as are sent.
    pub rate_per_second: Option<RateLimit>,
    /// How it stands.
    pub state: JobState,
    /// Why it can't go on, where it failed.
    pub failure: Option<String>,
    /// How far it has come.
    pub progress: Progress,
    /// What it has done.
    pub counts: JobCounts,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When its first step was made.
    pub started_at: Option<Timestamp>,
    /// When it came to its end.
    pub ended_at: Option<Timestamp>,
    /// Different after each change.
    pub version: u64,
    /// The number of the next step: those of lower numbers are old.
    pub step: u64,
    /// When the next step is due; none when there is none.
    pub wake_at: Option<Timestamp>,
    /// Steps in a row that found no room.
    pub waits: u32,
}

impl Job {
    /// A job that was asked for now. Whoever makes it sends its first step.
    pub fn new(key: JobKey, work: Work, rate_per_second: Option<RateLimit>, now: Timestamp) -> Self {
        Self {
            key,
            work,
            rate_per_second,
            state: JobState::Queued,
            failure: None,
            progress: Progress::Nothing,
            counts: JobCounts::default(),
            created_at: now,
            started_at: None,
            ended_at: None,
            version: 1,
            step: 1,
            wake_at: Some(now),
            waits: 0,
        }
    }

    /// The same, as it is after another part of it was worked off.
    #[must_use]
    pub fn advanced(&self, progress: Progress, counts: JobCounts, now: Timestamp) -> Self {
        let mut next = self.next();
        next.state = JobState::Running;
        next.started_at.get_or_insert(now);
        next.progress = progress;
        next.counts.add(counts);
        next
    }

    /// The same, ended.
    #[must_use]
    pub fn ended(&self, state: JobState, failure: Option<String>, now: Timestamp) -> Self {
        let mut next = self.next();
        (next.state, next.failure, next.ended_at, next.wake_at) = (state, failure, Some(now), None);
        next.started_at.get_or_insert(now);
        next
    }

    /// The same, with its next step after this wait.
    #[must_use]
    pub fn waiting(&self, wait: Duration, found_no_room: bool, now: Timestamp) -> Self {
        let mut next = self.next();
        next.state = JobState::Running;
        next.started_at.get_or_insert(now);
        next.step = next.step.saturating_add(1);
        next.wake_at = Some(crate::breaker::after(now, wait));
        next.waits = if found_no_room { next.waits.saturating_add(1) } else { 0 };
        next
    }

    /// How long to wait for room: 1 s, 2 s, 4 s, … up to a minute, or five where nothing is sent.
    pub fn wait_for_room(&self, is_enabled: bool) -> Duration {
        let doubled = Duration::from_secs(1_u64.checked_shl(self.waits).unwrap_or(u64::MAX));
        doubled.min(if is_enabled { LONGEST_WAIT } else { LONGEST_REST })
    }

    fn next(&self) -> Self {
        Self { version: self.version.saturating_add(1), ..self.clone() }
    }

    /// Whether a step with this number is of an earlier time.
    pub fn has_outlived(&self, step: u64) -> bool {
        step < self.step
    }

    /// From when on a step that has not come must be lost; none where none is to come.
    pub fn overdue_at(&self) -> Option<Timestamp> {
        self.wake_at?.checked_add(OVERDUE).ok()
    }

    /// Up to which time it has come, where it goes through a time.
    pub fn reached(&self) -> Option<Timestamp> {
        match (&self.work, &self.progress) {
            (Work::Since { window, .. }, Progress::Events(position)) => {
                Some(position.reached().clamp(window.since, window.until))
            }
            (_, Progress::Dead { died_at, .. }) => Some(*died_at),
            _ => None,
        }
    }
}

/// Make the next step of a job. It says nothing of what is to be done: it may come twice, late, or for nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobStep {
    /// Which form this document has; see [`JOB_STEP_VERSION`].
    #[serde(rename = "v")]
    pub version: u32,
    /// Which job.
    #[serde(flatten)]
    pub job: JobKey,
    /// The step's number.
    pub step: u64,
}

impl JobStep {
    /// A step of a job.
    pub fn new(job: JobKey, step: u64) -> Self {
        Self { version: JOB_STEP_VERSION, job, step }
    }

    /// Whether this text is meant to be a step of a job rather than a timer of a backlog.
    pub fn is_meant_by(text: &str) -> bool {
        #[derive(Deserialize)]
        struct Any {
            job_id: Option<serde::de::IgnoredAny>,
        }
        text.contains("\"job_id\"") && serde_json::from_str::<Any>(text).is_ok_and(|any| any.job_id.is_some())
    }

    /// Reads a step from a queue message.
    pub fn from_json(text: &str) -> Result<Self, UnreadableMessage> {
        read(text)
    }
}

impl Versioned for JobStep {
    const KIND: Kind = Kind { name: "step of a job", indefinite: "a step of a job", version: JOB_STEP_VERSION };
    fn version(&self) -> u32 {
        self.version
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::About;
    use crate::ids::TenantId;
    use crate::test_data;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_770_000_000 + second).unwrap()
    }

    fn key() -> JobKey {
        JobKey { subscription: test_data::subscription().key(), id: JobId::from_uuid(uuid::Uuid::from_u128(9)) }
    }

    fn since(event_types: &[EventType], building: Option<&str>, space: Option<&str>) -> Work {
        Work::Since {
            window: Window { since: at(0), until: at(10) },
            event_types: event_types.iter().copied().collect(),
            building_ref_id: building.map(|id| BuildingRefId::parse(id).unwrap()),
            space_ref_id: space.map(|id| SpaceRefId::parse(id).unwrap()),
        }
    }

    #[test]
    fn a_window_takes_what_the_subscription_wants_now() {
        let event = test_data::event(serde_json::json!({}));
        let subscription = test_data::subscription();
        let taken = |work: &Work, subscription: &Subscription| work.takes(subscription, &event);
        assert!(taken(&since(&[], None, None), &subscription));
        assert!(taken(&since(&[EventType::SpaceReport], Some("building_1"), Some("room_1")), &subscription));
        assert!(!taken(&since(&[EventType::SpaceAvailability], None, None), &subscription));
        assert!(!taken(&since(&[], Some("building_2"), None), &subscription));
        assert!(!taken(&since(&[], None, Some("room_2")), &subscription));
        let late = Event { received_at: at(10), ..event.clone() };
        assert!(!since(&[], None, None).takes(&subscription, &late), "until is no part of it");
        let elsewhere = Subscription { building_ref_ids: [BuildingRefId::parse("x").unwrap()].into(), ..subscription };
        assert!(!taken(&since(&[], None, None), &elsewhere));
    }

    #[test]
    fn an_event_that_is_named_needs_no_more_than_its_type() {
        let event = test_data::event(serde_json::json!({}));
        let work = Work::Event { event_id: event.id.clone() };
        let subscription = test_data::subscription();
        let elsewhere =
            Subscription { building_ref_ids: [BuildingRefId::parse("x").unwrap()].into(), ..subscription.clone() };
        assert!(work.takes(&elsewhere, &event));
        let other_type = Subscription { event_types: [EventType::SpaceAvailability].into(), ..subscription.clone() };
        assert!(!work.takes(&other_type, &event));
        let other_tenant = Subscription { tenant: TenantId::parse("other").unwrap(), ..subscription.clone() };
        assert!(!work.takes(&other_tenant, &event), "another tenant's is never sent");
        assert!(!Work::Dead { died_before: at(0) }.takes(&other_tenant, &event));
        let subject = crate::stream::Subject::from(&subscription.id);
        assert!(!work.takes(&subscription, &Event { about: About::Subject(subject), ..event }));
    }

    #[test]
    fn waits_for_room_grow_and_start_anew() {
        let mut job = Job::new(key(), since(&[], None, None), None, at(0));
        let waits: Vec<u64> = (0..9)
            .map(|_| {
                let wait = job.wait_for_room(true);
                job = job.waiting(wait, true, at(0));
                wait.as_secs()
            })
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(job.wait_for_room(false).as_secs(), 300);
        assert_eq!(job.waiting(Duration::from_secs(1), false, at(0)).wait_for_room(true).as_secs(), 1);
        assert_eq!((job.version, job.step), (10, 10));
        assert!(job.has_outlived(9) && !job.has_outlived(10));
    }

    #[test]
    fn a_job_is_due_until_it_ends() {
        let job = Job::new(key(), since(&[], None, None), None, at(0));
        assert_eq!(job.overdue_at(), Some(at(180)));
        let job = job.advanced(Progress::Nothing, JobCounts { examined: 2, ..JobCounts::default() }, at(5));
        assert_eq!((job.state, job.started_at, job.counts.examined), (JobState::Running, Some(at(5)), 2));
        let done = job.ended(JobState::Done, None, at(9));
        assert!(done.state.is_finished() && done.overdue_at().is_none() && done.ended_at == Some(at(9)));
        let text = serde_json::to_string(&done).unwrap();
        assert_eq!(serde_json::from_str::<Job>(&text).unwrap(), done);
    }

    #[test]
    fn a_step_reads_back_and_is_told_from_a_timer() {
        let step = JobStep::new(key(), 3);
        let text = serde_json::to_string(&step).unwrap();
        assert!(JobStep::is_meant_by(&text));
        assert_eq!(JobStep::from_json(&text).unwrap(), step);
        let wake = crate::wake::Wake::now(key().subscription);
        assert!(!JobStep::is_meant_by(&serde_json::to_string(&wake).unwrap()));
        let newer = JobStep::from_json(r#"{"v":7,"job_id":"x"}"#).unwrap_err().to_string();
        assert_eq!(newer, "step of a job version 7; this release reads version 1");
    }
}
