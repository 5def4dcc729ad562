//! The broker's word of a device that connects to it itself: AWS IoT Core's lifecycle events.
//!
//! They are published to `$aws/events/presence/connected/{clientId}` and `…/disconnected/{clientId}`. Which sensor is meant
//! is told by the client id, which must be `{tenant}:{sensor}`; that of a gateway, or of anything else in the account, is
//! not of that form, and its events are nobody's. Source: AWS IoT Core's developer guide, "Lifecycle events".

use crate::ids::{SensorId, TenantId};
use crate::presence::{Link, LinkReport};
use jiff::Timestamp;
use serde::Deserialize;

/// Before the topic of every lifecycle event.
const PREFIX: &str = "$aws/events/presence/";

/// A word of the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lifecycle {
    /// Whose device it is.
    pub tenant: TenantId,
    /// The sensor.
    pub sensor: SensorId,
    /// What is said of it.
    pub report: LinkReport,
}

/// Why a message is no lifecycle event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLifecycle {
    /// Not JSON, or a field is missing.
    #[error("not a lifecycle event: {0}")]
    Unreadable(String),
    /// No time.
    #[error("timestamp must be milliseconds since 1970")]
    Timestamp,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    client_id: String,
    timestamp: i64,
    event_type: String,
    #[serde(default)]
    client_initiated_disconnect: bool,
    #[serde(default)]
    version_number: u64,
}

/// Whether a topic is one of lifecycle events.
pub fn is_topic(topic: &str) -> bool {
    topic.starts_with(PREFIX)
}

/// Reads a lifecycle event that arrived then; none where it is of a client that is no sensor of ours, or of another kind.
pub fn read(bytes: &[u8], received_at: Timestamp) -> Result<Option<Lifecycle>, InvalidLifecycle> {
    let document: Document =
        serde_json::from_slice(bytes).map_err(|error| InvalidLifecycle::Unreadable(error.to_string()))?;
    let named = document.client_id.split_once(':');
    let named = named.and_then(|(tenant, sensor)| Some((TenantId::parse(tenant).ok()?, SensorId::parse(sensor).ok()?)));
    let Some((tenant, sensor)) = named else { return Ok(None) };
    let link = match document.event_type.as_str() {
        "connected" => Link::Connected,
        "disconnected" if document.client_initiated_disconnect => Link::Closed,
        "disconnected" => Link::Broken,
        // A connection that failed, say: whoever tries is not known to be the device.
        _ => return Ok(None),
    };
    let at = Timestamp::from_millisecond(document.timestamp).map_err(|_| InvalidLifecycle::Timestamp)?;
    // The broker's clock is approximate; what has not happened yet is nobody's sign of life.
    let report = LinkReport { at: at.min(received_at), session: document.version_number, link };
    Ok(Some(Lifecycle { tenant, sensor, report }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn received_at() -> Timestamp {
        "2026-02-02T14:20:00Z".parse().unwrap()
    }

    fn said(change: impl FnOnce(&mut Value)) -> Result<Option<Lifecycle>, InvalidLifecycle> {
        // As the developer guide shows one.
        let mut document = json!({
            "clientId": "acme:VS0-123", "timestamp": 1_573_002_230_757_i64, "eventType": "disconnected",
            "sessionIdentifier": "a4666d2a7d844ae4ac5d7b38c9cb7967", "principalIdentifier": "12345678901234567890123456789012",
            "clientInitiatedDisconnect": false, "disconnectReason": "CONNECTION_LOST", "versionNumber": 3
        });
        change(&mut document);
        read(document.to_string().as_bytes(), received_at())
    }

    #[test]
    fn the_three_words_of_the_broker() {
        let lifecycle = said(|_| {}).unwrap().unwrap();
        assert_eq!((lifecycle.tenant.as_str(), lifecycle.sensor.as_str()), ("acme", "VS0-123"));
        assert_eq!(lifecycle.report.at.to_string(), "2019-11-06T01:03:50.757Z");
        assert_eq!((lifecycle.report.session, lifecycle.report.link), (3, Link::Broken));
        let closed = said(|document| document["clientInitiatedDisconnect"] = json!(true)).unwrap().unwrap();
        assert_eq!(closed.report.link, Link::Closed);
        let connected = said(|document| document["eventType"] = json!("connected")).unwrap().unwrap();
        assert_eq!(connected.report.link, Link::Connected);
    }

    #[test]
    fn what_is_not_ours_is_passed_over_and_what_is_wrong_says_so() {
        for other in ["gateway-7", "ACME:1", ":1", "acme:"] {
            assert_eq!(said(|document| document["clientId"] = json!(other)), Ok(None), "{other}");
        }
        assert_eq!(said(|document| document["eventType"] = json!("connect_failed")), Ok(None));
        let ahead = said(|document| document["timestamp"] = json!(253_370_764_800_000_i64)).unwrap().unwrap();
        assert_eq!(ahead.report.at, received_at(), "no device is seen in the future");
        assert_eq!(said(|document| document["timestamp"] = json!(i64::MAX)), Err(InvalidLifecycle::Timestamp));
        assert!(matches!(read(b"{}", received_at()), Err(InvalidLifecycle::Unreadable(_))));
        assert!(matches!(read(b"\xff", received_at()), Err(InvalidLifecycle::Unreadable(_))));
        assert!(is_topic("$aws/events/presence/connected/acme:1") && !is_topic("telemetry/a/native/b"));
    }
}
