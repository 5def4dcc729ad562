//! The runs: dispatcher and bare loop in turn, everything checked that arrives.

use crate::api;
use crate::authority;
use crate::bare::Bare;
use crate::cloud::{Calls, Cloud};
use crate::events::BATCH;
use crate::lambda::Lambda;
use crate::options::Options;
use crate::process::{self, Log, Running};
use crate::receiver::{self, Arrival, Arrivals, Arrived};
use crate::report;
use crate::server;
use crate::subscribers::subscribers;
use anyhow::{Context as _, anyhow, bail, ensure};
use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// How long each run goes before it is measured.
const WARM_UP: Duration = Duration::from_millis(300);
/// How long a child may take to start, or to end what it has begun.
const PATIENCE: Duration = Duration::from_secs(20);

/// A measured run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    /// Deliveries that arrived.
    pub(crate) deliveries: u64,
    /// Connections that were made for them.
    pub(crate) connections: u64,
    /// From the first message handed out (request begun) to the last answer.
    pub(crate) elapsed: Duration,
    /// Processor time of the child.
    pub(crate) processor: Duration,
    /// Processor time of this process: receivers and stub.
    pub(crate) around: Duration,
}

/// What was measured at one fan-out.
#[derive(Debug)]
pub(crate) struct Measured {
    /// Subscriptions that each event goes to.
    pub(crate) fan_out: usize,
    /// The dispatcher's runs.
    pub(crate) dispatcher: Vec<Run>,
    /// The bare loop's, in turn with them.
    pub(crate) bare: Vec<Run>,
    /// From message handed out to receipt, of every delivery.
    pub(crate) latencies: Vec<Duration>,
    /// The most memory each child had, in MB.
    pub(crate) peak_mb: (f64, f64),
    /// Calls of the dispatcher's runs by operation, those that were not measured left out.
    pub(crate) calls: BTreeMap<String, u64>,
    /// Calls before the first measured run.
    pub(crate) calls_at_first: BTreeMap<String, u64>,
}

/// Measures and prints everything.
pub(crate) async fn benchmark(options: &Options) -> anyhow::Result<()> {
    report::line(&report::introduction(options));
    let mut measured = Vec::new();
    for fan_out in &options.fan_outs {
        measured.push(at(*fan_out, options).await.with_context(|| format!("fan-out {fan_out}"))?);
        report::line(&format!("fan-out {fan_out} measured: every delivery arrived once and was signed"));
    }
    report::line(&report::report(&measured));
    api::benchmark(options).await.context("the api function")
}

async fn at(fan_out: usize, options: &Options) -> anyhow::Result<Measured> {
    let mut scene = Scene::start(fan_out, options).await?;
    let mut measured = Measured {
        fan_out,
        dispatcher: Vec::new(),
        bare: Vec::new(),
        latencies: Vec::new(),
        peak_mb: (0.0, 0.0),
        calls: BTreeMap::new(),
        calls_at_first: BTreeMap::new(),
    };
    for round in 0..options.rounds {
        scene.dispatch(WARM_UP).await?;
        let before = scene.calls.until_now();
        let (run, latencies) = scene.dispatch(options.length).await?;
        add(&mut measured.calls, &difference(&scene.calls.until_now(), &before));
        measured.dispatcher.push(run);
        measured.latencies.extend(latencies);
        if round == 0 {
            measured.calls_at_first = before;
        }
        scene.send(WARM_UP).await?;
        measured.bare.push(scene.send(options.length).await?);
    }
    measured.peak_mb = (scene.dispatcher.peak_mb()?, scene.bare.process.peak_mb()?);
    Ok(measured)
}

fn difference(after: &BTreeMap<String, u64>, before: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let since = |(name, count): (&String, &u64)| (name.clone(), count - before.get(name).unwrap_or(&0));
    after.iter().map(since).collect()
}

fn add(total: &mut BTreeMap<String, u64>, calls: &BTreeMap<String, u64>) {
    for (name, count) in calls {
        *total.entry(name.clone()).or_default() += count;
    }
}

/// Both children and everything around them.
struct Scene {
    fan_out: usize,
    lambda: Lambda,
    calls: Calls,
    arrivals: Arrivals,
    faults: UnboundedReceiver<anyhow::Error>,
    dispatcher: Running,
    log: Log,
    bare: Bare,
    /// Batches handed out until now.
    batches: usize,
}

