//! Decoders as vendors write them for the network servers of the field.

use super::decode;
use serde_json::{Value, json};

/// The same by itself and once its engine is kept.
fn says(script: &str, expected: &Value) {
    for message in 0..5 {
        assert_eq!(decode(script).as_ref(), Ok(expected), "message {message}: {script}");
    }
}

#[test]
fn ts013_with_warnings_and_the_way_down_beside_it() {
    says(
        "function decodeUplink(input) { return {data: {temperature: (input.bytes[2] - 0x100) / 10}, warnings: ['low'], errors: []}; }
         function encodeDownlink(input) { return {bytes: [1], fPort: 1}; }
         function decodeDownlink(input) { return {data: {}}; }",
        &json!({"temperature": -1.8}),
    );
}

#[test]
fn one_decoder_under_all_its_names() {
    says(
        "function decodeUplink(input) { return {data: milesightDeviceDecode(input.bytes)}; }
         function Decode(fPort, bytes) { return milesightDeviceDecode(bytes); }
         function Decoder(bytes, port) { return milesightDeviceDecode(bytes); }
         function milesightDeviceDecode(bytes) {
             var decoded = {};
             for (var i = 0; i < bytes.length; ) {
                 var channel_id = bytes[i++], channel_type = bytes[i++];
                 if (channel_id === 0x03 && channel_type === 0x67) { decoded.temperature = readInt16LE(bytes.slice(i, i + 2)) / 10; i += 2; }
                 else { break; }
             }
             return decoded;
         }
         function readUInt16LE(bytes) { var value = (bytes[1] << 8) + bytes[0]; return value & 0xffff; }
         function readInt16LE(bytes) { var ref = readUInt16LE(bytes); return ref > 0x7fff ? ref - 0x10000 : ref; }
         if (!Object.assign) { Object.defineProperty(Object, 'assign', {value: function () {}}); }",
        &json!({"temperature": 23.8}),
    );
}

#[test]
fn what_is_exported_is_found() {
    for script in [
        "module.exports = {decodeUplink: function (input) { return {data: {n: input.bytes.length}}; }};",
        "exports.Decoder = (bytes) => ({n: bytes.length});",
        "function decodeUplink(input) { return {data: {n: input.bytes.length}}; }
         if (typeof module !== 'undefined' && module.exports) module.exports = {decodeUplink: decodeUplink};",
        "let decodeUplink = ({bytes}) => ({data: {n: bytes.length}});",
        "\"use strict\"; class Reader { #bytes; constructor(bytes) { this.#bytes = bytes; } get n() { return this.#bytes.length; } }
         const decodeUplink = (input) => { const {n} = new Reader(input.bytes); return {data: {n}}; };",
    ] {
        says(script, &json!({"n": 4}));
    }
}

#[test]
fn a_decoder_as_an_object_with_its_table_and_implicit_globals() {
    says(
        "var Decoding = {factor: 10, read: function (b, i) { return this.convert((b[i + 1] << 8 | b[i]) << 16 >> 16); },
             convert: function (v) { return parseFloat((v / this.factor).toFixed(2)); }};
         function Decode(fPort, bytes, variables) {
             for (i = 0; i < bytes.length; i++) { last = bytes[i]; }
             outer: for (var a = 0; a < 3; a++) { for (var b = 0; b < 3; b++) { if (b == 1) continue outer; if (a == 2) break outer; } }
             switch (fPort) { case 85: var kind = 'report'; break; default: kind = 'other'; }
             return {value: Decoding.read(bytes, 2), last: last, i: i, a: a, kind: kind, args: arguments.length, n: Decode.length};
         }",
        &json!({"value": 23.8, "last": 0, "i": 4, "a": 2, "kind": "report", "args": 3, "n": 3}),
    );
}

