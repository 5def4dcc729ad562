//! The real things behind [`crate::ports`]: the table and Secrets Manager.

use crate::ports::{
    ChangeFailed, Failed, KeyRecords, ListFailed, PutFailed, PutGroupFailed, RegistryRecords, RemoveFailed, Secrets,
    SubscriptionRecords,
};
use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;
use spacehook_credentials::{CredentialStore, CredentialsError, SecretName, SecretVersion};
use spacehook_domain::api_key::{ApiKey, KeyId};
use spacehook_domain::attempt::{Attempt, Logged};
use spacehook_domain::backlog::Backlog;
use spacehook_domain::credentials::Credentials;
use spacehook_domain::ids::{
    AttemptId, BuildingRefId, FloorRefId, SensorGroupRefId, SensorId, SubscriptionId, SubscriptionKey, TenantId,
};
use spacehook_domain::notice::Notice;
use spacehook_domain::observed::ObservedId;
use spacehook_domain::place::{Building, Floor, Sensor, SensorGroup, Space, SpaceKey};
use spacehook_domain::space_state::SpaceState;
use spacehook_domain::stats::{Bucket, BucketStart};
use spacehook_domain::subscription::Subscription;
use spacehook_domain::subscription::search::{Health, Search};
use spacehook_store::{
    AttemptFilter, ChangeError, DeleteError, KeyCreated, ListError, Page, PageRequest, Put, PutFloorError,
    PutSensorError, PutSensorGroupError, PutSpaceError, PutSpaceWithSensorsError, Saved, SensorGroupDraft, SpaceDraft,
    SpaceWithSensors, Store, StoreError, UnassignedSensor,
};
use std::collections::BTreeMap;

mod backlogs;
mod news;

pub use news::Announcer;
mod contacts;
mod requests;
mod tenants;

mod event_types;
mod jobs;
mod kept_events;
mod profiles;

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        if error.unreadable_item().is_some() || error.is_too_large() {
            Self::Broken(error.to_string())
        } else {
            Self::Busy(error.to_string())
        }
    }
}

impl From<ListError> for ListFailed {
    fn from(error: ListError) -> Self {
        match error {
            ListError::InvalidCursor => Self::InvalidCursor,
            ListError::Store(error) => Self::Failed(error.into()),
        }
    }
}

impl From<ChangeError> for ChangeFailed {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Conflict => Self::Conflict,
            ChangeError::NameTaken => Self::NameTaken,
            ChangeError::LimitReached(event_type) => Self::LimitReached(event_type),
            ChangeError::TenantFull(limit) => Self::TenantFull(limit),
            ChangeError::Store(error) => Self::Failed(error.into()),
        }
    }
}

impl From<DeleteError> for RemoveFailed {
    fn from(error: DeleteError) -> Self {
        match error {
            DeleteError::InUse(what) => Self::InUse(what),
            DeleteError::Store(error) => Self::Failed(error.into()),
        }
    }
}

impl From<PutFloorError> for PutFailed {
    fn from(error: PutFloorError) -> Self {
        match error {
            PutFloorError::NoBuilding => Self::NoBuilding,
            PutFloorError::Store(error) => Self::Failed(error.into()),
        }
    }
}

impl From<PutSpaceError> for PutFailed {
    fn from(error: PutSpaceError) -> Self {
        match error {
            PutSpaceError::NoBuilding => Self::NoBuilding,
            PutSpaceError::NoFloor => Self::NoFloor,
            PutSpaceError::Store(error) => Self::Failed(error.into()),
        }
    }
}

impl From<PutSensorError> for PutFailed {
    fn from(error: PutSensorError) -> Self {
        match error {
            PutSensorError::NoSpace => Self::NoSpace,
            PutSensorError::TooManySensors => Self::TooManySensors,
            PutSensorError::Store(error) => Self::Failed(error.into()),
        }
    }
}

impl From<PutSensorGroupError> for PutGroupFailed {
    fn from(error: PutSensorGroupError) -> Self {
        match error {
            PutSensorGroupError::NoBuilding => Self::NoBuilding,
            PutSensorGroupError::NoSensors(sensors) => Self::NoSensors(sensors),
            PutSensorGroupError::TooManyGroups(sensors) => Self::TooManyGroups(sensors),
            PutSensorGroupError::TooManySensors => Self::TooManySensors,
            PutSensorGroupError::Store(error) => Self::Failed(error.into()),
        }
    }
}

impl From<PutSpaceWithSensorsError> for PutFailed {
    fn from(error: PutSpaceWithSensorsError) -> Self {
        match error {
            PutSpaceWithSensorsError::Space(error) => error.into(),
            PutSpaceWithSensorsError::Sensors(error) => error.into(),
        }
    }
}

#[async_trait]
impl SubscriptionRecords for Store {
    async fn create(&self, subscription: &Subscription) -> Result<(), ChangeFailed> {
        Ok(self.create_subscription(subscription).await?)
    }

