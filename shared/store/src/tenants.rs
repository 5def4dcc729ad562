//! A tenant's versions and counters.

use crate::error::StoreError;
use crate::item::{Item, counter, counter_or_zero, key_of};
use crate::write::{If, Write};
use crate::{Store, keys};
use aws_sdk_dynamodb::types::AttributeValue;
use spacehook_domain::backlog::Enlist;
use spacehook_domain::event::EventType;
use spacehook_domain::ids::{SubscriptionId, TenantId};
use spacehook_domain::privacy::Privacy;
use spacehook_domain::tenant::SUBSCRIPTIONS_DEFAULT;
use std::collections::BTreeSet;

pub(crate) const VERSION: &str = "version";
pub(crate) const REGISTRY_VERSION: &str = "registry_version";
pub(crate) const NEXT_SPACE_ID: &str = "next_space_id";
pub(crate) const NEXT_SENSOR_GROUP_ID: &str = "next_sensor_group_id";
/// The set of subscriptions that have a backlog.
const BACKLOGS: &str = "backlogs";
/// The set of subscriptions that were told to be failing and not to have recovered. Their markers say of which period of being
/// enabled that was; those that were disabled since may have none, and cost no more than looking for it.
const FAILING: &str = "failing";
/// The set of event types that are split.
pub(crate) const SPLIT: &str = "split";

/// How many subscriptions there are, of whatever types.
pub(crate) const SUBSCRIPTIONS: &str = "subscriptions";
/// How many there may be; [`SUBSCRIPTIONS_DEFAULT`] where it does not say.
pub(crate) const SUBSCRIPTIONS_LIMIT_OF_TENANT: &str = "subscriptions_limit";
/// How many keys of the API there are.
pub(crate) const KEYS: &str = "api_keys";
/// There while the tenant is suspended.
pub(crate) const SUSPENDED: &str = "suspended";
/// What of its telemetry is kept, as a JSON text; the usual where it is not there.
pub(crate) const PRIVACY: &str = "privacy";

/// What there is to know of a tenant before anything of it is read. A tenant that nothing was stored for has zeros.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TenantOverview {
    /// One more with each change of a subscription: what is cached of subscriptions holds for one version.
    pub version: u64,
    /// One more with each change of a building, floor, space, sensor or group of sensors.
    pub registry_version: u64,
    /// The event types that at least one subscription, enabled or not, asks for; none while the tenant is suspended, so that
    /// nothing becomes an event then.
    pub subscribed: BTreeSet<EventType>,
    /// The subscriptions that have a backlog.
    pub backlogs: BTreeSet<SubscriptionId>,
    /// The event types whose events are split into shares; see [`spacehook_domain::share`].
    pub split: BTreeSet<EventType>,
    /// Nothing is made or sent for it.
    pub is_suspended: bool,
    /// What of its telemetry is kept.
    pub privacy: Privacy,
}

impl Store {
    /// A tenant's versions, what is subscribed, and who has a backlog. Costs 1 `GetItem`, 1 read unit each 4 KB: 1 more
    /// each 100 subscriptions that have a backlog, and 1 each 100 types that were ever subscribed to.
    pub async fn tenant_overview(&self, tenant: &TenantId) -> Result<TenantOverview, StoreError> {
        let item = self.get("read a tenant", &keys::tenant(tenant)).await?;
        item.as_ref().map_or_else(|| Ok(TenantOverview::default()), TenantOverview::read)
    }
}

impl TenantOverview {
    /// What a tenant's item says.
    pub(crate) fn read(item: &Item) -> Result<Self, StoreError> {
        let is_suspended = item.contains_key(SUSPENDED);
        Ok(Self {
            version: counter(item, VERSION)?,
            registry_version: counter(item, REGISTRY_VERSION)?,
            subscribed: if is_suspended { BTreeSet::new() } else { subscribed(item)? },
            backlogs: backlogs(item)?,
            split: members(item, SPLIT).iter().filter_map(|name| EventType::parse(name).ok()).collect(),
            is_suspended,
            privacy: privacy(item)?,
        })
    }
}

