//! What mails about failures say of them.

use crate::which::utc_or_none;
use crate::{Chart, Line, Percent};
use jiff::Timestamp;
use serde::Serialize;

/// The failures of a subscription in a window of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failures {
    /// Failed attempts.
    failed: u64,
    /// All attempts.
    attempts: u64,
    rate: Percent,
    /// The window's length, as in "the 24 hours before".
    window: String,
    top_errors: Vec<TopError>,
    chart: Option<Chart>,
}

impl Failures {
    /// So many of so many attempts failed within these hours, with the most frequent errors, the most frequent first, and
    /// when it was.
    pub fn new(
        (failed, attempts): (u64, u64),
        window_hours: u32,
        top_errors: Vec<TopError>,
        chart: Option<Chart>,
    ) -> Self {
        let window = if window_hours == 1 { "hour".to_owned() } else { format!("{window_hours} hours") };
        Self { failed, attempts, rate: Percent::of_whole(failed, attempts), window, top_errors, chart }
    }
}

/// One kind of error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TopError {
    /// What it says, such as `HTTP 503`.
    pub reason: String,
    /// How often it happened.
    pub count: u64,
    /// When it last happened; absent where the log no longer holds it.
    #[serde(serialize_with = "utc_or_none")]
    pub last_seen: Option<Timestamp>,
    /// The beginning of what the receiver answered then.
    pub sample: Option<Line>,
    /// What it usually means.
    pub meaning: String,
    /// How to correct it.
    pub remedy: String,
}
