//! Why an attempt failed, in words a person understands and in keys a counter can hold.
//!
//! A [`FailureReason`] is what is recorded with an attempt, counted in statistics, shown by the API and explained in
//! the failure e-mail. Only failures *of the receiver, its credentials or its address* are here; faults of our own
//! are errors, and are never held against a receiver.

mod advice;
mod oauth;

pub use oauth::{OAuthError, TokenProblem};

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::receiver::{RefusedAddress, RefusedUrl, Rule};

/// How long an attempt may take in all: name look-up, connection, TLS, request and answer.
pub const ATTEMPT_DEADLINE: Duration = Duration::from_secs(5);

/// Why an attempt failed.
///
/// `Display` is the text for people, [`FailureReason::key`] the stable name for counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum FailureReason {
    /// No complete answer within the time allowed.
    Timeout {
        /// How long was waited, in milliseconds.
        after_ms: u64,
    },
    /// A complete answer with a status that is not 2xx. Redirects are among them: they are not followed.
    HttpStatus {
        /// The status code, 100 to 999.
        status: u16,
    },
    /// The TLS handshake failed.
    Tls {
        /// What was wrong.
        problem: TlsProblem,
    },
    /// The receiver's name led to no address.
    Dns {
        /// What was wrong.
        problem: DnsProblem,
    },
    /// Nothing listens at the address and port, or a firewall says so.
    ConnectionRefused,
    /// The connection was broken off by the receiver or by something on the way.
    ConnectionReset,
    /// The receiver closed the connection before its answer was complete.
    ConnectionClosed,
    /// There is no route to the address.
    Unreachable,
    /// The connection failed in a way that has no name of its own here.
    ConnectionFailed,
    /// What came back is not HTTP/1.1, or has more or longer headers than are read (100 headers, about 400 KiB).
    InvalidAnswer,
    /// The guard refuses the receiver's URL or an address that its name leads to.
    RefusedByPolicy {
        /// The rule that refused.
        rule: Rule,
    },
    /// The receiver's credentials could not be used.
    Credentials {
        /// What was wrong.
        problem: CredentialProblem,
    },
    /// The token endpoint of the subscription's OAuth 2.0 client gave no token, so that nothing was sent.
    #[serde(rename = "oauth")]
    OAuth {
        /// What was wrong.
        problem: TokenProblem,
    },
}

/// What went wrong in a TLS handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TlsProblem {
    /// The certificate's validity is over.
    CertificateExpired,
    /// The certificate's validity has not begun.
    CertificateNotYetValid,
    /// No trusted authority issued the certificate, or an intermediate certificate is missing.
    UnknownIssuer,
    /// The certificate does not name the host of the URL.
    WrongHost,
    /// The certificate was revoked.
    CertificateRevoked,
    /// The certificate is wrong in another way: encoding, purpose, signature.
    CertificateInvalid,
    /// What answered does not speak TLS, such as a plain HTTP server.
    NotTls,
    /// There is no protocol version or cipher that both sides accept (TLS 1.2 and 1.3 are offered).
    NothingInCommon,
    /// The receiver broke the handshake off with an alert, for instance since it wants a client certificate.
    RefusedByReceiver,
    /// The receiver closed the connection during the handshake.
    HandshakeClosed,
    /// The handshake failed otherwise.
    HandshakeFailed,
}

/// What went wrong in the name look-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DnsProblem {
    /// The name does not exist, or has no address.
    NoSuchHost,
    /// The name servers did not answer, or answered with a failure of their own.
    NoAnswer,
}

/// What went wrong with a subscription's credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CredentialProblem {
    /// The secret does not exist.
    SecretMissing,
    /// The secret exists, but access to it or to its key is denied, or it cannot be understood.
    SecretUnreadable,
    /// The user's own secret that the subscription points at does not exist.
    OwnSecretMissing,
    /// The user's own secret may not be read: its tags, its policy or its key do not allow it.
    OwnSecretDenied,
    /// The user's own secret can be read, and is not of a documented form.
    OwnSecretUnreadable,
}

