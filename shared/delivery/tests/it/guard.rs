//! The guard at real connections.

use spacehook_domain::failure::FailureReason;
use spacehook_domain::receiver::{ReceiverPolicy, Rule};

use crate::support::*;

const ACCEPT: &str = "HTTP/1.1 204 No Content\r\n\r\n";

fn refusal(rule: Rule) -> FailureReason {
    FailureReason::RefusedByPolicy { rule }
}

#[tokio::test]
async fn one_refused_address_refuses_the_whole_answer() {
    let client = client(&ReceiverPolicy::default(), "", Answers::always(&["1.1.1.1", "127.0.0.1"]));
    let result = attempt(&client, &format!("https://{NAME}/"), PATIENT).await;
    assert_eq!(reason(&result).to_string(), "refused by policy: loopback address");
    assert!(reason(&result).is_final());
}

#[tokio::test]
async fn of_a_refused_answer_no_address_is_connected_to() {
    let receiver = Receiver::answering(ACCEPT);
    for (last, rule) in [
        ("10.0.0.1", Rule::PrivateNetwork),
        ("169.254.169.254", Rule::LinkLocal),
        ("::ffff:127.0.0.1", Rule::EmbeddedIpv4),
        ("::1", Rule::Loopback),
        ("64:ff9b::7f00:1", Rule::Nat64),
    ] {
        let client = client(&local(), &receiver.authority.pem(), Answers::always(&["127.0.0.1", last]));
        let result = attempt(&client, &receiver.url(NAME), PATIENT).await;
        assert_eq!(reason(&result), refusal(rule), "{last}");
    }
    assert_eq!(receiver.counts.connections(), 0);
}

#[tokio::test]
async fn rebinding_gains_nothing() {
    // Accepted at first, then a private address: each connection is vetted on the answer that it uses.
    let receiver = Receiver::answering(ACCEPT);
    let answers = Answers::in_order(&[&["127.0.0.1"], &["10.0.0.1"]]);
    let client = client(&local(), &receiver.authority.pem(), answers.clone());
    assert!(attempt(&client, &receiver.url(NAME), PATIENT).await.is_accepted());
    assert_eq!(answers.lookups(), 1, "one look-up a connection: none between vetting and connecting");
    let second = attempt(&client, &receiver.url(NAME), PATIENT).await;
    assert_eq!(reason(&second), refusal(Rule::PrivateNetwork));
    assert_eq!((answers.lookups(), receiver.counts.connections()), (2, 1));
}

#[tokio::test]
async fn a_literal_address_is_vetted_at_the_attempt_too() {
    let receiver = Receiver::answering(ACCEPT);
    let url = receiver.url("127.0.0.1");
    // The URL was accepted when the policy had an exception; the policy of the client has none any more.
    let answers = Answers::always(&["127.0.0.1"]);
    let strict = client(&ReceiverPolicy::default(), &receiver.authority.pem(), answers.clone());
    assert_eq!(reason(&attempt(&strict, &url, PATIENT).await), refusal(Rule::Loopback));
    assert_eq!(receiver.counts.connections(), 0);

    assert!(attempt(&receiver.client(), &url, PATIENT).await.is_accepted());
    assert_eq!(answers.lookups(), 0);
}

#[tokio::test]
async fn the_port_counts_for_names_too_also_with_attempts_side_by_side() {
    let (allowed, refused) = (Receiver::answering(ACCEPT), Receiver::answering(ACCEPT));
    let policy = policy(&format!("127.0.0.0/8@{}", allowed.port));
    let client = client(&policy, &allowed.authority.pem(), Answers::always(&["127.0.0.1"]));
    let (good, bad) = (allowed.url(NAME), refused.url(NAME));
    for _ in 0..20 {
        let (good, bad, other) = tokio::join!(
            attempt(&client, &good, PATIENT),
            attempt(&client, &bad, PATIENT),
            attempt(&client, &good, PATIENT),
        );
        assert!(good.is_accepted() && other.is_accepted());
        assert_eq!(reason(&bad), refusal(Rule::Loopback));
    }
    assert_eq!(refused.counts.connections(), 0);
}

#[tokio::test]
async fn nothing_secret_is_in_debug_output() {
    let receiver = Receiver::answering("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n");
    let client = receiver.client();
    let request = request(&receiver.url(NAME), PATIENT);
    let request_text = format!("{request:?} {:?}", request.headers);
    let result = client.attempt(request).await.unwrap();
    for text in [request_text, format!("{client:?}"), format!("{result:?}")] {
        assert!(!text.contains("T0PSECRET"), "{text}");
    }
}
