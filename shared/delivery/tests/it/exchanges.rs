//! Exchanges whose whole answer is wanted, under the promises of attempts.

use spacehook_delivery::MAX_ANSWER_BYTES;
use spacehook_domain::failure::FailureReason;
use spacehook_domain::receiver::{ReceiverPolicy, Rule};

use crate::support::*;

#[tokio::test]
async fn an_answer_comes_whole_whatever_its_status() {
    for (status, body) in [(200, "x".repeat(5_000)), (401, r#"{"error":"invalid_client"}"#.to_owned())] {
        let head = format!("HTTP/1.1 {status} So\r\nretry-after: 7\r\ncontent-length: {}\r\n\r\n", body.len());
        let receiver = Receiver::answering(head + &body);
        let answer = receiver.client().exchange(request(&receiver.url(NAME), PATIENT)).await.unwrap().unwrap();
        assert_eq!((answer.status, answer.body.len(), answer.retry_after.as_deref()), (status, body.len(), Some("7")));
        assert!(answer.excerpt().unwrap().len() <= 1_024);
        assert!(!format!("{answer:?}").contains("invalid_client"), "it does not print");
    }
}

#[tokio::test]
async fn of_a_long_answer_no_more_is_taken() {
    let body = vec![b'x'; 10 * MAX_ANSWER_BYTES];
    let mut bytes = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend(body);
    let receiver = Receiver::answering(bytes);
    let answer = receiver.client().exchange(request(&receiver.url(NAME), PATIENT)).await.unwrap().unwrap();
    assert_eq!(answer.body.len(), MAX_ANSWER_BYTES);
}

#[tokio::test]
async fn what_fails_has_the_reason_of_an_attempt() {
    let cut = Receiver::answering("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf");
    let reason = cut.client().exchange(request(&cut.url(NAME), PATIENT)).await.unwrap().unwrap_err();
    assert_eq!(reason, FailureReason::ConnectionClosed);

    let strict = client(&ReceiverPolicy::default(), &cut.authority.pem(), Answers::always(&["127.0.0.1"]));
    let reason = strict.exchange(request(&cut.url(NAME), PATIENT)).await.unwrap().unwrap_err();
    assert_eq!(reason, FailureReason::RefusedByPolicy { rule: Rule::Loopback });
    assert_eq!(cut.counts.connections(), 1);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let receiver = Receiver::answering(
        "HTTP/1.1 307 Go\r\nlocation: http://169.254.169.254/latest/meta-data/\r\ncontent-length: 0\r\n\r\n",
    );
    let answer = receiver.client().exchange(request(&receiver.url(NAME), PATIENT)).await.unwrap().unwrap();
    assert_eq!((answer.status, receiver.counts.requests()), (307, 1));
}
