//! What the API counts.

use spacehook_api::observe::Observed;
use spacehook_runtime::metrics::{Measurements, Metric};

/// Requests answered.
const REQUESTS: Metric = Metric::count("Requests");
/// Of these, those that were wrong (4xx).
const CLIENT_ERRORS: Metric = Metric::count("ClientErrors");
/// Of these, those that we failed on (5xx).
const SERVER_ERRORS: Metric = Metric::count("ServerErrors");
/// How long a request took.
const LATENCY: Metric = Metric::milliseconds("Latency");

/// What is counted of a request.
pub(crate) fn measured(observed: &Observed) -> Measurements {
    let is_of = |hundred: u16| u64::from(observed.status / 100 == hundred);
    Measurements::default()
        .add(REQUESTS, 1_u64)
        .add(CLIENT_ERRORS, is_of(4))
        .add(SERVER_ERRORS, is_of(5))
        .observe(LATENCY, [observed.duration_ms])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_counted_by_its_status() {
        for (status, client, server) in
            [(200, 0_u64, 0_u64), (308, 0, 0), (400, 1, 0), (499, 1, 0), (500, 0, 1), (503, 0, 1)]
        {
            let observed = Observed { request_id: "r".to_owned(), status, duration_ms: 7 };
            let expected = Measurements::default()
                .add(REQUESTS, 1_u64)
                .add(CLIENT_ERRORS, client)
                .add(SERVER_ERRORS, server)
                .observe(LATENCY, [7]);
            assert_eq!(measured(&observed), expected, "{status}");
        }
    }
}