    async fn update(
        &self,
        before: &Subscription,
        after: &Subscription,
        notice: Option<&Notice>,
    ) -> Result<(), ChangeFailed> {
        match notice {
            None => Ok(self.update_subscription(before, after).await?),
            Some(notice) => Ok(self.update_subscription_with_notice(before, after, notice).await?),
        }
    }

    async fn enable(
        &self,
        before: &Subscription,
        after: &Subscription,
        backlog_read: Option<&Backlog>,
        backlog: Backlog,
        notice: Option<&Notice>,
    ) -> Result<(), ChangeFailed> {
        // The change is of the moment that the subscription was changed.
        match self.enable_subscription(before, after, backlog_read, backlog, notice, after.updated_at).await? {
            Saved::Yes => Ok(()),
            Saved::Conflict => Err(ChangeFailed::Conflict),
        }
    }

    async fn delete(&self, subscription: &Subscription) -> Result<(), ChangeFailed> {
        Ok(self.delete_subscription(subscription).await?)
    }

    async fn get(&self, tenant: &TenantId, id: &SubscriptionId) -> Result<Option<Subscription>, Failed> {
        Ok(self.subscription(tenant, id).await?)
    }

    async fn find(
        &self,
        tenant: &TenantId,
        search: &Search,
        page: PageRequest,
    ) -> Result<Page<(Subscription, Health)>, ListFailed> {
        Ok(self.find_subscriptions(tenant, search, page).await?)
    }

    async fn health(&self, subscription: &Subscription) -> Result<Health, Failed> {
        Ok(self.subscription_health(subscription).await?)
    }

    async fn attempts(
        &self,
        key: &SubscriptionKey,
        filter: &AttemptFilter,
        wanted: &(dyn for<'a> Fn(&'a Attempt) -> bool + Send + Sync),
        page: PageRequest,
    ) -> Result<Page<Logged>, ListFailed> {
        Ok(self.find_attempts(&key.tenant, &key.id, filter, wanted, page).await?)
    }

    async fn attempt(&self, key: &SubscriptionKey, id: &AttemptId) -> Result<Option<Attempt>, Failed> {
        Ok(self.attempt(&key.tenant, &key.id, id).await?)
    }

    async fn revision(&self, key: &SubscriptionKey, revision: u64) -> Result<Option<Subscription>, Failed> {
        Ok(self.subscription_revision(key, revision).await?)
    }

    async fn buckets(&self, tenant: &TenantId, id: &SubscriptionId, from: BucketStart) -> Result<Vec<Bucket>, Failed> {
        Ok(self.buckets(tenant, id, from).await?)
    }
}

#[async_trait]
impl RegistryRecords for Store {
    async fn put_building(&self, tenant: &TenantId, building: &Building) -> Result<Put, Failed> {
        Ok(self.put_building(tenant, building).await?)
    }

    async fn building(&self, tenant: &TenantId, id: &BuildingRefId) -> Result<Option<Building>, Failed> {
        Ok(self.building(tenant, id).await?)
    }

    async fn list_buildings(&self, tenant: &TenantId, page: PageRequest) -> Result<Page<Building>, ListFailed> {
        Ok(self.list_buildings(tenant, page).await?)
    }

    async fn delete_building(&self, tenant: &TenantId, id: &BuildingRefId) -> Result<bool, RemoveFailed> {
        Ok(self.delete_building(tenant, id).await?)
    }

    async fn put_floor(&self, tenant: &TenantId, floor: &Floor) -> Result<Put, PutFailed> {
        Ok(self.put_floor(tenant, floor).await?)
    }

    async fn floor(
        &self,
        tenant: &TenantId,
        building: &BuildingRefId,
        id: &FloorRefId,
    ) -> Result<Option<Floor>, Failed> {
        Ok(self.floor(tenant, building, id).await?)
    }

    async fn list_floors(
        &self,
        tenant: &TenantId,
        building: &BuildingRefId,
        page: PageRequest,
    ) -> Result<Page<Floor>, ListFailed> {
        Ok(self.list_floors(tenant, building, page).await?)
    }

    async fn delete_floor(
        &self,
        tenant: &TenantId,
        building: &BuildingRefId,
        id: &FloorRefId,
    ) -> Result<bool, RemoveFailed> {
        Ok(self.delete_floor(tenant, building, id).await?)
    }

    async fn put_space(&self, tenant: &TenantId, draft: &SpaceDraft) -> Result<(Space, Put), PutFailed> {
        Ok(self.put_space(tenant, draft).await?)
    }

    async fn put_space_with_sensors(
        &self,
        tenant: &TenantId,
        draft: &SpaceDraft,
        sensors: &BTreeMap<SensorId, Option<String>>,
    ) -> Result<SpaceWithSensors, PutFailed> {
        Ok(self.put_space_with_sensors(tenant, draft, sensors).await?)
    }

    async fn space(&self, tenant: &TenantId, key: &SpaceKey) -> Result<Option<Space>, Failed> {
        Ok(self.space(tenant, key).await?)
    }

