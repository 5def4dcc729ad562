//! From a message with a binary payload to one with what it says.

use super::mapping::Unusable;
use super::recipe::{Decoding, Encoding};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;

/// Bytes of a payload, at most. `LoRaWAN` has 242.
const PAYLOAD_LIMIT: usize = 4_096;
/// Where in the message its decoded payload is put.
pub(super) const DECODED: &str = "decoded";

/// What a decoder gets: the input of the `LoRa` Alliance's payload codec API (TS013), and what the message says besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uplink {
    /// The payload.
    pub bytes: Vec<u8>,
    /// The application's port.
    pub f_port: Option<u8>,
    /// When it arrived.
    pub received_at: Timestamp,
    /// Texts by name.
    pub variables: BTreeMap<String, String>,
}

/// Which function of a script is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// `decodeUplink(input)`, or the older `Decode(fPort, bytes)` and `Decoder(bytes, port)`.
    Decoder,
    /// `normalize(data, meta)`.
    Normalize,
}

/// Runs the scripts of profiles. Each error says what went wrong and where in the script, for the owner of the device.
pub trait Decode {
    /// What a decoder makes of an uplink: an object; null where it says nothing, of a port that it does not know, say.
    fn decode(&self, script: &str, uplink: &Uplink) -> Result<Value, String>;
    /// What the script's `normalize(data, meta)` makes of a message: an object or an array of objects, in the native form
    /// ([`crate::telemetry`]); null where there is nothing in the message.
    fn normalize(&self, script: &str, data: &Value, meta: &Value) -> Result<Value, String>;
    /// Whether a script can be used at all: it is read and run once without being called, and must have this entry point.
    fn check(&self, script: &str, entry: Entry) -> Result<(), String>;
}

/// Where there is none: every payload and every script is refused.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoDecoder;

impl Decode for NoDecoder {
    fn decode(&self, _: &str, _: &Uplink) -> Result<Value, String> {
        Err("decoders can't be run here".to_owned())
    }

    fn normalize(&self, _: &str, _: &Value, _: &Value) -> Result<Value, String> {
        Err("scripts can't be run here".to_owned())
    }

    fn check(&self, _: &str, _: Entry) -> Result<(), String> {
        Err("scripts can't be checked here".to_owned())
    }
}

/// Puts what the payload says into the message, as `decoded`. False where it says nothing, or there is none: a join, say.
pub(super) fn decode(
    decoding: &Decoding,
    message: &mut Value,
    received_at: Timestamp,
    decoder: &dyn Decode,
) -> Result<bool, Unusable> {
    let Some((at, payload)) = first(&decoding.payload, message) else { return Ok(false) };
    let wrong = |at: &str, problem: String| Unusable::Payload(format!("at {at}: {problem}"));
    let bytes = bytes(payload, decoding.encoding).map_err(|problem| wrong(at, problem))?;
    let f_port = first(&decoding.f_port, message);
    let must_be = || "must be a port from 0 to 255".to_owned();
    let f_port = f_port.map(|(at, port)| port_of(port).ok_or_else(|| wrong(at, must_be())));
    let variables = decoding.variables.iter().filter_map(|(name, places)| {
        let (_, value) = first(places, message)?;
        Some((name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
    });
    let uplink = Uplink { bytes, f_port: f_port.transpose()?, received_at, variables: variables.collect() };
    let data = decoder.decode(&decoding.script, &uplink).map_err(Unusable::Decoder)?;
    if data.is_null() {
        return Ok(false);
    }
    let must_be = || Unusable::Payload("its message must be an object".to_owned());
    let fields = message.as_object_mut().ok_or_else(must_be)?;
    fields.insert(DECODED.to_owned(), data);
    Ok(true)
}

/// The first of these places where there is something.
fn first<'a, 'b>(places: &'a [String], message: &'b Value) -> Option<(&'a str, &'b Value)> {
    places.iter().find_map(|at| Some((at.as_str(), message.pointer(at).filter(|value| !value.is_null())?)))
}

fn port_of(value: &Value) -> Option<u8> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_u64().and_then(|port| u8::try_from(port).ok()),
    }
}

fn bytes(payload: &Value, encoding: Encoding) -> Result<Vec<u8>, String> {
    let text = payload.as_str().ok_or("must be a text")?.trim();
    if text.len() > 2 * PAYLOAD_LIMIT {
        return Err(format!("the payload must have at most {PAYLOAD_LIMIT} bytes"));
    }
    match encoding {
        Encoding::Base64 => STANDARD.decode(text).map_err(|error| format!("must be base64: {error}")),
        Encoding::Hex => from_hex(text).ok_or_else(|| "must be hexadecimal digits, two a byte".to_owned()),
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let digits: Vec<u8> = text.as_bytes().iter().map(digit).collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}
