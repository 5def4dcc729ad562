//! The environment variables of the function.

use spacehook_domain::ids::TenantId;
use spacehook_domain::kept_events::KeptDays;
use spacehook_domain::receiver::{AllowedNetworks, PortPolicy, ReceiverPolicy};
use spacehook_domain::tenant::REQUESTS_MOST;
use spacehook_runtime::{Environment, InvalidEnvironment};

/// Requests a minute of a key, where nobody says otherwise.
const REQUESTS_DEFAULT: u32 = 600;

/// What the function is told.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// The table (`TABLE_NAME`).
    pub table_name: String,
    /// The queue of events (`EVENTS_QUEUE_URL`).
    pub events_queue_url: String,
    /// The queue of timers (`RETRIES_QUEUE_URL`).
    pub retries_queue_url: String,
    /// What names of secrets begin with (`SECRET_PREFIX`).
    pub secret_prefix: String,
    /// The secret that is the first admin key (`ADMIN_KEY_SECRET_ARN`).
    pub admin_key_arn: String,
    /// The tenant that the first admin key belongs to (`FIRST_TENANT`).
    pub first_tenant: TenantId,
    /// Requests a minute of a key, where its tenant's record does not say otherwise (`REQUESTS_PER_MINUTE`).
    pub requests_per_minute: u32,
    /// How long the dispatcher keeps events (`EVENTS_KEPT_DAYS`).
    pub events_kept: KeptDays,
    /// Which receivers may be called (`ALLOWED_NETWORKS`, `ALLOWED_PORTS`).
    pub policy: ReceiverPolicy,
}

/// Why the function can't start.
#[derive(Debug, thiserror::Error)]
pub enum InvalidConfiguration {
    /// Variables are missing or wrong.
    #[error(transparent)]
    Environment(#[from] InvalidEnvironment),
    /// No tenant, although nothing is wrong with the variable: can't be.
    #[error("FIRST_TENANT is not set")]
    NoTenant,
}

/// Reads the variables; every mistake is listed.
pub fn read<F: Fn(&str) -> Option<String>>(environment: Environment<F>) -> Result<Configuration, InvalidConfiguration> {
    environment.required("FIRST_TENANT");
    let first_tenant = environment.parsed("FIRST_TENANT", None, |text| TenantId::parse(text).map(Some));
    let requests_per_minute = environment.parsed("REQUESTS_PER_MINUTE", REQUESTS_DEFAULT, requests);
    let events_kept = environment.parsed("EVENTS_KEPT_DAYS", KeptDays::default(), KeptDays::parse);
    let networks = environment.parsed("ALLOWED_NETWORKS", AllowedNetworks::default(), AllowedNetworks::parse);
    let ports = environment.parsed("ALLOWED_PORTS", PortPolicy::default(), PortPolicy::parse);
    let rest = (
        environment.required("TABLE_NAME"),
        environment.required("EVENTS_QUEUE_URL"),
        environment.required("RETRIES_QUEUE_URL"),
        environment.required("SECRET_PREFIX"),
        environment.required("ADMIN_KEY_SECRET_ARN"),
    );
    let ((table_name, events_queue_url, retries_queue_url, secret_prefix, admin_key_arn), first_tenant) =
        environment.finish((rest, first_tenant))?;
    Ok(Configuration {
        table_name,
        events_queue_url,
        retries_queue_url,
        secret_prefix,
        admin_key_arn,
        first_tenant: first_tenant.ok_or(InvalidConfiguration::NoTenant)?,
        requests_per_minute,
        events_kept,
        policy: ReceiverPolicy::new(networks, ports),
    })
}

fn requests(text: &str) -> Result<u32, String> {
    let limit = text.parse().ok().filter(|limit| (1..=REQUESTS_MOST).contains(limit));
    limit.ok_or_else(|| format!("must be a whole number from 1 to {REQUESTS_MOST}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(of: &'static [(&'static str, &'static str)]) -> Environment<impl Fn(&str) -> Option<String>> {
        Environment::new(|name| of.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn every_mistake_is_listed() {
        let error = read(environment(&[
            ("FIRST_TENANT", "A B"),
            ("ALLOWED_NETWORKS", "0.0.0.0/0"),
            ("ALLOWED_PORTS", "x"),
            ("REQUESTS_PER_MINUTE", "0"),
            ("EVENTS_KEPT_DAYS", "-1"),
        ]))
        .unwrap_err()
        .to_string();
        for name in [
            "TABLE_NAME",
            "EVENTS_QUEUE_URL",
            "RETRIES_QUEUE_URL",
            "SECRET_PREFIX",
            "ADMIN_KEY_SECRET_ARN",
            "FIRST_TENANT",
            "ALLOWED_NETWORKS",
            "ALLOWED_PORTS",
            "REQUESTS_PER_MINUTE",
            "EVENTS_KEPT_DAYS",
        ] {
            assert!(error.contains(name), "{name} in {error}");
        }
    }

    #[test]
    fn what_the_template_gives_is_enough() {
        let read = read(environment(&[
            ("TABLE_NAME", "t"),
            ("EVENTS_QUEUE_URL", "e"),
            ("RETRIES_QUEUE_URL", "https://sqs.example.com/1/retries"),
            ("SECRET_PREFIX", "spacehook/dev/"),
            ("ADMIN_KEY_SECRET_ARN", "arn:x"),
            ("FIRST_TENANT", "default"),
            ("ALLOWED_NETWORKS", ""),
            ("ALLOWED_PORTS", "443,1024-65535"),
            ("REQUESTS_PER_MINUTE", "120"),
            ("EVENTS_KEPT_DAYS", "0"),
        ]))
        .unwrap();
        assert_eq!(read.requests_per_minute, 120);
        assert!(read.events_kept.is_none());
        assert_eq!(read.policy, ReceiverPolicy::default());
    }
}