impl FailureReason {
    /// A timeout after this long (to the millisecond).
    pub fn timeout(after: Duration) -> Self {
        Self::Timeout { after_ms: u64::try_from(after.as_millis()).unwrap_or(u64::MAX) }
    }

    /// An answer with this status, which is not 2xx.
    pub fn from_http_status(status: u16) -> Self {
        Self::HttpStatus { status }
    }

    /// The stable `snake_case` name for counters: `timeout`, `http_503`, `tls_unknown_issuer`, `policy_loopback`.
    ///
    /// There are under 1,400 of them whatever receivers do: what varies freely, as a duration does, is left out.
    pub fn key(&self) -> String {
        match self {
            Self::HttpStatus { status } => format!("http_{status}"),
            Self::Tls { problem } => format!("tls_{}", problem.words().0),
            Self::Dns { problem } => format!("dns_{}", problem.words().0),
            Self::RefusedByPolicy { rule } => format!("policy_{}", rule.key()),
            Self::Credentials { problem } => format!("credentials_{}", problem.words().0),
            Self::OAuth { problem } => problem.key(),
            Self::Timeout { .. } => "timeout".to_owned(),
            Self::ConnectionRefused => "connection_refused".to_owned(),
            Self::ConnectionReset => "connection_reset".to_owned(),
            Self::ConnectionClosed => "connection_closed".to_owned(),
            Self::Unreachable => "unreachable".to_owned(),
            Self::ConnectionFailed => "connection_failed".to_owned(),
            Self::InvalidAnswer => "invalid_answer".to_owned(),
        }
    }

    /// The reason with this [`key`](Self::key), or `None`. A timeout is taken to be one of [`ATTEMPT_DEADLINE`].
    pub fn from_key(key: &str) -> Option<Self> {
        if let Some(status) = key.strip_prefix("http_") {
            let status = status.parse().ok().filter(|status| (100..=999).contains(status))?;
            return Some(Self::HttpStatus { status });
        }
        if let Some(rule) = key.strip_prefix("policy_") {
            return Rule::from_key(rule).map(|rule| Self::RefusedByPolicy { rule });
        }
        if let Some(problem) = TokenProblem::from_key(key) {
            return Some(Self::OAuth { problem });
        }
        Self::with_fixed_keys().find(|reason| reason.key() == key)
    }

    /// Whether trying again cannot help, so that the delivery is dead at once: a refusal by policy, of the receiver or
    /// of the token endpoint.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::RefusedByPolicy { .. } | Self::OAuth { problem: TokenProblem::RefusedByPolicy { .. } })
    }

    /// Whether the credentials were refused, by the receiver or by the token endpoint: newer ones may be accepted.
    pub fn refuses_credentials(&self) -> bool {
        match self {
            Self::HttpStatus { status } => matches!(status, 401 | 403),
            Self::OAuth { problem } => problem.refuses_credentials(),
            _ => false,
        }
    }

    /// The HTTP status, where the receiver answered with one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::HttpStatus { status } => Some(*status),
            _ => None,
        }
    }

    /// Every reason but those with a status or a rule, and those of a token endpoint.
    fn with_fixed_keys() -> impl Iterator<Item = Self> {
        let tls = TlsProblem::ALL.into_iter().map(|problem| Self::Tls { problem });
        let dns = DnsProblem::ALL.into_iter().map(|problem| Self::Dns { problem });
        let credentials = CredentialProblem::ALL.into_iter().map(|problem| Self::Credentials { problem });
        let plain = [
            Self::timeout(ATTEMPT_DEADLINE),
            Self::ConnectionRefused,
            Self::ConnectionReset,
            Self::ConnectionClosed,
            Self::Unreachable,
            Self::ConnectionFailed,
            Self::InvalidAnswer,
        ];
        plain.into_iter().chain(tls).chain(dns).chain(credentials)
    }
}

