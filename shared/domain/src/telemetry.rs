//! Telemetry: from the bytes a device published to readings.
//!
//! What comes in the form of a vendor is made native first ([`crate::profile`]). In the native form one reading is a JSON object, several are an array of them:
//!
//! ```json
//! {"sensor_id": "VS0-123", "timestamp": "2026-02-02T14:19:00Z", "person_count": 2, "signs_of_life": true,
//!  "motion_detected": true, "coordinates": [[1.2, 0.4], [2.0, 3.1]], "distances": [2.8],
//!  "temperature": 23.7, "humidity": 26.2, "iaq": 52, "co2": 749, "illuminance": 585, "battery": 98}
//! ```
//!
//! A counter at a door says `entries_total` and `exits_total`, both of them, and with them `counter_bits` (16 or 32; 32 where
//! not said), `counter_resets` (`midnight` or `never`; `never` where not said) and `counter_utc_offset` (whose midnight, such as
//! `+01:00`; UTC where not said). A device that knows for how long its battery will do says `battery_months_left`.
//!
//! Every field is optional but one quantity. `sensor_id` defaults to the topic's sensor, `timestamp` to the arrival.
//! Fields this release does not know are passed over, since devices are older and newer than their reader.

mod totals;

use crate::ids::{InvalidId, ProfileName, SensorId, TenantId};
use crate::profile::{self, Decode, Native, NativeItem, Origin, Profile, Unmapped, Unusable};
use crate::reading::{Coordinate, Measurements, Metres, OutOfRange, PersonCount, Reading};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, civil};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Readings in one message, at most.
pub const READINGS_LIMIT: usize = 1_000;
/// People located, or distances, in one reading, at most. A space has up to 100 sensors, and what they all say, once as
/// state and once in a report, and what is told of them besides, must fit one item of the table (400 KB).
pub const PEOPLE_LIMIT: usize = 28;
/// A device's clock may be this much ahead; beyond it the arrival time is used.
pub const CLOCK_AHEAD_LIMIT: SignedDuration = SignedDuration::from_mins(5);
/// A clock that says an instant before this one (2000-01-01) was never set; the arrival time is used.
const CLOCK_UNSET_BEFORE_S: i64 = 946_684_800;

/// Where a message was published: `telemetry/{tenant}/{profile}/{sensor}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelemetryTopic {
    /// Whose telemetry it is.
    pub tenant: TenantId,
    /// The form of the message, where its sensor has no other.
    pub profile: ProfileName,
    /// The sensor, where the message does not name one.
    pub sensor_id: SensorId,
}

/// Why a topic is not one of telemetry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTopic {
    /// Not four levels.
    #[error("the topic must be telemetry/{{tenant}}/{{profile}}/{{sensor}}")]
    Shape,
    /// A level is not what it should be.
    #[error(transparent)]
    Level(#[from] InvalidId),
}

impl TelemetryTopic {
    /// Parses a topic.
    pub fn parse(topic: &str) -> Result<Self, InvalidTopic> {
        let mut levels = topic.split('/');
        let (Some("telemetry"), Some(tenant), Some(profile), Some(sensor), None) =
            (levels.next(), levels.next(), levels.next(), levels.next(), levels.next())
        else {
            return Err(InvalidTopic::Shape);
        };
        Ok(Self {
            tenant: TenantId::parse(tenant)?,
            profile: ProfileName::parse(profile)?,
            sensor_id: SensorId::parse(sensor)?,
        })
    }
}

/// Why a message holds no reading at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableMessage {
    /// Not JSON.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// JSON, but nothing can be made of it.
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// JSON, but neither object nor array.
    #[error("must be an object, or an array of objects")]
    Shape,
    /// An array longer than [`READINGS_LIMIT`].
    #[error("{found} readings in one message; at most {READINGS_LIMIT} are taken")]
    TooMany {
        /// How many there are.
        found: usize,
    },
}

/// Why one reading was refused, the others of its message notwithstanding.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("reading {index}: {field}: {problem}")]
pub struct RefusedReading {
    /// Its place in the message, from 0.
    pub index: usize,
    /// The field that is wrong.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

/// Why the arrival time was used in place of the device's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockDistrusted {
    /// More than [`CLOCK_AHEAD_LIMIT`] in the future.
    Ahead,
    /// Before the year 2000: it was never set.
    Unset,
}

/// A reading, and what was done about its clock.
#[derive(Debug, Clone, PartialEq)]
pub struct Accepted {
    /// The reading.
    pub reading: Reading,
    /// Set where its own time was not used.
    pub clock: Option<ClockDistrusted>,
}

