//! What one message does to the language, the next doesn't see.

use super::decode;
use crate::scripts::is_kept;
use serde_json::{Value, json};

/// Answers of a script that looks, and then spoils, message after message. It is kept at the end, or it is not.
fn spoiled(spoil: &str, look: &str) -> (Vec<Value>, bool) {
    let script = format!(
        "function Decoder(bytes) {{ var seen; try {{ seen = String({look}); }} catch (e) {{ seen = 'threw ' + e; }}
         {spoil}; return {{seen: seen}}; }}"
    );
    let answers = (0..5).map(|_| decode(&script).unwrap_or_else(|error| panic!("{script}: {error}"))).collect();
    (answers, is_kept(&script))
}

#[test]
fn what_is_added_or_replaced_is_put_back_and_the_engine_kept() {
    for (spoil, look) in [
        ("counter = (globalThis.counter || 0) + 1", "typeof counter"),
        ("this.counter = 1", "typeof counter"),
        ("globalThis[Symbol.for('x')] = 1", "globalThis[Symbol.for('x')]"),
        ("Symbol.prototype.x = 1", "Symbol('y').x"),
        ("Object.prototype.leaked = 1", "({}).leaked"),
        ("Object.defineProperty(Object.prototype, 'l', {get() { return 7; }, configurable: true})", "({}).l"),
        ("Object.defineProperty(Object.prototype, 'l', {value: 7, configurable: true})", "({}).l"),
        ("Object.prototype[Symbol.toStringTag] = 'x'", "({})"),
        ("Object.prototype.toString = function () { return 'x'; }", "({})"),
        ("Array.prototype.slice = null", "typeof bytes.slice"),
        ("Array.prototype[Symbol.iterator] = null", "[...bytes].length"),
        ("Array.prototype[3] = 5; Array.prototype.length = 9", "[Array.prototype.length, [][3]]"),
        ("Array.prototype.last = function () { return this[this.length - 1]; }", "typeof bytes.last"),
        ("Array.from = null; Array.x = 1", "[typeof Array.from, Array.x]"),
        ("Function.prototype.call = null; Function.prototype.x = 1", "[typeof (() => 1).call, (() => 1).x]"),
        ("String.prototype.padStart = null; String.prototype.x = 1", "['1'.x, typeof '1'.padStart]"),
        ("Number.prototype.toFixed = null; Number.MAX = 1", "[Number.MAX, typeof (1).toFixed]"),
        ("Boolean.prototype.x = 1; BigInt.prototype.x = 1", "[true.x, 1n.x]"),
        ("Date = function () {}", "typeof Date.now"),
        ("Date.prototype.toISOString = null; Date.now = null", "[typeof Date.now, typeof new Date(0).toISOString]"),
        ("RegExp.prototype.exec = null; RegExp.prototype.x = 1", "[/a/.x, /a/.test('a')]"),
        (
            "Math.floor = null; Math.x = 1; JSON.stringify = null; Reflect.ownKeys = null",
            "[Math.x, typeof Math.floor, typeof JSON.stringify, typeof Reflect.ownKeys]",
        ),
        ("Error.prototype.message = 'x'; TypeError.prototype.name = 'y'", "new TypeError()"),
        ("Map.prototype.get = null; Set.prototype.x = 1", "[typeof new Map().get, new Set().x]"),
        (
            "WeakMap.prototype.x = 1; WeakSet.prototype.x = 1; Promise.prototype.x = 1",
            "[new WeakMap().x, new WeakSet().x, Promise.prototype.x]",
        ),
        (
            "Uint8Array.prototype.x = 1; Object.getPrototypeOf(Uint8Array).y = 1; Object.getPrototypeOf(Uint8Array.prototype).z = 1",
            "[new Uint8Array(1).x, Float32Array.y, new Int8Array(1).z]",
        ),
        (
            "DataView.prototype.getFloat32 = null; ArrayBuffer.prototype.x = 1",
            "[typeof DataView.prototype.getFloat32, new ArrayBuffer(1).x]",
        ),
        ("Object.getPrototypeOf([].values()).next = null", "[...bytes].length"),
        ("Object.getPrototypeOf(''[Symbol.iterator]()).x = 1", "''[Symbol.iterator]().x"),
        ("Object.getPrototypeOf(new Map().keys()).x = 1", "new Map().keys().x"),
        ("Object.getPrototypeOf(new Set().keys()).x = 1", "new Set().keys().x"),
        ("Object.getPrototypeOf('a'.matchAll(/a/g)).x = 1", "'a'.matchAll(/a/g).x"),
        ("Object.getPrototypeOf(function* () {}).x = 1", "(function* () {}).x"),
        ("Object.getPrototypeOf(function* () {}).prototype.x = 1", "(function* () {})().x"),
        ("Object.getPrototypeOf(Object.getPrototypeOf([].values())).x = 1", "[].values().x"),
        ("Object.getPrototypeOf([].values().map(a => a)).x = 1", "[].values().map(a => a).x"),
        ("Object.getPrototypeOf(Iterator.from({next() {}})).x = 1", "Iterator.from({next() {}}).x"),
        ("Object.getPrototypeOf(Iterator.concat([])).x = 1", "Iterator.concat([]).x"),
        ("Object.getPrototypeOf(async function () {}).x = 1", "(async function () {}).x"),
        ("Object.getPrototypeOf(async function* () {}).x = 1", "(async function* () {}).x"),
        ("Object.getPrototypeOf((async function* () {})()).x = 1", "(async function* () {})().x"),
        (
            "Object.getPrototypeOf(Object.getPrototypeOf(Object.getPrototypeOf((async function* () {})()))).x = 1",
            "(async function* () {})().x",
        ),
        ("console.log = 5; console.x = 1", "[typeof console.log, console.x]"),
        ("module.exports.x = 1; exports.y = 1; module.z = 1", "[module.exports.x, exports.y, module.z]"),
        ("Math.max.x = 1", "Math.max.x"),
        ("bytes.slice.x = 1; Decoder.x = (Decoder.x || 0) + 1", "[bytes.slice.x, Decoder.x]"),
        ("var pattern = /a/g; pattern.test('aa'); pattern.compile && 0", "/a/g.lastIndex"),
        ("(a => a)`t`; Symbol.for('kept')", "(a => Object.isFrozen(a))`t`"),
        ("new Function('leaked = 1; var own = 2')()", "typeof leaked + typeof own"),
        ("delete globalThis.Date; delete Array.prototype.map", "typeof Date + typeof [].map"),
    ] {
        let (answers, is_kept) = spoiled(spoil, look);
        assert!(answers.iter().all(|answer| answer == &answers[0]), "{spoil}: {answers:?}");
        assert!(is_kept, "{spoil}");
    }
}

