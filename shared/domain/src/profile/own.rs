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
/// Bytes of a definition, at most, written without blanks. Two of its scripts fit.
pub const DEFINITION_BYTES_LIMIT: usize = 160 * 1_024;

/// A profile of a tenant's own, as of one of its versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnProfile {
    /// Its name.
    pub name: ProfileName,
    /// Whose messages it is for, in words.
    pub title: Option<String>,
    /// The recipe, as it was written.
    pub definition: Value,
    /// 1, 2, 3, …: one more with each change. It is the revision as well.
    pub version: u32,
    /// When the profile was made.
    pub created_at: Timestamp,
    /// When this version was.
    pub updated_at: Timestamp,
}

impl OwnProfile {
    /// The recipe, to follow it. What was kept was read before; it has mistakes only after a release that reads otherwise.
    pub fn recipe(&self) -> Result<Recipe, Vec<Mistake>> {
        Recipe::read(&self.definition)
    }
}
