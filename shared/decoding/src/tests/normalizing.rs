//! `normalize(data, meta)`, and whether a script can be used.

use crate::Sandbox;
use serde_json::{Value, json};
use spacehook_domain::profile::{Decode, Entry};

fn normalize(script: &str, data: &Value) -> Result<Value, String> {
    let meta = json!({"topic": "telemetry/acme/mine/s1", "sensor_id": "s1", "received_at": "2026-02-02T14:19:00Z"});
    Sandbox.normalize(script, data, &meta)
}

#[test]
fn it_gets_data_and_meta_and_answers_one_or_many() {
    let one =
        "function normalize(data, meta) { return {sensor_id: meta.sensor_id, temperature: (data.f - 32) / 1.8}; }";
    assert_eq!(normalize(one, &json!({"f": 212})), Ok(json!({"sensor_id": "s1", "temperature": 100})));
    let many = "const normalize = ({rooms}, {received_at}) =>
        rooms.map(room => ({sensor_id: room.id, timestamp: received_at, person_count: +room.n}));";
    let expected = json!([
        {"sensor_id": "a", "timestamp": "2026-02-02T14:19:00Z", "person_count": 1},
        {"sensor_id": "b", "timestamp": "2026-02-02T14:19:00Z", "person_count": 0},
    ]);
    for _ in 0..6 {
        assert_eq!(
            normalize(many, &json!({"rooms": [{"id": "a", "n": "1"}, {"id": "b", "n": ""}]})),
            Ok(expected.clone())
        );
    }
}

#[test]
fn nothing_is_nothing() {
    for answer in ["undefined", "null", "void 0", "() => 1"] {
        let script = format!("function normalize() {{ return {answer}; }}");
        assert_eq!(normalize(&script, &json!({})), Ok(Value::Null), "{answer}");
    }
    assert_eq!(normalize("function normalize() { return []; }", &json!({})), Ok(json!([])));
}

#[test]
fn what_is_no_answer_is_an_error_and_says_so() {
    for (answer, told) in [
        ("5", "normalize must answer an object, an array of objects, or nothing"),
        ("'text'", "normalize must answer"),
        ("[{}, 5]", "what normalize answers must be objects: item 1 is none"),
        ("{get a() { throw new Error('no'); }}", "normalize threw: no (line 1, column "),
        ("{toJSON() { throw 5; }}", "normalize threw: 5"),
        ("{toJSON() { for (;;); }}", "normalize took more than 50 ms"),
        ("(() => { const a = {}; a.a = a; return a; })()", "normalize threw: circular reference"),
        ("{a: 'x'.repeat(300000)}", "normalize answered 300008 bytes; at most 262144 are taken"),
        ("'x'.repeat(1e9)", "normalize threw: "),
        ("{a: 1n}", "normalize threw: "),
        ("Promise.resolve({})", "normalize answered a promise"),
        (
            "(() => { let a = {}; for (let i = 0; i < 500; i++) a = {a}; return a; })()",
            "what normalize answered can't be read",
        ),
    ] {
        let error = normalize(&format!("function normalize() {{ return {answer}; }}"), &json!({})).unwrap_err();
        assert!(error.starts_with(told), "{answer}: {error}");
    }
    let decoder = "function Decoder() { return {}; }";
    assert_eq!(normalize(decoder, &json!({})), Err("the script has no normalize(data, meta)".to_owned()));
}

#[test]
fn what_a_message_says_is_data_and_nothing_else() {
    let script = "function normalize(data) { return {proto: Object.getPrototypeOf(data) === Object.prototype, x: ({}).x, nul: data.nul.length}; }";
    let hostile: Value =
        serde_json::from_str(r#"{"__proto__": {"x": 1}, "constructor": 5, "nul": "\u0000\ud83d\ude00"}"#).unwrap();
    assert_eq!(normalize(script, &hostile), Ok(json!({"proto": true, "nul": 3})));
    let mut deep = json!(1);
    for _ in 0..120 {
        deep = json!([deep]);
    }
    let echo = "function normalize(data) { return {a: data}; }";
    assert_eq!(normalize(echo, &deep), Ok(json!({"a": deep})));
}

#[test]
fn a_script_may_have_both() {
    let script = "var scale = 2; function Decoder(bytes) { return {n: bytes.length * scale}; }
        function normalize(data) { return {n: data.n * scale}; }";
    for _ in 0..5 {
        assert_eq!(super::decode(script), Ok(json!({"n": 8})));
        assert_eq!(normalize(script, &json!({"n": 8})), Ok(json!({"n": 16})));
    }
}

#[test]
fn a_script_is_checked_without_being_called() {
    let fine = "const decodeUplink = (input) => { throw new Error('not called'); };";
    assert_eq!(Sandbox.check(fine, Entry::Decoder), Ok(()));
    for (script, entry, told) in [
        (fine, Entry::Normalize, "the script has no normalize(data, meta)"),
        ("function normalize() {}", Entry::Decoder, "the decoder has neither decodeUplink(input)"),
        ("var decodeUplink = 5;", Entry::Decoder, "the decoder has neither decodeUplink(input)"),
        ("\n\nfunction normalize( {", Entry::Normalize, "normalize threw: "),
        ("for (;;);", Entry::Normalize, "normalize took more than 50 ms"),
        ("\n  throw new Error('early');", Entry::Decoder, "the decoder threw: early (line 2, column 13)"),
        ("function Decoder() {}\0", Entry::Decoder, "the decoder "),
    ] {
        let error = Sandbox.check(script, entry).unwrap_err();
        assert!(error.starts_with(told), "{script}: {error}");
    }
    let unread = Sandbox.check("function normalize() {}\nfunction x( {", Entry::Normalize).unwrap_err();
    assert!(unread.contains("(line 2, column "), "{unread}");
}

#[test]
fn an_error_says_where_also_once_the_engine_is_kept() {
    let script = "function normalize(data) {\n  return {a: data.list\n    .map(one => one.value.first)};\n}";
    for _ in 0..5 {
        assert_eq!(normalize(script, &json!({"list": [{"value": {"first": 1}}]})), Ok(json!({"a": [1]})));
    }
    let error = normalize(script, &json!({"list": [{}]})).unwrap_err();
    assert!(
        error.starts_with("normalize threw: cannot read property 'first' of undefined (line 3, column "),
        "{error}"
    );
}

#[test]
fn what_can_t_be_stopped_costs_its_message_and_its_script() {
    let endless = "function normalize() { return new Array(2 ** 32 - 1).reverse(); }";
    let error = normalize(endless, &json!({})).unwrap_err();
    assert_eq!(error, "the script could not be stopped within 1 s");
    let again = normalize(endless, &json!({})).unwrap_err();
    assert_eq!(again, "the script is not run any more: it could not be stopped before");
    assert_eq!(normalize("function normalize() { return {a: 1}; }", &json!({})), Ok(json!({"a": 1})));
}