#[test]
fn bytes_are_an_array() {
    says(
        "function Decoder(bytes, port) {
            var isArray = Array.isArray(bytes) && bytes instanceof Array;
            var first = bytes.shift(), cut = bytes.splice(0, 1), rest = bytes.slice(-1), joined = bytes.concat([1]).reverse();
            return {isArray, first, cut, rest, joined, sum: bytes.reduce((a, b) => a + b, 0), text: JSON.stringify(bytes)};
        }",
        &json!({"isArray": true, "first": 3, "cut": [103], "rest": [0], "joined": [1, 0, 238], "sum": 238, "text": "[238,0]"}),
    );
}

#[test]
fn numbers_and_bits() {
    says(
        "function Decoder(bytes) { return {
            unsigned: (bytes[2] << 24) >>> 0, signed: bytes[2] << 24, shifted: 1 << 32, float: bytesToFloat([0, 0, 0x80, 0xbf]),
            view: new DataView(new Uint8Array([0x41, 0x20, 0, 0]).buffer).getFloat32(0), f32: new Float32Array(new Uint8Array([0, 0, 0x20, 0x41]).buffer)[0],
            int8: new Int8Array([200])[0], hex: ('0' + (bytes[2] & 0xff).toString(16)).slice(-2), bin: (5).toString(2).padStart(8, '0'),
            parsed: parseInt('ee', 16), fixed: Number((0.1 + 0.2).toFixed(2)), pow: Math.pow(2, -3) + 2 ** 3, trunc: Math.trunc(-1.5),
            big: Number(BigInt('0x' + 'ff'.repeat(4))), nan: NaN, round: Math.round(-0.5), log: Math.round(Math.log10(1000)),
        }; }
        function bytesToFloat(bytes) {
            var bits = bytes[3] << 24 | bytes[2] << 16 | bytes[1] << 8 | bytes[0];
            var sign = bits >>> 31 === 0 ? 1.0 : -1.0, e = bits >>> 23 & 0xff;
            var m = e === 0 ? (bits & 0x7fffff) << 1 : (bits & 0x7fffff) | 0x800000;
            return sign * m * Math.pow(2, e - 150);
        }",
        &json!({
            "unsigned": 3_992_977_408_u32, "signed": -301_989_888, "shifted": 1, "float": -1, "view": 10, "f32": 10, "int8": -56,
            "hex": "ee", "bin": "00000101", "parsed": 238, "fixed": 0.3, "pow": 8.125, "trunc": -1, "big": 4_294_967_295_u32,
            "nan": null, "round": 0, "log": 3,
        }),
    );
}

#[test]
fn texts_times_and_collections() {
    says(
        "function Decoder(bytes) {
            const seen = new Map([['a', 1]]); for (const byte of bytes) seen.set(byte, true);
            let {a = 7, ...others} = {b: 2, c: 3};
            function* twice() { yield* [1, 2]; }
            String.prototype.reversed = function () { return this.split('').reverse().join(''); };
            return {
                text: String.fromCharCode.apply(null, [72, 105]), uri: decodeURIComponent(escape('\\u00c3\\u00a9')),
                date: new Date(Date.UTC(2023, 6, 6)).toISOString(), year: new Date(1688624046000).getUTCFullYear(),
                template: `${bytes.length} bytes`, size: seen.size, a, others, spread: [...twice(), ...bytes.slice(0, 1)],
                assigned: Object.assign({}, {x: 1}, {y: 2}), entries: Object.entries({k: 'v'}), named: /(?<n>\\d+)/.exec('a12').groups.n,
                replaced: 'a-b-c'.replace(/-/g, ''), includes: 'abc'.includes('b'), reversed: 'abc'.reversed(), nullish: null ?? 5,
                chained: ({}).a?.b === undefined, timers: typeof setTimeout + typeof require + typeof process + typeof Buffer,
            };
        }",
        &json!({
            "text": "Hi", "uri": "é", "date": "2023-07-06T00:00:00.000Z", "year": 2023, "template": "4 bytes", "size": 5, "a": 7,
            "others": {"b": 2, "c": 3}, "spread": [1, 2, 3], "assigned": {"x": 1, "y": 2}, "entries": [["k", "v"]], "named": "12",
            "replaced": "abc", "includes": true, "reversed": "cba", "nullish": 5, "chained": true,
            "timers": "undefined".repeat(4),
        }),
    );
}
