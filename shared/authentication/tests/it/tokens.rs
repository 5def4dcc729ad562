//! Tokens over the wire.

use crate::site::{Site, http, key, oauth};
use std::time::{Duration, Instant};

const PATIENT: Duration = Duration::from_secs(5);

/// A token, numbered by how many were asked for.
fn token(site: &Site) -> Vec<u8> {
    let number = site.count("POST /token");
    http(200, &format!(r#"{{"access_token":"t0ken-{number}","token_type":"Bearer","expires_in":3600}}"#))
}

#[tokio::test]
async fn a_token_is_had_once_and_sent_with_every_delivery() {
    let site =
        Site::open(|site, head, _| Some(if head.starts_with("POST /token") { token(site) } else { http(204, "") }));
    let client = site.client(oauth(&site.url("/token")));
    let attempts = [(); 5].map(|()| site.attempt(&client, PATIENT));
    let [first, second, third, fourth, fifth] = attempts;
    let (first, second, third, fourth, fifth) = tokio::join!(first, second, third, fourth, fifth);
    for result in [first, second, third, fourth, fifth] {
        assert!(result.is_accepted(), "{result:?}");
    }
    assert_eq!((site.count("POST /token"), site.count("POST /hook")), (1, 5));
    let requests = site.requests.lock().unwrap();
    let (head, body) = requests.iter().find(|(head, _)| head.starts_with("POST /token")).unwrap();
    assert!(
        head.contains("authorization: Basic a2lvc2s6aHVzaA==") && head.contains("user-agent: Spacehook/"),
        "{head}"
    );
    assert_eq!(body, "grant_type=client_credentials");
    let sent = requests.iter().filter(|(head, _)| head.starts_with("POST /hook"));
    assert!(sent.clone().all(|(head, _)| head.contains("authorization: Bearer t0ken-1\r\n")));
}

#[tokio::test]
async fn a_refused_token_is_renewed_and_the_request_sent_once_more() {
    let site = Site::open(|site, head, _| {
        let is_good = site.count("POST /hook") == 1 || head.contains("Bearer t0ken-2");
        Some(match head.starts_with("POST /token") {
            true => token(site),
            false if is_good => http(204, ""),
            false => http(401, head),
        })
    });
    let client = site.client(oauth(&site.url("/token")));
    assert!(site.attempt(&client, PATIENT).await.is_accepted());
    assert!(site.attempt(&client, PATIENT).await.is_accepted());
    assert_eq!((site.count("POST /token"), site.count("POST /hook")), (2, 3));
}

#[tokio::test]
async fn a_token_endpoint_gets_no_more_trust_than_a_receiver() {
    let elsewhere = Site::open(|_, _, _| Some(http(200, "")));
    let target = elsewhere.url("/token");
    let redirect = format!("HTTP/1.1 307 Go\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n").into_bytes();
    let large = http(200, &format!(r#"{{"x":"{}","access_token":"t","token_type":"Bearer"}}"#, "x".repeat(100_000)));
    let split = http(200, r#"{"access_token":"t\r\nx-injected: 1","token_type":"Bearer"}"#);
    for (answer, expected) in [
        (redirect, "oauth_http_307"),
        (large, "oauth_unreadable_answer"),
        (split, "oauth_unreadable_answer"),
        (b"SSH-2.0-OpenSSH\r\n\r\n".to_vec(), "oauth_invalid_answer"),
        (http(400, r#"{"error":"invalid_scope"}"#), "oauth_error_invalid_scope"),
    ] {
        let site = Site::open(move |_, _, _| Some(answer.clone()));
        let result = site.attempt(&site.client(oauth(&site.url("/token"))), PATIENT).await;
        assert_eq!(key(&result), expected);
        assert_eq!(site.count("POST /hook"), 0);
    }
    assert!(elsewhere.requests.lock().unwrap().is_empty());

    // Its certificate is by another authority than the one that is trusted.
    let site = Site::open(|_, _, _| Some(http(204, "")));
    let result = site.attempt(&site.client(oauth(&target)), PATIENT).await;
    assert_eq!(key(&result), "oauth_tls_unknown_issuer");
    assert_eq!((site.count("POST"), elsewhere.count("POST")), (0, 0));
}

#[tokio::test]
async fn a_token_endpoint_that_hangs_takes_no_more_than_the_attempts_time() {
    let site = Site::open(|_, _, _| None);
    let client = site.client(oauth(&site.url("/token")));
    let (started, within) = (Instant::now(), Duration::from_millis(300));
    let result = site.attempt(&client, within).await;
    assert_eq!(key(&result), "oauth_timeout");
    assert!(started.elapsed() >= within && started.elapsed() < within * 5);
    // Who comes next is told at once.
    let again = site.attempt(&client, within).await;
    assert_eq!((key(&again).as_str(), site.count("POST /token")), ("oauth_timeout", 1));
}
