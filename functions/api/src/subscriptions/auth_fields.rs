//! The secret part of a subscription, as clients write it: `auth` and `custom_headers`.

use crate::fields::{At, Fields};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use spacehook_domain::credentials::{AuthSecret, Credentials};
use spacehook_domain::receiver::{CustomHeader, HeaderRule, MAX_CUSTOM_HEADERS};
use spacehook_domain::subscription::AuthKind;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Characters of a user name, a password or a token, at most.
const CREDENTIAL_LIMIT: usize = 2_048;

/// How deliveries authenticate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthType {
    /// They do not.
    None,
    /// HTTP Basic (RFC 7617): `username` and `password`.
    Basic,
    /// HTTP Bearer (RFC 6750): `token`.
    Bearer,
    /// A header of the receiver's choice: `name` and `value`.
    CustomHeader,
}

impl From<AuthKind> for AuthType {
    fn from(kind: AuthKind) -> Self {
        match kind {
            AuthKind::None => Self::None,
            AuthKind::Basic => Self::Basic,
            AuthKind::Bearer => Self::Bearer,
            AuthKind::CustomHeader => Self::CustomHeader,
        }
    }
}

/// How deliveries authenticate. All but `type` is write-only: an answer says only that it is set.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Auth)]
pub struct AuthInput {
    /// Which way.
    pub r#type: AuthType,
    /// For `basic`.
    #[schema(write_only, max_length = 2048)]
    pub username: Option<String>,
    /// For `basic`.
    #[schema(write_only, format = Password, max_length = 2048)]
    pub password: Option<String>,
    /// For `bearer`.
    #[schema(write_only, format = Password, max_length = 2048)]
    pub token: Option<String>,
    /// For `custom_header`: the header's name.
    #[schema(write_only, max_length = 128)]
    pub name: Option<String>,
    /// For `custom_header`: the header's value.
    #[schema(write_only, format = Password, max_length = 4096)]
    pub value: Option<String>,
}

/// The types, by name, and the fields that each has.
const TYPES: [(&str, &[&str]); 4] = [
    ("none", &["type"]),
    ("basic", &["type", "username", "password"]),
    ("bearer", &["type", "token"]),
    ("custom_header", &["type", "name", "value"]),
];

/// The fields of the type of this name.
fn fields_of(name: &str) -> Option<&'static [&'static str]> {
    TYPES.iter().find(|(known, _)| *known == name).map(|(_, fields)| *fields)
}

/// What of a subscription is secret and its client's to say.
#[derive(Debug, Clone)]
pub(super) struct SecretSettings {
    pub(super) auth: AuthSecret,
    pub(super) custom_headers: BTreeMap<String, SecretString>,
}

impl SecretSettings {
    /// Reads `auth` and `custom_headers` of a subscription's fields.
    pub(super) fn read(fields: &Fields<'_>) -> Option<Self> {
        let auth = fields.optional("auth", read_auth);
        let headers = fields.optional("custom_headers", read_headers);
        let (auth, custom_headers) = (auth?, headers?);
        if let AuthSecret::CustomHeader { name, .. } = &auth
            && custom_headers.contains_key(name)
        {
            return fields
                .optional("auth", |at| at.refuse::<()>(format!("custom_headers has '{name}', too")))
                .and(None);
        }
        Some(Self { auth, custom_headers })
    }

    /// The parts of existing credentials.
    pub(super) fn of(credentials: &Credentials) -> Self {
        Self { auth: credentials.auth.clone(), custom_headers: credentials.custom_headers.clone() }
    }

    pub(super) fn kind(&self) -> AuthKind {
        match &self.auth {
            AuthSecret::None => AuthKind::None,
            AuthSecret::Basic { .. } => AuthKind::Basic,
            AuthSecret::Bearer { .. } => AuthKind::Bearer,
            AuthSecret::CustomHeader { .. } => AuthKind::CustomHeader,
        }
    }

