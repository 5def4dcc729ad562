//! What receivers answer, and how much of it is believed and read.

use std::sync::atomic::Ordering;
use std::time::Duration;

use spacehook_delivery::{MAX_ANSWER_BYTES, MAX_EXCERPT_BYTES};
use spacehook_domain::attempt::Outcome;
use spacehook_domain::failure::FailureReason;
use tokio::io::AsyncWriteExt as _;
use tokio::time::sleep;

use crate::support::*;

#[tokio::test]
async fn a_2xx_is_accepted() {
    for (answer, status) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", 200),
        ("HTTP/1.1 204 No Content\r\n\r\n", 204),
        ("HTTP/1.1 299 Odd\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 299),
        ("HTTP/1.0 200 OK\r\n\r\nuntil the end of the connection", 200),
    ] {
        let receiver = Receiver::answering(answer);
        let result = receiver.attempt(PATIENT).await;
        assert_eq!(result.outcome, Outcome::Accepted { status }, "{answer}");
        assert_eq!(receiver.counts.requests(), 1);
        assert!(!result.resent && result.duration < PATIENT);
    }
}

#[tokio::test]
async fn the_request_is_sent_as_it_was_given() {
    let (sender, mut requests) = tokio::sync::mpsc::unbounded_channel();
    let receiver = Receiver::tls(move |mut stream, counts| {
        let sender = sender.clone();
        async move {
            sender.send(read_request(&mut stream, &counts).await).unwrap();
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
        }
    });
    assert!(receiver.attempt(PATIENT).await.is_accepted());
    let request = String::from_utf8(requests.recv().await.unwrap()).unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<&str> = head.lines().collect();
    assert_eq!(lines.remove(0), "POST /hook?key=T0PSECRET HTTP/1.1");
    lines.sort_unstable();
    let host = format!("host: {NAME}:{}", receiver.port);
    // No `accept-encoding`: answers are not decompressed. No `referer`, no `user-agent` but the caller's.
    let expected = [
        "accept: */*",
        "authorization: Bearer T0PSECRET",
        "content-length: 7",
        "content-type: application/json",
        &host,
    ];
    assert_eq!(lines, expected);
    assert_eq!(body, "{\"n\":1}");
}

#[tokio::test]
async fn a_failure_keeps_status_and_the_start_of_the_answer() {
    let body = format!("broken\r\n\x1b[31m{}", "é".repeat(2000));
    let answer = format!("HTTP/1.1 500 Oh\r\nretry-after: 120\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let result = Receiver::answering(answer).attempt(PATIENT).await;
    assert_eq!(reason(&result), FailureReason::from_http_status(500));
    assert!(matches!(result.outcome, Outcome::Failed { status: Some(500), .. }));
    assert_eq!(result.retry_after.as_deref(), Some("120"));
    let excerpt = excerpt(&result).unwrap();
    assert!(excerpt.starts_with("broken  [31mé") && excerpt.ends_with('é'), "{excerpt}");
    assert!(excerpt.len() <= MAX_EXCERPT_BYTES);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let receiver = Receiver::answering(format!(
            "HTTP/1.1 {status} Go\r\nlocation: http://169.254.169.254/latest/meta-data/\r\ncontent-length: 0\r\n\r\n"
        ));
        let answers = Answers::always(&["127.0.0.1"]);
        let client = client(&local(), &receiver.authority.pem(), answers.clone());
        let result = attempt(&client, &receiver.url(NAME), PATIENT).await;
        assert_eq!(reason(&result).to_string(), format!("redirect not followed (HTTP {status})"));
        assert_eq!((receiver.counts.requests(), answers.lookups()), (1, 1));
    }
}

#[tokio::test]
async fn other_statuses_are_failures() {
    for status in [101, 300, 304, 400, 404, 410, 429, 503, 599, 799] {
        let receiver = Receiver::answering(format!("HTTP/1.1 {status} Odd\r\ncontent-length: 0\r\n\r\n"));
        let result = receiver.attempt(PATIENT).await;
        assert_eq!(reason(&result).to_string(), format!("HTTP {status}"));
        assert_eq!(excerpt(&result), None);
    }
}

#[tokio::test]
async fn an_answer_a_byte_at_a_time_is_a_timeout() {
    let heads = ["HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n", "HTTP/1.1 200 OK\r\nx-long: "];
    for head in heads {
        let receiver = Receiver::tls(move |mut stream, counts| async move {
            read_request(&mut stream, &counts).await;
            let _ = stream.write_all(head.as_bytes()).await;
            while stream.write_all(b"x").await.is_ok() && stream.flush().await.is_ok() {
                sleep(Duration::from_millis(20)).await;
            }
        });
        let result = receiver.attempt(SHORT).await;
        assert_eq!(reason(&result).to_string(), "timeout after 300 ms", "{head}");
        assert!(result.duration >= SHORT && result.duration < SHORT * 3, "{:?}", result.duration);
    }
}

