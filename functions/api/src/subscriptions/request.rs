//! A subscription as clients write it, but for its secrets.

use super::auth_fields::AuthInput;
use super::types::KnownTypes;
use crate::fields::{At, Fields};
use crate::openapi::EventTypeName;
use crate::reference;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spacehook_domain::event::EventType;
use spacehook_domain::filter::{Filter, InvalidFilter};
use spacehook_domain::ids::{BuildingRefId, FloorRefId, SpaceRefId};
use spacehook_domain::key_values::{KeyValues, PAIRS_LIMIT, RefusedPair};
use spacehook_domain::metadata::{ENTRIES_LIMIT, Metadata, RefusedMetadata};
use spacehook_domain::receiver::{ReceiverPolicy, ReceiverUrl};
use spacehook_domain::subscription::{
    BUILDINGS_LIMIT, BacklogMode, CONTACTS_LIMIT, DESCRIPTION_LIMIT, EVENT_TYPES_LIMIT, EmailAddress, FLOORS_LIMIT,
    InvalidRateLimit, RateLimit, SPACES_LIMIT, Send, SubscriptionName,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use utoipa::ToSchema;

/// Which space reports are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Send)]
pub enum SendChoice {
    /// Every one.
    Always,
    /// Those in which the number of people or the signs of life changed, and the first in each hour.
    OnChange,
}

impl From<Send> for SendChoice {
    fn from(send: Send) -> Self {
        match send {
            Send::Always => Self::Always,
            Send::OnChange => Self::OnChange,
        }
    }
}

/// Which deliveries are kept while the receiver is down or the subscription disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = BacklogMode)]
pub enum BacklogChoice {
    /// Every one.
    All,
    /// The newest of each event type and space: the receiver then gets the present state, and in the header
    /// `spacehook-superseded` how many it missed.
    Latest,
}

impl From<BacklogMode> for BacklogChoice {
    fn from(mode: BacklogMode) -> Self {
        match mode {
            BacklogMode::All => Self::All,
            BacklogMode::Latest => Self::Latest,
        }
    }
}

/// A new subscription.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSubscription {
    /// Its name, unique in the tenant without regard to case.
    #[schema(min_length = 1, max_length = 100, example = "Cleaning robots")]
    pub name: String,
    /// A note for people.
    #[schema(max_length = 1024)]
    pub description: Option<String>,
    /// Where events go: HTTPS, to a public address unless the operator allows more. The URL is checked when it is saved;
    /// names are resolved and every address checked at each attempt, so that saving does not depend on the network.
    #[schema(max_length = 2048, example = "https://example.com/hooks/occupancy")]
    pub url: String,
    /// What it wants to hear of.
    #[schema(min_items = 1, max_items = 32, value_type = Vec<EventTypeName>)]
    pub event_types: Vec<String>,
    /// Whether events are sent.
    #[schema(default = true)]
    pub enabled: Option<bool>,
    /// Which space reports are sent.
    #[schema(default = "always")]
    pub send: Option<SendChoice>,
    /// The buildings it wants to hear of; none means all.
    #[schema(max_items = 100)]
    pub building_ref_ids: Option<Vec<String>>,
    /// The floors it wants to hear of, by their names in the buildings listed (in any, where none is listed); none means
    /// all. An event of a space that is on no floor, or of a named group of sensors, is then not sent; one that is of no place is.
    #[schema(max_items = 100)]
    pub floor_ref_ids: Option<Vec<String>>,
    /// The spaces it wants to hear of, by their names in the buildings listed (in any, where none is listed); none means
    /// all.
    #[schema(max_items = 100)]
    pub space_ref_ids: Option<Vec<String>>,
    /// What the fields of an event must have, in the pattern syntax of `EventBridge`: exact values, `prefix`, `suffix`,
    /// `equals-ignore-case`, `anything-but`, `numeric`, `exists` and `$or`. At most 2,048 characters, 5 fields and 150
    /// combinations. `null` means that anything is sent.
    #[schema(value_type = Option<Object>, example = json!({"person_count": [{"numeric": [">", 3]}]}))]
    pub filter: Option<Value>,
    /// Which deliveries are kept while the receiver is down or the subscription disabled.
    #[schema(default = "all")]
    pub backlog: Option<BacklogChoice>,
    /// Attempts a second that its receiver bears; null means as many as there are.
    #[schema(minimum = 1, maximum = 1000)]
    pub rate_limit_per_second: Option<u32>,
    /// How deliveries authenticate.
    pub auth: Option<AuthInput>,
    /// Headers that deliveries have besides, name to value. Values are secret: an answer says only that they are set.
    pub custom_headers: Option<BTreeMap<String, String>>,
    /// Pairs that are appended to the body of each event. They can't override its own fields.
    pub key_values: Option<BTreeMap<String, String>>,
    /// E-mail addresses of whom to tell when deliveries fail; none means the tenant's contacts (`/v1/contacts`).
    #[schema(max_items = 10)]
    pub contacts: Option<Vec<String>>,
    /// Texts by key for your own systems; never sent to the receiver. At most 50, of 40 characters of key and 500 of value.
    pub metadata: Option<BTreeMap<String, String>>,
}

