//! Following a recipe.

use super::coercion::coerce;
use super::decoding::{DECODED, Decode, decode};
use super::quantity::QuantityName;
use super::recipe::{Condition, CounterConstants, Making, Of, Quantity, Recipe, Sensor, Time};
use crate::ids::{ProfileName, SensorId};
use crate::telemetry::read_timestamp;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Why no reading can be made of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmapped {
    /// The field of readings that it would have been.
    pub field: &'static str,
    /// What stands in the way, and where.
    pub problem: String,
}

/// An item, and the message that it is in.
#[derive(Clone, Copy)]
struct Place<'a> {
    item: &'a Value,
    message: &'a Value,
}

impl<'a> Place<'a> {
    /// What is there; null is nothing.
    fn find(&self, of: Of, at: &str) -> Option<&'a Value> {
        let root = match of {
            Of::Item => self.item,
            Of::Message => self.message,
        };
        root.pointer(at).filter(|value| !value.is_null())
    }

    fn is(&self, conditions: &[Condition]) -> bool {
        conditions
            .iter()
            .all(|condition| self.find(condition.of, &condition.at).is_some_and(|value| condition.is.contains(value)))
    }
}

/// What is made of an item, with its place in the message.
pub type NativeItem = (usize, Result<Value, Unmapped>);

/// Where a message comes from.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The sensor that its topic names.
    pub sensor_id: &'a SensorId,
    /// The profile it is read by.
    pub profile: &'a ProfileName,
    /// When it arrived.
    pub received_at: Timestamp,
}

/// A message in the native form.
#[derive(Debug, Clone, PartialEq)]
pub struct Native {
    /// What a decoder said of its payload; none where there is no decoder, or no payload.
    pub decoded: Option<Value>,
    /// One for each item that has a quantity, with the item's place.
    pub items: Vec<NativeItem>,
}

/// Why nothing can be made of a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Its binary payload is not written as it should be.
    #[error("the payload: {0}")]
    Payload(String),
    /// The decoder failed.
    #[error("{0}")]
    Decoder(String),
    /// The script that makes readings failed.
    #[error("{0}")]
    Normalize(String),
}

/// A message in the native form.
pub fn native(
    recipe: &Recipe,
    mut message: Value,
    origin: Origin<'_>,
    scripts: &dyn Decode,
) -> Result<Native, Unusable> {
    if let Some(decoding) = &recipe.decoding
        && !decode(decoding, &mut message, origin.received_at, scripts)?
    {
        return Ok(Native { decoded: None, items: Vec::new() });
    }
    let items = match &recipe.making {
        Making::Table { each, quantities } => {
            let places = items(each, &message).map(|item| Place { item, message: &message }).enumerate();
            let wanted = places.filter(|(_, place)| place.is(&recipe.only_if));
            wanted
                .filter_map(|(index, place)| Some((index, by_table(recipe, quantities, place).transpose()?)))
                .collect()
        }
        Making::Script(script) => by_script(recipe, script, &message, origin, scripts)?,
    };
    let decoded = recipe.decoding.is_some().then(|| message.get_mut(DECODED).map(Value::take)).flatten();
    Ok(Native { decoded, items })
}

/// What a reading may be made of each, in the order of the recipe and of the message.
fn items<'a>(each: &'a [String], message: &'a Value) -> impl Iterator<Item = &'a Value> {
    let whole = each.is_empty().then_some(message);
    let found = whole.into_iter().chain(each.iter().filter_map(|at| message.pointer(at)));
    found.flat_map(|found| match found {
        Value::Null => &[][..],
        Value::Array(items) => items,
        item => std::slice::from_ref(item),
    })
}

fn by_table(
    recipe: &Recipe,
    quantities: &BTreeMap<QuantityName, Vec<Quantity>>,
    place: Place<'_>,
) -> Result<Option<Value>, Unmapped> {
    let (mut made, mut bits) = (Map::new(), None);
    for (name, ways) in quantities {
        if let Some((way, value)) = quantity(*name, ways, place)? {
            made.insert(name.as_str().to_owned(), value);
            bits = bits.or(way.bits);
        }
    }
    // One of both totals says nothing: a door whose message did not hold both.
    let totals = [QuantityName::EntriesTotal.as_str(), QuantityName::ExitsTotal.as_str()];
    if !totals.iter().all(|total| made.contains_key(*total)) {
        made.retain(|name, _| !totals.contains(&name.as_str()));
    }
    if made.is_empty() {
        return Ok(None);
    }
    if made.contains_key(QuantityName::EntriesTotal.as_str()) {
        let counter = CounterConstants { bits: bits.or(recipe.counter.bits), ..recipe.counter.clone() };
        if let Ok(Value::Object(constants)) = serde_json::to_value(counter) {
            made.extend(constants);
        }
    }
    complete(recipe, &mut made, place)?;
    Ok(Some(Value::Object(made)))
}

