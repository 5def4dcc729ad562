use super::*;
use std::time::Instant;

mod dialects;
mod isolation;
mod normalizing;
use serde_json::json;
use std::collections::BTreeMap;

fn uplink(bytes: &[u8]) -> Uplink {
    Uplink {
        bytes: bytes.to_vec(),
        f_port: Some(85),
        received_at: "2026-02-02T14:19:00Z".parse().unwrap(),
        variables: BTreeMap::from([("device".to_owned(), "vs321".to_owned())]),
    }
}

fn decode(script: &str) -> Result<Value, String> {
    // On this thread, where it can be seen what is kept.
    answer::of_decoder(&scripts::run(script, &Call::decode(&uplink(&[3, 0x67, 0xEE, 0])))?)
}

#[test]
fn the_three_entry_points_are_called_as_they_are_elsewhere() {
    let today =
        "function decodeUplink(input) { return {data: {b: input.bytes, p: input.fPort, t: input.recvTime.toISOString(),
        v: input.variables.device}, warnings: [], errors: []}; }";
    let expected = json!({"b": [3, 103, 238, 0], "p": 85, "t": "2026-02-02T14:19:00.000Z", "v": "vs321"});
    assert_eq!(decode(today), Ok(expected));
    let chirpstack =
        "function Decode(fPort, bytes, variables) { return {p: fPort, n: bytes.length, v: variables.device}; }";
    assert_eq!(decode(chirpstack), Ok(json!({"p": 85, "n": 4, "v": "vs321"})));
    let ttn = "function Decoder(bytes, port) { return {p: port, n: bytes.length}; }";
    assert_eq!(decode(ttn), Ok(json!({"p": 85, "n": 4})));
}

#[test]
fn the_language_is_whole_and_not_strict() {
    let script = r"
        implicit = 1;                                   // no declaration
        function decodeUplink(input) {
            hoisted = later; var later = 5;             // var hoisting
            console.log('ignored', input);
            var self = this;                            // the global object
            var signed = (input.bytes[2] << 24) >> 24;  // bit operations on 32 bits
            var padded = (9).toString(16).padStart(4, '0').toUpperCase();
            var bytes = new Uint8Array([0, 0, 0xc0, 0x3f]);
            var float = new DataView(bytes.buffer).getFloat32(0, true);
            var date = new Date(1688624046 * 1000).toISOString();
            with ({inside: 7}) { var fromWith = inside; }
            return {data: {hoisted: hoisted === undefined, global: self === globalThis, implicit: implicit, signed: signed,
                padded: padded, float: float, date: date, fromWith: fromWith, octal: 010,
                unsigned: (0x80000000 >>> 0), regexp: /(\d+)-(\d+)/.exec('12-34')[2], buffer: typeof Buffer,
                sorted: [...new Set([3, 1, 2])].sort(), joined: input.bytes.slice(0, 2).map(b => ('0' + b.toString(16)).slice(-2)).join('')}};
        }";
    let expected = json!({
        "hoisted": true, "global": true, "implicit": 1, "signed": -18, "padded": "0009", "float": 1.5,
        "date": "2023-07-06T06:14:06.000Z", "fromWith": 7, "octal": 8, "unsigned": 2_147_483_648_u32, "regexp": "34",
        "buffer": "undefined", "sorted": [1, 2, 3], "joined": "0367",
    });
    assert_eq!(decode(script), Ok(expected));
}

