//! What a device should be and what it says it is: AWS IoT Core's device shadows.
//!
//! Each change of a (classic) shadow is published to `$aws/things/{thingName}/shadow/update/documents`, with the state before
//! and after. Which sensor is meant is told by the thing's name, which must be `{tenant}:{sensor}`, as the client id of
//! lifecycle events is; the shadow of anything else is nobody's. Source: AWS IoT Core's developer guide, "Device Shadow MQTT
//! topics" and "Device Shadow service documents".
//!
//! A device is *in sync* when it reports everything that is desired of it; what it reports besides does not matter, and
//! where nothing is desired there is nothing to say. Its *app* is `reported.app` (`name` and `version`), or else the text
//! `reported.app_version` or `reported.firmware`.

use crate::ids::{SensorId, TenantId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Characters of what is told to be lacking, at most.
const REASON_LIMIT: usize = 500;
/// Characters of the name and of the version of an app, at most.
const APP_NAME_LIMIT: usize = 200;
const APP_VERSION_LIMIT: usize = 64;
/// For how long the versions of a shadow count up after it was deleted: the guide says 48 hours.
const VERSIONS: SignedDuration = SignedDuration::from_hours(48);

/// The software of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// Whether a device is what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sync {
    /// It reports all that is desired.
    In,
    /// It does not: where they differ, in words.
    Out(String),
}

/// What a shadow says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShadowReport {
    /// When it was so, by the broker's clock; not later than it was heard of.
    pub at: Timestamp,
    /// One more with each change of the shadow.
    pub version: u64,
    /// Whether the device is in sync; none where nothing is desired.
    pub sync: Option<Sync>,
    /// Its software; none where it does not say.
    pub app: Option<App>,
}

impl ShadowReport {
    /// Whether this is newer than what was heard at another version and time.
    pub fn is_newer_than(&self, version: u64, at: Timestamp) -> bool {
        self.version > version || self.at.duration_since(at) > VERSIONS
    }
}

/// A shadow of a sensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shadow {
    /// Whose device it is.
    pub tenant: TenantId,
    /// The sensor.
    pub sensor: SensorId,
    /// What is said of it.
    pub report: ShadowReport,
}

/// Why a message is no document of a shadow: the field, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a shadow document: {field}{detail}")]
pub struct InvalidShadow {
    field: String,
    detail: String,
}

fn wrong(field: &str, detail: impl Into<String>) -> InvalidShadow {
    let field = if field.is_empty() { String::new() } else { format!("{field}: ") };
    InvalidShadow { field, detail: detail.into() }
}

/// The thing whose shadow a topic is about; none where it is about none.
pub fn thing(topic: &str) -> Option<&str> {
    let thing = topic.strip_prefix("$aws/things/")?.strip_suffix("/shadow/update/documents")?;
    (!thing.contains('/')).then_some(thing)
}

/// Reads a document that arrived then; none where it is of a thing that is no sensor of ours.
pub fn read(thing: &str, bytes: &[u8], received_at: Timestamp) -> Result<Option<Shadow>, InvalidShadow> {
    let named = thing.split_once(':');
    let named = named.and_then(|(tenant, sensor)| Some((TenantId::parse(tenant).ok()?, SensorId::parse(sensor).ok()?)));
    let Some((tenant, sensor)) = named else { return Ok(None) };
    let document: Value = serde_json::from_slice(bytes).map_err(|error| wrong("", format!("not JSON: {error}")))?;
    let current = member(&document, "current", "current")?.ok_or_else(|| wrong("current", "is required"))?;
    let version = current.get("version").and_then(Value::as_u64);
    let version = version.ok_or_else(|| wrong("current.version", "must be a whole number"))?;
    let state = member_of(current, "state", "current.state")?;
    let part = |name: &str, field: &str| state.map_or(Ok(None), |state| member_of(state, name, field));
    let desired = part("desired", "current.state.desired")?;
    let reported = part("reported", "current.state.reported")?;
    let at = match document.get("timestamp") {
        None => received_at,
        Some(seconds) => {
            let at = seconds.as_i64().and_then(|seconds| Timestamp::from_second(seconds).ok());
            at.ok_or_else(|| wrong("timestamp", "must be seconds since 1970"))?.min(received_at)
        }
    };
    let sync = desired.filter(|desired| !desired.is_empty()).map(|desired| in_sync(desired, reported));
    let app = reported.map_or(Ok(None), app)?;
    Ok(Some(Shadow { tenant, sensor, report: ShadowReport { at, version, sync, app } }))
}

