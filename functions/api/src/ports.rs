//! What the API needs from outside, one small trait a capability, so that every rule of the API can be tested
//! without AWS. [`crate::adapters`] has the real ones.

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;
use spacehook_credentials::{CredentialsError, SecretName, SecretVersion};
use spacehook_domain::api_key::{ApiKey, KeyId};
use spacehook_domain::attempt::{Attempt, Logged};
use spacehook_domain::backlog::{Backlog, Change, Dead, Kept, Lane};
use spacehook_domain::credentials::Credentials;
use spacehook_domain::event::{CustomType, Event, EventType};
use spacehook_domain::idempotency::{Claim, Ended};
use spacehook_domain::ids::{
    AttemptId, BuildingRefId, EventId, FloorRefId, ProfileName, SensorGroupRefId, SensorId, SubscriptionId,
    SubscriptionKey, TenantId,
};
use spacehook_domain::job::{Job, JobKey, JobStep};
use spacehook_domain::kept_events::{Position, Scanned, Window};
use spacehook_domain::notice::Notice;
use spacehook_domain::observed::ObservedId;
use spacehook_domain::own_type::{OwnType, OwnTypeVersion};
use spacehook_domain::place::{Building, Floor, Sensor, SensorGroup, Space, SpaceKey};
use spacehook_domain::profile::{OwnProfile, OwnProfileVersion};
use spacehook_domain::request_rate::Minute;
use spacehook_domain::space_state::SpaceState;
use spacehook_domain::stats::{Bucket, BucketStart};
use spacehook_domain::stream::Stream;
use spacehook_domain::subscription::Subscription;
use spacehook_domain::subscription::search::{Health, Search};
use spacehook_domain::tenant::Tenant;
use spacehook_domain::wake::Wake;
use spacehook_store::{
    AttemptFilter, Contacts, GROUPS_OF_SENSOR_LIMIT, JobMade, Page, PageRequest, ProfileCreated, Put, RawPayload,
    RawPayloadFilter, Registered, Replayed, SENSORS_LIMIT, SENSORS_OF_GROUP_LIMIT, Saved, SensorGroupDraft, SpaceDraft,
    SpaceWithSensors, UnassignedSensor,
};
use spacehook_store::{Claimed, KeyCreated, RequestPlace, TenantUsage};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The records can't be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    /// Not now; later it may work. The text is for the log.
    #[error("{0}")]
    Busy(String),
    /// Not at all: a record that can't be read, or is too large. The text is for the log.
    #[error("{0}")]
    Broken(String),
}

/// A list can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListFailed {
    /// The cursor is not one of this list.
    #[error("the cursor was not made by this list")]
    InvalidCursor,
    /// The records failed.
    #[error(transparent)]
    Failed(#[from] Failed),
}

/// A subscription can't be changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeFailed {
    /// It is not what it was when it was read.
    #[error("changed meanwhile")]
    Conflict,
    /// Another has its name.
    #[error("the name is taken")]
    NameTaken,
    /// The tenant has as many subscriptions to this type as can be.
    #[error("too many subscriptions to {0}")]
    LimitReached(EventType),
    /// The tenant has as many subscriptions as it may have.
    #[error("there are {0} subscriptions already")]
    TenantFull(u64),
    /// The records failed.
    #[error(transparent)]
    Failed(#[from] Failed),
}

/// Subscriptions and what is recorded of them.
#[async_trait]
pub trait SubscriptionRecords: Send + Sync {
    /// Keeps a new one.
    async fn create(&self, subscription: &Subscription) -> Result<(), ChangeFailed>;
    /// Replaces one, if it still is what it was. A notice is kept with it, or neither is.
    async fn update(
        &self,
        before: &Subscription,
        after: &Subscription,
        notice: Option<&Notice>,
    ) -> Result<(), ChangeFailed>;
    /// Replaces one that gets enabled, and with it the backlog that was read: both, if they still are what they were, or
    /// neither. The new backlog's version is made of the old one's.
    async fn enable(
        &self,
        before: &Subscription,
        after: &Subscription,
        backlog_read: Option<&Backlog>,
        backlog: Backlog,
        notice: Option<&Notice>,
    ) -> Result<(), ChangeFailed>;
    /// Removes one, if it still is what it was.
    async fn delete(&self, subscription: &Subscription) -> Result<(), ChangeFailed>;
    /// Reads one.
    async fn get(&self, tenant: &TenantId, id: &SubscriptionId) -> Result<Option<Subscription>, Failed>;
    /// Reads a page of those of a tenant that a search wants, and how each is doing. It may have fewer than were asked for,
    /// or none, and go on all the same.
    async fn find(
        &self,
        tenant: &TenantId,
        search: &Search,
        page: PageRequest,
    ) -> Result<Page<(Subscription, Health)>, ListFailed>;
    /// Reads how one is doing.
    async fn health(&self, subscription: &Subscription) -> Result<Health, Failed>;
    /// Reads a page of the attempts of one that are wanted, the newest first. It looks through a bounded number of them.
    async fn attempts(
        &self,
        key: &SubscriptionKey,
        filter: &AttemptFilter,
        wanted: &(dyn for<'a> Fn(&'a Attempt) -> bool + Send + Sync),
        page: PageRequest,
    ) -> Result<Page<Logged>, ListFailed>;
    /// Reads an attempt.
    async fn attempt(&self, key: &SubscriptionKey, id: &AttemptId) -> Result<Option<Attempt>, Failed>;
    /// Reads one as it was in an earlier revision, if that was replaced not long ago.
    async fn revision(&self, key: &SubscriptionKey, revision: u64) -> Result<Option<Subscription>, Failed>;
    /// Reads the counts of one since a quarter of an hour.
    async fn buckets(&self, tenant: &TenantId, id: &SubscriptionId, from: BucketStart) -> Result<Vec<Bucket>, Failed>;
}

