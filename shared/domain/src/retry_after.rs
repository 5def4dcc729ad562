//! `Retry-After` (RFC 9110, section 10.2.3): when the receiver wants to be asked again.

use crate::retry::LONGEST;
use jiff::Timestamp;
use std::time::Duration;

/// The wait that the header asks for, from `now` on, at most [`LONGEST`]: a number of seconds, or a date as HTTP writes
/// it (`Sun, 06 Nov 1994 08:49:37 GMT`). None where it says neither; a time that has passed is no wait.
pub fn parse(header: &str, now: Timestamp) -> Option<Duration> {
    let header = header.trim();
    if !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a number has are a long wait too.
        return Some(Duration::from_secs(header.parse().unwrap_or(u64::MAX)).min(LONGEST));
    }
    let at = jiff::fmt::rfc2822::parse(header).ok()?.timestamp();
    Some(Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_understood_and_nothing_else() {
        let now: Timestamp = "1994-11-06T08:49:00Z".parse().unwrap();
        let s = |seconds| Some(Duration::from_secs(seconds));
        for (header, wait) in [
            ("0", s(0)),
            (" 120 ", s(120)),
            ("901", s(900)),
            ("99999999999999999999999", s(900)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", s(37)),
            ("Sun, 06 Nov 1994 08:48:37 GMT", s(0)),
            ("Mon, 07 Nov 1994 08:49:37 GMT", s(900)),
            ("", None),
            ("-5", None),
            ("1.5", None),
            ("soon", None),
            ("Sun, 06 Nov 1994", None),
        ] {
            assert_eq!(parse(header, now), wait, "{header:?}");
        }
    }
}
