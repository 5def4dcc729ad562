//! Where sensors are: buildings, floors, spaces; and which of them are looked at together.

use crate::ids::{
    BuildingRefId, FloorRefId, ProfileName, SensorGroupId, SensorGroupRefId, SensorId, SpaceId, SpaceRefId,
};
use crate::settings::Settings;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A building, by its customer's own name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Building {
    /// The customer's own name of it.
    pub building_ref_id: BuildingRefId,
    /// What people call it.
    pub name: Option<String>,
    /// What is settled of all of its spaces that do not say otherwise.
    pub settings: Settings,
}

/// A floor of a building.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Floor {
    /// The building it is in.
    pub building_ref_id: BuildingRefId,
    /// The customer's own name of it.
    pub floor_ref_id: FloorRefId,
    /// What people call it.
    pub name: Option<String>,
}

/// Names a space in its tenant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SpaceKey {
    /// The building it is in.
    pub building_ref_id: BuildingRefId,
    /// The customer's own name of it in that building.
    pub space_ref_id: SpaceRefId,
}

/// A space: a room, a desk, an area, watched by any number of sensors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Space {
    /// Spacehook's own number of it.
    pub space_id: SpaceId,
    /// The building it is in.
    pub building_ref_id: BuildingRefId,
    /// The floor it is on, if the customer says so.
    pub floor_ref_id: Option<FloorRefId>,
    /// The customer's own name of it.
    pub space_ref_id: SpaceRefId,
    /// What people call it.
    pub name: Option<String>,
    /// The sensors that report on it. A sensor belongs to one space at a time.
    pub sensor_ids: BTreeSet<SensorId>,
    /// What is settled of it; where a reading is taken in, with what its building says.
    pub settings: Settings,
}

impl Space {
    /// The name of this space in its tenant.
    pub fn key(&self) -> SpaceKey {
        SpaceKey { building_ref_id: self.building_ref_id.clone(), space_ref_id: self.space_ref_id.clone() }
    }
}

/// Sensors that are looked at together, by a name of the customer's: of one space, of several, of several buildings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SensorGroup {
    /// Spacehook's own number of it.
    pub sensor_group_id: SensorGroupId,
    /// The customer's own name of it.
    pub sensor_group_ref_id: SensorGroupRefId,
    /// The building that it is of, if the customer says so.
    pub building_ref_id: Option<BuildingRefId>,
    /// What people call it.
    pub name: Option<String>,
    /// Its sensors. A sensor may be in several groups.
    pub sensor_ids: BTreeSet<SensorId>,
    /// What is settled of it; where a reading is taken in, with what its building says.
    pub settings: Settings,
}

/// A sensor and the space it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sensor {
    /// As its vendor names it.
    pub sensor_id: SensorId,
    /// The space it reports on.
    #[serde(flatten)]
    pub space: SpaceKey,
    /// What people call it.
    pub name: Option<String>,
    /// The form of the messages on its topics, where it is not that which they name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileName>,
    /// The groups that it is in besides.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub sensor_group_ref_ids: BTreeSet<SensorGroupRefId>,
}
