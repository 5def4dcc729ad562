//! The ingest function.

use anyhow::Context as _;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use spacehook_ingest::intake::Intake;
use spacehook_ingest::message::Message;
use spacehook_queues::{EventQueue, RefusedTelemetryQueue};
use spacehook_runtime::{Environment, aws_config, init_logging, now};
use spacehook_store::Store;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::of_process();
    init_logging(environment.optional("LOG_LEVEL").as_deref());
    let aws = aws_config(&environment);
    let sqs = aws_sdk_sqs::Client::new(&aws);
    let intake = Intake::new(
        Store::new(aws_sdk_dynamodb::Client::new(&aws), environment.required("TABLE_NAME")),
        EventQueue::new(sqs.clone(), environment.required("EVENTS_QUEUE_URL")),
        RefusedTelemetryQueue::new(sqs, environment.required("INGEST_DEAD_QUEUE_URL")),
    );
    let intake = &environment.finish(intake).context("ingest can't start")?;

    lambda_runtime::run(service_fn(move |invocation: LambdaEvent<Message>| async move {
        let started = std::time::Instant::now();
        let summary = intake.take(&invocation.payload, now()).await.inspect_err(|fault| {
            let cause = std::error::Error::source(fault).map(ToString::to_string);
            tracing::error!(error = %fault, cause, request_id = invocation.context.request_id, "telemetry not taken in");
        })?;
        tracing::info!(
            topic = invocation.payload.topic,
            readings = summary.readings,
            refused = summary.refused,
            unassigned = summary.unassigned,
            events = summary.events,
            duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "telemetry taken in"
        );
        Ok::<_, Error>(())
    }))
    .await
}