fn member<'a>(of: &'a Value, name: &str, field: &str) -> Result<Option<&'a Map<String, Value>>, InvalidShadow> {
    let Some(of) = of.as_object() else { return Err(wrong("", "must be an object")) };
    member_of(of, name, field)
}

fn member_of<'a>(
    of: &'a Map<String, Value>,
    name: &str,
    field: &str,
) -> Result<Option<&'a Map<String, Value>>, InvalidShadow> {
    match of.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(member)) => Ok(Some(member)),
        Some(_) => Err(wrong(field, "must be an object")),
    }
}

/// Whether what is reported has all that is desired.
fn in_sync(desired: &Map<String, Value>, reported: Option<&Map<String, Value>>) -> Sync {
    let nothing = Map::new();
    let mut differences = Vec::new();
    compare(desired, reported.unwrap_or(&nothing), "", &mut differences);
    if differences.is_empty() {
        return Sync::In;
    }
    let reason = format!("reported is not as desired at {}", differences.join(", "));
    Sync::Out(reason.chars().take(REASON_LIMIT).collect())
}

fn compare(desired: &Map<String, Value>, reported: &Map<String, Value>, at: &str, differences: &mut Vec<String>) {
    for (name, wanted) in desired {
        let place = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
        match (wanted, reported.get(name)) {
            (Value::Object(wanted), Some(Value::Object(said))) => compare(wanted, said, &place, differences),
            // What is desired to be nothing may be missing.
            (Value::Null, None) => {}
            (wanted, Some(said)) if is_same(wanted, said) => {}
            _ => differences.push(place),
        }
    }
}

/// Equal, numbers by what they are: 1 is 1.0.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(a), Value::Number(b)) => a == b || (a.as_f64() == b.as_f64() && a.is_f64() != b.is_f64()),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, value)| b.get(name).is_some_and(|other| is_same(value, other)))
        }
        _ => one == other,
    }
}

fn app(reported: &Map<String, Value>) -> Result<Option<App>, InvalidShadow> {
    const FIELD: &str = "current.state.reported";
    if let Some(app) = member_of(reported, "app", &format!("{FIELD}.app"))? {
        let name = text(app.get("name"), &format!("{FIELD}.app.name"), APP_NAME_LIMIT)?;
        let version = text(app.get("version"), &format!("{FIELD}.app.version"), APP_VERSION_LIMIT)?;
        return Ok(Some(App { name, version }));
    }
    for (field, name) in [("app_version", "app"), ("firmware", "firmware")] {
        if let Some(version) = reported.get(field).filter(|version| !version.is_null()) {
            let version = text(Some(version), &format!("{FIELD}.{field}"), APP_VERSION_LIMIT)?;
            return Ok(Some(App { name: name.to_owned(), version }));
        }
    }
    Ok(None)
}

