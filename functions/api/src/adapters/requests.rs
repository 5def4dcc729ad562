//! Requests that may come twice, and how many there are, in the table.

use crate::ports::{Failed, RequestRecords};
use async_trait::async_trait;
use spacehook_domain::idempotency::{Claim, Ended};
use spacehook_domain::ids::TenantId;
use spacehook_domain::request_rate::Minute;
use spacehook_store::{Claimed, RequestPlace, Store};

#[async_trait]
impl RequestRecords for Store {
    async fn claim_request(&self, place: &RequestPlace, claim: &Claim) -> Result<Claimed, Failed> {
        Ok(self.claim_request(place, claim).await?)
    }

    async fn end_request(&self, place: &RequestPlace, claim: &Claim, ended: &Ended) -> Result<(), Failed> {
        Ok(self.end_request(place, claim, ended).await?)
    }

    async fn count_request(&self, tenant: &TenantId, key_id: &str, minute: Minute) -> Result<u64, Failed> {
        Ok(self.count_request(tenant, key_id, minute).await?)
    }
}
