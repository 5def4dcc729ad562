//! The items of places. The counters in them are never read as a part of the place.

use crate::item::text;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use spacehook_domain::ids::{
    BuildingRefId, FloorRefId, ProfileName, SensorGroupId, SensorGroupRefId, SensorId, SpaceId, SpaceRefId,
};
use spacehook_domain::place::{Building, Floor, SensorGroup, Space, SpaceKey};
use spacehook_domain::settings::Settings;
use std::collections::BTreeSet;

pub(super) const NAME: &str = "name";
pub(super) const FLOORS: &str = "floors";
pub(super) const SPACES: &str = "spaces";
pub(super) const SPACE_ID: &str = "space_id";
pub(super) const FLOOR: &str = "floor_ref_id";
pub(super) const SPACE: &str = "space_ref_id";
pub(super) const BUILDING: &str = "building_ref_id";
pub(super) const SENSOR_ID: &str = "sensor_id";
pub(super) const SENSORS: &str = "sensor_ids";
pub(super) const PROFILE: &str = "profile";
pub(super) const SETTINGS: &str = "settings";
pub(super) const SENSOR_GROUP_ID: &str = "sensor_group_id";
/// How many groups a building has.
pub(super) const SENSOR_GROUPS: &str = "sensor_groups";
/// Which groups a sensor is in.
pub(super) const GROUPS: &str = "sensor_group_ref_ids";
/// One more with each change of a group.
pub(super) const REVISION: &str = "revision";

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct BuildingItem {
    pub(super) building_ref_id: BuildingRefId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) floors: u64,
    #[serde(default)]
    pub(super) spaces: u64,
    #[serde(default)]
    pub(super) sensor_groups: u64,
    #[serde(default, with = "json", skip_serializing_if = "Settings::is_empty")]
    pub(super) settings: Settings,
}

impl From<BuildingItem> for Building {
    fn from(item: BuildingItem) -> Self {
        Self { building_ref_id: item.building_ref_id, name: item.name, settings: item.settings }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FloorItem {
    pub(super) building_ref_id: BuildingRefId,
    pub(super) floor_ref_id: FloorRefId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) spaces: u64,
}

impl From<FloorItem> for Floor {
    fn from(item: FloorItem) -> Self {
        Self { building_ref_id: item.building_ref_id, floor_ref_id: item.floor_ref_id, name: item.name }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SpaceItem {
    pub(super) space_id: SpaceId,
    pub(super) building_ref_id: BuildingRefId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) floor_ref_id: Option<FloorRefId>,
    pub(super) space_ref_id: SpaceRefId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    /// A set, to which single sensors are added and from which they are taken; `DynamoDB` keeps no empty one.
    #[serde(default, with = "serde_dynamo::string_set", skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) sensor_ids: BTreeSet<SensorId>,
    /// Of the space alone, without its building's.
    #[serde(default, with = "json", skip_serializing_if = "Settings::is_empty")]
    pub(super) settings: Settings,
}

impl From<SpaceItem> for Space {
    fn from(item: SpaceItem) -> Self {
        Self {
            space_id: item.space_id,
            building_ref_id: item.building_ref_id,
            floor_ref_id: item.floor_ref_id,
            space_ref_id: item.space_ref_id,
            name: item.name,
            sensor_ids: item.sensor_ids,
            settings: item.settings,
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SensorGroupItem {
    pub(super) sensor_group_id: SensorGroupId,
    pub(super) sensor_group_ref_id: SensorGroupRefId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) building_ref_id: Option<BuildingRefId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(default, with = "serde_dynamo::string_set", skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) sensor_ids: BTreeSet<SensorId>,
    /// Of the group alone, without its building's.
    #[serde(default, with = "json", skip_serializing_if = "Settings::is_empty")]
    pub(super) settings: Settings,
    pub(super) revision: u64,
}

impl From<SensorGroupItem> for SensorGroup {
    fn from(item: SensorGroupItem) -> Self {
        Self {
            sensor_group_id: item.sensor_group_id,
            sensor_group_ref_id: item.sensor_group_ref_id,
            building_ref_id: item.building_ref_id,
            name: item.name,
            sensor_ids: item.sensor_ids,
            settings: item.settings,
        }
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SensorItem {
    pub(super) sensor_id: SensorId,
    pub(super) building_ref_id: BuildingRefId,
    pub(super) space_ref_id: SpaceRefId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) profile: Option<ProfileName>,
    /// Which groups it is in: changed by those alone.
    #[serde(default, with = "serde_dynamo::string_set", skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) sensor_group_ref_ids: BTreeSet<SensorGroupRefId>,
}

impl SensorItem {
    pub(super) fn space(&self) -> SpaceKey {
        SpaceKey { building_ref_id: self.building_ref_id.clone(), space_ref_id: self.space_ref_id.clone() }
    }
}

/// Settings as the attribute of an item; none where nothing is settled.
pub(super) fn settings(settings: &Settings) -> Result<Option<AttributeValue>, serde_json::Error> {
    if settings.is_empty() { Ok(None) } else { serde_json::to_string(settings).map(|json| Some(text(json))) }
}

/// As a JSON text: `DynamoDB` would take the fraction off 300.0.
mod json {
    use serde::de::Error as _;
    use serde::ser::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};
    use spacehook_domain::settings::Settings;

    pub(super) fn serialize<S: Serializer>(settings: &Settings, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&serde_json::to_string(settings).map_err(S::Error::custom)?)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Settings, D::Error> {
        serde_json::from_str(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
