use super::Fake;
use async_trait::async_trait;
use spacehook_api::ports::{Failed, RequestRecords};
use spacehook_domain::idempotency::{Claim, Ended, LEASE, Remembered, Verdict, judge};
use spacehook_domain::ids::TenantId;
use spacehook_domain::request_rate::Minute;
use spacehook_store::{Claimed, RequestPlace};

#[async_trait]
impl RequestRecords for Fake {
    async fn claim_request(&self, place: &RequestPlace, claim: &Claim) -> Result<Claimed, Failed> {
        self.perform("request.claim", |contents| {
            let first_at = match contents.requests.get(place).map(|remembered| judge(remembered, claim)) {
                None | Some(Verdict::DoAsNew | Verdict::IsOurs) => claim.at,
                Some(Verdict::DoAgain { first_at }) => first_at,
                Some(other) => return Claimed::No(other),
            };
            let remembered = Remembered {
                fingerprint: claim.fingerprint.clone(),
                first_at,
                claim: claim.id,
                lease_until: claim.at + LEASE,
                ended: None,
            };
            contents.requests.insert(place.clone(), remembered);
            Claimed::Yes { first_at }
        })
    }

    async fn end_request(&self, place: &RequestPlace, claim: &Claim, ended: &Ended) -> Result<(), Failed> {
        self.perform("request.end", |contents| {
            let remembered = contents.requests.get_mut(place).filter(|remembered| remembered.claim == claim.id);
            if let Some(remembered) = remembered {
                remembered.ended = Some(ended.clone());
            }
        })
    }

    async fn count_request(&self, tenant: &TenantId, key_id: &str, minute: Minute) -> Result<u64, Failed> {
        self.perform("request.count", |contents| {
            let made = contents.made.entry((format!("{tenant}/{key_id}"), minute)).or_default();
            *made += 1;
            *made
        })
    }
}
