//! Percentages, as mails show them.

use serde::{Serialize, Serializer};
use std::fmt;

/// A percentage with two decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(u64);

impl Percent {
    /// Of hundredths of a percent: 9950 is 99.50 %.
    pub fn of_basis_points(basis_points: u32) -> Self {
        Self(basis_points.into())
    }

    /// What part of the whole this is, rounded down: 99.999 % is not shown as 100. Of nothing it is 0.
    pub fn of_whole(part: u64, whole: u64) -> Self {
        let basis_points = u128::from(part) * 10_000 / u128::from(whole.max(1));
        Self(u64::try_from(basis_points).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_rounded_down() {
        let table = [(99_999, 100_000, "99.99"), (10, 10, "100.00"), (0, 0, "0.00"), (1, 3, "33.33"), (0, 7, "0.00")];
        for (part, whole, expected) in table {
            assert_eq!(Percent::of_whole(part, whole).to_string(), expected, "{part} of {whole}");
        }
        assert_eq!(Percent::of_whole(u64::MAX, u64::MAX).to_string(), "100.00");
        assert_eq!(Percent::of_basis_points(9_905).to_string(), "99.05");
    }
}
