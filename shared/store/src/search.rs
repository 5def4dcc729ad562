//! Finding subscriptions, and how they are doing.

use crate::batch::BATCH_GET_LIMIT;
use crate::error::{ListError, StoreError};
use crate::failing::{Warnings, warnings};
use crate::filtered::Sifted;
use crate::item::{Item, key_of};
use crate::page::{Page, PageRequest};
use crate::request::Order;
use crate::tenants::backlogs;
use crate::{Store, document, keys};
use futures::future::{try_join, try_join_all};
use spacehook_domain::ids::{SubscriptionId, TenantId};
use spacehook_domain::subscription::Subscription;
use spacehook_domain::subscription::search::{Health, Search};
use std::collections::BTreeSet;

/// What is known of a tenant's subscriptions beside their records.
#[derive(Debug, Default)]
struct Known {
    backlogs: BTreeSet<SubscriptionId>,
    warnings: Warnings,
}

impl Known {
    fn health(&self, subscription: &Subscription) -> Health {
        let warning = self.warnings.get(&subscription.id);
        let since = subscription.activity.since();
        // A warning of an earlier period of being enabled says nothing of this one.
        let is_failing = warning.is_some_and(|warning| warning.is_failing && warning.enabled_since == since);
        Health::of(subscription, is_failing, self.backlogs.contains(&subscription.id))
    }
}

impl Store {
    /// A page of the subscriptions of a tenant that a search wants, in the order of their creation, and how each is doing.
    /// A page may have fewer than were asked for, or none, and go on all the same.
    ///
    /// Costs 1 Query where everything is wanted; where not, up to 6, of which at most 1,000 subscriptions are examined (1 read
    /// unit each 4 KB), those that list the type where one is wanted. How those given are doing costs 1 `BatchGetItem` (2 for
    /// 100 of them); where that is what is wanted, 1 `GetItem` and 8 Queries instead, see `failing`.
    pub async fn find_subscriptions(
        &self,
        tenant: &TenantId,
        search: &Search,
        request: PageRequest,
    ) -> Result<Page<(Subscription, Health)>, ListError> {
        const OPERATION: &str = "find subscriptions";
        let (pk, prefix) = match &search.event_type {
            Some(event_type) => (keys::match_partition(tenant, *event_type), keys::MATCH_PREFIX),
            None => (keys::tenant_partition(tenant), keys::SUBSCRIPTION_PREFIX),
        };
        let wishes = search.fingerprint();
        let list = Sifted { pk: &pk, prefix, order: Order::Forward, wishes: &wishes };
        let mut known = match search.health {
            // Who is disabled says it itself, and where all is wanted, nothing is known before there is a page.
            None | Some(Health::Disabled) => Known::default(),
            Some(_) => self.known_of_tenant(tenant).await?,
        };
        let page = self
            .filtered_page(OPERATION, list, &request, |item| {
                let subscription: Subscription = document::read(&item)?;
                let is_wanted = search.wants(&subscription, known.health(&subscription));
                Ok(is_wanted.then_some(subscription))
            })
            .await?;
        if search.health.is_none() {
            let enabled = page.items.iter().filter(|one| one.activity.is_enabled()).map(|one| &one.id);
            known = self.known(tenant, &enabled.collect::<Vec<_>>()).await?;
        }
        Ok(page.map(|subscription| {
            let health = known.health(&subscription);
            (subscription, health)
        }))
    }

    /// How a subscription is doing. Costs 1 `BatchGetItem`; nothing where it is disabled.
    pub async fn subscription_health(&self, subscription: &Subscription) -> Result<Health, StoreError> {
        if !subscription.activity.is_enabled() {
            return Ok(Health::Disabled);
        }
        Ok(self.known(&subscription.tenant, &[&subscription.id]).await?.health(subscription))
    }

    /// What is known of these subscriptions. Costs 1 `BatchGetItem` for up to 99; nothing for none.
    async fn known(&self, tenant: &TenantId, of: &[&SubscriptionId]) -> Result<Known, StoreError> {
        if of.is_empty() {
            return Ok(Known::default());
        }
        let of_tenant = keys::tenant(tenant);
        let mut keys = vec![of_tenant.clone()];
        keys.extend(of.iter().map(|id| keys::failing(tenant, id)));
        let read = keys.chunks(BATCH_GET_LIMIT).map(|chunk| self.get_batch("read how subscriptions do", chunk));
        let items = try_join_all(read).await?.into_iter().flatten();
        let (of_tenant, markers): (Vec<Item>, Vec<Item>) = items.partition(|item| key_of(item) == of_tenant);
        let backlogs = of_tenant.first().map(backlogs).transpose()?.unwrap_or_default();
        Ok(Known { backlogs, warnings: warnings(markers.into_iter()) })
    }

    /// What is known of all. Costs 1 `GetItem`, and what [`Self::warnings_of_tenant`] costs, side by side.
    async fn known_of_tenant(&self, tenant: &TenantId) -> Result<Known, StoreError> {
        let (overview, warnings) = try_join(self.tenant_overview(tenant), self.warnings_of_tenant(tenant)).await?;
        Ok(Known { backlogs: overview.backlogs, warnings })
    }
}
