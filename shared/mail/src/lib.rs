//! Mail to the owners of subscriptions, over SES.
//!
//! The texts are templates beside the code, compiled in: subject, plain text and HTML. What comes from a receiver (it
//! may be hostile) is escaped in the HTML and stripped of control characters before.

mod disabled;
mod gone;
mod written;

pub use disabled::{DisabledMail, TopError};
pub use gone::GoneMail;

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message};
use spacehook_domain::subscription::EmailAddress;
use std::error::Error;

/// A mail, ready to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The subject: one line.
    pub subject: String,
    /// The body as plain text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

/// A mail that was not sent.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// A template is wrong: a fault of this release.
    #[error("the mail can't be written")]
    Unwritable(#[from] minijinja::Error),
    /// SES did not take it.
    #[error("SES did not take the mail")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
}

/// Sends mail.
#[derive(Debug, Clone)]
pub struct Mailer {
    client: Client,
    sender: String,
}

impl Mailer {
    /// Sends from this address, which must be a verified identity of SES.
    pub fn new(client: Client, sender: impl Into<String>) -> Self {
        Self { client, sender: sender.into() }
    }

    /// Sends a mail to all these addresses, in one message.
    pub async fn send<'a>(&self, mail: &Mail, to: impl Iterator<Item = &'a EmailAddress>) -> Result<(), MailError> {
        let text = |data: &str| Content::builder().data(data).charset("UTF-8").build().map_err(refused);
        let body = Body::builder().text(text(&mail.text)?).html(text(&mail.html)?).build();
        let message = Message::builder().subject(text(&mail.subject)?).body(body).build();
        let to = to.map(|address| address.as_str().to_owned()).collect();
        self.client
            .send_email()
            .from_email_address(&self.sender)
            .destination(Destination::builder().set_to_addresses(Some(to)).build())
            .content(EmailContent::builder().simple(message).build())
            .send()
            .await
            .map_err(refused)?;
        Ok(())
    }
}

fn refused(error: impl Error + Send + Sync + 'static) -> MailError {
    MailError::Refused(Box::new(error))
}
