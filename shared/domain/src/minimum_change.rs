//! By how much a value must change before anybody is told.

use crate::profile::QuantityName;
use std::collections::BTreeMap;

/// The least change that is told, by quantity, in its own unit; of a quantity that is not in it any change is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MinimumChange(pub BTreeMap<QuantityName, f64>);

/// What a sum of decimal fractions may be off by: from 21.3 to 21.5 are 0.2.
const TOLERANCE: f64 = 1e-9;

/// Whether a value differs enough from what was last told of its quantity (none: nothing was) to be told.
pub fn changed_enough(quantity: QuantityName, before: Option<f64>, after: f64, minimum: &MinimumChange) -> bool {
    let Some(before) = before else { return true };
    let change = (after - before).abs();
    let least = minimum.0.get(&quantity).copied().unwrap_or(0.0);
    change > 0.0 && change + TOLERANCE >= least
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_counts_from_its_minimum_on() {
        let minimum = MinimumChange([(QuantityName::Temperature, 0.2)].into());
        let enough = |quantity, before, after| changed_enough(quantity, before, after, &minimum);
        assert!(enough(QuantityName::Temperature, None, 21.0));
        assert!(enough(QuantityName::Temperature, Some(21.3), 21.5));
        assert!(!enough(QuantityName::Temperature, Some(21.3), 21.49));
        assert!(enough(QuantityName::Humidity, Some(40.0), 40.001), "any change");
        assert!(!enough(QuantityName::Humidity, Some(40.0), 40.0));
    }
}
