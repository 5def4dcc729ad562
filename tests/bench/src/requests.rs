//! What a batch asks of AWS: the requests of the dispatcher's own code, wired as the function is, counted by the stub.
//!
//! ARCHITECTURE.md, "Cost", states these numbers.

mod still;

use crate::authority;
use crate::cloud::{Calls, Cloud};
use crate::events::{BATCH, Batches};
use crate::receiver;
use crate::server::{self, Answer, Request, Server, answer};
use crate::subscribers::subscribers;
use jiff::Timestamp;
use serde_json::{Value, json};
use spacehook_authentication::AuthenticatedClient;
use spacehook_credentials::CredentialStore;
use spacehook_delivery::{ReceiverClient, TrustedCas};
use spacehook_dispatcher::delivering::Dispatcher;
use spacehook_dispatcher::ports::World as _;
use spacehook_dispatcher::report::Report;
use spacehook_dispatcher::settings::Settings;
use spacehook_dispatcher::{AwsWorld, batch};
use spacehook_domain::receiver::{AllowedNetworks, PortPolicy, ReceiverPolicy};
use spacehook_queues::{DeadLetterQueue, EventQueue, WakeQueue};
use spacehook_runtime::{Environment, aws_config};
use spacehook_store::Store;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use still::Still;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::oneshot;

const CONTENT_TYPE: &str = "content-type: application/x-amz-json-1.0\r\n";
/// What a function has for an invocation.
const TIME: Duration = Duration::from_mins(1);

/// What the receivers do.
#[derive(Debug, Clone, Copy)]
enum Receivers {
    /// They accept, and check what they accept.
    Accept,
    /// They answer 500.
    Fail,
}

/// A receiver that answers 500.
struct Failing;

impl Server for Failing {
    async fn answer(&self, _: &Request<'_>) -> anyhow::Result<Answer> {
        Ok(answer("500 Internal Server Error", "", b""))
    }
}

/// The stub of the benchmark, and what a failed delivery takes besides.
struct WithFailures {
    cloud: Cloud,
    calls: Calls,
}

impl Server for WithFailures {
    async fn answer(&self, request: &Request<'_>) -> anyhow::Result<Answer> {
        let (target, body) = (request.header("x-amz-target")?, request.text()?);
        match target {
            "DynamoDB_20120810.TransactWriteItems" if body.contains(r#""BACKLOG""#) => {
                let written: Value = serde_json::from_str(body)?;
                let items = written["TransactItems"].as_array().map_or(0, Vec::len);
                self.calls.count(&format!("TransactWriteItems of {items}"));
            }
            "AmazonSQS.SendMessage" if body.contains("/retries\"") => self.calls.count("SendMessage"),
            "DynamoDB_20120810.UpdateItem" if body.contains(r#""FAILING#"#) => self.calls.count("UpdateItem"),
            _ => return self.cloud.answer(request).await,
        }
        let done = json!({"MessageId": "m", "MD5OfMessageBody": "d41d8cd98f00b204e9800998ecf8427e"});
        Ok(answer("200 OK", CONTENT_TYPE, done.to_string().as_bytes()))
    }
}

/// Bytes of each pack of kept events that was put, as `DynamoDB` reckons them.
#[derive(Debug, Clone, Default)]
struct Packs(Arc<Mutex<Vec<u64>>>);

impl Packs {
    /// Takes in what a `BatchWriteItem` puts.
    fn take(&self, body: &str) -> anyhow::Result<()> {
        let written: Value = serde_json::from_str(body)?;
        let puts = written["RequestItems"]["bench"].as_array().into_iter().flatten();
        let items = puts.filter_map(|put| put["PutRequest"]["Item"].as_object());
        let packs = items.filter(|item| item["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("E#")));
        self.0.lock().unwrap().extend(packs.map(|pack| {
            let bytes = pack.iter().map(|(name, value)| name.len() + value_bytes(value)).sum::<usize>();
            u64::try_from(bytes).unwrap()
        }));
        Ok(())
    }
}

/// The size of a text, a number or bytes, which are written in base64.
fn value_bytes(value: &Value) -> usize {
    let written = |kind| value[kind].as_str();
    let of_base64 = |text: &str| text.trim_end_matches('=').len() * 3 / 4;
    written("B").map(of_base64).or_else(|| written("S").or_else(|| written("N")).map(str::len)).unwrap()
}

/// The stub of the benchmark, which also looks at the events that are kept.
struct WithPacks {
    cloud: Cloud,
    packs: Packs,
}

impl Server for WithPacks {
    async fn answer(&self, request: &Request<'_>) -> anyhow::Result<Answer> {
        if request.header("x-amz-target")?.ends_with("BatchWriteItem") {
            self.packs.take(request.text()?)?;
        }
        self.cloud.answer(request).await
    }
}

/// The stub and the receivers, on a thread of their own, so that the dispatcher does not wait for itself.
struct Around {
    endpoint: String,
    authority: String,
    calls: Calls,
    packs: Packs,
    faults: UnboundedReceiver<anyhow::Error>,
    /// They end when this is dropped.
    _running: oneshot::Sender<()>,
}

impl Around {
    async fn start(fan_out: usize, receivers: Receivers) -> Self {
        let (started, starts) = oneshot::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let (running, ended) = oneshot::channel();
                let around = Self::serve(fan_out, receivers, running).await;
                assert!(started.send(around).is_ok(), "the test is still there");
                // An error is that the other end was dropped, which is the end that is meant.
                let _ = ended.await;
            });
        });
        starts.await.unwrap()
    }

    async fn serve(fan_out: usize, receivers: Receivers, running: oneshot::Sender<()>) -> Self {
        let (authority, tls) = authority::make().unwrap();
        let (faults, faults_met) = unbounded_channel();
        let (listeners, ports) = receiver::listeners(fan_out).await.unwrap();
        let subscribers = subscribers(&ports).unwrap();
        let (calls, packs) = (Calls::default(), Packs::default());
        let cloud = Cloud::new(&subscribers, calls.clone()).unwrap();
        let of_cloud = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", of_cloud.local_addr().unwrap());
        match receivers {
            Receivers::Accept => {
                receiver::serve(listeners, &tls, &subscribers, &faults).unwrap();
                server::serve(of_cloud, None, WithPacks { cloud, packs: packs.clone() }, faults);
            }
            Receivers::Fail => {
                for listener in listeners {
                    server::serve(listener, Some(tls.clone()), Failing, faults.clone());
                }
                server::serve(of_cloud, None, WithFailures { cloud, calls: calls.clone() }, faults);
            }
        }
        Self { endpoint, authority, calls, packs, faults: faults_met, _running: running }
    }
}

