//! What a request to the management API costs: the api function, as Lambda runs it, without the emulator.
//!
//! A stub of Lambda's Runtime API hands out one event of API Gateway at a time and measures until the answer is there. What
//! the function asks of `DynamoDB` meanwhile is answered by another stub, and a bare client asks that one the very same,
//! in the same run, one call after the other: what is left of the whole without those is the function's own time (reading
//! the event, signing and sending its calls, reading what comes back, writing the answer, and the way through Lambda's
//! protocol). Calls that the function makes side by side take it less than they take the bare client, so its own time
//! is somewhat more than what is printed.

use crate::cloud::{item, json, subscription_item};
use crate::options::Options;
use crate::process::{self, Log, Running};
use crate::report;
use crate::server::{self, Answer, Request, Server, answer};
use crate::subscribers::{EPOCH_S, TENANT, subscribers};
use anyhow::{Context as _, anyhow, bail, ensure};
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use spacehook_domain::api_key::ApiKeyToken;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::Mutex as AsyncMutex;
use tokio::sync::mpsc::{Receiver, Sender, UnboundedReceiver, channel, unbounded_channel};

/// Subscriptions that the list shows.
const LISTED: u16 = 50;
/// Requests that are not measured, so that connections are made and code is in memory.
const WARM_UP: u32 = 200;
/// Requests that are measured, of each kind.
const MEASURED: u32 = 2_000;
/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// The goal for half of the requests, of the function's own time.
const GOAL: Duration = Duration::from_millis(1);
/// A moment that is still to come.
const NEVER_S: i64 = 32_503_680_000;
const NEXT: &str = "/2018-06-01/runtime/invocation/next";

/// Measures and prints.
pub(crate) async fn benchmark(options: &Options) -> anyhow::Result<()> {
    let Some(binary) = &options.api else { return Ok(()) };
    report::line(&format!("\nthe api function, {MEASURED} requests of each kind, one at a time; p50 (p99)"));
    let mut scene = Scene::start(binary).await?;
    let id = scene.subscription.clone();
    for (name, path) in [("get", format!("/v1/subscriptions/{id}")), ("list", "/v1/subscriptions".to_owned())] {
        let measured = scene.measure(&path).await.with_context(|| format!("GET {path}"))?;
        report::line(&measured.line(name));
    }
    Ok(())
}

/// Times of one kind of request.
struct Measured {
    whole: Vec<Duration>,
    /// All its calls to `DynamoDB`, by the bare client.
    bare: Vec<Duration>,
    /// Calls to `DynamoDB` a request.
    calls: f64,
    bytes: usize,
}

impl Measured {
    fn line(mut self, name: &str) -> String {
        let whole = (quantile(&mut self.whole, 50), quantile(&mut self.whole, 99));
        let bare = quantile(&mut self.bare, 50);
        let own = whole.0.saturating_sub(bare);
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        format!(
            "  {name:<5} {:.2} ms ({:.2}) for {} bytes; {:.2} calls, {:.2} ms by a bare client; own {:.2} ms, goal {:.0} ms: {}",
            ms(whole.0),
            ms(whole.1),
            self.bytes,
            self.calls,
            ms(bare),
            ms(own),
            ms(GOAL),
            if own <= GOAL { "met" } else { "missed" }
        )
    }
}

/// The time that so many of a hundred do not exceed.
fn quantile(times: &mut [Duration], of_hundred: usize) -> Duration {
    times.sort_unstable();
    times.get(times.len() * of_hundred / 100).or(times.last()).copied().unwrap_or_default()
}

/// The function, the stubs around it, and the bare client beside it.
struct Scene {
    subscription: String,
    key: String,
    requests: Sender<Value>,
    answers: Receiver<Exchange>,
    table: Table,
    endpoint: String,
    client: reqwest::Client,
    faults: UnboundedReceiver<anyhow::Error>,
    /// Ends the function when this is dropped.
    _function: Running,
    log: Log,
}

