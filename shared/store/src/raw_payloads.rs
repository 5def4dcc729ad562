//! Messages as they came, of a tenant that wants to see them: the newest thousand, for seven days.
//!
//! Each has a number, one more than the one before: so they are in order, and the one that gives way is known without
//! looking.

use crate::batch::BATCH_WRITE_LIMIT;
use crate::error::{ListError, StoreError};
use crate::filtered::Sifted;
use crate::item::{EXPIRES_AT, attribute_text, from_item, key_of, number, to_item};
use crate::page::{Page, PageRequest};
use crate::request::Order;
use crate::write::Write;
use crate::{Store, keys};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use spacehook_domain::ids::{ProfileName, SensorId, TenantId};
use spacehook_domain::privacy::{RAW_PAYLOADS_KEPT, RAW_PAYLOADS_LIMIT};

/// Messages of a page, at most: with 64 KB each, in base64, they are 3.5 MB of an answer that may have 6.
const PAGE_MOST: u32 = 40;
const NEXT: &str = "next";

/// A message as it came, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawPayload {
    /// When it arrived.
    pub received_at: Timestamp,
    /// Where it was published.
    pub topic: String,
    /// The profile that it was read by.
    pub profile: ProfileName,
    /// The sensor of the topic.
    pub sensor_id: SensorId,
    /// How long it is.
    pub bytes: u64,
    /// The message, base64; none where it was too large to be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload_base64: Option<String>,
    /// Readings in it that were taken in.
    pub readings: u64,
    /// What was refused of it, and why: the first causes.
    #[serde(default)]
    pub causes: Vec<String>,
}

/// Which of them are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawPayloadFilter {
    /// Those on the topic of this sensor.
    pub sensor_id: Option<SensorId>,
    /// Those of this profile.
    pub profile: Option<ProfileName>,
}

impl RawPayloadFilter {
    fn wants(&self, raw: &RawPayload) -> bool {
        self.sensor_id.as_ref().is_none_or(|sensor| *sensor == raw.sensor_id)
            && self.profile.as_ref().is_none_or(|profile| *profile == raw.profile)
    }

    /// A text that is another for other wishes; empty where everything is wanted.
    fn text(&self) -> String {
        if *self == Self::default() {
            return String::new();
        }
        // Neither a profile nor a sensor has a line end.
        format!(
            "{}\n{}",
            self.profile.as_ref().map_or("", ProfileName::as_str),
            self.sensor_id.as_ref().map_or("", SensorId::as_str)
        )
    }
}

impl Store {
    /// Keeps a message for 7 days, or until a thousand newer ones of the tenant are kept.
    ///
    /// Costs 1 `UpdateItem`, 1 `PutItem` and 1 `DeleteItem`: 1 write unit, and 1 each KB of the message and of the one that
    /// gives way. A repeat after a lost answer is kept twice.
    pub async fn keep_raw_payload(&self, tenant: &TenantId, raw: &RawPayload) -> Result<(), StoreError> {
        const OPERATION: &str = "keep a message as it came";
        let place = self.next_number(OPERATION, &keys::raw_payloads_counter(tenant), NEXT).await?;
        let key = keys::raw_payload(tenant, place);
        let mut item = to_item(&key, raw)?;
        let expires_at = raw.received_at.as_second().saturating_add(RAW_PAYLOADS_KEPT.as_secs());
        item.insert(EXPIRES_AT.to_owned(), number(expires_at));
        self.write(OPERATION, Write::put(key, item)).await?;
        if let Some(oldest) = place.checked_sub(RAW_PAYLOADS_LIMIT).filter(|oldest| *oldest > 0) {
            self.write(OPERATION, Write::delete(keys::raw_payload(tenant, oldest))).await?;
        }
        Ok(())
    }

    /// The messages of a tenant that are kept, the newest first; a page has at most 40. What has expired at `now` is left
    /// out, be it still there. Costs up to 6 Queries.
    pub async fn list_raw_payloads(
        &self,
        tenant: &TenantId,
        filter: &RawPayloadFilter,
        now: Timestamp,
        request: &PageRequest,
    ) -> Result<Page<RawPayload>, ListError> {
        let (pk, wishes) = (keys::raw_payloads_partition(tenant), filter.text());
        let list = Sifted { pk: &pk, prefix: keys::RAW_PAYLOAD_PREFIX, order: Order::Backward, wishes: &wishes };
        let request = PageRequest { limit: request.limit.min(PAGE_MOST), cursor: request.cursor.clone() };
        let page = self.filtered_page("list messages as they came", list, &request, |item| {
            let raw: RawPayload = from_item(item)?;
            let is_there = now.duration_since(raw.received_at) < RAW_PAYLOADS_KEPT;
            Ok(Some(raw).filter(|raw| is_there && filter.wants(raw)))
        });
        page.await
    }

    /// Deletes every message of a tenant that is kept. Costs a Query each 100 of them (or 1 MB), and 1 `BatchWriteItem` each 25: 1 write
    /// unit each KB.
    pub async fn delete_raw_payloads(&self, tenant: &TenantId) -> Result<(), StoreError> {
        const OPERATION: &str = "delete messages as they came";
        let (pk, mut start) = (keys::raw_payloads_partition(tenant), None);
        loop {
            let list = (pk.as_str(), keys::RAW_PAYLOAD_PREFIX);
            let (items, next) = self.query(OPERATION, list, start, Order::Forward, 4 * BATCH_WRITE_LIMIT).await?;
            debug_assert!(items.iter().all(|item| attribute_text(item, "sk").starts_with(keys::RAW_PAYLOAD_PREFIX)));
            let keys: Vec<_> = items.iter().map(key_of).collect();
            for chunk in keys.chunks(BATCH_WRITE_LIMIT) {
                self.delete_batch(OPERATION, chunk).await?;
            }
            let Some(next) = next else { return Ok(()) };
            start = Some(next);
        }
    }
}