/// A change of a subscription, by JSON merge patch: a field that is not there stays as it is, null gives it its
/// default, objects are merged member by member (but for `filter`), arrays are replaced. A new `auth.type` drops the fields of the old one.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"url": "https://example.com/v2", "auth": {"password": "new"}, "key_values": {"site": null}}))]
pub struct SubscriptionPatch {
    /// Its name.
    #[schema(min_length = 1, max_length = 100, nullable = false)]
    pub name: Option<String>,
    /// A note for people.
    #[schema(max_length = 1024)]
    pub description: Option<String>,
    /// Where events go.
    #[schema(max_length = 2048, nullable = false)]
    pub url: Option<String>,
    /// What it wants to hear of.
    #[schema(min_items = 1, max_items = 32, nullable = false, value_type = Option<Vec<EventTypeName>>)]
    pub event_types: Option<Vec<String>>,
    /// Whether events are sent.
    pub enabled: Option<bool>,
    /// Which space reports are sent.
    pub send: Option<SendChoice>,
    /// The buildings it wants to hear of; none means all.
    #[schema(max_items = 100)]
    pub building_ref_ids: Option<Vec<String>>,
    /// The floors it wants to hear of, by their names in the buildings listed (in any, where none is listed); none means
    /// all. An event of a space that is on no floor, or of a named group of sensors, is then not sent; one that is of no place is.
    #[schema(max_items = 100)]
    pub floor_ref_ids: Option<Vec<String>>,
    /// The spaces it wants to hear of, by their names in the buildings listed (in any, where none is listed); none means
    /// all.
    #[schema(max_items = 100)]
    pub space_ref_ids: Option<Vec<String>>,
    /// What the fields of an event must have, in the pattern syntax of `EventBridge`: exact values, `prefix`, `suffix`,
    /// `equals-ignore-case`, `anything-but`, `numeric`, `exists` and `$or`. At most 2,048 characters, 5 fields and 150
    /// combinations. It is replaced as a whole; `null` removes it.
    #[schema(value_type = Option<Object>, example = json!({"person_count": [{"numeric": [">", 3]}]}))]
    pub filter: Option<Value>,
    /// Which deliveries are kept while the receiver is down or the subscription disabled. It holds for what is kept from
    /// then on, and for what is kept already once it is sent.
    pub backlog: Option<BacklogChoice>,
    /// Attempts a second that its receiver bears; null means as many as there are.
    #[schema(minimum = 1, maximum = 1000)]
    pub rate_limit_per_second: Option<u32>,
    /// How deliveries authenticate.
    #[schema(value_type = Option<Object>)]
    pub auth: Option<AuthInput>,
    /// Headers, name to value; null removes one.
    #[schema(value_type = Option<Object>)]
    pub custom_headers: Option<BTreeMap<String, Option<String>>>,
    /// Pairs, key to value; null removes one.
    #[schema(value_type = Option<Object>)]
    pub key_values: Option<BTreeMap<String, Option<String>>>,
    /// E-mail addresses of whom to tell when deliveries fail; none means the tenant's contacts (`/v1/contacts`).
    #[schema(max_items = 10)]
    pub contacts: Option<Vec<String>>,
    /// Texts by key for your own systems; null removes one.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<BTreeMap<String, Option<String>>>,
}

/// The fields that a client may write.
pub(super) const FIELDS: &[&str] = &[
    "name",
    "description",
    "url",
    "event_types",
    "enabled",
    "send",
    "building_ref_ids",
    "floor_ref_ids",
    "space_ref_ids",
    "filter",
    "backlog",
    "rate_limit_per_second",
    "auth",
    "custom_headers",
    "key_values",
    "contacts",
    "metadata",
];

/// What a client says of a subscription, but for its secrets.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Settings {
    pub(super) name: SubscriptionName,
    pub(super) description: Option<String>,
    pub(super) url: String,
    pub(super) event_types: BTreeSet<EventType>,
    pub(super) enabled: bool,
    pub(super) send: Send,
    pub(super) building_ref_ids: BTreeSet<BuildingRefId>,
    pub(super) floor_ref_ids: BTreeSet<FloorRefId>,
    pub(super) space_ref_ids: BTreeSet<SpaceRefId>,
    pub(super) filter: Option<Filter>,
    pub(super) backlog: BacklogMode,
    pub(super) rate_limit_per_second: Option<RateLimit>,
    pub(super) key_values: KeyValues,
    pub(super) contacts: BTreeSet<EmailAddress>,
    pub(super) metadata: Metadata,
}