/// What waits for subscriptions, and what was given up.
#[async_trait]
pub trait BacklogRecords: Send + Sync {
    /// Reads the backlog of a subscription.
    async fn backlog(&self, key: &SubscriptionKey) -> Result<Option<Backlog>, Failed>;
    /// Reads its lanes: one a space of which something waits.
    async fn lanes(&self, key: &SubscriptionKey) -> Result<Vec<Lane>, Failed>;
    /// Reads the lane of a space.
    async fn lane(&self, key: &SubscriptionKey, stream: Stream) -> Result<Option<Lane>, Failed>;
    /// Reads a page of the deliveries that wait: by space, and within each in the order of sending.
    async fn waiting(&self, key: &SubscriptionKey, page: PageRequest) -> Result<Page<Kept>, ListFailed>;
    /// Reads the delivery of a space that is sent first.
    async fn first_waiting(&self, key: &SubscriptionKey, stream: Stream) -> Result<Option<Kept>, Failed>;
    /// Reads a page of those that were given up, the newest first.
    async fn dead(&self, key: &SubscriptionKey, page: PageRequest) -> Result<Page<Dead>, ListFailed>;
    /// Reads the one of an event that was given up: the last, where there are several.
    async fn dead_delivery(&self, key: &SubscriptionKey, event: &EventId) -> Result<Option<Dead>, Failed>;
    /// Changes a backlog: all that the change says, if all of it still is as it was read, or nothing.
    async fn change(&self, change: &Change, now: Timestamp) -> Result<Saved, Failed>;
    /// The same, and takes this one off those that were given up; nothing, if it is no longer among them.
    async fn replay(&self, dead: &Dead, change: &Change, now: Timestamp) -> Result<Replayed, Failed>;
    /// Deletes some of what a subscription that was deleted left behind, all but the backlog itself; true once nothing is
    /// left.
    async fn purge(&self, key: &SubscriptionKey) -> Result<bool, Failed>;
}

/// The contacts of tenants.
#[async_trait]
pub trait ContactRecords: Send + Sync {
    /// Reads a tenant's; none, at revision 0, where none were stored.
    async fn contacts(&self, tenant: &TenantId) -> Result<Contacts, Failed>;
    /// Replaces a tenant's, if the stored revision is the one before.
    async fn put_contacts(&self, tenant: &TenantId, after: &Contacts) -> Result<Saved, Failed>;
}

/// News of subscriptions, for others of the same tenant.
#[async_trait]
pub trait News: Send + Sync {
    /// Whether any subscription of the tenant asks for this type of event.
    async fn is_asked_for(&self, tenant: &TenantId, event_type: EventType) -> Result<bool, Failed>;
    /// Queues the event of a notice that is kept, after those of earlier notices of the same subscription, and says so in
    /// the notices. What fails here is left to health.
    async fn tell(&self, notice: &Notice) -> Result<(), Failed>;
}

/// The queue of timers.
#[async_trait]
pub trait Timers: Send + Sync {
    /// Has a run look at a backlog after this time.
    async fn wake(&self, wake: &Wake, after: Duration) -> Result<(), Failed>;
    /// Has the next step of a job made after this time.
    async fn step(&self, step: &JobStep, after: Duration) -> Result<(), Failed>;
}

