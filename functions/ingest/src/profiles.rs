//! How the messages of a profile are read.

use crate::ports::{Fault, Spaces};
use crate::remembered::{AsOf, Bounds, Remembered};
use spacehook_domain::ids::ProfileName;
use spacehook_domain::profile::{NATIVE, Profile, built_in};
use std::sync::Arc;

/// What is remembered, at most. A recipe with its scripts has up to 192 KB, and hardly any has 10.
const BOUNDS: Bounds = Bounds { tenants: 20, values: 40 };

/// The memory.
#[derive(Debug)]
pub struct Profiles(Remembered<ProfileName, Result<Profile, NoProfile>>);

/// Why messages of a profile can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoProfile {
    /// There is none of that name.
    #[error("there is no profile '{0}'; there are {names} and those of the tenant's own", names = names())]
    Unknown(ProfileName),
    /// It was written for another release.
    #[error("the profile '{0}' can't be followed any more, write it anew: {1}")]
    Unreadable(ProfileName, String),
}

fn names() -> String {
    let names = built_in().iter().map(|built_in| built_in.name.as_str());
    std::iter::once(NATIVE).chain(names).collect::<Vec<_>>().join(", ")
}

impl Default for Profiles {
    fn default() -> Self {
        Self(Remembered::new(BOUNDS))
    }
}

impl Profiles {
    /// The profile of that name, as of this version of the registry or a later one.
    pub async fn find<S: Spaces>(
        &self,
        spaces: &S,
        as_of: AsOf<'_>,
        name: &ProfileName,
    ) -> Result<Result<Profile, NoProfile>, Fault> {
        if let Some(profile) = Profile::of_all(name) {
            return Ok(Ok(profile));
        }
        if let Some(known) = self.0.recall(as_of, name) {
            return Ok(known);
        }
        let found = match spaces.profile(as_of.tenant, name).await? {
            None => Err(NoProfile::Unknown(name.clone())),
            Some(version) => version.recipe().map(|recipe| Profile::Own(Arc::new(recipe))).map_err(|mistakes| {
                let first = mistakes.first().map(ToString::to_string);
                NoProfile::Unreadable(name.clone(), first.unwrap_or_default())
            }),
        };
        self.0.remember(as_of, name, found.clone());
        Ok(found)
    }
}
