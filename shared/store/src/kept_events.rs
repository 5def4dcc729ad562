//! Kept events, in packs: see [`spacehook_domain::kept_events`] for what these are.
//!
//! Packs are by hour, so that no partition grows without end; in an hour they are in the order of their first events. What
//! is in a pack is compressed: of a batch of ten reports a fifth is left.

use crate::error::StoreError;
use crate::item::{EXPIRES_AT, Item, attribute_text, key_of, keyed, number};
use crate::keys::{self, Key};
use crate::{Store, item};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::decompress_to_vec_with_limit;
use spacehook_domain::event::Event;
use spacehook_domain::ids::{EventId, TenantId};
use spacehook_domain::kept_events::{Merge, Pack, Position, SPAN, Scanned, Unpacked, Window};
use uuid::Uuid;

/// The events, compressed.
const DATA: &str = "data";
/// How many they are.
const COUNT: &str = "n";
/// Of ten levels one that takes little time: of a batch's JSON, the higher ones leave hardly less.
const LEVEL: u8 = 3;
/// Bytes of an unpacked pack, at most: an event has at most as many as SQS takes.
const UNPACKED_MOST: usize = 4_000_000;
/// Packs read by one request, at most.
const PACKS: i32 = 50;
/// Packs looked through by one scan, at most, once it has found something in order.
const PACKS_OF_A_SCAN: usize = 200;
/// Hours looked through by one scan, at most: one without packs costs half a read unit.
const HOURS_OF_A_SCAN: usize = 26;

/// The item of a pack; `id` tells those of one millisecond apart.
pub(crate) fn pack_item(pack: &Pack, id: Uuid) -> Result<(Key, Item), StoreError> {
    let key = keys::pack(&pack.tenant, pack.from, id);
    let data = compress_to_vec(pack.json.as_bytes(), LEVEL);
    let attributes = [
        (DATA, AttributeValue::B(Blob::new(data))),
        (COUNT, number(pack.count)),
        (EXPIRES_AT, number(pack.expires_at_s)),
    ];
    let item = keyed(&key, attributes.map(|(name, value)| (name.to_owned(), value)).into())?;
    Ok((key, item))
}

fn unpack(item: &Item) -> Result<Unpacked, StoreError> {
    let unreadable = |message: &str| StoreError::unreadable(key_of(item), message);
    let data = item.get(DATA).and_then(|value| value.as_b().ok()).ok_or_else(|| unreadable("it has no data"))?;
    let json =
        decompress_to_vec_with_limit(data.as_ref(), UNPACKED_MOST).map_err(|_| unreadable("it can't be unpacked"))?;
    let events = serde_json::from_slice(&json).map_err(|error| unreadable(&error.to_string()))?;
    Ok(Unpacked { from: place(item)?, events })
}

fn place(item: &Item) -> Result<Timestamp, StoreError> {
    let sk = attribute_text(item, "sk");
    keys::read_pack(&sk).ok_or_else(|| StoreError::unreadable(item::key_of(item), "its key has no time"))
}

impl Store {
    /// The event of this id, where it is kept. Costs 1 Query, or 2 shortly after a full hour: 1 read unit each 4 KB of the
    /// packs of the ten seconds before it was received.
    pub async fn kept_event(&self, tenant: &TenantId, id: &EventId) -> Result<Option<Event>, StoreError> {
        const OPERATION: &str = "find a kept event";
        let at = id.received_at();
        let from = at.checked_sub(SPAN).unwrap_or(Timestamp::MIN);
        let mut hour = Some(keys::hour_of(at));
        while let Some(this) = hour.take() {
            let pk = keys::pack_partition(tenant, this);
            let between = (keys::pack_from(from.max(this)), keys::pack_end(at));
            for item in self.query_all(OPERATION, &pk, Some((&between.0, &between.1))).await? {
                let found = unpack(&item)?.events.into_iter().find(|event| event.id == *id && event.tenant == *tenant);
                if found.is_some() {
                    return Ok(found);
                }
            }
            hour = this.checked_sub(SignedDuration::from_secs(1)).ok().filter(|end| *end >= from).map(keys::hour_of);
        }
        Ok(None)
    }

    /// A part of the kept events of a tenant that were received in a window, in their order: at most so many,
    /// from a position on.
    ///
    /// Costs 1 Query each 50 packs, at most 200 of them (or those of ten seconds, where these are more), and each hour, at
    /// most 26: 1 read unit each 4 KB, some 30 batches of ten reports.
    pub async fn kept_events(
        &self,
        tenant: &TenantId,
        window: Window,
        position: &Position,
        most: usize,
    ) -> Result<Scanned, StoreError> {
        const OPERATION: &str = "read kept events";
        let mut merge = Merge::new(window, position);
        let mut reached = position.from.max(Position::start(window).from);
        let mut looked_at = 0;
        for _ in 0..HOURS_OF_A_SCAN {
            if reached >= window.until {
                return Ok(merge.finish(None, most));
            }
            let hour = keys::hour_of(reached);
            let end = keys::next_hour(hour).min(window.until);
            let range = (keys::pack_partition(tenant, hour), keys::pack_from(reached), keys::pack_from(end));
            let mut goes_on = None;
            loop {
                let (items, next) = self.some_between(OPERATION, &range, goes_on, PACKS).await?;
                let last = items.last().map(place).transpose()?;
                for item in &items {
                    merge.take(unpack(item)?);
                    looked_at += 1;
                }
                goes_on = next;
                let Some(last) = last.filter(|_| goes_on.is_some()) else { break };
                // Another pack may stand at the same millisecond.
                let ready = merge.ready(last);
                if ready >= most || (looked_at >= PACKS_OF_A_SCAN && ready > 0) {
                    return Ok(merge.finish(Some(last), most));
                }
            }
            reached = end;
            if merge.ready(reached) >= most {
                break;
            }
        }
        Ok(merge.finish(Some(reached).filter(|reached| *reached < window.until), most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spacehook_domain::kept_events::{KeptDays, packs};

    #[test]
    fn a_pack_reads_back_and_a_spoilt_one_is_named() {
        let event: Event = serde_json::from_value(serde_json::json!({
            "v": 1, "id": format!("evt_019c1eb89a14{}", "a".repeat(20)), "tenant": "acme", "type": "space_report",
            "sequence": 1, "occurred_at": "2026-02-02T14:19:00.1Z", "received_at": "2026-02-02T14:19:00.5Z",
            "space": {"space_id": 1, "building_ref_id": "b", "floor_ref_id": null, "space_ref_id": "s"},
            "change": {"occupancy_changed": true, "first_of_hour": false}, "data": {"t": 21.0, "tiny": 1e-7}
        }))
        .unwrap();
        let pack = packs([&event], KeptDays::default()).remove(0);
        let (key, mut item) = pack_item(&pack, Uuid::from_u128(1)).unwrap();
        assert_eq!(key.to_string(), "E#acme#2026-02-02T14 / 001770041940500#00000000-0000-0000-0000-000000000001");
        assert_eq!(unpack(&item).unwrap(), Unpacked { from: event.received_at, events: vec![event] });
        item.insert(DATA.to_owned(), AttributeValue::B(Blob::new([1, 2, 3])));
        assert!(unpack(&item).unwrap_err().unreadable_item().is_some());
    }
}
