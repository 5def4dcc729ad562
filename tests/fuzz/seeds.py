"""Seeds for `make fuzz`: the samples of `events/` to every profile, every built-in recipe with every sample, and scripts."""

import base64
import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# More than there are profiles: the first byte counts modulo their number.
PROFILES = 32


# What decoders do, and what they should not.
SCRIPTS = [
    b"function decodeUplink(i) { return {data: {a: i.bytes[0], n: i.bytes.length, p: i.fPort}}; }",
    b"var k = 0; function Decode(p, b) { k++; return {k: k, s: b.map(function (x) { return x.toString(16); }).join('')}; }",
    b"let o = {}; function Decoder(b, p) { o[p] = (o[p] || 0) + b[0]; return Object.assign({x: 1 << 31 >>> 0}, o); }",
    b"Array.prototype.sum = function () { return this.reduce((a, b) => a + b, 0); };"
    b"function decodeUplink(i) { return {data: {s: i.bytes.sum(), t: typeof globalThis.z, z: (globalThis.z = 1)}}; }",
    b"function decodeUplink(i) { try { Object.defineProperty(Object.prototype, 'q', {value: 1, writable: true}); }"
    b" catch (e) { return {data: {e: String(e)}}; } return {data: {q: ({}).q}}; }",
    b"function decodeUplink(i) { return {data: JSON.parse('{\"a\":[1,2,{\"b\":null}]}')}; }",
    b"function decodeUplink(i) { if (i.fPort !== 85) return; throw new RangeError('x'); }",
]


def write(directory: Path, number: int, seed: bytes) -> None:
    (directory / f"seed-{number:04}").write_bytes(seed)


def definition(path: Path) -> bytes:
    """The recipe of a built-in profile, without what is said about it."""
    profile = json.loads(path.read_text())
    return json.dumps({name: profile[name] for name in profile if name not in ("name", "title", "source")}).encode()


def main(corpus: Path) -> None:
    events = [json.loads(path.read_text()) for path in sorted((ROOT / "events").glob("ingest-*.json"))]
    samples = [base64.b64decode(event["payload_base64"]) for event in events]
    recipes = [definition(path) for path in sorted((ROOT / "shared/domain/src/profile/built_in").glob("*.json"))]
    for name in ("messages", "recipes", "scripts"):
        (corpus / name).mkdir(parents=True, exist_ok=True)
    for number, (profile, sample) in enumerate((p, s) for p in range(PROFILES) for s in samples):
        write(corpus / "messages", number, bytes([profile]) + sample)
    for number, (recipe, sample) in enumerate((r, s) for r in recipes for s in samples):
        write(corpus / "recipes", number, recipe + b"\0" + sample)
    for number, script in enumerate(SCRIPTS):
        write(corpus / "scripts", number, script + b"\0" + bytes(range(1, 12)))


main(Path(sys.argv[1]))
