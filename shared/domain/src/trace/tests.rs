use super::*;
use proptest::prelude::*;

const DIGITS: &str = "5759e988bd862e3fe1be46a994272793";

fn event() -> EventId {
    crate::test_data::event(serde_json::json!({})).id
}

fn subscription(number: u8) -> SubscriptionId {
    SubscriptionId::parse(format!("sub_{number:032x}")).unwrap()
}

#[test]
fn ids_are_32_lower_case_digits_and_not_zero() {
    assert_eq!(TraceId::parse(DIGITS).unwrap().to_string(), DIGITS);
    for bad in ["", "0", &DIGITS[1..], &DIGITS.to_uppercase(), &"0".repeat(32), &format!("{DIGITS}0"), &"g".repeat(32)]
    {
        assert_eq!(TraceId::parse(bad), Err(InvalidTraceId), "{bad}");
    }
}

#[test]
fn an_xray_header_has_the_id_in_its_root() {
    let root = "Root=1-5759e988-bd862e3fe1be46a994272793";
    for header in [
        root.to_owned(),
        format!("{root};Parent=53995c3f42cd8ad8;Sampled=1"),
        format!("Self=1-67891234-12456789abcdef012345678a;{root}"),
        format!("{root};Parent=53995c3f42cd8ad8;Sampled=0;Lineage=a87bd80c:0|68fd508a:5|c512fbe3:2"),
        format!("Sampled=1; {root}"),
    ] {
        assert_eq!(TraceId::from_xray_header(&header).unwrap().as_str(), DIGITS, "{header}");
    }
    for bad in [
        "",
        "Root=",
        "Root=1-5759e988",
        "Root=2-5759e988-bd862e3fe1be46a994272793",
        "Root=1-5759e988b-d862e3fe1be46a994272793",
        "Root=1-00000000-000000000000000000000000",
        "Self=1-5759e988-bd862e3fe1be46a994272793",
        "Parent=53995c3f42cd8ad8;Sampled=1",
    ] {
        assert_eq!(TraceId::from_xray_header(bad), None, "{bad}");
    }
}

#[test]
fn a_drawn_id_begins_with_its_time() {
    let at = Timestamp::from_second(0x5759_e988).unwrap();
    let drawn = TraceId::drawn(at, [0xab; 12]).unwrap();
    assert_eq!(drawn.as_str(), "5759e988abababababababababababab");
    assert_eq!(drawn.to_xray_header(), "Root=1-5759e988-abababababababababababab");
    assert_eq!(TraceId::drawn(Timestamp::UNIX_EPOCH, [0; 12]), None);
}

#[test]
fn a_traceparent_has_the_documented_form() {
    let trace = TraceId::parse(DIGITS).unwrap();
    let header = trace.traceparent(&event(), &subscription(1), AttemptNumber(2));
    let parts: Vec<&str> = header.split('-').collect();
    let [version, id, span, flags] = parts[..] else { panic!("{header}") };
    assert_eq!((version, id, flags), ("00", DIGITS, "01"));
    assert!(span.len() == 16 && span.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')), "{span}");
    assert_ne!(span, "0".repeat(16));
}

#[test]
fn each_attempt_has_an_id_of_its_own_and_always_the_same() {
    let trace = TraceId::parse(DIGITS).unwrap();
    let of = |number, attempt| trace.traceparent(&event(), &subscription(number), AttemptNumber(attempt));
    assert_eq!(of(1, 1), of(1, 1));
    assert_ne!(of(1, 1), of(1, 2));
    assert_ne!(of(1, 1), of(2, 1));
}

proptest! {
    #[test]
    fn what_is_handed_on_is_read_back(second in 1_i64..=i64::from(u32::MAX), random: [u8; 12]) {
        let drawn = TraceId::drawn(Timestamp::from_second(second).unwrap(), random).unwrap();
        prop_assert_eq!(TraceId::from_xray_header(&drawn.to_xray_header()), Some(drawn));
    }

    #[test]
    fn no_header_is_a_panic(header in ".*") {
        let _ = TraceId::from_xray_header(&header);
        let _ = TraceId::from_xray_header(&format!("Root=1-{header}"));
    }
}
