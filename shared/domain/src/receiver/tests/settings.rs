use std::net::IpAddr;

use super::*;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn ports_are_443_and_unprivileged_by_default() {
    let ports = PortPolicy::parse(" ").unwrap();
    assert_eq!(ports.to_string(), "443,1024-65535");
    for port in [443, 1024, 8443, 65_535] {
        assert!(ports.allows(port), "{port}");
    }
    for port in [0, 22, 25, 80, 442, 444, 1023] {
        assert!(!ports.allows(port), "{port}");
    }
}

#[test]
fn ports_are_read_from_the_setting() {
    let ports = PortPolicy::parse("443, 8000-8999").unwrap();
    assert!(ports.allows(8000) && ports.allows(8999) && !ports.allows(9000) && !ports.allows(1024));
    assert_eq!(PortPolicy::parse(&ports.to_string()).unwrap(), ports);
}

#[test]
fn unreadable_ports_name_the_entry() {
    for (text, entry) in [
        ("443,http", "`http`"),
        ("0", "`0`"),
        ("65536", "`65536`"),
        ("443,", "``"),
        ("9-8", "`9-8`"),
        ("1-2-3", "`1-2-3`"),
        ("+443", "`+443`"),
        ("-", "`-`"),
    ] {
        let error = PortPolicy::parse(text).unwrap_err().to_string();
        assert!(error.contains(entry), "{text}: {error}");
    }
}

#[test]
fn an_exception_holds_for_its_network_and_ports_only() {
    let policy = local_cloud();
    assert_eq!(policy.check(address("127.1.2.3"), 8443), Ok(()));
    assert_eq!(policy.check(address("::1"), 1024), Ok(()));
    for (text, port) in [("127.0.0.1", 443), ("::1", 443), ("10.0.0.1", 8443), ("::ffff:127.0.0.1", 8443)] {
        assert!(policy.check(address(text), port).is_err(), "{text} {port}");
    }
    assert_eq!(policy.check(address("127.0.0.1"), 80).unwrap_err().rule(), Rule::Port);
}

#[test]
fn an_exception_without_ports_holds_for_all_allowed_ports() {
    let policy = with_exceptions("10.20.0.0/16, fd12:3456::/32");
    assert_eq!(policy.check(address("10.20.255.1"), 443), Ok(()));
    assert_eq!(policy.check(address("fd12:3456::9"), 9000), Ok(()));
    assert_eq!(policy.check(address("10.20.0.1"), 22).unwrap_err().rule(), Rule::Port);
    assert_eq!(policy.check(address("10.21.0.1"), 443).unwrap_err().rule(), Rule::PrivateNetwork);
}

#[test]
fn no_exception_opens_metadata_or_multicast() {
    // 169.0.0.0/8 and fc00::/7 are accepted as a whole; the metadata addresses in them stay closed.
    let policy = with_exceptions("169.0.0.0/8,fc00::/7");
    assert_eq!(policy.check(address("169.254.169.254"), 443).unwrap_err().rule(), Rule::LinkLocal);
    assert_eq!(policy.check(address("fd00:ec2::254"), 443).unwrap_err().rule(), Rule::CloudMetadata);
    assert_eq!(policy.check(address("fd00:1::1"), 443), Ok(()));
}

#[test]
fn unreadable_or_unsafe_networks_name_the_entry() {
    for entry in [
        "localhost",
        "10.0.0.1/8",
        "10.0.0.0",
        "10.0.0.0/33",
        "0.0.0.0/0",
        "::/0",
        "128.0.0.0/1",
        "2000::/3",
        "169.254.0.0/16",
        "169.254.169.254/32",
        "fe80::/10",
        "fd00:ec2::254/128",
        "224.0.0.0/8",
        "::ffff:127.0.0.0/104",
        "127.0.0.0/8@",
        "127.0.0.0/8@0",
        "127.0.0.0/8@9-1",
        "",
    ] {
        let text = format!("10.20.0.0/16,{entry}");
        let error = AllowedNetworks::parse(&text).unwrap_err().to_string();
        assert!(error.contains(&format!("`{entry}`")), "{entry}: {error}");
    }
}

#[test]
fn no_setting_allows_nothing() {
    assert!(AllowedNetworks::parse("").unwrap().is_empty());
    assert!(AllowedNetworks::parse("  ").unwrap().is_empty());
}
