//! Why a token endpoint gave no token.

use super::{ATTEMPT_DEADLINE, DnsProblem, FailureReason, TlsProblem};
use crate::receiver::Rule;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a token endpoint gave no token. `Display` is the text for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[non_exhaustive]
pub enum TokenProblem {
    /// No complete answer in the time that the attempt had.
    Timeout {
        /// How long was waited, in milliseconds.
        after_ms: u64,
    },
    /// A status of 300 to 599 without an error that has a name here.
    HttpStatus {
        /// The status code.
        status: u16,
    },
    /// An error with a name.
    ErrorAnswer {
        /// The name.
        error: OAuthError,
    },
    /// Success, but no Bearer token that can be sent.
    UnreadableAnswer,
    /// The guard refuses the token URL or an address that its name leads to.
    RefusedByPolicy {
        /// The rule that refused.
        rule: Rule,
    },
    /// The TLS handshake failed.
    Tls {
        /// What was wrong.
        tls: TlsProblem,
    },
    /// The name led to no address.
    Dns {
        /// What was wrong.
        dns: DnsProblem,
    },
    /// Nothing listens at the address and port, or a firewall says so.
    ConnectionRefused,
    /// The connection was broken off.
    ConnectionReset,
    /// The connection was closed before the answer was complete.
    ConnectionClosed,
    /// There is no route to the address.
    Unreachable,
    /// The connection failed in another way.
    ConnectionFailed,
    /// What came back is not HTTP/1.1, or has a status that is none.
    InvalidAnswer,
}

/// The errors that authorization servers name (RFC 6749, 5.2 and 4.1.2.1; RFC 8707, 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OAuthError {
    /// The client is not known, or did not prove itself.
    InvalidClient,
    /// The request lacks something, or has something twice.
    InvalidRequest,
    /// The grant is not valid.
    InvalidGrant,
    /// The client may not use this grant.
    UnauthorizedClient,
    /// The server does not have this grant.
    UnsupportedGrantType,
    /// The scope is unknown, or too much.
    InvalidScope,
    /// The audience or resource is unknown.
    InvalidTarget,
    /// The client is refused; some servers say so of a wrong secret.
    AccessDenied,
    /// The server failed.
    ServerError,
    /// The server can't do it now.
    TemporarilyUnavailable,
}

impl OAuthError {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::InvalidClient,
        Self::InvalidRequest,
        Self::InvalidGrant,
        Self::UnauthorizedClient,
        Self::UnsupportedGrantType,
        Self::InvalidScope,
        Self::InvalidTarget,
        Self::AccessDenied,
        Self::ServerError,
        Self::TemporarilyUnavailable,
    ];

    /// As servers write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidClient => "invalid_client",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::AccessDenied => "access_denied",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
        }
    }

    /// The error that servers write so. Their own errors have no name here: names are counted, and must be few.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|error| error.as_str() == text)
    }
}

const PREFIX: &str = "oauth_";

impl TokenProblem {
    /// The problem that is this failure of an exchange with the token endpoint; `None` for what is none of it.
    pub fn of(reason: FailureReason) -> Option<Self> {
        Some(match reason {
            FailureReason::Timeout { after_ms } => Self::Timeout { after_ms },
            FailureReason::HttpStatus { status } => Self::from_http_status(status),
            FailureReason::RefusedByPolicy { rule } => Self::RefusedByPolicy { rule },
            FailureReason::Tls { problem } => Self::Tls { tls: problem },
            FailureReason::Dns { problem } => Self::Dns { dns: problem },
            FailureReason::ConnectionRefused => Self::ConnectionRefused,
            FailureReason::ConnectionReset => Self::ConnectionReset,
            FailureReason::ConnectionClosed => Self::ConnectionClosed,
            FailureReason::Unreachable => Self::Unreachable,
            FailureReason::ConnectionFailed => Self::ConnectionFailed,
            FailureReason::InvalidAnswer => Self::InvalidAnswer,
            FailureReason::Credentials { .. } | FailureReason::OAuth { .. } => return None,
        })
    }

    /// An answer with this status, which is not success and names no error. What is beyond the classes of HTTP is no
    /// answer of it: so there are few keys, whatever a server says.
    pub fn from_http_status(status: u16) -> Self {
        if (300..=599).contains(&status) { Self::HttpStatus { status } } else { Self::InvalidAnswer }
    }

    /// The same as a failure of a receiver, whose words and keys it shares.
    fn as_reason(self) -> Option<FailureReason> {
        Some(match self {
            Self::Timeout { after_ms } => FailureReason::Timeout { after_ms },
            Self::HttpStatus { status } => FailureReason::HttpStatus { status },
            Self::RefusedByPolicy { rule } => FailureReason::RefusedByPolicy { rule },
            Self::Tls { tls } => FailureReason::Tls { problem: tls },
            Self::Dns { dns } => FailureReason::Dns { problem: dns },
            Self::ConnectionRefused => FailureReason::ConnectionRefused,
            Self::ConnectionReset => FailureReason::ConnectionReset,
            Self::ConnectionClosed => FailureReason::ConnectionClosed,
            Self::Unreachable => FailureReason::Unreachable,
            Self::ConnectionFailed => FailureReason::ConnectionFailed,
            Self::InvalidAnswer => FailureReason::InvalidAnswer,
            Self::ErrorAnswer { .. } | Self::UnreadableAnswer => return None,
        })
    }

    /// The stable name for counters: `oauth_timeout`, `oauth_error_invalid_client`, `oauth_http_503`.
    pub(super) fn key(self) -> String {
        match (self, self.as_reason()) {
            (Self::ErrorAnswer { error }, _) => format!("{PREFIX}error_{}", error.as_str()),
            (_, Some(reason)) => format!("{PREFIX}{}", reason.key()),
            (_, None) => format!("{PREFIX}unreadable_answer"),
        }
    }

    /// The problem with this [`key`](Self::key). A timeout is taken to be one of [`ATTEMPT_DEADLINE`].
    pub(super) fn from_key(key: &str) -> Option<Self> {
        let key = key.strip_prefix(PREFIX)?;
        if let Some(error) = key.strip_prefix("error_") {
            return OAuthError::parse(error).map(|error| Self::ErrorAnswer { error });
        }
        match key {
            "unreadable_answer" => Some(Self::UnreadableAnswer),
            "timeout" => Self::of(FailureReason::timeout(ATTEMPT_DEADLINE)),
            _ => {
                let problem = Self::of(FailureReason::from_key(key)?)?;
                // A status that is none of HTTP's has no key of its own.
                (problem.key().strip_prefix(PREFIX) == Some(key)).then_some(problem)
            }
        }
    }

    /// Whether the client's credentials were refused.
    pub(super) fn refuses_credentials(self) -> bool {
        match self {
            Self::HttpStatus { status } => matches!(status, 401 | 403),
            Self::ErrorAnswer { error } => {
                matches!(error, OAuthError::InvalidClient | OAuthError::UnauthorizedClient | OAuthError::AccessDenied)
            }
            _ => false,
        }
    }
}

impl fmt::Display for TokenProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.as_reason()) {
            (Self::ErrorAnswer { error }, _) => write!(formatter, "refused with {}", error.as_str()),
            (Self::Unreachable, _) => formatter.write_str("no route to the token endpoint"),
            (_, Some(reason)) => reason.fmt(formatter),
            (_, None) => formatter.write_str("the answer is not a Bearer token"),
        }
    }
}
