//! From what vendors write to what the native form has: numbers as texts, 0 and 1 for yes and no, words, units.

use super::quantity::{Form, QuantityName};
use super::recipe::Quantity;
use serde_json::{Number, Value};
use std::borrow::Cow;

/// Words for yes. Without regard to case, and with `-` and blanks for `_`.
const YES: &[&str] = &[
    "true",
    "yes",
    "on",
    "1",
    "occupied",
    "present",
    "detected",
    "motion",
    "motion_detected",
    "trigger",
    "active",
    "busy",
];
/// Words for no.
const NO: &[&str] = &[
    "false",
    "no",
    "off",
    "0",
    "vacant",
    "unoccupied",
    "not_occupied",
    "free",
    "available",
    "empty",
    "not_present",
    "absent",
    "not_detected",
    "no_motion",
    "no_motion_detected",
    "inactive",
    "idle",
    "clear",
];

/// The value of a quantity in the native form; or what is wrong with it.
pub(super) fn coerce(name: QuantityName, way: &Quantity, value: &Value) -> Result<Value, String> {
    let value = translated(way, value)?;
    let value = &if way.flatten { Cow::Owned(flat(value)?) } else { Cow::Borrowed(value) };
    if way.count {
        let items = value.as_array().ok_or("must be an array, whose items are counted")?;
        return Ok(items.len().into());
    }
    match name.form() {
        Form::Flag => flag(value).map(Value::Bool),
        Form::Count => count(value),
        Form::Number => written(number(value)?, way),
        Form::Lengths => lengths(way, value),
        Form::Coordinates => {
            let items = value.as_array().ok_or("must be an array")?;
            items.iter().map(|item| coordinate(way, item)).collect::<Result<_, _>>().map(Value::Array)
        }
    }
}

/// The items of the arrays in an array; those that are null have none.
fn flat(value: &Value) -> Result<Value, String> {
    let arrays = value.as_array().ok_or("must be an array of arrays")?;
    let mut all = Vec::new();
    for array in arrays.iter().filter(|array| !array.is_null()) {
        all.extend(array.as_array().ok_or("must be an array of arrays")?.iter().cloned());
    }
    Ok(Value::Array(all))
}

/// What the table says of it.
fn translated<'a>(way: &'a Quantity, value: &'a Value) -> Result<&'a Value, String> {
    if way.table.is_empty() {
        return Ok(value);
    }
    let said = match value {
        Value::String(text) => text.trim().to_lowercase(),
        other => other.to_string(),
    };
    let found = way.table.get(&said);
    let known = || way.table.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let meaning = found.or(way.otherwise.as_ref());
    meaning.ok_or_else(|| format!("must be one of {}", known()))
}

fn flag(value: &Value) -> Result<bool, String> {
    let wrong = || "must be true or false, 1 or 0, or a word for it such as occupied or vacant".to_owned();
    match value {
        Value::Bool(flag) => Ok(*flag),
        Value::Number(number) if number.as_f64() == Some(1.0) => Ok(true),
        Value::Number(number) if number.as_f64() == Some(0.0) => Ok(false),
        Value::String(text) => {
            let word = text.trim().to_lowercase().replace(['-', ' '], "_");
            let is_in = |words: &[&str]| words.contains(&word.as_str());
            if is_in(YES) {
                Ok(true)
            } else if is_in(NO) {
                Ok(false)
            } else {
                Err(wrong())
            }
        }
        _ => Err(wrong()),
    }
}

/// Yes is one, for sensors that see whether there is somebody.
fn count(value: &Value) -> Result<Value, String> {
    match value {
        Value::Bool(somebody) => Ok(u8::from(*somebody).into()),
        Value::String(_) => written_number(number(value)?),
        other => Ok(other.clone()),
    }
}

fn number(value: &Value) -> Result<f64, String> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    };
    number.ok_or_else(|| "must be a number".to_owned())
}

/// The number in the unit of readings. What a conversion adds in digits is no measurement.
fn written(number: f64, way: &Quantity) -> Result<Value, String> {
    let scaled = way.scale.map_or(number, |scale| number * scale);
    let converted = way.unit.map_or(scaled, |unit| unit.to_that_of_readings(scaled));
    let is_as_said = way.scale.is_none() && way.unit.is_none();
    written_number(if is_as_said { converted } else { (converted * 1e4).round() / 1e4 })
}

fn written_number(number: f64) -> Result<Value, String> {
    Number::from_f64(number).map(Value::Number).ok_or_else(|| "must be a number".to_owned())
}

fn lengths(way: &Quantity, value: &Value) -> Result<Value, String> {
    let items = match value {
        Value::Array(items) => items,
        one => std::slice::from_ref(one),
    };
    items.iter().map(|item| written(number(item)?, way)).collect::<Result<_, _>>().map(Value::Array)
}

/// `[x, y]`, or an object with `x` and `y`.
fn coordinate(way: &Quantity, value: &Value) -> Result<Value, String> {
    let (x, y) = match value {
        Value::Array(both) => (both.first(), both.get(1)),
        other => (other.get("x"), other.get("y")),
    };
    let (Some(x), Some(y)) = (x, y) else { return Err("must be [x, y], or an object with x and y".to_owned()) };
    Ok(Value::Array(vec![written(number(x)?, way)?, written(number(y)?, way)?]))
}
