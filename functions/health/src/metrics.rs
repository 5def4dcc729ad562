//! What health counts.

use spacehook_health::summary::Summary;
use spacehook_runtime::metrics::{Measurements, Metric};

/// Subscriptions that failed lately.
const LOOKED_AT: Metric = Metric::count("LookedAt");
/// Subscriptions disabled.
const DISABLED: Metric = Metric::count("Disabled");
/// Subscriptions found to be failing.
const FAILING: Metric = Metric::count("Failing");
/// Mails sent.
const MAILED: Metric = Metric::count("Mailed");
/// Events queued of sensors and spaces that fell silent.
const SILENT: Metric = Metric::count("Silent");
/// Breakers found open.
const OPEN_BREAKERS: Metric = Metric::count("OpenBreakers");
/// Deliveries found waiting in backlogs.
const WAITING: Metric = Metric::count("BacklogDeliveries");
/// What was lost and is set right again, by [`REPAIR`].
const REPAIRS: Metric = Metric::count("Repairs");
/// What a fault of ours kept from being done.
const FAULTS: Metric = Metric::count("Faults");
/// What was left to the next run for want of time.
const LEFT: Metric = Metric::count("Left");

/// What was set right.
const REPAIR: &str = "Repair";

/// What is counted of a run.
pub(crate) fn measured(summary: &Summary) -> Measurements {
    Measurements::default()
        .add(LOOKED_AT, summary.looked_at)
        .add(DISABLED, summary.disabled)
        .add(FAILING, summary.failing)
        .add(MAILED, summary.mailed)
        .add(SILENT, summary.silent)
        .observe(OPEN_BREAKERS, [u64::try_from(summary.open_breakers).unwrap_or(u64::MAX)])
        .observe(WAITING, [summary.waiting])
        .add_by(REPAIRS, REPAIR, "timer", summary.repairs.timers)
        .add_by(REPAIRS, REPAIR, "job", summary.repairs.jobs)
        .add_by(REPAIRS, REPAIR, "hold", summary.repairs.holds)
        .add_by(REPAIRS, REPAIR, "pending", summary.repairs.pending)
        .add_by(REPAIRS, REPAIR, "outbox", summary.repairs.notices)
        .add(FAULTS, summary.faults)
        .add(LEFT, summary.left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use spacehook_health::summary::Repairs;

    #[test]
    fn a_run_is_counted_by_what_it_did() {
        let repairs = Repairs { timers: 5, jobs: 3, holds: 2, pending: 6, notices: 7 };
        let summary = Summary {
            looked_at: 10,
            disabled: 4,
            mailed: 8,
            faults: 9,
            open_breakers: 2,
            waiting: 30,
            repairs,
            ..Summary::default()
        };
        let expected = Measurements::default()
            .add(LOOKED_AT, 10_u64)
            .add(DISABLED, 4_u64)
            .add(FAILING, 0_u64)
            .add(MAILED, 8_u64)
            .add(SILENT, 0_u64)
            .observe(OPEN_BREAKERS, [2])
            .observe(WAITING, [30])
            .add_by(REPAIRS, "Repair", "timer", 5_u64)
            .add_by(REPAIRS, "Repair", "job", 3_u64)
            .add_by(REPAIRS, "Repair", "hold", 2_u64)
            .add_by(REPAIRS, "Repair", "pending", 6_u64)
            .add_by(REPAIRS, "Repair", "outbox", 7_u64)
            .add(FAULTS, 9_u64)
            .add(LEFT, 0_u64);
        assert_eq!(measured(&summary), expected);
    }
}
