//! Certificates and handshakes.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{ExtendedKeyUsagePurpose, date_time_ymd};
use spacehook_delivery::{InvalidCas, TrustedCas};
use spacehook_domain::failure::{FailureReason, TlsProblem};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;

use crate::support::*;

/// What an attempt says of a receiver with this certificate, whose authority is trusted.
async fn problem(authority: Authority, server: Arc<ServerConfig>) -> FailureReason {
    let receiver = Receiver::with_certificate(authority, server, |_, _| async {});
    reason(&receiver.attempt(PATIENT).await)
}

fn tls(problem: TlsProblem) -> FailureReason {
    FailureReason::Tls { problem }
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let authority = Authority::new();
    let server = authority.server(&[NAME], |params| params.not_after = date_time_ymd(2020, 1, 1));
    assert_eq!(problem(authority, server).await.to_string(), "TLS: certificate expired");
}

#[tokio::test]
async fn a_certificate_of_the_future_is_refused() {
    let authority = Authority::new();
    let server = authority.server(&[NAME], |params| params.not_before = date_time_ymd(2999, 1, 1));
    assert_eq!(problem(authority, server).await, tls(TlsProblem::CertificateNotYetValid));
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused() {
    let authority = Authority::new();
    let server = authority.server(&["elsewhere.example"], |_| {});
    assert_eq!(problem(authority, server).await.to_string(), "TLS: certificate is for another host");
}

#[tokio::test]
async fn a_client_certificate_is_no_servers() {
    let authority = Authority::new();
    let server = authority.server(&[NAME], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    assert_eq!(problem(authority, server).await, tls(TlsProblem::CertificateInvalid));
}

#[tokio::test]
async fn an_authority_nobody_trusts_is_refused() {
    // Of the same name as the trusted one, but with another key.
    let server = Authority::new().server(&[NAME], |_| {});
    assert_eq!(problem(Authority::new(), server).await.to_string(), "TLS: unknown issuer");

    // With no private authorities at all the public ones do not know it either.
    let receiver = Receiver::tls(|_, _| async {});
    let client = client(&local(), "", Answers::always(&["127.0.0.1"]));
    let result = attempt(&client, &receiver.url(NAME), PATIENT).await;
    assert_eq!(reason(&result), tls(TlsProblem::UnknownIssuer));
}

#[tokio::test]
async fn plain_http_is_named() {
    let receiver = Receiver::tcp(|mut stream, _| async move {
        let mut hello = [0; 64];
        let _ = stream.read(&mut hello).await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n").await;
    });
    assert_eq!(reason(&receiver.attempt(PATIENT).await).to_string(), "TLS: the receiver does not speak TLS");
}

#[tokio::test]
async fn a_handshake_that_is_broken_off_is_named() {
    let receiver = Receiver::tcp(|mut stream, _| async move {
        // All of the greeting must be read, or closing would reset the connection.
        let mut header = [0; 5];
        let _ = stream.read_exact(&mut header).await;
        let mut hello = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
        let _ = stream.read_exact(&mut hello).await;
    });
    assert_eq!(reason(&receiver.attempt(PATIENT).await), tls(TlsProblem::HandshakeClosed));
}

#[tokio::test]
async fn an_alert_of_the_receiver_is_named() {
    for (alert, expected) in [(40, TlsProblem::NothingInCommon), (112, TlsProblem::RefusedByReceiver)] {
        let receiver = Receiver::tcp(move |mut stream, _| async move {
            let mut hello = [0; 4096];
            let _ = stream.read(&mut hello).await;
            let _ = stream.write_all(&[21, 3, 3, 0, 2, 2, alert]).await;
            // Kept open until the client has read the alert.
            let _ = stream.read(&mut hello).await;
        });
        assert_eq!(reason(&receiver.attempt(PATIENT).await), tls(expected), "alert {alert}");
    }
}

#[tokio::test]
async fn tls_1_2_is_spoken_too() {
    let authority = Authority::new();
    let mut server = Arc::unwrap_or_clone(authority.server(&[NAME], |_| {}));
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    let only_1_2 = tokio_rustls::rustls::ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&tokio_rustls::rustls::version::TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(server.cert_resolver);
    let receiver = Receiver::with_certificate(authority, Arc::new(only_1_2), |mut stream, counts| async move {
        read_request(&mut stream, &counts).await;
        let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    });
    assert!(receiver.attempt(PATIENT).await.is_accepted());
}

#[test]
fn private_authorities_are_read_with_either_kind_of_line_end() {
    let (one, two) = (Authority::new().pem(), Authority::new().pem());
    let both = format!("{one}{two}");
    assert_eq!(TrustedCas::parse(&both).unwrap().len(), 2);
    assert_eq!(TrustedCas::parse(&both.replace("\r\n", "\n").replace('\n', "\\n")).unwrap().len(), 2);
    assert_eq!(TrustedCas::parse(&format!("# a comment\n{one}")).unwrap().len(), 1);
    assert!(TrustedCas::parse(" \n").unwrap().is_empty());
}

#[test]
fn text_that_is_no_authority_is_refused_with_the_reason() {
    let bad_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
    assert!(matches!(TrustedCas::parse("garbage"), Err(InvalidCas::NoCertificate)));
    assert!(matches!(TrustedCas::parse("-----BEGIN CERTIFICATE-----\nAAAA"), Err(InvalidCas::Pem(_))));
    assert!(matches!(TrustedCas::parse(&key), Err(InvalidCas::PrivateKey)));
    let second = format!("{}{bad_certificate}", Authority::new().pem());
    let error = TrustedCas::parse(&second).unwrap_err();
    assert_eq!(error.to_string(), "certificate 2 cannot be read");
}

/// What a cold start pays for. The bound is far above the usual (well under a millisecond), for busy machines.
#[test]
fn making_a_client_costs_next_to_nothing() {
    let pem = Authority::new().pem();
    let make = || {
        let started = std::time::Instant::now();
        let made = client(&local(), &pem, Answers::always(&[]));
        (started.elapsed(), made)
    };
    let best = (0..20).map(|_| make().0).min().unwrap();
    assert!(best < Duration::from_millis(3), "{best:?}");
}
