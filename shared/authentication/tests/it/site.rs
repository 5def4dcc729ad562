//! A site with a token endpoint (`/token`) and a receiver (`/hook`), and the client to call it with.

use bytes::Bytes;
use http::HeaderMap;
use jiff::Timestamp;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use secrecy::ExposeSecret as _;
use spacehook_authentication::{AuthenticatedClient, Outgoing};
use spacehook_credentials::{CredentialsError, Fetch, FetchOwn, OwnSecret, OwnSecretError, SecretName, SecretVersion};
use spacehook_delivery::{AttemptResult, ReceiverClient, TrustedCas};
use spacehook_domain::attempt::Outcome;
use spacehook_domain::credentials::oauth::{AuthStyle, OAuthClient};
use spacehook_domain::credentials::{AuthSecret, Credentials, SecretArn};
use spacehook_domain::ids::TenantId;
use spacehook_domain::receiver::{AllowedNetworks, PortPolicy, ReceiverPolicy};
use spacehook_domain::request::UnusableCredential;
use spacehook_domain::signing::SigningSecret;
use spacehook_domain::subscription::Subscription;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// How the site answers a request: head and body as they come, the whole answer as it goes.
pub(crate) type Answer = Arc<dyn Fn(&Site, &str, &str) -> Option<Vec<u8>> + Send + Sync>;

/// A site on a port of 127.0.0.1, which lives as long as the test's runtime.
pub(crate) struct Site {
    pub(crate) port: u16,
    pem: String,
    /// Heads and bodies of the requests, in their order.
    pub(crate) requests: Mutex<Vec<(String, String)>>,
    answer: Answer,
}

impl Site {
    /// Opens a site. `answer` gives no answer where the site is to hang.
    pub(crate) fn open(answer: impl Fn(&Self, &str, &str) -> Option<Vec<u8>> + Send + Sync + 'static) -> Arc<Self> {
        let (settings, pem) = certified();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let port = listener.local_addr().unwrap().port();
        let site = Arc::new(Self { port, pem, requests: Mutex::default(), answer: Arc::new(answer) });
        let (opened, acceptor) = (Arc::clone(&site), TlsAcceptor::from(settings));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(Arc::clone(&opened), acceptor.clone(), stream));
            }
        });
        site
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.port)
    }

    /// How many requests began so.
    pub(crate) fn count(&self, start: &str) -> usize {
        self.requests.lock().unwrap().iter().filter(|(head, _)| head.starts_with(start)).count()
    }

    /// A client that trusts this site's authority.
    pub(crate) fn client(&self, auth: AuthSecret) -> AuthenticatedClient<Secrets> {
        let networks = AllowedNetworks::parse("127.0.0.0/8@1024-65535").unwrap();
        let policy = ReceiverPolicy::new(networks, PortPolicy::default());
        let trusted = TrustedCas::parse(&self.pem).unwrap();
        let receivers = ReceiverClient::new(policy.clone(), &trusted).unwrap();
        AuthenticatedClient::new(Secrets(auth), receivers, policy)
    }

    /// One attempt at this site's receiver.
    pub(crate) async fn attempt(&self, client: &AuthenticatedClient<Secrets>, within: Duration) -> AttemptResult {
        let subscription: Subscription = serde_json::from_value(serde_json::json!({
            "id": "sub_00000000000000000000000000000001", "tenant": "acme", "name": "x", "description": null,
            "url": self.url("/hook"), "event_types": [], "send": "always", "building_ref_ids": [],
            "activity": {"status": "enabled", "since": "2026-01-01T00:00:00Z"}, "auth": "none", "key_values": {},
            "custom_header_names": [], "contacts": [], "secret_name": "spacehook/dev/acme/sub", "secret_version": "1",
            "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "revision": 1
        }))
        .unwrap();
        let outgoing = Outgoing {
            subscription: &subscription,
            body: Bytes::from_static(b"{}"),
            headers: &headers,
            started_at: Timestamp::UNIX_EPOCH,
            deadline: within,
        };
        client.attempt(outgoing).await.unwrap()
    }
}

fn headers(credentials: &Credentials) -> Result<HeaderMap, UnusableCredential> {
    let mut headers = HeaderMap::new();
    if let AuthSecret::Bearer { token } = &credentials.auth {
        let value = format!("Bearer {}", token.expose_secret()).parse();
        let value = value.map_err(|_| UnusableCredential { header: "authorization".to_owned() })?;
        headers.insert("authorization", value);
    }
    Ok(headers)
}

/// The credentials of every subscription.
#[derive(Debug, Clone)]
pub(crate) struct Secrets(AuthSecret);

impl Fetch for Secrets {
    async fn fetch(&self, _: &SecretName, _: &SecretVersion) -> Result<Credentials, CredentialsError> {
        let signing_secrets = vec![SigningSecret::from_random([1; 32])];
        Ok(Credentials { signing_secrets, auth: self.0.clone(), custom_headers: [].into() })
    }
}

impl FetchOwn for Secrets {
    async fn fetch_own(&self, _: &SecretArn, _: &TenantId) -> Result<OwnSecret, OwnSecretError> {
        Err(OwnSecretError::Missing)
    }

    async fn fetch_previous(&self, _: &SecretArn) -> Result<Option<OwnSecret>, OwnSecretError> {
        Ok(None)
    }
}

/// An OAuth client whose tokens are had at this URL.
pub(crate) fn oauth(token_url: &str) -> AuthSecret {
    AuthSecret::OAuth2(OAuthClient {
        token_url: token_url.into(),
        client_id: "kiosk".into(),
        client_secret: "hush".into(),
        scope: None,
        audience: None,
        style: AuthStyle::Basic,
        parameters: [].into(),
    })
}

/// An answer with a body.
pub(crate) fn http(status: u16, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} So\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// The key of what came of an attempt.
pub(crate) fn key(result: &AttemptResult) -> String {
    match &result.outcome {
        Outcome::Accepted { .. } => "accepted".to_owned(),
        Outcome::Failed { reason, .. } => reason.key(),
    }
}

/// TLS settings for 127.0.0.1, and the PEM of the authority that vouches for them.
fn certified() -> (Arc<ServerConfig>, String) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let settings = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    (Arc::new(settings), issuer.pem())
}

/// Answers one request after the other on a connection.
async fn serve(site: Arc<Site>, acceptor: TlsAcceptor, stream: TcpStream) {
    let Ok(mut stream) = acceptor.accept(stream).await else { return };
    let mut read = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && let Some(length) = head.lines().find_map(|line| line.strip_prefix("content-length: "))
            && body.len() >= length.parse().unwrap()
        {
            site.requests.lock().unwrap().push((head.to_owned(), body.to_owned()));
            let Some(answer) = (site.answer)(&site, head, body) else { return std::future::pending().await };
            if stream.write_all(&answer).await.is_err() || stream.flush().await.is_err() {
                return;
            }
            read.clear();
            continue;
        }
        match stream.read(&mut buffer).await {
            Ok(count @ 1..) => read.extend_from_slice(&buffer[..count]),
            _ => return,
        }
    }
}