impl Scene {
    async fn start(binary: &std::path::Path) -> anyhow::Result<Self> {
        let token = ApiKeyToken::from_random([7; 8], [7; 32]);
        let table = Table::new(&token)?;
        let subscription = table.0.subscription.clone();
        let (faults, faults_met) = unbounded_channel();
        let ((requests, to_function), (to_us, answers)) = (channel(1), channel(1));
        let runtime =
            Runtime { requests: Arc::new(AsyncMutex::new(to_function)), asked: Arc::default(), answers: to_us };
        let (listener, cloud) = (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
        let (runtime_api, endpoint) = (listener.local_addr()?.to_string(), format!("http://{}", cloud.local_addr()?));
        server::serve(listener, None, runtime, faults.clone());
        server::serve(cloud, None, table.clone(), faults.clone());
        let (function, log) = process::function(binary, &runtime_api, &endpoint, "", faults)?;
        let client = reqwest::Client::builder().no_proxy().build()?;
        let key = token.text().expose_secret().to_owned();
        Ok(Self {
            subscription,
            key,
            requests,
            answers,
            table,
            endpoint,
            client,
            faults: faults_met,
            _function: function,
            log,
        })
    }

    async fn measure(&mut self, path: &str) -> anyhow::Result<Measured> {
        let mut measured = Measured { whole: Vec::new(), bare: Vec::new(), calls: 0.0, bytes: 0 };
        let mut calls = 0;
        for number in 0..WARM_UP + MEASURED {
            let exchange = self.ask(path).await?;
            let asked = self.table.take_asked();
            ensure!(!asked.is_empty(), "DynamoDB was not asked");
            let of_it = asked.len();
            let mut bare = Duration::ZERO;
            for (target, body) in asked {
                bare += self.ask_bare(&target, body).await?;
            }
            if number >= WARM_UP {
                measured.whole.push(exchange.took);
                measured.bare.push(bare);
                calls += of_it;
                measured.bytes = exchange.bytes;
            }
        }
        measured.calls = f64::from(u32::try_from(calls)?) / f64::from(MEASURED);
        Ok(measured)
    }

    async fn ask(&mut self, path: &str) -> anyhow::Result<Exchange> {
        self.requests.send(gateway_event(path, &self.key)).await.map_err(|_| anyhow!("the stub of Lambda is gone"))?;
        let answered = tokio::select! {
            biased;
            fault = self.faults.recv() => Err(fault.unwrap_or_else(|| anyhow!("no server is left"))),
            answered = tokio::time::timeout(PATIENCE, self.answers.recv()) => {
                answered.map_err(|_| anyhow!("it took more than {PATIENCE:?}"))
            }
        };
        let answered = answered.with_context(|| format!("the function's last words:\n{}\n", self.log.last()))?;
        answered.context("the stub of Lambda is gone")
    }

    /// What the function asked, asked by a client that does nothing else.
    async fn ask_bare(&self, target: &str, body: String) -> anyhow::Result<Duration> {
        let began = Instant::now();
        let request = self.client.post(&self.endpoint).header("x-amz-target", target).header("x-bare", "1").body(body);
        let answer = request.send().await?.error_for_status()?;
        answer.bytes().await?;
        Ok(began.elapsed())
    }
}

/// A request as API Gateway writes it.
fn gateway_event(path: &str, key: &str) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
        "headers": {"authorization": format!("Bearer {key}"), "host": "api.example.com", "accept": "*/*"},
        "requestContext": {
            "accountId": "000000000000", "apiId": "bench", "domainName": "api.example.com", "domainPrefix": "api",
            "http": {"method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "bench"},
            "requestId": "bench", "routeKey": "$default", "stage": "$default",
            "time": "02/Feb/2026:14:19:00 +0000", "timeEpoch": EPOCH_S * 1_000,
        },
        "isBase64Encoded": false,
    })
}

/// One request, answered.
#[derive(Debug, Clone, Copy)]
struct Exchange {
    took: Duration,
    bytes: usize,
}

/// The stub of Lambda's Runtime API, one request at a time.
struct Runtime {
    requests: Arc<AsyncMutex<Receiver<Value>>>,
    asked: Arc<Mutex<Option<Instant>>>,
    answers: Sender<Exchange>,
}

