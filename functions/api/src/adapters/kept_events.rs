//! Kept events, in the table.

use crate::ports::{Failed, KeptEvents};
use async_trait::async_trait;
use spacehook_domain::event::Event;
use spacehook_domain::ids::{EventId, TenantId};
use spacehook_domain::kept_events::{Position, Scanned, Window};
use spacehook_store::Store;

#[async_trait]
impl KeptEvents for Store {
    async fn find(&self, tenant: &TenantId, id: &EventId) -> Result<Option<Event>, Failed> {
        Ok(self.kept_event(tenant, id).await?)
    }

    async fn scan(
        &self,
        tenant: &TenantId,
        window: Window,
        position: &Position,
        most: usize,
    ) -> Result<Scanned, Failed> {
        Ok(self.kept_events(tenant, window, position, most).await?)
    }
}
