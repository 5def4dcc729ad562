//! Headers that a subscription adds to its requests.

use std::fmt;

use http::{HeaderName, HeaderValue};

/// The most headers a subscription may add.
pub const MAX_CUSTOM_HEADERS: usize = 20;
/// The longest header name, in bytes.
pub const MAX_HEADER_NAME_BYTES: usize = 128;
/// The longest header value, in bytes.
pub const MAX_HEADER_VALUE_BYTES: usize = 4_096;

/// Headers that frame the request, or that describe its body: a second one would contradict what is sent.
const FRAMING: [&str; 12] = [
    "host",
    "content-length",
    "content-type",
    "content-encoding",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "http2-settings",
];
/// Headers that Spacehook sets itself. `accept-encoding` belongs here: answers are not decompressed. So does `tracestate`,
/// which means nothing beside a `traceparent` that somebody else wrote.
const OWN: [&str; 4] = ["user-agent", "accept-encoding", "traceparent", "tracestate"];
/// Prefixes of headers that Spacehook sets itself, or that speak to proxies and not to the receiver.
const OWN_PREFIXES: [&str; 3] = ["webhook-", "spacehook-", "proxy-"];
/// Headers that carry credentials. They have a place of their own, where each way to authenticate is checked.
const CREDENTIALS: [&str; 2] = ["authorization", "cookie"];

/// Why a header is refused. `Display` completes the sentence "header … is refused: ".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderRule {
    /// The name is empty or has a character that is not allowed in a token (RFC 9110, 5.6.2).
    #[error("the name may only have letters, digits and !#$%&'*+-.^_`|~")]
    NameCharacters,
    /// The name is longer than [`MAX_HEADER_NAME_BYTES`].
    #[error("the name is longer than 128 bytes")]
    NameTooLong,
    /// The name frames the request or describes its body.
    #[error("this header is part of the request itself and cannot be set")]
    Framing,
    /// The name is one that Spacehook sets, or its prefix is reserved.
    #[error(
        "this name is reserved: `user-agent`, `accept-encoding`, `traceparent`, `tracestate`, `webhook-*`, `spacehook-*` and \
         `proxy-*`"
    )]
    Reserved,
    /// The name carries credentials, which do not belong among custom headers.
    #[error("credentials do not belong among custom headers: use `auth` instead")]
    Credentials,
    /// The value has CR, LF or NUL, with which a second header or request could be smuggled in.
    #[error("the value has a line end or a NUL")]
    LineEnd,
    /// The value has another character that is not visible ASCII, space or tab.
    #[error("the value may only have visible ASCII characters, spaces and tabs")]
    ValueCharacters,
    /// The value starts or ends with a space or tab, which receivers drop.
    #[error("the value starts or ends with a space or tab")]
    ValueBlankEnds,
    /// The value is longer than [`MAX_HEADER_VALUE_BYTES`].
    #[error("the value is longer than 4,096 bytes")]
    ValueTooLong,
    /// Another header has the same name.
    #[error("there are two headers of this name")]
    Duplicate,
    /// There are more than [`MAX_CUSTOM_HEADERS`] headers.
    #[error("there are more than 20 headers")]
    TooMany,
}

/// A header that is refused. Its text never repeats the value, which may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("header `{name}` is refused: {rule}")]
pub struct RefusedHeader {
    name: String,
    rule: HeaderRule,
}

impl RefusedHeader {
    fn new(name: &str, rule: HeaderRule) -> Self {
        // The name is the user's own text: cut and escaped, so that it can't break a log line or an answer.
        let name = name.chars().take(MAX_HEADER_NAME_BYTES).flat_map(char::escape_default).collect();
        Self { name, rule }
    }

    /// The rule that refused.
    pub fn rule(&self) -> HeaderRule {
        self.rule
    }
}

/// One header of a subscription's requests, safe to send. `Debug` shows the name only.
#[derive(Clone, PartialEq, Eq)]
pub struct CustomHeader {
    name: HeaderName,
    value: HeaderValue,
}

