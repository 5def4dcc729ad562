//! The headers of an attempt: everything a receiver is told beside the body.

mod described;

pub use described::described_headers;

use crate::credentials::{AuthSecret, Credentials};
use crate::event::Event;
use crate::retry::AttemptNumber;
use crate::signing;
use crate::subscription::Subscription;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use jiff::Timestamp;
use secrecy::ExposeSecret as _;

pub(crate) const USER_AGENT_TEXT: &str = concat!("Spacehook/", env!("CARGO_PKG_VERSION"));

/// A credential that can't be sent as a header. Its value is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the stored value of header '{header}' can't be sent")]
pub struct UnusableCredential {
    /// The header it would be sent in.
    pub header: String,
}

/// What the headers of an attempt tell of it, beside the event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Telling<'a> {
    /// Whose delivery it is.
    pub subscription: &'a Subscription,
    /// Which attempt of the delivery it is.
    pub attempt: AttemptNumber,
    /// When it is made.
    pub at: Timestamp,
    /// How many older deliveries of its space and type this one stands for, where it waited in a backlog that keeps the
    /// newest alone.
    pub superseded: Option<u64>,
}

/// The headers of one attempt, signed with the time of the attempt: an old retry has a new timestamp and the same id.
pub fn headers(
    event: &Event,
    credentials: &Credentials,
    telling: Telling<'_>,
    body: &[u8],
) -> Result<HeaderMap, UnusableCredential> {
    let mut headers = HeaderMap::with_capacity(16);
    // The subscription's own first: what Spacehook sets replaces them, whatever an older rule let through.
    for (name, value) in &credentials.custom_headers {
        set_secret(&mut headers, name, value.expose_secret())?;
    }
    authenticate(&mut headers, &credentials.auth)?;
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static(USER_AGENT_TEXT));
    let timestamp_s = telling.at.as_second();
    let secrets = &credentials.signing_secrets;
    // The newest is the first. Of the one before it the subscription says until when it signs: that ends without a write.
    let signing = if telling.subscription.signs_with_previous(telling.at) { 2 } else { 1 };
    let signature = signing::signature(&secrets[..secrets.len().min(signing)], event.id.as_str(), timestamp_s, body);
    set(&mut headers, "webhook-id", event.id.as_str())?;
    headers.insert("webhook-timestamp", HeaderValue::from(timestamp_s));
    set(&mut headers, "webhook-signature", &signature)?;
    headers.insert("spacehook-sequence", HeaderValue::from(event.sequence.0));
    headers.insert("spacehook-attempt", HeaderValue::from(telling.attempt.0));
    if event.test {
        headers.insert("spacehook-test", HeaderValue::from_static("true"));
    }
    if let Some(trace) = &event.trace {
        set(&mut headers, "traceparent", &trace.traceparent(&event.id, &telling.subscription.id, telling.attempt))?;
    }
    if let Some(superseded) = telling.superseded {
        headers.insert("spacehook-superseded", HeaderValue::from(superseded));
    }
    Ok(headers)
}

fn authenticate(headers: &mut HeaderMap, auth: &AuthSecret) -> Result<(), UnusableCredential> {
    match auth {
        // A token of OAuth is had by whoever sends, and then is a Bearer token.
        AuthSecret::None | AuthSecret::OAuth2(_) => Ok(()),
        AuthSecret::Basic { username, password } => {
            let pair = STANDARD.encode(format!("{username}:{}", password.expose_secret()));
            set_secret(headers, AUTHORIZATION.as_str(), &format!("Basic {pair}"))
        }
        AuthSecret::Bearer { token } => {
            set_secret(headers, AUTHORIZATION.as_str(), &format!("Bearer {}", token.expose_secret()))
        }
        AuthSecret::CustomHeader { name, value } => set_secret(headers, name, value.expose_secret()),
    }
}

fn set(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), UnusableCredential> {
    insert(headers, name, value, false)
}

fn set_secret(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), UnusableCredential> {
    insert(headers, name, value, true)
}

