//! A receiver's URL: parsed once, checked, and kept in the form that is connected to.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

use super::names;
use super::policy::ReceiverPolicy;
use super::rule::Rule;

/// The longest URL that is accepted, in bytes, before and after parsing. Intermediaries refuse longer ones (RFC 9110,
/// 4.1 asks for 8,000 at least, common products stop at 2,048).
pub const MAX_URL_BYTES: usize = 2_048;

/// The port of `https` URLs without one.
const HTTPS_PORT: u16 = 443;

/// The HTTPS URL of a receiver, accepted by a [`ReceiverPolicy`].
///
/// The path and the query of such a URL are often a secret (whoever knows them may post), so that `Debug` and
/// `Display` show the origin only; [`ReceiverUrl::as_str`] is the whole.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ReceiverUrl {
    url: Url,
}

impl ReceiverUrl {
    /// Reads and checks a URL.
    ///
    /// Accepted: `https`, no user name or password, no fragment (it is never sent, so that its author expects
    /// something which will not happen), an allowed port, and a host that is a name in public use or a literal
    /// address that the policy accepts. A dot at the end of a name is dropped: it changes nothing in DNS, but no
    /// certificate is valid for it.
    ///
    /// # Errors
    /// [`RefusedUrl`] names the rule that refuses. It never repeats the URL.
    pub fn parse(text: &str, policy: &ReceiverPolicy) -> Result<Self, RefusedUrl> {
        let mut url = parse_https(text)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Rule::Userinfo.into());
        }
        if url.fragment().is_some() {
            return Err(Rule::Fragment.into());
        }
        drop_trailing_dot(&mut url)?;
        let receiver = Self { url };
        receiver.check(policy)?;
        Ok(receiver)
    }

    /// Whether the policy (still) accepts this URL: its port, its name or its literal address. Called before every
    /// attempt, since HTTP clients ask no resolver about literal addresses.
    ///
    /// # Errors
    /// [`RefusedUrl`] names the rule that refuses.
    pub fn check(&self, policy: &ReceiverPolicy) -> Result<(), RefusedUrl> {
        let port = self.port();
        if !policy.ports().allows(port) {
            return Err(RefusedUrl { rule: Rule::Port, what: Some(port.to_string()) });
        }
        let refusal = match self.url.host() {
            None => Some(Rule::EmptyHost),
            Some(Host::Domain(name)) => names::refusing_rule(name, port, policy),
            Some(Host::Ipv4(address)) => rule_of(policy, address.into(), port),
            Some(Host::Ipv6(address)) => rule_of(policy, address.into(), port),
        };
        match refusal {
            None => Ok(()),
            Some(rule) => Err(RefusedUrl { rule, what: self.url.host_str().map(str::to_owned) }),
        }
    }

    /// The whole URL in its parsed form, as it is stored and sent to. May contain a secret: never log it.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// The parsed URL, for the HTTP client: what was checked is what is connected to.
    pub fn as_url(&self) -> &Url {
        &self.url
    }

    /// The host, as a name or a literal address (IPv6 in brackets).
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The port that is connected to.
    pub fn port(&self) -> u16 {
        self.url.port().unwrap_or(HTTPS_PORT)
    }
}

impl fmt::Display for ReceiverUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "https://{}", self.host())?;
        match self.url.port() {
            Some(port) => write!(formatter, ":{port}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for ReceiverUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ReceiverUrl({self}/…)")
    }
}

/// Parses by the WHATWG rules what no two parsers read differently.
///
/// Those rules repair much: they drop tabs and line ends, turn backslashes round and supply missing slashes. What
/// would need such repair is refused, since another reader of the same text would see another host in it.
fn parse_https(text: &str) -> Result<Url, RefusedUrl> {
    if text.len() > MAX_URL_BYTES {
        return Err(Rule::UrlTooLong.into());
    }
    let is_repaired = |c: char| c.is_control() || c.is_whitespace() || c == '\\';
    if text.contains(is_repaired) {
        return Err(Rule::NotAUrl.into());
    }
    let url = Url::parse(text).map_err(|error| match error {
        url::ParseError::EmptyHost => RefusedUrl::from(Rule::EmptyHost),
        _ => RefusedUrl::from(Rule::NotAUrl),
    })?;
    if url.scheme() != "https" {
        return Err(Rule::NotHttps.into());
    }
    match text.get("https:".len()..).and_then(|rest| rest.strip_prefix("//")) {
        None => return Err(Rule::NotAUrl.into()),
        Some(rest) if rest.starts_with('/') => return Err(Rule::EmptyHost.into()),
        Some(_) => {}
    }
    agree_with_http_client(&url)?;
    Ok(url)
}

/// The HTTP client reads the parsed URL again, as an `http::Uri`. Both must see the same host and port, or what is
/// connected to would not be what was checked.
fn agree_with_http_client(url: &Url) -> Result<(), RefusedUrl> {
    if url.as_str().len() > MAX_URL_BYTES {
        return Err(Rule::UrlTooLong.into());
    }
    let uri: http::Uri = url.as_str().parse().map_err(|_| RefusedUrl::from(Rule::NotAUrl))?;
    if uri.host() == url.host_str() && uri.port_u16() == url.port() { Ok(()) } else { Err(Rule::NotAUrl.into()) }
}

fn drop_trailing_dot(url: &mut Url) -> Result<(), RefusedUrl> {
    let Some(Host::Domain(name)) = url.host() else {
        return Ok(());
    };
    let name = name.strip_suffix('.').unwrap_or(name).to_owned();
    if name.is_empty() || name.split('.').any(str::is_empty) {
        return Err(Rule::EmptyHost.into());
    }
    url.set_host(Some(&name)).map_err(|_| RefusedUrl::from(Rule::NotAUrl))
}

fn rule_of(policy: &ReceiverPolicy, address: IpAddr, port: u16) -> Option<Rule> {
    policy.check(address, port).err().map(|refused| refused.rule())
}

/// A URL that the policy refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedUrl {
    rule: Rule,
    /// The host or port that the rule is about, in its parsed form.
    what: Option<String>,
}

impl RefusedUrl {
    /// The rule that refused.
    pub fn rule(&self) -> Rule {
        self.rule
    }
}

impl From<Rule> for RefusedUrl {
    fn from(rule: Rule) -> Self {
        Self { rule, what: None }
    }
}

impl fmt::Display for RefusedUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "refused by policy: {}", self.rule)?;
        match &self.what {
            Some(what) => write!(formatter, " ({what})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for RefusedUrl {}
