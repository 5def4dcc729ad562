//! A receiver that does what a test tells it to, its authority, and the client to call it with.

use std::collections::VecDeque;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use spacehook_delivery::{
    AttemptRequest, AttemptResult, Lookup, LookupError, LookupFuture, ReceiverClient, TrustedCas,
};
use spacehook_domain::attempt::Outcome;
use spacehook_domain::failure::FailureReason;
use spacehook_domain::receiver::{AllowedNetworks, PortPolicy, ReceiverPolicy, ReceiverUrl};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// The name that tests call their receiver by; [`Answers`] says where it leads.
pub(crate) const NAME: &str = "receiver.example";
/// Long enough for what should succeed, on a busy machine too.
pub(crate) const PATIENT: Duration = Duration::from_secs(5);
/// For what should not succeed.
pub(crate) const SHORT: Duration = Duration::from_millis(300);

pub(crate) type TlsStream = tokio_rustls::server::TlsStream<TcpStream>;

/// A private authority, and what it issues.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// TLS settings of a server whose certificate is for these names, changed by `change`.
    pub(crate) fn server(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Arc<ServerConfig> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let settings = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Arc::new(settings)
    }
}

/// How often a receiver was called, for assertions after the fact.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) connections: AtomicUsize,
    pub(crate) requests: AtomicUsize,
    pub(crate) bytes_sent: AtomicUsize,
}

impl Counts {
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// A receiver on a port of 127.0.0.1, which lives as long as the test's runtime.
pub(crate) struct Receiver {
    pub(crate) port: u16,
    pub(crate) counts: Arc<Counts>,
    pub(crate) authority: Authority,
}

impl Receiver {
    /// Serves every TLS connection with `serve`, under a certificate for [`NAME`] and 127.0.0.1.
    pub(crate) fn tls<F, S>(serve: S) -> Self
    where
        S: Fn(TlsStream, Arc<Counts>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = ()> + Send,
    {
        let authority = Authority::new();
        let server = authority.server(&[NAME, "other.example", "127.0.0.1"], |_| {});
        Self::with_certificate(authority, server, serve)
    }

    pub(crate) fn with_certificate<F, S>(authority: Authority, server: Arc<ServerConfig>, serve: S) -> Self
    where
        S: Fn(TlsStream, Arc<Counts>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = ()> + Send,
    {
        let acceptor = TlsAcceptor::from(server);
        let receiver = Self::tcp(move |stream, counts| {
            let (acceptor, serve) = (acceptor.clone(), serve.clone());
            async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve(stream, counts).await;
                }
            }
        });
        Self { authority, ..receiver }
    }

    /// Serves every TCP connection with `serve`, without TLS.
    pub(crate) fn tcp<F, S>(serve: S) -> Self
    where
        S: Fn(TcpStream, Arc<Counts>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = ()> + Send,
    {
        let listener = listener();
        let port = listener.local_addr().unwrap().port();
        let counts = Arc::new(Counts::default());
        let counted = Arc::clone(&counts);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.connections.fetch_add(1, Ordering::SeqCst);
                let (serve, counts) = (serve.clone(), Arc::clone(&counted));
                tokio::spawn(async move { serve(stream, counts).await });
            }
        });
        Self { port, counts, authority: Authority::new() }
    }

    /// Answers one request a connection with these bytes and closes.
    pub(crate) fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = Arc::new(answer.into());
        Self::tls(move |mut stream, counts| {
            let answer = Arc::clone(&answer);
            async move {
                read_request(&mut stream, &counts).await;
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
            }
        })
    }

    pub(crate) fn url(&self, host: &str) -> String {
        format!("https://{host}:{}/hook?key=T0PSECRET", self.port)
    }

    /// A client that trusts this receiver's authority, and for which [`NAME`] leads to 127.0.0.1.
    pub(crate) fn client(&self) -> ReceiverClient {
        client(&local(), &self.authority.pem(), Answers::always(&["127.0.0.1"]))
    }

    /// One attempt with a client of its own.
    pub(crate) async fn attempt(&self, deadline: Duration) -> AttemptResult {
        attempt(&self.client(), &self.url(NAME), deadline).await
    }
}