impl Scene {
    async fn start(fan_out: usize, options: &Options) -> anyhow::Result<Self> {
        let (authority, tls) = authority::make()?;
        let (faults, faults_met) = unbounded_channel();
        let (listeners, ports) = receiver::listeners(fan_out).await?;
        let subscribers = subscribers(&ports)?;
        let arrivals = receiver::serve(listeners, &tls, &subscribers, &faults)?;

        let (calls, lambda) = (Calls::default(), Lambda::new(faults.clone())?);
        let (runtime_api, cloud) = (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
        let (api_address, cloud_address) = (runtime_api.local_addr()?, cloud.local_addr()?);
        server::serve(runtime_api, None, lambda.clone(), faults.clone());
        server::serve(cloud, None, Cloud::new(&subscribers, calls.clone())?, faults.clone());

        let endpoint = format!("http://{cloud_address}");
        let (dispatcher, log) =
            process::function(&options.dispatcher, &api_address.to_string(), &endpoint, &authority, faults)?;
        let bare = Bare::start(&subscribers, authority)?;
        let mut scene =
            Self { fan_out, lambda, calls, arrivals, faults: faults_met, dispatcher, log, bare, batches: 0 };
        let lambda = scene.lambda.clone();
        scene.unless_fault(PATIENCE, lambda.idle()).await.context("the dispatcher did not start")?;
        Ok(scene)
    }

    /// Hands out messages for this long, and waits until everything is settled.
    async fn dispatch(&mut self, length: Duration) -> anyhow::Result<(Run, Vec<Duration>)> {
        let (processor, around) = (self.dispatcher.processor_time()?, process::processor_time("self")?);
        let lambda = self.lambda.clone();
        let work = async {
            lambda.open(true);
            tokio::time::sleep(length).await;
            lambda.open(false);
            lambda.idle().await;
        };
        self.unless_fault(length + PATIENCE, work).await?;
        let processor = self.dispatcher.processor_time()?.saturating_sub(processor);
        let around = process::processor_time("self")?.saturating_sub(around);

        let invocations = self.lambda.invocations(self.batches);
        let Arrived { deliveries: arrivals, connections } = self.arrivals.take();
        once_each(&arrivals, self.batches, invocations.len(), self.fan_out)?;
        let (first, last) = invocations.first().zip(invocations.last()).context("no batch was handed out")?;
        let elapsed = last.answered.context("a batch was not answered")?.duration_since(first.handed_out);
        let handed_out = |arrival: &Arrival| invocations.get((arrival.event / BATCH) as usize - self.batches);
        let latencies =
            arrivals.iter().filter_map(|arrival| Some(arrival.at - handed_out(arrival)?.handed_out)).collect();
        self.batches += invocations.len();
        Ok((Run { deliveries: arrivals.len() as u64, connections, elapsed, processor, around }, latencies))
    }

    /// Has the bare loop send for this long.
    async fn send(&mut self, length: Duration) -> anyhow::Result<Run> {
        let (processor, around) = (self.bare.process.processor_time()?, process::processor_time("self")?);
        let (sent, elapsed) = tokio::select! {
            biased;
            fault = self.faults.recv() => return Err(fault.unwrap_or_else(|| anyhow!("no server is left"))),
            sent = tokio::time::timeout(length + PATIENCE, self.bare.run(length)) => sent.context("the bare loop hangs")??,
        };
        let processor = self.bare.process.processor_time()?.saturating_sub(processor);
        let around = process::processor_time("self")?.saturating_sub(around);
        let Arrived { deliveries, connections } = self.arrivals.take();
        let arrived = deliveries.len() as u64;
        ensure!(arrived == sent, "the bare loop sent {sent} requests, and {arrived} arrived");
        Ok(Run { deliveries: sent, connections, elapsed, processor, around })
    }

    /// Waits for this work, unless a server meets a fault, the dispatcher ends, or it takes too long.
    async fn unless_fault(&mut self, limit: Duration, work: impl Future<Output = ()>) -> anyhow::Result<()> {
        let done = tokio::select! {
            biased;
            fault = self.faults.recv() => Err(fault.unwrap_or_else(|| anyhow!("no server is left"))),
            done = tokio::time::timeout(limit, work) => done.map_err(|_| anyhow!("it took more than {limit:?}")),
        };
        let done = self.dispatcher.check().and(done);
        done.with_context(|| format!("the dispatcher's last words:\n{}\n", self.log.last()))
    }
}

/// Checks that each event of these batches arrived at each subscription exactly once.
fn once_each(arrivals: &[Arrival], first_batch: usize, batches: usize, fan_out: usize) -> anyhow::Result<()> {
    let mut seen: Vec<(u32, u32)> = arrivals.iter().map(|arrival| (arrival.event, arrival.subscription)).collect();
    seen.sort_unstable();
    let events = |batch: usize| u32::try_from(batch).map(|batch| batch * BATCH);
    let (from, to) = (events(first_batch)?, events(first_batch + batches)?);
    let expected = (from..to).flat_map(|event| (0..).take(fan_out).map(move |subscription| (event, subscription)));
    let mut seen = seen.into_iter();
    for expected in expected {
        let found = seen.next();
        if found != Some(expected) {
            bail!("expected next, by (event, subscription): {expected:?}; arrived: {found:?}");
        }
    }
    ensure!(seen.next().is_none(), "more arrived than was handed out");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn arrived(of: &[(u32, u32)]) -> Vec<Arrival> {
        let at = Instant::now();
        of.iter().map(|&(event, subscription)| Arrival { event, subscription, at }).collect()
    }

    #[test]
    fn every_delivery_is_looked_for_once() {
        let mut all: Vec<(u32, u32)> = (20..40).flat_map(|event| [(event, 1), (event, 0)]).collect();
        once_each(&arrived(&all), 2, 2, 2).unwrap();
        all.push((39, 1));
        assert!(once_each(&arrived(&all), 2, 2, 2).is_err(), "twice");
        all.retain(|delivery| *delivery != (39, 1));
        assert!(once_each(&arrived(&all), 2, 2, 2).is_err(), "never");
        all.push((40, 0));
        assert!(once_each(&arrived(&all), 2, 2, 2).is_err(), "of another run");
    }
}
