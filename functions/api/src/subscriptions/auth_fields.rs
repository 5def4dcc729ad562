//! The secret part of a subscription, as clients write it: `auth` and `custom_headers`.

use crate::fields::{At, Fields};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use spacehook_domain::credentials::oauth::{
    AuthStyle, OAuthClient, PARAMETERS_LIMIT, RefusedText, check_client_text, check_parameter_name, check_scope,
    check_value,
};
use spacehook_domain::credentials::{AuthSecret, Credentials, SecretArn};
use spacehook_domain::receiver::{CustomHeader, HeaderRule, MAX_CUSTOM_HEADERS, ReceiverPolicy, ReceiverUrl};
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
    /// OAuth 2.0 client credentials (RFC 6749, 4.4): `token_url`, `client_id`, `client_secret`, and if wanted `scope`,
    /// `audience`, `auth_style` and `parameters`. The token is sent as HTTP Bearer.
    #[serde(rename = "oauth2_client_credentials")]
    OAuth2ClientCredentials,
    /// As a secret of your own in Secrets Manager says: `secret_arn`.
    OwnSecret,
}

/// Where a token request has the client's id and secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AuthStyle)]
pub enum StyleChoice {
    /// In the `authorization` header (RFC 6749, 2.3.1).
    Basic,
    /// In the body, as `client_id` and `client_secret`.
    Body,
}

impl From<AuthKind> for AuthType {
    fn from(kind: AuthKind) -> Self {
        match kind {
            AuthKind::None => Self::None,
            AuthKind::Basic => Self::Basic,
            AuthKind::Bearer => Self::Bearer,
            AuthKind::CustomHeader => Self::CustomHeader,
            AuthKind::OAuth2ClientCredentials => Self::OAuth2ClientCredentials,
            AuthKind::OwnSecret => Self::OwnSecret,
        }
    }
}

/// How deliveries authenticate. All but `type` and `secret_arn` is write-only: an answer says only that it is set.
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
    /// For `oauth2_client_credentials`: where tokens are had, under the same rules as the `url` of a subscription.
    #[schema(write_only, max_length = 2048, example = "https://login.example.com/oauth2/token")]
    pub token_url: Option<String>,
    /// For `oauth2_client_credentials`.
    #[schema(write_only, max_length = 2048)]
    pub client_id: Option<String>,
    /// For `oauth2_client_credentials`.
    #[schema(write_only, format = Password, max_length = 2048)]
    pub client_secret: Option<String>,
    /// For `oauth2_client_credentials`: scopes, with a space between.
    #[schema(write_only, max_length = 2048)]
    pub scope: Option<String>,
    /// For `oauth2_client_credentials`: whom the token is for, where the server wants to know.
    #[schema(write_only, max_length = 2048)]
    pub audience: Option<String>,
    /// For `oauth2_client_credentials`: where the id and the secret are in the request for a token.
    #[schema(write_only, default = "basic")]
    pub auth_style: Option<StyleChoice>,
    /// For `oauth2_client_credentials`: more parameters of the request for a token, name to value, at most 20.
    #[schema(write_only)]
    pub parameters: Option<BTreeMap<String, String>>,
    /// For `own_secret`: the whole ARN of a secret in Secrets Manager with the tags `spacehook-stage` (this deployment's)
    /// and `spacehook-tenant` (this tenant). It holds JSON: an `auth` object of another type, or `username` and
    /// `password`, or `token`. It is read again after a minute, and at once when the receiver refuses it.
    #[schema(example = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:receivers/kiosk-a1B2c3")]
    pub secret_arn: Option<String>,
}

/// The types, by name, and the fields that each has.
const TYPES: [(&str, &[&str]); 6] = [
    ("none", &["type"]),
    ("basic", &["type", "username", "password"]),
    ("bearer", &["type", "token"]),
    ("custom_header", &["type", "name", "value"]),
    (
        "oauth2_client_credentials",
        &["type", "token_url", "client_id", "client_secret", "scope", "audience", "auth_style", "parameters"],
    ),
    ("own_secret", &["type", "secret_arn"]),
];
/// The fields of all types.
const FIELDS: &[&str] = &[
    "type",
    "username",
    "password",
    "token",
    "name",
    "value",
    "token_url",
    "client_id",
    "client_secret",
    "scope",
    "audience",
    "auth_style",
    "parameters",
    "secret_arn",
];

/// The fields of the type of this name.
fn fields_of(name: &str) -> Option<&'static [&'static str]> {
    TYPES.iter().find(|(known, _)| *known == name).map(|(_, fields)| *fields)
}

