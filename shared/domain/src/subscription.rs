//! A subscription: who wants which events where.

pub mod search;

use crate::credentials::SecretArn;
use crate::event::EventType;
use crate::filter::Filter;
use crate::ids::{BuildingRefId, FloorRefId, SpaceRefId, SubscriptionId, SubscriptionKey, TenantId};
use crate::key_values::KeyValues;
use crate::metadata::Metadata;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Subscriptions of one tenant to one event type, at most: what the dispatcher holds in memory and matches in one pass.
pub const SUBSCRIPTIONS_LIMIT: u64 = 1_000;
/// Event types of one subscription, at most: all of them can be replaced by others in one transaction of `DynamoDB`, which has
/// at most 100 items (one for each type that is added or removed, and some ten besides), and one condition of 4 KB (some 115
/// bytes for each type that is added).
pub const EVENT_TYPES_LIMIT: usize = 32;
/// Buildings in a filter, at most.
pub const BUILDINGS_LIMIT: usize = 100;
/// Floors in a filter, at most.
pub const FLOORS_LIMIT: usize = 100;
/// Spaces in a filter, at most.
pub const SPACES_LIMIT: usize = 100;
/// Contacts, at most.
pub const CONTACTS_LIMIT: usize = 10;
/// Characters of a description, at most.
pub const DESCRIPTION_LIMIT: usize = 1_024;

/// A name that a person gave, unique in its tenant without regard to case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SubscriptionName(String);

/// Why a text is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to 100 characters, none of them a control character, and no blank at an end")]
pub struct InvalidName;

impl SubscriptionName {
    /// Takes a name.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidName> {
        let text = text.into();
        let fits = (1..=100).contains(&text.chars().count());
        if fits && text.trim() == text && !text.chars().any(char::is_control) {
            Ok(Self(text))
        } else {
            Err(InvalidName)
        }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As it is compared.
    pub fn folded(&self) -> String {
        self.0.to_lowercase()
    }
}

crate::ids::stored_as_text!(SubscriptionName, InvalidName);

/// An address that mail about a subscription goes to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress(String);

/// Why a text is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one e-mail address of at most 254 ASCII characters, such as ops@example.com")]
pub struct InvalidEmail;

impl EmailAddress {
    /// Takes an address. Only what would let an address be another, or several, is refused; whether it exists only
    /// its mail server knows.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidEmail> {
        let text = text.into();
        let plain = |part: &str| {
            part.bytes().all(|b| {
                b.is_ascii_graphic()
                    && !matches!(b, b'<' | b'>' | b',' | b';' | b':' | b'"' | b'(' | b')' | b'\\' | b'@')
            })
        };
        match text.split_once('@') {
            Some((local, domain))
                if text.len() <= 254
                    && (1..=64).contains(&local.len())
                    && plain(local)
                    && plain(domain)
                    && domain.split('.').count() >= 2
                    && domain.split('.').all(|label| !label.is_empty()) =>
            {
                Ok(Self(text))
            }
            _ => Err(InvalidEmail),
        }
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

crate::ids::stored_as_text!(EmailAddress, InvalidEmail);

/// Which of the reports of a space are sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Send {
    /// Every one.
    #[default]
    Always,
    /// Those in which the number of people or the signs of life changed, and the first in each hour.
    OnChange,
}

/// What of the backlog is kept while the receiver is down or the subscription disabled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BacklogMode {
    /// Every delivery.
    #[default]
    All,
    /// The newest of each (event type, space): the receiver then gets the present state, and how many it missed.
    Latest,
}

/// Attempts a second, at most: 1 to 1,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct RateLimit(u32);

/// Why a number is no rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 1 to 1000")]
pub struct InvalidRateLimit;

impl RateLimit {
    /// Takes a limit.
    pub fn new(per_second: u32) -> Result<Self, InvalidRateLimit> {
        if (1..=1_000).contains(&per_second) { Ok(Self(per_second)) } else { Err(InvalidRateLimit) }
    }

    /// Attempts a second.
    pub fn per_second(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for RateLimit {
    type Error = InvalidRateLimit;
    fn try_from(per_second: u32) -> Result<Self, InvalidRateLimit> {
        Self::new(per_second)
    }
}

impl From<RateLimit> for u32 {
    fn from(limit: RateLimit) -> Self {
        limit.0
    }
}

/// How deliveries authenticate; the secrets of it are in [`crate::credentials`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthKind {
    /// They do not.
    #[default]
    None,
    /// HTTP Basic.
    Basic,
    /// HTTP Bearer.
    Bearer,
    /// A header of the receiver's choice.
    CustomHeader,
    /// OAuth 2.0 client credentials.
    #[serde(rename = "oauth2_client_credentials")]
    OAuth2ClientCredentials,
    /// As the user's own secret says, which [`Subscription::own_secret_arn`] names.
    OwnSecret,
}

/// Why a subscription is disabled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum DisabledReason {
    /// Somebody asked for it, through the API.
    ByRequest,
    /// Too many of its attempts failed.
    FailureRate {
        /// Failed attempts in the window.
        failures: u64,
        /// All attempts in the window.
        attempts: u64,
        /// The window's length in hours.
        window_hours: u32,
    },
    /// The receiver answered 410 Gone.
    Gone,
}

