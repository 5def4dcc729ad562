//! The JSON document that a secret holds.

use crate::{CredentialsError, OwnSecretError};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use spacehook_domain::credentials::oauth::{AuthStyle, OAuthClient};
use spacehook_domain::credentials::{AuthSecret, Credentials};
use spacehook_domain::receiver::CustomHeader;
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
    #[serde(rename = "oauth2_client_credentials")]
    OAuth2(OAuth2),
}

#[derive(Serialize, Deserialize)]
struct OAuth2 {
    token_url: String,
    client_id: String,
    client_secret: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    audience: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auth_style: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    parameters: BTreeMap<String, String>,
}

impl OAuth2 {
    fn of(client: &OAuthClient) -> Self {
        let reveal = |secret: &SecretString| secret.expose_secret().to_owned();
        Self {
            token_url: reveal(&client.token_url),
            client_id: client.client_id.clone(),
            client_secret: reveal(&client.client_secret),
            scope: client.scope.clone(),
            audience: client.audience.clone(),
            auth_style: Some(client.style.as_str().to_owned()),
            parameters: client.parameters.iter().map(|(name, value)| (name.clone(), reveal(value))).collect(),
        }
    }

    fn client(self) -> Result<OAuthClient, &'static str> {
        let style = self.auth_style.as_deref().map_or(Ok(AuthStyle::default()), AuthStyle::parse);
        Ok(OAuthClient {
            token_url: self.token_url.into(),
            client_id: self.client_id,
            client_secret: self.client_secret.into(),
            scope: self.scope,
            audience: self.audience,
            style: style.map_err(|_| "its auth_style is neither 'basic' nor 'body'")?,
            parameters: self.parameters.into_iter().map(|(name, value)| (name, value.into())).collect(),
        })
    }
}

impl Auth {
    fn of(secret: &AuthSecret) -> Self {
        let reveal = |secret: &SecretString| secret.expose_secret().to_owned();
        match secret {
            AuthSecret::None => Self::None,
            AuthSecret::Basic { username, password } => {
                Self::Basic { username: username.clone(), password: reveal(password) }
            }
            AuthSecret::Bearer { token } => Self::Bearer { token: reveal(token) },
            AuthSecret::CustomHeader { name, value } => Self::CustomHeader { name: name.clone(), value: reveal(value) },
            AuthSecret::OAuth2(client) => Self::OAuth2(OAuth2::of(client)),
        }
    }

    fn secret(self) -> Result<AuthSecret, &'static str> {
        Ok(match self {
            Self::None => AuthSecret::None,
            Self::Basic { username, password } => AuthSecret::Basic { username, password: password.into() },
            Self::Bearer { token } => AuthSecret::Bearer { token: token.into() },
            Self::CustomHeader { name, value } => AuthSecret::CustomHeader { name, value: value.into() },
            Self::OAuth2(client) => AuthSecret::OAuth2(client.client()?),
        })
    }
}

/// Writes the document.
pub(crate) fn write(credentials: &Credentials) -> Result<SecretString, CredentialsError> {
    let reveal = |secret: &SecretString| secret.expose_secret().to_owned();
    let document = Document {
        signing_secrets: credentials.signing_secrets.iter().map(|secret| reveal(&secret.to_text())).collect(),
        auth: Auth::of(&credentials.auth),
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
        auth: document.auth.secret().map_err(unreadable)?,
        custom_headers: document.custom_headers.into_iter().map(|(name, value)| (name, value.into())).collect(),
    })
}

/// What a secret of the user's own may be besides our `auth` object. Other fields are somebody else's: secrets that AWS
/// rotates for databases have them.
#[derive(Deserialize)]
struct Plain {
    username: Option<String>,
    password: Option<SecretString>,
    token: Option<SecretString>,
}

/// Whether there is a `type`, which our `auth` object has.
#[derive(Deserialize)]
struct Typed {
    r#type: Option<IgnoredAny>,
}

/// Reads a secret of the user's own. What is wrong is said without a word of it.
pub(crate) fn read_own(text: &SecretString) -> Result<AuthSecret, OwnSecretError> {
    let unreadable = |what| OwnSecretError::Unreadable { what };
    let text = text.expose_secret();
    let typed: Typed = serde_json::from_str(text).map_err(|_| unreadable("it is not a JSON object"))?;
    if typed.r#type.is_some() {
        let auth: Auth = serde_json::from_str(text).map_err(|_| unreadable("it is no `auth` object"))?;
        return auth.secret().and_then(checked).map_err(unreadable);
    }
    let plain: Plain = serde_json::from_str(text).map_err(|_| unreadable("a field of it is no text"))?;
    let auth = match (plain.username, plain.password, plain.token) {
        (Some(username), Some(password), None) => AuthSecret::Basic { username, password },
        (None, None, Some(token)) => AuthSecret::Bearer { token },
        _ => return Err(unreadable("it has neither `username` and `password` nor `token` alone")),
    };
    checked(auth).map_err(unreadable)
}