/// How deliveries authenticate, as a client says it.
#[derive(Debug, Clone, Default)]
struct Auth {
    secret: AuthSecret,
    own_secret: Option<SecretArn>,
}

/// What of a subscription is secret and its client's to say.
#[derive(Debug, Clone)]
pub(super) struct SecretSettings {
    pub(super) auth: AuthSecret,
    /// Where `auth` is a secret of the user's own, and ours has none.
    pub(super) own_secret: Option<SecretArn>,
    pub(super) custom_headers: BTreeMap<String, SecretString>,
}

impl SecretSettings {
    /// Reads `auth` and `custom_headers` of a subscription's fields.
    pub(super) fn read(fields: &Fields<'_>, policy: &ReceiverPolicy) -> Option<Self> {
        let auth = fields.optional("auth", |at| read_auth(at, policy));
        let headers = fields.optional("custom_headers", read_headers);
        let (Auth { secret: auth, own_secret }, custom_headers) = (auth?, headers?);
        if let AuthSecret::CustomHeader { name, .. } = &auth
            && custom_headers.contains_key(name)
        {
            return fields
                .optional("auth", |at| at.refuse::<()>(format!("custom_headers has '{name}', too")))
                .and(None);
        }
        Some(Self { auth, own_secret, custom_headers })
    }

    /// The parts of existing credentials.
    pub(super) fn of(credentials: &Credentials, own_secret: Option<&SecretArn>) -> Self {
        Self {
            auth: credentials.auth.clone(),
            own_secret: own_secret.cloned(),
            custom_headers: credentials.custom_headers.clone(),
        }
    }

    pub(super) fn kind(&self) -> AuthKind {
        if self.own_secret.is_some() {
            return AuthKind::OwnSecret;
        }
        match &self.auth {
            AuthSecret::None => AuthKind::None,
            AuthSecret::Basic { .. } => AuthKind::Basic,
            AuthSecret::Bearer { .. } => AuthKind::Bearer,
            AuthSecret::CustomHeader { .. } => AuthKind::CustomHeader,
            AuthSecret::OAuth2(_) => AuthKind::OAuth2ClientCredentials,
        }
    }

    /// The header that deliveries authenticate with, where that is one of the receiver's choice.
    pub(super) fn header_name(&self) -> Option<String> {
        match &self.auth {
            AuthSecret::CustomHeader { name, .. } if self.own_secret.is_none() => Some(name.clone()),
            _ => None,
        }
    }

    /// `auth` as a client would write it, for a merge with a patch. Holds secrets: never to be logged or answered.
    pub(super) fn auth_json(&self) -> Value {
        if let Some(arn) = &self.own_secret {
            return json!({"type": "own_secret", "secret_arn": arn});
        }
        match &self.auth {
            AuthSecret::None => json!({"type": "none"}),
            AuthSecret::Basic { username, password } => {
                json!({"type": "basic", "username": username, "password": password.expose_secret()})
            }
            AuthSecret::Bearer { token } => json!({"type": "bearer", "token": token.expose_secret()}),
            AuthSecret::CustomHeader { name, value } => {
                json!({"type": "custom_header", "name": name, "value": value.expose_secret()})
            }
            AuthSecret::OAuth2(client) => oauth_json(client),
        }
    }

    /// Whether a patch of `auth` has the client's secrets go to another host or port for a token.
    pub(super) fn moves_tokens(&self, patch: &Value, policy: &ReceiverPolicy) -> bool {
        let AuthSecret::OAuth2(client) = &self.auth else { return false };
        let origin = |url: &str| {
            let url = ReceiverUrl::parse(url, policy).ok()?;
            Some((url.host().to_owned(), url.port()))
        };
        let target = patch["token_url"].as_str().and_then(origin);
        target.is_some() && target != origin(client.token_url.expose_secret())
    }

    /// `custom_headers` as a client would write them. Holds secrets, too.
    pub(super) fn headers_json(&self) -> Value {
        let headers = self.custom_headers.iter();
        Value::Object(headers.map(|(name, value)| (name.clone(), value.expose_secret().into())).collect::<Map<_, _>>())
    }
}

fn oauth_json(client: &OAuthClient) -> Value {
    let parameters = client.parameters.iter();
    let parameters: Map<_, _> =
        parameters.map(|(name, value)| (name.clone(), Value::from(value.expose_secret()))).collect();
    json!({
        "type": "oauth2_client_credentials",
        "token_url": client.token_url.expose_secret(),
        "client_id": client.client_id,
        "client_secret": client.client_secret.expose_secret(),
        "scope": client.scope,
        "audience": client.audience,
        "auth_style": client.style.as_str(),
        "parameters": parameters,
    })
}

