//! What the dispatcher counts.

use spacehook_dispatcher::report::Report;
use spacehook_domain::failure::FailureReason;
use spacehook_runtime::metrics::{Measurements, Metric};

/// Deliveries that a receiver accepted.
const ACCEPTED: Metric = Metric::count("Accepted");
/// Attempts that failed: all together, and by [`REASON`].
const FAILED: Metric = Metric::count("Failed");
/// Deliveries that were put into a backlog.
const KEPT: Metric = Metric::count("Kept");
/// Messages given back to their queue.
const GIVEN_BACK: Metric = Metric::count("GivenBack");
/// Deliveries that will not be made, or not as what they were, by [`CAUSE`].
const DROPPED: Metric = Metric::count("Dropped");
/// How long attempts took.
const RECEIVER_LATENCY: Metric = Metric::milliseconds("ReceiverLatency");
/// From the sensor's observation to the acceptance.
const DELIVERY_LATENCY: Metric = Metric::milliseconds("DeliveryLatency");
/// Receivers found to be down.
const BREAKERS_OPENED: Metric = Metric::count("BreakersOpened");
/// Receivers that were down and are sent to again.
const BREAKERS_CLOSED: Metric = Metric::count("BreakersClosed");

/// Why an attempt failed.
const REASON: &str = "Reason";
/// Why a delivery was dropped.
const CAUSE: &str = "Cause";

/// HTTP statuses that are told apart. Any other counts with its hundred: each is a metric that is paid for, and a receiver
/// can answer with 900 of them.
const STATUSES: [&str; 13] =
    ["400", "401", "403", "404", "405", "410", "413", "415", "422", "429", "500", "502", "503"];

/// What is counted of a batch.
pub(crate) fn measured(report: &Report) -> Measurements {
    let counts = Measurements::default()
        .add(ACCEPTED, report.accepted)
        .add(FAILED, report.failed)
        .add(KEPT, report.kept)
        .add(GIVEN_BACK, report.give_back.len())
        .add(BREAKERS_OPENED, report.counted.breakers.opened)
        .add(BREAKERS_CLOSED, report.counted.breakers.closed)
        .observe(RECEIVER_LATENCY, report.counted.latencies_ms.iter().copied())
        .observe(DELIVERY_LATENCY, report.counted.freshness_ms.iter().copied());
    let counts = report
        .counted
        .reasons
        .iter()
        .fold(counts, |counts, why| counts.add_by(FAILED, REASON, bounded_key(why), 1_u64));
    report
        .counted
        .dropped
        .iter()
        .fold(counts, |counts, (why, count)| counts.add_by(DROPPED, CAUSE, why.as_str(), *count))
}

/// The key of a reason, of which there are few enough for a dimension: `timeout`, `http_503`, `http_5xx`, `oauth_http_4xx`.
fn bounded_key(reason: &FailureReason) -> String {
    let key = reason.key();
    match key.rsplit_once("http_") {
        Some((before, status)) if is_status(status) && !STATUSES.contains(&status) => {
            format!("{before}http_{}xx", &status[..1])
        }
        _ => key,
    }
}

fn is_status(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use spacehook_dispatcher::report::{Breakers, Counted};
    use spacehook_domain::failure::TokenProblem;
    use spacehook_domain::stats::Dropped;
    use std::collections::BTreeSet;

    #[test]
    fn a_batch_is_counted_by_what_became_of_it() {
        let report = Report {
            give_back: BTreeSet::from([1, 2]),
            accepted: 3,
            failed: 2,
            kept: 4,
            counted: Counted {
                reasons: vec![FailureReason::from_http_status(503), FailureReason::ConnectionReset],
                latencies_ms: vec![5, 6, 7, 8, 9],
                freshness_ms: vec![50, 60, 70],
                dropped: [(Dropped::Dead, 2), (Dropped::Superseded, 5)].into(),
                breakers: Breakers { opened: 1, closed: 2 },
            },
        };
        let expected = Measurements::default()
            .add(GIVEN_BACK, 2_u64)
            .add(ACCEPTED, 3_u64)
            .add(FAILED, 2_u64)
            .add(KEPT, 4_u64)
            .add_by(FAILED, "Reason", "http_503", 1_u64)
            .add_by(FAILED, "Reason", "connection_reset", 1_u64)
            .observe(RECEIVER_LATENCY, 5..=9)
            .observe(DELIVERY_LATENCY, [50, 60, 70])
            .add_by(DROPPED, "Cause", "dead", 2_u64)
            .add_by(DROPPED, "Cause", "superseded", 5_u64)
            .add(BREAKERS_OPENED, 1_u64)
            .add(BREAKERS_CLOSED, 2_u64);
        assert_eq!(measured(&report), expected);
    }

    #[test]
    fn receivers_can_not_make_metrics_without_end() {
        let statuses = (100..=999).map(FailureReason::from_http_status);
        let keys: BTreeSet<String> = statuses.map(|reason| bounded_key(&reason)).collect();
        assert_eq!(keys.len(), STATUSES.len() + 9);
        assert!(keys.contains("http_5xx") && keys.contains("http_503") && keys.contains("http_9xx"));
        assert_eq!(bounded_key(&FailureReason::ConnectionRefused), "connection_refused");
    }

    #[test]
    fn statuses_of_token_endpoints_are_bounded_too() {
        let of = |status| bounded_key(&FailureReason::OAuth { problem: TokenProblem::HttpStatus { status } });
        let keys: BTreeSet<String> = (100..=999).map(of).collect();
        assert!(keys.len() <= STATUSES.len() + 9, "{keys:?}");
    }
}
