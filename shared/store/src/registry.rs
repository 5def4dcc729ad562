//! Buildings, floors, spaces, sensors and groups of them.
//!
//! Each change is one transaction with the tenant's registry version, so that what is cached of places holds for one
//! version. A building counts its floors, spaces and groups, a floor its spaces, in the same transactions: so what is not empty
//! can't be deleted, and nothing is put into what is being deleted. The sensors of a space are a set of the space's
//! item, always in step with the items of the sensors; and so are the sensors of a group, which are named in the group's
//! item, and the group in the items of the sensors.
//!
//! A change that changes nothing is not written.

mod buildings;
mod floors;
mod item;
mod sensor_groups;
mod sensors;
mod spaces;

pub use floors::PutFloorError;
pub use sensor_groups::{GROUPS_OF_SENSOR_LIMIT, PutSensorGroupError, SENSORS_OF_GROUP_LIMIT, SensorGroupDraft};
pub use sensors::{PutSensorError, PutSpaceWithSensorsError, SENSORS_LIMIT, SpaceWithSensors};
pub use spaces::{PutSpaceError, SpaceDraft};

use crate::error::StoreError;

/// What came of storing a thing that may have been there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It was not there.
    Created,
    /// It was there, and now is as asked.
    Updated,
}

/// Why something was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// There is something in it: floors, spaces or groups of sensors in a building, spaces on a floor, sensors in a space.
    #[error("there are still {0}")]
    InUse(&'static str),
    /// The table failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a write of a transaction is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Tenant,
    Building,
    Floor,
    Space,
    Sensor,
    SensorGroup,
    /// What is left, or goes along: its conditions fail only where another writer was faster.
    Other,
}
