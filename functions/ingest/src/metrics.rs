//! What ingest counts.

use spacehook_ingest::intake::Summary;
use spacehook_runtime::metrics::{Measurements, Metric};

/// Readings applied to the state of their space.
const READINGS: Metric = Metric::count("Readings");
/// Readings, or whole messages, that can't be understood.
const READINGS_REFUSED: Metric = Metric::count("ReadingsRefused");
/// Readings of sensors that belong to no space.
const READINGS_UNASSIGNED: Metric = Metric::count("ReadingsUnassigned");
/// Events queued.
const EVENTS: Metric = Metric::count("Events");
/// Invocations that a fault of ours ended; Lambda repeats them.
const FAULTS: Metric = Metric::count("Faults");

/// What is counted of an invocation; `summary` is none where a fault ended it.
pub(crate) fn measured(summary: Option<&Summary>) -> Measurements {
    let Some(summary) = summary else { return Measurements::default().add(FAULTS, 1_u64) };
    Measurements::default()
        .add(READINGS, summary.readings)
        .add(READINGS_REFUSED, summary.refused)
        .add(READINGS_UNASSIGNED, summary.unassigned)
        .add(EVENTS, summary.events)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_counted_by_what_became_of_it() {
        let summary = Summary { readings: 4, refused: 3, unassigned: 2, events: 1 };
        let expected = Measurements::default()
            .add(READINGS, 4_u64)
            .add(READINGS_REFUSED, 3_u64)
            .add(READINGS_UNASSIGNED, 2_u64)
            .add(EVENTS, 1_u64);
        assert_eq!(measured(Some(&summary)), expected);
    }

    #[test]
    fn a_fault_is_counted_as_one() {
        assert_eq!(measured(None), Measurements::default().add(FAULTS, 1_u64));
    }
}
