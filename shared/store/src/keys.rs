//! The keys of the table: which item is where. Distinct things never have one key.
//!
//! `#` separates the parts of a key, so it is percent-encoded inside a part, and `%` with it. A part that would not fit
//! (a sort key has 1,024 bytes, `DynamoDB`'s limit) ends in its SHA-256 instead; nothing is read back out of such a key.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use spacehook_domain::api_key::KeyId;
use spacehook_domain::backlog::KeptKey;
use spacehook_domain::event::EventType;
use spacehook_domain::ids::{
    BuildingRefId, EventId, FloorRefId, SensorId, SpaceId, SubscriptionId, SubscriptionKey, TenantId,
};
use spacehook_domain::notice::NoticeId;
use spacehook_domain::place::SpaceKey;
use spacehook_domain::stats::BucketStart;
use spacehook_domain::stream::Stream;
use spacehook_domain::subscription::SubscriptionName;
use std::fmt;
use uuid::Uuid;

/// Partitions over which the markers of failing subscriptions, and the notices, are spread.
pub(crate) const SHARDS: u8 = 8;

/// Two parts of this length, a prefix and a separator fit into a sort key.
const PART_BYTES: usize = 500;
/// What a shortened part keeps of its text, so that lists stay in order nearly everywhere.
const KEPT_BYTES: usize = 400;

/// The key of an item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) pk: String,
    pub(crate) sk: String,
}

impl Key {
    fn new(pk: String, sk: impl Into<String>) -> Self {
        Self { pk, sk: sk.into() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} / {}", self.pk, self.sk)
    }
}

/// A part of a key.
fn part(text: &str) -> String {
    let encoded = text.replace('%', "%25").replace('#', "%23");
    if encoded.len() <= PART_BYTES {
        return encoded;
    }
    let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(text.as_bytes()));
    // `%~` is in no encoded text, so a shortened part is no other part's whole.
    format!("{}%~{digest}", &encoded[..encoded.floor_char_boundary(KEPT_BYTES)])
}

/// The partition of what is listed by tenant.
pub(crate) fn tenant_partition(tenant: &TenantId) -> String {
    format!("T#{tenant}")
}

/// The tenant's versions and counters.
pub(crate) fn tenant(tenant: &TenantId) -> Key {
    Key::new(tenant_partition(tenant), "TENANT")
}

/// The contacts of a tenant.
pub(crate) fn contacts(tenant: &TenantId) -> Key {
    Key::new(tenant_partition(tenant), "CONTACTS")
}

/// Before the id of every subscription in its tenant's partition.
pub(crate) const SUBSCRIPTION_PREFIX: &str = "SUB#";

/// A subscription.
pub(crate) fn subscription(tenant: &TenantId, id: &SubscriptionId) -> Key {
    Key::new(tenant_partition(tenant), format!("{SUBSCRIPTION_PREFIX}{id}"))
}

/// The claim of a subscription's name.
pub(crate) fn subscription_name(tenant: &TenantId, name: &SubscriptionName) -> Key {
    Key::new(tenant_partition(tenant), format!("SUBNAME#{}", part(&name.folded())))
}

/// The partition of what the dispatcher matches events of one type with.
pub(crate) fn match_partition(tenant: &TenantId, event_type: EventType) -> String {
    format!("M#{tenant}#{event_type}")
}

/// A subscription as the dispatcher matches it.
pub(crate) fn match_entry(tenant: &TenantId, event_type: EventType, id: &SubscriptionId) -> Key {
    Key::new(match_partition(tenant, event_type), id.as_str())
}

/// Before every building.
pub(crate) const BUILDING_PREFIX: &str = "BLD#";

/// A building.
pub(crate) fn building(tenant: &TenantId, id: &BuildingRefId) -> Key {
    Key::new(tenant_partition(tenant), format!("{BUILDING_PREFIX}{}", part(id.as_str())))
}

/// Before every floor of a building.
pub(crate) fn floor_prefix(building: &BuildingRefId) -> String {
    format!("FLR#{}#", part(building.as_str()))
}

