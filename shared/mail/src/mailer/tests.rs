use super::*;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_types::region::Region;
use serde_json::{Value, json};
use spacehook_domain::notice::NoticeId;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Takes mails as SES does: one answer each. An answer of none is lost on the way.
struct Ses {
    listener: TcpListener,
    answers: Vec<Option<String>>,
}

/// The notice that the mail is about.
const NOTICE: &str = "acme_sub_00000000000000000000000000000001_1770042000123_disabled";
const TAKEN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 17\r\nconnection: close\r\n\r\n{\"MessageId\":\"1\"}";

impl Ses {
    async fn new(answers: &[Option<&str>]) -> (Self, Mailer) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let credentials = Credentials::new("id", "secret", None, None, "test");
        let aws = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url(format!("http://{}", listener.local_addr().unwrap()))
            // What the SDK would do, were it left to it.
            .retry_config(RetryConfig::standard().with_max_attempts(4))
            .build();
        let mailer = Mailer::from_config(&aws, "hooks@example.com", Some("watched".to_owned()));
        let answers = answers.iter().map(|answer| answer.map(str::to_owned)).collect();
        (Self { listener, answers }, mailer)
    }

    /// Answers until all answers are given, or `sent` comes to an end; the bodies of the requests.
    async fn serve<T>(self, sent: impl Future<Output = T>) -> (T, Vec<Value>) {
        let mut bodies = Vec::new();
        let mut answers = self.answers.into_iter();
        let mut serve = Box::pin(async {
            loop {
                let (mut stream, _) = self.listener.accept().await.unwrap();
                bodies.push(body(&mut stream).await);
                if let Some(answer) = answers.next().expect("a request more than was expected") {
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            }
        });
        let outcome = tokio::select! {
            outcome = sent => outcome,
            () = &mut serve => unreachable!("it serves for ever"),
        };
        drop(serve);
        (outcome, bodies)
    }
}

/// The body of one request.
async fn body(stream: &mut TcpStream) -> Value {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()).unwrap();
            if body.len() >= length.parse().unwrap() {
                return serde_json::from_slice(&bytes[head.len() + 4..]).unwrap();
            }
        }
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "the request is cut off");
    }
}

fn mail() -> Mail {
    Mail { subject: "s".to_owned(), text: "t".to_owned(), html: "<p>h".to_owned() }
}

/// What comes of a mail that SES answers so, and the requests that it took.
async fn sent(answers: &[Option<&str>]) -> (Result<(), MailError>, Vec<Value>) {
    let (ses, mailer) = Ses::new(answers).await;
    let to = [EmailAddress::parse("ops@example.com").unwrap(), EmailAddress::parse("b@example.com").unwrap()];
    let (mail, tag) = (mail(), MailTag::of(&NoticeId::parse(NOTICE).unwrap()));
    ses.serve(Box::pin(mailer.send(&mail, to.iter(), &tag))).await
}

fn refusal(status: &str, code: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nx-amzn-errortype: {code}\r\ncontent-length: 16\r\nconnection: close\r\n\r\n{{\"message\":\"no\"}}"
    )
}

#[tokio::test]
async fn a_mail_is_one_message_with_its_tag_and_configuration_set() {
    let (outcome, requests) = sent(&[Some(TAKEN)]).await;
    outcome.unwrap();
    let text = |data| json!({"Data": data, "Charset": "UTF-8"});
    let expected = json!({
        "FromEmailAddress": "hooks@example.com",
        "Destination": {"ToAddresses": ["ops@example.com", "b@example.com"]},
        "Content": {"Simple": {"Subject": text("s"), "Body": {"Text": text("t"), "Html": text("<p>h")}}},
        "EmailTags": [{"Name": "spacehook-notice", "Value": "acme_sub_00000000000000000000000000000001_1770042000123_disabled"}],
        "ConfigurationSetName": "watched",
    });
    assert_eq!(requests, [expected]);
}

#[tokio::test]
async fn only_what_was_too_much_at_once_is_tried_again() {
    let throttled = refusal("429 Too Many Requests", "TooManyRequestsException");
    let (outcome, requests) = sent(&[Some(throttled.as_str()), Some(throttled.as_str()), Some(TAKEN)]).await;
    outcome.unwrap();
    assert_eq!(requests.len(), 3);
    let (outcome, requests) = sent(&[Some(throttled.as_str()); 4]).await;
    assert!(matches!(&outcome, Err(error @ MailError::Throttled(_)) if error.was_not_sent()), "{outcome:?}");
    assert_eq!(requests.len(), 4);
}

#[tokio::test]
async fn what_may_have_been_sent_is_never_repeated() {
    let failed = refusal("500 Internal Server Error", "InternalFailure");
    let unavailable = refusal("503 Service Unavailable", "ServiceUnavailable");
    for answer in [
        None,
        Some(failed.as_str()),
        Some(unavailable.as_str()),
        Some("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"),
    ] {
        let (outcome, requests) = sent(&[answer]).await;
        assert!(matches!(&outcome, Err(error @ MailError::Unknown(_)) if !error.was_not_sent()), "{outcome:?}");
        assert_eq!(requests.len(), 1);
    }
}

#[tokio::test]
async fn what_is_refused_is_known_not_to_be_sent() {
    for (status, code) in [
        ("400 Bad Request", "MessageRejected"),
        ("400 Bad Request", "MailFromDomainNotVerifiedException"),
        ("403 Forbidden", "AccessDeniedException"),
        ("404 Not Found", "NotFoundException"),
    ] {
        let (outcome, requests) = sent(&[Some(refusal(status, code).as_str())]).await;
        assert!(matches!(&outcome, Err(error @ MailError::Refused(_)) if error.was_not_sent()), "{code}: {outcome:?}");
        assert_eq!(requests.len(), 1, "{code}");
    }
}

#[tokio::test]
async fn a_pause_of_the_account_is_no_refusal_of_the_mail() {
    let paused = refusal("400 Bad Request", "SendingPausedException");
    let (outcome, _) = sent(&[Some(paused.as_str()); 4]).await;
    assert!(matches!(outcome, Err(MailError::Throttled(_))), "{outcome:?}");
}
