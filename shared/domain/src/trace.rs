//! The id that ties together what was done because of one message: from ingest through the queue to the attempt.

use crate::ids::{EventId, SubscriptionId};
use crate::retry::AttemptNumber;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt::{self, Write as _};

/// Digits of an X-Ray id before its second hyphen: the seconds since 1970 at which the trace began.
const TIME_DIGITS: usize = 8;

/// A trace id as W3C Trace Context has it: 32 hexadecimal digits in lower case, not all zero. X-Ray's ids are the same with
/// other punctuation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TraceId(String);

/// Why a text is no trace id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 32 hexadecimal digits in lower case, not all zero")]
pub struct InvalidTraceId;

impl TraceId {
    /// Takes an id.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidTraceId> {
        let text = text.into();
        let is_hex = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if is_hex && text.bytes().any(|b| b != b'0') { Ok(Self(text)) } else { Err(InvalidTraceId) }
    }

    /// The id in an X-Ray trace header, such as
    /// `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`; none where there is none of that form.
    pub fn from_xray_header(header: &str) -> Option<Self> {
        let root = header.split(';').find_map(|part| part.trim().strip_prefix("Root="))?;
        let (time, random) = root.strip_prefix("1-")?.split_once('-')?;
        let is_xrays = time.len() == TIME_DIGITS;
        is_xrays.then(|| Self::parse(format!("{time}{random}")).ok()).flatten()
    }

    /// A new id of a trace that began at `at`. It begins with the time, since X-Ray takes no id that does not; none where
    /// the time and all that was drawn are 0.
    pub fn drawn(at: Timestamp, random: [u8; 12]) -> Option<Self> {
        // What X-Ray has room for: 32 bits, until 2106.
        let seconds = u32::try_from(at.as_second()).unwrap_or_default();
        Self::parse(hex(&[&seconds.to_be_bytes()[..], &random].concat())).ok()
    }

    /// The trace header of X-Ray that goes on with this trace. Whether it is recorded is left to who gets it.
    pub fn to_xray_header(&self) -> String {
        let (time, random) = self.0.split_at(TIME_DIGITS);
        format!("Root=1-{time}-{random}")
    }

    /// The header `traceparent` (W3C Trace Context) of an attempt: the trace, the attempt as the parent of what the receiver
    /// does, and that it is recorded, as every attempt is in the attempt log.
    ///
    /// The attempt's id follows from what it is, so that it can be worked out from the attempt log.
    pub fn traceparent(&self, event: &EventId, subscription: &SubscriptionId, attempt: AttemptNumber) -> String {
        let of = format!("{event}:{subscription}:{}", attempt.0);
        let digest = Sha256::digest(of);
        // All zero is no id. (Nobody will ever see it.)
        let span = digest.chunks_exact(8).find(|span| span.iter().any(|byte| *byte != 0)).unwrap_or(&[1; 8]);
        format!("00-{self}-{}-01", hex(span))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

crate::ids::stored_as_text!(TraceId, InvalidTraceId);

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
