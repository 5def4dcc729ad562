//! Signatures of deliveries, by the Standard Webhooks specification.
//!
//! Signed is `{webhook-id}.{webhook-timestamp}.{body}` with HMAC-SHA-256; a secret is written `whsec_` and the base64
//! of 24 to 64 bytes; a signature is `v1,` and base64; several, with a space between, during a rotation.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use sha2::Sha256;

const PREFIX: &str = "whsec_";
/// Bytes of a new secret.
pub const SECRET_BYTES: usize = 32;

/// A secret that signs.
#[derive(Debug, Clone)]
pub struct SigningSecret(SecretSlice<u8>);

/// Why a text is no signing secret. The text itself is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 'whsec_' and the base64 of 24 to 64 bytes")]
pub struct InvalidSigningSecret;

impl SigningSecret {
    /// Reads `whsec_…`.
    pub fn parse(text: &str) -> Result<Self, InvalidSigningSecret> {
        let bytes = text.strip_prefix(PREFIX).and_then(|encoded| STANDARD.decode(encoded).ok());
        match bytes {
            Some(bytes) if (24..=64).contains(&bytes.len()) => Ok(Self(bytes.into())),
            _ => Err(InvalidSigningSecret),
        }
    }

    /// A secret of bytes that the caller drew from a good source.
    pub fn from_random(bytes: [u8; SECRET_BYTES]) -> Self {
        Self(bytes.to_vec().into())
    }

    /// The text to hand to the receiver's owner, once.
    pub fn to_text(&self) -> SecretString {
        format!("{PREFIX}{}", STANDARD.encode(self.0.expose_secret())).into()
    }

    fn sign(&self, id: &str, timestamp_s: i64, body: &[u8]) -> String {
        // HMAC takes a key of any length, so this can't fail; an impossible failure would sign with an empty key,
        // which no receiver accepts.
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.expose_secret())
            .unwrap_or_else(|_| Hmac::<Sha256>::new(&hmac::digest::Key::<Hmac<Sha256>>::default()));
        mac.update(format!("{id}.{timestamp_s}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// The value of `webhook-signature`: one signature a secret.
pub fn signature(secrets: &[SigningSecret], id: &str, timestamp_s: i64, body: &[u8]) -> String {
    let each: Vec<String> = secrets.iter().map(|secret| secret.sign(id, timestamp_s, body)).collect();
    each.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use standardwebhooks::Webhook;

    #[test]
    fn the_published_vector_signs_as_published() {
        let secret = SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!(
            signature(&[secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn secrets_outside_the_specification_are_refused() {
        for bad in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!!!", "whsec_c2hvcnQ="] {
            assert!(SigningSecret::parse(bad).is_err(), "{bad}");
        }
        assert!(SigningSecret::parse(&format!("whsec_{}", STANDARD.encode([1; 65]))).is_err());
    }

    #[test]
    fn a_secret_does_not_print() {
        let secret = SigningSecret::from_random([7; 32]);
        assert!(!format!("{secret:?}").contains('7'));
    }

    proptest! {
        #[test]
        fn equals_the_standardwebhooks_crate(
            key in prop::array::uniform32(any::<u8>()),
            id in "[a-z0-9_]{1,40}",
            timestamp_s in 0_i64..4_000_000_000,
            body in prop::collection::vec(any::<u8>(), 0..600),
        ) {
            let secret = SigningSecret::from_random(key);
            let theirs = Webhook::from_bytes(key.to_vec()).unwrap();
            // Their signer takes text bodies only.
            let body = String::from_utf8_lossy(&body).into_owned().into_bytes();
            prop_assert_eq!(
                signature(std::slice::from_ref(&secret), &id, timestamp_s, &body),
                theirs.sign(&id, timestamp_s, &body).unwrap()
            );
            let read_back = SigningSecret::parse(secret.to_text().expose_secret()).unwrap();
            prop_assert_eq!(read_back.0.expose_secret(), key.as_slice());
        }
    }
}