#[test]
fn hostile_decoders_are_stopped_and_cost_their_own_message() {
    let endless = "the decoder took more than 50 ms";
    for (script, told) in [
        ("for (;;);", endless),
        ("function decodeUplink() { for (;;); }", endless),
        ("function decodeUplink() { try { for (;;); } catch (e) { for (;;); } finally { for (;;); } }", endless),
        ("function decodeUplink() { return /(a+)+$/.test('a'.repeat(60) + 'b'); }", endless),
        ("function decodeUplink() { return {data: {toJSON() { for (;;); }}}; }", endless),
        (
            "function decodeUplink() { var a = []; for (;;) a.push(new Uint8Array(1e6)); }",
            "the decoder threw: out of memory",
        ),
        ("function decodeUplink() { return new ArrayBuffer(1e9); }", "the decoder threw: out of memory"),
        ("function decodeUplink() { return 'x'.repeat(1e9); }", "the decoder threw: "),
        ("function decodeUplink() { return decodeUplink(); }", "the decoder threw: Maximum call stack size exceeded"),
        ("function decodeUplink() { throw 5; }", "the decoder threw: 5"),
        ("function decodeUplink() { throw 'no'; }", "the decoder threw: no"),
        ("function decodeUplink() { throw {toString() { for (;;); }}; }", "the decoder threw: a value of type object"),
        ("function decodeUplink() { throw null; }", "the decoder threw: a value of type null"),
        ("function decodeUplink() { throw new Error('x'.repeat(1000)); }", "the decoder threw: xxx"),
        ("function decodeUplink() { var a = {}; a.a = a; return {data: a}; }", "the decoder threw: circular reference"),
        ("function decodeUplink() { return {data: {a: 'x'.repeat(300000)}}; }", "the decoder answered 300"),
        ("function decodeUplink() {", "the decoder threw: "),
        ("var nothing;", "the decoder has neither decodeUplink(input)"),
        ("function decodeUplink() { return 5; }", "the decoder must answer an object"),
        ("function decodeUplink() { return {data: 5}; }", "the decoder's data must be an object"),
        (
            "function decodeUplink() { return {data: {}, errors: ['unknown', {port: 1}]}; }",
            "the decoder says: unknown; {\"port\":1}",
        ),
        (
            "async function decodeUplink() { return {data: {}}; }",
            "the decoder answered a promise: it must not be async",
        ),
        (
            "async function* decodeUplink() { yield 1; }\ndecodeUplink().next(); import('x'); throw 1",
            "the decoder threw: 1",
        ),
        (
            "function decodeUplink() { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); }",
            "the decoder threw: ",
        ),
        ("function decodeUplink() { return std; }", "the decoder threw: std is not defined"),
        ("function decodeUplink() { return fetch('http://127.0.0.1'); }", "the decoder threw: fetch is not defined"),
    ] {
        let began = Instant::now();
        let error = decode(script).unwrap_err();
        assert!(error.starts_with(told), "{script}: {error}");
        assert!(error.chars().count() < 260, "{script}: {error}");
        assert!(began.elapsed() < TIME_LIMIT * 40, "{script}: {:?}", began.elapsed());
    }
    assert_eq!(decode("function Decoder() { return {a: 1}; }"), Ok(json!({"a": 1})));
}

#[test]
fn a_decoder_may_say_nothing() {
    for source in [
        "function decodeUplink() { }",
        "function decodeUplink() { return null; }",
        "function decodeUplink() { return {data: null, warnings: ['another port']}; }",
        "function Decode(fPort, bytes) { if (fPort == 200) return {data: {}}; }",
        "function Decoder(bytes, port) { return undefined; }",
    ] {
        // The plain way, and the kept one.
        for _ in 0..5 {
            assert_eq!(decode(source), Ok(Value::Null), "{source}");
        }
    }
}

#[test]
fn a_message_leaves_nothing_to_the_next() {
    let pollutes = "Object.prototype.leaked = 1; Array.prototype.slice = null; JSON.stringify = null; counter = 1;
        function Decoder() { return {counted: counter++}; }";
    assert_eq!(decode(pollutes), Ok(json!({"counted": 1})));
    assert_eq!(decode(pollutes), Ok(json!({"counted": 1})));
    let looks = "function Decoder(bytes) { return {leaked: typeof {}.leaked, slice: typeof bytes.slice, counter: typeof counter}; }";
    assert_eq!(decode(looks), Ok(json!({"leaked": "undefined", "slice": "function", "counter": "undefined"})));
}

#[test]
fn deep_answers_are_refused_rather_than_read() {
    let deep = "function Decoder() { var a = {}; for (var i = 0; i < 2000; i++) a = {a: a}; return a; }";
    let error = decode(deep).unwrap_err();
    assert!(error.contains("can't be read") || error.contains("threw"), "{error}");
}