fn text(value: Option<&Value>, field: &str, most: usize) -> Result<String, InvalidShadow> {
    let text = value.and_then(Value::as_str).filter(|text| (1..=most).contains(&text.chars().count()));
    text.map(str::to_owned).ok_or_else(|| wrong(field, format!("must be a text of 1 to {most} characters")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn received_at() -> Timestamp {
        "2026-02-02T14:20:00Z".parse().unwrap()
    }

    fn said(state: &Value) -> Result<Option<Shadow>, InvalidShadow> {
        // As the developer guide shows one.
        let document = json!({
            "previous": {"state": {"desired": {"color": "green"}}, "metadata": {}, "version": 10},
            "current": {"state": state, "metadata": {}, "version": 11},
            "timestamp": 1_759_415_189, "clientToken": "token",
        });
        read("acme:VS0-123", document.to_string().as_bytes(), received_at())
    }

    fn sync(desired: &Value, reported: &Value) -> Option<Sync> {
        said(&json!({"desired": desired, "reported": reported})).unwrap().unwrap().report.sync
    }

    #[test]
    fn a_thing_is_a_sensor_by_its_name() {
        assert_eq!(thing("$aws/things/acme:a/shadow/update/documents"), Some("acme:a"));
        for other in
            ["$aws/things/acme:a/shadow/name/x/update/documents", "$aws/things/acme:a/shadow/update", "telemetry"]
        {
            assert_eq!(thing(other), None, "{other}");
        }
        let shadow = said(&json!({})).unwrap().unwrap();
        assert_eq!((shadow.tenant.as_str(), shadow.sensor.as_str()), ("acme", "VS0-123"));
        assert_eq!((shadow.report.version, shadow.report.at.to_string().as_str()), (11, "2025-10-02T14:26:29Z"));
        assert_eq!((shadow.report.sync, shadow.report.app), (None, None));
        for other in ["gateway-7", "ACME:1", "acme:"] {
            assert_eq!(read(other, b"not even JSON", received_at()), Ok(None), "{other}");
        }
    }

    #[test]
    fn only_what_is_desired_counts_however_deep() {
        let out = |places: &str| Some(Sync::Out(format!("reported is not as desired at {places}")));
        let table = [
            (json!({}), json!({"a": 1}), None),
            (json!({"a": 1}), json!({"a": 1.0, "b": 2}), Some(Sync::In)),
            (json!({"a": {"b": [1, {"c": 2}]}}), json!({"a": {"b": [1, {"c": 2}], "d": 0}}), Some(Sync::In)),
            (json!({"a": {"b": 1, "c/d": 2}, "e": 3}), json!({"a": {"b": 2}, "e": 3}), out("/a/b, /a/c~1d")),
            (json!({"a": [1, 2]}), json!({"a": [2, 1]}), out("/a")),
            (json!({"a": {"b": 1}}), json!({"a": 1}), out("/a")),
            (json!({"a": "1"}), json!({"a": 1}), out("/a")),
            (json!({"a": null}), json!({}), Some(Sync::In)),
        ];
        for (desired, reported, expected) in table {
            assert_eq!(sync(&desired, &reported), expected, "{desired} {reported}");
        }
        assert_eq!(sync(&json!({"a": 1}), &Value::Null), out("/a"));
        let many: Map<String, Value> = (0..200).map(|n| (format!("setting-{n}"), json!(n))).collect();
        let Some(Sync::Out(reason)) = sync(&Value::Object(many), &json!({})) else { panic!("in sync") };
        assert_eq!(reason.chars().count(), REASON_LIMIT);
    }

    #[test]
    fn an_app_is_read_in_three_forms() {
        let table = [
            (json!({"app": {"name": "player", "version": "2.4.1", "more": 1}}), Some(("player", "2.4.1"))),
            (json!({"firmware": "1.0"}), Some(("firmware", "1.0"))),
            (json!({"app_version": "7", "firmware": "1.0"}), Some(("app", "7"))),
            (json!({"app": null, "firmware": null}), None),
        ];
        for (reported, expected) in table {
            let app = said(&json!({"reported": reported})).unwrap().unwrap().report.app;
            let expected = expected.map(|(name, version)| App { name: name.to_owned(), version: version.to_owned() });
            assert_eq!(app, expected, "{reported}");
        }
    }

    #[test]
    fn what_is_wrong_names_the_field() {
        let table = [
            (json!({"desired": 1}), "current.state.desired: must be an object"),
            (json!({"reported": []}), "current.state.reported: must be an object"),
            (json!({"reported": {"app": "x"}}), "current.state.reported.app: must be an object"),
            (
                json!({"reported": {"app": {"name": "x"}}}),
                "current.state.reported.app.version: must be a text of 1 to 64 characters",
            ),
            (
                json!({"reported": {"firmware": 3}}),
                "current.state.reported.firmware: must be a text of 1 to 64 characters",
            ),
            (json!(1), "current.state: must be an object"),
        ];
        for (state, expected) in table {
            assert_eq!(said(&state).unwrap_err().to_string(), format!("not a shadow document: {expected}"));
        }
        let whole = [
            (&b"\xff"[..], "not JSON: "),
            (b"[]", "must be an object"),
            (b"{}", "current: is required"),
            (b"{\"current\":{}}", "current.version: must be a whole number"),
            (b"{\"current\":{\"version\":1},\"timestamp\":\"x\"}", "timestamp: must be seconds since 1970"),
        ];
        for (bytes, expected) in whole {
            let error = read("acme:a", bytes, received_at()).unwrap_err().to_string();
            assert!(error.starts_with(&format!("not a shadow document: {expected}")), "{error}");
        }
        let ahead = read("acme:a", b"{\"current\":{\"version\":1},\"timestamp\":99999999999}", received_at());
        assert_eq!(ahead.unwrap().unwrap().report.at, received_at(), "nothing happens in the future");
    }
}
