//! Names and versions of secrets.

use spacehook_domain::ids::{SubscriptionId, TenantId};
use spacehook_domain::subscription::Subscription;
use std::fmt;
use uuid::Uuid;

/// The name of a subscription's secret: `{prefix}{tenant}/{subscription id}`. Not secret itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SecretName(String);

impl SecretName {
    pub(crate) fn new(prefix: &str, tenant: &TenantId, subscription: &SubscriptionId) -> Self {
        Self(format!("{prefix}{tenant}/{subscription}"))
    }

    /// The name that a subscription carries.
    pub fn of(subscription: &Subscription) -> Self {
        Self(subscription.secret_name.clone())
    }

    /// The name as Secrets Manager knows it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tenant and subscription: the last two parts.
    pub(crate) fn owner(&self) -> (&str, &str) {
        let (rest, subscription) = self.0.rsplit_once('/').unwrap_or(("", &self.0));
        (rest.rsplit_once('/').map_or(rest, |(_, tenant)| tenant), subscription)
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A version of a secret: a UUID, drawn by whoever writes the version.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SecretVersion(String);

impl SecretVersion {
    /// The version of this id.
    pub fn from_uuid(id: Uuid) -> Self {
        Self(id.hyphenated().to_string())
    }

    /// The version that goes with this revision of a subscription.
    pub fn of(subscription: &Subscription) -> Self {
        Self(subscription.secret_version.clone())
    }

    /// The id as Secrets Manager knows it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
