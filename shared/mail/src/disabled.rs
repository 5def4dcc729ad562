//! The mail that says a subscription was disabled, why, and how to go on.

use crate::written::Templates;
use crate::{Mail, MailError};
use serde::Serialize;

const TEMPLATES: Templates = Templates {
    subject: include_str!("templates/disabled.subject.txt"),
    text: include_str!("templates/disabled.txt"),
    html: include_str!("templates/disabled.html"),
};

/// What the mail says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DisabledMail {
    /// The subscription's name.
    pub name: String,
    /// Its id.
    pub subscription_id: String,
    /// Host of its receiver; the rest of the URL may be a secret.
    pub host: String,
    /// When it was disabled, RFC 3339.
    pub disabled_at: String,
    /// Failed attempts in the window.
    pub failures: u64,
    /// All attempts in the window.
    pub attempts: u64,
    /// The failure rate in percent, with two decimals.
    pub rate_percent: String,
    /// The window in hours.
    pub window_hours: u32,
    /// The most frequent errors, at most five.
    pub top_errors: Vec<TopError>,
}

/// One kind of error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TopError {
    /// What it says, such as `HTTP 503`.
    pub reason: String,
    /// How often it happened.
    pub count: u64,
    /// When it last happened, RFC 3339; absent where the log no longer holds it.
    pub last_seen: Option<String>,
    /// The beginning of what the receiver answered then.
    pub sample: Option<String>,
    /// What it usually means.
    pub meaning: String,
    /// How to mend it.
    pub remedy: String,
}

impl DisabledMail {
    /// Writes the mail.
    pub fn write(&self) -> Result<Mail, MailError> {
        TEMPLATES.write(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail() -> Mail {
        DisabledMail {
            name: "Kiosk <lobby>".to_owned(),
            subscription_id: "sub_1".to_owned(),
            host: "kiosk.example.com".to_owned(),
            disabled_at: "2026-02-02T14:20:00Z".to_owned(),
            failures: 200,
            attempts: 201,
            rate_percent: "99.50".to_owned(),
            window_hours: 24,
            top_errors: vec![TopError {
                reason: "HTTP 500".to_owned(),
                count: 200,
                last_seen: Some("2026-02-02T14:19:00Z".to_owned()),
                sample: Some("<script>alert(1)</script>".to_owned()),
                meaning: "The receiver failed.".to_owned(),
                remedy: "Look at its log.".to_owned(),
            }],
        }
        .write()
        .unwrap()
    }

    #[test]
    fn it_says_what_where_why_and_how_to_go_on() {
        let mail = mail();
        assert_eq!(
            mail.subject,
            "Spacehook disabled the subscription \"Kiosk <lobby>\": 99.50 % of its attempts failed"
        );
        for body in [&mail.text, &mail.html] {
            for needed in [
                "200 of 201",
                "99.50 %",
                "24 hours",
                "kiosk.example.com",
                "HTTP 500",
                "2026-02-02T14:19:00Z",
                "/v1/subscriptions/sub_1/enable",
                "/v1/subscriptions/sub_1/backlog",
                "deliver",
                "discard",
            ] {
                assert!(body.contains(needed), "{needed} is missing in {body}");
            }
        }
    }

    #[test]
    fn what_a_receiver_answered_is_escaped() {
        let html = mail().html;
        assert!(!html.contains("<script>") && html.contains("&lt;script&gt;"), "{html}");
        assert!(html.contains("Kiosk &lt;lobby&gt;"));
    }
}
