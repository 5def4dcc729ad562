//! The stub of Lambda's Runtime API: it hands out batches while it is open, one invocation at a time.

use crate::events::{Batch, Batches};
use crate::server::{Answer, Faults, Request, Server, answer};
use anyhow::{Context as _, bail, ensure};
use jiff::Timestamp;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::sync::{Mutex as AsyncMutex, watch};

/// Batches that are written ahead, so that no invocation waits for one to be written.
const AHEAD: usize = 4;
/// The dispatcher's timeout, as the template has it.
const TIMEOUT_MS: i64 = 60_000;
const NEXT: &str = "/2018-06-01/runtime/invocation/next";

/// When a batch was handed out, and when the function answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Invocation {
    /// When its messages left for the function.
    pub(crate) handed_out: Instant,
    /// When the function's answer came; none while it works.
    pub(crate) answered: Option<Instant>,
}

/// The Runtime API's end of one function.
#[derive(Clone)]
pub(crate) struct Lambda(Arc<Shared>);

struct Shared {
    open: watch::Sender<bool>,
    /// Whether the function waits for a batch.
    idle: watch::Sender<bool>,
    batches: AsyncMutex<Receiver<Batch>>,
    /// By number of the batch.
    invocations: Mutex<Vec<Invocation>>,
}

impl Lambda {
    /// A Runtime API that is closed, and writes batches ahead until the runtime ends.
    pub(crate) fn new(faults: Faults) -> anyhow::Result<Self> {
        let (sender, batches) = channel(AHEAD);
        let mut written = Batches::new()?;
        tokio::spawn(async move {
            loop {
                let sent = match written.next() {
                    Ok(batch) => sender.send(batch).await.is_ok(),
                    Err(fault) => {
                        let _ = faults.send(fault);
                        false
                    }
                };
                if !sent {
                    return;
                }
            }
        });
        Ok(Self(Arc::new(Shared {
            open: watch::Sender::new(false),
            idle: watch::Sender::new(false),
            batches: AsyncMutex::new(batches),
            invocations: Mutex::default(),
        })))
    }

    /// Hands out batches from now on, or does so no longer.
    pub(crate) fn open(&self, open: bool) {
        self.0.open.send_replace(open);
    }

    /// Waits until the function has answered everything and waits for more.
    pub(crate) async fn idle(&self) {
        // The sender lives as long as this does.
        let _ = self.0.idle.subscribe().wait_for(|idle| *idle).await;
    }

    /// The invocations from this number on.
    pub(crate) fn invocations(&self, from: usize) -> Vec<Invocation> {
        self.lock().get(from..).unwrap_or_default().to_vec()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Invocation>> {
        self.0.invocations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn next(&self) -> anyhow::Result<Answer> {
        if !*self.0.open.borrow() {
            self.0.idle.send_replace(true);
            self.0.open.subscribe().wait_for(|open| *open).await?;
            self.0.idle.send_replace(false);
        }
        let batch = self.0.batches.lock().await.recv().await.context("there are no more batches")?;
        let now = now();
        let head = format!(
            "lambda-runtime-aws-request-id: {}\r\nlambda-runtime-deadline-ms: {}\r\n\
             lambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:000000000000:function:bench\r\n\
             content-type: application/json\r\n",
            batch.number,
            now.as_millisecond() + TIMEOUT_MS
        );
        let answer = answer("200 OK", &head, batch.document(now)?.as_bytes());
        self.lock().push(Invocation { handed_out: Instant::now(), answered: None });
        Ok(answer)
    }

    fn answered(&self, request: &Request<'_>) -> anyhow::Result<Answer> {
        let answered = Instant::now();
        let id = request.path.rsplit('/').nth(1).unwrap_or_default();
        let number: usize = id.parse()?;
        let given_back = serde_json::from_str::<serde_json::Value>(request.text()?)?;
        let none = given_back["batchItemFailures"].as_array().is_some_and(Vec::is_empty);
        ensure!(none, "the dispatcher gave messages back: {given_back}");
        self.lock().get_mut(number).context("an answer to what was not asked")?.answered = Some(answered);
        Ok(answer("202 Accepted", "", b""))
    }
}

impl Server for Lambda {
    async fn answer(&self, request: &Request<'_>) -> anyhow::Result<Answer> {
        match (request.method, request.path) {
            ("GET", NEXT) => self.next().await,
            ("POST", path) if path.ends_with("/response") => self.answered(request),
            (method, path) => bail!("{method} {path}: {}", request.text()?),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a deadline is told by the clock on the wall, and this is no function")]
fn now() -> Timestamp {
    Timestamp::now()
}
