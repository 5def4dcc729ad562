//! What a subscription needs to prove itself to its receiver. Nothing here can be printed.

use crate::signing::SigningSecret;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret as _, SecretString};
use std::collections::BTreeMap;

/// What stands where a secret was.
const REDACTED: &str = "[redacted]";
/// A shorter text is no secret worth the name, and blanking it would blank half of what a receiver says.
const SECRET_CHARACTERS: usize = 4;

/// How a delivery authenticates, with its secrets.
#[derive(Debug, Clone, Default)]
pub enum AuthSecret {
    /// It does not.
    #[default]
    None,
    /// HTTP Basic (RFC 7617).
    Basic {
        /// User name: no colon in it.
        username: String,
        /// Password.
        password: SecretString,
    },
    /// HTTP Bearer (RFC 6750).
    Bearer {
        /// Token.
        token: SecretString,
    },
    /// A header that the receiver wants.
    CustomHeader {
        /// Its name, in lower case.
        name: String,
        /// Its value.
        value: SecretString,
    },
}

/// Everything secret of one subscription.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The secrets that sign its deliveries: one, or two during a rotation, the newest first.
    pub signing_secrets: Vec<SigningSecret>,
    /// How it authenticates.
    pub auth: AuthSecret,
    /// The values of its custom headers, by lower-case name. Values often are keys, so all are kept as secrets.
    pub custom_headers: BTreeMap<String, SecretString>,
}

impl Credentials {
    /// A text of the receiver's, such as its answer, with every secret blanked that it repeats: whole, or cut off by the
    /// text's end. Receivers do echo what they refuse, often as JSON, and what they say is stored and shown.
    pub fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for form in &self.forms() {
            let form = form.expose_secret();
            text = text.replace(form, REDACTED);
            let beginnings = form.char_indices().map(|(at, _)| &form[..at]).skip(SECRET_CHARACTERS);
            if let Some(beginning) = beginnings.filter(|beginning| text.ends_with(beginning)).last() {
                text.truncate(text.len() - beginning.len());
                text.push_str(REDACTED);
            }
        }
        text
    }

    /// Everything secret that a request shows, as it is and as JSON writes it (some write `/` as `\/`). The longest
    /// first: blanking a secret that another begins with would leave the other's end.
    fn forms(&self) -> Vec<SecretString> {
        let mut forms = Vec::new();
        for secret in self.secrets() {
            let plain = secret.expose_secret();
            if plain.chars().count() < SECRET_CHARACTERS {
                continue;
            }
            let json = serde_json::Value::from(plain).to_string();
            let json = json.strip_prefix('"').and_then(|json| json.strip_suffix('"')).unwrap_or_default();
            for form in [plain, json] {
                forms.push(form.replace('/', "\\/"));
                forms.push(form.to_owned());
            }
        }
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        forms.dedup();
        forms.into_iter().map(SecretString::from).collect()
    }

    /// Everything secret that a request shows.
    fn secrets(&self) -> Vec<SecretString> {
        let mut secrets: Vec<SecretString> = self.custom_headers.values().cloned().collect();
        match &self.auth {
            AuthSecret::None => {}
            AuthSecret::Basic { username, password } => {
                secrets.push(STANDARD.encode(format!("{username}:{}", password.expose_secret())).into());
                secrets.push(password.clone());
            }
            AuthSecret::Bearer { token: secret } | AuthSecret::CustomHeader { value: secret, .. } => {
                secrets.push(secret.clone());
            }
        }
        secrets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(auth: AuthSecret) -> Credentials {
        let custom_headers = [("x-key".to_owned(), "header-key".into())].into();
        Credentials { signing_secrets: Vec::new(), auth, custom_headers }
    }

    #[test]
    fn what_a_receiver_repeats_is_blanked_in_every_form() {
        let basic = credentials(AuthSecret::Basic { username: "Aladdin".into(), password: "open sesame".into() });
        assert_eq!(
            basic.redact("no: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ== (open sesame), x-key: header-key"),
            "no: Basic [redacted] ([redacted]), x-key: [redacted]"
        );
        let bearer = credentials(AuthSecret::Bearer { token: "t0ken-é-7f3a".into() });
        assert_eq!(bearer.redact("t0ken-é-7f3a, t0ken-é-7f3a"), "[redacted], [redacted]");
        assert_eq!(bearer.redact("bad token"), "bad token");
    }

    #[test]
    fn a_secret_that_begins_with_another_is_blanked_whole() {
        let mut bearer = credentials(AuthSecret::Bearer { token: "acme-7f3a9c".into() });
        bearer.custom_headers.insert("x-account".to_owned(), "acme".into());
        assert_eq!(bearer.redact("acme, acme-7f3a9c"), "[redacted], [redacted]");
    }

    #[test]
    fn a_secret_that_is_repeated_as_json_is_blanked() {
        let bearer = credentials(AuthSecret::Bearer { token: "a/b\"c\\d/e".into() });
        for said in [r#"{"t":"a\/b\"c\\d\/e"}"#, r#"{"t":"a/b\"c\\d/e"}"#] {
            assert_eq!(bearer.redact(said), r#"{"t":"[redacted]"}"#);
        }
    }

    #[test]
    fn a_secret_that_the_end_cuts_off_is_blanked_too() {
        let bearer = credentials(AuthSecret::Bearer { token: "t0ken-é-7f3a".into() });
        for cut in ["t0ken-é-7f3", "t0ken-é", "t0ken"] {
            assert_eq!(bearer.redact(&format!("Bearer {cut}")), "Bearer [redacted]");
        }
    }
}
