//! A tenant's versions and counters.

use crate::error::StoreError;
use crate::item::{Item, counter};
use crate::write::Write;
use crate::{Store, keys};
use aws_sdk_dynamodb::types::AttributeValue;
use spacehook_domain::backlog::Enlist;
use spacehook_domain::event::EventType;
use spacehook_domain::ids::{SubscriptionId, TenantId};
use std::collections::BTreeSet;

pub(crate) const VERSION: &str = "version";
pub(crate) const REGISTRY_VERSION: &str = "registry_version";
pub(crate) const NEXT_SPACE_ID: &str = "next_space_id";
/// The set of subscriptions that have a backlog.
const BACKLOGS: &str = "backlogs";
/// The set of event types that are split.
pub(crate) const SPLIT: &str = "split";

/// What there is to know of a tenant before anything of it is read. A tenant that nothing was stored for has zeros.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TenantOverview {
    /// One more with each change of a subscription: what is cached of subscriptions holds for one version.
    pub version: u64,
    /// One more with each change of a building, floor, space or sensor.
    pub registry_version: u64,
    /// The event types that at least one subscription, enabled or not, asks for.
    pub subscribed: BTreeSet<EventType>,
    /// The subscriptions that have a backlog.
    pub backlogs: BTreeSet<SubscriptionId>,
    /// The event types whose events are split into shares; see [`spacehook_domain::share`].
    pub split: BTreeSet<EventType>,
}

impl Store {
    /// A tenant's versions, what is subscribed, and who has a backlog. Costs 1 `GetItem`, 1 read unit each 4 KB: 1 more
    /// each 100 subscriptions that have a backlog.
    pub async fn tenant_overview(&self, tenant: &TenantId) -> Result<TenantOverview, StoreError> {
        let Some(item) = self.get("read a tenant", &keys::tenant(tenant)).await? else {
            return Ok(TenantOverview::default());
        };
        let (mut subscribed, mut split) = (BTreeSet::new(), BTreeSet::new());
        for event_type in EventType::ALL {
            if subscriptions(&item, event_type)? > 0 {
                subscribed.insert(event_type);
            }
            if members(&item, SPLIT).iter().any(|name| name == event_type.as_str()) {
                split.insert(event_type);
            }
        }
        let noted = |id: &String| {
            let unreadable = |error| StoreError::unreadable(keys::tenant(tenant), format!("{BACKLOGS}: {error}"));
            SubscriptionId::parse(id).map_err(unreadable)
        };
        Ok(TenantOverview {
            version: counter(&item, VERSION)?,
            registry_version: counter(&item, REGISTRY_VERSION)?,
            subscribed,
            backlogs: members(&item, BACKLOGS).iter().map(noted).collect::<Result<_, _>>()?,
            split,
        })
    }
}

/// The members of a set of texts; none where it is not there.
fn members<'a>(item: &'a Item, set: &str) -> &'a [String] {
    item.get(set).and_then(|value| value.as_ss().ok()).map(Vec::as_slice).unwrap_or_default()
}

/// Notes at the tenant that a subscription has a backlog, or that it has none.
pub(crate) fn enlist(of_tenant: Write, note: Enlist, subscription: &SubscriptionId) -> Write {
    let member = AttributeValue::Ss(vec![subscription.as_str().to_owned()]);
    match note {
        Enlist::Add => of_tenant.add(BACKLOGS, member),
        Enlist::Remove => of_tenant.delete_from(BACKLOGS, member),
    }
}

/// The counter of a tenant's subscriptions to a type.
pub(crate) fn subscriptions_counter(event_type: EventType) -> String {
    format!("n_{event_type}")
}

/// How many subscriptions to a type the tenant has.
pub(crate) fn subscriptions(tenant: &Item, event_type: EventType) -> Result<u64, StoreError> {
    counter(tenant, &subscriptions_counter(event_type))
}

/// What every change of buildings, floors, spaces and sensors does to the tenant.
pub(crate) fn registry_changed(tenant: &TenantId) -> Write {
    Write::update(keys::tenant(tenant)).count(REGISTRY_VERSION, 1)
}