/// Holds what nobody checked when it was saved to the rules of what is.
fn checked(auth: AuthSecret) -> Result<AuthSecret, &'static str> {
    let sendable = |text: &str| !text.is_empty() && !text.chars().any(char::is_control);
    let fits = match &auth {
        AuthSecret::None => return Err("it says no way to authenticate"),
        AuthSecret::Basic { username, password } => {
            sendable(username) && !username.contains(':') && sendable(password.expose_secret())
        }
        AuthSecret::Bearer { token } => {
            let token = token.expose_secret();
            !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())
        }
        AuthSecret::CustomHeader { name, value } => CustomHeader::parse_credential(name, value.expose_secret()).is_ok(),
        AuthSecret::OAuth2(client) => client.check().is_ok(),
    };
    if fits { Ok(auth) } else { Err("a value of it can't be sent") }
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
            AuthSecret::OAuth2(client()),
        ];
        for auth in kinds {
            let written = write(&credentials(auth)).unwrap();
            let again = write(&read(&written).unwrap()).unwrap();
            assert_eq!(written.expose_secret(), again.expose_secret());
        }
    }

    fn client() -> OAuthClient {
        OAuthClient {
            token_url: "https://login.example.com/token".into(),
            client_id: "kiosk".into(),
            client_secret: "hush".into(),
            scope: Some("hooks".into()),
            audience: None,
            style: AuthStyle::Body,
            parameters: [("resource".to_owned(), "x".into())].into(),
        }
    }

    #[test]
    fn an_oauth_client_has_the_fields_that_the_api_has() {
        let written = write(&credentials(AuthSecret::OAuth2(client()))).unwrap();
        let json: serde_json::Value = serde_json::from_str(written.expose_secret()).unwrap();
        let expected = serde_json::json!({
            "type": "oauth2_client_credentials", "token_url": "https://login.example.com/token", "client_id": "kiosk",
            "client_secret": "hush", "scope": "hooks", "auth_style": "body", "parameters": {"resource": "x"}
        });
        assert_eq!(json["auth"], expected);
    }

    #[test]
    fn a_secret_of_ones_own_is_an_auth_object_or_plain() {
        let read = |text: &str| format!("{:?}", read_own(&text.into()).unwrap());
        for (text, expected) in [
            (r#"{"type":"basic","username":"u","password":"hush"}"#, "Basic { username: \"u\""),
            (r#"{"username":"u","password":"hush","engine":"mysql","port":3306}"#, "Basic { username: \"u\""),
            (r#"{"token":"hush"}"#, "Bearer"),
            (r#"{"type":"bearer","token":"hush"}"#, "Bearer"),
            (r#"{"type":"custom_header","name":"X-Key","value":"hush"}"#, "CustomHeader { name: \"X-Key\""),
            (
                r#"{"type":"oauth2_client_credentials","token_url":"https://x/","client_id":"u","client_secret":"hush"}"#,
                "OAuth2(OAuthClient",
            ),
        ] {
            let shown = read(text);
            assert!(shown.starts_with(expected) && !shown.contains("hush"), "{shown}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_secret_of_ones_own_is_said_without_the_value() {
        for text in [
            "hush",
            "[\"hush\"]",
            "{}",
            r#"{"type":"none"}"#,
            r#"{"type":"hush"}"#,
            r#"{"type":"bearer","username":"u","password":"hush"}"#,
            r#"{"username":"hush"}"#,
            r#"{"username":"u","password":7}"#,
            r#"{"username":"u","password":"hush","token":"hush"}"#,
            r#"{"username":"hu:sh","password":"hush"}"#,
            r#"{"username":"u","password":""}"#,
            r#"{"token":"hu sh"}"#,
            r#"{"token":"hush\r\nx: y"}"#,
            r#"{"type":"custom_header","name":"webhook-id","value":"hush"}"#,
            r#"{"type":"oauth2_client_credentials","token_url":"https://x/","client_id":"u","client_secret":"hush",
                "auth_style":"hush"}"#,
            r#"{"type":"oauth2_client_credentials","token_url":"https://x/","client_id":"u","client_secret":"hush",
                "parameters":{"grant_type":"hush"}}"#,
        ] {
            let error = read_own(&text.into()).unwrap_err();
            assert!(matches!(error, OwnSecretError::Unreadable { .. }), "{text}");
            assert!(!format!("{error} {error:?}").contains("hush"), "{text}: {error}");
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
