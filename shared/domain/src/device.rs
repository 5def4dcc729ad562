//! What happens to devices: bodies of their events, and the events of their registration.

use crate::event::{EventSpace, EventType};
use crate::ids::{BuildingRefId, FloorRefId, SensorId, SpaceRefId};
use crate::publishing::Draft;
use crate::shadow::App;
use crate::stream::Subject;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Body of `device_registered`, `device_unregistered`, `device_in_sync`, `device_out_of_sync` and `device_app_updated`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceRecord {
    /// Which of them.
    pub event_type: EventType,
    /// When it happened.
    pub timestamp: Timestamp,
    /// The customer's own name of the building.
    pub building_ref_id: Option<BuildingRefId>,
    /// The customer's own name of the floor.
    pub floor_ref_id: Option<FloorRefId>,
    /// The customer's own name of the space.
    pub space_ref_id: Option<SpaceRefId>,
    /// The sensor, as its vendor names it.
    pub sensor_id: SensorId,
    /// What it lacks, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Its software.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<UpdatedApp>,
}

/// Software, and what it was before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdatedApp {
    /// Its name, and the version now.
    #[serde(flatten)]
    pub app: App,
    /// The version before.
    pub previous_version: Option<String>,
}

impl DeviceRecord {
    /// What happened to a sensor of a space.
    pub fn new(event_type: EventType, timestamp: Timestamp, space: EventSpace, sensor_id: SensorId) -> Self {
        Self {
            event_type,
            timestamp,
            building_ref_id: Some(space.building_ref_id),
            floor_ref_id: space.floor_ref_id,
            space_ref_id: Some(space.space_ref_id),
            sensor_id,
            reason: None,
            app: None,
        }
    }
}

/// Whether a sensor was registered, or is no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// It was registered.
    Registered,
    /// It was unregistered.
    Unregistered,
}

impl Registration {
    /// The type of its event.
    pub fn event_type(self) -> EventType {
        match self {
            Self::Registered => EventType::DeviceRegistered,
            Self::Unregistered => EventType::DeviceUnregistered,
        }
    }

    /// Its event, of a sensor in this space. It is about the sensor and not about the space, whose events have their places
    /// from its state: so those of one sensor keep their order, and building filters let them pass.
    pub fn draft(self, at: Timestamp, space: EventSpace, sensor: &SensorId) -> Draft {
        let record = DeviceRecord::new(self.event_type(), at, space, sensor.clone());
        // A record is an object with text keys.
        let data = serde_json::to_value(record).ok().and_then(|data| data.as_object().cloned()).unwrap_or_default();
        let subject = Subject::parse(sensor.as_str()).ok();
        Draft { event_type: self.event_type(), data, subject, occurred_at: Some(at) }
    }
}
