//! Key-value pairs: static identifiers that a subscription has appended to the body it gets.

use crate::payload::DOCUMENTED_FIELDS;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Pairs of one subscription, at most.
pub const PAIRS_LIMIT: usize = 20;
/// Characters of a key, at most.
pub const KEY_LIMIT: usize = 64;
/// Characters of a value, at most.
pub const VALUE_LIMIT: usize = 1_024;

/// Why pairs were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefusedPair {
    /// More than [`PAIRS_LIMIT`].
    #[error("{found} pairs; at most {PAIRS_LIMIT} are allowed")]
    TooMany {
        /// How many there are.
        found: usize,
    },
    /// The key is empty, too long or has a control character.
    #[error("a key must have 1 to {KEY_LIMIT} characters, none of them a control character")]
    Key {
        /// The key.
        key: String,
    },
    /// The key is a field of the documented body.
    #[error("'{key}' is a field of the documented body and can't be overridden")]
    Reserved {
        /// The key.
        key: String,
    },
    /// The value is too long.
    #[error("the value has more than {VALUE_LIMIT} characters")]
    Value {
        /// The key of the value.
        key: String,
    },
}

impl RefusedPair {
    /// The key that is wrong, where one is.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::TooMany { .. } => None,
            Self::Key { key } | Self::Reserved { key } | Self::Value { key } => Some(key),
        }
    }
}

/// Pairs that override nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub struct KeyValues(BTreeMap<String, String>);

impl KeyValues {
    /// Takes pairs, refusing those that break a rule.
    pub fn parse(pairs: BTreeMap<String, String>) -> Result<Self, RefusedPair> {
        if pairs.len() > PAIRS_LIMIT {
            return Err(RefusedPair::TooMany { found: pairs.len() });
        }
        for (key, value) in &pairs {
            if !(1..=KEY_LIMIT).contains(&key.chars().count()) || key.chars().any(char::is_control) {
                return Err(RefusedPair::Key { key: key.clone() });
            }
            if DOCUMENTED_FIELDS.contains(&key.as_str()) {
                return Err(RefusedPair::Reserved { key: key.clone() });
            }
            if value.chars().count() > VALUE_LIMIT {
                return Err(RefusedPair::Value { key: key.clone() });
            }
        }
        Ok(Self(pairs))
    }

    /// True where there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The pairs, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

impl TryFrom<BTreeMap<String, String>> for KeyValues {
    type Error = RefusedPair;
    fn try_from(pairs: BTreeMap<String, String>) -> Result<Self, RefusedPair> {
        Self::parse(pairs)
    }
}

impl From<KeyValues> for BTreeMap<String, String> {
    fn from(pairs: KeyValues) -> Self {
        pairs.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(of: &[(&str, &str)]) -> BTreeMap<String, String> {
        of.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn every_documented_field_is_reserved() {
        for field in DOCUMENTED_FIELDS {
            let refused = KeyValues::parse(pairs(&[("site", "HQ"), (field, "x")])).unwrap_err();
            assert_eq!(refused, RefusedPair::Reserved { key: field.to_owned() });
        }
    }

    #[test]
    fn limits_are_named() {
        let many = (0..=PAIRS_LIMIT).map(|n| (n.to_string(), String::new())).collect();
        assert_eq!(KeyValues::parse(many).unwrap_err().to_string(), "21 pairs; at most 20 are allowed");
        assert!(KeyValues::parse(pairs(&[("", "x")])).is_err());
        assert!(KeyValues::parse(pairs(&[("a\nb", "x")])).is_err());
        assert!(KeyValues::parse(pairs(&[("a", &"x".repeat(VALUE_LIMIT + 1))])).is_err());
        assert!(KeyValues::parse(pairs(&[("a", &"x".repeat(VALUE_LIMIT))])).is_ok());
    }
}
