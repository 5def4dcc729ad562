//! What a reading costs: the ingest function, as Lambda runs it, from a message to the state of a space.
//!
//! A stub of Lambda's Runtime API hands out one message after the other, and a stub of `DynamoDB` answers at once: the
//! tenant, a sensor and its space, and the state that was last written. Nobody subscribes, so no event is queued. What is
//! measured is the processor time of the function alone, by the kernel. Beside it, in the same run, the bytes of
//! the same messages are parsed by `serde_json`, and nothing else.
//!
//! A message to a decoder is one uplink: its hundred readings are those that a sensor kept while it had no network.

use crate::cloud::{Calls, item, json};
use crate::options::Options;
use crate::process::{self, processor_time};
use crate::report;
use crate::server::{self, Answer, Request, Server, answer};
use crate::subscribers::TENANT;
use anyhow::{Context as _, anyhow, bail, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Readings of a message.
const BATCHES: [u32; 2] = [1, 100];
/// How often each kind is measured, in turn; figures are medians.
const ROUNDS: usize = 3;
/// Not measured, before each run.
const WARM_UP: Duration = Duration::from_millis(300);
/// From one message to the next by their own clock: longer than a message reaches back, so that each reading is news.
const STEP_S: i64 = 120;
const SENSOR: &str = "24e124443f171044";
const NEXT: &str = "/2018-06-01/runtime/invocation/next";

/// In which form telemetry comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Native,
    Decoder,
}

impl Form {
    const ALL: [Self; 2] = [Self::Native, Self::Decoder];

    fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Decoder => "decoder",
        }
    }

    /// The goal of processor time a reading.
    fn goal_us(self) -> f64 {
        match self {
            Self::Native => 30.0,
            Self::Decoder => 300.0,
        }
    }

    fn topic(self) -> String {
        let profile = match self {
            Self::Native => "native",
            Self::Decoder => "milesight_gateway",
        };
        format!("telemetry/{TENANT}/{profile}/{SENSOR}")
    }

    /// A message that arrives then, with so many readings, a second apart. Each message says something new.
    fn payload(self, number: u64, readings: u32, now: Timestamp) -> String {
        let ages = (0..i64::from(readings)).rev();
        match self {
            Self::Native => {
                let readings: Vec<Value> = ages
                    .map(|age| {
                        json!({
                            "timestamp": now.as_second() - age, "person_count": (number + age.unsigned_abs()) % 7,
                            "motion_detected": true, "temperature": 23.7, "humidity": 53.5, "co2": 749, "battery": 98,
                        })
                    })
                    .collect();
                Value::from(readings).to_string()
            }
            Self::Decoder => {
                let bytes = if readings == 1 { uplink(number) } else { history(number, ages, now) };
                json!({
                    "applicationID": "1", "applicationName": "rooms", "deviceName": "ws203-bench", "devEUI": SENSOR,
                    "fCnt": number, "fPort": 85, "data": base64(&bytes), "time": now.to_string(),
                })
                .to_string()
            }
        }
    }
}

/// Battery, temperature, humidity, people.
fn uplink(number: u64) -> Vec<u8> {
    let people = u8::try_from(number % 7).unwrap_or_default();
    vec![0x01, 0x75, 98, 0x03, 0x67, 0xED, 0, 0x04, 0x68, 107, 0x05, 0xFD, people, 0]
}

/// Records of a WS203.
fn history(number: u64, ages: impl Iterator<Item = i64>, now: Timestamp) -> Vec<u8> {
    let record = |age: i64| {
        let at = u32::try_from(now.as_second() - age).unwrap_or_default().to_le_bytes();
        let occupied = u8::from(!(number + age.unsigned_abs()).is_multiple_of(2));
        [&[0x20, 0xCE][..], &at, &[4, occupied, 0x24, 0x01, 0x65]].concat()
    };
    ages.flat_map(record).collect()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = (0..3).fold(0_usize, |bits, at| bits << 8 | usize::from(three.get(at).copied().unwrap_or_default()));
        for at in 0..4 {
            let digit = DIGITS[bits >> (18 - 6 * at) & 63];
            text.push(if at <= three.len() { digit.into() } else { '=' });
        }
    }
    text
}

/// One run.
#[derive(Debug, Clone, Copy)]
struct Run {
    readings_a_second: f64,
    processor_us: f64,
    parse_us: f64,
}

