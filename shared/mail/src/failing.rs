//! The mail that warns of a subscription that fails a lot and is not disabled yet.

use crate::which::utc;
use crate::written::Templates;
use crate::{Failures, Kept, Mail, MailError, Percent, Which};
use jiff::Timestamp;
use serde::Serialize;

const TEMPLATES: Templates = Templates {
    subject: include_str!("templates/failing.subject.txt"),
    text: concat!(
        include_str!("templates/failing.txt"),
        include_str!("templates/failures.txt"),
        include_str!("templates/failing_end.txt"),
    ),
    html: concat!(
        include_str!("templates/begin.html"),
        include_str!("templates/failing.html"),
        include_str!("templates/failures.html"),
        include_str!("templates/failing_end.html"),
        include_str!("templates/end.html"),
    ),
};

/// What the mail says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WarningMail {
    /// Which subscription.
    pub which: Which,
    /// When its failure rate was seen to be above the warning rate.
    #[serde(serialize_with = "utc")]
    pub seen_at: Timestamp,
    /// What failed.
    pub failures: Failures,
    /// Above which failure rate subscriptions are disabled.
    pub threshold: Percent,
    /// What is kept of what fails, and meanwhile if it is disabled.
    pub kept: Kept,
    /// Whether it was disabled before the mail was written.
    pub disabled_since: bool,
}

impl WarningMail {
    /// Writes the mail.
    pub fn write(&self) -> Result<Mail, MailError> {
        TEMPLATES.write(self)
    }
}