#[tokio::test]
async fn a_bad_status_counts_more_than_a_body_that_never_ends() {
    let receiver = Receiver::tls(|mut stream, counts| async move {
        read_request(&mut stream, &counts).await;
        let _ = stream.write_all(b"HTTP/1.1 503 No\r\ncontent-length: 1000\r\n\r\nbusy").await;
        std::future::pending::<()>().await;
    });
    let result = receiver.attempt(SHORT).await;
    assert_eq!(reason(&result), FailureReason::from_http_status(503));
    assert_eq!(excerpt(&result), Some("busy"));
}

/// Sends the head, then `chunk` without end (or 10 MB), counting what the connection took.
fn flooding(head: &'static str, chunk: &'static [u8]) -> Receiver {
    Receiver::tls(move |mut stream, counts| async move {
        read_request(&mut stream, &counts).await;
        let _ = stream.write_all(head.as_bytes()).await;
        while counts.bytes_sent.load(Ordering::SeqCst) < 10_000_000 && stream.write_all(chunk).await.is_ok() {
            counts.bytes_sent.fetch_add(chunk.len(), Ordering::SeqCst);
        }
    })
}

#[tokio::test]
async fn of_a_huge_answer_only_the_start_is_read() {
    static BLOCK: [u8; 16 * 1024] = [b'x'; 16 * 1024];
    for head in ["HTTP/1.1 200 OK\r\ncontent-length: 10000000\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"] {
        let receiver = flooding(head, &BLOCK);
        let result = receiver.attempt(PATIENT).await;
        assert_eq!(result.outcome, Outcome::Accepted { status: 200 });
        let sent = receiver.counts.bytes_sent.load(Ordering::SeqCst);
        // What was not taken may lie in the buffers of both kernels, but not more than that.
        assert!((MAX_ANSWER_BYTES..2_000_000).contains(&sent), "{sent}");
    }
}

#[tokio::test]
async fn endless_chunks_are_cut_off() {
    let receiver = flooding("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"5\r\nhello\r\n");
    assert_eq!(receiver.attempt(PATIENT).await.outcome, Outcome::Accepted { status: 200 });
    assert!(receiver.counts.bytes_sent.load(Ordering::SeqCst) < 2_000_000);

    let receiver = flooding("HTTP/1.1 500 No\r\ntransfer-encoding: chunked\r\n\r\n", b"5\r\nhello\r\n");
    let result = receiver.attempt(PATIENT).await;
    assert_eq!(reason(&result), FailureReason::from_http_status(500));
    assert!(excerpt(&result).unwrap().starts_with("hellohello"));
}

#[tokio::test]
async fn endless_headers_are_refused_early() {
    let receiver = flooding("HTTP/1.1 200 OK\r\n", b"x-more: and more and more and more\r\n");
    let result = receiver.attempt(PATIENT).await;
    assert_eq!(reason(&result), FailureReason::InvalidAnswer);
    assert!(receiver.counts.bytes_sent.load(Ordering::SeqCst) < 2_000_000);

    let receiver = flooding("HTTP/1.1 200 OK\r\nx-endless: ", b"and more and more and more and more");
    let result = receiver.attempt(PATIENT).await;
    assert_eq!(reason(&result), FailureReason::InvalidAnswer);
    assert!(receiver.counts.bytes_sent.load(Ordering::SeqCst) < 4_000_000);
}

#[tokio::test]
async fn interim_answers_do_not_count() {
    let answer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n\
                  HTTP/1.1 204 No Content\r\n\r\n";
    assert_eq!(Receiver::answering(answer).attempt(PATIENT).await.outcome, Outcome::Accepted { status: 204 });

    for interim in ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"] {
        // A flood of them ends with the deadline.
        let receiver = Receiver::tls(move |mut stream, counts| async move {
            read_request(&mut stream, &counts).await;
            while stream.write_all(interim.as_bytes()).await.is_ok() {
                tokio::task::yield_now().await;
            }
        });
        assert_eq!(reason(&receiver.attempt(SHORT).await), FailureReason::timeout(SHORT), "{interim}");
    }
}

#[tokio::test]
async fn what_is_not_http_is_named_so() {
    for answer in [
        "SSH-2.0-OpenSSH_9.6\r\n",
        "HTTP/1.1 abc OK\r\n\r\n",
        "\0\0\0\x01garbage\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnonsense\r\n",
        "HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
    ] {
        let result = Receiver::answering(answer).attempt(PATIENT).await;
        assert_eq!(reason(&result), FailureReason::InvalidAnswer, "{answer:?}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_a_failure() {
    for answer in [
        "",
        "HTTP/1.1 20",
        "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nnot that much",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\nnot that much",
    ] {
        let result = Receiver::answering(answer).attempt(PATIENT).await;
        assert_eq!(reason(&result), FailureReason::ConnectionClosed, "{answer:?}");
        assert!(!result.resent, "a fresh connection that breaks is the receiver's failure");
    }
}
