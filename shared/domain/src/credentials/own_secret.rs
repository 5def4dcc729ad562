//! The name of a secret that is not Spacehook's but its user's.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What the names of Spacehook's own secrets begin with.
const OWN_PREFIX: &str = "spacehook/";
/// The longest name of a secret, in bytes, with the six characters that AWS adds and their dash.
const MAX_NAME_BYTES: usize = 512 + 7;

/// The ARN of a secret in Secrets Manager, whole: with the six characters at the end that AWS adds.
///
/// Without those an ARN could come to mean another secret, which somebody made under the name of one deleted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretArn(String);

/// Why a text is no [`SecretArn`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidArn {
    /// It has another form.
    #[error(
        "must be the whole ARN of a secret in Secrets Manager, as in \
         arn:aws:secretsmanager:eu-central-1:123456789012:secret:receivers/kiosk-a1B2c3"
    )]
    Form,
    /// The secret is Spacehook's.
    #[error("must not be one of Spacehook's own secrets (spacehook/…)")]
    Own,
}

impl SecretArn {
    /// Takes an ARN.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidArn> {
        let text = text.into();
        let name = name_of(&text).ok_or(InvalidArn::Form)?;
        if name.starts_with(OWN_PREFIX) { Err(InvalidArn::Own) } else { Ok(Self(text)) }
    }

    /// The ARN.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name at the end of an ARN of the right form.
fn name_of(text: &str) -> Option<&str> {
    let mut parts = text.splitn(7, ':');
    let mut next = || parts.next();
    let (arn, partition, service, region, account) = (next()?, next()?, next()?, next()?, next()?);
    let (kind, name) = (next()?, next()?);
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let is_partition = partition == "aws" || partition.strip_prefix("aws-").is_some_and(is_label);
    let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    let fixed = (arn, service, kind) == ("arn", "secretsmanager", "secret");
    (fixed && is_partition && is_account && is_label(region) && region.len() <= 32 && is_name(name)).then_some(name)
}

fn is_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'+' | b'=' | b'.' | b'@' | b'-');
    let random = |random: &str| random.len() == 6 && random.bytes().all(|b| b.is_ascii_alphanumeric());
    name.len() <= MAX_NAME_BYTES
        && name.bytes().all(allowed)
        && name.rsplit_once('-').is_some_and(|(chosen, last)| !chosen.is_empty() && random(last))
}

crate::ids::stored_as_text!(SecretArn, InvalidArn);

impl fmt::Display for SecretArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_arns_of_secrets_are_taken() {
        for good in [
            "arn:aws:secretsmanager:eu-central-1:123456789012:secret:kiosk-a1B2c3",
            "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:a/b_c+d=e.f@g-h-a1B2c3",
            "arn:aws:secretsmanager:eu-central-1:123456789012:secret:spacehook-of-mine-a1B2c3",
        ] {
            let arn = SecretArn::parse(good).unwrap();
            let json = serde_json::to_string(&arn).unwrap();
            assert_eq!((json.as_str(), arn.as_str()), (format!("{good:?}").as_str(), good));
            assert_eq!(serde_json::from_str::<SecretArn>(&json).unwrap(), arn);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let form = InvalidArn::Form;
        for (bad, why) in [
            ("", form),
            ("kiosk", form),
            ("arn:aws:secretsmanager:eu-central-1:123456789012:secret:kiosk", form),
            ("arn:aws:secretsmanager:eu-central-1:123456789012:secret:-a1B2c3", form),
            ("arn:aws:secretsmanager:eu-central-1:123456789012:secret:kiosk-a1B2c?", form),
            ("arn:aws:secretsmanager:eu-central-1:123456789012:secret:a:b-a1B2c3", form),
            ("arn:aws:secretsmanager:eu-central-1:12345678901:secret:kiosk-a1B2c3", form),
            ("arn:aws:secretsmanager::123456789012:secret:kiosk-a1B2c3", form),
            ("arn:gcp:secretsmanager:eu-central-1:123456789012:secret:kiosk-a1B2c3", form),
            ("arn:aws:ssm:eu-central-1:123456789012:secret:kiosk-a1B2c3", form),
            ("arn:aws:secretsmanager:eu-central-1:123456789012:key:kiosk-a1B2c3", form),
            ("arn:aws:secretsmanager:eu-central-1:123456789012:secret:kiosk-a1B2c3\n", form),
            ("arn:aws:secretsmanager:eu-central-1:123456789012:secret:spacehook/dev/acme/sub-a1B2c3", InvalidArn::Own),
        ] {
            assert_eq!(SecretArn::parse(bad), Err(why), "{bad}");
        }
        let long = "x".repeat(513);
        assert!(SecretArn::parse(format!("arn:aws:secretsmanager:a:123456789012:secret:{long}-a1B2c3")).is_err());
    }
}