impl CustomHeader {
    /// Checks a header that a subscription adds to its requests.
    ///
    /// # Errors
    /// [`RefusedHeader`] names the rule that refuses.
    pub fn parse(name: &str, value: &str) -> Result<Self, RefusedHeader> {
        let header = Self::parse_credential(name, value)?;
        if CREDENTIALS.contains(&header.name()) {
            return Err(RefusedHeader::new(name, HeaderRule::Credentials));
        }
        Ok(header)
    }

    /// Checks a header whose value is a credential: as [`CustomHeader::parse`], but
    /// `authorization` and `cookie` are allowed.
    ///
    /// # Errors
    /// [`RefusedHeader`] names the rule that refuses.
    pub fn parse_credential(name: &str, value: &str) -> Result<Self, RefusedHeader> {
        let refused = |rule| RefusedHeader::new(name, rule);
        let parsed = check_name(name).map_err(refused)?;
        check_value(value).map_err(refused)?;
        let mut value = HeaderValue::from_str(value).map_err(|_| refused(HeaderRule::ValueCharacters))?;
        // Sensitive whatever it is: `Debug` of a whole header map then shows none of them.
        value.set_sensitive(true);
        Ok(Self { name: parsed, value })
    }

    /// The name, in lower case.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// The name and value to send; the value is marked sensitive.
    pub fn to_parts(&self) -> (HeaderName, HeaderValue) {
        (self.name.clone(), self.value.clone())
    }

    /// The value as text. Never log it.
    pub fn value(&self) -> &str {
        // Checked to be ASCII when it was made.
        self.value.to_str().unwrap_or_default()
    }
}

impl fmt::Debug for CustomHeader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CustomHeader({}: …)", self.name)
    }
}

/// The headers a subscription adds: at most [`MAX_CUSTOM_HEADERS`], no name twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomHeaders(Vec<CustomHeader>);

impl CustomHeaders {
    /// Checks that the headers can be sent together.
    ///
    /// # Errors
    /// [`RefusedHeader`] names the header and the rule that refuses.
    pub fn new(headers: Vec<CustomHeader>) -> Result<Self, RefusedHeader> {
        for (index, header) in headers.iter().enumerate() {
            if index >= MAX_CUSTOM_HEADERS {
                return Err(RefusedHeader::new(header.name(), HeaderRule::TooMany));
            }
            // Quadratic over at most twenty.
            if headers.iter().take(index).any(|earlier| earlier.name == header.name) {
                return Err(RefusedHeader::new(header.name(), HeaderRule::Duplicate));
            }
        }
        Ok(Self(headers))
    }

    /// The headers in the order they were given.
    pub fn iter(&self) -> impl Iterator<Item = &CustomHeader> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn check_name(name: &str) -> Result<HeaderName, HeaderRule> {
    if name.len() > MAX_HEADER_NAME_BYTES {
        return Err(HeaderRule::NameTooLong);
    }
    // `http` accepts exactly the tokens of RFC 9110 and turns them to lower case.
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| HeaderRule::NameCharacters)?;
    if FRAMING.contains(&name.as_str()) {
        return Err(HeaderRule::Framing);
    }
    let is_own = OWN.contains(&name.as_str()) || OWN_PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix));
    if is_own { Err(HeaderRule::Reserved) } else { Ok(name) }
}

fn check_value(value: &str) -> Result<(), HeaderRule> {
    if value.len() > MAX_HEADER_VALUE_BYTES {
        return Err(HeaderRule::ValueTooLong);
    }
    if value.contains(['\r', '\n', '\0']) {
        return Err(HeaderRule::LineEnd);
    }
    let is_sendable = |byte: u8| byte == b'\t' || (b' '..=b'~').contains(&byte);
    if !value.bytes().all(is_sendable) {
        return Err(HeaderRule::ValueCharacters);
    }
    let is_blank = |c| c == ' ' || c == '\t';
    if value.starts_with(is_blank) || value.ends_with(is_blank) {
        return Err(HeaderRule::ValueBlankEnds);
    }
    Ok(())
}