/// Kept events.
#[async_trait]
pub trait KeptEvents: Send + Sync {
    /// Reads the one of this id.
    async fn find(&self, tenant: &TenantId, id: &EventId) -> Result<Option<Event>, Failed>;
    /// Reads a part of those that were received in a window, at most so many, from a position on. It looks through a bounded
    /// number of them.
    async fn scan(
        &self,
        tenant: &TenantId,
        window: Window,
        position: &Position,
        most: usize,
    ) -> Result<Scanned, Failed>;
}

/// Jobs of subscriptions.
#[async_trait]
pub trait JobRecords: Send + Sync {
    /// Keeps a new one, unless too many of its subscription are not finished.
    async fn create_job(&self, job: &Job) -> Result<JobMade, Failed>;
    /// Reads one.
    async fn job(&self, key: &JobKey) -> Result<Option<Job>, Failed>;
    /// Reads a page of a subscription's, the newest first.
    async fn list_jobs(&self, of: &SubscriptionKey, page: PageRequest) -> Result<Page<Job>, ListFailed>;
    /// Puts one in the place of the one that was read.
    async fn save_job(&self, read: &Job, new: &Job) -> Result<Saved, Failed>;
}

/// Something can't be removed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoveFailed {
    /// It holds something: what, in words for people.
    #[error("there are still {0}")]
    InUse(&'static str),
    /// The records failed.
    #[error(transparent)]
    Failed(#[from] Failed),
}

/// A place or a sensor can't be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PutFailed {
    /// There is no such building.
    #[error("there is no such building")]
    NoBuilding,
    /// There is no such floor in the building.
    #[error("there is no such floor in the building")]
    NoFloor,
    /// There is no such space in the building.
    #[error("there is no such space in the building")]
    NoSpace,
    /// The space would have more sensors than it can.
    #[error("a space has at most {SENSORS_LIMIT} sensors")]
    TooManySensors,
    /// The records failed.
    #[error(transparent)]
    Failed(#[from] Failed),
}

/// A group of sensors can't be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PutGroupFailed {
    /// There is no such building.
    #[error("there is no such building")]
    NoBuilding,
    /// There are no such sensors.
    #[error("there is no such sensor")]
    NoSensors(BTreeSet<SensorId>),
    /// These sensors are in as many other groups as they can be.
    #[error("the sensor is in {GROUPS_OF_SENSOR_LIMIT} other groups already, which is the most")]
    TooManyGroups(BTreeSet<SensorId>),
    /// It would have more sensors than it can.
    #[error("a group has at most {SENSORS_OF_GROUP_LIMIT} sensors")]
    TooManySensors,
    /// The records failed.
    #[error(transparent)]
    Failed(#[from] Failed),
}

/// Buildings, floors, spaces, sensors and groups of them.
#[async_trait]
pub trait RegistryRecords: Send + Sync {
    /// Keeps a building.
    async fn put_building(&self, tenant: &TenantId, building: &Building) -> Result<Put, Failed>;
    /// Reads a building.
    async fn building(&self, tenant: &TenantId, id: &BuildingRefId) -> Result<Option<Building>, Failed>;
    /// Reads a page of the buildings.
    async fn list_buildings(&self, tenant: &TenantId, page: PageRequest) -> Result<Page<Building>, ListFailed>;
    /// Removes a building that has no floors, spaces or groups of sensors; false where there is none.
    async fn delete_building(&self, tenant: &TenantId, id: &BuildingRefId) -> Result<bool, RemoveFailed>;

    /// Keeps a floor.
    async fn put_floor(&self, tenant: &TenantId, floor: &Floor) -> Result<Put, PutFailed>;
    /// Reads a floor.
    async fn floor(
        &self,
        tenant: &TenantId,
        building: &BuildingRefId,
        id: &FloorRefId,
    ) -> Result<Option<Floor>, Failed>;
    /// Reads a page of the floors of a building.
    async fn list_floors(
        &self,
        tenant: &TenantId,
        building: &BuildingRefId,
        page: PageRequest,
    ) -> Result<Page<Floor>, ListFailed>;
    /// Removes a floor that no space is on; false where there is none.
    async fn delete_floor(
        &self,
        tenant: &TenantId,
        building: &BuildingRefId,
        id: &FloorRefId,
    ) -> Result<bool, RemoveFailed>;

    /// Keeps a space; its sensors stay with it.
    async fn put_space(&self, tenant: &TenantId, draft: &SpaceDraft) -> Result<(Space, Put), PutFailed>;
    /// Keeps a space and assigns these sensors to it, besides those it has.
    async fn put_space_with_sensors(
        &self,
        tenant: &TenantId,
        draft: &SpaceDraft,
        sensors: &BTreeMap<SensorId, Option<String>>,
    ) -> Result<SpaceWithSensors, PutFailed>;
    /// Reads a space.
    async fn space(&self, tenant: &TenantId, key: &SpaceKey) -> Result<Option<Space>, Failed>;
    /// Reads a page of the spaces of a building.
    async fn list_spaces(
        &self,
        tenant: &TenantId,
        building: &BuildingRefId,
        page: PageRequest,
    ) -> Result<Page<Space>, ListFailed>;
    /// Removes a space that has no sensors; false where there is none.
    async fn delete_space(&self, tenant: &TenantId, key: &SpaceKey) -> Result<bool, RemoveFailed>;
    /// Reads the state of a space or a group; the empty state where nothing was heard yet.
    async fn state(&self, tenant: &TenantId, of: ObservedId) -> Result<SpaceState, Failed>;

    /// Keeps a group of sensors.
    async fn put_sensor_group(
        &self,
        tenant: &TenantId,
        draft: &SensorGroupDraft,
    ) -> Result<(SensorGroup, Put), PutGroupFailed>;
    /// Reads a group of sensors.
    async fn sensor_group(&self, tenant: &TenantId, id: &SensorGroupRefId) -> Result<Option<SensorGroup>, Failed>;
    /// Reads a page of the groups.
    async fn list_sensor_groups(&self, tenant: &TenantId, page: PageRequest) -> Result<Page<SensorGroup>, ListFailed>;
    /// Removes a group, and not its sensors; false where there is none.
    async fn delete_sensor_group(&self, tenant: &TenantId, id: &SensorGroupRefId) -> Result<bool, Failed>;

    /// Assigns a sensor to a space, or moves it; the sensor, with the groups that it is in.
    async fn put_sensor(&self, tenant: &TenantId, sensor: &Sensor) -> Result<(Sensor, Put), PutFailed>;
    /// Reads a sensor.
    async fn sensor(&self, tenant: &TenantId, id: &SensorId) -> Result<Option<Sensor>, Failed>;
    /// Reads a page of the sensors.
    async fn list_sensors(&self, tenant: &TenantId, page: PageRequest) -> Result<Page<Sensor>, ListFailed>;
    /// Removes a sensor; false where there is none.
    async fn delete_sensor(&self, tenant: &TenantId, id: &SensorId) -> Result<bool, Failed>;
    /// Reads a page of the sensors that report and belong to no space.
    async fn list_unassigned(&self, tenant: &TenantId, page: PageRequest)
    -> Result<Page<UnassignedSensor>, ListFailed>;
}

/// API keys.
#[async_trait]
pub trait KeyRecords: Send + Sync {
    /// Keeps a new key.
    async fn create_key(&self, key: &ApiKey) -> Result<KeyCreated, Failed>;
    /// Reads a key by what it is called.
    async fn key(&self, id: &KeyId) -> Result<Option<ApiKey>, Failed>;
    /// Reads a page of a tenant's keys.
    async fn list_keys(&self, tenant: &TenantId, page: PageRequest) -> Result<Page<ApiKey>, ListFailed>;
    /// Removes a key; false where the tenant has none of this id.
    async fn delete_key(&self, tenant: &TenantId, id: &KeyId) -> Result<bool, Failed>;
    /// Notes when a key was used, unless somebody has since it was read.
    async fn note_key_use(&self, read: &ApiKey, at: Timestamp) -> Result<(), Failed>;
}

/// Tenants.
#[async_trait]
pub trait TenantRecords: Send + Sync {
    /// Reads the record of a tenant; none where nobody made one.
    async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, Failed>;
    /// Keeps the record of a tenant, if the stored revision is the one before its own: none, for the first.
    async fn put_tenant(&self, after: &Tenant) -> Result<Saved, Failed>;
    /// Reads a page of the tenants, by id, with `also` among them, where it has no record: those that are suspended, or are
    /// not, where that is asked for.
    async fn list_tenants(
        &self,
        page: PageRequest,
        also: &Tenant,
        suspended: Option<bool>,
    ) -> Result<Page<Tenant>, ListFailed>;
    /// How much of its limits a tenant uses.
    async fn usage(&self, id: &TenantId) -> Result<TenantUsage, Failed>;
    /// Reads a page of a tenant's messages as they came that are wanted, the newest first.
    async fn list_raw_payloads(
        &self,
        id: &TenantId,
        filter: &RawPayloadFilter,
        now: Timestamp,
        page: PageRequest,
    ) -> Result<Page<RawPayload>, ListFailed>;
    /// Removes every message of a tenant that was kept as it came.
    async fn delete_raw_payloads(&self, id: &TenantId) -> Result<(), Failed>;
    /// The subscriptions of a tenant that have a backlog.
    async fn with_backlog(&self, id: &TenantId) -> Result<BTreeSet<SubscriptionId>, Failed>;
}

/// Requests: those that may come twice, and how many there are.
#[async_trait]
pub trait RequestRecords: Send + Sync {
    /// Claims a request that may come twice.
    async fn claim_request(&self, place: &RequestPlace, claim: &Claim) -> Result<Claimed, Failed>;
    /// Notes how a request ended that was claimed.
    async fn end_request(&self, place: &RequestPlace, claim: &Claim, ended: &Ended) -> Result<(), Failed>;
    /// Counts a request of a key, and says how many it has made in this minute.
    async fn count_request(&self, tenant: &TenantId, key_id: &str, minute: Minute) -> Result<u64, Failed>;
}

/// Secrets of subscriptions, and the first admin key.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// The name that a subscription's secret has.
    fn name(&self, tenant: &TenantId, id: &SubscriptionId) -> SecretName;
    /// Makes a secret.
    async fn create(
        &self,
        name: &SecretName,
        version: &SecretVersion,
        credentials: &Credentials,
    ) -> Result<(), CredentialsError>;
    /// Puts a new version.
    async fn put(
        &self,
        name: &SecretName,
        version: &SecretVersion,
        credentials: &Credentials,
    ) -> Result<(), CredentialsError>;
    /// Makes this version the current one again.
    async fn make_current(&self, name: &SecretName, version: &SecretVersion) -> Result<(), CredentialsError>;
    /// Reads a version.
    async fn get(&self, name: &SecretName, version: &SecretVersion) -> Result<Credentials, CredentialsError>;
    /// Deletes a secret.
    async fn delete(&self, name: &SecretName) -> Result<(), CredentialsError>;
    /// The first admin key.
    async fn admin_key(&self) -> Result<SecretString, CredentialsError>;
}

