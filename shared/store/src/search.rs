//! Finding subscriptions, and how they are doing.

use crate::error::{ListError, StoreError};
use crate::failing::Warnings;
use crate::filtered::Sifted;
use crate::item::from_item;
use crate::page::{Page, PageRequest};
use crate::request::Order;
use crate::{Store, keys};
use futures::future::try_join;
use spacehook_domain::ids::{SubscriptionId, TenantId};
use spacehook_domain::subscription::Subscription;
use spacehook_domain::subscription::search::{Health, Search};
use std::collections::BTreeSet;

/// What is known of a tenant's subscriptions beside their records.
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
    /// Costs 1 `GetItem` and 1 Query where everything is wanted; where not, up to 6 Queries, of which at most 1,000
    /// subscriptions are examined (1 read unit each 4 KB), those that list the type where one is wanted. How they are doing
    /// costs 1 `BatchGetItem` for those given; where that is what is wanted, 8 Queries instead, see `failing`.
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
        let mut known = Known {
            backlogs: self.tenant_overview(tenant).await?.backlogs,
            warnings: match search.health {
                None | Some(Health::Disabled) => Warnings::new(),
                Some(_) => self.warnings_of_tenant(tenant).await?,
            },
        };
        let page = self
            .filtered_page(OPERATION, list, &request, |item| {
                let subscription: Subscription = from_item(item)?;
                let is_wanted = search.wants(&subscription, known.health(&subscription));
                Ok(is_wanted.then_some(subscription))
            })
            .await?;
        if search.health.is_none() {
            let enabled = page.items.iter().filter(|one| one.activity.is_enabled()).map(|one| &one.id);
            known.warnings = self.warnings(tenant, &enabled.collect::<Vec<_>>()).await?;
        }
        Ok(page.map(|subscription| {
            let health = known.health(&subscription);
            (subscription, health)
        }))
    }

    /// How a subscription is doing. Costs 1 `GetItem` and 1 `BatchGetItem`, side by side; nothing where it is disabled.
    pub async fn subscription_health(&self, subscription: &Subscription) -> Result<Health, StoreError> {
        if !subscription.activity.is_enabled() {
            return Ok(Health::Disabled);
        }
        let of = [&subscription.id];
        let overview = self.tenant_overview(&subscription.tenant);
        let (overview, warnings) = try_join(overview, self.warnings(&subscription.tenant, &of)).await?;
        Ok(Known { backlogs: overview.backlogs, warnings }.health(subscription))
    }
}
