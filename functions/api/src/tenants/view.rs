//! Tenants as clients see them.

use super::privacy::PrivacyView;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use spacehook_domain::request_rate::Rate;
use spacehook_domain::tenant::{Status, Tenant};
use spacehook_store::TenantUsage;
use utoipa::ToSchema;

/// Whether a tenant is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = TenantStatus)]
pub enum StatusName {
    /// It is.
    Active,
    /// It is not.
    Suspended,
}

impl StatusName {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "active" => Ok(Self::Active),
            "suspended" => Ok(Self::Suspended),
            _ => Err("must be 'active' or 'suspended'".to_owned()),
        }
    }
}

/// Since when a tenant is suspended, and why.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SuspendedView {
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Why; its keys are told.
    #[schema(required)]
    pub reason: Option<String>,
}

/// How much a tenant may have.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
pub struct LimitsView {
    /// Subscriptions.
    pub subscriptions: u64,
    /// Requests a minute of each of its keys.
    pub requests_per_minute: u32,
    /// Whether that is the tenant's own, or the deployment's for all.
    pub has_own_rate: bool,
}

impl LimitsView {
    fn of(tenant: &Tenant, requests_of_all: u32) -> Self {
        let own = tenant.limits.requests_per_minute;
        Self {
            subscriptions: tenant.limits.subscriptions,
            requests_per_minute: own.unwrap_or(requests_of_all),
            has_own_rate: own.is_some(),
        }
    }
}

/// A tenant.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Tenant)]
pub struct TenantView {
    /// What its topics and keys name.
    #[schema(example = "acme")]
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Whether it is served.
    pub status: StatusName,
    /// Since when it is suspended, and why; null where it is not.
    #[schema(required)]
    pub suspended: Option<SuspendedView>,
    /// How much it may have.
    pub limits: LimitsView,
    /// What is kept of its telemetry: its own to say.
    pub privacy: PrivacyView,
    /// When it was made; null for the first tenant, which nobody made.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub created_at: Option<Timestamp>,
    /// When it was last changed; null where it never was.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub updated_at: Option<Timestamp>,
    /// One more with each change; 0 where there never was one. In quotes it is the `ETag`.
    pub revision: u64,
}

impl TenantView {
    pub(super) fn of(tenant: &Tenant, requests_of_all: u32) -> Self {
        let suspended = match &tenant.status {
            Status::Active => None,
            Status::Suspended { since, reason } => Some(SuspendedView { since: *since, reason: reason.clone() }),
        };
        Self {
            id: tenant.id.to_string(),
            name: tenant.name.clone(),
            status: if suspended.is_some() { StatusName::Suspended } else { StatusName::Active },
            suspended,
            limits: LimitsView::of(tenant, requests_of_all),
            privacy: PrivacyView::from(&tenant.privacy),
            created_at: tenant.created_at,
            updated_at: tenant.updated_at,
            revision: tenant.revision,
        }
    }
}

/// How much of its limits a tenant uses.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[schema(as = TenantUsage)]
pub struct UsageView {
    /// Subscriptions, disabled ones included.
    pub subscriptions: u64,
    /// API keys, expired ones included.
    pub api_keys: u64,
    /// Requests of the key that asks in this minute, this one included; null where they could not be counted.
    #[schema(required)]
    pub requests_this_minute: Option<u64>,
}

/// The tenant of the key that asks.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OwnTenant {
    /// What its topics name.
    #[schema(example = "acme")]
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Whether it is served: a key that is told so is.
    pub status: StatusName,
    /// How much it may have.
    pub limits: LimitsView,
    /// What is kept of its telemetry.
    pub privacy: PrivacyView,
    /// How much of that is used.
    pub usage: UsageView,
}

impl OwnTenant {
    pub(super) fn of(tenant: &Tenant, usage: TenantUsage, rate: Option<Rate>, requests_of_all: u32) -> Self {
        Self {
            id: tenant.id.to_string(),
            name: tenant.name.clone(),
            status: if tenant.is_suspended() { StatusName::Suspended } else { StatusName::Active },
            limits: LimitsView::of(tenant, requests_of_all),
            privacy: PrivacyView::from(&tenant.privacy),
            usage: UsageView {
                subscriptions: usage.subscriptions,
                api_keys: usage.api_keys,
                requests_this_minute: rate.map(|rate| rate.made),
            },
        }
    }
}
