//! Finding subscriptions, and how they are doing.

use crate::error::{ListError, StoreError};
use crate::failing::Warnings;
use crate::filtered::Sifted;
use crate::item::Item;
use crate::page::{Page, PageRequest};
use crate::request::Order;
use crate::tenants::{backlogs, failing};
use crate::{Store, document, keys};
use futures::future::try_join;
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
    /// unit each 4 KB), those that list the type where one is wanted. How they are doing costs 1 `GetItem`, beside it, and 1
    /// `BatchGetItem` where some of those given were told to be failing; where that is what is wanted, 1 each 100 that were.
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
        let key = keys::tenant(tenant);
        let of_tenant = Box::pin(async { Ok(self.get("read how subscriptions do", &key).await?.unwrap_or_default()) });
        // Where how they are doing is what is wanted, it must be known before; else it is of those given alone.
        let (sifting, of_tenant) = match search.health {
            Some(_) => (self.known(tenant, &of_tenant.await?, |_| true).await?, None),
            None => (Known::default(), Some(of_tenant)),
        };
        let page = Box::pin(self.filtered_page(OPERATION, list, &request, |item| wanted(search, &sifting, &item)));
        let (page, known) = match of_tenant {
            None => (page.await?, sifting),
            Some(of_tenant) => {
                let (page, of_tenant) = try_join(page, of_tenant).await?;
                let given: BTreeSet<_> = page.items.iter().map(|one| &one.id).collect();
                let known = self.known(tenant, &of_tenant, |id| given.contains(id)).await?;
                (page, known)
            }
        };
        Ok(page.map(|subscription| {
            let health = known.health(&subscription);
            (subscription, health)
        }))
    }

    /// How a subscription is doing. Costs 1 `GetItem`, and 1 `BatchGetItem` where it was told to be failing; nothing where it is
    /// disabled.
    pub async fn subscription_health(&self, subscription: &Subscription) -> Result<Health, StoreError> {
        if !subscription.activity.is_enabled() {
            return Ok(Health::Disabled);
        }
        let tenant = &subscription.tenant;
        let of_tenant = self.get("read how subscriptions do", &keys::tenant(tenant)).await?.unwrap_or_default();
        Ok(self.known(tenant, &of_tenant, |id| *id == subscription.id).await?.health(subscription))
    }

    /// What is known of some of them, by the item of their tenant. Costs 1 `BatchGetItem` each 100 that were told to be failing.
    async fn known(
        &self,
        tenant: &TenantId,
        of_tenant: &Item,
        some: impl Fn(&SubscriptionId) -> bool,
    ) -> Result<Known, StoreError> {
        let failing = failing(of_tenant)?;
        let warnings = self.warnings(tenant, failing.iter().filter(|id| some(id))).await?;
        Ok(Known { backlogs: backlogs(of_tenant)?, warnings })
    }
}

fn wanted(search: &Search, known: &Known, item: &Item) -> Result<Option<Subscription>, StoreError> {
    let subscription: Subscription = document::read(item)?;
    let is_wanted = search.wants(&subscription, known.health(&subscription));
    Ok(is_wanted.then_some(subscription))
}
