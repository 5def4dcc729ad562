//! Requests of keys of the API, counted by the minute.

use crate::error::StoreError;
use crate::item::{EXPIRES_AT, number};
use crate::write::Write;
use crate::{Store, keys};
use spacehook_domain::ids::TenantId;
use spacehook_domain::request_rate::Minute;

const MADE: &str = "made";
/// How long the counter of a minute stays after it: an hour.
const KEPT_S: i64 = 3_600;

impl Store {
    /// Counts a request of a key, and says how many it has made in this minute. Costs 1 `UpdateItem` of 1 write unit. A
    /// request that the SDK repeats after a lost answer counts twice.
    pub async fn count_request(&self, tenant: &TenantId, key_id: &str, minute: Minute) -> Result<u64, StoreError> {
        let update = Write::update(keys::request_rate(tenant, key_id, minute))
            .set(EXPIRES_AT, number(minute.end_s().saturating_add(KEPT_S)))
            .count(MADE, 1);
        self.counted("count a request", update, MADE).await
    }
}
