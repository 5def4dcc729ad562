//! Who may be called: the guard against server-side request forgery (SSRF), as pure rules.
//!
//! Anyone who may create a subscription chooses an address that Spacehook then calls from inside its owner's cloud
//! account. Without a guard that is a way to the account's metadata services and private networks. The guard is one
//! typed [`ReceiverPolicy`], used in three places with the same answer:
//!
//! 1. when a subscription is created or changed, on its URL ([`ReceiverUrl::parse`]);
//! 2. at every attempt, on the URL again (a policy may have changed since) and on a literal address in it;
//! 3. at every connection, on **each** address that DNS answered ([`ReceiverPolicy::check`]), so that a name
//!    which answers differently the second time (DNS rebinding) gains nothing.
//!
//! What is checked is what is connected to: a URL is parsed once, by the WHATWG rules that browsers use, and the
//! parsed form is what is stored and sent to. `https://0x7f.1/` is `127.0.0.1` long before a rule looks at it.
//!
//! Every refusal is a [`Rule`], so that a person is told which rule refused, and a counter gets a stable key. There
//! is no network and no clock here; `spacehook-delivery` applies the rules to real connections.

mod address;
mod allowed;
mod headers;
mod names;
mod policy;
mod ports;
mod rule;
mod url;

pub use self::allowed::{AllowedNetworks, InvalidAllowedNetworks};
pub use self::headers::{
    CustomHeader, CustomHeaders, HeaderRule, MAX_CUSTOM_HEADERS, MAX_HEADER_NAME_BYTES, MAX_HEADER_VALUE_BYTES,
    RefusedHeader,
};
pub use self::policy::{ReceiverPolicy, RefusedAddress};
pub use self::ports::{InvalidPorts, PortPolicy, PortRange};
pub use self::rule::Rule;
pub use self::url::{MAX_URL_BYTES, ReceiverUrl, RefusedUrl};

#[cfg(test)]
mod tests;
