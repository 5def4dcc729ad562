//! What clients see of profiles.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spacehook_domain::profile::{BuiltIn, NATIVE, OwnProfile, OwnProfileVersion};
use utoipa::ToSchema;

/// Whose a profile is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProfileOrigin {
    /// Every tenant has it.
    BuiltIn,
    /// The tenant's own.
    Own,
}

impl ProfileOrigin {
    pub(super) const ALL: [(&str, Self); 2] = [("built_in", Self::BuiltIn), ("own", Self::Own)];
}

/// A profile: the form of messages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Profile)]
pub struct ProfileView {
    /// Its name: the third level of the topics of its messages.
    pub name: String,
    /// Whose messages it is for.
    #[schema(required)]
    pub title: Option<String>,
    /// Whose it is.
    pub origin: ProfileOrigin,
    /// Where its form is documented; null for the tenant's own.
    #[schema(required)]
    pub source: Option<String>,
    /// 1, 2, 3, …: one more with each change; null for those that are built in. In quotes it is the `ETag`.
    #[schema(required, minimum = 1)]
    pub version: Option<u32>,
    /// When it was made; null for those that are built in.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub created_at: Option<Timestamp>,
    /// When it was last changed; null for those that are built in.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub updated_at: Option<Timestamp>,
}

/// A profile, and how its messages are read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = ProfileWithDefinition)]
pub struct ProfileWithDefinition {
    /// The profile.
    #[serde(flatten)]
    pub profile: ProfileView,
    /// How its messages are read: see README, "Profiles". Null for `native`, which needs none.
    #[schema(required)]
    pub definition: Option<Value>,
}

/// What a profile was in one of its versions, which never changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = ProfileVersion)]
pub struct ProfileVersionView {
    /// Of which profile.
    pub name: String,
    /// Which version.
    #[schema(minimum = 1)]
    pub version: u32,
    /// Whose messages it was for.
    #[schema(required)]
    pub title: Option<String>,
    /// How its messages were read.
    #[schema(value_type = Object)]
    pub definition: Value,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

impl ProfileView {
    fn built_in(name: &str, title: &str, source: &str) -> Self {
        Self {
            name: name.to_owned(),
            title: Some(title.to_owned()),
            origin: ProfileOrigin::BuiltIn,
            source: Some(source.to_owned()),
            version: None,
            created_at: None,
            updated_at: None,
        }
    }

    /// Spacehook's own form.
    pub(super) fn native() -> Self {
        Self::built_in(NATIVE, "Spacehook's own form: one reading, or an array of them", "README, \"Telemetry\"")
    }
}

impl From<&BuiltIn> for ProfileView {
    fn from(built_in: &BuiltIn) -> Self {
        Self::built_in(&built_in.name, &built_in.title, &built_in.source)
    }
}

impl From<&OwnProfile> for ProfileView {
    fn from(own: &OwnProfile) -> Self {
        Self {
            name: own.name.to_string(),
            title: own.title.clone(),
            origin: ProfileOrigin::Own,
            source: None,
            version: Some(own.version),
            created_at: Some(own.created_at),
            updated_at: Some(own.updated_at),
        }
    }
}

impl From<OwnProfileVersion> for ProfileVersionView {
    fn from(version: OwnProfileVersion) -> Self {
        Self {
            name: version.name.to_string(),
            version: version.version,
            title: version.title,
            definition: version.definition,
            created_at: version.created_at,
        }
    }
}
