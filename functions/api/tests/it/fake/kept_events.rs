use super::Fake;
use async_trait::async_trait;
use spacehook_api::ports::{Failed, KeptEvents};
use spacehook_domain::event::Event;
use spacehook_domain::ids::{EventId, TenantId};
use spacehook_domain::kept_events::{Merge, Position, Scanned, Unpacked, Window};

#[async_trait]
impl KeptEvents for Fake {
    async fn find(&self, tenant: &TenantId, id: &EventId) -> Result<Option<Event>, Failed> {
        self.perform("event.find", |contents| contents.events.get(&(tenant.clone(), id.clone())).cloned())
    }

    async fn scan(
        &self,
        tenant: &TenantId,
        window: Window,
        position: &Position,
        most: usize,
    ) -> Result<Scanned, Failed> {
        self.perform("event.scan", |contents| {
            let mut merge = Merge::new(window, position);
            // Each in a pack of its own.
            for ((of, _), event) in &contents.events {
                if of == tenant && event.received_at >= position.from {
                    merge.take(Unpacked { from: event.received_at, events: vec![event.clone()] });
                }
            }
            merge.finish(None, most)
        })
    }
}
