//! Why credentials could not be had.

use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use std::fmt;

/// Why credentials could not be had. No variant holds any part of a secret, so that all can be logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// The secret, or this version of it, does not exist or is about to be deleted.
    #[error("the secret does not exist")]
    Missing,
    /// The secret exists and can't be used: `what` is wrong with it. Trying again does not help.
    #[error("the secret can't be read: {what}")]
    Unreadable {
        /// What is wrong, never with a value.
        what: &'static str,
    },
    /// Secrets Manager did not do what it was asked for. Trying again may help.
    #[error("Secrets Manager: {operation}: {cause}")]
    Unavailable {
        /// The operation, as AWS names it.
        operation: &'static str,
        /// The code of the service's error, or what happened to the request.
        cause: String,
    },
}

impl CredentialsError {
    /// Judges an error of the SDK by its code alone: messages of the service and responses can repeat what was sent.
    pub(crate) fn of<E, R>(operation: &'static str, error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata,
        R: fmt::Debug,
    {
        match code(error) {
            Some("ResourceNotFoundException") => Self::Missing,
            // Said of a secret that is marked for deletion.
            Some("InvalidRequestException") if operation == "GetSecretValue" => Self::Missing,
            Some("AccessDeniedException" | "AccessDenied") => Self::Unreadable { what: "access is denied" },
            Some("DecryptionFailure") => Self::Unreadable { what: "its encryption key can't be used" },
            code => Self::Unavailable { operation, cause: code.map_or_else(|| kind(error).to_owned(), str::to_owned) },
        }
    }
}

/// Why a secret of the user's own could not be had. As [`CredentialsError`], without any part of a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OwnSecretError {
    /// It does not exist, or is about to be deleted.
    #[error("the user's own secret does not exist")]
    Missing,
    /// It may not be read: `what` stands against it.
    #[error("the user's own secret may not be read: {what}")]
    Denied {
        /// What stands against it.
        what: &'static str,
    },
    /// It can be read and not be used: `what` is wrong with it.
    #[error("the user's own secret can't be used: {what}")]
    Unreadable {
        /// What is wrong, never with a value.
        what: &'static str,
    },
    /// Secrets Manager did not do what it was asked for. Trying again may help.
    #[error("Secrets Manager: {operation}: {cause}")]
    Unavailable {
        /// The operation, as AWS names it.
        operation: &'static str,
        /// The code of the service's error, or what happened to the request.
        cause: String,
    },
}

impl OwnSecretError {
    /// Judges an error of the SDK by its code alone.
    pub(crate) fn of<E, R>(operation: &'static str, error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata,
        R: fmt::Debug,
    {
        match code(error) {
            // Of a secret in another region or account, the service says one of these.
            Some(
                "ResourceNotFoundException"
                | "InvalidRequestException"
                | "InvalidParameterException"
                | "ValidationException",
            ) => Self::Missing,
            Some("AccessDeniedException" | "AccessDenied") => Self::Denied { what: "access is denied" },
            Some("DecryptionFailure") => Self::Denied { what: "its encryption key can't be used" },
            code => Self::Unavailable { operation, cause: code.map_or_else(|| kind(error).to_owned(), str::to_owned) },
        }
    }
}

/// The code of the service's error, where the service answered.
pub(crate) fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

fn kind<E, R>(error: &SdkError<E, R>) -> &'static str {
    match error {
        SdkError::ConstructionFailure(_) => "the request could not be made",
        SdkError::TimeoutError(_) => "no answer in time",
        SdkError::DispatchFailure(_) => "the request could not be sent",
        SdkError::ResponseError(_) => "the answer could not be read",
        _ => "an error without a code",
    }
}
