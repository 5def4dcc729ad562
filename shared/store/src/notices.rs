//! Notices: changes of subscriptions that are still to be told; see [`spacehook_domain::notice`].

use crate::error::StoreError;
use crate::item::{EXPIRES_AT, Item, counter, number, readable};
use crate::request::Written;
use crate::states::Saved;
use crate::write::{If, Write};
use crate::{Store, document, keys};
use futures::future::try_join_all;
use spacehook_domain::ids::SubscriptionKey;
use spacehook_domain::notice::{Notice, NoticeId};

/// How long a notice waits to be told: 7 days.
const KEPT_S: i64 = 7 * 24 * 3_600;
const VERSION: &str = "version";

/// A notice as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredNotice {
    /// One more with each change.
    pub version: u64,
    /// The notice.
    pub notice: Notice,
}

/// The write that stores a new notice.
pub(crate) fn put_notice(notice: &Notice) -> Result<Write, StoreError> {
    put(notice, 1)
}

fn put(notice: &Notice, version: u64) -> Result<Write, StoreError> {
    let expires_at = number(notice.at.as_second().saturating_add(KEPT_S));
    document::put(keys::notice(&notice.id()), notice, [(VERSION, number(version)), (EXPIRES_AT, expires_at)])
}

fn read(item: &Item) -> Result<StoredNotice, StoreError> {
    Ok(StoredNotice { version: counter(item, VERSION)?, notice: document::read(item)? })
}

impl Store {
    /// The notices, of all tenants, that are not told in full, those of a subscription in the order of their times. Costs a
    /// Query for each of 8 partitions, concurrently: 8 read units where there is none.
    pub async fn list_notices(&self) -> Result<Vec<StoredNotice>, StoreError> {
        let shards = (0..keys::SHARDS)
            .map(|shard| async move { self.query_all("list notices", &keys::notice_partition(shard), None).await });
        Ok(readable(try_join_all(shards).await?.into_iter().flatten(), |item| read(&item)))
    }

    /// The notices of one subscription that are not told in full, in the order of their times. Costs 1 Query.
    pub async fn notices_of(&self, of: &SubscriptionKey) -> Result<Vec<StoredNotice>, StoreError> {
        let (pk, prefix) = keys::notices_of(of);
        // `~` follows every digit.
        let between = (prefix.as_str(), format!("{prefix}~"));
        let items = self.query_all("list the notices of a subscription", &pk, Some((between.0, &between.1))).await?;
        Ok(readable(items.into_iter(), |item| read(&item)))
    }

    /// A notice as it is stored now; none where it has been told in full. Costs 1 `GetItem`.
    pub async fn notice(&self, id: &NoticeId) -> Result<Option<StoredNotice>, StoreError> {
        self.get("read a notice", &keys::notice(id)).await?.as_ref().map(read).transpose()
    }

    /// Puts a notice in the place of one that was read, if nobody else did; one that is told in full goes. `told` has the
    /// same subscription, moment and happening. Costs 1 `PutItem` or `DeleteItem`.
    pub async fn update_notice(&self, stored: &StoredNotice, told: &Notice) -> Result<Saved, StoreError> {
        let as_read = If::Is(VERSION.into(), number(stored.version));
        let write = if told.is_told() {
            Write::delete(keys::notice(&stored.notice.id()))
        } else {
            put(told, stored.version.saturating_add(1))?
        };
        Ok(match self.write("change a notice", write.only_if(as_read)).await? {
            Written::Done => Saved::Yes,
            Written::Refused => Saved::Conflict,
        })
    }
}
