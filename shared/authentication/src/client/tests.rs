use super::*;
use secrecy::ExposeSecret as _;
use spacehook_credentials::{MISSING_KEPT, OWN_SECRET_KEPT};
use spacehook_delivery::{AttemptRequest, WholeAnswer};
use spacehook_domain::credentials::oauth::{AuthStyle, OAuthClient};
use spacehook_domain::credentials::{AuthSecret, SecretArn};
use spacehook_domain::failure::{OAuthError, TokenProblem};
use spacehook_domain::ids::TenantId;
use spacehook_domain::receiver::Rule;
use spacehook_domain::signing::SigningSecret;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:kiosk-a1B2c3";
const DEADLINE: Duration = Duration::from_secs(5);

/// Of the user's own secret the token of the present version and of the one before.
type Versions = [Option<&'static str>; 2];
/// What else than a Bearer token the user's own secret makes of it.
type AuthOf = fn(&str) -> AuthSecret;

/// Everything outside, as a test says it is.
#[derive(Default)]
struct World {
    /// The `authorization` of each request to the receiver.
    sent: Mutex<Vec<String>>,
    /// What the receiver accepts: all that contains one of these; everything if there is none.
    accepts: Mutex<Option<Vec<&'static str>>>,
    /// What it says to all else.
    says: Mutex<u16>,
    token_requests: AtomicUsize,
    /// What the token endpoint answers instead of a token.
    no_token: Mutex<Option<Result<(u16, &'static str), FailureReason>>>,
    /// The life of its tokens, in seconds.
    life_s: Mutex<u64>,
    ours: Mutex<Option<Result<AuthSecret, CredentialsError>>>,
    own: Mutex<Option<Result<Versions, OwnSecretError>>>,
    own_auth: Mutex<Option<AuthOf>>,
    own_reads: AtomicUsize,
    /// What hangs: "receiver", "tokens", "secrets".
    hangs: Mutex<&'static str>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("World")
    }
}

impl World {
    fn of(auth: AuthSecret) -> Self {
        let world = Self::default();
        *world.says.lock().unwrap() = 401;
        *world.life_s.lock().unwrap() = 3_600;
        *world.ours.lock().unwrap() = Some(Ok(auth));
        world
    }

    fn with_own(present: &'static str) -> Self {
        let world = Self::of(AuthSecret::None);
        world.rotate([Some(present), None]);
        world
    }

    fn rotate(&self, versions: Versions) {
        *self.own.lock().unwrap() = Some(Ok(versions));
    }

    fn accept(&self, what: &[&'static str]) {
        *self.accepts.lock().unwrap() = Some(what.to_vec());
    }

    fn answer_instead_of_tokens(&self, answer: Result<(u16, &'static str), FailureReason>) {
        *self.no_token.lock().unwrap() = Some(answer);
    }

    fn token_requests(&self) -> usize {
        self.token_requests.load(Ordering::SeqCst)
    }

    fn own_reads(&self) -> usize {
        self.own_reads.load(Ordering::SeqCst)
    }

    fn take_sent(&self) -> Vec<String> {
        std::mem::take(&mut self.sent.lock().unwrap())
    }

    async fn hang(&self, what: &str) {
        if *self.hangs.lock().unwrap() == what {
            std::future::pending::<()>().await;
        }
        tokio::task::yield_now().await;
    }

    fn own_version(&self, token: &str) -> OwnSecret {
        let auth = match *self.own_auth.lock().unwrap() {
            Some(auth) => auth(token),
            None => AuthSecret::Bearer { token: token.into() },
        };
        OwnSecret { auth, version: format!("version-{token}"), created_at: Some(at(0)) }
    }
}

impl Fetch for &World {
    async fn fetch(&self, _: &SecretName, _: &SecretVersion) -> Result<Credentials, CredentialsError> {
        self.hang("secrets").await;
        let auth = self.ours.lock().unwrap().clone().unwrap()?;
        let custom_headers = [("x-key".to_owned(), "hush-header".into())].into();
        Ok(Credentials { signing_secrets: vec![SigningSecret::from_random([1; 32])], auth, custom_headers })
    }
}

impl FetchOwn for &World {
    async fn fetch_own(&self, _: &SecretArn, _: &TenantId) -> Result<OwnSecret, OwnSecretError> {
        self.own_reads.fetch_add(1, Ordering::SeqCst);
        self.hang("secrets").await;
        let [present, _] = self.own.lock().unwrap().clone().unwrap()?;
        Ok(self.own_version(present.unwrap()))
    }

    async fn fetch_previous(&self, _: &SecretArn) -> Result<Option<OwnSecret>, OwnSecretError> {
        let [_, previous] = self.own.lock().unwrap().clone().unwrap()?;
        Ok(previous.map(|token| self.own_version(token)))
    }
}

impl Transport for &World {
    async fn attempt(&self, request: AttemptRequest) -> Result<AttemptResult, AttemptError> {
        let shown = request.headers.get("authorization").map_or("", |value| value.to_str().unwrap()).to_owned();
        self.sent.lock().unwrap().push(shown.clone());
        if tokio::time::timeout(request.deadline, self.hang("receiver")).await.is_err() {
            return Ok(not_sent(FailureReason::timeout(request.deadline)));
        }
        let accepts = self.accepts.lock().unwrap().clone();
        let is_accepted = accepts.is_none_or(|accepts| accepts.iter().any(|part| shown.contains(part)));
        let status = *self.says.lock().unwrap();
        let outcome = if is_accepted {
            Outcome::Accepted { status: 204 }
        } else {
            let reason = FailureReason::from_http_status(status);
            Outcome::Failed { reason, status: Some(status), answer: Some(format!("no: {shown} hush-header")) }
        };
        Ok(AttemptResult { outcome, ..not_sent(FailureReason::ConnectionFailed) })
    }

    async fn exchange(&self, request: AttemptRequest) -> Result<Result<WholeAnswer, FailureReason>, AttemptError> {
        let number = self.token_requests.fetch_add(1, Ordering::SeqCst) + 1;
        if tokio::time::timeout(request.deadline, self.hang("tokens")).await.is_err() {
            return Ok(Err(FailureReason::timeout(request.deadline)));
        }
        let form = String::from_utf8(request.body.to_vec()).unwrap();
        let secret = form.rsplit_once("client_secret=").unwrap().1.to_owned();
        let life_s = *self.life_s.lock().unwrap();
        let instead = *self.no_token.lock().unwrap();
        let (status, body) = match instead {
            Some(Err(reason)) => return Ok(Err(reason)),
            Some(Ok((status, body))) => (status, format!("{body}{form}")),
            None if secret == "stale" => (401, r#"{"error":"invalid_client"}"#.to_owned()),
            None => {
                let token = format!("token-{number}-of-{secret}");
                (200, format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":{life_s}}}"#))
            }
        };
        Ok(Ok(WholeAnswer { status, body: body.into_bytes(), retry_after: Some("7".to_owned()) }))
    }
}

fn oauth(secret: &str) -> AuthSecret {
    AuthSecret::OAuth2(OAuthClient {
        token_url: "https://login.example.com/token".into(),
        client_id: "kiosk".into(),
        client_secret: secret.into(),
        scope: None,
        audience: None,
        style: AuthStyle::Body,
        parameters: [].into(),
    })
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(1_770_000_000_000 + ms).unwrap()
}

fn client(world: &World) -> AuthenticatedClient<&World, &World> {
    AuthenticatedClient::new(world, world, ReceiverPolicy::default())
}

fn subscription(world: &World) -> Subscription {
    let own = world.own.lock().unwrap().is_some();
    let mut json = serde_json::json!({
        "id": "sub_00000000000000000000000000000001", "tenant": "acme", "name": "x", "description": null,
        "url": "https://receiver.example.com/", "event_types": [], "send": "always", "building_ref_ids": [],
        "activity": {"status": "enabled", "since": "2026-01-01T00:00:00Z"}, "auth": "none", "key_values": {},
        "custom_header_names": [], "contacts": [], "secret_name": "spacehook/dev/acme/sub", "secret_version": "1",
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "revision": 1
    });
    if own {
        json["own_secret_arn"] = ARN.into();
    }
    serde_json::from_value(json).unwrap()
}

fn headers(credentials: &Credentials) -> Result<HeaderMap, UnusableCredential> {
    let mut headers = HeaderMap::new();
    if let AuthSecret::Bearer { token } = &credentials.auth {
        let value = format!("Bearer {}", token.expose_secret()).parse();
        let unusable = || UnusableCredential { header: "authorization".to_owned() };
        headers.insert("authorization", value.map_err(|_| unusable())?);
    }
    Ok(headers)
}

async fn try_attempt_within(
    client: &AuthenticatedClient<&World, &World>,
    ms: i64,
    deadline: Duration,
) -> Result<AttemptResult, OutgoingFault> {
    let subscription = subscription(client.transport);
    let outgoing = Outgoing {
        subscription: &subscription,
        body: Bytes::from_static(b"{}"),
        headers: &headers,
        started_at: at(ms),
        deadline,
    };
    client.attempt(outgoing).await
}

async fn attempt(client: &AuthenticatedClient<&World, &World>, ms: i64) -> AttemptResult {
    try_attempt_within(client, ms, DEADLINE).await.unwrap()
}

fn key(result: &AttemptResult) -> String {
    match &result.outcome {
        Outcome::Accepted { .. } => "accepted".to_owned(),
        Outcome::Failed { reason, .. } => reason.key(),
    }
}

fn answer(result: &AttemptResult) -> Option<&str> {
    match &result.outcome {
        Outcome::Accepted { .. } => None,
        Outcome::Failed { answer, .. } => answer.as_deref(),
    }
}

#[tokio::test]
async fn one_token_serves_all_deliveries_until_shortly_before_it_expires() {
    let world = World::of(oauth("hush"));
    let client = client(&world);
    let (one, two, three) = tokio::join!(attempt(&client, 0), attempt(&client, 0), attempt(&client, 0));
    assert!(one.is_accepted() && two.is_accepted() && three.is_accepted());
    attempt(&client, 3_539_000).await;
    assert_eq!((world.token_requests(), world.take_sent()), (1, vec!["Bearer token-1-of-hush".to_owned(); 4]));
    attempt(&client, 3_540_001).await;
    assert_eq!((world.token_requests(), world.take_sent()), (2, vec!["Bearer token-2-of-hush".to_owned()]));
}

#[tokio::test]
async fn a_kept_token_that_is_refused_is_renewed_once_for_all() {
    let world = World::of(oauth("hush"));
    let client = client(&world);
    attempt(&client, 0).await;
    world.take_sent();
    world.accept(&["token-2"]);
    let (one, two) = tokio::join!(attempt(&client, 1), attempt(&client, 1));
    assert!(one.is_accepted() && two.is_accepted());
    assert_eq!((world.token_requests(), world.take_sent().len()), (2, 4));
    assert!(attempt(&client, 2).await.is_accepted());
    assert_eq!((world.token_requests(), world.take_sent().len()), (2, 1));
}

#[tokio::test]
async fn a_receiver_that_refuses_new_tokens_costs_few_of_them() {
    let world = World::of(oauth("hush"));
    world.accept(&["nothing"]);
    let client = client(&world);
    for ms in [0, 100, 200, 29_000] {
        assert_eq!(key(&attempt(&client, ms).await), "http_401");
    }
    assert_eq!((world.token_requests(), world.take_sent().len()), (1, 4), "new, and refused at once");
    attempt(&client, 31_000).await;
    attempt(&client, 32_000).await;
    assert_eq!((world.token_requests(), world.take_sent().len()), (2, 3));
}

#[tokio::test]
async fn only_401_says_that_a_token_is_not_good_any_more() {
    let world = World::of(oauth("hush"));
    let client = client(&world);
    attempt(&client, 0).await;
    world.accept(&["token-2"]);
    for status in [403, 500] {
        *world.says.lock().unwrap() = status;
        assert_eq!(key(&attempt(&client, 1).await), format!("http_{status}"));
    }
    assert_eq!(world.token_requests(), 1);
}

#[tokio::test]
async fn without_a_token_nothing_is_sent_and_the_endpoint_is_not_asked_at_once_again() {
    let world = World::of(oauth("hush hush"));
    world.answer_instead_of_tokens(Ok((503, "down ")));
    let client = client(&world);
    let (first, second) = tokio::join!(attempt(&client, 0), attempt(&client, 0));
    assert_eq!((key(&first).as_str(), key(&second).as_str()), ("oauth_http_503", "oauth_http_503"));
    assert_eq!(first.retry_after.as_deref(), Some("7"));
    let said = answer(&first).unwrap();
    assert!(said.starts_with("down grant_type=") && said.ends_with("client_secret=[redacted]"), "{said}");
    attempt(&client, 2_900).await;
    assert_eq!((world.token_requests(), world.take_sent().len()), (1, 0));
    *world.no_token.lock().unwrap() = None;
    assert!(attempt(&client, 3_500).await.is_accepted(), "the first retry, after 4 s or more, asks anew");
}

#[tokio::test]
async fn what_a_token_endpoint_does_wrong_has_its_own_reason() {
    for (answer, expected) in [
        (Ok((400, r#"{"error":"invalid_scope"}"#)), "oauth_http_400"),
        (Ok((200, "token?")), "oauth_unreadable_answer"),
        (Err(FailureReason::ConnectionRefused), "oauth_connection_refused"),
        (Err(FailureReason::RefusedByPolicy { rule: Rule::Loopback }), "oauth_policy_loopback"),
    ] {
        let world = World::of(oauth("hush"));
        world.answer_instead_of_tokens(answer);
        let result = attempt(&client(&world), 0).await;
        assert_eq!(key(&result), expected);
        let said = self::answer(&result).unwrap_or_default();
        assert!(!said.contains("token?"), "what claims to be a token is not shown: {said}");
    }
}

#[tokio::test]
async fn a_token_url_is_held_to_the_policy() {
    let AuthSecret::OAuth2(client) = oauth("hush") else { panic!() };
    let world = World::of(AuthSecret::OAuth2(OAuthClient { token_url: "https://10.0.0.1/token".into(), ..client }));
    let result = attempt(&self::client(&world), 0).await;
    let Outcome::Failed { reason, .. } = &result.outcome else { panic!("{result:?}") };
    let problem = TokenProblem::RefusedByPolicy { rule: Rule::PrivateNetwork };
    assert_eq!(*reason, FailureReason::OAuth { problem });
    assert!(reason.is_final());
    assert_eq!(world.token_requests(), 0);
}

#[tokio::test]
async fn token_and_request_share_one_deadline() {
    let short = Duration::from_millis(200);
    for (hangs, expected) in [("tokens", "OAuth token: timeout after 200 ms"), ("receiver", "timeout after 200 ms")] {
        let world = World::of(oauth("hush"));
        *world.hangs.lock().unwrap() = hangs;
        let result = try_attempt_within(&client(&world), 0, short).await.unwrap();
        let Outcome::Failed { reason, .. } = result.outcome else { panic!("{result:?}") };
        assert_eq!(reason.to_string(), expected);
        assert!(result.duration >= short && result.duration < short * 5, "{:?}", result.duration);
    }
}

#[tokio::test]
async fn an_answer_has_no_secret_in_it() {
    let world = World::of(oauth("s3cret"));
    world.accept(&["nothing"]);
    let client = client(&world);
    attempt(&client, 0).await;
    let result = attempt(&client, 40_000).await;
    assert_eq!((world.token_requests(), answer(&result)), (2, Some("no: Bearer [redacted] [redacted]")));
    let shown = format!("{client:?}");
    assert!(!shown.contains("token-") && !shown.contains("s3cret"), "nor has debug output: {shown}");
}

#[tokio::test]
async fn ones_own_secret_that_was_rotated_is_read_again_when_it_is_refused() {
    let world = World::with_own("one");
    let client = client(&world);
    assert!(attempt(&client, 0).await.is_accepted());
    world.rotate([Some("two"), Some("one")]);
    world.accept(&["two"]);
    let (first, second) = tokio::join!(attempt(&client, 100), attempt(&client, 100));
    assert!(first.is_accepted() && second.is_accepted());
    assert_eq!(world.own_reads(), 2);
    let sent = world.take_sent();
    assert_eq!(sent.iter().filter(|sent| *sent == "Bearer two").count(), 2, "{sent:?}");
    assert!(attempt(&client, 200).await.is_accepted());
    assert_eq!(world.take_sent(), ["Bearer two"]);
}

#[tokio::test]
async fn a_receiver_that_does_not_follow_a_rotation_at_once_gets_the_old_credentials() {
    let world = World::with_own("one");
    let client = client(&world);
    world.accept(&["one"]);
    attempt(&client, 0).await;
    world.rotate([Some("two"), Some("one")]);
    world.take_sent();
    assert!(attempt(&client, OWN_SECRET_KEPT).await.is_accepted());
    assert_eq!(world.take_sent(), ["Bearer two", "Bearer one"]);
    assert!(attempt(&client, OWN_SECRET_KEPT + 1).await.is_accepted());
    assert_eq!(world.take_sent(), ["Bearer one"], "as it is known to take them");
    world.accept(&["two"]);
    assert!(attempt(&client, OWN_SECRET_KEPT + 2).await.is_accepted());
    assert_eq!(world.take_sent(), ["Bearer one", "Bearer two"], "it has followed");
    assert!(attempt(&client, OWN_SECRET_KEPT + 3).await.is_accepted());
    assert_eq!(world.take_sent(), ["Bearer two"]);
}

#[tokio::test]
async fn old_credentials_are_not_tried_for_ever() {
    let world = World::with_own("one");
    let client = client(&world);
    world.rotate([Some("two"), Some("one")]);
    world.accept(&["one"]);
    let day_ms = 24 * 3_600_000;
    assert_eq!(key(&attempt(&client, day_ms + 10_000).await), "http_401");
    assert_eq!(world.take_sent(), ["Bearer two"]);
}

#[tokio::test]
async fn a_refusal_costs_no_second_request_where_there_is_nothing_newer() {
    let own = World::with_own("one");
    let ours = World::of(AuthSecret::Bearer { token: "one".into() });
    for world in [&own, &ours] {
        world.accept(&["two"]);
        let client = client(world);
        for ms in [0, 10, 20] {
            assert_eq!(key(&attempt(&client, ms).await), "http_401");
        }
        assert_eq!(world.take_sent(), ["Bearer one"; 3]);
    }
    assert_eq!(own.own_reads(), 2, "and few reads of the secret");
}

#[tokio::test]
async fn a_client_secret_of_ones_own_that_the_token_endpoint_refuses_is_read_again() {
    let world = World::with_own("stale");
    *world.own_auth.lock().unwrap() = Some(oauth);
    let client = client(&world);
    let refused = attempt(&client, 0).await;
    let problem = TokenProblem::ErrorAnswer { error: OAuthError::InvalidClient };
    assert_eq!(
        refused.outcome,
        Outcome::Failed {
            reason: FailureReason::OAuth { problem },
            status: None,
            answer: Some(r#"{"error":"invalid_client"}"#.to_owned()),
        }
    );
    world.rotate([Some("fresh"), Some("stale")]);
    assert!(attempt(&client, 10_000).await.is_accepted());
    assert_eq!(world.take_sent(), ["Bearer token-3-of-fresh"]);
}

#[tokio::test]
async fn settings_that_are_wrong_are_the_receivers_and_faults_are_ours() {
    let secret = |error| World { ours: Mutex::new(Some(Err(error))), ..World::of(AuthSecret::None) };
    let own = |error| World { own: Mutex::new(Some(Err(error))), ..World::of(AuthSecret::None) };
    let unavailable = |cause: &str| OwnSecretError::Unavailable { operation: "x", cause: cause.to_owned() };
    for (world, expected) in [
        (secret(CredentialsError::Missing), "credentials_secret_missing"),
        (secret(CredentialsError::Unreadable { what: "x" }), "credentials_secret_unreadable"),
        (own(OwnSecretError::Missing), "credentials_own_secret_missing"),
        (own(OwnSecretError::Denied { what: "x" }), "credentials_own_secret_denied"),
        (own(OwnSecretError::Unreadable { what: "x" }), "credentials_own_secret_unreadable"),
    ] {
        let client = client(&world);
        assert_eq!(key(&attempt(&client, 0).await), expected);
        *world.ours.lock().unwrap() = Some(Ok(AuthSecret::None));
        if world.own.lock().unwrap().is_some() {
            world.rotate([Some("mended"), None]);
        }
        assert!(attempt(&client, MISSING_KEPT).await.is_accepted(), "mended");
    }
    for world in
        [secret(CredentialsError::Unavailable { operation: "x", cause: "y".to_owned() }), own(unavailable("y"))]
    {
        let client = client(&world);
        assert!(try_attempt_within(&client, 0, DEADLINE).await.is_err());
        assert!(world.take_sent().is_empty());
    }
}

#[tokio::test]
async fn a_value_that_can_not_be_sent_is_a_problem_of_the_secret() {
    let ours = World::of(AuthSecret::Bearer { token: "a\r\nx: y".into() });
    assert_eq!(key(&attempt(&client(&ours), 0).await), "credentials_secret_unreadable");
    let own = World::with_own("a\r\nx: y");
    assert_eq!(key(&attempt(&client(&own), 0).await), "credentials_own_secret_unreadable");
}
