//! What the owner of a subscription notes with it for their own systems. Nobody here looks at it, and it is never sent.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Entries of one subscription, at most.
pub const ENTRIES_LIMIT: usize = 50;
/// Characters of a key, at most.
pub const KEY_LIMIT: usize = 40;
/// Characters of a value, at most.
pub const VALUE_LIMIT: usize = 500;

/// Why metadata was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefusedMetadata {
    /// More than [`ENTRIES_LIMIT`].
    #[error("{found} entries; at most {ENTRIES_LIMIT} are allowed")]
    TooMany {
        /// How many there are.
        found: usize,
    },
    /// A key is empty, too long or has a control character.
    #[error("a key must have 1 to {KEY_LIMIT} characters, none of them a control character")]
    Key,
    /// A value is too long.
    #[error("the value has more than {VALUE_LIMIT} characters")]
    Value,
}

/// Texts by key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub struct Metadata(BTreeMap<String, String>);

impl Metadata {
    /// Takes metadata, refusing what breaks a rule.
    pub fn parse(entries: BTreeMap<String, String>) -> Result<Self, RefusedMetadata> {
        if entries.len() > ENTRIES_LIMIT {
            return Err(RefusedMetadata::TooMany { found: entries.len() });
        }
        for (key, value) in &entries {
            if !(1..=KEY_LIMIT).contains(&key.chars().count()) || key.chars().any(char::is_control) {
                return Err(RefusedMetadata::Key);
            }
            if value.chars().count() > VALUE_LIMIT {
                return Err(RefusedMetadata::Value);
            }
        }
        Ok(Self(entries))
    }

    /// True where there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The texts, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

impl TryFrom<BTreeMap<String, String>> for Metadata {
    type Error = RefusedMetadata;
    fn try_from(entries: BTreeMap<String, String>) -> Result<Self, RefusedMetadata> {
        Self::parse(entries)
    }
}

impl From<Metadata> for BTreeMap<String, String> {
    fn from(metadata: Metadata) -> Self {
        metadata.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_named() {
        let one = |key: &str, value: &str| Metadata::parse([(key.to_owned(), value.to_owned())].into());
        assert!(one(&"k".repeat(KEY_LIMIT), &"v".repeat(VALUE_LIMIT)).is_ok());
        assert_eq!(one(&"k".repeat(KEY_LIMIT + 1), ""), Err(RefusedMetadata::Key));
        assert_eq!(one("", ""), Err(RefusedMetadata::Key));
        assert_eq!(one("a\u{0}", ""), Err(RefusedMetadata::Key));
        assert_eq!(one("k", &"é".repeat(VALUE_LIMIT + 1)), Err(RefusedMetadata::Value));
        let many = (0..=ENTRIES_LIMIT).map(|n| (n.to_string(), String::new())).collect();
        assert_eq!(Metadata::parse(many).unwrap_err().to_string(), "51 entries; at most 50 are allowed");
    }
}
