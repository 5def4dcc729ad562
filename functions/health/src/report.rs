//! What the mails about a disabling say.

use jiff::Timestamp;
use spacehook_domain::attempt::{Attempt, Outcome};
use spacehook_domain::failure::FailureReason;
use spacehook_domain::stats::Counts;
use spacehook_domain::subscription::{BacklogMode, Subscription};
use spacehook_mail::{DisabledMail, GoneMail, TopError};

/// Errors listed, at most.
const TOP_ERRORS: usize = 5;
/// Characters of a receiver's answer that are shown.
const SAMPLE_CHARACTERS: usize = 300;

/// The mail about a subscription that was disabled at `at`, from its counts and its newest attempts.
pub(crate) fn disabled_mail(
    subscription: &Subscription,
    at: Timestamp,
    window_hours: u32,
    counts: &Counts,
    newest: &[Attempt],
) -> DisabledMail {
    let top_errors = counts.top_reasons(TOP_ERRORS).into_iter().map(|(key, count)| top_error(key, count, newest));
    DisabledMail {
        name: subscription.name.as_str().to_owned(),
        subscription_id: subscription.id.to_string(),
        host: host(&subscription.url),
        disabled_at: to_the_second(at),
        failures: counts.failures,
        attempts: counts.attempts,
        rate_percent: percent(counts.failures, counts.attempts),
        window_hours,
        top_errors: top_errors.collect(),
    }
}

/// The mail about a subscription whose receiver is gone: as it was disabled, and as it is now.
pub(crate) fn gone_mail(disabled: &Subscription, now: &Subscription) -> GoneMail {
    GoneMail {
        name: now.name.as_str().to_owned(),
        subscription_id: now.id.to_string(),
        host: host(&disabled.url),
        disabled_at: to_the_second(disabled.activity.since()),
        keeps_latest: now.backlog == BacklogMode::Latest,
        enabled_again: now.activity.is_enabled(),
    }
}

fn top_error(key: &str, count: u64, newest: &[Attempt]) -> TopError {
    let of_this_kind = |attempt: &&Attempt| match &attempt.outcome {
        Outcome::Failed { reason, .. } => reason.key() == key,
        Outcome::Accepted { .. } => false,
    };
    let last = newest.iter().find(of_this_kind);
    let sample = last.and_then(|attempt| match &attempt.outcome {
        Outcome::Failed { answer, .. } => answer.as_deref(),
        Outcome::Accepted { .. } => None,
    });
    let reason = FailureReason::from_key(key);
    TopError {
        reason: reason.map_or_else(|| key.to_owned(), |reason| reason.to_string()),
        count,
        last_seen: last.map(|attempt| to_the_second(attempt.started_at)),
        sample: sample
            .map(|text| text.chars().take(SAMPLE_CHARACTERS).collect())
            .filter(|text: &String| !text.is_empty()),
        meaning: reason.map_or("", |reason| reason.what_it_means()).to_owned(),
        remedy: reason.map_or("", |reason| reason.how_to_fix()).to_owned(),
    }
}

/// The host alone: path and query of a receiver's URL may hold a secret.
fn host(url: &str) -> String {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    after_scheme.split(['/', '?', '#']).next().unwrap_or_default().to_owned()
}

/// A rate in percent with two decimals, rounded down: 99.999 % is not shown as 100.
fn percent(failures: u64, attempts: u64) -> String {
    let basis_points = u128::from(failures) * 10_000 / u128::from(attempts.max(1));
    format!("{}.{:02}", basis_points / 100, basis_points % 100)
}

fn to_the_second(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_rounded_down() {
        assert_eq!(percent(99_999, 100_000), "99.99");
        assert_eq!(percent(10, 10), "100.00");
        assert_eq!(percent(0, 0), "0.00");
    }

    #[test]
    fn only_the_host_is_shown() {
        assert_eq!(host("https://a.example.com:8443/hook?token=secret"), "a.example.com:8443");
    }
}
