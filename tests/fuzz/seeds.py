"""Seeds for `make fuzz`: the samples of `events/` to every profile, and every built-in recipe with every sample."""

import base64
import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# More than there are profiles: the first byte counts modulo their number.
PROFILES = 32


def write(directory: Path, number: int, seed: bytes) -> None:
    (directory / f"seed-{number:04}").write_bytes(seed)


def main(corpus: Path) -> None:
    events = [json.loads(path.read_text()) for path in sorted((ROOT / "events").glob("ingest-*.json"))]
    samples = [base64.b64decode(event["payload_base64"]) for event in events]
    recipes = [path.read_bytes() for path in sorted((ROOT / "shared/domain/src/profile/built_in").glob("*.json"))]
    for name in ("messages", "recipes"):
        (corpus / name).mkdir(parents=True, exist_ok=True)
    for number, (profile, sample) in enumerate((p, s) for p in range(PROFILES) for s in samples):
        write(corpus / "messages", number, bytes([profile]) + sample)
    for number, (recipe, sample) in enumerate((r, s) for r in recipes for s in samples):
        write(corpus / "recipes", number, recipe + b"\0" + sample)


main(Path(sys.argv[1]))
