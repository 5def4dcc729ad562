//! The rules of the guard, each with the words for people and the key for counters.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A rule of the guard: why a receiver's URL or address is refused.
///
/// `Display` is the short text that people read (`loopback address`); [`Rule::key`] is its stable name in counters
/// and stored records (`loopback`), which is also its serialized form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Rule {
    /// The text is not a URL, or not one that can be read in one way only.
    NotAUrl,
    /// The URL is longer than [`MAX_URL_BYTES`](super::MAX_URL_BYTES).
    UrlTooLong,
    /// The scheme is not `https`.
    NotHttps,
    /// The URL carries a user name or a password.
    Userinfo,
    /// The URL has a fragment (`#…`), which is never sent.
    Fragment,
    /// The URL has no host.
    EmptyHost,
    /// The port is not one of the allowed ports.
    Port,
    /// A name that stands for the machine itself: `localhost` and what is under it (RFC 6761).
    LocalhostName,
    /// A name that only means something inside one network: one label, `.local`, `.internal`, `.home.arpa`, `.test`.
    PrivateName,
    /// A name that never leads to a web server: `.onion`, `.invalid`, `.alt`, `.arpa`.
    SpecialName,
    /// `0.0.0.0/8` and `::`: this host on this network (RFC 1122, RFC 4291).
    Unspecified,
    /// `127.0.0.0/8` and `::1`.
    Loopback,
    /// `10.0.0.0/8`, `172.16.0.0/12`, `192.168.0.0/16` (RFC 1918).
    PrivateNetwork,
    /// `fc00::/7` (RFC 4193) and the older `fec0::/10` (RFC 3879).
    UniqueLocal,
    /// `169.254.0.0/16` and `fe80::/10`: link-local, where clouds serve their metadata and credentials.
    LinkLocal,
    /// A cloud's metadata or platform service outside the link-local range.
    CloudMetadata,
    /// `100.64.0.0/10` (RFC 6598).
    #[serde(rename = "carrier_grade_nat")]
    SharedAddressSpace,
    /// `192.0.0.0/24`, `2001::/23` and others that the IANA registry keeps for protocols.
    ProtocolAssignment,
    /// TEST-NET-1 to 3, `2001:db8::/32`, `3fff::/20`.
    Documentation,
    /// `198.18.0.0/15` and `2001:2::/48`.
    Benchmarking,
    /// `224.0.0.0/4` and `ff00::/8`.
    Multicast,
    /// `240.0.0.0/4`, with the limited broadcast address; in IPv6 all that is not yet global unicast (`2000::/3`).
    Reserved,
    /// An IPv6 form of an IPv4 address: mapped, compatible or translated (`::ffff:a.b.c.d` and its kin).
    EmbeddedIpv4,
    /// `64:ff9b::/96` and `64:ff9b:1::/48`: translated to IPv4 on the way (RFC 6052, RFC 8215).
    Nat64,
    /// `2002::/16`: tunnelled to the IPv4 address inside (RFC 3056, retired by RFC 7526).
    SixToFour,
    /// `2001::/32`: tunnelled to the IPv4 address inside (RFC 4380).
    Teredo,
    /// An interface identifier that carries an IPv4 address (RFC 5214).
    Isatap,
}

impl Rule {
    /// Every rule, so that tables and tests can be complete.
    pub const ALL: [Self; 27] = [
        Self::NotAUrl,
        Self::UrlTooLong,
        Self::NotHttps,
        Self::Userinfo,
        Self::Fragment,
        Self::EmptyHost,
        Self::Port,
        Self::LocalhostName,
        Self::PrivateName,
        Self::SpecialName,
        Self::Unspecified,
        Self::Loopback,
        Self::PrivateNetwork,
        Self::UniqueLocal,
        Self::LinkLocal,
        Self::CloudMetadata,
        Self::SharedAddressSpace,
        Self::ProtocolAssignment,
        Self::Documentation,
        Self::Benchmarking,
        Self::Multicast,
        Self::Reserved,
        Self::EmbeddedIpv4,
        Self::Nat64,
        Self::SixToFour,
        Self::Teredo,
        Self::Isatap,
    ];

    /// The stable `snake_case` name of the rule, for counters and stored records. Never changed once released.
    pub fn key(self) -> &'static str {
        self.words().0
    }

    /// The rule with this [`key`](Self::key), or `None`.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.key() == key)
    }

    /// Key and text side by side: one table to read, one place to add a rule.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::NotAUrl => ("not_a_url", "not a URL that can be read in one way only"),
            Self::UrlTooLong => ("url_too_long", "URL longer than 2,048 bytes"),
            Self::NotHttps => ("not_https", "HTTPS only"),
            Self::Userinfo => ("userinfo", "user name or password in the URL"),
            Self::Fragment => ("fragment", "fragment (#…) in the URL"),
            Self::EmptyHost => ("empty_host", "no host in the URL"),
            Self::Port => ("port", "port not allowed"),
            Self::LocalhostName => ("localhost_name", "localhost name (loopback)"),
            Self::PrivateName => ("private_name", "name of a private network"),
            Self::SpecialName => ("special_name", "special-use name (RFC 6761)"),
            Self::Unspecified => ("unspecified", "unspecified address (this network)"),
            Self::Loopback => ("loopback", "loopback address"),
            Self::PrivateNetwork => ("private_network", "private network (RFC 1918)"),
            Self::UniqueLocal => ("unique_local", "unique local address (private IPv6)"),
            Self::LinkLocal => ("link_local", "link-local address (cloud metadata)"),
            Self::CloudMetadata => ("cloud_metadata", "cloud metadata service"),
            Self::SharedAddressSpace => ("carrier_grade_nat", "carrier-grade NAT (RFC 6598)"),
            Self::ProtocolAssignment => ("protocol_assignment", "address kept for protocols (IANA)"),
            Self::Documentation => ("documentation", "documentation address"),
            Self::Benchmarking => ("benchmarking", "benchmarking network (RFC 2544)"),
            Self::Multicast => ("multicast", "multicast address"),
            Self::Reserved => ("reserved", "reserved address"),
            Self::EmbeddedIpv4 => ("embedded_ipv4", "IPv4-mapped or IPv4-compatible IPv6 address"),
            Self::Nat64 => ("nat64", "NAT64 address"),
            Self::SixToFour => ("six_to_four", "6to4 address"),
            Self::Teredo => ("teredo", "Teredo address"),
            Self::Isatap => ("isatap", "ISATAP address"),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.words().1)
    }
}
