//! Tenants, as the operator of a deployment keeps them.
//!
//! A tenant is whoever has a key or a topic of that name. Its record says what it is called, how much it may have, and
//! whether it is suspended. The first tenant of a deployment has none before somebody changes it; it is shown as
//! [`Tenant::unrecorded`].

use crate::ids::TenantId;
use crate::privacy::Privacy;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Subscriptions of a tenant, where its record does not say otherwise.
pub const SUBSCRIPTIONS_DEFAULT: u64 = 1_000;
/// Subscriptions of a tenant, at most.
pub const SUBSCRIPTIONS_MOST: u64 = 10_000;
/// Requests a minute and key, at most.
pub const REQUESTS_MOST: u32 = 1_000_000;
/// Characters of the reason of a suspension, at most.
pub const REASON_LIMIT: usize = 500;

/// Whether a tenant is served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Status {
    /// It is.
    Active,
    /// It is not: its telemetry makes no events, what waits for its receivers is kept, its keys are refused.
    Suspended {
        /// Since when.
        since: Timestamp,
        /// Why; the tenant is told.
        reason: Option<String>,
    },
}

/// How much a tenant may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Subscriptions.
    pub subscriptions: u64,
    /// Requests a minute of each of its keys; none means what the deployment says.
    pub requests_per_minute: Option<u32>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { subscriptions: SUBSCRIPTIONS_DEFAULT, requests_per_minute: None }
    }
}

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Its id: what its topics and keys name.
    pub id: TenantId,
    /// What people call it.
    pub name: String,
    /// Whether it is served.
    pub status: Status,
    /// How much it may have.
    pub limits: Limits,
    /// What of its telemetry is kept: the tenant's own to say.
    #[serde(default)]
    pub privacy: Privacy,
    /// When it was made; none where nobody made it.
    pub created_at: Option<Timestamp>,
    /// When it was last changed.
    pub updated_at: Option<Timestamp>,
    /// 1, 2, 3, …: one more with each change; 0 where there is no record.
    pub revision: u64,
}

impl Tenant {
    /// A tenant without a record.
    pub fn unrecorded(id: TenantId) -> Self {
        Self {
            name: id.to_string(),
            id,
            status: Status::Active,
            limits: Limits::default(),
            privacy: Privacy::Usual,
            created_at: None,
            updated_at: None,
            revision: 0,
        }
    }

    /// True while it is not served.
    pub fn is_suspended(&self) -> bool {
        matches!(self.status, Status::Suspended { .. })
    }

    /// The same, changed.
    #[must_use]
    pub fn changed(&self, at: Timestamp, change: impl FnOnce(&mut Self)) -> Self {
        let mut after = self.clone();
        change(&mut after);
        after.updated_at = Some(at);
        after.revision = self.revision.saturating_add(1);
        after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_reads_back_as_it_was_stored() {
        let at = Timestamp::UNIX_EPOCH;
        let tenant = Tenant::unrecorded(TenantId::parse("acme").unwrap());
        assert!(!tenant.is_suspended());
        let suspended = tenant.changed(at, |it| {
            it.status = Status::Suspended { since: at, reason: Some("unpaid".to_owned()) };
        });
        assert!(suspended.is_suspended());
        assert_eq!((suspended.revision, suspended.updated_at, suspended.created_at), (1, Some(at), None));
        for one in [tenant, suspended] {
            let stored = serde_json::to_string(&one).unwrap();
            assert_eq!(serde_json::from_str::<Tenant>(&stored).unwrap(), one);
        }
    }
}
