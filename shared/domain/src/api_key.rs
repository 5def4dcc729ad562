//! Keys of the management API.
//!
//! A key is `shk_`, 16 hexadecimal digits that name it, `_`, and 43 characters that only its holder knows (256 random
//! bits). Only a SHA-256 of the whole is kept: with that much randomness a slow hash would add nothing.

use crate::ids::{InvalidId, TenantId};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::fmt;
use subtle::ConstantTimeEq as _;

const PREFIX: &str = "shk_";
const ID_DIGITS: usize = 16;
const SECRET_CHARACTERS: usize = 43;

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Everything in the key's tenant, keys included.
    Admin,
    /// Change all but keys; includes read.
    Write,
    /// Read.
    Read,
    /// Publish events.
    Publish,
    /// Make, limit and suspend tenants, and make keys of them. No other scope includes it.
    Operator,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 5] = [Self::Admin, Self::Write, Self::Read, Self::Publish, Self::Operator];

    /// The scope as clients write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Write => "write",
            Self::Read => "read",
            Self::Publish => "publish",
            Self::Operator => "operator",
        }
    }

    /// True where holding this scope allows what `needed` allows.
    pub fn allows(self, needed: Self) -> bool {
        let is_admins = self == Self::Admin && needed != Self::Operator;
        self == needed || is_admins || (self == Self::Write && needed == Self::Read)
    }
}

/// A shorthand for the scopes of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Everything in its tenant.
    Owner,
    /// Reads.
    Viewer,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 2] = [Self::Owner, Self::Viewer];

    /// The role as clients write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Viewer => "viewer",
        }
    }

    /// What a key of this role may do.
    pub fn scopes(self) -> BTreeSet<Scope> {
        match self {
            Self::Owner => [Scope::Admin].into(),
            Self::Viewer => [Scope::Read].into(),
        }
    }

    /// The role that these scopes are; none where they are another mixture.
    pub fn of(scopes: &BTreeSet<Scope>) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.scopes() == *scopes)
    }
}

/// The part of a key that names it: not secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyId(String);

impl KeyId {
    /// Reads 16 hexadecimal digits.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidId> {
        let text = text.into();
        if text.len() == ID_DIGITS && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            Ok(Self(text))
        } else {
            Err(InvalidId { kind: "key id", rule: "16 hexadecimal digits" })
        }
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

crate::ids::stored_as_text!(KeyId, InvalidId);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A whole key, as its holder presents it.
#[derive(Debug, Clone)]
pub struct ApiKeyToken {
    id: KeyId,
    text: SecretString,
}

impl ApiKeyToken {
    /// Reads a presented key; none where it is not of the form.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let id = KeyId::parse(id).ok()?;
        (secret.len() == SECRET_CHARACTERS).then(|| Self { id, text: text.into() })
    }

    /// A new key of bytes that the caller drew from a good source.
    pub fn from_random(id: [u8; 8], secret: [u8; 32]) -> Self {
        let id = KeyId(format!("{:016x}", u64::from_be_bytes(id)));
        let text = format!("{PREFIX}{id}_{}", URL_SAFE_NO_PAD.encode(secret)).into();
        Self { id, text }
    }

    /// The part that names it.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// The whole, to hand to its holder, once.
    pub fn text(&self) -> &SecretString {
        &self.text
    }

    /// What is kept of it.
    pub fn hash(&self) -> KeyHash {
        KeyHash(Sha256::digest(self.text.expose_secret().as_bytes()).into())
    }
}

/// SHA-256 of a key.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// Compares in a time that does not depend on where they differ.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// What is kept of a key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ApiKey {
    /// The part that names it.
    pub id: KeyId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What its holder called it.
    pub name: String,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// SHA-256 of the whole.
    pub hash: KeyHash,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it opens nothing; none means never. Stored under another name than that by which the table removes
    /// items: a key that has expired stays listed until somebody deletes it.
    #[serde(default, rename = "ends_at", skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the hour or so: see [`ApiKey::is_use_to_be_noted`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
}

/// Keys of a tenant, at most.
pub const KEYS_LIMIT: u64 = 100;

/// How much older than true [`ApiKey::last_used_at`] may be: a use is noted that often, at most.
const USE_NOTED_EVERY: SignedDuration = SignedDuration::from_hours(1);

impl ApiKey {
    /// True where it opens nothing any more.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// Whether a use at this time is worth a write.
    pub fn is_use_to_be_noted(&self, now: Timestamp) -> bool {
        self.last_used_at.is_none_or(|at| now.duration_since(at) >= USE_NOTED_EVERY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_and_does_not_print() {
        let key = ApiKeyToken::from_random([1; 8], [2; 32]);
        let read = ApiKeyToken::parse(key.text().expose_secret()).unwrap();
        assert_eq!(read.id(), key.id());
        assert!(read.hash().matches(&key.hash()));
        assert!(!ApiKeyToken::from_random([1; 8], [3; 32]).hash().matches(&key.hash()));
        assert!(!format!("{key:?}").contains(key.text().expose_secret()));
    }

    #[test]
    fn what_is_not_a_key_is_refused() {
        for bad in ["", "shk_", "shk_0123456789abcdef", "shk_0123456789abcdef_short", "0123456789abcdef_x"] {
            assert!(ApiKeyToken::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn scopes_include_what_they_should() {
        assert!(Scope::Admin.allows(Scope::Publish));
        assert!(Scope::Write.allows(Scope::Read));
        assert!(!Scope::Write.allows(Scope::Publish));
        assert!(!Scope::Read.allows(Scope::Write));
        assert!(!Scope::Publish.allows(Scope::Read));
        for other in Scope::ALL.into_iter().filter(|scope| *scope != Scope::Operator) {
            assert!(!other.allows(Scope::Operator) && !Scope::Operator.allows(other), "{other:?}");
        }
    }

    #[test]
    fn roles_are_words_for_scopes() {
        for role in Role::ALL {
            assert_eq!(Role::of(&role.scopes()), Some(role));
        }
        assert_eq!(Role::of(&[Scope::Admin, Scope::Operator].into()), None);
        assert_eq!(Role::of(&BTreeSet::new()), None);
    }

    #[test]
    fn keys_expire_and_note_their_use_once_an_hour() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let token = ApiKeyToken::from_random([1; 8], [2; 32]);
        let mut key = ApiKey {
            id: token.id().clone(),
            tenant: TenantId::parse("acme").unwrap(),
            name: "k".to_owned(),
            scopes: Role::Viewer.scopes(),
            hash: token.hash(),
            created_at: at(0),
            expires_at: Some(at(10_000)),
            last_used_at: None,
        };
        assert!(!key.has_expired(at(9_999)) && key.has_expired(at(10_000)));
        assert!(key.is_use_to_be_noted(at(0)));
        key.last_used_at = Some(at(100));
        assert!(!key.is_use_to_be_noted(at(3_699)) && key.is_use_to_be_noted(at(3_700)));
        let stored = serde_json::to_value(&key).unwrap();
        assert!(stored["expires_at"].is_null(), "the table would remove it: {stored}");
        key.expires_at = None;
        assert!(!key.has_expired(at(i64::from(u32::MAX))));
    }
}
