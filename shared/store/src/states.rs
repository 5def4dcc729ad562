//! The states of spaces and of groups of sensors, with the events that are not queued yet.

use crate::error::StoreError;
use crate::item::{Item, from_item, key_of, keyed, number, text};
use crate::keys::Key;
use crate::request::Written;
use crate::write::{If, Write};
use crate::{Store, TenantOverview, due, keys};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use spacehook_domain::event::Event;
use spacehook_domain::ids::TenantId;
use spacehook_domain::observed::ObservedId;
use spacehook_domain::space_state::SpaceState;
use std::collections::BTreeMap;

const VERSION: &str = "version";
const STATE: &str = "state";
const PENDING: &str = "pending";

/// The state of a space or a group, and what is not known to be queued of its events.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StoredState {
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
    /// The state of a space or a group; version 0 and nothing where none is stored. Costs 1 `GetItem`, 1 read unit each 4 KB.
    pub async fn stored_state(&self, tenant: &TenantId, of: ObservedId) -> Result<StoredState, StoreError> {
        let item = self.get("read a state", &keys::state(tenant, of)).await?;
        item.map_or_else(|| Ok(StoredState::default()), read)
    }

    /// A tenant's overview ([`Store::tenant_overview`]) and states of its spaces and groups, at most 99, each as
    /// [`Store::stored_state`] has it. A state that can't be had now, or can't be read, is left out: who needs it reads it by
    /// itself. Costs 1 `BatchGetItem`, and in read units what these cost one by one.
    pub async fn overview_and_states(
        &self,
        tenant: &TenantId,
        of: &[ObservedId],
    ) -> Result<(TenantOverview, BTreeMap<ObservedId, StoredState>), StoreError> {
        let tenant_key = keys::tenant(tenant);
        let keys: Vec<(Key, ObservedId)> = of.iter().map(|of| (keys::state(tenant, *of), *of)).collect();
        let wanted: Vec<Key> = [&tenant_key].into_iter().chain(keys.iter().map(|(key, _)| key)).cloned().collect();
        let (mut found, left_out) = self.get_once("read a tenant and states", &wanted).await?;
        let mut take = |key: &Key| {
            let place = found.iter().position(|item| key_of(item) == *key)?;
            Some(found.swap_remove(place))
        };
        let overview = match take(&tenant_key) {
            Some(item) => TenantOverview::read(&item)?,
            None if left_out.contains(&tenant_key) => self.tenant_overview(tenant).await?,
            None => TenantOverview::default(),
        };
        let states = keys.into_iter().filter(|(key, _)| !left_out.contains(key));
        let states = states.filter_map(|(key, of)| match take(&key) {
            Some(item) => Some((of, read(item).ok()?)),
            None => Some((of, StoredState::default())),
        });
        Ok((overview, states.collect()))
    }

    /// Saves the state with the events that it causes, as version `expected_version + 1`, if the stored version is still
    /// the expected one (0: nothing stored). Health looks at it at `due_at`.
    ///
    /// Costs 1 `PutItem`, 1 write unit each KB of state and events, and 2 where `due_at` changes. A lost answer may be reported as a conflict with
    /// oneself: reading again shows the own state and its pending events. More than [`crate::ITEM_BYTES_LIMIT`] is an
    /// error ([`StoreError::is_too_large`]), and nothing is saved.
    pub async fn save_state(
        &self,
        tenant: &TenantId,
        of: ObservedId,
        expected_version: u64,
        state: &SpaceState,
        pending: &[Event],
        due_at: Option<Timestamp>,
    ) -> Result<Saved, StoreError> {
        let key = keys::state(tenant, of);
        let unwritable = |error: serde_json::Error| StoreError::unwritable(key.clone(), error.to_string());
        let mut item = [
            (VERSION.to_owned(), number(expected_version.saturating_add(1))),
            (STATE.to_owned(), text(serde_json::to_string(state).map_err(unwritable)?)),
        ]
        .into_iter()
        .collect::<Item>();
        item.extend(due::attributes(due::of_state(&key), due_at).map(|(name, value)| (name.to_owned(), value)));
        if !pending.is_empty() {
            item.insert(PENDING.to_owned(), text(serde_json::to_string(pending).map_err(unwritable)?));
        }
        let expected = match expected_version {
            0 => If::Absent,
            version => If::Is(VERSION.into(), number(version)),
        };
        let write = Write::put(key.clone(), keyed(&key, item)?).only_if(expected);
        Ok(match self.write("save a state", write).await? {
            Written::Done => Saved::Yes,
            Written::Refused => Saved::Conflict,
        })
    }

    /// Has health look at it then, or never, if the stored version is still this one. What is newer is left alone, and
    /// that is no error. The version stays. Costs 1 `UpdateItem`, 1 write unit each KB of what is stored, and 2 for the
    /// index.
    pub async fn set_due(
        &self,
        tenant: &TenantId,
        of: ObservedId,
        version: u64,
        due_at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let key = keys::state(tenant, of);
        let partition = due_at.map(|_| text(due::of_state(&key)));
        let write = Write::update(key)
            .set_or_remove(due::DUE, partition)
            .set_or_remove(due::DUE_AT, due_at.map(|at| number(at.as_millisecond())))
            .only_if(If::Is(VERSION.into(), number(version)));
        self.write("set when a state is due", write).await?;
        Ok(())
    }

    /// Forgets the pending events, if the stored version is still the one they were saved with. A later version, which
    /// has its own pending events, is left alone, and that is no error. The version stays.
    ///
    /// Costs 1 `UpdateItem`, 1 write unit each KB of what was stored.
    pub async fn clear_pending(&self, tenant: &TenantId, of: ObservedId, version: u64) -> Result<(), StoreError> {
        let write =
            Write::update(keys::state(tenant, of)).remove(PENDING).only_if(If::Is(VERSION.into(), number(version)));
        self.write("clear the pending events of a state", write).await?;
        Ok(())
    }
}

fn read(item: Item) -> Result<StoredState, StoreError> {
    let (key, due_at) = (key_of(&item), due::due_at(&item)?);
    let stored: StateItem = from_item(item)?;
    let unreadable = |error: serde_json::Error| StoreError::unreadable(key.clone(), error.to_string());
    Ok(StoredState {
        version: stored.version,
        state: serde_json::from_str::<SpaceState>(&stored.state).map_err(unreadable)?,
        pending: match &stored.pending {
            Some(pending) => serde_json::from_str::<Vec<Event>>(pending).map_err(unreadable)?,
            None => Vec::new(),
        },
        due_at,
    })
}