/// Measures and prints.
pub(crate) async fn benchmark(binary: &Path, options: &Options) -> anyhow::Result<()> {
    report::line(&format!(
        "the ingest function, one message at a time, {ROUNDS} runs of {:.1} s each, medians; parse: serde_json, the same bytes",
        options.length.as_secs_f64()
    ));
    report::line(
        "  form     readings   readings/s   µs an invocation   µs a reading     goal           parse, µs a reading   of it",
    );
    let mut scene = Scene::start(binary).await?;
    for form in Form::ALL {
        for readings in BATCHES {
            let mut runs = Vec::new();
            for _ in 0..ROUNDS {
                runs.push(scene.run(form, readings, options.length).await.context(form.name())?);
            }
            report::line(&line(form, readings, &mut runs));
        }
    }
    Ok(())
}

fn line(form: Form, readings: u32, runs: &mut [Run]) -> String {
    let mut median = |figure: fn(&Run) -> f64| {
        runs.sort_by(|one, other| figure(one).total_cmp(&figure(other)));
        runs.get(runs.len() / 2).map_or(0.0, figure)
    };
    let rate = median(|run| run.readings_a_second);
    let (processor, parse) = (median(|run| run.processor_us), median(|run| run.parse_us));
    let (each, goal) = (processor / f64::from(readings), form.goal_us());
    let mut line = format!("  {:<8} {readings:>8} {rate:>12.0} {processor:>18.1} {each:>14.1}", form.name());
    let met = if each <= goal { "met" } else { "missed" };
    let parse = parse / f64::from(readings);
    let _ = write!(line, "     {goal:>4.0} {met:<8} {parse:>20.2} {:>6.0} x", each / parse);
    line
}

struct Scene {
    lambda: Lambda,
    faults: UnboundedReceiver<anyhow::Error>,
    function: process::Running,
    log: process::Log,
}

impl Scene {
    async fn start(binary: &Path) -> anyhow::Result<Self> {
        let (faults, faults_met) = unbounded_channel();
        let lambda = Lambda::default();
        let (listener, cloud) = (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
        let (runtime_api, endpoint) = (listener.local_addr()?.to_string(), format!("http://{}", cloud.local_addr()?));
        server::serve(listener, None, lambda.clone(), faults.clone());
        server::serve(cloud, None, Table::default(), faults.clone());
        let (function, log) = process::function(binary, &runtime_api, &endpoint, "", faults)?;
        Ok(Self { lambda, faults: faults_met, function, log })
    }

    async fn run(&mut self, form: Form, readings: u32, length: Duration) -> anyhow::Result<Run> {
        *self.lambda.0.handed_out.lock().unwrap_or_else(PoisonError::into_inner) = Some((form, readings));
        self.wait(WARM_UP).await?;
        let (began, processor, before) = (Instant::now(), self.function.processor_time()?, self.lambda.answered());
        self.wait(length).await?;
        let (elapsed, processor) = (began.elapsed(), self.function.processor_time()?.saturating_sub(processor));
        let invocations = self.lambda.answered() - before;
        *self.lambda.0.handed_out.lock().unwrap_or_else(PoisonError::into_inner) = None;
        ensure!(invocations > 0, "no message was taken in");
        #[expect(clippy::cast_precision_loss, reason = "some thousands")]
        let invocations = invocations as f64;
        Ok(Run {
            readings_a_second: invocations * f64::from(readings) / elapsed.as_secs_f64(),
            processor_us: processor.as_secs_f64() * 1e6 / invocations,
            parse_us: parse_us(&form.payload(1, readings, now()))?,
        })
    }

    async fn wait(&mut self, length: Duration) -> anyhow::Result<()> {
        let waited = tokio::select! {
            biased;
            fault = self.faults.recv() => Err(fault.unwrap_or_else(|| anyhow!("no server is left"))),
            () = tokio::time::sleep(length) => Ok(()),
        };
        let waited = self.function.check().and(waited);
        waited.with_context(|| format!("the function's last words:\n{}\n", self.log.last()))
    }
}

/// Processor time of parsing a message, by this process.
fn parse_us(payload: &str) -> anyhow::Result<f64> {
    let (before, mut parsed) = (processor_time("self")?, 0_u32);
    while processor_time("self")?.saturating_sub(before) < Duration::from_millis(200) {
        for _ in 0..1_000 {
            let value: Value = serde_json::from_str(std::hint::black_box(payload))?;
            ensure!(!value.is_null(), "nothing was parsed");
            parsed += 1;
        }
    }
    Ok(processor_time("self")?.saturating_sub(before).as_secs_f64() * 1e6 / f64::from(parsed))
}

/// The stub of Lambda's Runtime API.
#[derive(Clone, Default)]
struct Lambda(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// What messages are handed out; none while it waits.
    handed_out: Mutex<Option<(Form, u32)>>,
    number: AtomicU64,
    answered: AtomicU64,
}

impl Lambda {
    fn answered(&self) -> u64 {
        self.0.answered.load(Ordering::Relaxed)
    }

