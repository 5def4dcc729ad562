//! Event types of a tenant's own: registered, described, changed version by version, archived.

use crate::event::CustomType;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Types of one tenant, at most; archived ones count, since none is ever deleted.
pub const OWN_TYPES_LIMIT: u64 = 200;
/// Versions of one type, at most.
pub const VERSIONS_LIMIT: u32 = 100;
/// Bytes of an example, at most, written without blanks.
pub const EXAMPLE_BYTES_LIMIT: usize = 16 * 1024;
/// Characters of a description, at most.
pub const TYPE_DESCRIPTION_LIMIT: usize = 1_024;

/// A type of a tenant's own, but for what its events look like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnType {
    /// Its name.
    pub name: CustomType,
    /// What happened, in words.
    pub description: Option<String>,
    /// The newest version of what its events look like: 1, 2, 3, …
    pub version: u32,
    /// Since when nobody may publish it or newly subscribe to it.
    pub archived_at: Option<Timestamp>,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// 1, 2, 3, …: one more with each change.
    pub revision: u64,
}

/// What the events of a type look like: one version, which never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnTypeVersion {
    /// Of which type.
    pub name: CustomType,
    /// Which version.
    pub version: u32,
    /// The JSON Schema (2020-12) of what is published; none allows everything.
    pub schema: Option<Value>,
    /// Something that could be published.
    pub example: Option<Map<String, Value>>,
    /// When it was made.
    pub created_at: Timestamp,
}
