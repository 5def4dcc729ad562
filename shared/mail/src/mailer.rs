//! Sending mail over SES.

use crate::{Mail, MailError, MailTag};
use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::config::Builder;
use aws_sdk_sesv2::config::retry::RetryConfig;
use aws_sdk_sesv2::config::timeout::TimeoutConfig;
use aws_sdk_sesv2::operation::send_email::builders::SendEmailFluentBuilder;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message, MessageTag};
use aws_types::SdkConfig;
use spacehook_domain::subscription::EmailAddress;
use std::time::Duration;

/// How long SES is waited for. Long, since of a mail that is given up nobody knows whether it was sent.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// The waits between tries where SES says that there are too many requests at once.
const WAITS: [Duration; 3] = [Duration::from_millis(250), Duration::from_millis(500), Duration::from_secs(1)];

/// Sends mail.
#[derive(Debug, Clone)]
pub struct Mailer {
    client: Client,
    sender: String,
    configuration_set: Option<String>,
}

impl Mailer {
    /// Sends from this address, which must be a verified identity of SES, and with this configuration set where there is
    /// one. Of the configuration the retries and limits of time are replaced: the SDK would repeat a request whose answer
    /// was lost, and so send a mail twice.
    pub fn from_config(aws: &SdkConfig, sender: impl Into<String>, configuration_set: Option<String>) -> Self {
        let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_LIMIT).operation_timeout(ANSWER_LIMIT).build();
        let config = Builder::from(aws).retry_config(RetryConfig::disabled()).timeout_config(timeouts).build();
        Self { client: Client::from_conf(config), sender: sender.into(), configuration_set }
    }

    /// Sends a mail to all these addresses, in one message with this tag. It is tried again only where SES said that it
    /// was too much at once. At most 42 seconds.
    pub async fn send<'a>(
        &self,
        mail: &Mail,
        to: impl Iterator<Item = &'a EmailAddress>,
        tag: &MailTag,
    ) -> Result<(), MailError> {
        let request = self.request(mail, to.map(|address| address.as_str().to_owned()).collect(), tag)?;
        for wait in WAITS {
            match request.clone().send().await.map_err(MailError::from) {
                Err(MailError::Throttled(_)) => tokio::time::sleep(wait).await,
                outcome => return outcome.map(drop),
            }
        }
        request.send().await?;
        Ok(())
    }

    fn request(&self, mail: &Mail, to: Vec<String>, tag: &MailTag) -> Result<SendEmailFluentBuilder, MailError> {
        let text = |data: &str| Content::builder().data(data).charset("UTF-8").build().map_err(MailError::refused);
        let body = Body::builder().text(text(&mail.text)?).html(text(&mail.html)?).build();
        let message = Message::builder().subject(text(&mail.subject)?).body(body).build();
        let tag = MessageTag::builder().name(MailTag::NAME).value(tag.as_str()).build().map_err(MailError::refused)?;
        Ok(self
            .client
            .send_email()
            .from_email_address(&self.sender)
            .destination(Destination::builder().set_to_addresses(Some(to)).build())
            .content(EmailContent::builder().simple(message).build())
            .email_tags(tag)
            .set_configuration_set_name(self.configuration_set.clone()))
    }
}

#[cfg(test)]
mod tests;
