//! The api function.

mod metrics;

use anyhow::Context as _;
use axum::middleware::map_response;
use axum::response::Response;
use lambda_runtime::Error;
use spacehook_api::adapters::{Announcer, SecretsManager};
use spacehook_api::observe::Observed;
use spacehook_api::{App, Parts, configuration, lambda, router};
use spacehook_credentials::CredentialStore;
use spacehook_decoding::Sandbox;
use spacehook_queues::{EventQueue, WakeQueue};
use spacehook_runtime::metrics::{Invocation, Metrics};
use spacehook_runtime::{Environment, aws_config, init_logging, now};
use spacehook_store::Store;
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::of_process();
    let log_level = environment.optional("LOG_LEVEL");
    init_logging(log_level.as_deref());
    let metrics = Arc::new(Metrics::start(environment.required("STAGE"), "api", log_level.as_deref())?);
    let aws = aws_config(&environment);
    let configuration = configuration::read(environment).context("api can't start")?;
    let store = Arc::new(Store::new(aws_sdk_dynamodb::Client::new(&aws), configuration.table_name));
    let sqs = aws_sdk_sqs::Client::new(&aws);
    let events = EventQueue::new(sqs.clone(), configuration.events_queue_url);
    let secrets = aws_sdk_secretsmanager::Client::new(&aws);
    let app = App::new(Parts {
        subscriptions: store.clone(),
        backlogs: store.clone(),
        news: Arc::new(Announcer { store: store.clone(), events: events.clone() }),
        timers: Arc::new(WakeQueue::new(sqs, configuration.retries_queue_url)),
        contacts: store.clone(),
        registry: store.clone(),
        keys: store.clone(),
        tenants: store.clone(),
        requests: store.clone(),
        event_types: store.clone(),
        profiles: store.clone(),
        scripts: Box::new(Sandbox),
        publisher: Arc::new(events),
        kept_events: store.clone(),
        jobs: store,
        secrets: Arc::new(SecretsManager {
            credentials: CredentialStore::new(secrets, configuration.secret_prefix),
            admin_key_arn: configuration.admin_key_arn,
        }),
        policy: configuration.policy,
        first_tenant: configuration.first_tenant,
        requests_per_minute: configuration.requests_per_minute,
        events_kept: configuration.events_kept,
        clock: Box::new(now),
        randomness: |bytes| getrandom::fill(bytes).is_ok(),
    });
    let counted = router(app).layer(map_response(move |response: Response| {
        if let Some(observed) = response.extensions().get::<Observed>() {
            let invocation = Invocation { request_id: &observed.request_id, trace_id: None };
            metrics.emit(&metrics::measured(observed), invocation);
        }
        std::future::ready(response)
    }));
    lambda_runtime::run(lambda::service(counted)).await
}
