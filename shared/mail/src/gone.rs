//! The mail that says that a receiver is gone (410), that its subscription was disabled for it, and how to go on.

use crate::written::Templates;
use crate::{Mail, MailError};
use serde::Serialize;

const TEMPLATES: Templates = Templates {
    subject: include_str!("templates/gone.subject.txt"),
    text: include_str!("templates/gone.txt"),
    html: include_str!("templates/gone.html"),
};

/// What the mail says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GoneMail {
    /// The subscription's name.
    pub name: String,
    /// Its id.
    pub subscription_id: String,
    /// Host of its receiver; the rest of the URL may be a secret.
    pub host: String,
    /// When it was disabled, RFC 3339.
    pub disabled_at: String,
    /// Whether only the newest event of each type and space is kept for it.
    pub keeps_latest: bool,
    /// Whether somebody enabled it again before the mail was sent.
    pub enabled_again: bool,
}

impl GoneMail {
    /// Writes the mail.
    pub fn write(&self) -> Result<Mail, MailError> {
        TEMPLATES.write(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says() -> GoneMail {
        GoneMail {
            name: "Kiosk <lobby>".to_owned(),
            subscription_id: "sub_1".to_owned(),
            host: "kiosk.example.com".to_owned(),
            disabled_at: "2026-02-02T14:20:00Z".to_owned(),
            keeps_latest: false,
            enabled_again: false,
        }
    }

    #[test]
    fn it_says_what_happened_what_is_kept_and_how_to_go_on() {
        let mail = says().write().unwrap();
        assert_eq!(mail.subject, "Your webhook \"Kiosk <lobby>\" was disabled: its receiver answered 410 Gone");
        for body in [&mail.text, &mail.html] {
            for needed in [
                "2026-02-02T14:20:00Z",
                "kiosk.example.com",
                "410 Gone",
                "PATCH /v1/subscriptions/sub_1",
                "DELETE /v1/subscriptions/sub_1",
                "POST /v1/subscriptions/sub_1/enable",
                "GET /v1/subscriptions/sub_1/backlog",
                "deliver",
                "latest",
                "discard",
                "72 hours",
            ] {
                assert!(body.contains(needed), "{needed} is missing in {body}");
            }
            assert!(!body.contains("enabled it again since"), "{body}");
        }
        assert!(mail.html.contains("Kiosk &lt;lobby&gt;") && !mail.html.contains("<lobby>"));
    }

    #[test]
    fn it_says_what_is_otherwise() {
        let mail = GoneMail { keeps_latest: true, enabled_again: true, ..says() }.write().unwrap();
        for body in [&mail.text, &mail.html] {
            assert!(body.contains("enabled it again since"), "{body}");
            assert!(body.contains("newest event of each type and space"), "{body}");
        }
    }
}
