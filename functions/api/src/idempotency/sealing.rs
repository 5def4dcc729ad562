//! Answers, sealed so that only who has the API key opens them.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use spacehook_domain::idempotency::{Fingerprint, IdempotencyKey};
use std::fmt;

/// What all keys are derived with: another text for another form of what is sealed.
const SALT: &[u8] = b"spacehook idempotency 1";

/// An answer.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Before the body: status and headers, in JSON, with the length of that before it.
#[derive(Serialize, Deserialize)]
struct Head {
    status: u16,
    headers: Vec<(String, String)>,
}

/// The key for the answer to one request of one caller: AES-256-GCM, derived by HKDF from the caller's API key, the
/// idempotency key and the fingerprint of the request. It is never stored.
pub(super) struct Seal(Option<LessSafeKey>);

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal")
    }
}

impl Seal {
    pub(super) fn of(api_key: &str, key: &IdempotencyKey, request: &Fingerprint) -> Self {
        let of = [key.as_str().as_bytes(), b"\n", request.as_str().as_bytes()];
        let derived = Salt::new(HKDF_SHA256, SALT).extract(api_key.as_bytes());
        // One length of output alone is asked for, and it is one that there is.
        let key = derived.expand(&of, &AES_256_GCM).ok().map(|okm| LessSafeKey::new(UnboundKey::from(okm)));
        Self(key)
    }

    /// Seals an answer; the nonce is of random bytes. None where that can't be.
    pub(super) fn close(&self, answer: &Answer, nonce: [u8; NONCE_LEN]) -> Option<Vec<u8>> {
        let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
        let headers = answer.headers.iter().map(|(name, value)| Some((name.to_string(), text(value)?)));
        let head = Head { status: answer.status.as_u16(), headers: headers.collect::<Option<_>>()? };
        let head = serde_json::to_vec(&head).ok()?;
        let mut sealed = u32::try_from(head.len()).ok()?.to_be_bytes().to_vec();
        sealed.extend_from_slice(&head);
        sealed.extend_from_slice(&answer.body);
        let unique = Nonce::assume_unique_for_key(nonce);
        self.0.as_ref()?.seal_in_place_append_tag(unique, Aad::empty(), &mut sealed).ok()?;
        sealed.splice(..0, nonce);
        Some(sealed)
    }

    /// Opens what was sealed; none where that was with another key.
    pub(super) fn open(&self, mut sealed: Vec<u8>) -> Option<Answer> {
        let (nonce, rest) = sealed.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let opened = self.0.as_ref()?.open_in_place(nonce, Aad::empty(), rest).ok()?;
        let (length, rest) = opened.split_at_checked(4)?;
        let length = usize::try_from(u32::from_be_bytes(length.try_into().ok()?)).ok()?;
        let (head, body) = rest.split_at_checked(length)?;
        let Head { status, headers } = serde_json::from_slice(head).ok()?;
        let header = |(name, value): (String, String)| {
            Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
        };
        Some(Answer {
            status: StatusCode::from_u16(status).ok()?,
            headers: headers.into_iter().map(header).collect::<Option<_>>()?,
            body: body.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(api_key: &str, key: &str, body: &str) -> Seal {
        let fingerprint = Fingerprint::of("POST", "/v1/x", "", body.as_bytes());
        Seal::of(api_key, &IdempotencyKey::parse(key).unwrap(), &fingerprint)
    }

    #[test]
    fn only_the_same_request_of_the_same_key_opens_what_it_sealed() {
        let mut headers = HeaderMap::new();
        headers.insert("location", HeaderValue::from_static("/v1/x/1"));
        let answer = Answer { status: StatusCode::CREATED, headers, body: b"{\"token\":\"shown once\"}".to_vec() };
        let sealed = seal("shk_a", "k", "{}").close(&answer, [7; NONCE_LEN]).unwrap();
        assert!(!sealed.windows(5).any(|part| part == b"shown" || part == b"token"), "{sealed:?}");
        assert_eq!(seal("shk_a", "k", "{}").open(sealed.clone()), Some(answer));
        for other in [seal("shk_b", "k", "{}"), seal("shk_a", "l", "{}"), seal("shk_a", "k", "[]")] {
            assert_eq!(other.open(sealed.clone()), None);
        }
        let mut changed = sealed.clone();
        changed[20] ^= 1;
        assert_eq!(seal("shk_a", "k", "{}").open(changed), None);
        for cut in [0, 11, 12, 27, sealed.len() - 1] {
            assert_eq!(seal("shk_a", "k", "{}").open(sealed[..cut].to_vec()), None, "{cut}");
        }
    }
}
