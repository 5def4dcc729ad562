//! Names of a customer's own things, in paths and in bodies.
//!
//! API Gateway's HTTP APIs decode a path before the function sees it: `%2F` arrives as `/`, and what follows a decoded
//! `?` or `#` is lost. A name with such a character could be created and never again be addressed, so it is refused
//! when it is created, with the reason. Everything else in a name is the customer's own spelling.

use crate::problem::Problem;
use http::header::LOCATION;
use http::{HeaderName, HeaderValue};
use spacehook_domain::api_key::KeyId;
use spacehook_domain::ids::{
    BuildingRefId, EventId, FloorRefId, InvalidId, SensorGroupRefId, SensorId, SpaceRefId, SubscriptionId, TenantId,
};
use spacehook_domain::place::SpaceKey;

const NOT_ADDRESSABLE: [char; 5] = ['/', '\\', '?', '#', '%'];

/// Why a text is no name of a customer's thing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReference {
    /// Not of the form.
    #[error(transparent)]
    Form(#[from] InvalidId),
    /// It can't be part of a path.
    #[error("must not have any of the characters / \\ ? # %, nor be '.' or '..': it could not be addressed in a path")]
    NotAddressable,
}

fn read<'a, T>(text: &'a str, parse: impl FnOnce(&'a str) -> Result<T, InvalidId>) -> Result<T, InvalidReference> {
    if text.contains(NOT_ADDRESSABLE) || matches!(text, "." | "..") {
        return Err(InvalidReference::NotAddressable);
    }
    Ok(parse(text)?)
}

/// A building in a body.
pub fn building(text: &str) -> Result<BuildingRefId, InvalidReference> {
    read(text, BuildingRefId::parse)
}

/// A floor in a body.
pub fn floor(text: &str) -> Result<FloorRefId, InvalidReference> {
    read(text, FloorRefId::parse)
}

/// A space in a body.
pub fn space(text: &str) -> Result<SpaceRefId, InvalidReference> {
    read(text, SpaceRefId::parse)
}

/// A sensor in a body.
pub fn sensor(text: &str) -> Result<SensorId, InvalidReference> {
    read(text, SensorId::parse)
}

/// A group of sensors in a body.
pub fn sensor_group(text: &str) -> Result<SensorGroupRefId, InvalidReference> {
    read(text, SensorGroupRefId::parse)
}

/// The version of a path: 1, 2, 3, … in one spelling. What can't be one names none of `what`.
pub fn version_in_path(text: &str, what: &str) -> Result<u32, Problem> {
    let number = text.parse().ok().filter(|_| !text.starts_with(['0', '+']));
    number.ok_or_else(|| Problem::not_found(what))
}

/// The header that says where what was made is found. `path` is made of ids and names, which have nothing that a header
/// can't.
pub fn location(path: &str) -> [(HeaderName, HeaderValue); 1] {
    [(LOCATION, HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/v1")))]
}

/// The building of a path.
pub fn building_in_path(text: &str) -> Result<BuildingRefId, Problem> {
    building(text).map_err(|error| Problem::parameter("building_ref_id", error.to_string()))
}

/// The floor of a path.
pub fn floor_in_path(text: &str) -> Result<FloorRefId, Problem> {
    floor(text).map_err(|error| Problem::parameter("floor_ref_id", error.to_string()))
}

/// The space of a path.
pub fn space_in_path(building: &str, space: &str) -> Result<SpaceKey, Problem> {
    let building_ref_id = building_in_path(building)?;
    let space_ref_id = self::space(space).map_err(|error| Problem::parameter("space_ref_id", error.to_string()))?;
    Ok(SpaceKey { building_ref_id, space_ref_id })
}

/// The sensor of a path.
pub fn sensor_in_path(text: &str) -> Result<SensorId, Problem> {
    sensor(text).map_err(|error| Problem::parameter("sensor_id", error.to_string()))
}

/// The group of sensors of a path.
pub fn sensor_group_in_path(text: &str) -> Result<SensorGroupRefId, Problem> {
    sensor_group(text).map_err(|error| Problem::parameter("sensor_group_ref_id", error.to_string()))
}

/// The subscription of a path. What is no id names no subscription.
pub fn subscription_in_path(text: &str) -> Result<SubscriptionId, Problem> {
    SubscriptionId::parse(text).map_err(|_| Problem::not_found("subscription"))
}

/// The event of a path that leads to a dead delivery. What is no id names none.
pub fn event_in_path(text: &str) -> Result<EventId, Problem> {
    EventId::parse(text).map_err(|_| Problem::not_found("dead delivery"))
}

/// The key of a path. What is no id names no key.
pub fn key_in_path(text: &str) -> Result<KeyId, Problem> {
    KeyId::parse(text).map_err(|_| Problem::not_found("API key"))
}

/// The tenant of a path. What is no id names no tenant.
pub fn tenant_in_path(text: &str) -> Result<TenantId, Problem> {
    TenantId::parse(text).map_err(|_| Problem::not_found("tenant"))
}
