//! Following a recipe.

use super::coercion::coerce;
use super::decoding::{Decode, decode};
use super::recipe::{Condition, Of, OneOrMore, Quantity, QuantityName, Recipe, Sensor, Time};
use crate::telemetry::read_timestamp;
use jiff::Timestamp;
use serde_json::{Map, Value};

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

/// A message that arrived then in the native form: one object for each item that has a quantity, with the item's place.
/// An error says why its payload can't be read.
pub fn native_items(
    recipe: &Recipe,
    mut message: Value,
    received_at: Timestamp,
    decoder: &dyn Decode,
) -> Result<Vec<NativeItem>, String> {
    if let Some(decoding) = &recipe.decode
        && !decode(decoding, &mut message, received_at, decoder)?
    {
        return Ok(Vec::new());
    }
    let message = &message;
    let places = items(recipe, message).map(|item| Place { item, message }).enumerate();
    let wanted = places.filter(|(_, place)| place.is(&recipe.only_if));
    Ok(wanted.filter_map(|(index, place)| Some((index, native(recipe, place).transpose()?))).collect())
}

/// What a reading may be made of each, in the order of the recipe and of the message.
fn items<'a>(recipe: &'a Recipe, message: &'a Value) -> impl Iterator<Item = &'a Value> {
    let places = recipe.each.as_slice();
    let whole = places.is_empty().then_some(message);
    let found = whole.into_iter().chain(places.iter().filter_map(|at| message.pointer(at)));
    found.flat_map(|found| match found {
        Value::Null => &[][..],
        Value::Array(items) => items,
        item => std::slice::from_ref(item),
    })
}

fn native(recipe: &Recipe, place: Place<'_>) -> Result<Option<Value>, Unmapped> {
    let mut made = Map::new();
    for (name, ways) in &recipe.quantities {
        if let Some(value) = quantity(*name, ways, place)? {
            made.insert(name.as_str().to_owned(), value);
        }
    }
    if made.is_empty() {
        return Ok(None);
    }
    if made.contains_key(QuantityName::EntriesTotal.as_str())
        && let Ok(Value::Object(constants)) = serde_json::to_value(&recipe.counter)
    {
        made.extend(constants);
    }
    let texts = [
        ("sensor_id", sensor_id(recipe.sensor_id.as_slice(), place)?),
        ("timestamp", time(recipe.timestamp.as_slice(), place)?),
    ];
    made.extend(texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), Value::String(text?)))));
    Ok(Some(Value::Object(made)))
}

fn quantity(name: QuantityName, ways: &OneOrMore<Quantity>, place: Place<'_>) -> Result<Option<Value>, Unmapped> {
    for way in ways.as_slice().iter().filter(|way| place.is(&way.only_if)) {
        if let Some(value) = place.find(way.of, &way.at) {
            let refused = |problem| unmapped(name.as_str(), &way.at, problem);
            return coerce(name, way, value).map(Some).map_err(refused);
        }
    }
    Ok(None)
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
    let read = read_timestamp(value, way.offset());
    read.map(|time| Some(time.to_string())).map_err(|problem| unmapped("timestamp", &way.at, problem))
}

fn unmapped(field: &'static str, at: &str, problem: String) -> Unmapped {
    let problem = if at.is_empty() { problem } else { format!("at {at}: {problem}") };
    Unmapped { field, problem }
}
