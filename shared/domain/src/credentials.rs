//! What a subscription needs to prove itself to its receiver. Nothing here can be printed.

pub mod oauth;
mod own_secret;

pub use own_secret::{InvalidArn, SecretArn};

use crate::signing::SigningSecret;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use oauth::OAuthClient;
use secrecy::{ExposeSecret as _, SecretString};
use std::collections::BTreeMap;

/// What stands where a secret was.
pub(crate) const REDACTED: &str = "[redacted]";
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
    /// OAuth 2.0 client credentials (RFC 6749, 4.4): a token that is had with these is sent as HTTP Bearer.
    OAuth2(OAuthClient),
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
    /// A text of the receiver's, with every secret of these credentials blanked: see [`redact`].
    pub fn redact(&self, text: &str) -> String {
        redact(text, &[self])
    }

    /// The same credentials with another way to authenticate.
    #[must_use]
    pub fn with_auth(&self, auth: AuthSecret) -> Self {
        Self { auth, ..self.clone() }
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
            AuthSecret::OAuth2(client) => secrets.extend(client.secrets()),
        }
        secrets
    }
}

/// A text of a receiver's, such as its answer, with every secret blanked that it repeats: whole, or cut off by the
/// text's end. Receivers do echo what they refuse, often as JSON, and what they say is stored and shown. Several
/// credentials are blanked together, so that a secret of one that begins with a secret of another is blanked whole.
pub fn redact(text: &str, of: &[&Credentials]) -> String {
    let forms = forms(of);
    let mut text = text.to_owned();
    for form in &forms {
        text = text.replace(form.expose_secret(), REDACTED);
    }
    // Only then what is cut off: the end of a whole secret may look like the beginning of another.
    let beginnings = forms.iter().filter_map(|form| beginning_at_end(form.expose_secret(), &text));
    if let Some(cut_off) = beginnings.max() {
        text.truncate(text.len() - cut_off);
        text.push_str(REDACTED);
    }
    text
}

/// How many bytes at the end of a text are the beginning of a secret.
fn beginning_at_end(secret: &str, text: &str) -> Option<usize> {
    let beginnings = secret.char_indices().map(|(at, _)| &secret[..at]).skip(SECRET_CHARACTERS);
    beginnings.filter(|beginning| text.ends_with(beginning)).map(str::len).last()
}

/// Everything secret that a request shows, as it is and as JSON writes it (some write `/` as `\/`). The longest
/// first: blanking a secret that another begins with would leave the other's end.
fn forms(of: &[&Credentials]) -> Vec<SecretString> {
    let mut forms = Vec::new();
    for secret in of.iter().flat_map(|credentials| credentials.secrets()) {
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

    #[test]
    fn what_a_token_endpoint_repeats_is_blanked_in_every_form() {
        let client = OAuthClient {
            token_url: "https://login.example.com/".into(),
            client_id: "kiosk".into(),
            client_secret: "s3cr+t/x".into(),
            scope: None,
            audience: None,
            style: oauth::AuthStyle::Basic,
            parameters: [("resource".to_owned(), "hush hush".into())].into(),
        };
        let held = credentials(AuthSecret::OAuth2(client));
        let said =
            "no: Basic a2lvc2s6czNjciUyQnQlMkZ4 client_secret=s3cr%2Bt%2Fx s3cr+t/x resource=hush+hush (hush hush)";
        assert_eq!(
            held.redact(said),
            "no: Basic [redacted] client_secret=[redacted] [redacted] resource=[redacted] ([redacted])"
        );
        let sent = held.with_auth(AuthSecret::Bearer { token: "s3cr+t/x.of.token".into() });
        assert_eq!(redact("s3cr+t/x.of.token, s3cr+t/x", &[&held, &sent]), "[redacted], [redacted]");
        assert_eq!(held.redact("resource=hush+hush"), "resource=[redacted]", "its end looks like a beginning");
    }
}
