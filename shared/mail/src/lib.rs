//! Mail to the owners of subscriptions, over SES.
//!
//! The texts are templates beside the code, compiled in: subject, plain text and HTML. Names come from users and answers
//! from receivers, and both may be hostile: they are in a mail as a [`Line`] only, and escaped in the HTML.

mod chart;
mod disabled;
mod error;
mod failing;
mod failures;
mod gone;
mod line;
mod mailer;
mod percent;
mod tag;
mod which;
mod written;

pub use chart::Chart;
pub use disabled::DisabledMail;
pub use error::MailError;
pub use failing::WarningMail;
pub use failures::{Failures, TopError};
pub use gone::GoneMail;
pub use line::Line;
pub use mailer::Mailer;
pub use percent::Percent;
pub use tag::MailTag;
pub use which::{Kept, Which};

#[cfg(test)]
mod tests;

/// A mail, ready to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The subject: one line of at most 200 characters.
    pub subject: String,
    /// The body as plain text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}
