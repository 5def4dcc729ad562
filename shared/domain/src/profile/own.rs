//! Profiles of a tenant's own: kept version by version.

use super::recipe::{Mistake, Recipe};
use crate::ids::ProfileName;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Profiles of one tenant, at most.
pub const OWN_PROFILES_LIMIT: u64 = 100;
/// Versions of one profile that are kept: the newest.
pub const VERSIONS_KEPT: u32 = 20;
/// Characters of a title, at most.
pub const TITLE_LIMIT: usize = 200;
/// Bytes of a definition, at most, written without blanks: a script as long as may be, and another of the usual length.
pub const DEFINITION_BYTES_LIMIT: usize = 192 * 1_024;

/// A profile of a tenant's own, but for its recipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnProfile {
    /// Its name.
    pub name: ProfileName,
    /// Whose messages it is for, in words.
    pub title: Option<String>,
    /// 1, 2, 3, …: one more with each change.
    pub version: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What a profile is in one of its versions, which never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnProfileVersion {
    /// Of which profile.
    pub name: ProfileName,
    /// Which version.
    pub version: u32,
    /// Whose messages it was for, in words.
    pub title: Option<String>,
    /// The recipe, as it was written.
    pub definition: Value,
    /// When it was made.
    pub created_at: Timestamp,
}

impl OwnProfileVersion {
    /// The recipe, to follow it. What is kept was read before; it has mistakes only after a release that reads otherwise.
    pub fn recipe(&self) -> Result<Recipe, Vec<Mistake>> {
        Recipe::read(&self.definition)
    }
}
