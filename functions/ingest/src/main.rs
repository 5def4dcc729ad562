//! The ingest function.

mod metrics;

use anyhow::Context as _;
use aws_lambda_events::event::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Deserialize;
use serde_json::Value;
use spacehook_domain::presence::Silences;
use spacehook_domain::trace::TraceId;
use spacehook_ingest::intake::Intake;
use spacehook_ingest::message::Message;
use spacehook_queues::{EventQueue, HoldQueue, RefusedTelemetryQueue};
use spacehook_runtime::metrics::{Invocation, Metrics};
use spacehook_runtime::{Environment, aws_config, init_logging, now};
use spacehook_store::Store;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::of_process();
    let log_level = environment.optional("LOG_LEVEL");
    init_logging(log_level.as_deref());
    let metrics = &Metrics::start(environment.required("STAGE"), "ingest", log_level.as_deref())?;
    let aws = aws_config(&environment);
    let sqs = aws_sdk_sqs::Client::new(&aws);
    let intake = Intake::new(
        Store::new(aws_sdk_dynamodb::Client::new(&aws), environment.required("TABLE_NAME")),
        EventQueue::new(sqs.clone(), environment.required("EVENTS_QUEUE_URL")),
        RefusedTelemetryQueue::new(sqs.clone(), environment.required("INGEST_DEAD_QUEUE_URL")),
        HoldQueue::new(sqs, environment.required("HOLDS_QUEUE_URL")),
        environment.parsed("SILENT_AFTER_MINUTES", Silences::default(), Silences::parse),
    );
    let intake = &environment.finish(intake).context("ingest can't start")?;

    lambda_runtime::run(service_fn(move |invocation: LambdaEvent<Input>| async move {
        let trace = trace(invocation.context.xray_trace_id.as_deref());
        let (request_id, trace_id) = (invocation.context.request_id.as_str(), trace.as_ref().map(TraceId::as_str));
        let reporting = (metrics, Invocation { request_id, trace_id });
        // Boxed: laid out inside the runtime's own futures they are nested deeper than the compiler follows.
        match &invocation.payload {
            Input::Timers(batch) => Box::pin(take_timers(intake, batch, trace.as_ref(), reporting)).await,
            Input::Message(message) => Box::pin(take(intake, message, trace.as_ref(), reporting)).await,
        }
    }))
    .await
}

type AwsIntake = Intake<Store, EventQueue, RefusedTelemetryQueue, HoldQueue>;

/// Where an invocation is told of: its metrics, and what its log lines name.
type Reporting<'a> = (&'a Metrics, Invocation<'a>);

/// What invokes this function: the queue of holds, or the IoT rules.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Input {
    Timers(SqsEvent),
    Message(Message),
}

/// Takes one published message. Nobody waits for the answer.
async fn take(
    intake: &AwsIntake,
    message: &Message,
    trace: Option<&TraceId>,
    (metrics, invocation): Reporting<'_>,
) -> Result<Value, Error> {
    let started = std::time::Instant::now();
    let Invocation { request_id, trace_id } = invocation;
    let taken = intake.take(message, trace, now()).await.inspect_err(|fault| {
        let cause = std::error::Error::source(fault).map(ToString::to_string);
        tracing::error!(error = %fault, cause, request_id, trace_id, "telemetry not taken in");
    });
    metrics.emit(&metrics::measured(taken.as_ref().ok()), invocation);
    let summary = taken?;
    tracing::info!(
        topic = message.topic,
        readings = summary.readings,
        refused = summary.refused,
        unassigned = summary.unassigned,
        events = summary.events,
        duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        request_id,
        trace_id,
        "telemetry taken in"
    );
    Ok(Value::Null)
}

/// Takes a batch of timers of holds. The answer says which of them go back to their queue.
async fn take_timers(
    intake: &AwsIntake,
    batch: &SqsEvent,
    trace: Option<&TraceId>,
    (metrics, invocation): Reporting<'_>,
) -> Result<Value, Error> {
    let Invocation { request_id, trace_id } = invocation;
    let (summary, answer) = intake.take_timers(batch, trace, now()).await;
    metrics.emit(&metrics::measured(Some(&summary)), invocation);
    let (timers, given_back) = (batch.records.len(), answer.batch_item_failures.len());
    tracing::info!(timers, given_back, events = summary.events, request_id, trace_id, "holds looked at");
    Ok(serde_json::to_value(answer)?)
}

/// The trace that Lambda says the invocation is of, else a new one. None where there is no randomness: then there is nothing
/// to tell this trace from others by, and events go all the same.
fn trace(header: Option<&str>) -> Option<TraceId> {
    let drawn = || {
        let mut random = [0; 12];
        getrandom::fill(&mut random).ok()?;
        TraceId::drawn(now(), random)
    };
    header.and_then(TraceId::from_xray_header).or_else(drawn)
}