/// Whether events are sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Activity {
    /// They are.
    Enabled {
        /// Since when: creation, or the last enabling. Failure rates are counted from here.
        since: Timestamp,
    },
    /// They are not.
    Disabled {
        /// Since when.
        since: Timestamp,
        /// Why.
        reason: DisabledReason,
    },
}

impl Activity {
    /// True where events are sent.
    pub fn is_enabled(&self) -> bool {
        matches!(self, Self::Enabled { .. })
    }

    /// Since when it is so.
    pub fn since(&self) -> Timestamp {
        match self {
            Self::Enabled { since } | Self::Disabled { since, .. } => *since,
        }
    }
}

/// Who wants which events where: what a user calls their webhook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subscription {
    /// Its id.
    pub id: SubscriptionId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Its name.
    pub name: SubscriptionName,
    /// What its owner noted.
    pub description: Option<String>,
    /// Where its events go. Checked when saved, and parsed and checked again at every attempt.
    pub url: String,
    /// What it wants to hear of: at least one.
    pub event_types: BTreeSet<EventType>,
    /// Whether events are sent.
    pub activity: Activity,
    /// Which reports it wants.
    pub send: Send,
    /// The buildings it wants to hear of; none means all.
    pub building_ref_ids: BTreeSet<BuildingRefId>,
    /// The floors it wants to hear of; none means all. Names of floors are unique in their building only: a name means the
    /// floor of that name in each of the buildings above, or, where none is listed, in any.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub floor_ref_ids: BTreeSet<FloorRefId>,
    /// The spaces it wants to hear of; none means all. Their names are understood as those of floors are.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub space_ref_ids: BTreeSet<SpaceRefId>,
    /// What the fields of events must have; none means anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// What is kept for it while it can't be delivered.
    #[serde(default)]
    pub backlog: BacklogMode,
    /// How many attempts a second its receiver bears; none means as many as there are.
    #[serde(default)]
    pub rate_limit_per_second: Option<RateLimit>,
    /// How its deliveries authenticate.
    pub auth: AuthKind,
    /// The names of its custom headers, in lower case; the values are secret.
    pub custom_header_names: BTreeSet<String>,
    /// What is appended to its bodies.
    pub key_values: KeyValues,
    /// Who is told when it fails.
    pub contacts: BTreeSet<EmailAddress>,
    /// What its owner's own systems noted.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// The name of its secret in the secret store.
    pub secret_name: String,
    /// The version of that secret which goes with this revision: a new one is a new text.
    pub secret_version: String,
    /// The header that its deliveries authenticate with, where that is one of the receiver's choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_header_name: Option<String>,
    /// The user's own secret, which says how deliveries authenticate. It is read as it is at the time: it has no version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_secret_arn: Option<SecretArn>,
    /// Until when the signing secret before the last rotation signs beside the present one: at that moment it stops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_signing_secret_until: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// 1, 2, 3, …: one more with each change.
    pub revision: u64,
}

impl Subscription {
    /// Which of all subscriptions it is.
    pub fn key(&self) -> SubscriptionKey {
        SubscriptionKey { tenant: self.tenant.clone(), id: self.id.clone() }
    }

    /// Whether the signing secret before the last rotation still signs.
    pub fn signs_with_previous(&self, at: Timestamp) -> bool {
        self.previous_signing_secret_until.is_some_and(|until| at < until)
    }

    /// The same, disabled.
    #[must_use]
    pub fn disabled(&self, at: Timestamp, reason: DisabledReason) -> Self {
        Self {
            activity: Activity::Disabled { since: at, reason },
            updated_at: at,
            revision: self.revision.saturating_add(1),
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_limits_are_whole_numbers_from_1_to_1000() {
        assert_eq!(serde_json::from_str::<RateLimit>("1000").unwrap().per_second(), 1_000);
        assert!(RateLimit::new(0).is_err() && serde_json::from_str::<RateLimit>("1001").is_err());
    }

    #[test]
    fn addresses_that_could_be_several_are_refused() {
        for good in ["ops@example.com", "a.b+c@mail.example.co.uk"] {
            assert!(EmailAddress::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "ops",
            "ops@",
            "@example.com",
            "ops@localhost",
            "a@b.c,d@e.f",
            "a@b.c\r\nBcc: d@e.f",
            "a b@c.d",
            "a@b@c.d",
            "A <a@b.c>",
            "a@b..c",
        ] {
            assert!(EmailAddress::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_are_compared_without_case() {
        assert_eq!(SubscriptionName::parse("iOFFICE").unwrap().folded(), "ioffice");
        assert!(SubscriptionName::parse(" x").is_err());
        assert!(SubscriptionName::parse("x".repeat(101)).is_err());
    }
}