/// Adds the sensor and the time, where they are not there and can be found.
fn complete(recipe: &Recipe, made: &mut Map<String, Value>, place: Place<'_>) -> Result<(), Unmapped> {
    if made.get("sensor_id").is_none_or(Value::is_null)
        && let Some(sensor) = sensor_id(&recipe.sensor_id, place)?
    {
        made.insert("sensor_id".to_owned(), sensor.into());
    }
    if made.get("timestamp").is_none_or(Value::is_null)
        && let Some(time) = time(&recipe.timestamp, place)?
    {
        made.insert("timestamp".to_owned(), time.into());
    }
    Ok(())
}

/// What the script's `normalize(data, meta)` says. `data` is what the decoder said, else the message.
fn by_script(
    recipe: &Recipe,
    script: &str,
    message: &Value,
    origin: Origin<'_>,
    scripts: &dyn Decode,
) -> Result<Vec<NativeItem>, Unusable> {
    let place = Place { item: message, message };
    if !place.is(&recipe.only_if) {
        return Ok(Vec::new());
    }
    let decoded = recipe.decoding.as_ref().and_then(|_| message.get(DECODED));
    let meta = json!({
        "sensor_id": origin.sensor_id, "profile": origin.profile, "received_at": origin.received_at.to_string(),
        "message": decoded.map(|_| message),
    });
    let made = scripts.normalize(script, decoded.unwrap_or(message), &meta).map_err(Unusable::Normalize)?;
    let items = match made {
        Value::Null => Vec::new(),
        Value::Array(items) => items,
        one => vec![one],
    };
    let completed = items.into_iter().map(|mut item| {
        if let Value::Object(made) = &mut item {
            complete(recipe, made, place)?;
        }
        Ok(item)
    });
    Ok(completed.enumerate().collect())
}

/// What the first way finds that finds something.
fn quantity<'a>(
    name: QuantityName,
    ways: &'a [Quantity],
    place: Place<'_>,
) -> Result<Option<(&'a Quantity, Value)>, Unmapped> {
    for way in ways.iter().filter(|way| place.is(&way.only_if)) {
        let found = place.find(way.of, &way.at);
        if let Some(value) = found.filter(|value| !way.absent.iter().any(|absent| is_same(absent, value))) {
            let refused = |problem| unmapped(name.as_str(), &way.at, problem);
            return coerce(name, way, value).map(|value| Some((way, value))).map_err(refused);
        }
    }
    Ok(None)
}

/// Whether two values are one. Numbers are however they are written: -1 is -1.0.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        _ => one == other,
    }
}

fn sensor_id(ways: &[Sensor], place: Place<'_>) -> Result<Option<String>, Unmapped> {
    let Some((way, value)) = ways.iter().find_map(|way| Some((way, place.find(way.of, &way.at)?))) else {
        return Ok(None);
    };
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_u64() => number.to_string(),
        _ => return Err(unmapped("sensor_id", &way.at, "must be a text or a whole number".to_owned())),
    };
    let part = way.after_last.as_deref().and_then(|last| text.rsplit_once(last)).map(|(_, part)| part.to_owned());
    Ok(Some(part.unwrap_or(text)))
}

fn time(ways: &[Time], place: Place<'_>) -> Result<Option<String>, Unmapped> {
    let Some((way, value)) = ways.iter().find_map(|way| Some((way, place.find(way.of, &way.at)?))) else {
        return Ok(None);
    };
    let read = read_timestamp(value, &way.zone);
    read.map(|time| Some(time.to_string())).map_err(|problem| unmapped("timestamp", &way.at, problem))
}

fn unmapped(field: &'static str, at: &str, problem: String) -> Unmapped {
    let problem = if at.is_empty() { problem } else { format!("at {at}: {problem}") };
    Unmapped { field, problem }
}
