//! What the intake needs of the world. Small traits, so that tests can crash between any two effects.

use jiff::Timestamp;
use spacehook_domain::event::Event;
use spacehook_domain::hold_timer::HoldTimer;
use spacehook_domain::ids::{ProfileName, SensorId, TenantId};
use spacehook_domain::observed::{Observed, ObservedId, ObservedKey};
use spacehook_domain::profile::OwnProfileVersion;
use spacehook_domain::space_state::SpaceState;
use spacehook_queues::{EventQueue, HoldQueue, QueueError, RefusedTelemetry, RefusedTelemetryQueue};
use spacehook_store::{Placement, RawPayload, Saved, Store, StoreError, StoredState, TenantOverview};
use std::collections::BTreeMap;
use std::error::Error;
use std::future::Future;

/// A fault of the world around, whatever it is.
pub type Fault = Box<dyn Error + Send + Sync>;

/// States that were read.
pub type States = BTreeMap<ObservedId, StoredState>;

/// Where spaces and sensors are kept.
pub trait Spaces: Sync {
    /// What is subscribed to, and the version of the registry; and, in one request, the states of these.
    fn overview(
        &self,
        tenant: &TenantId,
        with: &[ObservedId],
    ) -> impl Future<Output = Result<(TenantOverview, States), Fault>> + Send;
    /// A sensor, its space and its groups, with what is settled of them and of their buildings.
    fn placement(
        &self,
        tenant: &TenantId,
        sensor: &SensorId,
    ) -> impl Future<Output = Result<Option<Placement>, Fault>> + Send;
    /// The newest version of a profile of the tenant's own.
    fn profile(
        &self,
        tenant: &TenantId,
        name: &ProfileName,
    ) -> impl Future<Output = Result<Option<OwnProfileVersion>, Fault>> + Send;
    /// A space or a group, by the customer's own names.
    fn observed(
        &self,
        tenant: &TenantId,
        key: &ObservedKey,
    ) -> impl Future<Output = Result<Option<Observed>, Fault>> + Send;
    /// The state of it, and what of that is not yet queued.
    fn stored_state(
        &self,
        tenant: &TenantId,
        of: ObservedId,
    ) -> impl Future<Output = Result<StoredState, Fault>> + Send;
    /// Writes a state, if nobody wrote it since.
    fn save_state(
        &self,
        tenant: &TenantId,
        of: ObservedId,
        expected_version: u64,
        state: &SpaceState,
        pending: &[Event],
        due_at: Option<Timestamp>,
    ) -> impl Future<Output = Result<Saved, Fault>> + Send;
    /// Has health look at it then, if nobody wrote its state since.
    fn set_due(
        &self,
        tenant: &TenantId,
        of: ObservedId,
        version: u64,
        due_at: Timestamp,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
    /// Forgets what was queued, if nobody wrote the state since.
    fn clear_pending(
        &self,
        tenant: &TenantId,
        of: ObservedId,
        version: u64,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
    /// Keeps a message as it came.
    fn keep_raw_payload(&self, tenant: &TenantId, raw: &RawPayload) -> impl Future<Output = Result<(), Fault>> + Send;
    /// Remembers a sensor that belongs to no space.
    fn record_unassigned(
        &self,
        tenant: &TenantId,
        sensor: &SensorId,
        readings: u64,
        at: Timestamp,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// Where events go.
pub trait Events: Sync {
    /// Queues events in their order.
    fn send(&self, events: &[Event]) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// Where refused telemetry goes.
pub trait Refused: Sync {
    /// Keeps a refused message with its causes.
    fn keep(&self, refused: &RefusedTelemetry) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// Timers of holds.
pub trait Timers: Sync {
    /// Sets a timer, which comes when its hold ends, or before.
    fn arm(&self, timer: &HoldTimer, now: Timestamp) -> impl Future<Output = Result<(), Fault>> + Send;
}

impl Timers for HoldQueue {
    async fn arm(&self, timer: &HoldTimer, now: Timestamp) -> Result<(), Fault> {
        self.send(timer, timer.due_in(now)).await.map_err(QueueError::into)
    }
}

impl Spaces for Store {
    async fn overview(&self, tenant: &TenantId, with: &[ObservedId]) -> Result<(TenantOverview, States), Fault> {
        if with.is_empty() {
            return Ok((self.tenant_overview(tenant).await?, States::new()));
        }
        self.overview_and_states(tenant, with).await.map_err(StoreError::into)
    }

    async fn placement(&self, tenant: &TenantId, sensor: &SensorId) -> Result<Option<Placement>, Fault> {
        Self::placement(self, tenant, sensor).await.map_err(StoreError::into)
    }

    async fn profile(&self, tenant: &TenantId, name: &ProfileName) -> Result<Option<OwnProfileVersion>, Fault> {
        let Some(profile) = Self::profile(self, tenant, name).await? else { return Ok(None) };
        let version = self.profile_version(tenant, name, profile.version).await?;
        // It was deleted, or changed many times, between the two reads: the message is tried again.
        version.map(Some).ok_or_else(|| format!("profile {name}: its version {} went", profile.version).into())
    }

    async fn observed(&self, tenant: &TenantId, key: &ObservedKey) -> Result<Option<Observed>, Fault> {
        Self::observed(self, tenant, key).await.map_err(StoreError::into)
    }

    async fn stored_state(&self, tenant: &TenantId, of: ObservedId) -> Result<StoredState, Fault> {
        Self::stored_state(self, tenant, of).await.map_err(StoreError::into)
    }

    async fn save_state(
        &self,
        tenant: &TenantId,
        of: ObservedId,
        expected_version: u64,
        state: &SpaceState,
        pending: &[Event],
        due_at: Option<Timestamp>,
    ) -> Result<Saved, Fault> {
        Self::save_state(self, tenant, of, expected_version, state, pending, due_at).await.map_err(StoreError::into)
    }

    async fn set_due(&self, tenant: &TenantId, of: ObservedId, version: u64, due_at: Timestamp) -> Result<(), Fault> {
        Self::set_due(self, tenant, of, version, Some(due_at)).await.map_err(StoreError::into)
    }

    async fn clear_pending(&self, tenant: &TenantId, of: ObservedId, version: u64) -> Result<(), Fault> {
        Self::clear_pending(self, tenant, of, version).await.map_err(StoreError::into)
    }

    async fn keep_raw_payload(&self, tenant: &TenantId, raw: &RawPayload) -> Result<(), Fault> {
        Self::keep_raw_payload(self, tenant, raw).await.map_err(StoreError::into)
    }

    async fn record_unassigned(
        &self,
        tenant: &TenantId,
        sensor: &SensorId,
        readings: u64,
        at: Timestamp,
    ) -> Result<(), Fault> {
        Self::record_unassigned(self, tenant, sensor, readings, at).await.map_err(StoreError::into)
    }
}

impl Events for EventQueue {
    async fn send(&self, events: &[Event]) -> Result<(), Fault> {
        Self::send(self, events).await.map_err(QueueError::into)
    }
}

impl Refused for RefusedTelemetryQueue {
    async fn keep(&self, refused: &RefusedTelemetry) -> Result<(), Fault> {
        self.send(refused).await.map_err(QueueError::into)
    }
}
