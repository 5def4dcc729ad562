//! Profiles of tenants' own, in the table.

use crate::ports::{Failed, ListFailed, ProfileRecords};
use async_trait::async_trait;
use spacehook_domain::ids::{ProfileName, TenantId};
use spacehook_domain::profile::{OwnProfile, OwnProfileVersion};
use spacehook_store::{Page, PageRequest, ProfileCreated, Saved, Store};

#[async_trait]
impl ProfileRecords for Store {
    async fn create(
        &self,
        tenant: &TenantId,
        profile: &OwnProfile,
        version: &OwnProfileVersion,
    ) -> Result<ProfileCreated, Failed> {
        Ok(self.create_profile(tenant, profile, version).await?)
    }

    async fn update(
        &self,
        tenant: &TenantId,
        after: &OwnProfile,
        version: &OwnProfileVersion,
    ) -> Result<Saved, Failed> {
        Ok(self.update_profile(tenant, after, version).await?)
    }

    async fn delete(&self, tenant: &TenantId, profile: &OwnProfile) -> Result<Saved, Failed> {
        Ok(self.delete_profile(tenant, profile).await?)
    }

    async fn profile(&self, tenant: &TenantId, name: &ProfileName) -> Result<Option<OwnProfile>, Failed> {
        Ok(self.profile(tenant, name).await?)
    }

    async fn profiles(&self, tenant: &TenantId) -> Result<Vec<OwnProfile>, Failed> {
        Ok(self.profiles(tenant).await?)
    }

    async fn version(
        &self,
        tenant: &TenantId,
        name: &ProfileName,
        version: u32,
    ) -> Result<Option<OwnProfileVersion>, Failed> {
        Ok(self.profile_version(tenant, name, version).await?)
    }

    async fn versions(
        &self,
        tenant: &TenantId,
        name: &ProfileName,
        page: &PageRequest,
    ) -> Result<Page<OwnProfileVersion>, ListFailed> {
        Ok(self.profile_versions(tenant, name, page).await?)
    }
}
