//! What failures of the records and of Secrets Manager are to a client.

use super::{Kind, Problem};
use crate::ports::{ChangeFailed, Failed, ListFailed, RemoveFailed};
use spacehook_credentials::CredentialsError;
use spacehook_domain::subscription::SUBSCRIPTIONS_LIMIT;

impl From<Failed> for Problem {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Busy(cause) => Self::unavailable(&cause),
            Failed::Broken(cause) => Self::internal(&cause),
        }
    }
}

impl From<ListFailed> for Problem {
    fn from(failed: ListFailed) -> Self {
        match failed {
            ListFailed::InvalidCursor => Self::parameter("cursor", "is not a cursor of this list"),
            ListFailed::Failed(failed) => failed.into(),
        }
    }
}

impl From<ChangeFailed> for Problem {
    fn from(failed: ChangeFailed) -> Self {
        match failed {
            ChangeFailed::Conflict => Self::new(Kind::ChangedMeanwhile, Kind::ChangedMeanwhile.meaning()),
            ChangeFailed::NameTaken => Self::new(Kind::NameTaken, Kind::NameTaken.meaning()),
            ChangeFailed::LimitReached(event_type) => Self::new(
                Kind::LimitReached,
                format!("A tenant can have {SUBSCRIPTIONS_LIMIT} subscriptions to '{event_type}' and has as many."),
            ),
            ChangeFailed::TenantFull(limit) => {
                Self::new(Kind::LimitReached, format!("The tenant can have {limit} subscriptions and has as many."))
            }
            ChangeFailed::Failed(failed) => failed.into(),
        }
    }
}

impl From<RemoveFailed> for Problem {
    fn from(failed: RemoveFailed) -> Self {
        match failed {
            RemoveFailed::InUse(what) => Self::new(Kind::StillInUse, format!("There are still {what}.")),
            RemoveFailed::Failed(failed) => failed.into(),
        }
    }
}

impl From<CredentialsError> for Problem {
    fn from(error: CredentialsError) -> Self {
        match error {
            CredentialsError::Unavailable { .. } => Self::unavailable(&error.to_string()),
            CredentialsError::Missing | CredentialsError::Unreadable { .. } => {
                tracing::error!(error = %error, "a subscription's credentials are lost");
                Self::new(Kind::CredentialsLost, Kind::CredentialsLost.meaning())
            }
        }
    }
}
