//! What is settled of a space or a building, in bodies.

use crate::fields::{At, Fields};
use serde::{Deserialize, Serialize};
use spacehook_domain::profile::QuantityName;
use spacehook_domain::settings::{InvalidVacantAfter, MinimumChange, Settings, VacantAfter};
use utoipa::ToSchema;

/// By how much a quantity must move before a report counts as changed, for those that are named: more than 0, and at most
/// the quantity's range.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MinimumChange)]
pub struct MinimumChangeView {
    /// People: a whole number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 10000, nullable = false, example = 2)]
    pub person_count: Option<u32>,
    /// Degrees Celsius.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(exclusive_minimum = 0, maximum = 300, nullable = false, example = 0.5)]
    pub temperature: Option<f64>,
    /// Percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(exclusive_minimum = 0, maximum = 100, nullable = false, example = 5)]
    pub humidity: Option<f64>,
    /// As the space report has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(exclusive_minimum = 0, maximum = 100_000, nullable = false, example = 25)]
    pub iaq: Option<f64>,
    /// Parts per million.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(exclusive_minimum = 0, maximum = 100_000, nullable = false, example = 100)]
    pub co2: Option<f64>,
    /// Lux.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(exclusive_minimum = 0, maximum = 1_000_000, nullable = false, example = 50)]
    pub illuminance: Option<f64>,
    /// Percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(exclusive_minimum = 0, maximum = 100, nullable = false, example = 10)]
    pub battery: Option<f64>,
}

/// Reads the two settings from the fields of a place. What is missing or null is not settled.
pub(super) fn read(fields: &Fields<'_>) -> Option<Settings> {
    let minimum_change = fields.optional("minimum_change", minimum_change);
    let vacant_after = fields.optional("vacant_after_s", |at| {
        let seconds = at.whole_number().ok_or(InvalidVacantAfter).and_then(VacantAfter::from_s);
        seconds.map_err(|error| at.refuse::<()>(error.to_string())).ok().map(Some)
    });
    Some(Settings { minimum_change: minimum_change?, vacant_after: vacant_after? })
}

fn minimum_change(at: &At<'_>) -> Option<MinimumChange> {
    MinimumChange::read(at.value())
        .map_err(|mistakes| {
            for mistake in mistakes {
                let member = mistake.field.replace('~', "~0").replace('/', "~1");
                let pointer = if at.value().is_object() { format!("/{member}") } else { String::new() };
                at.refuse_within::<()>(&pointer, mistake.detail);
            }
        })
        .ok()
}

/// The two settings as they are shown; null where nothing is settled.
pub(super) fn view(settings: &Settings) -> (Option<MinimumChangeView>, Option<u32>) {
    let of = |quantity| settings.minimum_change.of(quantity);
    let minimum_change = (!settings.minimum_change.is_empty()).then(|| MinimumChangeView {
        // People are whole, and few enough.
        person_count: of(QuantityName::PersonCount).and_then(|people| format!("{people:.0}").parse().ok()),
        temperature: of(QuantityName::Temperature),
        humidity: of(QuantityName::Humidity),
        iaq: of(QuantityName::Iaq),
        co2: of(QuantityName::Co2),
        illuminance: of(QuantityName::Illuminance),
        battery: of(QuantityName::Battery),
    });
    (minimum_change, settings.vacant_after.map(VacantAfter::as_s))
}
