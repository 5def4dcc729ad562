//! The api function.

use anyhow::Context as _;
use lambda_runtime::Error;
use spacehook_api::adapters::SecretsManager;
use spacehook_api::{App, Parts, configuration, lambda, router};
use spacehook_credentials::CredentialStore;
use spacehook_queues::WakeQueue;
use spacehook_runtime::{Environment, aws_config, init_logging, now};
use spacehook_store::Store;
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::of_process();
    init_logging(environment.optional("LOG_LEVEL").as_deref());
    let aws = aws_config(&environment);
    let configuration = configuration::read(environment).context("api can't start")?;
    let store = Arc::new(Store::new(aws_sdk_dynamodb::Client::new(&aws), configuration.table_name));
    let secrets = aws_sdk_secretsmanager::Client::new(&aws);
    let app = App::new(Parts {
        subscriptions: store.clone(),
        backlogs: store.clone(),
        timers: Arc::new(WakeQueue::new(aws_sdk_sqs::Client::new(&aws), configuration.retries_queue_url)),
        registry: store.clone(),
        keys: store,
        secrets: Arc::new(SecretsManager {
            credentials: CredentialStore::new(secrets, configuration.secret_prefix),
            admin_key_arn: configuration.admin_key_arn,
        }),
        policy: configuration.policy,
        first_tenant: configuration.first_tenant,
        clock: Box::new(now),
        randomness: |bytes| getrandom::fill(bytes).is_ok(),
    });
    lambda_runtime::run(lambda::service(router(app))).await
}
