//! Access to AWS, from what Lambda puts into the environment.
//!
//! A function always finds its credentials and region in its environment. So the chain of providers of `aws-config`
//! (profiles, SSO, instance metadata, token exchange) is left out: it would be code to load at every cold start and
//! never run.

use crate::Environment;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_types::SdkConfig;
use aws_types::region::Region;
use aws_types::sdk_config::{RetryConfig, TimeoutConfig};
use std::time::Duration;

/// One request to AWS, at most: a longer one is tried again by the SDK.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(3);
/// A request with all its retries, at most.
const OPERATION_LIMIT: Duration = Duration::from_secs(10);

/// The SDK's configuration: region, credentials and, where `AWS_ENDPOINT_URL` is set, another endpoint (the local
/// cloud).
pub fn aws_config<F: Fn(&str) -> Option<String>>(environment: &Environment<F>) -> SdkConfig {
    let credentials = Credentials::new(
        environment.required("AWS_ACCESS_KEY_ID"),
        environment.required("AWS_SECRET_ACCESS_KEY"),
        environment.optional("AWS_SESSION_TOKEN"),
        None,
        "environment",
    );
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(ATTEMPT_LIMIT)
        .operation_timeout(OPERATION_LIMIT)
        .build();
    let mut config = SdkConfig::builder()
        // A dated version: an update of the SDK changes no default behind our back.
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(environment.required("AWS_REGION")))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(RetryConfig::standard().with_max_attempts(4).with_initial_backoff(Duration::from_millis(50)))
        .timeout_config(timeouts);
    config.set_endpoint_url(environment.optional("AWS_ENDPOINT_URL"));
    config.build()
}
