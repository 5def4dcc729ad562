use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;

const REFUSE: &str = include_str!("../../../tests/data/ssrf-refuse.txt");
const ALLOW: &str = include_str!("../../../tests/data/ssrf-allow.txt");

#[test]
fn the_vectors_are_refused_and_accepted() {
    assert!(REFUSE.lines().count() >= 39 && ALLOW.lines().count() >= 5);
    for line in REFUSE.lines() {
        let refused = ReceiverUrl::parse(line, &strict()).expect_err(line);
        assert!(refused.to_string().starts_with("refused by policy: "), "{line}");
        // The local cloud differs from the default on unprivileged loopback ports only; no vector has one.
        assert!(ReceiverUrl::parse(line, &local_cloud()).is_err(), "{line}");
    }
    for line in ALLOW.lines() {
        assert_eq!(rule_for(line, &strict()), None, "{line}");
    }
}

#[test]
fn each_rule_is_named() {
    let long = format!("https://example.com/{}", "a".repeat(MAX_URL_BYTES));
    let table = [
        ("https://example.com:80/", Rule::Port),
        ("https://example.com:22/", Rule::Port),
        ("https://example.com:0/", Rule::Port),
        ("https://user@example.com/", Rule::Userinfo),
        ("https://:pass@example.com/", Rule::Userinfo),
        ("https://example.com/#part", Rule::Fragment),
        ("https://example.com/#", Rule::Fragment),
        ("http://example.com/", Rule::NotHttps),
        ("wss://example.com/", Rule::NotHttps),
        ("javascript:alert(1)", Rule::NotHttps),
        (long.as_str(), Rule::UrlTooLong),
        ("https://", Rule::EmptyHost),
        ("https:///example.com/", Rule::EmptyHost),
        ("https://:443/", Rule::EmptyHost),
        ("https://./", Rule::EmptyHost),
        ("https://localhost/", Rule::LocalhostName),
        ("https://LOCALHOST./", Rule::LocalhostName),
        ("https://a.b.localhost/", Rule::LocalhostName),
        ("https://localhost.localdomain/", Rule::LocalhostName),
        ("https://metadata/", Rule::PrivateName),
        ("https://metadata.google.internal/", Rule::PrivateName),
        ("https://printer.local./", Rule::PrivateName),
        ("https://home.arpa/", Rule::PrivateName),
        ("https://hooks.test/", Rule::PrivateName),
        ("https://1.0.0.127.in-addr.arpa/", Rule::SpecialName),
        ("https://abc.onion/", Rule::SpecialName),
        ("https://abc.invalid/", Rule::SpecialName),
        ("https://10.1.1.1/", Rule::PrivateNetwork),
        ("https://[::ffff:8.8.8.8]/", Rule::EmbeddedIpv4),
    ];
    for (text, rule) in table {
        assert_eq!(rule_for(text, &strict()), Some(rule), "{text}");
    }
}

#[test]
fn what_two_parsers_would_read_differently_is_refused() {
    for text in [
        " https://example.com/",
        "https://example.com/\n",
        "https://exam\tple.com/",
        "https://exa\u{0}mple.com/",
        "https://example.com\\@127.0.0.1/",
        "https:\\\\example.com/",
        "https:/example.com/",
        "https:example.com",
        "https://example.com /",
        "//example.com/",
        "example.com",
        "https://[fe80::1%25eth0]/",
        "https://[::1",
        "https://example..com/",
        "https://exa<mple.com/",
        "https://256.1.1.1/",
        "https://1.2.3.4.5/",
        "https://0x/..",
    ] {
        assert!(ReceiverUrl::parse(text, &strict()).is_err(), "{text:?}");
    }
}

#[test]
fn ordinary_receivers_are_accepted_as_they_are() {
    for text in [
        "https://example.com/",
        "https://hooks.example.co.uk:8443/a/b?c=d&e=%20",
        "https://xn--bcher-kva.example/",
        "https://8.8.8.8:9000/",
        "https://[2606:4700:4700::1111]:8443/x",
        "https://under_score.example.com/",
        "https://mylocalhost.com/",
        "https://localhost.example.com/",
        "https://internal.example.com/",
        "https://testing.local.example.com/",
        "https://api.example.com/hooks/%E2%9C%93?sig=a%2Bb%3D%3D",
    ] {
        let url = ReceiverUrl::parse(text, &strict()).expect(text);
        assert_eq!(url.as_str(), text);
    }
}

#[test]
fn the_parsed_form_is_what_is_kept() {
    let url = ReceiverUrl::parse("HTTPS://EXAMPLE.com.:443/a/../b", &strict()).unwrap();
    assert_eq!(url.as_str(), "https://example.com/b");
    assert_eq!((url.host(), url.port()), ("example.com", 443));
    let url = ReceiverUrl::parse("https://bücher.example", &strict()).unwrap();
    assert_eq!(url.host(), "xn--bcher-kva.example");
}

