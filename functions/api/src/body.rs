//! Bodies: their content type, their size, and JSON that can be read in one way only.

use crate::App;
use crate::problem::{Kind, Problem};
use axum::extract::{FromRequest, Request};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Bytes of a body, at most.
pub const BODY_LIMIT: usize = 1024 * 1024;
/// Levels of objects and arrays within each other, at most.
pub const DEPTH_LIMIT: usize = 16;

/// A JSON body (`application/json`).
#[derive(Debug)]
pub struct JsonBody(pub Value);

/// A JSON body (`application/json`), or none at all; that, and null, is read as an empty object.
#[derive(Debug)]
pub struct OptionalBody(pub Value);

/// A change of a resource by JSON merge patch (RFC 7396; `application/merge-patch+json` or `application/json`).
#[derive(Debug)]
pub struct PatchBody(pub Value);

impl FromRequest<App> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &App) -> Result<Self, Problem> {
        check_type(request.headers(), &["application/json"])?;
        parse(&bytes(request, BODY_LIMIT).await?).map(Self)
    }
}

impl FromRequest<App> for OptionalBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &App) -> Result<Self, Problem> {
        let has_type = check_type(request.headers(), &["application/json"]);
        let bytes = bytes(request, BODY_LIMIT).await?;
        if bytes.is_empty() {
            return Ok(Self(Value::Object(Map::new())));
        }
        has_type?;
        let body = parse(&bytes)?;
        Ok(Self(if body.is_null() { Value::Object(Map::new()) } else { body }))
    }
}

impl FromRequest<App> for PatchBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &App) -> Result<Self, Problem> {
        check_type(request.headers(), &["application/merge-patch+json", "application/json"])?;
        parse(&bytes(request, BODY_LIMIT).await?).map(Self)
    }
}

/// The content type without its parameters, in lower case; empty where there is none.
pub fn content_type(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// That a body of this content type is not understood; the answer lists the types that are.
pub fn unsupported(supported: &[&str]) -> Problem {
    let list = supported.join(", ");
    let problem =
        Problem::new(Kind::UnsupportedMediaType, format!("Send the body with one of these content types: {list}."));
    match HeaderValue::from_str(&list) {
        Ok(value) => problem.with_header(http::header::ACCEPT, value),
        Err(_) => problem,
    }
}

fn check_type(headers: &HeaderMap, supported: &[&str]) -> Result<(), Problem> {
    if supported.contains(&content_type(headers).as_str()) { Ok(()) } else { Err(unsupported(supported)) }
}

/// Reads a body of at most `limit` bytes.
pub async fn bytes(request: Request, limit: usize) -> Result<axum::body::Bytes, Problem> {
    axum::body::to_bytes(request.into_body(), limit).await.map_err(|_| {
        Problem::new(Kind::BodyTooLarge, format!("The body has more than {limit} bytes, which is the limit here."))
    })
}

/// Reads JSON. Refused is what two readers could read differently or not at all: a name twice in one object, more
/// than [`DEPTH_LIMIT`] levels.
pub fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0 }.deserialize(&mut json).and_then(|value| json.end().map(|()| value));
    value.map_err(|error| Problem::new(Kind::MalformedRequest, format!("The body is not valid JSON: {error}.")))
}

#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth < DEPTH_LIMIT {
            Ok(Self { depth: self.depth + 1 })
        } else {
            Err(E::custom(format_args!("more than {DEPTH_LIMIT} levels of objects and arrays")))
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;
    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            if object.contains_key(&name) {
                return Err(A::Error::custom(format_args!("the name {name:?} is there twice in one object")));
            }
            object.insert(name, entries.next_value_seed(inner)?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refusal(text: &str) -> String {
        let problem = parse(text.as_bytes()).unwrap_err();
        assert_eq!(problem.kind(), Kind::MalformedRequest);
        problem.into_document("r").detail
    }

    #[test]
    fn json_reads_as_it_is() {
        let text = r#"{"a":[1,-2,2.5,"x",null,true,{"b":{}}],"ä":"é\n"}"#;
        assert_eq!(parse(text.as_bytes()).unwrap(), serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(parse(b" 1 ").unwrap(), json!(1));
    }

    #[test]
    fn what_could_be_read_differently_is_refused() {
        assert!(refusal(r#"{"a":1,"a":2}"#).contains("\"a\" is there twice"));
        assert!(refusal(r#"{"a":{"b":1,"b":2}}"#).contains("\"b\" is there twice"));
        for text in ["", "{", "{}x", "{'a':1}", "NaN", "[1,]", "\u{feff}{}"] {
            assert!(refusal(text).contains("line 1 column"), "{text}");
        }
    }

    #[test]
    fn deep_json_is_refused_however_deep() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse(nested(DEPTH_LIMIT).as_bytes()).is_ok());
        for levels in [DEPTH_LIMIT + 1, 200, 400_000] {
            assert!(refusal(&nested(levels)).contains("more than 16 levels"), "{levels}");
        }
    }
}
