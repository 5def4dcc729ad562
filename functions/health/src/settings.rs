//! What health is set to.

use crate::report::Limits;
use spacehook_domain::failure_rate::FailurePolicy;

/// What health is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// When subscriptions are failing, and disabled.
    pub policy: FailurePolicy,
    /// Whether mail can be sent: there is a sender.
    pub sends_mail: bool,
    /// Whether there is a mail already when a subscription is failing.
    pub mails_warnings: bool,
    /// For how many hours deliveries are kept: mails say so.
    pub backlog_max_age_hours: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { policy: FailurePolicy::default(), sends_mail: true, mails_warnings: false, backlog_max_age_hours: 72 }
    }
}

impl Settings {
    /// What mails say of them.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            threshold_basis_points: self.policy.threshold_basis_points,
            backlog_max_age_hours: self.backlog_max_age_hours,
        }
    }
}

/// A rate in percent, such as `99` or `99.5`, in hundredths of a percent.
pub fn parse_basis_points(text: &str) -> Result<u32, String> {
    let wrong = || format!("'{text}' is not a percentage from 0 to 100 with at most two decimals");
    let (whole, decimals) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let whole: u32 = whole.parse().map_err(|_| wrong())?;
    let hundredths: u32 = match decimals.len() {
        0..=2 => format!("{decimals:0<2}").parse().map_err(|_| wrong())?,
        _ => return Err(wrong()),
    };
    if whole > 100 { Err(wrong()) } else { Ok((whole * 100 + hundredths).min(10_000)) }
}

/// The rate above which a subscription is failing; 0 warns of nothing.
pub fn parse_warning(text: &str) -> Result<Option<u32>, String> {
    Ok(Some(parse_basis_points(text)?).filter(|basis_points| *basis_points > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_percentages() {
        let table = [("99", Ok(9_900)), ("99.5", Ok(9_950)), ("99.05", Ok(9_905)), ("100", Ok(10_000)), ("0", Ok(0))];
        for (text, expected) in table {
            assert_eq!(parse_basis_points(text), expected, "{text}");
        }
        for bad in ["", "101", "-1", "99.999", "many", "99.x"] {
            assert!(parse_basis_points(bad).is_err() && parse_warning(bad).is_err(), "{bad}");
        }
        assert_eq!((parse_warning("0"), parse_warning("50")), (Ok(None), Ok(Some(5_000))));
    }
}