/// A dispatcher and what is around it, all in this process.
struct Scene {
    dispatcher: Dispatcher<Still>,
    now: Timestamp,
    batches: Batches,
    around: Around,
}

impl Scene {
    async fn start(fan_out: usize, receivers: Receivers) -> Self {
        let around = Around::start(fan_out, receivers).await;
        let world = world(&around.endpoint, &around.authority);
        let now = world.now();
        let dispatcher = Dispatcher::new(world, Settings::default());
        Self { dispatcher, now, batches: Batches::new().unwrap(), around }
    }

    /// Delivers the first messages of a new batch: what became of them, and the requests that it took.
    async fn deliver(&mut self, messages: u32) -> (Report, BTreeMap<String, u64>) {
        let before = self.around.calls.until_now();
        let document = self.batches.next().unwrap().document(self.now).unwrap();
        let read = batch::read(serde_json::from_str(&document).unwrap());
        let report = self.dispatcher.deliver(&read[..messages as usize], self.now + TIME).await;
        let fault = self.around.faults.try_recv();
        assert!(fault.is_err(), "a server met a fault: {fault:?}");
        let mut calls = self.around.calls.until_now();
        for (operation, count) in before {
            *calls.get_mut(&operation).unwrap() -= count;
        }
        calls.retain(|_, count| *count > 0);
        (report, calls)
    }
}

/// The world of the function, as its `main` makes it, but for the clock.
fn world(endpoint: &str, authority: &str) -> Still {
    let environment = Environment::new(|name| match name {
        "AWS_REGION" => Some("us-east-1".to_owned()),
        "AWS_ENDPOINT_URL" => Some(endpoint.to_owned()),
        "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("local".to_owned()),
        _ => None,
    });
    let aws = aws_config(&environment);
    let allowed = AllowedNetworks::parse("127.0.0.0/8@1024-65535").unwrap();
    let policy = ReceiverPolicy::new(allowed, PortPolicy::default());
    let receivers = ReceiverClient::new(policy.clone(), &TrustedCas::parse(authority).unwrap()).unwrap();
    let secrets = CredentialStore::new(aws_sdk_secretsmanager::Client::new(&aws), "spacehook/bench/");
    let sqs = aws_sdk_sqs::Client::new(&aws);
    let queue = |name: &str| format!("{endpoint}/000000000000/{name}");
    Still(AwsWorld {
        store: Store::new(aws_sdk_dynamodb::Client::new(&aws), "bench"),
        receivers: AuthenticatedClient::new(secrets, receivers, policy),
        events: EventQueue::new(sqs.clone(), queue("events.fifo")),
        retries: WakeQueue::new(sqs.clone(), queue("retries")),
        dead_events: DeadLetterQueue::new(sqs.clone(), queue("events-dead.fifo")),
        dead_retries: DeadLetterQueue::new(sqs, queue("retries-dead")),
    })
}

