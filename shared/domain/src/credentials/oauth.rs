//! OAuth 2.0 client credentials (RFC 6749, 4.4): what a token is asked for with, and what the answer says.

mod answer;
#[cfg(test)]
mod tests;

pub use answer::{AccessToken, DEFAULT_LIFE, LONGEST_LIFE, MAX_TOKEN_BYTES, read_answer};

use crate::request::USER_AGENT_TEXT;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, InvalidHeaderValue, USER_AGENT};
use secrecy::{ExposeSecret as _, SecretString};
use std::collections::BTreeMap;
use url::form_urlencoded;

/// Characters of a client id, a client secret, a scope, an audience or the value of a parameter, at most.
pub const TEXT_LIMIT: usize = 2_048;
/// Parameters of one's own, at most.
pub const PARAMETERS_LIMIT: usize = 20;
/// Characters of a parameter's name, at most.
pub const PARAMETER_NAME_LIMIT: usize = 128;
/// The parameters that have a field of their own, or that say what is asked for.
const OWN_PARAMETERS: [&str; 5] = ["grant_type", "client_id", "client_secret", "scope", "audience"];

/// Where the client's id and secret are in a token request (RFC 6749, 2.3.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AuthStyle {
    /// In the `authorization` header. The one that every server must know, and so the default.
    #[default]
    Basic,
    /// In the body, as `client_id` and `client_secret`.
    Body,
}

impl AuthStyle {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Basic, Self::Body];

    /// As the API and the secret write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Body => "body",
        }
    }

    /// Reads what [`as_str`](Self::as_str) writes.
    pub fn parse(text: &str) -> Result<Self, InvalidStyle> {
        Self::ALL.into_iter().find(|style| style.as_str() == text).ok_or(InvalidStyle)
    }
}

/// Why a text is no [`AuthStyle`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 'basic' or 'body'")]
pub struct InvalidStyle;

/// A client of an authorization server, with its secrets. Texts are of the form that the `check_…` functions accept.
#[derive(Debug, Clone)]
pub struct OAuthClient {
    /// Where tokens are had: a URL under the same rules as a receiver's. Its path or query may be a secret.
    pub token_url: SecretString,
    /// The client's id.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: SecretString,
    /// What is asked for: scopes with a space between.
    pub scope: Option<String>,
    /// Whom the token is for, where the server wants to know.
    pub audience: Option<String>,
    /// Where the client's id and secret are written.
    pub style: AuthStyle,
    /// More parameters, which some servers want. Values may be secret.
    pub parameters: BTreeMap<String, SecretString>,
}

/// A request for a token: a POST of these headers and this form.
#[derive(Debug)]
pub struct TokenRequest {
    /// All headers but those of framing.
    pub headers: HeaderMap,
    /// The form, encoded.
    pub body: SecretString,
}

