//! From an error of the HTTP client to a reason a person understands.
//!
//! Errors are recognised by their types, along the chain of sources. Their texts change between versions and could
//! be imitated by a receiver; types cannot.

use std::error::Error;
use std::io;
use std::time::Duration;

use rustls::{AlertDescription, CertificateError, Error as TlsError};
use spacehook_domain::failure::{FailureReason, TlsProblem};

use crate::attempt::AttemptError;
use crate::guard::GuardError;

/// Says why a request failed after `elapsed`; `Err` if the fault is our own.
pub(crate) fn classify(error: &reqwest::Error, elapsed: Duration) -> Result<FailureReason, AttemptError> {
    for cause in chain(error) {
        if let Some(guard) = cause.downcast_ref() {
            return from_guard(guard);
        }
        if let Some(tls) = cause.downcast_ref() {
            return Ok(from_tls(tls, error.is_connect()));
        }
        if let Some(io) = cause.downcast_ref()
            && let Some(known) = from_io(io, error.is_connect(), elapsed)
        {
            return known;
        }
    }
    if error.is_builder() {
        return Err(AttemptError::Unbuildable);
    }
    if error.is_timeout() {
        return Ok(FailureReason::timeout(elapsed));
    }
    Ok(chain(error)
        .find_map(|cause| cause.downcast_ref().and_then(from_http))
        .unwrap_or(FailureReason::ConnectionFailed))
}

/// Whether the connection ended where more was expected.
pub(crate) fn is_unexpected_end(error: &reqwest::Error) -> bool {
    let is_end = |io: &io::Error| io.kind() == io::ErrorKind::UnexpectedEof;
    chain(error).any(|cause| cause.downcast_ref().is_some_and(is_end))
}

/// The error and its sources, outermost first. An `io::Error` hides the error inside it from `source`, and TLS errors
/// come wrapped in several of them.
fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let first: &(dyn Error + 'static) = error;
    std::iter::successors(Some(first), |cause| next_cause(*cause))
}

fn next_cause<'a>(cause: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inside) => Some(inside),
        None => cause.source(),
    }
}

fn from_guard(error: &GuardError) -> Result<FailureReason, AttemptError> {
    match error {
        GuardError::Refused(refused) => Ok((*refused).into()),
        GuardError::Lookup(lookup) => Ok(FailureReason::Dns { problem: lookup.problem() }),
        GuardError::Unguarded => Err(AttemptError::Unguarded),
    }
}

/// `None` where the kind says nothing, so that the search goes on to what is inside.
fn from_io(error: &io::Error, connecting: bool, elapsed: Duration) -> Option<Result<FailureReason, AttemptError>> {
    if let Some(code) = error.raw_os_error()
        && OUR_RESOURCES.contains(&code)
    {
        return Some(Err(AttemptError::Resources(io::Error::from_raw_os_error(code))));
    }
    let reason = match error.kind() {
        io::ErrorKind::ConnectionRefused => FailureReason::ConnectionRefused,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
            FailureReason::ConnectionReset
        }
        // The last is what a machine without IPv6 says of an IPv6 address.
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NetworkDown
        | io::ErrorKind::AddrNotAvailable => FailureReason::Unreachable,
        io::ErrorKind::TimedOut => FailureReason::timeout(elapsed),
        io::ErrorKind::UnexpectedEof if connecting => FailureReason::Tls { problem: TlsProblem::HandshakeClosed },
        io::ErrorKind::UnexpectedEof => FailureReason::ConnectionClosed,
        // A chunk size that is no number. TLS errors have this kind too, but with the real cause inside.
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData if !connecting && !wraps_tls(error) => {
            FailureReason::InvalidAnswer
        }
        _ => return None,
    };
    Some(Ok(reason))
}

/// ENOMEM, ENFILE, EMFILE and ENOBUFS of Linux, most of which have no stable `io::ErrorKind`.
const OUR_RESOURCES: [i32; 4] = [12, 23, 24, 105];

fn wraps_tls(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inside| inside.is::<TlsError>() || inside.is::<io::Error>())
}

fn from_http(error: &hyper::Error) -> Option<FailureReason> {
    // Too many or too long headers are among these: hyper tells them apart for servers only.
    if error.is_parse() {
        return Some(FailureReason::InvalidAnswer);
    }
    let is_closed = error.is_incomplete_message() || error.is_closed() || error.is_canceled();
    is_closed.then_some(FailureReason::ConnectionClosed)
}

fn from_tls(error: &TlsError, connecting: bool) -> FailureReason {
    let problem = match error {
        TlsError::InvalidCertificate(certificate) => from_certificate(certificate),
        TlsError::AlertReceived(
            AlertDescription::HandshakeFailure
            | AlertDescription::ProtocolVersion
            | AlertDescription::InsufficientSecurity,
        )
        | TlsError::PeerIncompatible(_)
        | TlsError::NoApplicationProtocol => TlsProblem::NothingInCommon,
        TlsError::AlertReceived(_) => TlsProblem::RefusedByReceiver,
        _ if !connecting => return FailureReason::ConnectionFailed,
        TlsError::InvalidMessage(_) => TlsProblem::NotTls,
        TlsError::NoCertificatesPresented => TlsProblem::CertificateInvalid,
        _ => TlsProblem::HandshakeFailed,
    };
    FailureReason::Tls { problem }
}

fn from_certificate(error: &CertificateError) -> TlsProblem {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => TlsProblem::CertificateExpired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            TlsProblem::CertificateNotYetValid
        }
        // A bad signature is what an authority of the same name with another key looks like.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => TlsProblem::UnknownIssuer,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => TlsProblem::WrongHost,
        CertificateError::Revoked => TlsProblem::CertificateRevoked,
        _ => TlsProblem::CertificateInvalid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_code(code: i32) -> Option<Result<FailureReason, AttemptError>> {
        from_io(&io::Error::from_raw_os_error(code), true, Duration::from_secs(1))
    }

    #[test]
    fn what_this_machine_lacks_is_not_the_receivers_failure() {
        for code in OUR_RESOURCES {
            assert!(matches!(of_code(code), Some(Err(AttemptError::Resources(_)))), "{code}");
        }
    }

    #[test]
    fn failures_of_the_network_have_names() {
        let table = [
            (99, FailureReason::Unreachable),  // EADDRNOTAVAIL
            (101, FailureReason::Unreachable), // ENETUNREACH
            (104, FailureReason::ConnectionReset),
            (110, FailureReason::timeout(Duration::from_secs(1))), // ETIMEDOUT
            (111, FailureReason::ConnectionRefused),
            (113, FailureReason::Unreachable), // EHOSTUNREACH
        ];
        for (code, expected) in table {
            assert_eq!(of_code(code).unwrap().unwrap(), expected, "{code}");
        }
    }

    #[test]
    fn a_kind_that_says_nothing_leads_on() {
        assert!(from_io(&io::Error::other("wrapped"), true, Duration::ZERO).is_none());
    }
}
