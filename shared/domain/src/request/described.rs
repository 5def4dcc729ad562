//! The headers of an attempt as people are shown them: whatever proves who sends it is blanked.

use super::{Telling, headers};
use crate::credentials::{AuthSecret, Credentials, REDACTED};
use crate::event::Event;
use crate::signing::SigningSecret;
use crate::subscription::{AuthKind, Subscription};
use http::HeaderMap;
use secrecy::SecretString;

/// The headers that an attempt has, by name, made as those of a real one ([`headers`]) but without its secrets: in their
/// place, and in that of signatures, stands `[redacted]`.
///
/// What authenticates with OAuth 2.0 or a secret of the user's own is shown as `authorization`; a secret of one's own may
/// name another header, which is known only when it is read.
pub fn described_headers(event: &Event, telling: Telling<'_>, body: &[u8]) -> Vec<(String, String)> {
    let credentials = placeholders(telling);
    // The names were checked when they were saved, and the placeholders are plain: what can't be sent is not shown.
    let made = headers(event, &credentials, telling, body).unwrap_or_default();
    shown(&made)
}

fn shown(made: &HeaderMap) -> Vec<(String, String)> {
    let value = |name: &str, value: &http::HeaderValue| {
        let text = value.to_str().unwrap_or(REDACTED);
        if value.is_sensitive() {
            REDACTED.to_owned()
        } else if name == "webhook-signature" {
            text.split(' ').map(|_| format!("v1,{REDACTED}")).collect::<Vec<_>>().join(" ")
        } else {
            text.to_owned()
        }
    };
    let mut all: Vec<_> = made.iter().map(|(name, v)| (name.as_str().to_owned(), value(name.as_str(), v))).collect();
    all.sort();
    all
}

/// Credentials of the same form as the subscription's, that hold nothing.
fn placeholders(telling: Telling<'_>) -> Credentials {
    let Subscription { auth, auth_header_name, custom_header_names, .. } = telling.subscription;
    let secret = || SecretString::from(REDACTED);
    let auth = match (auth, auth_header_name) {
        (AuthKind::None, _) | (AuthKind::CustomHeader, None) => AuthSecret::None,
        (AuthKind::CustomHeader, Some(name)) => AuthSecret::CustomHeader { name: name.clone(), value: secret() },
        (AuthKind::Basic, _) => AuthSecret::Basic { username: String::new(), password: secret() },
        (AuthKind::Bearer | AuthKind::OAuth2ClientCredentials | AuthKind::OwnSecret, _) => {
            AuthSecret::Bearer { token: secret() }
        }
    };
    Credentials {
        // As many as may sign; how many do is for `headers` to say.
        signing_secrets: vec![SigningSecret::from_random([0; 32]), SigningSecret::from_random([0; 32])],
        auth,
        custom_headers: custom_header_names.iter().map(|name| (name.clone(), secret())).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retry::AttemptNumber;
    use crate::test_data;
    use jiff::Timestamp;

    fn described(subscription: &Subscription) -> Vec<(String, String)> {
        let at = Timestamp::from_second(1_000).unwrap();
        let telling = Telling { subscription, attempt: AttemptNumber(2), at, superseded: None };
        described_headers(&test_data::event(serde_json::json!({})), telling, b"{}")
    }

    fn value<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
        headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn what_is_no_secret_is_shown_as_it_is_sent() {
        let headers = described(&test_data::subscription());
        let names: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
        let expected = [
            "content-type",
            "spacehook-attempt",
            "spacehook-sequence",
            "user-agent",
            "webhook-id",
            "webhook-signature",
            "webhook-timestamp",
        ];
        assert_eq!(names, expected);
        assert_eq!(value(&headers, "spacehook-attempt"), Some("2"));
        assert_eq!(value(&headers, "webhook-timestamp"), Some("1000"));
        assert_eq!(value(&headers, "webhook-signature"), Some("v1,[redacted]"));
    }

    #[test]
    fn whatever_proves_who_sends_is_blanked() {
        let mut subscription = test_data::subscription();
        subscription.custom_header_names = ["x-site".to_owned()].into();
        subscription.previous_signing_secret_until = Timestamp::from_second(1_001).ok();
        for (auth, name) in [
            (AuthKind::Basic, "authorization"),
            (AuthKind::Bearer, "authorization"),
            (AuthKind::OAuth2ClientCredentials, "authorization"),
            (AuthKind::OwnSecret, "authorization"),
            (AuthKind::CustomHeader, "x-key"),
        ] {
            (subscription.auth, subscription.auth_header_name) = (auth, Some("x-key".to_owned()));
            let headers = described(&subscription);
            assert_eq!(value(&headers, name), Some("[redacted]"), "{auth:?}");
            assert_eq!(value(&headers, "x-site"), Some("[redacted]"));
            assert_eq!(value(&headers, "webhook-signature"), Some("v1,[redacted] v1,[redacted]"));
        }
        subscription.auth = AuthKind::None;
        assert_eq!(value(&described(&subscription), "authorization"), None);
    }
}
