//! The formats of texts that are checked.

use jiff::Timestamp;
use std::net::{Ipv4Addr, Ipv6Addr};
use url::Url;

/// A format of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    DateTime,
    Date,
    Time,
    Email,
    Uri,
    Uuid,
    Ipv4,
    Ipv6,
}

/// The names of the formats that are checked.
pub const FORMATS: [&str; 8] = ["date-time", "date", "time", "email", "uri", "uuid", "ipv4", "ipv6"];

impl Format {
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "date-time" => Self::DateTime,
            "date" => Self::Date,
            "time" => Self::Time,
            "email" => Self::Email,
            "uri" => Self::Uri,
            "uuid" => Self::Uuid,
            "ipv4" => Self::Ipv4,
            "ipv6" => Self::Ipv6,
            _ => return None,
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::DateTime => "date-time",
            Self::Date => "date",
            Self::Time => "time",
            Self::Email => "email",
            Self::Uri => "uri",
            Self::Uuid => "uuid",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
        }
    }

    pub(super) fn holds(self, text: &str) -> bool {
        match self {
            Self::DateTime => is_date_time(text),
            Self::Date => is_date(text),
            Self::Time => is_time(text),
            Self::Email => is_email(text),
            Self::Uri => text.is_ascii() && !text.contains(' ') && Url::parse(text).is_ok(),
            Self::Uuid => text.len() == 36 && uuid::Uuid::try_parse(text).is_ok(),
            Self::Ipv4 => text.parse::<Ipv4Addr>().is_ok(),
            Self::Ipv6 => text.parse::<Ipv6Addr>().is_ok(),
        }
    }
}

/// RFC 3339: a date, `T`, a time with its zone.
fn is_date_time(text: &str) -> bool {
    let Some((date, time)) = text.split_once(['T', 't']) else { return false };
    is_date(date) && is_time(time) && text.parse::<Timestamp>().is_ok()
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && has_form(text, "dddd-dd-dd") && text.parse::<jiff::civil::Date>().is_ok()
}

fn is_time(text: &str) -> bool {
    let Some(at) = text.find(['Z', 'z', '+', '-']) else { return false };
    let (clock, zone) = text.split_at(at);
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let two = |from: usize| whole.get(from..from + 2).and_then(|digits| digits.parse::<u8>().ok());
    let within = has_form(whole, "dd:dd:dd")
        && two(0).is_some_and(|hour| hour < 24)
        && two(3).is_some_and(|minute| minute < 60)
        // 60 is a leap second.
        && two(6).is_some_and(|second| second <= 60);
    within && !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit()) && is_zone(zone)
}

fn is_zone(zone: &str) -> bool {
    if matches!(zone, "Z" | "z") {
        return true;
    }
    let offset = zone.get(1..).unwrap_or_default();
    let two = |from: usize| offset.get(from..from + 2).and_then(|digits| digits.parse::<u8>().ok());
    has_form(offset, "dd:dd") && two(0).is_some_and(|hour| hour < 24) && two(3).is_some_and(|minute| minute < 60)
}

/// Whether a text has digits where the form has `d`, and elsewhere what the form has.
fn has_form(text: &str, form: &str) -> bool {
    text.len() == form.len()
        && text.bytes().zip(form.bytes()).all(|(byte, form)| match form {
            b'd' => byte.is_ascii_digit(),
            other => byte == other,
        })
}

/// One at sign with something on both sides of it that could be an address.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let has_dots_inside = |part: &str| part.split('.').all(|label| !label.is_empty());
    let is_plain =
        |part: &str| !part.chars().any(|c| c.is_whitespace() || c.is_control() || "()<>[]:;,\\\"@".contains(c));
    (1..=64).contains(&local.len())
        && domain.len() <= 255
        && [local, domain].into_iter().all(|part| is_plain(part) && has_dots_inside(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_what_they_say() {
        let table: [(&str, &[&str], &[&str]); 8] = [
            (
                "date-time",
                &["2026-02-02T14:20:00Z", "2026-02-02t14:20:00.123+01:00"],
                &[
                    "2026-02-02",
                    "2026-02-30T14:20:00Z",
                    "2026-02-02T14:20:00",
                    "2026-02-02 14:20:00Z",
                    "2026-02-02T14:20Z",
                ],
            ),
            ("date", &["2024-02-29"], &["2026-02-29", "2026-2-1", "20260201", "2026-02-0１"]),
            (
                "time",
                &["14:20:00Z", "23:59:60.5-08:00"],
                &["14:20:00", "24:00:00Z", "14:20Z", "14:20:00+1:00", "14:20:00.Z"],
            ),
            (
                "email",
                &["ada@example.com", "a.b+c@localhost"],
                &["ada", "@example.com", "a@", "a..b@c.d", "a b@c.d", "a@b@c"],
            ),
            ("uri", &["https://example.com/a?b#c", "urn:x:y"], &["example.com", "/a", "https://exa mple.com"]),
            ("uuid", &["2EB8AA08-AA98-11EA-B4AA-73B441D16380"], &["2eb8aa08aa9811eab4aa73b441d16380", "2eb8"]),
            ("ipv4", &["192.0.2.1"], &["192.0.2", "192.0.2.256", "0x7f.0.0.1"]),
            ("ipv6", &["2001:db8::1"], &["2001:db8", "1::2::3", "::1%eth0"]),
        ];
        for (name, good, bad) in table {
            let format = Format::parse(name).unwrap();
            assert_eq!(format.name(), name);
            assert!(FORMATS.contains(&name));
            for text in good {
                assert!(format.holds(text), "{name}: {text}");
            }
            for text in bad {
                assert!(!format.holds(text), "{name}: {text}");
            }
        }
    }
}