fn requests<const N: usize>(of: [(&str, u64); N]) -> BTreeMap<String, u64> {
    of.into_iter().map(|(operation, count)| (operation.to_owned(), count)).collect()
}

/// What became of deliveries: accepted, failed, kept. None is given back.
fn became(report: &Report) -> (usize, usize, usize) {
    assert!(report.give_back.is_empty(), "{:?}", report.give_back);
    (report.accepted, report.failed, report.kept)
}

/// The requests of the first batch, which reads what is kept in memory then, and of the second.
async fn of_two_healthy_batches(fan_out: usize) -> [BTreeMap<String, u64>; 2] {
    let mut scene = Scene::start(fan_out, Receivers::Accept).await;
    let all_accepted = (BATCH as usize * fan_out, 0, 0);
    let (first, at_first) = scene.deliver(BATCH).await;
    assert_eq!(became(&first), all_accepted);
    let (second, then) = scene.deliver(BATCH).await;
    assert_eq!(became(&second), all_accepted);
    [at_first, then]
}

#[tokio::test]
async fn a_healthy_batch_reads_its_tenant_and_writes_logs_and_counts() {
    let [first, second] = of_two_healthy_batches(1).await;
    assert_eq!(second, requests([("GetItem", 1), ("BatchWriteItem", 1), ("UpdateItem", 1)]));
    // The list of subscriptions, the tenant once more after it, and the secrets are read once.
    let read = [("GetItem", 2), ("Query", 1), ("GetSecretValue", 1), ("BatchWriteItem", 1), ("UpdateItem", 1)];
    assert_eq!(first, requests(read));
}

#[tokio::test]
async fn a_healthy_batch_to_a_hundred_reads_no_more() {
    let [first, second] = of_two_healthy_batches(100).await;
    // 1,000 attempts fill 40 requests of 25 to the last place, so the pack of events is one more; one count a subscription.
    assert_eq!(second, requests([("GetItem", 1), ("BatchWriteItem", 41), ("UpdateItem", 100)]));
    let read = [("GetItem", 2), ("Query", 1), ("GetSecretValue", 100), ("BatchWriteItem", 41), ("UpdateItem", 100)];
    assert_eq!(first, requests(read));
}

/// Events of the telemetry of a busy building: reports of 600 bytes, each of another space.
#[tokio::test]
async fn what_keeping_an_event_costs() {
    // One write unit each: by itself a whole one an event, in a batch of ten a tenth.
    for (messages, units_due) in [(1, 1), (BATCH, 1)] {
        let mut scene = Scene::start(1, Receivers::Accept).await;
        let (report, calls) = scene.deliver(messages).await;
        assert_eq!(became(&report), (messages as usize, 0, 0));
        // With the log of the attempts: no request more.
        assert_eq!(calls["BatchWriteItem"], 1);
        let packs = scene.around.packs.0.lock().unwrap().clone();
        let units: u64 = packs.iter().map(|bytes| bytes.div_ceil(1_024)).sum();
        assert_eq!((packs.len(), units), (1, units_due), "{messages} events are a pack of {packs:?} bytes");
    }
}

#[tokio::test]
async fn a_first_failure_is_a_timer_and_a_transaction() {
    // The stub's table forgets: each batch of it meets a subscription that has no backlog yet.
    let mut scene = Scene::start(1, Receivers::Fail).await;
    let (report, of_one) = scene.deliver(1).await;
    assert_eq!(became(&report), (0, 1, 1));
    // The backlog, the note at the tenant, the lane and its delivery; the counts and the marker of who fails.
    let kept = [("SendMessage", 1), ("TransactWriteItems of 4", 1), ("BatchWriteItem", 1), ("UpdateItem", 2)];
    let read = [("GetItem", 2), ("Query", 1), ("GetSecretValue", 1)];
    assert_eq!(of_one, requests(kept).into_iter().chain(requests(read)).collect());
    // Some of them were not tried any more.
    let (report, of_ten) = scene.deliver(BATCH).await;
    assert_eq!((report.accepted, report.kept, report.give_back.len()), (0, BATCH as usize, 0));
    // A lane and a delivery each; the marker is made once in a quarter of an hour.
    let kept = [("SendMessage", 1), ("TransactWriteItems of 22", 1), ("BatchWriteItem", 1), ("UpdateItem", 1)];
    assert_eq!(of_ten, requests(kept).into_iter().chain(requests([("GetItem", 1)])).collect());
}
