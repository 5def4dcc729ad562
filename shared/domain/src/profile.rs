//! Profiles: recipes from the messages of a vendor to readings.
//!
//! A recipe says where in a message each quantity stands (a JSON Pointer, RFC 6901), in which words and units, and makes
//! the native form of it ([`crate::telemetry`]), which is then read as if a device had sent it: all rules of readings hold
//! for every vendor. What a table can't say is said by a script. The built-in ones are data, one file each beside this one;
//! tenants have others of their own ([`OwnProfile`]).
//!
//! ```json
//! {"sensor_id": {"at": "/space_id"},
//!  "timestamp": {"at": "/collected", "zone": "Europe/Berlin"},
//!  "quantities": {
//!    "person_count": {"at": "/headcount"},
//!    "signs_of_life": {"at": "/status", "table": {"currentlyOccupied": true, "notOccupied": false}}}}
//! ```

mod built_in;
mod coercion;
mod decoding;
mod envelope;
mod mapping;
mod own;
mod quantity;
mod recipe;

pub use built_in::{BuiltIn, built_in, built_in_named, decoder};
pub use decoding::{Decode, Entry, NoDecoder, Uplink};
pub use envelope::names as envelopes;
pub use mapping::{Native, NativeItem, Origin, Unmapped, Unusable, native};
pub use own::{DEFINITION_BYTES_LIMIT, OWN_PROFILES_LIMIT, OwnProfile, OwnProfileVersion, TITLE_LIMIT, VERSIONS_KEPT};
pub use quantity::{QuantityName, Unit};
pub(crate) use recipe::parse_offset;
pub use recipe::{CounterConstants, Encoding, Mistake, Of, Recipe, SCRIPT_BYTES_LIMIT, WAYS_LIMIT};

use crate::ids::ProfileName;
use std::sync::Arc;

/// The name of the form that needs no recipe.
pub const NATIVE: &str = "native";

/// The form of a message.
#[derive(Debug, Clone)]
pub enum Profile {
    /// Spacehook's own, as [`crate::telemetry`] documents it.
    Native,
    /// A vendor's that is built in.
    BuiltIn(&'static BuiltIn),
    /// One that a tenant wrote a recipe for.
    Own(Arc<Recipe>),
}

impl Profile {
    /// The profile of that name which every tenant has.
    pub fn of_all(name: &ProfileName) -> Option<Self> {
        if name.as_str() == NATIVE { Some(Self::Native) } else { built_in_named(name.as_str()).map(Self::BuiltIn) }
    }

    /// How its messages are read; none where they are native.
    pub fn recipe(&self) -> Option<&Recipe> {
        match self {
            Self::Native => None,
            Self::BuiltIn(built_in) => Some(&built_in.recipe),
            Self::Own(recipe) => Some(recipe),
        }
    }
}

#[cfg(test)]
mod tests;
