//! The profiles that every tenant has, and the decoders that recipes may name.

use super::recipe::{Mistake, Recipe};
use serde::Deserialize;
use serde_json::Value;
use std::sync::LazyLock;

macro_rules! built_in {
    ($($name:literal),+ $(,)?) => {
        pub(super) const WRITTEN: &[&str] = &[$(include_str!(concat!("built_in/", $name, ".json"))),+];
    };
}

built_in!(
    "aws_iot_lorawan_milesight",
    "butlr",
    "chirpstack",
    "cisco_spaces",
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
const DECODERS: &[(&str, &str)] = &[("milesight", include_str!("built_in/milesight.js"))];

/// The source of the built-in decoder of that name.
pub fn decoder(name: &str) -> Option<&'static str> {
    DECODERS.iter().find(|(known, _)| *known == name).map(|(_, source)| *source)
}

/// A profile that every tenant has.
#[derive(Debug)]
pub struct BuiltIn {
    /// The name in topics.
    pub name: String,
    /// Whose messages.
    pub title: String,
    /// Where their form is documented.
    pub source: String,
    /// The recipe, as it is written: a start for one's own.
    pub definition: Value,
    /// The same, to follow it.
    pub recipe: Recipe,
}

#[derive(Deserialize)]
struct Written {
    name: String,
    title: String,
    source: String,
    #[serde(flatten)]
    definition: Value,
}

impl BuiltIn {
    pub(super) fn read(written: &str) -> Result<Self, Vec<Mistake>> {
        let Written { name, title, source, definition } = serde_json::from_str(written)
            .map_err(|error| vec![Mistake { pointer: String::new(), detail: error.to_string() }])?;
        Ok(Self { name, title, source, recipe: Recipe::read(&definition)?, definition })
    }
}

/// Read when the first message with a profile comes. One that can't be read is left out, which a test notices.
static BUILT_IN: LazyLock<Vec<BuiltIn>> =
    LazyLock::new(|| WRITTEN.iter().filter_map(|written| BuiltIn::read(written).ok()).collect());

/// All of them, by name.
pub fn built_in() -> &'static [BuiltIn] {
    &BUILT_IN
}

/// The one of that name.
pub fn built_in_named(name: &str) -> Option<&'static BuiltIn> {
    BUILT_IN.iter().find(|built_in| built_in.name == name)
}