#[test]
fn debug_and_display_show_the_origin_only() {
    let url = ReceiverUrl::parse("https://example.com:8443/T0PSECRET?key=T0PSECRET", &strict()).unwrap();
    assert_eq!(url.to_string(), "https://example.com:8443");
    assert_eq!(format!("{url:?}"), "ReceiverUrl(https://example.com:8443/…)");
    let refused = ReceiverUrl::parse("https://10.0.0.1/T0PSECRET", &strict()).unwrap_err();
    assert_eq!(refused.to_string(), "refused by policy: private network (RFC 1918) (10.0.0.1)");
}

#[test]
fn exceptions_open_names_of_their_kind_and_port() {
    let local = local_cloud();
    assert_eq!(rule_for("https://localhost:8443/", &local), None);
    assert_eq!(rule_for("https://receiver.localhost:8443/", &local), None);
    assert_eq!(rule_for("https://127.0.0.1:8443/", &local), None);
    assert_eq!(rule_for("https://[::1]:8443/", &local), None);
    assert_eq!(rule_for("https://localhost/", &local), Some(Rule::LocalhostName));
    assert_eq!(rule_for("https://127.0.0.1/", &local), Some(Rule::Loopback));
    assert_eq!(rule_for("https://intranet:8443/", &local), Some(Rule::PrivateName));

    let private = with_exceptions("10.20.0.0/16@8000-9000");
    assert_eq!(rule_for("https://hooks.internal:8443/", &private), None);
    assert_eq!(rule_for("https://intranet:8443/", &private), None);
    assert_eq!(rule_for("https://intranet/", &private), Some(Rule::PrivateName));
    assert_eq!(rule_for("https://localhost:8443/", &private), Some(Rule::LocalhostName));
    assert_eq!(rule_for("https://abc.onion:8443/", &private), Some(Rule::SpecialName));
}

#[test]
fn a_stored_url_is_checked_against_the_policy_of_the_day() {
    let url = ReceiverUrl::parse("https://127.0.0.1:8443/", &local_cloud()).unwrap();
    assert_eq!(url.check(&local_cloud()), Ok(()));
    assert_eq!(url.check(&strict()).unwrap_err().rule(), Rule::Loopback);
}

/// Every way in which the WHATWG parser lets an IPv4 address be written.
fn spellings(address: Ipv4Addr) -> Vec<String> {
    let [a, b, c, d] = address.octets();
    let all = address.to_bits();
    let (last3, last2) = (all & 0x00ff_ffff, all & 0xffff);
    let fullwidth: String = address.to_string().chars().map(to_fullwidth).collect();
    let percent: Vec<String> = address.to_string().bytes().map(|byte| format!("%{byte:02x}")).collect();
    vec![
        format!("{address}"),
        format!("{address}."),
        format!("{all}"),
        format!("0x{all:x}"),
        format!("0X{all:X}"),
        format!("0{all:o}"),
        format!("{a}.{last3}"),
        format!("{a}.0x{last3:x}"),
        format!("{a}.{b}.{last2}"),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("000{a:o}.{b}.0x{c:x}.{d}"),
        format!("0x{a:02x}.0x{b:02X}.0x{c:x}.0x{d:x}"),
        format!("{a}。{b}．{c}｡{d}"),
        fullwidth,
        percent.concat(),
    ]
}

fn to_fullwidth(c: char) -> char {
    match c {
        '0'..='9' => char::from_u32(u32::from(c) - u32::from('0') + u32::from('０')).unwrap(),
        other => other,
    }
}

proptest! {
    #[test]
    fn every_spelling_of_an_ipv4_address_is_judged_alike(bits: u32, loopback: bool) {
        let address = Ipv4Addr::from_bits(if loopback { 0x7f00_0000 | (bits >> 8) } else { bits });
        let expected = strict().check(address.into(), 443).err().map(|refused| refused.rule());
        for spelling in spellings(address) {
            let text = format!("https://{spelling}/");
            prop_assert_eq!(rule_for(&text, &strict()), expected, "{}", text);
            if let Ok(url) = ReceiverUrl::parse(&text, &strict()) {
                prop_assert_eq!(url.host(), address.to_string());
            }
        }
    }

    #[test]
    fn parsing_never_panics_and_what_is_accepted_is_stable(text in "(https://)?[ -~é。]{0,40}") {
        if let Ok(url) = ReceiverUrl::parse(&text, &strict()) {
            let again = ReceiverUrl::parse(url.as_str(), &strict()).unwrap();
            prop_assert_eq!(again.as_str(), url.as_str());
        }
    }
}
