//! What every mail says of its subscription.

use crate::Line;
use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// Characters of a name that are shown: as many as a name can have.
const NAME_CHARACTERS: usize = 100;
/// Characters of a host that are shown: as many as it can have, with a port.
const HOST_CHARACTERS: usize = 260;

/// Which subscription a mail is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Which {
    name: Line,
    id: String,
    host: Line,
}

impl Which {
    /// The subscription with this name and id. Of its receiver's URL the host alone is shown, with its port: the rest may
    /// hold a secret.
    pub fn new(name: &str, id: impl Into<String>, url: &str) -> Self {
        let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
        let authority = after_scheme.split(['/', '?', '#', '\\']).next().unwrap_or_default();
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        Self { name: Line::of(name, NAME_CHARACTERS), id: id.into(), host: Line::of(host, HOST_CHARACTERS) }
    }
}

/// What is kept of the events that are not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Whether only the newest event of each type and space is.
    pub latest_only: bool,
    /// For how many hours, at most.
    #[serde(serialize_with = "hours")]
    pub hours: u32,
}

/// A length of time as mails show it.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields so")]
fn hours<S: Serializer>(hours: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    let plural = if *hours == 1 { "" } else { "s" };
    serializer.collect_str(&format_args!("{hours} hour{plural}"))
}

/// A time as mails show it: to the second, and said to be UTC.
pub(crate) fn utc<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&at.strftime("%Y-%m-%d %H:%M:%S UTC"))
}

/// The same of a time that may not be known.
#[expect(clippy::ref_option, reason = "serde passes fields so")]
pub(crate) fn utc_or_none<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => utc(at, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_host_is_shown() {
        let table = [
            ("https://a.example.com:8443/hook?token=secret", "a.example.com:8443"),
            ("https://a.example.com?token=secret", "a.example.com"),
            ("https://user:secret@a.example.com/", "a.example.com"),
            ("https://[2001:db8::1]:8443/x", "[2001:db8::1]:8443"),
            ("a.example.com/secret", "a.example.com"),
        ];
        for (url, expected) in table {
            assert_eq!(Which::new("n", "sub_1", url).host.as_str(), expected, "{url}");
        }
    }
}
