use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::super::address::{REFUSED_IPV4, REFUSED_IPV6};
use super::*;

fn rule_of(address: IpAddr) -> Option<Rule> {
    strict().check(address, 443).err().map(|refused| refused.rule())
}

/// An address in the network, its host bits taken from `bits`.
fn inside_v4(network: ipnet::Ipv4Net, bits: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(network.network().to_bits() | (bits & network.hostmask().to_bits()))
}

fn inside_v6(network: &ipnet::Ipv6Net, bits: u128) -> Ipv6Addr {
    Ipv6Addr::from_bits(network.network().to_bits() | (bits & network.hostmask().to_bits()))
}

#[test]
fn first_and_last_address_of_every_refused_network_is_refused() {
    for (network, rule) in &REFUSED_IPV4 {
        for address in [network.network(), network.broadcast()] {
            assert_eq!(rule_of(address.into()), Some(*rule), "{address}");
        }
    }
    for (network, _) in &REFUSED_IPV6 {
        for address in [network.network(), network.broadcast()] {
            assert!(rule_of(address.into()).is_some(), "{address}");
        }
    }
}

#[test]
fn neighbours_of_refused_networks_are_in_public_use() {
    let public = [
        "1.0.0.0",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "168.63.129.15",
        "168.63.129.17",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "191.255.255.255",
        "192.0.1.0",
        "192.0.3.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "198.51.99.255",
        "198.51.101.0",
        "203.0.112.255",
        "203.0.114.0",
        "223.255.255.255",
        "8.8.8.8",
        "2001:200::",
        "2001:db7:ffff::1",
        "2001:db9::",
        "2003::",
        "2606:4700:4700::1111",
        "2620:4f:8001::",
        "2a00:1450:4001:81b::200e",
        "3ffd:ffff::1",
        "2600:1f18:1:2:400:5efe:0:1",
    ];
    for text in public {
        assert_eq!(rule_of(text.parse().unwrap()), None, "{text}");
    }
}

#[test]
fn rules_are_named_for_what_they_are() {
    let table = [
        ("0.0.0.0", Rule::Unspecified),
        ("127.255.255.254", Rule::Loopback),
        ("10.1.2.3", Rule::PrivateNetwork),
        ("169.254.169.254", Rule::LinkLocal),
        ("169.254.170.2", Rule::LinkLocal),
        ("100.100.100.200", Rule::SharedAddressSpace),
        ("168.63.129.16", Rule::CloudMetadata),
        ("192.0.0.192", Rule::ProtocolAssignment),
        ("255.255.255.255", Rule::Reserved),
        ("::", Rule::Unspecified),
        ("::1", Rule::Loopback),
        ("::127.0.0.1", Rule::EmbeddedIpv4),
        ("::ffff:8.8.8.8", Rule::EmbeddedIpv4),
        ("::ffff:0:127.0.0.1", Rule::EmbeddedIpv4),
        ("64:ff9b::a9fe:a9fe", Rule::Nat64),
        ("64:ff9b:1:ffff::1", Rule::Nat64),
        ("2001::1", Rule::Teredo),
        ("2001:2::1", Rule::Benchmarking),
        ("2001:20::1", Rule::ProtocolAssignment),
        ("2001:db8::1", Rule::Documentation),
        ("3fff::1", Rule::Documentation),
        ("2002:7f00:1::1", Rule::SixToFour),
        ("2a00:1450::5efe:7f00:1", Rule::Isatap),
        ("2a00:1450::200:5efe:a00:1", Rule::Isatap),
        ("fd00:ec2::254", Rule::CloudMetadata),
        ("fc00::1", Rule::UniqueLocal),
        ("fec0::1", Rule::UniqueLocal),
        ("fe80::a9fe:a9fe", Rule::LinkLocal),
        ("ff02::1", Rule::Multicast),
        ("4000::1", Rule::Reserved),
        ("1fff::1", Rule::Reserved),
    ];
    for (text, rule) in table {
        assert_eq!(rule_of(text.parse().unwrap()), Some(rule), "{text}");
    }
}

#[test]
fn the_refusal_says_which_address_and_rule() {
    let refused = strict().check("127.0.0.1".parse().unwrap(), 443).unwrap_err();
    assert_eq!(refused.to_string(), "127.0.0.1 port 443 is refused by policy: loopback address");
}

proptest! {
    #[test]
    fn every_address_of_a_refused_ipv4_network_is_refused(index in 0..REFUSED_IPV4.len(), bits: u32) {
        let (network, rule) = &REFUSED_IPV4[index];
        let address = inside_v4(*network, bits);
        prop_assert_eq!(rule_of(address.into()), Some(*rule));
    }

    #[test]
    fn every_address_of_a_refused_ipv6_network_is_refused(index in 0..REFUSED_IPV6.len(), bits: u128) {
        let address = inside_v6(&REFUSED_IPV6[index].0, bits);
        prop_assert!(rule_of(address.into()).is_some());
    }

    #[test]
    fn nothing_outside_global_unicast_is_accepted(bits: u128) {
        let address = Ipv6Addr::from_bits(bits);
        let is_global_unicast = address.segments()[0] >> 13 == 1;
        prop_assert!(is_global_unicast || rule_of(address.into()).is_some());
    }

    // The standard library knows some of the special ranges too: whatever it names must be refused here.
    #[test]
    fn what_the_standard_library_calls_special_is_refused(bits: u32) {
        let address = Ipv4Addr::from_bits(bits);
        let is_special = address.is_private() || address.is_loopback() || address.is_link_local()
            || address.is_broadcast() || address.is_documentation() || address.is_multicast()
            || address.is_unspecified();
        prop_assert!(!is_special || rule_of(address.into()).is_some());
    }

    #[test]
    fn no_ipv6_form_of_an_ipv4_address_is_accepted(bits: u32) {
        let (high, low) = ((bits >> 16) as u16, (bits & 0xffff) as u16);
        let forms = [
            Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, high, low),
            Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
            Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low),
            Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
            Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
            Ipv6Addr::new(0x2001, 0, high, low, 0, 0, 0, 1),
            Ipv6Addr::new(0x2a00, 1, 2, 3, 0, 0x5efe, high, low),
            Ipv6Addr::new(0x2a00, 1, 2, 3, 0x200, 0x5efe, high, low),
        ];
        for form in forms {
            prop_assert!(rule_of(form.into()).is_some(), "{}", form);
            // Not even where the IPv4 address itself is an exception.
            prop_assert!(local_cloud().check(form.into(), 8443).is_err() || form == Ipv6Addr::LOCALHOST, "{}", form);
        }
    }
}
