//! Event types of tenants' own: one item a type, which is read to know whether there is one, and one a version, which never
//! changes and holds what can be large.

use crate::error::StoreError;
use crate::item::{from_item, number, to_item};
use crate::request::Written;
use crate::transaction::Transacted;
use crate::write::{If, Write};
use crate::{Saved, Store, document, keys};
use spacehook_domain::event::CustomType;
use spacehook_domain::ids::TenantId;
use spacehook_domain::own_type::{OWN_TYPES_LIMIT, OwnType, OwnTypeVersion};

const REVISION: &str = "revision";
/// The tenant's counter of types that were ever registered.
const EVENT_TYPES: &str = "event_types";

/// What came of registering a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// It is.
    Yes,
    /// The tenant has one of this name.
    NameTaken,
    /// The tenant has [`OWN_TYPES_LIMIT`] of them.
    LimitReached,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Type,
    Version,
    Tenant,
}

impl Store {
    /// Stores a new type with its first version. Costs 1 `TransactWriteItems` of 3 items: 2 write units each, and for the
    /// version 2 for each KB.
    pub async fn register_event_type(
        &self,
        tenant: &TenantId,
        own: &OwnType,
        version: &OwnTypeVersion,
    ) -> Result<Registered, StoreError> {
        let key = keys::event_type(tenant, own.name);
        let counted = Write::update(keys::tenant(tenant)).count(EVENT_TYPES, 1);
        let parts = vec![
            (Part::Type, Write::put(key.clone(), to_item(&key, own)?).only_if(If::Absent)),
            (Part::Version, put_version(tenant, version)?),
            (Part::Tenant, counted.only_if(If::Below(EVENT_TYPES.into(), OWN_TYPES_LIMIT))),
        ];
        Ok(match self.transact("register an event type", &key, parts).await? {
            Transacted::Done => Registered::Yes,
            Transacted::Refused(refused) if refused.contains(&Part::Type) => Registered::NameTaken,
            Transacted::Refused(_) => Registered::LimitReached,
        })
    }

    /// Replaces a type, if its stored revision is still the one before `after.revision`, and stores a new version with it
    /// where there is one. Costs 1 `PutItem`, or with a version 1 `TransactWriteItems` of 2 items.
    ///
    /// A lost answer may be reported as a conflict with oneself: reading again shows the own change.
    pub async fn update_event_type(
        &self,
        tenant: &TenantId,
        after: &OwnType,
        version: Option<&OwnTypeVersion>,
    ) -> Result<Saved, StoreError> {
        let key = keys::event_type(tenant, after.name);
        let before = If::Is(REVISION.into(), number(after.revision.saturating_sub(1)));
        let write = Write::put(key.clone(), to_item(&key, after)?).only_if(before);
        let is_done = match version {
            None => self.write("change an event type", write).await? == Written::Done,
            Some(version) => {
                let parts = vec![(Part::Type, write), (Part::Version, put_version(tenant, version)?)];
                self.transact("add a version of an event type", &key, parts).await? == Transacted::Done
            }
        };
        Ok(if is_done { Saved::Yes } else { Saved::Conflict })
    }

    /// A type. Costs 1 `GetItem`.
    pub async fn event_type(&self, tenant: &TenantId, name: CustomType) -> Result<Option<OwnType>, StoreError> {
        self.get_as("read an event type", &keys::event_type(tenant, name)).await
    }

    /// Every type of a tenant, by name. Costs 1 Query, 1 read unit each 4 KB: at most some 60 for [`OWN_TYPES_LIMIT`] of
    /// them.
    pub async fn event_types(&self, tenant: &TenantId) -> Result<Vec<OwnType>, StoreError> {
        let pk = keys::tenant_partition(tenant);
        let between = Some((keys::EVENT_TYPE_PREFIX, keys::EVENT_TYPES_END));
        let items = self.query_all("list the event types", &pk, between).await?;
        items.into_iter().map(from_item).collect()
    }

    /// A version of a type. Costs 1 `GetItem`, 1 read unit each 4 KB.
    pub async fn event_type_version(
        &self,
        tenant: &TenantId,
        name: CustomType,
        version: u32,
    ) -> Result<Option<OwnTypeVersion>, StoreError> {
        let item =
            self.get("read a version of an event type", &keys::event_type_version(tenant, name, version)).await?;
        item.as_ref().map(document::read).transpose()
    }
}

fn put_version(tenant: &TenantId, version: &OwnTypeVersion) -> Result<Write, StoreError> {
    document::put(keys::event_type_version(tenant, version.name, version.version), version, [])
}