#[test]
fn what_can_t_be_put_back_ends_the_engine() {
    for (spoil, look) in [
        ("Object.freeze(Object.prototype)", "Object.isFrozen(Object.prototype)"),
        ("Object.preventExtensions(Array.prototype)", "Object.isExtensible(Array.prototype)"),
        ("Object.seal(globalThis)", "Object.isExtensible(globalThis)"),
        (
            "Object.defineProperty(Array.prototype, 'slice', {writable: false})",
            "Object.getOwnPropertyDescriptor(Array.prototype, 'slice').writable",
        ),
        ("Object.defineProperty(Object.prototype, 'l', {value: 7})", "({}).l"),
        ("Object.defineProperty(globalThis, 'l', {get() { for (;;); }})", "'l' in globalThis"),
        ("Object.setPrototypeOf(Array.prototype, {x: 1})", "[].x"),
        ("Object.setPrototypeOf(Uint8Array, {x: 1})", "Uint8Array.x"),
        ("Object.setPrototypeOf(globalThis, {x: 1})", "typeof x"),
        ("(0, eval)('let hidden = 1')", "typeof hidden"),
        ("try { globalThis['ev' + 'al']('let hidden = 1') } catch (e) {}", "typeof hidden"),
        ("try { \\u0065val('1'); (0, \\u0065val)('const hidden = 1') } catch (e) {}", "typeof hidden"),
        ("Error.stackTraceLimit = 0", "Error.stackTraceLimit"),
        ("Error.prepareStackTrace = function (e, frames) { return 'x'; }", "new Error('a').stack === 'x'"),
        ("Promise.resolve().then(() => { leaked = 1; })", "typeof leaked"),
        ("(async () => { await 1; leaked = 1; })()", "typeof leaked"),
    ] {
        let (answers, is_kept) = spoiled(spoil, look);
        assert!(answers.iter().all(|answer| answer == &answers[0]), "{spoil}: {answers:?}");
        assert!(!is_kept, "{spoil}");
    }
}