/// Event types of tenants' own.
#[async_trait]
pub trait EventTypeRecords: Send + Sync {
    /// Keeps a new type and its first version.
    async fn register(&self, tenant: &TenantId, own: &OwnType, version: &OwnTypeVersion) -> Result<Registered, Failed>;
    /// Replaces a type, if the stored revision is the one before, and keeps a new version with it, or neither.
    async fn update(
        &self,
        tenant: &TenantId,
        after: &OwnType,
        version: Option<&OwnTypeVersion>,
    ) -> Result<Saved, Failed>;
    /// Reads a type.
    async fn event_type(&self, tenant: &TenantId, name: CustomType) -> Result<Option<OwnType>, Failed>;
    /// Reads every type of a tenant, by name.
    async fn event_types(&self, tenant: &TenantId) -> Result<Vec<OwnType>, Failed>;
    /// Reads a version of a type.
    async fn version(
        &self,
        tenant: &TenantId,
        name: CustomType,
        version: u32,
    ) -> Result<Option<OwnTypeVersion>, Failed>;
}

/// Profiles of tenants' own.
#[async_trait]
pub trait ProfileRecords: Send + Sync {
    /// Keeps a new one and its first version.
    async fn create(
        &self,
        tenant: &TenantId,
        profile: &OwnProfile,
        version: &OwnProfileVersion,
    ) -> Result<ProfileCreated, Failed>;
    /// Keeps the next version of one, if the stored version is the one before.
    async fn update(&self, tenant: &TenantId, after: &OwnProfile, version: &OwnProfileVersion)
    -> Result<Saved, Failed>;
    /// Removes one with its versions, if it still is what it was.
    async fn delete(&self, tenant: &TenantId, profile: &OwnProfile) -> Result<Saved, Failed>;
    /// Reads one.
    async fn profile(&self, tenant: &TenantId, name: &ProfileName) -> Result<Option<OwnProfile>, Failed>;
    /// Reads every one of a tenant, by name.
    async fn profiles(&self, tenant: &TenantId) -> Result<Vec<OwnProfile>, Failed>;
    /// Reads a version of one.
    async fn version(
        &self,
        tenant: &TenantId,
        name: &ProfileName,
        version: u32,
    ) -> Result<Option<OwnProfileVersion>, Failed>;
    /// Reads a page of the versions of one that are kept, the newest first.
    async fn versions(
        &self,
        tenant: &TenantId,
        name: &ProfileName,
        page: &PageRequest,
    ) -> Result<Page<OwnProfileVersion>, ListFailed>;
}

/// The queue of events.
#[async_trait]
pub trait Publisher: Send + Sync {
    /// Queues events in their order, up to the first that is not taken.
    async fn publish(&self, events: &[Event]) -> Result<(), Failed>;
}
