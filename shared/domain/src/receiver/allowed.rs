//! Exceptions to the guard: `ALLOWED_NETWORKS`.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::address::refusing_rule;
use super::ports::PortRange;
use super::rule::Rule;

/// The widest IPv4 exception: no private network is larger than `10.0.0.0/8`.
const WIDEST_IPV4_PREFIX: u8 = 8;
/// The widest IPv6 exception: all unique local addresses, `fc00::/7`.
const WIDEST_IPV6_PREFIX: u8 = 7;

/// Networks that receivers may be in although the guard would refuse them; empty unless the owner says otherwise.
///
/// An exception lifts the rules about addresses, never the rules about URLs and ports, and never those about
/// addresses that no receiver has (link-local and metadata, unspecified, multicast): see [`AllowedNetworks::parse`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedNetworks {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    network: IpNet,
    /// `None` is every port.
    ports: Option<PortRange>,
}

impl AllowedNetworks {
    /// Reads a comma-separated list of networks, each `CIDR`, `CIDR@port` or `CIDR@first-last`, as in
    /// `127.0.0.0/8@1024-65535,::1/128@1024-65535,10.20.0.0/16`. Empty text allows nothing.
    ///
    /// Refused, since they could only be mistakes or a way to switch the guard off: networks wider than any private
    /// one (`0.0.0.0/0`), networks of addresses that no receiver has (`169.254.0.0/16`), and IPv6 spellings of IPv4
    /// networks. An IPv4 entry does not cover IPv6 forms of its addresses: no honest DNS answer contains them.
    ///
    /// # Errors
    /// [`InvalidAllowedNetworks`] names the entry and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, InvalidAllowedNetworks> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let entries = text.split(',').map(|entry| {
            let entry = entry.trim();
            parse_entry(entry).map_err(|problem| InvalidAllowedNetworks { entry: entry.to_owned(), problem })
        });
        Ok(Self { entries: entries.collect::<Result<_, _>>()? })
    }

    /// Whether there are no exceptions.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether an exception covers this address and port.
    pub(super) fn covers(&self, address: IpAddr, port: u16) -> bool {
        let allowed = self.for_port(port).any(|network| network.contains(&address));
        allowed && !refusing_rule(address).is_some_and(is_beyond_exceptions)
    }

    /// Whether some exception for this port has loopback addresses: then names for loopback make sense.
    pub(super) fn has_loopback(&self, port: u16) -> bool {
        self.for_port(port).any(is_loopback)
    }

    /// Whether some exception for this port has other addresses: then names of private networks make sense.
    pub(super) fn has_private(&self, port: u16) -> bool {
        self.for_port(port).any(|network| !is_loopback(network))
    }

    fn for_port(&self, port: u16) -> impl Iterator<Item = &IpNet> {
        let entries = self.entries.iter();
        let covering = entries.filter(move |entry| entry.ports.is_none_or(|ports| ports.contains(port)));
        covering.map(|entry| &entry.network)
    }
}

fn parse_entry(text: &str) -> Result<Entry, &'static str> {
    let (network, ports) = match text.split_once('@') {
        Some((network, ports)) => (network, Some(ports.parse()?)),
        None => (text, None),
    };
    let network: IpNet = network.parse().map_err(|_| "not a network: write it as in `10.20.0.0/16` or `::1/128`")?;
    if network.addr() != network.network() {
        return Err("the address has bits set after the prefix");
    }
    let too_wide = match network {
        IpNet::V4(network) => network.prefix_len() < WIDEST_IPV4_PREFIX,
        IpNet::V6(network) => network.prefix_len() < WIDEST_IPV6_PREFIX,
    };
    if too_wide {
        return Err("wider than any private network: this would switch the guard off");
    }
    match refusing_rule(network.network()) {
        Some(Rule::EmbeddedIpv4) => Err("an IPv6 form of an IPv4 network: write the IPv4 network"),
        Some(rule) if is_beyond_exceptions(rule) => Err("no receiver is in this network; it cannot be allowed"),
        _ => Ok(Entry { network, ports }),
    }
}

/// Rules that no exception lifts: the addresses of metadata services, which hand out the credentials of the machine,
/// and those that name no single host.
fn is_beyond_exceptions(rule: Rule) -> bool {
    matches!(rule, Rule::LinkLocal | Rule::CloudMetadata | Rule::Unspecified | Rule::Multicast | Rule::EmbeddedIpv4)
}

fn is_loopback(network: &IpNet) -> bool {
    const LOOPBACK_IPV4: Ipv4Net = Ipv4Net::new_assert(std::net::Ipv4Addr::new(127, 0, 0, 0), 8);
    const LOOPBACK_IPV6: Ipv6Net = Ipv6Net::new_assert(std::net::Ipv6Addr::LOCALHOST, 128);
    match network {
        IpNet::V4(network) => LOOPBACK_IPV4.contains(network),
        IpNet::V6(network) => *network == LOOPBACK_IPV6,
    }
}

/// `ALLOWED_NETWORKS` cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("network entry `{entry}`: {problem}")]
pub struct InvalidAllowedNetworks {
    entry: String,
    problem: &'static str,
}
