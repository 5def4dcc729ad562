//! Connections that are refused, silent, reset, reused or dead.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use spacehook_domain::attempt::Outcome;
use spacehook_domain::failure::{DnsProblem, FailureReason};
use tokio::io::AsyncWriteExt as _;

use crate::support::*;

#[tokio::test]
async fn a_closed_port_is_a_refused_connection() {
    let client = client(&local(), "", Answers::always(&["127.0.0.1"]));
    let result = attempt(&client, &format!("https://{NAME}:{}/", closed_port()), PATIENT).await;
    assert_eq!(reason(&result).to_string(), "connection refused");
}

#[tokio::test]
async fn a_dead_first_address_does_not_cost_the_second() {
    let receiver = Receiver::answering("HTTP/1.1 204 No Content\r\n\r\n");
    let client = client(&local(), &receiver.authority.pem(), Answers::always(&["127.9.9.9", "127.0.0.1"]));
    assert!(attempt(&client, &receiver.url(NAME), PATIENT).await.is_accepted());
}

#[tokio::test]
async fn a_receiver_that_accepts_and_never_answers_times_out() {
    let receiver = Receiver::tls(|mut stream, counts| async move {
        read_request(&mut stream, &counts).await;
        std::future::pending::<()>().await;
    });
    let result = receiver.attempt(SHORT).await;
    assert_eq!(reason(&result), FailureReason::timeout(SHORT));
    assert_eq!(receiver.counts.requests(), 1);
}

#[tokio::test]
async fn a_handshake_that_never_ends_times_out() {
    let receiver = Receiver::tcp(|stream, _| async move {
        std::future::pending::<()>().await;
        drop(stream);
    });
    assert_eq!(reason(&receiver.attempt(SHORT).await), FailureReason::timeout(SHORT));
}

/// Ends the connection with a reset instead of a farewell.
fn reset(stream: TlsStream) {
    let (tcp, _) = stream.into_inner();
    tcp.set_zero_linger().unwrap();
}

#[tokio::test]
async fn a_reset_is_named() {
    for answer in ["", "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nnot that much"] {
        let receiver = Receiver::tls(move |mut stream, counts| async move {
            read_request(&mut stream, &counts).await;
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.flush().await;
            reset(stream);
        });
        let result = receiver.attempt(PATIENT).await;
        assert_eq!(reason(&result), FailureReason::ConnectionReset, "{answer}");
        assert!(!result.resent);
    }
}

#[tokio::test]
async fn connections_are_reused() {
    let receiver = Receiver::tls(|mut stream, counts| async move {
        while !read_request(&mut stream, &counts).await.is_empty() {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        }
    });
    let answers = Answers::always(&["127.0.0.1"]);
    let client = client(&local(), &receiver.authority.pem(), answers.clone());
    for _ in 0..10 {
        assert!(attempt(&client, &receiver.url(NAME), PATIENT).await.is_accepted());
    }
    assert_eq!((receiver.counts.connections(), receiver.counts.requests(), answers.lookups()), (1, 10, 1));
}

/// Answers the first request of every connection properly. At the second it breaks the connection, as one does that
/// died while the client was frozen, until `break_fresh` breaks even first requests.
fn dying(with_reset: bool, break_fresh: &Arc<AtomicUsize>) -> Receiver {
    let break_fresh = Arc::clone(break_fresh);
    Receiver::tls(move |mut stream, counts| {
        let break_fresh = Arc::clone(&break_fresh);
        async move {
            read_request(&mut stream, &counts).await;
            if break_fresh.load(Ordering::SeqCst) == 0 {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
                read_request(&mut stream, &counts).await;
            }
            if with_reset {
                reset(stream);
            }
        }
    })
}

#[tokio::test]
async fn a_dead_pooled_connection_is_replaced_at_once() {
    for with_reset in [false, true] {
        let receiver = dying(with_reset, &Arc::default());
        let client = receiver.client();
        let first = attempt(&client, &receiver.url(NAME), PATIENT).await;
        assert!(first.is_accepted() && !first.resent);
        let second = attempt(&client, &receiver.url(NAME), PATIENT).await;
        assert_eq!(second.outcome, Outcome::Accepted { status: 200 });
        assert!(second.resent);
        assert_eq!((receiver.counts.connections(), receiver.counts.requests()), (2, 3));
    }
}

#[tokio::test]
async fn it_is_sent_again_once_only() {
    let break_fresh = Arc::default();
    let receiver = dying(true, &break_fresh);
    let client = receiver.client();
    assert!(attempt(&client, &receiver.url(NAME), PATIENT).await.is_accepted());
    break_fresh.store(1, Ordering::SeqCst);
    let result = attempt(&client, &receiver.url(NAME), PATIENT).await;
    assert_eq!(reason(&result), FailureReason::ConnectionReset);
    assert!(result.resent);
    assert_eq!((receiver.counts.connections(), receiver.counts.requests()), (2, 3));
}

#[tokio::test]
async fn a_name_without_addresses_is_named() {
    for (answers, problem) in
        [(Answers::always(&[]), DnsProblem::NoSuchHost), (Answers::silent(), DnsProblem::NoAnswer)]
    {
        let client = client(&local(), "", answers);
        let result = attempt(&client, &format!("https://{NAME}:8443/"), PATIENT).await;
        assert_eq!(reason(&result), FailureReason::Dns { problem });
    }
}