    /// `auth` as a client would write it, for a merge with a patch. Holds secrets: never to be logged or answered.
    pub(super) fn auth_json(&self) -> Value {
        match &self.auth {
            AuthSecret::None => json!({"type": "none"}),
            AuthSecret::Basic { username, password } => {
                json!({"type": "basic", "username": username, "password": password.expose_secret()})
            }
            AuthSecret::Bearer { token } => json!({"type": "bearer", "token": token.expose_secret()}),
            AuthSecret::CustomHeader { name, value } => {
                json!({"type": "custom_header", "name": name, "value": value.expose_secret()})
            }
        }
    }

    /// `custom_headers` as a client would write them. Holds secrets, too.
    pub(super) fn headers_json(&self) -> Value {
        let headers = self.custom_headers.iter();
        Value::Object(headers.map(|(name, value)| (name.clone(), value.expose_secret().into())).collect::<Map<_, _>>())
    }
}

fn read_auth(at: &At<'_>) -> Option<AuthSecret> {
    // The type first: it says which fields there are. A mistake in it is noted when it is read again as a field.
    let kind = at.peek("type").and_then(|name| fields_of(name).map(|fields| (name, fields)));
    let Some((name, known)) = kind else {
        let fields = at.fields(&["type", "username", "password", "token", "name", "value"])?;
        let names: Vec<_> = TYPES.iter().map(|(name, _)| *name).collect();
        return fields.required("type", |at| at.refuse(format!("must be one of {}", names.join(", "))));
    };
    let fields = at.fields(known)?;
    match name {
        "basic" => {
            let username = fields.required("username", |at| read_credential(at, |text| !text.contains(':')));
            let password = fields.required("password", |at| read_credential(at, |_| true));
            Some(AuthSecret::Basic { username: username?, password: password?.into() })
        }
        "bearer" => {
            let token = fields
                .required("token", |at| read_credential(at, |text| text.bytes().all(|byte| byte.is_ascii_graphic())));
            Some(AuthSecret::Bearer { token: token?.into() })
        }
        "custom_header" => {
            let name = fields.required("name", |at| at.text().map(str::to_owned));
            let value = fields.required("value", |at| at.text().map(str::to_owned));
            let header = CustomHeader::parse_credential(&name?, &value?);
            let header = header.map_err(|refused| at.refuse::<()>(refused.to_string())).ok()?;
            Some(AuthSecret::CustomHeader { name: header.name().to_owned(), value: header.value().into() })
        }
        _ => Some(AuthSecret::None),
    }
}

/// A user name, a password or a token. What is wrong is said without the value.
fn read_credential(at: &At<'_>, fits: impl Fn(&str) -> bool) -> Option<String> {
    let text = at.text()?;
    if text.is_empty() || text.chars().count() > CREDENTIAL_LIMIT {
        return at.refuse(format!("must have 1 to {CREDENTIAL_LIMIT} characters"));
    }
    if text.chars().any(char::is_control) {
        return at.refuse("must not have control characters or line ends");
    }
    if !fits(text) {
        return at.refuse(if at.pointer().ends_with("/username") {
            "must not have a colon: HTTP Basic could not tell where the password starts"
        } else {
            "may only have visible ASCII characters, and no space"
        });
    }
    Some(text.to_owned())
}

fn read_headers(at: &At<'_>) -> Option<BTreeMap<String, SecretString>> {
    let entries = at.entries()?;
    if entries.len() > MAX_CUSTOM_HEADERS {
        return at.refuse(HeaderRule::TooMany.to_string());
    }
    let mut headers = BTreeMap::new();
    let mut complete = true;
    for (name, entry) in entries {
        complete &= match read_header(name, &entry) {
            Some(header) if headers.contains_key(header.name()) => {
                entry.refuse::<()>(HeaderRule::Duplicate.to_string()).is_some()
            }
            Some(header) => headers.insert(header.name().to_owned(), header.value().into()).is_none(),
            None => false,
        };
    }
    complete.then_some(headers)
}

fn read_header(name: &str, entry: &At<'_>) -> Option<CustomHeader> {
    CustomHeader::parse(name, entry.text()?).map_err(|refused| entry.refuse::<()>(refused.to_string())).ok()
}