/// A floor.
pub(crate) fn floor(tenant: &TenantId, building: &BuildingRefId, id: &FloorRefId) -> Key {
    Key::new(tenant_partition(tenant), format!("{}{}", floor_prefix(building), part(id.as_str())))
}

/// Before every space of a building.
pub(crate) fn space_prefix(building: &BuildingRefId) -> String {
    format!("SPC#{}#", part(building.as_str()))
}

/// A space.
pub(crate) fn space(tenant: &TenantId, key: &SpaceKey) -> Key {
    let sk = format!("{}{}", space_prefix(&key.building_ref_id), part(key.space_ref_id.as_str()));
    Key::new(tenant_partition(tenant), sk)
}

/// Before every sensor.
pub(crate) const SENSOR_PREFIX: &str = "SEN#";

/// A sensor that belongs to a space.
pub(crate) fn sensor(tenant: &TenantId, id: &SensorId) -> Key {
    Key::new(tenant_partition(tenant), format!("{SENSOR_PREFIX}{}", part(id.as_str())))
}

/// Before every sensor without a space.
pub(crate) const UNASSIGNED_PREFIX: &str = "UNA#";

/// A sensor that was heard and belongs to no space.
pub(crate) fn unassigned(tenant: &TenantId, id: &SensorId) -> Key {
    Key::new(tenant_partition(tenant), format!("{UNASSIGNED_PREFIX}{}", part(id.as_str())))
}

/// The state of a space: a partition of its own, since it is written with every reading.
pub(crate) fn space_state(tenant: &TenantId, space: SpaceId) -> Key {
    Key::new(format!("S#{tenant}#{space}"), "STATE")
}

/// The partition of a subscription's attempts and counts.
pub(crate) fn delivery_partition(tenant: &TenantId, subscription: &SubscriptionId) -> String {
    format!("D#{tenant}#{subscription}")
}

/// Before every bucket of counts.
pub(crate) const BUCKET_PREFIX: &str = "STAT#";
/// After every bucket of counts: `~` follows every character of a time.
pub(crate) const BUCKETS_END: &str = "STAT#~";

/// Where the buckets from this one on begin.
pub(crate) fn buckets_from(start: BucketStart) -> String {
    // Quarters have no fraction of a second, so these texts have one length and sort as times do.
    format!("{BUCKET_PREFIX}{}", start.start())
}

/// The counts of a quarter of an hour within one period of being enabled.
pub(crate) fn bucket(
    tenant: &TenantId,
    subscription: &SubscriptionId,
    start: BucketStart,
    enabled_since: Timestamp,
) -> Key {
    Key::new(delivery_partition(tenant, subscription), format!("{}#{enabled_since}", buckets_from(start)))
}

/// Before every attempt.
pub(crate) const ATTEMPT_PREFIX: &str = "ATT#";

/// An attempt; `log_id` tells those of one millisecond apart.
pub(crate) fn attempt(tenant: &TenantId, subscription: &SubscriptionId, started_at: Timestamp, log_id: Uuid) -> Key {
    let started_at = started_at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ");
    Key::new(delivery_partition(tenant, subscription), format!("{ATTEMPT_PREFIX}{started_at}#{log_id}"))
}

/// One of the partitions of failing subscriptions.
pub(crate) fn failing_partition(shard: u8) -> String {
    format!("FAILING#{shard}")
}

/// The marker of a subscription that failed lately.
pub(crate) fn failing(tenant: &TenantId, subscription: &SubscriptionId) -> Key {
    let sk = format!("{tenant}#{subscription}");
    Key::new(failing_partition(shard(&sk)), sk)
}

/// The shard of a subscription. The last bytes of an id are random (or at least differ), so a sum spreads well enough, and
/// is the same everywhere.
fn shard(subscription: &str) -> u8 {
    subscription.bytes().fold(0_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte)) % SHARDS
}

/// One of the partitions of notices.
pub(crate) fn notice_partition(shard: u8) -> String {
    format!("NOTICE#{shard}")
}

/// A notice of a subscription. Of one subscription they are in the order of their times.
pub(crate) fn notice(id: &NoticeId) -> Key {
    let (pk, prefix) = notices_of(&id.subscription);
    let at_ms = id.at_ms.max(0);
    Key::new(pk, format!("{prefix}{at_ms:015}#{}", id.happened.as_str()))
}

