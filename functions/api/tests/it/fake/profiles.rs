use super::{Fake, page};
use async_trait::async_trait;
use spacehook_api::ports::{Failed, ListFailed, ProfileRecords};
use spacehook_domain::ids::{ProfileName, TenantId};
use spacehook_domain::profile::{OWN_PROFILES_LIMIT, OwnProfile, OwnProfileVersion};
use spacehook_store::{Page, PageRequest, ProfileCreated, Saved};

#[async_trait]
impl ProfileRecords for Fake {
    async fn create(
        &self,
        tenant: &TenantId,
        profile: &OwnProfile,
        version: &OwnProfileVersion,
    ) -> Result<ProfileCreated, Failed> {
        self.perform("profile.create", |contents| {
            let key = (tenant.clone(), profile.name.clone());
            if contents.profiles.contains_key(&key) {
                return ProfileCreated::NameTaken;
            }
            let of_tenant = contents.profiles.keys().filter(|(owner, _)| owner == tenant).count();
            if of_tenant as u64 >= OWN_PROFILES_LIMIT {
                return ProfileCreated::LimitReached;
            }
            contents.profiles.insert(key, (profile.clone(), vec![version.clone()]));
            ProfileCreated::Yes
        })
    }

    async fn update(
        &self,
        tenant: &TenantId,
        after: &OwnProfile,
        version: &OwnProfileVersion,
    ) -> Result<Saved, Failed> {
        self.perform("profile.update", |contents| {
            let stored = contents.profiles.get_mut(&(tenant.clone(), after.name.clone()));
            let Some(stored) = stored.filter(|stored| stored.0.version + 1 == after.version) else {
                return Saved::Conflict;
            };
            stored.0 = after.clone();
            stored.1.insert(0, version.clone());
            Saved::Yes
        })
    }

    async fn delete(&self, tenant: &TenantId, profile: &OwnProfile) -> Result<Saved, Failed> {
        self.perform("profile.delete", |contents| {
            let key = (tenant.clone(), profile.name.clone());
            if contents.profiles.get(&key).is_none_or(|stored| stored.0.version != profile.version) {
                return Saved::Conflict;
            }
            contents.profiles.remove(&key);
            Saved::Yes
        })
    }

    async fn profile(&self, tenant: &TenantId, name: &ProfileName) -> Result<Option<OwnProfile>, Failed> {
        self.perform("profile.get", |contents| {
            contents.profiles.get(&(tenant.clone(), name.clone())).map(|(profile, _)| profile.clone())
        })
    }

    async fn profiles(&self, tenant: &TenantId) -> Result<Vec<OwnProfile>, Failed> {
        self.perform("profile.list", |contents| {
            let of_tenant = contents.profiles.iter().filter(|((owner, _), _)| owner == tenant);
            of_tenant.map(|(_, (profile, _))| profile.clone()).collect()
        })
    }

    async fn version(
        &self,
        tenant: &TenantId,
        name: &ProfileName,
        version: u32,
    ) -> Result<Option<OwnProfileVersion>, Failed> {
        self.perform("profile.version", |contents| {
            let (_, versions) = contents.profiles.get(&(tenant.clone(), name.clone()))?;
            versions.iter().find(|one| one.version == version).cloned()
        })
    }

    async fn versions(
        &self,
        tenant: &TenantId,
        name: &ProfileName,
        request: &PageRequest,
    ) -> Result<Page<OwnProfileVersion>, ListFailed> {
        let versions = self.perform("profile.versions", |contents| {
            contents.profiles.get(&(tenant.clone(), name.clone())).map(|(_, versions)| versions.clone())
        })?;
        page(&versions.unwrap_or_default(), request).ok_or(ListFailed::InvalidCursor)
    }
}