#[test]
fn variables_are_new_for_each_message() {
    let script = "let calls = 0; var list = []; const once = () => list.push(++calls); class Counted { static n = 0; }
        var pattern = /./g;
        function decodeUplink(input) {
            once(); once(); Counted.n++; implicit = typeof implicit === 'undefined' ? 1 : 2; pattern.exec('ab');
            decodeUplink.calls = (decodeUplink.calls || 0) + 1;
            return {data: {list, n: Counted.n, implicit, at: pattern.lastIndex, calls: decodeUplink.calls}};
        }";
    for _ in 0..5 {
        assert_eq!(decode(script), Ok(json!({"list": [1, 2], "n": 1, "implicit": 1, "at": 1, "calls": 1})));
    }
    assert!(is_kept(script));
}

#[test]
fn what_a_script_sees_only_by_itself_it_is_run_for_by_itself() {
    for script in [
        "var offset = 3; function Decoder() { return {n: this.offset}; }",
        "var offset = 3; function Decoder() { return {n: globalThis.offset}; }",
        "function offset() { return 3; } function Decoder() { return {n: this['off' + 'set']()}; }",
        "var offset = 3; function Decoder() { return {n: new Function('return offset')()}; }",
        "var offset = 3; function Decoder() { return {n: (0, eval)('offset')}; }",
        "#! /usr/bin/env node\nfunction Decoder() { return {n: 3}; }",
    ] {
        for _ in 0..5 {
            assert_eq!(decode(script), Ok(json!({"n": 3})), "{script}");
        }
        assert!(!is_kept(script), "{script}");
    }
}

#[test]
fn a_script_can_t_end_the_function_around_it() {
    for script in [
        "}}).script; leaked = 1; ({script(){ function Decoder() { return {}; }",
        "return [() => ({})];",
        "function Decoder() { return {}; } /*",
        "function Decoder() { return {}; } `",
        "function Decoder() { return {}; } (",
    ] {
        assert!(decode(script).is_err(), "{script}");
        assert!(!is_kept(script), "{script}");
    }
    for script in [
        "function Decoder() { return {a: 1}; } // }",
        "function Decoder() { return {a: 1}; }\n<!-- }",
        "'use strict'; function Decoder() { return {a: 1}; }",
    ] {
        for _ in 0..3 {
            assert_eq!(decode(script), Ok(json!({"a": 1})), "{script}");
        }
        assert!(is_kept(script), "{script}");
    }
}

#[test]
fn a_failure_ends_the_engine_and_costs_its_message() {
    let script = "function Decoder(bytes) { if (globalThis.spoiled) return {}; 
        if (Date.prototype.x) throw 'seen'; Date.prototype.x = 1; return {a: [].concat(bytes).length}; }";
    for _ in 0..3 {
        assert_eq!(decode(script), Ok(json!({"a": 4})));
    }
    let failing = "function Decoder(bytes) { if (bytes.length === 4) return {a: 1}; Array.prototype.x = 1; throw new Error('short'); }";
    for _ in 0..3 {
        assert_eq!(decode(failing), Ok(json!({"a": 1})));
    }
    assert!(is_kept(failing));
    let error = crate::scripts::run(failing, &crate::call::Call::decode(&super::uplink(&[]))).unwrap_err();
    assert_eq!(error, "the decoder threw: short (line 1, column 99)");
    assert!(!is_kept(failing));
    assert_eq!(decode(failing), Ok(json!({"a": 1})));
}
