//! The limit: a loop that sends requests it was given, and does nothing else.
//!
//! The HTTP client, its TLS settings and its pool are those of the dispatcher (`shared/delivery`); each worker sends its
//! next request as soon as its last was answered. Nothing is matched, rendered, signed, timed or recorded, and no
//! address vetted.

use crate::events::{self, BATCH};
use crate::process::{self, Running};
use crate::report;
use crate::subscribers::{EPOCH_S, Subscriber};
use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http::{HeaderMap, Method};
use reqwest::{Client, Request, Url};
use serde::{Deserialize, Serialize};
use spacehook_domain::event::Event;
use spacehook_domain::signing::{self, SigningSecret};
use std::cell::Cell;
use std::io::{BufRead as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Different requests that are sent, at least: then the same again.
const REQUESTS: u32 = 1_000;
/// What the dispatcher allows itself: attempts at once, and of one subscription.
const CONCURRENT: usize = 200;
const CONCURRENT_OF_ONE: usize = 8;
/// As in `shared/delivery`.
const MAX_IDLE_PER_RECEIVER: usize = 8;
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// What the loop is told before it starts.
#[derive(Serialize, Deserialize)]
struct Setup {
    authority: String,
    concurrent: usize,
    requests: Vec<Prepared>,
}

/// A request, ready to send.
#[derive(Serialize, Deserialize)]
struct Prepared {
    url: String,
    headers: Vec<(String, String)>,
    body: String,
}

/// The loop's process, as the benchmark sees it.
pub(crate) struct Bare {
    /// The process.
    pub(crate) process: Running,
    lines: UnboundedReceiver<String>,
}

impl Bare {
    /// Starts the loop for these subscribers.
    pub(crate) fn start(subscribers: &[Subscriber], authority: String) -> anyhow::Result<Self> {
        let fan_out = subscribers.len();
        let concurrent = (fan_out * CONCURRENT_OF_ONE).min(CONCURRENT);
        let setup = Setup { authority, concurrent, requests: requests(subscribers)? };
        let (process, lines) = process::bare()?;
        let mut bare = Self { process, lines };
        bare.tell(&serde_json::to_string(&setup)?)?;
        Ok(bare)
    }

    /// Has it send for this long: how many were accepted, and in what time.
    pub(crate) async fn run(&mut self, length: Duration) -> anyhow::Result<(u64, Duration)> {
        self.tell(&length.as_millis().to_string())?;
        let line = self.lines.recv().await.context("the bare loop ended")?;
        Ok(serde_json::from_str(&line)?)
    }

    fn tell(&mut self, line: &str) -> anyhow::Result<()> {
        let input = self.process.0.stdin.as_mut().context("no input")?;
        Ok(writeln!(input, "{line}")?)
    }
}

/// Signed requests in the order of messages and, of each, of subscriptions.
fn requests(subscribers: &[Subscriber]) -> anyhow::Result<Vec<Prepared>> {
    let fan_out = u32::try_from(subscribers.len())?;
    let mut prepared = Vec::new();
    for number in 0..REQUESTS.div_ceil(fan_out).max(BATCH) {
        let event = events::event(number)?;
        let body = event.data.to_string();
        for Subscriber { subscription, secrets } in subscribers {
            let headers = headers(&event, secrets, &body);
            prepared.push(Prepared { url: subscription.url.clone(), headers, body: body.clone() });
        }
    }
    Ok(prepared)
}

/// The headers that the event's first attempt has.
fn headers(event: &Event, secrets: &[SigningSecret], body: &str) -> Vec<(String, String)> {
    let signature = signing::signature(secrets, event.id.as_str(), EPOCH_S, body.as_bytes());
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("user-agent", concat!("Spacehook/", env!("CARGO_PKG_VERSION")).to_owned()),
        ("webhook-id", event.id.to_string()),
        ("webhook-timestamp", EPOCH_S.to_string()),
        ("webhook-signature", signature),
        ("spacehook-sequence", event.sequence.to_string()),
        ("spacehook-attempt", "1".to_owned()),
    ];
    headers.map(|(name, value)| (name.to_owned(), value)).into()
}

/// A request as the loop holds it.
struct Ready {
    url: Url,
    headers: HeaderMap,
    body: Bytes,
}

/// The loop's own process: reads what to send, then how long, until its input ends.
pub(crate) fn serve(runtime: &Runtime) -> anyhow::Result<()> {
    let mut lines = std::io::stdin().lock().lines();
    let setup: Setup = serde_json::from_str(&lines.next().context("no setup")??)?;
    let client = client(&setup.authority)?;
    let requests = setup.requests.into_iter().map(ready).collect::<anyhow::Result<Vec<_>>>()?;
    for length in lines {
        let length = Duration::from_millis(length?.parse()?);
        let sent = runtime.block_on(send(&client, &requests, setup.concurrent, length))?;
        report::line(&serde_json::to_string(&sent)?);
    }
    Ok(())
}

fn ready(prepared: Prepared) -> anyhow::Result<Ready> {
    let mut headers = HeaderMap::with_capacity(16);
    for (name, value) in prepared.headers {
        headers.insert(http::HeaderName::try_from(name)?, value.try_into()?);
    }
    Ok(Ready { url: Url::parse(&prepared.url)?, headers, body: prepared.body.into() })
}

fn client(authority: &str) -> anyhow::Result<Client> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes())?)?;
    let mut tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    let builder = Client::builder()
        .tls_backend_preconfigured(tls)
        .https_only(true)
        .http1_only()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .tcp_nodelay(true)
        .pool_max_idle_per_host(MAX_IDLE_PER_RECEIVER)
        .pool_idle_timeout(IDLE_TIMEOUT);
    Ok(builder.build()?)
}

/// Sends for this long, `concurrent` at once: how many were accepted, and in what time.
async fn send(
    client: &Client,
    requests: &[Ready],
    concurrent: usize,
    length: Duration,
) -> anyhow::Result<(u64, Duration)> {
    let started = Instant::now();
    let (next, sent) = (Cell::new(0), Cell::new(0));
    let work = async || {
        while started.elapsed() < length {
            let place = next.replace((next.get() + 1) % requests.len());
            let Some(request) = requests.get(place) else { break };
            exchange(client, request).await?;
            sent.set(sent.get() + 1);
        }
        anyhow::Ok(())
    };
    futures::future::try_join_all((0..concurrent).map(|_| work())).await?;
    Ok((sent.get(), started.elapsed()))
}

async fn exchange(client: &Client, ready: &Ready) -> anyhow::Result<()> {
    let mut request = Request::new(Method::POST, ready.url.clone());
    *request.headers_mut() = ready.headers.clone();
    *request.body_mut() = Some(ready.body.clone().into());
    let mut response = client.execute(request).await?;
    while response.chunk().await?.is_some() {}
    ensure!(response.status().is_success(), "a receiver answered {}", response.status());
    Ok(())
}
