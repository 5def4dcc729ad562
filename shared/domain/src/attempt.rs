//! An attempt: one HTTP request of a delivery, as it is remembered.

use crate::event::{EventSensorGroup, EventType};
use crate::failure::FailureReason;
use crate::ids::{AttemptId, BuildingRefId, EventId, Sequence};
use crate::place::SpaceKey;
use crate::retry::AttemptNumber;
use crate::trace::TraceId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How long attempts are kept: 7 days.
pub const KEPT_S: i64 = 7 * 24 * 3600;

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Outcome {
    /// The receiver accepted: a 2xx in time.
    Accepted {
        /// Its HTTP status.
        status: u16,
    },
    /// Anything else.
    Failed {
        /// Why.
        reason: FailureReason,
        /// The HTTP status, where there was an answer.
        status: Option<u16>,
        /// The first 1 KiB of the answer, as text.
        answer: Option<String>,
    },
}

impl Outcome {
    /// True where the receiver accepted.
    pub fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted { .. })
    }
}

/// One attempt, as it is kept in the attempt log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// The event.
    pub event_id: EventId,
    /// Its type.
    pub event_type: EventType,
    /// The trace of what caused the event; none where that had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<TraceId>,
    /// The revision of the subscription that it was made with; 0 where that is not known.
    #[serde(default)]
    pub revision: u64,
    /// The event's place in the history of what it is about.
    #[serde(default)]
    pub sequence: Sequence,
    /// How many older deliveries the event stood for, where it waited in a backlog that keeps the newest alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded: Option<u64>,
    /// The space that the event is about, as it was named then; none where it is about none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<SpaceKey>,
    /// The named group of sensors that it is about, as it was named then; none where it is about none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensor_group: Option<EventSensorGroup>,
    /// Which attempt of the delivery this was.
    pub number: AttemptNumber,
    /// When it started.
    pub started_at: Timestamp,
    /// From its start to its end, in milliseconds.
    pub duration_ms: u64,
    /// From the sensor's observation to the end of this attempt, in milliseconds.
    pub freshness_ms: u64,
    /// What came of it.
    pub outcome: Outcome,
}

impl Attempt {
    /// The building that what the event is about was in, where it was in one.
    pub fn building(&self) -> Option<&BuildingRefId> {
        let of_group = self.sensor_group.as_ref().and_then(|group| group.building_ref_id.as_ref());
        self.space.as_ref().map(|space| &space.building_ref_id).or(of_group)
    }
}

/// An attempt as it is found in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Logged {
    /// Its id.
    pub id: AttemptId,
    /// What is kept of it.
    pub attempt: Attempt,
}
