//! The dispatcher function.

mod metrics;

use anyhow::Context as _;
use aws_lambda_events::event::sqs::SqsEvent;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use spacehook_authentication::AuthenticatedClient;
use spacehook_credentials::CredentialStore;
use spacehook_delivery::{ReceiverClient, TrustedCas};
use spacehook_dispatcher::AwsWorld;
use spacehook_dispatcher::batch;
use spacehook_dispatcher::delivering::Dispatcher;
use spacehook_dispatcher::settings::{Settings, parse_max_age_hours};
use spacehook_domain::kept_events::KeptDays;
use spacehook_domain::receiver::{AllowedNetworks, PortPolicy, ReceiverPolicy};
use spacehook_domain::retry::Schedule;
use spacehook_queues::{DeadLetterQueue, EventQueue, WakeQueue};
use spacehook_runtime::metrics::{Invocation, Metrics};
use spacehook_runtime::{Environment, aws_config, init_logging};
use spacehook_store::Store;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::of_process();
    let log_level = environment.optional("LOG_LEVEL");
    init_logging(log_level.as_deref());
    let metrics = &Metrics::start(environment.required("STAGE"), "dispatcher", log_level.as_deref())?;
    let dispatcher = &dispatcher(environment).context("dispatcher can't start")?;

    lambda_runtime::run(service_fn(move |invocation: LambdaEvent<SqsEvent>| async move {
        let started = std::time::Instant::now();
        let deadline_ms = i64::try_from(invocation.context.deadline).unwrap_or(i64::MAX);
        let deadline = Timestamp::from_millisecond(deadline_ms).unwrap_or(Timestamp::MAX);
        let messages = batch::read(invocation.payload);
        let report = dispatcher.deliver(&messages, deadline).await;
        let request_id = invocation.context.request_id.as_str();
        metrics.emit(&metrics::measured(&report), Invocation { request_id, trace_id: None });
        tracing::info!(
            messages = messages.len(),
            accepted = report.accepted,
            failed = report.failed,
            kept = report.kept,
            given_back = report.give_back.len(),
            duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            request_id,
            "batch delivered"
        );
        let ids = report.give_back.iter().filter_map(|&place| Some(messages.get(place)?.id.clone()));
        Ok::<_, Error>(batch::give_back(ids))
    }))
    .await
}

fn dispatcher<F: Fn(&str) -> Option<String>>(environment: Environment<F>) -> anyhow::Result<Dispatcher<AwsWorld>> {
    let aws = aws_config(&environment);
    let sqs = aws_sdk_sqs::Client::new(&aws);
    let secrets = aws_sdk_secretsmanager::Client::new(&aws);
    let policy = ReceiverPolicy::new(
        environment.parsed("ALLOWED_NETWORKS", AllowedNetworks::default(), AllowedNetworks::parse),
        environment.parsed("ALLOWED_PORTS", PortPolicy::default(), PortPolicy::parse),
    );
    let trusted = environment.parsed("TRUSTED_CA_PEM", TrustedCas::default(), TrustedCas::parse);
    let receivers = ReceiverClient::new(policy.clone(), &trusted)?;
    let secrets = CredentialStore::new(secrets, environment.required("SECRET_PREFIX"));
    let usual = Settings::default();
    let settings = Settings {
        schedule: environment.parsed("RETRY_SCHEDULE_S", usual.schedule, Schedule::parse),
        max_age: environment.parsed("BACKLOG_MAX_AGE_HOURS", usual.max_age, parse_max_age_hours),
        lane_limit: usual.lane_limit,
        events_kept: environment.parsed("EVENTS_KEPT_DAYS", usual.events_kept, KeptDays::parse),
    };
    let world = AwsWorld {
        store: Store::new(aws_sdk_dynamodb::Client::new(&aws), environment.required("TABLE_NAME")),
        receivers: AuthenticatedClient::new(secrets, receivers, policy),
        events: EventQueue::new(sqs.clone(), environment.required("EVENTS_QUEUE_URL")),
        retries: WakeQueue::new(sqs.clone(), environment.required("RETRIES_QUEUE_URL")),
        dead_events: DeadLetterQueue::new(sqs.clone(), environment.required("EVENTS_DEAD_QUEUE_URL")),
        dead_retries: DeadLetterQueue::new(sqs, environment.required("RETRIES_DEAD_QUEUE_URL")),
    };
    Ok(environment.finish(Dispatcher::new(world, settings))?)
}
