//! Where a sensor is, and the state of a space with the events that are not queued yet.

use crate::error::StoreError;
use crate::item::{from_item, keyed, number, text};
use crate::request::Written;
use crate::write::{If, Write};
use crate::{Store, due, keys};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use spacehook_domain::event::Event;
use spacehook_domain::ids::{SensorId, SpaceId, TenantId};
use spacehook_domain::place::{Sensor, Space};
use spacehook_domain::space_state::SpaceState;

const VERSION: &str = "version";
const STATE: &str = "state";
const PENDING: &str = "pending";

/// Reads of a sensor and its space, at most, while the sensor is being moved.
const PLACEMENT_TRIES: usize = 4;

/// The state of a space, and what is not known to be queued of its events.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StoredSpace {
    /// One more with each save; 0 where nothing was saved yet.
    pub version: u64,
    /// The state.
    pub state: SpaceState,
    /// Events that were saved with the state and not confirmed as queued.
    pub pending: Vec<Event>,
    /// When health is to look at it.
    pub due_at: Option<Timestamp>,
}

/// What came of a save that is conditional.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Saved {
    /// It is saved.
    Yes,
    /// Somebody else was faster: nothing is saved; read again.
    Conflict,
}

/// State and pending events are JSON texts: opaque to `DynamoDB`, and a third of the size of its maps.
#[derive(Debug, Serialize, Deserialize)]
struct StateItem {
    version: u64,
    state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pending: Option<String>,
}

impl Store {
    /// A sensor and the space that it belongs to, with the settings of its building where it is silent; none where it belongs
    /// to none. Costs 3 `GetItem`: the sensor, then its space and its building side by side.
    pub async fn placement(
        &self,
        tenant: &TenantId,
        sensor_id: &SensorId,
    ) -> Result<Option<(Sensor, Space)>, StoreError> {
        const OPERATION: &str = "read where a sensor is";
        // A sensor that is moved between the two reads is not in the space it was in: read again.
        for _ in 0..PLACEMENT_TRIES {
            let Some(sensor) = self.get_as::<Sensor>(OPERATION, &keys::sensor(tenant, sensor_id)).await? else {
                return Ok(None);
            };
            let (space, building) = futures::try_join!(
                // Boxed: side by side they are larger than a stack should hold.
                Box::pin(self.space(tenant, &sensor.space)),
                Box::pin(self.building(tenant, &sensor.space.building_ref_id)),
            )?;
            if let Some(mut space) = space.filter(|space| space.sensor_ids.contains(sensor_id)) {
                space.settings = space.settings.or(&building.map(|building| building.settings).unwrap_or_default());
                return Ok(Some((sensor, space)));
            }
        }
        Err(Self::overtaken(OPERATION))
    }

    /// The state of a space; version 0 and nothing where none is stored. Costs 1 `GetItem`, 1 read unit each 4 KB.
    pub async fn stored_space(&self, tenant: &TenantId, space: SpaceId) -> Result<StoredSpace, StoreError> {
        let key = keys::space_state(tenant, space);
        let Some(item) = self.get("read the state of a space", &key).await? else {
            return Ok(StoredSpace::default());
        };
        let due_at = due::due_at(&item)?;
        let stored: StateItem = from_item(item)?;
        let unreadable = |error: serde_json::Error| StoreError::unreadable(key.clone(), error.to_string());
        Ok(StoredSpace {
            version: stored.version,
            state: serde_json::from_str::<SpaceState>(&stored.state).map_err(unreadable)?,
            pending: match &stored.pending {
                Some(pending) => serde_json::from_str::<Vec<Event>>(pending).map_err(unreadable)?,
                None => Vec::new(),
            },
            due_at,
        })
    }

    /// Saves the state with the events that it causes, as version `expected_version + 1`, if the stored version is still
    /// the expected one (0: nothing stored). Health looks at it at `due_at`.
    ///
    /// Costs 1 `PutItem`, 1 write unit each KB of state and events, and 2 where `due_at` changes. A lost answer may be reported as a conflict with
    /// oneself: reading again shows the own state and its pending events. More than [`crate::ITEM_BYTES_LIMIT`] is an
    /// error ([`StoreError::is_too_large`]), and nothing is saved.
    pub async fn save_space(
        &self,
        tenant: &TenantId,
        space: SpaceId,
        expected_version: u64,
        state: &SpaceState,
        pending: &[Event],
        due_at: Option<Timestamp>,
    ) -> Result<Saved, StoreError> {
        let key = keys::space_state(tenant, space);
        let unwritable = |error: serde_json::Error| StoreError::unwritable(key.clone(), error.to_string());
        let mut item = [
            (VERSION.to_owned(), number(expected_version.saturating_add(1))),
            (STATE.to_owned(), text(serde_json::to_string(state).map_err(unwritable)?)),
        ]
        .into_iter()
        .collect::<crate::item::Item>();
        item.extend(due::attributes(due::of_space(&key), due_at).map(|(name, value)| (name.to_owned(), value)));
        if !pending.is_empty() {
            item.insert(PENDING.to_owned(), text(serde_json::to_string(pending).map_err(unwritable)?));
        }
        let expected = match expected_version {
            0 => If::Absent,
            version => If::Is(VERSION.into(), number(version)),
        };
        let write = Write::put(key.clone(), keyed(&key, item)?).only_if(expected);
        Ok(match self.write("save the state of a space", write).await? {
            Written::Done => Saved::Yes,
            Written::Refused => Saved::Conflict,
        })
    }

    /// Has health look at a space then, or never, if the stored version is still this one. What is newer is left alone, and
    /// that is no error. The version stays. Costs 1 `UpdateItem`, 1 write unit each KB of what is stored, and 2 for the
    /// index.
    pub async fn set_due(
        &self,
        tenant: &TenantId,
        space: SpaceId,
        version: u64,
        due_at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let key = keys::space_state(tenant, space);
        let partition = due_at.map(|_| text(due::of_space(&key)));
        let write = Write::update(key)
            .set_or_remove(due::DUE, partition)
            .set_or_remove(due::DUE_AT, due_at.map(|at| number(at.as_millisecond())))
            .only_if(If::Is(VERSION.into(), number(version)));
        self.write("set when a space is due", write).await?;
        Ok(())
    }

    /// Forgets the pending events, if the stored version is still the one they were saved with. A later version, which
    /// has its own pending events, is left alone, and that is no error. The version stays.
    ///
    /// Costs 1 `UpdateItem`, 1 write unit each KB of what was stored.
    pub async fn clear_pending(&self, tenant: &TenantId, space: SpaceId, version: u64) -> Result<(), StoreError> {
        let write = Write::update(keys::space_state(tenant, space))
            .remove(PENDING)
            .only_if(If::Is(VERSION.into(), number(version)));
        self.write("clear the pending events of a space", write).await?;
        Ok(())
    }
}
