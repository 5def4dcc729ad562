//! The records of tenants, for the operator: a list of all, and what a record means to the tenant's own item.
//!
//! Ingest and dispatcher read a tenant's item with everything they do, and its record never. So what they must know of
//! the record (whether the tenant is suspended) and what a transaction must check (how many subscriptions it may have)
//! is written to both, in one transaction. So is what of its telemetry it wants to be kept.

use crate::error::{ListError, StoreError};
use crate::item::{counter_or_zero, from_item, number, text, to_item};
use crate::page::{Cursor, Page, PageRequest};
use crate::request::Order;
use crate::tenants::{KEYS, PRIVACY, SUBSCRIPTIONS, SUBSCRIPTIONS_LIMIT_OF_TENANT, SUSPENDED};
use crate::transaction::Transacted;
use crate::write::{If, Write};
use crate::{PAGE_LIMIT, Saved, Store, keys};
use aws_sdk_dynamodb::types::AttributeValue;
use spacehook_domain::ids::TenantId;
use spacehook_domain::privacy::Privacy;
use spacehook_domain::tenant::Tenant;

const REVISION: &str = "revision";
/// Records that a page of a filtered list is chosen from, at most.
const LOOKED_AT: usize = 1_000;

/// How much of its limits a tenant uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TenantUsage {
    /// Subscriptions.
    pub subscriptions: u64,
    /// Keys of the API.
    pub api_keys: u64,
}

impl Store {
    /// The record of a tenant; none where nobody made one. Costs 1 `GetItem`.
    pub async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, StoreError> {
        self.get_as("read a tenant's record", &keys::tenant_record(id)).await
    }

    /// Stores the record of a tenant, if the stored revision is still the one before its own (none, for the first).
    ///
    /// Costs 1 `TransactWriteItems` of 2 items: 4 write units, more where the tenant's own item has more than 1 KB.
    pub async fn put_tenant(&self, after: &Tenant) -> Result<Saved, StoreError> {
        let key = keys::tenant_record(&after.id);
        let expected = match after.revision.saturating_sub(1) {
            0 => If::Absent,
            before => If::Is(REVISION.into(), number(before)),
        };
        let unwritable = |error: serde_json::Error| StoreError::unwritable(key.clone(), error.to_string());
        let privacy = serde_json::to_string(&after.privacy).map_err(unwritable)?;
        let record = Write::put(key.clone(), to_item(&key, after)?).only_if(expected);
        let of_tenant = Write::update(keys::tenant(&after.id))
            .set(SUBSCRIPTIONS_LIMIT_OF_TENANT, number(after.limits.subscriptions))
            .set_or_remove(PRIVACY, (after.privacy != Privacy::Usual).then(|| text(privacy)))
            .set_or_remove(SUSPENDED, after.is_suspended().then_some(AttributeValue::Bool(true)));
        Ok(match self.transact("store a tenant's record", &key, vec![((), record), ((), of_tenant)]).await? {
            Transacted::Done => Saved::Yes,
            Transacted::Refused(_) => Saved::Conflict,
        })
    }

    /// The tenants that `wanted` wants, by id: those with a record, and `also`, where it has none.
    ///
    /// Costs 1 Query a page where all are wanted. Else a page is chosen from at most 1,000 records (1 Query each 100 of
    /// them), and may have fewer than asked for, or none, and go on.
    pub async fn list_tenants(
        &self,
        request: &PageRequest,
        also: &Tenant,
        wanted: impl Fn(&Tenant) -> bool,
    ) -> Result<Page<Tenant>, ListError> {
        let list = (keys::TENANTS, keys::TENANT_PREFIX);
        let limit = request.limit.clamp(1, PAGE_LIMIT) as usize;
        let mut items = Vec::new();
        let mut request = PageRequest { limit: request.limit, cursor: request.cursor.clone() };
        let mut looked_at = 0;
        loop {
            let page = self.page_with(list, &request, also).await?;
            looked_at += page.items.len();
            for tenant in page.items {
                let cursor = Cursor::after(list.0, list.1, &keys::tenant_record(&tenant.id).sk);
                if wanted(&tenant) {
                    items.push((cursor, tenant));
                }
            }
            // One more than wanted tells whether there is another page.
            if items.len() > limit {
                items.truncate(limit);
                let next = items.last().map(|(cursor, _)| cursor.clone());
                return Ok(Page { items: without_cursors(items), next });
            }
            if page.next.is_none() || items.len() == limit || looked_at >= LOOKED_AT {
                return Ok(Page { items: without_cursors(items), next: page.next });
            }
            request.cursor = page.next;
        }
    }

    /// A page of the records with `also` in its place, unless it is among them.
    async fn page_with(
        &self,
        list: (&str, &str),
        request: &PageRequest,
        also: &Tenant,
    ) -> Result<Page<Tenant>, ListError> {
        let after = request.cursor.as_ref().map(|cursor| cursor.position(list.0, list.1)).transpose()?;
        let mut page = self.page_of("list tenants", list, request, Order::Forward, from_item::<Tenant>).await?;
        let place = page.items.partition_point(|tenant| tenant.id < also.id);
        let is_there = page.items.get(place).is_some_and(|tenant| tenant.id == also.id);
        let is_before = after.is_some_and(|after| keys::tenant_record(&also.id).sk <= after);
        // At the end of a page that goes on, it may belong to a later one.
        let is_later = place == page.items.len() && page.next.is_some();
        if !is_there && !is_before && !is_later {
            page.items.insert(place, also.clone());
        }
        Ok(page)
    }

    /// How much of its limits a tenant uses. Costs 1 `GetItem` of the tenant's item.
    pub async fn tenant_usage(&self, tenant: &TenantId) -> Result<TenantUsage, StoreError> {
        let item = self.get("read a tenant", &keys::tenant(tenant)).await?.unwrap_or_default();
        Ok(TenantUsage {
            subscriptions: counter_or_zero(&item, SUBSCRIPTIONS)?,
            api_keys: counter_or_zero(&item, KEYS)?,
        })
    }
}

fn without_cursors(items: Vec<(Cursor, Tenant)>) -> Vec<Tenant> {
    items.into_iter().map(|(_, tenant)| tenant).collect()
}