impl Settings {
    /// Reads the fields; `saved_url` is the one that was checked when it was saved and is not checked again; `types` are
    /// those that may be listed.
    pub(super) fn read(
        fields: &Fields<'_>,
        policy: &ReceiverPolicy,
        saved_url: Option<&str>,
        types: &KnownTypes,
    ) -> Option<Self> {
        let name = fields.required("name", |at| at.parsed(SubscriptionName::parse));
        let description = fields.optional("description", |at| at.prose(DESCRIPTION_LIMIT).map(Some));
        let url = fields.required("url", |at| read_url(at, policy, saved_url));
        let event_types = fields.required("event_types", |at| at.set(1, EVENT_TYPES_LIMIT, |text| types.parse(text)));
        let enabled = fields.optional("enabled", |at| at.boolean().map(Some));
        let send = fields.optional("send", |at| at.parsed(parse_send));
        let buildings = fields.optional("building_ref_ids", |at| at.set(0, BUILDINGS_LIMIT, reference::building));
        let floors = fields.optional("floor_ref_ids", |at| at.set(0, FLOORS_LIMIT, reference::floor));
        let spaces = fields.optional("space_ref_ids", |at| at.set(0, SPACES_LIMIT, reference::space));
        let filter = fields.optional("filter", |at| read_filter(at).map(Some));
        let backlog = fields.optional("backlog", |at| at.parsed(parse_backlog));
        let rate_limit = fields.optional("rate_limit_per_second", |at| read_rate_limit(at).map(Some));
        let key_values = fields.optional("key_values", read_key_values);
        let contacts = fields.optional("contacts", |at| at.set(0, CONTACTS_LIMIT, EmailAddress::parse));
        let metadata = fields.optional("metadata", read_metadata);
        Some(Self {
            name: name?,
            description: description?,
            url: url?,
            event_types: event_types?,
            enabled: enabled?.unwrap_or(true),
            send: send?,
            building_ref_ids: buildings?,
            floor_ref_ids: floors?,
            space_ref_ids: spaces?,
            filter: filter?,
            backlog: backlog?,
            rate_limit_per_second: rate_limit?,
            key_values: key_values?,
            contacts: contacts?,
            metadata: metadata?,
        })
    }
}

fn read_url(at: &At<'_>, policy: &ReceiverPolicy, saved: Option<&str>) -> Option<String> {
    let text = at.text()?;
    if saved == Some(text) {
        return Some(text.to_owned());
    }
    match ReceiverUrl::parse(text, policy) {
        Ok(url) => Some(url.as_str().to_owned()),
        Err(refused) => at.refuse_receiver(refused.rule().key(), refused.to_string()),
    }
}

fn parse_send(text: &str) -> Result<Send, &'static str> {
    match text {
        "always" => Ok(Send::Always),
        "on_change" => Ok(Send::OnChange),
        _ => Err("must be 'always' or 'on_change'"),
    }
}

fn parse_backlog(text: &str) -> Result<BacklogMode, &'static str> {
    match text {
        "all" => Ok(BacklogMode::All),
        "latest" => Ok(BacklogMode::Latest),
        _ => Err("must be 'all' or 'latest'"),
    }
}

fn read_rate_limit(at: &At<'_>) -> Option<RateLimit> {
    let number = at.whole_number().and_then(|number| u32::try_from(number).ok());
    let limit = number.ok_or(InvalidRateLimit).and_then(RateLimit::new);
    limit.map_err(|invalid| at.refuse::<()>(invalid.to_string())).ok()
}

/// A filter, with each mistake at its place.
pub(super) fn read_filter(at: &At<'_>) -> Option<Filter> {
    let refuse = |invalid: InvalidFilter| {
        for mistake in invalid.mistakes() {
            at.refuse_within::<()>(&mistake.pointer, mistake.detail.as_str());
        }
    };
    Filter::parse(at.value().clone()).map_err(refuse).ok()
}

fn read_key_values(at: &At<'_>) -> Option<KeyValues> {
    let entries = at.entries()?;
    if entries.len() > PAIRS_LIMIT {
        return at.refuse(RefusedPair::TooMany { found: entries.len() }.to_string());
    }
    KeyValues::parse(read_pairs(entries, KeyValues::parse)?)
        .map_err(|refused| at.refuse::<()>(refused.to_string()))
        .ok()
}

fn read_metadata(at: &At<'_>) -> Option<Metadata> {
    let entries = at.entries()?;
    if entries.len() > ENTRIES_LIMIT {
        return at.refuse(RefusedMetadata::TooMany { found: entries.len() }.to_string());
    }
    Metadata::parse(read_pairs(entries, Metadata::parse)?).map_err(|refused| at.refuse::<()>(refused.to_string())).ok()
}

/// Texts by key, each of which `check` takes alone: so that each mistake has its place.
fn read_pairs<T, E: Display>(
    entries: Vec<(&str, At<'_>)>,
    check: impl Fn(BTreeMap<String, String>) -> Result<T, E>,
) -> Option<BTreeMap<String, String>> {
    let mut pairs = BTreeMap::new();
    let mut complete = true;
    for (key, entry) in entries {
        let pair = entry.text().map(|value| (key.to_owned(), value.to_owned()));
        let checked = pair.and_then(|pair| {
            let alone = check(BTreeMap::from([pair.clone()]));
            alone.map_err(|refused| entry.refuse::<()>(refused.to_string())).is_ok().then_some(pair)
        });
        complete &= checked.is_some();
        pairs.extend(checked);
    }
    complete.then_some(pairs)
}
