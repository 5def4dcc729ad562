//! What a failure means and how it is fixed, for the failure e-mail. Plain text, whole sentences, no jargon that the
//! owner of a receiver would have to look up.

use super::{CredentialProblem, DnsProblem, FailureReason, OAuthError, TlsProblem, TokenProblem};
use crate::receiver::Rule;

impl FailureReason {
    /// What happened, in one or two sentences.
    pub fn what_it_means(&self) -> &'static str {
        self.advice().0
    }

    /// What the owner of the receiver can do about it, in one or two sentences.
    pub fn how_to_fix(&self) -> &'static str {
        self.advice().1
    }

    fn advice(&self) -> (&'static str, &'static str) {
        match self {
            Self::Timeout { .. } => (
                "The receiver did not answer in time. All of it, from connection to answer, may take 5 seconds.",
                "Answer with a 2xx status at once and do the work afterwards, for instance from a queue. If the \
                 receiver is fast, check that a firewall does not drop the connections.",
            ),
            Self::HttpStatus { status } => status_advice(*status),
            Self::Tls { problem } => tls_advice(*problem),
            Self::Dns { problem } => dns_advice(*problem),
            Self::Credentials { problem } => credential_advice(*problem),
            Self::OAuth { problem } => token_advice(*problem),
            Self::RefusedByPolicy { rule } => policy_advice(*rule),
            other => connection_advice(other),
        }
    }
}

fn connection_advice(reason: &FailureReason) -> (&'static str, &'static str) {
    match reason {
        FailureReason::ConnectionRefused => (
            "Nothing accepts connections at the receiver's address and port.",
            "Start the receiver, and check the port in the URL and the firewall in front of it.",
        ),
        FailureReason::ConnectionReset | FailureReason::ConnectionClosed => (
            "The connection was broken off before the answer was complete.",
            "Look for crashes and restarts of the receiver, and for limits of time or size in a proxy in front of it.",
        ),
        FailureReason::Unreachable => (
            "There is no network route to the receiver's address.",
            "Check the addresses in the receiver's DNS records, in particular an IPv6 address that is not in service.",
        ),
        FailureReason::InvalidAnswer => (
            "The receiver answered with something that cannot be read as an HTTP/1.1 answer.",
            "Check that the URL leads to a web server, and that its answers have few and short headers.",
        ),
        _ => (
            "The connection to the receiver failed.",
            "Check that the receiver can be reached from the internet at the address and port of the URL.",
        ),
    }
}

fn status_advice(status: u16) -> (&'static str, &'static str) {
    match status {
        301 | 302 | 303 | 307 | 308 => (
            "The receiver sent the request on to another address. Redirects are not followed, for safety.",
            "Change the subscription's URL to the final address, including https, host name and trailing slash.",
        ),
        401 | 403 => (
            "The receiver does not accept the credentials of the request.",
            "Check the credentials of the subscription, and whether they have expired or lack a permission.",
        ),
        404 => (
            "The receiver has nothing at this path.",
            "Check the path of the subscription's URL, and that the receiver's latest version is deployed.",
        ),
        405 => (
            "The receiver does not accept POST requests at this path.",
            "Let the receiver accept POST at the URL of the subscription, or correct the URL.",
        ),
        410 => (
            "The receiver says that it is gone for good. The subscription is disabled for that reason.",
            "If that was a mistake, correct the receiver or the URL and enable the subscription again.",
        ),
        400 | 413 | 415 | 422 => (
            "The receiver refuses this very document: its content, size or format.",
            "Compare what the receiver expects with the documented form of the event. The excerpt of its answer may \
             say what it misses.",
        ),
        429 => (
            "The receiver asks for fewer requests.",
            "Raise its limit for this sender, or narrow the subscription with filters or `send: on_change`.",
        ),
        502..=504 => (
            "A gateway or load balancer answered in the place of the receiver, which is down, overloaded or too slow.",
            "Check that the receiver behind the gateway runs and answers in time.",
        ),
        500..=599 => (
            "The receiver failed while it handled the request.",
            "Look into the receiver's own logs at the times of the attempts. The excerpt of its answer may help.",
        ),
        _ => (
            "The receiver answered with a status that does not say success.",
            "Let the receiver answer with a status from 200 to 299 once it has taken the event.",
        ),
    }
}

fn tls_advice(problem: TlsProblem) -> (&'static str, &'static str) {
    match problem {
        TlsProblem::CertificateExpired => (
            "The receiver's TLS certificate has expired.",
            "Renew the certificate and reload the server. Check why the automatic renewal did not happen.",
        ),
        TlsProblem::CertificateNotYetValid => (
            "The receiver's TLS certificate is not valid yet.",
            "Check the certificate's dates and the clock of the machine that made it.",
        ),
        TlsProblem::UnknownIssuer => (
            "The receiver's TLS certificate was not issued by an authority that is trusted here.",
            "Let the server send its intermediate certificates too (the full chain), or use a certificate of a \
             public authority. A private authority can be added to the deployment (parameter TrustedCaPem).",
        ),
        TlsProblem::WrongHost => (
            "The receiver's TLS certificate is for another host name than the one in the URL.",
            "Use a certificate that contains the host name of the URL, or correct the URL.",
        ),
        TlsProblem::CertificateRevoked | TlsProblem::CertificateInvalid => (
            "The receiver's TLS certificate is not acceptable.",
            "Replace it with a current certificate for servers, issued by a public authority.",
        ),
        TlsProblem::NotTls => (
            "What listens at the receiver's port does not speak TLS.",
            "Check the port in the URL. Plain HTTP is not supported: put TLS in front of the receiver.",
        ),
        TlsProblem::NothingInCommon => (
            "The receiver offers no version of TLS or cipher that is still considered safe.",
            "Enable TLS 1.2 or 1.3 with current ciphers on the receiver.",
        ),
        TlsProblem::RefusedByReceiver | TlsProblem::HandshakeClosed | TlsProblem::HandshakeFailed => (
            "The TLS handshake with the receiver did not succeed.",
            "Check the TLS set-up of the receiver: client certificates are not supported, and the server must know \
             the host name of the URL.",
        ),
    }
}