fn read_auth(at: &At<'_>, policy: &ReceiverPolicy) -> Option<Auth> {
    // The type first: it says which fields there are. A mistake in it is noted when it is read again as a field.
    let kind = at.peek("type").and_then(|name| fields_of(name).map(|fields| (name, fields)));
    let Some((name, known)) = kind else {
        let fields = at.fields(FIELDS)?;
        let names: Vec<_> = TYPES.iter().map(|(name, _)| *name).collect();
        return fields.required("type", |at| at.refuse(format!("must be one of {}", names.join(", "))));
    };
    let fields = at.fields(known)?;
    if name == "own_secret" {
        let arn = fields.required("secret_arn", |at| at.parsed(SecretArn::parse))?;
        return Some(Auth { own_secret: Some(arn), ..Auth::default() });
    }
    let secret = match name {
        "basic" => read_basic(&fields),
        "bearer" => read_bearer(&fields),
        "custom_header" => read_custom_header(at, &fields),
        "oauth2_client_credentials" => read_oauth(&fields, policy).map(AuthSecret::OAuth2),
        _ => Some(AuthSecret::None),
    };
    Some(Auth { secret: secret?, own_secret: None })
}

fn read_basic(fields: &Fields<'_>) -> Option<AuthSecret> {
    let username = fields.required("username", |at| read_credential(at, |text| !text.contains(':')));
    let password = fields.required("password", |at| read_credential(at, |_| true));
    Some(AuthSecret::Basic { username: username?, password: password?.into() })
}

fn read_bearer(fields: &Fields<'_>) -> Option<AuthSecret> {
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    let token = fields.required("token", |at| read_credential(at, is_plain))?;
    Some(AuthSecret::Bearer { token: token.into() })
}

fn read_custom_header(at: &At<'_>, fields: &Fields<'_>) -> Option<AuthSecret> {
    let name = fields.required("name", |at| at.text().map(str::to_owned));
    let value = fields.required("value", |at| at.text().map(str::to_owned));
    let header = CustomHeader::parse_credential(&name?, &value?);
    let header = header.map_err(|refused| at.refuse::<()>(refused.to_string())).ok()?;
    Some(AuthSecret::CustomHeader { name: header.name().to_owned(), value: header.value().into() })
}

fn read_oauth(fields: &Fields<'_>, policy: &ReceiverPolicy) -> Option<OAuthClient> {
    let token_url = fields.required("token_url", |at| {
        let url = ReceiverUrl::parse(at.text()?, policy);
        url.or_else(|refused| at.refuse_receiver(refused.rule().key(), refused.to_string()).ok_or(())).ok()
    });
    let client_id = fields.required("client_id", |at| read_checked(at, check_client_text));
    let client_secret = fields.required("client_secret", |at| read_checked(at, check_client_text));
    let scope = fields.optional("scope", |at| read_checked(at, check_scope).map(Some));
    let audience = fields.optional("audience", |at| read_checked(at, check_value).map(Some));
    let style = fields.optional("auth_style", |at| at.parsed(AuthStyle::parse));
    let parameters = fields.optional("parameters", read_parameters);
    Some(OAuthClient {
        token_url: token_url?.as_str().into(),
        client_id: client_id?,
        client_secret: client_secret?.into(),
        scope: scope?,
        audience: audience?,
        style: style?,
        parameters: parameters?,
    })
}

/// A text under a rule of OAuth. What is wrong is said without the value.
fn read_checked(at: &At<'_>, check: fn(&str) -> Result<(), RefusedText>) -> Option<String> {
    at.parsed(|text| check(text).map(|()| text.to_owned()))
}

fn read_parameters(at: &At<'_>) -> Option<BTreeMap<String, SecretString>> {
    let entries = at.entries()?;
    if entries.len() > PARAMETERS_LIMIT {
        return at.refuse(RefusedText::TooManyParameters.to_string());
    }
    let read = |(name, entry): (&str, At<'_>)| {
        check_parameter_name(name).map_err(|refused| entry.refuse::<()>(refused.to_string())).ok()?;
        Some((name.to_owned(), read_checked(&entry, check_value)?.into()))
    };
    // All are read, so that each mistake is noted.
    entries.into_iter().map(read).collect::<Vec<_>>().into_iter().collect()
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
