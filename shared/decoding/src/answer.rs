//! From what a script answered to what it says.

use crate::engine::OUTPUT_BYTES_LIMIT;
use crate::failure::{SHOWN, subject};
use serde_json::Value;
use spacehook_domain::profile::Entry;

fn read(written: &str, entry: Entry) -> Result<Value, String> {
    let subject = subject(entry);
    if written.len() > OUTPUT_BYTES_LIMIT {
        return Err(format!("{subject} answered {} bytes; at most {OUTPUT_BYTES_LIMIT} are taken", written.len()));
    }
    serde_json::from_str(written).map_err(|error| format!("what {subject} answered can't be read: {error}"))
}

/// TS013 answers `{data, warnings, errors}`; older decoders the data itself. Many of these answer nothing of a port that they
/// do not know.
pub(crate) fn of_decoder(written: &str) -> Result<Value, String> {
    if written.is_empty() {
        return Ok(Value::Null);
    }
    let mut fields = match read(written, Entry::Decoder)? {
        Value::Object(fields) => fields,
        Value::Null => return Ok(Value::Null),
        _ => return Err("the decoder must answer an object".to_owned()),
    };
    let errors = fields.get("errors").and_then(Value::as_array).filter(|errors| !errors.is_empty());
    if let Some(errors) = errors {
        let told: Vec<String> =
            errors.iter().map(|error| error.as_str().map_or_else(|| error.to_string(), str::to_owned)).collect();
        return Err(format!("the decoder says: {}", told.join("; ").chars().take(SHOWN).collect::<String>()));
    }
    match fields.remove("data") {
        Some(data @ (Value::Object(_) | Value::Null)) => Ok(data),
        Some(_) => Err("the decoder's data must be an object".to_owned()),
        None => Ok(Value::Object(fields)),
    }
}

/// An object, an array of objects, or nothing.
pub(crate) fn of_normalize(written: &str) -> Result<Value, String> {
    if written.is_empty() {
        return Ok(Value::Null);
    }
    let answer = read(written, Entry::Normalize)?;
    match &answer {
        Value::Null | Value::Object(_) => Ok(answer),
        Value::Array(items) => match items.iter().position(|item| !item.is_object()) {
            None => Ok(answer),
            Some(at) => Err(format!("what normalize answers must be objects: item {at} is none")),
        },
        _ => Err("normalize must answer an object, an array of objects, or nothing".to_owned()),
    }
}