/// The partition of a subscription's notices, and what their sort keys begin with.
pub(crate) fn notices_of(of: &SubscriptionKey) -> (String, String) {
    let of = format!("{}#{}", of.tenant, of.id);
    (notice_partition(shard(&of)), format!("{of}#"))
}

/// A partition of the index of what is due: spaces to be looked at.
pub(crate) fn due_spaces(shard: u8) -> String {
    format!("SPACE#{shard}")
}

/// A partition of the index of what is due: backlogs whose timer seems lost.
pub(crate) fn due_backlogs(shard: u8) -> String {
    format!("BACKLOG#{shard}")
}

/// The shard of an item in the index of what is due.
pub(crate) fn due_shard(of: &Key) -> u8 {
    shard(&of.pk)
}

/// The space whose state has this partition key.
pub(crate) fn read_space_state(pk: &str) -> Option<(TenantId, SpaceId)> {
    let (tenant, space) = pk.strip_prefix("S#")?.split_once('#')?;
    Some((TenantId::parse(tenant).ok()?, SpaceId(space.parse().ok()?)))
}

/// The subscription whose backlog has this partition key.
pub(crate) fn read_backlog(pk: &str) -> Option<SubscriptionKey> {
    let (tenant, id) = pk.strip_prefix("B#")?.split_once('#')?;
    Some(SubscriptionKey { tenant: TenantId::parse(tenant).ok()?, id: SubscriptionId::parse(id).ok()? })
}

/// The partition of a subscription's backlog, and of its dead deliveries.
pub(crate) fn backlog_partition(of: &SubscriptionKey) -> String {
    format!("B#{}#{}", of.tenant, of.id)
}

/// The state of a backlog.
pub(crate) fn backlog(of: &SubscriptionKey) -> Key {
    Key::new(backlog_partition(of), "BACKLOG")
}

/// Before every lane.
pub(crate) const LANE_PREFIX: &str = "LANE#";

/// What waits of a stream. Numbers have a fixed width here and below, so that texts sort as they do.
pub(crate) fn lane(of: &SubscriptionKey, stream: Stream) -> Key {
    Key::new(backlog_partition(of), format!("{LANE_PREFIX}{:016x}", stream.number()))
}

/// Before every delivery that waits.
pub(crate) const KEPT_PREFIX: &str = "KEPT#";

/// Before every delivery that waits of a stream.
pub(crate) fn kept_prefix(stream: Stream) -> String {
    format!("{KEPT_PREFIX}{:016x}#", stream.number())
}

/// A delivery that waits.
pub(crate) fn kept(of: &SubscriptionKey, place: &KeptKey) -> Key {
    let sk = format!("{}{:016x}#{}", kept_prefix(place.stream), place.sequence.0, place.event_type);
    Key::new(backlog_partition(of), sk)
}

/// Before every dead delivery.
pub(crate) const DEAD_PREFIX: &str = "DEAD#";

/// A dead delivery: by the time of its death, since 1970.
pub(crate) fn dead(of: &SubscriptionKey, died_at: Timestamp, event: &EventId) -> Key {
    let died_at_ms = died_at.as_millisecond().max(0);
    Key::new(backlog_partition(of), format!("{DEAD_PREFIX}{died_at_ms:015}#{event}"))
}

/// The attempts of a second, since 1970, that a rate limit lets through.
pub(crate) fn permits(of: &SubscriptionKey, second: i64) -> Key {
    Key::new(backlog_partition(of), format!("RATE#{second}"))
}

/// A key of the API, by its id alone: the tenant is not known before it is read.
pub(crate) fn api_key(id: &KeyId) -> Key {
    Key::new(format!("K#{id}"), "KEY")
}

/// Before every key in its tenant's partition.
pub(crate) const API_KEY_PREFIX: &str = "KEY#";

/// A key of the API in its tenant's list.
pub(crate) fn api_key_entry(tenant: &TenantId, id: &KeyId) -> Key {
    Key::new(tenant_partition(tenant), format!("{API_KEY_PREFIX}{id}"))
}

#[cfg(test)]
mod tests;