/// What of a tenant's telemetry is kept. What can't be read is an error, and not the usual.
fn privacy(tenant: &Item) -> Result<Privacy, StoreError> {
    let unreadable = |error: serde_json::Error| StoreError::unreadable(key_of(tenant), format!("{PRIVACY}: {error}"));
    let text = tenant.get(PRIVACY).and_then(|value| value.as_s().ok());
    text.map_or(Ok(Privacy::Usual), |text| serde_json::from_str(text).map_err(unreadable))
}

/// The members of a set of texts; none where it is not there.
fn members<'a>(item: &'a Item, set: &str) -> &'a [String] {
    item.get(set).and_then(|value| value.as_ss().ok()).map(Vec::as_slice).unwrap_or_default()
}

/// The subscriptions that have a backlog, as the item of their tenant says.
pub(crate) fn backlogs(tenant: &Item) -> Result<BTreeSet<SubscriptionId>, StoreError> {
    noted(tenant, BACKLOGS)
}

/// Those that were told to be failing, as it says.
pub(crate) fn failing(tenant: &Item) -> Result<BTreeSet<SubscriptionId>, StoreError> {
    noted(tenant, FAILING)
}

fn noted(tenant: &Item, set: &str) -> Result<BTreeSet<SubscriptionId>, StoreError> {
    let noted = |id: &String| {
        let unreadable = |error| StoreError::unreadable(key_of(tenant), format!("{set}: {error}"));
        SubscriptionId::parse(id).map_err(unreadable)
    };
    members(tenant, set).iter().map(noted).collect()
}

/// Notes at the tenant that a subscription was told to be failing, or that it is not any more.
pub(crate) fn note_failing(of_tenant: Write, is_failing: bool, subscription: &SubscriptionId) -> Write {
    let member = AttributeValue::Ss(vec![subscription.as_str().to_owned()]);
    if is_failing { of_tenant.add(FAILING, member) } else { of_tenant.delete_from(FAILING, member) }
}

/// Notes at the tenant that a subscription has a backlog, or that it has none.
pub(crate) fn enlist(of_tenant: Write, note: Enlist, subscription: &SubscriptionId) -> Write {
    let member = AttributeValue::Ss(vec![subscription.as_str().to_owned()]);
    match note {
        Enlist::Add => of_tenant.add(BACKLOGS, member),
        Enlist::Remove => of_tenant.delete_from(BACKLOGS, member),
    }
}

/// Before the name of a type: the counter of a tenant's subscriptions to it.
const COUNTER_PREFIX: &str = "n_";

/// The counter of a tenant's subscriptions to a type.
pub(crate) fn subscriptions_counter(event_type: EventType) -> String {
    format!("{COUNTER_PREFIX}{event_type}")
}

/// The types that at least one subscription of the tenant asks for, as its counters say.
fn subscribed(tenant: &Item) -> Result<BTreeSet<EventType>, StoreError> {
    let mut subscribed = BTreeSet::new();
    for name in tenant.keys().filter_map(|attribute| attribute.strip_prefix(COUNTER_PREFIX)) {
        // What is no name was counted by a release that knows more of names, and it matches those types, not this one.
        let Ok(event_type) = EventType::parse(name) else { continue };
        if subscriptions(tenant, event_type)? > 0 {
            subscribed.insert(event_type);
        }
    }
    Ok(subscribed)
}

/// How many subscriptions to a type the tenant has.
pub(crate) fn subscriptions(tenant: &Item, event_type: EventType) -> Result<u64, StoreError> {
    counter(tenant, &subscriptions_counter(event_type))
}

/// How many subscriptions the tenant has, and how many it may have.
pub(crate) fn all_subscriptions(tenant: &Item) -> Result<(u64, u64), StoreError> {
    let limit = match counter(tenant, SUBSCRIPTIONS_LIMIT_OF_TENANT)? {
        0 => SUBSCRIPTIONS_DEFAULT,
        limit => limit,
    };
    Ok((counter_or_zero(tenant, SUBSCRIPTIONS)?, limit))
}

/// That the tenant may have one subscription more.
pub(crate) fn has_room() -> If {
    If::BelowAttribute(SUBSCRIPTIONS.into(), SUBSCRIPTIONS_LIMIT_OF_TENANT.into(), SUBSCRIPTIONS_DEFAULT)
}

/// What every change of buildings, floors, spaces and sensors does to the tenant.
pub(crate) fn registry_changed(tenant: &TenantId) -> Write {
    Write::update(keys::tenant(tenant)).count(REGISTRY_VERSION, 1)
}