impl OAuthClient {
    /// The request for a token. The error can't be: base64 fits a header.
    pub fn token_request(&self) -> Result<TokenRequest, InvalidHeaderValue> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static(USER_AGENT_TEXT));
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        for (name, value) in [("scope", &self.scope), ("audience", &self.audience)] {
            if let Some(value) = value {
                form.append_pair(name, value);
            }
        }
        for (name, value) in &self.parameters {
            form.append_pair(name, value.expose_secret());
        }
        match self.style {
            AuthStyle::Body => {
                form.append_pair("client_id", &self.client_id);
                form.append_pair("client_secret", self.client_secret.expose_secret());
            }
            AuthStyle::Basic => {
                let mut value = HeaderValue::try_from(format!("Basic {}", self.basic_pair().expose_secret()))?;
                value.set_sensitive(true);
                headers.insert(AUTHORIZATION, value);
            }
        }
        Ok(TokenRequest { headers, body: form.finish().into() })
    }

    /// Id and secret as the `authorization` header has them. Each is form-encoded first, unlike in plain HTTP Basic:
    /// so a colon in an id does no harm. A space is written as `%20`, which those servers understand, too, that decode
    /// percents alone.
    fn basic_pair(&self) -> SecretString {
        let part = |text: &str| encoded(text).replace('+', "%20");
        let pair = format!("{}:{}", part(&self.client_id), part(self.client_secret.expose_secret()));
        STANDARD.encode(pair).into()
    }

    /// Everything secret that a request to the token endpoint shows, in each form that it has there.
    pub(super) fn secrets(&self) -> Vec<SecretString> {
        let mut secrets = vec![self.basic_pair()];
        for secret in std::iter::once(&self.client_secret).chain(self.parameters.values()) {
            secrets.push(encoded(secret.expose_secret()).into());
            secrets.push(secret.clone());
        }
        secrets
    }
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Why a text of a client of an authorization server is refused. The text is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefusedText {
    /// Nothing, or too much.
    #[error("must have 1 to 2,048 characters")]
    Length,
    /// RFC 6749, appendix A.1 and A.2.
    #[error("may only have visible ASCII characters and spaces")]
    ClientCharacters,
    /// RFC 6749, 3.3.
    #[error("must be scopes of visible ASCII characters other than \" and \\, with one space between two")]
    Scope,
    /// A control character.
    #[error("must not have control characters or line ends")]
    Control,
    /// The name of a parameter.
    #[error("the name of a parameter must have 1 to 128 letters, digits, '-', '.', '_' or '~'")]
    ParameterName,
    /// The name of a parameter that has another place.
    #[error("is not a parameter of one's own: it has a field, or is always 'client_credentials'")]
    OwnParameter,
    /// Too many parameters.
    #[error("there are more than 20 parameters")]
    TooManyParameters,
}

fn check_length(text: &str) -> Result<(), RefusedText> {
    if (1..=TEXT_LIMIT).contains(&text.chars().count()) { Ok(()) } else { Err(RefusedText::Length) }
}

/// Checks a client id or a client secret.
pub fn check_client_text(text: &str) -> Result<(), RefusedText> {
    check_length(text)?;
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) { Ok(()) } else { Err(RefusedText::ClientCharacters) }
}

/// Checks a scope.
pub fn check_scope(text: &str) -> Result<(), RefusedText> {
    check_length(text)?;
    let is_scope = |scope: &str| {
        !scope.is_empty() && scope.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'))
    };
    if text.split(' ').all(is_scope) { Ok(()) } else { Err(RefusedText::Scope) }
}

/// Checks an audience, or the value of a parameter.
pub fn check_value(text: &str) -> Result<(), RefusedText> {
    check_length(text)?;
    if text.chars().any(char::is_control) { Err(RefusedText::Control) } else { Ok(()) }
}

/// Checks the name of a parameter.
pub fn check_parameter_name(name: &str) -> Result<(), RefusedText> {
    if OWN_PARAMETERS.contains(&name) {
        return Err(RefusedText::OwnParameter);
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    let fits = (1..=PARAMETER_NAME_LIMIT).contains(&name.len()) && name.bytes().all(is_plain);
    if fits { Ok(()) } else { Err(RefusedText::ParameterName) }
}

impl OAuthClient {
    /// Checks all texts but the URL, which needs a policy: for clients that were not checked field by field.
    pub fn check(&self) -> Result<(), RefusedText> {
        check_client_text(&self.client_id)?;
        check_client_text(self.client_secret.expose_secret())?;
        self.scope.as_deref().map_or(Ok(()), check_scope)?;
        self.audience.as_deref().map_or(Ok(()), check_value)?;
        if self.parameters.len() > PARAMETERS_LIMIT {
            return Err(RefusedText::TooManyParameters);
        }
        self.parameters.iter().try_for_each(|(name, value)| {
            check_parameter_name(name)?;
            check_value(value.expose_secret())
        })
    }
}