impl Server for Runtime {
    async fn answer(&self, request: &Request<'_>) -> anyhow::Result<Answer> {
        match (request.method, request.path) {
            ("GET", NEXT) => {
                let event = self.requests.lock().await.recv().await.context("there are no more requests")?;
                let head = "lambda-runtime-aws-request-id: bench\r\nlambda-runtime-deadline-ms: 9999999999999\r\n\
                            lambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:000000000000:function:bench\r\n\
                            content-type: application/json\r\n";
                let event = answer("200 OK", head, event.to_string().as_bytes());
                *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
                Ok(event)
            }
            ("POST", path) if path.ends_with("/response") => {
                let now = Instant::now();
                let asked = *self.asked.lock().unwrap_or_else(PoisonError::into_inner);
                let took = now - asked.context("an answer to what was not asked")?;
                let answered: Value = serde_json::from_slice(request.body)?;
                ensure!(answered["statusCode"] == 200, "the function answered {answered}");
                let bytes = answered["body"].as_str().map_or(0, str::len);
                let _ = self.answers.send(Exchange { took, bytes }).await;
                Ok(answer("202 Accepted", "", b""))
            }
            (method, path) => bail!("{method} {path}: {}", request.text()?),
        }
    }
}

/// The stub of `DynamoDB`: a key, a tenant and its subscriptions.
#[derive(Clone)]
struct Table(Arc<Held>);

struct Held {
    subscription: String,
    key: Answer,
    one: Answer,
    all: Answer,
    nothing: Answer,
    /// It says how its subscriptions are doing: none has a backlog, none was told to be failing.
    tenant: Answer,
    counted: Answer,
    /// What the function asked of it: operations and bodies.
    asked: Mutex<Vec<(String, String)>>,
}

impl Table {
    fn new(token: &ApiKeyToken) -> anyhow::Result<Self> {
        let key = json!({
            "id": token.id(), "tenant": TENANT, "name": "bench", "scopes": ["admin"], "hash": token.hash(),
            "created_at": Timestamp::from_second(EPOCH_S)?,
            // Noted once an hour: not now, whenever this runs.
            "last_used_at": Timestamp::from_second(NEVER_S)?,
        });
        let tenant = json!({"pk": format!("T#{TENANT}"), "sk": "TENANT", "version": 1});
        let ports: Vec<_> = (1_024..).take(LISTED.into()).collect();
        let subscriptions = subscribers(&ports)?;
        let items = subscriptions.iter().map(|one| subscription_item(&one.subscription));
        let items = items.collect::<anyhow::Result<Vec<_>>>()?;
        Ok(Self(Arc::new(Held {
            subscription: subscriptions.first().context("no subscription")?.subscription.id.to_string(),
            key: json(&json!({"Item": item(&key)})),
            one: json(&json!({"Item": items.first()})),
            all: json(&json!({"Count": items.len(), "ScannedCount": items.len(), "Items": items})),
            nothing: json(&json!({})),
            tenant: json(&json!({"Item": item(&tenant)})),
            counted: json(&json!({"Attributes": {"made": {"N": "1"}}})),
            asked: Mutex::default(),
        })))
    }

    fn take_asked(&self) -> Vec<(String, String)> {
        std::mem::take(&mut self.0.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Server for Table {
    async fn answer(&self, request: &Request<'_>) -> anyhow::Result<Answer> {
        let (target, body) = (request.header("x-amz-target")?, request.text()?);
        if request.header("x-bare").is_err() {
            let mut asked = self.0.asked.lock().unwrap_or_else(PoisonError::into_inner);
            asked.push((target.to_owned(), body.to_owned()));
        }
        let held = &self.0;
        match target.rsplit_once('.').map_or(target, |(_, operation)| operation) {
            "GetItem" if body.contains(r#""K#"#) => Ok(held.key.clone()),
            "GetItem" if body.contains(r#""SUB#"#) => Ok(held.one.clone()),
            // The first tenant has no record.
            "GetItem" if body.contains(r#""TENANTS""#) => Ok(held.nothing.clone()),
            "GetItem" if body.contains(r#""TENANT""#) => Ok(held.tenant.clone()),
            "UpdateItem" if body.contains(r#""R#"#) => Ok(held.counted.clone()),
            "Query" if body.contains(r#""SUB#"#) => Ok(held.all.clone()),
            _ => bail!(
                "the stub does not know this call, which no get or list made when it was written: {target} {body}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_sorted_times() {
        let mut times: Vec<_> = (1..=100).rev().map(Duration::from_millis).collect();
        assert_eq!(quantile(&mut times, 50), Duration::from_millis(51));
        assert_eq!(quantile(&mut times, 99), Duration::from_millis(100));
        assert_eq!(quantile(&mut [], 50), Duration::ZERO);
    }
}
