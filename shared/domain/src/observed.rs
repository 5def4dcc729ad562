//! What is observed by sensors together and so has a state: a space, or a named group of sensors.

use crate::event::{About, EventSensorGroup, EventSpace};
use crate::ids::{SensorGroupId, SensorGroupRefId, SensorId, SpaceId};
use crate::payload::{PlaceNames, WatchedGroup};
use crate::place::{SensorGroup, Space, SpaceKey};
use crate::settings::Settings;
use crate::stream::Stream;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A space or a named group of sensors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observed {
    /// A space.
    Space(Arc<Space>),
    /// A group.
    Group(Arc<SensorGroup>),
}

impl From<Space> for Observed {
    fn from(space: Space) -> Self {
        Self::Space(Arc::new(space))
    }
}

impl From<SensorGroup> for Observed {
    fn from(group: SensorGroup) -> Self {
        Self::Group(Arc::new(group))
    }
}

impl Observed {
    /// Spacehook's own number of it.
    pub fn id(&self) -> ObservedId {
        match self {
            Self::Space(space) => ObservedId::Space(space.space_id),
            Self::Group(group) => ObservedId::Group(group.sensor_group_id),
        }
    }

    /// The customer's own name of it.
    pub fn key(&self) -> ObservedKey {
        match self {
            Self::Space(space) => ObservedKey::Space(space.key()),
            Self::Group(group) => ObservedKey::Group { sensor_group_ref_id: group.sensor_group_ref_id.clone() },
        }
    }

    /// The space, where it is one.
    pub fn space(&self) -> Option<&Space> {
        match self {
            Self::Space(space) => Some(space),
            Self::Group(_) => None,
        }
    }

    /// The sensors that observe it.
    pub fn sensor_ids(&self) -> &BTreeSet<SensorId> {
        match self {
            Self::Space(space) => &space.sensor_ids,
            Self::Group(group) => &group.sensor_ids,
        }
    }

    /// The same, observed by these sensors.
    #[must_use]
    pub fn observed_by(&self, sensor_ids: &BTreeSet<SensorId>) -> Self {
        match self {
            Self::Space(space) => Space { sensor_ids: sensor_ids.clone(), ..Space::clone(space) }.into(),
            Self::Group(group) => SensorGroup { sensor_ids: sensor_ids.clone(), ..SensorGroup::clone(group) }.into(),
        }
    }

    /// What is settled of it.
    pub fn settings(&self) -> &Settings {
        match self {
            Self::Space(space) => &space.settings,
            Self::Group(group) => &group.settings,
        }
    }

    /// What its events are about.
    pub(crate) fn about(&self) -> About {
        match self {
            Self::Space(space) => About::Space(EventSpace::from(&**space)),
            Self::Group(group) => About::SensorGroup(EventSensorGroup::from(&**group)),
        }
    }

    /// Where it is; of a group the building alone, and that where the customer says so.
    pub(crate) fn place_names(&self) -> PlaceNames {
        match self {
            Self::Space(space) => PlaceNames::from(&**space),
            Self::Group(group) => PlaceNames::of_building(group.building_ref_id.clone()),
        }
    }

    /// Its sensors as one: a space is a group too.
    pub(crate) fn as_group(&self) -> WatchedGroup {
        let id = match self {
            Self::Space(space) => space.space_ref_id.as_str(),
            Self::Group(group) => group.sensor_group_ref_id.as_str(),
        };
        WatchedGroup { id: id.to_owned(), sensor_ids: self.sensor_ids().clone() }
    }
}

/// Names it in its tenant, by the customer's own names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ObservedKey {
    /// A space.
    Space(SpaceKey),
    /// A group.
    Group {
        /// Which.
        sensor_group_ref_id: SensorGroupRefId,
    },
}

/// Spacehook's own number of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ObservedId {
    /// Of a space.
    #[serde(rename = "space_id")]
    Space(SpaceId),
    /// Of a group.
    #[serde(rename = "sensor_group_id")]
    Group(SensorGroupId),
}

impl ObservedId {
    /// The number of a space, for the log.
    pub fn space_number(self) -> Option<u64> {
        match self {
            Self::Space(SpaceId(number)) => Some(number),
            Self::Group(_) => None,
        }
    }

    /// The number of a group, for the log.
    pub fn sensor_group_number(self) -> Option<u64> {
        match self {
            Self::Space(_) => None,
            Self::Group(SensorGroupId(number)) => Some(number),
        }
    }
}

impl From<ObservedId> for Stream {
    fn from(id: ObservedId) -> Self {
        match id {
            ObservedId::Space(space) => Self::of_space(space),
            ObservedId::Group(group) => Self::of_sensor_group(group),
        }
    }
}

/// The number of a space as it is; that of a group after a `g`.
impl fmt::Display for ObservedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Space(SpaceId(number)) => number.fmt(f),
            Self::Group(SensorGroupId(number)) => write!(f, "g{number}"),
        }
    }
}

impl FromStr for ObservedId {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix('g') {
            None => text.parse().map(|number| Self::Space(SpaceId(number))),
            Some(number) => number.parse().map(|number| Self::Group(SensorGroupId(number))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_spaces_and_of_groups_are_told_apart() {
        for (id, text, json) in [
            (ObservedId::Space(SpaceId(7)), "7", r#"{"space_id":7}"#),
            (ObservedId::Group(SensorGroupId(7)), "g7", r#"{"sensor_group_id":7}"#),
        ] {
            assert_eq!((id.to_string().as_str(), text.parse()), (text, Ok(id)));
            assert_eq!(serde_json::to_string(&id).unwrap(), json);
            assert_eq!(Stream::from(id).to_string(), text);
        }
        assert_ne!(Stream::from(ObservedId::Space(SpaceId(7))), Stream::from(ObservedId::Group(SensorGroupId(7))));
        for wrong in ["", "g", "7g", "-1", "gg1"] {
            assert!(wrong.parse::<ObservedId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_was_written_of_a_space_reads_back_as_one() {
        let written = r#"{"building_ref_id":"HQ","space_ref_id":"r1"}"#;
        let key: ObservedKey = serde_json::from_str(written).unwrap();
        assert!(matches!(key, ObservedKey::Space(_)));
        assert_eq!(serde_json::to_string(&key).unwrap(), written);
        let key: ObservedKey = serde_json::from_str(r#"{"sensor_group_ref_id":"west"}"#).unwrap();
        assert!(matches!(key, ObservedKey::Group { .. }));
    }
}