fn insert(headers: &mut HeaderMap, name: &str, value: &str, secret: bool) -> Result<(), UnusableCredential> {
    let unusable = || UnusableCredential { header: name.to_owned() };
    let parsed: HeaderName = name.parse().map_err(|_| unusable())?;
    let mut value: HeaderValue = value.parse().map_err(|_| unusable())?;
    value.set_sensitive(secret);
    headers.insert(parsed, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signing::SigningSecret;
    use crate::test_data;
    use crate::trace::TraceId;
    use std::collections::BTreeMap;

    fn made(auth: AuthSecret, custom: &[(&str, &str)]) -> Result<HeaderMap, UnusableCredential> {
        let credentials = Credentials {
            signing_secrets: vec![SigningSecret::from_random([1; 32]), SigningSecret::from_random([2; 32])],
            auth,
            custom_headers: custom
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).into()))
                .collect::<BTreeMap<_, _>>(),
        };
        let at = Timestamp::from_second(1_000).unwrap();
        let telling = Telling { subscription: &rotated(), attempt: AttemptNumber(2), at, superseded: Some(3) };
        headers(&traced(), &credentials, telling, b"{}")
    }

    /// Its signing secret was rotated, and the former signs up to second 1,001.
    fn rotated() -> Subscription {
        let until = Timestamp::from_second(1_001).unwrap();
        Subscription { previous_signing_secret_until: Some(until), ..test_data::subscription() }
    }

    fn traced() -> Event {
        let trace = TraceId::parse("5759e988bd862e3fe1be46a994272793").ok();
        Event { trace, ..test_data::event(serde_json::json!({})) }
    }

    #[test]
    fn the_documented_headers_are_there() {
        let headers = made(AuthSecret::None, &[]).unwrap();
        let text = |name| headers[name].to_str().unwrap();
        assert_eq!(text("content-type"), "application/json");
        assert!(text("webhook-id").starts_with("evt_"));
        assert_eq!(text("webhook-timestamp"), "1000");
        assert_eq!(text("spacehook-attempt"), "2");
        assert_eq!(text("spacehook-sequence"), "1");
        assert_eq!(text("spacehook-superseded"), "3");
        assert_eq!(text("webhook-signature").split(' ').count(), 2, "one signature a secret");
        assert!(!headers.contains_key("authorization") && !headers.contains_key("spacehook-test"));
        let trace = traced().trace.unwrap();
        assert_eq!(text("traceparent"), trace.traceparent(&traced().id, &rotated().id, AttemptNumber(2)));
    }

    #[test]
    fn the_former_secret_stops_at_its_time() {
        let (new, old) = (SigningSecret::from_random([1; 32]), SigningSecret::from_random([2; 32]));
        let credentials = Credentials {
            signing_secrets: vec![new.clone(), old.clone()],
            auth: AuthSecret::None,
            custom_headers: BTreeMap::new(),
        };
        let event = traced();
        let signed = |at: &str, subscription: &Subscription| {
            let at: Timestamp = at.parse().unwrap();
            let telling = Telling { subscription, attempt: AttemptNumber::FIRST, at, superseded: None };
            let made = headers(&event, &credentials, telling, b"{}").unwrap();
            let by = |secret: &SigningSecret| {
                signing::signature(std::slice::from_ref(secret), event.id.as_str(), at.as_second(), b"{}")
            };
            let signature = made["webhook-signature"].to_str().unwrap().to_owned();
            if signature == format!("{} {}", by(&new), by(&old)) {
                "both"
            } else if signature == by(&new) {
                "new"
            } else {
                "wrong"
            }
        };
        assert_eq!(signed("1970-01-01T00:16:40.999999999Z", &rotated()), "both");
        assert_eq!(signed("1970-01-01T00:16:41Z", &rotated()), "new", "at that very moment it stops");
        assert_eq!(signed("1970-01-01T00:16:40Z", &test_data::subscription()), "new", "the record names no former one");
    }

    #[test]
    fn an_event_without_a_trace_has_no_traceparent() {
        let event = test_data::event(serde_json::json!({}));
        let credentials = Credentials {
            signing_secrets: vec![SigningSecret::from_random([1; 32])],
            auth: AuthSecret::None,
            custom_headers: BTreeMap::new(),
        };
        let at = Timestamp::from_second(1_000).unwrap();
        let subscription = test_data::subscription();
        let telling = Telling { subscription: &subscription, attempt: AttemptNumber::FIRST, at, superseded: None };
        assert!(!headers(&event, &credentials, telling, b"{}").unwrap().contains_key("traceparent"));
        let test = Event { test: true, ..event };
        assert_eq!(headers(&test, &credentials, telling, b"{}").unwrap()["spacehook-test"], "true");
    }

    #[test]
    fn each_way_to_authenticate_sets_its_header() {
        let basic = AuthSecret::Basic { username: "Aladdin".into(), password: "open sesame".into() };
        assert_eq!(made(basic, &[]).unwrap()["authorization"], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        let bearer = AuthSecret::Bearer { token: "t0ken".into() };
        assert_eq!(made(bearer, &[]).unwrap()["authorization"], "Bearer t0ken");
        let custom = AuthSecret::CustomHeader { name: "x-key".into(), value: "v".into() };
        assert_eq!(made(custom, &[]).unwrap()["x-key"], "v");
    }

    #[test]
    fn a_custom_header_never_replaces_ours_and_never_prints() {
        let headers =
            made(AuthSecret::None, &[("webhook-id", "mine"), ("traceparent", "mine"), ("x-key", "hush")]).unwrap();
        assert_ne!(headers["webhook-id"], "mine");
        assert_ne!(headers["traceparent"], "mine");
        assert_eq!(headers["x-key"], "hush");
        assert!(!format!("{headers:?}").contains("hush"));
    }

    #[test]
    fn a_stored_line_break_is_an_error_that_names_the_header_alone() {
        let error = made(AuthSecret::Bearer { token: "a\r\nx: y".into() }, &[]).unwrap_err();
        assert_eq!(error.to_string(), "the stored value of header 'authorization' can't be sent");
    }
}
