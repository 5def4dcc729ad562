//! The mail that says that a receiver is gone (410), that its subscription was disabled for it, and how to go on.

use crate::which::utc;
use crate::written::Templates;
use crate::{Kept, Mail, MailError, Which};
use jiff::Timestamp;
use serde::Serialize;

const TEMPLATES: Templates = Templates {
    subject: include_str!("templates/gone.subject.txt"),
    text: concat!(include_str!("templates/gone.txt"), include_str!("templates/enable.txt")),
    html: concat!(
        include_str!("templates/begin.html"),
        include_str!("templates/gone.html"),
        include_str!("templates/enable.html"),
        include_str!("templates/end.html"),
    ),
};

/// What the mail says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GoneMail {
    /// Which subscription.
    pub which: Which,
    /// When it was disabled.
    #[serde(serialize_with = "utc")]
    pub disabled_at: Timestamp,
    /// What is kept meanwhile.
    pub kept: Kept,
    /// Whether somebody enabled it again before the mail was written.
    pub enabled_again: bool,
}

impl GoneMail {
    /// Writes the mail.
    pub fn write(&self) -> Result<Mail, MailError> {
        TEMPLATES.write(self)
    }
}
