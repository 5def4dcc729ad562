//! Requests that may come twice and shall be done once.
//!
//! A client that heard no answer sends its request again, with the same `Idempotency-Key`. What is remembered of a key,
//! for [`REMEMBERED`], says what a repeat gets: the same answer; that the first is still under way; that it is another
//! request; or that it is to be done (anew), since the first ended without an answer that counts.

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use uuid::Uuid;

/// How long a key is remembered, from its first request on.
pub const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);
/// How long a request may be under way: longer than the function that does it may run. One that died in the middle is
/// done anew by a repeat after that.
pub const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// Characters of a key, at most.
pub const KEY_LIMIT: usize = 255;

/// What a client calls a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

/// Why a text is no idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {KEY_LIMIT} visible ASCII characters")]
pub struct InvalidIdempotencyKey;

impl IdempotencyKey {
    /// Takes 1 to [`KEY_LIMIT`] visible ASCII characters.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidIdempotencyKey> {
        let text = text.into();
        let is_valid = (1..=KEY_LIMIT).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_valid { Ok(Self(text)) } else { Err(InvalidIdempotencyKey) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// SHA-256 of it, in hexadecimal digits: what it is stored under.
    pub fn digest(&self) -> String {
        hex(&Sha256::digest(self.0.as_bytes()))
    }
}

/// What tells one request from another: a digest of method, path, query and body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// That of a request.
    pub fn of(method: &str, path: &str, query: &str, body: &[u8]) -> Self {
        let mut digest = Sha256::new();
        // With its length before each, none flows into the next.
        for part in [method.as_bytes(), path.as_bytes(), query.as_bytes(), body] {
            digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            digest.update(part);
        }
        Self(hex(&digest.finalize()))
    }

    /// One that was stored.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A request that somebody is about to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Tells the doers of one request apart.
    pub id: Uuid,
    /// What the request is.
    pub fingerprint: Fingerprint,
    /// Now.
    pub at: Timestamp,
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// With an answer that repeats get, too; sealed.
    Answered(Vec<u8>),
    /// With one that is too large to be kept.
    AnsweredTooLarge,
    /// Without one that counts: a repeat is done anew.
    Unanswered,
}

/// What is remembered of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// What the request is.
    pub fingerprint: Fingerprint,
    /// When it first came.
    pub first_at: Timestamp,
    /// Who does it, or did it last.
    pub claim: Uuid,
    /// Until when it may be under way.
    pub lease_until: Timestamp,
    /// How it ended; none while it is under way, or after whoever did it died.
    pub ended: Option<Ended>,
}

/// What a request with a key gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is done now, as if its key were new: what was remembered is too old.
    DoAsNew,
    /// It is done now; its key is known since then.
    DoAgain {
        /// When it first came.
        first_at: Timestamp,
    },
    /// It is being done by this very claim: the answer to the claim was lost.
    IsOurs,
    /// The first is under way.
    UnderWay,
    /// The key was another request's.
    IsAnother,
    /// The answer of the first, sealed.
    Answer(Vec<u8>),
    /// The first was answered, and the answer was too large to be kept.
    AnswerNotKept,
}

/// Judges a request by what is remembered of its key.
pub fn judge(remembered: &Remembered, claim: &Claim) -> Verdict {
    let Remembered { first_at, lease_until, .. } = *remembered;
    if remembered.claim == claim.id {
        return Verdict::IsOurs;
    }
    // By our own clock, since the table removes what is too old up to two days later.
    if claim.at.duration_since(first_at) >= REMEMBERED {
        return Verdict::DoAsNew;
    }
    if remembered.fingerprint != claim.fingerprint {
        return Verdict::IsAnother;
    }
    match &remembered.ended {
        Some(Ended::Answered(answer)) => Verdict::Answer(answer.clone()),
        Some(Ended::AnsweredTooLarge) => Verdict::AnswerNotKept,
        None if claim.at < lease_until => Verdict::UnderWay,
        Some(Ended::Unanswered) | None => Verdict::DoAgain { first_at },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn fingerprint(body: &str) -> Fingerprint {
        Fingerprint::of("POST", "/v1/x", "", body.as_bytes())
    }

    #[test]
    fn keys_are_visible_ascii() {
        for good in ["a", "6c9e-~!", &"x".repeat(KEY_LIMIT)] {
            assert!(IdempotencyKey::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "é", "a\n", &"x".repeat(KEY_LIMIT + 1)] {
            assert!(IdempotencyKey::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn no_two_requests_have_one_fingerprint() {
        let of = Fingerprint::of;
        let all = [
            of("POST", "/a", "", b"b"),
            of("POST", "/ab", "", b""),
            of("POST", "/a", "b", b""),
            of("PUT", "/a", "", b"b"),
            of("POST", "/a", "", b"B"),
        ];
        for (place, one) in all.iter().enumerate() {
            assert_eq!(all.iter().position(|other| other == one), Some(place));
        }
    }

    #[test]
    fn a_repeat_is_judged_by_how_the_first_ended() {
        let first = Remembered {
            fingerprint: fingerprint("{}"),
            first_at: at(0),
            claim: Uuid::from_u128(1),
            lease_until: at(60),
            ended: None,
        };
        let ended = |ended| Remembered { ended: Some(ended), ..first.clone() };
        let repeat =
            |id, body, second| Claim { id: Uuid::from_u128(id), fingerprint: fingerprint(body), at: at(second) };
        let again = Verdict::DoAgain { first_at: at(0) };
        let answered = ended(Ended::Answered(vec![7]));
        let table = [
            (&first, repeat(1, "{}", 1), Verdict::IsOurs),
            (&first, repeat(2, "{}", 59), Verdict::UnderWay),
            (&first, repeat(2, "{}", 60), again.clone()),
            (&first, repeat(2, "[]", 1), Verdict::IsAnother),
            (&first, repeat(2, "[]", 61), Verdict::IsAnother),
            (&answered, repeat(2, "{}", 1), Verdict::Answer(vec![7])),
            (&answered, repeat(2, "{}", 86_399), Verdict::Answer(vec![7])),
            (&answered, repeat(2, "{}", 86_400), Verdict::DoAsNew),
            (&answered, repeat(2, "[]", 86_400), Verdict::DoAsNew),
            (&answered, repeat(2, "[]", 1), Verdict::IsAnother),
            (&ended(Ended::AnsweredTooLarge), repeat(2, "{}", 1), Verdict::AnswerNotKept),
            (&ended(Ended::Unanswered), repeat(2, "{}", 1), again),
        ];
        for (remembered, claim, expected) in table {
            assert_eq!(judge(remembered, &claim), expected, "{remembered:?} {claim:?}");
        }
    }
}
