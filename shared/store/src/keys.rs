//! The keys of the table: which item is where. Distinct things never have one key.
//!
//! `#` separates the parts of a key, so it is percent-encoded inside a part, and `%` with it. A part that would not fit
//! (a sort key has 1,024 bytes, `DynamoDB`'s limit) ends in its SHA-256 instead; nothing is read back out of such a key.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use spacehook_domain::api_key::KeyId;
use spacehook_domain::backlog::KeptKey;
use spacehook_domain::event::{CustomType, EventType};
use spacehook_domain::idempotency::IdempotencyKey;
use spacehook_domain::ids::{
    AttemptId, BuildingRefId, EventId, FloorRefId, ProfileName, SensorGroupRefId, SensorId, SubscriptionId,
    SubscriptionKey, TenantId,
};
use spacehook_domain::job::JobKey;
use spacehook_domain::notice::NoticeId;
use spacehook_domain::observed::ObservedId;
use spacehook_domain::place::SpaceKey;
use spacehook_domain::request_rate::Minute;
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

/// Before every subscription in a partition to match with: their ids begin so.
pub(crate) const MATCH_PREFIX: &str = "sub_";

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

/// Before every named group of sensors.
pub(crate) const SENSOR_GROUP_PREFIX: &str = "GRP#";

/// A named group of sensors.
pub(crate) fn sensor_group(tenant: &TenantId, id: &SensorGroupRefId) -> Key {
    Key::new(tenant_partition(tenant), format!("{SENSOR_GROUP_PREFIX}{}", part(id.as_str())))
}

