use super::Fake;
use async_trait::async_trait;
use spacehook_api::ports::{Failed, News};
use spacehook_domain::event::EventType;
use spacehook_domain::ids::TenantId;
use spacehook_domain::notice::Notice;

#[async_trait]
impl News for Fake {
    async fn is_asked_for(&self, tenant: &TenantId, event_type: EventType) -> Result<bool, Failed> {
        Ok(self.with(|contents| {
            let mut of_tenant = contents.subscriptions.values().filter(|stored| stored.tenant == *tenant);
            of_tenant.any(|stored| stored.event_types.contains(&event_type))
        }))
    }

    async fn tell(&self, notice: &Notice) -> Result<(), Failed> {
        self.perform("news.tell", |contents| {
            contents.notices.retain(|kept| kept != notice);
            contents.told.push(notice.clone());
        })
    }
}
