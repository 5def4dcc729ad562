//! Messages as they came, for a tenant that wants to see what its sensors really send.

use crate::intake::{CAUSES_LIMIT, Intake, IntakeFault, fault};
use crate::message::Message;
use crate::ports::{Events, Refused, Spaces, Timers};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use spacehook_domain::ids::TenantId;
use spacehook_domain::privacy::RAW_PAYLOAD_BYTES;
use spacehook_domain::profile::Origin;
use spacehook_store::{RawPayload, TenantOverview};

impl<S: Spaces, E: Events, R: Refused, T: Timers> Intake<S, E, R, T> {
    /// Keeps a message, where its tenant asked for that, with what became of it: how many readings were taken in, and what
    /// was refused. One that is repeated after a fault is kept again.
    pub(crate) async fn keep_raw(
        &self,
        message: &Message,
        (tenant, overview): (&TenantId, &TenantOverview),
        origin: Origin<'_>,
        (readings, causes): (usize, &[String]),
        now: Timestamp,
    ) -> Result<(), IntakeFault> {
        if !overview.privacy.raw_payloads().is_some_and(|raw| raw.wants(origin, now)) {
            return Ok(());
        }
        let bytes = STANDARD.decode(&message.payload_base64).map_or(message.payload_base64.len(), |bytes| bytes.len());
        let raw = RawPayload {
            received_at: origin.received_at,
            topic: message.topic.clone(),
            profile: origin.profile.clone(),
            sensor_id: origin.sensor_id.clone(),
            bytes: u64::try_from(bytes).unwrap_or(u64::MAX),
            payload_base64: (bytes <= RAW_PAYLOAD_BYTES).then(|| message.payload_base64.clone()),
            readings: u64::try_from(readings).unwrap_or(u64::MAX),
            causes: causes.iter().take(CAUSES_LIMIT).cloned().collect(),
        };
        self.spaces.keep_raw_payload(tenant, &raw).await.map_err(fault("a message was not kept as it came"))
    }
}

#[cfg(test)]
mod tests;