/// A listener with a small send buffer, so that what a client does not read is soon not sent either.
fn listener() -> TcpListener {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(64 * 1024).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    socket.listen(64).unwrap()
}

/// A port on which nothing listens.
pub(crate) fn closed_port() -> u16 {
    listener().local_addr().unwrap().port()
}

/// Reads one request, head and body, and gives it back; empty if the connection ended before.
pub(crate) async fn read_request(stream: &mut TlsStream, counts: &Counts) -> Vec<u8> {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !is_whole(&request) {
        match stream.read(&mut buffer).await {
            Ok(read @ 1..) => request.extend_from_slice(&buffer[..read]),
            _ => return Vec::new(),
        }
    }
    counts.requests.fetch_add(1, Ordering::SeqCst);
    request
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.is_none_or(|length| body.len() >= length.parse().unwrap())
}

/// DNS in the place of DNS: answers in the order given, the last one for ever.
pub(crate) struct Answers {
    answers: Mutex<VecDeque<Option<Vec<IpAddr>>>>,
    pub(crate) lookups: AtomicUsize,
}

impl Answers {
    pub(crate) fn always(addresses: &[&str]) -> Arc<Self> {
        Self::in_order(&[addresses])
    }

    pub(crate) fn in_order(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |answer: &&[&str]| Some(answer.iter().map(|address| address.parse().unwrap()).collect());
        Arc::new(Self { answers: Mutex::new(answers.iter().map(parse).collect()), lookups: AtomicUsize::new(0) })
    }

    /// Nobody answers, not even that there is no such name.
    pub(crate) fn silent() -> Arc<Self> {
        Arc::new(Self { answers: Mutex::new([None].into()), lookups: AtomicUsize::new(0) })
    }

    pub(crate) fn lookups(&self) -> usize {
        self.lookups.load(Ordering::SeqCst)
    }
}

impl Lookup for Answers {
    fn lookup(&self, _name: &str) -> LookupFuture {
        self.lookups.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0].clone() };
        let answer: Pin<Box<dyn Future<Output = _> + Send>> = match answer {
            Some(addresses) if addresses.is_empty() => Box::pin(async { Err(LookupError::no_such_host()) }),
            Some(addresses) => Box::pin(async { Ok(addresses) }),
            None => Box::pin(async { Err(LookupError::no_answer()) }),
        };
        answer
    }
}

/// The policy of the local cloud.
pub(crate) fn local() -> ReceiverPolicy {
    policy("127.0.0.0/8@1024-65535")
}

pub(crate) fn policy(networks: &str) -> ReceiverPolicy {
    ReceiverPolicy::new(AllowedNetworks::parse(networks).unwrap(), PortPolicy::default())
}

pub(crate) fn client(policy: &ReceiverPolicy, pem: &str, answers: Arc<Answers>) -> ReceiverClient {
    ReceiverClient::with_lookup(policy.clone(), &TrustedCas::parse(pem).unwrap(), answers).unwrap()
}

/// A request to this URL, which the local policy accepts.
pub(crate) fn request(url: &str, deadline: Duration) -> AttemptRequest {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", "application/json".parse().unwrap());
    let mut token: http::HeaderValue = "Bearer T0PSECRET".parse().unwrap();
    token.set_sensitive(true);
    headers.insert("authorization", token);
    let url = ReceiverUrl::parse(url, &local()).unwrap();
    AttemptRequest { deadline, ..AttemptRequest::new(url, headers, Bytes::from_static(b"{\"n\":1}")) }
}

pub(crate) async fn attempt(client: &ReceiverClient, url: &str, deadline: Duration) -> AttemptResult {
    client.attempt(request(url, deadline)).await.unwrap()
}

/// The reason of a failure.
pub(crate) fn reason(result: &AttemptResult) -> FailureReason {
    match &result.outcome {
        Outcome::Failed { reason, .. } => *reason,
        Outcome::Accepted { status } => panic!("accepted with {status}"),
    }
}

/// The excerpt of a failure's answer.
pub(crate) fn excerpt(result: &AttemptResult) -> Option<&str> {
    match &result.outcome {
        Outcome::Failed { answer, .. } => answer.as_deref(),
        Outcome::Accepted { .. } => None,
    }
}
