//! What every handler can reach.

use crate::auth::AdminKey;
use crate::ports::{
    BacklogRecords, ContactRecords, EventTypeRecords, JobRecords, KeptEvents, KeyRecords, News, ProfileRecords,
    Publisher, RegistryRecords, RequestRecords, Secrets, SubscriptionRecords, TenantRecords, Timers,
};
use crate::problem::Problem;
use crate::publish::Schemas;
use jiff::Timestamp;
use spacehook_domain::ids::TenantId;
use spacehook_domain::kept_events::KeptDays;
use spacehook_domain::profile::Decode;
use spacehook_domain::receiver::ReceiverPolicy;
use std::ops::Deref;
use std::sync::Arc;
use uuid::Uuid;

/// Fills bytes from a good source; false where there is none.
pub type Randomness = fn(&mut [u8]) -> bool;

/// What the API is made of.
pub struct Parts {
    /// Subscriptions and what is recorded of them.
    pub subscriptions: Arc<dyn SubscriptionRecords>,
    /// What waits for them, and what was given up.
    pub backlogs: Arc<dyn BacklogRecords>,
    /// Tells others of the tenant.
    pub news: Arc<dyn News>,
    /// Has what waits looked at.
    pub timers: Arc<dyn Timers>,
    /// Contacts of tenants.
    pub contacts: Arc<dyn ContactRecords>,
    /// Buildings, floors, spaces and sensors.
    pub registry: Arc<dyn RegistryRecords>,
    /// API keys.
    pub keys: Arc<dyn KeyRecords>,
    /// Tenants.
    pub tenants: Arc<dyn TenantRecords>,
    /// Requests that may come twice, and how many there are.
    pub requests: Arc<dyn RequestRecords>,
    /// Secrets of subscriptions.
    pub secrets: Arc<dyn Secrets>,
    /// Events as they were.
    pub kept_events: Arc<dyn KeptEvents>,
    /// Event types of tenants' own.
    pub event_types: Arc<dyn EventTypeRecords>,
    /// Profiles of tenants' own.
    pub profiles: Arc<dyn ProfileRecords>,
    /// Runs the scripts of profiles.
    pub scripts: Box<dyn Decode + Send + Sync>,
    /// Takes what is published.
    pub publisher: Arc<dyn Publisher>,
    /// Jobs of subscriptions.
    pub jobs: Arc<dyn JobRecords>,
    /// Which receivers may be called.
    pub policy: ReceiverPolicy,
    /// The tenant that the first admin key belongs to.
    pub first_tenant: TenantId,
    /// Requests a minute of a key, where its tenant's record does not say otherwise.
    pub requests_per_minute: u32,
    /// How long events are kept.
    pub events_kept: KeptDays,
    /// The clock.
    pub clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
    /// Randomness for ids and secrets.
    pub randomness: Randomness,
}

/// Everything that a handler can reach; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// The parts, and what is remembered between requests.
pub struct Inner {
    parts: Parts,
    /// The first admin key, as it was some seconds ago.
    pub(crate) admin_key: AdminKey,
    /// Schemas of what was published lately.
    pub schemas: Schemas,
}

impl App {
    /// An application of these parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner { parts, admin_key: AdminKey::default(), schemas: Schemas::default() }))
    }
}

impl Deref for App {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Deref for Inner {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.parts
    }
}

impl Inner {
    /// Now, to the millisecond: what is stored and shown has no finer times.
    pub fn now(&self) -> Timestamp {
        let now = (self.parts.clock)();
        // Cutting a time that exists leaves one that exists.
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }

    /// Random bytes.
    pub fn random<const N: usize>(&self) -> Result<[u8; N], Problem> {
        let mut bytes = [0; N];
        if (self.parts.randomness)(&mut bytes) { Ok(bytes) } else { Err(Problem::internal("no source of randomness")) }
    }

    /// A random id (UUID version 4).
    pub fn random_id(&self) -> Result<Uuid, Problem> {
        Ok(uuid::Builder::from_random_bytes(self.random()?).into_uuid())
    }

    /// An id that sorts by time (UUID version 7).
    pub fn ordered_id(&self) -> Result<Uuid, Problem> {
        let since_1970_ms = u64::try_from(self.now().as_millisecond()).unwrap_or_default();
        Ok(uuid::Builder::from_unix_timestamp_millis(since_1970_ms, &self.random()?).into_uuid())
    }
}
