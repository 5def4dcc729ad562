//! Why a mail was not sent, or is not known to be.

use aws_sdk_sesv2::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use std::error::Error;

/// What SES says with it.
type Cause = Box<dyn Error + Send + Sync>;

/// A mail that was not sent, or is not known to be.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// A template is wrong: a fault of this release. Nothing was sent.
    #[error("the mail can't be written")]
    Unwritable(#[from] minijinja::Error),
    /// SES does not take it now: too many at once, the quota of the day, or the account's sending is paused. It was not
    /// sent, and may be later.
    #[error("SES takes no mail now")]
    Throttled(#[source] Cause),
    /// SES does not take it: it was not sent, and won't be as it is.
    #[error("SES refused the mail")]
    Refused(#[source] Cause),
    /// There was no answer, or none that says so: it may have been sent.
    #[error("SES did not say whether it took the mail")]
    Unknown(#[source] Cause),
}

impl MailError {
    /// True where the mail was not sent for sure: sent again, it is not sent twice.
    pub fn was_not_sent(&self) -> bool {
        !matches!(self, Self::Unknown(_))
    }

    /// A request that could not be made.
    pub(crate) fn refused(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Refused(Box::new(error))
    }
}

impl From<SdkError<SendEmailError>> for MailError {
    fn from(error: SdkError<SendEmailError>) -> Self {
        match &error {
            SdkError::ServiceError(answer) if takes_none_now(answer.err(), answer.raw().status().as_u16()) => {
                Self::Throttled(error.into())
            }
            // SES may have failed after it took the mail.
            SdkError::ServiceError(answer) if answer.raw().status().is_server_error() => Self::Unknown(error.into()),
            SdkError::ServiceError(_) | SdkError::ConstructionFailure(_) => Self::Refused(error.into()),
            _ => Self::Unknown(error.into()),
        }
    }
}

fn takes_none_now(error: &SendEmailError, status: u16) -> bool {
    use SendEmailError as E;
    let is_named = matches!(
        error,
        E::TooManyRequestsException(_)
            | E::LimitExceededException(_)
            | E::SendingPausedException(_)
            | E::AccountSuspendedException(_)
    );
    // What stands before every service of AWS throttles by names of its own.
    let is_general = matches!(
        error.code(),
        Some("Throttling" | "ThrottlingException" | "ThrottledException" | "RequestThrottled" | "SlowDown")
    );
    is_named || is_general || status == 429
}