    async fn next(&self) -> anyhow::Result<Answer> {
        let (form, readings) = loop {
            let handed_out = *self.0.handed_out.lock().unwrap_or_else(PoisonError::into_inner);
            match handed_out {
                Some(handed_out) => break handed_out,
                None => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        };
        let number = self.0.number.fetch_add(1, Ordering::Relaxed);
        let now = Timestamp::from_second(now().as_second() + STEP_S * i64::try_from(number)?)?;
        let payload = form.payload(number, readings, now);
        let message = json!({
            "payload_base64": base64(payload.as_bytes()), "topic": form.topic(), "received_at_ms": now.as_millisecond(),
        });
        let head = format!(
            "lambda-runtime-aws-request-id: {number}\r\nlambda-runtime-deadline-ms: 9999999999999\r\n\
             lambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:000000000000:function:bench\r\n\
             content-type: application/json\r\n"
        );
        Ok(answer("200 OK", &head, message.to_string().as_bytes()))
    }
}

impl Server for Lambda {
    async fn answer(&self, request: &Request<'_>) -> anyhow::Result<Answer> {
        match (request.method, request.path) {
            ("GET", NEXT) => self.next().await,
            ("POST", path) if path.ends_with("/response") => {
                self.0.answered.fetch_add(1, Ordering::Relaxed);
                Ok(answer("202 Accepted", "", b""))
            }
            (method, path) => bail!("{method} {path}: {}", request.text()?),
        }
    }
}

/// The stub of `DynamoDB`: a sensor in a space, and the state of that space as it was last written.
#[derive(Default)]
struct Table {
    calls: Calls,
    state: Mutex<Option<Value>>,
}

impl Table {
    fn state(&self) -> Option<Value> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn tenant() -> Value {
    item(&json!({"pk": format!("T#{TENANT}"), "sk": "TENANT", "version": 1}))
}

impl Server for Table {
    async fn answer(&self, request: &Request<'_>) -> anyhow::Result<Answer> {
        let (target, body) = (request.header("x-amz-target")?, request.text()?);
        let operation = target.rsplit_once('.').map_or(target, |(_, operation)| operation);
        self.calls.count(operation);
        match operation {
            "PutItem" if body.contains(r#""STATE""#) => {
                let mut written: Value = serde_json::from_str(body)?;
                *self.state.lock().unwrap_or_else(PoisonError::into_inner) = Some(written["Item"].take());
                Ok(json(&json!({})))
            }
            "GetItem" if body.contains(r#""STATE""#) => {
                Ok(json(&self.state().map_or_else(|| json!({}), |state| json!({"Item": state}))))
            }
            "BatchGetItem" if body.contains(r#""TENANT""#) && body.contains(r#""STATE""#) => {
                let table = process::TABLE;
                let found: Vec<Value> = [tenant()].into_iter().chain(self.state()).collect();
                Ok(json(&json!({"Responses": {table: found}, "UnprocessedKeys": {}})))
            }
            "GetItem" if body.contains(r#""TENANT""#) => Ok(json(&json!({"Item": tenant()}))),
            "GetItem" if body.contains(r#""SEN#"#) => {
                let sensor = json!({"sensor_id": SENSOR, "building_ref_id": "b", "space_ref_id": "s"});
                Ok(json(&json!({"Item": item(&sensor)})))
            }
            "GetItem" if body.contains(r#""SPC#"#) => {
                let mut space = item(&json!({"space_id": 1, "building_ref_id": "b", "space_ref_id": "s"}));
                space["sensor_ids"] = json!({"SS": [SENSOR]});
                Ok(json(&json!({"Item": space})))
            }
            "GetItem" if body.contains(r#""BLD#"#) => {
                Ok(json(&json!({"Item": item(&json!({"building_ref_id": "b"}))})))
            }
            _ => bail!("the stub does not know this call, which no reading made when it was written: {target} {body}"),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "readings have the time of the clock on the wall, and this is no function"
)]
fn now() -> Timestamp {
    Timestamp::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_padded() {
        for (text, written) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(base64(text.as_bytes()), written);
        }
    }
}