    async fn list_spaces(
        &self,
        tenant: &TenantId,
        building: &BuildingRefId,
        page: PageRequest,
    ) -> Result<Page<Space>, ListFailed> {
        Ok(self.list_spaces(tenant, building, page).await?)
    }

    async fn delete_space(&self, tenant: &TenantId, key: &SpaceKey) -> Result<bool, RemoveFailed> {
        Ok(self.delete_space(tenant, key).await?)
    }

    async fn state(&self, tenant: &TenantId, of: ObservedId) -> Result<SpaceState, Failed> {
        Ok(self.stored_state(tenant, of).await?.state)
    }

    async fn put_sensor_group(
        &self,
        tenant: &TenantId,
        draft: &SensorGroupDraft,
    ) -> Result<(SensorGroup, Put), PutGroupFailed> {
        Ok(self.put_sensor_group(tenant, draft).await?)
    }

    async fn sensor_group(&self, tenant: &TenantId, id: &SensorGroupRefId) -> Result<Option<SensorGroup>, Failed> {
        Ok(self.sensor_group(tenant, id).await?)
    }

    async fn list_sensor_groups(&self, tenant: &TenantId, page: PageRequest) -> Result<Page<SensorGroup>, ListFailed> {
        Ok(self.list_sensor_groups(tenant, page).await?)
    }

    async fn delete_sensor_group(&self, tenant: &TenantId, id: &SensorGroupRefId) -> Result<bool, Failed> {
        Ok(self.delete_sensor_group(tenant, id).await?)
    }

    async fn put_sensor(&self, tenant: &TenantId, sensor: &Sensor) -> Result<(Sensor, Put), PutFailed> {
        Ok(self.put_sensor(tenant, sensor).await?)
    }

    async fn sensor(&self, tenant: &TenantId, id: &SensorId) -> Result<Option<Sensor>, Failed> {
        Ok(self.sensor(tenant, id).await?)
    }

    async fn list_sensors(&self, tenant: &TenantId, page: PageRequest) -> Result<Page<Sensor>, ListFailed> {
        Ok(self.list_sensors(tenant, page).await?)
    }

    async fn delete_sensor(&self, tenant: &TenantId, id: &SensorId) -> Result<bool, Failed> {
        Ok(self.delete_sensor(tenant, id).await?)
    }

    async fn list_unassigned(
        &self,
        tenant: &TenantId,
        page: PageRequest,
    ) -> Result<Page<UnassignedSensor>, ListFailed> {
        Ok(self.list_unassigned(tenant, page).await?)
    }
}

#[async_trait]
impl KeyRecords for Store {
    async fn create_key(&self, key: &ApiKey) -> Result<KeyCreated, Failed> {
        Ok(self.create_key(key).await?)
    }

    async fn key(&self, id: &KeyId) -> Result<Option<ApiKey>, Failed> {
        Ok(self.key(id).await?)
    }

    async fn list_keys(&self, tenant: &TenantId, page: PageRequest) -> Result<Page<ApiKey>, ListFailed> {
        Ok(self.list_keys(tenant, page).await?)
    }

    async fn delete_key(&self, tenant: &TenantId, id: &KeyId) -> Result<bool, Failed> {
        Ok(self.delete_key(tenant, id).await?)
    }

    async fn note_key_use(&self, read: &ApiKey, at: Timestamp) -> Result<(), Failed> {
        Ok(self.note_key_use(read, at).await?)
    }
}

/// The secrets of subscriptions and where the first admin key is.
#[derive(Debug, Clone)]
pub struct SecretsManager {
    /// Secrets of subscriptions.
    pub credentials: CredentialStore,
    /// The ARN of the secret that is the first admin key.
    pub admin_key_arn: String,
}

#[async_trait]
impl Secrets for SecretsManager {
    fn name(&self, tenant: &TenantId, id: &SubscriptionId) -> SecretName {
        self.credentials.name(tenant, id)
    }

    async fn create(
        &self,
        name: &SecretName,
        version: &SecretVersion,
        credentials: &Credentials,
    ) -> Result<(), CredentialsError> {
        self.credentials.create(name, version, credentials).await
    }

    async fn put(
        &self,
        name: &SecretName,
        version: &SecretVersion,
        credentials: &Credentials,
    ) -> Result<(), CredentialsError> {
        self.credentials.put(name, version, credentials).await
    }

    async fn make_current(&self, name: &SecretName, version: &SecretVersion) -> Result<(), CredentialsError> {
        self.credentials.make_current(name, version).await
    }

    async fn get(&self, name: &SecretName, version: &SecretVersion) -> Result<Credentials, CredentialsError> {
        self.credentials.get(name, version).await
    }

    async fn delete(&self, name: &SecretName) -> Result<(), CredentialsError> {
        self.credentials.delete(name).await
    }

    async fn admin_key(&self) -> Result<SecretString, CredentialsError> {
        self.credentials.admin_key(&self.admin_key_arn).await
    }
}
