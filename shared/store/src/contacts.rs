//! The contacts of a tenant: who is told of a subscription that has no contacts of its own.

use crate::error::StoreError;
use crate::item::{number, to_item};
use crate::request::Written;
use crate::write::{If, Write};
use crate::{Saved, Store, keys};
use serde::{Deserialize, Serialize};
use spacehook_domain::ids::TenantId;
use spacehook_domain::subscription::EmailAddress;
use std::collections::BTreeSet;

const REVISION: &str = "revision";

/// The contacts of a tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contacts {
    /// Who is told; nobody, if it is empty.
    pub addresses: BTreeSet<EmailAddress>,
    /// 1, 2, 3, …: one more with each change; 0 where none were ever stored.
    pub revision: u64,
}

impl Store {
    /// The contacts of a tenant; none, at revision 0, where none were stored. Costs 1 `GetItem`.
    pub async fn contacts(&self, tenant: &TenantId) -> Result<Contacts, StoreError> {
        let stored = self.get_as("read the contacts of a tenant", &keys::contacts(tenant)).await?;
        Ok(stored.unwrap_or_default())
    }

    /// Replaces the contacts of a tenant, if the stored revision is still the one before `after.revision`.
    ///
    /// Costs 1 `PutItem`, 1 write unit each KB. A lost answer may be reported as a conflict with oneself: reading again
    /// shows the own contacts.
    pub async fn put_contacts(&self, tenant: &TenantId, after: &Contacts) -> Result<Saved, StoreError> {
        let key = keys::contacts(tenant);
        let expected = match after.revision.saturating_sub(1) {
            0 => If::Absent,
            before => If::Is(REVISION.into(), number(before)),
        };
        let write = Write::put(key.clone(), to_item(&key, after)?).only_if(expected);
        Ok(match self.write("store the contacts of a tenant", write).await? {
            Written::Done => Saved::Yes,
            Written::Refused => Saved::Conflict,
        })
    }
}
