//! Rate limits, held together by all dispatchers: each takes what it is about to use of a second from one counter.

use crate::error::StoreError;
use crate::item::{EXPIRES_AT, number};
use crate::write::Write;
use crate::{Store, keys};
use spacehook_domain::ids::SubscriptionKey;
use spacehook_domain::subscription::RateLimit;

const TAKEN: &str = "taken";
/// How long the counter of a second stays: an hour.
const KEPT_S: i64 = 3_600;

impl Store {
    /// Takes up to so many of the attempts that a subscription's rate limit allows in a second (since 1970), and says how
    /// many were taken. All takers of a second together never get more than the limit.
    ///
    /// Costs 1 `UpdateItem` of 1 write unit, also where nothing is left; nothing where none is wanted. A request that the
    /// SDK repeats after a lost answer takes twice: less is sent in that second, never more.
    pub async fn permits(
        &self,
        of: &SubscriptionKey,
        limit: RateLimit,
        second: i64,
        wanted: u32,
    ) -> Result<u32, StoreError> {
        if wanted == 0 {
            return Ok(0);
        }
        let update = Write::update(keys::permits(of, second))
            .set(EXPIRES_AT, number(second.saturating_add(KEPT_S)))
            .add(TAKEN, number(wanted));
        let taken = self.counted("take permits", update, TAKEN).await?;
        Ok(granted(limit.per_second(), taken, wanted))
    }
}

/// What of the permits that were taken last lies within the limit, when so many have been taken in all.
fn granted(limit: u32, taken: u64, wanted: u32) -> u32 {
    let before = taken.saturating_sub(u64::from(wanted));
    let left = u64::from(limit).saturating_sub(before);
    u32::try_from(left).unwrap_or(u32::MAX).min(wanted)
}

#[cfg(test)]
mod tests {
    use super::granted;

    #[test]
    fn what_lies_within_the_limit_is_granted() {
        for (limit, taken, wanted, expected) in
            [(10, 8, 8, 8), (10, 16, 8, 2), (10, 24, 8, 0), (10, 10, 10, 10), (1, 5, 5, 1), (10, 11, 1, 0)]
        {
            assert_eq!(granted(limit, taken, wanted), expected, "{taken} of {limit}, {wanted} of them now");
        }
    }
}
