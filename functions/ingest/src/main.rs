//! The ingest function.

mod metrics;

use anyhow::Context as _;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use spacehook_domain::presence::Silences;
use spacehook_domain::trace::TraceId;
use spacehook_ingest::intake::Intake;
use spacehook_ingest::message::Message;
use spacehook_queues::{EventQueue, RefusedTelemetryQueue};
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
        RefusedTelemetryQueue::new(sqs, environment.required("INGEST_DEAD_QUEUE_URL")),
        environment.parsed("SILENT_AFTER_MINUTES", Silences::default(), Silences::parse),
    );
    let intake = &environment.finish(intake).context("ingest can't start")?;

    lambda_runtime::run(service_fn(move |invocation: LambdaEvent<Message>| async move {
        let started = std::time::Instant::now();
        let trace = trace(invocation.context.xray_trace_id.as_deref());
        let (request_id, trace_id) = (invocation.context.request_id.as_str(), trace.as_ref().map(TraceId::as_str));
        // Boxed: laid out inside the runtime's own futures it is nested deeper than the compiler follows.
        let taken = Box::pin(intake.take(&invocation.payload, trace.as_ref(), now())).await.inspect_err(|fault| {
            let cause = std::error::Error::source(fault).map(ToString::to_string);
            tracing::error!(error = %fault, cause, request_id, trace_id, "telemetry not taken in");
        });
        metrics.emit(&metrics::measured(taken.as_ref().ok()), Invocation { request_id, trace_id });
        let summary = taken?;
        tracing::info!(
            topic = invocation.payload.topic,
            readings = summary.readings,
            refused = summary.refused,
            unassigned = summary.unassigned,
            events = summary.events,
            duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            request_id,
            trace_id,
            "telemetry taken in"
        );
        Ok::<_, Error>(())
    }))
    .await
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
