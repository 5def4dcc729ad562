//! The JSON document that a secret holds.

use crate::CredentialsError;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use spacehook_domain::credentials::{AuthSecret, Credentials};
use spacehook_domain::signing::SigningSecret;
use std::collections::BTreeMap;

/// The layout, as the crate documents it. It has no `Debug`, so that it can't be printed.
#[derive(Serialize, Deserialize)]
struct Document {
    signing_secrets: Vec<String>,
    #[serde(default)]
    auth: Auth,
    #[serde(default)]
    custom_headers: BTreeMap<String, String>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Auth {
    #[default]
    None,
    Basic {
        username: String,
        password: String,
    },
    Bearer {
        token: String,
    },
    CustomHeader {
        name: String,
        value: String,
    },
}

/// Writes the document.
pub(crate) fn write(credentials: &Credentials) -> Result<SecretString, CredentialsError> {
    let reveal = |secret: &SecretString| secret.expose_secret().to_owned();
    let document = Document {
        signing_secrets: credentials.signing_secrets.iter().map(|secret| reveal(&secret.to_text())).collect(),
        auth: match &credentials.auth {
            AuthSecret::None => Auth::None,
            AuthSecret::Basic { username, password } => {
                Auth::Basic { username: username.clone(), password: reveal(password) }
            }
            AuthSecret::Bearer { token } => Auth::Bearer { token: reveal(token) },
            AuthSecret::CustomHeader { name, value } => Auth::CustomHeader { name: name.clone(), value: reveal(value) },
        },
        custom_headers: credentials.custom_headers.iter().map(|(name, value)| (name.clone(), reveal(value))).collect(),
    };
    let text = serde_json::to_string(&document);
    // A map with text keys always is JSON; the error is there because `serde` says so.
    text.map(SecretString::from).map_err(|_| CredentialsError::Unreadable { what: "it can't be written as JSON" })
}

/// Reads the document. What is wrong is said without a word of it: the texts of serde repeat values.
pub(crate) fn read(text: &SecretString) -> Result<Credentials, CredentialsError> {
    let unreadable = |what| CredentialsError::Unreadable { what };
    let document: Document = serde_json::from_str(text.expose_secret()).map_err(|error| {
        unreadable(if error.is_data() { "it is not of the documented layout" } else { "it is not JSON" })
    })?;
    let signing_secrets = document.signing_secrets.iter().map(|text| SigningSecret::parse(text));
    let signing_secrets =
        signing_secrets.collect::<Result<Vec<_>, _>>().map_err(|_| unreadable("a signing secret is malformed"))?;
    if signing_secrets.is_empty() {
        return Err(unreadable("it has no signing secret"));
    }
    Ok(Credentials {
        signing_secrets,
        auth: match document.auth {
            Auth::None => AuthSecret::None,
            Auth::Basic { username, password } => AuthSecret::Basic { username, password: password.into() },
            Auth::Bearer { token } => AuthSecret::Bearer { token: token.into() },
            Auth::CustomHeader { name, value } => AuthSecret::CustomHeader { name, value: value.into() },
        },
        custom_headers: document.custom_headers.into_iter().map(|(name, value)| (name, value.into())).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(auth: AuthSecret) -> Credentials {
        Credentials {
            signing_secrets: vec![SigningSecret::from_random([1; 32]), SigningSecret::from_random([2; 32])],
            auth,
            custom_headers: BTreeMap::from([("x-key".to_owned(), "hush-header".into())]),
        }
    }

    #[test]
    fn every_kind_reads_back_as_it_was_written() {
        let kinds = [
            AuthSecret::None,
            AuthSecret::Basic { username: "u".into(), password: "hush".into() },
            AuthSecret::Bearer { token: "hush".into() },
            AuthSecret::CustomHeader { name: "x-auth".into(), value: "hush".into() },
        ];
        for auth in kinds {
            let written = write(&credentials(auth)).unwrap();
            let again = write(&read(&written).unwrap()).unwrap();
            assert_eq!(written.expose_secret(), again.expose_secret());
        }
    }

    #[test]
    fn the_layout_is_the_documented_one() {
        let written = write(&credentials(AuthSecret::Bearer { token: "t".into() })).unwrap();
        let json: serde_json::Value = serde_json::from_str(written.expose_secret()).unwrap();
        assert_eq!(json["auth"], serde_json::json!({"type": "bearer", "token": "t"}));
        assert_eq!(json["custom_headers"], serde_json::json!({"x-key": "hush-header"}));
        assert!(json["signing_secrets"][0].as_str().unwrap().starts_with("whsec_"));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_value() {
        let table = [
            ("hush", "it is not JSON"),
            (r#"{"signing_secrets":"hush"}"#, "it is not of the documented layout"),
            (r#"{"signing_secrets":["hush"]}"#, "a signing secret is malformed"),
            (r#"{"signing_secrets":[]}"#, "it has no signing secret"),
            (r#"{"signing_secrets":[],"auth":{"type":"hush"}}"#, "it is not of the documented layout"),
        ];
        for (text, expected) in table {
            let error = read(&text.into()).unwrap_err();
            assert_eq!(error, CredentialsError::Unreadable { what: expected });
            assert!(!format!("{error} {error:?}").contains("hush"));
        }
    }

    #[test]
    fn credentials_do_not_print() {
        let shown = format!("{:?}", credentials(AuthSecret::Basic { username: "u".into(), password: "hush".into() }));
        assert!(!shown.contains("hush"), "{shown}");
    }
}
