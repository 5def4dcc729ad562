//! Envelopes: where network servers put the payload of a device, its port, who it is and when it was heard. What is within
//! the payload is for a recipe to say. Data, one file each beside this one; a recipe names one.

use serde_json::Value;
use std::sync::LazyLock;

macro_rules! envelopes {
    ($($name:literal),+ $(,)?) => {
        const WRITTEN: &[(&str, &str)] = &[$(($name, include_str!(concat!("envelopes/", $name, ".json")))),+];
    };
}

envelopes!("aws_iot_lorawan", "chirpstack", "milesight_gateway", "the_things_stack");

/// Read when the first recipe that names one is. A test sees to it that each can be read.
static ENVELOPES: LazyLock<Vec<(&str, Value)>> = LazyLock::new(|| {
    WRITTEN.iter().filter_map(|(name, written)| Some((*name, serde_json::from_str(written).ok()?))).collect()
});

/// The envelope of that name, as a part of a recipe.
pub(super) fn named(name: &str) -> Option<&'static Value> {
    ENVELOPES.iter().find(|(known, _)| *known == name).map(|(_, envelope)| envelope)
}

/// The names of all.
pub fn names() -> Vec<&'static str> {
    WRITTEN.iter().map(|(name, _)| *name).collect()
}
