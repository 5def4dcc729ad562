//! What the function is invoked with: the schedule, or SES's word of a mail that was sent.

use serde::Deserialize;
use serde_json::Value;
use spacehook_domain::notice::NoticeId;
use spacehook_mail::MailTag;
use std::collections::BTreeMap;

/// Why the function is invoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invocation {
    /// It is time for a run. Whatever is not understood is one: that does no harm.
    Run,
    /// SES says what became of the mail about a notice.
    Mail(MailNews),
}

/// What became of the mail about a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailNews {
    /// SES's word: `Send`, `Bounce`, `Complaint`, `Reject`, …
    pub what: String,
    /// Which notice; none where the mail is none of ours.
    pub about: Option<NoticeId>,
}

impl MailNews {
    /// True where SES accepted the mail. Only then can it bounce.
    pub fn is_sent(&self) -> bool {
        matches!(self.what.as_str(), "Send" | "Delivery" | "DeliveryDelay" | "Bounce" | "Complaint")
    }
}

/// An event of `EventBridge`, as far as it is of SES. Source: SES's developer guide, "Event schema reference".
#[derive(Debug, Deserialize)]
struct SesEvent {
    detail: Detail,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    event_type: String,
    mail: SentMail,
}

#[derive(Debug, Deserialize)]
struct SentMail {
    #[serde(default)]
    tags: BTreeMap<String, Vec<String>>,
}

impl Invocation {
    /// Understands what the function was invoked with.
    pub fn read(payload: Value) -> Self {
        if payload.get("source").and_then(Value::as_str) != Some("aws.ses") {
            return Self::Run;
        }
        let Ok(SesEvent { detail }) = serde_json::from_value::<SesEvent>(payload) else { return Self::Run };
        let tag = detail.mail.tags.get(MailTag::NAME).and_then(|values| values.first());
        let about = tag.and_then(|tag| NoticeId::parse(tag).ok());
        Self::Mail(MailNews { what: detail.event_type, about })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOTICE: &str = "acme_sub_00000000000000000000000000000001_1770042000123_disabled";

    fn of_ses(what: &str, tag: &str) -> Value {
        json!({
            "version": "0", "source": "aws.ses", "detail-type": "Email Sent", "resources": [],
            "detail": {"eventType": what, "mail": {
                "timestamp": "2026-02-02T14:20:00.123Z", "messageId": "0000014a-f4d4",
                "tags": {"ses:configuration-set": ["spacehook-dev"], "spacehook-notice": [tag]}
            }}
        })
    }

    #[test]
    fn the_schedule_and_whatever_else_is_a_run() {
        let scheduled = json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}});
        for payload in [scheduled, json!({}), json!(null), json!({"source": "aws.ses", "detail": {"what": 1}})] {
            assert_eq!(Invocation::read(payload.clone()), Invocation::Run, "{payload}");
        }
    }

    #[test]
    fn ses_says_which_mail_it_sent() {
        let Invocation::Mail(sent) = Invocation::read(of_ses("Send", NOTICE)) else { panic!("a run") };
        assert!(sent.is_sent());
        assert_eq!(sent.about.unwrap().to_string(), NOTICE);
        let Invocation::Mail(rejected) = Invocation::read(of_ses("Reject", "other")) else { panic!("a run") };
        assert_eq!((rejected.is_sent(), rejected.about), (false, None));
    }
}
