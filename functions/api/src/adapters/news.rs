//! News of subscriptions: the notice in the table, the event on the queue.

use crate::ports::{Failed, News};
use async_trait::async_trait;
use spacehook_domain::event::EventType;
use spacehook_domain::ids::TenantId;
use spacehook_domain::notice::Notice;
use spacehook_queues::EventQueue;
use spacehook_store::Store;
use std::error::Error as _;
use std::sync::Arc;

/// The table and the queue of events.
#[derive(Debug, Clone)]
pub struct Announcer {
    /// Where notices are.
    pub store: Arc<Store>,
    /// Where events go.
    pub events: EventQueue,
}

#[async_trait]
impl News for Announcer {
    async fn is_asked_for(&self, tenant: &TenantId, event_type: EventType) -> Result<bool, Failed> {
        Ok(self.store.tenant_overview(tenant).await?.subscribed.contains(&event_type))
    }

    async fn tell(&self, notice: &Notice) -> Result<(), Failed> {
        // Those before it first: that its receiver was gone, say, which health has not told yet.
        let of_subscription = self.store.notices_of(&notice.subscription.key()).await?;
        for stored in of_subscription.iter().filter(|it| it.notice.to_publish && it.notice.at <= notice.at) {
            self.events.send(&[stored.notice.event()]).await.map_err(|error| {
                let cause = error.source().map(ToString::to_string).unwrap_or_default();
                Failed::Busy(format!("{error}: {cause}"))
            })?;
            let told = Notice { to_publish: false, ..stored.notice.clone() };
            // Health was faster, or tells it once more: the event is the same.
            let _ = self.store.update_notice(stored, &told).await?;
        }
        Ok(())
    }
}