fn dns_advice(problem: DnsProblem) -> (&'static str, &'static str) {
    match problem {
        DnsProblem::NoSuchHost => (
            "The host name in the URL does not exist in DNS, or has no address.",
            "Check the spelling of the host name, and that its DNS records exist and have not expired.",
        ),
        DnsProblem::NoAnswer => (
            "The name servers of the receiver's host name did not answer.",
            "Check the name servers of the domain. If it passes, nothing needs to be done: deliveries are retried.",
        ),
    }
}

fn credential_advice(problem: CredentialProblem) -> (&'static str, &'static str) {
    match problem {
        CredentialProblem::SecretMissing => {
            ("The stored credentials of the subscription no longer exist.", "Set the subscription's credentials again.")
        }
        CredentialProblem::SecretUnreadable => (
            "The stored credentials of the subscription could not be read.",
            "Set the subscription's credentials again. If that does not help, operations must check the secret, its \
             encryption key and the permissions of the dispatcher.",
        ),
        CredentialProblem::OwnSecretMissing => (
            "The secret of your own that the subscription points at does not exist, or is about to be deleted.",
            "Check the ARN in the subscription's `auth`, and the account and region of the secret.",
        ),
        CredentialProblem::OwnSecretDenied => (
            "The secret of your own that the subscription points at may not be read by Spacehook.",
            "Give it the tags `spacehook-stage` and `spacehook-tenant` with this deployment's stage and the \
             subscription's tenant. If it has a policy or a key of its own, these must allow the dispatcher, too.",
        ),
        CredentialProblem::OwnSecretUnreadable => (
            "The secret of your own that the subscription points at is not of a documented form.",
            "Put JSON into it: the subscription's `auth` as the API takes it, or `username` and `password`, or `token`.",
        ),
    }
}

fn token_advice(problem: TokenProblem) -> (&'static str, &'static str) {
    match problem {
        TokenProblem::Timeout { .. } => (
            "The OAuth token endpoint did not answer in time. Token and delivery together may take 5 seconds.",
            "Check that the token endpoint is up and answers quickly. A token is kept until shortly before it expires.",
        ),
        TokenProblem::ErrorAnswer { error } => token_error_advice(error),
        TokenProblem::HttpStatus { status: 401 | 403 } => (
            "The OAuth token endpoint does not accept the client's credentials.",
            "Check `client_id`, `client_secret` and `auth_style` of the subscription, and whether the secret has expired.",
        ),
        TokenProblem::HttpStatus { .. } => (
            "The OAuth token endpoint answered with a status that does not say success.",
            "Check `token_url` of the subscription: redirects are not followed. Then look into the logs of the \
             authorization server.",
        ),
        TokenProblem::RefusedByPolicy { .. } => (
            "The subscription's `token_url` is not one that may be called, or leads to an address that may not.",
            "Use an https URL on an allowed port whose host has public addresses only. For a server inside a private \
             network, operations can add an exception (parameter AllowedNetworks).",
        ),
        TokenProblem::UnreadableAnswer => (
            "The OAuth token endpoint answered with something that is not a Bearer token as RFC 6749 describes it.",
            "Check that `token_url` is the token endpoint. Its answer must be JSON of at most 64 KiB with `access_token` \
             and the `token_type` Bearer.",
        ),
        _ => (
            "No connection to the OAuth token endpoint could be made.",
            "Check the host name and port in `token_url`, the DNS records and the TLS certificate of that host.",
        ),
    }
}

fn token_error_advice(error: OAuthError) -> (&'static str, &'static str) {
    match error {
        OAuthError::InvalidClient | OAuthError::UnauthorizedClient | OAuthError::AccessDenied => (
            "The authorization server does not accept the OAuth client of the subscription.",
            "Check `client_id`, `client_secret` and `auth_style`, whether the secret has expired, and that the client may \
             use the grant `client_credentials`.",
        ),
        OAuthError::InvalidScope | OAuthError::InvalidTarget => (
            "The authorization server does not give this client a token for the `scope` or `audience` asked for.",
            "Correct `scope`, `audience` and `parameters` of the subscription, or allow them to the client.",
        ),
        OAuthError::UnsupportedGrantType | OAuthError::InvalidGrant | OAuthError::InvalidRequest => (
            "The authorization server does not take the request for a token as it is.",
            "Check that the server supports the grant `client_credentials`, and which parameters it wants besides.",
        ),
        OAuthError::ServerError | OAuthError::TemporarilyUnavailable => (
            "The authorization server says that it is in trouble itself.",
            "If it passes, nothing needs to be done: deliveries are retried. Else look into the server's logs.",
        ),
    }
}

fn policy_advice(rule: Rule) -> (&'static str, &'static str) {
    match rule {
        Rule::NotAUrl
        | Rule::UrlTooLong
        | Rule::NotHttps
        | Rule::Userinfo
        | Rule::Fragment
        | Rule::EmptyHost
        | Rule::Port => (
            "The subscription's URL is not one that may be called under the rules of this deployment.",
            "Change the URL as the rule says: https, no user name or password, no fragment, an allowed port.",
        ),
        _ => (
            "The receiver's host is, or leads to, an address that may not be called: it is not on the public internet.",
            "Use a host whose DNS records have public addresses only. For a receiver inside a private network, \
             operations can add an exception (parameter AllowedNetworks).",
        ),
    }
}
