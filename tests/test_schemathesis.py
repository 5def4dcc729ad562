"""The API and its document agree, as far as somebody else's tool can tell: schemathesis with all its checks.

It makes requests of the document, valid ones and wrong ones, follows the links from what was made to what can be done with
it, and holds each answer to the document. The seed is fixed, and so is how many requests there are of each operation. It
runs in a tenant of its own, in an environment of its own (`tests/fuzz`).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from api import Api
from cloud import ROOT, Cloud

from exchange import ask, problem
from second_tenant import key_of

FUZZ = Path(__file__).with_name("fuzz")
PROGRAM = ROOT / ".local" / "venv-schemathesis" / "bin" / "schemathesis"
# It takes about a minute; what hangs is not waited for.
LIMIT_SECONDS = 900
# Which links are followed differs from run to run; of the 87 there are, far more than this are.
LINKS_FOLLOWED = 12


def test_the_api_is_as_documented(cloud: Cloud, api: Api, tmp_path: Path) -> None:
    program = Path(os.environ.get("SCHEMATHESIS", PROGRAM))
    assert program.is_file(), f"{program} is missing: make setup-schemathesis"
    key = key_of(api, "schemathesis", ["admin", "operator"])
    fuzzed = Api(api.base, key)
    # A type whose events may have anything in them, so that what is published is not always refused.
    fuzzed.call("POST", "/v1/event-types", {"name": "fuzz.thing", "example": {"a": 1}})
    types = [one["name"] for one in fuzzed.every("/v1/event-types")]
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(tmp_path),
        "PYTHONPATH": str(FUZZ),
        "SCHEMATHESIS_HOOKS": "hooks",
        "SPACEHOOK_KEY": key,
        "SPACEHOOK_EVENT_TYPES": " ".join(types),
    }
    command = [str(program), "--config-file", str(FUZZ / "schemathesis.toml"), "run", f"{api.base}/openapi.json"]
    command += ["--url", api.base, "--no-color"]
    ended = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
    )
    # Its subscriptions are many, and their receivers are not there: nothing is tried any more.
    api.call("POST", "/v1/tenants/schemathesis/suspend")
    # Shown with the failure, or with `pytest -s`.
    sys.stdout.write(ended.stdout)
    assert ended.returncode == 0, f"{ended.stdout[-20_000:]}\n{ended.stderr[-2_000:]}"
    # Else much of what was asked was refused, and showed nothing.
    problem(ask(fuzzed, "GET", "/v1/api-keys/self"), 403, "tenant-suspended")
    followed = re.search(r"API Links: +(\d+) covered", ended.stdout)
    assert followed and int(followed[1]) >= LINKS_FOLLOWED, "what was made is followed to what can be done with it"