impl fmt::Display for FailureReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout { after_ms } => write_timeout(formatter, *after_ms),
            // 304 and 300 are 3xx too, but tell nobody to go elsewhere.
            Self::HttpStatus { status: status @ (301 | 302 | 303 | 307 | 308) } => {
                write!(formatter, "redirect not followed (HTTP {status})")
            }
            Self::HttpStatus { status } => write!(formatter, "HTTP {status}"),
            Self::Tls { problem } => write!(formatter, "TLS: {}", problem.words().1),
            Self::Dns { problem } => write!(formatter, "DNS: {}", problem.words().1),
            Self::RefusedByPolicy { rule } => write!(formatter, "refused by policy: {rule}"),
            Self::Credentials { problem } => write!(formatter, "credentials: {}", problem.words().1),
            Self::OAuth { problem } => write!(formatter, "OAuth token: {problem}"),
            Self::ConnectionRefused => formatter.write_str("connection refused"),
            Self::ConnectionReset => formatter.write_str("connection reset"),
            Self::ConnectionClosed => formatter.write_str("connection closed before the answer was complete"),
            Self::Unreachable => formatter.write_str("no route to the receiver"),
            Self::ConnectionFailed => formatter.write_str("connection failed"),
            Self::InvalidAnswer => formatter.write_str("not a valid HTTP answer"),
        }
    }
}

/// Whole seconds where they are whole, so that the usual one reads `timeout after 5 s`.
fn write_timeout(formatter: &mut fmt::Formatter<'_>, after_ms: u64) -> fmt::Result {
    if after_ms.is_multiple_of(1000) {
        write!(formatter, "timeout after {} s", after_ms / 1000)
    } else {
        write!(formatter, "timeout after {after_ms} ms")
    }
}

impl TlsProblem {
    const ALL: [Self; 11] = [
        Self::CertificateExpired,
        Self::CertificateNotYetValid,
        Self::UnknownIssuer,
        Self::WrongHost,
        Self::CertificateRevoked,
        Self::CertificateInvalid,
        Self::NotTls,
        Self::NothingInCommon,
        Self::RefusedByReceiver,
        Self::HandshakeClosed,
        Self::HandshakeFailed,
    ];

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::CertificateExpired => ("certificate_expired", "certificate expired"),
            Self::CertificateNotYetValid => ("certificate_not_yet_valid", "certificate not valid yet"),
            Self::UnknownIssuer => ("unknown_issuer", "unknown issuer"),
            Self::WrongHost => ("wrong_host", "certificate is for another host"),
            Self::CertificateRevoked => ("certificate_revoked", "certificate revoked"),
            Self::CertificateInvalid => ("certificate_invalid", "certificate not valid"),
            Self::NotTls => ("not_tls", "the receiver does not speak TLS"),
            Self::NothingInCommon => ("nothing_in_common", "no protocol version or cipher in common"),
            Self::RefusedByReceiver => ("refused_by_receiver", "handshake refused by the receiver"),
            Self::HandshakeClosed => ("handshake_closed", "connection closed during the handshake"),
            Self::HandshakeFailed => ("handshake_failed", "handshake failed"),
        }
    }
}

impl DnsProblem {
    const ALL: [Self; 2] = [Self::NoSuchHost, Self::NoAnswer];

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::NoSuchHost => ("no_such_host", "no such host"),
            Self::NoAnswer => ("no_answer", "no answer"),
        }
    }
}

impl CredentialProblem {
    const ALL: [Self; 5] = [
        Self::SecretMissing,
        Self::SecretUnreadable,
        Self::OwnSecretMissing,
        Self::OwnSecretDenied,
        Self::OwnSecretUnreadable,
    ];

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::OwnSecretMissing => ("own_secret_missing", "your own secret does not exist"),
            Self::OwnSecretDenied => ("own_secret_denied", "your own secret may not be read"),
            Self::OwnSecretUnreadable => ("own_secret_unreadable", "your own secret is not of a documented form"),
            Self::SecretMissing => ("secret_missing", "secret missing"),
            Self::SecretUnreadable => ("secret_unreadable", "secret unreadable"),
        }
    }
}

impl From<RefusedUrl> for FailureReason {
    fn from(refused: RefusedUrl) -> Self {
        Self::RefusedByPolicy { rule: refused.rule() }
    }
}

impl From<RefusedAddress> for FailureReason {
    fn from(refused: RefusedAddress) -> Self {
        Self::RefusedByPolicy { rule: refused.rule() }
    }
}

#[cfg(test)]
mod tests;