/// A message that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadMessage {
    /// One for each reading in it, in its order.
    pub readings: Vec<Result<Accepted, RefusedReading>>,
    /// What a decoder said of its payload.
    pub decoded: Option<Value>,
}

/// Reads a message. A vendor's of which nothing is a reading (of a device's own state, say) has none; one in the native form
/// must have one at least.
pub fn read_message(
    bytes: &[u8],
    profile: &Profile,
    origin: Origin<'_>,
    scripts: &dyn Decode,
) -> Result<ReadMessage, UnreadableMessage> {
    let message: Value =
        serde_json::from_slice(bytes).map_err(|error| UnreadableMessage::NotJson(error.to_string()))?;
    if !message.is_array() && !message.is_object() {
        return Err(UnreadableMessage::Shape);
    }
    let Native { items, decoded } = match profile.recipe() {
        None => Native { items: native_items(message), decoded: None },
        Some(recipe) => profile::native(recipe, message, origin, scripts)?,
    };
    if items.len() > READINGS_LIMIT {
        return Err(UnreadableMessage::TooMany { found: items.len() });
    }
    let read = |(index, item): NativeItem| {
        let item = item.map_err(|Unmapped { field, problem }| (field, problem));
        let read = item.and_then(|item| read_one(&item, origin));
        read.map_err(|(field, problem)| RefusedReading { index, field, problem })
    };
    let mut readings: Vec<_> = items.into_iter().map(read).collect();
    order_by_place(&mut readings, origin.received_at);
    Ok(ReadMessage { readings, decoded })
}

fn native_items(message: Value) -> Vec<NativeItem> {
    let items = match message {
        Value::Array(items) => items,
        one => vec![one],
    };
    items.into_iter().map(Ok).enumerate().collect()
}

/// Several readings of one sensor that take the time of arrival get it a millisecond apart, in the order of the message:
/// the last is the newest, and a repeat of the message says the same.
fn order_by_place(results: &mut [Result<Accepted, RefusedReading>], received_at: Timestamp) {
    let mut arrived: HashMap<SensorId, i64> = HashMap::new();
    for Accepted { reading, .. } in results.iter_mut().filter_map(|result| result.as_mut().ok()) {
        if reading.observed_at == received_at {
            let place = arrived.entry(reading.sensor_id.clone()).or_default();
            reading.observed_at += SignedDuration::from_millis(*place);
            *place += 1;
        }
    }
}

type FieldProblem = (&'static str, String);

fn read_one(item: &Value, origin: Origin<'_>) -> Result<Accepted, FieldProblem> {
    let received_at = origin.received_at;
    let fields = item.as_object().ok_or(("reading", "must be an object".to_owned()))?;
    let sensor_id = match present(fields, "sensor_id") {
        None => origin.sensor_id.clone(),
        Some(Value::String(text)) => {
            SensorId::parse(text.as_str()).map_err(|error| ("sensor_id", error.to_string()))?
        }
        Some(_) => return Err(("sensor_id", "must be a text".to_owned())),
    };
    let (observed_at, clock) = match present(fields, "timestamp") {
        None => (received_at, None),
        Some(value) => {
            believed(read_timestamp(value, &TimeZone::UTC).map_err(|problem| ("timestamp", problem))?, received_at)
        }
    };
    let measurements = read_measurements(fields)?;
    if measurements.is_empty() {
        return Err(("reading", "carries no quantity that is known here".to_owned()));
    }
    Ok(Accepted { reading: Reading { sensor_id, observed_at, received_at, measurements }, clock })
}

fn read_measurements(fields: &Map<String, Value>) -> Result<Measurements, FieldProblem> {
    Ok(Measurements {
        person_count: read_count(fields, "person_count")?,
        coordinates: read_list(fields, "coordinates", read_coordinate)?,
        distances: read_list(fields, "distances", read_metres)?,
        motion_detected: read_flag(fields, "motion_detected")?,
        signs_of_life: read_flag(fields, "signs_of_life")?,
        temperature: read_number(fields, "temperature")?,
        humidity: read_number(fields, "humidity")?,
        iaq: read_number(fields, "iaq")?,
        co2: read_number(fields, "co2")?,
        illuminance: read_number(fields, "illuminance")?,
        battery: read_number(fields, "battery")?,
        battery_months_left: read_number(fields, "battery_months_left")?,
        totals: totals::read(fields)?,
    })
}

/// The field's value; a null is a field that is not there.
fn present<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    fields.get(name).filter(|value| !value.is_null())
}

