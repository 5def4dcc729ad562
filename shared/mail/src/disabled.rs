//! The mail that says a subscription was disabled since too much failed, and how to go on.

use crate::which::utc;
use crate::written::Templates;
use crate::{Failures, Kept, Mail, MailError, Percent, Which};
use jiff::Timestamp;
use serde::Serialize;

const TEMPLATES: Templates = Templates {
    subject: include_str!("templates/disabled.subject.txt"),
    text: concat!(
        include_str!("templates/disabled.txt"),
        include_str!("templates/failures.txt"),
        include_str!("templates/enable.txt"),
    ),
    html: concat!(
        include_str!("templates/begin.html"),
        include_str!("templates/disabled.html"),
        include_str!("templates/failures.html"),
        include_str!("templates/enable.html"),
        include_str!("templates/end.html"),
    ),
};

/// What the mail says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DisabledMail {
    /// Which subscription.
    pub which: Which,
    /// When it was disabled.
    #[serde(serialize_with = "utc")]
    pub disabled_at: Timestamp,
    /// What failed.
    pub failures: Failures,
    /// Above which failure rate subscriptions are disabled.
    pub threshold: Percent,
    /// What is kept meanwhile.
    pub kept: Kept,
    /// Whether somebody enabled it again before the mail was written.
    pub enabled_again: bool,
}

impl DisabledMail {
    /// Writes the mail.
    pub fn write(&self) -> Result<Mail, MailError> {
        TEMPLATES.write(self)
    }
}
