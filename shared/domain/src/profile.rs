//! Profiles: recipes from the messages of a vendor to readings.
//!
//! A recipe says where in a message each quantity stands (a JSON Pointer, RFC 6901), in which words and units, and makes
//! the native form of it ([`crate::telemetry`]), which is then read as if a device had sent it: all rules of readings hold
//! for every vendor. The built-in ones are data, one file each beside this one.
//!
//! ```json
//! {"name": "xy_sense", "title": "…", "source": "…",
//!  "sensor_id": {"at": "/space_id"},
//!  "timestamp": {"at": "/collected", "offset": "+00:00"},
//!  "quantities": {
//!    "person_count": {"at": "/headcount"},
//!    "signs_of_life": {"at": "/status", "table": {"currentlyOccupied": true, "notOccupied": false}}}}
//! ```

mod coercion;
mod decoding;
mod mapping;
mod recipe;

pub use decoding::{Decode, NoDecoder, Uplink};
pub use mapping::{NativeItem, Unmapped, native_items};
pub(crate) use recipe::parse_offset;
pub use recipe::{CounterConstants, InvalidRecipe, Quantity, QuantityName, Recipe};

use std::sync::LazyLock;

/// The name of the form that needs no recipe.
pub const NATIVE: &str = "native";

macro_rules! built_in {
    ($($name:literal),+ $(,)?) => {
        const WRITTEN: &[&str] = &[$(include_str!(concat!("profile/built_in/", $name, ".json"))),+];
    };
}

built_in!(
    "aws_iot_lorawan_milesight",
    "butlr",
    "chirpstack",
    "disruptive_technologies",
    "kontakt",
    "meraki_mv",
    "milesight_gateway",
    "shelly",
    "the_things_stack",
    "vergesense",
    "xy_sense",
    "zigbee2mqtt",
);

/// The decoders that recipes name, by name.
const DECODERS: &[(&str, &str)] = &[("milesight", include_str!("profile/built_in/milesight.js"))];

/// The source of the built-in decoder of that name.
pub fn decoder(name: &str) -> Option<&'static str> {
    DECODERS.iter().find(|(known, _)| *known == name).map(|(_, source)| *source)
}

/// Read when the first message with a profile comes. One that can't be read is left out, which a test notices.
static RECIPES: LazyLock<Vec<Recipe>> =
    LazyLock::new(|| WRITTEN.iter().filter_map(|written| Recipe::parse(written).ok()).collect());

/// The built-in recipes, by name.
pub fn built_in() -> &'static [Recipe] {
    &RECIPES
}

/// The built-in recipe of that name.
pub fn built_in_named(name: &str) -> Option<&'static Recipe> {
    RECIPES.iter().find(|recipe| recipe.name == name)
}

#[cfg(test)]
mod tests;