/// The state of a space or a group: a partition of its own, since it is written with every reading.
pub(crate) fn state(tenant: &TenantId, of: ObservedId) -> Key {
    Key::new(format!("S#{tenant}#{of}"), "STATE")
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

/// An attempt. Its id begins with the time that it started at.
pub(crate) fn attempt(tenant: &TenantId, subscription: &SubscriptionId, id: &AttemptId) -> Key {
    Key::new(delivery_partition(tenant, subscription), format!("{ATTEMPT_PREFIX}{}", id.digits()))
}

/// Where the attempts from this moment on begin.
pub(crate) fn attempts_from(at: Timestamp) -> String {
    // The first 48 bits of the UUID are the time.
    let at_ms = u64::try_from(at.as_millisecond()).unwrap_or_default().min((1 << 48) - 1);
    format!("{ATTEMPT_PREFIX}{at_ms:012x}")
}

/// After every attempt until the year 2527, and before those of an earlier release, whose keys began with the year.
pub(crate) const ATTEMPTS_END: &str = "ATT#1";

/// A former revision of a subscription.
pub(crate) fn revision(tenant: &TenantId, subscription: &SubscriptionId, revision: u64) -> Key {
    Key::new(delivery_partition(tenant, subscription), format!("REV#{revision}"))
}

/// The first moment of the hour that holds this one.
pub(crate) fn hour_of(at: Timestamp) -> Timestamp {
    let start_s = at.as_second().div_euclid(3_600) * 3_600;
    // Rounding down leaves the range of time only in its very first hour.
    Timestamp::from_second(start_s).unwrap_or(Timestamp::MIN)
}

/// The first moment after an hour that begins here.
pub(crate) fn next_hour(hour: Timestamp) -> Timestamp {
    hour.checked_add(jiff::SignedDuration::from_hours(1)).unwrap_or(Timestamp::MAX)
}

/// The partition of the packs of kept events of an hour.
pub(crate) fn pack_partition(tenant: &TenantId, at: Timestamp) -> String {
    format!("E#{tenant}#{}", at.strftime("%Y-%m-%dT%H"))
}

/// A pack of kept events; `id` tells those of one millisecond apart.
pub(crate) fn pack(tenant: &TenantId, from: Timestamp, id: Uuid) -> Key {
    Key::new(pack_partition(tenant, from), format!("{}#{id}", pack_from(from)))
}

/// Where the packs from this moment on begin.
pub(crate) fn pack_from(at: Timestamp) -> String {
    format!("{:015}", at.as_millisecond().max(0))
}

/// After the packs of this millisecond: `~` follows every character of a UUID.
pub(crate) fn pack_end(at: Timestamp) -> String {
    format!("{}#~", pack_from(at))
}

/// Where a pack with this sort key stands.
pub(crate) fn read_pack(sk: &str) -> Option<Timestamp> {
    let (at_ms, _) = sk.split_once('#')?;
    Timestamp::from_millisecond(at_ms.parse().ok()?).ok()
}

/// The partition of a subscription's jobs.
pub(crate) fn job_partition(of: &SubscriptionKey) -> String {
    format!("J#{}#{}", of.tenant, of.id)
}

/// Before every job.
pub(crate) const JOB_PREFIX: &str = "JOB#";

/// A job.
pub(crate) fn job(key: &JobKey) -> Key {
    Key::new(job_partition(&key.subscription), format!("{JOB_PREFIX}{}", key.id.digits()))
}

/// Which jobs of a subscription are not finished.
pub(crate) fn unfinished_jobs(of: &SubscriptionKey) -> Key {
    Key::new(job_partition(of), "UNFINISHED")
}

/// A partition of the index of what is due: jobs whose step seems lost.
pub(crate) fn due_jobs(shard: u8) -> String {
    format!("JOB#{shard}")
}

/// The subscription whose jobs have this partition key.
pub(crate) fn read_job_partition(pk: &str) -> Option<SubscriptionKey> {
    let (tenant, id) = pk.strip_prefix("J#")?.split_once('#')?;
    Some(SubscriptionKey { tenant: TenantId::parse(tenant).ok()?, id: SubscriptionId::parse(id).ok()? })
}

/// Before every space.
pub(crate) const SPACE_PREFIX: &str = "SPC#";

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

/// A partition of the index of what is due: states to be looked at.
pub(crate) fn due_states(shard: u8) -> String {
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

/// What the state is of that has this partition key.
pub(crate) fn read_state(pk: &str) -> Option<(TenantId, ObservedId)> {
    let (tenant, of) = pk.strip_prefix("S#")?.split_once('#')?;
    Some((TenantId::parse(tenant).ok()?, of.parse().ok()?))
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

/// Where the deliveries that died from this moment on begin.
pub(crate) fn dead_from(at: Timestamp) -> String {
    format!("{DEAD_PREFIX}{:015}", at.as_millisecond().max(0))
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

/// The partition of the records of tenants.
pub(crate) const TENANTS: &str = "TENANTS";
/// Before every record of a tenant.
pub(crate) const TENANT_PREFIX: &str = "TEN#";

/// The record of a tenant.
pub(crate) fn tenant_record(id: &TenantId) -> Key {
    Key::new(TENANTS.to_owned(), format!("{TENANT_PREFIX}{id}"))
}

/// The partition of a tenant's messages as they came.
pub(crate) fn raw_payloads_partition(tenant: &TenantId) -> String {
    format!("P#{tenant}")
}

/// How many of them there ever were.
pub(crate) fn raw_payloads_counter(tenant: &TenantId) -> Key {
    Key::new(raw_payloads_partition(tenant), "COUNTER")
}

/// Before every message as it came.
pub(crate) const RAW_PAYLOAD_PREFIX: &str = "RAW#";

/// A message as it came: by its number, so that they are in order.
pub(crate) fn raw_payload(tenant: &TenantId, number: u64) -> Key {
    Key::new(raw_payloads_partition(tenant), format!("{RAW_PAYLOAD_PREFIX}{number:015}"))
}

/// A request that may come twice.
pub(crate) fn idempotency(tenant: &TenantId, key_id: &str, key: &IdempotencyKey) -> Key {
    Key::new(format!("I#{tenant}#{}", part(key_id)), key.digest())
}

/// The requests of a key in a minute.
pub(crate) fn request_rate(tenant: &TenantId, key_id: &str, minute: Minute) -> Key {
    Key::new(format!("R#{tenant}#{}", part(key_id)), minute.0.to_string())
}

/// Before every event type of a tenant's own.
pub(crate) const EVENT_TYPE_PREFIX: &str = "TYPE#";
/// After every one of them: `~` follows every character of a name.
pub(crate) const EVENT_TYPES_END: &str = "TYPE#~";

/// An event type of a tenant's own. A name has nothing that needs encoding.
pub(crate) fn event_type(tenant: &TenantId, name: CustomType) -> Key {
    Key::new(tenant_partition(tenant), format!("{EVENT_TYPE_PREFIX}{name}"))
}

/// A version of one.
pub(crate) fn event_type_version(tenant: &TenantId, name: CustomType, version: u32) -> Key {
    Key::new(tenant_partition(tenant), format!("TYPEV#{name}#{version:03}"))
}

/// Before every profile of a tenant's own.
pub(crate) const PROFILE_PREFIX: &str = "PRF#";
/// After every one of them: `~` follows every character of a name.
pub(crate) const PROFILES_END: &str = "PRF#~";

/// A profile of a tenant's own. A name has nothing that needs encoding.
pub(crate) fn profile(tenant: &TenantId, name: &ProfileName) -> Key {
    Key::new(tenant_partition(tenant), format!("{PROFILE_PREFIX}{name}"))
}

/// Before every version of one.
pub(crate) fn profile_version_prefix(name: &ProfileName) -> String {
    format!("PRFV#{name}#")
}

/// A version of one.
pub(crate) fn profile_version(tenant: &TenantId, name: &ProfileName, version: u32) -> Key {
    Key::new(tenant_partition(tenant), format!("{}{version:010}", profile_version_prefix(name)))
}

#[cfg(test)]
mod tests;