fn read_count(fields: &Map<String, Value>, name: &'static str) -> Result<Option<PersonCount>, FieldProblem> {
    let Some(value) = present(fields, name) else { return Ok(None) };
    let whole = value.as_u64().or_else(|| value.as_f64().and_then(whole_number));
    match whole {
        Some(count @ 0..=10_000) => Ok(Some(PersonCount(u32::try_from(count).unwrap_or(u32::MAX)))),
        _ => Err((name, "must be a whole number from 0 to 10000".to_owned())),
    }
}

/// 2.0 is a whole number, 2.5 is none.
fn whole_number(float: f64) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and from 0 to a million")]
    (float.fract() == 0.0 && (0.0..=1e6).contains(&float)).then_some(float as u64)
}

fn read_flag(fields: &Map<String, Value>, name: &'static str) -> Result<Option<bool>, FieldProblem> {
    present(fields, name).map(|value| value.as_bool().ok_or((name, "must be true or false".to_owned()))).transpose()
}

fn read_number<T>(fields: &Map<String, Value>, name: &'static str) -> Result<Option<T>, FieldProblem>
where
    T: TryFrom<f64, Error = OutOfRange>,
{
    present(fields, name).map(|value| read_quantity(value).map_err(|problem| (name, problem))).transpose()
}

fn read_quantity<T: TryFrom<f64, Error = OutOfRange>>(value: &Value) -> Result<T, String> {
    let number = value.as_f64().ok_or("must be a number")?;
    T::try_from(number).map_err(|error| error.to_string())
}

/// To the millimetre: no sensor knows more, and what is kept has a limit.
fn read_metres(value: &Value) -> Result<Metres, String> {
    let metres: Metres = read_quantity(value)?;
    Metres::new((metres.value() * 1e3).round() / 1e3).map_err(|error| error.to_string())
}

fn read_coordinate(value: &Value) -> Result<Coordinate, String> {
    match value.as_array().map(Vec::as_slice) {
        Some([x, y]) => Ok(Coordinate(read_metres(x)?, read_metres(y)?)),
        _ => Err("must be an array of [x, y]".to_owned()),
    }
}

fn read_list<T>(
    fields: &Map<String, Value>,
    name: &'static str,
    read: impl Fn(&Value) -> Result<T, String>,
) -> Result<Option<Vec<T>>, FieldProblem> {
    let Some(value) = present(fields, name) else { return Ok(None) };
    let items = value.as_array().ok_or((name, "must be an array".to_owned()))?;
    if items.len() > PEOPLE_LIMIT {
        return Err((name, format!("holds {} items; at most {PEOPLE_LIMIT} are taken", items.len())));
    }
    let list: Result<Vec<T>, String> = items
        .iter()
        .enumerate()
        .map(|(index, item)| read(item).map_err(|problem| format!("item {index}: {problem}")))
        .collect();
    list.map(Some).map_err(|problem| (name, problem))
}

/// The time to use: the device's own where it can be believed.
fn believed(said: Timestamp, received_at: Timestamp) -> (Timestamp, Option<ClockDistrusted>) {
    if said.duration_since(received_at) > CLOCK_AHEAD_LIMIT {
        (received_at, Some(ClockDistrusted::Ahead))
    } else if said.as_second() < CLOCK_UNSET_BEFORE_S {
        (received_at, Some(ClockDistrusted::Unset))
    } else {
        (said, None)
    }
}

const TIMESTAMP_RULE: &str = "must be seconds or milliseconds since 1970, or an ISO 8601 date and time";

/// Reads a timestamp: seconds, milliseconds (told apart by size), or ISO 8601 with an offset from UTC, or without one: then
/// it is of `zone`.
pub(crate) fn read_timestamp(value: &Value, zone: &TimeZone) -> Result<Timestamp, String> {
    match value {
        Value::Number(number) => number.as_f64().and_then(from_epoch).ok_or_else(|| TIMESTAMP_RULE.to_owned()),
        Value::String(text) => from_text(text.trim(), zone).ok_or_else(|| TIMESTAMP_RULE.to_owned()),
        _ => Err(TIMESTAMP_RULE.to_owned()),
    }
}

/// 1e11 seconds are the year 5138, 1e11 milliseconds are 1973: no clock means the other unit.
fn from_epoch(number: f64) -> Option<Timestamp> {
    let milliseconds = if number.abs() < 1e11 { number * 1e3 } else { number };
    if !milliseconds.is_finite() || milliseconds.abs() > 2.5e14 {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole, and within the bound above")]
    Timestamp::from_millisecond(milliseconds.round() as i64).ok()
}

fn from_text(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    if let Ok(number) = text.parse::<f64>() {
        return from_epoch(number);
    }
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(timestamp);
    }
    let civil: civil::DateTime = text.parse().ok()?;
    civil.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests;
