//! Profiles of tenants' own: one item a profile, and one a version, which never changes and holds what can be large. Every
//! change raises the version of the tenant's registry: what ingest remembers of profiles holds for one version.

use crate::error::{ListError, StoreError};
use crate::item::{from_item, number, to_item};
use crate::page::{Page, PageRequest};
use crate::request::Order;
use crate::tenants::registry_changed;
use crate::transaction::Transacted;
use crate::write::{If, Write};
use crate::{Saved, Store, document, keys};
use spacehook_domain::ids::{ProfileName, TenantId};
use spacehook_domain::profile::{OWN_PROFILES_LIMIT, OwnProfile, OwnProfileVersion, VERSIONS_KEPT};

const VERSION: &str = "version";
/// The tenant's counter of its profiles.
const PROFILES: &str = "profiles";

/// What came of making a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProfileCreated {
    /// It is made.
    Yes,
    /// The tenant has one of this name.
    NameTaken,
    /// The tenant has [`OWN_PROFILES_LIMIT`] of them.
    LimitReached,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Profile,
    Version,
    Tenant,
}

fn put(tenant: &TenantId, profile: &OwnProfile, condition: If) -> Result<Write, StoreError> {
    let key = keys::profile(tenant, &profile.name);
    Ok(Write::put(key.clone(), to_item(&key, profile)?).only_if(condition))
}

fn put_version(tenant: &TenantId, version: &OwnProfileVersion) -> Result<Write, StoreError> {
    document::put(keys::profile_version(tenant, &version.name, version.version), version, [])
}

impl Store {
    /// Stores a new profile with its first version. Costs 1 `TransactWriteItems` of 3 items: 2 write units each, and for the
    /// version 2 for each KB.
    pub async fn create_profile(
        &self,
        tenant: &TenantId,
        profile: &OwnProfile,
        version: &OwnProfileVersion,
    ) -> Result<ProfileCreated, StoreError> {
        let has_room = If::Below(PROFILES.into(), OWN_PROFILES_LIMIT);
        let parts = vec![
            (Part::Profile, put(tenant, profile, If::Absent)?),
            (Part::Version, put_version(tenant, version)?),
            (Part::Tenant, registry_changed(tenant).count(PROFILES, 1).only_if(has_room)),
        ];
        let seed = keys::profile(tenant, &profile.name);
        Ok(match self.transact("create a profile", &seed, parts).await? {
            Transacted::Done => ProfileCreated::Yes,
            Transacted::Refused(refused) if refused.contains(&Part::Profile) => ProfileCreated::NameTaken,
            Transacted::Refused(_) => ProfileCreated::LimitReached,
        })
    }

    /// Stores the next version of a profile, if the stored one is still the one before it. A version that is older than
    /// those which are kept goes. Costs 1 `TransactWriteItems` of 3 or 4 items.
    ///
    /// A lost answer may be reported as a conflict with oneself: reading again shows the own change.
    pub async fn update_profile(
        &self,
        tenant: &TenantId,
        after: &OwnProfile,
        version: &OwnProfileVersion,
    ) -> Result<Saved, StoreError> {
        let before = If::Is(VERSION.into(), number(after.version.saturating_sub(1)));
        let mut parts = vec![
            (Part::Profile, put(tenant, after, before)?),
            (Part::Version, put_version(tenant, version)?),
            (Part::Tenant, registry_changed(tenant)),
        ];
        if let Some(oldest) = after.version.checked_sub(VERSIONS_KEPT).filter(|oldest| *oldest > 0) {
            parts.push((Part::Version, Write::delete(keys::profile_version(tenant, &after.name, oldest))));
        }
        let seed = keys::profile(tenant, &after.name);
        Ok(match self.transact("change a profile", &seed, parts).await? {
            Transacted::Done => Saved::Yes,
            Transacted::Refused(_) => Saved::Conflict,
        })
    }

    /// Deletes a profile with all its versions, if it is still as it was read. Costs 1 `TransactWriteItems` of 2 items and 1
    /// for each version.
    pub async fn delete_profile(&self, tenant: &TenantId, profile: &OwnProfile) -> Result<Saved, StoreError> {
        let key = keys::profile(tenant, &profile.name);
        let as_read = If::Is(VERSION.into(), number(profile.version));
        let mut parts = vec![
            (Part::Profile, Write::delete(key.clone()).only_if(as_read)),
            (Part::Tenant, registry_changed(tenant).count(PROFILES, -1)),
        ];
        for version in profile.version.saturating_sub(VERSIONS_KEPT) + 1..=profile.version {
            parts.push((Part::Version, Write::delete(keys::profile_version(tenant, &profile.name, version))));
        }
        Ok(match self.transact("delete a profile", &key, parts).await? {
            Transacted::Done => Saved::Yes,
            Transacted::Refused(_) => Saved::Conflict,
        })
    }

    /// A profile. Costs 1 `GetItem`.
    pub async fn profile(&self, tenant: &TenantId, name: &ProfileName) -> Result<Option<OwnProfile>, StoreError> {
        self.get_as("read a profile", &keys::profile(tenant, name)).await
    }

    /// Every profile of a tenant's own, by name. Costs 1 Query, 1 read unit each 4 KB: at most some 10 for
    /// [`OWN_PROFILES_LIMIT`] of them.
    pub async fn profiles(&self, tenant: &TenantId) -> Result<Vec<OwnProfile>, StoreError> {
        let pk = keys::tenant_partition(tenant);
        let between = Some((keys::PROFILE_PREFIX, keys::PROFILES_END));
        let items = self.query_all("list the profiles", &pk, between).await?;
        items.into_iter().map(from_item).collect()
    }

    /// A version of a profile. Costs 1 `GetItem`, 1 read unit each 4 KB.
    pub async fn profile_version(
        &self,
        tenant: &TenantId,
        name: &ProfileName,
        version: u32,
    ) -> Result<Option<OwnProfileVersion>, StoreError> {
        let item = self.get("read a version of a profile", &keys::profile_version(tenant, name, version)).await?;
        item.as_ref().map(document::read).transpose()
    }

    /// A page of the versions of a profile that are kept, the newest first. Costs 1 Query, 1 read unit each 4 KB.
    pub async fn profile_versions(
        &self,
        tenant: &TenantId,
        name: &ProfileName,
        request: &PageRequest,
    ) -> Result<Page<OwnProfileVersion>, ListError> {
        let (pk, prefix) = (keys::tenant_partition(tenant), keys::profile_version_prefix(name));
        let read = |item: crate::item::Item| document::read(&item);
        self.page_of("list the versions of a profile", (&pk, &prefix), request, Order::Backward, read).await
    }
}
