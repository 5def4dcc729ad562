//! Which addresses are never a receiver's, by the IANA special-purpose registries.
//!
//! IPv4 is a deny-list: nearly all of the space is in public use and the exceptions are registered. IPv6 is an
//! allow-list: only `2000::/3` is in public use, and a deny-list would have to name the other seven eighths.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

use super::rule::Rule;

/// IPv4 networks that are refused: the IANA IPv4 Special-Purpose Address Registry (RFC 6890 and its updates), with
/// multicast (RFC 5771), class E with broadcast (RFC 1112) and Azure's platform address, which lies in public space.
pub(super) const REFUSED_IPV4: [(Ipv4Net, Rule); 19] = [
    (v4(0, 0, 0, 0, 8), Rule::Unspecified),
    (v4(10, 0, 0, 0, 8), Rule::PrivateNetwork),
    (v4(100, 64, 0, 0, 10), Rule::SharedAddressSpace),
    (v4(127, 0, 0, 0, 8), Rule::Loopback),
    (v4(168, 63, 129, 16, 32), Rule::CloudMetadata),
    (v4(169, 254, 0, 0, 16), Rule::LinkLocal),
    (v4(172, 16, 0, 0, 12), Rule::PrivateNetwork),
    (v4(192, 0, 0, 0, 24), Rule::ProtocolAssignment),
    (v4(192, 0, 2, 0, 24), Rule::Documentation),
    (v4(192, 31, 196, 0, 24), Rule::ProtocolAssignment), // AS112 (RFC 7535)
    (v4(192, 52, 193, 0, 24), Rule::ProtocolAssignment), // AMT (RFC 7450)
    (v4(192, 88, 99, 0, 24), Rule::SixToFour),           // 6to4 relays (RFC 7526)
    (v4(192, 168, 0, 0, 16), Rule::PrivateNetwork),
    (v4(192, 175, 48, 0, 24), Rule::ProtocolAssignment), // AS112 (RFC 7534)
    (v4(198, 18, 0, 0, 15), Rule::Benchmarking),
    (v4(198, 51, 100, 0, 24), Rule::Documentation),
    (v4(203, 0, 113, 0, 24), Rule::Documentation),
    (v4(224, 0, 0, 0, 4), Rule::Multicast),
    (v4(240, 0, 0, 0, 4), Rule::Reserved),
];

/// IPv6 networks that are refused, the narrower before the wider. What is in none of them and outside `2000::/3` is
/// refused as [`Rule::Reserved`]; those outside `2000::/3` are listed only so that the right rule is named.
pub(super) const REFUSED_IPV6: [(Ipv6Net, Rule); 24] = [
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), Rule::Unspecified),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), Rule::Loopback),
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 96), Rule::EmbeddedIpv4), // compatible (RFC 4291, 2.5.5.1)
    (v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96), Rule::EmbeddedIpv4), // mapped (RFC 4291, 2.5.5.2)
    (v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96), Rule::EmbeddedIpv4), // translated (RFC 2765)
    (v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96), Rule::Nat64),
    (v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), Rule::Nat64),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32), Rule::Teredo),
    (v6([0x2001, 2, 0, 0, 0, 0, 0, 0], 48), Rule::Benchmarking),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), Rule::ProtocolAssignment), // with ORCHID, AMT, AS112, DET
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), Rule::Documentation),
    (v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), Rule::SixToFour),
    (v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48), Rule::ProtocolAssignment), // AS112 (RFC 7534)
    (v6([0x3ffe, 0, 0, 0, 0, 0, 0, 0], 16), Rule::Reserved),                   // 6bone, returned (RFC 3701)
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), Rule::Documentation),
    (v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16), Rule::ProtocolAssignment), // segment routing (RFC 9602)
    (v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64), Rule::Reserved),            // discard-only (RFC 6666)
    (v6([0x100, 0, 0, 1, 0, 0, 0, 0], 64), Rule::Reserved),            // dummy prefix (RFC 9780)
    (v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0], 32), Rule::CloudMetadata),  // EC2 over IPv6
    (v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0], 32), Rule::CloudMetadata),   // Google Cloud over IPv6
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), Rule::UniqueLocal),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), Rule::LinkLocal),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), Rule::UniqueLocal), // site-local (RFC 3879)
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), Rule::Multicast),
];

/// The only part of IPv6 in public use (IANA IPv6 Address Space).
const GLOBAL_UNICAST: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// The rule that refuses an address, or `None` for one in public use. Exceptions are not considered here.
pub(super) fn refusing_rule(address: IpAddr) -> Option<Rule> {
    match address {
        IpAddr::V4(address) => ipv4_rule(address),
        IpAddr::V6(address) => ipv6_rule(address),
    }
}

fn ipv4_rule(address: Ipv4Addr) -> Option<Rule> {
    let listed = REFUSED_IPV4.iter().find(|(network, _)| network.contains(&address));
    listed.map(|(_, rule)| *rule)
}

fn ipv6_rule(address: Ipv6Addr) -> Option<Rule> {
    let listed = REFUSED_IPV6.iter().find(|(network, _)| network.contains(&address));
    if let Some((_, rule)) = listed {
        return Some(*rule);
    }
    if !GLOBAL_UNICAST.contains(&address) {
        return Some(Rule::Reserved);
    }
    is_isatap(address).then_some(Rule::Isatap)
}

/// Whether the interface identifier is `0000:5efe:a.b.c.d` or `0200:5efe:a.b.c.d` (RFC 5214, 6.1), with either
/// setting of the group bit. Such an address is tunnelled to the IPv4 address inside, under any prefix.
fn is_isatap(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    segments[4] & !0x0300 == 0 && segments[5] == 0x5efe
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(s: [u16; 8], prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]), prefix)
}
