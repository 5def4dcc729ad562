use super::*;

fn rule(name: &str, value: &str) -> Option<HeaderRule> {
    CustomHeader::parse(name, value).err().map(|refused| refused.rule())
}

#[test]
fn ordinary_headers_are_accepted() {
    for (name, value) in [
        ("X-Api-Version", "2"),
        ("x-note", "spaces and\ttabs inside"),
        ("X-Empty", ""),
        ("Accept", "application/json"),
        ("!#$%&'*+-.^_`|~9a", "~!\"#"),
    ] {
        let header = CustomHeader::parse(name, value).expect(name);
        assert_eq!((header.name(), header.value()), (name.to_ascii_lowercase().as_str(), value));
    }
}

#[test]
fn reserved_names_are_refused_in_any_case() {
    for (name, expected) in [
        ("Host", HeaderRule::Framing),
        ("CONTENT-LENGTH", HeaderRule::Framing),
        ("Content-Type", HeaderRule::Framing),
        ("content-encoding", HeaderRule::Framing),
        ("Transfer-Encoding", HeaderRule::Framing),
        ("Connection", HeaderRule::Framing),
        ("Keep-Alive", HeaderRule::Framing),
        ("TE", HeaderRule::Framing),
        ("Trailer", HeaderRule::Framing),
        ("Upgrade", HeaderRule::Framing),
        ("Expect", HeaderRule::Framing),
        ("User-Agent", HeaderRule::Reserved),
        ("Accept-Encoding", HeaderRule::Reserved),
        ("Traceparent", HeaderRule::Reserved),
        ("tracestate", HeaderRule::Reserved),
        ("Proxy-Authorization", HeaderRule::Reserved),
        ("Webhook-Signature", HeaderRule::Reserved),
        ("WEBHOOK-ID", HeaderRule::Reserved),
        ("Spacehook-Anything", HeaderRule::Reserved),
        ("Authorization", HeaderRule::Credentials),
        ("Cookie", HeaderRule::Credentials),
    ] {
        assert_eq!(rule(name, "value"), Some(expected), "{name}");
    }
}

#[test]
fn credentials_may_use_the_names_for_credentials_only() {
    assert!(CustomHeader::parse_credential("Authorization", "Token abc").is_ok());
    assert!(CustomHeader::parse_credential("Cookie", "session=1").is_ok());
    assert!(CustomHeader::parse_credential("Host", "example.com").is_err());
    assert!(CustomHeader::parse_credential("X-Key", "a\r\nHost: evil").is_err());
}

#[test]
fn values_cannot_smuggle() {
    for value in ["a\r\nX-Evil: 1", "a\n", "\r", "a\0b", "\r\n"] {
        assert_eq!(rule("x-a", value), Some(HeaderRule::LineEnd), "{value:?}");
    }
    for value in ["é", "\u{7f}", "a\u{1b}[0m", "\u{2028}", "\u{85}"] {
        assert_eq!(rule("x-a", value), Some(HeaderRule::ValueCharacters), "{value:?}");
    }
    for value in [" a", "a ", "\ta", "a\t"] {
        assert_eq!(rule("x-a", value), Some(HeaderRule::ValueBlankEnds), "{value:?}");
    }
}

#[test]
fn names_are_tokens() {
    for name in ["", " ", "a b", "a:b", "a\r\nb", "a\0", "é", "(x)", "x@y", "\"q\"", ":path", "a/b"] {
        assert_eq!(rule(name, "v"), Some(HeaderRule::NameCharacters), "{name:?}");
    }
}

#[test]
fn lengths_and_counts_are_limited() {
    assert_eq!(rule(&"a".repeat(MAX_HEADER_NAME_BYTES), "v"), None);
    assert_eq!(rule(&"a".repeat(MAX_HEADER_NAME_BYTES + 1), "v"), Some(HeaderRule::NameTooLong));
    assert_eq!(rule("a", &"v".repeat(MAX_HEADER_VALUE_BYTES)), None);
    assert_eq!(rule("a", &"v".repeat(MAX_HEADER_VALUE_BYTES + 1)), Some(HeaderRule::ValueTooLong));

    let headers = |count: usize| (0..count).map(|i| CustomHeader::parse(&format!("x-{i}"), "v").unwrap()).collect();
    assert_eq!(CustomHeaders::new(headers(MAX_CUSTOM_HEADERS)).unwrap().len(), MAX_CUSTOM_HEADERS);
    assert_eq!(CustomHeaders::new(headers(MAX_CUSTOM_HEADERS + 1)).unwrap_err().rule(), HeaderRule::TooMany);
}

#[test]
fn a_name_may_be_given_once() {
    let twice = vec![CustomHeader::parse("X-A", "1").unwrap(), CustomHeader::parse("x-a", "2").unwrap()];
    assert_eq!(CustomHeaders::new(twice).unwrap_err().rule(), HeaderRule::Duplicate);
}

#[test]
fn neither_debug_nor_errors_show_the_value() {
    let header = CustomHeader::parse("X-Key", "T0PSECRET").unwrap();
    let (name, value) = header.to_parts();
    assert!(value.is_sensitive());
    let map: http::HeaderMap = [(name, value)].into_iter().collect();
    let error = CustomHeader::parse("X-Key", "T0PSECRET\r\n").unwrap_err();
    let bad_name = CustomHeader::parse("x\r\ny", "T0PSECRET").unwrap_err().to_string();
    for text in [format!("{header:?}"), format!("{map:?}"), format!("{error} {error:?}"), bad_name.clone()] {
        assert!(!text.contains("T0PSECRET"), "{text}");
    }
    assert!(!bad_name.contains('\n'), "{bad_name:?}");
}
