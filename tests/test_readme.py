"""The session in the README does what it says: exactly that text, run by a shell."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest
from api import Api, Problem
from cloud import ROOT, Cloud
from environment import REGION
from receiver import Arrival, Receiver

# Three attempts, the third 30 s after the second, and what a loaded machine adds.
LIMIT_SECONDS = 180


def _session(heading: str) -> str:
    """The block of code under a heading."""
    found = re.search(rf"^### {re.escape(heading)}\n.*?^```bash\n(.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)
    assert found, f"README.md has no session under {heading!r}"
    return found[1]


@pytest.fixture
def forgotten(api: Api) -> Iterator[None]:
    """What the session makes is gone afterwards: its names are those of an example, and not of a test."""
    yield
    for subscription in api.every("/v1/subscriptions"):
        if subscription["name"] == "Room booking":
            api.call("DELETE", f"/v1/subscriptions/{subscription['id']}")
    for path in ("/v1/sensors/VS0-123", "/v1/buildings/hq/spaces/room-101", "/v1/buildings/hq"):
        with contextlib.suppress(Problem):
            api.call("DELETE", path)


def _refuse(_: Arrival) -> tuple[int, bytes]:
    return 422, b"no such room"


@pytest.mark.usefixtures("forgotten")
@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="needs bash and curl")
def test_from_nothing_to_a_replayed_delivery(cloud: Cloud, api: Api, receiver: Receiver) -> None:
    spaces = receiver.inbox("/readme/spaces")
    broken = receiver.inbox("/readme/broken", _refuse)
    variables = {
        "PATH": os.environ.get("PATH", os.defpath),
        "API": api.base,
        "KEY": str(api.key),
        "IOT": cloud.endpoint,
        "RECEIVER": receiver.url("/readme"),
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": REGION,
    }
    script = "set -euo pipefail\n" + _session("From nothing to a replayed delivery")
    ended = subprocess.run(
        ["bash", "-c", script], env=variables, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
    )
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"

    heard, refused = [list(inbox.arrivals) for inbox in (spaces, broken)]
    assert [arrival.json()["person_count"] for arrival in heard] == [2, 3], "what was missed came in the end"
    assert len(refused) == 3 and {arrival.event_id for arrival in refused} == {heard[1].event_id}
